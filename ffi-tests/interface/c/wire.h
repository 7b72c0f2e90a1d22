/*
 * A client and a server in one program, bound to the two ends of a connection.
 */

#ifndef WIRE_H
#define WIRE_H

#include <netinet/in.h>
#include <pthread.h>

#include "pair.h"

typedef struct {
    int fds[2];
    bool tcp; /* what was sent takes a moment */
    tls_session_t *client;
    tls_session_t *server;
} wire_t;

/* What sessions are made with: OWN, and what a test adds. */
extern uint32_t socket_flags;

const char *version_name(uint32_t protocol);

/* A listener on a port that the system chooses; `*address` tells it. */
int listen_on_loopback(int backlog, struct sockaddr_in *address);

/* Two connected, non-blocking sockets, without sessions. */
wire_t wire_pair(bool tcp);

/* Two sessions on non-blocking sockets, over TCP or a socket pair; the server is "localhost" to the client. */
wire_t wire_on(tls_context_t *client, tls_context_t *server, bool tcp);
wire_t wire_open(const setup_t *client, const setup_t *server, bool tcp);

/* The same with the handshake done; ends the program where that fails. */
wire_t wire_established(uint32_t protocol, bool tcp);
void wire_close(wire_t *wire);

void set_blocking(int fd, bool blocking);

/* Whether it says to wait for the socket. */
bool waits(tls_status_t status);

/* One call of the handshake; the default verdict is given where it is asked for. */
tls_status_t step(tls_session_t *session);

/* Runs both until both are complete, or neither's socket is ready. */
bool run(wire_t *wire);

/*
 * The handshake, over TCP. The end that is complete first (in TLS 1.3 the client, in TLS 1.2 the server) sends data before the
 * other has seen its last message. Tells the other, complete too.
 */
tls_session_t *run_and_speak(wire_t *wire, uint32_t protocol, const uint8_t *data, size_t len);

/* Reads until there is nothing to read and `len` bytes have come; the status that ended it. */
tls_status_t read_until(tls_session_t *session, bytes_t *into, size_t len);

/* The same until there is an end. */
tls_status_t read_to_end(tls_session_t *session, bytes_t *into);

/* One thread's part of a conversation. */
typedef struct {
    tls_session_t *session;
    const uint8_t *data;
    size_t len;
    pthread_barrier_t *all_there; /* where nobody may close before; or NULL */
    bytes_t received;
    tls_status_t status;
} half_t;

/* Sends 2 MB each way and closes, a reader and a writer thread on either side. */
void converse_in_threads(wire_t *wire, uint32_t protocol);

spantls_session_stats_t stats_of(const tls_session_t *session);
void expect_text(const bytes_t *bytes, const char *text);

#endif

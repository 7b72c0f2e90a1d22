/*
 * What a library of the comparison does for work.c, which measures all of them: one file for each family of libraries, each
 * linked with work.c into a program of its own.
 *
 * A function that fails ends the program with fail(). Spans hold whole records: what is passed in is all taken.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_HOST "localhost"
#define PEER_TICKETS 2

struct peer_settings {
    bool tls13;
    uint16_t suite;  /* IANA's number, as the next */
    uint16_t group;
    bool mutual;
    /* False: the client keeps no tickets; in TLS 1.2 it also asks for none, in TLS 1.3 the server sends them all the same. */
    bool resume;
    /* How the library reaches its bytes, where it has more than one way; NULL: as its documentation shows it. */
    const char *way;
    /* PEM files: the server's chain and key, the client's, and the root that both trust. */
    const char *server_chain, *server_key, *client_chain, *client_key, *root;
};

/* What a session has negotiated: 0 in a field that the library does not report. */
struct peer_facts {
    bool tls13;
    uint16_t suite;
    uint16_t group;
    bool resumed;
    /* The library itself has judged the peer's chain and name, in this session or in the one that it resumes. */
    bool judged;
};

/* "OpenSSL 3.0.19": the library's own name and version. */
const char *peer_version(void);
/* Makes both contexts; those of an earlier call are freed. False: the library cannot be held to these settings. */
bool peer_open(const struct peer_settings *settings);

void *peer_new(bool server);
/* A server that reads and writes a non-blocking socket itself: its calls get no spans. NULL where a file does not define it. */
void *peer_new_on_socket(int socket);
/* Takes all of the input; writes what is to be sent. True once the handshake is complete on this side. */
bool peer_handshake(void *session, uint8_t *in, size_t in_len, uint8_t *out, size_t out_cap, size_t *written);
size_t peer_encrypt(void *session, const uint8_t *text, size_t text_len, uint8_t *out, size_t out_cap);
/* It may write to the input, where it opens a record in place. */
size_t peer_decrypt(void *session, uint8_t *in, size_t in_len, uint8_t *text, size_t text_cap);
struct peer_facts peer_facts(void *session);
/* The session's end, without a close_notify. */
void peer_free(void *session);

/* The tickets of TLS 1.3 that clients have received since the program began, if the library counts them. */
unsigned long peer_tickets(void);

/* In work.c. A call into the library, counted. */
extern unsigned long peer_calls;
#define LIB(call) (peer_calls++, (call))

#if defined(__GNUC__)
__attribute__((noreturn, format(printf, 1, 2)))
#endif
void fail(const char *format, ...);

#endif

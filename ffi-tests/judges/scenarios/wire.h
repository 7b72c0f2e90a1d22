/*
 * A session and its TCP connection: over spans, or bound to the socket. All calls wait as long as they must; a peer that is
 * silent for half a minute ends the program.
 */

#ifndef WIRE_H
#define WIRE_H

#include <spantls.h>
#include <stdbool.h>

typedef struct {
    tls_session_t *session;
    int fd;
    bool bound;   /* the socket's functions, not the spans' */
    size_t chunk; /* no more bytes are received, or written to, in one call */
    uint8_t inbox[SPANTLS_MAX_RECORD + 1024];
    size_t inbox_len;
    bool ended; /* the peer has ended its side of the connection */
} wire_t;

/* One step: COMPLETE, a question, CLOSED or an error; never WANT_READ and WANT_WRITE. */
tls_status_t wire_handshake(wire_t *wire);

/* At least one byte of plaintext with COMPLETE; a question, CLOSED or an error. */
tls_status_t wire_read(wire_t *wire, uint8_t *room, size_t cap, size_t *out_len);

tls_status_t wire_write(wire_t *wire, const uint8_t *data, size_t len);
tls_status_t wire_update_keys(wire_t *wire);
tls_status_t wire_request_certificate(wire_t *wire);

/* Sends close_notify. */
tls_status_t wire_close(wire_t *wire);

/* Sends what is owed, ends our side of the connection and reads to the end of the peer's, so that no alert is lost. */
void wire_linger(wire_t *wire);

/* Waits until the socket is readable or writable. */
void wire_wait(int fd, short events);

#endif

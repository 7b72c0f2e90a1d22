/*
 * A session and its connection to the runner. Spans go in and out as `tls_session_t` says, or, with our own flag `-bound`, the session
 * is bound to its socket.
 */

#ifndef SPANTLS_BOGO_LINK_H
#define SPANTLS_BOGO_LINK_H

#include "flags.h"

typedef struct {
    const config_t *config;
    bool is_resumption;
    /* A server's, which it chooses when it has seen the ClientHello; else NULL. */
    tls_context_t *chosen;
    /* What a client answers when it is asked; NULL for none. */
    tls_credentials_t *on_demand;
    tls_session_t *session;
    int fd;
    /* Of what was received, the session sees as much as is `visible`: with `-async` one byte more at each call. */
    uint8_t inbox[SPANTLS_MAX_RECORD];
    size_t inbox_len, visible;
    bool ended;
} link_t;

/* Connects to the runner and says which test this is. */
int connect_to_runner(const config_t *config);

/* All of these return the status with which they stopped: COMPLETE, CLOSED, or a failure. */
tls_status_t link_handshake(link_t *link);
tls_status_t link_write(link_t *link, const void *data, size_t len);
tls_status_t link_read(link_t *link, void *data, size_t cap, size_t *out_len);
tls_status_t link_update_keys(link_t *link);
tls_status_t link_shutdown(link_t *link);

/* Writes all but the first byte of the record that holds `data` later: with the next call that writes. */
tls_status_t link_write_unfinished(link_t *link, const void *data, size_t len);

/* Sends what is pending, ends the sending side, waits for the runner's end, and closes the connection. */
void link_finish(link_t *link);

#endif

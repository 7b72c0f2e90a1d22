/*
 * One TLS connection over one non-blocking socket: what the example client and the example server share.
 *
 * A host of spantls owns the bytes. Here they lie in two buffers per connection:
 *
 *     socket --- receive ---> inbox  --- open ---> plaintext
 *     socket <---- send ----- outbox <--- seal --- plaintext
 *
 * No function here waits: the program that owns the channel polls, and calls again.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "spantls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes first in, first out. A whole record fits, so an inbox can never be full without being of use. */
struct buffer {
    size_t start;
    size_t end;
    uint8_t bytes[SPANTLS_MAX_RECORD];
};

size_t buffer_len(const struct buffer *buffer);
const uint8_t *buffer_front(const struct buffer *buffer);
void buffer_drop(struct buffer *buffer, size_t len);
/* Moves the contents to the front; then buffer_room() bytes may be written to buffer_tail() and added. */
void buffer_compact(struct buffer *buffer);
size_t buffer_room(const struct buffer *buffer);
void *buffer_tail(struct buffer *buffer);
void buffer_add(struct buffer *buffer, size_t len);

/*
 *     HANDSHAKE ---> OPEN ---> CLOSING ---> LINGER ---> DONE
 *         |            |          |           ^
 *         +------------+----------+-----------+   channel_fail()
 *
 * CLOSING: our close_notify is made, or being made; the peer's may be still to come.
 * LINGER: what is unsent goes out and what comes in is thrown away until the peer closes, for a short while. Closing a
 * socket with unread input makes TCP reset the connection, and our last words (an alert!) could be lost with it.
 */
enum phase { PHASE_HANDSHAKE, PHASE_OPEN, PHASE_CLOSING, PHASE_LINGER, PHASE_DONE };

enum ending {
    ENDING_NONE,
    ENDING_CLEAN,     /* both sides have sent close_notify */
    ENDING_EARLY,     /* so they have, but before everything was said */
    ENDING_TRUNCATED, /* the transport ended without the peer's close_notify */
    ENDING_REFUSED,   /* we refused the peer */
    ENDING_ALERT,     /* the peer sent a fatal alert */
    ENDING_FAILED,    /* anything else */
    ENDING_TIMEOUT
};

struct channel {
    const char *label; /* stands before what is said about this channel */
    int socket;
    tls_session_t *session;
    struct buffer inbox;  /* received, not yet consumed by the session */
    struct buffer outbox; /* made by the session, not yet taken by the socket */
    enum phase phase;
    enum ending ending;
    int64_t deadline;        /* in monotonic milliseconds; nothing lasts longer than this */
    bool judged;             /* the peer's certificate has got its verdict */
    bool input_ended;        /* the socket gives nothing more */
    bool output_broken;      /* the socket takes nothing more */
    bool output_shut;        /* we have ended our direction of the transport */
    uint64_t bytes_moved;    /* through the socket, either way: to see that something happens */
    uint64_t plaintext_sent; /* counts of application data */
    uint64_t plaintext_received;
};

/* Takes over the socket and the session: channel_destroy() closes and destroys them. */
void channel_init(struct channel *channel, const char *label, int socket, tls_session_t *session, int64_t deadline);
void channel_destroy(struct channel *channel);

/* What to poll for. The caller says whether it could do anything with more input. */
short channel_events(const struct channel *channel, bool wants_input);
/* Fetches what the socket has into the inbox. */
void channel_receive(struct channel *channel);
/* Gives the outbox to the socket; true if there is new room, so that it is worth going on. */
bool channel_send(struct channel *channel);

/*
 * PHASE_HANDSHAKE: goes on with the handshake, the verdict included, to PHASE_OPEN if it is complete. Other questions
 * are returned (WANT_CREDENTIALS, NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE): answer the session, now or later, and call
 * again. Any other status needs nothing more; errors have been dealt with.
 */
tls_status_t channel_handshake(struct channel *channel);
/* Seals plaintext into the outbox: COMPLETE, WANT_WRITE (the outbox is full), or an error. */
tls_status_t channel_seal(struct channel *channel, struct buffer *plaintext);
/* False when plaintext that is left cannot be sent any more, although nothing is wrong. */
bool channel_can_seal(const struct channel *channel);
/*
 * Opens records from the inbox: COMPLETE (there may be more), WANT_READ, WANT_WRITE (no room), CLOSED, an error, or
 * NEEDS_CERTIFICATE_VALIDATION: the answer to channel_request_certificate() is there, and nothing more is opened until
 * channel_judge(), or a verdict of the program's own.
 */
tls_status_t channel_open(struct channel *channel, struct buffer *plaintext);
/* Asks an open client for a certificate: COMPLETE, WANT_WRITE (the outbox is full), NOT_SUPPORTED, or an error. */
tls_status_t channel_request_certificate(struct channel *channel);
/* Gives the default validation's verdict on the peer; a peer that is refused fails the next call. */
tls_status_t channel_judge(struct channel *channel);
/* Sends our close_notify: CLOSED when it is in the outbox, WANT_WRITE (the outbox is full), or an error. */
tls_status_t channel_shutdown(struct channel *channel);

/* The conversation has ended like this: on to PHASE_LINGER. */
void channel_finish(struct channel *channel, enum ending ending);
/* The same for a status that ends it: reports it, and works out what kind of ending it is. */
void channel_fail(struct channel *channel, tls_status_t status);
/* PHASE_LINGER: see above. */
void channel_linger(struct channel *channel);
/* To PHASE_DONE, if the deadline has passed. */
void channel_expire(struct channel *channel, int64_t now);

/* One line for scripts on stderr: "summary: version suite alpn verdict sent received ending". */
void channel_print_summary(const struct channel *channel);

/* Makes the socket non-blocking and the channel's to use; false with errno set. */
bool set_non_blocking(int socket);
/* The time for deadlines, and how long poll() may wait for one. */
int64_t monotonic_ms(void);
int milliseconds_until(int64_t deadline);

#endif

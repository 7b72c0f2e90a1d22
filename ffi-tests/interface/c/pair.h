/*
 * A client and a server in one program, joined by two byte queues.
 *
 * Every call on a session goes through a function of this file that checks the rules of the header which hold for all
 * calls: counts within the spans, nothing written behind them, whole records consumed, state bits that agree with the
 * status, suspensions and COMPLETE that repeat with 0/0. The tests themselves then only say what is special.
 */

#ifndef PAIR_H
#define PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness.h"
#include "spantls.h"

/* --- Bytes ------------------------------------------------------------------------------------------------------ */

/* A queue of bytes: appended at the end, dropped from the front. All zero is an empty one. */
typedef struct {
    uint8_t *data;
    size_t len;
    size_t cap;
} bytes_t;

void bytes_append(bytes_t *bytes, const void *data, size_t len);
void bytes_drop(bytes_t *bytes, size_t len);
void bytes_free(bytes_t *bytes);

/* The same bytes as text. */
const char *text_of(const bytes_t *bytes);

/* Bytes that look random and are the same for the same seed; to be freed. */
uint8_t *pattern(size_t len, uint32_t seed);

/* The length of the record at `data`, header included, or 0 if it is not whole. */
size_t record_len(const uint8_t *data, size_t len);

/* How many whole records `data` consists of; -1 if it ends inside one. */
int count_records(const uint8_t *data, size_t len);

/* Rewrites the plaintext handshake records at the front of `flight` into records of `fragment` bytes each. */
void fragment_records(bytes_t *flight, size_t fragment);

/* A file of the certificates' folder (environment: SPANTLS_CERTS), and its path. Ends the program if it is missing. */
bytes_t read_file(const char *name);
const char *file_path(const char *name);

/* The DER bytes of certificate `index` in a PEM file of that folder. */
bytes_t read_certificate(const char *name, size_t index);
/* The same of its block `index` with this label. */
bytes_t read_block(const char *name, const char *label, size_t index);

/* --- Contexts --------------------------------------------------------------------------------------------------- */

/* What a context is made with. All zero are the defaults of the library: no credentials, everything allowed (but see
 * `chacha` in harness.h). */
typedef struct {
    const char *credentials; /* "server-p256": its .pem and .key */
    uint16_t schemes[4];     /* until the first 0; if there is one the key stays outside, and signs with these */
    const char *anchors;     /* "ca": its .pem */
    const char *more_anchors;
    const char *crls[2];
    uint32_t protocols;
    uint16_t suites[4]; /* until the first 0 */
    uint16_t groups[4]; /* until the first 0 */
    const char *alpn[4]; /* until the first NULL */
    int32_t alpn_mismatch;
    int32_t client_certificates;
    int32_t validation;
    int32_t resume; /* off, unlike the library's default: tickets are in the way of most tests */
    int32_t keep_client_hello;
} setup_t;

tls_credentials_t *make_credentials(const char *name);

/* The same with a key that stays outside; `schemes` end with a 0 or with the fourth. */
tls_credentials_t *make_external(const char *name, const uint16_t *schemes);
tls_options_t *make_options(const setup_t *setup);
tls_context_t *make_context(bool is_server, const setup_t *setup);

/* A server's context without options: each session asks for another one. */
tls_context_t *make_undecided(void);

/* --- A pair ----------------------------------------------------------------------------------------------------- */

/* What a side does when its session asks for a verdict. */
typedef enum {
    JUDGE_BY_DEFAULT,    /* tls_session_accept_with_default_validation() */
    JUDGE_ACCEPT,        /* says 0 without looking */
    JUDGE_ACCEPT_LATE,   /* the same after having called on, in vain */
    JUDGE_REJECT,        /* tls_session_reject_certificate() with `alert` */
    JUDGE_STOP,          /* nothing: the run stops there, and the test goes on by hand */
} judge_t;

/* Signs a message with the key `name`, as an external signer does; to be freed. See sign.h. */
typedef bytes_t (*signer_t)(const char *name, uint16_t scheme, const uint8_t *message, size_t len);

typedef struct {
    tls_session_t *session;
    bytes_t inbox;     /* ciphertext that the peer has sent and this side has not consumed */
    size_t shown;      /* how much of it has "arrived" */
    bytes_t plaintext; /* what decrypt has delivered */

    /* How it is driven. */
    size_t handshake_room; /* output space of process_handshake; what does not fit into 0 bytes is drained */
    size_t seal_room;      /* output space of encrypt */
    size_t open_room;      /* output space of decrypt */
    size_t chunk;          /* how many more bytes of the inbox are shown when more are wanted; 0: all of it */
    judge_t judge;
    uint8_t alert;
    tls_context_t *context;   /* what it answers to NEEDS_SERVER_OPTIONS; NULL: nothing, as JUDGE_STOP */
    tls_credentials_t *shows; /* to WANT_CREDENTIALS; NULL declines */
    signer_t sign;            /* to NEEDS_SIGNATURE, with `key`; NULL: nothing, as JUDGE_STOP */
    const char *key;
    tls_status_t stop_at; /* the question that is left to the test although there is an answer; 0: none */

    /* What came of it. */
    tls_status_t status;    /* of the last call of process_handshake */
    bool was_complete;      /* whether process_handshake has ever returned COMPLETE */
    unsigned suspensions;   /* how many different ones there were */
    uint32_t policy_errors; /* of the default validation */
} side_t;

typedef struct {
    side_t client;
    side_t server;
} pair_t;

/* Two fresh sessions. Both sides judge by default, the client wants "localhost", spans are large. */
pair_t pair_open(const setup_t *client, const setup_t *server);
pair_t pair_on(tls_context_t *client, tls_context_t *server);
void pair_close(pair_t *pair);
void side_close(side_t *side);

/* One call of process_handshake. Output goes to the peer's inbox. */
tls_status_t call_handshake(side_t *self, side_t *peer);

/* Calls and answers on one side until it waits for its peer, is stopped, complete, or failed. A side that failed hands
 * over its alert. Returns whether anything moved. */
bool run_side(side_t *self, side_t *peer);

/* Runs both sides until neither moves; true if both are complete. */
bool run_handshake(pair_t *pair);

/* Whether this status is a suspension: asks the host something. */
bool is_suspension(tls_status_t status);

/* Answers what the session asks as the side is told to, once; the next run calls on. */
void answer_question(side_t *self, side_t *peer);

/* What a verdict call has returned: COMPLETE, or the refusal, with which the session has failed already. */
void expect_verdict(tls_session_t *session, tls_status_t status);

/* After a stop: the answer was given by hand, the next run may call on. */
void resume(side_t *self);

/* The number of handshakes that are suspended in this process. */
size_t suspended_handshakes(void);

/* Moves all pending output to the peer, `room` bytes at a time. */
void drain_to(side_t *self, side_t *peer, size_t room);

/* A pair of that version whose handshake is complete; ends the program if it fails. */
pair_t pair_established(uint32_t protocol);

/* --- Data ------------------------------------------------------------------------------------------------------- */

/* One call of encrypt with `room` bytes of space. */
tls_status_t call_encrypt(side_t *self, side_t *peer, const uint8_t *data, size_t len, size_t room, size_t *consumed);

/* Encrypts all of `data` in as many calls as it takes. COMPLETE, or the error. */
tls_status_t send_data(side_t *self, side_t *peer, const void *data, size_t len);

/* One call of decrypt with `room` bytes of space, on what is shown of the inbox. */
tls_status_t call_decrypt(side_t *self, size_t room);

/* Decrypts whatever is in the inbox; returns the status that ended it: WANT_READ, CLOSED or an error. */
tls_status_t receive(side_t *self);

/* The same with decrypt_in_place. */
tls_status_t receive_in_place(side_t *self);

/* Closes one side's writing; the close_notify goes to the peer's inbox. */
tls_status_t send_close(side_t *self, side_t *peer);

/* The error record of a session, whose filling is checked. */
spantls_error_t error_of(const tls_session_t *session);
spantls_error_t last_error(void);

#endif

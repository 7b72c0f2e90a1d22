#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Written behind every output span, and looked at after the call. */
#define GUARD 16
#define GUARD_BYTE 0xC7

/* What out-parameters hold before a call. */
#define UNTOUCHED ((size_t)0x5A5A5A5A)

/* So many calls without an end are a loop. */
#define MOST_CALLS 2000000

#define LARGE_ROOM 70000

/* --- Bytes ------------------------------------------------------------------------------------------------------ */

static void *allocate(size_t len) {
    void *memory = malloc(len == 0 ? 1 : len);
    if (memory == NULL) {
        give_up("out of memory");
    }
    return memory;
}

void bytes_append(bytes_t *bytes, const void *data, size_t len) {
    if (len == 0) {
        return;
    }
    if (bytes->cap - bytes->len < len) {
        size_t cap = bytes->cap * 2 + len;
        uint8_t *grown = realloc(bytes->data, cap);
        if (grown == NULL) {
            give_up("out of memory");
        }
        bytes->data = grown;
        bytes->cap = cap;
    }
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

void bytes_drop(bytes_t *bytes, size_t len) {
    if (len == 0) {
        return;
    }
    memmove(bytes->data, bytes->data + len, bytes->len - len);
    bytes->len -= len;
}

void bytes_free(bytes_t *bytes) {
    free(bytes->data);
    memset(bytes, 0, sizeof *bytes);
}

uint8_t *pattern(size_t len, uint32_t seed) {
    uint8_t *data = allocate(len);
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < len; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (uint8_t)(state >> 24);
    }
    return data;
}

size_t record_len(const uint8_t *data, size_t len) {
    if (len < 5) {
        return 0;
    }
    size_t whole = 5 + ((size_t)data[3] << 8 | data[4]);
    return whole <= len ? whole : 0;
}

int count_records(const uint8_t *data, size_t len) {
    int count = 0;
    while (len > 0) {
        size_t record = record_len(data, len);
        if (record == 0) {
            return -1;
        }
        data += record;
        len -= record;
        count++;
    }
    return count;
}

void fragment_records(bytes_t *flight, size_t fragment) {
    bytes_t body = {0};
    bytes_t result = {0};
    size_t at = 0;
    size_t record;
    uint8_t version[2] = {3, 3};
    if (flight->len == 0) {
        return;
    }
    /* Join what the plaintext handshake records hold ... */
    while (at < flight->len && flight->data[at] == 22 &&
           (record = record_len(flight->data + at, flight->len - at)) != 0) {
        memcpy(version, flight->data + at + 1, 2);
        bytes_append(&body, flight->data + at + 5, record - 5);
        at += record;
    }
    /* ... and cut it anew. */
    for (size_t from = 0; from < body.len; from += fragment) {
        size_t len = body.len - from < fragment ? body.len - from : fragment;
        uint8_t header[5] = {22, version[0], version[1], (uint8_t)(len >> 8), (uint8_t)len};
        bytes_append(&result, header, sizeof header);
        bytes_append(&result, body.data + from, len);
    }
    bytes_append(&result, flight->data + at, flight->len - at);
    bytes_free(&body);
    bytes_free(flight);
    *flight = result;
}

const char *text_of(const bytes_t *bytes) {
    return (const char *)bytes->data;
}

const char *file_path(const char *name) {
    static char path[2][4096]; /* two at a time: a chain and a key */
    static unsigned next = 0;
    const char *folder = getenv("SPANTLS_CERTS");
    char *to = path[next++ % 2];
    snprintf(to, sizeof path[0], "%s/%s", folder != NULL ? folder : "ffi-tests/certs", name);
    return to;
}

bytes_t read_file(const char *name) {
    bytes_t content = {0};
    uint8_t buffer[4096];
    size_t got;
    FILE *file = fopen(file_path(name), "rb");
    if (file == NULL) {
        give_up("there is no file %s (is SPANTLS_CERTS set?)", name);
    }
    while ((got = fread(buffer, 1, sizeof buffer, file)) > 0) {
        bytes_append(&content, buffer, got);
    }
    fclose(file);
    return content;
}

/* The value of a base64 character; -1 for any other. */
static int base64_value(uint8_t c) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == 0 ? NULL : strchr(alphabet, c);
    return at == NULL ? -1 : (int)(at - alphabet);
}

bytes_t read_certificate(const char *name, size_t index) {
    return read_block(name, "CERTIFICATE", index);
}

bytes_t read_block(const char *name, const char *label, size_t index) {
    char head[64];
    const int head_len = snprintf(head, sizeof head, "-----BEGIN %s-----", label);
    bytes_t pem = read_file(name);
    bytes_t der = {0};
    bytes_append(&pem, "", 1);
    const char *at = text_of(&pem);
    for (size_t i = 0; i <= index; i++) {
        at = strstr(at, head);
        if (at == NULL) {
            give_up("%s has no %s %zu", name, label, index);
        }
        at += head_len;
    }
    uint32_t bits = 0;
    int num_bits = 0;
    for (; *at != '-' && *at != '='; at++) {
        int value = base64_value((uint8_t)*at);
        if (value < 0) {
            continue;
        }
        bits = bits << 6 | (uint32_t)value;
        num_bits += 6;
        if (num_bits >= 8) {
            num_bits -= 8;
            uint8_t byte = (uint8_t)(bits >> num_bits);
            bytes_append(&der, &byte, 1);
        }
    }
    bytes_free(&pem);
    return der;
}

/* --- Contexts --------------------------------------------------------------------------------------------------- */

static void must(tls_status_t status, const char *what) {
    if (status != TLS_STATUS_COMPLETE) {
        give_up("%s: %s: %s", what, tls_status_name(status), last_error().message);
    }
}

tls_credentials_t *make_credentials(const char *name) {
    char file[256];
    tls_credentials_t *credentials = NULL;
    snprintf(file, sizeof file, "%s.pem", name);
    bytes_t chain = read_file(file);
    snprintf(file, sizeof file, "%s.key", name);
    bytes_t key = read_file(file);
    must(tls_credentials_create_pem(text_of(&chain), chain.len, text_of(&key), key.len, NULL, &credentials), name);
    bytes_free(&chain);
    bytes_free(&key);
    return credentials;
}

tls_credentials_t *make_external(const char *name, const uint16_t *schemes) {
    char file[256];
    tls_credentials_t *credentials = NULL;
    size_t count = 0;
    while (count < 4 && schemes[count] != 0) {
        count++;
    }
    snprintf(file, sizeof file, "%s.pem", name);
    bytes_t chain = read_file(file);
    must(tls_credentials_create_external(text_of(&chain), chain.len, schemes, count, &credentials), name);
    bytes_free(&chain);
    return credentials;
}

static void add_anchors(tls_options_t *options, const char *name) {
    char file[256];
    if (name == NULL) {
        return;
    }
    snprintf(file, sizeof file, "%s.pem", name);
    bytes_t pem = read_file(file);
    must(tls_options_add_trust_anchors_pem(options, text_of(&pem), pem.len), name);
    bytes_free(&pem);
}

tls_options_t *make_options(const setup_t *setup) {
    tls_options_t *options = NULL;
    must(tls_options_create(&options), "options");
    if (setup->credentials != NULL) {
        tls_credentials_t *credentials = setup->schemes[0] == 0
                                             ? make_credentials(setup->credentials)
                                             : make_external(setup->credentials, setup->schemes);
        must(tls_options_set_credentials(options, credentials), "set_credentials");
        tls_credentials_destroy(credentials);
    }
    add_anchors(options, setup->anchors);
    add_anchors(options, setup->more_anchors);
    for (size_t i = 0; i < 2 && setup->crls[i] != NULL; i++) {
        bytes_t pem = read_file(setup->crls[i]);
        must(tls_options_add_crls_pem(options, text_of(&pem), pem.len), setup->crls[i]);
        bytes_free(&pem);
    }
    must(tls_options_set_protocols(options, setup->protocols), "set_protocols");
    must(tls_options_set_allow_resume(options, setup->resume), "set_allow_resume");
    static const uint16_t chacha_suites[] = {SPANTLS_SUITE_CHACHA20_POLY1305_SHA256,
        SPANTLS_SUITE_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, SPANTLS_SUITE_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256};
    size_t count = 0;
    while (count < 4 && setup->suites[count] != 0) {
        count++;
    }
    if (count == 0 && chacha) {
        must(tls_options_set_cipher_suites(options, chacha_suites, 3), "set_cipher_suites");
    } else {
        must(tls_options_set_cipher_suites(options, setup->suites, count), "set_cipher_suites");
    }
    count = 0;
    while (count < 4 && setup->groups[count] != 0) {
        count++;
    }
    must(tls_options_set_groups(options, setup->groups, count), "set_groups");
    must(tls_options_set_alpn_mismatch(options, setup->alpn_mismatch), "set_alpn_mismatch");
    for (size_t i = 0; i < 4 && setup->alpn[i] != NULL; i++) {
        must(tls_options_add_alpn(options, setup->alpn[i], strlen(setup->alpn[i])), "add_alpn");
    }
    must(tls_options_set_client_certificate_mode(options, setup->client_certificates), "set_client_certificate_mode");
    must(tls_options_set_certificate_validation(options, setup->validation), "set_certificate_validation");
    must(tls_options_set_keep_client_hello(options, setup->keep_client_hello), "set_keep_client_hello");
    return options;
}

tls_context_t *make_context(bool is_server, const setup_t *setup) {
    tls_context_t *context = NULL;
    tls_options_t *options = make_options(setup);
    if (is_server) {
        must(tls_context_create_server(options, &context), "create_server");
    } else {
        must(tls_context_create_client(options, &context), "create_client");
    }
    tls_options_destroy(options);
    return context;
}

tls_context_t *make_undecided(void) {
    tls_context_t *context = NULL;
    must(tls_context_create_server(NULL, &context), "create_server");
    return context;
}

/* --- A pair ----------------------------------------------------------------------------------------------------- */

static side_t side_on(tls_context_t *context) {
    side_t side;
    memset(&side, 0, sizeof side);
    must(tls_session_create(context, &side.session), "session");
    side.handshake_room = LARGE_ROOM;
    side.seal_room = LARGE_ROOM;
    side.open_room = LARGE_ROOM;
    side.status = TLS_STATUS_WANT_READ;
    return side;
}

pair_t pair_on(tls_context_t *client, tls_context_t *server) {
    pair_t pair;
    pair.client = side_on(client);
    pair.server = side_on(server);
    must(tls_session_set_target_host_name(pair.client.session, "localhost"), "set_target_host_name");
    return pair;
}

pair_t pair_open(const setup_t *client, const setup_t *server) {
    tls_context_t *client_context = make_context(false, client);
    tls_context_t *server_context = make_context(true, server);
    pair_t pair = pair_on(client_context, server_context);
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
    return pair;
}

pair_t pair_established(uint32_t protocol) {
    setup_t client = {.anchors = "ca", .protocols = protocol};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    if (!run_handshake(&pair)) {
        give_up("the handshake before the test failed: client %s, server %s", tls_status_name(pair.client.status),
                tls_status_name(pair.server.status));
    }
    return pair;
}

void side_close(side_t *side) {
    tls_session_destroy(side->session);
    side->session = NULL;
    bytes_free(&side->inbox);
    bytes_free(&side->plaintext);
}

void pair_close(pair_t *pair) {
    side_close(&pair->client);
    side_close(&pair->server);
}

/* An output span of exactly `room` bytes with a guard behind it. */
static uint8_t *output_span(size_t room) {
    uint8_t *span = allocate(room + GUARD);
    memset(span + room, GUARD_BYTE, GUARD);
    return span;
}

static void check_guard(const uint8_t *span, size_t room) {
    for (size_t i = 0; i < GUARD; i++) {
        if (!EXPECT(span[room + i] == GUARD_BYTE)) {
            return;
        }
    }
}

/* An input span of exactly `len` bytes, so that memory checkers see a read behind it. */
static uint8_t *input_span(const uint8_t *data, size_t len) {
    uint8_t *span = allocate(len);
    if (len > 0) {
        memcpy(span, data, len);
    }
    return span;
}

static void show_more(side_t *self) {
    size_t hidden = self->inbox.len - self->shown;
    self->shown += self->chunk == 0 || self->chunk > hidden ? hidden : self->chunk;
}

/* Drops what a call has consumed. */
static void consume(side_t *self, size_t consumed) {
    bytes_drop(&self->inbox, consumed);
    self->shown -= consumed;
}

static bool is_sticky_failure(tls_status_t status) {
    return status < 0 && status != TLS_STATUS_INVALID_ARGUMENT && status != TLS_STATUS_INVALID_STATE &&
           status != TLS_STATUS_BUSY && status != TLS_STATUS_OUT_OF_RESOURCES;
}

bool is_suspension(tls_status_t status) {
    return status == TLS_STATUS_WANT_CREDENTIALS || status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION ||
           status == TLS_STATUS_NEEDS_SERVER_OPTIONS || status == TLS_STATUS_NEEDS_SIGNATURE;
}

tls_status_t call_handshake(side_t *self, side_t *peer) {
    size_t consumed = UNTOUCHED;
    size_t written = UNTOUCHED;
    size_t room = self->handshake_room;
    uint8_t *input = input_span(self->inbox.data, self->shown);
    uint8_t *output = output_span(room);
    tls_status_t before = self->status;
    tls_status_t status =
        tls_session_handshake(self->session, input, self->shown, output, room, &consumed, &written);
    uint32_t state = tls_session_state(self->session);

    check_guard(output, room);
    if (!EXPECT(consumed <= self->shown) || !EXPECT(written <= room)) {
        give_up("counts outside of the spans");
    }
    if (status >= 0) {
        EXPECT(count_records(input, consumed) >= 0);
    }
    switch (status) {
        case TLS_STATUS_COMPLETE:
            EXPECT(tls_session_is_handshake_complete(self->session) == 1);
            EXPECT(!(state & SPANTLS_STATE_HAS_PENDING_OUTPUT));
            self->was_complete = true;
            break;
        case TLS_STATUS_WANT_READ:
            EXPECT(!(state & SPANTLS_STATE_HAS_PENDING_OUTPUT));
            break;
        case TLS_STATUS_WANT_WRITE:
            EXPECT(state & SPANTLS_STATE_HAS_PENDING_OUTPUT);
            EXPECT(tls_session_has_pending_output(self->session) == 1);
            break;
        case TLS_STATUS_WANT_CREDENTIALS:
        case TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION:
        case TLS_STATUS_NEEDS_SERVER_OPTIONS:
        case TLS_STATUS_NEEDS_SIGNATURE:
        case TLS_STATUS_CLOSED:
            break;
        default:
            /* With what this harness passes, a failure can only be one that lasts. */
            EXPECT(is_sticky_failure(status));
            EXPECT(status != TLS_STATUS_INTERNAL_ERROR);
    }
    bool suspended = is_suspension(status);
    if (before == status && (status == TLS_STATUS_COMPLETE || suspended)) {
        EXPECT(consumed == 0 && written == 0);
    }
    if (status != TLS_STATUS_COMPLETE && !self->was_complete) {
        EXPECT(!(state & SPANTLS_STATE_HANDSHAKE_COMPLETE));
        EXPECT(tls_session_is_handshake_complete(self->session) == 0);
        EXPECT(tls_session_negotiated_protocol(self->session) == 0);
        EXPECT(tls_session_negotiated_cipher_suite(self->session) == 0);
        EXPECT(tls_session_negotiated_group(self->session) == 0);
    }
    EXPECT(((state & SPANTLS_STATE_SUSPENDED) != 0) == suspended);
    /* What a failed session owes its peer comes before its failure. */
    const bool owes_alert = (state & SPANTLS_STATE_FAILED) != 0 && status == TLS_STATUS_WANT_WRITE;
    EXPECT(((state & SPANTLS_STATE_FAILED) != 0) == is_sticky_failure(status) || owes_alert);

    bytes_append(&peer->inbox, output, written);
    consume(self, consumed);
    self->status = status;
    free(input);
    free(output);
    return status;
}

void expect_verdict(tls_session_t *session, tls_status_t status) {
    const bool has_failed = (tls_session_state(session) & SPANTLS_STATE_FAILED) != 0;
    EXPECT_STATUS(status, has_failed ? TLS_STATUS_AUTHENTICATION_FAILED : TLS_STATUS_COMPLETE);
    if (has_failed) {
        const spantls_error_t error = error_of(session);
        EXPECT_STATUS(error.status, TLS_STATUS_AUTHENTICATION_FAILED);
        EXPECT(error.alert_sent > 0 && error.policy_errors != 0 && error.message[0] != 0);
        EXPECT_NUMBER(tls_session_has_pending_output(session), 1);
    }
}

static void judge(side_t *self, side_t *peer) {
    tls_session_t *session = self->session;
    switch (self->judge) {
        case JUDGE_BY_DEFAULT:
            expect_verdict(session, tls_session_accept_with_default_validation(session, &self->policy_errors));
            EXPECT_NUMBER(self->policy_errors, self->policy_errors & 7);
            break;
        case JUDGE_ACCEPT_LATE:
            for (int i = 0; i < 3; i++) {
                show_more(self);
                EXPECT_STATUS(call_handshake(self, peer), TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
            }
            EXPECT_STATUS(tls_session_set_certificate_validation_result(session, 0), TLS_STATUS_COMPLETE);
            break;
        case JUDGE_ACCEPT:
            EXPECT_STATUS(tls_session_set_certificate_validation_result(session, 0), TLS_STATUS_COMPLETE);
            break;
        case JUDGE_REJECT:
            EXPECT_STATUS(tls_session_reject_certificate(session, self->alert), TLS_STATUS_COMPLETE);
            break;
        case JUDGE_STOP:
            give_up("this verdict is the test's");
    }
}

static void sign(side_t *self) {
    uint16_t scheme = 0;
    size_t len = UNTOUCHED;
    EXPECT_STATUS(tls_session_signature_request(self->session, NULL, NULL, 0, &len), TLS_STATUS_BUFFER_TOO_SMALL);
    uint8_t *message = output_span(len);
    EXPECT_STATUS(tls_session_signature_request(self->session, &scheme, message, len, &len), TLS_STATUS_COMPLETE);
    check_guard(message, len);
    bytes_t signature = self->sign(self->key, scheme, message, len);
    EXPECT_STATUS(tls_session_set_signature(self->session, signature.data, signature.len), TLS_STATUS_COMPLETE);
    bytes_free(&signature);
    free(message);
}

void answer_question(side_t *self, side_t *peer) {
    switch (self->status) {
        case TLS_STATUS_NEEDS_SERVER_OPTIONS:
            EXPECT_STATUS(tls_session_set_server_context(self->session, self->context), TLS_STATUS_COMPLETE);
            break;
        case TLS_STATUS_WANT_CREDENTIALS:
            EXPECT_STATUS(tls_session_set_client_credentials(self->session, self->shows), TLS_STATUS_COMPLETE);
            break;
        case TLS_STATUS_NEEDS_SIGNATURE:
            sign(self);
            break;
        case TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION:
            judge(self, peer);
            break;
        default:
            give_up("%s is no question", tls_status_name(self->status));
    }
    EXPECT(!(tls_session_state(self->session) & SPANTLS_STATE_SUSPENDED));
    resume(self);
}

void resume(side_t *self) {
    self->status = TLS_STATUS_WANT_READ;
}

size_t suspended_handshakes(void) {
    size_t in_use = UNTOUCHED;
    size_t limit = UNTOUCHED;
    EXPECT_STATUS(spantls_suspended_handshakes(&in_use, &limit), TLS_STATUS_COMPLETE);
    EXPECT(in_use <= limit);
    return in_use;
}

/* Whether the side leaves this question to the test. */
static bool leaves(const side_t *self, tls_status_t question) {
    return question == self->stop_at ||
           (question == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION && self->judge == JUDGE_STOP) ||
           (question == TLS_STATUS_NEEDS_SERVER_OPTIONS && self->context == NULL) ||
           (question == TLS_STATUS_NEEDS_SIGNATURE && self->sign == NULL);
}

bool run_side(side_t *self, side_t *peer) {
    bool moved = false;
    if (self->status == TLS_STATUS_COMPLETE || self->status == TLS_STATUS_CLOSED || self->status < 0 ||
        is_suspension(self->status)) {
        return false;
    }
    for (long calls = 0; calls < MOST_CALLS; calls++) {
        size_t inbox_before = self->inbox.len;
        size_t sent_before = peer->inbox.len;
        tls_status_t before = self->status;
        tls_status_t status;
        if (self->shown == 0) {
            show_more(self);
        }
        status = call_handshake(self, peer);
        moved = moved || status != before || self->inbox.len != inbox_before || peer->inbox.len != sent_before;
        switch (status) {
            case TLS_STATUS_WANT_READ:
                if (self->shown == self->inbox.len) {
                    return moved;
                }
                show_more(self);
                break;
            case TLS_STATUS_WANT_WRITE:
                if (self->handshake_room == 0) {
                    drain_to(self, peer, 7);
                } else {
                    EXPECT(peer->inbox.len > sent_before);
                }
                break;
            case TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION:
            case TLS_STATUS_NEEDS_SERVER_OPTIONS:
            case TLS_STATUS_WANT_CREDENTIALS:
            case TLS_STATUS_NEEDS_SIGNATURE:
                self->suspensions += status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION;
                if (leaves(self, status)) {
                    return true;
                }
                answer_question(self, peer);
                break;
            case TLS_STATUS_COMPLETE:
                EXPECT_STATUS(call_handshake(self, peer), TLS_STATUS_COMPLETE);
                return true;
            default:
                drain_to(self, peer, self->handshake_room == 0 ? 1 : self->handshake_room);
                return true;
        }
    }
    give_up("a handshake that never ends");
}

bool run_handshake(pair_t *pair) {
    bool moved = true;
    for (int rounds = 0; moved; rounds++) {
        if (rounds > 1000) {
            give_up("a handshake of a thousand flights");
        }
        moved = run_side(&pair->client, &pair->server);
        moved = run_side(&pair->server, &pair->client) || moved;
    }
    return pair->client.status == TLS_STATUS_COMPLETE && pair->server.status == TLS_STATUS_COMPLETE;
}

void drain_to(side_t *self, side_t *peer, size_t room) {
    uint8_t *output = output_span(room);
    tls_status_t status = TLS_STATUS_WANT_WRITE;
    while (status == TLS_STATUS_WANT_WRITE) {
        size_t written = UNTOUCHED;
        bool owed = tls_session_has_pending_output(self->session) != 0;
        status = tls_session_drain_pending_output(self->session, output, room, &written);
        check_guard(output, room);
        EXPECT(status == TLS_STATUS_WANT_WRITE || status == TLS_STATUS_COMPLETE);
        if (!EXPECT(written <= room) || !EXPECT(status == TLS_STATUS_COMPLETE || written > 0)) {
            give_up("draining leads nowhere");
        }
        EXPECT(owed == (written > 0));
        bytes_append(&peer->inbox, output, written);
    }
    EXPECT(tls_session_has_pending_output(self->session) == 0);
    free(output);
}

/* --- Data ------------------------------------------------------------------------------------------------------- */

tls_status_t call_encrypt(side_t *self, side_t *peer, const uint8_t *data, size_t len, size_t room, size_t *consumed) {
    size_t written = UNTOUCHED;
    uint8_t *input = input_span(data, len);
    uint8_t *output = output_span(room);
    bool owed = tls_session_has_pending_output(self->session) != 0;
    *consumed = UNTOUCHED;
    tls_status_t status = tls_session_encrypt(self->session, input, len, output, room, consumed, &written);

    check_guard(output, room);
    if (!EXPECT(*consumed <= len) || !EXPECT(written <= room)) {
        give_up("counts outside of the spans");
    }
    switch (status) {
        case TLS_STATUS_COMPLETE:
            EXPECT(*consumed == len);
            break;
        case TLS_STATUS_WANT_WRITE:
            EXPECT(*consumed < len || tls_session_has_pending_output(self->session));
            if (room >= SPANTLS_MIN_CIPHERTEXT) {
                EXPECT(written > 0);
            }
            break;
        default:
            EXPECT(status < 0);
            EXPECT(*consumed == 0 && written == 0);
    }
    if (!owed) {
        EXPECT(count_records(output, written) >= 0);
        for (size_t at = 0; at < written; at += record_len(output + at, written - at)) {
            EXPECT(output[at] == 23 && output[at + 1] == 3 && output[at + 2] == 3);
            if (!EXPECT(record_len(output + at, written - at) != 0)) {
                break;
            }
            EXPECT(record_len(output + at, written - at) <= 5 + 16384 + 256);
        }
    }
    bytes_append(&peer->inbox, output, written);
    free(input);
    free(output);
    return status;
}

tls_status_t send_data(side_t *self, side_t *peer, const void *data, size_t len) {
    const uint8_t *at = data;
    for (long calls = 0; calls < MOST_CALLS; calls++) {
        size_t consumed = 0;
        size_t sent_before = peer->inbox.len;
        tls_status_t status = call_encrypt(self, peer, at, len, self->seal_room, &consumed);
        at += consumed;
        len -= consumed;
        if (status != TLS_STATUS_WANT_WRITE) {
            return status;
        }
        if (peer->inbox.len == sent_before) {
            break;
        }
    }
    give_up("encrypt makes no progress in %zu bytes", self->seal_room);
}

tls_status_t call_decrypt(side_t *self, size_t room) {
    size_t consumed = UNTOUCHED;
    size_t written = UNTOUCHED;
    uint8_t *input = input_span(self->inbox.data, self->shown);
    uint8_t *output = output_span(room);
    tls_status_t status =
        tls_session_decrypt(self->session, input, self->shown, output, room, &consumed, &written);
    uint32_t state = tls_session_state(self->session);

    check_guard(output, room);
    if (!EXPECT(consumed <= self->shown) || !EXPECT(written <= room)) {
        give_up("counts outside of the spans");
    }
    if (status >= 0) {
        EXPECT(count_records(input, consumed) >= 0);
    }
    if (self->shown > 0) {
        EXPECT(memcmp(input, self->inbox.data, self->shown) == 0);
    }
    switch (status) {
        case TLS_STATUS_COMPLETE:
            EXPECT(consumed > 0 || written > 0);
            break;
        case TLS_STATUS_WANT_READ:
            EXPECT(consumed == 0 && written == 0);
            EXPECT(record_len(input, self->shown) == 0);
            break;
        case TLS_STATUS_WANT_WRITE:
            if (room == 0) {
                EXPECT(consumed == 0 && written == 0);
            } else {
                EXPECT(written == room);
                EXPECT(state & SPANTLS_STATE_HAS_PENDING_PLAINTEXT);
            }
            break;
        case TLS_STATUS_CLOSED:
            EXPECT(written == 0);
            EXPECT(state & SPANTLS_STATE_PEER_CLOSED);
            EXPECT(!(state & SPANTLS_STATE_HAS_PENDING_PLAINTEXT));
            break;
        default:
            EXPECT(status < 0);
            EXPECT(consumed == 0 && written == 0);
    }
    bytes_append(&self->plaintext, output, written);
    consume(self, consumed);
    free(input);
    free(output);
    return status;
}

tls_status_t receive(side_t *self) {
    for (long calls = 0; calls < MOST_CALLS; calls++) {
        if (self->shown == 0) {
            show_more(self);
        }
        tls_status_t status = call_decrypt(self, self->open_room);
        if (status == TLS_STATUS_WANT_READ && self->shown < self->inbox.len) {
            show_more(self);
        } else if (status == TLS_STATUS_WANT_WRITE && self->open_room == 0) {
            return status;
        } else if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_WRITE) {
            return status;
        }
    }
    give_up("decrypt never ends");
}

tls_status_t receive_in_place(side_t *self) {
    for (long calls = 0; calls < MOST_CALLS; calls++) {
        size_t consumed = UNTOUCHED;
        size_t offset = UNTOUCHED;
        size_t len = UNTOUCHED;
        if (self->shown == 0) {
            show_more(self);
        }
        size_t first = record_len(self->inbox.data, self->shown);
        uint8_t *data = output_span(self->shown);
        if (self->shown > 0) {
            memcpy(data, self->inbox.data, self->shown);
        }
        tls_status_t status =
            tls_session_decrypt_in_place(self->session, data, self->shown, &consumed, &offset, &len);
        check_guard(data, self->shown);
        if (!EXPECT(consumed <= self->shown) || !EXPECT(offset <= consumed) || !EXPECT(len <= consumed - offset)) {
            give_up("counts outside of the span");
        }
        EXPECT(status != TLS_STATUS_WANT_WRITE);
        if (status == TLS_STATUS_COMPLETE) {
            EXPECT(consumed == first);
        }
        if (status == TLS_STATUS_WANT_READ || status < 0) {
            EXPECT(consumed == 0 && len == 0);
        }
        /* What lies behind the first record is not touched. */
        EXPECT(self->shown == first || memcmp(data + first, self->inbox.data + first, self->shown - first) == 0);
        bytes_append(&self->plaintext, data + offset, len);
        consume(self, consumed);
        free(data);
        if (status == TLS_STATUS_WANT_READ && self->shown < self->inbox.len) {
            show_more(self);
        } else if (status != TLS_STATUS_COMPLETE) {
            return status;
        }
    }
    give_up("decrypt_in_place never ends");
}

tls_status_t send_close(side_t *self, side_t *peer) {
    uint8_t output[256];
    size_t written = UNTOUCHED;
    tls_status_t status = tls_session_shutdown(self->session, output, sizeof output, &written);
    if (EXPECT(written <= sizeof output)) {
        bytes_append(&peer->inbox, output, written);
    }
    return status;
}

/* What every error record keeps to. */
static void check_error(const spantls_error_t *error) {
    EXPECT(error->struct_size == sizeof *error);
    EXPECT(error->depth >= -1 && (error->depth == -1 || error->reason != 0));
    EXPECT(error->alert_sent >= -1 && error->alert_sent <= 255);
    EXPECT(error->alert_received >= -1 && error->alert_received <= 255);
    EXPECT(memchr(error->message, 0, sizeof error->message) != NULL);
    EXPECT(error->status <= 0);
    if (error->status < 0) {
        EXPECT(error->message[0] != 0);
    }
}

static spantls_error_t blank_error(void) {
    spantls_error_t error;
    memset(&error, GUARD_BYTE, sizeof error);
    error.struct_size = sizeof error;
    return error;
}

spantls_error_t error_of(const tls_session_t *session) {
    spantls_error_t error = blank_error();
    EXPECT_STATUS(tls_session_error(session, &error), TLS_STATUS_COMPLETE);
    check_error(&error);
    return error;
}

spantls_error_t last_error(void) {
    spantls_error_t error = blank_error();
    EXPECT_STATUS(spantls_last_error(&error), TLS_STATUS_COMPLETE);
    check_error(&error);
    return error;
}

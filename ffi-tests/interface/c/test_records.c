/*
 * Records: data of every size through spans of every size, records that were changed on their way, and bytes that are
 * no records at all.
 */

#include <stdlib.h>
#include <string.h>

#include "pair.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

/* Forgets what was delivered so far. */
static void forget(side_t *side) {
    bytes_drop(&side->plaintext, side->plaintext.len);
}

/* Makes all that was sent visible, for calls by hand. */
static void show_all(side_t *side) {
    side->shown = side->inbox.len;
}

/* --- Data ------------------------------------------------------------------------------------------------------- */

static void data_of_every_size(void) {
    static const size_t sizes[] = {0, 1, 2, 100, 1000, 16383, 16384, 16385, 100000};
    static const struct {
        size_t seal_room;
        size_t open_room;
        size_t chunk;
        size_t most; /* larger data would take too long */
    } ways[] = {
        {200000, 200000, 0, 100000}, {64, 200000, 0, 16385},    {65, 7, 5, 1000},
        {16406, 16384, 0, 100000},   {1000, 16385, 0, 100000},  {200000, 16383, 0, 100000},
        {200000, 1, 0, 1000},        {200000, 200000, 1, 1000}, {17000, 1000, 4000, 100000},
    };
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t w = 0; w < COUNT(ways); w++) {
            test("%s carries data of every size both ways: sealed into %zu bytes, opened into %zu, %s at a time",
                 version_name(protocols[p]), ways[w].seal_room, ways[w].open_room,
                 ways[w].chunk == 0 ? "everything" : "in small pieces");
            pair_t pair = pair_established(protocols[p]);
            pair.client.seal_room = pair.server.seal_room = ways[w].seal_room;
            pair.client.open_room = pair.server.open_room = ways[w].open_room;
            pair.client.chunk = pair.server.chunk = ways[w].chunk;
            for (size_t s = 0; s < COUNT(sizes) && sizes[s] <= ways[w].most; s++) {
                uint8_t *data = pattern(sizes[s], (uint32_t)s);
                EXPECT_STATUS(send_data(&pair.client, &pair.server, data, sizes[s]), TLS_STATUS_COMPLETE);
                EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
                EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, data, sizes[s]);
                forget(&pair.server);
                EXPECT_STATUS(send_data(&pair.server, &pair.client, data, sizes[s]), TLS_STATUS_COMPLETE);
                EXPECT_STATUS(receive(&pair.client), TLS_STATUS_WANT_READ);
                EXPECT_BYTES(pair.client.plaintext.data, pair.client.plaintext.len, data, sizes[s]);
                forget(&pair.client);
                free(data);
            }
            EXPECT_NUMBER(pair.client.inbox.len, 0);
            EXPECT_NUMBER(pair.server.inbox.len, 0);
            pair_close(&pair);
        }
    }
}

static void rooms_of_encrypt(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        test("%s seals whole records or nothing, in any room", version_name(protocols[p]));
        pair_t pair = pair_established(protocols[p]);
        uint8_t *data = pattern(1000, 1);
        bytes_t sent = {0};
        for (size_t room = 0; room <= 200; room++) {
            size_t before = pair.server.inbox.len;
            size_t consumed = 0;
            EXPECT_STATUS(call_encrypt(&pair.client, &pair.server, data, 1000, room, &consumed),
                          TLS_STATUS_WANT_WRITE);
            EXPECT((consumed > 0) == (pair.server.inbox.len > before));
            EXPECT(room < SPANTLS_MIN_CIPHERTEXT || consumed > 0);
            EXPECT(room > 0 || consumed == 0);
            bytes_append(&sent, data, consumed);
        }
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, sent.data, sent.len);
        bytes_free(&sent);
        free(data);

        test("%s: empty plaintext is COMPLETE and makes no record", version_name(protocols[p]));
        size_t consumed = 77;
        size_t written = 77;
        uint8_t output[100];
        EXPECT_STATUS(tls_session_encrypt(pair.client.session, NULL, 0, output, sizeof output, &consumed, &written),
                      TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(consumed, 0);
        EXPECT_NUMBER(written, 0);
        EXPECT_STATUS(tls_session_encrypt(pair.client.session, NULL, 0, NULL, 0, &consumed, &written),
                      TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_session_encrypt_vectored(pair.client.session, NULL, 0, NULL, 0, &consumed, &written),
                      TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(consumed, 0);
        EXPECT_NUMBER(written, 0);

        test("%s fills records to 16384 bytes", version_name(protocols[p]));
        uint8_t *large = pattern(3 * 16384 + 1, 2);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, large, 3 * 16384 + 1), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(count_records(pair.server.inbox.data, pair.server.inbox.len), 4);
        EXPECT(record_len(pair.server.inbox.data, pair.server.inbox.len) <= SPANTLS_MAX_RECORD);
        free(large);
        pair_close(&pair);
    }
}

/* Seals the spans, in as many calls as it takes with `room` each. */
static void send_spans(side_t *self, side_t *peer, spantls_span_t *spans, size_t num_spans, size_t room) {
    uint8_t *output = pattern(room, 0);
    tls_status_t status = TLS_STATUS_WANT_WRITE;
    while (status == TLS_STATUS_WANT_WRITE) {
        size_t consumed = 77;
        size_t written = 77;
        size_t total = 0;
        for (size_t i = 0; i < num_spans; i++) {
            total += spans[i].len;
        }
        status = tls_session_encrypt_vectored(self->session, spans, num_spans, output, room, &consumed, &written);
        EXPECT(status == TLS_STATUS_COMPLETE || status == TLS_STATUS_WANT_WRITE);
        EXPECT((status == TLS_STATUS_COMPLETE) == (consumed == total));
        if (!EXPECT(consumed <= total) || !EXPECT(written > 0) || !EXPECT(written <= room)) {
            break;
        }
        bytes_append(&peer->inbox, output, written);
        for (size_t i = 0; i < num_spans && consumed > 0; i++) {
            size_t here = consumed < spans[i].len ? consumed : spans[i].len;
            if (here > 0) {
                spans[i].data = (const uint8_t *)spans[i].data + here;
                spans[i].len -= here;
                consumed -= here;
            }
        }
    }
    free(output);
}

static void vectored(void) {
    static const size_t rooms[] = {64, 100, 16406, 20000, 60000};
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t r = 0; r < COUNT(rooms); r++) {
            test("%s gathers spans in order, empty ones too, into %zu bytes of room", version_name(protocols[p]),
                 rooms[r]);
            pair_t pair = pair_established(protocols[p]);
            uint8_t *data = pattern(20000, 3);
            spantls_span_t spans[] = {
                {NULL, 0},     {data, 1}, {data + 1, 5000},  {data, 0},
                {data + 5001, 11383}, {data + 16384, 1}, {data + 16385, 3615}, {NULL, 0},
            };
            send_spans(&pair.client, &pair.server, spans, COUNT(spans), rooms[r]);
            if (rooms[r] == 60000) {
                EXPECT_NUMBER(count_records(pair.server.inbox.data, pair.server.inbox.len), 2);
            }
            EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
            EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, data, 20000);
            free(data);
            pair_close(&pair);
        }

        test("%s gathers a thousand spans of one byte", version_name(protocols[p]));
        pair_t pair = pair_established(protocols[p]);
        uint8_t *data = pattern(1000, 4);
        spantls_span_t *spans = calloc(1000, sizeof *spans);
        for (size_t i = 0; i < 1000; i++) {
            spans[i].data = data + i;
            spans[i].len = 1;
        }
        send_spans(&pair.client, &pair.server, spans, 1000, 2000);
        EXPECT_NUMBER(count_records(pair.server.inbox.data, pair.server.inbox.len), 1);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, data, 1000);
        free(spans);
        free(data);
        pair_close(&pair);
    }
}

static void rooms_of_decrypt(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        const char *version = version_name(protocols[p]);
        pair_t pair = pair_established(protocols[p]);
        side_t *to = &pair.server;

        test("%s: no input is WANT_READ, and so is every beginning of a record", version);
        EXPECT_STATUS(call_decrypt(to, 100), TLS_STATUS_WANT_READ);
        EXPECT_STATUS(call_decrypt(to, 0), TLS_STATUS_WANT_READ);
        EXPECT_STATUS(send_data(&pair.client, to, "0123456789", 10), TLS_STATUS_COMPLETE);
        for (size_t len = 0; len < to->inbox.len; len++) {
            to->shown = len;
            EXPECT_STATUS(call_decrypt(to, 100), TLS_STATUS_WANT_READ);
        }

        test("%s: a data record and no room at all is WANT_WRITE, and nothing happens", version);
        show_all(to);
        for (int i = 0; i < 3; i++) {
            EXPECT_STATUS(call_decrypt(to, 0), TLS_STATUS_WANT_WRITE);
            EXPECT(!(tls_session_state(to->session) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT));
        }

        test("%s: a record larger than the room is held, and comes out without input", version);
        EXPECT_STATUS(call_decrypt(to, 3), TLS_STATUS_WANT_WRITE);
        EXPECT_NUMBER(to->inbox.len, 0);
        EXPECT_STATUS(call_decrypt(to, 0), TLS_STATUS_WANT_WRITE);
        EXPECT_STATUS(call_decrypt(to, 3), TLS_STATUS_WANT_WRITE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "012345", 6);
        EXPECT_STATUS(call_decrypt(to, 100), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "0123456789", 10);
        EXPECT(!(tls_session_state(to->session) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT));
        EXPECT_STATUS(call_decrypt(to, 100), TLS_STATUS_WANT_READ);
        forget(to);

        test("%s: room for exactly the record's plaintext is enough", version);
        EXPECT_STATUS(send_data(&pair.client, to, "0123456789", 10), TLS_STATUS_COMPLETE);
        show_all(to);
        EXPECT_STATUS(call_decrypt(to, 10), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "0123456789", 10);
        EXPECT(!(tls_session_state(to->session) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT));
        forget(to);

        test("%s: one byte less than that holds one byte", version);
        EXPECT_STATUS(send_data(&pair.client, to, "0123456789", 10), TLS_STATUS_COMPLETE);
        show_all(to);
        EXPECT_STATUS(call_decrypt(to, 9), TLS_STATUS_WANT_WRITE);
        EXPECT_NUMBER(to->plaintext.len, 9);
        EXPECT_STATUS(call_decrypt(to, 1), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "0123456789", 10);
        forget(to);

        test("%s: several records are opened by one call", version);
        for (int i = 0; i < 5; i++) {
            EXPECT_STATUS(send_data(&pair.client, to, "0123456789", 10), TLS_STATUS_COMPLETE);
        }
        show_all(to);
        EXPECT_STATUS(call_decrypt(to, 50), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(to->inbox.len, 0);
        EXPECT_NUMBER(to->plaintext.len, 50);
        forget(to);

        test("%s: decrypt stops before a record that does not fit, if it has done anything else", version);
        EXPECT_STATUS(send_data(&pair.client, to, "first", 5), TLS_STATUS_COMPLETE);
        size_t first = to->inbox.len;
        EXPECT_STATUS(send_data(&pair.client, to, "second", 6), TLS_STATUS_COMPLETE);
        show_all(to);
        size_t both = to->inbox.len;
        EXPECT_STATUS(call_decrypt(to, 10), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "first", 5);
        EXPECT_NUMBER(to->inbox.len, both - first);
        EXPECT_STATUS(call_decrypt(to, 10), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "firstsecond", 11);
        forget(to);

        test("%s: held plaintext comes before new records", version);
        EXPECT_STATUS(send_data(&pair.client, to, "first", 5), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(send_data(&pair.client, to, "second", 6), TLS_STATUS_COMPLETE);
        show_all(to);
        EXPECT_STATUS(call_decrypt(to, 2), TLS_STATUS_WANT_WRITE);
        EXPECT_STATUS(receive(to), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "firstsecond", 11);
        forget(to);

        test("%s: decrypt_in_place is refused while plaintext is held", version);
        EXPECT_STATUS(send_data(&pair.client, to, "first", 5), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(send_data(&pair.client, to, "second", 6), TLS_STATUS_COMPLETE);
        show_all(to);
        EXPECT_STATUS(call_decrypt(to, 2), TLS_STATUS_WANT_WRITE);
        size_t consumed = 77;
        size_t offset = 77;
        size_t len = 77;
        EXPECT_STATUS(tls_session_decrypt_in_place(to->session, to->inbox.data, to->inbox.len, &consumed, &offset,
                                                   &len),
                      TLS_STATUS_INVALID_STATE);
        EXPECT(consumed == 0 && offset == 0 && len == 0);
        EXPECT_STATUS(call_decrypt(to, 3), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive_in_place(to), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "firstsecond", 11);
        pair_close(&pair);
    }
}

static void in_place(void) {
    static const size_t sizes[] = {1, 2, 1000, 16384, 16385, 100000};
    static const size_t chunks[] = {0, 700};
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t c = 0; c < COUNT(chunks); c++) {
            test("%s opens records where they lie, %s", version_name(protocols[p]),
                 chunks[c] == 0 ? "many in the buffer" : "arriving in pieces");
            pair_t pair = pair_established(protocols[p]);
            pair.client.chunk = pair.server.chunk = chunks[c];
            for (size_t s = 0; s < COUNT(sizes); s++) {
                uint8_t *data = pattern(sizes[s], (uint32_t)s);
                EXPECT_STATUS(send_data(&pair.client, &pair.server, data, sizes[s]), TLS_STATUS_COMPLETE);
                EXPECT_STATUS(receive_in_place(&pair.server), TLS_STATUS_WANT_READ);
                EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, data, sizes[s]);
                forget(&pair.server);
                EXPECT_STATUS(send_data(&pair.server, &pair.client, data, sizes[s]), TLS_STATUS_COMPLETE);
                EXPECT_STATUS(receive_in_place(&pair.client), TLS_STATUS_WANT_READ);
                EXPECT_BYTES(pair.client.plaintext.data, pair.client.plaintext.len, data, sizes[s]);
                forget(&pair.client);
                free(data);
            }
            pair_close(&pair);
        }
    }
}

/* --- Records that are wrong ------------------------------------------------------------------------------------- */

/* The reader has failed for good, knows why, and tells the peer, who understands. */
static void expect_broken(pair_t *pair, int alert) {
    side_t *reader = &pair->server;
    side_t *writer = &pair->client;
    for (int i = 0; i < 2; i++) {
        show_all(reader);
        EXPECT_STATUS(call_decrypt(reader, 100000), TLS_STATUS_PROTOCOL_ERROR);
        spantls_error_t error = error_of(reader->session);
        EXPECT_STATUS(error.status, TLS_STATUS_PROTOCOL_ERROR);
        EXPECT_NUMBER(error.alert_received, -1);
        EXPECT(error.alert_sent > 0);
        if (alert >= 0) {
            EXPECT_NUMBER(error.alert_sent, alert);
        }
    }
    EXPECT(tls_session_state(reader->session) & SPANTLS_STATE_FAILED);
    size_t consumed = 77;
    EXPECT_STATUS(call_encrypt(reader, writer, (const uint8_t *)"x", 1, 0, &consumed), TLS_STATUS_PROTOCOL_ERROR);
    EXPECT(tls_session_has_pending_output(reader->session));
    drain_to(reader, writer, 3);
    const int sent = error_of(reader->session).alert_sent;
    EXPECT_STATUS(receive(writer), TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error_of(writer->session).alert_received, sent);
    EXPECT_NUMBER(error_of(writer->session).alert_sent, -1);
    pair_close(pair);
}

static void changed_records(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        const char *version = version_name(protocols[p]);
        pair_t pair;
        side_t *from;
        side_t *to;
        size_t first;

        /* Each byte behind the header in turn would be slow: the first, the last, one in the middle. */
        for (int where = 0; where < 3; where++) {
            test("%s: a record changed %s is bad_record_mac", version,
                 where == 0   ? "in front"
                 : where == 1 ? "in the middle"
                              : "at its end");
            pair = pair_established(protocols[p]);
            EXPECT_STATUS(send_data(&pair.client, &pair.server, "tamper with me", 14), TLS_STATUS_COMPLETE);
            size_t at = where == 0 ? 5 : where == 1 ? pair.server.inbox.len / 2 : pair.server.inbox.len - 1;
            pair.server.inbox.data[at] ^= 0x80;
            expect_broken(&pair, SPANTLS_ALERT_BAD_RECORD_MAC);
        }

        test("%s: good records before a bad one are delivered first, the error comes next", version);
        pair = pair_established(protocols[p]);
        from = &pair.client;
        to = &pair.server;
        EXPECT_STATUS(send_data(from, to, "good one, ", 10), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(send_data(from, to, "good two", 8), TLS_STATUS_COMPLETE);
        first = to->inbox.len;
        EXPECT_STATUS(send_data(from, to, "bad", 3), TLS_STATUS_COMPLETE);
        to->inbox.data[to->inbox.len - 1] ^= 1;
        size_t bad = to->inbox.len - first;
        show_all(to);
        EXPECT_STATUS(call_decrypt(to, 1000), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "good one, good two", 18);
        EXPECT_NUMBER(to->inbox.len, bad);
        expect_broken(&pair, SPANTLS_ALERT_BAD_RECORD_MAC);

        test("%s: held plaintext is delivered before the error of a bad record", version);
        pair = pair_established(protocols[p]);
        from = &pair.client;
        to = &pair.server;
        EXPECT_STATUS(send_data(from, to, "0123456789", 10), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(send_data(from, to, "bad", 3), TLS_STATUS_COMPLETE);
        to->inbox.data[to->inbox.len - 1] ^= 1;
        show_all(to);
        EXPECT_STATUS(call_decrypt(to, 4), TLS_STATUS_WANT_WRITE);
        EXPECT_STATUS(call_decrypt(to, 4), TLS_STATUS_WANT_WRITE);
        EXPECT_STATUS(call_decrypt(to, 4), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "0123456789", 10);
        expect_broken(&pair, SPANTLS_ALERT_BAD_RECORD_MAC);

        test("%s: a record that comes twice is bad_record_mac", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "again", 5), TLS_STATUS_COMPLETE);
        bytes_t copy = {0};
        bytes_append(&copy, pair.server.inbox.data, pair.server.inbox.len);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
        bytes_append(&pair.server.inbox, copy.data, copy.len);
        bytes_free(&copy);
        expect_broken(&pair, SPANTLS_ALERT_BAD_RECORD_MAC);

        test("%s: a record that is left out is noticed with the next", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "lost", 4), TLS_STATUS_COMPLETE);
        first = pair.server.inbox.len;
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "next", 4), TLS_STATUS_COMPLETE);
        bytes_drop(&pair.server.inbox, first);
        expect_broken(&pair, SPANTLS_ALERT_BAD_RECORD_MAC);

        test("%s: a record too short to be one is refused", version);
        pair = pair_established(protocols[p]);
        bytes_append(&pair.server.inbox, "\x17\x03\x03\x00\x03\x01\x02\x03", 8);
        expect_broken(&pair, -1);

        test("%s: a handshake message in the clear is refused", version);
        pair = pair_established(protocols[p]);
        bytes_append(&pair.server.inbox, "\x16\x03\x03\x00\x04\x00\x00\x00\x00", 9);
        expect_broken(&pair, -1);

        test("%s: an alert in the clear is not believed", version);
        pair = pair_established(protocols[p]);
        bytes_append(&pair.server.inbox, "\x15\x03\x03\x00\x02\x01\x00", 7);
        expect_broken(&pair, -1);

        test("%s: a change_cipher_spec after the handshake is refused", version);
        pair = pair_established(protocols[p]);
        bytes_append(&pair.server.inbox, "\x14\x03\x03\x00\x01\x01", 6);
        expect_broken(&pair, -1);

        test("%s: an over-long record is record_overflow from its five header bytes, and the longest is not", version);
        const uint8_t over[5] = {23, 3, 3, protocols[p] == SPANTLS_PROTOCOL_TLS13 ? 0x41 : 0x48, 0x01};
        const uint8_t longest[5] = {23, 3, 3, protocols[p] == SPANTLS_PROTOCOL_TLS13 ? 0x41 : 0x48, 0x00};
        pair = pair_established(protocols[p]);
        bytes_append(&pair.server.inbox, longest, 5);
        show_all(&pair.server);
        EXPECT_STATUS(call_decrypt(&pair.server, 100), TLS_STATUS_WANT_READ);
        bytes_drop(&pair.server.inbox, 5);
        bytes_append(&pair.server.inbox, over, 4);
        show_all(&pair.server);
        EXPECT_STATUS(call_decrypt(&pair.server, 100), TLS_STATUS_WANT_READ);
        bytes_append(&pair.server.inbox, over + 4, 1);
        expect_broken(&pair, SPANTLS_ALERT_RECORD_OVERFLOW);

        test("%s: what is no record is refused at the byte that proves it", version);
        pair = pair_established(protocols[p]);
        bytes_append(&pair.server.inbox, "G", 1);
        expect_broken(&pair, -1);
        pair = pair_established(protocols[p]);
        bytes_append(&pair.server.inbox, "\x17", 1);
        show_all(&pair.server);
        EXPECT_STATUS(call_decrypt(&pair.server, 100), TLS_STATUS_WANT_READ);
        bytes_append(&pair.server.inbox, "\x02", 1);
        expect_broken(&pair, -1);

        test("%s: decrypt_in_place finds a changed record, too", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "good", 4), TLS_STATUS_COMPLETE);
        first = pair.server.inbox.len;
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "tamper with me", 14), TLS_STATUS_COMPLETE);
        pair.server.inbox.data[pair.server.inbox.len - 1] ^= 1;
        EXPECT_STATUS(receive_in_place(&pair.server), TLS_STATUS_PROTOCOL_ERROR);
        EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, "good", 4);
        EXPECT_NUMBER(error_of(pair.server.session).alert_sent, SPANTLS_ALERT_BAD_RECORD_MAC);
        EXPECT_STATUS(receive_in_place(&pair.server), TLS_STATUS_PROTOCOL_ERROR);
        expect_broken(&pair, SPANTLS_ALERT_BAD_RECORD_MAC);
    }
}

/* --- What is not TLS -------------------------------------------------------------------------------------------- */

/* A fresh session of either role that is fed `len` bytes, `chunk` at a time (0: at once), must refuse them. */
static void expect_refused(bool as_server, const uint8_t *bytes, size_t len, size_t chunk, int alert) {
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    side_t *self = as_server ? &pair.server : &pair.client;
    side_t *peer = as_server ? &pair.client : &pair.server;
    run_side(self, peer);
    EXPECT_STATUS(self->status, TLS_STATUS_WANT_READ);
    bytes_append(&self->inbox, bytes, len);
    self->chunk = chunk;
    run_side(self, peer);
    EXPECT_STATUS(self->status, TLS_STATUS_PROTOCOL_ERROR);
    EXPECT_STATUS(call_handshake(self, peer), TLS_STATUS_PROTOCOL_ERROR);
    spantls_error_t error = error_of(self->session);
    EXPECT_STATUS(error.status, TLS_STATUS_PROTOCOL_ERROR);
    EXPECT_NUMBER(error.alert_received, -1);
    if (alert >= 0) {
        EXPECT_NUMBER(error.alert_sent, alert);
    }
    pair_close(&pair);
}

static void not_tls(void) {
    static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char http_answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static const uint8_t ssl2[] = {0x80, 0x2e, 0x01, 0x03, 0x01, 0x00, 0x15, 0x00, 0x00, 0x00, 0x10, 0x00,
                                   0x00, 0x39, 0x00, 0x00, 0x38, 0x00, 0x00, 0x35, 0x00, 0x00, 0x16, 0x00,
                                   0x00, 0x13, 0x00, 0x00, 0x0a, 0x07, 0x00, 0xc0, 1,    2,    3,    4,
                                   5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,   16};
    static const uint8_t major_version_2[] = {22, 2, 0, 0, 1, 0};
    static const uint8_t over_long[] = {22, 3, 1, 0x40, 0x01};
    for (int as_server = 0; as_server < 2; as_server++) {
        const char *role = as_server ? "server" : "client";
        for (size_t chunk = 0; chunk < 2; chunk++) {
            const char *how = chunk == 0 ? "at once" : "byte by byte";
            test("a %s refuses HTTP, %s", role, how);
            expect_refused(as_server, (const uint8_t *)(as_server ? http : http_answer),
                           as_server ? sizeof http - 1 : sizeof http_answer - 1, chunk, -1);
            test("a %s refuses the hello of SSL 2, %s", role, how);
            expect_refused(as_server, ssl2, sizeof ssl2, chunk, -1);
            test("a %s refuses records of another major version, %s", role, how);
            expect_refused(as_server, major_version_2, sizeof major_version_2, chunk, -1);
            test("a %s refuses noise, %s", role, how);
            for (uint32_t seed = 1; seed < 20; seed++) {
                uint8_t *noise = pattern(300, seed);
                noise[0] = (uint8_t)(noise[0] | 0x40); /* never a content type of TLS */
                expect_refused(as_server, noise, 300, chunk, -1);
                free(noise);
            }
            test("a %s refuses noise inside of a proper record, %s", role, how);
            for (uint32_t seed = 1; seed < 20; seed++) {
                static const uint8_t header[] = {22, 3, 1, 0, 200};
                uint8_t *noise = pattern(205, seed);
                memcpy(noise, header, sizeof header);
                noise[5] = (uint8_t)(noise[5] | 0x40); /* never a handshake message that is expected here */
                memcpy(noise + 6, "\0\0\x0a", 3);      /* of ten bytes, so that it is all there */
                expect_refused(as_server, noise, 205, chunk, -1);
                free(noise);
            }
            test("a %s refuses an over-long record with record_overflow, %s", role, how);
            expect_refused(as_server, over_long, sizeof over_long, chunk, SPANTLS_ALERT_RECORD_OVERFLOW);
        }
        test("a %s refuses what is no content type from the first byte", role);
        expect_refused(as_server, (const uint8_t *)http, 1, 0, -1);
        expect_refused(as_server, ssl2, 1, 0, -1);
        test("a %s refuses another major version from the second byte", role);
        expect_refused(as_server, major_version_2, 2, 0, -1);
        test("a %s refuses application data in place of the first message", role);
        static const uint8_t data[] = {23, 3, 3, 0, 3, 'a', 'b', 'c'};
        expect_refused(as_server, data, sizeof data, 0, -1);
    }

    test("an incomplete header and a record of full length are waited for");
    setup_t server = {.credentials = "server-p256"};
    setup_t client = {.anchors = "ca"};
    pair_t pair = pair_open(&client, &server);
    bytes_append(&pair.server.inbox, over_long, 4);
    run_side(&pair.server, &pair.client);
    EXPECT_STATUS(pair.server.status, TLS_STATUS_WANT_READ);
    bytes_append(&pair.server.inbox, "\0", 1); /* 0x4000 */
    run_side(&pair.server, &pair.client);
    EXPECT_STATUS(pair.server.status, TLS_STATUS_WANT_READ);
    EXPECT_NUMBER(pair.server.inbox.len, 5);
    pair_close(&pair);

    test("a handshake message longer than 65535 bytes is refused before it is there");
    pair = pair_open(&client, &server);
    uint8_t *record = calloc(1, 5 + 16384);
    const uint8_t head[] = {22, 3, 1, 0x40, 0, 1, 0x01, 0, 1}; /* a ClientHello of 65537 bytes */
    memcpy(record, head, sizeof head);
    bytes_append(&pair.server.inbox, record, 5 + 16384);
    for (int i = 0; i < 5; i++) {
        memset(record + 5, 0, 16384);
        bytes_append(&pair.server.inbox, record, 5 + 16384);
    }
    run_side(&pair.server, &pair.client);
    EXPECT_STATUS(pair.server.status, TLS_STATUS_PROTOCOL_ERROR);
    free(record);
    pair_close(&pair);
}

/* Flights with one byte changed: whatever comes of it, it is a status, both ends stay in one piece, and a handshake
 * that completes has the same transcript on both sides. */
static void changed_flights(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (int flight = 0; flight < 3; flight++) {
            test("%s: no byte of flight %d can be changed without an orderly end", version_name(protocols[p]),
                 flight + 1);
            size_t len = 1;
            setup_t client = {.anchors = "ca", .protocols = protocols[p]};
            setup_t server = {.credentials = "server-p256"};
            tls_context_t *client_context = make_context(false, &client);
            tls_context_t *server_context = make_context(true, &server);
            for (size_t at = 0; at < len; at += quick ? 23 : 3) {
                pair_t pair = pair_on(client_context, server_context);
                side_t *target = flight == 1 ? &pair.client : &pair.server;
                pair.client.judge = JUDGE_ACCEPT;
                run_side(&pair.client, &pair.server);
                if (flight > 0) {
                    run_side(&pair.server, &pair.client);
                }
                if (flight > 1) {
                    run_side(&pair.client, &pair.server);
                }
                /* Not always the same: the length of an ECDSA signature varies. */
                len = target->inbox.len;
                if (at < len) {
                    target->inbox.data[at] ^= (uint8_t)(1u << at % 8);
                }
                if (run_handshake(&pair)) {
                    /* Only a byte that the protocol ignores, such as a record's minor version. */
                    EXPECT_STATUS(send_data(&pair.client, &pair.server, "x", 1), TLS_STATUS_COMPLETE);
                    EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
                }
                pair_close(&pair);
            }
            tls_context_destroy(client_context);
            tls_context_destroy(server_context);
        }
    }
}

int main(int argc, char **argv) {
    begin(argc, argv);
    data_of_every_size();
    rooms_of_encrypt();
    vectored();
    rooms_of_decrypt();
    in_place();
    changed_records();
    not_tls();
    changed_flights();
    return finish();
}

/*
 * How connections end: closed by either side, half-closed, cancelled, or cut.
 */

#include <stdlib.h>
#include <string.h>

#include "pair.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

static void show_all(side_t *side) {
    side->shown = side->inbox.len;
}

/* decrypt says CLOSED, again and again, and takes nothing more. */
static void expect_closed(side_t *side) {
    for (int i = 0; i < 3; i++) {
        size_t before = side->plaintext.len;
        EXPECT_STATUS(receive(side), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive_in_place(side), TLS_STATUS_CLOSED);
        EXPECT_NUMBER(side->plaintext.len, before);
    }
    EXPECT(tls_session_state(side->session) & SPANTLS_STATE_PEER_CLOSED);
}

static void expect_no_more_writing(side_t *side, side_t *peer) {
    size_t consumed = 77;
    size_t sent = peer->inbox.len;
    EXPECT_STATUS(call_encrypt(side, peer, (const uint8_t *)"x", 1, 1000, &consumed), TLS_STATUS_INVALID_STATE);
    EXPECT_NUMBER(peer->inbox.len, sent);
    EXPECT(tls_session_state(side->session) & SPANTLS_STATE_SHUTDOWN_SENT);
}

/* `first` closes, `second` follows. */
static void close_in_order(uint32_t protocol, bool client_first) {
    test("%s closed by the %s first", version_name(protocol), client_first ? "client" : "server");
    pair_t pair = pair_established(protocol);
    side_t *first = client_first ? &pair.client : &pair.server;
    side_t *second = client_first ? &pair.server : &pair.client;

    EXPECT_STATUS(send_data(first, second, "last words", 10), TLS_STATUS_COMPLETE);
    EXPECT(!(tls_session_state(first->session) & SPANTLS_STATE_SHUTDOWN_SENT));
    EXPECT_STATUS(send_close(first, second), TLS_STATUS_CLOSED);
    size_t sent = second->inbox.len;
    EXPECT_STATUS(send_close(first, second), TLS_STATUS_CLOSED);
    EXPECT_NUMBER(second->inbox.len, sent);
    expect_no_more_writing(first, second);
    EXPECT(!(tls_session_state(first->session) & SPANTLS_STATE_PEER_CLOSED));

    EXPECT_STATUS(receive(second), TLS_STATUS_CLOSED);
    EXPECT_BYTES(second->plaintext.data, second->plaintext.len, "last words", 10);
    EXPECT_NUMBER(second->inbox.len, 0);
    expect_closed(second);

    if (protocol == SPANTLS_PROTOCOL_TLS13) {
        /* The other half stays open (RFC 8446 section 6.1). */
        EXPECT_NUMBER(tls_session_has_pending_output(second->session), 0);
        uint8_t *data = pattern(40000, 5);
        EXPECT_STATUS(send_data(second, first, data, 40000), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(first), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(first->plaintext.data, first->plaintext.len, data, 40000);
        free(data);
        EXPECT_STATUS(send_close(second, first), TLS_STATUS_CLOSED);
    } else {
        /* The answer is owed at once (RFC 5246 section 7.2.1). */
        EXPECT_NUMBER(tls_session_has_pending_output(second->session), 1);
        /* Encrypt is over; what it would have handed over first stays for draining. */
        size_t consumed = 77;
        EXPECT_STATUS(call_encrypt(second, first, (const uint8_t *)"x", 1, 0, &consumed), TLS_STATUS_INVALID_STATE);
        EXPECT_STATUS(call_encrypt(second, first, (const uint8_t *)"x", 1, 1000, &consumed), TLS_STATUS_INVALID_STATE);
        EXPECT_NUMBER(tls_session_has_pending_output(second->session), 1);
        drain_to(second, first, 1000);
        EXPECT_NUMBER(count_records(first->inbox.data, first->inbox.len), 1);
    }
    expect_no_more_writing(second, first);
    EXPECT_STATUS(receive(first), TLS_STATUS_CLOSED);
    EXPECT_NUMBER(first->inbox.len, 0);
    expect_closed(first);
    expect_closed(second);

    EXPECT_STATUS(tls_session_end_of_input(first->session), TLS_STATUS_CLOSED);
    EXPECT_STATUS(tls_session_end_of_input(second->session), TLS_STATUS_CLOSED);
    expect_closed(first);
    EXPECT(!(tls_session_state(first->session) & SPANTLS_STATE_FAILED));
    EXPECT(!(tls_session_state(second->session) & SPANTLS_STATE_FAILED));
    pair_close(&pair);
}

static void closed_properly(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        const char *version = version_name(protocols[p]);
        close_in_order(protocols[p], true);
        close_in_order(protocols[p], false);

        test("%s closed by both at once", version);
        pair_t pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        EXPECT_STATUS(send_close(&pair.server, &pair.client), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive(&pair.client), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_CLOSED);
        EXPECT_NUMBER(tls_session_has_pending_output(pair.client.session), 0);
        EXPECT_NUMBER(tls_session_has_pending_output(pair.server.session), 0);
        pair_close(&pair);

        test("%s: an answer through shutdown is made only once", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_CLOSED);
        EXPECT_STATUS(send_close(&pair.server, &pair.client), TLS_STATUS_CLOSED);
        drain_to(&pair.server, &pair.client, 100);
        EXPECT_NUMBER(count_records(pair.client.inbox.data, pair.client.inbox.len), 1);
        EXPECT_STATUS(receive(&pair.client), TLS_STATUS_CLOSED);
        pair_close(&pair);

        test("%s: decrypt still works after our own shutdown", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_data(&pair.server, &pair.client, "on its way", 10), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive(&pair.client), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(pair.client.plaintext.data, pair.client.plaintext.len, "on its way", 10);
        pair_close(&pair);

        test("%s: everything before a close_notify is delivered, into whatever room", version);
        for (size_t room = 1; room < 12; room++) {
            pair = pair_established(protocols[p]);
            EXPECT_STATUS(send_data(&pair.client, &pair.server, "0123456789", 10), TLS_STATUS_COMPLETE);
            EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
            pair.server.open_room = room;
            EXPECT_STATUS(receive(&pair.server), TLS_STATUS_CLOSED);
            EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, "0123456789", 10);
            pair_close(&pair);
        }

        test("%s: a close_notify needs no room", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        show_all(&pair.server);
        EXPECT_STATUS(call_decrypt(&pair.server, 0), TLS_STATUS_CLOSED);
        EXPECT_STATUS(call_decrypt(&pair.server, 0), TLS_STATUS_CLOSED);
        pair_close(&pair);

        test("%s: a close_notify is seen by decrypt_in_place", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "0123456789", 10), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive_in_place(&pair.server), TLS_STATUS_CLOSED);
        EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, "0123456789", 10);
        EXPECT_NUMBER(pair.server.inbox.len, 0);
        pair_close(&pair);

        test("%s: what comes behind a close_notify is not looked at", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        bytes_append(&pair.server.inbox, "GET / HTTP/1.0", 14);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_CLOSED);
        EXPECT_NUMBER(pair.server.plaintext.len, 0);
        pair_close(&pair);

        test("%s: shutdown in any room gives the same close_notify", version);
        for (size_t room = 0; room < 40; room++) {
            uint8_t output[64];
            pair = pair_established(protocols[p]);
            tls_status_t status = TLS_STATUS_WANT_WRITE;
            for (int calls = 0; calls < 100 && status == TLS_STATUS_WANT_WRITE; calls++) {
                size_t written = 77;
                status = tls_session_shutdown(pair.client.session, output, room, &written);
                EXPECT(written <= room);
                EXPECT(status == TLS_STATUS_WANT_WRITE || status == TLS_STATUS_CLOSED);
                bytes_append(&pair.server.inbox, output, written <= room ? written : 0);
                if (room == 0) {
                    EXPECT_STATUS(status, TLS_STATUS_WANT_WRITE);
                    drain_to(&pair.client, &pair.server, 3);
                    EXPECT_STATUS(tls_session_shutdown(pair.client.session, NULL, 0, &written), TLS_STATUS_CLOSED);
                    status = TLS_STATUS_CLOSED;
                }
            }
            EXPECT_STATUS(status, TLS_STATUS_CLOSED);
            EXPECT_STATUS(receive(&pair.server), TLS_STATUS_CLOSED);
            pair_close(&pair);
        }
    }
}

/* --- Cut ------------------------------------------------------------------------------------------------------- */

static void cut(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        const char *version = version_name(protocols[p]);
        test("%s: the end of input without a close_notify is TRUNCATED, for the read half only", version);
        pair_t pair = pair_established(protocols[p]);
        side_t *side = &pair.server;
        EXPECT_STATUS(tls_session_end_of_input(side->session), TLS_STATUS_TRUNCATED);
        EXPECT_STATUS(error_of(side->session).status, TLS_STATUS_TRUNCATED);
        EXPECT_STATUS(call_decrypt(side, 100), TLS_STATUS_TRUNCATED);
        EXPECT_STATUS(receive_in_place(side), TLS_STATUS_TRUNCATED);
        EXPECT_STATUS(tls_session_end_of_input(side->session), TLS_STATUS_TRUNCATED);
        EXPECT_STATUS(send_data(side, &pair.client, "still here", 10), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(&pair.client), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(pair.client.plaintext.data, pair.client.plaintext.len, "still here", 10);
        EXPECT_STATUS(send_close(side, &pair.client), TLS_STATUS_CLOSED);
        EXPECT_STATUS(receive(&pair.client), TLS_STATUS_CLOSED);
        pair_close(&pair);

        test("%s: our own shutdown does not stand in for the peer's", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        EXPECT_STATUS(tls_session_end_of_input(pair.client.session), TLS_STATUS_TRUNCATED);
        pair_close(&pair);

        test("%s: a cut inside of a record is TRUNCATED", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "0123456789", 10), TLS_STATUS_COMPLETE);
        pair.server.inbox.len--;
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
        EXPECT_STATUS(tls_session_end_of_input(pair.server.session), TLS_STATUS_TRUNCATED);
        EXPECT_NUMBER(pair.server.plaintext.len, 0);
        pair_close(&pair);

        test("%s: held plaintext still comes out after the end of input", version);
        pair = pair_established(protocols[p]);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "0123456789", 10), TLS_STATUS_COMPLETE);
        show_all(&pair.server);
        EXPECT_STATUS(call_decrypt(&pair.server, 4), TLS_STATUS_WANT_WRITE);
        EXPECT_STATUS(tls_session_end_of_input(pair.server.session), TLS_STATUS_TRUNCATED);
        EXPECT(tls_session_state(pair.server.session) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT);
        EXPECT_STATUS(call_decrypt(&pair.server, 4), TLS_STATUS_WANT_WRITE);
        EXPECT_STATUS(call_decrypt(&pair.server, 4), TLS_STATUS_COMPLETE);
        EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, "0123456789", 10);
        EXPECT_STATUS(call_decrypt(&pair.server, 4), TLS_STATUS_TRUNCATED);
        pair_close(&pair);

        test("%s: a cut during the handshake is TRUNCATED and lasts", version);
        setup_t client = {.anchors = "ca", .protocols = protocols[p]};
        setup_t server = {.credentials = "server-p256"};
        for (int flights = 0; flights < 3; flights++) {
            pair = pair_open(&client, &server);
            for (int i = 0; i < flights; i++) {
                run_side(i % 2 == 0 ? &pair.client : &pair.server, i % 2 == 0 ? &pair.server : &pair.client);
            }
            side_t *waiting = flights % 2 == 0 ? &pair.server : &pair.client;
            side_t *other = flights % 2 == 0 ? &pair.client : &pair.server;
            /* Half of the flight arrives, then the end. */
            waiting->inbox.len /= 2;
            run_side(waiting, other);
            if (waiting->status == TLS_STATUS_WANT_READ) {
                EXPECT_STATUS(tls_session_end_of_input(waiting->session), TLS_STATUS_TRUNCATED);
                EXPECT_STATUS(call_handshake(waiting, other), TLS_STATUS_TRUNCATED);
                EXPECT_STATUS(call_handshake(waiting, other), TLS_STATUS_TRUNCATED);
                EXPECT_STATUS(error_of(waiting->session).status, TLS_STATUS_TRUNCATED);
                EXPECT(!waiting->was_complete);
            }
            pair_close(&pair);
        }

        test("%s: a cut while a verdict is awaited is remembered until input is needed", version);
        pair = pair_open(&client, &server);
        pair.client.judge = JUDGE_STOP;
        run_handshake(&pair);
        EXPECT_STATUS(pair.client.status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        EXPECT_STATUS(tls_session_end_of_input(pair.client.session), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(call_handshake(&pair.client, &pair.server), TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        EXPECT_STATUS(tls_session_set_certificate_validation_result(pair.client.session, 0), TLS_STATUS_COMPLETE);
        resume(&pair.client);
        /* A server's flight of TLS 1.3 may be one record; then there is no rest that could be lost. */
        bool needs_more = protocols[p] == SPANTLS_PROTOCOL_TLS12 || pair.client.inbox.len > 0;
        pair.client.inbox.len = pair.client.shown = 0;
        run_side(&pair.client, &pair.server);
        EXPECT_STATUS(pair.client.status, needs_more ? TLS_STATUS_TRUNCATED : TLS_STATUS_COMPLETE);
        pair_close(&pair);

        test("%s: a refusal is still told after a cut", version);
        pair = pair_open(&client, &server);
        pair.client.judge = JUDGE_STOP;
        run_handshake(&pair);
        EXPECT_STATUS(tls_session_end_of_input(pair.client.session), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_session_reject(pair.client.session, SPANTLS_ALERT_ACCESS_DENIED), TLS_STATUS_COMPLETE);
        resume(&pair.client);
        EXPECT(!run_handshake(&pair));
        EXPECT_STATUS(pair.client.status, TLS_STATUS_AUTHENTICATION_FAILED);
        EXPECT_STATUS(pair.server.status, TLS_STATUS_PEER_ALERT);
        EXPECT_NUMBER(error_of(pair.server.session).alert_received, SPANTLS_ALERT_ACCESS_DENIED);
        pair_close(&pair);
    }

    test("TLS 1.3: a cut behind the whole flight does not keep an accepted handshake from completing");
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    pair.client.judge = JUDGE_STOP;
    run_handshake(&pair);
    EXPECT_STATUS(tls_session_end_of_input(pair.client.session), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_set_certificate_validation_result(pair.client.session, 0), TLS_STATUS_COMPLETE);
    resume(&pair.client);
    EXPECT(run_handshake(&pair));
    EXPECT_STATUS(call_decrypt(&pair.client, 100), TLS_STATUS_TRUNCATED);
    pair_close(&pair);
}

/* --- Cancelled -------------------------------------------------------------------------------------------------- */

static void cancelled(void) {
    for (int as_server = 0; as_server < 2; as_server++) {
        setup_t client = {.anchors = "ca"};
        setup_t server = {.credentials = "server-p256"};
        test("a %s that is shut down before it did anything says nothing, and is closed",
             as_server ? "server" : "client");
        pair_t pair = pair_open(&client, &server);
        side_t *self = as_server ? &pair.server : &pair.client;
        side_t *peer = as_server ? &pair.client : &pair.server;
        for (int i = 0; i < 2; i++) {
            EXPECT_STATUS(send_close(self, peer), TLS_STATUS_CLOSED);
            EXPECT_STATUS(call_handshake(self, peer), TLS_STATUS_CLOSED);
        }
        EXPECT_NUMBER(peer->inbox.len, 0);
        pair_close(&pair);

        test("a %s that is shut down at the start of its handshake says user_canceled and close_notify, once",
             as_server ? "server" : "client");
        pair = pair_open(&client, &server);
        self = as_server ? &pair.server : &pair.client;
        peer = as_server ? &pair.client : &pair.server;
        EXPECT_STATUS(call_handshake(self, peer), TLS_STATUS_WANT_READ);
        bytes_drop(&peer->inbox, peer->inbox.len);
        for (int i = 0; i < 2; i++) {
            EXPECT_STATUS(send_close(self, peer), TLS_STATUS_CLOSED);
            EXPECT_STATUS(call_handshake(self, peer), TLS_STATUS_CLOSED);
        }
        EXPECT_NUMBER(count_records(peer->inbox.data, peer->inbox.len), 2);
        if (EXPECT_NUMBER(peer->inbox.len, 14)) {
            EXPECT_NUMBER(peer->inbox.data[0], 21);
            EXPECT_NUMBER(peer->inbox.data[6], SPANTLS_ALERT_USER_CANCELED);
            EXPECT_NUMBER(peer->inbox.data[7], 21);
            EXPECT_NUMBER(peer->inbox.data[13], SPANTLS_ALERT_CLOSE_NOTIFY);
        }
        pair_close(&pair);
    }

    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (int flights = 1; flights < 3; flights++) {
            for (int by_client = 0; by_client < 2; by_client++) {
                test("%s: a handshake that the %s cancels after flight %d completes on neither side",
                     version_name(protocols[p]), by_client ? "client" : "server", flights);
                setup_t client = {.anchors = "ca", .protocols = protocols[p]};
                setup_t server = {.credentials = "server-p256"};
                pair_t pair = pair_open(&client, &server);
                side_t *self = by_client ? &pair.client : &pair.server;
                side_t *peer = by_client ? &pair.server : &pair.client;
                pair.client.judge = JUDGE_ACCEPT;
                run_side(&pair.client, &pair.server);
                if (flights == 2) {
                    run_side(&pair.server, &pair.client);
                } else {
                    /* Who has not made a single call has nothing to cancel. */
                    EXPECT_STATUS(call_handshake(&pair.server, &pair.client), TLS_STATUS_WANT_READ);
                }
                EXPECT_STATUS(send_close(self, peer), TLS_STATUS_CLOSED);
                EXPECT_STATUS(call_handshake(self, peer), TLS_STATUS_CLOSED);
                run_handshake(&pair);
                EXPECT(!self->was_complete);
                if (peer->was_complete) {
                    /* A client of TLS 1.3 whose server cancels behind its flight is already through. */
                    EXPECT(protocols[p] == SPANTLS_PROTOCOL_TLS13 && !by_client && flights == 2);
                } else {
                    EXPECT_STATUS(peer->status, TLS_STATUS_PEER_ALERT);
                    EXPECT_NUMBER(error_of(peer->session).alert_received, SPANTLS_ALERT_CLOSE_NOTIFY);
                }
                pair_close(&pair);
            }
        }

        test("%s: a suspended client can be cancelled, and takes no verdict any more", version_name(protocols[p]));
        setup_t client = {.anchors = "ca", .protocols = protocols[p]};
        setup_t server = {.credentials = "server-p256"};
        pair_t pair = pair_open(&client, &server);
        pair.client.judge = JUDGE_STOP;
        run_handshake(&pair);
        EXPECT_STATUS(pair.client.status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        EXPECT_STATUS(send_close(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        EXPECT(!(tls_session_state(pair.client.session) & SPANTLS_STATE_SUSPENDED));
        EXPECT_STATUS(tls_session_set_certificate_validation_result(pair.client.session, 0),
                      TLS_STATUS_INVALID_STATE);
        EXPECT_STATUS(tls_session_reject(pair.client.session, 42), TLS_STATUS_INVALID_STATE);
        EXPECT_STATUS(call_handshake(&pair.client, &pair.server), TLS_STATUS_CLOSED);
        run_side(&pair.server, &pair.client);
        EXPECT_STATUS(pair.server.status, TLS_STATUS_PEER_ALERT);
        EXPECT_NUMBER(error_of(pair.server.session).alert_received, SPANTLS_ALERT_CLOSE_NOTIFY);
        EXPECT(!pair.server.was_complete);
        pair_close(&pair);
    }
}

int main(int argc, char **argv) {
    begin(argc, argv);
    closed_properly();
    cut();
    cancelled();
    return finish();
}

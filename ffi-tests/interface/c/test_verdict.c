/*
 * Verdicts: the peer's certificate is accepted or refused, at once or late, from whatever thread, or never.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Who judges whom, and in which version. */
typedef struct {
    const char *name;
    bool client_judges;
    uint32_t protocol;
} trial_t;

static const trial_t trials[] = {
    {"TLS 1.2 client", true, SPANTLS_PROTOCOL_TLS12},
    {"TLS 1.3 client", true, SPANTLS_PROTOCOL_TLS13},
    {"TLS 1.2 server", false, SPANTLS_PROTOCOL_TLS12},
    {"TLS 1.3 server", false, SPANTLS_PROTOCOL_TLS13},
};

/* A pair of which one side judges, and names for its sides. The other one accepts. */
typedef struct {
    pair_t pair;
    side_t *judge;
    side_t *judged;
} court_t;

static void court_open(court_t *court, const trial_t *trial, judge_t how) {
    setup_t client = {.anchors = "ca", .credentials = "client-p256", .protocols = trial->protocol};
    setup_t server = {.anchors = "ca", .credentials = "server-p256"};
    server.client_certificates =
        trial->client_judges ? SPANTLS_CLIENT_CERTIFICATE_NONE : SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
    court->pair = pair_open(&client, &server);
    court->judge = trial->client_judges ? &court->pair.client : &court->pair.server;
    court->judged = trial->client_judges ? &court->pair.server : &court->pair.client;
    court->judged->judge = JUDGE_ACCEPT;
    court->judge->judge = how;
}

/* A client of TLS 1.3 has sent everything before the server judges it: it learns of a refusal while decrypting. */
static bool judged_after_completion(const trial_t *trial) {
    return !trial->client_judges && trial->protocol == SPANTLS_PROTOCOL_TLS13;
}

/* The handshake has ended with a refusal: the judge failed, the judged one was told, no application byte passed. */
static void expect_refused(court_t *court, const trial_t *trial, int alert) {
    side_t *judge = court->judge;
    side_t *judged = court->judged;
    EXPECT_STATUS(judge->status, TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT(!judge->was_complete);
    spantls_error_t error = error_of(judge->session);
    EXPECT_STATUS(error.status, TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_NUMBER(error.alert_sent, alert);
    EXPECT_NUMBER(error.alert_received, -1);

    /* Sticky, and nothing more comes out. */
    size_t sent = judged->inbox.len;
    EXPECT_STATUS(call_handshake(judge, judged), TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT(call_decrypt(judge, 1000) < 0);
    EXPECT_NUMBER(judged->inbox.len, sent);
    EXPECT_NUMBER(tls_session_has_pending_output(judge->session), 0);

    if (judged_after_completion(trial)) {
        EXPECT_STATUS(receive(judged), TLS_STATUS_PEER_ALERT);
        EXPECT_NUMBER(judged->plaintext.len, 0);
    } else {
        EXPECT_STATUS(judged->status, TLS_STATUS_PEER_ALERT);
        EXPECT(!judged->was_complete);
    }
    error = error_of(judged->session);
    EXPECT_STATUS(error.status, TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error.alert_received, alert);
    EXPECT_NUMBER(error.alert_sent, -1);
}

static void expect_a_word(court_t *court) {
    EXPECT_STATUS(send_data(court->judge, court->judged, "word", 4), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(court->judged), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(court->judged->plaintext.data, court->judged->plaintext.len, "word", 4);
}

static void accepted(void) {
    for (size_t t = 0; t < COUNT(trials); t++) {
        court_t court;
        test("a %s accepts at once", trials[t].name);
        court_open(&court, &trials[t], JUDGE_ACCEPT);
        EXPECT(run_handshake(&court.pair));
        EXPECT_NUMBER(court.judge->suspensions, 1);
        expect_a_word(&court);
        pair_close(&court.pair);

        test("a %s accepts late: until then the same status again, nothing consumed, nothing written", trials[t].name);
        court_open(&court, &trials[t], JUDGE_ACCEPT_LATE);
        EXPECT(run_handshake(&court.pair));
        EXPECT_NUMBER(court.judge->suspensions, 1);
        expect_a_word(&court);
        pair_close(&court.pair);

        test("a %s's suspension repeats without input and without room", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_handshake(&court.pair);
        for (int i = 0; i < 5; i++) {
            size_t consumed = 77;
            size_t written = 77;
            EXPECT_STATUS(tls_session_handshake(court.judge->session, NULL, 0, NULL, 0, &consumed, &written),
                          TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
            EXPECT_NUMBER(consumed, 0);
            EXPECT_NUMBER(written, 0);
        }
        EXPECT_STATUS(tls_session_set_certificate_validation_result(court.judge->session, 0), TLS_STATUS_COMPLETE);
        resume(court.judge);
        EXPECT(run_handshake(&court.pair));
        expect_a_word(&court);
        pair_close(&court.pair);

        test("a %s accepts with 1 byte of room and of input at a time", trials[t].name);
        court_open(&court, &trials[t], JUDGE_ACCEPT_LATE);
        court.judge->handshake_room = 1;
        court.judge->chunk = 1;
        EXPECT(run_handshake(&court.pair));
        expect_a_word(&court);
        pair_close(&court.pair);
    }
}

/* --- From other threads ----------------------------------------------------------------------------------------- */

static void *run_judge(void *argument) {
    court_t *court = argument;
    run_side(court->judge, court->judged);
    return NULL;
}

static void *accept_by_default(void *argument) {
    court_t *court = argument;
    EXPECT_STATUS(tls_session_accept_with_default_validation(court->judge->session, NULL), TLS_STATUS_COMPLETE);
    resume(court->judge);
    return NULL;
}

static void *refuse(void *argument) {
    court_t *court = argument;
    EXPECT_STATUS(tls_session_reject(court->judge->session, SPANTLS_ALERT_ACCESS_DENIED), TLS_STATUS_COMPLETE);
    resume(court->judge);
    return NULL;
}

static void *destroy_judge(void *argument) {
    court_t *court = argument;
    tls_session_destroy(court->judge->session);
    court->judge->session = NULL;
    return NULL;
}

/* Does one thing on a thread of its own, and waits for it: threads follow each other, they do not overlap. */
static void on_a_thread(void *(*task)(void *), court_t *court) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, task, court) != 0) {
        give_up("no thread");
    }
    pthread_join(thread, NULL);
}

static void run_until_suspended_on_a_thread(court_t *court) {
    while (court->judge->status != TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
        run_side(court->judged, court->judge);
        on_a_thread(run_judge, court);
        if (!EXPECT(court->judge->status > 0)) {
            return;
        }
    }
}

static void across_threads(void) {
    for (size_t t = 0; t < COUNT(trials); t++) {
        court_t court;
        test("a %s suspended on one thread, accepted on a second, resumed on a third", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_until_suspended_on_a_thread(&court);
        on_a_thread(accept_by_default, &court);
        on_a_thread(run_judge, &court);
        EXPECT(run_handshake(&court.pair));
        expect_a_word(&court);
        pair_close(&court.pair);

        test("a %s suspended on one thread, refusing on a second, resumed on a third", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_until_suspended_on_a_thread(&court);
        on_a_thread(refuse, &court);
        on_a_thread(run_judge, &court);
        run_handshake(&court.pair);
        expect_refused(&court, &trials[t], SPANTLS_ALERT_ACCESS_DENIED);
        pair_close(&court.pair);

        test("a %s suspended on one thread is destroyed on another", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_until_suspended_on_a_thread(&court);
        on_a_thread(destroy_judge, &court);
        pair_close(&court.pair);
    }
}

/* --- Refusals --------------------------------------------------------------------------------------------------- */

static void refused(void) {
    static const uint8_t alerts[] = {
        SPANTLS_ALERT_HANDSHAKE_FAILURE,   SPANTLS_ALERT_BAD_CERTIFICATE,     SPANTLS_ALERT_UNSUPPORTED_CERTIFICATE,
        SPANTLS_ALERT_CERTIFICATE_REVOKED, SPANTLS_ALERT_CERTIFICATE_EXPIRED, SPANTLS_ALERT_CERTIFICATE_UNKNOWN,
        SPANTLS_ALERT_UNKNOWN_CA,          SPANTLS_ALERT_ACCESS_DENIED,       SPANTLS_ALERT_INTERNAL_ERROR,
        SPANTLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE,
    };
    static const size_t rooms[] = {0, 1, 5, 6, 63};
    for (size_t t = 0; t < COUNT(trials); t++) {
        court_t court;
        for (size_t a = 0; a < COUNT(alerts); a++) {
            test("a %s refuses with alert %d, and its peer sees just that", trials[t].name, alerts[a]);
            court_open(&court, &trials[t], JUDGE_REJECT);
            court.judge->alert = alerts[a];
            EXPECT(!run_handshake(&court.pair));
            expect_refused(&court, &trials[t], alerts[a]);
            pair_close(&court.pair);
        }
        for (size_t r = 0; r < COUNT(rooms); r++) {
            test("a %s refuses with %zu bytes of room: the rest of the alert waits", trials[t].name, rooms[r]);
            court_open(&court, &trials[t], JUDGE_REJECT);
            court.judge->alert = SPANTLS_ALERT_CERTIFICATE_UNKNOWN;
            court.judge->handshake_room = rooms[r];
            EXPECT(!run_handshake(&court.pair));
            expect_refused(&court, &trials[t], SPANTLS_ALERT_CERTIFICATE_UNKNOWN);
            pair_close(&court.pair);
        }

        test("a %s refuses with 1 byte of room, and further handshake calls hand the alert over", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_handshake(&court.pair);
        EXPECT_STATUS(tls_session_reject(court.judge->session, SPANTLS_ALERT_ACCESS_DENIED), TLS_STATUS_COMPLETE);
        size_t before = court.judged->inbox.len;
        tls_status_t status = TLS_STATUS_WANT_WRITE;
        for (int calls = 0; calls < 100; calls++) {
            size_t consumed = 77;
            size_t written = 77;
            uint8_t byte = 0;
            status = tls_session_handshake(court.judge->session, NULL, 0, &byte, 1, &consumed, &written);
            bool left = tls_session_has_pending_output(court.judge->session) != 0;
            EXPECT_STATUS(status, left ? TLS_STATUS_WANT_WRITE : TLS_STATUS_AUTHENTICATION_FAILED);
            EXPECT_NUMBER(consumed, 0);
            if (written == 0) {
                break;
            }
            EXPECT_NUMBER(written, 1);
            bytes_append(&court.judged->inbox, &byte, 1);
        }
        EXPECT_STATUS(status, TLS_STATUS_AUTHENTICATION_FAILED);
        EXPECT(court.judged->inbox.len > before);
        EXPECT_NUMBER(tls_session_has_pending_output(court.judge->session), 0);
        court.judge->status = status;
        run_side(court.judged, court.judge);
        expect_refused(&court, &trials[t], SPANTLS_ALERT_ACCESS_DENIED);
        pair_close(&court.pair);

        test("a %s refuses through tls_session_reject too", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_handshake(&court.pair);
        EXPECT_STATUS(tls_session_reject(court.judge->session, SPANTLS_ALERT_ACCESS_DENIED), TLS_STATUS_COMPLETE);
        resume(court.judge);
        EXPECT(!run_handshake(&court.pair));
        expect_refused(&court, &trials[t], SPANTLS_ALERT_ACCESS_DENIED);
        pair_close(&court.pair);

        test("a %s cannot refuse with an alert that ends nothing", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_handshake(&court.pair);
        static const uint8_t closures[] = {SPANTLS_ALERT_CLOSE_NOTIFY, SPANTLS_ALERT_USER_CANCELED,
                                           SPANTLS_ALERT_NO_RENEGOTIATION};
        for (size_t i = 0; i < COUNT(closures); i++) {
            EXPECT_STATUS(tls_session_reject_certificate(court.judge->session, closures[i]),
                          TLS_STATUS_INVALID_ARGUMENT);
            EXPECT_STATUS(tls_session_reject(court.judge->session, closures[i]), TLS_STATUS_INVALID_ARGUMENT);
        }
        EXPECT_STATUS(tls_session_set_certificate_validation_result(court.judge->session, 8),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_STATUS(tls_session_set_certificate_validation_result(court.judge->session, 0), TLS_STATUS_COMPLETE);
        resume(court.judge);
        EXPECT(run_handshake(&court.pair));
        pair_close(&court.pair);
    }
}

static void refused_with_policy_errors(void) {
    static const struct {
        uint32_t policy_errors;
        int alert;
    } verdicts[] = {
        {SPANTLS_POLICY_ERROR_NAME_MISMATCH, SPANTLS_ALERT_BAD_CERTIFICATE},
        {SPANTLS_POLICY_ERROR_CHAIN_ERRORS, SPANTLS_ALERT_UNKNOWN_CA},
        {SPANTLS_POLICY_ERROR_NAME_MISMATCH | SPANTLS_POLICY_ERROR_CHAIN_ERRORS, SPANTLS_ALERT_UNKNOWN_CA},
        {SPANTLS_POLICY_ERROR_NOT_AVAILABLE | SPANTLS_POLICY_ERROR_CHAIN_ERRORS, SPANTLS_ALERT_CERTIFICATE_REQUIRED},
    };
    for (size_t t = 0; t < COUNT(trials); t++) {
        for (size_t v = 0; v < COUNT(verdicts); v++) {
            court_t court;
            int alert = verdicts[v].alert;
            if (alert == SPANTLS_ALERT_CERTIFICATE_REQUIRED && trials[t].protocol == SPANTLS_PROTOCOL_TLS12) {
                alert = SPANTLS_ALERT_HANDSHAKE_FAILURE;
            }
            test("a %s refuses with policy errors %u", trials[t].name, verdicts[v].policy_errors);
            court_open(&court, &trials[t], JUDGE_STOP);
            run_handshake(&court.pair);
            EXPECT_STATUS(tls_session_set_certificate_validation_result(court.judge->session,
                                                                        verdicts[v].policy_errors),
                          TLS_STATUS_AUTHENTICATION_FAILED);
            resume(court.judge);
            EXPECT(!run_handshake(&court.pair));
            expect_refused(&court, &trials[t], alert);
            EXPECT_NUMBER(error_of(court.judge->session).policy_errors, verdicts[v].policy_errors);
            pair_close(&court.pair);
        }
    }
}

static void no_byte_for_the_refused(void) {
    test("what a TLS 1.3 client sends before it hears of its refusal is not delivered");
    court_t court;
    const trial_t *trial = &trials[3];
    court_open(&court, trial, JUDGE_STOP);
    run_handshake(&court.pair);
    EXPECT_STATUS(court.judged->status, TLS_STATUS_COMPLETE);
    EXPECT_STATUS(send_data(court.judged, court.judge, "too early", 9), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(call_decrypt(court.judge, 1000), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_reject(court.judge->session, SPANTLS_ALERT_ACCESS_DENIED), TLS_STATUS_COMPLETE);
    resume(court.judge);
    court.judge->shown = court.judge->inbox.len;
    EXPECT(!run_handshake(&court.pair));
    court.judge->shown = court.judge->inbox.len;
    expect_refused(&court, trial, SPANTLS_ALERT_ACCESS_DENIED);
    EXPECT_NUMBER(court.judge->plaintext.len, 0);
    pair_close(&court.pair);
}

/* --- Clients without a certificate ------------------------------------------------------------------------------ */

/* A server that asks a client which has nothing to show. The server is the judge. */
static void empty_handed_open(court_t *court, uint32_t protocol, int32_t mode, judge_t how) {
    setup_t client = {.anchors = "ca", .protocols = protocol};
    setup_t server = {.anchors = "ca", .credentials = "server-p256", .client_certificates = mode};
    court->pair = pair_open(&client, &server);
    court->judge = &court->pair.server;
    court->judged = &court->pair.client;
    court->judge->judge = how;
}

static void clients_without_a_certificate(void) {
    for (size_t t = 2; t < COUNT(trials); t++) {
        const uint32_t protocol = trials[t].protocol;
        const int alert =
            protocol == SPANTLS_PROTOCOL_TLS12 ? SPANTLS_ALERT_HANDSHAKE_FAILURE : SPANTLS_ALERT_CERTIFICATE_REQUIRED;
        court_t court;

        test("a %s that requests and gets no certificate asks for a verdict, and says what is missing",
             trials[t].name);
        empty_handed_open(&court, protocol, SPANTLS_CLIENT_CERTIFICATE_REQUEST, JUDGE_STOP);
        run_handshake(&court.pair);
        EXPECT_STATUS(court.judge->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        size_t count = 77;
        EXPECT_STATUS(tls_session_remote_certificate_count(court.judge->session, &count), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(count, 0);
        EXPECT_NUMBER(error_of(court.judge->session).policy_errors, SPANTLS_POLICY_ERROR_NOT_AVAILABLE);
        spantls_validation_t report = {.struct_size = sizeof report};
        EXPECT_STATUS(tls_session_default_validation(court.judge->session, &report), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(report.policy_errors, SPANTLS_POLICY_ERROR_NOT_AVAILABLE);
        EXPECT_NUMBER(report.reasons, SPANTLS_REASON_NO_CERTIFICATE);
        uint32_t policy_errors = 77;
        EXPECT_STATUS(tls_session_accept_with_default_validation(court.judge->session, &policy_errors),
                      TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(policy_errors, SPANTLS_POLICY_ERROR_NOT_AVAILABLE);
        resume(court.judge);
        EXPECT(run_handshake(&court.pair));
        EXPECT_NUMBER(error_of(court.judge->session).policy_errors, 0);
        expect_a_word(&court);
        pair_close(&court.pair);

        test("a %s refuses a client that showed no certificate", trials[t].name);
        empty_handed_open(&court, protocol, SPANTLS_CLIENT_CERTIFICATE_REQUEST, JUDGE_STOP);
        run_handshake(&court.pair);
        EXPECT_STATUS(tls_session_set_certificate_validation_result(court.judge->session,
                                                                    SPANTLS_POLICY_ERROR_NOT_AVAILABLE),
                      TLS_STATUS_AUTHENTICATION_FAILED);
        resume(court.judge);
        EXPECT(!run_handshake(&court.pair));
        expect_refused(&court, &trials[t], alert);
        pair_close(&court.pair);

        test("a %s chooses the alert for a client that showed no certificate", trials[t].name);
        empty_handed_open(&court, protocol, SPANTLS_CLIENT_CERTIFICATE_REQUEST, JUDGE_REJECT);
        court.judge->alert = SPANTLS_ALERT_ACCESS_DENIED;
        EXPECT(!run_handshake(&court.pair));
        expect_refused(&court, &trials[t], SPANTLS_ALERT_ACCESS_DENIED);
        pair_close(&court.pair);

        test("a %s that requests and gets no certificate, with 1 byte of room and of input at a time",
             trials[t].name);
        empty_handed_open(&court, protocol, SPANTLS_CLIENT_CERTIFICATE_REQUEST, JUDGE_ACCEPT_LATE);
        court.judge->handshake_room = 1;
        court.judge->chunk = 1;
        EXPECT(run_handshake(&court.pair));
        expect_a_word(&court);
        pair_close(&court.pair);

        test("a %s waiting for a verdict on a client without a certificate is destroyed", trials[t].name);
        empty_handed_open(&court, protocol, SPANTLS_CLIENT_CERTIFICATE_REQUEST, JUDGE_STOP);
        run_handshake(&court.pair);
        EXPECT_STATUS(court.judge->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        pair_close(&court.pair);

        test("a %s that requires a certificate and gets none refuses by itself", trials[t].name);
        empty_handed_open(&court, protocol, SPANTLS_CLIENT_CERTIFICATE_REQUIRE, JUDGE_STOP);
        EXPECT(!run_handshake(&court.pair));
        EXPECT_NUMBER(court.judge->suspensions, 0);
        expect_refused(&court, &trials[t], alert);
        pair_close(&court.pair);
    }
}

/* --- The order of things ---------------------------------------------------------------------------------------- */

static void answered_wrongly(void) {
    for (size_t t = 0; t < COUNT(trials); t++) {
        court_t court;
        test("a %s that is asked nothing takes no answers, and one only when asked", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        for (int round = 0; round < 3; round++) {
            tls_session_t *session = court.judge->session;
            uint32_t policy_errors = 77;
            /* Before the question, after the answer, after the end. */
            EXPECT_STATUS(tls_session_set_certificate_validation_result(session, 0), TLS_STATUS_INVALID_STATE);
            EXPECT_STATUS(tls_session_set_certificate_validation_result(session, 4), TLS_STATUS_INVALID_STATE);
            EXPECT_STATUS(tls_session_reject_certificate(session, 42), TLS_STATUS_INVALID_STATE);
            EXPECT_STATUS(tls_session_reject(session, 42), TLS_STATUS_INVALID_STATE);
            EXPECT_STATUS(tls_session_accept_with_default_validation(session, &policy_errors),
                          TLS_STATUS_INVALID_STATE);
            EXPECT_NUMBER(policy_errors, 0);
            EXPECT_STATUS(error_of(session).status, TLS_STATUS_INVALID_STATE);
            if (round == 0) {
                run_handshake(&court.pair);
                EXPECT_STATUS(tls_session_set_certificate_validation_result(session, 0), TLS_STATUS_COMPLETE);
            } else if (round == 1) {
                resume(court.judge);
                EXPECT(run_handshake(&court.pair));
            }
        }
        expect_a_word(&court);
        pair_close(&court.pair);
    }
}

static void acceptance_is_not_authentication(void) {
    test("a server that was accepted but signs falsely is refused all the same");
    setup_t client = {.anchors = "ca", .protocols = SPANTLS_PROTOCOL_TLS12};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    pair.client.judge = JUDGE_ACCEPT;
    run_side(&pair.client, &pair.server);
    run_side(&pair.server, &pair.client);
    /* The flight as one record: its end is the signature, then ServerHelloDone of four bytes. */
    fragment_records(&pair.client.inbox, 16384);
    size_t len = pair.client.inbox.len;
    if (EXPECT(len > 5) && EXPECT(memcmp(pair.client.inbox.data + len - 4, "\x0e\0\0", 4) == 0)) {
        pair.client.inbox.data[len - 5] ^= 1;
    }
    EXPECT(!run_handshake(&pair));
    EXPECT_NUMBER(pair.client.suspensions, 1);
    EXPECT(!pair.client.was_complete && !pair.server.was_complete);
    EXPECT_STATUS(pair.client.status, TLS_STATUS_PROTOCOL_ERROR);
    EXPECT_NUMBER(error_of(pair.client.session).alert_sent, SPANTLS_ALERT_DECRYPT_ERROR);
    EXPECT_STATUS(pair.server.status, TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error_of(pair.server.session).alert_received, SPANTLS_ALERT_DECRYPT_ERROR);
    pair_close(&pair);
}

static void many_at_once(void) {
    enum { MANY = 40 };
    static court_t courts[MANY];
    test("forty suspended sessions are answered in another order, and some not at all");
    for (size_t i = 0; i < MANY; i++) {
        court_open(&courts[i], &trials[i % COUNT(trials)], JUDGE_STOP);
        run_handshake(&courts[i].pair);
        EXPECT_STATUS(courts[i].judge->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
    }
    for (size_t n = 0; n < MANY; n++) {
        /* 7 is prime to 40: every one comes once, out of order. */
        const size_t i = n * 7 % MANY;
        court_t *court = &courts[i];
        if (n % 5 == 4) {
            pair_close(&court->pair);
            continue;
        }
        if (n % 5 == 3) {
            EXPECT_STATUS(tls_session_reject(court->judge->session, 49), TLS_STATUS_COMPLETE);
            resume(court->judge);
            EXPECT(!run_handshake(&court->pair));
            expect_refused(court, &trials[i % COUNT(trials)], 49);
        } else {
            EXPECT_STATUS(tls_session_accept_with_default_validation(court->judge->session, NULL),
                          TLS_STATUS_COMPLETE);
            resume(court->judge);
            EXPECT(run_handshake(&court->pair));
            expect_a_word(court);
        }
        pair_close(&court->pair);
    }
}

static void destroyed(void) {
    for (size_t t = 0; t < COUNT(trials); t++) {
        court_t court;
        test("a %s is destroyed while suspended", trials[t].name);
        court_open(&court, &trials[t], JUDGE_STOP);
        run_handshake(&court.pair);
        EXPECT_STATUS(court.judge->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        pair_close(&court.pair);

        test("a %s is destroyed between its verdict and the next call", trials[t].name);
        for (uint32_t policy_errors = 0; policy_errors <= 4; policy_errors += 4) {
            court_open(&court, &trials[t], JUDGE_STOP);
            run_handshake(&court.pair);
            EXPECT_STATUS(tls_session_set_certificate_validation_result(court.judge->session, policy_errors),
                          policy_errors == 0 ? TLS_STATUS_COMPLETE : TLS_STATUS_AUTHENTICATION_FAILED);
            pair_close(&court.pair);
        }
    }
}

int main(int argc, char **argv) {
    begin(argc, argv);
    accepted();
    across_threads();
    refused();
    refused_with_policy_errors();
    no_byte_for_the_refused();
    clients_without_a_certificate();
    answered_wrongly();
    acceptance_is_not_authentication();
    many_at_once();
    destroyed();
    return finish();
}

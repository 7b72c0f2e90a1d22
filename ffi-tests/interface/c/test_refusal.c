/*
 * A refusal happens inside the call that gives it: the call says so, the session has failed, and the alert is pending output
 * that any of the calls which write or send hands over. In both roles and versions, over spans and on sockets, for peers with
 * a certificate, without one, and for resumed ones.
 */

#include "pair.h"
#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Why the judge refuses. */
typedef enum { UNTRUSTED, EMPTY_HANDED, RESUMED } cause_t;

typedef struct {
    const char *name;
    bool client_judges;
    uint32_t protocol;
    cause_t cause;
} trial_t;

static const trial_t trials[] = {
    {"a TLS 1.2 client refuses a server", true, SPANTLS_PROTOCOL_TLS12, UNTRUSTED},
    {"a TLS 1.3 client refuses a server", true, SPANTLS_PROTOCOL_TLS13, UNTRUSTED},
    {"a TLS 1.2 server refuses a client", false, SPANTLS_PROTOCOL_TLS12, UNTRUSTED},
    {"a TLS 1.3 server refuses a client", false, SPANTLS_PROTOCOL_TLS13, UNTRUSTED},
    {"a TLS 1.2 server refuses a client without a certificate", false, SPANTLS_PROTOCOL_TLS12, EMPTY_HANDED},
    {"a TLS 1.3 server refuses a client without a certificate", false, SPANTLS_PROTOCOL_TLS13, EMPTY_HANDED},
    {"a TLS 1.2 client refuses a resumed server", true, SPANTLS_PROTOCOL_TLS12, RESUMED},
    {"a TLS 1.3 client refuses a resumed server", true, SPANTLS_PROTOCOL_TLS13, RESUMED},
    {"a TLS 1.2 server refuses a resumed client", false, SPANTLS_PROTOCOL_TLS12, RESUMED},
    {"a TLS 1.3 server refuses a resumed client", false, SPANTLS_PROTOCOL_TLS13, RESUMED},
};

typedef struct {
    const char *name;
    tls_status_t (*give)(tls_session_t *session);
    tls_status_t status;
    int alert; /* -1: by the cause */
} verdict_t;

static tls_status_t by_default(tls_session_t *session) {
    uint32_t policy_errors = 77;
    const tls_status_t status = tls_session_accept_with_default_validation(session, &policy_errors);
    EXPECT_NUMBER(policy_errors, SPANTLS_POLICY_ERROR_CHAIN_ERRORS);
    return status;
}

static tls_status_t by_policy_errors(tls_session_t *session) {
    size_t count = 77;
    EXPECT_STATUS(tls_session_remote_certificate_count(session, &count), TLS_STATUS_COMPLETE);
    return tls_session_set_certificate_validation_result(
        session, count == 0 ? SPANTLS_POLICY_ERROR_NOT_AVAILABLE : SPANTLS_POLICY_ERROR_CHAIN_ERRORS);
}

static tls_status_t by_certificate_alert(tls_session_t *session) {
    return tls_session_reject_certificate(session, SPANTLS_ALERT_CERTIFICATE_REVOKED);
}

static tls_status_t by_alert(tls_session_t *session) {
    return tls_session_reject(session, SPANTLS_ALERT_ACCESS_DENIED);
}

static const verdict_t verdicts[] = {
    {"by the default validation", by_default, TLS_STATUS_AUTHENTICATION_FAILED, -1},
    {"by policy errors", by_policy_errors, TLS_STATUS_AUTHENTICATION_FAILED, -1},
    {"by an alert about its certificate", by_certificate_alert, TLS_STATUS_COMPLETE, SPANTLS_ALERT_CERTIFICATE_REVOKED},
    {"by an alert", by_alert, TLS_STATUS_COMPLETE, SPANTLS_ALERT_ACCESS_DENIED},
};

/* The contexts of a trial: the judge's anchors do not fit unless the host is to refuse in spite of them. */
static void make_contexts(const trial_t *trial, tls_context_t **client, tls_context_t **server) {
    const char *anchors = trial->cause == UNTRUSTED ? "other-ca" : "ca";
    const int32_t resume = trial->cause == RESUMED;
    const setup_t for_client = {.anchors = trial->client_judges ? anchors : "ca", .protocols = trial->protocol, .resume = resume,
                                .credentials = trial->cause == EMPTY_HANDED ? NULL : "client-p256"};
    const setup_t for_server = {
        .anchors = trial->client_judges ? "ca" : anchors, .credentials = "server-p256", .resume = resume,
        .client_certificates = trial->client_judges ? SPANTLS_CLIENT_CERTIFICATE_NONE : SPANTLS_CLIENT_CERTIFICATE_REQUEST};
    *client = make_context(false, &for_client);
    *server = make_context(true, &for_server);
}

/* The default validation refuses only a chain that is not trusted. */
static bool is_possible(const trial_t *trial, const verdict_t *verdict) {
    return verdict->give != by_default || trial->cause == UNTRUSTED;
}

static int alert_of(const trial_t *trial, const verdict_t *verdict) {
    if (verdict->alert >= 0) {
        return verdict->alert;
    }
    if (trial->cause != EMPTY_HANDED) {
        return SPANTLS_ALERT_UNKNOWN_CA;
    }
    return trial->protocol == SPANTLS_PROTOCOL_TLS12 ? SPANTLS_ALERT_HANDSHAKE_FAILURE : SPANTLS_ALERT_CERTIFICATE_REQUIRED;
}

/* The verdict, and what the session says behind it. */
static void refuse(tls_session_t *session, const trial_t *trial, const verdict_t *verdict) {
    EXPECT_STATUS(verdict->give(session), verdict->status);
    const uint32_t state = tls_session_state(session);
    EXPECT(state & SPANTLS_STATE_FAILED);
    EXPECT(state & SPANTLS_STATE_HAS_PENDING_OUTPUT);
    EXPECT(!(state & (SPANTLS_STATE_SUSPENDED | SPANTLS_STATE_HANDSHAKE_COMPLETE)));
    const spantls_error_t error = error_of(session);
    EXPECT_STATUS(error.status, TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_NUMBER(error.alert_sent, alert_of(trial, verdict));
    EXPECT_NUMBER(error.alert_received, -1);
    EXPECT_NUMBER(error.policy_errors,
                  trial->cause == EMPTY_HANDED ? SPANTLS_POLICY_ERROR_NOT_AVAILABLE : SPANTLS_POLICY_ERROR_CHAIN_ERRORS);
    EXPECT(error.message[0] != 0);
    /* No second verdict, and none that accepts. */
    EXPECT_STATUS(tls_session_set_certificate_validation_result(session, 0), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_accept_with_default_validation(session, NULL), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_reject(session, SPANTLS_ALERT_INTERNAL_ERROR), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(error_of(session).status, TLS_STATUS_AUTHENTICATION_FAILED);
}

/* A resumed session needs one that went before, of which the client has got a ticket. */
static void connect_once(tls_context_t *client, tls_context_t *server) {
    pair_t pair = pair_on(client, server);
    pair.client.judge = pair.server.judge = JUDGE_ACCEPT;
    EXPECT(run_handshake(&pair));
    EXPECT_STATUS(receive(&pair.client), TLS_STATUS_WANT_READ);
    pair_close(&pair);
}

/* --- Over spans ------------------------------------------------------------------------------------------------- */

/* Hands the alert over by one kind of call. */
static void by_handshake(side_t *judge, side_t *judged) {
    EXPECT_STATUS(call_handshake(judge, judged), TLS_STATUS_AUTHENTICATION_FAILED);
}

static void by_drain(side_t *judge, side_t *judged) {
    drain_to(judge, judged, 3);
}

static void by_shutdown(side_t *judge, side_t *judged) {
    EXPECT_STATUS(send_close(judge, judged), TLS_STATUS_CLOSED);
}

static void over_spans(const trial_t *trial, const verdict_t *verdict, const char *name,
                       void (*hand_over)(side_t *judge, side_t *judged)) {
    tls_context_t *client = NULL;
    tls_context_t *server = NULL;
    test("%s %s, and %s hands the alert over", trial->name, verdict->name, name);
    make_contexts(trial, &client, &server);
    if (trial->cause == RESUMED) {
        connect_once(client, server);
    }
    pair_t pair = pair_on(client, server);
    side_t *judge = trial->client_judges ? &pair.client : &pair.server;
    side_t *judged = trial->client_judges ? &pair.server : &pair.client;
    judge->judge = JUDGE_STOP;
    judged->judge = JUDGE_ACCEPT;
    run_handshake(&pair);
    EXPECT_STATUS(judge->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
    refuse(judge->session, trial, verdict);
    hand_over(judge, judged);
    EXPECT_NUMBER(tls_session_has_pending_output(judge->session), 0);
    EXPECT_STATUS(call_handshake(judge, judged), TLS_STATUS_AUTHENTICATION_FAILED);
    judged->shown = judged->inbox.len;
    run_side(judged, judge);
    EXPECT_STATUS(judged->was_complete ? receive(judged) : judged->status, TLS_STATUS_PEER_ALERT);
    EXPECT_STATUS(error_of(judged->session).status, TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error_of(judged->session).alert_received, alert_of(trial, verdict));
    EXPECT_NUMBER(judged->plaintext.len, 0);
    pair_close(&pair);
    tls_context_destroy(client);
    tls_context_destroy(server);
}

/* --- On sockets ------------------------------------------------------------------------------------------------- */

static tls_status_t by_socket_handshake(tls_session_t *session) {
    return tls_session_socket_handshake(session);
}

static tls_status_t by_socket_shutdown(tls_session_t *session) {
    EXPECT_STATUS(tls_session_socket_shutdown(session), TLS_STATUS_CLOSED);
    return tls_session_socket_handshake(session);
}

/* Both until the judge is asked. The judged one accepts. */
static void run_until_asked(tls_session_t *judge, tls_session_t *judged) {
    tls_status_t status = TLS_STATUS_WANT_READ;
    for (int i = 0; i < 100 && status != TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION; i++) {
        const tls_status_t question = tls_session_socket_handshake(judged);
        if (question == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            EXPECT_STATUS(tls_session_set_certificate_validation_result(judged, 0), TLS_STATUS_COMPLETE);
        } else if (question == TLS_STATUS_WANT_CREDENTIALS) {
            EXPECT_STATUS(tls_session_set_client_credentials(judged, NULL), TLS_STATUS_COMPLETE);
        }
        status = tls_session_socket_handshake(judge);
    }
    EXPECT_STATUS(status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
}

static void on_sockets(const trial_t *trial, const verdict_t *verdict, const char *name,
                       tls_status_t (*send_alert)(tls_session_t *session)) {
    tls_context_t *client = NULL;
    tls_context_t *server = NULL;
    test("on a socket, %s %s, and %s sends the alert", trial->name, verdict->name, name);
    make_contexts(trial, &client, &server);
    if (trial->cause == RESUMED) {
        connect_once(client, server);
    }
    wire_t wire = wire_on(client, server, false);
    tls_session_t *judge = trial->client_judges ? wire.client : wire.server;
    tls_session_t *judged = trial->client_judges ? wire.server : wire.client;
    run_until_asked(judge, judged);
    refuse(judge, trial, verdict);
    EXPECT_STATUS(send_alert(judge), TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_NUMBER(tls_session_has_pending_output(judge), 0);
    EXPECT_NUMBER(error_of(judge).alert_sent, alert_of(trial, verdict));
    tls_status_t status = tls_session_socket_handshake(judged);
    if (status == TLS_STATUS_COMPLETE) {
        bytes_t received = {0};
        status = read_to_end(judged, &received);
        EXPECT_NUMBER(received.len, 0);
        bytes_free(&received);
    }
    EXPECT_STATUS(status, TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error_of(judged).alert_received, alert_of(trial, verdict));
    wire_close(&wire);
    tls_context_destroy(client);
    tls_context_destroy(server);
}

/* --- Clients without a certificate that are accepted -------------------------------------------------------------- */

static void accepted_without_a_certificate(void) {
    for (size_t t = 0; t < COUNT(trials); t++) {
        if (trials[t].cause != EMPTY_HANDED) {
            continue;
        }
        test("%s: the default validation accepts it, and says that there is none", version_name(trials[t].protocol));
        tls_context_t *client = NULL;
        tls_context_t *server = NULL;
        make_contexts(&trials[t], &client, &server);
        wire_t wire = wire_on(client, server, false);
        run_until_asked(wire.server, wire.client);
        EXPECT_NUMBER(error_of(wire.server).policy_errors, SPANTLS_POLICY_ERROR_NOT_AVAILABLE);
        uint32_t policy_errors = 77;
        EXPECT_STATUS(tls_session_accept_with_default_validation(wire.server, &policy_errors), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(policy_errors, SPANTLS_POLICY_ERROR_NOT_AVAILABLE);
        EXPECT(!(tls_session_state(wire.server) & SPANTLS_STATE_FAILED));
        EXPECT(run(&wire));
        wire_close(&wire);
        tls_context_destroy(client);
        tls_context_destroy(server);
    }
}

int main(int argc, char **argv) {
    begin(argc, argv);
    for (size_t t = 0; t < COUNT(trials); t++) {
        for (size_t v = 0; v < COUNT(verdicts); v++) {
            if (!is_possible(&trials[t], &verdicts[v])) {
                continue;
            }
            over_spans(&trials[t], &verdicts[v], "the handshake call", by_handshake);
            over_spans(&trials[t], &verdicts[v], "drain", by_drain);
            over_spans(&trials[t], &verdicts[v], "shutdown", by_shutdown);
            on_sockets(&trials[t], &verdicts[v], "the handshake call", by_socket_handshake);
            on_sockets(&trials[t], &verdicts[v], "shutdown", by_socket_shutdown);
        }
    }
    accepted_without_a_certificate();
    return finish();
}

/*
 * Why a peer is refused: the report before the verdict, and what the error record keeps of it; anchors and revocation lists
 * in DER and from files; the system's store together with other anchors.
 */

#include <stdlib.h>
#include <string.h>

#include "pair.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

typedef struct {
    const char *sentence;
    const char *peer;    /* the credentials that are judged */
    const char *anchors; /* of the judge */
    const char *name;    /* that a client wants */
    const char *crls[2]; /* of the judge */
    uint32_t reasons;    /* expected, all of them */
    uint32_t reason;     /* expected, the one that decides */
    int depth;
    int alert;
} case_t;

#define REASON(name) SPANTLS_REASON_##name

static const case_t servers[] = {
    {"expired", "server-expired", "ca", "localhost", {NULL}, REASON(EXPIRED), REASON(EXPIRED), 0, 45},
    {"not valid yet", "server-notyet", "ca", "localhost", {NULL}, REASON(NOT_YET_VALID), REASON(NOT_YET_VALID), 0, 45},
    {"of an unknown issuer", "server-other", "ca", "localhost", {NULL}, REASON(UNKNOWN_ISSUER), REASON(UNKNOWN_ISSUER), 0,
     48},
    {"self-signed", "selfsigned", "ca", "localhost", {NULL}, REASON(SELF_SIGNED), REASON(SELF_SIGNED), 0, 48},
    {"expired and self-signed", "selfsigned-expired", "ca", "localhost", {NULL}, REASON(EXPIRED) | REASON(SELF_SIGNED),
     REASON(EXPIRED), 0, 45},
    {"for another name", "server-p256", "ca", "elsewhere.example", {NULL}, REASON(NAME_MISMATCH), REASON(NAME_MISMATCH), 0,
     42},
    {"expired and for another name", "server-expired", "ca", "elsewhere.example", {NULL},
     REASON(EXPIRED) | REASON(NAME_MISMATCH), REASON(EXPIRED), 0, 45},
    {"expired and of an unknown issuer", "server-expired", "other-ca", "localhost", {NULL},
     REASON(EXPIRED) | REASON(UNKNOWN_ISSUER), REASON(EXPIRED), 0, 45},
    {"for another use", "server-clientusage", "ca", "localhost", {NULL}, REASON(WRONG_USAGE), REASON(WRONG_USAGE), 0, 43},
    {"revoked", "server-revoked", "ca", "localhost", {"crl-intermediate.pem", "crl-root.pem"}, REASON(REVOKED),
     REASON(REVOKED), 0, 44},
    {"without a list for it", "server-p256", "ca", "localhost", {"crl-root.pem", NULL}, REASON(REVOCATION_UNKNOWN),
     REASON(REVOCATION_UNKNOWN), 0, 48},
    {"expired and without a list for it", "server-expired", "ca", "localhost", {"crl-root.pem", NULL},
     REASON(EXPIRED) | REASON(REVOCATION_UNKNOWN), REASON(EXPIRED), 0, 45},
    {"trusted", "server-p256", "ca", "localhost", {NULL}, 0, 0, -1, -1},
};

static const case_t clients[] = {
    {"of an unknown issuer", "client-other", "ca", NULL, {NULL}, REASON(UNKNOWN_ISSUER), REASON(UNKNOWN_ISSUER), 0, 48},
    {"of no known issuer", "client-p256", NULL, NULL, {NULL}, REASON(UNKNOWN_ISSUER), REASON(UNKNOWN_ISSUER), 1, 48},
    {"for servers", "server-p256", "ca", NULL, {NULL}, REASON(WRONG_USAGE), REASON(WRONG_USAGE), 0, 43},
    {"trusted", "client-p256", "ca", NULL, {NULL}, 0, 0, -1, -1},
};

/* A pair whose judge is a client, for servers, or a server. */
static void open_case(const case_t *of, uint32_t protocol, int32_t validation, side_t **judge, pair_t *pair) {
    const bool client_judges = of >= servers && of < servers + COUNT(servers);
    setup_t client = {
        .anchors = client_judges ? of->anchors : "ca",
        .crls = {of->crls[0], of->crls[1]},
        .credentials = client_judges ? NULL : of->peer,
        .protocols = protocol,
        .validation = client_judges ? validation : SPANTLS_VALIDATION_EXTERNAL,
    };
    setup_t server = {
        .anchors = client_judges ? NULL : of->anchors,
        .credentials = client_judges ? of->peer : "server-p256",
        .client_certificates = client_judges ? SPANTLS_CLIENT_CERTIFICATE_NONE : SPANTLS_CLIENT_CERTIFICATE_REQUIRE,
        .validation = client_judges ? SPANTLS_VALIDATION_EXTERNAL : validation,
    };
    *pair = pair_open(&client, &server);
    if (client_judges) {
        EXPECT_STATUS(tls_session_set_target_host_name(pair->client.session, of->name), TLS_STATUS_COMPLETE);
    }
    *judge = client_judges ? &pair->client : &pair->server;
}

static void expect_report(const case_t *of, const spantls_validation_t *report) {
    const uint32_t chain = of->reasons & ~(uint32_t)SPANTLS_REASON_NAME_MISMATCH;
    EXPECT_NUMBER(report->reasons, of->reasons);
    EXPECT_NUMBER(report->reason, of->reason);
    EXPECT_NUMBER(report->depth, of->depth);
    EXPECT_NUMBER(report->alert, of->alert);
    EXPECT_NUMBER(report->strict_rule, SPANTLS_STRICT_RULE_NONE);
    EXPECT_NUMBER(report->policy_errors,
                  (of->reasons & SPANTLS_REASON_NAME_MISMATCH ? SPANTLS_POLICY_ERROR_NAME_MISMATCH : 0) |
                      (chain != 0 ? SPANTLS_POLICY_ERROR_CHAIN_ERRORS : 0));
    EXPECT((report->message[0] == 0) == (of->reasons == 0));
}

/* Gives the verdict that a stopped side waits for, and lets it go on. A refusal is the status of the verdict. */
static void decide(side_t *judge, judge_t how) {
    if (how == JUDGE_ACCEPT) {
        EXPECT_STATUS(tls_session_set_certificate_validation_result(judge->session, 0), TLS_STATUS_COMPLETE);
    } else {
        const tls_status_t status = tls_session_accept_with_default_validation(judge->session, &judge->policy_errors);
        EXPECT(status == TLS_STATUS_COMPLETE || judge->policy_errors != 0);
    }
    resume(judge);
}

/* The report says what the verdict says then, and leaves it to the host. */
static void reported(const case_t *of, uint32_t protocol) {
    const judge_t verdicts[] = {JUDGE_BY_DEFAULT, JUDGE_ACCEPT};
    for (size_t v = 0; v < COUNT(verdicts); v++) {
        pair_t pair;
        side_t *judge;
        open_case(of, protocol, SPANTLS_VALIDATION_EXTERNAL, &judge, &pair);
        judge->judge = JUDGE_STOP;
        run_handshake(&pair);
        spantls_validation_t report = {.struct_size = sizeof report};
        spantls_validation_t again = report;
        EXPECT_STATUS(judge->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        EXPECT_STATUS(tls_session_default_validation(judge->session, &report), TLS_STATUS_COMPLETE);
        expect_report(of, &report);
        EXPECT_STATUS(tls_session_default_validation(judge->session, &again), TLS_STATUS_COMPLETE);
        EXPECT(memcmp(&report, &again, sizeof report) == 0);
        EXPECT_STATUS(call_handshake(judge, judge == &pair.client ? &pair.server : &pair.client),
                      TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        decide(judge, verdicts[v]);
        EXPECT(run_handshake(&pair) == (verdicts[v] == JUDGE_ACCEPT || of->reasons == 0));
        spantls_error_t error = error_of(judge->session);
        if (verdicts[v] == JUDGE_BY_DEFAULT) {
            EXPECT_NUMBER(error.reason, of->reason);
            EXPECT_NUMBER(error.depth, of->depth);
            EXPECT_NUMBER(error.alert_sent, of->alert);
            EXPECT(of->reasons == 0 || strcmp(error.message, report.message) == 0);
        } else {
            EXPECT_NUMBER(error.reason, 0);
        }
        EXPECT_STATUS(tls_session_default_validation(judge->session, &report), TLS_STATUS_INVALID_STATE);
        EXPECT_NUMBER(report.reasons, 0);
        pair_close(&pair);
    }
}

/* Without a question, too, the error record says why. */
static void recorded(const case_t *of, uint32_t protocol) {
    pair_t pair;
    side_t *judge;
    open_case(of, protocol, SPANTLS_VALIDATION_AUTOMATIC, &judge, &pair);
    EXPECT(run_handshake(&pair) == (of->reasons == 0));
    EXPECT_NUMBER(error_of(judge->session).reason, of->reason);
    EXPECT_NUMBER(error_of(judge->session).depth, of->depth);
    pair_close(&pair);
}

static void reasons(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t i = 0; i < COUNT(servers) + COUNT(clients); i++) {
            const bool is_server = i < COUNT(servers);
            const case_t *of = is_server ? &servers[i] : &clients[i - COUNT(servers)];
            test("%s: the report on a %s that is %s", version_name(protocols[p]), is_server ? "server" : "client",
                 of->sentence);
            reported(of, protocols[p]);
            test("%s: the record of an automatic verdict on a %s that is %s", version_name(protocols[p]),
                 is_server ? "server" : "client", of->sentence);
            recorded(of, protocols[p]);
        }
    }
}

/* The example of the guide: accept what has only expired, and is known. */
static void pinned(void) {
    static const struct {
        const char *server;
        const char *anchors;
        const char *name;
        bool is_accepted;
    } trials[] = {
        {"server-expired", "ca", "localhost", true},
        {"server-expired", "other-ca", "localhost", false},
        {"server-expired", "ca", "elsewhere.example", false},
        {"server-notyet", "ca", "localhost", false},
    };
    bytes_t pin = read_certificate("server-expired.pem", 0);
    for (size_t i = 0; i < COUNT(trials); i++) {
        test("%s below %s as %s is %s by who accepts what has only expired and is pinned", trials[i].server,
             trials[i].anchors, trials[i].name, trials[i].is_accepted ? "accepted" : "refused");
        setup_t client = {.anchors = trials[i].anchors};
        setup_t server = {.credentials = trials[i].server};
        pair_t pair = pair_open(&client, &server);
        EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, trials[i].name), TLS_STATUS_COMPLETE);
        pair.client.judge = JUDGE_STOP;
        run_handshake(&pair);
        uint8_t leaf[4096];
        size_t leaf_len = 0;
        spantls_validation_t report = {.struct_size = sizeof report};
        EXPECT_STATUS(tls_session_default_validation(pair.client.session, &report), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_session_remote_certificate(pair.client.session, 0, leaf, sizeof leaf, &leaf_len),
                      TLS_STATUS_COMPLETE);
        const bool is_pinned = leaf_len == pin.len && memcmp(leaf, pin.data, leaf_len) == 0;
        decide(&pair.client, report.reasons == SPANTLS_REASON_EXPIRED && is_pinned ? JUDGE_ACCEPT : JUDGE_BY_DEFAULT);
        EXPECT(run_handshake(&pair) == trials[i].is_accepted);
        pair_close(&pair);
    }
    bytes_free(&pin);
}

/* --- Anchors and lists ------------------------------------------------------------------------------------------- */

/* Whether a client of these options trusts this server; they are destroyed. */
static bool trusts(tls_options_t *options, const char *server) {
    tls_context_t *context = NULL;
    EXPECT_STATUS(tls_context_create_client(options, &context), TLS_STATUS_COMPLETE);
    setup_t setup = {.credentials = server};
    tls_context_t *other = make_context(true, &setup);
    pair_t pair = pair_on(context, other);
    const bool trusted = run_handshake(&pair);
    pair_close(&pair);
    tls_context_destroy(other);
    tls_context_destroy(context);
    return trusted;
}

static tls_options_t *new_options(void) {
    tls_options_t *options = NULL;
    EXPECT_STATUS(tls_options_create(&options), TLS_STATUS_COMPLETE);
    return options;
}

static void forms(void) {
    test("an anchor in DER is the same as in PEM");
    bytes_t der = read_certificate("ca.pem", 0);
    tls_options_t *options = new_options();
    EXPECT_STATUS(tls_options_add_trust_anchors_der(options, der.data, der.len), TLS_STATUS_COMPLETE);
    EXPECT(trusts(options, "server-p256"));
    EXPECT(!trusts(options, "server-other"));
    tls_options_destroy(options);

    test("lists come from files, and in DER");
    bytes_t list = read_block("crl-intermediate.pem", "X509 CRL", 0);
    options = new_options();
    EXPECT_STATUS(tls_options_add_trust_anchors_der(options, der.data, der.len), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_add_crls_file(options, file_path("crl-root.pem")), TLS_STATUS_COMPLETE);
    EXPECT(!trusts(options, "server-p256"));
    EXPECT_STATUS(tls_options_add_crls_der(options, list.data, list.len), TLS_STATUS_COMPLETE);
    EXPECT(trusts(options, "server-p256"));
    EXPECT(!trusts(options, "server-revoked"));

    test("what is not DER, or not of the kind, is refused and changes nothing");
    EXPECT_STATUS(tls_options_add_trust_anchors_der(options, list.data, list.len), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_crls_der(options, der.data, der.len), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_trust_anchors_der(options, der.data, der.len - 1), TLS_STATUS_INVALID_CONFIGURATION);
    bytes_t pem = read_file("ca.pem");
    EXPECT_STATUS(tls_options_add_trust_anchors_der(options, pem.data, pem.len), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(strstr(last_error().message, "PEM") != NULL);
    EXPECT_STATUS(tls_options_add_crls_file(options, file_path("ca.pem")), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_crls_file(options, "no/such/file"), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(last_error().os_error != 0);
    EXPECT(trusts(options, "server-p256"));
    tls_options_destroy(options);
    bytes_free(&pem);
    bytes_free(&list);
    bytes_free(&der);
}

static void system_store(void) {
    unsetenv("SSL_CERT_DIR");
    test("the system's anchors and other ones are trusted together");
    setenv("SSL_CERT_FILE", file_path("ca.pem"), 1);
    tls_options_t *options = new_options();
    EXPECT_STATUS(tls_options_add_trust_anchors_file(options, file_path("other-ca.pem")), TLS_STATUS_COMPLETE);
    EXPECT(!trusts(options, "server-p256"));
    EXPECT_STATUS(tls_options_add_system_trust_anchors(options), TLS_STATUS_COMPLETE);
    /* Read at that call: what the store is afterwards changes nothing. */
    setenv("SSL_CERT_FILE", "/no/such/store", 1);
    EXPECT(trusts(options, "server-p256"));
    EXPECT(trusts(options, "server-other"));

    test("a store that is not there is refused, and its place named");
    EXPECT_STATUS(tls_options_add_system_trust_anchors(options), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(strstr(last_error().message, "/no/such/store") != NULL);
    EXPECT(trusts(options, "server-p256"));
    tls_options_destroy(options);

    test("a store without a certificate is refused, and its place named");
    setenv("SSL_CERT_FILE", file_path("crl-root.pem"), 1);
    options = new_options();
    EXPECT_STATUS(tls_options_add_system_trust_anchors(options), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(strstr(last_error().message, "crl-root.pem") != NULL);

    test("a client without anchors says where it has looked for the system's");
    setenv("SSL_CERT_FILE", "/no/such/store", 1);
    setup_t client = {0};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    pair.client.judge = JUDGE_STOP;
    run_handshake(&pair);
    spantls_validation_t report = {.struct_size = sizeof report};
    EXPECT_STATUS(tls_session_default_validation(pair.client.session, &report), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(report.reasons, SPANTLS_REASON_UNKNOWN_ISSUER);
    EXPECT(strstr(report.message, "/no/such/store") != NULL);
    decide(&pair.client, JUDGE_BY_DEFAULT);
    EXPECT(!run_handshake(&pair));
    EXPECT(strstr(error_of(pair.client.session).message, "/no/such/store") != NULL);
    pair_close(&pair);

    test("a store that was empty is read again by the next context");
    setenv("SSL_CERT_FILE", file_path("ca.pem"), 1);
    EXPECT(trusts(options, "server-p256"));
    tls_options_destroy(options);
    unsetenv("SSL_CERT_FILE");
}

int main(int argc, char **argv) {
    begin(argc, argv);
    reasons();
    pinned();
    forms();
    system_store();
    return finish();
}

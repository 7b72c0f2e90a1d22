/*
 * The default validation and the alerts it chooses; credentials, anchors and lists that are unusable.
 */

#include <errno.h>
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
    const char *server;      /* its credentials */
    const char *anchors;     /* of the client */
    const char *name;        /* that the client wants; NULL: none */
    const char *crls[2];     /* of the client */
    uint32_t policy_errors;  /* expected */
    int alert;               /* expected; -1: whichever */
} server_case_t;

#define NAME SPANTLS_POLICY_ERROR_NAME_MISMATCH
#define CHAIN SPANTLS_POLICY_ERROR_CHAIN_ERRORS
#define ANY_ALERT (-1)

static const server_case_t server_cases[] = {
    {"a good server is trusted", "server-p256", "ca", "localhost", {NULL}, 0, 0},
    {"a good server with RSA is trusted", "server-rsa2048", "ca", "localhost", {NULL}, 0, 0},
    {"a good server with Ed25519 is trusted", "server-ed25519", "ca", "localhost", {NULL}, 0, 0},
    {"a name is matched whatever its case", "server-p256", "ca", "LocalHost", {NULL}, 0, 0},
    {"an IPv4 address is matched", "server-p256", "ca", "127.0.0.1", {NULL}, 0, 0},
    {"an IPv6 address is matched", "server-p256", "ca", "::1", {NULL}, 0, 0},
    {"an IPv6 address in long form is matched", "server-p256", "ca", "0:0:0:0:0:0:0:1", {NULL}, 0, 0},
    {"another address is a mismatch", "server-p256", "ca", "127.0.0.2", {NULL}, NAME, 42},
    {"a wildcard stands for one label", "server-p256", "ca", "a.wild.example", {NULL}, 0, 0},
    {"a wildcard does not stand for two labels", "server-p256", "ca", "a.b.wild.example", {NULL}, NAME, 42},
    {"a wildcard does not stand for none", "server-p256", "ca", "wild.example", {NULL}, NAME, 42},
    {"a chain of six intermediates is trusted", "deep-rsa4096", "deep-ca", "localhost", {NULL}, 0, 0},
    {"the intermediate may be the anchor", "server-p256", "intermediate", "localhost", {NULL}, 0, 0},
    {"a wrong name is a mismatch", "server-wrongname", "ca", "localhost", {NULL}, NAME, 42},
    {"no name is a mismatch", "server-p256", "ca", NULL, {NULL}, NAME, 42},
    {"an unknown CA is a chain error", "server-other", "ca", "localhost", {NULL}, CHAIN, 48},
    {"an expired server is a chain error", "server-expired", "ca", "localhost", {NULL}, CHAIN, 45},
    {"a server that is not valid yet is a chain error", "server-notyet", "ca", "localhost", {NULL}, CHAIN, 45},
    {"a wrong name and expired are both told", "server-wrongname-expired", "ca", "localhost", {NULL}, NAME | CHAIN, 45},
    {"a wrong name and an unknown CA are both told", "server-wrongname", "other-ca", "localhost", {NULL}, NAME | CHAIN,
     48},
    {"a certificate for clients is no server's", "server-clientusage", "ca", "localhost", {NULL}, CHAIN, 43},
    {"a self-signed server that is an anchor is trusted", "selfsigned", "selfsigned", "localhost", {NULL}, 0, 0},
    {"a self-signed server that is an anchor is matched by name", "selfsigned", "selfsigned", "other.example", {NULL},
     NAME, 42},
    {"a self-signed server that is no anchor is not trusted", "selfsigned", "ca", "localhost", {NULL}, CHAIN, 48},
    {"a self-signed server that is an anchor but expired is a chain error", "selfsigned-expired", "selfsigned-expired",
     "localhost", {NULL}, CHAIN, 45},
    {"another self-signed certificate of the same name is no anchor", "selfsigned", "selfsigned-expired", "localhost",
     {NULL}, CHAIN, ANY_ALERT},
    {"a server that is on no list is trusted", "server-p256", "ca", "localhost",
     {"crl-intermediate.pem", "crl-root.pem"}, 0, 0},
    {"a revoked server is a chain error", "server-revoked", "ca", "localhost",
     {"crl-intermediate.pem", "crl-root.pem"}, CHAIN, 44},
    {"a revoked server without lists is trusted", "server-revoked", "ca", "localhost", {NULL}, 0, 0},
    {"an intermediate of which no list tells is a chain error", "server-p256", "ca", "localhost",
     {"crl-intermediate.pem", NULL}, CHAIN, ANY_ALERT},
    {"a leaf of which no list tells is a chain error", "server-p256", "ca", "localhost", {"crl-root.pem", NULL}, CHAIN,
     ANY_ALERT},
    {"an expired list is a chain error", "server-p256", "ca", "localhost", {"crl-expired.pem", "crl-root.pem"}, CHAIN,
     ANY_ALERT},
    {"without anchors the system's store decides, and does not know this one", "server-p256", NULL, "localhost", {NULL},
     CHAIN, ANY_ALERT},
};

static const struct {
    const char *sentence;
    const char *client;
    const char *anchors; /* of the server */
    uint32_t policy_errors;
    int alert;
} client_cases[] = {
    {"a good client is trusted", "client-p256", "ca", 0, 0},
    {"a good client with RSA is trusted", "client-rsa2048", "ca", 0, 0},
    {"a good client with Ed25519 is trusted", "client-ed25519", "ca", 0, 0},
    {"a client of an unknown CA is a chain error", "client-other", "ca", CHAIN, 48},
    {"a certificate for servers is no client's", "server-p256", "ca", CHAIN, 43},
    {"a server without anchors trusts no client", "client-p256", NULL, CHAIN, ANY_ALERT},
};

/* The judge's error record after a refusal, and what it told the peer. */
static void expect_told(side_t *judge, side_t *judged, uint32_t policy_errors, int alert) {
    spantls_error_t error = error_of(judge->session);
    EXPECT_STATUS(judge->status, TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_STATUS(error.status, TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_NUMBER(error.policy_errors, policy_errors);
    EXPECT(error.alert_sent > 0);
    if (alert != ANY_ALERT) {
        EXPECT_NUMBER(error.alert_sent, alert);
    }
    EXPECT(!judge->was_complete);
    if (judged->status == TLS_STATUS_COMPLETE) {
        EXPECT_STATUS(receive(judged), TLS_STATUS_PEER_ALERT);
    } else {
        EXPECT_STATUS(judged->status, TLS_STATUS_PEER_ALERT);
    }
    EXPECT_NUMBER(error_of(judged->session).alert_received, error.alert_sent);
}

static void servers_judged(int32_t validation) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t i = 0; i < COUNT(server_cases); i++) {
            const server_case_t *this = &server_cases[i];
            test("%s%s: %s", version_name(protocols[p]),
                 validation == SPANTLS_VALIDATION_AUTOMATIC ? ", judged automatically" : "", this->sentence);
            setup_t client = {
                .anchors = this->anchors,
                .crls = {this->crls[0], this->crls[1]},
                .protocols = protocols[p],
                .validation = validation,
            };
            setup_t server = {.credentials = this->server};
            pair_t pair;
            if (this->name == NULL) {
                /* A pair always wants localhost: only a fresh session has no name. */
                tls_context_t *context = make_context(false, &client);
                pair = pair_open(&client, &server);
                tls_session_destroy(pair.client.session);
                EXPECT_STATUS(tls_session_create(context, &pair.client.session), TLS_STATUS_COMPLETE);
                tls_context_destroy(context);
            } else {
                pair = pair_open(&client, &server);
                EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, this->name), TLS_STATUS_COMPLETE);
            }
            EXPECT(run_handshake(&pair) == (this->policy_errors == 0));
            EXPECT_NUMBER(pair.client.suspensions, validation == SPANTLS_VALIDATION_AUTOMATIC ? 0 : 1);
            if (validation == SPANTLS_VALIDATION_EXTERNAL) {
                EXPECT_NUMBER(pair.client.policy_errors, this->policy_errors);
            }
            if (this->policy_errors != 0) {
                expect_told(&pair.client, &pair.server, this->policy_errors, this->alert);
                EXPECT(!pair.server.was_complete);
            }
            pair_close(&pair);
        }
    }
}

static void clients_judged(int32_t validation) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t i = 0; i < COUNT(client_cases); i++) {
            test("%s%s: %s", version_name(protocols[p]),
                 validation == SPANTLS_VALIDATION_AUTOMATIC ? ", judged automatically" : "", client_cases[i].sentence);
            setup_t client = {
                .anchors = "ca",
                .credentials = client_cases[i].client,
                .protocols = protocols[p],
            };
            setup_t server = {
                .anchors = client_cases[i].anchors,
                .credentials = "server-p256",
                .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE,
                .validation = validation,
            };
            pair_t pair = pair_open(&client, &server);
            EXPECT(run_handshake(&pair) == (client_cases[i].policy_errors == 0));
            EXPECT_NUMBER(pair.server.suspensions, validation == SPANTLS_VALIDATION_AUTOMATIC ? 0 : 1);
            if (validation == SPANTLS_VALIDATION_EXTERNAL) {
                EXPECT_NUMBER(pair.server.policy_errors, client_cases[i].policy_errors);
            }
            if (client_cases[i].policy_errors != 0) {
                expect_told(&pair.server, &pair.client, client_cases[i].policy_errors, client_cases[i].alert);
            }
            pair_close(&pair);
        }
    }
}

static void automatic_without_a_certificate(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        test("%s, judged automatically: a client that may and does decline is let in", version_name(protocols[p]));
        setup_t client = {.anchors = "ca", .protocols = protocols[p]};
        setup_t server = {
            .anchors = "ca",
            .credentials = "server-p256",
            .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUEST,
            .validation = SPANTLS_VALIDATION_AUTOMATIC,
        };
        pair_t pair = pair_open(&client, &server);
        EXPECT(run_handshake(&pair));
        EXPECT_NUMBER(pair.server.suspensions, 0);
        pair_close(&pair);

        test("%s, judged automatically: a client that must and does not is refused", version_name(protocols[p]));
        server.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
        pair = pair_open(&client, &server);
        EXPECT(!run_handshake(&pair));
        EXPECT_NUMBER(error_of(pair.server.session).alert_sent,
                      protocols[p] == SPANTLS_PROTOCOL_TLS12 ? SPANTLS_ALERT_HANDSHAKE_FAILURE
                                                         : SPANTLS_ALERT_CERTIFICATE_REQUIRED);
        pair_close(&pair);
    }
}

static void several_anchors(void) {
    test("anchors add up");
    setup_t client = {.anchors = "other-ca", .more_anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    pair_close(&pair);
    server.credentials = "server-other";
    pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    pair_close(&pair);

    test("anchors come from a file, too, and from one that holds several");
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    EXPECT_STATUS(tls_options_create(&options), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_add_trust_anchors_file(options, file_path("ca.pem")), TLS_STATUS_COMPLETE);
    bytes_t both = read_file("other-ca.pem");
    bytes_t second = read_file("deep-ca.pem");
    bytes_append(&both, "some text between them\n", 23);
    bytes_append(&both, second.data, second.len);
    EXPECT_STATUS(tls_options_add_trust_anchors_pem(options, text_of(&both), both.len), TLS_STATUS_COMPLETE);
    bytes_free(&both);
    bytes_free(&second);
    EXPECT_STATUS(tls_context_create_client(options, &context), TLS_STATUS_COMPLETE);
    tls_options_destroy(options);
    static const char *const servers[] = {"server-p256", "server-other", "deep-rsa4096"};
    for (size_t i = 0; i < COUNT(servers); i++) {
        server.credentials = servers[i];
        tls_context_t *server_context = make_context(true, &server);
        pair = pair_on(context, server_context);
        EXPECT(run_handshake(&pair));
        tls_context_destroy(server_context);
        pair_close(&pair);
    }
    tls_context_destroy(context);
}

/* --- Credentials and other PEM ---------------------------------------------------------------------------------- */

static void expect_unusable(const char *chain, size_t chain_len, const char *key, size_t key_len) {
    tls_credentials_t *credentials = (tls_credentials_t *)&credentials;
    EXPECT_STATUS(tls_credentials_create_pem(chain, chain_len, key, key_len, NULL, &credentials), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(credentials == NULL);
    spantls_error_t error = last_error();
    EXPECT_STATUS(error.status, TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(error.message[0] != 0);
    EXPECT_NUMBER(error.alert_sent, -1);
    EXPECT_NUMBER(error.alert_received, -1);
}

static void expect_unusable_files(const char *chain_name, const char *key_name) {
    bytes_t chain = read_file(chain_name);
    bytes_t key = read_file(key_name);
    expect_unusable(text_of(&chain), chain.len, text_of(&key), key.len);
    bytes_free(&chain);
    bytes_free(&key);
    tls_credentials_t *credentials = (tls_credentials_t *)&credentials;
    EXPECT_STATUS(tls_credentials_create_file(file_path(chain_name), file_path(key_name), NULL, &credentials),
                  TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(credentials == NULL);
    EXPECT(last_error().message[0] != 0);
}

/* Credentials from these two files serve in a handshake. */
static void expect_usable_files(const char *chain_name, const char *key_name) {
    setup_t client = {.anchors = "ca"};
    tls_credentials_t *credentials = NULL;
    tls_options_t *options = NULL;
    tls_context_t *server_context = NULL;
    if (!EXPECT_STATUS(tls_credentials_create_file(file_path(chain_name), file_path(key_name), NULL, &credentials),
                       TLS_STATUS_COMPLETE)) {
        return;
    }
    EXPECT_STATUS(tls_options_create(&options), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_set_credentials(options, credentials), TLS_STATUS_COMPLETE);
    tls_credentials_destroy(credentials);
    EXPECT_STATUS(tls_context_create_server(options, &server_context), TLS_STATUS_COMPLETE);
    tls_options_destroy(options);
    tls_context_t *client_context = make_context(false, &client);
    pair_t pair = pair_on(client_context, server_context);
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
    EXPECT(run_handshake(&pair));
    pair_close(&pair);
}

static void credentials(void) {
    test("keys in PKCS#8, SEC1 and PKCS#1 serve");
    expect_usable_files("server-p256.pem", "server-p256.key");
    expect_usable_files("server-p256.pem", "server-p256.sec1.key");
    expect_usable_files("server-rsa2048.pem", "server-rsa2048.key");
    expect_usable_files("server-rsa2048.pem", "server-rsa2048.pkcs1.key");

    test("chain and key may come from one text, with other text around them");
    bytes_t all = {0};
    bytes_t part = read_file("server-p256.key");
    bytes_append(&all, "Bag Attributes\n", 15);
    bytes_append(&all, part.data, part.len);
    bytes_free(&part);
    bytes_append(&all, "\n# the chain\n\n", 14);
    part = read_file("server-p256.pem");
    bytes_append(&all, part.data, part.len);
    bytes_free(&part);
    tls_credentials_t *made = NULL;
    EXPECT_STATUS(tls_credentials_create_pem(text_of(&all), all.len, text_of(&all), all.len, NULL, &made), TLS_STATUS_COMPLETE);
    tls_credentials_destroy(made);
    bytes_free(&all);

    test("an encrypted key is refused with a word about it");
    expect_unusable_files("server-p256.pem", "server-p256.encrypted.key");

    test("a key that does not fit the certificate is refused");
    expect_unusable_files("server-p256.pem", "client-p256.key");
    expect_unusable_files("server-p256.pem", "server-rsa2048.key");
    expect_unusable_files("server-rsa2048.pem", "server-rsa4096.key");
    expect_unusable_files("server-ed25519.pem", "client-ed25519.key");

    test("keys of unsupported types are refused");
    expect_unusable_files("server-p521.pem", "server-p521.key");
    expect_unusable_files("server-rsa1024.pem", "server-rsa1024.key");
    expect_unusable_files("selfsigned-rsa6144.pem", "selfsigned-rsa6144.key");

    test("a chain without certificates and a key without a key are refused");
    expect_unusable_files("server-p256.key", "server-p256.key");
    expect_unusable_files("server-p256.pem", "server-p256.pem");
    expect_unusable_files("crl-root.pem", "server-p256.key");

    test("empty and senseless text is refused");
    bytes_t chain = read_file("server-p256.pem");
    bytes_t key = read_file("server-p256.key");
    static const char senseless[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    static const char no_base64[] = "-----BEGIN PRIVATE KEY-----\n%%%%\n-----END PRIVATE KEY-----\n";
    static const char open_end[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n";
    static const char no_key[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    expect_unusable(NULL, 0, text_of(&key), key.len);
    expect_unusable(text_of(&chain), chain.len, NULL, 0);
    expect_unusable("nonsense", 8, text_of(&key), key.len);
    expect_unusable(text_of(&chain), chain.len, "nonsense", 8);
    expect_unusable(senseless, sizeof senseless - 1, text_of(&key), key.len);
    expect_unusable(text_of(&chain), chain.len, no_base64, sizeof no_base64 - 1);
    expect_unusable(text_of(&chain), chain.len, open_end, sizeof open_end - 1);
    expect_unusable(text_of(&chain), chain.len, no_key, sizeof no_key - 1);
    expect_unusable(text_of(&chain), chain.len / 4, text_of(&key), key.len);
    expect_unusable(text_of(&chain), chain.len, text_of(&key), key.len / 2);

    test("credentials with one byte changed are refused or made, nothing else");
    for (size_t at = 0; at < key.len; at++) {
        tls_credentials_t *odd = NULL;
        key.data[at] ^= 1;
        tls_status_t status = tls_credentials_create_pem(text_of(&chain), chain.len, text_of(&key), key.len, NULL, &odd);
        EXPECT(status == TLS_STATUS_COMPLETE || status == TLS_STATUS_INVALID_CONFIGURATION);
        EXPECT((status == TLS_STATUS_COMPLETE) == (odd != NULL));
        tls_credentials_destroy(odd);
        key.data[at] ^= 1;
    }
    for (size_t at = 0; at < chain.len; at += quick ? 7 : 1) {
        tls_credentials_t *odd = NULL;
        chain.data[at] ^= 1;
        tls_status_t status = tls_credentials_create_pem(text_of(&chain), chain.len, text_of(&key), key.len, NULL, &odd);
        EXPECT(status == TLS_STATUS_COMPLETE || status == TLS_STATUS_INVALID_CONFIGURATION);
        EXPECT((status == TLS_STATUS_COMPLETE) == (odd != NULL));
        tls_credentials_destroy(odd);
        chain.data[at] ^= 1;
    }
    bytes_free(&chain);
    bytes_free(&key);

    test("files that cannot be read are refused");
    tls_credentials_t *none = (tls_credentials_t *)&none;
    EXPECT_STATUS(tls_credentials_create_file("/nonexistent/chain", file_path("server-p256.key"), NULL, &none),
                  TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(none == NULL);
    EXPECT_NUMBER(last_error().os_error, ENOENT);
    EXPECT_STATUS(tls_credentials_create_file(file_path("server-p256.pem"), "/nonexistent/key", NULL, &none),
                  TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_NUMBER(last_error().os_error, ENOENT);
    EXPECT_STATUS(tls_credentials_create_file(file_path("server-p256.pem"), "/", NULL, &none), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_credentials_create_file(file_path("server-p256.pem"), "", NULL, &none), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(none == NULL);
}

static void anchors_and_lists(void) {
    test("anchors and lists that cannot be parsed are refused, and nothing is added");
    static const char senseless[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    tls_options_t *options = make_options(&client);
    bytes_t half_good = read_file("other-ca.pem");
    bytes_append(&half_good, senseless, sizeof senseless - 1);
    bytes_t list = read_file("crl-root.pem");
    bytes_t key = read_file("ca.key");
    EXPECT_STATUS(tls_options_add_trust_anchors_pem(options, NULL, 0), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_trust_anchors_pem(options, "text", 4), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_trust_anchors_pem(options, text_of(&half_good), half_good.len),
                  TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(last_error().message[0] != 0);
    EXPECT_STATUS(tls_options_add_trust_anchors_pem(options, text_of(&list), list.len), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_trust_anchors_pem(options, text_of(&key), key.len), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_trust_anchors_file(options, "/nonexistent/ca.pem"), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_NUMBER(last_error().os_error, ENOENT);
    EXPECT_STATUS(tls_options_add_crls_pem(options, NULL, 0), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_crls_pem(options, "text", 4), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_crls_pem(options, text_of(&half_good), half_good.len), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_add_crls_pem(options, text_of(&list), list.len / 2), TLS_STATUS_INVALID_CONFIGURATION);
    bytes_free(&half_good);
    bytes_free(&list);
    bytes_free(&key);

    /* No list was added: the chain of a good server is still accepted. Nor the other CA: its servers are not. */
    tls_context_t *client_context = NULL;
    EXPECT_STATUS(tls_context_create_client(options, &client_context), TLS_STATUS_COMPLETE);
    tls_options_destroy(options);
    tls_context_t *server_context = make_context(true, &server);
    pair_t pair = pair_on(client_context, server_context);
    EXPECT(run_handshake(&pair));
    tls_context_destroy(server_context);
    pair_close(&pair);
    server.credentials = "server-other";
    server_context = make_context(true, &server);
    pair = pair_on(client_context, server_context);
    EXPECT(!run_handshake(&pair));
    EXPECT_NUMBER(pair.client.policy_errors, SPANTLS_POLICY_ERROR_CHAIN_ERRORS);
    tls_context_destroy(server_context);
    tls_context_destroy(client_context);
    pair_close(&pair);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    servers_judged(SPANTLS_VALIDATION_EXTERNAL);
    servers_judged(SPANTLS_VALIDATION_AUTOMATIC);
    clients_judged(SPANTLS_VALIDATION_EXTERNAL);
    clients_judged(SPANTLS_VALIDATION_AUTOMATIC);
    automatic_without_a_certificate();
    several_anchors();
    credentials();
    anchors_and_lists();
    return finish();
}

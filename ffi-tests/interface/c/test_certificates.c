/*
 * What certificates say: of the peer, and of any file. ffi-tests/judges/peers/test_certificate_facts.py compares names, dates and
 * hashes with OpenSSL's.
 */

#include <stdio.h>
#include <string.h>

#include "pair.h"

#define EXPECT_TEXT(actual, expected) EXPECT_BYTES((actual), strlen(actual), (expected), strlen(expected))
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static spantls_certificate_info_t info_of(const bytes_t *der) {
    spantls_certificate_info_t info = {.struct_size = sizeof info};
    EXPECT_STATUS(spantls_certificate_info(der->data, der->len, &info), TLS_STATUS_COMPLETE);
    return info;
}

static void expect_text(const bytes_t *der, int32_t field, size_t index, const char *expected) {
    char text[256] = "before";
    size_t len = 77;
    EXPECT_STATUS(spantls_certificate_text(der->data, der->len, field, index, text, sizeof text, &len), TLS_STATUS_COMPLETE);
    EXPECT_TEXT(text, expected);
    EXPECT_NUMBER(len, strlen(expected));
}

static void what_a_server_certificate_says(void) {
    test("a server's certificate says for which names it is");
    bytes_t der = read_certificate("server-p256.pem", 0);
    const spantls_certificate_info_t info = info_of(&der);
    EXPECT_NUMBER(info.num_dns_names, 2);
    EXPECT_NUMBER(info.num_ip_addresses, 2);
    EXPECT_NUMBER(info.num_uris + info.num_emails + info.num_other_names, 0);
    EXPECT_NUMBER(info.is_ca, 0);
    EXPECT(info.not_before < info.not_after);
    expect_text(&der, SPANTLS_CERTIFICATE_DNS_NAME, 0, "localhost");
    expect_text(&der, SPANTLS_CERTIFICATE_DNS_NAME, 1, "*.wild.example");
    expect_text(&der, SPANTLS_CERTIFICATE_IP_ADDRESS, 0, "127.0.0.1");
    expect_text(&der, SPANTLS_CERTIFICATE_IP_ADDRESS, 1, "::1");

    test("a name that is not there is an argument error");
    char text[64] = "before";
    size_t len = 77;
    EXPECT_STATUS(spantls_certificate_text(der.data, der.len, SPANTLS_CERTIFICATE_DNS_NAME, 2, text, sizeof text, &len),
                  TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_TEXT(text, "");
    EXPECT_NUMBER(len, 0);

    test("a text needs room for its closing NUL");
    EXPECT_STATUS(spantls_certificate_text(der.data, der.len, SPANTLS_CERTIFICATE_DNS_NAME, 0, NULL, 0, &len),
                  TLS_STATUS_BUFFER_TOO_SMALL);
    EXPECT_NUMBER(len, strlen("localhost"));
    EXPECT_STATUS(spantls_certificate_text(der.data, der.len, SPANTLS_CERTIFICATE_DNS_NAME, 0, text, len, &len),
                  TLS_STATUS_BUFFER_TOO_SMALL);
    EXPECT_TEXT(text, "");
    EXPECT_STATUS(spantls_certificate_text(der.data, der.len, SPANTLS_CERTIFICATE_DNS_NAME, 0, text, len + 1, &len),
                  TLS_STATUS_COMPLETE);
    EXPECT_TEXT(text, "localhost");

    test("a text must not be written over the certificate");
    EXPECT_STATUS(spantls_certificate_text(der.data, der.len, SPANTLS_CERTIFICATE_SUBJECT, 0, (char *)der.data, der.len, &len),
                  TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_NUMBER(der.data[0], 0x30);
    bytes_free(&der);
}

static void what_a_ca_certificate_says(void) {
    test("a CA's certificate says that it is one, and names itself as its issuer");
    bytes_t der = read_certificate("ca.pem", 0);
    char subject[256], issuer[256];
    size_t len;
    EXPECT_NUMBER(info_of(&der).is_ca, 1);
    EXPECT_STATUS(spantls_certificate_text(der.data, der.len, SPANTLS_CERTIFICATE_SUBJECT, 0, subject, sizeof subject, &len),
                  TLS_STATUS_COMPLETE);
    EXPECT(len > 3 && strncmp(subject, "CN=", 3) == 0);
    EXPECT_STATUS(spantls_certificate_text(der.data, der.len, SPANTLS_CERTIFICATE_ISSUER, 0, issuer, sizeof issuer, &len),
                  TLS_STATUS_COMPLETE);
    EXPECT_TEXT(issuer, subject);
    bytes_free(&der);
}

static void keys_and_certificates_are_told_apart(void) {
    test("the fingerprint is the certificate's, the public key hash that of its key");
    bytes_t first = read_certificate("server-p256.pem", 0), other = read_certificate("server-p384.pem", 0);
    const spantls_certificate_info_t one = info_of(&first), two = info_of(&other);
    EXPECT(memcmp(one.sha256, two.sha256, sizeof one.sha256) != 0);
    EXPECT(memcmp(one.public_key_sha256, two.public_key_sha256, sizeof one.public_key_sha256) != 0);
    /* A byte of the signature: another certificate, the same key. */
    first.data[first.len - 1] ^= 1;
    const spantls_certificate_info_t three = info_of(&first);
    EXPECT(memcmp(one.sha256, three.sha256, sizeof one.sha256) != 0);
    EXPECT_BYTES(one.public_key_sha256, sizeof one.public_key_sha256, three.public_key_sha256, sizeof three.public_key_sha256);
    bytes_free(&first);
    bytes_free(&other);
}

static void expect_same_as_file(const side_t *side, const char *file) {
    bytes_t der = read_certificate(file, 0);
    const spantls_certificate_info_t expected = info_of(&der);
    spantls_certificate_info_t info = {.struct_size = sizeof info};
    EXPECT_STATUS(tls_session_remote_certificate_info(side->session, 0, &info), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(&info, sizeof info, &expected, sizeof expected);
    for (int32_t field = SPANTLS_CERTIFICATE_SUBJECT; field <= SPANTLS_CERTIFICATE_EMAIL; field++) {
        char seen[256] = "before", text[256] = "before";
        size_t seen_len, len;
        EXPECT_STATUS(tls_session_remote_certificate_text(side->session, 0, field, 0, seen, sizeof seen, &seen_len),
                      spantls_certificate_text(der.data, der.len, field, 0, text, sizeof text, &len));
        EXPECT_TEXT(seen, text);
        EXPECT_NUMBER(seen_len, len);
    }
    bytes_free(&der);
}

static void expect_nothing(const side_t *side, size_t certificate_index) {
    spantls_certificate_info_t info = {.struct_size = sizeof info};
    char text[64] = "before";
    size_t len = 77;
    EXPECT_STATUS(tls_session_remote_certificate_info(side->session, certificate_index, &info), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_NUMBER(info.not_after, 0);
    EXPECT_STATUS(tls_session_remote_certificate_text(side->session, certificate_index, SPANTLS_CERTIFICATE_SUBJECT, 0, text,
                                                      sizeof text, &len),
                  TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_TEXT(text, "");
    EXPECT_NUMBER(len, 0);
}

static void the_peer_is_known_from_the_question_on(uint32_t protocol) {
    test("TLS %s: each side reads who the other is, while it is asked and afterwards",
         protocol == SPANTLS_PROTOCOL_TLS12 ? "1.2" : "1.3");
    const setup_t client = {.credentials = "client-p256", .anchors = "ca", .protocols = protocol};
    const setup_t server = {.credentials = "server-p256", .anchors = "ca", .protocols = protocol,
                            .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE};
    pair_t pair = pair_open(&client, &server);
    pair.client.judge = pair.server.judge = JUDGE_STOP;
    expect_nothing(&pair.client, 0);
    run_handshake(&pair);
    EXPECT_STATUS(pair.client.status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
    expect_same_as_file(&pair.client, "server-p256.pem");
    pair.client.judge = JUDGE_BY_DEFAULT;
    answer_question(&pair.client, &pair.server);
    resume(&pair.client);
    run_handshake(&pair);
    EXPECT_STATUS(pair.server.status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
    expect_same_as_file(&pair.server, "client-p256.pem");
    pair.server.judge = JUDGE_BY_DEFAULT;
    answer_question(&pair.server, &pair.client);
    resume(&pair.server);
    EXPECT(run_handshake(&pair));
    expect_same_as_file(&pair.client, "server-p256.pem");
    expect_same_as_file(&pair.server, "client-p256.pem");
    expect_nothing(&pair.client, 100);
    pair_close(&pair);
}

static void a_client_without_a_certificate_is_nobody(uint32_t protocol) {
    test("TLS %s: of a client without a certificate there is nothing to read",
         protocol == SPANTLS_PROTOCOL_TLS12 ? "1.2" : "1.3");
    const setup_t client = {.anchors = "ca", .protocols = protocol};
    const setup_t server = {.credentials = "server-p256", .anchors = "ca", .protocols = protocol};
    pair_t pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    expect_nothing(&pair.server, 0);
    pair_close(&pair);
}

/* The name of the session is another question than the chain: only its bit is looked at. */
static void names_match_as_the_default_validation_says(void) {
    static const char *const files[] = {"server-p256", "server-wrongname", "selfsigned", "server-clientusage"};
    static const char *const names[] = {
        "localhost", "LOCALHOST", "localhost.", "a.wild.example", "a.b.wild.example", "wild.example", "127.0.0.1", "127.0.0.2",
        "::1", "0:0:0:0:0:0:0:1", "other.example", "xn--bcher-kva.example",
    };
    for (size_t f = 0; f < COUNT(files); f++) {
        for (size_t n = 0; n < COUNT(names); n++) {
            test("%s and %s: the same answer with and without a session", files[f], names[n]);
            char file[64];
            snprintf(file, sizeof file, "%s.pem", files[f]);
            bytes_t der = read_certificate(file, 0);
            const tls_status_t alone = spantls_certificate_matches_name(der.data, der.len, names[n]);
            const setup_t client = {.anchors = "ca"}, server = {.credentials = files[f]};
            tls_context_t *clients = make_context(false, &client), *servers = make_context(true, &server);
            pair_t pair = pair_on(clients, servers);
            EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, names[n]), TLS_STATUS_COMPLETE);
            run_handshake(&pair);
            const bool matches = (pair.client.policy_errors & SPANTLS_POLICY_ERROR_NAME_MISMATCH) == 0;
            EXPECT_STATUS(alone, matches ? TLS_STATUS_COMPLETE : TLS_STATUS_AUTHENTICATION_FAILED);
            if (!matches) {
                EXPECT_NUMBER(last_error().policy_errors, SPANTLS_POLICY_ERROR_NAME_MISMATCH);
            }
            pair_close(&pair);
            tls_context_destroy(clients);
            tls_context_destroy(servers);
            bytes_free(&der);
        }
    }
}

static void what_is_no_certificate_is_refused(void) {
    test("each beginning of a certificate is refused, by every function");
    bytes_t der = read_certificate("server-p256.pem", 0);
    for (size_t len = 0; len < der.len; len++) {
        spantls_certificate_info_t info = {.struct_size = sizeof info};
        char text[64];
        size_t text_len;
        EXPECT_STATUS(spantls_certificate_info(der.data, len, &info), TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_STATUS(spantls_certificate_text(der.data, len, SPANTLS_CERTIFICATE_SUBJECT, 0, text, sizeof text, &text_len),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_STATUS(spantls_certificate_matches_name(der.data, len, "localhost"), TLS_STATUS_INVALID_ARGUMENT);
    }
    bytes_free(&der);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    what_a_server_certificate_says();
    what_a_ca_certificate_says();
    keys_and_certificates_are_told_apart();
    for (size_t p = 0; p < COUNT(protocols); p++) {
        the_peer_is_known_from_the_question_on(protocols[p]);
        a_client_without_a_certificate_is_nobody(protocols[p]);
    }
    names_match_as_the_default_validation_says();
    what_is_no_certificate_is_refused();
    return finish();
}

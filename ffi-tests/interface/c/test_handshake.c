/*
 * Handshakes that succeed, in every shape: versions, suites, keys, groups, client certificates, sizes of spans, cuts of
 * the input; and what both sides know afterwards. A few that cannot succeed because there is nothing in common.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

typedef struct {
    uint16_t id;
    uint32_t protocol;
    const char *kind; /* of server key in TLS 1.2: "rsa" or "ec"; NULL: any */
    const char *name;
} suite_t;

static const suite_t suites[] = {
    {SPANTLS_SUITE_AES_128_GCM_SHA256, SPANTLS_PROTOCOL_TLS13, NULL, "AES-128-GCM"},
    {SPANTLS_SUITE_AES_256_GCM_SHA384, SPANTLS_PROTOCOL_TLS13, NULL, "AES-256-GCM"},
    {SPANTLS_SUITE_CHACHA20_POLY1305_SHA256, SPANTLS_PROTOCOL_TLS13, NULL, "ChaCha20-Poly1305"},
    {SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, SPANTLS_PROTOCOL_TLS12, "ec", "ECDSA and AES-128-GCM"},
    {SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, SPANTLS_PROTOCOL_TLS12, "ec", "ECDSA and AES-256-GCM"},
    {SPANTLS_SUITE_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, SPANTLS_PROTOCOL_TLS12, "ec",
     "ECDSA and ChaCha20-Poly1305"},
    {SPANTLS_SUITE_ECDHE_RSA_WITH_AES_128_GCM_SHA256, SPANTLS_PROTOCOL_TLS12, "rsa", "RSA and AES-128-GCM"},
    {SPANTLS_SUITE_ECDHE_RSA_WITH_AES_256_GCM_SHA384, SPANTLS_PROTOCOL_TLS12, "rsa", "RSA and AES-256-GCM"},
    {SPANTLS_SUITE_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, SPANTLS_PROTOCOL_TLS12, "rsa", "RSA and ChaCha20-Poly1305"},
};

static const struct {
    const char *credentials;
    const char *kind;
} server_keys[] = {
    {"server-rsa2048", "rsa"}, {"server-rsa4096", "rsa"}, {"server-p256", "ec"},
    {"server-p384", "ec"},     {"server-ed25519", "ec"},
};

static const struct {
    int32_t mode;
    const char *credentials;
    const char *sentence;
} clients[] = {
    {SPANTLS_CLIENT_CERTIFICATE_NONE, "client-p256", "a client that is not asked"},
    {SPANTLS_CLIENT_CERTIFICATE_REQUEST, NULL, "a client that is asked and declines"},
    {SPANTLS_CLIENT_CERTIFICATE_REQUEST, "client-p256", "a client that is asked and shows P-256"},
    {SPANTLS_CLIENT_CERTIFICATE_REQUIRE, "client-rsa2048", "a client that must and shows RSA-2048"},
    {SPANTLS_CLIENT_CERTIFICATE_REQUIRE, "client-ed25519", "a client that must and shows Ed25519"},
};

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

/* A line of text each way. */
static void expect_a_talk(pair_t *pair) {
    static const char question[] = "is anybody there?";
    static const char reply[] = "yes, speaking";
    EXPECT_STATUS(send_data(&pair->client, &pair->server, question, sizeof question), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(&pair->server), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(pair->server.plaintext.data, pair->server.plaintext.len, question, sizeof question);
    EXPECT_STATUS(send_data(&pair->server, &pair->client, reply, sizeof reply), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(&pair->client), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(pair->client.plaintext.data, pair->client.plaintext.len, reply, sizeof reply);
}

/* Certificate `index` of the peer is that of the file; NULL: there is none. */
static void expect_remote(const side_t *side, size_t index, const char *file, size_t in_file) {
    uint8_t der[8192];
    size_t len = 0;
    if (file == NULL) {
        EXPECT_STATUS(tls_session_remote_certificate(side->session, index, der, sizeof der, &len),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_NUMBER(len, 0);
        return;
    }
    bytes_t expected = read_certificate(file, in_file);
    EXPECT_STATUS(tls_session_remote_certificate(side->session, index, der, sizeof der, &len), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(der, len, expected.data, expected.len);
    bytes_free(&expected);
}

static void expect_local(const side_t *side, const char *file) {
    uint8_t der[8192];
    size_t len = 1;
    EXPECT_STATUS(tls_session_local_certificate(side->session, der, sizeof der, &len), TLS_STATUS_COMPLETE);
    if (file == NULL) {
        EXPECT_NUMBER(len, 0);
        return;
    }
    bytes_t expected = read_certificate(file, 0);
    EXPECT_BYTES(der, len, expected.data, expected.len);
    bytes_free(&expected);
}

static void expect_certificate_count(const side_t *side, size_t expected) {
    size_t count = 77;
    EXPECT_STATUS(tls_session_remote_certificate_count(side->session, &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(count, expected);
}

static void expect_text(tls_status_t (*getter)(const tls_session_t *, void *, size_t, size_t *),
                        const side_t *side, const char *expected) {
    uint8_t text[256];
    size_t len = 77;
    EXPECT_STATUS(getter(side->session, text, sizeof text, &len), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(text, len, expected, strlen(expected));
}

/* The host name's buffer is of char, all others of void. */
static tls_status_t host_name(const tls_session_t *session, void *out, size_t cap, size_t *len) {
    return tls_session_target_host_name(session, out, cap, len);
}

static void every_version_suite_key_and_client(void) {
    for (size_t s = 0; s < COUNT(suites); s++) {
        for (size_t k = 0; k < COUNT(server_keys); k++) {
            for (size_t c = 0; c < COUNT(clients); c++) {
                if (suites[s].kind != NULL && strcmp(suites[s].kind, server_keys[k].kind) != 0) {
                    continue;
                }
                if (chacha && strstr(suites[s].name, "ChaCha") == NULL) {
                    continue;
                }
                if (quick && c != (s + k) % COUNT(clients)) {
                    continue;
                }
                const bool shows = clients[c].mode != SPANTLS_CLIENT_CERTIFICATE_NONE && clients[c].credentials != NULL;
                test("%s with %s, %s and %s", version_name(suites[s].protocol), suites[s].name,
                     server_keys[k].credentials, clients[c].sentence);
                setup_t client = {.anchors = "ca", .credentials = clients[c].credentials};
                setup_t server = {
                    .anchors = "ca",
                    .credentials = server_keys[k].credentials,
                    .client_certificates = clients[c].mode,
                };
                /* Whoever restricts the suites, the result is the same: let them take turns. */
                setup_t *chooser = (s + k + c) % 2 == 0 ? &client : &server;
                chooser->suites[0] = suites[s].id;
                chooser->protocols = suites[s].protocol;
                pair_t pair = pair_open(&client, &server);

                EXPECT(run_handshake(&pair));
                EXPECT_NUMBER(pair.client.suspensions, 1);
                EXPECT_NUMBER(pair.server.suspensions, clients[c].mode == SPANTLS_CLIENT_CERTIFICATE_NONE ? 0 : 1);
                EXPECT_NUMBER(pair.client.policy_errors, 0);
                const bool declines =
                    clients[c].mode == SPANTLS_CLIENT_CERTIFICATE_REQUEST && clients[c].credentials == NULL;
                EXPECT_NUMBER(pair.server.policy_errors, declines ? SPANTLS_POLICY_ERROR_NOT_AVAILABLE : 0);

                side_t *sides[2] = {&pair.client, &pair.server};
                for (size_t i = 0; i < 2; i++) {
                    const tls_session_t *session = sides[i]->session;
                    EXPECT_NUMBER(tls_session_negotiated_protocol(session), suites[s].protocol);
                    EXPECT_NUMBER(tls_session_negotiated_cipher_suite(session), suites[s].id);
                    EXPECT_NUMBER(tls_session_negotiated_group(session),
                                  suites[s].protocol == SPANTLS_PROTOCOL_TLS13 ? SPANTLS_GROUP_X25519MLKEM768
                                      : SPANTLS_GROUP_X25519);
                    EXPECT_NUMBER(error_of(session).status, 0);
                }
                const uint32_t asked = tls_session_state(pair.server.session) & SPANTLS_STATE_CERTIFICATE_ASKED;
                EXPECT((asked != 0) == (clients[c].mode != SPANTLS_CLIENT_CERTIFICATE_NONE));

                char file[64] = "";
                strcat(strcpy(file, server_keys[k].credentials), ".pem");
                expect_certificate_count(&pair.client, 2);
                expect_remote(&pair.client, 0, file, 0);
                expect_remote(&pair.client, 1, file, 1);
                expect_remote(&pair.client, 2, NULL, 0);
                expect_local(&pair.server, file);
                if (shows) {
                    strcat(strcpy(file, clients[c].credentials), ".pem");
                }
                expect_certificate_count(&pair.server, shows ? 2 : 0);
                expect_remote(&pair.server, 0, shows ? file : NULL, 0);
                expect_local(&pair.client, shows ? file : NULL);
                expect_a_talk(&pair);
                pair_close(&pair);
            }
        }
    }
}

static void every_size_of_spans(void) {
    static const size_t rooms[] = {0, 1, 5, 63, 64, 100, 70000};
    static const size_t chunks[] = {1, 7, 0};
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t r = 0; r < COUNT(rooms); r++) {
            for (size_t c = 0; c < COUNT(chunks); c++) {
                if (quick && (r + c) % 2 == 0) {
                    continue;
                }
                test("%s with %zu bytes of room and %s of input at a time", version_name(protocols[p]), rooms[r],
                     chunks[c] == 0   ? "everything"
                     : chunks[c] == 1 ? "1 byte more"
                                      : "7 bytes more");
                setup_t client = {.anchors = "ca", .credentials = "client-p256", .protocols = protocols[p]};
                setup_t server = {
                    .anchors = "ca",
                    .credentials = "server-p256",
                    .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE,
                };
                pair_t pair = pair_open(&client, &server);
                pair.client.handshake_room = pair.server.handshake_room = rooms[r];
                pair.client.chunk = pair.server.chunk = chunks[c];
                EXPECT(run_handshake(&pair));
                expect_a_talk(&pair);
                pair_close(&pair);
            }
        }
    }
}

static void records_cut_and_joined(void) {
    static const size_t fragments[] = {1, 2, 33, 100, 16384};
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t f = 0; f < COUNT(fragments); f++) {
            test("%s whose plaintext handshake messages come in records of %zu bytes", version_name(protocols[p]),
                 fragments[f]);
            setup_t client = {.anchors = "ca", .protocols = protocols[p]};
            setup_t server = {.credentials = "server-p256"};
            pair_t pair = pair_open(&client, &server);
            bool moved = true;
            while (moved) {
                moved = run_side(&pair.client, &pair.server);
                fragment_records(&pair.server.inbox, fragments[f]);
                moved = run_side(&pair.server, &pair.client) || moved;
                fragment_records(&pair.client.inbox, fragments[f]);
            }
            EXPECT_STATUS(pair.client.status, TLS_STATUS_COMPLETE);
            EXPECT_STATUS(pair.server.status, TLS_STATUS_COMPLETE);
            expect_a_talk(&pair);
            pair_close(&pair);
        }
    }
}

static void data_behind_the_handshake(void) {
    static const char early[] = "right behind my Finished";
    for (size_t p = 0; p < COUNT(protocols); p++) {
        test("%s leaves application data behind the peer's Finished to decrypt", version_name(protocols[p]));
        setup_t client = {.anchors = "ca", .protocols = protocols[p]};
        setup_t server = {.credentials = "server-p256"};
        pair_t pair = pair_open(&client, &server);
        /* In TLS 1.3 the client is complete first, in TLS 1.2 the server. */
        side_t *first = protocols[p] == SPANTLS_PROTOCOL_TLS13 ? &pair.client : &pair.server;
        side_t *second = first == &pair.client ? &pair.server : &pair.client;
        while (first->status != TLS_STATUS_COMPLETE) {
            run_side(first, second);
            if (first->status != TLS_STATUS_COMPLETE && !run_side(second, first)) {
                break;
            }
        }
        EXPECT_STATUS(first->status, TLS_STATUS_COMPLETE);
        size_t finished = second->inbox.len;
        EXPECT(finished > 0);
        EXPECT_STATUS(send_data(first, second, early, sizeof early), TLS_STATUS_COMPLETE);
        size_t data_records = second->inbox.len - finished;
        run_side(second, first);
        EXPECT_STATUS(second->status, TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(second->inbox.len, data_records);
        EXPECT_STATUS(receive(second), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(second->plaintext.data, second->plaintext.len, early, sizeof early);
        pair_close(&pair);
    }
}

static void groups(void) {
    static const struct {
        uint16_t id;
        const char *name;
    } all[] = {{SPANTLS_GROUP_X25519MLKEM768, "X25519MLKEM768"}, {SPANTLS_GROUP_X25519, "X25519"},
        {SPANTLS_GROUP_SECP256R1, "secp256r1"}, {SPANTLS_GROUP_SECP384R1, "secp384r1"}};
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t g = 0; g < COUNT(all); g++) {
            if (protocols[p] == SPANTLS_PROTOCOL_TLS12 && all[g].id == SPANTLS_GROUP_X25519MLKEM768)
                continue; /* it is TLS 1.3's alone */
            test("%s with a server that only does %s", version_name(protocols[p]), all[g].name);
            setup_t client = {.anchors = "ca", .protocols = protocols[p]};
            setup_t server = {.credentials = "server-p256", .groups = {all[g].id}};
            pair_t pair = pair_open(&client, &server);
            /* The client has sent shares of X25519MLKEM768 and of its X25519 half. */
            bool retried = protocols[p] == SPANTLS_PROTOCOL_TLS13 && g > 1;
            EXPECT(run_handshake(&pair));
            EXPECT_NUMBER(tls_session_negotiated_group(pair.client.session), all[g].id);
            EXPECT_NUMBER(tls_session_negotiated_group(pair.server.session), all[g].id);
            EXPECT(((tls_session_state(pair.client.session) & SPANTLS_STATE_HELLO_RETRIED) != 0) == retried);
            EXPECT(((tls_session_state(pair.server.session) & SPANTLS_STATE_HELLO_RETRIED) != 0) == retried);
            expect_a_talk(&pair);
            pair_close(&pair);
        }
    }

    test("the client's first group carries its key share: no retry when the server has it");
    setup_t client = {.anchors = "ca", .groups = {SPANTLS_GROUP_SECP384R1, SPANTLS_GROUP_X25519}};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    EXPECT_NUMBER(tls_session_negotiated_group(pair.server.session), SPANTLS_GROUP_SECP384R1);
    EXPECT(!(tls_session_state(pair.client.session) & SPANTLS_STATE_HELLO_RETRIED));
    pair_close(&pair);

    test("a HelloRetryRequest with 1 byte of room and of input at a time");
    server.groups[0] = SPANTLS_GROUP_SECP256R1;
    client.groups[0] = 0;
    pair = pair_open(&client, &server);
    pair.client.handshake_room = pair.server.handshake_room = 1;
    pair.client.chunk = pair.server.chunk = 1;
    EXPECT(run_handshake(&pair));
    EXPECT(tls_session_state(pair.client.session) & SPANTLS_STATE_HELLO_RETRIED);
    expect_a_talk(&pair);
    pair_close(&pair);
}

static void choices(void) {
    test("a server with an order of suites takes the first of its own that the client offers");
    setup_t client = {.anchors = "ca", .suites = {SPANTLS_SUITE_AES_128_GCM_SHA256, SPANTLS_SUITE_AES_256_GCM_SHA384,
        SPANTLS_SUITE_CHACHA20_POLY1305_SHA256}};
    setup_t server = {.credentials = "server-p256", .suites = {SPANTLS_SUITE_CHACHA20_POLY1305_SHA256,
        SPANTLS_SUITE_AES_128_GCM_SHA256}};
    pair_t pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    EXPECT_NUMBER(tls_session_negotiated_cipher_suite(pair.client.session), SPANTLS_SUITE_CHACHA20_POLY1305_SHA256);
    pair_close(&pair);

    test("a server without an order of suites takes the client's first");
    client.suites[0] = SPANTLS_SUITE_AES_256_GCM_SHA384;
    client.suites[1] = SPANTLS_SUITE_AES_128_GCM_SHA256;
    client.suites[2] = 0;
    memset(server.suites, 0, sizeof server.suites);
    pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    EXPECT_NUMBER(tls_session_negotiated_cipher_suite(pair.client.session), SPANTLS_SUITE_AES_256_GCM_SHA384);
    pair_close(&pair);

    test("TLS 1.3 is chosen where both versions are allowed");
    memset(client.suites, 0, sizeof client.suites);
    pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    EXPECT_NUMBER(tls_session_negotiated_protocol(pair.server.session), SPANTLS_PROTOCOL_TLS13);
    pair_close(&pair);

    test("TLS 1.2 is chosen where one side allows nothing else");
    server.protocols = SPANTLS_PROTOCOL_TLS12;
    pair = pair_open(&client, &server);
    EXPECT(run_handshake(&pair));
    EXPECT_NUMBER(tls_session_negotiated_protocol(pair.client.session), SPANTLS_PROTOCOL_TLS12);
    pair_close(&pair);
}

/* The server fails, tells the client why, and neither was ever complete. */
static void expect_nothing_in_common(pair_t *pair, int alert) {
    EXPECT(!run_handshake(pair));
    EXPECT_STATUS(pair->server.status, TLS_STATUS_PROTOCOL_ERROR);
    EXPECT_STATUS(pair->client.status, TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error_of(pair->server.session).alert_sent, alert);
    EXPECT_NUMBER(error_of(pair->client.session).alert_received, alert);
    EXPECT(!pair->client.was_complete && !pair->server.was_complete);
    pair_close(pair);
}

static void nothing_in_common(void) {
    test("no common version: protocol_version");
    setup_t client = {.anchors = "ca", .protocols = SPANTLS_PROTOCOL_TLS12};
    setup_t server = {.credentials = "server-p256", .protocols = SPANTLS_PROTOCOL_TLS13};
    pair_t pair = pair_open(&client, &server);
    expect_nothing_in_common(&pair, SPANTLS_ALERT_PROTOCOL_VERSION);

    test("no common version, the other way round: protocol_version");
    client.protocols = SPANTLS_PROTOCOL_TLS13;
    server.protocols = SPANTLS_PROTOCOL_TLS12;
    pair = pair_open(&client, &server);
    expect_nothing_in_common(&pair, SPANTLS_ALERT_PROTOCOL_VERSION);

    test("no common suite: handshake_failure");
    client = (setup_t){.anchors = "ca", .protocols = SPANTLS_PROTOCOL_TLS13,
        .suites = {SPANTLS_SUITE_AES_128_GCM_SHA256}};
    server = (setup_t){.credentials = "server-p256", .protocols = SPANTLS_PROTOCOL_TLS13,
        .suites = {SPANTLS_SUITE_AES_256_GCM_SHA384}};
    pair = pair_open(&client, &server);
    expect_nothing_in_common(&pair, SPANTLS_ALERT_HANDSHAKE_FAILURE);

    test("no common group: handshake_failure");
    client = (setup_t){.anchors = "ca", .groups = {SPANTLS_GROUP_X25519}};
    server = (setup_t){.credentials = "server-p256", .groups = {SPANTLS_GROUP_SECP384R1}};
    pair = pair_open(&client, &server);
    expect_nothing_in_common(&pair, SPANTLS_ALERT_HANDSHAKE_FAILURE);

    test("no common suite for the server's key in TLS 1.2: handshake_failure");
    client = (setup_t){.anchors = "ca", .protocols = SPANTLS_PROTOCOL_TLS12,
        .suites = {SPANTLS_SUITE_ECDHE_RSA_WITH_AES_128_GCM_SHA256}};
    server = (setup_t){.credentials = "server-p256"};
    pair = pair_open(&client, &server);
    expect_nothing_in_common(&pair, SPANTLS_ALERT_HANDSHAKE_FAILURE);
}

static void application_protocols(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        const char *version = version_name(protocols[p]);
        test("%s: the server's order decides the application protocol", version);
        setup_t client = {.anchors = "ca", .protocols = protocols[p], .alpn = {"http/1.1", "h2", "other"}};
        setup_t server = {.credentials = "server-p256", .alpn = {"unheard-of", "h2", "http/1.1"}};
        pair_t pair = pair_open(&client, &server);
        expect_text(tls_session_negotiated_alpn, &pair.client, "");
        EXPECT(run_handshake(&pair));
        expect_text(tls_session_negotiated_alpn, &pair.client, "h2");
        expect_text(tls_session_negotiated_alpn, &pair.server, "h2");
        pair_close(&pair);

        test("%s: a client that offers only other application protocols gets no_application_protocol", version);
        server.alpn[0] = "unheard-of";
        server.alpn[1] = NULL;
        pair = pair_open(&client, &server);
        expect_nothing_in_common(&pair, SPANTLS_ALERT_NO_APPLICATION_PROTOCOL);

        test("%s: or none, if the server continues without one", version);
        server.alpn_mismatch = SPANTLS_ALPN_MISMATCH_CONTINUE;
        for (size_t ordered = 0; ordered < 2; ordered++) {
            /* With an order of groups there are other configurations; the missing share makes a second ClientHello. */
            server.groups[0] = ordered ? SPANTLS_GROUP_SECP384R1 : 0;
            server.groups[1] = ordered ? SPANTLS_GROUP_SECP256R1 : 0;
            pair = pair_open(&client, &server);
            EXPECT(run_handshake(&pair));
            expect_text(tls_session_negotiated_alpn, &pair.client, "");
            expect_text(tls_session_negotiated_alpn, &pair.server, "");
            EXPECT(!ordered || tls_session_negotiated_group(pair.server.session) == SPANTLS_GROUP_SECP384R1);
            pair_close(&pair);
        }
        server.groups[0] = server.groups[1] = 0;

        test("%s: what both have is still negotiated then", version);
        server.alpn[1] = "other";
        pair = pair_open(&client, &server);
        EXPECT(run_handshake(&pair));
        expect_text(tls_session_negotiated_alpn, &pair.client, "other");
        pair_close(&pair);
        server.alpn[1] = NULL;
        server.alpn_mismatch = SPANTLS_ALPN_MISMATCH_FAIL;

        test("%s: a client session can have application protocols of its own", version);
        pair = pair_open(&client, &server);
        EXPECT_STATUS(tls_session_add_alpn(pair.client.session, "mine", 4), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_session_add_alpn(pair.client.session, "mine", 4), TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_STATUS(tls_session_add_alpn(pair.client.session, "unheard-of", 10), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_session_add_alpn(pair.server.session, "mine", 4), TLS_STATUS_INVALID_STATE);
        EXPECT(run_handshake(&pair));
        expect_text(tls_session_negotiated_alpn, &pair.client, "unheard-of");
        expect_text(tls_session_negotiated_alpn, &pair.server, "unheard-of");
        EXPECT_STATUS(tls_session_add_alpn(pair.client.session, "late", 4), TLS_STATUS_INVALID_STATE);
        pair_close(&pair);

        test("%s: they replace those of the context", version);
        server.alpn[0] = "h2";
        pair = pair_open(&client, &server);
        EXPECT_STATUS(tls_session_add_alpn(pair.client.session, "mine", 4), TLS_STATUS_COMPLETE);
        expect_nothing_in_common(&pair, SPANTLS_ALERT_NO_APPLICATION_PROTOCOL);

        test("%s: a client that offers no application protocol gets none", version);
        client.alpn[0] = NULL;
        pair = pair_open(&client, &server);
        EXPECT(run_handshake(&pair));
        expect_text(tls_session_negotiated_alpn, &pair.client, "");
        expect_text(tls_session_negotiated_alpn, &pair.server, "");
        pair_close(&pair);

        test("%s: a server that knows no application protocol answers none", version);
        client.alpn[0] = "h2";
        client.alpn[1] = NULL;
        server.alpn[0] = NULL;
        pair = pair_open(&client, &server);
        EXPECT(run_handshake(&pair));
        expect_text(tls_session_negotiated_alpn, &pair.client, "");
        pair_close(&pair);
    }
}

static void names_of_numbers(void) {
    test("suites, groups and signature schemes have their IANA names");
    EXPECT(strcmp(spantls_cipher_suite_name(SPANTLS_SUITE_AES_128_GCM_SHA256), "TLS_AES_128_GCM_SHA256") == 0);
    EXPECT(strcmp(spantls_cipher_suite_name(SPANTLS_SUITE_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
                  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256") == 0);
    EXPECT(strcmp(spantls_group_name(SPANTLS_GROUP_X25519), "x25519") == 0);
    EXPECT(strcmp(spantls_group_name(SPANTLS_GROUP_X25519MLKEM768), "X25519MLKEM768") == 0);
    EXPECT(strcmp(spantls_signature_scheme_name(SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512), "rsa_pss_rsae_sha512") == 0);
    EXPECT(strcmp(spantls_cipher_suite_name(0), "unknown") == 0);
    EXPECT(strcmp(spantls_group_name(0x0A0A), "unknown") == 0);
    EXPECT(strcmp(spantls_signature_scheme_name(0xFFFF), "unknown") == 0);
}

static void versions(void) {
    test("the header has the library's version");
    EXPECT(strcmp(spantls_version(), SPANTLS_VERSION) == 0);
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", SPANTLS_VERSION_MAJOR, SPANTLS_VERSION_MINOR, SPANTLS_VERSION_PATCH);
    EXPECT(strncmp(spantls_version(), text, strlen(text)) == 0);
    EXPECT_NUMBER(SPANTLS_VERSION_NUMBER,
                  SPANTLS_VERSION_MAJOR << 16 | SPANTLS_VERSION_MINOR << 8 | SPANTLS_VERSION_PATCH);
#if SPANTLS_VERSION_NUMBER < 0x010000
    EXPECT(false);
#endif
}

static void user_data(void) {
    test("a session and a context keep a pointer of the host's");
    int mine = 0, yours = 0;
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    EXPECT(tls_session_user_data(pair.client.session) == NULL);
    EXPECT_STATUS(tls_session_set_user_data(pair.client.session, &mine), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_set_user_data(pair.server.session, &yours), TLS_STATUS_COMPLETE);
    EXPECT(run_handshake(&pair));
    EXPECT(tls_session_user_data(pair.client.session) == &mine && tls_session_user_data(pair.server.session) == &yours);
    EXPECT_STATUS(tls_session_set_user_data(pair.client.session, NULL), TLS_STATUS_COMPLETE);
    EXPECT(tls_session_user_data(pair.client.session) == NULL);
    pair_close(&pair);

    tls_context_t *context = NULL;
    EXPECT_STATUS(tls_context_create_server(NULL, &context), TLS_STATUS_COMPLETE);
    EXPECT(tls_context_user_data(context) == NULL);
    EXPECT_STATUS(tls_context_set_user_data(context, &mine), TLS_STATUS_COMPLETE);
    EXPECT(tls_context_user_data(context) == &mine);
    EXPECT_STATUS(tls_context_set_user_data(NULL, &mine), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT(tls_context_user_data(NULL) == NULL && tls_session_user_data(NULL) == NULL);
    tls_context_destroy(context);
}

static void names(void) {
    test("the server learns the name that the client wants");
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    expect_text(host_name, &pair.client, "localhost");
    expect_text(host_name, &pair.server, "");
    EXPECT(run_handshake(&pair));
    expect_text(host_name, &pair.client, "localhost");
    expect_text(host_name, &pair.server, "localhost");
    pair_close(&pair);

    test("an IP address is verified but not sent");
    pair = pair_open(&client, &server);
    EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, "127.0.0.1"), TLS_STATUS_COMPLETE);
    EXPECT(run_handshake(&pair));
    expect_text(host_name, &pair.client, "127.0.0.1");
    expect_text(host_name, &pair.server, "");
    pair_close(&pair);

    test("a later name replaces an earlier one");
    pair = pair_open(&client, &server);
    EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, "other.example"), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, "a.wild.example"), TLS_STATUS_COMPLETE);
    EXPECT(run_handshake(&pair));
    expect_text(host_name, &pair.server, "a.wild.example");
    pair_close(&pair);
}

static void facts_at_the_suspension(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        test("%s: the chain and the name are there while the verdict is awaited, negotiated facts are not",
             version_name(protocols[p]));
        setup_t client = {.anchors = "ca", .credentials = "client-p256", .protocols = protocols[p]};
        setup_t server = {
            .anchors = "ca",
            .credentials = "server-p256",
            .alpn = {"h2"},
            .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE,
        };
        client.alpn[0] = "h2";
        pair_t pair = pair_open(&client, &server);
        pair.client.judge = pair.server.judge = JUDGE_STOP;
        expect_certificate_count(&pair.client, 0);
        expect_remote(&pair.client, 0, NULL, 0);
        run_handshake(&pair);
        EXPECT_STATUS(pair.client.status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        expect_certificate_count(&pair.client, 2);
        expect_remote(&pair.client, 0, "server-p256.pem", 0);
        expect_local(&pair.client, NULL);
        expect_text(tls_session_negotiated_alpn, &pair.client, "");
        expect_text(host_name, &pair.server, "localhost");
        expect_certificate_count(&pair.server, 0);
        EXPECT_NUMBER(error_of(pair.client.session).policy_errors, 0);

        EXPECT_STATUS(tls_session_set_certificate_validation_result(pair.client.session, 0), TLS_STATUS_COMPLETE);
        resume(&pair.client);
        run_handshake(&pair);
        EXPECT_STATUS(pair.server.status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        expect_certificate_count(&pair.server, 2);
        expect_remote(&pair.server, 0, "client-p256.pem", 0);
        expect_local(&pair.server, NULL);
        expect_text(tls_session_negotiated_alpn, &pair.server, "");

        EXPECT_STATUS(tls_session_set_certificate_validation_result(pair.server.session, 0), TLS_STATUS_COMPLETE);
        resume(&pair.server);
        EXPECT(run_handshake(&pair));
        expect_local(&pair.server, "server-p256.pem");
        expect_local(&pair.client, "client-p256.pem");
        expect_text(tls_session_negotiated_alpn, &pair.server, "h2");
        pair_close(&pair);
    }
}

static void lifetimes(void) {
    test("a context is shared by many sessions and may be destroyed under them");
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    tls_context_t *client_context = make_context(false, &client);
    tls_context_t *server_context = make_context(true, &server);
    EXPECT_NUMBER(tls_context_is_server(client_context), 0);
    EXPECT_NUMBER(tls_context_is_server(server_context), 1);
    pair_t first = pair_on(client_context, server_context);
    pair_t second = pair_on(client_context, server_context);
    EXPECT(run_handshake(&first));
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
    EXPECT(run_handshake(&second));
    expect_a_talk(&first);
    expect_a_talk(&second);
    pair_close(&first);
    pair_close(&second);

    test("later changes of the options do not reach a context");
    tls_options_t *options = make_options(&client);
    EXPECT_STATUS(tls_context_create_client(options, &client_context), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_set_protocols(options, SPANTLS_PROTOCOL_TLS12), TLS_STATUS_COMPLETE);
    tls_options_destroy(options);
    server_context = make_context(true, &server);
    first = pair_on(client_context, server_context);
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
    EXPECT(run_handshake(&first));
    EXPECT_NUMBER(tls_session_negotiated_protocol(first.client.session), SPANTLS_PROTOCOL_TLS13);
    pair_close(&first);

    test("a session may be destroyed at any point of the handshake");
    for (int flights = 0; flights < 5; flights++) {
        for (size_t p = 0; p < COUNT(protocols); p++) {
            client.protocols = protocols[p];
            first = pair_open(&client, &server);
            for (int i = 0; i < flights; i++) {
                if (i % 2 == 0) {
                    run_side(&first.client, &first.server);
                } else {
                    run_side(&first.server, &first.client);
                }
            }
            pair_close(&first);
        }
    }
}

static void large_chains(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        test("%s with a chain of seven RSA-4096 certificates", version_name(protocols[p]));
        setup_t client = {.anchors = "deep-ca", .protocols = protocols[p]};
        setup_t server = {.credentials = "deep-rsa4096"};
        pair_t pair = pair_open(&client, &server);
        pair.server.handshake_room = 100;
        pair.client.chunk = quick ? 1000 : 10;
        EXPECT(run_handshake(&pair));
        EXPECT_NUMBER(pair.client.policy_errors, 0);
        expect_certificate_count(&pair.client, 7);
        expect_remote(&pair.client, 6, "deep-rsa4096.pem", 6);
        expect_a_talk(&pair);
        pair_close(&pair);
    }
}

int main(int argc, char **argv) {
    begin(argc, argv);
    every_version_suite_key_and_client();
    every_size_of_spans();
    records_cut_and_joined();
    data_behind_the_handshake();
    groups();
    if (!chacha) {
        choices();
    }
    nothing_in_common();
    application_protocols();
    names();
    names_of_numbers();
    versions();
    user_data();
    facts_at_the_suspension();
    lifetimes();
    large_chains();
    return finish();
}

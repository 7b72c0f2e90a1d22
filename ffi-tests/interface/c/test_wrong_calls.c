/*
 * Calls that should not have been made, as far as there is more to say of them than test_every_call.c does for all at
 * once: spans that overlap just so, the wrong moment, options that contradict each other. Each is refused with a
 * status, leaves zeroes in its out-parameters, and does no harm. Also the getters' rule for copying out, and what the
 * library says about itself.
 */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "pair.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- The library ------------------------------------------------------------------------------------------------ */

static void the_library(void) {
    test("every status has its name, and other numbers are unknown");
    static const struct {
        tls_status_t status;
        const char *name;
    } names[] = {
        {0, "TLS_STATUS_COMPLETE"},
        {1, "TLS_STATUS_WANT_READ"},
        {2, "TLS_STATUS_WANT_WRITE"},
        {3, "TLS_STATUS_CLOSED"},
        {4, "TLS_STATUS_WANT_CREDENTIALS"},
        {5, "TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION"},
        {6, "TLS_STATUS_NEEDS_SERVER_OPTIONS"},
        {16, "TLS_STATUS_NEEDS_SIGNATURE"},
        {-1, "TLS_STATUS_INVALID_ARGUMENT"},
        {-2, "TLS_STATUS_INVALID_STATE"},
        {-3, "TLS_STATUS_AUTHENTICATION_FAILED"},
        {-4, "TLS_STATUS_PROTOCOL_ERROR"},
        {-5, "TLS_STATUS_TRUNCATED"},
        {-6, "TLS_STATUS_IO_ERROR"},
        {-7, "TLS_STATUS_INVALID_CONFIGURATION"},
        {-8, "TLS_STATUS_NOT_SUPPORTED"},
        {-9, "TLS_STATUS_BUSY"},
        {-10, "TLS_STATUS_OUT_OF_RESOURCES"},
        {-11, "TLS_STATUS_BUFFER_TOO_SMALL"},
        {-12, "TLS_STATUS_PEER_ALERT"},
        {-128, "TLS_STATUS_INTERNAL_ERROR"},
    };
    size_t next = 0;
    for (tls_status_t status = -1000; status <= 1000; status++) {
        const char *name = "unknown";
        for (size_t i = 0; i < COUNT(names); i++) {
            if (names[i].status == status) {
                name = names[i].name;
                next++;
            }
        }
        EXPECT(strcmp(tls_status_name(status), name) == 0);
    }
    EXPECT_NUMBER(next, COUNT(names));
    EXPECT(strcmp(tls_status_name(INT32_MIN), "unknown") == 0);
    EXPECT(strcmp(tls_status_name(INT32_MAX), "unknown") == 0);

    test("every alert has its name, and other numbers are unknown");
    static const struct {
        uint8_t alert;
        const char *name;
    } alerts[] = {
        {SPANTLS_ALERT_CLOSE_NOTIFY, "close_notify"},
        {SPANTLS_ALERT_UNEXPECTED_MESSAGE, "unexpected_message"},
        {SPANTLS_ALERT_BAD_RECORD_MAC, "bad_record_mac"},
        {SPANTLS_ALERT_RECORD_OVERFLOW, "record_overflow"},
        {SPANTLS_ALERT_HANDSHAKE_FAILURE, "handshake_failure"},
        {SPANTLS_ALERT_BAD_CERTIFICATE, "bad_certificate"},
        {SPANTLS_ALERT_UNSUPPORTED_CERTIFICATE, "unsupported_certificate"},
        {SPANTLS_ALERT_CERTIFICATE_REVOKED, "certificate_revoked"},
        {SPANTLS_ALERT_CERTIFICATE_EXPIRED, "certificate_expired"},
        {SPANTLS_ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown"},
        {SPANTLS_ALERT_ILLEGAL_PARAMETER, "illegal_parameter"},
        {SPANTLS_ALERT_UNKNOWN_CA, "unknown_ca"},
        {SPANTLS_ALERT_ACCESS_DENIED, "access_denied"},
        {SPANTLS_ALERT_DECODE_ERROR, "decode_error"},
        {SPANTLS_ALERT_DECRYPT_ERROR, "decrypt_error"},
        {SPANTLS_ALERT_PROTOCOL_VERSION, "protocol_version"},
        {SPANTLS_ALERT_INSUFFICIENT_SECURITY, "insufficient_security"},
        {SPANTLS_ALERT_INTERNAL_ERROR, "internal_error"},
        {SPANTLS_ALERT_INAPPROPRIATE_FALLBACK, "inappropriate_fallback"},
        {SPANTLS_ALERT_USER_CANCELED, "user_canceled"},
        {SPANTLS_ALERT_NO_RENEGOTIATION, "no_renegotiation"},
        {SPANTLS_ALERT_MISSING_EXTENSION, "missing_extension"},
        {SPANTLS_ALERT_UNSUPPORTED_EXTENSION, "unsupported_extension"},
        {SPANTLS_ALERT_UNRECOGNIZED_NAME, "unrecognized_name"},
        {SPANTLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE, "bad_certificate_status_response"},
        {SPANTLS_ALERT_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity"},
        {SPANTLS_ALERT_CERTIFICATE_REQUIRED, "certificate_required"},
        {SPANTLS_ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol"},
    };
    for (unsigned alert = 0; alert <= 255; alert++) {
        const char *name = "unknown";
        for (size_t i = 0; i < COUNT(alerts); i++) {
            if (alerts[i].alert == alert) {
                name = alerts[i].name;
            }
        }
        EXPECT(strcmp(spantls_alert_name((uint8_t)alert), name) == 0);
    }

    test("the library knows its version, and the interface is the header's");
    int major = -1;
    int minor = -1;
    int patch = -1;
    EXPECT_NUMBER(sscanf(spantls_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    EXPECT_NUMBER(spantls_abi_version(), SPANTLS_ABI_VERSION);

    test("an error record without room is refused, and a larger one is not");
    spantls_error_t error;
    memset(&error, 0x77, sizeof error);
    EXPECT_STATUS(spantls_last_error(NULL), TLS_STATUS_INVALID_ARGUMENT);
    error.struct_size = 0;
    EXPECT_STATUS(spantls_last_error(&error), TLS_STATUS_INVALID_ARGUMENT);
    error.struct_size = sizeof error - 1;
    EXPECT_STATUS(spantls_last_error(&error), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT(error.alert_sent == 0x77777777); /* untouched */
    struct {
        spantls_error_t error;
        uint8_t future[64];
    } grown;
    memset(&grown, 0x77, sizeof grown);
    grown.error.struct_size = sizeof grown;
    EXPECT_STATUS(spantls_last_error(&grown.error), TLS_STATUS_COMPLETE);
}

/* --- Wrong arguments -------------------------------------------------------------------------------------------- */

static void removed_credentials(void) {
    test("NULL removes the credentials of options");
    setup_t setup = {.credentials = "server-p256"};
    tls_options_t *options = make_options(&setup);
    EXPECT_STATUS(tls_options_set_credentials(options, NULL), TLS_STATUS_COMPLETE);
    tls_context_t *none = (tls_context_t *)&none;
    EXPECT_STATUS(tls_context_create_server(options, &none), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(none == NULL);
    tls_options_destroy(options);
}

static void overlaps(void) {
    char memory[4000];
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    /* Input 100 bytes at 1000, output 100 bytes at each of these. */
    static const size_t overlapping[] = {901, 950, 1000, 1050, 1099};
    size_t a = 77;
    size_t b = 77;

    memset(memory, 0, sizeof memory);
    test("input and output that overlap are refused");
    pair_t pair = pair_open(&client, &server);
    for (size_t i = 0; i < COUNT(overlapping); i++) {
        a = b = 77;
        EXPECT_STATUS(tls_session_handshake(pair.server.session, memory + 1000, 100, memory + overlapping[i],
                                                    100, &a, &b),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT(a == 0 && b == 0);
    }
    EXPECT(run_handshake(&pair));
    for (size_t i = 0; i < COUNT(overlapping); i++) {
        char *at = memory + overlapping[i];
        spantls_span_t spans[2] = {{memory, 10}, {memory + 1000, 100}};
        a = b = 77;
        EXPECT_STATUS(tls_session_encrypt(pair.client.session, memory + 1000, 100, at, 100, &a, &b),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT(a == 0 && b == 0);
        a = b = 77;
        EXPECT_STATUS(tls_session_decrypt(pair.client.session, memory + 1000, 100, at, 100, &a, &b),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT(a == 0 && b == 0);
        a = b = 77;
        EXPECT_STATUS(tls_session_encrypt_vectored(pair.client.session, spans, 2, at, 100, &a, &b),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT(a == 0 && b == 0);
        EXPECT_STATUS(tls_session_export_keying_material(pair.client.session, memory + 1000, 100, NULL, 0, at, 100),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_STATUS(tls_session_export_keying_material(pair.client.session, memory, 10, memory + 1000, 100, at, 100),
                      TLS_STATUS_INVALID_ARGUMENT);
    }

    test("spans side by side, and empty ones inside of others, are fine");
    EXPECT_STATUS(tls_session_encrypt(pair.client.session, memory + 1000, 100, memory + 1100, 1000, &a, &b),
                  TLS_STATUS_COMPLETE);
    bytes_append(&pair.server.inbox, memory + 1100, b);
    EXPECT_STATUS(tls_session_encrypt(pair.client.session, memory + 1000, 100, memory, 1000, &a, &b),
                  TLS_STATUS_COMPLETE);
    bytes_append(&pair.server.inbox, memory, b);
    EXPECT_STATUS(tls_session_encrypt(pair.client.session, memory + 1050, 0, memory + 1000, 100, &a, &b),
                  TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_decrypt(pair.client.session, memory + 1050, 0, memory + 1000, 100, &a, &b),
                  TLS_STATUS_WANT_READ);
    EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
    EXPECT_NUMBER(pair.server.plaintext.len, 200);
    pair_close(&pair);
}

/* --- The wrong moment ------------------------------------------------------------------------------------------- */

static void wrong_moments(void) {
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-p256"};
    for (int begun = 0; begun < 2; begun++) {
        test("a session whose handshake %s takes and gives no data", begun ? "is under way" : "has not begun");
        pair_t pair = pair_open(&client, &server);
        if (begun) {
            pair.client.judge = JUDGE_STOP;
            run_handshake(&pair);
        }
        side_t *sides[2] = {&pair.client, &pair.server};
        for (size_t i = 0; i < 2; i++) {
            tls_session_t *session = sides[i]->session;
            uint8_t input[8] = {23, 3, 3, 0, 3, 1, 2, 3};
            uint8_t output[100];
            spantls_span_t span = {input, 8};
            size_t a = 77;
            size_t b = 77;
            size_t c = 77;
            EXPECT_STATUS(tls_session_encrypt(session, input, 8, output, 100, &a, &b), TLS_STATUS_INVALID_STATE);
            EXPECT(a == 0 && b == 0);
            a = b = 77;
            EXPECT_STATUS(tls_session_encrypt_vectored(session, &span, 1, output, 100, &a, &b),
                          TLS_STATUS_INVALID_STATE);
            EXPECT(a == 0 && b == 0);
            a = b = 77;
            EXPECT_STATUS(tls_session_decrypt(session, input, 8, output, 100, &a, &b), TLS_STATUS_INVALID_STATE);
            EXPECT(a == 0 && b == 0);
            a = b = 77;
            EXPECT_STATUS(tls_session_decrypt_in_place(session, input, 8, &a, &b, &c), TLS_STATUS_INVALID_STATE);
            EXPECT(a == 0 && b == 0 && c == 0);
            spantls_error_t error = error_of(session);
            EXPECT_STATUS(error.status, TLS_STATUS_INVALID_STATE);
            EXPECT_NUMBER(error.alert_sent, -1);
        }
        if (begun) {
            EXPECT_STATUS(tls_session_set_certificate_validation_result(pair.client.session, 0), TLS_STATUS_COMPLETE);
            resume(&pair.client);
        }
        EXPECT(run_handshake(&pair));
        pair_close(&pair);
    }

    test("draining a session that owes nothing is COMPLETE");
    pair_t pair = pair_open(&client, &server);
    size_t written = 77;
    EXPECT_STATUS(tls_session_drain_pending_output(pair.server.session, NULL, 0, &written), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(written, 0);

    test("the name is the client's to set, and only before the handshake");
    EXPECT_STATUS(tls_session_set_target_host_name(pair.server.session, "localhost"), TLS_STATUS_INVALID_STATE);
    run_side(&pair.client, &pair.server);
    EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, "other.example"), TLS_STATUS_INVALID_STATE);
    EXPECT(run_handshake(&pair));
    EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, "other.example"), TLS_STATUS_INVALID_STATE);
    pair_close(&pair);

    test("what is neither a DNS name nor an IP address is no target");
    static const char *const names[] = {
        "", " ", "local host", "-", "a..b", "\xff\xfe", "name\xc3", "host:443", "[::1]", "1.2.3.4.5",
        "0123456789012345678901234567890123456789012345678901234567890123.example",
    };
    pair = pair_open(&client, &server);
    for (size_t i = 0; i < COUNT(names); i++) {
        EXPECT_STATUS(tls_session_set_target_host_name(pair.client.session, names[i]), TLS_STATUS_INVALID_ARGUMENT);
    }
    EXPECT(run_handshake(&pair)); /* the name set before has stayed */
    pair_close(&pair);
}

static void wrong_options(void) {
    setup_t setup = {.credentials = "server-p256"};
    tls_options_t *options = make_options(&setup);

    test("unknown protocols, modes, suites and groups are refused");
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if (!(bit & (SPANTLS_PROTOCOL_TLS12 | SPANTLS_PROTOCOL_TLS13))) {
            EXPECT_STATUS(tls_options_set_protocols(options, bit), TLS_STATUS_INVALID_ARGUMENT);
            EXPECT_STATUS(tls_options_set_protocols(options, bit | SPANTLS_PROTOCOL_TLS13), TLS_STATUS_INVALID_ARGUMENT);
        }
    }
    EXPECT_STATUS(tls_options_set_protocols(options, SPANTLS_PROTOCOL_TLS12 | SPANTLS_PROTOCOL_TLS13), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_set_client_certificate_mode(options, 3), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_options_set_client_certificate_mode(options, -1), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_options_set_client_certificate_mode(options, INT32_MIN), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_options_set_certificate_validation(options, 2), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_options_set_certificate_validation(options, -1), TLS_STATUS_INVALID_ARGUMENT);
    static const uint16_t unknown[] = {SPANTLS_SUITE_AES_128_GCM_SHA256, 0x1304};
    static const uint16_t twice[] = {SPANTLS_SUITE_AES_128_GCM_SHA256, SPANTLS_SUITE_AES_256_GCM_SHA384,
        SPANTLS_SUITE_AES_128_GCM_SHA256};
    static const uint16_t cbc[] = {0xC013};
    EXPECT_STATUS(tls_options_set_cipher_suites(options, unknown, 2), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_set_cipher_suites(options, twice, 3), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_set_cipher_suites(options, cbc, 1), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_set_cipher_suites(options, NULL, 0), TLS_STATUS_COMPLETE);
    static const uint16_t unknown_group[] = {SPANTLS_GROUP_X25519, 0x0019};
    static const uint16_t group_twice[] = {SPANTLS_GROUP_X25519, SPANTLS_GROUP_X25519};
    EXPECT_STATUS(tls_options_set_groups(options, unknown_group, 2), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_set_groups(options, group_twice, 2), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_options_set_groups(options, NULL, 0), TLS_STATUS_COMPLETE);

    test("application protocols have 1 to 255 bytes and are there once");
    uint8_t name[256];
    memset(name, 'a', sizeof name);
    EXPECT_STATUS(tls_options_add_alpn(options, name, 0), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_options_add_alpn(options, name, 256), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_options_add_alpn(options, name, 255), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_add_alpn(options, name, 255), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_options_add_alpn(options, name, 1), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_add_alpn(options, "\0\xff", 2), TLS_STATUS_COMPLETE);

    test("options that were refused leave the others as they were");
    tls_context_t *context = NULL;
    EXPECT_STATUS(tls_context_create_server(options, &context), TLS_STATUS_COMPLETE);
    EXPECT(context != NULL);
    tls_context_destroy(context);

    test("options that contradict each other make no context");
    static const uint16_t only13[] = {SPANTLS_SUITE_AES_128_GCM_SHA256};
    EXPECT_STATUS(tls_options_set_protocols(options, SPANTLS_PROTOCOL_TLS12), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_set_cipher_suites(options, only13, 1), TLS_STATUS_COMPLETE);
    context = (tls_context_t *)&context;
    EXPECT_STATUS(tls_context_create_server(options, &context), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(context == NULL);
    EXPECT(last_error().message[0] != 0);
    EXPECT_STATUS(tls_context_create_client(options, &context), TLS_STATUS_INVALID_CONFIGURATION);
    tls_options_destroy(options);

    test("a server context needs credentials");
    setup.credentials = NULL;
    options = make_options(&setup);
    context = (tls_context_t *)&context;
    EXPECT_STATUS(tls_context_create_server(options, &context), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT(context == NULL);
    tls_options_destroy(options);
}

/* --- Copying out ------------------------------------------------------------------------------------------------ */

/* The getter's rule, for a value of `len` bytes that is there. */
static void expect_copy_out(tls_status_t (*getter)(const tls_session_t *, void *, size_t, size_t *),
                            const tls_session_t *session, size_t len) {
    uint8_t buffer[4096];
    uint8_t again[4096];
    size_t told = 77;
    memset(buffer, 0xEE, sizeof buffer);
    EXPECT_STATUS(getter(session, NULL, 0, &told), TLS_STATUS_BUFFER_TOO_SMALL);
    EXPECT_NUMBER(told, len);
    for (size_t cap = 0; cap < len; cap += 1 + len / 10) {
        told = 77;
        EXPECT_STATUS(getter(session, buffer, cap, &told), TLS_STATUS_BUFFER_TOO_SMALL);
        EXPECT_NUMBER(told, len);
    }
    EXPECT_STATUS(getter(session, buffer, len - 1, &told), TLS_STATUS_BUFFER_TOO_SMALL);
    for (size_t i = 0; i < sizeof buffer; i++) {
        if (!EXPECT(buffer[i] == 0xEE)) {
            break;
        }
    }
    EXPECT_STATUS(getter(session, buffer, len, &told), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(told, len);
    EXPECT_NUMBER(buffer[len], 0xEE);
    EXPECT_STATUS(getter(session, again, sizeof again, &told), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(again, told, buffer, len);
}

static void expect_nothing_to_copy(tls_status_t (*getter)(const tls_session_t *, void *, size_t, size_t *),
                                   const tls_session_t *session) {
    uint8_t buffer[4];
    size_t told = 77;
    EXPECT_STATUS(getter(session, NULL, 0, &told), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(told, 0);
    told = 77;
    EXPECT_STATUS(getter(session, buffer, sizeof buffer, &told), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(told, 0);
}

/* The rule for text: a closing NUL that is not counted, and no text at all without room for both. */
static void expect_host_name(const tls_session_t *session, const char *name) {
    const size_t len = strlen(name);
    char text[300];
    for (size_t cap = 0; cap <= len + 2; cap++) {
        size_t told = 77;
        memset(text, 'x', sizeof text);
        EXPECT_STATUS(tls_session_target_host_name(session, cap == 0 ? NULL : text, cap, &told),
                      cap > len ? TLS_STATUS_COMPLETE : TLS_STATUS_BUFFER_TOO_SMALL);
        EXPECT_NUMBER(told, len);
        const size_t written = cap > len ? len + 1 : cap > 0 ? 1 : 0;
        EXPECT(written == 0 || strcmp(text, cap > len ? name : "") == 0);
        for (size_t i = written; i < sizeof text; i++) {
            if (!EXPECT_NUMBER(text[i], 'x')) {
                break;
            }
        }
    }
}

static tls_status_t second_certificate(const tls_session_t *session, void *out, size_t cap, size_t *len) {
    return tls_session_remote_certificate(session, 1, out, cap, len);
}

static void copying_out(void) {
    test("getters copy all or nothing, and always tell the length");
    setup_t client = {.anchors = "ca", .alpn = {"h2"}};
    setup_t server = {.credentials = "server-p256", .alpn = {"h2"}};
    pair_t pair = pair_open(&client, &server);
    expect_nothing_to_copy(tls_session_negotiated_alpn, pair.client.session);
    expect_nothing_to_copy(tls_session_local_certificate, pair.server.session);
    expect_host_name(pair.server.session, "");
    EXPECT(run_handshake(&pair));
    bytes_t leaf = read_certificate("server-p256.pem", 0);
    bytes_t intermediate = read_certificate("server-p256.pem", 1);
    expect_copy_out(tls_session_negotiated_alpn, pair.client.session, 2);
    expect_host_name(pair.client.session, "localhost");
    expect_host_name(pair.server.session, "localhost");
    expect_copy_out(second_certificate, pair.client.session, intermediate.len);
    expect_copy_out(tls_session_local_certificate, pair.server.session, leaf.len);
    expect_nothing_to_copy(tls_session_local_certificate, pair.client.session);
    size_t told = 77;
    EXPECT_STATUS(tls_session_remote_certificate(pair.client.session, 2, NULL, 0, &told), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_NUMBER(told, 0);
    EXPECT_STATUS(tls_session_remote_certificate(pair.client.session, SIZE_MAX, NULL, 0, &told),
                  TLS_STATUS_INVALID_ARGUMENT);
    bytes_free(&leaf);
    bytes_free(&intermediate);
    pair_close(&pair);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    the_library();
    removed_credentials();
    overlaps();
    wrong_moments();
    wrong_options();
    copying_out();
    return finish();
}

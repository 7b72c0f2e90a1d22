#include "checks.h"

#include "decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_ROOM 4096

_Noreturn void wrong(link_t *link, const char *what) {
    link_finish(link);
    fprintf(stderr, "shim: wrong: %s\n", what);
    exit(1);
}

static void check(link_t *link, bool is_true, const char *what) {
    if (!is_true) {
        wrong(link, what);
    }
}

/* Calls that can fail only by a fault of the library or of this program. */
static void must(link_t *link, tls_status_t status, const char *what) {
    check(link, status == TLS_STATUS_COMPLETE, what);
}

static bool has(const link_t *link, uint32_t bits) {
    return (tls_session_state(link->session) & bits) != 0;
}

static void refuse(link_t *link, const char *where, uint8_t alert) {
    fprintf(stderr, "shim: refused by the host: %s\n", where);
    must(link, tls_session_reject(link->session, alert), "tls_session_reject");
}

static uint8_t or_alert(int64_t alert, uint8_t otherwise) {
    return alert != 0 ? (uint8_t)alert : otherwise;
}

/* --- The ClientHello ----------------------------------------------------------------------------------------------------- */

static void check_server_name(link_t *link) {
    char name[256];
    size_t len = 0;
    must(link, tls_session_target_host_name(link->session, name, sizeof name, &len), "the server's name");
    check(link, !link->config->expect_no_server_name || len == 0, "the client has sent a server name");
    check(link, link->config->expect_server_name == NULL || strcmp(name, link->config->expect_server_name) == 0, "the server name");
}

static void check_client_hello(link_t *link) {
    static uint8_t hello[1 << 17];
    size_t len = 0;
    spantls_client_hello_info_t info = {.struct_size = sizeof info};
    must(link, tls_session_client_hello(link->session, hello, sizeof hello, &len), "the ClientHello");
    must(link, tls_session_client_hello_info(link->session, &info), "what the ClientHello has");

    const char *alpn = link->config->expect_advertised_alpn;
    check(link, alpn == NULL || (info.alpn.len == strlen(alpn) && memcmp(hello + info.alpn.offset, alpn, info.alpn.len) == 0),
          "the client's application protocols");

    const list_t *schemes = &link->config->expect_peer_schemes;
    check(link, schemes->count == 0 || info.signature_algorithms.len == 2 * schemes->count, "the number of the client's schemes");
    for (size_t i = 0; i < schemes->count; i++) {
        const uint8_t *at = hello + info.signature_algorithms.offset + 2 * i;
        check(link, (at[0] << 8 | at[1]) == schemes->ids[i], "a signature scheme of the client");
    }
}

/* BoringSSL has several callbacks here, which differ in the alert of a refusal. */
static void choose_context(link_t *link) {
    const config_t *config = link->config;
    check_server_name(link);
    check_client_hello(link);
    if (config->fail_early) {
        refuse(link, "the ClientHello", SPANTLS_ALERT_HANDSHAKE_FAILURE);
    } else if (config->fail_ddos) {
        refuse(link, "the ClientHello", SPANTLS_ALERT_INTERNAL_ERROR);
    } else if (config->fail_cert) {
        refuse(link, "to have a certificate", or_alert(config->fail_cert_alert, SPANTLS_ALERT_INTERNAL_ERROR));
    } else if (config->fail_ocsp) {
        refuse(link, "the OCSP response", SPANTLS_ALERT_INTERNAL_ERROR);
    } else {
        must(link, tls_session_set_server_context(link->session, link->chosen), "tls_session_set_server_context");
    }
}

/* --- Credentials and verdicts --------------------------------------------------------------------------------------------- */

static void check_request(link_t *link) {
    const char *at = link->config->expect_client_cas;
    for (size_t i = 0; at != NULL && *at != '\0'; i++) {
        uint8_t name[VALUE_ROOM];
        size_t len = 0;
        const bytes_t expected = next_name(&at);
        check(link, tls_session_acceptable_issuer(link->session, i, name, sizeof name, &len) == TLS_STATUS_COMPLETE &&
                        same_bytes(expected, name, len), "an authority that the server accepts");
        free(expected.data);
    }
    const list_t *schemes = &link->config->expect_peer_schemes;
    for (size_t i = 0; i < schemes->count; i++) {
        check(link, tls_session_acceptable_signature_scheme(link->session, i) == schemes->ids[i], "a scheme of the server");
    }
}

static void give_credentials(link_t *link) {
    check_request(link);
    if (link->config->fail_cert) {
        refuse(link, "to have a certificate", or_alert(link->config->fail_cert_alert, SPANTLS_ALERT_INTERNAL_ERROR));
    } else if (tls_session_set_client_credentials(link->session, link->on_demand) == TLS_STATUS_INVALID_CONFIGURATION) {
        refuse(link, "to sign as the server wants", SPANTLS_ALERT_HANDSHAKE_FAILURE);
    }
}

static void check_staple(link_t *link) {
    uint8_t response[VALUE_ROOM];
    size_t len = 0;
    must(link, tls_session_ocsp_response(link->session, response, sizeof response, &len), "the OCSP response");
    const bytes_t expected = link->config->expect_ocsp_response;
    check(link, expected.len == 0 || same_bytes(expected, response, len), "the OCSP response");
}

static void judge(link_t *link) {
    const config_t *config = link->config;
    size_t count = 0;
    must(link, tls_session_remote_certificate_count(link->session, &count), "the number of certificates");
    spantls_validation_t validation = {.struct_size = sizeof validation};
    must(link, tls_session_default_validation(link->session, &validation), "the default validation");
    if (count > 0 && (validation.reasons & SPANTLS_REASON_WRONG_USAGE) != 0) {
        /* BoringSSL leaves trust to the host, but not this. */
        refuse(link, "the usage of the key", SPANTLS_ALERT_ILLEGAL_PARAMETER);
    } else if (count > 0 && config->verify_fail && (config->verify_peer || config->require_any_client_certificate)) {
        refuse(link, "the certificate", config->use_custom_verify ? SPANTLS_ALERT_CERTIFICATE_UNKNOWN : SPANTLS_ALERT_HANDSHAKE_FAILURE);
    } else if (!config->server && config->fail_ocsp) {
        refuse(link, "the OCSP response", SPANTLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE);
    } else {
        must(link, tls_session_set_certificate_validation_result(link->session, 0), "the verdict");
    }
}

void answer(link_t *link, tls_status_t question) {
    switch (question) {
        case TLS_STATUS_NEEDS_SERVER_OPTIONS: choose_context(link); break;
        case TLS_STATUS_WANT_CREDENTIALS: give_credentials(link); break;
        default: judge(link); break;
    }
}

/* --- The session ------------------------------------------------------------------------------------------------------------ */

static void check_peer(link_t *link) {
    const config_t *config = link->config;
    size_t count = 0;
    must(link, tls_session_remote_certificate_count(link->session, &count), "the number of certificates");
    if (config->expect_no_peer_cert) {
        check(link, count == 0, "the peer has sent a certificate");
    } else {
        check(link, count > 0 || (config->server && !config->require_any_client_certificate), "the peer has sent no certificate");
    }
    if (config->expect_peer_cert != NULL) {
        for (size_t i = 0; i <= count; i++) {
            uint8_t certificate[VALUE_ROOM];
            size_t len = 0;
            const bytes_t expected = certificate_of(config->expect_peer_cert, i);
            const tls_status_t status =
                tls_session_remote_certificate(link->session, i, certificate, sizeof certificate, &len);
            check(link, i == count ? expected.len == 0 : status == TLS_STATUS_COMPLETE && same_bytes(expected, certificate, len),
                  "the peer's certificates");
            free(expected.data);
        }
    }
    /* The response came with the certificate: there is none in a resumed session. */
    if (config->expect_ocsp_response.len > 0 && !has(link, SPANTLS_STATE_RESUMED)) {
        check_staple(link);
    }
}

/* Numbered from 0; the default one is -1. */
static void check_credential(link_t *link) {
    const config_t *config = link->config;
    if (config->expect_credential == UNSET) {
        return;
    }
    const char *chain = config->credentials[config->expect_credential + 1].chain;
    uint8_t certificate[VALUE_ROOM];
    size_t len = 0;
    must(link, tls_session_local_certificate(link->session, certificate, sizeof certificate, &len), "our certificate");
    const bytes_t expected = chain == NULL ? (bytes_t){NULL, 0} : certificate_of(chain, 0);
    check(link, same_bytes(expected, certificate, len), "the credentials that were chosen");
    free(expected.data);
}

static void check_alpn(link_t *link) {
    char name[256];
    size_t len = 0;
    const char *expected = link->config->server ? link->config->select_alpn : link->config->expect_alpn;
    expected = expected == NULL ? "" : expected;
    must(link, tls_session_negotiated_alpn(link->session, name, sizeof name, &len), "the application protocol");
    check(link, len == strlen(expected) && memcmp(name, expected, len) == 0, "the application protocol");
}

/* A resumed session has neither a signature of the peer nor, in TLS 1.2, a group: the getters say 0, not what the original had. */
static void check_agreed(link_t *link, bool tls13) {
    const config_t *config = link->config;
    const bool resumed = has(link, SPANTLS_STATE_RESUMED);
    const int64_t group = resumed && !tls13 ? 0 : config->expect_group, scheme = resumed ? 0 : config->expect_peer_scheme;
    check(link, config->expect_group == 0 || group == tls_session_negotiated_group(link->session), "the group");
    check(link, config->expect_peer_scheme == 0 || scheme == tls_session_peer_signature_scheme(link->session),
          "the peer's signature scheme");
}

void check_handshake(link_t *link) {
    const config_t *config = link->config;
    const bool tls13 = tls_session_negotiated_protocol(link->session) == SPANTLS_PROTOCOL_TLS13;
    check(link, !config->handshake_never_done, "the handshake has completed");
    check(link, has(link, SPANTLS_STATE_RESUMED) == (link->is_resumption && !config->expect_session_miss), "whether it is resumed");
    check(link, config->expect_version == 0 || config->expect_version == (tls13 ? 0x0304 : 0x0303), "the version");
    check(link, config->expect_cipher == 0 || config->expect_cipher == tls_session_negotiated_cipher_suite(link->session),
          "the cipher suite");
    check_agreed(link, tls13);
    check(link, !config->expect_ems || tls13 || tls_session_is_channel_binding_sound(link->session) == 1,
          "the extended master secret");
    check(link, !config->expect_hrr || has(link, SPANTLS_STATE_HELLO_RETRIED), "there was no HelloRetryRequest");
    check(link, !config->expect_no_hrr || !has(link, SPANTLS_STATE_HELLO_RETRIED), "there was a HelloRetryRequest");
    if (config->server) {
        check_server_name(link);
    }
    check_alpn(link);
    check_peer(link);
    check_credential(link);
}

void check_end(link_t *link) {
    spantls_session_stats_t stats = {.struct_size = sizeof stats};
    must(link, tls_session_stats(link->session, &stats), "the counters");
    if (!link->config->server && tls_session_negotiated_protocol(link->session) == SPANTLS_PROTOCOL_TLS13) {
        const bool expected = !link->config->expect_no_session && !link->config->shim_shuts_down;
        check(link, (stats.tickets_received > 0) == expected, "whether a session ticket was stored");
    }
}

#include "report.h"

#include <stdio.h>
#include <string.h>

static const uint16_t suites[] = {
    SPANTLS_SUITE_AES_128_GCM_SHA256,
    SPANTLS_SUITE_AES_256_GCM_SHA384,
    SPANTLS_SUITE_CHACHA20_POLY1305_SHA256,
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    SPANTLS_SUITE_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    SPANTLS_SUITE_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    SPANTLS_SUITE_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
};

const char *protocol_name(uint32_t protocol)
{
    switch (protocol) {
    case SPANTLS_PROTOCOL_TLS13:
        return "TLSv1.3";
    case SPANTLS_PROTOCOL_TLS12:
        return "TLSv1.2";
    default:
        return "-";
    }
}

uint16_t suite_number(const char *name)
{
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; ++i) {
        if (strcmp(spantls_cipher_suite_name(suites[i]), name) == 0)
            return suites[i];
    }
    return 0;
}

const char *alpn_name(const tls_session_t *session, char *text, size_t text_cap)
{
    size_t len = 0;
    tls_status_t status = tls_session_negotiated_alpn(session, text, text_cap - 1, &len);

    if (status != TLS_STATUS_COMPLETE)
        return "?";
    text[len] = '\0';
    /* The peer could have chosen any bytes: nothing but visible ASCII goes to a terminal or into a summary line. */
    for (size_t i = 0; i < len; ++i) {
        if (text[i] <= ' ' || text[i] > '~')
            return "?";
    }
    return len > 0 ? text : "-";
}

void report_negotiated(const char *label, const tls_session_t *session)
{
    char alpn[256];
    size_t certificates = 0;
    tls_status_t status = tls_session_remote_certificate_count(session, &certificates);

    if (status != TLS_STATUS_COMPLETE)
        report_failure(label, session, status);
    fprintf(stderr, "%s: %s, %s, group 0x%04X, ALPN %s, certificates from the peer: %zu\n", label,
            protocol_name(tls_session_negotiated_protocol(session)),
            spantls_cipher_suite_name(tls_session_negotiated_cipher_suite(session)),
            (unsigned)tls_session_negotiated_group(session), alpn_name(session, alpn, sizeof alpn), certificates);
}

void report_failure(const char *label, const tls_session_t *session, tls_status_t status)
{
    spantls_error_t error = {.struct_size = sizeof error};

    fprintf(stderr, "%s: %s", label, tls_status_name(status));
    if (tls_session_error(session, &error) == TLS_STATUS_COMPLETE && error.status != TLS_STATUS_COMPLETE) {
        fprintf(stderr, ": %s", error.message);
        if (error.policy_errors != 0)
            fprintf(stderr, " (policy errors %u)", (unsigned)error.policy_errors);
        if (error.alert_sent >= 0)
            fprintf(stderr, " (alert sent: %d)", (int)error.alert_sent);
        if (error.alert_received >= 0)
            fprintf(stderr, " (alert received: %d)", (int)error.alert_received);
    }
    fputc('\n', stderr);
}

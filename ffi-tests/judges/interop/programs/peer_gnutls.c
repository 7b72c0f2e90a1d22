/* GnuTLS, as a peer: see README.md. */

#include "frame.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

static gnutls_certificate_credentials_t credentials;
static gnutls_session_t session;
static gnutls_datum_t ticket_key, kept;

static void must(int result, const char *what) {
    if (result < 0) broken("%s: %s", what, gnutls_strerror(result));
}

const char *library_version(void) {
    return gnutls_check_version(NULL);
}

void prepare(void) {
    must(gnutls_certificate_allocate_credentials(&credentials), "credentials");
    if (settings.ca) must(gnutls_certificate_set_x509_trust_file(credentials, settings.ca, GNUTLS_X509_FMT_PEM), "anchors");
    if (settings.cert)
        must(gnutls_certificate_set_x509_key_file(credentials, settings.cert, settings.key, GNUTLS_X509_FMT_PEM), "chain");
    must(gnutls_session_ticket_key_generate(&ticket_key), "ticket key");
}

static void set_priority(void) {
    char text[256], groups[128], *rest = groups, *name;
    int length = snprintf(text, sizeof text, "NORMAL:-VERS-ALL:+VERS-TLS%s", settings.version);
    if (settings.groups) {
        snprintf(groups, sizeof groups, "%s", settings.groups);
        length += snprintf(text + length, sizeof text - (size_t)length, ":-GROUP-ALL");
        while ((name = next_name(&rest))) {
            const char *here = strcmp(name, "P-256") == 0 ? "SECP256R1" : strcmp(name, "P-384") == 0 ? "SECP384R1" : name;
            length += snprintf(text + length, sizeof text - (size_t)length, ":+GROUP-%s", here);
        }
    }
    if (gnutls_priority_set_direct(session, text, NULL) < 0) broken("no such groups: %s", text);
}

static void set_alpn(void) {
    unsigned char list[256];
    gnutls_datum_t names[8];
    unsigned int count = 0;
    size_t length = alpn_list(list);
    for (size_t at = 0; at < length && count < 8; at += 1 + list[at])
        names[count++] = (gnutls_datum_t){list + at + 1, list[at]};
    must(gnutls_alpn_set_protocols(session, names, count, GNUTLS_ALPN_MANDATORY), "application protocols");
}

static void say_failed(int error) {
    int alert = error == GNUTLS_E_FATAL_ALERT_RECEIVED || error == GNUTLS_E_WARNING_ALERT_RECEIVED
                    ? (int)gnutls_alert_get(session) : -1;
    failed(alert, "%s", gnutls_strerror(error));
}

static void keep_session(void) {
    if (gnutls_session_get_flags(session) & GNUTLS_SFLAGS_SESSION_TICKET || strcmp(settings.version, "1.2") == 0) {
        gnutls_free(kept.data);
        gnutls_session_get_data2(session, &kept);
    }
}

bool handshake(int socket, bool second) {
    /* One key share alone, so that a server can ask for another; the certificate also where the server does not name its authority. */
    unsigned int client = GNUTLS_CLIENT | GNUTLS_KEY_SHARE_TOP | GNUTLS_FORCE_CLIENT_CERT;
    must(gnutls_init(&session, settings.server ? GNUTLS_SERVER : client), "session");
    set_priority();
    must(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), "credentials");
    gnutls_transport_set_int(session, socket);
    gnutls_handshake_set_timeout(session, GNUTLS_DEFAULT_HANDSHAKE_TIMEOUT);
    if (settings.alpn) set_alpn();
    if (settings.server) {
        must(gnutls_session_ticket_enable_server(session, &ticket_key), "tickets");
        gnutls_certificate_server_set_request(session, settings.ask ? GNUTLS_CERT_REQUIRE : GNUTLS_CERT_IGNORE);
        if (settings.ask) gnutls_session_set_verify_cert(session, NULL, 0);
    } else {
        must(gnutls_server_name_set(session, GNUTLS_NAME_DNS, settings.name, strlen(settings.name)), "name");
        gnutls_session_set_verify_cert(session, settings.name, 0);
        if (second && kept.data) must(gnutls_session_set_data(session, kept.data, kept.size), "session");
    }
    int result;
    do result = gnutls_handshake(session);
    while (result < 0 && !gnutls_error_is_fatal(result) && result != GNUTLS_E_WARNING_ALERT_RECEIVED);
    if (result < 0) {
        say_failed(result);
        /* GnuTLS leaves its own alerts to the program. */
        if (result != GNUTLS_E_FATAL_ALERT_RECEIVED) gnutls_alert_send_appropriate(session, result);
        return false;
    }
    gnutls_datum_t alpn = {NULL, 0};
    gnutls_alpn_get_selected_protocol(session, &alpn);
    connected(gnutls_session_is_resumed(session), (const char *)alpn.data, alpn.size);
    return true;
}

long read_some(unsigned char *room, size_t length) {
    ssize_t count;
    do count = gnutls_record_recv(session, room, length);
    while (count == GNUTLS_E_INTERRUPTED || count == GNUTLS_E_AGAIN);
    if (count >= 0) return count;
    if (count == GNUTLS_E_PREMATURE_TERMINATION) return READ_TRUNCATED;
    say_failed((int)count);
    return READ_FAILED;
}

bool write_all(const unsigned char *data, size_t length) {
    while (length > 0) {
        ssize_t count = gnutls_record_send(session, data, length);
        if (count == GNUTLS_E_INTERRUPTED || count == GNUTLS_E_AGAIN) continue;
        if (count < 0) {
            say_failed((int)count);
            return false;
        }
        data += count;
        length -= (size_t)count;
    }
    return true;
}

bool update_keys(void) {
    int result = gnutls_session_key_update(session, GNUTLS_KU_PEER);
    if (result < 0) say_failed(result);
    return result >= 0;
}

void send_close(void) {
    gnutls_bye(session, GNUTLS_SHUT_WR);
}

void release(void) {
    if (!settings.server) keep_session();
    gnutls_deinit(session);
}

/* OpenSSL, as a peer: see README.md. */

#include "frame.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

static SSL_CTX *context;
static SSL *session;
static SSL_SESSION *kept;

static int choose_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
                       unsigned int offered_length, void *unused) {
    (void)ssl, (void)unused;
    unsigned char own[256];
    size_t own_length = alpn_list(own);
    if (SSL_select_next_proto((unsigned char **)chosen, length, own, (unsigned int)own_length, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static int keep(SSL *ssl, SSL_SESSION *given) {
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = given;
    return 1;
}

static void set_groups(void) {
    char names[256];
    size_t at = 0;
    for (; settings.groups[at]; at++) names[at] = settings.groups[at] == ',' ? ':' : settings.groups[at];
    names[at] = '\0';
    if (SSL_CTX_set1_groups_list(context, names) != 1) broken("no such groups: %s", names);
}

const char *library_version(void) {
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

void prepare(void) {
    context = SSL_CTX_new(settings.server ? TLS_server_method() : TLS_client_method());
    int version = strcmp(settings.version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"interop", 7);
    if (settings.ca && SSL_CTX_load_verify_locations(context, settings.ca, NULL) != 1) broken("no anchors");
    if (settings.cert && (SSL_CTX_use_certificate_chain_file(context, settings.cert) != 1 ||
                          SSL_CTX_use_PrivateKey_file(context, settings.key, SSL_FILETYPE_PEM) != 1))
        broken("no credentials");
    if (!settings.server || settings.ask) SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (settings.groups) set_groups();
    if (settings.alpn && settings.server) SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    if (settings.alpn && !settings.server) {
        unsigned char list[256];
        SSL_CTX_set_alpn_protos(context, list, (unsigned int)alpn_list(list));
    }
    if (!settings.server) {
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(context, keep);
    }
}

static void say_failed(void) {
    unsigned long error = ERR_peek_last_error();
    int reason = ERR_GET_REASON(error);
    char text[256];
    ERR_error_string_n(error, text, sizeof text);
    int alert = ERR_GET_LIB(error) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : -1;
    failed(alert, "%s", text);
}

bool handshake(int socket, bool second) {
    session = SSL_new(context);
    SSL_set_fd(session, socket);
    if (!settings.server) {
        SSL_set_tlsext_host_name(session, settings.name);
        SSL_set1_host(session, settings.name);
        if (second && kept) SSL_set_session(session, kept);
    }
    if ((settings.server ? SSL_accept(session) : SSL_connect(session)) != 1) {
        say_failed();
        return false;
    }
    const unsigned char *alpn;
    unsigned int length;
    SSL_get0_alpn_selected(session, &alpn, &length);
    connected(SSL_session_reused(session), (const char *)alpn, length);
    return true;
}

long read_some(unsigned char *room, size_t length) {
    int count = SSL_read(session, room, (int)length);
    if (count > 0) return count;
    switch (SSL_get_error(session, count)) {
    case SSL_ERROR_ZERO_RETURN: return READ_CLOSED;
    case SSL_ERROR_SSL:
        if (ERR_GET_REASON(ERR_peek_last_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING) break;
        return READ_TRUNCATED;
    default: break;
    }
    say_failed();
    return READ_FAILED;
}

bool write_all(const unsigned char *data, size_t length) {
    size_t written;
    if (SSL_write_ex(session, data, length, &written) == 1 && written == length) return true;
    say_failed();
    return false;
}

bool update_keys(void) {
    if (SSL_key_update(session, SSL_KEY_UPDATE_REQUESTED) == 1) return true;
    say_failed();
    return false;
}

void send_close(void) {
    SSL_shutdown(session);
}

void release(void) {
    /* Without this the session would not be kept for a connection that ended without close_notify. */
    SSL_set_shutdown(session, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(session);
    ERR_clear_error();
}

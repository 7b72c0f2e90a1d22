/* wolfSSL, as a peer: see README.md. */

#include "frame.h"

#include <string.h>
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>

static WOLFSSL_CTX *context;
static WOLFSSL *session;
static WOLFSSL_SESSION *kept;

const char *library_version(void) {
    return wolfSSL_lib_version();
}

/* Only TLS 1.3 has them. */
static void set_groups(void) {
    static const struct group known[] = {
        {"X25519", WOLFSSL_ECC_X25519}, {"P-256", WOLFSSL_ECC_SECP256R1}, {"P-384", WOLFSSL_ECC_SECP384R1}, {NULL, 0}};
    int groups[4];
    /* By default it sends a key share of P-521 alone. */
    if (!settings.groups) settings.groups = "X25519,P-256,P-384";
    int count = (int)groups_here(known, groups, 4);
    if (wolfSSL_CTX_set_groups(context, groups, count) != WOLFSSL_SUCCESS) broken("the groups are refused");
}

void prepare(void) {
    wolfSSL_Init();
    bool old = strcmp(settings.version, "1.2") == 0;
    context = wolfSSL_CTX_new(settings.server ? old ? wolfTLSv1_2_server_method() : wolfTLSv1_3_server_method()
                                              : old ? wolfTLSv1_2_client_method() : wolfTLSv1_3_client_method());
    if (settings.ca && wolfSSL_CTX_load_verify_locations(context, settings.ca, NULL) != WOLFSSL_SUCCESS) broken("no anchors");
    if (settings.cert && (wolfSSL_CTX_use_certificate_chain_file(context, settings.cert) != WOLFSSL_SUCCESS ||
                          wolfSSL_CTX_use_PrivateKey_file(context, settings.key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS))
        broken("no credentials");
    if (!settings.server || settings.ask)
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    if (!old) set_groups();
    if (!settings.server) wolfSSL_CTX_UseSessionTicket(context);
}

static void say_failed(int result) {
    WOLFSSL_ALERT_HISTORY history;
    int error = wolfSSL_get_error(session, result), alert = -1;
    char text[WOLFSSL_MAX_ERROR_SZ];
    if (wolfSSL_get_alert_history(session, &history) == WOLFSSL_SUCCESS && history.last_rx.level == alert_fatal)
        alert = history.last_rx.code;
    failed(alert, "%d %s", error, wolfSSL_ERR_error_string((unsigned long)error, text));
}

bool handshake(int socket, bool second) {
    session = wolfSSL_new(context);
    wolfSSL_set_fd(session, socket);
    if (settings.alpn) {
        char names[256];
        size_t length = strlen(settings.alpn);
        memcpy(names, settings.alpn, length + 1);
        wolfSSL_UseALPN(session, names, (unsigned int)length, WOLFSSL_ALPN_FAILED_ON_MISMATCH);
    }
    if (!settings.server) {
        wolfSSL_UseSNI(session, WOLFSSL_SNI_HOST_NAME, settings.name, (unsigned short)strlen(settings.name));
        wolfSSL_check_domain_name(session, settings.name);
        if (second && kept) wolfSSL_set_session(session, kept);
    }
    int result = settings.server ? wolfSSL_accept(session) : wolfSSL_connect(session);
    if (result != WOLFSSL_SUCCESS) {
        say_failed(result);
        return false;
    }
    char *alpn = NULL;
    unsigned short length = 0;
    wolfSSL_ALPN_GetProtocol(session, &alpn, &length);
    connected(wolfSSL_session_reused(session), alpn, length);
    return true;
}

long read_some(unsigned char *room, size_t length) {
    int count = wolfSSL_read(session, room, (int)length);
    if (count > 0) return count;
    switch (wolfSSL_get_error(session, count)) {
    case WOLFSSL_ERROR_ZERO_RETURN: return READ_CLOSED;
    case WOLFSSL_ERROR_SYSCALL: /* and nothing in errno: newer versions */
    case SOCKET_PEER_CLOSED_E: return READ_TRUNCATED;
    default: say_failed(count); return READ_FAILED;
    }
}

bool write_all(const unsigned char *data, size_t length) {
    int count = wolfSSL_write(session, data, (int)length);
    if (count == (int)length) return true;
    say_failed(count);
    return false;
}

bool update_keys(void) {
    int result = wolfSSL_update_keys(session);
    if (result != WOLFSSL_SUCCESS) say_failed(result);
    return result == WOLFSSL_SUCCESS;
}

void send_close(void) {
    wolfSSL_shutdown(session);
}

void release(void) {
    if (!settings.server) kept = wolfSSL_get1_session(session);
    wolfSSL_free(session);
}

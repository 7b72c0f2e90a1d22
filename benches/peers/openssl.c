/*
 * OpenSSL 3 and 4, BoringSSL, and AWS-LC's libssl, by the calls that they share.
 *
 * Bytes come and go through a pair of memory BIOs, as SSL_set_bio(3) and BIO_s_mem(3) show it. way=span: a BIO of our own
 * reads and writes the caller's spans, which saves the memory BIO's copies. way=release: memory BIOs, and
 * SSL_MODE_RELEASE_BUFFERS, which SSL_CTX_set_mode(3) advises where many connections are idle. way=socket: SSL_set_fd(3) on the
 * server. way=deferred: the callback for the server's name chooses the context, SSL_set_SSL_CTX(3).
 */
#include "peer.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#if defined(OPENSSL_IS_BORINGSSL) || defined(OPENSSL_IS_AWSLC)
#define IS_BORING
#endif

static const struct {
    uint16_t number;
    const char *name;
} names[] = {
    {0x1301, "TLS_AES_128_GCM_SHA256"},        {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},  {0xc02b, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {0xc02c, "ECDHE-ECDSA-AES256-GCM-SHA384"}, {0xcca9, "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {0xc02f, "ECDHE-RSA-AES128-GCM-SHA256"},   {0xc030, "ECDHE-RSA-AES256-GCM-SHA384"},
    {0xcca8, "ECDHE-RSA-CHACHA20-POLY1305"},   {0x001d, "X25519"},
    {0x0017, "P-256"},                         {0x11ec, "X25519MLKEM768"},
};

static const char *name_of(uint16_t number) {
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    fail("no name for %04x", number);
}

struct spans {
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_len, out_cap;
};

struct session {
    SSL *ssl;
    BIO *in, *out; /* NULL on a socket */
    struct spans spans;
};

static SSL_CTX *client_context, *server_context, *start_context;
static BIO_METHOD *span_method;
static bool with_spans, tls13;
/* The client's sessions: each of TLS 1.3 is used once, the last of TLS 1.2 again and again. */
static SSL_SESSION *tickets[64];
static size_t num_tickets;
static unsigned long received;

static void openssl_failed(const char *what) {
    char text[256];
    ERR_error_string_n(ERR_get_error(), text, sizeof text);
    fail("%s: %s", what, text);
}

const char *peer_version(void) {
    static char version[64];
#if defined(OPENSSL_IS_AWSLC)
    snprintf(version, sizeof version, "AWS-LC %s", AWSLC_VERSION_NUMBER_STRING);
#elif defined(OPENSSL_IS_BORINGSSL)
    snprintf(version, sizeof version, "BoringSSL, API %d", BORINGSSL_API_VERSION);
#else
    snprintf(version, sizeof version, "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
#endif
    return version;
}

unsigned long peer_tickets(void) { return received; }

/* --- Bytes ------------------------------------------------------------------------------------------------------------------ */

static int read_span(BIO *bio, char *to, int len) {
    struct spans *spans = BIO_get_data(bio);
    size_t taken = (size_t)len < spans->in_len ? (size_t)len : spans->in_len;
    BIO_clear_retry_flags(bio);
    if (taken == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, spans->in, taken);
    spans->in += taken;
    spans->in_len -= taken;
    return (int)taken;
}

static int write_span(BIO *bio, const char *from, int len) {
    struct spans *spans = BIO_get_data(bio);
    if ((size_t)len > spans->out_cap - spans->out_len)
        fail("no room for %d bytes", len);
    memcpy(spans->out + spans->out_len, from, (size_t)len);
    spans->out_len += (size_t)len;
    return len;
}

static long control_span(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void make_span_method(void) {
    span_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "spans");
    if (!span_method || !BIO_meth_set_read(span_method, read_span) || !BIO_meth_set_write(span_method, write_span) ||
        !BIO_meth_set_ctrl(span_method, control_span))
        openssl_failed("BIO_meth_new");
}

static void give(struct session *session, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_cap) {
    if (!session->in)
        return;
    if (with_spans)
        session->spans = (struct spans){in, in_len, out, 0, out_cap};
    else if (in_len && LIB(BIO_write(session->in, in, (int)in_len)) != (int)in_len)
        openssl_failed("BIO_write");
}

static size_t take(struct session *session, uint8_t *out, size_t out_cap) {
    if (!session->in)
        return 0;
    if (with_spans)
        return session->spans.out_len;
    int len = LIB(BIO_read(session->out, out, (int)out_cap));
    return len > 0 ? (size_t)len : 0;
}

static bool has_input(struct session *session) {
    return with_spans ? session->spans.in_len > 0 : LIB(BIO_ctrl_pending(session->in)) > 0;
}

/* --- Contexts --------------------------------------------------------------------------------------------------------------- */

static int keep_ticket(SSL *ssl, SSL_SESSION *session) {
    (void)ssl;
    received++;
    if (num_tickets == sizeof tickets / sizeof *tickets)
        return 0;
    if (!tls13 && num_tickets > 0)
        SSL_SESSION_free(tickets[--num_tickets]);
    tickets[num_tickets++] = session;
    return 1;
}

static bool pin_suite(SSL_CTX *context, const struct peer_settings *settings) {
    const char *suite = name_of(settings->suite);
    if (!settings->tls13)
        return SSL_CTX_set_cipher_list(context, suite) == 1;
#if defined(OPENSSL_IS_BORINGSSL) && !defined(OPENSSL_IS_AWSLC)
    /* It has no call for this. Where there is AES in hardware it takes AES-128, and AES-256 by this policy. */
    return settings->suite == 0x1301 ||
           (settings->suite == 0x1302 && SSL_CTX_set_compliance_policy(context, ssl_compliance_policy_cnsa_202407) == 1);
#else
    return SSL_CTX_set_ciphersuites(context, suite) == 1;
#endif
}

static bool make_context(SSL_CTX **context, const struct peer_settings *settings) {
    uint16_t version = settings->tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_free(*context);
    *context = SSL_CTX_new(TLS_method());
    if (!*context)
        openssl_failed("SSL_CTX_new");
    if (settings->way && strcmp(settings->way, "release") == 0) {
#if defined(IS_BORING)
        return false; /* always so: no such mode */
#else
        SSL_CTX_set_mode(*context, SSL_MODE_RELEASE_BUFFERS);
#endif
    }
    if (SSL_CTX_set_min_proto_version(*context, version) != 1 || SSL_CTX_set_max_proto_version(*context, version) != 1 ||
        SSL_CTX_load_verify_locations(*context, settings->root, NULL) != 1 ||
        SSL_CTX_set_session_id_context(*context, (const unsigned char *)"peers", 5) != 1 ||
        SSL_CTX_set_num_tickets(*context, PEER_TICKETS) != 1)
        openssl_failed("a context");
    /* In TLS 1.2 the list also limits the curves of certificates (RFC 8422 section 5.1.1). */
    char groups[64];
    snprintf(groups, sizeof groups, "%s%s", name_of(settings->group), settings->tls13 ? "" : ":P-256");
    return pin_suite(*context, settings) && SSL_CTX_set1_groups_list(*context, groups) == 1;
}

static void use_credentials(SSL_CTX *context, const char *chain, const char *key) {
    if (SSL_CTX_use_certificate_chain_file(context, chain) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        openssl_failed(chain);
}

static int choose_context(SSL *ssl, int *alert, void *argument) {
    (void)alert, (void)argument;
    const char *name = LIB(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    if (!name || strcmp(name, PEER_HOST) != 0)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    LIB(SSL_set_SSL_CTX(ssl, server_context));
    return SSL_TLSEXT_ERR_OK;
}

static bool is_way(const char *way) {
    return !way || !strcmp(way, "span") || !strcmp(way, "release") || !strcmp(way, "socket") || !strcmp(way, "deferred");
}

bool peer_open(const struct peer_settings *settings) {
    if (!is_way(settings->way))
        return false;
    with_spans = settings->way && strcmp(settings->way, "span") == 0;
    tls13 = settings->tls13;
    if (with_spans && !span_method)
        make_span_method();
    while (num_tickets > 0)
        SSL_SESSION_free(tickets[--num_tickets]);
    if (!make_context(&client_context, settings) || !make_context(&server_context, settings))
        return false;
    SSL_CTX_set_verify(client_context, SSL_VERIFY_PEER, NULL);
    use_credentials(server_context, settings->server_chain, settings->server_key);
    if (settings->mutual) {
        use_credentials(client_context, settings->client_chain, settings->client_key);
        SSL_CTX_set_verify(server_context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_client_CA_list(server_context, SSL_load_client_CA_file(settings->root));
    }
    SSL_CTX_free(start_context);
    start_context = NULL;
    if (settings->way && strcmp(settings->way, "deferred") == 0) {
        if (!make_context(&start_context, settings))
            return false;
        SSL_CTX_set_tlsext_servername_callback(start_context, choose_context);
    }
    if (!settings->resume && !tls13)
        SSL_CTX_set_options(client_context, SSL_OP_NO_TICKET);
    if (settings->resume) {
        SSL_CTX_set_session_cache_mode(client_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(client_context, keep_ticket);
    }
    return true;
}

/* --- Sessions --------------------------------------------------------------------------------------------------------------- */

static BIO *new_bio(struct session *session) {
    BIO *bio = LIB(BIO_new(with_spans ? span_method : BIO_s_mem()));
    if (!bio)
        openssl_failed("BIO_new");
    if (with_spans) {
        BIO_set_data(bio, &session->spans);
        BIO_set_init(bio, 1);
    } else {
        BIO_set_mem_eof_return(bio, -1);
    }
    return bio;
}

static void use_ticket(SSL *ssl) {
    SSL_SESSION *ticket = tickets[num_tickets - 1];
    if (LIB(SSL_set_session(ssl, ticket)) != 1)
        openssl_failed("SSL_set_session");
    if (tls13) {
        LIB(SSL_SESSION_free(ticket));
        num_tickets--;
    }
}

void *peer_new(bool server) {
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        fail("out of memory");
    session->ssl = LIB(SSL_new(!server ? client_context : start_context ? start_context : server_context));
    if (!session->ssl)
        openssl_failed("SSL_new");
    session->in = new_bio(session);
    session->out = with_spans ? session->in : new_bio(session);
    LIB(SSL_set_bio(session->ssl, session->in, session->out));
    if (server) {
        LIB(SSL_set_accept_state(session->ssl));
        return session;
    }
    LIB(SSL_set_connect_state(session->ssl));
    if (LIB(SSL_set_tlsext_host_name(session->ssl, PEER_HOST)) != 1 || LIB(SSL_set1_host(session->ssl, PEER_HOST)) != 1)
        openssl_failed("a host name");
    if (num_tickets > 0)
        use_ticket(session->ssl);
    return session;
}

void *peer_new_on_socket(int socket) {
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        fail("out of memory");
    session->ssl = LIB(SSL_new(server_context));
    if (!session->ssl || LIB(SSL_set_fd(session->ssl, socket)) != 1)
        openssl_failed("SSL_set_fd");
    LIB(SSL_set_accept_state(session->ssl));
    return session;
}

bool peer_handshake(void *handle, uint8_t *in, size_t in_len, uint8_t *out, size_t out_cap, size_t *written) {
    struct session *session = handle;
    give(session, in, in_len, out, out_cap);
    int result = LIB(SSL_do_handshake(session->ssl));
    if (result != 1 && LIB(SSL_get_error(session->ssl, result)) != SSL_ERROR_WANT_READ)
        openssl_failed("SSL_do_handshake");
    *written = take(session, out, out_cap);
    return result == 1;
}

size_t peer_encrypt(void *handle, const uint8_t *text, size_t text_len, uint8_t *out, size_t out_cap) {
    struct session *session = handle;
    give(session, NULL, 0, out, out_cap);
    if (LIB(SSL_write(session->ssl, text, (int)text_len)) != (int)text_len)
        openssl_failed("SSL_write");
    return take(session, out, out_cap);
}

size_t peer_decrypt(void *handle, uint8_t *in, size_t in_len, uint8_t *text, size_t text_cap) {
    struct session *session = handle;
    size_t len = 0;
    give(session, in, in_len, NULL, 0);
    do {
        int result = LIB(SSL_read(session->ssl, text + len, (int)(text_cap - len)));
        if (result <= 0) {
            if (LIB(SSL_get_error(session->ssl, result)) != SSL_ERROR_WANT_READ)
                openssl_failed("SSL_read");
            break;
        }
        len += (size_t)result;
    } while (len < text_cap && has_input(session));
    return len;
}

static uint16_t group_of(SSL *ssl) {
#if defined(IS_BORING)
    return SSL_get_group_id(ssl);
#else
    long id = SSL_get_negotiated_group(ssl);
    return id == NID_X25519 ? 0x001d : id == NID_X9_62_prime256v1 ? 0x0017 : (uint16_t)(id & 0xffff);
#endif
}

struct peer_facts peer_facts(void *handle) {
    SSL *ssl = ((struct session *)handle)->ssl;
    X509 *certificate = SSL_get_peer_certificate(ssl);
    struct peer_facts facts = {
        .tls13 = SSL_version(ssl) == TLS1_3_VERSION,
        .suite = (uint16_t)SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)),
        .group = group_of(ssl),
        .resumed = SSL_session_reused(ssl),
        .judged = certificate && SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER && SSL_get_verify_result(ssl) == X509_V_OK,
    };
    X509_free(certificate);
    return facts;
}

void peer_free(void *handle) {
    struct session *session = handle;
    /* Without it OpenSSL takes the session for broken, and does not resume it. */
    LIB(SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN));
    LIB(SSL_free(session->ssl));
    free(session);
}

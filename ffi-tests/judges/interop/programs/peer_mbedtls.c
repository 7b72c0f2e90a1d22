/* mbedTLS, as a peer: see README.md. */

#include "frame.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context random_numbers;
static mbedtls_ssl_config config;
static mbedtls_ssl_context session;
static mbedtls_x509_crt own, anchors;
static mbedtls_pk_context key;
static mbedtls_ssl_ticket_context tickets;
static mbedtls_net_context transport;
static mbedtls_ssl_session kept;
static bool have_kept;

const char *library_version(void) {
    static char text[18];
    mbedtls_version_get_string(text);
    return text;
}

static void must(int result, const char *what) {
    char text[128];
    mbedtls_strerror(result, text, sizeof text);
    if (result != 0) broken("%s: %s", what, text);
}

static void set_groups(void) {
    static const struct group known[] = {{"X25519", MBEDTLS_SSL_IANA_TLS_GROUP_X25519},
                                         {"P-256", MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1},
                                         {"P-384", MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1},
                                         {NULL, 0}};
    static uint16_t list[5];
    int groups[4];
    size_t count = groups_here(known, groups, 4);
    for (size_t i = 0; i < count; i++) list[i] = (uint16_t)groups[i];
    mbedtls_ssl_conf_groups(&config, list);
}

static void set_alpn(void) {
    static char names[256];
    static const char *list[9];
    char *rest = names;
    snprintf(names, sizeof names, "%s", settings.alpn);
    for (size_t count = 0; count < 8 && (list[count] = next_name(&rest)); count++) continue;
    must(mbedtls_ssl_conf_alpn_protocols(&config, list), "application protocols");
}

static void set_credentials(void) {
    must(mbedtls_x509_crt_parse_file(&own, settings.cert), "chain");
    must(mbedtls_pk_parse_keyfile(&key, settings.key, NULL, mbedtls_ctr_drbg_random, &random_numbers), "key");
    must(mbedtls_ssl_conf_own_cert(&config, &own, &key), "credentials");
}

void prepare(void) {
    if (psa_crypto_init() != PSA_SUCCESS) broken("psa_crypto_init");
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random_numbers);
    must(mbedtls_ctr_drbg_seed(&random_numbers, mbedtls_entropy_func, &entropy, NULL, 0), "random numbers");
    mbedtls_ssl_config_init(&config);
    must(mbedtls_ssl_config_defaults(&config, settings.server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT,
                                     MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT), "defaults");
    mbedtls_ssl_protocol_version version = strcmp(settings.version, "1.2") == 0 ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3;
    mbedtls_ssl_conf_min_tls_version(&config, version);
    mbedtls_ssl_conf_max_tls_version(&config, version);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_numbers);
    mbedtls_ssl_conf_authmode(&config, !settings.server || settings.ask ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    if (settings.ca) {
        must(mbedtls_x509_crt_parse_file(&anchors, settings.ca), "anchors");
        mbedtls_ssl_conf_ca_chain(&config, &anchors, NULL);
    }
    if (settings.cert) set_credentials();
    if (settings.groups) set_groups();
    if (settings.alpn) set_alpn();
    if (settings.server) {
        mbedtls_ssl_ticket_init(&tickets);
        must(mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &random_numbers, MBEDTLS_CIPHER_AES_256_GCM, 3600), "tickets");
        mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &tickets);
    } else {
        mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(&config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    }
}

static void say_failed(int error) {
    char text[128];
    mbedtls_strerror(error, text, sizeof text);
    /* No function tells which alert it was. */
    failed(error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? session.MBEDTLS_PRIVATE(in_msg)[1] : -1, "%s", text);
}

static void keep(void) {
    if (have_kept) mbedtls_ssl_session_free(&kept);
    mbedtls_ssl_session_init(&kept);
    have_kept = mbedtls_ssl_get_session(&session, &kept) == 0;
}

bool handshake(int socket, bool second) {
    mbedtls_ssl_init(&session);
    must(mbedtls_ssl_setup(&session, &config), "session");
    transport.fd = socket;
    mbedtls_ssl_set_bio(&session, &transport, mbedtls_net_send, mbedtls_net_recv, NULL);
    if (!settings.server) {
        must(mbedtls_ssl_set_hostname(&session, settings.name), "name");
        if (second && have_kept) must(mbedtls_ssl_set_session(&session, &kept), "session");
    }
    int result = mbedtls_ssl_handshake(&session);
    if (result != 0) {
        say_failed(result);
        return false;
    }
    if (!settings.server && strcmp(settings.version, "1.2") == 0) keep();
    const char *alpn = mbedtls_ssl_get_alpn_protocol(&session);
    connected(-1, alpn, alpn ? strlen(alpn) : 0);
    return true;
}

long read_some(unsigned char *room, size_t length) {
    while (true) {
        int count = mbedtls_ssl_read(&session, room, length);
        if (count > 0) return count;
        switch (count) {
        case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET: keep(); break;
        case MBEDTLS_ERR_SSL_WANT_READ: break;
        case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return READ_CLOSED;
        case MBEDTLS_ERR_SSL_CONN_EOF:
        case 0: return READ_TRUNCATED;
        default: say_failed(count); return READ_FAILED;
        }
    }
}

bool write_all(const unsigned char *data, size_t length) {
    while (length > 0) {
        int count = mbedtls_ssl_write(&session, data, length);
        if (count < 0) {
            say_failed(count);
            return false;
        }
        data += count;
        length -= (size_t)count;
    }
    return true;
}

bool update_keys(void) {
    return true; /* no function does it */
}

void send_close(void) {
    mbedtls_ssl_close_notify(&session);
}

void release(void) {
    mbedtls_ssl_free(&session);
}

/*
 * rustls-ffi with aws-lc-rs, by the calls that its examples show: read_tls and write_tls with callbacks over the caller's spans.
 * It has no call to choose groups: X25519 is its first. Its clients keep tickets by name, so a client that is not to resume
 * asks for another name each time. Its servers keep sessions in memory.
 */
#define DEFINE_AWS_LC_RS
#include "peer.h"

#include <rustls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct rustls_client_config *client_config;
static const struct rustls_server_config *server_config;
static bool resume;
static unsigned long received, names;

static void must(rustls_result result, const char *what) {
    char text[256];
    size_t len;
    if (result == RUSTLS_RESULT_OK)
        return;
    rustls_error(result, text, sizeof text, &len);
    fail("%s: %.*s", what, (int)len, text);
}

static void must_io(rustls_io_result result, const char *what) {
    if (result != 0)
        fail("%s: %s", what, strerror(result));
}

const char *peer_version(void) {
    static char version[128];
    struct rustls_str text = rustls_version();
    snprintf(version, sizeof version, "%.*s", (int)text.len, text.data);
    return version;
}

unsigned long peer_tickets(void) { return received; }

/* --- Contexts --------------------------------------------------------------------------------------------------------------- */

static const struct rustls_crypto_provider *provider_with(uint16_t suite) {
    const struct rustls_crypto_provider *all = rustls_aws_lc_rs_crypto_provider(), *provider = NULL;
    struct rustls_crypto_provider_builder *builder = rustls_crypto_provider_builder_new_with_base(all);
    const struct rustls_supported_ciphersuite *found = NULL;
    for (size_t i = 0; i < rustls_crypto_provider_ciphersuites_len(all); i++) {
        const struct rustls_supported_ciphersuite *one = rustls_crypto_provider_ciphersuites_get(all, i);
        if (rustls_supported_ciphersuite_get_suite(one) == suite)
            found = one;
    }
    if (!found)
        fail("no suite %04x", suite);
    must(rustls_crypto_provider_builder_set_cipher_suites(builder, &found, 1), "set_cipher_suites");
    must(rustls_crypto_provider_builder_build(builder, &provider), "builder_build");
    rustls_crypto_provider_builder_free(builder);
    rustls_crypto_provider_free(all);
    return provider;
}

static uint8_t *contents(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(1 << 16);
    if (!file || !data)
        fail("%s", path);
    *len = fread(data, 1, 1 << 16, file);
    fclose(file);
    return data;
}

static const struct rustls_certified_key *certified(const char *chain, const char *key) {
    const struct rustls_certified_key *certified;
    size_t chain_len, key_len;
    uint8_t *chain_text = contents(chain, &chain_len), *key_text = contents(key, &key_len);
    must(rustls_certified_key_build(chain_text, chain_len, key_text, key_len, &certified), chain);
    free(chain_text), free(key_text);
    return certified;
}

static const struct rustls_root_cert_store *roots_of(const char *path) {
    const struct rustls_root_cert_store *roots;
    struct rustls_root_cert_store_builder *builder = rustls_root_cert_store_builder_new();
    must(rustls_root_cert_store_builder_load_roots_from_file(builder, path, true), path);
    must(rustls_root_cert_store_builder_build(builder, &roots), path);
    rustls_root_cert_store_builder_free(builder);
    return roots;
}

static void open_client(const struct peer_settings *settings, const struct rustls_crypto_provider *provider, uint16_t version,
                        const struct rustls_root_cert_store *roots) {
    struct rustls_client_config_builder *builder;
    struct rustls_server_cert_verifier *verifier;
    struct rustls_web_pki_server_cert_verifier_builder *judge =
        rustls_web_pki_server_cert_verifier_builder_new_with_provider(provider, roots);
    must(rustls_web_pki_server_cert_verifier_builder_build(judge, &verifier), "a verifier");
    rustls_web_pki_server_cert_verifier_builder_free(judge);
    must(rustls_client_config_builder_new_custom(provider, &version, 1, &builder), "a client");
    rustls_client_config_builder_set_server_verifier(builder, verifier);
    if (settings->mutual) {
        const struct rustls_certified_key *key = certified(settings->client_chain, settings->client_key);
        must(rustls_client_config_builder_set_certified_key(builder, &key, 1), "a client's certificate");
        rustls_certified_key_free(key);
    }
    must(rustls_client_config_builder_build(builder, &client_config), "a client");
    rustls_server_cert_verifier_free(verifier);
}

static void open_server(const struct peer_settings *settings, const struct rustls_crypto_provider *provider, uint16_t version,
                        const struct rustls_root_cert_store *roots) {
    struct rustls_server_config_builder *builder;
    const struct rustls_certified_key *key = certified(settings->server_chain, settings->server_key);
    must(rustls_server_config_builder_new_custom(provider, &version, 1, &builder), "a server");
    must(rustls_server_config_builder_set_certified_keys(builder, &key, 1), "a server's certificate");
    must(rustls_server_config_builder_set_send_tls13_tickets(builder, PEER_TICKETS), "tickets");
    if (settings->mutual) {
        struct rustls_client_cert_verifier *verifier;
        struct rustls_web_pki_client_cert_verifier_builder *judge =
            rustls_web_pki_client_cert_verifier_builder_new_with_provider(provider, roots);
        must(rustls_web_pki_client_cert_verifier_builder_build(judge, &verifier), "a verifier");
        rustls_web_pki_client_cert_verifier_builder_free(judge);
        rustls_server_config_builder_set_client_verifier(builder, verifier);
        rustls_client_cert_verifier_free(verifier);
    }
    must(rustls_server_config_builder_build(builder, &server_config), "a server");
    rustls_certified_key_free(key);
}

bool peer_open(const struct peer_settings *settings) {
    if (settings->group != 0x001d || settings->way)
        return false;
    uint16_t version = settings->tls13 ? RUSTLS_TLS_VERSION_TLSV1_3 : RUSTLS_TLS_VERSION_TLSV1_2;
    const struct rustls_crypto_provider *provider = provider_with(settings->suite);
    const struct rustls_root_cert_store *roots = roots_of(settings->root);
    rustls_client_config_free(client_config);
    rustls_server_config_free(server_config);
    resume = settings->resume;
    open_client(settings, provider, version, roots);
    open_server(settings, provider, version, roots);
    rustls_root_cert_store_free(roots);
    rustls_crypto_provider_free(provider);
    return true;
}

/* --- Bytes ------------------------------------------------------------------------------------------------------------------ */

struct source {
    const uint8_t *data;
    size_t len;
};

struct sink {
    uint8_t *data;
    size_t len, cap;
};

static rustls_io_result read_source(void *userdata, uint8_t *buffer, size_t room, size_t *out_n) {
    struct source *source = userdata;
    *out_n = room < source->len ? room : source->len;
    memcpy(buffer, source->data, *out_n);
    source->data += *out_n;
    source->len -= *out_n;
    return 0;
}

static rustls_io_result write_sink(void *userdata, const uint8_t *data, size_t len, size_t *out_n) {
    struct sink *sink = userdata;
    *out_n = len < sink->cap - sink->len ? len : sink->cap - sink->len;
    memcpy(sink->data + sink->len, data, *out_n);
    sink->len += *out_n;
    return 0;
}

static void write_all(struct rustls_connection *session, struct sink *sink) {
    size_t taken;
    while (LIB(rustls_connection_wants_write(session)))
        must_io(LIB(rustls_connection_write_tls(session, write_sink, sink, &taken)), "write_tls");
}

static void read_some(struct rustls_connection *session, struct source *source) {
    size_t taken;
    must_io(LIB(rustls_connection_read_tls(session, read_source, source, &taken)), "read_tls");
    must(LIB(rustls_connection_process_new_packets(session)), "process_new_packets");
}

/* --- Sessions --------------------------------------------------------------------------------------------------------------- */

void *peer_new(bool server) {
    struct rustls_connection *session;
    char name[64] = PEER_HOST;
    if (server) {
        must(LIB(rustls_server_connection_new(server_config, &session)), "rustls_server_connection_new");
        return session;
    }
    if (!resume)
        snprintf(name, sizeof name, "n%08lu.wild.example", names++);
    must(LIB(rustls_client_connection_new(client_config, name, &session)), "rustls_client_connection_new");
    return session;
}

bool peer_handshake(void *session, uint8_t *in, size_t in_len, uint8_t *out, size_t out_cap, size_t *written) {
    struct source source = {in, in_len};
    struct sink sink = {out, 0, out_cap};
    while (source.len > 0)
        read_some(session, &source);
    write_all(session, &sink);
    *written = sink.len;
    return !LIB(rustls_connection_is_handshaking(session));
}

size_t peer_encrypt(void *session, const uint8_t *text, size_t text_len, uint8_t *out, size_t out_cap) {
    struct sink sink = {out, 0, out_cap};
    while (text_len > 0) {
        size_t taken;
        must(LIB(rustls_connection_write(session, text, text_len, &taken)), "rustls_connection_write");
        text += taken;
        text_len -= taken;
        write_all(session, &sink);
    }
    return sink.len;
}

size_t peer_decrypt(void *session, uint8_t *in, size_t in_len, uint8_t *text, size_t text_cap) {
    struct source source = {in, in_len};
    size_t len = 0;
    while (source.len > 0) {
        rustls_result result;
        read_some(session, &source);
        do {
            size_t taken = 0;
            result = LIB(rustls_connection_read(session, text + len, text_cap - len, &taken));
            len += taken;
            if (taken == 0 && result == RUSTLS_RESULT_OK)
                break; /* no room is left */
        } while (result == RUSTLS_RESULT_OK);
        if (result != RUSTLS_RESULT_PLAINTEXT_EMPTY)
            must(result, "rustls_connection_read");
    }
    return len;
}

struct peer_facts peer_facts(void *session) {
    received += rustls_connection_get_tls13_tickets_received(session);
    return (struct peer_facts){
        .tls13 = rustls_connection_get_protocol_version(session) == RUSTLS_TLS_VERSION_TLSV1_3,
        .suite = rustls_connection_get_negotiated_ciphersuite(session),
        .group = rustls_connection_get_negotiated_key_exchange_group(session),
        .resumed = rustls_connection_handshake_kind(session) == RUSTLS_HANDSHAKE_KIND_RESUMED,
        /* The verifiers above always judge. */
        .judged = rustls_connection_get_peer_certificate(session, 0) != NULL,
    };
}

void peer_free(void *session) { LIB(rustls_connection_free(session)); }

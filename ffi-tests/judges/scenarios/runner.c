/*
 * runner server|client: one side of each scenario, as README.md says: reads the side as a line of JSON from stdin, speaks TLS
 * over TCP on 127.0.0.1, prints what happened as a line of JSON, and reads the next one.
 */

#include "side.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALPN_ROOM 256
#define HEX_ROOM 129

/* What a connection has shown, until it is printed. */
typedef struct {
    tls_status_t failed; /* 0, or what ended it */
    spantls_error_t error;
    uint32_t version;
    uint16_t suite;
    bool resumed;
    char alpn[ALPN_ROOM], sni[256];
    char leaf[HEX_ROOM], echoed[HEX_ROOM], exporter[HEX_ROOM], end_point[HEX_ROOM];
    const char *questions[8];
    size_t num_questions;
    const char *end;            /* how reading to the end has ended */
    const char *post_handshake; /* the status of asking for a certificate later */
} outcome_t;

static bool is_server;
static tls_context_t *context;
static size_t num_contexts;
static struct {
    const char *host, *credentials;
    tls_context_t *context;
} contexts[8];
static const char *answers_with; /* the credentials whose key signs */

/* Calls that only a mistake of the runner or of its input can fail. */
static void must(tls_status_t status, const char *what) {
    spantls_error_t error = {.struct_size = sizeof error};
    if (status < 0) {
        misuse("%s: %s: %s", what, tls_status_name(status),
               spantls_last_error(&error) == TLS_STATUS_COMPLETE ? error.message : "");
    }
}

static void hex(const uint8_t *data, size_t len, char *out) {
    for (size_t i = 0; i < len; i++) {
        snprintf(out + 2 * i, 3, "%02x", data[i]);
    }
}

static void path_of(const char *name, const char *end, char *path, size_t cap) {
    const char *folder = side_text("certs");
    if (folder == NULL || snprintf(path, cap, "%s/%s%s", folder, name, end) >= (int)cap) {
        misuse("no folder of certificates, or too long a path");
    }
}

static EVP_PKEY *key_of(const char *name) {
    char path[512];
    path_of(name, ".key", path, sizeof path);
    FILE *file = fopen(path, "rb");
    EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
    if (key == NULL) {
        misuse("no key in %s", path);
    }
    fclose(file);
    return key;
}

static tls_credentials_t *external_credentials(const char *name, const char *chain_path) {
    static const uint16_t p256[] = {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256},
        p384[] = {SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384}, ed25519[] = {SPANTLS_SCHEME_ED25519};
    static const uint16_t rsa[] = {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384,
        SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512, SPANTLS_SCHEME_RSA_PKCS1_SHA256, SPANTLS_SCHEME_RSA_PKCS1_SHA384,
        SPANTLS_SCHEME_RSA_PKCS1_SHA512};
    static char chain[1 << 16];
    FILE *file = fopen(chain_path, "rb");
    if (file == NULL) {
        misuse("no chain in %s", chain_path);
    }
    const size_t len = fread(chain, 1, sizeof chain, file);
    fclose(file);
    EVP_PKEY *key = key_of(name);
    const int kind = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);
    const uint16_t *schemes = kind == EVP_PKEY_RSA ? rsa : kind == EVP_PKEY_ED25519 ? ed25519 : bits > 256 ? p384 : p256;
    EVP_PKEY_free(key);
    tls_credentials_t *credentials;
    must(tls_credentials_create_external(chain, len, schemes, schemes == rsa ? 6 : 1, &credentials), chain_path);
    return credentials;
}

static tls_credentials_t *credentials_of(const char *name) {
    char chain[512], key[512];
    tls_credentials_t *credentials;
    path_of(name, ".pem", chain, sizeof chain);
    path_of(name, ".key", key, sizeof key);
    if (side_flag("external_key")) {
        return external_credentials(name, chain);
    }
    must(tls_credentials_create_file(chain, key, NULL, &credentials), chain);
    return credentials;
}

static int32_t client_certificate_mode(void) {
    static const char *const names[] = {"none", "request", "require"};
    const char *wanted = side_text("client_certificate");
    for (int32_t mode = 0; wanted != NULL && mode < 3; mode++) {
        if (strcmp(wanted, names[mode]) == 0) {
            return mode;
        }
    }
    return wanted == NULL ? SPANTLS_CLIENT_CERTIFICATE_NONE : (misuse("no such mode: %s", wanted), 0);
}

static bool side_is(const char *path, const char *text) {
    const char *value = side_text(path);
    return value != NULL && strcmp(value, text) == 0;
}

/* A context of this side that shows `name` (may be NULL). */
static tls_context_t *make_context(const char *name) {
    tls_options_t *options;
    tls_context_t *made;
    const char *text;
    must(tls_options_create(&options), "options");
    if (name != NULL) {
        tls_credentials_t *credentials = credentials_of(name);
        must(tls_options_set_credentials(options, credentials), name);
        tls_credentials_destroy(credentials);
        answers_with = name;
    }
    if ((text = side_text("anchors")) != NULL) {
        char path[512];
        path_of(text, ".pem", path, sizeof path);
        must(tls_options_add_trust_anchors_file(options, path), path);
    }
    uint32_t protocols = 0;
    for (size_t i = 0; (text = side_item("protocols", i, NULL)) != NULL; i++) {
        protocols |= strcmp(text, "1.2") == 0 ? SPANTLS_PROTOCOL_TLS12 : SPANTLS_PROTOCOL_TLS13;
    }
    if (protocols != 0) {
        must(tls_options_set_protocols(options, protocols), "protocols");
    }
    for (size_t i = 0; (text = side_item("alpn", i, NULL)) != NULL; i++) {
        must(tls_options_add_alpn(options, text, strlen(text)), text);
    }
    must(tls_options_set_client_certificate_mode(options, client_certificate_mode()), "client_certificate");
    if (side_is("validation", "automatic")) {
        must(tls_options_set_certificate_validation(options, SPANTLS_VALIDATION_AUTOMATIC), "validation");
    }
    if (side_text("allow_resume") != NULL) {
        must(tls_options_set_allow_resume(options, side_flag("allow_resume")), "allow_resume");
    }
    must(is_server ? tls_context_create_server(options, &made) : tls_context_create_client(options, &made), "context");
    tls_options_destroy(options);
    return made;
}

static void make_contexts(void) {
    const char *name, *host;
    while ((name = side_item("sni_contexts", num_contexts, &host)) != NULL) {
        if (num_contexts == sizeof contexts / sizeof *contexts) {
            misuse("too many contexts");
        }
        contexts[num_contexts].host = host;
        contexts[num_contexts].credentials = name;
        contexts[num_contexts++].context = make_context(name);
    }
    if (num_contexts > 0) {
        must(tls_context_create_server(NULL, &context), "a context without options");
    } else {
        context = make_context(side_text(is_server ? "credentials" : "preset_credentials"));
    }
}

/* "reject:N" as an alert; -1 for anything else. */
static int alert_of(const char *path) {
    const char *text = side_text(path);
    return text != NULL && strncmp(text, "reject:", 7) == 0 ? atoi(text + 7) : -1;
}

static tls_status_t choose_context(tls_session_t *session) {
    char name[256];
    size_t len;
    must(tls_session_target_host_name(session, name, sizeof name, &len), "server name");
    for (size_t i = 0; i < num_contexts; i++) {
        if (strcmp(contexts[i].host, name) == 0) {
            answers_with = contexts[i].credentials;
            return tls_session_set_server_context(session, contexts[i].context);
        }
    }
    const int alert = alert_of("unknown_name");
    return tls_session_reject(session, alert < 0 ? SPANTLS_ALERT_UNRECOGNIZED_NAME : (uint8_t)alert);
}

static tls_status_t give_credentials(tls_session_t *session) {
    const char *answer = side_text("on_credentials");
    const int alert = alert_of("on_credentials");
    if (alert >= 0) {
        return tls_session_reject(session, (uint8_t)alert);
    }
    if (answer == NULL || strcmp(answer, "decline") == 0) {
        return tls_session_set_client_credentials(session, NULL);
    }
    if (strncmp(answer, "present:", 8) != 0) {
        misuse("on_credentials: %s", answer);
    }
    answers_with = answer + 8;
    tls_credentials_t *credentials = credentials_of(answers_with);
    const tls_status_t status = tls_session_set_client_credentials(session, credentials);
    tls_credentials_destroy(credentials);
    return status;
}

static tls_status_t judge(tls_session_t *session) {
    const char *verdict = side_text("verdict");
    const int alert = alert_of("verdict");
    if (alert >= 0) {
        return tls_session_reject_certificate(session, (uint8_t)alert);
    }
    if (verdict != NULL && strcmp(verdict, "accept") == 0) {
        return tls_session_set_certificate_validation_result(session, 0);
    }
    const tls_status_t status = tls_session_accept_with_default_validation(session, NULL);
    /* A refusal is told by the next call, which sends the alert. */
    return status == TLS_STATUS_AUTHENTICATION_FAILED ? TLS_STATUS_COMPLETE : status;
}

static tls_status_t sign(tls_session_t *session) {
    static uint8_t text[1 << 16];
    uint8_t signature[1024];
    uint16_t scheme;
    size_t len, signature_len = sizeof signature;
    const int alert = alert_of("on_signature");
    if (alert >= 0) {
        return tls_session_reject(session, (uint8_t)alert);
    }
    must(tls_session_signature_request(session, &scheme, text, sizeof text, &len), "signature request");
    const int family = scheme >> 8, low = scheme & 0xff;
    const int bits = family == 8 ? low - 4 : family - 4; /* 0, 1, 2: SHA-256, SHA-384, SHA-512 */
    const EVP_MD *hash = scheme == SPANTLS_SCHEME_ED25519 ? NULL : bits == 0 ? EVP_sha256() : bits == 1
        ? EVP_sha384() : EVP_sha512();
    EVP_PKEY *key = key_of(answers_with);
    EVP_MD_CTX *signer = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    bool done = EVP_DigestSignInit(signer, &parameters, hash, NULL, key) == 1;
    if (family == 8 && low <= 6) {
        done = done && EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    done = done && EVP_DigestSign(signer, signature, &signature_len, text, len) == 1;
    EVP_MD_CTX_free(signer);
    EVP_PKEY_free(key);
    if (!done) {
        misuse("libcrypto does not sign with scheme 0x%04x", scheme);
    }
    return tls_session_set_signature(session, signature, signature_len);
}

/* Answers a question; false if the status is none. */
static bool answered(outcome_t *outcome, tls_session_t *session, tls_status_t status) {
    tls_status_t (*answer)(tls_session_t *) = NULL;
    switch (status) {
        case TLS_STATUS_NEEDS_SERVER_OPTIONS: answer = choose_context; break;
        case TLS_STATUS_WANT_CREDENTIALS: answer = give_credentials; break;
        case TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION: answer = judge; break;
        case TLS_STATUS_NEEDS_SIGNATURE: answer = sign; break;
        default: return false;
    }
    const char *name = tls_status_name(status) + strlen("TLS_STATUS_");
    if (outcome->num_questions < sizeof outcome->questions / sizeof *outcome->questions) {
        outcome->questions[outcome->num_questions++] = name;
    }
    must(answer(session), name);
    return true;
}

static void sha256(const uint8_t *data, size_t len, char *out) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_Digest(data, len, digest, &size, EVP_sha256(), NULL) != 1) {
        misuse("libcrypto does not hash");
    }
    hex(digest, size, out);
}

static void learn(outcome_t *outcome, const tls_session_t *session) {
    static const char label[] = "EXPERIMENTAL spantls";
    static uint8_t leaf[1 << 16];
    uint8_t value[64];
    size_t len, count;
    outcome->version = tls_session_negotiated_protocol(session);
    outcome->suite = tls_session_negotiated_cipher_suite(session);
    outcome->resumed = (tls_session_state(session) & SPANTLS_STATE_RESUMED) != 0;
    must(tls_session_negotiated_alpn(session, outcome->alpn, ALPN_ROOM - 1, &len), "ALPN");
    must(tls_session_remote_certificate_count(session, &count), "certificates");
    if (count > 0) {
        must(tls_session_remote_certificate(session, 0, leaf, sizeof leaf, &len), "leaf");
        sha256(leaf, len, outcome->leaf);
    }
    must(tls_session_export_keying_material(session, label, sizeof label - 1, NULL, 0, value, 16),
         "exporter");
    hex(value, 16, outcome->exporter);
    if (tls_session_channel_binding(session, SPANTLS_CHANNEL_BINDING_ENDPOINT, value, sizeof value, &len) == 0) {
        hex(value, len, outcome->end_point);
    }
}

/* Reads `len` bytes of plaintext; false if the session ends before. */
static bool read_all(outcome_t *outcome, wire_t *wire, uint8_t *room, size_t len) {
    while (len > 0) {
        size_t count = 0;
        const tls_status_t status = wire_read(wire, room, len, &count);
        if (answered(outcome, wire->session, status)) {
            continue;
        }
        if (status != TLS_STATUS_COMPLETE) {
            outcome->failed = status;
            return false;
        }
        room += count;
        len -= count;
    }
    return true;
}

static bool write_all(outcome_t *outcome, wire_t *wire, const uint8_t *data, size_t len) {
    const tls_status_t status = wire_write(wire, data, len);
    if (status < 0 && status != TLS_STATUS_IO_ERROR) {
        outcome->failed = status;
        return false;
    }
    return true; /* of a broken socket reading tells more */
}

/* The client's message: the text, or bytes that count from 0 to 250 again and again. */
static uint8_t *message(size_t *len) {
    const char *text = side_text("send");
    *len = text != NULL ? strlen(text) : (size_t)side_number("send/size", 0);
    uint8_t *made = malloc(*len + 1);
    for (size_t i = 0; made != NULL && i < *len; i++) {
        made[i] = text != NULL ? (uint8_t)text[i] : (uint8_t)(i % 251);
    }
    return made != NULL ? made : (misuse("no memory"), NULL);
}

static bool exchange(outcome_t *outcome, wire_t *wire) {
    size_t len;
    uint8_t *sent = message(&len), *got = malloc(len + 1);
    if (got == NULL) {
        misuse("no memory");
    }
    bool fine = true;
    if (is_server) {
        fine = read_all(outcome, wire, got, len);
        if (fine && side_flag("post_handshake_auth")) {
            outcome->post_handshake = tls_status_name(wire_request_certificate(wire));
        }
    }
    if (fine && side_flag("update_keys")) {
        const tls_status_t status = wire_update_keys(wire);
        outcome->failed = status < 0 ? status : outcome->failed;
        fine = status >= 0;
    }
    fine = fine && write_all(outcome, wire, is_server ? got : sent, len);
    if (!is_server) {
        fine = fine && read_all(outcome, wire, got, len);
    }
    if (fine && len > 0) {
        sha256(got, len, outcome->echoed);
    }
    free(sent);
    free(got);
    return fine;
}

static void read_to_the_end(outcome_t *outcome, wire_t *wire) {
    uint8_t room[4096];
    size_t count;
    tls_status_t status;
    do {
        status = wire_read(wire, room, sizeof room, &count);
    } while (status == TLS_STATUS_COMPLETE || answered(outcome, wire->session, status));
    const char *name = tls_status_name(status);
    outcome->end = strchr(name, '_') != NULL ? strchr(strchr(name, '_') + 1, '_') + 1 : name;
    if (status < 0 && status != TLS_STATUS_TRUNCATED) {
        outcome->failed = status;
    }
}

/* Who says close_notify: both, one side alone, or nobody (the client's connection just ends). The client speaks first,
 * unless it is the server that closes alone. */
static void end(outcome_t *outcome, wire_t *wire) {
    const bool both = side_text("close") == NULL || side_is("close", "both");
    if (!is_server && side_is("close", "abort")) {
        return;
    }
    const bool first = side_is("close", is_server ? "server" : "client") || (both && !is_server);
    if (first) {
        const tls_status_t status = wire_close(wire);
        outcome->failed = status < 0 ? status : outcome->failed;
    }
    read_to_the_end(outcome, wire);
    if (both && is_server && outcome->failed == 0) {
        const tls_status_t status = wire_close(wire);
        outcome->failed = status < 0 ? status : outcome->failed;
    }
}

static void converse(outcome_t *outcome, int fd) {
    static wire_t wire;
    memset(&wire, 0, sizeof wire);
    wire.fd = fd;
    wire.bound = side_flag("socket");
    wire.chunk = (size_t)side_number("chunk", 1 << 20);
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        misuse("a socket that cannot be non-blocking");
    }
    must(wire.bound ? tls_session_create_with_socket(context, fd, SPANTLS_SOCKET_BORROW, &wire.session)
                    : tls_session_create(context, &wire.session), "session");
    if (!is_server && side_text("name") != NULL) {
        must(tls_session_set_target_host_name(wire.session, side_text("name")), side_text("name"));
    }
    tls_status_t status;
    do {
        status = wire_handshake(&wire);
    } while (answered(outcome, wire.session, status));
    size_t len;
    must(tls_session_target_host_name(wire.session, outcome->sni, sizeof outcome->sni, &len), "server name");
    if (status == TLS_STATUS_COMPLETE) {
        learn(outcome, wire.session);
        if (exchange(outcome, &wire)) {
            end(outcome, &wire);
        }
    } else {
        outcome->failed = status;
    }
    outcome->error = (spantls_error_t){.struct_size = sizeof outcome->error};
    must(tls_session_error(wire.session, &outcome->error), "error");
    wire_linger(&wire);
    close(fd);
    tls_session_destroy(wire.session);
}

static void print_text(const char *name, const char *text) {
    printf(", \"%s\": ", name);
    if (text == NULL || *text == '\0') {
        printf("null");
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            putchar('\\');
        }
        putchar(*text);
    }
    putchar('"');
}

static void print_alert(const char *name, bool there, int32_t alert) {
    if (there && alert > 0) {
        printf(", \"%s\": %d", name, alert);
    } else {
        printf(", \"%s\": null", name);
    }
}

static void print(const outcome_t *outcome) {
    const bool failed = outcome->failed != 0;
    printf("{\"status\": \"%s\"", failed ? "failed" : "ok");
    print_text("error", failed ? tls_status_name(outcome->failed) : NULL);
    print_alert("alert_sent", failed, outcome->error.alert_sent);
    print_alert("alert_received", failed, outcome->error.alert_received);
    print_text("version", outcome->version == 0 ? NULL : outcome->version == SPANTLS_PROTOCOL_TLS12 ? "1.2" : "1.3");
    printf(", \"suite\": %u, \"resumed\": %s", outcome->suite, outcome->resumed ? "true" : "false");
    print_text("alpn", outcome->alpn);
    print_text("sni", outcome->sni);
    print_text("peer_leaf_sha256", outcome->leaf);
    printf(", \"suspensions\": [");
    for (size_t i = 0; i < outcome->num_questions; i++) {
        printf("%s\"%s\"", i == 0 ? "" : ", ", outcome->questions[i]);
    }
    printf("]");
    print_text("echoed_sha256", outcome->echoed);
    print_text("exporter_hex", outcome->exporter);
    print_text("tls_server_end_point", outcome->end_point);
    print_text("end", outcome->end);
    print_text("post_handshake", outcome->post_handshake);
    printf("}");
}

static int listen_here(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        misuse("cannot listen: %s", strerror(errno));
    }
    printf("{\"port\": %u}\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static int next_connection(int listener) {
    if (is_server) {
        wire_wait(listener, POLLIN);
        return accept(listener, NULL, NULL);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)side_number("port", 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* One side of a scenario. */
static void play(void) {
    static outcome_t outcomes[16];
    memset(outcomes, 0, sizeof outcomes);
    answers_with = NULL;
    make_contexts();
    const int listener = is_server ? listen_here() : -1;
    const long connections = side_number("connections", 1);
    if (connections < 1 || connections > 16) {
        misuse("1 to 16 connections");
    }
    for (long i = 0; i < connections; i++) {
        const int fd = next_connection(listener);
        if (fd < 0) {
            misuse("no connection: %s", strerror(errno));
        }
        converse(&outcomes[i], fd);
    }
    printf("{\"connections\": [");
    for (long i = 0; i < connections; i++) {
        printf("%s", i == 0 ? "" : ", ");
        print(&outcomes[i]);
    }
    printf("]}\n");
    fflush(stdout);
    if (is_server) {
        close(listener);
    }
    while (num_contexts > 0) {
        tls_context_destroy(contexts[--num_contexts].context);
    }
    tls_context_destroy(context);
}

int main(int argc, char **argv) {
    is_server = argc == 2 && strcmp(argv[1], "server") == 0;
    if (argc != 2 || (!is_server && strcmp(argv[1], "client") != 0)) {
        misuse("usage: runner server|client");
    }
    while (side_read()) {
        play();
    }
    return 0;
}

/*
 * spantls, by the calls of its header over spans.
 *
 * way=once: a resumed session keeps the verdict of its first handshake (`tls_options_set_validate_on_resume()`), as it is with
 * the other libraries; by default spantls judges the chain again. way=deferred: the server's context is chosen when the
 * ClientHello is there. way=socket: the server's session is bound to its socket.
 */
#include "peer.h"

#include <spantls.h>
#include <stdio.h>
#include <string.h>

static tls_context_t *client_context, *server_context, *start_context;
static bool judged_once, on_sockets;
static unsigned long received;

static void must(tls_status_t status, const char *what) {
    spantls_error_t error = {.struct_size = sizeof error};
    if (status >= 0)
        return;
    if (spantls_last_error(&error) != TLS_STATUS_COMPLETE)
        fail("%s", what);
    fail("%s: %s: %s", what, tls_status_name(status), error.message);
}

static void session_failed(tls_session_t *session, tls_status_t status, const char *what) {
    spantls_error_t error = {.struct_size = sizeof error};
    must(tls_session_error(session, &error), "tls_session_error");
    fail("%s: %s: %s", what, tls_status_name(status), error.message);
}

const char *peer_version(void) {
    static char version[64];
    snprintf(version, sizeof version, "spantls %s", spantls_version());
    return version;
}

unsigned long peer_tickets(void) { return received; }

static tls_options_t *make_options(const struct peer_settings *settings) {
    tls_options_t *options;
    /* In TLS 1.2 the list also limits the curves of certificates, for some of the others. */
    const uint16_t groups[] = {settings->group, SPANTLS_GROUP_SECP256R1};
    must(tls_options_create(&options), "tls_options_create");
    must(tls_options_set_cipher_suites(options, &settings->suite, 1), "tls_options_set_cipher_suites");
    must(tls_options_set_groups(options, groups, settings->tls13 ? 1 : 2), "tls_options_set_groups");
    must(tls_options_add_trust_anchors_file(options, settings->root), "tls_options_add_trust_anchors_file");
    must(tls_options_set_certificate_validation(options, SPANTLS_VALIDATION_AUTOMATIC), "tls_options_set_certificate_validation");
    must(tls_options_set_validate_on_resume(options, !judged_once), "tls_options_set_validate_on_resume");
    must(tls_options_set_ticket_count(options, PEER_TICKETS), "tls_options_set_ticket_count");
    return options;
}

static void use_credentials(tls_options_t *options, const char *chain, const char *key) {
    tls_credentials_t *credentials;
    must(tls_credentials_create_file(chain, key, NULL, &credentials), "tls_credentials_create_file");
    must(tls_options_set_credentials(options, credentials), "tls_options_set_credentials");
    tls_credentials_destroy(credentials);
}

bool peer_open(const struct peer_settings *settings) {
    bool deferred = settings->way && strcmp(settings->way, "deferred") == 0;
    on_sockets = settings->way && strcmp(settings->way, "socket") == 0;
    judged_once = settings->way && strcmp(settings->way, "once") == 0;
    if (settings->way && !deferred && !on_sockets && !judged_once)
        return false;
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
    tls_context_destroy(start_context);
    start_context = NULL;
    tls_options_t *client = make_options(settings), *server = make_options(settings);
    must(tls_options_set_allow_resume(client, settings->resume), "tls_options_set_allow_resume");
    use_credentials(server, settings->server_chain, settings->server_key);
    if (settings->mutual) {
        use_credentials(client, settings->client_chain, settings->client_key);
        must(tls_options_set_client_certificate_mode(server, SPANTLS_CLIENT_CERTIFICATE_REQUIRE),
             "tls_options_set_client_certificate_mode");
    }
    must(tls_context_create_client(client, &client_context), "tls_context_create_client");
    must(tls_context_create_server(server, &server_context), "tls_context_create_server");
    if (deferred)
        must(tls_context_create_server(NULL, &start_context), "tls_context_create_server");
    tls_options_destroy(client);
    tls_options_destroy(server);
    return true;
}

void *peer_new(bool server) {
    tls_session_t *session;
    tls_context_t *context = !server ? client_context : start_context ? start_context : server_context;
    must(LIB(tls_session_create(context, &session)), "tls_session_create");
    if (!server)
        must(LIB(tls_session_set_target_host_name(session, PEER_HOST)), "tls_session_set_target_host_name");
    return session;
}

void *peer_new_on_socket(int socket) {
    tls_session_t *session;
    must(LIB(tls_session_create_with_socket(server_context, socket, SPANTLS_SOCKET_BORROW, &session)), "tls_session_create_with_socket");
    return session;
}

static bool handshake_on_socket(tls_session_t *session) {
    tls_status_t status = LIB(tls_session_socket_handshake(session));
    if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_READ)
        session_failed(session, status, "tls_session_socket_handshake");
    return status == TLS_STATUS_COMPLETE;
}

bool peer_handshake(void *session, uint8_t *in, size_t in_len, uint8_t *out, size_t out_cap, size_t *written) {
    size_t consumed;
    if (on_sockets && !out)
        return handshake_on_socket(session);
    tls_status_t status = LIB(tls_session_handshake(session, in, in_len, out, out_cap, &consumed, written));
    if (status == TLS_STATUS_NEEDS_SERVER_OPTIONS) {
        size_t before = consumed, written_before = *written;
        must(LIB(tls_session_set_server_context(session, server_context)), "tls_session_set_server_context");
        status = LIB(tls_session_handshake(session, in + before, in_len - before, out + written_before,
                                           out_cap - written_before, &consumed, written));
        consumed += before;
        *written += written_before;
    }
    if ((status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_READ) || consumed != in_len)
        session_failed(session, status, "tls_session_handshake");
    return status == TLS_STATUS_COMPLETE;
}

size_t peer_encrypt(void *session, const uint8_t *text, size_t text_len, uint8_t *out, size_t out_cap) {
    size_t consumed, written;
    if (on_sockets && !out) {
        if (LIB(tls_session_socket_write(session, text, text_len, &written)) != TLS_STATUS_COMPLETE)
            fail("tls_session_socket_write");
        return 0;
    }
    tls_status_t status = LIB(tls_session_encrypt(session, text, text_len, out, out_cap, &consumed, &written));
    if (status != TLS_STATUS_COMPLETE || consumed != text_len)
        session_failed(session, status, "tls_session_encrypt");
    return written;
}

size_t peer_decrypt(void *session, uint8_t *in, size_t in_len, uint8_t *text, size_t text_cap) {
    size_t len = 0;
    while (in_len > 0) {
        size_t consumed, written;
        tls_status_t status = LIB(tls_session_decrypt(session, in, in_len, text + len, text_cap - len, &consumed, &written));
        if (status != TLS_STATUS_COMPLETE)
            session_failed(session, status, "tls_session_decrypt");
        in += consumed;
        in_len -= consumed;
        len += written;
    }
    return len;
}

struct peer_facts peer_facts(void *session) {
    size_t verified;
    uint32_t state = tls_session_state(session);
    spantls_session_stats_t stats = {.struct_size = sizeof stats};
    must(tls_session_verified_certificate_count(session, &verified), "tls_session_verified_certificate_count");
    must(tls_session_stats(session, &stats), "tls_session_stats");
    received += stats.tickets_received;
    bool resumed = state & SPANTLS_STATE_RESUMED;
    return (struct peer_facts){
        .tls13 = tls_session_negotiated_protocol(session) == SPANTLS_PROTOCOL_TLS13,
        .suite = tls_session_negotiated_cipher_suite(session),
        .group = tls_session_negotiated_group(session),
        .resumed = resumed,
        .judged = verified > 0 || (resumed && judged_once),
    };
}

void peer_free(void *session) { LIB(tls_session_destroy(session)); }

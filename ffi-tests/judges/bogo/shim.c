/*
 * shim FLAG...: what BoringSSL's test runner drives in place of its own library. It speaks TLS by the functions of spantls.h
 * alone: connects to the runner once for each connection of a test, does what the flags say, and exits with 0 if everything was as
 * they say, 89 if they need something that is not here, else 1, with the session's error record on stderr.
 */

#include "checks.h"
#include "decode.h"
#include "link.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls on options and contexts. What they refuse is refused for the runner's connection too. */
static void must(tls_status_t status) {
    spantls_error_t error = {.struct_size = sizeof error};
    if (status != TLS_STATUS_COMPLETE) {
        (void)spantls_last_error(&error);
        fprintf(stderr, "shim: %s: %s\n", tls_status_name(status), error.message);
        exit(1);
    }
}

static tls_credentials_t *load(const credential_t *files) {
    tls_credentials_t *credentials = NULL;
    must(tls_credentials_create_file(files->chain, files->key, NULL, &credentials));
    must(tls_credentials_set_ocsp_response(credentials, files->ocsp_response.data, files->ocsp_response.len));
    return credentials;
}

static uint32_t protocols(const config_t *config) {
    uint32_t bits = 0;
    if (!config->no_tls12 && config->min_version <= 0x0303 && (config->max_version == 0 || config->max_version >= 0x0303)) {
        bits |= SPANTLS_PROTOCOL_TLS12;
    }
    if (!config->no_tls13 && (config->max_version == 0 || config->max_version >= 0x0304)) {
        bits |= SPANTLS_PROTOCOL_TLS13;
    }
    if (bits == 0) {
        unimplemented("max-version", "below TLS 1.2");
    }
    return bits;
}

static void set_groups(tls_options_t *options, const list_t *groups) {
    for (size_t i = 0; i < groups->count; i++) {
        if (strcmp(spantls_group_name(groups->ids[i]), "unknown") == 0 ||
            tls_options_set_groups(options, &groups->ids[i], 1) != TLS_STATUS_COMPLETE) {
            unimplemented("curves", spantls_group_name(groups->ids[i]));
        }
    }
    must(tls_options_set_groups(options, groups->ids, groups->count));
}

static void set_policy(tls_options_t *options, policy_t policy) {
    static const uint16_t suites[] = {SPANTLS_SUITE_AES_256_GCM_SHA384,
                                      SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                      SPANTLS_SUITE_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                      SPANTLS_SUITE_AES_128_GCM_SHA256,
                                      SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                      SPANTLS_SUITE_ECDHE_RSA_WITH_AES_128_GCM_SHA256};
    static const uint16_t groups[] = {SPANTLS_GROUP_SECP384R1, SPANTLS_GROUP_SECP256R1, SPANTLS_GROUP_X25519MLKEM768};
    if (policy != NO_POLICY) {
        must(tls_options_set_cipher_suites(options, suites, policy == AES_256_P_384 ? 3 : 6));
        must(tls_options_set_groups(options, groups, policy == AES_256_P_384 ? 1 : policy == FIPS_2022 ? 2 : 3));
    }
}

static void set_server(tls_options_t *options, const config_t *config) {
    /* Tickets of one connection open in the next, on another context, unless the runner wants the contexts distinguished. */
    char secret[128] = "the same for all of our contexts";
    strncat(secret, config->ticket_context != NULL ? config->ticket_context : "", sizeof secret - strlen(secret) - 1);
    const spantls_ticket_root_t root = {secret, sizeof secret, 0, INT64_MAX};
    must(tls_options_set_ticket_roots(options, &root, 1));
    if (config->skip_ticket) {
        must(tls_options_set_ticket_count(options, 0));
    }
    must(tls_options_set_client_certificate_mode(options, config->require_any_client_certificate ? SPANTLS_CLIENT_CERTIFICATE_REQUIRE
                                                          : config->verify_peer ? SPANTLS_CLIENT_CERTIFICATE_REQUEST
                                                                                : SPANTLS_CLIENT_CERTIFICATE_NONE));
    if (config->select_alpn != NULL) {
        must(tls_options_add_alpn(options, config->select_alpn, strlen(config->select_alpn)));
    } else if (config->reject_alpn) {
        must(tls_options_add_alpn(options, "no protocol", 11));
    }
}

/* With several, the library chooses; the default one comes last, as in BoringSSL. */
static void add_credentials(tls_options_t *options, const config_t *config) {
    for (size_t i = 1; i <= config->num_credentials + 1; i++) {
        const credential_t *files = &config->credentials[i <= config->num_credentials ? i : 0];
        if (files->chain != NULL) {
            tls_credentials_t *credentials = load(files);
            if (config->decline_ocsp) {
                must(tls_credentials_set_ocsp_response(credentials, NULL, 0));
            }
            must(tls_options_add_credentials(options, credentials));
            tls_credentials_destroy(credentials);
        }
    }
}

/* Whether a client answers with its credentials when it is asked. */
static bool answers_on_demand(const config_t *config) {
    return !config->server && config->num_credentials == 0 &&
           (config->async || config->old_client_cert || config->fail_cert || config->expect_client_cas != NULL ||
            config->expect_peer_schemes.count > 0);
}

static tls_context_t *make_context(const config_t *config) {
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    must(tls_options_create(&options));
    must(tls_options_set_protocols(options, protocols(config)));
    set_groups(options, &config->groups);
    must(tls_options_set_cipher_suites(options, config->tls13_suites.ids, config->tls13_suites.count));
    set_policy(options, config->policy);
    must(tls_options_set_allow_resume(options, !config->no_ticket));
    must(tls_options_set_validate_on_resume(options, config->reverify_on_resume));
    must(tls_options_set_max_fragment_size(options, (size_t)config->max_send_fragment));
    must(tls_options_set_keep_client_hello(options, 1));
    must(tls_options_set_certificate_requests(options, answers_on_demand(config) ? SPANTLS_CERTIFICATE_REQUESTS_SUSPEND
                                                                                 : SPANTLS_CERTIFICATE_REQUESTS_DECLINE));
    if (config->trust_anchor != NULL && *config->trust_anchor != '\0') {
        must(tls_options_add_trust_anchors_file(options, config->trust_anchor));
    }
    if (!answers_on_demand(config)) {
        add_credentials(options, config);
    }
    if (config->server) {
        set_server(options, config);
        must(tls_context_create_server(options, &context));
    } else {
        must(tls_context_create_client(options, &context));
    }
    tls_options_destroy(options);
    return context;
}

static void set_client(link_t *link) {
    const config_t *config = link->config;
    /* Tickets are kept under a name. An address is not sent. */
    must(tls_session_set_target_host_name(link->session, config->host_name != NULL ? config->host_name : "127.0.0.1"));
    const char *at = config->advertise_alpn;
    while (at != NULL && *at != '\0') {
        must(tls_session_add_alpn(link->session, at + 1, (uint8_t)*at));
        at += 1 + (uint8_t)*at;
    }
    if (answers_on_demand(config) && config->credentials[0].chain != NULL) {
        link->on_demand = load(&config->credentials[0]);
    }
}

static bool asks_for_context(const config_t *config) {
    return config->async || config->use_early || config->fail_early || config->fail_ddos || config->fail_cert || config->fail_ocsp ||
           config->expect_advertised_alpn != NULL || config->expect_peer_schemes.count > 0;
}

static void set_blocking(int fd, bool blocking) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0) {
        misuse("fcntl");
    }
}

static void open_link(link_t *link, tls_context_t *context) {
    const config_t *config = link->config;
    const bool asks = config->server && asks_for_context(config);
    if (asks) {
        link->chosen = context;
        must(tls_context_create_server(NULL, &context));
    }
    link->fd = connect_to_runner(config);
    if (config->bound) {
        set_blocking(link->fd, !config->async);
        must(tls_session_create_with_socket(context, link->fd, SPANTLS_SOCKET_BORROW, &link->session));
    } else {
        must(tls_session_create(context, &link->session));
    }
    if (asks) {
        tls_context_destroy(context);
    }
    if (!config->server) {
        set_client(link);
    }
}

/* --- The connection --------------------------------------------------------------------------------------------------------- */

/* The error record, in the words that bogo.toml compares. */
static _Noreturn void fail(link_t *link, tls_status_t status) {
    spantls_error_t error = {.struct_size = sizeof error};
    link_finish(link);
    if (tls_session_error(link->session, &error) == TLS_STATUS_COMPLETE) {
        fprintf(stderr, "spantls: %s; sent %s, received %s: %s\n", tls_status_name(status),
                error.alert_sent < 0 ? "nothing" : spantls_alert_name((uint8_t)error.alert_sent),
                error.alert_received < 0 ? "nothing" : spantls_alert_name((uint8_t)error.alert_received), error.message);
    }
    exit(1);
}

static void expect(link_t *link, tls_status_t status, tls_status_t expected) {
    if (status < 0) {
        fail(link, status);
    }
    if (status != expected) {
        wrong(link, tls_status_name(status));
    }
}

static void export_material(link_t *link, bool sends) {
    const config_t *config = link->config;
    uint8_t material[2048];
    const size_t len = sends ? (size_t)config->export_len : 1;
    const char *context = config->export_context != NULL ? config->export_context : "";
    const char *label = sends ? config->export_label : "shim";
    expect(link, tls_session_export_keying_material(link->session, label, strlen(label), config->use_export_context ? context : NULL,
                                                    strlen(context), material, len), TLS_STATUS_COMPLETE);
    if (sends) {
        expect(link, link_write(link, material, len), TLS_STATUS_COMPLETE);
    }
}

static void send_tls_unique(link_t *link) {
    uint8_t value[64];
    size_t len = 0;
    const bool resumed = (tls_session_state(link->session) & SPANTLS_STATE_RESUMED) != 0;
    /* As the header says. In the first session of two a host may still take it. */
    if (resumed && !tls_session_is_channel_binding_sound(link->session)) {
        wrong(link, "the channel binding is not sound");
    }
    expect(link, tls_session_channel_binding(link->session, SPANTLS_CHANNEL_BINDING_UNIQUE, value, sizeof value, &len),
           TLS_STATUS_COMPLETE);
    expect(link, link_write(link, value, len), TLS_STATUS_COMPLETE);
}

static void write_sizes(link_t *link) {
    static const size_t sizes[] = {0, 1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769};
    static uint8_t data[32769];
    memset(data, 0x42, sizeof data);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        expect(link, link_write(link, data, sizes[i]), TLS_STATUS_COMPLETE);
    }
}

static void write_first(link_t *link) {
    const config_t *config = link->config;
    const size_t len = strlen(config->initial_write);
    if (config->unfinished_write) {
        expect(link, link_write_unfinished(link, config->initial_write, len), TLS_STATUS_COMPLETE);
    } else if (config->shim_writes_first) {
        for (int64_t i = 0; i < config->repeat_write; i++) {
            expect(link, link_write(link, config->initial_write, len), TLS_STATUS_COMPLETE);
        }
    }
}

/* Sends everything back with each bit inverted, until the runner closes. */
static tls_status_t echo(link_t *link) {
    const config_t *config = link->config;
    static uint8_t data[1 << 16];
    const size_t cap = config->read_size > 0 ? (size_t)config->read_size : 512;
    for (;;) {
        size_t len = 0;
        if (config->key_update_before_read) {
            expect(link, link_update_keys(link), TLS_STATUS_COMPLETE);
        }
        const tls_status_t status = link_read(link, data, cap, &len);
        if (status != TLS_STATUS_COMPLETE) {
            return status;
        }
        if (config->export_between_reads) {
            export_material(link, false);
        }
        if (config->key_update) {
            expect(link, link_update_keys(link), TLS_STATUS_COMPLETE);
        }
        for (size_t i = 0; i < len; i++) {
            data[i] ^= 0xff;
        }
        expect(link, link_write(link, data, len), TLS_STATUS_COMPLETE);
    }
}

/* Unless the runner asks for it, it may end the connection without close_notify. */
static void close_link(link_t *link, tls_status_t status) {
    const bool strict = link->config->check_close_notify;
    if (status != TLS_STATUS_CLOSED && (strict || status != TLS_STATUS_TRUNCATED)) {
        fail(link, status);
    }
    const tls_status_t closed = link_shutdown(link);
    if (closed < 0 && strict) {
        fail(link, closed);
    }
}

static void shut_down_first(link_t *link) {
    uint8_t data[512];
    size_t len = 0;
    expect(link, link_shutdown(link), TLS_STATUS_CLOSED);
    if (link->config->check_close_notify) {
        const tls_status_t status = link_read(link, data, sizeof data, &len);
        if (status == TLS_STATUS_COMPLETE) {
            wrong(link, "application data instead of close_notify");
        }
        expect(link, status, TLS_STATUS_CLOSED);
    }
}

static void exchange(link_t *link) {
    const config_t *config = link->config;
    expect(link, link_handshake(link), TLS_STATUS_COMPLETE);
    check_handshake(link);
    if (config->handshake_again) {
        expect(link, link_handshake(link), TLS_STATUS_COMPLETE);
    }
    if (config->export_len > 0) {
        export_material(link, true);
    }
    if (config->tls_unique) {
        send_tls_unique(link);
    }
    tls_status_t status = TLS_STATUS_TRUNCATED;
    if (config->different_sizes) {
        write_sizes(link);
    } else {
        write_first(link);
        status = config->shim_shuts_down ? status : echo(link);
    }
    if (status == TLS_STATUS_CLOSED || status == TLS_STATUS_TRUNCATED) {
        check_end(link);
    }
    if (config->shim_shuts_down) {
        shut_down_first(link);
    } else {
        close_link(link, config->different_sizes ? TLS_STATUS_CLOSED : status);
    }
}

/* A client's tickets are in its context. A context is only made anew if its options differ. */
static bool same_context(const config_t *a, const config_t *b) {
    return !a->server && a->min_version == b->min_version && a->max_version == b->max_version && a->no_tls12 == b->no_tls12 &&
           a->no_tls13 == b->no_tls13 && a->no_ticket == b->no_ticket && memcmp(&a->groups, &b->groups, sizeof a->groups) == 0 &&
           memcmp(&a->tls13_suites, &b->tls13_suites, sizeof a->tls13_suites) == 0;
}

int main(int argc, char **argv) {
    config_t configs[2];
    if (strcmp(argv[argc - 1], "-is-handshaker-supported") == 0) {
        puts("No");
        return 0;
    }
    read_flags(argc, argv, &configs[0], &configs[1]);
    tls_context_t *context = NULL;
    for (int64_t i = 0; i <= configs[0].resume_count; i++) {
        static link_t link;
        const config_t *config = &configs[i > 0];
        if (context == NULL || !same_context(&configs[0], config)) {
            tls_context_destroy(context);
            context = make_context(config);
        }
        link = (link_t){.config = config, .is_resumption = i > 0, .fd = -1};
        open_link(&link, context);
        exchange(&link);
        link_finish(&link);
        tls_session_destroy(link.session);
        tls_credentials_destroy(link.on_demand);
    }
    tls_context_destroy(context);
    return 0;
}

/*
 * A TLS server with several tenants behind one port. Each has a name, a certificate and a greeting; which of them a
 * client gets is decided when its ClientHello is there.
 *
 *     sni_server [options] name chain.pem key.pem [name chain.pem key.pem ...]     (see usage() for the options)
 *
 * It prints "listening on 127.0.0.1 PORT" on standard output, and on standard error who came, how each client can be
 * recognised (JA4), and what became of it. Behind the greeting everything that a client sends is sent back.
 */
#define _POSIX_C_SOURCE 200809L

#include "connections.h"
#include "report.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_TENANTS 16

struct tenant {
    const char *name;
    tls_context_t *context;
};

struct server {
    struct server_settings settings;
    const char *default_name; /* for clients that ask for nobody; NULL: they are refused */
    struct tenant tenants[MAX_TENANTS];
    size_t num_tenants;
    const struct tenant *default_tenant;
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [options] name chain.pem key.pem [name chain.pem key.pem ...]\n"
            "  --default NAME                      tenant for clients that name nobody (default: they are refused)\n"
            "  --alpn NAME                         application protocol to accept; repeat it for more\n"
            "  --tls 1.2|1.3                       only this version\n"
            SERVER_USAGE,
            program);
    return 2;
}

/* ---- the ClientHello ---- */

/* What a stranger has sent goes to a terminal as visible ASCII only. */
static void print_text(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; ++i)
        fputc(text[i] > ' ' && text[i] <= '~' ? text[i] : '?', stderr);
}

/* The list of RFC 7301 section 3.1: one byte of length before each name. The library has checked that it is whole. */
static void print_alpn(const uint8_t *list, size_t len)
{
    for (size_t at = 0; at < len; at += 1 + (size_t)list[at]) {
        fputs(at > 0 ? "," : "", stderr);
        print_text(list + at + 1, list[at]);
    }
}

/* Says what the ClientHello asks for. Its parts are offsets into the message, so the message is fetched first. */
static tls_status_t report_client_hello(const char *label, const tls_session_t *session)
{
    spantls_client_hello_info_t info = {.struct_size = sizeof info};
    char ja4[37];
    size_t ja4_len = 0;
    size_t len = 0;

    tls_status_t status = tls_session_client_hello(session, NULL, 0, &len);
    if (status != TLS_STATUS_BUFFER_TOO_SMALL)
        return status;
    uint8_t *message = malloc(len);
    if (message == NULL)
        return TLS_STATUS_OUT_OF_RESOURCES;
    status = tls_session_client_hello(session, message, len, &len);
    if (status == TLS_STATUS_COMPLETE)
        status = tls_session_client_hello_info(session, &info);
    if (status == TLS_STATUS_COMPLETE)
        status = tls_session_ja4(session, ja4, sizeof ja4, &ja4_len);
    if (status == TLS_STATUS_COMPLETE) {
        fprintf(stderr, "%s: asks for ", label);
        print_text(message + info.server_name.offset, info.server_name.len);
        fputs(info.server_name.len > 0 ? ", offers " : "nobody, offers ", stderr);
        print_alpn(message + info.alpn.offset, info.alpn.len);
        fprintf(stderr, "%s, JA4 %.*s\n", info.alpn.len > 0 ? "" : "no protocol", (int)ja4_len, ja4);
    }
    free(message);
    return status;
}

/* ---- the choice ---- */

/* Host names are compared without regard to case (RFC 4343). */
static const struct tenant *find_tenant(const struct server *server, const char *name, size_t name_len)
{
    for (size_t i = 0; i < server->num_tenants; ++i) {
        const struct tenant *tenant = &server->tenants[i];
        if (strlen(tenant->name) == name_len && strncasecmp(tenant->name, name, name_len) == 0)
            return tenant;
    }
    return NULL;
}

/* Gives the session its tenant, or turns the client away. */
static tls_status_t choose(const struct server *server, struct connection *connection)
{
    tls_session_t *session = connection->channel.session;
    struct buffer *plaintext = &connection->plaintext;
    char name[256]; /* a DNS name has at most 253 characters; no tenant has a longer one */
    size_t name_len = 0;

    tls_status_t status = tls_session_target_host_name(session, name, sizeof name, &name_len);
    if (status == TLS_STATUS_BUFFER_TOO_SMALL)
        return tls_session_reject(session, SPANTLS_ALERT_UNRECOGNIZED_NAME);
    if (status != TLS_STATUS_COMPLETE)
        return status;
    const struct tenant *tenant = name_len > 0 ? find_tenant(server, name, name_len) : server->default_tenant;
    if (tenant == NULL) /* RFC 8446 section 9.2 on clients without a name, RFC 6066 section 3 on unknown names */
        return tls_session_reject(session, name_len > 0 ? SPANTLS_ALERT_UNRECOGNIZED_NAME
                                                        : SPANTLS_ALERT_MISSING_EXTENSION);
    status = tls_session_set_server_context(session, tenant->context);
    if (status != TLS_STATUS_COMPLETE)
        return status;
    /* It waits there until the handshake is complete. */
    size_t room = buffer_room(plaintext);
    int greeting_len = snprintf(buffer_tail(plaintext), room, "Welcome to %s!\n", tenant->name);
    if (greeting_len > 0 && (size_t)greeting_len < room)
        buffer_add(plaintext, (size_t)greeting_len);
    return TLS_STATUS_COMPLETE;
}

/* Here nobody has to be asked, so the answer is given at once; it could as well come later. */
static void answer_question(const struct server *server, struct connection *connection)
{
    tls_status_t status = report_client_hello(connection->label, connection->channel.session);

    if (status == TLS_STATUS_COMPLETE)
        status = choose(server, connection);
    connection_answered(connection, status);
}

static bool serve_all(const struct server *server, tls_context_t *undecided)
{
    struct connections connections;

    if (!connections_open(&connections, &server->settings, undecided))
        return false;
    while (connections_step(&connections, NULL)) {
        for (size_t i = 0; i < connections.count; ++i) {
            if (connections.all[i]->question == TLS_STATUS_NEEDS_SERVER_OPTIONS)
                answer_question(server, connections.all[i]);
        }
    }
    return connections_close(&connections);
}

/* ---- settings ---- */

static bool parse_option(int option, const char *value, struct server *server, tls_options_t *options)
{
    switch (option) {
    case 'd':
        server->default_name = value;
        return true;
    case 'p':
        return add_alpn(options, value);
    case 'v':
        return set_version(options, value);
    default:
        return parse_server_option(option, value, &server->settings);
    }
}

static bool parse_options(int argc, char **argv, struct server *server, tls_options_t *options)
{
    static const struct option known[] = {
        {"default", required_argument, NULL, 'd'},
        {"alpn", required_argument, NULL, 'p'},
        {"tls", required_argument, NULL, 'v'},
        SERVER_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!parse_option(option, optarg, server, options))
            return false;
    }
    return argc > optind && (argc - optind) % 3 == 0 && (argc - optind) / 3 <= MAX_TENANTS;
}

/* A context copies the options, so one set serves for all tenants, with other credentials each time. */
static bool add_tenant(struct server *server, tls_options_t *options, char **arguments)
{
    struct tenant *tenant = &server->tenants[server->num_tenants];
    tls_credentials_t *credentials = NULL;

    tenant->name = arguments[0];
    bool added = succeeded(arguments[1], tls_credentials_create_file(arguments[1], arguments[2], NULL, &credentials)) &&
                 succeeded(tenant->name, tls_options_set_credentials(options, credentials)) &&
                 succeeded(tenant->name, tls_context_create_server(options, &tenant->context));
    tls_credentials_destroy(credentials);
    server->num_tenants += added ? 1 : 0;
    return added;
}

static bool add_tenants(struct server *server, tls_options_t *options, int count, char **arguments)
{
    for (int i = 0; i < count; i += 3) {
        if (!add_tenant(server, options, arguments + i))
            return false;
    }
    if (server->default_name == NULL)
        return true;
    server->default_tenant = find_tenant(server, server->default_name, strlen(server->default_name));
    if (server->default_tenant == NULL)
        fprintf(stderr, "--default: there is no tenant %s\n", server->default_name);
    return server->default_tenant != NULL;
}

int main(int argc, char **argv)
{
    static struct server server = {.settings = SERVER_DEFAULTS};
    tls_options_t *options = NULL;
    tls_context_t *undecided = NULL;

    if (!succeeded("options", tls_options_create(&options)))
        return EXIT_FAILURE;
    if (!parse_options(argc, argv, &server, options)) {
        tls_options_destroy(options);
        return usage(argv[0]);
    }
    bool done = add_tenants(&server, options, argc - optind, argv + optind) &&
                succeeded("context", tls_context_create_server(NULL, &undecided)) && serve_all(&server, undecided);
    tls_options_destroy(options);
    tls_context_destroy(undecided);
    for (size_t i = 0; i < server.num_tenants; ++i)
        tls_context_destroy(server.tenants[i].context);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * A TLS server that asks its clients for a certificate only when they request something private (RFC 8446 section
 * 4.6.2), and serves everything else to anybody.
 *
 *     delayed_certificate_server [options] --ca FILE chain.pem key.pem     (see usage() for the options)
 *
 * A request is a line, and so is its answer:
 *
 *     GET /          welcome
 *     GET /private   CN=client-p256    for a client with a certificate: its subject
 *                    refused           for one without, or that cannot be asked (TLS 1.2, not offered)
 *
 * A client whose certificate the default validation refuses gets its alert. While the client makes up its mind, its
 * other requests are answered.
 */
#define _POSIX_C_SOURCE 200809L

#include "connections.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    struct server_settings server;
    bool has_anchors;
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [options] --ca FILE chain.pem key.pem\n"
            "  --ca FILE                           trust anchors for client certificates\n"
            "  --alpn NAME                         application protocol to accept; repeat it for more\n"
            "  --tls 1.2|1.3                       only this version\n"
            SERVER_USAGE,
            program);
    return 2;
}

/* ---- what is said of a client ---- */

static void say(struct connection *connection, const char *line)
{
    struct buffer *plaintext = &connection->plaintext;
    size_t len = strlen(line);

    buffer_compact(plaintext);
    if (buffer_room(plaintext) < len + 1) {
        connection->discarded = true;
        return;
    }
    memcpy(buffer_tail(plaintext), line, len);
    buffer_add(plaintext, len);
    memcpy(buffer_tail(plaintext), "\n", 1);
    buffer_add(plaintext, 1);
}

static void answer_private(struct connection *connection)
{
    char subject[2048];
    size_t len = 0;
    tls_status_t status = tls_session_remote_certificate_text(connection->channel.session, 0, SPANTLS_CERTIFICATE_SUBJECT, 0,
                                                              subject, sizeof subject, &len);

    if (status == TLS_STATUS_COMPLETE)
        say(connection, subject);
    else if (status == TLS_STATUS_BUFFER_TOO_SMALL)
        say(connection, "a long subject");
    else /* the client has shown no certificate */
        say(connection, "refused");
}

/* ---- requests ---- */

static void serve_private(struct connection *connection)
{
    uint32_t state = tls_session_state(connection->channel.session);

    if ((state & SPANTLS_STATE_CERTIFICATE_REQUESTED) != 0)
        return; /* the answer to the first request answers this one, too */
    if ((state & SPANTLS_STATE_CERTIFICATE_ANSWERED) != 0) {
        answer_private(connection);
        return;
    }
    tls_status_t status = channel_request_certificate(&connection->channel);
    if (status == TLS_STATUS_COMPLETE)
        fprintf(stderr, "%s: asked for a certificate\n", connection->label);
    else
        say(connection, "refused");
}

static void serve_line(struct connection *connection, const char *line)
{
    if (strncmp(line, "GET /private", 12) == 0)
        serve_private(connection);
    else
        say(connection, "welcome");
}

/* Takes lines off what was received; what is longer than any request is cut. */
static void serve_lines(struct connection *connection)
{
    struct buffer received = connection->plaintext;
    const uint8_t *bytes = buffer_front(&received);

    buffer_drop(&connection->plaintext, buffer_len(&connection->plaintext));
    for (size_t i = 0; i < buffer_len(&received); i++) {
        if (bytes[i] != '\n') {
            if (connection->line_len < sizeof connection->line - 1)
                connection->line[connection->line_len++] = (char)bytes[i];
            continue;
        }
        connection->line[connection->line_len] = 0;
        connection->line_len = 0;
        serve_line(connection, connection->line);
    }
}

/* The client has answered. If it is refused, going on ends the connection. */
static void judge(struct connection *connection)
{
    tls_status_t status = channel_judge(&connection->channel);

    if (status == TLS_STATUS_COMPLETE && (tls_session_state(connection->channel.session) & SPANTLS_STATE_FAILED) == 0)
        answer_private(connection);
    connection_answered(connection, status);
}

/* ---- the program ---- */

static bool parse_option(int option, const char *value, struct settings *settings, tls_options_t *options)
{
    switch (option) {
    case 'a':
        settings->has_anchors = true;
        return succeeded(value, tls_options_add_trust_anchors_file(options, value));
    case 'p':
        return add_alpn(options, value);
    case 'v':
        return set_version(options, value);
    default:
        return parse_server_option(option, value, &settings->server);
    }
}

static bool parse_arguments(int argc, char **argv, struct settings *settings, tls_options_t *options)
{
    static const struct option known[] = {
        {"ca", required_argument, NULL, 'a'},
        {"alpn", required_argument, NULL, 'p'},
        {"tls", required_argument, NULL, 'v'},
        SERVER_OPTIONS,
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!parse_option(option, optarg, settings, options))
            return false;
    }
    return settings->has_anchors && argc - optind == 2;
}

static tls_context_t *make_context(tls_options_t *options, const char *chain, const char *key)
{
    tls_credentials_t *credentials = NULL;
    tls_context_t *context = NULL;
    bool made = succeeded(chain, tls_credentials_create_file(chain, key, NULL, &credentials)) &&
                succeeded("credentials", tls_options_set_credentials(options, credentials)) &&
                succeeded("context", tls_context_create_server(options, &context));

    tls_credentials_destroy(credentials);
    return made ? context : NULL;
}

static bool serve_all(const struct settings *settings, tls_context_t *context)
{
    struct connections connections;

    if (!connections_open(&connections, &settings->server, context))
        return false;
    connections.received = serve_lines;
    while (connections_step(&connections, NULL)) {
        for (size_t i = 0; i < connections.count; i++) {
            if (connections.all[i]->question == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION)
                judge(connections.all[i]);
        }
    }
    return connections_close(&connections);
}

int main(int argc, char **argv)
{
    struct settings settings = {.server = SERVER_DEFAULTS};
    tls_options_t *options = NULL;

    if (!succeeded("options", tls_options_create(&options)))
        return EXIT_FAILURE;
    if (!parse_arguments(argc, argv, &settings, options)) {
        tls_options_destroy(options);
        return usage(argv[0]);
    }
    tls_context_t *context = make_context(options, argv[optind], argv[optind + 1]);
    tls_options_destroy(options); /* the context has copied them */
    bool done = context != NULL && serve_all(&settings, context);
    tls_context_destroy(context);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

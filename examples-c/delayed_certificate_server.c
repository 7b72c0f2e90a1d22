/*
 * A TLS server that asks its clients for a certificate only when they request something private (RFC 8446 section
 * 4.6.2), and serves everything else to anybody.
 *
 *     delayed_certificate_server [options] --ca FILE chain.pem key.pem     (see usage() for the options)
 *
 * A request is a line, and so is its answer:
 *
 *     GET /          welcome
 *     GET /private   subject: 24 bytes      for a client with a certificate (the DER of its subject)
 *                    refused                for one without, or that cannot be asked (TLS 1.2, not offered)
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

/* Reads the head of a DER element: its content's length, or false. */
static bool read_head(const uint8_t **der, const uint8_t *end, uint8_t *tag, size_t *len)
{
    const uint8_t *at = *der;
    size_t bytes = 0;

    if (end - at < 2)
        return false;
    *tag = *at++;
    *len = *at++;
    if (*len >= 0x80) {
        bytes = *len - 0x80;
        if (bytes == 0 || bytes > 3 || (size_t)(end - at) < bytes)
            return false;
        for (*len = 0; bytes > 0; bytes--)
            *len = *len << 8 | *at++;
    }
    *der = at;
    return (size_t)(end - at) >= *len;
}

/* The length of a certificate's subject (RFC 5280 section 4.1), or 0. */
static size_t subject_len(const uint8_t *der, size_t der_len)
{
    const uint8_t *end = der + der_len;
    uint8_t tag = 0;
    size_t len = 0;

    /* Certificate, then TBSCertificate. */
    if (!read_head(&der, end, &tag, &len) || !read_head(&der, end, &tag, &len))
        return 0;
    /* The version, which is not always there, serial number, signature, issuer, validity, and the subject. */
    for (int element = 0; element < 6; element++) {
        const uint8_t *start = der;
        if (!read_head(&der, end, &tag, &len))
            return 0;
        if (element == 0 && tag != 0xA0)
            element++;
        der += len;
        if (element == 5)
            return (size_t)(der - start);
    }
    return 0;
}

static void say(struct connection *connection, const char *line)
{
    struct buffer *plaintext = &connection->plaintext;
    size_t len = strlen(line);

    buffer_compact(plaintext);
    if (buffer_room(plaintext) < len) {
        connection->discarded = true;
        return;
    }
    memcpy(buffer_tail(plaintext), line, len);
    buffer_add(plaintext, len);
}

static void answer_private(struct connection *connection)
{
    uint8_t leaf[4096];
    size_t leaf_len = 0;
    char line[64];
    tls_status_t status =
        tls_session_remote_certificate(connection->channel.session, 0, leaf, sizeof leaf, &leaf_len);

    if (status != TLS_STATUS_COMPLETE) {
        say(connection, "refused\n"); /* there is none, or it is one for the books */
        return;
    }
    snprintf(line, sizeof line, "subject: %zu bytes\n", subject_len(leaf, leaf_len));
    say(connection, line);
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
        say(connection, "refused\n");
}

static void serve_line(struct connection *connection, const char *line)
{
    if (strncmp(line, "GET /private", 12) == 0)
        serve_private(connection);
    else
        say(connection, "welcome\n");
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

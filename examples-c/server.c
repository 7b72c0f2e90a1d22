/*
 * A TLS echo server on the loopback address: many connections in one thread, nothing ever waits for one of them.
 *
 *     server [options] chain.pem key.pem     (see usage() for the options)
 *
 * It prints "listening on 127.0.0.1 PORT" on standard output, and on standard error what becomes of each connection.
 */
#define _POSIX_C_SOURCE 200809L

#include "connections.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    struct server_settings server;
    int32_t client_certificates; /* a SPANTLS_CLIENT_CERTIFICATE_ value */
    bool has_anchors;
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [options] chain.pem key.pem\n"
            "  --ca FILE                           trust anchors for client certificates\n"
            "  --client-cert none|request|require  whether to ask clients for one (default: none)\n"
            "  --alpn NAME                         application protocol to accept; repeat it for more\n"
            "  --tls 1.2|1.3                       only this version\n"
            SERVER_USAGE,
            program);
    return 2;
}

/* ---- settings ---- */

static bool parse_client_certificates(const char *mode, int32_t *out_mode)
{
    if (strcmp(mode, "none") == 0)
        *out_mode = SPANTLS_CLIENT_CERTIFICATE_NONE;
    else if (strcmp(mode, "request") == 0)
        *out_mode = SPANTLS_CLIENT_CERTIFICATE_REQUEST;
    else if (strcmp(mode, "require") == 0)
        *out_mode = SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
    else
        return false;
    return true;
}

static bool parse_option(int option, const char *value, struct settings *settings, tls_options_t *options)
{
    switch (option) {
    case 'a':
        settings->has_anchors = true;
        return succeeded(value, tls_options_add_trust_anchors_file(options, value));
    case 'c':
        return parse_client_certificates(value, &settings->client_certificates);
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
        {"client-cert", required_argument, NULL, 'c'},
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
    /* Without anchors the default validation trusts no client at all: certainly not what was meant. */
    if (settings->client_certificates != SPANTLS_CLIENT_CERTIFICATE_NONE && !settings->has_anchors) {
        fputs("--client-cert needs --ca\n", stderr);
        return false;
    }
    return argc - optind == 2;
}

static tls_context_t *make_context(tls_options_t *options, int32_t client_certificates, const char *chain,
                                   const char *key)
{
    tls_credentials_t *credentials = NULL;
    tls_context_t *context = NULL;
    bool made = succeeded(chain, tls_credentials_create_file(chain, key, NULL, &credentials)) &&
                succeeded("credentials", tls_options_set_credentials(options, credentials)) &&
                succeeded("client certificates",
                          tls_options_set_client_certificate_mode(options, client_certificates)) &&
                succeeded("context", tls_context_create_server(options, &context));

    tls_credentials_destroy(credentials);
    return made ? context : NULL;
}

/* ---- the program ---- */

static bool serve_all(const struct settings *settings, tls_context_t *context)
{
    struct connections connections;

    if (!connections_open(&connections, &settings->server, context))
        return false;
    /* A context with credentials and a key asks nothing that the channel could not answer: no questions here. */
    while (connections_step(&connections, NULL))
        ;
    return connections_close(&connections);
}

int main(int argc, char **argv)
{
    struct settings settings = {.server = SERVER_DEFAULTS, .client_certificates = SPANTLS_CLIENT_CERTIFICATE_NONE};
    tls_options_t *options = NULL;

    if (!succeeded("options", tls_options_create(&options)))
        return EXIT_FAILURE;
    if (!parse_arguments(argc, argv, &settings, options)) {
        tls_options_destroy(options);
        return usage(argv[0]);
    }
    tls_context_t *context =
        make_context(options, settings.client_certificates, argv[optind], argv[optind + 1]);
    tls_options_destroy(options); /* the context has copied them */
    bool done = context != NULL && serve_all(&settings, context);
    tls_context_destroy(context);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

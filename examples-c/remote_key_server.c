/*
 * A TLS echo server that does not have its private key: another process has it, and signs (see signer.h). While a
 * signature is under way the handshake that wants it is suspended, and all other connections go on.
 *
 *     remote_key_server [options] chain.pem key.pem     (see usage() for the options)
 *
 *     clients <--- sockets ---> this process <--- a pair of sockets ---> the signer: key.pem
 *                               chain.pem         scheme + message, signature
 *
 * It prints "listening on 127.0.0.1 PORT" on standard output, and on standard error what becomes of each connection.
 * RSA, ECDSA and Ed25519 keys will do.
 */
#define _POSIX_C_SOURCE 200809L

#include "connections.h"
#include "report.h"
#include "signer.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct server {
    struct server_settings settings;
    struct connections connections;
    struct signer signer;
    struct buffer requests; /* not yet taken by the signer's socket */
    struct buffer replies;  /* received, not yet a whole one */
    size_t outstanding;     /* requests without a reply */
    bool signer_gone;
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [options] chain.pem key.pem\n"
            "  --alpn NAME                         application protocol to accept; repeat it for more\n"
            "  --tls 1.2|1.3                       only this version\n"
            SERVER_USAGE,
            program);
    return 2;
}

/* ---- questions and answers ---- */

/* A handshake that gets no signature ends with the alert internal_error. */
static void give_up(struct connection *connection)
{
    connection_answered(connection, tls_session_set_signature(connection->channel.session, NULL, 0));
}

/* NEEDS_SIGNATURE: asks the signer. If there is no room for the request now, the question waits in its session. */
static void ask(struct server *server, struct connection *connection)
{
    struct signer_request request;
    size_t len = 0;

    buffer_compact(&server->requests);
    if (buffer_room(&server->requests) < sizeof request)
        return;
    memset(&request, 0, sizeof request);
    tls_status_t status = tls_session_signature_request(connection->channel.session, &request.scheme, request.message,
                                                        sizeof request.message, &len);
    if (status != TLS_STATUS_COMPLETE) {
        report_failure(connection->label, connection->channel.session, status);
        give_up(connection);
        return;
    }
    request.number = connection->number;
    request.message_len = (uint16_t)len;
    memcpy(buffer_tail(&server->requests), &request, sizeof request);
    buffer_add(&server->requests, sizeof request);
    connection->passed_on = true;
    server->outstanding += 1;
    fprintf(stderr, "%s: wants a signature with scheme 0x%04X; signatures outstanding: %zu\n", connection->label,
            (unsigned)request.scheme, server->outstanding);
}

/* Asks for what has not been asked for. */
static void ask_all(struct server *server)
{
    for (size_t i = 0; i < server->connections.count; ++i) {
        struct connection *connection = server->connections.all[i];
        if (connection->question != TLS_STATUS_NEEDS_SIGNATURE)
            continue;
        if (server->signer_gone)
            give_up(connection);
        else if (!connection->passed_on)
            ask(server, connection);
    }
}

/* The connection that wants this signature; NULL if it has ended since, by its time limit. */
static struct connection *find_asker(const struct server *server, uint64_t number)
{
    for (size_t i = 0; i < server->connections.count; ++i) {
        struct connection *connection = server->connections.all[i];
        if (connection->number == number && connection->question == TLS_STATUS_NEEDS_SIGNATURE)
            return connection;
    }
    return NULL;
}

/* Gives a signature to the handshake that waits for it. */
static void take_reply(struct server *server, const struct signer_reply *reply)
{
    struct connection *connection = find_asker(server, reply->number);

    server->outstanding -= 1;
    if (connection == NULL)
        return;
    tls_session_t *session = connection->channel.session;
    size_t len = reply->signature_len <= sizeof reply->signature ? reply->signature_len : 0;
    tls_status_t status = tls_session_set_signature(session, reply->signature, len);
    if (status != TLS_STATUS_INVALID_ARGUMENT) {
        connection_answered(connection, status);
        return;
    }
    /* It is no signature by this certificate's key. That answers nothing, so the question is still open. */
    report_failure(connection->label, session, status);
    give_up(connection);
}

/* ---- the signer's socket ---- */

/* Without a signer there can be no new handshakes; open connections need it no more. */
static void lose_signer(struct server *server, const char *why)
{
    fprintf(stderr, "server: the signer has gone: %s\n", why);
    server->signer_gone = true;
}

static void send_requests(struct server *server)
{
    struct buffer *requests = &server->requests;

    while (buffer_len(requests) > 0 && !server->signer_gone) {
        ssize_t sent = send(server->signer.socket, buffer_front(requests), buffer_len(requests), MSG_NOSIGNAL);
        if (sent >= 0)
            buffer_drop(requests, (size_t)sent);
        else if (errno != EINTR)
            return; /* full, or broken: of that receive_replies() will hear, and know what to do */
    }
}

static void receive_replies(struct server *server)
{
    struct buffer *replies = &server->replies;
    struct signer_reply reply;

    buffer_compact(replies);
    ssize_t got = recv(server->signer.socket, buffer_tail(replies), buffer_room(replies), 0);
    if (got > 0)
        buffer_add(replies, (size_t)got);
    else if (got == 0)
        lose_signer(server, "it has closed its end");
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        lose_signer(server, strerror(errno));
    while (buffer_len(replies) >= sizeof reply) {
        memcpy(&reply, buffer_front(replies), sizeof reply);
        buffer_drop(replies, sizeof reply);
        take_reply(server, &reply);
    }
}

/* ---- the program ---- */

/* One poll() waits for the clients and for the signer; nothing here waits for one of them alone. */
static bool serve_all(struct server *server, tls_context_t *context)
{
    struct pollfd signer = {.fd = server->signer.socket, .events = POLLIN};

    if (!connections_open(&server->connections, &server->settings, context))
        return false;
    while (connections_step(&server->connections, &signer)) {
        if (signer.revents != 0)
            receive_replies(server);
        ask_all(server);
        send_requests(server);
        signer.fd = server->signer_gone ? -1 : server->signer.socket; /* poll() skips negative ones */
        signer.events = buffer_len(&server->requests) > 0 ? POLLIN | POLLOUT : POLLIN;
    }
    return connections_close(&server->connections);
}

/* The server's half: the chain, and what the signer can do with the key. */
static tls_context_t *make_context(tls_options_t *options, const char *chain_path, const struct signer_offer *offer)
{
    tls_credentials_t *credentials = NULL;
    tls_context_t *context = NULL;
    size_t chain_len = 0;
    char *chain = read_file(chain_path, &chain_len);

    if (chain == NULL)
        return NULL;
    bool made = succeeded(chain_path, tls_credentials_create_external(chain, chain_len, offer->schemes,
                                                                      offer->num_schemes, &credentials)) &&
                succeeded("credentials", tls_options_set_credentials(options, credentials)) &&
                succeeded("context", tls_context_create_server(options, &context));
    tls_credentials_destroy(credentials);
    free(chain);
    return made ? context : NULL;
}

static bool parse_option(int option, const char *value, struct server *server, tls_options_t *options)
{
    switch (option) {
    case 'p':
        return add_alpn(options, value);
    case 'v':
        return set_version(options, value);
    default:
        return parse_server_option(option, value, &server->settings);
    }
}

static bool parse_arguments(int argc, char **argv, struct server *server, tls_options_t *options)
{
    static const struct option known[] = {
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
    return argc - optind == 2;
}

/* Starts the signer first: what is opened later it does not inherit. */
static bool start(struct server *server, tls_options_t *options, const char *chain_path, const char *key_path)
{
    if (!signer_start(&server->signer, key_path))
        return false;
    tls_context_t *context = make_context(options, chain_path, &server->signer.offer);
    bool done = context != NULL && set_non_blocking(server->signer.socket) && serve_all(server, context);
    tls_context_destroy(context);
    return signer_stop(&server->signer) && done;
}

int main(int argc, char **argv)
{
    static struct server server = {.settings = SERVER_DEFAULTS};
    tls_options_t *options = NULL;

    if (!succeeded("options", tls_options_create(&options)))
        return EXIT_FAILURE;
    bool done = false;
    bool understood = parse_arguments(argc, argv, &server, options);
    if (understood)
        done = start(&server, options, argv[optind], argv[optind + 1]);
    tls_options_destroy(options);
    if (!understood)
        return usage(argv[0]);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

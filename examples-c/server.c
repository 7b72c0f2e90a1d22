/*
 * A TLS echo server on the loopback address: many connections in one thread, nothing ever waits for one of them.
 *
 *     server [options] chain.pem key.pem     (see usage() for the options)
 *
 * It prints "listening on 127.0.0.1 PORT" on standard output, and on standard error what becomes of each connection.
 */
#define _POSIX_C_SOURCE 200809L

#include "channel.h"
#include "settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* More clients than this wait in the listener's queue until others have ended. */
#define MAX_CONNECTIONS 256

struct settings {
    unsigned long port;
    unsigned long connections; /* end after so many; 0: never */
    unsigned long timeout;
    int32_t client_certificates; /* a TLS_CLIENT_CERTIFICATE_ value */
    bool has_anchors;
    bool summary;
};

struct connection {
    struct channel channel;
    struct buffer plaintext; /* received, not yet sent back */
    bool discarded;          /* some of it could not be sent back */
    char label[32];
};

struct server {
    const struct settings *settings;
    tls_context_t *context;
    int listener;
    struct connection **connections; /* `count` of them, with room for `room` */
    struct pollfd *polls;            /* the listener, then one for each connection: one more than `room` */
    size_t count;
    size_t room;
    unsigned long accepted;
    unsigned long served;
    int64_t idle_since; /* when the last connection ended */
    bool exhausted;     /* out of descriptors or memory: no new connections until one has ended */
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [options] chain.pem key.pem\n"
            "  --port N                            port to listen on (default: 0, the system chooses)\n"
            "  --ca FILE                           trust anchors for client certificates\n"
            "  --client-cert none|request|require  whether to ask clients for one (default: none)\n"
            "  --alpn NAME                         application protocol to accept; repeat it for more\n"
            "  --tls 1.2|1.3                       only this version\n"
            "  --connections N                     end after N connections (default: 0, never)\n"
            "  --timeout SECONDS                   for a handshake, for a connection on which nothing moves, and for\n"
            "                                      a server that has no connection (default: 60)\n"
            "  --summary                           a line for scripts on standard error for each connection\n",
            program);
    return 2;
}

/* ---- settings ---- */

static bool parse_client_certificates(const char *mode, int32_t *out_mode)
{
    if (strcmp(mode, "none") == 0)
        *out_mode = TLS_CLIENT_CERTIFICATE_NONE;
    else if (strcmp(mode, "request") == 0)
        *out_mode = TLS_CLIENT_CERTIFICATE_REQUEST;
    else if (strcmp(mode, "require") == 0)
        *out_mode = TLS_CLIENT_CERTIFICATE_REQUIRE;
    else
        return false;
    return true;
}

static bool parse_option(int option, const char *value, struct settings *settings, tls_options_t *options)
{
    switch (option) {
    case 'P':
        return parse_number(value, 0, 65535, &settings->port);
    case 'a':
        settings->has_anchors = true;
        return succeeded(value, tls_options_add_trust_anchors_file(options, value));
    case 'c':
        return parse_client_certificates(value, &settings->client_certificates);
    case 'p':
        return add_alpn(options, value);
    case 'v':
        return set_version(options, value);
    case 'n':
        return parse_number(value, 0, 1000000000, &settings->connections);
    case 't':
        return parse_number(value, 1, 86400, &settings->timeout);
    case 'S':
        settings->summary = true;
        return true;
    default:
        return false;
    }
}

static bool parse_arguments(int argc, char **argv, struct settings *settings, tls_options_t *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'P'},        {"ca", required_argument, NULL, 'a'},
        {"client-cert", required_argument, NULL, 'c'}, {"alpn", required_argument, NULL, 'p'},
        {"tls", required_argument, NULL, 'v'},         {"connections", required_argument, NULL, 'n'},
        {"timeout", required_argument, NULL, 't'},     {"summary", no_argument, NULL, 'S'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!parse_option(option, optarg, settings, options))
            return false;
    }
    /* Without anchors the default validation trusts no client at all: certainly not what was meant. */
    if (settings->client_certificates != TLS_CLIENT_CERTIFICATE_NONE && !settings->has_anchors) {
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
    bool made = succeeded(chain, tls_credentials_create_file(chain, key, &credentials)) &&
                succeeded("credentials", tls_options_set_credentials(options, credentials)) &&
                succeeded("client certificates",
                          tls_options_set_client_certificate_mode(options, client_certificates)) &&
                succeeded("context", tls_context_create_server(options, &context));

    tls_credentials_destroy(credentials);
    return made ? context : NULL;
}

/* ---- one connection ---- */

/* Seals what was received. What the protocol does not let us send any more is dropped, and remembered. */
static tls_status_t send_back(struct connection *connection)
{
    struct buffer *plaintext = &connection->plaintext;

    if (buffer_len(plaintext) == 0)
        return TLS_STATUS_COMPLETE;
    if (channel_can_seal(&connection->channel))
        return channel_seal(&connection->channel, plaintext);
    connection->discarded = true;
    buffer_drop(plaintext, buffer_len(plaintext));
    return TLS_STATUS_COMPLETE;
}

/*
 * PHASE_OPEN: sends back what was received. Nothing is opened while there is output that the client has not taken, so
 * a client that does not read fills its own pipe and not our memory.
 */
static void echo(struct connection *connection)
{
    struct channel *channel = &connection->channel;

    for (;;) {
        tls_status_t sealed = send_back(connection);
        if (sealed != TLS_STATUS_COMPLETE && sealed != TLS_STATUS_WANT_WRITE) {
            channel_fail(channel, sealed);
            return;
        }
        if (buffer_len(&channel->outbox) > 0)
            return; /* back-pressure: we come by again when the socket has taken it */

        tls_status_t opened = channel_open(channel, &connection->plaintext);
        if (buffer_len(&connection->plaintext) > 0)
            continue; /* that goes first; a status that ends the conversation repeats */
        switch (opened) {
        case TLS_STATUS_COMPLETE:
        case TLS_STATUS_WANT_WRITE: /* the session holds the rest of a record: now there is room */
            break;
        case TLS_STATUS_WANT_READ:
            return;
        case TLS_STATUS_CLOSED:
            channel->phase = PHASE_CLOSING;
            return;
        default:
            channel_fail(channel, opened);
            return;
        }
    }
}

/* PHASE_CLOSING: the client has sent its close_notify and gets ours. */
static void answer_close(struct connection *connection)
{
    struct channel *channel = &connection->channel;
    tls_status_t status = channel_shutdown(channel);

    if (status == TLS_STATUS_CLOSED)
        channel_finish(channel, connection->discarded ? ENDING_EARLY : ENDING_CLEAN);
    else if (status != TLS_STATUS_WANT_WRITE)
        channel_fail(channel, status);
}

/* Does what can be done now. Each part may lead to the next one at once: no new event would announce it. */
static void go_on(struct connection *connection)
{
    struct channel *channel = &connection->channel;

    if (channel->phase == PHASE_HANDSHAKE)
        channel_handshake(channel);
    if (channel->phase == PHASE_OPEN)
        echo(connection);
    if (channel->phase == PHASE_CLOSING)
        answer_close(connection);
    if (channel->phase == PHASE_LINGER)
        channel_linger(channel);
}

/* Reading goes on only when there is nothing left to write. Lingering reads too, to throw it away. */
static bool wants_input(const struct connection *connection)
{
    return connection->channel.phase == PHASE_LINGER ||
           (buffer_len(&connection->channel.outbox) == 0 && buffer_len(&connection->plaintext) == 0);
}

static void serve(struct connection *connection, short events, int64_t timeout_ms)
{
    struct channel *channel = &connection->channel;
    uint64_t moved_before = channel->bytes_moved;

    if ((events & (POLLIN | POLLERR | POLLHUP)) != 0)
        channel_receive(channel);
    if (events != 0) {
        do {
            go_on(connection);
        } while (channel_send(channel));
    }
    /* A peer that trickles its handshake, or its end, does not gain time by that. */
    if (channel->phase == PHASE_OPEN && channel->bytes_moved != moved_before)
        channel->deadline = monotonic_ms() + timeout_ms;
    channel_expire(channel, monotonic_ms());
}

static void connection_destroy(struct connection *connection)
{
    channel_destroy(&connection->channel);
    free(connection);
}

/* ---- all connections ---- */

/* Makes room for one connection more, and for its place in the poll table. */
static bool grow(struct server *server)
{
    size_t room = server->room == 0 ? 8 : 2 * server->room;

    if (server->count < server->room)
        return true;
    struct connection **connections = realloc(server->connections, room * sizeof *connections);
    if (connections == NULL)
        return false;
    server->connections = connections;
    struct pollfd *polls = realloc(server->polls, (room + 1) * sizeof *polls);
    if (polls == NULL)
        return false;
    server->polls = polls;
    server->room = room;
    return true;
}

static int64_t timeout_ms(const struct server *server)
{
    return (int64_t)server->settings->timeout * 1000;
}

/* Takes over the descriptor, even when it fails. */
static bool add_connection(struct server *server, int fd)
{
    tls_session_t *session = NULL;
    struct connection *connection = NULL;

    if (set_non_blocking(fd) && grow(server))
        connection = calloc(1, sizeof *connection);
    if (connection == NULL || !succeeded("session", tls_session_create(server->context, &session))) {
        fputs("server: no room for another connection\n", stderr);
        free(connection);
        close(fd);
        return false;
    }
    snprintf(connection->label, sizeof connection->label, "connection %lu", ++server->accepted);
    channel_init(&connection->channel, connection->label, fd, session, monotonic_ms() + timeout_ms(server));
    server->connections[server->count++] = connection;
    return true;
}

static bool accepts_more(const struct server *server)
{
    return !server->exhausted && server->count < MAX_CONNECTIONS &&
           (server->settings->connections == 0 || server->accepted < server->settings->connections);
}

static void accept_waiting(struct server *server)
{
    while (accepts_more(server)) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue; /* that client has gone again */
        if (fd < 0)
            perror("accepting a connection");
        if (fd < 0 || !add_connection(server, fd))
            server->exhausted = true;
    }
}

static void remove_finished(struct server *server)
{
    for (size_t i = server->count; i-- > 0;) {
        struct connection *connection = server->connections[i];
        if (connection->channel.phase != PHASE_DONE)
            continue;
        if (server->settings->summary)
            channel_print_summary(&connection->channel);
        connection_destroy(connection);
        server->connections[i] = server->connections[--server->count];
        server->served += 1;
        server->idle_since = monotonic_ms();
        server->exhausted = false;
    }
}

static void fill_polls(struct server *server)
{
    /* Negative descriptors are skipped by poll(). */
    server->polls[0] = (struct pollfd){.fd = accepts_more(server) ? server->listener : -1, .events = POLLIN};
    for (size_t i = 0; i < server->count; ++i) {
        const struct connection *connection = server->connections[i];
        server->polls[i + 1] = (struct pollfd){
            .fd = connection->channel.socket,
            .events = channel_events(&connection->channel, wants_input(connection)),
        };
    }
}

static int64_t next_deadline(const struct server *server)
{
    int64_t next = INT64_MAX;

    if (server->count == 0)
        return server->idle_since + timeout_ms(server);
    for (size_t i = 0; i < server->count; ++i) {
        int64_t deadline = server->connections[i]->channel.deadline;
        if (deadline < next)
            next = deadline;
    }
    return next;
}

/* Serves until enough connections were served, or nobody comes; true for the former. */
static bool run(struct server *server)
{
    unsigned long wanted = server->settings->connections;

    while (wanted == 0 || server->served < wanted) {
        if (server->count == 0 && monotonic_ms() >= next_deadline(server)) {
            fputs("server: no connections, ending\n", stderr);
            return wanted == 0;
        }
        fill_polls(server);
        if (poll(server->polls, (nfds_t)(server->count + 1), milliseconds_until(next_deadline(server))) < 0) {
            if (errno == EINTR)
                continue; /* the events are not valid then */
            perror("poll");
            return false;
        }
        for (size_t i = 0; i < server->count; ++i)
            serve(server->connections[i], server->polls[i + 1].revents, timeout_ms(server));
        if (server->polls[0].revents != 0)
            accept_waiting(server);
        remove_finished(server);
        if (server->exhausted && server->count == 0)
            return false;
    }
    return true;
}

/* ---- the program ---- */

static int listen_on_loopback(unsigned long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t address_len = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 128) != 0 ||
        !set_non_blocking(fd) || getsockname(fd, (struct sockaddr *)&address, &address_len) != 0) {
        perror("listening");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    printf("listening on 127.0.0.1 %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static bool serve_all(const struct settings *settings, tls_context_t *context)
{
    struct server server = {.settings = settings, .context = context};

    server.listener = listen_on_loopback(settings->port);
    if (server.listener < 0)
        return false;
    server.idle_since = monotonic_ms();
    bool done = grow(&server) && run(&server);
    for (size_t i = 0; i < server.count; ++i)
        connection_destroy(server.connections[i]);
    free(server.connections);
    free(server.polls);
    close(server.listener);
    return done;
}

int main(int argc, char **argv)
{
    struct settings settings = {.timeout = 60, .client_certificates = TLS_CLIENT_CERTIFICATE_NONE};
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

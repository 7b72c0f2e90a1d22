#define _POSIX_C_SOURCE 200809L

#include "connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* More clients than this wait in the listener's queue until others have ended. */
#define MAX_CONNECTIONS 256

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
 * PHASE_OPEN: answers what was received. Nothing is opened while there is output that the client has not taken, so
 * a client that does not read fills its own pipe and not our memory.
 */
static void talk(struct connection *connection)
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
        if (buffer_len(&connection->plaintext) > 0 && connection->received != NULL)
            connection->received(connection);
        if (buffer_len(&connection->plaintext) > 0)
            continue; /* that goes first; a status that ends the conversation repeats */
        switch (opened) {
        case TLS_STATUS_COMPLETE:
        case TLS_STATUS_WANT_WRITE: /* the session holds the rest of a record: now there is room */
            break;
        case TLS_STATUS_WANT_READ:
            return;
        case TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION:
            connection->question = opened;
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

/* PHASE_HANDSHAKE: goes on with it. A question lasts until it is answered, whatever comes meanwhile. */
static void shake_hands(struct connection *connection)
{
    tls_status_t status = channel_handshake(&connection->channel);
    bool asks = status == TLS_STATUS_NEEDS_SERVER_OPTIONS || status == TLS_STATUS_NEEDS_SIGNATURE;

    connection->question = asks ? status : TLS_STATUS_COMPLETE;
}

/* Does what can be done now. Each part may lead to the next one at once: no new event would announce it. */
static void go_on(struct connection *connection)
{
    struct channel *channel = &connection->channel;

    if (channel->phase == PHASE_HANDSHAKE)
        shake_hands(connection);
    if (channel->phase == PHASE_OPEN)
        talk(connection);
    if (channel->phase == PHASE_CLOSING)
        answer_close(connection);
    if (channel->phase == PHASE_LINGER)
        channel_linger(channel);
}

/* As far as it goes: what the socket takes makes room for more. */
static void go_on_and_send(struct connection *connection)
{
    do {
        go_on(connection);
    } while (channel_send(&connection->channel));
}

void connection_answered(struct connection *connection, tls_status_t status)
{
    connection->question = TLS_STATUS_COMPLETE;
    connection->passed_on = false;
    if (status != TLS_STATUS_COMPLETE)
        channel_fail(&connection->channel, status);
    go_on_and_send(connection);
}

/* Reading goes on only when there is nothing left to write and no question open. */
static bool wants_input(const struct connection *connection)
{
    bool all_sent = buffer_len(&connection->channel.outbox) == 0;

    switch (connection->channel.phase) {
    case PHASE_HANDSHAKE:
        return all_sent && connection->question == TLS_STATUS_COMPLETE;
    case PHASE_LINGER: /* to throw it away */
        return true;
    default:
        return all_sent && connection->question == TLS_STATUS_COMPLETE && buffer_len(&connection->plaintext) == 0;
    }
}

static void serve(struct connection *connection, short events, int64_t timeout_ms)
{
    struct channel *channel = &connection->channel;
    uint64_t moved_before = channel->bytes_moved;

    if ((events & (POLLIN | POLLERR | POLLHUP)) != 0)
        channel_receive(channel);
    if (events != 0)
        go_on_and_send(connection);
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
static bool grow(struct connections *connections)
{
    size_t room = connections->room == 0 ? 8 : 2 * connections->room;

    if (connections->count < connections->room)
        return true;
    struct connection **all = realloc(connections->all, room * sizeof(struct connection *));
    if (all == NULL)
        return false;
    connections->all = all;
    struct pollfd *polls = realloc(connections->polls, (room + 2) * sizeof *polls);
    if (polls == NULL)
        return false;
    connections->polls = polls;
    connections->room = room;
    return true;
}

static int64_t timeout_ms(const struct connections *connections)
{
    return (int64_t)connections->settings->timeout * 1000;
}

/* Takes over the descriptor, even when it fails. */
static bool add_connection(struct connections *connections, int fd)
{
    tls_session_t *session = NULL;
    struct connection *connection = NULL;

    if (set_non_blocking(fd) && grow(connections))
        connection = calloc(1, sizeof *connection);
    if (connection == NULL || !succeeded("session", tls_session_create(connections->context, &session))) {
        fputs("server: no room for another connection\n", stderr);
        free(connection);
        close(fd);
        return false;
    }
    connection->number = ++connections->accepted;
    connection->received = connections->received;
    snprintf(connection->label, sizeof connection->label, "connection %lu", connection->number);
    channel_init(&connection->channel, connection->label, fd, session, monotonic_ms() + timeout_ms(connections));
    connections->all[connections->count++] = connection;
    return true;
}

static bool accepts_more(const struct connections *connections)
{
    return !connections->exhausted && connections->count < MAX_CONNECTIONS &&
           (connections->settings->connections == 0 || connections->accepted < connections->settings->connections);
}

static void accept_waiting(struct connections *connections)
{
    while (accepts_more(connections)) {
        int fd = accept(connections->listener, NULL, NULL);
        if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue; /* that client has gone again */
        if (fd < 0)
            perror("accepting a connection");
        if (fd < 0 || !add_connection(connections, fd))
            connections->exhausted = true;
    }
}

static void remove_finished(struct connections *connections)
{
    for (size_t i = connections->count; i-- > 0;) {
        struct connection *connection = connections->all[i];
        if (connection->channel.phase != PHASE_DONE)
            continue;
        if (connections->settings->summary)
            channel_print_summary(&connection->channel);
        connection_destroy(connection);
        connections->all[i] = connections->all[--connections->count];
        connections->served += 1;
        connections->idle_since = monotonic_ms();
        connections->exhausted = false;
    }
}

/* Negative descriptors are skipped by poll(). */
static void fill_polls(struct connections *connections, const struct pollfd *also)
{
    struct pollfd *polls = connections->polls;

    polls[0] = (struct pollfd){.fd = accepts_more(connections) ? connections->listener : -1, .events = POLLIN};
    polls[1] = also != NULL ? *also : (struct pollfd){.fd = -1};
    for (size_t i = 0; i < connections->count; ++i) {
        const struct connection *connection = connections->all[i];
        short events = channel_events(&connection->channel, wants_input(connection));
        /* A client that has gone would be reported again and again, while a question is open and nothing is wanted. */
        polls[i + 2] = (struct pollfd){.fd = events != 0 ? connection->channel.socket : -1, .events = events};
    }
}

static int64_t next_deadline(const struct connections *connections)
{
    int64_t next = INT64_MAX;

    if (connections->count == 0)
        return connections->idle_since + timeout_ms(connections);
    for (size_t i = 0; i < connections->count; ++i) {
        int64_t deadline = connections->all[i]->channel.deadline;
        if (deadline < next)
            next = deadline;
    }
    return next;
}

/* Whether there is nothing more to be done, or nothing more can be. */
static bool is_over(struct connections *connections)
{
    unsigned long wanted = connections->settings->connections;

    if (wanted != 0 && connections->served >= wanted)
        return true;
    if (connections->count > 0)
        return false;
    bool deserted = monotonic_ms() >= next_deadline(connections);
    if (deserted)
        fputs("server: no connections, ending\n", stderr);
    connections->failed = connections->exhausted || (deserted && wanted != 0);
    return connections->exhausted || deserted;
}

bool connections_step(struct connections *connections, struct pollfd *also)
{
    struct pollfd *polls = connections->polls;

    remove_finished(connections);
    if (is_over(connections))
        return false;
    fill_polls(connections, also);
    int ready = poll(polls, (nfds_t)(connections->count + 2), milliseconds_until(next_deadline(connections)));
    if (ready < 0 && errno != EINTR) {
        perror("poll");
        connections->failed = true;
        return false;
    }
    if (also != NULL)
        also->revents = ready < 0 ? 0 : polls[1].revents; /* the events are not valid after a signal */
    if (ready < 0)
        return true;
    for (size_t i = 0; i < connections->count; ++i)
        serve(connections->all[i], polls[i + 2].revents, timeout_ms(connections));
    if (polls[0].revents != 0)
        accept_waiting(connections);
    return true;
}

/* ---- the beginning and the end ---- */

static int listen_on_loopback(unsigned long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t address_len = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* What is accepted inherits TCP_NODELAY: nothing is won by holding small packets back. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
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

bool connections_open(struct connections *connections, const struct server_settings *settings,
                      tls_context_t *context)
{
    *connections = (struct connections){.settings = settings, .context = context};
    connections->listener = listen_on_loopback(settings->port);
    if (connections->listener < 0)
        return false;
    connections->idle_since = monotonic_ms();
    if (grow(connections))
        return true;
    connections->failed = true;
    return connections_close(connections);
}

bool connections_close(struct connections *connections)
{
    for (size_t i = 0; i < connections->count; ++i)
        connection_destroy(connections->all[i]);
    free(connections->all);
    free(connections->polls);
    close(connections->listener);
    return !connections->failed;
}

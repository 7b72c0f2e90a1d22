/*
 * The clients of the load comparison and of the soak test that wrk cannot play: new connections with and without
 * resumption, connections that stay open without a word, and clients that cost next to nothing.
 *
 *     load_client [options] PORT
 *
 *     --connections N    at once (default: 32)
 *     --per-connection N requests on each; the last one asks the server to close (default: 0, no limit)
 *     --requests N       end when so many were begun, or
 *     --seconds N        when so long a time is over, counted from when all connections are there (default: 3)
 *     --size N           asks for /N (default: 13)
 *     --resume           new connections offer the session of the one before
 *     --tls 1.2|1.3      only this version
 *     --count            opens the first responses of a connection and only counts the ciphertext of the others, so that the
 *                        client is never what is measured
 *     --hold             one request on each connection; then says "holding N" and keeps them until its input ends
 *
 * Every response that is opened is compared with what was asked for. The result is one line of JSON; the exit status is 0 if
 * no request has failed.
 */
#define _GNU_SOURCE

#include "../../examples-c/body.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 256
#define MAX_HANDSHAKES 64 /* at once, while connections are opened to be held */
#define OPENED_RESPONSES 2
#define MAX_COMPLAINTS 5
#define INPUT_SIZE 65536

enum state { IDLE, CONNECTING, HANDSHAKING, ASKING, READING, COUNTING, ENDING, HELD };

struct client {
    enum state state;
    int fd;
    uint32_t interest;
    SSL *ssl;
    SSL_SESSION *session; /* for the next connection */
    int64_t begun;        /* of the request, or of the connection */
    unsigned long asked;  /* requests on this connection */
    bool last;
    size_t head_len;      /* of the response; 0: not complete */
    char head[1024];
    size_t head_got;
    uint64_t body_got;
    uint64_t read_before; /* ciphertext, until this response */
    uint64_t wire_len;    /* of one response; 0: not known */
    uint64_t wire_got;
};

static struct {
    unsigned port;
    unsigned long connections, per_connection, requests, seconds, size;
    bool resume, count, hold;
} settings = {.connections = 32, .seconds = 3, .size = 13};

static struct {
    unsigned long requests, connections, resumed, failed, begun, open, held;
} counts;

struct samples {
    float *micros;
    size_t count, room;
};
static struct samples request_times, connection_times;

static SSL_CTX *context;
static int epoll;
static int slot_index;
static int64_t started, ends;
static uint8_t input[INPUT_SIZE];

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(2);
}

/* ---- times ---- */

static void add_sample(struct samples *samples, int64_t since)
{
    if (samples->count == samples->room) {
        samples->room = samples->room == 0 ? 65536 : 2 * samples->room;
        samples->micros = realloc(samples->micros, samples->room * sizeof *samples->micros);
        if (samples->micros == NULL)
            die("memory");
    }
    samples->micros[samples->count++] = (float)(now_ns() - since) / 1000;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static float percentile(struct samples *samples, double part)
{
    if (samples->count == 0)
        return 0;
    return samples->micros[(size_t)((double)(samples->count - 1) * part)];
}

/* ---- connections ---- */

static bool is_over(void)
{
    if (settings.requests != 0)
        return counts.begun >= settings.requests;
    return ends != 0 && now_ns() >= ends;
}

static void wait_for(struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    if (client->interest == events)
        return;
    if (epoll_ctl(epoll, client->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, client->fd, &event) != 0)
        die("epoll_ctl");
    client->interest = events;
}

static void drop(struct client *client)
{
    SSL_free(client->ssl);
    close(client->fd);
    client->ssl = NULL;
    client->interest = 0;
    client->state = IDLE;
    counts.open -= 1;
}

static void fail(struct client *client, const char *what)
{
    static int complaints;

    if (complaints++ < MAX_COMPLAINTS) {
        fprintf(stderr, "failed: %s (state %d, errno %d, after %lu requests)\n", what, (int)client->state, errno,
                client->asked);
        ERR_print_errors_fp(stderr);
    }
    ERR_clear_error();
    counts.failed += 1;
    SSL_SESSION_free(client->session);
    client->session = NULL;
    drop(client);
}

static void begin_connection(struct client *client)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)settings.port)};
    int on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    client->ssl = SSL_new(context);
    if (client->fd < 0 || client->ssl == NULL || SSL_set_fd(client->ssl, client->fd) != 1 ||
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
        die("a connection");
    SSL_set_ex_data(client->ssl, slot_index, client);
    SSL_set_connect_state(client->ssl);
    if (SSL_set_tlsext_host_name(client->ssl, "localhost") != 1)
        die("the name");
    if (settings.resume && client->session != NULL && SSL_set_session(client->ssl, client->session) != 1)
        die("the session");
    counts.open += 1;
    client->asked = 0;
    client->wire_len = 0;
    client->begun = now_ns();
    client->state = CONNECTING;
    if (connect(client->fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        fail(client, "connect");
        return;
    }
    wait_for(client, EPOLLOUT);
}

static int take_session(SSL *ssl, SSL_SESSION *session)
{
    struct client *client = SSL_get_ex_data(ssl, slot_index);

    SSL_SESSION_free(client->session);
    client->session = session;
    return 1; /* it is ours now */
}

/* ---- requests ---- */

static void begin_request(struct client *client)
{
    client->asked += 1;
    client->last = client->asked == settings.per_connection;
    client->begun = now_ns();
    client->head_len = client->head_got = 0;
    client->body_got = client->wire_got = 0;
    client->read_before = BIO_number_read(SSL_get_rbio(client->ssl));
    client->state = ASKING;
    counts.begun += 1;
}

static void end_request(struct client *client)
{
    counts.requests += 1;
    add_sample(&request_times, client->begun);
    if (client->last)
        client->state = ENDING;
    else if (settings.hold)
        client->state = HELD;
    else if (is_over())
        drop(client);
    else
        begin_request(client);
}

/* True once the head is complete and right. */
static bool take_head(struct client *client, size_t *taken)
{
    const char *end = NULL;
    char expected[64];

    while (*taken > 0 && client->head_got < sizeof client->head - 1 && end == NULL) {
        client->head[client->head_got++] = *(const char *)input; /* one by one: heads are short */
        client->head[client->head_got] = '\0';
        memmove(input, input + 1, --*taken);
        if (client->head_got >= 4)
            end = strcmp(client->head + client->head_got - 4, "\r\n\r\n") == 0 ? client->head : NULL;
    }
    snprintf(expected, sizeof expected, "\r\nContent-Length: %lu\r\n", settings.size);
    if (end == NULL)
        return client->head_got < sizeof client->head - 1;
    client->head_len = client->head_got;
    return strncmp(client->head, "HTTP/1.1 200 ", 13) == 0 && strstr(client->head, expected) != NULL;
}

static const char *take_response(struct client *client, size_t len)
{
    size_t at = 0;

    if (client->head_len == 0 && !take_head(client, &len))
        return "the head of a response";
    if (client->head_len == 0)
        return NULL;
    if (len > settings.size - client->body_got)
        return "a longer response";
    while (at < len) {
        size_t part = 0;
        const uint8_t *body = body_bytes(client->body_got, len - at, &part);
        if (memcmp(input + at, body, part) != 0)
            return "another body";
        at += part;
        client->body_got += part;
    }
    return NULL;
}

static void ask(struct client *client)
{
    char text[128];
    int len = snprintf(text, sizeof text, "GET /%lu HTTP/1.1\r\nHost: localhost\r\n%s\r\n", settings.size,
                       client->last ? "Connection: close\r\n" : "");

    if (SSL_write(client->ssl, text, len) != len)
        fail(client, "a request that does not fit");
    else
        client->state = client->wire_len != 0 && client->asked > OPENED_RESPONSES ? COUNTING : READING;
}

static bool read_response(struct client *client)
{
    int count = SSL_read(client->ssl, input, sizeof input);

    if (count <= 0) {
        bool waits = SSL_get_error(client->ssl, count) == SSL_ERROR_WANT_READ;
        if (waits)
            wait_for(client, EPOLLIN);
        else
            fail(client, "the end of a response");
        return false;
    }
    const char *wrong = take_response(client, (size_t)count);
    if (wrong != NULL) {
        fail(client, wrong);
        return false;
    }
    if (client->head_len == 0 || client->body_got < settings.size)
        return true;
    if (settings.count && client->asked == OPENED_RESPONSES)
        client->wire_len = BIO_number_read(SSL_get_rbio(client->ssl)) - client->read_before;
    end_request(client);
    return client->state != IDLE;
}

/* MSG_TRUNC: the kernel drops it without a copy. */
static bool count_response(struct client *client)
{
    ssize_t count = recv(client->fd, NULL, (size_t)(client->wire_len - client->wire_got), MSG_TRUNC);

    if (count <= 0) {
        if (count < 0 && errno == EAGAIN)
            wait_for(client, EPOLLIN);
        else
            fail(client, "the end of a response");
        return false;
    }
    client->wire_got += (uint64_t)count;
    if (client->wire_got < client->wire_len)
        return true;
    end_request(client);
    return client->state != IDLE;
}

/* The server has promised to close: it must do so properly. */
static void read_end(struct client *client)
{
    int count = SSL_read(client->ssl, input, sizeof input);

    if (count > 0) {
        fail(client, "more than the last response");
        return;
    }
    switch (SSL_get_error(client->ssl, count)) {
    case SSL_ERROR_WANT_READ:
        wait_for(client, EPOLLIN);
        return;
    case SSL_ERROR_ZERO_RETURN:
        (void)SSL_shutdown(client->ssl);
        drop(client);
        return;
    default:
        fail(client, "no close_notify");
    }
}

static void shake_hands(struct client *client)
{
    int result = SSL_do_handshake(client->ssl);

    if (result == 1) {
        counts.connections += 1;
        counts.resumed += SSL_session_reused(client->ssl) == 1;
        add_sample(&connection_times, client->begun);
        if (is_over())
            drop(client);
        else
            begin_request(client);
        return;
    }
    switch (SSL_get_error(client->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        wait_for(client, EPOLLIN);
        return;
    case SSL_ERROR_WANT_WRITE:
        wait_for(client, EPOLLOUT);
        return;
    default:
        fail(client, "the handshake");
    }
}

static void go_on(struct client *client)
{
    bool on = true;

    if (client->state == HELD) {
        fail(client, "something on a connection that is held");
        return;
    }
    if (client->state == CONNECTING)
        client->state = HANDSHAKING;
    if (client->state == HANDSHAKING)
        shake_hands(client);
    while (on && (client->state == ASKING || client->state == READING || client->state == COUNTING)) {
        if (client->state == ASKING)
            ask(client);
        else
            on = client->state == READING ? read_response(client) : count_response(client);
    }
    if (client->state == ENDING)
        read_end(client);
    if (client->state == HELD) {
        counts.held += 1;
        wait_for(client, EPOLLIN);
    }
}

/* ---- the program ---- */

static void make_context(const char *version)
{
    context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_set1_groups_list(context, "X25519:P-256") != 1)
        die("context");
    if (version != NULL) {
        int number = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
        if (SSL_CTX_set_min_proto_version(context, number) != 1 || SSL_CTX_set_max_proto_version(context, number) != 1)
            die("version");
    }
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, take_session);
    slot_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static unsigned long number(const char *text)
{
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0') {
        fprintf(stderr, "%s is no number\n", text);
        exit(2);
    }
    return value;
}

static void parse(int argc, char **argv)
{
    static const struct option known[] = {
        {"connections", required_argument, NULL, 'c'}, {"per-connection", required_argument, NULL, 'p'},
        {"requests", required_argument, NULL, 'n'},    {"seconds", required_argument, NULL, 't'},
        {"size", required_argument, NULL, 's'},        {"resume", no_argument, NULL, 'r'},
        {"tls", required_argument, NULL, 'v'},         {"count", no_argument, NULL, 'C'},
        {"hold", no_argument, NULL, 'H'},              {NULL, 0, NULL, 0},
    };
    const char *version = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'c':
            settings.connections = number(optarg);
            break;
        case 'p':
            settings.per_connection = number(optarg);
            break;
        case 'n':
            settings.requests = number(optarg);
            break;
        case 't':
            settings.seconds = number(optarg);
            break;
        case 's':
            settings.size = number(optarg);
            break;
        case 'r':
            settings.resume = true;
            break;
        case 'v':
            version = optarg;
            break;
        case 'C':
            settings.count = true;
            break;
        case 'H':
            settings.hold = true;
            break;
        default:
            exit(2);
        }
    }
    if (optind != argc - 1 || settings.connections == 0) {
        fputs("usage: see the top of load_client.c\n", stderr);
        exit(2);
    }
    settings.port = (unsigned)number(argv[optind]);
    make_context(version);
}

/* Opens what is missing. */
static void refill(struct client *clients)
{
    for (unsigned long i = 0; i < settings.connections; ++i) {
        bool crowded = settings.hold && counts.open - counts.held >= MAX_HANDSHAKES;
        if (clients[i].state == IDLE && !is_over() && !crowded)
            begin_connection(&clients[i]);
    }
}

static void step(struct client *clients)
{
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll, events, MAX_EVENTS, 1000);

    for (int i = 0; i < count; ++i) {
        struct client *client = events[i].data.ptr;
        if (client->state == IDLE)
            continue;
        go_on(client);
        if (client->state == IDLE && !settings.hold && !is_over())
            begin_connection(client);
    }
    if (settings.hold)
        refill(clients);
    if (started == 0 && counts.connections >= settings.connections) {
        started = now_ns();
        ends = started + (int64_t)settings.seconds * 1000000000;
    }
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    struct client *clients = calloc(settings.connections, sizeof *clients);
    int64_t first = now_ns();

    signal(SIGPIPE, SIG_IGN);
    body_init();
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (clients == NULL || epoll < 0)
        die("starting");
    refill(clients);
    while ((settings.hold ? counts.held < settings.connections : counts.open > 0) && counts.failed < 1000)
        step(clients);
    double seconds = (double)(now_ns() - first) / 1e9;
    if (settings.hold && counts.failed < 1000) {
        printf("holding %lu\n", counts.held);
        fflush(stdout);
        while (read(STDIN_FILENO, input, sizeof input) > 0)
            ;
    }
    qsort(request_times.micros, request_times.count, sizeof(float), compare);
    qsort(connection_times.micros, connection_times.count, sizeof(float), compare);
    printf("{\"requests\": %lu, \"connections\": %lu, \"resumed\": %lu, \"failed\": %lu, \"seconds\": %.3f, "
           "\"p50\": %.1f, \"p99\": %.1f, \"handshake_p50\": %.1f, \"handshake_p99\": %.1f}\n",
           counts.requests, counts.connections, counts.resumed, counts.failed, seconds,
           (double)percentile(&request_times, 0.5), (double)percentile(&request_times, 0.99),
           (double)percentile(&connection_times, 0.5), (double)percentile(&connection_times, 0.99));
    return counts.failed == 0 ? 0 : 1;
}

/*
 * The twin of examples-c/epoll_server (worker.c) with OpenSSL in the place of spantls: the same threads, epoll sets, queues of
 * deadlines, interest masks and responses, so that what differs between the two in the load comparison is the TLS library. It
 * leaves out what costs nothing per request: names, the closing of idle connections for new ones, the graceful stop.
 *
 *     openssl_server [options] chain.pem key.pem
 *
 *     --port N --threads N --tls 1.2|1.3 --suite NAME     as epoll_server has them, the suite by OpenSSL's name
 *     --read-ahead        one read for header and body of a record, in place of one for each: not OpenSSL's default
 *
 * OpenSSL is set up as its manual and other servers have it: non-blocking, partial writes, buffers released when idle,
 * session tickets, and no session cache, since tickets make it superfluous.
 */
#define _GNU_SOURCE

#include "../../examples-c/body.h"
#include "../../examples-c/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 256
#define MAX_EVENTS 64
#define MAX_ACCEPTS 16
#define MAX_TURNS 16
#define HANDSHAKE_MS 10000
#define IDLE_MS 60000
#define LINGER_MS 2000
#define INPUT_SIZE (4 * HTTP_MAX_HEAD)
#define RECORD 16384

enum phase { PHASE_HANDSHAKE, PHASE_OPEN, PHASE_CLOSING, PHASE_LINGER, PHASE_DONE };

struct connection {
    struct connection *older;
    struct connection *newer;
    struct queue *queue;
    int64_t deadline;
    SSL *ssl;
    int fd;
    uint32_t interest;
    enum phase phase;
    bool speaking;
    uint64_t said;
    struct http_request request;
    uint8_t *kept;
    size_t kept_len;
};

struct queue {
    struct connection *oldest;
    struct connection *newest;
    int64_t limit_ms;
};

enum { QUEUE_HANDSHAKE, QUEUE_REQUEST, QUEUE_RESPONSE, QUEUE_LINGER, NUM_QUEUES };

struct worker {
    SSL_CTX *context;
    int listener;
    int epoll;
    int64_t now;
    struct queue queues[NUM_QUEUES];
    uint8_t input[INPUT_SIZE];
    uint8_t output[RECORD]; /* SSL_write() takes one span: the head and the front of the body are put together here */
};

/* ---- queues ---- */

static void leave_queue(struct connection *connection)
{
    struct queue *queue = connection->queue;

    if (queue == NULL)
        return;
    *(connection->older != NULL ? &connection->older->newer : &queue->oldest) = connection->newer;
    *(connection->newer != NULL ? &connection->newer->older : &queue->newest) = connection->older;
    connection->queue = NULL;
}

static void join_queue(struct worker *worker, struct connection *connection, int which)
{
    struct queue *queue = &worker->queues[which];

    leave_queue(connection);
    connection->queue = queue;
    connection->deadline = worker->now + queue->limit_ms;
    connection->older = queue->newest;
    connection->newer = NULL;
    *(queue->newest != NULL ? &queue->newest->newer : &queue->oldest) = connection;
    queue->newest = connection;
}

/* ---- one connection ---- */

static void destroy(struct connection *connection)
{
    leave_queue(connection);
    SSL_free(connection->ssl);
    close(connection->fd);
    free(connection->kept);
    free(connection);
}

static void wait_for(struct worker *worker, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    if (connection->interest == events)
        return;
    connection->interest = events;
    if (epoll_ctl(worker->epoll, EPOLL_CTL_MOD, connection->fd, &event) != 0)
        connection->phase = PHASE_DONE;
}

/* What a call that has returned `result` asks for; or the end of the connection. */
static void follow(struct worker *worker, struct connection *connection, int result)
{
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        wait_for(worker, connection, EPOLLIN);
        return;
    case SSL_ERROR_WANT_WRITE:
        wait_for(worker, connection, EPOLLOUT);
        return;
    case SSL_ERROR_ZERO_RETURN:
        connection->phase = PHASE_CLOSING;
        return;
    default:
        connection->phase = PHASE_DONE;
        ERR_clear_error();
    }
}

static void shake_hands(struct worker *worker, struct connection *connection)
{
    int result = SSL_do_handshake(connection->ssl);

    if (result != 1) {
        follow(worker, connection, result);
        return;
    }
    connection->phase = PHASE_OPEN;
    join_queue(worker, connection, QUEUE_REQUEST);
}

static size_t recall(struct worker *worker, struct connection *connection)
{
    size_t len = connection->kept_len;

    if (len > 0)
        memcpy(worker->input, connection->kept, len);
    free(connection->kept);
    connection->kept = NULL;
    connection->kept_len = 0;
    return len;
}

static void keep(struct connection *connection, const uint8_t *input, size_t len)
{
    if (len == 0)
        return;
    connection->kept = malloc(len);
    if (connection->kept == NULL) {
        connection->phase = PHASE_DONE;
        return;
    }
    memcpy(connection->kept, input, len);
    connection->kept_len = len;
}

/* Writes once; 1 means that it can go on at once. */
static int speak(struct worker *worker, struct connection *connection)
{
    struct http_request *request = &connection->request;
    char head[HTTP_MAX_RESPONSE_HEAD];
    size_t head_len = http_response_head(request, head);
    uint64_t all = head_len + http_response_body(request);
    const uint8_t *data = worker->output;
    size_t len = 0;

    if (connection->said < head_len) {
        len = head_len - connection->said;
        memcpy(worker->output, head + connection->said, len);
        while (len < RECORD && connection->said + len < all) {
            size_t more = 0;
            uint64_t most = all - connection->said - len;
            const uint8_t *body = body_bytes(connection->said + len - head_len,
                                             most < RECORD - len ? most : RECORD - len, &more);
            memcpy(worker->output + len, body, more);
            len += more;
        }
    } else {
        data = body_bytes(connection->said - head_len, all - connection->said, &len);
    }
    int result = SSL_write(connection->ssl, data, (int)len);
    if (result <= 0)
        return result;
    connection->said += (unsigned)result;
    if (connection->said < all) {
        join_queue(worker, connection, QUEUE_RESPONSE);
        return 1;
    }
    connection->speaking = false;
    connection->phase = request->keep_alive ? PHASE_OPEN : PHASE_CLOSING;
    join_queue(worker, connection, QUEUE_REQUEST);
    return 1;
}

static void converse(struct worker *worker, struct connection *connection)
{
    uint8_t *input = worker->input;
    size_t start = 0;
    size_t end = recall(worker, connection);
    bool has_read = false;
    unsigned turns = 0;
    int result = 1;

    while (result > 0 && connection->phase == PHASE_OPEN) {
        size_t amount = 0;
        if (turns == MAX_TURNS) {
            wait_for(worker, connection, EPOLLOUT);
            break;
        } else if (connection->speaking) {
            turns += 1;
            result = speak(worker, connection);
        } else if (http_take(&connection->request, input + start, end - start, &amount)) {
            start += amount;
            connection->speaking = true;
            connection->said = 0;
        } else if (has_read && !SSL_has_pending(connection->ssl)) {
            start += amount;
            wait_for(worker, connection, EPOLLIN);
            break;
        } else {
            start += amount;
            memmove(input, input + start, end - start);
            end -= start;
            start = 0;
            turns += 1;
            has_read = true;
            result = SSL_read(connection->ssl, input + end, (int)(INPUT_SIZE - end));
            end += result > 0 ? (unsigned)result : 0;
        }
    }
    keep(connection, input + start, end - start);
    if (result <= 0)
        follow(worker, connection, result);
}

static void say_goodbye(struct worker *worker, struct connection *connection)
{
    int result = SSL_shutdown(connection->ssl);

    if (connection->queue != &worker->queues[QUEUE_LINGER])
        join_queue(worker, connection, QUEUE_LINGER);
    if (result < 0) {
        follow(worker, connection, result);
        if (connection->phase == PHASE_CLOSING && connection->interest != EPOLLOUT)
            connection->phase = PHASE_DONE;
        return;
    }
    connection->phase = shutdown(connection->fd, SHUT_WR) == 0 ? PHASE_LINGER : PHASE_DONE;
    wait_for(worker, connection, EPOLLIN);
}

static void linger(struct worker *worker, struct connection *connection)
{
    ssize_t count = recv(connection->fd, worker->input, sizeof worker->input, 0);

    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
        connection->phase = PHASE_DONE;
}

static void serve(struct worker *worker, struct connection *connection)
{
    if (connection->phase == PHASE_LINGER)
        linger(worker, connection);
    if (connection->phase == PHASE_HANDSHAKE)
        shake_hands(worker, connection);
    if (connection->phase == PHASE_OPEN)
        converse(worker, connection);
    if (connection->phase == PHASE_CLOSING)
        say_goodbye(worker, connection);
    if (connection->phase == PHASE_DONE)
        destroy(connection);
}

/* ---- a thread ---- */

static void add_connection(struct worker *worker, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    if (connection != NULL)
        connection->ssl = SSL_new(worker->context);
    if (connection == NULL || connection->ssl == NULL || SSL_set_fd(connection->ssl, fd) != 1) {
        if (connection != NULL)
            SSL_free(connection->ssl);
        free(connection);
        close(fd);
        return;
    }
    SSL_set_accept_state(connection->ssl);
    connection->fd = fd;
    connection->interest = EPOLLIN;
    join_queue(worker, connection, QUEUE_HANDSHAKE);
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        destroy(connection);
}

static void accept_waiting(struct worker *worker)
{
    for (unsigned i = 0; i < MAX_ACCEPTS; ++i) {
        int fd = accept4(worker->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno == EAGAIN)
            return;
        if (fd >= 0)
            add_connection(worker, fd);
    }
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int time_to_wait(const struct worker *worker)
{
    int64_t next = INT64_MAX;

    for (int which = 0; which < NUM_QUEUES; ++which) {
        const struct connection *oldest = worker->queues[which].oldest;
        if (oldest != NULL && oldest->deadline < next)
            next = oldest->deadline;
    }
    if (next == INT64_MAX)
        return -1;
    return next <= worker->now ? 0 : (int)(next - worker->now);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct epoll_event events[MAX_EVENTS];

    for (;;) {
        bool accepts = false;
        int count = epoll_wait(worker->epoll, events, MAX_EVENTS, time_to_wait(worker));
        worker->now = monotonic_ms();
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == worker)
                accepts = true;
            else
                serve(worker, events[i].data.ptr);
        }
        for (int which = 0; which < NUM_QUEUES; ++which) {
            struct queue *queue = &worker->queues[which];
            while (queue->oldest != NULL && queue->oldest->deadline <= worker->now)
                destroy(queue->oldest);
        }
        if (accepts)
            accept_waiting(worker);
    }
    return NULL;
}

static bool start(SSL_CTX *context, int listener)
{
    static const int64_t limits[NUM_QUEUES] = {HANDSHAKE_MS, IDLE_MS, IDLE_MS, LINGER_MS};
    struct worker *worker = calloc(1, sizeof *worker);
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = worker};
    pthread_t thread;

    if (worker == NULL)
        return false;
    worker->context = context;
    worker->listener = listener;
    worker->now = monotonic_ms();
    for (int which = 0; which < NUM_QUEUES; ++which)
        worker->queues[which].limit_ms = limits[which];
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    return worker->epoll >= 0 && epoll_ctl(worker->epoll, EPOLL_CTL_ADD, listener, &event) == 0 &&
           pthread_create(&thread, NULL, work, worker) == 0;
}

/* ---- the program ---- */

static int listen_on_loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t address_len = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &address_len) != 0) {
        perror("listening");
        exit(EXIT_FAILURE);
    }
    printf("listening on 127.0.0.1 %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void require(long result, const char *what)
{
    if (result > 0)
        return;
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(EXIT_FAILURE);
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());

    require(context != NULL, "context");
    require(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION), "version");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'P'},   {"threads", required_argument, NULL, 'n'},
        {"tls", required_argument, NULL, 'v'},    {"suite", required_argument, NULL, 's'},
        {"read-ahead", no_argument, NULL, 'r'},   {NULL, 0, NULL, 0},
    };
    SSL_CTX *context = make_context();
    int threads = 1, port = 0, option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'P':
            port = atoi(optarg);
            break;
        case 'n':
            threads = atoi(optarg);
            break;
        case 'v':
            require(SSL_CTX_set_max_proto_version(context, strcmp(optarg, "1.2") == 0 ? TLS1_2_VERSION : 0), optarg);
            if (strcmp(optarg, "1.3") == 0)
                require(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION), optarg);
            break;
        case 's':
            require(strncmp(optarg, "TLS_", 4) == 0 ? SSL_CTX_set_ciphersuites(context, optarg)
                                                    : SSL_CTX_set_cipher_list(context, optarg), optarg);
            break;
        case 'r':
            SSL_CTX_set_read_ahead(context, 1);
            break;
        default:
            return 2;
        }
    }
    require(argc - optind == 2 && threads >= 1 && threads <= MAX_THREADS, "usage: see the top of openssl_server.c");
    require(SSL_CTX_use_certificate_chain_file(context, argv[optind]), argv[optind]);
    require(SSL_CTX_use_PrivateKey_file(context, argv[optind + 1], SSL_FILETYPE_PEM), argv[optind + 1]);
    body_init();
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write() */
    fprintf(stderr, "%s\n", OpenSSL_version(OPENSSL_VERSION));
    int listener = listen_on_loopback(port);
    for (int i = 0; i < threads; ++i)
        require(start(context, listener), "starting a thread");
    for (;;)
        pause(); /* until a signal ends it */
}

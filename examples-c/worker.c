#define _GNU_SOURCE

#include "worker.h"

#include "body.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_EVENTS 64
#define MAX_ACCEPTS 16 /* before the connections that are there get their turn */
#define MAX_TURNS 16   /* reads and writes of one connection, before the others get theirs */
#define ACCEPT_PAUSE_MS 100
#define SPARED_MS 1000 /* a connection that was quiet for less makes no room for another */
#define LINGER_MS 2000

/*
 *     HANDSHAKE ---> OPEN ---> CLOSING ---> LINGER ---> DONE
 *         |            |          |
 *         +------------+----------+-------> LINGER or DONE, when something fails
 *
 * CLOSING: our close_notify is being sent.
 * LINGER: what comes is thrown away until the client closes too. To close a socket with unread input resets the
 * connection, and the end of a response, or an alert, could be lost with it.
 */
enum phase { PHASE_HANDSHAKE, PHASE_OPEN, PHASE_CLOSING, PHASE_LINGER, PHASE_DONE };

struct connection {
    struct connection *older; /* in its queue */
    struct connection *newer;
    struct queue *queue;
    int64_t deadline;
    tls_session_t *session; /* owns the socket */
    int fd;
    uint32_t interest; /* the events that epoll watches for */
    enum phase phase;
    bool speaking;     /* a response is being written */
    uint64_t said;     /* bytes of it that the session has taken */
    struct http_request request;
    uint8_t *kept; /* received, but not yet a whole head: only then is there memory for it */
    size_t kept_len;
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

/* After all others, with all the time that this queue gives. */
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

static void destroy(struct worker *worker, struct connection *connection)
{
    leave_queue(connection);
    tls_session_destroy(connection->session); /* closes the socket, which leaves the epoll set by that */
    free(connection->kept);
    free(connection);
    if (worker->accept_again != 0)
        worker->accept_again = worker->now; /* there is a descriptor again */
}

/* Nothing is asked of the kernel while a connection goes on waiting for the same thing. */
static void wait_for(struct worker *worker, struct connection *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    if (connection->interest == events)
        return;
    connection->interest = events;
    if (epoll_ctl(worker->epoll, EPOLL_CTL_MOD, connection->fd, &event) != 0)
        connection->phase = PHASE_DONE;
}

static void linger(struct worker *worker, struct connection *connection)
{
    ssize_t count = recv(connection->fd, worker->input, sizeof worker->input, 0);

    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
        connection->phase = PHASE_DONE;
}

/* What a status asks for; or the end of the connection. */
static void follow(struct worker *worker, struct connection *connection, tls_status_t status)
{
    switch (status) {
    case TLS_STATUS_WANT_READ:
        wait_for(worker, connection, EPOLLIN);
        return;
    case TLS_STATUS_WANT_WRITE:
        wait_for(worker, connection, EPOLLOUT);
        return;
    case TLS_STATUS_TRUNCATED: /* the client has gone: no last words */
    case TLS_STATUS_IO_ERROR:
        connection->phase = PHASE_DONE;
        return;
    default: /* CLOSED by the client, so we close too; or a failure, whose alert may be still to be sent */
        connection->phase = PHASE_CLOSING;
    }
}

/* Answers the ClientHello with the context of the name that it asks for. */
static tls_status_t choose_context(const struct server *server, tls_session_t *session)
{
    char name[256]; /* a DNS name has at most 253 characters */
    size_t name_len = 0;

    if (tls_session_target_host_name(session, name, sizeof name, &name_len) != TLS_STATUS_COMPLETE)
        name_len = 0;
    for (size_t i = 0; name_len > 0 && i < server->num_names; ++i) {
        const struct name *known = &server->names[i];
        if (strlen(known->text) == name_len && strncasecmp(known->text, name, name_len) == 0)
            return tls_session_set_server_context(session, known->context);
    }
    return tls_session_set_server_context(session, server->first);
}

static void shake_hands(struct worker *worker, struct connection *connection)
{
    tls_status_t status = tls_session_socket_handshake(connection->session);

    if (status == TLS_STATUS_NEEDS_SERVER_OPTIONS) {
        status = choose_context(worker->server, connection->session);
        if (status == TLS_STATUS_COMPLETE)
            status = tls_session_socket_handshake(connection->session);
    }
    if (status != TLS_STATUS_COMPLETE) {
        follow(worker, connection, status);
        return;
    }
    worker->handshakes += 1;
    worker->resumed += (tls_session_state(connection->session) & SPANTLS_STATE_RESUMED) != 0;
    connection->phase = PHASE_OPEN;
    join_queue(worker, connection, QUEUE_REQUEST);
}

/* What is kept of a connection goes to the input of the thread, and what is left there comes back. */
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

/*
 * Writes once: the head, which is made again until all of it is written, and some of the body after it. COMPLETE means
 * that the connection can continue at once, with the rest of the response or with the next request.
 */
static tls_status_t speak(struct worker *worker, struct connection *connection)
{
    struct http_request *request = &connection->request;
    char head[HTTP_MAX_RESPONSE_HEAD];
    spantls_span_t spans[2];
    size_t num_spans = 0;
    size_t written = 0;
    size_t head_len = http_response_head(request, head);
    uint64_t all = head_len + http_response_body(request);
    uint64_t body_said = 0;

    if (connection->said < head_len)
        spans[num_spans++] =
            (spantls_span_t){.data = head + connection->said, .len = head_len - connection->said};
    else
        body_said = connection->said - head_len;
    if (head_len + body_said < all) {
        spantls_span_t *span = &spans[num_spans++];
        span->data = body_bytes(body_said, all - head_len - body_said, &span->len);
    }
    tls_status_t status = tls_session_socket_write_vectored(connection->session, spans, num_spans, &written);
    connection->said += written;
    if (status == TLS_STATUS_COMPLETE && connection->said == all) {
        connection->speaking = false;
        worker->requests += 1;
        connection->phase = request->keep_alive && worker->end == 0 ? PHASE_OPEN : PHASE_CLOSING;
        join_queue(worker, connection, QUEUE_REQUEST);
    } else if (written > 0) {
        join_queue(worker, connection, QUEUE_RESPONSE); /* it moves */
    }
    return status;
}

/*
 * PHASE_OPEN: takes requests and answers them, one after the other. Nothing is read until a response is written, so a
 * client that does not read fills its own pipe and not our memory.
 */
static void converse(struct worker *worker, struct connection *connection)
{
    uint8_t *input = worker->input;
    size_t start = 0;
    size_t end = recall(worker, connection);
    bool has_read = false;
    unsigned turns = 0;
    tls_status_t status = TLS_STATUS_COMPLETE;

    while (status == TLS_STATUS_COMPLETE && connection->phase == PHASE_OPEN) {
        bool holds_more = (tls_session_state(connection->session) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT) != 0;
        size_t amount = 0;
        if (turns == MAX_TURNS) {
            status = TLS_STATUS_WANT_WRITE; /* there is space, so epoll returns here after the others */
        } else if (connection->speaking) {
            turns += 1;
            status = speak(worker, connection);
        } else if (http_take(&connection->request, input + start, end - start, &amount)) {
            start += amount;
            connection->speaking = true;
            connection->said = 0;
            connection->request.keep_alive &= worker->end == 0;
        } else if (has_read && !holds_more) {
            start += amount;
            status = TLS_STATUS_WANT_READ; /* level-triggered: the rest is announced */
        } else {
            start += amount;
            memmove(input, input + start, end - start);
            end -= start;
            start = 0;
            turns += 1;
            has_read = true;
            status = tls_session_socket_read(connection->session, input + end, INPUT_SIZE - end, &amount);
            end += amount;
        }
    }
    keep(connection, input + start, end - start);
    /* What the client's own messages have called for, an answer to a key update say, does not wait for a response. */
    if (status == TLS_STATUS_WANT_READ && tls_session_has_pending_output(connection->session)) {
        size_t none = 0;
        tls_status_t sent = tls_session_socket_write(connection->session, NULL, 0, &none);
        status = sent == TLS_STATUS_COMPLETE ? status : sent;
    }
    if (status != TLS_STATUS_COMPLETE && connection->phase == PHASE_OPEN)
        follow(worker, connection, status);
}

static void begin_linger(struct worker *worker, struct connection *connection)
{
    connection->phase = shutdown(connection->fd, SHUT_WR) == 0 ? PHASE_LINGER : PHASE_DONE;
    join_queue(worker, connection, QUEUE_LINGER);
    wait_for(worker, connection, EPOLLIN);
}

/* PHASE_CLOSING: the client gets our close_notify, or what is left of an alert. */
static void say_goodbye(struct worker *worker, struct connection *connection)
{
    tls_status_t status = tls_session_socket_shutdown(connection->session);

    if (connection->queue != &worker->queues[QUEUE_LINGER])
        join_queue(worker, connection, QUEUE_LINGER);
    if (status == TLS_STATUS_WANT_WRITE)
        wait_for(worker, connection, EPOLLOUT);
    else if (status == TLS_STATUS_CLOSED)
        begin_linger(worker, connection);
    else
        connection->phase = PHASE_DONE;
}

/* Does what can be done now. Each part may lead to the next one at once: no new event would announce it. */
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
        destroy(worker, connection);
}

/* ---- accepting ---- */

/* Takes over the socket. Without memory for it the client is turned away. */
static void add_connection(struct worker *worker, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    if (connection == NULL || tls_session_create_with_socket(worker->server->context, fd, SPANTLS_SOCKET_OWN,
                                                             &connection->session) != TLS_STATUS_COMPLETE) {
        free(connection);
        close(fd);
        return;
    }
    worker->connections += 1;
    connection->fd = fd;
    connection->interest = EPOLLIN;
    join_queue(worker, connection, QUEUE_HANDSHAKE);
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        destroy(worker, connection);
}

/* EPOLLEXCLUSIVE: a client that comes wakes one thread, not all of them. */
static bool watch_listener(struct worker *worker)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = &worker->server->listener};

    return epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->server->listener, &event) == 0;
}

static void unwatch(struct worker *worker, int fd)
{
    if (epoll_ctl(worker->epoll, EPOLL_CTL_DEL, fd, NULL) != 0)
        perror("epoll_ctl"); /* it was there, so this is a bug */
}

/* Gives up the connection that has waited longest, for its handshake first. */
static bool make_room(struct worker *worker)
{
    static const int order[] = {QUEUE_LINGER, QUEUE_HANDSHAKE, QUEUE_REQUEST};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; ++i) {
        const struct queue *queue = &worker->queues[order[i]];
        if (queue->oldest != NULL && worker->now >= queue->oldest->deadline - queue->limit_ms + SPARED_MS) {
            destroy(worker, queue->oldest);
            return true;
        }
    }
    return false;
}

/*
 * Without descriptors or memory a new client can only wait: until a connection has ended, but not longer than a pause,
 * since that may be one of another thread. Level-triggered, the listener would wake us all the time meanwhile.
 */
static void pause_accepting(struct worker *worker)
{
    if (worker->accept_again == 0)
        unwatch(worker, worker->server->listener);
    worker->accept_again = worker->now + ACCEPT_PAUSE_MS;
}

static void accept_waiting(struct worker *worker, unsigned most)
{
    for (unsigned i = 0; i < most; ++i) {
        int fd = accept4(worker->server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            add_connection(worker, fd);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            if (!make_room(worker)) {
                pause_accepting(worker);
                return;
            }
            break;
        default: /* EINTR, and what has become of a connection that waited: there may be others */
            break;
        }
    }
}

/* ---- the worker ---- */

static bool is_idle(const struct connection *connection)
{
    return connection->phase == PHASE_OPEN && !connection->speaking && connection->kept_len == 0;
}

static void close_idle(struct worker *worker, struct connection *connection)
{
    connection->phase = PHASE_CLOSING;
    serve(worker, connection);
}

/* Ends what has had its time: with a close_notify if the client owes us nothing. */
static void expire(struct worker *worker)
{
    for (int which = 0; which < NUM_QUEUES; ++which) {
        struct queue *queue = &worker->queues[which];
        while (queue->oldest != NULL && queue->oldest->deadline <= worker->now) {
            if (is_idle(queue->oldest))
                close_idle(worker, queue->oldest);
            else
                destroy(worker, queue->oldest);
        }
    }
}

/*
 * No new clients, but for those that have come already. Connections without a request are closed, once it is sure that
 * there is none; the others get their answer, and an end in it.
 */
static void begin_stop(struct worker *worker)
{
    struct server *server = worker->server;

    unwatch(worker, server->wake);
    accept_waiting(worker, SOMAXCONN);
    if (worker->accept_again == 0)
        unwatch(worker, server->listener);
    worker->accept_again = 0;
    /* Then further clients are refused; the descriptor itself stays until all threads have ended. */
    if (__atomic_sub_fetch(&server->accepting, 1, __ATOMIC_RELAXED) == 0)
        (void)shutdown(server->listener, SHUT_RDWR);
    worker->end = worker->now + (int64_t)server->grace * 1000;
    struct connection *next = NULL;
    for (struct connection *connection = worker->queues[QUEUE_REQUEST].oldest; connection != NULL; connection = next) {
        next = connection->newer;
        converse(worker, connection);
        if (is_idle(connection))
            connection->phase = PHASE_CLOSING;
        if (connection->phase != PHASE_OPEN)
            serve(worker, connection);
    }
}

static bool has_ended(const struct worker *worker)
{
    bool deserted = true;

    for (int which = 0; which < NUM_QUEUES; ++which)
        deserted = deserted && worker->queues[which].oldest == NULL;
    return worker->end != 0 && (deserted || worker->now >= worker->end);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How long epoll may wait; -1: for ever. */
static int time_to_wait(const struct worker *worker)
{
    int64_t next = INT64_MAX;

    for (int which = 0; which < NUM_QUEUES; ++which) {
        const struct connection *oldest = worker->queues[which].oldest;
        if (oldest != NULL && oldest->deadline < next)
            next = oldest->deadline;
    }
    if (worker->accept_again != 0 && worker->accept_again < next)
        next = worker->accept_again;
    if (worker->end != 0 && worker->end < next)
        next = worker->end;
    if (next == INT64_MAX)
        return -1;
    return next <= worker->now ? 0 : (int)(next - worker->now);
}

/* The time is over. Those without a request are told so, if the socket takes it; the others see that something is missing. */
static void give_up_all(struct worker *worker)
{
    for (int which = 0; which < NUM_QUEUES; ++which) {
        struct connection *oldest = NULL;
        while ((oldest = worker->queues[which].oldest) != NULL) {
            if (is_idle(oldest))
                close_idle(worker, oldest); /* to the last queue, if it is still there */
            else
                destroy(worker, oldest);
        }
    }
}

void worker_run(struct worker *worker)
{
    struct server *server = worker->server;
    struct epoll_event events[MAX_EVENTS];

    while (!has_ended(worker)) {
        bool accepts = false;
        bool stops = false;
        int count = epoll_wait(worker->epoll, events, MAX_EVENTS, time_to_wait(worker));
        worker->now = monotonic_ms();
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == &server->listener)
                accepts = true;
            else if (events[i].data.ptr == &server->wake)
                stops = true;
            else
                serve(worker, events[i].data.ptr);
        }
        /* After all events, which name connections that this may end. */
        expire(worker);
        if (worker->accept_again != 0 && worker->accept_again <= worker->now && watch_listener(worker))
            worker->accept_again = 0;
        if (accepts)
            accept_waiting(worker, MAX_ACCEPTS);
        if (stops)
            begin_stop(worker);
    }
    give_up_all(worker);
}

bool worker_open(struct worker *worker, struct server *server)
{
    struct epoll_event wake = {.events = EPOLLIN, .data.ptr = &server->wake};
    int64_t idle_ms = (int64_t)server->idle_timeout * 1000;

    worker->server = server;
    worker->now = monotonic_ms();
    worker->queues[QUEUE_HANDSHAKE].limit_ms = (int64_t)server->handshake_timeout * 1000;
    worker->queues[QUEUE_REQUEST].limit_ms = idle_ms;
    worker->queues[QUEUE_RESPONSE].limit_ms = idle_ms;
    worker->queues[QUEUE_LINGER].limit_ms = LINGER_MS;
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    return worker->epoll >= 0 && epoll_ctl(worker->epoll, EPOLL_CTL_ADD, server->wake, &wake) == 0 &&
           watch_listener(worker);
}

void worker_close(struct worker *worker)
{
    if (worker->epoll >= 0)
        close(worker->epoll);
}

/*
 * Sessions bound to a socket: both ends in one program, over socket pairs and over TCP, blocking and not.
 *
 * recv() and send() of this program stand in for the system's: they count, and fail when told to.
 */

/* For syscall(). */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

/* --- The system's calls ------------------------------------------------------------------------------------------ */

/* The next calls fail with these, then succeed; 0 ends the list. */
static int next_errors[8];
/* No call moves more than this; 0: no limit. */
static size_t most;
static unsigned long num_recv, num_send;

static bool fails(void) {
    const int error = next_errors[0];
    if (error == 0) {
        return false;
    }
    memmove(next_errors, next_errors + 1, sizeof next_errors - sizeof next_errors[0]);
    errno = error;
    return true;
}

static void fail_next(int first, int second) {
    next_errors[0] = first;
    next_errors[1] = second;
    next_errors[2] = 0;
}

ssize_t recv(int fd, void *buffer, size_t len, int flags) {
    __atomic_fetch_add(&num_recv, 1, __ATOMIC_RELAXED);
    if (fails()) {
        return -1;
    }
    return syscall(SYS_recvfrom, fd, buffer, most != 0 && len > most ? most : len, flags, NULL, NULL);
}

ssize_t send(int fd, const void *data, size_t len, int flags) {
    __atomic_fetch_add(&num_send, 1, __ATOMIC_RELAXED);
    if (fails()) {
        return -1;
    }
    return syscall(SYS_sendto, fd, data, most != 0 && len > most ? most : len, flags, NULL, 0);
}

/* --- Conversations ----------------------------------------------------------------------------------------------- */

static void test_conversation(uint32_t protocol, bool tcp, size_t limit) {
    test("%s over %s: a conversation and its end, %zu bytes at a time", version_name(protocol),
         tcp ? "TCP" : "a socket pair", limit);
    most = limit;
    wire_t wire = wire_established(protocol, tcp);
    bytes_t received = {0};
    size_t written = 0;
    EXPECT_STATUS(tls_session_socket_write(wire.client, "ping", 4, &written), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(written, 4);
    EXPECT_STATUS(read_until(wire.server, &received, 4), TLS_STATUS_WANT_READ);
    expect_text(&received, "ping");
    bytes_drop(&received, received.len);
    const spantls_span_t spans[] = {{"po", 2}, {NULL, 0}, {"ng", 2}};
    EXPECT_STATUS(tls_session_socket_write_vectored(wire.server, spans, 3, &written), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(written, 4);
    EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_CLOSED);
    EXPECT_STATUS(read_to_end(wire.client, &received), TLS_STATUS_CLOSED);
    expect_text(&received, "pong");
    EXPECT_STATUS(tls_session_socket_shutdown(wire.client), TLS_STATUS_CLOSED);
    EXPECT_STATUS(read_to_end(wire.server, &received), TLS_STATUS_CLOSED);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "more", 4, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_NUMBER(written, 0);
    most = 0;
    bytes_free(&received);
    wire_close(&wire);
}

/* What the statuses promise to a level-triggered loop: it is never told to wait for what does not come. */
static void test_flood(uint32_t protocol) {
    test("%s: 3 MB each way at once, each side waiting for what its statuses say", version_name(protocol));
    enum { TOTAL = 3000000, ROOM = 10000 };
    wire_t wire = wire_established(protocol, true);
    tls_session_t *const sessions[2] = {wire.client, wire.server};
    uint8_t *const data[2] = {pattern(TOTAL, 1), pattern(TOTAL, 2)};
    size_t sent[2] = {0, 0};
    bytes_t received[2] = {{0}, {0}};
    while (received[0].len < TOTAL || received[1].len < TOTAL) {
        struct pollfd entries[2];
        bool wait = true;
        for (int i = 0; i < 2; i++) {
            const uint32_t bits = tls_session_state(sessions[i]);
            const bool writes = sent[i] < TOTAL || (bits & SPANTLS_STATE_HAS_PENDING_OUTPUT) != 0;
            entries[i] = (struct pollfd){.fd = wire.fds[i], .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
            wait = wait && (bits & SPANTLS_STATE_HAS_PENDING_PLAINTEXT) == 0;
        }
        if (!EXPECT(poll(entries, 2, wait ? 10000 : 0) >= 0) ||
            (wait && !EXPECT(entries[0].revents != 0 || entries[1].revents != 0))) {
            break;
        }
        for (int i = 0; i < 2; i++) {
            uint8_t room[ROOM];
            size_t count = 0;
            const bool here = (tls_session_state(sessions[i]) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT) != 0;
            if (here || (entries[i].revents & POLLIN)) {
                const tls_status_t status = tls_session_socket_read(sessions[i], room, sizeof room, &count);
                EXPECT(status == TLS_STATUS_COMPLETE || (status == TLS_STATUS_WANT_READ && !here));
                bytes_append(&received[i], room, count);
            }
            if (entries[i].revents & POLLOUT) {
                const tls_status_t status = tls_session_socket_write(sessions[i], data[i] + sent[i], TOTAL - sent[i], &count);
                EXPECT(status == TLS_STATUS_COMPLETE || status == TLS_STATUS_WANT_WRITE);
                sent[i] += count;
                EXPECT((status == TLS_STATUS_COMPLETE) == (sent[i] == TOTAL && !tls_session_has_pending_output(sessions[i])));
            }
        }
    }
    EXPECT_BYTES(received[0].data, received[0].len, data[1], TOTAL);
    EXPECT_BYTES(received[1].data, received[1].len, data[0], TOTAL);
    for (int i = 0; i < 2; i++) {
        bytes_free(&received[i]);
        free(data[i]);
    }
    wire_close(&wire);
}

/* --- Blocking, and threads --------------------------------------------------------------------------------------- */

static void *shake_hands(void *argument) {
    half_t *half = argument;
    half->status = step(half->session);
    return NULL;
}

static void test_blocking(uint32_t protocol) {
    test("%s: blocking sockets, a reader and a writer thread on either side", version_name(protocol));
    const setup_t client = {.anchors = "ca", .protocols = protocol, .validation = SPANTLS_VALIDATION_AUTOMATIC};
    const setup_t server = {.credentials = "server-p256"};
    wire_t wire = wire_open(&client, &server, true);
    set_blocking(wire.fds[0], true);
    set_blocking(wire.fds[1], true);
    half_t halves[2] = {{.session = wire.client}, {.session = wire.server}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, shake_hands, &halves[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        EXPECT_STATUS(halves[i].status, TLS_STATUS_COMPLETE);
    }
    converse_in_threads(&wire, protocol);
    wire_close(&wire);
}

/* --- Questions and refusals -------------------------------------------------------------------------------------- */

static void test_questions(uint32_t protocol) {
    test("%s: the context by the hello, a client certificate on demand, both verdicts", version_name(protocol));
    const setup_t client_setup = {.anchors = "ca", .protocols = protocol};
    const setup_t server_setup = {
        .credentials = "server-p256", .anchors = "ca", .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE};
    tls_context_t *client = make_context(false, &client_setup), *undecided = make_undecided();
    tls_context_t *server = make_context(true, &server_setup);
    tls_credentials_t *shows = make_credentials("client-p256");
    wire_t wire = wire_on(client, undecided, false);
    unsigned asked = 0;
    for (int i = 0; i < 20 && !run(&wire); i++) {
        if (tls_session_socket_handshake(wire.server) == TLS_STATUS_NEEDS_SERVER_OPTIONS) {
            asked |= 1;
            EXPECT_STATUS(tls_session_set_server_context(wire.server, server), TLS_STATUS_COMPLETE);
        }
        if (tls_session_socket_handshake(wire.client) == TLS_STATUS_WANT_CREDENTIALS) {
            asked |= 2;
            EXPECT_STATUS(tls_session_set_client_credentials(wire.client, shows), TLS_STATUS_COMPLETE);
        }
    }
    EXPECT_NUMBER(asked, 3);
    EXPECT_NUMBER(tls_session_is_handshake_complete(wire.server), 1);
    size_t chain = 0;
    EXPECT_STATUS(tls_session_remote_certificate_count(wire.server, &chain), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(chain, 2);
    wire_close(&wire);
    tls_credentials_destroy(shows);
    tls_context_destroy(client);
    tls_context_destroy(undecided);
    tls_context_destroy(server);
}

static void test_refusal(uint32_t protocol) {
    test("%s: a refused server gets the alert, and the client its reason", version_name(protocol));
    const setup_t client = {.anchors = "other-ca", .protocols = protocol}, server = {.credentials = "server-p256"};
    wire_t wire = wire_open(&client, &server, false);
    EXPECT(!run(&wire));
    EXPECT_STATUS(tls_session_socket_handshake(wire.client), TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_NUMBER(error_of(wire.client).alert_sent, SPANTLS_ALERT_UNKNOWN_CA);
    EXPECT_STATUS(tls_session_socket_handshake(wire.server), TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error_of(wire.server).alert_received, SPANTLS_ALERT_UNKNOWN_CA);
    size_t count = 0;
    uint8_t room[10] = {0};
    EXPECT_STATUS(tls_session_socket_read(wire.client, room, sizeof room, &count), TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_STATUS(tls_session_socket_shutdown(wire.client), TLS_STATUS_CLOSED);
    wire_close(&wire);
}

static void test_garbage(void) {
    test("what is no TLS is refused with an alert at its first byte");
    const setup_t server = {.credentials = "server-p256"};
    int fds[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    set_blocking(fds[0], false);
    tls_context_t *context = make_context(true, &server);
    tls_session_t *session = NULL;
    EXPECT_STATUS(tls_session_create_with_socket(context, fds[0], SPANTLS_SOCKET_OWN, &session), TLS_STATUS_COMPLETE);
    EXPECT(write(fds[1], "GET", 3) == 3);
    EXPECT_STATUS(tls_session_socket_handshake(session), TLS_STATUS_PROTOCOL_ERROR);
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, SPANTLS_ALERT_UNEXPECTED_MESSAGE};
    uint8_t room[100] = {0};
    const ssize_t count = read(fds[1], room, sizeof room);
    EXPECT_BYTES(room, count < 0 ? 0 : (size_t)count, alert, sizeof alert);
    tls_session_destroy(session);
    tls_context_destroy(context);
    close(fds[1]);
}

/* What has come to `fd` until the other end has said that there is no more: the number of bytes, or -1 for a reset. */
static ssize_t read_raw_to_end(int fd, uint8_t *room, size_t cap) {
    size_t len = 0;
    for (;;) {
        const ssize_t count = read(fd, room + len, cap - len);
        if (count <= 0) {
            return count < 0 ? -1 : (ssize_t)len;
        }
        len += (size_t)count;
    }
}

static void test_finish(uint32_t protocol) {
    test("%s: finish closes our side, then waits until the peer has ended too", version_name(protocol));
    wire_t wire = wire_established(protocol, true);
    size_t written = 0;
    EXPECT_STATUS(tls_session_socket_write(wire.server, (const uint8_t *)"unread", 6, &written), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_write(wire.client, (const uint8_t *)"last", 4, &written), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_WANT_READ);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_WANT_READ);
    bytes_t received = {0};
    EXPECT_STATUS(read_to_end(wire.server, &received), TLS_STATUS_CLOSED);
    expect_text(&received, "last");
    /* The peer's close_notify has come, so nothing is waited for. */
    EXPECT_STATUS(tls_session_socket_finish(wire.server), TLS_STATUS_CLOSED);
    set_blocking(wire.fds[0], true);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_CLOSED);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_CLOSED);
    EXPECT_STATUS(tls_session_socket_write(wire.client, (const uint8_t *)"x", 1, &written), TLS_STATUS_INVALID_STATE);
    bytes_free(&received);
    wire_close(&wire);
}

static void test_finish_after_a_refusal(void) {
    test("finish after a refusal: the alert arrives whatever the peer has sent, and no reset overtakes it");
    const setup_t server = {.credentials = "server-p256"};
    tls_context_t *context = make_context(true, &server);
    wire_t wire = wire_pair(true);
    EXPECT_STATUS(tls_session_create_with_socket(context, wire.fds[1], SPANTLS_SOCKET_OWN, &wire.server), TLS_STATUS_COMPLETE);
    tls_context_destroy(context);
    uint8_t garbage[100000] = "GET / HTTP/1.1", alert[100] = {0};
    EXPECT_NUMBER(send(wire.fds[0], garbage, sizeof garbage, 0), sizeof garbage);
    struct pollfd entry = {.fd = wire.fds[1], .events = POLLIN};
    EXPECT_NUMBER(poll(&entry, 1, 10000), 1);
    EXPECT_STATUS(tls_session_socket_handshake(wire.server), TLS_STATUS_PROTOCOL_ERROR);
    EXPECT_STATUS(tls_session_socket_finish(wire.server), TLS_STATUS_WANT_READ);
    set_blocking(wire.fds[0], true);
    EXPECT_NUMBER(read_raw_to_end(wire.fds[0], alert, sizeof alert), 7);
    EXPECT_NUMBER(alert[6], SPANTLS_ALERT_UNEXPECTED_MESSAGE);
    close(wire.fds[0]);
    set_blocking(wire.fds[1], true);
    EXPECT_STATUS(tls_session_socket_finish(wire.server), TLS_STATUS_CLOSED);
    EXPECT_STATUS(error_of(wire.server).status, TLS_STATUS_PROTOCOL_ERROR);
    wire_close(&wire);
}

static void test_finish_has_an_end(void) {
    test("finish does not stay in one call with a peer that sends and sends, and says when the socket has failed");
    wire_t wire = wire_established(SPANTLS_PROTOCOL_TLS13, false);
    uint8_t data[1000] = {0};
    size_t written = 0;
    EXPECT_STATUS(tls_session_socket_write(wire.server, data, sizeof data, &written), TLS_STATUS_COMPLETE);
    most = 1;
    unsigned long before = num_recv;
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_WANT_READ);
    EXPECT_NUMBER(num_recv - before, 256);
    most = 0;
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_WANT_READ);
    fail_next(ECONNRESET, 0);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_IO_ERROR);
    EXPECT_NUMBER(error_of(wire.client).os_error, ECONNRESET);
    wire_close(&wire);

    wire = wire_established(SPANTLS_PROTOCOL_TLS13, false);
    fail_next(EAGAIN, 0);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_WANT_WRITE);
    fail_next(EPIPE, 0);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_IO_ERROR);
    EXPECT_STATUS(tls_session_socket_finish(wire.client), TLS_STATUS_IO_ERROR);
    wire_close(&wire);
}

/* --- Errors of the system ---------------------------------------------------------------------------------------- */

static void test_interruptions(uint32_t protocol) {
    test("%s: interrupted calls are repeated, and passing shortages lose nothing", version_name(protocol));
    wire_t wire = wire_established(protocol, false);
    bytes_t received = {0};
    size_t count = 0;
    fail_next(EINTR, EINTR);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "one ", 4, &count), TLS_STATUS_COMPLETE);
    fail_next(ENOBUFS, ENOBUFS);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "two ", 4, &count), TLS_STATUS_IO_ERROR);
    EXPECT_NUMBER(count, 4);
    EXPECT_NUMBER(error_of(wire.client).os_error, ENOBUFS);
    EXPECT_NUMBER(tls_session_has_pending_output(wire.client), 1);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "three", 5, &count), TLS_STATUS_IO_ERROR);
    EXPECT_NUMBER(count, 0);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "three", 5, &count), TLS_STATUS_COMPLETE);
    fail_next(EINTR, ENOMEM);
    EXPECT_STATUS(read_until(wire.server, &received, 0), TLS_STATUS_IO_ERROR);
    EXPECT_NUMBER(error_of(wire.server).os_error, ENOMEM);
    EXPECT_STATUS(read_until(wire.server, &received, 0), TLS_STATUS_WANT_READ);
    expect_text(&received, "one two three");
    EXPECT_NUMBER(tls_session_state(wire.server) & SPANTLS_STATE_FAILED, 0);
    bytes_free(&received);
    wire_close(&wire);
}

static void test_reset(uint32_t protocol) {
    test("%s: a connection that was reset is TLS_STATUS_IO_ERROR with its number, and raises no signal", version_name(protocol));
    wire_t wire = wire_established(protocol, true);
    const struct linger now = {1, 0};
    size_t count = 0;
    uint8_t room[100] = {0};
    EXPECT(setsockopt(wire.fds[1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    tls_session_destroy(wire.server);
    wire.server = NULL;
    bytes_t received = {0};
    EXPECT_STATUS(read_to_end(wire.client, &received), TLS_STATUS_IO_ERROR);
    EXPECT_NUMBER(error_of(wire.client).os_error, ECONNRESET);
    EXPECT_STATUS(tls_session_socket_read(wire.client, room, sizeof room, &count), TLS_STATUS_IO_ERROR);
    EXPECT_STATUS(tls_session_socket_write(wire.client, room, sizeof room, &count), TLS_STATUS_IO_ERROR);
    EXPECT_NUMBER(error_of(wire.client).os_error, EPIPE);
    EXPECT_STATUS(tls_session_socket_write(wire.client, room, sizeof room, &count), TLS_STATUS_IO_ERROR);
    EXPECT_STATUS(tls_session_socket_shutdown(wire.client), TLS_STATUS_IO_ERROR);
    EXPECT_NUMBER(tls_session_has_pending_output(wire.client), 0);
    wire_close(&wire);
}

static void test_reset_in_handshake(void) {
    test("a socket that fails in the handshake ends it, unless the peer has said why");
    for (int says_why = 0; says_why < 2; says_why++) {
        const setup_t setup = {.anchors = "ca"};
        tls_context_t *context = make_context(false, &setup);
        tls_session_t *session = NULL;
        int fds[2];
        EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
        set_blocking(fds[0], false);
        EXPECT_STATUS(tls_session_create_with_socket(context, fds[0], SPANTLS_SOCKET_OWN, &session), TLS_STATUS_COMPLETE);
        if (says_why) {
            static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, SPANTLS_ALERT_HANDSHAKE_FAILURE};
            EXPECT(write(fds[1], alert, sizeof alert) == sizeof alert);
        }
        close(fds[1]);
        for (int i = 0; i < 2; i++) {
            EXPECT_STATUS(tls_session_socket_handshake(session), says_why ? TLS_STATUS_PEER_ALERT : TLS_STATUS_IO_ERROR);
        }
        EXPECT_NUMBER(error_of(session).alert_received, says_why ? SPANTLS_ALERT_HANDSHAKE_FAILURE : -1);
        EXPECT_NUMBER(error_of(session).os_error, says_why ? 0 : EPIPE);
        tls_session_destroy(session);
        tls_context_destroy(context);
    }
}

/* --- System calls ------------------------------------------------------------------------------------------------ */

static void test_system_calls(uint32_t protocol) {
    test("%s: as few system calls as there can be", version_name(protocol));
    wire_t wire = wire_established(protocol, false);
    /* A flight is one call, with what is in front of it. */
    EXPECT_NUMBER(stats_of(wire.client).send_calls, 2);
    EXPECT_NUMBER(stats_of(wire.server).send_calls, protocol == SPANTLS_PROTOCOL_TLS12 ? 2 : 1);
    const int large = 4 << 20;
    uint8_t *data = pattern(1 << 20, 4);
    bytes_t received = {0};
    size_t count = 0;
    setsockopt(wire.fds[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    setsockopt(wire.fds[1], SOL_SOCKET, SO_RCVBUF, &large, sizeof large);

    unsigned long recvs = num_recv, sends = num_send;
    for (int i = 0; i < 100; i++) {
        uint8_t room[2000];
        EXPECT_STATUS(tls_session_socket_write(wire.client, data, 1000, &count), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(count, 1000);
    }
    EXPECT_NUMBER(num_recv - recvs, 100);
    EXPECT_NUMBER(num_send - sends, 100);

    /* 100 KiB, in one span and in thirty, are one call. */
    spantls_span_t spans[30];
    for (size_t i = 0; i < COUNT(spans); i++) {
        spans[i] = (spantls_span_t){data + i * 3413, i + 1 < COUNT(spans) ? 3413 : 102400 - 29 * 3413};
    }
    sends = num_send;
    EXPECT_STATUS(tls_session_socket_write(wire.client, data, 102400, &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(num_send - sends, 1);
    EXPECT_STATUS(tls_session_socket_write_vectored(wire.client, spans, COUNT(spans), &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(num_send - sends, 2);
    EXPECT_STATUS(read_until(wire.server, &received, 204800), TLS_STATUS_WANT_READ);
    EXPECT_NUMBER(received.len, 204800);
    EXPECT_BYTES(received.data, 102400, data, 102400);
    EXPECT_BYTES(received.data + 102400, 102400, data, 102400);

    const spantls_session_stats_t stats = stats_of(wire.client);
    EXPECT_NUMBER(stats.send_calls, 104);
    EXPECT_NUMBER(stats.plaintext_sent, 100 * 1000 + 2 * 102400);
    bytes_free(&received);
    free(data);
    wire_close(&wire);
}

/* --- Memory ------------------------------------------------------------------------------------------------------ */

/* Bytes of this program's heap. */
static size_t heap(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Whether that is known: under a checker of memory it is not. */
static bool heap_is_known(void) {
    const size_t before = heap();
    void *volatile block = malloc(1 << 20); /* less may come from a cache that counts as used */
    const bool known = heap() > before;
    free(block);
    return known;
}

/* What one of `num` idle servers costs. */
static size_t idle_cost(uint32_t protocol, size_t num, bool bound) {
    const setup_t client_setup = {.anchors = "ca", .protocols = protocol}, server_setup = {.credentials = "server-p256"};
    tls_context_t *client = make_context(false, &client_setup), *server = make_context(true, &server_setup);
    tls_session_t **idle = calloc(num + 1, sizeof *idle);
    size_t before = 0;
    for (size_t i = 0; i <= num; i++) {
        if (i == 1) {
            /* Pools are filled and the thread has its buffers. */
            before = heap();
        }
        if (bound) {
            wire_t wire = wire_on(client, server, false);
            EXPECT(run(&wire));
            size_t count = 0;
            uint8_t room[100];
            EXPECT_STATUS(tls_session_socket_write(wire.client, "request", 7, &count), TLS_STATUS_COMPLETE);
            EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_COMPLETE);
            EXPECT_STATUS(tls_session_socket_write(wire.server, room, count, &count), TLS_STATUS_COMPLETE);
            idle[i] = wire.server;
            tls_session_destroy(wire.client);
        } else {
            pair_t pair = pair_on(client, server);
            EXPECT(run_handshake(&pair));
            idle[i] = pair.server.session;
            pair.server.session = NULL;
            pair_close(&pair);
        }
    }
    const size_t each = (heap() - before) / num;
    for (size_t i = 0; i <= num; i++) {
        tls_session_destroy(idle[i]);
    }
    free(idle);
    tls_context_destroy(client);
    tls_context_destroy(server);
    return each;
}

static void test_idle(uint32_t protocol) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const bool known = heap_is_known();
    const size_t num = !known ? 10 : limit.rlim_cur < 700 ? 300 : 600;
    test("%s: of %zu idle servers a bound one costs as much as one over spans, and a few words", version_name(protocol), num);
    /* What is made once is there, then. */
    (void)idle_cost(protocol, num, false);
    (void)idle_cost(protocol, num, true);
    const size_t spans = idle_cost(protocol, num, false), bound = idle_cost(protocol, num, true);
    if (known) {
        printf("# %s: %zu bytes of heap each over spans, %zu on a socket\n", version_name(protocol), spans, bound);
        EXPECT(spans > 0);
        EXPECT(bound <= spans + 128);
        EXPECT(bound <= 4096);
    }
}

/* --- Wrong uses -------------------------------------------------------------------------------------------------- */

static void test_wrong_uses(uint32_t protocol) {
    test("%s: the functions over spans and for sockets do not mix", version_name(protocol));
    wire_t wire = wire_established(protocol, false);
    uint8_t room[100] = {0};
    size_t consumed = 1, written = 1, offset = 1;
    EXPECT_STATUS(tls_session_handshake(wire.client, NULL, 0, room, 100, &consumed, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_NUMBER(consumed + written, 0);
    EXPECT_STATUS(tls_session_encrypt(wire.client, room, 1, NULL, 0, &consumed, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_decrypt(wire.client, room, 1, NULL, 0, &consumed, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_decrypt_in_place(wire.client, room, 1, &consumed, &offset, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_encrypt_vectored(wire.client, NULL, 0, room, 100, &consumed, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_shutdown(wire.client, room, 100, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_drain_pending_output(wire.client, room, 100, &written), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_end_of_input(wire.client), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_update_keys(wire.client, 0, room, 100, &written), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_session_request_client_certificate(wire.server, room, 100, &written), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_session_request_client_certificate(wire.server, NULL, 0, &written), TLS_STATUS_NOT_SUPPORTED);
    EXPECT_STATUS(tls_session_socket_read(wire.client, room, 100, NULL), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_session_socket_read(wire.client, NULL, 100, &written), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_session_socket_write(wire.client, NULL, 1, &written), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_session_socket_write(wire.client, NULL, 0, &written), TLS_STATUS_COMPLETE);
    /* Nothing of this was noticed. */
    bytes_t received = {0};
    EXPECT_STATUS(tls_session_socket_write(wire.client, "still here", 10, &written), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(read_until(wire.server, &received, 0), TLS_STATUS_WANT_READ);
    expect_text(&received, "still here");
    bytes_free(&received);
    wire_close(&wire);
}

static void test_too_early(void) {
    test("before the handshake is complete there is nothing to read or write");
    const setup_t client = {.anchors = "ca"}, server = {.credentials = "server-p256"};
    wire_t wire = wire_open(&client, &server, false);
    uint8_t room[10] = {0};
    size_t count = 1;
    EXPECT_STATUS(tls_session_socket_read(wire.client, room, sizeof room, &count), TLS_STATUS_INVALID_STATE);
    EXPECT_NUMBER(count, 0);
    EXPECT_STATUS(tls_session_socket_write(wire.client, room, 1, &count), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_CLOSED);
    EXPECT_STATUS(tls_session_socket_handshake(wire.server), TLS_STATUS_CLOSED);
    EXPECT_STATUS(tls_session_socket_handshake(wire.client), TLS_STATUS_WANT_READ);
    /* Destroyed in the middle. */
    wire_close(&wire);
}

static void *read_in_vain(void *argument) {
    half_t *half = argument;
    uint8_t room[10] = {0};
    size_t count = 0;
    tls_status_t status;
    do {
        status = tls_session_socket_read(half->session, room, sizeof room, &count);
    } while (status == TLS_STATUS_BUSY || status == TLS_STATUS_WANT_READ);
    half->status = status;
    return NULL;
}

static void test_intruder(void) {
    test("a second reader is told that the first is inside; the writer is not in its way");
    wire_t wire = wire_established(SPANTLS_PROTOCOL_TLS13, true);
    set_blocking(wire.fds[0], true);
    /* Time-outs, which are no data but EAGAIN, let the intruder try until it meets the reader; in between it stays away
       for long enough that the reader gets in. */
    const struct timeval soon = {0, 50000};
    EXPECT(setsockopt(wire.fds[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon) == 0);
    half_t reader = {.session = wire.client};
    pthread_t thread;
    pthread_create(&thread, NULL, read_in_vain, &reader);
    uint8_t room[10] = {0};
    size_t count = 0;
    tls_status_t status;
    do {
        poll(NULL, 0, 5);
        status = tls_session_socket_read(wire.client, room, 0, &count);
    } while (status == TLS_STATUS_WANT_READ);
    EXPECT_STATUS(status, TLS_STATUS_BUSY);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "ask", 3, &count), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_write(wire.server, "answer", 6, &count), TLS_STATUS_COMPLETE);
    pthread_join(thread, NULL);
    EXPECT_STATUS(reader.status, TLS_STATUS_COMPLETE);
    wire_close(&wire);
}

static void test_borrowed(void) {
    test("a borrowed socket outlives its session, an owned one is closed with it");
    const setup_t setup = {.anchors = "ca"};
    tls_context_t *context = make_context(false, &setup);
    tls_session_t *session = NULL;
    int fds[2];
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    EXPECT_STATUS(tls_session_create_with_socket(context, fds[0], SPANTLS_SOCKET_BORROW, &session), TLS_STATUS_COMPLETE);
    tls_session_destroy(session);
    EXPECT(fcntl(fds[0], F_GETFD) >= 0);
    EXPECT_STATUS(tls_session_create_with_socket(context, fds[0], SPANTLS_SOCKET_OWN, &session), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_shutdown(session), TLS_STATUS_CLOSED);
    EXPECT(fcntl(fds[0], F_GETFD) >= 0);
    tls_session_destroy(session);
    EXPECT(fcntl(fds[0], F_GETFD) < 0 && errno == EBADF);
    close(fds[1]);
    tls_context_destroy(context);
}

/* --- The kernel's TLS, where it is none ---------------------------------------------------------------------------- */

static void test_no_kernel(uint32_t protocol, bool tcp, uint32_t flags) {
    test("%s over %s, kernel flags %u: the session goes on without the kernel's TLS and says why, or has it", version_name(protocol),
         tcp ? "TCP" : "a Unix socket", flags);
    socket_flags = SPANTLS_SOCKET_OWN | flags;
    wire_t wire = wire_established(protocol, tcp);
    socket_flags = SPANTLS_SOCKET_OWN;
    tls_session_t *const sessions[2] = {wire.client, wire.server};
    for (int i = 0; i < 2; i++) {
        const spantls_session_stats_t stats = stats_of(sessions[i]);
        if (tcp && stats.kernel_reason == SPANTLS_KERNEL_REASON_NONE) {
            EXPECT_NUMBER(stats.kernel_send, (flags & SPANTLS_SOCKET_KERNEL_SEND) != 0);
            EXPECT_NUMBER(stats.kernel_receive, (flags & SPANTLS_SOCKET_KERNEL_RECEIVE) != 0);
        } else {
            EXPECT_NUMBER(stats.kernel_reason, SPANTLS_KERNEL_REASON_UNAVAILABLE);
            EXPECT_NUMBER(stats.kernel_send + stats.kernel_receive, 0);
            EXPECT(stats.kernel_os_error > 0);
        }
    }
    bytes_t received = {0};
    size_t written = 0;
    for (int i = 0; i < 2; i++) {
        EXPECT_STATUS(tls_session_socket_write(sessions[i], "ping", 4, &written), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(read_until(sessions[1 - i], &received, 4), TLS_STATUS_WANT_READ);
        expect_text(&received, "ping");
        bytes_drop(&received, received.len);
    }
    EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_CLOSED);
    EXPECT_STATUS(read_to_end(wire.client, &received), TLS_STATUS_CLOSED);
    bytes_free(&received);
    wire_close(&wire);
}

static void test_data_behind_the_handshake(uint32_t protocol, uint32_t flags) {
    test("%s, kernel flags %u: data that comes with the last message of the handshake is read, and keeps the kernel out of nothing",
         version_name(protocol), flags);
    const setup_t client = {.anchors = "ca", .protocols = protocol, .validation = SPANTLS_VALIDATION_AUTOMATIC};
    const setup_t server = {.credentials = "server-p256"};
    socket_flags = SPANTLS_SOCKET_OWN | flags;
    wire_t wire = wire_open(&client, &server, true);
    socket_flags = SPANTLS_SOCKET_OWN;
    uint8_t data[100] = {7}, room[200] = {0};
    size_t count = 0;
    tls_session_t *const second = run_and_speak(&wire, protocol, data, sizeof data);
    if ((flags & SPANTLS_SOCKET_KERNEL_RECEIVE) != 0) {
        /* It is the kernel's to open. */
        EXPECT_NUMBER(tls_session_state(second) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT, 0);
    }
    const spantls_session_stats_t stats = stats_of(second);
    if (stats.kernel_reason == SPANTLS_KERNEL_REASON_NONE) {
        EXPECT_NUMBER(stats.kernel_send, (flags & SPANTLS_SOCKET_KERNEL_SEND) != 0);
        EXPECT_NUMBER(stats.kernel_receive, (flags & SPANTLS_SOCKET_KERNEL_RECEIVE) != 0);
    } else {
        EXPECT_NUMBER(stats.kernel_reason, SPANTLS_KERNEL_REASON_UNAVAILABLE);
    }
    tls_status_t status = TLS_STATUS_WANT_READ;
    for (int i = 0; i < 1000 && (status = tls_session_socket_read(second, room, sizeof room, &count)) == TLS_STATUS_WANT_READ; i++) {
        poll(NULL, 0, 1);
    }
    EXPECT_STATUS(status, TLS_STATUS_COMPLETE);
    EXPECT_BYTES(room, count, data, sizeof data);
    wire_close(&wire);
}

/* A client on a socket that is connecting to a listener whose queue is full; then there is room, or there is nobody. */
static void test_connecting(bool refused) {
    test("a socket that is still connecting is waited for%s", refused ? ", and one that nobody listens to is an error" : "");
    struct sockaddr_in address;
    const int listener = listen_on_loopback(0, &address);
    int fds[8];
    struct pollfd last = {.events = POLLOUT};
    size_t num = 0;
    do {
        fds[num] = socket(AF_INET, SOCK_STREAM, 0);
        set_blocking(fds[num], false);
        EXPECT(connect(fds[num], (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS);
        last.fd = fds[num++];
    } while (num < COUNT(fds) && poll(&last, 1, 50) > 0);
    EXPECT(num < COUNT(fds));
    const setup_t setup = {.anchors = "ca"};
    tls_context_t *context = make_context(false, &setup);
    tls_session_t *session = NULL;
    EXPECT_STATUS(tls_session_create_with_socket(context, last.fd, SPANTLS_SOCKET_OWN, &session), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_set_target_host_name(session, "localhost"), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_handshake(session), TLS_STATUS_WANT_WRITE);
    EXPECT_STATUS(tls_session_socket_handshake(session), TLS_STATUS_WANT_WRITE);
    for (size_t i = 0; i + 1 < num; i++) {
        close(refused ? -1 : accept(listener, NULL, NULL));
    }
    if (refused) {
        close(listener);
    }
    EXPECT_NUMBER(poll(&last, 1, 20000), 1);
    const tls_status_t status = tls_session_socket_handshake(session);
    if (refused) {
        spantls_error_t error = {.struct_size = sizeof error};
        EXPECT_STATUS(status, TLS_STATUS_IO_ERROR);
        EXPECT_STATUS(tls_session_error(session, &error), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(error.os_error, ECONNREFUSED);
    } else {
        EXPECT_STATUS(status, TLS_STATUS_WANT_READ);
        close(listener);
    }
    tls_session_destroy(session);
    tls_context_destroy(context);
    for (size_t i = 0; i + 1 < num; i++) {
        close(fds[i]);
    }
}

/* A blocking socket with time limits. */
static void test_time_limits(void) {
    test("a time limit of a blocking socket is WANT_READ, and nothing is lost");
    wire_t wire = wire_established(SPANTLS_PROTOCOL_TLS13, false);
    const struct timeval soon = {.tv_usec = 10000};
    size_t count = 0;
    uint8_t room[10];
    set_blocking(wire.fds[1], true);
    EXPECT_NUMBER(setsockopt(wire.fds[1], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon), 0);
    EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_WANT_READ);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "hello", 5, &count), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(room, count, "hello", 5);
    EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_WANT_READ);
    wire_close(&wire);
}

/* Its handshake reads a header and then what that announces. */
static void test_long_announcements(void) {
    static const uint8_t lengths[][2] = {{0xff, 0xff}, {0x48, 0x01}, {0, 0}};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        for (uint32_t flags = 0; flags <= SPANTLS_SOCKET_KERNEL_RECEIVE; flags += SPANTLS_SOCKET_KERNEL_RECEIVE) {
            test("a handshake record of announced length %u, kernel flags %u, is refused", lengths[i][0] << 8 | lengths[i][1], flags);
            const setup_t server = {.credentials = "server-p256"};
            tls_context_t *context = make_context(true, &server);
            wire_t wire = wire_pair(false);
            EXPECT_STATUS(tls_session_create_with_socket(context, wire.fds[1], SPANTLS_SOCKET_OWN | flags, &wire.server),
                          TLS_STATUS_COMPLETE);
            tls_context_destroy(context);
            const uint8_t header[] = {22, 3, 1, lengths[i][0], lengths[i][1]};
            EXPECT_NUMBER(send(wire.fds[0], header, sizeof header, 0), sizeof header);
            spantls_error_t error = {.struct_size = sizeof error};
            EXPECT_STATUS(tls_session_socket_handshake(wire.server), TLS_STATUS_PROTOCOL_ERROR);
            EXPECT_STATUS(tls_session_error(wire.server, &error), TLS_STATUS_COMPLETE);
            EXPECT_NUMBER(error.alert_sent, i < 2 ? SPANTLS_ALERT_RECORD_OVERFLOW : SPANTLS_ALERT_UNEXPECTED_MESSAGE);
            close(wire.fds[0]);
            wire_close(&wire);
        }
    }
}

int main(int argc, char **argv) {
    begin(argc, argv);
    for (size_t i = 0; i < COUNT(protocols); i++) {
        test_conversation(protocols[i], false, 0);
        test_conversation(protocols[i], true, 0);
        test_conversation(protocols[i], false, 1);
        test_conversation(protocols[i], true, 7);
        test_flood(protocols[i]);
        test_blocking(protocols[i]);
        test_questions(protocols[i]);
        test_refusal(protocols[i]);
        test_finish(protocols[i]);
        test_interruptions(protocols[i]);
        test_reset(protocols[i]);
        test_system_calls(protocols[i]);
        test_wrong_uses(protocols[i]);
        test_idle(protocols[i]);
        for (uint32_t flags = SPANTLS_SOCKET_KERNEL_SEND; flags <= 12; flags += 4) {
            test_no_kernel(protocols[i], false, flags);
            test_no_kernel(protocols[i], true, flags);
            test_data_behind_the_handshake(protocols[i], flags);
        }
    }
    test_garbage();
    test_finish_after_a_refusal();
    test_finish_has_an_end();
    test_long_announcements();
    test_connecting(false);
    test_connecting(true);
    test_time_limits();
    test_reset_in_handshake();
    test_too_early();
    test_intruder();
    test_borrowed();
    return finish();
}

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void set_blocking(int fd, bool blocking) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0) {
        give_up("fcntl: %s", strerror(errno));
    }
}

int listen_on_loopback(int backlog, struct sockaddr_in *address) {
    socklen_t len = sizeof *address;
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)address, len) != 0 || listen(listener, backlog) != 0 ||
        getsockname(listener, (struct sockaddr *)address, &len) != 0) {
        give_up("listening: %s", strerror(errno));
    }
    return listener;
}

/* Two ends of a TCP connection over loopback. */
static void connect_tcp(int fds[2]) {
    struct sockaddr_in address;
    const int listener = listen_on_loopback(1, &address);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (fds[0] < 0 || connect(fds[0], (struct sockaddr *)&address, sizeof address) != 0 ||
        (fds[1] = accept(listener, NULL, NULL)) < 0) {
        give_up("TCP over loopback: %s", strerror(errno));
    }
    close(listener);
    /* A small packet does not wait for the one before it to be acknowledged. */
    const int yes = 1;
    for (int i = 0; i < 2; i++) {
        EXPECT_NUMBER(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes), 0);
    }
}

uint32_t socket_flags = SPANTLS_SOCKET_OWN;

const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

wire_t wire_pair(bool tcp) {
    wire_t wire = {{-1, -1}, tcp, NULL, NULL};
    if (tcp) {
        connect_tcp(wire.fds);
    } else if (socketpair(AF_UNIX, SOCK_STREAM, 0, wire.fds) != 0) {
        give_up("socketpair: %s", strerror(errno));
    }
    for (int i = 0; i < 2; i++) {
        set_blocking(wire.fds[i], false);
    }
    return wire;
}

wire_t wire_on(tls_context_t *client, tls_context_t *server, bool tcp) {
    wire_t wire = wire_pair(tcp);
    EXPECT_STATUS(tls_session_create_with_socket(client, wire.fds[0], socket_flags, &wire.client), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_create_with_socket(server, wire.fds[1], socket_flags, &wire.server), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(tls_session_socket(wire.client), wire.fds[0]);
    EXPECT_STATUS(tls_session_set_target_host_name(wire.client, "localhost"), TLS_STATUS_COMPLETE);
    return wire;
}

wire_t wire_open(const setup_t *client, const setup_t *server, bool tcp) {
    tls_context_t *client_context = make_context(false, client), *server_context = make_context(true, server);
    const wire_t wire = wire_on(client_context, server_context, tcp);
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
    return wire;
}

void wire_close(wire_t *wire) {
    tls_session_destroy(wire->client);
    tls_session_destroy(wire->server);
}

bool waits(tls_status_t status) {
    return status == TLS_STATUS_WANT_READ || status == TLS_STATUS_WANT_WRITE;
}

/* Waits until a socket is what its status says that it is waited for; false if none of them is in time. */
static bool is_ready(tls_session_t *const *sessions, const tls_status_t *statuses, size_t num, int milliseconds) {
    struct pollfd entries[2];
    nfds_t num_entries = 0;
    for (size_t i = 0; i < num; i++) {
        if (waits(statuses[i])) {
            const short event = statuses[i] == TLS_STATUS_WANT_READ ? POLLIN : POLLOUT;
            entries[num_entries++] = (struct pollfd){.fd = (int)tls_session_socket(sessions[i]), .events = event};
        }
    }
    return num_entries > 0 && poll(entries, num_entries, milliseconds) > 0;
}

tls_status_t step(tls_session_t *session) {
    const tls_status_t status = tls_session_socket_handshake(session);
    EXPECT_NUMBER(tls_session_is_handshake_complete(session), status == TLS_STATUS_COMPLETE);
    if (status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
        EXPECT_STATUS(tls_session_socket_handshake(session), status);
        expect_verdict(session, tls_session_accept_with_default_validation(session, NULL));
        return tls_session_socket_handshake(session);
    }
    return status;
}

bool run(wire_t *wire) {
    for (;;) {
        tls_session_t *const sessions[2] = {wire->client, wire->server};
        const tls_status_t statuses[2] = {step(wire->client), step(wire->server)};
        if (statuses[0] == TLS_STATUS_COMPLETE && statuses[1] == TLS_STATUS_COMPLETE) {
            return true;
        }
        if (!is_ready(sessions, statuses, 2, wire->tcp ? 10000 : 0)) {
            return false;
        }
    }
}

tls_session_t *run_and_speak(wire_t *wire, uint32_t protocol, const uint8_t *data, size_t len) {
    const bool client_first = protocol == SPANTLS_PROTOCOL_TLS13;
    tls_session_t *const first = client_first ? wire->client : wire->server;
    tls_session_t *const second = client_first ? wire->server : wire->client;
    tls_status_t status = TLS_STATUS_WANT_READ;
    for (int i = 0; i < 1000 && (status = tls_session_socket_handshake(first)) != TLS_STATUS_COMPLETE; i++) {
        EXPECT(waits(status));
        EXPECT(tls_session_socket_handshake(second) != TLS_STATUS_COMPLETE);
        poll(NULL, 0, 1);
    }
    EXPECT_STATUS(status, TLS_STATUS_COMPLETE);
    size_t count = 0;
    EXPECT_STATUS(tls_session_socket_write(first, data, len, &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(count, len);
    /* Both have arrived, so that one call could receive both. */
    poll(NULL, 0, 5);
    for (int i = 0; i < 1000 && (status = tls_session_socket_handshake(second)) != TLS_STATUS_COMPLETE; i++) {
        poll(NULL, 0, 1);
    }
    EXPECT_STATUS(status, TLS_STATUS_COMPLETE);
    return second;
}

wire_t wire_established(uint32_t protocol, bool tcp) {
    const setup_t client = {.anchors = "ca", .protocols = protocol}, server = {.credentials = "server-p256"};
    wire_t wire = wire_open(&client, &server, tcp);
    if (!run(&wire)) {
        give_up("the handshake of %s over a socket has failed", version_name(protocol));
    }
    return wire;
}

tls_status_t read_until(tls_session_t *session, bytes_t *into, size_t len) {
    static uint8_t room[40000];
    for (;;) {
        size_t count = 1234567;
        const tls_status_t status = tls_session_socket_read(session, room, sizeof room, &count);
        if (status == TLS_STATUS_WANT_READ && into->len < len && is_ready(&session, &status, 1, 10000)) {
            continue;
        }
        if (status != TLS_STATUS_COMPLETE) {
            EXPECT_NUMBER(count, 0);
            return status;
        }
        EXPECT(count > 0);
        bytes_append(into, room, count);
    }
}

tls_status_t read_to_end(tls_session_t *session, bytes_t *into) {
    return read_until(session, into, SIZE_MAX);
}

spantls_session_stats_t stats_of(const tls_session_t *session) {
    spantls_session_stats_t stats = {.struct_size = sizeof stats};
    EXPECT_STATUS(tls_session_stats(session, &stats), TLS_STATUS_COMPLETE);
    return stats;
}

void expect_text(const bytes_t *bytes, const char *text) {
    EXPECT_BYTES(bytes->data, bytes->len, text, strlen(text));
}

static void *write_half(void *argument) {
    half_t *half = argument;
    size_t done = 0;
    do {
        size_t count = 0;
        half->status = tls_session_socket_write(half->session, half->data + done, half->len - done, &count);
        done += count;
    } while (half->status == TLS_STATUS_WANT_WRITE);
    if (half->all_there != NULL) {
        pthread_barrier_wait(half->all_there);
    }
    if (half->status == TLS_STATUS_COMPLETE) {
        half->status = tls_session_socket_shutdown(half->session);
    }
    return NULL;
}

static void *read_half(void *argument) {
    half_t *half = argument;
    uint8_t room[30000];
    pthread_barrier_t *all_there = half->all_there;
    do {
        size_t count = 0;
        half->status = tls_session_socket_read(half->session, room, sizeof room, &count);
        bytes_append(&half->received, room, count);
        if (all_there != NULL && (half->received.len >= half->len || half->status != TLS_STATUS_COMPLETE)) {
            pthread_barrier_wait(all_there);
            all_there = NULL;
        }
    } while (half->status == TLS_STATUS_COMPLETE);
    return NULL;
}

void converse_in_threads(wire_t *wire, uint32_t protocol) {
    enum { TOTAL = 2000000 };
    half_t halves[4] = {
        {.session = wire->client}, {.session = wire->server}, {.session = wire->client}, {.session = wire->server}};
    pthread_t threads[4];
    uint8_t *data = pattern(TOTAL, 3);
    /* In TLS 1.2 a close_notify ends both directions: nobody closes before everything is there. */
    pthread_barrier_t all_there;
    pthread_barrier_init(&all_there, NULL, 4);
    for (int i = 0; i < 4; i++) {
        halves[i].data = data;
        halves[i].len = TOTAL;
        halves[i].all_there = protocol == SPANTLS_PROTOCOL_TLS12 ? &all_there : NULL;
        pthread_create(&threads[i], NULL, i < 2 ? write_half : read_half, &halves[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        EXPECT_STATUS(halves[i].status, TLS_STATUS_CLOSED);
    }
    for (int i = 2; i < 4; i++) {
        EXPECT_BYTES(halves[i].received.data, halves[i].received.len, data, TOTAL);
        bytes_free(&halves[i].received);
    }
    pthread_barrier_destroy(&all_there);
    free(data);
}

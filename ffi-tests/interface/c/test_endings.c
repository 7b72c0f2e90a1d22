/*
 * How sessions on a socket end: the peer is gone before everything could be sent to it, and clear text follows TLS.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

/* --- A peer that is gone ----------------------------------------------------------------------------------------- */

typedef enum { LEAVES, CLOSES, RESETS } way_t;

static const char *const ways[] = {"leaves", "closes", "resets the connection"};

/* Waits until `len` bytes can be received, without taking them; over TCP what was sent takes a moment. */
static void wait_for(int fd, size_t len) {
    uint8_t *room = malloc(len);
    for (int i = 0; i < 10000 && recv(fd, room, len, MSG_PEEK) != (ssize_t)len; i++) {
        poll(NULL, 0, 1);
    }
    EXPECT_NUMBER(recv(fd, room, len, MSG_PEEK), len);
    free(room);
}

/* Waits until the connection is known to be gone. */
static void wait_for_reset(int fd) {
    struct pollfd entry = {.fd = fd};
    EXPECT_NUMBER(poll(&entry, 1, 10000), 1);
}

/* The end that is complete first, having sent `data`; the other has not seen its last message. NULL: neither is. */
static tls_session_t **finish_first(wire_t *wire, uint32_t protocol) {
    tls_session_t **const first = protocol == SPANTLS_PROTOCOL_TLS13 ? &wire->client : &wire->server;
    tls_session_t *const second = protocol == SPANTLS_PROTOCOL_TLS13 ? wire->server : wire->client;
    for (int i = 0; i < 1000; i++) {
        if (step(*first) == TLS_STATUS_COMPLETE) {
            return first;
        }
        EXPECT(waits(tls_session_socket_handshake(second)));
        poll(NULL, 0, wire->tcp ? 1 : 0);
    }
    return NULL;
}

/* Writing has ended for good. */
static void expect_no_more_writing(tls_session_t *session) {
    size_t count = 0;
    for (int i = 0; i < 2; i++) {
        EXPECT_STATUS(tls_session_socket_write(session, "void", 4, &count), TLS_STATUS_IO_ERROR);
        EXPECT(error_of(session).os_error == EPIPE || error_of(session).os_error == ECONNRESET);
        EXPECT_STATUS(tls_session_socket_shutdown(session), TLS_STATUS_IO_ERROR);
        EXPECT_NUMBER(tls_session_has_pending_output(session), 0);
    }
}

static void test_gone(uint32_t protocol, bool tcp, way_t way, uint32_t flags) {
    test("%s over %s, kernel flags %u: what a peer has sent is read to its end, though it %s before the handshake is complete here",
         version_name(protocol), tcp ? "TCP" : "a socket pair", flags, ways[way]);
    const setup_t client = {.anchors = "ca", .protocols = protocol, .validation = SPANTLS_VALIDATION_AUTOMATIC, .resume = 1};
    const setup_t server = {.credentials = "server-p256", .resume = 1};
    socket_flags = SPANTLS_SOCKET_OWN | flags;
    wire_t wire = wire_open(&client, &server, tcp);
    socket_flags = SPANTLS_SOCKET_OWN;
    tls_session_t **const first = finish_first(&wire, protocol);
    if (!EXPECT(first != NULL)) {
        wire_close(&wire);
        return;
    }
    const bool client_first = first == &wire.client;
    tls_session_t *const second = client_first ? wire.server : wire.client;
    uint8_t *const data = pattern(5000, 3);
    size_t count = 0;
    EXPECT_STATUS(tls_session_socket_write(*first, data, 5000, &count), TLS_STATUS_COMPLETE);
    if (way == CLOSES) {
        EXPECT_STATUS(tls_session_socket_shutdown(*first), TLS_STATUS_CLOSED);
    }
    wait_for(wire.fds[client_first ? 1 : 0], 5000);
    const struct linger now = {1, 0};
    EXPECT(!tcp || way != RESETS || setsockopt(wire.fds[client_first ? 0 : 1], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    tls_session_destroy(*first);
    *first = NULL;
    if (!tcp || way == RESETS) {
        wait_for_reset(wire.fds[client_first ? 1 : 0]);
    }
    tls_status_t status = step(second);
    for (int i = 0; i < 1000 && waits(status); i++) {
        poll(NULL, 0, 1);
        status = step(second);
    }
    EXPECT_STATUS(status, TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_handshake(second), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(tls_session_state(second) & SPANTLS_STATE_FAILED, 0);
    if (!tcp) {
        expect_no_more_writing(second);
    }
    bytes_t received = {0};
    status = read_to_end(second, &received);
    EXPECT_BYTES(received.data, received.len, data, 5000);
    if (way == CLOSES) {
        EXPECT_STATUS(status, TLS_STATUS_CLOSED);
    } else {
        EXPECT(status == TLS_STATUS_TRUNCATED || (status == TLS_STATUS_IO_ERROR && error_of(second).os_error == ECONNRESET));
    }
    EXPECT_STATUS(tls_session_socket_read(second, data, 1, &count), status);
    EXPECT_NUMBER(tls_session_has_pending_output(second) && protocol == SPANTLS_PROTOCOL_TLS13, 0);
    EXPECT_NUMBER(tls_session_state(second) & SPANTLS_STATE_FAILED, 0);
    bytes_free(&received);
    free(data);
    wire_close(&wire);
}

static void test_alert_unsent(uint32_t protocol, bool tcp) {
    test("%s over %s: an alert that cannot be sent does not replace the reason, and is not said to be sent", version_name(protocol),
         tcp ? "TCP" : "a socket pair");
    wire_t wire = wire_established(protocol, tcp);
    static const uint8_t forged[40] = {23, 3, 3, 0, 35};
    size_t count = 0;
    uint8_t room[100] = {0};
    EXPECT(send(wire.fds[0], forged, sizeof forged, 0) == sizeof forged);
    wait_for(wire.fds[1], sizeof forged);
    const struct linger now = {1, 0};
    EXPECT(!tcp || setsockopt(wire.fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    tls_session_destroy(wire.client);
    wire.client = NULL;
    wait_for_reset(wire.fds[1]);
    EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_PROTOCOL_ERROR);
    EXPECT_NUMBER(error_of(wire.server).alert_sent, SPANTLS_ALERT_BAD_RECORD_MAC);
    EXPECT_NUMBER(tls_session_has_pending_output(wire.server), 1);
    for (int i = 0; i < 2; i++) {
        EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_IO_ERROR);
        EXPECT_STATUS(error_of(wire.server).status, TLS_STATUS_PROTOCOL_ERROR);
        EXPECT_NUMBER(error_of(wire.server).alert_sent, -1);
        EXPECT_STATUS(tls_session_socket_write(wire.server, room, 1, &count), TLS_STATUS_PROTOCOL_ERROR);
        EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_PROTOCOL_ERROR);
        EXPECT_NUMBER(tls_session_has_pending_output(wire.server), 0);
    }
    wire_close(&wire);
}

/* --- Clear text after TLS ---------------------------------------------------------------------------------------- */

/* What follows TLS here: what the library has received of it, then the rest of the socket. */
static bytes_t clear_text(tls_session_t *session, size_t len) {
    bytes_t clear = {0};
    size_t count = 0;
    uint8_t room[4096];
    const tls_status_t status = tls_session_socket_bytes_after_close(session, NULL, 0, &count);
    EXPECT_STATUS(status, count == 0 ? TLS_STATUS_COMPLETE : TLS_STATUS_BUFFER_TOO_SMALL);
    uint8_t *const bytes = malloc(count + 1);
    for (int i = 0; i < 2; i++) {
        EXPECT_STATUS(tls_session_socket_bytes_after_close(session, bytes, count, &count), TLS_STATUS_COMPLETE);
    }
    bytes_append(&clear, bytes, count);
    free(bytes);
    struct pollfd entry = {.fd = (int)tls_session_socket(session), .events = POLLIN};
    while (clear.len < len && poll(&entry, 1, 10000) > 0) {
        const ssize_t more = recv(entry.fd, room, sizeof room, 0);
        if (!EXPECT(more > 0)) {
            break;
        }
        bytes_append(&clear, room, (size_t)more);
    }
    return clear;
}

static void test_clear_text(uint32_t protocol, bool tcp, size_t len) {
    test("%s over %s: %zu bytes of clear text behind each close_notify arrive whole, and the connection continues in clear",
         version_name(protocol), tcp ? "TCP" : "a socket pair", len);
    wire_t wire = wire_established(protocol, tcp);
    tls_session_t *const sessions[2] = {wire.client, wire.server};
    bytes_t received = {0};
    uint8_t *const data = pattern(len, 5);
    size_t count = 1;
    uint8_t room[10];
    EXPECT_STATUS(tls_session_socket_bytes_after_close(wire.server, room, sizeof room, &count), TLS_STATUS_INVALID_STATE);
    EXPECT_NUMBER(count, 0);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "last", 4, &count), TLS_STATUS_COMPLETE);
    for (int i = 0; i < 2; i++) {
        /* The client closes, and the server answers; each sends at once what comes after TLS. */
        EXPECT_STATUS(tls_session_socket_shutdown(sessions[i]), TLS_STATUS_CLOSED);
        EXPECT(send(wire.fds[i], data, len, 0) == (ssize_t)len);
        wait_for(wire.fds[1 - i], len);
        EXPECT_STATUS(read_to_end(sessions[1 - i], &received), TLS_STATUS_CLOSED);
        bytes_t clear = clear_text(sessions[1 - i], len);
        EXPECT_BYTES(clear.data, clear.len, data, len);
        bytes_free(&clear);
        EXPECT_STATUS(tls_session_socket_read(sessions[1 - i], room, sizeof room, &count), TLS_STATUS_CLOSED);
        EXPECT_NUMBER(tls_session_state(sessions[1 - i]) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT, 0);
    }
    expect_text(&received, "last");
    bytes_free(&received);
    free(data);
    wire_close(&wire);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    for (size_t i = 0; i < COUNT(protocols); i++) {
        for (int tcp = 0; tcp < 2; tcp++) {
            for (way_t way = LEAVES; way <= (tcp ? RESETS : CLOSES); way++) {
                for (uint32_t flags = 0; flags <= 12; flags += 4) {
                    test_gone(protocols[i], tcp, way, flags);
                }
            }
            test_alert_unsent(protocols[i], tcp);
            test_clear_text(protocols[i], tcp, 20);
            test_clear_text(protocols[i], tcp, 50000);
        }
    }
    return finish();
}

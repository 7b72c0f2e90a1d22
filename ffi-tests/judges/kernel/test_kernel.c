/*
 * Sessions whose records the kernel protects, on a kernel that can. The peer is mostly a session without the kernel: what
 * either sends, the other's record layer has to open.
 *
 *     test_kernel rekeys|keeps      whether this kernel can change keys
 */

/* For syscall(). */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../interface/c/wire.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { SEND = SPANTLS_SOCKET_KERNEL_SEND, RECEIVE = SPANTLS_SOCKET_KERNEL_RECEIVE, BOTH = SEND | RECEIVE };

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};
static bool rekeys;

/* The next keys to send with are refused with this; 0: none. In the place of the system's, for the library too. */
static int next_keys_error;

int setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
    const int sol_tls = 282, tls_tx = 1;
    if (next_keys_error != 0 && level == sol_tls && name == tls_tx) {
        errno = next_keys_error;
        next_keys_error = 0;
        return -1;
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

/* --- Pairs ------------------------------------------------------------------------------------------------------- */

typedef struct {
    uint32_t protocol;
    uint16_t suite; /* 0: any */
    uint32_t client_flags;
    uint32_t server_flags;
    bool resume;
} plan_t;

typedef struct {
    tls_context_t *client;
    tls_context_t *server;
} contexts_t;

static contexts_t contexts_of(const plan_t *plan) {
    const setup_t client = {.anchors = "ca", .protocols = plan->protocol, .suites = {plan->suite},
                            .resume = plan->resume, .validation = SPANTLS_VALIDATION_AUTOMATIC};
    const setup_t server = {.credentials = "server-p256", .resume = plan->resume};
    return (contexts_t){make_context(false, &client), make_context(true, &server)};
}

static void contexts_free(contexts_t *contexts) {
    tls_context_destroy(contexts->client);
    tls_context_destroy(contexts->server);
}

/* As wire_on(), each side with its flags. */
static wire_t open_on(const contexts_t *contexts, const plan_t *plan) {
    wire_t wire = wire_pair(true);
    EXPECT_STATUS(tls_session_create_with_socket(contexts->client, wire.fds[0], SPANTLS_SOCKET_OWN | plan->client_flags, &wire.client),
                  TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_create_with_socket(contexts->server, wire.fds[1], SPANTLS_SOCKET_OWN | plan->server_flags, &wire.server),
                  TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_set_target_host_name(wire.client, "localhost"), TLS_STATUS_COMPLETE);
    return wire;
}

static void expect_kernel(const tls_session_t *session, uint32_t flags) {
    const spantls_session_stats_t stats = stats_of(session);
    EXPECT_NUMBER(stats.kernel_reason, SPANTLS_KERNEL_REASON_NONE);
    EXPECT_NUMBER(stats.kernel_os_error, 0);
    EXPECT_NUMBER(stats.kernel_send, (flags & SEND) != 0);
    EXPECT_NUMBER(stats.kernel_receive, (flags & RECEIVE) != 0);
}

/* The handshake done, and the kernel at work as the plan has it. */
static wire_t established(const plan_t *plan) {
    contexts_t contexts = contexts_of(plan);
    wire_t wire = open_on(&contexts, plan);
    contexts_free(&contexts);
    if (!run(&wire)) {
        give_up("the handshake of %s has failed", version_name(plan->protocol));
    }
    expect_kernel(wire.client, plan->client_flags);
    expect_kernel(wire.server, plan->server_flags);
    return wire;
}

/* Sends all of it, the peer reading; what has arrived is compared. */
static void transfer(tls_session_t *from, tls_session_t *to, size_t len, size_t room_len, uint32_t seed) {
    uint8_t *data = pattern(len, seed), *room = malloc(room_len);
    bytes_t received = {0};
    size_t sent = 0;
    for (int i = 0; i < 1000000 && received.len < len; i++) {
        size_t count = 0;
        if (sent < len || tls_session_has_pending_output(from)) {
            const tls_status_t status = tls_session_socket_write(from, data + sent, len - sent, &count);
            sent += count;
            if (!EXPECT(status == TLS_STATUS_COMPLETE || status == TLS_STATUS_WANT_WRITE)) {
                break;
            }
        }
        tls_status_t status;
        while ((status = tls_session_socket_read(to, room, room_len, &count)) == TLS_STATUS_COMPLETE && count > 0) {
            bytes_append(&received, room, count);
        }
        if (!EXPECT_STATUS(status, TLS_STATUS_WANT_READ)) {
            break;
        }
    }
    EXPECT_BYTES(received.data, received.len, data, len);
    bytes_free(&received);
    free(room);
    free(data);
}

static void close_both(wire_t *wire) {
    bytes_t received = {0};
    EXPECT_STATUS(tls_session_socket_shutdown(wire->client), TLS_STATUS_CLOSED);
    EXPECT_STATUS(read_to_end(wire->server, &received), TLS_STATUS_CLOSED);
    EXPECT_STATUS(tls_session_socket_shutdown(wire->server), TLS_STATUS_CLOSED);
    EXPECT_STATUS(read_to_end(wire->client, &received), TLS_STATUS_CLOSED);
    EXPECT_NUMBER(received.len, 0);
    bytes_free(&received);
    wire_close(wire);
}

/* --- Conversations ----------------------------------------------------------------------------------------------- */

static void test_conversations(void) {
    static const struct {
        uint32_t protocol;
        uint16_t suite;
        const char *name;
    } suites[] = {
        {SPANTLS_PROTOCOL_TLS12, 0xC02B, "AES-128-GCM"}, {SPANTLS_PROTOCOL_TLS12, 0xC02C, "AES-256-GCM"},
        {SPANTLS_PROTOCOL_TLS12, 0xCCA9, "ChaCha20-Poly1305"}, {SPANTLS_PROTOCOL_TLS13, 0x1301, "AES-128-GCM"},
        {SPANTLS_PROTOCOL_TLS13, 0x1302, "AES-256-GCM"}, {SPANTLS_PROTOCOL_TLS13, 0x1303, "ChaCha20-Poly1305"},
    };
    static const struct {
        uint32_t client, server;
    } flags[] = {{SEND, 0}, {RECEIVE, 0}, {BOTH, 0}, {0, SEND}, {0, RECEIVE}, {0, BOTH}, {BOTH, BOTH}, {SEND, RECEIVE}};
    for (size_t i = 0; i < COUNT(suites); i++) {
        for (size_t j = 0; j < COUNT(flags); j++) {
            const plan_t plan = {suites[i].protocol, suites[i].suite, flags[j].client, flags[j].server, false};
            test("%s, %s, kernel at the client %u, at the server %u: both ways, and the end", version_name(plan.protocol),
                 suites[i].name, plan.client_flags / SEND, plan.server_flags / SEND);
            wire_t wire = established(&plan);
            EXPECT_NUMBER(tls_session_negotiated_cipher_suite(wire.client), plan.suite);
            transfer(wire.client, wire.server, 100000, 30000, 1);
            transfer(wire.server, wire.client, 100000, 30000, 2);
            transfer(wire.client, wire.server, 1, 10, 3);
            close_both(&wire);
        }
    }
}

static void test_data_behind_the_handshake(uint32_t protocol) {
    for (uint32_t flags = SEND; flags <= BOTH; flags += SEND) {
        test("%s, kernel %u: data that comes with the last message of the handshake is read, and keeps the kernel out of nothing",
             version_name(protocol), flags / SEND);
        const plan_t plan = {.protocol = protocol, .client_flags = flags, .server_flags = flags};
        contexts_t contexts = contexts_of(&plan);
        wire_t wire = open_on(&contexts, &plan);
        contexts_free(&contexts);
        uint8_t *data = pattern(50000, 6);
        tls_session_t *const second = run_and_speak(&wire, protocol, data, 50000);
        expect_kernel(wire.client, flags);
        expect_kernel(wire.server, flags);
        bytes_t received = {0};
        EXPECT_STATUS(read_until(second, &received, 50000), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(received.data, received.len, data, 50000);
        bytes_free(&received);
        free(data);
        transfer(wire.client, wire.server, 30000, 5000, 1);
        transfer(wire.server, wire.client, 30000, 5000, 2);
        close_both(&wire);
    }
}

static void test_rooms(uint32_t protocol) {
    test("%s: any buffer reads what the kernel has opened, one of no bytes tells that there is something", version_name(protocol));
    const plan_t plan = {.protocol = protocol, .client_flags = BOTH, .server_flags = BOTH};
    wire_t wire = established(&plan);
    size_t count = 1;
    EXPECT_STATUS(tls_session_socket_read(wire.server, NULL, 0, &count), TLS_STATUS_WANT_READ);
    EXPECT_STATUS(tls_session_socket_write(wire.client, "hello", 5, &count), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_read(wire.server, NULL, 0, &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(count, 0);
    EXPECT((tls_session_state(wire.server) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT) != 0);
    for (int i = 0; i < 5; i++) {
        uint8_t byte = 0;
        EXPECT_STATUS(tls_session_socket_read(wire.server, &byte, 1, &count), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(byte, "hello"[i]);
    }
    EXPECT_NUMBER(tls_session_state(wire.server) & SPANTLS_STATE_HAS_PENDING_PLAINTEXT, 0);
    EXPECT_STATUS(tls_session_socket_write(wire.client, NULL, 0, &count), TLS_STATUS_COMPLETE);
    transfer(wire.client, wire.server, 40000, 1, 1);
    transfer(wire.server, wire.client, 40000, 16383, 2);
    transfer(wire.server, wire.client, 40000, 16385, 3);
    close_both(&wire);
}

static void test_large_writes(uint32_t protocol) {
    test("%s: 16 MB at once, 100 spans in one system call", version_name(protocol));
    const plan_t plan = {.protocol = protocol, .client_flags = BOTH, .server_flags = BOTH};
    wire_t wire = established(&plan);
    transfer(wire.client, wire.server, 16000000, 50000, 1);
    uint8_t *data = pattern(10000, 4);
    spantls_span_t spans[100];
    for (size_t i = 0; i < COUNT(spans); i++) {
        spans[i] = (spantls_span_t){data + i * 100, i % 3 == 0 ? 0 : 100};
    }
    const uint64_t before = stats_of(wire.client).send_calls;
    size_t count = 0;
    EXPECT_STATUS(tls_session_socket_write_vectored(wire.client, spans, COUNT(spans), &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(count, 6600);
    EXPECT(stats_of(wire.client).send_calls - before <= 2);
    bytes_t received = {0}, expected = {0};
    for (size_t i = 0; i < COUNT(spans); i++) {
        bytes_append(&expected, spans[i].data, spans[i].len);
    }
    EXPECT_STATUS(read_until(wire.server, &received, count), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(received.data, received.len, expected.data, expected.len);
    const uint64_t then = stats_of(wire.client).send_calls;
    EXPECT_STATUS(tls_session_socket_write(wire.client, data, 10000, &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(stats_of(wire.client).send_calls - then, 1);
    bytes_drop(&received, received.len);
    EXPECT_STATUS(read_until(wire.server, &received, count), TLS_STATUS_WANT_READ);
    EXPECT_NUMBER(stats_of(wire.client).plaintext_sent, 16000000 + 6600 + 10000);
    EXPECT_NUMBER(stats_of(wire.server).plaintext_received, 16000000 + 6600 + 10000);
    bytes_free(&received);
    bytes_free(&expected);
    free(data);
    close_both(&wire);
}

static void test_threads(uint32_t protocol) {
    test("%s: blocking sockets, a reader and a writer thread on either side", version_name(protocol));
    const plan_t plan = {.protocol = protocol, .client_flags = BOTH, .server_flags = BOTH};
    wire_t wire = established(&plan);
    set_blocking(wire.fds[0], true);
    set_blocking(wire.fds[1], true);
    converse_in_threads(&wire, protocol);
    wire_close(&wire);
}

/* --- Records that are no data ------------------------------------------------------------------------------------ */

static void test_tickets(uint32_t protocol) {
    test("%s: tickets come through the kernel, and the next session is resumed", version_name(protocol));
    const plan_t plan = {.protocol = protocol, .client_flags = BOTH, .server_flags = BOTH, .resume = true};
    contexts_t contexts = contexts_of(&plan);
    for (int i = 0; i < 3; i++) {
        wire_t wire = open_on(&contexts, &plan);
        EXPECT(run(&wire));
        expect_kernel(wire.client, BOTH);
        expect_kernel(wire.server, BOTH);
        EXPECT_NUMBER((tls_session_state(wire.client) & SPANTLS_STATE_RESUMED) != 0, i > 0);
        EXPECT_NUMBER((tls_session_state(wire.server) & SPANTLS_STATE_RESUMED) != 0, i > 0);
        transfer(wire.server, wire.client, 5000, 5000, 1);
        if (protocol == SPANTLS_PROTOCOL_TLS13) {
            EXPECT(stats_of(wire.client).tickets_received > 0);
        }
        transfer(wire.client, wire.server, 5000, 5000, 1);
        close_both(&wire);
    }
    contexts_free(&contexts);
}

/* What the peer, a session without the kernel, is told. */
static void expect_alert(tls_session_t *peer, uint8_t alert) {
    bytes_t received = {0};
    spantls_error_t error = {.struct_size = sizeof error};
    EXPECT_STATUS(read_to_end(peer, &received), TLS_STATUS_PEER_ALERT);
    EXPECT_STATUS(tls_session_error(peer, &error), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(error.alert_received, alert);
    bytes_free(&received);
}

static void expect_end(tls_session_t *session, tls_status_t status, int alert, int os_error) {
    bytes_t received = {0};
    spantls_error_t error = {.struct_size = sizeof error};
    EXPECT_STATUS(read_to_end(session, &received), status);
    EXPECT_STATUS(tls_session_error(session, &error), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(error.alert_sent, alert);
    EXPECT_NUMBER(error.os_error, os_error);
    EXPECT_STATUS(read_to_end(session, &received), status);
    EXPECT_NUMBER(received.len, 0);
    bytes_free(&received);
}

static void test_bad_records(uint32_t protocol, uint32_t flags) {
    static const struct {
        const char *what;
        uint8_t record[40];
        size_t len;
        uint8_t alert;
        int os_error;
    } rows[] = {
        {"a forged record", {23, 3, 3, 0, 35, 1, 2, 3}, 40, SPANTLS_ALERT_BAD_RECORD_MAC, EBADMSG},
        {"a record that is too long", {23, 3, 3, 0x50, 0}, 40, SPANTLS_ALERT_RECORD_OVERFLOW, EMSGSIZE},
        {"what is no TLS", {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P', '/', '1', '.', '1'}, 40, 0, EINVAL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test("%s, kernel %u: %s ends the session with its alert", version_name(protocol), flags / SEND, rows[i].what);
        const plan_t plan = {.protocol = protocol, .server_flags = flags};
        wire_t wire = established(&plan);
        transfer(wire.client, wire.server, 3000, 5000, 1);
        EXPECT_NUMBER(send(wire.fds[0], rows[i].record, rows[i].len, 0), rows[i].len);
        const uint8_t alert = rows[i].alert != 0 ? rows[i].alert : SPANTLS_ALERT_UNEXPECTED_MESSAGE;
        spantls_error_t error = {.struct_size = sizeof error};
        bytes_t received = {0};
        EXPECT_STATUS(read_to_end(wire.server, &received), TLS_STATUS_PROTOCOL_ERROR);
        EXPECT_STATUS(tls_session_error(wire.server, &error), TLS_STATUS_COMPLETE);
        EXPECT(error.alert_sent == alert || (rows[i].alert == 0 && error.alert_sent == SPANTLS_ALERT_RECORD_OVERFLOW));
        EXPECT(error.os_error == rows[i].os_error || (rows[i].alert == 0 && error.os_error == EMSGSIZE));
        const uint8_t sent = (uint8_t)error.alert_sent;
        EXPECT_STATUS(read_to_end(wire.server, &received), TLS_STATUS_PROTOCOL_ERROR);
        EXPECT_NUMBER(received.len, 0);
        EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_CLOSED);
        expect_alert(wire.client, sent);
        bytes_free(&received);
        wire_close(&wire);
    }
}

/* Waits until `len` bytes can be received. */
static void wait_for(int fd, int len) {
    int there = 0;
    for (int i = 0; i < 10000 && ioctl(fd, FIONREAD, &there) == 0 && there < len; i++) {
        poll(NULL, 0, 1);
    }
    EXPECT(there >= len);
}

/* Waits until the connection is known to be gone. */
static void wait_for_reset(int fd) {
    struct pollfd entry = {.fd = fd};
    EXPECT_NUMBER(poll(&entry, 1, 10000), 1);
}

/* A KeyUpdate that cannot be answered without rekeying, and a bad record, at once. */
static void test_two_failures(void) {
    test("a key update that cannot be answered and a bad record in one segment: the first failure is told, and its alert sent");
    static const uint8_t forged[40] = {23, 3, 3, 0, 35};
    wire_t wire = established(&(plan_t){.protocol = SPANTLS_PROTOCOL_TLS13, .server_flags = SEND});
    size_t none = 0;
    EXPECT_STATUS(tls_session_update_keys(wire.client, 1, NULL, 0, &none), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(send(wire.fds[0], forged, sizeof forged, 0), sizeof forged);
    wait_for(wire.fds[1], 5 + 5 + 1 + 16 + (int)sizeof forged);
    expect_end(wire.server, TLS_STATUS_PROTOCOL_ERROR, SPANTLS_ALERT_BAD_RECORD_MAC, 0);
    EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_CLOSED);
    expect_alert(wire.client, SPANTLS_ALERT_BAD_RECORD_MAC);
    wire_close(&wire);
}

/* The client has sent everything and is gone before the server can send its tickets; or after that. */
static void test_gone(uint32_t flags, bool early) {
    test("kernel %u: what a client has sent before it went away is read to its end, %s the handshake is complete", flags / SEND,
         early ? "before" : "after");
    const plan_t plan = {.protocol = SPANTLS_PROTOCOL_TLS13, .server_flags = flags, .resume = true};
    contexts_t contexts = contexts_of(&plan);
    wire_t wire = open_on(&contexts, &plan);
    contexts_free(&contexts);
    for (int i = 0; i < 10000 && step(wire.client) != TLS_STATUS_COMPLETE; i++) {
        EXPECT(waits(tls_session_socket_handshake(wire.server)));
        poll(NULL, 0, 1);
    }
    for (int i = 0; !early && i < 10000 && waits(tls_session_socket_handshake(wire.server)); i++) {
        poll(NULL, 0, 1);
    }
    uint8_t *const data = pattern(5000, 3);
    size_t count = 0;
    EXPECT_STATUS(tls_session_socket_write(wire.client, data, 5000, &count), TLS_STATUS_COMPLETE);
    if (early || (flags & RECEIVE) == 0) {
        wait_for(wire.fds[1], 5000);
    }
    const struct linger now = {1, 0};
    EXPECT_NUMBER(setsockopt(wire.fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    tls_session_destroy(wire.client);
    wire.client = NULL;
    wait_for_reset(wire.fds[1]);
    EXPECT_STATUS(tls_session_socket_handshake(wire.server), TLS_STATUS_COMPLETE);
    for (int i = 0; i < 2; i++) {
        EXPECT_STATUS(tls_session_socket_write(wire.server, data, 100, &count), TLS_STATUS_IO_ERROR);
        /* What was sealed before the first failure was taken. */
        EXPECT(count == 0 || (i == 0 && !early && (flags & SEND) == 0));
        EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_IO_ERROR);
    }
    bytes_t received = {0};
    const tls_status_t status = read_to_end(wire.server, &received);
    EXPECT(status == TLS_STATUS_TRUNCATED || status == TLS_STATUS_IO_ERROR);
    EXPECT_BYTES(received.data, received.len, data, 5000);
    EXPECT_NUMBER(tls_session_state(wire.server) & SPANTLS_STATE_FAILED, 0);
    bytes_free(&received);
    free(data);
    wire_close(&wire);
}

static void test_ends(uint32_t protocol) {
    const plan_t plan = {.protocol = protocol, .server_flags = BOTH};
    test("%s: a connection that ends without close_notify is truncated, half a record too", version_name(protocol));
    for (int half = 0; half < 2; half++) {
        wire_t wire = established(&plan);
        transfer(wire.client, wire.server, 3000, 5000, 1);
        if (half) {
            EXPECT_NUMBER(send(wire.fds[0], "\x17\x03\x03\x01\x00half", 9, 0), 9);
        }
        EXPECT_NUMBER(shutdown(wire.fds[0], SHUT_WR), 0);
        expect_end(wire.server, TLS_STATUS_TRUNCATED, -1, 0);
        /* The other way is still open. */
        transfer(wire.server, wire.client, 3000, 5000, 2);
        wire_close(&wire);
    }
    test("%s: a connection that is reset is an error with its number", version_name(protocol));
    wire_t wire = established(&plan);
    const struct linger now = {1, 0};
    EXPECT_NUMBER(setsockopt(wire.fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    tls_session_destroy(wire.client);
    wire.client = NULL;
    expect_end(wire.server, TLS_STATUS_IO_ERROR, -1, ECONNRESET);
    wire_close(&wire);
    test("%s: the alert of a peer that could not open a record is told", version_name(protocol));
    const plan_t receiving = {.protocol = protocol, .client_flags = RECEIVE};
    wire = established(&receiving);
    static const uint8_t forged[40] = {23, 3, 3, 0, 35};
    EXPECT_NUMBER(send(wire.fds[0], forged, sizeof forged, 0), sizeof forged);
    expect_end(wire.server, TLS_STATUS_PROTOCOL_ERROR, SPANTLS_ALERT_BAD_RECORD_MAC, 0);
    EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_CLOSED);
    expect_alert(wire.client, SPANTLS_ALERT_BAD_RECORD_MAC);
    wire_close(&wire);
}

static void test_key_updates(void) {
    test("keys change: the kernel's follow, or the session says that they cannot");
    const plan_t plan = {.protocol = SPANTLS_PROTOCOL_TLS13, .server_flags = BOTH};
    size_t none = 0;
    /* Ours. */
    wire_t wire = established(&plan);
    transfer(wire.server, wire.client, 3000, 5000, 1);
    EXPECT_STATUS(tls_session_update_keys(wire.server, 0, NULL, 0, &none), rekeys ? TLS_STATUS_COMPLETE : TLS_STATUS_NOT_SUPPORTED);
    transfer(wire.server, wire.client, 3000, 5000, 2);
    EXPECT_NUMBER(stats_of(wire.client).key_updates_received, rekeys);
    EXPECT_NUMBER(stats_of(wire.server).key_updates_sent, rekeys);
    transfer(wire.client, wire.server, 3000, 5000, 3);
    close_both(&wire);
    /* The peer's, and one that wants ours. */
    for (int wanted = 0; wanted < 2; wanted++) {
        for (uint32_t flags = SEND; flags <= BOTH; flags += SEND) {
            test("the peer changes its keys%s, kernel %u", wanted ? " and wants others of us" : "", flags / SEND);
            const bool ends = !rekeys && ((flags & RECEIVE) != 0 || wanted);
            wire = established(&(plan_t){.protocol = SPANTLS_PROTOCOL_TLS13, .server_flags = flags});
            for (int i = 0; i < 3; i++) {
                EXPECT_STATUS(tls_session_update_keys(wire.client, wanted, NULL, 0, &none), TLS_STATUS_COMPLETE);
                if (ends) {
                    expect_end(wire.server, TLS_STATUS_NOT_SUPPORTED, SPANTLS_ALERT_INTERNAL_ERROR, 0);
                    EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_CLOSED);
                    expect_alert(wire.client, SPANTLS_ALERT_INTERNAL_ERROR);
                    break;
                }
                transfer(wire.client, wire.server, 20000, 5000, 4);
                transfer(wire.server, wire.client, 20000, 5000, 5);
                EXPECT_NUMBER(stats_of(wire.server).key_updates_received, i + 1);
                EXPECT_NUMBER(stats_of(wire.client).key_updates_received, wanted ? i + 1 : 0);
            }
            if (ends) {
                wire_close(&wire);
            } else {
                close_both(&wire);
            }
        }
    }
    for (int passing = 0; rekeys && passing < 2; passing++) {
        test("keys that the kernel does not take end the sending, %s", passing ? "also for a reason that passes" : "and not the reading");
        const int reason = passing ? ENOMEM : EIO;
        spantls_error_t error = {.struct_size = sizeof error};
        wire = established(&plan);
        transfer(wire.server, wire.client, 3000, 5000, 1);
        next_keys_error = reason;
        EXPECT_STATUS(tls_session_update_keys(wire.server, 0, NULL, 0, &none), TLS_STATUS_IO_ERROR);
        EXPECT_NUMBER(next_keys_error, 0);
        for (int i = 0; i < 2; i++) {
            EXPECT_STATUS(tls_session_socket_write(wire.server, "hello", 5, &none), TLS_STATUS_IO_ERROR);
            EXPECT_NUMBER(none, 0);
            EXPECT_STATUS(tls_session_error(wire.server, &error), TLS_STATUS_COMPLETE);
            EXPECT_NUMBER(error.os_error, reason);
            EXPECT_STATUS(tls_session_update_keys(wire.server, 0, NULL, 0, &none), TLS_STATUS_IO_ERROR);
            EXPECT_STATUS(tls_session_socket_shutdown(wire.server), TLS_STATUS_IO_ERROR);
        }
        transfer(wire.client, wire.server, 3000, 5000, 3);
        wire_close(&wire);
    }
    test("TLS 1.2 has no key update, with the kernel neither");
    wire = established(&(plan_t){.protocol = SPANTLS_PROTOCOL_TLS12, .server_flags = BOTH});
    EXPECT_STATUS(tls_session_update_keys(wire.server, 0, NULL, 0, &none), TLS_STATUS_NOT_SUPPORTED);
    close_both(&wire);
}

/* --- What the kernel does not do --------------------------------------------------------------------------------- */

static void test_options(uint32_t protocol) {
    test("%s: a limit of record sizes keeps the kernel from sending", version_name(protocol));
    const setup_t client = {.anchors = "ca", .protocols = protocol, .validation = SPANTLS_VALIDATION_AUTOMATIC};
    const setup_t server = {.credentials = "server-p256"};
    tls_options_t *options = make_options(&server);
    contexts_t contexts = {make_context(false, &client), NULL};
    EXPECT_STATUS(tls_options_set_max_fragment_size(options, 1000), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_context_create_server(options, &contexts.server), TLS_STATUS_COMPLETE);
    tls_options_destroy(options);
    wire_t wire = open_on(&contexts, &(plan_t){.protocol = protocol, .server_flags = BOTH});
    EXPECT(run(&wire));
    const spantls_session_stats_t stats = stats_of(wire.server);
    EXPECT_NUMBER(stats.kernel_reason, SPANTLS_KERNEL_REASON_OPTIONS);
    EXPECT_NUMBER(stats.kernel_send, 0);
    EXPECT_NUMBER(stats.kernel_receive, 1);
    transfer(wire.client, wire.server, 30000, 5000, 1);
    transfer(wire.server, wire.client, 30000, 5000, 2);
    close_both(&wire);
    contexts_free(&contexts);
}

static void test_unix(uint32_t protocol) {
    test("%s: a Unix socket has no TLS, and the session goes on without", version_name(protocol));
    socket_flags = SPANTLS_SOCKET_OWN | BOTH;
    wire_t wire = wire_established(protocol, false);
    socket_flags = SPANTLS_SOCKET_OWN;
    EXPECT_NUMBER(stats_of(wire.client).kernel_reason, SPANTLS_KERNEL_REASON_UNAVAILABLE);
    EXPECT(stats_of(wire.client).kernel_os_error != 0);
    transfer(wire.client, wire.server, 30000, 5000, 1);
    close_both(&wire);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    rekeys = argc > 1 && strcmp(argv[1], "rekeys") == 0;
    test_conversations();
    for (size_t i = 0; i < COUNT(protocols); i++) {
        test_data_behind_the_handshake(protocols[i]);
        test_rooms(protocols[i]);
        test_large_writes(protocols[i]);
        test_threads(protocols[i]);
        test_tickets(protocols[i]);
        test_bad_records(protocols[i], RECEIVE);
        test_bad_records(protocols[i], BOTH);
        test_ends(protocols[i]);
        test_options(protocols[i]);
        test_unix(protocols[i]);
    }
    test_key_updates();
    test_two_failures();
    for (uint32_t flags = SEND; flags <= BOTH; flags += SEND) {
        test_gone(flags, true);
        test_gone(flags, false);
    }
    return finish();
}

#include "link.h"

#include "checks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Space for what calls write; with `-async` almost none. */
#define OUTBOX 32768
#define NARROW 7

static uint8_t outbox[OUTBOX];
/* The rest of a record of which one byte was sent. */
static uint8_t unfinished[OUTBOX];
static size_t unfinished_len;

int connect_to_runner(const config_t *config) {
    const int fd = socket(config->ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0), yes = 1;
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)config->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)config->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint8_t id[8];
    for (size_t i = 0; i < sizeof id; i++) {
        id[i] = (uint8_t)((uint64_t)config->shim_id >> 8 * i);
    }
    const void *address = config->ipv6 ? (const void *)&six : &four;
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) != 0 ||
        connect(fd, address, config->ipv6 ? sizeof six : sizeof four) != 0 || write(fd, id, sizeof id) != sizeof id) {
        misuse("the runner cannot be reached");
    }
    return fd;
}

/* If the runner has gone, what it has sent before can still be read. */
static void send_bytes(int fd, const uint8_t *data, size_t len) {
    while (len > 0) {
        const ssize_t count = send(fd, data, len, MSG_NOSIGNAL);
        if (count <= 0) {
            return;
        }
        data += count;
        len -= (size_t)count;
    }
}

static void send_output(link_t *link, size_t len) {
    send_bytes(link->fd, unfinished, unfinished_len);
    unfinished_len = 0;
    send_bytes(link->fd, outbox, len);
}

static size_t space(const link_t *link, size_t at_least) {
    return !link->config->async ? sizeof outbox : at_least > NARROW ? at_least : NARROW;
}

/* A bound session that does not block: until the socket is ready. */
static void await_socket(const link_t *link, tls_status_t status) {
    struct pollfd one = {.fd = link->fd, .events = status == TLS_STATUS_WANT_READ ? POLLIN : POLLOUT};
    if (poll(&one, 1, -1) < 0) {
        misuse("poll");
    }
}

static bool is_wait(tls_status_t status) {
    return status == TLS_STATUS_WANT_READ || status == TLS_STATUS_WANT_WRITE;
}

static void send_pending(link_t *link) {
    if (link->config->bound) {
        (void)link_write(link, NULL, 0);
        return;
    }
    tls_status_t status;
    do {
        size_t written = 0;
        status = tls_session_drain_pending_output(link->session, outbox, space(link, 0), &written);
        send_output(link, written);
    } while (status == TLS_STATUS_WANT_WRITE);
}

/* Before input is waited for. In TLS 1.3 what is pending is the answer to a KeyUpdate, which may go with what is written next (RFC 8446
 * section 4.6.3). */
static void answer_peer(link_t *link) {
    if (tls_session_negotiated_protocol(link->session) == SPANTLS_PROTOCOL_TLS12) {
        send_pending(link);
    }
}

/* After WANT_READ: shows the session more. At the end of the connection it says so, which decides what the next call returns. */
static void receive(link_t *link) {
    if (link->visible < link->inbox_len) {
        link->visible++;
        return;
    }
    answer_peer(link);
    const ssize_t count = recv(link->fd, link->inbox + link->inbox_len, sizeof link->inbox - link->inbox_len, 0);
    if (count > 0) {
        link->inbox_len += (size_t)count;
        link->visible = link->config->async ? link->visible + 1 : link->inbox_len;
    } else {
        if (tls_session_end_of_input(link->session) == TLS_STATUS_BUSY) {
            misuse("a session of one thread is busy");
        }
        link->ended = true;
    }
}

static void consume(link_t *link, size_t len) {
    memmove(link->inbox, link->inbox + len, link->inbox_len - len);
    link->inbox_len -= len;
    link->visible -= len;
}

static tls_status_t handshake_step(link_t *link) {
    if (link->config->bound) {
        return tls_session_socket_handshake(link->session);
    }
    size_t consumed = 0, written = 0;
    const tls_status_t status = tls_session_handshake(link->session, link->inbox, link->visible, outbox, space(link, 0),
                                                      &consumed, &written);
    send_output(link, written);
    consume(link, consumed);
    return status;
}

tls_status_t link_handshake(link_t *link) {
    for (;;) {
        const tls_status_t status = handshake_step(link);
        if (link->config->bound && is_wait(status)) {
            await_socket(link, status);
            continue;
        }
        switch (status) {
            case TLS_STATUS_WANT_WRITE: break;
            case TLS_STATUS_WANT_READ:
                if (link->ended) {
                    misuse("the session still wants input after its end");
                }
                receive(link);
                break;
            case TLS_STATUS_NEEDS_SERVER_OPTIONS:
            case TLS_STATUS_WANT_CREDENTIALS:
            case TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION:
                /* A question repeats until it is answered. */
                if (link->config->async && handshake_step(link) != status) {
                    misuse("a question was not repeated");
                }
                answer(link, status);
                break;
            default: return status;
        }
    }
}

static tls_status_t bound_write(link_t *link, const uint8_t *data, size_t len) {
    for (;;) {
        size_t written = 0;
        const tls_status_t status = tls_session_socket_write(link->session, data, len, &written);
        if (status != TLS_STATUS_WANT_WRITE) {
            return status;
        }
        data = data == NULL ? NULL : data + written;
        len -= written;
        await_socket(link, status);
    }
}

tls_status_t link_write(link_t *link, const void *data, size_t len) {
    if (link->config->bound) {
        return bound_write(link, data, len);
    }
    const uint8_t *at = data;
    for (;;) {
        size_t consumed = 0, written = 0;
        const tls_status_t status = tls_session_encrypt(link->session, at, len, outbox, space(link, SPANTLS_MIN_CIPHERTEXT),
                                                        &consumed, &written);
        send_output(link, written);
        at += consumed;
        len -= consumed;
        if (status != TLS_STATUS_WANT_WRITE) {
            return status;
        }
    }
}

tls_status_t link_write_unfinished(link_t *link, const void *data, size_t len) {
    if (link->config->bound) {
        unimplemented("read-with-unfinished-write", "on a socket");
    }
    size_t consumed = 0, written = 0;
    const tls_status_t status = tls_session_encrypt(link->session, data, len, outbox, sizeof outbox, &consumed, &written);
    send_bytes(link->fd, outbox, written > 0);
    unfinished_len = written > 0 ? written - 1 : 0;
    memcpy(unfinished, outbox + 1, unfinished_len);
    return status;
}

static tls_status_t bound_read(link_t *link, void *data, size_t cap, size_t *out_len) {
    for (;;) {
        const tls_status_t status = tls_session_socket_read(link->session, data, cap, out_len);
        if (status != TLS_STATUS_WANT_READ) {
            return status;
        }
        answer_peer(link);
        await_socket(link, status);
    }
}

tls_status_t link_read(link_t *link, void *data, size_t cap, size_t *out_len) {
    if (link->config->bound) {
        return bound_read(link, data, cap, out_len);
    }
    for (;;) {
        size_t consumed = 0;
        const tls_status_t status = tls_session_decrypt(link->session, link->inbox, link->visible, data, cap, &consumed, out_len);
        consume(link, consumed);
        if (status == TLS_STATUS_WANT_READ) {
            if (link->ended) {
                misuse("the session still wants input after its end");
            }
            receive(link);
        } else if (*out_len > 0) {
            return TLS_STATUS_COMPLETE;
        } else if (status != TLS_STATUS_COMPLETE) {
            return status;
        }
    }
}

tls_status_t link_update_keys(link_t *link) {
    if (link->config->bound) {
        size_t written = 0;
        return tls_session_update_keys(link->session, 0, NULL, 0, &written);
    }
    for (;;) {
        size_t written = 0;
        const tls_status_t status =
            tls_session_update_keys(link->session, 0, outbox, space(link, SPANTLS_MIN_CIPHERTEXT), &written);
        send_output(link, written);
        if (status != TLS_STATUS_WANT_WRITE) {
            return status;
        }
    }
}

tls_status_t link_shutdown(link_t *link) {
    if (link->config->bound) {
        return tls_session_socket_shutdown(link->session);
    }
    for (;;) {
        size_t written = 0;
        const tls_status_t status = tls_session_shutdown(link->session, outbox, space(link, SPANTLS_MIN_CIPHERTEXT), &written);
        send_output(link, written);
        if (status != TLS_STATUS_WANT_WRITE) {
            return status;
        }
    }
}

void link_finish(link_t *link) {
    if (link->config->bound) {
        tls_status_t status;
        while (is_wait(status = tls_session_socket_finish(link->session))) {
            await_socket(link, status);
        }
        close(link->fd);
        return;
    }
    send_pending(link);
    if (shutdown(link->fd, SHUT_WR) == 0) {
        while (recv(link->fd, outbox, sizeof outbox, 0) > 0) {
            continue;
        }
    }
    close(link->fd);
}

#include "link.h"

#include "checks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

static void send_pending(link_t *link) {
    tls_status_t status;
    do {
        size_t written = 0;
        status = tls_session_drain_pending_output(link->session, outbox, space(link, 0), &written);
        send_output(link, written);
    } while (status == TLS_STATUS_WANT_WRITE);
}

/* After WANT_READ: shows the session more. At the end of the connection it says so, which decides what the next call returns. */
static void receive(link_t *link) {
    if (link->visible < link->inbox_len) {
        link->visible++;
        return;
    }
    /* In TLS 1.3 it is the answer to a KeyUpdate, which may go with what is written next (RFC 8446 section 4.6.3). */
    if (tls_session_negotiated_protocol(link->session) == SPANTLS_PROTOCOL_TLS12) {
        send_pending(link);
    }
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

tls_status_t link_write(link_t *link, const void *data, size_t len) {
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
    size_t consumed = 0, written = 0;
    const tls_status_t status = tls_session_encrypt(link->session, data, len, outbox, sizeof outbox, &consumed, &written);
    send_bytes(link->fd, outbox, written > 0);
    unfinished_len = written > 0 ? written - 1 : 0;
    memcpy(unfinished, outbox + 1, unfinished_len);
    return status;
}

tls_status_t link_read(link_t *link, void *data, size_t cap, size_t *out_len) {
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
    send_pending(link);
    if (shutdown(link->fd, SHUT_WR) == 0) {
        while (recv(link->fd, outbox, sizeof outbox, 0) > 0) {
            continue;
        }
    }
    close(link->fd);
}

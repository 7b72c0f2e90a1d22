#include "wire.h"

#include "side.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

void wire_wait(int fd, short events) {
    struct pollfd one = {.fd = fd, .events = events};
    int count;
    do {
        count = poll(&one, 1, 30000);
    } while (count < 0 && errno == EINTR);
    if (count <= 0) {
        misuse("the peer is silent");
    }
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* What a peer does not take any more is lost; why, it has said itself. */
static void send_all(wire_t *wire, const uint8_t *data, size_t len) {
    while (len > 0) {
        const ssize_t count = send(wire->fd, data, len, MSG_NOSIGNAL);
        if (count > 0) {
            data += count;
            len -= (size_t)count;
        } else if (count < 0 && errno == EAGAIN) {
            wire_wait(wire->fd, POLLOUT);
        } else if (count < 0 && errno != EINTR) {
            return;
        }
    }
}

/* Receives more behind what is there, or tells the session that nothing comes any more. */
static tls_status_t receive(wire_t *wire) {
    for (;;) {
        const size_t room = smaller(wire->chunk, sizeof wire->inbox - wire->inbox_len);
        const ssize_t count = recv(wire->fd, wire->inbox + wire->inbox_len, room, 0);
        if (count > 0) {
            wire->inbox_len += (size_t)count;
            return TLS_STATUS_WANT_READ;
        }
        if (count < 0 && errno == EAGAIN) {
            wire_wait(wire->fd, POLLIN);
        } else if (count == 0 || errno != EINTR) {
            wire->ended = true;
            return tls_session_end_of_input(wire->session);
        }
    }
}

static void consume(wire_t *wire, size_t count) {
    wire->inbox_len -= count;
    memmove(wire->inbox, wire->inbox + count, wire->inbox_len);
}

/* Waits as a bound session asks; false for what is an outcome. */
static bool waited(const wire_t *wire, tls_status_t status) {
    if (status != TLS_STATUS_WANT_READ && status != TLS_STATUS_WANT_WRITE) {
        return false;
    }
    wire_wait(wire->fd, status == TLS_STATUS_WANT_READ ? POLLIN : POLLOUT);
    return true;
}

static void drain(wire_t *wire) {
    uint8_t outbox[4096];
    size_t written;
    tls_status_t status;
    do {
        status = tls_session_drain_pending_output(wire->session, outbox, smaller(wire->chunk, sizeof outbox), &written);
        send_all(wire, outbox, written);
    } while (status == TLS_STATUS_WANT_WRITE);
}

tls_status_t wire_handshake(wire_t *wire) {
    uint8_t outbox[4096];
    tls_status_t status;
    do {
        if (wire->bound) {
            status = tls_session_socket_handshake(wire->session);
            if (!waited(wire, status)) {
                return status;
            }
            continue;
        }
        size_t consumed, written;
        status = tls_session_handshake(wire->session, wire->inbox, wire->inbox_len, outbox,
                                               smaller(wire->chunk, sizeof outbox), &consumed, &written);
        consume(wire, consumed);
        send_all(wire, outbox, written);
        if (status == TLS_STATUS_WANT_READ) {
            status = receive(wire);
            if (status == TLS_STATUS_COMPLETE) {
                status = TLS_STATUS_WANT_READ;
            }
        }
    } while (status == TLS_STATUS_WANT_READ || status == TLS_STATUS_WANT_WRITE);
    if (status < 0) {
        drain(wire);
    }
    return status;
}

tls_status_t wire_read(wire_t *wire, uint8_t *room, size_t cap, size_t *out_len) {
    tls_status_t status;
    for (;;) {
        if (wire->bound) {
            status = tls_session_socket_read(wire->session, room, smaller(cap, wire->chunk), out_len);
            if (tls_session_has_pending_output(wire->session) && wire_write(wire, NULL, 0) < 0) {
                return status;
            }
            if (!waited(wire, status)) {
                return status;
            }
            continue;
        }
        size_t consumed;
        status = tls_session_decrypt(wire->session, wire->inbox, wire->inbox_len, room, smaller(cap, wire->chunk),
                                     &consumed, out_len);
        consume(wire, consumed);
        if (tls_session_has_pending_output(wire->session)) {
            drain(wire);
        }
        if (*out_len > 0) {
            return TLS_STATUS_COMPLETE;
        }
        if (status == TLS_STATUS_WANT_READ) {
            status = receive(wire);
        }
        if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_READ) {
            return status;
        }
    }
}

tls_status_t wire_write(wire_t *wire, const uint8_t *data, size_t len) {
    uint8_t outbox[SPANTLS_MAX_RECORD];
    const size_t cap = wire->chunk < SPANTLS_MIN_CIPHERTEXT ? SPANTLS_MIN_CIPHERTEXT : smaller(wire->chunk, sizeof outbox);
    for (;;) {
        size_t consumed, written;
        tls_status_t status;
        if (wire->bound) {
            status = tls_session_socket_write(wire->session, data, len, &consumed);
        } else {
            status = tls_session_encrypt(wire->session, data, len, outbox, cap, &consumed, &written);
            send_all(wire, outbox, written);
        }
        len -= consumed;
        data = len == 0 ? NULL : data + consumed;
        if (wire->bound ? !waited(wire, status) : status != TLS_STATUS_WANT_WRITE) {
            return status;
        }
    }
}

/* Both write a message behind pending output, or nothing if there is no room. */
typedef tls_status_t (*message_t)(tls_session_t *session, void *output, size_t output_cap, size_t *out_written);

static tls_status_t update(tls_session_t *session, void *output, size_t output_cap, size_t *out_written) {
    return tls_session_update_keys(session, 1, output, output_cap, out_written);
}

static tls_status_t message(wire_t *wire, message_t call) {
    uint8_t outbox[4096];
    size_t written;
    tls_status_t status;
    do {
        status = call(wire->session, wire->bound ? NULL : outbox, wire->bound ? 0 : sizeof outbox, &written);
        if (wire->bound) {
            continue;
        }
        send_all(wire, outbox, written);
    } while (wire->bound ? waited(wire, status) : status == TLS_STATUS_WANT_WRITE);
    if (status == TLS_STATUS_COMPLETE && tls_session_has_pending_output(wire->session)) {
        status = wire_write(wire, NULL, 0);
    }
    return status;
}

tls_status_t wire_update_keys(wire_t *wire) {
    return message(wire, update);
}

tls_status_t wire_request_certificate(wire_t *wire) {
    return message(wire, tls_session_request_client_certificate);
}

tls_status_t wire_close(wire_t *wire) {
    uint8_t outbox[4096];
    size_t written;
    tls_status_t status;
    do {
        if (wire->bound) {
            status = tls_session_socket_shutdown(wire->session);
        } else {
            status = tls_session_shutdown(wire->session, outbox, smaller(wire->chunk, sizeof outbox), &written);
            send_all(wire, outbox, written);
        }
    } while (wire->bound ? waited(wire, status) : status == TLS_STATUS_WANT_WRITE);
    return status;
}

void wire_linger(wire_t *wire) {
    uint8_t room[4096];
    if (wire->bound && tls_session_has_pending_output(wire->session)) {
        const tls_status_t status = wire_close(wire);
        wire->ended |= status < 0;
    } else if (!wire->bound) {
        drain(wire);
    }
    shutdown(wire->fd, SHUT_WR);
    while (!wire->ended) {
        const ssize_t count = recv(wire->fd, room, sizeof room, 0);
        if (count < 0 && errno == EAGAIN) {
            wire_wait(wire->fd, POLLIN);
        } else if (count == 0 || (count < 0 && errno != EINTR)) {
            wire->ended = true;
        }
    }
}

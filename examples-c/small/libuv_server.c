/*
 * A server on libuv, which watches the sockets of sessions: sends everything back, but reads from no client that does not
 * read. It has no time limits. Usage: libuv_server ADDRESS PORT CHAIN.pem KEY.pem      (port 0: the system chooses)
 */
#define _GNU_SOURCE 1
#include <spantls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static struct connection {
    union uv_any_handle watch;
    tls_session_t *session;
    size_t len; /* of what was read and is not yet sent back */
    int ending;
    char data[16384];
} connections[512]; /* by descriptor */

static tls_context_t *context;
static int listener;

static int complain(const tls_session_t *session) {
    spantls_error_t error;
    error.struct_size = sizeof error;
    if ((session ? tls_session_error(session, &error) : spantls_last_error(&error)) == TLS_STATUS_COMPLETE && error.status)
        fprintf(stderr, "%s: %s\n", tls_status_name(error.status), error.message);
    return 1;
}

static struct connection *connection_at(void *place) {
    struct connection *c; /* without a cast: void * is converted in C only */
    memcpy(&c, &place, sizeof c);
    return c;
}

static void on_closed(uv_handle_t *handle) {
    struct connection *c = connection_at(handle->data);
    tls_session_destroy(c->session);
    memset(c, 0, sizeof *c);
}

/* One step each time, so that no client keeps the others waiting. */
static void on_ready(uv_poll_t *poll, int error, int events) {
    struct connection *c = connection_at(poll->data);
    tls_status_t status;
    size_t sent = 0;
    if (c->ending || error < 0 || events < 0)
        status = tls_session_socket_finish(c->session);
    else if (!tls_session_is_handshake_complete(c->session))
        status = tls_session_socket_handshake(c->session);
    else if (c->len > 0 || tls_session_has_pending_output(c->session))
        status = tls_session_socket_write(c->session, c->data, c->len, &sent);
    else
        status = tls_session_socket_read(c->session, c->data, sizeof c->data, &c->len);
    memmove(c->data, c->data + sent, c->len -= sent);
    const int goes_on = status == TLS_STATUS_COMPLETE || status == TLS_STATUS_WANT_READ || status == TLS_STATUS_WANT_WRITE;
    if ((!goes_on && c->ending) ||
        uv_poll_start(poll, status == TLS_STATUS_WANT_READ ? UV_READABLE : UV_WRITABLE, on_ready) != 0)
        uv_close(&c->watch.handle, on_closed);
    else if (!goes_on)
        c->ending = complain(c->session);
}

static void on_client(uv_poll_t *poll, int error, int events) {
    const int fd = error == 0 && events != 0 ? accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
    if (fd >= 512 ||
        (fd >= 0 && tls_session_create_with_socket(context, fd, SPANTLS_SOCKET_OWN, &connections[fd].session) < 0))
        close(fd);
    else if (fd >= 0 && uv_poll_init(poll->loop, &connections[fd].watch.poll, fd) != 0)
        tls_session_destroy(connections[fd].session);
    else if (fd >= 0) {
        connections[fd].watch.poll.data = &connections[fd];
        on_ready(&connections[fd].watch.poll, 0, 0);
    }
}

int main(int argc, char **argv) {
    union { struct sockaddr any; struct sockaddr_in in; } at;
    socklen_t len = sizeof at;
    tls_credentials_t *credentials = NULL;
    tls_options_t *options = NULL;
    uv_poll_t watch;
    int on = 1;
    if (argc != 5 || tls_credentials_create_file(argv[3], argv[4], NULL, &credentials) < 0 || tls_options_create(&options) < 0 ||
        tls_options_set_credentials(options, credentials) < 0 || tls_context_create_server(options, &context) < 0)
        return complain(NULL);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (uv_ip4_addr(argv[1], atoi(argv[2]), &at.in) != 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(listener, &at.any, len) != 0 ||
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, &at.any, &len) != 0 || uv_poll_init(uv_default_loop(), &watch, listener) != 0 ||
        uv_poll_start(&watch, UV_READABLE, on_client) != 0)
        perror(argv[1]);
    else if (printf("listening on port %d\n", ntohs(at.in.sin_port)) > 0 && fflush(stdout) == 0)
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return 1;
}

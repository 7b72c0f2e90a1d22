/*
 * A server for many clients in one thread: sends everything back, but reads from no client that does not read. It has no
 * time limits. Usage: epoll_server HOST PORT CHAIN.pem KEY.pem      (port 0: the system chooses)
 */
#define _GNU_SOURCE 1
#include <netdb.h>
#include <netinet/tcp.h>
#include <spantls.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct connection {
    tls_session_t *session;
    size_t len; /* of what was read and is not yet sent back */
    int ending;
    char data[16384];
} connections[512]; /* by descriptor */

static int complain(const tls_session_t *session) {
    spantls_error_t error;
    error.struct_size = sizeof error;
    if ((session ? tls_session_error(session, &error) : spantls_last_error(&error)) == TLS_STATUS_COMPLETE && error.status)
        fprintf(stderr, "%s: %s\n", tls_status_name(error.status), error.message);
    return 1;
}

static int listen_on(const char *host, const char *port) {
    const struct addrinfo hints = {AI_PASSIVE, AF_UNSPEC, SOCK_STREAM, 0, 0, NULL, NULL, NULL};
    struct addrinfo *at = NULL;
    char chosen[8];
    int fd = -1, on = 1;
    if (getaddrinfo(host, port, &hints, &at) != 0 || (fd = socket(at->ai_family, SOCK_STREAM, 0)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || bind(fd, at->ai_addr, at->ai_addrlen) != 0 ||
        listen(fd, SOMAXCONN) != 0 || getsockname(fd, at->ai_addr, &at->ai_addrlen) != 0 ||
        getnameinfo(at->ai_addr, at->ai_addrlen, NULL, 0, chosen, sizeof chosen, NI_NUMERICSERV) != 0) {
        perror(host);
        return -1;
    }
    freeaddrinfo(at);
    printf("listening on port %s\n", chosen);
    return fflush(stdout) == 0 ? fd : -1;
}

/* Does what can be done now, within a limit. WANT_READ, WANT_WRITE: what to wait for; else the connection has ended. */
static tls_status_t go_on(struct connection *c) {
    for (int turn = 0; turn < 16; turn++) {
        tls_status_t status;
        size_t sent = 0;
        if (c->ending)
            status = tls_session_socket_finish(c->session);
        else if (!tls_session_is_handshake_complete(c->session))
            status = tls_session_socket_handshake(c->session);
        else if (c->len > 0 || tls_session_has_pending_output(c->session))
            status = tls_session_socket_write(c->session, c->data, c->len, &sent);
        else
            status = tls_session_socket_read(c->session, c->data, sizeof c->data, &c->len);
        memmove(c->data, c->data + sent, c->len -= sent);
        if (c->ending || status == TLS_STATUS_WANT_READ || status == TLS_STATUS_WANT_WRITE)
            return status;
        c->ending = status != TLS_STATUS_COMPLETE && complain(c->session);
    }
    return TLS_STATUS_WANT_WRITE;
}

int main(int argc, char **argv) {
    tls_credentials_t *credentials = NULL;
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    struct epoll_event event = {EPOLLIN, {NULL}};
    if (argc != 5 || tls_credentials_create_file(argv[3], argv[4], NULL, &credentials) < 0 || tls_options_create(&options) < 0 ||
        tls_options_set_credentials(options, credentials) < 0 || tls_context_create_server(options, &context) < 0)
        return complain(NULL);
    const int set = epoll_create1(EPOLL_CLOEXEC), listener = listen_on(argv[1], argv[2]);
    event.data.fd = listener;
    if (epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) != 0)
        return 1;
    for (;;) {
        if (epoll_wait(set, &event, 1, -1) != 1)
            continue;
        const int is_new = event.data.fd == listener;
        const int fd = is_new ? accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : event.data.fd;
        if (is_new && (fd < 0 || fd >= 512 || tls_session_create_with_socket(context, fd, SPANTLS_SOCKET_OWN,
                                                                             &connections[fd].session) < 0)) {
            close(fd);
            continue;
        }
        const tls_status_t status = go_on(&connections[fd]);
        event.events = status == TLS_STATUS_WANT_WRITE ? EPOLLOUT : EPOLLIN;
        event.data.fd = fd;
        if ((status != TLS_STATUS_WANT_READ && status != TLS_STATUS_WANT_WRITE) ||
            epoll_ctl(set, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) {
            tls_session_destroy(connections[fd].session);
            memset(&connections[fd], 0, sizeof connections[fd]);
        }
    }
}

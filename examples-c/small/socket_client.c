/*
 * A client on a blocking socket: sends a line of text and prints the line that comes back.
 *
 *     socket_client HOST PORT TEXT [ANCHORS.pem]      (without anchors: the system's store)
 */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spantls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int connect_to(const char *host, const char *port) {
    const struct addrinfo hints = {0, AF_UNSPEC, SOCK_STREAM, 0, 0, NULL, NULL, NULL};
    const struct timeval limit = {30, 0};
    struct addrinfo *found = NULL;
    int fd = -1, on = 1;

    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", host, gai_strerror(error));
        return -1;
    }
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
        if (fd >= 0 && (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
                        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
                        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
                        connect(fd, at->ai_addr, at->ai_addrlen) != 0)) {
            perror(host);
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

/* Whether a call has succeeded; if not, says why. */
static int check(const tls_session_t *session, tls_status_t status) {
    spantls_error_t error;

    error.struct_size = sizeof error;
    if (status != TLS_STATUS_COMPLETE &&
        (session != NULL ? tls_session_error(session, &error) : spantls_last_error(&error)) == TLS_STATUS_COMPLETE)
        fprintf(stderr, "%s: %s\n", tls_status_name(status), error.message);
    return status == TLS_STATUS_COMPLETE;
}

static tls_session_t *open_session(int fd, const char *anchors) {
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    tls_session_t *session = NULL;

    if (check(NULL, tls_options_create(&options)) &&
        check(NULL, tls_options_set_certificate_validation(options, SPANTLS_VALIDATION_AUTOMATIC)) &&
        (anchors == NULL || check(NULL, tls_options_add_trust_anchors_file(options, anchors))) &&
        check(NULL, tls_context_create_client(options, &context)))
        check(NULL, tls_session_create_with_socket(context, fd, SPANTLS_SOCKET_BORROW, &session));
    tls_options_destroy(options);
    tls_context_destroy(context);
    return session;
}

static int exchange(tls_session_t *session, const char *text) {
    const spantls_span_t line[2] = {{text, strlen(text)}, {"\n", 1}};
    char answer[4096];
    size_t count = 0;

    if (!check(session, tls_session_socket_write_vectored(session, line, 2, &count)))
        return 0;
    do {
        if (!check(session, tls_session_socket_read(session, answer, sizeof answer, &count)))
            return 0;
        fwrite(answer, 1, count, stdout);
    } while (answer[count - 1] != '\n');
    return fflush(stdout) == 0;
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: socket_client HOST PORT TEXT [ANCHORS.pem]\n");
        return 2;
    }
    int fd = connect_to(argv[1], argv[2]);
    tls_session_t *session = fd < 0 ? NULL : open_session(fd, argv[4]);
    int done = session != NULL && check(session, tls_session_set_target_host_name(session, argv[1])) &&
               check(session, tls_session_socket_handshake(session)) && exchange(session, argv[3]);

    if (session != NULL && tls_session_socket_finish(session) != TLS_STATUS_CLOSED)
        done = 0;
    tls_session_destroy(session);
    if (fd >= 0)
        close(fd);
    return done ? 0 : 1;
}

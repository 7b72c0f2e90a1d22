/* page NAME PORT ANCHORS: fetches https://NAME:PORT/ and prints the answer. */

#include <netdb.h>
#include <spantls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int connect_to(const char *name, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *address;
    if (getaddrinfo(name, port, &hints, &address) != 0) {
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *at = address; at != NULL && fd < 0; at = at->ai_next) {
        const int candidate = socket(at->ai_family, at->ai_socktype, 0);
        fd = connect(candidate, at->ai_addr, at->ai_addrlen) == 0 ? candidate : -1;
    }
    freeaddrinfo(address);
    return fd;
}

/* The ten lines: everything is COMPLETE, or the last status says why not. The socket blocks, so nobody has to wait. */
static tls_status_t fetch(int fd, const char *name, const char *anchors, const char *request) {
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    tls_session_t *session = NULL;
    tls_status_t status;
    size_t count = 0;
    char answer[4096];
    if ((status = tls_options_create(&options)) == 0 &&
        (status = tls_options_add_trust_anchors_file(options, anchors)) == 0 &&
        (status = tls_options_set_certificate_validation(options, SPANTLS_VALIDATION_AUTOMATIC)) == 0 &&
        (status = tls_context_create_client(options, &context)) == 0 &&
        (status = tls_session_create_with_socket(context, fd, SPANTLS_SOCKET_OWN, &session)) == 0 &&
        (status = tls_session_set_target_host_name(session, name)) == 0 &&
        (status = tls_session_socket_handshake(session)) == 0 &&
        (status = tls_session_socket_write(session, request, strlen(request), &count)) == 0) {
        while ((status = tls_session_socket_read(session, answer, sizeof answer, &count)) == 0) {
            fwrite(answer, 1, count, stdout);
        }
    }
    if (status == TLS_STATUS_CLOSED) {
        status = tls_session_socket_shutdown(session); /* the peer has said goodbye, and so do we */
    }
    spantls_error_t error = {.struct_size = sizeof error};
    if (status < 0 && session != NULL && tls_session_error(session, &error) == 0) {
        fprintf(stderr, "%s: %s\n", tls_status_name(status), error.message);
    }
    tls_session_destroy(session);
    tls_context_destroy(context);
    tls_options_destroy(options);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: page NAME PORT ANCHORS\n");
        return 2;
    }
    const int fd = connect_to(argv[1], argv[2]);
    if (fd < 0) {
        fprintf(stderr, "%s:%s: no connection\n", argv[1], argv[2]);
        return 1;
    }
    return fetch(fd, argv[1], argv[3], "GET / HTTP/1.0\r\n\r\n") == TLS_STATUS_CLOSED ? 0 : 1;
}

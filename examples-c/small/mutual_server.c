/*
 * A server for clients with a certificate of its authority (mutual TLS): prints the name of each, and says it to the client.
 *     mutual_server HOST PORT CHAIN.pem KEY.pem AUTHORITY.pem      (port 0: the system chooses)
 */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spantls.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int listen_on(const char *host, const char *port) {
    const struct addrinfo hints = {AI_PASSIVE, AF_UNSPEC, SOCK_STREAM, 0, 0, NULL, NULL, NULL};
    struct addrinfo *at = NULL;
    char chosen[8];
    int fd = -1, on = 1;

    int good = getaddrinfo(host, port, &hints, &at) == 0 &&
               (fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol)) >= 0 &&
               setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
               bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0 &&
               getsockname(fd, at->ai_addr, &at->ai_addrlen) == 0 &&
               getnameinfo(at->ai_addr, at->ai_addrlen, NULL, 0, chosen, sizeof chosen, NI_NUMERICSERV) == 0 &&
               printf("listening on port %s\n", chosen) > 0 && fflush(stdout) == 0;
    if (at == NULL)
        fprintf(stderr, "%s port %s: no such address\n", host, port);
    else if (!good)
        perror(host);
    if (at != NULL)
        freeaddrinfo(at);
    return good ? fd : -1;
}

static void complain(const tls_session_t *session) {
    spantls_error_t error;
    error.struct_size = sizeof error;
    if ((session != NULL ? tls_session_error(session, &error) : spantls_last_error(&error)) == TLS_STATUS_COMPLETE)
        fprintf(stderr, "%s: %s\n", tls_status_name(error.status), error.message);
}

static tls_context_t *make_context(const char *chain, const char *key, const char *authority) {
    tls_credentials_t *credentials = NULL;
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    if (tls_options_create(&options) < 0 || tls_credentials_create_file(chain, key, NULL, &credentials) < 0 ||
        tls_options_set_credentials(options, credentials) < 0 || tls_options_add_trust_anchors_file(options, authority) < 0 ||
        tls_options_set_client_certificate_mode(options, SPANTLS_CLIENT_CERTIFICATE_REQUIRE) < 0 ||
        tls_options_set_certificate_validation(options, SPANTLS_VALIDATION_AUTOMATIC) < 0 ||
        tls_context_create_server(options, &context) < 0)
        complain(NULL);
    tls_credentials_destroy(credentials);
    tls_options_destroy(options);
    return context;
}

static void serve(tls_context_t *context, int fd) {
    const struct timeval limit = {30, 0};
    tls_session_t *session = NULL;
    char name[1024];
    size_t len = 0;
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        tls_session_create_with_socket(context, fd, SPANTLS_SOCKET_BORROW, &session) < 0)
        return;
    tls_status_t status = tls_session_socket_handshake(session);
    if (status == TLS_STATUS_COMPLETE)
        status = tls_session_remote_certificate_text(session, 0, SPANTLS_CERTIFICATE_SUBJECT, 0, name, sizeof name, &len);
    if (status == TLS_STATUS_COMPLETE) {
        const spantls_span_t greeting[3] = {{"Hello, ", 7}, {name, len}, {"\n", 1}};
        printf("%s\n", name);
        status = tls_session_socket_write_vectored(session, greeting, 3, &len);
    }
    if (status != TLS_STATUS_COMPLETE)
        complain(session);
    tls_session_socket_finish(session);
    tls_session_destroy(session);
}

int main(int argc, char **argv) {
    tls_context_t *context = argc == 6 ? make_context(argv[3], argv[4], argv[5]) : NULL;
    int listener = context != NULL ? listen_on(argv[1], argv[2]) : -1;

    signal(SIGCHLD, SIG_IGN);
    while (listener >= 0) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && fork() == 0) {
            serve(context, fd);
            listener = -1;
        }
        if (fd >= 0)
            close(fd);
    }
    tls_context_destroy(context);
    return 1;
}

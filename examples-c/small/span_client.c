/*
 * A client over spans: the program receives and sends, the session turns bytes into bytes and asks its questions. It sends
 * a line of text and prints the line that comes back. The connection is its standard input, as bash can open one:
 *
 *     span_client NAME TEXT [ANCHORS.pem] 0<>/dev/tcp/HOST/PORT      (without anchors: the system's store)
 */
#define _POSIX_C_SOURCE 200809L
#include <spantls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static int send_all(int fd, const unsigned char *data, size_t len) {
    while (len > 0) {
        ssize_t count = send(fd, data, len, MSG_NOSIGNAL);
        if (count < 0)
            return 0;
        data += count;
        len -= count;
    }
    return 1;
}

/* COMPLETE: the line was sent, and a whole line has come back. */
static tls_status_t converse(tls_session_t *session, int fd, const char *text, size_t len) {
    unsigned char inbox[SPANTLS_MAX_RECORD], outbox[4096];
    char answer[4096];
    size_t inbox_len = 0;

    for (;;) {
        size_t consumed = 0, taken = 0, written = 0, read = 0;
        tls_status_t status;
        if (!tls_session_is_handshake_complete(session))
            status = tls_session_handshake(session, inbox, inbox_len, outbox, sizeof outbox, &consumed, &written);
        else if (len > 0)
            status = tls_session_encrypt(session, text, len, outbox, sizeof outbox, &taken, &written);
        else
            status = tls_session_decrypt(session, inbox, inbox_len, answer, sizeof answer, &consumed, &read);
        if (!send_all(fd, outbox, written))
            return TLS_STATUS_IO_ERROR;
        inbox_len -= consumed;
        memmove(inbox, inbox + consumed, inbox_len);
        text += taken;
        len -= taken;
        fwrite(answer, 1, read, stdout);
        if (read > 0 && answer[read - 1] == '\n')
            return TLS_STATUS_COMPLETE;
        if (status == TLS_STATUS_WANT_READ) {
            ssize_t count = recv(fd, inbox + inbox_len, sizeof inbox - inbox_len, 0);
            inbox_len += count > 0 ? count : 0;
            status = count > 0 ? TLS_STATUS_COMPLETE : tls_session_end_of_input(session);
        } else if (status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            status = tls_session_accept_with_default_validation(session, NULL);
        } else if (status == TLS_STATUS_WANT_CREDENTIALS) {
            status = tls_session_set_client_credentials(session, NULL);
        }
        if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_WRITE)
            return status;
    }
}

/* Sends close_notify, or the alert of a failure, and waits until the server has ended the connection. */
static void finish(tls_session_t *session, int fd) {
    unsigned char bytes[4096];
    size_t written;
    tls_status_t status;

    do {
        status = tls_session_shutdown(session, bytes, sizeof bytes, &written);
    } while (send_all(fd, bytes, written) && status == TLS_STATUS_WANT_WRITE);
    if (shutdown(fd, SHUT_WR) == 0)
        while (recv(fd, bytes, sizeof bytes, 0) > 0)
            continue;
}

int main(int argc, char **argv) {
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    tls_session_t *session = NULL;
    spantls_error_t error;
    char line[1024];

    if (argc < 3 || snprintf(line, sizeof line, "%s\n", argv[2]) >= 1024)
        return 2;
    int made = tls_options_create(&options) == TLS_STATUS_COMPLETE &&
               (argc == 3 || tls_options_add_trust_anchors_file(options, argv[3]) == TLS_STATUS_COMPLETE) &&
               tls_context_create_client(options, &context) == TLS_STATUS_COMPLETE &&
               tls_session_create(context, &session) == TLS_STATUS_COMPLETE;
    int done = made && tls_session_set_target_host_name(session, argv[1]) == TLS_STATUS_COMPLETE &&
               converse(session, 0, line, strlen(line)) == TLS_STATUS_COMPLETE;
    error.struct_size = sizeof error;
    if (!done && (made ? tls_session_error(session, &error) : spantls_last_error(&error)) == TLS_STATUS_COMPLETE)
        fprintf(stderr, "%s: %s\n", tls_status_name(error.status), error.message);
    if (made)
        finish(session, 0);
    tls_session_destroy(session);
    tls_context_destroy(context);
    tls_options_destroy(options);
    return done && fflush(stdout) == 0 ? 0 : 1;
}

/*
 * A program that has held secrets and has given everything back: sessions over the sockets that it inherits, one after the
 * other on one context, then nothing is left but a process that waits. test_secrets.py is the peer, and then reads this
 * program's memory.
 *
 *     holder ROLE PROTOCOL SUITE CHAIN KEY FLAGS FD...
 *
 * ROLE is `client` or `server`; PROTOCOL and SUITE are numbers as the header has them; CHAIN and KEY are PEM files, `-` for
 * none. FLAGS are letters: `a` a server asks for a certificate after the handshake, `e` the key is encrypted and the
 * first 40 bytes of standard input are its passphrase, `f` the context stays, with another root of the ticket keys (with `g` one
 * that has ended), `h` nothing is given back, `k` the kernel
 * gets the keys where it can, `l` secrets go to a key log whose path is the environment's SPANTLS_TEST_KEYLOG, `p` the key is passed as text, `r` the
 * next 32 bytes of standard input are the root of the ticket keys, `s` the bytes move over spans, `x` the session is
 * destroyed in the middle of the handshake, with a question open.
 *
 * Each session hears and says three lines of five bytes, with an update of keys between, and exports keying material. What
 * this program itself has to hold of a secret it wipes. When all is done it prints `done` and waits for standard input to end.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "spantls.h"

enum { LINE = 5, ROUNDS = 3, PASSPHRASE = 40, ROOT = 32, MATERIAL = 40, ROOM = 40000 };

static const char *flags;

static bool has(char flag) { return strchr(flags, flag) != NULL; }

static void fail(const char *what, tls_status_t status)
{
    spantls_error_t error = {.struct_size = sizeof error};
    if (spantls_last_error(&error) != TLS_STATUS_COMPLETE) error.status = status;
    fprintf(stderr, "%s: %s: %s\n", what, tls_status_name(status), error.message);
    exit(2);
}

static void must(const char *what, tls_status_t status)
{
    if (status != TLS_STATUS_COMPLETE) fail(what, status);
}

static void wipe(void *memory, size_t len)
{
    volatile uint8_t *bytes = memory;
    for (size_t at = 0; at < len; at++) bytes[at] = 0;
}

/* Without stdio, whose buffers would keep a copy. */
static char *read_text(const char *path, size_t *len)
{
    char *text = malloc(ROOM);
    int file = open(path, O_RDONLY);
    ssize_t got = file < 0 || text == NULL ? -1 : read(file, text, ROOM);
    if (got < 0) exit(2);
    close(file);
    *len = (size_t)got;
    return text;
}

static tls_credentials_t *credentials(const char *chain, const char *key)
{
    tls_credentials_t *made = NULL;
    char secret[PASSPHRASE + 1] = {0};
    const char *passphrase = has('e') ? secret : NULL;
    if (passphrase != NULL && read(0, secret, PASSPHRASE) != PASSPHRASE) exit(2);
    if (has('p')) {
        size_t chain_len, key_len;
        char *chain_text = read_text(chain, &chain_len), *key_text = read_text(key, &key_len);
        must("credentials", tls_credentials_create_pem(chain_text, chain_len, key_text, key_len, passphrase, &made));
        wipe(key_text, key_len);
        free(key_text);
        free(chain_text);
    } else {
        must("credentials", tls_credentials_create_file(chain, key, passphrase, &made));
    }
    wipe(secret, sizeof secret);
    return made;
}

static tls_context_t *context(bool server, char **arguments)
{
    tls_options_t *options = NULL;
    tls_context_t *made = NULL;
    const uint16_t suite = (uint16_t)strtoul(arguments[1], NULL, 0);
    must("options", tls_options_create(&options));
    must("protocols", tls_options_set_protocols(options, (uint32_t)strtoul(arguments[0], NULL, 0)));
    must("suites", tls_options_set_cipher_suites(options, &suite, 1));
    if (strcmp(arguments[2], "-") != 0) {
        tls_credentials_t *own = credentials(arguments[2], arguments[3]);
        must("own", tls_options_set_credentials(options, own));
        tls_credentials_destroy(own);
    }
    if (has('r')) {
        uint8_t root[ROOT];
        if (read(0, root, ROOT) != ROOT) exit(2);
        const spantls_ticket_root_t given = {root, ROOT, 0, INT64_MAX};
        must("root", tls_options_set_ticket_roots(options, &given, 1));
        wipe(root, ROOT);
    }
    if (has('l')) must("key log", tls_options_set_key_log_file(options, getenv("SPANTLS_TEST_KEYLOG")));
    if (server && !has('a')) must("mode", tls_options_set_client_certificate_mode(options, SPANTLS_CLIENT_CERTIFICATE_REQUEST));
    must("context", server ? tls_context_create_server(options, &made) : tls_context_create_client(options, &made));
    tls_options_destroy(options);
    return made;
}

/* The context stays, and its root goes: replaced, or by one that has ended, which an idle context is asked to erase. */
static void forget_root(tls_context_t *context)
{
    static const char other[] = "a root that is not a secret here";
    const spantls_ticket_root_t next = {other, ROOT, has('g') ? 0 : 1, has('g') ? 1 : INT64_MAX};
    must("other root", tls_context_set_ticket_roots(context, &next, 1));
    must("forget", tls_context_forget_expired(context));
}

/* --- One session, over its socket or over spans ------------------------------------------------------------------- */

typedef struct {
    tls_session_t *session;
    int fd;
    uint8_t *input;
    size_t input_len;
    uint8_t *output;
} talk_t;

static void wait_for(int fd, tls_status_t status)
{
    struct pollfd wanted = {.fd = fd, .events = status == TLS_STATUS_WANT_READ ? POLLIN : POLLOUT};
    while (poll(&wanted, 1, -1) < 0 && errno == EINTR) {
    }
}

static void send_all(const talk_t *talk, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t count = send(talk->fd, talk->output + sent, len - sent, MSG_NOSIGNAL);
        if (count > 0) {
            sent += (size_t)count;
        } else if (errno == EAGAIN) {
            wait_for(talk->fd, TLS_STATUS_WANT_WRITE);
        } else {
            exit(2);
        }
    }
}

/* More bytes of the peer's; false at the end. */
static bool receive(talk_t *talk)
{
    wait_for(talk->fd, TLS_STATUS_WANT_READ);
    ssize_t count = recv(talk->fd, talk->input + talk->input_len, ROOM - talk->input_len, 0);
    if (count > 0) talk->input_len += (size_t)count;
    return count > 0;
}

static void consume(talk_t *talk, size_t count)
{
    memmove(talk->input, talk->input + count, talk->input_len - count);
    talk->input_len -= count;
}

static tls_status_t step(talk_t *talk)
{
    if (!has('s')) return tls_session_socket_handshake(talk->session);
    size_t consumed = 0, written = 0;
    tls_status_t status = tls_session_handshake(talk->session, talk->input, talk->input_len, talk->output, ROOM,
                                                        &consumed, &written);
    consume(talk, consumed);
    send_all(talk, written);
    return status;
}

/* False if it was left in the middle. */
static bool handshake(talk_t *talk)
{
    for (;;) {
        tls_status_t status = step(talk);
        if (status == TLS_STATUS_COMPLETE) return true;
        if (status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            if (has('x')) return false;
            must("verdict", tls_session_set_certificate_validation_result(talk->session, 0));
        } else if (status == TLS_STATUS_WANT_READ && has('s')) {
            if (!receive(talk)) exit(2);
        } else if (status == TLS_STATUS_WANT_READ || status == TLS_STATUS_WANT_WRITE) {
            wait_for(talk->fd, status);
        } else {
            fail("handshake", status);
        }
    }
}

static void say(talk_t *talk, const char *line)
{
    size_t taken = 0, written = 0;
    if (has('s')) {
        must("encrypt", tls_session_encrypt(talk->session, line, LINE, talk->output, ROOM, &taken, &written));
        send_all(talk, written);
        return;
    }
    must("write", tls_session_socket_write(talk->session, line, LINE, &taken));
}

static tls_status_t read_some(talk_t *talk, uint8_t *line, size_t room, size_t *got)
{
    if (!has('s')) return tls_session_socket_read(talk->session, line, room, got);
    size_t consumed = 0;
    tls_status_t status = tls_session_decrypt(talk->session, talk->input, talk->input_len, line, room, &consumed, got);
    consume(talk, consumed);
    return status;
}

static void hear(talk_t *talk)
{
    uint8_t line[LINE];
    for (size_t heard = 0; heard < LINE;) {
        size_t got = 0;
        tls_status_t status = read_some(talk, line + heard, LINE - heard, &got);
        heard += got;
        if (status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            must("verdict", tls_session_set_certificate_validation_result(talk->session, 0));
        } else if (status == TLS_STATUS_WANT_READ && has('s')) {
            if (!receive(talk)) exit(2);
        } else if (status == TLS_STATUS_WANT_READ) {
            wait_for(talk->fd, status);
        } else if (status != TLS_STATUS_COMPLETE) {
            fail("read", status);
        }
    }
}

static void update_keys(talk_t *talk)
{
    size_t written = 0;
    must("update", tls_session_update_keys(talk->session, 1, has('s') ? talk->output : NULL, has('s') ? ROOM : 0, &written));
    send_all(talk, written);
}

static void ask(talk_t *talk)
{
    size_t written = 0;
    must("request", tls_session_request_client_certificate(talk->session, has('s') ? talk->output : NULL, has('s') ? ROOM : 0,
                                                           &written));
    send_all(talk, written);
}

static void export_material(talk_t *talk)
{
    uint8_t material[MATERIAL];
    must("export", tls_session_export_keying_material(talk->session, "EXPORTER-of-a-test", 18,
                                                      "context", 7, material, MATERIAL));
    wipe(material, MATERIAL);
    size_t len = 0;
    must("binding", tls_session_channel_binding(talk->session, SPANTLS_CHANNEL_BINDING_EXPORTER, material, MATERIAL, &len));
    wipe(material, MATERIAL);
}

static void rounds(talk_t *talk, bool server, bool tls13)
{
    for (int round = 0; round < ROUNDS; round++) {
        if (server) hear(talk);
        if (round == 1 && tls13 && !has('k')) update_keys(talk);
        if (round == 1 && has('a')) ask(talk);
        say(talk, "words");
        if (!server) hear(talk);
    }
    export_material(talk);
}

static void close_session(talk_t *talk)
{
    size_t written = 0;
    tls_status_t status = has('s') ? tls_session_shutdown(talk->session, talk->output, ROOM, &written)
                                   : tls_session_socket_shutdown(talk->session);
    if (status != TLS_STATUS_CLOSED) fail("close", status);
    send_all(talk, written);
}

static void converse(tls_context_t *context, bool server, bool tls13, int fd)
{
    talk_t talk = {.fd = fd, .input = malloc(ROOM), .output = malloc(ROOM)};
    if (talk.input == NULL || talk.output == NULL) exit(2);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) exit(2);
    const uint32_t kernel = has('k') ? SPANTLS_SOCKET_KERNEL_SEND | SPANTLS_SOCKET_KERNEL_RECEIVE : 0;
    must("session", has('s') ? tls_session_create(context, &talk.session)
                             : tls_session_create_with_socket(context, fd, SPANTLS_SOCKET_BORROW | kernel, &talk.session));
    if (!server) must("name", tls_session_set_target_host_name(talk.session, "localhost"));
    if (handshake(&talk)) {
        rounds(&talk, server, tls13);
        close_session(&talk);
    }
    if (has('h')) return;
    tls_session_destroy(talk.session);
    close(fd);
    free(talk.input);
    free(talk.output);
}

int main(int argc, char **argv)
{
    if (argc < 8) return 2;
    const bool server = strcmp(argv[1], "server") == 0;
    const bool tls13 = strtoul(argv[2], NULL, 0) == SPANTLS_PROTOCOL_TLS13;
    flags = argv[6];
    tls_context_t *shared = context(server, argv + 2);
    for (int at = 7; at < argc; at++) converse(shared, server, tls13, atoi(argv[at]));
    if (has('f')) {
        forget_root(shared);
    } else if (!has('h')) {
        tls_context_destroy(shared);
    }
    if (write(1, "done\n", 5) != 5) return 2;
    char end;
    return read(0, &end, 1) == 0 ? 0 : 2;
}

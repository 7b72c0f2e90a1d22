/*
 * Two TLS sessions talk to each other inside one process, without any transport: the smallest complete host of
 * spantls. What one party writes is laid straight into the array that the other party reads from.
 *
 *     memory_pair chain.pem key.pem anchors.pem host-name
 *
 * The client judges the server with the default validation: the anchors must be those of the chain, and the chain
 * must be valid for the host name. Everything that goes wrong is reported, and makes the exit code 1.
 */
#include "spantls.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Enough for any handshake: it needs three, and more only when a flight is larger than an inbox. */
#define MAX_ROUNDS 64

struct party {
    const char *name;
    tls_session_t *session;
    uint8_t inbox[2 * SPANTLS_MAX_RECORD]; /* what the other party has written and this one not yet consumed */
    size_t inbox_len;
};

/* Says why a call on the party's session failed, and returns false so that callers can pass that on. */
static bool complain(const struct party *party, const char *what, tls_status_t status)
{
    spantls_error_t error = {.struct_size = sizeof error};

    fprintf(stderr, "%s: %s: %s", party->name, what, tls_status_name(status));
    if (tls_session_error(party->session, &error) == TLS_STATUS_COMPLETE && error.status != TLS_STATUS_COMPLETE)
        fprintf(stderr, ": %s (alert sent %d, received %d)", error.message, (int)error.alert_sent,
                (int)error.alert_received);
    fputc('\n', stderr);
    return false;
}

/* The same for calls that have no session yet; true when there is nothing to complain about. */
static bool succeeded(const char *what, tls_status_t status)
{
    spantls_error_t error = {.struct_size = sizeof error};

    if (status == TLS_STATUS_COMPLETE)
        return true;
    fprintf(stderr, "%s: %s", what, tls_status_name(status));
    if (spantls_last_error(&error) == TLS_STATUS_COMPLETE)
        fprintf(stderr, ": %s", error.message);
    fputc('\n', stderr);
    return false;
}

static void drop_input(struct party *party, size_t len)
{
    party->inbox_len -= len;
    memmove(party->inbox, party->inbox + len, party->inbox_len);
}

/* ALPN "h2" on both sides. */
static bool add_alpn(tls_options_t *options)
{
    return succeeded("ALPN", tls_options_add_alpn(options, "h2", 2));
}

static bool make_server(struct party *server, const char *chain, const char *key)
{
    tls_credentials_t *credentials = NULL;
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    bool made = succeeded("credentials", tls_credentials_create_file(chain, key, NULL, &credentials)) &&
                succeeded("options", tls_options_create(&options)) &&
                succeeded("credentials", tls_options_set_credentials(options, credentials)) && add_alpn(options) &&
                succeeded("server context", tls_context_create_server(options, &context)) &&
                succeeded("server session", tls_session_create(context, &server->session));

    /* The session keeps what it needs of its context, and the context of its options. */
    tls_context_destroy(context);
    tls_options_destroy(options);
    tls_credentials_destroy(credentials);
    return made;
}

static bool make_client(struct party *client, const char *anchors, const char *host)
{
    tls_options_t *options = NULL;
    tls_context_t *context = NULL;
    bool made = succeeded("options", tls_options_create(&options)) &&
                succeeded("trust anchors", tls_options_add_trust_anchors_file(options, anchors)) &&
                add_alpn(options) && succeeded("client context", tls_context_create_client(options, &context)) &&
                succeeded("client session", tls_session_create(context, &client->session));

    tls_context_destroy(context);
    tls_options_destroy(options);
    if (!made)
        return false;
    tls_status_t status = tls_session_set_target_host_name(client->session, host);
    return status == TLS_STATUS_COMPLETE || complain(client, "host name", status);
}

/* The verdict. A refusal does not end the program here: the next handshake call writes the alert and fails. */
static bool judge(struct party *self)
{
    uint32_t policy_errors = 0;
    tls_status_t status = tls_session_accept_with_default_validation(self->session, &policy_errors);

    if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_AUTHENTICATION_FAILED)
        return complain(self, "verdict", status);
    printf("%s: verdict: %s (policy errors %u)\n", self->name, status == TLS_STATUS_COMPLETE ? "accepted" : "refused",
           (unsigned)policy_errors);
    return true;
}

/* Goes on with the handshake until this party has finished it or needs the other one. */
static bool advance(struct party *self, struct party *peer)
{
    for (;;) {
        size_t consumed = 0;
        size_t written = 0;
        tls_status_t status = tls_session_handshake(
            self->session, self->inbox, self->inbox_len, peer->inbox + peer->inbox_len,
            sizeof peer->inbox - peer->inbox_len, &consumed, &written);

        /* The counts hold whatever the status is. */
        drop_input(self, consumed);
        peer->inbox_len += written;
        switch (status) {
        case TLS_STATUS_COMPLETE:   /* what is left in the inbox is for decrypt */
        case TLS_STATUS_WANT_READ:  /* the peer's turn */
        case TLS_STATUS_WANT_WRITE: /* the peer's inbox is full: its turn, too */
            return true;
        case TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION:
            if (!judge(self))
                return false;
            break;
        default:
            return complain(self, "handshake", status);
        }
    }
}

static bool shake_hands(struct party *client, struct party *server)
{
    for (int round = 0; round < MAX_ROUNDS; ++round) {
        /* The alert of a party that fails lies in the other's inbox: the other one still gets its turn to see it. */
        bool client_well = advance(client, server);
        bool server_well = advance(server, client);
        if (!client_well || !server_well)
            return false;
        if (tls_session_is_handshake_complete(client->session) && tls_session_is_handshake_complete(server->session))
            return true;
    }
    fputs("the handshake does not come to an end\n", stderr);
    return false;
}

static bool print_negotiated(const struct party *party)
{
    char alpn[256] = {0}; /* a name has at most 255 bytes: a NUL always remains behind it */
    size_t alpn_len = 0;
    tls_status_t status = tls_session_negotiated_alpn(party->session, alpn, sizeof alpn - 1, &alpn_len);

    if (status != TLS_STATUS_COMPLETE)
        return complain(party, "ALPN", status);
    printf("%s: TLS %s, suite 0x%04X, group 0x%04X, ALPN %s\n", party->name,
           tls_session_negotiated_protocol(party->session) == SPANTLS_PROTOCOL_TLS13 ? "1.3" : "1.2",
           (unsigned)tls_session_negotiated_cipher_suite(party->session),
           (unsigned)tls_session_negotiated_group(party->session), alpn_len > 0 ? alpn : "none");
    return true;
}

/* Opens all that is in the inbox. The last status says why it stopped: WANT_READ, CLOSED, or an error. */
static tls_status_t read_all(struct party *self)
{
    for (;;) {
        char plaintext[256]; /* any size works: the session holds what does not fit */
        size_t consumed = 0;
        size_t written = 0;
        tls_status_t status = tls_session_decrypt(self->session, self->inbox, self->inbox_len, plaintext,
                                                  sizeof plaintext, &consumed, &written);

        drop_input(self, consumed);
        /* COMPLETE without plaintext is a message of TLS itself, for example a session ticket. */
        if (written > 0)
            printf("%s: received \"%.*s\"\n", self->name, (int)written, plaintext);
        if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_WRITE)
            return status;
    }
}

static bool send_message(struct party *from, struct party *to, const char *text)
{
    size_t consumed = 0;
    size_t written = 0;
    tls_status_t status =
        tls_session_encrypt(from->session, text, strlen(text), to->inbox + to->inbox_len,
                            sizeof to->inbox - to->inbox_len, &consumed, &written);

    to->inbox_len += written;
    if (status != TLS_STATUS_COMPLETE) /* WANT_WRITE too: the inbox has room for these few words */
        return complain(from, "encrypt", status);
    status = read_all(to);
    return status == TLS_STATUS_WANT_READ || complain(to, "decrypt", status);
}

/* One direction of the end: `from` says that it sends no more, `to` understands it. */
static bool close_side(struct party *from, struct party *to)
{
    size_t written = 0;
    tls_status_t status = tls_session_shutdown(from->session, to->inbox + to->inbox_len,
                                               sizeof to->inbox - to->inbox_len, &written);

    to->inbox_len += written;
    if (status != TLS_STATUS_CLOSED)
        return complain(from, "shutdown", status);
    status = read_all(to);
    if (status != TLS_STATUS_CLOSED)
        return complain(to, "waiting for close_notify", status);
    printf("%s: closed by the %s\n", to->name, from->name);
    return true;
}

int main(int argc, char **argv)
{
    static struct party client = {.name = "client"};
    static struct party server = {.name = "server"};

    if (argc != 5) {
        fprintf(stderr, "usage: %s chain.pem key.pem anchors.pem host-name\n", argv[0]);
        return 2;
    }
    bool good = make_server(&server, argv[1], argv[2]) && make_client(&client, argv[3], argv[4]) &&
                shake_hands(&client, &server) && print_negotiated(&client) && print_negotiated(&server) &&
                send_message(&client, &server, "how do you do?") &&
                send_message(&server, &client, "very well, thank you") && close_side(&client, &server) &&
                close_side(&server, &client);

    tls_session_destroy(client.session);
    tls_session_destroy(server.session);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

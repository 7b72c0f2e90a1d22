/*
 * A TLS client over a non-blocking socket: sends a line of text or its standard input, prints what comes back on
 * standard output, and says on standard error what was negotiated, how the server was judged and how it all ended.
 *
 *     client [options] host port          (see usage() for the options)
 *
 * The exit code is 0 only when both sides have closed properly after everything was said.
 */
#define _POSIX_C_SOURCE 200809L

#include "channel.h"
#include "report.h"
#include "settings.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct settings {
    const char *host;
    const char *port;
    const char *name; /* what the certificate must be for, and the SNI; NULL: the host */
    const char *cert;
    const char *key;
    const char *text; /* NULL: standard input */
    unsigned long expect;
    unsigned long timeout;
    bool on_demand; /* the certificate is not prepared in the options, but given when the server asks */
    bool summary;
};

struct client {
    struct channel channel;
    tls_credentials_t *on_demand; /* for a server that asks; NULL: there are none */
    struct buffer outgoing; /* plaintext, not yet sealed */
    struct buffer incoming; /* plaintext, not yet printed */
    int input;              /* where outgoing plaintext comes from; -1 once there is no more */
    uint64_t expected;      /* so many bytes are awaited before we close */
};

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [options] host port\n"
            "  --ca FILE         trust anchors (default: the system's store)\n"
            "  --name NAME       the server's name (default: host)\n"
            "  --cert FILE       certificate chain to show to servers that ask\n"
            "  --key FILE        its private key\n"
            "  --cert-on-demand  decide only when the server asks, and say what it asks for\n"
            "  --alpn NAME       application protocol to offer; repeat it for more\n"
            "  --tls 1.2|1.3     only this version\n"
            "  --send TEXT       send TEXT and a newline (default: standard input)\n"
            "  --expect BYTES    close only after so many bytes were received. Without it we close as soon as\n"
            "                    everything is sent; TLS 1.2 servers then need not answer any more\n"
            "  --timeout SECONDS for everything together (default: 30)\n"
            "  --summary         end with a line for scripts on standard error\n",
            program);
    return 2;
}

/* ---- settings ---- */

/* Loads what the client can show, if anything: into the options, or to be kept until a server asks. */
static bool load_credentials(tls_options_t *options, const struct settings *settings,
                             tls_credentials_t **out_on_demand)
{
    tls_credentials_t *credentials = NULL;

    *out_on_demand = NULL;
    if (settings->cert == NULL && settings->key == NULL && !settings->on_demand)
        return true;
    if (settings->cert == NULL || settings->key == NULL) {
        fputs("--cert and --key belong together, and --cert-on-demand to both\n", stderr);
        return false;
    }
    if (!succeeded(settings->cert, tls_credentials_create_file(settings->cert, settings->key, NULL, &credentials)))
        return false;
    if (settings->on_demand) {
        *out_on_demand = credentials;
        return true;
    }
    bool set = succeeded(settings->cert, tls_options_set_credentials(options, credentials));
    tls_credentials_destroy(credentials); /* the options have their own hold on them */
    return set;
}

static bool parse_option(int option, const char *value, struct settings *settings, tls_options_t *options)
{
    switch (option) {
    case 'a':
        return succeeded(value, tls_options_add_trust_anchors_file(options, value));
    case 'n':
        settings->name = value;
        return true;
    case 'c':
        settings->cert = value;
        return true;
    case 'k':
        settings->key = value;
        return true;
    case 'd':
        settings->on_demand = true;
        return true;
    case 'p':
        return add_alpn(options, value);
    case 'v':
        return set_version(options, value);
    case 's':
        settings->text = value;
        return strlen(value) < SPANTLS_MAX_RECORD; /* longer texts come through standard input */
    case 'e':
        return parse_number(value, 0, 1000000000, &settings->expect);
    case 't':
        return parse_number(value, 1, 86400, &settings->timeout);
    case 'S':
        settings->summary = true;
        return true;
    default:
        return false;
    }
}

static bool parse_arguments(int argc, char **argv, struct settings *settings, tls_options_t *options)
{
    static const struct option known[] = {
        {"ca", required_argument, NULL, 'a'},     {"name", required_argument, NULL, 'n'},
        {"cert", required_argument, NULL, 'c'},   {"key", required_argument, NULL, 'k'},
        {"cert-on-demand", no_argument, NULL, 'd'}, {"alpn", required_argument, NULL, 'p'},
        {"tls", required_argument, NULL, 'v'},    {"send", required_argument, NULL, 's'},
        {"expect", required_argument, NULL, 'e'}, {"timeout", required_argument, NULL, 't'},
        {"summary", no_argument, NULL, 'S'},      {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!parse_option(option, optarg, settings, options))
            return false;
    }
    if (argc - optind != 2)
        return false;
    settings->host = argv[optind];
    settings->port = argv[optind + 1];
    if (settings->name == NULL)
        settings->name = settings->host;
    return true;
}

/* ---- connecting ---- */

/* Waits until a connection that is under way stands; false with errno set if it does not come to that. */
static bool await_connection(int fd, int64_t deadline)
{
    struct pollfd waiting = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t error_len = sizeof error;
    int ready = 0;

    do {
        ready = poll(&waiting, 1, milliseconds_until(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        errno = ETIMEDOUT;
    if (ready <= 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) != 0)
        return false;
    errno = error;
    return error == 0;
}

static int connect_address(const struct addrinfo *address, int64_t deadline)
{
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    int on = 1;

    if (fd < 0)
        return -1;
    if (set_non_blocking(fd) && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
        (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
         (errno == EINPROGRESS && await_connection(fd, deadline))))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Tries the host's addresses in turn. Looking the name up is the one thing that blocks in this program. */
static int connect_to(const char *host, const char *port, int64_t deadline)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int fd = -1;
    int error = getaddrinfo(host, port, &hints, &addresses);

    if (error != 0) {
        fprintf(stderr, "%s: %s\n", host, gai_strerror(error));
        return -1;
    }
    for (const struct addrinfo *address = addresses; address != NULL && fd < 0; address = address->ai_next)
        fd = connect_address(address, deadline);
    if (fd < 0)
        fprintf(stderr, "connecting to %s port %s: %s\n", host, port, strerror(errno));
    freeaddrinfo(addresses);
    return fd;
}

/* ---- the handshake ---- */

/* Says what kind of certificate the server would take: a client with several would choose by this. */
static void report_request(const tls_session_t *session)
{
    size_t issuers = 0;
    uint16_t scheme = 0;
    tls_status_t status = tls_session_acceptable_issuer_count(session, &issuers);

    if (status != TLS_STATUS_COMPLETE)
        report_failure("client", session, status);
    fprintf(stderr, "client: the server asks for a certificate; issuers it names: %zu, signature schemes:", issuers);
    for (size_t i = 0; (scheme = tls_session_acceptable_signature_scheme(session, i)) != 0; ++i)
        fprintf(stderr, " 0x%04X", (unsigned)scheme);
    fputc('\n', stderr);
}

/* Answers WANT_CREDENTIALS. Who has none, or none that fit, declines, and the server decides whether to go on. */
static tls_status_t answer_request(struct client *client)
{
    tls_session_t *session = client->channel.session;

    report_request(session);
    tls_status_t status = tls_session_set_client_credentials(session, client->on_demand);
    if (status == TLS_STATUS_INVALID_CONFIGURATION) {
        report_failure("client", session, status);
        status = tls_session_set_client_credentials(session, NULL);
    }
    return status;
}

/* PHASE_HANDSHAKE: goes on with it. A client with credentials in its options is never asked for them. */
static void shake_hands(struct client *client)
{
    while (channel_handshake(&client->channel) == TLS_STATUS_WANT_CREDENTIALS) {
        tls_status_t status = answer_request(client);
        if (status != TLS_STATUS_COMPLETE) {
            channel_fail(&client->channel, status);
            return;
        }
    }
}

/* ---- the conversation ---- */

/* Fetches more to send, if there is room for it. */
static void read_input(struct client *client)
{
    buffer_compact(&client->outgoing);
    ssize_t got = read(client->input, buffer_tail(&client->outgoing), buffer_room(&client->outgoing));

    if (got > 0) {
        buffer_add(&client->outgoing, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        if (got < 0)
            fprintf(stderr, "reading the input: %s\n", strerror(errno));
        client->input = -1;
    }
}

/* Prints what was received. This may block: so does the reader of our output, and the server has to wait. */
static bool print_received(struct buffer *incoming)
{
    size_t len = buffer_len(incoming);

    if (len == 0)
        return true;
    bool printed = fwrite(buffer_front(incoming), 1, len, stdout) == len && fflush(stdout) == 0;
    buffer_drop(incoming, len);
    return printed;
}

/* Prints all that the inbox holds. The last status says why it stopped: WANT_READ, CLOSED, or an error. */
static tls_status_t receive_all(struct client *client)
{
    for (;;) {
        tls_status_t status = channel_open(&client->channel, &client->incoming);

        if (!print_received(&client->incoming)) {
            perror("standard output");
            channel_finish(&client->channel, ENDING_FAILED);
            return status;
        }
        if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_WRITE)
            return status;
    }
}

static bool all_sent(const struct client *client)
{
    return client->input < 0 && buffer_len(&client->outgoing) == 0;
}

static bool all_received(const struct client *client)
{
    return client->channel.plaintext_received >= client->expected;
}

/* PHASE_OPEN: sends and receives until we have sent everything and got what we expect, or the server closes. */
static void converse(struct client *client)
{
    struct channel *channel = &client->channel;
    tls_status_t status = channel_seal(channel, &client->outgoing);

    if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_WRITE) {
        channel_fail(channel, status);
        return;
    }
    status = receive_all(client);
    if (channel->phase != PHASE_OPEN)
        return;
    if (status != TLS_STATUS_WANT_READ && status != TLS_STATUS_CLOSED)
        channel_fail(channel, status);
    else if (status == TLS_STATUS_CLOSED || (all_sent(client) && all_received(client)))
        channel->phase = PHASE_CLOSING;
}

/* PHASE_CLOSING: sends our close_notify and reads on until the server's has come. */
static void close_properly(struct client *client)
{
    struct channel *channel = &client->channel;
    tls_status_t sent = channel_shutdown(channel);

    if (sent != TLS_STATUS_CLOSED && sent != TLS_STATUS_WANT_WRITE) {
        channel_fail(channel, sent);
        return;
    }
    tls_status_t received = receive_all(client);
    if (channel->phase != PHASE_CLOSING)
        return;
    if (received != TLS_STATUS_WANT_READ && received != TLS_STATUS_CLOSED)
        channel_fail(channel, received);
    else if (received == TLS_STATUS_CLOSED && sent == TLS_STATUS_CLOSED)
        channel_finish(channel, all_sent(client) && all_received(client) ? ENDING_CLEAN : ENDING_EARLY);
}

/* Does what can be done now. Each part may lead to the next one at once: no new event would announce it. */
static void go_on(struct client *client)
{
    struct channel *channel = &client->channel;

    if (channel->phase == PHASE_HANDSHAKE)
        shake_hands(client);
    if (channel->phase == PHASE_OPEN)
        converse(client);
    if (channel->phase == PHASE_CLOSING)
        close_properly(client);
    if (channel->phase == PHASE_LINGER)
        channel_linger(channel);
}

static void run(struct client *client)
{
    struct channel *channel = &client->channel;

    while (channel->phase != PHASE_DONE) {
        do {
            go_on(client);
        } while (channel_send(channel));

        /* Negative descriptors are skipped by poll(): the input is of interest only when it can be sent. */
        bool wants_more = channel->phase == PHASE_OPEN && buffer_len(&client->outgoing) == 0;
        struct pollfd polls[2] = {
            {.fd = channel->socket, .events = channel_events(channel, true)},
            {.fd = wants_more ? client->input : -1, .events = POLLIN},
        };
        if (channel->phase != PHASE_DONE && poll(polls, 2, milliseconds_until(channel->deadline)) < 0 &&
            errno != EINTR) {
            perror("poll");
            channel_finish(channel, ENDING_FAILED);
            return;
        }
        if (polls[0].revents != 0)
            channel_receive(channel);
        if (polls[1].revents != 0)
            read_input(client);
        channel_expire(channel, monotonic_ms());
    }
}

static bool say_how_it_ended(const struct channel *channel)
{
    switch (channel->ending) {
    case ENDING_CLEAN:
        fputs("client: clean end: both sides have closed\n", stderr);
        return true;
    case ENDING_EARLY:
        fputs("client: the server closed before everything was said\n", stderr);
        return false;
    case ENDING_TRUNCATED:
        fputs("client: truncated: the connection ended without close_notify, data may be missing\n", stderr);
        return false;
    default: /* has been explained where it happened */
        return false;
    }
}

/* ---- the program ---- */

/* Puts the text for --send where sealing takes it from. */
static void take_input(struct client *client, const struct settings *settings)
{
    client->input = STDIN_FILENO;
    if (settings->text == NULL)
        return;
    size_t len = strlen(settings->text);
    char *tail = buffer_tail(&client->outgoing);
    memcpy(tail, settings->text, len);
    tail[len] = '\n';
    buffer_add(&client->outgoing, len + 1);
    client->input = -1;
}

static tls_session_t *make_session(const tls_options_t *options, const char *name)
{
    tls_context_t *context = NULL;
    tls_session_t *session = NULL;

    if (!succeeded("context", tls_context_create_client(options, &context)))
        return NULL;
    bool made = succeeded("session", tls_session_create(context, &session));
    tls_context_destroy(context); /* the session keeps it alive */
    if (!made)
        return NULL;
    tls_status_t status = tls_session_set_target_host_name(session, name);
    if (status == TLS_STATUS_COMPLETE)
        return session;
    report_failure(name, session, status);
    tls_session_destroy(session);
    return NULL;
}

static int talk(const struct settings *settings, const tls_options_t *options, tls_credentials_t *on_demand)
{
    static struct client client; /* its buffers are too large for some stacks */
    int64_t deadline = monotonic_ms() + (int64_t)settings->timeout * 1000;
    tls_session_t *session = make_session(options, settings->name);

    if (session == NULL)
        return EXIT_FAILURE;
    int fd = connect_to(settings->host, settings->port, deadline);
    if (fd < 0) {
        tls_session_destroy(session);
        return EXIT_FAILURE;
    }
    channel_init(&client.channel, "client", fd, session, deadline);
    take_input(&client, settings);
    client.expected = settings->expect;
    client.on_demand = on_demand;

    run(&client);
    bool clean = say_how_it_ended(&client.channel);
    if (settings->summary)
        channel_print_summary(&client.channel);
    channel_destroy(&client.channel);
    return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct settings settings = {.timeout = 30};
    tls_options_t *options = NULL;
    tls_credentials_t *on_demand = NULL;

    /* When the reader of our standard output goes away, that is an error to report and not our death. */
    signal(SIGPIPE, SIG_IGN);
    if (!succeeded("options", tls_options_create(&options)))
        return EXIT_FAILURE;
    int result = EXIT_FAILURE;
    if (!parse_arguments(argc, argv, &settings, options))
        result = usage(argv[0]);
    else if (load_credentials(options, &settings, &on_demand))
        result = talk(&settings, options, on_demand);
    tls_credentials_destroy(on_demand);
    tls_options_destroy(options);
    return result;
}

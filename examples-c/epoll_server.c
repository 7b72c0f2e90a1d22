/*
 * An HTTPS server on the loopback address for Linux: threads that share a listening socket and nothing else, each with an
 * epoll set of its own (worker.c, which is the part to look at). The sessions are bound to their sockets, so the library
 * reads and writes, and its statuses say what to wait for.
 *
 *     epoll_server [options] chain.pem key.pem [name chain.pem key.pem ...]     (see usage() for the options)
 *
 * A request for /1024 gets 1,024 bytes, one for / gets 13. Requests with a body are refused (http.h). Clients that ask
 * for one of the names are shown its certificate, all others the first one. It prints "listening on 127.0.0.1 PORT" on standard
 * output and runs until SIGTERM or SIGINT: then requests that have begun are answered, and a line on standard error says
 * what it has served. Nothing else is written, so no disk can fill up and no reader can hold it up.
 */
#define _GNU_SOURCE

#include "body.h"
#include "settings.h"
#include "worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_THREADS 256

struct thread {
    pthread_t id;
    struct worker worker;
};

struct settings {
    struct server server;
    unsigned long port;
    unsigned long threads;
};

/* ---- all threads ---- */

static bool listen_on_loopback(struct server *server, unsigned long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t address_len = sizeof address;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    server->listener = fd;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    /* What is accepted inherits TCP_NODELAY: a response is written whole, so nothing is won by holding its end back. */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &address_len) != 0) {
        perror("listening");
        return false;
    }
    printf("listening on 127.0.0.1 %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return true;
}

static void *work(void *thread)
{
    worker_run(&((struct thread *)thread)->worker);
    return NULL;
}

/* Starts threads until one does not start; tells how many did. */
static unsigned long start(struct server *server, struct thread *threads, unsigned long count)
{
    unsigned long started = 0;

    server->accepting = (unsigned)count;
    while (started < count) {
        struct thread *thread = &threads[started];
        bool open = worker_open(&thread->worker, server);
        int error = open ? pthread_create(&thread->id, NULL, work, thread) : errno;
        if (error != 0) {
            fprintf(stderr, "starting a thread: %s\n", strerror(error));
            worker_close(&thread->worker);
            break;
        }
        started += 1;
    }
    return started;
}

/* Tells the threads to end, waits for them, and says what they have done. */
static void stop(struct server *server, struct thread *threads, unsigned long started)
{
    unsigned long connections = 0, handshakes = 0, resumed = 0, requests = 0;
    uint64_t one = 1;

    if (write(server->wake, &one, sizeof one) != sizeof one)
        abort(); /* no thread would ever end */
    for (unsigned long i = 0; i < started; ++i) {
        struct worker *worker = &threads[i].worker;
        (void)pthread_join(threads[i].id, NULL);
        worker_close(worker);
        connections += worker->connections;
        handshakes += worker->handshakes;
        resumed += worker->resumed;
        requests += worker->requests;
    }
    fprintf(stderr, "served: %lu connections, %lu handshakes, %lu of them resumed, %lu requests\n", connections,
            handshakes, resumed, requests);
}

/* Serves until one of the signals comes. A second one ends the program at once. */
static bool serve_all(struct settings *settings, struct thread *threads, const sigset_t *signals)
{
    int number = 0;
    unsigned long started = start(&settings->server, threads, settings->threads);
    bool all = started == settings->threads;

    if (all)
        (void)sigwait(signals, &number);
    pthread_sigmask(SIG_UNBLOCK, signals, NULL);
    stop(&settings->server, threads, started);
    return all;
}

static bool run(struct settings *settings)
{
    struct server *server = &settings->server;
    struct thread *threads = calloc(settings->threads, sizeof *threads);
    sigset_t signals;
    bool done = false;

    /* Before there are threads, which inherit it: the signals are for sigwait(). */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    server->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    server->listener = -1;
    if (threads == NULL || server->wake < 0)
        perror("starting");
    else if (listen_on_loopback(server, settings->port))
        done = serve_all(settings, threads, &signals);
    if (server->listener >= 0)
        close(server->listener);
    if (server->wake >= 0)
        close(server->wake);
    free(threads);
    return done;
}

/* ---- settings ---- */

static int usage(const char *program)
{
    fprintf(stderr,
            "usage: %s [options] chain.pem key.pem [name chain.pem key.pem ...]\n"
            "  --port N                     port to listen on (default: 0, the system chooses)\n"
            "  --threads N                  default: as many as there are processors\n"
            "  --tls 1.2|1.3                only this version\n"
            "  --suite NAME                 only this cipher suite, by its IANA name\n"
            "  --handshake-timeout SECONDS  for a client to finish its handshake (default: 10)\n"
            "  --idle-timeout SECONDS       for a request to come, and for a response to move on (default: 60)\n"
            "  --grace SECONDS              for what is under way when the server is told to stop (default: 10)\n",
            program);
    return 2;
}

static bool parse_option(int option, const char *value, struct settings *settings, tls_options_t *options)
{
    switch (option) {
    case 'P':
        return parse_number(value, 0, 65535, &settings->port);
    case 'n':
        return parse_number(value, 1, MAX_THREADS, &settings->threads);
    case 'v':
        return set_version(options, value);
    case 's':
        return set_suite(options, value);
    case 'h':
        return parse_number(value, 1, 86400, &settings->server.handshake_timeout);
    case 'i':
        return parse_number(value, 1, 86400, &settings->server.idle_timeout);
    case 'g':
        return parse_number(value, 0, 86400, &settings->server.grace);
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct settings *settings, tls_options_t *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'P'},
        {"threads", required_argument, NULL, 'n'},
        {"tls", required_argument, NULL, 'v'},
        {"suite", required_argument, NULL, 's'},
        {"handshake-timeout", required_argument, NULL, 'h'},
        {"idle-timeout", required_argument, NULL, 'i'},
        {"grace", required_argument, NULL, 'g'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (!parse_option(option, optarg, settings, options))
            return false;
    }
    int rest = argc - optind - 2;
    return rest >= 0 && rest % 3 == 0 && rest / 3 <= MAX_NAMES;
}

/* A context copies the options, so one set serves for all of them, with other credentials each time. */
static tls_context_t *make_context(tls_options_t *options, const char *chain, const char *key)
{
    tls_credentials_t *credentials = NULL;
    tls_context_t *context = NULL;
    bool made = succeeded(chain, tls_credentials_create_file(chain, key, NULL, &credentials)) &&
                succeeded(chain, tls_options_set_credentials(options, credentials)) &&
                succeeded(chain, tls_context_create_server(options, &context));

    tls_credentials_destroy(credentials);
    return made ? context : NULL;
}

static bool make_contexts(struct server *server, tls_options_t *options, int count, char **arguments)
{
    server->first = make_context(options, arguments[0], arguments[1]);
    if (server->first == NULL)
        return false;
    for (int i = 2; i < count; i += 3) {
        struct name *name = &server->names[server->num_names];
        name->text = arguments[i];
        name->context = make_context(options, arguments[i + 1], arguments[i + 2]);
        if (name->context == NULL)
            return false;
        server->num_names += 1;
    }
    server->context = server->first;
    return server->num_names == 0 || succeeded("context", tls_context_create_server(NULL, &server->context));
}

static void destroy_contexts(struct server *server)
{
    if (server->context != server->first)
        tls_context_destroy(server->context);
    tls_context_destroy(server->first);
    for (size_t i = 0; i < server->num_names; ++i)
        tls_context_destroy(server->names[i].context);
}

int main(int argc, char **argv)
{
    static struct settings settings = {.server = {.handshake_timeout = 10, .idle_timeout = 60, .grace = 10}};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    tls_options_t *options = NULL;

    settings.threads = processors < 1 ? 1 : processors > MAX_THREADS ? MAX_THREADS : (unsigned long)processors;
    if (!succeeded("options", tls_options_create(&options)))
        return EXIT_FAILURE;
    if (!parse_options(argc, argv, &settings, options)) {
        tls_options_destroy(options);
        return usage(argv[0]);
    }
    body_init();
    bool done = add_alpn(options, "http/1.1") &&
                make_contexts(&settings.server, options, argc - optind, argv + optind);
    tls_options_destroy(options);
    done = done && run(&settings);
    destroy_contexts(&settings.server);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * The measured work, the same for every library: peer.h is what it needs of one. compare.py starts one such program for each
 * library and lets them take turns. A line on standard input is a command, a line on standard output its answer:
 *
 *     open version=1.3 suite=1301 group=001d key=p256 mutual=0 resume=0    new contexts; `unsupported` if they cannot be had
 *     handshakes COUNT        nanoseconds, allocations and calls of each side for one
 *     records SIZE COUNT      the same for a span of SIZE bytes, sealed and opened
 *     exchanges SIZE COUNT    there and back again, both sides together
 *     memory COUNT            bytes for each session: in flight and open, of a client and of a server
 *
 * Times are the processor's, of this process, kernel included. Nothing else runs in it.
 */
#define _GNU_SOURCE
#include "peer.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Handshakes that are under way at once: a clock is read once for a step of all of them. */
#define IN_FLIGHT 8
#define FLIGHT_CAP ((size_t)32 << 10)
/* A block of records stays in the caches near the core, where a host has what it has just received. */
#define BLOCK_BYTES ((size_t)64 << 10)
#define BLOCK_RECORDS ((size_t)256)
#define RECORD_OVERHEAD ((size_t)64)

unsigned long peer_calls;

/* --- Meters ----------------------------------------------------------------------------------------------------------------- */

struct meter {
    uint64_t nanoseconds, allocations, calls;
};

static unsigned long (*counted_allocations)(void); /* of count.c, if it was loaded before this program */
static uint64_t clock_cost;

static uint64_t now(void) {
    struct timespec at;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at) != 0)
        fail("clock_gettime");
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static void begin(struct meter *meter) {
    meter->allocations -= counted_allocations ? counted_allocations() : 0;
    meter->calls -= peer_calls;
    meter->nanoseconds -= now();
}

static void end(struct meter *meter) {
    meter->nanoseconds += now() - clock_cost;
    meter->calls += peer_calls;
    meter->allocations += counted_allocations ? counted_allocations() : 0;
}

/* What reading the clock twice adds to what lies between. */
static void learn_clock_cost(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 2000; i++) {
        uint64_t before = now(), took = now() - before;
        if (took < least)
            least = took;
    }
    clock_cost = least;
}

static void print_meter(const char *name, const struct meter *meter, double number) {
    printf(" %s=%.3f %s_allocations=%.3f %s_calls=%.3f", name, (double)meter->nanoseconds / number, name,
           (double)meter->allocations / number, name, (double)meter->calls / number);
}

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", peer_version());
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static void *room(size_t size) {
    void *memory = malloc(size);
    if (!memory)
        fail("out of memory");
    return memory;
}

/* --- Handshakes ------------------------------------------------------------------------------------------------------------- */

static struct peer_settings settings;
#pragma weak peer_new_on_socket
static bool on_sockets; /* servers; the time of the other end of a socket is not counted */

struct side {
    void *session;
    bool done;
    uint8_t *in; /* what the other side has sent */
    size_t in_len;
    int own, far; /* a socket and its other end */
};


struct pair {
    struct side client, server;
};

static void make_room(struct pair *pair) {
    *pair = (struct pair){.client = {.in = room(FLIGHT_CAP)}, .server = {.in = room(FLIGHT_CAP)}};
}

static void free_room(struct pair *pair) {
    free(pair->client.in);
    free(pair->server.in);
}

static void connect_server(struct pair *pair) {
    int ends[2];
    if (!on_sockets)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0)
        fail("socketpair");
    pair->server.own = ends[0];
    pair->server.far = ends[1];
}

static void disconnect_server(struct pair *pair) {
    if (on_sockets) {
        close(pair->server.own);
        close(pair->server.far);
        pair->server.own = 0;
    }
}

/* What the client has sent reaches the server's socket. */
static void deliver(struct pair *pair) {
    struct side *server = &pair->server;
    if (!on_sockets || server->in_len == 0)
        return;
    if (write(server->far, server->in, server->in_len) != (ssize_t)server->in_len)
        fail("a socket is full");
    server->in_len = 0;
}

static void collect(struct pair *pair) {
    struct side *client = &pair->client;
    if (!on_sockets)
        return;
    ssize_t len = read(pair->server.far, client->in + client->in_len, FLIGHT_CAP - client->in_len);
    if (len > 0)
        client->in_len += (size_t)len;
}

static void step(struct side *side, struct side *other) {
    size_t written = 0;
    if (side->done)
        return;
    if (side->own)
        side->done = peer_handshake(side->session, NULL, 0, NULL, 0, &written);
    else
        side->done = peer_handshake(side->session, side->in, side->in_len, other->in + other->in_len,
                                    FLIGHT_CAP - other->in_len, &written);
    side->in_len = 0;
    other->in_len += written;
}

static void say_hello(struct pair *pair) {
    pair->client.session = peer_new(false);
    pair->client.done = pair->server.done = false;
    pair->client.in_len = pair->server.in_len = 0;
    step(&pair->client, &pair->server);
}

static void answer_hello(struct pair *pair) {
    pair->server.session = on_sockets ? peer_new_on_socket(pair->server.own) : peer_new(true);
    step(&pair->server, &pair->client);
}

/* The first byte of data. In TLS 1.3 the server's tickets come before it: some libraries hold them back until they have data. */
static void send_first_byte(struct pair *pair) {
    struct side *client = &pair->client;
    if (on_sockets)
        peer_encrypt(pair->server.session, (const uint8_t *)"!", 1, NULL, 0);
    else
        client->in_len += peer_encrypt(pair->server.session, (const uint8_t *)"!", 1, client->in + client->in_len,
                                       FLIGHT_CAP - client->in_len);
}

static void receive_first_byte(struct pair *pair) {
    uint8_t byte[16];
    size_t len = peer_decrypt(pair->client.session, pair->client.in, pair->client.in_len, byte, sizeof byte);
    if (len != 1 || byte[0] != '!')
        fail("%zu bytes arrived instead of one", len);
    pair->client.in_len = 0;
}

static void check(void *session, bool server) {
    struct peer_facts facts = peer_facts(session);
    bool with_group = settings.tls13 || !settings.resume;
    if (facts.tls13 != settings.tls13 || facts.suite != settings.suite)
        fail("negotiated %s with suite %04x", facts.tls13 ? "1.3" : "1.2", facts.suite);
    if (with_group && facts.group != settings.group)
        fail("negotiated group %04x", facts.group);
    if (facts.resumed != settings.resume)
        fail("the session was %sresumed", facts.resumed ? "" : "not ");
    if (!facts.judged && (!server || settings.mutual))
        fail("the %s has not judged its peer", server ? "server" : "client");
}

/* One step of so many handshakes. What is between begin and end is measured. */
static void all(struct pair *pairs, size_t number, struct meter *meter, void (*step_of)(struct pair *)) {
    begin(meter);
    for (size_t i = 0; i < number; i++)
        step_of(&pairs[i]);
    end(meter);
}

static void each(struct pair *pairs, size_t number, void (*step_of)(struct pair *)) {
    for (size_t i = 0; i < number; i++)
        step_of(&pairs[i]);
}

static void step_client(struct pair *pair) { step(&pair->client, &pair->server); }
static void step_server(struct pair *pair) { step(&pair->server, &pair->client); }
static void free_client(struct pair *pair) { peer_free(pair->client.session); }
static void free_server(struct pair *pair) { peer_free(pair->server.session); }

static void check_pair(struct pair *pair) {
    check(pair->client.session, false);
    check(pair->server.session, true);
}

/* So many handshakes side by side, from making the sessions to freeing them. */
static void handshakes_at_once(struct pair *pairs, size_t number, struct meter *client, struct meter *server) {
    each(pairs, number, connect_server);
    all(pairs, number, client, say_hello);
    each(pairs, number, deliver);
    all(pairs, number, server, answer_hello);
    each(pairs, number, collect);
    for (int turns = 0; !pairs[0].client.done || !pairs[0].server.done; turns++) {
        if (turns == 10)
            fail("the handshake does not end");
        all(pairs, number, client, step_client);
        each(pairs, number, deliver);
        all(pairs, number, server, step_server);
        each(pairs, number, collect);
    }
    all(pairs, number, server, send_first_byte);
    each(pairs, number, collect);
    all(pairs, number, client, receive_first_byte);
    each(pairs, number, check_pair);
    all(pairs, number, client, free_client);
    all(pairs, number, server, free_server);
    each(pairs, number, disconnect_server);
}

static void open_pair(struct pair *pair) {
    say_hello(pair);
    answer_hello(pair);
    while (!pair->client.done || !pair->server.done) {
        step_client(pair);
        step_server(pair);
    }
    send_first_byte(pair);
    receive_first_byte(pair);
    check_pair(pair);
}

static void close_pair(struct pair *pair) {
    free_client(pair);
    free_server(pair);
}

static void measure_handshakes(size_t count) {
    struct pair pairs[IN_FLIGHT];
    struct meter client = {0}, server = {0};
    unsigned long tickets = peer_tickets();
    for (size_t i = 0; i < IN_FLIGHT; i++)
        make_room(&pairs[i]);
    size_t batches = (count + IN_FLIGHT - 1) / IN_FLIGHT, number = batches * IN_FLIGHT;
    for (size_t i = 0; i < batches; i++)
        handshakes_at_once(pairs, IN_FLIGHT, &client, &server);
    for (size_t i = 0; i < IN_FLIGHT; i++)
        free_room(&pairs[i]);
    print_meter("server", &server, (double)number);
    print_meter("client", &client, (double)number);
    printf(" tickets=%.3f", (double)(peer_tickets() - tickets) / (double)number);
}

/* --- Records ---------------------------------------------------------------------------------------------------------------- */

/* Source and destination of a record in different lines of the caches' sets: how they lie to each other can cost more than TLS. */
static uint8_t *place(size_t size, size_t offset) {
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, size + 4096) != 0)
        fail("out of memory");
    memset(memory, 0x5a, size + 4096);
    return (uint8_t *)memory + offset; /* not freed: a program makes few */
}

/* Sealed into one span again and again, as a host does that sends it at once. */
static void measure_seal(const uint8_t *text, size_t size, size_t cap, size_t in_block, size_t blocks) {
    struct pair pair;
    struct meter seal = {0};
    uint8_t *out = place(cap, 2048);
    make_room(&pair);
    open_pair(&pair);
    for (size_t block = 0; block < blocks; block++) {
        size_t shortest = SIZE_MAX;
        begin(&seal);
        for (size_t i = 0; i < in_block; i++) {
            size_t len = peer_encrypt(pair.server.session, text, size, out, cap);
            shortest = len < shortest ? len : shortest;
        }
        end(&seal);
        if (shortest < size)
            fail("%zu bytes were sealed into %zu", size, shortest);
    }
    close_pair(&pair);
    free_room(&pair);
    print_meter("seal", &seal, (double)(blocks * in_block));
}

/* Opened from a block of records that lie one after the other, as a host has received them. */
static void measure_open(const uint8_t *text, size_t size, size_t cap, size_t in_block, size_t blocks) {
    struct pair pair;
    struct meter open = {0};
    uint8_t *sealed = place(cap * in_block, 1024), *opened = place(size + 1, 2048);
    size_t *lengths = room(in_block * sizeof *lengths);
    make_room(&pair);
    open_pair(&pair);
    for (size_t block = 0; block < blocks; block++) {
        size_t wrong = 0;
        for (size_t i = 0; i < in_block; i++)
            lengths[i] = peer_encrypt(pair.server.session, text, size, sealed + i * cap, cap);
        begin(&open);
        for (size_t i = 0; i < in_block; i++)
            wrong += peer_decrypt(pair.client.session, sealed + i * cap, lengths[i], opened, size + 1) != size;
        end(&open);
        if (wrong || memcmp(text, opened, size) != 0)
            fail("a record of %zu bytes was opened wrongly", size);
    }
    close_pair(&pair);
    free_room(&pair);
    free(lengths);
    print_meter("open", &open, (double)(blocks * in_block));
}

static void measure_records(size_t size, size_t count) {
    size_t in_block = BLOCK_BYTES / size < BLOCK_RECORDS ? BLOCK_BYTES / size : BLOCK_RECORDS;
    size_t cap = size + RECORD_OVERHEAD * (1 + size / 16384), blocks = (count + in_block - 1) / in_block;
    uint8_t *text = place(size, 0);
    for (size_t i = 0; i < size; i++)
        text[i] = (uint8_t)(i * 31);
    measure_seal(text, size, cap, in_block, blocks);
    measure_open(text, size, cap, in_block, blocks);
}

static void send_across(void *from, void *to, uint8_t *text, size_t size, uint8_t *wire, size_t cap) {
    size_t len = peer_encrypt(from, text, size, wire, cap);
    if (peer_decrypt(to, wire, len, text, size) != size)
        fail("an exchange of %zu bytes was cut", size);
}

static void measure_exchanges(size_t size, size_t count) {
    struct pair pair;
    struct meter both = {0};
    size_t cap = size + RECORD_OVERHEAD * (1 + size / 16384);
    uint8_t *text = room(size), *wire = room(cap);
    memset(text, 'x', size);
    make_room(&pair);
    open_pair(&pair);
    begin(&both);
    for (size_t i = 0; i < count; i++) {
        send_across(pair.client.session, pair.server.session, text, size, wire, cap);
        send_across(pair.server.session, pair.client.session, text, size, wire, cap);
    }
    end(&both);
    close_pair(&pair);
    free_room(&pair);
    free(text), free(wire);
    print_meter("exchange", &both, (double)count);
}

/* --- Memory ----------------------------------------------------------------------------------------------------------------- */

struct memory {
    double heap, resident;
};

static struct memory memory_now(void) {
    struct mallinfo2 heap = mallinfo2();
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &pages, &resident) != 2)
        fail("/proc/self/statm");
    fclose(file);
    return (struct memory){(double)(heap.uordblks + heap.hblkhd), (double)resident * (double)sysconf(_SC_PAGESIZE)};
}

/* The sessions of one side that are kept: each handshake is played with a partner that is freed at once. */
static void measure_kept(const char *name, size_t count, bool server, bool open) {
    struct pair pair;
    void **kept = room(count * sizeof *kept);
    memset(kept, 0, count * sizeof *kept);
    make_room(&pair);
    open_pair(&pair);
    close_pair(&pair);
    malloc_trim(0);
    struct memory before = memory_now();
    for (size_t i = 0; i < count; i++) {
        if (open) {
            open_pair(&pair);
        } else {
            say_hello(&pair);
            answer_hello(&pair);
        }
        kept[i] = server ? pair.server.session : pair.client.session;
        peer_free(server ? pair.client.session : pair.server.session);
    }
    struct memory after = memory_now();
    for (size_t i = 0; i < count; i++)
        peer_free(kept[i]);
    free(kept);
    free_room(&pair);
    printf(" %s_heap=%.1f %s_resident=%.1f", name, (after.heap - before.heap) / (double)count, name,
           (after.resident - before.resident) / (double)count);
}

static void measure_memory(size_t count) {
    measure_kept("server_open", count, true, true);
    measure_kept("client_open", count, false, true);
    /* Not more than a library may have under way at once. */
    size_t fewer = count < 500 ? count : 500;
    measure_kept("server_flight", fewer, true, false);
    measure_kept("client_flight", fewer, false, false);
}

/* --- Commands --------------------------------------------------------------------------------------------------------------- */

static const char *folder;

static const char *file_of(const char *who, const char *key, const char *end) {
    size_t size = strlen(folder) + strlen(who) + strlen(key) + strlen(end) + 4;
    char *path = room(size); /* for as long as the settings last, which is as long as the program */
    snprintf(path, size, "%s/%s-%s.%s", folder, who, key, end);
    return path;
}

/* The value of NAME=VALUE among the words of a command, or what stands for it. */
static const char *word(char *const *words, const char *name, const char *otherwise) {
    size_t len = strlen(name);
    for (; *words; words++)
        if (strncmp(*words, name, len) == 0 && (*words)[len] == '=')
            return *words + len + 1;
    return otherwise;
}

static bool open_contexts(char *const *words) {
    const char *key = word(words, "key", "p256");
    size_t size = strlen(folder) + sizeof "/ca.pem";
    char *root = room(size);
    snprintf(root, size, "%s/ca.pem", folder);
    settings = (struct peer_settings){
        .tls13 = strcmp(word(words, "version", "1.3"), "1.3") == 0,
        .suite = (uint16_t)strtoul(word(words, "suite", "1301"), NULL, 16),
        .group = (uint16_t)strtoul(word(words, "group", "001d"), NULL, 16),
        .mutual = strcmp(word(words, "mutual", "0"), "1") == 0,
        .resume = false,
        .way = word(words, "way", NULL),
        .server_chain = file_of("server", key, "pem"),
        .server_key = file_of("server", key, "key"),
        .client_chain = file_of("client", key, "pem"),
        .client_key = file_of("client", key, "key"),
        .root = root,
    };
    struct pair pairs[IN_FLIGHT];
    struct meter unused = {0};
    struct peer_settings asked = settings;
    asked.resume = strcmp(word(words, "resume", "0"), "1") == 0;
    on_sockets = asked.way && strcmp(asked.way, "socket") == 0;
    if ((on_sockets && !peer_new_on_socket) || !peer_open(&asked))
        return false;
    for (size_t i = 0; i < IN_FLIGHT; i++)
        make_room(&pairs[i]);
    /* All say hello before any gets a ticket: full handshakes, whose tickets the next ones use. */
    handshakes_at_once(pairs, IN_FLIGHT, &unused, &unused);
    settings.resume = asked.resume;
    handshakes_at_once(pairs, IN_FLIGHT, &unused, &unused);
    for (size_t i = 0; i < IN_FLIGHT; i++)
        free_room(&pairs[i]);
    return true;
}

static size_t number(const char *text) {
    unsigned long value = text ? strtoul(text, NULL, 10) : 0;
    if (value == 0)
        fail("a number above 0 is missing");
    return value;
}

static void obey(char **words) {
    if (strcmp(words[0], "open") == 0) {
        printf("%s", open_contexts(words + 1) ? "ok" : "unsupported");
    } else {
        printf("ok");
        if (strcmp(words[0], "handshakes") == 0)
            measure_handshakes(number(words[1]));
        else if (strcmp(words[0], "records") == 0)
            measure_records(number(words[1]), number(words[2]));
        else if (strcmp(words[0], "exchanges") == 0)
            measure_exchanges(number(words[1]), number(words[2]));
        else if (strcmp(words[0], "memory") == 0)
            measure_memory(number(words[1]));
        else
            fail("unknown command %s", words[0]);
    }
    printf("\n");
    fflush(stdout);
}

int work(int argc, char **argv);

int work(int argc, char **argv) {
    char line[512];
    if (argc != 2)
        fail("usage: %s FOLDER-OF-CERTIFICATES", argv[0]);
    folder = argv[1];
    void *symbol = dlsym(RTLD_DEFAULT, "counted_allocations");
    memcpy(&counted_allocations, &symbol, sizeof symbol);
    learn_clock_cost();
    printf("ready %s\n", peer_version());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        char *words[32] = {NULL}, *rest = line;
        for (size_t i = 0; i < 31 && (words[i] = strtok_r(rest, " \n", &rest)) != NULL; i++) {
        }
        if (words[0])
            obey(words);
    }
    return 0;
}

/*
 * The stack that a call needs: everything that a session goes through in its life, on a thread that has as much as the header
 * says and not a byte more.
 *
 * The stack is painted, so that the test can tell how deep each part went. Sanitizers and valgrind need stack of their own:
 * run.sh leaves this program out there.
 */

#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pair.h"
#include "sign.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What the header's preamble says, and what of it may be in use: the rest is for signal handlers and other compilers. */
enum { STACK = 96 << 10, IN_USE = 88 << 10, GUARD = 64 << 10, PAINT = 0xA5 };

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS13, SPANTLS_PROTOCOL_TLS12};

typedef struct {
    void (*run)(void);
} part_t;

static void *on_thread(void *part) {
    ((const part_t *)part)->run();
    return NULL;
}

/* Runs a part of a session's life on such a thread; how much of its stack was touched. */
static size_t run_on_small_stack(void (*run)(void)) {
    part_t part = {run};
    uint8_t *memory = mmap(NULL, GUARD + STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + GUARD, STACK, PROT_READ | PROT_WRITE) != 0) {
        give_up("no memory for a stack");
    }
    memset(memory + GUARD, PAINT, STACK);
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstack(&attributes, memory + GUARD, STACK) != 0 ||
        pthread_create(&thread, &attributes, on_thread, &part) != 0 || pthread_join(thread, NULL) != 0) {
        give_up("no thread with a small stack");
    }
    pthread_attr_destroy(&attributes);
    size_t untouched = 0;
    while (untouched < STACK && memory[GUARD + untouched] == PAINT) {
        untouched++;
    }
    munmap(memory, GUARD + STACK);
    return STACK - untouched;
}

/* --- The parts ------------------------------------------------------------------------------------------------------ */

static const char *const keys[] = {"server-p256", "server-p384", "server-ed25519", "server-rsa2048", "server-rsa4096"};

static void use(pair_t *pair) {
    EXPECT(run_handshake(pair));
    for (int i = 0; i < 2; i++) {
        side_t *from = i == 0 ? &pair->client : &pair->server, *to = i == 0 ? &pair->server : &pair->client;
        static const uint8_t data[40000];
        EXPECT_STATUS(send_data(from, to, data, sizeof data), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(to), TLS_STATUS_WANT_READ);
        uint8_t material[32];
        EXPECT_STATUS(tls_session_export_keying_material(from->session, "EXPORTER-stack", 14, NULL, 0, material,
                                                         sizeof material),
                      TLS_STATUS_COMPLETE);
        size_t len = 0;
        EXPECT(tls_session_channel_binding(from->session, SPANTLS_CHANNEL_BINDING_EXPORTER, material, sizeof material,
                                           &len) == TLS_STATUS_COMPLETE);
        if (tls_session_negotiated_protocol(from->session) == SPANTLS_PROTOCOL_TLS13) {
            uint8_t update[64];
            EXPECT_STATUS(tls_session_update_keys(from->session, 1, update, sizeof update, &len), TLS_STATUS_COMPLETE);
            bytes_append(&to->inbox, update, len);
            EXPECT_STATUS(receive(to), TLS_STATUS_WANT_READ);
            drain_to(to, from, 64);
            EXPECT_STATUS(receive(from), TLS_STATUS_WANT_READ);
        }
    }
    EXPECT_STATUS(send_close(&pair->client, &pair->server), TLS_STATUS_CLOSED);
    pair_close(pair);
}

static void loading(void) {
    for (size_t k = 0; k < COUNT(keys); k++) {
        tls_credentials_destroy(make_credentials(keys[k]));
    }
    tls_options_t *options = NULL;
    EXPECT_STATUS(tls_options_create(&options), TLS_STATUS_COMPLETE);
    bytes_t anchors = read_file("ca.pem"), lists = read_file("crl-root.pem");
    EXPECT_STATUS(tls_options_add_trust_anchors_pem(options, (const char *)anchors.data, anchors.len), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_add_crls_pem(options, (const char *)lists.data, lists.len), TLS_STATUS_COMPLETE);
    tls_context_t *context = NULL;
    EXPECT_STATUS(tls_context_create_client(options, &context), TLS_STATUS_COMPLETE);
    tls_context_destroy(context);
    tls_options_destroy(options);
    bytes_free(&anchors);
    bytes_free(&lists);
}

static void sessions(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t k = 0; k < COUNT(keys); k++) {
            setup_t client = {.anchors = "ca", .protocols = protocols[p], .credentials = "client-rsa2048"};
            setup_t server = {.credentials = keys[k], .anchors = "ca",
                              .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE};
            client.validation = server.validation = k % 2 ? SPANTLS_VALIDATION_AUTOMATIC : SPANTLS_VALIDATION_EXTERNAL;
            pair_t pair = pair_open(&client, &server);
            use(&pair);
        }
    }
}

static void groups(void) {
    static const uint16_t all[] = {SPANTLS_GROUP_X25519MLKEM768, SPANTLS_GROUP_SECP384R1};
    for (size_t g = 0; g < COUNT(all); g++) {
        setup_t client = {.anchors = "ca"};
        setup_t server = {.credentials = "server-p384", .groups = {all[g]}};
        pair_t pair = pair_open(&client, &server);
        use(&pair);
    }
}

static void deep_chains(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        setup_t client = {.anchors = "deep-ca", .protocols = protocols[p]};
        setup_t server = {.credentials = "deep-rsa4096"};
        pair_t pair = pair_open(&client, &server);
        use(&pair);
    }
}

static void system_store(void) {
    setup_t client = {.protocols = SPANTLS_PROTOCOL_TLS13};
    setup_t server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    run_handshake(&pair);
    pair_close(&pair);
}

static void resumption(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        setup_t client = {.anchors = "ca", .protocols = protocols[p], .resume = 1};
        setup_t server = {.credentials = "server-p256", .resume = 1};
        tls_context_t *client_context = make_context(false, &client), *server_context = make_context(true, &server);
        for (int i = 0; i < 2; i++) {
            pair_t pair = pair_on(client_context, server_context);
            EXPECT(run_handshake(&pair));
            EXPECT_NUMBER((tls_session_state(pair.client.session) & SPANTLS_STATE_RESUMED) != 0, i);
            receive(&pair.client);
            pair_close(&pair);
        }
        tls_context_destroy(client_context);
        tls_context_destroy(server_context);
    }
}

static void client_hello(void) {
    setup_t client = {.anchors = "ca"}, server = {.credentials = "server-p256", .keep_client_hello = 1};
    tls_context_t *client_context = make_context(false, &client), *undecided = make_undecided();
    tls_context_t *decided = make_context(true, &server);
    pair_t pair = pair_on(client_context, undecided);
    run_side(&pair.client, &pair.server);
    run_side(&pair.server, &pair.client);
    spantls_client_hello_info_t info = {.struct_size = sizeof info};
    EXPECT_STATUS(tls_session_client_hello_info(pair.server.session, &info), TLS_STATUS_COMPLETE);
    char text[512];
    size_t len = 0;
    EXPECT_STATUS(tls_session_ja3(pair.server.session, text, sizeof text, &len), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_ja4_text(pair.server.session, text, sizeof text, &len), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_set_server_context(pair.server.session, decided), TLS_STATUS_COMPLETE);
    resume(&pair.server);
    use(&pair);
    tls_context_destroy(client_context);
    tls_context_destroy(undecided);
    tls_context_destroy(decided);
}

static void external_keys(void) {
    setup_t client = {.anchors = "ca"};
    setup_t server = {.credentials = "server-rsa4096", .schemes = {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256}};
    pair_t pair = pair_open(&client, &server);
    pair.server.sign = sign_with;
    pair.server.key = "server-rsa4096";
    use(&pair);
}

static void sockets(void) {
    setup_t client = {.anchors = "ca"}, server = {.credentials = "server-rsa2048"};
    tls_context_t *contexts[] = {make_context(false, &client), make_context(true, &server)};
    tls_session_t *ends[2] = {NULL, NULL};
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0) {
        give_up("no socket pair");
    }
    for (int i = 0; i < 2; i++) {
        const uint32_t flags = SPANTLS_SOCKET_OWN | SPANTLS_SOCKET_KERNEL_SEND | SPANTLS_SOCKET_KERNEL_RECEIVE;
        EXPECT(fcntl(sockets[i], F_SETFL, O_NONBLOCK) == 0);
        EXPECT_STATUS(tls_session_create_with_socket(contexts[i], sockets[i], flags, &ends[i]), TLS_STATUS_COMPLETE);
    }
    EXPECT_STATUS(tls_session_set_target_host_name(ends[0], "localhost"), TLS_STATUS_COMPLETE);
    tls_status_t statuses[2] = {TLS_STATUS_WANT_READ, TLS_STATUS_WANT_READ};
    for (int round = 0; round < 40; round++) {
        tls_status_t *status = &statuses[round % 2];
        *status = tls_session_socket_handshake(ends[round % 2]);
        if (*status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            uint32_t errors = 77;
            EXPECT_STATUS(tls_session_accept_with_default_validation(ends[round % 2], &errors), TLS_STATUS_COMPLETE);
        }
    }
    EXPECT(statuses[0] == TLS_STATUS_COMPLETE && statuses[1] == TLS_STATUS_COMPLETE);
    size_t count = 0;
    char text[16];
    EXPECT_STATUS(tls_session_socket_write(ends[0], "hello", 5, &count), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_read(ends[1], text, sizeof text, &count), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(text, count, "hello", 5);
    for (int i = 0; i < 2; i++) {
        tls_session_destroy(ends[i]);
        tls_context_destroy(contexts[i]);
    }
}

static const struct {
    const char *what;
    void (*part)(void);
} parts[] = {
    {"loading credentials, anchors and lists", loading},
    {"sessions with every key, mutual TLS", sessions},
    {"X25519MLKEM768, and secp384r1 after a HelloRetryRequest", groups},
    {"a chain of seven RSA-4096 certificates", deep_chains},
    {"the system's trust store", system_store},
    {"resumption", resumption},
    {"a server that chooses its context by the ClientHello", client_hello},
    {"keys that are elsewhere", external_keys},
    {"sessions on sockets", sockets},
};

int main(int argc, char **argv) {
    begin(argc, argv);
    for (size_t i = 0; i < COUNT(parts); i++) {
        test("on a stack of 96 KiB: %s", parts[i].what);
        const size_t depth = run_on_small_stack(parts[i].part);
        printf("# %zu bytes of stack: %s\n", depth, parts[i].what);
        EXPECT(depth <= IN_USE);
    }
    return finish();
}

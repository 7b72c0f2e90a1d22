/*
 * What happens when there is no memory, for another suspended handshake or for anything: TLS_STATUS_OUT_OF_RESOURCES, which
 * passes.
 *
 * The memory is taken away with a limit of the process's address space. That does not go together with sanitizers and
 * valgrind, which need much of it themselves: run.sh leaves this program out there. Elsewhere than on Linux it has
 * nothing to do.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pair.h"

/* Enough pairs to use up what is left of the address space, a quarter of a megabyte for each suspended one. */
enum { PAIRS = 300, HEADROOM = 10 << 20 };

/* The size of this process's address space; 0 where it cannot be told. */
static size_t address_space(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%lu", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_address_space(rlim_t limit) {
    struct rlimit now;
    if (getrlimit(RLIMIT_AS, &now) != 0) {
        give_up("no limits here");
    }
    now.rlim_cur = limit > now.rlim_max ? now.rlim_max : limit;
    if (setrlimit(RLIMIT_AS, &now) != 0) {
        give_up("the limit cannot be set");
    }
}

/* Makes the allocator keep free memory for small things, so that only mappings fail later. What it returns keeps the
 * heap from being given back. */
static void *reserve_heap(void) {
    enum { BLOCKS = 16000, BLOCK = 1000 };
    static void *blocks[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK);
    }
    for (size_t i = 0; i + 1 < BLOCKS; i++) {
        free(blocks[i]);
    }
    return blocks[BLOCKS - 1];
}

/* Shows a client its server's flight. COMPLETE is not among what can come of it. */
static tls_status_t show_flight(pair_t *pair) {
    uint8_t output[100];
    size_t consumed = 77;
    size_t written = 77;
    side_t *client = &pair->client;
    tls_status_t status = tls_session_handshake(client->session, client->inbox.data, client->inbox.len, output,
                                                        sizeof output, &consumed, &written);
    bytes_append(&pair->server.inbox, output, written);
    if (status == TLS_STATUS_OUT_OF_RESOURCES) {
        spantls_error_t error = error_of(client->session);
        EXPECT_STATUS(error.status, TLS_STATUS_OUT_OF_RESOURCES);
        EXPECT_NUMBER(error.alert_sent, -1);
        EXPECT(!(tls_session_state(client->session) & (SPANTLS_STATE_FAILED | SPANTLS_STATE_SUSPENDED)));
        EXPECT(consumed < client->inbox.len);
    }
    bytes_drop(&client->inbox, consumed);
    return status;
}

/* Accepts a suspended client and finishes its handshake. */
static void finish_handshake(pair_t *pair) {
    EXPECT_STATUS(tls_session_set_certificate_validation_result(pair->client.session, 0), TLS_STATUS_COMPLETE);
    resume(&pair->client);
    EXPECT(run_handshake(pair));
    EXPECT_STATUS(send_data(&pair->client, &pair->server, "hello", 5), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(&pair->server), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(pair->server.plaintext.data, pair->server.plaintext.len, "hello", 5);
}

static void no_room(uint32_t protocol, const char *version) {
    static pair_t pairs[PAIRS];
    setup_t client = {.anchors = "ca", .protocols = protocol};
    setup_t server = {.credentials = "server-p256"};
    tls_context_t *client_context = make_context(false, &client);
    tls_context_t *server_context = make_context(true, &server);
    for (size_t i = 0; i < PAIRS; i++) {
        pairs[i] = pair_on(client_context, server_context);
        pairs[i].client.judge = JUDGE_STOP;
        run_side(&pairs[i].client, &pairs[i].server);
        run_side(&pairs[i].server, &pairs[i].client);
    }
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
    void *pin = reserve_heap();

    test("%s: a handshake that finds no memory to be suspended in is told so, and is not harmed", version);
    limit_address_space((rlim_t)address_space() + HEADROOM);
    size_t suspended = 0;
    tls_status_t status = TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION;
    while (suspended < PAIRS && status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
        status = show_flight(&pairs[suspended]);
        suspended += status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION;
    }
    EXPECT(suspended > 1);
    EXPECT_STATUS(status, TLS_STATUS_OUT_OF_RESOURCES);
    pair_t *late = &pairs[suspended];
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(show_flight(late), TLS_STATUS_OUT_OF_RESOURCES);
    }

    test("%s: it goes on once another one is destroyed", version);
    pair_close(&pairs[0]);
    EXPECT_STATUS(show_flight(late), TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
    finish_handshake(late);

    test("%s: or once another one is answered", version);
    pair_t *later = &pairs[suspended + 1];
    size_t extra = 0;
    while (show_flight(later) == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION && extra < 40) {
        later++; /* stacks that the last handshake has left */
        extra++;
    }
    EXPECT_STATUS(show_flight(later), TLS_STATUS_OUT_OF_RESOURCES);
    finish_handshake(&pairs[1]);
    EXPECT_STATUS(show_flight(later), TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
    finish_handshake(later);

    test("%s: those that waited all the while complete", version);
    limit_address_space(RLIM_INFINITY);
    for (size_t i = 2; i < suspended; i++) {
        finish_handshake(&pairs[i]);
    }
    for (size_t i = 1; i < PAIRS; i++) {
        pair_close(&pairs[i]);
    }
    free(pin);
}

/* --- All memory ---------------------------------------------------------------------------------------------------- */

/* What a child answers. */
enum { COMPLETED = 40, REFUSED = 41, BROKEN = 42 };

static uint8_t to_server[1 << 17], to_client[1 << 17], room[1 << 16];
static size_t for_server, for_client;
static bool was_refused;

/* A call that finds no memory is made again once there is some, and must succeed then. */
#define CALL_AGAIN(status, call)                                  \
    do {                                                          \
        (status) = (call);                                        \
        if ((status) == TLS_STATUS_OUT_OF_RESOURCES) {            \
            was_refused = true;                                   \
            limit_address_space(RLIM_INFINITY);                   \
            (status) = (call);                                    \
        }                                                         \
    } while (0)
#define MUST(call)                        \
    do {                                  \
        tls_status_t now;                 \
        CALL_AGAIN(now, call);            \
        if (now != TLS_STATUS_COMPLETE) { \
            _exit(BROKEN);                \
        }                                 \
    } while (0)

static tls_status_t child_step(tls_session_t *session, uint8_t *input, size_t *input_len, uint8_t *output, size_t *output_len) {
    tls_status_t status;
    size_t consumed = 0, written = 0;
    CALL_AGAIN(status, tls_session_handshake(session, input, *input_len, room, sizeof room, &consumed, &written));
    memmove(input, input + consumed, *input_len - consumed);
    *input_len -= consumed;
    memcpy(output + *output_len, room, written);
    *output_len += written;
    return status;
}

/* A whole life with so much memory left. It allocates nothing itself. */
static void live(size_t left, const bytes_t *anchors, const bytes_t *chain, const bytes_t *key) {
    limit_address_space((rlim_t)(address_space() + left));
    tls_credentials_t *credentials = NULL;
    tls_options_t *options[2] = {NULL, NULL};
    tls_context_t *contexts[2] = {NULL, NULL};
    tls_session_t *sessions[2] = {NULL, NULL};
    MUST(tls_credentials_create_pem((const char *)chain->data, chain->len, (const char *)key->data, key->len, NULL,
                                    &credentials));
    for (int i = 0; i < 2; i++) {
        MUST(tls_options_create(&options[i]));
        MUST(tls_options_add_trust_anchors_pem(options[i], (const char *)anchors->data, anchors->len));
    }
    MUST(tls_options_set_credentials(options[1], credentials));
    MUST(tls_context_create_client(options[0], &contexts[0]));
    MUST(tls_context_create_server(options[1], &contexts[1]));
    for (int i = 0; i < 2; i++) {
        MUST(tls_session_create(contexts[i], &sessions[i]));
    }
    MUST(tls_session_set_target_host_name(sessions[0], "localhost"));
    tls_status_t client = TLS_STATUS_WANT_READ, server = TLS_STATUS_WANT_READ;
    for (int i = 0; i < 20 && (client != TLS_STATUS_COMPLETE || server != TLS_STATUS_COMPLETE); i++) {
        client = child_step(sessions[0], to_client, &for_client, to_server, &for_server);
        if (client == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            uint32_t errors = 0;
            MUST(tls_session_accept_with_default_validation(sessions[0], &errors));
        }
        server = child_step(sessions[1], to_server, &for_server, to_client, &for_client);
    }
    _exit(client != TLS_STATUS_COMPLETE || server != TLS_STATUS_COMPLETE ? BROKEN : was_refused ? REFUSED : COMPLETED);
}

static void no_memory(void) {
    test("where memory runs out a call says so, the process lives, and the same call succeeds later");
    bytes_t anchors = read_file("ca.pem"), chain = read_file("server-rsa2048.pem"), key = read_file("server-rsa2048.key");
    int completed = 0, refused = 0;
    for (size_t left = 0; left <= 4 << 20; left += left < 1 << 20 ? 32 << 10 : 512 << 10) {
        const pid_t child = fork();
        if (child == 0) {
            live(left, &anchors, &chain, &key);
        }
        int status = 0;
        EXPECT(child > 0 && waitpid(child, &status, 0) == child);
        const bool ended = WIFEXITED(status) && (WEXITSTATUS(status) == COMPLETED || WEXITSTATUS(status) == REFUSED);
        EXPECT(ended);
        if (!ended) {
            printf("# with %zu KiB left: wait status %d\n", left >> 10, status);
        }
        completed += WIFEXITED(status) && WEXITSTATUS(status) == COMPLETED;
        refused += WIFEXITED(status) && WEXITSTATUS(status) == REFUSED;
    }
    EXPECT(refused > 2 && completed > 2);
    bytes_free(&anchors);
    bytes_free(&chain);
    bytes_free(&key);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    if (address_space() == 0) {
        printf("skipped - there is no /proc/self/statm here\n");
        return finish();
    }
    no_memory();
    no_room(SPANTLS_PROTOCOL_TLS12, "TLS 1.2");
    no_room(SPANTLS_PROTOCOL_TLS13, "TLS 1.3");
    return finish();
}

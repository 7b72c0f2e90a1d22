/*
 * What happens when there is no memory for another suspended handshake: TLS_STATUS_OUT_OF_RESOURCES, which passes.
 *
 * The memory is taken away with a limit of the process's address space. That does not go together with sanitizers and
 * valgrind, which need much of it themselves: run.sh leaves this program out there. Elsewhere than on Linux it has
 * nothing to do.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

int main(int argc, char **argv) {
    begin(argc, argv);
    if (address_space() == 0) {
        printf("skipped - there is no /proc/self/statm here\n");
        return finish();
    }
    no_room(SPANTLS_PROTOCOL_TLS12, "TLS 1.2");
    no_room(SPANTLS_PROTOCOL_TLS13, "TLS 1.3");
    return finish();
}

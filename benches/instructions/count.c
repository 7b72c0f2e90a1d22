/*
 * What a host calls, for callgrind to count: sealing and opening records, full and resumed handshakes. Only the calls of the library are
 * counted, so nothing of this file is. instructions.py builds and runs it.
 *
 * The first line says which processor the program sees. Each figure is printed as `NAME TIMES`, and is the name of a dump of callgrind's, which has the instructions of all times together.
 */

#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#include "pair.h"

enum {
    /* Signatures and key shares are random: instructions.py says what remains of that. */
    HANDSHAKES = 10,
    RECORDS = 100,
    ROOM = 32 << 10,
};

typedef struct {
    tls_session_t *session;
    bool is_counted;
    uint8_t inbox[ROOM];
    size_t len;
} end_t;

#define COUNTED(end, call)            \
    do {                              \
        if ((end)->is_counted) {      \
            CALLGRIND_TOGGLE_COLLECT; \
        }                             \
        call;                         \
        if ((end)->is_counted) {      \
            CALLGRIND_TOGGLE_COLLECT; \
        }                             \
    } while (0)

/* What was counted since the last time, under this name. */
static void counted(const char *name, int times) {
    printf("%s %d\n", name, times);
    CALLGRIND_DUMP_STATS_AT(name);
}

static void must_be(tls_status_t status, tls_status_t wanted, const char *what) {
    if (status != wanted) {
        give_up("%s: %s", what, tls_status_name(status));
    }
}

static void begin_session(end_t *end, tls_context_t *context, const char *name) {
    end->len = 0;
    COUNTED(end, must_be(tls_session_create(context, &end->session), TLS_STATUS_COMPLETE, "create"));
    if (name != NULL) {
        COUNTED(end, must_be(tls_session_set_target_host_name(end->session, name), TLS_STATUS_COMPLETE, "name"));
    }
}

static void end_session(end_t *end) {
    COUNTED(end, tls_session_destroy(end->session));
}

/* One end of a handshake, until it waits or is complete. */
static tls_status_t advance(end_t *self, end_t *peer) {
    size_t consumed, written;
    tls_status_t status;
    do {
        COUNTED(self, status = tls_session_handshake(self->session, self->inbox, self->len, peer->inbox + peer->len, ROOM - peer->len,
                                                     &consumed, &written));
        self->len -= consumed;
        memmove(self->inbox, self->inbox + consumed, self->len);
        peer->len += written;
        if (status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            tls_status_t verdict;
            COUNTED(self, verdict = tls_session_accept_with_default_validation(self->session, NULL));
            must_be(verdict, TLS_STATUS_COMPLETE, "verdict");
        }
    } while (status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION || status == TLS_STATUS_WANT_WRITE);
    return status;
}

static void handshake(end_t *client, end_t *server, bool resumed) {
    tls_status_t of_client, of_server;
    do {
        of_client = advance(client, server);
        of_server = advance(server, client);
    } while ((of_client == TLS_STATUS_WANT_READ || of_server == TLS_STATUS_WANT_READ) && client->len + server->len > 0);
    must_be(of_client, TLS_STATUS_COMPLETE, "the client");
    must_be(of_server, TLS_STATUS_COMPLETE, "the server");
    if (((tls_session_state(client->session) & SPANTLS_STATE_RESUMED) != 0) != resumed) {
        give_up("a handshake is%s resumed", resumed ? " not" : "");
    }
    /* Tickets. */
    while (client->len > 0) {
        uint8_t room[1];
        size_t consumed, written;
        tls_status_t status;
        COUNTED(client, status = tls_session_decrypt(client->session, client->inbox, client->len, room, 0, &consumed, &written));
        if (status < 0 || consumed == 0) {
            give_up("tickets: %s", tls_status_name(status));
        }
        client->len -= consumed;
        memmove(client->inbox, client->inbox + consumed, client->len);
    }
}

typedef struct {
    const char *version;
    setup_t client, server;
    tls_context_t *client_context, *server_context;
} kind_t;

/* Two sessions of their own. A new context of the client resumes nothing. */
static void meet(kind_t *kind, end_t *client, end_t *server, bool resumed) {
    if (!resumed) {
        tls_context_destroy(kind->client_context);
        kind->client_context = make_context(false, &kind->client);
    }
    begin_session(client, kind->client_context, "localhost");
    begin_session(server, kind->server_context, NULL);
    handshake(client, server, resumed);
}

static void handshakes(kind_t *kind, end_t *client, end_t *server, bool resumed, bool of_server) {
    char name[100];
    for (int i = 0; i <= HANDSHAKES; i++) {
        /* The first fills what is kept: pools, and the client's tickets. */
        client->is_counted = i > 0 && !of_server;
        server->is_counted = i > 0 && of_server;
        meet(kind, client, server, resumed && i > 0);
        end_session(client);
        end_session(server);
    }
    snprintf(name, sizeof name, "%s handshake, TLS %s, %s", resumed ? "resumed" : "full", kind->version, of_server ? "server" : "client");
    counted(name, HANDSHAKES);
}

static void records(kind_t *kind, end_t *client, end_t *server, size_t size) {
    static uint8_t data[16 << 10], room[ROOM];
    static uint8_t sealed[RECORDS][17 << 10];
    size_t lens[RECORDS], consumed, written;
    char name[100];
    client->is_counted = server->is_counted = false;
    meet(kind, client, server, false);
    for (int counts = 0; counts < 2; counts++) {
        client->is_counted = server->is_counted = counts > 0;
        for (int i = 0; i < RECORDS; i++) {
            tls_status_t status;
            COUNTED(client, status = tls_session_encrypt(client->session, data, size, sealed[i], sizeof sealed[i], &consumed, &lens[i]));
            must_be(status, TLS_STATUS_COMPLETE, "encrypt");
        }
        if (counts > 0) {
            snprintf(name, sizeof name, "encrypt, TLS %s, %zu bytes", kind->version, size);
            counted(name, RECORDS);
        }
        for (int i = 0; i < RECORDS; i++) {
            tls_status_t status;
            COUNTED(server, status = tls_session_decrypt(server->session, sealed[i], lens[i], room, sizeof room, &consumed, &written));
            if (status < 0 || consumed != lens[i] || written != size) {
                give_up("decrypt: %s", tls_status_name(status));
            }
        }
        if (counts > 0) {
            snprintf(name, sizeof name, "decrypt, TLS %s, %zu bytes", kind->version, size);
            counted(name, RECORDS);
        }
    }
    client->is_counted = server->is_counted = false;
    end_session(client);
    end_session(server);
}

/* Its name, and what it says that it can do: ring and the C library choose their code by it. */
static void print_processor(void) {
    unsigned name[13] = {0}, one[4] = {0}, seven[4] = {0};
    for (unsigned i = 0; i < 3; i++) {
        (void)__get_cpuid(0x80000002 + i, &name[4 * i], &name[4 * i + 1], &name[4 * i + 2], &name[4 * i + 3]);
    }
    (void)__get_cpuid(1, &one[0], &one[1], &one[2], &one[3]);
    (void)__get_cpuid_count(7, 0, &seven[0], &seven[1], &seven[2], &seven[3]);
    printf("%s, CPUID 1: %08x %08x, 7: %08x %08x\n", (const char *)name, one[2], one[3], seven[1], seven[2]);
}

int main(int argc, char **argv) {
    static end_t client, server;
    begin(argc, argv);
    print_processor();
    for (int i = 0; i < 2; i++) {
        kind_t kind = {.version = i == 0 ? "1.3" : "1.2"};
        kind.client = (setup_t){.anchors = "ca", .protocols = i == 0 ? SPANTLS_PROTOCOL_TLS13 : SPANTLS_PROTOCOL_TLS12, .resume = true,
                                .suites = {i == 0 ? SPANTLS_SUITE_AES_128_GCM_SHA256 : SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}};
        kind.server = (setup_t){.credentials = "server-p256", .resume = true};
        kind.server_context = make_context(true, &kind.server);
        records(&kind, &client, &server, 64);
        records(&kind, &client, &server, 16 << 10);
        for (int which = 0; which < 4; which++) {
            handshakes(&kind, &client, &server, which >= 2, which % 2 == 1);
        }
        tls_context_destroy(kind.client_context);
        tls_context_destroy(kind.server_context);
    }
    return 0;
}

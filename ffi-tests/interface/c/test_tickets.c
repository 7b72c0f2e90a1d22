/*
 * Session tickets: roots that several machines share and replace, renewed certificates, and how many tickets a server sends.
 */

#include <stdlib.h>
#include <string.h>

#include "pair.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

static const char old_secret[] = "the old secret of all machines..";
static const char next_secret[] = "the next secret of all machines.";

static spantls_ticket_root_t root(const char *secret, int64_t seal_from, int64_t open_until) {
    return (spantls_ticket_root_t){secret, strlen(secret), seal_from, open_until};
}

/* Roots that do what they are called, whatever the time is. */
static spantls_ticket_root_t sealing(const char *secret) {
    return root(secret, 1, INT64_MAX);
}

static spantls_ticket_root_t opening_only(const char *secret) {
    return root(secret, INT64_MAX - 1, INT64_MAX);
}

static spantls_ticket_root_t ended(const char *secret) {
    return root(secret, 0, 1);
}

/* A machine: a server's context with these roots; it sends `count` tickets. */
static tls_context_t *machine(const char *credentials, const spantls_ticket_root_t *roots, size_t num, uint32_t count) {
    const setup_t setup = {.credentials = credentials, .resume = 1};
    tls_context_t *context = NULL;
    tls_options_t *options = make_options(&setup);
    EXPECT_STATUS(tls_options_set_ticket_roots(options, roots, num), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_set_ticket_lifetime(options, 3600), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_set_ticket_count(options, count), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_context_create_server(options, &context), TLS_STATUS_COMPLETE);
    tls_options_destroy(options);
    return context;
}

static tls_context_t *clients(uint32_t protocol) {
    const setup_t setup = {.anchors = "ca", .resume = 1, .protocols = protocol};
    return make_context(false, &setup);
}

/* One connection: whether it was resumed. Both ends agree on that, and on what is bound to the server's certificate. */
static bool visit(tls_context_t *client, tls_context_t *server, uint64_t *tickets) {
    pair_t pair = pair_on(client, server);
    EXPECT(run_handshake(&pair));
    EXPECT_STATUS(send_data(&pair.server, &pair.client, "after the tickets", 17), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(&pair.client), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(pair.client.plaintext.data, pair.client.plaintext.len, "after the tickets", 17);
    uint32_t states[] = {tls_session_state(pair.client.session), tls_session_state(pair.server.session)};
    EXPECT_NUMBER(states[0] & SPANTLS_STATE_RESUMED, states[1] & SPANTLS_STATE_RESUMED);
    uint8_t bindings[2][64];
    size_t lens[2] = {0, 0};
    const tls_session_t *sessions[] = {pair.client.session, pair.server.session};
    for (int i = 0; i < 2; i++) {
        EXPECT_STATUS(tls_session_channel_binding(sessions[i], SPANTLS_CHANNEL_BINDING_ENDPOINT, bindings[i],
                                                  sizeof bindings[i], &lens[i]),
                      TLS_STATUS_COMPLETE);
    }
    EXPECT_BYTES(bindings[0], lens[0], bindings[1], lens[1]);
    if (tickets != NULL) {
        spantls_session_stats_t stats = {.struct_size = sizeof stats};
        EXPECT_STATUS(tls_session_stats(pair.client.session, &stats), TLS_STATUS_COMPLETE);
        *tickets = stats.tickets_received;
    }
    pair_close(&pair);
    return (states[0] & SPANTLS_STATE_RESUMED) != 0;
}

static void rotation(uint32_t protocol) {
    test("%s: two machines change over to the next root, and no client has a full handshake", version_name(protocol));
    const spantls_ticket_root_t before[] = {sealing(old_secret)};
    const spantls_ticket_root_t announced[] = {sealing(old_secret), opening_only(next_secret)};
    const spantls_ticket_root_t changed[] = {root(old_secret, 0, INT64_MAX), sealing(next_secret)};
    const spantls_ticket_root_t after[] = {ended(old_secret), sealing(next_secret)};
    tls_context_t *one = machine("server-p256", before, 1, 2);
    tls_context_t *two = machine("server-p256", before, 1, 2);
    tls_context_t *client = clients(protocol);
    EXPECT(!visit(client, one, NULL));
    EXPECT(visit(client, two, NULL));
    /* The next root is distributed; one machine after the other has it, and one seals with it first. */
    EXPECT_STATUS(tls_context_set_ticket_roots(one, announced, 2), TLS_STATUS_COMPLETE);
    EXPECT(visit(client, one, NULL));
    EXPECT_STATUS(tls_context_set_ticket_roots(two, changed, 2), TLS_STATUS_COMPLETE);
    EXPECT(visit(client, two, NULL));
    EXPECT(visit(client, one, NULL));
    EXPECT_STATUS(tls_context_set_ticket_roots(one, changed, 2), TLS_STATUS_COMPLETE);
    EXPECT(visit(client, two, NULL));
    EXPECT(visit(client, one, NULL));
    /* The old one has ended. Tickets of it are nothing any more. */
    tls_context_t *late = clients(protocol);
    tls_context_t *old = machine("server-p256", before, 1, 2);
    EXPECT(!visit(late, old, NULL));
    EXPECT_STATUS(tls_context_set_ticket_roots(one, after, 2), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_context_forget_expired(one), TLS_STATUS_COMPLETE);
    EXPECT(visit(client, one, NULL));
    EXPECT(!visit(late, one, NULL));
    EXPECT(visit(late, two, NULL));
    tls_context_t *all[] = {one, two, old, client, late};
    for (size_t i = 0; i < COUNT(all); i++) {
        tls_context_destroy(all[i]);
    }
}

static void certificates(uint32_t protocol) {
    const spantls_ticket_root_t roots[] = {sealing(old_secret)};
    const struct {
        const char *name;
        bool resumes;
    } others[] = {{"server-renewed", true}, {"server-extended", false}, {"server-wrongname", false}, {"server-p384", false}};
    for (size_t i = 0; i < COUNT(others); i++) {
        test("%s: a ticket of server-p256 %s %s", version_name(protocol), others[i].resumes ? "resumes at" : "is nothing to",
             others[i].name);
        tls_context_t *before = machine("server-p256", roots, 1, 2);
        tls_context_t *other = machine(others[i].name, roots, 1, 2);
        const setup_t setup = {.resume = 1, .protocols = protocol};
        tls_context_t *client = make_context(false, &setup);
        pair_t pair = pair_on(client, before);
        pair.client.judge = JUDGE_ACCEPT;
        EXPECT(run_handshake(&pair));
        receive(&pair.client);
        pair_close(&pair);
        pair = pair_on(client, other);
        pair.client.judge = JUDGE_ACCEPT;
        EXPECT(run_handshake(&pair));
        for (int side = 0; side < 2; side++) {
            const tls_session_t *session = side == 0 ? pair.client.session : pair.server.session;
            EXPECT_NUMBER((tls_session_state(session) & SPANTLS_STATE_RESUMED) != 0, others[i].resumes);
        }
        pair_close(&pair);
        tls_context_destroy(before);
        tls_context_destroy(other);
        tls_context_destroy(client);
    }
}

static void nothing_seals(uint32_t protocol) {
    const spantls_ticket_root_t useless[] = {opening_only(old_secret), ended(old_secret)};
    for (size_t i = 0; i < COUNT(useless); i++) {
        test("%s: a root %s seals no tickets", version_name(protocol), i == 0 ? "whose time comes later" : "that has ended");
        tls_context_t *server = machine("server-p256", &useless[i], 1, 2);
        tls_context_t *client = clients(protocol);
        uint64_t tickets = 7;
        EXPECT(!visit(client, server, &tickets));
        EXPECT_NUMBER(tickets, 0);
        EXPECT(!visit(client, server, NULL));
        tls_context_destroy(server);
        tls_context_destroy(client);
    }
}

static void counted(void) {
    const uint32_t counts[] = {0, 1, 2, 16};
    for (size_t i = 0; i < COUNT(counts); i++) {
        test("TLS 1.3: a server sends %u tickets", counts[i]);
        tls_context_t *server = machine("server-p256", NULL, 0, counts[i]);
        tls_context_t *client = clients(SPANTLS_PROTOCOL_TLS13);
        uint64_t tickets = 7;
        EXPECT(!visit(client, server, &tickets));
        /* A client keeps two of a session. */
        EXPECT_NUMBER(tickets, counts[i] < 2 ? counts[i] : 2);
        EXPECT_NUMBER(visit(client, server, NULL), counts[i] > 0);
        tls_context_destroy(server);
        tls_context_destroy(client);
    }
}

static void wrong_contexts(void) {
    test("only a server's context that resumes takes ticket roots");
    const spantls_ticket_root_t roots[] = {sealing(old_secret)};
    const setup_t without = {.credentials = "server-p256"};
    tls_context_t *server = make_context(true, &without);
    tls_context_t *client = clients(0);
    tls_context_t *undecided = make_undecided();
    EXPECT_STATUS(tls_context_set_ticket_roots(server, roots, 1), TLS_STATUS_INVALID_STATE);
    EXPECT_STATUS(tls_context_set_ticket_roots(client, roots, 1), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(tls_context_set_ticket_roots(undecided, roots, 1), TLS_STATUS_INVALID_ARGUMENT);
    /* Whatever the context is, there may be something to erase. */
    tls_context_t *all[] = {server, client, undecided};
    for (size_t i = 0; i < COUNT(all); i++) {
        EXPECT_STATUS(tls_context_forget_expired(all[i]), TLS_STATUS_COMPLETE);
        tls_context_destroy(all[i]);
    }
    EXPECT_STATUS(tls_context_forget_expired(NULL), TLS_STATUS_INVALID_ARGUMENT);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    for (size_t i = 0; i < COUNT(protocols); i++) {
        rotation(protocols[i]);
        certificates(protocols[i]);
        nothing_seals(protocols[i]);
    }
    counted();
    wrong_contexts();
    return finish();
}

/*
 * Ten thousand handshakes suspended at once in one process, and completed afterwards; how many there may be; and what
 * each holds in memory meanwhile, which is printed.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pair.h"
#include "sign.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* How many handshakes make a crowd: of all, 10,000 hold a stack, the others wait for a context. */
static size_t crowd_size(void) {
    return quick ? 240 : SANITIZED ? 2400 : 12000;
}

/* --- Kinds of suspension ---------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    tls_status_t status;
    bool of_server;
    bool holds_a_stack;
    bool client_shows; /* the server wants a certificate, and the client has one */
} kind_t;

static const kind_t kinds[] = {
    {"a server that chooses its context", TLS_STATUS_NEEDS_SERVER_OPTIONS, true, false, false},
    {"a server that has to sign", TLS_STATUS_NEEDS_SIGNATURE, true, true, false},
    {"a client asked for credentials", TLS_STATUS_WANT_CREDENTIALS, false, true, true},
    {"a client that judges", TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, false, true, false},
    {"a client that has to sign", TLS_STATUS_NEEDS_SIGNATURE, false, true, true},
    {"a server that judges", TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, true, true, true},
};

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

static struct {
    tls_context_t *client[COUNT(protocols)];
    tls_context_t *undecided;
    tls_context_t *server;   /* its key is at hand */
    tls_context_t *external; /* its key is not */
    tls_context_t *requiring;
    tls_credentials_t *shown;
} props;

static void open_props(void) {
    static const uint16_t schemes[4] = {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256};
    for (size_t p = 0; p < COUNT(protocols); p++) {
        setup_t client = {.anchors = "ca", .protocols = protocols[p]};
        props.client[p] = make_context(false, &client);
    }
    setup_t server = {.anchors = "ca", .credentials = "server-p256"};
    props.server = make_context(true, &server);
    server.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
    props.requiring = make_context(true, &server);
    setup_t external = {.credentials = "server-p256", .schemes = {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256}};
    props.external = make_context(true, &external);
    props.undecided = make_undecided();
    props.shown = make_external("client-p256", schemes);
}

static void close_props(void) {
    tls_context_destroy(props.client[0]);
    tls_context_destroy(props.client[1]);
    tls_context_destroy(props.undecided);
    tls_context_destroy(props.server);
    tls_context_destroy(props.external);
    tls_context_destroy(props.requiring);
    tls_credentials_destroy(props.shown);
}

/* --- One of many ------------------------------------------------------------------------------------------------ */

typedef struct {
    pair_t pair;
    const kind_t *kind;
} member_t;

static side_t *asked(member_t *member) {
    return member->kind->of_server ? &member->pair.server : &member->pair.client;
}

static side_t *other(member_t *member) {
    return member->kind->of_server ? &member->pair.client : &member->pair.server;
}

/* A handshake that is suspended. */
static void suspend(member_t *member, const kind_t *kind, size_t protocol) {
    tls_context_t *server = kind->client_shows ? props.requiring : props.server;
    if (kind->status == TLS_STATUS_NEEDS_SERVER_OPTIONS) {
        server = props.undecided;
    } else if (kind->status == TLS_STATUS_NEEDS_SIGNATURE && kind->of_server) {
        server = props.external;
    }
    member->kind = kind;
    member->pair = pair_on(props.client[protocol], server);
    pair_t *pair = &member->pair;
    pair->client.judge = JUDGE_ACCEPT;
    pair->client.shows = kind->client_shows ? props.shown : NULL;
    pair->client.sign = sign_with;
    pair->client.key = "client-p256";
    pair->server.judge = JUDGE_ACCEPT;
    pair->server.context = props.server;
    pair->server.sign = sign_with;
    pair->server.key = "server-p256";
    pair->client.handshake_room = 8192;
    pair->server.handshake_room = 8192;
    asked(member)->stop_at = kind->status;
    run_handshake(pair);
    EXPECT_STATUS(asked(member)->status, kind->status);
}

static void complete(member_t *member, bool talk) {
    answer_question(asked(member), other(member));
    EXPECT(run_handshake(&member->pair));
    if (talk) {
        EXPECT_STATUS(send_data(&member->pair.client, &member->pair.server, "hello", 5), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(&member->pair.server), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(member->pair.server.plaintext.data, member->pair.server.plaintext.len, "hello", 5);
    }
}

/* --- Crowds ----------------------------------------------------------------------------------------------------- */

/* Handshakes of each kind in turn, suspended until all are, then answered out of order. */
static void crowd(void) {
    const size_t size = crowd_size();
    member_t *members = calloc(size, sizeof *members);
    if (members == NULL) {
        give_up("out of memory");
    }
    size_t holding = 0;
    test("%zu handshakes of every kind are suspended at once", size);
    for (size_t i = 0; i < size; i++) {
        suspend(&members[i], &kinds[i % COUNT(kinds)], i / COUNT(kinds) % COUNT(protocols));
        holding += members[i].kind->holds_a_stack;
        EXPECT_NUMBER(suspended_handshakes(), holding);
    }
    EXPECT_NUMBER(holding, size / 6 * 5);

    test("%zu suspended handshakes go on, out of order, and complete", size);
    /* Some of each kind are refused or given up: the others do not notice. */
    for (size_t n = 0; n < size; n++) {
        const size_t i = n * 7919 % size; /* prime to every size */
        member_t *member = &members[i];
        if (n % 100 == 98) {
            EXPECT_STATUS(tls_session_reject(asked(member)->session, 49), TLS_STATUS_COMPLETE);
            resume(asked(member));
            EXPECT(!run_handshake(&member->pair));
        } else if (n % 100 != 99) {
            complete(member, n % 100 == 0);
        }
        pair_close(&member->pair);
        holding -= member->kind->holds_a_stack;
        EXPECT_NUMBER(suspended_handshakes(), holding);
    }
    EXPECT_NUMBER(suspended_handshakes(), 0);
    free(members);
}

/* --- The bound -------------------------------------------------------------------------------------------------- */

/* Shows a server its ClientHello, with a byte behind it. */
static tls_status_t show(tls_session_t *session, const bytes_t *hello, size_t expected_consumed) {
    uint8_t output[100];
    size_t consumed = 77;
    size_t written = 77;
    const tls_status_t status = tls_session_handshake(session, hello->data, hello->len, output, sizeof output,
                                                              &consumed, &written);
    EXPECT_NUMBER(consumed, expected_consumed);
    EXPECT_NUMBER(written, 0);
    return status;
}

static void the_bound(void) {
    size_t limit = 77;
    test("as many handshakes may be suspended as is said, the next one waits its turn");
    EXPECT_STATUS(spantls_suspended_handshakes(NULL, &limit), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(limit, 16384);
    tls_session_t **sessions = calloc(limit, sizeof *sessions);
    if (sessions == NULL) {
        give_up("out of memory");
    }
    /* All get the ClientHello of one client, the last one's. */
    pair_t pair = pair_on(props.client[1], props.external);
    run_side(&pair.client, &pair.server);
    bytes_t hello = {0};
    bytes_append(&hello, pair.server.inbox.data, pair.server.inbox.len);
    const size_t record = hello.len;
    bytes_append(&hello, "\x17", 1);
    for (size_t i = 0; i < limit; i++) {
        EXPECT_STATUS(tls_session_create(props.external, &sessions[i]), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(show(sessions[i], &hello, record), TLS_STATUS_NEEDS_SIGNATURE);
    }
    EXPECT_NUMBER(suspended_handshakes(), limit);
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(show(pair.server.session, &hello, 0), TLS_STATUS_OUT_OF_RESOURCES);
        EXPECT_NUMBER(suspended_handshakes(), limit);
        EXPECT_NUMBER(tls_session_state(pair.server.session), 0);
    }

    test("it goes on when another one is destroyed, refused or shut down");
    for (size_t i = 0; i < 3; i++) {
        /* Large enough for the ServerHello and the alert after it. */
        uint8_t output[4096];
        size_t written = 77;
        size_t consumed = 77;
        if (i == 0) {
            tls_session_destroy(sessions[0]);
        } else if (i == 1) {
            EXPECT_STATUS(tls_session_reject(sessions[1], 49), TLS_STATUS_COMPLETE);
            EXPECT_STATUS(tls_session_handshake(sessions[1], NULL, 0, output, sizeof output, &consumed,
                                                        &written),
                          TLS_STATUS_AUTHENTICATION_FAILED);
            tls_session_destroy(sessions[1]);
        } else {
            EXPECT_STATUS(tls_session_shutdown(sessions[2], output, sizeof output, &written), TLS_STATUS_CLOSED);
            tls_session_destroy(sessions[2]);
        }
        EXPECT_NUMBER(suspended_handshakes(), limit - 1);
        sessions[i] = NULL;
        if (i < 2) {
            EXPECT_STATUS(tls_session_create(props.external, &sessions[i]), TLS_STATUS_COMPLETE);
            EXPECT_STATUS(show(sessions[i], &hello, record), TLS_STATUS_NEEDS_SIGNATURE);
            EXPECT_STATUS(show(pair.server.session, &hello, 0), TLS_STATUS_OUT_OF_RESOURCES);
        }
    }
    pair.server.sign = sign_with;
    pair.server.key = "server-p256";
    pair.client.judge = JUDGE_STOP;
    run_side(&pair.server, &pair.client);
    for (size_t i = 3; i < limit; i++) {
        tls_session_destroy(sessions[i]);
        sessions[i] = NULL;
    }
    tls_session_destroy(sessions[0]);
    tls_session_destroy(sessions[1]);
    pair.client.judge = JUDGE_ACCEPT;
    EXPECT(run_handshake(&pair));
    pair_close(&pair);
    EXPECT_NUMBER(suspended_handshakes(), 0);
    bytes_free(&hello);
    free(sessions);
}

/* --- Memory ----------------------------------------------------------------------------------------------------- */

/* Resident bytes of this process; 0 where they cannot be told. */
static size_t resident(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%*u %lu", &pages) != 1) {
        pages = 0;
    }
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* What one suspended session holds, everything counted: 500 of them in a process of their own, where no earlier work has
 * left memory to use again. Their peers are gone, and their buffers are the host's. */
static size_t measure(const kind_t *kind, size_t protocol) {
    enum { MANY = 500 };
    int result[2];
    size_t bytes = 0;
    fflush(stdout);
    if (pipe(result) != 0) {
        give_up("no pipe");
    }
    const pid_t child = fork();
    if (child == 0) {
        static member_t members[MANY + 20];
        size_t before = 0;
        open_props();
        for (size_t i = 0; i < COUNT(members); i++) {
            if (i == 20) {
                before = resident();
            }
            suspend(&members[i], kind, protocol);
            side_close(other(&members[i]));
            bytes_free(&asked(&members[i])->inbox);
        }
        bytes = (resident() - before) / MANY;
        _exit(write(result[1], &bytes, sizeof bytes) == sizeof bytes && complaints_so_far() == 0 ? 0 : 1);
    }
    int status = 1;
    close(result[1]);
    EXPECT(child > 0 && read(result[0], &bytes, sizeof bytes) == sizeof bytes);
    close(result[0]);
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
    return bytes;
}

static void memory(void) {
    if (quick || SANITIZED || resident() == 0) {
        return;
    }
    for (size_t k = 0; k < COUNT(kinds); k++) {
        for (size_t p = 0; p < COUNT(protocols); p++) {
            test("%s, %s: holds less than 48 KiB while it waits", version_name(protocols[p]), kinds[k].name);
            const size_t bytes = measure(&kinds[k], p);
            EXPECT(bytes < 48 << 10);
            printf("# %s, %s: %zu bytes resident\n", version_name(protocols[p]), kinds[k].name, bytes);
        }
    }
}

int main(int argc, char **argv) {
    begin(argc, argv);
    memory(); /* first: see there */
    open_props();
    crowd();
    if (!quick) {
        the_bound();
    }
    close_props();
    return finish();
}

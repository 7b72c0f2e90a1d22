/*
 * Threads: the two halves of an open session at the same time, intruders in each half, getters from everywhere, and
 * contexts that many threads share.
 *
 * Waiting threads are woken by condition variables; the watchdog of the harness ends a program that would wait for
 * ever. Nothing sleeps.
 */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

/* --- A pipe of bytes between two threads ------------------------------------------------------------------------ */

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t more;
    bytes_t bytes;
} pipe_t;

static void pipe_init(pipe_t *pipe) {
    pthread_mutex_init(&pipe->mutex, NULL);
    pthread_cond_init(&pipe->more, NULL);
    memset(&pipe->bytes, 0, sizeof pipe->bytes);
}

static void pipe_destroy(pipe_t *pipe) {
    pthread_mutex_destroy(&pipe->mutex);
    pthread_cond_destroy(&pipe->more);
    bytes_free(&pipe->bytes);
}

static void pipe_put(pipe_t *pipe, const uint8_t *data, size_t len) {
    pthread_mutex_lock(&pipe->mutex);
    bytes_append(&pipe->bytes, data, len);
    pthread_cond_signal(&pipe->more);
    pthread_mutex_unlock(&pipe->mutex);
}

/* Moves everything in the pipe behind `to`; waits until there is something. */
static void pipe_take(pipe_t *pipe, bytes_t *to) {
    pthread_mutex_lock(&pipe->mutex);
    while (pipe->bytes.len == 0) {
        pthread_cond_wait(&pipe->more, &pipe->mutex);
    }
    bytes_append(to, pipe->bytes.data, pipe->bytes.len);
    bytes_drop(&pipe->bytes, pipe->bytes.len);
    pthread_mutex_unlock(&pipe->mutex);
}

/* --- Readers and writers ---------------------------------------------------------------------------------------- */

/* A flag that one thread sets for others. */
typedef struct {
    pthread_mutex_t mutex;
    bool set;
} flag_t;

static bool flag_is_set(flag_t *flag) {
    pthread_mutex_lock(&flag->mutex);
    bool set = flag->set;
    pthread_mutex_unlock(&flag->mutex);
    return set;
}

static void flag_set(flag_t *flag) {
    pthread_mutex_lock(&flag->mutex);
    flag->set = true;
    pthread_mutex_unlock(&flag->mutex);
}

typedef struct {
    tls_session_t *session;
    pipe_t *pipe;
    const uint8_t *data; /* sent, or expected */
    size_t len;
    pthread_barrier_t *all_sent; /* for writers */
    flag_t *stop;                /* for intruders */
    uint32_t protocol;           /* for the onlooker */
    unsigned long calls;         /* counted by intruders */
    pthread_barrier_t *begun;    /* that each intruder has made a call */
    unsigned long busy;          /* how often another thread was inside the half */
} task_t;

/* Sends all data in pieces of changing size, then close_notify. Meets intruders, and tries again. */
static void *write_all(void *argument) {
    task_t *task = argument;
    uint8_t *output = malloc(20000);
    size_t at = 0;
    size_t piece = 1;
    while (at < task->len) {
        size_t consumed = 77;
        size_t written = 77;
        size_t len = task->len - at < piece ? task->len - at : piece;
        tls_status_t status =
            tls_session_encrypt(task->session, task->data + at, len, output, 20000, &consumed, &written);
        if (status == TLS_STATUS_BUSY) {
            EXPECT(consumed == 0 && written == 0);
            task->busy++;
            sched_yield();
            continue;
        }
        if (!EXPECT_STATUS(status, TLS_STATUS_COMPLETE) || !EXPECT_NUMBER(consumed, len)) {
            break;
        }
        pipe_put(task->pipe, output, written);
        at += consumed;
        piece = piece * 7 % 8191 + 1;
    }
    /* In TLS 1.2 a close ends both directions: nobody closes before both have sent everything. */
    pthread_barrier_wait(task->all_sent);
    for (;;) {
        size_t written = 77;
        tls_status_t status = tls_session_shutdown(task->session, output, 20000, &written);
        if (status == TLS_STATUS_BUSY) {
            EXPECT_NUMBER(written, 0);
            sched_yield();
            continue;
        }
        EXPECT_STATUS(status, TLS_STATUS_CLOSED);
        EXPECT(written > 0);
        pipe_put(task->pipe, output, written);
        break;
    }
    free(output);
    return NULL;
}

/* Receives until the peer closes, and compares. */
static void *read_all(void *argument) {
    task_t *task = argument;
    bytes_t input = {0};
    uint8_t *output = malloc(5000);
    size_t at = 0;
    for (;;) {
        size_t consumed = 77;
        size_t written = 77;
        tls_status_t status =
            tls_session_decrypt(task->session, input.data, input.len, output, 5000, &consumed, &written);
        if (status == TLS_STATUS_BUSY) {
            EXPECT(consumed == 0 && written == 0);
            task->busy++;
            sched_yield();
            continue;
        }
        if (status == TLS_STATUS_WANT_READ) {
            pipe_take(task->pipe, &input);
            continue;
        }
        if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_WANT_WRITE) {
            EXPECT_STATUS(status, TLS_STATUS_CLOSED);
            break;
        }
        if (!EXPECT(written <= task->len - at) || !EXPECT(memcmp(output, task->data + at, written) == 0)) {
            break;
        }
        at += written;
        bytes_drop(&input, consumed);
    }
    EXPECT_NUMBER(at, task->len);
    bytes_free(&input);
    free(output);
    return NULL;
}

/* The workers wait for the first call of each intruder: a busy machine might not let them in otherwise. */
static void count_call(task_t *task) {
    if (task->calls++ == 0 && task->begun != NULL) {
        pthread_barrier_wait(task->begun);
    }
}

/* A second thread in the write half: calls that change nothing, or BUSY. */
static void *intrude_on_writing(void *argument) {
    task_t *task = argument;
    uint8_t byte = 0;
    while (!flag_is_set(task->stop)) {
        size_t consumed = 77;
        size_t written = 77;
        tls_status_t status = tls_session_encrypt(task->session, &byte, 1, NULL, 0, &consumed, &written);
        /* INVALID_STATE: after the writer's shutdown. */
        EXPECT(status == TLS_STATUS_BUSY || status == TLS_STATUS_WANT_WRITE || status == TLS_STATUS_INVALID_STATE);
        EXPECT(consumed == 0 && written == 0);
        task->busy += status == TLS_STATUS_BUSY;
        count_call(task);
        status = tls_session_drain_pending_output(task->session, NULL, 0, &written);
        EXPECT(status == TLS_STATUS_BUSY || status == TLS_STATUS_COMPLETE || status == TLS_STATUS_WANT_WRITE);
        EXPECT_NUMBER(written, 0);
        sched_yield();
    }
    return NULL;
}

/* A second thread in the read half. */
static void *intrude_on_reading(void *argument) {
    task_t *task = argument;
    uint8_t byte = 0;
    while (!flag_is_set(task->stop)) {
        size_t consumed = 77;
        size_t written = 77;
        size_t offset = 77;
        tls_status_t status = tls_session_decrypt(task->session, NULL, 0, NULL, 0, &consumed, &written);
        EXPECT(status == TLS_STATUS_BUSY || status == TLS_STATUS_WANT_READ || status == TLS_STATUS_WANT_WRITE ||
               status == TLS_STATUS_CLOSED);
        EXPECT(consumed == 0 && written == 0);
        task->busy += status == TLS_STATUS_BUSY;
        count_call(task);
        /* INVALID_STATE: the reader has left plaintext behind. */
        status = tls_session_decrypt_in_place(task->session, &byte, 0, &consumed, &offset, &written);
        EXPECT(status == TLS_STATUS_BUSY || status == TLS_STATUS_WANT_READ || status == TLS_STATUS_INVALID_STATE ||
               status == TLS_STATUS_CLOSED);
        EXPECT(consumed == 0 && written == 0);
        sched_yield();
    }
    return NULL;
}

/* Getters are open to every thread at all times. */
static void *look_on(void *argument) {
    task_t *task = argument;
    while (!flag_is_set(task->stop)) {
        char text[64];
        size_t len = 77;
        EXPECT(tls_session_state(task->session) & SPANTLS_STATE_HANDSHAKE_COMPLETE);
        EXPECT(!(tls_session_state(task->session) & SPANTLS_STATE_FAILED));
        EXPECT(tls_session_negotiated_protocol(task->session) == task->protocol);
        EXPECT(tls_session_is_handshake_complete(task->session) == 1);
        tls_session_has_pending_output(task->session);
        EXPECT_STATUS(tls_session_target_host_name(task->session, text, sizeof text, &len),
                      TLS_STATUS_COMPLETE);
        EXPECT_BYTES(text, len, "localhost", 9);
        spantls_error_t error = {.struct_size = sizeof error};
        EXPECT_STATUS(tls_session_error(task->session, &error), TLS_STATUS_COMPLETE);
        count_call(task);
        sched_yield();
    }
    return NULL;
}

static void start(pthread_t *thread, void *(*run)(void *), task_t *task) {
    if (pthread_create(thread, NULL, run, task) != 0) {
        give_up("no thread");
    }
}

/* Two sessions, each with a reader and a writer of its own; `crowded` adds the intruders and the onlooker. */
static void both_halves(uint32_t protocol, bool crowded) {
    const size_t len = quick ? 100000 : 2000000;
    pair_t pair = pair_established(protocol);
    pipe_t to_server;
    pipe_t to_client;
    flag_t stop = {PTHREAD_MUTEX_INITIALIZER, false};
    pthread_barrier_t all_sent;
    pthread_barrier_t begun;
    pthread_barrier_init(&all_sent, NULL, 2);
    pthread_barrier_init(&begun, NULL, 4);
    uint8_t *question = pattern(len, 7);
    uint8_t *reply = pattern(len, 8);
    pipe_init(&to_server);
    pipe_init(&to_client);
    task_t workers[4] = {
        {.session = pair.client.session, .pipe = &to_server, .data = question, .len = len, .all_sent = &all_sent},
        {.session = pair.client.session, .pipe = &to_client, .data = reply, .len = len},
        {.session = pair.server.session, .pipe = &to_client, .data = reply, .len = len, .all_sent = &all_sent},
        {.session = pair.server.session, .pipe = &to_server, .data = question, .len = len},
    };
    task_t others[3] = {
        {.session = pair.client.session, .stop = &stop, .protocol = protocol, .begun = &begun},
        {.session = pair.client.session, .stop = &stop, .protocol = protocol, .begun = &begun},
        {.session = pair.client.session, .stop = &stop, .protocol = protocol, .begun = &begun},
    };
    pthread_t worker_threads[4];
    pthread_t other_threads[3];
    if (crowded) {
        start(&other_threads[0], intrude_on_writing, &others[0]);
        start(&other_threads[1], intrude_on_reading, &others[1]);
        start(&other_threads[2], look_on, &others[2]);
        pthread_barrier_wait(&begun);
    }
    start(&worker_threads[0], write_all, &workers[0]);
    start(&worker_threads[1], read_all, &workers[1]);
    start(&worker_threads[2], write_all, &workers[2]);
    start(&worker_threads[3], read_all, &workers[3]);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(worker_threads[i], NULL);
    }
    flag_set(&stop);
    for (size_t i = 0; crowded && i < 3; i++) {
        pthread_join(other_threads[i], NULL);
        EXPECT(others[i].calls > 0);
    }
    if (!crowded) {
        /* Reading and writing do not get into each other's way. */
        for (size_t i = 0; i < 4; i++) {
            EXPECT_NUMBER(workers[i].busy, 0);
        }
    }
    EXPECT_STATUS(error_of(pair.server.session).status, TLS_STATUS_COMPLETE);
    pthread_barrier_destroy(&all_sent);
    pthread_barrier_destroy(&begun);
    pipe_destroy(&to_server);
    pipe_destroy(&to_client);
    free(question);
    free(reply);
    pair_close(&pair);
}

/* --- A second writer -------------------------------------------------------------------------------------------- */

typedef struct {
    tls_session_t *session;
    pthread_mutex_t *order; /* keeps the pieces of output in the order of their sealing */
    bytes_t *wire;
    uint8_t mark;
} writer_t;

enum { PIECES = 300, PIECE = 100 };

/* Sends pieces of a hundred equal bytes. Another writer does the same with another byte. */
static void *write_marked(void *argument) {
    writer_t *writer = argument;
    uint8_t piece[PIECE];
    memset(piece, writer->mark, sizeof piece);
    for (int i = 0; i < PIECES;) {
        uint8_t output[300];
        size_t consumed = 77;
        size_t written = 77;
        pthread_mutex_lock(writer->order);
        tls_status_t status =
            tls_session_encrypt(writer->session, piece, sizeof piece, output, sizeof output, &consumed, &written);
        if (status != TLS_STATUS_BUSY) {
            EXPECT_STATUS(status, TLS_STATUS_COMPLETE);
            EXPECT_NUMBER(consumed, PIECE);
            bytes_append(writer->wire, output, written <= sizeof output ? written : 0);
            i++;
        }
        pthread_mutex_unlock(writer->order);
    }
    return NULL;
}

static void two_writers(uint32_t protocol) {
    pair_t pair = pair_established(protocol);
    pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
    writer_t writers[2] = {
        {pair.client.session, &order, &pair.server.inbox, 'a'},
        {pair.client.session, &order, &pair.server.inbox, 'b'},
    };
    flag_t stop = {PTHREAD_MUTEX_INITIALIZER, false};
    task_t intruder = {.session = pair.client.session, .stop = &stop};
    pthread_t threads[2];
    pthread_t intruding;
    start(&intruding, intrude_on_writing, &intruder);
    for (size_t i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, write_marked, &writers[i]) != 0) {
            give_up("no thread");
        }
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    flag_set(&stop);
    pthread_join(intruding, NULL);
    EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
    size_t count[2] = {0, 0};
    EXPECT_NUMBER(pair.server.plaintext.len, 2 * PIECES * PIECE);
    for (size_t at = 0; at + PIECE <= pair.server.plaintext.len; at += PIECE) {
        uint8_t mark = pair.server.plaintext.data[at];
        for (size_t i = 1; i < PIECE; i++) {
            EXPECT(pair.server.plaintext.data[at + i] == mark);
        }
        EXPECT(mark == 'a' || mark == 'b');
        count[mark == 'b']++;
    }
    EXPECT(count[0] == PIECES && count[1] == PIECES);
    pair_close(&pair);
}

/* --- Shared contexts -------------------------------------------------------------------------------------------- */

typedef struct {
    tls_context_t *client;
    tls_context_t *server;
    int completed;
    int resumed;
} shared_t;

static void *shake_hands(void *argument) {
    shared_t *shared = argument;
    for (int i = 0; i < (quick ? 3 : 25); i++) {
        pair_t pair = pair_on(shared->client, shared->server);
        shared->completed += run_handshake(&pair);
        EXPECT_STATUS(send_data(&pair.client, &pair.server, "hello", 5), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, "hello", 5);
        /* Takes the tickets: the next handshake of any thread may use them. */
        EXPECT_STATUS(send_data(&pair.server, &pair.client, "hello", 5), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(&pair.client), TLS_STATUS_WANT_READ);
        shared->resumed += (tls_session_state(pair.client.session) & SPANTLS_STATE_RESUMED) != 0;
        pair_close(&pair);
    }
    return NULL;
}

static void shared_contexts(void) {
    enum { THREADS = 8 };
    test("eight threads shake hands on the same two contexts, with and without tickets");
    setup_t client = {.anchors = "ca", .credentials = "client-p256", .alpn = {"h2"}, .resume = 1};
    setup_t server = {
        .anchors = "ca",
        .credentials = "server-p256",
        .alpn = {"h2"},
        .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE,
        .resume = 1,
    };
    tls_context_t *client_context = make_context(false, &client);
    tls_context_t *server_context = make_context(true, &server);
    shared_t shared[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        shared[i] = (shared_t){client_context, server_context, 0, 0};
        if (pthread_create(&threads[i], NULL, shake_hands, &shared[i]) != 0) {
            give_up("no thread");
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        EXPECT_NUMBER(shared[i].completed, quick ? 3 : 25);
        /* Its own first handshake at most is a full one. */
        EXPECT(shared[i].resumed > 0);
    }
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
}

/* --- Sessions that are handed on -------------------------------------------------------------------------------- */

enum { RUNNERS = 8, HANDED = 16 };

/* Handshakes that wait for a thread to do their next step. */
typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct handed {
        pair_t pair;
        size_t last; /* the thread that did the last step */
        bool waits;
    } handed[HANDED];
    size_t left;
} relay_t;

typedef struct {
    relay_t *relay;
    size_t number;
    size_t steps;
} runner_t;

/* A handshake that waits for a thread, and was not this one's before; NULL once all are complete. */
static struct handed *take_over(relay_t *relay, size_t number) {
    pthread_mutex_lock(&relay->mutex);
    for (;;) {
        for (size_t i = 0; i < HANDED; i++) {
            struct handed *handed = &relay->handed[i];
            if (handed->waits && handed->last != number) {
                handed->waits = false;
                pthread_mutex_unlock(&relay->mutex);
                return handed;
            }
        }
        if (relay->left == 0) {
            pthread_mutex_unlock(&relay->mutex);
            return NULL;
        }
        pthread_cond_wait(&relay->changed, &relay->mutex);
    }
}

/* Answers the open question, or calls until the next one: one call does not do both. False once nothing moves. */
static bool step(side_t *self, side_t *peer) {
    if (is_suspension(self->status)) {
        answer_question(self, peer);
        return true;
    }
    return run_side(self, peer);
}

static void *run_relay(void *argument) {
    runner_t *runner = argument;
    relay_t *relay = runner->relay;
    struct handed *handed;
    while ((handed = take_over(relay, runner->number)) != NULL) {
        pair_t *pair = &handed->pair;
        bool moved = step(&pair->client, &pair->server) || step(&pair->server, &pair->client);
        runner->steps++;
        pthread_mutex_lock(&relay->mutex);
        handed->last = runner->number;
        handed->waits = moved;
        relay->left -= !moved;
        pthread_cond_broadcast(&relay->changed);
        pthread_mutex_unlock(&relay->mutex);
    }
    return NULL;
}

static void handed_on(uint32_t protocol) {
    static relay_t relay;
    runner_t runners[RUNNERS];
    pthread_t threads[RUNNERS];
    setup_t client = {.anchors = "ca", .protocols = protocol};
    setup_t server = {
        .anchors = "ca",
        .credentials = "server-p256",
        .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE,
    };
    tls_context_t *contexts[2] = {make_context(false, &client), make_context(true, &server)};
    tls_credentials_t *shows = make_credentials("client-p256");
    pthread_mutex_init(&relay.mutex, NULL);
    pthread_cond_init(&relay.changed, NULL);
    relay.left = HANDED;
    for (size_t i = 0; i < HANDED; i++) {
        pair_t *pair = &relay.handed[i].pair;
        *pair = pair_on(contexts[0], contexts[1]);
        pair->client.shows = shows;
        /* One of its two questions; the other one is answered at once. */
        pair->client.stop_at = i % 2 == 0 ? TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION : TLS_STATUS_WANT_CREDENTIALS;
        pair->server.stop_at = TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION;
        relay.handed[i].last = RUNNERS;
        relay.handed[i].waits = true;
    }
    for (size_t i = 0; i < RUNNERS; i++) {
        runners[i] = (runner_t){&relay, i, 0};
        if (pthread_create(&threads[i], NULL, run_relay, &runners[i]) != 0) {
            give_up("no thread");
        }
    }
    size_t steps = 0;
    for (size_t i = 0; i < RUNNERS; i++) {
        pthread_join(threads[i], NULL);
        steps += runners[i].steps;
    }
    /* A flight of each side, a stop of each, an answer to each, and that nothing moves any more. */
    EXPECT(steps >= 7 * HANDED);
    for (size_t i = 0; i < HANDED; i++) {
        pair_t *pair = &relay.handed[i].pair;
        EXPECT_STATUS(pair->client.status, TLS_STATUS_COMPLETE);
        EXPECT_STATUS(pair->server.status, TLS_STATUS_COMPLETE);
        EXPECT_STATUS(send_data(&pair->client, &pair->server, "hello", 5), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(&pair->server), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(pair->server.plaintext.data, pair->server.plaintext.len, "hello", 5);
        pair_close(pair);
    }
    tls_credentials_destroy(shows);
    tls_context_destroy(contexts[0]);
    tls_context_destroy(contexts[1]);
    pthread_mutex_destroy(&relay.mutex);
    pthread_cond_destroy(&relay.changed);
}

/* The error record of calls without a session is each thread's own. */
static void *fail_quietly(void *argument) {
    EXPECT_STATUS(last_error().status, TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_set_protocols(NULL, 0), TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_STATUS(last_error().status, TLS_STATUS_INVALID_ARGUMENT);
    return argument;
}

static void errors_of_threads(void) {
    test("a thread sees only its own last error");
    pthread_t thread;
    tls_options_t *options = NULL;
    EXPECT_STATUS(tls_options_create(&options), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_options_add_trust_anchors_file(options, "/nowhere"), TLS_STATUS_INVALID_CONFIGURATION);
    if (pthread_create(&thread, NULL, fail_quietly, NULL) != 0) {
        give_up("no thread");
    }
    pthread_join(thread, NULL);
    EXPECT_STATUS(last_error().status, TLS_STATUS_INVALID_CONFIGURATION);
    tls_options_destroy(options);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    for (size_t p = 0; p < COUNT(protocols); p++) {
        test("%s: one thread reads while another writes, on both sides", version_name(protocols[p]));
        both_halves(protocols[p], false);
        test("%s: second threads in the same half get BUSY or do no harm", version_name(protocols[p]));
        both_halves(protocols[p], true);
        test("%s: two writers in turn and an intruder never mix their records", version_name(protocols[p]));
        two_writers(protocols[p]);
    }
    for (size_t p = 0; p < COUNT(protocols); p++) {
        test("%s: handshakes whose every step is another thread's complete", version_name(protocols[p]));
        handed_on(protocols[p]);
    }
    shared_contexts();
    errors_of_threads();
    return finish();
}

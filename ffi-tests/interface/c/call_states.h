/*
 * The states of calls.def, for test_every_call.c: how each is brought about, and how a session in it goes on.
 */

#ifndef CALL_STATES_H
#define CALL_STATES_H

#include "pair.h"

enum {
    /* More than the longest flight. */
    ROOM = 8192,
};

/* --- States ----------------------------------------------------------------------------------------------------- */

enum { CLIENT, SERVER };

/* The groups of states; what they mean stands in calls.def. */
enum {
    NEW_CLIENT = 1 << 0,
    NEW_SERVER = 1 << 1,
    UNDER_WAY = 1 << 2,
    SEES_CERTIFICATE = 1 << 3,
    SEES_END = 1 << 4,
    ASKING = 1 << 5,
    ACCEPTED = 1 << 6,
    ACCEPTED_HALFWAY = 1 << 7,
    FINISHING = 1 << 9,
    OPEN = 1 << 10,
    HOLDING = 1 << 11,
    SHUT = 1 << 12,
    PEER_CLOSED = 1 << 13,
    PEER_CLOSED_12 = 1 << 14,
    BOTH_CLOSED = 1 << 15,
    CUT = 1 << 16,
    CUT_HOLDING = 1 << 17,
    FAILED = 1 << 18,
    FAILED_OPEN = 1 << 19,
    CANCELLED = 1 << 20,
    ASKING_CONTEXT = 1 << 21,
    ASKING_CREDENTIALS = 1 << 22,
    ASKING_SIGNATURE = 1 << 23,
    CONTEXT_CHOSEN = 1 << 24,
    CREDENTIALS_GIVEN = 1 << 25,
    NO_SESSION = 1 << 26,
    COMPLETED = OPEN | HOLDING | SHUT | PEER_CLOSED | PEER_CLOSED_12 | BOTH_CLOSED | CUT | CUT_HOLDING | FAILED_OPEN,
    ALWAYS = (1 << 27) - 1,
};

/* Short for the bits of tls_session_state(). */
enum {
    DONE = SPANTLS_STATE_HANDSHAKE_COMPLETE,
    OWES = SPANTLS_STATE_HAS_PENDING_OUTPUT,
    HOLDS = SPANTLS_STATE_HAS_PENDING_PLAINTEXT,
    SUSPENDED = SPANTLS_STATE_SUSPENDED,
    CLOSED = SPANTLS_STATE_PEER_CLOSED,
    SHUT_DOWN = SPANTLS_STATE_SHUTDOWN_SENT,
    BROKEN = SPANTLS_STATE_FAILED,
    ASKED_CLIENT = SPANTLS_STATE_CERTIFICATE_ASKED,
};

typedef struct state state_t;

/* A session in a state, and its peer. */
typedef struct {
    const state_t *state;
    pair_t pair;
    side_t *self;
    side_t *peer;
} scene_t;

typedef void act_t(scene_t *scene);

struct state {
    int group;
    int side;
    uint32_t protocol;
    int32_t asked;
    const char *sentence;
    act_t *make;
    act_t *story;
    tls_status_t sticky;
    uint32_t bits;
};

static const char a_message[] = "to be read";

static void be_new(scene_t *scene) {
    if (scene->state->side == SERVER) {
        run_side(scene->peer, scene->self);
    }
}

/* One call of process_handshake with the whole inbox and this much room. */
static tls_status_t call_with_room(scene_t *scene, size_t room) {
    const size_t usual_room = scene->self->handshake_room;
    scene->self->handshake_room = room;
    scene->self->shown = scene->self->inbox.len;
    const tls_status_t status = call_handshake(scene->self, scene->peer);
    scene->self->handshake_room = usual_room;
    return status;
}

static void begin_handshake(scene_t *scene) {
    EXPECT_STATUS(call_with_room(scene, ROOM), TLS_STATUS_WANT_READ);
}

static void owe_first_flight(scene_t *scene) {
    be_new(scene);
    EXPECT_STATUS(call_with_room(scene, scene->state->side == SERVER ? 10 : 0), TLS_STATUS_WANT_WRITE);
}

static void wait_for_flight(scene_t *scene) {
    run_side(&scene->pair.client, &scene->pair.server);
    run_side(&scene->pair.server, &scene->pair.client);
    if (scene->state->side == SERVER) {
        run_side(&scene->pair.client, &scene->pair.server);
    }
    EXPECT(scene->self->inbox.len > 0);
}

static void wait_for_last_flight(scene_t *scene) {
    wait_for_flight(scene);
    run_side(scene->self, scene->peer);
    run_side(scene->peer, scene->self);
    EXPECT(scene->self->inbox.len > 0);
}

/* Contexts for all scenes, made when they are first needed. */
static tls_context_t *scene_contexts[2][2][3];
static tls_context_t *undecided_context;
static tls_context_t *foreign_key_contexts[2];

static tls_context_t *scene_context(const state_t *state, int side) {
    tls_context_t **context = &scene_contexts[side][state->protocol == SPANTLS_PROTOCOL_TLS13][state->asked];
    if (*context == NULL) {
        setup_t setup = {.anchors = "ca", .protocols = state->protocol, .alpn = {"h2"}};
        if (side == SERVER) {
            setup.credentials = "server-p256";
            setup.client_certificates = state->asked;
        } else if (state->asked == SPANTLS_CLIENT_CERTIFICATE_REQUIRE) {
            setup.credentials = "client-p256";
        }
        *context = make_context(side == SERVER, &setup);
    }
    return *context;
}

/* A context whose key is nowhere. */
static tls_context_t *foreign_key_context(int side) {
    static const uint16_t scheme = SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256;
    tls_context_t **context = &foreign_key_contexts[side];
    if (*context == NULL) {
        setup_t setup = {.anchors = "ca"};
        tls_options_t *options = make_options(&setup);
        tls_credentials_t *credentials = NULL;
        bytes_t chain = read_file(side == SERVER ? "server-p256.pem" : "client-p256.pem");
        EXPECT_STATUS(tls_credentials_create_external(text_of(&chain), chain.len, &scheme, 1, &credentials),
                      TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_options_set_credentials(options, credentials), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(side == SERVER ? tls_context_create_server(options, context)
                                     : tls_context_create_client(options, context),
                      TLS_STATUS_COMPLETE);
        bytes_free(&chain);
        tls_credentials_destroy(credentials);
        tls_options_destroy(options);
    }
    return *context;
}

static void destroy_scene_contexts(void) {
    tls_context_t **context = &scene_contexts[0][0][0];
    for (size_t i = 0; i < sizeof scene_contexts / sizeof *context; i++) {
        tls_context_destroy(context[i]);
    }
    tls_context_destroy(undecided_context);
    tls_context_destroy(foreign_key_contexts[CLIENT]);
    tls_context_destroy(foreign_key_contexts[SERVER]);
}

/* A new session on another context than the scene's. */
static void change_context(scene_t *scene, tls_context_t *context) {
    tls_session_destroy(scene->self->session);
    EXPECT_STATUS(tls_session_create(context, &scene->self->session), TLS_STATUS_COMPLETE);
}

static void ask_for_context(scene_t *scene) {
    if (undecided_context == NULL) {
        EXPECT_STATUS(tls_context_create_server(NULL, &undecided_context), TLS_STATUS_COMPLETE);
    }
    change_context(scene, undecided_context);
    be_new(scene);
    EXPECT_STATUS(call_with_room(scene, ROOM), TLS_STATUS_NEEDS_SERVER_OPTIONS);
}

static void choose_context(scene_t *scene) {
    ask_for_context(scene);
    EXPECT_STATUS(tls_session_set_server_context(scene->self->session, scene_context(scene->state, SERVER)),
                  TLS_STATUS_COMPLETE);
    resume(scene->self);
}

static void ask_for_credentials(scene_t *scene) {
    wait_for_flight(scene);
    EXPECT_STATUS(call_with_room(scene, ROOM), TLS_STATUS_WANT_CREDENTIALS);
}

static void give_credentials(scene_t *scene) {
    ask_for_credentials(scene);
    tls_credentials_t *credentials = make_credentials("client-p256");
    EXPECT_STATUS(tls_session_set_client_credentials(scene->self->session, credentials), TLS_STATUS_COMPLETE);
    tls_credentials_destroy(credentials);
    resume(scene->self);
}

static void ask_for_signature(scene_t *scene) {
    change_context(scene, foreign_key_context(scene->state->side));
    run_handshake(&scene->pair);
    EXPECT_STATUS(scene->self->status, TLS_STATUS_NEEDS_SIGNATURE);
}

static void refuse_question(scene_t *scene) {
    EXPECT_STATUS(tls_session_reject(scene->self->session, SPANTLS_ALERT_ACCESS_DENIED), TLS_STATUS_COMPLETE);
    resume(scene->self);
}

static void refuse_context(scene_t *scene) {
    ask_for_context(scene);
    refuse_question(scene);
}

static void refuse_credentials(scene_t *scene) {
    ask_for_credentials(scene);
    refuse_question(scene);
}

static void refuse_signature(scene_t *scene) {
    ask_for_signature(scene);
    refuse_question(scene);
}

static void ask(scene_t *scene) {
    scene->self->judge = JUDGE_STOP;
    run_handshake(&scene->pair);
    EXPECT_STATUS(scene->self->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
}

static void ask_at_the_end(scene_t *scene) {
    ask(scene);
    EXPECT_STATUS(tls_session_end_of_input(scene->self->session), TLS_STATUS_COMPLETE);
}

static void accept_peer(scene_t *scene) {
    ask(scene);
    EXPECT_STATUS(tls_session_set_certificate_validation_result(scene->self->session, 0), TLS_STATUS_COMPLETE);
    resume(scene->self);
}

static void refuse_peer(scene_t *scene) {
    ask(scene);
    refuse_question(scene);
}

static void owe_last_flight(scene_t *scene) {
    if (scene->state->side == SERVER) {
        wait_for_flight(scene);
    } else {
        accept_peer(scene);
    }
    EXPECT_STATUS(call_with_room(scene, 1), TLS_STATUS_WANT_WRITE);
}

static void complete(scene_t *scene) {
    if (!run_handshake(&scene->pair)) {
        give_up("the handshake before the test failed");
    }
}

static void be_open(scene_t *scene) {
    complete(scene);
    EXPECT_STATUS(send_data(scene->peer, scene->self, a_message, sizeof a_message), TLS_STATUS_COMPLETE);
}

static tls_status_t decrypt_with_room(scene_t *scene, size_t room) {
    scene->self->shown = scene->self->inbox.len;
    return call_decrypt(scene->self, room);
}

static void hold_plaintext(scene_t *scene) {
    be_open(scene);
    EXPECT_STATUS(decrypt_with_room(scene, 3), TLS_STATUS_WANT_WRITE);
}

static void shut_down(scene_t *scene) {
    be_open(scene);
    EXPECT_STATUS(send_close(scene->self, scene->peer), TLS_STATUS_CLOSED);
}

static void shut_down_without_room(scene_t *scene) {
    size_t written = 77;
    EXPECT_STATUS(tls_session_shutdown(scene->self->session, NULL, 0, &written), TLS_STATUS_WANT_WRITE);
    EXPECT_NUMBER(written, 0);
}

static void owe_close(scene_t *scene) {
    be_open(scene);
    shut_down_without_room(scene);
}

static void see_close(scene_t *scene) {
    complete(scene);
    EXPECT_STATUS(send_close(scene->peer, scene->self), TLS_STATUS_CLOSED);
    EXPECT_STATUS(receive(scene->self), TLS_STATUS_CLOSED);
}

static void close_both(scene_t *scene) {
    see_close(scene);
    EXPECT_STATUS(send_close(scene->self, scene->peer), TLS_STATUS_CLOSED);
}

static void be_cut(scene_t *scene) {
    complete(scene);
    EXPECT_STATUS(tls_session_end_of_input(scene->self->session), TLS_STATUS_TRUNCATED);
}

static void be_cut_holding(scene_t *scene) {
    hold_plaintext(scene);
    EXPECT_STATUS(tls_session_end_of_input(scene->self->session), TLS_STATUS_TRUNCATED);
}

static void put_garbage(side_t *side) {
    static const char garbage[] = "GET / HTTP/1.1\r\n";
    bytes_append(&side->inbox, garbage, sizeof garbage);
}

static void meet_garbage(scene_t *scene) {
    begin_handshake(scene);
    put_garbage(scene->self);
    EXPECT_STATUS(call_with_room(scene, 0), TLS_STATUS_PROTOCOL_ERROR);
}

static void meet_garbage_and_say_so(scene_t *scene) {
    meet_garbage(scene);
    drain_to(scene->self, scene->peer, ROOM);
}

static void be_refused(scene_t *scene) {
    if (scene->state->side == SERVER) {
        scene->peer->judge = JUDGE_REJECT;
        scene->peer->alert = SPANTLS_ALERT_ACCESS_DENIED;
    } else {
        put_garbage(scene->peer);
    }
    run_handshake(&scene->pair);
    EXPECT_STATUS(scene->self->status, TLS_STATUS_PEER_ALERT);
}

static void refuse_and_say_so(scene_t *scene) {
    scene->self->judge = JUDGE_REJECT;
    scene->self->alert = SPANTLS_ALERT_ACCESS_DENIED;
    run_handshake(&scene->pair);
    EXPECT_STATUS(scene->self->status, TLS_STATUS_AUTHENTICATION_FAILED);
}

static void owe_refusal(scene_t *scene) {
    refuse_peer(scene);
    EXPECT_STATUS(call_with_room(scene, 0), TLS_STATUS_WANT_WRITE);
}

static void be_cut_in_handshake(scene_t *scene) {
    begin_handshake(scene);
    EXPECT_STATUS(tls_session_end_of_input(scene->self->session), TLS_STATUS_TRUNCATED);
}

static void be_cancelled(scene_t *scene) {
    begin_handshake(scene);
    call_handshake(scene->peer, scene->self);
    EXPECT_STATUS(send_close(scene->peer, scene->self), TLS_STATUS_CLOSED);
    EXPECT_STATUS(call_with_room(scene, ROOM), TLS_STATUS_PEER_ALERT);
}

static void meet_bad_record(scene_t *scene) {
    be_open(scene);
    scene->self->inbox.data[scene->self->inbox.len - 1] ^= 1;
    EXPECT_STATUS(decrypt_with_room(scene, ROOM), TLS_STATUS_PROTOCOL_ERROR);
}

static void meet_bad_record_and_say_so(scene_t *scene) {
    meet_bad_record(scene);
    drain_to(scene->self, scene->peer, ROOM);
}

static void meet_alert(scene_t *scene) {
    complete(scene);
    EXPECT_STATUS(send_data(scene->self, scene->peer, a_message, sizeof a_message), TLS_STATUS_COMPLETE);
    scene->peer->inbox.data[scene->peer->inbox.len - 1] ^= 1;
    EXPECT_STATUS(receive(scene->peer), TLS_STATUS_PROTOCOL_ERROR);
    drain_to(scene->peer, scene->self, ROOM);
    EXPECT_STATUS(receive(scene->self), TLS_STATUS_PEER_ALERT);
}

static void cancel(scene_t *scene) {
    EXPECT_STATUS(send_close(scene->self, scene->peer), TLS_STATUS_CLOSED);
}

static void begin_and_cancel(scene_t *scene) {
    begin_handshake(scene);
    cancel(scene);
}

static void owe_cancellation(scene_t *scene) {
    begin_handshake(scene);
    shut_down_without_room(scene);
}

static void ask_and_cancel(scene_t *scene) {
    ask(scene);
    cancel(scene);
}

/* --- Stories ---------------------------------------------------------------------------------------------------- */

/* One message from `from` arrives. */
static void say(side_t *from, side_t *to) {
    bytes_drop(&to->plaintext, to->plaintext.len);
    EXPECT_STATUS(send_data(from, to, "ping", 4), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(to), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(to->plaintext.data, to->plaintext.len, "ping", 4);
}

/* Data both ways, and an orderly end. */
static void chat(scene_t *scene) {
    say(scene->self, scene->peer);
    say(scene->peer, scene->self);
    EXPECT_STATUS(send_close(scene->self, scene->peer), TLS_STATUS_CLOSED);
    EXPECT_STATUS(receive(scene->peer), TLS_STATUS_CLOSED);
    EXPECT_STATUS(send_close(scene->peer, scene->self), TLS_STATUS_CLOSED);
    EXPECT_STATUS(receive(scene->self), TLS_STATUS_CLOSED);
}

/* Answers, if the state is one that asks, and runs the handshake. */
static void go_on(scene_t *scene) {
    tls_session_t *session = scene->self->session;
    if (scene->state->group == ASKING) {
        EXPECT_STATUS(tls_session_set_certificate_validation_result(session, 0), TLS_STATUS_COMPLETE);
    } else if (scene->state->group == ASKING_CONTEXT) {
        EXPECT_STATUS(tls_session_set_server_context(session, scene_context(scene->state, SERVER)),
                      TLS_STATUS_COMPLETE);
    } else if (scene->state->group == ASKING_CREDENTIALS) {
        EXPECT_STATUS(tls_session_set_client_credentials(session, NULL), TLS_STATUS_COMPLETE);
    }
    scene->self->judge = JUDGE_ACCEPT;
    resume(scene->self);
    run_handshake(&scene->pair);
}

static void completes(scene_t *scene) {
    go_on(scene);
    if (EXPECT_STATUS(scene->self->status, TLS_STATUS_COMPLETE) &&
        EXPECT_STATUS(scene->peer->status, TLS_STATUS_COMPLETE)) {
        chat(scene);
    }
}

static void completes_cut(scene_t *scene) {
    go_on(scene);
    if (EXPECT_STATUS(scene->self->status, TLS_STATUS_COMPLETE) &&
        EXPECT_STATUS(scene->peer->status, TLS_STATUS_COMPLETE)) {
        say(scene->self, scene->peer);
        EXPECT_STATUS(receive(scene->self), TLS_STATUS_TRUNCATED);
    }
}

static void fails_cut(scene_t *scene) {
    go_on(scene);
    EXPECT_STATUS(scene->self->status, TLS_STATUS_TRUNCATED);
}

static void ends_with(scene_t *scene, uint8_t alert) {
    const bool peer_is_complete = scene->peer->was_complete;
    run_handshake(&scene->pair);
    EXPECT_STATUS(scene->self->status, TLS_STATUS_AUTHENTICATION_FAILED);
    EXPECT_NUMBER(error_of(scene->self->session).alert_sent, alert);
    EXPECT_STATUS(peer_is_complete ? receive(scene->peer) : scene->peer->status, TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error_of(scene->peer->session).alert_received, alert);
}

static void refuses(scene_t *scene) {
    ends_with(scene, SPANTLS_ALERT_ACCESS_DENIED);
}

static void cannot_sign(scene_t *scene) {
    EXPECT_STATUS(tls_session_set_signature(scene->self->session, NULL, 0), TLS_STATUS_COMPLETE);
    resume(scene->self);
    ends_with(scene, SPANTLS_ALERT_INTERNAL_ERROR);
}

/* What the peer has sent before is still delivered; this is the status that ends it. */
static void hear(scene_t *scene, tls_status_t end) {
    EXPECT_STATUS(receive(scene->self), end);
    EXPECT_BYTES(scene->self->plaintext.data, scene->self->plaintext.len, a_message, sizeof a_message);
}

static void talks(scene_t *scene) {
    hear(scene, TLS_STATUS_WANT_READ);
    chat(scene);
}

static void listens(scene_t *scene) {
    drain_to(scene->self, scene->peer, ROOM);
    hear(scene, TLS_STATUS_WANT_READ);
    EXPECT_STATUS(receive(scene->peer), TLS_STATUS_CLOSED);
}

static void speaks(scene_t *scene) {
    say(scene->self, scene->peer);
    if (scene->state->group == CUT_HOLDING) {
        hear(scene, TLS_STATUS_TRUNCATED);
    }
}

static void is_over(scene_t *scene) {
    drain_to(scene->self, scene->peer, ROOM);
    EXPECT_STATUS(call_handshake(scene->self, scene->peer), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(scene->self), TLS_STATUS_CLOSED);
    EXPECT_STATUS(receive(scene->peer), TLS_STATUS_CLOSED);
}

static void fails(scene_t *scene) {
    const tls_status_t sticky = scene->state->sticky;
    EXPECT_STATUS(call_with_room(scene, ROOM), sticky);
    drain_to(scene->self, scene->peer, ROOM);
    EXPECT_STATUS(decrypt_with_room(scene, ROOM), sticky);
    EXPECT_STATUS(error_of(scene->self->session).status, sticky);
}

static void is_cancelled(scene_t *scene) {
    drain_to(scene->self, scene->peer, ROOM);
    EXPECT_STATUS(call_handshake(scene->self, scene->peer), TLS_STATUS_CLOSED);
}

#define STATE(group, side, version, asked, sentence, make, story, sticky, bits)                                     \
    {group, side, SPANTLS_PROTOCOL_TLS##version, SPANTLS_CLIENT_CERTIFICATE_##asked, sentence, make, story, sticky, bits},
static const state_t states[] = {
#include "calls.def"
};

static void scene_open(scene_t *scene, const state_t *state) {
    scene->state = state;
    scene->pair = pair_on(scene_context(state, CLIENT), scene_context(state, SERVER));
    scene->self = state->side == SERVER ? &scene->pair.server : &scene->pair.client;
    scene->peer = state->side == SERVER ? &scene->pair.client : &scene->pair.server;
    scene->self->judge = scene->peer->judge = JUDGE_ACCEPT;
    state->make(scene);
    EXPECT_NUMBER(tls_session_state(scene->self->session), state->bits);
    EXPECT_NUMBER(tls_session_has_pending_output(scene->self->session), (state->bits & OWES) != 0);
}

#endif

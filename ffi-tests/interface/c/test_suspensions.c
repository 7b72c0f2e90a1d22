/*
 * Every question of a handshake, and everything that a host can do about it: answer now, late, wrongly, from another
 * thread, refuse, shut down, destroy the session, or lose its peer meanwhile.
 *
 * All questions come up in each handshake here: the server chooses its context by the ClientHello, both keys are
 * external, the client is asked for credentials, and both sides judge. All but one are answered at once; that one is
 * what a test is about.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "sign.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- Questions -------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    tls_status_t status;
    bool of_server;
    bool of_nobody; /* the client shows no certificate */
} question_t;

enum { SERVER_CONTEXT, SERVER_SIGNATURE, CLIENT_CREDENTIALS, CLIENT_VERDICT, CLIENT_SIGNATURE, SERVER_VERDICT, NOBODY };

/* In the order in which they come. */
static const question_t questions[] = {
    [SERVER_CONTEXT] = {"a server that chooses its context", TLS_STATUS_NEEDS_SERVER_OPTIONS, true, false},
    [SERVER_SIGNATURE] = {"a server that has to sign", TLS_STATUS_NEEDS_SIGNATURE, true, false},
    [CLIENT_CREDENTIALS] = {"a client asked for credentials", TLS_STATUS_WANT_CREDENTIALS, false, false},
    [CLIENT_VERDICT] = {"a client that judges", TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, false, false},
    [CLIENT_SIGNATURE] = {"a client that has to sign", TLS_STATUS_NEEDS_SIGNATURE, false, false},
    [SERVER_VERDICT] = {"a server that judges", TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, true, false},
    [NOBODY] = {"a server that judges a client without a certificate", TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, true,
                true},
};

static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};

static const char *version_name(uint32_t protocol) {
    return protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3";
}

/* --- Scenes ----------------------------------------------------------------------------------------------------- */

/* What all scenes share. */
static struct {
    tls_context_t *client[2]; /* as `protocols` */
    tls_context_t *undecided;
    tls_context_t *requiring; /* server contexts, by what they want of the client */
    tls_context_t *requesting;
    tls_credentials_t *client_credentials;
} props;

static void open_props(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        setup_t client = {.anchors = "ca", .protocols = protocols[p]};
        props.client[p] = make_context(false, &client);
    }
    setup_t server = {.anchors = "ca", .credentials = "server-p256",
        .schemes = {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256}};
    server.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
    props.requiring = make_context(true, &server);
    server.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUEST;
    props.requesting = make_context(true, &server);
    props.undecided = make_undecided();
    static const uint16_t schemes[4] = {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256};
    props.client_credentials = make_external("client-p256", schemes);
}

static void close_props(void) {
    tls_context_destroy(props.client[0]);
    tls_context_destroy(props.client[1]);
    tls_context_destroy(props.undecided);
    tls_context_destroy(props.requiring);
    tls_context_destroy(props.requesting);
    tls_credentials_destroy(props.client_credentials);
}

/* A handshake, and the question that it is about. */
typedef struct {
    pair_t pair;
    const question_t *question;
    uint32_t protocol;
    side_t *asked;
    side_t *other;
} scene_t;

static void scene_open(scene_t *scene, const question_t *question, size_t protocol) {
    scene->pair = pair_on(props.client[protocol], props.undecided);
    scene->question = question;
    scene->protocol = protocols[protocol];
    side_t *client = &scene->pair.client;
    side_t *server = &scene->pair.server;
    client->judge = JUDGE_ACCEPT;
    client->shows = question->of_nobody ? NULL : props.client_credentials;
    client->sign = sign_with;
    client->key = "client-p256";
    server->judge = JUDGE_ACCEPT;
    server->context = question->of_nobody ? props.requesting : props.requiring;
    server->sign = sign_with;
    server->key = "server-p256";
    scene->asked = question->of_server ? server : client;
    scene->other = question->of_server ? client : server;
    scene->asked->stop_at = question->status;
}

/* Whether the question holds a stack while it lasts: a ClientHello does not, nor what is held back. */
static bool holds_a_stack(const question_t *question) {
    return question->status != TLS_STATUS_NEEDS_SERVER_OPTIONS && !question->of_nobody;
}

/* The session is asked, and waits. */
static bool expect_asked(const scene_t *scene) {
    EXPECT(tls_session_state(scene->asked->session) & SPANTLS_STATE_SUSPENDED);
    EXPECT_NUMBER(suspended_handshakes(), holds_a_stack(scene->question) ? 1 : 0);
    EXPECT(!scene->asked->was_complete);
    return EXPECT_STATUS(scene->asked->status, scene->question->status);
}

/* Opens a scene and runs it until the question is asked. */
static bool scene_ask(scene_t *scene, const question_t *question, size_t protocol) {
    scene_open(scene, question, protocol);
    run_handshake(&scene->pair);
    return expect_asked(scene);
}

static void scene_close(scene_t *scene) {
    pair_close(&scene->pair);
    EXPECT_NUMBER(suspended_handshakes(), 0);
}

/* A client of TLS 1.3 has sent everything before the server judges it: it learns of the verdict while decrypting. */
static bool other_is_through(const scene_t *scene) {
    return scene->question->of_server && scene->question->status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION &&
           scene->protocol == SPANTLS_PROTOCOL_TLS13;
}

static void expect_a_word(side_t *from, side_t *to, const char *word) {
    bytes_drop(&to->plaintext, to->plaintext.len);
    EXPECT_STATUS(send_data(from, to, word, strlen(word)), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(receive(to), TLS_STATUS_WANT_READ);
    EXPECT_BYTES(to->plaintext.data, to->plaintext.len, word, strlen(word));
}

/* The handshake goes on to its end, and the session is good. */
static void expect_completes(scene_t *scene) {
    EXPECT(run_handshake(&scene->pair));
    EXPECT_NUMBER(suspended_handshakes(), 0);
    if (EXPECT(scene->pair.client.was_complete && scene->pair.server.was_complete)) {
        expect_a_word(&scene->pair.client, &scene->pair.server, "question");
        expect_a_word(&scene->pair.server, &scene->pair.client, "answer");
    }
}

/* The side has failed and told its peer with this alert; no application byte has passed. */
static void expect_failed(side_t *failed, tls_status_t status, side_t *told, int alert) {
    EXPECT_STATUS(failed->status, status);
    EXPECT(!failed->was_complete);
    EXPECT_NUMBER(suspended_handshakes(), 0);
    spantls_error_t error = error_of(failed->session);
    EXPECT_STATUS(error.status, status);
    EXPECT_NUMBER(error.alert_sent, alert);
    EXPECT_NUMBER(error.alert_received, -1);

    /* Sticky, and nothing more comes out. */
    size_t sent = told->inbox.len;
    EXPECT_STATUS(call_handshake(failed, told), status);
    EXPECT_STATUS(call_decrypt(failed, 1000), status);
    EXPECT_NUMBER(told->inbox.len, sent);

    if (told->was_complete) {
        EXPECT_STATUS(receive(told), TLS_STATUS_PEER_ALERT);
    } else {
        EXPECT_STATUS(told->status, TLS_STATUS_PEER_ALERT);
    }
    EXPECT_NUMBER(told->plaintext.len, 0);
    EXPECT_NUMBER(failed->plaintext.len, 0);
    error = error_of(told->session);
    EXPECT_STATUS(error.status, TLS_STATUS_PEER_ALERT);
    EXPECT_NUMBER(error.alert_received, alert);
    EXPECT_NUMBER(error.alert_sent, -1);
}

/* --- Answered --------------------------------------------------------------------------------------------------- */

static void answered(const question_t *question, size_t protocol) {
    scene_t scene;
    const char *version = version_name(protocols[protocol]);

    test("%s, %s: answered at once, the handshake completes", version, question->name);
    scene_ask(&scene, question, protocol);
    answer_question(scene.asked, scene.other);
    expect_completes(&scene);
    scene_close(&scene);

    test("%s, %s: with 1 byte of room and of input at a time", version, question->name);
    scene_open(&scene, question, protocol);
    scene.asked->handshake_room = 1;
    scene.asked->chunk = 1;
    run_handshake(&scene.pair);
    expect_asked(&scene);
    answer_question(scene.asked, scene.other);
    expect_completes(&scene);
    scene_close(&scene);

    test("%s, %s: asks again and again until then, whatever is shown, and takes nothing", version, question->name);
    scene_ask(&scene, question, protocol);
    static const uint8_t more[] = {23, 3, 3, 0, 4, 'm', 'o', 'r', 'e', 23, 3};
    const size_t before = scene.asked->inbox.len;
    const size_t told = scene.other->inbox.len;
    for (size_t shown = 0; shown <= before + sizeof more; shown++) {
        size_t consumed = 77;
        size_t written = 77;
        uint8_t output[100];
        if (shown == before) {
            bytes_append(&scene.asked->inbox, more, sizeof more);
        }
        EXPECT_STATUS(tls_session_handshake(scene.asked->session, scene.asked->inbox.data, shown, output,
                                                    shown % 3 == 0 ? 0 : sizeof output, &consumed, &written),
                      question->status);
        EXPECT_NUMBER(consumed, 0);
        EXPECT_NUMBER(written, 0);
    }
    scene.asked->inbox.len = before;
    scene.asked->shown = before;
    EXPECT_NUMBER(scene.other->inbox.len, told);
    expect_asked(&scene);
    answer_question(scene.asked, scene.other);
    expect_completes(&scene);
    scene_close(&scene);
}

/* What lies behind the record that led to the question stays, and the handshake is the same with and without it. */
static void bytes_behind(const question_t *question, size_t protocol) {
    static const uint8_t behind[] = {23, 3, 3, 0, 40, 'n', 'o', 't', ' ', 'y', 'e', 't', 22, 3, 3, 0, 0};
    scene_t scene;
    test("%s, %s: what lies behind is not consumed", version_name(protocols[protocol]), question->name);
    scene_open(&scene, question, protocol);
    /* Turn by turn, with a tail behind whatever the one that will be asked has received. */
    for (int rounds = 0; rounds < 4 && scene.asked->status != question->status; rounds++) {
        run_side(scene.other, scene.asked);
        if (scene.asked->inbox.len == 0) {
            run_side(scene.asked, scene.other); /* the client begins */
            continue;
        }
        const size_t received = scene.asked->inbox.len;
        const size_t first = record_len(scene.asked->inbox.data, received);
        bytes_append(&scene.asked->inbox, behind, sizeof behind);
        scene.asked->shown = scene.asked->inbox.len;
        run_side(scene.asked, scene.other);
        if (scene.asked->status != question->status) {
            /* It was another flight, or the question came before it and is answered: the tail has to go. */
            EXPECT(scene.asked->inbox.len >= sizeof behind);
            scene.asked->inbox.len -= sizeof behind;
            scene.asked->shown = scene.asked->inbox.len;
            continue;
        }
        const size_t left = scene.asked->inbox.len;
        if (EXPECT(left >= sizeof behind)) {
            EXPECT(memcmp(scene.asked->inbox.data + left - sizeof behind, behind, sizeof behind) == 0);
        }
        if (question->status == TLS_STATUS_NEEDS_SERVER_OPTIONS) {
            EXPECT_NUMBER(left, received + sizeof behind);
        } else if (question == &questions[SERVER_SIGNATURE]) {
            EXPECT_NUMBER(first, received);
            EXPECT_NUMBER(left, sizeof behind);
        } else {
            EXPECT(left < received + sizeof behind);
            EXPECT(count_records(scene.asked->inbox.data, left - sizeof behind) >= 0);
        }
        scene.asked->inbox.len -= sizeof behind;
        scene.asked->shown = scene.asked->inbox.len;
    }
    expect_asked(&scene);
    answer_question(scene.asked, scene.other);
    expect_completes(&scene);
    scene_close(&scene);
}

/* --- Refused ---------------------------------------------------------------------------------------------------- */

static void refused(const question_t *question, size_t protocol) {
    static const uint8_t alerts[] = {SPANTLS_ALERT_UNRECOGNIZED_NAME, SPANTLS_ALERT_ACCESS_DENIED,
                                     SPANTLS_ALERT_HANDSHAKE_FAILURE, SPANTLS_ALERT_INTERNAL_ERROR, 200};
    static const size_t rooms[] = {0, 1, 6};
    static const uint8_t closures[] = {SPANTLS_ALERT_CLOSE_NOTIFY, SPANTLS_ALERT_USER_CANCELED,
                                       SPANTLS_ALERT_NO_RENEGOTIATION};
    scene_t scene;
    const char *version = version_name(protocols[protocol]);
    for (size_t a = 0; a < COUNT(alerts); a++) {
        test("%s, %s: refuses with alert %d, and its peer hears just that", version, question->name, alerts[a]);
        scene_ask(&scene, question, protocol);
        EXPECT_STATUS(tls_session_reject(scene.asked->session, alerts[a]), TLS_STATUS_COMPLETE);
        resume(scene.asked);
        EXPECT(!run_handshake(&scene.pair));
        EXPECT(scene.other->was_complete == other_is_through(&scene));
        expect_failed(scene.asked, TLS_STATUS_AUTHENTICATION_FAILED, scene.other, alerts[a]);
        scene_close(&scene);
    }
    for (size_t r = 0; r < COUNT(rooms); r++) {
        test("%s, %s: refuses with %zu bytes of room", version, question->name, rooms[r]);
        scene_ask(&scene, question, protocol);
        scene.asked->handshake_room = rooms[r];
        EXPECT_STATUS(tls_session_reject(scene.asked->session, 49), TLS_STATUS_COMPLETE);
        resume(scene.asked);
        EXPECT(!run_handshake(&scene.pair));
        expect_failed(scene.asked, TLS_STATUS_AUTHENTICATION_FAILED, scene.other, 49);
        scene_close(&scene);
    }

    test("%s, %s: does not refuse with what ends nothing", version, question->name);
    scene_ask(&scene, question, protocol);
    for (size_t i = 0; i < COUNT(closures); i++) {
        EXPECT_STATUS(tls_session_reject(scene.asked->session, closures[i]), TLS_STATUS_INVALID_ARGUMENT);
        expect_asked(&scene);
    }
    answer_question(scene.asked, scene.other);
    expect_completes(&scene);
    scene_close(&scene);
}

/* An answer that says no, by the function that would say yes. */
static void answered_with_no(const question_t *question, size_t protocol) {
    const uint32_t version = protocols[protocol];
    const int no_certificate =
        version == SPANTLS_PROTOCOL_TLS12 ? SPANTLS_ALERT_HANDSHAKE_FAILURE : SPANTLS_ALERT_CERTIFICATE_REQUIRED;
    scene_t scene;
    if (question->status == TLS_STATUS_NEEDS_SERVER_OPTIONS) {
        return;
    }
    test("%s, %s: answers with no", version_name(version), question->name);
    scene_ask(&scene, question, protocol);
    tls_session_t *session = scene.asked->session;
    side_t *failed = scene.asked;
    side_t *told = scene.other;
    int alert = -1;
    switch (question->status) {
        case TLS_STATUS_WANT_CREDENTIALS:
            /* The server requires some. */
            EXPECT_STATUS(tls_session_set_client_credentials(session, NULL), TLS_STATUS_COMPLETE);
            failed = scene.other;
            told = scene.asked;
            alert = no_certificate;
            break;
        case TLS_STATUS_NEEDS_SIGNATURE:
            EXPECT_STATUS(tls_session_set_signature(session, NULL, 0), TLS_STATUS_COMPLETE);
            alert = SPANTLS_ALERT_INTERNAL_ERROR;
            break;
        default:
            EXPECT_STATUS(tls_session_set_certificate_validation_result(
                              session, question->of_nobody ? SPANTLS_POLICY_ERROR_NOT_AVAILABLE
                                                           : SPANTLS_POLICY_ERROR_CHAIN_ERRORS),
                          TLS_STATUS_AUTHENTICATION_FAILED);
            alert = question->of_nobody ? no_certificate : SPANTLS_ALERT_UNKNOWN_CA;
    }
    resume(scene.asked);
    EXPECT(!run_handshake(&scene.pair));
    expect_failed(failed, TLS_STATUS_AUTHENTICATION_FAILED, told, alert);
    scene_close(&scene);
}

/* --- Abandoned -------------------------------------------------------------------------------------------------- */

static void expect_no_answer_taken(tls_session_t *session, tls_status_t but);

static void shut_down(const question_t *question, size_t protocol) {
    scene_t scene;
    for (int late = 0; late < 2; late++) {
        test("%s, %s: shuts down %s", version_name(protocols[protocol]), question->name,
             late ? "when it has answered" : "instead of answering");
        scene_ask(&scene, question, protocol);
        if (late) {
            answer_question(scene.asked, scene.other);
        }
        EXPECT_STATUS(send_close(scene.asked, scene.other), TLS_STATUS_CLOSED);
        EXPECT_NUMBER(suspended_handshakes(), 0);
        expect_no_answer_taken(scene.asked->session, TLS_STATUS_COMPLETE);
        EXPECT_STATUS(call_handshake(scene.asked, scene.other), TLS_STATUS_CLOSED);
        EXPECT(tls_session_state(scene.asked->session) & SPANTLS_STATE_SHUTDOWN_SENT);
        EXPECT(!run_handshake(&scene.pair));
        EXPECT(scene.other->was_complete == other_is_through(&scene));
        if (scene.other->was_complete) {
            EXPECT_STATUS(receive(scene.other), TLS_STATUS_CLOSED);
        } else {
            EXPECT_STATUS(scene.other->status, TLS_STATUS_PEER_ALERT);
            EXPECT_NUMBER(error_of(scene.other->session).alert_received, SPANTLS_ALERT_CLOSE_NOTIFY);
        }
        EXPECT_NUMBER(scene.other->plaintext.len, 0);
        scene_close(&scene);
    }
}

static void destroyed(const question_t *question, size_t protocol) {
    scene_t scene;
    const char *version = version_name(protocols[protocol]);
    test("%s, %s: is destroyed while it waits", version, question->name);
    scene_ask(&scene, question, protocol);
    scene_close(&scene);

    test("%s, %s: is destroyed between its answer and the next call", version, question->name);
    scene_ask(&scene, question, protocol);
    answer_question(scene.asked, scene.other);
    scene_close(&scene);
    scene_ask(&scene, question, protocol);
    EXPECT_STATUS(tls_session_reject(scene.asked->session, 49), TLS_STATUS_COMPLETE);
    scene_close(&scene);

    test("%s, %s: its peer is destroyed while it waits", version, question->name);
    scene_ask(&scene, question, protocol);
    side_close(scene.other);
    expect_asked(&scene);
    side_close(scene.asked);
    EXPECT_NUMBER(suspended_handshakes(), 0);
}

/* The transport ends while the host thinks. What has arrived counts still; what is missing is missing. */
static void peer_gone(const question_t *question, size_t protocol) {
    scene_t scene;
    /* A server that judges has its client's last word, and so has a TLS 1.3 client whatever it is asked. */
    const bool has_all = question->of_server ? question->status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION
                                             : protocols[protocol] == SPANTLS_PROTOCOL_TLS13;
    test("%s, %s: learns that its peer is gone, answers, and %s", version_name(protocols[protocol]), question->name,
         has_all ? "completes with what it has" : "fails when it needs more");
    scene_ask(&scene, question, protocol);
    for (int i = 0; i < 2; i++) {
        EXPECT_STATUS(tls_session_end_of_input(scene.asked->session), TLS_STATUS_COMPLETE);
        expect_asked(&scene);
        EXPECT_STATUS(call_handshake(scene.asked, scene.other), question->status);
    }
    answer_question(scene.asked, scene.other);
    EXPECT_STATUS(tls_session_end_of_input(scene.asked->session), TLS_STATUS_COMPLETE);
    scene.asked->stop_at = 0;
    run_side(scene.asked, scene.other);
    EXPECT_NUMBER(suspended_handshakes(), 0);
    if (has_all) {
        EXPECT_STATUS(scene.asked->status, TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(scene.asked), TLS_STATUS_TRUNCATED);
    } else {
        EXPECT_STATUS(scene.asked->status, TLS_STATUS_TRUNCATED);
        EXPECT_STATUS(call_handshake(scene.asked, scene.other), TLS_STATUS_TRUNCATED);
        EXPECT_STATUS(tls_session_end_of_input(scene.asked->session), TLS_STATUS_TRUNCATED);
    }
    scene_close(&scene);

    test("%s, %s: learns that its peer is gone and refuses it all the same", version_name(protocols[protocol]),
         question->name);
    scene_ask(&scene, question, protocol);
    EXPECT_STATUS(tls_session_end_of_input(scene.asked->session), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_reject(scene.asked->session, 49), TLS_STATUS_COMPLETE);
    resume(scene.asked);
    run_handshake(&scene.pair);
    expect_failed(scene.asked, TLS_STATUS_AUTHENTICATION_FAILED, scene.other, 49);
    scene_close(&scene);
}

/* --- Other threads ---------------------------------------------------------------------------------------------- */

static void *run_asked(void *argument) {
    scene_t *scene = argument;
    run_side(scene->asked, scene->other);
    return NULL;
}

static void *answer_asked(void *argument) {
    scene_t *scene = argument;
    answer_question(scene->asked, scene->other);
    return NULL;
}

static void *refuse_asked(void *argument) {
    scene_t *scene = argument;
    EXPECT_STATUS(tls_session_reject(scene->asked->session, 49), TLS_STATUS_COMPLETE);
    resume(scene->asked);
    return NULL;
}

static void *destroy_asked(void *argument) {
    scene_t *scene = argument;
    tls_session_destroy(scene->asked->session);
    scene->asked->session = NULL;
    return NULL;
}

/* Does one thing on a thread of its own, and waits for it: threads follow each other, they do not overlap. */
static void on_a_thread(void *(*task)(void *), scene_t *scene) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, task, scene) != 0) {
        give_up("no thread");
    }
    pthread_join(thread, NULL);
}

static void ask_on_a_thread(scene_t *scene, const question_t *question, size_t protocol) {
    scene_open(scene, question, protocol);
    for (int rounds = 0; rounds < 5 && scene->asked->status != question->status; rounds++) {
        run_side(scene->other, scene->asked);
        on_a_thread(run_asked, scene);
    }
    expect_asked(scene);
}

static void across_threads(const question_t *question, size_t protocol) {
    scene_t scene;
    const char *version = version_name(protocols[protocol]);
    test("%s, %s: asked on one thread, answered on a second, resumed on a third", version, question->name);
    ask_on_a_thread(&scene, question, protocol);
    on_a_thread(answer_asked, &scene);
    on_a_thread(run_asked, &scene);
    expect_completes(&scene);
    scene_close(&scene);

    test("%s, %s: asked on one thread, refused on a second, resumed on a third", version, question->name);
    ask_on_a_thread(&scene, question, protocol);
    on_a_thread(refuse_asked, &scene);
    on_a_thread(run_asked, &scene);
    run_handshake(&scene.pair);
    expect_failed(scene.asked, TLS_STATUS_AUTHENTICATION_FAILED, scene.other, 49);
    scene_close(&scene);

    test("%s, %s: asked on one thread, destroyed on another", version, question->name);
    ask_on_a_thread(&scene, question, protocol);
    on_a_thread(destroy_asked, &scene);
    scene_close(&scene);
}

/* --- Wrong answers ---------------------------------------------------------------------------------------------- */

static tls_status_t give_context(tls_session_t *session) {
    return tls_session_set_server_context(session, props.requiring);
}

static tls_status_t give_credentials(tls_session_t *session) {
    return tls_session_set_client_credentials(session, props.client_credentials);
}

static tls_status_t give_no_credentials(tls_session_t *session) {
    return tls_session_set_client_credentials(session, NULL);
}

static tls_status_t give_default_verdict(tls_session_t *session) {
    uint32_t policy_errors = 77;
    const tls_status_t status = tls_session_accept_with_default_validation(session, &policy_errors);
    EXPECT_NUMBER(policy_errors, 0);
    return status;
}

static tls_status_t give_good_verdict(tls_session_t *session) {
    return tls_session_set_certificate_validation_result(session, 0);
}

static tls_status_t give_bad_verdict(tls_session_t *session) {
    return tls_session_set_certificate_validation_result(session, SPANTLS_POLICY_ERROR_CHAIN_ERRORS);
}

static tls_status_t give_refused_certificate(tls_session_t *session) {
    return tls_session_reject_certificate(session, SPANTLS_ALERT_BAD_CERTIFICATE);
}

static tls_status_t give_signature(tls_session_t *session) {
    return tls_session_set_signature(session, "signed", 6);
}

static tls_status_t give_no_signature(tls_session_t *session) {
    return tls_session_set_signature(session, NULL, 0);
}

static const struct {
    tls_status_t to; /* the question */
    tls_status_t (*give)(tls_session_t *session);
} answers[] = {
    {TLS_STATUS_NEEDS_SERVER_OPTIONS, give_context},
    {TLS_STATUS_WANT_CREDENTIALS, give_credentials},
    {TLS_STATUS_WANT_CREDENTIALS, give_no_credentials},
    {TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, give_default_verdict},
    {TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, give_good_verdict},
    {TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, give_bad_verdict},
    {TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION, give_refused_certificate},
    {TLS_STATUS_NEEDS_SIGNATURE, give_signature},
    {TLS_STATUS_NEEDS_SIGNATURE, give_no_signature},
};

/* Every answer is refused but those to the question `but` (COMPLETE: none), and changes nothing. */
static void expect_no_answer_taken(tls_session_t *session, tls_status_t but) {
    const uint32_t state = tls_session_state(session);
    for (size_t i = 0; i < COUNT(answers); i++) {
        if (answers[i].to == but) {
            continue;
        }
        EXPECT_STATUS(answers[i].give(session), TLS_STATUS_INVALID_STATE);
        EXPECT_NUMBER(tls_session_state(session), state);
        if (!(state & SPANTLS_STATE_FAILED)) {
            EXPECT_STATUS(error_of(session).status, TLS_STATUS_INVALID_STATE);
        }
    }
    if (but == TLS_STATUS_COMPLETE) {
        EXPECT_STATUS(tls_session_reject(session, 49), TLS_STATUS_INVALID_STATE);
    }
    if (but != TLS_STATUS_NEEDS_SIGNATURE) {
        uint8_t message[10];
        uint16_t scheme = 77;
        size_t len = 77;
        EXPECT_STATUS(tls_session_signature_request(session, &scheme, message, sizeof message, &len),
                      TLS_STATUS_INVALID_STATE);
        EXPECT_NUMBER(scheme, 0);
        EXPECT_NUMBER(len, 0);
    }
}

static void answered_wrongly(const question_t *question, size_t protocol) {
    scene_t scene;
    test("%s, %s: takes no answer unasked, no other, and none twice", version_name(protocols[protocol]),
         question->name);
    scene_open(&scene, question, protocol);
    /* Under way, and not asked yet. */
    run_side(&scene.pair.client, &scene.pair.server);
    expect_no_answer_taken(scene.pair.client.session, TLS_STATUS_COMPLETE);
    expect_no_answer_taken(scene.pair.server.session, TLS_STATUS_COMPLETE);
    run_handshake(&scene.pair);
    expect_asked(&scene);
    for (int i = 0; i < 2; i++) {
        expect_no_answer_taken(scene.asked->session, question->status);
        expect_no_answer_taken(scene.other->session, TLS_STATUS_COMPLETE);
        EXPECT_STATUS(tls_session_set_certificate_validation_result(scene.asked->session, 8),
                      TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_STATUS(call_handshake(scene.asked, scene.other), question->status);
        expect_asked(&scene);
    }
    answer_question(scene.asked, scene.other);
    expect_no_answer_taken(scene.asked->session, TLS_STATUS_COMPLETE);
    expect_completes(&scene);
    expect_no_answer_taken(scene.asked->session, TLS_STATUS_COMPLETE);
    expect_no_answer_taken(scene.other->session, TLS_STATUS_COMPLETE);
    scene_close(&scene);

    test("%s, %s: takes no answer behind its refusal", version_name(protocols[protocol]), question->name);
    scene_ask(&scene, question, protocol);
    EXPECT_STATUS(tls_session_reject(scene.asked->session, 49), TLS_STATUS_COMPLETE);
    expect_no_answer_taken(scene.asked->session, TLS_STATUS_COMPLETE);
    resume(scene.asked);
    run_handshake(&scene.pair);
    expect_no_answer_taken(scene.asked->session, TLS_STATUS_COMPLETE);
    expect_failed(scene.asked, TLS_STATUS_AUTHENTICATION_FAILED, scene.other, 49);
    scene_close(&scene);
}

/* --- The order of questions ------------------------------------------------------------------------------------- */

static void in_order(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (int nobody = 0; nobody < 2; nobody++) {
            scene_t scene;
            test("%s: the questions of a handshake come in the header's order%s", version_name(protocols[p]),
                 nobody ? ", the client showing nothing" : "");
            scene_open(&scene, &questions[nobody ? NOBODY : SERVER_CONTEXT], p);
            scene.asked->stop_at = 0;
            size_t next = 0;
            for (int calls = 0; calls < 100; calls++) {
                side_t *self = calls % 2 == 0 ? &scene.pair.client : &scene.pair.server;
                side_t *peer = calls % 2 == 0 ? &scene.pair.server : &scene.pair.client;
                self->shown = self->inbox.len;
                if (!is_suspension(call_handshake(self, peer))) {
                    continue;
                }
                if (nobody && next == CLIENT_SIGNATURE) {
                    next = NOBODY;
                }
                if (EXPECT(next < COUNT(questions))) {
                    EXPECT_STATUS(self->status, questions[next].status);
                    EXPECT((self == &scene.pair.server) == questions[next].of_server);
                }
                next++;
                answer_question(self, peer);
            }
            EXPECT_NUMBER(next, nobody ? NOBODY + 1 : SERVER_VERDICT + 1);
            expect_completes(&scene);
            scene_close(&scene);
        }
    }
}

/* --- The server's context --------------------------------------------------------------------------------------- */

static void other_bytes_after_the_context(void) {
    scene_t scene;
    test("a server that is shown other bytes than the ClientHello's takes none, and goes on with the right ones");
    scene_ask(&scene, &questions[SERVER_CONTEXT], 1);
    side_t *server = scene.asked;
    answer_question(server, scene.other);
    const size_t len = server->inbox.len;
    uint8_t *other = malloc(len + 20);
    enum { NO_BYTE = 1 << 20 };
    const struct {
        size_t changed; /* this byte of the hello's record is another one */
        const char *instead;
        size_t len;
        tls_status_t status;
    } shows[] = {
        {0, NULL, len, TLS_STATUS_INVALID_ARGUMENT}, /* the type of the record, its version, the message, its length */
        {1, NULL, len, TLS_STATUS_INVALID_ARGUMENT},
        {5, NULL, len, TLS_STATUS_INVALID_ARGUMENT},
        {8, NULL, len, TLS_STATUS_INVALID_ARGUMENT},
        {11, NULL, len, TLS_STATUS_INVALID_ARGUMENT},
        {len - 1, NULL, len, TLS_STATUS_INVALID_ARGUMENT},
        {NO_BYTE, "\x17\3\3\0\1x", 6, TLS_STATUS_INVALID_ARGUMENT},
        {NO_BYTE, "\x15\3\3\0\2\2\x28", 7, TLS_STATUS_INVALID_ARGUMENT},
        {NO_BYTE, "\x16\3\1\0\4\1\0\0\0", 9, TLS_STATUS_INVALID_ARGUMENT},
        {NO_BYTE, "\x16\3\1\x7f\xff", 5, TLS_STATUS_INVALID_ARGUMENT},
        {NO_BYTE, "GET / HTTP", 10, TLS_STATUS_INVALID_ARGUMENT},
        {NO_BYTE, NULL, len - 1, TLS_STATUS_WANT_READ},
        {NO_BYTE, NULL, 5, TLS_STATUS_WANT_READ},
        {NO_BYTE, NULL, 0, TLS_STATUS_WANT_READ},
    };
    for (size_t i = 0; i < COUNT(shows); i++) {
        size_t consumed = 77;
        size_t written = 77;
        uint8_t output[3000];
        memcpy(other, server->inbox.data, len);
        if (shows[i].instead != NULL) {
            memcpy(other, shows[i].instead, shows[i].len);
        } else if (shows[i].changed != NO_BYTE) {
            other[shows[i].changed] ^= 1;
        }
        EXPECT_STATUS(tls_session_handshake(server->session, other, shows[i].len, output, sizeof output,
                                                    &consumed, &written),
                      shows[i].status);
        EXPECT_NUMBER(consumed, 0);
        EXPECT_NUMBER(written, 0);
        EXPECT_NUMBER(tls_session_state(server->session), SPANTLS_STATE_CERTIFICATE_ASKED);
    }
    free(other);
    expect_no_answer_taken(server->session, TLS_STATUS_COMPLETE);
    expect_completes(&scene);
    scene_close(&scene);
}

static void contexts_that_do_not_answer(void) {
    scene_t scene;
    test("a server takes neither a client's context nor one that is not decided, and waits for another");
    scene_ask(&scene, &questions[SERVER_CONTEXT], 1);
    tls_context_t *wrong[] = {props.client[0], props.client[1], props.undecided, NULL};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        EXPECT_STATUS(tls_session_set_server_context(scene.asked->session, wrong[i]), TLS_STATUS_INVALID_ARGUMENT);
        EXPECT_STATUS(call_handshake(scene.asked, scene.other), TLS_STATUS_NEEDS_SERVER_OPTIONS);
        expect_asked(&scene);
    }
    answer_question(scene.asked, scene.other);
    expect_completes(&scene);
    scene_close(&scene);

    test("a context may be destroyed as soon as it was chosen, and is chosen whole");
    setup_t server = {.credentials = "server-ed25519", .alpn = {"h2"}, .keep_client_hello = 1};
    tls_context_t *chosen = make_context(true, &server);
    setup_t client = {.anchors = "ca", .alpn = {"x", "h2"}};
    tls_context_t *context = make_context(false, &client);
    pair_t pair = pair_on(context, props.undecided);
    tls_context_destroy(context);
    pair.server.stop_at = TLS_STATUS_NEEDS_SERVER_OPTIONS;
    run_handshake(&pair);
    EXPECT_STATUS(tls_session_set_server_context(pair.server.session, chosen), TLS_STATUS_COMPLETE);
    tls_context_destroy(chosen);
    resume(&pair.server);
    EXPECT(run_handshake(&pair));
    uint8_t name[10];
    size_t len = 77;
    EXPECT_STATUS(tls_session_negotiated_alpn(pair.server.session, name, sizeof name, &len), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(name, len, "h2", 2);
    EXPECT(!(tls_session_state(pair.server.session) & SPANTLS_STATE_CERTIFICATE_ASKED));
    expect_a_word(&pair.server, &pair.client, "chosen");
    pair_close(&pair);

    test("a chosen context judges by itself if it is told to, and says that it asks for a certificate");
    setup_t judging = {.credentials = "server-p256", .anchors = "ca", .validation = SPANTLS_VALIDATION_AUTOMATIC};
    judging.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
    for (int good = 0; good < 2; good++) {
        chosen = make_context(true, &judging);
        setup_t showing = {.anchors = "ca", .credentials = good ? "client-p256" : "client-other"};
        context = make_context(false, &showing);
        pair = pair_on(context, props.undecided);
        tls_context_destroy(context);
        pair.server.context = chosen;
        EXPECT(run_handshake(&pair) == (good == 1));
        EXPECT_NUMBER(pair.server.suspensions, 0);
        EXPECT(tls_session_state(pair.server.session) & SPANTLS_STATE_CERTIFICATE_ASKED);
        EXPECT_STATUS(pair.server.status, good ? TLS_STATUS_COMPLETE : TLS_STATUS_AUTHENTICATION_FAILED);
        pair_close(&pair);
        tls_context_destroy(chosen);
    }
}

/* --- Signatures ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *server;
    const char *client;
    uint16_t schemes[4];
    uint16_t chosen[2]; /* as `protocols`; 0: none of them will do */
} keys[] = {
    {"RSA, PSS with SHA-256", "server-rsa2048", "client-rsa2048", {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256},
     {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256}},
    {"RSA, PSS with SHA-384", "server-rsa2048", "client-rsa2048", {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384},
     {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384}},
    {"RSA, PSS with SHA-512", "server-rsa2048", "client-rsa2048", {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512},
     {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512}},
    {"RSA, PKCS#1 with SHA-256", "server-rsa2048", "client-rsa2048", {SPANTLS_SCHEME_RSA_PKCS1_SHA256},
     {SPANTLS_SCHEME_RSA_PKCS1_SHA256, 0}},
    {"RSA, PKCS#1 with SHA-384", "server-rsa2048", "client-rsa2048", {SPANTLS_SCHEME_RSA_PKCS1_SHA384},
     {SPANTLS_SCHEME_RSA_PKCS1_SHA384, 0}},
    {"RSA, PKCS#1 with SHA-512", "server-rsa2048", "client-rsa2048", {SPANTLS_SCHEME_RSA_PKCS1_SHA512},
     {SPANTLS_SCHEME_RSA_PKCS1_SHA512, 0}},
    {"RSA, PKCS#1 before PSS", "server-rsa2048", "client-rsa2048", {SPANTLS_SCHEME_RSA_PKCS1_SHA512,
     SPANTLS_SCHEME_RSA_PKCS1_SHA256, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256},
     {SPANTLS_SCHEME_RSA_PKCS1_SHA512, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512}},
    {"RSA of 4096 bits", "server-rsa4096", "server-rsa4096", {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256},
     {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256}},
    {"ECDSA on P-256", "server-p256", "client-p256", {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256},
     {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256, SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256}},
    {"ECDSA on P-384", "server-p384", "server-p384", {SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384},
     {SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384, SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384}},
    {"Ed25519", "server-ed25519", "client-ed25519", {SPANTLS_SCHEME_ED25519}, {SPANTLS_SCHEME_ED25519,
     SPANTLS_SCHEME_ED25519}},
};

/* A handshake in which the server or the client has an external key, stopped where that has to sign. */
static pair_t signing_pair(size_t k, size_t protocol, bool server_signs) {
    setup_t server = {.credentials = server_signs ? keys[k].server : "server-p256", .anchors = "ca"};
    setup_t client = {.anchors = "ca", .protocols = protocols[protocol]};
    if (server_signs) {
        memcpy(server.schemes, keys[k].schemes, sizeof server.schemes);
    } else {
        server.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
        client.credentials = keys[k].client;
        memcpy(client.schemes, keys[k].schemes, sizeof client.schemes);
    }
    pair_t pair = pair_open(&client, &server);
    pair.client.judge = JUDGE_ACCEPT;
    pair.server.judge = JUDGE_ACCEPT;
    side_t *signer = server_signs ? &pair.server : &pair.client;
    signer->sign = sign_with;
    signer->key = server_signs ? keys[k].server : keys[k].client;
    signer->stop_at = TLS_STATUS_NEEDS_SIGNATURE;
    run_handshake(&pair);
    return pair;
}

static void all_keys(void) {
    for (size_t k = 0; k < COUNT(keys); k++) {
        for (size_t p = 0; p < COUNT(protocols); p++) {
            for (int server_signs = 0; server_signs < 2; server_signs++) {
                const uint16_t chosen = keys[k].chosen[p];
                test("%s, a %s's key outside, %s: %s", version_name(protocols[p]), server_signs ? "server" : "client",
                     keys[k].name, chosen != 0 ? "the host signs" : "that will not do, and nobody is asked");
                pair_t pair = signing_pair(k, p, server_signs);
                side_t *signer = server_signs ? &pair.server : &pair.client;
                side_t *peer = server_signs ? &pair.client : &pair.server;
                if (chosen == 0) {
                    /* A client goes on without its certificate, and a server that requires one refuses it. */
                    EXPECT_STATUS(pair.server.status, server_signs ? TLS_STATUS_PROTOCOL_ERROR : TLS_STATUS_AUTHENTICATION_FAILED);
                    EXPECT_NUMBER(error_of(pair.server.session).alert_sent,
                                  server_signs ? SPANTLS_ALERT_HANDSHAKE_FAILURE : SPANTLS_ALERT_CERTIFICATE_REQUIRED);
                    pair_close(&pair);
                    continue;
                }
                EXPECT_STATUS(signer->status, TLS_STATUS_NEEDS_SIGNATURE);
                uint16_t scheme = 77;
                size_t len = 77;
                EXPECT_STATUS(tls_session_signature_request(signer->session, &scheme, NULL, 0, &len),
                              TLS_STATUS_BUFFER_TOO_SMALL);
                EXPECT_NUMBER(scheme, chosen);
                answer_question(signer, peer);
                EXPECT(run_handshake(&pair));
                expect_a_word(signer, peer, "signed");
                expect_a_word(peer, signer, "checked");
                /* The certificate that was signed for is the one that the peer has seen. */
                bytes_t leaf = {0};
                uint8_t seen[3000];
                char file[64];
                snprintf(file, sizeof file, "%s.pem", signer->key);
                leaf = read_certificate(file, 0);
                EXPECT_STATUS(tls_session_remote_certificate(peer->session, 0, seen, sizeof seen, &len),
                              TLS_STATUS_COMPLETE);
                EXPECT_BYTES(seen, len, leaf.data, leaf.len);
                EXPECT_STATUS(tls_session_local_certificate(signer->session, seen, sizeof seen, &len),
                              TLS_STATUS_COMPLETE);
                EXPECT_BYTES(seen, len, leaf.data, leaf.len);
                bytes_free(&leaf);
                pair_close(&pair);
            }
        }
    }
}

/* The message that is to be signed; to be freed. */
static bytes_t message_of(side_t *side, uint16_t *scheme) {
    uint8_t room[20000];
    bytes_t message = {0};
    size_t len = 0;
    EXPECT_STATUS(tls_session_signature_request(side->session, scheme, room, sizeof room, &len), TLS_STATUS_COMPLETE);
    bytes_append(&message, room, len);
    return message;
}

static void wrong_signatures(void) {
    /* Of RSA with both kinds of padding, and ECDSA. */
    static const size_t tried[] = {0, 6, 8, 10};
    for (size_t t = 0; t < COUNT(tried); t++) {
        for (size_t p = 0; p < COUNT(protocols); p++) {
            for (int server_signs = 0; server_signs < 2; server_signs++) {
                const size_t k = tried[t];
                test("%s, a %s's key outside, %s: what is no signature of the message answers nothing",
                     version_name(protocols[p]), server_signs ? "server" : "client", keys[k].name);
                pair_t pair = signing_pair(k, p, server_signs);
                side_t *signer = server_signs ? &pair.server : &pair.client;
                side_t *peer = server_signs ? &pair.client : &pair.server;
                uint16_t scheme = 0;
                bytes_t message = message_of(signer, &scheme);
                bytes_t wrong[6] = {{0}};
                size_t count = 0;
                /* Cut, longer, changed at either end; of another message; by another key; of another kind. */
                for (int change = 0; change < 4; change++) {
                    bytes_t *signature = &wrong[count++];
                    *signature = sign_with(signer->key, scheme, message.data, message.len);
                    if (change == 0) {
                        signature->len--;
                    } else if (change == 1) {
                        bytes_append(signature, "", 1);
                    } else {
                        signature->data[change == 2 ? 0 : signature->len - 1] ^= 1;
                    }
                }
                wrong[count++] = sign_with(signer->key, scheme, message.data, message.len - 1);
                wrong[count++] = sign_with(k == 8 ? "server-other" : "server-p256",
                    SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256, message.data, message.len);
                for (size_t i = 0; i < count; i++) {
                    EXPECT_STATUS(tls_session_set_signature(signer->session, wrong[i].data, wrong[i].len),
                                  TLS_STATUS_INVALID_ARGUMENT);
                    EXPECT_STATUS(call_handshake(signer, peer), TLS_STATUS_NEEDS_SIGNATURE);
                    bytes_free(&wrong[i]);
                }
                /* The largest there is, and the message is the same as before. */
                uint8_t *large = pattern(100000, 1);
                EXPECT_STATUS(tls_session_set_signature(signer->session, large, 100000), TLS_STATUS_INVALID_ARGUMENT);
                free(large);
                bytes_t again = message_of(signer, &scheme);
                EXPECT_BYTES(again.data, again.len, message.data, message.len);
                bytes_free(&again);
                bytes_free(&message);
                answer_question(signer, peer);
                EXPECT(run_handshake(&pair));
                expect_a_word(peer, signer, "at last");
                pair_close(&pair);
            }
        }
    }
}

/* RFC 8446 section 4.4.3, RFC 5246 sections 7.4.3 and 7.4.8. */
static void messages_to_sign(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        scene_t scene;
        uint8_t hello[2000];
        size_t hello_len = 0;
        uint16_t scheme = 0;
        for (int server_signs = 0; server_signs < 2; server_signs++) {
            test("%s: what a %s signs is what the RFCs say", version_name(protocols[p]),
                 server_signs ? "server" : "client");
            scene_ask(&scene, &questions[server_signs ? SERVER_SIGNATURE : CLIENT_SIGNATURE], p);
            EXPECT_STATUS(tls_session_client_hello(scene.pair.server.session, hello, sizeof hello, &hello_len),
                          TLS_STATUS_COMPLETE);
            bytes_t message = message_of(scene.asked, &scheme);
            EXPECT_NUMBER(scheme, SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256);
            if (protocols[p] == SPANTLS_PROTOCOL_TLS13) {
                const char *purpose =
                    server_signs ? "TLS 1.3, server CertificateVerify" : "TLS 1.3, client CertificateVerify";
                char head[98];
                memset(head, ' ', 64);
                memcpy(head + 64, purpose, 34);
                EXPECT(message.len == sizeof head + 32 || message.len == sizeof head + 48);
                EXPECT(message.len > sizeof head && memcmp(message.data, head, sizeof head) == 0);
            } else if (server_signs) {
                /* Both randoms, then the parameters: a named curve. */
                EXPECT(message.len > 68 && memcmp(message.data, hello + 6, 32) == 0 && message.data[64] == 3);
            } else {
                /* The handshake so far. */
                EXPECT(message.len > hello_len && memcmp(message.data, hello, hello_len) == 0);
            }
            /* Copy-out: too small a room gets nothing, but the scheme is told. */
            uint8_t *room = calloc(1, message.len);
            size_t len = 77;
            scheme = 77;
            EXPECT_STATUS(tls_session_signature_request(scene.asked->session, &scheme, room, message.len - 1, &len),
                          TLS_STATUS_BUFFER_TOO_SMALL);
            EXPECT_NUMBER(len, message.len);
            EXPECT_NUMBER(room[0], 0);
            EXPECT_STATUS(tls_session_signature_request(scene.asked->session, NULL, room, message.len, &len),
                          TLS_STATUS_COMPLETE);
            EXPECT_BYTES(room, len, message.data, message.len);
            free(room);
            bytes_free(&message);
            answer_question(scene.asked, scene.other);
            expect_completes(&scene);
            scene_close(&scene);
        }
    }
}

/* --- Credentials ------------------------------------------------------------------------------------------------ */

/* A big-endian number; what lies behind the end counts as zeros. */
static size_t number_at(const bytes_t *bytes, size_t at, size_t width) {
    size_t number = 0;
    for (size_t i = 0; i < width; i++) {
        number = number << 8 | (at + i < bytes->len ? bytes->data[at + i] : 0);
    }
    return number;
}

/* Rewrites the signature schemes that a TLS 1.2 server's CertificateRequest names (RFC 5246 section 7.4.4). */
static void rewrite_schemes(bytes_t *flight, uint16_t scheme) {
    fragment_records(flight, 16384);
    size_t at = 5;
    while (at + 4 < flight->len && flight->data[at] != 13) {
        at += 4 + number_at(flight, at + 1, 3);
    }
    if (!EXPECT(at + 10 < flight->len)) {
        return;
    }
    at += 4;
    at += 1 + (size_t)flight->data[at];
    const size_t len = number_at(flight, at, 2);
    for (size_t i = 0; i < len; i += 2) {
        flight->data[at + 2 + i] = (uint8_t)(scheme >> 8);
        flight->data[at + 3 + i] = (uint8_t)scheme;
    }
}

static void credentials_that_do_not_fit(void) {
    static const uint16_t pkcs1[4] = {SPANTLS_SCHEME_RSA_PKCS1_SHA256, SPANTLS_SCHEME_RSA_PKCS1_SHA384};
    scene_t scene;
    test("TLS 1.3: credentials that fit none of the server's schemes answer nothing: others do");
    tls_credentials_t *unfit = make_external("client-rsa2048", pkcs1);
    scene_ask(&scene, &questions[CLIENT_CREDENTIALS], 1);
    for (int i = 0; i < 3; i++) {
        EXPECT_STATUS(tls_session_set_client_credentials(scene.asked->session, unfit), TLS_STATUS_INVALID_CONFIGURATION);
        EXPECT_STATUS(error_of(scene.asked->session).status, TLS_STATUS_INVALID_CONFIGURATION);
        EXPECT_STATUS(call_handshake(scene.asked, scene.other), TLS_STATUS_WANT_CREDENTIALS);
        expect_asked(&scene);
    }
    answer_question(scene.asked, scene.other);
    expect_completes(&scene);
    scene_close(&scene);

    test("TLS 1.3: credentials that fit none of the server's schemes, and then none");
    scene_ask(&scene, &questions[CLIENT_CREDENTIALS], 1);
    EXPECT_STATUS(tls_session_set_client_credentials(scene.asked->session, unfit), TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(tls_session_set_client_credentials(scene.asked->session, NULL), TLS_STATUS_COMPLETE);
    resume(scene.asked);
    EXPECT(!run_handshake(&scene.pair));
    expect_failed(scene.other, TLS_STATUS_AUTHENTICATION_FAILED, scene.asked, SPANTLS_ALERT_CERTIFICATE_REQUIRED);
    scene_close(&scene);

    test("TLS 1.3: credentials set beforehand that fit none of the server's schemes count as none");
    scene_open(&scene, &questions[CLIENT_CREDENTIALS], 1);
    EXPECT_STATUS(tls_session_set_client_credentials(scene.asked->session, unfit), TLS_STATUS_COMPLETE);
    EXPECT(!run_handshake(&scene.pair));
    expect_failed(scene.other, TLS_STATUS_AUTHENTICATION_FAILED, scene.asked, SPANTLS_ALERT_CERTIFICATE_REQUIRED);
    scene_close(&scene);
    tls_credentials_destroy(unfit);

    test("TLS 1.2: credentials that fit none of the server's schemes answer nothing: others do");
    scene_open(&scene, &questions[CLIENT_CREDENTIALS], 0);
    run_side(&scene.pair.client, &scene.pair.server);
    run_side(&scene.pair.server, &scene.pair.client);
    rewrite_schemes(&scene.pair.client.inbox, SPANTLS_SCHEME_ED25519);
    run_side(&scene.pair.client, &scene.pair.server);
    expect_asked(&scene);
    EXPECT_NUMBER(tls_session_acceptable_signature_scheme(scene.asked->session, 0), SPANTLS_SCHEME_ED25519);
    EXPECT_STATUS(tls_session_set_client_credentials(scene.asked->session, props.client_credentials),
                  TLS_STATUS_INVALID_CONFIGURATION);
    EXPECT_STATUS(call_handshake(scene.asked, scene.other), TLS_STATUS_WANT_CREDENTIALS);
    expect_asked(&scene);
    tls_credentials_t *fit = make_credentials("client-ed25519");
    EXPECT_STATUS(tls_session_set_client_credentials(scene.asked->session, fit), TLS_STATUS_COMPLETE);
    tls_credentials_destroy(fit);
    resume(scene.asked);
    /* The server had said something else, and finds that out. */
    EXPECT(!run_handshake(&scene.pair));
    EXPECT(!scene.pair.client.was_complete && !scene.pair.server.was_complete);
    scene_close(&scene);
}

/* What the server wants of a client: there from the question on until the handshake is complete. */
static void expect_wants(const scene_t *scene, bool there) {
    const tls_session_t *session = scene->pair.client.session;
    uint8_t name[500];
    size_t count = 77;
    size_t len = 77;
    EXPECT_STATUS(tls_session_acceptable_issuer_count(session, &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(count, there ? 1 : 0);
    EXPECT_STATUS(tls_session_acceptable_issuer(session, there ? 1 : 0, name, sizeof name, &len),
                  TLS_STATUS_INVALID_ARGUMENT);
    EXPECT_NUMBER(len, 0);
    if (there) {
        /* The root's own name is in its certificate, twice. */
        bytes_t root = read_certificate("ca.pem", 0);
        EXPECT_STATUS(tls_session_acceptable_issuer(session, 0, name, sizeof name, &len), TLS_STATUS_COMPLETE);
        size_t found = 0;
        for (size_t at = 0; len > 2 && at + len <= root.len; at++) {
            found += memcmp(root.data + at, name, len) == 0;
        }
        EXPECT_NUMBER(found, 2);
        bytes_free(&root);
    }
    size_t schemes = 0;
    bool has_p256 = false;
    uint16_t scheme;
    while ((scheme = tls_session_acceptable_signature_scheme(session, schemes)) != 0 && schemes < 100) {
        has_p256 = has_p256 || scheme == SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256;
        schemes++;
    }
    EXPECT(there ? schemes > 5 && has_p256 : schemes == 0);
    EXPECT_NUMBER(tls_session_acceptable_signature_scheme(session, SIZE_MAX), 0);

    /* Never on servers. */
    EXPECT_STATUS(tls_session_acceptable_issuer_count(scene->pair.server.session, &count), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(count, 0);
    EXPECT_NUMBER(tls_session_acceptable_signature_scheme(scene->pair.server.session, 0), 0);
}

static void what_the_server_wants(void) {
    for (size_t p = 0; p < COUNT(protocols); p++) {
        scene_t scene;
        test("%s: issuers and schemes are there from the question until the handshake is complete",
             version_name(protocols[p]));
        scene_open(&scene, &questions[CLIENT_CREDENTIALS], p);
        expect_wants(&scene, false);
        run_side(&scene.pair.client, &scene.pair.server);
        expect_wants(&scene, false);
        run_handshake(&scene.pair);
        expect_asked(&scene);
        expect_wants(&scene, true);
        size_t count = 77;
        EXPECT_STATUS(tls_session_remote_certificate_count(scene.asked->session, &count), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(count, 0);
        answer_question(scene.asked, scene.other);
        expect_wants(&scene, true);
        scene.asked->stop_at = TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION;
        run_side(scene.asked, scene.other);
        EXPECT_STATUS(scene.asked->status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
        /* Nothing of what it shows leaves before the verdict. */
        EXPECT_NUMBER(scene.other->inbox.len, 0);
        expect_wants(&scene, true);
        EXPECT_STATUS(tls_session_remote_certificate_count(scene.asked->session, &count), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(count, 2);
        answer_question(scene.asked, scene.other);
        expect_completes(&scene);
        expect_wants(&scene, false);
        scene_close(&scene);

        test("%s: a server without anchors names no issuer", version_name(protocols[p]));
        setup_t server = {.credentials = "server-p256", .client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUEST};
        tls_context_t *context = make_context(true, &server);
        pair_t pair = pair_on(props.client[p], context);
        tls_context_destroy(context);
        pair.client.stop_at = TLS_STATUS_WANT_CREDENTIALS;
        run_handshake(&pair);
        EXPECT_STATUS(pair.client.status, TLS_STATUS_WANT_CREDENTIALS);
        EXPECT_STATUS(tls_session_acceptable_issuer_count(pair.client.session, &count), TLS_STATUS_COMPLETE);
        EXPECT_NUMBER(count, 0);
        EXPECT(tls_session_acceptable_signature_scheme(pair.client.session, 0) != 0);
        pair_close(&pair);
    }
}

static void credentials_for_an_impostor(void) {
    scene_t scene;
    test("TLS 1.2: a server that was accepted but signs falsely sees nothing of a client's certificate");
    scene_open(&scene, &questions[CLIENT_SIGNATURE], 0);
    run_side(&scene.pair.client, &scene.pair.server);
    run_side(&scene.pair.server, &scene.pair.client);
    /* The flight as one record of messages. The signature is the end of the ServerKeyExchange. */
    bytes_t *flight = &scene.pair.client.inbox;
    fragment_records(flight, 16384);
    size_t at = 5;
    while (at + 4 < flight->len && flight->data[at] != 12) {
        at += 4 + number_at(flight, at + 1, 3);
    }
    at += 4 + number_at(flight, at + 1, 3) - 1;
    if (EXPECT(at < flight->len)) {
        flight->data[at] ^= 1;
    }
    run_side(&scene.pair.client, &scene.pair.server);
    EXPECT_STATUS(scene.pair.client.status, TLS_STATUS_PROTOCOL_ERROR);
    EXPECT_NUMBER(scene.pair.client.suspensions, 1);
    EXPECT_BYTES(scene.pair.server.inbox.data, scene.pair.server.inbox.len, "\x15\3\3\0\2\2\x33", 7);
    scene_close(&scene);
}

/* Sessions on one context, each with credentials of its own: what the server of each has seen. */
static void credentials_of_one_session(void) {
    static const struct {
        const char *name;
        bool beforehand;
    } shown[] = {
        {"client-p256", true}, {"client-rsa2048", false}, {NULL, false},       {"client-ed25519", true},
        {NULL, true},          {"client-p256", false},    {"client-rsa2048", true},
    };
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (int own = 0; own < 2; own++) {
            test("%s: sessions on one context%s never see each other's credentials", version_name(protocols[p]),
                 own ? " that has its own" : "");
            setup_t client = {.anchors = "ca", .protocols = protocols[p], .credentials = own ? "client-other" : NULL};
            setup_t server = {.anchors = "ca", .credentials = "server-p256"};
            server.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUEST;
            tls_context_t *client_context = make_context(false, &client);
            tls_context_t *server_context = make_context(true, &server);
            pair_t pairs[COUNT(shown) + 1];
            /* All of them come as far as they can before any of them goes on. */
            for (size_t i = 0; i <= COUNT(shown); i++) {
                pairs[i] = pair_on(client_context, server_context);
                pairs[i].client.judge = JUDGE_ACCEPT;
                pairs[i].server.judge = JUDGE_ACCEPT;
                pairs[i].client.stop_at = TLS_STATUS_WANT_CREDENTIALS;
                if (i < COUNT(shown) && shown[i].beforehand) {
                    tls_credentials_t *given = shown[i].name == NULL ? NULL : make_credentials(shown[i].name);
                    EXPECT_STATUS(tls_session_set_client_credentials(pairs[i].client.session, given),
                                  TLS_STATUS_COMPLETE);
                    tls_credentials_destroy(given);
                }
            }
            for (size_t i = 0; i <= COUNT(shown); i++) {
                run_handshake(&pairs[i]);
                const bool asked = !own && !(i < COUNT(shown) && shown[i].beforehand);
                EXPECT_STATUS(pairs[i].client.status, asked ? TLS_STATUS_WANT_CREDENTIALS : TLS_STATUS_COMPLETE);
            }
            for (size_t n = 0; n < COUNT(shown); n++) {
                const size_t i = n * 3 % COUNT(shown); /* out of order: 3 is prime to 7 */
                if (pairs[i].client.status != TLS_STATUS_WANT_CREDENTIALS) {
                    continue;
                }
                tls_credentials_t *given = shown[i].name == NULL ? NULL : make_credentials(shown[i].name);
                EXPECT_STATUS(tls_session_set_client_credentials(pairs[i].client.session, given), TLS_STATUS_COMPLETE);
                tls_credentials_destroy(given);
                resume(&pairs[i].client);
            }
            for (size_t i = 0; i < COUNT(shown); i++) {
                const char *name = own && !shown[i].beforehand ? "client-other" : shown[i].name;
                uint8_t seen[2000];
                size_t count = 77;
                size_t len = 77;
                EXPECT(run_handshake(&pairs[i]));
                EXPECT_STATUS(tls_session_remote_certificate_count(pairs[i].server.session, &count),
                              TLS_STATUS_COMPLETE);
                EXPECT((count > 0) == (name != NULL));
                if (name != NULL && count > 0) {
                    char file[64];
                    snprintf(file, sizeof file, "%s.pem", name);
                    bytes_t leaf = read_certificate(file, 0);
                    EXPECT_STATUS(tls_session_remote_certificate(pairs[i].server.session, 0, seen, sizeof seen, &len),
                                  TLS_STATUS_COMPLETE);
                    EXPECT_BYTES(seen, len, leaf.data, leaf.len);
                    bytes_free(&leaf);
                }
            }
            /* The last one was given nothing, and is asked still, or shows what the context has. */
            EXPECT_STATUS(pairs[COUNT(shown)].client.status,
                          own ? TLS_STATUS_COMPLETE : TLS_STATUS_WANT_CREDENTIALS);
            for (size_t i = 0; i <= COUNT(shown); i++) {
                pair_close(&pairs[i]);
            }
            tls_context_destroy(client_context);
            tls_context_destroy(server_context);
        }
    }
}

/* --- The ClientHello -------------------------------------------------------------------------------------------- */

static bytes_t hello_of(const tls_session_t *session) {
    bytes_t hello = {0};
    size_t len = 77;
    const tls_status_t status = tls_session_client_hello(session, NULL, 0, &len);
    EXPECT_STATUS(status, len == 0 ? TLS_STATUS_COMPLETE : TLS_STATUS_BUFFER_TOO_SMALL);
    uint8_t *room = malloc(len + 1);
    size_t again = 77;
    if (len > 0) {
        EXPECT_STATUS(tls_session_client_hello(session, room, len - 1, &again), TLS_STATUS_BUFFER_TOO_SMALL);
        EXPECT_NUMBER(again, len);
    }
    EXPECT_STATUS(tls_session_client_hello(session, room, len, &again), TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(again, len);
    bytes_append(&hello, room, len);
    free(room);
    return hello;
}

static spantls_part_t part(size_t offset, size_t len) {
    spantls_part_t part = {(uint32_t)offset, (uint32_t)len};
    return part;
}

/* Reads a ClientHello by hand (RFC 8446 section 4.1.2). */
static spantls_client_hello_info_t read_hello(const bytes_t *hello) {
    spantls_client_hello_info_t info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    info.legacy_version = (uint16_t)number_at(hello, 4, 2);
    info.random = part(6, 32);
    size_t at = 38;
    info.session_id = part(at + 1, number_at(hello, at, 1));
    at += 1 + info.session_id.len;
    info.cipher_suites = part(at + 2, number_at(hello, at, 2));
    at += 2 + info.cipher_suites.len;
    at += 1 + number_at(hello, at, 1); /* compression methods */
    info.extensions = part(at + 2, number_at(hello, at, 2));
    at += 2;
    EXPECT_NUMBER(at + info.extensions.len, hello->len);
    while (at < hello->len) {
        const size_t type = number_at(hello, at, 2);
        const size_t len = number_at(hello, at + 2, 2);
        at += 4;
        switch (type) {
            case 0: /* a list of one: its length, the type of the name, its length */
                info.server_name = part(at + 5, len - 5);
                break;
            case 10:
                info.supported_groups = part(at + 2, len - 2);
                break;
            case 13:
                info.signature_algorithms = part(at + 2, len - 2);
                break;
            case 16:
                info.alpn = part(at + 2, len - 2);
                break;
            case 41:
                info.offers |= SPANTLS_OFFERS_PRE_SHARED_KEY;
                break;
            case 42:
                info.offers |= SPANTLS_OFFERS_EARLY_DATA;
                break;
            case 43:
                info.supported_versions = part(at + 1, len - 1);
                for (size_t i = 0; i < len - 1; i += 2) {
                    info.offers |= number_at(hello, at + 1 + i, 2) == 0x0304 ? SPANTLS_OFFERS_TLS13 : 0;
                }
                break;
            case 49:
                info.offers |= SPANTLS_OFFERS_POST_HANDSHAKE_AUTH;
                break;
            case 50:
                info.signature_algorithms_cert = part(at + 2, len - 2);
                break;
            case 51:
                for (size_t entry = at + 2; entry < at + len; entry += 4 + number_at(hello, entry + 2, 2)) {
                    info.key_share_groups[info.num_key_share_groups++] = (uint16_t)number_at(hello, entry, 2);
                }
                break;
            default:
                break;
        }
        at += len;
    }
    return info;
}

static void expect_part(spantls_part_t actual, spantls_part_t expected, const char *name) {
    const bool same = EXPECT_NUMBER(actual.offset, expected.offset) && EXPECT_NUMBER(actual.len, expected.len);
    if (!same) {
        printf("# that was %s\n", name);
    }
}

typedef tls_status_t fingerprint_t(const tls_session_t *, char *, size_t, size_t *);

/* All that is said about a ClientHello agrees with `sent`; if that is NULL there is none. */
static void expect_hello(const tls_session_t *session, const bytes_t *sent) {
    static fingerprint_t *const fingerprints[] = {tls_session_ja3, tls_session_ja3_text, tls_session_ja4,
                                                  tls_session_ja4_text};
    static const size_t lengths[] = {32, 0, 36, 0};
    static char text[70000 * 3];
    bytes_t hello = hello_of(session);
    spantls_client_hello_info_t info;
    memset(&info, 0x5a, sizeof info);
    info.struct_size = sizeof info;
    const tls_status_t status = tls_session_client_hello_info(session, &info);
    for (size_t f = 0; f < COUNT(fingerprints); f++) {
        size_t len = 77;
        EXPECT_STATUS(fingerprints[f](session, text, sizeof text, &len), TLS_STATUS_COMPLETE);
        EXPECT((len > 0) == (sent != NULL));
        EXPECT(sent == NULL || lengths[f] == 0 || len == lengths[f]);
        EXPECT_NUMBER(strlen(text), len);
        if (sent != NULL) {
            size_t again = 77;
            EXPECT_STATUS(fingerprints[f](session, text, len, &again), TLS_STATUS_BUFFER_TOO_SMALL);
            EXPECT_NUMBER(again, len);
            EXPECT_NUMBER(text[0], 0);
        }
    }
    if (sent == NULL) {
        EXPECT_NUMBER(hello.len, 0);
        EXPECT_STATUS(status, TLS_STATUS_INVALID_STATE);
        spantls_client_hello_info_t nothing;
        memset(&nothing, 0, sizeof nothing);
        nothing.struct_size = sizeof nothing;
        EXPECT(memcmp(&info, &nothing, sizeof info) == 0);
        bytes_free(&hello);
        return;
    }
    EXPECT_BYTES(hello.data, hello.len, sent->data, sent->len);
    EXPECT_STATUS(status, TLS_STATUS_COMPLETE);
    const spantls_client_hello_info_t expected = read_hello(&hello);
    EXPECT_NUMBER(info.struct_size, expected.struct_size);
    EXPECT_NUMBER(info.offers, expected.offers);
    EXPECT_NUMBER(info.legacy_version, expected.legacy_version);
    EXPECT_NUMBER(info.num_key_share_groups, expected.num_key_share_groups);
    EXPECT(memcmp(info.key_share_groups, expected.key_share_groups, sizeof info.key_share_groups) == 0);
    expect_part(info.random, expected.random, "random");
    expect_part(info.session_id, expected.session_id, "session_id");
    expect_part(info.cipher_suites, expected.cipher_suites, "cipher_suites");
    expect_part(info.extensions, expected.extensions, "extensions");
    expect_part(info.server_name, expected.server_name, "server_name");
    expect_part(info.supported_versions, expected.supported_versions, "supported_versions");
    expect_part(info.supported_groups, expected.supported_groups, "supported_groups");
    expect_part(info.signature_algorithms, expected.signature_algorithms, "signature_algorithms");
    expect_part(info.signature_algorithms_cert, expected.signature_algorithms_cert, "signature_algorithms_cert");
    expect_part(info.alpn, expected.alpn, "alpn");
    bytes_free(&hello);
}

/* The handshake message in the plaintext records of an inbox. */
static bytes_t message_in(const bytes_t *records) {
    bytes_t message = {0};
    size_t record;
    for (size_t at = 0; (record = record_len(records->data + at, records->len - at)) != 0; at += record) {
        bytes_append(&message, records->data + at + 5, record - 5);
    }
    return message;
}

static void what_the_hello_says(void) {
    for (size_t p = 0; p < 3; p++) {
        for (int keep = 0; keep < 2; keep++) {
            for (int asks = 0; asks < 2; asks++) {
                const char *version = p < 2 ? version_name(protocols[p]) : "either version";
                test("%s: the ClientHello%s is there from its end %s", version,
                     asks ? " by which a context is chosen" : "",
                     keep ? "on, as long as the session" : "until the handshake is complete");
                setup_t client = {.anchors = "ca", .protocols = p < 2 ? protocols[p] : 0, .alpn = {"h2", "http/1.1"}};
                setup_t server = {.anchors = "ca", .credentials = "server-p256", .alpn = {"h2"},
                    .schemes = {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256}};
                server.keep_client_hello = keep;
                server.client_certificates = SPANTLS_CLIENT_CERTIFICATE_REQUIRE;
                tls_context_t *client_context = make_context(false, &client);
                tls_context_t *server_context = make_context(true, &server);
                pair_t pair = pair_on(client_context, asks ? props.undecided : server_context);
                pair.client.judge = JUDGE_ACCEPT;
                pair.client.shows = props.client_credentials;
                pair.client.sign = sign_with;
                pair.client.key = "client-p256";
                pair.server.judge = JUDGE_ACCEPT;
                pair.server.context = server_context;
                pair.server.sign = sign_with;
                pair.server.key = "server-p256";
                pair.server.chunk = 100;

                expect_hello(pair.server.session, NULL);
                run_side(&pair.client, &pair.server);
                bytes_t sent = message_in(&pair.server.inbox);
                /* Not before it is whole. */
                pair.server.shown = pair.server.inbox.len - 1;
                EXPECT_STATUS(call_handshake(&pair.server, &pair.client), TLS_STATUS_WANT_READ);
                expect_hello(pair.server.session, NULL);
                if (asks) {
                    pair.server.stop_at = TLS_STATUS_NEEDS_SERVER_OPTIONS;
                    run_handshake(&pair);
                    EXPECT_STATUS(pair.server.status, TLS_STATUS_NEEDS_SERVER_OPTIONS);
                    expect_hello(pair.server.session, &sent);
                    char name[20];
                    size_t len = 77;
                    EXPECT_STATUS(tls_session_target_host_name(pair.server.session, name, sizeof name, &len),
                                  TLS_STATUS_COMPLETE);
                    EXPECT_BYTES(name, len, "localhost", 9);
                    answer_question(&pair.server, &pair.client);
                    expect_hello(pair.server.session, &sent);
                }
                pair.server.stop_at = TLS_STATUS_NEEDS_SIGNATURE;
                run_handshake(&pair);
                EXPECT_STATUS(pair.server.status, TLS_STATUS_NEEDS_SIGNATURE);
                expect_hello(pair.server.session, &sent);
                answer_question(&pair.server, &pair.client);
                pair.server.stop_at = TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION;
                run_handshake(&pair);
                EXPECT_STATUS(pair.server.status, TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION);
                expect_hello(pair.server.session, &sent);
                expect_hello(pair.client.session, NULL);
                answer_question(&pair.server, &pair.client);
                EXPECT(run_handshake(&pair));
                expect_hello(pair.server.session, keep ? &sent : NULL);
                expect_hello(pair.client.session, NULL);
                expect_a_word(&pair.client, &pair.server, "hello");
                expect_hello(pair.server.session, keep ? &sent : NULL);
                bytes_free(&sent);
                pair_close(&pair);
                tls_context_destroy(client_context);
                tls_context_destroy(server_context);
            }
        }
    }
}

static void hello_in_pieces(void) {
    static const struct {
        const char *name;
        size_t fragment; /* bytes of a record; 0: one record */
        size_t chunk;    /* bytes more for each call; 0: all */
    } ways[] = {
        {"1 byte a call", 0, 1},           {"records of 1 byte", 1, 0},   {"records of 1 byte, 1 byte a call", 1, 1},
        {"records of 3 bytes", 3, 7},      {"records of 4 bytes", 4, 11}, {"records of 100 bytes", 100, 0},
        {"records of 100 bytes, 1 byte a call", 100, 1},
    };
    for (size_t p = 0; p < COUNT(protocols); p++) {
        for (size_t w = 0; w < COUNT(ways); w++) {
            scene_t scene;
            test("%s, a ClientHello in %s: its last record stays, those before it go", version_name(protocols[p]),
                 ways[w].name);
            scene_open(&scene, &questions[SERVER_CONTEXT], p);
            side_t *server = scene.asked;
            run_side(scene.other, server);
            bytes_t sent = message_in(&server->inbox);
            size_t last = server->inbox.len;
            if (ways[w].fragment != 0) {
                fragment_records(&server->inbox, ways[w].fragment);
                last = 5 + (sent.len - 1) % ways[w].fragment + 1;
            }
            server->chunk = ways[w].chunk;
            run_side(server, scene.other);
            expect_asked(&scene);
            EXPECT_NUMBER(server->inbox.len, last);
            expect_hello(server->session, &sent);
            bytes_free(&sent);
            answer_question(server, scene.other);
            expect_completes(&scene);
            scene_close(&scene);
        }
    }
}

/* Makes the ClientHello in `records` longer, to `body` bytes behind its header, by padding (RFC 7685), and puts it into
 * records of `fragment` bytes. Nobody can complete a handshake with it. */
static void pad_hello(bytes_t *records, size_t body, size_t fragment) {
    bytes_t message = message_in(records);
    spantls_client_hello_info_t info = read_hello(&message);
    const size_t padding = body + 4 - message.len;
    const uint8_t head[] = {0, 21, (uint8_t)((padding - 4) >> 8), (uint8_t)(padding - 4)};
    uint8_t *zeros = calloc(1, padding);
    bytes_append(&message, head, sizeof head);
    bytes_append(&message, zeros, padding - 4);
    free(zeros);
    const size_t extensions = info.extensions.len + padding;
    message.data[1] = (uint8_t)(body >> 16);
    message.data[2] = (uint8_t)(body >> 8);
    message.data[3] = (uint8_t)body;
    message.data[info.extensions.offset - 2] = (uint8_t)(extensions >> 8);
    message.data[info.extensions.offset - 1] = (uint8_t)extensions;
    bytes_drop(records, records->len);
    for (size_t at = 0; at < message.len; at += fragment) {
        const size_t len = message.len - at < fragment ? message.len - at : fragment;
        const uint8_t header[] = {22, 3, 1, (uint8_t)(len >> 8), (uint8_t)len};
        bytes_append(records, header, sizeof header);
        bytes_append(records, message.data + at, len);
    }
    bytes_free(&message);
}

static void large_hellos(void) {
    static const struct {
        size_t body;
        size_t fragment;
        int alert; /* -1: it is taken */
    } hellos[] = {
        {65535, 16384, -1}, {65535, 64, -1}, {65000, 1000, -1}, {30000, 16384, -1}, {4096, 1, -1},
        {65536, 16384, SPANTLS_ALERT_ILLEGAL_PARAMETER}, {65536, 64, SPANTLS_ALERT_ILLEGAL_PARAMETER},
        {65535, 1, SPANTLS_ALERT_ILLEGAL_PARAMETER}, /* six times its length in records */
    };
    for (size_t h = 0; h < COUNT(hellos); h++) {
        scene_t scene;
        test("a ClientHello of %zu bytes in records of %zu is %s", hellos[h].body, hellos[h].fragment,
             hellos[h].alert < 0 ? "taken" : "refused");
        scene_open(&scene, &questions[SERVER_CONTEXT], 1);
        side_t *server = scene.asked;
        run_side(scene.other, server);
        pad_hello(&server->inbox, hellos[h].body, hellos[h].fragment);
        bytes_t sent = message_in(&server->inbox);
        run_side(server, scene.other);
        if (hellos[h].alert < 0) {
            expect_asked(&scene);
            expect_hello(server->session, &sent);
            answer_question(server, scene.other);
            server->stop_at = TLS_STATUS_NEEDS_SIGNATURE;
            run_side(server, scene.other);
            EXPECT_STATUS(server->status, TLS_STATUS_NEEDS_SIGNATURE);
            answer_question(server, scene.other);
            run_side(server, scene.other);
            EXPECT_STATUS(server->status, TLS_STATUS_WANT_READ);
            expect_hello(server->session, &sent);
            EXPECT_NUMBER(server->inbox.len, 0);
        } else {
            EXPECT_STATUS(server->status, TLS_STATUS_PROTOCOL_ERROR);
            run_side(scene.other, server);
            EXPECT_NUMBER(error_of(scene.other->session).alert_received, hellos[h].alert);
        }
        bytes_free(&sent);
        scene_close(&scene);
    }

    test("a ClientHello with 16,000 bytes of application protocols, and the handshake behind it");
    setup_t client = {.anchors = "ca"};
    tls_options_t *options = make_options(&client);
    for (int i = 0; i < 64; i++) {
        char name[250];
        memset(name, 'a' + i % 26, sizeof name);
        name[0] = (char)('0' + i);
        EXPECT_STATUS(tls_options_add_alpn(options, name, sizeof name), TLS_STATUS_COMPLETE);
    }
    tls_context_t *context = NULL;
    EXPECT_STATUS(tls_context_create_client(options, &context), TLS_STATUS_COMPLETE);
    tls_options_destroy(options);
    pair_t pair = pair_on(context, props.undecided);
    tls_context_destroy(context);
    pair.client.judge = JUDGE_ACCEPT;
    pair.server.judge = JUDGE_ACCEPT;
    pair.server.context = props.requesting;
    pair.server.sign = sign_with;
    pair.server.key = "server-p256";
    pair.server.stop_at = TLS_STATUS_NEEDS_SERVER_OPTIONS;
    run_side(&pair.client, &pair.server);
    bytes_t sent = message_in(&pair.server.inbox);
    EXPECT(sent.len > 16000);
    run_handshake(&pair);
    EXPECT_STATUS(pair.server.status, TLS_STATUS_NEEDS_SERVER_OPTIONS);
    expect_hello(pair.server.session, &sent);
    bytes_free(&sent);
    answer_question(&pair.server, &pair.client);
    EXPECT(run_handshake(&pair));
    expect_a_word(&pair.client, &pair.server, "long");
    pair_close(&pair);
}

static void hello_retried(void) {
    for (int keep = 0; keep < 2; keep++) {
        for (size_t chunk = 0; chunk < 2; chunk++) {
            test("a second ClientHello asks nothing again, and the first one %s%s",
                 keep ? "stays" : "stays until the end", chunk == 1 ? ", 1 byte a call" : "");
            setup_t client = {.anchors = "ca", .groups = {SPANTLS_GROUP_X25519, SPANTLS_GROUP_SECP384R1}};
            setup_t server = {.credentials = "server-p256", .schemes = {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256},
                .groups = {SPANTLS_GROUP_SECP384R1}};
            server.keep_client_hello = keep;
            tls_context_t *client_context = make_context(false, &client);
            tls_context_t *server_context = make_context(true, &server);
            pair_t pair = pair_on(client_context, props.undecided);
            tls_context_destroy(client_context);
            pair.server.context = server_context;
            pair.server.sign = sign_with;
            pair.server.key = "server-p256";
            pair.server.chunk = chunk;
            pair.server.stop_at = TLS_STATUS_NEEDS_SERVER_OPTIONS;
            run_side(&pair.client, &pair.server);
            bytes_t sent = message_in(&pair.server.inbox);
            run_handshake(&pair);
            EXPECT_STATUS(pair.server.status, TLS_STATUS_NEEDS_SERVER_OPTIONS);
            answer_question(&pair.server, &pair.client);
            run_side(&pair.server, &pair.client);
            EXPECT_STATUS(pair.server.status, TLS_STATUS_WANT_READ);
            expect_hello(pair.server.session, &sent);
            /* The context would be asked for again here. */
            run_side(&pair.client, &pair.server);
            pair.server.shown = pair.server.inbox.len;
            EXPECT_STATUS(call_handshake(&pair.server, &pair.client), TLS_STATUS_NEEDS_SIGNATURE);
            expect_hello(pair.server.session, &sent);
            answer_question(&pair.server, &pair.client);
            EXPECT(run_handshake(&pair));
            EXPECT(tls_session_state(pair.server.session) & SPANTLS_STATE_HELLO_RETRIED);
            expect_hello(pair.server.session, keep ? &sent : NULL);
            expect_a_word(&pair.client, &pair.server, "twice");
            bytes_free(&sent);
            pair_close(&pair);
            tls_context_destroy(server_context);
        }
    }
}

/* What arrives in place of a ClientHello, at a server without a context. */
static void no_hello(void) {
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        tls_status_t status;
        int alert;
    } inputs[] = {
        {"an application record", "\x17\3\3\0\1x", 6, TLS_STATUS_PROTOCOL_ERROR, SPANTLS_ALERT_UNEXPECTED_MESSAGE},
        {"a ServerHello", "\x16\3\3\0\4\2\0\0\0", 9, TLS_STATUS_PROTOCOL_ERROR, SPANTLS_ALERT_UNEXPECTED_MESSAGE},
        {"an empty handshake record", "\x16\3\1\0\0", 5, TLS_STATUS_PROTOCOL_ERROR, SPANTLS_ALERT_UNEXPECTED_MESSAGE},
        {"an empty ClientHello", "\x16\3\1\0\4\1\0\0\0", 9, TLS_STATUS_PROTOCOL_ERROR, SPANTLS_ALERT_DECODE_ERROR},
        {"a ClientHello of 2^24-1 bytes", "\x16\3\1\0\4\1\xff\xff\xff", 9, TLS_STATUS_PROTOCOL_ERROR,
         SPANTLS_ALERT_ILLEGAL_PARAMETER},
        {"an alert", "\x15\3\1\0\2\2\x28", 7, TLS_STATUS_PEER_ALERT, -1},
        {"HTTP", "GET / HTTP/1.1\r\n", 16, TLS_STATUS_PROTOCOL_ERROR, SPANTLS_ALERT_UNEXPECTED_MESSAGE},
    };
    for (size_t i = 0; i < COUNT(inputs); i++) {
        test("a server without a context that gets %s asks nobody", inputs[i].name);
        tls_session_t *session = NULL;
        EXPECT_STATUS(tls_session_create(props.undecided, &session), TLS_STATUS_COMPLETE);
        uint8_t output[100];
        size_t consumed = 77;
        size_t written = 77;
        EXPECT_STATUS(tls_session_handshake(session, inputs[i].bytes, inputs[i].len, output,
                                                    sizeof output, &consumed, &written),
                      inputs[i].status);
        EXPECT_NUMBER(error_of(session).alert_sent, inputs[i].alert);
        EXPECT_NUMBER(written, inputs[i].alert < 0 ? 0 : 7);
        EXPECT(written == 0 || output[6] == inputs[i].alert);
        expect_hello(session, NULL);
        tls_session_destroy(session);
    }
}

int main(int argc, char **argv) {
    static void (*const tests[])(const question_t *question, size_t protocol) = {
        answered, bytes_behind,   refused,          answered_with_no, shut_down, destroyed,
        peer_gone, across_threads, answered_wrongly,
    };
    begin(argc, argv);
    open_props();
    for (size_t t = 0; t < COUNT(tests); t++) {
        for (size_t q = 0; q < COUNT(questions); q++) {
            for (size_t p = 0; p < COUNT(protocols); p++) {
                tests[t](&questions[q], p);
            }
        }
    }
    in_order();
    other_bytes_after_the_context();
    contexts_that_do_not_answer();
    all_keys();
    wrong_signatures();
    messages_to_sign();
    credentials_that_do_not_fit();
    what_the_server_wants();
    credentials_for_an_impostor();
    credentials_of_one_session();
    what_the_hello_says();
    hello_in_pieces();
    large_hellos();
    hello_retried();
    no_hello();
    close_props();
    return finish();
}

/*
 * Every function in every state of a session with every wrong argument that its parameters admit, one by one and in all
 * combinations: NULL, wrong handles, lengths that cannot be, spans that overlap, numbers out of range, text that is no
 * text. Each call gives what the table in calls.def expects and writes every out-parameter, and if it was refused has
 * changed nothing: afterwards the session goes on as if nobody had called.
 *
 * A function needs one row in calls.def. A new kind of parameter needs its PASS_ and its KIND in call_kinds.h, a new
 * state its row in calls.def and what brings it about in call_states.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call_kinds.h"

/* --- The table -------------------------------------------------------------------------------------------------- */

/* LIST(P, v, a, b, c): P(a, v[0]), P(b, v[1]), P(c, v[2]) */
#define LIST_1(P, v, a) P(a, v[0])
#define LIST_2(P, v, a, b) LIST_1(P, v, a), P(b, v[1])
#define LIST_3(P, v, a, b, c) LIST_2(P, v, a, b), P(c, v[2])
#define LIST_4(P, v, a, b, c, d) LIST_3(P, v, a, b, c), P(d, v[3])
#define LIST_5(P, v, a, b, c, d, e) LIST_4(P, v, a, b, c, d), P(e, v[4])
#define LIST_6(P, v, a, b, c, d, e, f) LIST_5(P, v, a, b, c, d, e), P(f, v[5])
#define LIST_7(P, v, a, b, c, d, e, f, g) LIST_6(P, v, a, b, c, d, e, f), P(g, v[6])
#define LIST_OF(_1, _2, _3, _4, _5, _6, _7, list, ...) list
#define LIST(P, v, ...) \
    LIST_OF(__VA_ARGS__, LIST_7, LIST_6, LIST_5, LIST_4, LIST_3, LIST_2, LIST_1, none)(P, v, __VA_ARGS__)

#define PASS(kind, argument) PASS_##kind(argument)
#define ADDRESS(kind, ignored) &kind_##kind

/* What a call gives, as a number. */
#define RESULT_STATUS(call) return call
#define RESULT_NUMBER(call) return (long long)call
#define RESULT_TEXT(call) return is_text(call)
#define RESULT_NOTHING(call) \
    call;                    \
    return 0

static bool is_text(const char *text) {
    return text != NULL && text[0] != 0;
}

#define CALL(function, result, answers, ...)                       \
    static long long call_##function(const argument_t *value) {    \
        (void)value;                                               \
        RESULT_##result(function(LIST(PASS, value, __VA_ARGS__))); \
    }
#include "calls.def"

#define ON(groups, status) {groups, status, status, 0, 0},
#define EITHER(groups, status, other) {groups, status, other, 0, 0},
#define IN(version, groups, status) {groups, status, status, SPANTLS_PROTOCOL_TLS##version, 0},
#define OF(side, groups, status) {groups, status, status, 0, 1 + side},
#define CALL(function, result, answers, ...) \
    {#function, call_##function, result, {answers{0, 0, 0, 0, 0}}, {LIST(ADDRESS, ignored, __VA_ARGS__)}},
static const call_t calls[] = {
#include "calls.def"
};

static bool takes_session(const call_t *call) {
    return call->kinds[0] == &kind_SESSION || call->kinds[0] == &kind_CONST_SESSION;
}

/* What the table says of a call in this state. */
static answer_t answer_of(const stage_t *stage) {
    const int group = stage->state == NULL ? NO_SESSION : stage->state->group;
    const answer_t *answer = stage->call->answers;
    while (answer->groups != 0 && ((answer->groups & group) == 0 ||
                                   (answer->protocol != 0 && answer->protocol != stage->state->protocol) ||
                                   (answer->side != 0 && answer->side != 1 + stage->state->side))) {
        answer++;
    }
    answer_t found = *answer;
    if (found.groups == 0) {
        /* Only calls that give the same always need no answers. */
        EXPECT(stage->call->result == TEXT || stage->call->result == NOTHING);
        found.status = found.other = stage->call->result == TEXT ? 1 : 0;
    } else if (found.status == STICKY) {
        found.status = found.other = stage->state->sticky;
    }
    return found;
}

/* --- The stage -------------------------------------------------------------------------------------------------- */

static void set_stage(stage_t *stage) {
    if (stage->state != NULL && !stage->is_set) {
        scene_open(&stage->scene, stage->state);
    }
    stage->is_set = true;
}

static void strike_stage(stage_t *stage) {
    if (stage->state != NULL && stage->is_set) {
        pair_close(&stage->scene.pair);
    }
    tls_credentials_destroy(stage->credentials);
    tls_options_destroy(stage->options);
    tls_context_destroy(stage->context);
    stage->credentials = NULL;
    stage->options = NULL;
    stage->context = NULL;
    stage->is_set = false;
}

/* Good ones. */
static void make_arguments(stage_t *stage) {
    stage->entangled = false;
    stage->num_arguments = 0;
    while (stage->num_arguments < MOST_PARAMETERS && stage->call->kinds[stage->num_arguments] != NULL &&
           stage->call->kinds[stage->num_arguments] != &kind_NONE) {
        argument_t *argument = &stage->arguments[stage->num_arguments];
        memset(argument, 0, sizeof *argument);
        argument->kind = stage->call->kinds[stage->num_arguments];
        argument->number = argument->kind->number;
        if (argument->kind->make != NULL) {
            argument->kind->make(stage, argument);
        }
        stage->num_arguments++;
    }
}

static void free_arguments(stage_t *stage) {
    for (size_t i = 0; i < stage->num_arguments; i++) {
        free(stage->arguments[i].memory);
        free(stage->arguments[i].before);
    }
}

static bool change_argument(stage_t *stage, size_t i, const variant_t *variant) {
    stage->arguments[i].variant = variant;
    return variant->change(stage, &stage->arguments[i]);
}

static bool has_wrong_value(const stage_t *stage) {
    for (size_t i = 0; i < stage->num_arguments; i++) {
        if (stage->arguments[i].variant != NULL && stage->arguments[i].variant->effect != HARMLESS) {
            return true;
        }
    }
    return false;
}

/* The session that the call is made on, or that must not notice it. NULL: there is none. */
static const tls_session_t *session_of(const stage_t *stage) {
    return stage->state == NULL ? NULL : stage->scene.self->session;
}

/* --- One call --------------------------------------------------------------------------------------------------- */

static unsigned long num_calls;

/* The statuses of calls that have done nothing. A sticky failure is none of them: it may come with output. */
static bool is_refusal(long long status) {
    return status == TLS_STATUS_INVALID_ARGUMENT || status == TLS_STATUS_INVALID_STATE ||
           status == TLS_STATUS_INVALID_CONFIGURATION || status == TLS_STATUS_NOT_SUPPORTED;
}

static bool is_expected(const stage_t *stage, long long result) {
    const answer_t answer = answer_of(stage);
    for (size_t i = 0; i < stage->num_arguments; i++) {
        const variant_t *variant = stage->arguments[i].variant;
        if (variant == NULL || stage->call->result != STATUS) {
            continue;
        }
        if (result == variant->status && (variant->effect != HARMLESS || !is_refusal(answer.status))) {
            return true;
        }
        if (variant->effect == REFUSED_LATE && answer.status < 0 && result == answer.status) {
            return true;
        }
    }
    if (has_wrong_value(stage)) {
        /* Where no status can be told: 0, or what a good session that has no such thing tells. */
        const bool nothing = result == 0 || (stage->call->result == NUMBER && answer.status < 0 && result == answer.status);
        return stage->call->result != STATUS && nothing;
    }
    return result == answer.status || result == answer.other ||
           ((answer.status == SOMETHING || answer.other == SOMETHING) && result != 0);
}

static bool same_record(const spantls_error_t *a, const spantls_error_t *b) {
    return a->status == b->status && a->alert_sent == b->alert_sent && a->alert_received == b->alert_received &&
           a->os_error == b->os_error && memcmp(a->message, b->message, sizeof a->message) == 0;
}

/* A failure of its own kind, so that a later one on this thread shows. */
static spantls_error_t mark_last_error(void) {
    tls_credentials_t *none = NULL;
    EXPECT_STATUS(tls_credentials_create_pem(NULL, 0, NULL, 0, NULL, &none), TLS_STATUS_INVALID_CONFIGURATION);
    return last_error();
}

/* Which of the two records of failures the call has written, and what. */
static void check_records(const stage_t *stage, long long result, const spantls_error_t *mark, const spantls_error_t *before) {
    const result_t kind = stage->call->result;
    const bool failed = kind == STATUS ? result < 0 : kind == NUMBER && has_wrong_value(stage);
    const bool on_session = takes_session(stage->call) && stage->arguments[0].variant == NULL;
    /* What reads a record does not write it. */
    const size_t num = stage->num_arguments;
    const bool reads = num > 0 && stage->arguments[num - 1].kind == &kind_ERROR_RECORD;
    const bool reads_last = reads && !takes_session(stage->call);

    const spantls_error_t last = last_error();
    if (failed && !reads_last && (!on_session || reads)) {
        EXPECT_STATUS(last.status, kind == STATUS ? (int)result : TLS_STATUS_INVALID_ARGUMENT);
    } else {
        EXPECT(same_record(&last, mark));
    }
    if (session_of(stage) == NULL) {
        return;
    }
    const spantls_error_t record = error_of(session_of(stage));
    if (on_session && !reads && !(stage->state->bits & BROKEN) &&
        (result == TLS_STATUS_COMPLETE || result == TLS_STATUS_AUTHENTICATION_FAILED) &&
        (tls_session_state(session_of(stage)) & SPANTLS_STATE_FAILED) != 0) {
        /* An answer that refuses: the session has failed within the call. */
        EXPECT_STATUS(record.status, TLS_STATUS_AUTHENTICATION_FAILED);
        EXPECT(record.alert_sent > 0);
    } else if (failed && on_session && !reads && !(stage->state->bits & BROKEN)) {
        EXPECT_STATUS(record.status, (int)result);
        EXPECT(!is_refusal(result) || record.alert_sent == -1);
    } else {
        EXPECT(same_record(&record, before));
    }
}

/* What the peer is owed is made by the next call of the write half, by a refused one too. */
static uint32_t bits_that_stay(const stage_t *stage) {
    return stage->state->group == PEER_CLOSED_12 ? ~(uint32_t)SHUT_DOWN : ~(uint32_t)0;
}

static void describe(const stage_t *stage, long long result) {
    const answer_t answer = answer_of(stage);
    printf("# that was %s(", stage->call->name);
    for (size_t i = 0; i < stage->num_arguments; i++) {
        const argument_t *argument = &stage->arguments[i];
        printf("%s%s: %s", i == 0 ? "" : ", ", argument->kind->name,
               argument->variant == NULL ? "good" : argument->variant->name);
    }
    printf("), which gave %lld; with good arguments %d or %d\n", result, answer.status, answer.other);
}

/* Calls with the arguments that were made, and looks at everything. True if it has changed nothing. */
static bool make_call(stage_t *stage) {
    const int complaints = complaints_so_far();
    const spantls_error_t mark = mark_last_error();
    const tls_session_t *session = session_of(stage);
    const uint32_t bits = session == NULL ? 0 : tls_session_state(session);
    const spantls_error_t before = session == NULL ? mark : error_of(session);

    const long long result = stage->call->function(stage->arguments);
    num_calls++;

    EXPECT(is_expected(stage, result));
    const bool refused = has_wrong_value(stage) || (stage->call->result == STATUS && is_refusal(result));
    const bool unchanged = refused || stage->num_arguments == 0 || stage->arguments[0].kind == &kind_CONST_SESSION;
    if (stage->call->result == NOTHING && !refused) {
        *stage->arguments[0].owner = NULL;
    }
    for (size_t i = 0; i < stage->num_arguments; i++) {
        if (stage->arguments[i].kind->check != NULL) {
            stage->arguments[i].kind->check(stage, &stage->arguments[i], refused, result);
        }
    }
    check_records(stage, result, &mark, &before);
    if (unchanged && session != NULL) {
        EXPECT_NUMBER((tls_session_state(session) ^ bits) & bits_that_stay(stage), 0);
    }
    if (complaints_so_far() > complaints && complaints_so_far() < 20) {
        describe(stage, result);
    }
    return unchanged;
}

/* --- All calls -------------------------------------------------------------------------------------------------- */

/* What calls without effect were made on is as good as before. */
static void tell_story(stage_t *stage) {
    const int complaints = complaints_so_far();
    if (stage->state != NULL) {
        stage->state->story(&stage->scene);
    }
    if (stage->options != NULL) {
        tls_context_t *context = NULL;
        EXPECT_STATUS(tls_context_create_server(stage->options, &context), TLS_STATUS_COMPLETE);
        tls_context_destroy(context);
    }
    if (stage->context != NULL) {
        EXPECT_NUMBER(tls_context_is_server(stage->context), 1);
    }
    if (stage->credentials != NULL) {
        EXPECT_STATUS(tls_options_set_credentials(others.options, stage->credentials), TLS_STATUS_COMPLETE);
    }
    if (complaints_so_far() > complaints) {
        printf("# that was how things went on after calls up to %s\n", stage->call->name);
    }
}

/* The first variant from `from` on that is refused. */
static size_t next_wrong(const kind_t *kind, size_t from) {
    while (kind->variants[from].name != NULL && kind->variants[from].effect == HARMLESS) {
        from++;
    }
    return from;
}

/* Counts through all combinations; each choice is the number of a wrong variant plus 1, or 0 for the good value. False
 * when all are good again. */
static bool next_combination(const stage_t *stage, size_t *choices) {
    for (size_t i = 0; i < stage->num_arguments; i++) {
        const kind_t *kind = stage->arguments[i].kind;
        const size_t next = next_wrong(kind, choices[i]);
        if (kind->variants[next].name != NULL) {
            choices[i] = next + 1;
            return true;
        }
        choices[i] = 0;
    }
    return false;
}

/* Every combination of good and wrong values but for the one that is all good. `quick`: one wrong value at a time. */
static void wrong_calls(stage_t *stage) {
    size_t choices[MOST_PARAMETERS] = {0};
    bool more = true;
    set_stage(stage);
    while (more) {
        size_t num_wrong = 0;
        bool possible = true;
        make_arguments(stage);
        more = next_combination(stage, choices);
        for (size_t i = 0; i < stage->num_arguments; i++) {
            if (choices[i] > 0) {
                num_wrong++;
                possible = possible && change_argument(stage, i, &stage->arguments[i].kind->variants[choices[i] - 1]);
            }
        }
        if (possible && num_wrong > 0 && (num_wrong == 1 || !quick)) {
            make_call(stage);
        }
        free_arguments(stage);
    }
}

/* One call with good arguments, or with a harmless variant of one of them. */
static void right_call(stage_t *stage, size_t parameter, const variant_t *variant) {
    set_stage(stage);
    make_arguments(stage);
    const bool possible = variant == NULL || change_argument(stage, parameter, variant);
    const bool unchanged = !possible || make_call(stage);
    free_arguments(stage);
    if (!unchanged) {
        if (session_of(stage) != NULL) {
            drain_to(stage->scene.self, stage->scene.peer, ROOM);
        }
        strike_stage(stage);
    }
}

/* `quick`: every fourth harmless variant, so that each has its turn in some state. */
static void right_calls(stage_t *stage) {
    static unsigned turn = 0;
    right_call(stage, 0, NULL);
    for (size_t i = 0; i < MOST_PARAMETERS && stage->call->kinds[i] != NULL; i++) {
        const variant_t *variant = stage->call->kinds[i]->variants;
        for (; variant->name != NULL; variant++) {
            if (variant->effect == HARMLESS && (!quick || ++turn % 4 == 0)) {
                right_call(stage, i, variant);
            }
        }
    }
}

/* Whether the `i`th call is made in this state: all that take a session, and without a state all others. `sparse`: every fourth of
 * the former, others in the next state. */
static bool is_due(size_t i, const state_t *state) {
    return takes_session(&calls[i]) == (state != NULL) && (!sparse || state == NULL || (i + (size_t)(state - states)) % 4 == 0);
}

/* All calls that are due in this state. */
static void calls_in(const state_t *state, const char *where) {
    stage_t stage;
    memset(&stage, 0, sizeof stage);
    stage.state = state;

    test("%s: wrong arguments are refused, and nothing has changed", where);
    for (size_t i = 0; i < COUNT(calls); i++) {
        if (is_due(i, state)) {
            stage.call = &calls[i];
            wrong_calls(&stage);
            if (!quick) {
                tell_story(&stage);
                strike_stage(&stage);
            }
        }
    }
    if (quick) {
        tell_story(&stage);
        strike_stage(&stage);
    }

    test("%s: every call gives what the table says", where);
    for (size_t i = 0; i < COUNT(calls); i++) {
        if (is_due(i, state)) {
            stage.call = &calls[i];
            right_calls(&stage);
        }
    }
    if (stage.is_set) {
        tell_story(&stage);
    }
    strike_stage(&stage);
}

static void make_others(void) {
    others.credentials = make_credentials("server-p256");
    others.options = make_options(&server_setup);
    others.context = make_context(true, &server_setup);
    EXPECT_STATUS(tls_session_create(others.context, &others.session), TLS_STATUS_COMPLETE);
}

static void end_others(void) {
    test("handles that were passed where others are wanted are as they were");
    EXPECT_NUMBER(tls_session_state(others.session), 0);
    EXPECT_STATUS(error_of(others.session).status, TLS_STATUS_COMPLETE);
    EXPECT_NUMBER(tls_context_is_server(others.context), 1);
    EXPECT_STATUS(tls_options_set_credentials(others.options, others.credentials), TLS_STATUS_COMPLETE);
    EXPECT(is_filled((const uint8_t *)others.zeroes, sizeof others.zeroes, 0));
    tls_session_destroy(others.session);
    tls_context_destroy(others.context);
    tls_options_destroy(others.options);
    tls_credentials_destroy(others.credentials);
}

int main(int argc, char **argv) {
    begin(argc, argv);
    make_others();
    calls_in(NULL, "without a session");
    for (size_t i = 0; i < COUNT(states); i++) {
        char where[100];
        snprintf(where, sizeof where, "%s, TLS %s, %s", states[i].side == SERVER ? "server" : "client",
                 states[i].protocol == SPANTLS_PROTOCOL_TLS13 ? "1.3" : "1.2", states[i].sentence);
        calls_in(&states[i], where);
    }
    end_others();
    destroy_scene_contexts();
    printf("# %zu functions, %zu states, %lu calls\n", COUNT(calls), COUNT(states), num_calls);
    return finish();
}

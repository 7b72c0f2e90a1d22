/*
 * The kinds of parameters of calls.def, for test_every_call.c: how each is passed, its good value, its wrong ones, and
 * what a call may do to it.
 */

#ifndef CALL_KINDS_H
#define CALL_KINDS_H

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "call_states.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum {
    MOST_PARAMETERS = 7,
    MOST_VARIANTS = 20,
    /* Behind every output span. */
    GUARD = 16,
    /* What outputs are filled with before a call. */
    PATTERN = 0x5A,
};

/* --- What a call is made with ----------------------------------------------------------------------------------- */

typedef struct kind kind_t;
typedef struct variant variant_t;

/* The value of one parameter, and what is behind it. */
typedef struct {
    const kind_t *kind;
    const variant_t *variant; /* NULL: a good value */
    /* What is passed. */
    void *pointer;
    size_t len;
    size_t *out_len;
    long long number;
    /* A span's bytes, and what they were before the call if it is an input. */
    uint8_t *memory;
    size_t size;
    uint8_t *before;
    /* What of an input no output may overlap. */
    const uint8_t *region;
    size_t region_len;
    /* The place of an out-parameter. */
    union {
        size_t size;
        uint32_t bits;
        void *handle;
        struct {
            spantls_error_t error;
            uint8_t behind[64];
        } record;
        struct {
            spantls_validation_t report;
            uint8_t behind[64];
        } validation;
        struct {
            spantls_client_hello_info_t info;
            uint8_t behind[64];
        } hello;
        struct {
            spantls_certificate_info_t info;
            uint8_t behind[64];
        } certificate;
        struct {
            spantls_session_stats_t stats;
            uint8_t behind[64];
        } counted;
        uint16_t scheme;
    } out;
    /* Where the handle is kept. */
    void **owner;
} argument_t;

/* Expectations beside the values of tls_status_t. */
enum { STICKY = 1000, SOMETHING, SAME };

typedef struct {
    int groups;
    int status;
    int other;
    uint32_t protocol; /* 0: any */
    int side; /* 0: any, else 1 and the side */
} answer_t;

typedef enum { STATUS, NUMBER, TEXT, NOTHING } result_t;

/* A row of calls.def. */
typedef struct {
    const char *name;
    long long (*function)(const argument_t *value);
    result_t result;
    answer_t answers[10]; /* until one for no group */
    const kind_t *kinds[MOST_PARAMETERS]; /* until NULL */
} call_t;

/* A call on its way. */
typedef struct {
    const call_t *call;
    const state_t *state; /* NULL: the call takes no session */
    scene_t scene;
    bool is_set; /* the scene is there */
    tls_credentials_t *credentials;
    tls_options_t *options;
    tls_context_t *context;
    argument_t arguments[MOST_PARAMETERS];
    size_t num_arguments;
    /* Some out-parameter lies in an output span, or on another. */
    bool entangled;
} stage_t;

/* What a value that is not simply good does. */
typedef enum {
    REFUSED,      /* refused with `status` */
    REFUSED_LATE, /* the same, unless the state refuses the call before */
    HARMLESS,     /* as a good value; or, if the state allows the call, `status` (SAME: only that) */
} effect_t;

struct variant {
    const char *name;
    effect_t effect;
    int status;
    /* Makes the good value this one; false if that cannot be here. */
    bool (*change)(stage_t *stage, argument_t *argument);
    long long number;
    const char *text;
};

struct kind {
    const char *name;
    /* Makes a good value; NULL: `number`. */
    void (*make)(stage_t *stage, argument_t *argument);
    /* Looks at the value after the call; `refused`: it has done nothing. NULL: nothing to see. */
    void (*check)(const stage_t *stage, const argument_t *argument, bool refused, long long result);
    long long number;
    const char *text;
    variant_t variants[MOST_VARIANTS]; /* until one without a name */
};

/* Handles to be passed where others are wanted. */
static struct {
    tls_credentials_t *credentials;
    tls_options_t *options;
    tls_context_t *context;
    tls_session_t *session;
    uint64_t zeroes[64];
} others;

static const setup_t server_setup = {.credentials = "server-p256"};
static const setup_t client_setup = {.anchors = "ca"};

static void *allocate(size_t len) {
    void *memory = malloc(len == 0 ? 1 : len);
    if (memory == NULL) {
        give_up("out of memory");
    }
    return memory;
}

static bool is_filled(const void *memory, size_t len, uint8_t byte) {
    const uint8_t *data = memory;
    return len == 0 || (data[0] == byte && memcmp(data, data + 1, len - 1) == 0);
}

/* --- Passing ---------------------------------------------------------------------------------------------------- */

/* The casts make the compiler compare kinds with the header. */
#define PASS_NONE(a)
#define PASS_SESSION(a) (tls_session_t *)(a).pointer
#define PASS_CONST_SESSION(a) (const tls_session_t *)(a).pointer
#define PASS_CONTEXT(a) (tls_context_t *)(a).pointer
#define PASS_CONST_CONTEXT(a) (const tls_context_t *)(a).pointer
#define PASS_OPTIONS(a) (tls_options_t *)(a).pointer
#define PASS_CONST_OPTIONS(a) (const tls_options_t *)(a).pointer
#define PASS_SERVER_OPTIONS(a) (const tls_options_t *)(a).pointer
#define PASS_RESUMING_CONTEXT(a) (tls_context_t *)(a).pointer
#define PASS_SERVER_CONTEXT(a) (tls_context_t *)(a).pointer
#define PASS_CREDENTIALS(a) (tls_credentials_t *)(a).pointer
#define PASS_CREDENTIALS_OR_NULL(a) (const tls_credentials_t *)(a).pointer
#define PASS_BYTES(a) (const void *)(a).pointer, (a).len
#define PASS_RECEIVED(a) PASS_BYTES(a)
#define PASS_CHARACTERS(a) (const char *)(a).pointer, (a).len
#define PASS_PLAINTEXT(a) PASS_BYTES(a)
#define PASS_CHAIN_PEM(a) PASS_CHARACTERS(a)
#define PASS_KEY_PEM(a) PASS_CHARACTERS(a)
#define PASS_ANCHORS_PEM(a) PASS_CHARACTERS(a)
#define PASS_CRL_PEM(a) PASS_CHARACTERS(a)
#define PASS_ANCHOR_DER(a) PASS_BYTES(a)
#define PASS_CRL_DER(a) PASS_BYTES(a)
#define PASS_ALPN_NAME(a) PASS_BYTES(a)
#define PASS_SIGNATURE(a) PASS_BYTES(a)
#define PASS_LABEL(a) PASS_CHARACTERS(a)
#define PASS_CONTEXT_OR_NULL(a) PASS_BYTES(a)
#define PASS_STAPLE(a) PASS_BYTES(a)
#define PASS_TICKET_ROOTS(a) (const spantls_ticket_root_t *)(a).pointer, (a).len
#define PASS_SPANS(a) (const spantls_span_t *)(a).pointer, (a).len
#define PASS_IN_PLACE(a) (void *)(a).pointer, (a).len
#define PASS_OUTPUT(a) (void *)(a).pointer, (a).len
#define PASS_MATERIAL(a) (void *)(a).pointer, (a).len
#define PASS_SUITES(a) (const uint16_t *)(a).pointer, (a).len
#define PASS_SCHEMES(a) (const uint16_t *)(a).pointer, (a).len
#define PASS_GROUPS(a) (const uint16_t *)(a).pointer, (a).len
#define PASS_HOST_NAME(a) (const char *)(a).pointer
#define PASS_NAME_OR_WILDCARD(a) (const char *)(a).pointer
#define PASS_CHAIN_DER(a) (const spantls_span_t *)(a).pointer, (a).len
#define PASS_KEY_DER(a) PASS_BYTES(a)
#define PASS_PASSPHRASE(a) (const char *)(a).pointer
#define PASS_CHAIN_PATH(a) (const char *)(a).pointer
#define PASS_KEY_PATH(a) (const char *)(a).pointer
#define PASS_ANCHORS_PATH(a) (const char *)(a).pointer
#define PASS_CRL_PATH(a) (const char *)(a).pointer
#define PASS_KEY_LOG_PATH(a) (const char *)(a).pointer
#define PASS_ANY_STATUS(a) (tls_status_t)(a).number
#define PASS_ANY_ALERT(a) (uint8_t)(a).number
#define PASS_ANY_IANA_NUMBER(a) (uint16_t)(a).number
#define PASS_FATAL_ALERT(a) (uint8_t)(a).number
#define PASS_POLICY_ERRORS(a) (uint32_t)(a).number
#define PASS_PROTOCOLS(a) (uint32_t)(a).number
#define PASS_CERTIFICATE_MODE(a) (int32_t)(a).number
#define PASS_REQUESTS_MODE(a) (int32_t)(a).number
#define PASS_VALIDATION_MODE(a) (int32_t)(a).number
#define PASS_ANCHOR_MODE(a) (int32_t)(a).number
#define PASS_VALIDATION_TIME(a) (int64_t)(a).number
#define PASS_BINDING_KIND(a) (int32_t)(a).number
#define PASS_SWITCH(a) (int32_t)(a).number
#define PASS_DEPTH(a) (int32_t)(a).number
#define PASS_SOCKET(a) (spantls_socket_t)(a).number
#define PASS_SOCKET_FLAGS(a) (uint32_t)(a).number
#define PASS_TICKET_LIFETIME(a) (uint32_t)(a).number
#define PASS_TICKET_COUNT(a) (uint32_t)(a).number
#define PASS_FRAGMENT_SIZE(a) (size_t)(a).number
#define PASS_ANY_INDEX(a) (size_t)(a).number
#define PASS_PLAINTEXT_LEN(a) (size_t)(a).number
#define PASS_USER_DATA(a) (a).pointer
#define PASS_INDEX(a) (size_t)(a).number
#define PASS_COPY_OUT(a) (void *)(a).pointer, (a).len, (a).out_len
#define PASS_COPY_OUT_TEXT(a) (char *)(a).pointer, (a).len, (a).out_len
#define PASS_ERROR_RECORD(a) (spantls_error_t *)(a).pointer
#define PASS_VALIDATION(a) (spantls_validation_t *)(a).pointer
#define PASS_HELLO_INFO(a) (spantls_client_hello_info_t *)(a).pointer
#define PASS_CERTIFICATE_DER(a) PASS_BYTES(a)
#define PASS_CERTIFICATE_FIELD(a) (int32_t)(a).number
#define PASS_CERTIFICATE_INFO(a) (spantls_certificate_info_t *)(a).pointer
#define PASS_STATS(a) (spantls_session_stats_t *)(a).pointer
#define PASS_OUT_CONSUMED(a) (size_t *)(a).pointer
#define PASS_OUT_WRITTEN(a) (size_t *)(a).pointer
#define PASS_OUT_SIZE(a) (size_t *)(a).pointer
#define PASS_OUT_COUNT_OR_NULL(a) (size_t *)(a).pointer
#define PASS_OUT_SCHEME_OR_NULL(a) (uint16_t *)(a).pointer
#define PASS_OUT_BITS_OR_NULL(a) (uint32_t *)(a).pointer
#define PASS_OUT_CREDENTIALS(a) (tls_credentials_t **)(a).pointer
#define PASS_OUT_OPTIONS(a) (tls_options_t **)(a).pointer
#define PASS_OUT_CONTEXT(a) (tls_context_t **)(a).pointer
#define PASS_OUT_SESSION(a) (tls_session_t **)(a).pointer

/* --- Good values ------------------------------------------------------------------------------------------------ */

#define MAKE(name) static void name(stage_t *stage, argument_t *argument)

MAKE(make_socket) {
    static int pair[2] = {-1, -1};
    (void)stage;
    if (pair[0] < 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        give_up("no socket pair");
    }
    argument->number = pair[0];
}

MAKE(make_session) {
    argument->owner = (void **)&stage->scene.self->session;
    argument->pointer = *argument->owner;
}

MAKE(make_context_handle) {
    if (stage->context == NULL) {
        stage->context = make_context(true, &server_setup);
    }
    argument->owner = (void **)&stage->context;
    argument->pointer = stage->context;
}

/* A context whose sessions may be resumed. */
MAKE(make_resuming_context) {
    if (stage->context == NULL) {
        setup_t setup = server_setup;
        setup.resume = 1;
        stage->context = make_context(true, &setup);
    }
    make_context_handle(stage, argument);
}

MAKE(make_options_handle) {
    if (stage->options == NULL) {
        stage->options = make_options(&server_setup);
    }
    argument->owner = (void **)&stage->options;
    argument->pointer = stage->options;
}

MAKE(make_credentials_handle) {
    if (stage->credentials == NULL) {
        stage->credentials = make_credentials("client-p256");
    }
    argument->owner = (void **)&stage->credentials;
    argument->pointer = stage->credentials;
}

/* An input of exactly `size` bytes, so that memory checkers see a read behind it. */
static void put_input(argument_t *argument, const void *data, size_t size) {
    free(argument->memory);
    free(argument->before);
    argument->memory = allocate(size);
    argument->before = allocate(size);
    if (size > 0) {
        memcpy(argument->memory, data, size);
        memcpy(argument->before, data, size);
    }
    argument->size = size;
    argument->pointer = argument->memory;
    argument->len = size;
    argument->region = argument->memory;
    argument->region_len = size;
}

static void put_text(argument_t *argument, const char *text) {
    put_input(argument, text, strlen(text) + 1);
}

MAKE(make_received) {
    put_input(argument, stage->scene.self->inbox.data, stage->scene.self->inbox.len);
}

MAKE(make_bytes) {
    (void)stage;
    put_input(argument, argument->kind->text, strlen(argument->kind->text));
}

MAKE(make_file) {
    (void)stage;
    bytes_t file = read_file(argument->kind->text);
    put_input(argument, file.data, file.len);
    bytes_free(&file);
}

/* The bytes of the first PEM block of a file. */
MAKE(make_der) {
    (void)stage;
    const bool is_list = strncmp(argument->kind->text, "crl", 3) == 0;
    bytes_t der = read_block(argument->kind->text, is_list ? "X509 CRL" : "CERTIFICATE", 0);
    put_input(argument, der.data, der.len);
    bytes_free(&der);
}

MAKE(make_text) {
    (void)stage;
    put_text(argument, argument->kind->text);
}

MAKE(make_path) {
    (void)stage;
    put_text(argument, file_path(argument->kind->text));
}

static void put_ids(argument_t *argument, uint16_t first, uint16_t second) {
    const uint16_t ids[] = {first, second};
    put_input(argument, ids, sizeof ids);
    argument->len = COUNT(ids);
}

/* The number, and the one behind it. */
MAKE(make_ids) {
    (void)stage;
    put_ids(argument, (uint16_t)argument->kind->number, (uint16_t)(argument->kind->number + 1));
}

MAKE(make_one_id) {
    (void)stage;
    const uint16_t id = (uint16_t)argument->kind->number;
    put_input(argument, &id, sizeof id);
    argument->len = 1;
}

/* Spans of which every third is empty; the last is where outputs may not be. */
static void put_spans(argument_t *argument, size_t num, const uint8_t *last, size_t last_len, size_t other_len) {
    static const uint8_t data[] = "plaintext in spans";
    spantls_span_t spans[20];
    for (size_t i = 0; i < num; i++) {
        spans[i].data = i % 3 == 0 ? NULL : data;
        spans[i].len = i % 3 == 0 ? 0 : other_len;
    }
    spans[num - 1].data = last;
    spans[num - 1].len = last_len;
    put_input(argument, spans, num * sizeof spans[0]);
    argument->len = num;
    argument->region = last;
    argument->region_len = last_len;
}

/* The certificate of server-p256, as one span. */
MAKE(make_chain_der) {
    static bytes_t certificate;
    (void)stage;
    if (certificate.data == NULL) {
        certificate = read_certificate(argument->kind->text, 0);
    }
    put_spans(argument, 1, certificate.data, certificate.len, 0);
}

MAKE(make_key_der) {
    (void)stage;
    bytes_t key = read_block(argument->kind->text, "PRIVATE KEY", 0);
    put_input(argument, key.data, key.len);
    bytes_free(&key);
}

static uint8_t root_secrets[17 + 1024];

/* Roots that seal one after the other. Their secrets overlap, and no two are the same. */
static void put_roots(argument_t *argument, size_t num, const void *secret, size_t secret_len, int64_t open_until) {
    spantls_ticket_root_t roots[17];
    for (size_t i = 0; i < sizeof root_secrets; i++) {
        root_secrets[i] = (uint8_t)(i * i + 7);
    }
    for (size_t i = 0; i < num; i++) {
        roots[i].secret = root_secrets + i;
        roots[i].secret_len = 32;
        roots[i].seal_from = (int64_t)i;
        roots[i].open_until = INT64_MAX;
    }
    roots[0].secret = secret;
    roots[0].secret_len = secret_len;
    roots[0].open_until = open_until;
    put_input(argument, roots, num * sizeof roots[0]);
    argument->len = num;
}

MAKE(make_roots) {
    (void)stage;
    put_roots(argument, 2, root_secrets, 32, INT64_MAX);
}

static const uint8_t last_span[] = "the last span";

MAKE(make_spans) {
    (void)stage;
    put_spans(argument, 3, last_span, sizeof last_span, 3);
}

MAKE(make_out) {
    (void)stage;
    memset(&argument->out, PATTERN, sizeof argument->out);
    argument->pointer = &argument->out;
}

MAKE(make_output) {
    (void)stage;
    argument->memory = allocate(ROOM + GUARD);
    memset(argument->memory, PATTERN, ROOM + GUARD);
    argument->size = ROOM;
    argument->pointer = argument->memory;
    argument->len = ROOM;
}

/* Room that keying material of every length fits into; it is always filled. */
MAKE(make_material) {
    make_output(stage, argument);
    argument->len = 48;
}

MAKE(make_copy_out) {
    make_out(stage, argument);
    make_output(stage, argument);
    argument->out_len = &argument->out.size;
}

MAKE(make_error_record) {
    make_out(stage, argument);
    argument->number = sizeof argument->out.record.error;
    argument->out.record.error.struct_size = sizeof argument->out.record.error;
}

MAKE(make_validation) {
    make_out(stage, argument);
    argument->number = sizeof argument->out.validation.report;
    argument->out.validation.report.struct_size = sizeof argument->out.validation.report;
}

MAKE(make_hello_info) {
    make_out(stage, argument);
    argument->number = sizeof argument->out.hello.info;
    argument->out.hello.info.struct_size = sizeof argument->out.hello.info;
}

MAKE(make_certificate_info) {
    make_out(stage, argument);
    argument->number = sizeof argument->out.certificate.info;
    argument->out.certificate.info.struct_size = sizeof argument->out.certificate.info;
}

MAKE(make_certificate) {
    bytes_t der = read_certificate("server-p256.pem", 0);
    (void)stage;
    put_input(argument, der.data, der.len);
    bytes_free(&der);
}

MAKE(make_stats) {
    make_out(stage, argument);
    argument->number = sizeof argument->out.counted.stats;
    argument->out.counted.stats.struct_size = sizeof argument->out.counted.stats;
}

MAKE(make_nothing) {
    (void)stage;
    put_input(argument, NULL, 0);
}

/* --- Wrong and unusual values ----------------------------------------------------------------------------------- */

#define CHANGE(name) static bool name(stage_t *stage, argument_t *argument)

/* What a variant is that needs no more than the values of its argument. */
#define CHANGE_TO(name, change)      \
    CHANGE(name) {                   \
        (void)stage;                 \
        change;                      \
        return true;                 \
    }

CHANGE_TO(null_pointer, argument->pointer = NULL)
CHANGE_TO(a_session, argument->pointer = others.session)
CHANGE_TO(a_context, argument->pointer = others.context)
CHANGE_TO(some_options, argument->pointer = others.options)
CHANGE_TO(some_credentials, argument->pointer = others.credentials)
CHANGE_TO(zeroes, argument->pointer = others.zeroes)
CHANGE_TO(a_slip, argument->pointer = (char *)argument->pointer + 1)

CHANGE_TO(null_with_len, argument->pointer = NULL; argument->len = 5)
CHANGE_TO(len_of_number, argument->len = (size_t)argument->variant->number)
CHANGE_TO(empty_null, argument->pointer = NULL; argument->len = 0)
/* The pointer of an empty span may be anything. */
CHANGE_TO(empty_astray, argument->pointer = (void *)(uintptr_t)1; argument->len = 0)

CHANGE_TO(another_number, argument->number = argument->variant->number)
CHANGE_TO(another_text, put_text(argument, argument->variant->text))
/* One good identifier, and one of this number. */
CHANGE_TO(other_ids, put_ids(argument, (uint16_t)argument->kind->number, (uint16_t)argument->variant->number))

CHANGE_TO(span_of_null, put_spans(argument, 3, NULL, 5, 3))
CHANGE_TO(span_of_number, put_spans(argument, 3, last_span, (size_t)argument->variant->number, 3))
/* Each as long as memory can be at most, all of them together longer than a size_t. */
CHANGE_TO(spans_without_end, put_spans(argument, 17, last_span, 1, SIZE_MAX / 2))
/* More than the library has a place for on its stack. */
CHANGE_TO(many_spans, put_spans(argument, 20, last_span, sizeof last_span, 3))

CHANGE_TO(many_roots, put_roots(argument, (size_t)argument->variant->number, root_secrets, 32, INT64_MAX))
CHANGE_TO(secret_of_number, put_roots(argument, 2, root_secrets, (size_t)argument->variant->number, INT64_MAX))
CHANGE_TO(secret_of_null, put_roots(argument, 2, NULL, 32, INT64_MAX))
CHANGE_TO(one_root_twice, put_roots(argument, 2, root_secrets + 1, 32, INT64_MAX))
CHANGE_TO(root_until_number, put_roots(argument, 2, root_secrets, 32, argument->variant->number))

CHANGE_TO(no_place_for_len, argument->out_len = NULL)
CHANGE_TO(len_in_buffer, argument->out_len = argument->pointer; stage->entangled = true)
/* Every struct begins with it. */
CHANGE_TO(struct_size_of_number, argument->number = argument->variant->number;
          argument->out.size = (size_t)argument->variant->number)

/* A descriptor, but no socket's. */
CHANGE(file_descriptor) {
    static int file = -1;
    (void)stage;
    if (file < 0 && (file = open("/dev/null", O_RDONLY)) < 0) {
        give_up("no /dev/null");
    }
    argument->number = file;
    return true;
}

/* `number` bytes of this text, again and again, and a NUL behind them. */
CHANGE(long_bytes) {
    const variant_t *variant = argument->variant;
    const size_t len = (size_t)variant->number;
    char *bytes = allocate(len + 1);
    (void)stage;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = variant->text[i % strlen(variant->text)];
    }
    bytes[len] = 0;
    put_input(argument, bytes, len);
    free(bytes);
    return true;
}

/* Without `number` bytes at the end. */
CHANGE(shorter) {
    (void)stage;
    argument->len -= (size_t)argument->variant->number;
    return true;
}

CHANGE(long_text) {
    long_bytes(stage, argument);
    char *text = allocate(argument->size + 1);
    memcpy(text, argument->memory, argument->size);
    text[argument->size] = 0;
    put_text(argument, text);
    free(text);
    return true;
}

CHANGE(a_client_context) {
    tls_context_destroy(stage->context);
    stage->context = make_context(false, &client_setup);
    argument->pointer = stage->context;
    return true;
}

CHANGE(an_undecided_context) {
    tls_context_destroy(stage->context);
    stage->context = NULL;
    EXPECT_STATUS(tls_context_create_server(NULL, &stage->context), TLS_STATUS_COMPLETE);
    argument->pointer = stage->context;
    return true;
}

/* The output begins where a good input of this call does, or on its last byte. */
static bool overlap(const stage_t *stage, argument_t *argument, bool at_the_end) {
    for (size_t i = 0; i < stage->num_arguments; i++) {
        const argument_t *input = &stage->arguments[i];
        if (input->region_len > 0 && input->variant == NULL) {
            argument->pointer = (void *)(uintptr_t)(input->region + (at_the_end ? input->region_len - 1 : 0));
            return true;
        }
    }
    return false;
}

CHANGE(over_input) {
    return overlap(stage, argument, false);
}

CHANGE(over_input_end) {
    return overlap(stage, argument, true);
}

/* The same with the input right before it. */
CHANGE(over_last_input) {
    const argument_t *input = argument - 1;
    (void)stage;
    argument->pointer = (void *)(uintptr_t)input->region;
    return input->region_len > 0 && input->variant == NULL;
}

/* The place for a count is in the good output of this call. */
static bool entangle(stage_t *stage, argument_t *argument, size_t at) {
    for (size_t i = 0; i < stage->num_arguments; i++) {
        const argument_t *output = &stage->arguments[i];
        if (output->memory != NULL && output->before == NULL && output->variant == NULL) {
            argument->pointer = output->memory + at;
            stage->entangled = true;
            return true;
        }
    }
    return false;
}

CHANGE(in_output_front) {
    return entangle(stage, argument, 0);
}

CHANGE(in_output_back) {
    return entangle(stage, argument, ROOM - sizeof(size_t));
}

/* The place for a count is that of the call's last one. */
CHANGE(on_another) {
    const argument_t *last = &stage->arguments[stage->num_arguments - 1];
    argument->pointer = last->pointer;
    stage->entangled = true;
    return last != argument;
}

/* --- After the call --------------------------------------------------------------------------------------------- */

#define CHECK(name) \
    static void name(const stage_t *stage, const argument_t *argument, bool refused, long long result)
#define IGNORE_THE_REST (void)stage, (void)argument, (void)refused, (void)result

CHECK(check_input) {
    IGNORE_THE_REST;
    EXPECT(memcmp(argument->memory, argument->before, argument->size) == 0);
}

CHECK(check_in_place) {
    if (refused) {
        check_input(stage, argument, refused, result);
    }
}

CHECK(check_output) {
    IGNORE_THE_REST;
    EXPECT(is_filled(argument->memory + ROOM, GUARD, PATTERN));
    if (refused && !stage->entangled) {
        EXPECT(is_filled(argument->memory, ROOM, PATTERN));
    }
}

static size_t read_size(const void *from) {
    size_t size;
    memcpy(&size, from, sizeof size);
    return size;
}

/* A count of at most the sizes of these kinds' spans, 0 if the call did nothing. */
static void check_count(const stage_t *stage, const argument_t *argument, bool refused, const kind_t *const *kinds) {
    if (argument->pointer == NULL) {
        return;
    }
    const size_t count = read_size(argument->pointer);
    if (refused) {
        EXPECT_NUMBER(count, 0);
    }
    for (; *kinds != NULL && !stage->entangled; kinds++) {
        for (size_t i = 0; i < stage->num_arguments; i++) {
            if (stage->arguments[i].kind == *kinds) {
                EXPECT(count <= stage->arguments[i].len);
            }
        }
    }
}

static const kind_t kind_RECEIVED;
static const kind_t kind_PLAINTEXT;
static const kind_t kind_IN_PLACE;
static const kind_t kind_OUTPUT;

CHECK(check_consumed) {
    static const kind_t *const inputs[] = {&kind_RECEIVED, &kind_PLAINTEXT, &kind_IN_PLACE, NULL};
    IGNORE_THE_REST;
    check_count(stage, argument, refused, inputs);
}

CHECK(check_written) {
    static const kind_t *const outputs[] = {&kind_OUTPUT, NULL};
    IGNORE_THE_REST;
    check_count(stage, argument, refused, outputs);
}

CHECK(check_size) {
    static const kind_t *const spans[] = {&kind_IN_PLACE, NULL};
    IGNORE_THE_REST;
    check_count(stage, argument, refused, spans);
    EXPECT(argument->pointer == NULL || stage->entangled || read_size(argument->pointer) <= ROOM);
}

CHECK(check_bits) {
    IGNORE_THE_REST;
    if (argument->pointer != NULL) {
        EXPECT(argument->out.bits == 0 || (!refused && argument->out.bits <= 7));
    }
}

CHECK(check_copy_out) {
    IGNORE_THE_REST;
    EXPECT(is_filled(argument->memory + ROOM, GUARD, PATTERN));
    if (refused && argument->out_len != NULL) {
        EXPECT_NUMBER(read_size(argument->out_len), 0);
    }
    if (stage->entangled) {
        return;
    }
    size_t copied = 0;
    if (result == TLS_STATUS_BUFFER_TOO_SMALL) {
        EXPECT(*argument->out_len > argument->len && *argument->out_len <= ROOM);
    } else if (!refused && EXPECT(*argument->out_len <= argument->len)) {
        copied = *argument->out_len;
    }
    EXPECT(is_filled(argument->memory + copied, ROOM - copied, PATTERN));
}

/* A closing NUL follows the text, and is all that is written where there is none to copy. */
CHECK(check_copy_out_text) {
    IGNORE_THE_REST;
    EXPECT(is_filled(argument->memory + ROOM, GUARD, PATTERN));
    if (refused && argument->out_len != NULL) {
        EXPECT_NUMBER(read_size(argument->out_len), 0);
    }
    if (stage->entangled) {
        return;
    }
    size_t written = argument->pointer == argument->memory && argument->len > 0 && argument->len <= ROOM ? 1 : 0;
    if (result == TLS_STATUS_BUFFER_TOO_SMALL) {
        EXPECT(*argument->out_len >= argument->len && *argument->out_len <= ROOM);
    } else if (!refused && EXPECT(*argument->out_len < argument->len)) {
        written = *argument->out_len + 1;
    }
    EXPECT(written == 0 || argument->memory[written - 1] == 0);
    EXPECT(is_filled(argument->memory + written, ROOM - written, PATTERN));
}

/* Where there is nothing to tell the record is empty; where its size is wrong there is no place for it. */
CHECK(check_error_record) {
    const spantls_error_t *record = &argument->out.record.error;
    const size_t struct_size = (size_t)argument->number;
    IGNORE_THE_REST;
    EXPECT(is_filled(argument->out.record.behind, sizeof argument->out.record.behind, PATTERN));
    EXPECT_NUMBER(record->struct_size, struct_size);
    if (argument->pointer == NULL || struct_size < sizeof *record) {
        EXPECT(is_filled((const uint8_t *)record + sizeof(size_t), sizeof *record - sizeof(size_t), PATTERN));
    } else if (refused) {
        EXPECT_NUMBER(record->status, 0);
        EXPECT_NUMBER(record->alert_sent, -1);
        EXPECT_NUMBER(record->alert_received, -1);
        EXPECT(is_filled(record->message, sizeof record->message, 0));
    } else {
        EXPECT(memchr(record->message, 0, sizeof record->message) != NULL);
    }
}

/* The peers of the scenes are trusted, or have no certificate. */
CHECK(check_validation) {
    const spantls_validation_t *report = &argument->out.validation.report;
    const uint8_t *body = (const uint8_t *)report + sizeof(size_t);
    IGNORE_THE_REST;
    EXPECT(is_filled(argument->out.validation.behind, sizeof argument->out.validation.behind, PATTERN));
    EXPECT_NUMBER(report->struct_size, (size_t)argument->number);
    if (argument->pointer == NULL || report->struct_size < sizeof *report) {
        EXPECT(is_filled(body, sizeof *report - sizeof(size_t), PATTERN));
        return;
    }
    EXPECT(report->reasons == 0 || (!refused && report->reasons == SPANTLS_REASON_NO_CERTIFICATE));
    EXPECT_NUMBER(report->reason, report->reasons);
    EXPECT_NUMBER(report->policy_errors, report->reasons == 0 ? 0 : SPANTLS_POLICY_ERROR_NOT_AVAILABLE);
    EXPECT_NUMBER(report->depth, -1);
    EXPECT_NUMBER(report->alert, -1);
    EXPECT((report->message[0] == 0) == (report->reasons == 0));
}

CHECK(check_hello_info) {
    const spantls_client_hello_info_t *info = &argument->out.hello.info;
    const uint8_t *body = (const uint8_t *)info + sizeof(size_t);
    const size_t body_len = sizeof *info - sizeof(size_t);
    IGNORE_THE_REST;
    EXPECT(is_filled(argument->out.hello.behind, sizeof argument->out.hello.behind, PATTERN));
    EXPECT_NUMBER(info->struct_size, (size_t)argument->number);
    if (argument->pointer == NULL || info->struct_size < sizeof *info) {
        EXPECT(is_filled(body, body_len, PATTERN));
    } else if (refused) {
        EXPECT(is_filled(body, body_len, 0));
    } else {
        EXPECT_NUMBER(info->legacy_version, 0x0303);
        EXPECT_NUMBER(info->random.len, 32);
    }
}

CHECK(check_certificate_info) {
    const spantls_certificate_info_t *info = &argument->out.certificate.info;
    const uint8_t *body = (const uint8_t *)info + sizeof(size_t);
    const size_t body_len = sizeof *info - sizeof(size_t);
    IGNORE_THE_REST;
    EXPECT(is_filled(argument->out.certificate.behind, sizeof argument->out.certificate.behind, PATTERN));
    EXPECT_NUMBER(info->struct_size, (size_t)argument->number);
    if (argument->pointer == NULL || info->struct_size < sizeof *info) {
        EXPECT(is_filled(body, body_len, PATTERN));
    } else if (refused) {
        EXPECT(is_filled(body, body_len, 0));
    } else {
        EXPECT(info->not_before < info->not_after);
        EXPECT(!is_filled(info->sha256, sizeof info->sha256, 0));
    }
}

/* What the scenes move is counted, and none of it is much. */
CHECK(check_stats) {
    const spantls_session_stats_t *stats = &argument->out.counted.stats;
    const uint8_t *body = (const uint8_t *)stats + sizeof(size_t);
    const size_t first_size = offsetof(spantls_session_stats_t, receive_calls);
    const size_t known = stats->struct_size < sizeof *stats ? first_size : sizeof *stats;
    const size_t body_len = known - sizeof(size_t);
    IGNORE_THE_REST;
    EXPECT(is_filled((const uint8_t *)stats + known, sizeof *stats - known, PATTERN));
    EXPECT(is_filled(argument->out.counted.behind, sizeof argument->out.counted.behind, PATTERN));
    EXPECT_NUMBER(stats->struct_size, (size_t)argument->number);
    if (argument->pointer == NULL || stats->struct_size < first_size) {
        EXPECT(is_filled(body, body_len, PATTERN));
    } else if (refused) {
        EXPECT(is_filled(body, body_len, 0));
    } else {
        EXPECT(stats->ciphertext_sent <= 100000 && stats->ciphertext_received <= 100000);
        EXPECT(stats->plaintext_sent <= 1000 && stats->plaintext_received <= 1000);
        EXPECT(stats->records_sent <= 100 && stats->records_received <= 100);
        EXPECT_NUMBER(stats->key_updates_sent + stats->key_updates_received + stats->tickets_received, 0);
        EXPECT((stage->state->bits & DONE) == 0 || stats->handshake_nanoseconds > 0);
        EXPECT(stage->state->group != ASKING_CONTEXT || stats->server_options_nanoseconds > 0);
        EXPECT(stage->state->group != ASKING_CREDENTIALS || stats->credentials_nanoseconds > 0);
        EXPECT(stage->state->group != ASKING_SIGNATURE || stats->signature_nanoseconds > 0);
        EXPECT(stage->state->group != ASKING || stats->validation_nanoseconds > 0);
    }
}

CHECK(check_scheme) {
    IGNORE_THE_REST;
    EXPECT(argument->pointer == NULL || argument->out.scheme == (refused ? 0 : SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256));
}

CHECK(check_a_count) {
    IGNORE_THE_REST;
    EXPECT(argument->pointer == NULL || argument->out.size <= 1000000);
}

/* A new handle that nobody else will destroy. */
#define CHECK_HANDLE(name, destroy)                                                     \
    CHECK(name) {                                                                       \
        IGNORE_THE_REST;                                                                \
        if (argument->pointer != NULL) {                                                \
            EXPECT((argument->out.handle != NULL) == (result == TLS_STATUS_COMPLETE));  \
            destroy(argument->out.handle);                                              \
        }                                                                               \
    }

CHECK_HANDLE(check_credentials, tls_credentials_destroy)
CHECK_HANDLE(check_options, tls_options_destroy)
CHECK_HANDLE(check_context, tls_context_destroy)
CHECK_HANDLE(check_session, tls_session_destroy)

/* --- The kinds -------------------------------------------------------------------------------------------------- */

#define WRONG REFUSED, TLS_STATUS_INVALID_ARGUMENT
#define WRONG_LATE REFUSED_LATE, TLS_STATUS_INVALID_ARGUMENT
#define UNFIT REFUSED, TLS_STATUS_INVALID_CONFIGURATION
#define FINE HARMLESS, SAME

/* The widest lengths, as they fit into `number`. */
#define SIZE_ALL (-1LL)
#define SIZE_HALF LLONG_MIN

#define NUMBER_IS(number, ...) {#number, __VA_ARGS__, another_number, number, NULL}

#define NO_HANDLE {"zeroes", WRONG, zeroes, 0, NULL}, {"an address with a slip", WRONG, a_slip, 0, NULL}
#define NULL_POINTER {"NULL", WRONG, null_pointer, 0, NULL}
#define A_SESSION {"a session", WRONG, a_session, 0, NULL}
#define A_CONTEXT {"a context", WRONG, a_context, 0, NULL}
#define SOME_OPTIONS {"options", WRONG, some_options, 0, NULL}
#define SOME_CREDENTIALS {"credentials", WRONG, some_credentials, 0, NULL}
#define NO_SESSION_HANDLE NO_HANDLE, A_CONTEXT, SOME_OPTIONS, SOME_CREDENTIALS
#define NO_CONTEXT_HANDLE NO_HANDLE, A_SESSION, SOME_OPTIONS, SOME_CREDENTIALS
#define NO_OPTIONS_HANDLE NO_HANDLE, A_SESSION, A_CONTEXT, SOME_CREDENTIALS
#define NO_CREDENTIALS_HANDLE NO_HANDLE, A_SESSION, A_CONTEXT, SOME_OPTIONS

#define BAD_SPAN                                                 \
    {"NULL with a length", WRONG, null_with_len, 0, NULL},       \
        {"SIZE_MAX long", WRONG, len_of_number, SIZE_ALL, NULL}, \
        {"SIZE_MAX / 2 + 1 long", WRONG, len_of_number, SIZE_HALF, NULL}
#define EMPTY_SPAN(...)                                   \
    {"empty and NULL", __VA_ARGS__, empty_null, 0, NULL}, \
        {"empty and astray", __VA_ARGS__, empty_astray, 0, NULL}
#define BAD_PEM                                                           \
    BAD_SPAN, EMPTY_SPAN(UNFIT), {"no PEM", UNFIT, long_bytes, 1000, "noise "}, \
        {"an empty PEM block", UNFIT, long_bytes, 54, "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"}
#define BAD_DER                                                                                        \
    BAD_SPAN, EMPTY_SPAN(UNFIT), {"noise", UNFIT, long_bytes, 1000, "noise "},                          \
        {"one byte less", UNFIT, shorter, 1, NULL}, {"PEM", UNFIT, long_bytes, 27, "-----BEGIN CERTIFICATE-----"}
#define BAD_TEXT                                                    \
    NULL_POINTER, {"not UTF-8", WRONG, another_text, 0, "local\xff\xfehost"}, \
        {"UTF-8 that ends too early", WRONG, another_text, 0, "name\xc3"}
#define BAD_PATH                                                                                             \
    BAD_TEXT, {"no file", UNFIT, another_text, 0, "no/such/file"}, {"empty", UNFIT, another_text, 0, ""}, \
        {"a folder", UNFIT, another_text, 0, "."}, {"70,000 bytes", UNFIT, long_text, 70000, "a"}
#define BAD_COUNT                                                                  \
    NULL_POINTER, {"in the output's front", FINE, in_output_front, 0, NULL},       \
        {"in the output's back", FINE, in_output_back, 0, NULL},                   \
        {"on another's place", FINE, on_another, 0, NULL}
#define BAD_COPY_OUT                                                                          \
    BAD_SPAN, EMPTY_SPAN(HARMLESS, TLS_STATUS_BUFFER_TOO_SMALL),                              \
        {"one byte", HARMLESS, TLS_STATUS_BUFFER_TOO_SMALL, len_of_number, 1, NULL},          \
        {"no place for the length", WRONG, no_place_for_len, 0, NULL},                        \
        {"the length in the buffer", FINE, len_in_buffer, 0, NULL}

#define KIND(kind, name, make, check, number, text, ...) \
    static const kind_t kind_##kind = {name, make, check, number, text, {__VA_ARGS__}}

KIND(NONE, "", NULL, NULL, 0, NULL, {NULL, FINE, NULL, 0, NULL});

KIND(SESSION, "session", make_session, NULL, 0, NULL, NO_SESSION_HANDLE, NULL_POINTER);
KIND(CONST_SESSION, "session", make_session, NULL, 0, NULL, NO_SESSION_HANDLE, NULL_POINTER);
KIND(CONTEXT, "context", make_context_handle, NULL, 0, NULL, NO_CONTEXT_HANDLE, NULL_POINTER,
     {"a client's", FINE, a_client_context, 0, NULL});
KIND(CONST_CONTEXT, "context", make_context_handle, NULL, 0, NULL, NO_CONTEXT_HANDLE, NULL_POINTER,
     {"a client's", FINE, a_client_context, 0, NULL});
KIND(OPTIONS, "options", make_options_handle, NULL, 0, NULL, NO_OPTIONS_HANDLE, NULL_POINTER);
KIND(CONST_OPTIONS, "options", make_options_handle, NULL, 0, NULL, NO_OPTIONS_HANDLE, NULL_POINTER);
KIND(SERVER_OPTIONS, "options", make_options_handle, NULL, 0, NULL, NO_OPTIONS_HANDLE,
     {"NULL", FINE, null_pointer, 0, NULL});
KIND(SERVER_CONTEXT, "context", make_context_handle, NULL, 0, NULL, NO_CONTEXT_HANDLE, NULL_POINTER,
     {"a client's", WRONG, a_client_context, 0, NULL}, {"an undecided one", WRONG, an_undecided_context, 0, NULL});
KIND(RESUMING_CONTEXT, "context", make_resuming_context, NULL, 0, NULL, NO_CONTEXT_HANDLE, NULL_POINTER,
     {"a client's", WRONG, a_client_context, 0, NULL}, {"an undecided one", WRONG, an_undecided_context, 0, NULL});
KIND(CREDENTIALS, "credentials", make_credentials_handle, NULL, 0, NULL, NO_CREDENTIALS_HANDLE, NULL_POINTER);
KIND(CREDENTIALS_OR_NULL, "credentials", make_credentials_handle, NULL, 0, NULL, NO_CREDENTIALS_HANDLE,
     {"NULL", FINE, null_pointer, 0, NULL});

/* Spans of bytes and of other things. RECEIVED is the session's whole inbox, IN_PLACE the same to be overwritten. */
KIND(RECEIVED, "input", make_received, check_input, 0, NULL, BAD_SPAN, EMPTY_SPAN(HARMLESS, TLS_STATUS_WANT_READ));
KIND(PLAINTEXT, "plaintext", make_bytes, check_input, 0, "plaintext", BAD_SPAN, EMPTY_SPAN(FINE));
KIND(IN_PLACE, "data", make_received, check_in_place, 0, NULL, BAD_SPAN, EMPTY_SPAN(HARMLESS, TLS_STATUS_WANT_READ));
KIND(OUTPUT, "output", make_output, check_output, 0, NULL, BAD_SPAN, EMPTY_SPAN(HARMLESS, TLS_STATUS_WANT_WRITE),
     {"one byte", HARMLESS, TLS_STATUS_WANT_WRITE, len_of_number, 1, NULL},
     {"over the input", WRONG, over_input, 0, NULL},
     {"over the input's last byte", WRONG, over_input_end, 0, NULL});
KIND(LABEL, "label", make_bytes, check_input, 0, "EXPORTER-test", BAD_SPAN,
     EMPTY_SPAN(HARMLESS, TLS_STATUS_INVALID_ARGUMENT),
     {"250 bytes", HARMLESS, TLS_STATUS_INVALID_ARGUMENT, long_bytes, 250, "a"},
     {"70,000 bytes", HARMLESS, TLS_STATUS_INVALID_ARGUMENT, long_bytes, 70000, "a"},
     {"one of TLS", HARMLESS, TLS_STATUS_INVALID_ARGUMENT, long_bytes, 13, "master secret"});
KIND(CONTEXT_OR_NULL, "context", make_bytes, check_input, 0, "context", BAD_SPAN, EMPTY_SPAN(FINE),
     {"70,000 bytes", HARMLESS, TLS_STATUS_INVALID_ARGUMENT, long_bytes, 70000, "a"});
KIND(MATERIAL, "material", make_material, check_output, 0, NULL, BAD_SPAN, EMPTY_SPAN(WRONG_LATE),
     {"one byte", FINE, len_of_number, 1, NULL},
     {"8,192 bytes", HARMLESS, TLS_STATUS_INVALID_ARGUMENT, len_of_number, ROOM, NULL},
     {"over the label", WRONG, over_input, 0, NULL}, {"over the label's last byte", WRONG, over_input_end, 0, NULL},
     {"over the context", WRONG, over_last_input, 0, NULL});
KIND(SPANS, "spans", make_spans, check_input, 0, NULL, BAD_SPAN, EMPTY_SPAN(FINE),
     {"SIZE_MAX / 16 of them", WRONG, len_of_number, (long long)(SIZE_MAX / 16), NULL},
     {"one NULL with a length", WRONG, span_of_null, 0, NULL},
     {"one SIZE_MAX long", WRONG, span_of_number, SIZE_ALL, NULL},
     {"one SIZE_MAX / 2 + 1 long", WRONG, span_of_number, SIZE_HALF, NULL},
     {"together too long", WRONG_LATE, spans_without_end, 0, NULL},
     {"twenty", FINE, many_spans, 0, NULL});
KIND(CHAIN_PEM, "chain", make_file, check_input, 0, "server-p256.pem", BAD_PEM);
KIND(KEY_PEM, "key", make_file, check_input, 0, "server-p256.key", BAD_PEM);
KIND(CHAIN_DER, "certificates", make_chain_der, check_input, 0, "server-p256.pem", BAD_SPAN, EMPTY_SPAN(UNFIT),
     {"SIZE_MAX / 16 of them", WRONG, len_of_number, (long long)(SIZE_MAX / 16), NULL},
     {"one NULL with a length", WRONG, span_of_null, 0, NULL},
     {"one SIZE_MAX long", WRONG, span_of_number, SIZE_ALL, NULL}, {"twenty of noise", UNFIT, many_spans, 0, NULL});
KIND(KEY_DER, "key", make_key_der, check_input, 0, "server-p256.key", BAD_SPAN, EMPTY_SPAN(UNFIT),
     {"no DER", UNFIT, long_bytes, 1000, "noise "});
/* Of a key that is not encrypted it is ignored. */
KIND(PASSPHRASE, "passphrase", make_text, check_input, 0, "secret", {"NULL", FINE, null_pointer, 0, NULL},
     {"empty", FINE, another_text, 0, ""}, {"not UTF-8", FINE, another_text, 0, "local\xff\xfehost"},
     {"70,000 bytes", FINE, long_text, 70000, "a"});
KIND(ANCHORS_PEM, "pem", make_file, check_input, 0, "ca.pem", BAD_PEM);
KIND(CRL_PEM, "pem", make_file, check_input, 0, "crl-root.pem", BAD_PEM);
KIND(ANCHOR_DER, "der", make_der, check_input, 0, "ca.pem", BAD_DER);
KIND(CRL_DER, "der", make_der, check_input, 0, "crl-root.pem", BAD_DER);
KIND(ALPN_NAME, "name", make_bytes, check_input, 0, "h2", BAD_SPAN, EMPTY_SPAN(WRONG),
     {"256 bytes", WRONG, long_bytes, 256, "a"}, {"255 bytes", FINE, long_bytes, 255, "\xff\x01"});
/* Nothing is a host's answer, too; a true signature is none that these tests can make. */
KIND(SIGNATURE, "signature", make_nothing, check_input, 0, NULL, BAD_SPAN, EMPTY_SPAN(FINE),
     {"one byte", WRONG_LATE, long_bytes, 1, "0"}, {"70 bytes", WRONG_LATE, long_bytes, 70, "noise "},
     {"70,000 bytes", WRONG_LATE, long_bytes, 70000, "noise "});
KIND(SCHEMES, "schemes", make_one_id, check_input, SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256, NULL, BAD_SPAN,
    EMPTY_SPAN(UNFIT),
     {"an unknown one", UNFIT, other_ids, 0x0999, NULL}, {"one of another key", UNFIT, other_ids,
      SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256, NULL});
KIND(SUITES, "ids", make_ids, check_input, SPANTLS_SUITE_AES_128_GCM_SHA256, NULL, BAD_SPAN, EMPTY_SPAN(FINE),
     {"SIZE_MAX / 4 + 1 of them", WRONG, len_of_number, (long long)(SIZE_MAX / 4 + 1), NULL},
     {"an unknown one", UNFIT, other_ids, 0x1304, NULL}, {"one of old", UNFIT, other_ids, 0xC013, NULL},
     {"one twice", UNFIT, other_ids, SPANTLS_SUITE_AES_128_GCM_SHA256, NULL});
KIND(GROUPS, "ids", make_ids, check_input, SPANTLS_GROUP_SECP256R1, NULL, BAD_SPAN, EMPTY_SPAN(FINE),
     {"SIZE_MAX / 4 + 1 of them", WRONG, len_of_number, (long long)(SIZE_MAX / 4 + 1), NULL},
     {"an unknown one", UNFIT, other_ids, 0x0019, NULL}, {"one twice", UNFIT, other_ids, SPANTLS_GROUP_SECP256R1,
      NULL});

KIND(STAPLE, "der", make_bytes, check_input, 0, "a response", BAD_SPAN, EMPTY_SPAN(FINE),
     {"12,288 bytes", FINE, long_bytes, 12288, "0"}, {"12,289 bytes", WRONG, long_bytes, 12289, "0"});
KIND(TICKET_ROOTS, "roots", make_roots, check_input, 0, NULL, BAD_SPAN, EMPTY_SPAN(FINE),
     {"SIZE_MAX / 32 + 1 of them", WRONG, len_of_number, (long long)(SIZE_MAX / 32 + 1), NULL},
     {"seventeen", WRONG, many_roots, 17, NULL}, {"sixteen", FINE, many_roots, 16, NULL},
     {"a secret of 31 bytes", WRONG, secret_of_number, 31, NULL},
     {"a secret of 1,025 bytes", WRONG, secret_of_number, 1025, NULL},
     {"a secret of 1,024 bytes", FINE, secret_of_number, 1024, NULL},
     {"a secret SIZE_MAX long", WRONG, secret_of_number, SIZE_ALL, NULL},
     {"a secret that is NULL", WRONG, secret_of_null, 0, NULL}, {"one twice", WRONG, one_root_twice, 0, NULL},
     {"one that ends as it begins", WRONG, root_until_number, 0, NULL},
     {"one that has ended", FINE, root_until_number, 1, NULL});

KIND(HOST_NAME, "name", make_text, check_input, 0, "localhost", BAD_TEXT,
     {"empty", WRONG_LATE, another_text, 0, ""}, {"two words", WRONG_LATE, another_text, 0, "local host"},
     {"70,000 bytes", WRONG_LATE, long_text, 70000, "a"}, {"an address", FINE, another_text, 0, "::1"});
KIND(NAME_OR_WILDCARD, "name", make_text, check_input, 0, "*.example.org", BAD_TEXT,
     {"empty", WRONG, another_text, 0, ""}, {"an asterisk alone", WRONG, another_text, 0, "*"},
     {"an asterisk in the middle", WRONG, another_text, 0, "www.*.org"}, {"a part of a label", WRONG, another_text, 0, "w*.example.org"},
     {"an address", WRONG, another_text, 0, "127.0.0.1"}, {"a dot at the end", WRONG, another_text, 0, "example.org."},
     {"not A-labels", WRONG, another_text, 0, "b\xc3\xbc" "cher.example"}, {"70,000 bytes", WRONG, long_text, 70000, "a"},
     {"a name", FINE, another_text, 0, "WWW.example.org"});
KIND(CHAIN_PATH, "chain_path", make_path, check_input, 0, "server-p256.pem", BAD_PATH);
KIND(KEY_PATH, "key_path", make_path, check_input, 0, "server-p256.key", BAD_PATH);
KIND(ANCHORS_PATH, "path", make_path, check_input, 0, "ca.pem", BAD_PATH);
KIND(CRL_PATH, "path", make_path, check_input, 0, "crl-root.pem", BAD_PATH);

KIND(KEY_LOG_PATH, "path", make_text, check_input, 0, "", BAD_TEXT, {"no file", UNFIT, another_text, 0, "no/such/file"},
     {"a folder", UNFIT, another_text, 0, "."}, {"70,000 bytes", UNFIT, long_text, 70000, "a"},
     {"a file", FINE, another_text, 0, "/dev/null"});

KIND(ANY_STATUS, "status", NULL, NULL, 0, NULL, NUMBER_IS(INT32_MIN, FINE), NUMBER_IS(-1, FINE), NUMBER_IS(7, FINE),
     NUMBER_IS(INT32_MAX, FINE));
KIND(ANY_ALERT, "alert", NULL, NULL, 0, NULL, NUMBER_IS(1, FINE), NUMBER_IS(40, FINE), NUMBER_IS(255, FINE));
KIND(ANY_IANA_NUMBER, "number", NULL, NULL, 0, NULL, NUMBER_IS(1, FINE), NUMBER_IS(0x0403, FINE), NUMBER_IS(0xFFFF, FINE));
KIND(FATAL_ALERT, "alert", NULL, NULL, SPANTLS_ALERT_BAD_CERTIFICATE, NULL, NUMBER_IS(0, WRONG), NUMBER_IS(90, WRONG),
     NUMBER_IS(100, WRONG), NUMBER_IS(1, FINE), NUMBER_IS(255, FINE));
KIND(POLICY_ERRORS, "policy_errors", NULL, NULL, 0, NULL, NUMBER_IS(8, WRONG), NUMBER_IS(0x80000000, WRONG),
     NUMBER_IS(UINT32_MAX, WRONG), NUMBER_IS(1, HARMLESS, TLS_STATUS_AUTHENTICATION_FAILED),
     NUMBER_IS(7, HARMLESS, TLS_STATUS_AUTHENTICATION_FAILED));
KIND(PROTOCOLS, "protocols", NULL, NULL, SPANTLS_PROTOCOL_TLS12 | SPANTLS_PROTOCOL_TLS13, NULL, NUMBER_IS(1, WRONG),
     NUMBER_IS(0x300, WRONG), NUMBER_IS(0x80000000, WRONG), NUMBER_IS(UINT32_MAX, WRONG), NUMBER_IS(0, FINE),
     NUMBER_IS(SPANTLS_PROTOCOL_TLS12, FINE), NUMBER_IS(SPANTLS_PROTOCOL_TLS13, FINE));
KIND(CERTIFICATE_MODE, "mode", NULL, NULL, SPANTLS_CLIENT_CERTIFICATE_REQUIRE, NULL, NUMBER_IS(INT32_MIN, WRONG),
     NUMBER_IS(-1, WRONG), NUMBER_IS(3, WRONG), NUMBER_IS(INT32_MAX, WRONG), NUMBER_IS(0, FINE));
KIND(REQUESTS_MODE, "mode", NULL, NULL, SPANTLS_CERTIFICATE_REQUESTS_DECLINE, NULL, NUMBER_IS(INT32_MIN, WRONG),
     NUMBER_IS(-1, WRONG), NUMBER_IS(3, WRONG), NUMBER_IS(INT32_MAX, WRONG), NUMBER_IS(0, FINE), NUMBER_IS(1, FINE));
KIND(VALIDATION_MODE, "mode", NULL, NULL, SPANTLS_VALIDATION_AUTOMATIC, NULL, NUMBER_IS(INT32_MIN, WRONG),
     NUMBER_IS(-1, WRONG), NUMBER_IS(2, WRONG), NUMBER_IS(INT32_MAX, WRONG), NUMBER_IS(0, FINE));
KIND(ANCHOR_MODE, "mode", NULL, NULL, SPANTLS_TRUST_ANCHORS_CERTIFICATES, NULL, NUMBER_IS(INT32_MIN, WRONG),
     NUMBER_IS(-1, WRONG), NUMBER_IS(3, WRONG), NUMBER_IS(INT32_MAX, WRONG), NUMBER_IS(0, FINE),
     NUMBER_IS(SPANTLS_TRUST_ANCHORS_PARTIAL_CHAIN, FINE));
KIND(VALIDATION_TIME, "unix_seconds", NULL, NULL, 0, NULL, NUMBER_IS(INT64_MIN, WRONG),
     NUMBER_IS(-2, WRONG), NUMBER_IS(SPANTLS_VALIDATION_TIME_NOW, FINE), NUMBER_IS(INT64_MAX, FINE));
KIND(BINDING_KIND, "kind", NULL, NULL, SPANTLS_CHANNEL_BINDING_EXPORTER, NULL, NUMBER_IS(INT32_MIN, WRONG),
     NUMBER_IS(-1, WRONG), NUMBER_IS(0, WRONG), NUMBER_IS(24, WRONG), NUMBER_IS(28, WRONG), NUMBER_IS(INT32_MAX, WRONG),
     NUMBER_IS(SPANTLS_CHANNEL_BINDING_ENDPOINT, FINE),
     NUMBER_IS(SPANTLS_CHANNEL_BINDING_UNIQUE, HARMLESS, TLS_STATUS_NOT_SUPPORTED));
KIND(SWITCH, "on", NULL, NULL, 1, NULL, NUMBER_IS(INT32_MIN, WRONG), NUMBER_IS(-1, WRONG), NUMBER_IS(2, WRONG),
     NUMBER_IS(INT32_MAX, WRONG), NUMBER_IS(0, FINE));
KIND(DEPTH, "depth", NULL, NULL, 1, NULL, NUMBER_IS(INT32_MIN, WRONG), NUMBER_IS(-1, WRONG), NUMBER_IS(3, WRONG),
     NUMBER_IS(INT32_MAX, WRONG), NUMBER_IS(0, FINE), NUMBER_IS(2, FINE));
KIND(SOCKET, "socket", make_socket, NULL, 0, NULL, NUMBER_IS(-1, WRONG), NUMBER_IS(1000000, WRONG),
     NUMBER_IS(SIZE_HALF, WRONG), {"a file", WRONG, file_descriptor, 0, NULL});
KIND(SOCKET_FLAGS, "flags", NULL, NULL, SPANTLS_SOCKET_BORROW, NULL, NUMBER_IS(0, WRONG), NUMBER_IS(3, WRONG),
     NUMBER_IS(12, WRONG), NUMBER_IS(15, WRONG), NUMBER_IS(17, WRONG), NUMBER_IS(UINT32_MAX, WRONG),
     NUMBER_IS(SPANTLS_SOCKET_BORROW | SPANTLS_SOCKET_KERNEL_SEND, FINE),
     NUMBER_IS(SPANTLS_SOCKET_BORROW | SPANTLS_SOCKET_KERNEL_RECEIVE, FINE),
     NUMBER_IS(SPANTLS_SOCKET_BORROW | SPANTLS_SOCKET_KERNEL_SEND | SPANTLS_SOCKET_KERNEL_RECEIVE, FINE));
KIND(TICKET_LIFETIME, "seconds", NULL, NULL, 3600, NULL, NUMBER_IS(604801, WRONG),
     NUMBER_IS(UINT32_MAX, WRONG), NUMBER_IS(0, FINE), NUMBER_IS(1, FINE), NUMBER_IS(604800, FINE));
KIND(TICKET_COUNT, "count", NULL, NULL, 2, NULL, NUMBER_IS(17, WRONG), NUMBER_IS(UINT32_MAX, WRONG), NUMBER_IS(0, FINE),
     NUMBER_IS(16, FINE));
KIND(FRAGMENT_SIZE, "size", NULL, NULL, 1000, NULL, NUMBER_IS(1, WRONG), NUMBER_IS(63, WRONG), NUMBER_IS(16385, WRONG),
     NUMBER_IS(SIZE_HALF, WRONG), NUMBER_IS(SIZE_ALL, WRONG), NUMBER_IS(0, FINE), NUMBER_IS(64, FINE),
     NUMBER_IS(16384, FINE));
KIND(PLAINTEXT_LEN, "plaintext_len", NULL, NULL, 1, NULL, NUMBER_IS(0, FINE), NUMBER_IS(SIZE_HALF, FINE),
     NUMBER_IS(SIZE_ALL, FINE));
KIND(USER_DATA, "user_data", NULL, NULL, 0, NULL, {NULL, FINE, NULL, 0, NULL});
KIND(ANY_INDEX, "index", NULL, NULL, 0, NULL, NUMBER_IS(100, FINE), NUMBER_IS(SIZE_HALF, FINE),
     NUMBER_IS(SIZE_ALL, FINE));
KIND(INDEX, "index", NULL, NULL, 0, NULL, NUMBER_IS(100, WRONG), NUMBER_IS(SIZE_HALF, WRONG),
     NUMBER_IS(SIZE_ALL, WRONG));

KIND(COPY_OUT, "buffer", make_copy_out, check_copy_out, 0, NULL, BAD_COPY_OUT);
KIND(COPY_OUT_TEXT, "buffer", make_copy_out, check_copy_out_text, 0, NULL, BAD_COPY_OUT);
KIND(ERROR_RECORD, "out_error", make_error_record, check_error_record, 0, NULL, NULL_POINTER,
     {"struct_size 0", WRONG, struct_size_of_number, 0, NULL},
     {"struct_size 8", WRONG, struct_size_of_number, 8, NULL},
     {"struct_size too small", WRONG, struct_size_of_number, sizeof(spantls_error_t) - 1, NULL},
     {"struct_size of a later version", FINE, struct_size_of_number, sizeof(spantls_error_t) + 64, NULL},
     {"struct_size SIZE_MAX", FINE, struct_size_of_number, SIZE_ALL, NULL});
KIND(VALIDATION, "out_validation", make_validation, check_validation, 0, NULL, NULL_POINTER,
     {"struct_size 0", WRONG, struct_size_of_number, 0, NULL},
     {"struct_size 8", WRONG, struct_size_of_number, 8, NULL},
     {"struct_size too small", WRONG, struct_size_of_number, sizeof(spantls_validation_t) - 1, NULL},
     {"struct_size of a later version", FINE, struct_size_of_number, sizeof(spantls_validation_t) + 64, NULL},
     {"struct_size SIZE_MAX", FINE, struct_size_of_number, SIZE_ALL, NULL});
KIND(HELLO_INFO, "out_info", make_hello_info, check_hello_info, 0, NULL, NULL_POINTER,
     {"struct_size 0", WRONG, struct_size_of_number, 0, NULL},
     {"struct_size 8", WRONG, struct_size_of_number, 8, NULL},
     {"struct_size too small", WRONG, struct_size_of_number, sizeof(spantls_client_hello_info_t) - 1, NULL},
     {"struct_size of a later version", FINE, struct_size_of_number, sizeof(spantls_client_hello_info_t) + 64, NULL},
     {"struct_size SIZE_MAX", FINE, struct_size_of_number, SIZE_ALL, NULL});
KIND(CERTIFICATE_DER, "der", make_certificate, check_input, 0, NULL, BAD_SPAN, EMPTY_SPAN(WRONG),
     {"no DER", WRONG, long_bytes, 1000, "noise "}, {"70,000 bytes", WRONG, long_bytes, 70000, "0"});
KIND(CERTIFICATE_FIELD, "field", NULL, NULL, SPANTLS_CERTIFICATE_SUBJECT, NULL, NUMBER_IS(INT32_MIN, WRONG),
     NUMBER_IS(-1, WRONG), NUMBER_IS(0, WRONG), NUMBER_IS(9, WRONG), NUMBER_IS(INT32_MAX, WRONG),
     NUMBER_IS(SPANTLS_CERTIFICATE_ISSUER, FINE), NUMBER_IS(SPANTLS_CERTIFICATE_SERIAL_NUMBER, FINE),
     NUMBER_IS(SPANTLS_CERTIFICATE_EMAIL, WRONG));
KIND(CERTIFICATE_INFO, "out_info", make_certificate_info, check_certificate_info, 0, NULL, NULL_POINTER,
     {"struct_size 0", WRONG, struct_size_of_number, 0, NULL},
     {"struct_size 8", WRONG, struct_size_of_number, 8, NULL},
     {"struct_size too small", WRONG, struct_size_of_number, sizeof(spantls_certificate_info_t) - 1, NULL},
     {"struct_size of a later version", FINE, struct_size_of_number, sizeof(spantls_certificate_info_t) + 64, NULL},
     {"struct_size SIZE_MAX", FINE, struct_size_of_number, SIZE_ALL, NULL});
KIND(STATS, "out_stats", make_stats, check_stats, 0, NULL, NULL_POINTER,
     {"struct_size 0", WRONG, struct_size_of_number, 0, NULL},
     {"struct_size 8", WRONG, struct_size_of_number, 8, NULL},
     {"struct_size too small", WRONG, struct_size_of_number, offsetof(spantls_session_stats_t, receive_calls) - 1, NULL},
     {"struct_size of the first version", FINE, struct_size_of_number, offsetof(spantls_session_stats_t, receive_calls), NULL},
     {"struct_size of a later version", FINE, struct_size_of_number, sizeof(spantls_session_stats_t) + 64, NULL},
     {"struct_size SIZE_MAX", FINE, struct_size_of_number, SIZE_ALL, NULL});
KIND(OUT_CONSUMED, "out_consumed", make_out, check_consumed, 0, NULL, BAD_COUNT);
KIND(OUT_WRITTEN, "out_written", make_out, check_written, 0, NULL, BAD_COUNT);
KIND(OUT_SIZE, "a size", make_out, check_size, 0, NULL, BAD_COUNT);
KIND(OUT_COUNT_OR_NULL, "a count", make_out, check_a_count, 0, NULL, {"NULL", FINE, null_pointer, 0, NULL});
KIND(OUT_SCHEME_OR_NULL, "out_scheme", make_out, check_scheme, 0, NULL, {"NULL", FINE, null_pointer, 0, NULL});
KIND(OUT_BITS_OR_NULL, "bits", make_out, check_bits, 0, NULL, {"NULL", FINE, null_pointer, 0, NULL});
KIND(OUT_CREDENTIALS, "out_credentials", make_out, check_credentials, 0, NULL, NULL_POINTER);
KIND(OUT_OPTIONS, "out_options", make_out, check_options, 0, NULL, NULL_POINTER);
KIND(OUT_CONTEXT, "out_context", make_out, check_context, 0, NULL, NULL_POINTER);
KIND(OUT_SESSION, "out_session", make_out, check_session, 0, NULL, NULL_POINTER);

#endif

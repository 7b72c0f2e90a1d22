#include "flags.h"

#include "decode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { SET, NUMBER, TEXT, LIST, SCHEME, POLICY, BASE64, CHAIN, KEY, STAPLE, CREDENTIAL, NOTHING } kind_t;

typedef struct {
    const char *name;
    kind_t kind;
    size_t offset; /* of the field; of POLICY: which one */
} flag_t;

#define FLAG(name, kind, field) {name, kind, offsetof(config_t, field)}

static const flag_t flags[] = {
    FLAG("server", SET, server),
    FLAG("ipv6", SET, ipv6),
    FLAG("async", SET, async),
    FLAG("bound", SET, bound),
    FLAG("port", NUMBER, port),
    FLAG("shim-id", NUMBER, shim_id),
    FLAG("resume-count", NUMBER, resume_count),

    {"new-x509-credential", CREDENTIAL, 0},
    {"cert-file", CHAIN, 0},
    {"key-file", KEY, 0},
    {"ocsp-response", STAPLE, 0},

    FLAG("trust-cert", TEXT, trust_anchor),
    FLAG("no-tls12", SET, no_tls12),
    FLAG("no-tls13", SET, no_tls13),
    FLAG("no-ticket", SET, no_ticket),
    FLAG("skip-ticket", SET, skip_ticket),
    FLAG("verify-peer", SET, verify_peer),
    FLAG("require-any-client-certificate", SET, require_any_client_certificate),
    FLAG("verify-fail", SET, verify_fail),
    FLAG("reverify-on-resume", SET, reverify_on_resume),
    FLAG("reject-alpn", SET, reject_alpn),
    FLAG("decline-ocsp-callback", SET, decline_ocsp),
    FLAG("fail-ocsp-callback", SET, fail_ocsp),
    FLAG("use-custom-verify-callback", SET, use_custom_verify),
    FLAG("use-early-callback", SET, use_early),
    FLAG("fail-early-callback", SET, fail_early),
    FLAG("fail-cert-callback", SET, fail_cert),
    FLAG("fail-cert-callback-alert", NUMBER, fail_cert_alert),
    FLAG("fail-ddos-callback", SET, fail_ddos),
    FLAG("use-old-client-cert-callback", SET, old_client_cert),
    FLAG("min-version", NUMBER, min_version),
    FLAG("max-version", NUMBER, max_version),
    FLAG("max-send-fragment", NUMBER, max_send_fragment),
    FLAG("curves", LIST, groups),
    FLAG("tls13-ciphers", LIST, tls13_suites),
    FLAG("session-id-context", TEXT, ticket_context),
    FLAG("host-name", TEXT, host_name),
    FLAG("advertise-alpn", TEXT, advertise_alpn),
    FLAG("select-alpn", TEXT, select_alpn),

    {"fips-202205", POLICY, FIPS_2022},
    {"fips-202609", POLICY, FIPS_2026},
    {"wpa-202304", POLICY, AES_256_P_384},
    {"cnsa1-202603", POLICY, AES_256_P_384},

    FLAG("implicit-handshake", SET, implicit_handshake),
    FLAG("shim-writes-first", SET, shim_writes_first),
    FLAG("shim-initial-write", TEXT, initial_write),
    FLAG("repeat-shim-initial-write", NUMBER, repeat_write),
    FLAG("shim-shuts-down", SET, shim_shuts_down),
    FLAG("check-close-notify", SET, check_close_notify),
    FLAG("write-different-record-sizes", SET, different_sizes),
    FLAG("read-with-unfinished-write", SET, unfinished_write),
    FLAG("tls-unique", SET, tls_unique),
    FLAG("key-update", SET, key_update),
    FLAG("key-update-before-read", SET, key_update_before_read),
    FLAG("use-export-context", SET, use_export_context),
    FLAG("use-exporter-between-reads", SET, export_between_reads),
    FLAG("no-op-extra-handshake", SET, handshake_again),
    FLAG("handshake-twice", SET, handshake_again),
    FLAG("handshake-never-done", SET, handshake_never_done),
    FLAG("read-size", NUMBER, read_size),
    FLAG("export-keying-material", NUMBER, export_len),
    FLAG("export-label", TEXT, export_label),
    FLAG("export-context", TEXT, export_context),

    FLAG("expect-session-miss", SET, expect_session_miss),
    FLAG("expect-no-session", SET, expect_no_session),
    FLAG("expect-hrr", SET, expect_hrr),
    FLAG("expect-no-hrr", SET, expect_no_hrr),
    FLAG("expect-no-peer-cert", SET, expect_no_peer_cert),
    FLAG("expect-no-server-name", SET, expect_no_server_name),
    FLAG("expect-extended-master-secret", SET, expect_ems),
    FLAG("expect-version", NUMBER, expect_version),
    FLAG("expect-cipher", NUMBER, expect_cipher),
    FLAG("expect-curve-id", NUMBER, expect_group),
    FLAG("expect-peer-signature-algorithm", NUMBER, expect_peer_scheme),
    FLAG("expect-selected-credential", NUMBER, expect_credential),
    FLAG("expect-peer-verify-pref", LIST, expect_peer_schemes),
    FLAG("expect-ocsp-response", BASE64, expect_ocsp_response),
    FLAG("expect-alpn", TEXT, expect_alpn),
    FLAG("expect-advertised-alpn", TEXT, expect_advertised_alpn),
    FLAG("expect-server-name", TEXT, expect_server_name),
    FLAG("expect-peer-cert-file", TEXT, expect_peer_cert),
    FLAG("expect-client-ca-list", TEXT, expect_client_cas),

    /* Always so here: older versions are not supported, clients ask for OCSP responses and order extensions at random, servers
     * without ALPN decline it, what was not sent is kept, no server has a cache of sessions, no one renegotiates, tickets are sealed with
     * secrets of the host, a client's chains of the right issuer come first, and all schemes that the library has are used. That a
     * renewed ticket is used the runner sees itself: it has forgotten the key of the one before. */
    {"no-tls1", NOTHING, 0},
    {"no-tls11", NOTHING, 0},
    {"enable-ocsp-stapling", NOTHING, 0},
    {"permute-extensions", NOTHING, 0},
    {"expect-ticket-renewal", NOTHING, 0},
    {"decline-alpn", NOTHING, 0},
    {"partial-write", NOTHING, 0},
    {"expect-no-session-id", NOTHING, 0},
    {"renegotiate-ignore", NOTHING, 0},
    {"use-ticket-callback", NOTHING, 0},
    {"use-ticket-aead-callback", NOTHING, 0},
    {"must-match-issuer", NOTHING, 0},
    {"signing-prefs", SCHEME, 0},
    {"verify-prefs", SCHEME, 0},
    /* How BoringSSL's interface is used, which has nothing to do with ours: the deed is in the other flags. */
    {"use-ocsp-callback", NOTHING, 0},
    {"set-ocsp-in-callback", NOTHING, 0},
    {"install-ddos-callback", NOTHING, 0},
    {"expect-verify-result", NOTHING, 0},
};

_Noreturn void misuse(const char *what) {
    fprintf(stderr, "shim: %s\n", what);
    exit(1);
}

_Noreturn void unimplemented(const char *what, const char *value) {
    const char *path = getenv("SPANTLS_BOGO_UNKNOWN");
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file != NULL) {
        fprintf(file, "%s%s%s\n", what, *value ? " " : "", value);
        fclose(file);
    }
    exit(UNIMPLEMENTED);
}

/* The rest of a name after a prefix and its hyphen, else NULL. */
static const char *after(const char *name, const char *prefix) {
    const size_t len = strlen(prefix);
    return strncmp(name, prefix, len) == 0 && name[len] == '-' ? name + len + 1 : NULL;
}

static int64_t number(const char *text) {
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || *text == '\0' || *end != '\0') {
        misuse("a number is malformed");
    }
    return value;
}

static void append(list_t *list, const char *text) {
    const int64_t id = number(text);
    if (list->count == MAX_LIST || id < 0 || id > UINT16_MAX) {
        misuse("a list is too long, or has a wrong number");
    }
    list->ids[list->count++] = (uint16_t)id;
}

static void know_scheme(const char *text) {
    static const uint16_t known[] = {SPANTLS_SCHEME_RSA_PKCS1_SHA256,       SPANTLS_SCHEME_RSA_PKCS1_SHA384,
                                     SPANTLS_SCHEME_RSA_PKCS1_SHA512,       SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256,
                                     SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384, SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256,
                                     SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384,    SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512,
                                     SPANTLS_SCHEME_ED25519};
    const uint16_t scheme = (uint16_t)number(text);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i] == scheme) {
            return;
        }
    }
    unimplemented("a signature scheme", spantls_signature_scheme_name(scheme));
}

static void apply(config_t *config, const flag_t *flag, const char *value) {
    void *field = (char *)config + flag->offset;
    credential_t *credential = &config->credentials[config->num_credentials];
    switch (flag->kind) {
        case SET: *(bool *)field = true; break;
        case NUMBER: *(int64_t *)field = number(value); break;
        case TEXT: *(const char **)field = value; break;
        case LIST: append(field, value); break;
        case SCHEME: know_scheme(value); break;
        case POLICY: config->policy = (policy_t)flag->offset; break;
        case BASE64: *(bytes_t *)field = from_base64(value); break;
        case CHAIN: credential->chain = value; break;
        case KEY: credential->key = value; break;
        case STAPLE: credential->ocsp_response = from_base64(value); break;
        case CREDENTIAL:
            if (++config->num_credentials == MAX_CREDENTIALS) {
                misuse("too many credentials");
            }
            break;
        case NOTHING: break;
    }
}

static bool takes_value(kind_t kind) {
    return kind != SET && kind != CREDENTIAL && kind != POLICY && kind != NOTHING;
}

void read_flags(int argc, char **argv, config_t *initial, config_t *resumed) {
    *initial = (config_t){.expect_credential = UNSET, .repeat_write = 1, .initial_write = "hello"};
    *resumed = *initial;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i] + strspn(argv[i], "-"), *rest;
        bool on_initial = true, on_resumed = true, here = true;
        if ((rest = after(name, "on-shim")) != NULL) {
            name = rest;
        } else if ((rest = after(name, "on-handshaker")) != NULL) {
            name = rest;
            here = false;
        }
        if ((rest = after(name, "on-initial")) != NULL) {
            on_resumed = false;
        } else if ((rest = after(name, "on-resume")) != NULL) {
            on_initial = false;
        } else if ((rest = after(name, "on-retry")) != NULL) {
            /* After early data was refused: this client sends none. */
            on_initial = on_resumed = false;
        }
        name = rest != NULL ? rest : name;

        const flag_t *flag = flags, *end = flags + sizeof flags / sizeof *flags;
        while (flag < end && strcmp(flag->name, name) != 0) {
            flag++;
        }
        if (flag == end) {
            unimplemented(name, "");
        }
        const char *value = takes_value(flag->kind) ? argv[++i] : "";
        if (value == NULL) {
            misuse("a flag has no value");
        }
        if (here && on_initial) {
            apply(initial, flag, value);
        }
        if (here && on_resumed) {
            apply(resumed, flag, value);
        }
    }
}

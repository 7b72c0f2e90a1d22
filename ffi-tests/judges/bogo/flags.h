/* What the runner asks of one connection: its flags, read into a struct. */

#ifndef SPANTLS_BOGO_FLAGS_H
#define SPANTLS_BOGO_FLAGS_H

#include <spantls.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_LIST 16
#define MAX_CREDENTIALS 8

/* The exit status that says: this test needs something that is not here. */
#define UNIMPLEMENTED 89

typedef struct {
    uint16_t ids[MAX_LIST];
    size_t count;
} list_t;

typedef struct {
    uint8_t *data;
    size_t len;
} bytes_t;

typedef struct {
    const char *chain, *key;
    bytes_t ocsp_response;
} credential_t;

/* BoringSSL's policies, which are lists of suites and groups here. WPA's is the same as CNSA's but for groups that are not here. */
typedef enum { NO_POLICY, FIPS_2022, FIPS_2026, AES_256_P_384 } policy_t;

typedef struct {
    /* The role, and the connection to the runner. */
    bool server, ipv6, async, bound;
    int64_t port, shim_id, resume_count;
    /* Credentials: the first is the default one, which has no number. */
    credential_t credentials[MAX_CREDENTIALS];
    size_t num_credentials;
    /* Options. */
    bool no_tls12, no_tls13, no_ticket, skip_ticket, verify_peer, require_any_client_certificate, verify_fail, reverify_on_resume;
    bool reject_alpn, decline_ocsp, fail_ocsp, use_custom_verify, use_early, fail_early, fail_cert, fail_ddos, old_client_cert;
    int64_t min_version, max_version, max_send_fragment, fail_cert_alert;
    list_t groups, tls13_suites;
    policy_t policy;
    const char *trust_anchor, *ticket_context, *host_name, *advertise_alpn, *select_alpn;
    /* What is done on the open connection. */
    bool implicit_handshake, shim_writes_first, shim_shuts_down, check_close_notify, different_sizes, unfinished_write, tls_unique;
    bool key_update, key_update_before_read, use_export_context, export_between_reads, handshake_again, handshake_never_done;
    int64_t read_size, repeat_write, export_len;
    const char *initial_write, *export_label, *export_context;
    /* What must be true afterwards. */
    bool expect_session_miss, expect_no_session, expect_hrr, expect_no_hrr, expect_no_peer_cert, expect_no_server_name, expect_ems;
    int64_t expect_version, expect_cipher, expect_group, expect_peer_scheme, expect_credential;
    list_t expect_peer_schemes;
    bytes_t expect_ocsp_response;
    const char *expect_alpn, *expect_advertised_alpn, *expect_server_name, *expect_peer_cert, *expect_client_cas;
} config_t;

/* Where no flag has said anything. */
#define UNSET (-2)

/* The first connection's and the later ones'. A flag that is not known ends the process with UNIMPLEMENTED, and is written to the
 * file that the environment names in SPANTLS_BOGO_UNKNOWN. */
void read_flags(int argc, char **argv, config_t *initial, config_t *resumed);

/* Ends the process: this test needs something that is not here. */
_Noreturn void unimplemented(const char *what, const char *value);

/* Ends the process: the runner's flags make no sense, or memory has run out. */
_Noreturn void misuse(const char *what);

#endif

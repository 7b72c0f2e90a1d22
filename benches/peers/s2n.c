/*
 * s2n-tls with AWS-LC, by its callbacks over the caller's spans. Connections are wiped and used again, and prefer throughput,
 * as its usage guide advises.
 *
 * It chooses suites and groups by named policies and has no name for one suite and one group: a policy of its own table is
 * replaced by what the settings want (internal headers).
 */
#include "peer.h"

#include "tls/s2n_security_policies.h"
#include <errno.h>
#include <s2n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define POLICY "default_tls13"

static struct s2n_config *client_config, *server_config;
static struct s2n_cert_chain_and_key *client_key, *server_key;
static bool tls13, resume, mutual;
static unsigned long received;
static struct ticket {
    uint8_t data[4096];
    size_t len;
} tickets[64];
static size_t num_tickets;

struct session {
    struct s2n_connection *connection;
    bool server;
    const uint8_t *in;
    size_t in_len;
    uint8_t *out;
    size_t out_len, out_cap;
};

/* Wiped, to be used again: of clients and of servers. */
static struct session *spare[2][16];
static size_t num_spare[2];

static void must(int result, const char *what) {
    if (result < 0)
        fail("%s: %s", what, s2n_strerror_debug(s2n_errno, "EN"));
}

const char *peer_version(void) { return "s2n-tls 0.3.47 (crate)"; }

unsigned long peer_tickets(void) { return received; }

/* --- Contexts --------------------------------------------------------------------------------------------------------------- */

static struct s2n_cipher_suite *suite_of(uint16_t number) {
    switch (number) {
    case 0x1301: return &s2n_tls13_aes_128_gcm_sha256;
    case 0x1302: return &s2n_tls13_aes_256_gcm_sha384;
    case 0x1303: return &s2n_tls13_chacha20_poly1305_sha256;
    case 0xc02b: return &s2n_ecdhe_ecdsa_with_aes_128_gcm_sha256;
    case 0xc02c: return &s2n_ecdhe_ecdsa_with_aes_256_gcm_sha384;
    case 0xcca9: return &s2n_ecdhe_ecdsa_with_chacha20_poly1305_sha256;
    case 0xc02f: return &s2n_ecdhe_rsa_with_aes_128_gcm_sha256;
    default: fail("no suite %04x", number);
    }
}

static void replace_policy(const struct peer_settings *settings) {
    static struct s2n_cipher_suite *suites[1];
    static const struct s2n_cipher_preferences ciphers = {.count = 1, .suites = suites};
    static const struct s2n_ecc_named_curve *const curves[] = {&s2n_ecc_curve_x25519, &s2n_ecc_curve_secp256r1};
    static const struct s2n_ecc_preferences groups = {.count = 2, .ecc_curves = curves};
    static const struct s2n_kem_group *hybrids[] = {&s2n_x25519_mlkem_768};
    static const struct s2n_kem_preferences hybrid = {.tls13_kem_group_count = 1, .tls13_kem_groups = hybrids};
    static struct s2n_security_policy policy;
    suites[0] = suite_of(settings->suite);
    policy = security_policy_20240503;
    policy.cipher_preferences = &ciphers;
    policy.ecc_preferences = &groups;
    policy.kem_preferences = settings->group == 0x11ec ? &hybrid : &kem_preferences_null;
    policy.strongly_preferred_groups = NULL;
    policy.minimum_protocol_version = settings->tls13 ? S2N_TLS13 : S2N_TLS12;
    for (size_t i = 0; security_policy_selection[i].version; i++)
        if (strcmp(security_policy_selection[i].version, POLICY) == 0) {
            security_policy_selection[i].security_policy = &policy;
            security_policy_selection[i].supports_tls13 = settings->tls13;
            security_policy_selection[i].ecc_extension_required = 1;
            security_policy_selection[i].pq_kem_extension_required = settings->group == 0x11ec;
        }
}

static char *contents(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 16);
    if (!file || !text)
        fail("%s", path);
    size_t len = fread(text, 1, (1 << 16) - 1, file);
    text[len] = 0;
    fclose(file);
    return text;
}

static void use_credentials(struct s2n_config *config, struct s2n_cert_chain_and_key **pair, const char *chain, const char *key) {
    char *chain_text = contents(chain), *key_text = contents(key);
    *pair = s2n_cert_chain_and_key_new();
    must(s2n_cert_chain_and_key_load_pem(*pair, chain_text, key_text), chain);
    must(s2n_config_add_cert_chain_and_key_to_store(config, *pair), chain);
    free(chain_text), free(key_text);
}

static int keep_ticket(struct s2n_connection *connection, void *context, struct s2n_session_ticket *ticket) {
    (void)connection, (void)context;
    size_t len = 0;
    received += tls13;
    if (!resume || num_tickets == sizeof tickets / sizeof *tickets)
        return 0;
    if (!tls13)
        num_tickets = 0;
    must(s2n_session_ticket_get_data_len(ticket, &len), "s2n_session_ticket_get_data_len");
    if (len > sizeof tickets->data)
        fail("a ticket of %zu bytes", len);
    must(s2n_session_ticket_get_data(ticket, sizeof tickets->data, tickets[num_tickets].data), "s2n_session_ticket_get_data");
    tickets[num_tickets++].len = len;
    return 0;
}

static struct s2n_config *make_config(const struct peer_settings *settings) {
    struct s2n_config *config = s2n_config_new_minimal();
    if (!config)
        must(-1, "s2n_config_new_minimal");
    must(s2n_config_set_cipher_preferences(config, POLICY), "s2n_config_set_cipher_preferences");
    must(s2n_config_set_verification_ca_location(config, settings->root, NULL), settings->root);
    return config;
}

/* Of a client only the chain is judged, as by the other libraries. */
static uint8_t any_name(const char *name, size_t len, void *context) {
    (void)name, (void)len, (void)context;
    return 1;
}

bool peer_open(const struct peer_settings *settings) {
    static bool started;
    uint8_t secret[32] = {1};
    if (settings->way)
        return false;
    if (!started)
        must(s2n_init(), "s2n_init");
    started = true;
    tls13 = settings->tls13, resume = settings->resume, mutual = settings->mutual;
    num_tickets = 0;
    replace_policy(settings);
    client_config = make_config(settings); /* the former ones are lost: a program has few */
    server_config = make_config(settings);
    must(s2n_config_set_session_tickets_onoff(client_config, tls13 || resume), "s2n_config_set_session_tickets_onoff");
    must(s2n_config_set_session_ticket_cb(client_config, keep_ticket, NULL), "s2n_config_set_session_ticket_cb");
    must(s2n_config_set_session_tickets_onoff(server_config, 1), "s2n_config_set_session_tickets_onoff");
    must(s2n_config_add_ticket_crypto_key(server_config, (const uint8_t *)"peers", 5, secret, sizeof secret, (uint64_t)time(NULL)),
         "s2n_config_add_ticket_crypto_key");
    must(s2n_config_set_initial_ticket_count(server_config, PEER_TICKETS), "s2n_config_set_initial_ticket_count");
    use_credentials(server_config, &server_key, settings->server_chain, settings->server_key);
    if (mutual) {
        use_credentials(client_config, &client_key, settings->client_chain, settings->client_key);
        must(s2n_config_set_client_auth_type(client_config, S2N_CERT_AUTH_OPTIONAL), "s2n_config_set_client_auth_type");
        must(s2n_config_set_verify_host_callback(server_config, any_name, NULL), "s2n_config_set_verify_host_callback");
        must(s2n_config_set_client_auth_type(server_config, S2N_CERT_AUTH_REQUIRED), "s2n_config_set_client_auth_type");
    }
    return true;
}

/* --- Sessions --------------------------------------------------------------------------------------------------------------- */

static int receive(void *context, uint8_t *to, uint32_t len) {
    struct session *session = context;
    size_t taken = len < session->in_len ? len : session->in_len;
    if (taken == 0) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(to, session->in, taken);
    session->in += taken;
    session->in_len -= taken;
    return (int)taken;
}

static int send_out(void *context, const uint8_t *from, uint32_t len) {
    struct session *session = context;
    if (len > session->out_cap - session->out_len)
        fail("no room for %u bytes", len);
    memcpy(session->out + session->out_len, from, len);
    session->out_len += len;
    return (int)len;
}

static struct session *fresh(bool server) {
    if (num_spare[server] > 0)
        return spare[server][--num_spare[server]];
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        fail("out of memory");
    session->server = server;
    session->connection = LIB(s2n_connection_new(server ? S2N_SERVER : S2N_CLIENT));
    if (!session->connection)
        must(-1, "s2n_connection_new");
    return session;
}

void *peer_new(bool server) {
    struct session *session = fresh(server);
    struct s2n_connection *connection = session->connection;
    must(LIB(s2n_connection_set_config(connection, server ? server_config : client_config)), "s2n_connection_set_config");
    must(LIB(s2n_connection_set_blinding(connection, S2N_SELF_SERVICE_BLINDING)), "s2n_connection_set_blinding");
    must(LIB(s2n_connection_prefer_throughput(connection)), "s2n_connection_prefer_throughput");
    must(LIB(s2n_connection_set_recv_cb(connection, receive)), "s2n_connection_set_recv_cb");
    must(LIB(s2n_connection_set_recv_ctx(connection, session)), "s2n_connection_set_recv_ctx");
    must(LIB(s2n_connection_set_send_cb(connection, send_out)), "s2n_connection_set_send_cb");
    must(LIB(s2n_connection_set_send_ctx(connection, session)), "s2n_connection_set_send_ctx");
    if (!server) {
        must(LIB(s2n_set_server_name(connection, PEER_HOST)), "s2n_set_server_name");
        if (num_tickets > 0) {
            struct ticket *ticket = &tickets[num_tickets - 1];
            must(LIB(s2n_connection_set_session(connection, ticket->data, ticket->len)), "s2n_connection_set_session");
            num_tickets -= tls13;
        }
    }
    return session;
}

static void give(struct session *session, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_cap) {
    session->in = in, session->in_len = in_len;
    session->out = out, session->out_len = 0, session->out_cap = out_cap;
}

static bool is_blocked(void) { return s2n_error_get_type(s2n_errno) == S2N_ERR_T_BLOCKED; }

bool peer_handshake(void *handle, uint8_t *in, size_t in_len, uint8_t *out, size_t out_cap, size_t *written) {
    struct session *session = handle;
    s2n_blocked_status blocked;
    give(session, in, in_len, out, out_cap);
    int result = LIB(s2n_negotiate(session->connection, &blocked));
    if (result < 0 && !is_blocked())
        must(result, "s2n_negotiate");
    *written = session->out_len;
    return result == 0;
}

size_t peer_encrypt(void *handle, const uint8_t *text, size_t text_len, uint8_t *out, size_t out_cap) {
    struct session *session = handle;
    s2n_blocked_status blocked;
    give(session, NULL, 0, out, out_cap);
    ssize_t result = LIB(s2n_send(session->connection, text, (ssize_t)text_len, &blocked));
    if (result != (ssize_t)text_len)
        must(-1, "s2n_send");
    return session->out_len;
}

size_t peer_decrypt(void *handle, uint8_t *in, size_t in_len, uint8_t *text, size_t text_cap) {
    struct session *session = handle;
    s2n_blocked_status blocked;
    size_t len = 0;
    give(session, in, in_len, NULL, 0);
    while (session->in_len > 0 || (len < text_cap && LIB(s2n_peek(session->connection)) > 0)) {
        ssize_t result = LIB(s2n_recv(session->connection, text + len, (ssize_t)(text_cap - len), &blocked));
        if (result < 0 && is_blocked())
            break;
        must((int)result, "s2n_recv");
        len += (size_t)result;
    }
    return len;
}

struct peer_facts peer_facts(void *handle) {
    struct session *session = handle;
    struct s2n_connection *connection = session->connection;
    uint8_t first = 0, second = 0;
    const char *group = "";
    bool resumed = s2n_connection_is_session_resumed(connection) == 1;
    must(s2n_connection_get_cipher_iana_value(connection, &first, &second), "s2n_connection_get_cipher_iana_value");
    if (s2n_connection_get_key_exchange_group(connection, &group) < 0)
        group = "";
    return (struct peer_facts){
        .tls13 = s2n_connection_get_actual_protocol_version(connection) == S2N_TLS13,
        .suite = (uint16_t)(first << 8 | second),
        .group = strcasecmp(group, "x25519") == 0 ? 0x001d : strcasecmp(group, "X25519MLKEM768") == 0 ? 0x11ec : 0,
        .resumed = resumed,
        /* Its default for clients, with our root alone and the server's name; a server judges what it requires. */
        .judged = !session->server || resumed || s2n_connection_client_cert_used(connection) == 1,
    };
}

void peer_free(void *handle) {
    struct session *session = handle;
    if (num_spare[session->server] < sizeof spare[0] / sizeof *spare[0]) {
        must(LIB(s2n_connection_wipe(session->connection)), "s2n_connection_wipe");
        spare[session->server][num_spare[session->server]++] = session;
        return;
    }
    must(LIB(s2n_connection_free(session->connection)), "s2n_connection_free");
    free(session);
}

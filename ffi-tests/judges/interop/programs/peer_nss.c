/* NSS, as a peer: see README.md. Its certificates are in the database in settings.store, under the names of the files. */

#include "frame.h"

#include <cert.h>
#include <nspr.h>
#include <nss.h>
#include <pk11pub.h>
#include <private/pprio.h>
#include <secerr.h>
#include <secoid.h>
#include <ssl.h>
#include <sslexp.h>
#include <sslproto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static PRFileDesc *session;
static CERTCertificate *own;
static SECKEYPrivateKey *key;
static int alert = -1;
static bool closed;

const char *library_version(void) {
    return NSS_GetVersion();
}

static void must(int result, const char *what) {
    if (result != SECSuccess) broken("%s: %s", what, PR_ErrorToName(PR_GetError()));
}

static void find_own(void) {
    char name[128];
    const char *slash = strrchr(settings.cert, '/');
    snprintf(name, sizeof name, "%s", slash ? slash + 1 : settings.cert);
    *strrchr(name, '.') = '\0';
    own = PK11_FindCertFromNickname(name, NULL);
    key = own ? PK11_FindKeyByAnyCert(own, NULL) : NULL;
    if (!key) broken("no credentials are called %s", name);
}

void prepare(void) {
    char database[256];
    snprintf(database, sizeof database, "sql:%s", settings.store);
    must(NSS_Init(database), database);
    NSS_SetAlgorithmPolicy(SEC_OID_MLKEM768X25519, NSS_USE_ALG_IN_SSL_KX, 0);
    if (settings.cert) find_own();
    if (settings.server) must(SSL_ConfigServerSessionIDCache(0, 0, 0, NULL), "cache");
}

static void hear(const PRFileDesc *socket, void *unused, const SSLAlert *heard) {
    (void)socket, (void)unused;
    closed = heard->description == 0;
    if (!closed) alert = heard->description;
}

static SECStatus show_own(void *unused, PRFileDesc *socket, CERTDistNames *names, CERTCertificate **chosen, SECKEYPrivateKey **chosen_key) {
    (void)unused, (void)socket, (void)names;
    if (!own) return SECFailure;
    *chosen = CERT_DupCertificate(own);
    *chosen_key = SECKEY_CopyPrivateKey(key);
    return SECSuccess;
}

static void set_groups(void) {
    static const struct group known[] = {{"X25519", ssl_grp_ec_curve25519},
                                         {"P-256", ssl_grp_ec_secp256r1},
                                         {"P-384", ssl_grp_ec_secp384r1},
                                         {"X25519MLKEM768", ssl_grp_kem_mlkem768x25519},
                                         {NULL, 0}};
    int numbers[4];
    SSLNamedGroup groups[4];
    size_t count = groups_here(known, numbers, 4);
    for (size_t i = 0; i < count; i++) groups[i] = (SSLNamedGroup)numbers[i];
    must(SSL_NamedGroupConfig(session, groups, (unsigned int)count), "groups");
}

static void configure(void) {
    PRUint16 version = strcmp(settings.version, "1.2") == 0 ? SSL_LIBRARY_VERSION_TLS_1_2 : SSL_LIBRARY_VERSION_TLS_1_3;
    SSLVersionRange range = {version, version};
    must(SSL_VersionRangeSet(session, &range), "version");
    must(SSL_OptionSet(session, SSL_ENABLE_SESSION_TICKETS, PR_TRUE), "tickets");
    must(SSL_AlertReceivedCallback(session, hear, NULL), "alerts");
    if (settings.groups) set_groups();
    if (settings.alpn) {
        unsigned char list[256];
        must(SSL_SetNextProtoNego(session, list, (unsigned int)alpn_list(list)), "application protocols");
    }
    if (!settings.server) {
        must(SSL_SetURL(session, settings.name), "name");
        must(SSL_GetClientAuthDataHook(session, show_own, NULL), "credentials");
        return;
    }
    must(SSL_ConfigServerCert(session, own, key, NULL, 0), "credentials");
    if (settings.ask) {
        must(SSL_OptionSet(session, SSL_REQUEST_CERTIFICATE, PR_TRUE), "request");
        must(SSL_OptionSet(session, SSL_REQUIRE_CERTIFICATE, SSL_REQUIRE_ALWAYS), "request");
    }
}

static void say_failed(void) {
    failed(alert, "%s", PR_ErrorToName(PR_GetError()));
}

bool handshake(int socket, bool second) {
    (void)second; /* sessions are kept by the name of the server */
    /* A copy, since NSS closes what it is given. */
    session = SSL_ImportFD(NULL, PR_ImportTCPSocket(dup(socket)));
    alert = -1;
    closed = false;
    configure();
    must(SSL_ResetHandshake(session, settings.server), "session");
    SSLChannelInfo facts;
    if (SSL_ForceHandshake(session) != SECSuccess) {
        say_failed();
        return false;
    }
    must(SSL_GetChannelInfo(session, &facts, sizeof facts), "facts");
    unsigned char alpn[256];
    unsigned int length = 0;
    SSLNextProtoState state;
    must(SSL_GetNextProto(session, &state, alpn, &length, sizeof alpn), "application protocol");
    bool chosen = state == SSL_NEXT_PROTO_SELECTED || state == SSL_NEXT_PROTO_NEGOTIATED;
    connected(facts.resumed, (char *)alpn, chosen ? length : 0);
    return true;
}

long read_some(unsigned char *room, size_t length) {
    int count = PR_Recv(session, room, (int)length, 0, PR_INTERVAL_NO_TIMEOUT);
    if (count > 0) return count;
    if (count == 0) return closed ? READ_CLOSED : READ_TRUNCATED;
    say_failed();
    return READ_FAILED;
}

bool write_all(const unsigned char *data, size_t length) {
    if (PR_Send(session, data, (int)length, 0, PR_INTERVAL_NO_TIMEOUT) == (int)length) return true;
    say_failed();
    return false;
}

bool update_keys(void) {
    if (SSL_KeyUpdate(session, PR_TRUE) == SECSuccess) return true;
    say_failed();
    return false;
}

void send_close(void) {
    PR_Shutdown(session, PR_SHUTDOWN_SEND);
}

void release(void) {
    PR_Close(session);
}

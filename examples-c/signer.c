#define _POSIX_C_SOURCE 200809L

#include "signer.h"

#include "spantls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The schemes of RFC 8446 section 4.2.3 that there are keys for, best first. */
static const struct scheme {
    uint16_t number;
    int key_type;
    int key_bits;                   /* 0: any */
    const EVP_MD *(*digest)(void);  /* NULL: the scheme has one of its own */
    int padding;                    /* of RSA; 0: none */
} schemes[] = {
    {SPANTLS_SCHEME_ED25519, EVP_PKEY_ED25519, 0, NULL, 0},
    {SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256, EVP_PKEY_EC, 256, EVP_sha256, 0},
    {SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384, EVP_PKEY_EC, 384, EVP_sha384, 0},
    {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256, EVP_PKEY_RSA, 0, EVP_sha256, RSA_PKCS1_PSS_PADDING},
    {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384, EVP_PKEY_RSA, 0, EVP_sha384, RSA_PKCS1_PSS_PADDING},
    {SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512, EVP_PKEY_RSA, 0, EVP_sha512, RSA_PKCS1_PSS_PADDING},
    /* These three for TLS 1.2 only. */
    {SPANTLS_SCHEME_RSA_PKCS1_SHA256, EVP_PKEY_RSA, 0, EVP_sha256, RSA_PKCS1_PADDING},
    {SPANTLS_SCHEME_RSA_PKCS1_SHA384, EVP_PKEY_RSA, 0, EVP_sha384, RSA_PKCS1_PADDING},
    {SPANTLS_SCHEME_RSA_PKCS1_SHA512, EVP_PKEY_RSA, 0, EVP_sha512, RSA_PKCS1_PADDING},
};

#define NUM_SCHEMES (sizeof schemes / sizeof schemes[0])

/* ---- both processes: whole structs through a socket ---- */

/* False at the end, with errno 0, and when it fails. */
static bool read_whole(int socket, void *data, size_t len)
{
    uint8_t *at = data;

    while (len > 0) {
        ssize_t got = read(socket, at, len);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            errno = got == 0 ? 0 : errno;
            return false;
        }
    }
    return true;
}

static bool write_whole(int socket, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        ssize_t sent = send(socket, at, len, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += sent;
            len -= (size_t)sent;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* ---- the process that has the key ---- */

static bool fits(const struct scheme *scheme, const EVP_PKEY *key)
{
    return scheme->key_type == EVP_PKEY_base_id(key) &&
           (scheme->key_bits == 0 || scheme->key_bits == EVP_PKEY_bits(key));
}

static EVP_PKEY *load_key(const char *path)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        perror(path);
        return NULL;
    }
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    if (key == NULL)
        ERR_print_errors_fp(stderr);
    return key;
}

/* PSS salts are as long as the digest (RFC 8446 section 4.2.3). */
static bool set_padding(EVP_PKEY_CTX *context, int padding)
{
    if (padding == 0)
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
           (padding != RSA_PKCS1_PSS_PADDING ||
            EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/* Hashes the message and signs; ECDSA signatures come as DER, which is what TLS wants. False if it cannot be done. */
static bool sign(EVP_PKEY *key, const struct scheme *scheme, const struct signer_request *request,
                 struct signer_reply *reply)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = NULL; /* belongs to the other one */
    size_t len = sizeof reply->signature;

    bool signed_it = context != NULL && request->message_len <= sizeof request->message &&
                     EVP_DigestSignInit(context, &key_context, scheme->digest != NULL ? scheme->digest() : NULL, NULL,
                                        key) == 1 &&
                     set_padding(key_context, scheme->padding) &&
                     EVP_DigestSign(context, reply->signature, &len, request->message, request->message_len) == 1;
    EVP_MD_CTX_free(context);
    reply->signature_len = signed_it ? (uint32_t)len : 0;
    return signed_it;
}

/* The process decides itself what it signs: only schemes that belong to its key, whatever it is asked for. */
static void answer(EVP_PKEY *key, const struct signer_request *request, struct signer_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->number = request->number;
    for (size_t i = 0; i < NUM_SCHEMES; ++i) {
        if (schemes[i].number == request->scheme && fits(&schemes[i], key)) {
            if (!sign(key, &schemes[i], request, reply))
                ERR_print_errors_fp(stderr);
            return;
        }
    }
    fprintf(stderr, "signer: no such scheme: 0x%04X\n", (unsigned)request->scheme);
}

static bool offer_schemes(int socket, const EVP_PKEY *key)
{
    struct signer_offer offer = {0};

    for (size_t i = 0; i < NUM_SCHEMES && offer.num_schemes < SIGNER_MAX_SCHEMES; ++i) {
        if (fits(&schemes[i], key))
            offer.schemes[offer.num_schemes++] = schemes[i].number;
    }
    return write_whole(socket, &offer, sizeof offer);
}

/* Signs what it is asked to, one after the other, until the server closes its end. */
static bool serve(int socket, const char *key_path)
{
    static struct signer_request request;
    static struct signer_reply reply;
    EVP_PKEY *key = load_key(key_path);
    bool going = key != NULL && offer_schemes(socket, key);

    while (going && read_whole(socket, &request, sizeof request)) {
        answer(key, &request, &reply);
        going = write_whole(socket, &reply, sizeof reply);
    }
    EVP_PKEY_free(key);
    return going && errno == 0;
}

/* ---- the server's process ---- */

bool signer_start(struct signer *signer, const char *key_path)
{
    int pair[2];

    memset(signer, 0, sizeof *signer);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        perror("a pair of sockets");
        return false;
    }
    signer->process = fork();
    if (signer->process == 0) {
        /* In earnest it would become another user here, the only one who may read the key. */
        close(pair[0]);
        exit(serve(pair[1], key_path) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(pair[1]);
    signer->socket = pair[0];
    if (signer->process < 0) {
        perror("fork");
        close(signer->socket);
        return false;
    }
    fprintf(stderr, "signer: process %ld\n", (long)signer->process);
    if (read_whole(signer->socket, &signer->offer, sizeof signer->offer))
        return true;
    fputs("signer: has made no offer\n", stderr); /* and said why */
    signer_stop(signer);
    return false;
}

bool signer_stop(struct signer *signer)
{
    int status = 0;
    pid_t ended = 0;

    close(signer->socket);
    do {
        ended = waitpid(signer->process, &status, 0);
    } while (ended < 0 && errno == EINTR);
    return ended == signer->process && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

#include "sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

/* Keys stay open until the process ends. */
static EVP_PKEY *open_key(const char *name) {
    static struct {
        char name[64];
        EVP_PKEY *key;
    } keys[16];
    size_t i = 0;
    while (i < 16 && keys[i].key != NULL && strcmp(keys[i].name, name) != 0) {
        i++;
    }
    if (i == 16) {
        give_up("too many keys");
    }
    if (keys[i].key == NULL) {
        char file[80];
        snprintf(file, sizeof file, "%s.key", name);
        bytes_t pem = read_file(file);
        BIO *source = BIO_new_mem_buf(pem.data, (int)pem.len);
        keys[i].key = PEM_read_bio_PrivateKey(source, NULL, NULL, NULL);
        BIO_free(source);
        bytes_free(&pem);
        if (keys[i].key == NULL) {
            give_up("libcrypto cannot read %s", file);
        }
        snprintf(keys[i].name, sizeof keys[i].name, "%s", name);
    }
    return keys[i].key;
}

/* A scheme of RSA and ECDSA has its hash in the number. */
static const EVP_MD *hash_of(uint16_t scheme) {
    switch (scheme) {
        case SPANTLS_SCHEME_RSA_PKCS1_SHA256:
        case SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256:
        case SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256:
            return EVP_sha256();
        case SPANTLS_SCHEME_RSA_PKCS1_SHA384:
        case SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384:
        case SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384:
            return EVP_sha384();
        case SPANTLS_SCHEME_RSA_PKCS1_SHA512:
        case SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512:
            return EVP_sha512();
        case SPANTLS_SCHEME_ED25519: /* Ed25519 hashes for itself */
            return NULL;
        default:
            give_up("nobody here signs with scheme 0x%04x", scheme);
    }
}

bytes_t sign_with(const char *name, uint16_t scheme, const uint8_t *message, size_t len) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    size_t signature_len = 0;
    uint8_t signature[1024];
    bool done = EVP_DigestSignInit(context, &parameters, hash_of(scheme), NULL, open_key(name)) == 1;
    if (scheme >= SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256 && scheme <= SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512) {
        done = done && EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    signature_len = sizeof signature;
    done = done && EVP_DigestSign(context, signature, &signature_len, message, len) == 1;
    EVP_MD_CTX_free(context);
    if (!done) {
        give_up("libcrypto does not sign with %s and scheme 0x%04x", name, scheme);
    }
    bytes_t result = {0};
    bytes_append(&result, signature, signature_len);
    return result;
}

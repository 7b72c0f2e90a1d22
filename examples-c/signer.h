/*
 * A process of its own that has a private key, and signs for a server that has none: what both sides must know.
 *
 * They talk over a pair of sockets, in structs of fixed size; both are the same program, so that these look alike to
 * both. First comes an offer, then a reply for each request, in the order of the requests.
 */
#ifndef SIGNER_H
#define SIGNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What a server signs has at most about 200 bytes (RFC 8446 section 4.4.3, RFC 8422 section 5.4). */
#define SIGNER_MAX_MESSAGE 512
/* RSA keys have up to 4096 bits. */
#define SIGNER_MAX_SIGNATURE 512
#define SIGNER_MAX_SCHEMES 8

/* The schemes that the key is good for, best first (IANA numbers). */
struct signer_offer {
    uint32_t num_schemes;
    uint16_t schemes[SIGNER_MAX_SCHEMES];
};

struct signer_request {
    uint64_t number; /* comes back with the reply */
    uint16_t scheme;
    uint16_t message_len;
    uint8_t message[SIGNER_MAX_MESSAGE];
};

struct signer_reply {
    uint64_t number;
    uint32_t signature_len; /* 0: it could not be signed */
    uint8_t signature[SIGNER_MAX_SIGNATURE];
};

struct signer {
    pid_t process;
    int socket; /* blocking, until the caller changes that */
    struct signer_offer offer;
};

/*
 * Starts the process, which loads the key; true when its offer is there. Call it before the program has any threads,
 * and before it opens anything that the process should not inherit.
 */
bool signer_start(struct signer *signer, const char *key_path);

/* Closes the socket, by which the process ends, and waits for that; true if it ended well. */
bool signer_stop(struct signer *signer);

#endif

/*
 * The external signer of the tests: OpenSSL's libcrypto with a key of the certificates' folder.
 */

#ifndef SIGN_H
#define SIGN_H

#include "pair.h"

/* Signs with `name`.key by a signature scheme (RFC 8446 section 4.2.3, IANA number); a signer_t. */
bytes_t sign_with(const char *name, uint16_t scheme, const uint8_t *message, size_t len);

#endif

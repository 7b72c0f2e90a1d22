/* Bytes from text: base64, hexadecimal digits, PEM files. */

#ifndef SPANTLS_BOGO_DECODE_H
#define SPANTLS_BOGO_DECODE_H

#include "flags.h"

/* Characters that are not digits of base64 are skipped. The caller owns the bytes. */
bytes_t from_base64(const char *text);

/* The next DER name of a list of hexadecimal names with commas between them; `*at` moves past it. Empty at the end. */
bytes_t next_name(const char **at);

/* Certificate number `index` of a PEM file; empty if it has fewer. */
bytes_t certificate_of(const char *path, size_t index);

bool same_bytes(bytes_t a, const void *data, size_t len);

#endif

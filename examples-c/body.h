/* The bodies of the responses: the line "Hello, world", repeated. */
#ifndef BODY_H
#define BODY_H

#include <stddef.h>
#include <stdint.h>

/* Once, before the other. */
void body_init(void);

/* Bytes of a body from an offset on: at most `most`, and at least one unless `most` is 0. */
const uint8_t *body_bytes(uint64_t offset, uint64_t most, size_t *out_len);

#endif

#include "body.h"

#include <string.h>

static const char line[] = "Hello, world\n";

#define LINE_LEN (sizeof line - 1)

/* A whole number of lines, so that a longer body continues at its beginning. */
static uint8_t lines[LINE_LEN * 20000];

void body_init(void)
{
    for (size_t i = 0; i < sizeof lines; i += LINE_LEN)
        memcpy(lines + i, line, LINE_LEN);
}

const uint8_t *body_bytes(uint64_t offset, uint64_t most, size_t *out_len)
{
    size_t start = (size_t)(offset % sizeof lines);
    size_t len = sizeof lines - start;

    *out_len = most < len ? (size_t)most : len;
    return lines + start;
}

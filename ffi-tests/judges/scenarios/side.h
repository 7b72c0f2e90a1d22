/*
 * A side of a scenario, as run.py sends it: one JSON object in a line, flattened to paths ("alpn/0", "sni_contexts/localhost").
 */

#ifndef SIDE_H
#define SIDE_H

#include <stdbool.h>
#include <stddef.h>

/* Reads the next line of stdin, false at its end; the texts of the side before are gone. Ends the program with status 2 if the
 * line is no JSON object. */
bool side_read(void);

/* A value's text; NULL if it is null or not there. */
const char *side_text(const char *path);

/* The same as a number, or as a truth; `otherwise` if it is not there. */
long side_number(const char *path, long otherwise);
bool side_flag(const char *path);

/* The `i`th element of a list or object, and its name; NULL behind the last one. */
const char *side_item(const char *path, size_t i, const char **name);

/* Complains and ends the program with status 2: misuse, not an outcome. */
_Noreturn void misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

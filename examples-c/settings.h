/*
 * What the command lines of the example client and the example server have in common.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "spantls.h"

#include <stdbool.h>

/* For the calls that set things up: true for COMPLETE, else says on stderr what failed and why. */
bool succeeded(const char *what, tls_status_t status);

/* A decimal number from `least` to `most`; false for anything else. */
bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *out_number);

/* "1.2" or "1.3": only this version. */
bool set_version(tls_options_t *options, const char *version);

/* Adds an application protocol. */
bool add_alpn(tls_options_t *options, const char *name);

#endif

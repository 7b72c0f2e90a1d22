/*
 * What the command lines of the examples have in common.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "spantls.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For the calls that set things up: true for COMPLETE, else says on stderr what failed and why. */
bool succeeded(const char *what, tls_status_t status);

/* A decimal number from `least` to `most`; false for anything else. */
bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *out_number);

/* "1.2" or "1.3": only this version. */
bool set_version(tls_options_t *options, const char *version);

/* An IANA name: only this cipher suite. */
bool set_suite(tls_options_t *options, const char *name);

/* The contents of a file, to be freed; NULL after saying on stderr why not. */
char *read_file(const char *path, size_t *out_len);

/* Adds an application protocol. */
bool add_alpn(tls_options_t *options, const char *name);

/* What every server can be told, whatever else it does. */
struct server_settings {
    unsigned long port;        /* 0: the system chooses */
    unsigned long connections; /* end after so many; 0: never */
    unsigned long timeout;     /* in seconds */
    bool summary;
};

#define SERVER_DEFAULTS {.timeout = 60}

/* For the table of getopt_long(), and for usage(). */
#define SERVER_OPTIONS                                                                                                 \
    {"port", required_argument, NULL, 'P'}, {"connections", required_argument, NULL, 'n'},                             \
        {"timeout", required_argument, NULL, 't'}, {"summary", no_argument, NULL, 'S'}

#define SERVER_USAGE                                                                                                   \
    "  --port N                            port to listen on (default: 0, the system chooses)\n"                       \
    "  --connections N                     end after N connections (default: 0, never)\n"                              \
    "  --timeout SECONDS                   for a handshake, for a connection on which nothing moves, and for\n"        \
    "                                      a server that has no connection (default: 60)\n"                            \
    "  --summary                           a line for scripts on standard error for each connection\n"

/* False for any other option, and for a bad value. */
bool parse_server_option(int option, const char *value, struct server_settings *settings);

#endif

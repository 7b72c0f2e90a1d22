#include "settings.h"

#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool succeeded(const char *what, tls_status_t status)
{
    spantls_error_t error = {.struct_size = sizeof error};

    if (status == TLS_STATUS_COMPLETE)
        return true;
    fprintf(stderr, "%s: %s", what, tls_status_name(status));
    if (spantls_last_error(&error) == TLS_STATUS_COMPLETE)
        fprintf(stderr, ": %s", error.message);
    fputc('\n', stderr);
    return false;
}

char *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    char *larger = NULL;
    size_t len = 0;
    size_t got = 0;

    if (file == NULL) {
        perror(path);
        return NULL;
    }
    do {
        len += got;
        larger = realloc(data, len + 4096);
        if (larger != NULL)
            data = larger;
    } while (larger != NULL && (got = fread(data + len, 1, 4096, file)) > 0);
    if (larger == NULL || ferror(file) != 0) {
        fprintf(stderr, "%s: could not be read\n", path);
        free(data);
        data = NULL;
    }
    fclose(file);
    *out_len = len;
    return data;
}

bool parse_number(const char *text, unsigned long least, unsigned long most, unsigned long *out_number)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9') /* strtoul would skip blanks and take a sign */
        return false;
    errno = 0;
    *out_number = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && *out_number >= least && *out_number <= most;
}

bool set_version(tls_options_t *options, const char *version)
{
    uint32_t protocol = 0;

    if (strcmp(version, "1.2") == 0)
        protocol = SPANTLS_PROTOCOL_TLS12;
    else if (strcmp(version, "1.3") == 0)
        protocol = SPANTLS_PROTOCOL_TLS13;
    else
        return false;
    return succeeded("--tls", tls_options_set_protocols(options, protocol));
}

bool set_suite(tls_options_t *options, const char *name)
{
    uint16_t suite = suite_number(name);

    return suite != 0 && succeeded("--suite", tls_options_set_cipher_suites(options, &suite, 1));
}

bool add_alpn(tls_options_t *options, const char *name)
{
    return succeeded("--alpn", tls_options_add_alpn(options, name, strlen(name)));
}

bool parse_server_option(int option, const char *value, struct server_settings *settings)
{
    switch (option) {
    case 'P':
        return parse_number(value, 0, 65535, &settings->port);
    case 'n':
        return parse_number(value, 0, 1000000000, &settings->connections);
    case 't':
        return parse_number(value, 1, 86400, &settings->timeout);
    case 'S':
        settings->summary = true;
        return true;
    default:
        return false;
    }
}

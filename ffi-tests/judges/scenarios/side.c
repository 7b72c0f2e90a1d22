#include "side.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUES 256
#define MAX_PATH 256

static struct {
    char path[MAX_PATH];
    char *text; /* NULL: null */
} values[MAX_VALUES];
static size_t num_values;
static const char *at;

void misuse(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("runner: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void skip_space(void) {
    at += strspn(at, " \t\r\n");
}

static bool take(char c) {
    skip_space();
    if (*at != c) {
        return false;
    }
    at++;
    return true;
}

static void expect(char c) {
    if (!take(c)) {
        misuse("'%c' is missing before: %.20s", c, at);
    }
}

static char escaped(void) {
    static const char from[] = "\"\\/nrtbf", to[] = "\"\\/\n\r\t\b\f";
    const char c = *at++;
    const char *known = c == '\0' ? NULL : strchr(from, c);
    if (known != NULL) {
        return to[known - from];
    }
    unsigned code = 0;
    if (c != 'u' || sscanf(at, "%4x", &code) != 1 || code == 0 || code > 0x7f) {
        misuse("an escape that is not understood: \\%c%.4s", c, at);
    }
    at += 4;
    return (char)code;
}

static char *string(void) {
    expect('"');
    char *text = malloc(strlen(at) + 1), *end = text;
    if (text == NULL) {
        misuse("no memory");
    }
    while (*at != '"') {
        if (*at == '\0') {
            misuse("a string has no end");
        }
        const char c = *at++;
        *end++ = c == '\\' ? escaped() : c;
    }
    at++;
    *end = '\0';
    return text;
}

static void add(const char *path, char *text) {
    if (num_values == MAX_VALUES) {
        misuse("too many values");
    }
    snprintf(values[num_values].path, MAX_PATH, "%s", path);
    values[num_values++].text = text;
}

static void value(const char *path);

static void element(const char *path, const char *name) {
    char inner[MAX_PATH];
    if (snprintf(inner, sizeof inner, "%s%s%s", path, *path ? "/" : "", name) >= MAX_PATH) {
        misuse("a path is too long: %.40s", name);
    }
    value(inner);
}

static void value(const char *path) {
    skip_space();
    if (*at == '"') {
        add(path, string());
    } else if (take('{')) {
        for (bool more = !take('}'); more; more = take(',') || (expect('}'), false)) {
            char *name = string();
            expect(':');
            element(path, name);
            free(name);
        }
    } else if (take('[')) {
        char name[24];
        size_t count = 0;
        for (bool more = !take(']'); more; more = take(',') || (expect(']'), false)) {
            snprintf(name, sizeof name, "%zu", count++);
            element(path, name);
        }
    } else {
        const size_t len = strcspn(at, ",}] \t\r\n");
        char *word = strndup(at, len);
        if (len == 0 || word == NULL) {
            misuse("a value is missing before: %.20s", at);
        }
        at += len;
        add(path, strcmp(word, "null") == 0 ? (free(word), NULL) : word);
    }
}

bool side_read(void) {
    static char text[1 << 16];
    while (num_values > 0) {
        free(values[--num_values].text);
    }
    if (fgets(text, sizeof text, stdin) == NULL) {
        return false;
    }
    if (strlen(text) == sizeof text - 1) {
        misuse("too long a line");
    }
    at = text;
    skip_space();
    if (*at != '{') {
        misuse("no JSON object in a line of stdin");
    }
    value("");
    skip_space();
    if (*at != '\0') {
        misuse("more than one JSON object in a line of stdin");
    }
    return true;
}

const char *side_text(const char *path) {
    for (size_t i = 0; i < num_values; i++) {
        if (strcmp(values[i].path, path) == 0) {
            return values[i].text;
        }
    }
    return NULL;
}

long side_number(const char *path, long otherwise) {
    const char *text = side_text(path);
    char *end = NULL;
    const long number = text == NULL ? otherwise : strtol(text, &end, 10);
    if (text != NULL && (end == text || *end != '\0')) {
        misuse("%s is no number: %s", path, text);
    }
    return number;
}

bool side_flag(const char *path) {
    const char *text = side_text(path);
    if (text != NULL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        misuse("%s is neither true nor false: %s", path, text);
    }
    return text != NULL && text[0] == 't';
}

const char *side_item(const char *path, size_t i, const char **name) {
    const size_t len = strlen(path);
    for (size_t at_value = 0; at_value < num_values; at_value++) {
        const char *candidate = values[at_value].path;
        if (strncmp(candidate, path, len) == 0 && candidate[len] == '/' && i-- == 0) {
            if (name != NULL) {
                *name = candidate + len + 1;
            }
            return values[at_value].text;
        }
    }
    return NULL;
}

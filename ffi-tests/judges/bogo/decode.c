#include "decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint8_t *room(size_t len) {
    uint8_t *data = malloc(len + 1);
    if (data == NULL) {
        misuse("no memory");
    }
    return data;
}

static bytes_t base64_part(const char *text, size_t text_len) {
    bytes_t bytes = {room(text_len), 0};
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < text_len && text[i] != '='; i++) {
        const char *digit = strchr(digits, text[i]);
        if (digit == NULL) {
            continue;
        }
        bits = (bits << 6 | (uint32_t)(digit - digits)) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.data[bytes.len++] = (uint8_t)(bits >> count);
        }
    }
    return bytes;
}

bytes_t from_base64(const char *text) {
    return base64_part(text, strlen(text));
}

bytes_t next_name(const char **at) {
    const size_t len = strcspn(*at, ",");
    bytes_t bytes = {room(len / 2), len / 2};
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned value = 0;
        if (sscanf(*at + 2 * i, "%2x", &value) != 1) {
            misuse("hexadecimal digits are malformed");
        }
        bytes.data[i] = (uint8_t)value;
    }
    *at += len + ((*at)[len] == ',');
    return bytes;
}

static char *whole_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        misuse("a file cannot be read");
    }
    size_t len = 0, cap = 1 << 16;
    char *text = (char *)room(cap);
    for (size_t count; (count = fread(text + len, 1, cap - len, file)) > 0;) {
        len += count;
        if (len == cap) {
            misuse("a file is too long");
        }
    }
    fclose(file);
    text[len] = '\0';
    return text;
}

bytes_t certificate_of(const char *path, size_t index) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    char *text = whole_file(path);
    const char *at = strstr(text, begin);
    while (at != NULL && index-- > 0) {
        at = strstr(at + 1, begin);
    }
    bytes_t bytes = {NULL, 0};
    const char *end = at == NULL ? NULL : strstr(at, "-----END");
    if (end != NULL) {
        at += sizeof begin - 1;
        bytes = base64_part(at, (size_t)(end - at));
    }
    free(text);
    return bytes;
}

bool same_bytes(bytes_t a, const void *data, size_t len) {
    return a.len == len && (len == 0 || memcmp(a.data, data, len) == 0);
}

#define _POSIX_C_SOURCE 200809L

#include "http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- lines ---- */

/* Where the line at `data` ends, its line end included; 0 if there is no end. A bare LF ends nothing (RFC 9112 2.2). */
static size_t line_len(const uint8_t *data, size_t len)
{
    const uint8_t *end = memchr(data, '\n', len);

    while (end != NULL && (end == data || end[-1] != '\r')) {
        size_t done = (size_t)(end - data) + 1;
        end = memchr(data + done, '\n', len - done);
    }
    return end == NULL ? 0 : (size_t)(end - data) + 1;
}

/* The length of a head with its empty line; 0 if it is not all there. */
static size_t head_len(const uint8_t *data, size_t len)
{
    size_t done = 0;

    for (;;) {
        size_t line = line_len(data + done, len - done);
        done += line;
        if (line == 0)
            return 0;
        if (line == 2)
            return done;
    }
}

struct text {
    const char *start;
    size_t len;
};

static bool is(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.start, word, text.len) == 0;
}

/* The same, whatever the case of letters. */
static bool equals(struct text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.start, word, text.len) == 0;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(struct text text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < text.len; ++i) {
        char c = text.start[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && memchr(others, c, sizeof others - 1) == NULL)
            return false;
    }
    return text.len > 0;
}

/* Whether a line, without its line end, has nothing in it that another reader could take for one (RFC 9112 section 2.2). */
static bool is_one_line(struct text line)
{
    return memchr(line.start, '\r', line.len) == NULL && memchr(line.start, '\n', line.len) == NULL &&
           memchr(line.start, '\0', line.len) == NULL;
}

static struct text trimmed(struct text text)
{
    while (text.len > 0 && (*text.start == ' ' || *text.start == '\t')) {
        text.start += 1;
        text.len -= 1;
    }
    while (text.len > 0 && (text.start[text.len - 1] == ' ' || text.start[text.len - 1] == '\t'))
        text.len -= 1;
    return text;
}

/* What stands before the first `separator`, which is dropped with it from the rest; false if there is none. */
static bool split(struct text *rest, char separator, struct text *out_first)
{
    const char *found = memchr(rest->start, separator, rest->len);

    if (found == NULL)
        return false;
    *out_first = (struct text){rest->start, (size_t)(found - rest->start)};
    rest->start = found + 1;
    rest->len -= out_first->len + 1;
    return true;
}

/* The next line of a head, without its line end; false if there is none. */
static bool next_line(struct text *head, struct text *out_line)
{
    if (!split(head, '\n', out_line) || out_line->len == 0 || out_line->start[out_line->len - 1] != '\r')
        return false;
    out_line->len -= 1;
    return is_one_line(*out_line);
}

/* Whether a list with commas has this word in it. */
static bool lists(struct text list, const char *word)
{
    struct text item;

    while (split(&list, ',', &item)) {
        if (equals(trimmed(item), word))
            return true;
    }
    return equals(trimmed(list), word);
}

static bool parse_digits(struct text text, unsigned base, uint64_t most, uint64_t *out_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.len; ++i) {
        const char *digits = "0123456789abcdef";
        char c = text.start[i];
        if (c >= 'A' && c <= 'F')
            c = (char)(c - 'A' + 'a');
        const char *digit = c == '\0' ? NULL : strchr(digits, c);
        if (digit == NULL || (unsigned)(digit - digits) >= base)
            return false;
        number = number * base + (unsigned)(digit - digits);
        if (number > most)
            return false;
    }
    *out_number = number;
    return text.len > 0;
}

/* ---- heads of requests ---- */

#define MAX_REQUEST_BODY ((uint64_t)1 << 40)

/* What the fields say together. */
struct fields {
    unsigned hosts;
    unsigned lengths;
    uint64_t length;
    bool chunked;
    bool other_coding;
    bool close;
    bool keep_alive;
    bool expects_continue;
    bool broken;
};

static void read_field(struct fields *fields, struct text line)
{
    struct text name;

    /* No blanks before the colon, and no continued lines: RFC 9112 sections 5.1 and 5.2. */
    if (!split(&line, ':', &name) || !is_token(name)) {
        fields->broken = true;
        return;
    }
    struct text value = trimmed(line);
    if (equals(name, "host")) {
        fields->hosts += 1;
    } else if (equals(name, "content-length")) {
        fields->lengths += 1;
        fields->broken |= !parse_digits(value, 10, MAX_REQUEST_BODY, &fields->length);
    } else if (equals(name, "transfer-encoding")) {
        fields->other_coding |= fields->chunked || !equals(value, "chunked");
        fields->chunked = true;
    } else if (equals(name, "connection")) {
        fields->close |= lists(value, "close");
        fields->keep_alive |= lists(value, "keep-alive");
    } else if (equals(name, "expect")) {
        fields->expects_continue = equals(value, "100-continue");
    }
}

/* "/1024" asks for so many bytes, "/" for 13; a query is ignored. */
static uint16_t read_target(struct text target, uint64_t *out_size)
{
    struct text path = target;

    if (target.len == 0 || target.start[0] != '/')
        return 400;
    (void)split(&target, '?', &path);
    path.start += 1;
    path.len -= 1;
    *out_size = 13;
    return path.len == 0 || parse_digits(path, 10, HTTP_MAX_BODY, out_size) ? 200 : 404;
}

/* Reads a whole head; tells the status of the response, 400 if it makes no sense. */
static uint16_t read_head(struct http_request *request, struct text head)
{
    struct fields fields = {0};
    struct text line, method, target;

    if (!next_line(&head, &line) || !split(&line, ' ', &method) || !split(&line, ' ', &target) || !is_token(method))
        return 400;
    request->is_head = is(method, "HEAD");
    bool is_11 = is(line, "HTTP/1.1");
    if (!is_11 && !is(line, "HTTP/1.0"))
        return line.len == 8 && strncmp(line.start, "HTTP/", 5) == 0 ? 505 : 400;
    request->status = read_target(target, &request->size);
    if (request->status == 400)
        return 400;
    do {
        if (!next_line(&head, &line))
            return 400;
        if (line.len > 0)
            read_field(&fields, line);
    } while (line.len > 0);
    /* RFC 9112 sections 3.2 and 6.3: what two readers could take for requests of different length is none. */
    if (fields.broken || fields.lengths > 1 || (fields.chunked && (fields.lengths > 0 || !is_11)) ||
        (is_11 ? fields.hosts != 1 : fields.hosts > 1))
        return 400;
    if (fields.other_coding)
        return 501;
    request->keep_alive = !fields.close && (is_11 || fields.keep_alive);
    request->left = fields.length;
    request->part = fields.chunked ? HTTP_CHUNK_SIZE : HTTP_BODY;
    request->continues = fields.expects_continue && is_11 && (fields.chunked || fields.length > 0);
    return request->status;
}

/* ---- requests ---- */

/* The line that says how long the next chunk is (RFC 9112 section 7.1); its extensions are ignored. */
static bool read_chunk_size(struct http_request *request, struct text line)
{
    struct text digits = line;

    (void)split(&line, ';', &digits);
    if (!parse_digits(digits, 16, MAX_REQUEST_BODY, &request->left))
        return false;
    request->part = request->left > 0 ? HTTP_CHUNK : HTTP_TRAILERS;
    return true;
}

/* What a step has come to. */
enum progress { STUCK, ON, TURN };

static enum progress refuse(struct http_request *request, uint16_t status)
{
    *request = (struct http_request){.status = status};
    return TURN;
}

static enum progress end_of_request(struct http_request *request)
{
    request->part = HTTP_HEAD;
    return TURN;
}

static enum progress take_head(struct http_request *request, const uint8_t *data, size_t len, size_t *out_taken)
{
    size_t empty = 0;

    while (len - empty >= 2 && data[empty] == '\r' && data[empty + 1] == '\n')
        empty += 2; /* empty lines before a request: RFC 9112 section 2.2 */
    size_t head = head_len(data + empty, len - empty);
    *out_taken = empty + head;
    if (head > HTTP_MAX_HEAD || (head == 0 && len - empty >= HTTP_MAX_HEAD))
        return refuse(request, 431);
    if (head == 0)
        return STUCK;
    *request = (struct http_request){0};
    uint16_t status = read_head(request, (struct text){(const char *)data + empty, head});
    if (status != 200 && status != 404)
        return refuse(request, status);
    return request->continues ? TURN : ON;
}

static enum progress take_line(struct http_request *request, const uint8_t *data, size_t len, size_t *out_taken)
{
    size_t line = line_len(data, len);

    *out_taken = line;
    if (line > HTTP_MAX_HEAD || (line == 0 && len >= HTTP_MAX_HEAD))
        return refuse(request, 431);
    if (line == 0)
        return STUCK;
    struct text text = {(const char *)data, line - 2};
    if (!is_one_line(text))
        return refuse(request, 400);
    if (request->part == HTTP_CHUNK_SIZE)
        return read_chunk_size(request, text) ? ON : refuse(request, 400);
    if (request->part == HTTP_CHUNK_END && line != 2)
        return refuse(request, 400);
    if (request->part == HTTP_CHUNK_END)
        request->part = HTTP_CHUNK_SIZE;
    else if (line == 2) /* the last of the trailers */
        return end_of_request(request);
    return ON;
}

static enum progress take_bytes(struct http_request *request, size_t len, size_t *out_taken)
{
    *out_taken = request->left < len ? (size_t)request->left : len;
    request->left -= *out_taken;
    if (request->left > 0)
        return STUCK;
    if (request->part == HTTP_BODY)
        return end_of_request(request);
    request->part = HTTP_CHUNK_END;
    return ON;
}

static enum progress take(struct http_request *request, const uint8_t *data, size_t len, size_t *out_taken)
{
    switch (request->part) {
    case HTTP_HEAD:
        return take_head(request, data, len, out_taken);
    case HTTP_BODY:
    case HTTP_CHUNK:
        return take_bytes(request, len, out_taken);
    default:
        return take_line(request, data, len, out_taken);
    }
}

bool http_take(struct http_request *request, const uint8_t *data, size_t len, size_t *out_taken)
{
    enum progress progress = ON;

    *out_taken = 0;
    while (progress == ON) {
        size_t taken = 0;
        progress = take(request, data + *out_taken, len - *out_taken, &taken);
        *out_taken += taken;
    }
    return progress == TURN;
}

/* ---- responses ---- */

static const char *reason(uint16_t status)
{
    switch (status) {
    case 200:
        return "OK";
    case 404:
        return "Not Found";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Bad Request";
    }
}

size_t http_response_head(const struct http_request *request, char head[HTTP_MAX_RESPONSE_HEAD])
{
    static const char go_ahead[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (request->continues) {
        memcpy(head, go_ahead, sizeof go_ahead);
        return sizeof go_ahead - 1;
    }
    int len = snprintf(head, HTTP_MAX_RESPONSE_HEAD,
                       "HTTP/1.1 %u %s\r\nContent-Type: text/plain\r\nContent-Length: %llu\r\nConnection: %s\r\n\r\n",
                       (unsigned)request->status, reason(request->status),
                       request->status == 200 ? (unsigned long long)request->size : 0,
                       request->keep_alive ? "keep-alive" : "close");

    return len > 0 ? (size_t)len : 0;
}

uint64_t http_response_body(const struct http_request *request)
{
    return request->status == 200 && !request->is_head && !request->continues ? request->size : 0;
}

static const char line_of_body[] = "Hello, world\n";

#define LINE_LEN (sizeof line_of_body - 1)

/* A whole number of lines, so that a body goes on at its beginning. */
static uint8_t body[LINE_LEN * 20000];

void http_body_init(void)
{
    for (size_t i = 0; i < sizeof body; i += LINE_LEN)
        memcpy(body + i, line_of_body, LINE_LEN);
}

const uint8_t *http_body(uint64_t offset, uint64_t most, size_t *out_len)
{
    size_t start = (size_t)(offset % sizeof body);
    size_t len = sizeof body - start;

    *out_len = most < len ? (size_t)most : len;
    return body + start;
}

#define _GNU_SOURCE /* memmem() */

#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"
#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TOKEN DIGITS LETTERS "!#$%&'*+-.^_`|~" /* RFC 9110 section 5.6.2 */
#define BAD_REQUEST "400 Bad Request"

/* A part of a line. What follows it in the line or ends the line is in none of the sets above, which stops strspn(). */
struct text {
    const char *start;
    size_t len;
};

static bool is(struct text text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.start, word, text.len) == 0;
}

/* The same for words whose case does not matter. */
static bool equals(struct text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.start, word, text.len) == 0;
}

static bool consists_of(struct text text, const char *characters)
{
    return text.len > 0 && strspn(text.start, characters) >= text.len;
}

/* Moves what comes before the first `separator` out of `rest`, and drops the separator; false if there is none. */
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

/*
 * Whether a head, which ends with CR LF, has no control characters but tabs and the CR LF of its lines. Another reader
 * could take a bare CR or LF for the end of a line (RFC 9112 section 2.2, RFC 9110 section 5.5).
 */
static bool is_clean(struct text head)
{
    for (size_t i = 0; i < head.len; ++i) {
        unsigned char c = (unsigned char)head.start[i];
        if (c == '\r' && head.start[i + 1] == '\n')
            i += 1;
        else if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* The next line of a clean head, without its line end. The last one is empty. */
static struct text next_line(struct text *head)
{
    struct text line = {head->start, 0};

    if (split(head, '\n', &line))
        line.len -= 1;
    return line;
}

/* What the fields of a head say together. */
struct fields {
    unsigned hosts, lengths, codings;
    bool has_body, close, broken;
};

static void read_field(struct fields *fields, struct text line)
{
    struct text name;

    /* No space before the colon, and no folded lines: RFC 9112 sections 5.1 and 5.2. */
    if (!split(&line, ':', &name) || !consists_of(name, TOKEN)) {
        fields->broken = true;
        return;
    }
    size_t blanks = strspn(line.start, BLANKS);
    struct text value = {line.start + blanks, line.len - blanks};
    while (value.len > 0 && strchr(BLANKS, value.start[value.len - 1]) != NULL)
        value.len -= 1;
    fields->hosts += equals(name, "Host");
    fields->codings += equals(name, "Transfer-Encoding");
    fields->has_body |= equals(name, "Expect"); /* which announces one */
    if (equals(name, "Content-Length")) {
        fields->lengths += 1;
        fields->has_body |= !consists_of(value, "0");
        fields->broken |= !consists_of(value, DIGITS);
    }
    /* Whatever else a client wants of the connection ("close", "upgrade"), it gets the response and the end. */
    fields->close |= equals(name, "Connection") && !equals(value, "keep-alive");
}

/* "/1024" asks for so many bytes, "/" for 13; a query is ignored. */
static const char *read_path(struct text target, uint64_t *out_size)
{
    struct text path = target;

    (void)split(&target, '?', &path);
    path.start += 1;
    path.len -= 1;
    if (path.len > 0 && !consists_of(path, DIGITS))
        return "404 Not Found";
    uint64_t size = path.len > 0 ? strtoull(path.start, NULL, 10) : 13;
    if (size > HTTP_MAX_BODY)
        return "404 Not Found";
    *out_size = size;
    return "200 OK";
}

/* Reads a whole head. Returns the status of the response. */
static const char *read_head(struct http_request *request, struct text head)
{
    struct fields fields = {0};
    struct text line = next_line(&head), method, target;

    if (!split(&line, ' ', &method) || !split(&line, ' ', &target) || !consists_of(method, TOKEN))
        return BAD_REQUEST;
    bool is_11 = is(line, "HTTP/1.1");
    if (!is_11 && !is(line, "HTTP/1.0"))
        return line.len == 8 && memcmp(line.start, "HTTP/", 5) == 0 ? "505 HTTP Version Not Supported" : BAD_REQUEST;
    while ((line = next_line(&head)).len > 0)
        read_field(&fields, line);
    /* RFC 9112 sections 3.2 and 6.3. */
    if (fields.broken || fields.hosts > 1 || (is_11 && fields.hosts == 0) || fields.lengths > 1 ||
        (fields.lengths > 0 && fields.codings > 0))
        return BAD_REQUEST;
    request->is_head = is(method, "HEAD");
    if ((!request->is_head && !is(method, "GET")) || fields.codings > 0)
        return "501 Not Implemented";
    if (fields.has_body)
        return "413 Content Too Large";
    if (target.len == 0 || target.start[0] != '/')
        return BAD_REQUEST;
    request->keep_alive = is_11 && !fields.close;
    return read_path(target, &request->size);
}

bool http_take(struct http_request *request, const uint8_t *data, size_t len, size_t *out_taken)
{
    size_t start = 0;

    while (len - start >= 2 && memcmp(data + start, "\r\n", 2) == 0)
        start += 2; /* empty lines before a request: RFC 9112 section 2.2 */
    const uint8_t *end = memmem(data + start, len - start, "\r\n\r\n", 4);
    size_t head_len = end == NULL ? len - start : (size_t)(end - data) + 4 - start;
    struct text head = {(const char *)data + start, head_len};
    *out_taken = start;
    if (end == NULL && head_len < HTTP_MAX_HEAD)
        return false;
    *request = (struct http_request){.status = "431 Request Header Fields Too Large"};
    if (head_len <= HTTP_MAX_HEAD && end != NULL)
        request->status = is_clean(head) ? read_head(request, head) : BAD_REQUEST;
    *out_taken = request->keep_alive ? start + head_len : len;
    return true;
}

size_t http_response_head(const struct http_request *request, char head[HTTP_MAX_RESPONSE_HEAD])
{
    int len = snprintf(head, HTTP_MAX_RESPONSE_HEAD,
                       "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %llu\r\nConnection: %s\r\n\r\n",
                       request->status, (unsigned long long)request->size,
                       request->keep_alive ? "keep-alive" : "close");

    return len > 0 ? (size_t)len : 0;
}

uint64_t http_response_body(const struct http_request *request)
{
    return request->is_head ? 0 : request->size;
}

/*
 * HTTP/1.1 as far as a server needs it that answers every request with so many bytes and ignores what it is sent: where
 * a request ends, and the head of a response. No transport, no allocation: requests are taken from bytes that the
 * caller has, so pipelined ones lie behind each other there.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer head, or a longer line between the chunks of a body, is refused. A caller with so much room never gets stuck. */
#define HTTP_MAX_HEAD 8192

/* Room for any head that http_response_head() writes. */
#define HTTP_MAX_RESPONSE_HEAD 256

/* The longest response body that a path can ask for: 1 GiB. */
#define HTTP_MAX_BODY ((uint64_t)1 << 30)

/*
 *     HEAD ---> BODY ------------------------------------------> HEAD
 *       \-----> CHUNK_SIZE ---> CHUNK ---> CHUNK_END ---> CHUNK_SIZE ...
 *                    \--------> TRAILERS ----------------------> HEAD
 */
enum http_part { HTTP_HEAD, HTTP_BODY, HTTP_CHUNK_SIZE, HTTP_CHUNK, HTTP_CHUNK_END, HTTP_TRAILERS };

/* Starts as all zeros, and goes on with the next request by itself. */
struct http_request {
    enum http_part part;
    uint16_t status;   /* of the response: 200, or what is wrong with the request */
    bool is_head;      /* the response has no body */
    bool keep_alive;   /* the connection goes on behind the response */
    bool continues;    /* the client waits for "100 Continue" before it sends its body */
    uint64_t size;     /* of the body that the path asks for */
    uint64_t left;     /* of the request's body, or of a chunk of it */
};

/*
 * Takes as much of a request as there is; `*out_taken` bytes of `data` are done with, the rest is to be shown again with
 * more behind it. True when it is the server's turn: at the end of a request, or before its body, when the client waits
 * for a go-ahead (`continues`: clear it once that is said). A request that is not understood ends where it is, with its
 * status and without keep_alive: nothing behind it means anything.
 */
bool http_take(struct http_request *request, const uint8_t *data, size_t len, size_t *out_taken);

/* Writes the head of what is to be said, the same whenever it is asked; tells its length. */
size_t http_response_head(const struct http_request *request, char head[HTTP_MAX_RESPONSE_HEAD]);

/* The length of the body behind it. */
uint64_t http_response_body(const struct http_request *request);

/*
 * Bytes of a body from an offset on, at most `most`, at least one if `most` is: the line "Hello, world" again and
 * again. http_body_init() first, once.
 */
void http_body_init(void);
const uint8_t *http_body(uint64_t offset, uint64_t most, size_t *out_len);

#endif

/*
 * The little of HTTP/1.1 that an example of TLS needs: GET and HEAD requests without a body, and responses of as many
 * bytes as the request's target says. No transport, no allocation: requests are taken from bytes that the caller has.
 *
 * Request smuggling is impossible by construction. It needs two parties that disagree about where a request ends. Here
 * a request ends at the empty line of its head, and only one that has no body by every reading leaves the connection
 * open. After any other request, one with a body included, the connection ends and no byte received is used.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer head is refused. A caller with space for so many bytes can always continue. */
#define HTTP_MAX_HEAD 8192

/* Space for any head that http_response_head() writes. */
#define HTTP_MAX_RESPONSE_HEAD 256

/* The longest response body that a target can ask for: 1 GiB. */
#define HTTP_MAX_BODY ((uint64_t)1 << 30)

struct http_request {
    const char *status; /* of the response: "200 OK", or what is wrong with the request */
    bool is_head;       /* the response has no body */
    bool keep_alive;    /* the connection stays open after the response */
    uint64_t size;      /* of the body that the target asks for; 0 unless the status is 200 */
};

/*
 * Takes the next request from `data`. False: its head is not complete, so call again with more. True: the response can
 * be sent. In both cases the caller drops `*out_taken` bytes and passes the rest again; that is nothing if the
 * connection is to end (`keep_alive` is false), whatever came after the request.
 */
bool http_take(struct http_request *request, const uint8_t *data, size_t len, size_t *out_taken);

/* Writes the head of the response, the same at each call. Returns its length. */
size_t http_response_head(const struct http_request *request, char head[HTTP_MAX_RESPONSE_HEAD]);

/* The length of the body after it. */
uint64_t http_response_body(const struct http_request *request);

#endif

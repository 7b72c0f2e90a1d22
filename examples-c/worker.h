/*
 * One thread of epoll_server: an epoll set, the connections in it, and what they wait for. Workers share the listening
 * socket and the contexts of their server, and nothing else.
 */
#ifndef WORKER_H
#define WORKER_H

#include "http.h"
#include "spantls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_NAMES 64
#define INPUT_SIZE (4 * HTTP_MAX_HEAD)

struct name {
    const char *text;
    tls_context_t *context;
};

/* What all workers have in common; it does not change while they work. */
struct server {
    tls_context_t *context; /* of new sessions: one with a certificate, or one that asks which */
    tls_context_t *first;   /* for clients that ask for no name, or for none of these */
    struct name names[MAX_NAMES];
    size_t num_names;
    unsigned long handshake_timeout, idle_timeout, grace; /* in seconds */
    int listener;
    int wake;           /* an eventfd: readable once the workers shall end */
    unsigned accepting; /* workers that still accept; atomic */
};

/* Connections that wait for the same thing have the same time for it, so the one that came first runs out first. */
struct queue {
    struct connection *oldest;
    struct connection *newest;
    int64_t limit_ms;
};

enum { QUEUE_HANDSHAKE, QUEUE_REQUEST, QUEUE_RESPONSE, QUEUE_LINGER, NUM_QUEUES };

struct worker {
    struct server *server;
    int epoll;
    int64_t now;          /* in monotonic milliseconds, since the last wait */
    int64_t accept_again; /* when to try it after there was no room; 0: accepting */
    int64_t end;          /* when to give up what is left, once we were told to stop; 0 before */
    struct queue queues[NUM_QUEUES];
    unsigned long connections, handshakes, resumed, requests;
    uint8_t input[INPUT_SIZE]; /* of the connection at work */
};

/* False with errno set if the system has no room; then too worker_close() is to be called. */
bool worker_open(struct worker *worker, struct server *server);
/* Serves until the server's `wake` is readable and all is done, or given up. */
void worker_run(struct worker *worker);
void worker_close(struct worker *worker);

#endif

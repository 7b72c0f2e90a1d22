/*
 * The connections of an example server: many in one thread, and nothing ever waits for one of them. What the servers
 * do for their clients is simple, everything is sent back unless `received` says otherwise; what they decide for them
 * is their own.
 *
 *     connections_open(&connections, &settings, context);
 *     while (connections_step(&connections, NULL)) {
 *         look at the `question` of each connection, answer the session now or later, connection_answered()
 *     }
 *     connections_close(&connections);
 */
#ifndef CONNECTIONS_H
#define CONNECTIONS_H

#include "channel.h"
#include "settings.h"

#include <poll.h>

struct connection {
    struct channel channel;
    struct buffer plaintext; /* to be sent as soon as the connection is open: received, or put here as a greeting */
    tls_status_t question;   /* what the session asks of the program: a status, or COMPLETE for nothing */
    bool passed_on;          /* for the program: somebody else works on the question */
    bool discarded;          /* some of what was received could not be sent back */
    /* Replaces what was received, in `plaintext`, by what is to be sent; NULL: that is the same. */
    void (*received)(struct connection *connection);
    char line[64];           /* for the program: the beginning of a request, `line_len` bytes */
    size_t line_len;
    unsigned long number;    /* 1 for the first connection; no other ever has the same */
    char label[32];
};

struct connections {
    const struct server_settings *settings;
    tls_context_t *context;
    void (*received)(struct connection *connection); /* of each connection to come */
    int listener;
    struct connection **all; /* `count` of them, with room for `room` */
    struct pollfd *polls;    /* the listener, one of the program's, then the connections: two more than `room` */
    size_t count;
    size_t room;
    unsigned long accepted;
    unsigned long served;
    int64_t idle_since; /* when the last connection ended */
    bool exhausted;     /* out of descriptors or memory: no new connections until one has ended */
    bool failed;
};

/* Listens on the loopback address, and prints "listening on 127.0.0.1 PORT" on standard output. */
bool connections_open(struct connections *connections, const struct server_settings *settings,
                      tls_context_t *context);

/*
 * Waits until something happens and does what can be done. `also`, which may be NULL, is waited for, too, and has its
 * `revents` filled. False when it is over: enough connections were served, nobody comes any more, or `failed`.
 */
bool connections_step(struct connections *connections, struct pollfd *also);

/* Closes everything; true if the server did what it was asked. */
bool connections_close(struct connections *connections);

/* The question has been answered with a call that returned `status`: goes on with the connection. */
void connection_answered(struct connection *connection, tls_status_t status);

#endif

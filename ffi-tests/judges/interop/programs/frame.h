/* What the peers that are written in C have in common: their arguments, their socket, and the script. A peer has the functions at the
 * end. README.md says what the arguments and the lines of output mean. */

#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>

struct settings {
    bool server, ask;
    int port, connections;
    const char *version; /* "1.2" or "1.3" */
    const char *ca, *cert, *key, *name;
    const char *store; /* a folder for peers that read certificates in a form of their own */
    const char *alpn;  /* names with commas between them, or NULL */
    const char *groups;
    const char *script;
};

#ifdef __cplusplus
extern "C" {
#endif

extern struct settings settings;

/* Ends the program: it cannot do what it was asked for. */
void broken(const char *format, ...);

/* The handshake, or what came after it, has failed. `alert` is the one that was received, or -1. */
void failed(int alert, const char *format, ...);

/* The handshake is complete. `resumed` is negative where the library does not say. */
void connected(int resumed, const char *alpn, size_t alpn_length);

/* The application protocols as ALPN has them: each with its length before it. Returns the number of bytes. */
size_t alpn_list(unsigned char *list);

/* The next name of a list, NULL at the end. */
char *next_name(char **list);

/* A group, and the library's number of it. The last has no name. */
struct group {
    const char *name;
    int here;
};

/* The numbers of settings.groups, and how many. Ends the program if one of them is not in the table. */
size_t groups_here(const struct group *known, int *numbers, size_t most);

/* What each peer has. */

enum { READ_CLOSED = 0, READ_TRUNCATED = -1, READ_FAILED = -2 };

const char *library_version(void);
/* Once, before all connections. */
void prepare(void);
/* Says connected() or failed(). */
bool handshake(int socket, bool second);
/* So many bytes, or one of the values above; says failed() for the last. */
long read_some(unsigned char *room, size_t length);
bool write_all(const unsigned char *data, size_t length);
/* Changes our keys, and asks the peer to change its own. */
bool update_keys(void);
/* Sends close_notify. */
void send_close(void);
/* Ends the connection; a client keeps what it needs to resume the session. */
void release(void);

#ifdef __cplusplus
}
#endif

#endif

#include "frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SECONDS = 30, PIECE = 64, CHUNK = 16384, LONGEST_LIST = 256 };

struct settings settings = {.connections = 1, .name = "localhost", .script = "", .version = "1.3"};

static void say(const char *word, const char *format, va_list arguments) {
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *at = text; *at; at++)
        if (*at == '\n' || *at == '\r') *at = ' ';
    printf("%s %s\n", word, text);
    fflush(stdout);
}

void broken(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say("broken", format, arguments);
    va_end(arguments);
    exit(2);
}

void failed(int alert, const char *format, ...) {
    char word[32] = "failed";
    if (alert >= 0) snprintf(word, sizeof word, "failed alert=%d", alert);
    va_list arguments;
    va_start(arguments, format);
    say(word, format, arguments);
    va_end(arguments);
}

void connected(int resumed, const char *alpn, size_t alpn_length) {
    printf("connected ");
    if (resumed >= 0) printf("resumed=%d ", resumed);
    printf("alpn=%.*s\n", (int)alpn_length, alpn_length > 0 ? alpn : "");
    fflush(stdout);
}

char *next_name(char **list) {
    char *name = *list;
    if (name == NULL || *name == '\0') return NULL;
    char *comma = strchr(name, ',');
    *list = comma ? comma + 1 : name + strlen(name);
    if (comma) *comma = '\0';
    return name;
}

size_t alpn_list(unsigned char *list) {
    char copy[LONGEST_LIST], *rest = copy, *name;
    snprintf(copy, sizeof copy, "%s", settings.alpn);
    size_t length = 0;
    while ((name = next_name(&rest))) {
        list[length++] = (unsigned char)strlen(name);
        memcpy(list + length, name, strlen(name));
        length += strlen(name);
    }
    return length;
}

static int group_here(const struct group *known, const char *name) {
    for (; known->name; known++)
        if (strcmp(known->name, name) == 0) return known->here;
    broken("no such groups: %s", name);
    return 0;
}

size_t groups_here(const struct group *known, int *numbers, size_t most) {
    char copy[LONGEST_LIST], *rest = copy, *name;
    snprintf(copy, sizeof copy, "%s", settings.groups);
    size_t count = 0;
    while (count < most && (name = next_name(&rest))) numbers[count++] = group_here(known, name);
    return count;
}

/* The script. */

static unsigned char pattern(size_t at) {
    return (unsigned char)(at % 251);
}

static bool send_pattern(size_t length, size_t piece) {
    unsigned char data[CHUNK];
    for (size_t at = 0; at < length;) {
        size_t count = length - at < piece ? length - at : piece;
        for (size_t i = 0; i < count; i++) data[i] = pattern(at + i);
        if (!write_all(data, count)) return false;
        at += count;
    }
    return true;
}

/* Says how the connection has ended. */
static void say_end(long result) {
    if (result == READ_CLOSED) printf("end closed\n");
    if (result == READ_TRUNCATED) printf("end truncated\n");
    fflush(stdout);
}

static bool receive_pattern(size_t length) {
    unsigned char data[CHUNK];
    for (size_t at = 0; at < length;) {
        long count = read_some(data, length - at < CHUNK ? length - at : CHUNK);
        if (count <= 0) {
            say_end(count);
            return false;
        }
        for (long i = 0; i < count; i++)
            if (data[i] != pattern(at + (size_t)i)) {
                failed(-1, "byte %zu is wrong", at + (size_t)i);
                return false;
            }
        at += (size_t)count;
    }
    return true;
}

static bool storm(int rounds) {
    for (int round = 0; round < rounds; round++)
        if (!update_keys() || !send_pattern(PIECE, PIECE) || !receive_pattern(PIECE)) return false;
    return true;
}

static bool step(const char *word, long number) {
    if (strcmp(word, "send") == 0) return send_pattern((size_t)number, CHUNK);
    if (strcmp(word, "small") == 0) return send_pattern((size_t)number, PIECE);
    if (strcmp(word, "recv") == 0) return receive_pattern((size_t)number);
    if (strcmp(word, "storm") == 0) return storm((int)number);
    if (strcmp(word, "close") == 0) return send_close(), true;
    if (strcmp(word, "cut") == 0) _exit(0);
    if (strcmp(word, "end") == 0) {
        unsigned char byte;
        long count = read_some(&byte, 1);
        if (count > 0) failed(-1, "data came in place of the end");
        say_end(count);
        return count == READ_CLOSED || count == READ_TRUNCATED;
    }
    broken("no step is called %s", word);
    return false;
}

static void play(void) {
    char copy[LONGEST_LIST], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", settings.script);
    while ((word = next_name(&rest))) {
        char *colon = strchr(word, ':');
        if (colon) *colon = '\0';
        if (!step(word, colon ? strtol(colon + 1, NULL, 10) : 0)) return;
    }
    printf("done\n");
    fflush(stdout);
}

/* Its socket. */

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_somewhere(void) {
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 4) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        broken("it cannot listen");
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static int connect_to(int port) {
    struct sockaddr_in address = loopback(port);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) broken("it cannot connect");
    return connection;
}

/* Waits for the peer's end: a reset would overtake what was sent last. */
static void linger(int connection) {
    char rest[4096];
    shutdown(connection, SHUT_WR);
    while (read(connection, rest, sizeof rest) > 0) continue;
    close(connection);
}

static const char *value_of(const char *argument, const char *name) {
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1 : NULL;
}

static void read_argument(const char *argument) {
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"version", &settings.version}, {"ca", &settings.ca},         {"cert", &settings.cert},
                 {"key", &settings.key},         {"name", &settings.name},     {"store", &settings.store},
                 {"alpn", &settings.alpn},       {"groups", &settings.groups}, {"script", &settings.script}};
    const char *value;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if ((value = value_of(argument, texts[i].name))) {
            *texts[i].text = value;
            return;
        }
    if ((value = value_of(argument, "port"))) settings.port = atoi(value);
    else if ((value = value_of(argument, "connections"))) settings.connections = atoi(value);
    else if ((value = value_of(argument, "ask"))) settings.ask = true;
    else broken("no argument is called %s", argument);
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    alarm(SECONDS);
    if (count < 2) broken("server or client?");
    if (strcmp(arguments[1], "version") == 0) return puts(library_version()) < 0;
    settings.server = strcmp(arguments[1], "server") == 0;
    for (int i = 2; i < count; i++) read_argument(arguments[i]);
    prepare();
    int listener = settings.server ? listen_somewhere() : -1;
    for (int i = 0; i < settings.connections; i++) {
        int connection = settings.server ? accept(listener, NULL, NULL) : connect_to(settings.port);
        if (connection < 0) broken("it cannot accept");
        int now = 1;
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &now, sizeof now);
        if (handshake(connection, i > 0)) play();
        release();
        linger(connection);
    }
    return 0;
}

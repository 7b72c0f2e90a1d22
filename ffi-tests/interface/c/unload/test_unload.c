/*
 * A plugin that uses the library is loaded, does handshakes, and is unloaded, many times: nothing of it may stay, in the
 * address space, among the descriptors, the threads or the keys of thread-local values.
 *
 *     GLIBC_TUNABLES=glibc.malloc.tcache_count=0 test_unload PLUGIN
 *
 * Without the tunable, what the allocator caches for a thread would count as used.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../harness.h"

enum { ROUNDS = 40, WARM_UP = 4 };

/* The harness wants it; this program is not linked to the library. */
const char *tls_status_name(int32_t status);
const char *tls_status_name(int32_t status) {
    return status == 0 ? "" : NULL;
}

static const char *path;

typedef bool (*converse_t)(void);
typedef bool (*wait_inside_t)(void (*)(void *), void (*)(void *), void *);

/* What a process has. */
typedef struct {
    long mappings;
    long of_the_library;
    long descriptors;
    long threads;
    long heap;
    pthread_key_t next_key;
} belongings_t;

static long entries(const char *folder) {
    DIR *const directory = opendir(folder);
    long num = 0;
    while (directory != NULL && readdir(directory) != NULL) {
        num++;
    }
    closedir(directory);
    return num;
}

static belongings_t look(void) {
    belongings_t now = {0};
    char line[1000];
    FILE *const file = fopen("/proc/self/maps", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        now.mappings++;
        now.of_the_library += strstr(line, "libspantls") != NULL;
    }
    fclose(file);
    now.descriptors = entries("/proc/self/fd");
    now.threads = entries("/proc/self/task");
    const struct mallinfo2 heap = mallinfo2();
    now.heap = (long)(heap.uordblks + heap.hblkhd);
    pthread_key_create(&now.next_key, NULL);
    pthread_key_delete(now.next_key);
    return now;
}

static void *load(void) {
    void *const plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (plugin == NULL) {
        give_up("%s", dlerror());
    }
    return plugin;
}

/* ISO C has no conversion from an object's address to a function's. */
static void function(void *plugin, const char *name, void *to, size_t size) {
    void *const address = dlsym(plugin, name);
    if (address == NULL) {
        give_up("no function %s", name);
    }
    memcpy(to, &address, size);
}

static void *work(void *plugin) {
    converse_t converse;
    function(plugin, "converse", &converse, sizeof converse);
    EXPECT(converse());
    return NULL;
}

static void in_a_thread(void *(*start)(void *), void *argument) {
    pthread_t thread;
    pthread_create(&thread, NULL, start, argument);
    pthread_join(thread, NULL);
}

/* `stays`: the library is linked to stay in the process, as with aws-lc-rs. */
static void expect_nothing_new(const belongings_t *before, bool stays) {
    const belongings_t now = look();
    EXPECT_NUMBER(now.mappings, before->mappings);
    EXPECT_NUMBER(now.descriptors, before->descriptors);
    EXPECT_NUMBER(now.threads, before->threads);
    EXPECT_NUMBER(now.next_key, before->next_key);
    EXPECT(stays || now.of_the_library == 0);
}

static void test_rounds(bool threads, bool stays) {
    test("loaded, used on %s and unloaded %d times the library leaves nothing", threads ? "threads that end" : "the main thread", ROUNDS);
    belongings_t before = {0};
    for (int i = 0; i < WARM_UP + ROUNDS; i++) {
        if (i == WARM_UP) {
            before = look();
        }
        void *const plugin = load();
        if (threads) {
            in_a_thread(work, plugin);
            in_a_thread(work, plugin);
        } else {
            work(plugin);
        }
        EXPECT(dlclose(plugin) == 0);
    }
    expect_nothing_new(&before, stays);
    const belongings_t now = look();
    printf("# %ld bytes of heap for each round\n", (now.heap - before.heap) / ROUNDS);
    EXPECT(now.heap - before.heap < ROUNDS * 100L);
}

/* A thread that has used the library and lives on after it was closed. */
typedef struct {
    void *plugin;
    sem_t ready, go;
} guest_t;

static void ready(void *guest) {
    sem_post(&((guest_t *)guest)->ready);
}

static void wait_for_go(void *guest) {
    sem_wait(&((guest_t *)guest)->go);
}

static void *use_and_wait(void *argument) {
    guest_t *const guest = argument;
    wait_inside_t wait_inside;
    function(guest->plugin, "wait_inside", &wait_inside, sizeof wait_inside);
    /* The thread leaves the library before that is closed, and ends after it. */
    EXPECT(wait_inside(ready, wait_for_go, guest));
    ready(guest);
    wait_for_go(guest);
    return NULL;
}

static void test_living_threads(bool stays) {
    test("unloaded while a thread lives that has used it, and again when that has ended, %d times, it leaves nothing", ROUNDS);
    belongings_t before = {0};
    for (int i = 0; i < WARM_UP + ROUNDS; i++) {
        if (i == WARM_UP) {
            before = look();
        }
        guest_t guest = {.plugin = load()};
        sem_init(&guest.ready, 0, 0);
        sem_init(&guest.go, 0, 0);
        pthread_t thread;
        pthread_create(&thread, NULL, use_and_wait, &guest);
        sem_wait(&guest.ready);
        sem_post(&guest.go);
        sem_wait(&guest.ready);
        EXPECT(dlclose(guest.plugin) == 0);
        sem_post(&guest.go);
        pthread_join(thread, NULL);
        sem_destroy(&guest.ready);
        sem_destroy(&guest.go);
        /* The loader looks again at what it could not unload when something is closed. */
        EXPECT(dlclose(load()) == 0);
    }
    expect_nothing_new(&before, stays);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        give_up("usage: test_unload PLUGIN");
    }
    path = argv[1];
    begin(argc - 1, argv + 1);
    EXPECT(dlclose(load()) == 0);
    const bool stays = look().of_the_library != 0;
    test_rounds(false, stays);
    test_rounds(true, stays);
    test_living_threads(stays);
    return finish();
}

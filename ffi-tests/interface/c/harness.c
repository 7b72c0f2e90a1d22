#include "harness.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spantls.h"

/* Far above what any program here takes under valgrind; it only stops what would hang for ever. */
#define WATCHDOG_SECONDS 400

/* More complaints of one test than this say nothing new. */
#define MOST_COMPLAINTS 5

bool quick = false;
bool sparse = false;
bool chacha = false;

static char current[256];
static int complaints;
static int passed;
static int failed;

void begin(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        quick = quick || strcmp(argv[i], "quick") == 0;
        sparse = sparse || strcmp(argv[i], "sparse") == 0;
        chacha = chacha || strcmp(argv[i], "chacha") == 0;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(WATCHDOG_SECONDS);
}

static void end_test(void) {
    if (current[0] == '\0') {
        return;
    }
    if (complaints == 0) {
        passed++;
        printf("ok - %s\n", current);
    } else {
        failed++;
        printf("not ok - %s\n", current);
    }
    current[0] = '\0';
    complaints = 0;
}

void test(const char *sentence, ...) {
    va_list arguments;
    end_test();
    va_start(arguments, sentence);
    vsnprintf(current, sizeof current, sentence, arguments);
    va_end(arguments);
}

int complaints_so_far(void) {
    return complaints;
}

int finish(void) {
    end_test();
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

void give_up(const char *reason, ...) {
    va_list arguments;
    va_start(arguments, reason);
    printf("# gave up: ");
    vprintf(reason, arguments);
    printf("\n");
    va_end(arguments);
    complaints++;
    exit(finish());
}

/* Whether this complaint is to be printed; all are counted. Checks may fail on several threads at once. */
static bool complain(void) {
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    const int count = ++complaints;
    pthread_mutex_unlock(&one_at_a_time);
    if (count == MOST_COMPLAINTS + 1) {
        printf("# (more complaints of this test are left out)\n");
    }
    return count <= MOST_COMPLAINTS;
}

bool expect_true(bool holds, const char *what, const char *file, int line) {
    if (!holds && complain()) {
        printf("# %s:%d: does not hold: %s\n", file, line, what);
    }
    return holds;
}

bool expect_number(long long actual, long long expected, const char *what, const char *file, int line) {
    bool holds = actual == expected;
    if (!holds && complain()) {
        printf("# %s:%d: %s is %lld, expected %lld\n", file, line, what, actual, expected);
    }
    return holds;
}

bool expect_status(int actual, int expected, const char *what, const char *file, int line) {
    bool holds = actual == expected;
    if (!holds && complain()) {
        printf("# %s:%d: %s is %s (%d), expected %s\n", file, line, what, tls_status_name(actual), actual,
               tls_status_name(expected));
    }
    return holds;
}

bool expect_bytes(const void *actual, size_t actual_len, const void *expected, size_t expected_len, const char *what,
                  const char *file, int line) {
    const unsigned char *a = actual;
    const unsigned char *b = expected;
    size_t at = 0;
    if (!expect_number((long long)actual_len, (long long)expected_len, what, file, line)) {
        return false;
    }
    while (at < actual_len && a[at] == b[at]) {
        at++;
    }
    if (at < actual_len && complain()) {
        printf("# %s:%d: %s differs at byte %zu of %zu\n", file, line, what, at, actual_len);
    }
    return at == actual_len;
}

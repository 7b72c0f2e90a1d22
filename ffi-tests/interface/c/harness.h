/*
 * The smallest harness that does: tests are sentences, checks carry on after a failure, and a watchdog ends a
 * program that hangs.
 *
 *     int main(int argc, char **argv) {
 *         begin(argc, argv);
 *         test("one and one make two");
 *         EXPECT(1 + 1 == 2);
 *         return finish();
 *     }
 *
 * prints `ok - one and one make two` and, alone on the last line, `1 passed, 0 failed`.
 */

#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>

/* `quick` on the command line: long product tables are to be thinned out. */
extern bool quick;

/* `sparse` on the command line: the longest of them are thinned again, for valgrind, which takes thirty times as long. */
extern bool sparse;

/* `chacha` on the command line: only suites with ChaCha20-Poly1305. For valgrind, which takes the tags that ring's
 * AES-GCM assembly computes for uninitialised and complains wherever one is compared. */
extern bool chacha;

/* Once, at the start of main. */
void begin(int argc, char **argv);

/* Begins a test; it lasts until the next one begins. */
__attribute__((format(printf, 1, 2))) void test(const char *sentence, ...);

/* How many complaints the test has had so far. */
int complaints_so_far(void);

/* Ends the last test, prints the summary, and gives the exit status. */
int finish(void);

/* Ends the program at once: for what is no test, such as a file that is missing. */
__attribute__((format(printf, 1, 2), noreturn)) void give_up(const char *reason, ...);

/* The checks, to be used through the macros. Each returns whether it held. They may be used on any
 * thread, as long as the test that they belong to waits for it. */
bool expect_true(bool holds, const char *what, const char *file, int line);
bool expect_number(long long actual, long long expected, const char *what, const char *file, int line);
bool expect_status(int actual, int expected, const char *what, const char *file, int line);
bool expect_bytes(const void *actual, size_t actual_len, const void *expected, size_t expected_len, const char *what,
                  const char *file, int line);

#define EXPECT(condition) expect_true((condition), #condition, __FILE__, __LINE__)
#define EXPECT_NUMBER(actual, expected) \
    expect_number((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define EXPECT_STATUS(actual, expected) expect_status((actual), (expected), #actual, __FILE__, __LINE__)
#define EXPECT_BYTES(actual, actual_len, expected, expected_len) \
    expect_bytes((actual), (actual_len), (expected), (expected_len), #actual, __FILE__, __LINE__)

#endif

/*
 * Test programs in one, one after another: PROGRAMS is `PROGRAM(name) PROGRAM(name) ...`, and the `main` of each is main_NAME. The harness
 * adds up, so the summary of the last one is that of all.
 */

#include <stdbool.h>
#include <stdio.h>

#define PROGRAM(name) int main_##name(int argc, char **argv);
PROGRAMS
#undef PROGRAM

int main(int argc, char **argv) {
    bool failed = false;
#define PROGRAM(name)     \
    printf("# " #name "\n"); \
    failed = main_##name(argc, argv) != 0 || failed;
    PROGRAMS
    return failed;
}

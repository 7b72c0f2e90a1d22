/*
 * Prints what the kernel says of this process's privileges, and what a client without trust anchors, which is to say with
 * the system's, thinks of the server "server-p256": `secure=0 errors=4`. test_environment.py runs it as different users.
 */

#include <stdio.h>
#include <sys/auxv.h>

#include "pair.h"

int main(void) {
    static const setup_t client = {0}, server = {.credentials = "server-p256"};
    pair_t pair = pair_open(&client, &server);
    run_handshake(&pair);
    printf("secure=%d errors=%u\n", getauxval(AT_SECURE) != 0, (unsigned)pair.client.policy_errors);
    pair_close(&pair);
    return 0;
}

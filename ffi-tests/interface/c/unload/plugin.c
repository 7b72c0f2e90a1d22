/*
 * A plugin that uses the library, for test_unload: loaded and unloaded, it takes the library with it.
 */

#include <stdlib.h>

#include "../wire.h"

bool converse(void);
bool wait_inside(void (*ready)(void *), void (*wait)(void *), void *argument);

/* Handshakes over spans and over a socket, in both versions, with a record that does not fit its reader's buffer. */
bool converse(void) {
    static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};
    const int before = complaints_so_far();
    for (int i = 0; i < 2; i++) {
        pair_t pair = pair_established(protocols[i]);
        uint8_t *const data = pattern(16000, 1);
        pair.server.open_room = 100;
        EXPECT_STATUS(send_data(&pair.client, &pair.server, data, 16000), TLS_STATUS_COMPLETE);
        EXPECT_STATUS(receive(&pair.server), TLS_STATUS_WANT_READ);
        EXPECT_BYTES(pair.server.plaintext.data, pair.server.plaintext.len, data, 16000);
        pair_close(&pair);
        free(data);
    }
    /* The system's trust anchors are read once. */
    pair_t pair = pair_open(&(setup_t){.protocols = SPANTLS_PROTOCOL_TLS13}, &(setup_t){.credentials = "server-p256"});
    EXPECT(!run_handshake(&pair));
    EXPECT_STATUS(pair.client.status, TLS_STATUS_AUTHENTICATION_FAILED);
    pair_close(&pair);
    return complaints_so_far() == before;
}

/* Over a socket: the thread has buffers of its own from then on, and is kept until `wait` returns. */
bool wait_inside(void (*ready)(void *), void (*wait)(void *), void *argument) {
    const int before = complaints_so_far();
    wire_t wire = wire_established(SPANTLS_PROTOCOL_TLS13, false);
    size_t count = 0;
    uint8_t room[10] = {0};
    EXPECT_STATUS(tls_session_socket_write(wire.client, "hello", 5, &count), TLS_STATUS_COMPLETE);
    EXPECT_STATUS(tls_session_socket_read(wire.server, room, sizeof room, &count), TLS_STATUS_COMPLETE);
    EXPECT_BYTES(room, count, "hello", 5);
    wire_close(&wire);
    ready(argument);
    wait(argument);
    return complaints_so_far() == before;
}

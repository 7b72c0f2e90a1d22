/*
 * Two sessions and a thrower of dice: calls in any order, with any part of the input and any room, now and then with a
 * byte changed on the way. Whatever happens, counts stay within their spans, every status is one that the call may
 * return, and what is delivered is what was sent, in order and from its beginning.
 *
 * A failure names its seed; the same seed does the same again.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

/* The dice: xorshift, so that every platform throws the same. */
typedef struct {
    uint32_t state;
} dice_t;

static uint32_t roll(dice_t *dice, uint32_t sides) {
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 17;
    dice->state ^= dice->state << 5;
    return dice->state % sides;
}

/* A length up to `most`, small ones and the borders more often than others. */
static size_t roll_len(dice_t *dice, size_t most) {
    size_t len;
    switch (roll(dice, 6)) {
        case 0:
            len = 0;
            break;
        case 1:
            len = roll(dice, 8);
            break;
        case 2:
            len = roll(dice, 200);
            break;
        case 3:
            len = 16370 + roll(dice, 60);
            break;
        case 4:
            len = roll(dice, (uint32_t)most + 1);
            break;
        default:
            len = most;
    }
    return len < most ? len : most;
}

/* What a side has done beyond what side_t knows. */
typedef struct {
    side_t *side;
    bytes_t sent; /* plaintext that encrypt has taken */
    bool refused; /* this side has refused its peer */
    bool closed;  /* this side was shut down */
    bool cut;     /* it was told that the input has ended */
} player_t;

typedef struct {
    pair_t pair;
    player_t players[2];
    dice_t dice;
    bool noisy; /* bytes are changed on the way */
    bool rude;  /* sides are shut down, cut off and refused */
} game_t;

enum { LARGEST = 40000, GUARD = 16 };

static void expect_status_known(tls_status_t status) {
    EXPECT(strcmp(tls_status_name(status), "unknown") != 0);
    EXPECT(status != TLS_STATUS_INTERNAL_ERROR);
    EXPECT(status != TLS_STATUS_INVALID_ARGUMENT);
    EXPECT(status != TLS_STATUS_BUSY);
    EXPECT(status != TLS_STATUS_OUT_OF_RESOURCES);
}

/* What the receiver has is a beginning of what the sender has sent. */
static void expect_faithful(const player_t *receiver, const player_t *sender) {
    const bytes_t *got = &receiver->side->plaintext;
    if (EXPECT(got->len <= sender->sent.len)) {
        EXPECT(got->len == 0 || memcmp(got->data, sender->sent.data, got->len) == 0);
    }
}

typedef tls_status_t transform_t(tls_session_t *, const void *, size_t, void *, size_t, size_t *, size_t *);

/* A call that turns input into output, in spans of exactly their size. */
static tls_status_t transform(transform_t *function, tls_session_t *session, const uint8_t *data, size_t len,
                              size_t room, bytes_t *output, size_t *consumed) {
    size_t written = 77;
    uint8_t *in = malloc(len + 1);
    uint8_t *out = malloc(room + GUARD);
    *consumed = 77;
    if (in == NULL || out == NULL) {
        give_up("out of memory");
    }
    if (len > 0) {
        memcpy(in, data, len);
    }
    memset(out + room, 0x3C, GUARD);
    tls_status_t status = function(session, in, len, out, room, consumed, &written);
    expect_status_known(status);
    if (!EXPECT(*consumed <= len) || !EXPECT(written <= room)) {
        give_up("counts outside of the spans");
    }
    for (size_t i = 0; i < GUARD; i++) {
        EXPECT(out[room + i] == 0x3C);
    }
    bytes_append(output, out, written);
    free(in);
    free(out);
    return status;
}

static void play_handshake(game_t *game, player_t *self, player_t *peer) {
    size_t consumed;
    size_t shown = roll_len(&game->dice, self->side->inbox.len);
    tls_status_t status = transform(tls_session_handshake, self->side->session, self->side->inbox.data, shown,
                                    roll_len(&game->dice, 5000), &peer->side->inbox, &consumed);
    bytes_drop(&self->side->inbox, consumed);
    EXPECT(status != TLS_STATUS_INVALID_STATE);
    EXPECT(!self->refused || status < 0 || status == TLS_STATUS_WANT_WRITE || self->closed);
    self->side->was_complete = self->side->was_complete || status == TLS_STATUS_COMPLETE;
}

static void play_answer(game_t *game, player_t *self) {
    tls_session_t *session = self->side->session;
    const bool asked = (tls_session_state(session) & SPANTLS_STATE_SUSPENDED) != 0;
    const bool refuse = game->rude && roll(&game->dice, 8) == 0;
    tls_status_t status;
    switch (roll(&game->dice, 3)) {
        case 0:
            status = tls_session_set_certificate_validation_result(session, refuse ? SPANTLS_POLICY_ERROR_CHAIN_ERRORS : 0);
            break;
        case 1:
            status = refuse ? tls_session_reject(session, SPANTLS_ALERT_ACCESS_DENIED)
                            : tls_session_accept_with_default_validation(session, NULL);
            break;
        default:
            status = refuse ? tls_session_reject_certificate(session, SPANTLS_ALERT_BAD_CERTIFICATE)
                            : tls_session_set_certificate_validation_result(session, 0);
    }
    /* A second answer is refused. The default validation refuses a certificate in which a byte was changed. */
    const bool refused = status == TLS_STATUS_AUTHENTICATION_FAILED;
    EXPECT(status == TLS_STATUS_INVALID_STATE || (asked && status == TLS_STATUS_COMPLETE) ||
           (asked && refused && (refuse || game->noisy)));
    self->refused = self->refused || refused || (refuse && status == TLS_STATUS_COMPLETE);
}

static void play_encrypt(game_t *game, player_t *self, player_t *peer) {
    size_t consumed;
    size_t len = roll_len(&game->dice, LARGEST);
    uint8_t *data = pattern(len, game->dice.state);
    tls_status_t status = transform(tls_session_encrypt, self->side->session, data, len,
                                    roll_len(&game->dice, LARGEST), &peer->side->inbox, &consumed);
    EXPECT(status != TLS_STATUS_COMPLETE || consumed == len);
    bytes_append(&self->sent, data, consumed);
    free(data);
}

static void play_decrypt(game_t *game, player_t *self) {
    size_t consumed;
    size_t shown = roll_len(&game->dice, self->side->inbox.len);
    (void)!transform(tls_session_decrypt, self->side->session, self->side->inbox.data, shown,
                     roll_len(&game->dice, LARGEST), &self->side->plaintext, &consumed);
    bytes_drop(&self->side->inbox, consumed);
}

static void play_decrypt_in_place(game_t *game, player_t *self) {
    size_t consumed = 77;
    size_t offset = 77;
    size_t len = 77;
    size_t shown = roll_len(&game->dice, self->side->inbox.len);
    uint8_t *data = malloc(shown + 1);
    if (data == NULL) {
        give_up("out of memory");
    }
    if (shown > 0) {
        memcpy(data, self->side->inbox.data, shown);
    }
    expect_status_known(tls_session_decrypt_in_place(self->side->session, data, shown, &consumed, &offset, &len));
    if (!EXPECT(consumed <= shown) || !EXPECT(offset <= consumed) || !EXPECT(len <= consumed - offset)) {
        give_up("counts outside of the span");
    }
    bytes_append(&self->side->plaintext, data + offset, len);
    bytes_drop(&self->side->inbox, consumed);
    free(data);
}

static void play_emit(game_t *game, player_t *self, player_t *peer, bool shutdown) {
    uint8_t output[400];
    size_t written = 77;
    size_t room = roll(&game->dice, sizeof output + 1);
    tls_status_t status = shutdown
                              ? tls_session_shutdown(self->side->session, output, room, &written)
                              : tls_session_drain_pending_output(self->side->session, output, room, &written);
    EXPECT(status == TLS_STATUS_WANT_WRITE || status == (shutdown ? TLS_STATUS_CLOSED : TLS_STATUS_COMPLETE));
    if (EXPECT(written <= room)) {
        bytes_append(&peer->side->inbox, output, written);
    }
    self->closed = self->closed || shutdown;
}

static void play(game_t *game) {
    const size_t turn = roll(&game->dice, 2);
    player_t *self = &game->players[turn];
    player_t *peer = &game->players[1 - turn];
    if (game->noisy && self->side->inbox.len > 0 && roll(&game->dice, 200) == 0) {
        self->side->inbox.data[roll(&game->dice, (uint32_t)self->side->inbox.len)] ^=
            (uint8_t)(1u << roll(&game->dice, 8));
    }
    switch (roll(&game->dice, 16)) {
        case 0:
        case 1:
        case 2:
        case 3:
            play_handshake(game, self, peer);
            break;
        case 4:
        case 5:
            play_answer(game, self);
            break;
        case 6:
        case 7:
        case 8:
            play_encrypt(game, self, peer);
            break;
        case 9:
        case 10:
        case 11:
            play_decrypt(game, self);
            break;
        case 12:
            play_decrypt_in_place(game, self);
            break;
        case 13:
            play_emit(game, self, peer, false);
            break;
        case 14:
            error_of(self->side->session);
            break;
        default:
            if (game->rude && roll(&game->dice, 20) == 0) {
                if (roll(&game->dice, 2) == 0) {
                    play_emit(game, self, peer, true);
                } else {
                    expect_status_known(tls_session_end_of_input(self->side->session));
                    self->cut = true;
                }
            }
    }
    expect_faithful(self, peer);
    EXPECT(!self->refused || self->side->plaintext.len == 0);
}

/* After a game without noise and rudeness: all that is under way arrives, and the connection ends well. */
static void play_to_the_end(game_t *game) {
    side_t *client = &game->pair.client;
    side_t *server = &game->pair.server;
    client->judge = server->judge = JUDGE_ACCEPT;
    for (size_t i = 0; i < 2; i++) {
        side_t *side = game->players[i].side;
        const uint32_t state = tls_session_state(side->session);
        side->shown = 0;
        side->status = TLS_STATUS_WANT_READ;
        if (state & SPANTLS_STATE_SUSPENDED) {
            /* Perhaps already answered. */
            (void)!tls_session_set_certificate_validation_result(side->session, 0);
        }
    }
    if (!EXPECT(run_handshake(&game->pair))) {
        return;
    }
    drain_to(client, server, 100);
    drain_to(server, client, 100);
    EXPECT_STATUS(send_close(client, server), TLS_STATUS_CLOSED);
    EXPECT_STATUS(receive(server), TLS_STATUS_CLOSED);
    EXPECT_BYTES(server->plaintext.data, server->plaintext.len, game->players[0].sent.data, game->players[0].sent.len);
    EXPECT_STATUS(send_close(server, client), TLS_STATUS_CLOSED);
    EXPECT_STATUS(receive(client), TLS_STATUS_CLOSED);
    EXPECT_BYTES(client->plaintext.data, client->plaintext.len, game->players[1].sent.data, game->players[1].sent.len);
}

static void games(uint32_t protocol, int32_t client_certificates, bool noisy, bool rude) {
    setup_t client = {.anchors = "ca", .credentials = "client-p256", .protocols = protocol};
    setup_t server = {.anchors = "ca", .credentials = "server-p256", .client_certificates = client_certificates};
    tls_context_t *client_context = make_context(false, &client);
    tls_context_t *server_context = make_context(true, &server);
    const uint32_t num_games = quick ? 8 : 100;
    test("%s, random calls%s%s: an orderly status each time, and data as it was sent",
         protocol == SPANTLS_PROTOCOL_TLS12 ? "TLS 1.2" : "TLS 1.3",
         client_certificates == SPANTLS_CLIENT_CERTIFICATE_NONE ? "" : ", both sides judge",
         noisy  ? ", bytes are changed"
         : rude ? ", sides refuse, close and are cut off"
                : "");
    for (uint32_t seed = 1; seed <= num_games; seed++) {
        const int complaints = complaints_so_far();
        game_t game;
        memset(&game, 0, sizeof game);
        game.pair = pair_on(client_context, server_context);
        game.players[0].side = &game.pair.client;
        game.players[1].side = &game.pair.server;
        game.dice.state = seed * 2654435761u;
        game.noisy = noisy;
        game.rude = rude;
        const int num_turns = quick ? 250 : 500;
        for (int i = 0; i < num_turns; i++) {
            play(&game);
        }
        if (!noisy && !rude) {
            play_to_the_end(&game);
        }
        if (complaints_so_far() > complaints) {
            printf("# that was in the game with seed %u\n", seed);
        }
        bytes_free(&game.players[0].sent);
        bytes_free(&game.players[1].sent);
        pair_close(&game.pair);
    }
    tls_context_destroy(client_context);
    tls_context_destroy(server_context);
}

int main(int argc, char **argv) {
    static const uint32_t protocols[] = {SPANTLS_PROTOCOL_TLS12, SPANTLS_PROTOCOL_TLS13};
    begin(argc, argv);
    for (size_t p = 0; p < 2; p++) {
        for (int both_judge = 0; both_judge < 2; both_judge++) {
            const int32_t mode = both_judge ? SPANTLS_CLIENT_CERTIFICATE_REQUIRE : SPANTLS_CLIENT_CERTIFICATE_NONE;
            games(protocols[p], mode, false, false);
            games(protocols[p], mode, true, true);
            games(protocols[p], mode, false, true);
        }
    }
    return finish();
}

//! The room that plaintext needs as ciphertext.

use proptest::prelude::*;

use super::*;

/// More than what is written: the reply that is reserved whether it is owed or not.
const RESERVED: usize = 37;

fn open(suite: u16, kind: &str, fragment: usize) -> Pair {
    let name = if kind == "rsa" { "server-rsa2048" } else { "server-p256" };
    let (mut server, mut client) = (server_options(name), client_options());
    client.set_cipher_suites(&[suite]).unwrap();
    server.set_max_fragment_size(Some(fragment)).unwrap();
    let mut pair = pair(server, client);
    pair.shake(accept);
    pair
}

/// What is in the server's way before it encrypts.
#[derive(Clone, Copy, Debug)]
enum Before {
    Nothing,
    /// The client has asked for new keys.
    UpdateOwed,
    /// A reply is sealed, and another one is owed.
    UpdatePending,
    /// The keys are nearly used up.
    KeysUsedUp,
}

fn prepare(pair: &Pair, before: Before, tls13: bool) {
    let ask = || {
        let mut room = [0; 64];
        let Progress { outcome, written, .. } = pair.client.update_keys(true, &mut room);
        outcome.unwrap();
        let mut counts = Counts::default();
        pair.server.decrypt(&room[..written], &mut [0; 64]).add_to(&mut counts).unwrap();
    };
    match before {
        Before::UpdateOwed if tls13 => ask(),
        Before::UpdatePending if tls13 => {
            ask();
            assert_eq!(pair.server.drain_pending_output(&mut []).outcome, Ok(Outcome::WantWrite));
            ask();
        }
        Before::KeysUsedUp if tls13 => try_lock(&pair.server.write).unwrap().set_records_left(3),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn with_the_room_that_is_told_everything_is_taken(
        (suite, kind) in prop::sample::select(SUITES.to_vec()),
        fragment in prop::sample::select(vec![64_usize, 65, 1000, 16384]),
        before in prop::sample::select(vec![
            Before::Nothing, Before::UpdateOwed, Before::UpdatePending, Before::KeysUsedUp,
        ]),
        len in prop_oneof![0..200_usize, 16_300..16_500_usize, 0..100_000_usize],
    ) {
        let pair = open(suite, kind, fragment);
        prepare(&pair, before, suite & 0xff00 == 0x1300);
        let size = pair.server.ciphertext_size(len).unwrap();
        let (mut sealed, mut counts) = (vec![0; size], Counts::default());
        let plaintext = vec![7; len];
        prop_assert_eq!(pair.server.encrypt(&[&plaintext], &mut sealed).add_to(&mut counts), Ok(Outcome::Complete));
        prop_assert_eq!(counts.consumed, len);
        prop_assert!(size - counts.written <= RESERVED, "{} {}", size, counts.written);
        let (mut opened, mut done) = (vec![0; len + 64], Counts::default());
        while done.consumed < counts.written {
            let mut some = Counts::default();
            let (from, to) = (done.consumed, done.written);
            pair.client.decrypt(&sealed[from..counts.written], &mut opened[to..]).add_to(&mut some).unwrap();
            done.consumed += some.consumed;
            done.written += some.written;
        }
        prop_assert_eq!(&opened[..done.written], &plaintext[..]);
    }
}

#[test]
fn a_size_that_no_memory_has_is_told_as_the_largest() {
    for suite in [0x1301, 0x1303, 0xC02B] {
        let pair = open(suite, "ecdsa", 64);
        for len in [usize::MAX, usize::MAX - 1, usize::MAX / 32 * 31] {
            assert_eq!(pair.server.ciphertext_size(len), Ok(usize::MAX), "{suite:x} {len:x}");
        }
    }
}

#[test]
fn the_key_updates_on_the_way_are_counted() {
    // RFC 8446 section 5.5: an AES-GCM key is good for 2^24 records here, of ChaCha20-Poly1305 for more than there can be.
    let (data, records) = (1_usize << 40, 1_usize << 34);
    for (suite, overhead, updates) in [(0x1301, 22, 1025), (0x1303, 22, 1)] {
        let pair = open(suite, "ecdsa", 64);
        let size = pair.server.ciphertext_size(data).unwrap();
        assert_eq!(size - data - records * overhead, updates * 27, "{suite:x}");
    }
}

#[test]
fn where_nothing_can_be_encrypted_no_room_is_told() {
    let pair = pair(server_options("server-p256"), client_options());
    assert!(pair.client.ciphertext_size(1).is_err());
    let pair = open(0x1301, "any", 16384);
    assert!(pair.server.ciphertext_size(1).unwrap() > 0);
    drop(pair.server.shutdown(&mut []).outcome);
    assert_eq!(pair.server.ciphertext_size(1), Ok(0));
}

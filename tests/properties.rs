//! However the bytes are cut, the same plaintext arrives.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use spantls::session::Version;
use std::sync::{Arc, LazyLock};

use common::{TLS12, TLS13, client, server, step};
use proptest::prelude::*;
use spantls::context::Context;
use spantls::outcome::Outcome;
use spantls::session::{Counts, Session};

static SERVER: LazyLock<Arc<Context>> = LazyLock::new(|| server("server-p256"));

/// Shakes hands with every input cut and every output bounded as `cuts` says.
fn shake(protocol: Version, cuts: &[usize]) -> (Session, Session) {
    let (client, server) = (Session::new(client(protocol, &[])), Session::new(SERVER.clone()));
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    let mut cut = cuts.iter().copied().cycle();
    let mut turn = |session: &Session, input: &mut Vec<u8>, output: &mut Vec<u8>, shown: &mut usize| {
        // A transport shows a little more each time, behind what was not consumed.
        *shown = (*shown + cut.next().unwrap()).min(input.len());
        let (outcome, counts) = step(session, input, *shown, output, cut.next().unwrap());
        *shown -= counts.consumed;
        outcome
    };
    let mut shown = (0, 0);
    for _ in 0..200_000 {
        let first = turn(&client, &mut to_client, &mut to_server, &mut shown.0);
        let second = turn(&server, &mut to_server, &mut to_client, &mut shown.1);
        if (first, second) == (Outcome::Complete, Outcome::Complete) {
            assert!(to_client.is_empty() && to_server.is_empty(), "bytes are left");
            return (client, server);
        }
    }
    panic!("no end of the handshake");
}

/// Seals everything with rooms as `cuts` says.
fn seal(session: &Session, plaintext: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut sealed, mut at) = (Vec::new(), 0);
    let mut cut = cuts.iter().copied().cycle();
    loop {
        let mut room = vec![0; cut.next().unwrap()];
        let mut counts = Counts::default();
        let outcome = session.encrypt(&[&plaintext[at..]], &mut room).add_to(&mut counts).unwrap();
        assert!(room.len() < 64 || counts.consumed > 0 || at == plaintext.len(), "64 bytes of room make progress");
        at += counts.consumed;
        sealed.extend_from_slice(&room[..counts.written]);
        match outcome {
            Outcome::Complete => return sealed,
            outcome => assert_eq!(outcome, Outcome::WantWrite),
        }
    }
}

/// Opens everything, shown piece by piece, into rooms as `cuts` says.
fn open(session: &Session, mut sealed: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut opened, mut shown) = (Vec::new(), 0);
    let mut cut = cuts.iter().copied().cycle();
    while !sealed.is_empty() || session.state().has_pending_plaintext {
        let mut room = vec![0; cut.next().unwrap()];
        let mut counts = Counts::default();
        let outcome = session.decrypt(&sealed[..shown], &mut room).add_to(&mut counts).unwrap();
        opened.extend_from_slice(&room[..counts.written]);
        sealed = &sealed[counts.consumed..];
        shown -= counts.consumed;
        match outcome {
            Outcome::Complete => assert!(counts != Counts::default()),
            Outcome::WantRead => shown = (shown + cut.next().unwrap() + 1).min(sealed.len()),
            Outcome::WantWrite => assert!(counts.written == room.len(), "all the room is used"),
            outcome => panic!("{outcome:?}"),
        }
    }
    opened
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_handshake_does_not_care_how_it_is_cut(
        tls13 in any::<bool>(),
        // One in each is not 0, or nothing would ever move.
        cuts in proptest::collection::vec(0usize..300, 0..9).prop_map(|mut cuts| {
            // An odd number, so that inputs and outputs take turns at each.
            if cuts.len() % 2 == 0 { cuts.push(7) }
            cuts.push(1);
            cuts.push(1);
            cuts
        }),
    ) {
        let (client, server) = shake(if tls13 { TLS13 } else { TLS12 }, &cuts);
        prop_assert_eq!(open(&server, &seal(&client, b"ping", &[100]), &[100]), b"ping");
        prop_assert_eq!(open(&client, &seal(&server, b"pong", &[100]), &[100]), b"pong");
    }

    #[test]
    fn data_does_not_care_how_it_is_cut(
        tls13 in any::<bool>(),
        len in prop_oneof![0usize..300, 16_300usize..16_500, 40_000usize..100_000],
        seal_cuts in proptest::collection::vec(0usize..20_000, 0..5),
        open_cuts in proptest::collection::vec(prop_oneof![0usize..70, 0usize..20_000], 0..5),
    ) {
        let (client, server) = shake(if tls13 { TLS13 } else { TLS12 }, &[5000]);
        let plaintext: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
        let with = |mut cuts: Vec<usize>, least| { cuts.push(least); cuts };
        let sealed = seal(&client, &plaintext, &with(seal_cuts, 64));
        prop_assert!(open(&server, &sealed, &with(open_cuts, 100)) == plaintext);
    }

    #[test]
    fn a_damaged_byte_never_gets_through(tls13 in any::<bool>(), at in 0usize..100, bit in 0u8..8) {
        let (client, server) = shake(if tls13 { TLS13 } else { TLS12 }, &[5000]);
        let good = seal(&client, b"good", &[100]);
        let mut sealed = seal(&client, &[7; 60], &[100]);
        let at = at % sealed.len();
        sealed[at] ^= 1 << bit;
        let stream = [good, sealed].concat();
        let (mut room, mut counts) = ([0; 100], Counts::default());
        prop_assert_eq!(server.decrypt(&stream, &mut room).add_to(&mut counts), Ok(Outcome::Complete));
        prop_assert_eq!(&room[..counts.written], b"good");
        let mut rest = Counts::default();
        match server.decrypt(&stream[counts.consumed..], &mut room).add_to(&mut rest) {
            // A longer length in the header: the rest of that record never comes.
            Ok(outcome) => prop_assert_eq!(outcome, Outcome::WantRead),
            Err(failure) => {
                prop_assert!(failure.alert_sent.is_some());
                prop_assert_eq!(server.decrypt(b"", &mut room).add_to(&mut rest).unwrap_err(), failure);
            }
        }
        prop_assert_eq!(rest, Counts::default());
    }

    #[test]
    fn bytes_that_are_not_tls_fail_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 1..2000)) {
        for session in [Session::new(SERVER.clone()), Session::new(client(TLS13, &[])), Session::new(client(TLS12, &[]))] {
            let mut room = vec![0; 20_000];
            let mut counts = Counts::default();
            let result = session.process_handshake(&bytes, &mut room).add_to(&mut counts);
            prop_assert!(matches!(result, Ok(Outcome::WantRead) | Err(_)), "{result:?}");
        }
    }
}

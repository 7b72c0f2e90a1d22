//! The two halves of an open session: key updates, endings, threads.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;
use crate::post_handshake::key_update;
use crate::wire::HandshakeType;
use crate::wire::record::next_record;

#[test]
fn keys_are_updated_before_their_limit() {
    let mut pair = pair(server_options("server-p256"), client_options());
    pair.shake(accept);
    for round in 0..5 {
        pair.client.write.lock().unwrap().set_records_left(4);
        pair.exchange(&pair.client, &pair.server, &vec![round; 100_000]);
        pair.exchange(&pair.server, &pair.client, b"and back");
    }
}

#[test]
fn a_peer_that_asks_for_key_updates_and_never_reads_is_owed_one_reply() {
    let mut pair = pair(server_options("server-p256"), client_options());
    pair.shake(accept);
    for round in 0..200 {
        pair.client.write.lock().unwrap().update_keys(&pair.client.shared, true).unwrap();
        // The server's replies find no room; its data still reaches us.
        pair.exchange(&pair.client, &pair.server, &[round]);
        assert_eq!(pair.server.drain_pending_output(&mut []).outcome, Ok(Outcome::WantWrite));
    }
    let mut output = [0; 1000];
    let Progress { outcome, written, .. } = pair.server.drain_pending_output(&mut output);
    assert_eq!(outcome, Ok(Outcome::Complete));
    // The one that was made, and the one that was owed behind it.
    assert_eq!(written, 2 * 27);
    assert!(!pair.server.state().has_pending_output);
    let mut counts = Counts::default();
    assert_eq!(pair.client.decrypt(&output[..written], &mut [0; 100]).add_to(&mut counts), Ok(Outcome::Complete));
    assert_eq!((counts.consumed, counts.written), (written, 0));
    pair.exchange(&pair.server, &pair.client, b"under the newest keys");
}

#[test]
fn nothing_is_said_behind_our_close_notify() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut pair = pair(server_options("server-p256"), client_of(protocols));
        pair.shake(accept);
        assert_eq!(pair.client.shutdown(&mut [0; 100]).outcome, Ok(Outcome::Closed));
        let garbage = [23, 3, 3, 0, 40].iter().copied().chain([9; 40]).collect::<Vec<u8>>();
        let failure = pair.client.decrypt(&garbage, &mut [0; 100]).outcome.unwrap_err();
        assert_eq!((failure.kind, failure.alert_sent), (FailureKind::Protocol, None));
        assert!(!pair.client.state().has_pending_output);
    }
}

#[test]
fn tls12_ends_cleanly_at_the_limit_of_its_key() {
    let mut pair = pair(server_options("server-p256"), client_of(Version::Tls12));
    pair.shake(accept);
    pair.client.write.lock().unwrap().set_records_left(4);
    let (mut sealed, mut counts) = (vec![0; 1 << 20], Counts::default());
    assert_eq!(pair.client.encrypt(&[&[7; 100_000]], &mut sealed).add_to(&mut counts), Ok(Outcome::WantWrite));
    assert_eq!(counts.consumed, 2 * 16384);
    // The end has a call of its own, and can be said.
    let end = pair.client.encrypt(&[b"more"], &mut [0; 100]).outcome.unwrap_err();
    assert_eq!(end.kind, FailureKind::NotSupported);
    let Progress { outcome, written, .. } = pair.client.shutdown(&mut sealed[counts.written..]);
    assert_eq!(outcome, Ok(Outcome::Closed));
    let (mut opened, mut done) = (vec![0; 1 << 20], Counts::default());
    let sealed = &sealed[..counts.written + written];
    assert_eq!(pair.server.decrypt(sealed, &mut opened).add_to(&mut done), Ok(Outcome::Complete));
    assert_eq!(done.written, 2 * 16384);
    let rest = &sealed[done.consumed..];
    assert_eq!(pair.server.decrypt(rest, &mut opened).outcome, Ok(Outcome::Closed));
    // RFC 5246 section 7.2.1: the answer is owed at once.
    assert!(pair.server.state().has_pending_output);
}

const MESSAGES: u32 = 300;

/// Sends all messages, with key updates in TLS 1.3, and closes.
fn write(session: &Session, wire: &SyncSender<Vec<u8>>, seed: u32) {
    let updates_keys = session.negotiated().version == Some(Version::Tls13);
    let mut room = vec![0; 50_000];
    for message in 0..MESSAGES {
        if updates_keys && message % 7 == 0 {
            session.write.lock().unwrap().set_records_left(5);
        }
        let plaintext = vec![(seed + message) as u8; (message * 97 % 40_000) as usize];
        let mut at = 0;
        loop {
            let mut counts = Counts::default();
            let outcome = match session.encrypt(&[&plaintext[at..]], &mut room).add_to(&mut counts) {
                Err(failure) if failure.kind == FailureKind::Busy => continue,
                result => result.unwrap(),
            };
            at += counts.consumed;
            wire.send(room[..counts.written].to_vec()).unwrap();
            // Getters from any thread, at any time.
            assert!(session.state().handshake_complete);
            assert_eq!(session.remote_certificates().len() % 2, 0);
            if outcome == Outcome::Complete {
                break;
            }
        }
    }
    let mut closing = Counts::default();
    while session.shutdown(&mut room[closing.written..]).add_to(&mut closing) != Ok(Outcome::Closed) {}
    // The other side may be gone already, having seen what it waited for.
    drop(wire.send(room[..closing.written].to_vec()));
}

/// Reads them all.
fn read(session: &Session, wire: &Receiver<Vec<u8>>, seed: u32) {
    let expected: Vec<u8> = (0..MESSAGES).flat_map(|m| vec![(seed + m) as u8; (m * 97 % 40_000) as usize]).collect();
    let (mut inbox, mut opened, mut room) = (Vec::new(), Vec::new(), vec![0; 30_000]);
    loop {
        let mut counts = Counts::default();
        let outcome = session.decrypt(&inbox, &mut room).add_to(&mut counts).unwrap();
        inbox.drain(..counts.consumed);
        opened.extend_from_slice(&room[..counts.written]);
        match outcome {
            Outcome::WantRead => inbox.extend(wire.recv().unwrap()),
            Outcome::Closed => break,
            _ => {}
        }
    }
    assert!(opened == expected);
}

/// Two sessions, a reader and a writer thread each, at load, with key updates, and closures that cross.
#[test]
fn both_halves_run_at_once() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut pair = pair(server_options("server-p256"), client_of(protocols));
        pair.shake(accept);
        let (to_server, from_client) = sync_channel::<Vec<u8>>(8);
        let (to_client, from_server) = sync_channel::<Vec<u8>>(8);
        let Pair { client, server, .. } = &pair;
        let mut messages = 0;
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || write(client, &to_server, 1));
            scope.spawn(move || read(server, &from_client, 1));
            if protocols == Version::Tls13 {
                scope.spawn(move || write(server, &to_client, 2));
                scope.spawn(move || read(client, &from_server, 2));
            }
            // A third thread in the same half: BUSY, or its turn, and no harm.
            while !writer.is_finished() {
                match client.drain_pending_output(&mut []).outcome {
                    Ok(_) => {}
                    Err(failure) => assert_eq!(failure.kind, FailureKind::Busy),
                }
                messages += 1;
            }
        });
        assert!(messages > 0);
    }
}

/// The driver of `tests/split_invariance.rs`, for what only tests in here can do to a session.
#[path = "../../../tests/common/driver.rs"]
pub(super) mod driver;

/// Ways to cut what is sent, and the room for it.
fn cuts() -> Vec<driver::Policy> {
    use driver::{Policy, Sizes};

    let mut policies = Vec::new();
    for (shown, room) in [(1 << 20, 64), (1 << 20, 100), (7, 5000), (61, 63), (1000, 16 << 10), (1 << 14, 1 << 16)] {
        for (in_place, greedy) in [(false, false), (false, true), (true, false)] {
            policies.push(Policy {
                shown: Sizes::always(shown),
                sealed: Sizes::always(room.max(64)),
                output: Sizes::always(room),
                opened: Sizes::always(room),
                in_place,
                greedy,
                ..Policy::reference()
            });
        }
    }
    for seed in 1..20 {
        policies.push(Policy {
            shown: Sizes::random(seed, 1),
            sealed: Sizes::random(seed + 100, 64),
            opened: Sizes::random(seed + 200, 1),
            plaintext: Sizes::random(seed + 300, 1),
            greedy: false,
            ..Policy::reference()
        });
    }
    policies
}

#[test]
fn key_updates_do_not_care_how_bytes_are_cut() {
    use driver::{Ending, Judge, Role, Scenario, Step, play, reference};

    fn near_the_limit(session: &Session) {
        session.write.lock().unwrap().set_records_left(4);
    }
    fn ask(session: &Session) {
        session.write.lock().unwrap().update_keys(&session.shared, true).unwrap();
    }
    const CLIENT: &[Step] = &[
        Step::Call(near_the_limit),
        Step::Send(90_000),
        Step::Call(ask),
        Step::Call(ask),
        Step::Send(100),
        Step::Await(50_000),
        Step::Shutdown,
    ];
    const SERVER: &[Step] = &[
        Step::Call(ask),
        Step::Send(20_000),
        Step::Await(90_000),
        Step::Call(near_the_limit),
        Step::Send(30_000),
        Step::AwaitClosed,
        Step::Shutdown,
    ];
    let role = |context: Context, script| Role {
        context: Arc::new(context),
        judge: Judge::Accept,
        script,
        ending: Ending::Closed,
    };
    let client = client_of(Version::Tls13);
    let scenario = Scenario {
        name: "key updates",
        stride: 1,
        resumed: false,
        client: role(Context::client(client).unwrap(), CLIENT),
        server: role(Context::server(server_options("server-p256")).unwrap(), SERVER),
    };
    let expected = reference(&scenario);
    for policy in &cuts() {
        let end = play(&scenario, policy).0;
        assert!(end == expected, "{policy:?}\nends with {end:#?}\ninstead of {expected:#?}");
    }
}

#[test]
fn calls_that_have_nothing_to_do_lose_no_counts() {
    let mut pair = pair(server_options("server-p256"), client_options());
    pair.shake(accept);
    let before = pair.client.stats().ciphertext_sent;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let mut sealed = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let outcome = pair.client.process_handshake(&[], &mut []).outcome;
                assert_eq!(outcome, Ok(Outcome::Complete));
            }
        });
        for _ in 0..50_000 {
            let mut counts = Counts::default();
            pair.client.encrypt(&[b"x"], &mut [0; 100]).add_to(&mut counts).unwrap();
            sealed += counts.written as u64;
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(pair.client.stats().ciphertext_sent - before, sealed);
}

#[test]
fn what_the_kernel_seals_is_cut_into_records_and_only_a_key_update_changes_its_keys() {
    let mut pair = pair(server_options("server-p256"), client_options());
    pair.shake(accept);
    let shared = &pair.server.shared;
    let mut write = pair.server.write.lock().unwrap();
    write.hand_over_to_kernel();
    // Each part of this message begins as a KeyUpdate does.
    let message = vec![HandshakeType::KEY_UPDATE.0; 20_000];
    let asked = write.ask_client(shared, || Ok(message.clone()), &mut [], &mut Counts::default());
    assert_eq!(asked, Ok(Outcome::Complete));
    write.update_keys(shared, false).unwrap();
    let (mut sent, mut changes) = (Vec::new(), Vec::new());
    while !write.pending.is_empty() {
        let record = next_record(write.pending.bytes(), 16384).unwrap().unwrap();
        // The socket takes some of it, then the rest.
        let part = record.payload().len().div_ceil(2);
        sent.extend_from_slice(&record.payload()[..part]);
        changes.push(write.pending.bare_record_sent(&shared.state, part));
    }
    assert_eq!(sent[..message.len()], message);
    assert_eq!(sent[message.len()..], key_update(false));
    assert_eq!(changes.iter().filter(|change| **change).count(), 1);
    assert!(changes.ends_with(&[true]));
}

#[test]
fn a_bound_session_that_may_send_makes_no_output_that_its_data_would_overtake() {
    let mut pair = pair(server_options("server-p256"), client_options());
    pair.shake(accept);
    let mut write = pair.server.write.lock().unwrap();
    pair.server.shared.owed.key_update();
    write.can_send(&pair.server.shared).unwrap();
    write.may_update_keys(&pair.server.shared).unwrap();
    assert!(write.pending.is_empty());
    write.settle(&pair.server.shared).unwrap();
    assert!(!write.pending.is_empty());
}

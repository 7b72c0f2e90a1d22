//! Two sessions in memory: every suite and key type, suspensions, and the stack they need.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;
use crate::client_hello::ClientHello;
use crate::context::{ClientCertificateMode, Context, Credentials, Options, TicketRoot};
use crate::handshake::question::SignatureRequest;
use crate::outcome::{Alert, Question};
use crate::reason::PolicyErrors;

fn certificates(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn credentials(name: &str) -> Arc<Credentials> {
    let (chain, key) = (certificates(&format!("{name}.pem")), certificates(&format!("{name}.key")));
    Arc::new(Credentials::from_pem(&chain, &key, None).unwrap())
}

struct Pair {
    client: Session,
    server: Session,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
}

fn pair(server: Options, client: Options) -> Pair {
    Pair::of(&Arc::new(Context::server(server).unwrap()), &Arc::new(Context::client(client).unwrap()))
}

fn server_options(name: &str) -> Options {
    let mut options = Options { allow_resume: false, ..Options::default() };
    options.set_credentials(Some(credentials(name)));
    options
}

fn client_options() -> Options {
    let mut options = Options { allow_resume: false, ..Options::default() };
    options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
    options
}

/// A client that speaks this version alone.
fn client_of(version: Version) -> Options {
    let mut options = client_options();
    options.set_versions(&[version]);
    options
}

/// Both ends have a certificate; the server wants the client's, as it is told.
fn mutual(version: Version, mode: ClientCertificateMode) -> Pair {
    let mut server = server_options("server-p256");
    server.client_certificates = mode;
    server.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
    let mut client = client_of(version);
    client.set_credentials(Some(credentials("client-p256")));
    pair(server, client)
}

fn step(session: &Session, input: &mut Vec<u8>, output: &mut Vec<u8>) -> Result<Outcome, Failure> {
    let mut room = vec![0; 65536];
    let mut counts = Counts::default();
    let result = session.process_handshake(input, &mut room).add_to(&mut counts);
    input.drain(..counts.consumed);
    output.extend_from_slice(&room[..counts.written]);
    result
}

impl Pair {
    fn of(server: &Arc<Context>, client: &Arc<Context>) -> Self {
        let (server, client) = (Session::new(server.clone()), Session::new(client.clone()));
        client.set_target_host_name("localhost").unwrap();
        Self { client, server, to_client: Vec::new(), to_server: Vec::new() }
    }

    fn step_client(&mut self) -> Result<Outcome, Failure> {
        step(&self.client, &mut self.to_client, &mut self.to_server)
    }

    fn step_server(&mut self) -> Result<Outcome, Failure> {
        step(&self.server, &mut self.to_server, &mut self.to_client)
    }

    fn until_the_client_asks(&mut self) {
        while !matches!(self.step_client(), Ok(Outcome::Suspended(_))) {
            self.step_server().unwrap();
        }
    }

    /// Runs until both are complete; `answer` gives the verdicts.
    fn shake(&mut self, answer: impl Fn(&Session)) {
        for _ in 0..20 {
            let client = self.step_client().unwrap();
            match client {
                Outcome::Suspended(Question::Certificate) => answer(&self.client),
                Outcome::Suspended(Question::Credentials) => {
                    assert_eq!(self.client.set_client_credentials(None), Ok(Outcome::Complete));
                }
                _ => {}
            }
            let server = self.step_server().unwrap();
            if server == Outcome::Suspended(Question::Certificate) {
                answer(&self.server);
            }
            if (client, server) == (Outcome::Complete, Outcome::Complete) {
                return;
            }
        }
        panic!("no end of the handshake");
    }

    /// With whatever `from` has to send before.
    fn exchange(&self, from: &Session, to: &Session, message: &[u8]) {
        let mut sealed = vec![0; message.len() + 4096];
        let mut counts = Counts::default();
        assert_eq!(from.encrypt(&[message], &mut sealed).add_to(&mut counts), Ok(Outcome::Complete));
        assert_eq!(counts.consumed, message.len());
        let mut opened = vec![0; message.len() + 64];
        let mut done = Counts::default();
        assert_eq!(to.decrypt(&sealed[..counts.written], &mut opened).add_to(&mut done), Ok(Outcome::Complete));
        assert_eq!((done.consumed, done.written), (counts.written, message.len()));
        assert_eq!(&opened[..done.written], message);
    }
}

const SUITES: [(u16, &str); 9] = [
    (0x1301, "any"),
    (0x1302, "any"),
    (0x1303, "any"),
    (0xC02B, "ecdsa"),
    (0xC02C, "ecdsa"),
    (0xCCA9, "ecdsa"),
    (0xC02F, "rsa"),
    (0xC030, "rsa"),
    (0xCCA8, "rsa"),
];

const SERVERS: [(&str, &str); 5] = [
    ("server-rsa2048", "rsa"),
    ("server-rsa4096", "rsa"),
    ("server-p256", "ecdsa"),
    ("server-p384", "ecdsa"),
    ("server-ed25519", "ecdsa"),
];

fn accept(session: &Session) {
    assert_eq!(session.accept_with_default_validation(), Ok(PolicyErrors::NONE));
}

/// Both ends derive the same, and what there is not is refused.
fn same_bindings(pair: &Pair, tls13: bool) {
    let of = |kind| {
        let ends = [pair.client.channel_binding(kind), pair.server.channel_binding(kind)];
        assert_eq!(ends[0], ends[1]);
        ends.into_iter().next().unwrap()
    };
    assert_eq!(of(Binding::Exporter).unwrap().len(), 32);
    assert_eq!(of(Binding::EndPoint).unwrap().len(), 32);
    match of(Binding::Unique) {
        Ok(unique) => assert!(!tls13 && unique.len() == 12),
        Err(failure) => assert!(tls13 && failure.kind == FailureKind::NotSupported),
    }
    assert!(pair.client.is_channel_binding_sound() && pair.server.is_channel_binding_sound());
    for context in [None, Some(&b""[..]), Some(&b"context"[..])] {
        let mut outputs = [[0; 100]; 2];
        pair.client.export_keying_material(b"EXPERIMENTAL", context, &mut outputs[0]).unwrap();
        pair.server.export_keying_material(b"EXPERIMENTAL", context, &mut outputs[1]).unwrap();
        assert_eq!(outputs[0], outputs[1]);
        assert_ne!(outputs[0], [0; 100]);
    }
}

#[test]
fn every_suite_and_key_type_works_and_uses_half_a_stack_at_most() {
    crate::handshake::painting::ON.store(true, std::sync::atomic::Ordering::SeqCst);
    for (suite, needs) in SUITES {
        for (server, kind) in SERVERS {
            if needs != "any" && needs != kind {
                continue;
            }
            let mut options = server_options(server);
            options.client_certificates = ClientCertificateMode::Require;
            options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
            let mut client = client_options();
            client.set_cipher_suites(&[suite]).unwrap();
            client.set_credentials(Some(credentials("client-rsa2048")));
            let mut pair = pair(options, client);
            pair.shake(accept);
            assert_eq!(pair.client.negotiated().cipher_suite, suite);
            let (client, server) = (pair.client.negotiated(), pair.server.negotiated());
            assert!(client.peer_signature_scheme != 0 && server.peer_signature_scheme != 0);
            // Each tells the other's.
            assert_eq!(
                Negotiated { peer_signature_scheme: 0, ..client },
                Negotiated { peer_signature_scheme: 0, ..server }
            );
            same_bindings(&pair, suite < 0x2000);
            assert_eq!(pair.server.target_host_name(), "localhost");
            let message: Vec<u8> = (0..40_000u32).map(|i| i as u8).collect();
            pair.exchange(&pair.client, &pair.server, &message);
            pair.exchange(&pair.server, &pair.client, &message);
        }
    }
    // Every group that the client has a share of at once, and after a HelloRetryRequest.
    for group in [0x11EC, 0x001D, 0x0017, 0x0018] {
        for first in [group, if group == 0x0018 { 0x0017 } else { 0x0018 }] {
            let (mut client, mut server) = (client_options(), server_options("server-p256"));
            client.set_groups(&[first, group][usize::from(first == group)..]).unwrap();
            server.set_groups(&[group]).unwrap();
            let mut pair = pair(server, client);
            pair.shake(accept);
            assert_eq!(pair.server.negotiated().group, group);
            assert_eq!(pair.client.state().hello_retried, first != group);
        }
    }
    // The deepest chain.
    let mut client = Options { allow_resume: false, ..Options::default() };
    client.add_trust_anchors_pem(&certificates("deep-ca.pem")).unwrap();
    for protocols in [Version::Tls12, Version::Tls13] {
        client.set_versions(&[protocols]);
        let mut pair = pair(server_options("deep-rsa4096"), client.clone());
        pair.shake(accept);
        assert_eq!(pair.client.remote_certificates().len(), 7);
    }
    let (deepest, usable) = crate::handshake::painting::take_deepest();
    println!("deepest stack use: {deepest} of {usable} bytes");
    assert!(deepest > 0 && deepest <= usable / 2, "{deepest} of {usable}");
}

#[test]
fn a_verdict_can_come_late_and_from_other_threads() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut pair = mutual(protocols, ClientCertificateMode::Require);
        let mut verdicts = 0;
        let mut done = false;
        // Every step on a thread of its own, every verdict on this one.
        for _ in 0..20 {
            (pair, done) = std::thread::spawn(move || {
                let client = pair.step_client().unwrap();
                let server = pair.step_server().unwrap();
                (pair, (client, server) == (Outcome::Complete, Outcome::Complete))
            })
            .join()
            .unwrap();
            for session in [&pair.client, &pair.server] {
                if session.state().suspended {
                    accept(session);
                    verdicts += 1;
                    assert_eq!(session.accept_with_default_validation().unwrap_err().kind, FailureKind::InvalidState);
                    assert!(session.set_certificate_validation_result(PolicyErrors::NONE).is_err());
                }
            }
            if done {
                break;
            }
        }
        assert!(done);
        assert_eq!(verdicts, 2);
        pair.exchange(&pair.client, &pair.server, b"hello");
    }
}

#[test]
fn a_refused_peer_gets_the_alert_and_never_completes() {
    for protocols in [Version::Tls12, Version::Tls13] {
        for refuser_is_server in [false, true] {
            for alert in [42, 43, 44, 45, 46, 48, 49, 113, 116, 200] {
                let mut pair = mutual(protocols, ClientCertificateMode::Request);
                let (mut refused, mut told) = (None, None);
                for _ in 0..20 {
                    for is_server in [false, true] {
                        let result = if is_server { pair.step_server() } else { pair.step_client() };
                        let session = if is_server { &pair.server } else { &pair.client };
                        match result {
                            Ok(Outcome::Suspended(_)) if is_server == refuser_is_server => {
                                session.reject_certificate(Alert(alert)).unwrap();
                            }
                            Ok(Outcome::Suspended(_)) => accept(session),
                            Ok(_) => {}
                            Err(failure) if is_server == refuser_is_server => refused = Some(failure),
                            Err(failure) => told = Some(failure),
                        }
                    }
                }
                let refused = refused.expect("the refusal is reported");
                assert_eq!(refused.kind, FailureKind::Authentication);
                assert_eq!(refused.alert_sent, Some(Alert(alert)));
                let complete = pair.client.state().handshake_complete;
                // A TLS 1.3 client is complete once its own flight is out; it learns of the refusal from its first read.
                if refuser_is_server && protocols == Version::Tls13 {
                    assert!(complete);
                    let failure = pair.client.decrypt(&pair.to_client, &mut [0; 100]).outcome.unwrap_err();
                    assert_eq!(failure.alert_received, Some(Alert(alert)));
                } else {
                    assert_eq!(told.expect("the peer is told").alert_received, Some(Alert(alert)));
                    assert!(!complete);
                }
            }
        }
    }
}

fn judge_a_client_without_a_certificate(server: &Session, accepted: bool) {
    assert_eq!(server.pending_policy_errors(), PolicyErrors::NOT_AVAILABLE);
    assert_eq!(
        server.default_validation().map(|report| report.reasons.policy_errors()),
        Ok(PolicyErrors::NOT_AVAILABLE)
    );
    assert_eq!(server.remote_certificates().len(), 0);
    match accepted {
        true => {
            assert_eq!(server.accept_with_default_validation(), Ok(PolicyErrors::NOT_AVAILABLE))
        }
        false => {
            let refusal = server.set_certificate_validation_result(PolicyErrors::NOT_AVAILABLE).unwrap_err();
            assert_eq!(refusal.kind, FailureKind::Authentication);
            assert!(server.state().failed);
        }
    }
}

#[test]
fn a_client_without_a_certificate_is_held_back_or_refused() {
    for protocols in [Version::Tls12, Version::Tls13] {
        for mode in [ClientCertificateMode::Request, ClientCertificateMode::Require] {
            for accepted in [true, false] {
                let mut server = server_options("server-p256");
                server.client_certificates = mode;
                let mut pair = pair(server, client_of(protocols));
                // Said beforehand: nothing to show.
                assert_eq!(pair.client.set_client_credentials(None), Ok(Outcome::Complete));
                let mut end = None;
                for _ in 0..10 {
                    if let Ok(Outcome::Suspended(_)) = pair.step_client() {
                        accept(&pair.client);
                    }
                    match pair.step_server() {
                        Ok(Outcome::Suspended(_)) => {
                            assert_eq!(mode, ClientCertificateMode::Request);
                            judge_a_client_without_a_certificate(&pair.server, accepted);
                        }
                        Err(failure) => end = Some(failure),
                        Ok(_) => {}
                    }
                }
                let expected = match protocols {
                    Version::Tls12 => Alert::HANDSHAKE_FAILURE,
                    _ => Alert::CERTIFICATE_REQUIRED,
                };
                if mode == ClientCertificateMode::Request && accepted {
                    assert_eq!(end, None);
                    pair.exchange(&pair.client, &pair.server, b"hello");
                    pair.exchange(&pair.server, &pair.client, b"hello");
                } else {
                    let end = end.expect("refused");
                    assert_eq!((end.kind, end.alert_sent), (FailureKind::Authentication, Some(expected)));
                    let told = match pair.client.state().handshake_complete {
                        false => pair.client.last_failure().unwrap(),
                        true => pair.client.decrypt(&pair.to_client, &mut [0; 100]).outcome.unwrap_err(),
                    };
                    assert_eq!(told.alert_received, Some(expected));
                }
            }
        }
    }
}

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
        pair.client.write.lock().unwrap().request_key_update(&pair.client.shared);
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
fn a_message_in_too_many_records_is_refused_before_they_fill_the_memory() {
    let pair = pair(server_options("server-p256"), client_options());
    // A ClientHello of 60,000 bytes, a byte a record.
    let mut input = vec![22, 3, 1, 0, 4, 1, 0, 0xea, 0x60];
    input.extend([22, 3, 1, 0, 1, 7].repeat(60_000));
    let (mut output, mut counts) = ([0; 100], Counts::default());
    let failure = pair.server.process_handshake(&input, &mut output).add_to(&mut counts).unwrap_err();
    assert_eq!(failure.alert_sent, Some(Alert::ILLEGAL_PARAMETER));
    assert!(counts.consumed <= crate::limits::MAX_UNFINISHED_RECORDS + 10, "{counts:?}");
    assert_eq!(&output[..counts.written], [21, 3, 3, 0, 2, 2, 47]);
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
    assert_eq!(end.kind, FailureKind::InvalidState);
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

#[test]
fn cancelling_a_handshake_tells_the_peer() {
    for suspended in [false, true] {
        for protocols in [Version::Tls12, Version::Tls13] {
            let mut pair = pair(server_options("server-p256"), client_of(protocols));
            pair.step_client().unwrap();
            pair.step_server().unwrap();
            if suspended {
                pair.until_the_client_asks();
            }
            let mut output = [0; 200];
            let Progress { outcome, written, .. } = pair.client.shutdown(&mut output);
            assert_eq!(outcome, Ok(Outcome::Closed));
            assert_ne!(written, 0);
            assert_eq!(pair.client.shutdown(&mut output[written..]).outcome, Ok(Outcome::Closed));
            pair.to_server.extend_from_slice(&output[..written]);
            let failure = pair.step_server().unwrap_err();
            assert_eq!(failure.alert_received, Some(Alert::CLOSE_NOTIFY), "{failure:?}");
            assert_eq!(pair.step_client(), Ok(Outcome::Closed));
        }
    }
}

#[test]
fn destroying_a_suspended_session_is_ordinary() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut pair = pair(server_options("server-p256"), client_of(protocols));
        pair.until_the_client_asks();
        let Pair { client, .. } = pair;
        std::thread::spawn(move || drop(client)).join().unwrap();
    }
}

#[test]
fn a_panic_in_the_middle_of_a_handshake_step_leaves_a_session_that_can_be_destroyed() {
    for answered in [true, false] {
        let mut pair = pair(server_options("server-p256"), client_options());
        pair.until_the_client_asks();
        crate::handshake::hooks::PANIC.set(true);
        if answered {
            accept(&pair.client);
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pair.step_client()));
            assert!(panic.is_err());
            assert_eq!(pair.step_client().unwrap_err().kind, FailureKind::Internal);
        }
        // Without an answer it is the destruction that runs into the panic.
        drop(pair);
        crate::handshake::hooks::PANIC.set(false);
    }
    // The pool is as good as new.
    pair(server_options("server-p256"), client_options()).shake(accept);
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
#[path = "../../tests/common/driver.rs"]
mod driver;

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
        session.write.lock().unwrap().request_key_update(&session.shared);
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
fn the_sizes_of_a_session_are_known() {
    println!("session {} write {} read {}", size_of::<Session>(), size_of::<WriteHalf>(), size_of::<ReadHalf>());
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Session>();
}

/// Signs with the key of a file, as another process would.
fn sign(name: &str, request: &SignatureRequest) -> Vec<u8> {
    let key = credentials(name).own_key().current();
    key.key.choose_scheme(&[request.scheme]).unwrap().sign(&request.message).unwrap()
}

fn external(name: &str, schemes: &[u16]) -> Arc<Credentials> {
    Arc::new(Credentials::external(&certificates(&format!("{name}.pem")), schemes).unwrap())
}

const EXTERNAL: [(&str, &[u16]); 5] = [
    ("server-rsa2048", &[0x0804, 0x0401]),
    ("server-rsa4096", &[0x0806, 0x0501]),
    ("server-p256", &[0x0403]),
    ("server-p384", &[0x0503]),
    ("server-ed25519", &[0x0807]),
];

fn sign_wrongly_and_rightly(session: &Session, signature: &[u8]) {
    let mut wrong = signature.to_vec();
    wrong[20] ^= 1;
    assert_eq!(session.set_signature(&wrong).unwrap_err().kind, FailureKind::InvalidArgument);
    assert_eq!(session.set_signature(signature), Ok(Outcome::Complete));
}

#[test]
fn every_question_of_a_handshake_is_answered_by_the_host() {
    for protocols in [Version::Tls12, Version::Tls13] {
        for (name, schemes) in EXTERNAL {
            let mut options = Options { allow_resume: false, ..Options::default() };
            options.set_credentials(Some(external(name, schemes)));
            options.client_certificates = ClientCertificateMode::Require;
            options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
            options.keep_client_hello = true;
            let chosen = Arc::new(Context::server(options).unwrap());
            let client = Arc::new(Context::client(client_of(protocols)).unwrap());
            let mut pair = Pair::of(&Arc::new(Context::undecided().unwrap()), &client);
            let (mut asked, mut signers) = (Vec::new(), Vec::new());
            for _ in 0..20 {
                for is_server in [false, true] {
                    let outcome = if is_server { pair.step_server() } else { pair.step_client() }.unwrap();
                    let session = if is_server { &pair.server } else { &pair.client };
                    let Outcome::Suspended(question) = outcome else { continue };
                    asked.push((is_server, question));
                    match question {
                        Question::ServerContext => {
                            assert_eq!(session.client_hello().unwrap().server_name(), Some("localhost"));
                            assert_eq!(session.set_server_context(chosen.clone()), Ok(Outcome::Complete));
                            let again = session.set_server_context(chosen.clone()).unwrap_err();
                            assert_eq!(again.kind, FailureKind::InvalidState);
                        }
                        Question::Credentials => {
                            let request = session.certificate_request().unwrap();
                            assert_eq!(request.acceptable_issuers.len(), 1);
                            let own = external(name, schemes);
                            assert_eq!(session.set_client_credentials(Some(own)), Ok(Outcome::Complete));
                        }
                        Question::Certificate => {
                            let accepted = session.set_certificate_validation_result(PolicyErrors::NONE);
                            assert_eq!(accepted, Ok(Outcome::Complete));
                        }
                        Question::Signature => {
                            let request = session.signature_request().unwrap();
                            assert!(schemes.contains(&u16::from(request.scheme)));
                            signers.push(session.local_certificate());
                            sign_wrongly_and_rightly(session, &sign(name, &request));
                        }
                    }
                }
            }
            let expected = [
                (true, Question::ServerContext),
                (true, Question::Signature),
                (false, Question::Credentials),
                (false, Question::Certificate),
                (false, Question::Signature),
                (true, Question::Certificate),
            ];
            assert_eq!(asked, expected, "{protocols:?} {name}");
            pair.exchange(&pair.client, &pair.server, b"hello");
            pair.exchange(&pair.server, &pair.client, b"hello");
            assert_eq!(pair.server.local_certificate(), pair.client.remote_certificates()[0].to_vec());
            assert_eq!(signers, [pair.server.local_certificate(), pair.server.remote_certificates()[0].to_vec()]);
            assert!(pair.server.client_hello().is_some());
        }
    }
}

fn answer(session: &Session, question: Question, chosen: &Arc<Context>) {
    match question {
        Question::ServerContext => session.set_server_context(chosen.clone()),
        Question::Credentials => session.set_client_credentials(Some(credentials("server-p256"))),
        Question::Certificate => session.set_certificate_validation_result(PolicyErrors::NONE),
        Question::Signature => {
            let request = session.signature_request().unwrap();
            session.set_signature(&sign("server-p256", &request))
        }
    }
    .unwrap();
}

/// What the peer is told.
fn leave(session: &Session) -> Vec<u8> {
    let mut room = vec![0; 1000];
    let Progress { outcome, written, .. } = session.shutdown(&mut room);
    assert_eq!(outcome, Ok(Outcome::Closed));
    assert!(session.signature_request().is_none());
    room.truncate(written);
    room
}

#[test]
fn refusing_and_leaving_at_every_question() {
    // Which suspension, counted from the first one, and whether the host refuses or shuts down there.
    for protocols in [Version::Tls12, Version::Tls13] {
        for at in 0..6 {
            for refuse in [true, false] {
                let mut options = Options { allow_resume: false, ..Options::default() };
                options.set_credentials(Some(external("server-p256", &[0x0403])));
                options.client_certificates = ClientCertificateMode::Require;
                let chosen = Arc::new(Context::server(options).unwrap());
                let client = Arc::new(Context::client(client_of(protocols)).unwrap());
                let mut pair = Pair::of(&Arc::new(Context::undecided().unwrap()), &client);
                let (mut asked, mut ends) = (0, [None, None]);
                for _ in 0..20 {
                    for is_server in [false, true] {
                        let result = if is_server { pair.step_server() } else { pair.step_client() };
                        let session = if is_server { &pair.server } else { &pair.client };
                        let question = match result {
                            Ok(Outcome::Suspended(question)) => question,
                            Ok(Outcome::WantRead | Outcome::Complete | Outcome::Closed) => continue,
                            Ok(other) => panic!("{other:?}"),
                            Err(failure) => {
                                ends[usize::from(is_server)].get_or_insert(failure);
                                continue;
                            }
                        };
                        asked += 1;
                        match (asked - 1 == at, refuse) {
                            (false, _) => answer(session, question, &chosen),
                            (true, true) => assert_eq!(session.reject(Alert(112)), Ok(Outcome::Complete)),
                            (true, false) => {
                                let said = leave(session);
                                if is_server { &mut pair.to_client } else { &mut pair.to_server }.extend(said);
                            }
                        }
                    }
                }
                let name = format!("{protocols:?} at {at}, refuse {refuse}: {ends:?}");
                // The client has a key of its own here: five questions.
                if at == 5 {
                    assert_eq!(ends, [None, None], "{name}");
                    continue;
                }
                let told = if refuse { Alert(112) } else { Alert::CLOSE_NOTIFY };
                let of_client = [false, false, true, true, false][at];
                let at_peer = match (&ends[usize::from(of_client)], of_client) {
                    (Some(failure), _) => failure.clone(),
                    // A TLS 1.3 client is done before the server judges it.
                    (None, _) => {
                        let result = pair.client.decrypt(&pair.to_client, &mut [0; 100]).outcome;
                        match (result, refuse) {
                            (Err(failure), true) => failure,
                            (Ok(Outcome::Complete | Outcome::Closed), false) => continue,
                            (other, _) => panic!("{name}: {other:?}"),
                        }
                    }
                };
                assert_eq!(at_peer.alert_received, Some(told), "{name}");
                if refuse {
                    let own = ends[usize::from(!of_client)].as_ref().unwrap();
                    assert_eq!((own.kind, own.alert_sent), (FailureKind::Authentication, Some(told)), "{name}");
                }
            }
        }
    }
}

/// RFC 8879: in TLS 1.3, where both ends have the feature.
#[cfg(feature = "certificate-compression")]
#[test]
fn certificates_are_compressed() {
    let mut sent = Vec::new();
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut client = Options { allow_resume: false, ..Options::default() };
        client.add_trust_anchors_pem(&certificates("deep-ca.pem")).unwrap();
        client.set_versions(&[protocols]);
        client.set_groups(&[29]).unwrap();
        let mut pair = pair(server_options("deep-rsa4096"), client);
        pair.shake(accept);
        pair.exchange(&pair.server, &pair.client, b"hello");
        let chain: usize = pair.client.remote_certificates().iter().map(|certificate| certificate.len()).sum();
        sent.push((pair.server.stats().ciphertext_sent as usize, chain));
    }
    // In TLS 1.2 the chain goes as it is.
    let [(tls12, chain), (tls13, same)] = sent[..] else { panic!("two handshakes") };
    assert_eq!(chain, same);
    assert!(tls12 > chain && tls13 < chain, "{tls12} and {tls13} bytes for a chain of {chain}");
}

/// A server whose tickets other contexts of the same root may take.
fn resuming_server(name: &str) -> Options {
    let mut options = Options::default();
    options.set_credentials(Some(credentials(name)));
    options.set_ticket_roots(&[TicketRoot { secret: &[7; 32], seal_from: 0, open_until: i64::MAX }]).unwrap();
    options
}

fn resuming_client(protocols: Version) -> Arc<Context> {
    let mut options = Options::default();
    options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
    options.set_versions(&[protocols]);
    Arc::new(Context::client(options).unwrap())
}

/// A handshake on these contexts, and the tickets behind it.
fn connect(server: &Arc<Context>, client: &Arc<Context>, preset: Option<Arc<Credentials>>) -> Pair {
    let mut pair = Pair::of(server, client);
    pair.client.set_client_credentials(preset).unwrap();
    pair.shake(|session| {
        assert_eq!(session.set_certificate_validation_result(PolicyErrors::NONE), Ok(Outcome::Complete))
    });
    while !pair.to_client.is_empty() {
        let mut counts = Counts::default();
        pair.client.decrypt(&pair.to_client, &mut [0; 20_000]).add_to(&mut counts).unwrap();
        assert_ne!(counts.consumed, 0);
        pair.to_client.drain(..counts.consumed);
    }
    pair
}

/// What the client's next session begins with.
fn first_record(server: &Arc<Context>, client: &Arc<Context>) -> Vec<u8> {
    let mut pair = Pair::of(server, client);
    pair.client.set_client_credentials(None).unwrap();
    pair.step_client().unwrap();
    pair.to_server
}

fn resumed(pair: &Pair) -> bool {
    let both = [&pair.client, &pair.server].map(|session| session.state().resumed);
    assert_eq!(both[0], both[1]);
    both[0]
}

/// Whoever leads a client to another server of the same root must not have that one taken for the server of the ticket:
/// nobody looks at its certificate. Both ends' tls-server-end-point are the same then, too.
#[test]
fn a_ticket_is_for_the_server_that_gave_it() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let context = |name| Arc::new(Context::server(resuming_server(name)).unwrap());
        let (one, same, other) = (context("server-p256"), context("server-p256"), context("server-wrongname"));
        let client = resuming_client(protocols);
        assert!(!resumed(&connect(&one, &client, None)));
        let pair = connect(&same, &client, None);
        assert!(resumed(&pair));
        same_bindings(&pair, protocols == Version::Tls13);
        let pair = connect(&other, &client, None);
        assert!(!resumed(&pair));
        same_bindings(&pair, protocols == Version::Tls13);
    }
}

/// RFC 8446 section 4.6.1.
#[test]
fn a_ticket_without_a_lifetime_is_not_kept() {
    for lifetime in [0, 1] {
        let (mut server, client) = (resuming_server("server-p256"), resuming_client(Version::Tls13));
        server.allow_resume = false;
        let server = Arc::new(Context::server(server).unwrap());
        let pair = connect(&server, &client, None);
        // No nonce, a ticket of one byte, no extensions.
        let ticket = [4, 0, 0, 14, 0, 0, 0, lifetime, 1, 2, 3, 4, 0, 0, 1, 9, 0, 0];
        let record = pair.server.write.lock().unwrap().seal_message(&ticket);
        let outcome = pair.client.decrypt(&record, &mut [0; 100]).outcome;
        assert_eq!((outcome, pair.client.stats().tickets_received), (Ok(Outcome::Complete), lifetime.into()));
        let hello = ClientHello::read(first_record(&server, &client)[5..].to_vec()).unwrap();
        assert_eq!(hello.offers_pre_shared_key(), lifetime == 1);
    }
}

/// Each resumed session brings new tickets, but nobody proves in it that he still has his key.
#[test]
fn a_client_resumes_for_seven_days_at_most() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut server = resuming_server("server-p256");
        server.set_ticket_roots(&[]).unwrap();
        server.set_ticket_lifetime(NonZeroU32::new(604_800)).unwrap();
        let server = Arc::new(Context::server(server).unwrap());
        let client = resuming_client(protocols);
        assert!(!resumed(&connect(&server, &client, None)));
        for _ in 0..7 {
            assert!(resumed(&connect(&server, &client, None)));
            client.age_tickets(86_000);
        }
        client.age_tickets(3600);
        assert!(!resumed(&connect(&server, &client, None)));
        assert!(resumed(&connect(&server, &client, None)));
    }
}

/// Not only at the next handshake with the same server.
#[test]
fn a_clients_ticket_is_gone_from_memory_at_the_next_use_of_its_context_after_its_lifetime() {
    const LIFETIME: u32 = 86_400;
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut server = resuming_server("server-p256");
        server.set_ticket_roots(&[]).unwrap();
        server.set_ticket_lifetime(NonZeroU32::new(LIFETIME)).unwrap();
        let server = Arc::new(Context::server(server).unwrap());
        let uses: [fn(&Arc<Context>, &Session); 3] = [
            |context, _| drop(Session::new(context.clone())),
            |context, _| context.forget_expired(),
            |_, session| drop(step(session, &mut Vec::new(), &mut Vec::new())),
        ];
        for make_use in uses {
            let client = resuming_client(protocols);
            assert!(!resumed(&connect(&server, &client, None)));
            let session = Session::new(client.clone());
            let (servers, tickets) = client.tickets_in_memory();
            assert!(servers == 1 && tickets > 0);
            client.age_tickets(u64::from(LIFETIME) - 3600);
            make_use(&client, &session);
            assert_eq!(client.tickets_in_memory(), (1, tickets));
            client.age_tickets(7200);
            assert_eq!(client.tickets_in_memory(), (1, tickets));
            make_use(&client, &session);
            assert_eq!(client.tickets_in_memory(), (0, 0));
        }
    }
}

#[test]
fn what_was_shown_is_known_however_often_a_session_is_resumed() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut options = resuming_server("server-p256");
        options.client_certificates = ClientCertificateMode::Require;
        let server = Arc::new(Context::server(options).unwrap());
        let (client, own) = (resuming_client(protocols), credentials("client-p256"));
        for times in 0..4 {
            let pair = connect(&server, &client, Some(own.clone()));
            assert_eq!(resumed(&pair), times > 0);
            assert_eq!(pair.client.local_certificate(), pair.server.remote_certificates()[0].to_vec());
        }
    }
}

#[test]
fn a_session_can_be_retried_and_resumed() {
    let context = |group| {
        let mut options = resuming_server("server-p256");
        options.set_groups(&[group]).unwrap();
        Arc::new(Context::server(options).unwrap())
    };
    let client = resuming_client(Version::Tls13);
    // The client sends a share of the group that it met last.
    for (group, resumes, retries) in [(0x17, false, true), (0x17, true, false), (0x18, true, true)] {
        let pair = connect(&context(group), &client, None);
        assert_eq!(resumed(&pair), resumes);
        for session in [&pair.client, &pair.server] {
            assert_eq!(session.state().hello_retried, retries, "{group:#x}");
        }
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

/// The ClientHello in fragments of this size, with these bytes behind it in its last record.
fn fragmented(hello: &[u8], size: usize, behind: &[u8]) -> Vec<Vec<u8>> {
    let mut fragments: Vec<Vec<u8>> = hello.chunks(size).map(<[u8]>::to_vec).collect();
    fragments.last_mut().unwrap().extend_from_slice(behind);
    let record = |fragment: Vec<u8>| [&[22, 3, 1][..], &(fragment.len() as u16).to_be_bytes(), &fragment].concat();
    fragments.into_iter().map(record).collect()
}

/// Shown again, what completed the ClientHello is the same or nothing; what never can be taken is not asked about.
#[test]
fn nothing_follows_the_clienthello() {
    let chosen = Arc::new(Context::server(server_options("server-p256")).unwrap());
    for size in [1, 3, 4, 100, 16_000] {
        let mut pair = pair(server_options("server-p256"), client_options());
        pair.step_client().unwrap();
        let hello = pair.to_server.split_off(5);
        for context in [Context::undecided().unwrap(), Context::server(server_options("server-p256")).unwrap()] {
            let server = Session::new(Arc::new(context));
            let mut input = fragmented(&hello, size, &[0; 4]).concat();
            let failure = step(&server, &mut input, &mut Vec::new()).unwrap_err();
            assert_eq!(failure.alert_sent, Some(Alert::UNEXPECTED_MESSAGE));
        }
        pair.server = Session::new(Arc::new(Context::undecided().unwrap()));
        pair.to_server = fragmented(&hello, size, &[]).concat();
        assert_eq!(pair.step_server(), Ok(Outcome::Suspended(Question::ServerContext)));
        pair.server.set_server_context(chosen.clone()).unwrap();
        let mut longer = fragmented(&hello, size, &[0; 4]).pop().unwrap();
        let failure = step(&pair.server, &mut longer, &mut Vec::new()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidArgument);
        pair.shake(accept);
    }
}

#[test]
fn a_certificate_that_was_given_up_has_no_hash_to_deny() {
    let mut pair = pair(server_options("server-p256"), client_options());
    pair.shake(accept);
    assert!(pair.client.channel_binding(Binding::EndPoint).is_ok());
    for session in [&pair.client, &pair.server] {
        assert_eq!(session.shrink(Shrink::Tickets), Ok(Outcome::Complete));
    }
    assert_eq!(pair.client.channel_binding(Binding::EndPoint).unwrap_err().kind, FailureKind::InvalidState);
    assert!(pair.server.channel_binding(Binding::EndPoint).is_ok());
}

/// Who was refused is not resumed either, although the host would not be asked then.
#[test]
fn a_refusal_in_a_full_handshake_forgets_the_tickets() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let server = Arc::new(Context::server(resuming_server("server-p256")).unwrap());
        let mut options = Options::default();
        options.set_versions(&[protocols]);
        options.validate_on_resume = false;
        let client = Arc::new(Context::client(options).unwrap());
        assert!(!resumed(&connect(&server, &client, None)));
        assert!(resumed(&connect(&server, &client, None)));
        let other = Arc::new(Context::server(server_options("server-p384")).unwrap());
        let mut refused = Pair::of(&other, &client);
        refused.client.set_client_credentials(None).unwrap();
        while refused.step_client() != Ok(Outcome::Suspended(Question::Certificate)) {
            refused.step_server().unwrap();
        }
        let refusal = refused.client.set_certificate_validation_result(PolicyErrors::CHAIN_ERRORS).unwrap_err();
        assert_eq!(refusal.kind, FailureKind::Authentication);
        assert_eq!(refused.step_client().unwrap_err().kind, FailureKind::Authentication);
        assert!(!resumed(&connect(&server, &client, None)));
    }
}

/// A ClientHello that has no room for what a server gave would be broken, at every attempt.
#[test]
fn a_ticket_that_is_too_long_is_not_kept() {
    for protocols in [Version::Tls12, Version::Tls13] {
        for (len, kept) in [(30_000, true), (33_000, false), (65_400, false)] {
            let server = Context::server(resuming_server("server-p256")).unwrap().with_tickets_of(len);
            let (server, client) = (Arc::new(server), resuming_client(protocols));
            connect(&server, &client, None);
            assert_eq!(first_record(&server, &client).len() > len, kept, "{protocols:?} {len}");
            assert!(!resumed(&connect(&server, &client, None)));
        }
    }
}

#[test]
fn a_host_that_looks_before_it_accepts_pays_for_one_judgement() {
    use crate::trust::CHECKS;
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut pair = mutual(protocols, ClientCertificateMode::Require);
        let judgements = std::cell::Cell::new(0);
        let look_and_accept = |session: &Session| {
            let before = CHECKS.get();
            assert_eq!(
                session.default_validation().map(|report| report.reasons.policy_errors()),
                Ok(PolicyErrors::NONE)
            );
            // The leaf's signature and the intermediate's.
            assert_eq!(CHECKS.get() - before, 2);
            assert_eq!(
                session.default_validation().map(|report| report.reasons.policy_errors()),
                Ok(PolicyErrors::NONE)
            );
            assert_eq!(session.accept_with_default_validation(), Ok(PolicyErrors::NONE));
            assert_eq!(CHECKS.get() - before, 2);
            judgements.set(judgements.get() + 1);
        };
        pair.shake(look_and_accept);
        assert_eq!(judgements.get(), 2);
    }
}

#[test]
fn a_dot_at_the_end_of_a_target_name_is_neither_sent_nor_compared() {
    for name in ["localhost", "localhost."] {
        let mut pair = pair(server_options("server-p256"), client_options());
        pair.client.set_target_host_name(name).unwrap();
        let mut judged = None;
        for _ in 0..10 {
            if let Ok(Outcome::Suspended(_)) = pair.step_client() {
                judged = Some(pair.client.accept_with_default_validation().unwrap().name_mismatch);
            }
            drop(pair.step_server());
        }
        assert_eq!(judged, Some(false), "{name}");
        assert_eq!(pair.server.target_host_name(), "localhost");
        assert_eq!(pair.client.target_host_name(), name);
    }
}

#[test]
fn a_target_name_has_253_bytes_besides_a_dot_at_its_end() {
    let longest = vec!["a".repeat(63); 4].join(".")[..253].to_owned();
    let pair = pair(server_options("server-p256"), client_options());
    for good in [longest.clone(), format!("{longest}."), "a.".into(), "127.0.0.1".into(), "::1".into()] {
        assert_eq!(pair.client.set_target_host_name(&good), Ok(Outcome::Complete), "{good}");
    }
    let long = format!("{longest}a");
    for bad in [&long, &format!("{long}."), "", ".", "a..", "..", ".a", "127.0.0.1.", "::1."] {
        assert!(pair.client.set_target_host_name(bad).is_err(), "{bad}");
    }
}

mod finished;
mod refused;
mod room;

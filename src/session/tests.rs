//! Two sessions in memory: every suite and key type, suspensions, and the stack they need.

use std::sync::Arc;

use super::*;
use crate::context::{ClientCertificateMode, Context, Credentials, Options};
use crate::outcome::{Alert, Question};

fn certificates(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn credentials(name: &str) -> Arc<Credentials> {
    let (chain, key) = (certificates(&format!("{name}.pem")), certificates(&format!("{name}.key")));
    Arc::new(Credentials::from_pem(&chain, &key).unwrap())
}

struct Pair {
    client: Session,
    server: Session,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
}

fn pair(server: Options, client: Options) -> Pair {
    let server = Session::new(Arc::new(Context::server(server).unwrap()));
    let client = Session::new(Arc::new(Context::client(client).unwrap()));
    client.set_target_host_name("localhost").unwrap();
    Pair { client, server, to_client: Vec::new(), to_server: Vec::new() }
}

fn server_options(name: &str) -> Options {
    let mut options = Options::default();
    options.set_credentials(Some(credentials(name)));
    options
}

fn client_options() -> Options {
    let mut options = Options::default();
    options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
    options
}

fn step(session: &Session, input: &mut Vec<u8>, output: &mut Vec<u8>) -> Result<Outcome, Failure> {
    let mut room = vec![0; 65536];
    let mut counts = Counts::default();
    let result = session.process_handshake(input, &mut room, &mut counts);
    input.drain(..counts.consumed);
    output.extend_from_slice(&room[..counts.written]);
    result
}

impl Pair {
    fn step_client(&mut self) -> Result<Outcome, Failure> {
        step(&self.client, &mut self.to_client, &mut self.to_server)
    }

    fn step_server(&mut self) -> Result<Outcome, Failure> {
        step(&self.server, &mut self.to_server, &mut self.to_client)
    }

    /// Runs until both are complete; `answer` gives the verdicts.
    fn shake(&mut self, answer: impl Fn(&Session)) {
        for _ in 0..20 {
            let client = self.step_client().unwrap();
            if client == Outcome::Suspended(Question::Certificate) {
                answer(&self.client);
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

    fn exchange(&self, from: &Session, to: &Session, message: &[u8]) {
        let mut sealed = vec![0; message.len() + 4096];
        let mut counts = Counts::default();
        assert_eq!(from.encrypt(&[message], &mut sealed, &mut counts), Ok(Outcome::Complete));
        assert_eq!(counts.consumed, message.len());
        let mut opened = vec![0; message.len() + 64];
        let mut done = Counts::default();
        assert_eq!(to.decrypt(&sealed[..counts.written], &mut opened, &mut done), Ok(Outcome::Complete));
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
    assert_eq!(session.accept_with_default_validation(), Ok(0));
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
            options.set_client_certificate_mode(2).unwrap();
            options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
            let mut client = client_options();
            client.set_cipher_suites(&[suite]).unwrap();
            client.set_credentials(Some(credentials("client-rsa2048")));
            let mut pair = pair(options, client);
            pair.shake(accept);
            assert_eq!(pair.client.negotiated().cipher_suite, suite);
            assert_eq!(pair.client.negotiated(), pair.server.negotiated());
            assert_eq!(pair.server.target_host_name(), "localhost");
            let message: Vec<u8> = (0..40_000u32).map(|i| i as u8).collect();
            pair.exchange(&pair.client, &pair.server, &message);
            pair.exchange(&pair.server, &pair.client, &message);
        }
    }
    // The deepest chain.
    let mut client = Options::default();
    client.add_trust_anchors_pem(&certificates("deep-ca.pem")).unwrap();
    for protocols in [0xC00, 0x3000] {
        client.set_protocols(protocols).unwrap();
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
    for protocols in [0xC00, 0x3000] {
        let mut server = server_options("server-p256");
        server.set_client_certificate_mode(2).unwrap();
        server.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
        let mut client = client_options();
        client.set_protocols(protocols).unwrap();
        client.set_credentials(Some(credentials("client-p256")));
        let mut pair = pair(server, client);
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
                if session.state() & state::SUSPENDED != 0 {
                    accept(session);
                    verdicts += 1;
                    assert_eq!(session.accept_with_default_validation().unwrap_err().kind, FailureKind::InvalidState);
                    assert!(session.set_certificate_validation_result(0).is_err());
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
    for protocols in [0xC00, 0x3000] {
        for refuser_is_server in [false, true] {
            for alert in [42, 43, 44, 45, 46, 48, 49, 113, 116, 200] {
                let mut server = server_options("server-p256");
                server.set_client_certificate_mode(1).unwrap();
                server.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
                let mut client = client_options();
                client.set_protocols(protocols).unwrap();
                client.set_credentials(Some(credentials("client-p256")));
                let mut pair = pair(server, client);
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
                let complete = pair.client.state() & state::HANDSHAKE_COMPLETE;
                // A TLS 1.3 client is complete once its own flight is out; it learns of the refusal from its first read.
                if refuser_is_server && protocols == 0x3000 {
                    assert_eq!(complete, state::HANDSHAKE_COMPLETE);
                    let failure =
                        pair.client.decrypt(&pair.to_client, &mut [0; 100], &mut Counts::default()).unwrap_err();
                    assert_eq!(failure.alert_received, Some(Alert(alert)));
                } else {
                    assert_eq!(told.expect("the peer is told").alert_received, Some(Alert(alert)));
                    assert_eq!(complete, 0);
                }
            }
        }
    }
}

#[test]
fn a_client_without_a_certificate_is_held_back_or_refused() {
    for protocols in [0xC00, 0x3000] {
        for mode in [ClientCertificateMode::Request, ClientCertificateMode::Require] {
            for accepted in [true, false] {
                let mut server = server_options("server-p256");
                server.client_certificates = mode;
                let mut client = client_options();
                client.set_protocols(protocols).unwrap();
                let mut pair = pair(server, client);
                let mut end = None;
                for _ in 0..10 {
                    if let Ok(Outcome::Suspended(_)) = pair.step_client() {
                        accept(&pair.client);
                    }
                    match pair.step_server() {
                        Ok(Outcome::Suspended(_)) => {
                            assert_eq!(mode, ClientCertificateMode::Request);
                            assert_eq!(pair.server.pending_policy_errors(), policy::NOT_AVAILABLE);
                            assert_eq!(pair.server.remote_certificates().len(), 0);
                            match accepted {
                                true => assert_eq!(pair.server.accept_with_default_validation(), Ok(0)),
                                false => {
                                    pair.server.set_certificate_validation_result(1).unwrap();
                                }
                            }
                        }
                        Err(failure) => end = Some(failure),
                        Ok(_) => {}
                    }
                }
                let expected = match protocols {
                    0xC00 => Alert::HANDSHAKE_FAILURE,
                    _ => Alert::CERTIFICATE_REQUIRED,
                };
                if mode == ClientCertificateMode::Request && accepted {
                    assert_eq!(end, None);
                    pair.exchange(&pair.client, &pair.server, b"hello");
                    pair.exchange(&pair.server, &pair.client, b"hello");
                } else {
                    let end = end.expect("refused");
                    assert_eq!((end.kind, end.alert_sent), (FailureKind::Authentication, Some(expected)));
                    let told = match pair.client.state() & state::HANDSHAKE_COMPLETE {
                        0 => pair.client.last_failure().unwrap(),
                        _ => pair.client.decrypt(&pair.to_client, &mut [0; 100], &mut Counts::default()).unwrap_err(),
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
fn tls12_ends_cleanly_at_the_limit_of_its_key() {
    let mut client = client_options();
    client.set_protocols(0xC00).unwrap();
    let mut pair = pair(server_options("server-p256"), client);
    pair.shake(accept);
    pair.client.write.lock().unwrap().set_records_left(4);
    let (mut sealed, mut counts) = (vec![0; 1 << 20], Counts::default());
    let end = pair.client.encrypt(&[&[7; 100_000]], &mut sealed, &mut counts).unwrap_err();
    assert_eq!(end.kind, FailureKind::InvalidState);
    // What was sealed counts, and the end can be said.
    assert_eq!(counts.consumed, 2 * 16384);
    let mut written = 0;
    assert_eq!(pair.client.shutdown(&mut sealed[counts.written..], &mut written), Ok(Outcome::Closed));
    let (mut opened, mut done) = (vec![0; 1 << 20], Counts::default());
    let sealed = &sealed[..counts.written + written];
    assert_eq!(pair.server.decrypt(sealed, &mut opened, &mut done), Ok(Outcome::Complete));
    assert_eq!(done.written, 2 * 16384);
    let rest = &sealed[done.consumed..];
    assert_eq!(pair.server.decrypt(rest, &mut opened, &mut Counts::default()), Ok(Outcome::Closed));
    // RFC 5246 section 7.2.1: the answer is owed at once.
    assert_ne!(pair.server.state() & state::HAS_PENDING_OUTPUT, 0);
}

#[test]
fn cancelling_a_handshake_tells_the_peer() {
    for suspended in [false, true] {
        for protocols in [0xC00, 0x3000] {
            let mut client = client_options();
            client.set_protocols(protocols).unwrap();
            let mut pair = pair(server_options("server-p256"), client);
            pair.step_client().unwrap();
            pair.step_server().unwrap();
            if suspended {
                while !matches!(pair.step_client(), Ok(Outcome::Suspended(_))) {
                    pair.step_server().unwrap();
                }
            }
            let (mut output, mut written) = ([0; 200], 0);
            assert_eq!(pair.client.shutdown(&mut output, &mut written), Ok(Outcome::Closed));
            assert_ne!(written, 0);
            assert_eq!(pair.client.shutdown(&mut output[written..], &mut 0), Ok(Outcome::Closed));
            pair.to_server.extend_from_slice(&output[..written]);
            let failure = pair.step_server().unwrap_err();
            assert_eq!(failure.alert_received, Some(Alert::CLOSE_NOTIFY), "{failure:?}");
            assert_eq!(pair.step_client(), Ok(Outcome::Closed));
        }
    }
}

#[test]
fn destroying_a_suspended_session_is_ordinary() {
    for protocols in [0xC00, 0x3000] {
        let mut client = client_options();
        client.set_protocols(protocols).unwrap();
        let mut pair = pair(server_options("server-p256"), client);
        while !matches!(pair.step_client(), Ok(Outcome::Suspended(_))) {
            pair.step_server().unwrap();
        }
        let Pair { client, .. } = pair;
        std::thread::spawn(move || drop(client)).join().unwrap();
    }
}

#[test]
fn a_panic_in_the_middle_of_a_handshake_step_leaves_a_session_that_can_be_destroyed() {
    for answered in [true, false] {
        let mut pair = pair(server_options("server-p256"), client_options());
        while !matches!(pair.step_client(), Ok(Outcome::Suspended(_))) {
            pair.step_server().unwrap();
        }
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

#[test]
fn the_sizes_of_a_session_are_known() {
    println!("session {} write {} read {}", size_of::<Session>(), size_of::<WriteHalf>(), size_of::<ReadHalf>());
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Session>();
}

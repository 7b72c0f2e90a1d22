//! Two sessions in memory: every suite and key type, suspensions, and the stack they need.

use std::sync::Arc;

use super::*;
use crate::context::{ClientCertificateMode, Context, Credentials, Options};
use crate::outcome::{Alert, Question, Result, faults};
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

pub(super) fn server_options(name: &str) -> Options {
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

fn step(session: &Session, input: &mut Vec<u8>, output: &mut Vec<u8>) -> Result<Outcome> {
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

    fn step_client(&mut self) -> Result<Outcome> {
        step(&self.client, &mut self.to_client, &mut self.to_server)
    }

    fn step_server(&mut self) -> Result<Outcome> {
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
fn every_suite_and_key_type_works_and_uses_a_third_of_a_stack_at_most() {
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
    assert!(deepest > 0 && deepest <= usable / 3, "{deepest} of {usable}");
}

#[test]
fn a_panic_in_the_middle_of_a_handshake_step_leaves_a_session_that_can_be_destroyed() {
    for answered in [true, false] {
        let mut pair = pair(server_options("server-p256"), client_options());
        pair.until_the_client_asks();
        faults::panic_at(faults::Place::Suspension);
        if answered {
            accept(&pair.client);
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pair.step_client()));
            assert!(panic.is_err());
            assert_eq!(pair.step_client().unwrap_err().kind, FailureKind::Internal);
        }
        // Without an answer it is the destruction that runs into the panic.
        drop(pair);
        assert!(!faults::forget(), "no panic");
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

mod differential;
mod halves;
mod questions;
mod resumption;
mod room;
mod secrecy;

//! Two sessions in memory, for the tests and the benchmarks of the Rust side.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use spantls::session::Version;
use std::sync::Arc;

use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Progress, Session};

pub const TLS12: Version = Version::Tls12;
pub const TLS13: Version = Version::Tls13;

pub fn certificate(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A server with a key of this name.
pub fn server(name: &str) -> Arc<Context> {
    let (chain, key) = (certificate(&format!("{name}.pem")), certificate(&format!("{name}.key")));
    let mut options = Options::default();
    options.set_credentials(Some(Arc::new(Credentials::from_pem(&chain, &key, None).unwrap())));
    options.allow_resume = false;
    Arc::new(Context::server(options).unwrap())
}

/// A client of this version (none: all) and suites (none: all).
pub fn client(protocol: impl Into<Option<Version>>, suites: &[u16]) -> Arc<Context> {
    let mut options = Options::default();
    options.set_versions(protocol.into().as_slice());
    options.allow_resume = false;
    options.set_cipher_suites(suites).unwrap();
    Arc::new(Context::client(options).unwrap())
}

/// A client of these suites and groups.
pub fn client_with_groups(suites: &[u16], groups: &[u16]) -> Arc<Context> {
    let mut options = Options::default();
    options.set_cipher_suites(suites).unwrap();
    options.set_groups(groups).unwrap();
    Arc::new(Context::client(options).unwrap())
}

/// A client and a server that have shaken hands; nobody is judged.
pub fn open_pair(client: Arc<Context>, server: Arc<Context>) -> (Session, Session) {
    let (client, server) = (Session::new(client), Session::new(server));
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let first = step(&client, &mut to_client, usize::MAX, &mut to_server, 32768).0;
        let second = step(&server, &mut to_server, usize::MAX, &mut to_client, 32768).0;
        if first == Outcome::Complete && second == Outcome::Complete {
            return (client, server);
        }
    }
    panic!("no end of the handshake");
}

/// Shows at most `shown` bytes of `input` and gives `room` bytes for output; accepts any certificate.
pub fn step(
    session: &Session,
    input: &mut Vec<u8>,
    shown: usize,
    output: &mut Vec<u8>,
    room: usize,
) -> (Outcome, Counts) {
    let mut room = vec![0; room];
    let mut counts = Counts::default();
    let shown = shown.min(input.len());
    let outcome = session.process_handshake(&input[..shown], &mut room).add_to(&mut counts).unwrap();
    input.drain(..counts.consumed);
    output.extend_from_slice(&room[..counts.written]);
    if outcome == Outcome::Suspended(Question::Certificate) {
        session.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
    }
    (outcome, counts)
}

/// Everything pending, handed over in rooms of this size.
pub fn drain(session: &Session, room: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    loop {
        let mut output = vec![0; room];
        let Progress { outcome, written, .. } = session.drain_pending_output(&mut output);
        let outcome = outcome.unwrap();
        sent.extend_from_slice(&output[..written]);
        match outcome {
            Outcome::Complete => return sent,
            outcome => assert_eq!((outcome, written), (Outcome::WantWrite, room)),
        }
    }
}

/// The bytes of the first record.
pub fn record_len(bytes: &[u8]) -> usize {
    5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]))
}

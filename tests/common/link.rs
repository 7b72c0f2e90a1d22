//! A client and a server in memory that shake hands and talk, for tests that look at what each of them is asked and what
//! it tells afterwards.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use spantls::session::Version;
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Alert, Failure, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Progress, Session};

pub const TLS12: Version = Version::Tls12;
pub const TLS13: Version = Version::Tls13;
pub const VERSIONS: [Version; 2] = [TLS12, TLS13];
pub const X25519: u16 = 0x001D;

pub const CLIENT: usize = 0;
pub const SERVER: usize = 1;

pub fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

pub fn credentials(name: &str) -> Arc<Credentials> {
    Arc::new(Credentials::from_pem(&file(&format!("{name}.pem")), &file(&format!("{name}.key")), None).unwrap())
}

/// The certificates of a PEM file as DER.
pub fn chain(name: &str) -> Vec<Vec<u8>> {
    let text = file(&format!("{name}.pem"));
    rustls_pemfile::certs(&mut &text[..]).map(|certificate| certificate.unwrap().to_vec()).collect()
}

/// The private key of a P-256 certificate, to sign with.
pub fn signer(name: &str) -> EcdsaKeyPair {
    let text = file(&format!("{name}.key"));
    let key = rustls_pemfile::private_key(&mut &text[..]).unwrap().unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.secret_der(), &SystemRandom::new()).unwrap()
}

/// Credentials whose key is not with them: `signer` has it.
pub fn external(name: &str) -> Arc<Credentials> {
    Arc::new(Credentials::external(&file(&format!("{name}.pem")), &[0x0403]).unwrap())
}

/// A server's options: the usual certificate and anchors.
pub fn server_options() -> Options {
    let mut options = Options::default();
    options.set_credentials(Some(credentials("server-p256")));
    options.add_trust_anchors_pem(&file("ca.pem")).unwrap();
    options
}

/// A client's.
pub fn client_options(protocol: impl Into<Option<Version>>) -> Options {
    let mut options = Options::default();
    options.add_trust_anchors_pem(&file("ca.pem")).unwrap();
    options.set_versions(protocol.into().as_slice());
    options
}

pub fn server(change: impl FnOnce(&mut Options)) -> Arc<Context> {
    let mut options = server_options();
    change(&mut options);
    Arc::new(Context::server(options).unwrap())
}

pub fn client(protocol: impl Into<Option<Version>>, change: impl FnOnce(&mut Options)) -> Arc<Context> {
    let mut options = client_options(protocol);
    change(&mut options);
    Arc::new(Context::client(options).unwrap())
}

/// What a side makes of the question about its peer's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    Accept,
    Default,
    Refuse(Alert),
    /// Nothing: the run stops there.
    Stop,
}

/// One end of a link.
pub struct Side {
    pub session: Session,
    /// What has been sent to it and not consumed.
    pub inbox: Vec<u8>,
    pub judge: Judge,
    /// A client's answer when it is asked for credentials.
    pub demand: Option<Arc<Credentials>>,
    /// A server's when it is asked for a context.
    pub context: Option<Arc<Context>>,
    /// What signs for it.
    pub signer: Option<EcdsaKeyPair>,
    /// The question that it leaves open: the run stops there.
    pub stop_at: Option<Question>,
    /// What it was asked, in order.
    pub asked: Vec<Question>,
    /// The staple that was there at the question about the certificate.
    pub staple_asked: Vec<u8>,
    /// Of the last call of `process_handshake`.
    pub result: Result<Outcome, Failure>,
    /// Everything that it has sent.
    pub stream: Vec<u8>,
    /// Plaintext that it has received.
    pub received: Vec<u8>,
}

impl Side {
    fn new(context: &Arc<Context>) -> Self {
        Self {
            session: Session::new(context.clone()),
            inbox: Vec::new(),
            judge: Judge::Accept,
            demand: None,
            context: None,
            signer: None,
            stop_at: None,
            asked: Vec::new(),
            staple_asked: Vec::new(),
            result: Ok(Outcome::WantRead),
            stream: Vec::new(),
            received: Vec::new(),
        }
    }

    pub fn is_complete(&self) -> bool {
        self.session.state().handshake_complete
    }

    pub fn resumed(&self) -> bool {
        self.session.state().resumed
    }

    pub fn remote(&self) -> Vec<Vec<u8>> {
        self.session.remote_certificates().iter().map(|der| der.to_vec()).collect()
    }

    /// The alert that it has sent in the end.
    pub fn alert_sent(&self) -> Option<Alert> {
        self.session.last_failure().and_then(|failure| failure.alert_sent)
    }

    pub fn alert_received(&self) -> Option<Alert> {
        self.session.last_failure().and_then(|failure| failure.alert_received)
    }

    fn answer(&mut self, question: Question) -> bool {
        let session = &self.session;
        match question {
            Question::Credentials => {
                assert_eq!(session.set_client_credentials(self.demand.clone()), Ok(Outcome::Complete));
            }
            Question::ServerContext => {
                let context = self.context.clone().expect("a context to choose");
                assert_eq!(session.set_server_context(context), Ok(Outcome::Complete));
            }
            Question::Certificate => {
                self.staple_asked = session.ocsp_response();
                match self.judge {
                    Judge::Accept => {
                        assert_eq!(
                            session.set_certificate_validation_result(PolicyErrors::NONE),
                            Ok(Outcome::Complete)
                        );
                    }
                    Judge::Default => assert!(session.accept_with_default_validation().is_ok()),
                    Judge::Refuse(alert) => assert_eq!(session.reject(alert), Ok(Outcome::Complete)),
                    Judge::Stop => return false,
                }
            }
            Question::Signature => {
                let (_, message) = session.signature_request_parts().unwrap();
                let key = self.signer.as_ref().expect("something that signs");
                let signature = key.sign(&SystemRandom::new(), &message).unwrap();
                assert_eq!(session.set_signature(signature.as_ref()), Ok(Outcome::Complete));
            }
        }
        true
    }

    /// One call of `process_handshake` with room for everything, and the answer to what it asks. True if it moved.
    fn step(&mut self, outbox: &mut Vec<u8>) -> bool {
        let mut room = vec![0; 1 << 16];
        let mut counts = Counts::default();
        self.result = self.session.process_handshake(&self.inbox, &mut room).add_to(&mut counts);
        self.inbox.drain(..counts.consumed);
        outbox.extend_from_slice(&room[..counts.written]);
        self.stream.extend_from_slice(&room[..counts.written]);
        let mut moved = counts != Counts::default();
        if let Ok(Outcome::Suspended(question)) = self.result {
            let first = self.asked.last() != Some(&question);
            if first {
                self.asked.push(question);
            }
            moved = (self.stop_at != Some(question) && self.answer(question)) || moved;
        }
        moved
    }

    /// Opens what there is; `WantRead`, `Closed` or the failure that ended it.
    pub fn receive(&mut self) -> Result<Outcome, Failure> {
        let mut room = vec![0; 1 << 17];
        loop {
            let mut counts = Counts::default();
            let result = self.session.decrypt(&self.inbox, &mut room).add_to(&mut counts);
            self.inbox.drain(..counts.consumed);
            self.received.extend_from_slice(&room[..counts.written]);
            match result {
                Ok(Outcome::Complete) => {}
                ended => return ended,
            }
        }
    }

    /// Seals data; what the peer is owed goes before it.
    pub fn seal(&mut self, data: &[u8]) -> Vec<u8> {
        let mut room = vec![0; 300 * data.len().max(1) + 4096];
        let mut counts = Counts::default();
        assert_eq!(self.session.encrypt(&[data], &mut room).add_to(&mut counts), Ok(Outcome::Complete));
        assert_eq!(counts.consumed, data.len());
        room.truncate(counts.written);
        self.stream.extend_from_slice(&room);
        room
    }

    pub fn drain(&mut self) -> Vec<u8> {
        let mut room = vec![0; 1 << 16];
        let Progress { outcome, written, .. } = self.session.drain_pending_output(&mut room);
        assert_eq!(outcome, Ok(Outcome::Complete));
        room.truncate(written);
        self.stream.extend_from_slice(&room);
        room
    }
}

pub struct Link {
    pub sides: [Side; 2],
}

impl Link {
    pub fn new(client: &Arc<Context>, server: &Arc<Context>, name: Option<&str>) -> Self {
        let sides = [Side::new(client), Side::new(server)];
        if let Some(name) = name {
            assert_eq!(sides[CLIENT].session.set_target_host_name(name), Ok(Outcome::Complete));
        }
        Self { sides }
    }

    /// The usual link, which must complete; tickets are taken.
    pub fn open(client: &Arc<Context>, server: &Arc<Context>) -> Self {
        let mut link = Self::new(client, server, Some("localhost"));
        link.run();
        link.completed();
        link
    }

    pub fn client(&mut self) -> &mut Side {
        &mut self.sides[CLIENT]
    }

    pub fn server(&mut self) -> &mut Side {
        &mut self.sides[SERVER]
    }

    /// One call on one side. True if it moved.
    pub fn step(&mut self, me: usize) -> bool {
        let mut outbox = Vec::new();
        let moved = self.sides[me].step(&mut outbox);
        self.sides[1 - me].inbox.extend_from_slice(&outbox);
        moved
    }

    /// Until neither side moves.
    pub fn run(&mut self) {
        for _ in 0..100 {
            if !(self.step(CLIENT) | self.step(SERVER)) {
                return;
            }
        }
        panic!("no end of the handshake");
    }

    /// Both sides are complete; what came behind the handshake is taken.
    pub fn completed(&mut self) {
        for me in [CLIENT, SERVER] {
            assert_eq!(self.sides[me].result, Ok(Outcome::Complete), "side {me}: {:?}", self.sides[1 - me].result);
            assert_eq!(self.sides[me].receive(), Ok(Outcome::WantRead), "side {me}");
        }
    }

    /// Sends data from one side to the other.
    pub fn send(&mut self, me: usize, data: &[u8]) {
        let sealed = self.sides[me].seal(data);
        let peer = &mut self.sides[1 - me];
        peer.inbox.extend_from_slice(&sealed);
        peer.received.clear();
        assert_eq!(peer.receive(), Ok(Outcome::WantRead));
        assert!(peer.received == data, "plaintext differs");
    }

    pub fn talk(&mut self) {
        self.send(CLIENT, b"ping");
        self.send(SERVER, b"pong");
    }

    /// Hands over what a side owes.
    pub fn drain(&mut self, me: usize) -> usize {
        let owed = self.sides[me].drain();
        self.sides[1 - me].inbox.extend_from_slice(&owed);
        owed.len()
    }

    pub fn bytes(&self) -> usize {
        self.sides.iter().map(|side| side.stream.len()).sum()
    }
}

/// The records of a stream: type, and length behind the header.
pub fn records(stream: &[u8]) -> Vec<(u8, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < stream.len() {
        let len = usize::from(u16::from_be_bytes([stream[at + 3], stream[at + 4]]));
        found.push((stream[at], len));
        at += 5 + len;
    }
    assert_eq!(at, stream.len());
    found
}

//! A client and a server of rustls that have shaken hands, and for each a session of ours that has its secrets.

use std::io::{IoSlice, Read, Write};
use std::sync::{Arc, Mutex};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, Connection, Error, KeyLog, RootCertStore, ServerConfig, ServerConnection,
    SupportedCipherSuite,
};

use super::super::{certificates, client_options, server_options};
use super::keys::Keys;
use super::random::Random;
use crate::context::{Context, Options};
use crate::crypto::aead::Aead;
use crate::crypto::exporter::{Exporter, Tls12Secrets};
use crate::crypto::provider::base;
use crate::crypto::secrets::{KeyMaterial, Secret};
use crate::crypto::suites;
use crate::crypto::traffic::TrafficSecret;
use crate::handshake::{Bindings, Direction, Finished};
use crate::outcome::{Outcome, Result};
use crate::session::{Counts, Negotiated, Session, Version};

pub(super) const CLIENT: usize = 0;
pub(super) const SERVER: usize = 1;

/// One end of a connection, twice.
pub(super) struct End {
    pub(super) theirs: Connection,
    pub(super) ours: Session,
}

pub(super) struct Pair {
    pub(super) ends: [End; 2],
    /// What each end seals with, as the RFCs say.
    pub(super) keys: [Keys; 2],
    pub(super) suite: u16,
    pub(super) tls13: bool,
}

/// What both of an end have made of the same input.
pub(super) struct Opened {
    /// Of rustls, and of ours.
    pub(super) plaintext: [Vec<u8>; 2],
    pub(super) theirs: Result<bool, Error>,
    pub(super) ours: Result<bool>,
}

/// A line of a key log: label, the client's random, secret.
type Logged = (String, Vec<u8>, Vec<u8>);

#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<Logged>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), client_random.to_owned(), secret.to_owned()));
    }
}

impl Secrets {
    fn of(&self, label: &str) -> (Vec<u8>, Vec<u8>) {
        let secrets = self.0.lock().unwrap();
        let found = secrets.iter().find(|(found, ..)| found == label);
        found.map(|(_, random, secret)| (random.clone(), secret.clone())).unwrap()
    }
}

impl Pair {
    /// `suite` decides the version. Records carry `fragments` bytes at most, all that they can if there is no number.
    pub(super) fn new(suite: u16, random: &mut Random) -> Self {
        let provider = [rustls::crypto::ring::default_provider(), base::default_provider()];
        let mut provider = random.choice(&provider).clone();
        provider.cipher_suites.retain(|known| u16::from(known.suite()) == suite);
        let rustls_suite = provider.cipher_suites[0];
        let fragments = [0, 1].map(|_| random.chance(3).then(|| 64 + random.below(5000)));
        let (client_log, server_log) = (Arc::new(Secrets::default()), Arc::new(Secrets::default()));
        let client = client(provider.clone(), fragments[CLIENT], client_log.clone());
        let server = server(provider, fragments[SERVER], suite, server_log);
        let (theirs, server_random) = shake(client, server);
        let tls13 = matches!(rustls_suite, SupportedCipherSuite::Tls13(_));
        let keys = match rustls_suite {
            SupportedCipherSuite::Tls13(_) => ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"]
                .map(|label| Keys::of_traffic(algorithm(suite), &client_log.of(label).1)),
            SupportedCipherSuite::Tls12(_) => {
                let (client_random, master) = client_log.of("CLIENT_RANDOM");
                tls12_keys(suite, &master, &[&server_random[..], &client_random].concat())
            }
        };
        let ours = [CLIENT, SERVER].map(|me| session(suite, me, &keys, fragments[me]));
        let mut ends = theirs.into_iter().zip(ours).map(|(theirs, ours)| End { theirs, ours });
        Self { ends: [ends.next().unwrap(), ends.next().unwrap()], keys, suite, tls13 }
    }
}

fn client(mut provider: CryptoProvider, fragments: Option<usize>, log: Arc<Secrets>) -> Connection {
    let mut roots = RootCertStore::empty();
    rustls_pemfile::certs(&mut &certificates("ca.pem")[..]).for_each(|anchor| roots.add(anchor.unwrap()).unwrap());
    provider.kx_groups.truncate(1);
    let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    let mut config = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
    config.max_fragment_size = fragments.map(|size| size + 5);
    config.enable_secret_extraction = true;
    config.key_log = log;
    let name = ServerName::try_from("localhost").unwrap();
    ClientConnection::new(Arc::new(config), name).unwrap().into()
}

fn server(provider: CryptoProvider, fragments: Option<usize>, suite: u16, log: Arc<Secrets>) -> Connection {
    let name = if [0xC02F, 0xC030, 0xCCA8].contains(&suite) { "server-rsa2048" } else { "server-p256" };
    let chain = rustls_pemfile::certs(&mut &certificates(&format!("{name}.pem"))[..]).map(Result::unwrap).collect();
    let key = rustls_pemfile::private_key(&mut &certificates(&format!("{name}.key"))[..]).unwrap().unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    let mut config = builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.max_fragment_size = fragments.map(|size| size + 5);
    config.enable_secret_extraction = true;
    config.key_log = log;
    // A ticket would be one more record under the keys.
    config.send_tls13_tickets = 0;
    ServerConnection::new(Arc::new(config)).unwrap().into()
}

/// Both ends, and the server's random, which is in its first message.
fn shake(mut client: Connection, mut server: Connection) -> ([Connection; 2], Vec<u8>) {
    let mut from_server = Vec::new();
    client.set_buffer_limit(None);
    server.set_buffer_limit(None);
    while client.is_handshaking() || server.is_handshaking() {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        feed(&mut server, &flight, &mut Vec::new()).unwrap();
        let start = from_server.len();
        while server.wants_write() {
            server.write_tls(&mut from_server).unwrap();
        }
        feed(&mut client, &from_server[start..], &mut Vec::new()).unwrap();
    }
    ([client, server], from_server[11..43].to_vec())
}

/// Gives input to rustls and takes the plaintext; whether the peer has closed.
fn feed(connection: &mut Connection, mut input: &[u8], plaintext: &mut Vec<u8>) -> Result<bool, Error> {
    let mut closed = Ok(false);
    while !input.is_empty() && closed == Ok(false) {
        connection.read_tls(&mut input).unwrap();
        closed = connection.process_new_packets().map(|state| state.peer_has_closed());
        // An error here is an end without a close_notify, or that there is no more for now.
        drop(connection.reader().read_to_end(plaintext));
    }
    closed
}

fn algorithm(suite: u16) -> &'static ring::aead::Algorithm {
    match suite {
        0x1301 | 0xC02B | 0xC02F => &ring::aead::AES_128_GCM,
        0x1302 | 0xC02C | 0xC030 => &ring::aead::AES_256_GCM,
        _ => &ring::aead::CHACHA20_POLY1305,
    }
}

/// RFC 5246 section 6.3. RFC 5288 section 3 leaves the explicit part of a nonce to the sender; rustls takes eight more bytes of
/// the key block and counts from there.
fn tls12_keys(suite: u16, master: &[u8], randoms: &[u8]) -> [Keys; 2] {
    let algorithm = algorithm(suite);
    let (key_len, salt_len, more) =
        if algorithm == &ring::aead::CHACHA20_POLY1305 { (32, 12, 0) } else { (algorithm.key_len(), 4, 8) };
    let Some(SupportedCipherSuite::Tls12(rustls_suite)) = suites::suite(suite) else { panic!("a TLS 1.2 suite") };
    let mut block = vec![0; 2 * (key_len + salt_len) + more];
    rustls_suite.prf_provider.for_secret(&mut block, master, b"key expansion", randoms);
    let (keys, ivs) = block.split_at(2 * key_len);
    let (salts, explicit) = ivs.split_at(2 * salt_len);
    [CLIENT, SERVER].map(|me| {
        let iv = [&salts[me * salt_len..][..salt_len], explicit].concat();
        // The Finished was the first record.
        Keys::new(false, algorithm, &keys[me * key_len..][..key_len], &iv, 1)
    })
}

/// A session that has taken these keys over from a handshake.
fn session(suite: u16, me: usize, keys: &[Keys; 2], fragments: Option<usize>) -> Session {
    let with = |mut options: Options| {
        options.set_max_fragment_size(fragments).unwrap();
        options
    };
    let context = match me {
        CLIENT => Context::client(with(client_options())),
        _ => Context::server(with(server_options("server-p256"))),
    };
    let session = Session::new(Arc::new(context.unwrap()));
    let exporter = match suites::suite(suite).unwrap() {
        SupportedCipherSuite::Tls13(suite) => Exporter::Tls13 { suite, secret: Secret::new(&[0; 32]).unwrap() },
        SupportedCipherSuite::Tls12(suite) => Exporter::Tls12(Box::new(Tls12Secrets {
            prf: suite.prf_provider,
            master: Secret::new(&[0; 48]).unwrap(),
            randoms: [0; 64],
            first_finished: None,
        })),
    };
    let finished = Finished {
        version: if keys[me].tls13 { Version::Tls13 } else { Version::Tls12 },
        sending: direction(suite, &keys[me]),
        receiving: direction(suite, &keys[1 - me]),
        negotiated: Negotiated::default(),
        hello_retried: false,
        resumed: false,
        peer_certificates: Vec::new(),
        ticket_taker: None,
        local_credentials: None,
        bindings: Bindings { exporter, sound: true, end_point: None },
        transcript: None,
    };
    session.take_over(finished, &mut session.write.lock().unwrap(), &mut session.read.lock().unwrap()).unwrap();
    session.shared.state.delivered();
    session
}

fn direction(suite: u16, keys: &Keys) -> Direction {
    let traffic = match suites::suite(suite).unwrap() {
        SupportedCipherSuite::Tls13(suite) => {
            Some(TrafficSecret::new(suite, Secret::new(keys.traffic().unwrap()).unwrap()))
        }
        SupportedCipherSuite::Tls12(_) => None,
    };
    Direction { keys: material(keys), sequence: keys.sequence, traffic }
}

pub(super) fn material(keys: &Keys) -> KeyMaterial {
    let aead = match (keys.bytes.len(), keys.is_gcm()) {
        (16, _) => Aead::Aes128Gcm,
        (_, true) => Aead::Aes256Gcm,
        _ => Aead::ChaCha20Poly1305,
    };
    KeyMaterial::new(aead, &keys.bytes, &keys.iv).unwrap()
}

impl End {
    /// Seals the same data, given in the same pieces, with both. Whatever is owed precedes it.
    pub(super) fn seal(&mut self, spans: &[&[u8]]) -> [Vec<u8>; 2] {
        let len: usize = spans.iter().map(|span| span.len()).sum();
        let slices: Vec<IoSlice<'_>> = spans.iter().map(|span| IoSlice::new(span)).collect();
        assert_eq!(self.theirs.writer().write_vectored(&slices).unwrap(), len);
        let mut output = vec![0; self.ours.ciphertext_size(len).unwrap()];
        let mut counts = Counts::default();
        assert_eq!(self.ours.encrypt(spans, &mut output).add_to(&mut counts), Ok(Outcome::Complete));
        assert_eq!(counts.consumed, len);
        output.truncate(counts.written);
        [self.their_output(), output]
    }

    /// Changes to the next keys, and asks for the peer's.
    pub(super) fn update_keys(&mut self) -> [Vec<u8>; 2] {
        self.theirs.refresh_traffic_keys().unwrap();
        let (mut output, mut counts) = ([0; 100], Counts::default());
        assert_eq!(self.ours.update_keys(true, &mut output).add_to(&mut counts), Ok(Outcome::Complete));
        [self.their_output(), output[..counts.written].to_vec()]
    }

    pub(super) fn close(&mut self) -> [Vec<u8>; 2] {
        self.theirs.send_close_notify();
        let (mut output, mut counts) = ([0; 100], Counts::default());
        assert_eq!(self.ours.shutdown(&mut output).add_to(&mut counts), Ok(Outcome::Closed));
        [self.their_output(), output[..counts.written].to_vec()]
    }

    /// What each has to send without being asked.
    pub(super) fn owed(&mut self) -> [Vec<u8>; 2] {
        let (mut output, mut counts) = ([0; 1000], Counts::default());
        assert_eq!(self.ours.drain_pending_output(&mut output).add_to(&mut counts), Ok(Outcome::Complete));
        [self.their_output(), output[..counts.written].to_vec()]
    }

    fn their_output(&mut self) -> Vec<u8> {
        let mut output = Vec::new();
        while self.theirs.wants_write() {
            self.theirs.write_tls(&mut output).unwrap();
        }
        output
    }

    /// Opens the same records with both: whole for rustls, cut at random for ours.
    pub(super) fn open(&mut self, records: &[u8], random: &mut Random) -> Opened {
        let mut their_plaintext = Vec::new();
        let theirs = feed(&mut self.theirs, records, &mut their_plaintext);
        let (our_plaintext, ours) = open_ours(&self.ours, records, random);
        Opened { plaintext: [their_plaintext, our_plaintext], theirs, ours }
    }
}

/// Whether the peer has closed.
fn open_ours(session: &Session, mut input: &[u8], random: &mut Random) -> (Vec<u8>, Result<bool>) {
    let (mut plaintext, mut room) = (Vec::new(), vec![0; 1 + random.size(40_000)]);
    let in_place = random.chance(4);
    loop {
        let mut counts = Counts::default();
        let outcome = if in_place {
            let mut data = input.to_vec();
            let (progress, start) = session.decrypt_in_place(&mut data);
            plaintext.extend_from_slice(&data[start..start + progress.written]);
            let outcome = progress.outcome.clone();
            counts.consumed = progress.consumed;
            outcome
        } else {
            let outcome = session.decrypt(input, &mut room).add_to(&mut counts);
            plaintext.extend_from_slice(&room[..counts.written]);
            outcome
        };
        input = &input[counts.consumed..];
        match outcome {
            Ok(Outcome::WantRead) => return (plaintext, Ok(false)),
            Ok(Outcome::Closed) => return (plaintext, Ok(true)),
            Ok(_) => {}
            Err(failure) => return (plaintext, Err(failure)),
        }
    }
}

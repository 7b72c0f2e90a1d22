//! A peer that has shaken hands properly, by rustls, and whose keys are in our hands, also the next ones of TLS 1.3.

use std::sync::{Arc, LazyLock, Mutex};

use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk};
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, Connection, ConnectionTrafficSecrets, KeyLog, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion,
};

use crate::doors::calls::side::{SUSPENDED, Side, record_len};
use crate::doors::host::{LARGEST, file};
use crate::doors::input::Input;
use crate::doors::setup::Setup;

pub struct Peer {
    pub tls13: bool,
    sealing: Keys,
    opening: Keys,
}

struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
    /// TLS 1.2's AES-GCM (RFC 5288 section 3).
    explicit_nonce: bool,
    /// TLS 1.3: the traffic secret, and whether the suite is ChaCha20's.
    traffic: Option<([u8; 32], bool)>,
}

#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<(String, Vec<u8>)>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), secret.to_owned()));
    }
}

impl Secrets {
    fn of(&self, label: &str) -> Option<[u8; 32]> {
        let secrets = self.0.lock().unwrap();
        secrets.iter().find(|(found, _)| found == label).map(|(_, secret)| secret[..].try_into().unwrap())
    }
}

/// An open session of ours and its peer: the version, our role and the suite are bits of the number.
pub fn open(number: u8) -> (Side, Peer) {
    let [tls12, is_server, chacha] = [0, 1, 2].map(|bit| number >> bit & 1 == 1);
    let setup = Setup { tls13: !tls12, ..Setup::read(&mut Input::new(&[0x60])) };
    let mut side = Side::new(setup.session(&setup.contexts(), is_server), is_server, &setup);
    let secrets = Arc::new(Secrets::default());
    let mut peer = connection(is_server, tls12, chacha, secrets.clone());
    while peer.is_handshaking() || !side.is_complete() {
        let shown = side.inbox.len();
        let done = side.handshake(shown, LARGEST);
        assert!(done.status >= 0, "{}", side.session.error().text());
        side.emitted += done.output.len() as u64;
        if side.has(SUSPENDED) {
            side.answer(&setup.contexts());
        }
        let mut written = &done.output[..];
        while !written.is_empty() {
            peer.read_tls(&mut written).unwrap();
            peer.process_new_packets().unwrap();
        }
        while peer.wants_write() {
            peer.write_tls(&mut side.inbox).unwrap();
        }
    }
    assert!(side.inbox.is_empty());
    let (server, client) = (secrets.of("SERVER_TRAFFIC_SECRET_0"), secrets.of("CLIENT_TRAFFIC_SECRET_0"));
    let (sending, receiving) = if is_server { (client, server) } else { (server, client) };
    let extracted = peer.dangerous_extract_secrets().unwrap();
    let keys = |(sequence, secrets), traffic: Option<[u8; 32]>| {
        let (algorithm, key, iv, gcm) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv, true),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv, false),
            _ => panic!("a suite that this peer does not know"),
        };
        Keys {
            key: LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).unwrap()),
            iv: iv.as_ref().try_into().unwrap(),
            sequence,
            explicit_nonce: gcm && tls12,
            traffic: traffic.map(|secret| (secret, !gcm)),
        }
    };
    let peer = Peer { tls13: !tls12, sealing: keys(extracted.tx, sending), opening: keys(extracted.rx, receiving) };
    (side, peer)
}

/// The peer's side of the handshake. Ed25519 certificates, and one suite.
fn connection(ours_is_server: bool, tls12: bool, chacha: bool, secrets: Arc<Secrets>) -> Connection {
    static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        rustls_pemfile::certs(&mut &file("ca.pem")[..]).for_each(|anchor| roots.add(anchor.unwrap()).unwrap());
        Arc::new(roots)
    });
    let suite = [[0x1301, 0x1303], [0xc02b, 0xcca9]][usize::from(tls12)][usize::from(chacha)];
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|known| u16::from(known.suite()) == suite);
    let versions: &[&SupportedProtocolVersion] =
        if tls12 { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
    if ours_is_server {
        let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(ROOTS.clone()).with_no_client_auth();
        config.enable_secret_extraction = true;
        config.key_log = secrets;
        let name = ServerName::try_from("localhost").unwrap();
        return Connection::Client(ClientConnection::new(Arc::new(config), name).unwrap());
    }
    let chain = rustls_pemfile::certs(&mut &file("server-ed25519.pem")[..]).map(Result::unwrap).collect();
    let key = rustls_pemfile::private_key(&mut &file("server-ed25519.key")[..]).unwrap().unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.enable_secret_extraction = true;
    config.key_log = secrets;
    // A ticket would be one more record under the keys.
    config.send_tls13_tickets = 0;
    Connection::Server(ServerConnection::new(Arc::new(config)).unwrap())
}

impl Peer {
    /// A record of this type, content and padding (TLS 1.3).
    pub fn seal(&mut self, content_type: u8, content: &[u8], padding: usize) -> Vec<u8> {
        let (outer_type, mut sealed) = match self.tls13 {
            true => (23, [content, &[content_type], &vec![0; padding]].concat()),
            false => (content_type, content.to_vec()),
        };
        let keys = &mut self.sealing;
        let nonce = keys.nonce();
        let prefix = if keys.explicit_nonce { nonce[4..].to_vec() } else { Vec::new() };
        let [high, low] = ((prefix.len() + sealed.len() + 16) as u16).to_be_bytes();
        let header = [outer_type, 3, 3, high, low];
        let additional_data = keys.additional_data(self.tls13, header, sealed.len());
        let nonce = Nonce::assume_unique_for_key(nonce);
        keys.key.seal_in_place_append_tag(nonce, Aad::from(additional_data), &mut sealed).unwrap();
        keys.sequence += 1;
        [&header[..], &prefix, &sealed].concat()
    }

    /// What comes after is under the next keys.
    pub fn next_keys(&mut self) {
        self.sealing.update();
    }

    /// All that our session has sent opens: its data is what was taken, and a failure's alert is the last record.
    pub fn check(&mut self, mut stream: &[u8], data: &[u8], alert: Option<i32>) {
        let (mut opened, mut last) = (Vec::new(), None::<[u8; 2]>);
        while !stream.is_empty() {
            let (record, rest) = stream.split_at(record_len(stream).unwrap());
            stream = rest;
            let (content_type, content) = self.opening.open(self.tls13, record);
            assert!(!matches!(last, Some([2, _])), "a record after a fatal alert");
            match (content_type, &content[..]) {
                (23, data) => opened.extend_from_slice(data),
                (21, [level, alert]) => last = Some([*level, *alert]),
                (22, [24, 0, 0, 1, 0 | 1]) if self.tls13 => self.opening.update(),
                other => panic!("sent {other:?}"),
            }
        }
        assert!(opened == data, "data was changed while it was sealed");
        let fatal = last.filter(|[level, alert]| *level == 2 && *alert != 0).map(|[_, alert]| i32::from(alert));
        assert_eq!(fatal, alert.filter(|alert| *alert >= 0), "the alert that was sent, and the one that is reported");
    }
}

impl Keys {
    fn open(&mut self, tls13: bool, record: &[u8]) -> (u8, Vec<u8>) {
        let (header, payload) = record.split_first_chunk::<5>().unwrap();
        let mut nonce = self.nonce();
        let mut sealed = payload.to_vec();
        if self.explicit_nonce {
            nonce[..4].copy_from_slice(&self.iv[..4]);
            nonce[4..].copy_from_slice(&payload[..8]);
            sealed.drain(..8);
        }
        let additional_data = self.additional_data(tls13, *header, sealed.len() - 16);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let mut inner = self.key.open_in_place(nonce, Aad::from(additional_data), &mut sealed).unwrap().to_vec();
        self.sequence += 1;
        (if tls13 { inner.pop().unwrap() } else { header[0] }, inner)
    }

    /// RFC 8446 section 5.3. The explicit part of TLS 1.2's is the sender's choice; this keeps it unique.
    fn nonce(&self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, sequence) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= sequence;
        }
        nonce
    }

    /// RFC 8446 section 5.2, RFC 5246 section 6.2.3.3.
    fn additional_data(&self, tls13: bool, header: [u8; 5], inner_len: usize) -> Vec<u8> {
        if tls13 {
            return header.to_vec();
        }
        [&self.sequence.to_be_bytes()[..], &header[..3], &(inner_len as u16).to_be_bytes()].concat()
    }

    /// RFC 8446 sections 7.2 and 7.3; both suites are SHA-256's.
    fn update(&mut self) {
        let Some((secret, chacha)) = self.traffic else { return };
        let (mut next, mut key) = ([0; 32], [0; 32]);
        expand(&secret, b"traffic upd", &mut next);
        let key = &mut key[..if chacha { 32 } else { 16 }];
        expand(&next, b"key", key);
        expand(&next, b"iv", &mut self.iv);
        let algorithm = if chacha { &CHACHA20_POLY1305 } else { &AES_128_GCM };
        self.key = LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
        self.sequence = 0;
        self.traffic = Some((next, chacha));
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1).
fn expand(secret: &[u8; 32], label: &[u8], output: &mut [u8]) {
    struct Len(usize);
    impl KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let label = [b"tls13 ", label].concat();
    let (len, label_len) = ((output.len() as u16).to_be_bytes(), [label.len() as u8]);
    let info: [&[u8]; 4] = [&len, &label_len, &label, &[0]];
    let key = Prk::new_less_safe(HKDF_SHA256, secret);
    key.expand(&info, Len(output.len())).unwrap().fill(output).unwrap();
}

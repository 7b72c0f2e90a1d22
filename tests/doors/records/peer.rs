//! A peer that has shaken hands properly, by rustls, and whose keys are in our hands, also the next ones of TLS 1.3.

use std::sync::{Arc, LazyLock, Mutex};

use ring::aead::{AES_128_GCM, CHACHA20_POLY1305};
use rustls::pki_types::ServerName;
use rustls::{
    ClientConfig, ClientConnection, Connection, ConnectionTrafficSecrets, KeyLog, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion,
};

use super::super::calls::side::{SUSPENDED, Side, record_len};
use super::super::host::{LARGEST, file};
use super::super::input::Input;
use super::super::setup::Setup;
use super::keys::Keys;

pub struct Peer {
    pub tls13: bool,
    sealing: Keys,
    opening: Keys,
}

#[derive(Debug, Default)]
struct Secrets(Mutex<Vec<(String, Vec<u8>)>>);

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().push((label.to_owned(), secret.to_owned()));
    }
}

impl Secrets {
    fn of(&self, label: &str) -> Option<Vec<u8>> {
        let secrets = self.0.lock().unwrap();
        secrets.iter().find(|(found, _)| found == label).map(|(_, secret)| secret.clone())
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
    let keys = |(sequence, secrets), traffic: Option<Vec<u8>>| {
        let (algorithm, key, iv) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => panic!("a suite that this peer does not know"),
        };
        Keys::new(!tls12, algorithm, key.as_ref(), iv.as_ref(), sequence).with_traffic(traffic)
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
        self.sealing.seal(content_type, content, padding)
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
            let (content_type, content) = self.opening.open(record);
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

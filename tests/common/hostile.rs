//! A peer that has shaken hands properly, by rustls, and then seals whatever it likes: its keys are in our hands.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use spantls::session::Version;
use std::sync::{Arc, LazyLock};

use ring::aead::{AES_128_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12 as RUSTLS_TLS12, TLS13 as RUSTLS_TLS13};
use rustls::{
    ClientConfig, ClientConnection, Connection, ConnectionTrafficSecrets, RootCertStore, ServerConfig, ServerConnection,
};
use spantls::context::Context;
use spantls::outcome::{Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Session};

use super::common::{TLS12, certificate, client, server};

pub struct Hostile {
    sealing: Keys,
    opening: Keys,
    tls13: bool,
}

struct Keys {
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
    /// TLS 1.2's AES-GCM (RFC 5288 section 3).
    explicit_nonce: bool,
}

/// A session of ours, of this role, and its open peer.
pub fn pair(ours_is_server: bool, protocol: Version, suite: u16) -> (Session, Hostile) {
    static SERVER: LazyLock<Arc<Context>> = LazyLock::new(|| server("server-p256"));
    pair_with(if ours_is_server { SERVER.clone() } else { client(protocol, &[suite]) }, ours_is_server, protocol, suite)
}

/// The same with a context of the caller's.
pub fn pair_with(context: Arc<Context>, ours_is_server: bool, protocol: Version, suite: u16) -> (Session, Hostile) {
    let session = Session::new(context);
    if !ours_is_server {
        session.set_target_host_name("localhost").unwrap();
    }
    let mut peer = match ours_is_server {
        true => Connection::Client(
            ClientConnection::new(client_config(protocol, suite), ServerName::try_from("localhost").unwrap()).unwrap(),
        ),
        false => Connection::Server(ServerConnection::new(server_config()).unwrap()),
    };
    let mut inbox = Vec::new();
    let mut complete = false;
    while peer.is_handshaking() || !complete {
        let (mut room, mut counts) = (vec![0; 20_000], Counts::default());
        match session.process_handshake(&inbox, &mut room).add_to(&mut counts).unwrap() {
            Outcome::Suspended(Question::Certificate) => {
                session.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
            }
            outcome => complete = outcome == Outcome::Complete,
        }
        inbox.drain(..counts.consumed);
        let mut written = &room[..counts.written];
        while !written.is_empty() {
            peer.read_tls(&mut written).unwrap();
            peer.process_new_packets().unwrap();
        }
        while peer.wants_write() {
            peer.write_tls(&mut inbox).unwrap();
        }
    }
    assert!(inbox.is_empty());
    let tls13 = protocol != TLS12;
    let secrets = peer.dangerous_extract_secrets().unwrap();
    let keys = |(sequence, secrets)| {
        let (algorithm, key, iv, gcm) = match &secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv, true),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv, false),
            _ => panic!("a suite that this peer does not know"),
        };
        Keys {
            key: LessSafeKey::new(UnboundKey::new(algorithm, key.as_ref()).unwrap()),
            iv: iv.as_ref().try_into().unwrap(),
            sequence,
            explicit_nonce: gcm && !tls13,
        }
    };
    (session, Hostile { sealing: keys(secrets.tx), opening: keys(secrets.rx), tls13 })
}

impl Hostile {
    /// A record of this type and content.
    pub fn seal(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        if self.tls13 {
            return self.seal_inner(&[content, &[content_type]].concat());
        }
        self.seal_as(content_type, content)
    }

    /// TLS 1.3: content, type and padding as they are given (RFC 8446 section 5.2).
    pub fn seal_inner(&mut self, inner: &[u8]) -> Vec<u8> {
        assert!(self.tls13);
        self.seal_as(23, inner)
    }

    fn seal_as(&mut self, outer_type: u8, inner: &[u8]) -> Vec<u8> {
        let keys = &mut self.sealing;
        let nonce = keys.implicit_nonce();
        let prefix = if keys.explicit_nonce { nonce[4..].to_vec() } else { Vec::new() };
        let [high, low] = ((prefix.len() + inner.len() + 16) as u16).to_be_bytes();
        let header = [outer_type, 3, 3, high, low];
        let mut sealed = inner.to_vec();
        let additional_data = keys.additional_data(self.tls13, header, inner.len());
        keys.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(additional_data), &mut sealed)
            .unwrap();
        keys.sequence += 1;
        [&header[..], &prefix, &sealed].concat()
    }

    /// What our session has sent: types and contents.
    pub fn open_all(&mut self, mut stream: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut opened = Vec::new();
        while let Some((header, rest)) = stream.split_first_chunk::<5>() {
            let (payload, rest) = rest.split_at(usize::from(u16::from_be_bytes([header[3], header[4]])));
            stream = rest;
            let keys = &mut self.opening;
            let mut nonce = keys.implicit_nonce();
            let mut sealed = payload.to_vec();
            if keys.explicit_nonce {
                nonce[..4].copy_from_slice(&keys.iv[..4]);
                nonce[4..].copy_from_slice(&payload[..8]);
                sealed.drain(..8);
            }
            let additional_data = keys.additional_data(self.tls13, *header, sealed.len() - 16);
            let nonce = Nonce::assume_unique_for_key(nonce);
            let mut inner = keys.key.open_in_place(nonce, Aad::from(additional_data), &mut sealed).unwrap().to_vec();
            keys.sequence += 1;
            let content_type = if self.tls13 { inner.pop().unwrap() } else { header[0] };
            opened.push((content_type, inner));
        }
        assert!(stream.is_empty(), "part of a record");
        opened
    }
}

impl Keys {
    /// RFC 8446 section 5.3. The explicit part of TLS 1.2's is the sender's choice; this keeps it unique.
    fn implicit_nonce(&self) -> [u8; 12] {
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
}

fn client_config(protocol: Version, suite: u16) -> Arc<ClientConfig> {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|known| u16::from(known.suite()) == suite);
    let version = if protocol == TLS12 { &RUSTLS_TLS12 } else { &RUSTLS_TLS13 };
    let mut roots = RootCertStore::empty();
    for anchor in rustls_pemfile::certs(&mut &certificate("ca.pem")[..]) {
        roots.add(anchor.unwrap()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    Arc::new(config)
}

fn server_config() -> Arc<ServerConfig> {
    static CONFIG: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
        let chain = rustls_pemfile::certs(&mut &certificate("server-p256.pem")[..]).map(Result::unwrap).collect();
        let key = rustls_pemfile::private_key(&mut &certificate("server-p256.key")[..]).unwrap().unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&RUSTLS_TLS13, &RUSTLS_TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        config.enable_secret_extraction = true;
        // A ticket would be one more record under the keys.
        config.send_tls13_tickets = 0;
        Arc::new(config)
    });
    CONFIG.clone()
}

//! Full handshakes in memory, both sides, to be counted with callgrind: `make bench-handshake`. TLS 1.3, AES-128-GCM,
//! and X25519 on all sides, since rustls's ring provider has no X25519MLKEM768.
//!
//! - `rustls`: without us, nothing is asked.
//! - `one`: ours, the client's verdict is a suspension.
//! - `three`: ours, and the server is asked for its context and for a signature too.
//! - `hybrid`: like `one`, with X25519MLKEM768.
//! - `verify`: no handshake, but the check of a signature that comes from outside, as often.
//!
//! usage: handshake rustls|one|three|hybrid|verify KEY NUMBER      (KEY: server-p256, server-rsa2048, …)

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnectionData, Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{NoServerSessionStorage, ServerConnectionData, UnbufferedServerConnection};
use rustls::sign::SigningKey;
use rustls::unbuffered::{
    ConnectionState, EncodeError, UnbufferedConnectionCommon as Connection, UnbufferedStatus as Status,
};
use rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme};
use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Session};

const SUITE: u16 = 0x1301;
const X25519: u16 = 0x001D;
const X25519MLKEM768: u16 = 0x11EC;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [which, key, number] = arguments.as_slice() else {
        println!("usage: handshake rustls|one|three|hybrid|verify KEY NUMBER (see `make bench-handshake`)");
        return;
    };
    let number = number.parse().unwrap();
    match which.as_str() {
        "one" => spantls(&common::server(key), X25519, None, number),
        "hybrid" => spantls(&common::server(key), X25519MLKEM768, None, number),
        "three" => {
            let mut options = Options::default();
            options.allow_resume = false;
            options.set_credentials(Some(external(key)));
            let chosen = Arc::new(Context::server(options).unwrap());
            let asked = Some((&chosen, &*signing_key(key)));
            spantls(&Arc::new(Context::undecided().unwrap()), X25519, asked, number);
        }
        "verify" => verify(key, number),
        _ => rustls_alone(key, number),
    }
}

fn signing_key(name: &str) -> Arc<dyn SigningKey> {
    let key = rustls_pemfile::private_key(&mut &common::certificate(&format!("{name}.key"))[..]).unwrap().unwrap();
    ring::sign::any_supported_type(&key).unwrap()
}

fn scheme(name: &str) -> SignatureScheme {
    if name.contains("rsa") { SignatureScheme::RSA_PSS_SHA256 } else { SignatureScheme::ECDSA_NISTP256_SHA256 }
}

fn external(name: &str) -> Arc<Credentials> {
    let chain = common::certificate(&format!("{name}.pem"));
    Arc::new(Credentials::external(&chain, &[u16::from(scheme(name))]).unwrap())
}

/// What is checked before a signature of the host leaves.
fn verify(name: &str, number: usize) {
    let chain: Vec<CertificateDer<'static>> =
        rustls_pemfile::certs(&mut &common::certificate(&format!("{name}.pem"))[..]).map(Result::unwrap).collect();
    let algorithms = ring::default_provider().signature_verification_algorithms.mapping;
    let (_, algorithms) = algorithms.iter().find(|(known, _)| *known == scheme(name)).unwrap();
    let signature = signing_key(name).choose_scheme(&[scheme(name)]).unwrap().sign(b"message").unwrap();
    for _ in 0..number {
        let leaf = webpki::EndEntityCert::try_from(&chain[0]).unwrap();
        leaf.verify_signature(algorithms[0], b"message", black_box(&signature)).unwrap();
    }
}

/// The host accepts, and, where it is asked, brings a context and signs with the key.
fn spantls(server: &Arc<Context>, group: u16, asked: Option<(&Arc<Context>, &dyn SigningKey)>, number: usize) {
    let client = common::client_with_groups(&[SUITE], &[group]);
    let mut room = vec![0; 8192];
    for _ in 0..number {
        let (client, server) = (Session::new(client.clone()), Session::new(server.clone()));
        let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
        let mut step = |session: &Session, input: &mut Vec<u8>, output: &mut Vec<u8>| {
            let mut counts = Counts::default();
            let outcome = session.process_handshake(input, &mut room).add_to(&mut counts).unwrap();
            input.drain(..counts.consumed);
            output.extend_from_slice(&room[..counts.written]);
            match outcome {
                Outcome::Suspended(Question::Certificate) => {
                    session.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
                }
                Outcome::Suspended(Question::ServerContext) => {
                    session.set_server_context(asked.unwrap().0.clone()).unwrap();
                }
                Outcome::Suspended(Question::Signature) => {
                    let (scheme, message) = session.signature_request_parts().unwrap();
                    let signer = asked.unwrap().1.choose_scheme(&[SignatureScheme::from(scheme)]).unwrap();
                    session.set_signature(&signer.sign(&message).unwrap()).unwrap();
                }
                _ => {}
            }
            outcome
        };
        loop {
            let first = step(&client, &mut to_client, &mut to_server);
            let second = step(&server, &mut to_server, &mut to_client);
            if (first, second) == (Outcome::Complete, Outcome::Complete) {
                break;
            }
        }
        black_box((client, server));
    }
}

/// The same configuration, with a verifier that accepts, up to the point where the secrets are handed over.
fn rustls_alone(key: &str, number: usize) {
    let suite = ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let groups = vec![ring::kx_group::X25519];
    let provider =
        Arc::new(CryptoProvider { cipher_suites: vec![suite], kx_groups: groups, ..ring::default_provider() });
    let mut client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Accept(provider.signature_verification_algorithms)))
        .with_no_client_auth();
    client.resumption = Resumption::disabled();
    client.enable_secret_extraction = true;
    let chain = common::certificate(&format!("{key}.pem"));
    let chain = rustls_pemfile::certs(&mut &chain[..]).map(Result::unwrap).collect();
    let key = rustls_pemfile::private_key(&mut &common::certificate(&format!("{key}.key"))[..]).unwrap().unwrap();
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    server.enable_secret_extraction = true;
    let (client, server) = (Arc::new(client), Arc::new(server));
    let name = ServerName::try_from("localhost").unwrap();
    for _ in 0..number {
        let mut client = UnbufferedClientConnection::new(client.clone(), name.clone()).unwrap();
        let mut server = UnbufferedServerConnection::new(server.clone()).unwrap();
        let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
        while client.is_handshaking() || server.is_handshaking() {
            pump(&mut client, &mut to_client, &mut to_server, step_client);
            pump(&mut server, &mut to_server, &mut to_client, step_server);
        }
        black_box(client.dangerous_into_kernel_connection().unwrap().0.tx.0);
        black_box(server.dangerous_into_kernel_connection().unwrap().0.tx.0);
    }
}

type Step<D> = for<'c, 'i> fn(&'c mut Connection<D>, &'i mut [u8]) -> Status<'c, 'i, D>;

fn step_client<'c, 'i>(
    connection: &'c mut Connection<ClientConnectionData>,
    input: &'i mut [u8],
) -> Status<'c, 'i, ClientConnectionData> {
    connection.process_tls_records(input)
}

fn step_server<'c, 'i>(
    connection: &'c mut Connection<ServerConnectionData>,
    input: &'i mut [u8],
) -> Status<'c, 'i, ServerConnectionData> {
    connection.process_tls_records(input)
}

fn pump<D>(connection: &mut Connection<D>, input: &mut Vec<u8>, output: &mut Vec<u8>, step: Step<D>) {
    loop {
        let Status { discard, state } = step(connection, input);
        let mut paused = false;
        match state.unwrap() {
            ConnectionState::EncodeTlsData(mut data) => {
                let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) else { panic!("no room needed") };
                let start = output.len();
                output.resize(start + needed.required_size, 0);
                data.encode(&mut output[start..]).unwrap();
            }
            ConnectionState::TransmitTlsData(data) => data.done(),
            ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_) => paused = true,
            state => panic!("{state:?}"),
        }
        input.drain(..discard);
        if paused {
            return;
        }
    }
}

#[derive(Debug)]
struct Accept(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Accept {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

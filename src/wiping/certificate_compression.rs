//! What a compressed certificate (RFC 8879) costs who receives it: brotli's window alone takes megabytes for a message of
//! some bytes, so only zlib is received.

use std::cell::Cell;
use std::sync::Arc;

use super::common::{TLS13, certificate};
use super::{LIVE_BYTES, PEAK_BYTES};
use rustls::compress::{BROTLI_COMPRESSOR, CertCompressor, CompressionFailed, CompressionLevel, ZLIB_COMPRESSOR};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    CertificateCompressionAlgorithm, ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig,
    ServerConnection,
};
use spantls::context::{ClientCertificateMode, Context, Credentials, Options};
use spantls::outcome::{Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Session};

thread_local! {
    static COMPRESSIONS: Cell<usize> = const { Cell::new(0) };
}

/// A compressor of rustls that counts its work.
#[derive(Debug)]
struct Counted(&'static dyn CertCompressor);

impl CertCompressor for Counted {
    fn compress(&self, input: Vec<u8>, level: CompressionLevel) -> Result<Vec<u8>, CompressionFailed> {
        COMPRESSIONS.set(COMPRESSIONS.get() + 1);
        self.0.compress(input, level)
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        self.0.algorithm()
    }
}

static BROTLI: Counted = Counted(BROTLI_COMPRESSOR);
static ZLIB: Counted = Counted(ZLIB_COMPRESSOR);

fn chain() -> Vec<CertificateDer<'static>> {
    rustls_pemfile::certs(&mut &certificate("server-p256.pem")[..]).collect::<Result<_, _>>().unwrap()
}

fn key() -> PrivateKeyDer<'static> {
    rustls_pemfile::private_key(&mut &certificate("server-p256.key")[..]).unwrap().unwrap()
}

/// A peer of ours that has a certificate and compresses it so.
fn peer(is_server: bool, compressor: &'static dyn CertCompressor) -> Connection {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    if is_server {
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_no_client_auth().with_single_cert(chain(), key()).unwrap();
        config.cert_compressors = vec![compressor];
        return Connection::Server(ServerConnection::new(Arc::new(config)).unwrap());
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_pemfile::certs(&mut &certificate("ca.pem")[..]).map(Result::unwrap));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_client_auth_cert(chain(), key()).unwrap();
    config.cert_compressors = vec![compressor];
    Connection::Client(ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap())
}

fn context(is_server: bool) -> Arc<Context> {
    let mut options = Options::default();
    options.set_versions(&[TLS13]);
    if !is_server {
        return Arc::new(Context::client(options).unwrap());
    }
    let credentials =
        Credentials::from_pem(&certificate("server-p256.pem"), &certificate("server-p256.key"), None).unwrap();
    options.set_credentials(Some(Arc::new(credentials)));
    options.client_certificates = ClientCertificateMode::Require;
    Arc::new(Context::server(options).unwrap())
}

/// A handshake: how many certificates the peer has compressed, and the bytes that a call of ours has allocated at most.
fn cost(context: &Arc<Context>, compressor: &'static dyn CertCompressor) -> (usize, isize) {
    let (session, mut peer) = (Session::new(context.clone()), peer(!context.is_server(), compressor));
    let (mut inbox, mut complete, mut most) = (Vec::new(), false, 0);
    COMPRESSIONS.set(0);
    while peer.is_handshaking() || !complete {
        let (mut room, mut counts) = (vec![0; 20_000], Counts::default());
        let before = LIVE_BYTES.get();
        PEAK_BYTES.set(before);
        let outcome = session.process_handshake(&inbox, &mut room).add_to(&mut counts).unwrap();
        most = most.max(PEAK_BYTES.get() - before);
        if outcome == Outcome::Suspended(Question::Certificate) {
            session.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
        }
        complete = outcome == Outcome::Complete;
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
    (COMPRESSIONS.get(), most)
}

#[test]
fn a_compressed_certificate_costs_less_than_two_hundred_kilobytes() {
    for ours_is_server in [false, true] {
        let context = context(ours_is_server);
        // A context compresses its own certificate once, with effort, and keeps it: that is none of its peers' doing.
        cost(&context, &ZLIB);
        let (compressed, bytes) = cost(&context, &ZLIB);
        assert_eq!(compressed, 1, "zlib is offered");
        assert!(bytes < 200_000, "{bytes} bytes for a certificate in zlib");
        let (compressed, bytes) = cost(&context, &BROTLI);
        assert_eq!(compressed, 0, "brotli is not offered");
        assert!(bytes < 200_000, "{bytes} bytes for a certificate as it is");
    }
}

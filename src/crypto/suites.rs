//! The provider: rustls's, with the AEADs of its cipher suites wrapped.
//!
//! The wrapped encrypter never lets an alert of rustls out: it notes which alert was wanted and returns an empty
//! record in its place, which the handshake drops. All alerts leave through `handshake::alert`, so that what the host
//! reads in the error record is what the peer gets.

use std::cmp::Ordering;
use std::sync::Arc;

use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter, MessageEncrypter,
    OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls12AeadAlgorithm, Tls13AeadAlgorithm,
    UnsupportedOperationError,
};
use rustls::crypto::hash::{self, Hash};
use rustls::crypto::tls12::Prf;
use rustls::crypto::{ActiveKeyExchange, CipherSuiteCommon, CryptoProvider, SupportedKxGroup};
use rustls::{
    AlertDescription, ConnectionTrafficSecrets, ContentType, InvalidMessage, SupportedCipherSuite, Tls12CipherSuite,
    Tls13CipherSuite,
};

use super::handshake_sealer::HandshakeSealer;
use super::provider::{self, base};
use super::record_keys::RecordKeys;
use super::secrets::{KeyMaterial, Secret};
use super::taps::current;
use crate::outcome::Alert;
use crate::wire::message_stream::{MessageStream, Piece};
use crate::wire::{AlertMessage, HandshakeType, MessageHeader, Version};

/// Every suite, in the order of preference. rustls wants suites that live for ever. These are made by the compiler: memory
/// of the heap would stay when the library is unloaded.
static SUITES: [SupportedCipherSuite; NUMBER_OF_SUITES] = [
    Tapped::<0>::TLS13,
    Tapped::<1>::TLS13,
    Tapped::<2>::TLS13,
    Tapped::<3>::TLS12,
    Tapped::<4>::TLS12,
    Tapped::<5>::TLS12,
    Tapped::<6>::TLS12,
    Tapped::<7>::TLS12,
    Tapped::<8>::TLS12,
];

/// All that there are: another number does not compile.
const NUMBER_OF_SUITES: usize = base::ALL_CIPHER_SUITES.len();

/// The suite with this IANA number.
pub(crate) fn suite(id: u16) -> Option<SupportedCipherSuite> {
    SUITES.iter().copied().find(|suite| u16::from(suite.suite()) == id)
}

/// A provider with the given suites, none meaning all, and groups.
pub(crate) fn provider(suites: &[SupportedCipherSuite], groups: &[&'static dyn SupportedKxGroup]) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: if suites.is_empty() { SUITES.to_vec() } else { suites.to_vec() },
        kx_groups: groups.to_vec(),
        signature_verification_algorithms: provider::SIGNATURES,
        ..base::default_provider()
    }
}

/// The provider's suite of this number with its AEAD wrapped. The wrong version does not compile.
struct Tapped<const NUMBER: usize>;

impl<const NUMBER: usize> Tapped<NUMBER> {
    const TLS13: SupportedCipherSuite = {
        let suite = Self::base_tls13();
        SupportedCipherSuite::Tls13(&Tls13CipherSuite {
            common: CipherSuiteCommon { hash_provider: &Self::HASH, ..copy(&suite.common) },
            hkdf_provider: suite.hkdf_provider,
            aead_alg: &Self::AEAD_TLS13,
            quic: None,
        })
    };
    const HASH: TappedHash = TappedHash(Self::base_tls13().common.hash_provider);
    const AEAD_TLS13: TappedTls13 =
        TappedTls13 { inner: Self::base_tls13().aead_alg, hash: Self::base_tls13().common.hash_provider };

    const TLS12: SupportedCipherSuite = {
        let suite = Self::base_tls12();
        SupportedCipherSuite::Tls12(&Tls12CipherSuite {
            common: copy(&suite.common),
            prf_provider: &Self::PRF,
            kx: suite.kx,
            sign: suite.sign,
            aead_alg: &Self::AEAD_TLS12,
        })
    };
    const PRF: TappedPrf = TappedPrf(Self::base_tls12().prf_provider);
    const AEAD_TLS12: TappedTls12 = TappedTls12(Self::base_tls12().aead_alg);

    const fn base_tls13() -> &'static Tls13CipherSuite {
        match base::ALL_CIPHER_SUITES[NUMBER] {
            SupportedCipherSuite::Tls13(suite) => suite,
            SupportedCipherSuite::Tls12(_) => panic!("a suite of TLS 1.2"),
        }
    }

    const fn base_tls12() -> &'static Tls12CipherSuite {
        match base::ALL_CIPHER_SUITES[NUMBER] {
            SupportedCipherSuite::Tls12(suite) => suite,
            SupportedCipherSuite::Tls13(_) => panic!("a suite of TLS 1.3"),
        }
    }
}

const fn copy(common: &CipherSuiteCommon) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: common.suite,
        hash_provider: common.hash_provider,
        confidentiality_limit: common.confidentiality_limit,
    }
}

/// Sees the transcript of a TLS 1.3 handshake, where it is needed later: see `Seen::transcript`.
struct TappedHash(&'static dyn Hash);

impl Hash for TappedHash {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(TappedHashContext(self.0.start()))
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        self.0.hash(data)
    }

    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        self.0.algorithm()
    }
}

struct TappedHashContext(Box<dyn hash::Context>);

impl hash::Context for TappedHashContext {
    fn fork_finish(&self) -> hash::Output {
        self.0.fork_finish()
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        self.0.fork()
    }

    fn finish(self: Box<Self>) -> hash::Output {
        self.0.finish()
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
        if let Some(taps) = current() {
            taps.seen().hashed(data, &*self.0);
        }
    }
}

struct TappedTls13 {
    inner: &'static dyn Tls13AeadAlgorithm,
    /// What a Finished is as long as (RFC 8446 section 4.4.4).
    hash: &'static dyn Hash,
}

impl Tls13AeadAlgorithm for TappedTls13 {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        // RFC 8446 section 7.1: each epoch's keys are used from the moment they are there.
        TappedEncrypter::install(Version::Tls13, self.inner.extract_keys(key, iv), true)
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        if let Some(taps) = current() {
            taps.seen().opening_tls13 = true;
        }
        TappedDecrypter::install(Version::Tls13, self.inner.decrypter(key, iv), self.hash.output_len())
    }

    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    fn extract_keys(&self, key: AeadKey, iv: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.inner.extract_keys(key, iv)
    }
}

struct TappedTls12(&'static dyn Tls12AeadAlgorithm);

impl Tls12AeadAlgorithm for TappedTls12 {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        // RFC 5246 section 7.1: prepared now, in force after our change_cipher_spec.
        TappedEncrypter::install(Version::Tls12, self.0.extract_keys(key, iv, extra), false)
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        TappedDecrypter::install(Version::Tls12, self.0.decrypter(key, iv), FINISHED_TLS12)
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        self.0.key_block_shape()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: &[u8],
        explicit: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv, explicit)
    }
}

/// Sees what a TLS 1.2 handshake derives (RFC 5246 section 8, RFC 7627).
struct TappedPrf(&'static dyn Prf);

impl Prf for TappedPrf {
    fn for_key_exchange(
        &self,
        output: &mut [u8; 48],
        exchange: Box<dyn ActiveKeyExchange>,
        peer_public_key: &[u8],
        label: &[u8],
        seed: &[u8],
    ) -> Result<(), rustls::Error> {
        if let Some(taps) = current() {
            taps.seen().extended_master_secret = label == b"extended master secret";
        }
        self.0.for_key_exchange(output, exchange, peer_public_key, label, seed)
    }

    fn for_secret(&self, output: &mut [u8], secret: &[u8], label: &[u8], seed: &[u8]) {
        self.0.for_secret(output, secret, label, seed);
        let Some(taps) = current() else { return };
        let mut seen = taps.seen();
        match label {
            b"key expansion" => {
                seen.master = Secret::new(secret);
                // RFC 5246 section 6.3 has the server's random first; exporters the client's (RFC 5705 section 4).
                if let Some((server, client)) = seed.split_at_checked(seed.len() / 2) {
                    seen.randoms = [client, server].concat().try_into().ok();
                }
            }
            // RFC 5929 section 3.1: the first Finished of the handshake, which is also computed first by either side.
            b"client finished" | b"server finished" if seen.first_finished.is_none() => {
                seen.first_finished = (&*output).try_into().ok();
            }
            _ => {}
        }
    }
}

/// Bytes of a Finished (RFC 5246 section 7.4.9).
const FINISHED_TLS12: usize = 12;

/// Sees what rustls ignores, or answers with another alert.
struct TappedDecrypter {
    inner: Box<dyn MessageDecrypter>,
    version: Version,
    /// The messages in these records, for the length of a Finished.
    messages: MessageStream,
    finished_len: usize,
}

impl TappedDecrypter {
    fn install(version: Version, inner: Box<dyn MessageDecrypter>, finished_len: usize) -> Box<dyn MessageDecrypter> {
        Box::new(Self { inner, version, messages: MessageStream::default(), finished_len })
    }

    /// RFC 8446 section 6.2: a length that cannot be right is decode_error. rustls compares the contents only.
    fn check_finished(&mut self, mut fragment: &[u8]) -> Result<(), rustls::Error> {
        while let Some(piece) = self.messages.next(&mut fragment) {
            if let Piece::Header(MessageHeader { message_type: HandshakeType::FINISHED, body_len }) = piece {
                match body_len.cmp(&self.finished_len) {
                    Ordering::Equal => {}
                    Ordering::Less => return Err(InvalidMessage::MissingData("Finished").into()),
                    Ordering::Greater => return Err(InvalidMessage::TrailingData("Finished").into()),
                }
            }
        }
        Ok(())
    }
}

fn is_close_notify(payload: &[u8]) -> bool {
    AlertMessage::read(payload).is_some_and(|message| message.alert == Alert::CLOSE_NOTIFY)
}

impl MessageDecrypter for TappedDecrypter {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, rustls::Error> {
        let opened = self.inner.decrypt(message, sequence)?;
        match (self.version, opened.typ, opened.payload) {
            // RFC 8446 section 5.1: no empty fragments of handshake messages.
            (Version::Tls13, ContentType::Handshake, []) => {
                Err(rustls::Error::InvalidMessage(InvalidMessage::InvalidEmptyPayload))
            }
            // A close_notify after the peer's change_cipher_spec.
            (Version::Tls12, ContentType::Alert, payload) if is_close_notify(payload) => {
                Err(rustls::Error::AlertReceived(AlertDescription::CloseNotify))
            }
            (_, ContentType::Handshake, fragment) => self.check_finished(fragment).map(|()| opened),
            _ => Ok(opened),
        }
    }
}

struct TappedEncrypter(Arc<HandshakeSealer>);

impl TappedEncrypter {
    fn install(
        version: Version,
        secrets: Result<ConnectionTrafficSecrets, UnsupportedOperationError>,
        in_force: bool,
    ) -> Box<dyn MessageEncrypter> {
        // rustls allows no failure here, and all of its suites hand out their keys: without, nothing would be sealed.
        let material = secrets.ok().as_ref().and_then(KeyMaterial::of);
        // On a fiber's stack, which is wiped.
        let keys = material.and_then(|material| RecordKeys::new(version, &material).ok());
        let sealer = HandshakeSealer::new(keys, in_force);
        if let Some(taps) = current() {
            taps.seen().sealing = Some(sealer.clone());
        }
        Box::new(Self(sealer))
    }
}

impl MessageEncrypter for TappedEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, rustls::Error> {
        if message.typ == ContentType::Alert {
            if let Some(taps) = current() {
                taps.seen().alert_wanted = AlertMessage::read(&message.payload.to_vec()).map(|message| message.alert);
            }
            return Ok(OutboundOpaqueMessage::new(message.typ, message.version, PrefixedPayload::with_capacity(0)));
        }
        self.0.seal(message, sequence)
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        self.0.encrypted_payload_len(payload_len)
    }
}

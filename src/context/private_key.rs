//! Loads our private keys: completes those that lack what a provider needs, and explains failures in our own words. No
//! provider's error reaches a message.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, alg_id};
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error, InconsistentKeys, SignatureScheme};
use webpki::EndEntityCert;
use zeroize::Zeroizing;

use crate::crypto::provider::{self, base};
use crate::crypto::verifying_key::VerifyingKey;
use crate::der::{BIT_STRING, INTEGER, OCTET_STRING, OID, SEQUENCE, element, inside};
use crate::limits::MAX_SIGNING_RSA_BITS;
use crate::outcome::{Failure, Result};
use crate::trust;

/// The chain with its key, which belongs to the first certificate.
pub(super) fn load(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Result<CertifiedKey> {
    let leaf = chain.first().ok_or_else(|| Failure::configuration("the chain is empty"))?;
    let parsed = EndEntityCert::try_from(leaf)
        .map_err(|_| Failure::configuration("the first certificate of the chain cannot be read"))?;
    let info = parsed.subject_public_key_info();
    let public = trust::fields::public_key(&info);
    let kind = KeyKind::of(key);
    if let KeyKind::Rsa { bits, .. } = kind
        && !(2048..=MAX_SIGNING_RSA_BITS).contains(&bits)
    {
        let needed = provider::RSA_KEYS;
        return Err(Failure::configuration(format!(
            "the private key is an RSA key of {bits} bits: {needed} is needed"
        )));
    }
    let complete = match (&kind, public) {
        (KeyKind::Ec(key), Some((algorithm, point))) if !key.is_complete => {
            Some(key.with_public_part(algorithm, point)?)
        }
        _ => None,
    };
    let loaded = match &complete {
        Some(complete) => base::sign::any_supported_type(&PrivatePkcs8KeyDer::from(complete.as_slice()).into()),
        None => base::sign::any_supported_type(key),
    };
    // The public part of a completed key is the leaf's, so a failure means that the two do not belong together.
    let loaded = loaded.map_err(|_| if complete.is_some() { mismatch() } else { kind.not_loaded() })?;
    if complete.is_some() && !has_private_part_of(&*loaded, leaf) {
        return Err(mismatch());
    }
    let certified = CertifiedKey::new(chain, loaded);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(_) => return Err(mismatch()),
    }
    // Providers load different keys. Credentials accept the same ones with each.
    if certified.cert.first().is_some_and(trust::signs_here) { Ok(certified) } else { Err(kind.not_loaded()) }
}

/// What a private key is, as far as its encoding says.
#[derive(Clone, Copy)]
enum KeyKind<'a> {
    Rsa { bits: usize, exponent: &'a [u8] },
    Ec(EcKey<'a>),
    Ed25519,
    Other,
}

/// An ECPrivateKey (RFC 5915).
#[derive(Clone, Copy)]
struct EcKey<'a> {
    /// Big-endian; some programs leave leading zeros out.
    scalar: &'a [u8],
    /// The curve's object identifier, if the key names it.
    curve: Option<&'a [u8]>,
    /// Whether it has its public part and all digits of the private one: providers need both.
    is_complete: bool,
}

impl<'a> KeyKind<'a> {
    fn of(key: &'a PrivateKeyDer<'_>) -> Self {
        match key {
            PrivateKeyDer::Pkcs1(key) => rsa(key.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(key) => EcKey::read(key.secret_sec1_der(), None).map(KeyKind::Ec),
            PrivateKeyDer::Pkcs8(key) => inner_key(key.secret_pkcs8_der()),
            _ => None,
        }
        .unwrap_or(Self::Other)
    }

    /// Why the provider has not loaded such a key.
    fn not_loaded(&self) -> Failure {
        Failure::configuration(match self {
            Self::Rsa { bits, exponent } => format!(
                "the private key is an RSA key of {bits} bits with the public exponent {}, and damaged or unsupported: {} is \
                 needed",
                number(exponent),
                provider::RSA_KEYS
            ),
            Self::Ec(EcKey { curve: None | Some(P256 | P384), .. }) => {
                "the private key is an EC key, and damaged: its parts do not match".into()
            }
            Self::Ec(_) => format!("the private key is an EC key on an unsupported curve: {SUPPORTED}"),
            Self::Ed25519 => "the private key is an Ed25519 key, and damaged".into(),
            Self::Other => format!("the private key cannot be read, or is of an unsupported type: {SUPPORTED}"),
        })
    }
}

/// RSAPrivateKey (RFC 8017 appendix A.1.2): version, modulus, public exponent and what is secret.
fn rsa(key: &[u8]) -> Option<KeyKind<'_>> {
    let mut fields = inside(key, 0..key.len(), SEQUENCE)?;
    element(key, &mut fields, INTEGER)?;
    let modulus = element(key, &mut fields, INTEGER)?;
    let exponent = element(key, &mut fields, INTEGER)?;
    Some(KeyKind::Rsa { bits: trust::fields::bits(&key[modulus])?, exponent: &key[exponent] })
}

/// OneAsymmetricKey (RFC 5958): version, algorithm, and the key in an OCTET STRING.
fn inner_key(key: &[u8]) -> Option<KeyKind<'_>> {
    let mut fields = inside(key, 0..key.len(), SEQUENCE)?;
    element(key, &mut fields, INTEGER)?;
    let mut algorithm = element(key, &mut fields, SEQUENCE)?;
    let inner = &key[element(key, &mut fields, OCTET_STRING)?];
    match &key[element(key, &mut algorithm, OID)?] {
        RSA_ENCRYPTION => rsa(inner),
        EC_PUBLIC_KEY => {
            let curve = element(key, &mut algorithm, OID).map_or(&[][..], |curve| &key[curve]);
            EcKey::read(inner, Some(curve)).map(KeyKind::Ec)
        }
        ED25519 => Some(KeyKind::Ed25519),
        _ => None,
    }
}

impl<'a> EcKey<'a> {
    /// `curve`: the curve that the enclosing structure names.
    fn read(key: &'a [u8], curve: Option<&'a [u8]>) -> Option<Self> {
        let mut fields = inside(key, 0..key.len(), SEQUENCE)?;
        element(key, &mut fields, INTEGER)?;
        let scalar = &key[element(key, &mut fields, OCTET_STRING)?];
        let parameters = element(key, &mut fields, PARAMETERS);
        let own = parameters.map(|parameters| inside(key, parameters, OID).map_or(&[][..], |curve| &key[curve]));
        let curve = curve.or(own);
        let has_public_part = element(key, &mut fields, PUBLIC_KEY).is_some();
        let has_all_digits = curve.and_then(scalar_len).is_some_and(|len| len == scalar.len());
        Some(Self { scalar, curve, is_complete: has_public_part && has_all_digits && curve.is_some() })
    }

    /// The whole key as PKCS #8, with the public part of a leaf that has such a key.
    fn with_public_part(&self, algorithm: &[u8], point: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let curve = match algorithm {
            _ if algorithm == alg_id::ECDSA_P256.as_ref() => Some(P256),
            _ if algorithm == alg_id::ECDSA_P384.as_ref() => Some(P384),
            _ => None,
        };
        match self.curve {
            Some(own) if scalar_len(own).is_none() => return Err(KeyKind::Ec(*self).not_loaded()),
            Some(own) if Some(own) != curve => return Err(mismatch()),
            _ => {}
        }
        let first = self.scalar.iter().take_while(|digit| **digit == 0).count();
        let digits = &self.scalar[first..];
        let zeros = curve.and_then(scalar_len).and_then(|len| len.checked_sub(digits.len())).ok_or_else(mismatch)?;
        let scalar = encoded(OCTET_STRING, &[&[0; 48][..zeros], digits]);
        let point = encoded(PUBLIC_KEY, &[&encoded(BIT_STRING, &[&[0], point])]);
        let key = encoded(OCTET_STRING, &[&encoded(SEQUENCE, &[&[INTEGER, 1, 1], &scalar, &point])]);
        Ok(encoded(SEQUENCE, &[&[INTEGER, 1, 0], &encoded(SEQUENCE, &[algorithm]), &key]))
    }
}

/// Bytes of a private key on this curve.
fn scalar_len(curve: &[u8]) -> Option<usize> {
    match curve {
        P256 => Some(32),
        P384 => Some(48),
        _ => None,
    }
}

/// Whether what the key signs is what the leaf's key verifies. Providers check on loading that the parts of a key belong
/// together; the leaf is not theirs, and this is not left to them.
fn has_private_part_of(key: &dyn SigningKey, leaf: &CertificateDer<'static>) -> bool {
    let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384];
    let Some(signer) = key.choose_scheme(&schemes) else { return false };
    let message = b"the private key of this certificate";
    let signature = signer.sign(message);
    signature.is_ok_and(|signature| VerifyingKey::new(leaf.clone()).verify(signer.scheme(), message, &signature))
}

/// A DER element; wiped, since it may hold a key.
fn encoded(tag: u8, contents: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let len: usize = contents.iter().map(|part| part.len()).sum();
    // With room for all of it from the start, so that growing leaves no copy in a freed block.
    let mut element = Zeroizing::new(Vec::with_capacity(len + 4));
    let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    match (high, low) {
        (0, 0..0x80) => element.extend_from_slice(&[tag, low]),
        (0, _) => element.extend_from_slice(&[tag, 0x81, low]),
        _ => element.extend_from_slice(&[tag, 0x82, high, low]),
    }
    contents.iter().for_each(|part| element.extend_from_slice(part));
    element
}

/// A public exponent in decimal digits.
fn number(exponent: &[u8]) -> String {
    let digits: Vec<u8> = exponent.iter().copied().skip_while(|digit| *digit == 0).collect();
    match digits.len() {
        0..=8 => digits.iter().fold(0u64, |number, digit| number << 8 | u64::from(*digit)).to_string(),
        len => format!("of {len} bytes"),
    }
}

fn mismatch() -> Failure {
    Failure::configuration("the private key does not belong to the first certificate of the chain")
}

const SUPPORTED: &str = "RSA (2048 to 4096 bits), ECDSA on P-256 or P-384, or Ed25519 is needed";

// Object identifiers' contents.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];

// Tags of an ECPrivateKey's fields.
const PARAMETERS: u8 = 0xa0;
const PUBLIC_KEY: u8 = 0xa1;

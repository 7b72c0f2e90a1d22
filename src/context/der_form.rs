//! Certificates and keys that a host passes as DER: which form a key has, and error messages, which contain no part of it.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use zeroize::Zeroizing;

use super::encrypted_key;
use super::pem::PKCS12;
use crate::der::{INTEGER, OCTET_STRING, SEQUENCE, any_element, element, inside, is_pkcs12, is_sequence};
use crate::outcome::{Failure, Result};

/// The certificate with this number.
pub(super) fn certificate(index: usize, der: &[u8]) -> Result<CertificateDer<'static>> {
    match is_sequence(der) {
        true => Ok(CertificateDer::from(der.to_vec())),
        false => Err(Failure::configuration(format!("certificate {index} of the chain {}", not_der(der)))),
    }
}

/// A private key in any of its forms.
pub(super) fn private_key(der: &[u8], passphrase: Option<&[u8]>) -> Result<Zeroizing<PrivateKeyDer<'static>>> {
    if !is_sequence(der) {
        return Err(Failure::configuration(format!("the private key {}", not_der(der))));
    }
    let copy = || der.to_vec();
    Ok(Zeroizing::new(match first_tags(der) {
        Some((SEQUENCE, _)) => return encrypted_key::decrypted(der, passphrase),
        _ if is_pkcs12(der) => return Err(Failure::configuration(format!("the private key is DER{PKCS12}"))),
        Some((INTEGER, SEQUENCE)) => PrivatePkcs8KeyDer::from(copy()).into(),
        Some((INTEGER, INTEGER)) => PrivatePkcs1KeyDer::from(copy()).into(),
        Some((INTEGER, OCTET_STRING)) => PrivateSec1KeyDer::from(copy()).into(),
        _ => return Err(Failure::configuration("the private key is DER, but not PKCS #8, PKCS #1 or SEC 1")),
    }))
}

/// The tags of a SEQUENCE's first two elements: they distinguish the forms. Each begins with a version but the encrypted one.
fn first_tags(der: &[u8]) -> Option<(u8, u8)> {
    let mut fields = inside(der, 0..der.len(), SEQUENCE)?;
    if element(der, &mut fields, INTEGER).is_none() {
        return any_element(der, &mut fields).map(|(tag, _)| (tag, 0));
    }
    any_element(der, &mut fields).map(|(tag, _)| (INTEGER, tag))
}

/// The hint is for a common mistake.
fn not_der(bytes: &[u8]) -> &'static str {
    match bytes.trim_ascii_start().starts_with(b"-----") {
        true => "is PEM, not DER: pass it to the function that takes PEM text",
        false => "is not DER: it is cut short, has other bytes after it, or is something else",
    }
}

//! PEM texts (RFC 7468), read by rustls-pemfile; here they are bounded and their errors put into words.

use std::io::Read;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::limits::{MAX_PEM_FILE, MAX_PEM_ITEMS};
use crate::outcome::Failure;

/// All certificates; at least one.
pub(super) fn certificates(mut text: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    collect(rustls_pemfile::certs(&mut text), what, "CERTIFICATE")
}

/// All revocation lists; at least one.
pub(super) fn revocation_lists(mut text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, Failure> {
    collect(rustls_pemfile::crls(&mut text), "the revocation lists", "X509 CRL")
}

/// The first private key.
pub(super) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, Failure> {
    match rustls_pemfile::private_key(&mut &*text) {
        Ok(Some(key)) => Ok(key),
        Ok(None) if mentions(text, b"ENCRYPTED") => {
            Err(Failure::configuration("the private key is encrypted: decrypt it first"))
        }
        Ok(None) => Err(Failure::configuration("the key holds no PEM block of a private key")),
        Err(error) => Err(Failure::configuration(format!("the key is not well-formed PEM: {error}"))),
    }
}

/// A whole file, wiped after use: it may hold a key.
pub(super) fn file(path: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unreadable = |error| Failure::file(&format!("cannot read {path}"), &error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    // With room for all of it from the start, so that growing leaves no copy of a key behind.
    let size = file.metadata().map_err(unreadable)?.len().min(MAX_PEM_FILE) as usize;
    let mut text = Zeroizing::new(Vec::with_capacity(size + 1));
    let read = file.take(MAX_PEM_FILE + 1).read_to_end(&mut text).map_err(unreadable)?;
    if read as u64 > MAX_PEM_FILE {
        return Err(Failure::configuration(format!("{path} is too large to be a PEM file")));
    }
    Ok(text)
}

fn collect<T>(
    items: impl Iterator<Item = Result<T, std::io::Error>>,
    what: &str,
    label: &str,
) -> Result<Vec<T>, Failure> {
    let mut found = Vec::new();
    for item in items {
        let item = item.map_err(|error| Failure::configuration(format!("{what}: not well-formed PEM: {error}")))?;
        if found.len() == MAX_PEM_ITEMS {
            return Err(Failure::configuration(format!("{what}: more than {MAX_PEM_ITEMS} PEM blocks")));
        }
        found.push(item);
    }
    if found.is_empty() {
        return Err(Failure::configuration(format!("{what}: no PEM block \"{label}\" was found")));
    }
    Ok(found)
}

fn mentions(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

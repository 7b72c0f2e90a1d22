//! PEM texts (RFC 7468): which blocks are read, how many, and error messages. Texts and files may hold private keys, so no
//! message contains any part of them.

mod blocks;

use std::io::Read;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls_pemfile::Item;
use zeroize::Zeroizing;

use self::blocks::{Block, Contents, PemFault, blocks};
use super::encrypted_key;
use crate::der;
use crate::limits::{HEADROOM, MAX_PEM_FILE, MAX_PEM_ITEMS, MEMORY_PER_BYTE};
use crate::memory;
use crate::outcome::{Failure, Result};
use crate::path::HostPath;

/// All certificates; at least one.
pub(super) fn certificates(text: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    collect(text, what, "CERTIFICATE", Contents::Certificate, |item| match item {
        Item::X509Certificate(certificate) if der::is_sequence(&certificate) => Some(certificate),
        _ => None,
    })
}

/// All revocation lists; at least one.
pub(super) fn revocation_lists(text: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>> {
    collect(text, "the revocation lists", "X509 CRL", Contents::RevocationList, |item| match item {
        Item::Crl(list) if der::is_sequence(&list) => Some(list),
        _ => None,
    })
}

/// The first private key. Without a passphrase the first one that is not encrypted.
pub(super) fn private_key(text: &[u8], passphrase: Option<&[u8]>) -> Result<Zeroizing<PrivateKeyDer<'static>>> {
    memory::expect(HEADROOM + MEMORY_PER_BYTE * text.len())?;
    let failed = |fault| failure("the private key", fault);
    let blocks = blocks(text).map_err(failed)?;
    let is_key =
        |contents| matches!(contents, Contents::PrivateKey | Contents::EncryptedKey | Contents::OldEncryptedKey);
    let clear = blocks.iter().find(|block| block.contents() == Contents::PrivateKey && passphrase.is_none());
    let Some(block) = clear.or_else(|| blocks.iter().find(|block| is_key(block.contents()))) else {
        return Err(nothing_found(text, "the private key", "PRIVATE KEY"));
    };
    if block.contents() == Contents::OldEncryptedKey {
        return Err(failed(block.fault(OLD_ENCRYPTION)));
    }
    let key = match block.decode().map_err(failed)? {
        Item::Pkcs8Key(key) if block.contents() == Contents::EncryptedKey => {
            let key = Zeroizing::new(PrivateKeyDer::from(key));
            return encrypted_key::decrypted(key.secret_der(), passphrase);
        }
        Item::Pkcs1Key(key) => PrivateKeyDer::from(key),
        Item::Pkcs8Key(key) => key.into(),
        Item::Sec1Key(key) => key.into(),
        _ => return Err(failed(block.fault(CUT_SHORT))),
    };
    let key = Zeroizing::new(key);
    if !der::is_sequence(key.secret_der()) {
        return Err(failed(block.fault(CUT_SHORT)));
    }
    Ok(key)
}

/// A whole file, wiped after use: it may hold a key.
pub(super) fn file(path: &str) -> Result<Zeroizing<Vec<u8>>> {
    let path = HostPath::new(path)?;
    let unreadable = |error| Failure::file(&format!("cannot read {path}"), &error);
    let file = std::fs::File::open(path.as_str()).map_err(unreadable)?;
    // With room for all of it from the start, so that growing leaves no copy of a key in a freed block.
    let size = file.metadata().map_err(unreadable)?.len().min(MAX_PEM_FILE) as usize;
    let mut text = Zeroizing::new(memory::reserved(size + 1)?);
    let read = file.take(MAX_PEM_FILE + 1).read_to_end(&mut text).map_err(unreadable)?;
    if read as u64 > MAX_PEM_FILE {
        return Err(Failure::configuration(format!("{path} is too large to be a PEM file")));
    }
    Ok(text)
}

fn collect<T>(
    text: &[u8],
    what: &str,
    label: &str,
    contents: Contents,
    of: impl Fn(Item) -> Option<T>,
) -> Result<Vec<T>> {
    memory::expect(HEADROOM + MEMORY_PER_BYTE * text.len())?;
    let failed = |fault| failure(what, fault);
    let blocks = blocks(text).map_err(failed)?;
    let wanted: Vec<&Block<'_>> = blocks.iter().filter(|block| block.contents() == contents).collect();
    if wanted.is_empty() {
        return Err(nothing_found(text, what, label));
    }
    if wanted.len() > MAX_PEM_ITEMS {
        return Err(Failure::configuration(format!("{what}: more than {MAX_PEM_ITEMS} PEM blocks")));
    }
    let decoded = |block: &Block<'_>| of(block.decode()?).ok_or_else(|| block.fault(CUT_SHORT));
    wanted.into_iter().map(decoded).collect::<Result<_, _>>().map_err(failed)
}

fn failure(what: &str, PemFault { line, words }: PemFault) -> Failure {
    Failure::configuration(format!("{what}: line {line}: {words}"))
}

/// No block is of the wanted kind. The hints are for two common mistakes.
fn nothing_found(text: &[u8], what: &str, label: &str) -> Failure {
    let hint = match text {
        _ if der::is_pkcs12(text) => PKCS12,
        [0x30, 0x80..=0x84, ..] => ": it is DER: convert it to PEM",
        // "-----BE" in base64.
        _ if text.trim_ascii_start().starts_with(b"LS0tLS1CR") => {
            ": it is PEM, encoded in base64 again: decode it once"
        }
        _ => "",
    };
    Failure::configuration(format!("{what}: no PEM block \"{label}\" was found{hint}"))
}

pub(super) const PKCS12: &str =
    ": it is PKCS #12, which is not supported: convert it to PEM with `openssl pkcs12 -in OLD -out NEW`";
const OLD_ENCRYPTION: &str = "it is encrypted in the old form of PEM (Proc-Type: 4,ENCRYPTED), which is not supported: convert it with \
     `openssl pkcs8 -topk8 -in OLD -out NEW`";
const CUT_SHORT: &str = "the block is damaged: its content is cut short or not DER";

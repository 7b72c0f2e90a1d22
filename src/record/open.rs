//! Opening: records into plaintext.

use super::protection::Protection;
use crate::crypto::aead::{EXPLICIT_NONCE_LEN, TAG_LEN};
use crate::crypto::record_keys::{BadRecord, RecordKeys};
use crate::limits::{MAX_CIPHERTEXT_TLS12, MAX_CIPHERTEXT_TLS13, MAX_PLAINTEXT, RECORD_HEADER};
use crate::outcome::{Alert, Failure, Result};
use crate::wire::record::next_record;
use crate::wire::{ContentType, Record, Version};

/// The receiving side of the record layer.
pub(crate) struct Opener {
    protection: Protection,
    /// Records under earlier keys, less those of the handshake under the first ones.
    done: i64,
    key_updates: u32,
}

/// What an opened record holds; the bytes are where they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) content_type: ContentType,
    pub(crate) data_len: usize,
}

/// A whole record, taken apart but not yet opened.
#[derive(Clone, Copy)]
pub(crate) struct Sealed<'a> {
    content_type: ContentType,
    header: &'a [u8; RECORD_HEADER],
    explicit_nonce: Option<&'a [u8; EXPLICIT_NONCE_LEN]>,
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG_LEN],
    pub(crate) record_len: usize,
}

impl Sealed<'_> {
    /// Bytes that opening writes: data, and in TLS 1.3 type and padding.
    pub(crate) fn inner_len(&self) -> usize {
        self.ciphertext.len()
    }
}

impl Opener {
    pub(crate) fn new(protection: Protection) -> Self {
        Self { done: -(protection.sequence() as i64), key_updates: 0, protection }
    }

    pub(crate) fn version(&self) -> Version {
        self.protection.keys().version
    }

    pub(crate) fn replace_keys(&mut self, keys: Box<RecordKeys>) {
        self.done += self.protection.sequence() as i64;
        self.key_updates = self.key_updates.wrapping_add(1);
        self.protection = Protection::new(keys, 0);
    }

    /// Records since the handshake, and changes of keys.
    #[inline]
    pub(crate) fn counts(&self) -> (u64, u32) {
        ((self.done + self.protection.sequence() as i64) as u64, self.key_updates)
    }

    /// The number of the next record.
    pub(crate) fn sequence(&self) -> u64 {
        self.protection.sequence()
    }

    /// The most data that a sealed record of `inner_len` can hold.
    pub(crate) fn max_data_len(&self, inner_len: usize) -> usize {
        inner_len.saturating_sub(self.protection.keys().inner_type_len())
    }

    /// The record at the front of `input`; `None` while it is incomplete.
    #[inline(always)]
    pub(crate) fn next<'a>(&self, input: &'a [u8]) -> Result<Option<Sealed<'a>>> {
        let max_payload = match self.protection.keys().version {
            Version::Tls13 => MAX_CIPHERTEXT_TLS13,
            Version::Tls12 => MAX_CIPHERTEXT_TLS12,
        };
        let Some(record) = next_record(input, max_payload)? else { return Ok(None) };
        // RFC 8446 section 5: after the handshake every record is protected, change_cipher_spec too old a thing.
        if self.protection.keys().version == Version::Tls13 && record.content_type != ContentType::ApplicationData {
            return Err(unprotected());
        }
        // Too short to hold a tag: it cannot authenticate (RFC 8446 section 5.2).
        self.take_apart(record).map(Some).ok_or_else(bad_record)
    }

    #[inline(always)]
    fn take_apart<'a>(&self, record: Record<'a>) -> Option<Sealed<'a>> {
        let (header, payload) = record.bytes.split_first_chunk()?;
        let (explicit_nonce, payload) = match self.protection.keys().prefix_len() {
            0 => (None, payload),
            _ => payload.split_first_chunk().map(|(nonce, rest)| (Some(nonce), rest))?,
        };
        let (ciphertext, tag) = payload.split_last_chunk()?;
        let (content_type, record_len) = (record.content_type, record.bytes.len());
        Some(Sealed { content_type, header, explicit_nonce, ciphertext, tag, record_len })
    }

    /// Opens a record into `output`, which has `inner_len` bytes. The record is not counted: see `count`.
    /// When it fails, nothing of it is left in `output`.
    #[inline]
    pub(crate) fn peek(&self, sealed: &Sealed<'_>, output: &mut [u8]) -> Result<Opened> {
        let output =
            output.get_mut(..sealed.inner_len()).ok_or_else(|| Failure::internal("opening into too little room"))?;
        let Sealed { content_type, header, explicit_nonce, ciphertext, tag, .. } = *sealed;
        self.open(content_type, header, explicit_nonce, Some(ciphertext), output, tag)
    }

    /// Counts the record that `peek` has opened.
    pub(crate) fn count(&mut self) {
        self.protection.opened();
    }

    /// Opens the record at the front of `data` where it lies and counts it: the record's length, where the inner
    /// bytes begin, and their type.
    #[inline]
    pub(crate) fn open_in_place(&mut self, data: &mut [u8]) -> Result<Option<(usize, usize, Opened)>> {
        let Some(sealed) = self.next(data)? else { return Ok(None) };
        let Sealed { content_type, header, explicit_nonce, ciphertext, tag, record_len } = sealed;
        // What lies around the ciphertext, which is about to change.
        let (header, explicit_nonce, inner_len, tag) = (*header, explicit_nonce.copied(), ciphertext.len(), *tag);
        let start = RECORD_HEADER + self.protection.keys().prefix_len();
        let inner = data
            .get_mut(start..start + inner_len)
            .ok_or_else(|| Failure::internal("a record longer than its input"))?;
        let opened = self.open(content_type, &header, explicit_nonce.as_ref(), None, inner, &tag)?;
        self.protection.opened();
        Ok(Some((record_len, start, opened)))
    }

    /// Opens the ciphertext into `inner`; `None` if it is already there. When it fails, nothing is left there.
    #[inline]
    fn open(
        &self,
        content_type: ContentType,
        header: &[u8; RECORD_HEADER],
        explicit_nonce: Option<&[u8; EXPLICIT_NONCE_LEN]>,
        ciphertext: Option<&[u8]>,
        inner: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<Opened> {
        let result = self
            .protection
            .open(header, explicit_nonce, ciphertext, inner, tag)
            .map_err(|BadRecord| bad_record())
            .and_then(|()| inspect(self.protection.keys().version, content_type, inner));
        if result.is_err() {
            inner.fill(0);
        }
        result
    }
}

/// Finds type and length of the opened content.
#[inline]
fn inspect(version: Version, outer_type: ContentType, inner: &[u8]) -> Result<Opened> {
    let opened = match version {
        Version::Tls12 => Opened { content_type: outer_type, data_len: inner.len() },
        Version::Tls13 => {
            // RFC 8446 section 5.2: the limit covers data, type and padding together.
            if inner.len() > MAX_PLAINTEXT + 1 {
                return Err(too_long());
            }
            // RFC 8446 section 5.4: the type is the last byte that is not zero, and there must be one.
            let data_len =
                inner.iter().rposition(|byte| *byte != 0).ok_or_else(|| no_type("a record that is all padding"))?;
            // RFC 8446 section 5: change_cipher_spec is never protected.
            let content_type = ContentType::from_byte(inner[data_len])
                .filter(|inner_type| *inner_type != ContentType::ChangeCipherSpec)
                .ok_or_else(|| no_type("a record of unknown type"))?;
            Opened { content_type, data_len }
        }
    };
    // RFC 5246 section 6.2.1.
    if opened.data_len > MAX_PLAINTEXT {
        return Err(too_long());
    }
    Ok(opened)
}

/// RFC 8446 section 5.2: a record that fails to open ends the connection with bad_record_mac.
#[cold]
fn bad_record() -> Failure {
    Failure::protocol(Alert::BAD_RECORD_MAC, "a record could not be opened: damaged, forged, or out of order")
}

#[cold]
fn no_type(message: &'static str) -> Failure {
    Failure::protocol(Alert::UNEXPECTED_MESSAGE, message)
}

#[cold]
fn unprotected() -> Failure {
    Failure::protocol(Alert::UNEXPECTED_MESSAGE, "an unprotected record after the handshake")
}

#[cold]
fn too_long() -> Failure {
    Failure::protocol(Alert::RECORD_OVERFLOW, "a record holds more than 2^14 bytes of plaintext")
}

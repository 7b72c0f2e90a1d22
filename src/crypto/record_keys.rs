//! One direction's AEAD key: nonces and additional data of both versions. Stateless: it seals and opens at the sequence
//! number that it is given.

use zeroize::Zeroize;

use super::aead::{Aead, EXPLICIT_NONCE_LEN, NONCE_LEN, TAG_LEN};
use super::provider::RecordKey;
use super::provider::aead::Aad;
use super::secrets::KeyMaterial;
use crate::limits::RECORD_HEADER;
use crate::outcome::{Failure, Result};
use crate::wire::{ContentType, Version, record};

/// One direction's key and IV. Open sessions have it inside a `Protection`, which counts; handshakes have it inside a
/// `HandshakeSealer`, where rustls counts.
pub(crate) struct RecordKeys {
    key: RecordKey,
    iv: Iv,
    pub(crate) version: Version,
    pub(crate) aead: Aead,
    /// Asked of every record.
    explicit_nonce: bool,
    /// Tests exhaust keys early.
    #[cfg(test)]
    pub(crate) fewer_records: u64,
}

/// Bytes of `fewer_records`, which sessions of users do not have.
#[cfg(test)]
pub(crate) const OF_TESTS: usize = size_of::<u64>();

/// Eight bytes and four, as big-endian numbers: on its way into a nonce an IV is one number, and idle sessions are small.
/// It is wiped when dropped.
struct Iv(u64, u32);

impl Iv {
    /// `None` for another length than a nonce's.
    fn new(bytes: &[u8]) -> Option<Self> {
        let (front, rest) = bytes.split_first_chunk()?;
        Some(Self(u64::from_be_bytes(*front), u32::from_be_bytes(rest.try_into().ok()?)))
    }

    /// In the upper 96 bits.
    #[inline]
    fn wide(&self) -> u128 {
        u128::from(self.0) << 64 | u128::from(self.1) << 32
    }
}

impl Drop for Iv {
    fn drop(&mut self) {
        self.0.zeroize();
        self.1.zeroize();
    }
}

impl RecordKeys {
    /// Boxed before anything else happens to it: the key schedule has one place. The caller wipes the stack.
    pub(crate) fn new(version: Version, material: &KeyMaterial) -> Result<Box<Self>> {
        let aead = material.aead;
        let wrong = || Failure::internal("a key or an IV of a wrong length");
        Ok(Box::new(Self {
            key: RecordKey::new(aead.algorithm(), material.key()).map_err(|_| wrong())?,
            iv: Iv::new(material.iv()).ok_or_else(wrong)?,
            version,
            aead,
            // RFC 5288 section 3. RFC 7905: ChaCha20-Poly1305 has none in TLS 1.2 either.
            explicit_nonce: version == Version::Tls12 && aead.is_gcm(),
            #[cfg(test)]
            fewer_records: 0,
        }))
    }

    /// Records that may be sealed under this key (RFC 8446 section 5.5).
    #[inline]
    pub(crate) fn max_records(&self) -> u64 {
        let max_records = self.aead.max_records();
        #[cfg(test)]
        let max_records = max_records - self.fewer_records;
        max_records
    }

    /// Bytes between header and data.
    pub(crate) fn prefix_len(&self) -> usize {
        if self.explicit_nonce { EXPLICIT_NONCE_LEN } else { 0 }
    }

    /// Bytes of a record that are not data: header, explicit nonce, inner type, tag.
    pub(crate) fn overhead(&self) -> usize {
        RECORD_HEADER + self.prefix_len() + self.inner_type_len() + TAG_LEN
    }

    /// TLS 1.3 encrypts the type after the data (RFC 8446 section 5.2).
    pub(crate) fn inner_type_len(&self) -> usize {
        usize::from(self.version == Version::Tls13)
    }

    /// The nonce for sealing a record: RFC 8446 section 5.3; TLS 1.2's GCM leaves the explicit part to the sender
    /// (RFC 5288 section 3), and the same construction keeps it unique.
    fn nonce(&self, sequence: u64) -> [u8; NONCE_LEN] {
        // As one number, which is stored as it is loaded: eight bytes, then four. Stored in other pieces, it would
        // have to reach the cache before it could be loaded.
        let [nonce @ .., _, _, _, _] = (self.iv.wide() ^ u128::from(sequence) << 32).to_be_bytes();
        nonce
    }

    /// RFC 5288 section 3: the salt from the key block, the rest as sent.
    #[inline]
    fn nonce_with(&self, explicit: [u8; EXPLICIT_NONCE_LEN]) -> [u8; NONCE_LEN] {
        let salt = self.iv.wide() >> 96 << 96;
        let [nonce @ .., _, _, _, _] = (salt | u128::from(u64::from_be_bytes(explicit)) << 32).to_be_bytes();
        nonce
    }

    /// Writes header and explicit nonce, and seals the data after them as the record of this sequence number. If `data` is
    /// `None`, it is already there. The caller must never seal two records of one number that both leave.
    #[inline]
    pub(crate) fn seal_at(
        &self,
        sequence: u64,
        content_type: ContentType,
        data: Option<&[u8]>,
        record: RecordRoom<'_>,
    ) -> Result<()> {
        let nonce = self.nonce(sequence);
        if let Some(explicit) = record.explicit_nonce {
            // The last eight bytes of the nonce; cut out of it, they would decide in which pieces it is stored.
            *explicit = ((self.iv.wide() >> 32) as u64 ^ sequence).to_be_bytes();
        }
        let payload_len = self.prefix_len() + record.sealed.len();
        let sealed = match self.version {
            Version::Tls13 => {
                // RFC 8446 section 5.2: the type is encrypted after the data, and protected records look like application
                // data.
                let header = record::header(ContentType::ApplicationData, payload_len);
                *record.header = header;
                self.key.seal(nonce, Aad::from(header), data, Some(content_type as u8), record.sealed)
            }
            Version::Tls12 => {
                let header = record::header(content_type, payload_len);
                *record.header = header;
                let additional_data =
                    additional_data_tls12(sequence, header, record.sealed.len().saturating_sub(TAG_LEN));
                self.key.seal(nonce, additional_data, data, None, record.sealed)
            }
        };
        sealed.map_err(|_| Failure::internal("the AEAD refused to seal"))
    }

    /// Opens `ciphertext` (without explicit nonce and tag) of the record of this sequence number into `inner`, which is as
    /// long. If it is `None`, it is already there.
    #[inline]
    pub(crate) fn open_at(
        &self,
        sequence: u64,
        header: &[u8; RECORD_HEADER],
        explicit_nonce: Option<&[u8; EXPLICIT_NONCE_LEN]>,
        ciphertext: Option<&[u8]>,
        inner: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadRecord> {
        let nonce = match explicit_nonce {
            None => self.nonce(sequence),
            Some(explicit) => self.nonce_with(*explicit),
        };
        let opened = match self.version {
            // RFC 8446 section 5.2: the header as sent.
            Version::Tls13 => self.key.open(nonce, Aad::from(*header), ciphertext, tag, inner),
            Version::Tls12 => {
                let additional_data = additional_data_tls12(sequence, *header, inner.len());
                self.key.open(nonce, additional_data, ciphertext, tag, inner)
            }
        };
        opened.map_err(|_| BadRecord)
    }

    /// Takes room for a record apart; `None` if it is too short for one.
    #[inline]
    pub(crate) fn room_in<'a>(&self, record: &'a mut [u8]) -> Option<RecordRoom<'a>> {
        let (header, payload) = record.split_first_chunk_mut()?;
        self.room_after(header, payload)
    }

    /// The same, with the header apart.
    #[inline]
    pub(crate) fn room_after<'a>(
        &self,
        header: &'a mut [u8; RECORD_HEADER],
        payload: &'a mut [u8],
    ) -> Option<RecordRoom<'a>> {
        let (explicit_nonce, payload) = match self.explicit_nonce {
            true => payload.split_first_chunk_mut().map(|(nonce, rest)| (Some(nonce), rest))?,
            false => (None, payload),
        };
        Some(RecordRoom { header, explicit_nonce, sealed: payload })
    }
}

/// RFC 5246 section 6.2.3.3: sequence number, type, version, and the length of the plaintext.
#[inline]
fn additional_data_tls12(sequence: u64, header: [u8; RECORD_HEADER], data_len: usize) -> Aad<[u8; 13]> {
    let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
    let [content_type, major, minor, ..] = header;
    let [high, low] = (data_len as u16).to_be_bytes();
    Aad::from([a, b, c, d, e, f, g, h, content_type, major, minor, high, low])
}

/// A record to be sealed, each part where it lies.
pub(crate) struct RecordRoom<'a> {
    pub(crate) header: &'a mut [u8; RECORD_HEADER],
    pub(crate) explicit_nonce: Option<&'a mut [u8; EXPLICIT_NONCE_LEN]>,
    /// The data, in TLS 1.3 its type, and the tag.
    pub(crate) sealed: &'a mut [u8],
}

/// A record that does not open: forged, damaged, or sealed with other keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRecord;

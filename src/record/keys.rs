//! AEAD keys, nonces and additional data of both versions.

use ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::ConnectionTrafficSecrets;
use zeroize::Zeroize;

use super::{ContentType, Version, header};
use crate::limits::{MAX_RECORDS_AES_GCM, MAX_RECORDS_CHACHA20_POLY1305, RECORD_HEADER};
use crate::outcome::Failure;

/// Bytes of every tag that TLS uses here.
pub(crate) const TAG_LEN: usize = 16;

/// Bytes of TLS 1.2's explicit AES-GCM nonce (RFC 5288 section 3).
pub(crate) const EXPLICIT_NONCE_LEN: usize = 8;

const NONCE_LEN: usize = aead::NONCE_LEN;

/// The AEAD of a TLS 1.3 suite.
pub(crate) fn algorithm_tls13(suite: rustls::CipherSuite) -> Option<&'static aead::Algorithm> {
    match suite {
        rustls::CipherSuite::TLS13_AES_128_GCM_SHA256 => Some(&aead::AES_128_GCM),
        rustls::CipherSuite::TLS13_AES_256_GCM_SHA384 => Some(&aead::AES_256_GCM),
        rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => Some(&aead::CHACHA20_POLY1305),
        _ => None,
    }
}

/// One direction's key, its nonces, and its count of records.
///
/// Invariant: `sequence` is the number of records done under this key. It only grows, so no nonce is used twice.
pub(crate) struct Protection {
    key: LessSafeKey,
    /// In the upper 96 bits.
    iv: u128,
    sequence: u64,
    version: Version,
    explicit_nonce: bool,
    max_records: u64,
}

impl Drop for Protection {
    fn drop(&mut self) {
        self.iv.zeroize();
        // ring does not wipe its keys: overwrite the key's schedule where it lies with that of a key of zeros.
        // The fence keeps the compiler from dropping a store that nobody reads.
        let algorithm = self.key.algorithm();
        if let Ok(zeros) = UnboundKey::new(algorithm, &[0; 32][..algorithm.key_len()]) {
            self.key = LessSafeKey::new(zeros);
            std::hint::black_box(&self.key);
        }
    }
}

impl Protection {
    /// Takes over where the handshake left off.
    pub(crate) fn new(version: Version, secrets: &ConnectionTrafficSecrets, sequence: u64) -> Result<Self, Failure> {
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&aead::AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&aead::AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&aead::CHACHA20_POLY1305, key, iv),
            _ => return Err(Failure::internal("a cipher suite without a record protection of ours")),
        };
        let iv = iv.as_ref().try_into().map_err(|_| Failure::internal("an IV of a wrong length"))?;
        Self::from_parts(version, algorithm, key.as_ref(), iv, sequence)
    }

    pub(crate) fn from_parts(
        version: Version,
        algorithm: &'static aead::Algorithm,
        key: &[u8],
        iv: [u8; NONCE_LEN],
        sequence: u64,
    ) -> Result<Self, Failure> {
        let key = UnboundKey::new(algorithm, key).map_err(|_| Failure::internal("a key of a wrong length"))?;
        let gcm = algorithm != &aead::CHACHA20_POLY1305;
        Ok(Self {
            key: LessSafeKey::new(key),
            iv: widen(iv),
            sequence,
            version,
            // RFC 7905: ChaCha20-Poly1305 has no explicit nonce in TLS 1.2 either.
            explicit_nonce: gcm && version == Version::Tls12,
            max_records: if gcm { MAX_RECORDS_AES_GCM } else { MAX_RECORDS_CHACHA20_POLY1305 },
        })
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn algorithm(&self) -> &'static aead::Algorithm {
        self.key.algorithm()
    }

    /// Records done under this key.
    #[inline]
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Records that may still be sealed under this key (RFC 8446 section 5.5).
    pub(crate) fn records_left(&self) -> u64 {
        self.max_records.saturating_sub(self.sequence)
    }

    /// Bytes between header and data.
    pub(crate) fn prefix_len(&self) -> usize {
        if self.explicit_nonce { EXPLICIT_NONCE_LEN } else { 0 }
    }

    /// Bytes of a record that are not data: header, explicit nonce, inner type, tag.
    pub(crate) fn overhead(&self) -> usize {
        RECORD_HEADER + self.prefix_len() + self.inner_type_len() + TAG_LEN
    }

    /// TLS 1.3 hides the type behind the data (RFC 8446 section 5.2).
    pub(crate) fn inner_type_len(&self) -> usize {
        usize::from(self.version == Version::Tls13)
    }

    /// The nonce for sealing the next record: RFC 8446 section 5.3; TLS 1.2's GCM leaves the explicit part to the
    /// sender (RFC 5288 section 3), and the same construction keeps it unique.
    fn nonce(&self) -> [u8; NONCE_LEN] {
        // As one number, which is stored as ring loads it: eight bytes, then four. Stored in other pieces, it would
        // have to reach the cache before it could be loaded.
        let [nonce @ .., _, _, _, _] = (self.iv ^ u128::from(self.sequence) << 32).to_be_bytes();
        nonce
    }

    /// RFC 5288 section 3: the salt from the key block, the rest as sent.
    #[inline]
    fn nonce_with(&self, explicit: [u8; EXPLICIT_NONCE_LEN]) -> [u8; NONCE_LEN] {
        let salt = self.iv >> 96 << 96;
        let [nonce @ .., _, _, _, _] = (salt | u128::from(u64::from_be_bytes(explicit)) << 32).to_be_bytes();
        nonce
    }

    /// Writes the header, seals `inner` in place, writes explicit nonce and tag around it, and counts the record.
    /// `inner` ends with what `inner_type_len` says.
    #[inline]
    pub(crate) fn seal(&mut self, content_type: ContentType, record: Parts<'_>) -> Result<(), Failure> {
        let nonce = self.nonce();
        if let Some(explicit) = record.explicit_nonce {
            // The last eight bytes of the nonce; cut out of it, they would decide in which pieces it is stored.
            *explicit = ((self.iv >> 32) as u64 ^ self.sequence).to_be_bytes();
        }
        let header = header::bytes(content_type, self.prefix_len() + record.inner.len() + TAG_LEN);
        *record.header = header;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = match self.version {
            Version::Tls13 => self.key.seal_in_place_separate_tag(nonce, Aad::from(header), record.inner),
            Version::Tls12 => {
                let additional_data = self.additional_data_tls12(header, record.inner.len());
                self.key.seal_in_place_separate_tag(nonce, additional_data, record.inner)
            }
        };
        let tag = tag.map_err(|_| Failure::internal("the AEAD refused to seal"))?;
        record.tag.copy_from_slice(tag.as_ref());
        self.sequence += 1;
        Ok(())
    }

    /// Opens in place what stands in `inner` (the ciphertext without explicit nonce and tag). It does not count the
    /// record: `opened` does, once the caller has decided to take it.
    #[inline]
    pub(crate) fn open(
        &self,
        header: &[u8; RECORD_HEADER],
        explicit_nonce: Option<&[u8; EXPLICIT_NONCE_LEN]>,
        inner: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadRecord> {
        let nonce = match explicit_nonce {
            None => self.nonce(),
            Some(explicit) => self.nonce_with(*explicit),
        };
        let (nonce, tag) = (Nonce::assume_unique_for_key(nonce), aead::Tag::from(*tag));
        let opened = match self.version {
            // RFC 8446 section 5.2: the header as sent.
            Version::Tls13 => self.key.open_in_place_separate_tag(nonce, Aad::from(*header), tag, inner, 0..),
            Version::Tls12 => {
                let additional_data = self.additional_data_tls12(*header, inner.len());
                self.key.open_in_place_separate_tag(nonce, additional_data, tag, inner, 0..)
            }
        };
        opened.map(|_| ()).map_err(|_| BadRecord)
    }

    /// Counts an opened record.
    pub(crate) fn opened(&mut self) {
        self.sequence += 1;
    }

    /// RFC 5246 section 6.2.3.3: sequence number, type, version, and the length of the plaintext.
    #[inline]
    fn additional_data_tls12(&self, header: [u8; RECORD_HEADER], data_len: usize) -> Aad<[u8; 13]> {
        let [a, b, c, d, e, f, g, h] = self.sequence.to_be_bytes();
        let [content_type, major, minor, ..] = header;
        let [high, low] = (data_len as u16).to_be_bytes();
        Aad::from([a, b, c, d, e, f, g, h, content_type, major, minor, high, low])
    }

    /// Takes a record apart; `None` if it is too short to be one.
    #[inline]
    pub(crate) fn parts<'a>(&self, record: &'a mut [u8]) -> Option<Parts<'a>> {
        let (header, payload) = record.split_first_chunk_mut()?;
        let (explicit_nonce, payload) = match self.explicit_nonce {
            true => payload.split_first_chunk_mut().map(|(nonce, rest)| (Some(nonce), rest))?,
            false => (None, payload),
        };
        let (inner, tag) = payload.split_last_chunk_mut()?;
        Some(Parts { header, explicit_nonce, inner, tag })
    }

    #[cfg(test)]
    pub(crate) fn set_records_left(&mut self, left: u64) {
        self.max_records = self.sequence + left;
    }
}

/// Puts an IV where `Protection::iv` has it.
fn widen(iv: [u8; NONCE_LEN]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..NONCE_LEN].copy_from_slice(&iv);
    u128::from_be_bytes(bytes)
}

/// A protected record, each part where it lies.
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a mut [u8; RECORD_HEADER],
    pub(crate) explicit_nonce: Option<&'a mut [u8; EXPLICIT_NONCE_LEN]>,
    /// The data; in TLS 1.3 its type and padding too.
    pub(crate) inner: &'a mut [u8],
    pub(crate) tag: &'a mut [u8; TAG_LEN],
}

/// A record that does not open: forged, damaged, or sealed with other keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRecord;

//! AEAD keys, nonces and additional data of both versions.

use rustls::ConnectionTrafficSecrets;
use zeroize::Zeroize;

use super::{ContentType, Version, header};
use crate::crypto::provider::RecordKey;
use crate::crypto::provider::aead::{self, Aad};
use crate::crypto::secrets::KeyMaterial;
use crate::limits::{MAX_RECORDS_AES_GCM, MAX_RECORDS_CHACHA20_POLY1305, RECORD_HEADER};
use crate::outcome::Failure;
use crate::wiping::stack::{DERIVING, wiping};

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

/// What the handshake has agreed on, as an algorithm and bytes.
pub(crate) fn take_apart(
    secrets: &ConnectionTrafficSecrets,
) -> Result<(&'static aead::Algorithm, KeyMaterial), Failure> {
    let (algorithm, key, iv) = match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&aead::AES_128_GCM, key, iv),
        ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&aead::AES_256_GCM, key, iv),
        ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&aead::CHACHA20_POLY1305, key, iv),
        _ => return Err(Failure::internal("a cipher suite without a record protection of ours")),
    };
    let material = KeyMaterial::new(key.as_ref(), iv.as_ref()).ok_or_else(wrong_length)?;
    Ok((algorithm, material))
}

/// One direction's key, its nonces, and its count of records.
///
/// Invariant: `sequence` is the number of records done under this key. It only grows, so no nonce is used twice; `go_to`
/// is for handshakes, which see to that themselves.
pub(crate) struct Protection {
    key: RecordKey,
    iv: Iv,
    sequence: u64,
    version: Version,
    gcm: bool,
    explicit_nonce: bool,
    /// Tests exhaust keys early.
    #[cfg(test)]
    fewer_records: u64,
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

impl Protection {
    /// `sequence`: the number of the next record. Boxed before anything else happens to it: the key schedule has one place.
    pub(crate) fn new(
        version: Version,
        algorithm: &'static aead::Algorithm,
        material: &KeyMaterial,
        sequence: u64,
    ) -> Result<Box<Self>, Failure> {
        let gcm = algorithm != &aead::CHACHA20_POLY1305;
        wiping::<DERIVING, _>(|| {
            Some(Box::new(Self {
                key: RecordKey::new(algorithm, material.key()).ok()?,
                iv: Iv::new(material.iv())?,
                sequence,
                version,
                gcm,
                // RFC 7905: ChaCha20-Poly1305 has no explicit nonce in TLS 1.2 either.
                explicit_nonce: gcm && version == Version::Tls12,
                #[cfg(test)]
                fewer_records: 0,
            }))
        })
        .ok_or_else(wrong_length)
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

    /// The next record has this number. To go back, first drop what was sealed under the numbers since.
    pub(crate) fn go_to(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    /// Records that may still be sealed under this key (RFC 8446 section 5.5).
    #[inline]
    pub(crate) fn records_left(&self) -> u64 {
        self.max_records().saturating_sub(self.sequence)
    }

    #[inline]
    fn max_records(&self) -> u64 {
        let max_records = if self.gcm { MAX_RECORDS_AES_GCM } else { MAX_RECORDS_CHACHA20_POLY1305 };
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

    /// The nonce for sealing the next record: RFC 8446 section 5.3; TLS 1.2's GCM leaves the explicit part to the
    /// sender (RFC 5288 section 3), and the same construction keeps it unique.
    fn nonce(&self) -> [u8; NONCE_LEN] {
        // As one number, which is stored as it is loaded: eight bytes, then four. Stored in other pieces, it would
        // have to reach the cache before it could be loaded.
        let [nonce @ .., _, _, _, _] = (self.iv.wide() ^ u128::from(self.sequence) << 32).to_be_bytes();
        nonce
    }

    /// RFC 5288 section 3: the salt from the key block, the rest as sent.
    #[inline]
    fn nonce_with(&self, explicit: [u8; EXPLICIT_NONCE_LEN]) -> [u8; NONCE_LEN] {
        let salt = self.iv.wide() >> 96 << 96;
        let [nonce @ .., _, _, _, _] = (salt | u128::from(u64::from_be_bytes(explicit)) << 32).to_be_bytes();
        nonce
    }

    /// Writes header and explicit nonce, seals the data after them, and counts the record. Where `data` is `None`, it
    /// is already there.
    #[inline]
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        data: Option<&[u8]>,
        record: Parts<'_>,
    ) -> Result<(), Failure> {
        let nonce = self.nonce();
        if let Some(explicit) = record.explicit_nonce {
            // The last eight bytes of the nonce; cut out of it, they would decide in which pieces it is stored.
            *explicit = ((self.iv.wide() >> 32) as u64 ^ self.sequence).to_be_bytes();
        }
        let payload_len = self.prefix_len() + record.sealed.len();
        let sealed = match self.version {
            Version::Tls13 => {
                // RFC 8446 section 5.2: the type is encrypted after the data, and protected records look like application
                // data.
                let header = header::bytes(ContentType::ApplicationData, payload_len);
                *record.header = header;
                self.key.seal(nonce, Aad::from(header), data, Some(content_type as u8), record.sealed)
            }
            Version::Tls12 => {
                let header = header::bytes(content_type, payload_len);
                *record.header = header;
                let additional_data = self.additional_data_tls12(header, record.sealed.len().saturating_sub(TAG_LEN));
                self.key.seal(nonce, additional_data, data, None, record.sealed)
            }
        };
        sealed.map_err(|_| Failure::internal("the AEAD refused to seal"))?;
        self.sequence += 1;
        Ok(())
    }

    /// Opens `ciphertext` (without explicit nonce and tag) into `inner`, which is as long; where it is `None`, it is
    /// already there. It does not count the record: `opened` does, once the caller has decided to take it.
    #[inline]
    pub(crate) fn open(
        &self,
        header: &[u8; RECORD_HEADER],
        explicit_nonce: Option<&[u8; EXPLICIT_NONCE_LEN]>,
        ciphertext: Option<&[u8]>,
        inner: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadRecord> {
        let nonce = match explicit_nonce {
            None => self.nonce(),
            Some(explicit) => self.nonce_with(*explicit),
        };
        let opened = match self.version {
            // RFC 8446 section 5.2: the header as sent.
            Version::Tls13 => self.key.open(nonce, Aad::from(*header), ciphertext, tag, inner),
            Version::Tls12 => {
                let additional_data = self.additional_data_tls12(*header, inner.len());
                self.key.open(nonce, additional_data, ciphertext, tag, inner)
            }
        };
        opened.map_err(|_| BadRecord)
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

    /// Takes room for a record apart; `None` if it is too short for one.
    #[inline]
    pub(crate) fn parts<'a>(&self, record: &'a mut [u8]) -> Option<Parts<'a>> {
        let (header, payload) = record.split_first_chunk_mut()?;
        self.parts_behind(header, payload)
    }

    /// The same, with the header apart.
    #[inline]
    pub(crate) fn parts_behind<'a>(
        &self,
        header: &'a mut [u8; RECORD_HEADER],
        payload: &'a mut [u8],
    ) -> Option<Parts<'a>> {
        let (explicit_nonce, payload) = match self.explicit_nonce {
            true => payload.split_first_chunk_mut().map(|(nonce, rest)| (Some(nonce), rest))?,
            false => (None, payload),
        };
        Some(Parts { header, explicit_nonce, sealed: payload })
    }

    #[cfg(test)]
    pub(crate) fn set_records_left(&mut self, left: u64) {
        self.fewer_records = 0;
        self.fewer_records = self.max_records() - self.sequence - left;
    }
}

fn wrong_length() -> Failure {
    Failure::internal("a key or an IV of a wrong length")
}

/// A record to be sealed, each part where it lies.
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a mut [u8; RECORD_HEADER],
    pub(crate) explicit_nonce: Option<&'a mut [u8; EXPLICIT_NONCE_LEN]>,
    /// The data, in TLS 1.3 its type, and the tag.
    pub(crate) sealed: &'a mut [u8],
}

/// A record that does not open: forged, damaged, or sealed with other keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadRecord;

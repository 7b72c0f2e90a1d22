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

/// One direction's key and IV. Stateless: it seals and opens at the sequence number that it is given. Open sessions have
/// it inside a [`Protection`], which counts; handshakes have it inside a `HandshakeSealer`, where rustls counts.
pub(crate) struct RecordKeys {
    key: RecordKey,
    iv: Iv,
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

impl RecordKeys {
    /// Boxed before anything else happens to it: the key schedule has one place.
    pub(crate) fn new(
        version: Version,
        algorithm: &'static aead::Algorithm,
        material: &KeyMaterial,
    ) -> Result<Box<Self>, Failure> {
        let gcm = algorithm != &aead::CHACHA20_POLY1305;
        wiping::<DERIVING, _>(|| {
            Some(Box::new(Self {
                key: RecordKey::new(algorithm, material.key()).ok()?,
                iv: Iv::new(material.iv())?,
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

    /// Records that any key of this algorithm may seal.
    #[inline]
    pub(crate) fn records_per_key(&self) -> u64 {
        if self.gcm { MAX_RECORDS_AES_GCM } else { MAX_RECORDS_CHACHA20_POLY1305 }
    }

    /// Records that may be sealed under this key (RFC 8446 section 5.5).
    #[inline]
    fn max_records(&self) -> u64 {
        let max_records = self.records_per_key();
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
        record: Parts<'_>,
    ) -> Result<(), Failure> {
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
                let header = header::bytes(ContentType::ApplicationData, payload_len);
                *record.header = header;
                self.key.seal(nonce, Aad::from(header), data, Some(content_type as u8), record.sealed)
            }
            Version::Tls12 => {
                let header = header::bytes(content_type, payload_len);
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
    pub(crate) fn parts<'a>(&self, record: &'a mut [u8]) -> Option<Parts<'a>> {
        let (header, payload) = record.split_first_chunk_mut()?;
        self.parts_after(header, payload)
    }

    /// The same, with the header apart.
    #[inline]
    pub(crate) fn parts_after<'a>(
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
}

/// RFC 5246 section 6.2.3.3: sequence number, type, version, and the length of the plaintext.
#[inline]
fn additional_data_tls12(sequence: u64, header: [u8; RECORD_HEADER], data_len: usize) -> Aad<[u8; 13]> {
    let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
    let [content_type, major, minor, ..] = header;
    let [high, low] = (data_len as u16).to_be_bytes();
    Aad::from([a, b, c, d, e, f, g, h, content_type, major, minor, high, low])
}

/// The keys of one direction of an open session, and the number of records done under them. The number only grows, so no
/// nonce is used twice (RFC 8446 section 5.3): nothing outside can set it.
pub(crate) struct Protection {
    keys: Box<RecordKeys>,
    sequence: u64,
}

impl Protection {
    /// `sequence`: the number of the next record.
    pub(crate) fn new(keys: Box<RecordKeys>, sequence: u64) -> Self {
        Self { keys, sequence }
    }

    pub(crate) fn keys(&self) -> &RecordKeys {
        &self.keys
    }

    /// Records done under these keys.
    #[inline]
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Records that may still be sealed under these keys (RFC 8446 section 5.5).
    #[inline]
    pub(crate) fn records_left(&self) -> u64 {
        self.keys.max_records().saturating_sub(self.sequence)
    }

    /// Seals the next record and counts it: see [`RecordKeys::seal_at`].
    #[inline]
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        data: Option<&[u8]>,
        record: Parts<'_>,
    ) -> Result<(), Failure> {
        self.keys.seal_at(self.sequence, content_type, data, record)?;
        self.sequence += 1;
        Ok(())
    }

    /// Opens the next record: see [`RecordKeys::open_at`]. It is not counted: `opened` does, once the caller has decided to
    /// consume it.
    #[inline]
    pub(crate) fn open(
        &self,
        header: &[u8; RECORD_HEADER],
        explicit_nonce: Option<&[u8; EXPLICIT_NONCE_LEN]>,
        ciphertext: Option<&[u8]>,
        inner: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadRecord> {
        self.keys.open_at(self.sequence, header, explicit_nonce, ciphertext, inner, tag)
    }

    /// Counts an opened record.
    pub(crate) fn opened(&mut self) {
        self.sequence += 1;
    }

    #[cfg(test)]
    pub(crate) fn set_records_left(&mut self, left: u64) {
        self.keys.fewer_records = 0;
        self.keys.fewer_records = self.keys.max_records() - self.sequence - left;
    }
}

/// Records that the kernel seals: counted here, for the limit of their key, and never sealed here.
pub(crate) struct KernelRecords {
    version: Version,
    algorithm: &'static aead::Algorithm,
    max_records: u64,
    sequence: u64,
}

impl KernelRecords {
    /// The kernel continues where we stop; our copy of the keys is dropped and wiped.
    pub(crate) fn from_ours(ours: Protection) -> Self {
        let Protection { keys, sequence } = ours;
        Self { version: keys.version(), algorithm: keys.algorithm(), max_records: keys.max_records(), sequence }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn algorithm(&self) -> &'static aead::Algorithm {
        self.algorithm
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn records_left(&self) -> u64 {
        self.max_records.saturating_sub(self.sequence)
    }

    /// The kernel has sealed this many more records.
    pub(crate) fn sealed(&mut self, records: u64) {
        self.sequence += records;
    }

    /// The next record is the first under new keys.
    pub(crate) fn start_over(&mut self) {
        self.sequence = 0;
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

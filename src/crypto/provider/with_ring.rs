//! The algorithms are ring's. It seals and opens in place only: what lies elsewhere is copied first.

pub(crate) use ring::{aead, digest, hkdf, rand};
/// rustls's provider made of the same algorithms.
pub(crate) use rustls::crypto::ring as base;
pub(crate) use webpki::ring as signatures;

use aead::{Aad, Algorithm, LessSafeKey, MAX_TAG_LEN as TAG_LEN, NONCE_LEN, Nonce, Tag, UnboundKey};
use ring::error::Unspecified;
use rustls::crypto::SupportedKxGroup;

/// X25519MLKEM768, if the provider has it.
pub(crate) const HYBRID: Option<&'static dyn SupportedKxGroup> = None;

/// RSA keys that sign, in words: `RsaKeyPair` wants primes whose bits are a multiple of 512.
pub(crate) const RSA_KEYS: &str = "one of 2048, 3072 or 4096 bits with a public exponent of at least 65537";

/// One direction's key; wiped when dropped.
pub(crate) struct RecordKey(LessSafeKey);

impl Drop for RecordKey {
    fn drop(&mut self) {
        // ring does not wipe its keys: overwrite the key's schedule where it lies with that of a key of zeros.
        // The fence keeps the compiler from dropping a store that is never read.
        let algorithm = self.0.algorithm();
        if let Ok(zeros) = UnboundKey::new(algorithm, &[0; 32][..algorithm.key_len()]) {
            self.0 = LessSafeKey::new(zeros);
            std::hint::black_box(&self.0);
        }
    }
}

impl RecordKey {
    /// Fails for a key of a wrong length.
    pub(crate) fn new(algorithm: &'static Algorithm, key: &[u8]) -> Result<Self, Unspecified> {
        UnboundKey::new(algorithm, key).map(|key| Self(LessSafeKey::new(key)))
    }

    /// Seals `data`, followed by `inner_type` if there is one, into `sealed`, which is longer by a tag. `None` stands
    /// for data that is already at the front of `sealed`.
    #[inline(always)]
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        additional_data: Aad<impl AsRef<[u8]>>,
        data: Option<&[u8]>,
        inner_type: Option<u8>,
        sealed: &mut [u8],
    ) -> Result<(), Unspecified> {
        let (inner, tag_room) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(Unspecified)?;
        let room = match inner_type {
            Some(inner_type) => {
                let (last, room) = inner.split_last_mut().ok_or(Unspecified)?;
                *last = inner_type;
                room
            }
            None => &mut *inner,
        };
        if let Some(data) = data {
            room.copy_from_slice(data);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, additional_data, inner)?;
        tag_room.copy_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens `ciphertext` into `inner`, which is as long. `None` stands for ciphertext that is already there. After a
    /// failure anything may be there.
    #[inline(always)]
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE_LEN],
        additional_data: Aad<impl AsRef<[u8]>>,
        ciphertext: Option<&[u8]>,
        tag: &[u8; TAG_LEN],
        inner: &mut [u8],
    ) -> Result<(), Unspecified> {
        if let Some(ciphertext) = ciphertext {
            inner.copy_from_slice(ciphertext);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place_separate_tag(nonce, additional_data, Tag::from(*tag), inner, 0..).map(|_| ())
    }
}

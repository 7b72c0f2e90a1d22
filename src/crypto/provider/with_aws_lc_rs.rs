//! The algorithms are aws-lc-rs's. It seals and opens from one place to another, without a copy.

pub(crate) use aws_lc_rs::{aead, digest, hkdf, rand};
/// rustls's provider made of the same algorithms.
pub(crate) use rustls::crypto::aws_lc_rs as base;
pub(crate) use webpki::aws_lc_rs as signatures;

use aead::{Aad, Algorithm, LessSafeKey, MAX_TAG_LEN as TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use rustls::crypto::SupportedKxGroup;

/// X25519MLKEM768, if the provider has it.
pub(crate) const HYBRID: Option<&'static dyn SupportedKxGroup> = Some(base::kx_group::X25519MLKEM768);

/// RSA keys that sign, in words.
pub(crate) const RSA_KEYS: &str = "one of 2048 to 4096 bits";

/// One direction's key. It is on AWS-LC's heap, and AWS-LC wipes what it frees.
pub(crate) struct RecordKey(LessSafeKey);

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
        let behind = inner_type.as_slice();
        let data_len = sealed.len().checked_sub(behind.len() + TAG_LEN).ok_or(Unspecified)?;
        let (room, behind_and_tag) = sealed.split_at_mut(data_len);
        let nonce = Nonce::assume_unique_for_key(nonce);
        match data {
            Some(data) => self.0.seal_out_of_place_scatter(nonce, additional_data, data, room, behind, behind_and_tag),
            None => self.0.seal_in_place_scatter(nonce, additional_data, room, behind, behind_and_tag),
        }
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
        let nonce = Nonce::assume_unique_for_key(nonce);
        match ciphertext {
            Some(ciphertext) => self.0.open_separate_gather(nonce, additional_data, ciphertext, tag, inner),
            None => self.0.open_in_place_separate_tag(nonce, additional_data, tag, inner).map(|_| ()),
        }
    }
}

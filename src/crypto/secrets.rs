//! Bytes that stay secret: they are wiped when they are dropped, and never printed.

use rustls::ConnectionTrafficSecrets;
use zeroize::Zeroize;

use super::aead::{Aead, NONCE_LEN};

/// Bytes that are wiped when they are dropped, and never printed. They have one place for as long as they live: moving the value
/// copies a pointer.
struct Wiped<const LEN: usize>(Box<[u8; LEN]>);

impl<const LEN: usize> Wiped<LEN> {
    fn zeros() -> Self {
        Self(Box::new([0; LEN]))
    }
}

impl<const LEN: usize> Drop for Wiped<LEN> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The most bytes that a secret has: a SHA-384 output.
const MAX_SECRET: usize = 48;

/// A traffic secret. It is wiped when dropped, and never printed.
pub(crate) struct Secret {
    /// The secret, then its length in the last byte.
    place: Wiped<{ MAX_SECRET + 1 }>,
}

impl Secret {
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let mut new = Self::zeros(secret.len())?;
        new.bytes_mut().copy_from_slice(secret);
        Some(new)
    }

    /// To be filled in.
    pub(super) fn zeros(len: usize) -> Option<Self> {
        let mut place = Wiped::zeros();
        place.0[MAX_SECRET] = u8::try_from(len).ok().filter(|_| len <= MAX_SECRET)?;
        Some(Self { place })
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.place.0[MAX_SECRET])
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.place.0[..self.len()]
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        let len = self.len();
        &mut self.place.0[..len]
    }
}

/// The bytes of an AEAD's longest key.
const MAX_KEY: usize = 32;

/// The key and IV of an AEAD, as bytes; wiped when dropped, and never printed.
pub(crate) struct KeyMaterial {
    /// The IV, then the key.
    place: Wiped<{ NONCE_LEN + MAX_KEY }>,
    pub(crate) aead: Aead,
}

impl KeyMaterial {
    /// `None` for a length that is not the AEAD's.
    pub(crate) fn new(aead: Aead, key: &[u8], iv: &[u8]) -> Option<Self> {
        let mut material = Self::zeros(aead);
        let (iv_room, key_room) = material.parts_mut();
        if (key.len(), iv.len()) != (key_room.len(), iv_room.len()) {
            return None;
        }
        key_room.copy_from_slice(key);
        iv_room.copy_from_slice(iv);
        Some(material)
    }

    /// What rustls's handshake has agreed on.
    pub(crate) fn of(secrets: &ConnectionTrafficSecrets) -> Option<Self> {
        let (aead, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (Aead::Aes128Gcm, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (Aead::Aes256Gcm, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (Aead::ChaCha20Poly1305, key, iv),
            _ => return None,
        };
        Self::new(aead, key.as_ref(), iv.as_ref())
    }

    /// To be filled in.
    pub(super) fn zeros(aead: Aead) -> Self {
        Self { place: Wiped::zeros(), aead }
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.place.0[NONCE_LEN..][..self.aead.key_len()]
    }

    pub(crate) fn iv(&self) -> &[u8] {
        &self.place.0[..NONCE_LEN]
    }

    pub(super) fn parts_mut(&mut self) -> (&mut [u8], &mut [u8]) {
        let (iv, key) = self.place.0.split_at_mut(NONCE_LEN);
        (iv, &mut key[..self.aead.key_len()])
    }
}

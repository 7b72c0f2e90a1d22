//! What the kernel's TLS is given: keys in the layout of `linux/tls.h`, and why it may not have them.

use zeroize::Zeroizing;

use crate::crypto::aead::Aead;
use crate::crypto::secrets::KeyMaterial;
use crate::crypto::traffic::TrafficSecret;
use crate::outcome::Result;
use crate::wire::Version;

/// Which way the kernel protects records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `TLS_TX`.
    Send = 1,
    /// `TLS_RX`.
    Receive = 2,
}

/// Why the kernel does not do what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelReason {
    /// The operating system has no TLS.
    Platform,
    /// This kernel, or this kind of socket, has none: its `errno` says more.
    Unavailable,
    /// It has refused the keys of this version and suite: its `errno` says more.
    Refused,
    /// The options limit the size of records, which it does not.
    Options,
}

/// A `struct tls12_crypto_info_…`; wiped when dropped.
pub(crate) struct CryptoInfo(Zeroizing<Vec<u8>>);

/// Bytes of TLS 1.2's implicit part of a GCM nonce (RFC 5288 section 3), and of what it is in TLS 1.3 for the kernel.
const SALT: usize = 4;

impl CryptoInfo {
    /// `sequence`: the number of the next record. None if there have been so many that TLS 1.2's nonces could repeat.
    pub(crate) fn new(version: Version, material: &KeyMaterial, sequence: u64) -> Option<Self> {
        let (version_number, number) = (version_number(version), cipher_number(material.aead));
        let mut bytes = Zeroizing::new(Vec::with_capacity(64));
        bytes.extend_from_slice(&version_number.to_ne_bytes());
        bytes.extend_from_slice(&number.to_ne_bytes());
        let (salt, rest) = material.iv().split_at(if material.aead.is_gcm() { SALT } else { 0 });
        if version == Version::Tls12 && material.aead.is_gcm() {
            bytes.extend_from_slice(&explicit_start(rest.try_into().ok()?, sequence)?.to_be_bytes());
        } else {
            bytes.extend_from_slice(rest);
        }
        bytes.extend_from_slice(material.key());
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(&sequence.to_be_bytes());
        Some(Self(bytes))
    }

    /// The keys of a generation (RFC 8446 section 7.3), whose first record is the next.
    pub(crate) fn of(traffic: &TrafficSecret) -> Result<Option<Self>> {
        Ok(Self::new(Version::Tls13, &traffic.material()?, 0))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `TLS_CIPHER_…`.
fn cipher_number(aead: Aead) -> u16 {
    match aead {
        Aead::Aes128Gcm => 51,
        Aead::Aes256Gcm => 52,
        Aead::ChaCha20Poly1305 => 54,
    }
}

fn version_number(version: Version) -> u16 {
    match version {
        Version::Tls12 => 0x0303,
        Version::Tls13 => 0x0304,
    }
}

/// The first explicit nonce of TLS 1.2's GCM that the kernel uses; it counts up from there. Ours were `iv` xor the record's
/// number: with less than 2^16 records they all agree with `iv` in their upper 48 bits, and these are the next.
fn explicit_start(iv: [u8; 8], sequence: u64) -> Option<u64> {
    const LOW: u64 = 0xffff;
    (sequence <= LOW).then(|| (u64::from_be_bytes(iv) | LOW).wrapping_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn material(aead: Aead) -> KeyMaterial {
        let key: Vec<u8> = (0..aead.key_len() as u8).map(|byte| 0x40 + byte).collect();
        KeyMaterial::new(aead, &key, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).unwrap()
    }

    /// Offsets and sizes as in `linux/tls.h`: `ffi-tests/judges/kernel/layout.c` compares these bytes with the header's own.
    #[test]
    fn keys_lie_as_the_kernel_header_has_them() {
        let info = CryptoInfo::new(Version::Tls13, &material(Aead::Aes128Gcm), 0x0102).unwrap();
        let bytes = info.as_bytes();
        assert_eq!(bytes.len(), 40);
        assert_eq!(bytes[..4], [0x0304u16.to_ne_bytes(), 51u16.to_ne_bytes()].concat());
        assert_eq!(bytes[4..12], [5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!((bytes[12], bytes[27]), (0x40, 0x4f));
        assert_eq!(bytes[28..32], [1, 2, 3, 4]);
        assert_eq!(bytes[32..], [0, 0, 0, 0, 0, 0, 1, 2]);

        let info = CryptoInfo::new(Version::Tls13, &material(Aead::Aes256Gcm), 0).unwrap();
        assert_eq!(info.as_bytes().len(), 56);
        assert_eq!(info.as_bytes()[2..4], 52u16.to_ne_bytes());
        assert_eq!(info.as_bytes()[44..48], [1, 2, 3, 4]);

        let info = CryptoInfo::new(Version::Tls12, &material(Aead::ChaCha20Poly1305), 1).unwrap();
        let bytes = info.as_bytes();
        assert_eq!(bytes.len(), 56);
        assert_eq!(bytes[..4], [0x0303u16.to_ne_bytes(), 54u16.to_ne_bytes()].concat());
        assert_eq!(bytes[4..16], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!((bytes[16], bytes[47]), (0x40, 0x5f));
        assert_eq!(bytes[48..], [0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn the_kernel_repeats_no_explicit_nonce_of_ours() {
        for iv in [0u64, 1, 0xffff, 0x1234_5678_9abc_def0, u64::MAX, u64::MAX - 0xffff] {
            for sequence in [1u64, 2, 7, 0xffff] {
                let start = explicit_start(iv.to_be_bytes(), sequence).unwrap();
                for ours in (0..sequence.min(100)).map(|number| iv ^ number) {
                    // How many records it takes until the kernel's counter is there: more than a key may protect.
                    assert!(ours.wrapping_sub(start) > crate::limits::MAX_RECORDS_AES_GCM, "{iv:x} {sequence}");
                }
            }
            assert_eq!(explicit_start(iv.to_be_bytes(), 0x1_0000), None);
        }
    }
}

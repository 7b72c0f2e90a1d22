//! The AEADs that protect records, and all that differs between them.

use super::provider::aead::{self, Algorithm};
use crate::limits::{MAX_RECORDS_AES_GCM, MAX_RECORDS_CHACHA20_POLY1305};

/// Bytes of every nonce (RFC 8446 section 5.3) and of every tag that TLS uses here.
pub(crate) use super::provider::aead::{MAX_TAG_LEN as TAG_LEN, NONCE_LEN};

/// Bytes of TLS 1.2's explicit AES-GCM nonce (RFC 5288 section 3).
pub(crate) const EXPLICIT_NONCE_LEN: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aead {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Aead {
    /// The AEAD of a TLS 1.3 suite.
    pub(crate) fn of_tls13(suite: rustls::CipherSuite) -> Option<Self> {
        match suite {
            rustls::CipherSuite::TLS13_AES_128_GCM_SHA256 => Some(Self::Aes128Gcm),
            rustls::CipherSuite::TLS13_AES_256_GCM_SHA384 => Some(Self::Aes256Gcm),
            rustls::CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }

    pub(super) fn algorithm(self) -> &'static Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }

    /// Bytes of a key.
    pub(crate) fn key_len(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Records that a key may seal (RFC 8446 section 5.5).
    #[inline]
    pub(crate) fn max_records(self) -> u64 {
        if self.is_gcm() { MAX_RECORDS_AES_GCM } else { MAX_RECORDS_CHACHA20_POLY1305 }
    }

    #[inline]
    pub(crate) fn is_gcm(self) -> bool {
        self != Self::ChaCha20Poly1305
    }
}

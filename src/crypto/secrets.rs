//! TLS 1.3 traffic secrets and the keys derived from them (RFC 8446 section 7).

use rustls::Tls13CipherSuite;
use rustls::crypto::hmac;
use rustls::crypto::tls13::{HkdfExpander, OkmBlock};
use zeroize::Zeroize;

use super::provider::aead;
use crate::outcome::Failure;
use crate::record::Version;
use crate::record::keys::Protection;

/// The most bytes that a secret has: a SHA-384 output.
const MAX_SECRET: usize = 48;

/// A traffic secret. It is wiped when dropped, and never printed.
#[derive(Clone)]
pub(crate) struct Secret {
    bytes: [u8; MAX_SECRET],
    len: u8,
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl Secret {
    pub(crate) fn new(secret: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_SECRET];
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(Self { bytes, len: secret.len() as u8 })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The bytes of an AEAD's longest key.
const MAX_KEY: usize = 32;

/// A key and its IV, as bytes; wiped when dropped, and never printed.
pub(crate) struct KeyMaterial {
    key: [u8; MAX_KEY],
    len: u8,
    iv: [u8; aead::NONCE_LEN],
}

impl Drop for KeyMaterial {
    fn drop(&mut self) {
        self.key.zeroize();
        self.iv.zeroize();
    }
}

impl KeyMaterial {
    pub(crate) fn new(key: &[u8], iv: [u8; aead::NONCE_LEN]) -> Option<Self> {
        let mut material = Self { key: [0; MAX_KEY], len: key.len() as u8, iv };
        material.key.get_mut(..key.len())?.copy_from_slice(key);
        Some(material)
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key[..usize::from(self.len)]
    }

    pub(crate) fn iv(&self) -> &[u8; aead::NONCE_LEN] {
        &self.iv
    }
}

/// One direction's traffic secret and the suite that turns it into keys.
pub(crate) struct TrafficSecret {
    suite: &'static Tls13CipherSuite,
    secret: Secret,
}

impl TrafficSecret {
    pub(crate) fn new(suite: &'static Tls13CipherSuite, secret: Secret) -> Self {
        Self { suite, secret }
    }

    /// Moves to the next generation (RFC 8446 section 7.2) and returns its keys.
    pub(crate) fn update(&mut self, algorithm: &'static aead::Algorithm) -> Result<Protection, Failure> {
        let mut next = Secret { bytes: [0; MAX_SECRET], len: self.secret.len };
        let len = usize::from(next.len);
        expand_label(&*self.expander(), b"traffic upd", &[], &mut next.bytes[..len])?;
        self.secret = next;
        self.keys(algorithm)
    }

    /// The keys of this generation.
    pub(crate) fn keys(&self, algorithm: &'static aead::Algorithm) -> Result<Protection, Failure> {
        let material = self.material(algorithm)?;
        Protection::from_parts(Version::Tls13, algorithm, material.key(), *material.iv(), 0)
    }

    /// The bytes of these keys (section 7.3).
    pub(crate) fn material(&self, algorithm: &'static aead::Algorithm) -> Result<KeyMaterial, Failure> {
        let expander = self.expander();
        let mut material = KeyMaterial { key: [0; MAX_KEY], len: algorithm.key_len() as u8, iv: [0; aead::NONCE_LEN] };
        expand_label(&*expander, b"key", &[], &mut material.key[..algorithm.key_len()])?;
        expand_label(&*expander, b"iv", &[], &mut material.iv)?;
        Ok(material)
    }

    /// The `verify_data` of a Finished under this secret (RFC 8446 section 4.4.4).
    pub(crate) fn finished(&self, transcript_hash: &[u8]) -> Result<hmac::Tag, Failure> {
        let mut key = [0; MAX_SECRET];
        let len = usize::from(self.secret.len);
        expand_label(&*self.expander(), b"finished", &[], &mut key[..len])?;
        let tag = self.suite.hkdf_provider.hmac_sign(&OkmBlock::new(&key[..len]), transcript_hash);
        key.zeroize();
        Ok(tag)
    }

    fn expander(&self) -> Box<dyn HkdfExpander> {
        self.suite.hkdf_provider.expander_for_okm(&OkmBlock::new(self.secret.as_bytes()))
    }
}

/// HKDF-Expand-Label (RFC 8446 section 7.1).
pub(super) fn expand_label(
    expander: &dyn HkdfExpander,
    label: &[u8],
    context: &[u8],
    output: &mut [u8],
) -> Result<(), Failure> {
    const PREFIX: &[u8] = b"tls13 ";
    let output_len = (output.len() as u16).to_be_bytes();
    let label_len = [(PREFIX.len() + label.len()) as u8];
    let context_len = [context.len() as u8];
    expander
        .expand_slice(&[&output_len, &label_len, PREFIX, label, &context_len, context], output)
        .map_err(|_| Failure::internal("a key longer than HKDF can give"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8448 section 3 ("Simple 1-RTT Handshake"): the server's application traffic secret gives its write key.
    #[test]
    fn keys_follow_from_a_secret_as_in_rfc_8448() {
        let secret: Vec<u8> = (0..32)
            .map(|i| {
                u8::from_str_radix(
                    &"a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"[i * 2..i * 2 + 2],
                    16,
                )
                .unwrap()
            })
            .collect();
        let suite = crate::crypto::provider::base::cipher_suite::TLS13_AES_128_GCM_SHA256;
        let rustls::SupportedCipherSuite::Tls13(suite) = suite else { panic!("a TLS 1.3 suite") };
        let traffic = TrafficSecret::new(suite, Secret::new(&secret).unwrap());
        let mut key = [0; 16];
        expand_label(&*traffic.expander(), b"key", &[], &mut key).unwrap();
        assert_eq!(
            key,
            [0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef, 0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56]
        );
        let mut iv = [0; 12];
        expand_label(&*traffic.expander(), b"iv", &[], &mut iv).unwrap();
        assert_eq!(iv, [0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83, 0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84]);
    }
}

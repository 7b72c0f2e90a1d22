//! TLS 1.3 traffic secrets and the keys derived from them (RFC 8446 section 7).

use rustls::Tls13CipherSuite;
use rustls::crypto::hmac;
use rustls::crypto::tls13::{HkdfExpander, OkmBlock};

use super::aead::Aead;
use super::record_keys::RecordKeys;
use super::secrets::{KeyMaterial, Secret};
use crate::outcome::{Failure, Result};
use crate::wiping::stack::{DERIVING, wiping};
use crate::wire::Version;

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
    pub(crate) fn update(&mut self) -> Result<Box<RecordKeys>> {
        self.secret = self.derived(b"traffic upd")?;
        self.keys()
    }

    /// The keys of this generation.
    pub(crate) fn keys(&self) -> Result<Box<RecordKeys>> {
        let material = self.material()?;
        wiping::<DERIVING, _>(|| RecordKeys::new(Version::Tls13, &material))
    }

    /// The bytes of these keys (section 7.3).
    pub(crate) fn material(&self) -> Result<KeyMaterial> {
        let aead = Aead::of_tls13(self.suite.common.suite);
        let mut material =
            aead.map(KeyMaterial::zeros).ok_or_else(|| Failure::internal("a cipher suite without an AEAD"))?;
        let (iv, key) = material.parts_mut();
        wiping::<DERIVING, _>(|| {
            let expander = self.expander();
            expand_label(&*expander, b"key", &[], key)?;
            expand_label(&*expander, b"iv", &[], iv)
        })?;
        Ok(material)
    }

    /// The `verify_data` of a Finished under this secret (RFC 8446 section 4.4.4).
    pub(crate) fn finished(&self, transcript_hash: &[u8]) -> Result<hmac::Tag> {
        let key = self.derived(b"finished")?;
        Ok(wiping::<DERIVING, _>(|| {
            self.suite.hkdf_provider.hmac_sign(&OkmBlock::new(key.as_bytes()), transcript_hash)
        }))
    }

    /// Another secret of the same length.
    fn derived(&self, label: &[u8]) -> Result<Secret> {
        let mut derived = Secret::zeros(self.secret.len()).ok_or_else(too_long)?;
        wiping::<DERIVING, _>(|| expand_label(&*self.expander(), label, &[], derived.bytes_mut()))?;
        Ok(derived)
    }

    fn expander(&self) -> Box<dyn HkdfExpander> {
        self.suite.hkdf_provider.expander_for_okm(&OkmBlock::new(self.secret.as_bytes()))
    }
}

/// HKDF-Expand-Label (RFC 8446 section 7.1).
pub(super) fn expand_label(expander: &dyn HkdfExpander, label: &[u8], context: &[u8], output: &mut [u8]) -> Result<()> {
    const PREFIX: &[u8] = b"tls13 ";
    let output_len = (output.len() as u16).to_be_bytes();
    let label_len = [(PREFIX.len() + label.len()) as u8];
    let context_len = [context.len() as u8];
    expander
        .expand_slice(&[&output_len, &label_len, PREFIX, label, &context_len, context], output)
        .map_err(|_| too_long())
}

fn too_long() -> Failure {
    Failure::internal("a key longer than HKDF can give")
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

//! Public keys that check signatures of handshake messages.

use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::provider::SIGNATURES;

/// The key of a certificate: the peer's, or the public half of our own.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    pub(crate) leaf: CertificateDer<'static>,
}

impl VerifyingKey {
    /// If the certificate cannot be read, every signature is wrong.
    pub(crate) fn new(leaf: CertificateDer<'static>) -> Self {
        Self { leaf }
    }

    /// Whether signatures of this scheme can be made with this key. An empty signature is never right, so what an
    /// attempt says about it is about the key.
    pub(crate) fn fits(&self, scheme: SignatureScheme) -> bool {
        matches!(self.attempt(scheme, &[], &[]), Some(Err(webpki::Error::InvalidSignatureForPublicKey)))
    }

    /// Whether this is the key's signature of the message.
    pub(crate) fn verify(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
        self.attempt(scheme, message, signature).is_some_and(|result| result.is_ok())
    }

    /// The first algorithm of a scheme is the one whose curve TLS 1.3 binds it to.
    fn attempt(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> Option<Result<(), webpki::Error>> {
        let (_, algorithms) = SIGNATURES.mapping.iter().find(|(known, _)| *known == scheme)?;
        let algorithm = algorithms.first()?;
        let leaf = EndEntityCert::try_from(&self.leaf);
        Some(leaf.and_then(|leaf| leaf.verify_signature(*algorithm, message, signature)))
    }
}

//! Private keys that are somewhere else: in another process, in hardware. rustls calls its signer synchronously; ours
//! suspends the handshake with the message, and the host brings the signature.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::fiber::suspend;
use super::question::SignatureRequest;
use crate::crypto::verifying_key::VerifyingKey;
use crate::outcome::{Failure, Result};
use crate::trust;

/// The key as rustls sees it.
#[derive(Debug)]
pub(crate) struct ExternalKey {
    public: Arc<VerifyingKey>,
    /// In the host's order of preference; at least one, all of one algorithm.
    schemes: Arc<[SignatureScheme]>,
    algorithm: SignatureAlgorithm,
}

impl ExternalKey {
    /// The key of this certificate. Fails if signatures of the key, or of a scheme, cannot be checked here.
    pub(crate) fn new(leaf: CertificateDer<'static>, schemes: &[u16]) -> Result<Self> {
        trust::usable_key(&leaf)?;
        let public = VerifyingKey::new(leaf);
        let schemes: Vec<SignatureScheme> = schemes.iter().copied().map(SignatureScheme::from).collect();
        let mut algorithm = None;
        for (index, scheme) in schemes.iter().enumerate() {
            let number = u16::from(*scheme);
            let of_scheme = algorithm_of(*scheme)
                .ok_or_else(|| Failure::configuration(format!("signature scheme {number:#06x} is not supported")))?;
            if !public.fits(*scheme) {
                return Err(Failure::configuration(format!(
                    "the key of the chain's first certificate does not sign with scheme {number:#06x}"
                )));
            }
            if schemes[..index].contains(scheme) {
                return Err(Failure::configuration(format!("signature scheme {number:#06x} is listed twice")));
            }
            algorithm = Some(of_scheme);
        }
        let algorithm = algorithm.ok_or_else(|| Failure::configuration("an external key needs a signature scheme"))?;
        Ok(Self { public: Arc::new(public), schemes: schemes.into(), algorithm })
    }
}

/// What the provider can make and check. ECDSA schemes are bound to their curves, as in TLS 1.3 (RFC 8446 section 4.2.3).
fn algorithm_of(scheme: SignatureScheme) -> Option<SignatureAlgorithm> {
    match scheme {
        SignatureScheme::RSA_PKCS1_SHA256
        | SignatureScheme::RSA_PKCS1_SHA384
        | SignatureScheme::RSA_PKCS1_SHA512
        | SignatureScheme::RSA_PSS_SHA256
        | SignatureScheme::RSA_PSS_SHA384
        | SignatureScheme::RSA_PSS_SHA512 => Some(SignatureAlgorithm::RSA),
        SignatureScheme::ECDSA_NISTP256_SHA256 | SignatureScheme::ECDSA_NISTP384_SHA384 => {
            Some(SignatureAlgorithm::ECDSA)
        }
        SignatureScheme::ED25519 => Some(SignatureAlgorithm::ED25519),
        _ => None,
    }
}

impl SigningKey for ExternalKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = *self.schemes.iter().find(|scheme| offered.contains(scheme))?;
        Some(Box::new(ExternalSigner { key: self.public.clone(), scheme }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
}

#[derive(Debug)]
struct ExternalSigner {
    key: Arc<VerifyingKey>,
    scheme: SignatureScheme,
}

impl Signer for ExternalSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let request = SignatureRequest { scheme: self.scheme, message: message.to_vec(), key: self.key.clone() };
        // The handshake has the refusal, and the alert that is sent.
        suspend(request).ok_or_else(|| Error::General("the host did not sign".into()))
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

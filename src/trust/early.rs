//! Certificates with dates before 1970, which webpki does not read: it is shown copies with 1970 in their place, which are
//! valid at the same moments of our time. What was signed is the original, so signatures are verified over that.

use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, FipsStatus, InvalidSignature, SignatureVerificationAlgorithm,
};

use super::certificate::Certificate;
use super::dates;
use crate::der::{SEQUENCE, UTC_TIME, any_element, inside};

const EPOCH_AS_UTC_TIME: &[u8] = b"700101000000Z";
const EPOCH_AS_GENERALIZED_TIME: &[u8] = b"19700101000000Z";

/// A certificate that webpki is shown in place of another.
#[derive(Debug)]
pub(super) struct Moved<'a> {
    pub(super) copy: CertificateDer<'static>,
    original: &'a [u8],
}

impl<'a> Moved<'a> {
    /// `None` for a certificate whose dates webpki reads.
    pub(super) fn of(certificate: &'a CertificateDer<'_>) -> Option<Self> {
        let original: &[u8] = certificate.as_ref();
        let mut dates = Certificate::read(original)?.validity;
        let mut copy = None;
        while let Some((tag, date)) = any_element(original, &mut dates) {
            if dates::seconds(tag, &original[date.clone()])? >= 0 {
                continue;
            }
            let epoch = if tag == UTC_TIME { EPOCH_AS_UTC_TIME } else { EPOCH_AS_GENERALIZED_TIME };
            // A date that could be read has the length of its kind.
            copy.get_or_insert_with(|| original.to_vec()).get_mut(date)?.copy_from_slice(epoch);
        }
        copy.map(|copy| Self { copy: copy.into(), original })
    }
}

/// A signature algorithm that verifies the originals.
#[derive(Debug)]
pub(super) struct Restoring<'a> {
    pub(super) algorithm: &'a dyn SignatureVerificationAlgorithm,
    pub(super) moved: &'a [&'a Moved<'a>],
}

impl SignatureVerificationAlgorithm for Restoring<'_> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let moved = self.moved.iter().find(|moved| signed_part(&moved.copy) == Some(message));
        let message = match moved {
            Some(moved) => signed_part(moved.original).ok_or(InvalidSignature)?,
            None => message,
        };
        self.algorithm.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }

    fn fips_status(&self) -> FipsStatus {
        self.algorithm.fips_status()
    }
}

/// The TBSCertificate with its tag and length.
fn signed_part(certificate: &[u8]) -> Option<&[u8]> {
    let outer = inside(certificate, 0..certificate.len(), SEQUENCE)?;
    let mut rest = outer.clone();
    any_element(certificate, &mut rest)?;
    certificate.get(outer.start..rest.start)
}

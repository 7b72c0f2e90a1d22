//! Certificates with dates before 1970, which webpki does not read: it is shown copies with 1970 in their place, which are
//! valid at the same moments of our time. What was signed is the original, so signatures are verified over that.

use std::time::Duration;

use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, FipsStatus, InvalidSignature, SignatureVerificationAlgorithm, UnixTime,
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

/// The moment at which copies are judged. What ended before 1970 has a copy that ends with the first second of that year,
/// in which nothing is judged.
pub(super) fn moment(now: UnixTime) -> UnixTime {
    now.max(UnixTime::since_unix_epoch(Duration::from_secs(1)))
}

/// A signature algorithm that verifies the originals.
#[derive(Debug)]
pub(super) struct Restoring<'a> {
    pub(super) algorithm: &'a dyn SignatureVerificationAlgorithm,
    pub(super) moved: &'a [&'a Moved<'a>],
}

impl SignatureVerificationAlgorithm for Restoring<'_> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let mut originals = self
            .moved
            .iter()
            .filter(|moved| signed_part(&moved.copy) == Some(message))
            .map(|moved| signed_part(moved.original).ok_or(InvalidSignature));
        let message = originals.next().transpose()?.unwrap_or(message);
        // Those that differ in such a date alone have one copy: the signature of one must not stand for another.
        if originals.any(|original| original.ok() != Some(message)) {
            return Err(InvalidSignature);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Alert;
    use crate::trust::{Peer, Policy, Rules};

    /// A certificate with these years, for which no one has signed.
    fn dated(not_before: &[u8; 2], not_after: &[u8; 4]) -> CertificateDer<'static> {
        let pem: &[u8] = include_bytes!("../../ffi-tests/certs/ca.pem");
        let mut der = rustls_pemfile::certs(&mut &*pem).next().unwrap().unwrap().to_vec();
        let mut dates = Certificate::read(&der).unwrap().validity;
        let (begin, end) = (any_element(&der, &mut dates).unwrap().1, any_element(&der, &mut dates).unwrap().1);
        der[begin][..2].copy_from_slice(not_before);
        der[end][..4].copy_from_slice(not_after);
        der.into()
    }

    /// Finds every signature right that is over this.
    #[derive(Debug)]
    struct Over(Vec<u8>);

    impl SignatureVerificationAlgorithm for Over {
        fn verify_signature(&self, _: &[u8], message: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
            if message == self.0 { Ok(()) } else { Err(InvalidSignature) }
        }

        fn public_key_alg_id(&self) -> AlgorithmIdentifier {
            rustls::pki_types::alg_id::ECDSA_P256
        }

        fn signature_alg_id(&self) -> AlgorithmIdentifier {
            rustls::pki_types::alg_id::ECDSA_SHA256
        }
    }

    #[test]
    fn a_signature_over_one_date_before_1970_is_none_over_another() {
        let (signed, other) = (dated(b"60", b"2100"), dated(b"61", b"2100"));
        let (signed, other) = (Moved::of(&signed).unwrap(), Moved::of(&other).unwrap());
        assert_eq!(signed.copy, other.copy);
        let algorithm = Over(signed_part(signed.original).unwrap().to_vec());
        let shown = signed_part(&signed.copy).unwrap();
        for (moved, right) in [
            (&[&signed][..], true),
            (&[&signed, &signed], true),
            (&[&other], false),
            (&[&signed, &other], false),
            (&[&other, &signed], false),
            (&[], false),
        ] {
            let verified = Restoring { algorithm: &algorithm, moved }.verify_signature(&[], shown, &[]);
            assert_eq!(verified.is_ok(), right, "{moved:?}");
        }
    }

    #[test]
    fn what_ended_before_1970_is_valid_at_no_moment_not_even_the_first() {
        let leaf = dated(b"60", b"1961");
        let policy = Policy::new(Peer::Client, Rules::default(), vec![leaf.clone()], &[]).unwrap();
        for seconds in [0, 1, 1 << 31] {
            let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            assert_eq!(
                policy.judge_at(std::slice::from_ref(&leaf), None, now).alert,
                Some(Alert::CERTIFICATE_EXPIRED),
                "{seconds}"
            );
        }
    }
}

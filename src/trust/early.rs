//! Copies of certificates that webpki is given in place of the originals. It does not read dates before 1970: the copies have
//! 1970, and are valid at the same moments of our time. Where a search ignores faults that are known already (`report`), the
//! copies do not have them. What was signed is the original, so signatures are verified over that.

use std::time::Duration;

use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime,
};

use super::budget::Budget;
use super::certificate::CertificateFields;
use super::fields;
use crate::certificate::time;
use crate::der::{GENERALIZED_TIME, SEQUENCE, any_element, element, inside, wrap};
use crate::reason::{Reason, Reasons};

// As GeneralizedTime.
const EPOCH: &[u8] = b"19700101000000Z";
const END_OF_TIME: &[u8] = b"99991231235959Z";

/// A certificate that webpki is shown in place of another.
#[derive(Debug)]
pub(super) struct Moved<'a> {
    pub(super) copy: CertificateDer<'static>,
    original: &'a [u8],
}

impl<'a> Moved<'a> {
    /// `None` for a certificate that webpki is shown as it is. Of what is `ignored`, an end of the validity that has passed,
    /// a begin that has not come, and critical extensions are not in the copy.
    pub(super) fn of(certificate: &'a CertificateDer<'_>, ignored: Reasons) -> Option<Self> {
        let original: &[u8] = certificate.as_ref();
        let copy = match CertificateFields::read(original).and_then(|read| moved_dates(original, &read, ignored)) {
            Some(moved) => moved,
            None if ignored.has(Reason::CriticalExtension) => original.to_vec(),
            None => return None,
        };
        let copy = if ignored.has(Reason::CriticalExtension) { fields::nothing_critical(&copy) } else { copy };
        Some(Self { copy: copy.into(), original })
    }
}

/// A copy with other dates, if others are needed.
fn moved_dates(certificate: &[u8], read: &CertificateFields<'_>, ignored: Reasons) -> Option<Vec<u8>> {
    let mut dates = read.validity.clone();
    let mut date = || {
        let (tag, text) = any_element(certificate, &mut dates)?;
        Some((time::seconds(tag, &certificate[text.clone()])?, wrap(tag, &[&certificate[text]])))
    };
    let ((begin, unmoved_begin), (end, unmoved_end)) = (date()?, date()?);
    // What ends before it begins is never valid.
    let ignored = if begin > end { Reasons::default() } else { ignored };
    let begin = (begin < 0 || ignored.has(Reason::NotYetValid)).then_some(EPOCH);
    let end = if ignored.has(Reason::Expired) { Some(END_OF_TIME) } else { (end < 0).then_some(EPOCH) };
    if begin.is_none() && end.is_none() {
        return None;
    }
    let date = |moved: Option<&[u8]>, unmoved| moved.map_or(unmoved, |text| wrap(GENERALIZED_TIME, &[text]));
    let moved = [date(begin, unmoved_begin.clone()), date(end, unmoved_end.clone())].concat();
    // RFC 5280 section 4.1: the TBSCertificate, in which the validity is, and the signature.
    let outer = inside(certificate, 0..certificate.len(), SEQUENCE)?;
    let mut rest = outer.clone();
    let signed = element(certificate, &mut rest, SEQUENCE)?;
    let place = &read.whole_validity;
    let (before, after) = (certificate.get(signed.start..place.start)?, certificate.get(place.end..signed.end)?);
    let with = |dates: &[u8]| {
        let signed = wrap(SEQUENCE, &[before, &wrap(SEQUENCE, &[dates]), after]);
        [&wrap(SEQUENCE, &[&signed, &certificate[rest.clone()]]), &certificate[outer.end..]].concat()
    };
    // A copy of what is malformed would not be: it stays as it is.
    (with(&[unmoved_begin, unmoved_end].concat()) == certificate).then(|| with(&moved))
}

/// The moment at which copies are judged. What ended before 1970 has a copy that ends with the first second of that year,
/// in which nothing is judged.
pub(super) fn moment(now: UnixTime) -> UnixTime {
    now.max(UnixTime::since_unix_epoch(Duration::from_secs(1)))
}

/// A signature algorithm that verifies the originals, charged to a budget.
#[derive(Debug)]
pub(super) struct Restoring<'a> {
    pub(super) algorithm: &'a dyn SignatureVerificationAlgorithm,
    pub(super) budget: &'a Budget,
    pub(super) moved: &'a [&'a Moved<'a>],
}

impl SignatureVerificationAlgorithm for Restoring<'_> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let mut originals = self
            .moved
            .iter()
            .filter(|moved| fields::signed_part(&moved.copy) == Some(message))
            .map(|moved| fields::signed_part(moved.original).ok_or(InvalidSignature));
        let message = originals.next().transpose()?.unwrap_or(message);
        // Those that differ in what was changed alone have one copy: the signature of one must not stand for another.
        if originals.any(|original| original.ok() != Some(message)) {
            return Err(InvalidSignature);
        }
        self.budget.verify_signature(self.algorithm, public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature_alg_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Alert;
    use crate::trust::fields::tests::certificate;
    use crate::trust::{Extent, Peer, Policy, Rules};

    /// A certificate with these years, for which no one has signed.
    fn dated(not_before: &[u8; 2], not_after: &[u8; 4]) -> CertificateDer<'static> {
        let mut der = certificate("ca");
        let mut dates = CertificateFields::read(&der).unwrap().validity;
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
        let none = Reasons::default();
        let (signed, other) = (Moved::of(&signed, none).unwrap(), Moved::of(&other, none).unwrap());
        assert_eq!(signed.copy, other.copy);
        let algorithm = Over(fields::signed_part(signed.original).unwrap().to_vec());
        let shown = fields::signed_part(&signed.copy).unwrap();
        for (moved, right) in [
            (&[&signed][..], true),
            (&[&signed, &signed], true),
            (&[&other], false),
            (&[&signed, &other], false),
            (&[&other, &signed], false),
            (&[], false),
        ] {
            let budget = Budget::new(&[]);
            let restoring = Restoring { algorithm: &algorithm, budget: &budget, moved };
            let verified = restoring.verify_signature(&[], shown, &[]);
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
                policy.judge_at(std::slice::from_ref(&leaf), None, now, Extent::Verdict).alert,
                Some(Alert::CERTIFICATE_EXPIRED),
                "{seconds}"
            );
        }
    }
}

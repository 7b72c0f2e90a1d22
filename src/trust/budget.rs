//! How many wrong signatures a judgement checks. Checking one costs us up to a millisecond; making one costs a peer
//! nothing, and a chain has room for a hundred certificates that claim one issuer. webpki has a budget of its own, a
//! hundred checks, which is too many for a peer that has proved nothing yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};

use rustls::pki_types::{InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor, alg_id};

use super::{fields, has_good_size};
use crate::crypto::parts_digest::PartsDigest;
use crate::limits::MAX_WRONG_SIGNATURES;

/// The longest signed part whose check is kept: webpki reads no longer certificate. Revocation lists can be long, and are hashed
/// once more for each check that is kept.
const LONGEST_KEPT: usize = 0xffff;

/// The budget of one judgement. Each signature is checked once: the searches of a report repeat the first one, and cost little
/// more than it.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicU32,
    /// Whether signatures that are right are charged, too.
    charges_all: AtomicBool,
    checked: Mutex<HashMap<[u8; 32], bool>>,
    /// The first signature that was wrong.
    wrong: Mutex<Option<Wrong>>,
}

/// A signature that was wrong.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    /// What it was to cover: a certificate's or a revocation list's signed part.
    pub(super) message: Vec<u8>,
    /// The key is one that no signature is verified with: too short, or too long.
    pub(super) of_a_bad_key: bool,
}

impl Wrong {
    /// Whether it is this certificate's.
    pub(super) fn is_of(&self, certificate: &[u8]) -> bool {
        fields::signed_part(certificate).is_some_and(|signed| signed == self.message)
    }
}

impl Budget {
    /// Anchors of one name with different keys are tried in turn (a CA that has changed its key, a SPIFFE bundle), so the
    /// budget grows with them: they are the host's, a peer cannot add any.
    pub(super) fn new(anchors: &[TrustAnchor<'_>]) -> Self {
        let mut names: Vec<&[u8]> = anchors.iter().map(|anchor| anchor.subject.as_ref()).collect();
        names.sort_unstable();
        let of_one_name = names.chunk_by(|one, other| one == other).map(<[_]>::len).max().unwrap_or(1);
        let of_one_name = u32::try_from(of_one_name).unwrap_or(u32::MAX);
        Self {
            left: AtomicU32::new(MAX_WRONG_SIGNATURES.saturating_mul(of_one_name)),
            charges_all: AtomicBool::new(false),
            checked: Mutex::default(),
            wrong: Mutex::default(),
        }
    }

    /// From now on every new check is charged. A report may trust a root of the peer's own making, for which it can make as
    /// many right signatures as it likes.
    pub(super) fn charge_all(&self) {
        self.charges_all.store(true, Ordering::Relaxed);
    }

    /// The first signature that was wrong, if one was.
    pub(super) fn wrong(&self) -> Option<Wrong> {
        lock(&self.wrong).clone()
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Verifies a signature with this algorithm, which is charged if it is wrong. Once nothing is left, all are refused.
    pub(super) fn verify_signature(
        &self,
        algorithm: &dyn SignatureVerificationAlgorithm,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let name = (message.len() <= LONGEST_KEPT).then(|| check_name(algorithm, public_key, message, signature));
        let known = name.and_then(|name| lock(&self.checked).get(&name).copied());
        if let Some(right) = known {
            return if right { Ok(()) } else { Err(InvalidSignature) };
        }
        if self.is_used_up() {
            return Err(InvalidSignature);
        }
        #[cfg(test)]
        tests::CHECKS.set(tests::CHECKS.get() + 1);
        let checked = algorithm.verify_signature(public_key, message, signature);
        if checked.is_err() || self.charges_all.load(Ordering::Relaxed) {
            // One thread judges: nothing is charged between the look above and this.
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        if checked.is_err() {
            let of_a_bad_key = algorithm.public_key_alg_id() == alg_id::RSA_ENCRYPTION && !has_good_size(public_key);
            lock(&self.wrong).get_or_insert_with(|| Wrong { message: message.to_vec(), of_a_bad_key });
        }
        if let Some(name) = name {
            lock(&self.checked).insert(name, checked.is_ok());
        }
        checked
    }
}

/// Names one check.
fn check_name(
    algorithm: &dyn SignatureVerificationAlgorithm,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> [u8; 32] {
    let (key, algorithm) = (algorithm.public_key_alg_id(), algorithm.signature_alg_id());
    PartsDigest::of(&[key.as_ref(), algorithm.as_ref(), public_key, message, signature])
}

/// One thread judges: these locks are only for the trait's sake, which wants what threads can share.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use rustls::pki_types::CertificateDer;

    use super::*;
    use crate::outcome::Alert;
    use crate::reason::{PolicyErrors, Reason};
    use crate::trust::fields::tests::certificate;
    use crate::trust::{Extent, Judgement, Peer, Policy, Rules};

    thread_local! {
        /// Signatures of certificates and lists that this thread has checked.
        pub(crate) static CHECKS: Cell<u32> = const { Cell::new(0) };
    }

    fn root() -> CertificateDer<'static> {
        certificate("ca").into()
    }

    /// A leaf and its issuer, whose issuer is the root.
    fn chain() -> Vec<CertificateDer<'static>> {
        ["client-p256", "intermediate"].map(|name| certificate(name).into()).to_vec()
    }

    /// The same certificate, for which no one has signed.
    fn forged(certificate: &CertificateDer<'_>, number: u8) -> CertificateDer<'static> {
        let mut der = certificate.to_vec();
        // The end of an ECDSA signature: any bytes make one that is well formed.
        let last = der.len() - 1;
        der[last] ^= 1 + number;
        der.into()
    }

    fn judged(chain: &[CertificateDer<'static>], anchors: Vec<CertificateDer<'static>>) -> (Judgement, u32) {
        let policy = Policy::new(Peer::Client, Rules::default(), anchors, &[]).unwrap();
        let before = CHECKS.get();
        let judgement = policy.judge(chain, None, Extent::Verdict);
        (judgement, CHECKS.get() - before)
    }

    #[test]
    fn a_hundred_forged_intermediates_cost_eight_checks_and_are_refused_with_that_reason() {
        let [leaf, issuer] = &chain()[..] else { panic!("two certificates") };
        let mut shown = vec![leaf.clone()];
        shown.extend((0..100).map(|number| forged(issuer, number)));
        let (judgement, checks) = judged(&shown, vec![root()]);
        assert_eq!(judgement.reasons.policy_errors(), PolicyErrors::CHAIN_ERRORS);
        assert_eq!(judgement.alert, Some(Alert::UNKNOWN_CA));
        assert!(judgement.message.contains("too many"), "{}", judgement.message);
        assert_eq!(checks, MAX_WRONG_SIGNATURES);
    }

    #[test]
    fn a_forged_leaf_shown_with_a_hundred_copies_of_its_issuer_costs_two_checks() {
        let [leaf, issuer] = &chain()[..] else { panic!("two certificates") };
        let mut shown = vec![forged(leaf, 0)];
        shown.extend(std::iter::repeat_n(issuer.clone(), 100));
        let (judgement, checks) = judged(&shown, vec![root()]);
        assert_eq!(judgement.reasons.policy_errors(), PolicyErrors::CHAIN_ERRORS, "{}", judgement.message);
        // The issuer's, which is right, and the leaf's, however often webpki asks.
        assert_eq!(checks, 2);
    }

    #[test]
    fn the_right_issuer_behind_seven_forged_ones_is_found() {
        let [leaf, issuer] = &chain()[..] else { panic!("two certificates") };
        let mut shown = vec![leaf.clone()];
        shown.extend((0..7).map(|number| forged(issuer, number)));
        shown.push(issuer.clone());
        let (judgement, checks) = judged(&shown, vec![root()]);
        assert_eq!((judgement.reasons.policy_errors(), checks), (PolicyErrors::NONE, 7 + 2), "{}", judgement.message);
    }

    #[test]
    fn anchors_of_one_name_are_all_tried() {
        // Nineteen anchors with the root's name and the key of another, then the root.
        let [root_key, other_key] = [key_of(&root()), key_of(&chain()[1])];
        let at = root().windows(root_key.len()).position(|window| window == &root_key[..]).unwrap();
        let renamed = |number: u8| {
            let mut renamed = root().to_vec();
            renamed[at..at + other_key.len()].copy_from_slice(&other_key);
            // Nineteen different ones: a check of the same key is not repeated.
            renamed[at + other_key.len() - 1] ^= number;
            renamed.into()
        };
        let mut anchors: Vec<CertificateDer<'static>> = (0..19).map(renamed).collect();
        anchors.push(root());
        let (judgement, checks) = judged(&chain(), anchors);
        assert_eq!((judgement.reasons.policy_errors(), checks), (PolicyErrors::NONE, 19 + 2), "{}", judgement.message);
    }

    #[test]
    fn a_report_checks_no_more_signatures_than_a_verdict_may_find_wrong() {
        let [leaf, issuer] = &chain()[..] else { panic!("two certificates") };
        // Few enough for a search without an anchor to end: it finds that the root is not trusted. The report's next search
        // takes the root for an anchor, and then meets the forged signatures.
        let forged: Vec<_> = (0..40).map(|number| forged(issuer, number)).collect();
        let shown = [&[leaf.clone()][..], &forged, &[issuer.clone(), root()]].concat();
        let policy = Policy::new(Peer::Client, Rules::default(), vec![leaf.clone()], &[]).unwrap();
        let before = CHECKS.get();
        let judgement = policy.judge(&shown, None, Extent::Report);
        let checks = CHECKS.get() - before;
        for reason in [Reason::SelfSigned, Reason::Limits, Reason::Incomplete] {
            assert!(judgement.reasons.has(reason), "{reason:?}: {judgement:?}");
        }
        assert_eq!(checks, MAX_WRONG_SIGNATURES);
    }

    fn key_of(certificate: &CertificateDer<'_>) -> Vec<u8> {
        webpki::EndEntityCert::try_from(certificate).unwrap().subject_public_key_info().to_vec()
    }
}

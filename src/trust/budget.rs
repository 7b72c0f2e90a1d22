//! How many wrong signatures a judgement checks. Checking one costs us up to a millisecond; making one costs a peer
//! nothing, and a chain has room for a hundred certificates that claim one issuer. webpki has a budget of its own, a
//! hundred checks, which is too many for a peer that has proved nothing yet.

use std::sync::atomic::{AtomicU32, Ordering};

use rustls::pki_types::{
    AlgorithmIdentifier, FipsStatus, InvalidSignature, SignatureVerificationAlgorithm, TrustAnchor,
};

use crate::limits::MAX_WRONG_SIGNATURES;

/// The budget of one judgement.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicU32,
}

/// A signature algorithm that is charged for each signature that is wrong, and that refuses all once nothing is left.
#[derive(Debug)]
pub(super) struct Charged<'a> {
    algorithm: &'a dyn SignatureVerificationAlgorithm,
    budget: &'a Budget,
}

impl Budget {
    /// Anchors of one name with different keys are tried in turn (a CA that has changed its key, a SPIFFE bundle), so the
    /// budget grows with them: they are the host's, a peer cannot add any.
    pub(super) fn new(anchors: &[TrustAnchor<'_>]) -> Self {
        let mut names: Vec<&[u8]> = anchors.iter().map(|anchor| anchor.subject.as_ref()).collect();
        names.sort_unstable();
        let of_one_name = names.chunk_by(|one, other| one == other).map(<[_]>::len).max().unwrap_or(1);
        let of_one_name = u32::try_from(of_one_name).unwrap_or(u32::MAX);
        Self { left: AtomicU32::new(MAX_WRONG_SIGNATURES.saturating_mul(of_one_name)) }
    }

    /// The same algorithms, charged to this budget.
    pub(super) fn charge<'a>(&'a self, algorithms: &[&'a dyn SignatureVerificationAlgorithm]) -> Vec<Charged<'a>> {
        algorithms.iter().map(|algorithm| Charged { algorithm: *algorithm, budget: self }).collect()
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

impl SignatureVerificationAlgorithm for Charged<'_> {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        if self.budget.is_used_up() {
            return Err(InvalidSignature);
        }
        #[cfg(test)]
        tests::CHECKS.set(tests::CHECKS.get() + 1);
        let checked = self.algorithm.verify_signature(public_key, message, signature);
        if checked.is_err() {
            // One thread judges: nothing is charged between the look above and this.
            self.budget.left.fetch_sub(1, Ordering::Relaxed);
        }
        checked
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

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use rustls::pki_types::CertificateDer;

    use super::*;
    use crate::outcome::{Alert, policy};
    use crate::trust::{Judgement, Peer, Policy, Rules};

    thread_local! {
        /// Signatures of certificates and lists that this thread has checked.
        pub(crate) static CHECKS: Cell<u32> = const { Cell::new(0) };
    }

    fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
        rustls_pemfile::certs(&mut &*pem).collect::<Result<_, _>>().unwrap()
    }

    fn root() -> CertificateDer<'static> {
        certificates(include_bytes!("../../ffi-tests/certs/ca.pem")).remove(0)
    }

    /// A leaf and its issuer.
    fn chain() -> Vec<CertificateDer<'static>> {
        let leaf = certificates(include_bytes!("../../ffi-tests/certs/client-p256.pem"));
        let issuer = certificates(include_bytes!("../../ffi-tests/certs/intermediate.pem"));
        [leaf, issuer].concat().into_iter().take(2).collect()
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
        let judgement = policy.judge(chain, None);
        (judgement, CHECKS.get() - before)
    }

    #[test]
    fn a_hundred_forged_intermediates_cost_eight_checks_and_are_refused_with_that_reason() {
        let [leaf, issuer] = &chain()[..] else { panic!("two certificates") };
        let mut shown = vec![leaf.clone()];
        shown.extend((0..100).map(|number| forged(issuer, number)));
        let (judgement, checks) = judged(&shown, vec![root()]);
        assert_eq!(judgement.policy_errors, policy::CHAIN_ERRORS);
        assert_eq!(judgement.alert, Some(Alert::UNKNOWN_CA));
        assert!(judgement.reason.contains("too many"), "{}", judgement.reason);
        assert_eq!(checks, MAX_WRONG_SIGNATURES);
    }

    #[test]
    fn a_forged_leaf_shown_with_a_hundred_copies_of_its_issuer_costs_eight_wrong_checks() {
        let [leaf, issuer] = &chain()[..] else { panic!("two certificates") };
        let mut shown = vec![forged(leaf, 0)];
        shown.extend(std::iter::repeat_n(issuer.clone(), 100));
        let (judgement, checks) = judged(&shown, vec![root()]);
        assert!(judgement.reason.contains("too many"), "{}", judgement.reason);
        // Each path is checked from the anchor on: the issuer's signature is right.
        assert_eq!(checks, 2 * MAX_WRONG_SIGNATURES);
    }

    #[test]
    fn the_right_issuer_behind_seven_forged_ones_is_found() {
        let [leaf, issuer] = &chain()[..] else { panic!("two certificates") };
        let mut shown = vec![leaf.clone()];
        shown.extend((0..7).map(|number| forged(issuer, number)));
        shown.push(issuer.clone());
        let (judgement, checks) = judged(&shown, vec![root()]);
        assert_eq!((judgement.policy_errors, checks), (0, 7 + 2), "{}", judgement.reason);
    }

    #[test]
    fn anchors_of_one_name_are_all_tried() {
        // Nineteen anchors with the root's name and the key of another, then the root.
        let [root_key, other_key] = [key_of(&root()), key_of(&chain()[1])];
        let at = root().windows(root_key.len()).position(|window| window == &root_key[..]).unwrap();
        let mut renamed = root().to_vec();
        renamed[at..at + other_key.len()].copy_from_slice(&other_key);
        let mut anchors: Vec<CertificateDer<'static>> = vec![renamed.into(); 19];
        anchors.push(root());
        let (judgement, checks) = judged(&chain(), anchors);
        assert_eq!((judgement.policy_errors, checks), (0, 19 + 2), "{}", judgement.reason);
    }

    fn key_of(certificate: &CertificateDer<'_>) -> Vec<u8> {
        webpki::EndEntityCert::try_from(certificate).unwrap().subject_public_key_info().to_vec()
    }
}

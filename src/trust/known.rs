//! Chains that this context has found trusted. What decides a verdict does not change with a context, but for the time: the same chain
//! is trusted for the same name until a date on its path, or of a revocation list, has passed. So a client that comes back to a
//! server, or resumes a session, checks no signature of its chain again. The peer still proves in each full handshake that it has the key.
//!
//! Only trust is remembered. A chain that was refused is judged again, in full.

use std::sync::{Mutex, MutexGuard};

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::Policy;
use super::anchors::AnchorMode;
use super::certificate::CertificateFields;
use super::path::PathCertificate;
use crate::crypto::parts_digest::PartsDigest;
use crate::limits::MAX_KNOWN_CHAINS;

/// The chains, those used last first.
#[derive(Default)]
pub(super) struct KnownChains(Mutex<Vec<KnownChain>>);

struct KnownChain {
    digest: [u8; 32],
    path: Box<[PathCertificate]>,
}

/// What a verdict is about: every byte of the chain, and the name.
pub(super) fn digest(chain: &[CertificateDer<'_>], name: Option<&ServerName<'_>>) -> [u8; 32] {
    let mut digest = PartsDigest::new();
    match name {
        Some(name) => digest.add(name.to_str().as_bytes()),
        // A name is not empty.
        None => digest.add(&[]),
    }
    chain.iter().for_each(|certificate| digest.add(certificate));
    digest.finish()
}

impl KnownChains {
    fn lock(&self) -> MutexGuard<'_, Vec<KnownChain>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn path(&self, digest: &[u8; 32]) -> Option<Box<[PathCertificate]>> {
        let mut chains = self.lock();
        let index = chains.iter().position(|known| known.digest == *digest)?;
        chains[..=index].rotate_right(1);
        Some(chains[0].path.clone())
    }

    /// The chain that was not used for the longest time makes room.
    pub(super) fn add(&self, digest: [u8; 32], path: &[PathCertificate]) {
        let mut chains = self.lock();
        chains.retain(|known| known.digest != digest);
        chains.truncate(MAX_KNOWN_CHAINS - 1);
        chains.insert(0, KnownChain { digest, path: path.into() });
    }
}

impl Policy {
    /// The path on which this chain was found trusted, if it still is.
    pub(super) fn known_path(
        &self,
        digest: &[u8; 32],
        chain: &[CertificateDer<'static>],
        now: UnixTime,
    ) -> Option<Box<[PathCertificate]>> {
        self.known.path(digest).filter(|path| self.is_still_valid(path, chain, now))
    }

    fn is_still_valid(&self, path: &[PathCertificate], chain: &[CertificateDer<'static>], now: UnixTime) -> bool {
        let is_judged = |link: &&PathCertificate| {
            self.rules.anchors != AnchorMode::Authorities || matches!(link, PathCertificate::Shown(_))
        };
        let is_valid = |link: &PathCertificate| {
            let read = self.certificate(*link, chain).and_then(|certificate| CertificateFields::read(certificate));
            read.is_some_and(|read| read.check_validity(now).is_ok())
        };
        !self.revocation_lists.iter().any(|dated| dated.has_ended(now)) && path.iter().filter(is_judged).all(is_valid)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outcome::Alert;
    use crate::reason::Reason;
    use crate::trust::fields::tests::certificate;
    use crate::trust::{CHECKS, Extent, Peer, Rules, server_name};

    /// The last second of the zoo's certificates, and the first in which their lists have ended.
    const END: u64 = 4_733_510_400;

    fn chain(leaf: &str) -> Vec<CertificateDer<'static>> {
        [leaf, "intermediate"].map(|name| certificate(name).into()).to_vec()
    }

    fn policy(peer: Peer, rules: Rules, lists: &[&[u8]]) -> Policy {
        let lists: Vec<_> =
            lists.iter().map(|pem| rustls_pemfile::crls(&mut &pem[..]).next().unwrap().unwrap()).collect();
        Policy::new(peer, rules, vec![certificate("ca").into()], &lists).unwrap()
    }

    /// What is wrong, and how many signatures were checked to find that out.
    fn judged(
        policy: &Policy,
        chain: &[CertificateDer<'static>],
        name: Option<&str>,
        now: u64,
    ) -> (Option<Alert>, u32) {
        let before = CHECKS.get();
        let name = name.map(|name| server_name(name).unwrap());
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let judgement = policy.judge_at(chain, name.as_ref(), now, Extent::Verdict);
        assert_eq!(judgement.alert.is_none(), judgement.reasons == Default::default());
        assert!(judgement.alert.is_some() || judgement.path.len() == 3);
        (judgement.alert, CHECKS.get() - before)
    }

    #[test]
    fn a_chain_is_judged_once_for_a_name_and_until_a_date_has_passed() {
        for anchors in [AnchorMode::Authorities, AnchorMode::Certificates, AnchorMode::PartialChain] {
            let policy = policy(Peer::Server, Rules { anchors, ..Rules::default() }, &[]);
            let server = chain("server-p256");
            let name = Some("localhost");
            assert_eq!(judged(&policy, &server, name, END - 1), (None, 2));
            assert_eq!(judged(&policy, &server, name, END), (None, 0), "{anchors:?}");
            // Another name, twice: a refusal is not remembered.
            for _ in 0..2 {
                assert_eq!(judged(&policy, &server, Some("other.example"), END), (Some(Alert::BAD_CERTIFICATE), 2));
            }
            assert_eq!(judged(&policy, &server, Some("a.wild.example"), END), (None, 2));
            assert_eq!(judged(&policy, &server, None, END).0, Some(Alert::BAD_CERTIFICATE));
            for outside in [END + 1, 0, 1_577_836_799] {
                assert_eq!(judged(&policy, &server, name, outside).0, Some(Alert::CERTIFICATE_EXPIRED), "{outside}");
            }
            assert_eq!(judged(&policy, &server, name, END), (None, 0));
        }
    }

    #[test]
    fn every_byte_of_a_chain_counts() {
        let policy = policy(Peer::Client, Rules::default(), &[]);
        let known = chain("client-p256");
        assert_eq!(judged(&policy, &known, None, 1 << 31), (None, 2));
        for certificate in 0..2 {
            for at in [0, 100, known[certificate].len() - 1] {
                let mut changed = known.clone();
                let mut der = changed[certificate].to_vec();
                der[at] ^= 1;
                changed[certificate] = der.into();
                assert!(judged(&policy, &changed, None, 1 << 31).0.is_some(), "{certificate} {at}");
            }
        }
        // The same bytes, cut elsewhere.
        let [leaf, issuer] = [known[0].to_vec(), known[1].to_vec()];
        let cut = [&leaf[..leaf.len() - 1], &[&leaf[leaf.len() - 1..], &issuer].concat()];
        let cut: Vec<CertificateDer<'_>> = cut.iter().map(|der| der.to_vec().into()).collect();
        assert!(judged(&policy, &cut, None, 1 << 31).0.is_some());
        assert_eq!(judged(&policy, &known, None, 1 << 31), (None, 0));
    }

    #[test]
    fn a_chain_below_lists_is_known_until_one_of_them_ends() {
        let lists: [&[u8]; 2] = [
            include_bytes!("../../ffi-tests/certs/crl-root.pem"),
            include_bytes!("../../ffi-tests/certs/crl-intermediate.pem"),
        ];
        let current = policy(Peer::Client, Rules::default(), &lists);
        let client = chain("client-p256");
        let (alert, checks) = judged(&current, &client, None, END - 1);
        assert!(alert.is_none() && checks >= 4, "{alert:?} {checks}");
        assert_eq!(judged(&current, &client, None, END - 1), (None, 0));
        assert_eq!(judged(&current, &client, None, END).0, Some(Alert::CERTIFICATE_EXPIRED));
        // With a list that has ended already nothing is known.
        let expired: &[u8] = include_bytes!("../../ffi-tests/certs/crl-expired.pem");
        let old = policy(Peer::Client, Rules::default(), &[lists[0], lists[1], expired]);
        for _ in 0..2 {
            assert!(judged(&old, &client, None, END - 1).1 > 0);
        }
    }

    #[test]
    fn the_chain_that_was_not_used_for_the_longest_time_makes_room() {
        let known = KnownChains::default();
        let digest = |number: usize| [u8::try_from(number).unwrap(); 32];
        for number in 0..=MAX_KNOWN_CHAINS {
            known.add(digest(number), &[PathCertificate::Shown(0)]);
            assert!(known.path(&digest(1.min(number))).is_some());
        }
        assert_eq!(known.lock().len(), MAX_KNOWN_CHAINS);
        assert!(known.path(&digest(0)).is_none() && known.path(&digest(1)).is_some());
        known.add(digest(1), &[]);
        assert_eq!(known.lock().len(), MAX_KNOWN_CHAINS);
        assert_eq!(known.path(&digest(1)).unwrap().len(), 0);
    }

    #[test]
    fn a_trusted_leaf_without_an_issuer_is_known_too() {
        let leaf = vec![certificate("selfsigned").into()];
        let policy = Policy::new(Peer::Client, Rules::default(), leaf.clone(), &[]).unwrap();
        let judge =
            |now| policy.judge_at(&leaf, None, UnixTime::since_unix_epoch(Duration::from_secs(now)), Extent::Report);
        let first = judge(END);
        assert_eq!((first.path.len(), judge(END)), (1, first));
        assert!(judge(END + 1).reasons.has(Reason::Expired));
    }
}

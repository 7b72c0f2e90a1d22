//! The search for a path from a leaf to a trust anchor: webpki's, with what else is demanded of each path that it finds.

use std::cell::Cell;

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

use super::alert::{self, Fault};
use super::anchors::{self, AnchorMode, Anchors};
use super::budget::Budget;
use super::early::{Moved, Restoring};
use super::strict::{self, Place};
use super::{Policy, fields, is_self_signed, likely};
use crate::crypto::provider;
use crate::limits::MAX_PATH_STEPS;
use crate::reason::{Reason, Reasons, Rule};

/// A certificate of a path, by where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathCertificate {
    /// In what the peer has shown.
    Shown(u32),
    /// In what is trusted.
    Stored(u32),
}

impl PathCertificate {
    fn shown(index: usize) -> Self {
        Self::Shown(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn stored(index: usize) -> Self {
        Self::Stored(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// What a judgement is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) now: UnixTime,
    pub(super) budget: &'a Budget,
    /// Faults that are known already: the search passes over them, to find others.
    pub(super) ignored: Reasons,
}

/// One search's inputs.
struct Search<'a> {
    policy: &'a Policy,
    store: &'a Anchors,
    of: Subject<'a>,
    /// A fault of a path for which webpki has no error.
    fault: Cell<Option<(Rule, u32)>>,
}

/// Certificates that webpki may put into a path: those that are trusted come before those that the peer has sent.
struct Candidates<'a> {
    issuers: Vec<&'a CertificateDer<'a>>,
    /// As webpki gets them.
    given: Vec<CertificateDer<'a>>,
}

impl Candidates<'_> {
    /// Where this one is. webpki returns what it was given, so places in memory say which.
    fn position(&self, issuer: &CertificateDer<'_>) -> Option<usize> {
        self.given.iter().position(|given| std::ptr::eq(given.as_ref(), issuer.as_ref()))
    }

    /// As it was sent.
    fn original(&self, issuer: &CertificateDer<'_>) -> Result<&CertificateDer<'_>, Error> {
        self.position(issuer).map(|index| self.issuers[index]).ok_or(Error::BadDer)
    }
}

impl Policy {
    /// A path from the leaf to an anchor, both included.
    pub(super) fn find_path(
        &self,
        certificate: &EndEntityCert<'_>,
        of: Subject<'_>,
    ) -> Result<Box<[PathCertificate]>, Fault> {
        let store = self.store();
        let search = Search { policy: self, store, of, fault: Cell::new(None) };
        if of.ignored.has(Reason::UnknownIssuer) || of.ignored.has(Reason::SelfSigned) {
            return search.below_the_last(certificate);
        }
        match search.below_anchors(certificate, store.ends(self.rules.anchors)) {
            Ok(path) => Ok(path),
            // Whatever vouches for it, it is revoked, or a list that would say so has expired.
            Err(error @ (Error::CertRevoked | Error::CrlExpired { .. })) => Err(error.into()),
            Err(_) if search.vouches_for_itself(certificate) => search.alone(certificate),
            // It would be accepted if it were an anchor, so being a CA is not the fault.
            Err(Error::CaUsedAsEndEntity) if is_self_signed(certificate) => Err(Fault::SelfSigned),
            Err(error) => Err(search.fault_of(error)),
        }
    }

    /// The certificate that a link of a path means.
    pub(crate) fn certificate<'a>(
        &'a self,
        link: PathCertificate,
        shown: &'a [CertificateDer<'static>],
    ) -> Option<&'a CertificateDer<'static>> {
        match link {
            PathCertificate::Shown(index) => shown.get(index as usize),
            PathCertificate::Stored(index) => self.store().certificates.get(index as usize),
        }
    }
}

impl Search<'_> {
    fn below_anchors(
        &self,
        certificate: &EndEntityCert<'_>,
        ends: &[TrustAnchor<'_>],
    ) -> Result<Box<[PathCertificate]>, Error> {
        let Subject { leaf, intermediates, now, budget, ignored } = self.of;
        let (first, between) = self.store.between(self.policy.rules.anchors);
        let issuers: Vec<&CertificateDer<'_>> = between.iter().chain(intermediates).collect();
        let moved: Vec<Option<Moved<'_>>> = issuers.iter().map(|issuer| Moved::of(issuer, ignored)).collect();
        let given = issuers.iter().zip(&moved);
        let given =
            given.map(|(issuer, moved)| moved.as_ref().map_or(issuer.as_ref(), |moved| moved.copy.as_ref()).into());
        let candidates = Candidates { given: given.collect(), issuers: issuers.clone() };
        let moved_leaf = Moved::of(leaf, ignored);
        let moved: Vec<&Moved<'_>> = moved_leaf.iter().chain(moved.iter().flatten()).collect();
        let restoring = |algorithm: &&'static _| Restoring { algorithm: *algorithm, budget, moved: &moved };
        let restoring: Vec<_> = provider::SIGNATURES.all.iter().map(restoring).collect();
        let algorithms: Vec<_> = restoring.iter().map(|algorithm| algorithm as _).collect();
        let usage = self.usage();
        let lists: Vec<_> = self.policy.revocation_lists.iter().map(|dated| &dated.list).collect();
        let holds = |path: &VerifiedPath<'_>| self.holds(path, &candidates);
        let path = certificate.verify_for_usage(
            &algorithms,
            ends,
            &candidates.given,
            now,
            &usage,
            revocation(&lists, ignored),
            Some(&holds),
        )?;
        let link = |issuer: &CertificateDer<'_>| {
            let index = candidates.position(issuer).unwrap_or(usize::MAX);
            match index < between.len() {
                true => PathCertificate::stored(first + index),
                false => PathCertificate::shown(index.saturating_sub(between.len()).saturating_add(1)),
            }
        };
        let issuers = path.intermediate_certificates().map(|issuer| link(&issuer.der()));
        let anchor = self.store.index_of(path.anchor()).unwrap_or(usize::MAX);
        Ok(std::iter::once(PathCertificate::Shown(0)).chain(issuers).chain([PathCertificate::stored(anchor)]).collect())
    }

    /// The same where no anchor is known, as if the last certificate of the chain were one: for a report, never for a verdict.
    fn below_the_last(&self, certificate: &EndEntityCert<'_>) -> Result<Box<[PathCertificate]>, Fault> {
        let chain = likely::chain(self.of.leaf, self.of.intermediates, self.store);
        let last = match chain.last() {
            Some(last) if chain.len() > 1 => *last,
            _ => return self.alone(certificate),
        };
        let last = Moved::of(last, self.of.ignored).map_or_else(|| last.clone(), |moved| moved.copy);
        let end = webpki::anchor_from_trusted_cert(&last)?;
        self.below_anchors(certificate, std::slice::from_ref(&end)).map_err(|error| self.fault_of(error))
    }

    /// Our rules for a path beyond webpki's.
    fn holds(&self, path: &VerifiedPath<'_>, candidates: &Candidates<'_>) -> Result<(), Error> {
        let (rules, ignored) = (&self.policy.rules, self.of.ignored);
        let anchor = self.judged_anchor(path)?;
        // RFC 5280 section 6.1.4 (n): a CA whose key usage lacks keyCertSign issues nothing. webpki ignores key usage.
        let mut issuers = path.intermediate_certificates();
        if !issuers.all(|issuer| fields::allows_key_usage(&issuer.der(), fields::KEY_CERT_SIGN)) {
            ignored.tolerate(Err(Error::EndEntityUsedAsCa), alert::reason)?;
        }
        if let Some(anchor) = anchor {
            let purpose = (self.policy.purpose(), self.policy.purpose_identifier());
            anchors::may_end(anchor, path, self.of.now, purpose, ignored)?;
        }
        if rules.strict && !ignored.has(Reason::StrictProfile) {
            let issuers = path.intermediate_certificates().map(|issuer| candidates.original(&issuer.der()));
            let issuers = issuers.collect::<Result<Vec<_>, _>>()?;
            let places = std::iter::once((self.of.leaf, Place::Leaf))
                .chain(issuers.into_iter().map(|issuer| (issuer, Place::Intermediate)))
                .chain(anchor.map(|anchor| (anchor, Place::Anchor)));
            for ((certificate, place), depth) in places.zip(0..) {
                strict::check(certificate, place).map_err(|rule| {
                    self.fault.set(Some((rule, depth)));
                    Error::MalformedExtensions
                })?;
            }
        }
        Ok(())
    }

    /// The end of a path, if it is judged as a certificate.
    fn judged_anchor(&self, path: &VerifiedPath<'_>) -> Result<Option<&CertificateDer<'_>>, Error> {
        match (self.store.index_of(path.anchor()), self.policy.rules.anchors) {
            (Some(_), AnchorMode::Authorities) => Ok(None),
            (Some(index), AnchorMode::Certificates | AnchorMode::PartialChain) => {
                Ok(self.store.certificates.get(index))
            }
            // The last certificate of the chain, in a report.
            (None, _) => {
                let chain = likely::chain(self.of.leaf, self.of.intermediates, self.store);
                chain.last().copied().map(Some).ok_or(Error::UnknownIssuer)
            }
        }
    }

    /// What webpki's error stands for.
    fn fault_of(&self, error: Error) -> Fault {
        if self.of.budget.is_used_up() {
            return Fault::WrongSignatures;
        }
        let wrong = self.of.budget.wrong();
        match (error, self.fault.get(), wrong) {
            (Error::MalformedExtensions, Some((rule, depth)), _) => Fault::Strict(rule, depth),
            (Error::InvalidSignatureForPublicKey, _, Some(wrong)) if wrong.of_a_bad_key => Fault::IssuerKeySize,
            // An anchor has its name, and another key.
            (Error::InvalidSignatureForPublicKey, _, Some(wrong)) if self.ends_with(|last| wrong.is_of(last)) => {
                Fault::SelfSigned
            }
            (Error::UnknownIssuer, ..) if self.ends_with(|_| true) => Fault::SelfSigned,
            (error, ..) => error.into(),
        }
    }

    /// Whether the chain ends with a self-signed certificate, and one like this.
    fn ends_with(&self, this: impl Fn(&CertificateDer<'_>) -> bool) -> bool {
        let chain = likely::chain(self.of.leaf, self.of.intermediates, self.store);
        chain.last().is_some_and(|last| likely::is_self_signed(last) && this(last))
    }

    /// Whether the host trusts this very certificate, so that it needs no issuer.
    fn vouches_for_itself(&self, certificate: &EndEntityCert<'_>) -> bool {
        self.store.position(self.of.leaf).is_some_and(|index| match self.policy.rules.anchors {
            // What `openssl req -x509` makes.
            AnchorMode::Authorities => is_self_signed(certificate),
            AnchorMode::Certificates => self.store.is_self_signed(index),
            AnchorMode::PartialChain => true,
        })
    }

    /// A leaf that needs no issuer. Its validity and its usage are still checked.
    fn alone(&self, certificate: &EndEntityCert<'_>) -> Result<Box<[PathCertificate]>, Fault> {
        let Subject { leaf, now, ignored, .. } = self.of;
        match certificate.verify_for_usage(&[], &[], &[], now, self.usage(), None, None) {
            // Looked for after validity and usage.
            Ok(_) | Err(Error::UnknownIssuer) => {}
            // Found after the validity and before the usage.
            Err(Error::CaUsedAsEndEntity)
                if ignored.has(Reason::WrongUsage) || fields::is_for(leaf, self.policy.purpose_identifier()) => {}
            Err(error) => return Err(error.into()),
        }
        // No path is needed for that: what else the peer sends must not hide it.
        ignored.tolerate(self.policy.check_lists(leaf, now), alert::reason)?;
        if self.policy.rules.strict && !ignored.has(Reason::StrictProfile) {
            strict::check_alone(leaf).map_err(|rule| Fault::Strict(rule, 0))?;
        }
        Ok(Box::new([PathCertificate::Shown(0)]))
    }

    fn usage(&self) -> Usage {
        Usage {
            purpose: self.policy.purpose(),
            is_ignored: self.of.ignored.has(Reason::WrongUsage),
            steps: Cell::new(0),
        }
    }
}

/// If there are lists, they must cover every certificate below the anchor, and be current: withholding a list must not make a
/// revoked certificate acceptable.
fn revocation<'a>(lists: &'a [&'a webpki::CertRevocationList<'a>], ignored: Reasons) -> Option<RevocationOptions<'a>> {
    if ignored.has(Reason::Revoked) {
        return None;
    }
    let unknown = match ignored.has(Reason::RevocationUnknown) {
        true => UnknownStatusPolicy::Allow,
        false => UnknownStatusPolicy::Deny,
    };
    let expiration = if ignored.has(Reason::CrlExpired) { ExpirationPolicy::Ignore } else { ExpirationPolicy::Enforce };
    RevocationOptionsBuilder::new(lists).ok().map(|builder| {
        builder
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(unknown)
            .with_expiration_policy(expiration)
            .build()
    })
}

/// Checks the extended key usage of each certificate that webpki puts into a path, and so counts them.
struct Usage {
    purpose: KeyUsage,
    is_ignored: bool,
    steps: Cell<u32>,
}

impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_PATH_STEPS {
            // webpki stops looking for other paths.
            return Err(Error::MaximumPathBuildCallsExceeded);
        }
        if self.is_ignored {
            return Ok(());
        }
        self.purpose.validate(purposes)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trust::certificate::CertificateFields;
    use crate::trust::fields::tests::certificate;
    use crate::trust::{Extent, Peer, Rules, server_name};

    const NOW: u64 = 1 << 31;

    fn policy(anchors: &[&str], lists: &[&[u8]]) -> Policy {
        let lists: Vec<_> =
            lists.iter().map(|pem| rustls_pemfile::crls(&mut &pem[..]).next().unwrap().unwrap()).collect();
        let anchors = anchors.iter().map(|name| certificate(name).into()).collect();
        let rules = Rules { anchors: AnchorMode::PartialChain, ..Rules::default() };
        Policy::new(Peer::Server, rules, anchors, &lists).unwrap()
    }

    fn reasons(policy: &Policy, chain: &[CertificateDer<'static>]) -> Reasons {
        let name = server_name("localhost").unwrap();
        policy
            .judge_at(chain, Some(&name), UnixTime::since_unix_epoch(Duration::from_secs(NOW)), Extent::Verdict)
            .reasons
    }

    /// An issuer that no one has signed, whose validity ended long ago.
    fn ended_issuer() -> CertificateDer<'static> {
        let mut der = certificate("intermediate");
        let dates = CertificateFields::read(&der).unwrap().validity;
        let (begin, end) = (dates.start, dates.end);
        // UTCTime of 2020, then GeneralizedTime of 2120: the end comes in 2021.
        let at = der[begin..end].windows(4).rposition(|year| year == b"2120").unwrap() + begin;
        der[at..at + 4].copy_from_slice(b"2021");
        der.into()
    }

    #[test]
    fn a_leaf_that_is_trusted_itself_is_refused_once_it_is_revoked_whatever_comes_with_it() {
        let list: &[u8] = include_bytes!("../../ffi-tests/certs/crl-intermediate.pem");
        let (revoked, good): (CertificateDer<'_>, CertificateDer<'_>) =
            (certificate("server-revoked").into(), certificate("server-p256").into());
        let trusts = policy(&["server-revoked", "server-p256", "intermediate"], &[list]);
        for more in [vec![], vec![ended_issuer()], vec![certificate("intermediate").into()]] {
            let of = |leaf: &CertificateDer<'static>| reasons(&trusts, &[&[leaf.clone()][..], &more].concat());
            assert!(of(&revoked).has(Reason::Revoked), "{:?}", of(&revoked));
            assert_eq!(of(&good), Reasons::default());
        }
    }

    #[test]
    fn a_list_that_has_ended_says_nothing_good_of_a_leaf_that_is_trusted_itself() {
        let ended: &[u8] = include_bytes!("../../ffi-tests/certs/crl-expired.pem");
        let good: CertificateDer<'_> = certificate("server-p256").into();
        let trusts = policy(&["server-p256"], &[ended]);
        for more in [vec![], vec![ended_issuer()]] {
            let found = reasons(&trusts, &[&[good.clone()][..], &more].concat());
            assert!(found.has(Reason::CrlExpired), "{found:?}");
        }
    }
}

//! The search for a path from a leaf to a trust anchor: webpki's, with what else is demanded of each path that it finds.

use std::cell::Cell;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::{
    EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

use super::alert::Fault;
use super::anchors::{self, AnchorMode, Anchors};
use super::budget::Budget;
use super::early::{Moved, Restoring};
use super::strict::{self, Place};
use super::{Policy, fields, is_self_signed};
use crate::crypto::provider;
use crate::limits::MAX_PATH_STEPS;

/// A certificate of a path, by where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// In what the peer has shown.
    Shown(u32),
    /// In what is trusted.
    Stored(u32),
}

impl Link {
    fn shown(index: usize) -> Self {
        Self::Shown(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn stored(index: usize) -> Self {
        Self::Stored(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// One judgement's inputs.
struct Search<'a> {
    policy: &'a Policy,
    store: &'a Anchors,
    leaf: &'a CertificateDer<'a>,
    now: UnixTime,
    budget: &'a Budget,
    /// A fault of a path for which webpki has no error.
    fault: Cell<Option<&'static str>>,
}

impl Policy {
    /// A path from the leaf to an anchor, both included.
    pub(super) fn find_path(
        &self,
        certificate: &EndEntityCert<'_>,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Box<[Link]>, Fault> {
        let store = self.store();
        let budget = Budget::new(store.all());
        let search = Search { policy: self, store, leaf, now, budget: &budget, fault: Cell::new(None) };
        match search.below_anchors(certificate, intermediates) {
            Ok(path) => Ok(path),
            // Whatever vouches for it, it is revoked, or a list that would say so has expired.
            Err(error @ (Error::CertRevoked | Error::CrlExpired { .. })) => Err(error.into()),
            Err(_) if search.vouches_for_itself(certificate) => search.alone(certificate),
            // It would be accepted if it were an anchor, so being a CA is not the fault.
            Err(Error::CaUsedAsEndEntity) if is_self_signed(certificate) => Err(Error::UnknownIssuer.into()),
            Err(_) if budget.is_used_up() => Err(Fault::WrongSignatures),
            Err(error) => Err(match search.fault.get() {
                Some(fault) if error == Error::MalformedExtensions => Fault::Strict(fault),
                _ => error.into(),
            }),
        }
    }

    /// The certificate that a link of a path means.
    pub(crate) fn certificate<'a>(
        &'a self,
        link: Link,
        shown: &'a [CertificateDer<'static>],
    ) -> Option<&'a CertificateDer<'static>> {
        match link {
            Link::Shown(index) => shown.get(index as usize),
            Link::Stored(index) => self.store().get(index as usize),
        }
    }
}

impl Search<'_> {
    fn below_anchors(
        &self,
        certificate: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<Box<[Link]>, Error> {
        let mode = self.policy.rules.anchors;
        let (first, between) = self.store.between(mode);
        // What is trusted is tried before what the peer has sent.
        let issuers: Vec<&CertificateDer<'_>> = between.iter().chain(intermediates).collect();
        let early: Vec<Option<Moved<'_>>> = issuers.iter().map(|issuer| Moved::of(issuer)).collect();
        let candidates: Vec<CertificateDer<'_>> = issuers
            .iter()
            .zip(&early)
            .map(|(issuer, early)| early.as_ref().map_or(issuer.as_ref(), |early| early.copy.as_ref()).into())
            .collect();
        let early_leaf = Moved::of(self.leaf);
        let moved: Vec<&Moved<'_>> = early_leaf.iter().chain(early.iter().flatten()).collect();
        let restoring: Vec<_> = provider::SIGNATURES
            .all
            .iter()
            .map(|algorithm| Restoring { algorithm: *algorithm, moved: &moved })
            .collect();
        let restoring: Vec<_> = restoring.iter().map(|algorithm| algorithm as _).collect();
        let usage = Usage { purpose: self.policy.purpose(), steps: Cell::new(0) };
        let lists: Vec<_> = self.policy.revocation_lists.iter().collect();
        let charged = self.budget.charge(&restoring);
        let algorithms: Vec<_> = charged.iter().map(|algorithm| algorithm as _).collect();
        let holds = |path: &VerifiedPath<'_>| self.holds(path);
        let path = certificate.verify_for_usage(
            &algorithms,
            self.store.ends(mode),
            &candidates,
            self.now,
            &usage,
            revocation(&lists),
            Some(&holds),
        )?;
        // webpki hands out what it was given: places in memory say which.
        let link = |issuer: &CertificateDer<'_>| {
            let index = candidates.iter().position(|candidate| std::ptr::eq(candidate.as_ref(), issuer.as_ref()));
            let index = index.unwrap_or(usize::MAX);
            match index < between.len() {
                true => Link::stored(first + index),
                false => Link::shown(index.saturating_sub(between.len()).saturating_add(1)),
            }
        };
        let issuers = path.intermediate_certificates().map(|issuer| link(&issuer.der()));
        let anchor = self.store.index_of(path.anchor()).unwrap_or(usize::MAX);
        Ok(std::iter::once(Link::Shown(0)).chain(issuers).chain([Link::stored(anchor)]).collect())
    }

    /// Our rules for a path beyond webpki's.
    fn holds(&self, path: &VerifiedPath<'_>) -> Result<(), Error> {
        let rules = &self.policy.rules;
        let anchor = match rules.anchors {
            AnchorMode::Authorities => None,
            AnchorMode::Certificates | AnchorMode::PartialChain => {
                let index = self.store.index_of(path.anchor()).ok_or(Error::UnknownIssuer)?;
                self.store.get(index)
            }
        };
        // RFC 5280 section 6.1.4 (n): a CA whose key usage lacks keyCertSign issues nothing. webpki ignores key usage.
        let mut issuers = path.intermediate_certificates();
        if !issuers.all(|issuer| fields::allows_key_usage(&issuer.der(), fields::KEY_CERT_SIGN)) {
            return Err(Error::EndEntityUsedAsCa);
        }
        if let Some(anchor) = anchor {
            anchors::may_end(anchor, path, self.now, self.policy.purpose(), self.policy.purpose_identifier())?;
        }
        if rules.strict {
            let mut issuers = path.intermediate_certificates();
            strict::check(self.leaf, Place::Leaf)
                .and_then(|()| issuers.try_for_each(|issuer| strict::check(&issuer.der(), Place::Intermediate)))
                .and_then(|()| anchor.map_or(Ok(()), |anchor| strict::check(anchor, Place::Anchor)))
                .map_err(|fault| {
                    self.fault.set(Some(fault));
                    Error::MalformedExtensions
                })?;
        }
        Ok(())
    }

    /// Whether the host trusts this very certificate, so that it needs no issuer.
    fn vouches_for_itself(&self, certificate: &EndEntityCert<'_>) -> bool {
        self.store.position(self.leaf).is_some_and(|index| match self.policy.rules.anchors {
            // What `openssl req -x509` makes.
            AnchorMode::Authorities => is_self_signed(certificate),
            AnchorMode::Certificates => self.store.is_self_signed(index),
            AnchorMode::PartialChain => true,
        })
    }

    /// A leaf that needs no issuer. Its validity and its usage are still checked.
    fn alone(&self, certificate: &EndEntityCert<'_>) -> Result<Box<[Link]>, Fault> {
        let usage = Usage { purpose: self.policy.purpose(), steps: Cell::new(0) };
        match certificate.verify_for_usage(&[], &[], &[], self.now, &usage, None, None) {
            // Looked for after validity and usage.
            Ok(_) | Err(Error::UnknownIssuer) => {}
            // Found after the validity and before the usage.
            Err(Error::CaUsedAsEndEntity) if fields::is_for(self.leaf, self.policy.purpose_identifier()) => {}
            Err(error) => return Err(error.into()),
        }
        if self.policy.rules.strict {
            strict::check_alone(self.leaf).map_err(Fault::Strict)?;
        }
        Ok(Box::new([Link::Shown(0)]))
    }
}

/// If there are lists, they must cover every certificate below the anchor, and be current: withholding a list must not make a
/// revoked certificate acceptable.
fn revocation<'a>(lists: &'a [&'a webpki::CertRevocationList<'a>]) -> Option<RevocationOptions<'a>> {
    RevocationOptionsBuilder::new(lists).ok().map(|builder| {
        builder
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build()
    })
}

/// Checks the extended key usage of each certificate that webpki puts into a path, and so counts them.
struct Usage {
    purpose: KeyUsage,
    steps: Cell<u32>,
}

impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_PATH_STEPS {
            // webpki stops looking for other paths.
            return Err(Error::MaximumPathBuildCallsExceeded);
        }
        self.purpose.validate(purposes)
    }
}

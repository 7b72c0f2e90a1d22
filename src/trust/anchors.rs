//! Trust anchors: as names and keys, or as certificates that are judged too.

use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, RequiredEkuNotFoundContext, VerifiedPath};

use super::certificate::CertificateFields;
use super::{alert, fields};
use crate::outcome::{Failure, Result};
use crate::reason::Reasons;

/// How trust anchors are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnchorMode {
    /// A name and a key (RFC 5280 section 6.1.1 (d)): the rest of the certificate is ignored, except for name constraints.
    #[default]
    Authorities,
    /// Certificates; only self-signed ones end a chain.
    Certificates,
    /// Certificates; each can end a chain.
    PartialChain,
}

/// Certificates that are trusted.
pub(super) struct Anchors {
    /// Those that are self-signed come first.
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// The same, as webpki wants them.
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    self_signed: usize,
}

impl Anchors {
    pub(super) fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self> {
        let read = certificates.into_iter().map(|certificate| Ok((anchor(&certificate)?, certificate)));
        read.collect::<Result<_, _>>().map(Self::from_pairs)
    }

    /// The same, without those that cannot be read.
    pub(super) fn of_those_readable(certificates: Vec<CertificateDer<'static>>) -> Self {
        let read = certificates.into_iter().filter_map(|certificate| Some((anchor(&certificate).ok()?, certificate)));
        Self::from_pairs(read.collect())
    }

    fn from_pairs(pairs: Vec<(TrustAnchor<'static>, CertificateDer<'static>)>) -> Self {
        let is_self_signed =
            |der: &CertificateDer<'_>| CertificateFields::read(der).is_some_and(|read| read.is_self_signed());
        let (mut pairs, mut others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(_, der)| is_self_signed(der));
        let self_signed = pairs.len();
        pairs.append(&mut others);
        let (anchors, certificates) = pairs.into_iter().unzip();
        Self { certificates, anchors, self_signed }
    }

    /// Those that can end a chain.
    pub(super) fn ends(&self, mode: AnchorMode) -> &[TrustAnchor<'static>] {
        match mode {
            AnchorMode::Authorities | AnchorMode::PartialChain => &self.anchors,
            AnchorMode::Certificates => &self.anchors[..self.self_signed],
        }
    }

    /// Those that a chain can pass through on its way to an end, and the index of the first one.
    pub(super) fn between(&self, mode: AnchorMode) -> (usize, &[CertificateDer<'static>]) {
        match mode {
            AnchorMode::Authorities | AnchorMode::PartialChain => (0, &[]),
            AnchorMode::Certificates => (self.self_signed, &self.certificates[self.self_signed..]),
        }
    }

    pub(super) fn position(&self, certificate: &CertificateDer<'_>) -> Option<usize> {
        self.certificates.iter().position(|known| known == certificate)
    }

    pub(super) fn is_self_signed(&self, index: usize) -> bool {
        index < self.self_signed
    }

    /// Which of them this is; it is one of `ends`.
    pub(super) fn index_of(&self, end: &TrustAnchor<'_>) -> Option<usize> {
        self.anchors.iter().position(|anchor| std::ptr::eq(anchor, end))
    }
}

/// A certificate as a trust anchor.
pub(crate) fn anchor(certificate: &CertificateDer<'_>) -> Result<TrustAnchor<'static>> {
    webpki::anchor_from_trusted_cert(certificate)
        .map(|anchor| anchor.to_owned())
        .map_err(|error| Failure::configuration(format!("a trust anchor {}", alert::unreadable(&error))))
}

/// Whether an anchor that is judged as a certificate may end this path. Its name, its key and its name constraints are
/// webpki's matter.
pub(super) fn may_end(
    anchor: &CertificateDer<'_>,
    path: &VerifiedPath<'_>,
    now: UnixTime,
    (purpose, purpose_identifier): (KeyUsage, &[u8]),
    ignored: Reasons,
) -> Result<(), Error> {
    let tolerate = |result: Result<(), Error>| ignored.tolerate(result, alert::reason);
    // Duplicate extensions, critical ones that are unknown, and what is malformed.
    tolerate(match EndEntityCert::try_from(anchor) {
        // Version 1 has no extensions: it can only be a CA by being trusted, as in OpenSSL.
        Ok(_) | Err(Error::UnsupportedCertVersion) => Ok(()),
        Err(error) => Err(error),
    })?;
    let certificate = CertificateFields::read(anchor).ok_or(Error::BadDer)?;
    tolerate(certificate.check_validity(now))?;
    let is_ca = match certificate.basic_constraints() {
        Some(constraints) => constraints.ca,
        None if certificate.version == 1 => certificate.is_self_signed(),
        // OpenSSL's rule for what is trusted: a key usage says as much.
        None => certificate.key_usage().is_some(),
    };
    if !is_ca || !fields::allows_key_usage(anchor, fields::KEY_CERT_SIGN) {
        tolerate(Err(Error::EndEntityUsedAsCa))?;
    }
    if !fields::is_for(anchor, purpose_identifier) {
        let context = RequiredEkuNotFoundContext { required: purpose, present: Vec::new() };
        tolerate(Err(Error::RequiredEkuNotFoundContext(context)))?;
    }
    // RFC 5280 section 6.1.4 (l): self-issued ones do not count.
    let below = path.intermediate_certificates().filter(|issuer| issuer.subject() != issuer.issuer()).count();
    let length = certificate.basic_constraints().and_then(|constraints| constraints.path_length);
    if length.is_some_and(|length| below > length) {
        tolerate(Err(Error::PathLenConstraintViolated))?;
    }
    Ok(())
}

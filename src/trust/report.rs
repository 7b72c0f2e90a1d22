//! What is wrong with a chain beyond the fault that decides. webpki ends its search with one fault, so the search is
//! repeated, each time passing over the faults that are known, until it finds a path or a fault that cannot be passed over.
//! The same code judges that gives the verdict: whatever has no bit in a complete report was checked, and is right.

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::Error;

use super::alert::{self, Fault};
use super::certificate::CertificateFields;
use super::fields;
use super::likely;
use super::path::Subject;
use super::{DatedList, Policy};
use crate::reason::{Blame, Reason, Reasons};

impl Policy {
    /// All faults of a chain that was refused for this one.
    pub(super) fn report(&self, of: Subject<'_>, first: &Fault) -> Reasons {
        let mut found = Reasons::default();
        let mut reason = first.reason();
        of.budget.charge_all();
        loop {
            if ends_a_report(reason) || found.has(reason) {
                found.insert(reason);
                found.insert(Reason::Incomplete);
                return found;
            }
            found.insert(reason);
            match self.chain(Subject { ignored: found, ..of }) {
                Ok(_) => return found,
                Err(fault) => reason = fault.reason(),
            }
        }
    }

    /// The fault, with the depth of its certificate in the chain that the peer most likely means.
    pub(super) fn blame(&self, of: Subject<'_>, fault: &Fault) -> Blame {
        let rule = match fault {
            Fault::Strict(rule, _) => Some(*rule),
            _ => None,
        };
        Blame { reason: fault.reason(), depth: self.depth(of, fault), rule }
    }

    fn depth(&self, of: Subject<'_>, fault: &Fault) -> Option<u32> {
        if let Fault::Strict(_, depth) = fault {
            return Some(*depth);
        }
        let chain = likely::chain(of.leaf, of.intermediates, self.store());
        let read = || chain.iter().map(|der| (der.as_ref(), CertificateFields::read(der)));
        let at = |wrong: &dyn Fn(&[u8], &CertificateFields<'_>) -> bool| {
            read().position(|(der, read)| read.is_some_and(|read| wrong(der, &read)))
        };
        let is_outside = |certificate: &CertificateFields<'_>, reason: Reason| {
            certificate.check_validity(of.now).is_err_and(|error| alert::reason(&error) == reason)
        };
        let found = match fault {
            Fault::KeyUsage | Fault::UnsupportedKey | Fault::KeySize | Fault::Path(Error::CaUsedAsEndEntity) => Some(0),
            Fault::SelfSigned | Fault::Path(Error::UnknownIssuer) => Some(chain.len() - 1),
            Fault::Path(error) => match error {
                Error::CertExpired { .. } => at(&|_, read| is_outside(read, Reason::Expired)),
                Error::CertNotValidYet { .. } => at(&|_, read| is_outside(read, Reason::NotYetValid)),
                Error::InvalidCertValidity | Error::BadDerTime => at(&|_, read| is_outside(read, Reason::Malformed)),
                Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => {
                    at(&|der, _| !fields::is_for(der, self.purpose_identifier()))
                }
                Error::EndEntityUsedAsCa => {
                    let issues = |(der, read): (&[u8], Option<CertificateFields<'_>>)| {
                        read.is_some_and(|read| !read.is_ca() || !fields::allows_key_usage(der, fields::KEY_CERT_SIGN))
                    };
                    read().skip(1).position(issues).map(|index| index + 1)
                }
                Error::PathLenConstraintViolated => exceeded(&chain),
                Error::CertRevoked => at(&|_, read| self.is_listed(read)),
                Error::UnknownRevocationStatus => at(&|_, read| !self.has_list(read)),
                Error::UnsupportedCriticalExtension => chain.iter().position(|der| !is_readable(der)),
                Error::UnsupportedSignatureAlgorithmContext(context) => {
                    at(&|_, read| read.algorithms[1] == context.signature_algorithm_id)
                }
                Error::InvalidSignatureForPublicKey => self.wrongly_signed(&chain, of),
                _ => chain.iter().position(|der| !is_readable(der)),
            },
            Fault::IssuerKeySize => self.wrongly_signed(&chain, of).map(|index| index + 1),
            Fault::Strict(..) | Fault::WrongSignatures => None,
        };
        found.and_then(|index| u32::try_from(index).ok())
    }

    /// The certificate whose signature was found wrong.
    fn wrongly_signed(&self, chain: &[&CertificateDer<'_>], of: Subject<'_>) -> Option<usize> {
        let wrong = of.budget.wrong()?;
        chain.iter().position(|der| wrong.is_of(der))
    }

    fn is_listed(&self, certificate: &CertificateFields<'_>) -> bool {
        self.lists_of(certificate).any(|dated| matches!(dated.list.find_serial(certificate.serial), Ok(Some(_))))
    }

    fn has_list(&self, certificate: &CertificateFields<'_>) -> bool {
        self.lists_of(certificate).next().is_some()
    }

    /// Those of its issuer, the newest first.
    fn lists_of(&self, certificate: &CertificateFields<'_>) -> impl Iterator<Item = &DatedList> {
        self.revocation_lists.iter().filter(|dated| dated.list.issuer() == certificate.issuer)
    }

    /// What the lists of a certificate's issuer say, if there are any: it is on one of them, or the newest has ended.
    pub(super) fn check_lists(&self, certificate: &[u8], now: UnixTime) -> Result<(), Error> {
        let read = CertificateFields::read(certificate).ok_or(Error::BadDer)?;
        if self.is_listed(&read) {
            return Err(Error::CertRevoked);
        }
        match self.lists_of(&read).next() {
            Some(newest) if newest.has_ended(now) => {
                let end = Duration::from_secs(newest.end.max(0).unsigned_abs());
                Err(Error::CrlExpired { time: now, next_update: UnixTime::since_unix_epoch(end) })
            }
            _ => Ok(()),
        }
    }
}

/// Faults that no search passes over: what they are about cannot be left out of a chain.
fn ends_a_report(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NoCertificate
            | Reason::BadCrl
            | Reason::NameConstraints
            | Reason::WeakSignature
            | Reason::BadSignature
            | Reason::Malformed
            | Reason::Limits
            | Reason::Incomplete
    )
}

fn is_readable(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok()
}

/// The CA with more CAs below it than it allows (RFC 5280 section 6.1.4 (l): self-issued ones do not count).
fn exceeded(chain: &[&CertificateDer<'_>]) -> Option<usize> {
    let mut below = 0;
    for (index, der) in chain.iter().enumerate().skip(1) {
        let Some(read) = CertificateFields::read(der) else { continue };
        if read.basic_constraints().and_then(|constraints| constraints.path_length).is_some_and(|most| below > most) {
            return Some(index);
        }
        below += usize::from(read.subject != read.issuer);
    }
    None
}

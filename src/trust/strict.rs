//! The profile of RFC 5280 for certificates that conforming CAs issue (section 4), as far as OpenSSL demands it under
//! X509_V_FLAG_X509_STRICT. Much of it does not matter for the validation of a path (section 6), so it is an option.

use super::certificate::{
    AUTHORITY_KEY_IDENTIFIER, BASIC_CONSTRAINTS, CertificateFields, KEY_CERT_SIGN, SUBJECT_ALT_NAME,
    SUBJECT_KEY_IDENTIFIER,
};
use super::fields::CRL_SIGN;
use crate::reason::Rule;

/// The position of a certificate in a path of at least two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Leaf,
    Intermediate,
    Anchor,
}

/// Which rule the certificate breaks.
pub(super) fn check(certificate: &[u8], place: Place) -> Result<(), Rule> {
    let Some(certificate) = CertificateFields::read(certificate) else { return Err(Rule::Unreadable) };
    if place != Place::Leaf && !certificate.is_ca() {
        return Err(Rule::IssuerNotACa);
    }
    check_constraints(&certificate)?;
    check_names(&certificate)?;
    let [signed, outer] = certificate.algorithms;
    if signed != outer {
        return Err(Rule::TwoAlgorithms);
    }
    if certificate.version == 3 {
        check_key_identifiers(&certificate, place)
    } else if certificate.has_extensions {
        Err(Rule::Version)
    } else {
        Ok(())
    }
}

/// A certificate that is trusted by itself is not an issued one (RFC 6818 section 2). It must be clear whether it is a CA.
pub(super) fn check_alone(certificate: &[u8]) -> Result<(), Rule> {
    let Some(certificate) = CertificateFields::read(certificate) else { return Err(Rule::Unreadable) };
    let may_sign = certificate.version == 1 || certificate.has_key_usage(KEY_CERT_SIGN);
    match certificate.extension(BASIC_CONSTRAINTS) {
        None if may_sign => Err(Rule::AmbiguousCa),
        _ => Ok(()),
    }
}

/// Sections 4.2.1.3 and 4.2.1.9.
fn check_constraints(certificate: &CertificateFields<'_>) -> Result<(), Rule> {
    let constraints = certificate.basic_constraints();
    let signs = certificate.has_key_usage(KEY_CERT_SIGN);
    let ca = certificate.is_ca();
    if constraints.is_some_and(|constraints| constraints.path_length.is_some()) {
        if !ca {
            return Err(Rule::PathLengthWithoutCa);
        }
        if !signs {
            return Err(Rule::PathLengthWithoutKeyCertSign);
        }
    }
    match ca {
        true if certificate.extension(BASIC_CONSTRAINTS).is_some_and(|(critical, _)| !critical) => {
            Err(Rule::ConstraintsNotCritical)
        }
        true if certificate.key_usage().is_none() => Err(Rule::CaWithoutKeyUsage),
        false if signs => Err(Rule::KeyCertSignWithoutCa),
        _ => Ok(()),
    }
}

/// Sections 4.1.2.4, 4.1.2.6 and 4.2.1.6.
fn check_names(certificate: &CertificateFields<'_>) -> Result<(), Rule> {
    if certificate.issuer.is_empty() {
        return Err(Rule::NoIssuerName);
    }
    let alternative = certificate.alternative_names();
    if alternative.is_some_and(|names| names.is_none_or(|count| count == 0)) {
        return Err(Rule::EmptyAlternativeName);
    }
    if !certificate.subject.is_empty() {
        return Ok(());
    }
    if certificate.is_ca() || certificate.has_key_usage(CRL_SIGN) || alternative.is_none() {
        return Err(Rule::NoSubject);
    }
    match certificate.extension(SUBJECT_ALT_NAME) {
        Some((false, _)) => Err(Rule::AlternativeNameNotCritical),
        _ => Ok(()),
    }
}

/// Sections 4.2.1.1 and 4.2.1.2.
fn check_key_identifiers(certificate: &CertificateFields<'_>, place: Place) -> Result<(), Rule> {
    let is_critical = |identifier| certificate.extension(identifier).is_some_and(|(critical, _)| critical);
    if is_critical(AUTHORITY_KEY_IDENTIFIER) {
        return Err(Rule::CriticalAuthorityKey);
    }
    if is_critical(SUBJECT_KEY_IDENTIFIER) {
        return Err(Rule::CriticalSubjectKey);
    }
    let authority = certificate.authority_key_identifier();
    if place != Place::Anchor && authority.as_ref().is_none_or(|authority| authority.key.is_none()) {
        return Err(Rule::NoAuthorityKey);
    }
    if authority.is_some_and(|authority| authority.issuer.is_some() != authority.serial.is_some()) {
        return Err(Rule::HalfAuthorityKey);
    }
    if certificate.is_ca() && certificate.subject_key_identifier().is_none() {
        return Err(Rule::NoSubjectKey);
    }
    Ok(())
}

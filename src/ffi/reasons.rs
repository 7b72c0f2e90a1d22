//! Why a peer's certificate is refused, in numbers of the header.

use crate::outcome::{Failure, Result};
use crate::reason::{Blame, PolicyErrors, Reason, Reasons, Rule};

/// The bits of a verdict: .NET's `SslPolicyErrors`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_policy_error_values {
    /// The peer showed no certificate.
    SPANTLS_POLICY_ERROR_NOT_AVAILABLE = 1,
    /// The certificate is not for the name that was asked for.
    SPANTLS_POLICY_ERROR_NAME_MISMATCH = 2,
    /// The chain is not trusted, not valid now, revoked, or not for this use.
    SPANTLS_POLICY_ERROR_CHAIN_ERRORS = 4,
}

/// The bits of `spantls_validation_t.reasons`; `reason` is one of them.
///
/// Without `SPANTLS_REASON_INCOMPLETE` the bits are all that is wrong: every other rule was checked and is kept. If `reasons` is
/// `SPANTLS_REASON_EXPIRED` and nothing else, the signatures lead to a trust anchor, and usage and name are right.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_reason_values {
    /// The peer sent no certificate.
    SPANTLS_REASON_NO_CERTIFICATE = 0x1,
    /// The certificate is not for the target host name, or no such name was set.
    SPANTLS_REASON_NAME_MISMATCH = 0x2,
    /// A certificate has expired.
    SPANTLS_REASON_EXPIRED = 0x4,
    /// A certificate is not valid yet.
    SPANTLS_REASON_NOT_YET_VALID = 0x8,
    /// The issuer of the chain's last certificate was not sent and is not a trust anchor.
    SPANTLS_REASON_UNKNOWN_ISSUER = 0x10,
    /// The chain ends with a self-signed certificate that is not a trust anchor.
    SPANTLS_REASON_SELF_SIGNED = 0x20,
    /// A certificate is revoked. The revocation of the others is then not checked.
    SPANTLS_REASON_REVOKED = 0x40,
    /// There are revocation lists, but none for a certificate of the chain.
    SPANTLS_REASON_REVOCATION_UNKNOWN = 0x80,
    /// A revocation list has expired.
    SPANTLS_REASON_CRL_EXPIRED = 0x100,
    /// A revocation list has a wrong signature, or its issuer may not sign lists.
    SPANTLS_REASON_BAD_CRL = 0x200,
    /// A certificate is not for this use (extended key usage, key usage), or a CA certificate is used as a leaf.
    SPANTLS_REASON_WRONG_USAGE = 0x400,
    /// A certificate was issued by one that may not issue any (basicConstraints, keyCertSign).
    SPANTLS_REASON_NOT_A_CA = 0x800,
    /// There are more CAs below a CA than it allows.
    SPANTLS_REASON_PATH_LENGTH = 0x1000,
    /// A CA may not issue certificates for these names.
    SPANTLS_REASON_NAME_CONSTRAINTS = 0x2000,
    /// An RSA key has less than 2048 bits, or more than 8192.
    SPANTLS_REASON_WEAK_KEY = 0x4000,
    /// A certificate is signed with MD5 or SHA-1.
    SPANTLS_REASON_WEAK_SIGNATURE = 0x8000,
    /// The algorithm of a key or a signature is not supported.
    SPANTLS_REASON_UNSUPPORTED_ALGORITHM = 0x10000,
    /// A certificate's signature is wrong.
    SPANTLS_REASON_BAD_SIGNATURE = 0x20000,
    /// A certificate cannot be parsed, or a field of it breaks the rules for its contents.
    SPANTLS_REASON_MALFORMED = 0x40000,
    /// A certificate has a critical extension that is unknown.
    SPANTLS_REASON_CRITICAL_EXTENSION = 0x80000,
    /// A certificate breaks a rule of `tls_options_set_strict_certificates()`.
    SPANTLS_REASON_STRICT_PROFILE = 0x10_0000,
    /// The chain needs more work than the default validation does: signatures, paths, length.
    SPANTLS_REASON_LIMITS = 0x20_0000,
    /// Another reason ended the examination: more may be wrong. Never accept a peer with this bit.
    SPANTLS_REASON_INCOMPLETE = 0x4000_0000,
}

/// Rules of the strict profile: `strict_rule` in `spantls_validation_t` and `spantls_error_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_strict_rule_values {
    /// None: the reason is another one.
    SPANTLS_STRICT_RULE_NONE = 0,
    /// The certificate cannot be parsed.
    SPANTLS_STRICT_RULE_UNREADABLE = 1,
    /// An issuer is not a CA by its basicConstraints.
    SPANTLS_STRICT_RULE_ISSUER_NOT_A_CA = 2,
    /// Two different signature algorithms.
    SPANTLS_STRICT_RULE_TWO_ALGORITHMS = 3,
    /// Extensions in a certificate that is not of version 3.
    SPANTLS_STRICT_RULE_VERSION = 4,
    /// A trusted leaf that may be a CA, without basicConstraints.
    SPANTLS_STRICT_RULE_AMBIGUOUS_CA = 5,
    /// A path length in a certificate that is not a CA.
    SPANTLS_STRICT_RULE_PATH_LENGTH_WITHOUT_CA = 6,
    /// A path length without keyCertSign.
    SPANTLS_STRICT_RULE_PATH_LENGTH_WITHOUT_KEY_CERT_SIGN = 7,
    /// basicConstraints of a CA that is not critical.
    SPANTLS_STRICT_RULE_CONSTRAINTS_NOT_CRITICAL = 8,
    /// A CA without a key usage.
    SPANTLS_STRICT_RULE_CA_WITHOUT_KEY_USAGE = 9,
    /// keyCertSign in a certificate that is not a CA.
    SPANTLS_STRICT_RULE_KEY_CERT_SIGN_WITHOUT_CA = 10,
    /// No name of the issuer.
    SPANTLS_STRICT_RULE_NO_ISSUER_NAME = 11,
    /// No subject where one is needed.
    SPANTLS_STRICT_RULE_NO_SUBJECT = 12,
    /// subjectAltName is empty or malformed.
    SPANTLS_STRICT_RULE_EMPTY_ALTERNATIVE_NAME = 13,
    /// subjectAltName is not critical, though there is no subject.
    SPANTLS_STRICT_RULE_ALTERNATIVE_NAME_NOT_CRITICAL = 14,
    /// authorityKeyIdentifier is critical.
    SPANTLS_STRICT_RULE_CRITICAL_AUTHORITY_KEY = 15,
    /// subjectKeyIdentifier is critical.
    SPANTLS_STRICT_RULE_CRITICAL_SUBJECT_KEY = 16,
    /// No authorityKeyIdentifier that names a key.
    SPANTLS_STRICT_RULE_NO_AUTHORITY_KEY = 17,
    /// authorityKeyIdentifier has an issuer or a serial number alone.
    SPANTLS_STRICT_RULE_HALF_AUTHORITY_KEY = 18,
    /// A CA without a subjectKeyIdentifier.
    SPANTLS_STRICT_RULE_NO_SUBJECT_KEY = 19,
}

/// The bits of a verdict.
pub(super) fn policy_bits(errors: PolicyErrors) -> u32 {
    use spantls_policy_error_values::*;
    let PolicyErrors { not_available, name_mismatch, chain_errors } = errors;
    let bit = |is_set: bool, value: spantls_policy_error_values| if is_set { value as u32 } else { 0 };
    bit(not_available, SPANTLS_POLICY_ERROR_NOT_AVAILABLE)
        | bit(name_mismatch, SPANTLS_POLICY_ERROR_NAME_MISMATCH)
        | bit(chain_errors, SPANTLS_POLICY_ERROR_CHAIN_ERRORS)
}

/// The verdict with these bits.
pub(super) fn policy_errors(bits: u32) -> Result<PolicyErrors> {
    use spantls_policy_error_values::*;
    let has = |value: spantls_policy_error_values| bits & value as u32 != 0;
    let errors = PolicyErrors {
        not_available: has(SPANTLS_POLICY_ERROR_NOT_AVAILABLE),
        name_mismatch: has(SPANTLS_POLICY_ERROR_NAME_MISMATCH),
        chain_errors: has(SPANTLS_POLICY_ERROR_CHAIN_ERRORS),
    };
    match policy_bits(errors) == bits {
        true => Ok(errors),
        false => Err(Failure::argument("this is not a SPANTLS_POLICY_ERROR value")),
    }
}

/// The bits of all reasons.
pub(super) fn reason_bits(reasons: Reasons) -> u32 {
    reasons.iter().map(number).fold(0, |all, one| all | one)
}

/// The header's numbers for a fault: the reason, the certificate's depth and the strict rule; 0, -1 and 0 without.
pub(super) fn of_blame(blame: Option<Blame>) -> (u32, i32, i32) {
    let Some(Blame { reason, depth, rule }) = blame else { return (0, -1, 0) };
    let depth = depth.and_then(|depth| i32::try_from(depth).ok()).unwrap_or(-1);
    (number(reason), depth, rule.map_or(0, rule_number))
}

/// The bit of a reason.
fn number(reason: Reason) -> u32 {
    use spantls_reason_values::*;
    (match reason {
        Reason::NoCertificate => SPANTLS_REASON_NO_CERTIFICATE,
        Reason::NameMismatch => SPANTLS_REASON_NAME_MISMATCH,
        Reason::Expired => SPANTLS_REASON_EXPIRED,
        Reason::NotYetValid => SPANTLS_REASON_NOT_YET_VALID,
        Reason::UnknownIssuer => SPANTLS_REASON_UNKNOWN_ISSUER,
        Reason::SelfSigned => SPANTLS_REASON_SELF_SIGNED,
        Reason::Revoked => SPANTLS_REASON_REVOKED,
        Reason::RevocationUnknown => SPANTLS_REASON_REVOCATION_UNKNOWN,
        Reason::CrlExpired => SPANTLS_REASON_CRL_EXPIRED,
        Reason::BadCrl => SPANTLS_REASON_BAD_CRL,
        Reason::WrongUsage => SPANTLS_REASON_WRONG_USAGE,
        Reason::NotACa => SPANTLS_REASON_NOT_A_CA,
        Reason::PathLength => SPANTLS_REASON_PATH_LENGTH,
        Reason::NameConstraints => SPANTLS_REASON_NAME_CONSTRAINTS,
        Reason::WeakKey => SPANTLS_REASON_WEAK_KEY,
        Reason::WeakSignature => SPANTLS_REASON_WEAK_SIGNATURE,
        Reason::UnsupportedAlgorithm => SPANTLS_REASON_UNSUPPORTED_ALGORITHM,
        Reason::BadSignature => SPANTLS_REASON_BAD_SIGNATURE,
        Reason::Malformed => SPANTLS_REASON_MALFORMED,
        Reason::CriticalExtension => SPANTLS_REASON_CRITICAL_EXTENSION,
        Reason::StrictProfile => SPANTLS_REASON_STRICT_PROFILE,
        Reason::Limits => SPANTLS_REASON_LIMITS,
        Reason::Incomplete => SPANTLS_REASON_INCOMPLETE,
    }) as u32
}

fn rule_number(rule: Rule) -> i32 {
    use spantls_strict_rule_values::*;
    (match rule {
        Rule::Unreadable => SPANTLS_STRICT_RULE_UNREADABLE,
        Rule::IssuerNotACa => SPANTLS_STRICT_RULE_ISSUER_NOT_A_CA,
        Rule::TwoAlgorithms => SPANTLS_STRICT_RULE_TWO_ALGORITHMS,
        Rule::Version => SPANTLS_STRICT_RULE_VERSION,
        Rule::AmbiguousCa => SPANTLS_STRICT_RULE_AMBIGUOUS_CA,
        Rule::PathLengthWithoutCa => SPANTLS_STRICT_RULE_PATH_LENGTH_WITHOUT_CA,
        Rule::PathLengthWithoutKeyCertSign => SPANTLS_STRICT_RULE_PATH_LENGTH_WITHOUT_KEY_CERT_SIGN,
        Rule::ConstraintsNotCritical => SPANTLS_STRICT_RULE_CONSTRAINTS_NOT_CRITICAL,
        Rule::CaWithoutKeyUsage => SPANTLS_STRICT_RULE_CA_WITHOUT_KEY_USAGE,
        Rule::KeyCertSignWithoutCa => SPANTLS_STRICT_RULE_KEY_CERT_SIGN_WITHOUT_CA,
        Rule::NoIssuerName => SPANTLS_STRICT_RULE_NO_ISSUER_NAME,
        Rule::NoSubject => SPANTLS_STRICT_RULE_NO_SUBJECT,
        Rule::EmptyAlternativeName => SPANTLS_STRICT_RULE_EMPTY_ALTERNATIVE_NAME,
        Rule::AlternativeNameNotCritical => SPANTLS_STRICT_RULE_ALTERNATIVE_NAME_NOT_CRITICAL,
        Rule::CriticalAuthorityKey => SPANTLS_STRICT_RULE_CRITICAL_AUTHORITY_KEY,
        Rule::CriticalSubjectKey => SPANTLS_STRICT_RULE_CRITICAL_SUBJECT_KEY,
        Rule::NoAuthorityKey => SPANTLS_STRICT_RULE_NO_AUTHORITY_KEY,
        Rule::HalfAuthorityKey => SPANTLS_STRICT_RULE_HALF_AUTHORITY_KEY,
        Rule::NoSubjectKey => SPANTLS_STRICT_RULE_NO_SUBJECT_KEY,
    }) as i32
}

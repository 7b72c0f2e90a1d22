//! From what is wrong with a chain to the alert that says so (RFC 8446 section 6.2), and to words. Where the RFC leaves
//! the choice open, it is OpenSSL's.

use webpki::Error;

use crate::outcome::Alert;
use crate::reason::{Reason, Rule};

/// What is wrong with a chain.
#[derive(Debug)]
pub(super) enum Fault {
    /// What webpki found.
    Path(Error),
    /// So many signatures are wrong that the search for a path was given up.
    WrongSignatures,
    /// The certificate at this depth breaks a rule of the strict profile.
    Strict(Rule, u32),
    /// The chain ends with a self-signed certificate that is not trusted.
    SelfSigned,
    /// An issuer's key is too short to be trusted, or too long to be worked with.
    IssuerKeySize,
    /// The leaf's key usage has nothing to do with TLS.
    KeyUsage,
    /// The leaf's key is of a kind with which no handshake can be signed here.
    UnsupportedKey,
    /// The leaf's key is too short to be trusted, or too long to be worked with.
    KeySize,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Path(error)
    }
}

impl Fault {
    /// What it is in the report.
    pub(super) fn reason(&self) -> Reason {
        self.reason_and_alert().0
    }

    pub(super) fn alert(&self) -> Alert {
        self.reason_and_alert().1
    }

    fn reason_and_alert(&self) -> (Reason, Alert) {
        match self {
            Self::Path(error) => reason_and_alert(error),
            // A search without an end: see below.
            Self::WrongSignatures => (Reason::Limits, Alert::UNKNOWN_CA),
            // As OpenSSL: "Some other (unspecified) issue arose in processing the certificate".
            Self::Strict(..) => (Reason::StrictProfile, Alert::CERTIFICATE_UNKNOWN),
            Self::SelfSigned => (Reason::SelfSigned, Alert::UNKNOWN_CA),
            // "A certificate was of an unsupported type."
            Self::KeyUsage => (Reason::WrongUsage, Alert::UNSUPPORTED_CERTIFICATE),
            Self::UnsupportedKey => (Reason::UnsupportedAlgorithm, Alert::UNSUPPORTED_CERTIFICATE),
            Self::KeySize | Self::IssuerKeySize => (Reason::WeakKey, Alert::BAD_CERTIFICATE),
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Path(error) => describe_path(error),
            Self::WrongSignatures => "too many signatures of the chain's certificates are wrong".into(),
            Self::Strict(rule, _) => format!("the chain has a certificate {} (RFC 5280 section 4)", rule.words()),
            Self::SelfSigned => "the chain ends with a self-signed certificate that is not a trust anchor".into(),
            Self::IssuerKeySize => "a CA of the chain has an RSA key that does not have 2048 to 8192 bits".into(),
            Self::KeyUsage => "the certificate's key usage is not for TLS".into(),
            Self::UnsupportedKey => "the certificate's key is of an unsupported type".into(),
            Self::KeySize => "the certificate's RSA key does not have 2048 to 8192 bits".into(),
        }
    }
}

/// What an error of webpki is in the report.
pub(super) fn reason(error: &Error) -> Reason {
    reason_and_alert(error).0
}

fn reason_and_alert(error: &Error) -> (Reason, Alert) {
    match error {
        // "A certificate has expired or is not currently valid." For lists see OpenSSL.
        Error::CertExpired { .. } => (Reason::Expired, Alert::CERTIFICATE_EXPIRED),
        Error::CertNotValidYet { .. } => (Reason::NotYetValid, Alert::CERTIFICATE_EXPIRED),
        Error::InvalidCertValidity => (Reason::Malformed, Alert::CERTIFICATE_EXPIRED),
        Error::CrlExpired { .. } => (Reason::CrlExpired, Alert::CERTIFICATE_EXPIRED),
        // "A certificate was revoked by its signer."
        Error::CertRevoked => (Reason::Revoked, Alert::CERTIFICATE_REVOKED),
        // "...the CA certificate could not be located or could not be matched with a known trust anchor", which also
        // covers CAs that may not sign this, searches without an end, and lists that no one can vouch for.
        Error::UnknownIssuer => (Reason::UnknownIssuer, Alert::UNKNOWN_CA),
        Error::EndEntityUsedAsCa => (Reason::NotACa, Alert::UNKNOWN_CA),
        Error::PathLenConstraintViolated => (Reason::PathLength, Alert::UNKNOWN_CA),
        Error::MaximumPathDepthExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumSignatureChecksExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => (Reason::Limits, Alert::UNKNOWN_CA),
        Error::UnknownRevocationStatus => (Reason::RevocationUnknown, Alert::UNKNOWN_CA),
        Error::IssuerNotCrlSigner
        | Error::InvalidCrlSignatureForPublicKey
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => (Reason::BadCrl, Alert::UNKNOWN_CA),
        // RFC 8446 section 4.4.2.4: certificates signed with MD5 or SHA-1 end the handshake with "bad_certificate".
        Error::UnsupportedSignatureAlgorithmContext(context) if is_broken(&context.signature_algorithm_id) => {
            (Reason::WeakSignature, Alert::BAD_CERTIFICATE)
        }
        // "A certificate was of an unsupported type": not for this use, or with algorithms that are not there.
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            (Reason::UnsupportedAlgorithm, Alert::UNSUPPORTED_CERTIFICATE)
        }
        Error::RequiredEkuNotFoundContext(_) | Error::CaUsedAsEndEntity => {
            (Reason::WrongUsage, Alert::UNSUPPORTED_CERTIFICATE)
        }
        Error::EmptyEkuExtension | Error::UnsupportedCertVersion => (Reason::Malformed, Alert::UNSUPPORTED_CERTIFICATE),
        // "A certificate was corrupt, contained signatures that did not verify correctly, etc."
        Error::InvalidSignatureForPublicKey => (Reason::BadSignature, Alert::BAD_CERTIFICATE),
        Error::BadDer
        | Error::BadDerTime
        | Error::TrailingData(_)
        | Error::ExtensionValueInvalid
        | Error::MalformedExtensions
        | Error::MalformedNameConstraint
        | Error::MalformedDnsIdentifier
        | Error::InvalidSerialNumber
        | Error::InvalidNetworkMaskConstraint
        | Error::SignatureAlgorithmMismatch => (Reason::Malformed, Alert::BAD_CERTIFICATE),
        // "Some other (unspecified) issue arose in processing the certificate": name constraints, critical extensions
        // that nobody knows.
        Error::NameConstraintViolation => (Reason::NameConstraints, Alert::CERTIFICATE_UNKNOWN),
        Error::UnsupportedCriticalExtension => (Reason::CriticalExtension, Alert::CERTIFICATE_UNKNOWN),
        // What remains is about fields that break the rules for their contents.
        _ => (Reason::Malformed, Alert::CERTIFICATE_UNKNOWN),
    }
}

/// Whether this AlgorithmIdentifier is a signature with MD5 or SHA-1.
fn is_broken(algorithm: &[u8]) -> bool {
    const BROKEN: [&[u8]; 4] = [
        &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4], // md5WithRSAEncryption
        &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], // sha1WithRSAEncryption
        &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 3],          // dsa-with-sha1
        &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1],          // ecdsa-with-SHA1
    ];
    BROKEN.iter().any(|broken| algorithm.starts_with(broken))
}

fn describe_path(error: &Error) -> String {
    match error {
        Error::CertExpired { .. } => "a certificate of the chain has expired".into(),
        Error::CertNotValidYet { .. } => "a certificate of the chain is not valid yet".into(),
        Error::CertRevoked => "a certificate of the chain is revoked".into(),
        Error::UnknownIssuer => "no trust anchor vouches for the chain".into(),
        Error::UnknownRevocationStatus => "no revocation list speaks for a certificate of the chain".into(),
        Error::CrlExpired { .. } => "a revocation list has expired".into(),
        Error::CaUsedAsEndEntity => "a CA certificate is used as a leaf".into(),
        Error::EndEntityUsedAsCa => "a certificate of the chain was issued with one that may issue none".into(),
        Error::RequiredEkuNotFoundContext(_) => "the certificate is not for this use".into(),
        Error::NameConstraintViolation => "a CA of the chain may not issue certificates for these names".into(),
        Error::MaximumPathBuildCallsExceeded => "the chain can be put together in too many ways".into(),
        Error::InvalidSignatureForPublicKey => "a certificate of the chain has a wrong signature".into(),
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
        | Error::SignatureAlgorithmMismatch => {
            "a certificate of the chain is signed with an algorithm that is not accepted".into()
        }
        Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => {
            "the chain is longer than a CA of it, or the default validation, allows".into()
        }
        Error::MaximumSignatureChecksExceeded | Error::MaximumNameConstraintComparisonsExceeded => {
            "the chain takes too much work".into()
        }
        Error::IssuerNotCrlSigner
        | Error::InvalidCrlSignatureForPublicKey
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => {
            "a revocation list has a signature that does not hold".into()
        }
        error => format!("a certificate of the chain {}", unreadable(error)),
    }
}

/// Why a certificate or a revocation list is not accepted by itself, after its name.
pub(super) fn unreadable(error: &Error) -> &'static str {
    match error {
        Error::UnsupportedCertVersion => "is not of version 3",
        Error::UnsupportedCrlVersion => "is not of version 2",
        Error::UnsupportedCriticalExtension => "has an unknown critical extension",
        Error::InvalidCertValidity => "ends before it begins to be valid",
        Error::InvalidSerialNumber => "has a serial number that is not allowed",
        Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint | Error::UnsupportedNameType => {
            "has name constraints that cannot be read"
        }
        Error::MalformedExtensions | Error::ExtensionValueInvalid | Error::EmptyEkuExtension => {
            "has an extension that cannot be read"
        }
        Error::UnsupportedDeltaCrl | Error::UnsupportedIndirectCrl => "is a delta or an indirect list",
        Error::UnsupportedCrlIssuingDistributionPoint
        | Error::UnsupportedRevocationReason
        | Error::UnsupportedRevocationReasonsPartitioning => "covers a part only, which is not supported",
        _ => "is not well-formed",
    }
}

//! From what is wrong with a chain to the alert that says so (RFC 8446 section 6.2), and to words.

use webpki::Error;

use crate::outcome::Alert;

pub(super) fn for_chain(error: &Error) -> Alert {
    match error {
        // "A certificate has expired or is not currently valid."
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } | Error::InvalidCertValidity => {
            Alert::CERTIFICATE_EXPIRED
        }
        Error::CertRevoked => Alert::CERTIFICATE_REVOKED,
        // "...the CA certificate could not be located or could not be matched with a known trust anchor", which also
        // covers CAs that may not sign this, and lists that nobody can vouch for.
        Error::UnknownIssuer
        | Error::EndEntityUsedAsCa
        | Error::PathLenConstraintViolated
        | Error::MaximumPathDepthExceeded
        | Error::UnknownRevocationStatus
        | Error::CrlExpired { .. }
        | Error::IssuerNotCrlSigner
        | Error::InvalidCrlSignatureForPublicKey => Alert::UNKNOWN_CA,
        // "A certificate was of an unsupported type": not for this use, or with algorithms that are not for today.
        Error::RequiredEkuNotFoundContext(_)
        | Error::EmptyEkuExtension
        | Error::CaUsedAsEndEntity
        | Error::UnsupportedCertVersion
        | Error::UnsupportedCriticalExtension
        | Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Alert::UNSUPPORTED_CERTIFICATE,
        // "A certificate was corrupt, contained signatures that did not verify correctly, etc."
        Error::BadDer
        | Error::BadDerTime
        | Error::TrailingData(_)
        | Error::ExtensionValueInvalid
        | Error::MalformedExtensions
        | Error::MalformedNameConstraint
        | Error::MalformedDnsIdentifier
        | Error::InvalidSerialNumber
        | Error::InvalidNetworkMaskConstraint
        | Error::NameConstraintViolation
        | Error::SignatureAlgorithmMismatch
        | Error::InvalidSignatureForPublicKey => Alert::BAD_CERTIFICATE,
        // "Some other (unspecified) issue arose in processing the certificate."
        _ => Alert::CERTIFICATE_UNKNOWN,
    }
}

pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::CertExpired { .. } => "a certificate of the chain has expired".into(),
        Error::CertNotValidYet { .. } => "a certificate of the chain is not valid yet".into(),
        Error::CertRevoked => "a certificate of the chain is revoked".into(),
        Error::UnknownIssuer => "no trust anchor vouches for the chain".into(),
        Error::UnknownRevocationStatus => "no revocation list speaks for a certificate of the chain".into(),
        Error::CrlExpired { .. } => "a revocation list has expired".into(),
        Error::CaUsedAsEndEntity => "a CA certificate is used as a leaf".into(),
        Error::RequiredEkuNotFoundContext(_) => "the certificate is not for this use".into(),
        other => format!("the chain is not acceptable: {other}"),
    }
}

//! Names of servers, and whether a certificate is for one (RFC 6125, RFC 9525): by its subject alternative names, never by
//! its common name.

use rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::fields;
use crate::certificate;
use crate::outcome::{Failure, FailureKind, policy};

/// A name as it is sent and compared: a dot at its end, which makes it absolute (RFC 1034 section 3.1), is not part of a
/// server name (RFC 6066 section 3).
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, Failure> {
    let (stripped, absolute) = name.strip_suffix('.').map_or((name, false), |stripped| (stripped, true));
    match ServerName::try_from(stripped) {
        Ok(ServerName::DnsName(_)) if stripped.ends_with('.') => Err(()),
        Ok(ServerName::IpAddress(_)) if absolute => Err(()),
        Ok(parsed) => Ok(parsed.to_owned()),
        Err(_) => Err(()),
    }
    .map_err(|()| Failure::argument("neither a DNS name nor an IP address"))
}

/// What the default validation decides about the name, for any certificate and any name.
pub(crate) fn matches_name(certificate: &[u8], name: &str) -> Result<(), Failure> {
    let name = server_name(name)?;
    is_for(&certificate.into(), &name).or_else(|reason| {
        // What is no certificate is not one for another name.
        certificate::check(certificate)?;
        Err(Failure { policy_errors: policy::NAME_MISMATCH, ..Failure::new(FailureKind::Authentication, reason) })
    })
}

/// Why not, in words. A certificate that cannot be read is for no name.
pub(super) fn is_for(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), String> {
    let shows = |certificate: &EndEntityCert<'_>| {
        certificate
            .verify_is_valid_for_subject_name(name)
            .map_err(|_| format!("the certificate is not for {}", name.to_str()))
    };
    if let Ok(readable) = EndEntityCert::try_from(certificate) {
        return shows(&readable);
    }
    // A critical extension that is unknown hides no name; what cannot be read at all shows none.
    let readable = CertificateDer::from(fields::nothing_critical(certificate));
    match EndEntityCert::try_from(&readable) {
        Ok(readable) => shows(&readable),
        Err(_) => Err("the certificate shows no name that could be compared".into()),
    }
}

//! Names of servers, and whether a certificate is for one (RFC 6125, RFC 9525): by its subject alternative names, never by
//! its common name.

use rustls::pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::fields;
use crate::certificate;
use crate::outcome::{Failure, FailureKind, Result};
use crate::reason::PolicyErrors;

/// A name as it is sent and compared: a dot at its end, which makes it absolute (RFC 1034 section 3.1), is not part of a
/// server name (RFC 6066 section 3).
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>> {
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
pub(crate) fn matches_name(certificate: &[u8], name: &str) -> Result<()> {
    let name = server_name(name)?;
    is_for(&certificate.into(), &name).or_else(|reason| {
        // What is no certificate is not one for another name.
        certificate::check(certificate)?;
        let mut failure = Failure::new(FailureKind::Authentication, reason);
        failure.policy_errors = PolicyErrors::NAME_MISMATCH;
        Err(failure)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::UnixTime;

    use super::*;
    use crate::certificate::tests::Parts;
    use crate::trust::{Extent, Peer, Policy, Rules};

    const DNS: u8 = 0x82;
    const IP: u8 = 0x87;
    const URI: u8 = 0x86;
    const LOOPBACK: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

    /// What `matches_name` says, which must be what the default validation says of the name.
    fn matches(certificate: &[u8], name: &str) -> bool {
        let alone = matches_name(certificate, name);
        let policy = Policy::new(Peer::Server, Rules::default(), Vec::new(), &[]).unwrap();
        let chain = [CertificateDer::from(certificate.to_vec())];
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
        let judgement = policy.judge_at(&chain, Some(&server_name(name).unwrap()), now, Extent::Verdict);
        assert_eq!(alone.is_err(), judgement.reasons.policy_errors().name_mismatch, "{name}");
        if let Err(failure) = &alone {
            assert_eq!(
                (failure.kind, failure.policy_errors),
                (FailureKind::Authentication, PolicyErrors::NAME_MISMATCH)
            );
        }
        alone.is_ok()
    }

    #[test]
    fn names_match_alone_as_they_do_in_the_default_validation() {
        for (tag, shown, name, expected) in [
            (DNS, &b"example.org"[..], "example.org", true),
            (DNS, b"example.org", "EXAMPLE.org", true),
            (DNS, b"example.org", "example.org.", true),
            (DNS, b"example.org.", "example.org", false),
            (DNS, b"example.org", "www.example.org", false),
            (DNS, b"*.example.org", "www.example.org", true),
            (DNS, b"*.example.org", "a.www.example.org", false),
            (DNS, b"*.example.org", "example.org", false),
            (DNS, b"w*.example.org", "www.example.org", false),
            (DNS, b"*.org", "example.org", false),
            (DNS, b"*", "org", false),
            (DNS, b"xn--bcher-kva.example", "xn--bcher-kva.example", true),
            (DNS, "b\u{fc}cher.example".as_bytes(), "xn--bcher-kva.example", false),
            (DNS, b"*.example.org", "xn--bcher-kva.example.org", true),
            (DNS, b"good.example\0.evil.example", "good.example", false),
            (DNS, b"", "example.org", false),
            (DNS, b"192.0.2.1", "192.0.2.1", false),
            (IP, &[192, 0, 2, 1], "192.0.2.1", true),
            (IP, &[192, 0, 2, 1], "192.0.2.2", false),
            (IP, &[192, 0, 2, 1], "example.org", false),
            (IP, LOOPBACK, "::1", true),
            (IP, LOOPBACK, "0:0:0:0:0:0:0:1", true),
            (IP, &[127, 0, 0, 1, 255, 0, 0, 0], "127.0.0.1", false),
            (URI, b"https://example.org", "example.org", false),
        ] {
            let certificate = Parts::with_alternative_names(&[(tag, shown)]);
            assert_eq!(matches(&certificate, name), expected, "{} and {name}", shown.escape_ascii());
        }
        // The common name is no server name (RFC 9525 section 2).
        assert!(!matches(&Parts::default().der(), "someone"));
    }

    #[test]
    fn what_is_not_a_certificate_or_not_a_name_is_an_argument_error() {
        let certificate = Parts::with_alternative_names(&[(DNS, b"example.org")]);
        for name in ["", ".", "a b", "192.0.2.1.", "example.org..", "*.example.org", "192.0.2.1/24"] {
            assert_eq!(matches_name(&certificate, name).unwrap_err().kind, FailureKind::InvalidArgument, "{name}");
        }
        for end in 0..certificate.len() {
            let failure = matches_name(&certificate[..end], "example.org").unwrap_err();
            assert_eq!(failure.kind, FailureKind::InvalidArgument, "{end}");
        }
    }
}

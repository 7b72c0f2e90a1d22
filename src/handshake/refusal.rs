//! A refusal: the host's or the default validation's "no". It is made once; what it says is what the peer and the host get.

use std::borrow::Cow;

use crate::outcome::{Alert, Failure, FailureKind};
use crate::reason::{Blame, NO_CERTIFICATE, PolicyErrors, Reason};
use crate::wire::Version;

/// Ends the handshake, or an open session whose client was asked to authenticate.
#[derive(Clone)]
pub(crate) struct Refusal {
    /// The alert for the peer; if there is none, the one that fits the policy errors.
    pub(crate) alert: Option<Alert>,
    pub(crate) policy_errors: PolicyErrors,
    /// The fault of the peer's certificates, if the default validation refuses them.
    pub(crate) blame: Option<Blame>,
    /// One sentence for the error record.
    pub(crate) reason: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(alert: Option<Alert>, policy_errors: PolicyErrors, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { alert, policy_errors, blame: None, reason: reason.into() }
    }

    /// A client has declined where it must not.
    pub(crate) fn no_certificate() -> Self {
        let blame = Blame::without_a_certificate(Reason::NoCertificate.into());
        Self { blame, ..Self::new(None, PolicyErrors::NOT_AVAILABLE, NO_CERTIFICATE) }
    }

    /// How it ends a connection of this version, if that is known.
    pub(crate) fn into_failure(self, version: Option<Version>) -> Failure {
        let alert = self.alert.unwrap_or(match self.policy_errors {
            PolicyErrors { not_available: true, .. } => without_certificate(version),
            PolicyErrors { chain_errors: true, .. } => Alert::UNKNOWN_CA,
            _ => Alert::BAD_CERTIFICATE,
        });
        let mut failure = Failure::new(FailureKind::Authentication, self.reason).with_alert(alert);
        failure.policy_errors = self.policy_errors;
        failure.blame = self.blame;
        failure
    }
}

/// certificate_required is TLS 1.3's (RFC 8446 section 6.2); RFC 5246 section 7.4.6 has handshake_failure.
fn without_certificate(version: Option<Version>) -> Alert {
    match version {
        Some(Version::Tls12) => Alert::HANDSHAKE_FAILURE,
        Some(Version::Tls13) | None => Alert::CERTIFICATE_REQUIRED,
    }
}

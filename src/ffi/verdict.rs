//! Answers to suspensions.

use std::ffi::c_char;

use super::fence;
use super::getting::fill_struct;
use super::handles::tls_session_t;
use super::host::Host;
use super::reasons;
use super::status::{SPANTLS_ERROR_MESSAGE_SIZE, message, tls_status_t};
use crate::outcome::Alert;
use crate::session::ValidationReport;

/// Why the default validation would refuse the peer. Set `struct_size` to `sizeof(spantls_validation_t)` before passing it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spantls_validation_t {
    /// In: `sizeof(spantls_validation_t)`.
    pub struct_size: usize,
    /// `SPANTLS_POLICY_ERROR_…` bits; 0: the peer would be accepted.
    pub policy_errors: u32,
    /// Every `SPANTLS_REASON_…` that was found.
    pub reasons: u32,
    /// The one that decides the alert; 0 for none.
    pub reason: u32,
    /// The certificate with that reason: 0 is the leaf, 1 its issuer; -1 if there is none, or it is not known.
    pub depth: i32,
    /// The alert with which the peer would be refused (`SPANTLS_ALERT_…`); -1 if it would not.
    pub alert: i32,
    /// `SPANTLS_STRICT_RULE_…` if the reason is `SPANTLS_REASON_STRICT_PROFILE`, else 0.
    pub strict_rule: i32,
    /// One sentence, UTF-8, closed by NUL; empty if nothing is wrong.
    pub message: [c_char; SPANTLS_ERROR_MESSAGE_SIZE],
}

impl Default for spantls_validation_t {
    /// Of a peer that no verdict is asked for on.
    fn default() -> Self {
        Self {
            struct_size: 0,
            policy_errors: 0,
            reasons: 0,
            reason: 0,
            depth: -1,
            alert: -1,
            strict_rule: 0,
            message: [0; SPANTLS_ERROR_MESSAGE_SIZE],
        }
    }
}

impl From<&ValidationReport> for spantls_validation_t {
    fn from(report: &ValidationReport) -> Self {
        let (reason, depth, strict_rule) = reasons::of_blame(report.blame);
        Self {
            struct_size: size_of::<Self>(),
            policy_errors: reasons::policy_bits(report.reasons.policy_errors()),
            reasons: reasons::reason_bits(report.reasons),
            reason,
            depth,
            alert: report.alert.map_or(-1, |alert| i32::from(alert.0)),
            strict_rule,
            message: message(&report.message),
        }
    }
}

/// Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with the default validation (RFC 5280, RFC 6125): accepts the peer or refuses it.
///
/// It verifies a chain to the trust anchors of the options (clients without any: the system's store), validity, usage, name constraints,
/// revocation if there are lists, and on clients the target host name. It may take a millisecond. A context remembers the last 64 chains
/// that it has trusted, each for its name: their signatures are not verified again until a date on the path, or of a revocation list, has
/// passed. A client without a certificate is accepted, except under `SPANTLS_CLIENT_CERTIFICATE_REQUIRE`, but it is not identified:
/// `*out_policy_errors` is then `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
///
/// Call it from any thread, but alone on the session; then call `tls_session_handshake()` again, or, after
/// `tls_session_request_client_certificate()`, `tls_session_decrypt()`.
///
/// - `TLS_STATUS_COMPLETE`: the peer is accepted. `*out_policy_errors` (may be NULL) is 0, or as above.
/// - `TLS_STATUS_AUTHENTICATION_FAILED`: the peer is refused, and `*out_policy_errors` says why. The session has failed: see
///   `tls_session_error()`. The alert is pending output: `tls_session_drain_pending_output()` writes it, on a socket
///   `tls_session_socket_shutdown()` sends it; during the handshake the next handshake call does, too.
/// - `TLS_STATUS_INVALID_STATE`: the session does not wait for a verdict.
/// - `TLS_STATUS_BUSY`: also if a thread is in `tls_session_decrypt()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_accept_with_default_validation(
    session: *mut tls_session_t,
    out_policy_errors: *mut u32,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_policy_errors, 0);
    fence::on_session(host, session, |session| {
        let judged = session.accept_with_default_validation();
        let errors = judged.as_ref().map_or_else(|failure| failure.policy_errors, |errors| *errors);
        host.put(out_policy_errors, reasons::policy_bits(errors));
        judged.map(drop)
    })
}

/// Reports why the default validation would refuse the peer, with all reasons, without giving a verdict.
///
/// A host can so accept, for example, a certificate that has only expired and that it has pinned; `SPANTLS_REASON_EXPIRED` may also be
/// that of a CA, see `depth`. Give the verdict afterwards. A certificate is judged once, however often this is called.
///
/// - `TLS_STATUS_COMPLETE`: `*out_validation` is filled; its `reasons` are 0 if the peer would be accepted.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `out_validation` is NULL or its `struct_size` is too small.
/// - `TLS_STATUS_INVALID_STATE`: the session does not wait for a verdict.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_default_validation(
    session: *const tls_session_t,
    out_validation: *mut spantls_validation_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fill_struct(host, size_of::<spantls_validation_t>(), session, out_validation, |session| {
        session.default_validation().map(|report| (&report).into())
    })
}

/// Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with the host's own verdict: 0 accepts, `SPANTLS_POLICY_ERROR_…` bits refuse.
///
/// The alert of a refusal is `certificate_required` for NOT_AVAILABLE (`handshake_failure` in TLS 1.2), otherwise `unknown_ca` for
/// CHAIN_ERRORS, otherwise `bad_certificate`. To choose the alert, call `tls_session_reject_certificate()`.
///
/// - `TLS_STATUS_COMPLETE`: the peer is accepted; call `tls_session_handshake()` again.
/// - `TLS_STATUS_AUTHENTICATION_FAILED`: the peer is refused, as by `tls_session_accept_with_default_validation()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: an unknown bit.
/// - `TLS_STATUS_INVALID_STATE`: the session does not wait for a verdict.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_set_certificate_validation_result(
    session: *mut tls_session_t,
    policy_errors: u32,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| {
        session.set_certificate_validation_result(reasons::policy_errors(policy_errors)?)
    })
}

/// Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with a refusal: the peer gets this fatal alert, under the keys in
/// force, before it completes and before any application byte.
///
/// - `TLS_STATUS_COMPLETE`: refused: the session has failed, and the alert is pending output, as after
///   `tls_session_accept_with_default_validation()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: an alert that ends nothing (close_notify, user_canceled, no_renegotiation).
/// - `TLS_STATUS_INVALID_STATE`: nothing waits for a verdict, or it was answered.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_reject_certificate(session: *mut tls_session_t, alert: u8) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| session.reject_certificate(Alert(alert)))
}

/// Answers any suspension with a refusal: the peer gets this fatal alert, and nothing else any more.
///
/// - `TLS_STATUS_COMPLETE`: refused: the session has failed with `TLS_STATUS_AUTHENTICATION_FAILED`, and the alert is pending
///   output, as after `tls_session_accept_with_default_validation()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: an alert that ends nothing (close_notify, user_canceled, no_renegotiation).
/// - `TLS_STATUS_INVALID_STATE`: the session is not suspended, or its question was answered.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_reject(session: *mut tls_session_t, alert: u8) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| session.reject(Alert(alert)))
}

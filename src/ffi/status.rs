//! Statuses, the error record, and the one place where outcomes become numbers.

use std::ffi::c_char;

use super::reasons;
use crate::outcome::{Failure, FailureKind, Outcome, Question};

/// The result of a call: zero or more when it succeeded or asks for something, negative when it failed.
pub type tls_status_t = i32;

/// The values of `tls_status_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tls_status_values {
    /// The call has done its work; see the counts.
    TLS_STATUS_COMPLETE = 0,
    /// More data from the peer is needed: receive it, then call again.
    TLS_STATUS_WANT_READ = 1,
    /// The output span was too small: send what was written, then call again with space.
    TLS_STATUS_WANT_WRITE = 2,
    /// A clean end: the peer's `close_notify` was received, or our shutdown is all written.
    TLS_STATUS_CLOSED = 3,
    /// The server asked for a client certificate: answer with `tls_session_set_client_credentials()`.
    TLS_STATUS_WANT_CREDENTIALS = 4,
    /// The peer's certificate waits for a verdict: answer with `tls_session_accept_with_default_validation()`,
    /// `tls_session_set_certificate_validation_result()` or `tls_session_reject_certificate()`.
    TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION = 5,
    /// The ClientHello is complete, and the server context must be chosen (SNI): answer with `tls_session_set_server_context()`, then pass
    /// the same input again.
    TLS_STATUS_NEEDS_SERVER_OPTIONS = 6,
    /// An external private key must sign: get the message with `tls_session_signature_request()`, answer with
    /// `tls_session_set_signature()`.
    TLS_STATUS_NEEDS_SIGNATURE = 16,
    /// An argument is wrong: a NULL pointer, a bad length, text that is not UTF-8, a wrong handle, a context of the wrong role.
    TLS_STATUS_INVALID_ARGUMENT = -1,
    /// The call is not allowed now; the error record's message says why.
    TLS_STATUS_INVALID_STATE = -2,
    /// We refused the peer: by a verdict, by `tls_session_reject()`, or because no credentials fit; or the host could not sign.
    TLS_STATUS_AUTHENTICATION_FAILED = -3,
    /// The peer broke the protocol, does not speak TLS, or has no parameters in common with us.
    TLS_STATUS_PROTOCOL_ERROR = -4,
    /// The transport ended without `close_notify` (RFC 8446 section 6.1): data may be missing.
    TLS_STATUS_TRUNCATED = -5,
    /// A system call on the session's socket failed; its `errno` is in the error record.
    TLS_STATUS_IO_ERROR = -6,
    /// A certificate, key, trust anchor or option is wrong.
    TLS_STATUS_INVALID_CONFIGURATION = -7,
    /// The peer, the protocol version or the platform does not support this.
    TLS_STATUS_NOT_SUPPORTED = -8,
    /// Another thread is using the same half of this session. Nothing was done.
    TLS_STATUS_BUSY = -9,
    /// Too many handshakes are suspended at once, or there is not enough memory. Nothing was changed and the record at hand was not
    /// consumed (see the counts): try again once another handshake has been answered or destroyed, or give this connection up.
    TLS_STATUS_OUT_OF_RESOURCES = -10,
    /// There is too little space for a value: nothing was written. `*out_len` is its length; text needs one byte more for its closing NUL.
    TLS_STATUS_BUFFER_TOO_SMALL = -11,
    /// The peer refused us: it ended the session with a fatal alert, or with `close_notify` during the handshake. `alert_received` in the
    /// error record says which, for example `SPANTLS_ALERT_UNKNOWN_CA`.
    TLS_STATUS_PEER_ALERT = -12,
    /// An error in the library (a contained panic). Destroy the session: it accepts no other call.
    TLS_STATUS_INTERNAL_ERROR = -128,
}

/// Alert descriptions, for `tls_session_reject()` and `spantls_error_t` (RFC 8446 section 6).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_alert_values {
    /// The sender closes its side (section 6.1). Not an error.
    SPANTLS_ALERT_CLOSE_NOTIFY = 0,
    /// A message that is not allowed at this point.
    SPANTLS_ALERT_UNEXPECTED_MESSAGE = 10,
    /// A record that cannot be decrypted.
    SPANTLS_ALERT_BAD_RECORD_MAC = 20,
    /// A record that is too long.
    SPANTLS_ALERT_RECORD_OVERFLOW = 22,
    /// No parameters in common; in TLS 1.2 also a missing certificate.
    SPANTLS_ALERT_HANDSHAKE_FAILURE = 40,
    /// A certificate that is damaged, or issued for another name.
    SPANTLS_ALERT_BAD_CERTIFICATE = 42,
    /// A certificate of an unsupported kind, or not meant for this use.
    SPANTLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    /// A certificate that its issuer has revoked.
    SPANTLS_ALERT_CERTIFICATE_REVOKED = 44,
    /// A certificate that has expired, or is not valid yet.
    SPANTLS_ALERT_CERTIFICATE_EXPIRED = 45,
    /// Another problem with the certificate.
    SPANTLS_ALERT_CERTIFICATE_UNKNOWN = 46,
    /// A field with an invalid value.
    SPANTLS_ALERT_ILLEGAL_PARAMETER = 47,
    /// No chain to a trusted certificate authority.
    SPANTLS_ALERT_UNKNOWN_CA = 48,
    /// A valid certificate whose owner is denied access.
    SPANTLS_ALERT_ACCESS_DENIED = 49,
    /// A message that cannot be parsed.
    SPANTLS_ALERT_DECODE_ERROR = 50,
    /// An invalid signature, Finished message or binder.
    SPANTLS_ALERT_DECRYPT_ERROR = 51,
    /// No protocol version in common.
    SPANTLS_ALERT_PROTOCOL_VERSION = 70,
    /// The peer's parameters are too weak.
    SPANTLS_ALERT_INSUFFICIENT_SECURITY = 71,
    /// An error of the sender that has nothing to do with the peer.
    SPANTLS_ALERT_INTERNAL_ERROR = 80,
    /// The client offers a lower version than it could (RFC 7507).
    SPANTLS_ALERT_INAPPROPRIATE_FALLBACK = 86,
    /// The handshake was cancelled. Not an error.
    SPANTLS_ALERT_USER_CANCELED = 90,
    /// A renegotiation was declined (RFC 5246 section 7.2.2).
    SPANTLS_ALERT_NO_RENEGOTIATION = 100,
    /// A required extension is missing.
    SPANTLS_ALERT_MISSING_EXTENSION = 109,
    /// An extension that was not offered, or is not allowed here.
    SPANTLS_ALERT_UNSUPPORTED_EXTENSION = 110,
    /// The server name (SNI) is unknown (RFC 6066 section 3).
    SPANTLS_ALERT_UNRECOGNIZED_NAME = 112,
    /// An invalid stapled OCSP response.
    SPANTLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113,
    /// No known pre-shared key.
    SPANTLS_ALERT_UNKNOWN_PSK_IDENTITY = 115,
    /// A certificate is required, and the client sent none (TLS 1.3).
    SPANTLS_ALERT_CERTIFICATE_REQUIRED = 116,
    /// No application protocol in common (ALPN, RFC 7301 section 3.2).
    SPANTLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
}

/// The size of `spantls_error_t.message`, including its closing NUL.
pub const SPANTLS_ERROR_MESSAGE_SIZE: usize = 256;

/// Why a call failed. Set `struct_size` to `sizeof(spantls_error_t)` first; later versions may add fields at the end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spantls_error_t {
    /// In: `sizeof(spantls_error_t)`.
    pub struct_size: usize,
    /// The status of the failed call; `TLS_STATUS_COMPLETE` if nothing has failed.
    pub status: tls_status_t,
    /// The alert that was sent, or is pending, to the peer; -1 for none, also if the session's socket did not take it. A
    /// `close_notify` that answers the peer's is not reported.
    pub alert_sent: i32,
    /// The alert with which the peer ended the session; -1 for none. `SPANTLS_ALERT_CLOSE_NOTIFY` (0) if it closed during the handshake.
    pub alert_received: i32,
    /// The `SPANTLS_POLICY_ERROR_…` bits of the verdict that refused the peer. If the verdict was an alert: CHAIN_ERRORS, or NOT_AVAILABLE if
    /// there was no certificate.
    pub policy_errors: u32,
    /// The `errno` of a failed system call on a socket or a file; 0 for none.
    pub os_error: i32,
    /// The `SPANTLS_REASON_…` for which the default validation refused the peer; 0 for none. It is the one that decides the alert:
    /// `tls_session_default_validation()` reports all of them before the verdict.
    pub reason: u32,
    /// The certificate with that reason: 0 is the leaf, 1 its issuer; -1 if there is none, or it is not known.
    pub depth: i32,
    /// `SPANTLS_STRICT_RULE_…` if the reason is `SPANTLS_REASON_STRICT_PROFILE`, else 0.
    pub strict_rule: i32,
    /// One sentence, UTF-8 with a closing NUL; shortened at a character boundary if it is too long.
    pub message: [c_char; SPANTLS_ERROR_MESSAGE_SIZE],
}

impl spantls_error_t {
    /// A record of nothing.
    pub(super) const fn none() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            status: 0,
            alert_sent: -1,
            alert_received: -1,
            policy_errors: 0,
            os_error: 0,
            reason: 0,
            depth: -1,
            strict_rule: 0,
            message: [0; SPANTLS_ERROR_MESSAGE_SIZE],
        }
    }
}

impl From<&Failure> for spantls_error_t {
    fn from(failure: &Failure) -> Self {
        let mut record = Self::none();
        record.status = from_kind(failure.kind);
        record.alert_sent = failure.alert_sent.map_or(-1, |alert| i32::from(alert.0));
        record.alert_received = failure.alert_received.map_or(-1, |alert| i32::from(alert.0));
        record.policy_errors = reasons::policy_bits(failure.policy_errors);
        record.os_error = failure.os_error;
        (record.reason, record.depth, record.strict_rule) = reasons::of_blame(failure.blame);
        record.message = message(&failure.message);
        record
    }
}

/// A sentence as records have it.
pub(super) fn message(sentence: &str) -> [c_char; SPANTLS_ERROR_MESSAGE_SIZE] {
    let mut message = [0; SPANTLS_ERROR_MESSAGE_SIZE];
    let end = sentence.floor_char_boundary(SPANTLS_ERROR_MESSAGE_SIZE - 1);
    for (to, from) in message.iter_mut().zip(&sentence.as_bytes()[..end]) {
        // A NUL inside would hide the rest from a C reader.
        *to = (if *from == 0 { b' ' } else { *from }) as c_char;
    }
    message
}

/// The number of an outcome.
pub(super) fn from_outcome(outcome: Outcome) -> tls_status_t {
    use tls_status_values::*;
    (match outcome {
        Outcome::Complete => TLS_STATUS_COMPLETE,
        Outcome::WantRead => TLS_STATUS_WANT_READ,
        Outcome::WantWrite => TLS_STATUS_WANT_WRITE,
        Outcome::Closed => TLS_STATUS_CLOSED,
        Outcome::Suspended(Question::ServerContext) => TLS_STATUS_NEEDS_SERVER_OPTIONS,
        Outcome::Suspended(Question::Credentials) => TLS_STATUS_WANT_CREDENTIALS,
        Outcome::Suspended(Question::Certificate) => TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION,
        Outcome::Suspended(Question::Signature) => TLS_STATUS_NEEDS_SIGNATURE,
    }) as tls_status_t
}

/// The number of a failure.
pub(super) fn from_kind(kind: FailureKind) -> tls_status_t {
    use tls_status_values::*;
    (match kind {
        FailureKind::InvalidArgument => TLS_STATUS_INVALID_ARGUMENT,
        FailureKind::InvalidState => TLS_STATUS_INVALID_STATE,
        FailureKind::Authentication => TLS_STATUS_AUTHENTICATION_FAILED,
        FailureKind::Protocol => TLS_STATUS_PROTOCOL_ERROR,
        FailureKind::PeerAlert => TLS_STATUS_PEER_ALERT,
        FailureKind::BufferTooSmall => TLS_STATUS_BUFFER_TOO_SMALL,
        FailureKind::Truncated => TLS_STATUS_TRUNCATED,
        FailureKind::Io => TLS_STATUS_IO_ERROR,
        FailureKind::Configuration => TLS_STATUS_INVALID_CONFIGURATION,
        FailureKind::NotSupported => TLS_STATUS_NOT_SUPPORTED,
        FailureKind::Busy => TLS_STATUS_BUSY,
        FailureKind::Resources => TLS_STATUS_OUT_OF_RESOURCES,
        FailureKind::Internal => TLS_STATUS_INTERNAL_ERROR,
    }) as tls_status_t
}

/// The name of a status, with a closing NUL for C.
pub(super) fn name(status: tls_status_t) -> &'static std::ffi::CStr {
    use tls_status_values::*;
    macro_rules! names {
        ($($value:ident),* $(,)?) => {
            $(if status == $value as tls_status_t {
                return match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($value), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"unknown",
                };
            })*
        };
    }
    names!(
        TLS_STATUS_COMPLETE,
        TLS_STATUS_WANT_READ,
        TLS_STATUS_WANT_WRITE,
        TLS_STATUS_CLOSED,
        TLS_STATUS_WANT_CREDENTIALS,
        TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION,
        TLS_STATUS_NEEDS_SERVER_OPTIONS,
        TLS_STATUS_NEEDS_SIGNATURE,
        TLS_STATUS_INVALID_ARGUMENT,
        TLS_STATUS_INVALID_STATE,
        TLS_STATUS_AUTHENTICATION_FAILED,
        TLS_STATUS_PROTOCOL_ERROR,
        TLS_STATUS_TRUNCATED,
        TLS_STATUS_IO_ERROR,
        TLS_STATUS_INVALID_CONFIGURATION,
        TLS_STATUS_NOT_SUPPORTED,
        TLS_STATUS_BUSY,
        TLS_STATUS_OUT_OF_RESOURCES,
        TLS_STATUS_BUFFER_TOO_SMALL,
        TLS_STATUS_PEER_ALERT,
        TLS_STATUS_INTERNAL_ERROR,
    );
    c"unknown"
}

//! Statuses, the error record, and the one place where outcomes become numbers.

use std::ffi::c_char;

use crate::outcome::{Failure, FailureKind, Outcome, Question};

/// A status: `TLS_STATUS_…` (zero or more) when the call did its work, a negative one when not.
pub type tls_status_t = i32;

/// The values of `tls_status_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum tls_status_values {
    /// The call did what it was asked; see the counts.
    TLS_STATUS_COMPLETE = 0,
    /// More ciphertext from the peer is needed: read from the transport, then call again.
    TLS_STATUS_WANT_READ = 1,
    /// The output span was too small: send what was written, then call again with room.
    TLS_STATUS_WANT_WRITE = 2,
    /// The peer's `close_notify` was received, or our own shutdown is fully drained.
    TLS_STATUS_CLOSED = 3,
    /// The server asked for a client certificate: answer with `tls_session_set_client_credentials()`.
    TLS_STATUS_WANT_CREDENTIALS = 4,
    /// The peer's certificate waits for a verdict: answer with `tls_session_accept_with_default_validation()`,
    /// `tls_session_set_certificate_validation_result()` or `tls_session_reject_certificate()`.
    TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION = 5,
    /// The ClientHello is complete and the server context still to be chosen: answer with
    /// `tls_session_set_server_context()`, and show the same input again.
    TLS_STATUS_NEEDS_SERVER_OPTIONS = 6,
    /// An external private key must sign: get the message with `tls_session_signature_request()`, answer with
    /// `tls_session_set_signature()`.
    TLS_STATUS_NEEDS_SIGNATURE = 16,
    /// A null pointer, a bad length, text that is not UTF-8, a wrong handle, a context of the wrong role.
    TLS_STATUS_INVALID_ARGUMENT = -1,
    /// Not allowed now; the error record's message says why.
    TLS_STATUS_INVALID_STATE = -2,
    /// A verdict or `tls_session_reject()` refused the peer, no credentials satisfied it, or the host could not sign.
    TLS_STATUS_AUTHENTICATION_FAILED = -3,
    /// The peer broke the protocol, spoke no TLS, or has nothing in common with us.
    TLS_STATUS_PROTOCOL_ERROR = -4,
    /// The transport ended without `close_notify` (RFC 8446 section 6.1): data may be missing.
    TLS_STATUS_TRUNCATED = -5,
    /// A system call on the session's socket failed; its `errno` is in the error record.
    TLS_STATUS_IO_ERROR = -6,
    /// A bad certificate, key, trust anchor or option.
    TLS_STATUS_INVALID_CONFIGURATION = -7,
    /// The peer, protocol version or platform has no such thing.
    TLS_STATUS_NOT_SUPPORTED = -8,
    /// Another thread is inside the same half of this session. Nothing was done.
    TLS_STATUS_BUSY = -9,
    /// Too many handshakes are suspended at once, or memory could not be mapped. The record at hand was not consumed (see
    /// the counts): try again once another handshake has been answered or destroyed, or give this connection up.
    TLS_STATUS_OUT_OF_RESOURCES = -10,
    /// The room for a value was too small: nothing was written. `*out_len` is the value's length; text needs one byte more,
    /// for its closing NUL.
    TLS_STATUS_BUFFER_TOO_SMALL = -11,
    /// The peer ended the session with a fatal alert, or with `close_notify` in the middle of the handshake: it refuses us.
    /// `alert_received` in the error record says why, for example `SPANTLS_ALERT_UNKNOWN_CA`.
    TLS_STATUS_PEER_ALERT = -12,
    /// A contained panic; the session is unusable from now on, and safe to destroy.
    TLS_STATUS_INTERNAL_ERROR = -128,
}

/// Alert descriptions, for `tls_session_reject()` and `spantls_error_t` (RFC 8446 section 6).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_alert_values {
    /// The sender has no more to say (section 6.1): no error.
    SPANTLS_ALERT_CLOSE_NOTIFY = 0,
    /// A message that has no place here.
    SPANTLS_ALERT_UNEXPECTED_MESSAGE = 10,
    /// A record that cannot be opened.
    SPANTLS_ALERT_BAD_RECORD_MAC = 20,
    /// A record that is too long.
    SPANTLS_ALERT_RECORD_OVERFLOW = 22,
    /// No parameters in common; in TLS 1.2 also a certificate that was required and is missing.
    SPANTLS_ALERT_HANDSHAKE_FAILURE = 40,
    /// A certificate that is damaged, or for another name.
    SPANTLS_ALERT_BAD_CERTIFICATE = 42,
    /// A certificate of a kind, or for a use, that does not fit.
    SPANTLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    /// A certificate that its issuer has taken back.
    SPANTLS_ALERT_CERTIFICATE_REVOKED = 44,
    /// A certificate that is not valid any more, or not yet.
    SPANTLS_ALERT_CERTIFICATE_EXPIRED = 45,
    /// Something else is wrong with the certificate.
    SPANTLS_ALERT_CERTIFICATE_UNKNOWN = 46,
    /// A field with a value that it must not have.
    SPANTLS_ALERT_ILLEGAL_PARAMETER = 47,
    /// No chain to an authority that is trusted.
    SPANTLS_ALERT_UNKNOWN_CA = 48,
    /// A certificate in order, whose owner is not let in.
    SPANTLS_ALERT_ACCESS_DENIED = 49,
    /// A message that cannot be parsed.
    SPANTLS_ALERT_DECODE_ERROR = 50,
    /// A signature, a Finished or a binder that is wrong.
    SPANTLS_ALERT_DECRYPT_ERROR = 51,
    /// No version in common.
    SPANTLS_ALERT_PROTOCOL_VERSION = 70,
    /// What the peer offers is too weak.
    SPANTLS_ALERT_INSUFFICIENT_SECURITY = 71,
    /// The sender has a problem that is not the peer's fault.
    SPANTLS_ALERT_INTERNAL_ERROR = 80,
    /// The client has lowered its version without need (RFC 7507).
    SPANTLS_ALERT_INAPPROPRIATE_FALLBACK = 86,
    /// The handshake was given up, without an error.
    SPANTLS_ALERT_USER_CANCELED = 90,
    /// A renegotiation that is declined (RFC 5246 section 7.2.2).
    SPANTLS_ALERT_NO_RENEGOTIATION = 100,
    /// An extension that must be there is not.
    SPANTLS_ALERT_MISSING_EXTENSION = 109,
    /// An extension that must not be there, or was not offered.
    SPANTLS_ALERT_UNSUPPORTED_EXTENSION = 110,
    /// No server of this name here (RFC 6066 section 3).
    SPANTLS_ALERT_UNRECOGNIZED_NAME = 112,
    /// A stapled OCSP response that is not in order.
    SPANTLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113,
    /// No pre-shared key that is known.
    SPANTLS_ALERT_UNKNOWN_PSK_IDENTITY = 115,
    /// A certificate that was required and is missing (TLS 1.3).
    SPANTLS_ALERT_CERTIFICATE_REQUIRED = 116,
    /// No application protocol in common (RFC 7301 section 3.2).
    SPANTLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
}

/// The room of `spantls_error_t.message`, its closing NUL included.
pub const SPANTLS_ERROR_MESSAGE_SIZE: usize = 256;

/// Why a call failed. Set `struct_size` to `sizeof(spantls_error_t)` before passing it; the struct can grow at its end.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spantls_error_t {
    /// In: `sizeof(spantls_error_t)`.
    pub struct_size: usize,
    /// The status that the failed call returned; `TLS_STATUS_COMPLETE` when nothing has failed.
    pub status: tls_status_t,
    /// The alert sent, or owed, to the peer; -1 for none, also if it could not be sent over the session's socket.
    pub alert_sent: i32,
    /// The alert with which the peer ended the session; -1 for none. `SPANTLS_ALERT_CLOSE_NOTIFY` (0) if it closed in
    /// the middle of the handshake.
    pub alert_received: i32,
    /// `SPANTLS_POLICY_ERROR_…` bits of the verdict that refused the peer. Where the verdict was an alert, they are
    /// `SPANTLS_POLICY_ERROR_CHAIN_ERRORS` whatever the alert, or `SPANTLS_POLICY_ERROR_NOT_AVAILABLE` if there was no certificate.
    pub policy_errors: u32,
    /// `errno` of a failed system call, on a socket or a file; 0 for none.
    pub os_error: i32,
    /// Zero.
    pub reserved: i32,
    /// One sentence, UTF-8, closed by NUL; cut at a character's end if it is too long.
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
            reserved: 0,
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
        record.policy_errors = failure.policy_errors;
        record.os_error = failure.os_error;
        let room = SPANTLS_ERROR_MESSAGE_SIZE - 1;
        let end = failure.message.floor_char_boundary(room);
        for (to, from) in record.message.iter_mut().zip(&failure.message.as_bytes()[..end]) {
            // A NUL inside would hide the rest from a C reader.
            *to = (if *from == 0 { b' ' } else { *from }) as c_char;
        }
        record
    }
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

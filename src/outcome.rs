//! What a call on a session can come to: an [`Outcome`] when it did its work, a [`Failure`] when not.
//!
//! Both are exhaustive on purpose: a new variant does not compile until `ffi::status` gives it a number.

#[cfg(test)]
pub(crate) mod faults;

use std::borrow::Cow;
use std::ffi::CStr;
use std::ops::{Deref, DerefMut};

use crate::reason::{Blame, PolicyErrors};

/// What a call comes to that may fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// A call's result when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The call did what it was asked.
    Complete,
    /// More ciphertext from the peer is needed.
    WantRead,
    /// The output span was too small.
    WantWrite,
    /// The peer closed, or our own shutdown is drained.
    Closed,
    /// The handshake waits for the host's answer.
    Suspended(Question),
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Complete
    }
}

/// What a suspended session asks its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which context continues with this ClientHello?
    ServerContext,
    /// Which certificate does the server get to see?
    Credentials,
    /// Is the peer who it should be?
    Certificate,
    /// What is the signature of this message?
    Signature,
}

/// The category of a failure, made to be switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A null pointer, bad length, text that is not UTF-8, wrong handle or role.
    InvalidArgument,
    /// Not allowed now.
    InvalidState,
    /// A verdict refused the peer, or no credentials satisfied it.
    Authentication,
    /// The peer broke the protocol, spoke no TLS, or has nothing in common with us.
    Protocol,
    /// The peer ended the session: with a fatal alert, or with `close_notify` in the middle of the handshake.
    PeerAlert,
    /// The transport ended without `close_notify`.
    Truncated,
    /// A system call on the session's socket failed.
    Io,
    /// A bad certificate, key, trust anchor or option.
    Configuration,
    /// The peer, protocol version or platform has no such thing.
    NotSupported,
    /// Another thread is inside the same half of this session.
    Busy,
    /// The fiber pool is full or memory could not be mapped; try later.
    Resources,
    /// A copy-out getter's span was too small; nothing was written.
    BufferTooSmall,
    /// A contained panic or a broken invariant.
    Internal,
}

/// Why a call failed. A pointer: a result that may hold one costs a call that succeeds no more than its outcome does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(Box<Cause>);

/// What is known of a failure. It never holds plaintext or key material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The category.
    pub kind: FailureKind,
    /// The alert sent, or owed, to the peer because of it.
    pub alert_sent: Option<Alert>,
    /// The alert with which the peer ended the session.
    pub alert_received: Option<Alert>,
    /// The policy errors of the verdict that refused the peer.
    pub policy_errors: PolicyErrors,
    /// The fault of the peer's certificates that decided a refusal by the default validation.
    pub blame: Option<Blame>,
    /// `errno` of a failed system call, or 0.
    pub os_error: i32,
    /// One sentence for a log.
    pub message: Cow<'static, str>,
}

impl Deref for Failure {
    type Target = Cause;

    fn deref(&self) -> &Cause {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Cause {
        &mut self.0
    }
}

impl Failure {
    /// A failure with a message and nothing else.
    #[cold]
    pub fn new(kind: FailureKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Cause {
            kind,
            alert_sent: None,
            alert_received: None,
            policy_errors: PolicyErrors::NONE,
            blame: None,
            os_error: 0,
            message: message.into(),
        }))
    }

    /// The host passed something that cannot be right.
    #[cold]
    pub fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::InvalidArgument, message)
    }

    /// The call is not allowed in the session's present state.
    #[cold]
    pub fn state(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::InvalidState, message)
    }

    /// The peer, protocol version or platform has no such thing.
    pub fn not_supported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::NotSupported, message)
    }

    /// A certificate, key, trust anchor or option is unusable.
    #[cold]
    pub fn configuration(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Configuration, message)
    }

    /// The peer broke the protocol; `alert` is sent to it.
    #[cold]
    pub fn protocol(alert: Alert, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Protocol, message).with_alert(alert)
    }

    /// A system call failed with this `errno`.
    #[cold]
    pub fn io(what: &str, errno: i32) -> Self {
        let message = format!("{what}: {}", std::io::Error::from_raw_os_error(errno));
        Self::new(FailureKind::Io, message).with_os_error(errno)
    }

    /// A file of the configuration that the system does not give.
    pub(crate) fn file(what: &str, error: &std::io::Error) -> Self {
        let os_error = error.raw_os_error().unwrap_or(0);
        Self::configuration(format!("{what}: {error}")).with_os_error(os_error)
    }

    /// A value of `needed` bytes does not fit into what the host gave.
    #[cold]
    pub fn buffer_too_small(needed: usize) -> Self {
        Self::new(FailureKind::BufferTooSmall, format!("the value needs {needed} bytes of room"))
    }

    /// An invariant of ours does not hold.
    #[cold]
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(FailureKind::Internal, message)
    }

    /// Another thread is inside the same half.
    #[cold]
    pub fn busy() -> Self {
        Self::new(FailureKind::Busy, "another thread is inside the same half of this session")
    }

    /// The peer ended the session with a fatal alert.
    #[cold]
    pub fn alert_from_peer(alert: Alert) -> Self {
        let mut failure = Self::new(FailureKind::PeerAlert, format!("the peer sent the fatal alert {alert}"));
        failure.alert_received = Some(alert);
        failure
    }

    /// The same failure, with the `errno` of a system call.
    #[must_use]
    pub(crate) fn with_os_error(mut self, errno: i32) -> Self {
        self.os_error = errno;
        self
    }

    /// The same failure, telling the peer `alert`.
    #[must_use]
    pub fn with_alert(mut self, alert: Alert) -> Self {
        self.alert_sent = Some(alert);
        self
    }
}

/// An alert description (RFC 8446 section 6, RFC 5246 section 7.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(pub u8);

macro_rules! alerts {
    ($($name:ident = $number:literal $text:literal),* $(,)?) => {
        #[allow(missing_docs)]
        impl Alert {
            $(pub const $name: Alert = Alert($number);)*

            /// The name the RFCs give it; as in `names`, a NUL follows it.
            pub fn name(self) -> Option<&'static CStr> {
                match self.0 {
                    $($number => Some($text),)*
                    _ => None,
                }
            }
        }
    };
}

alerts! {
    CLOSE_NOTIFY = 0 c"close_notify",
    UNEXPECTED_MESSAGE = 10 c"unexpected_message",
    BAD_RECORD_MAC = 20 c"bad_record_mac",
    RECORD_OVERFLOW = 22 c"record_overflow",
    HANDSHAKE_FAILURE = 40 c"handshake_failure",
    BAD_CERTIFICATE = 42 c"bad_certificate",
    UNSUPPORTED_CERTIFICATE = 43 c"unsupported_certificate",
    CERTIFICATE_REVOKED = 44 c"certificate_revoked",
    CERTIFICATE_EXPIRED = 45 c"certificate_expired",
    CERTIFICATE_UNKNOWN = 46 c"certificate_unknown",
    ILLEGAL_PARAMETER = 47 c"illegal_parameter",
    UNKNOWN_CA = 48 c"unknown_ca",
    ACCESS_DENIED = 49 c"access_denied",
    DECODE_ERROR = 50 c"decode_error",
    DECRYPT_ERROR = 51 c"decrypt_error",
    PROTOCOL_VERSION = 70 c"protocol_version",
    INSUFFICIENT_SECURITY = 71 c"insufficient_security",
    INTERNAL_ERROR = 80 c"internal_error",
    INAPPROPRIATE_FALLBACK = 86 c"inappropriate_fallback",
    USER_CANCELED = 90 c"user_canceled",
    NO_RENEGOTIATION = 100 c"no_renegotiation",
    MISSING_EXTENSION = 109 c"missing_extension",
    UNSUPPORTED_EXTENSION = 110 c"unsupported_extension",
    UNRECOGNIZED_NAME = 112 c"unrecognized_name",
    BAD_CERTIFICATE_STATUS_RESPONSE = 113 c"bad_certificate_status_response",
    UNKNOWN_PSK_IDENTITY = 115 c"unknown_psk_identity",
    CERTIFICATE_REQUIRED = 116 c"certificate_required",
    NO_APPLICATION_PROTOCOL = 120 c"no_application_protocol",
}

impl Alert {
    /// Alerts that end nothing by themselves and so cannot refuse a peer (RFC 8446 section 6.1).
    pub fn is_closure(self) -> bool {
        matches!(self, Self::CLOSE_NOTIFY | Self::USER_CANCELED | Self::NO_RENEGOTIATION)
    }
}

impl std::fmt::Display for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name().and_then(|name| name.to_str().ok()) {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl std::fmt::Debug for Alert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

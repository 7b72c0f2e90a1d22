//! What a handshake step asks its host, and the answers. Values only: they cross threads.

use rustls::pki_types::CertificateDer;

/// A question from within rustls.
pub(crate) enum Request {
    /// The peer showed these certificates, leaf first.
    Certificate(Vec<CertificateDer<'static>>),
    #[cfg(test)]
    Test,
}

/// The answer that a hook goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The peer is who it should be.
    Accepted,
    /// It is not. Which alert it gets is the session's business: see `super::alert`.
    Refused,
    /// The session goes away; nothing that happens now will be sent.
    Cancelled,
}

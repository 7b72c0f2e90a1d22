//! What a handshake asks its host, and the answers. Values only: they cross threads.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::pki_types::CertificateDer;

use crate::crypto::own_key::OwnKey;
use crate::crypto::verifying_key::VerifyingKey;
use crate::outcome::Question;

/// A question, with what the host needs to know to answer it.
pub(crate) enum Request {
    /// A server: the ClientHello is complete, which context shall go on with it?
    ServerContext,
    /// A client: the server asked for a certificate.
    Credentials(CertificateRequest),
    /// The peer showed these certificates, leaf first; none, if it declined.
    Certificate(Vec<CertificateDer<'static>>),
    /// An external private key must sign.
    Signature(SignatureRequest),
    #[cfg(test)]
    Test,
}

/// What a server takes as a client's certificate (RFC 8446 section 4.3.2, RFC 5246 section 7.4.4).
#[derive(Default)]
pub(crate) struct CertificateRequest {
    /// Distinguished names as DER; none means any issuer.
    pub(crate) acceptable_issuers: Vec<Vec<u8>>,
    /// What the certificate's key must be able to sign with.
    pub(crate) schemes: Vec<SignatureScheme>,
}

/// What is to be signed.
pub(crate) struct SignatureRequest {
    pub(crate) scheme: SignatureScheme,
    pub(crate) message: Vec<u8>,
    /// Checks the signature before it leaves.
    pub(crate) key: Arc<VerifyingKey>,
}

/// The answer that a hook continues with.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The peer is who it should be.
    Accepted,
    /// Show these credentials, or none.
    Credentials(Option<Arc<OwnKey>>),
    /// This is the signature.
    Signature(Vec<u8>),
    /// No. Which alert the peer gets is the session's business: see `super::alert`.
    Refused,
    /// The session goes away; nothing that happens now will be sent.
    Cancelled,
}

impl Request {
    /// The question's kind.
    pub(crate) fn question(&self) -> Question {
        match self {
            Self::ServerContext => Question::ServerContext,
            Self::Credentials(_) => Question::Credentials,
            Self::Certificate(_) => Question::Certificate,
            Self::Signature(_) => Question::Signature,
            #[cfg(test)]
            Self::Test => Question::Certificate,
        }
    }
}

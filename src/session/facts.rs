//! What a session can tell about itself.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use crate::client_hello::ClientHello;
use crate::handshake::Bindings;
use crate::handshake::question::{CertificateRequest, SignatureRequest};
use crate::outcome::Question;

/// What the handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// .NET's `SslProtocols` value.
    pub protocol: u32,
    /// IANA number.
    pub cipher_suite: u16,
    /// IANA number.
    pub group: u16,
    /// The scheme with which the peer has signed, IANA number; 0 if it did not.
    pub peer_signature_scheme: u16,
    /// RFC 7301; empty for none.
    pub alpn: Box<[u8]>,
}

/// Everything that getters read.
pub(super) struct Facts {
    pub(super) negotiated: Negotiated,
    pub(super) target_host_name: String,
    pub(super) remote_certificates: Arc<[CertificateDer<'static>]>,
    /// With the server's certificate.
    pub(super) ocsp_response: Vec<u8>,
    pub(super) bindings: Option<Box<Bindings>>,
    /// The credentials that the peer was shown.
    pub(super) shown: Option<Arc<CertifiedKey>>,
    pub(super) client_hello: Option<Arc<ClientHello>>,
    /// What the host is asked.
    pub(super) question: Option<Question>,
    pub(super) certificate_request: Option<Arc<CertificateRequest>>,
    pub(super) signature_request: Option<Arc<SignatureRequest>>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            negotiated: Negotiated::default(),
            target_host_name: String::new(),
            remote_certificates: Arc::new([]),
            ocsp_response: Vec::new(),
            bindings: None,
            shown: None,
            client_hello: None,
            question: None,
            certificate_request: None,
            signature_request: None,
        }
    }
}

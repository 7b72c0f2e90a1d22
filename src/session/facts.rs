//! What a session can tell about itself.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

/// What the handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// .NET's `SslProtocols` value.
    pub protocol: u32,
    /// IANA number.
    pub cipher_suite: u16,
    /// IANA number.
    pub group: u16,
    /// RFC 7301; empty for none.
    pub alpn: Box<[u8]>,
}

/// Everything that getters read.
pub(super) struct Facts {
    pub(super) negotiated: Negotiated,
    pub(super) target_host_name: String,
    pub(super) remote_certificates: Arc<[CertificateDer<'static>]>,
    pub(super) local_certificate_shown: bool,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            negotiated: Negotiated::default(),
            target_host_name: String::new(),
            remote_certificates: Arc::new([]),
            local_certificate_shown: false,
        }
    }
}

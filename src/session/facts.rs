//! The facts of a session, which the getters read.

use std::sync::Arc;
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use crate::client_hello::ClientHello;
use crate::handshake::question::{Ask, CertificateRequest, SignatureRequest};
use crate::handshake::refusal::Refusal;
use crate::handshake::{Bindings, Negotiated};
use crate::reason::Reasons;
use crate::trust::{Extent, PathCertificate};

/// Everything that getters read.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) negotiated: Negotiated,
    pub(super) target_host_name: Box<str>,
    pub(super) remote_certificates: Arc<[CertificateDer<'static>]>,
    /// From its leaf to an anchor, if the default validation has found that.
    pub(super) verified_path: Box<[PathCertificate]>,
    /// With the server's certificate.
    pub(super) ocsp_response: Box<[u8]>,
    pub(super) bindings: Option<Box<Bindings>>,
    /// The credentials that the peer was shown.
    pub(super) local_credentials: Option<Arc<CertifiedKey>>,
    pub(super) client_hello: Option<Arc<ClientHello>>,
    /// Until the handshake is done.
    pub(super) asked: Option<Box<Asked>>,
}

/// What the host is, and was, asked.
#[derive(Default)]
pub(super) struct Asked {
    /// Since when, while an answer is waited for.
    pub(super) since: Option<Instant>,
    pub(super) certificate_request: Option<Ask<CertificateRequest>>,
    pub(super) signature_request: Option<Ask<SignatureRequest>>,
    /// The default validation's verdict on the certificate that is asked about, once it has been reached: a host that
    /// looks first and accepts afterwards pays, and a peer costs, one judgement.
    pub(super) judged: Option<Judged>,
}

/// The default validation's verdict.
#[derive(Clone)]
pub(super) struct Judged {
    /// Whose verdict this is: another chain has another one.
    pub(super) chain: Arc<[CertificateDer<'static>]>,
    /// What is wrong with the peer's certificate: all of it, if `extent` is a report.
    pub(super) reasons: Reasons,
    pub(super) extent: Extent,
    /// There is none for a client that may decline, and has.
    pub(super) refusal: Option<Refusal>,
}

impl Judged {
    pub(super) fn verdict(self) -> Result<(), Refusal> {
        self.refusal.map_or(Ok(()), Err)
    }
}

impl Facts {
    pub(super) fn asked(&mut self) -> &mut Asked {
        self.asked.get_or_insert_default()
    }
}

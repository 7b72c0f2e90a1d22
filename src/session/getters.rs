//! The getters of a session, and `shrink`, which drops what some of them return.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::stats::Stats;
use super::{Session, VisibleState, try_lock};
use crate::client_hello::ClientHello;
use crate::crypto::end_point::EndPoint;
use crate::handshake::Negotiated;
use crate::handshake::question::{Ask, CertificateRequest, SignatureRequest};
use crate::outcome::{Failure, Outcome, Question, Result};
use crate::reason::PolicyErrors;
use crate::trust;

/// Ways to bind another protocol to the connection (RFC 5056).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// RFC 5929 section 3.
    Unique,
    /// RFC 5929 section 4.
    EndPoint,
    /// RFC 9266.
    Exporter,
}

/// What a session gives up; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shrink {
    /// Buffers, of which an idle session has none.
    Buffers,
    /// Facts about the peer.
    Peer,
    /// The state that receives session tickets.
    Tickets,
}

impl Session {
    /// The server's stapled OCSP response, as it came with its certificate.
    pub fn ocsp_response(&self) -> Vec<u8> {
        self.shared.facts().ocsp_response.to_vec()
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        let since = self.shared.facts().asked.as_ref().and_then(|asked| asked.since);
        let mut stats = self.shared.counters.snapshot(self.shared.state.now().question().zip(since));
        if let Some(bound) = &self.bound {
            (stats.receive_calls, stats.send_calls) = bound.calls();
            let work = bound.kernel.does();
            (stats.kernel_sends, stats.kernel_receives) = (work.seals.is_some(), work.opens.is_some());
            stats.kernel_refusal = work.refusal;
        }
        stats
    }

    /// Gives up what an idle session can do without.
    pub fn shrink(&self, what: Shrink) -> Result<Outcome> {
        self.shared.complete()?;
        let mut read = try_lock(&self.read)?;
        let mut facts = self.shared.facts();
        if what >= Shrink::Peer {
            // A chain that waits for its verdict is still needed.
            if !self.shared.state.now().authentication().awaits_verdict() {
                facts.remote_certificates = Arc::new([]);
                facts.verified_path = Box::default();
            }
            facts.client_hello = None;
            facts.ocsp_response = Box::default();
        }
        if what >= Shrink::Tickets {
            read.drop_tickets();
        }
        Ok(Outcome::Complete)
    }

    /// Where the session stands.
    pub fn state(&self) -> VisibleState {
        self.shared.state.now().visible(!self.shared.owed.is_empty())
    }

    /// What was negotiated; nothing until the handshake is complete.
    pub fn negotiated(&self) -> Negotiated {
        if self.shared.state.now().is_open() { self.shared.facts().negotiated.clone() } else { Negotiated::default() }
    }

    /// The server's name: what a client set, or what a server was asked for.
    pub fn target_host_name(&self) -> String {
        self.shared.facts().target_host_name.to_string()
    }

    /// The certificates that the peer has shown, leaf first.
    pub fn remote_certificates(&self) -> Arc<[CertificateDer<'static>]> {
        self.shared.facts().remote_certificates.clone()
    }

    /// One of them.
    pub fn remote_certificate(&self, index: usize) -> Result<CertificateDer<'static>> {
        let chain = self.remote_certificates();
        let certificate = chain.get(index);
        certificate.cloned().ok_or_else(|| Failure::argument("the peer has sent no certificate of this index"))
    }

    /// How many certificates the path has that the default validation has found, from the peer's leaf to the anchor.
    pub fn verified_certificate_count(&self) -> usize {
        self.shared.facts().verified_path.len()
    }

    /// One of them, the leaf first.
    pub fn verified_certificate(&self, index: usize) -> Option<CertificateDer<'static>> {
        let facts = self.shared.facts();
        let link = *facts.verified_path.get(index)?;
        self.context().trust.certificate(link, &facts.remote_certificates).cloned()
    }

    /// Our leaf certificate, if the peer has seen it; while a signature is asked for, the one whose key is to sign.
    pub fn local_certificate(&self) -> Vec<u8> {
        if let Some(request) = self.signature_request() {
            return request.key.leaf.to_vec();
        }
        let local = self.shared.facts().local_credentials.clone().filter(|_| self.shared.state.now().is_open());
        local.and_then(|local| local.cert.first().map(|leaf| leaf.to_vec())).unwrap_or_default()
    }

    /// A server's first ClientHello: until the handshake is complete, and as long as the session if the options say so.
    pub fn client_hello(&self) -> Option<Arc<ClientHello>> {
        self.shared.facts().client_hello.clone()
    }

    /// The channel binding of this kind.
    pub fn channel_binding(&self, kind: Binding) -> Result<Vec<u8>> {
        self.shared.handshake_was_complete()?;
        match kind {
            Binding::Unique => {
                let facts = self.shared.facts();
                let unique = facts.bindings.as_ref().and_then(|bindings| bindings.exporter.unique());
                // RFC 8446 appendix C.5, RFC 9266.
                unique
                    .map(Into::into)
                    .ok_or_else(|| Failure::not_supported("TLS 1.3 has no tls-unique: use the exporter's"))
            }
            Binding::EndPoint => {
                let end_point = self.end_point()?;
                let binding = end_point.binding().map(<[u8]>::to_vec);
                binding.ok_or_else(|| Failure::not_supported("RFC 5929 has no hash for the server's certificate"))
            }
            Binding::Exporter => {
                let mut value = vec![0; 32];
                // RFC 9266 section 2: the context is a zero-length string, which in TLS 1.2 is not the same as none.
                self.export_keying_material(b"EXPORTER-Channel-Binding", Some(&[]), &mut value)?;
                Ok(value)
            }
        }
    }

    /// Of the certificate that the server has shown, in this session or in the one that it goes back to.
    fn end_point(&self) -> Result<EndPoint> {
        if !self.context.is_server() {
            let chain = self.remote_certificates();
            let leaf = chain.first().ok_or_else(|| Failure::state("shrink gave the certificate up"))?;
            return Ok(trust::end_point(leaf));
        }
        let of_ticket = self.shared.facts().bindings.as_ref().and_then(|bindings| bindings.end_point.clone());
        Ok(of_ticket.map_or_else(|| trust::end_point(&self.local_certificate()), |end_point| *end_point))
    }

    /// Whether the master secret depends on the whole handshake (RFC 7627, RFC 9266 section 4.2).
    pub fn is_channel_binding_sound(&self) -> bool {
        let complete = self.shared.handshake_was_complete().is_ok();
        complete && self.shared.facts().bindings.as_ref().is_some_and(|bindings| bindings.sound)
    }

    /// Keying material (RFC 5705, RFC 8446 section 7.5).
    pub fn export_keying_material(&self, label: &[u8], context: Option<&[u8]>, output: &mut [u8]) -> Result<()> {
        self.shared.handshake_was_complete()?;
        let facts = self.shared.facts();
        let bindings = facts.bindings.as_ref().ok_or_else(|| Failure::internal("an open session without secrets"))?;
        bindings.exporter.export(label, context, output)
    }

    /// What the server takes as a client's certificate.
    pub(crate) fn certificate_request(&self) -> Option<Ask<CertificateRequest>> {
        self.shared.facts().asked.as_ref()?.certificate_request.clone()
    }

    /// The scheme and the message that wait for a signature.
    pub fn signature_request_parts(&self) -> Option<(u16, Vec<u8>)> {
        self.signature_request().map(|request| (request.scheme.into(), request.message.clone()))
    }

    /// The same, with what checks it.
    pub(crate) fn signature_request(&self) -> Option<Ask<SignatureRequest>> {
        self.shared.facts().asked.as_ref()?.signature_request.clone()
    }

    /// What the suspension itself says: a client that showed no certificate.
    pub fn pending_policy_errors(&self) -> PolicyErrors {
        let asked = self.shared.state.now().question();
        match asked == Some(Question::Certificate) && self.shared.facts().remote_certificates.is_empty() {
            true => PolicyErrors::NOT_AVAILABLE,
            false => PolicyErrors::NONE,
        }
    }
}

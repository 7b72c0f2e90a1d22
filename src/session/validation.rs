//! What the default validation says of the peer: the verdict, and the report for hosts that decide themselves.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};

use super::answers::unanswered;
use super::facts::Judged;
use super::handshaking::Phase;
use super::{Session, try_lock};
use crate::context::ClientCertificateMode;
use crate::handshake::not_asked;
use crate::handshake::question::OpenQuestion;
use crate::handshake::refusal::Refusal;
use crate::limits::HEADROOM;
use crate::memory;
use crate::outcome::{Alert, Question, Result};
use crate::reason::{Blame, NO_CERTIFICATE, PolicyErrors, Reason, Reasons};
use crate::trust::{self, Extent};

/// Why the default validation refuses the peer, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationReport {
    /// All faults; none is trust.
    pub reasons: Reasons,
    /// The one that decides the alert.
    pub blame: Option<Blame>,
    /// The alert with which the peer would be refused.
    pub alert: Option<Alert>,
    /// One sentence; empty for a peer that is trusted.
    pub message: String,
}

impl Session {
    /// What the default validation finds, without an answer.
    pub fn default_validation(&self) -> Result<ValidationReport> {
        memory::expect(HEADROOM)?;
        let judged = match self.open_half()? {
            Some(_) if self.shared.state.now().authentication().awaits_verdict() => {
                self.judged(&self.remote_certificates(), Extent::Report)
            }
            Some(_) => return Err(not_asked(Question::Certificate)),
            None => match &*try_lock(&self.phase)? {
                Phase::Running(handshake) => match unanswered(handshake) {
                    Some(OpenQuestion::Certificate(ask)) => self.judged(&ask.0, Extent::Report),
                    _ => return Err(not_asked(Question::Certificate)),
                },
                _ => return Err(not_asked(Question::Certificate)),
            },
        };
        let Judged { reasons, refusal, .. } = judged;
        let message = match &refusal {
            Some(refusal) => refusal.reason.clone().into_owned(),
            None if reasons.has(Reason::NoCertificate) => NO_CERTIFICATE.into(),
            None => String::new(),
        };
        Ok(ValidationReport {
            reasons,
            blame: refusal.as_ref().map_or_else(|| Blame::without_a_certificate(reasons), |refusal| refusal.blame),
            alert: refusal.and_then(|refusal| refusal.alert),
            message,
        })
    }

    /// The name that the server's certificate has to be for.
    pub(super) fn expected_name(&self) -> Option<ServerName<'static>> {
        if self.context.is_server() {
            return None;
        }
        // Checked when it was set; empty until then.
        trust::server_name(&self.shared.facts().target_host_name).ok()
    }

    /// What the default validation says, once for each question.
    pub(super) fn judged(&self, chain: &Arc<[CertificateDer<'static>]>, extent: Extent) -> Judged {
        if chain.is_empty() {
            // A client may decline what it was only requested to show: in the handshake, or later by a call of the host.
            let must_show = self.context().client_certificates == ClientCertificateMode::Require;
            return Judged {
                reasons: Reason::NoCertificate.into(),
                chain: chain.clone(),
                extent: Extent::Report,
                refusal: must_show.then(Refusal::no_certificate),
            };
        }
        let known = self.shared.facts().asked().judged.clone();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.chain, chain) && known.extent >= extent) {
            return known;
        }
        let judgement = self.context().trust.judge(chain, self.expected_name().as_ref(), extent);
        let errors = judgement.reasons.policy_errors();
        let refusal = (errors != PolicyErrors::NONE)
            .then(|| Refusal { blame: judgement.blame, ..Refusal::new(judgement.alert, errors, judgement.message) });
        let judged = Judged { chain: chain.clone(), reasons: judgement.reasons, extent, refusal };
        let mut facts = self.shared.facts();
        facts.verified_path = judgement.path;
        facts.asked().judged = Some(judged.clone());
        judged
    }
}

//! What a suspended handshake asks, and the answers of the host. Verdicts on the client of an open session
//! are in `client_auth`.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::handshaking::Phase;
use super::read::ReadHalf;
use super::stats::now;
use super::sync::MutexGuard;
use super::write::WriteHalf;
use super::{Session, try_lock};
use crate::context::{Context, Credentials, Validation};
use crate::handshake::Handshake;
use crate::handshake::question::{
    Answerable, Ask, CertificateRequest, ContextRequest, OpenQuestion, PeerChain, SignatureRequest, answered_already,
    not_asked,
};
use crate::handshake::refusal::Refusal;
use crate::limits::HEADROOM;
use crate::memory;
use crate::outcome::{Alert, Failure, Outcome, Result};
use crate::reason::PolicyErrors;
use crate::trust::Extent;

impl Session {
    /// Judges the peer by the default validation. What is wrong with a peer that is accepted all the same: a client that may
    /// decline to show a certificate has shown none.
    pub fn accept_with_default_validation(&self) -> Result<PolicyErrors> {
        memory::expect(HEADROOM)?;
        let mut errors = PolicyErrors::NONE;
        let refusal = self.verdict(|chain| {
            let judged = self.judged(chain, Extent::Verdict);
            errors = judged.reasons.policy_errors();
            judged.verdict()
        })?;
        refusal.map_or(Ok(errors), Err)
    }

    /// Takes the host's verdict. Fails with the refusal if the host refuses.
    pub fn set_certificate_validation_result(&self, policy_errors: PolicyErrors) -> Result<Outcome> {
        let verdict = match policy_errors {
            PolicyErrors::NONE => Ok(()),
            errors => Err(Refusal::new(None, errors, REFUSED_BY_HOST)),
        };
        let refusal = self.verdict(|_| verdict)?;
        refusal.map_or(Ok(Outcome::Complete), Err)
    }

    /// Refuses the peer's certificate with an alert of the host's choice.
    pub fn reject_certificate(&self, alert: Alert) -> Result<Outcome> {
        refusing(alert)?;
        self.verdict(|chain| Err(refusal_by_host(chain, alert)))?;
        Ok(Outcome::Complete)
    }

    /// Answers the question about the peer's certificate, in a handshake or of an open session. The refusal, if that is it.
    fn verdict(
        &self,
        decide: impl FnOnce(&Arc<[CertificateDer<'static>]>) -> Result<(), Refusal>,
    ) -> Result<Option<Failure>> {
        match self.open_half()? {
            Some(mut read) => self.answer_client(&mut read, decide),
            None => self.answer::<PeerChain>(|ask| Ok(decide(&ask.0))),
        }
    }

    /// Refuses at any suspension.
    pub fn reject(&self, alert: Alert) -> Result<Outcome> {
        refusing(alert)?;
        if let Some(mut read) = self.open_half()?
            && self.shared.state.now().authentication().awaits_verdict()
        {
            self.answer_client(&mut read, |chain| Err(refusal_by_host(chain, alert)))?;
            return Ok(Outcome::Complete);
        }
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        let asked = match &mut *phase {
            Phase::Running(handshake) => unanswered(handshake).map(|open| (handshake, open)),
            _ => None,
        };
        let (handshake, open) = asked.ok_or_else(|| Failure::state("the session is not suspended"))?;
        let refusal = match open {
            OpenQuestion::Certificate(ask) => refusal_by_host(&ask.0, alert),
            OpenQuestion::ServerContext(_) | OpenQuestion::Credentials(_) | OpenQuestion::Signature(_) => {
                Refusal::new(Some(alert), PolicyErrors::NONE, "the host ended the handshake")
            }
        };
        self.shared.counters.compute(|| self.refuse(handshake, &mut write, refusal))?;
        Ok(Outcome::Complete)
    }

    /// Continues with this context, which the host has chosen by the ClientHello.
    pub fn set_server_context(&self, context: Arc<Context>) -> Result<Outcome> {
        let start = context.server_start().ok_or_else(|| {
            Failure::argument("a server context made from options is needed: this one is a client's, or not decided")
        })?;
        self.answer::<ContextRequest>(|_| {
            // Asked once, so this is the first.
            self.expect_client_certificate(self.chosen.get_or_init(|| context));
            Ok(Ok(start))
        })?;
        Ok(Outcome::Complete)
    }

    /// What a client shows a server that asks: these credentials, or none. Before the handshake this answers beforehand.
    pub fn set_client_credentials(&self, credentials: Option<Arc<Credentials>>) -> Result<Outcome> {
        if self.context.is_server() {
            return Err(Failure::state("a server's credentials are those of its context"));
        }
        if let Phase::New(preset) = &mut *try_lock(&self.phase)? {
            preset.credentials = Some(credentials);
            return Ok(Outcome::Complete);
        }
        self.answer::<CertificateRequest>(|ask| {
            let key = credentials.map(|credentials| credentials.own_key());
            if key.as_ref().is_some_and(|key| key.current().key.choose_scheme(&ask.schemes).is_none()) {
                return Err(Failure::configuration("the server accepts no signature scheme of these credentials"));
            }
            Ok(Ok(key))
        })?;
        Ok(Outcome::Complete)
    }

    /// Takes the signature of an external key, or nothing if there is none to be had.
    pub fn set_signature(&self, signature: &[u8]) -> Result<Outcome> {
        self.answer::<SignatureRequest>(|ask| {
            if signature.is_empty() {
                let reason = "the host could not sign";
                return Ok(Err(Refusal::new(Some(Alert::INTERNAL_ERROR), PolicyErrors::NONE, reason)));
            }
            match ask.key.verify(ask.scheme, &ask.message, signature) {
                true => Ok(Ok(signature.to_vec())),
                false => Err(Failure::argument("this is not a signature of the message by the certificate's key")),
            }
        })?;
        Ok(Outcome::Complete)
    }

    /// The handshake asks. The default validation's verdict is given here, and a refusal returned as the failure that it is; other
    /// questions are the host's.
    pub(super) fn pose(
        &self,
        handshake: &mut Handshake,
        write: &mut WriteHalf,
        open: &OpenQuestion,
    ) -> Result<Option<Failure>> {
        self.note(handshake, open);
        match open {
            // It needs no host, and a deep stack: it runs on this one.
            OpenQuestion::Certificate(ask) if self.context().validation == Validation::Automatic => {
                match self.judged(&ask.0, Extent::Verdict).verdict() {
                    Ok(()) => ask.give(()).map(|()| None),
                    Err(refusal) => self.refuse(handshake, write, refusal).map(Some),
                }
            }
            _ => {
                self.shared.facts().asked().since = Some(now());
                self.shared.state.suspend(open.question());
                Ok(None)
            }
        }
    }

    /// Keeps what a question is about, for the getters.
    fn note(&self, handshake: &Handshake, open: &OpenQuestion) {
        let mut facts = self.shared.facts();
        match open {
            OpenQuestion::ServerContext(_) => {}
            OpenQuestion::Credentials(ask) => facts.asked().certificate_request = Some(ask.clone()),
            OpenQuestion::Certificate(ask) => {
                facts.remote_certificates = ask.0.clone();
                facts.verified_path = Box::default();
                facts.ocsp_response = handshake.ocsp_response().into();
                if let Some(asked) = &mut facts.asked {
                    asked.judged = None;
                }
            }
            OpenQuestion::Signature(ask) => facts.asked().signature_request = Some(ask.clone()),
        }
    }

    /// The read half, if the handshake is complete: then it is what asks.
    pub(super) fn open_half(&self) -> Result<Option<MutexGuard<'_, ReadHalf>>> {
        if self.shared.state.now().is_open() { try_lock(&self.read).map(Some) } else { Ok(None) }
    }

    /// Answers the question, if it is the one that is asked, with what `decide` returns; if that fails, the question stays open. A
    /// refusal ends the handshake at once, and is returned as the failure that it is.
    pub(super) fn answer<Q: Answerable>(
        &self,
        decide: impl FnOnce(&Ask<Q>) -> Result<Result<Q::Answer, Refusal>>,
    ) -> Result<Option<Failure>> {
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        let Phase::Running(handshake) = &mut *phase else { return Err(not_asked(Q::QUESTION)) };
        let open = handshake.open_question().ok_or_else(|| not_asked(Q::QUESTION))?;
        if open.is_answered() {
            return Err(answered_already());
        }
        let ask = Q::of(&open).ok_or_else(|| not_asked(Q::QUESTION))?;
        match decide(ask)? {
            Ok(answer) => {
                ask.give(answer)?;
                self.answered();
                Ok(None)
            }
            Err(refusal) => self.shared.counters.compute(|| self.refuse(handshake, &mut write, refusal)).map(Some),
        }
    }

    /// Ends the handshake with this refusal: the session has failed, and the alert is pending output.
    pub(super) fn refuse(&self, handshake: &mut Handshake, write: &mut WriteHalf, refusal: Refusal) -> Result<Failure> {
        let failure = handshake.refuse(refusal)?;
        self.answered();
        self.handshake_has_failed(handshake, write, &failure);
        Ok(failure)
    }

    /// Nothing is asked any more.
    pub(super) fn answered(&self) {
        let question = self.shared.state.answered();
        let mut facts = self.shared.facts();
        let asked = facts.asked();
        asked.signature_request = None;
        asked.judged = None;
        if let (Some(question), Some(since)) = (question, asked.since.take()) {
            self.shared.counters.answered(question, since);
        }
    }
}

/// What the host is asked and has not answered.
pub(super) fn unanswered(handshake: &Handshake) -> Option<OpenQuestion> {
    handshake.open_question().filter(|open| !open.is_answered())
}

/// The host refuses this chain.
fn refusal_by_host(chain: &[CertificateDer<'static>], alert: Alert) -> Refusal {
    let errors = if chain.is_empty() { PolicyErrors::NOT_AVAILABLE } else { PolicyErrors::CHAIN_ERRORS };
    Refusal::new(Some(alert), errors, REFUSED_BY_HOST)
}

/// An alert that can refuse.
fn refusing(alert: Alert) -> Result<()> {
    if alert.is_closure() {
        return Err(Failure::argument(format!("the alert {alert} ends nothing: it cannot refuse a peer")));
    }
    Ok(())
}

const REFUSED_BY_HOST: &str = "the host refused the peer's certificate";

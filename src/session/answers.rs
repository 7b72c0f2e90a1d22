//! What a suspended handshake asks, and the answers of the host.

use std::sync::{Arc, MutexGuard};

use rustls::pki_types::CertificateDer;

use super::handshaking::{Phase, Running};
use super::read::ReadHalf;
use super::write::WriteHalf;
use super::{Session, state, try_lock};
use crate::context::{Context, Credentials};
use crate::handshake::question::{Answer, Request};
use crate::handshake::{Event, Reply, not_asked};
use crate::limits::HEADROOM;
use crate::memory;
use crate::outcome::{Alert, Failure, FailureKind, Outcome, Question, policy};
use crate::reason::{Blame, NO_CERTIFICATE, Reason};
use crate::trust::Extent;

impl Session {
    /// Judges the peer by the default validation. What is wrong with a peer that is accepted all the same: a client that may
    /// decline to show a certificate has shown none.
    pub fn accept_with_default_validation(&self) -> Result<u32, Failure> {
        memory::expect(HEADROOM)?;
        let (errors, refusal) = match self.open_half()? {
            Some(mut read) => self.judge_client(&mut read)?,
            None => self.answer(Question::Certificate, |session, running| session.judge(running))?,
        };
        refusal.map_or(Ok(errors), Err)
    }

    /// Takes the host's verdict: 0 accepts. Fails with the refusal if the host refuses.
    pub fn set_certificate_validation_result(&self, policy_errors: u32) -> Result<Outcome, Failure> {
        if policy_errors & !policy::ALL != 0 {
            return Err(Failure::argument("this is not a SPANTLS_POLICY_ERROR value"));
        }
        let refused = (policy_errors != 0).then(|| refusal(None, policy_errors, REFUSED_BY_HOST));
        let refusal = match self.open_half()? {
            Some(mut read) => self.answer_client(&mut read, refused)?,
            None => {
                let ((), refusal) = self.answer(Question::Certificate, |_, running| {
                    let reply = refused.map_or(Reply::Answer(Answer::Accepted), Reply::Refuse);
                    running.handshake.answer(Question::Certificate, reply)
                })?;
                refusal
            }
        };
        refusal.map_or(Ok(Outcome::Complete), Err)
    }

    /// Refuses the peer's certificate with an alert of the host's choice.
    pub fn reject_certificate(&self, alert: Alert) -> Result<Outcome, Failure> {
        refusing(alert)?;
        match self.open_half()? {
            Some(mut read) => self.reject_client(&mut read, alert)?,
            None => {
                self.answer(Question::Certificate, |_, running| running.reject(Question::Certificate, alert))?;
            }
        }
        Ok(Outcome::Complete)
    }

    /// Refuses at any suspension.
    pub fn reject(&self, alert: Alert) -> Result<Outcome, Failure> {
        refusing(alert)?;
        if let Some(mut read) = self.open_half()?
            && read.waits_for_verdict()
        {
            self.reject_client(&mut read, alert)?;
            return Ok(Outcome::Complete);
        }
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        let asked = match &mut *phase {
            Phase::Running(running) => running.handshake.question().map(|question| (running, question)),
            _ => None,
        };
        let (running, question) = asked.ok_or_else(|| Failure::state("the session is not suspended"))?;
        running.reject(question, alert)?;
        self.answered();
        self.end_if_refused(running, &mut write)?;
        Ok(Outcome::Complete)
    }

    /// Continues with this context, which the host has chosen by the ClientHello.
    pub fn set_server_context(&self, context: Arc<Context>) -> Result<Outcome, Failure> {
        let start = context.server_start().ok_or_else(|| {
            Failure::argument("a server context made from options is needed: this one is a client's, or not decided")
        })?;
        self.answer(Question::ServerContext, |session, running| {
            running.handshake.answer(Question::ServerContext, Reply::Context(start))?;
            // Asked once, so this is the first.
            session.expect_client_certificate(session.chosen.get_or_init(|| context));
            Ok(())
        })?;
        Ok(Outcome::Complete)
    }

    /// What a client shows a server that asks: these credentials, or none. Before the handshake this answers beforehand.
    pub fn set_client_credentials(&self, credentials: Option<Arc<Credentials>>) -> Result<Outcome, Failure> {
        if self.context.is_server() {
            return Err(Failure::state("a server's credentials are those of its context"));
        }
        if let Phase::New(preset) = &mut *try_lock(&self.phase)? {
            preset.credentials = Some(credentials);
            return Ok(Outcome::Complete);
        }
        self.answer(Question::Credentials, |session, running| {
            let key = credentials.map(|credentials| credentials.own_key());
            let request = session.certificate_request().ok_or_else(|| not_asked(Question::Credentials))?;
            if key.as_ref().is_some_and(|key| key.current().key.choose_scheme(&request.schemes).is_none()) {
                return Err(Failure::configuration("the server accepts no signature scheme of these credentials"));
            }
            running.handshake.answer(Question::Credentials, Reply::Answer(Answer::Credentials(key)))
        })?;
        Ok(Outcome::Complete)
    }

    /// Takes the signature of an external key, or nothing if there is none to be had.
    pub fn set_signature(&self, signature: &[u8]) -> Result<Outcome, Failure> {
        self.answer(Question::Signature, |session, running| {
            let request = session.signature_request().ok_or_else(|| not_asked(Question::Signature))?;
            let reply = if signature.is_empty() {
                let failure = Failure::new(FailureKind::Authentication, "the host could not sign");
                Reply::Refuse(failure.with_alert(Alert::INTERNAL_ERROR))
            } else if request.key.verify(request.scheme, &request.message, signature) {
                Reply::Answer(Answer::Signature(signature.to_vec()))
            } else {
                return Err(Failure::argument("this is not a signature of the message by the certificate's key"));
            };
            running.handshake.answer(Question::Signature, reply)
        })?;
        Ok(Outcome::Complete)
    }

    /// Keeps what a question is about, for the getters.
    pub(super) fn note(&self, running: &mut Running, request: Request) {
        let mut facts = self.shared.facts();
        match request {
            Request::ServerContext => {}
            Request::Credentials(request) => facts.asked().certificate_request = Some(Arc::new(request)),
            Request::Certificate(chain) => {
                facts.remote_certificates = chain.clone().into();
                facts.verified_path = Box::default();
                facts.ocsp_response = running.handshake.ocsp_response().into();
                running.chain = chain;
                if let Some(asked) = &mut facts.asked {
                    asked.judged = None;
                }
            }
            Request::Signature(request) => facts.asked().signature_request = Some(Arc::new(request)),
            #[cfg(test)]
            Request::Test => {}
        }
    }

    /// Answers by the default validation and returns its policy errors.
    pub(super) fn judge(&self, running: &mut Running) -> Result<u32, Failure> {
        let judged = self.judged(&running.chain, running.name.as_ref(), Extent::Verdict);
        let reply = judged.refusal.map_or(Reply::Answer(Answer::Accepted), Reply::Refuse);
        running.handshake.answer(Question::Certificate, reply)?;
        Ok(judged.errors)
    }

    /// The read half, if the handshake is complete: then it is what asks.
    pub(super) fn open_half(&self) -> Result<Option<MutexGuard<'_, ReadHalf>>, Failure> {
        match self.shared.has(state::HANDSHAKE_COMPLETE) {
            true => try_lock(&self.read).map(Some),
            false => Ok(None),
        }
    }

    /// Gives the answer to a question, if it is the one that is asked. An answer that refuses ends the handshake at once, and
    /// is returned beside what `give` returns.
    pub(super) fn answer<R>(
        &self,
        question: Question,
        give: impl FnOnce(&Self, &mut Running) -> Result<R, Failure>,
    ) -> Result<(R, Option<Failure>), Failure> {
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        let Phase::Running(running) = &mut *phase else { return Err(not_asked(question)) };
        if running.handshake.is_answered() {
            return Err(Failure::state("the answer was given already: continue the handshake"));
        }
        if running.handshake.question() != Some(question) {
            return Err(not_asked(question));
        }
        let answered = give(self, running)?;
        self.answered();
        Ok((answered, self.end_if_refused(running, &mut write)?))
    }

    /// A refusal that was given as an answer takes effect: the session has failed, and the alert is pending output.
    pub(super) fn end_if_refused(
        &self,
        running: &mut Running,
        write: &mut WriteHalf,
    ) -> Result<Option<Failure>, Failure> {
        if !running.handshake.is_refused() {
            return Ok(None);
        }
        match self.shared.counters.compute(|| running.handshake.go_on())? {
            Event::Failed(failure) => {
                self.handshake_has_failed(running, write, &failure);
                Ok(Some(failure))
            }
            _ => Err(Failure::internal("a refused handshake has continued")),
        }
    }

    /// Nothing is asked any more.
    pub(super) fn answered(&self) {
        self.shared.put(state::SUSPENDED, false);
        let mut facts = self.shared.facts();
        let asked = facts.asked();
        asked.signature_request = None;
        asked.judged = None;
        if let Some(question) = asked.question.take() {
            self.shared.counters.answered(question);
        }
    }
}

impl Running {
    /// Whether the host is asked about the chain, and has not answered.
    pub(super) fn waits_for_verdict(&self) -> bool {
        self.handshake.question() == Some(Question::Certificate) && !self.handshake.is_answered()
    }

    fn reject(&mut self, question: Question, alert: Alert) -> Result<(), Failure> {
        let failure = match question {
            Question::Certificate => refusal_by_host(&self.chain, alert),
            Question::ServerContext | Question::Credentials | Question::Signature => {
                refusal(Some(alert), 0, "the host ended the handshake")
            }
        };
        self.handshake.answer(question, Reply::Refuse(failure))
    }
}

/// The refusal of a client that declines where it must not.
pub(super) fn no_certificate() -> Failure {
    let blame = Blame::without_a_certificate(Reason::NoCertificate.into());
    Failure { blame, ..refusal(None, policy::NOT_AVAILABLE, NO_CERTIFICATE) }
}

/// The host refuses this chain.
pub(super) fn refusal_by_host(chain: &[CertificateDer<'static>], alert: Alert) -> Failure {
    let errors = if chain.is_empty() { policy::NOT_AVAILABLE } else { policy::CHAIN_ERRORS };
    refusal(Some(alert), errors, REFUSED_BY_HOST)
}

/// An alert that can refuse.
fn refusing(alert: Alert) -> Result<(), Failure> {
    if alert.is_closure() {
        return Err(Failure::argument(format!("the alert {alert} ends nothing: it cannot refuse a peer")));
    }
    Ok(())
}

const REFUSED_BY_HOST: &str = "the host refused the peer's certificate";

/// A refusal with this alert, or without one with what fits the errors (see `handshake::alert`).
pub(super) fn refusal(
    alert: Option<Alert>,
    policy_errors: u32,
    reason: impl Into<std::borrow::Cow<'static, str>>,
) -> Failure {
    let mut failure = Failure::new(FailureKind::Authentication, reason);
    failure.alert_sent = alert;
    failure.policy_errors = policy_errors;
    failure
}

//! The session until it is open: the handshake, its suspensions and the answers to them.

use std::sync::{Arc, MutexGuard};

use rustls::pki_types::{CertificateDer, ServerName};

use super::kernel::Keys;
use super::read::{ReadHalf, Receiver, truncated};
use super::stats::now;
use super::{Counts, Session, WriteHalf, state, try_lock};
use crate::context::{
    ClientCertificateMode, Config, Context, Credentials, PROTOCOL_TLS12, PROTOCOL_TLS13, Protocols, Validation,
};
use crate::handshake::question::{Answer, Request};
use crate::handshake::{Direction, Event, Finished, Handshake, Reply, not_asked, other_input};
use crate::limits::HEADROOM;
use crate::memory;
use crate::outcome::{Alert, Failure, FailureKind, Outcome, Question, policy};
use crate::post_handshake::client_auth::ClientAuth;
use crate::reason::{Blame, NO_CERTIFICATE, Reason};
use crate::record::Version;
use crate::record::header::next_record;
use crate::record::keys::{Protection, RecordKeys};
use crate::record::open::Opener;
use crate::record::seal::Sealer;
use crate::trust::Extent;

/// How far the handshake is.
pub(super) enum Phase {
    /// Nothing has been sent or received.
    New(Box<Preset>),
    /// Under way.
    Running(Box<Running>),
    /// The halves have taken over.
    Done,
    /// Shut down before its end.
    Cancelled,
}

/// What a client was told before it began.
#[derive(Clone, Default)]
pub(super) struct Preset {
    name: Option<ServerName<'static>>,
    /// What to offer in place of the context's application protocols.
    alpn: Option<Protocols>,
    /// What to show a server that asks; `Some(None)` is nothing.
    credentials: Option<Option<Arc<Credentials>>>,
}

pub(super) struct Running {
    handshake: Handshake,
    pub(super) name: Option<ServerName<'static>>,
    /// The chain that waits for a verdict.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The transport has ended.
    input_ended: bool,
}

impl Phase {
    /// The transport has ended: the next need of input fails.
    pub(super) fn end_input(&mut self) {
        if let Self::Running(running) = self {
            running.input_ended = true;
        }
    }

    pub(super) fn set_name(&mut self, name: ServerName<'static>) -> Result<(), Failure> {
        match self {
            Self::New(preset) => {
                preset.name = Some(name);
                Ok(())
            }
            _ => Err(Failure::state("the handshake has begun")),
        }
    }

    pub(super) fn add_alpn(&mut self, name: &[u8]) -> Result<(), Failure> {
        match self {
            Self::New(preset) => preset.alpn.get_or_insert_default().add(name),
            _ => Err(Failure::state("the handshake has begun")),
        }
    }
}

impl Session {
    /// Hands over pending output, then works on the input until something is missing.
    pub fn process_handshake(&self, input: &[u8], output: &mut [u8], counts: &mut Counts) -> Result<Outcome, Failure> {
        self.over_spans()?;
        if self.shared.has(state::HANDSHAKE_COMPLETE) {
            return self.shared.sticky().map_or(Ok(Outcome::Complete), Err);
        }
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        let result = self.work_on_handshake(&mut phase, &mut write, input, output, counts);
        // While the locks are held: a count has one writer.
        self.shared.counters.ciphertext_sent.add(counts.written);
        self.shared.counters.ciphertext_received.add(counts.consumed);
        result
    }

    /// Hands over pending output, then works on the input; the time that it takes is the handshake's.
    pub(super) fn work_on_handshake(
        &self,
        phase: &mut Phase,
        write: &mut WriteHalf,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome, Failure> {
        self.context.forget_expired();
        if let Some(chosen) = self.chosen.get() {
            chosen.forget_expired();
        }
        self.shared.counters.compute(|| self.advance(phase, write, input, output, counts))
    }

    fn advance(
        &self,
        phase: &mut Phase,
        write: &mut WriteHalf,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome, Failure> {
        let shared = &self.shared;
        loop {
            if let Phase::Running(running) = phase {
                write.add(shared, |pending| running.handshake.take_flight(pending));
            }
            write.hand_over(shared, output, &mut counts.written);
            if write.has_pending() {
                return Ok(Outcome::WantWrite);
            }
            if let Some(failure) = shared.sticky() {
                return Err(failure);
            }
            let event = match phase {
                Phase::Done => return Ok(Outcome::Complete),
                Phase::Cancelled => return Ok(Outcome::Closed),
                Phase::New(preset) => {
                    let running = self.begin((**preset).clone())?;
                    *phase = Phase::Running(Box::new(running));
                    continue;
                }
                Phase::Running(running) => match running.next(&input[counts.consumed..], &mut counts.consumed)? {
                    Next::Event(event) => event,
                    Next::Return(outcome) => return Ok(outcome),
                },
            };
            let Phase::Running(running) = phase else {
                return Err(Failure::internal("an event without a handshake"));
            };
            self.note_hello(running);
            if running.handshake.was_asked() {
                shared.set(state::CERTIFICATE_ASKED);
            }
            match event {
                Event::NeedsInput => {}
                Event::Asks(request) => {
                    let question = request.question();
                    self.note(running, request);
                    // The default validation needs no host, and a deep stack: it runs on this one.
                    if question == Question::Certificate && self.context().validation() == Validation::Automatic {
                        self.judge(running)?;
                    } else {
                        shared.facts().asked().question = Some((question, now()));
                        shared.set(state::SUSPENDED);
                    }
                }
                Event::Failed(failure) => {
                    shared.put(state::SUSPENDED, false);
                    self.handshake_has_failed(running, write, &failure);
                    write.hand_over(shared, output, &mut counts.written);
                    return Err(failure);
                }
                Event::Finished(finished) => {
                    shared.put(state::SUSPENDED, false);
                    write.add(shared, |pending| running.handshake.take_output(pending));
                    let mut read = try_lock(&self.read)?;
                    self.open(*finished, running.input_ended, write, &mut read)?;
                    *phase = Phase::Done;
                    if !write.has_pending() {
                        shared.set(state::HANDSHAKE_COMPLETE);
                    }
                }
            }
        }
    }

    /// The session is over; its alert is pending output.
    fn handshake_has_failed(&self, running: &mut Running, write: &mut WriteHalf, failure: &Failure) {
        write.add(&self.shared, |pending| running.handshake.take_output(pending));
        write.closed_by_handshake();
        self.shared.fail(failure);
    }

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

    /// Closes our direction; before the handshake is complete, cancels it.
    pub fn shutdown(&self, output: &mut [u8], written: &mut usize) -> Result<Outcome, Failure> {
        self.over_spans()?;
        if !self.shared.has(state::FINISHED) {
            self.cancel()?;
        }
        let mut write = try_lock(&self.write)?;
        let result = write.shutdown(&self.shared, output, written);
        write.count(&self.shared, *written);
        result
    }

    pub(super) fn end_of_handshake_input(&self) -> Result<Outcome, Failure> {
        let mut phase = try_lock(&self.phase)?;
        if let Some(failure) = self.shared.sticky() {
            return Err(failure);
        }
        match &mut *phase {
            Phase::Running(running) if running.handshake.question().is_some() || running.handshake.is_answered() => {
                running.input_ended = true;
                Ok(Outcome::Complete)
            }
            Phase::Running(_) | Phase::New(_) => {
                let failure = truncated();
                self.shared.fail(&failure);
                Err(failure)
            }
            // The last flight is not handed over yet; what follows it is the read half's.
            Phase::Done => try_lock(&self.read)?.end_of_input(),
            Phase::Cancelled => Ok(Outcome::Closed),
        }
    }

    fn begin(&self, preset: Preset) -> Result<Running, Failure> {
        let Preset { name, alpn, credentials } = preset;
        let handshake = match self.context.config() {
            Config::Server(start) => {
                self.expect_client_certificate(&self.context);
                Handshake::server(Some(start.clone()))
            }
            Config::Undecided => Handshake::server(None),
            Config::Client(client) => {
                let preset = credentials.map(|given| given.map(|given| given.own_key()));
                Handshake::client(client.start(name.clone(), alpn, preset))?
            }
        };
        Ok(Running { handshake, name, chain: Vec::new(), input_ended: false })
    }

    fn expect_client_certificate(&self, context: &Context) {
        if context.client_certificates() != ClientCertificateMode::None {
            self.shared.set(state::CERTIFICATE_ASKED);
        }
    }

    /// Keeps what a question is about, for the getters.
    fn note(&self, running: &mut Running, request: Request) {
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

    /// A server's client has said hello.
    fn note_hello(&self, running: &Running) {
        let Some(hello) = running.handshake.client_hello() else { return };
        let mut facts = self.shared.facts();
        if facts.client_hello.is_none() {
            facts.target_host_name = hello.server_name().unwrap_or_default().into();
            facts.client_hello = Some(hello.clone());
        }
    }

    /// Answers by the default validation and returns its policy errors.
    fn judge(&self, running: &mut Running) -> Result<u32, Failure> {
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
    fn answer<R>(
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
    fn end_if_refused(&self, running: &mut Running, write: &mut WriteHalf) -> Result<Option<Failure>, Failure> {
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

    pub(super) fn cancel(&self) -> Result<(), Failure> {
        let shared = &self.shared;
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        match std::mem::replace(&mut *phase, Phase::Cancelled) {
            Phase::Done => *phase = Phase::Done,
            // The peer has not heard of us yet.
            Phase::New(_) | Phase::Cancelled => write.closed_by_handshake(),
            Phase::Running(mut running) => {
                // No question is open any more.
                self.answered();
                if !shared.has(state::FAILED) {
                    running.handshake.cancel()?;
                    shared.set(state::SHUTDOWN_SENT);
                }
                write.add(shared, |pending| running.handshake.take_output(pending));
                write.closed_by_handshake();
            }
        }
        Ok(())
    }

    /// The record layer takes over from rustls.
    fn open(
        &self,
        finished: Finished,
        input_ended: bool,
        write: &mut WriteHalf,
        read: &mut super::ReadHalf,
    ) -> Result<(), Failure> {
        let Finished { version, sending, receiving, .. } = finished;
        let protection = |direction: &Direction| {
            let keys = RecordKeys::new(version, direction.algorithm, &direction.keys)?;
            Ok::<_, Failure>(Protection::new(keys, direction.sequence))
        };
        let mut sealer = Sealer::new(protection(&sending)?);
        if let Some(size) = self.context().max_fragment_size() {
            sealer.limit_fragments(size);
        }
        write.open(sealer, sending.traffic);
        let receiver = Receiver {
            opener: Opener::new(protection(&receiving)?),
            traffic: receiving.traffic,
            ticket_taker: finished.ticket_taker,
            is_server: self.context.is_server(),
            input_ended,
        };
        read.open(receiver);
        if let Some(kernel) = self.bound.as_ref().and_then(|bound| bound.kernel()) {
            kernel.keep(Keys { sending: sending.keys, receiving: receiving.keys });
        }
        let mut facts = self.shared.facts();
        facts.negotiated.protocol = match version {
            Version::Tls12 => PROTOCOL_TLS12,
            Version::Tls13 => PROTOCOL_TLS13,
        };
        facts.negotiated.cipher_suite = finished.cipher_suite;
        facts.negotiated.group = finished.group;
        facts.negotiated.alpn = finished.alpn.into();
        facts.negotiated.peer_signature_scheme = finished.peer_scheme;
        if facts.remote_certificates.is_empty() {
            // Resumed without a question.
            facts.remote_certificates = finished.peer_certificates.into();
        }
        facts.bindings = Some(Box::new(finished.bindings));
        facts.shown = finished.shown;
        // What belonged to the questions goes; a ClientHello stays if the options say so.
        facts.asked = None;
        if let Some(transcript) = finished.transcript {
            let auth = Box::new((ClientAuth::new(transcript), self.context().algorithms()));
            *try_lock(&self.shared.client_auth)? = Some(auth);
        }
        if !self.context().keeps_client_hello() {
            facts.client_hello = None;
        }
        if finished.hello_retried {
            self.shared.set(state::HELLO_RETRIED);
        }
        if finished.resumed {
            self.shared.set(state::RESUMED);
        }
        self.shared.set(state::FINISHED);
        Ok(())
    }
}

enum Next {
    Event(Event),
    Return(Outcome),
}

impl Running {
    /// Whether the host is asked about the chain, and has not answered.
    pub(super) fn waits_for_verdict(&self) -> bool {
        self.handshake.question() == Some(Question::Certificate) && !self.handshake.is_answered()
    }

    /// The next step, with a record off the input if one is needed.
    fn next(&mut self, input: &[u8], consumed: &mut usize) -> Result<Next, Failure> {
        if let Some(question) = self.handshake.question() {
            return Ok(Next::Return(Outcome::Suspended(question)));
        }
        if self.handshake.can_go_on() {
            return self.handshake.go_on().map(Next::Event);
        }
        let header = match next_record(input, self.handshake.max_payload(input.first())) {
            Ok(Some(header)) => header,
            Ok(None) if self.input_ended => return self.handshake.fail_with(truncated()).map(Next::Event),
            Ok(None) => return Ok(Next::Return(Outcome::WantRead)),
            Err(_) if self.handshake.wants_hello_again() => return Err(other_input()),
            Err(failure) => return self.handshake.fail_with(failure).map(Next::Event),
        };
        let event = self.handshake.feed(&input[..header.record_len()])?;
        // The question for the context is asked before the record is consumed.
        if !matches!(event, Event::Asks(Request::ServerContext)) {
            *consumed += header.record_len();
        }
        Ok(Next::Event(event))
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

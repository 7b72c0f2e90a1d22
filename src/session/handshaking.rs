//! The session until it is open: the handshake, its suspensions and the answers to them.

use rustls::pki_types::{CertificateDer, ServerName};

use super::read::truncated;
use super::{Counts, Session, state, try_lock};
use crate::context::{ClientCertificateMode, Config, PROTOCOL_TLS12, PROTOCOL_TLS13, Validation};
use crate::handshake::{Direction, Event, Finished, Handshake, Verdict};
use crate::outcome::{Alert, Failure, FailureKind, Outcome, Question, policy};
use crate::record::Version;
use crate::record::header::next_record;
use crate::record::keys::Protection;
use crate::record::open::Opener;
use crate::record::seal::Sealer;

/// How far the handshake is.
pub(super) enum Phase {
    /// Nothing has been sent or received. Clients may have a name.
    New(Option<ServerName<'static>>),
    /// Under way.
    Running(Box<Running>),
    /// The halves have taken over.
    Done,
    /// Shut down before its end.
    Cancelled,
}

pub(super) struct Running {
    handshake: Handshake,
    name: Option<ServerName<'static>>,
    /// The chain that waits for a verdict.
    chain: Vec<CertificateDer<'static>>,
    /// The transport has ended.
    input_ended: bool,
}

impl Phase {
    pub(super) fn set_name(&mut self, name: ServerName<'static>) -> Result<(), Failure> {
        match self {
            Self::New(slot) => {
                *slot = Some(name);
                Ok(())
            }
            _ => Err(Failure::state("the handshake has begun")),
        }
    }
}

impl Session {
    /// Hands over pending output, then works on the input until something is missing.
    pub fn process_handshake(&self, input: &[u8], output: &mut [u8], counts: &mut Counts) -> Result<Outcome, Failure> {
        let shared = &self.shared;
        if shared.has(state::HANDSHAKE_COMPLETE) {
            return shared.sticky().map_or(Ok(Outcome::Complete), Err);
        }
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        loop {
            if let Phase::Running(running) = &mut *phase {
                write.add(shared, |pending| running.handshake.take_output(pending));
            }
            write.hand_over(shared, output, &mut counts.written);
            if write.has_pending() {
                return Ok(Outcome::WantWrite);
            }
            if let Some(failure) = shared.sticky() {
                return Err(failure);
            }
            let event = match &mut *phase {
                Phase::Done => return Ok(Outcome::Complete),
                Phase::Cancelled => return Ok(Outcome::Closed),
                Phase::New(name) => {
                    let name = name.clone();
                    *phase = Phase::Running(Box::new(self.begin(name)?));
                    continue;
                }
                Phase::Running(running) => match running.next(&input[counts.consumed..], &mut counts.consumed)? {
                    Next::Event(event) => event,
                    Next::Return(outcome) => return Ok(outcome),
                },
            };
            let Phase::Running(running) = &mut *phase else {
                return Err(Failure::internal("an event without a handshake"));
            };
            self.note(running);
            match event {
                Event::NeedsInput => {}
                Event::Certificate(chain) => {
                    shared.facts().remote_certificates = chain.clone().into();
                    running.chain = chain;
                    match self.context.validation() {
                        Validation::External => shared.set(state::SUSPENDED),
                        Validation::Automatic => {
                            self.judge(running)?;
                        }
                    }
                }
                Event::Failed(failure) => {
                    shared.put(state::SUSPENDED, false);
                    write.add(shared, |pending| running.handshake.take_output(pending));
                    write.closed_by_handshake();
                    shared.fail(&failure);
                    write.hand_over(shared, output, &mut counts.written);
                    return Err(failure);
                }
                Event::Finished(finished) => {
                    shared.put(state::SUSPENDED, false);
                    write.add(shared, |pending| running.handshake.take_output(pending));
                    let mut read = try_lock(&self.read)?;
                    self.open(*finished, running.input_ended, &mut write, &mut read)?;
                    *phase = Phase::Done;
                    if !write.has_pending() {
                        shared.set(state::HANDSHAKE_COMPLETE);
                    }
                }
            }
        }
    }

    /// Judges the peer by the default validation.
    pub fn accept_with_default_validation(&self) -> Result<u32, Failure> {
        self.answer(|session, running| session.judge(running))
    }

    /// Takes the host's verdict: 0 accepts.
    pub fn set_certificate_validation_result(&self, policy_errors: u32) -> Result<Outcome, Failure> {
        if policy_errors & !policy::ALL != 0 {
            return Err(Failure::argument("this is no TLS_POLICY_ERROR value"));
        }
        self.answer(|_, running| {
            running.handshake.answer(match policy_errors {
                0 => Verdict::Accept,
                _ => Verdict::Refuse(refusal(None, policy_errors, REFUSED_BY_HOST)),
            })
        })?;
        Ok(Outcome::Complete)
    }

    /// Refuses the peer with an alert of the host's choice.
    pub fn reject_certificate(&self, alert: Alert) -> Result<Outcome, Failure> {
        if alert.is_closure() {
            return Err(Failure::argument(format!("the alert {alert} ends nothing: it cannot refuse a peer")));
        }
        self.answer(|_, running| {
            let errors = if running.chain.is_empty() { policy::NOT_AVAILABLE } else { policy::CHAIN_ERRORS };
            running.handshake.answer(Verdict::Refuse(refusal(Some(alert), errors, REFUSED_BY_HOST)))
        })?;
        Ok(Outcome::Complete)
    }

    /// Refuses at any suspension. There is one kind of them.
    pub fn reject(&self, alert: Alert) -> Result<Outcome, Failure> {
        self.reject_certificate(alert)
    }

    /// Closes our direction; before the handshake is complete, cancels it.
    pub fn shutdown(&self, output: &mut [u8], written: &mut usize) -> Result<Outcome, Failure> {
        if !self.shared.has(state::FINISHED) {
            self.cancel()?;
        }
        try_lock(&self.write)?.shutdown(&self.shared, output, written)
    }

    pub(super) fn end_of_handshake_input(&self) -> Result<Outcome, Failure> {
        let mut phase = try_lock(&self.phase)?;
        if let Some(failure) = self.shared.sticky() {
            return Err(failure);
        }
        match &mut *phase {
            Phase::Running(running) if running.handshake.is_asking() || running.handshake.is_answered() => {
                running.input_ended = true;
                Ok(Outcome::Complete)
            }
            Phase::Running(_) | Phase::New(_) => {
                let failure = truncated();
                self.shared.fail(&failure);
                Err(failure)
            }
            // The last flight is not handed over yet; what comes behind it is the read half's.
            Phase::Done => try_lock(&self.read)?.end_of_input(),
            Phase::Cancelled => Ok(Outcome::Closed),
        }
    }

    fn begin(&self, name: Option<ServerName<'static>>) -> Result<Running, Failure> {
        let handshake = match self.context.config() {
            Config::Server(config) => {
                if self.context.client_certificates() != ClientCertificateMode::None {
                    self.shared.set(state::CERTIFICATE_ASKED);
                }
                let may_lack = self.context.client_certificates() == ClientCertificateMode::Request;
                Handshake::server(config, may_lack)?
            }
            Config::Client(config) => {
                // rustls wants a name; of an IP address it sends none (RFC 6066 section 3). The verdict is not its own.
                let nobody = || ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
                Handshake::client(config, name.clone().unwrap_or_else(nobody))?
            }
        };
        Ok(Running { handshake, name, chain: Vec::new(), input_ended: false })
    }

    /// Keeps the getters up to date.
    fn note(&self, running: &Running) {
        if let Some(name) = running.handshake.server_name() {
            self.shared.facts().target_host_name = name;
        }
    }

    /// Answers by the default validation and returns its policy errors.
    fn judge(&self, running: &mut Running) -> Result<u32, Failure> {
        // A client that declines is what REQUEST is for; REQUIRE never comes here without a certificate.
        if running.chain.is_empty() {
            running.handshake.answer(Verdict::Accept)?;
            return Ok(0);
        }
        if !running.handshake.is_asking() {
            return Err(Failure::state("the verdict was given already: call process_handshake"));
        }
        let judgement = self.context.trust().judge(&running.chain, running.name.as_ref());
        let errors = judgement.policy_errors;
        running.handshake.answer(match errors {
            0 => Verdict::Accept,
            _ => Verdict::Refuse(refusal(judgement.alert, errors, judgement.reason)),
        })?;
        Ok(errors)
    }

    fn answer<R>(&self, give: impl FnOnce(&Self, &mut Running) -> Result<R, Failure>) -> Result<R, Failure> {
        let mut phase = try_lock(&self.phase)?;
        match &mut *phase {
            Phase::Running(running) => {
                let answered = give(self, running)?;
                self.shared.put(state::SUSPENDED, false);
                Ok(answered)
            }
            _ => Err(Failure::state("no certificate waits for a verdict")),
        }
    }

    fn cancel(&self) -> Result<(), Failure> {
        let shared = &self.shared;
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        match std::mem::replace(&mut *phase, Phase::Cancelled) {
            Phase::Done => *phase = Phase::Done,
            // Nobody has heard of us yet.
            Phase::New(_) | Phase::Cancelled => write.closed_by_handshake(),
            Phase::Running(mut running) => {
                shared.put(state::SUSPENDED, false);
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
        write: &mut super::WriteHalf,
        read: &mut super::ReadHalf,
    ) -> Result<(), Failure> {
        let Finished { version, sending, receiving, .. } = finished;
        let protection = |direction: &Direction| Protection::new(version, &direction.secrets, direction.sequence);
        write.open(Sealer::new(protection(&sending)?), sending.traffic);
        read.open(Opener::new(protection(&receiving)?), receiving.traffic, self.context.is_server(), input_ended);
        let mut facts = self.shared.facts();
        facts.negotiated.protocol = match version {
            Version::Tls12 => PROTOCOL_TLS12,
            Version::Tls13 => PROTOCOL_TLS13,
        };
        facts.negotiated.cipher_suite = finished.cipher_suite;
        facts.negotiated.group = finished.group;
        facts.negotiated.alpn = finished.alpn.into();
        facts.local_certificate_shown = self.context.is_server() || finished.client_certificate_sent;
        if finished.hello_retried {
            self.shared.set(state::HELLO_RETRIED);
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
    /// The next step, with a record off the input if one is needed.
    fn next(&mut self, input: &[u8], consumed: &mut usize) -> Result<Next, Failure> {
        if self.handshake.is_asking() {
            return Ok(Next::Return(Outcome::Suspended(Question::Certificate)));
        }
        if self.handshake.is_answered() {
            return self.handshake.go_on().map(Next::Event);
        }
        let header = match next_record(input, self.handshake.max_payload()) {
            Ok(Some(header)) => header,
            Ok(None) if self.input_ended => return self.handshake.fail_with(truncated()).map(Next::Event),
            Ok(None) => return Ok(Next::Return(Outcome::WantRead)),
            Err(failure) => return self.handshake.fail_with(failure).map(Next::Event),
        };
        let event = self.handshake.feed(&input[..header.record_len()])?;
        *consumed += header.record_len();
        Ok(Next::Event(event))
    }
}

const REFUSED_BY_HOST: &str = "the host refused the peer's certificate";

/// A refusal with this alert, or without one with what fits the errors (see `handshake::alert`).
fn refusal(alert: Option<Alert>, policy_errors: u32, reason: impl Into<std::borrow::Cow<'static, str>>) -> Failure {
    let mut failure = Failure::new(FailureKind::Authentication, reason);
    failure.alert_sent = alert;
    failure.policy_errors = policy_errors;
    failure
}

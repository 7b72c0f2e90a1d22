//! The session until it is open: the handshake, step by step.

use std::sync::Arc;

use rustls::pki_types::ServerName;

use super::read::truncated;
use super::state::{Stage, State};
use super::{Counts, Progress, Session, WriteHalf, try_lock};
use crate::context::{ClientCertificateMode, Config, Context, Credentials, Protocols};
use crate::handshake::question::OpenQuestion;
use crate::handshake::{Event, Handshake, other_input};
use crate::outcome::{Failure, Outcome};
use crate::wire::record::next_record;

/// How far the handshake is.
pub(super) enum Phase {
    /// Nothing has been sent or received.
    New(Box<Preset>),
    /// Under way.
    Running(Box<Running>),
    /// Finished or cancelled, which the state says.
    Over,
}

/// What a client was told before it began.
#[derive(Clone, Default)]
pub(super) struct Preset {
    name: Option<ServerName<'static>>,
    /// What to offer in place of the context's application protocols.
    alpn: Option<Protocols>,
    /// What to show a server that asks; `Some(None)` is nothing.
    pub(super) credentials: Option<Option<Arc<Credentials>>>,
}

pub(super) struct Running {
    pub(super) handshake: Handshake,
    pub(super) name: Option<ServerName<'static>>,
}

impl Phase {
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
    pub fn process_handshake(&self, input: &[u8], output: &mut [u8]) -> Progress {
        Progress::of(|counts| {
            self.over_spans()?;
            if self.shared.state.now().is_open() {
                return self.shared.sticky().map_or(Ok(Outcome::Complete), Err);
            }
            let mut phase = try_lock(&self.phase)?;
            let mut write = try_lock(&self.write)?;
            let result = self.work_on_handshake(&mut phase, &mut write, input, output, counts);
            // While the locks are held: a count has one writer.
            self.shared.counters.ciphertext_sent.add(counts.written);
            self.shared.counters.ciphertext_received.add(counts.consumed);
            result
        })
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
                Phase::Over if shared.state.now().stage() == Stage::Cancelled => return Ok(Outcome::Closed),
                Phase::Over => return Ok(Outcome::Complete),
                Phase::New(preset) => {
                    let running = self.begin((**preset).clone())?;
                    *phase = Phase::Running(Box::new(running));
                    continue;
                }
                Phase::Running(running) => {
                    match running.next(shared.state.now(), &input[counts.consumed..], &mut counts.consumed)? {
                        Next::Event(event) => event,
                        Next::Return(outcome) => return Ok(outcome),
                    }
                }
            };
            let Phase::Running(running) = phase else {
                return Err(Failure::internal("an event without a handshake"));
            };
            self.note_hello(running);
            if running.handshake.was_asked() {
                shared.state.certificate_asked();
            }
            match event {
                Event::NeedsInput => {}
                Event::Asks(open) => {
                    if let Some(failure) = self.pose(running, write, &open)? {
                        write.hand_over(shared, output, &mut counts.written);
                        return Err(failure);
                    }
                }
                Event::Failed(failure) => {
                    self.handshake_has_failed(running, write, &failure);
                    write.hand_over(shared, output, &mut counts.written);
                    return Err(failure);
                }
                Event::Finished(finished) => {
                    write.add(shared, |pending| running.handshake.take_output(pending));
                    let mut read = try_lock(&self.read)?;
                    self.open(*finished, write, &mut read)?;
                    *phase = Phase::Over;
                    if !write.has_pending() {
                        shared.state.delivered();
                    }
                }
            }
        }
    }

    /// The session is over; its alert is pending output.
    pub(super) fn handshake_has_failed(&self, running: &mut Running, write: &mut WriteHalf, failure: &Failure) {
        write.add(&self.shared, |pending| running.handshake.take_output(pending));
        self.shared.state.end_sending();
        self.shared.fail(failure);
    }

    /// Closes our direction; before the handshake is complete, cancels it.
    pub fn shutdown(&self, output: &mut [u8]) -> Progress {
        Progress::of(|counts| {
            self.over_spans()?;
            if !self.shared.state.now().is_finished() {
                self.cancel()?;
            }
            let mut write = try_lock(&self.write)?;
            let result = write.shutdown(&self.shared, output, &mut counts.written);
            write.count(&self.shared, counts.written);
            result
        })
    }

    pub(super) fn end_of_handshake_input(&self) -> Result<Outcome, Failure> {
        let mut phase = try_lock(&self.phase)?;
        if let Some(failure) = self.shared.sticky() {
            return Err(failure);
        }
        match &mut *phase {
            Phase::Running(running) if running.handshake.open_question().is_some() => {
                self.shared.state.end_input();
                Ok(Outcome::Complete)
            }
            Phase::Running(_) | Phase::New(_) => {
                let failure = truncated();
                self.shared.fail(&failure);
                Err(failure)
            }
            Phase::Over if self.shared.state.now().stage() == Stage::Cancelled => Ok(Outcome::Closed),
            // The last flight is not handed over yet; what follows it is the read half's.
            Phase::Over => try_lock(&self.read)?.end_of_input(&self.shared),
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
        Ok(Running { handshake, name })
    }

    pub(super) fn expect_client_certificate(&self, context: &Context) {
        if context.client_certificates() != ClientCertificateMode::None {
            self.shared.state.certificate_asked();
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

    pub(super) fn cancel(&self) -> Result<(), Failure> {
        let shared = &self.shared;
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        match std::mem::replace(&mut *phase, Phase::Over) {
            Phase::Over => {}
            // The peer has not heard of us yet.
            Phase::New(_) => {
                shared.state.cancel();
                shared.state.end_sending();
            }
            Phase::Running(mut running) => {
                // No question is open any more.
                self.answered();
                shared.state.cancel();
                if !shared.state.now().has_failed() {
                    running.handshake.cancel()?;
                    shared.state.close();
                }
                write.add(shared, |pending| running.handshake.take_output(pending));
                shared.state.end_sending();
            }
        }
        Ok(())
    }
}

enum Next {
    Event(Event),
    Return(Outcome),
}

impl Running {
    /// The next step, with a record off the input if one is needed.
    fn next(&mut self, state: State, input: &[u8], consumed: &mut usize) -> Result<Next, Failure> {
        if let Some(question) = self.handshake.question() {
            return Ok(Next::Return(Outcome::Suspended(question)));
        }
        if self.handshake.can_go_on() {
            return self.handshake.go_on().map(Next::Event);
        }
        let record = match next_record(input, self.handshake.max_payload(input.first())) {
            Ok(Some(record)) => record,
            Ok(None) if state.input_has_ended() => return self.handshake.fail_with(truncated()).map(Next::Event),
            Ok(None) => return Ok(Next::Return(Outcome::WantRead)),
            Err(_) if self.handshake.wants_hello_again() => return Err(other_input()),
            Err(failure) => return self.handshake.fail_with(failure).map(Next::Event),
        };
        let event = self.handshake.feed(record)?;
        // The question for the context is asked before the record is consumed.
        if !matches!(event, Event::Asks(OpenQuestion::ServerContext(_))) {
            *consumed += record.bytes.len();
        }
        Ok(Next::Event(event))
    }
}

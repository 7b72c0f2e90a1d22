//! The session until it is open: the handshake, step by step. Also `shutdown`, since it cancels an unfinished handshake.

use std::sync::Arc;

use super::kernel::Keys;
use super::read::{ReadHalf, truncated};
use super::state::{Stage, State};
use super::sync::MutexGuard;
use super::write::WriteHalf;
use super::{Counts, Progress, Session, try_lock};
use crate::context::{ClientCertificateMode, Config, Context, Credentials, Protocols};
use crate::handshake::question::OpenQuestion;
use crate::handshake::{CallStack, Event, Handshake, other_input};
use crate::outcome::{Failure, Outcome, Result};
use crate::wire::record::next_record;

/// How far the handshake is.
pub(super) enum Phase {
    /// Nothing has been sent or received.
    New(Box<Preset>),
    /// Under way.
    Running(Box<Handshake>),
    /// Finished or cancelled, which the state says.
    Over {
        /// For the kernel, until it has them.
        kernel_keys: Option<Box<Keys>>,
    },
}

/// All that a handshake works on, each with its lock held.
pub(super) struct HandshakeLocks<'a> {
    pub(super) phase: MutexGuard<'a, Phase>,
    pub(super) write: MutexGuard<'a, WriteHalf>,
    pub(super) read: MutexGuard<'a, ReadHalf>,
}

/// What a client was told before it began.
#[derive(Clone, Default)]
pub(super) struct Preset {
    /// What to offer in place of the context's application protocols.
    pub(super) alpn: Option<Protocols>,
    /// What to show a server that asks; `Some(None)` is nothing.
    pub(super) credentials: Option<Option<Arc<Credentials>>>,
}

impl Phase {
    /// What can be said before the handshake has begun.
    pub(super) fn preset(&mut self) -> Result<&mut Preset> {
        match self {
            Self::New(preset) => Ok(preset),
            _ => Err(Failure::state("the handshake has begun")),
        }
    }

    /// What the kernel is to be given, once.
    pub(super) fn take_kernel_keys(&mut self) -> Option<Box<Keys>> {
        match self {
            Self::Over { kernel_keys } => kernel_keys.take(),
            _ => None,
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
            let mut locks = self.handshake_locks()?;
            let result = self.work_on_handshake(&mut locks, input, output, counts);
            // While the locks are held: a count has one writer.
            self.shared.counters.ciphertext_sent.add(counts.written);
            self.shared.counters.ciphertext_received.add(counts.consumed);
            result
        })
    }

    pub(super) fn handshake_locks(&self) -> Result<HandshakeLocks<'_>> {
        Ok(HandshakeLocks { phase: try_lock(&self.phase)?, write: try_lock(&self.write)?, read: try_lock(&self.read)? })
    }

    /// Hands over pending output, then works on the input; the time that it takes is the handshake's.
    pub(super) fn work_on_handshake(
        &self,
        locks: &mut HandshakeLocks<'_>,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        self.context.forget_expired();
        if let Some(chosen) = self.chosen.get() {
            chosen.forget_expired();
        }
        self.shared.counters.compute(|| self.advance(locks, input, output, counts))
    }

    fn advance(
        &self,
        locks: &mut HandshakeLocks<'_>,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        let shared = &self.shared;
        let HandshakeLocks { phase, write, read } = locks;
        let mut stack = CallStack::default();
        loop {
            if let Phase::Running(handshake) = &mut **phase {
                write.pending.add(&shared.state, |pending| handshake.take_flight(pending));
            }
            write.pending.hand_over(&shared.state, output, counts);
            if !write.pending.is_empty() {
                return Ok(Outcome::WantWrite);
            }
            if let Some(failure) = shared.sticky() {
                return Err(failure);
            }
            let handshake = match &mut **phase {
                Phase::Over { .. } if shared.state.now().stage() == Stage::Cancelled => return Ok(Outcome::Closed),
                Phase::Over { .. } => return Ok(Outcome::Complete),
                Phase::New(preset) => {
                    **phase = Phase::Running(Box::new(self.begin((**preset).clone())?));
                    continue;
                }
                Phase::Running(handshake) => handshake,
            };
            let event = match next(handshake, shared.state.now(), &input[counts.consumed..], counts, &mut stack)? {
                Next::Event(event) => event,
                Next::Return(outcome) => return Ok(outcome),
            };
            self.note_hello(handshake);
            if handshake.was_asked() {
                shared.state.certificate_asked();
            }
            let failed = match event {
                Event::NeedsInput => None,
                Event::Asks(open) => self.pose(handshake, write, &open)?,
                Event::Failed(failure) => {
                    self.handshake_has_failed(handshake, write, &failure);
                    Some(failure)
                }
                Event::Finished(finished) => {
                    write.pending.add(&shared.state, |pending| handshake.take_output(pending));
                    **phase = Phase::Over { kernel_keys: self.take_over(*finished, write, read)? };
                    write.pending.publish(&shared.state);
                    None
                }
            };
            if let Some(failure) = failed {
                write.pending.hand_over(&shared.state, output, counts);
                return Err(failure);
            }
        }
    }

    /// The session is over; its alert is pending output.
    pub(super) fn handshake_has_failed(&self, handshake: &mut Handshake, write: &mut WriteHalf, failure: &Failure) {
        write.pending.add(&self.shared.state, |pending| handshake.take_output(pending));
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
            let result = write.shutdown(&self.shared, output, counts);
            write.count(&self.shared, counts.written);
            result
        })
    }

    pub(super) fn end_of_handshake_input(&self) -> Result<Outcome> {
        let mut phase = try_lock(&self.phase)?;
        if let Some(failure) = self.shared.sticky() {
            return Err(failure);
        }
        match &mut *phase {
            Phase::Running(handshake) if handshake.open_question().is_some() => {
                self.shared.state.end_input();
                Ok(Outcome::Complete)
            }
            Phase::Running(_) | Phase::New(_) => {
                let failure = truncated();
                self.shared.fail(&failure);
                Err(failure)
            }
            Phase::Over { .. } if self.shared.state.now().stage() == Stage::Cancelled => Ok(Outcome::Closed),
            // The last flight is not handed over yet; what follows it is the read half's.
            Phase::Over { .. } => try_lock(&self.read)?.end_of_input(&self.shared),
        }
    }

    fn begin(&self, preset: Preset) -> Result<Handshake> {
        let Preset { alpn, credentials } = preset;
        Ok(match &self.context.config {
            Config::Server(start) => {
                self.expect_client_certificate(&self.context);
                Handshake::server(Some(start.clone()))
            }
            Config::Undecided => Handshake::server(None),
            Config::Client(client) => {
                let preset = credentials.map(|given| given.map(|given| given.own_key()));
                Handshake::client(client, self.expected_name(), alpn.as_ref(), preset)?
            }
        })
    }

    pub(super) fn expect_client_certificate(&self, context: &Context) {
        if context.client_certificates != ClientCertificateMode::None {
            self.shared.state.certificate_asked();
        }
    }

    /// A server's client has said hello.
    fn note_hello(&self, handshake: &Handshake) {
        let Some(hello) = handshake.client_hello() else { return };
        let mut facts = self.shared.facts();
        if facts.client_hello.is_none() {
            facts.target_host_name = hello.server_name().unwrap_or_default().into();
            facts.client_hello = Some(hello.clone());
        }
    }

    pub(super) fn cancel(&self) -> Result<()> {
        let shared = &self.shared;
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        match std::mem::replace(&mut *phase, Phase::Over { kernel_keys: None }) {
            over @ Phase::Over { .. } => *phase = over,
            // The peer has not heard of us yet.
            Phase::New(_) => {
                shared.state.cancel();
                shared.state.end_sending();
            }
            Phase::Running(mut handshake) => {
                // No question is open any more.
                self.answered();
                shared.state.cancel();
                if !shared.state.now().has_failed() {
                    handshake.cancel()?;
                    shared.state.close();
                }
                write.pending.add(&shared.state, |pending| handshake.take_output(pending));
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

/// The next step, with a record off the input if one is needed.
fn next(
    handshake: &mut Handshake,
    state: State,
    input: &[u8],
    counts: &mut Counts,
    stack: &mut CallStack,
) -> Result<Next> {
    if let Some(question) = handshake.question() {
        return Ok(Next::Return(Outcome::Suspended(question)));
    }
    if handshake.can_go_on() {
        return handshake.go_on().map(Next::Event);
    }
    let record = match next_record(input, handshake.max_payload(input.first())) {
        Ok(Some(record)) => record,
        Ok(None) if state.input_has_ended() => return handshake.fail_with(truncated()).map(Next::Event),
        Ok(None) => return Ok(Next::Return(Outcome::WantRead)),
        Err(_) if handshake.wants_hello_again() => return Err(other_input()),
        Err(failure) => return handshake.fail_with(failure).map(Next::Event),
    };
    let event = handshake.feed(record, stack)?;
    // The question for the context is asked before the record is consumed.
    if !matches!(event, Event::Asks(OpenQuestion::ServerContext(_))) {
        counts.consumed += record.bytes.len();
    }
    Ok(Next::Event(event))
}

//! What all parts of a session may touch at any time: the state, what is owed, counters, facts, failures, a client's authentication.

use std::sync::TryLockError;

use super::facts::Facts;
use super::owed::Owed;
use super::state::StateWord;
use super::stats::Counters;
use super::sync::{Mutex, MutexGuard};
use crate::crypto::traffic::TrafficSecret;
use crate::outcome::{Alert, Failure, Outcome, Result};
use crate::post_handshake::client_auth::ClientAuth;
use crate::wire::HandshakeType;

#[derive(Default)]
pub(super) struct Shared {
    pub(super) state: StateWord,
    /// What the read half wants the write half to send.
    pub(super) owed: Owed,
    pub(super) counters: Counters,
    pub(super) facts: Mutex<Facts>,
    /// A server's, if the client offered to authenticate after the handshake.
    pub(super) client_auth: Mutex<Option<Box<ClientAuth>>>,
    pub(super) failures: Mutex<Failures>,
}

#[derive(Default)]
pub(super) struct Failures {
    /// Ends the session: every later call fails with it.
    pub(super) sticky: Option<Failure>,
    /// Of the last call that failed.
    pub(super) last: Option<Failure>,
}

/// What was done to some spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of the input that are not passed again.
    pub consumed: usize,
    /// Bytes of the output that are the caller's now.
    pub written: usize,
}

/// What a call that moves bytes has come to. What it has done to its spans counts also where it fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Progress {
    /// What the call returns.
    pub outcome: Result<Outcome>,
    /// Bytes of the input that are not passed again.
    pub consumed: usize,
    /// Bytes of the output that are the caller's now.
    pub written: usize,
}

impl From<Failure> for Progress {
    /// A call that has failed before it did anything.
    fn from(failure: Failure) -> Self {
        Self { outcome: Err(failure), consumed: 0, written: 0 }
    }
}

impl Progress {
    /// Of `call`, which counts what it does as it does it.
    #[inline]
    pub(super) fn of(call: impl FnOnce(&mut Counts) -> Result<Outcome>) -> Self {
        let mut counts = Counts::default();
        let outcome = call(&mut counts);
        Self { outcome, consumed: counts.consumed, written: counts.written }
    }

    /// Adds what this call has done to what those before it have done, and returns its outcome.
    #[inline]
    pub fn add_to(self, total: &mut Counts) -> Result<Outcome> {
        total.consumed += self.consumed;
        total.written += self.written;
        self.outcome
    }
}

impl Shared {
    /// A client's authentication after the handshake, if it has offered one. Held for moments.
    pub(super) fn client_auth(&self) -> MutexGuard<'_, Option<Box<ClientAuth>>> {
        self.client_auth.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A part of a client's answer.
    pub(super) fn authenticate(&self, message_type: HandshakeType, body: &[u8], traffic: &TrafficSecret) -> Result<()> {
        let mut auth = self.client_auth();
        let auth = auth
            .as_deref_mut()
            .ok_or_else(|| Failure::protocol(Alert::UNEXPECTED_MESSAGE, "an authentication that was not asked for"))?;
        self.state.authenticate(auth.answer(message_type, body, traffic)?);
        Ok(())
    }

    /// Fails until the handshake is complete.
    pub(super) fn complete(&self) -> Result<()> {
        if self.state.now().is_open() {
            return Ok(());
        }
        Err(self.not_complete())
    }

    /// A failed handshake stays failed; otherwise it is the host that is too early.
    #[cold]
    pub(super) fn not_complete(&self) -> Failure {
        self.sticky().unwrap_or_else(|| Failure::state("the handshake is not complete"))
    }

    #[cold]
    pub(super) fn poisoned(&self) -> Failure {
        self.sticky().unwrap_or_else(|| Failure::internal("this session is poisoned"))
    }

    /// Fails for what the handshake has to have made, also after a later failure.
    pub(super) fn handshake_was_complete(&self) -> Result<()> {
        if self.state.now().is_open() { Ok(()) } else { Err(Failure::state("the handshake is not complete")) }
    }

    /// Ends the session. The first failure counts; true if this is the first.
    pub(super) fn fail(&self, failure: &Failure) -> bool {
        let mut failures = self.failures();
        let first = failures.sticky.is_none();
        failures.sticky.get_or_insert_with(|| failure.clone());
        self.state.fail();
        first
    }

    /// The alert of the session's failure does not reach the peer: the error record no longer names it.
    #[cold]
    pub(super) fn alert_was_not_sent(&self) {
        if let Some(failure) = &mut self.failures().sticky {
            failure.alert_sent = None;
        }
    }

    #[inline]
    pub(super) fn sticky(&self) -> Option<Failure> {
        if self.state.now().has_failed() { self.sticky_failure() } else { None }
    }

    #[cold]
    pub(super) fn sticky_failure(&self) -> Option<Failure> {
        self.failures().sticky.clone()
    }

    /// Held for moments only, never across a suspension or a computation.
    pub(super) fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What a bound session writes goes to its socket.
pub(super) fn only_without_span(output: &[u8]) -> Result<()> {
    if output.is_empty() { Ok(()) } else { Err(Failure::argument("a session bound to a socket takes no output span")) }
}

/// A part of the session, if no other thread is in it.
#[inline(always)]
pub(super) fn try_lock<T>(part: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    part.try_lock().map_err(|error| is_not_free(matches!(error, TryLockError::WouldBlock)))
}

#[cold]
fn is_not_free(busy: bool) -> Failure {
    if busy { Failure::busy() } else { Failure::internal("this session is poisoned") }
}

//! The session: one connection's state machine. `state.rs` has the states and the transitions between them.
//!
//! The handshake, the write half and the read half each have a lock, and so have the received bytes of a bound session (`kept`).
//! They are taken in this order, and only ever tried: a second thread in the same part gets BUSY, and no call waits. A handshake
//! takes all of them. Facts, failures and a client's authentication have locks that are held for moments, never during I/O.

mod answers;
mod bound;
mod client_auth;
mod facts;
mod getters;
mod handshaking;
mod kernel;
mod opening;
mod owed;
mod pending;
mod read;
mod receiving;
mod sealing;
mod shared;
mod state;
mod stats;
mod sync;
mod validation;
mod write;

use std::sync::{Arc, OnceLock};

pub use self::validation::ValidationReport;
use crate::context::{Context, Protocols};
pub use crate::handshake::Negotiated;
pub(crate) use crate::handshake::fiber::stack::pool as handshakes_under_way;
pub(crate) use crate::handshake::not_asked;
use crate::outcome::{Failure, FailureKind, Outcome, Result};
pub use crate::transport::Socket;
pub use crate::transport::kernel::KernelReason;
use crate::trust;
use crate::wiping::stack;
pub use crate::wire::Version;
use bound::Bound;
pub use getters::{Binding, Shrink};
use handshaking::Phase;
pub use kernel::KernelTls;
use read::ReadHalf;
pub use shared::{Counts, Progress};
use shared::{Shared, only_without_span, try_lock};
pub use state::VisibleState;
pub use stats::Stats;
use sync::Mutex;
use sync::atomic::{AtomicPtr, Ordering};
use write::WriteHalf;

/// Gives back what pools and caches keep and nothing uses.
pub(crate) fn forget_idle() {
    crate::handshake::fiber::stack::forget_idle();
    crate::record::held::forget_idle();
    trust::system::forget();
}

/// One TLS connection.
pub struct Session {
    /// What the session was made with.
    context: Arc<Context>,
    /// What the host chose by the ClientHello instead.
    chosen: OnceLock<Arc<Context>>,
    /// The socket, if the session does its own I/O.
    bound: Option<Box<Bound>>,
    /// The host's own, never followed here.
    user_data: AtomicPtr<()>,
    shared: Shared,
    phase: Mutex<Phase>,
    write: Mutex<WriteHalf>,
    read: Mutex<ReadHalf>,
}

impl Session {
    /// A session of the context's role.
    pub fn new(context: Arc<Context>) -> Self {
        context.forget_expired();
        Self {
            context,
            chosen: OnceLock::new(),
            bound: None,
            user_data: AtomicPtr::default(),
            shared: Shared::default(),
            phase: Mutex::new(Phase::New(Box::default())),
            write: Mutex::default(),
            read: Mutex::default(),
        }
    }

    /// Fails if the session moves its bytes itself.
    #[inline]
    fn over_spans(&self) -> Result<()> {
        if self.bound.is_none() { Ok(()) } else { Err(not_over_spans()) }
    }

    fn context(&self) -> &Arc<Context> {
        self.chosen.get().unwrap_or(&self.context)
    }

    /// Sets the server that a client wants to reach.
    pub fn set_target_host_name(&self, name: &str) -> Result<Outcome> {
        if self.context.is_server() {
            return Err(Failure::state("a server learns the name from the client"));
        }
        trust::server_name(name)?;
        let mut phase = try_lock(&self.phase)?;
        phase.preset()?;
        self.shared.facts().target_host_name = name.into();
        Ok(Outcome::Complete)
    }

    /// Adds an application protocol to those of this session alone, which a client offers in place of the context's.
    pub fn add_alpn(&self, name: &[u8]) -> Result<Outcome> {
        Protocols::check(name)?;
        if self.context.is_server() {
            return Err(Failure::state("a server's application protocols are those of its context"));
        }
        try_lock(&self.phase)?.preset()?.alpn.get_or_insert_default().add(name)?;
        Ok(Outcome::Complete)
    }

    /// Seals plaintext after pending output.
    pub fn encrypt(&self, plaintext: &[&[u8]], output: &mut [u8]) -> Progress {
        Progress::of(|counts| {
            self.over_spans()?;
            self.shared.complete()?;
            let mut write = try_lock(&self.write)?;
            let result = write.encrypt(&self.shared, plaintext, output, counts);
            self.shared.counters.plaintext_sent.add(counts.consumed);
            write.count(&self.shared, counts.written);
            result
        })
    }

    /// The room in which `encrypt` takes this much plaintext whole; none where it takes nothing.
    pub fn ciphertext_size(&self, plaintext_len: usize) -> Result<usize> {
        self.over_spans()?;
        self.shared.complete()?;
        Ok(try_lock(&self.write)?.ciphertext_size(&self.shared, plaintext_len))
    }

    /// Keeps a pointer for the host.
    pub fn set_user_data(&self, pointer: *mut ()) {
        self.user_data.store(pointer, Ordering::Release);
    }

    /// The pointer that the host has set; null until then.
    pub fn user_data(&self) -> *mut () {
        self.user_data.load(Ordering::Acquire)
    }

    /// Opens records, as many as fit.
    pub fn decrypt(&self, input: &[u8], output: &mut [u8]) -> Progress {
        Progress::of(|counts| {
            self.over_spans()?;
            self.shared.complete()?;
            let mut read = try_lock(&self.read)?;
            self.open_records(&mut read, input, output, counts)
        })
    }

    #[inline]
    fn open_records(
        &self,
        read: &mut ReadHalf,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        let mut result = read.decrypt(&self.shared, input, output, counts);
        if self.client_has_shown(read)? && *counts == Counts::default() {
            // Judged inside: there may be more to do.
            result = read.decrypt(&self.shared, input, output, counts);
        }
        read.count(&self.shared, *counts);
        result
    }

    /// Opens one record where it lies. Its plaintext, as long as what was written, begins at the second number.
    pub fn decrypt_in_place(&self, data: &mut [u8]) -> (Progress, usize) {
        let mut start = 0;
        let progress = Progress::of(|counts| {
            self.over_spans()?;
            self.shared.complete()?;
            let mut read = try_lock(&self.read)?;
            let result = read.decrypt_in_place(&self.shared, data, counts, &mut start);
            self.client_has_shown(&mut read)?;
            read.count(&self.shared, *counts);
            result
        });
        (progress, start)
    }

    /// Moves on to the next keys, and asks the peer to do so too.
    pub fn update_keys(&self, request_peer_update: bool, output: &mut [u8]) -> Progress {
        Progress::of(|counts| {
            self.shared.complete()?;
            if let Some(bound) = &self.bound {
                only_without_span(output)?;
                return self.update_keys_of_bound(bound, request_peer_update);
            }
            let mut write = try_lock(&self.write)?;
            let result = write.next_keys(&self.shared, request_peer_update, output, counts);
            write.count(&self.shared, counts.written);
            result
        })
    }

    /// Hands over output that is owed to the peer.
    pub fn drain_pending_output(&self, output: &mut [u8]) -> Progress {
        Progress::of(|counts| {
            self.over_spans()?;
            let mut write = try_lock(&self.write)?;
            let result = write.drain(&self.shared, output, counts);
            write.count(&self.shared, counts.written);
            result
        })
    }

    /// The transport has ended.
    pub fn end_of_input(&self) -> Result<Outcome> {
        self.over_spans()?;
        match self.shared.complete() {
            Ok(()) => try_lock(&self.read)?.end_of_input(&self.shared),
            Err(_) => self.end_of_handshake_input(),
        }
    }

    /// The sticky failure, or else the last one.
    pub fn last_failure(&self) -> Option<Failure> {
        let failures = self.shared.failures();
        failures.sticky.as_ref().or(failures.last.as_ref()).cloned()
    }

    /// Remembers the failure of a call. A broken invariant ends the session for good.
    pub fn record(&self, failure: &Failure) {
        if failure.kind == FailureKind::Internal {
            self.shared.fail(failure);
            self.shared.state.poison();
        }
        self.shared.failures().last = Some(failure.clone());
    }

    /// Fails once a panic was contained in this session.
    pub fn poisoned(&self) -> Result<()> {
        if self.shared.state.now().is_poisoned() { Err(self.shared.poisoned()) } else { Ok(()) }
    }
}

impl Drop for Session {
    /// Keys wipe themselves. What the AEAD of the last records has left on the stack, if it was this thread's, goes here: to
    /// wipe it after each call would cost as much as a short record.
    fn drop(&mut self) {
        stack::forget::<{ stack::RECORDS }>();
    }
}

#[cold]
fn not_over_spans() -> Failure {
    Failure::state("this session is bound to a socket: use handshake, read, write and close")
}

#[cfg(test)]
mod models;
#[cfg(test)]
mod tests;

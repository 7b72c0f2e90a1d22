//! A session that is bound to a socket moves its bytes itself: the same handshake and the same halves, with ciphertext
//! that passes through buffers of the calling thread.
//!
//! ```text
//!   socket ─recv─► scratch ─open─► host's buffer         host's spans ─seal─► scratch ─send─► socket
//!                    │  ▲                                                       │
//!                    ▼  │ what is not a whole record yet                        ▼ what the socket did not take
//!                    kept                                                     pending
//! ```
//!
//! The read half never sends: it leaves notes, as in a session over spans. No call waits here, except in `recv` and `send`
//! of a socket that the host has left blocking.

mod reading;
mod through_kernel;
mod writing;

use std::sync::Arc;

use super::handshaking::HandshakeLocks;
use super::kernel::{Kernel, KernelTls};
use super::stats::Count;
use super::sync::Mutex;
use super::{Counts, Session, try_lock};
use crate::context::Context;
use crate::limits::{
    MAX_CIPHERTEXT_TLS12, MAX_DISCARDED_RECEIPTS, MAX_PLAINTEXT, MIN_CIPHERTEXT, RECEIVE_SCRATCH, RECORD_HEADER,
};
use crate::outcome::{Failure, Outcome, Result};
use crate::transport::kept::Kept;
use crate::transport::{Received, Sent, Socket, passes, scratch};
use crate::wire::record;

pub(super) struct Bound {
    socket: Socket,
    /// Received and not yet opened; the handshake's, then the read half's. Its lock is the last one taken.
    kept: Mutex<Kept>,
    pub(super) kernel: Kernel,
    receive_calls: Count,
    send_calls: Count,
}

impl Session {
    /// A session of the context's role on this socket.
    pub fn with_socket(context: Arc<Context>, socket: Socket, kernel: KernelTls) -> Self {
        let bound = Bound {
            socket,
            kept: Mutex::default(),
            kernel: Kernel::new(kernel),
            receive_calls: Count::default(),
            send_calls: Count::default(),
        };
        let mut session = Self::new(context);
        session.bound = Some(Box::new(bound));
        session
    }

    /// The descriptor of the socket that the session is bound to.
    pub fn socket(&self) -> Option<i32> {
        self.bound.as_ref().map(|bound| bound.socket.descriptor())
    }

    /// Does the handshake, until the socket or the host is needed.
    pub fn handshake(&self) -> Result<Outcome> {
        let bound = self.bound()?;
        if self.shared.state.now().is_open() {
            return self.shared.sticky().map_or(Ok(Outcome::Complete), Err);
        }
        let mut locks = self.handshake_locks()?;
        let mut kept = try_lock(&bound.kept)?;
        let mut buffer = scratch::receiving()?;
        let mut have = kept.move_to(&mut buffer);
        let result = self.shake_hands(bound, &mut locks, &mut buffer, &mut have);
        kept.keep(buffer, 0..have);
        if self.shared.state.now().is_open() {
            if result.is_ok() {
                self.hand_over_to_kernel(bound, &mut locks, kept.bytes());
            }
            self.show_what_is_kept(&locks.read, &kept);
        }
        result
    }

    /// `buffer` begins with `have` received bytes.
    fn shake_hands(
        &self,
        bound: &Bound,
        locks: &mut HandshakeLocks<'_>,
        buffer: &mut [u8],
        have: &mut usize,
    ) -> Result<Outcome> {
        // Sending has ended for good; perhaps the peer has said why.
        let mut unsent: Option<Failure> = None;
        loop {
            let mut counts = Counts::default();
            // Without room, all output is pending: it is sent from there.
            let result = self.work_on_handshake(locks, &buffer[..*have], &mut [], &mut counts);
            self.shared.counters.ciphertext_received.add(counts.consumed);
            buffer.copy_within(counts.consumed..*have, 0);
            *have -= counts.consumed;
            match (result, unsent.take()) {
                (Ok(Outcome::WantRead), failure) => {
                    let reach = bound.reach_of_handshake(&buffer[..*have]);
                    match bound.receive(buffer, have, reach) {
                        Ok(Received::Bytes(_)) => unsent = failure,
                        _ if let Some(failure) = failure => return Err(self.end_handshake(failure)),
                        Ok(Received::Later) => return Ok(Outcome::WantRead),
                        Ok(Received::End) => self.shared.state.end_input(),
                        Err(failure) => return Err(self.end_handshake(failure)),
                    }
                }
                (Ok(Outcome::WantWrite), None) => match self.send_pending(bound, &mut locks.write) {
                    Ok(true) => {}
                    Ok(false) => return Ok(Outcome::WantWrite),
                    Err(failure) if passes(failure.os_error) => return Err(failure),
                    // Only what is owed was left to send: the handshake is complete, and the peer's data can be read.
                    Err(_) if self.shared.state.now().is_open() => {}
                    Err(failure) => unsent = Some(failure),
                },
                (Ok(outcome), Some(failure)) => {
                    locks.write.break_off(&self.shared, failure.os_error);
                    if self.shared.state.now().is_open() {
                        return Ok(outcome);
                    }
                    return Err(self.end_handshake(failure));
                }
                (Ok(outcome), None) => return Ok(outcome),
                (Err(failure), _) => {
                    // The alert goes out if it can; this failure is what is returned. `close` sends what is left.
                    drop(self.send_pending(bound, &mut locks.write));
                    return Err(failure);
                }
            }
        }
    }

    /// The socket has failed before the handshake was complete.
    fn end_handshake(&self, failure: Failure) -> Failure {
        if !passes(failure.os_error) {
            self.shared.fail(&failure);
        }
        failure
    }

    /// What was received after the peer's close_notify: it belongs to the protocol that follows TLS.
    pub fn bytes_after_close(&self) -> Result<Vec<u8>> {
        let bound = self.bound()?;
        // A handshake that is about to complete needs the read half: it is not touched before.
        if !self.shared.state.now().is_open() || !try_lock(&self.read)?.is_closed_by_peer() {
            return Err(Failure::state("the peer's close_notify has not been read yet"));
        }
        Ok(try_lock(&bound.kept)?.bytes().to_vec())
    }

    /// Closes our direction, or cancels the handshake, and sends what there is to say; an alert of a failure too.
    pub fn close(&self) -> Result<Outcome> {
        let bound = self.bound()?;
        if !self.shared.state.now().is_finished() {
            self.cancel()?;
        }
        let mut write = try_lock(&self.write)?;
        write.pending.check_socket()?;
        write.shutdown(&self.shared, &mut [], &mut Counts::default())?;
        let sent = self.send_all_that_is_owed(bound, &mut write)?;
        write.count(&self.shared, 0);
        Ok(if sent { Outcome::Closed } else { Outcome::WantWrite })
    }

    /// Ends the connection in order: closes our side, ends the socket's sending side, and discards what the peer still
    /// sends, so that no reset overtakes what was sent last.
    pub fn finish(&self) -> Result<Outcome> {
        let bound = self.bound()?;
        let closed = self.close()?;
        if closed != Outcome::Closed {
            return Ok(closed);
        }
        let peer_is_there = bound.socket.end_sending();
        let mut read = try_lock(&self.read)?;
        let mut kept = try_lock(&bound.kept)?;
        kept.clear();
        // What follows a gap must not be read: a kernel that opens the records would not notice that some are missing.
        read.end_with(Failure::state("finish has discarded what the peer sent"));
        self.show_what_is_kept(&read, &kept);
        if !peer_is_there || read.is_closed_by_peer() {
            return Ok(Outcome::Closed);
        }
        let mut buffer = scratch::receiving()?;
        for _ in 0..MAX_DISCARDED_RECEIPTS {
            match bound.receive_anything(&mut buffer)? {
                Received::Bytes(_) => {}
                Received::Later => return Ok(Outcome::WantRead),
                Received::End => return Ok(Outcome::Closed),
            }
        }
        Ok(Outcome::WantRead)
    }

    fn bound(&self) -> Result<&Bound> {
        self.bound.as_deref().ok_or_else(|| Failure::state("this session is not bound to a socket"))
    }
}

impl Bound {
    /// System calls so far, to receive and to send.
    pub(super) fn calls(&self) -> (u64, u64) {
        (self.receive_calls.get(), self.send_calls.get())
    }

    /// How far the receive buffer is filled: a record of the largest size always fits, and records for as much plaintext
    /// as the host has room for; more would only have to be kept.
    fn reach(&self, room: usize) -> usize {
        let records = room / MAX_PLAINTEXT + 1;
        let expanded = room.saturating_add(records.saturating_mul(MIN_CIPHERTEXT));
        expanded.clamp(RECORD_HEADER + MAX_CIPHERTEXT_TLS12, RECEIVE_SCRATCH)
    }

    /// The same in a handshake. If the kernel is to receive after it, nothing after it may be received here: a header, then what
    /// it announces.
    fn reach_of_handshake(&self, have: &[u8]) -> usize {
        if self.kernel.wanted.receive { record::reach(have) } else { self.reach(0) }
    }

    /// Receives to the end of `buffer`, up to `reach`; it begins with `have` received bytes.
    fn receive(&self, buffer: &mut [u8], have: &mut usize, reach: usize) -> Result<Received> {
        let room = buffer.get_mut(*have..reach).filter(|room| !room.is_empty());
        let room = room.ok_or_else(|| Failure::internal("a record longer than the receive buffer"))?;
        let received = self.receive_with(|socket| socket.receive(room));
        if let Ok(Received::Bytes(count)) = received {
            *have += count;
        }
        received
    }

    /// Receives bytes of any kind; where the kernel opens the records, the plaintext of any record.
    fn receive_anything(&self, buffer: &mut [u8]) -> Result<Received> {
        let through_kernel = self.kernel.does().opens.is_some();
        self.receive_with(|socket| match through_kernel {
            false => socket.receive(buffer),
            true => socket.receive_record(buffer).map(|(received, _)| received),
        })
    }

    fn receive_with<R>(&self, call: impl FnOnce(&Socket) -> R) -> R {
        self.receive_calls.add(1);
        call(&self.socket)
    }
}

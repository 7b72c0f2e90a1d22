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

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use super::handshaking::Phase;
use super::kernel::{Kernel, KernelTls};
use super::read::ReadHalf;
use super::stats::Count;
use super::write::{Plaintext, WriteHalf};
use super::{Counts, Progress, Session, try_lock};
use crate::context::Context;
use crate::limits::{
    MAX_CIPHERTEXT_TLS12, MAX_DISCARDED_RECEIPTS, MAX_PLAINTEXT, MIN_CIPHERTEXT, RECEIVE_SCRATCH, RECORD_HEADER,
};
use crate::outcome::{Failure, Outcome};
use crate::transport::kept::Kept;
use crate::transport::{Received, Sent, Socket, passes, scratch};
use crate::wire::record;

pub(super) struct Bound {
    socket: Socket,
    /// Received and not yet opened; the handshake's, then the read half's. Its lock is the last one taken.
    kept: Mutex<Kept>,
    /// `errno` of the failure that ended sending, or 0.
    broken: AtomicI32,
    /// If the kernel is to do the work.
    kernel: Option<Box<Kernel>>,
    receive_calls: Count,
    send_calls: Count,
}

impl Session {
    /// A session of the context's role on this socket.
    pub fn with_socket(context: Arc<Context>, socket: Socket, kernel: KernelTls) -> Self {
        let wanted = kernel != KernelTls::default();
        let bound = Bound {
            socket,
            kept: Mutex::default(),
            broken: AtomicI32::new(0),
            kernel: wanted.then(|| Box::new(Kernel::new(kernel))),
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
    pub fn handshake(&self) -> Result<Outcome, Failure> {
        let bound = self.bound()?;
        if self.shared.state.now().is_open() {
            return self.shared.sticky().map_or(Ok(Outcome::Complete), Err);
        }
        let mut phase = try_lock(&self.phase)?;
        let mut write = try_lock(&self.write)?;
        let mut kept = try_lock(&bound.kept)?;
        let mut buffer = scratch::receiving()?;
        let mut have = kept.move_to(&mut buffer);
        let result = self.shake_hands(bound, &mut phase, &mut write, &mut buffer, &mut have);
        kept.keep(buffer, 0..have);
        if self.shared.state.now().is_open() {
            // The handshake's work is done: BUSY can no longer be returned. No holder of this lock waits for another.
            let mut read = self.read.lock().map_err(|_| Failure::internal("this session is poisoned"))?;
            if result.is_ok() {
                self.hand_over_to_kernel(bound, &mut write, &mut read, kept.bytes());
            }
            self.tell_what_is_kept(&read, &kept);
        }
        result
    }

    /// `buffer` begins with `have` received bytes.
    fn shake_hands(
        &self,
        bound: &Bound,
        phase: &mut Phase,
        write: &mut WriteHalf,
        buffer: &mut [u8],
        have: &mut usize,
    ) -> Result<Outcome, Failure> {
        // Sending has ended for good; perhaps the peer has said why.
        let mut unsent: Option<Failure> = None;
        loop {
            let mut counts = Counts::default();
            // Without room, all output is pending: it is sent from there.
            let result = self.work_on_handshake(phase, write, &buffer[..*have], &mut [], &mut counts);
            self.shared.counters.ciphertext_received.add(counts.consumed);
            buffer.copy_within(counts.consumed..*have, 0);
            *have -= counts.consumed;
            match (result, unsent.take()) {
                (Ok(Outcome::WantRead), failure) => {
                    let reach = bound.reach_of_handshake(&buffer[..*have]);
                    match self.receive(bound, buffer, have, reach) {
                        Ok(Received::Bytes(_)) => unsent = failure,
                        _ if let Some(failure) = failure => return self.end_handshake(failure),
                        Ok(Received::Later) => return Ok(Outcome::WantRead),
                        Ok(Received::End) => self.shared.state.end_input(),
                        Err(failure) => return self.end_handshake(failure),
                    }
                }
                (Ok(Outcome::WantWrite), None) => match self.send_pending(bound, write) {
                    Ok(true) => {}
                    Ok(false) => return Ok(Outcome::WantWrite),
                    Err(failure) if passes(failure.os_error) => return Err(failure),
                    // Only what is owed was left to send: the handshake is complete, and the peer's data can be read.
                    Err(_) if self.shared.state.now().is_open() => {}
                    Err(failure) => unsent = Some(failure),
                },
                (Ok(outcome), Some(failure)) => {
                    write.abandon(&self.shared);
                    if self.shared.state.now().is_open() {
                        return Ok(outcome);
                    }
                    return self.end_handshake(failure);
                }
                (Ok(outcome), None) => return Ok(outcome),
                (Err(failure), _) => {
                    // The alert goes out if it can; this failure is what is told. `close` sends what is left.
                    drop(self.send_pending(bound, write));
                    return Err(failure);
                }
            }
        }
    }

    /// The socket has failed before the handshake was complete.
    fn end_handshake(&self, failure: Failure) -> Result<Outcome, Failure> {
        if !passes(failure.os_error) {
            self.shared.fail(&failure);
        }
        Err(failure)
    }

    /// Delivers plaintext: what is here, or else what the socket has.
    pub fn read(&self, output: &mut [u8]) -> Progress {
        Progress::of(|counts| self.read_from_socket(output, &mut counts.written))
    }

    fn read_from_socket(&self, output: &mut [u8], delivered: &mut usize) -> Result<Outcome, Failure> {
        let bound = self.bound()?;
        self.shared.complete()?;
        let mut read = try_lock(&self.read)?;
        let mut kept = try_lock(&bound.kept)?;
        let mut result = match bound.kernel().filter(|kernel| kernel.receives()) {
            None => self.read_on(bound, &mut read, &mut kept, output, delivered),
            Some(kernel) => self.read_through_kernel(bound, kernel, &mut read, output, delivered),
        };
        if let Err(failure) = self.check_owed_keys(bound, &mut read)
            && *delivered == 0
        {
            result = Err(failure);
        }
        self.tell_what_is_kept(&read, &kept);
        match result {
            // For want of room only, as without any: WANT_WRITE is for sockets.
            Ok(Outcome::WantWrite) => Ok(Outcome::Complete),
            other => other,
        }
    }

    fn read_on(
        &self,
        bound: &Bound,
        read: &mut ReadHalf,
        kept: &mut Kept,
        output: &mut [u8],
        delivered: &mut usize,
    ) -> Result<Outcome, Failure> {
        let (outcome, counts) = self.open_until_data(read, kept.bytes(), output);
        kept.consume(counts.consumed);
        *delivered = counts.written;
        if !read.leaves_input() {
            kept.clear();
        }
        if outcome != Ok(Outcome::WantRead) {
            return outcome;
        }
        let mut buffer = scratch::receiving()?;
        let mut have = kept.move_to(&mut buffer);
        loop {
            match self.receive(bound, &mut buffer, &mut have, bound.reach(output.len())) {
                Ok(Received::Bytes(_)) => {}
                Ok(Received::Later) => {
                    kept.keep(buffer, 0..have);
                    return Ok(Outcome::WantRead);
                }
                Ok(Received::End) => return read.end_of_input(&self.shared),
                Err(failure) if passes(failure.os_error) => {
                    kept.keep(buffer, 0..have);
                    return Err(failure);
                }
                Err(failure) => {
                    read.end_with(failure.clone());
                    return Err(failure);
                }
            }
            let (outcome, counts) = self.open_until_data(read, &buffer[..have], output);
            *delivered = counts.written;
            if outcome != Ok(Outcome::WantRead) {
                if read.leaves_input() {
                    kept.keep(buffer, counts.consumed..have);
                }
                return outcome;
            }
            buffer.copy_within(counts.consumed..have, 0);
            have -= counts.consumed;
        }
    }

    /// Opens records until some data is delivered, or something else is to be told.
    pub(super) fn open_until_data(
        &self,
        read: &mut ReadHalf,
        input: &[u8],
        output: &mut [u8],
    ) -> (Result<Outcome, Failure>, Counts) {
        let mut total = Counts::default();
        loop {
            let mut counts = Counts::default();
            let result = self.open_records(read, &input[total.consumed..], output, &mut counts);
            total.consumed += counts.consumed;
            total.written += counts.written;
            if result != Ok(Outcome::Complete) || total.written > 0 {
                return (result, total);
            }
        }
    }

    /// `HAS_PENDING_PLAINTEXT`: there is something to read without the socket, so that waiting for it could be forever.
    fn tell_what_is_kept(&self, read: &ReadHalf, kept: &Kept) {
        let more = read.holds() || (!read.has_ended() && read.has_record(kept.bytes()));
        if self.shared.state.now().plaintext_pends() != more {
            self.shared.state.plaintext_pends(more);
        }
    }

    /// Seals plaintext and sends it after pending output.
    pub fn write(&self, plaintext: &[&[u8]]) -> Progress {
        Progress::of(|counts| {
            let bound = self.bound()?;
            self.shared.complete()?;
            let mut write = try_lock(&self.write)?;
            let result = self.write_on(bound, &mut write, plaintext, &mut counts.consumed);
            self.shared.counters.plaintext_sent.add(counts.consumed);
            write.count(&self.shared, 0);
            result
        })
    }

    fn write_on(
        &self,
        bound: &Bound,
        write: &mut WriteHalf,
        plaintext: &[&[u8]],
        taken: &mut usize,
    ) -> Result<Outcome, Failure> {
        let mut plaintext = Plaintext::new(plaintext)?;
        if !self.send_owed(bound, write)? {
            return Ok(Outcome::WantWrite);
        }
        write.may_seal(&self.shared)?;
        if plaintext.is_empty() {
            return Ok(Outcome::Complete);
        }
        if let Some(kernel) = bound.kernel().filter(|kernel| kernel.sends()) {
            return self.write_through_kernel(bound, kernel, write, &mut plaintext, taken);
        }
        let mut buffer = scratch::sending()?;
        while !plaintext.is_empty() {
            let mut counts = Counts::default();
            match write.seal(&mut plaintext, &mut buffer, &mut counts) {
                Ok(_) => {}
                // What was done counts; the failure has a call of its own.
                Err(_) if *taken > 0 => return Ok(Outcome::WantWrite),
                Err(failure) => return Err(failure),
            }
            *taken += counts.consumed;
            let (sent, later) = self.send_front(bound, &buffer[..counts.written]);
            if sent < counts.written {
                write.keep_sealed(&self.shared, buffer, sent..counts.written);
                return later.map(|()| Outcome::WantWrite).map_err(|failure| self.not_sent(failure, write));
            }
        }
        Ok(Outcome::Complete)
    }

    /// What was received after the peer's close_notify: it belongs to the protocol that follows TLS.
    pub fn bytes_after_close(&self) -> Result<Vec<u8>, Failure> {
        let bound = self.bound()?;
        // A handshake that is about to complete needs the read half: it is not touched before.
        if !self.shared.state.now().is_open() || !try_lock(&self.read)?.is_closed_by_peer() {
            return Err(Failure::state("the peer's close_notify has not been read yet"));
        }
        Ok(try_lock(&bound.kept)?.bytes().to_vec())
    }

    /// Closes our direction, or cancels the handshake, and sends what there is to say; an alert of a failure too.
    pub fn close(&self) -> Result<Outcome, Failure> {
        let bound = self.bound()?;
        if !self.shared.state.now().is_finished() {
            self.cancel()?;
        }
        let mut write = try_lock(&self.write)?;
        bound.check_sending()?;
        write.shutdown(&self.shared, &mut [], &mut 0)?;
        let sent = self.send_all_that_is_owed(bound, &mut write)?;
        write.count(&self.shared, 0);
        Ok(if sent { Outcome::Closed } else { Outcome::WantWrite })
    }

    /// Ends the connection in order: closes our side, ends the socket's sending side, and discards what the peer still
    /// sends, so that no reset overtakes what was sent last.
    pub fn finish(&self) -> Result<Outcome, Failure> {
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
        self.tell_what_is_kept(&read, &kept);
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

    pub(super) fn update_keys_of_bound(&self, bound: &Bound, request_peer_update: bool) -> Result<Outcome, Failure> {
        let mut write = try_lock(&self.write)?;
        if !self.send_owed(bound, &mut write)? {
            return Ok(Outcome::WantWrite);
        }
        if let Some(kernel) = bound.kernel().filter(|kernel| kernel.sends()) {
            write.may_seal(&self.shared)?;
            self.check_rekeying(kernel)?;
            write.queue_key_update(&self.shared, request_peer_update)?;
            self.send_owed(bound, &mut write)?;
            write.count(&self.shared, 0);
            return Ok(Outcome::Complete);
        }
        let (mut message, mut len) = ([0; MIN_CIPHERTEXT], 0);
        let outcome = write.next_keys(&self.shared, request_peer_update, &mut message, &mut len)?;
        self.send_sealed(bound, &mut write, &message[..len])?;
        write.count(&self.shared, 0);
        Ok(outcome)
    }

    /// Sends pending output and what the read half owes. False: the socket is full. Where sending has ended fails with
    /// that, but the failure of the session comes first.
    pub(super) fn send_owed(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool, Failure> {
        let sent = bound.check_sending().and_then(|()| self.send_all_that_is_owed(bound, write));
        sent.map_err(|failure| self.shared.sticky().unwrap_or(failure))
    }

    fn send_all_that_is_owed(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool, Failure> {
        loop {
            write.settle(&self.shared)?;
            if !write.has_pending() {
                return Ok(true);
            }
            if !self.send_pending(bound, write)? {
                return Ok(false);
            }
        }
    }

    fn send_pending(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool, Failure> {
        while write.has_pending() {
            if bound.kernel().is_some_and(Kernel::sends) {
                match self.send_bare_record(bound, write) {
                    Ok(true) => continue,
                    Ok(false) => return Ok(false),
                    Err(failure) => return Err(self.not_sent(failure, write)),
                }
            }
            match bound.send(write.pending()) {
                Ok(Sent::Bytes(count)) => {
                    self.shared.counters.ciphertext_sent.add(count);
                    write.handed_over(&self.shared, count);
                }
                Ok(Sent::Later) => return Ok(false),
                Err(failure) => return Err(self.not_sent(failure, write)),
            }
        }
        Ok(true)
    }

    /// Sends what was just sealed; what the socket does not take is pending. False: the socket is full.
    fn send_sealed(&self, bound: &Bound, write: &mut WriteHalf, bytes: &[u8]) -> Result<bool, Failure> {
        let (sent, later) = self.send_front(bound, bytes);
        if sent == bytes.len() {
            return Ok(true);
        }
        write.add(&self.shared, |pending| pending.extend_from_slice(&bytes[sent..]));
        later.map(|()| false).map_err(|failure| self.not_sent(failure, write))
    }

    /// Sends what the socket takes, and says how much that was; if it is less than all, because the socket is full or has failed.
    fn send_front(&self, bound: &Bound, bytes: &[u8]) -> (usize, Result<(), Failure>) {
        let mut sent = 0;
        while sent < bytes.len() {
            match bound.send(&bytes[sent..]) {
                Ok(Sent::Bytes(count)) => {
                    self.shared.counters.ciphertext_sent.add(count);
                    sent += count;
                }
                Ok(Sent::Later) => break,
                Err(failure) => return (sent, Err(failure)),
            }
        }
        (sent, Ok(()))
    }

    /// Where sending has ended for good, nothing stays pending. It ends nothing else: reading has an end of its own.
    pub(super) fn not_sent(&self, failure: Failure, write: &mut WriteHalf) -> Failure {
        if !passes(failure.os_error) {
            write.abandon(&self.shared);
        }
        failure
    }

    fn receive(&self, bound: &Bound, buffer: &mut [u8], have: &mut usize, reach: usize) -> Result<Received, Failure> {
        let room = buffer.get_mut(*have..reach).filter(|room| !room.is_empty());
        let room = room.ok_or_else(|| Failure::internal("a record longer than the receive buffer"))?;
        let received = bound.receive_with(|socket| socket.receive(room));
        if let Ok(Received::Bytes(count)) = received {
            *have += count;
        }
        received
    }

    fn bound(&self) -> Result<&Bound, Failure> {
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
        if !self.kernel().is_some_and(Kernel::wants_to_receive) {
            return self.reach(0);
        }
        record::reach(have)
    }

    pub(super) fn kernel(&self) -> Option<&Kernel> {
        self.kernel.as_deref()
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    fn send(&self, bytes: &[u8]) -> Result<Sent, Failure> {
        self.send_with(|socket| socket.send(bytes))
    }

    pub(super) fn send_with(&self, call: impl FnOnce(&Socket) -> Result<Sent, Failure>) -> Result<Sent, Failure> {
        self.check_sending()?;
        self.send_calls.add(1);
        call(&self.socket).inspect_err(|failure| {
            if !passes(failure.os_error) {
                self.end_sending(failure.os_error);
            }
        })
    }

    /// Receives bytes of any kind; where the kernel opens the records, the plaintext of any record.
    fn receive_anything(&self, buffer: &mut [u8]) -> Result<Received, Failure> {
        let through_kernel = self.kernel().is_some_and(Kernel::receives);
        self.receive_with(|socket| match through_kernel {
            false => socket.receive(buffer),
            true => socket.receive_record(buffer).map(|(received, _)| received),
        })
    }

    pub(super) fn receive_with<R>(&self, call: impl FnOnce(&Socket) -> R) -> R {
        self.receive_calls.add(1);
        call(&self.socket)
    }

    /// Sending has ended for good, for the first reason.
    pub(super) fn end_sending(&self, errno: i32) {
        let first = self.broken.compare_exchange(0, errno, Ordering::Relaxed, Ordering::Relaxed);
        debug_assert!(first.is_ok(), "something was sent after sending had ended");
    }

    /// What has ended sending is told again.
    fn check_sending(&self) -> Result<(), Failure> {
        match self.broken.load(Ordering::Relaxed) {
            0 => Ok(()),
            errno => Err(Failure::io("sending has failed", errno)),
        }
    }
}

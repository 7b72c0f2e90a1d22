//! Writing to the socket: what the peer is owed, then data.

use super::{Bound, Sent, Socket, passes, scratch};
use crate::outcome::{Outcome, Result};
use crate::session::kernel::Rekeying;
use crate::session::write::{Plaintext, WriteHalf};
use crate::session::{Counts, Progress, Session, try_lock};

impl Session {
    /// Seals plaintext and sends it after pending output.
    pub fn write(&self, plaintext: &[&[u8]]) -> Progress {
        Progress::of(|counts| {
            let bound = self.bound()?;
            self.shared.complete()?;
            let mut write = try_lock(&self.write)?;
            let result = self.write_on(bound, &mut write, plaintext, counts);
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
        counts: &mut Counts,
    ) -> Result<Outcome> {
        let mut plaintext = Plaintext::new(plaintext)?;
        if !self.send_owed(bound, write)? {
            return Ok(Outcome::WantWrite);
        }
        write.can_send(&self.shared)?;
        if plaintext.is_empty() {
            return Ok(Outcome::Complete);
        }
        if let Some(rekeying) = bound.kernel.does().seals {
            return self.write_through_kernel(bound, rekeying, write, &mut plaintext, counts);
        }
        let mut buffer = scratch::sending()?;
        while !plaintext.is_empty() {
            let mut sealed = Counts::default();
            match write.seal(&self.shared, &mut plaintext, &mut buffer, &mut sealed) {
                Ok(_) => {}
                // What was done counts; the failure has a call of its own.
                Err(_) if counts.consumed > 0 => return Ok(Outcome::WantWrite),
                Err(failure) => return Err(failure),
            }
            counts.consumed += sealed.consumed;
            let mut sent = 0;
            while sent < sealed.written {
                let rest = &buffer[sent..sealed.written];
                match self.send_with(bound, write, |socket, _| socket.send(rest)) {
                    Ok(Sent::Bytes(count)) => sent += self.count_sent(count),
                    Ok(Sent::Later) => {
                        write.pending.keep(&self.shared.state, buffer, sent..sealed.written);
                        return Ok(Outcome::WantWrite);
                    }
                    Err(failure) => {
                        if passes(failure.os_error) {
                            write.pending.keep(&self.shared.state, buffer, sent..sealed.written);
                        }
                        return Err(failure);
                    }
                }
            }
        }
        Ok(Outcome::Complete)
    }

    /// Changes to the next keys; what does not fit into the socket is pending.
    pub(in crate::session) fn update_keys_of_bound(&self, bound: &Bound, request_peer_update: bool) -> Result<Outcome> {
        let mut write = try_lock(&self.write)?;
        if !self.send_owed(bound, &mut write)? {
            return Ok(Outcome::WantWrite);
        }
        write.may_update_keys(&self.shared)?;
        bound.kernel.does().seals.map_or(Ok(()), Rekeying::check)?;
        write.update_keys(&self.shared, request_peer_update)?;
        self.send_owed(bound, &mut write)?;
        write.count(&self.shared, 0);
        Ok(Outcome::Complete)
    }

    /// Sends pending output and what the read half owes. False: the socket is full. Where sending has ended fails with
    /// that, but the failure of the session comes first.
    pub(in crate::session) fn send_owed(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool> {
        let sent = write.pending.check_socket().and_then(|()| self.send_all_that_is_owed(bound, write));
        sent.map_err(|failure| self.shared.sticky().unwrap_or(failure))
    }

    pub(super) fn send_all_that_is_owed(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool> {
        loop {
            write.settle(&self.shared)?;
            if write.pending.is_empty() {
                return Ok(true);
            }
            if !self.send_pending(bound, write)? {
                return Ok(false);
            }
        }
    }

    pub(super) fn send_pending(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool> {
        while !write.pending.is_empty() {
            if bound.kernel.does().seals.is_some() {
                if !self.send_bare_record(bound, write)? {
                    return Ok(false);
                }
                continue;
            }
            match self.send_with(bound, write, Socket::send)? {
                Sent::Bytes(count) => {
                    let count = self.count_sent(count);
                    write.pending.handed_over(&self.shared.state, count);
                }
                Sent::Later => return Ok(false),
            }
        }
        Ok(true)
    }

    fn count_sent(&self, count: usize) -> usize {
        self.shared.counters.ciphertext_sent.add(count);
        count
    }

    /// Sends with `call`, which is given pending output. Where that ends sending for good, nothing stays pending. It ends nothing
    /// else: reading has an end of its own.
    pub(super) fn send_with(
        &self,
        bound: &Bound,
        write: &mut WriteHalf,
        call: impl FnOnce(&Socket, &[u8]) -> Result<Sent>,
    ) -> Result<Sent> {
        let sent = write.pending.check_socket().and_then(|()| {
            bound.send_calls.add(1);
            call(&bound.socket, write.pending.bytes())
        });
        sent.inspect_err(|failure| {
            if !passes(failure.os_error) {
                write.break_off(&self.shared, failure.os_error);
            }
        })
    }
}

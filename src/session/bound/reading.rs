//! Reading from the socket: first what was received earlier, then what the socket has.

use super::{Bound, Kept, Received, passes, scratch};
use crate::outcome::{Outcome, Result};
use crate::session::read::ReadHalf;
use crate::session::{Counts, Progress, Session, try_lock};

impl Session {
    /// Delivers plaintext: what is here, or else what the socket has.
    pub fn read(&self, output: &mut [u8]) -> Progress {
        Progress::of(|counts| {
            let bound = self.bound()?;
            self.shared.complete()?;
            let mut read = try_lock(&self.read)?;
            let mut kept = try_lock(&bound.kept)?;
            let mut result = match bound.kernel.does().opens {
                None => self.read_on(bound, &mut read, &mut kept, output, counts),
                Some(rekeying) => self.read_through_kernel(bound, rekeying, &mut read, output, counts),
            };
            if let Err(failure) = self.check_owed_keys(bound, &mut read)
                && counts.written == 0
            {
                result = Err(failure);
            }
            self.show_what_is_kept(&read, &kept);
            match result {
                // For want of room only, as without any: WANT_WRITE is for sockets.
                Ok(Outcome::WantWrite) => Ok(Outcome::Complete),
                other => other,
            }
        })
    }

    fn read_on(
        &self,
        bound: &Bound,
        read: &mut ReadHalf,
        kept: &mut Kept,
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        let opened = self.open_until_data(read, kept.bytes(), output);
        kept.consume(opened.consumed);
        counts.written = opened.written;
        if !read.leaves_input() {
            kept.clear();
        }
        if opened.outcome != Ok(Outcome::WantRead) {
            return opened.outcome;
        }
        let mut buffer = scratch::receiving()?;
        let mut have = kept.move_to(&mut buffer);
        loop {
            match bound.receive(&mut buffer, &mut have, bound.reach(output.len())) {
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
            let opened = self.open_until_data(read, &buffer[..have], output);
            counts.written = opened.written;
            if opened.outcome != Ok(Outcome::WantRead) {
                if read.leaves_input() {
                    kept.keep(buffer, opened.consumed..have);
                }
                return opened.outcome;
            }
            buffer.copy_within(opened.consumed..have, 0);
            have -= opened.consumed;
        }
    }

    /// Opens records until some data is delivered, or something else is to be said.
    pub(super) fn open_until_data(&self, read: &mut ReadHalf, input: &[u8], output: &mut [u8]) -> Progress {
        Progress::of(|total| {
            loop {
                let mut counts = Counts::default();
                let result = self.open_records(read, &input[total.consumed..], output, &mut counts);
                total.consumed += counts.consumed;
                total.written += counts.written;
                if result != Ok(Outcome::Complete) || total.written > 0 {
                    return result;
                }
            }
        })
    }

    /// `HAS_PENDING_PLAINTEXT`: there is something to read without the socket, so that waiting for it could be forever.
    pub(super) fn show_what_is_kept(&self, read: &ReadHalf, kept: &Kept) {
        let more = read.holds() || (!read.has_ended() && read.has_record(kept.bytes()));
        self.shared.state.plaintext_pends(more);
    }
}

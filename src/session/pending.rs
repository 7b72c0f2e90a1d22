//! Pending output: what is made for the peer and not yet handed over. Only this type sets and clears the bit for it in the session's
//! state, so the bit is set exactly while there is some.

use std::ops::Range;

use super::shared::Counts;
use super::state::StateWord;
use crate::limits::{MAX_PLAINTEXT, RECORD_HEADER};
use crate::outcome::{Failure, Result};
use crate::transport::scratch::Scratch;
use crate::wire::Record;
use crate::wire::record::{self, next_record};

#[derive(Default)]
pub(super) struct Pending {
    /// Boxed, and none while nothing is pending: an idle session is small.
    made: Option<Box<Made>>,
    /// `errno` of the failure that ended sending on a socket, or 0.
    broken: i32,
}

#[derive(Default)]
struct Made {
    bytes: Vec<u8>,
    /// Bytes at the front that are handed over.
    handed: usize,
    /// Where the last KeyUpdate ends. Where the kernel seals there is one at most: none is made while output is pending.
    key_update_end: Option<usize>,
}

impl Made {
    fn left(&self) -> &[u8] {
        &self.bytes[self.handed..]
    }
}

impl Pending {
    /// What is to be handed over next.
    pub(super) fn bytes(&self) -> &[u8] {
        self.made.as_ref().map_or(&[], |made| made.left())
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.made.is_none()
    }

    /// Lets `make` append to it.
    pub(super) fn add<R>(&mut self, state: &StateWord, make: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let result = make(&mut self.made.get_or_insert_default().bytes);
        self.publish(state);
        result
    }

    /// Takes these bytes of a buffer; it was empty. If there is no memory for a copy, it keeps the buffer.
    pub(super) fn keep(&mut self, state: &StateWord, buffer: Scratch, range: Range<usize>) {
        debug_assert!(self.is_empty());
        let mut made = Box::<Made>::default();
        if made.bytes.try_reserve_exact(range.len()).is_ok() {
            made.bytes.extend_from_slice(&buffer[range]);
        } else {
            made.bytes = Vec::from(buffer);
            made.bytes.truncate(range.end);
            made.handed = range.start;
        }
        self.made = Some(made);
        self.publish(state);
    }

    /// Copies what fits to `output`, after what is written there.
    #[inline]
    pub(super) fn hand_over(&mut self, state: &StateWord, output: &mut [u8], counts: &mut Counts) {
        if !self.is_empty() {
            self.hand_over_some(state, output, counts);
        }
    }

    fn hand_over_some(&mut self, state: &StateWord, output: &mut [u8], counts: &mut Counts) {
        let room = &mut output[counts.written..];
        let left = self.bytes();
        let count = left.len().min(room.len());
        room[..count].copy_from_slice(&left[..count]);
        counts.written += count;
        self.handed_over(state, count);
    }

    /// The next `count` bytes are on their way.
    pub(super) fn handed_over(&mut self, state: &StateWord, count: usize) {
        if let Some(made) = &mut self.made {
            made.handed += count;
        }
        self.publish(state);
    }

    /// What was added last is a KeyUpdate.
    pub(super) fn ends_with_key_update(&mut self) {
        if let Some(made) = &mut self.made {
            made.key_update_end = Some(made.bytes.len());
        }
    }

    /// `count` bytes of the message in the first, unprotected record are on their way. What is left of it is a record of its own: a
    /// message of the handshake may be in several records (RFC 8446 section 5.1), and an alert is too short. True if this was the
    /// end of a KeyUpdate.
    pub(super) fn bare_record_sent(&mut self, state: &StateWord, count: usize) -> bool {
        let Some(made) = &mut self.made else { return false };
        let front = &mut made.bytes[made.handed..];
        let Ok(Some(Record { content_type, bytes })) = next_record(front, MAX_PLAINTEXT) else { return false };
        let left = bytes.len() - RECORD_HEADER - count;
        if left == 0 {
            made.handed += RECORD_HEADER + count;
        } else {
            front[count..count + RECORD_HEADER].copy_from_slice(&record::header(content_type, left));
            made.handed += count;
        }
        let is_end_of_key_update = made.key_update_end == Some(made.handed);
        self.publish(state);
        is_end_of_key_update
    }

    /// The socket takes nothing more, for the first of these reasons. Drops what is pending; true if there was something.
    pub(super) fn break_off(&mut self, state: &StateWord, errno: i32) -> bool {
        if self.broken == 0 {
            self.broken = errno;
        }
        let lost = self.made.take().is_some();
        self.publish(state);
        lost
    }

    /// Fails again with what has ended sending on the socket.
    pub(super) fn check_socket(&self) -> Result<()> {
        match self.broken {
            0 => Ok(()),
            errno => Err(Failure::io("sending has failed", errno)),
        }
    }

    /// Shows in the state whether something is pending; keeps no buffer otherwise.
    pub(super) fn publish(&mut self, state: &StateWord) {
        if self.made.as_ref().is_some_and(|made| !made.left().is_empty()) {
            return state.output_pends();
        }
        self.made = None;
        state.delivered();
    }
}

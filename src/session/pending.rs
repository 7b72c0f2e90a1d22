//! Pending output: what is made for the peer and not yet handed over. Only this type sets and clears the bit for it in the session's
//! state, so the bit is set exactly while there is some.

use std::ops::Range;

use super::shared::Counts;
use super::state::StateWord;
use crate::limits::{MAX_PLAINTEXT, RECORD_HEADER};
use crate::memory;
use crate::outcome::Failure;
use crate::transport::scratch::Scratch;
use crate::wire::Record;
use crate::wire::record::{self, next_record};

#[derive(Default)]
pub(super) struct Pending {
    /// Of these, bytes before `handed` are handed over. Boxed, and none while nothing is pending: an idle session is small.
    #[expect(clippy::box_collection, reason = "a third of the room while there is none")]
    bytes: Option<Box<Vec<u8>>>,
    /// Flights and send buffers are far smaller than this can count.
    handed: u32,
    /// `errno` of the failure that ended sending on a socket, or 0.
    broken: i32,
}

impl Pending {
    /// What is to be handed over next.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_ref().map_or(&[], |bytes| &bytes[self.handed as usize..])
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_none()
    }

    /// Lets `make` append to it.
    pub(super) fn add<R>(&mut self, state: &StateWord, make: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let result = make(self.bytes.get_or_insert_default());
        self.publish(state);
        result
    }

    /// Takes these bytes of a buffer; it was empty. If there is no memory for a copy, it keeps the buffer.
    pub(super) fn keep(&mut self, state: &StateWord, buffer: Scratch, range: Range<usize>) {
        let (bytes, handed) = match memory::reserved(range.len()) {
            Ok(mut copy) => {
                copy.extend_from_slice(&buffer[range]);
                (copy, 0)
            }
            Err(_) => {
                let mut all = Vec::from(buffer);
                all.truncate(range.end);
                (all, range.start as u32)
            }
        };
        self.bytes = Some(Box::new(bytes));
        self.handed = handed;
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
        self.handed += count as u32;
        self.publish(state);
    }

    /// `count` bytes of the message in the first, unprotected record are on their way. What is left of it is a record of its own: a
    /// message of the handshake may be in several records (RFC 8446 section 5.1), and an alert is too short.
    pub(super) fn bare_record_sent(&mut self, state: &StateWord, count: usize) {
        let Some(all) = &mut self.bytes else { return };
        let front = &mut all[self.handed as usize..];
        let Ok(Some(Record { content_type, bytes })) = next_record(front, MAX_PLAINTEXT) else { return };
        let left = bytes.len() - RECORD_HEADER - count;
        if left == 0 {
            return self.handed_over(state, RECORD_HEADER + count);
        }
        front[count..count + RECORD_HEADER].copy_from_slice(&record::header(content_type, left));
        self.handed_over(state, count);
    }

    /// The socket takes nothing more, for the first of these reasons. Drops what is pending; true if there was something.
    pub(super) fn break_off(&mut self, state: &StateWord, errno: i32) -> bool {
        if self.broken == 0 {
            self.broken = errno;
        }
        let lost = self.bytes.take().is_some();
        self.publish(state);
        lost
    }

    /// Fails again with what has ended sending on the socket.
    pub(super) fn check_socket(&self) -> Result<(), Failure> {
        match self.broken {
            0 => Ok(()),
            errno => Err(Failure::io("sending has failed", errno)),
        }
    }

    /// Shows in the state whether something is pending; keeps no buffer otherwise.
    pub(super) fn publish(&mut self, state: &StateWord) {
        if self.bytes.as_ref().is_some_and(|bytes| bytes.len() > self.handed as usize) {
            return state.output_pends();
        }
        self.bytes = None;
        self.handed = 0;
        state.delivered();
    }
}

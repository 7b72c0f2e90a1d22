//! Ciphertext that was received and could not be opened yet: the front of a record, or records that the host's buffer
//! had no room for.

use std::cell::Cell;
use std::ops::Range;

use super::scratch::Scratch;
use crate::limits::RECEIVE_SCRATCH;

thread_local! {
    /// A buffer that another session has given up, for the next one that has to keep something.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Kept ciphertext; no memory while there is none.
#[derive(Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    /// Bytes at the front that are used up.
    used: usize,
}

impl Kept {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.used..]
    }

    /// The first `count` bytes are used up.
    pub(crate) fn consume(&mut self, count: usize) {
        self.used += count;
        debug_assert!(self.used <= self.bytes.len());
        if self.used == self.bytes.len() {
            self.clear();
        }
    }

    /// Keeps these bytes of a buffer in place of all others. If there is no memory for a copy, it keeps the buffer.
    pub(crate) fn keep(&mut self, buffer: Scratch, range: Range<usize>) {
        self.clear();
        if !self.keep_copy(&buffer[range.clone()]) {
            self.used = range.start;
            self.bytes = buffer.into();
            self.bytes.truncate(range.end);
        }
    }

    /// False if there is no memory for them.
    fn keep_copy(&mut self, bytes: &[u8]) -> bool {
        if !bytes.is_empty() {
            debug_assert!(bytes.len() <= RECEIVE_SCRATCH);
            // A large spare is not given to a few bytes that may lie here for hours.
            self.bytes = SPARE.try_with(Cell::take).unwrap_or_default();
            if self.bytes.capacity() > 2 * bytes.len().max(SMALL) {
                self.bytes = Vec::new();
            }
            if self.bytes.try_reserve(bytes.len()).is_err() {
                return false;
            }
            self.bytes.extend_from_slice(bytes);
        }
        true
    }

    /// Moves everything to the front of `buffer`, which is large enough, and says how much that is.
    pub(crate) fn move_to(&mut self, buffer: &mut [u8]) -> usize {
        let len = self.bytes().len();
        buffer[..len].copy_from_slice(self.bytes());
        self.clear();
        len
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
        if self.bytes.capacity() > 0 {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.clear();
            drop(SPARE.try_with(|spare| spare.replace(bytes)));
        }
    }
}

/// What is not worth another allocation.
const SMALL: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_in_order_and_leaves_no_memory() {
        let mut kept = Kept::default();
        assert!(kept.keep_copy(b"abcdef"));
        kept.consume(2);
        assert_eq!(kept.bytes(), b"cdef");
        let mut buffer = [0; 10];
        assert_eq!(kept.move_to(&mut buffer), 4);
        assert_eq!(&buffer[..4], b"cdef");
        assert_eq!((kept.bytes().len(), kept.bytes.capacity()), (0, 0));
        assert!(kept.keep_copy(&buffer[..4]));
        kept.consume(4);
        assert_eq!(kept.bytes.capacity(), 0);
    }

    #[test]
    fn a_few_bytes_do_not_hold_a_large_buffer() {
        let mut kept = Kept::default();
        assert!(kept.keep_copy(&[1; 60_000]));
        kept.clear();
        assert!(kept.keep_copy(&[2; 5]));
        assert!(kept.bytes.capacity() < 2000, "{}", kept.bytes.capacity());
    }
}

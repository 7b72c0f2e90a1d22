//! Plaintext that did not fit the host's buffer. The buffers are pooled, so that slow readers cost no allocation per
//! record and idle sessions hold none.

use std::sync::Mutex;

use zeroize::Zeroize;

use crate::limits::{IDLE_HELD_BUFFERS, MAX_CIPHERTEXT_TLS12};
use crate::memory;
use crate::outcome::{Failure, Result};

static IDLE: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

/// A buffer for the plaintext of one record; wiped and given back when dropped.
pub(crate) struct RecordBuffer {
    bytes: Box<[u8]>,
    /// How far it was written; a record is far smaller than this can count, and a session that holds none is small.
    used: u16,
}

impl RecordBuffer {
    pub(crate) fn take() -> Result<Self> {
        // The pool is not waited for: if it is locked, the caller allocates.
        let idle = IDLE.try_lock().ok().and_then(|mut idle| idle.pop());
        let bytes = idle.map_or_else(|| memory::zeros(MAX_CIPHERTEXT_TLS12), Ok)?;
        Ok(Self { bytes, used: 0 })
    }

    /// The first `len` bytes, to be written.
    pub(crate) fn room(&mut self, len: usize) -> Result<&mut [u8]> {
        self.used = self.used.max(len.min(self.bytes.len()) as u16);
        self.bytes.get_mut(..len).ok_or_else(|| Failure::internal("a record larger than any buffer"))
    }
}

/// Gives idle buffers back, if no one is at the pool.
pub(crate) fn forget_idle() {
    let idle = IDLE.try_lock().map(|mut idle| std::mem::take(&mut *idle));
    drop(idle);
}

impl Drop for RecordBuffer {
    fn drop(&mut self) {
        self.bytes[..usize::from(self.used)].zeroize();
        let bytes = std::mem::take(&mut self.bytes);
        if let Ok(mut idle) = IDLE.try_lock()
            && idle.len() < IDLE_HELD_BUFFERS
        {
            idle.push(bytes);
        }
    }
}

/// Plaintext still to be delivered.
pub(crate) struct Held {
    buffer: RecordBuffer,
    from: u16,
    to: u16,
}

impl Held {
    pub(crate) fn new(buffer: RecordBuffer, data_len: usize) -> Self {
        debug_assert!(data_len <= usize::from(buffer.used));
        Self { to: buffer.used.min(data_len as u16), from: 0, buffer }
    }

    /// Moves what fits into `output` and returns how much that was.
    pub(crate) fn deliver(&mut self, output: &mut [u8]) -> usize {
        let left = &self.buffer.bytes[usize::from(self.from)..usize::from(self.to)];
        let count = left.len().min(output.len());
        output[..count].copy_from_slice(&left[..count]);
        self.from += count as u16;
        count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.from == self.to
    }
}

//! Two buffers for each thread, through which ciphertext passes: sessions that wait own none. Only ciphertext stays in
//! them: records are opened into the host's memory, and sealed where they lie.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::thread::LocalKey;

use crate::limits::{RECEIVE_SCRATCH, SEND_SCRATCH};
use crate::memory;
use crate::outcome::Result;

type Slot = Cell<Option<Box<[u8]>>>;

thread_local! {
    static RECEIVING: Slot = const { Cell::new(None) };
    static SENDING: Slot = const { Cell::new(None) };
}

/// A buffer of this thread's; it goes back when dropped.
pub(crate) struct Scratch {
    bytes: Box<[u8]>,
    slot: &'static LocalKey<Slot>,
}

/// The buffer for what comes in.
pub(crate) fn receiving() -> Result<Scratch> {
    Scratch::take(&RECEIVING, RECEIVE_SCRATCH)
}

/// The buffer for what goes out.
pub(crate) fn sending() -> Result<Scratch> {
    Scratch::take(&SENDING, SEND_SCRATCH)
}

impl Scratch {
    fn take(slot: &'static LocalKey<Slot>, len: usize) -> Result<Self> {
        // A thread that is ending, or a signal handler that has interrupted a call, gets a buffer of its own.
        let bytes = slot.try_with(Cell::take).ok().flatten();
        Ok(Self { bytes: bytes.map_or_else(|| memory::zeros(len), Ok)?, slot })
    }
}

impl From<Scratch> for Vec<u8> {
    /// For a session that has to keep what is in the buffer, and gets no memory for a copy.
    fn from(mut scratch: Scratch) -> Self {
        std::mem::take(&mut scratch.bytes).into_vec()
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.is_empty() {
            // A session keeps it.
            return;
        }
        // Where the thread is ending nothing is kept.
        drop(self.slot.try_with(|slot| slot.replace(Some(bytes))));
    }
}

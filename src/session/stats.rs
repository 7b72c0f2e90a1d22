//! What a session counts. Each number has one writer at a time, the part of the session that holds its lock; readers come
//! from any thread.

use std::time::Instant;

use super::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::outcome::Question;
use crate::transport::kernel::KernelReason;

/// A count that only grows.
#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// Not `fetch_add`: there is one writer, and an atomic addition would cost more than sealing some bytes.
    #[inline]
    pub(super) fn add(&self, number: usize) {
        self.set(self.get() + number as u64);
    }

    #[inline]
    pub(super) fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A count of what is rare, in half the room.
#[derive(Default)]
pub(super) struct SmallCount(AtomicU32);

impl SmallCount {
    #[inline]
    pub(super) fn set(&self, number: u32) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) ciphertext_sent: Count,
    pub(super) ciphertext_received: Count,
    pub(super) plaintext_sent: Count,
    pub(super) plaintext_received: Count,
    pub(super) records_sent: Count,
    pub(super) records_received: Count,
    pub(super) key_updates_sent: SmallCount,
    pub(super) key_updates_received: SmallCount,
    pub(super) tickets_received: SmallCount,
    computing: Count,
    /// By the order of [`Question`].
    suspended: [Count; 4],
}

/// A copy of all counters; times in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "told in the C header")]
pub struct Stats {
    pub ciphertext_sent: u64,
    pub ciphertext_received: u64,
    pub plaintext_sent: u64,
    pub plaintext_received: u64,
    pub records_sent: u64,
    pub records_received: u64,
    pub key_updates_sent: u64,
    pub key_updates_received: u64,
    pub tickets_received: u64,
    pub computing: u64,
    /// By the order of [`Question`].
    pub suspended: [u64; 4],
    pub receive_calls: u64,
    pub send_calls: u64,
    pub kernel_sends: bool,
    pub kernel_receives: bool,
    /// Why the kernel does not do all that was asked, and `errno`.
    pub kernel_refusal: Option<(KernelReason, i32)>,
}

impl Counters {
    /// The time that `body` takes is the handshake's.
    pub(super) fn compute<R>(&self, body: impl FnOnce() -> R) -> R {
        let since = now();
        let result = body();
        self.computing.add(since.elapsed().as_nanos() as usize);
        result
    }

    pub(super) fn answered(&self, question: Question, since: Instant) {
        self.suspended[question as usize].add(since.elapsed().as_nanos() as usize);
    }

    /// `open`: a question that is not answered yet.
    pub(super) fn snapshot(&self, open: Option<(Question, Instant)>) -> Stats {
        let mut suspended = [0; 4];
        for (copy, count) in suspended.iter_mut().zip(&self.suspended) {
            *copy = count.get();
        }
        if let Some((question, since)) = open {
            suspended[question as usize] += since.elapsed().as_nanos() as u64;
        }
        Stats {
            ciphertext_sent: self.ciphertext_sent.get(),
            ciphertext_received: self.ciphertext_received.get(),
            plaintext_sent: self.plaintext_sent.get(),
            plaintext_received: self.plaintext_received.get(),
            records_sent: self.records_sent.get(),
            records_received: self.records_received.get(),
            key_updates_sent: self.key_updates_sent.get().into(),
            key_updates_received: self.key_updates_received.get().into(),
            tickets_received: self.tickets_received.get().into(),
            computing: self.computing.get(),
            suspended,
            ..Stats::default()
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "how long something took decides nothing")]
pub(super) fn now() -> Instant {
    Instant::now()
}

//! Nothing allocates per record once a session is open, an idle session is small, and the heap is wiped.

#[path = "../../tests/common/mod.rs"]
mod common;

#[cfg(feature = "certificate-compression")]
#[path = "certificate_compression.rs"]
mod certificate_compression;

#[path = "bounds.rs"]
mod bounds;

#[path = "out_of_memory.rs"]
mod out_of_memory;

use std::cell::Cell;
use std::sync::Arc;

use super::*;
use crate::crypto::record_keys::OF_TESTS;
use common::{certificate, client, open_pair, server};
use spantls::context::Context;
use spantls::outcome::Outcome;
use spantls::session::{Counts, Session};

/// The library's heap, counted.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
    static PEAK_BYTES: Cell<isize> = const { Cell::new(0) };
    /// More than this the thread does not get.
    static BUDGET: Cell<isize> = const { Cell::new(isize::MAX) };
}

/// Whether the budget allows this.
pub(crate) fn has(bytes: usize) -> bool {
    isize::try_from(bytes).is_ok_and(|bytes| LIVE_BYTES.get().saturating_add(bytes) <= BUDGET.get())
}

// SAFETY: everything is the library's heap's; counting touches a const-initialised thread-local without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !has(layout.size()) {
            return std::ptr::null_mut();
        }
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE_BYTES.set(LIVE_BYTES.get() + layout.size() as isize);
        PEAK_BYTES.set(PEAK_BYTES.get().max(LIVE_BYTES.get()));
        // SAFETY: the caller's contract.
        unsafe { Wiping.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE_BYTES.set(LIVE_BYTES.get() - layout.size() as isize);
        // SAFETY: the caller's contract.
        unsafe { Wiping.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn contexts(suite: u16) -> (Arc<Context>, Arc<Context>) {
    // ECDSA suites of TLS 1.2 and all of TLS 1.3 go with an ECDSA key, the others with RSA.
    let key = if matches!(suite, 0xC02F | 0xC030 | 0xCCA8) { "server-rsa2048" } else { "server-p256" };
    (client(None, &[suite]), server(key))
}

/// That a block is wiped when it is freed is seen from outside: `ffi-tests/judges/secrets`.
#[test]
fn all_of_a_block_is_wiped_and_nothing_around_it() {
    for len in [0, 1, 7, 8, 100, 4097] {
        let mut memory = vec![0x5a; len + 2];
        // SAFETY: within the vector.
        unsafe { wipe(memory.as_mut_ptr().wrapping_add(1), len) };
        assert_eq!((memory[0], memory[len + 1]), (0x5a, 0x5a));
        assert!(memory[1..=len].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn no_record_costs_an_allocation() {
    for suite in [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xCCA9, 0xC02F, 0xC030, 0xCCA8] {
        let (client, server) = contexts(suite);
        let (client, server) = open_pair(client, server);
        let data = vec![3; 16384];
        let mut sealed = vec![0; 20000];
        let mut opened = vec![0; 20000];
        let mut round = |size: usize, room: usize, in_place: bool| {
            let mut counts = Counts::default();
            let halves = data[..size].split_at(size / 2);
            assert_eq!(client.encrypt(&[halves.0, halves.1], &mut sealed).add_to(&mut counts), Ok(Outcome::Complete));
            if in_place {
                let (opened, _) = server.decrypt_in_place(&mut sealed[..counts.written]);
                assert_eq!((opened.outcome, opened.written), (Ok(Outcome::Complete), size));
                return;
            }
            let (mut at, mut delivered) = (0, 0);
            while delivered < size {
                let mut done = Counts::default();
                let outcome = server.decrypt(&sealed[at..counts.written], &mut opened[..room]).add_to(&mut done);
                assert!(matches!(outcome, Ok(Outcome::Complete | Outcome::WantWrite)), "{outcome:?}");
                at += done.consumed;
                delivered += done.written;
            }
        };
        // Room for more than a record, exactly its data, and far less; the first round of each may fill a pool.
        let rounds =
            [(16384, 20000, false), (16384, 16384, false), (16384, 1000, false), (1, 1, false), (16384, 0, true)];
        for (size, room, in_place) in rounds {
            round(size, room, in_place);
            let mut allocations_of_a_hundred = || {
                let before = ALLOCATIONS.get();
                (0..100).for_each(|_| round(size, room, in_place));
                ALLOCATIONS.get() - before
            };
            // The pool is not waited for, and other tests use it at the same time: then a buffer is allocated.
            let fewest = (0..20).map(|_| allocations_of_a_hundred()).find(|allocations| *allocations == 0);
            assert_eq!(fewest, Some(0), "{suite:#06x}, {size} bytes into {room}");
        }
    }
}

#[test]
fn an_idle_open_session_is_small() {
    for suite in [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xCCA9] {
        let (client, server) = contexts(suite);
        drop(open_pair(client.clone(), server.clone()));
        let before = LIVE_BYTES.get();
        let pair = open_pair(client, server);
        let (live, own) = (LIVE_BYTES.get() - before, 2 * size_of::<Session>() as isize);
        // A protection for either direction.
        let each = (live + own) / 2 - 2 * OF_TESTS as isize;
        println!("{suite:#06x}: {each} bytes for one of two open sessions, the client's chain of two included");
        let chain = (certificate("server-p256.pem").len() as isize * 3 / 4) / 2;
        // A key for either direction.
        let outside = 2 * key_outside_of_our_heap(suite);
        println!("without the chain {}, of which {outside} on a heap of the provider's", each - chain + outside);
        assert!(each - chain + outside <= 2048, "{each} with a chain of {chain}, {outside} elsewhere");
        drop(pair);
    }
}

/// ring's keys lie in the session.
#[cfg(not(feature = "aws-lc-rs"))]
fn key_outside_of_our_heap(_: u16) -> isize {
    0
}

/// What AWS-LC allocates for a key, by the C library's own count, which holds what it needs for itself too.
#[cfg(feature = "aws-lc-rs")]
fn key_outside_of_our_heap(suite: u16) -> isize {
    use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, LessSafeKey, UnboundKey};

    const KEYS: usize = 1000;
    let algorithm = match suite {
        0x1301 | 0xC02B => &AES_128_GCM,
        0x1302 | 0xC02C => &AES_256_GCM,
        _ => &CHACHA20_POLY1305,
    };
    let bytes = [7; 32];
    // SAFETY: it only reads.
    let in_use = || unsafe { libc::mallinfo2() }.uordblks as isize;
    let mut keys = Vec::with_capacity(KEYS);
    let (before, ours) = (in_use(), LIVE_BYTES.get());
    keys.extend(
        (0..KEYS).map(|_| LessSafeKey::new(UnboundKey::new(algorithm, &bytes[..algorithm.key_len()]).unwrap())),
    );
    (in_use() - before - (LIVE_BYTES.get() - ours)) / KEYS as isize
}

//! Sessions under a hostile transport: games of the door `calls` over spans, and bound sessions on sockets with a relay between them that
//! chops, stalls, changes, loses, repeats and resets. Threads share contexts. Nothing may be delivered that was not sent, every fault
//! is a failure whose alert the peer gets, and neither memory nor descriptors grow.
//!
//! Without SOAK_SECONDS a fixed number of games; `make soak-transport SECONDS=600` plays for so long. A game is its number: SOAK_SEED=number plays
//! that one alone.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;
mod doors;
#[path = "soak/sockets.rs"]
mod sockets;

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const THREADS: u64 = 4;
/// Games of the short form.
const GAMES: u64 = 400;
/// The games that make what is kept: contexts, pools.
const WARMING: u64 = 200;
/// The library keeps up to 16 buffers for plaintext that waits: as many as were in use at once, which is chance.
const POOL: i64 = 16 * 18_448;
/// How the allocator's figure may differ at rest: thread-locals of the test harness, a hash table of the standard library.
const TOLERANCE: i64 = 16 << 10;

/// Random numbers that depend on the game alone (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end.max(1) as u64) as usize
    }
}

/// A game of `calls`. Its setups are few, because each one's contexts are kept; all threads share them.
fn over_spans(random: &mut Random, setup: u64) {
    const SETUPS: [[u8; 2]; 12] = [
        [0x00, 0x00],
        [0x01, 0x00],
        [0x04, 0x01],
        [0x05, 0x01],
        [0x60, 0x04],
        [0x61, 0x14],
        [0x18, 0x00],
        [0x19, 0x20],
        [0x80, 0x00],
        [0x81, 0x00],
        [0x02, 0x0A],
        [0x0D, 0x02],
    ];
    let mut input = SETUPS[setup as usize % SETUPS.len()].to_vec();
    let len = 20 + random.below(500);
    input.extend((0..len).map(|_| random.number() as u8));
    doors::calls::play(&input);
}

fn play(game: u64) {
    let mut random = Random::new(game);
    match game % 3 {
        0 => sockets::play(&mut random, game / 3),
        _ => over_spans(&mut random, game / 3),
    }
}

/// Plays games from `first` on with all threads, while `more` says so. Passed, and failed.
fn games(first: u64, more: impl Fn(u64) -> bool + Sync) -> (u64, u64) {
    let (next, passed, failed) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let game = next.fetch_add(1, Ordering::Relaxed);
            if !more(game - first) {
                return;
            }
            if catch_unwind(|| play(game)).is_ok() {
                passed.fetch_add(1, Ordering::Relaxed);
            } else {
                failed.fetch_add(1, Ordering::Relaxed);
                eprintln!("SOAK_SEED={game} plays it again");
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        // Until the destructors of their thread-locals have run, too.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    (passed.into_inner(), failed.into_inner())
}

/// Bytes of the heap in use, and open descriptors; no thread plays.
#[allow(unsafe_code)]
fn resources() -> (i64, usize) {
    // SAFETY: returns numbers.
    let heap = unsafe { libc::mallinfo2() };
    ((heap.uordblks + heap.hblkhd) as i64, std::fs::read_dir("/proc/self/fd").unwrap().count())
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(clippy::disallowed_methods, reason = "how long to play, which no result depends on")]
fn a_hostile_transport_costs_nothing_but_the_connection() {
    if let Some(seed) = std::env::var("SOAK_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return play(seed);
    }
    let seconds: Option<u64> = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let warm = games(0, |game| game < WARMING);
    let before = resources();
    let start = Instant::now();
    let played = games(WARMING, |game| match seconds {
        Some(seconds) => start.elapsed() < Duration::from_secs(seconds),
        None => game < GAMES,
    });
    let after = resources();
    let [failed, alerts] = [&sockets::FAILED, &sockets::ALERTS].map(|count| count.load(Ordering::Relaxed));
    println!("{failed} bound sessions failed, {alerts} alerts were compared");
    println!("heap {} bytes, then {}; descriptors {}, then {}", before.0, after.0, before.1, after.1);
    println!("{} passed, {} failed", warm.0 + played.0, warm.1 + played.1);
    assert_eq!(warm.1 + played.1, 0);
    assert!(alerts > 0 && failed > alerts, "a transport that harms no one");
    assert!(after.0 - before.0 < POOL + TOLERANCE, "the heap has grown: {} bytes, then {}", before.0, after.0);
    assert_eq!(after.1, before.1, "descriptors");
}

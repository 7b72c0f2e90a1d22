//! What a peer gets for the bytes that it sends: memory that we keep, work that we do, answers. Each row is what a peer can do with
//! one limit of `limits.rs`, measured and with a ceiling; `make bounds` prints them for docs/proof.md. Memory is counted by
//! our allocator, work in allocations and signatures of certificates that are checked. The time of the processor is printed, and
//! judged by nothing.

#[path = "bounds/after.rs"]
mod after;
#[path = "bounds/before.rs"]
mod before;
#[path = "../../tests/common/hostile.rs"]
mod hostile;
#[path = "bounds/tangle.rs"]
mod tangle;

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;

use super::common;
use super::{ALLOCATIONS, LIVE_BYTES, PEAK_BYTES};
use crate::trust::CHECKS;
use spantls::outcome::{Outcome, Result};
use spantls::session::{Counts, Progress};
use spantls::transport::Socket;

/// What was received, and what it came to.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    received: usize,
    sent: usize,
    /// Heap that the session has more than before, at the end and at most.
    kept: usize,
    peak: usize,
    allocations: usize,
    checks: u32,
    microseconds: i64,
}

/// A ceiling for each of them: what was found, and a quarter.
#[derive(Clone, Copy, Debug)]
struct Most {
    kept: usize,
    peak: usize,
    allocations: usize,
    checks: u32,
    sent: usize,
}

struct Row {
    what: &'static str,
    /// Names of `limits.rs`.
    limits: &'static [&'static str],
    measure: fn() -> Figures,
    most: Most,
}

/// Limits with which a peer buys nothing, each group with the reason, or with who measures them.
const ELSEWHERE: [(&str, &[&str]); 8] = [
    (
        "the least that a host gives, and the length of what is before each record",
        &["RECORD_HEADER", "MIN_FRAGMENT", "MIN_CIPHERTEXT"],
    ),
    (
        "files, texts and secrets that a host loads: a peer has no part in them",
        &[
            "MAX_PEM_ITEMS",
            "MAX_PEM_FILE",
            "MAX_PBKDF2_ROUNDS",
            "MAX_SCRYPT_MEMORY",
            "MAX_SCRYPT_TURNS",
            "MIN_TICKET_SECRET",
            "MAX_TICKET_SECRET",
        ],
    ),
    (
        "seconds, and a number that the host can raise to one that is measured",
        &["DEFAULT_TICKET_LIFETIME", "MAX_TICKET_LIFETIME", "MAX_RESUMED", "DEFAULT_TICKET_COUNT"],
    ),
    ("digests of chains that were found trusted, about a hundred bytes each: trust/known.rs", &["MAX_KNOWN_CHAINS"]),
    ("what is asked of the allocator first: out_of_memory.rs takes it away", &["HEADROOM", "MEMORY_PER_BYTE"]),
    (
        "how much a key of ours seals: session/tests/halves.rs counts it",
        &["MAX_RECORDS_AES_GCM", "MAX_RECORDS_CHACHA20_POLY1305"],
    ),
    (
        "what a process keeps for the next session, whatever peers do: handshake/fiber/stack.rs and held.rs count it",
        &["IDLE_STACKS", "IDLE_HELD_BUFFERS"],
    ),
    (
        "calls of the system that discard what a peer has paid for with as many bytes (tests/bound.rs), and names in a report that the host has asked for (the zoo)",
        &["MAX_DISCARDED_RECEIPTS", "MAX_LIKELY_CHAIN"],
    ),
];

/// What the processor has spent on this thread.
fn microseconds() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes to a place of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec * 1_000_000 + time.tv_nsec / 1000
}

/// What `work` costs. What it returns lives until it was counted.
fn measured<R>(work: impl FnOnce(&mut Figures) -> R) -> (Figures, R) {
    let mut figures = Figures::default();
    let (live, allocations, checks, from) = (LIVE_BYTES.get(), ALLOCATIONS.get(), CHECKS.get(), microseconds());
    PEAK_BYTES.set(live);
    let result = work(&mut figures);
    figures.microseconds = microseconds() - from;
    figures.kept = usize::try_from(LIVE_BYTES.get() - live).unwrap_or(0);
    figures.peak = usize::try_from(PEAK_BYTES.get() - live).unwrap_or(0);
    figures.allocations = ALLOCATIONS.get() - allocations;
    figures.checks = CHECKS.get() - checks;
    (figures, result)
}

/// A session's end of a pair of sockets.
fn bound(stream: UnixStream) -> Socket {
    stream.set_nonblocking(true).unwrap();
    Socket::new(stream.into_raw_fd() as isize, true).unwrap()
}

/// Gives all of this to calls until there is nothing more to do: the last outcome.
fn feed(
    figures: &mut Figures,
    input: &[u8],
    room: &mut [u8],
    call: impl Fn(&[u8], &mut [u8]) -> Progress,
) -> Result<Outcome> {
    loop {
        let mut counts = Counts::default();
        let outcome = call(&input[figures.received..], &mut room[figures.sent..]).add_to(&mut counts);
        figures.received += counts.consumed;
        figures.sent += counts.written;
        match outcome {
            Ok(Outcome::Complete) if figures.received < input.len() && counts != Counts::default() => {}
            outcome => return outcome,
        }
    }
}

fn rows() -> Vec<Row> {
    [before::rows(), after::rows()].into_iter().flatten().collect()
}

#[test]
fn a_peer_gets_no_more_for_a_byte_than_the_ceilings_say() {
    println!("\n| a peer sends | bytes | we keep | at most | allocations | signatures checked | we send | µs |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for Row { what, measure, most, .. } in rows() {
        // The first time fills pools.
        measure();
        let found = measure();
        let Figures { received, sent, kept, peak, allocations, checks, microseconds } = found;
        println!(
            "| {what} | {received} | {kept} of {} | {peak} of {} | {allocations} of {} | {checks} of {} | {sent} of {} | {microseconds} |",
            most.kept, most.peak, most.allocations, most.checks, most.sent
        );
        let within = kept <= most.kept
            && peak <= most.peak
            && allocations <= most.allocations
            && checks <= most.checks
            && sent <= most.sent;
        if !within {
            wrong.push((what, found, most));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A limit that is new is measured, or it is said where that is done.
#[test]
fn every_limit_is_measured() {
    let text = include_str!("../limits.rs");
    let limits = text.lines().filter_map(|line| line.strip_prefix("pub(crate) const ")?.split_once(':'));
    let mut named: Vec<&str> = limits.map(|(name, _)| name).collect();
    let rows = rows();
    let measured = rows.iter().flat_map(|row| row.limits);
    let mut listed: Vec<&str> = measured.chain(ELSEWHERE.iter().flat_map(|(_, limits)| *limits)).copied().collect();
    named.sort_unstable();
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(named, listed);
}

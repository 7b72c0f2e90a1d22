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

use super::common;
use super::{ALLOCATIONS, LIVE_BYTES, PEAK_BYTES};
use crate::trust::CHECKS;
use spantls::outcome::{Outcome, Result};
use spantls::session::{Counts, Progress};

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

/// Limits that no peer reaches, or that others measure.
const ELSEWHERE: [(&str, &[&str]); 8] = [
    (
        "sizes of the protocol",
        &["RECORD_HEADER", "MAX_PLAINTEXT", "MAX_CIPHERTEXT_TLS13", "MIN_FRAGMENT", "MIN_CIPHERTEXT"],
    ),
    (
        "what a host gives",
        &[
            "MAX_ALPN_LIST",
            "MAX_ISSUER_LIST",
            "MAX_OWN_CHAIN",
            "MAX_OWN_CHAINS",
            "MAX_OCSP_RESPONSE",
            "MAX_PEM_ITEMS",
            "MAX_PEM_FILE",
            "MAX_SIGNING_RSA_BITS",
            "MAX_PBKDF2_ROUNDS",
            "MAX_SCRYPT_MEMORY",
            "MAX_SCRYPT_TURNS",
            "MIN_TICKET_SECRET",
            "MAX_TICKET_SECRET",
            "MAX_TICKET_ROOTS",
            "DEFAULT_TICKET_LIFETIME",
            "MAX_TICKET_LIFETIME",
            "DEFAULT_TICKET_COUNT",
            "MAX_TICKET_COUNT",
        ],
    ),
    ("what is asked of the allocator first: out_of_memory.rs", &["HEADROOM", "MEMORY_PER_BYTE"]),
    ("how much a key seals: session/tests/halves.rs", &["MAX_RECORDS_AES_GCM", "MAX_RECORDS_CHACHA20_POLY1305"]),
    ("pools of a process: handshake/fiber/stack.rs, and held.rs", &["IDLE_STACKS", "IDLE_HELD_BUFFERS"]),
    ("how long a session is resumed: tests/resumption.rs", &["MAX_RESUMED"]),
    (
        "a client's store: handshake/client_tickets.rs",
        &["MAX_TICKETS_KEPT", "MAX_TICKET_SERVERS", "MAX_TICKET", "TICKETS_TAKEN"],
    ),
    ("system calls, and names in a report: tests/bound.rs, the zoo", &["MAX_DISCARDED_RECEIPTS", "MAX_LIKELY_CHAIN"]),
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

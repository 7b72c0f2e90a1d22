//! What the runs have seen.

use std::collections::BTreeMap;

use super::super::SUITES;
use super::{Fate, Fates};
use crate::names::CIPHER_SUITES;

/// Where rustls and we differ: what a peer does, what becomes of ours and of theirs, and why.
const DIFFERENCES: [(&str, Fate, Fate, &str); 11] = [
    (
        "a changed type",
        Fate::Says(10),
        Fate::Says(50),
        "RFC 8446 section 5: an unexpected record type is an unexpected_message; for rustls it is one that cannot be decoded",
    ),
    (
        "a changed type",
        Fate::Says(10),
        Fate::Goes,
        "RFC 8446 section 5.2: the outer type is application_data, and authenticated; rustls authenticates the one that should be there",
    ),
    (
        "a changed length",
        Fate::Says(22),
        Fate::Goes,
        "RFC 8446 section 5.2: more than 2^14 + 256 bytes are a record_overflow; rustls waits for the record as long as TLS 1.2 allows it",
    ),
    ("a changed length", Fate::Says(22), Fate::Says(20), "the same, and the record is there: rustls tries to open it"),
    (
        "a changed length",
        Fate::Says(22),
        Fate::Says(50),
        "RFC 5246 section 6.2.3: more than 2^14 + 2048 bytes are a record_overflow; for rustls it is one that cannot be decoded",
    ),
    (
        "a changed version",
        Fate::Says(20),
        Fate::Goes,
        "RFC 8446 section 5.2: the additional data are the header as sent; rustls authenticates the version that should be there",
    ),
    (
        "a changed version",
        Fate::Says(70),
        Fate::Says(50),
        "RFC 5246 section 7.2.2: a version that is not supported is protocol_version; for rustls it cannot be decoded",
    ),
    (
        "a record of another type",
        Fate::Says(10),
        Fate::Says(50),
        "RFC 8446 section 5: an unexpected record type is an unexpected_message; for rustls it is one that cannot be decoded",
    ),
    (
        "a record of another type",
        Fate::Says(10),
        Fate::Silent,
        "RFC 8446 section 5.4: without a byte that is not zero the connection ends with unexpected_message; rustls sends no alert",
    ),
    (
        "an alert",
        Fate::Goes,
        Fate::Told,
        "RFC 8446 sections 6 and 6.1: the level can be ignored, and user_canceled ends nothing; for rustls the level counts",
    ),
    (
        "an alert",
        Fate::Told,
        Fate::ToldAndSays(50),
        "RFC 8446 section 6: the level can be ignored, and an error alert is not answered; rustls answers one that is called a warning",
    ),
];

/// What both refuse with the same alert, to the byte.
const REFUSALS: [(&str, Fate); 6] = [
    ("a changed payload", Fate::Says(20)),
    ("a changed length", Fate::Says(20)),
    ("a lost record", Fate::Says(20)),
    ("a repeated record", Fate::Says(20)),
    ("a shortened record", Fate::Says(20)),
    ("a record at the limit", Fate::Says(22)),
];

#[derive(Default)]
pub(super) struct Tally {
    pub(super) runs: u64,
    pub(super) key_updates: u64,
    pub(super) closed: u64,
    pub(super) kernels: u64,
    /// Records and bytes of each suite that both have sealed alike.
    sealed: BTreeMap<u16, (u64, u64)>,
    /// What a peer does, what becomes of both, and how often.
    judged: BTreeMap<(&'static str, Fates), u64>,
}

impl Tally {
    pub(super) fn sealed(&mut self, suite: u16, records: &[Vec<u8>]) {
        let (count, bytes) = self.sealed.entry(suite).or_default();
        *count += records.len() as u64;
        *bytes += records.iter().map(|record| record.len() as u64).sum::<u64>();
    }

    pub(super) fn judged(&mut self, what: &'static str, fates: Fates, errors: impl FnOnce() -> String) {
        assert!(fates.ours == fates.theirs || known(what, fates), "{what}: {fates:?}: {}", errors());
        *self.judged.entry((what, fates)).or_default() += 1;
    }

    /// Everything that can happen has happened; the rare differences only if there were enough runs.
    pub(super) fn check(&self, rare_too: bool) {
        assert!(self.runs > 0 && self.key_updates > 0 && self.closed > 0 && self.kernels > 0);
        assert_eq!(self.sealed.len(), SUITES.len(), "{:?}", self.sealed);
        for (what, ours, theirs, why) in DIFFERENCES {
            let seen = self.judged.contains_key(&(what, Fates { ours, theirs }));
            assert!(seen || !rare_too, "{what} is no difference any more: {why}");
        }
        for (what, fate) in REFUSALS {
            let seen = self.judged.contains_key(&(what, Fates { ours: fate, theirs: fate }));
            assert!(seen, "{what} was never refused with {fate:?}: {:#?}", self.judged);
        }
    }

    /// For docs/proof.md.
    pub(super) fn print(&self) {
        println!("| suite | records | bytes |\n|---|---|---|");
        for (suite, (records, bytes)) in &self.sealed {
            let name = CIPHER_SUITES.of(*suite).unwrap_or_default().to_string_lossy();
            println!("| {name} | {records} | {bytes} |");
        }
        println!("\n| a peer does | ours | rustls | times |\n|---|---|---|---|");
        for ((what, fates), times) in &self.judged {
            println!("| {what} | {:?} | {:?} | {times} |", fates.ours, fates.theirs);
        }
        let Self { key_updates, closed, kernels, .. } = self;
        println!("\n{key_updates} key updates, {closed} closures, the keys given to the kernel {kernels} times");
    }
}

fn known(what: &str, fates: Fates) -> bool {
    DIFFERENCES.iter().any(|(known, ours, theirs, _)| (*known, *ours, *theirs) == (what, fates.ours, fates.theirs))
}

//! Our record layer beside rustls's: for each end of a connection of rustls there is a session of ours with the same secrets. Both
//! are given the same to seal and the same records to open, and must come to the same bytes, the same plaintext and the same alerts.
//! At the end the kernel takes over, whose keys must be those that rustls extracts.
//!
//! A run follows from its seed; the keys are new in each. `make differential` plays as many new seeds as it is told.

mod kernel;
#[allow(clippy::duplicate_mod, reason = "the tests of panics have all doors")]
#[path = "../../../tests/doors/records/keys.rs"]
#[allow(unreachable_pub, dead_code)]
mod keys;
mod pair;
mod random;
mod tally;

use std::panic::AssertUnwindSafe;

use ring::rand::{SecureRandom, SystemRandom};
use rustls::Error;

use pair::{CLIENT, Opened, Pair, SERVER};
use random::Random;
use tally::Tally;

use super::SUITES;

const DATA: u8 = 23;
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const CHANGE_CIPHER_SPEC: u8 = 20;

const MOST_MOVES: usize = 40;

struct Run<'a> {
    pair: Pair,
    random: Random,
    tally: &'a mut Tally,
    /// A peer that has the keys has taken an end's place: the end itself sends no more.
    forged: [bool; 2],
    /// Explicit nonces that each end has sent.
    nonces: [Vec<u64>; 2],
}

/// Whether the connection continues.
type Goes = bool;

/// What has become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Goes,
    Closed,
    /// It has failed by an alert of the peer.
    Told,
    /// The same, and answers with this alert.
    ToldAndSays(u8),
    /// It has failed and sends this alert.
    Says(u8),
    /// It has failed without an alert.
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fates {
    ours: Fate,
    theirs: Fate,
}

impl Run<'_> {
    fn play(mut self) {
        for _ in 0..1 + self.random.below(MOST_MOVES) {
            let me = *self.random.choice(&[CLIENT, SERVER]);
            let goes = match self.random.below(20) {
                0 if self.forged == [false, false] => self.spoil(me),
                1 if !self.forged[1 - me] => self.forge(me),
                2 | 3 if self.pair.tls13 && !self.forged[me] => self.update_keys(me),
                4 if self.random.chance(6) && !self.forged[me] => self.close(me),
                _ if self.forged[me] => self.forge(me),
                _ => self.send(me),
            };
            if !goes {
                return;
            }
        }
        if self.forged == [false, false] {
            self.hand_over_to_kernel();
        }
    }

    fn data(&mut self) -> Vec<u8> {
        let len = match self.random.below(8) {
            0 => 16_384 * (1 + self.random.below(3)) - 3 + self.random.below(6),
            _ => self.random.size(40_000),
        };
        let first = self.random.below(256);
        (0..len).map(|at| (first + at * 7 + at / 256) as u8).collect()
    }

    /// Seals data with both, and returns it and the records.
    fn seal(&mut self, me: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
        let data = self.data();
        let mut cuts: Vec<usize> = (0..self.random.below(4)).map(|_| self.random.below(data.len() + 1)).collect();
        cuts.extend([0, data.len()]);
        cuts.sort_unstable();
        let spans: Vec<&[u8]> = cuts.windows(2).map(|cut| &data[cut[0]..cut[1]]).collect();
        let sealed = self.pair.ends[me].seal(&spans);
        let records = self.sent(me, sealed, Some(&data));
        (data, records)
    }

    fn send(&mut self, me: usize) -> Goes {
        let (data, records) = self.seal(me);
        self.receive(me, &records.concat(), &data)
    }

    fn update_keys(&mut self, me: usize) -> Goes {
        let sealed = self.pair.ends[me].update_keys();
        let records = self.sent(me, sealed, None);
        self.tally.key_updates += 1;
        self.receive(me, &records.concat(), &[])
    }

    fn close(&mut self, me: usize) -> Goes {
        let sealed = self.pair.ends[me].close();
        let records = self.sent(me, sealed, None);
        let opened = self.pair.ends[1 - me].open(&records.concat(), &mut self.random);
        assert_eq!((opened.theirs, opened.ours), (Ok(true), Ok(true)));
        self.tally.closed += 1;
        false
    }

    /// What an end has sent, by both: the same bytes. They open by the RFCs alone, to this data.
    fn sent(&mut self, me: usize, [theirs, ours]: [Vec<u8>; 2], data: Option<&[u8]>) -> Vec<Vec<u8>> {
        assert!(theirs == ours, "sealed {ours:02x?},\nand rustls {theirs:02x?}");
        let (mut records, mut opened) = (Vec::new(), Vec::new());
        let mut rest = &ours[..];
        while let Some(header) = rest.first_chunk::<5>() {
            let (record, next) = rest.split_at(5 + usize::from(u16::from_be_bytes([header[3], header[4]])));
            let keys = &mut self.pair.keys[me];
            if keys.explicit_nonce() {
                self.nonces[me].push(u64::from_be_bytes(record[5..13].try_into().unwrap()));
            }
            match keys.open(record) {
                (DATA, content) => opened.extend(content),
                (HANDSHAKE, content) if content[..4] == [24, 0, 0, 1] => keys.update(),
                (ALERT, _) if data.is_none() => {}
                other => panic!("sent {other:?}"),
            }
            records.push(record.to_vec());
            rest = next;
        }
        assert!(opened == data.unwrap_or_default());
        self.tally.sealed(self.pair.suite, &records);
        records
    }

    /// The other end opens these records with both.
    fn receive(&mut self, me: usize, records: &[u8], data: &[u8]) -> Goes {
        let opened = self.pair.ends[1 - me].open(records, &mut self.random);
        assert_eq!((opened.theirs, opened.ours), (Ok(false), Ok(false)));
        assert!(opened.plaintext.iter().all(|plaintext| plaintext == data));
        true
    }

    /// What both make of records that one of us would not send: the same, up to the bytes of the alert.
    fn judge(&mut self, to: usize, records: &[u8], what: &'static str) -> Goes {
        let Opened { plaintext, theirs, ours } = self.pair.ends[to].open(records, &mut self.random);
        let said = if theirs.is_ok() && ours.is_ok() { Default::default() } else { self.pair.ends[to].owed() };
        let told = [
            theirs.as_ref().err().and_then(|error| match error {
                Error::AlertReceived(alert) => Some(u8::from(*alert)),
                _ => None,
            }),
            ours.as_ref().err().and_then(|failure| failure.alert_received).map(|alert| alert.0),
        ];
        assert!(told.contains(&None) || told[0] == told[1], "{what}: {told:?} was received");
        let fate = |closed: Option<bool>, number: usize| match (closed, told[number], self.said(to, &said[number])) {
            (Some(true), ..) => Fate::Closed,
            (Some(false), ..) => Fate::Goes,
            (None, Some(_), None) => Fate::Told,
            (None, Some(_), Some(alert)) => Fate::ToldAndSays(alert),
            (None, None, Some(alert)) => Fate::Says(alert),
            (None, None, None) => Fate::Silent,
        };
        let fates =
            Fates { ours: fate(ours.as_ref().ok().copied(), 1), theirs: fate(theirs.as_ref().ok().copied(), 0) };
        // A reply to a key update, which rustls keeps until it has more to send, precedes the alert.
        let same = (said[0] == said[1] || !matches!(fates.ours, Fate::Says(_))) && plaintext[0] == plaintext[1];
        assert!(fates.ours != fates.theirs || same, "{what}: {fates:?}, but other bytes: {said:02x?}");
        self.tally.judged(what, fates, || format!("{ours:?}, and rustls {theirs:?}"));
        fates.ours == Fate::Goes && fates.theirs == Fate::Goes
    }

    /// The alert at the end of what an end has sent.
    fn said(&self, me: usize, mut sent: &[u8]) -> Option<u8> {
        let (mut keys, mut said) = (self.pair.keys[me].clone(), None);
        while let Some(header) = sent.first_chunk::<5>() {
            let (record, rest) = sent.split_at(5 + usize::from(u16::from_be_bytes([header[3], header[4]])));
            sent = rest;
            match keys.open(record) {
                (ALERT, content) => said = Some(content[1]),
                (HANDSHAKE, _) => keys.update(),
                other => panic!("sent {other:?}"),
            }
        }
        said
    }

    /// Changes records on their way.
    fn spoil(&mut self, me: usize) -> Goes {
        let (_, mut records) = self.seal(me);
        if records.is_empty() {
            return true;
        }
        let at = self.random.below(records.len());
        let bit = 1 << self.random.below(8);
        let len = records[at].len();
        let what = match self.random.below(8) {
            0 => {
                records[at][0] ^= bit;
                "a changed type"
            }
            1 => {
                records[at][1 + self.random.below(2)] ^= bit;
                "a changed version"
            }
            2 => {
                let longer = (16_641 + self.random.below(1_700)) as u16;
                match self.random.chance(4) {
                    true => records[at][3..5].copy_from_slice(&longer.to_be_bytes()),
                    false => records[at][3 + self.random.below(2)] ^= bit,
                }
                "a changed length"
            }
            3 => {
                records.remove(at);
                if at == records.len() { "nothing" } else { "a lost record" }
            }
            4 => {
                records.insert(at, records[at].clone());
                "a repeated record"
            }
            5 => {
                let payload_len = self.random.below(len - 5);
                records[at].truncate(5 + payload_len);
                records[at][3..5].copy_from_slice(&(payload_len as u16).to_be_bytes());
                "a shortened record"
            }
            _ => {
                let place = 5 + self.random.below(len - 5);
                records[at][place] ^= bit;
                "a changed payload"
            }
        };
        self.judge(1 - me, &records.concat(), what);
        // Not in step any more.
        false
    }

    /// Seals what neither of us would send.
    fn forge(&mut self, me: usize) -> Goes {
        self.forged[me] = true;
        let keys = &mut self.pair.keys[me];
        let padding = if self.pair.tls13 && self.random.chance(2) { self.random.size(300) } else { 0 };
        let (what, record) = match self.random.below(8) {
            0 => {
                // The limits of RFC 8446 section 5.2 and RFC 5246 section 6.2.
                let padding = if self.pair.tls13 { self.random.below(20) } else { 0 };
                let data = vec![7; 16_384 - 20 + self.random.below(30)];
                ("a record at the limit", keys.seal(DATA, &data, padding))
            }
            1 => {
                let content_type = *self.random.choice(&[CHANGE_CIPHER_SPEC, 24, 0, 99]);
                let content = vec![0; self.random.size(50)];
                ("a record of another type", keys.seal(content_type, &content, padding))
            }
            2 => {
                let (level, alert) = (*self.random.choice(&[1, 2]), *self.random.choice(&[0, 10, 20, 40, 51, 90, 109]));
                ("an alert", keys.seal(ALERT, &[level, alert], padding))
            }
            3 if self.pair.tls13 => {
                let record = keys.seal(HANDSHAKE, &[24, 0, 0, 1, self.random.below(2) as u8], padding);
                keys.update();
                ("a key update", record)
            }
            _ => {
                let data = vec![9; 1 + self.random.size(16_000)];
                ("data with padding", keys.seal(DATA, &data, padding))
            }
        };
        self.judge(1 - me, &record, what)
    }
}

/// One run for this seed.
fn run(seed: u64, tally: &mut Tally) {
    struct Names(u64);
    impl Drop for Names {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the run with seed {} has failed", self.0);
            }
        }
    }
    let _names = Names(seed);
    let mut random = Random::new(seed);
    let pair = Pair::new(random.choice(&SUITES).0, &mut random);
    Run { pair, random, tally, forged: [false; 2], nonces: Default::default() }.play();
    tally.runs += 1;
}

/// A number of the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Runs whose seeds are always the same.
const FIXED: u64 = 400;

/// `FIXED` seeds that are always the same. With `RUNS` in the environment so many new ones, or those that follow `SEED`; a run that fails
/// names its own.
#[test]
fn records_are_those_of_rustls() {
    let mut new = [0; 8];
    SystemRandom::new().fill(&mut new).unwrap();
    let (first, runs) = match number("RUNS") {
        None => (0, FIXED),
        Some(runs) => (number("SEED").unwrap_or(u64::from_ne_bytes(new)), runs),
    };
    let (mut tally, mut failed) = (Tally::default(), 0);
    for number in 0..runs {
        let played = AssertUnwindSafe(|| run(first.wrapping_add(number), &mut tally));
        failed += u64::from(std::panic::catch_unwind(played).is_err());
    }
    tally.print();
    println!("{} passed, {failed} failed", tally.runs);
    assert_eq!(failed, 0);
    // Of fewer not everything can be expected.
    if runs >= FIXED {
        tally.check(runs >= 10_000);
    }
}

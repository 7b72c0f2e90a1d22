//! Servers that share roots, on one clock.

use std::cell::Cell;

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;

use super::*;
use crate::crypto::taps::Taps;
use crate::crypto::ticket_roots::{TicketRoot, from_host};
use crate::limits::MAX_RESUMED;

const START: u64 = 1_000_000;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(START) };
}

/// What a context shows; its certificate is never read here.
fn own_key() -> Arc<OwnKey> {
    let provider: CryptoProvider = crate::crypto::suites::provider(&[], &[]);
    let pem = std::fs::read(format!("{}/ffi-tests/certs/server-p256.key", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let key = rustls_pemfile::private_key(&mut &*pem).unwrap().unwrap();
    OwnKey::new(CertifiedKey::new(Vec::new(), provider.key_provider.load_private_key(key).unwrap()))
}

struct Side {
    keys: Arc<TicketKeys>,
    shown: Arc<OwnKey>,
}

/// What a session learns from a ticket.
struct Learned {
    state: Vec<u8>,
    taps: Arc<Taps>,
}

impl Side {
    fn with(roots: &[TicketRoot<'_>], admission: u8, until: u64, hash: u8) -> Self {
        Self::of(roots, admission, until, hash, 1)
    }

    fn of(roots: &[TicketRoot<'_>], admission: u8, until: u64, hash: u8, who: u8) -> Self {
        let shown = own_key();
        let end_point = EndPoint::new(&[hash; 32], true);
        let own = vec![OwnLeaf { key: shown.clone(), who: [who; 32], until, end_point }];
        let keys = TicketKeys::with_clock(from_host(roots).unwrap(), 100, [admission; 32], own, || NOW.get());
        Self { keys, shown }
    }

    /// One root of the host's, or none.
    fn new(root: Option<u8>, admission: u8) -> Self {
        let secret = [root.unwrap_or_default(); 32];
        let given = [TicketRoot { secret: &secret, seal_from: 0, open_until: i64::MAX }];
        Self::with(if root.is_some() { &given } else { &[] }, admission, u64::MAX, 1)
    }

    /// A handshake whose client gets the context's chain.
    fn begin(&self) -> Arc<Taps> {
        let taps = Arc::new(Taps::default());
        taps.seen().server_chain = Some(self.shown.clone());
        taps
    }

    fn seal(&self, state: &[u8]) -> Option<Vec<u8>> {
        let _entered = self.begin().enter();
        self.keys.encrypt(state)
    }

    fn learn(&self, ticket: &[u8]) -> Option<Learned> {
        let taps = self.begin();
        let _entered = taps.enter();
        let state = self.keys.decrypt(ticket)?;
        Some(Learned { state, taps: taps.clone() })
    }

    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.learn(ticket).map(|learned| learned.state)
    }
}

#[test]
fn a_shared_root_opens_the_tickets_of_others_that_judge_alike() {
    let (one, two) = (Side::new(Some(7), 1), Side::new(Some(7), 1));
    let ticket = one.seal(b"state").unwrap();
    assert_eq!(two.open(&ticket).as_deref(), Some(&b"state"[..]));
    assert_ne!(one.seal(b"state").unwrap(), ticket);
    for other in [Side::new(Some(8), 1), Side::new(Some(7), 2), Side::new(None, 1)] {
        assert_eq!(other.open(&ticket), None);
    }
    // To this client it is somebody else.
    let secret = [7; 32];
    let given = [TicketRoot { secret: &secret, seal_from: 0, open_until: i64::MAX }];
    assert_eq!(Side::of(&given, 1, u64::MAX, 1, 2).open(&ticket), None);
    // Without a chain for the client there is no ticket.
    let _entered = Arc::new(Taps::default()).enter();
    assert_eq!(one.keys.encrypt(b"state"), None);
}

#[test]
fn two_machines_change_over_to_the_next_root_without_a_full_handshake() {
    let (old, next) = ([1; 32], [2; 32]);
    let change = START as i64 + 1000;
    let old = TicketRoot { secret: &old, seal_from: 0, open_until: change + 100 };
    let next = TicketRoot { secret: &next, seal_from: change, open_until: i64::MAX };
    // The second machine was given both roots already, and its clock is ahead by ten seconds.
    let machines = [Side::with(&[old], 1, u64::MAX, 1), Side::with(&[old, next], 1, u64::MAX, 1)];
    let late = Side::with(&[next, old], 1, u64::MAX, 1);
    let seal_at = |side: &Side, now: i64| {
        NOW.set(now as u64);
        side.seal(b"state").unwrap()
    };
    let opens_at = |side: &Side, ticket: &[u8], now: i64| {
        NOW.set(now as u64);
        side.open(ticket).is_some()
    };
    let before = seal_at(&machines[0], change - 1);
    let ahead = seal_at(&machines[1], change + 5);
    assert!(opens_at(&machines[1], &before, change + 9) && opens_at(&late, &before, change + 99));
    assert!(opens_at(&late, &ahead, change - 5));
    // A machine that was forgotten gives no harm but a full handshake.
    assert!(!opens_at(&machines[0], &ahead, change + 5));
    machines[0].keys.replace_roots(from_host(&[old, next]).unwrap());
    assert!(opens_at(&machines[0], &ahead, change + 5));
    assert_eq!(seal_at(&machines[0], change)[..NAME], ahead[..NAME]);
    assert!(!opens_at(&machines[0], &before, change + 100));
}

#[test]
fn tickets_grow_old() {
    for root in [None, Some(7)] {
        NOW.set(START);
        let side = Side::new(root, 1);
        let ticket = side.seal(b"state").unwrap();
        for (time, good) in [(0, true), (100, true), (101, false), (300, false)] {
            NOW.set(START + time);
            assert_eq!(side.open(&ticket).is_some(), good, "{time}");
        }
        assert!(side.seal(b"state").is_some());
    }
    // A clock that is ahead of the other, by a lifetime at most.
    NOW.set(START);
    let ahead = Side::new(Some(7), 1).seal(b"state").unwrap();
    for (behind, good) in [(10, true), (100, true), (101, false)] {
        NOW.set(START - behind);
        assert_eq!(Side::new(Some(7), 1).open(&ahead).is_some(), good, "{behind}");
    }
}

#[test]
fn a_ticket_ends_with_the_certificate_that_was_shown() {
    NOW.set(START);
    let root = [TicketRoot { secret: &[7; 32], seal_from: 0, open_until: i64::MAX }];
    let old = Side::with(&root, 1, START + 50, 1);
    let renewed = Side::with(&root, 1, START + 5000, 2);
    let ticket = old.seal(b"state").unwrap();
    for (time, good) in [(0, true), (50, true), (51, false)] {
        NOW.set(START + time);
        assert_eq!([&old, &renewed].map(|side| side.open(&ticket).is_some()), [good; 2], "{time}");
    }
    // Nor does one begin after it.
    assert_eq!(old.seal(b"state"), None);
    assert!(renewed.seal(b"state").is_some());
}

#[test]
fn a_resumed_session_has_the_end_point_of_the_one_that_it_goes_back_to() {
    NOW.set(START);
    let root = [TicketRoot { secret: &[7; 32], seal_from: 0, open_until: i64::MAX }];
    let (old, renewed) = (Side::with(&root, 1, u64::MAX, 1), Side::with(&root, 1, u64::MAX, 2));
    let mut ticket = old.seal(b"state").unwrap();
    for _ in 0..3 {
        let learned = renewed.learn(&ticket).unwrap();
        let seen = learned.taps.seen();
        let end_point = seen.resumes.as_ref().unwrap().end_point.clone();
        assert_eq!(end_point, EndPoint::new(&[1; 32], true));
        // That certificate is not here any more; where it is, it is known.
        assert!(seen.resumes_shown.is_none());
        assert!(old.learn(&ticket).unwrap().taps.seen().resumes_shown.is_some());
        drop(seen);
        // The ticket that comes next goes back to the same handshake.
        let _entered = learned.taps.enter();
        ticket = renewed.keys.encrypt(b"state").unwrap();
    }
}

#[test]
fn resuming_again_and_again_has_an_end() {
    NOW.set(START);
    let side = Side::new(Some(7), 1);
    let mut ticket = side.seal(b"state").unwrap();
    let mut resumed = 0;
    loop {
        NOW.set(NOW.get() + 50);
        // Each handshake opens the ticket of the one before, and gives a new one.
        let entered = side.begin().enter();
        let Some(_) = side.keys.decrypt(&ticket) else { break };
        ticket = side.keys.encrypt(b"state").unwrap();
        drop(entered);
        resumed += 1;
    }
    assert_eq!(resumed, MAX_RESUMED / 50);
}

#[test]
fn a_ticket_fits_into_a_clienthello() {
    let side = Side::new(None, 1);
    let overhead = side.seal(&[]).unwrap().len();
    let longest = side.seal(&vec![0; MAX_TICKET - overhead]).unwrap();
    assert_eq!((longest.len(), longest.capacity()), (MAX_TICKET, MAX_TICKET));
    assert_eq!(side.seal(&vec![0; MAX_TICKET - overhead + 1]), None);
}

#[test]
fn what_is_no_ticket_opens_to_nothing() {
    NOW.set(START);
    let side = Side::new(None, 1);
    let ticket = side.seal(b"state").unwrap();
    for len in 0..ticket.len() {
        assert_eq!(side.open(&ticket[..len]), None);
        let mut changed = ticket.clone();
        changed[len] ^= 1;
        assert_eq!(side.open(&changed), None);
    }
    assert!(side.open(&ticket).is_some());
}

#[test]
fn the_roots_of_a_context_that_is_not_used_are_erased_when_it_is_asked_to() {
    NOW.set(START);
    let side = Side::new(None, 1);
    assert!(side.seal(b"state").is_some());
    for (time, left) in [(199, 1), (200, 0)] {
        NOW.set(START + time);
        side.keys.forget_expired();
        assert_eq!(side.keys.roots.in_memory(), left, "{time}");
    }
    let given = TicketRoot { secret: &[7; 32], seal_from: 0, open_until: START as i64 + 1000 };
    side.keys.replace_roots(from_host(&[given]).unwrap());
    for (time, left) in [(999, 1), (1000, 0)] {
        NOW.set(START + time);
        side.keys.forget_expired();
        assert_eq!(side.keys.roots.in_memory(), left, "{time}");
    }
}

#[test]
fn debug_output_shows_no_secret() {
    assert!(!format!("{:?}", Side::new(Some(b's'), 1).keys).contains("115"));
}

//! What a server's session tickets are sealed with (RFC 5077, RFC 8446 section 4.6.1).
//!
//! A ticket is `window (8) | salt (32) | AES-256-GCM( issued (8) | began (8) | rustls's state )`, where `began` is when the
//! full handshake was that the session goes back to: resuming again and again has an end. Each has a key of its own, derived
//! by HKDF from the window's root, the salt, and everything that decides who is let in; so no nonce is used twice,
//! whoever shares the root, and contexts that judge differently do not take each other's tickets.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

use super::provider::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use super::provider::hkdf::{HKDF_SHA256, Salt};
use super::provider::rand::{SecureRandom, SystemRandom};
use super::taps;
use crate::limits::{DEFAULT_TICKET_LIFETIME, MAX_RESUMED, MAX_TICKET};
use crate::outcome::Failure;

const WINDOW: usize = 8;
const SALT: usize = 32;
const TIME: usize = 8;
const TAG: usize = 16;
const ROOT: usize = 32;

type Root = Zeroizing<Vec<u8>>;

/// Where the roots come from, as the options say.
#[derive(Clone)]
pub(crate) struct TicketRoot {
    /// The host's, shared with other processes; without one they are made here.
    pub(crate) shared: Option<Root>,
    /// Seconds that a ticket is good for, and after which the keys change.
    pub(crate) lifetime: u32,
}

impl Default for TicketRoot {
    fn default() -> Self {
        Self { shared: None, lifetime: DEFAULT_TICKET_LIFETIME }
    }
}

/// The keys of one context.
pub(crate) struct TicketKeys {
    roots: Roots,
    lifetime: u32,
    /// A digest of everything that decides who is let in.
    policy: [u8; 32],
    clock: fn() -> u64,
}

enum Roots {
    /// Every window's keys derive from one secret, so that whoever has it and a clock can open the tickets.
    Shared(Root),
    /// Each window has a root that is made here and erased two windows later, for good.
    Made(Made),
}

/// Roots, each with its window.
#[derive(Default)]
struct Made(Mutex<Vec<(u64, Arc<Root>)>>);

impl Made {
    /// The only accessor: it drops the roots of past windows first.
    fn current(&self, now: u64) -> MutexGuard<'_, Vec<(u64, Arc<Root>)>> {
        let mut made = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        made.retain(|(at, _)| at.abs_diff(now) <= 1);
        made
    }
}

impl TicketKeys {
    pub(crate) fn new(root: TicketRoot, policy: [u8; 32]) -> Arc<Self> {
        Self::with_clock(root, policy, seconds)
    }

    fn with_clock(root: TicketRoot, policy: [u8; 32], clock: fn() -> u64) -> Arc<Self> {
        let roots = root.shared.map_or_else(|| Roots::Made(Made::default()), Roots::Shared);
        Arc::new(Self { roots, lifetime: root.lifetime, policy, clock })
    }

    fn window(&self, time: u64) -> u64 {
        time / u64::from(self.lifetime)
    }

    /// Erases expired roots.
    pub(crate) fn forget_expired(&self) {
        if let Roots::Made(made) = &self.roots {
            drop(made.current(self.window((self.clock)())));
        }
    }

    /// The root of a window; `None` where it was forgotten or never made.
    fn root(&self, window: u64, now: u64) -> Option<Arc<Root>> {
        match &self.roots {
            Roots::Shared(root) => Some(Arc::new(root.clone())),
            Roots::Made(made) => {
                let mut made = made.current(now);
                if window == now && !made.iter().any(|(at, _)| *at == now) {
                    made.push((now, Arc::new(random_root()?)));
                }
                made.iter().find(|(at, _)| *at == window).map(|(_, root)| root.clone())
            }
        }
    }

    fn key(&self, window: u64, now: u64, salt: &[u8]) -> Option<LessSafeKey> {
        let root = self.root(window, now)?;
        let secret = Salt::new(HKDF_SHA256, salt).extract(&root);
        let info: [&[u8]; 3] = [b"spantls session ticket 2", &self.policy, &window.to_be_bytes()];
        let key = secret.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }

    fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let len = WINDOW + SALT + 2 * TIME + plain.len() + TAG;
        // A client with a chain of this length has none.
        if len > MAX_TICKET {
            return None;
        }
        let time = (self.clock)();
        let window = self.window(time);
        let mut ticket = Vec::with_capacity(len);
        ticket.extend_from_slice(&window.to_be_bytes());
        ticket.extend_from_slice(&[0; SALT]);
        SystemRandom::new().fill(&mut ticket[WINDOW..]).ok()?;
        let key = self.key(window, window, &ticket[WINDOW..])?;
        // A session that was resumed goes on being as old as it was.
        let began = taps::current().and_then(|taps| taps.seen().began).unwrap_or(time);
        ticket.extend_from_slice(&time.to_be_bytes());
        ticket.extend_from_slice(&began.to_be_bytes());
        ticket.extend_from_slice(plain);
        let (front, sealed) = ticket.split_at_mut(WINDOW + SALT);
        // The key is used once.
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*front), sealed).ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    /// `None` for everything that is not a ticket of ours, or no longer good.
    fn open(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (front, sealed) = ticket.split_at_checked(WINDOW + SALT)?;
        let (window, salt) = front.split_at(WINDOW);
        let window = u64::from_be_bytes(window.try_into().ok()?);
        let time = (self.clock)();
        let now = self.window(time);
        // The neighbours too: the clocks of those who share a root differ, and a window ends while a ticket is good.
        if window.abs_diff(now) > 1 {
            return None;
        }
        let key = self.key(window, now, salt)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let opened = key.open_in_place(nonce, Aad::from(front), &mut plain).ok()?;
        let (issued, opened) = opened.split_at_checked(TIME)?;
        let (began, state) = opened.split_at_checked(TIME)?;
        let issued = u64::from_be_bytes(issued.try_into().ok()?);
        let began = u64::from_be_bytes(began.try_into().ok()?);
        if time.saturating_sub(issued) > u64::from(self.lifetime) || time.saturating_sub(began) > MAX_RESUMED {
            return None;
        }
        if let Some(taps) = taps::current() {
            taps.seen().began = Some(began);
        }
        Some(state.to_vec())
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(cipher)
    }
}

impl std::fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKeys").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl TicketRoot {
    /// A root of the host's.
    pub(crate) fn from_host(root: &[u8], lifetime: u32) -> Result<Self, Failure> {
        use crate::limits::MAX_TICKET_LIFETIME;
        if !root.is_empty() && root.len() < ROOT {
            return Err(Failure::argument("the root of ticket keys needs 32 bytes or more"));
        }
        if lifetime > MAX_TICKET_LIFETIME {
            return Err(Failure::argument("tickets live for seven days at most"));
        }
        Ok(Self {
            shared: (!root.is_empty()).then(|| Zeroizing::new(root.to_vec())),
            lifetime: if lifetime == 0 { DEFAULT_TICKET_LIFETIME } else { lifetime },
        })
    }
}

fn random_root() -> Option<Root> {
    let mut root = Zeroizing::new(vec![0; ROOT]);
    SystemRandom::new().fill(&mut root).ok()?;
    Some(root)
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "tickets grow old by the clock that other machines share")]
pub(crate) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(1_000_000) };
    }

    fn keys(root: Option<&[u8]>, policy: u8) -> Arc<TicketKeys> {
        let root = TicketRoot { shared: root.map(|root| Zeroizing::new(root.to_vec())), lifetime: 100 };
        TicketKeys::with_clock(root, [policy; 32], || NOW.get())
    }

    #[test]
    fn a_shared_root_opens_the_tickets_of_others_that_judge_alike() {
        let (one, two) = (keys(Some(&[7; 32]), 1), keys(Some(&[7; 32]), 1));
        let ticket = one.encrypt(b"state").unwrap();
        assert_eq!(two.decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        assert_ne!(one.encrypt(b"state").unwrap(), ticket);
        for other in [keys(Some(&[8; 32]), 1), keys(Some(&[7; 32]), 2), keys(None, 1)] {
            assert_eq!(other.decrypt(&ticket), None);
        }
    }

    #[test]
    fn tickets_grow_old_and_windows_pass() {
        for root in [None, Some(&[7; 32][..])] {
            NOW.set(1_000_050);
            let keys = keys(root, 1);
            let ticket = keys.encrypt(b"state").unwrap();
            for (time, good) in [(1_000_050, true), (1_000_150, true), (1_000_151, false), (1_000_300, false)] {
                NOW.set(time);
                assert_eq!(keys.decrypt(&ticket).is_some(), good, "{time}");
            }
            // What was made here is forgotten, what is shared can be derived again; either way it is too old.
            NOW.set(1_000_400);
            assert!(keys.encrypt(b"state").is_some());
            assert_eq!(keys.decrypt(&ticket), None);
        }
        // A clock that is behind.
        NOW.set(1_000_100);
        let ahead = keys(Some(&[7; 32]), 1).encrypt(b"state").unwrap();
        NOW.set(1_000_090);
        assert!(keys(Some(&[7; 32]), 1).decrypt(&ahead).is_some());
        NOW.set(999_990);
        assert!(keys(Some(&[7; 32]), 1).decrypt(&ahead).is_none());
    }

    /// Looked at without the accessor that forgets.
    fn roots_in_memory(keys: &TicketKeys) -> usize {
        let Roots::Made(Made(made)) = &keys.roots else { panic!("a root of the host's") };
        made.lock().unwrap().len()
    }

    #[test]
    fn a_root_made_here_is_gone_from_memory_at_the_next_use_of_the_context_whatever_the_use() {
        NOW.set(1_000_050);
        let keys = keys(None, 1);
        assert!(keys.encrypt(b"state").is_some());
        for (time, left) in [(1_000_199, 1), (1_000_200, 0), (1_000_800, 0)] {
            NOW.set(time);
            keys.forget_expired();
            assert_eq!(roots_in_memory(&keys), left, "{time}");
        }
        // Where the clock goes back as well.
        assert!(keys.encrypt(b"state").is_some());
        NOW.set(1_000_000);
        keys.forget_expired();
        assert_eq!(roots_in_memory(&keys), 0);
    }

    #[test]
    fn resuming_again_and_again_has_an_end() {
        use crate::crypto::taps::Taps;
        NOW.set(1_000_050);
        let keys = keys(Some(&[7; 32]), 1);
        let mut ticket = keys.encrypt(b"state").unwrap();
        let mut resumed = 0;
        loop {
            NOW.set(NOW.get() + 50);
            // Each handshake opens the ticket of the one before, and gives a new one.
            let entered = Arc::new(Taps::default()).enter();
            let Some(_) = keys.decrypt(&ticket) else { break };
            ticket = keys.encrypt(b"state").unwrap();
            drop(entered);
            resumed += 1;
        }
        assert_eq!(resumed, MAX_RESUMED / 50);
    }

    #[test]
    fn a_ticket_fits_into_a_clienthello() {
        let keys = keys(None, 1);
        let overhead = keys.encrypt(&[]).unwrap().len();
        let longest = keys.encrypt(&vec![0; MAX_TICKET - overhead]).unwrap();
        assert_eq!((longest.len(), longest.capacity()), (MAX_TICKET, MAX_TICKET));
        assert_eq!(keys.encrypt(&vec![0; MAX_TICKET - overhead + 1]), None);
    }

    #[test]
    fn what_is_no_ticket_opens_to_nothing() {
        NOW.set(1_000_050);
        let keys = keys(None, 1);
        let ticket = keys.encrypt(b"state").unwrap();
        for len in 0..ticket.len() {
            assert_eq!(keys.decrypt(&ticket[..len]), None);
            let mut changed = ticket.clone();
            changed[len] ^= 1;
            assert_eq!(keys.decrypt(&changed), None);
        }
        assert!(keys.decrypt(&ticket).is_some());
    }

    #[test]
    fn a_root_is_checked() {
        assert!(TicketRoot::from_host(&[0; 31], 60).is_err());
        assert!(TicketRoot::from_host(&[0; 32], 604_801).is_err());
        assert_eq!(TicketRoot::from_host(&[], 0).unwrap().lifetime, DEFAULT_TICKET_LIFETIME);
        assert!(!format!("{:?}", keys(Some(b"secret secret secret secret sec."), 1)).contains("secret"));
    }
}

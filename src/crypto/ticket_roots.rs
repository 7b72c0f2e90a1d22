//! The secrets that the keys of a server's session tickets derive from: which one seals now, which ones open, and when
//! each is erased.
//!
//! A host gives roots to all machines of a service ahead of time. The root that seals is the one whose time to seal came
//! last. A root opens from the moment it is given, so a machine whose clock is ahead may seal with it already. Without roots
//! of the host a context makes its own, one for each lifetime of a ticket.

use std::sync::{Arc, Mutex, MutexGuard};

use zeroize::Zeroizing;

use super::provider::hkdf::{HKDF_SHA256, KeyType, Salt};
use super::provider::rand::{SecureRandom, SystemRandom};
use crate::limits::{MAX_TICKET_ROOTS, MAX_TICKET_SECRET, MIN_TICKET_SECRET};
use crate::outcome::{Failure, Result};
use crate::wiping::stack::{HANDSHAKE, wiping};

/// Bytes of a root's name, which stands at the front of each ticket.
pub(super) const NAME: usize = 8;

pub(crate) type RootName = [u8; NAME];

/// A root as the host gives it. Times are in seconds since 1970.
#[derive(Clone, Copy)]
pub struct TicketRoot<'a> {
    /// What the keys derive from.
    pub secret: &'a [u8],
    /// It seals from this moment on.
    pub seal_from: i64,
    /// It opens until this moment, and is erased then.
    pub open_until: i64,
}

/// A root in memory, wiped with its last user.
pub(crate) struct Root {
    pub(crate) name: RootName,
    pub(super) secret: Zeroizing<Vec<u8>>,
    seal_from: u64,
    /// The first moment at which it does not open any more.
    open_until: u64,
}

impl Root {
    /// The name is derived from the secret: an owner of the secret finds its tickets, and the name reveals nothing of it.
    fn new(secret: Zeroizing<Vec<u8>>, seal_from: u64, open_until: u64) -> Option<Arc<Self>> {
        struct NameLen;
        impl KeyType for NameLen {
            fn len(&self) -> usize {
                NAME
            }
        }
        let mut name = [0; NAME];
        let info: [&[u8]; 1] = [b"spantls ticket root name"];
        Salt::new(HKDF_SHA256, &[]).extract(&secret).expand(&info, NameLen).ok()?.fill(&mut name).ok()?;
        Some(Arc::new(Self { name, secret, seal_from, open_until }))
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Root").finish_non_exhaustive()
    }
}

/// The host's roots, checked, all or nothing. None means that the context makes its own.
pub(crate) fn from_host(given: &[TicketRoot<'_>]) -> Result<Vec<Arc<Root>>> {
    if given.len() > MAX_TICKET_ROOTS {
        return Err(Failure::argument(format!("a context has {MAX_TICKET_ROOTS} ticket roots at most")));
    }
    let mut roots: Vec<Arc<Root>> = Vec::with_capacity(given.len());
    for root in given {
        let made = wiping::<HANDSHAKE, _>(|| checked(root))?;
        if roots.iter().any(|other| other.name == made.name) {
            return Err(Failure::argument("a ticket root is listed twice"));
        }
        // Machines that list them in another order would seal with another one.
        if roots.iter().any(|other| other.seal_from == made.seal_from) {
            return Err(Failure::argument("two ticket roots seal from the same moment"));
        }
        roots.push(made);
    }
    Ok(roots)
}

fn checked(root: &TicketRoot<'_>) -> Result<Arc<Root>> {
    if !(MIN_TICKET_SECRET..=MAX_TICKET_SECRET).contains(&root.secret.len()) {
        let reason = format!("the secret of a ticket root has {MIN_TICKET_SECRET} to {MAX_TICKET_SECRET} bytes");
        return Err(Failure::argument(reason));
    }
    let seal_from = u64::try_from(root.seal_from)
        .map_err(|_| Failure::argument("a ticket root seals from a moment before 1970"))?;
    let open_until = u64::try_from(root.open_until)
        .ok()
        .filter(|open_until| *open_until > seal_from)
        .ok_or_else(|| Failure::argument("a ticket root must open until a moment after the one from which it seals"))?;
    Root::new(Zeroizing::new(root.secret.to_vec()), seal_from, open_until)
        .ok_or_else(|| Failure::internal("a ticket root could not be used"))
}

/// The roots of one context. They can be replaced while handshakes run: each use takes one root out of one whole set.
pub(super) struct TicketRoots {
    set: Mutex<Set>,
    /// Seconds that a ticket is good for. A root that is made here seals for as long.
    lifetime: u64,
}

struct Set {
    /// These are made here.
    made: bool,
    roots: Vec<Arc<Root>>,
}

impl Set {
    fn of(roots: Vec<Arc<Root>>) -> Self {
        Self { made: roots.is_empty(), roots }
    }

    /// Whether this root seals `now`, if no other one does since.
    fn seals(&self, root: &Root, now: u64, lifetime: u64) -> bool {
        if self.made { root.seal_from.abs_diff(now) < lifetime } else { root.seal_from <= now }
    }
}

impl TicketRoots {
    pub(super) fn new(roots: Vec<Arc<Root>>, lifetime: u64) -> Self {
        Self { set: Mutex::new(Set::of(roots)), lifetime }
    }

    /// From now on these, or none of the host's.
    pub(super) fn replace(&self, roots: Vec<Arc<Root>>) {
        *self.set.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Set::of(roots);
    }

    /// Erases the roots that open nothing any more.
    pub(super) fn forget_expired(&self, now: u64) {
        drop(self.current(now));
    }

    /// The root that seals `now`; `None` if the host's roots begin later or have ended.
    pub(super) fn sealing(&self, now: u64) -> Option<Arc<Root>> {
        let mut set = self.current(now);
        let sealing = set.roots.iter().filter(|root| set.seals(root, now, self.lifetime));
        let newest = sealing.max_by_key(|root| root.seal_from).cloned();
        if newest.is_some() || !set.made {
            return newest;
        }
        let root = Root::new(random()?, now, now.saturating_add(self.lifetime.saturating_mul(2)))?;
        set.roots.push(root.clone());
        Some(root)
    }

    /// The root of this name, if it still opens.
    pub(super) fn opening(&self, name: &[u8], now: u64) -> Option<Arc<Root>> {
        self.current(now).roots.iter().find(|root| root.name == name).cloned()
    }

    /// The only accessor: it drops first what has ended, and of what was made here what a clock that went back would keep
    /// longer than two lifetimes.
    fn current(&self, now: u64) -> MutexGuard<'_, Set> {
        let mut set = self.set.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let made = set.made;
        let latest = now.saturating_add(self.lifetime);
        set.roots.retain(|root| now < root.open_until && (!made || root.seal_from < latest));
        set
    }

    /// Counted without the accessor that forgets.
    #[cfg(test)]
    pub(super) fn in_memory(&self) -> usize {
        self.set.lock().unwrap().roots.len()
    }
}

fn random() -> Option<Zeroizing<Vec<u8>>> {
    let mut secret = Zeroizing::new(vec![0; MIN_TICKET_SECRET]);
    SystemRandom::new().fill(&mut secret).ok()?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::FailureKind;

    const LIFETIME: u64 = 100;

    fn root(byte: u8, seal_from: i64, open_until: i64) -> TicketRoot<'static> {
        let secret = &*vec![byte; 32].leak();
        TicketRoot { secret, seal_from, open_until }
    }

    fn store(given: &[TicketRoot<'_>]) -> TicketRoots {
        TicketRoots::new(from_host(given).unwrap(), LIFETIME)
    }

    /// The first byte of the root that seals.
    fn sealing(roots: &TicketRoots, now: u64) -> Option<u8> {
        roots.sealing(now).map(|root| root.secret[0])
    }

    #[test]
    fn the_root_whose_time_came_last_seals_and_all_open_until_their_end() {
        let given = [root(2, 2000, 4000), root(1, 1000, 2100), root(3, 3000, 5000)];
        let names: Vec<RootName> = from_host(&given).unwrap().iter().map(|root| root.name).collect();
        for (now, seals, open) in [
            (0, None, [true, true, true]),
            (999, None, [true, true, true]),
            (1000, Some(1), [true, true, true]),
            (1999, Some(1), [true, true, true]),
            (2000, Some(2), [true, true, true]),
            (2099, Some(2), [true, true, true]),
            (2100, Some(2), [true, false, true]),
            (3000, Some(3), [true, false, true]),
            (4000, Some(3), [false, false, true]),
            (5000, None, [false, false, false]),
        ] {
            let roots = store(&given);
            assert_eq!(sealing(&roots, now), seals, "{now}");
            let opens: Vec<bool> = names.iter().map(|name| roots.opening(name, now).is_some()).collect();
            assert_eq!(opens, open, "{now}");
        }
    }

    #[test]
    fn a_root_of_the_hosts_is_gone_from_memory_when_it_opens_no_more() {
        let roots = store(&[root(1, 0, 1000), root(2, 900, 2000)]);
        for (now, left) in [(0, 2), (999, 2), (1000, 1), (1999, 1), (2000, 0)] {
            roots.forget_expired(now);
            assert_eq!(roots.in_memory(), left, "{now}");
        }
        // The host wanted these roots: none of the context's own takes their place.
        assert_eq!(sealing(&roots, 2000), None);
        assert_eq!(roots.in_memory(), 0);
    }

    #[test]
    fn a_root_made_here_seals_for_a_lifetime_and_is_gone_from_memory_after_two() {
        let roots = store(&[]);
        let first = roots.sealing(1000).unwrap();
        for (now, left) in [(1099, 1), (1100, 2), (1199, 2), (1200, 1), (1299, 1), (1300, 0)] {
            if now == 1100 {
                assert_ne!(roots.sealing(now).unwrap().name, first.name);
            }
            roots.forget_expired(now);
            assert_eq!(roots.in_memory(), left, "{now}");
            assert_eq!(roots.opening(&first.name, now).is_some(), now < 1200, "{now}");
        }
        // A clock that goes back a little changes nothing; one that goes back far keeps nothing longer.
        let root = roots.sealing(2000).unwrap();
        assert_eq!(roots.sealing(1950).unwrap().name, root.name);
        roots.forget_expired(1900);
        assert_eq!(roots.in_memory(), 0);
    }

    #[test]
    fn roots_are_replaced_at_once_and_as_a_whole() {
        let roots = store(&[root(1, 0, 1000)]);
        let first = roots.sealing(10).unwrap();
        roots.replace(from_host(&[root(2, 0, 1000), root(3, 500, 1000)]).unwrap());
        assert!(roots.opening(&first.name, 10).is_none());
        assert_eq!((sealing(&roots, 10), sealing(&roots, 500)), (Some(2), Some(3)));
        // Back to the context's own, and to the host's again.
        roots.replace(Vec::new());
        let made = roots.sealing(10).unwrap();
        assert_eq!(roots.in_memory(), 1);
        roots.replace(from_host(&[root(1, 0, 1000)]).unwrap());
        assert!(roots.opening(&made.name, 10).is_none());
        assert_eq!(roots.sealing(10).unwrap().name, first.name);
    }

    #[test]
    fn threads_see_one_whole_set_while_another_replaces_it() {
        // The roots of a set end together: one of another set beside them would be seen.
        let sets = [[root(1, 0, 1000), root(2, 500, 1000)], [root(3, 0, 1000), root(4, 500, 1000)]];
        let roots = store(&sets[0]);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..2000).for_each(|round| roots.replace(from_host(&sets[round % 2]).unwrap())));
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let set = roots.current(600);
                        let bytes: Vec<u8> = set.roots.iter().map(|root| root.secret[0]).collect();
                        assert!(bytes == [1, 2] || bytes == [3, 4], "{bytes:?}");
                    }
                });
            }
        });
    }

    #[test]
    fn wrong_roots_are_refused_and_no_text_shows_a_secret() {
        let short = TicketRoot { secret: &[7; 31], ..root(0, 0, 1) };
        let long = TicketRoot { secret: &[7; MAX_TICKET_SECRET + 1], ..root(0, 0, 1) };
        let many: Vec<_> = (0..=MAX_TICKET_ROOTS).map(|n| root(n as u8, n as i64, 1000)).collect();
        for wrong in [
            &[short][..],
            &[long],
            &[root(1, -1, 1000)],
            &[root(1, i64::MIN, 1000)],
            &[root(1, 0, 0)],
            &[root(1, 1000, 1000)],
            &[root(1, 0, -1)],
            &[root(1, 0, 1000), root(1, 500, 2000)],
            &[root(1, 0, 1000), root(2, 0, 2000)],
            &many,
        ] {
            assert_eq!(from_host(wrong).unwrap_err().kind, FailureKind::InvalidArgument);
        }
        assert_eq!(from_host(&many[1..]).unwrap().len(), MAX_TICKET_ROOTS);
        // One that has ended is no mistake: it is dropped.
        assert_eq!(sealing(&store(&[root(1, 0, 1)]), 1), None);
        let debug = format!("{:?}", from_host(&[root(b'x', 0, i64::MAX)]).unwrap());
        assert!(!debug.contains("120, 120") && !debug.contains("xx"), "{debug}");
    }
}

//! A client's tickets and sessions (RFC 8446 section 4.6.1, RFC 5077), one store for each context.
//!
//! They are kept apart by the server's name and by whom the session is for: a resumed session has the client identity of
//! the one before it, so a ticket must never reach a session that would have shown another certificate, or none, or
//! would have asked. A context has one validation policy, so that need not be part of the key.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::NamedGroup;
use rustls::client::{ClientConnectionData, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::SupportedKxGroup;
use rustls::kernel::KernelConnection;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;

use super::groups;
use crate::crypto::own_key::Identity;
use crate::crypto::taps::{self, Taps};
use crate::crypto::ticket_keys::seconds;
use crate::limits::{MAX_RESUMED, MAX_TICKET, MAX_TICKET_SERVERS, MAX_TICKETS_KEPT};
use crate::outcome::{Alert, Failure, Result};
use crate::wiping::stack::{HANDSHAKE, wiping};
use crate::wire::Reader;

type Key = (ServerName<'static>, Identity);

/// See above.
pub(crate) struct ClientTickets {
    store: Mutex<TicketStore>,
    /// X25519's share goes along with that of X25519MLKEM768.
    offers_both: bool,
}

#[derive(Default)]
struct TicketStore {
    servers: HashMap<Key, Server>,
    /// No ticket in the store expires earlier.
    expires: u64,
    /// In the order of their first ticket: the oldest goes when there are too many.
    order: VecDeque<Key>,
    groups: HashMap<ServerName<'static>, NamedGroup>,
}

#[derive(Default)]
struct Server {
    tls12: Option<Stored<Tls12ClientSessionValue>>,
    tls13: VecDeque<Stored<Tls13ClientSessionValue>>,
}

/// With what the session was that the ticket came from.
#[derive(Clone)]
struct Stored<T> {
    value: T,
    shown: Option<Arc<CertifiedKey>>,
    extended_master_secret: bool,
    /// When its full handshake was, in seconds since 1970.
    began: u64,
    /// The last second in which the certificate is valid that the server has shown then.
    certificate_until: Option<u64>,
    /// The last second in which it is usable.
    expires: u64,
}

impl Server {
    /// Drops expired tickets. Returns when the next one expires, if any is left.
    fn forget_expired(&mut self, now: u64) -> Option<u64> {
        self.tls12.take_if(|stored| stored.expires < now);
        self.tls13.retain(|stored| stored.expires >= now);
        let tls12 = self.tls12.iter().map(|stored| stored.expires);
        tls12.chain(self.tls13.iter().map(|stored| stored.expires)).min()
    }
}

impl ClientTickets {
    /// For a client with these groups.
    pub(crate) fn new(groups: &[&'static dyn SupportedKxGroup]) -> Self {
        Self { store: Mutex::default(), offers_both: groups::offers_both(groups) }
    }

    /// Erases expired tickets and the secrets of their sessions.
    pub(crate) fn forget_expired(&self) {
        drop(self.store());
    }

    /// Forgets what there is for this session's server: its certificate was refused.
    pub(super) fn forget(&self, name: &ServerName<'static>, taps: &Taps) {
        let identity = taps.seen().identity();
        let mut store = self.store();
        if let Some(identity) = identity {
            let key = (name.to_owned(), identity);
            store.servers.remove(&key);
            store.order.retain(|other| *other != key);
        }
    }

    /// As if every full handshake had been this much earlier.
    #[cfg(test)]
    pub(crate) fn age(&self, seconds: u64) {
        fn older<T>(stored: &mut Stored<T>, seconds: u64) {
            stored.began -= seconds;
            stored.expires -= seconds;
        }
        let mut store = self.store();
        for server in store.servers.values_mut() {
            server.tls12.iter_mut().for_each(|stored| older(stored, seconds));
            server.tls13.iter_mut().for_each(|stored| older(stored, seconds));
        }
        store.expires = 0;
    }

    /// Servers and tickets in memory, looked at without forgetting any.
    #[cfg(test)]
    pub(crate) fn in_memory(&self) -> (usize, usize) {
        let store = self.store.lock().unwrap();
        let tickets = |server: &Server| usize::from(server.tls12.is_some()) + server.tls13.len();
        assert_eq!(store.servers.len(), store.order.len());
        (store.servers.len(), store.servers.values().map(tickets).sum())
    }

    /// The only accessor: it drops what has expired first.
    fn store(&self) -> MutexGuard<'_, TicketStore> {
        let mut store = self.store.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        store.forget_expired(seconds());
        store
    }
}

impl TicketStore {
    fn forget_expired(&mut self, now: u64) {
        if now <= self.expires {
            return;
        }
        let mut expires = u64::MAX;
        self.servers.retain(|_, server| {
            let next = server.forget_expired(now);
            expires = expires.min(next.unwrap_or(u64::MAX));
            next.is_some()
        });
        self.order.retain(|key| self.servers.contains_key(key));
        self.expires = expires;
    }

    /// What there is of this server, with something to be added that is of use until `expires`.
    fn server(&mut self, key: Key, expires: u64) -> &mut Server {
        self.expires = self.expires.min(expires);
        if !self.servers.contains_key(&key) {
            if self.order.len() >= MAX_TICKET_SERVERS
                && let Some(oldest) = self.order.pop_front()
            {
                self.servers.remove(&oldest);
            }
            self.order.push_back(key.clone());
        }
        self.servers.entry(key).or_default()
    }
}

/// What the session at work adds to a ticket; `None` if it keeps none.
fn stored<T>(value: T) -> Option<(Identity, Stored<T>)> {
    let (taps, now) = (taps::current()?, seconds());
    let seen = taps.seen();
    let identity = seen.identity().filter(|_| !seen.too_long_for_tickets)?;
    // A resumed session goes back to what the first one has shown.
    let shown = seen.shown.clone().or_else(|| seen.resumes_shown.clone());
    let began = seen.began.unwrap_or(now);
    // RFC 5077 section 3.3: zero leaves it to the client. TLS 1.3 has no tickets of zero here.
    let lifetime = seen.ticket_lifetime.filter(|lifetime| *lifetime > 0).map_or(MAX_RESUMED, u64::from);
    let expires = now.saturating_add(lifetime).min(began.saturating_add(MAX_RESUMED));
    // The session goes back to that certificate: once it has expired, the server has to show a new one.
    let certificate_until = seen.certificate_until;
    let expires = certificate_until.map_or(expires, |until| expires.min(until));
    let extended_master_secret = seen.extended_master_secret;
    Some((identity, Stored { value, shown, extended_master_secret, began, certificate_until, expires }))
}

/// Tells the session at work which session it resumes.
fn resumes<T>(stored: Stored<T>) -> T {
    if let Some(taps) = taps::current() {
        let mut seen = taps.seen();
        seen.resumes_shown = stored.shown;
        seen.began = Some(stored.began);
        seen.certificate_until = stored.certificate_until;
        seen.extended_master_secret = stored.extended_master_secret;
    }
    stored.value
}

fn key(name: &ServerName<'_>) -> Option<Key> {
    let identity = taps::current()?.seen().identity()?;
    Some((name.to_owned(), identity))
}

impl ClientSessionStore for ClientTickets {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        if key(&name).is_none() {
            return;
        }
        let mut store = self.store();
        // A server that has chosen X25519 needed no hint, and would never see X25519MLKEM768 again.
        if self.offers_both && group == NamedGroup::X25519 {
            store.groups.remove(&name);
            return;
        }
        if store.groups.len() >= MAX_TICKET_SERVERS {
            store.groups.clear();
        }
        store.groups.insert(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        key(name)?;
        self.store().groups.get(&name.to_owned()).copied()
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        if let Some((identity, stored)) = stored(value) {
            let expires = stored.expires;
            self.store().server((name, identity), expires).tls12 = Some(stored);
        }
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        Some(resumes(self.store().servers.get(&key(name)?)?.tls12.clone()?))
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        let Some(key) = key(name) else { return };
        if let Some(server) = self.store().servers.get_mut(&key) {
            server.tls12 = None;
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        let Some((identity, stored)) = stored(value) else { return };
        let mut store = self.store();
        let tickets = &mut store.server((name, identity), stored.expires).tls13;
        if tickets.len() >= MAX_TICKETS_KEPT {
            tickets.pop_front();
        }
        tickets.push_back(stored);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        // RFC 8446 appendix C.4: a ticket is used once. The newest lives longest.
        Some(resumes(self.store().servers.get_mut(&key(name)?)?.tls13.pop_back()?))
    }
}

impl std::fmt::Debug for ClientTickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTickets").finish_non_exhaustive()
    }
}

/// Takes the tickets that come once a TLS 1.3 session is open.
pub(crate) struct TicketTaker {
    connection: KernelConnection<ClientConnectionData>,
    identity: Identity,
    shown: Option<Arc<CertifiedKey>>,
    began: u64,
    certificate_until: Option<u64>,
}

impl TicketTaker {
    pub(super) fn new(
        connection: KernelConnection<ClientConnectionData>,
        identity: Identity,
        shown: Option<Arc<CertifiedKey>>,
        began: Option<u64>,
        certificate_until: Option<u64>,
    ) -> Box<Self> {
        Box::new(Self { connection, identity, shown, began: began.unwrap_or_else(seconds), certificate_until })
    }

    /// `message`: a NewSessionTicket without its header. False if it is not kept.
    pub(crate) fn take(&mut self, message: &[u8]) -> Result<bool> {
        // RFC 8446 section 4.6.1: a ticket_lifetime of zero is not to be kept. rustls takes it for one without an end.
        let lifetime = Reader::new(message).u32();
        if lifetime == Some(0) || message.len() > MAX_TICKET {
            return Ok(false);
        }
        // The store asks whom the ticket is for.
        let taps = Arc::new(Taps::default());
        taps.seen().resumes_as = Some(self.identity);
        taps.seen().shown = self.shown.clone();
        taps.seen().began = Some(self.began);
        taps.seen().certificate_until = self.certificate_until;
        taps.seen().ticket_lifetime = lifetime;
        let entered = taps.enter();
        let result = wiping::<HANDSHAKE, _>(|| self.connection.handle_new_session_ticket(message));
        drop(entered);
        result.map(|()| true).map_err(|error| match error {
            rustls::Error::InvalidMessage(_) => Failure::protocol(Alert::DECODE_ERROR, "a malformed session ticket"),
            _ => Failure::internal("a session ticket could not be kept"),
        })
    }
}

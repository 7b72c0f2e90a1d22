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
use crate::crypto::taps::{self, Identity, Taps};
use crate::crypto::ticket_keys::seconds;
use crate::limits::{MAX_RESUMED, MAX_TICKET, MAX_TICKET_SERVERS, MAX_TICKETS_KEPT};
use crate::outcome::{Alert, Failure};

type Key = (ServerName<'static>, Identity);

/// See above.
#[derive(Default)]
pub(crate) struct ClientTickets {
    kept: Mutex<Kept>,
    /// X25519's share goes along with that of X25519MLKEM768.
    offers_both: bool,
}

#[derive(Default)]
struct Kept {
    servers: HashMap<Key, Server>,
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
}

impl<T> Stored<T> {
    fn is_good(&self) -> bool {
        seconds().saturating_sub(self.began) <= MAX_RESUMED
    }
}

impl ClientTickets {
    /// For a client with these groups.
    pub(crate) fn new(groups: &[&'static dyn SupportedKxGroup]) -> Self {
        Self { offers_both: groups::offers_both(groups), ..Self::default() }
    }

    /// Forgets what there is for this session's server: its certificate was refused.
    pub(super) fn forget(&self, name: &ServerName<'static>, taps: &Taps) {
        let identity = taps.seen().identity();
        let mut kept = self.kept();
        if let Some(identity) = identity {
            let key = (name.to_owned(), identity);
            kept.servers.remove(&key);
            kept.order.retain(|other| *other != key);
        }
    }

    /// As if every full handshake had been this much earlier.
    #[cfg(test)]
    pub(crate) fn age(&self, seconds: u64) {
        for server in self.kept().servers.values_mut() {
            server.tls12.iter_mut().for_each(|stored| stored.began -= seconds);
            server.tls13.iter_mut().for_each(|stored| stored.began -= seconds);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Kept {
    fn server(&mut self, key: Key) -> &mut Server {
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
    let taps = taps::current()?;
    let seen = taps.seen();
    let identity = seen.identity().filter(|_| !seen.too_long_for_tickets)?;
    // A resumed session goes back to what the first one has shown.
    let shown = seen.shown.clone().or_else(|| seen.resumes_shown.clone());
    let began = seen.began.unwrap_or_else(seconds);
    Some((identity, Stored { value, shown, extended_master_secret: seen.extended_master_secret, began }))
}

/// Tells the session at work where it goes on from.
fn resumes<T>(stored: Stored<T>) -> T {
    if let Some(taps) = taps::current() {
        let mut seen = taps.seen();
        seen.resumes_shown = stored.shown;
        seen.began = Some(stored.began);
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
        let mut kept = self.kept();
        // A server that has chosen X25519 needed no hint, and would never see X25519MLKEM768 again.
        if self.offers_both && group == NamedGroup::X25519 {
            kept.groups.remove(&name);
            return;
        }
        if kept.groups.len() >= MAX_TICKET_SERVERS {
            kept.groups.clear();
        }
        kept.groups.insert(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        key(name)?;
        self.kept().groups.get(&name.to_owned()).copied()
    }

    fn set_tls12_session(&self, name: ServerName<'static>, value: Tls12ClientSessionValue) {
        if let Some((identity, stored)) = stored(value) {
            self.kept().server((name, identity)).tls12 = Some(stored);
        }
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let stored = self.kept().servers.get(&key(name)?)?.tls12.clone()?;
        stored.is_good().then(|| resumes(stored))
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        let Some(key) = key(name) else { return };
        if let Some(server) = self.kept().servers.get_mut(&key) {
            server.tls12 = None;
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, value: Tls13ClientSessionValue) {
        let Some((identity, stored)) = stored(value) else { return };
        let mut kept = self.kept();
        let tickets = &mut kept.server((name, identity)).tls13;
        if tickets.len() >= MAX_TICKETS_KEPT {
            tickets.pop_front();
        }
        tickets.push_back(stored);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        // RFC 8446 appendix C.4: a ticket is used once. The newest lives longest.
        let stored = self.kept().servers.get_mut(&key(name)?)?.tls13.pop_back()?;
        stored.is_good().then(|| resumes(stored))
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
}

impl TicketTaker {
    pub(super) fn new(
        connection: KernelConnection<ClientConnectionData>,
        identity: Identity,
        shown: Option<Arc<CertifiedKey>>,
        began: Option<u64>,
    ) -> Box<Self> {
        Box::new(Self { connection, identity, shown, began: began.unwrap_or_else(seconds) })
    }

    /// `message`: a NewSessionTicket without its header. False if it is not kept.
    pub(crate) fn take(&mut self, message: &[u8]) -> Result<bool, Failure> {
        // RFC 8446 section 4.6.1: a ticket_lifetime of zero is not to be kept. rustls takes it for one without an end.
        if message.starts_with(&[0; 4]) || message.len() > MAX_TICKET {
            return Ok(false);
        }
        // The store asks whom the ticket is for.
        let taps = Arc::new(Taps::default());
        taps.seen().resumes_as = Some(self.identity);
        taps.seen().shown = self.shown.clone();
        taps.seen().began = Some(self.began);
        let entered = taps.enter();
        let result = self.connection.handle_new_session_ticket(message);
        drop(entered);
        result.map(|()| true).map_err(|error| match error {
            rustls::Error::InvalidMessage(_) => Failure::protocol(Alert::DECODE_ERROR, "a malformed session ticket"),
            _ => Failure::internal("a session ticket could not be kept"),
        })
    }
}

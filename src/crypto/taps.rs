//! What rustls does not hand out, seen through objects that it calls: traffic secrets (through its `KeyLog`), the keys
//! that protect handshake records (through the suites' AEADs), the alerts it wants to send.
//!
//! One `Taps` belongs to one handshake. The objects that rustls calls are shared by all sessions of a context; they
//! find the handshake they are working for through a thread-local that is set while its rustls connection is driven.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::SignatureScheme;
use rustls::crypto::hash;
use rustls::sign::CertifiedKey;

use super::exporter::RANDOMS;
use super::handshake_sealer::HandshakeSealer;
use super::own_key::{Identity, OwnKey};
use super::secrets::Secret;
use super::ticket_origin::Origin;
use crate::outcome::Alert;
use crate::wire::HandshakeType;

thread_local! {
    /// Without a destructor, so that hosts may call from those of their own thread-locals: a thread that ends is
    /// driving nothing, and `Entered` has left `None` here.
    static CURRENT: RefCell<ManuallyDrop<Option<Arc<Taps>>>> = const { RefCell::new(ManuallyDrop::new(None)) };
}

/// What was seen of one handshake.
#[derive(Default)]
pub(crate) struct Taps {
    seen: Mutex<Seen>,
}

#[derive(Default)]
pub(crate) struct Seen {
    /// TLS 1.3 application traffic secrets, from which key updates derive.
    pub(crate) client_traffic: Option<Secret>,
    pub(crate) server_traffic: Option<Secret>,
    /// The client's handshake traffic secret is needed: by a server whose client has offered early data.
    pub(crate) wants_client_handshake: bool,
    pub(crate) client_handshake: Option<Secret>,
    /// TLS 1.3: what exporters derive from.
    pub(crate) exporter: Option<Secret>,
    /// TLS 1.2: the master secret, and the client's random followed by the server's.
    pub(crate) master: Option<Secret>,
    pub(crate) randoms: Option<[u8; RANDOMS]>,
    /// TLS 1.2: `verify_data` of the first Finished (RFC 5929 section 3.1).
    pub(crate) first_finished: Option<[u8; 12]>,
    /// TLS 1.2: RFC 7627.
    pub(crate) extended_master_secret: bool,
    /// The signature scheme with which the peer has proved that it holds its certificate's key.
    pub(crate) peer_scheme: Option<SignatureScheme>,
    /// The transcript is needed later: a server whose client offered to authenticate after the handshake.
    pub(crate) keeps_transcript: bool,
    /// The hash of all handshake messages so far, tickets left out (RFC 8446 section 4.4.1).
    pub(crate) transcript: Option<Box<dyn hash::Context>>,
    /// The keys that our handshake records are sealed with; `None` while they go out in clear.
    pub(crate) sealing: Option<Arc<HandshakeSealer>>,
    /// The peer's records are protected with TLS 1.3 handshake keys.
    pub(crate) opening_tls13: bool,
    /// The alert that rustls wanted to send under protection. It never leaves by itself: see `suites`.
    pub(crate) alert_wanted: Option<Alert>,
    /// A client's credentials, or none, that the host has set for this session: the hooks do not ask for them.
    pub(crate) preset: Option<Option<Arc<OwnKey>>>,
    /// A server's chain, chosen by the ClientHello.
    pub(crate) server_chain: Option<Arc<OwnKey>>,
    /// The server has asked this client for a certificate.
    pub(crate) was_asked: bool,
    /// Our credentials, once rustls has them to show, and whose they are.
    pub(crate) shown: Option<Arc<CertifiedKey>>,
    pub(crate) shown_id: Option<u64>,
    /// The host was asked for credentials and had none.
    pub(crate) declined: bool,
    /// A client that may resume: for whom, as far as the host has said beforehand.
    pub(crate) resumes_as: Option<Identity>,
    /// A message was longer than a ticket may be: perhaps it was one.
    pub(crate) too_long_for_tickets: bool,
    /// The lifetime of the ticket that a client takes, in seconds, where it was seen.
    pub(crate) ticket_lifetime: Option<u32>,
    /// A client's: when the full handshake was that this session goes back to, in seconds since 1970; `None` if it is this one.
    pub(crate) began: Option<u64>,
    /// A client's: the last second in which the server's certificate of that handshake is valid, if it can be read.
    pub(crate) certificate_until: Option<u64>,
    /// A server's: the full handshake that this session goes back to; `None` if it is this one.
    pub(crate) resumes: Option<Origin>,
    /// What the session that is resumed had shown, if it is known.
    pub(crate) resumes_shown: Option<Arc<CertifiedKey>>,
    /// The server's stapled OCSP response.
    pub(crate) ocsp_response: Vec<u8>,
}

impl Seen {
    /// This is a full handshake, whatever was offered: nothing is left of a session that was not resumed.
    pub(crate) fn resumes_nothing(&mut self) {
        self.resumes_shown = None;
        self.resumes = None;
        self.began = None;
        self.certificate_until = None;
    }

    /// rustls hashes handshake messages one by one. Of those after the application secrets the client's belong to the
    /// handshake, our tickets do not.
    pub(super) fn hashed(&mut self, message: &[u8], transcript: &dyn hash::Context) {
        let is_ticket = self.client_traffic.is_some() && message.first() == Some(&HandshakeType::NEW_SESSION_TICKET.0);
        if self.keeps_transcript && !is_ticket {
            self.transcript = Some(transcript.fork());
        }
    }

    /// Whom this session turned out to be for; `None` if it keeps no tickets.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let before = self.resumes_as?;
        Some(match self.shown_id {
            // The next session of this context lets the server choose as well.
            _ if before == Identity::OfContext => before,
            Some(id) => Identity::Credentials(id),
            None if self.declined => Identity::Nobody,
            None => before,
        })
    }
}

impl Taps {
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Makes these the current taps of this thread until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        Entered { outer: ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(Some(self.clone())))) }
    }
}

/// Restores what was current before.
pub(crate) struct Entered {
    outer: Option<Arc<Taps>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(ManuallyDrop::into_inner(CURRENT.replace(ManuallyDrop::new(self.outer.take()))));
    }
}

/// The taps of the handshake that this thread is driving. Not inlined: a fiber may have moved to another thread since
/// the last call, and an inlined access could reuse that thread's address.
#[inline(never)]
pub(crate) fn current() -> Option<Arc<Taps>> {
    CURRENT.with_borrow(|current| current.as_ref().cloned())
}

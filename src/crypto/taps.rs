//! What rustls does not hand out, seen through objects that it calls: traffic secrets (through its `KeyLog`), the keys
//! that protect handshake records (through the suites' AEADs), the alerts it wants to send.
//!
//! One `Taps` belongs to one handshake. The objects that rustls calls are shared by all sessions of a context; they
//! find the handshake they are working for through a thread-local that is set while its rustls connection is driven.

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::SignatureScheme;
use rustls::crypto::cipher::{OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload};
use rustls::crypto::hash;
use rustls::sign::CertifiedKey;

use super::aead::{EXPLICIT_NONCE_LEN, TAG_LEN};
use super::exporter::RANDOMS;
use super::key_log::KeyLogFile;
use super::own_key::OwnKey;
use super::record_keys::RecordKeys;
use super::secrets::Secret;
use super::ticket_keys::Origin;
use crate::limits::RECORD_HEADER;
use crate::outcome::Alert;
use crate::wire::{ContentType, HandshakeType};

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

/// Whom a client's session is for. A session is only resumed for the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// Not said: the server has not asked, or would have to ask.
    Unset,
    /// The host has said that it shows nothing.
    Nobody,
    /// These credentials, by their number.
    Credentials(u64),
    /// One of the context's, whichever the server accepts.
    OfContext,
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

/// The sealing keys of a handshake epoch, shared between rustls, which seals its messages with them, and the alert
/// primitive, which must be able to seal one more record after rustls has given up.
pub(crate) struct HandshakeSealer {
    state: Mutex<SealerState>,
}

struct SealerState {
    /// Ours, and not an encrypter of rustls's: one of aws-lc-rs's could not return to an earlier sequence number.
    keys: Option<Box<RecordKeys>>,
    /// The sequence number that follows the records of rustls.
    next: u64,
    /// TLS 1.2 prepares keys some messages before it uses them; TLS 1.3 uses them at once.
    in_force: bool,
}

/// A position in the sequence of sealed records. To continue from an earlier one, drop what was sealed after it first: then no
/// two records of one sequence number leave.
#[derive(Clone)]
pub(crate) struct SealingPoint {
    sealer: Arc<HandshakeSealer>,
    sequence: u64,
}

impl SealingPoint {
    pub(crate) fn seal_next(&mut self, message: OutboundPlainMessage<'_>) -> Result<Vec<u8>, rustls::Error> {
        let sequence = self.sequence;
        self.sequence += 1;
        self.sealer.seal_at(message, sequence)
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

impl HandshakeSealer {
    /// Without keys nothing can be sealed.
    pub(crate) fn new(keys: Option<Box<RecordKeys>>, in_force: bool) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(SealerState { keys, next: 0, in_force }) })
    }

    fn state(&self) -> MutexGuard<'_, SealerState> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        let overhead = self.state().keys.as_ref().map_or(0, |keys| keys.overhead() - RECORD_HEADER);
        payload_len + overhead
    }

    /// Seals a record as rustls asks.
    pub(crate) fn seal(
        &self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, rustls::Error> {
        let mut state = self.state();
        state.in_force = true;
        state.next = sequence + 1;
        state.seal_at(message, sequence)
    }

    /// Seals a record of ours after those of rustls.
    fn seal_at(&self, message: OutboundPlainMessage<'_>, sequence: u64) -> Result<Vec<u8>, rustls::Error> {
        Ok(self.state().seal_at(message, sequence)?.encode())
    }

    /// These keys at this point, if they are in force: what the peer expects next.
    pub(crate) fn point(self: &Arc<Self>) -> Option<SealingPoint> {
        let state = self.state();
        (state.in_force && state.keys.is_some()).then(|| SealingPoint { sealer: self.clone(), sequence: state.next })
    }
}

impl SealerState {
    fn seal_at(
        &self,
        message: OutboundPlainMessage<'_>,
        sequence: u64,
    ) -> Result<OutboundOpaqueMessage, rustls::Error> {
        let keys = self.keys.as_ref().ok_or(rustls::Error::EncryptError)?;
        let mut payload = PrefixedPayload::with_capacity(keys.overhead() + message.payload.len());
        payload.extend_from_slice(&[0; EXPLICIT_NONCE_LEN][..keys.prefix_len()]);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&[0; 1 + TAG_LEN][..keys.inner_type_len() + TAG_LEN]);
        let mut header = [0; RECORD_HEADER];
        let record = keys.room_after(&mut header, payload.as_mut());
        ContentType::from_byte(message.typ.into())
            .zip(record)
            .and_then(|(content_type, record)| keys.seal_at(sequence, content_type, None, record).ok())
            .ok_or(rustls::Error::EncryptError)?;
        Ok(OutboundOpaqueMessage::new(header[0].into(), rustls::ProtocolVersion::TLSv1_2, payload))
    }
}

const CLIENT_HANDSHAKE: &str = "CLIENT_HANDSHAKE_TRAFFIC_SECRET";

/// rustls's key log: the secrets that the record layer and the exporters need, kept in memory and, unless the options
/// name a file, nowhere else.
#[derive(Debug)]
pub(crate) struct SecretTap(pub(crate) Option<Arc<KeyLogFile>>);

impl rustls::KeyLog for SecretTap {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        // rustls's servers derive it whenever a client resumes; no early data is ever accepted, and clients have no such
        // line.
        if let Some(file) = &self.0
            && label != "CLIENT_EARLY_TRAFFIC_SECRET"
        {
            file.log(label, client_random, secret);
        }
        let Some(taps) = current() else { return };
        let mut seen = taps.seen();
        match label {
            "CLIENT_TRAFFIC_SECRET_0" => seen.client_traffic = Secret::new(secret),
            "SERVER_TRAFFIC_SECRET_0" => seen.server_traffic = Secret::new(secret),
            CLIENT_HANDSHAKE if seen.wants_client_handshake => seen.client_handshake = Secret::new(secret),
            "EXPORTER_SECRET" => seen.exporter = Secret::new(secret),
            _ => {}
        }
    }

    fn will_log(&self, label: &str) -> bool {
        self.0.is_some()
            || matches!(
                label,
                CLIENT_HANDSHAKE | "CLIENT_TRAFFIC_SECRET_0" | "SERVER_TRAFFIC_SECRET_0" | "EXPORTER_SECRET"
            )
    }
}

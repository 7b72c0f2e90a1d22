//! The session: one connection's state machine.
//!
//! ```text
//!   New ──► Running ──► Open ──► closed, each direction by itself
//!    │        │  ▲
//!    │        └──┘ suspended: waits for the host's answer
//!    └────────┴──► Cancelled (shutdown before the end)      any ──► failed (sticky)
//! ```
//!
//! The handshake, the read half and the write half each have a lock that is only ever tried: a second thread in
//! the same part gets BUSY and does not wait. They are taken in this order: handshake, write, read.

mod bound;
mod client_auth;
mod facts;
mod handshaking;
mod kernel;
mod owed;
mod read;
mod stats;
mod validation;
mod write;

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::CertificateDer;

pub use self::validation::ValidationReport;
use crate::client_hello::ClientHello;
use crate::context::{Context, Protocols};
use crate::crypto::end_point::EndPoint;
use crate::crypto::secrets::TrafficSecret;
use crate::handshake::question::{CertificateRequest, SignatureRequest};
use crate::outcome::{Alert, Failure, FailureKind, Outcome, Question, policy};
use crate::post_handshake::client_auth::{ClientAuth, Progress};
use crate::trust;
use crate::wiping::stack;
use bound::Bound;
use facts::Facts;
pub use facts::Negotiated;
use handshaking::Phase;
pub use kernel::KernelTls;
use owed::Owed;
use read::ReadHalf;
use stats::Counters;
pub use stats::Stats;
use write::WriteHalf;

/// The bits of [`Session::state`], numbered as in the C header.
pub mod state {
    #![allow(missing_docs)]
    pub const HANDSHAKE_COMPLETE: u32 = 1;
    pub const HAS_PENDING_OUTPUT: u32 = 2;
    pub const HAS_PENDING_PLAINTEXT: u32 = 4;
    pub const SUSPENDED: u32 = 8;
    pub const RESUMED: u32 = 16;
    pub const HELLO_RETRIED: u32 = 32;
    pub const PEER_CLOSED: u32 = 64;
    pub const SHUTDOWN_SENT: u32 = 128;
    pub const FAILED: u32 = 256;
    pub const CERTIFICATE_ASKED: u32 = 512;
    pub const CERTIFICATE_REQUESTED: u32 = 1024;
    pub const CERTIFICATE_ANSWERED: u32 = 2048;
    /// Not shown: sending has ended for good. No alert reaches the peer any more.
    pub(super) const SENDING_ENDED: u32 = 1 << 29;
    /// Not shown: the keys are there, but the last flight may not be handed over.
    pub(super) const FINISHED: u32 = 1 << 30;
    /// Not shown: a panic was contained.
    pub(super) const POISONED: u32 = 1 << 31;
}

/// Ways to bind another protocol to the connection (RFC 5056).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// RFC 5929 section 3.
    Unique,
    /// RFC 5929 section 4.
    EndPoint,
    /// RFC 9266.
    Exporter,
}

/// Nothing is sent any more, even if the read half asks for it: our close_notify was made, or sending has ended.
const SAYS_NO_MORE: u32 = state::SHUTDOWN_SENT | state::SENDING_ENDED;

/// What a call has done to its spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of the input that are not passed again.
    pub consumed: usize,
    /// Bytes of the output that are the caller's now.
    pub written: usize,
}

/// One TLS connection.
pub struct Session {
    /// What the session was made with.
    context: Arc<Context>,
    /// What the host chose by the ClientHello instead.
    chosen: OnceLock<Arc<Context>>,
    /// The socket, if the session does its own I/O.
    bound: Option<Box<Bound>>,
    /// The host's own, never followed here.
    user_data: AtomicPtr<()>,
    shared: Shared,
    phase: Mutex<Phase>,
    write: Mutex<WriteHalf>,
    read: Mutex<ReadHalf>,
}

/// What all parts of a session may touch at any time.
struct Shared {
    state: AtomicU32,
    /// What the read half wants the write half to send.
    owed: Owed,
    counters: Counters,
    facts: Mutex<Facts>,
    /// A server's, if the client offered to authenticate after the handshake, and with what it checks that.
    client_auth: Mutex<Option<Box<(ClientAuth, WebPkiSupportedAlgorithms)>>>,
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    /// Ends the session: every later call fails with it.
    sticky: Option<Box<Failure>>,
    /// Of the last call that failed.
    last: Option<Box<Failure>>,
}

impl Session {
    /// A session of the context's role.
    pub fn new(context: Arc<Context>) -> Self {
        context.forget_expired();
        Self {
            context,
            chosen: OnceLock::new(),
            bound: None,
            user_data: AtomicPtr::default(),
            shared: Shared {
                state: AtomicU32::new(0),
                owed: Owed::default(),
                counters: Counters::default(),
                facts: Mutex::default(),
                client_auth: Mutex::default(),
                failures: Mutex::default(),
            },
            phase: Mutex::new(Phase::New(Box::default())),
            write: Mutex::default(),
            read: Mutex::default(),
        }
    }

    /// Fails if the session moves its bytes itself.
    #[inline]
    fn over_spans(&self) -> Result<(), Failure> {
        if self.bound.is_none() { Ok(()) } else { Err(not_over_spans()) }
    }

    fn context(&self) -> &Arc<Context> {
        self.chosen.get().unwrap_or(&self.context)
    }

    /// Sets the server that a client wants to reach.
    pub fn set_target_host_name(&self, name: &str) -> Result<Outcome, Failure> {
        if self.context.is_server() {
            return Err(Failure::state("a server learns the name from the client"));
        }
        let parsed = trust::server_name(name)?;
        let mut phase = try_lock(&self.phase)?;
        phase.set_name(parsed)?;
        self.shared.facts().target_host_name = name.into();
        Ok(Outcome::Complete)
    }

    /// Adds an application protocol to those of this session alone, which a client offers in place of the context's.
    pub fn add_alpn(&self, name: &[u8]) -> Result<Outcome, Failure> {
        Protocols::check(name)?;
        if self.context.is_server() {
            return Err(Failure::state("a server's application protocols are those of its context"));
        }
        try_lock(&self.phase)?.add_alpn(name)?;
        Ok(Outcome::Complete)
    }

    /// Seals plaintext after pending output.
    pub fn encrypt(&self, plaintext: &[&[u8]], output: &mut [u8], counts: &mut Counts) -> Result<Outcome, Failure> {
        self.over_spans()?;
        self.shared.complete()?;
        let mut write = try_lock(&self.write)?;
        let result = write.encrypt(&self.shared, plaintext, output, counts);
        self.shared.counters.plaintext_sent.add(counts.consumed);
        write.count(&self.shared, counts.written);
        result
    }

    /// The room in which `encrypt` takes this much plaintext whole; none where it takes nothing.
    pub fn ciphertext_size(&self, plaintext_len: usize) -> Result<usize, Failure> {
        self.over_spans()?;
        self.shared.complete()?;
        Ok(try_lock(&self.write)?.ciphertext_size(&self.shared, plaintext_len))
    }

    /// Keeps a pointer for the host.
    pub fn set_user_data(&self, pointer: *mut ()) {
        self.user_data.store(pointer, Ordering::Release);
    }

    /// The pointer that the host has set; null until then.
    pub fn user_data(&self) -> *mut () {
        self.user_data.load(Ordering::Acquire)
    }

    /// Opens records, as many as fit.
    pub fn decrypt(&self, input: &[u8], output: &mut [u8], counts: &mut Counts) -> Result<Outcome, Failure> {
        self.over_spans()?;
        self.shared.complete()?;
        let mut read = try_lock(&self.read)?;
        self.open_records(&mut read, input, output, counts)
    }

    #[inline]
    fn open_records(
        &self,
        read: &mut ReadHalf,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome, Failure> {
        let mut result = read.decrypt(&self.shared, input, output, counts);
        if self.client_has_shown(read)? && *counts == Counts::default() {
            // Judged inside: there may be more to do.
            result = read.decrypt(&self.shared, input, output, counts);
        }
        read.count(&self.shared, *counts);
        result
    }

    /// Opens one record where it lies.
    pub fn decrypt_in_place(
        &self,
        data: &mut [u8],
        consumed: &mut usize,
        plaintext: &mut Range<usize>,
    ) -> Result<Outcome, Failure> {
        self.over_spans()?;
        self.shared.complete()?;
        let mut read = try_lock(&self.read)?;
        let result = read.decrypt_in_place(&self.shared, data, consumed, plaintext);
        self.client_has_shown(&mut read)?;
        read.count(&self.shared, Counts { consumed: *consumed, written: plaintext.len() });
        result
    }

    /// Moves on to the next keys, and asks the peer to do so too.
    pub fn update_keys(
        &self,
        request_peer_update: bool,
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<Outcome, Failure> {
        self.shared.complete()?;
        if let Some(bound) = &self.bound {
            only_without_span(output)?;
            return self.update_keys_of_bound(bound, request_peer_update);
        }
        let mut write = try_lock(&self.write)?;
        let result = write.next_keys(&self.shared, request_peer_update, output, written);
        write.count(&self.shared, *written);
        result
    }

    /// The server's stapled OCSP response, as it came with its certificate.
    pub fn ocsp_response(&self) -> Vec<u8> {
        self.shared.facts().ocsp_response.to_vec()
    }

    /// Hands over output that is owed to the peer.
    pub fn drain_pending_output(&self, output: &mut [u8], written: &mut usize) -> Result<Outcome, Failure> {
        self.over_spans()?;
        let mut write = try_lock(&self.write)?;
        let result = write.drain(&self.shared, output, written);
        write.count(&self.shared, *written);
        result
    }

    /// The transport has ended.
    pub fn end_of_input(&self) -> Result<Outcome, Failure> {
        self.over_spans()?;
        match self.shared.complete() {
            Ok(()) => try_lock(&self.read)?.end_of_input(),
            Err(_) => self.end_of_handshake_input(),
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        let open = self.shared.facts().asked.as_ref().and_then(|asked| asked.question);
        let mut stats = self.shared.counters.snapshot(open);
        if let Some(bound) = &self.bound {
            (stats.receive_calls, stats.send_calls) = bound.calls();
            if let Some(kernel) = bound.kernel() {
                (stats.kernel_sends, stats.kernel_receives) = (kernel.sends(), kernel.receives());
                (stats.kernel_reason, stats.kernel_os_error) = kernel.reason();
            }
        }
        stats
    }

    /// Gives up what an idle session can do without: see the C header.
    pub fn shrink(&self, what: i32) -> Result<Outcome, Failure> {
        let (chain, resumption) = match what {
            0 => (false, false),
            1 => (true, false),
            2 => (true, true),
            _ => return Err(Failure::argument("this is not a SPANTLS_SHRINK value")),
        };
        self.shared.complete()?;
        let mut read = try_lock(&self.read)?;
        let mut facts = self.shared.facts();
        if chain {
            // A chain that waits for its verdict is still needed.
            if !read.waits_for_verdict() {
                facts.remote_certificates = Arc::new([]);
                facts.verified_path = Box::default();
            }
            facts.client_hello = None;
            facts.ocsp_response = Box::default();
        }
        if resumption {
            read.drop_tickets();
        }
        Ok(Outcome::Complete)
    }

    /// The bits of `state`.
    pub fn state(&self) -> u32 {
        self.shared.visible_state()
    }

    /// What was negotiated; nothing until the handshake is complete.
    pub fn negotiated(&self) -> Negotiated {
        match self.shared.has(state::HANDSHAKE_COMPLETE) {
            true => self.shared.facts().negotiated.clone(),
            false => Negotiated::default(),
        }
    }

    /// The server's name: what a client set, or what a server was asked for.
    pub fn target_host_name(&self) -> String {
        self.shared.facts().target_host_name.to_string()
    }

    /// The certificates that the peer has shown, leaf first.
    pub fn remote_certificates(&self) -> Arc<[CertificateDer<'static>]> {
        self.shared.facts().remote_certificates.clone()
    }

    /// One of them.
    pub fn remote_certificate(&self, index: usize) -> Result<CertificateDer<'static>, Failure> {
        let chain = self.remote_certificates();
        let certificate = chain.get(index);
        certificate.cloned().ok_or_else(|| Failure::argument("the peer has sent no certificate of this index"))
    }

    /// How many certificates the path has that the default validation has found, from the peer's leaf to the anchor.
    pub fn verified_certificate_count(&self) -> usize {
        self.shared.facts().verified_path.len()
    }

    /// One of them, the leaf first.
    pub fn verified_certificate(&self, index: usize) -> Option<CertificateDer<'static>> {
        let facts = self.shared.facts();
        let link = *facts.verified_path.get(index)?;
        self.context().trust().certificate(link, &facts.remote_certificates).cloned()
    }

    /// Our leaf certificate, if the peer has seen it; while a signature is asked for, the one whose key is to sign.
    pub fn local_certificate(&self) -> Vec<u8> {
        if let Some(request) = self.signature_request() {
            return request.key.leaf().to_vec();
        }
        let shown = self.shared.facts().shown.clone().filter(|_| self.shared.has(state::HANDSHAKE_COMPLETE));
        shown.and_then(|shown| shown.cert.first().map(|leaf| leaf.to_vec())).unwrap_or_default()
    }

    /// A server's first ClientHello: until the handshake is complete, and as long as the session if the options say so.
    pub fn client_hello(&self) -> Option<Arc<ClientHello>> {
        self.shared.facts().client_hello.clone()
    }

    /// The channel binding of this kind.
    pub fn channel_binding(&self, kind: Binding) -> Result<Vec<u8>, Failure> {
        self.shared.handshake_was_complete()?;
        match kind {
            Binding::Unique => {
                let facts = self.shared.facts();
                let unique = facts.bindings.as_ref().and_then(|bindings| bindings.exporter.unique());
                // RFC 8446 appendix C.5, RFC 9266.
                unique
                    .map(Into::into)
                    .ok_or_else(|| Failure::not_supported("TLS 1.3 has no tls-unique: use the exporter's"))
            }
            Binding::EndPoint => {
                let end_point = self.end_point()?;
                let binding = end_point.binding().map(<[u8]>::to_vec);
                binding.ok_or_else(|| Failure::not_supported("RFC 5929 has no hash for the server's certificate"))
            }
            Binding::Exporter => {
                let mut value = vec![0; 32];
                // RFC 9266 section 2: the context is a zero-length string, which in TLS 1.2 is not the same as none.
                self.export_keying_material(b"EXPORTER-Channel-Binding", Some(&[]), &mut value)?;
                Ok(value)
            }
        }
    }

    /// Of the certificate that the server has shown, in this session or in the one that it goes back to.
    fn end_point(&self) -> Result<EndPoint, Failure> {
        if !self.context.is_server() {
            let chain = self.remote_certificates();
            let leaf = chain.first().ok_or_else(|| Failure::state("shrink gave the certificate up"))?;
            return Ok(trust::end_point(leaf));
        }
        let of_ticket = self.shared.facts().bindings.as_ref().and_then(|bindings| bindings.end_point.clone());
        Ok(of_ticket.map_or_else(|| trust::end_point(&self.local_certificate()), |end_point| *end_point))
    }

    /// Whether the master secret depends on the whole handshake (RFC 7627, RFC 9266 section 4.2).
    pub fn is_channel_binding_sound(&self) -> bool {
        let complete = self.shared.handshake_was_complete().is_ok();
        complete && self.shared.facts().bindings.as_ref().is_some_and(|bindings| bindings.sound)
    }

    /// Keying material (RFC 5705, RFC 8446 section 7.5).
    pub fn export_keying_material(
        &self,
        label: &[u8],
        context: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<(), Failure> {
        self.shared.handshake_was_complete()?;
        let facts = self.shared.facts();
        let bindings = facts.bindings.as_ref().ok_or_else(|| Failure::internal("an open session without secrets"))?;
        bindings.exporter.export(label, context, output)
    }

    /// What the server takes as a client's certificate.
    pub(crate) fn certificate_request(&self) -> Option<Arc<CertificateRequest>> {
        self.shared.facts().asked.as_ref()?.certificate_request.clone()
    }

    /// The scheme and the message that wait for a signature.
    pub fn signature_request_parts(&self) -> Option<(u16, Vec<u8>)> {
        self.signature_request().map(|request| (request.scheme.into(), request.message.clone()))
    }

    /// The same, with what checks it.
    pub(crate) fn signature_request(&self) -> Option<Arc<SignatureRequest>> {
        self.shared.facts().asked.as_ref()?.signature_request.clone()
    }

    /// The sticky failure, or else the last one.
    pub fn last_failure(&self) -> Option<Failure> {
        let failures = self.shared.failures();
        failures.sticky.as_deref().or(failures.last.as_deref()).cloned()
    }

    /// Bits that the suspension itself brings: a client that showed no certificate.
    pub fn pending_policy_errors(&self) -> u32 {
        let facts = self.shared.facts();
        let asked = facts.asked.as_ref().and_then(|asked| asked.question).map(|(question, _)| question);
        match asked == Some(Question::Certificate) && facts.remote_certificates.is_empty() {
            true => policy::NOT_AVAILABLE,
            false => 0,
        }
    }

    /// Remembers the failure of a call. A broken invariant ends the session for good.
    pub fn record(&self, failure: &Failure) {
        if failure.kind == FailureKind::Internal {
            self.shared.set(state::POISONED);
            self.shared.fail(failure);
        }
        self.shared.failures().last = Some(Box::new(failure.clone()));
    }

    /// Fails once a panic was contained in this session.
    pub fn poisoned(&self) -> Result<(), Failure> {
        match self.shared.has(state::POISONED) {
            true => Err(self.shared.poisoned()),
            false => Ok(()),
        }
    }
}

impl Drop for Session {
    /// Keys wipe themselves. What the AEAD of the last records has left on the stack, if it was this thread's, goes here: to
    /// wipe it after each call would cost as much as a short record.
    fn drop(&mut self) {
        stack::forget::<{ stack::RECORDS }>();
    }
}

impl Shared {
    fn has(&self, bits: u32) -> bool {
        self.state.load(Ordering::Acquire) & bits != 0
    }

    fn set(&self, bits: u32) {
        self.state.fetch_or(bits, Ordering::AcqRel);
    }

    fn put(&self, bit: u32, on: bool) {
        match on {
            true => self.state.fetch_or(bit, Ordering::AcqRel),
            false => self.state.fetch_and(!bit, Ordering::AcqRel),
        };
    }

    fn visible_state(&self) -> u32 {
        let bits = self.state.load(Ordering::Acquire);
        let owes = bits & SAYS_NO_MORE == 0 && !self.owed.is_empty();
        let shown = bits & !(state::SENDING_ENDED | state::FINISHED | state::POISONED);
        if owes { shown | state::HAS_PENDING_OUTPUT } else { shown }
    }

    /// A part of a client's authentication after the handshake.
    fn authenticate(&self, message_type: u8, body: &[u8], traffic: &TrafficSecret) -> Result<Progress, Failure> {
        let mut auth = self.client_auth.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match auth.as_deref_mut() {
            Some((auth, algorithms)) => auth.answer(message_type, body, traffic, algorithms),
            None => Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, "an authentication that was not asked for")),
        }
    }

    /// Fails until the handshake is complete.
    fn complete(&self) -> Result<(), Failure> {
        if self.has(state::HANDSHAKE_COMPLETE) {
            return Ok(());
        }
        Err(self.not_complete())
    }

    /// A failed handshake stays failed; otherwise it is the host that is too early.
    #[cold]
    fn not_complete(&self) -> Failure {
        self.sticky().unwrap_or_else(|| Failure::state("the handshake is not complete"))
    }

    #[cold]
    fn poisoned(&self) -> Failure {
        self.sticky().unwrap_or_else(|| Failure::internal("this session is poisoned"))
    }

    /// Fails for what the handshake has to have made, also after a later failure.
    fn handshake_was_complete(&self) -> Result<(), Failure> {
        match self.has(state::HANDSHAKE_COMPLETE) {
            true => Ok(()),
            false => Err(Failure::state("the handshake is not complete")),
        }
    }

    /// Ends the session. The first failure counts; true if this is the first.
    fn fail(&self, failure: &Failure) -> bool {
        let mut failures = self.failures();
        let first = failures.sticky.is_none();
        failures.sticky.get_or_insert_with(|| Box::new(failure.clone()));
        self.set(state::FAILED);
        first
    }

    /// The alert of the session's failure does not reach the peer: the error record no longer names it.
    #[cold]
    fn alert_was_not_sent(&self) {
        if let Some(failure) = &mut self.failures().sticky {
            failure.alert_sent = None;
        }
    }

    #[inline]
    fn sticky(&self) -> Option<Failure> {
        if self.has(state::FAILED) { self.sticky_failure() } else { None }
    }

    #[cold]
    fn sticky_failure(&self) -> Option<Failure> {
        self.failures().sticky.as_deref().cloned()
    }

    /// Held for moments only, never across a suspension or a computation.
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cold]
fn not_over_spans() -> Failure {
    Failure::state("this session is bound to a socket: use handshake, read, write and close")
}

/// What a bound session writes goes to its socket.
fn only_without_span(output: &[u8]) -> Result<(), Failure> {
    if output.is_empty() { Ok(()) } else { Err(Failure::argument("a session bound to a socket takes no output span")) }
}

/// A part of the session, if no other thread is in it.
fn try_lock<T>(part: &Mutex<T>) -> Result<MutexGuard<'_, T>, Failure> {
    match part.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::WouldBlock) => Err(Failure::busy()),
        Err(TryLockError::Poisoned(_)) => Err(Failure::internal("this session is poisoned")),
    }
}

#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod tests;

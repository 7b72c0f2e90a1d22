//! One of the two sessions, what is known of it from its calls, and what the header promises about each of them.

use std::ptr::null_mut;

use spantls::ffi::{facts, identity};

use super::super::host::{self, Done, Session, Status, state};
use super::super::setup::Setup;

pub const HANDSHAKE_COMPLETE: u32 = state::SPANTLS_STATE_HANDSHAKE_COMPLETE as u32;
pub const HAS_PENDING_OUTPUT: u32 = state::SPANTLS_STATE_HAS_PENDING_OUTPUT as u32;
pub const HAS_PENDING_PLAINTEXT: u32 = state::SPANTLS_STATE_HAS_PENDING_PLAINTEXT as u32;
pub const SUSPENDED: u32 = state::SPANTLS_STATE_SUSPENDED as u32;
pub const RESUMED: u32 = state::SPANTLS_STATE_RESUMED as u32;
pub const HELLO_RETRIED: u32 = state::SPANTLS_STATE_HELLO_RETRIED as u32;
pub const PEER_CLOSED: u32 = state::SPANTLS_STATE_PEER_CLOSED as u32;
pub const SHUTDOWN_SENT: u32 = state::SPANTLS_STATE_SHUTDOWN_SENT as u32;
pub const FAILED: u32 = state::SPANTLS_STATE_FAILED as u32;
pub const CERTIFICATE_ASKED: u32 = state::SPANTLS_STATE_CERTIFICATE_ASKED as u32;

/// Bits that are never cleared.
const LASTING: u32 =
    HANDSHAKE_COMPLETE | RESUMED | HELLO_RETRIED | PEER_CLOSED | SHUTDOWN_SENT | FAILED | CERTIFICATE_ASKED;

/// Failures that end a session or a half of it.
const FINAL: [Status; 4] = [host::AUTHENTICATION_FAILED, host::PROTOCOL_ERROR, host::TRUNCATED, host::PEER_ALERT];

/// Output space with which encrypt always makes progress.
const MIN_CIPHERTEXT: usize = 64;

pub struct Side {
    pub session: Session,
    pub is_server: bool,
    /// The host has to judge the peer before the handshake can be complete.
    judges: bool,
    pub accepted: bool,
    pub refused: bool,
    /// A context was chosen, and the same ClientHello has to be passed again.
    pub context_chosen: bool,
    /// Shut down, or told that the input has ended.
    pub ended: bool,
    /// What was sent to it and not consumed.
    pub inbox: Vec<u8>,
    /// All of that, from the beginning, is what the peer has written.
    pub pure: bool,
    pub sent: Vec<u8>,
    pub received: Vec<u8>,
    pub emitted: u64,
    consumed: u64,
    /// The question that the last handshake call returned, until it is answered.
    pub question: Option<Status>,
    /// What every later call of this kind returns.
    pub handshake_end: Option<Status>,
    pub read_end: Option<Status>,
    write_end: Option<Status>,
    state: u32,
    failure: Option<Failure>,
}

/// The error record of a session that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    pub status: Status,
    pub sent: i32,
    pub received: i32,
}

impl Side {
    pub fn new(session: Session, is_server: bool, setup: &Setup) -> Self {
        Self {
            session,
            is_server,
            judges: !setup.automatic[usize::from(is_server)] && (!is_server || setup.mode != 0),
            accepted: false,
            refused: false,
            context_chosen: false,
            ended: false,
            inbox: Vec::new(),
            pure: true,
            sent: Vec::new(),
            received: Vec::new(),
            emitted: 0,
            consumed: 0,
            question: None,
            handshake_end: None,
            read_end: None,
            write_end: None,
            state: 0,
            failure: None,
        }
    }

    pub fn has(&self, bit: u32) -> bool {
        self.session.state() & bit != 0
    }

    pub fn is_complete(&self) -> bool {
        self.has(HANDSHAKE_COMPLETE)
    }

    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// What both sides must say of a connection.
    pub fn agreed(&self) -> (u32, u16, u16, Vec<u8>, u32) {
        let session = self.session.0;
        // SAFETY: a live handle.
        let (protocol, suite, group) = unsafe {
            let protocol = facts::tls_session_negotiated_protocol(session);
            let suite = facts::tls_session_negotiated_cipher_suite(session);
            (protocol, suite, facts::tls_session_negotiated_group(session))
        };
        // SAFETY: a live handle; the spans are those of `copied`.
        let alpn =
            self.session.copied(|at, cap, len| unsafe { facts::tls_session_negotiated_alpn(session, at, cap, len) });
        (protocol, suite, group, alpn.unwrap(), self.session.state() & (RESUMED | HELLO_RETRIED))
    }

    pub fn exported(&self) -> [u8; 32] {
        let mut material = [0; 32];
        let (label, at) = (b"EXPORTER-doors", material.as_mut_ptr().cast());
        // SAFETY: a live handle, and spans of their lengths.
        host::done(unsafe {
            identity::tls_session_export_keying_material(
                self.session.0,
                label.as_ptr().cast(),
                label.len(),
                null_mut(),
                0,
                at,
                32,
            )
        });
        material
    }

    /// The state is what the calls say, and changes only as it may.
    pub fn check_state(&mut self) {
        let state = self.session.state();
        let session = self.session.0;
        // SAFETY: a live handle.
        let (complete, pending, protocol) = unsafe {
            (
                facts::tls_session_is_handshake_complete(session),
                facts::tls_session_has_pending_output(session),
                facts::tls_session_negotiated_protocol(session),
            )
        };
        assert_eq!(complete == 1, state & HANDSHAKE_COMPLETE != 0);
        assert_eq!(pending == 1, state & HAS_PENDING_OUTPUT != 0);
        assert_eq!(protocol != 0, complete == 1, "facts before the end, or none after it");
        assert_eq!(self.state & LASTING & !state, 0, "bits were cleared: {:#x}, then {state:#x}", self.state);
        if self.question.is_some() {
            assert_ne!(state & SUSPENDED, 0, "the question {:?} is gone", self.question);
        }
        if complete == 1 {
            assert!(!self.judges || self.accepted, "complete without a verdict");
            assert!(!self.refused || state & FAILED != 0, "complete after a refusal");
        }
        self.check_failure(state);
        let stats = self.session.stats();
        assert_eq!(stats.ciphertext_sent, self.emitted, "ciphertext sent");
        assert_eq!(stats.ciphertext_received, self.consumed, "ciphertext received");
        assert_eq!(stats.plaintext_sent, self.sent.len() as u64, "plaintext sent");
        assert_eq!(stats.plaintext_received, self.received.len() as u64, "plaintext received");
        self.state = state;
    }

    /// The record of a session that has failed stays as it is.
    fn check_failure(&mut self, state: u32) {
        let record = self.session.error();
        let now = Failure { status: record.0.status, sent: record.0.alert_sent, received: record.0.alert_received };
        assert_eq!(now.status == 0, record.text().is_empty(), "{now:?}: {}", record.text());
        if state & FAILED == 0 {
            assert!(now.sent == -1, "an alert of a session that has not failed: {now:?}");
            return;
        }
        assert!(FINAL.contains(&now.status), "{now:?}");
        assert!(now.sent == -1 || now.received == -1, "an alert was answered: {now:?}");
        assert_eq!(now.received != -1, now.status == host::PEER_ALERT, "{now:?}");
        let first = *self.failure.get_or_insert(now);
        assert_eq!(now, first, "the failure has changed");
    }

    /// A call that is not allowed, or has wrong arguments, has done nothing.
    fn refused_call(&self, done: &Done) -> bool {
        let refused = [host::INVALID_STATE, host::INVALID_ARGUMENT].contains(&done.status);
        if refused {
            assert!(done.consumed == 0 && done.output.is_empty(), "{done:?}");
        }
        refused
    }

    /// Takes from the inbox what was consumed: whole records of what was shown.
    fn take(&mut self, consumed: usize) {
        let mut at = 0;
        while at < consumed {
            at += record_len(&self.inbox[at..]).expect("part of a header was consumed");
        }
        assert_eq!(at, consumed, "part of a record was consumed");
        self.inbox.drain(..consumed);
        self.consumed += consumed as u64;
    }

    /// What a half or the handshake returns once it has ended.
    fn ends_with(end: &mut Option<Status>, done: &Done) {
        if let Some(end) = *end {
            assert_eq!(done.status, end, "the end has changed");
            assert!(done.consumed == 0 && done.output.is_empty(), "after the end: {done:?}");
        } else if FINAL.contains(&done.status) || done.status == host::CLOSED {
            *end = Some(done.status);
        }
    }

    pub fn handshake(&mut self, shown: usize, room: usize) -> Done {
        let before = self.session.state();
        let done = self.session.handshake(&self.inbox[..shown], room);
        let state = self.session.state();
        let status = done.status;
        if status == host::INVALID_ARGUMENT {
            assert!(self.context_chosen, "a wrong argument");
            // What was pending may have gone out.
            assert_eq!(done.consumed, 0);
            return done;
        }
        if before & HANDSHAKE_COMPLETE != 0 {
            assert!(done.consumed == 0 && done.output.is_empty(), "after the handshake: {done:?}");
            let failed = self.failure.map(|failure| failure.status);
            assert_eq!(status, failed.unwrap_or(host::COMPLETE));
            return done;
        }
        let asks = is_question(status);
        assert!(
            FINAL.contains(&status) || (host::COMPLETE..=host::CLOSED).contains(&status) || asks,
            "status {status}: {}",
            self.session.error().text()
        );
        assert_eq!(status == host::WANT_WRITE, state & HAS_PENDING_OUTPUT != 0 && !FINAL.contains(&status));
        assert_eq!(status == host::COMPLETE, state & HANDSHAKE_COMPLETE != 0);
        assert_eq!(FINAL.contains(&status), state & FAILED != 0 && status != host::WANT_WRITE);
        assert!(!asks || state & SUSPENDED != 0);
        match status {
            host::WANT_WRITE => assert_eq!(done.output.len(), room, "not all of the space is used"),
            host::WANT_READ => assert!(!holds_a_record(&self.inbox[done.consumed..shown]), "a whole record is left"),
            _ => {}
        }
        if let Some(question) = self.question {
            assert!(status == question || status == host::WANT_WRITE, "asked {question}, then status {status}");
            assert_eq!(done.consumed, 0, "consumed while suspended");
        }
        if let Some(end) = self.handshake_end {
            assert!(status == end || status == host::WANT_WRITE, "ended with {end}, then status {status}");
            assert_eq!(done.consumed, 0, "consumed after the end");
        } else if FINAL.contains(&status) || status == host::CLOSED {
            self.handshake_end = Some(status);
        }
        self.question = asks.then_some(status).or(self.question);
        self.context_chosen &= done.consumed == 0;
        self.take(done.consumed);
        done
    }

    pub fn encrypt(&mut self, data: &[u8], room: usize, cuts: Option<&[u8]>) -> Done {
        let before = self.session.state();
        let size = self.session.ciphertext_size(data.len());
        let done = match cuts {
            None => self.session.encrypt(data, room),
            Some(cuts) => self.session.encrypt_vectored(data, cuts, room),
        };
        self.sent.extend_from_slice(&data[..done.consumed]);
        let open = before & HANDSHAKE_COMPLETE != 0 && before & (SHUTDOWN_SENT | FAILED) == 0;
        assert!(open || done.status < 0, "{done:?} in state {before:#x}");
        assert!(open || size == 0, "a size of {size} in state {before:#x}");
        if self.refused_call(&done) {
            assert_eq!(size, 0, "a size of {size}, then {done:?}");
            return done;
        }
        if done.status < 0 {
            assert!(done.consumed == 0 && done.output.is_empty(), "{done:?}");
            assert_eq!(size, 0, "a size of {size}, then {done:?}");
        } else if room >= size {
            assert_eq!(done.status, host::COMPLETE, "{size} bytes for {}, {room} given", data.len());
            assert!(size - done.output.len() <= 37, "a size of {size}, {} written", done.output.len());
        }
        match done.status {
            host::COMPLETE => assert_eq!(done.consumed, data.len()),
            host::WANT_WRITE => {
                assert!(room < MIN_CIPHERTEXT || done.consumed + done.output.len() > 0, "no progress in {room} bytes");
            }
            status => assert!(FINAL.contains(&status), "status {status}"),
        }
        Self::ends_with(&mut self.write_end, &done);
        done
    }

    pub fn decrypt(&mut self, shown: usize, room: usize) -> Done {
        let held = self.has(HAS_PENDING_PLAINTEXT);
        let done = self.session.decrypt(&self.inbox[..shown], room);
        if done.status == host::WANT_WRITE {
            let stopped = done.consumed + done.output.len() > 0;
            assert!(done.output.len() == room || stopped, "{done:?}");
        }
        assert!(!held || !done.output.is_empty() || room == 0, "held plaintext was not delivered: {done:?}");
        self.opened(shown, &done);
        done
    }

    pub fn decrypt_in_place(&mut self, shown: usize) -> Done {
        let held = self.has(HAS_PENDING_PLAINTEXT);
        let done = self.session.decrypt_in_place(&self.inbox[..shown]);
        assert!(!held || done.status == host::INVALID_STATE || !self.is_complete(), "{done:?}");
        assert_ne!(done.status, host::WANT_WRITE);
        if FINAL.contains(&done.status) && self.read_end.is_none() {
            // The record that failed is destroyed, and nothing after it will be opened.
            self.inbox.clear();
            self.pure = false;
        }
        self.opened(shown, &done);
        done
    }

    /// What a call that opens records has done.
    fn opened(&mut self, shown: usize, done: &Done) {
        let status = done.status;
        if self.refused_call(done) {
            assert!(!self.is_complete() || self.has(HAS_PENDING_PLAINTEXT), "{done:?}");
            return;
        }
        let progress = done.consumed + done.output.len() > 0;
        match status {
            host::COMPLETE => assert!(progress, "complete without progress"),
            host::WANT_READ => {
                assert!(!progress, "{done:?}");
                assert!(!holds_a_record(&self.inbox[..shown]), "a whole record is left");
            }
            host::CLOSED => assert!(done.output.is_empty() && self.has(PEER_CLOSED), "{done:?}"),
            host::WANT_WRITE | host::NEEDS_VALIDATION => {}
            status => {
                assert!(FINAL.contains(&status), "status {status}");
                assert!(!progress, "an error with {done:?}");
                assert!(status == host::TRUNCATED || self.has(FAILED), "status {status} of a sound session");
            }
        }
        assert!(done.output.is_empty() || !self.refused, "data of a peer that was refused");
        Self::ends_with(&mut self.read_end, done);
        self.received.extend_from_slice(&done.output);
        self.take(done.consumed);
    }

    pub fn end_of_input(&mut self) -> Status {
        let (before, suspended) = (self.session.state(), self.has(SUSPENDED));
        let status = self.session.end_of_input();
        assert!([host::COMPLETE, host::CLOSED].contains(&status) || FINAL.contains(&status), "status {status}");
        if before & HANDSHAKE_COMPLETE != 0 {
            if let Some(end) = self.read_end {
                assert_eq!(status, end, "the end has changed");
            }
            assert!(status != host::COMPLETE || suspended);
            assert!(status != host::CLOSED || self.has(PEER_CLOSED));
        } else if let Some(end) = self.handshake_end {
            assert_eq!(status, end, "the end has changed");
        }
        self.ended = true;
        status
    }
}

pub fn is_question(status: Status) -> bool {
    [host::WANT_CREDENTIALS, host::NEEDS_VALIDATION, host::NEEDS_CONTEXT, host::NEEDS_SIGNATURE].contains(&status)
}

pub fn record_len(bytes: &[u8]) -> Option<usize> {
    let header = bytes.first_chunk::<5>()?;
    Some(5 + usize::from(u16::from_be_bytes([header[3], header[4]])))
}

pub fn holds_a_record(bytes: &[u8]) -> bool {
    record_len(bytes).is_some_and(|len| len <= bytes.len())
}

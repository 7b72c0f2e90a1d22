//! A bound session whose records the kernel protects (Linux, on request): after the handshake the kernel has the keys of
//! one way or both, data passes through it as it is, and what is not data goes with its type in a control message.
//!
//! Nothing received may lie here when the kernel takes over, so the handshake of such a session reads headers first and then
//! what they announce. Records of pending output are bare: a header, then the message as it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use super::bound::Bound;
use super::read::ReadHalf;
use super::write::{Plaintext, WriteHalf};
use super::{Counts, Session};
use crate::crypto::secrets::KeyMaterial;
use crate::limits::{MAX_PLAINTEXT, RECORD_HEADER};
use crate::outcome::{Alert, Failure, Outcome};
use crate::record::held::{Held, RecordBuffer};
use crate::transport::kernel::{CryptoInfo, KernelReason, Way};
use crate::transport::{Received, Sent};
use crate::wire::record::next_record;
use crate::wire::{ContentType, HandshakeType, Version};

/// What the host wants the kernel to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelTls {
    /// Protect what is sent.
    pub send: bool,
    /// Open what is received.
    pub receive: bool,
}

/// What the kernel was asked for, and does.
pub(super) struct Kernel {
    wanted: KernelTls,
    sends: AtomicBool,
    receives: AtomicBool,
    /// Whether it takes new keys later (Linux 6.14), for TLS 1.3, one answer for each way.
    rekeys_sending: AtomicBool,
    rekeys_receiving: AtomicBool,
    /// The first counts: a later one may only follow from it.
    refusal: OnceLock<(KernelReason, i32)>,
    /// From the end of the handshake until the kernel has them.
    keys: Mutex<Option<Box<Keys>>>,
}

/// What the handshake has agreed on.
pub(super) struct Keys {
    pub(super) sending: KeyMaterial,
    pub(super) receiving: KeyMaterial,
}

/// Records that one system call can make of data: it takes at most 2^31 bytes.
const RECORDS_AT_ONCE: u64 = 1 << 17;

/// Bytes that protection adds to a record of TLS 1.3, for the counters.
const OVERHEAD: usize = RECORD_HEADER + 1 + 16;

impl Kernel {
    pub(super) fn new(wanted: KernelTls) -> Self {
        Self {
            wanted,
            sends: AtomicBool::new(false),
            receives: AtomicBool::new(false),
            rekeys_sending: AtomicBool::new(false),
            rekeys_receiving: AtomicBool::new(false),
            refusal: OnceLock::new(),
            keys: Mutex::new(None),
        }
    }

    pub(super) fn keep(&self, keys: Keys) {
        *self.keys() = Some(Box::new(keys));
    }

    /// Whether nothing may be received beyond the handshake.
    pub(super) fn wants_to_receive(&self) -> bool {
        self.wanted.receive
    }

    pub(super) fn sends(&self) -> bool {
        self.sends.load(Ordering::Relaxed)
    }

    pub(super) fn receives(&self) -> bool {
        self.receives.load(Ordering::Relaxed)
    }

    /// Why it does not do all that was asked, and `errno`.
    pub(super) fn refusal(&self) -> Option<(KernelReason, i32)> {
        self.refusal.get().copied()
    }

    fn refuse(&self, reason: KernelReason, errno: i32) {
        let _ = self.refusal.set((reason, errno));
    }

    fn rekeys(&self, way: Way) -> &AtomicBool {
        match way {
            Way::Send => &self.rekeys_sending,
            Way::Receive => &self.rekeys_receiving,
        }
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, Option<Box<Keys>>> {
        self.keys.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Gives the kernel the keys of one way; true if it takes them.
    fn install(&self, bound: &Bound, way: Way, info: Option<CryptoInfo>, version: Version) -> bool {
        let Some(info) = info else {
            self.refuse(KernelReason::Refused, 0);
            return false;
        };
        if let Err(errno) = bound.socket().set_keys(way, &info) {
            self.refuse(KernelReason::Refused, errno);
            return false;
        }
        // The same keys again change nothing, but show whether it would take others.
        let again = version == Version::Tls13 && bound.socket().set_keys(way, &info).is_ok();
        self.rekeys(way).store(again, Ordering::Relaxed);
        true
    }
}

impl Session {
    /// The handshake is complete, nothing is pending: gives the kernel what the host wants it to do, once. `kept` was
    /// received after the handshake: nothing, if the kernel is to receive.
    pub(super) fn hand_over_to_kernel(&self, bound: &Bound, write: &mut WriteHalf, read: &mut ReadHalf, kept: &[u8]) {
        let Some(kernel) = bound.kernel() else { return };
        let Some(keys) = kernel.keys().take() else { return };
        if !cfg!(target_os = "linux") {
            return kernel.refuse(KernelReason::Platform, 0);
        }
        if let Err(errno) = bound.socket().start_tls() {
            return kernel.refuse(KernelReason::Unavailable, errno);
        }
        debug_assert!(kept.is_empty() || !kernel.wanted.receive);
        if kernel.wanted.receive
            && kept.is_empty()
            && let Some((version, sequence)) = read.keys_in_force()
        {
            let info = CryptoInfo::new(version, &keys.receiving, sequence);
            kernel.receives.store(kernel.install(bound, Way::Receive, info, version), Ordering::Relaxed);
        }
        if kernel.wanted.send && self.context().max_fragment_size().is_some() {
            kernel.refuse(KernelReason::Options, 0);
        } else if kernel.wanted.send
            && let Some((version, sequence)) = write.keys_in_force()
        {
            let info = CryptoInfo::new(version, &keys.sending, sequence);
            if kernel.install(bound, Way::Send, info, version) {
                write.hand_over_to_kernel();
                kernel.sends.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Hands data to the kernel, after pending output.
    pub(super) fn write_through_kernel(
        &self,
        bound: &Bound,
        kernel: &Kernel,
        write: &mut WriteHalf,
        plaintext: &mut Plaintext<'_>,
        taken: &mut usize,
    ) -> Result<Outcome, Failure> {
        while !plaintext.is_empty() {
            if write.records_left() <= RECORDS_AT_ONCE {
                // RFC 8446 section 5.5.
                self.check_rekeying(kernel)?;
                write.queue_key_update(&self.shared, false)?;
                if !self.send_owed(bound, write)? {
                    return Ok(Outcome::WantWrite);
                }
            }
            let sent = plaintext.with_front(|spans| bound.send_with(|socket| socket.send_spans(spans)));
            let Sent::Bytes(count) = sent.map_err(|failure| self.not_sent(failure, write))? else {
                return Ok(Outcome::WantWrite);
            };
            plaintext.skip(count);
            *taken += count;
            let records = count.div_ceil(MAX_PLAINTEXT);
            write.sealed_by_kernel(records as u64);
            self.shared.counters.ciphertext_sent.add(count + records * OVERHEAD);
        }
        Ok(Outcome::Complete)
    }

    /// Sends the bare record at the front of pending output; true if it went.
    pub(super) fn send_bare_record(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool, Failure> {
        let record = next_record(write.pending(), MAX_PLAINTEXT)?.ok_or_else(|| Failure::internal("half a record"))?;
        let (content_type, body) = (record.content_type, record.payload());
        let is_key_update =
            content_type == ContentType::Handshake && body.first() == Some(&HandshakeType::KEY_UPDATE.0);
        let Sent::Bytes(count) = bound.send_with(|socket| socket.send_record(content_type as u8, body))? else {
            return Ok(false);
        };
        let whole = count == body.len();
        self.shared.counters.ciphertext_sent.add(count + OVERHEAD);
        write.bare_record_sent(&self.shared, count);
        write.sealed_by_kernel(1);
        if whole && is_key_update {
            // RFC 8446 section 4.6.3: everything after it is under the next keys.
            let info = write.next_keys_in_force()?.ok_or_else(|| Failure::internal("keys that the kernel has not"))?;
            if let Err(errno) = bound.socket().set_keys(Way::Send, &info) {
                // Whatever the reason: what it would seal with the old keys the peer could not open.
                bound.end_sending(errno);
                write.abandon(&self.shared);
                return Err(Failure::io("the kernel took no new keys", errno));
            }
        }
        Ok(true)
    }

    /// Receives what the kernel has opened, until some data is delivered or something else is to be told.
    pub(super) fn read_through_kernel(
        &self,
        bound: &Bound,
        kernel: &Kernel,
        read: &mut ReadHalf,
        output: &mut [u8],
        delivered: &mut usize,
    ) -> Result<Outcome, Failure> {
        loop {
            // What is held, a verdict that is waited for, an end.
            let (outcome, counts) = self.open_until_data(read, &[], output);
            *delivered = counts.written;
            if outcome != Ok(Outcome::WantRead) {
                return outcome;
            }
            // A record that is no data has to fit.
            let mut buffer = (output.len() < MAX_PLAINTEXT).then(RecordBuffer::take).transpose()?;
            let room = match &mut buffer {
                Some(buffer) => {
                    buffer.room(MAX_PLAINTEXT).ok_or_else(|| Failure::internal("a buffer that is too small"))?
                }
                None => &mut *output,
            };
            let (received, content_type) = match bound.receive_with(|socket| socket.receive_record(room)) {
                Ok(received) => received,
                Err(failure) => return self.kernel_has_failed(bound, read, failure),
            };
            let count = match received {
                Received::Bytes(count) => count,
                Received::Later => return Ok(Outcome::WantRead),
                Received::End if content_type.is_none() => return read.end_of_input(&self.shared),
                // An empty record.
                Received::End => 0,
            };
            let content_type = content_type.unwrap_or(ContentType::ApplicationData as u8);
            self.shared.counters.ciphertext_received.add(count + OVERHEAD);
            if content_type == ContentType::ApplicationData as u8 {
                read.take_data(&self.shared, count)?;
                if count == 0 {
                    continue;
                }
                match buffer {
                    None => *delivered = count,
                    Some(buffer) => *delivered = read.hold(&self.shared, Held::new(buffer, count), output),
                }
                read.count(&self.shared, Counts { consumed: 0, written: *delivered });
                return Ok(Outcome::Complete);
            }
            let result = read.take_control(&self.shared, content_type, &room[..count]);
            room[..count].fill(0);
            let new_keys = result?;
            if new_keys {
                let info = read.next_keys_in_force()?.filter(|_| kernel.rekeys(Way::Receive).load(Ordering::Relaxed));
                let taken = info.is_some_and(|info| bound.socket().set_keys(Way::Receive, &info).is_ok());
                if !taken {
                    return read.fail(
                        &self.shared,
                        no_rekeying("the peer has changed its keys").with_alert(Alert::INTERNAL_ERROR),
                    );
                }
            }
            read.count(&self.shared, Counts::default());
            self.client_has_shown(read)?;
        }
    }

    /// A peer that wants new keys of us cannot have them from this kernel (RFC 8446 section 4.6.3 demands an answer).
    pub(super) fn check_owed_keys(&self, bound: &Bound, read: &mut ReadHalf) -> Result<(), Failure> {
        let cannot = |kernel: &&Kernel| kernel.sends() && !kernel.rekeys(Way::Send).load(Ordering::Relaxed);
        if bound.kernel().filter(cannot).is_some() && self.shared.owed.take_back_key_update() {
            let failure = no_rekeying("the peer wants new keys").with_alert(Alert::INTERNAL_ERROR);
            // A half that has ended before keeps its end: a bad record, or a close_notify.
            read.fail(&self.shared, failure).map(drop)?;
        }
        Ok(())
    }

    /// Fails where the kernel has keys that it cannot change.
    pub(super) fn check_rekeying(&self, kernel: &Kernel) -> Result<(), Failure> {
        match kernel.rekeys(Way::Send).load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(no_rekeying("the keys are to be changed")),
        }
    }

    /// What the kernel says of a record that it does not take.
    fn kernel_has_failed(&self, bound: &Bound, read: &mut ReadHalf, failure: Failure) -> Result<Outcome, Failure> {
        let (alert, message) = match failure.os_error {
            libc::EBADMSG => {
                (Alert::BAD_RECORD_MAC, "the kernel could not open a record: damaged, forged, or out of order")
            }
            // RFC 8446 section 5.2, RFC 5246 section 6.2.3.
            libc::EMSGSIZE => (Alert::RECORD_OVERFLOW, "the kernel has refused a record that is too long"),
            libc::EINVAL => (Alert::UNEXPECTED_MESSAGE, "the kernel has refused what is no record"),
            errno => {
                if !crate::transport::passes(errno) {
                    read.end_with(failure.clone());
                }
                return Err(failure);
            }
        };
        bound.socket().clear_error();
        read.fail(&self.shared, Failure::protocol(alert, message).with_os_error(failure.os_error))
    }
}

fn no_rekeying(why: &str) -> Failure {
    Failure::not_supported(format!("{why}, and this kernel's TLS keeps those that it has"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use super::*;
    use crate::context::{Context, Credentials, Options};
    use crate::outcome::{FailureKind, Question};
    use crate::reason::PolicyErrors;
    use crate::session::Progress;
    use crate::transport::Socket;

    fn certificates(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    /// A server on a socket, made to believe that a kernel without rekeying sends for it, and its client over spans.
    fn server_of_a_kernel_without_rekeying() -> (Session, Session, UnixStream) {
        let mut options = Options { allow_resume: false, ..Options::default() };
        let (chain, key) = (certificates("server-p256.pem"), certificates("server-p256.key"));
        options.set_credentials(Some(Arc::new(Credentials::from_pem(&chain, &key, None).unwrap())));
        let (ours, mut wire) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let socket = Socket::new(ours.into_raw_fd() as isize, true).unwrap();
        let wanted = KernelTls { send: true, receive: false };
        let server = Session::with_socket(Arc::new(Context::server(options).unwrap()), socket, wanted);
        let client = Session::new(Arc::new(Context::client(Options::default()).unwrap()));
        let (mut input, mut room) = (Vec::new(), vec![0; 65536]);
        loop {
            let mut counts = Counts::default();
            let outcome = client.process_handshake(&input, &mut room).add_to(&mut counts).unwrap();
            input.drain(..counts.consumed);
            wire.write_all(&room[..counts.written]).unwrap();
            if outcome == Outcome::Suspended(Question::Certificate) {
                client.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
                continue;
            }
            if server.handshake() == Ok(Outcome::Complete) {
                break;
            }
            if outcome == Outcome::WantRead {
                let count = wire.read(&mut room).unwrap();
                input.extend_from_slice(&room[..count]);
            }
        }
        server.bound.as_ref().unwrap().kernel().unwrap().sends.store(true, Ordering::Relaxed);
        (server, client, wire)
    }

    /// A KeyUpdate that wants one back, which this kernel cannot send; more may follow in the same segment.
    fn key_update(client: &Session) -> Vec<u8> {
        let mut room = [0; 100];
        let Progress { outcome, written, .. } = client.update_keys(true, &mut room);
        assert_eq!(outcome, Ok(Outcome::Complete));
        room[..written].to_vec()
    }

    #[test]
    fn of_two_failures_in_one_segment_the_first_is_told_and_its_alert_is_owed() {
        let (server, client, mut wire) = server_of_a_kernel_without_rekeying();
        let mut segment = key_update(&client);
        segment.extend_from_slice(&[23, 3, 3, 0, 35]);
        segment.extend_from_slice(&[9; 35]);
        wire.write_all(&segment).unwrap();
        for _ in 0..2 {
            let failure = server.read(&mut [0; 100]).outcome.unwrap_err();
            assert_eq!((failure.kind, failure.alert_sent), (FailureKind::Protocol, Some(Alert::BAD_RECORD_MAC)));
            assert_eq!(server.last_failure(), Some(failure));
        }
        assert_eq!(server.shared.owed.take().fatal_alert, Some(Alert::BAD_RECORD_MAC));
    }

    #[test]
    fn a_key_update_that_cannot_be_answered_ends_the_session_and_not_what_was_read() {
        for closes in [false, true] {
            let (server, client, mut wire) = server_of_a_kernel_without_rekeying();
            let mut segment = key_update(&client);
            let mut room = [0; 100];
            let mut counts = Counts::default();
            assert_eq!(client.encrypt(&[b"last"], &mut room).add_to(&mut counts), Ok(Outcome::Complete));
            segment.extend_from_slice(&room[..counts.written]);
            if closes {
                let Progress { outcome, written, .. } = client.shutdown(&mut room);
                assert_eq!(outcome, Ok(Outcome::Closed));
                segment.extend_from_slice(&room[..written]);
            }
            wire.write_all(&segment).unwrap();
            let Progress { outcome, written: count, .. } = server.read(&mut room);
            assert_eq!(outcome, Ok(Outcome::Complete));
            assert_eq!(&room[..count], b"last");
            assert!(server.state().failed);
            assert_eq!(server.read(&mut room).outcome.unwrap_err().kind, FailureKind::NotSupported);
            assert_eq!(server.shared.owed.take().fatal_alert, Some(Alert::INTERNAL_ERROR));
        }
        // Where the close_notify has ended the half before, that is its end; the session cannot send any more.
        let (server, client, mut wire) = server_of_a_kernel_without_rekeying();
        let mut segment = key_update(&client);
        let mut room = [0; 100];
        let Progress { outcome, written, .. } = client.shutdown(&mut room);
        assert_eq!(outcome, Ok(Outcome::Closed));
        segment.extend_from_slice(&room[..written]);
        wire.write_all(&segment).unwrap();
        assert_eq!(server.read(&mut room).outcome, Ok(Outcome::Closed));
        assert_eq!(server.read(&mut room).outcome, Ok(Outcome::Closed));
        assert_eq!(server.last_failure().unwrap().kind, FailureKind::NotSupported);
    }
}

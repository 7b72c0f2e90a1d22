//! A bound session whose records the kernel protects. If the kernel is to receive, no received byte may be left here when it takes
//! over, so the handshake receives each header first and then what it announces. If the kernel sends, records of pending output are
//! bare: a header, then the message, unprotected.

use super::{Bound, HandshakeLocks, Received, Sent, passes};
use crate::limits::{MAX_PLAINTEXT, RECORD_HEADER};
use crate::outcome::{Alert, Failure, Outcome, Result};
use crate::record::held::{Held, RecordBuffer};
use crate::session::kernel::{KernelWork, OVERHEAD, Rekeying, no_rekeying};
use crate::session::read::ReadHalf;
use crate::session::write::{Plaintext, WriteHalf};
use crate::session::{Counts, Session};
use crate::transport::kernel::{CryptoInfo, KernelReason, Way};
use crate::wire::ContentType;
use crate::wire::record::next_record;

/// Records that one system call can make of data: it takes at most 2^31 bytes.
const RECORDS_AT_ONCE: u64 = 1 << 17;

impl Session {
    /// The handshake is complete, nothing is pending: gives the kernel what the host wants it to do, once. `kept` was
    /// received after the handshake: nothing, if the kernel is to receive.
    pub(super) fn hand_over_to_kernel(&self, bound: &Bound, locks: &mut HandshakeLocks<'_>, kept: &[u8]) {
        let Some(keys) = locks.phase.take_kernel_keys() else { return };
        let mut work = KernelWork::default();
        let wanted = bound.kernel.wanted;
        if !cfg!(target_os = "linux") {
            work.refuse(KernelReason::Platform, 0);
        } else if let Err(errno) = bound.socket.start_tls() {
            work.refuse(KernelReason::Unavailable, errno);
        } else {
            debug_assert!(kept.is_empty() || !wanted.receive);
            if wanted.receive
                && kept.is_empty()
                && let Some((version, sequence)) = locks.read.keys_in_force()
            {
                let info = CryptoInfo::new(version, &keys.receiving, sequence);
                work.opens = work.install(&bound.socket, Way::Receive, info, version);
            }
            if wanted.send && self.context().max_fragment_size.is_some() {
                work.refuse(KernelReason::Options, 0);
            } else if wanted.send
                && let Some((version, sequence)) = locks.write.keys_in_force()
            {
                let info = CryptoInfo::new(version, &keys.sending, sequence);
                work.seals = work.install(&bound.socket, Way::Send, info, version);
                if work.seals.is_some() {
                    locks.write.hand_over_to_kernel();
                }
            }
        }
        bound.kernel.starts(work);
    }

    /// Hands data to the kernel, after pending output.
    pub(super) fn write_through_kernel(
        &self,
        bound: &Bound,
        rekeying: Rekeying,
        write: &mut WriteHalf,
        plaintext: &mut Plaintext<'_>,
        counts: &mut Counts,
    ) -> Result<Outcome> {
        while !plaintext.is_empty() {
            if write.records_left() <= RECORDS_AT_ONCE {
                // RFC 8446 section 5.5.
                rekeying.check()?;
                write.update_keys(&self.shared, false)?;
                if !self.send_owed(bound, write)? {
                    return Ok(Outcome::WantWrite);
                }
            }
            let sent =
                plaintext.with_front(|spans| self.send_with(bound, write, |socket, _| socket.send_spans(spans)))?;
            let Sent::Bytes(count) = sent else { return Ok(Outcome::WantWrite) };
            plaintext.skip(count);
            counts.consumed += count;
            let records = count.div_ceil(MAX_PLAINTEXT);
            write.sealed_by_kernel(records as u64);
            self.shared.counters.ciphertext_sent.add(count + records * OVERHEAD);
        }
        Ok(Outcome::Complete)
    }

    /// Sends the bare record at the front of pending output; true if it went.
    pub(super) fn send_bare_record(&self, bound: &Bound, write: &mut WriteHalf) -> Result<bool> {
        let record = next_record(write.pending.bytes(), MAX_PLAINTEXT)?;
        let record = record.ok_or_else(|| Failure::internal("half a record"))?;
        let (content_type, message_len) = (record.content_type, record.payload().len());
        let sent = self.send_with(bound, write, |socket, pending| {
            socket.send_record(content_type as u8, &pending[RECORD_HEADER..RECORD_HEADER + message_len])
        })?;
        let Sent::Bytes(count) = sent else { return Ok(false) };
        self.shared.counters.ciphertext_sent.add(count + OVERHEAD);
        let was_key_update = write.pending.bare_record_sent(&self.shared.state, count);
        write.sealed_by_kernel(1);
        if was_key_update {
            // RFC 8446 section 4.6.3: everything after it is under the next keys.
            let info = write.next_keys_in_force()?.ok_or_else(|| Failure::internal("keys that the kernel has not"))?;
            if let Err(errno) = bound.socket.set_keys(Way::Send, &info) {
                // Whatever the reason: what it would seal with the old keys the peer could not open.
                write.break_off(&self.shared, errno);
                return Err(Failure::io("the kernel took no new keys", errno));
            }
        }
        Ok(true)
    }

    /// Receives what the kernel has opened, until some data is delivered or something else is to be said.
    pub(super) fn read_through_kernel(
        &self,
        bound: &Bound,
        rekeying: Rekeying,
        read: &mut ReadHalf,
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        loop {
            // What is held, a verdict that is waited for, an end.
            let opened = self.open_until_data(read, &[], output);
            counts.written = opened.written;
            if opened.outcome != Ok(Outcome::WantRead) {
                return opened.outcome;
            }
            // A record that is not data has to fit.
            let mut buffer = (output.len() < MAX_PLAINTEXT).then(RecordBuffer::take).transpose()?;
            let room = match &mut buffer {
                Some(buffer) => buffer.room(MAX_PLAINTEXT)?,
                None => &mut *output,
            };
            let (received, content_type) = match bound.receive_with(|socket| socket.receive_record(room)) {
                Ok(received) => received,
                Err(failure) => return Err(self.kernel_has_failed(bound, read, failure)),
            };
            let count = match received {
                Received::Bytes(count) => count,
                Received::Later => return Ok(Outcome::WantRead),
                Received::End if content_type.is_none() => return read.end_of_input(&self.shared),
                // An empty record.
                Received::End => 0,
            };
            self.shared.counters.ciphertext_received.add(count + OVERHEAD);
            if let Some(content_type) = content_type.filter(|&byte| byte != ContentType::ApplicationData as u8) {
                self.take_message(bound, rekeying, read, content_type, &mut room[..count])?;
                continue;
            }
            read.take_data(&self.shared, count)?;
            if count > 0 {
                counts.written = match buffer {
                    None => count,
                    Some(buffer) => read.hold(&self.shared, Held::new(buffer, count), output),
                };
                read.count(&self.shared, Counts { consumed: 0, written: counts.written });
                return Ok(Outcome::Complete);
            }
        }
    }

    /// A record that is not data, which the kernel has opened; it is wiped.
    fn take_message(
        &self,
        bound: &Bound,
        rekeying: Rekeying,
        read: &mut ReadHalf,
        content_type: u8,
        message: &mut [u8],
    ) -> Result<()> {
        let result = read.take_control(&self.shared, content_type, message);
        message.fill(0);
        let has_new_keys = result?;
        if has_new_keys {
            let info = read.next_keys_in_force()?.filter(|_| rekeying == Rekeying::Possible);
            let is_taken = info.is_some_and(|info| bound.socket.set_keys(Way::Receive, &info).is_ok());
            if !is_taken {
                let failure = no_rekeying("the peer has changed its keys").with_alert(Alert::INTERNAL_ERROR);
                return Err(read.fail(&self.shared, failure));
            }
        }
        read.count(&self.shared, Counts::default());
        self.client_has_shown(read).map(drop)
    }

    /// A peer that wants new keys of us cannot have them from this kernel (RFC 8446 section 4.6.3 demands an answer).
    pub(super) fn check_owed_keys(&self, bound: &Bound, read: &mut ReadHalf) -> Result<()> {
        if bound.kernel.does().seals != Some(Rekeying::Impossible) || !self.shared.owed.take_back_key_update() {
            return Ok(());
        }
        // A half that has ended before keeps its end: a bad record, or a close_notify.
        let had_ended = read.has_ended();
        let failure = no_rekeying("the peer wants new keys").with_alert(Alert::INTERNAL_ERROR);
        let failure = read.fail(&self.shared, failure);
        if had_ended { Ok(()) } else { Err(failure) }
    }

    /// What the kernel says of a record that it does not take.
    fn kernel_has_failed(&self, bound: &Bound, read: &mut ReadHalf, failure: Failure) -> Failure {
        let (alert, message) = match failure.os_error {
            libc::EBADMSG => {
                (Alert::BAD_RECORD_MAC, "the kernel could not open a record: damaged, forged, or out of order")
            }
            // RFC 8446 section 5.2, RFC 5246 section 6.2.3.
            libc::EMSGSIZE => (Alert::RECORD_OVERFLOW, "the kernel has refused a record that is too long"),
            libc::EINVAL => (Alert::UNEXPECTED_MESSAGE, "the kernel has refused what is not a record"),
            errno => {
                if !passes(errno) {
                    read.end_with(failure.clone());
                }
                return failure;
            }
        };
        bound.socket.clear_error();
        read.fail(&self.shared, Failure::protocol(alert, message).with_os_error(failure.os_error))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::IntoRawFd;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use super::*;
    use crate::context::{Context, Options};
    use crate::outcome::{FailureKind, Question};
    use crate::reason::PolicyErrors;
    use crate::session::kernel::Kernel;
    use crate::session::tests::server_options;
    use crate::session::{KernelTls, Progress};
    use crate::transport::Socket;

    /// A server on a socket, made to believe that a kernel without rekeying sends for it, and its client over spans.
    fn server_of_a_kernel_without_rekeying() -> (Session, Session, UnixStream) {
        let (ours, mut wire) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let socket = Socket::new(ours.into_raw_fd() as isize, true).unwrap();
        let wanted = KernelTls { send: true, receive: false };
        let mut server =
            Session::with_socket(Arc::new(Context::server(server_options("server-p256")).unwrap()), socket, wanted);
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
        let seals = KernelWork { seals: Some(Rekeying::Impossible), ..KernelWork::default() };
        server.bound.as_mut().unwrap().kernel = Kernel::doing(seals);
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

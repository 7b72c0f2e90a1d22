//! The read half of an open session.

use super::shared::{Counts, Shared};
use crate::crypto::traffic::TrafficSecret;
use crate::handshake::client_tickets::TicketTaker;
use crate::limits::TICKETS_TAKEN;
use crate::outcome::{Alert, Failure, FailureKind, Outcome, Question};
use crate::post_handshake::client_auth::Authentication;
use crate::post_handshake::{Action, Messages};
use crate::record::held::{Held, RecordBuffer};
use crate::record::open::{Opened, Opener};
use crate::transport::kernel::CryptoInfo;
use crate::wire::{ContentType, Version};

#[derive(Default)]
pub(super) struct ReadHalf {
    opening: Option<Box<Opening>>,
    /// Plaintext of a record that did not fit.
    held: Option<Held>,
    /// Nothing more will be opened.
    end: Option<End>,
}

struct Opening {
    opener: Opener,
    /// TLS 1.3: what the peer's next keys derive from.
    traffic: Option<TrafficSecret>,
    messages: Messages,
    /// A client that keeps tickets.
    ticket_taker: Option<Box<TicketTaker>>,
}

/// What the handshake leaves to the read half.
pub(super) struct Receiver {
    pub(super) opener: Opener,
    pub(super) traffic: Option<TrafficSecret>,
    pub(super) ticket_taker: Option<Box<TicketTaker>>,
    pub(super) is_server: bool,
}

/// Why nothing more comes.
enum End {
    PeerClosed,
    Failed(Failure),
}

/// What to do after a record that held no data.
enum Control {
    /// It was taken; go on.
    Taken,
    /// It ends the read half and is left for a call of its own.
    Later,
}

impl End {
    fn outcome(&self) -> Result<Outcome, Failure> {
        match self {
            Self::PeerClosed => Ok(Outcome::Closed),
            Self::Failed(failure) => Err(failure.clone()),
        }
    }
}

impl ReadHalf {
    /// Takes over from the handshake.
    pub(super) fn open(&mut self, receiver: Receiver) {
        let Receiver { opener, traffic, ticket_taker, is_server } = receiver;
        let messages = Messages::new(is_server, opener.version());
        self.opening = Some(Box::new(Opening { opener, traffic, messages, ticket_taker }));
    }

    /// Opens as many records as input and room allow.
    pub(super) fn decrypt(
        &mut self,
        shared: &Shared,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome, Failure> {
        if !self.deliver_held(shared, output, counts) {
            return Ok(Outcome::WantWrite);
        }
        loop {
            let progress = *counts != Counts::default();
            if progress && counts.consumed == input.len() {
                // The usual end: all of the input is opened.
                return Ok(Outcome::Complete);
            }
            if shared.state.now().authentication().awaits_verdict() {
                return Ok(if progress { Outcome::Complete } else { Outcome::Suspended(Question::Certificate) });
            }
            let ended = match &self.end {
                Some(end) => Some(end.outcome()),
                None => self.next(shared, input, output, counts, progress).transpose(),
            };
            match ended {
                None => {}
                // What ends the read half has a call of its own; this one was good.
                Some(_) if progress => return Ok(Outcome::Complete),
                Some(result) => return result,
            }
            if self.held.is_some() {
                return Ok(Outcome::WantWrite);
            }
        }
    }

    /// What a call has taken and delivered.
    #[inline]
    pub(super) fn count(&self, shared: &Shared, counts: Counts) {
        shared.counters.ciphertext_received.add(counts.consumed);
        shared.counters.plaintext_received.add(counts.written);
        if let Some(opening) = &self.opening {
            let (records, key_updates) = opening.opener.counts();
            shared.counters.records_received.set(records);
            shared.counters.key_updates_received.set(key_updates);
        }
    }

    /// No tickets are taken any more.
    pub(super) fn drop_tickets(&mut self) {
        if let Some(opening) = &mut self.opening {
            opening.ticket_taker = None;
        }
    }

    /// Opens one record where it lies.
    pub(super) fn decrypt_in_place(
        &mut self,
        shared: &Shared,
        data: &mut [u8],
        counts: &mut Counts,
        plaintext_start: &mut usize,
    ) -> Result<Outcome, Failure> {
        if self.held.is_some() {
            return Err(Failure::state("plaintext is held: take it with decrypt first"));
        }
        if shared.state.now().authentication().awaits_verdict() {
            return Ok(Outcome::Suspended(Question::Certificate));
        }
        if let Some(end) = &self.end {
            return end.outcome();
        }
        self.check_session(shared)?;
        let opening = self.opening()?;
        let (record_len, start, opened) = match opening.opener.open_in_place(data) {
            Ok(Some(opened)) => opened,
            Ok(None) => return self.wants_input(shared),
            Err(failure) => return Err(self.fail(shared, failure)),
        };
        let range = start..start + opened.data_len;
        let result = match opened.content_type {
            ContentType::ApplicationData => {
                opening.messages.application_data(opened.data_len, shared.state.now().authentication())
            }
            content_type => {
                let result = opening.message(shared, content_type, &data[range.clone()]);
                data[range.clone()].fill(0);
                match result {
                    Ok(true) => {
                        counts.consumed = record_len;
                        self.peer_closed(shared);
                        return Ok(Outcome::Closed);
                    }
                    other => other.map(|_| ()),
                }
            }
        };
        if let Err(failure) = result {
            return Err(self.fail(shared, failure));
        }
        counts.consumed = record_len;
        if opened.content_type == ContentType::ApplicationData {
            *plaintext_start = start;
            counts.written = opened.data_len;
        }
        Ok(Outcome::Complete)
    }

    /// The host, or the default validation, refuses the client: the half ends. The failure, as the session has failed with it.
    pub(super) fn refuse(&mut self, shared: &Shared, refusal: Failure) -> Failure {
        // The next call that reads returns it too, unless the half had ended before.
        let mut refusal = self.fail(shared, refusal);
        let sent = shared.sticky().filter(|sticky| sticky.kind == FailureKind::Authentication);
        refusal.alert_sent = sent.and_then(|sticky| sticky.alert_sent);
        refusal
    }

    /// Whether plaintext is held that did not fit.
    pub(super) fn holds(&self) -> bool {
        self.held.is_some()
    }

    /// Whether nothing more will be opened.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Whether the bytes after the last record are needed: to open them, or by the host after a close_notify.
    pub(super) fn leaves_input(&self) -> bool {
        matches!(self.end, None | Some(End::PeerClosed))
    }

    /// Whether the peer's close_notify has ended it.
    pub(super) fn is_closed_by_peer(&self) -> bool {
        matches!(self.end, Some(End::PeerClosed))
    }

    /// Version and number of the next record.
    pub(super) fn keys_in_force(&self) -> Option<(Version, u64)> {
        let opener = &self.opening.as_ref()?.opener;
        Some((opener.version(), opener.sequence()))
    }

    /// For the kernel: the keys that have just come into force.
    pub(super) fn next_keys_in_force(&self) -> Result<Option<CryptoInfo>, Failure> {
        let Some(opening) = &self.opening else { return Ok(None) };
        opening.traffic.as_ref().map_or(Ok(None), CryptoInfo::of)
    }

    /// Data that was opened elsewhere.
    pub(super) fn take_data(&mut self, shared: &Shared, data_len: usize) -> Result<(), Failure> {
        let opening = self.opening()?;
        opening.opener.take();
        opening
            .messages
            .application_data(data_len, shared.state.now().authentication())
            .map_err(|failure| self.fail(shared, failure))
    }

    /// Delivers what fits and holds the rest.
    pub(super) fn hold(&mut self, shared: &Shared, mut held: Held, output: &mut [u8]) -> usize {
        let delivered = held.deliver(output);
        if !held.is_empty() {
            self.held = Some(held);
            shared.state.plaintext_pends(true);
        }
        delivered
    }

    /// A record that is no data and was opened elsewhere; true if the peer's keys are others now.
    pub(super) fn take_control(&mut self, shared: &Shared, type_byte: u8, message: &[u8]) -> Result<bool, Failure> {
        let opening = self.opening()?;
        let updates = opening.opener.counts().1;
        opening.opener.take();
        let result = ContentType::from_byte(type_byte)
            .ok_or_else(|| Failure::protocol(Alert::UNEXPECTED_MESSAGE, "a record of unknown type"))
            .and_then(|content_type| opening.message(shared, content_type, message));
        let updated = opening.opener.counts().1 != updates;
        match result {
            Ok(true) => self.peer_closed(shared),
            Ok(false) => {}
            Err(failure) => return Err(self.fail(shared, failure)),
        }
        Ok(updated)
    }

    /// The transport is broken.
    pub(super) fn end_with(&mut self, failure: Failure) {
        self.end.get_or_insert(End::Failed(failure));
    }

    /// The record at the front of `input`, if it is whole, or what is wrong with its header.
    pub(super) fn has_record(&self, input: &[u8]) -> bool {
        let opener = self.opening.as_ref().map(|opening| &opening.opener);
        opener.is_some_and(|opener| !matches!(opener.next(input), Ok(None)))
    }

    /// The transport has ended.
    pub(super) fn end_of_input(&mut self, shared: &Shared) -> Result<Outcome, Failure> {
        if shared.state.now().authentication().awaits_verdict() {
            shared.state.end_input();
            return Ok(Outcome::Complete);
        }
        // RFC 8446 section 6.1: without close_notify, data may have been cut off.
        self.end.get_or_insert_with(|| End::Failed(truncated())).outcome()
    }

    /// Moves held plaintext; false if some is left.
    fn deliver_held(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> bool {
        let Some(held) = &mut self.held else { return true };
        counts.written += held.deliver(output);
        if !held.is_empty() {
            return false;
        }
        self.held = None;
        shared.state.plaintext_pends(false);
        true
    }

    /// Opens the next record. `None`: it was taken. An outcome or failure is what the call returns, unless records
    /// before it have made progress: then the record was left where it is.
    #[expect(clippy::too_many_lines)]
    fn next(
        &mut self,
        shared: &Shared,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
        progress: bool,
    ) -> Result<Option<Outcome>, Failure> {
        self.check_session(shared)?;
        let opening = self.opening()?;
        let sealed = match opening.opener.next(&input[counts.consumed..]) {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return self.wants_input(shared).map(Some),
            Err(failure) => return self.fail_unless(progress, shared, failure),
        };
        let room = &mut output[counts.written..];
        let inner_len = sealed.inner_len();
        let fits_in_place = inner_len <= room.len();
        // In TLS 1.3 it may be the type byte after the data that does not fit.
        let fits = opening.opener.max_data_len(inner_len) <= room.len();
        if !fits && progress {
            return Ok(Some(Outcome::WantWrite));
        }
        let mut buffer = match (!fits_in_place).then(RecordBuffer::take).transpose() {
            Ok(buffer) => buffer,
            // What was done counts; the failure has a call of its own.
            Err(_) if progress => return Ok(Some(Outcome::WantWrite)),
            Err(failure) => return Err(failure),
        };
        let inner = match &mut buffer {
            Some(buffer) => {
                buffer.room(inner_len).ok_or_else(|| Failure::internal("a record larger than any buffer"))?
            }
            None => &mut room[..inner_len],
        };
        let opened = match opening.opener.peek(&sealed, inner) {
            Ok(opened) => opened,
            Err(failure) => return self.fail_unless(progress, shared, failure),
        };
        if opened.content_type != ContentType::ApplicationData {
            let control = opening.control(shared, opened, inner, progress);
            inner.fill(0);
            return match control {
                Ok((Control::Taken, closed)) => {
                    counts.consumed += sealed.record_len();
                    if closed {
                        // Alerts are only taken by a call of their own: this is what it returns.
                        self.peer_closed(shared);
                        return Ok(Some(Outcome::Closed));
                    }
                    Ok(None)
                }
                Ok((Control::Later, _)) => Ok(Some(Outcome::Closed)),
                Err(failure) => self.fail_unless(progress, shared, failure),
            };
        }
        if room.is_empty() && opened.data_len > 0 {
            // Looked at, not taken.
            return Ok(Some(Outcome::WantWrite));
        }
        if let Err(failure) = opening.messages.application_data(opened.data_len, shared.state.now().authentication()) {
            return self.fail_unless(progress, shared, failure);
        }
        opening.opener.take();
        counts.consumed += sealed.record_len();
        match buffer {
            None => counts.written += opened.data_len,
            Some(buffer) => {
                let mut held = Held::new(buffer, opened.data_len);
                counts.written += held.deliver(room);
                if !held.is_empty() {
                    self.held = Some(held);
                    shared.state.plaintext_pends(true);
                }
            }
        }
        Ok(None)
    }

    fn wants_input(&mut self, shared: &Shared) -> Result<Outcome, Failure> {
        if shared.state.now().input_has_ended() { self.end_of_input(shared) } else { Ok(Outcome::WantRead) }
    }

    fn opening(&mut self) -> Result<&mut Opening, Failure> {
        self.opening.as_deref_mut().ok_or_else(|| Failure::internal("no keys in an open session"))
    }

    /// The write half may have ended the session.
    fn check_session(&self, shared: &Shared) -> Result<(), Failure> {
        shared.sticky().map_or(Ok(()), Err)
    }

    fn peer_closed(&mut self, shared: &Shared) {
        self.end = Some(End::PeerClosed);
        shared.state.peer_closed();
        let version = self.opening.as_ref().map(|opening| opening.opener.version());
        // RFC 5246 section 7.2.1: the other party MUST respond with a close_notify of its own and close at once.
        // RFC 8446 section 6.1: each direction closes by itself.
        if version == Some(Version::Tls12) {
            shared.owed.close_notify();
        }
    }

    /// Fails now, or, if records before this one have made progress, in the next call.
    fn fail_unless(&mut self, progress: bool, shared: &Shared, failure: Failure) -> Result<Option<Outcome>, Failure> {
        let failure = self.fail(shared, failure);
        // The next call returns it.
        if progress { Ok(Some(Outcome::Complete)) } else { Err(failure) }
    }

    /// Ends the session, and the half unless it had ended before: that end is what its calls return.
    pub(super) fn fail(&mut self, shared: &Shared, mut failure: Failure) -> Failure {
        // RFC 8446 section 6.1: nothing is sent after our close_notify.
        if !shared.state.now().can_send() {
            failure.alert_sent = None;
        }
        // Failed first, then owed: the write half must not take the alert for one of a session that continues. What is owed
        // is the alert of the failure that counts.
        if shared.fail(&failure)
            && let Some(alert) = failure.alert_sent
        {
            shared.owed.fatal_alert(alert);
            if !shared.state.now().can_send() {
                // Another thread has ended sending meanwhile.
                shared.alert_was_not_sent();
            }
        }
        // A message after a client's proof in the same record makes the proof void.
        if shared.state.now().authentication() == Authentication::Shown {
            shared.state.authenticate(Authentication::Requested);
        }
        self.end.get_or_insert_with(|| End::Failed(failure.clone()));
        failure
    }
}

impl Opening {
    /// Handles an opened record that is not data. Counts it unless it is left for later.
    fn control(
        &mut self,
        shared: &Shared,
        opened: Opened,
        inner: &[u8],
        progress: bool,
    ) -> Result<(Control, bool), Failure> {
        let message = &inner[..opened.data_len];
        if progress && opened.content_type == ContentType::Alert {
            return Ok((Control::Later, false));
        }
        // Counted before its meaning: a KeyUpdate replaces the keys and their count.
        self.opener.take();
        let closed = self.message(shared, opened.content_type, message)?;
        Ok((Control::Taken, closed))
    }

    /// Acts on a record of the protocol itself; true if the peer has closed.
    fn message(&mut self, shared: &Shared, content_type: ContentType, message: &[u8]) -> Result<bool, Failure> {
        let Self { opener, traffic, messages, ticket_taker } = self;
        match content_type {
            ContentType::Alert => Ok(messages.alert(message)? == Action::PeerClosed),
            ContentType::Handshake => {
                messages.handshake(
                    message,
                    || shared.state.now().authentication(),
                    |action, body| {
                        match action {
                            Action::Authentication(message_type) => {
                                let traffic =
                                    traffic.as_ref().ok_or_else(|| Failure::internal("a session without a secret"))?;
                                shared.authenticate(message_type, body, traffic)?;
                            }
                            Action::UpdatePeerKeys { reply } => {
                                let traffic = traffic
                                    .as_mut()
                                    .ok_or_else(|| Failure::internal("a key update without a secret"))?;
                                opener.replace_keys(traffic.update()?);
                                if reply {
                                    shared.owed.key_update();
                                }
                            }
                            Action::Ticket => {
                                if let Some(taker) = ticket_taker
                                    && taker.take(body)?
                                {
                                    let taken = &shared.counters.tickets_received;
                                    taken.set(taken.get() + 1);
                                    if taken.get() >= TICKETS_TAKEN {
                                        *ticket_taker = None;
                                    }
                                }
                            }
                            Action::RefuseRenegotiation => shared.owed.no_renegotiation(),
                            Action::Nothing | Action::PeerClosed => {}
                        }
                        Ok(())
                    },
                )?;
                Ok(false)
            }
            // TLS 1.2 switches keys in handshakes only; in TLS 1.3 `open` has refused it.
            ContentType::ChangeCipherSpec | ContentType::ApplicationData => Err(Failure::protocol(
                crate::outcome::Alert::UNEXPECTED_MESSAGE,
                "a change_cipher_spec outside of a handshake",
            )),
        }
    }
}

/// The peer's transport ended in mid-stream.
pub(super) fn truncated() -> Failure {
    Failure::new(FailureKind::Truncated, "the transport ended without close_notify")
}

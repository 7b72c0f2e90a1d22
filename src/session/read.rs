//! The read half of an open session.

use super::receiving::Receiving;
use super::shared::{Counts, Shared};
use crate::outcome::{Alert, Failure, FailureKind, Outcome, Question, Result};
use crate::record::held::{Held, RecordBuffer};
use crate::transport::kernel::CryptoInfo;
use crate::wire::{ContentType, Version};

#[derive(Default)]
pub(super) struct ReadHalf {
    receiving: Option<Box<Receiving>>,
    /// Plaintext of a record that did not fit.
    held: Option<Held>,
    /// Nothing more will be opened.
    end: Option<End>,
}

/// Why nothing more comes.
enum End {
    PeerClosed,
    Failed(Failure),
}

impl End {
    fn outcome(&self) -> Result<Outcome> {
        match self {
            Self::PeerClosed => Ok(Outcome::Closed),
            Self::Failed(failure) => Err(failure.clone()),
        }
    }
}

impl ReadHalf {
    /// Takes over from the handshake.
    pub(super) fn start(&mut self, receiving: Receiving) {
        self.receiving = Some(Box::new(receiving));
    }

    /// Opens as many records as input and room allow.
    pub(super) fn decrypt(
        &mut self,
        shared: &Shared,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
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
        if let Some(receiving) = &self.receiving {
            let (records, key_updates) = receiving.opener.counts();
            shared.counters.records_received.set(records);
            shared.counters.key_updates_received.set(key_updates);
        }
    }

    /// No tickets are taken any more.
    pub(super) fn drop_tickets(&mut self) {
        if let Some(receiving) = &mut self.receiving {
            receiving.drop_tickets();
        }
    }

    /// Opens one record where it lies.
    pub(super) fn decrypt_in_place(
        &mut self,
        shared: &Shared,
        data: &mut [u8],
        counts: &mut Counts,
        plaintext_start: &mut usize,
    ) -> Result<Outcome> {
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
        let receiving = self.receiving()?;
        let (record_len, start, opened) = match receiving.opener.open_in_place(data) {
            Ok(Some(opened)) => opened,
            Ok(None) => return self.wants_input(shared),
            Err(failure) => return Err(self.fail(shared, failure)),
        };
        let range = start..start + opened.data_len;
        let result = match opened.content_type {
            ContentType::ApplicationData => {
                receiving.messages.application_data(opened.data_len, shared.state.now().authentication())
            }
            content_type => {
                let result = receiving.act_on(shared, content_type, &data[range.clone()]);
                data[range.clone()].fill(0);
                match result {
                    Ok(true) => {
                        counts.consumed = record_len;
                        return Ok(self.peer_closed(shared));
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
        let opener = &self.receiving.as_ref()?.opener;
        Some((opener.version(), opener.sequence()))
    }

    /// For the kernel: the keys that have just come into force.
    pub(super) fn next_keys_in_force(&self) -> Result<Option<CryptoInfo>> {
        let Some(receiving) = &self.receiving else { return Ok(None) };
        receiving.next_keys_in_force()
    }

    /// Data that was opened elsewhere.
    pub(super) fn take_data(&mut self, shared: &Shared, data_len: usize) -> Result<()> {
        let receiving = self.receiving()?;
        receiving.opener.count();
        receiving
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
    pub(super) fn take_control(&mut self, shared: &Shared, type_byte: u8, message: &[u8]) -> Result<bool> {
        let receiving = self.receiving()?;
        let updates = receiving.opener.counts().1;
        receiving.opener.count();
        let result = ContentType::from_byte(type_byte)
            .ok_or_else(|| Failure::protocol(Alert::UNEXPECTED_MESSAGE, "a record of unknown type"))
            .and_then(|content_type| receiving.act_on(shared, content_type, message));
        let updated = receiving.opener.counts().1 != updates;
        match result {
            Ok(true) => drop(self.peer_closed(shared)),
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
        let opener = self.receiving.as_ref().map(|receiving| &receiving.opener);
        opener.is_some_and(|opener| !matches!(opener.next(input), Ok(None)))
    }

    /// The transport has ended.
    pub(super) fn end_of_input(&mut self, shared: &Shared) -> Result<Outcome> {
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
    fn next(
        &mut self,
        shared: &Shared,
        input: &[u8],
        output: &mut [u8],
        counts: &mut Counts,
        progress: bool,
    ) -> Result<Option<Outcome>> {
        self.check_session(shared)?;
        let receiving = self.receiving()?;
        let sealed = match receiving.opener.next(&input[counts.consumed..]) {
            Ok(Some(sealed)) => sealed,
            Ok(None) => return self.wants_input(shared).map(Some),
            Err(failure) => return self.fail_unless(progress, shared, failure),
        };
        let room = &mut output[counts.written..];
        let inner_len = sealed.inner_len();
        let fits_in_place = inner_len <= room.len();
        // In TLS 1.3 it may be the type byte after the data that does not fit.
        let fits = receiving.opener.max_data_len(inner_len) <= room.len();
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
            Some(buffer) => buffer.room(inner_len)?,
            None => &mut room[..inner_len],
        };
        let opened = match receiving.opener.peek(&sealed, inner) {
            Ok(opened) => opened,
            Err(failure) => return self.fail_unless(progress, shared, failure),
        };
        if opened.content_type != ContentType::ApplicationData {
            let message = &inner[..opened.data_len];
            let result = self.take_message(shared, opened.content_type, message, sealed.record_len, counts, progress);
            inner.fill(0);
            return result;
        }
        if room.is_empty() && opened.data_len > 0 {
            // Looked at, not taken.
            return Ok(Some(Outcome::WantWrite));
        }
        if let Err(failure) = receiving.messages.application_data(opened.data_len, shared.state.now().authentication())
        {
            return self.fail_unless(progress, shared, failure);
        }
        receiving.opener.count();
        counts.consumed += sealed.record_len;
        match buffer {
            None => counts.written += opened.data_len,
            Some(buffer) => counts.written += self.hold(shared, Held::new(buffer, opened.data_len), room),
        }
        Ok(None)
    }

    /// Acts on an opened record that is not data, as `next` does.
    fn take_message(
        &mut self,
        shared: &Shared,
        content_type: ContentType,
        message: &[u8],
        record_len: usize,
        counts: &mut Counts,
        progress: bool,
    ) -> Result<Option<Outcome>> {
        if progress && content_type == ContentType::Alert {
            // It may end the read half, which has a call of its own.
            return Ok(Some(Outcome::Complete));
        }
        let receiving = self.receiving()?;
        // Counted before its meaning: a KeyUpdate replaces the keys and their count.
        receiving.opener.count();
        match receiving.act_on(shared, content_type, message) {
            Ok(closed) => {
                counts.consumed += record_len;
                Ok(closed.then(|| self.peer_closed(shared)))
            }
            Err(failure) => self.fail_unless(progress, shared, failure),
        }
    }

    fn wants_input(&mut self, shared: &Shared) -> Result<Outcome> {
        if shared.state.now().input_has_ended() { self.end_of_input(shared) } else { Ok(Outcome::WantRead) }
    }

    fn receiving(&mut self) -> Result<&mut Receiving> {
        self.receiving.as_deref_mut().ok_or_else(|| Failure::internal("no keys in an open session"))
    }

    /// The write half may have ended the session.
    fn check_session(&self, shared: &Shared) -> Result<()> {
        shared.sticky().map_or(Ok(()), Err)
    }

    fn peer_closed(&mut self, shared: &Shared) -> Outcome {
        self.end = Some(End::PeerClosed);
        shared.state.peer_closed();
        let version = self.receiving.as_ref().map(|receiving| receiving.opener.version());
        // RFC 5246 section 7.2.1: the other party MUST respond with a close_notify of its own and close at once.
        // RFC 8446 section 6.1: each direction closes by itself.
        if version == Some(Version::Tls12) {
            shared.owed.close_notify();
        }
        Outcome::Closed
    }

    /// Fails now, or, if records before this one have made progress, in the next call.
    fn fail_unless(&mut self, progress: bool, shared: &Shared, failure: Failure) -> Result<Option<Outcome>> {
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
            && !shared.owed.fatal_alert(alert)
        {
            // Another thread has ended sending meanwhile.
            shared.alert_was_not_sent();
        }
        self.end.get_or_insert_with(|| End::Failed(failure.clone()));
        failure
    }
}

/// The peer's transport ended in mid-stream.
pub(super) fn truncated() -> Failure {
    Failure::new(FailureKind::Truncated, "the transport ended without close_notify")
}

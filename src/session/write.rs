//! The write half of an open session, and pending output in every state.

use super::pending::Pending;
use super::sealing::{RESERVED_RECORDS, Sealing};
use super::shared::{Counts, Shared};
use crate::crypto::traffic::TrafficSecret;
use crate::limits::MIN_CIPHERTEXT;
use crate::outcome::{Alert, Failure, Outcome, Result};
use crate::post_handshake::client_auth::Authentication;
use crate::post_handshake::{KEY_UPDATE_LEN, key_update};
use crate::record::seal::{Gather, Sealer};
use crate::transport::kernel::CryptoInfo;
use crate::wire::{AlertMessage, ContentType, Version};

#[derive(Default)]
pub(super) struct WriteHalf {
    pub(super) pending: Pending,
    sealing: Option<Sealing>,
}

/// Plaintext that is still to be sealed.
pub(super) struct Plaintext<'a> {
    spans: Gather<'a>,
    /// Bytes of it.
    left: usize,
}

impl<'a> Plaintext<'a> {
    #[inline]
    pub(super) fn new(spans: &'a [&'a [u8]]) -> Result<Self> {
        let spans = Gather::new(spans);
        let left = spans.len().ok_or_else(|| Failure::argument("the spans together are larger than memory can be"))?;
        Ok(Self { spans, left })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The next spans, as they lie.
    pub(super) fn with_front<R>(&self, body: impl FnOnce(&[&[u8]]) -> R) -> R {
        let mut front: [&[u8]; 64] = [&[]; 64];
        let num = self.spans.front(&mut front);
        body(&front[..num])
    }

    pub(super) fn skip(&mut self, count: usize) {
        self.spans.skip(count);
        self.left -= count;
    }
}

/// Sending has ended: what the read half asks for is too late.
fn end_owed(shared: &Shared) {
    if shared.owed.end() {
        shared.alert_was_not_sent();
    }
}

fn no_keys() -> Failure {
    Failure::internal("no keys in an open session")
}

impl WriteHalf {
    /// Takes over from the handshake.
    pub(super) fn start(&mut self, sealer: Sealer, traffic: Option<TrafficSecret>) {
        self.sealing = Some(Sealing { sealer, traffic });
    }

    /// What a call has put out.
    #[inline]
    pub(super) fn count(&self, shared: &Shared, written: usize) {
        shared.counters.ciphertext_sent.add(written);
        if let Some(sealing) = &self.sealing {
            let (records, key_updates) = sealing.sealer.counts();
            shared.counters.records_sent.set(records);
            shared.counters.key_updates_sent.set(key_updates);
        }
    }

    /// Hands over what fits, whatever the state.
    pub(super) fn drain(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> Result<Outcome> {
        Ok(if self.flush(shared, output, counts)? { Outcome::Complete } else { Outcome::WantWrite })
    }

    /// Seals what is owed and hands over what fits. True if nothing is left.
    #[inline]
    fn flush(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> Result<bool> {
        if shared.owed.is_empty() && self.pending.is_empty() {
            return Ok(true);
        }
        self.flush_pending(shared, output, counts)
    }

    fn flush_pending(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> Result<bool> {
        loop {
            self.settle(shared)?;
            self.pending.hand_over(&shared.state, output, counts);
            if !self.pending.is_empty() {
                return Ok(false);
            }
            if shared.owed.is_empty() {
                return Ok(true);
            }
        }
    }

    /// The socket takes nothing more, for the first of these reasons: sending has ended for good, also for what is pending. A
    /// handshake that only had to send is complete: what the peer has sent can be read.
    pub(super) fn break_off(&mut self, shared: &Shared, errno: i32) {
        shared.state.end_sending();
        if self.pending.break_off(&shared.state, errno) {
            shared.alert_was_not_sent();
        }
        end_owed(shared);
    }

    /// Seals plaintext after pending output. Nothing of it is kept.
    pub(super) fn encrypt(
        &mut self,
        shared: &Shared,
        plaintext: &[&[u8]],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        let mut plaintext = Plaintext::new(plaintext)?;
        if !self.may_seal(shared, output, counts)? {
            return Ok(Outcome::WantWrite);
        }
        self.seal(shared, &mut plaintext, output, counts)
    }

    /// The room in which `encrypt` takes `plaintext_len` bytes whole, whatever the read half asks for before; none where it takes
    /// nothing. `usize::MAX` if there is no such room.
    pub(super) fn ciphertext_size(&self, shared: &Shared, plaintext_len: usize) -> usize {
        match &self.sealing {
            Some(sealing)
                if shared.state.now().can_send() && !shared.owed.is_the_end() && !shared.state.now().has_failed() =>
            {
                sealing.room_for(plaintext_len).saturating_add(self.pending.bytes().len())
            }
            _ => 0,
        }
    }

    /// Fails where no more data can be sent. True if nothing has to be handed over first.
    #[inline]
    fn may_seal(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> Result<bool> {
        if shared.owed.is_empty() && self.pending.is_empty() {
            return self.can_send(shared).map(|()| true);
        }
        self.hand_over_first(shared, output, counts)
    }

    /// Seals what is owed and hands over what fits.
    #[cold]
    fn hand_over_first(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> Result<bool> {
        self.settle(shared)?;
        self.can_send(shared)?;
        if !self.flush_pending(shared, output, counts)? {
            return Ok(false);
        }
        match self.can_send(shared) {
            // The read half has ended the session meanwhile, and what was handed over was the last record. The failure has a
            // call of its own.
            Err(_) if counts.written > 0 => Ok(false),
            result => result.map(|()| true),
        }
    }

    /// Fails where no more data can be sent. Seals nothing: for a caller that has just sent what is owed, and must not find new
    /// pending output that it would overtake.
    #[inline]
    pub(super) fn can_send(&self, shared: &Shared) -> Result<()> {
        if let Some(failure) = shared.sticky() {
            return Err(failure);
        }
        if !shared.state.now().can_send() {
            // Also by the peer's close_notify in TLS 1.2 (RFC 5246 section 7.2.1). Our own waits for drain or shutdown.
            return Err(Failure::state("our side is closed"));
        }
        Ok(())
    }

    /// Seals as many records as fit. Nothing is pending.
    #[inline]
    pub(super) fn seal(
        &mut self,
        shared: &Shared,
        plaintext: &mut Plaintext<'_>,
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        debug_assert!(self.pending.is_empty());
        let mut renewed = false;
        while plaintext.left > 0 {
            let sealing = self.sealing()?;
            let room = &mut output[counts.written..];
            if sealing.sealer.records_left() <= RESERVED_RECORDS {
                // RFC 8446 section 5.5: the key's limit is near.
                match self.renew(shared, output, counts) {
                    Ok(true) => renewed = true,
                    Ok(false) => return Ok(Outcome::WantWrite),
                    // What was done counts; the failure has a call of its own.
                    Err(_) if *counts != Counts::default() => return Ok(Outcome::WantWrite),
                    Err(failure) => return Err(failure),
                }
                continue;
            }
            let left = plaintext.left;
            let data_len = left.min(sealing.sealer.data_that_fits(room.len()));
            // What is left fits whole, or there must be room for a record worth its overhead.
            // After a key update, the rest of that room has to do.
            if data_len == 0 || (data_len < left && room.len() < MIN_CIPHERTEXT && !renewed) {
                return Ok(Outcome::WantWrite);
            }
            let spans = &mut plaintext.spans;
            counts.written += sealing.sealer.seal(ContentType::ApplicationData, spans, data_len, room)?;
            counts.consumed += data_len;
            plaintext.left -= data_len;
        }
        Ok(Outcome::Complete)
    }

    /// A KeyUpdate into `output`, because the key may seal no more data. False if there is too little room.
    #[cold]
    fn renew(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> Result<bool> {
        if self.sealing()?.sealer.version() == Version::Tls12 {
            return Err(Failure::not_supported(
                "this TLS 1.2 session has sealed as many records as its key allows: shut down and connect anew",
            ));
        }
        self.update_keys_in(shared, false, output, counts)
    }

    /// Closes our direction and hands over.
    pub(super) fn shutdown(&mut self, shared: &Shared, output: &mut [u8], counts: &mut Counts) -> Result<Outcome> {
        self.settle(shared)?;
        if shared.state.now().can_send() && !shared.state.now().has_failed() {
            self.close(shared)?;
        }
        Ok(if self.flush(shared, output, counts)? { Outcome::Closed } else { Outcome::WantWrite })
    }

    /// Changes to the next keys after pending output. WANT_WRITE: nothing was done.
    pub(super) fn next_keys(
        &mut self,
        shared: &Shared,
        request_peer_update: bool,
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        self.settle(shared)?;
        self.may_update_keys(shared)?;
        let done = self.may_seal(shared, output, counts)?
            && self.update_keys_in(shared, request_peer_update, output, counts)?;
        Ok(if done { Outcome::Complete } else { Outcome::WantWrite })
    }

    /// Fails where we cannot change our keys.
    pub(super) fn may_update_keys(&mut self, shared: &Shared) -> Result<()> {
        self.can_send(shared)?;
        match self.sealing()?.sealer.version() {
            Version::Tls12 => Err(Failure::not_supported("TLS 1.2 has no key update")),
            Version::Tls13 => Ok(()),
        }
    }

    /// Changes to the next keys, with the message in `output`; nothing is pending. False, and nothing done, if there is too little
    /// room.
    fn update_keys_in(
        &mut self,
        shared: &Shared,
        request_peer_update: bool,
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<bool> {
        let room = output.len() - counts.written;
        if self.sealing()?.sealer.data_that_fits(room) < KEY_UPDATE_LEN {
            return Ok(false);
        }
        self.update_keys(shared, request_peer_update)?;
        self.pending.hand_over(&shared.state, output, counts);
        Ok(true)
    }

    /// RFC 8446 section 4.6.3: the message is pending, under the old keys; everything after it is under the next.
    pub(super) fn update_keys(&mut self, shared: &Shared, request_peer_update: bool) -> Result<()> {
        self.put(shared, ContentType::Handshake, &key_update(request_peer_update))?;
        self.pending.ends_with_key_update();
        self.sealing()?.next_keys()
    }

    /// Asks the client for a certificate after pending output; `make` gives the message. WANT_WRITE: nothing was done.
    /// COMPLETE: asked; what did not fit is pending.
    pub(super) fn ask_client(
        &mut self,
        shared: &Shared,
        make: impl FnOnce() -> Result<Vec<u8>>,
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome> {
        if !self.may_seal(shared, output, counts)? {
            return Ok(Outcome::WantWrite);
        }
        let message = make()?;
        let most = self.sealing()?.sealer.max_fragment();
        for fragment in message.chunks(most) {
            self.put(shared, ContentType::Handshake, fragment)?;
        }
        shared.state.authenticate(Authentication::Requested);
        self.pending.hand_over(&shared.state, output, counts);
        Ok(Outcome::Complete)
    }

    /// Version and number of the next record.
    pub(super) fn keys_in_force(&self) -> Option<(Version, u64)> {
        let sealer = &self.sealing.as_ref()?.sealer;
        Some((sealer.version(), sealer.sequence()))
    }

    /// From now on the kernel seals the records: those in pending output are unprotected.
    pub(super) fn hand_over_to_kernel(&mut self) {
        self.sealing = self.sealing.take().map(|sealing| {
            let Sealing { sealer, traffic } = sealing;
            Sealing { sealer: sealer.hand_over_to_kernel(), traffic }
        });
    }

    pub(super) fn records_left(&self) -> u64 {
        self.sealing.as_ref().map_or(0, |sealing| sealing.sealer.records_left())
    }

    /// The kernel has sealed records.
    pub(super) fn sealed_by_kernel(&mut self, records: u64) {
        if let Some(sealing) = &mut self.sealing {
            sealing.sealer.sealed_by_kernel(records);
        }
    }

    /// For the kernel: the keys that have just come into force.
    pub(super) fn next_keys_in_force(&self) -> Result<Option<CryptoInfo>> {
        let Some(sealing) = &self.sealing else { return Ok(None) };
        sealing.traffic.as_ref().map_or(Ok(None), CryptoInfo::of)
    }

    /// Seals what the read half owes the peer. A reply waits until the one before it is handed over, so that a peer
    /// that asks and does not read is owed one, not thousands.
    #[inline]
    pub(super) fn settle(&mut self, shared: &Shared) -> Result<()> {
        if shared.owed.is_empty() { Ok(()) } else { self.settle_owed(shared) }
    }

    #[cold]
    fn settle_owed(&mut self, shared: &Shared) -> Result<()> {
        if !shared.state.now().can_send() {
            end_owed(shared);
            return Ok(());
        }
        let due = shared.owed.take();
        let waits = !self.pending.is_empty();
        if due.key_update {
            if waits { shared.owed.key_update() } else { self.update_keys(shared, false)? }
        }
        if due.no_renegotiation {
            if waits { shared.owed.no_renegotiation() } else { self.alert(shared, Alert::NO_RENEGOTIATION)? }
        }
        if let Some(alert) = due.fatal_alert {
            self.alert(shared, alert)?;
            shared.state.end_sending();
        } else if due.close_notify {
            self.close(shared)?;
        }
        Ok(())
    }

    fn close(&mut self, shared: &Shared) -> Result<()> {
        self.alert(shared, Alert::CLOSE_NOTIFY)?;
        shared.state.close();
        end_owed(shared);
        Ok(())
    }

    fn alert(&mut self, shared: &Shared, alert: Alert) -> Result<()> {
        self.put(shared, ContentType::Alert, &AlertMessage::bytes(alert))
    }

    /// A message of TLS itself: its record is pending.
    fn put(&mut self, shared: &Shared, content_type: ContentType, message: &[u8]) -> Result<()> {
        let sealer = &mut self.sealing.as_mut().ok_or_else(no_keys)?.sealer;
        self.pending.add(&shared.state, |pending| sealer.seal_message(content_type, message, pending))
    }

    fn sealing(&mut self) -> Result<&mut Sealing> {
        self.sealing.as_mut().ok_or_else(no_keys)
    }

    /// A handshake message after the handshake.
    #[cfg(test)]
    pub(super) fn seal_message(&mut self, message: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        self.sealing().unwrap().sealer.seal_message(ContentType::Handshake, message, &mut record).unwrap();
        record
    }

    #[cfg(test)]
    pub(super) fn set_records_left(&mut self, left: u64) {
        self.sealing().unwrap().sealer.set_records_left(left);
    }
}

//! The write half of an open session, and pending output in every state.

use std::ops::Range;

use super::shared::{Counts, Shared};
use crate::crypto::traffic::TrafficSecret;
use crate::limits::{MAX_PLAINTEXT, MIN_CIPHERTEXT, RECORD_HEADER};
use crate::memory;
use crate::outcome::{Alert, Failure, Outcome};
use crate::post_handshake::client_auth::Authentication;
use crate::post_handshake::{KEY_UPDATE_LEN, key_update};
use crate::record::seal::{Gather, Sealer};
use crate::transport::kernel::CryptoInfo;
use crate::transport::scratch::Scratch;
use crate::wire::record::{self, next_record};
use crate::wire::{AlertMessage, ContentType, Record, Version};

/// Records that a key keeps for a KeyUpdate, or for an alert where there is none.
const RESERVED_RECORDS: u64 = 2;

#[derive(Default)]
pub(super) struct WriteHalf {
    /// Made but not yet handed over; bytes before `handed` are. Boxed, and none while there is none: an idle session is
    /// small.
    #[expect(clippy::box_collection, reason = "a third of the room while there is none")]
    pending: Option<Box<Vec<u8>>>,
    /// Flights and send buffers are far smaller than this can count.
    handed: u32,
    sealing: Option<Sealing>,
}

struct Sealing {
    sealer: Sealer,
    /// TLS 1.3: what the next keys derive from.
    traffic: Option<TrafficSecret>,
}

/// Plaintext that is still to be sealed.
pub(super) struct Plaintext<'a> {
    spans: Gather<'a>,
    /// Bytes of it.
    left: usize,
}

impl<'a> Plaintext<'a> {
    #[inline]
    pub(super) fn new(spans: &'a [&'a [u8]]) -> Result<Self, Failure> {
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

fn no_keys() -> Failure {
    Failure::internal("no keys in an open session")
}

impl WriteHalf {
    /// Takes over from the handshake.
    pub(super) fn open(&mut self, sealer: Sealer, traffic: Option<TrafficSecret>) {
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

    /// Lets `make` add to the pending output.
    pub(super) fn add<R>(&mut self, shared: &Shared, make: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let result = make(self.pending.get_or_insert_default());
        if !self.has_pending() {
            self.pending = None;
        }
        if self.has_pending() {
            shared.state.output_pends();
        }
        result
    }

    /// Makes these bytes of a buffer pending output; there is none. If there is no memory for a copy, it keeps the buffer.
    pub(super) fn keep_sealed(&mut self, shared: &Shared, buffer: Scratch, range: Range<usize>) {
        let (pending, handed) = match memory::reserved(range.len()) {
            Ok(mut copy) => {
                copy.extend_from_slice(&buffer[range]);
                (copy, 0)
            }
            Err(_) => {
                let mut all = Vec::from(buffer);
                all.truncate(range.end);
                (all, range.start as u32)
            }
        };
        self.pending = Some(Box::new(pending));
        self.handed = handed;
        shared.state.output_pends();
    }

    pub(super) fn has_pending(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| (self.handed as usize) < pending.len())
    }

    /// Hands over what fits, whatever the state.
    pub(super) fn drain(
        &mut self,
        shared: &Shared,
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<Outcome, Failure> {
        self.flush(shared, output, written)?;
        Ok(if self.has_pending() { Outcome::WantWrite } else { Outcome::Complete })
    }

    /// Seals what is owed and hands over what fits, until nothing is owed or there is no room.
    #[inline]
    fn flush(&mut self, shared: &Shared, output: &mut [u8], written: &mut usize) -> Result<(), Failure> {
        if shared.owed.is_empty() && !self.has_pending() {
            return Ok(());
        }
        self.flush_pending(shared, output, written)
    }

    fn flush_pending(&mut self, shared: &Shared, output: &mut [u8], written: &mut usize) -> Result<(), Failure> {
        loop {
            self.settle(shared)?;
            self.hand_over(shared, output, written);
            if self.has_pending() || shared.owed.is_empty() {
                return Ok(());
            }
        }
    }

    /// Copies pending output to `output`, from `written` on.
    #[inline]
    pub(super) fn hand_over(&mut self, shared: &Shared, output: &mut [u8], written: &mut usize) {
        if self.has_pending() {
            self.hand_over_pending(shared, output, written);
        }
    }

    fn hand_over_pending(&mut self, shared: &Shared, output: &mut [u8], written: &mut usize) {
        let room = &mut output[*written..];
        let left = self.pending();
        let count = left.len().min(room.len());
        room[..count].copy_from_slice(&left[..count]);
        *written += count;
        self.handed_over(shared, count);
    }

    /// Output that is made and not yet handed over.
    pub(super) fn pending(&self) -> &[u8] {
        self.pending.as_ref().map_or(&[], |pending| &pending[self.handed as usize..])
    }

    /// The next `count` bytes of pending output are on their way.
    pub(super) fn handed_over(&mut self, shared: &Shared, count: usize) {
        self.handed += count as u32;
        if !self.has_pending() {
            // An idle session keeps no buffer.
            self.pending = None;
            self.handed = 0;
            shared.state.delivered();
        }
    }

    /// Sending has ended for good, also for what is pending. A handshake that only had to send is complete: what the
    /// peer has sent can be read.
    pub(super) fn abandon(&mut self, shared: &Shared) {
        shared.state.end_sending();
        if self.has_pending() || shared.owed.take().fatal_alert.is_some() {
            shared.alert_was_not_sent();
        }
        self.pending = None;
        self.handed = 0;
        shared.state.delivered();
    }

    /// Seals plaintext after pending output. Nothing of it is kept.
    pub(super) fn encrypt(
        &mut self,
        shared: &Shared,
        plaintext: &[&[u8]],
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome, Failure> {
        let mut plaintext = Plaintext::new(plaintext)?;
        self.may_seal(shared)?;
        self.flush(shared, output, &mut counts.written)?;
        if self.has_pending() {
            return Ok(Outcome::WantWrite);
        }
        self.seal(&mut plaintext, output, counts)
    }

    /// The room in which `encrypt` takes `plaintext_len` bytes whole, whatever the read half asks for before; none where it takes
    /// nothing. `usize::MAX` if there is no such room.
    pub(super) fn ciphertext_size(&self, shared: &Shared, plaintext_len: usize) -> usize {
        match &self.sealing {
            Some(sealing)
                if shared.state.now().can_send() && !shared.owed.is_the_end() && !shared.state.now().has_failed() =>
            {
                sealing.room_for(plaintext_len).saturating_add(self.pending().len())
            }
            _ => 0,
        }
    }

    /// Seals what is owed; fails where no more data can be sent.
    #[inline]
    pub(super) fn may_seal(&mut self, shared: &Shared) -> Result<(), Failure> {
        self.settle(shared)?;
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
        plaintext: &mut Plaintext<'_>,
        output: &mut [u8],
        counts: &mut Counts,
    ) -> Result<Outcome, Failure> {
        let mut renewed = false;
        while plaintext.left > 0 {
            let sealing = self.sealing()?;
            let room = &mut output[counts.written..];
            if sealing.sealer.records_left() <= RESERVED_RECORDS {
                match sealing.renew(room) {
                    Ok(Some(written)) => {
                        counts.written += written;
                        renewed = true;
                    }
                    Ok(None) => return Ok(Outcome::WantWrite),
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

    /// Closes our direction and hands over.
    pub(super) fn shutdown(
        &mut self,
        shared: &Shared,
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<Outcome, Failure> {
        self.settle(shared)?;
        if shared.state.now().can_send() && !shared.state.now().has_failed() {
            self.close(shared)?;
        }
        self.flush(shared, output, written)?;
        Ok(if self.has_pending() { Outcome::WantWrite } else { Outcome::Closed })
    }

    /// Changes to the next keys (RFC 8446 section 4.6.3) after pending output. WANT_WRITE: nothing was done.
    pub(super) fn next_keys(
        &mut self,
        shared: &Shared,
        request_peer_update: bool,
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<Outcome, Failure> {
        self.settle(shared)?;
        if let Some(failure) = shared.sticky() {
            return Err(failure);
        }
        if !shared.state.now().can_send() {
            return Err(Failure::state("our side is closed"));
        }
        if self.sealing()?.sealer.version() == Version::Tls12 {
            return Err(Failure::not_supported("TLS 1.2 has no key update"));
        }
        self.flush(shared, output, written)?;
        if self.has_pending() {
            return Ok(Outcome::WantWrite);
        }
        let message = key_update(request_peer_update);
        match self.sealing()?.update(&message, &mut output[*written..])? {
            Some(len) => {
                *written += len;
                Ok(Outcome::Complete)
            }
            None => Ok(Outcome::WantWrite),
        }
    }

    /// Asks the client for a certificate after pending output; `make` gives the message. WANT_WRITE: nothing was done.
    /// COMPLETE: asked; what did not fit is pending.
    pub(super) fn ask_client(
        &mut self,
        shared: &Shared,
        make: impl FnOnce() -> Result<Vec<u8>, Failure>,
        output: &mut [u8],
        written: &mut usize,
    ) -> Result<Outcome, Failure> {
        self.settle(shared)?;
        if let Some(failure) = shared.sticky() {
            return Err(failure);
        }
        if !shared.state.now().can_send() {
            return Err(Failure::state("our side is closed"));
        }
        self.flush(shared, output, written)?;
        if self.has_pending() {
            return Ok(Outcome::WantWrite);
        }
        let message = make()?;
        let (sealing, pending) = self.parts()?;
        let most = sealing.sealer.data_that_fits(usize::MAX);
        for fragment in message.chunks(most) {
            sealing.sealer.seal_message(ContentType::Handshake, fragment, pending)?;
        }
        shared.state.authenticating(Authentication::Requested);
        shared.state.output_pends();
        self.hand_over(shared, output, written);
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

    /// A KeyUpdate is pending, and the keys after it are the next ones.
    pub(super) fn queue_key_update(&mut self, shared: &Shared, request_peer_update: bool) -> Result<(), Failure> {
        let message = key_update(request_peer_update);
        let (sealing, pending) = self.parts()?;
        if sealing.sealer.version() == Version::Tls12 {
            return Err(Failure::not_supported("TLS 1.2 has no key update"));
        }
        sealing.sealer.seal_message(ContentType::Handshake, &message, pending)?;
        sealing.next_keys()?;
        shared.state.output_pends();
        Ok(())
    }

    /// For the kernel: the keys that have just come into force.
    pub(super) fn next_keys_in_force(&self) -> Result<Option<CryptoInfo>, Failure> {
        let Some(sealing) = &self.sealing else { return Ok(None) };
        sealing.traffic.as_ref().map_or(Ok(None), CryptoInfo::of)
    }

    /// `count` bytes of the message in the first record were sent. What is left of it is a record of its own: a message of
    /// the handshake may be in several records (RFC 8446 section 5.1), and an alert is too short.
    pub(super) fn bare_record_sent(&mut self, shared: &Shared, count: usize) {
        let Some(pending) = &mut self.pending else { return };
        let record = &mut pending[self.handed as usize..];
        let Ok(Some(Record { content_type, bytes })) = next_record(record, MAX_PLAINTEXT) else { return };
        let left = bytes.len() - RECORD_HEADER - count;
        if left == 0 {
            return self.handed_over(shared, RECORD_HEADER + count);
        }
        record[count..count + RECORD_HEADER].copy_from_slice(&record::header(content_type, left));
        self.handed_over(shared, count);
    }

    /// Seals what the read half owes the peer. A reply waits until the one before it is handed over, so that a peer
    /// that asks and does not read is owed one, not thousands.
    #[inline]
    pub(super) fn settle(&mut self, shared: &Shared) -> Result<(), Failure> {
        if shared.owed.is_empty() { Ok(()) } else { self.settle_owed(shared) }
    }

    #[cold]
    fn settle_owed(&mut self, shared: &Shared) -> Result<(), Failure> {
        let due = shared.owed.take();
        let closed = !shared.state.now().can_send();
        if closed && due.fatal_alert.is_some() {
            shared.alert_was_not_sent();
        }
        if due == Default::default() || closed {
            return Ok(());
        }
        let waits = self.has_pending();
        if due.key_update {
            if waits { shared.owed.key_update() } else { self.update_keys(shared)? }
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

    fn close(&mut self, shared: &Shared) -> Result<(), Failure> {
        self.alert(shared, Alert::CLOSE_NOTIFY)?;
        shared.state.close();
        Ok(())
    }

    /// RFC 8446 section 4.6.3: the message goes out under the old keys, everything after it under the next.
    fn update_keys(&mut self, shared: &Shared) -> Result<(), Failure> {
        let (sealing, pending) = self.parts()?;
        sealing.sealer.seal_message(ContentType::Handshake, &key_update(false), pending)?;
        sealing.next_keys()?;
        shared.state.output_pends();
        Ok(())
    }

    fn alert(&mut self, shared: &Shared, alert: Alert) -> Result<(), Failure> {
        let (sealing, pending) = self.parts()?;
        sealing.sealer.seal_message(ContentType::Alert, &AlertMessage::bytes(alert), pending)?;
        shared.state.output_pends();
        Ok(())
    }

    fn sealing(&mut self) -> Result<&mut Sealing, Failure> {
        self.sealing.as_mut().ok_or_else(no_keys)
    }

    fn parts(&mut self) -> Result<(&mut Sealing, &mut Vec<u8>), Failure> {
        let sealing = self.sealing.as_mut().ok_or_else(no_keys)?;
        Ok((sealing, self.pending.get_or_insert_default()))
    }

    /// A KeyUpdate that asks for one back.
    #[cfg(test)]
    pub(super) fn request_key_update(&mut self, shared: &Shared) {
        let (sealing, pending) = self.parts().unwrap();
        sealing.sealer.seal_message(ContentType::Handshake, &key_update(true), pending).unwrap();
        sealing.next_keys().unwrap();
        shared.state.output_pends();
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

impl Sealing {
    /// The key's limit is near (RFC 8446 section 5.5): puts a KeyUpdate into `room` and continues with the next keys.
    /// `None` if there is too little room. TLS 1.2 has no KeyUpdate: its session has to end.
    fn renew(&mut self, room: &mut [u8]) -> Result<Option<usize>, Failure> {
        if self.sealer.version() == Version::Tls12 {
            return Err(Failure::state(
                "this TLS 1.2 session has sealed as many records as its key allows: shut down and connect anew",
            ));
        }
        self.update(&key_update(false), room)
    }

    /// What this much plaintext takes as records, with what may have to precede them: a reply that the read half owes, and a
    /// KeyUpdate whenever a key is used up.
    fn room_for(&self, plaintext_len: usize) -> usize {
        let sealer = &self.sealer;
        let Some((overhead, records_per_key)) = sealer.costs() else { return 0 };
        let records = plaintext_len.div_ceil(sealer.data_that_fits(usize::MAX)) as u64;
        let replies = match sealer.version() {
            Version::Tls12 => overhead + AlertMessage::bytes(Alert::NO_RENEGOTIATION).len(),
            Version::Tls13 => {
                let left = sealer.records_left().saturating_sub(RESERVED_RECORDS);
                let renewals = records.saturating_sub(left).div_ceil(records_per_key - RESERVED_RECORDS);
                (overhead + KEY_UPDATE_LEN).saturating_mul(1 + renewals as usize)
            }
        };
        let overhead = (records as usize).saturating_mul(overhead);
        plaintext_len.saturating_add(overhead).saturating_add(replies)
    }

    /// Puts this KeyUpdate into `room` and continues with the next keys; `None` if there is too little room.
    fn update(&mut self, message: &[u8], room: &mut [u8]) -> Result<Option<usize>, Failure> {
        if self.sealer.data_that_fits(room.len()) < message.len() {
            return Ok(None);
        }
        let spans: &[&[u8]] = &[message];
        let written = self.sealer.seal(ContentType::Handshake, &mut Gather::new(spans), message.len(), room)?;
        self.next_keys()?;
        Ok(Some(written))
    }

    fn next_keys(&mut self) -> Result<(), Failure> {
        let traffic = self.traffic.as_mut().ok_or_else(|| Failure::internal("a key update without a secret"))?;
        let keys = traffic.update()?;
        self.sealer.replace_keys(keys);
        Ok(())
    }
}

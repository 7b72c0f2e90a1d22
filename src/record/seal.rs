//! Sealing: plaintext into records.

use super::keys::Protection;
use super::{ContentType, Version, header};
use crate::crypto::provider::aead::Algorithm;
use crate::limits::MAX_PLAINTEXT;
use crate::outcome::Failure;

/// The sending side of the record layer.
pub(crate) struct Sealer {
    protection: Box<Protection>,
    /// Records under earlier keys, less those of the handshake under the first ones.
    done: i64,
    key_updates: u32,
    /// Bytes of data in a record, at most.
    max_data: u16,
    /// Somebody else protects the records: messages get a header and stay bare.
    is_bare: bool,
}

impl Sealer {
    pub(crate) fn new(protection: Box<Protection>) -> Self {
        Self {
            done: -(protection.sequence() as i64),
            key_updates: 0,
            protection,
            max_data: MAX_PLAINTEXT as u16,
            is_bare: false,
        }
    }

    /// Records carry no more than this from now on.
    pub(crate) fn limit_fragments(&mut self, max_data: usize) {
        self.max_data = max_data.min(MAX_PLAINTEXT) as u16;
    }

    /// From now on somebody else protects the records.
    pub(crate) fn leave_bare(&mut self) {
        self.is_bare = true;
    }

    /// The number of the next record.
    pub(crate) fn sequence(&self) -> u64 {
        self.protection.sequence()
    }

    /// Counts records that somebody else has protected.
    pub(crate) fn sent_outside(&mut self, records: u64) {
        self.protection.go_to(self.protection.sequence() + records);
    }

    /// Bytes that a record of `data_len` bytes takes.
    pub(crate) fn record_len(&self, data_len: usize) -> usize {
        data_len + self.protection.overhead()
    }

    /// The most data that one record of at most `room` bytes can carry.
    pub(crate) fn data_that_fits(&self, room: usize) -> usize {
        room.saturating_sub(self.protection.overhead()).min(usize::from(self.max_data))
    }

    pub(crate) fn records_left(&self) -> u64 {
        self.protection.records_left()
    }

    pub(crate) fn version(&self) -> Version {
        self.protection.version()
    }

    pub(crate) fn replace_keys(&mut self, protection: Box<Protection>) {
        self.done += self.protection.sequence() as i64;
        self.key_updates = self.key_updates.wrapping_add(1);
        self.protection = protection;
    }

    /// Records since the handshake, and changes of keys.
    #[inline]
    pub(crate) fn counts(&self) -> (u64, u32) {
        ((self.done + self.protection.sequence() as i64) as u64, self.key_updates)
    }

    pub(crate) fn algorithm(&self) -> &'static Algorithm {
        self.protection.algorithm()
    }

    /// Seals the next `data_len` bytes of `plaintext` as one record at the front of `output` and returns the
    /// record's length. `output` has at least `record_len(data_len)` bytes and `plaintext` at least `data_len`.
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        plaintext: &mut Gather<'_>,
        data_len: usize,
        output: &mut [u8],
    ) -> Result<usize, Failure> {
        let record_len = self.record_len(data_len);
        let record = output.get_mut(..record_len).and_then(|record| self.protection.parts(record));
        let record = record.ok_or_else(|| Failure::internal("sealing into too little room"))?;
        let data = plaintext.next(data_len);
        if data.is_none() {
            plaintext.take_across(&mut record.sealed[..data_len]);
        }
        self.protection.seal(content_type, data, record)?;
        Ok(record_len)
    }

    /// Seals one short message, an alert or a KeyUpdate, and appends it to `output`.
    pub(crate) fn seal_message(
        &mut self,
        content_type: ContentType,
        message: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        let start = output.len();
        if self.is_bare {
            output.extend_from_slice(&header::bytes(content_type, message.len()));
            output.extend_from_slice(message);
            return Ok(());
        }
        output.resize(start + self.record_len(message.len()), 0);
        self.seal(content_type, &mut Gather::new(&[message]), message.len(), &mut output[start..])?;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn set_records_left(&mut self, left: u64) {
        self.protection.set_records_left(left);
    }
}

/// Plaintext that lies in several spans, taken from the front.
pub(crate) struct Gather<'a> {
    spans: &'a [&'a [u8]],
    /// Bytes of the first span that are taken.
    taken: usize,
}

impl<'a> Gather<'a> {
    pub(crate) fn new(spans: &'a [&'a [u8]]) -> Self {
        Self { spans, taken: 0 }
    }

    /// Bytes left; `None` if their sum is more than memory can hold (spans may overlap each other).
    pub(crate) fn len(&self) -> Option<usize> {
        let total = self.spans.iter().try_fold(0usize, |sum, span| sum.checked_add(span.len()))?;
        total.checked_sub(self.taken)
    }

    /// The next `len` bytes where they lie, if one span holds them all, as it almost always does.
    #[inline]
    fn next(&mut self, len: usize) -> Option<&'a [u8]> {
        let next = self.spans.first()?.get(self.taken..self.taken + len)?;
        self.taken += len;
        Some(next)
    }

    /// The next spans, as many as fit into `front`.
    pub(crate) fn front(&self, front: &mut [&'a [u8]]) -> usize {
        let mut taken = self.taken;
        let mut num = 0;
        for (to, span) in front.iter_mut().zip(self.spans) {
            *to = &span[std::mem::take(&mut taken)..];
            num += 1;
        }
        num
    }

    /// Leaves out the next `count` bytes; there are as many.
    pub(crate) fn skip(&mut self, mut count: usize) {
        while let Some((first, rest)) = self.spans.split_first() {
            let left = first.len() - self.taken;
            if count < left {
                self.taken += count;
                return;
            }
            count -= left;
            self.spans = rest;
            self.taken = 0;
        }
    }

    /// Fills `to`; there must be as many bytes left.
    fn take_across(&mut self, mut to: &mut [u8]) {
        while let Some((first, rest)) = self.spans.split_first()
            && !to.is_empty()
        {
            let left = &first[self.taken..];
            let count = left.len().min(to.len());
            let (now, later) = to.split_at_mut(count);
            now.copy_from_slice(&left[..count]);
            to = later;
            self.taken += count;
            if self.taken == first.len() {
                self.spans = rest;
                self.taken = 0;
            }
        }
        debug_assert!(to.is_empty());
    }
}

//! Sealing: plaintext into records.

use super::protection::{KernelRecords, Protection};
use crate::crypto::record_keys::RecordKeys;
use crate::limits::MAX_PLAINTEXT;
use crate::outcome::{Failure, Result};
use crate::wire::{ContentType, Version, record};

/// The sending side of the record layer.
pub(crate) struct Sealer {
    sealing: SealedBy,
    /// Records under earlier keys, less those of the handshake under the first ones.
    done: i64,
    key_updates: u32,
    /// Bytes of data in a record, at most.
    max_data: u16,
}

/// Which side of the system call seals the records.
enum SealedBy {
    Us(Protection),
    /// Messages get a header and stay unprotected.
    Kernel(KernelRecords),
}

impl Sealer {
    /// A record carries no more than `max_data`.
    pub(crate) fn new(protection: Protection, max_data: usize) -> Self {
        Self {
            done: -(protection.sequence() as i64),
            key_updates: 0,
            sealing: SealedBy::Us(protection),
            max_data: max_data.min(MAX_PLAINTEXT) as u16,
        }
    }

    /// From now on the kernel seals the records. It has the keys already.
    pub(crate) fn hand_over_to_kernel(self) -> Self {
        let sealing = match self.sealing {
            SealedBy::Us(protection) => SealedBy::Kernel(KernelRecords::from_ours(protection)),
            kernel => kernel,
        };
        Self { sealing, ..self }
    }

    /// The number of the next record.
    #[inline]
    pub(crate) fn sequence(&self) -> u64 {
        match &self.sealing {
            SealedBy::Us(protection) => protection.sequence(),
            SealedBy::Kernel(records) => records.sequence(),
        }
    }

    /// Counts records that the kernel has sealed; there are none otherwise.
    pub(crate) fn sealed_by_kernel(&mut self, records: u64) {
        if let SealedBy::Kernel(counted) = &mut self.sealing {
            counted.sealed(records);
        }
    }

    /// What seals here.
    #[inline]
    fn ours(&self) -> Result<&Protection> {
        match &self.sealing {
            SealedBy::Us(protection) => Ok(protection),
            SealedBy::Kernel(_) => Err(the_kernel_seals()),
        }
    }

    /// The most data that one record of at most `room` bytes can carry.
    #[inline]
    pub(crate) fn data_that_fits(&self, room: usize) -> usize {
        let overhead = self.ours().map_or(usize::MAX, |protection| protection.keys().overhead());
        room.saturating_sub(overhead).min(usize::from(self.max_data))
    }

    /// The longest part of a message that one record carries, whichever side seals it.
    pub(crate) fn max_fragment(&self) -> usize {
        self.max_data.into()
    }

    #[inline]
    pub(crate) fn records_left(&self) -> u64 {
        match &self.sealing {
            SealedBy::Us(protection) => protection.records_left(),
            SealedBy::Kernel(records) => records.records_left(),
        }
    }

    /// Bytes of a record that are not data, and records that each of the next keys may seal; `None` if the kernel seals.
    pub(crate) fn costs(&self) -> Option<(usize, u64)> {
        self.ours().ok().map(|protection| (protection.keys().overhead(), protection.keys().aead.max_records()))
    }

    pub(crate) fn version(&self) -> Version {
        match &self.sealing {
            SealedBy::Us(protection) => protection.keys().version,
            SealedBy::Kernel(records) => records.version(),
        }
    }

    pub(crate) fn replace_keys(&mut self, keys: Box<RecordKeys>) {
        self.done += self.sequence() as i64;
        self.key_updates = self.key_updates.wrapping_add(1);
        match &mut self.sealing {
            SealedBy::Us(protection) => *protection = Protection::new(keys, 0),
            SealedBy::Kernel(records) => records.start_over(),
        }
    }

    /// Records since the handshake, and changes of keys.
    #[inline]
    pub(crate) fn counts(&self) -> (u64, u32) {
        ((self.done + self.sequence() as i64) as u64, self.key_updates)
    }

    /// Seals the next `data_len` bytes of `plaintext` as one record at the front of `output` and returns the record's
    /// length. `output` has room for the record (see `data_that_fits`), and `plaintext` at least `data_len` bytes.
    #[inline]
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        plaintext: &mut Gather<'_>,
        data_len: usize,
        output: &mut [u8],
    ) -> Result<usize> {
        let SealedBy::Us(protection) = &mut self.sealing else { return Err(the_kernel_seals()) };
        let record_len = data_len + protection.keys().overhead();
        let record = output.get_mut(..record_len).and_then(|record| protection.keys().room_in(record));
        let record = record.ok_or_else(|| Failure::internal("sealing into too little room"))?;
        let data = plaintext.next(data_len);
        if data.is_none() {
            plaintext.take_across(&mut record.sealed[..data_len]);
        }
        protection.seal(content_type, data, record)?;
        Ok(record_len)
    }

    /// Makes a record of one short message, an alert or a KeyUpdate, and appends it to `output`: sealed, or if the kernel
    /// seals, as it is.
    pub(crate) fn seal_message(
        &mut self,
        content_type: ContentType,
        message: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<()> {
        let start = output.len();
        match &self.sealing {
            SealedBy::Us(protection) => {
                output.resize(start + message.len() + protection.keys().overhead(), 0);
                let sealed = self.seal(content_type, &mut Gather::new(&[message]), message.len(), &mut output[start..]);
                sealed.map(drop).inspect_err(|_| output.truncate(start))
            }
            SealedBy::Kernel(_) => {
                output.extend_from_slice(&record::header(content_type, message.len()));
                output.extend_from_slice(message);
                Ok(())
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn set_records_left(&mut self, left: u64) {
        if let SealedBy::Us(protection) = &mut self.sealing {
            protection.set_records_left(left);
        }
    }
}

fn the_kernel_seals() -> Failure {
    Failure::internal("records that the kernel seals")
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

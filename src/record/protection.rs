//! The sequence numbers of an open session.

use crate::crypto::aead::{Aead, EXPLICIT_NONCE_LEN, TAG_LEN};
use crate::crypto::record_keys::{BadRecord, RecordKeys, RecordRoom};
use crate::limits::RECORD_HEADER;
use crate::outcome::Result;
#[cfg(test)]
use crate::outcome::faults;
use crate::wire::{ContentType, Version};

/// The keys of one direction of an open session, and the number of records done under them. The number only grows, so no
/// nonce is used twice (RFC 8446 section 5.3): nothing outside can set it.
pub(crate) struct Protection {
    keys: Box<RecordKeys>,
    sequence: u64,
}

impl Protection {
    /// `sequence`: the number of the next record.
    pub(crate) fn new(keys: Box<RecordKeys>, sequence: u64) -> Self {
        Self { keys, sequence }
    }

    pub(crate) fn keys(&self) -> &RecordKeys {
        &self.keys
    }

    /// Records done under these keys.
    #[inline]
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Records that may still be sealed under these keys (RFC 8446 section 5.5).
    #[inline]
    pub(crate) fn records_left(&self) -> u64 {
        self.keys.max_records().saturating_sub(self.sequence)
    }

    /// Seals the next record and counts it: see [`RecordKeys::seal_at`].
    #[inline]
    pub(crate) fn seal(
        &mut self,
        content_type: ContentType,
        data: Option<&[u8]>,
        record: RecordRoom<'_>,
    ) -> Result<()> {
        #[cfg(test)]
        faults::reach(faults::Place::Sealing);
        self.keys.seal_at(self.sequence, content_type, data, record)?;
        self.sequence += 1;
        Ok(())
    }

    /// Opens the next record: see [`RecordKeys::open_at`]. It is not counted: `opened` does, once the caller has decided to
    /// consume it.
    #[inline]
    pub(crate) fn open(
        &self,
        header: &[u8; RECORD_HEADER],
        explicit_nonce: Option<&[u8; EXPLICIT_NONCE_LEN]>,
        ciphertext: Option<&[u8]>,
        inner: &mut [u8],
        tag: &[u8; TAG_LEN],
    ) -> Result<(), BadRecord> {
        #[cfg(test)]
        faults::reach(faults::Place::Opening);
        self.keys.open_at(self.sequence, header, explicit_nonce, ciphertext, inner, tag)
    }

    /// Counts an opened record.
    pub(crate) fn opened(&mut self) {
        self.sequence += 1;
    }

    #[cfg(test)]
    pub(crate) fn set_records_left(&mut self, left: u64) {
        self.keys.fewer_records = 0;
        self.keys.fewer_records = self.keys.max_records() - self.sequence - left;
    }
}

/// Records that the kernel seals: counted here, for the limit of their key, and never sealed here.
pub(crate) struct KernelRecords {
    version: Version,
    aead: Aead,
    sequence: u64,
}

impl KernelRecords {
    /// The kernel continues where we stop; our copy of the keys is dropped and wiped.
    pub(crate) fn from_ours(ours: Protection) -> Self {
        let Protection { keys, sequence } = ours;
        Self { version: keys.version, aead: keys.aead, sequence }
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn records_left(&self) -> u64 {
        self.aead.max_records().saturating_sub(self.sequence)
    }

    /// The kernel has sealed this many more records.
    pub(crate) fn sealed(&mut self, records: u64) {
        self.sequence += records;
    }

    /// The next record is the first under new keys.
    pub(crate) fn start_over(&mut self) {
        self.sequence = 0;
    }
}

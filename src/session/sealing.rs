//! What seals our records in an open session.

use crate::crypto::traffic::TrafficSecret;
use crate::outcome::{Alert, Failure, Result};
use crate::post_handshake::KEY_UPDATE_LEN;
use crate::record::seal::Sealer;
use crate::wire::{AlertMessage, Version};

/// Records that a key keeps for a KeyUpdate, or for an alert where there is none.
pub(super) const RESERVED_RECORDS: u64 = 2;

pub(super) struct Sealing {
    pub(super) sealer: Sealer,
    /// TLS 1.3: what the next keys derive from.
    pub(super) traffic: Option<TrafficSecret>,
}

impl Sealing {
    /// What this much plaintext takes as records, with what may have to precede them: a reply that the read half owes, and a
    /// KeyUpdate whenever a key is used up.
    pub(super) fn room_for(&self, plaintext_len: usize) -> usize {
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

    pub(super) fn next_keys(&mut self) -> Result<()> {
        let traffic = self.traffic.as_mut().ok_or_else(|| Failure::internal("a key update without a secret"))?;
        let keys = traffic.update()?;
        self.sealer.replace_keys(keys);
        Ok(())
    }
}

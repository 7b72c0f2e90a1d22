//! What the read half wants sent. The halves may run on two threads: the read half only leaves notes here, the write
//! half seals what they say. A note left twice is one note: a peer that asks often is answered once.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::outcome::Alert;

const KEY_UPDATE: u32 = 1 << 0;
const NO_RENEGOTIATION: u32 = 1 << 1;
const CLOSE_NOTIFY: u32 = 1 << 2;
const FATAL_ALERT: u32 = 1 << 3;
const ALERT_SHIFT: u32 = 8;

#[derive(Default)]
pub(super) struct Owed(AtomicU32);

/// What was owed, in the order in which it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) key_update: bool,
    pub(super) no_renegotiation: bool,
    pub(super) close_notify: bool,
    pub(super) fatal_alert: Option<Alert>,
}

impl Owed {
    pub(super) fn key_update(&self) {
        self.0.fetch_or(KEY_UPDATE, Ordering::AcqRel);
    }

    /// A key update is owed no more; whether it was.
    pub(super) fn take_back_key_update(&self) -> bool {
        self.0.fetch_and(!KEY_UPDATE, Ordering::AcqRel) & KEY_UPDATE != 0
    }

    pub(super) fn no_renegotiation(&self) {
        self.0.fetch_or(NO_RENEGOTIATION, Ordering::AcqRel);
    }

    pub(super) fn close_notify(&self) {
        self.0.fetch_or(CLOSE_NOTIFY, Ordering::AcqRel);
    }

    /// The read half fails once, so no two alerts meet here.
    pub(super) fn fatal_alert(&self, alert: Alert) {
        self.0.fetch_or(FATAL_ALERT | u32::from(alert.0) << ALERT_SHIFT, Ordering::AcqRel);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }

    pub(super) fn take(&self) -> Due {
        if self.is_empty() {
            return Due::default();
        }
        let bits = self.0.swap(0, Ordering::AcqRel);
        Due {
            key_update: bits & KEY_UPDATE != 0,
            no_renegotiation: bits & NO_RENEGOTIATION != 0,
            close_notify: bits & CLOSE_NOTIFY != 0,
            fatal_alert: (bits & FATAL_ALERT != 0).then_some(Alert((bits >> ALERT_SHIFT) as u8)),
        }
    }
}

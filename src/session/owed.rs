//! What the read half wants sent. The halves may run on two threads: the read half only leaves notes here, the write
//! half seals what they say. A note left twice is one note: a peer that asks often is answered once. A fatal alert is owed
//! once in the life of a session: it is not a flag, so a second one is refused, not mixed with the first.

use super::sync::atomic::{AtomicU32, Ordering};
use crate::outcome::Alert;

const KEY_UPDATE: u32 = 1 << 0;
const NO_RENEGOTIATION: u32 = 1 << 1;
const CLOSE_NOTIFY: u32 = 1 << 2;
const FATAL_ALERT: u32 = 1 << 3;
/// No fatal alert follows: one was taken, or sending has ended.
const NO_ALERT: u32 = 1 << 4;
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

    /// The first alert counts, unless sending has ended before; true if this one will be taken.
    pub(super) fn fatal_alert(&self, alert: Alert) -> bool {
        let add = |bits: u32| {
            let first = bits & (FATAL_ALERT | NO_ALERT) == 0;
            first.then_some(bits | FATAL_ALERT | u32::from(alert.0) << ALERT_SHIFT)
        };
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).is_ok()
    }

    /// Whether what is owed is the last that will be sent.
    pub(super) fn is_the_end(&self) -> bool {
        self.0.load(Ordering::Acquire) & (CLOSE_NOTIFY | FATAL_ALERT) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire) & !NO_ALERT == 0
    }

    /// Sending has ended, so nothing is owed. True if a fatal alert was: it is not sent.
    pub(super) fn end(&self) -> bool {
        self.0.swap(NO_ALERT, Ordering::AcqRel) & FATAL_ALERT != 0
    }

    pub(super) fn take(&self) -> Due {
        if self.is_empty() {
            return Due::default();
        }
        let clear = |bits| Some(if bits & (FATAL_ALERT | NO_ALERT) != 0 { NO_ALERT } else { 0 });
        let (Ok(bits) | Err(bits)) = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, clear);
        Due {
            key_update: bits & KEY_UPDATE != 0,
            no_renegotiation: bits & NO_RENEGOTIATION != 0,
            close_notify: bits & CLOSE_NOTIFY != 0,
            fatal_alert: (bits & FATAL_ALERT != 0).then_some(Alert((bits >> ALERT_SHIFT) as u8)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_alert_is_the_one_that_is_owed_and_there_is_no_second_one() {
        let owed = Owed::default();
        assert!(owed.fatal_alert(Alert::BAD_RECORD_MAC));
        assert!(!owed.fatal_alert(Alert::INTERNAL_ERROR));
        owed.key_update();
        let due = owed.take();
        assert_eq!((due.fatal_alert, due.key_update), (Some(Alert::BAD_RECORD_MAC), true));
        assert!(owed.is_empty());
        assert!(!owed.fatal_alert(Alert::INTERNAL_ERROR));
        assert_eq!(owed.take(), Due::default());
        owed.no_renegotiation();
        assert_eq!(owed.take(), Due { no_renegotiation: true, ..Due::default() });
        assert!(!owed.fatal_alert(Alert::INTERNAL_ERROR));
    }

    #[test]
    fn an_alert_after_the_end_of_sending_is_refused_and_one_before_it_is_known_to_be_lost() {
        let [early, late] = [Owed::default(), Owed::default()];
        assert!(early.fatal_alert(Alert::BAD_RECORD_MAC) && early.end() && early.is_empty());
        assert!(!late.end() && !late.fatal_alert(Alert::BAD_RECORD_MAC) && late.is_empty());
    }
}

//! An alert's two bytes (RFC 8446 section 6, RFC 5246 section 7.2).

use crate::outcome::Alert;

/// An alert as it was sent.
pub(crate) struct AlertMessage {
    pub(crate) level: u8,
    pub(crate) alert: Alert,
}

impl AlertMessage {
    pub(crate) const WARNING: u8 = 1;
    pub(crate) const FATAL: u8 = 2;

    /// RFC 8446 section 6: closure alerts are warnings, all others fatal.
    pub(crate) fn bytes(alert: Alert) -> [u8; 2] {
        [if alert.is_closure() { Self::WARNING } else { Self::FATAL }, alert.0]
    }

    /// The payload of an alert record. `None` if it has not two bytes: an alert is neither fragmented nor combined with
    /// others (RFC 8446 section 5.1).
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let &[level, description] = payload else { return None };
        Some(Self { level, alert: Alert(description) })
    }
}

//! An alert's two bytes: level and description (RFC 8446 section 6, RFC 5246 section 7.2).

use crate::outcome::Alert;

const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// RFC 8446 section 6: closure alerts are warnings, all others fatal.
pub(crate) fn bytes(alert: Alert) -> [u8; 2] {
    [if alert.is_closure() { WARNING } else { FATAL }, alert.0]
}

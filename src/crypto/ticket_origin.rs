//! What a ticket says of the full handshake that its session goes back to.

use super::end_point::EndPoint;
use crate::limits::MAX_RESUMED;
use crate::wire::Reader;

/// Bytes of a time in a ticket.
pub(super) const TIME: usize = 8;

/// The full handshake that a session goes back to, as a server knows it from a ticket.
#[derive(Clone)]
pub(crate) struct Origin {
    /// When it was, in seconds since 1970.
    pub(super) began: u64,
    /// The last second in which the certificate is valid that the server had shown.
    pub(super) until: u64,
    /// Of that certificate.
    pub(crate) end_point: EndPoint,
}

impl Origin {
    pub(super) fn written_len(&self) -> usize {
        2 * TIME + self.end_point.written_len()
    }

    pub(super) fn write(&self, ticket: &mut Vec<u8>) {
        ticket.extend_from_slice(&self.began.to_be_bytes());
        ticket.extend_from_slice(&self.until.to_be_bytes());
        self.end_point.write(ticket);
    }

    pub(super) fn read(ticket: &mut Reader<'_>) -> Option<Self> {
        Some(Self { began: ticket.u64()?, until: ticket.u64()?, end_point: EndPoint::read(ticket)? })
    }

    /// Whether its session may be resumed. No client would accept a certificate that has expired, and one that judges again
    /// would fail: it gets a full handshake instead.
    pub(super) fn is_good(&self, now: u64) -> bool {
        now.saturating_sub(self.began) <= MAX_RESUMED && now <= self.until
    }
}

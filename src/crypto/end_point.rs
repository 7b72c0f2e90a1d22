//! The hash of a server's certificate that names a connection's end point (RFC 5929 section 4), as tickets carry it.

use super::provider::digest::SHA256_OUTPUT_LEN;
use crate::wire::Reader;

/// The hash of a server's certificate. A ticket carries it, since a resumed session has the binding of the session that it
/// goes back to: no certificate is sent, and the server's own may have been renewed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndPoint {
    hash: Box<[u8]>,
    is_binding: bool,
}

/// In a ticket, in place of a length.
const BINDS_NOTHING: u8 = 0;

impl EndPoint {
    /// `is_binding`: RFC 5929 says which hash it is. If not (signatures without a hash of their own, such as Ed25519, or with
    /// one that is unknown here), SHA-256 stands for the certificate and binds nothing.
    pub(crate) fn new(hash: &[u8], is_binding: bool) -> Self {
        Self { hash: hash.into(), is_binding }
    }

    /// tls-server-end-point, if there is one.
    pub(crate) fn binding(&self) -> Option<&[u8]> {
        self.is_binding.then_some(&self.hash)
    }

    /// Adds it to a ticket.
    pub(super) fn write(&self, ticket: &mut Vec<u8>) {
        let len = u8::try_from(self.hash.len()).unwrap_or(BINDS_NOTHING);
        ticket.push(if self.is_binding { len } else { BINDS_NOTHING });
        ticket.extend_from_slice(&self.hash);
    }

    /// How many bytes `write` adds.
    pub(super) fn written_len(&self) -> usize {
        1 + self.hash.len()
    }

    /// What `write` has added.
    pub(super) fn read(ticket: &mut Reader<'_>) -> Option<Self> {
        let len = ticket.u8()?;
        let is_binding = len != BINDS_NOTHING;
        let hash = ticket.take(if is_binding { len.into() } else { SHA256_OUTPUT_LEN })?;
        Some(Self::new(hash.rest(), is_binding))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_ticket_carries_is_read_again() {
        for end_point in [EndPoint::new(&[1; 32], true), EndPoint::new(&[2; 48], true), EndPoint::new(&[3; 32], false)]
        {
            let mut ticket = Vec::new();
            end_point.write(&mut ticket);
            assert_eq!(ticket.len(), end_point.written_len());
            for cut in 0..ticket.len() {
                assert_eq!(EndPoint::read(&mut Reader::new(&ticket[..cut])), None);
            }
            ticket.extend_from_slice(b"state");
            let mut reader = Reader::new(&ticket);
            assert_eq!(EndPoint::read(&mut reader), Some(end_point));
            assert_eq!(reader.rest(), b"state");
        }
    }
}

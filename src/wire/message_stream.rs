//! Where handshake messages begin in the records that carry them: a record may hold several, and a message may need
//! several (RFC 8446 section 5.1).

use super::{MESSAGE_HEADER, MessageHeader, Reader};

/// Follows the handshake messages of a stream, without keeping any of them.
#[derive(Default)]
pub(crate) struct MessageStream {
    header: [u8; MESSAGE_HEADER],
    /// Bytes of the header that are here.
    have: usize,
    /// Bytes of the body that are missing.
    missing: usize,
}

/// A piece of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A message begins: its header, all of which has come.
    Header(MessageHeader),
    /// Bytes of its body.
    Body(&'a [u8]),
}

impl MessageStream {
    /// The next piece off the front of `fragment`. `None` once nothing is left but, at most, a part of a header.
    pub(crate) fn next<'a>(&mut self, fragment: &mut &'a [u8]) -> Option<Piece<'a>> {
        if self.missing > 0 {
            let (body, rest) = fragment.split_at(self.missing.min(fragment.len()));
            (self.missing, *fragment) = (self.missing - body.len(), rest);
            return (!body.is_empty()).then_some(Piece::Body(body));
        }
        let (front, rest) = fragment.split_at(fragment.len().min(MESSAGE_HEADER - self.have));
        self.header[self.have..][..front.len()].copy_from_slice(front);
        (self.have, *fragment) = (self.have + front.len(), rest);
        if self.have < MESSAGE_HEADER {
            return None;
        }
        self.have = 0;
        let header = MessageHeader::read(&mut Reader::new(&self.header))?;
        self.missing = header.body_len;
        Some(Piece::Header(header))
    }

    /// The part of a header that is here.
    pub(crate) fn part_of_header(&self) -> &[u8] {
        &self.header[..self.have]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_however_the_stream_is_cut() {
        let stream = [&[0, 0, 0, 0][..], &[20, 0, 0, 3, 7, 8, 9], &[1, 0, 0, 0], &[2, 0, 0, 1, 5]].concat();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let (mut messages, mut headers, mut bodies) = (MessageStream::default(), Vec::new(), Vec::new());
                for mut fragment in [&stream[..first], &stream[first..second], &stream[second..]] {
                    while let Some(piece) = messages.next(&mut fragment) {
                        match piece {
                            Piece::Header(header) => headers.push((header.message_type.0, header.body_len)),
                            Piece::Body(body) => bodies.extend_from_slice(body),
                        }
                    }
                    assert!(fragment.is_empty());
                }
                assert_eq!(headers, [(0, 0), (20, 3), (1, 0), (2, 1)], "{first} {second}");
                assert_eq!(bodies, [7, 8, 9, 5]);
                assert!(messages.part_of_header().is_empty());
            }
        }
    }
}

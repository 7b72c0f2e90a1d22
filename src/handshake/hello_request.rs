//! What a TLS 1.2 client looks for in its server's messages in clear: HelloRequest, which it ignores during a handshake,
//! and which no handshake hash contains (RFC 5246 section 7.4.1.1; rustls would refuse it, so it does not see it); and the
//! lifetime of a ticket, which rustls does not show.

use std::borrow::Cow;

use crate::limits::MAX_RENEGOTIATION_REQUESTS;
use crate::outcome::{Alert, Failure, Result};
use crate::wire::message_stream::{MessageStream, Piece};
use crate::wire::{ContentType, HandshakeType, MessageHeader, Reader, Record, Version, record};

const HELLO_REQUEST: MessageHeader = MessageHeader { message_type: HandshakeType::HELLO_REQUEST, body_len: 0 };

/// Removes HelloRequests from a server's messages in clear.
#[derive(Default)]
pub(super) struct HelloRequests {
    messages: MessageStream,
    /// How many there were.
    removed: u8,
    /// What has come of the lifetime in a NewSessionTicket (RFC 5077 section 3.3).
    lifetime: Vec<u8>,
    in_ticket: bool,
}

impl HelloRequests {
    /// What rustls is given of this record: all of it, as a rule; nothing if it held HelloRequests alone. `version` is the
    /// handshake's, once there is one.
    pub(super) fn remove<'a>(&mut self, record: Record<'a>, version: Option<Version>) -> Result<Cow<'a, [u8]>> {
        let fragment = match record.content_type {
            ContentType::Handshake if version != Some(Version::Tls13) && !record.payload().is_empty() => {
                record.payload()
            }
            // RFC 8446 section 5.1: nothing stands between the fragments of a message, not even of one that is ignored, and
            // no message spans a change of keys.
            _ if !self.messages.part_of_header().is_empty() => {
                return Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, "a record within a handshake message"));
            }
            _ => return Ok(Cow::Borrowed(record.bytes)),
        };
        let before = self.messages.part_of_header().to_vec();
        let removed = self.removed;
        let left = self.without_requests(fragment, version)?;
        // As they came, unless a header is cut in two.
        if self.removed == removed && before.is_empty() && self.messages.part_of_header().is_empty() {
            return Ok(Cow::Borrowed(record.bytes));
        }
        let mut records = Vec::new();
        record::write(ContentType::Handshake, &left, &mut records);
        Ok(Cow::Owned(records))
    }

    /// The fragment without them, and without the part of a header at its end, which comes with the next one.
    fn without_requests(&mut self, mut fragment: &[u8], version: Option<Version>) -> Result<Vec<u8>> {
        let mut left = Vec::new();
        while let Some(piece) = self.messages.next(&mut fragment) {
            match piece {
                // A record with a ServerHello may be TLS 1.3's: nothing in it is ignored.
                Piece::Header(HELLO_REQUEST) if version.is_some() || left.is_empty() => {
                    self.removed += 1;
                    if self.removed > MAX_RENEGOTIATION_REQUESTS {
                        let reason = "there are too many HelloRequests in a handshake";
                        return Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, reason));
                    }
                }
                Piece::Header(header) => {
                    self.in_ticket = header.message_type == HandshakeType::NEW_SESSION_TICKET;
                    left.extend_from_slice(&header.bytes());
                }
                Piece::Body(body) => {
                    if self.in_ticket {
                        self.lifetime.extend(body.iter().take(size_of::<u32>() - self.lifetime.len()));
                    }
                    left.extend_from_slice(body);
                }
            }
        }
        Ok(left)
    }

    /// In seconds, once a ticket has come.
    pub(super) fn ticket_lifetime(&self) -> Option<u32> {
        Reader::new(&self.lifetime).u32()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_PLAINTEXT;
    use crate::wire::record::next_record;

    fn record(fragment: &[u8]) -> Vec<u8> {
        [&record::header(ContentType::Handshake, fragment.len())[..], fragment].concat()
    }

    /// The record that these bytes are.
    fn whole(bytes: &[u8]) -> Record<'_> {
        next_record(bytes, MAX_PLAINTEXT).unwrap().unwrap()
    }

    /// What rustls is given, without the records' headers.
    fn removed(fragments: &[&[u8]]) -> Result<Vec<u8>> {
        let mut requests = HelloRequests::default();
        let mut messages = Vec::new();
        for fragment in fragments.iter().filter(|fragment| !fragment.is_empty()) {
            let record = record(fragment);
            let mut left = &*requests.remove(whole(&record), Some(Version::Tls12))?;
            while !left.is_empty() {
                let record = whole(left);
                assert!(!record.payload().is_empty());
                messages.extend_from_slice(record.payload());
                left = &left[record.bytes.len()..];
            }
        }
        Ok(messages)
    }

    #[test]
    fn hello_requests_are_removed_however_the_stream_is_cut() {
        let (certificate, done) = ([11, 0, 0, 6, 0, 0, 0, 0, 0, 0], [14, 0, 0, 0]);
        let stream =
            [&HELLO_REQUEST.bytes()[..], &certificate, &HELLO_REQUEST.bytes(), &HELLO_REQUEST.bytes(), &done].concat();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let fragments = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(removed(&fragments).unwrap(), [&certificate[..], &done].concat(), "{first} {second}");
            }
        }
    }

    #[test]
    fn the_lifetime_of_a_ticket_is_read_however_the_stream_is_cut() {
        let ticket = [4, 0, 0, 8, 0, 1, 2, 3, 0, 2, 9, 9];
        for first in 1..ticket.len() {
            for second in first + 1..=ticket.len() {
                let mut requests = HelloRequests::default();
                let fragments = [&ticket[..first], &ticket[first..second], &ticket[second..]];
                for fragment in fragments.into_iter().filter(|fragment| !fragment.is_empty()) {
                    requests.remove(whole(&record(fragment)), Some(Version::Tls12)).unwrap();
                }
                assert_eq!(requests.ticket_lifetime(), Some(0x010203), "{first} {second}");
            }
        }
        let mut requests = HelloRequests::default();
        requests.remove(whole(&record(&[14, 0, 0, 4, 1, 2, 3, 4])), Some(Version::Tls12)).unwrap();
        assert_eq!(requests.ticket_lifetime(), None);
    }

    #[test]
    fn a_part_of_a_header_is_never_lost() {
        let change_cipher_spec = [20, 3, 3, 0, 1, 1];
        for (next, version) in [
            (&change_cipher_spec[..], Version::Tls12),
            (&change_cipher_spec, Version::Tls13),
            (&[23, 3, 3, 0, 1, 7], Version::Tls13),
            (&record(&[0]), Version::Tls13),
        ] {
            let mut requests = HelloRequests::default();
            assert!(
                requests.remove(whole(&record(&[2, 0, 0, 1, 5])), Some(version)).is_ok_and(|left| left.len() == 10)
            );
            assert!(requests.remove(whole(next), Some(version)).is_ok_and(|left| &*left == next));
            let mut requests = HelloRequests::default();
            // After a ServerHello, whose version is known once rustls has it.
            assert!(requests.remove(whole(&record(&[2, 0, 0, 1, 5, 0, 0])), None).is_ok_and(|left| left.len() == 10));
            let failure = requests.remove(whole(next), Some(version)).unwrap_err();
            assert_eq!(failure.alert_sent, Some(Alert::UNEXPECTED_MESSAGE));
        }
    }

    #[test]
    fn a_record_without_a_hello_request_is_given_as_it_came() {
        let record = record(&[11, 0, 0, 2, 0, 0, 14, 0, 0, 0]);
        let mut requests = HelloRequests::default();
        assert!(matches!(requests.remove(whole(&record), None), Ok(Cow::Borrowed(same)) if same == record));
    }

    #[test]
    fn four_hello_requests_are_ignored_and_a_fifth_is_unexpected() {
        assert!(removed(&[&HELLO_REQUEST.bytes()[..]; 4]).unwrap().is_empty());
        assert_eq!(removed(&[&HELLO_REQUEST.bytes()[..]; 5]).unwrap_err().alert_sent, Some(Alert::UNEXPECTED_MESSAGE));
    }
}

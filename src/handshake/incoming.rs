//! What is decided about a record before rustls sees it.

use std::borrow::Cow;

use super::hello::{HelloReader, Part};
use super::hello_request::HelloRequests;
use super::{Handshake, alert};
use crate::limits::{MAX_CIPHERTEXT_TLS12, MAX_CIPHERTEXT_TLS13, MAX_PLAINTEXT, MAX_TICKET};
use crate::outcome::{Alert, Failure, Result};
use crate::wire::{AlertMessage, ContentType, Record, Version, record};

impl Handshake {
    /// The longest payload that the peer's next record may have, which begins with this byte (RFC 8446 section 5.2,
    /// RFC 5246 section 6.2.3).
    pub(crate) fn max_payload(&self, content_type: Option<&u8>) -> usize {
        // Early data is protected before we have keys.
        let is_early_data = content_type == Some(&(ContentType::ApplicationData as u8))
            && self.early_data.as_ref().is_some_and(|early_data| early_data.may_come());
        if self.taps.seen().opening_tls13 || is_early_data {
            MAX_CIPHERTEXT_TLS13
        } else if self.peer_changed_cipher && self.version == Some(Version::Tls12) {
            MAX_CIPHERTEXT_TLS12
        } else {
            MAX_PLAINTEXT
        }
    }

    /// What rustls is given of a record that is taken, perhaps nothing; an error ends the handshake.
    pub(super) fn admit<'a>(&mut self, record: Record<'a>) -> Result<Cow<'a, [u8]>> {
        if let Some(failure) = self.misplaced(record).or_else(|| self.ended_in_clear(record)) {
            return Err(failure);
        }
        if let Some(early_data) = &mut self.early_data {
            early_data.takes(record);
        }
        let is_handshake = record.content_type == ContentType::Handshake;
        // Of the change_cipher_spec itself that is still so: it must not come within a message.
        let was_in_clear = !self.peer_changed_cipher;
        if record.content_type == ContentType::ChangeCipherSpec && self.version != Some(Version::Tls13) {
            self.peer_changed_cipher = true;
        }
        if self.is_server && self.hello_retried && is_handshake {
            self.check_second_hello(record)?;
        }
        match &mut self.hello_requests {
            Some(requests) if was_in_clear => requests.remove(record, self.version),
            _ => Ok(Cow::Borrowed(record.bytes)),
        }
    }

    /// What is here is one message. rustls does not show how long a TLS 1.2 ticket is.
    pub(super) fn note_ticket(&self, fed: &[u8]) {
        if !self.is_server {
            let mut seen = self.taps.seen();
            seen.too_long_for_tickets |= fed.len() > MAX_TICKET;
            seen.ticket_lifetime = self.hello_requests.as_ref().and_then(HelloRequests::ticket_lifetime);
        }
    }

    /// The second ClientHello is read as the first one was, and must repeat it: what the host was shown of the client holds
    /// to the end (RFC 8446 section 4.1.2).
    fn check_second_hello(&mut self, record: Record<'_>) -> Result<()> {
        match self.second_hello.read(record) {
            Part::Fragment => Ok(()),
            Part::Refused(failure) => Err(failure),
            Part::Last(second) => match &self.client_hello {
                Some(first) if first.is_repeated_by(&second) => {
                    self.second_hello = HelloReader::default();
                    Ok(())
                }
                _ => Err(Failure::protocol(Alert::ILLEGAL_PARAMETER, "the second ClientHello differs from the first")),
            },
        }
    }

    /// Faults of records that rustls does not check, or answers with another alert.
    fn misplaced(&self, record: Record<'_>) -> Option<Failure> {
        let protected_tls13 = self.taps.seen().opening_tls13;
        let protected_tls12 = self.version == Some(Version::Tls12) && self.peer_changed_cipher;
        let (alert, reason) = match record.content_type {
            // RFC 8446 section 5: once there are keys, protected records look like application data.
            ContentType::Handshake if protected_tls13 => (Alert::UNEXPECTED_MESSAGE, "a handshake message in clear"),
            // The same for a protected record of type alert, which rustls would open. Alerts in clear have two bytes.
            ContentType::Alert if protected_tls13 && AlertMessage::read(record.payload()).is_none() => {
                (Alert::UNEXPECTED_MESSAGE, "a protected record with the outer type alert")
            }
            // RFC 8446 section 5.2: the header is authenticated as it was sent; rustls authenticates 0x0303.
            ContentType::ApplicationData if protected_tls13 && record.version() != record::VERSION => {
                (Alert::BAD_RECORD_MAC, "a record header that differs from the authenticated one")
            }
            // RFC 8446 section 5, RFC 5246 section 7.1: a change_cipher_spec has one byte, and that is 1.
            ContentType::ChangeCipherSpec if !protected_tls12 && record.payload() != [1] => {
                (Alert::UNEXPECTED_MESSAGE, "a change_cipher_spec with a wrong content")
            }
            _ => return None,
        };
        Some(Failure::protocol(alert, reason))
    }

    /// An alert in clear that ends the handshake. rustls would ignore a `close_notify` or report it as
    /// malformed, and report any alert within an unfinished message as misplaced.
    fn ended_in_clear(&self, record: Record<'_>) -> Option<Failure> {
        if self.peer_changed_cipher || self.taps.seen().opening_tls13 {
            return None;
        }
        let message = AlertMessage::read(record.payload()).filter(|_| record.content_type == ContentType::Alert)?;
        let ends = message.level == AlertMessage::FATAL || message.alert == Alert::CLOSE_NOTIFY;
        ends.then(|| alert::received(message.alert))
    }
}

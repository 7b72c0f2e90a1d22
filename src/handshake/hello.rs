//! The ClientHello, put together from its records before rustls sees any of them: a server may have to choose its context
//! by it.

use std::sync::Arc;

use super::alert;
use crate::client_hello::{ClientHello, Unreadable};
use crate::limits::{MAX_HANDSHAKE_MESSAGE, MAX_UNFINISHED_RECORDS, MAX_WARNING_ALERTS, RECORD_HEADER};
use crate::outcome::{Alert, Failure};
use crate::wire::{AlertMessage, ContentType, HandshakeType, MESSAGE_HEADER, MessageHeader, Reader, Record, record};

/// Collects fragments (RFC 8446 section 5.1).
#[derive(Default)]
pub(super) struct HelloReader {
    /// The message so far.
    fragments: Vec<u8>,
    /// How much of the complete message came in them, once they are given up.
    given_up: usize,
    /// Bytes of the records that it came in.
    taken: usize,
    /// Warnings before it.
    warnings: u8,
}

/// What a record is to the ClientHello.
pub(super) enum Part {
    /// A fragment, or a warning before the first one; it was taken, the rest is missing.
    Fragment,
    /// The record that completes the message. It was not taken.
    Last(Arc<ClientHello>),
    /// No part of a ClientHello that can be accepted: the handshake ends.
    Refused(Failure),
}

impl HelloReader {
    pub(super) fn read(&mut self, record: Record<'_>) -> Part {
        let fragment = match record.content_type {
            // RFC 5246 section 7.2.2: a warning ends nothing, and before there is a version that is the rule. What follows
            // user_canceled is close_notify, which does (RFC 8446 section 6.1).
            ContentType::Alert if self.fragments.is_empty() && is_warning(record) => return self.warned(),
            // RFC 8446 section 5.1: no empty fragments of handshake messages.
            ContentType::Handshake if !record.payload().is_empty() => record.payload(),
            _ => return Part::Refused(not_a_hello(record)),
        };
        let begin: Vec<u8> = self.fragments.iter().chain(fragment).take(MESSAGE_HEADER).copied().collect();
        if begin.first() != Some(&HandshakeType::CLIENT_HELLO.0) {
            return Part::Refused(not_a_hello(record));
        }
        match MessageHeader::read(&mut Reader::new(&begin)) {
            Some(MessageHeader { body_len, .. }) => {
                if body_len > MAX_HANDSHAKE_MESSAGE {
                    return refused(Alert::ILLEGAL_PARAMETER, "the ClientHello is too long");
                }
                let missing = (MESSAGE_HEADER + body_len).saturating_sub(self.fragments.len());
                match fragment.get(..missing) {
                    // Nothing follows a ClientHello in its flight.
                    Some(end) if end.len() < fragment.len() => {
                        refused(Alert::UNEXPECTED_MESSAGE, "a message follows the ClientHello in its record")
                    }
                    Some(end) => match ClientHello::read([&self.fragments, end].concat()) {
                        Ok(hello) => Part::Last(Arc::new(hello)),
                        Err(Unreadable { alert, reason }) => refused(alert, reason),
                    },
                    None => self.take(fragment),
                }
            }
            None => self.take(fragment),
        }
    }

    /// Whether this is the record that completed `message`, passed again.
    pub(super) fn completes(&self, record: Record<'_>, message: &[u8]) -> bool {
        let Some(missing) = message.get(self.joined()..) else { return false };
        record.content_type == ContentType::Handshake && record.payload() == missing
    }

    /// The message is complete and kept elsewhere: while the host thinks, it is not kept twice.
    pub(super) fn give_up(&mut self) {
        self.given_up = self.joined();
        self.fragments = Vec::new();
    }

    /// Bytes of a message that is not complete.
    pub(super) fn unfinished(&self) -> usize {
        self.fragments.len()
    }

    fn joined(&self) -> usize {
        self.given_up + self.fragments.len()
    }

    /// The fragments as records again, as few as there can be: what rustls is to see before the record at hand. What was
    /// given up is at the front of `message`.
    pub(super) fn into_records(self, message: &[u8]) -> Vec<u8> {
        let fragments =
            if self.given_up > 0 { message.get(..self.given_up).unwrap_or_default() } else { &self.fragments };
        let mut records = Vec::new();
        record::write(ContentType::Handshake, fragments, &mut records);
        records
    }

    fn take(&mut self, fragment: &[u8]) -> Part {
        self.taken += RECORD_HEADER + fragment.len();
        if self.taken > MAX_UNFINISHED_RECORDS {
            return Part::Refused(too_many_records());
        }
        self.fragments.extend_from_slice(fragment);
        Part::Fragment
    }

    fn warned(&mut self) -> Part {
        self.warnings = self.warnings.saturating_add(1);
        match self.warnings {
            ..=MAX_WARNING_ALERTS => Part::Fragment,
            _ => refused(Alert::UNEXPECTED_MESSAGE, "there are too many warnings"),
        }
    }
}

fn refused(alert: Alert, reason: &'static str) -> Part {
    Part::Refused(Failure::protocol(alert, reason))
}

fn is_warning(record: Record<'_>) -> bool {
    AlertMessage::read(record.payload())
        .is_some_and(|message| message.level == AlertMessage::WARNING && message.alert != Alert::CLOSE_NOTIFY)
}

pub(super) fn too_many_records() -> Failure {
    Failure::protocol(Alert::ILLEGAL_PARAMETER, "a handshake message comes in too many records")
}

/// What a client gets that sends something else.
fn not_a_hello(record: Record<'_>) -> Failure {
    let refused = |alert, reason| Failure::protocol(alert, reason);
    match record.content_type {
        // RFC 8446 section 5.1: nothing stands between the fragments of a message.
        ContentType::Alert if is_warning(record) => {
            refused(Alert::UNEXPECTED_MESSAGE, "an alert within the ClientHello")
        }
        ContentType::Alert => match AlertMessage::read(record.payload()) {
            // RFC 8446 section 6.
            Some(message) => alert::received(message.alert),
            None => refused(Alert::DECODE_ERROR, "an alert does not have two bytes"),
        },
        _ => refused(Alert::UNEXPECTED_MESSAGE, "the client did not begin with a ClientHello"),
    }
}

//! The ClientHello, put together from its records before rustls sees any of them: a server may have to choose its context
//! by it.

use std::sync::Arc;

use crate::client_hello::{ClientHello, Unreadable};
use crate::limits::{MAX_HANDSHAKE_MESSAGE, MAX_PLAINTEXT, MAX_UNFINISHED_RECORDS, MAX_WARNING_ALERTS, RECORD_HEADER};
use crate::outcome::Alert;
use crate::record::ContentType;

/// Bytes of a handshake message's header: its type and its length (RFC 8446 section 4).
const MESSAGE_HEADER: usize = 4;
const CLIENT_HELLO: u8 = 1;

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
    /// The record that completes the message, or shows that it never can be read. It was not taken.
    Last(Result<Arc<ClientHello>, Unreadable>),
    /// One fragment too many for what is missing still.
    TooMany,
    /// No part of any ClientHello that can be taken.
    Other,
}

impl HelloReader {
    pub(super) fn read(&mut self, record: &[u8]) -> Part {
        let Some((header, fragment)) = record.split_at_checked(RECORD_HEADER) else { return Part::Other };
        // RFC 5246 section 7.2.2: a warning ends nothing, and before there is a version that is the rule. What comes
        // behind user_canceled is close_notify, which does (RFC 8446 section 6.1).
        if let [21, _, _, 0, 2, 1, description] = *record
            && description != 0
            && self.fragments.is_empty()
        {
            self.warnings = self.warnings.saturating_add(1);
            return match self.warnings {
                ..=MAX_WARNING_ALERTS => Part::Fragment,
                _ => unreadable(Alert::UNEXPECTED_MESSAGE, "there are too many warnings"),
            };
        }
        // RFC 8446 section 5.1: an alert is a record of its own, and has two bytes.
        if header.first() == Some(&(ContentType::Alert as u8)) && fragment.len() != 2 {
            return unreadable(Alert::DECODE_ERROR, "an alert has not two bytes");
        }
        // RFC 8446 section 5.1: no empty fragments of handshake messages.
        if header.first() != Some(&(ContentType::Handshake as u8)) || fragment.is_empty() {
            return Part::Other;
        }
        let begin: Vec<u8> = self.fragments.iter().chain(fragment).take(MESSAGE_HEADER).copied().collect();
        match *begin.as_slice() {
            [CLIENT_HELLO, high, middle, low] => {
                let body = u32::from_be_bytes([0, high, middle, low]) as usize;
                if body > MAX_HANDSHAKE_MESSAGE {
                    return unreadable(Alert::ILLEGAL_PARAMETER, "the ClientHello is too long");
                }
                let missing = (MESSAGE_HEADER + body).saturating_sub(self.fragments.len());
                match fragment.get(..missing) {
                    // Nothing follows a ClientHello in its flight.
                    Some(end) if end.len() < fragment.len() => {
                        unreadable(Alert::UNEXPECTED_MESSAGE, "a message follows the ClientHello in its record")
                    }
                    Some(end) => Part::Last(ClientHello::read([&self.fragments, end].concat()).map(Arc::new)),
                    None => self.take(fragment),
                }
            }
            [CLIENT_HELLO, ..] => self.take(fragment),
            _ => Part::Other,
        }
    }

    /// Whether this is the record that completed `message`, shown again.
    pub(super) fn completes(&self, record: &[u8], message: &[u8]) -> bool {
        let Some(missing) = message.get(self.joined()..) else { return false };
        record.first() == Some(&(ContentType::Handshake as u8)) && record.get(RECORD_HEADER..) == Some(missing)
    }

    /// The message is complete and kept elsewhere: while the host thinks, it is not kept twice.
    pub(super) fn give_up(&mut self) {
        self.given_up = self.joined();
        self.fragments = Vec::new();
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
        for fragment in fragments.chunks(MAX_PLAINTEXT) {
            // RFC 8446 section 5.1; a chunk is never longer than a record may be.
            records.extend_from_slice(&[ContentType::Handshake as u8, 3, 1]);
            records.extend_from_slice(&(fragment.len() as u16).to_be_bytes());
            records.extend_from_slice(fragment);
        }
        records
    }

    fn take(&mut self, fragment: &[u8]) -> Part {
        self.taken += RECORD_HEADER + fragment.len();
        if self.taken > MAX_UNFINISHED_RECORDS {
            return Part::TooMany;
        }
        self.fragments.extend_from_slice(fragment);
        Part::Fragment
    }
}

fn unreadable(alert: Alert, reason: &'static str) -> Part {
    Part::Last(Err(Unreadable { alert, reason }))
}

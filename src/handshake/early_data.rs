//! Early data, which our servers never accept (RFC 8446 section 4.2.10).
//!
//! A client that offers it sends it right after its ClientHello, under keys that we do not have. Its records are skipped.
//! They must be distinguished from those that follow:
//!
//! ```text
//!   after a HelloRetryRequest:  ClientHello │ early data … early data │ ClientHello, in clear
//!   otherwise:                  ClientHello │ early data … early data │ the client's flight, under its handshake keys
//! ```
//!
//! After a HelloRetryRequest every record of the type application_data is skipped until the second ClientHello begins.
//! Otherwise the first record that opens under the client's handshake keys ends the early data, and from there on every
//! record must open. rustls sees none of what is skipped: it would stop after 16 KiB, and it would count each record again
//! whenever it looks at it.

use rustls::Tls13CipherSuite;

use crate::crypto::aead::TAG_LEN;
use crate::crypto::secrets::Secret;
use crate::crypto::traffic::TrafficSecret;
use crate::limits::MAX_SKIPPED_EARLY_DATA;
use crate::outcome::{Alert, Failure, Result};
use crate::record::held::RecordBuffer;
use crate::record::open::Opener;
use crate::record::protection::Protection;
use crate::wire::{ContentType, Record};

/// What a server does with the records of a client that has offered early data.
pub(super) struct EarlyData {
    /// Bytes of data that may still be skipped.
    left: usize,
    /// The early data has ended.
    is_over: bool,
    /// Of the client's handshake, to try its records with.
    keys: Option<Opener>,
}

impl EarlyData {
    /// The ClientHello has offered early data.
    pub(super) fn offered() -> Self {
        Self { left: MAX_SKIPPED_EARLY_DATA, is_over: false, keys: None }
    }

    /// The client's handshake traffic secret is there.
    pub(super) fn agreed(&mut self, suite: &'static Tls13CipherSuite, secret: Secret) -> Result<()> {
        if !self.is_over {
            let keys = TrafficSecret::new(suite, secret).keys()?;
            self.keys = Some(Opener::new(Protection::new(keys, 0)));
        }
        Ok(())
    }

    /// Whether a record of application data can be early data.
    pub(super) fn may_come(&self) -> bool {
        !self.is_over
    }

    /// Whether the client's next record is early data: then it is counted and skipped unread. An error ends the handshake.
    pub(super) fn skips(&mut self, record: Record<'_>) -> Result<bool> {
        if record.content_type != ContentType::ApplicationData {
            return Ok(false);
        }
        match &self.keys {
            Some(keys) if opens(keys, record)? => Ok(false),
            Some(_) if self.is_over => {
                Err(Failure::protocol(Alert::BAD_RECORD_MAC, "a record could not be opened: damaged or forged"))
            }
            // Data after the second ClientHello, which rustls refuses.
            None if self.is_over => Ok(false),
            Some(_) | None => self.count(record).map(|()| true),
        }
    }

    /// A record that is not early data belongs to the handshake, and is taken.
    pub(super) fn takes(&mut self, record: Record<'_>) {
        match (record.content_type, &mut self.keys) {
            (ContentType::ApplicationData, Some(keys)) => {
                keys.count();
                self.is_over = true;
            }
            // The second ClientHello.
            (ContentType::Handshake, None) => self.is_over = true,
            // A change_cipher_spec says nothing, wherever it comes (RFC 8446 appendix D.4).
            _ => {}
        }
    }

    /// RFC 8446 section 4.2.10: a server SHOULD end the connection with unexpected_message if there is too much.
    fn count(&mut self, record: Record<'_>) -> Result<()> {
        // A record without data costs us something, too.
        let data_len = record.payload().len().saturating_sub(1 + TAG_LEN).max(1);
        let too_much = || Failure::protocol(Alert::UNEXPECTED_MESSAGE, "the client sent too much early data");
        self.left = self.left.checked_sub(data_len).ok_or_else(too_much)?;
        Ok(())
    }
}

/// Whether the record opens; one that is too short to be protected does not. An error: it opens, and what is inside is wrong.
fn opens(keys: &Opener, record: Record<'_>) -> Result<bool> {
    match peek(keys, record) {
        Err(failure) if failure.alert_sent == Some(Alert::BAD_RECORD_MAC) => Ok(false),
        opened => opened.map(|()| true),
    }
}

/// Opens the record, and drops what is in it: rustls opens it again.
fn peek(keys: &Opener, record: Record<'_>) -> Result<()> {
    let sealed = keys.next(record.bytes)?.ok_or_else(|| Failure::internal("part of a record"))?;
    let mut buffer = RecordBuffer::take()?;
    keys.peek(&sealed, buffer.room(sealed.inner_len())?).map(drop)
}

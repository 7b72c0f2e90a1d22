//! What the peer says within the protocol once the session is open: alerts, key updates, tickets, attempts to
//! renegotiate. This room decides what a message means and whether it is one too many; `session` acts on it.

pub(crate) mod client_auth;

use client_auth::Authentication;

use crate::limits::{
    MAX_EMPTY_RECORDS, MAX_HANDSHAKE_MESSAGE, MAX_KEY_UPDATES, MAX_RENEGOTIATION_REQUESTS, MAX_TICKETS,
    MAX_WARNING_ALERTS,
};
use crate::memory;
use crate::outcome::{Alert, Failure, Result};
use crate::wire::extension_type::EARLY_DATA;
use crate::wire::extensions::{BadExtensions, Extensions};
use crate::wire::{AlertMessage, HandshakeType, MESSAGE_HEADER, MessageHeader, Reader, Version};

/// A KeyUpdate message, which may ask for one back (RFC 8446 section 4.6.3).
pub(crate) const fn key_update(update_requested: bool) -> [u8; KEY_UPDATE_LEN] {
    let [a, b, c, d] = MessageHeader { message_type: HandshakeType::KEY_UPDATE, body_len: 1 }.bytes();
    [a, b, c, d, update_requested as u8]
}

/// Bytes of a KeyUpdate message.
pub(crate) const KEY_UPDATE_LEN: usize = MESSAGE_HEADER + 1;

/// What the session has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing.
    Nothing,
    /// The peer's next records are under its next keys; `reply` if ours shall follow.
    UpdatePeerKeys {
        /// The peer wants a KeyUpdate back.
        reply: bool,
    },
    /// A server's ticket (RFC 8446 section 4.6.1), for a client that keeps them.
    Ticket,
    /// A part of a client's authentication, by its type (RFC 8446 section 4.6.2).
    Authentication(HandshakeType),
    /// Turn a renegotiation down (RFC 5246 section 7.2.2).
    RefuseRenegotiation,
    /// The peer sends no more.
    PeerClosed,
}

/// The peer's messages so far: an unfinished one, and counts of those that cost us more than the peer.
pub(crate) struct Messages {
    is_server: bool,
    version: Version,
    /// The beginning of a handshake message whose end is in a record to come. There hardly ever is one: an idle session is
    /// small.
    #[expect(clippy::box_collection, reason = "a third of the room while there is none")]
    fragment: Option<Box<Vec<u8>>>,
    empty_records: u8,
    warnings: u8,
    key_updates: u8,
    tickets: u8,
    renegotiations: u8,
}

impl Messages {
    pub(crate) fn new(is_server: bool, version: Version) -> Self {
        Self {
            is_server,
            version,
            fragment: None,
            empty_records: 0,
            warnings: 0,
            key_updates: 0,
            tickets: 0,
            renegotiations: 0,
        }
    }

    /// A record of application data has come. `authentication`: how far the client's is.
    pub(crate) fn application_data(&mut self, data_len: usize, authentication: Authentication) -> Result<()> {
        self.not_interleaved()?;
        if authentication == Authentication::Arriving {
            return Err(interrupted());
        }
        if data_len == 0 {
            return count(&mut self.empty_records, MAX_EMPTY_RECORDS, "too many empty records");
        }
        self.empty_records = 0;
        self.warnings = 0;
        self.key_updates = 0;
        self.tickets = 0;
        self.renegotiations = 0;
        Ok(())
    }

    /// An alert record has come (RFC 8446 section 6, RFC 5246 section 7.2).
    pub(crate) fn alert(&mut self, record: &[u8]) -> Result<Action> {
        // RFC 8446 section 5.1.
        if record.is_empty() && self.version == Version::Tls13 {
            return Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, "an empty alert record"));
        }
        let Some(AlertMessage { level, alert }) = AlertMessage::read(record) else {
            return Err(Failure::protocol(Alert::DECODE_ERROR, "an alert record is not two bytes long"));
        };
        if level == AlertMessage::FATAL && !alert.is_closure() {
            // Also within a message that the peer did not finish: this is why.
            return Err(Failure::alert_from_peer(alert));
        }
        self.not_interleaved()?;
        if alert == Alert::CLOSE_NOTIFY {
            return Ok(Action::PeerClosed);
        }
        let harmless = match self.version {
            // RFC 8446 section 6: the level is not looked at; only user_canceled does not end the session.
            Version::Tls13 => alert == Alert::USER_CANCELED,
            // RFC 5246 section 7.2: a warning about a renegotiation, which we never ask for.
            Version::Tls12 => level == AlertMessage::WARNING,
        };
        if harmless {
            count(&mut self.warnings, MAX_WARNING_ALERTS, "too many warning alerts")?;
            return Ok(Action::Nothing);
        }
        if self.version == Version::Tls12 && level != AlertMessage::FATAL {
            return Err(Failure::protocol(Alert::ILLEGAL_PARAMETER, "an alert is neither a warning nor fatal"));
        }
        Err(Failure::alert_from_peer(alert))
    }

    /// A handshake record has come; `act` is called with the body of each message that is now complete. `authentication`: how far
    /// the client's is, which `act` may change.
    pub(crate) fn handshake(
        &mut self,
        record: &[u8],
        authentication: impl Fn() -> Authentication,
        mut act: impl FnMut(Action, &[u8]) -> Result<()>,
    ) -> Result<()> {
        // RFC 8446 section 5.1.
        if record.is_empty() {
            return Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, "an empty handshake record"));
        }
        // Almost always a record holds whole messages, and nothing has to be kept.
        self.fragment = match self.fragment.take() {
            None => {
                let rest = self.messages(record, &authentication, &mut act)?;
                if rest.is_empty() { None } else { Some(Box::new(extended(Vec::new(), rest)?)) }
            }
            Some(mut bytes) => {
                *bytes = extended(std::mem::take(&mut *bytes), record)?;
                let rest = self.messages(&bytes, &authentication, &mut act)?.len();
                bytes.drain(..bytes.len() - rest);
                (rest > 0).then_some(bytes)
            }
        };
        Ok(())
    }

    /// Takes whole messages off the front and returns what is left.
    fn messages<'a>(
        &mut self,
        bytes: &'a [u8],
        authentication: &impl Fn() -> Authentication,
        act: &mut impl FnMut(Action, &[u8]) -> Result<()>,
    ) -> Result<&'a [u8]> {
        let mut left = Reader::new(bytes);
        let mut next = left;
        while let Some(MessageHeader { message_type, body_len }) = MessageHeader::read(&mut next) {
            if body_len > MAX_HANDSHAKE_MESSAGE {
                return Err(Failure::protocol(Alert::ILLEGAL_PARAMETER, "a handshake message is too long"));
            }
            let Some(body) = next.take(body_len).map(Reader::rest) else { break };
            let action = self.message(message_type, body, authentication() == Authentication::Arriving)?;
            // RFC 8446 section 5.1: messages do not span key changes.
            if matches!(action, Action::UpdatePeerKeys { .. }) && !next.is_empty() {
                return Err(Failure::protocol(
                    Alert::UNEXPECTED_MESSAGE,
                    "a message follows a KeyUpdate in its record",
                ));
            }
            act(action, body)?;
            left = next;
        }
        Ok(left.rest())
    }

    fn message(&mut self, message_type: HandshakeType, body: &[u8], in_answer: bool) -> Result<Action> {
        match (self.version, message_type, self.is_server) {
            (Version::Tls13, HandshakeType::KEY_UPDATE, _) if !in_answer => {
                let reply = match body {
                    [0] => false,
                    [1] => true,
                    // RFC 8446 section 4.6.3.
                    [_] => return Err(Failure::protocol(Alert::ILLEGAL_PARAMETER, "a KeyUpdate asks for nonsense")),
                    _ => return Err(Failure::protocol(Alert::DECODE_ERROR, "a KeyUpdate is malformed")),
                };
                count(&mut self.key_updates, MAX_KEY_UPDATES, "too many key updates")?;
                Ok(Action::UpdatePeerKeys { reply })
            }
            (
                Version::Tls13,
                HandshakeType::CERTIFICATE | HandshakeType::CERTIFICATE_VERIFY | HandshakeType::FINISHED,
                true,
            ) => Ok(Action::Authentication(message_type)),
            // RFC 8446 section 4.6.2: the messages of an answer are consecutive.
            _ if in_answer => Err(interrupted()),
            (Version::Tls13, HandshakeType::NEW_SESSION_TICKET, false) => {
                check_ticket(body)?;
                count(&mut self.tickets, MAX_TICKETS, "too many session tickets")?;
                Ok(Action::Ticket)
            }
            // RFC 5246 sections 7.4.1.1 and 7.2.2: answered with a warning, never done.
            (Version::Tls12, HandshakeType::HELLO_REQUEST, false) if !body.is_empty() => {
                Err(Failure::protocol(Alert::DECODE_ERROR, "a HelloRequest with a body"))
            }
            (Version::Tls12, HandshakeType::HELLO_REQUEST, false)
            | (Version::Tls12, HandshakeType::CLIENT_HELLO, true) => {
                count(&mut self.renegotiations, MAX_RENEGOTIATION_REQUESTS, "too many attempts to renegotiate")?;
                Ok(Action::RefuseRenegotiation)
            }
            // RFC 8446 section 4.6.2: certificate requests come only to clients that offered to answer them.
            _ => Err(Failure::protocol(
                Alert::UNEXPECTED_MESSAGE,
                format!("a handshake message of type {} after the handshake", message_type.0),
            )),
        }
    }

    /// RFC 8446 section 5.1: records of other types do not come between the parts of a handshake message.
    fn not_interleaved(&self) -> Result<()> {
        if self.fragment.is_none() {
            return Ok(());
        }
        Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, "another record within a handshake message"))
    }
}

/// RFC 8446 section 4.6.1: lifetime(4) age_add(4) nonce<0..255> ticket<1..2^16-1> extensions<0..2^16-2>. Also of tickets that are not
/// kept.
fn check_ticket(body: &[u8]) -> Result<()> {
    let malformed = || Failure::protocol(Alert::DECODE_ERROR, "a session ticket is malformed");
    let list = Reader::new(body).whole(|ticket| {
        ticket.take(8)?;
        ticket.vector8(0)?;
        ticket.vector16(1)?;
        ticket.vector16(0)
    });
    let mut list = Extensions::new(list.ok_or_else(malformed)?);
    while let Some((extension_type, contents)) = list.next().map_err(|fault| match fault {
        BadExtensions::CutShort => malformed(),
        BadExtensions::ListedTwice => {
            Failure::protocol(Alert::ILLEGAL_PARAMETER, "in a session ticket an extension is listed twice")
        }
    })? {
        // RFC 8446 section 4.2.10: max_early_data_size(4).
        if extension_type == EARLY_DATA && contents.rest().len() != 4 {
            return Err(malformed());
        }
    }
    Ok(())
}

fn interrupted() -> Failure {
    Failure::protocol(Alert::UNEXPECTED_MESSAGE, "something between the messages of an authentication")
}

fn count(counter: &mut u8, limit: u8, what: &'static str) -> Result<()> {
    *counter = counter.saturating_add(1);
    if *counter > limit { Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, what)) } else { Ok(()) }
}

/// `bytes` and `more`. A message can have 64 KiB: if there is no memory for it the session ends, not the process.
fn extended(mut bytes: Vec<u8>, more: &[u8]) -> Result<Vec<u8>> {
    bytes.try_reserve(more.len()).map_err(|_| memory::used_up().with_alert(Alert::INTERNAL_ERROR))?;
    bytes.extend_from_slice(more);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(messages: &mut Messages, record: &[u8]) -> Result<Vec<Action>> {
        let mut actions = Vec::new();
        messages.handshake(
            record,
            || Authentication::Unasked,
            |action, _| {
                actions.push(action);
                Ok(())
            },
        )?;
        Ok(actions)
    }

    #[test]
    fn a_message_split_at_any_byte_is_the_same_message() {
        let ticket = [4, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 9, 0, 0];
        assert_eq!(ticket.len(), 4 + 14);
        for at in 1..ticket.len() {
            let mut messages = Messages::new(false, Version::Tls13);
            assert_eq!(actions(&mut messages, &ticket[..at]).unwrap(), []);
            let failure = messages.application_data(1, Authentication::Unasked).unwrap_err();
            assert_eq!(failure.alert_sent, Some(Alert::UNEXPECTED_MESSAGE));
            assert_eq!(actions(&mut messages, &ticket[at..]).unwrap(), [Action::Ticket]);
            assert!(messages.application_data(1, Authentication::Unasked).is_ok());
        }
    }

    #[test]
    fn a_ticket_is_read_to_its_end_whether_or_not_it_is_kept() {
        let known = [0, 42, 0, 4, 0, 0, 0, 0];
        let unknown = [0x7f, 0x7f, 0, 1, 9];
        for (extensions, alert) in [
            (&[][..], None),
            (&known, None),
            (&[known.as_slice(), &unknown].concat(), None),
            (&[known, known].concat(), Some(Alert::ILLEGAL_PARAMETER)),
            (&[unknown, unknown].concat(), Some(Alert::ILLEGAL_PARAMETER)),
            (&known[..7], Some(Alert::DECODE_ERROR)),
            (&known[..3], Some(Alert::DECODE_ERROR)),
            (&[0, 42, 0, 3, 0, 0, 0], Some(Alert::DECODE_ERROR)),
        ] {
            let len = u8::try_from(extensions.len()).unwrap();
            let mut ticket = vec![4, 0, 0, 14 + len, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 9, 0, len];
            ticket.extend_from_slice(extensions);
            let result = actions(&mut Messages::new(false, Version::Tls13), &ticket);
            assert_eq!(result.err().and_then(|failure| failure.alert_sent), alert, "{extensions:?}");
        }
    }

    #[test]
    fn a_key_update_ends_its_record() {
        let mut messages = Messages::new(true, Version::Tls13);
        assert_eq!(actions(&mut messages, &[24, 0, 0, 1, 1]).unwrap(), [Action::UpdatePeerKeys { reply: true }]);
        for bad in [&[24, 0, 0, 1, 0, 24][..], &[24, 0, 0, 1, 2], &[24, 0, 0, 2, 0, 0], &[24, 0, 0, 0], &[]] {
            assert!(actions(&mut messages, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_the_messages_of_role_and_version_are_taken() {
        for (is_server, version, message_type, taken) in [
            (true, Version::Tls13, 4, false),
            (false, Version::Tls13, 13, false),
            (false, Version::Tls13, 0, false),
            (true, Version::Tls12, 1, true),
            (true, Version::Tls12, 0, false),
            (false, Version::Tls12, 0, true),
            (false, Version::Tls12, 1, false),
            (true, Version::Tls12, 24, false),
        ] {
            let mut messages = Messages::new(is_server, version);
            let result = actions(&mut messages, &[message_type, 0, 0, 0]);
            assert_eq!(result.is_ok(), taken, "{is_server} {version:?} {message_type}");
        }
    }

    #[test]
    fn floods_end_and_data_in_between_is_no_flood() {
        let mut messages = Messages::new(true, Version::Tls13);
        for _ in 0..10 * u32::from(MAX_KEY_UPDATES) {
            messages.application_data(1, Authentication::Unasked).unwrap();
            actions(&mut messages, &key_update(false)).unwrap();
        }
        messages.application_data(1, Authentication::Unasked).unwrap();
        let flood = (0..=MAX_KEY_UPDATES).map(|_| actions(&mut messages, &key_update(false)));
        assert_eq!(flood.filter(Result::is_err).count(), 1);

        let mut messages = Messages::new(true, Version::Tls13);
        let flood = (0..=MAX_EMPTY_RECORDS).map(|_| messages.application_data(0, Authentication::Unasked));
        assert_eq!(flood.filter(Result::is_err).count(), 1);

        let mut messages = Messages::new(true, Version::Tls12);
        let flood = (0..=MAX_WARNING_ALERTS).map(|_| messages.alert(&[1, 100]));
        assert_eq!(flood.filter(Result::is_err).count(), 1);
        let flood = (0..=MAX_RENEGOTIATION_REQUESTS).map(|_| actions(&mut messages, &[1, 0, 0, 0]));
        assert_eq!(flood.filter(Result::is_err).count(), 1);
    }

    #[test]
    fn alerts_mean_what_their_version_says() {
        let alert = |version, record: &[u8]| Messages::new(false, version).alert(record);
        assert_eq!(alert(Version::Tls13, &[1, 0]), Ok(Action::PeerClosed));
        assert_eq!(alert(Version::Tls13, &[2, 0]), Ok(Action::PeerClosed));
        assert_eq!(alert(Version::Tls13, &[1, 90]), Ok(Action::Nothing));
        assert_eq!(alert(Version::Tls12, &[1, 42]), Ok(Action::Nothing));
        for (version, level) in [(Version::Tls13, 1), (Version::Tls13, 2), (Version::Tls12, 2)] {
            let failure = alert(version, &[level, 42]).unwrap_err();
            assert_eq!((failure.alert_received, failure.alert_sent), (Some(Alert::BAD_CERTIFICATE), None));
        }
        assert_eq!(alert(Version::Tls12, &[3, 42]).unwrap_err().alert_sent, Some(Alert::ILLEGAL_PARAMETER));
        assert_eq!(alert(Version::Tls12, &[1]).unwrap_err().alert_sent, Some(Alert::DECODE_ERROR));
        assert_eq!(alert(Version::Tls12, &[]).unwrap_err().alert_sent, Some(Alert::DECODE_ERROR));
    }
}

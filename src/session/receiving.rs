//! What opens the peer's records in an open session, and acts on the peer's messages.

use super::shared::Shared;
use crate::crypto::traffic::TrafficSecret;
use crate::handshake::client_tickets::TicketTaker;
use crate::limits::TICKETS_TAKEN;
use crate::outcome::{Alert, Failure, Result};
use crate::post_handshake::client_auth::Authentication;
use crate::post_handshake::{Action, Messages};
use crate::record::open::Opener;
use crate::transport::kernel::CryptoInfo;
use crate::wire::ContentType;

pub(super) struct Receiving {
    pub(super) opener: Opener,
    /// TLS 1.3: what the peer's next keys derive from.
    traffic: Option<TrafficSecret>,
    pub(super) messages: Messages,
    /// A client that keeps tickets.
    ticket_taker: Option<Box<TicketTaker>>,
}

impl Receiving {
    pub(super) fn new(
        is_server: bool,
        opener: Opener,
        traffic: Option<TrafficSecret>,
        ticket_taker: Option<Box<TicketTaker>>,
    ) -> Self {
        let messages = Messages::new(is_server, opener.version());
        Self { opener, traffic, messages, ticket_taker }
    }

    /// No tickets are taken any more.
    pub(super) fn drop_tickets(&mut self) {
        self.ticket_taker = None;
    }

    /// For the kernel: the keys that have just come into force.
    pub(super) fn next_keys_in_force(&self) -> Result<Option<CryptoInfo>> {
        self.traffic.as_ref().map_or(Ok(None), CryptoInfo::of)
    }

    /// Acts on a record of the protocol itself; true if the peer has closed.
    pub(super) fn act_on(&mut self, shared: &Shared, content_type: ContentType, message: &[u8]) -> Result<bool> {
        let Self { opener, traffic, messages, ticket_taker } = self;
        match content_type {
            ContentType::Alert => Ok(messages.alert(message)? == Action::PeerClosed),
            ContentType::Handshake => {
                let result = messages.handshake(
                    message,
                    || shared.state.now().authentication(),
                    |action, body| act(shared, opener, traffic, ticket_taker, action, body),
                );
                if result.is_err() && shared.state.now().authentication() == Authentication::Shown {
                    // A message after a client's proof in the same record makes the proof void.
                    shared.state.authenticate(Authentication::Requested);
                }
                result?;
                Ok(false)
            }
            // TLS 1.2 switches keys in handshakes only; in TLS 1.3 `open` has refused it.
            ContentType::ChangeCipherSpec | ContentType::ApplicationData => {
                Err(Failure::protocol(Alert::UNEXPECTED_MESSAGE, "a change_cipher_spec outside of a handshake"))
            }
        }
    }
}

/// Does what a message after the handshake asks for.
fn act(
    shared: &Shared,
    opener: &mut Opener,
    traffic: &mut Option<TrafficSecret>,
    ticket_taker: &mut Option<Box<TicketTaker>>,
    action: Action,
    body: &[u8],
) -> Result<()> {
    let secret = || Failure::internal("a session without a secret");
    match action {
        Action::Authentication(message_type) => {
            shared.authenticate(message_type, body, traffic.as_ref().ok_or_else(secret)?)?;
        }
        Action::UpdatePeerKeys { reply } => {
            opener.replace_keys(traffic.as_mut().ok_or_else(secret)?.update()?);
            if reply {
                shared.owed.key_update();
            }
        }
        Action::Ticket => {
            if let Some(taker) = ticket_taker
                && taker.take(body)?
            {
                let taken = &shared.counters.tickets_received;
                taken.set(taken.get() + 1);
                if taken.get() >= TICKETS_TAKEN {
                    *ticket_taker = None;
                }
            }
        }
        Action::RefuseRenegotiation => shared.owed.no_renegotiation(),
        Action::Nothing | Action::PeerClosed => {}
    }
    Ok(())
}

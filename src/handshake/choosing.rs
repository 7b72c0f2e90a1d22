//! A server's ClientHello, and the context that is chosen by it.

use super::connection::Connection;
use super::hello::{HelloReader, Part};
use super::question::{Ask, ContextRequest, OpenQuestion};
use super::server_start::ServerStart;
use super::{Event, Handshake, HandshakeState};
use crate::outcome::{Failure, Result};
use crate::wire::Record;

impl Handshake {
    /// A server's connection, now that the ClientHello has been read and the context is known, and the records that rustls
    /// is given before the one at hand.
    pub(super) fn connect(
        &mut self,
        reader: HelloReader,
        context: Option<&ServerStart>,
    ) -> Result<(Connection, Vec<u8>)> {
        let (context, hello) = context
            .zip(self.client_hello.as_ref())
            .ok_or_else(|| Failure::internal("a handshake without a context or a ClientHello"))?;
        self.may_lack_certificate = context.may_lack_certificate;
        self.judges_resumed = context.judges_resumed;
        let connection = Connection::server(context.config_for(hello))
            .map_err(|_| Failure::configuration("no handshake can begin with this context"))?;
        let mut seen = self.taps.seen();
        seen.keeps_transcript = hello.offers_post_handshake_auth();
        seen.wants_client_handshake = hello.offers_early_data();
        drop(seen);
        Ok((connection, reader.into_records(hello.raw())))
    }

    /// Looks at a server's input until the ClientHello is complete and its context known. `None`: rustls continues with
    /// this record. It never sees a ClientHello that could not be read here.
    pub(super) fn feed_hello(&mut self, record: Record<'_>) -> Result<Option<Event>> {
        let context = match &mut self.state {
            HandshakeState::Hello { reader, context } => {
                match reader.read(record) {
                    Part::Fragment => return Ok(Some(Event::NeedsInput)),
                    Part::Refused(failure) => return self.fail(failure, None).map(Some),
                    Part::Last(hello) => self.client_hello = Some(hello),
                }
                if context.is_none() {
                    reader.give_up();
                    let (reader, ask) = (std::mem::take(reader), Ask::new(ContextRequest));
                    self.state = HandshakeState::Choosing { reader, ask: ask.clone() };
                    return Ok(Some(Event::Asks(OpenQuestion::ServerContext(ask))));
                }
                context.as_ref()
            }
            HandshakeState::Choosing { reader, ask } => {
                if !self.client_hello.as_ref().is_some_and(|hello| reader.completes(record, hello.raw())) {
                    return Err(other_input());
                }
                ask.answer()
            }
            _ => return Ok(None),
        };
        let Some((context, hello)) = context.zip(self.client_hello.as_deref()) else { return Ok(None) };
        match context.refuses(hello).map_or_else(|| context.chain_for(hello), Err) {
            Ok(chain) => {
                self.taps.seen().server_chain = Some(chain);
                Ok(None)
            }
            Err(failure) => self.fail(failure, None).map(Some),
        }
    }
}

/// The host shows something else than the ClientHello that it has chosen a context by.
pub(crate) fn other_input() -> Failure {
    Failure::argument("this is not the input that held the ClientHello: pass that input again")
}

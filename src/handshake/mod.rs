//! The handshake: rustls, driven record by record on fibers, until its secrets can be taken over.
//!
//! ```text
//!   servers:  Hello ──► (the ClientHello is complete, a context is needed) ──► Choosing ──► the same record again
//!               └─────► (the context is known) ──► on a fiber                                └──► on a fiber
//!
//!            feed(record)                    Returned: NeedsInput
//!   Waiting ─────────────► (on a fiber) ───────────────────────────► Waiting
//!                             │    ▲     ─── Returned: End ─────────► Ended, Event::Finished
//!                  Suspended  ▼    │ go_on, once answered
//!                           Asking ┘
//!   Returned: End, but the client showed no certificate when one was requested ──► HeldBack ── go_on ──► Ended
//!
//!   Choosing, Asking, HeldBack ── refuse ──► Ended
//! ```
//!
//! Only `Asking` holds a stack.

pub(crate) mod alert;
pub(crate) mod alpn;
pub(crate) mod chains;
mod choosing;
mod client_start;
pub(crate) mod client_tickets;
mod connection;
mod early_data;
mod ending;
pub(crate) mod external_key;
pub(crate) mod fiber;
mod finished;
pub(crate) mod groups;
mod hello;
mod hello_request;
pub(crate) mod hooks;
mod incoming;
pub(crate) mod question;
pub(crate) mod refusal;
mod server_start;

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{HandshakeKind, SupportedCipherSuite};

use crate::client_hello::ClientHello;
use crate::crypto::handshake_sealer::SealingPoint;
use crate::crypto::own_key::OwnKey;
use crate::crypto::taps::Taps;
use crate::limits::{HEADROOM, MAX_UNFINISHED_RECORDS, MEMORY_PER_BYTE};
use crate::memory;
use crate::outcome::{Failure, Question, Result};
use crate::wiping::stack::{HANDSHAKE, wiping};
use crate::wire::{Record, Version, record};
use alpn::Protocols;
pub(crate) use choosing::other_input;
pub(crate) use client_start::ClientStart;
use client_tickets::ClientTickets;
use connection::{Connection, Drive, Reached};
use early_data::EarlyData;
pub(crate) use fiber::stack::CallStack;
use fiber::{Fiber, Step};
pub use finished::Negotiated;
pub(crate) use finished::{Bindings, Direction, Finished};
use hello::{HelloReader, too_many_records};
use hello_request::HelloRequests;
pub(crate) use question::not_asked;
use question::{Ask, ContextRequest, OpenQuestion, PeerChain};
use refusal::Refusal;
pub(crate) use server_start::{ForGroup, ServerConfigs, ServerStart};

#[cfg(test)]
pub(crate) use fiber::stack::painting;

/// A handshake under way.
pub(crate) struct Handshake {
    state: HandshakeState,
    taps: Arc<Taps>,
    is_server: bool,
    /// The client is asked for a certificate and may decline; then the host decides.
    may_lack_certificate: bool,
    /// The host is asked for the verdict when a session is resumed, too.
    judges_resumed: bool,
    /// Where a client keeps its tickets, and under which name.
    tickets: Option<(ServerName<'static>, Arc<ClientTickets>)>,
    /// A server's first ClientHello, from when it is complete and could be read.
    client_hello: Option<Arc<ClientHello>>,
    version: Option<Version>,
    /// TLS 1.2: the peer's change_cipher_spec has passed, what follows is protected.
    peer_changed_cipher: bool,
    /// A server's, if its client has offered early data.
    early_data: Option<Box<EarlyData>>,
    /// A server's reader of a second ClientHello.
    second_hello: HelloReader,
    /// A client's that offers TLS 1.2.
    hello_requests: Option<HelloRequests>,
    /// There was a HelloRetryRequest. rustls forgets it where the session is resumed.
    hello_retried: bool,
    /// A client's server has asked for a certificate.
    was_asked: bool,
    /// Records for the peer, not yet handed over.
    output: Vec<u8>,
}

enum HandshakeState {
    /// A server whose client has not said hello. Without a context the host will be asked for one.
    Hello {
        reader: HelloReader,
        context: Option<ServerStart>,
    },
    /// The host is asked for the context. It stays so until the record that completes the ClientHello, passed again, is
    /// taken.
    Choosing {
        reader: HelloReader,
        ask: Ask<ContextRequest>,
    },
    Waiting {
        connection: Connection,
        fed: Vec<u8>,
    },
    Asking {
        fiber: Fiber<Returned>,
        question: OpenQuestion,
        /// The keys in force before the step that asks: what the step has to say has not left yet.
        sealer_before: Option<SealingPoint>,
    },
    /// rustls has finished; what it wants to send waits for the verdict. A refusal drops it and is sent under the keys
    /// that were in force before it.
    HeldBack {
        connection: Connection,
        output: Vec<u8>,
        ask: Ask<PeerChain>,
        sealer_before: Option<SealingPoint>,
    },
    Ended,
}

/// Records that follow those in `output`. The first are moved: a copy would leave the handshake with a second buffer of the length of a
/// flight until its end.
fn follow(output: &mut Vec<u8>, records: Vec<u8>) {
    if output.is_empty() {
        *output = records;
    } else {
        output.extend_from_slice(&records);
    }
}

type Returned = (Drive, Result<Reached, rustls::Error>);

/// What a step led to.
pub(crate) enum Event {
    /// The peer's next record is needed.
    NeedsInput,
    /// The host is asked, and answers the question itself. If it is about the context, the record was not taken and must be fed
    /// again.
    Asks(OpenQuestion),
    /// Done: the record layer takes over.
    Finished(Box<Finished>),
    /// Failed; the alert that the failure names is in the output.
    Failed(Failure),
}

impl Handshake {
    /// Begins as a client: the ClientHello is in the output.
    pub(crate) fn client(
        start: &ClientStart,
        name: Option<ServerName<'static>>,
        alpn: Option<&Protocols>,
        preset: Option<Option<Arc<OwnKey>>>,
    ) -> Result<Self> {
        memory::expect(HEADROOM)?;
        let taps = Arc::new(Taps::default());
        let drive = start.begin(&taps, name.clone(), alpn, preset)?;
        Ok(Self {
            judges_resumed: start.judges_resumed,
            tickets: name.zip(start.tickets.clone()),
            hello_requests: start.tls12.then(HelloRequests::default),
            output: drive.output,
            ..Self::new(HandshakeState::Waiting { connection: drive.connection, fed: drive.fed }, taps, false)
        })
    }

    pub(crate) fn server(context: Option<ServerStart>) -> Self {
        Self::new(HandshakeState::Hello { reader: HelloReader::default(), context }, Arc::default(), true)
    }

    fn new(state: HandshakeState, taps: Arc<Taps>, is_server: bool) -> Self {
        Self {
            state,
            taps,
            is_server,
            may_lack_certificate: false,
            judges_resumed: false,
            tickets: None,
            client_hello: None,
            version: None,
            peer_changed_cipher: false,
            early_data: None,
            second_hello: HelloReader::default(),
            hello_requests: None,
            hello_retried: false,
            was_asked: false,
            output: Vec::new(),
        }
    }

    /// Whether this client's server has asked for a certificate.
    pub(crate) fn was_asked(&self) -> bool {
        self.was_asked
    }

    /// A server's first ClientHello, once it is complete.
    pub(crate) fn client_hello(&self) -> Option<&Arc<ClientHello>> {
        self.client_hello.as_ref()
    }

    /// What the server has stapled to its certificate.
    pub(crate) fn ocsp_response(&self) -> Vec<u8> {
        self.taps.seen().ocsp_response.clone()
    }

    /// Appends the records for the peer to `pending`.
    pub(crate) fn take_output(&mut self, pending: &mut Vec<u8>) {
        follow(pending, std::mem::take(&mut self.output));
    }

    /// The same, but a lone change_cipher_spec waits for the flight that it belongs in front of (RFC 8446 appendix D.4): as a
    /// packet sent alone it would keep the flight from leaving until it is acknowledged (RFC 896).
    pub(crate) fn take_flight(&mut self, pending: &mut Vec<u8>) {
        if self.output != record::CHANGE_CIPHER_SPEC {
            self.take_output(pending);
        }
    }

    /// True from the question for a context until the record that led to it, passed again, is consumed.
    pub(crate) fn wants_hello_again(&self) -> bool {
        matches!(self.state, HandshakeState::Choosing { .. })
    }

    /// What the host is asked, until the handshake continues.
    pub(crate) fn open_question(&self) -> Option<OpenQuestion> {
        match &self.state {
            HandshakeState::Choosing { ask, .. } => Some(OpenQuestion::ServerContext(ask.clone())),
            HandshakeState::Asking { question, .. } => Some(question.clone()),
            HandshakeState::HeldBack { ask, .. } => Some(OpenQuestion::Certificate(ask.clone())),
            HandshakeState::Hello { .. } | HandshakeState::Waiting { .. } | HandshakeState::Ended => None,
        }
    }

    /// What the host is asked, while its answer is missing.
    pub(crate) fn question(&self) -> Option<Question> {
        self.open_question().filter(|open| !open.is_answered()).map(|open| open.question())
    }

    /// True if `go_on` has something to do. With a new context the record that is passed again continues the handshake.
    pub(crate) fn can_go_on(&self) -> bool {
        !self.wants_hello_again() && self.open_question().is_some_and(|open| open.is_answered())
    }

    /// Works on one whole record. On an error the record was not taken.
    pub(crate) fn feed(&mut self, record: Record<'_>, stack: &mut CallStack) -> Result<Event> {
        memory::expect(HEADROOM + MEMORY_PER_BYTE * (self.unfinished() + record.bytes.len()))?;
        if let Some(event) = self.feed_hello(record)? {
            return Ok(event);
        }
        match self.early_data.as_mut().map_or(Ok(false), |early_data| early_data.skips(record)) {
            Ok(false) => {}
            Ok(true) => return Ok(Event::NeedsInput),
            Err(failure) => return self.fail(failure, self.sealer_in_force()),
        }
        // The stack first: once rustls has the record there is no way back.
        let stack = stack.for_next_step()?;
        let (connection, mut fed) = match std::mem::replace(&mut self.state, HandshakeState::Ended) {
            HandshakeState::Waiting { connection, fed } => (connection, fed),
            HandshakeState::Hello { reader, context } => self.connect(reader, context.as_ref())?,
            HandshakeState::Choosing { reader, ask } => self.connect(reader, ask.answer())?,
            other => {
                self.state = other;
                return Err(Failure::internal("a record for a handshake that waits for none"));
            }
        };
        // From here on the record is taken.
        let for_rustls = match self.admit(record) {
            Ok(for_rustls) => for_rustls,
            Err(failure) => return self.fail(failure, self.sealer_in_force()),
        };
        if for_rustls.is_empty() {
            self.state = HandshakeState::Waiting { connection, fed };
            return Ok(Event::NeedsInput);
        }
        if fed.len() + for_rustls.len() > MAX_UNFINISHED_RECORDS {
            return self.fail(too_many_records(), self.sealer_in_force());
        }
        fed.extend_from_slice(&for_rustls);
        self.note_ticket(&fed);
        let drive = Drive::new(connection, fed);
        let fiber = Fiber::new(stack, move || drive.run());
        self.run(fiber, self.sealer_in_force(), None)
    }

    /// Runs a step until it asks something or ends. `refusal`: the host refuses what it has asked.
    fn run(
        &mut self,
        mut fiber: Fiber<Returned>,
        sealer_before: Option<SealingPoint>,
        refusal: Option<Refusal>,
    ) -> Result<Event> {
        let entered = self.taps.enter();
        let step = fiber.run();
        drop(entered);
        self.was_asked |= self.taps.seen().was_asked;
        match step {
            Step::Suspended(question) => {
                self.state = HandshakeState::Asking { fiber, question: question.clone(), sealer_before };
                Ok(Event::Asks(question))
            }
            Step::Returned((drive, result)) => self.after(drive, result, sealer_before, refusal),
        }
    }

    /// Bytes of a message that is not complete.
    fn unfinished(&self) -> usize {
        match &self.state {
            HandshakeState::Hello { reader, .. } | HandshakeState::Choosing { reader, .. } => reader.unfinished(),
            HandshakeState::Waiting { fed, .. } => fed.len(),
            HandshakeState::Asking { .. } | HandshakeState::HeldBack { .. } | HandshakeState::Ended => 0,
        }
    }

    /// Continues with the host's answer.
    pub(crate) fn go_on(&mut self) -> Result<Event> {
        memory::expect(HEADROOM)?;
        match std::mem::replace(&mut self.state, HandshakeState::Ended) {
            HandshakeState::Asking { fiber, question, sealer_before } if question.is_answered() => {
                self.run(fiber, sealer_before, None)
            }
            HandshakeState::HeldBack { connection, output, ask, .. } if ask.answer().is_some() => {
                follow(&mut self.output, output);
                self.finish(connection)
            }
            other => {
                self.state = other;
                Err(Failure::internal("a handshake without an answer cannot go on"))
            }
        }
    }

    /// A step has ended.
    fn after(
        &mut self,
        drive: Drive,
        result: Result<Reached, rustls::Error>,
        sealer_before: Option<SealingPoint>,
        refusal: Option<Refusal>,
    ) -> Result<Event> {
        self.version = drive.connection.version().or(self.version);
        self.expect_early_data(&drive.connection)?;
        let kind = drive.connection.common().handshake_kind();
        self.hello_retried |= kind == Some(HandshakeKind::FullWithHelloRetryRequest);
        // A ticket can open without its session being resumed: for another name, for example.
        if self.is_server && kind != Some(HandshakeKind::Resumed) {
            self.taps.seen().resumes_nothing();
        }
        match result {
            Ok(Reached::NeedsInput) => {
                follow(&mut self.output, drive.output);
                self.state = HandshakeState::Waiting { connection: drive.connection, fed: drive.fed };
                Ok(Event::NeedsInput)
            }
            Ok(Reached::End) => match self.to_judge(&drive.connection) {
                Some(chain) => {
                    let (connection, output) = (drive.connection, drive.output);
                    let ask = Ask::new(chain);
                    self.state = HandshakeState::HeldBack { connection, output, ask: ask.clone(), sealer_before };
                    Ok(Event::Asks(OpenQuestion::Certificate(ask)))
                }
                None => {
                    follow(&mut self.output, drive.output);
                    self.finish(drive.connection)
                }
            },
            Err(error) => self.failed(drive, &error, refusal),
        }
    }

    /// Early data may follow a server's answer in TLS 1.3. Once there are keys, they show where it ends.
    fn expect_early_data(&mut self, connection: &Connection) -> Result<()> {
        let is_offered = self.is_server && self.client_hello.as_ref().is_some_and(|hello| hello.offers_early_data());
        let (true, Some(SupportedCipherSuite::Tls13(suite))) =
            (is_offered, connection.common().negotiated_cipher_suite())
        else {
            return Ok(());
        };
        let early_data = self.early_data.get_or_insert_with(|| Box::new(EarlyData::offered()));
        match self.taps.seen().client_handshake.take() {
            Some(secret) => early_data.agreed(suite, secret),
            None => Ok(()),
        }
    }

    /// What the host is to judge although rustls asks nothing: the original's chain when a session is resumed; no chain
    /// when a client declines to show one.
    fn to_judge(&self, connection: &Connection) -> Option<PeerChain> {
        let resumed = connection.common().handshake_kind() == Some(HandshakeKind::Resumed);
        match connection.common().peer_certificates() {
            Some(chain) if resumed && self.judges_resumed => Some(PeerChain(chain.into())),
            None if self.may_lack_certificate && (!resumed || self.judges_resumed) => Some(PeerChain(Arc::new([]))),
            _ => None,
        }
    }

    fn finish(&mut self, connection: Connection) -> Result<Event> {
        let seen = std::mem::take(&mut *self.taps.seen());
        let hello = self.client_hello.as_deref();
        let finished = wiping::<HANDSHAKE, _>(|| Finished::take_over(connection, seen, hello, self.hello_retried))?;
        Ok(Event::Finished(finished))
    }
}

//! The handshake: rustls, driven record by record on fibers, until its secrets can be taken over.
//!
//! ```text
//!   Hello ──► (servers: the ClientHello is complete and the context known) ──► Waiting
//!
//!            feed(record)                    Returned: NeedsInput
//!   Waiting ─────────────► (on a fiber) ───────────────────────────► Waiting
//!                             │    ▲     ─── Returned: Done ────────► Ended, Event::Finished
//!                  Suspended  ▼    │ go_on, once answered
//!                           Asking ┘
//!   Returned: Done, but the client showed no certificate when one was requested ──► HeldBack ── go_on ──► Ended
//! ```
//!
//! Only `Asking` holds a stack.

pub(crate) mod alert;
pub(crate) mod alpn;
pub(crate) mod chains;
pub(crate) mod client_tickets;
mod connection;
mod early_data;
pub(crate) mod external_key;
pub(crate) mod fiber;
pub(crate) mod groups;
mod hello;
mod hello_request;
pub(crate) mod hooks;
mod incoming;
pub(crate) mod question;
mod server_start;

use std::sync::Arc;

use rustls::crypto::hash;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ConnectionTrafficSecrets, HandshakeKind, PeerMisbehaved, ProtocolVersion, SupportedCipherSuite};

use crate::client_hello::ClientHello;
use crate::crypto::end_point::EndPoint;
use crate::crypto::exporter::{Exporter, Tls12Secrets};
use crate::crypto::own_key::OwnKey;
use crate::crypto::secrets::{KeyMaterial, Secret};
use crate::crypto::taps::{HandshakeSealer, Identity, SealingPoint, Seen, Taps};
use crate::crypto::traffic::TrafficSecret;
use crate::limits::{
    HEADROOM, MAX_CIPHERTEXT_TLS12, MAX_CIPHERTEXT_TLS13, MAX_PLAINTEXT, MAX_TICKET, MAX_UNFINISHED_RECORDS,
    MEMORY_PER_BYTE,
};
use crate::memory;
use crate::outcome::{Alert, Failure, Question};
use crate::record::protection::Protection;
use crate::record::seal::Sealer;
use crate::wiping::stack::{HANDSHAKE, wiping};
use crate::wire::{AlertMessage, ContentType, Record, Version, extension_type, record};
use alpn::Protocols;
use chains::Chains;
use client_tickets::{ClientTickets, TicketTaker};
use connection::{Connection, Drive, Progress};
use early_data::EarlyData;
use fiber::stack::PooledStack;
use fiber::{Fiber, Step};
use hello::{HelloReader, Part};
use hello_request::HelloRequests;
use question::{Answer, Request};
pub(crate) use server_start::{ForGroup, ServerConfigs, ServerStart};

#[cfg(test)]
pub(crate) use fiber::stack::painting;

/// A handshake under way.
pub(crate) struct Handshake {
    state: State,
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

enum State {
    /// A server whose client has not said hello.
    Hello {
        reader: HelloReader,
        context: Option<ServerStart>,
        /// The host is asked for the context. It stays so until the record that completes the ClientHello, shown
        /// again, is taken.
        asked: bool,
        answer: Option<Reply>,
    },
    Waiting {
        connection: Connection,
        fed: Vec<u8>,
    },
    Asking {
        fiber: Fiber<Returned>,
        question: Question,
        /// The keys in force before the step that asks: what the step has to say has not left yet.
        sealer_before: Option<SealingPoint>,
        answer: Option<Reply>,
    },
    /// rustls has finished; what it wants to send waits for the verdict. A refusal drops it and is sent under the keys
    /// that were in force before it.
    HeldBack {
        connection: Connection,
        output: Vec<u8>,
        sealer_before: Option<SealingPoint>,
        answer: Option<Reply>,
    },
    Ended,
}

type Returned = (Drive, Result<Progress, rustls::Error>);

/// What a client's handshake begins with.
pub(crate) struct ClientStart {
    pub(crate) config: Arc<rustls::ClientConfig>,
    /// Application protocols of this session alone, in place of the context's.
    pub(crate) alpn: Option<Protocols>,
    pub(crate) name: Option<ServerName<'static>>,
    /// Credentials, or none, that were set for this session: they are not asked for.
    pub(crate) preset: Option<Option<Arc<OwnKey>>>,
    /// Those of the context.
    pub(crate) chains: Arc<Chains>,
    /// Without any of these the host is not asked.
    pub(crate) declines: bool,
    pub(crate) tickets: Option<Arc<ClientTickets>>,
    pub(crate) judges_resumed: bool,
    /// TLS 1.2 can be negotiated.
    pub(crate) tls12: bool,
}

impl ClientStart {
    /// Whom the session is for, as far as is known beforehand.
    fn identity(&self) -> Identity {
        match (&self.preset, self.chains.single()) {
            (Some(None), _) => Identity::Nobody,
            (Some(Some(credentials)), _) | (None, Some(credentials)) => Identity::Credentials(credentials.id()),
            (None, None) if !self.chains.is_empty() => Identity::OfContext,
            (None, None) if self.declines => Identity::Nobody,
            (None, None) => Identity::Unset,
        }
    }
}

/// The host's answer.
pub(crate) enum Reply {
    /// Go on.
    Answer(Answer),
    /// Go on with this context (only where it was asked for).
    Context(ServerStart),
    /// End the handshake, telling the peer.
    Refuse(Failure),
}

/// What a step led to.
pub(crate) enum Event {
    /// The peer's next record is needed.
    NeedsInput,
    /// The host is asked. If it is about the context, the record was not taken and must be fed again.
    Asks(Request),
    /// Done: the record layer takes over.
    Finished(Box<Finished>),
    /// Failed; the alert that the failure names is in the output.
    Failed(Failure),
}

/// What the record layer and the getters need.
pub(crate) struct Finished {
    pub(crate) version: Version,
    pub(crate) sending: Direction,
    pub(crate) receiving: Direction,
    pub(crate) cipher_suite: u16,
    pub(crate) group: u16,
    pub(crate) alpn: Vec<u8>,
    pub(crate) hello_retried: bool,
    pub(crate) resumed: bool,
    /// As the peer sent it, in this handshake or in the one that it resumes.
    pub(crate) peer_certificates: Vec<CertificateDer<'static>>,
    /// A client's, if it keeps tickets.
    pub(crate) ticket_taker: Option<Box<TicketTaker>>,
    /// The credentials that the peer was shown.
    pub(crate) shown: Option<Arc<CertifiedKey>>,
    /// With which the peer has signed.
    pub(crate) peer_scheme: u16,
    pub(crate) bindings: Bindings,
    /// A server's, if its client offered to authenticate later (RFC 8446 section 4.6.2).
    pub(crate) transcript: Option<Box<dyn hash::Context>>,
}

/// What ties other protocols to this connection.
pub(crate) struct Bindings {
    pub(crate) exporter: Exporter,
    /// The master secret depends on the whole handshake: TLS 1.3, or RFC 7627.
    pub(crate) sound: bool,
    /// Of the certificate that a server had shown in the session that this one goes back to. Else it is that of the certificate
    /// that was shown.
    pub(crate) end_point: Option<Box<EndPoint>>,
}

/// One direction's keys, and in TLS 1.3 what the next keys derive from.
pub(crate) struct Direction {
    pub(crate) keys: KeyMaterial,
    /// The number of the next record.
    pub(crate) sequence: u64,
    pub(crate) traffic: Option<TrafficSecret>,
}

impl Handshake {
    /// Begins as a client: the ClientHello is in the output.
    pub(crate) fn client(start: ClientStart) -> Result<Self, Failure> {
        memory::expect(HEADROOM)?;
        let taps = Arc::new(Taps::default());
        {
            let mut seen = taps.seen();
            // Without a name there is nothing to keep tickets under.
            let keeps = start.name.is_some() && start.tickets.is_some();
            seen.resumes_as = keeps.then(|| start.identity());
            seen.preset = start.preset;
        }
        let entered = taps.enter();
        // rustls wants a name; of an IP address it sends none (RFC 6066 section 3). The verdict is not its own.
        let placeholder = || ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
        // Nothing is fed and the hooks are not asked before the ClientHello is out: no fiber is needed.
        let begun = wiping::<HANDSHAKE, _>(|| {
            let name = start.name.clone().unwrap_or_else(placeholder);
            let connection = Connection::client(start.config, name, start.alpn.as_ref())?;
            Ok(Drive::new(connection, Vec::new()).run())
        });
        drop(entered);
        let (drive, result) =
            begun.map_err(|_: rustls::Error| Failure::configuration("no handshake can begin with this context"))?;
        result.map_err(|_| Failure::internal("the ClientHello could not be written"))?;
        Ok(Self {
            state: State::Waiting { connection: drive.connection, fed: drive.fed },
            taps,
            is_server: false,
            may_lack_certificate: false,
            judges_resumed: start.judges_resumed,
            tickets: start.name.zip(start.tickets),
            client_hello: None,
            version: None,
            peer_changed_cipher: false,
            early_data: None,
            second_hello: HelloReader::default(),
            hello_requests: start.tls12.then(HelloRequests::default),
            hello_retried: false,
            was_asked: false,
            output: drive.output,
        })
    }

    /// Begins as a server. Without a context the host will be asked for one.
    pub(crate) fn server(context: Option<ServerStart>) -> Self {
        Self {
            may_lack_certificate: false,
            state: State::Hello { reader: HelloReader::default(), context, asked: false, answer: None },
            taps: Arc::default(),
            is_server: true,
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
        pending.append(&mut self.output);
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
        matches!(self.state, State::Hello { asked: true, .. })
    }

    /// What the host is asked, while its answer is missing.
    pub(crate) fn question(&self) -> Option<Question> {
        match &self.state {
            State::Hello { asked: true, answer: None, .. } => Some(Question::ServerContext),
            State::Asking { question, answer: None, .. } => Some(*question),
            State::HeldBack { answer: None, .. } => Some(Question::Certificate),
            _ => None,
        }
    }

    /// True once the host has answered and the handshake has not gone on.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(
            self.state,
            State::Hello { answer: Some(_), .. }
                | State::Asking { answer: Some(_), .. }
                | State::HeldBack { answer: Some(_), .. }
        )
    }

    /// True if the host has answered with a refusal, which `go_on` carries out.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(
            self.state,
            State::Hello { answer: Some(Reply::Refuse(_)), .. }
                | State::Asking { answer: Some(Reply::Refuse(_)), .. }
                | State::HeldBack { answer: Some(Reply::Refuse(_)), .. }
        )
    }

    /// True if `go_on` has something to do. With a new context the record that is passed again continues the handshake.
    pub(crate) fn can_go_on(&self) -> bool {
        self.is_answered() && !matches!(self.state, State::Hello { answer: Some(Reply::Context(_)), .. })
    }

    /// Takes the host's answer to the question; it takes effect in `go_on`, or in `feed` if it is a context.
    pub(crate) fn answer(&mut self, question: Question, reply: Reply) -> Result<(), Failure> {
        if self.is_answered() {
            return Err(Failure::state("the answer was given already: continue the handshake"));
        }
        match (&mut self.state, question) {
            (State::Hello { asked: true, answer, .. }, Question::ServerContext)
            | (State::HeldBack { answer, .. }, Question::Certificate) => *answer = Some(reply),
            (State::Asking { question: asked, answer, .. }, _) if *asked == question => *answer = Some(reply),
            _ => return Err(not_asked(question)),
        }
        Ok(())
    }

    /// Works on one whole record. On an error the record was not taken.
    pub(crate) fn feed(&mut self, record: Record<'_>) -> Result<Event, Failure> {
        memory::expect(HEADROOM + MEMORY_PER_BYTE * (self.unfinished() + record.bytes.len()))?;
        if let State::Hello { .. } = self.state
            && let Some(event) = self.feed_hello(record)?
        {
            return Ok(event);
        }
        match self.early_data.as_mut().map_or(Ok(false), |early_data| early_data.skips(record)) {
            Ok(false) => {}
            Ok(true) => return Ok(Event::NeedsInput),
            Err(failure) => return self.fail(failure, self.sealer_in_force()),
        }
        // The stack first: once rustls has the record there is no way back.
        let stack = PooledStack::acquire()?;
        let (connection, mut fed) = match std::mem::replace(&mut self.state, State::Ended) {
            State::Waiting { connection, fed } => (connection, fed),
            State::Hello { reader, context: Some(context), .. } => self.connect(reader, &context)?,
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
            self.state = State::Waiting { connection, fed };
            return Ok(Event::NeedsInput);
        }
        if fed.len() + for_rustls.len() > MAX_UNFINISHED_RECORDS {
            return self.fail(too_many_records(), self.sealer_in_force());
        }
        fed.extend_from_slice(&for_rustls);
        // What is here is one message. rustls does not show how long a TLS 1.2 ticket is.
        if !self.is_server {
            let mut seen = self.taps.seen();
            seen.too_long_for_tickets |= fed.len() > MAX_TICKET;
            seen.ticket_lifetime = self.hello_requests.as_ref().and_then(HelloRequests::ticket_lifetime);
        }
        let drive = Drive::new(connection, fed);
        let mut fiber = Fiber::new(stack, move || drive.run());
        let sealer_before = self.sealer_in_force();
        let entered = self.taps.enter();
        let step = fiber.begin();
        drop(entered);
        self.after(fiber, step, sealer_before, None)
    }

    /// Bytes of a message that is not complete.
    fn unfinished(&self) -> usize {
        match &self.state {
            State::Hello { reader, .. } => reader.unfinished(),
            State::Waiting { fed, .. } => fed.len(),
            State::Asking { .. } | State::HeldBack { .. } | State::Ended => 0,
        }
    }

    /// A server's connection, now that the ClientHello has been read and the context is known, and the records that rustls
    /// is given before the one at hand.
    fn connect(&mut self, reader: HelloReader, context: &ServerStart) -> Result<(Connection, Vec<u8>), Failure> {
        let hello = self.client_hello.as_ref().ok_or_else(|| Failure::internal("a handshake without a ClientHello"))?;
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
    fn feed_hello(&mut self, record: Record<'_>) -> Result<Option<Event>, Failure> {
        let State::Hello { reader, context, asked, answer } = &mut self.state else { return Ok(None) };
        if let (true, Some(hello)) = (*asked, &self.client_hello) {
            if !reader.completes(record, hello.raw()) {
                return Err(other_input());
            }
            if let Some(Reply::Context(chosen)) = answer {
                *context = Some(chosen.clone());
            }
        } else {
            match reader.read(record) {
                Part::Fragment => return Ok(Some(Event::NeedsInput)),
                Part::Refused(failure) => return self.fail(failure, None).map(Some),
                Part::Last(hello) => self.client_hello = Some(hello),
            }
            if context.is_none() {
                *asked = true;
                reader.give_up();
                return Ok(Some(Event::Asks(Request::ServerContext)));
            }
        }
        let Some((context, hello)) = context.as_ref().zip(self.client_hello.as_deref()) else { return Ok(None) };
        match context.refuses(hello).map_or_else(|| context.chain_for(hello), Err) {
            Ok(chain) => {
                self.taps.seen().server_chain = Some(chain);
                Ok(None)
            }
            Err(failure) => self.fail(failure, None).map(Some),
        }
    }

    /// Continues with the host's answer.
    pub(crate) fn go_on(&mut self) -> Result<Event, Failure> {
        memory::expect(HEADROOM)?;
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Hello { answer: Some(Reply::Refuse(failure)), .. } => self.fail(failure, None),
            State::Asking {
                fiber,
                question: Question::Credentials,
                sealer_before,
                answer: Some(Reply::Refuse(failure)),
            } => {
                // rustls would take a refusal for "no certificate" and go on. Dropping the fiber ends the step.
                drop(fiber);
                self.fail(failure, sealer_before)
            }
            State::Asking { mut fiber, question, sealer_before, answer: Some(reply) } => {
                if question == Question::Certificate && matches!(reply, Reply::Refuse(_)) {
                    self.forget_tickets();
                }
                let (answer, refusal) = match reply {
                    Reply::Answer(answer) => (answer, None),
                    Reply::Refuse(failure) => (Answer::Refused, Some(failure)),
                    Reply::Context(_) => return Err(Failure::internal("a context answers nothing but a ClientHello")),
                };
                let entered = self.taps.enter();
                let step = fiber.resume(answer);
                drop(entered);
                self.after(fiber, step, sealer_before, refusal)
            }
            State::HeldBack { connection, mut output, sealer_before, answer: Some(reply) } => match reply {
                // What was held back is dropped; the peer sees the alert where it expects that flight.
                Reply::Refuse(failure) => {
                    self.forget_tickets();
                    self.fail(alert::refusal(failure, self.version), sealer_before)
                }
                Reply::Answer(_) | Reply::Context(_) => {
                    self.output.append(&mut output);
                    self.finish(connection)
                }
            },
            other => {
                self.state = other;
                Err(Failure::internal("a handshake without an answer cannot go on"))
            }
        }
    }

    /// The server's certificate was refused: nor is a session with it resumed.
    fn forget_tickets(&self) {
        if let Some((name, tickets)) = &self.tickets {
            tickets.forget(name, &self.taps);
        }
    }

    /// Gives the handshake up: the peer is told with `user_canceled` and `close_notify` (RFC 8446 section 6.1). A
    /// suspended step ends as if it had been refused, and its output is dropped.
    pub(crate) fn cancel(&mut self) -> Result<(), Failure> {
        let mut sealer = match std::mem::replace(&mut self.state, State::Ended) {
            // Dropping a fiber ends the step that it stands in.
            State::HeldBack { sealer_before, .. } | State::Asking { sealer_before, .. } => sealer_before,
            State::Hello { .. } | State::Waiting { .. } | State::Ended => self.sealer_in_force(),
        };
        alert::write(sealer.as_mut(), Alert::USER_CANCELED, &mut self.output)?;
        alert::write(sealer.as_mut(), Alert::CLOSE_NOTIFY, &mut self.output)
    }

    /// Ends with a failure that the session has found, for example in a record's header.
    pub(crate) fn fail_with(&mut self, failure: Failure) -> Result<Event, Failure> {
        self.fail(failure, self.sealer_in_force())
    }

    fn after(
        &mut self,
        fiber: Fiber<Returned>,
        step: Step<Returned>,
        sealer_before: Option<SealingPoint>,
        refusal: Option<Failure>,
    ) -> Result<Event, Failure> {
        self.was_asked |= self.taps.seen().was_asked;
        let (mut drive, result) = match step {
            Step::Suspended(request) => {
                self.state = State::Asking { fiber, question: request.question(), sealer_before, answer: None };
                return Ok(Event::Asks(request));
            }
            Step::Returned(returned) => returned,
        };
        self.version = version(&drive.connection).or(self.version);
        self.expect_early_data(&drive.connection)?;
        let kind = drive.connection.common().handshake_kind();
        self.hello_retried |= kind == Some(HandshakeKind::FullWithHelloRetryRequest);
        // A ticket can open without its session being resumed: for another name, for example.
        if self.is_server && kind != Some(HandshakeKind::Resumed) {
            self.taps.seen().resumes_nothing();
        }
        match result {
            Ok(Progress::NeedsInput) => {
                self.output.append(&mut drive.output);
                self.state = State::Waiting { connection: drive.connection, fed: drive.fed };
                Ok(Event::NeedsInput)
            }
            Ok(Progress::Done) => match self.to_judge(&drive.connection) {
                Some(chain) => {
                    let (connection, output) = (drive.connection, drive.output);
                    self.state = State::HeldBack { connection, output, sealer_before, answer: None };
                    Ok(Event::Asks(Request::Certificate(chain)))
                }
                None => {
                    self.output.append(&mut drive.output);
                    self.finish(drive.connection)
                }
            },
            Err(error) => {
                self.output.append(&mut drive.output);
                let wanted = self.taps.seen().alert_wanted.take().or(drive.alert_wanted);
                let failure = match refusal {
                    Some(failure) => alert::refusal(failure, self.version),
                    None => alert::failure(&error, wanted, self.version, self.is_server),
                };
                match self.sealer_after_finished(&error, &drive.connection)? {
                    Some(mut sealer) => {
                        if let Some(alert) = failure.alert_sent {
                            sealer.seal_message(ContentType::Alert, &AlertMessage::bytes(alert), &mut self.output)?;
                        }
                        self.state = State::Ended;
                        Ok(Event::Failed(failure))
                    }
                    None => self.fail(failure, self.sealer_in_force()),
                }
            }
        }
    }

    /// Early data may follow a server's answer in TLS 1.3. Once there are keys, they show where it ends.
    fn expect_early_data(&mut self, connection: &Connection) -> Result<(), Failure> {
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

    /// If a TLS 1.3 client finds bytes after the server's Finished, rustls has made its own Finished but has not
    /// moved to the keys that follow, with which the server now expects our alert (RFC 8446 section 7.1).
    fn sealer_after_finished(&self, error: &rustls::Error, connection: &Connection) -> Result<Option<Sealer>, Failure> {
        let misplaced = matches!(error, rustls::Error::PeerMisbehaved(PeerMisbehaved::KeyEpochWithPendingFragment));
        let secret = self.taps.seen().client_traffic.take().filter(|_| misplaced && !self.is_server);
        let (Some(secret), Some(SupportedCipherSuite::Tls13(suite))) =
            (secret, connection.common().negotiated_cipher_suite())
        else {
            return Ok(None);
        };
        TrafficSecret::new(suite, secret).keys().map(|keys| Some(Sealer::new(Protection::new(keys, 0))))
    }

    /// What the host is to judge although rustls asks nothing: the original's chain when a session is resumed; no chain
    /// when a client declines to show one.
    fn to_judge(&self, connection: &Connection) -> Option<Vec<CertificateDer<'static>>> {
        let resumed = connection.common().handshake_kind() == Some(HandshakeKind::Resumed);
        match connection.common().peer_certificates() {
            Some(chain) if resumed && self.judges_resumed => Some(chain.to_vec()),
            None if self.may_lack_certificate && (!resumed || self.judges_resumed) => Some(Vec::new()),
            _ => None,
        }
    }

    fn sealer_in_force(&self) -> Option<SealingPoint> {
        self.taps.seen().sealing.as_ref().and_then(HandshakeSealer::point)
    }

    fn fail(&mut self, failure: Failure, mut sealer: Option<SealingPoint>) -> Result<Event, Failure> {
        self.state = State::Ended;
        if let Some(alert) = failure.alert_sent {
            alert::write(sealer.as_mut(), alert, &mut self.output)?;
        } else if failure.alert_received == Some(Alert::CLOSE_NOTIFY) {
            // RFC 8446 section 6.1, RFC 5246 section 7.2.1: the one alert that is answered.
            alert::write(sealer.as_mut(), Alert::CLOSE_NOTIFY, &mut self.output)?;
        }
        Ok(Event::Failed(failure))
    }

    fn finish(&mut self, connection: Connection) -> Result<Event, Failure> {
        wiping::<HANDSHAKE, _>(|| self.take_over(connection))
    }

    /// rustls hands out the keys by value, and does not wipe the copies.
    fn take_over(&mut self, connection: Connection) -> Result<Event, Failure> {
        let common = connection.common();
        let suite = common
            .negotiated_cipher_suite()
            .ok_or_else(|| Failure::internal("a finished handshake without a cipher suite"))?;
        let version =
            version(&connection).ok_or_else(|| Failure::internal("a finished handshake without a version"))?;
        let group = common.negotiated_key_exchange_group().map_or(0, |group| u16::from(group.name()));
        let alpn = common.alpn_protocol().unwrap_or_default().to_vec();
        let resumed = common.handshake_kind() == Some(HandshakeKind::Resumed);
        let peer_certificates = common.peer_certificates().unwrap_or_default().to_vec();
        let (secrets, kernel) = connection.into_secrets()?;

        let seen = std::mem::take(&mut *self.taps.seen());
        // What comes later is kept for whom this session turned out to be for.
        let ticket_taker = match (kernel, seen.identity()) {
            (Some(kernel), Some(identity)) if version == Version::Tls13 => {
                let shown = if resumed { seen.resumes_shown.clone() } else { seen.shown.clone() };
                Some(TicketTaker::new(kernel, identity, shown, seen.began, seen.certificate_until))
            }
            _ => None,
        };
        // RFC 7627 section 5.3: a resumed session uses it exactly if the original did and the hello offers it.
        let offered = self
            .client_hello
            .as_ref()
            .is_some_and(|hello| hello.extension(extension_type::EXTENDED_MASTER_SECRET).is_some());
        let extended_master_secret = if resumed && self.is_server { offered } else { seen.extended_master_secret };
        let shown = if resumed { seen.resumes_shown } else { seen.shown };
        let end_point = seen.resumes.map(|origin| Box::new(origin.end_point));
        let Seen { client_traffic, server_traffic, .. } = seen;
        let missing = || Failure::internal("a secret of the handshake was not seen");
        let exporter = match suite {
            SupportedCipherSuite::Tls13(suite) => Exporter::Tls13 { suite, secret: seen.exporter.ok_or_else(missing)? },
            SupportedCipherSuite::Tls12(suite) => Exporter::Tls12(Box::new(Tls12Secrets {
                prf: suite.prf_provider,
                master: seen.master.ok_or_else(missing)?,
                randoms: seen.randoms.ok_or_else(missing)?,
                first_finished: seen.first_finished,
            })),
        };
        let sound = version == Version::Tls13 || extended_master_secret;
        let (sending, receiving) = match self.is_server {
            true => (server_traffic, client_traffic),
            false => (client_traffic, server_traffic),
        };
        let direction = |(sequence, secrets): (u64, ConnectionTrafficSecrets), traffic: Option<Secret>| {
            let keys = KeyMaterial::of(&secrets)
                .ok_or_else(|| Failure::internal("a cipher suite without a record protection of ours"))?;
            let traffic = match suite {
                SupportedCipherSuite::Tls13(suite) => {
                    let secret = traffic.ok_or_else(|| Failure::internal("no traffic secret was seen"))?;
                    Some(TrafficSecret::new(suite, secret))
                }
                SupportedCipherSuite::Tls12(_) => None,
            };
            Ok::<_, Failure>(Direction { keys, sequence, traffic })
        };
        Ok(Event::Finished(Box::new(Finished {
            version,
            sending: direction(secrets.tx, sending)?,
            receiving: direction(secrets.rx, receiving)?,
            cipher_suite: u16::from(suite.suite()),
            group,
            alpn,
            hello_retried: self.hello_retried,
            resumed,
            peer_certificates,
            ticket_taker,
            shown,
            peer_scheme: seen.peer_scheme.map_or(0, u16::from),
            transcript: seen.transcript.filter(|_| version == Version::Tls13),
            bindings: Bindings { exporter, sound, end_point },
        })))
    }
}

/// The host shows something else than the ClientHello that it has chosen a context by.
pub(crate) fn other_input() -> Failure {
    Failure::argument("this is not the input that held the ClientHello: pass that input again")
}

fn too_many_records() -> Failure {
    Failure::protocol(Alert::ILLEGAL_PARAMETER, "a handshake message comes in too many records")
}

/// An answer to a question that was not asked.
pub(crate) fn not_asked(question: Question) -> Failure {
    Failure::state(match question {
        Question::ServerContext => "no ClientHello waits for a context",
        Question::Credentials => "the session does not wait for credentials",
        Question::Certificate => "no certificate waits for a verdict",
        Question::Signature => "nothing waits for a signature",
    })
}

fn version(connection: &Connection) -> Option<Version> {
    match connection.common().protocol_version()? {
        ProtocolVersion::TLSv1_3 => Some(Version::Tls13),
        _ => Some(Version::Tls12),
    }
}

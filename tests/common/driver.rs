//! Two sessions in memory, a script for each, and a policy that says how bytes are cut on their way. A run ends when
//! nothing moves any more; its end can be compared with that of any other run of the same scenario.
//!
//! Every call is also checked by itself: one that could have made progress must have made it.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use std::sync::Arc;

use spantls::context::Context;
use spantls::outcome::{Alert, Failure, FailureKind, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Negotiated, Progress, Session, VisibleState};

/// What a party does once its handshake is complete. It reads all the time.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Seals the next bytes of its plaintext.
    Send(usize),
    /// Waits until so much plaintext has come in all.
    Await(usize),
    /// Waits for the peer's close_notify.
    AwaitClosed,
    Shutdown,
    /// Moves on to the next keys, and asks the peer to do so too if the flag is set.
    UpdateKeys {
        request: bool,
    },
    /// Ends its transport without a close_notify, perhaps within a record.
    HangUp {
        within: bool,
    },
    /// Anything else; also what only tests inside of the crate can do to a session.
    Call(fn(&Session)),
}

/// What a party makes of the question about its peer's certificate.
#[derive(Clone, Copy, Debug)]
pub enum Judge {
    Accept,
    Default,
    Refuse(PolicyErrors),
    Reject(u8),
    /// Shuts down instead of answering.
    Cancel,
}

/// How a party is expected to end in the reference run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both directions were closed in order, with all plaintext through.
    Closed,
    /// It failed and sent this alert.
    Sent(u8),
    /// It failed by this alert of the peer.
    Told(u8),
    Truncated,
    Cancelled,
    /// The peer had closed a TLS 1.2 session before all was sent.
    TooLate,
}

#[derive(Clone)]
pub struct Role {
    pub context: Arc<Context>,
    pub judge: Judge,
    pub script: &'static [Step],
    pub ending: Ending,
}

pub struct Scenario {
    pub name: &'static str,
    /// From one offset at which it is cut in two to the next: 1 for what every byte of matters.
    pub stride: usize,
    /// A handshake of the same contexts goes before each play, so that this one is resumed.
    pub resumed: bool,
    pub client: Role,
    pub server: Role,
}

/// Sizes, one for each call.
#[derive(Clone, Debug)]
pub enum Sizes {
    Cycle {
        sizes: Vec<usize>,
        at: usize,
    },
    /// Small ones and large ones; every third is at least `least`, so that something moves.
    Random {
        seed: u64,
        least: usize,
        at: usize,
    },
}

impl Sizes {
    pub fn always(size: usize) -> Self {
        Self::cycle(&[size])
    }

    pub fn cycle(sizes: &[usize]) -> Self {
        Self::Cycle { sizes: sizes.to_vec(), at: 0 }
    }

    pub fn random(seed: u64, least: usize) -> Self {
        Self::Random { seed: seed | 1, least, at: 0 }
    }

    fn next(&mut self) -> usize {
        match self {
            Self::Cycle { sizes, at } => {
                *at += 1;
                sizes[(*at - 1) % sizes.len()]
            }
            Self::Random { seed, least, at } => {
                *at += 1;
                let size = match random(seed) % 8 {
                    0 => 0,
                    1 => 1,
                    2 | 3 => random(seed) % 70,
                    4 | 5 => random(seed) % 700,
                    6 => random(seed) % 7000,
                    _ => random(seed) % 40_000,
                } as usize;
                if *at % 3 == 0 { size.max(*least) } else { size }
            }
        }
    }
}

/// A xorshift generator: the same numbers in every run.
pub fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed >> 11
}

/// How a run cuts.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Bytes that the transport shows more at each call.
    pub shown: Sizes,
    /// Room for `process_handshake`, `drain` and `shutdown`.
    pub output: Sizes,
    /// Room for `encrypt`.
    pub sealed: Sizes,
    /// Plaintext given to a call of `encrypt`.
    pub plaintext: Sizes,
    /// Room for `decrypt`.
    pub opened: Sizes,
    pub in_place: bool,
    /// A party goes on until it is stuck before the other gets its turn: whole flights meet.
    pub greedy: bool,
    pub server_first: bool,
    /// What comes behind this offset of the stream to this party (0: the client) waits until all else is done.
    pub gate: Option<(usize, usize)>,
}

impl Policy {
    /// Everything at once.
    pub fn reference() -> Self {
        let all = Sizes::always(1 << 20);
        Self {
            shown: all.clone(),
            output: Sizes::always(1 << 16),
            sealed: Sizes::always(1 << 18),
            plaintext: all,
            opened: Sizes::always(1 << 18),
            in_place: false,
            greedy: true,
            server_first: false,
            gate: None,
        }
    }
}

/// Where a run has led one of its parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyEnd {
    pub handshake: Option<Result<Outcome, Failure>>,
    pub read: Option<Result<Outcome, Failure>>,
    pub write: Option<Result<Outcome, Failure>>,
    pub received: Bytes,
    pub questions: usize,
    pub negotiated: Negotiated,
    pub target_host_name: String,
    pub remote_certificates: Vec<Bytes>,
    pub local_certificate: Bytes,
    pub state: VisibleState,
    pub last_failure: Option<Failure>,
    /// Bytes of the peer that were not consumed. After a failure their number says nothing.
    pub left: usize,
}

/// Printed as its length.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// The end of a run, the client's side first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End(pub [PartyEnd; 2]);

/// Plays a scenario. The flag tells whether the policy's gate held anything back: not if the stream was shorter.
pub fn play(scenario: &Scenario, policy: &Policy) -> (End, bool) {
    if scenario.resumed {
        prime(&scenario.client.context, &scenario.server.context);
    }
    Play::new(scenario, policy).play()
}

/// Plays the reference run, which must end as the scenario says.
pub fn reference(scenario: &Scenario) -> End {
    let end = play(scenario, &Policy::reference()).0;
    for (me, role, peer) in [(0, &scenario.client, &scenario.server), (1, &scenario.server, &scenario.client)] {
        let party = &end.0[me];
        if party.handshake == Some(Ok(Outcome::Complete)) {
            assert_eq!(party.state.resumed, scenario.resumed, "{}", scenario.name);
        }
        assert_eq!(ending(party), role.ending, "{}, {}: {party:#?}", scenario.name, NAMES[me]);
        if role.ending == Ending::Closed {
            assert_eq!(party.left, 0, "{}", scenario.name);
            if peer.ending == Ending::Closed {
                assert!(
                    party.received.0 == plaintext(1 - me, 0..all_sent(peer)),
                    "{}: plaintext differs",
                    scenario.name
                );
            }
        }
    }
    end
}

/// Shakes hands and takes the tickets; everybody is accepted.
fn prime(client: &Arc<Context>, server: &Arc<Context>) {
    let sessions = [Session::new(client.clone()), Session::new(server.clone())];
    sessions[0].set_target_host_name("localhost").unwrap();
    let mut inboxes = [Vec::new(), Vec::new()];
    let mut room = vec![0; 1 << 16];
    for me in [0, 1, 0, 1, 0, 1, 0, 1] {
        loop {
            let mut counts = Counts::default();
            let outcome = sessions[me].process_handshake(&inboxes[me], &mut room).add_to(&mut counts).unwrap();
            inboxes[me].drain(..counts.consumed);
            inboxes[1 - me].extend_from_slice(&room[..counts.written]);
            match outcome {
                Outcome::Suspended(Question::Credentials) => sessions[me].set_client_credentials(None).unwrap(),
                Outcome::Suspended(_) => sessions[me].set_certificate_validation_result(PolicyErrors::NONE).unwrap(),
                _ => break,
            };
        }
    }
    let mut counts = Counts::default();
    sessions[0].decrypt(&inboxes[0], &mut room).add_to(&mut counts).unwrap();
    assert_eq!(counts.consumed, inboxes[0].len());
}

fn ending(party: &PartyEnd) -> Ending {
    let failure = match (&party.handshake, &party.read, &party.write) {
        (Some(Ok(Outcome::Closed)), ..) => return Ending::Cancelled,
        (Some(Ok(Outcome::Complete)), Some(Ok(Outcome::Closed)), Some(Ok(Outcome::Complete))) => return Ending::Closed,
        (Some(Ok(Outcome::Complete)), Some(Ok(Outcome::Closed)), Some(Err(_))) => return Ending::TooLate,
        (Some(Err(failure)), ..) | (_, Some(Err(failure)), _) => failure,
        other => panic!("no ending: {other:?}"),
    };
    match (failure.alert_sent, failure.alert_received) {
        (Some(sent), None) => Ending::Sent(sent.0),
        (None, Some(received)) => Ending::Told(received.0),
        (None, None) => Ending::Truncated,
        both => panic!("{both:?}"),
    }
}

/// What a party sends: no two bytes near each other are the same, nor those of the two parties.
fn plaintext(me: usize, range: std::ops::Range<usize>) -> Vec<u8> {
    range.map(|at| (at * 7 + (at >> 8) * 13 + me * 101) as u8).collect()
}

fn all_sent(role: &Role) -> usize {
    role.script.iter().map(|step| if let Step::Send(len) = step { *len } else { 0 }).sum()
}

const NAMES: [&str; 2] = ["client", "server"];
const MIN_CIPHERTEXT: usize = 64;
/// A record with a KeyUpdate.
const KEY_UPDATE: usize = 27;
/// Calls without any progress after which nothing is expected any more: longer than any policy's cycle.
const PATIENCE: usize = 12;
/// More calls than any scenario needs.
const MOST_CALLS: usize = 4_000_000;

struct Play<'a> {
    scenario: &'a Scenario,
    policy: &'a Policy,
    parties: [Party<'a>; 2],
    /// To the client, to the server.
    streams: [Stream; 2],
    gate: Option<(usize, usize)>,
    held_back: bool,
    calls: usize,
}

struct Party<'a> {
    me: usize,
    role: &'a Role,
    session: Session,
    policy: Policy,
    room: Vec<u8>,
    questions: usize,
    cancelling: bool,
    step: usize,
    plaintext: Vec<u8>,
    /// Of the step.
    sent: usize,
    sent_in_all: usize,
    received: Vec<u8>,
    handshake: Option<Result<Outcome, Failure>>,
    read: Option<Result<Outcome, Failure>>,
    write: Option<Result<Outcome, Failure>>,
}

/// Everything that was ever sent in one direction; `consumed <= shown <= bytes.len()`.
#[derive(Default)]
struct Stream {
    bytes: Vec<u8>,
    consumed: usize,
    shown: usize,
    ended: bool,
}

impl Stream {
    fn visible(&self) -> &[u8] {
        &self.bytes[self.consumed..self.shown]
    }

    fn take(&mut self, count: usize) {
        // Rule 5: whole records only.
        let mut at = self.consumed;
        while at < self.consumed + count {
            at += record_len(&self.bytes[at..]).expect("a header was consumed");
        }
        assert_eq!(at, self.consumed + count, "part of a record was consumed");
        assert!(at <= self.shown, "more was consumed than was shown");
        self.consumed = at;
    }

    fn is_over(&self) -> bool {
        self.ended && self.shown == self.bytes.len()
    }
}

fn record_len(bytes: &[u8]) -> Option<usize> {
    let header = bytes.first_chunk::<5>()?;
    Some(5 + usize::from(u16::from_be_bytes([header[3], header[4]])))
}

fn holds_a_record(bytes: &[u8]) -> bool {
    record_len(bytes).is_some_and(|len| len <= bytes.len())
}

impl<'a> Play<'a> {
    fn new(scenario: &'a Scenario, policy: &'a Policy) -> Self {
        let party = |me, role: &'a Role| {
            let session = Session::new(role.context.clone());
            if me == 0 {
                session.set_target_host_name("localhost").unwrap();
            }
            Party {
                me,
                role,
                session,
                policy: policy.clone(),
                room: Vec::new(),
                questions: 0,
                cancelling: false,
                step: 0,
                plaintext: plaintext(me, 0..all_sent(role)),
                sent: 0,
                sent_in_all: 0,
                received: Vec::new(),
                handshake: None,
                read: None,
                write: None,
            }
        };
        Self {
            scenario,
            policy,
            parties: [party(0, &scenario.client), party(1, &scenario.server)],
            streams: Default::default(),
            gate: policy.gate,
            held_back: false,
            calls: 0,
        }
    }

    fn play(mut self) -> (End, bool) {
        let order = if self.policy.server_first { [1, 0] } else { [0, 1] };
        let mut idle = 0;
        loop {
            let mut progress = false;
            for me in order {
                while self.turn(me) {
                    progress = true;
                    if !self.policy.greedy {
                        break;
                    }
                }
            }
            idle = if progress { 0 } else { idle + 1 };
            if idle >= if self.policy.greedy { 1 } else { PATIENCE } {
                match self.gate.take() {
                    Some((to, offset)) => {
                        self.held_back = offset < self.streams[to].bytes.len();
                        idle = 0;
                    }
                    None => break,
                }
            }
        }
        let Self { scenario, policy, parties, streams, held_back, .. } = self;
        let ends =
            parties.each_ref().map(|party| party.end(streams[party.me].bytes.len() - streams[party.me].consumed));
        for (party, end) in parties.iter().zip(&ends) {
            let name = (scenario.name, NAMES[party.me]);
            let open = end.handshake == Some(Ok(Outcome::Complete));
            let ended = end.handshake.is_some() && (!open || end.read.is_some() && end.write.is_some());
            assert!(ended, "{name:?} hangs: {end:#?}\n{policy:?}");
            assert!(!end.state.has_pending_output, "{name:?} keeps output back: {policy:?}");
        }
        (End(ends.clone()), held_back)
    }

    /// One call, or what a host does between two calls. False if nothing has moved.
    fn turn(&mut self, me: usize) -> bool {
        self.calls += 1;
        assert!(self.calls < MOST_CALLS, "{}: no end of calls: {:?}", self.scenario.name, self.policy);
        let [to_client, to_server] = &mut self.streams;
        let (inbox, outbox) = if me == 0 { (to_client, to_server) } else { (to_server, to_client) };
        let party = &mut self.parties[me];
        let limit = match self.gate {
            Some((to, offset)) if to == me => offset.min(inbox.bytes.len()),
            _ => inbox.bytes.len(),
        };
        let shown = limit.min(inbox.shown + party.policy.shown.next());
        let mut progress = shown > inbox.shown;
        inbox.shown = inbox.shown.max(shown);
        match &party.handshake {
            None if party.cancelling => progress |= party.cancel(outbox),
            None => progress |= party.shake(inbox, outbox),
            Some(Ok(Outcome::Complete)) => {
                progress |= party.write(outbox);
                progress |= party.read(inbox);
            }
            Some(_) => progress |= party.drain(outbox),
        }
        // What a host does in the end.
        let done = match &party.handshake {
            Some(Ok(Outcome::Complete)) => party.write.is_some() && party.read.is_some(),
            ended => ended.is_some(),
        };
        if done && !party.session.state().has_pending_output && !outbox.ended {
            outbox.ended = true;
            progress = true;
        }
        progress
    }
}

impl Party<'_> {
    fn shake(&mut self, inbox: &mut Stream, outbox: &mut Stream) -> bool {
        let room = self.policy.output.next();
        self.make_room(room);
        let mut counts = Counts::default();
        let result = self.session.process_handshake(inbox.visible(), &mut self.room[..room]).add_to(&mut counts);
        outbox.bytes.extend_from_slice(&self.room[..counts.written]);
        inbox.take(counts.consumed);
        let pending = self.session.state().has_pending_output;
        match result {
            Ok(Outcome::WantRead) => {
                assert!(!pending, "output was left although there was nothing else to do");
                assert!(!holds_a_record(inbox.visible()), "a whole record was left");
                if inbox.is_over() {
                    self.handshake = Some(self.session.end_of_input());
                    return true;
                }
            }
            Ok(Outcome::WantWrite) => {
                assert!(pending && counts.written == room, "there was room left");
            }
            Ok(Outcome::Complete) => {
                assert!(!pending && self.session.state().handshake_complete);
                let mut again = Counts::default();
                let repeated = self.session.process_handshake(inbox.visible(), &mut [0; 10]).add_to(&mut again);
                assert_eq!((repeated, again), (Ok(Outcome::Complete), Counts::default()));
                self.handshake = Some(result);
                return true;
            }
            Ok(Outcome::Suspended(question)) => {
                assert!(!pending);
                let mut again = Counts::default();
                let repeated = self.session.process_handshake(inbox.visible(), &mut []).add_to(&mut again);
                assert_eq!((repeated, again), (result, Counts::default()), "a suspension lasts");
                self.questions += 1;
                match question {
                    Question::Credentials => {
                        assert_eq!(self.session.set_client_credentials(None), Ok(Outcome::Complete));
                    }
                    _ => self.answer(),
                }
                return true;
            }
            Err(failure) => {
                let mut again = Counts::default();
                let repeated = self.session.process_handshake(inbox.visible(), &mut []).add_to(&mut again);
                match pending {
                    true => assert_eq!(repeated, Ok(Outcome::WantWrite)),
                    false => assert_eq!(repeated.as_ref(), Err(&failure)),
                }
                assert_eq!(again, Counts::default());
                self.handshake = Some(Err(failure));
                return true;
            }
            other => panic!("{other:?} from process_handshake"),
        }
        counts != Counts::default()
    }

    fn answer(&mut self) {
        let session = &self.session;
        match self.role.judge {
            Judge::Accept => {
                assert_eq!(session.set_certificate_validation_result(PolicyErrors::NONE), Ok(Outcome::Complete))
            }
            Judge::Default => assert!(session.accept_with_default_validation().is_ok()),
            Judge::Refuse(errors) => {
                let refusal = session.set_certificate_validation_result(errors).unwrap_err();
                assert_eq!((refusal.kind, refusal.policy_errors), (FailureKind::Authentication, errors));
            }
            Judge::Reject(alert) => assert_eq!(session.reject(Alert(alert)), Ok(Outcome::Complete)),
            Judge::Cancel => self.cancelling = true,
        }
    }

    fn cancel(&mut self, outbox: &mut Stream) -> bool {
        if self.shut_down(outbox) {
            self.handshake = Some(self.session.process_handshake(&[], &mut []).outcome);
        }
        true
    }

    fn write(&mut self, outbox: &mut Stream) -> bool {
        if self.write.is_some() {
            return self.drain(outbox);
        }
        let Some(step) = self.role.script.get(self.step) else {
            self.write = Some(Ok(Outcome::Complete));
            return true;
        };
        let done = match *step {
            Step::Send(len) if self.sent < len => return self.seal(len, outbox),
            Step::Send(_) => true,
            Step::Await(len) => self.received.len() >= len,
            Step::AwaitClosed => self.read == Some(Ok(Outcome::Closed)),
            Step::Shutdown => self.shut_down(outbox),
            Step::HangUp { within } => {
                if within {
                    let (mut record, mut counts) = ([0; 100], Counts::default());
                    assert_eq!(
                        self.session.encrypt(&[b"lost"], &mut record).add_to(&mut counts),
                        Ok(Outcome::Complete)
                    );
                    outbox.bytes.extend_from_slice(&record[..counts.written - 1]);
                }
                outbox.ended = true;
                true
            }
            Step::UpdateKeys { request } => return self.update_keys(request, outbox),
            Step::Call(call) => {
                call(&self.session);
                true
            }
        };
        if done {
            self.step += 1;
            self.sent = 0;
            return true;
        }
        if let (Step::Await(_) | Step::AwaitClosed, Some(end)) = (step, &self.read) {
            // In vain.
            self.write = Some(end.clone());
            return true;
        }
        self.drain(outbox)
    }

    fn seal(&mut self, len: usize, outbox: &mut Stream) -> bool {
        let room = self.policy.sealed.next();
        self.make_room(room);
        let count = self.policy.plaintext.next().min(len - self.sent);
        let bytes = &self.plaintext[self.sent_in_all..][..count];
        // In two spans: they are one.
        let (first, second) = bytes.split_at(count / 3);
        let pending = self.session.state().has_pending_output;
        let mut counts = Counts::default();
        let result = self.session.encrypt(&[first, second], &mut self.room[..room]).add_to(&mut counts);
        outbox.bytes.extend_from_slice(&self.room[..counts.written]);
        self.sent += counts.consumed;
        self.sent_in_all += counts.consumed;
        match result {
            Ok(Outcome::Complete) => assert_eq!(counts.consumed, count),
            Ok(Outcome::WantWrite) => {
                assert!(counts.consumed < count || count == 0);
                // Rule 6: 64 bytes of room make progress, and what is left is not worth a record.
                assert!(room < MIN_CIPHERTEXT || counts.consumed > 0 || pending);
                assert!(room - counts.written < MIN_CIPHERTEXT, "there was room left");
            }
            Err(failure) => {
                self.write = Some(Err(failure));
                return true;
            }
            other => panic!("{other:?} from encrypt"),
        }
        counts != Counts::default()
    }

    fn update_keys(&mut self, request: bool, outbox: &mut Stream) -> bool {
        let room = self.policy.sealed.next();
        self.make_room(room);
        let pending = self.session.state().has_pending_output;
        let before = self.session.stats();
        let Progress { outcome, written, .. } = self.session.update_keys(request, &mut self.room[..room]);
        let outcome = outcome.unwrap();
        outbox.bytes.extend_from_slice(&self.room[..written]);
        match outcome {
            Outcome::Complete => {
                self.step += 1;
                return true;
            }
            Outcome::WantWrite if !pending => assert_eq!(self.session.stats(), before, "nothing was done"),
            Outcome::WantWrite => {}
            other => panic!("{other:?} from update_keys"),
        }
        assert!(pending || room < KEY_UPDATE, "there was room");
        written > 0
    }

    fn read(&mut self, inbox: &mut Stream) -> bool {
        if self.read.is_some() {
            return false;
        }
        match self.policy.in_place {
            true => self.open_in_place(inbox),
            false => self.open(inbox),
        }
    }

    fn open(&mut self, inbox: &mut Stream) -> bool {
        let room = self.policy.opened.next();
        self.make_room(room);
        let mut counts = Counts::default();
        let result = self.session.decrypt(inbox.visible(), &mut self.room[..room]).add_to(&mut counts);
        self.received.extend_from_slice(&self.room[..counts.written]);
        inbox.take(counts.consumed);
        let held = self.session.state().has_pending_plaintext;
        match result {
            Ok(Outcome::Complete) => {
                assert!(counts != Counts::default(), "COMPLETE without progress");
                assert!(!held);
                // Rule 7: as many whole records as fit, apart from what ends the session.
                if let Some(len) = record_len(inbox.visible()).filter(|_| holds_a_record(inbox.visible())) {
                    let ends = len <= LONGEST_ALERT;
                    assert!(ends || len - LEAST_OVERHEAD > room - counts.written, "a record was left");
                }
            }
            Ok(Outcome::WantRead) => {
                assert_eq!(counts, Counts::default());
                assert!(!held && !holds_a_record(inbox.visible()), "a whole record was left");
                if inbox.is_over() {
                    self.read = Some(self.session.end_of_input());
                    return true;
                }
            }
            Ok(Outcome::WantWrite) if room == 0 => assert_eq!(counts, Counts::default()),
            Ok(Outcome::WantWrite) => assert!(held && counts.written == room, "there was room left"),
            Ok(Outcome::Closed) | Err(_) => {
                assert_eq!(counts.written, 0, "an end has a call of its own");
                let mut again = Counts::default();
                let repeated = self.session.decrypt(inbox.visible(), &mut [0; 100]).add_to(&mut again);
                assert_eq!((&repeated, again), (&result, Counts::default()), "an end lasts");
                self.read = Some(result);
                return true;
            }
            other => panic!("{other:?} from decrypt"),
        }
        counts != Counts::default()
    }

    fn open_in_place(&mut self, inbox: &mut Stream) -> bool {
        let visible = &mut inbox.bytes[inbox.consumed..inbox.shown];
        let (Progress { outcome: result, consumed, written }, start) = self.session.decrypt_in_place(visible);
        self.received.extend_from_slice(&visible[start..start + written]);
        inbox.take(consumed);
        match result {
            Ok(Outcome::Complete) => assert!(consumed > 0, "COMPLETE without progress"),
            Ok(Outcome::WantRead) => {
                assert!(consumed == 0 && !holds_a_record(inbox.visible()), "a whole record was left");
                if inbox.is_over() {
                    self.read = Some(self.session.end_of_input());
                    return true;
                }
            }
            Ok(Outcome::Closed) | Err(_) => {
                self.read = Some(result);
                return true;
            }
            other => panic!("{other:?} from decrypt_in_place"),
        }
        consumed > 0
    }

    /// True once all is handed over.
    fn shut_down(&mut self, outbox: &mut Stream) -> bool {
        let room = self.policy.output.next();
        self.make_room(room);
        let Progress { outcome, written, .. } = self.session.shutdown(&mut self.room[..room]);
        let outcome = outcome.unwrap();
        outbox.bytes.extend_from_slice(&self.room[..written]);
        match outcome {
            Outcome::Closed => true,
            Outcome::WantWrite => {
                assert_eq!(written, room, "there was room left");
                false
            }
            other => panic!("{other:?} from shutdown"),
        }
    }

    /// Hands over what is pending; true if there was anything.
    fn drain(&mut self, outbox: &mut Stream) -> bool {
        if !self.session.state().has_pending_output {
            return false;
        }
        let room = self.policy.output.next();
        self.make_room(room);
        let Progress { outcome, written, .. } = self.session.drain_pending_output(&mut self.room[..room]);
        let outcome = outcome.unwrap();
        outbox.bytes.extend_from_slice(&self.room[..written]);
        match outcome {
            Outcome::Complete => assert!(!self.session.state().has_pending_output),
            Outcome::WantWrite => assert_eq!(written, room, "there was room left"),
            other => panic!("{other:?} from drain"),
        }
        true
    }

    fn make_room(&mut self, room: usize) {
        if self.room.len() < room {
            // Zeroed by the system: a quarter of a megabyte, thousands of times.
            self.room = vec![0; room];
        }
    }

    fn end(&self, left: usize) -> PartyEnd {
        let session = &self.session;
        PartyEnd {
            handshake: self.handshake.clone(),
            read: self.read.clone(),
            write: self.write.clone(),
            received: Bytes(self.received.clone()),
            questions: self.questions,
            negotiated: session.negotiated(),
            target_host_name: session.target_host_name(),
            remote_certificates: session.remote_certificates().iter().map(|der| Bytes(der.to_vec())).collect(),
            local_certificate: Bytes(session.local_certificate()),
            state: session.state(),
            last_failure: session.last_failure(),
            left: if session.last_failure().is_none() { left } else { 0 },
        }
    }
}

/// A protected alert is at most this long; the scenarios send no data records that are shorter.
const LONGEST_ALERT: usize = 31;
/// Header and tag.
const LEAST_OVERHEAD: usize = 21;

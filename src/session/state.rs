//! The state of a session: one word, which every thread reads without a lock, and which changes by named transitions alone.
//!
//! ```text
//!                          suspend(question)
//!       ┌─ Handshaking ─────────────────────► Suspended(question) ─┐
//!       │    │      ▲                                    │         │
//!       │    │      └────────────── answered ────────────┘         │
//!       │    │ finish                                              │
//!       │    ▼                                                     │
//!       │  Finished                                         cancel │
//!       │    │ delivered: the last flight is handed over           │
//!       │    ▼                                                     │
//!       │  Open ◄──────────── delivered: output is no longer       │
//!       │    │                           pending; stays Open       │
//!       │    ├─ sending         Open ── close ──► ClosedInOrder    │
//!       │    │                  Open ── end_sending ──► Ended      │
//!       │    ├─ receiving       peer_closed                        │
//!       │    └─ authentication  Unasked ─► Requested ─► Arriving   │
//!       │                         ─► Shown ─► Judging ─► Judged    │
//!       │                         ─► Requested …; Shown ─► Judged, │
//!       │                         or if void Shown ─► Requested    │
//!       └───────────────── cancel ──────────► Cancelled ◄──────────┘
//!
//!   at any time         Sound ── fail ──► Failed ── poison ──► Poisoned
//! ```
//!
//! A transition that does not lead away from where the session is changes nothing: both halves may act at the same time.
//! Sending can close, and input can end, before the session is open too.

use super::sync::atomic::{AtomicU32, Ordering};
use crate::outcome::Question;
use crate::post_handshake::client_auth::Authentication;

/// What `state` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "told in the C header")]
pub struct VisibleState {
    pub handshake_complete: bool,
    pub has_pending_output: bool,
    pub has_pending_plaintext: bool,
    pub suspended: bool,
    pub resumed: bool,
    pub hello_retried: bool,
    pub peer_closed: bool,
    pub shutdown_sent: bool,
    pub failed: bool,
    pub certificate_asked: bool,
    pub certificate_requested: bool,
    pub certificate_answered: bool,
}

/// How far the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Handshaking,
    /// The handshake waits for the host.
    Suspended(Question),
    /// Shut down before its end.
    Cancelled,
    /// The keys are there, but the last flight may not be handed over.
    Finished,
    /// The handshake is complete.
    Open,
}

// Fields of the word. The first three have values, the others are one bit each.
const STAGE: u32 = 7;
const HANDSHAKING: u32 = 0;
/// And the question's number.
const SUSPENDED: u32 = 1;
const CANCELLED: u32 = 5;
const FINISHED: u32 = 6;
const OPEN: u32 = 7;

/// Nothing but pending output will ever be sent again.
const SENDING: u32 = 3 << 3;
/// After a close_notify.
const CLOSED_IN_ORDER: u32 = 1 << 3;
/// After another alert, or where there is no way to send.
const ENDED: u32 = 2 << 3;

const AUTHENTICATION: u32 = 7 << AUTHENTICATION_SHIFT;
const AUTHENTICATION_SHIFT: u32 = 5;

const FAILED: u32 = 1 << 8;
/// A panic was contained. The session has failed too.
const POISONED: u32 = 1 << 9;
const PEER_CLOSED: u32 = 1 << 10;
/// The transport has no more input: the next need of some fails.
const INPUT_ENDED: u32 = 1 << 11;
const OUTPUT_PENDS: u32 = 1 << 12;
const PLAINTEXT_PENDS: u32 = 1 << 13;
const CERTIFICATE_ASKED: u32 = 1 << 14;
const RESUMED: u32 = 1 << 15;
const HELLO_RETRIED: u32 = 1 << 16;

/// The state at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State(u32);

impl State {
    pub(super) fn stage(self) -> Stage {
        match self.0 & STAGE {
            HANDSHAKING => Stage::Handshaking,
            CANCELLED => Stage::Cancelled,
            FINISHED => Stage::Finished,
            OPEN => Stage::Open,
            suspended => Stage::Suspended(QUESTIONS[(suspended - SUSPENDED) as usize]),
        }
    }

    #[inline]
    pub(super) fn is_open(self) -> bool {
        self.0 & STAGE == OPEN
    }

    /// The record layer has the keys.
    pub(super) fn is_finished(self) -> bool {
        self.0 & STAGE >= FINISHED
    }

    #[inline]
    pub(super) fn has_failed(self) -> bool {
        self.0 & FAILED != 0
    }

    pub(super) fn is_poisoned(self) -> bool {
        self.0 & POISONED != 0
    }

    /// Whether records can still be made.
    #[inline]
    pub(super) fn can_send(self) -> bool {
        self.0 & SENDING == 0
    }

    pub(super) fn input_has_ended(self) -> bool {
        self.0 & INPUT_ENDED != 0
    }

    pub(super) fn authentication(self) -> Authentication {
        AUTHENTICATIONS[((self.0 & AUTHENTICATION) >> AUTHENTICATION_SHIFT) as usize]
    }

    /// The question that waits for the host's answer.
    pub(super) fn question(self) -> Option<Question> {
        match self.stage() {
            Stage::Suspended(question) => Some(question),
            Stage::Open if self.authentication() == Authentication::Judging => Some(Question::Certificate),
            _ => None,
        }
    }

    /// `owes`: the read half wants something sent.
    pub(super) fn visible(self, owes: bool) -> VisibleState {
        use Authentication::{Arriving, Judged, Judging, Requested, Shown};
        let has = |bit| self.0 & bit != 0;
        let authentication = self.authentication();
        VisibleState {
            handshake_complete: self.is_open(),
            has_pending_output: has(OUTPUT_PENDS) || (owes && self.can_send()),
            has_pending_plaintext: has(PLAINTEXT_PENDS),
            suspended: self.question().is_some(),
            resumed: has(RESUMED),
            hello_retried: has(HELLO_RETRIED),
            peer_closed: has(PEER_CLOSED),
            shutdown_sent: self.0 & SENDING == CLOSED_IN_ORDER,
            failed: has(FAILED),
            certificate_asked: has(CERTIFICATE_ASKED) || authentication != Authentication::Unasked,
            certificate_requested: matches!(authentication, Requested | Arriving | Shown | Judging),
            certificate_answered: authentication == Judged,
        }
    }

    fn with(self, field: u32, value: u32) -> Self {
        Self(self.0 & !field | value)
    }
}

/// By their numbers.
const QUESTIONS: [Question; 4] =
    [Question::ServerContext, Question::Credentials, Question::Certificate, Question::Signature];

/// By their numbers; the field has room for more.
const AUTHENTICATIONS: [Authentication; 8] = {
    use Authentication::{Arriving, Judged, Judging, Requested, Shown, Unasked};
    [Unasked, Requested, Arriving, Shown, Judging, Judged, Unasked, Unasked]
};

/// The state, as all threads see it.
#[derive(Default)]
pub(super) struct StateWord(AtomicU32);

impl StateWord {
    #[inline]
    pub(super) fn now(&self) -> State {
        State(self.0.load(Ordering::Acquire))
    }

    /// The handshake asks the host.
    pub(super) fn suspend(&self, question: Question) {
        self.change(|state| match state.stage() {
            Stage::Handshaking => state.with(STAGE, SUSPENDED + question as u32),
            _ => state,
        });
    }

    /// The host has answered the handshake. What it was asked.
    pub(super) fn answered(&self) -> Option<Question> {
        let before = self.change(|state| match state.stage() {
            Stage::Suspended(_) => state.with(STAGE, HANDSHAKING),
            _ => state,
        });
        match before.stage() {
            Stage::Suspended(question) => Some(question),
            _ => None,
        }
    }

    /// The handshake ends before it is finished.
    pub(super) fn cancel(&self) {
        self.change(|state| match state.stage() {
            Stage::Handshaking | Stage::Suspended(_) => state.with(STAGE, CANCELLED),
            _ => state,
        });
    }

    /// The record layer takes over from the handshake.
    pub(super) fn finish(&self, resumed: bool, hello_retried: bool) {
        let facts = if resumed { RESUMED } else { 0 } | if hello_retried { HELLO_RETRIED } else { 0 };
        self.change(|state| match state.stage() {
            Stage::Handshaking => state.with(STAGE, FINISHED).with(facts, facts),
            _ => state,
        });
    }

    /// There is output for the peer.
    pub(super) fn output_pends(&self) {
        self.change(|state| state.with(OUTPUT_PENDS, OUTPUT_PENDS));
    }

    /// Nothing is pending. A handshake that only had to send is complete.
    pub(super) fn delivered(&self) {
        self.change(|state| {
            let state = state.with(OUTPUT_PENDS, 0);
            if state.stage() == Stage::Finished { state.with(STAGE, OPEN) } else { state }
        });
    }

    /// Whether there is something to read without input.
    pub(super) fn plaintext_pends(&self, pends: bool) {
        self.change(|state| state.with(PLAINTEXT_PENDS, if pends { PLAINTEXT_PENDS } else { 0 }));
    }

    /// A close_notify of ours was made: it is the last record.
    pub(super) fn close(&self) {
        self.change(|state| if state.can_send() { state.with(SENDING, CLOSED_IN_ORDER) } else { state });
    }

    /// No more records are made, for another reason.
    pub(super) fn end_sending(&self) {
        self.change(|state| if state.can_send() { state.with(SENDING, ENDED) } else { state });
    }

    /// The peer's close_notify has come.
    pub(super) fn peer_closed(&self) {
        self.change(|state| state.with(PEER_CLOSED, PEER_CLOSED));
    }

    /// The transport has no more input.
    pub(super) fn end_input(&self) {
        self.change(|state| state.with(INPUT_ENDED, INPUT_ENDED));
    }

    /// The peer was asked for a certificate in the handshake.
    pub(super) fn certificate_asked(&self) {
        self.change(|state| state.with(CERTIFICATE_ASKED, CERTIFICATE_ASKED));
    }

    /// The authentication after the handshake takes this step, if it is the next one.
    pub(super) fn authenticate(&self, step: Authentication) {
        self.change(|state| match state.is_open() && step.follows(state.authentication()) {
            true => state.with(AUTHENTICATION, (step as u32) << AUTHENTICATION_SHIFT),
            false => state,
        });
    }

    /// The session has failed, for good.
    pub(super) fn fail(&self) {
        self.change(|state| state.with(FAILED, FAILED));
    }

    /// A panic was contained, or an invariant is broken.
    pub(super) fn poison(&self) {
        self.change(|state| state.with(FAILED | POISONED, FAILED | POISONED));
    }

    /// What the state was before.
    fn change(&self, transition: impl Fn(State) -> State) -> State {
        let step = |word| {
            let next = transition(State(word)).0;
            (next != word).then_some(next)
        };
        let (Ok(before) | Err(before)) = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
        State(before)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use Authentication::{Arriving, Judged, Judging, Requested, Shown};

    use super::*;

    const NOTHING: VisibleState = VisibleState {
        handshake_complete: false,
        has_pending_output: false,
        has_pending_plaintext: false,
        suspended: false,
        resumed: false,
        hello_retried: false,
        peer_closed: false,
        shutdown_sent: false,
        failed: false,
        certificate_asked: false,
        certificate_requested: false,
        certificate_answered: false,
    };

    type Transition = dyn Fn(&StateWord);

    /// All transitions.
    fn transitions() -> Vec<(&'static str, Box<Transition>)> {
        let mut all: Vec<(&'static str, Box<Transition>)> = vec![
            ("answered", Box::new(|word| _ = word.answered())),
            ("cancel", Box::new(StateWord::cancel)),
            ("finish", Box::new(|word| word.finish(false, false))),
            ("finish resumed", Box::new(|word| word.finish(true, false))),
            ("finish retried", Box::new(|word| word.finish(false, true))),
            ("output_pends", Box::new(StateWord::output_pends)),
            ("delivered", Box::new(StateWord::delivered)),
            ("plaintext_pends", Box::new(|word| word.plaintext_pends(true))),
            ("plaintext_pends no more", Box::new(|word| word.plaintext_pends(false))),
            ("close", Box::new(StateWord::close)),
            ("end_sending", Box::new(StateWord::end_sending)),
            ("peer_closed", Box::new(StateWord::peer_closed)),
            ("end_input", Box::new(StateWord::end_input)),
            ("certificate_asked", Box::new(StateWord::certificate_asked)),
            ("fail", Box::new(StateWord::fail)),
            ("poison", Box::new(StateWord::poison)),
        ];
        all.extend(
            QUESTIONS
                .map(|question| -> (_, Box<Transition>) { ("suspend", Box::new(move |word| word.suspend(question))) }),
        );
        all.extend(
            [Requested, Arriving, Shown, Judging, Judged].map(|step| -> (_, Box<Transition>) {
                ("authenticate", Box::new(move |word| word.authenticate(step)))
            }),
        );
        all
    }

    fn after(state: State, transition: &Transition) -> State {
        let word = StateWord(AtomicU32::new(state.0));
        transition(&word);
        word.now()
    }

    /// A session that has come this way.
    fn word(way: &[&Transition]) -> StateWord {
        let word = StateWord::default();
        way.iter().for_each(|step| step(&word));
        word
    }

    #[test]
    fn each_transition_shows_what_it_stands_for() {
        let finish: &Transition = &|word| word.finish(false, false);
        let delivered: &Transition = &StateWord::delivered;
        let suspend: &Transition = &|word| word.suspend(Question::Signature);
        let answered: &Transition = &|word| _ = word.answered();
        let pends: &Transition = &StateWord::output_pends;
        let open = VisibleState { handshake_complete: true, ..NOTHING };
        let requested = VisibleState { certificate_asked: true, certificate_requested: true, ..open };
        let authentication = |steps: &'static [Authentication]| {
            move |word: &StateWord| steps.iter().for_each(|step| word.authenticate(*step))
        };
        let cases: &[(&[&Transition], VisibleState)] = &[
            (&[], NOTHING),
            (&[suspend], VisibleState { suspended: true, ..NOTHING }),
            (&[suspend, answered], NOTHING),
            (&[suspend, &StateWord::cancel], NOTHING),
            (&[suspend, finish, delivered], VisibleState { suspended: true, ..NOTHING }),
            (&[&StateWord::cancel, finish, delivered], NOTHING),
            (&[&StateWord::cancel, suspend], NOTHING),
            (&[pends, finish], VisibleState { has_pending_output: true, ..NOTHING }),
            (&[pends, finish, delivered], open),
            (&[finish, delivered, &StateWord::cancel], open),
            (&[finish, delivered, suspend], open),
            (&[finish, delivered, pends], VisibleState { has_pending_output: true, ..open }),
            (&[&|word| word.finish(true, false)], VisibleState { resumed: true, ..NOTHING }),
            (&[&|word| word.finish(false, true)], VisibleState { hello_retried: true, ..NOTHING }),
            (&[&|word| word.plaintext_pends(true)], VisibleState { has_pending_plaintext: true, ..NOTHING }),
            (&[&|word| word.plaintext_pends(true), &|word| word.plaintext_pends(false)], NOTHING),
            (&[&StateWord::close], VisibleState { shutdown_sent: true, ..NOTHING }),
            (&[&StateWord::close, &StateWord::end_sending], VisibleState { shutdown_sent: true, ..NOTHING }),
            (&[&StateWord::end_sending, &StateWord::close], NOTHING),
            (&[&StateWord::peer_closed], VisibleState { peer_closed: true, ..NOTHING }),
            (&[&StateWord::end_input], NOTHING),
            (&[&StateWord::certificate_asked], VisibleState { certificate_asked: true, ..NOTHING }),
            (&[&StateWord::fail], VisibleState { failed: true, ..NOTHING }),
            (&[&StateWord::poison], VisibleState { failed: true, ..NOTHING }),
            (&[finish, delivered, &authentication(&[Requested])], requested),
            (&[finish, delivered, &authentication(&[Requested, Arriving])], requested),
            (&[finish, delivered, &authentication(&[Requested, Arriving, Shown])], requested),
            (
                &[finish, delivered, &authentication(&[Requested, Arriving, Shown, Judging])],
                VisibleState { suspended: true, ..requested },
            ),
            // What comes out of its order changes nothing.
            (&[finish, delivered, &authentication(&[Requested, Shown, Judging, Judged])], requested),
            (&[&authentication(&[Requested])], NOTHING),
            (
                &[finish, delivered, &authentication(&[Requested, Arriving, Shown, Judging, Judged])],
                VisibleState { certificate_requested: false, certificate_answered: true, ..requested },
            ),
        ];
        for (number, (way, expected)) in cases.iter().enumerate() {
            assert_eq!(word(way).now().visible(false), *expected, "case {number}");
        }
        // What the read half owes is output, as long as anything is sent.
        assert!(State::default().visible(true).has_pending_output);
        assert!(!word(&[&StateWord::close]).now().visible(true).has_pending_output);
    }

    #[test]
    fn no_sequence_of_transitions_leads_where_a_session_cannot_be() {
        let transitions = transitions();
        let (mut known, mut new) = (HashSet::from([State::default()]), vec![State::default()]);
        while let Some(state) = new.pop() {
            for (name, transition) in &transitions {
                let next = after(state, transition);
                let (was, is) = (state.visible(false), next.visible(false));
                if next == state {
                    continue;
                }
                let context = || format!("{name}: {state:?} {:?} -> {next:?} {:?}", state.stage(), next.stage());
                // What has happened has happened.
                for (was, is) in [
                    (was.handshake_complete, is.handshake_complete),
                    (was.failed, is.failed),
                    (was.peer_closed, is.peer_closed),
                    (was.shutdown_sent, is.shutdown_sent),
                    (was.certificate_asked, is.certificate_asked),
                    (state.is_finished(), next.is_finished()),
                    (!state.can_send(), !next.can_send()),
                    (state.is_poisoned(), next.is_poisoned()),
                    (state.stage() == Stage::Cancelled, next.stage() == Stage::Cancelled),
                ] {
                    assert!(is || !was, "{}", context());
                }
                // Only the end of a handshake, and the host's answer, lead out of it.
                let left = state.stage() != next.stage();
                let by = match next.stage() {
                    Stage::Handshaking => "answered",
                    Stage::Suspended(_) => "suspend",
                    Stage::Cancelled => "cancel",
                    Stage::Finished => "finish",
                    Stage::Open => "delivered",
                };
                assert!(!left || name.starts_with(by), "{}", context());
                assert!(!next.is_poisoned() || next.has_failed(), "{}", context());
                assert!(!(is.certificate_requested && is.certificate_answered), "{}", context());
                assert!(
                    is.certificate_asked || !(is.certificate_requested || is.certificate_answered),
                    "{}",
                    context()
                );
                assert_eq!(is.suspended, next.question().is_some(), "{}", context());
                let asks_open = next.stage() == Stage::Open && is.suspended;
                assert!(!asks_open || next.question() == Some(Question::Certificate), "{}", context());
                if known.insert(next) {
                    new.push(next);
                }
            }
        }
        assert!(known.len() > 5_000, "{}", known.len());
    }
}

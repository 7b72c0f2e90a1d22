//! Models of what two threads do to one session. The session is the real one, with loom's locks and atomics in it (`sync.rs`), and so are
//! the records. loom runs each model once for every order of events that can matter, and lets each load return every value that the
//! memory model allows. `make models` has a third thread look on, which takes minutes.

#![cfg(feature = "loom")]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use super::*;
use crate::context::Options;
use crate::crypto::provider::base::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
use crate::crypto::record_keys::RecordKeys;
use crate::crypto::secrets::Secret;
use crate::crypto::traffic::TrafficSecret;
use crate::limits::MAX_PLAINTEXT;
use crate::outcome::{Alert, Question, Result};
use crate::post_handshake::key_update;
use crate::reason::PolicyErrors;
use crate::record::open::Opener;
use crate::record::protection::Protection;
use crate::record::seal::Sealer;
use crate::wire::{AlertMessage, ContentType};
use receiving::Receiving;

const VERSIONS: [Version; 2] = [Version::Tls12, Version::Tls13];
const KEY_UPDATE: &[u8] = &key_update(false);

/// Runs a model in every order, and prints how many these are.
fn model(name: &str, run: impl Fn() + Send + Sync + 'static) {
    let runs = Arc::new(AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    let counted = runs.clone();
    builder.check(move || {
        counted.fetch_add(1, Relaxed);
        run();
    });
    println!("{name}: {} orders", runs.load(Relaxed));
}

/// A thread with room for fibers, rustls and the wiping of stacks.
fn thread<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> loom::thread::JoinHandle<R> {
    const WORDS: usize = 32 << 10;
    loom::thread::Builder::new().stack_size(WORDS).spawn(body).unwrap()
}

/// Both at once.
fn both<A: Send + 'static, B: Send + 'static>(
    one: impl FnOnce() -> A + Send + 'static,
    other: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let (one, other) = (thread(one), thread(other));
    (one.join().unwrap(), other.join().unwrap())
}

/// In the long form a third thread looks on: what has happened stays so, and what has failed has a record.
fn look_on(session: &Arc<Session>) -> Option<loom::thread::JoinHandle<()>> {
    let session = session.clone();
    std::env::var_os("ONLOOKER").map(|_| {
        thread(move || {
            let seen = |state: VisibleState| [state.failed, state.peer_closed, state.shutdown_sent];
            let before = seen(session.state());
            assert_eq!(session.last_failure().is_some(), before[0] || session.state().failed);
            assert!(before.into_iter().zip(seen(session.state())).all(|(before, after)| after || !before));
        })
    })
}

fn secret(byte: u8) -> TrafficSecret {
    let rustls::SupportedCipherSuite::Tls13(suite) = TLS13_CHACHA20_POLY1305_SHA256 else { panic!("of TLS 1.3") };
    TrafficSecret::new(suite, Secret::new(&[byte; 32]).unwrap())
}

/// The first protection of one direction.
fn protection(version: Version, byte: u8) -> Protection {
    Protection::new(RecordKeys::new(version, &secret(byte).material().unwrap()).unwrap(), 0)
}

const OURS: u8 = 1;
const THEIRS: u8 = 2;

/// The other end of a session: it seals what the session receives, and opens what it sends.
struct Peer {
    sealer: Sealer,
    opener: Opener,
    receiving: TrafficSecret,
}

impl Peer {
    fn new(version: Version) -> Self {
        let (sealer, opener) =
            (Sealer::new(protection(version, THEIRS), MAX_PLAINTEXT), Opener::new(protection(version, OURS)));
        Self { sealer, opener, receiving: secret(OURS) }
    }

    fn seal(&mut self, content_type: ContentType, message: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        self.sealer.seal_message(content_type, message, &mut record).unwrap();
        record
    }

    /// A record that does not open.
    fn seal_wrongly(&mut self) -> Vec<u8> {
        let mut record = self.seal(ContentType::ApplicationData, b"forged");
        *record.last_mut().unwrap() ^= 1;
        record
    }

    /// Every record opens under the keys in force, and nothing follows an alert.
    fn open(&mut self, mut wire: &[u8]) -> Vec<(ContentType, Vec<u8>)> {
        let mut records: Vec<(ContentType, Vec<u8>)> = Vec::new();
        while !wire.is_empty() {
            assert!(records.last().is_none_or(|last| last.0 != ContentType::Alert), "{records:?}");
            let sealed = self.opener.next(wire).unwrap().expect("a whole record");
            let mut inner = vec![0; sealed.inner_len()];
            let opened = self.opener.peek(&sealed, &mut inner).unwrap();
            inner.truncate(opened.data_len);
            wire = &wire[sealed.record_len..];
            self.opener.count();
            if inner == KEY_UPDATE {
                self.opener.replace_keys(self.receiving.update().unwrap());
            }
            records.push((opened.content_type, inner));
        }
        records
    }
}

/// What was sent, as far as it is of this type.
fn of(content_type: ContentType, records: &[(ContentType, Vec<u8>)]) -> Vec<&[u8]> {
    records.iter().filter(|record| record.0 == content_type).map(|record| &record.1[..]).collect()
}

fn context() -> Arc<Context> {
    static CONTEXT: LazyLock<Arc<Context>> = LazyLock::new(|| {
        let mut options = Options::default();
        options.set_groups(&[0x1D]).unwrap();
        Arc::new(Context::client(options).unwrap())
    });
    CONTEXT.clone()
}

/// A session whose handshake is finished; this is pending.
fn finished(version: Version, flight: &[u8]) -> Arc<Session> {
    let session = Session::new(context());
    let mut locks = session.handshake_locks().unwrap();
    *locks.phase = Phase::Over { kernel_keys: None };
    let traffic = |byte| (version == Version::Tls13).then(|| secret(byte));
    locks.write.start(Sealer::new(protection(version, OURS), MAX_PLAINTEXT), traffic(OURS));
    locks.read.start(Receiving::new(false, Opener::new(protection(version, THEIRS)), traffic(THEIRS), None));
    session.shared.facts().negotiated.version = Some(version);
    session.shared.state.finish(false, false);
    locks.write.pending.add(&session.shared.state, |pending| pending.extend_from_slice(flight));
    drop(locks);
    Arc::new(session)
}

fn open(version: Version) -> (Arc<Session>, Peer) {
    (finished(version, b""), Peer::new(version))
}

impl Session {
    fn encrypted(&self, plaintext: &[u8]) -> (Result<Outcome>, Vec<u8>) {
        written(|room| self.encrypt(&[plaintext], room))
    }

    fn decrypted(&self, input: &[u8]) -> (Result<Outcome>, Vec<u8>) {
        written(|room| self.decrypt(input, room))
    }

    fn shut_down(&self) -> (Result<Outcome>, Vec<u8>) {
        written(|room| self.shutdown(room))
    }

    fn drained(&self) -> (Result<Outcome>, Vec<u8>) {
        written(|room| self.drain_pending_output(room))
    }
}

fn written(call: impl FnOnce(&mut [u8]) -> Progress) -> (Result<Outcome>, Vec<u8>) {
    let mut room = vec![0; 1000];
    let Progress { outcome, written, .. } = call(&mut room);
    room.truncate(written);
    (outcome, room)
}

/// The alert of the record, and the one at the end of what was sent.
#[track_caller]
fn same_alert(session: &Session, sent: &[(ContentType, Vec<u8>)]) {
    let reported = session.last_failure().unwrap().alert_sent;
    let last = of(ContentType::Alert, sent).last().map(|alert| Alert(alert[1]));
    assert_eq!(reported, last.filter(|alert| *alert != Alert::CLOSE_NOTIFY));
}

#[test]
fn the_record_of_a_failure_names_an_alert_exactly_if_it_is_sent() {
    for version in VERSIONS {
        model("failing and closing", move || {
            let (session, mut peer) = open(version);
            let onlooker = look_on(&session);
            let (reading, writing, wrong) = (session.clone(), session.clone(), peer.seal_wrongly());
            let (read, (sealed, closed)) =
                both(move || reading.decrypted(&wrong).0, move || (writing.encrypted(b"x"), writing.shut_down()));
            let kind = read.unwrap_err().kind;
            assert_eq!(kind, FailureKind::Protocol);
            assert_eq!(closed.0, Ok(Outcome::Closed));
            let mut sent = peer.open(&[sealed.1, closed.1].concat());
            match sealed.0 {
                Ok(Outcome::Complete) => assert_eq!(sent[0].1, b"x"),
                Ok(outcome) => assert_eq!((outcome, sent[0].0), (Outcome::WantWrite, ContentType::Alert)),
                // Never that our side is closed: it is the session that has failed.
                Err(failure) => assert_eq!(failure.kind, kind),
            }
            assert!(sent.len() <= 2);
            if !session.state().has_pending_output {
                same_alert(&session, &sent);
            }
            sent.extend(peer.open(&session.drained().1));
            same_alert(&session, &sent);
            assert_eq!(of(ContentType::Alert, &sent).len(), 1);
            onlooker.map(|onlooker| onlooker.join().unwrap());
            let state = session.state();
            assert!(state.failed && !state.has_pending_output);
        });
    }
}

#[test]
fn a_reply_that_is_owed_is_sent_once_and_under_the_right_keys() {
    model("a KeyUpdate and data", || {
        let (session, mut peer) = open(Version::Tls13);
        let asks = peer.seal(ContentType::Handshake, &key_update(true));
        let (reading, writing) = (session.clone(), session.clone());
        let (read, sealed) = both(move || reading.decrypted(&asks).0, move || writing.encrypted(b"x"));
        assert_eq!((read, sealed.0), (Ok(Outcome::Complete), Ok(Outcome::Complete)));
        let late = session.encrypted(b"y");
        assert_eq!(late.0, Ok(Outcome::Complete));
        let sent = peer.open(&[sealed.1, late.1].concat());
        assert_eq!(of(ContentType::Handshake, &sent), [KEY_UPDATE]);
        assert_eq!(of(ContentType::ApplicationData, &sent), [b"x", b"y"]);
        assert_eq!(session.drained(), (Ok(Outcome::Complete), Vec::new()));
        assert_eq!(session.stats().key_updates_sent, 1);
    });
}

#[test]
fn no_note_is_lost_while_another_is_taken() {
    model("a reply that is owed, and an alert", || {
        let (session, mut peer) = open(Version::Tls13);
        let asks = peer.seal(ContentType::Handshake, &key_update(true));
        assert_eq!(session.decrypted(&asks).0, Ok(Outcome::Complete));
        // The reply is owed. What follows comes under the peer's next keys.
        peer.sealer.replace_keys(secret(THEIRS).update().unwrap());
        let (reading, writing, wrong) = (session.clone(), session.clone(), peer.seal_wrongly());
        let (read, drained) = both(move || reading.decrypted(&wrong).0, move || writing.drained());
        assert_eq!((read.unwrap_err().kind, drained.0), (FailureKind::Protocol, Ok(Outcome::Complete)));
        let sent = peer.open(&[drained.1, session.drained().1].concat());
        assert_eq!(of(ContentType::Handshake, &sent), [KEY_UPDATE]);
        assert_eq!(of(ContentType::Alert, &sent).len(), 1);
        same_alert(&session, &sent);
    });
}

#[test]
fn a_close_of_tls_1_2_is_answered_once() {
    model("closing from both sides", || {
        let (session, mut peer) = open(Version::Tls12);
        let onlooker = look_on(&session);
        let close = peer.seal(ContentType::Alert, &AlertMessage::bytes(Alert::CLOSE_NOTIFY));
        let (reading, writing) = (session.clone(), session.clone());
        let (read, (sealed, closed)) =
            both(move || reading.decrypted(&close).0, move || (writing.encrypted(b"x"), writing.shut_down()));
        assert_eq!((read, closed.0), (Ok(Outcome::Closed), Ok(Outcome::Closed)));
        let data = match sealed.0 {
            Ok(outcome) => outcome == Outcome::Complete,
            Err(failure) => {
                assert_eq!(failure.kind, FailureKind::InvalidState);
                false
            }
        };
        let sent = peer.open(&[sealed.1, closed.1, session.drained().1].concat());
        assert_eq!(of(ContentType::Alert, &sent), [AlertMessage::bytes(Alert::CLOSE_NOTIFY)]);
        assert_eq!(of(ContentType::ApplicationData, &sent).len(), usize::from(data));
        onlooker.map(|onlooker| onlooker.join().unwrap());
        let state = session.state();
        assert!(state.peer_closed && state.shutdown_sent && !state.failed && !state.has_pending_output);
    });
}

#[test]
fn the_first_failure_is_everybodys() {
    model("two failures", || {
        let (session, mut peer) = open(Version::Tls13);
        let onlooker = look_on(&session);
        let (reading, failing, wrong) = (session.clone(), session.clone(), peer.seal_wrongly());
        let (read, seen) = both(
            move || reading.decrypted(&wrong).0.unwrap_err().kind,
            move || {
                // As the fence does after a panic.
                failing.record(&Failure::internal("contained"));
                (failing.poisoned().unwrap_err().kind, failing.last_failure().unwrap().kind)
            },
        );
        let last = session.last_failure().unwrap();
        assert_eq!((seen.0, seen.1), (last.kind, last.kind), "the first failure was replaced");
        assert_eq!(session.poisoned().unwrap_err().kind, last.kind);
        assert!([FailureKind::Protocol, FailureKind::Internal].contains(&read));
        same_alert(&session, &peer.open(&session.drained().1));
        onlooker.map(|onlooker| onlooker.join().unwrap());
    });
}

#[test]
fn what_has_failed_has_a_record() {
    model("a failure and a getter", || {
        let (session, mut peer) = open(Version::Tls13);
        let (reading, looking, wrong) = (session.clone(), session, peer.seal_wrongly());
        let (_, (failed, record)) = both(
            move || reading.decrypted(&wrong).0.unwrap_err().kind,
            move || (looking.state().failed, looking.last_failure()),
        );
        assert!(!failed || record.is_some(), "failed, and nothing says why");
    });
}

#[test]
fn two_threads_in_one_half_do_not_mix_their_records_or_counts() {
    model("two writers", || {
        let (session, mut peer) = open(Version::Tls13);
        let [one, other] = [session.clone(), session.clone()];
        let (one, other) = both(move || one.encrypted(b"one"), move || other.encrypted(b"other"));
        let busy = [&one, &other].map(|call| call.0.as_ref().is_err_and(|failure| failure.kind == FailureKind::Busy));
        assert!(busy != [true, true]);
        let first_len = peer.sealer.data_that_fits(usize::MAX).min(one.1.len());
        // The order of the sequence numbers is that of the two calls, whichever came first.
        let in_order = [&one.1[..first_len], &other.1].concat();
        let reversed = [&other.1[..], &one.1].concat();
        let opens = |wire: &[u8]| {
            Peer::new(Version::Tls13).opener.next(wire).ok().flatten().is_some_and(|sealed| {
                Peer::new(Version::Tls13).opener.peek(&sealed, &mut vec![0; sealed.inner_len()]).is_ok()
            })
        };
        let wire = if opens(&in_order) { in_order } else { reversed };
        let sent = peer.open(&wire);
        assert_eq!(sent.len(), busy.iter().filter(|busy| !**busy).count());
        let stats = session.stats();
        let plaintext: usize = sent.iter().map(|record| record.1.len()).sum();
        assert_eq!((stats.ciphertext_sent, stats.plaintext_sent), (wire.len() as u64, plaintext as u64));
        assert_eq!(stats.records_sent, sent.len() as u64);
    });
}

#[test]
fn an_open_session_has_its_keys_and_facts() {
    model("the last flight and the first data", || {
        let session = finished(Version::Tls13, b"flight");
        let data = Peer::new(Version::Tls13).seal(ContentType::ApplicationData, b"early bird");
        let (reading, writing) = (session.clone(), session.clone());
        let (read, sent) = both(
            move || {
                let version = reading.negotiated().version;
                let (read, data) = reading.decrypted(&data);
                (version, read, data)
            },
            move || {
                let mut room = [0; 3];
                let first = writing.process_handshake(&[], &mut room);
                assert_eq!((first.outcome, first.written), (Ok(Outcome::WantWrite), 3));
                let rest = writing.drained();
                assert_eq!(rest, (Ok(Outcome::Complete), b"ght".to_vec()));
            },
        );
        let () = sent;
        match read {
            (_, Ok(outcome), data) => assert_eq!((outcome, &data[..]), (Outcome::Complete, &b"early bird"[..])),
            (version, Err(failure), data) => {
                assert!(data.is_empty() && version.is_none(), "open, and then not");
                assert_eq!(failure.kind, FailureKind::InvalidState);
            }
        }
        assert!(session.state().handshake_complete);
        assert_eq!(session.negotiated().version, Some(Version::Tls13));
    });
}

/// Calls until no other thread is there.
fn retried<R>(mut call: impl FnMut() -> (Result<Outcome>, R)) -> (Outcome, R) {
    loop {
        match call() {
            (Err(failure), _) if failure.kind == FailureKind::Busy => loom::thread::yield_now(),
            (outcome, result) => return (outcome.unwrap(), result),
        }
    }
}

#[test]
fn a_handshake_that_is_shut_down_meanwhile_ends_in_order() {
    model("a first step and a shutdown", || {
        let session = Arc::new(Session::new(context()));
        let (stepping, closing) = (session.clone(), session.clone());
        let (step, closed) = both(
            move || retried(|| written(|room| stepping.process_handshake(&[], room))),
            move || retried(|| closing.shut_down()),
        );
        assert_eq!(closed.0, Outcome::Closed);
        let sent = [&step.1[..], &closed.1].concat();
        match step.0 {
            Outcome::WantRead => {
                // The ClientHello, and then the alert in clear.
                let alert = sent.len() - 7;
                assert_eq!((sent[0], &sent[alert..alert + 5]), (22, &[21, 3, 3, 0, 2][..]));
            }
            outcome => assert_eq!((outcome, sent.len()), (Outcome::Closed, 0)),
        }
        assert!(!session.state().has_pending_output);
        assert_eq!(session.shut_down(), (Ok(Outcome::Closed), Vec::new()));
    });
}

/// A client that asks for the verdict, and the context that its server needs.
fn suspended() -> Session {
    static SERVER: LazyLock<Arc<Context>> = LazyLock::new(|| {
        let file = |name: &str| {
            std::fs::read(format!("{}/ffi-tests/certs/server-p256.{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        };
        let mut options = Options { allow_resume: false, ..Options::default() };
        let credentials = crate::context::Credentials::from_pem(&file("pem"), &file("key"), None).unwrap();
        options.set_credentials(Some(Arc::new(credentials)));
        Arc::new(Context::server(options).unwrap())
    });
    let (client, server) = (Session::new(context()), Session::new(SERVER.clone()));
    let mut room = vec![0; 20_000];
    let hello = client.process_handshake(&[], &mut room).written;
    let mut flight = vec![0; 20_000];
    let len = server.process_handshake(&room[..hello], &mut flight).written;
    let outcome = client.process_handshake(&flight[..len], &mut room).outcome;
    assert_eq!(outcome, Ok(Outcome::Suspended(Question::Certificate)));
    client
}

#[test]
fn a_verdict_and_a_shutdown_at_once_are_one_after_the_other() {
    model("a verdict and a shutdown", || {
        let session = Arc::new(thread(suspended).join().unwrap());
        let (judging, closing) = (session.clone(), session.clone());
        let (verdict, (closed, _)) = both(
            move || judging.set_certificate_validation_result(PolicyErrors::NONE),
            move || retried(|| closing.shut_down()),
        );
        assert_eq!(closed, Outcome::Closed);
        if let Err(failure) = verdict {
            assert!([FailureKind::Busy, FailureKind::InvalidState].contains(&failure.kind), "{failure:?}");
        }
        let state = session.state();
        assert!(!state.suspended && !state.handshake_complete && !state.has_pending_output);
        let last = thread(move || written(|room| session.process_handshake(&[], room)));
        assert_eq!(last.join().unwrap(), (Ok(Outcome::Closed), Vec::new()));
    });
}

#[test]
fn what_was_written_before_a_pointer_was_set_is_seen_with_it() {
    model("user data", || {
        let session = Arc::new(Session::new(context()));
        let content = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let (setting, getting, written, read) = (session.clone(), session, content.clone(), content);
        let (_, seen) = both(
            move || {
                written.store(7, Relaxed);
                setting.set_user_data(std::ptr::without_provenance_mut(1));
            },
            move || (!getting.user_data().is_null()).then(|| read.load(Relaxed)),
        );
        assert!([None, Some(7)].contains(&seen), "{seen:?}");
    });
}

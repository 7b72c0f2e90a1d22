//! What open sessions do when they are asked to: move on to other keys, tell what they have counted, give up memory.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/link.rs"]
mod link;

use spantls::context::ClientCertificateMode;
use spantls::session::Version;
use std::sync::Arc;
use std::time::Duration;

use link::*;
use spantls::context::Context;
use spantls::outcome::{Alert, Failure, FailureKind, Outcome, Question};
use spantls::session::{Binding, Counts, Progress, Shrink, Stats};

/// A record with a KeyUpdate in it: header, message, content type, tag.
const KEY_UPDATE: usize = 5 + 5 + 1 + 16;
/// The most that a peer takes without data between them.
const MAX_KEY_UPDATES: u64 = 32;

fn pair(protocol: Version) -> Link {
    Link::open(&client(protocol, |_| {}), &server(|_| {}))
}

impl Side {
    /// Moves on to the next keys with so much room.
    fn update(&mut self, request: bool, room: usize) -> (Result<Outcome, Failure>, Vec<u8>) {
        let mut output = vec![0; room];
        let Progress { outcome: result, written, .. } = self.session.update_keys(request, &mut output);
        output.truncate(written);
        self.stream.extend_from_slice(&output);
        (result, output)
    }

    fn updates(&self) -> [u64; 2] {
        let stats = self.session.stats();
        [stats.key_updates_sent, stats.key_updates_received]
    }
}

/// One side moves on, and the other hears of it.
fn update(link: &mut Link, me: usize, request: bool) {
    let (result, message) = link.sides[me].update(request, 64);
    assert_eq!((result, message.len()), (Ok(Outcome::Complete), KEY_UPDATE));
    link.sides[1 - me].inbox.extend_from_slice(&message);
}

// --- Key updates ---------------------------------------------------------------------------------------------------

#[test]
fn either_side_moves_on_alone_and_the_session_goes_on() {
    let mut link = pair(TLS13);
    for me in [CLIENT, SERVER] {
        update(&mut link, me, false);
        link.talk();
        assert!(!link.sides[1 - me].session.state().has_pending_output, "no answer was asked for");
    }
    assert_eq!(link.sides.each_ref().map(Side::updates), [[1, 1]; 2]);
}

#[test]
fn who_is_asked_moves_on_too_and_asks_nothing_back() {
    let mut link = pair(TLS13);
    for me in [CLIENT, SERVER] {
        update(&mut link, me, true);
        assert_eq!(link.sides[1 - me].receive(), Ok(Outcome::WantRead));
        assert!(link.sides[1 - me].session.state().has_pending_output);
        assert_eq!(link.drain(1 - me), KEY_UPDATE);
        assert_eq!(link.sides[me].receive(), Ok(Outcome::WantRead));
        assert!(!link.sides[me].session.state().has_pending_output);
        link.talk();
    }
    assert_eq!(link.sides.each_ref().map(Side::updates), [[2, 2]; 2]);
}

#[test]
fn updates_that_cross_are_both_done_and_both_answered() {
    let mut link = pair(TLS13);
    for round in 1..=20 {
        // Data of either side is under way before, between and behind them.
        let mut to = [Vec::new(), Vec::new()];
        for me in [CLIENT, SERVER] {
            let side = &mut link.sides[me];
            to[1 - me].extend(side.seal(b"before"));
            let (result, message) = side.update(true, 64);
            assert_eq!(result, Ok(Outcome::Complete));
            to[1 - me].extend(message);
            to[1 - me].extend(side.seal(b", behind"));
        }
        for (side, bytes) in link.sides.iter_mut().zip(to) {
            side.inbox.extend(bytes);
            side.received.clear();
            assert_eq!(side.receive(), Ok(Outcome::WantRead));
            assert_eq!(side.received, b"before, behind");
        }
        assert_eq!([link.drain(CLIENT), link.drain(SERVER)], [KEY_UPDATE; 2]);
        link.talk();
        assert!(link.sides.iter().all(|side| !side.session.state().has_pending_output), "an answer is not answered");
        assert_eq!(link.sides.each_ref().map(Side::updates), [[2 * round; 2]; 2]);
    }
}

#[test]
fn without_room_the_keys_have_not_changed() {
    let mut link = pair(TLS13);
    for room in 0..KEY_UPDATE {
        let before = link.client().session.stats();
        assert_eq!(link.client().update(true, room), (Ok(Outcome::WantWrite), Vec::new()));
        assert_eq!(link.client().session.stats(), before);
        link.send(CLIENT, b"under the old keys");
        assert_eq!(link.server().updates(), [0, 0]);
    }
    let (result, message) = link.client().update(false, KEY_UPDATE);
    assert_eq!((result, message.len()), (Ok(Outcome::Complete), KEY_UPDATE));
    link.server().inbox.extend(message);
    link.talk();
    assert_eq!(link.server().updates(), [0, 1]);
}

#[test]
fn pending_output_goes_first_and_the_rest_when_there_is_room() {
    for room in 0..2 * KEY_UPDATE + 10 {
        let mut link = pair(TLS13);
        update(&mut link, SERVER, true);
        assert_eq!(link.client().receive(), Ok(Outcome::WantRead));
        // The answer is owed, and now the host wants an update of its own.
        let (result, written) = link.client().update(false, room);
        if room < 2 * KEY_UPDATE {
            assert_eq!(result, Ok(Outcome::WantWrite), "{room}");
            assert_eq!(written.len(), room.min(KEY_UPDATE), "{room}");
            assert_eq!(link.client().updates()[0], 1, "the answer alone");
        } else {
            assert_eq!((result, written.len()), (Ok(Outcome::Complete), 2 * KEY_UPDATE));
            assert_eq!(link.client().updates()[0], 2);
        }
        link.server().inbox.extend(written);
        link.drain(CLIENT);
        link.talk();
    }
}

#[test]
fn too_many_without_data_between_them_end_the_session() {
    for me in [CLIENT, SERVER] {
        for request in [false, true] {
            let mut link = pair(TLS13);
            for _ in 0..3 {
                // With data between them there is no end.
                for _ in 0..MAX_KEY_UPDATES {
                    update(&mut link, me, request);
                }
                link.send(me, b"data");
                link.drain(1 - me);
                link.talk();
            }
            for _ in 0..=MAX_KEY_UPDATES {
                update(&mut link, me, request);
            }
            let failure = link.sides[1 - me].receive().unwrap_err();
            assert_eq!((failure.kind, failure.alert_sent), (FailureKind::Protocol, Some(Alert::UNEXPECTED_MESSAGE)));
            link.drain(1 - me);
            let told = link.sides[me].receive().unwrap_err();
            assert_eq!(told.alert_received, Some(Alert::UNEXPECTED_MESSAGE));
            // It has said what there was to say.
            let (result, nothing) = link.sides[me].update(false, 64);
            assert_eq!((result, nothing), (Err(told), Vec::new()));
        }
    }
}

#[test]
fn a_flood_of_requests_is_owed_one_answer() {
    let mut link = pair(TLS13);
    for _ in 0..MAX_KEY_UPDATES {
        update(&mut link, CLIENT, true);
        assert_eq!(link.server().receive(), Ok(Outcome::WantRead));
    }
    assert_eq!(link.drain(SERVER), KEY_UPDATE);
    link.talk();
}

#[test]
fn an_update_needs_tls13_and_an_open_side() {
    let refused = |side: &mut Side, kind| {
        let (result, written) = side.update(true, 100);
        assert_eq!((result.unwrap_err().kind, written.len()), (kind, 0));
    };
    let mut link = pair(TLS12);
    refused(link.client(), FailureKind::NotSupported);
    refused(link.server(), FailureKind::NotSupported);
    link.talk();

    let mut link = Link::new(&client(TLS13, |_| {}), &server(|_| {}), None);
    refused(link.client(), FailureKind::InvalidState);
    link.run();
    link.completed();
    link.client().session.shutdown(&mut [0; 64]).outcome.unwrap();
    refused(link.client(), FailureKind::InvalidState);
    link.send(SERVER, b"still open");
    // The other direction is closed by itself.
    update(&mut link, SERVER, false);
    link.send(SERVER, b"under new keys");
}

#[test]
fn an_update_is_no_data_where_records_are_opened_in_place() {
    let mut link = pair(TLS13);
    update(&mut link, CLIENT, true);
    let mut data = std::mem::take(&mut link.server().inbox);
    let session = &link.server().session;
    let done = Progress { outcome: Ok(Outcome::Complete), consumed: KEY_UPDATE, written: 0 };
    assert_eq!(session.decrypt_in_place(&mut data).0, done);
    assert_eq!(link.drain(SERVER), KEY_UPDATE);
    link.talk();
}

// --- Statistics ----------------------------------------------------------------------------------------------------

/// What does not depend on time.
fn counts(side: &Side) -> Stats {
    Stats { computing: 0, suspended: [0; 4], ..side.session.stats() }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one conversation, counted from its begin to its end")]
fn everything_of_a_conversation_is_counted() {
    for protocol in VERSIONS {
        let tls13 = protocol == TLS13;
        let mut link = Link::new(&client(protocol, |_| {}), &server(|_| {}), Some("localhost"));
        assert_eq!(link.client().session.stats(), Stats::default());
        link.run();
        // The tickets are still under way.
        let tickets = records(&link.client().inbox).len() as u64;
        assert_eq!(tickets > 0, tls13);
        let [client, server] = &link.sides;
        let mut expected = [
            Stats {
                ciphertext_sent: client.stream.len() as u64,
                ciphertext_received: (server.stream.len() - client.inbox.len()) as u64,
                ..Stats::default()
            },
            Stats {
                ciphertext_sent: server.stream.len() as u64,
                ciphertext_received: client.stream.len() as u64,
                ..Stats::default()
            },
        ];
        assert_eq!(link.sides.each_ref().map(counts), expected);
        assert!(link.sides.iter().all(|side| side.session.stats().computing > 0));
        link.completed();
        expected[CLIENT].ciphertext_received = link.server().stream.len() as u64;
        expected[CLIENT].records_received = tickets;
        expected[CLIENT].tickets_received = if tls13 { 2 } else { 0 };
        assert_eq!(link.sides.each_ref().map(counts), expected);

        let overhead = if tls13 { 5 + 1 + 16 } else { 5 + 8 + 16 };
        let mut count = |link: &Link, me: usize, data: u64, records: u64, bytes: u64| {
            expected[me].plaintext_sent += data;
            expected[me].records_sent += records;
            expected[me].ciphertext_sent += bytes;
            expected[1 - me].plaintext_received += data;
            expected[1 - me].records_received += records;
            expected[1 - me].ciphertext_received += bytes;
            if data == 0 && records > 0 && bytes == KEY_UPDATE as u64 {
                expected[me].key_updates_sent += 1;
                expected[1 - me].key_updates_received += 1;
            }
            assert_eq!(link.sides.each_ref().map(counts), expected, "{protocol:?}");
        };
        for (me, data, records) in [(CLIENT, 10, 1), (SERVER, 40_000, 3), (SERVER, 16_384, 1), (CLIENT, 16_385, 2)] {
            link.send(me, &vec![7; data as usize]);
            count(&link, me, data, records, data + records * overhead);
        }
        // An empty one makes no record.
        link.send(CLIENT, b"");
        count(&link, CLIENT, 0, 0, 0);
        // Into too little room at first: what was held back is counted when it is delivered.
        let sealed = link.client().seal(&[9; 100]);
        link.server().inbox.extend_from_slice(&sealed);
        let inbox = std::mem::take(&mut link.server().inbox);
        let before = link.server().session.stats().plaintext_received;
        let mut room = [0; 60];
        for (outcome, consumed, written) in [(Outcome::WantWrite, inbox.len(), 60), (Outcome::Complete, 0, 40)] {
            let mut done = Counts::default();
            let shown = if consumed > 0 { &inbox[..] } else { &[] };
            assert_eq!(link.server().session.decrypt(shown, &mut room).add_to(&mut done), Ok(outcome));
            assert_eq!((done.consumed, done.written), (consumed, written));
        }
        assert_eq!(link.server().session.stats().plaintext_received, before + 100);
        count(&link, CLIENT, 100, 1, 100 + overhead);
        // In place.
        let mut sealed = link.server().seal(&[9; 100]);
        let done = Progress { outcome: Ok(Outcome::Complete), consumed: sealed.len(), written: 100 };
        assert_eq!(link.client().session.decrypt_in_place(&mut sealed).0, done);
        count(&link, SERVER, 100, 1, 100 + overhead);
        if tls13 {
            update(&mut link, CLIENT, true);
            assert_eq!(link.server().receive(), Ok(Outcome::WantRead));
            count(&link, CLIENT, 0, 1, KEY_UPDATE as u64);
            link.drain(SERVER);
            assert_eq!(link.client().receive(), Ok(Outcome::WantRead));
            count(&link, SERVER, 0, 1, KEY_UPDATE as u64);
        }
        // The alert, too.
        let mut room = [0; 64];
        let Progress { outcome, written, .. } = link.client().session.shutdown(&mut room);
        assert_eq!(outcome, Ok(Outcome::Closed));
        assert_eq!(written as u64, 2 + overhead);
        link.server().inbox.extend_from_slice(&room[..written]);
        assert_eq!(link.server().receive(), Ok(Outcome::Closed));
        count(&link, CLIENT, 0, 1, written as u64);
    }
}

/// A link on which both sides are asked everything that there is to ask.
fn asking(protocol: Version) -> Link {
    let chosen = server(|options| {
        options.set_credentials(Some(external("server-p256")));
        options.client_certificates = ClientCertificateMode::Require;
    });
    let mut link = Link::new(&client(protocol, |_| {}), &Arc::new(Context::undecided().unwrap()), Some("localhost"));
    link.server().context = Some(chosen);
    link.server().signer = Some(signer("server-p256"));
    link.client().demand = Some(external("client-p256"));
    link.client().signer = Some(signer("client-p256"));
    link
}

#[test]
fn the_time_of_each_question_is_counted_as_its_own() {
    const PAUSE: Duration = Duration::from_millis(6);
    const AT_LEAST: u64 = 5_000_000;
    let questions = [Question::ServerContext, Question::Credentials, Question::Certificate, Question::Signature];
    for protocol in VERSIONS {
        for (me, asked) in [(CLIENT, &questions[1..]), (SERVER, &[questions[0], questions[2], questions[3]][..])] {
            for question in asked {
                let field = *question as usize;
                let mut link = asking(protocol);
                link.sides[me].stop_at = Some(*question);
                link.run();
                assert_eq!(link.sides[me].result, Ok(Outcome::Suspended(*question)));
                let before = link.sides[me].session.stats();
                let peer = link.sides[1 - me].session.stats();
                // How long a host takes is what is counted here.
                std::thread::sleep(PAUSE);
                let after = link.sides[me].session.stats();
                assert!(after.suspended[field] >= before.suspended[field] + AT_LEAST, "{question:?}: {after:?}");
                // And nothing else.
                let mut rest = after;
                rest.suspended[field] = before.suspended[field];
                assert_eq!(rest, before);
                assert_eq!(link.sides[1 - me].session.stats(), peer, "the peer's host is not asked");

                link.sides[me].stop_at = None;
                link.run();
                link.completed();
                let done = link.sides[me].session.stats();
                assert!(done.suspended[field] >= after.suspended[field]);
                for other in questions {
                    let counted = done.suspended[other as usize] > 0;
                    assert_eq!(counted, asked.contains(&other), "{other:?} of side {me}: {done:?}");
                }
                std::thread::sleep(PAUSE);
                assert_eq!(link.sides[me].session.stats(), done, "nobody is asked any more");
            }
        }
    }
}

#[test]
fn the_time_of_a_question_ends_with_the_handshake_however_that_ends() {
    for protocol in VERSIONS {
        for cancelled in [false, true] {
            let mut link = asking(protocol);
            link.client().judge = Judge::Stop;
            link.run();
            let session = &link.client().session;
            assert!(session.state().suspended);
            if cancelled {
                session.shutdown(&mut [0; 100]).outcome.unwrap();
            } else {
                assert_eq!(session.reject(Alert::ACCESS_DENIED), Ok(Outcome::Complete));
            }
            let stats = session.stats();
            assert!(stats.suspended[Question::Certificate as usize] > 0);
            std::thread::sleep(Duration::from_millis(1));
            assert_eq!(session.stats(), stats);
        }
    }
}

// --- Shrinking -----------------------------------------------------------------------------------------------------

#[test]
fn shrinking_gives_up_what_the_depth_says_and_nothing_else() {
    for protocol in VERSIONS {
        let staple = b"a response".to_vec();
        let own = credentials("server-p256");
        own.set_ocsp_response(&staple).unwrap();
        let server = server(|options| {
            options.set_credentials(Some(own));
            options.client_certificates = ClientCertificateMode::Require;
            options.keep_client_hello = true;
        });
        for depth in [Shrink::Buffers, Shrink::Peer, Shrink::Tickets] {
            let client = client(protocol, |options| options.set_credentials(Some(credentials("client-p256"))));
            let mut link = Link::open(&client, &server);
            let told = |side: &Side| {
                let session = &side.session;
                let bindings = [Binding::Unique, Binding::Exporter].map(|kind| session.channel_binding(kind).ok());
                (session.negotiated(), session.local_certificate(), session.state(), bindings, session.stats())
            };
            for me in [CLIENT, SERVER] {
                let side = &link.sides[me];
                let before = (told(side), side.session.channel_binding(Binding::EndPoint).ok());
                assert_eq!(side.session.shrink(depth), Ok(Outcome::Complete));
                assert_eq!(side.session.shrink(depth), Ok(Outcome::Complete));
                assert_eq!(told(side), before.0);
                assert_eq!(side.remote().len(), if depth == Shrink::Buffers { 2 } else { 0 });
                let staple = if me == CLIENT && depth == Shrink::Buffers { &staple[..] } else { &[] };
                assert_eq!(side.session.ocsp_response(), staple);
                assert_eq!(side.session.client_hello().is_some(), me == SERVER && depth == Shrink::Buffers);
                // A client makes it from the server's certificate.
                let end_point = side.session.channel_binding(Binding::EndPoint);
                if me == CLIENT && depth > Shrink::Buffers {
                    assert_eq!(end_point.unwrap_err().kind, FailureKind::InvalidState);
                } else {
                    assert_eq!(end_point.ok(), before.1);
                }
            }
            link.talk();
            // What is in the tickets is none of the session's memory.
            let link = Link::open(&client, &server);
            assert!(link.sides[CLIENT].resumed());
            assert_eq!(link.sides[SERVER].remote(), chain("client-p256"));
        }
    }
}

#[test]
fn tickets_that_come_later_are_ignored_from_depth_two_on() {
    for depth in [Shrink::Buffers, Shrink::Peer, Shrink::Tickets] {
        let (server, client) = (server(|_| {}), client(TLS13, |_| {}));
        let mut link = Link::new(&client, &server, Some("localhost"));
        link.run();
        assert!(!link.client().inbox.is_empty(), "the tickets are under way");
        assert_eq!(link.client().session.shrink(depth), Ok(Outcome::Complete));
        link.completed();
        assert_eq!(link.client().session.stats().tickets_received, if depth == Shrink::Tickets { 0 } else { 2 });
        link.talk();
        assert_eq!(Link::open(&client, &server).client().resumed(), depth < Shrink::Tickets);
    }
}

#[test]
fn shrinking_needs_an_open_session() {
    let mut link = Link::new(&client(TLS13, |_| {}), &server(|_| {}), Some("localhost"));
    let kinds = |side: &Side| {
        [Shrink::Buffers, Shrink::Tickets].map(|depth| side.session.shrink(depth).map_err(|failure| failure.kind))
    };
    assert_eq!(kinds(link.client()), [Err(FailureKind::InvalidState); 2]);
    link.run();
    assert_eq!(kinds(link.client()), [Ok(Outcome::Complete); 2]);
}

#[test]
fn held_plaintext_outlives_shrinking() {
    for protocol in VERSIONS {
        let mut link = pair(protocol);
        let sealed = link.client().seal(&[5; 1000]);
        let session = &link.server().session;
        let mut done = Counts::default();
        assert_eq!(session.decrypt(&sealed, &mut [0; 300]).add_to(&mut done), Ok(Outcome::WantWrite));
        assert_eq!(session.shrink(Shrink::Tickets), Ok(Outcome::Complete));
        assert_eq!(link.server().receive(), Ok(Outcome::WantRead));
        assert_eq!(link.server().received, [5; 700]);
    }
}

// --- Memory ----------------------------------------------------------------------------------------------------------

/// How often this thread has touched memory that the kernel had to provide first.
#[cfg(target_os = "linux")]
fn page_faults() -> u64 {
    // proc_pid_stat(5): the tenth field is minflt. The second is a name in parentheses.
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(7).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn handshakes_one_after_another_cost_no_page_faults() {
    let context = server(|_| {});
    for protocol in [TLS12, TLS13] {
        let client = client(protocol, |_| {});
        let shake = |number| (0..number).for_each(|_| drop(Link::open(&client, &context)));
        shake(20);
        let before = page_faults();
        shake(200);
        let faults = page_faults() - before;
        println!("{protocol:?}: {faults} page faults in 200 handshakes");
        // Other tests take stacks from the same pool. Stacks that were given back to the kernel would cost some 16 each.
        assert!(faults < 200, "{faults} page faults in 200 handshakes");
    }
}

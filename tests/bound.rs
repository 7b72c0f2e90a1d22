//! Sessions bound to a socket: one over a socket pair against one over spans, whose bytes the test moves, so that it can
//! chop, hold back and count them.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "bound/ends.rs"]
mod ends;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use common::{TLS12, TLS13, client, server};
use spantls::context::Context;
use spantls::outcome::{Alert, Failure, FailureKind, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, KernelTls, Progress, Session};
use spantls::transport::Socket;

/// A bound session, and a session over spans at the other end of its socket.
struct Pair {
    bound: Session,
    peer: Session,
    wire: UnixStream,
    /// Received for the peer and not consumed.
    inbox: Vec<u8>,
    /// For the bound session, not yet on the wire.
    outbox: Vec<u8>,
}

fn pair(bound: Arc<Context>, peer: Arc<Context>) -> Pair {
    let (ours, wire) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    wire.set_nonblocking(true).unwrap();
    let socket = Socket::new(ours.into_raw_fd() as isize, true).unwrap();
    let (bound, peer) = (Session::with_socket(bound, socket, KernelTls::default()), Session::new(peer));
    Pair { bound, peer, wire, inbox: Vec::new(), outbox: Vec::new() }
}

/// Both roles, both versions; the handshake is done, bytes going to the bound session `chunk` at a time.
fn open_pairs(chunk: usize) -> Vec<(String, Pair)> {
    let mut pairs = Vec::new();
    for protocol in [TLS13, TLS12] {
        for is_server in [false, true] {
            let (client, server) = (client(protocol, &[]), server("server-p256"));
            let mut pair = if is_server { pair(server, client) } else { pair(client, server) };
            pair.shake_hands(chunk);
            pairs.push((format!("{protocol:?}, server: {is_server}, chunk {chunk}"), pair));
        }
    }
    pairs
}

impl Pair {
    /// Moves what is on the wire to the peer.
    fn receive(&mut self) -> usize {
        let mut buffer = [0; 100_000];
        let mut total = 0;
        loop {
            match self.wire.read(&mut buffer) {
                Ok(0) => return total,
                Ok(count) => {
                    self.inbox.extend_from_slice(&buffer[..count]);
                    total += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return total,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Puts at most `limit` bytes of the outbox on the wire.
    fn send(&mut self, limit: usize) -> usize {
        let count = self.outbox.len().min(limit);
        match self.wire.write(&self.outbox[..count]) {
            Ok(count) => {
                self.outbox.drain(..count);
                count
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) => 0,
            Err(error) => panic!("{error}"),
        }
    }

    fn peer_step(&mut self) -> Result<Outcome, Failure> {
        let mut room = vec![0; 40_000];
        let mut counts = Counts::default();
        let result = self.peer.process_handshake(&self.inbox, &mut room).add_to(&mut counts);
        self.inbox.drain(..counts.consumed);
        self.outbox.extend_from_slice(&room[..counts.written]);
        if result == Ok(Outcome::Suspended(Question::Certificate)) {
            self.peer.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
        }
        result
    }

    fn shake_hands(&mut self, chunk: usize) {
        for _ in 0..100_000 {
            let bound = self.bound.handshake().unwrap();
            if bound == Outcome::Suspended(Question::Certificate) {
                assert_eq!(self.bound.handshake(), Ok(bound), "a question lasts");
                self.bound.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
            }
            self.receive();
            let peer = self.peer_step().unwrap();
            self.send(chunk);
            if bound == Outcome::Complete && peer == Outcome::Complete && self.outbox.is_empty() {
                return;
            }
        }
        panic!("no end of the handshake");
    }

    /// Lets the peer seal this for the bound session.
    fn seal(&mut self, data: &[u8]) {
        let mut room = vec![0; data.len() + 100 + data.len() / 100];
        let mut counts = Counts::default();
        assert_eq!(self.peer.encrypt(&[data], &mut room).add_to(&mut counts), Ok(Outcome::Complete));
        self.outbox.extend_from_slice(&room[..counts.written]);
    }

    /// What the peer makes of all that has come.
    fn open(&mut self) -> (Result<Outcome, Failure>, Vec<u8>) {
        self.receive();
        let mut data = Vec::new();
        let mut room = vec![0; 40_000];
        loop {
            let mut counts = Counts::default();
            let result = self.peer.decrypt(&self.inbox, &mut room).add_to(&mut counts);
            self.inbox.drain(..counts.consumed);
            data.extend_from_slice(&room[..counts.written]);
            if result != Ok(Outcome::Complete) {
                return (result, data);
            }
        }
    }

    fn read(&self, room: usize) -> (Result<Outcome, Failure>, Vec<u8>) {
        let mut buffer = vec![0; room];
        let Progress { outcome: result, written: count, .. } = self.bound.read(&mut buffer);
        buffer.truncate(count);
        (result, buffer)
    }

    fn write(&self, data: &[u8]) -> (Result<Outcome, Failure>, usize) {
        let Progress { outcome: result, consumed: taken, .. } = self.bound.write(&[data]);
        (result, taken)
    }
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 7 + index / 251) as u8).collect()
}

#[test]
fn data_passes_both_ways_however_it_is_chopped() {
    for chunk in [1, 5, 1000, usize::MAX] {
        for (name, mut pair) in open_pairs(chunk) {
            let data = pattern(40_000);
            assert_eq!(pair.write(&data), (Ok(Outcome::Complete), data.len()), "{name}");
            assert_eq!(pair.open().1, data, "{name}");
            for room in [1, 7, 1000, 16_384, 60_000] {
                let data = &data[..if room == 1 { 2000 } else { data.len() }];
                pair.seal(data);
                let mut received = Vec::new();
                while received.len() < data.len() {
                    match pair.read(room) {
                        (Ok(Outcome::Complete), bytes) => {
                            assert!(!bytes.is_empty(), "{name}");
                            received.extend_from_slice(&bytes);
                        }
                        (Ok(Outcome::WantRead), bytes) => {
                            assert!(bytes.is_empty() && !pair.bound.state().has_pending_plaintext, "{name}");
                            assert!(pair.send(chunk) > 0, "{name}: everything was sent, {} came", received.len());
                        }
                        other => panic!("{name}: {other:?}"),
                    }
                }
                assert_eq!(received, data, "{name}");
                assert_eq!(pair.read(room).0, Ok(Outcome::WantRead), "{name}");
            }
        }
    }
}

#[test]
fn what_lies_here_is_told_by_the_state_and_read_without_the_socket() {
    for (name, mut pair) in open_pairs(usize::MAX) {
        for index in 0..10 {
            pair.seal(&[index; 10]);
        }
        let whole = pair.outbox.len();
        pair.seal(&[99; 10]);
        // Ten records and the front of another.
        assert_eq!(pair.send(whole + 8), whole + 8);
        assert_eq!(pair.read(0), (Ok(Outcome::Complete), vec![]), "{name}: there is something");
        assert!(pair.bound.state().has_pending_plaintext, "{name}");
        let calls = pair.bound.stats().receive_calls;
        for index in 0..10 {
            assert!(pair.bound.state().has_pending_plaintext, "{name}");
            assert_eq!(pair.read(4), (Ok(Outcome::Complete), vec![index; 4]), "{name}");
            assert_eq!(pair.read(6), (Ok(Outcome::Complete), vec![index; 6]), "{name}");
        }
        assert!(!pair.bound.state().has_pending_plaintext, "{name}");
        assert_eq!(pair.bound.stats().receive_calls, calls, "{name}");
        assert_eq!(pair.read(100), (Ok(Outcome::WantRead), vec![]), "{name}");
        assert_eq!(pair.read(0), (Ok(Outcome::WantRead), vec![]), "{name}");
        pair.send(usize::MAX);
        assert_eq!(pair.read(100), (Ok(Outcome::Complete), vec![99; 10]), "{name}");
    }
}

#[test]
fn one_read_and_one_write_are_one_system_call_each() {
    for (name, mut pair) in open_pairs(usize::MAX) {
        let before = pair.bound.stats();
        for _ in 0..10 {
            pair.seal(b"GET / HTTP/1.1\r\n\r\n");
            pair.send(usize::MAX);
            assert_eq!(pair.read(16_384).0, Ok(Outcome::Complete), "{name}");
            assert_eq!(pair.write(&[5; 16_384]).0, Ok(Outcome::Complete), "{name}");
            assert_eq!(pair.open().1.len(), 16_384, "{name}");
        }
        let after = pair.bound.stats();
        assert_eq!(after.receive_calls - before.receive_calls, 10, "{name}");
        assert_eq!(after.send_calls - before.send_calls, 10, "{name}");
    }
}

#[test]
fn plaintext_that_was_taken_is_sent_later_and_never_shown_again() {
    for (name, mut pair) in open_pairs(usize::MAX) {
        let data = pattern(8_000_000);
        let (mut taken, mut received) = (0, Vec::new());
        let mut full = 0;
        while taken < data.len() || pair.bound.state().has_pending_output {
            match pair.write(&data[taken..]) {
                (Ok(Outcome::Complete), count) => {
                    taken += count;
                    assert_eq!(taken, data.len(), "{name}");
                }
                (Ok(Outcome::WantWrite), count) => {
                    full += 1;
                    taken += count;
                    assert_eq!(pair.write(&data[taken..]), (Ok(Outcome::WantWrite), 0), "{name}: still full");
                    received.extend_from_slice(&pair.open().1);
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        assert!(full > 2, "{name}: the socket was full {full} times");
        received.extend_from_slice(&pair.open().1);
        assert!(received == data, "{name}");
    }
}

#[test]
fn ciphertext_that_is_owed_goes_out_with_nothing_and_with_the_next_data() {
    for next in [&b""[..], b"next"] {
        for (name, mut pair) in open_pairs(usize::MAX) {
            // Fills the socket exactly to where everything is taken and something is owed.
            let data = pattern(100_000);
            let mut expected = Vec::new();
            loop {
                let (result, count) = pair.write(&data);
                expected.extend_from_slice(&data[..count]);
                if result == Ok(Outcome::WantWrite) {
                    assert_eq!(count, data.len(), "{name}: less than a send buffer");
                    break;
                }
            }
            assert!(pair.bound.state().has_pending_output, "{name}");
            let mut received = pair.open().1;
            assert_eq!(pair.write(next), (Ok(Outcome::Complete), next.len()), "{name}");
            assert!(!pair.bound.state().has_pending_output, "{name}");
            expected.extend_from_slice(next);
            received.extend_from_slice(&pair.open().1);
            assert!(received == expected, "{name}");
        }
    }
}

#[test]
fn the_end_is_closed_with_a_close_notify_and_truncated_without() {
    for cut in [false, true] {
        for (name, mut pair) in open_pairs(usize::MAX) {
            pair.seal(b"last");
            if !cut {
                let mut room = [0; 100];
                let Progress { outcome, written, .. } = pair.peer.shutdown(&mut room);
                assert_eq!(outcome, Ok(Outcome::Closed));
                pair.outbox.extend_from_slice(&room[..written]);
            } else {
                pair.seal(b"cut");
                pair.outbox.pop();
            }
            pair.send(usize::MAX);
            pair.wire.shutdown(Shutdown::Write).unwrap();
            assert_eq!(pair.read(100), (Ok(Outcome::Complete), b"last".to_vec()), "{name}");
            assert_eq!(pair.bound.state().has_pending_plaintext, !cut, "{name}: the end lies here");
            for _ in 0..2 {
                match pair.read(100).0 {
                    Ok(Outcome::Closed) => assert!(!cut, "{name}"),
                    Err(failure) => {
                        assert!(cut, "{name}");
                        assert_eq!(failure.kind, FailureKind::Truncated);
                    }
                    other => panic!("{name}: {other:?}"),
                }
                assert!(!pair.bound.state().has_pending_plaintext, "{name}");
            }
            // The other direction goes on, but TLS 1.2 closes both.
            if cut || pair.bound.negotiated().version == Some(TLS13) {
                assert_eq!(pair.write(b"answer"), (Ok(Outcome::Complete), 6), "{name}");
            }
            assert_eq!(pair.bound.close(), Ok(Outcome::Closed), "{name}");
            assert_eq!(pair.bound.close(), Ok(Outcome::Closed), "{name}");
            assert_eq!(pair.write(b"more").0.unwrap_err().kind, FailureKind::InvalidState, "{name}");
            assert_eq!(pair.open().0, Ok(Outcome::Closed), "{name}");
        }
    }
}

#[test]
fn a_bad_record_behind_good_ones_has_a_call_of_its_own_and_close_sends_the_alert() {
    for (name, mut pair) in open_pairs(usize::MAX) {
        pair.seal(b"good");
        pair.seal(b"bad");
        *pair.outbox.last_mut().unwrap() ^= 1;
        pair.send(usize::MAX);
        assert_eq!(pair.read(100), (Ok(Outcome::Complete), b"good".to_vec()), "{name}");
        for _ in 0..2 {
            let failure = pair.read(100).0.unwrap_err();
            assert_eq!((failure.kind, failure.alert_sent), (FailureKind::Protocol, Some(Alert::BAD_RECORD_MAC)));
        }
        assert!(pair.bound.state().has_pending_output, "{name}");
        assert_eq!(pair.write(b"x").0.unwrap_err().kind, FailureKind::Protocol, "{name}");
        assert_eq!(pair.bound.close(), Ok(Outcome::Closed), "{name}");
        assert!(!pair.bound.state().has_pending_output, "{name}");
        let failure = pair.open().0.unwrap_err();
        assert_eq!(failure.alert_received, Some(Alert::BAD_RECORD_MAC), "{name}");
    }
}

#[test]
fn a_refused_peer_gets_its_alert_at_once() {
    for (protocol, is_server) in [(TLS13, false), (TLS12, false)] {
        let (client, server) = (client(protocol, &[]), server("server-p256"));
        let mut pair = if is_server { pair(server, client) } else { pair(client, server) };
        loop {
            if pair.bound.handshake() == Ok(Outcome::Suspended(Question::Certificate)) {
                break;
            }
            pair.receive();
            pair.peer_step().unwrap();
            pair.send(usize::MAX);
        }
        let failure = pair.bound.accept_with_default_validation().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Authentication);
        assert!(failure.policy_errors.chain_errors);
        assert_eq!(pair.bound.handshake().unwrap_err(), failure, "sticky");
        pair.receive();
        assert_eq!(pair.peer_step().unwrap_err().alert_received, Some(Alert::UNKNOWN_CA));
    }
}

#[test]
fn data_that_came_with_the_handshake_is_told_and_read() {
    // The peer is a client of TLS 1.3 and sends with its Finished.
    let mut pair = pair(server("server-p256"), client(TLS13, &[]));
    while pair.peer_step().unwrap() != Outcome::Complete {
        pair.send(usize::MAX);
        assert_ne!(pair.bound.handshake(), Ok(Outcome::Complete));
        pair.receive();
    }
    pair.seal(b"early bird");
    pair.send(usize::MAX);
    assert_eq!(pair.bound.handshake(), Ok(Outcome::Complete));
    assert!(pair.bound.state().has_pending_plaintext);
    let calls = pair.bound.stats().receive_calls;
    assert_eq!(pair.read(100), (Ok(Outcome::Complete), b"early bird".to_vec()));
    assert_eq!(pair.bound.stats().receive_calls, calls);
}

#[test]
fn a_context_chosen_by_the_hello_goes_on_with_what_was_received() {
    let chosen = server("server-p256");
    let mut pair = pair(Arc::new(Context::undecided().unwrap()), client(TLS13, &[]));
    let mut asked = 0;
    for _ in 0..1000 {
        let bound = pair.bound.handshake().unwrap();
        if bound == Outcome::Suspended(Question::ServerContext) {
            asked += 1;
            assert_eq!(pair.bound.handshake(), Ok(bound));
            pair.bound.set_server_context(chosen.clone()).unwrap();
        }
        pair.receive();
        let peer = pair.peer_step().unwrap();
        pair.send(7);
        if (bound, peer) == (Outcome::Complete, Outcome::Complete) {
            assert_eq!(asked, 1);
            return;
        }
    }
    panic!("no end of the handshake");
}

#[test]
fn a_peer_that_goes_away_in_the_handshake_truncates_it() {
    for is_server in [false, true] {
        let (client, server) = (client(TLS13, &[]), server("server-p256"));
        let mut pair = if is_server { pair(server, client) } else { pair(client, server) };
        assert_eq!(pair.bound.handshake(), Ok(Outcome::WantRead));
        pair.wire.shutdown(Shutdown::Both).unwrap();
        pair.receive();
        for _ in 0..2 {
            assert_eq!(pair.bound.handshake().unwrap_err().kind, FailureKind::Truncated);
        }
    }
}

#[test]
fn a_socket_that_takes_nothing_any_more_is_an_error_with_its_number() {
    for (name, pair) in open_pairs(usize::MAX) {
        drop(pair.wire);
        let bound = pair.bound;
        let failure = bound.write(&[b"into the void"]).outcome.unwrap_err();
        assert_eq!((failure.kind, failure.os_error), (FailureKind::Io, libc::EPIPE), "{name}");
        assert!(!bound.state().has_pending_output, "{name}: it will never be sent");
        let again = bound.write(&[b"again"]).outcome.unwrap_err();
        assert_eq!((again.kind, again.os_error), (FailureKind::Io, libc::EPIPE), "{name}");
        assert_eq!(bound.close().unwrap_err().kind, FailureKind::Io, "{name}");
        let mut room = [0; 10];
        assert_eq!(bound.read(&mut room).outcome.unwrap_err().kind, FailureKind::Truncated, "{name}");
    }
}

#[test]
fn a_key_update_is_answered_by_the_next_write() {
    for is_server in [false, true] {
        let (client, server) = (client(TLS13, &[]), server("server-p256"));
        let mut pair = if is_server { pair(server, client) } else { pair(client, server) };
        pair.shake_hands(usize::MAX);
        let mut room = [0; 100];
        let Progress { outcome, written, .. } = pair.peer.update_keys(true, &mut room);
        outcome.unwrap();
        pair.outbox.extend_from_slice(&room[..written]);
        pair.send(usize::MAX);
        assert_eq!(pair.read(100), (Ok(Outcome::WantRead), vec![]));
        assert!(pair.bound.state().has_pending_output);
        assert_eq!(pair.write(b""), (Ok(Outcome::Complete), 0));
        assert!(!pair.bound.state().has_pending_output);
        assert_eq!(pair.bound.update_keys(false, &mut []).outcome, Ok(Outcome::Complete));
        assert_eq!(pair.write(b"under the third keys"), (Ok(Outcome::Complete), 20));
        assert_eq!(pair.open().1, b"under the third keys");
        assert_eq!(pair.peer.stats().key_updates_received, 2);
        let failure = pair.bound.update_keys(false, &mut room).outcome.unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidArgument);
    }
}

#[test]
fn the_two_kinds_of_sessions_do_not_mix() {
    let pair = &open_pairs(usize::MAX)[0].1;
    let (mut room, mut counts) = ([0; 100], Counts::default());
    let state = FailureKind::InvalidState;
    assert_eq!(pair.bound.process_handshake(&[], &mut room).add_to(&mut counts).unwrap_err().kind, state);
    assert_eq!(pair.bound.encrypt(&[b"x"], &mut room).add_to(&mut counts).unwrap_err().kind, state);
    assert_eq!(pair.bound.decrypt(b"x", &mut room).add_to(&mut counts).unwrap_err().kind, state);
    assert_eq!(pair.bound.decrypt_in_place(&mut room).0.outcome.unwrap_err().kind, state);
    assert_eq!(pair.bound.shutdown(&mut room).outcome.unwrap_err().kind, state);
    assert_eq!(pair.bound.drain_pending_output(&mut room).outcome.unwrap_err().kind, state);
    assert_eq!(pair.bound.end_of_input().unwrap_err().kind, state);
    assert_eq!(pair.peer.handshake().unwrap_err().kind, state);
    assert_eq!(pair.peer.read(&mut room).outcome.unwrap_err().kind, state);
    assert_eq!(pair.peer.write(&[b"x"]).outcome.unwrap_err().kind, state);
    assert_eq!(pair.peer.close().unwrap_err().kind, state);
    assert_eq!(pair.peer.socket(), None);
    assert!(pair.bound.socket().is_some());
}

#[test]
fn a_borrowed_socket_stays_open_and_an_owned_one_does_not() {
    let context = client(TLS13, &[]);
    let (ours, mut wire) = UnixStream::pair().unwrap();
    let socket = Socket::new(ours.as_raw_fd() as isize, false).unwrap();
    drop(Session::with_socket(context.clone(), socket, KernelTls::default()));
    (&ours).write_all(b"open").unwrap();
    let socket = Socket::new(ours.into_raw_fd() as isize, true).unwrap();
    drop(Session::with_socket(context, socket, KernelTls::default()));
    let mut all = Vec::new();
    wire.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"open");
}

#[test]
fn what_is_no_stream_socket_is_refused() {
    let file = std::fs::File::open("/dev/null").unwrap();
    let failure = Socket::new(file.as_raw_fd() as isize, false).unwrap_err();
    assert_eq!((failure.kind, failure.os_error), (FailureKind::InvalidArgument, libc::ENOTSOCK));
    let datagrams = std::os::unix::net::UnixDatagram::unbound().unwrap();
    assert!(Socket::new(datagrams.as_raw_fd() as isize, false).is_err());
    for wrong in [-1, isize::MAX, isize::MIN] {
        assert_eq!(Socket::new(wrong, true).unwrap_err().kind, FailureKind::InvalidArgument);
    }
}

#[test]
fn a_cancelled_handshake_says_so() {
    let mut pair = pair(client(TLS13, &[]), server("server-p256"));
    assert_eq!(pair.bound.handshake(), Ok(Outcome::WantRead));
    assert_eq!(pair.bound.close(), Ok(Outcome::Closed));
    assert_eq!(pair.bound.handshake(), Ok(Outcome::Closed));
    pair.receive();
    assert_eq!(pair.peer_step().unwrap_err().alert_received, Some(Alert::CLOSE_NOTIFY));
}

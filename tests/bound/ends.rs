//! How a bound session ends: the peer is gone before everything could be sent to it, and bytes follow the peer's
//! `close_notify`.

use spantls::context::{Credentials, Options};

use super::common::certificate;
use super::*;

/// A bound server with tickets to give, whose TLS 1.3 client has finished its handshake and is about to send; the server
/// has not seen that.
fn client_that_finishes_first() -> Pair {
    let (mut tickets, mut wants_them) = (Options::default(), Options::default());
    let (chain, key) = (certificate("server-p256.pem"), certificate("server-p256.key"));
    tickets.set_credentials(Some(Arc::new(Credentials::from_pem(&chain, &key, None).unwrap())));
    wants_them.set_versions(&[TLS13]);
    let (server, client) = (Context::server(tickets).unwrap(), Context::client(wants_them).unwrap());
    let mut pair = pair(Arc::new(server), Arc::new(client));
    while pair.peer_step() != Ok(Outcome::Complete) {
        pair.send(usize::MAX);
        assert_eq!(pair.bound.handshake(), Ok(Outcome::WantRead));
        pair.receive();
    }
    pair
}

impl Pair {
    fn seal_close_notify(&mut self) {
        let mut room = [0; 100];
        let Progress { outcome, written, .. } = self.peer.shutdown(&mut room);
        assert_eq!(outcome, Ok(Outcome::Closed));
        self.outbox.extend_from_slice(&room[..written]);
    }

    /// Puts all of the outbox on the wire and closes the peer's end.
    fn send_and_go(&mut self) {
        while !self.outbox.is_empty() {
            assert!(self.send(usize::MAX) > 0, "the socket pair is full");
        }
        let (other, _) = UnixStream::pair().unwrap();
        drop(std::mem::replace(&mut self.wire, other));
    }

    fn read_all(&self, room: usize) -> (Result<Outcome, Failure>, Vec<u8>) {
        let mut data = Vec::new();
        loop {
            let (result, more) = self.read(room);
            data.extend_from_slice(&more);
            if result != Ok(Outcome::Complete) {
                return (result, data);
            }
        }
    }

    /// Nothing can be sent, and every call of the write half says so.
    fn expect_dead_write_half(&self, name: &str) {
        assert!(!self.bound.state().has_pending_output, "{name}: it will never be sent");
        for _ in 0..2 {
            let (result, taken) = self.write(b"into the void");
            let failure = result.unwrap_err();
            assert_eq!((failure.kind, failure.os_error, taken), (FailureKind::Io, libc::EPIPE, 0), "{name}");
            assert_eq!(self.bound.close().unwrap_err().kind, FailureKind::Io, "{name}");
        }
    }
}

#[test]
fn what_a_client_has_sent_before_it_went_away_is_read_to_its_end() {
    for closes in [false, true] {
        for len in [0, 5, 90_000] {
            for room in [7, 1000, 200_000] {
                let name = format!("closes {closes}, {len} bytes, room {room}");
                let mut pair = client_that_finishes_first();
                let data = pattern(len);
                pair.seal(&data);
                if closes {
                    pair.seal_close_notify();
                }
                pair.send_and_go();
                // The tickets cannot be sent.
                assert_eq!(pair.bound.handshake(), Ok(Outcome::Complete), "{name}");
                assert_eq!(pair.bound.handshake(), Ok(Outcome::Complete), "{name}");
                assert_eq!(pair.bound.negotiated().version, Some(TLS13));
                pair.expect_dead_write_half(&name);
                let (end, read) = pair.read_all(room);
                assert_eq!(read, data, "{name}");
                match end {
                    Ok(Outcome::Closed) => assert!(closes, "{name}"),
                    Err(failure) => {
                        assert!(!closes, "{name}");
                        // A Unix socket says ECONNRESET once where its peer has left something unread.
                        assert!(
                            failure.kind == FailureKind::Truncated || failure.os_error == libc::ECONNRESET,
                            "{name}: {failure:?}"
                        );
                    }
                    other => panic!("{name}: {other:?}"),
                }
                assert!(!pair.bound.state().failed, "{name}: only its halves have ended");
            }
        }
    }
}

#[test]
fn a_client_whose_last_flight_cannot_be_sent_hears_from_the_read_half_why() {
    let mut pair = pair(client(TLS13, &[]), server("server-p256"));
    assert_eq!(pair.bound.handshake(), Ok(Outcome::WantRead));
    pair.receive();
    assert_eq!(pair.peer_step(), Ok(Outcome::WantRead));
    pair.send_and_go();
    let mut status = pair.bound.handshake();
    if status == Ok(Outcome::Suspended(Question::Certificate)) {
        pair.bound.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
        status = pair.bound.handshake();
    }
    assert_eq!(status, Ok(Outcome::Complete));
    pair.expect_dead_write_half("a client");
    assert_eq!(pair.read(100).0.unwrap_err().kind, FailureKind::Truncated);
}

#[test]
fn an_answer_that_cannot_be_sent_does_not_end_reading() {
    for (name, mut pair) in open_pairs(usize::MAX) {
        if pair.bound.negotiated().version == Some(TLS13) {
            let mut room = [0; 100];
            let Progress { outcome, written, .. } = pair.peer.update_keys(true, &mut room);
            outcome.unwrap();
            pair.outbox.extend_from_slice(&room[..written]);
        }
        pair.seal(b"first");
        pair.seal(b"second");
        pair.seal_close_notify();
        pair.receive();
        pair.send_and_go();
        assert_eq!(pair.read(5), (Ok(Outcome::Complete), b"first".to_vec()), "{name}");
        assert_eq!(pair.write(b"answer").0.unwrap_err().os_error, libc::EPIPE, "{name}");
        pair.expect_dead_write_half(&name);
        assert_eq!(pair.read_all(5), (Ok(Outcome::Closed), b"second".to_vec()), "{name}");
        pair.expect_dead_write_half(&name);
    }
}

#[test]
fn an_alert_that_cannot_be_sent_replaces_no_reason_and_is_not_said_to_be_sent() {
    for write_first in [false, true] {
        for (name, mut pair) in open_pairs(usize::MAX) {
            pair.seal(b"bad");
            *pair.outbox.last_mut().unwrap() ^= 1;
            pair.receive();
            pair.send_and_go();
            if write_first {
                assert_eq!(pair.write(b"x").0.unwrap_err().kind, FailureKind::Io, "{name}");
            }
            assert_eq!(pair.read(100).0.unwrap_err().kind, FailureKind::Protocol, "{name}");
            assert_eq!(pair.bound.state().has_pending_output, !write_first, "{name}");
            let owed = (!write_first).then_some(Alert::BAD_RECORD_MAC);
            assert_eq!(pair.bound.last_failure().unwrap().alert_sent, owed, "{name}");
            for _ in 0..2 {
                assert_eq!(pair.write(b"x").0.unwrap_err().kind, FailureKind::Protocol, "{name}");
                assert_eq!(pair.bound.close().unwrap_err().kind, FailureKind::Io, "{name}");
                let reason = pair.bound.last_failure().unwrap();
                assert_eq!((reason.kind, reason.alert_sent), (FailureKind::Protocol, None), "{name}");
                assert!(!pair.bound.state().has_pending_output, "{name}");
                assert_eq!(pair.read(100).0.unwrap_err().kind, FailureKind::Protocol, "{name}");
            }
        }
    }
}

#[test]
fn an_alert_of_the_handshake_that_cannot_be_sent_replaces_no_reason() {
    let mut pair = pair(server("server-p256"), client(TLS13, &[]));
    pair.outbox.extend_from_slice(b"GET / HTTP/1.0\r\n\r\n");
    pair.send_and_go();
    for _ in 0..2 {
        assert_eq!(pair.bound.handshake().unwrap_err().kind, FailureKind::Protocol);
        let reason = pair.bound.last_failure().unwrap();
        assert_eq!((reason.kind, reason.alert_sent), (FailureKind::Protocol, None));
        assert!(pair.bound.close().is_err());
    }
}

#[test]
fn bytes_behind_a_close_notify_are_the_hosts_wherever_the_connection_is_cut() {
    let clear = b"220 and now in clear\r\n";
    for cut in [0, 1, 10, 30, usize::MAX] {
        for room in [3, 200_000] {
            for (name, mut pair) in open_pairs(usize::MAX) {
                pair.seal(b"last");
                pair.seal_close_notify();
                let end = pair.outbox.len();
                pair.outbox.extend_from_slice(clear);
                let sent = pair.send(cut.min(end + clear.len()));
                let too_early = pair.bound.bytes_after_close().unwrap_err();
                assert_eq!(too_early.kind, FailureKind::InvalidState, "{name}");
                let mut data = Vec::new();
                let mut result = pair.read_all(room);
                data.append(&mut result.1);
                if result.0 == Ok(Outcome::WantRead) {
                    assert!(sent < end);
                    pair.send(usize::MAX);
                    result = pair.read_all(room);
                    data.append(&mut result.1);
                }
                assert_eq!((result.0, &data[..]), (Ok(Outcome::Closed), &b"last"[..]), "{name}");
                assert!(!pair.bound.state().has_pending_plaintext, "{name}: it is no plaintext");
                for _ in 0..2 {
                    assert_eq!(pair.bound.bytes_after_close().unwrap(), clear, "{name}, cut {cut}");
                    assert_eq!(pair.read(100).0, Ok(Outcome::Closed), "{name}");
                }
                pair.send(usize::MAX);
                // What has not come with it stays on the socket.
                pair.wire.write_all(b"more").unwrap();
                assert_eq!(pair.read(100).0, Ok(Outcome::Closed), "{name}");
                assert_eq!(pair.bound.bytes_after_close().unwrap(), clear, "{name}");
            }
        }
    }
}

#[test]
fn nothing_is_handed_out_behind_a_bad_record_or_an_end_without_close_notify() {
    for (name, mut pair) in open_pairs(usize::MAX) {
        pair.seal(b"bad");
        *pair.outbox.last_mut().unwrap() ^= 1;
        pair.outbox.extend_from_slice(b"clear");
        pair.send_and_go();
        assert_eq!(pair.read(100).0.unwrap_err().kind, FailureKind::Protocol, "{name}");
        assert_eq!(pair.bound.bytes_after_close().unwrap_err().kind, FailureKind::InvalidState, "{name}");
    }
    let spans = Session::new(client(TLS13, &[]));
    assert_eq!(spans.bytes_after_close().unwrap_err().kind, FailureKind::InvalidState);
}

/// A part of the data is gone after `finish`: the rest must not look like all of it.
#[test]
fn nothing_is_read_after_finish_has_discarded_data() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let [client, server] = [(client(None, &[]), ours), (server("server-p256"), theirs)].map(|(context, socket)| {
        socket.set_nonblocking(true).unwrap();
        let socket = Socket::new(socket.into_raw_fd() as isize, true).unwrap();
        Session::with_socket(context, socket, KernelTls::default())
    });
    for _ in 0..20 {
        if client.handshake() == Ok(Outcome::Suspended(Question::Certificate)) {
            client.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
        }
        server.handshake().unwrap();
    }
    let mut room = [0; 100];
    for data in [b"first", b"later"] {
        assert_eq!(server.write(&[data]).outcome, Ok(Outcome::Complete));
    }
    assert_eq!(client.read(&mut room[..1]).outcome, Ok(Outcome::Complete));
    assert!(client.state().has_pending_plaintext);
    assert_eq!(client.finish(), Ok(Outcome::WantRead));
    assert_eq!(server.write(&[b"last"]).outcome, Ok(Outcome::Complete));
    assert_eq!(server.close(), Ok(Outcome::Closed));
    // What was opened before is here; what came after it is not.
    assert_eq!(client.read(&mut room[1..]).outcome, Ok(Outcome::Complete));
    assert_eq!(&room[..5], b"first");
    assert!(!client.state().has_pending_plaintext);
    for _ in 0..2 {
        assert_eq!(client.read(&mut room).outcome.unwrap_err().kind, FailureKind::InvalidState);
    }
    assert_eq!(server.read(&mut room).outcome, Ok(Outcome::Closed));
    drop(server);
    assert_eq!(client.finish(), Ok(Outcome::Closed));
    assert_eq!(client.read(&mut room).outcome.unwrap_err().kind, FailureKind::InvalidState);
}

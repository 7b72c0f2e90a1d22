//! Two bound sessions, and the relay between their sockets.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use super::Random;
use super::common::{TLS12, TLS13, client, server};
use spantls::context::Context;
use spantls::outcome::{Failure, FailureKind, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{KernelTls, Session};
use spantls::transport::Socket;

const MOST_TURNS: usize = 4000;

/// Sides that have failed, and alerts of theirs that were compared with what the peer has got.
pub(crate) static FAILED: AtomicU64 = AtomicU64::new(0);
pub(crate) static ALERTS: AtomicU64 = AtomicU64::new(0);

struct Side {
    session: Session,
    /// The relay's end of the side's socket; none after a reset.
    relay: Option<UnixStream>,
    /// What it has sent and the relay holds.
    held: Vec<u8>,
    /// What it has sent arrives as it was sent.
    pure: bool,
    sent: usize,
    received: usize,
    closed: bool,
    end: Option<Result<Outcome, FailureKind>>,
}

/// What a side sends at this place.
fn byte(me: usize, at: usize) -> u8 {
    (at * 7 + (at >> 8) * 13 + me * 101) as u8
}

struct Game {
    sides: [Side; 2],
    hostile: bool,
}

pub(crate) fn play(random: &mut Random, number: u64) {
    static CONTEXTS: LazyLock<[(Arc<Context>, Arc<Context>); 2]> =
        LazyLock::new(|| [TLS12, TLS13].map(|version| (client(version, &[]), server("server-ed25519"))));
    let (client, server) = &CONTEXTS[(number & 1) as usize];
    let mut game = Game { sides: [client, server].map(side), hostile: number & 2 != 0 };
    for _ in 0..20 + random.below(300) {
        game.play_move(random);
        game.check();
    }
    game.end();
}

fn side(context: &Arc<Context>) -> Side {
    let (ours, relay) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    relay.set_nonblocking(true).unwrap();
    let socket = Socket::new(ours.into_raw_fd() as isize, true).unwrap();
    Side {
        session: Session::with_socket(context.clone(), socket, KernelTls::default()),
        relay: Some(relay),
        held: Vec::new(),
        pure: true,
        sent: 0,
        received: 0,
        closed: false,
        end: None,
    }
}

/// A fault is a status: of the peer, of the transport, or that a call is not allowed any more.
fn known(failure: &Failure) {
    use FailureKind::{InvalidState, Io, PeerAlert, Protocol, Truncated};
    assert!([InvalidState, Io, PeerAlert, Protocol, Truncated].contains(&failure.kind), "{failure:?}");
}

impl Side {
    /// True if the handshake has moved on.
    fn shake(&mut self) -> bool {
        let state = self.session.state();
        let before = (state.handshake_complete, self.session.stats().ciphertext_received);
        match self.session.handshake() {
            Ok(Outcome::Suspended(Question::Certificate)) => {
                self.session.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
                return true;
            }
            Ok(_) => {}
            Err(failure) => known(&failure),
        }
        before != (self.session.state().handshake_complete, self.session.stats().ciphertext_received)
    }

    fn write(&mut self, me: usize, len: usize) {
        let data: Vec<u8> = (self.sent..self.sent + len).map(|at| byte(me, at)).collect();
        let progress = self.session.write(&[&data]);
        self.sent += progress.consumed;
        assert!(progress.consumed <= len);
        progress.outcome.map_or_else(|failure| known(&failure), |_| {});
    }

    /// True if something came. What was sent comes in its order, and an end stays.
    fn read(&mut self, peer: usize, room: usize) -> bool {
        let mut data = vec![0; room];
        let progress = self.session.read(&mut data);
        for (at, received) in data[..progress.written].iter().enumerate() {
            assert_eq!(*received, byte(peer, self.received + at), "what was delivered is not what was sent");
        }
        self.received += progress.written;
        let ended = match progress.outcome {
            Ok(Outcome::Closed) => Some(Ok(Outcome::Closed)),
            Ok(_) => None,
            Err(failure) => {
                known(&failure);
                assert_eq!(progress.written, 0, "an error with data");
                (failure.kind != FailureKind::InvalidState).then_some(Err(failure.kind))
            }
        };
        if let Some(end) = self.end.filter(|_| room > 0 && self.session.state().handshake_complete) {
            assert_eq!(ended, Some(end), "the end has changed");
        }
        if self.session.state().handshake_complete {
            self.end = self.end.or(ended);
        }
        progress.written > 0
    }

    /// What the side has sent comes to the relay. True if there was something.
    fn collect(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let Some(relay) = &mut self.relay else { return false };
        match relay.read(&mut buffer) {
            Ok(count) => {
                self.held.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        }
    }
}

impl Game {
    fn play_move(&mut self, random: &mut Random) {
        let me = random.below(2);
        let side = &mut self.sides[me];
        match random.below(24) {
            0..=5 => drop(side.shake()),
            6..=8 => side.write(me, random.below(20_000)),
            9..=12 => drop(side.read(1 - me, random.below(20_000))),
            13..=19 => {
                side.collect();
                let most = [random.below(8), random.below(600), usize::MAX][random.below(3)];
                self.forward(me, most);
            }
            20 if random.below(4) == 0 => drop(side.session.update_keys(random.below(2) == 1, &mut []).outcome),
            21 if self.hostile && random.below(6) == 0 => {
                side.closed = true;
                side.session.close().map_or_else(|failure| known(&failure), |_| {});
            }
            22 | 23 if self.hostile => self.harm(me, random),
            _ => {}
        }
    }

    /// Passes what the relay holds of this side to the other, as much as it takes.
    fn forward(&mut self, me: usize, most: usize) -> bool {
        let count = self.sides[me].held.len().min(most);
        let Some(relay) = &mut self.sides[1 - me].relay else { return false };
        let sent = match relay.write(&self.sides[me].held[..count]) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            // The session has closed its socket's reading side, or is gone.
            Err(_) => count,
        };
        self.sides[me].held.drain(..sent);
        sent > 0
    }

    fn harm(&mut self, me: usize, random: &mut Random) {
        let kind = random.below(40);
        if kind == 0 {
            // A reset: neither side hears more of the other.
            for side in &mut self.sides {
                (side.relay, side.pure) = (None, false);
            }
            return;
        }
        let side = &mut self.sides[me];
        if side.held.is_empty() || kind > 12 {
            return;
        }
        side.pure = false;
        let at = random.below(side.held.len());
        match kind % 4 {
            0 => side.held[at] ^= 1 << random.below(8),
            1 => side.held.truncate(at),
            2 => {
                let again = side.held[..at].to_vec();
                drop(side.held.splice(..0, again));
            }
            _ => side.held.rotate_left(at),
        }
    }

    fn check(&self) {
        for (me, side) in self.sides.iter().enumerate() {
            assert!(side.received <= self.sides[1 - me].sent, "more than was sent");
            let failure = side.session.last_failure();
            assert!(!side.session.state().failed || failure.is_some(), "failed without a record");
        }
    }

    /// Everything that is under way arrives.
    fn end(mut self) {
        let mut still = 0;
        for _ in 0..MOST_TURNS {
            let mut moved = false;
            for me in [0, 1] {
                if !self.sides[me].session.state().handshake_complete {
                    moved |= self.sides[me].shake();
                }
                // Sends what is pending or owed.
                if self.sides[me].session.state().has_pending_output {
                    match self.sides[me].session.state().failed {
                        true => drop(self.sides[me].session.close()),
                        false => self.sides[me].write(me, 0),
                    }
                }
                moved |= self.sides[me].collect();
                moved |= self.forward(me, usize::MAX);
                moved |= self.sides[1 - me].read(me, 20_000);
            }
            self.check();
            still = if moved { 0 } else { still + 1 };
            if still == 3 {
                return self.ended();
            }
        }
        panic!("no end of turns");
    }

    fn ended(&self) {
        let [client, server] = &self.sides;
        if !self.hostile {
            for (me, side) in self.sides.iter().enumerate() {
                let failure = side.session.last_failure().filter(|_| side.session.state().failed);
                assert!(side.session.state().handshake_complete && failure.is_none(), "side {me}: {failure:?}");
            }
            assert_eq!((client.sent, server.sent), (server.received, client.received), "plaintext was lost");
        }
        for (sender, receiver) in [(client, server), (server, client)] {
            let failed = |side: &Side| side.session.last_failure().filter(|_| side.session.state().failed);
            let alert = failed(sender).and_then(|failure| failure.alert_sent);
            let heard = failed(receiver);
            FAILED.fetch_add(heard.is_some().into(), Ordering::Relaxed);
            let deaf = receiver.closed || receiver.end == Some(Ok(Outcome::Closed));
            if let (Some(alert), true, false) = (alert, sender.pure, deaf) {
                let own = heard.as_ref().is_some_and(|failure| failure.alert_received.is_none());
                ALERTS.fetch_add((!own).into(), Ordering::Relaxed);
                assert!(own || heard.and_then(|failure| failure.alert_received) == Some(alert), "the alert {alert:?}");
            }
        }
    }
}

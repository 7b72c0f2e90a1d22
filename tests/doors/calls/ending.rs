//! What a game comes to, once everything that is under way has arrived.

use super::super::host;
use super::super::host::LARGEST as ROOM;
use super::Game;
use super::side::{HANDSHAKE_COMPLETE, HAS_PENDING_OUTPUT, HAS_PENDING_PLAINTEXT, SUSPENDED};
/// More turns than any game needs.
const MOST_TURNS: usize = 2000;

impl Game {
    /// Both sides go on until nothing moves any more.
    pub fn settle(&mut self) {
        for _ in 0..MOST_TURNS {
            if !(self.turn(0) | self.turn(1)) {
                return;
            }
        }
        panic!("no end of turns");
    }

    pub fn settle_once(&mut self) {
        self.turn(0);
        self.turn(1);
    }

    /// True if something has moved.
    fn turn(&mut self, me: usize) -> bool {
        let drained = self.sides[me].session.drain(ROOM);
        self.carry(me, &drained.output);
        let side = &mut self.sides[me];
        let mut moved = !drained.output.is_empty();
        let shown = side.inbox.len();
        if side.is_complete() {
            let done = side.decrypt(shown, ROOM);
            return moved || done.consumed + done.output.len() > 0 || side.has(HAS_PENDING_OUTPUT);
        }
        let suspended = side.has(SUSPENDED);
        let done = side.handshake(shown, ROOM);
        moved |= done.consumed + done.output.len() > 0 || done.status == host::COMPLETE;
        self.carry(me, &done.output);
        if done.status == host::INVALID_ARGUMENT {
            // Not the ClientHello that the context was chosen by: the transport has changed it.
            assert!(!self.faithful || self.rude, "{done:?}");
            return moved;
        }
        if self.sides[me].has(SUSPENDED) {
            self.sides[me].answer(&self.contexts);
            return true;
        }
        moved || suspended || self.sides[me].has(HAS_PENDING_OUTPUT)
    }

    /// After each call: the bits are what calls without spans say.
    pub fn probe(&mut self, me: usize) {
        let side = &mut self.sides[me];
        let state = side.session.state();
        let pending = side.session.drain(0).status == host::WANT_WRITE;
        assert_eq!(pending, state & HAS_PENDING_OUTPUT != 0, "HAS_PENDING_OUTPUT in state {state:#x}");
        if state & HANDSHAKE_COMPLETE != 0 {
            let held = side.decrypt(0, 0).status == host::WANT_WRITE;
            assert_eq!(held, state & HAS_PENDING_PLAINTEXT != 0, "HAS_PENDING_PLAINTEXT in state {state:#x}");
        } else if state & SUSPENDED != 0 {
            let status = side.handshake(0, 0).status;
            assert_eq!(status == host::WANT_WRITE, pending, "status {status} of a suspended session");
        }
    }

    pub fn end(mut self) {
        self.settle();
        self.check();
        for side in &self.sides {
            assert!(!side.has(HAS_PENDING_OUTPUT), "output is kept back");
        }
        if self.faithful && !self.rude {
            return self.end_well();
        }
        for from in [0, 1] {
            self.check_alert(from);
        }
    }

    /// Nothing stood in the way: everything arrives, and the connection ends in order.
    fn end_well(mut self) {
        let [client, server] = &self.sides;
        assert!(client.is_complete() && server.is_complete(), "no end of the handshake");
        assert!(client.failure().is_none() && server.failure().is_none(), "failed without a reason");
        assert_eq!(client.exported(), server.exported(), "keying material");
        for (sender, receiver) in [(client, server), (server, client)] {
            assert!(sender.sent == receiver.received, "plaintext was lost");
            assert!(receiver.inbox.is_empty(), "bytes are left");
        }
        for me in [0, 1] {
            let done = self.sides[me].session.shutdown(ROOM);
            assert_eq!(done.status, host::CLOSED);
            self.carry(me, &done.output);
            let peer = &mut self.sides[1 - me];
            let shown = peer.inbox.len();
            assert_eq!(peer.decrypt(shown, ROOM).status, host::CLOSED);
            assert_eq!(peer.end_of_input(), host::CLOSED);
            peer.check_state();
        }
    }

    /// The alert that a record reports as sent is the one that the peer gets.
    fn check_alert(&self, from: usize) {
        let (sender, receiver) = (&self.sides[from], &self.sides[1 - from]);
        let Some(failure) = sender.failure().filter(|failure| failure.sent >= 0) else { return };
        let own_end = receiver.failure().is_some_and(|failure| failure.received < 0);
        if own_end || receiver.ended || !receiver.pure {
            return;
        }
        let received = receiver.failure().map(|failure| failure.received);
        assert_eq!(received, Some(failure.sent), "the alert of {failure:?} did not arrive");
    }
}

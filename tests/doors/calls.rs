//! Any C function on either of two sessions, in any order and with any sizes; what they write to each other goes through a
//! queue that cuts, loses, doubles, changes and reorders. Every call is checked against what the header promises, and so is
//! the state after it. At the end everything that is under way arrives, and must lead where it should.

mod answers;
mod ending;
mod moves;
pub mod side;

use super::input::Input;
use super::setup::{Contexts, Setup};
use side::Side;

/// More calls than that show nothing new.
const MOST_MOVES: usize = 300;
const CLIENT: usize = 0;
const SERVER: usize = 1;

pub struct Game {
    setup: Setup,
    contexts: std::sync::Arc<Contexts>,
    sides: [Side; 2],
    /// Nothing happens to bytes on their way but that they are cut.
    faithful: bool,
    /// After each call, calls without spans show whether the state is what its bits say.
    probing: bool,
    /// Sides refuse, close, are cut off, or cannot agree: they may fail without a fault of the library.
    rude: bool,
    key_updates: usize,
}

pub fn play(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let setup = Setup::read(&mut input);
    let how = input.byte();
    let mut game = Game::new(setup, how);
    for _ in 0..MOST_MOVES {
        if input.is_empty() {
            break;
        }
        game.play_move(&mut input);
        game.check();
    }
    game.end();
}

impl Game {
    fn new(setup: Setup, how: u8) -> Self {
        let contexts = setup.contexts();
        let pair = || [false, true].map(|is_server| Side::new(setup.session(&contexts, is_server), is_server, &setup));
        let mut game = Self {
            setup,
            sides: pair(),
            contexts: contexts.clone(),
            faithful: how & 1 == 0,
            probing: how & 4 != 0,
            rude: !setup.can_complete(),
            key_updates: 0,
        };
        if setup.resumed && !game.rude {
            game.settle();
            game.sides = pair();
        }
        if how & 2 != 0 && !game.rude {
            game.settle();
            assert!(game.sides.iter().all(|side| side.is_complete()), "no end of the handshake");
        }
        game
    }

    /// What a side has written goes to the other.
    fn carry(&mut self, from: usize, output: &[u8]) {
        self.sides[from].emitted += output.len() as u64;
        self.sides[1 - from].inbox.extend_from_slice(output);
    }

    fn check(&mut self) {
        for me in [CLIENT, SERVER] {
            let peer = &self.sides[1 - me];
            let side = &self.sides[me];
            assert!(peer.sent.starts_with(&side.received), "what was delivered is not what was sent");
            self.sides[me].check_state();
            if self.probing {
                self.probe(me);
            }
        }
        let complete = self.sides.iter().all(Side::is_complete);
        if complete {
            let [client, server] = self.sides.each_ref().map(Side::agreed);
            assert_eq!(client, server, "the two sides do not agree");
        }
    }
}

//! A ClientHello with a ticket in which the input has changed something: the server opens it if it is the one that it has sealed, and
//! offers a full handshake for everything else.

use std::sync::{Arc, LazyLock, Mutex};

use super::calls::side::{RESUMED, SUSPENDED, Side};
use super::host::{self, LARGEST};
use super::input::Input;
use super::setup::{Contexts, Setup};

/// A server, and what a client says to it that has a ticket of its own.
struct Known {
    setup: Setup,
    contexts: Arc<Contexts>,
    hello: Vec<u8>,
    place: Place,
}

/// Where a ticket is in a record with a ClientHello, and the lengths before it.
struct Place {
    start: usize,
    end: usize,
    /// Of two bytes each.
    lengths: Vec<usize>,
}

pub fn play(bytes: &[u8]) {
    static KNOWN: [LazyLock<Mutex<Known>>; 2] =
        [LazyLock::new(|| Mutex::new(Known::new(true))), LazyLock::new(|| Mutex::new(Known::new(false)))];
    let mut input = Input::new(bytes);
    let number = usize::from(input.byte() & 1);
    let known = KNOWN[number].lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let ticket = &known.hello[known.place.start..known.place.end];
    let changed = match input.byte() % 4 {
        0 => input.rest().to_vec(),
        1 => {
            let mut changed = ticket.to_vec();
            let at = usize::from(input.u16()) % ticket.len();
            changed[at] ^= input.byte();
            changed
        }
        _ => {
            let mut changed = ticket.to_vec();
            let at = usize::from(input.u16()) % (ticket.len() + 1);
            let end = (at + usize::from(input.byte())).min(ticket.len());
            changed.splice(at..end, input.rest().iter().copied());
            changed
        }
    };
    known.answers(&changed, changed == ticket);
}

impl Known {
    fn new(tls13: bool) -> Self {
        // The server is not asked for a verdict, and judges no certificate.
        let setup = Setup { tls13: true, ..Setup::read(&mut Input::new(&[0xa0])) };
        let setup = Setup { tls13, ..setup };
        let contexts = setup.contexts();
        let mut sides =
            [false, true].map(|is_server| Side::new(setup.session(&contexts, is_server), is_server, &setup));
        for me in [0, 1, 0, 1, 0, 1, 0, 1] {
            let side = &mut sides[me];
            let shown = side.inbox.len();
            if side.is_complete() {
                side.decrypt(shown, LARGEST);
                continue;
            }
            let output = side.handshake(shown, LARGEST).output;
            if side.has(SUSPENDED) {
                side.answer(&contexts);
            }
            sides[1 - me].inbox.extend_from_slice(&output);
        }
        assert!(sides.iter().all(Side::is_complete), "no end of the handshake");
        let hello = setup.session(&contexts, false).handshake(&[], LARGEST).output;
        let place = Place::find(&hello, tls13);
        Self { setup, contexts, hello, place }
    }

    fn answers(&self, ticket: &[u8], is_ours: bool) {
        let mut hello = [&self.hello[..self.place.start], ticket, &self.hello[self.place.end..]].concat();
        let grown = ticket.len().wrapping_sub(self.place.end - self.place.start);
        for at in &self.place.lengths {
            let length = number(&hello, *at).wrapping_add(grown) as u16;
            hello[*at..at + 2].copy_from_slice(&length.to_be_bytes());
        }
        let mut side = Side::new(self.setup.session(&self.contexts, true), true, &self.setup);
        side.inbox = hello;
        let done = side.handshake(side.inbox.len(), LARGEST);
        side.emitted += done.output.len() as u64;
        side.check_state();
        if ticket.is_empty() && self.setup.tls13 {
            // RFC 8446 section 4.2.11: an identity has a byte at least.
            assert_eq!((done.status, side.failure().unwrap().sent), (host::PROTOCOL_ERROR, 50));
            return;
        }
        assert_eq!(done.status, host::WANT_READ);
        assert_eq!(takes(&done.output, self.setup.tls13), is_ours, "a ticket of {} bytes", ticket.len());
        assert!(!side.has(RESUMED), "resumed before the end");
    }
}

impl Place {
    fn find(hello: &[u8], tls13: bool) -> Self {
        // Record and message, version, random, session ID, suites, compression.
        let mut at = 5 + 4 + 2 + 32;
        at += 1 + usize::from(hello[at]);
        at += 2 + number(hello, at);
        at += 1 + usize::from(hello[at]);
        // The lengths of the record, of the message (its last two bytes), and of the extensions.
        let mut lengths = vec![3, 7, at];
        at += 2;
        while at < hello.len() {
            let (extension, len, body) = (number(hello, at), number(hello, at + 2), at + 4);
            match extension {
                // pre_shared_key: a list of identities, each with its length before it.
                41 if tls13 => {
                    lengths.extend([at + 2, body, body + 2]);
                    return Self { start: body + 4, end: body + 4 + number(hello, body + 2), lengths };
                }
                35 if !tls13 && len > 0 => {
                    lengths.push(at + 2);
                    return Self { start: body, end: body + len, lengths };
                }
                _ => at = body + len,
            }
        }
        panic!("no ticket in this ClientHello")
    }
}

fn number(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))
}

/// Whether a server resumes the ticket's session: in TLS 1.3 it selects a key, in TLS 1.2 it has no certificate to show.
fn takes(flight: &[u8], tls13: bool) -> bool {
    assert_eq!((flight[0], flight[5]), (22, 2), "no ServerHello");
    let message = 9 + number(flight, 7);
    if tls13 {
        return flight[9..message].windows(6).any(|extension| extension == [0, 41, 0, 2, 0, 0]);
    }
    // Either in the same record or in the next.
    flight[if message < 5 + number(flight, 3) { message } else { message + 5 }] != 11
}

//! An open session whose peer has the keys: records that the input makes up are sealed properly, or nearly, and cut on their way.
//! `model.rs` says, from the RFCs alone, what each of them means; the session must come to the same.

mod keys;
mod model;
mod peer;

use super::calls::side::{FAILED, HAS_PENDING_OUTPUT, PEER_CLOSED, SHUTDOWN_SENT, Side};
use super::host::{self, LARGEST};
use super::input::Input;
use model::{Fate, Model};
use peer::Peer;

const MOST_RECORDS: usize = 200;
const HEADER: usize = 5;
const DATA: u8 = 23;
const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const KEY_UPDATE: u8 = 24;
const TICKET: u8 = 4;

struct Talk {
    side: Side,
    peer: Peer,
    model: Model,
    /// What the records so far have come to.
    expected: Vec<u8>,
    fate: Fate,
    /// There was a key update that the peer does not follow: what comes next does not open.
    behind: bool,
    /// What our side has sent, not opened yet.
    sent: Vec<u8>,
}

pub fn play(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (side, peer) = peer::open(input.byte());
    let model = Model::new(peer.tls13, side.is_server);
    let mut talk =
        Talk { side, peer, model, expected: Vec::new(), fate: Fate::Nothing, behind: false, sent: Vec::new() };
    for _ in 0..MOST_RECORDS {
        if input.is_empty() {
            break;
        }
        match input.byte() % 16 {
            kind @ 0..=10 => talk.put(kind, &mut input),
            11 => talk.read(input.len(usize::MAX), input.len(LARGEST), input.bit()),
            12 => talk.read(usize::MAX, LARGEST, false),
            13 => talk.write(&mut input),
            14 => talk.drain(input.len(100)),
            _ => talk.read(usize::MAX, 0, false),
        }
        talk.side.check_state();
    }
    talk.end();
}

impl Talk {
    /// Puts a record, or several, or something like one, into the stream.
    fn put(&mut self, kind: u8, input: &mut Input<'_>) {
        match kind {
            0 | 1 => {
                let data = vec![input.byte(); input.len(1 << 14)];
                self.sealed(DATA, &data, usize::from(kind) * usize::from(input.byte()));
            }
            2 => self.sealed(ALERT, &[input.choice(&[1, 2, 0, 9]), input.choice(&[0, 90, 100, 10, 20, 50, 255])], 0),
            3 => self.key_update(input.byte()),
            4 => self.message(input),
            5 => self.sealed(
                input.choice(&[20, ALERT, HANDSHAKE, DATA, 24, 0]),
                input.bytes(),
                usize::from(input.byte()),
            ),
            6 => {
                let times = usize::from(input.byte()) % 70;
                let (content_type, content) = (input.choice(&[DATA, ALERT, HANDSHAKE]), input.bytes());
                (0..times).for_each(|_| self.sealed(content_type, content, 0));
            }
            7 => {
                let mut record = self.peer.seal(DATA, b"tampered", 3);
                let at = usize::from(input.byte()) % record.len();
                record[at] ^= input.byte().max(1);
                self.spoilt(&record);
            }
            8 => self.spoilt(input.bytes()),
            9 => {
                // The limits of RFC 8446 section 5.2 and RFC 5246 section 6.2.
                let len = (1 << 14) - 2 + usize::from(input.byte() % 8);
                self.sealed(DATA, &vec![7; len], usize::from(input.byte() % 4) * 90);
            }
            _ => {
                // A number is left out, or comes twice.
                let lost = self.peer.seal(DATA, b"lost", 0);
                if input.bit() {
                    self.sealed_already(&lost, DATA, b"lost");
                    self.spoilt(&lost);
                } else {
                    let record = self.peer.seal(DATA, b"early", 0);
                    self.spoilt(&record);
                }
            }
        }
    }

    fn sealed(&mut self, content_type: u8, content: &[u8], padding: usize) {
        let padding = if self.peer.tls13 { padding } else { 0 };
        let record = self.peer.seal(content_type, content, padding);
        // RFC 8446 section 5.2, RFC 5246 section 6.2.3: the header refuses too long a record; how much it holds is only known of
        // one that opens.
        let longest = (1 << 14) + if self.peer.tls13 { 256 } else { 2048 };
        if record.len() - HEADER > longest || content.len() + padding > 1 << 14 && !self.behind {
            self.follow(Fate::Fails(22));
        }
        self.sealed_already(&record, content_type, content);
    }

    fn sealed_already(&mut self, record: &[u8], content_type: u8, content: &[u8]) {
        self.side.inbox.extend_from_slice(record);
        if self.behind {
            self.follow(Fate::Fails(20));
        }
        if self.fate == Fate::Nothing {
            let fate = self.model.record(content_type, content);
            self.behind = self.model.has_new_keys;
            if let Fate::Data(len) = fate {
                self.expected.extend_from_slice(&content[..len]);
            } else {
                self.follow(fate);
            }
        }
    }

    /// What comes after the end means nothing.
    fn follow(&mut self, fate: Fate) {
        if self.fate == Fate::Nothing {
            self.fate = fate;
        }
    }

    /// Not a record of the peer: the session fails by it, if it is as long as it says.
    fn spoilt(&mut self, bytes: &[u8]) {
        self.side.inbox.extend_from_slice(bytes);
        if !bytes.is_empty() {
            self.follow(Fate::Unknown);
        }
    }

    fn key_update(&mut self, request: u8) {
        self.sealed(HANDSHAKE, &[KEY_UPDATE, 0, 0, 1, request], 0);
        if std::mem::take(&mut self.behind) {
            self.peer.next_keys();
        }
    }

    /// A message after the handshake in one record or in two.
    fn message(&mut self, input: &mut Input<'_>) {
        let message_type = input.choice(&[TICKET, KEY_UPDATE, 0, 1, 2, 11, 13, 15, 20, 99]);
        let body = input.bytes();
        let length = if input.bit() { (body.len() as u32).to_be_bytes() } else { u32::from(input.u16()).to_be_bytes() };
        let message = [&[message_type], &length[1..], body].concat();
        let (first, second) = message.split_at(input.len(message.len()));
        for part in [first, second] {
            if !part.is_empty() {
                self.sealed(HANDSHAKE, part, 0);
            }
        }
    }

    fn read(&mut self, shown: usize, room: usize, in_place: bool) {
        let shown = shown.min(self.side.inbox.len());
        if in_place {
            self.side.decrypt_in_place(shown)
        } else {
            self.side.decrypt(shown, room)
        };
        assert!(self.fate == Fate::Unknown || self.expected.starts_with(&self.side.received), "data from nowhere");
    }

    fn write(&mut self, input: &mut Input<'_>) {
        let data = [5; 300];
        let done = match input.byte() % 4 {
            0 if self.peer.tls13 => self.side.session.update_keys(input.byte().into(), 100),
            1 => self.side.session.shutdown(input.len(100)),
            _ => self.side.encrypt(&data[..input.len(300)], input.len(400), None),
        };
        self.sent_by_us(&done.output);
    }

    fn drain(&mut self, room: usize) {
        let done = self.side.session.drain(room);
        self.sent_by_us(&done.output);
    }

    fn sent_by_us(&mut self, output: &[u8]) {
        self.side.emitted += output.len() as u64;
        self.sent.extend_from_slice(output);
    }

    fn end(mut self) {
        loop {
            let before = (self.side.inbox.len(), self.side.received.len());
            self.read(usize::MAX, LARGEST, false);
            if before == (self.side.inbox.len(), self.side.received.len()) {
                break;
            }
        }
        self.read(usize::MAX, LARGEST, false);
        self.drain(LARGEST);
        self.side.check_state();
        assert!(!self.side.has(HAS_PENDING_OUTPUT));
        let failure = self.side.failure();
        match self.fate {
            Fate::Nothing => assert!(failure.is_none() && !self.side.has(PEER_CLOSED), "{failure:?}"),
            Fate::Closed => assert!(failure.is_none() && self.side.has(PEER_CLOSED), "{failure:?}"),
            Fate::Told(alert) => assert_eq!(failure.map(|failure| failure.received), Some(alert.into())),
            Fate::Fails(alert) => {
                let failure = failure.unwrap();
                // After our close_notify nothing is sent.
                let closed = self.side.has(SHUTDOWN_SENT);
                assert!(failure.sent == i32::from(alert) || failure.sent == -1 && closed, "{alert}, {failure:?}");
                assert_eq!(failure.status, host::PROTOCOL_ERROR);
            }
            Fate::Unknown | Fate::Data(_) => {}
        }
        if self.fate != Fate::Unknown {
            assert!(self.side.received == self.expected, "{} of {}", self.side.received.len(), self.expected.len());
        }
        let sent = std::mem::take(&mut self.sent);
        self.peer.check(&sent, &self.side.sent, self.side.failure().map(|failure| failure.sent));
        assert_eq!(self.side.has(FAILED), failure.is_some());
    }
}

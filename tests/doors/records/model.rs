//! What a record means after the handshake, by the RFCs and the numbers of ARCHITECTURE's limits.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is taken, and nothing ends.
    Nothing,
    /// So many bytes of it are delivered.
    Data(usize),
    /// The peer has closed.
    Closed,
    /// The peer has ended the session with this alert.
    Told(u8),
    /// The session fails and sends this alert.
    Fails(u8),
    /// Something that the model does not know.
    Unknown,
}

const UNEXPECTED: Fate = Fate::Fails(10);
const MALFORMED: Fate = Fate::Fails(50);
const ILLEGAL: Fate = Fate::Fails(47);

pub struct Model {
    tls13: bool,
    /// Our session's role.
    is_server: bool,
    fragment: Vec<u8>,
    /// In a row without data: empty records, warnings, key updates, attempts to renegotiate, tickets.
    floods: [u8; 5],
    /// The last message was a KeyUpdate: what follows has to be under other keys.
    pub has_new_keys: bool,
}

impl Model {
    pub fn new(tls13: bool, is_server: bool) -> Self {
        Self { tls13, is_server, fragment: Vec::new(), floods: [0; 5], has_new_keys: false }
    }

    pub fn record(&mut self, content_type: u8, content: &[u8]) -> Fate {
        self.has_new_keys = false;
        match content_type {
            23 => self.data(content),
            21 => self.alert(content),
            22 => self.handshake(content),
            // RFC 8446 section 5.4: the last byte that is not zero is the type.
            0 if self.tls13 => match content.iter().rposition(|byte| *byte != 0) {
                Some(at) => self.record(content[at], &content[..at]),
                None => UNEXPECTED,
            },
            _ => UNEXPECTED,
        }
    }

    fn data(&mut self, content: &[u8]) -> Fate {
        if !self.fragment.is_empty() {
            return UNEXPECTED;
        }
        if content.is_empty() {
            return self.flood(0, 32);
        }
        self.floods = [0; 5];
        Fate::Data(content.len())
    }

    fn flood(&mut self, number: usize, most: u8) -> Fate {
        self.floods[number] += 1;
        if self.floods[number] > most { UNEXPECTED } else { Fate::Nothing }
    }

    /// RFC 8446 section 6, RFC 5246 section 7.2.
    fn alert(&mut self, content: &[u8]) -> Fate {
        let [level, alert] = *content else {
            return if content.is_empty() && self.tls13 { UNEXPECTED } else { MALFORMED };
        };
        let closure = [0, 90, 100].contains(&alert);
        if level == 2 && !closure {
            return Fate::Told(alert);
        }
        if !self.fragment.is_empty() {
            return UNEXPECTED;
        }
        match (alert, self.tls13, level) {
            (0, ..) => Fate::Closed,
            (90, true, _) | (_, false, 1) => self.flood(1, 4),
            (_, true, _) | (_, false, 2) => Fate::Told(alert),
            (_, false, _) => ILLEGAL,
        }
    }

    fn handshake(&mut self, content: &[u8]) -> Fate {
        if content.is_empty() {
            return UNEXPECTED;
        }
        self.fragment.extend_from_slice(content);
        while let Some(&[message_type, a, b, c]) = self.fragment.first_chunk::<4>() {
            let len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if len > 0xffff {
                return ILLEGAL;
            }
            if self.fragment.len() < 4 + len {
                break;
            }
            let body: Vec<u8> = self.fragment.drain(..4 + len).skip(4).collect();
            match self.message(message_type, &body) {
                Fate::Nothing => {}
                fate => return fate,
            }
        }
        Fate::Nothing
    }

    fn message(&mut self, message_type: u8, body: &[u8]) -> Fate {
        match (message_type, self.tls13, self.is_server) {
            // RFC 8446 section 4.6.3, and section 5.1: nothing follows it in its record.
            (24, true, _) => match body {
                [0 | 1] if self.floods[2] >= 32 => UNEXPECTED,
                [0 | 1] if !self.fragment.is_empty() => UNEXPECTED,
                [0 | 1] => {
                    self.has_new_keys = true;
                    self.flood(2, 32)
                }
                [_] => ILLEGAL,
                _ => MALFORMED,
            },
            // Section 4.6.1. Whether the ticket can be kept is for rustls.
            (4, true, false) => match ticket(body) {
                Some(true) => self.flood(4, 64),
                Some(false) => Fate::Unknown,
                None => MALFORMED,
            },
            // RFC 5246 section 7.4.1.1.
            (0, false, false) if !body.is_empty() => MALFORMED,
            (0, false, false) | (1, false, true) => self.flood(3, 4),
            _ => UNEXPECTED,
        }
    }
}

/// Whether a ticket without extensions has a lifetime that can be kept; `None` if it is malformed.
fn ticket(body: &[u8]) -> Option<bool> {
    let rest = body.get(8..)?;
    let (nonce_len, rest) = rest.split_first()?;
    let rest = rest.get(usize::from(*nonce_len)..)?;
    let (len, rest) = rest.split_first_chunk::<2>()?;
    let len = usize::from(u16::from_be_bytes(*len));
    let extensions = rest.get(len..).filter(|_| len > 0)?;
    let (len, extensions) = extensions.split_first_chunk::<2>()?;
    (usize::from(u16::from_be_bytes(*len)) == extensions.len()).then_some(false)
}

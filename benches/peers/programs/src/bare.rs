//! Not a peer but a floor: the AEAD alone, with one copy of the data, and without TLS.

use std::ffi::{c_char, c_ulong, c_void};

#[cfg(feature = "bare-aws-lc-rs")]
use aws_lc_rs::aead;
#[cfg(feature = "bare-ring")]
use ring::aead;

use aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::host::{Facts, Settings, give_up, handle, span, span_mut};

const HEADER: usize = 5;
const EXPLICIT_NONCE: usize = 8;
const TAG: usize = 16;
const PLAINTEXT: usize = 1 << 14;

static mut SETTINGS: Option<(bool, u16, u16, bool)> = None;

struct Session {
    key: LessSafeKey,
    tls13: bool,
    sealed: u64,
    opened: u64,
}

fn settings() -> (bool, u16, u16, bool) {
    // SAFETY: the program has one thread.
    unsafe { SETTINGS }.unwrap_or_else(|| give_up("no settings"))
}

fn nonce(sequence: &mut u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&sequence.to_be_bytes());
    *sequence += 1;
    Nonce::assume_unique_for_key(nonce)
}

impl Session {
    fn new() -> Self {
        let (tls13, suite, ..) = settings();
        let algorithm = match suite {
            0x1301 | 0xC02B => &AES_128_GCM,
            0x1302 | 0xC02C => &AES_256_GCM,
            _ => &CHACHA20_POLY1305,
        };
        let key = UnboundKey::new(algorithm, &[7; 32][..algorithm.key_len()]).expect("a key");
        Self { key: LessSafeKey::new(key), tls13, sealed: 0, opened: 0 }
    }

    fn prefix(&self) -> usize {
        if self.tls13 { HEADER } else { HEADER + EXPLICIT_NONCE }
    }

    fn seal(&mut self, text: &[u8], record: &mut [u8]) -> usize {
        let (prefix, inner) = (self.prefix(), text.len() + usize::from(self.tls13));
        let (data, rest) = record[prefix..].split_at_mut(inner);
        data[..text.len()].copy_from_slice(text);
        let nonce = nonce(&mut self.sealed);
        let tag = if self.tls13 {
            data[text.len()] = 23;
            self.key.seal_in_place_separate_tag(nonce, Aad::from([23; 5]), data)
        } else {
            self.key.seal_in_place_separate_tag(nonce, Aad::from([23; 13]), data)
        };
        rest[..TAG].copy_from_slice(tag.expect("a record").as_ref());
        prefix + inner + TAG
    }

    fn open(&mut self, record: &mut [u8], text: &mut [u8]) -> usize {
        let (prefix, nonce) = (self.prefix(), nonce(&mut self.opened));
        let data = &mut record[prefix..];
        let opened = if self.tls13 {
            self.key.open_in_place(nonce, Aad::from([23; 5]), data)
        } else {
            self.key.open_in_place(nonce, Aad::from([23; 13]), data)
        };
        let opened = opened.unwrap_or_else(|_| give_up("a record is wrong"));
        let len = opened.len() - usize::from(self.tls13);
        text[..len].copy_from_slice(&opened[..len]);
        len
    }
}

#[unsafe(no_mangle)]
extern "C" fn peer_version() -> *const c_char {
    if cfg!(feature = "bare-ring") { c"AEAD of ring 0.17.14".as_ptr() } else { c"AEAD of aws-lc-rs 1.19.0".as_ptr() }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_open(settings: *const Settings) -> bool {
    // SAFETY: work.c passes live settings.
    let settings = unsafe { &*settings };
    // SAFETY: the program has one thread.
    unsafe { SETTINGS = Some((settings.tls13, settings.suite, settings.group, settings.resume)) };
    settings.way().is_none()
}

#[unsafe(no_mangle)]
extern "C" fn peer_new(_server: bool) -> *mut c_void {
    handle(Session::new())
}

/// There is none.
#[unsafe(no_mangle)]
unsafe extern "C" fn peer_handshake(
    _session: *mut c_void,
    _input: *mut u8,
    _input_len: usize,
    _output: *mut u8,
    _output_cap: usize,
    written: *mut usize,
) -> bool {
    // SAFETY: an out-parameter.
    unsafe { *written = 0 };
    true
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_encrypt(
    session: *mut c_void,
    text: *const u8,
    text_len: usize,
    output: *mut u8,
    output_cap: usize,
) -> usize {
    // SAFETY: a live session, two spans.
    let (session, text, output) =
        unsafe { (&mut *session.cast::<Session>(), span(text, text_len), span_mut(output, output_cap)) };
    text.chunks(PLAINTEXT).fold(0, |written, part| written + session.seal(part, &mut output[written..]))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_decrypt(
    session: *mut c_void,
    input: *mut u8,
    input_len: usize,
    text: *mut u8,
    text_cap: usize,
) -> usize {
    // SAFETY: a live session, two spans.
    let (session, input, text) =
        unsafe { (&mut *session.cast::<Session>(), span_mut(input, input_len), span_mut(text, text_cap)) };
    let largest = session.prefix() + PLAINTEXT + usize::from(session.tls13) + TAG;
    input.chunks_mut(largest).fold(0, |len, record| len + session.open(record, &mut text[len..]))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_facts(_session: *mut c_void) -> Facts {
    let (tls13, suite, group, resumed) = settings();
    Facts { tls13, suite, group, resumed, judged: true }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_free(session: *mut c_void) {
    // SAFETY: a session of peer_new that is not used again.
    drop(unsafe { Box::from_raw(session.cast::<Session>()) });
}

#[unsafe(no_mangle)]
extern "C" fn peer_tickets() -> c_ulong {
    0
}

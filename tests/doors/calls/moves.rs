//! One call of the host, or one accident of the transport, as the input chooses.

use super::Game;
use super::side::{HANDSHAKE_COMPLETE, SUSPENDED, record_len};
use std::sync::LazyLock;

use super::super::host::{self, LARGEST, Status};
use super::super::input::Input;
use spantls::ffi::{answers, facts, identity};

/// So many without data are a flood.
const MOST_KEY_UPDATES: usize = 16;

impl Game {
    pub fn play_move(&mut self, input: &mut Input<'_>) {
        let byte = input.byte();
        let me = usize::from(byte >> 7);
        if std::env::var_os("DOORS_TRACE").is_some() {
            eprintln!("side {me}, move {}, state {:#x}", byte & 31, self.sides[me].session.state());
        }
        match byte & 31 {
            0..=4 => self.play_handshake(me, input),
            5..=8 => self.play_encrypt(me, byte & 31 == 8, input),
            9..=13 => self.play_decrypt(me, byte & 31 == 13, input),
            14..=19 => self.play_emit(me, byte & 31, input),
            20 | 21 => self.sides[me].answer(&self.contexts),
            kind @ 22..=26 => self.rude |= self.sides[me].any_answer(kind, input, &self.contexts),
            27 => self.play_getters(me, input),
            28 => self.play_small(me, input),
            29 => self.play_transport(me, input),
            30 => self.play_wrong(me, input),
            _ => self.settle_once(),
        }
    }

    fn play_handshake(&mut self, me: usize, input: &mut Input<'_>) {
        let shown = input.len(self.sides[me].inbox.len());
        let done = self.sides[me].handshake(shown, input.len(LARGEST));
        self.carry(me, &done.output);
    }

    fn play_encrypt(&mut self, me: usize, vectored: bool, input: &mut Input<'_>) {
        let len = input.len(LARGEST);
        let data = plaintext(me, self.sides[me].sent.len(), len);
        let room = input.len(LARGEST);
        let cuts = vectored.then(|| input.bytes());
        let done = self.sides[me].encrypt(data, room, cuts);
        self.carry(me, &done.output);
    }

    fn play_decrypt(&mut self, me: usize, in_place: bool, input: &mut Input<'_>) {
        let shown = input.len(self.sides[me].inbox.len());
        match in_place {
            true => self.sides[me].decrypt_in_place(shown),
            false => self.sides[me].decrypt(shown, input.len(LARGEST)),
        };
    }

    fn play_emit(&mut self, me: usize, kind: u8, input: &mut Input<'_>) {
        let room = input.len(400);
        let side = &mut self.sides[me];
        let open = side.is_complete();
        let done = match kind {
            14 | 15 => side.session.drain(room),
            16 if input.bit() => {
                self.rude = true;
                side.ended = true;
                side.question = None;
                let done = side.session.shutdown(room);
                assert!([host::CLOSED, host::WANT_WRITE].contains(&done.status), "{done:?}");
                done
            }
            17 if self.key_updates < MOST_KEY_UPDATES => {
                self.key_updates += 1;
                side.session.update_keys(i32::from(input.byte() % 3), room)
            }
            18 if input.bit() => {
                self.rude = true;
                side.end_of_input();
                return;
            }
            19 => {
                let done = side.session.request_client_certificate(room);
                assert!(done.status < 0, "our clients do not offer it: {done:?}");
                done
            }
            _ => side.session.drain(room),
        };
        match done.status {
            host::WANT_WRITE => assert!(done.output.len() == room || kind == 17, "not all of the space is used"),
            host::COMPLETE | host::CLOSED => {}
            _ => assert!(done.output.is_empty(), "{done:?}"),
        }
        if open && done.status == host::COMPLETE && kind <= 15 {
            assert_eq!(self.sides[me].session.drain(0).status, host::COMPLETE);
        }
        self.carry(me, &done.output);
    }

    /// Getters of every kind: none may change anything.
    fn play_getters(&mut self, me: usize, input: &mut Input<'_>) {
        let side = &self.sides[me];
        let (session, before) = (&side.session, side.session.state());
        let (handle, index) = (session.0, usize::from(input.byte()));
        // SAFETY: a live handle, and the spans of `copied`.
        let kinds: [&dyn Fn(*mut std::ffi::c_void, usize, *mut usize) -> Status; 7] = unsafe {
            [
                &|at, cap, len| identity::tls_session_remote_certificate(handle, index, at, cap, len),
                &|at, cap, len| identity::tls_session_verified_certificate(handle, index, at, cap, len),
                &|at, cap, len| identity::tls_session_local_certificate(handle, at, cap, len),
                &|at, cap, len| identity::tls_session_ocsp_response(handle, at, cap, len),
                &|at, cap, len| answers::tls_session_acceptable_issuer(handle, index, at, cap, len),
                &|at, cap, len| identity::tls_session_channel_binding(handle, 24 + (index % 5) as i32, at, cap, len),
                &|at, cap, len| facts::tls_session_negotiated_alpn(handle, at, cap, len),
            ]
        };
        for get in kinds {
            drop(session.copied(get));
        }
        // SAFETY: a live handle.
        let _: u16 = unsafe { answers::tls_session_acceptable_signature_scheme(handle, index) };
        // SAFETY: a live handle.
        let scheme = unsafe { facts::tls_session_peer_signature_scheme(handle) };
        assert!(scheme == 0 || before & HANDSHAKE_COMPLETE != 0);
        assert_eq!(before, session.state(), "a getter has changed the state");
    }

    /// What a host does before and after: names, protocols, less memory.
    fn play_small(&mut self, me: usize, input: &mut Input<'_>) {
        let side = &self.sides[me];
        let fresh = side.session.stats().ciphertext_sent == 0 && !side.has(SUSPENDED);
        let status = match input.byte() % 3 {
            0 => {
                let status = side.session.set_name(
                    [c"localhost", c"other.example", c"127.0.0.1", c"no name"][usize::from(input.byte() & 3)],
                );
                self.rude |= status == host::COMPLETE;
                status
            }
            1 => {
                let status = side.session.add_alpn(input.bytes());
                self.rude |= status == host::COMPLETE;
                status
            }
            _ => {
                let what = i32::from(input.byte() & 3);
                // SAFETY: a live handle.
                host::sound(unsafe { facts::tls_session_shrink(side.session.0, what) });
                return;
            }
        };
        assert!(status != host::COMPLETE || fresh && !side.is_server, "it had begun");
    }

    /// What happens to bytes on their way.
    fn play_transport(&mut self, me: usize, input: &mut Input<'_>) {
        if self.faithful {
            return;
        }
        let side = &mut self.sides[me];
        side.pure = false;
        let (kind, at) = (input.byte(), usize::from(input.u16()));
        let inbox = &mut side.inbox;
        let first = record_len(inbox).filter(|len| *len <= inbox.len()).unwrap_or(0);
        match kind % 6 {
            0 if !inbox.is_empty() => {
                let at = at % inbox.len();
                inbox[at] ^= input.byte().max(1);
            }
            1 => drop(inbox.drain(..at.min(inbox.len()))),
            2 => inbox.truncate(at),
            3 => drop(inbox.splice(..0, inbox[..first].to_vec())),
            4 => inbox.rotate_left(first),
            _ => {
                let at = at % (inbox.len() + 1);
                drop(inbox.splice(at..at, input.bytes().to_vec()));
            }
        }
    }

    /// Wrong arguments change nothing.
    fn play_wrong(&mut self, me: usize, input: &mut Input<'_>) {
        use spantls::ffi::session;
        let (handle, before) = (self.sides[me].session.0, self.sides[me].session.state());
        let mut span = [0_u8; 64];
        let at = span.as_mut_ptr().cast::<std::ffi::c_void>();
        let (mut consumed, mut written) = (77, 77);
        let counts = (&raw mut consumed, &raw mut written);
        let none = std::ptr::null_mut();
        // SAFETY: each of these is a wrong call that the header defines: NULL, spans that overlap, no place for a count.
        let status = unsafe {
            match input.byte() % 7 {
                0 => session::tls_session_handshake(handle, at, 40, at, 64, counts.0, counts.1),
                1 => session::tls_session_encrypt(handle, at, 40, at.byte_add(20), 44, counts.0, counts.1),
                2 => session::tls_session_decrypt(handle, none, 5, at, 64, counts.0, counts.1),
                3 => session::tls_session_handshake(std::ptr::null_mut(), at, 10, at, 0, counts.0, counts.1),
                4 => session::tls_session_decrypt(handle, at, usize::MAX, none, 0, counts.0, counts.1),
                5 => session::tls_session_encrypt(self.contexts.client.0.cast(), at, 5, none, 0, counts.0, counts.1),
                _ => {
                    consumed = 0;
                    session::tls_session_encrypt(handle, at, 5, none, 0, std::ptr::null_mut(), counts.1)
                }
            }
        };
        assert_eq!((status, consumed, written), (host::INVALID_ARGUMENT, 0, 0));
        assert_eq!(before, self.sides[me].session.state(), "a wrong call has changed the state");
    }
}

/// What a side sends from this offset on: no bytes near each other are alike, nor those of the two sides.
fn plaintext(me: usize, offset: usize, len: usize) -> &'static [u8] {
    static PATTERN: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..3 * LARGEST).map(|at| (at * 7 + (at >> 8) * 13) as u8).collect());
    let offset = (offset + me * 101) % LARGEST;
    &PATTERN[offset..offset + len]
}

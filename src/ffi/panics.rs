//! A panic anywhere in a call becomes a status, poisons the session for good, and harms no other session.

#![allow(
    clippy::multiple_unsafe_ops_per_block,
    clippy::unwrap_used,
    clippy::duplicate_mod,
    reason = "calls that are alike"
)]

#[path = "../../tests/doors/mod.rs"]
mod doors;

use std::ffi::c_void;

use super::answers::tls_session_set_signature;
use super::handles::tls_session_t;
use super::session::*;
use super::status::tls_status_t;
use super::verdict::tls_session_set_certificate_validation_result;
use crate::outcome::faults::{self, Place};
use crate::session::handshakes_under_way;
use doors::calls::side::{FAILED, SUSPENDED, Side};
use doors::host::{COMPLETE, LARGEST, NEEDS_SIGNATURE, NEEDS_VALIDATION, PROTOCOL_ERROR, Status, WANT_CREDENTIALS};
use doors::setup::{ClientCredentials, Contexts, Setup};

const INTERNAL_ERROR: Status = -128;
const CLIENT: usize = 0;
const SERVER: usize = 1;

type Transform = unsafe extern "C" fn(
    *mut tls_session_t,
    *const c_void,
    usize,
    *mut c_void,
    usize,
    *mut usize,
    *mut usize,
) -> tls_status_t;

/// Everything is asked: both verdicts, the client's credentials, the server's signature.
fn setup(tls13: bool) -> Setup {
    Setup {
        tls13,
        mode: 2,
        external_key: true,
        undecided: false,
        automatic: [false; 2],
        resumed: false,
        client: ClientCredentials::None,
        alpn: false,
        retried: false,
        fragments: false,
        keep_hello: false,
        name: Some(c"localhost"),
    }
}

fn pair(setup: &Setup, contexts: &Contexts) -> [Side; 2] {
    [false, true].map(|is_server| Side::new(setup.session(contexts, is_server), is_server, setup))
}

/// Shakes hands until this side asks this; without a question until the end.
fn run(sides: &mut [Side; 2], contexts: &Contexts, until: Option<(usize, Status)>) {
    for _ in 0..50 {
        for me in [CLIENT, SERVER] {
            let shown = sides[me].inbox.len();
            let done = sides[me].handshake(shown, LARGEST);
            sides[1 - me].inbox.extend_from_slice(&done.output);
            if Some((me, done.status)) == until {
                return;
            }
            if sides[me].has(SUSPENDED) {
                sides[me].answer(contexts);
            }
        }
        if until.is_none() && sides.iter().all(Side::is_complete) {
            return;
        }
    }
    panic!("{until:?} does not come");
}

fn transform(call: Transform, side: &Side, input: &[u8]) -> (Status, usize, usize) {
    let (mut room, mut consumed, mut written) = (vec![0u8; LARGEST], 77, 77);
    // SAFETY: a live session, spans of their lengths, and places for the counts.
    let status = unsafe {
        call(
            side.session.0,
            input.as_ptr().cast(),
            input.len(),
            room.as_mut_ptr().cast(),
            room.len(),
            &mut consumed,
            &mut written,
        )
    };
    (status, consumed, written)
}

fn emit(
    side: &Side,
    call: unsafe extern "C" fn(*mut tls_session_t, *mut c_void, usize, *mut usize) -> Status,
) -> Status {
    let (mut room, mut written) = ([0u8; 1000], 77);
    // SAFETY: a live session, a span of its length, and a place for the count.
    unsafe { call(side.session.0, room.as_mut_ptr().cast(), room.len(), &mut written) }
}

fn open_in_place(side: &Side, input: &[u8]) -> Status {
    let (mut data, mut counts) = (input.to_vec(), [77; 3]);
    let [consumed, offset, len] = &mut counts;
    // SAFETY: a live session, a span of its length, and places for the counts.
    unsafe { tls_session_decrypt_in_place(side.session.0, data.as_mut_ptr().cast(), data.len(), consumed, offset, len) }
}

fn update_keys(side: &Side) -> Status {
    let (mut room, mut written) = ([0u8; 1000], 77);
    // SAFETY: a live session, a span of its length, and a place for the count.
    unsafe { tls_session_update_keys(side.session.0, 1, room.as_mut_ptr().cast(), room.len(), &mut written) }
}

/// The panic has happened in this call, and every later call says so.
fn is_poisoned(side: &Side, status: Status) {
    assert!(!faults::forget(), "the call did not come to the place");
    assert_eq!(status, INTERNAL_ERROR);
    assert!(side.has(FAILED) && !side.has(SUSPENDED));
    let record = side.session.error();
    assert_eq!(record.0.status, INTERNAL_ERROR);
    assert!(record.text().starts_with("contained panic at src/outcome/faults.rs"), "{}", record.text());
    for call in [tls_session_handshake, tls_session_encrypt, tls_session_decrypt] {
        assert_eq!(transform(call, side, &[23, 3, 3, 0, 1, 0]), (INTERNAL_ERROR, 0, 0));
    }
    assert_eq!(emit(side, tls_session_shutdown), INTERNAL_ERROR);
    assert_eq!(emit(side, tls_session_drain_pending_output), INTERNAL_ERROR);
    assert_eq!((open_in_place(side, b"x"), update_keys(side)), (INTERNAL_ERROR, INTERNAL_ERROR));
    // SAFETY: a live session, and no spans.
    let others = unsafe {
        [
            tls_session_end_of_input(side.session.0),
            tls_session_set_certificate_validation_result(side.session.0, 0),
            tls_session_set_signature(side.session.0, std::ptr::null(), 0),
        ]
    };
    assert_eq!(others, [INTERNAL_ERROR; 3]);
    assert_eq!(side.session.error().text(), record.text(), "the first failure stays");
}

/// Sessions that the panics must not touch: half-way through their handshake, on the same contexts.
fn completes(mut bystanders: [Side; 2], contexts: &Contexts) {
    bystanders[CLIENT].answer(contexts);
    run(&mut bystanders, contexts, None);
    let [client, server] = &mut bystanders;
    let done = client.encrypt(b"hello", 100, None);
    assert_eq!(done.status, COMPLETE);
    server.inbox.extend_from_slice(&done.output);
    let shown = server.inbox.len();
    assert_eq!(server.decrypt(shown, 100).output, b"hello");
}

#[test]
fn a_panic_after_any_question_is_contained() {
    for tls13 in [true, false] {
        let setup = setup(tls13);
        let contexts = setup.contexts();
        let mut bystanders = pair(&setup, &contexts);
        run(&mut bystanders, &contexts, Some((CLIENT, NEEDS_VALIDATION)));
        for (me, question) in [
            (CLIENT, NEEDS_VALIDATION),
            (CLIENT, WANT_CREDENTIALS),
            (SERVER, NEEDS_SIGNATURE),
            (SERVER, NEEDS_VALIDATION),
        ] {
            let mut sides = pair(&setup, &contexts);
            run(&mut sides, &contexts, Some((me, question)));
            sides[me].answer(&contexts);
            faults::panic_at(Place::Suspension);
            let (status, _, written) = transform(tls_session_handshake, &sides[me], &sides[me].inbox);
            assert_eq!(written, 0);
            is_poisoned(&sides[me], status);
            // Destroyed where it is asked, it runs into the panic too.
            let mut sides = pair(&setup, &contexts);
            run(&mut sides, &contexts, Some((me, question)));
            faults::panic_at(Place::Suspension);
            let [client, server] = sides;
            drop(if me == CLIENT { client } else { server });
            assert!(!faults::forget(), "no panic");
        }
        completes(bystanders, &contexts);
    }
    assert!(handshakes_under_way().0 < 20, "stacks that were not given back");
}

#[test]
fn a_panic_in_the_record_layer_is_contained() {
    type Call = fn(&Side, &[u8]) -> Status;
    let calls: [(Place, Call); 6] = [
        (Place::Sealing, |side, _| transform(tls_session_encrypt, side, b"hello").0),
        (Place::Sealing, |side, _| emit(side, tls_session_shutdown)),
        (Place::Sealing, |side, _| update_keys(side)),
        (Place::Opening, |side, record| transform(tls_session_decrypt, side, record).0),
        (Place::Opening, |side, record| open_in_place(side, record)),
        // What the read half owes is sealed here.
        (Place::Sealing, |side, _| emit(side, tls_session_drain_pending_output)),
    ];
    for tls13 in [true, false] {
        let setup = setup(tls13);
        let contexts = setup.contexts();
        let mut bystanders = pair(&setup, &contexts);
        run(&mut bystanders, &contexts, Some((CLIENT, NEEDS_VALIDATION)));
        for (number, (place, call)) in calls.iter().enumerate() {
            if number == 2 && !tls13 {
                continue;
            }
            for me in [CLIENT, SERVER] {
                let mut sides = pair(&setup, &contexts);
                run(&mut sides, &contexts, None);
                let [client, server] = &mut sides;
                let (side, peer) = if me == CLIENT { (client, server) } else { (server, client) };
                let record = peer.encrypt(b"hello", 100, None).output;
                if number == 5 {
                    let mut forged = record.clone();
                    *forged.last_mut().unwrap() ^= 1;
                    assert!(transform(tls_session_decrypt, side, &forged).0 < 0);
                    faults::panic_at(*place);
                    assert_eq!(call(side, &record), INTERNAL_ERROR);
                    assert!(!faults::forget());
                    // The failure that came first stays.
                    assert_eq!(transform(tls_session_encrypt, side, b"x").0, PROTOCOL_ERROR);
                    continue;
                }
                faults::panic_at(*place);
                let status = call(side, &record);
                is_poisoned(side, status);
                // The peer is told nothing, and has lost nothing of its own.
                assert!(!peer.has(FAILED));
                assert_eq!(peer.encrypt(b"more", 100, None).status, COMPLETE);
            }
        }
        completes(bystanders, &contexts);
    }
}

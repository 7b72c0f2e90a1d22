//! A client or a server whose peer is the input: its bytes are the stream, and what the session asks is answered from it.

use super::calls::side::{FAILED, SUSPENDED, Side, is_question, record_len};
use super::host;
use super::input::Input;
use super::setup::Setup;

const MOST_CALLS: usize = 500;
const CLOSE_NOTIFY: i32 = 0;

pub fn play(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let is_server = input.bit();
    // Tickets need a handshake before this one, which is for other doors.
    let setup = Setup { resumed: false, ..Setup::read(&mut input) };
    let contexts = setup.contexts();
    let mut side = Side::new(setup.session(&contexts, is_server), is_server, &setup);
    let (mut answers, cuts) = (Input::new(input.take(6)), input.take(2).to_vec());
    let mut cut = cuts.iter().map(|cut| usize::from(*cut)).chain([host::LARGEST]).cycle();
    side.inbox = input.rest().to_vec();
    let (mut shown, mut sent) = (0, Vec::new());
    for _ in 0..MOST_CALLS {
        shown = (shown + cut.next().unwrap()).min(side.inbox.len());
        let done = side.handshake(shown, cut.next().unwrap());
        shown -= done.consumed;
        side.emitted += done.output.len() as u64;
        sent.extend_from_slice(&done.output);
        side.check_state();
        match done.status {
            host::WANT_READ if shown == side.inbox.len() => {
                assert!(side.end_of_input() < 0, "the input has ended");
            }
            status if is_question(status) => {
                let choice = answers.byte();
                match choice & 7 {
                    kind @ 0..=4 if choice < 128 => {
                        let _: bool = side.any_answer(22 + kind, &mut answers, &contexts);
                    }
                    _ => side.answer(&contexts),
                }
            }
            host::WANT_WRITE | host::WANT_READ => {}
            // Another ClientHello than the one that the context was chosen by.
            host::INVALID_ARGUMENT => break,
            _ => break,
        }
        side.check_state();
    }
    end(side, sent);
}

/// Whole records were sent, and the last one is the alert that the record reports, or the answer to a close_notify.
fn end(mut side: Side, mut sent: Vec<u8>) {
    let done = side.session.drain(host::LARGEST);
    assert_eq!(done.status, host::COMPLETE);
    side.emitted += done.output.len() as u64;
    sent.extend_from_slice(&done.output);
    side.check_state();
    assert!(!side.is_complete(), "complete without the keys");
    let mut last: &[u8] = &[];
    let mut rest = &sent[..];
    while !rest.is_empty() {
        (last, rest) = rest.split_at(record_len(rest).unwrap());
    }
    if side.has(FAILED) {
        assert!(!side.has(SUSPENDED));
        let failure = side.failure().unwrap();
        // RFC 8446 section 6.1, RFC 5246 section 7.2.1: the peer's close_notify is answered with one, which no record reports.
        let closed = failure.received == CLOSE_NOTIFY;
        match last {
            // In clear, or protected: then it has the length of an alert.
            [21, 3, _, 0, 2, 1, 0] => assert!(closed, "closed without an error: {failure:?}"),
            [21, 3, _, 0, 2, 2, sent] => assert_eq!(i32::from(*sent), failure.sent, "another alert"),
            [23, 3, 3, 0, 19, ..] => assert!(closed || failure.sent != -1, "an alert that is not reported"),
            _ => assert!(!closed && failure.sent == -1, "an alert that was not sent: {failure:?}, {last:02x?}"),
        }
    }
}

//! Bytes that no honest peer sends before a session is open: handshakes with each byte changed, cut off anywhere, in
//! wrong records and wrong orders, and what is no TLS at all. Each gets the alert that the RFCs ask for, the failure
//! lasts, and both sides end. `bad_records.rs` has the same for open sessions.
//!
//! By default all bits of a byte are changed at once and then one of them, of headers each one; `SPANTLS_LONG=1` changes
//! each bit of each byte.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use spantls::context::ClientCertificateMode;
use spantls::session::Version;
use std::sync::{Arc, LazyLock};

use common::{TLS12, TLS13, certificate, drain, record_len};
use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Alert, Failure, FailureKind, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Negotiated, Progress, Session};

const CLIENT: usize = 0;
const SERVER: usize = 1;

// ---- Handshakes with a changed byte --------------------------------------------------------------------------------

#[test]
fn no_byte_of_a_tls12_handshake_can_be_changed() {
    change_every_byte(&Kind { protocol: TLS12, mutual: false });
}

#[test]
fn no_byte_of_a_mutual_tls12_handshake_can_be_changed() {
    change_every_byte(&Kind { protocol: TLS12, mutual: true });
}

#[test]
fn no_byte_of_a_tls13_handshake_can_be_changed() {
    change_every_byte(&Kind { protocol: TLS13, mutual: false });
}

#[test]
fn no_byte_of_a_mutual_tls13_handshake_can_be_changed() {
    change_every_byte(&Kind { protocol: TLS13, mutual: true });
}

fn change_every_byte(kind: &Kind) {
    for flight in 0..kind.flights() {
        // The length of a signature varies, and so does that of a flight.
        let mut at = 0;
        while change_byte(kind, flight, at) {
            at += 1;
        }
        assert!(at > 40, "{kind:?}, flight {flight} had {at} bytes only");
    }
}

/// All bits at once and one by one; of a payload one bit will do in the short form. False if the flight has no such byte.
fn change_byte(kind: &Kind, flight: usize, at: usize) -> bool {
    let mut masks = vec![0xff, 1 << (at % 8)];
    let mut next = 0;
    while let Some(&mask) = masks.get(next) {
        let mut duel = Duel::before(kind, flight);
        if at >= duel.flight(flight).len() {
            return false;
        }
        let place = place(duel.flight(flight), at);
        if next == 0 && (long() || !matches!(place, Place::Payload { .. })) {
            masks.extend((0..8).map(|bit| 1 << bit));
        }
        next += 1;
        duel.flight(flight)[at] ^= mask;
        let waits = place == Place::Type && begins_a_message(duel.flight(flight), at);
        let name = format!("{kind:?}, flight {flight}, byte {at} ({place:?}) ^ {mask:#04x}");
        duel.run();
        match ignored(place) {
            Some(_) => duel.expect_open(&name),
            None => duel.expect_end(receiver(flight), place, mask, waits, &name),
        }
    }
    true
}

/// Whether the record that begins here is a change_cipher_spec that calls itself a handshake message now. The sealed
/// record behind it is then read as the rest of that message: its first three bytes, which are chance, are a length, and
/// one that is no reason to refuse lets the receiver wait for that much.
fn begins_a_message(flight: &[u8], at: usize) -> bool {
    let [22, 3, 3, 0, 1, 1, 22, 3, 3, _, _, high, middle, low, rest @ ..] = &flight[at..] else { return false };
    let announced = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
    (rest.len() + 1..=0xffff).contains(&announced)
}

/// Where a byte of a flight lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Type,
    Major,
    Minor { protected: bool },
    Length,
    Payload { protected: bool },
}

/// The bytes that TLS ignores, and why. There is one kind of them: everything else is part of the transcript that both
/// Finished messages prove, or of an AEAD's additional data.
fn ignored(place: Place) -> Option<&'static str> {
    match place {
        Place::Minor { protected: false } => Some(
            "RFC 8446 section 5.1: legacy_record_version MUST be ignored for all purposes; RFC 5246 appendix E.1 has \
             servers accept {03,XX} in front of a ClientHello",
        ),
        _ => None,
    }
}

fn place(flight: &[u8], at: usize) -> Place {
    let (mut start, mut changed_cipher) = (0, false);
    loop {
        let len = 5 + usize::from(u16::from_be_bytes([flight[start + 3], flight[start + 4]]));
        let content_type = flight[start];
        // Behind change_cipher_spec everything is protected; TLS 1.3 has such records before that, too.
        let protected = content_type == 23 || (changed_cipher && content_type == 22);
        if at < start + len {
            return match at - start {
                0 => Place::Type,
                1 => Place::Major,
                2 => Place::Minor { protected },
                3 | 4 => Place::Length,
                _ => Place::Payload { protected },
            };
        }
        changed_cipher |= content_type == 20;
        start += len;
    }
}

// ---- Handshakes that are cut off -----------------------------------------------------------------------------------

#[test]
fn a_tls12_handshake_cut_off_anywhere_is_truncated() {
    cut_everywhere(&Kind { protocol: TLS12, mutual: true });
}

#[test]
fn a_tls13_handshake_cut_off_anywhere_is_truncated() {
    cut_everywhere(&Kind { protocol: TLS13, mutual: true });
}

fn cut_everywhere(kind: &Kind) {
    for flight in 0..kind.flights() {
        let receiver = receiver(flight);
        let mut at = 0;
        loop {
            let mut duel = Duel::before(kind, flight);
            if at >= duel.flight(flight).len() {
                break;
            }
            let name = format!("{kind:?}, flight {flight}, cut at {at}");
            duel.flight(flight).truncate(at);
            // The end is heard of before or after what came before it was worked on; also in a suspension.
            if at % 2 == 0 {
                duel.run_one(receiver);
                assert_eq!(duel.results[receiver], Some(Ok(Outcome::WantRead)), "{name}");
                check_truncated(duel.sessions[receiver].end_of_input().unwrap_err(), &name);
            } else {
                duel.answers = false;
                duel.run_one(receiver);
                let suspended = duel.results[receiver] == Some(Ok(Outcome::Suspended(Question::Certificate)));
                let ended = duel.sessions[receiver].end_of_input();
                if suspended {
                    // Remembered until something is missing.
                    assert_eq!(ended, Ok(Outcome::Complete), "{name}");
                    duel.answers = true;
                    duel.answer(receiver);
                    duel.run_one(receiver);
                    check_truncated(duel.results[receiver].clone().unwrap().unwrap_err(), &name);
                } else {
                    check_truncated(ended.unwrap_err(), &name);
                }
            }
            let session = &duel.sessions[receiver];
            check_truncated(session.end_of_input().unwrap_err(), &name);
            // Nothing is said about a transport that is gone.
            assert!(drain(session, 100).is_empty(), "{name}");
            expect_sticky(session, &name);
            at += 1;
        }
        assert!(at > 40, "{kind:?}, flight {flight} had {at} bytes only");
    }
}

fn check_truncated(failure: Failure, name: &str) {
    let facts = (failure.kind, failure.alert_sent, failure.alert_received);
    assert_eq!(facts, (FailureKind::Truncated, None, None), "{name}");
}

// ---- What is no TLS ------------------------------------------------------------------------------------------------

/// What a fresh session of either role is shown, the first byte that proves it wrong (counted from 1), and the alert.
#[rustfmt::skip]
const NO_TLS: &[(&str, &[u8], usize, Alert)] = &[
    // RFC 8446 section 5: "If a TLS implementation receives an unexpected record type, it MUST terminate the
    // connection with an "unexpected_message" alert."
    ("HTTP",                         b"GET / HTTP/1.1\r\n\r\n",               1, Alert::UNEXPECTED_MESSAGE),
    ("an answer of HTTP",            b"HTTP/1.1 400 Bad Request\r\n\r\n",     1, Alert::UNEXPECTED_MESSAGE),
    ("SSH",                          b"SSH-2.0-x\r\n",                        1, Alert::UNEXPECTED_MESSAGE),
    ("SMTP",                         b"220 mail ESMTP\r\n",                   1, Alert::UNEXPECTED_MESSAGE),
    // RFC 5246 appendix E.2 lets servers understand it; RFC 8446 appendix D.5 forbids to.
    ("the hello of SSL 2",           &[0x80, 46, 1, 3, 1, 0, 21, 0, 0, 0, 16], 1, Alert::UNEXPECTED_MESSAGE),
    ("zeros",                        &[0; 64],                                1, Alert::UNEXPECTED_MESSAGE),
    ("ones",                         &[0xff; 64],                             1, Alert::UNEXPECTED_MESSAGE),
    ("content type 19",              &[19, 3, 3, 0, 1, 0],                    1, Alert::UNEXPECTED_MESSAGE),
    ("a heartbeat (RFC 6520)",       &[24, 3, 3, 0, 1, 0],                    1, Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 section 6.2 and RFC 5246 section 7.2.2: protocol_version.
    ("major version 2",              &[22, 2, 0, 0, 1, 1],                    2, Alert::PROTOCOL_VERSION),
    ("major version 0",              &[22, 0, 0, 0, 1, 1],                    2, Alert::PROTOCOL_VERSION),
    ("DTLS 1.2",                     &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0], 2, Alert::PROTOCOL_VERSION),
    // RFC 8446 section 5.1 and RFC 5246 section 6.2.1: more than 2^14 bytes in clear.
    ("2^14 + 1 bytes",               &[22, 3, 1, 0x40, 1],                    5, Alert::RECORD_OVERFLOW),
    ("65535 bytes",                  &[22, 3, 3, 255, 255],                   5, Alert::RECORD_OVERFLOW),
    ("an over-long alert",           &[21, 3, 3, 0x40, 1],                    5, Alert::RECORD_OVERFLOW),
    // RFC 8446 section 6.2: application data where it is not expected.
    ("data before a hello",          &[23, 3, 3, 0, 3, 1, 2, 3],              8, Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 section 5.1: no zero-length fragments of handshake messages; section 5.4 has the alert.
    ("an empty handshake record",    &[22, 3, 3, 0, 0],                       5, Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 section 6.2: messages in a wrong place.
    ("a Finished",                   &[22, 3, 3, 0, 5, 20, 0, 0, 1, 0],      10, Alert::UNEXPECTED_MESSAGE),
    ("a message of type 99",         &[22, 3, 3, 0, 4, 99, 0, 0, 0],          9, Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 section 6.2: "decode_error: ... the length of the message was incorrect".
    ("an alert of one byte",         &[21, 3, 3, 0, 1, 2],                    6, Alert::DECODE_ERROR),
    ("an alert of three bytes",      &[21, 3, 3, 0, 3, 2, 40, 0],             8, Alert::DECODE_ERROR),
];

#[test]
fn what_is_no_tls_is_refused_at_the_first_byte_that_proves_it() {
    let mut wrong = Vec::new();
    for (what, bytes, proof, alert) in NO_TLS {
        for context in fresh_contexts() {
            let name = format!("{what} to a fresh {}", role_name(&context));
            let session = fresh(&context);
            // Byte by byte.
            for shown in 1..*proof {
                let result = session.process_handshake(&bytes[..shown], &mut []).outcome;
                assert_eq!(result, Ok(Outcome::WantRead), "{name}: {shown} bytes prove nothing");
            }
            let result = refuse(&session, &bytes[..*proof]);
            if result != Ok(*alert) {
                wrong.push(format!("{name}: {result:?} instead of {alert:?}"));
                continue;
            }
            // And all at once.
            assert_eq!(refuse(&fresh(&context), bytes), Ok(*alert), "{name}, at once");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What comes in the place of a flight, or behind the first part of one: a record, and the alert.
#[rustfmt::skip]
const WRONG_RECORDS: &[(&str, &[u8], Alert)] = &[
    // RFC 8446 section 5.
    ("an unknown content type",     &[99],                        Alert::UNEXPECTED_MESSAGE),
    ("application data in clear",   &[23, 3, 3, 0, 1, 0],         Alert::UNEXPECTED_MESSAGE),
    ("an empty handshake record",   &[22, 3, 3, 0, 0],            Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 section 6.2.
    ("a wrong version",             &[22, 4],                     Alert::PROTOCOL_VERSION),
    ("an unknown message",          &[22, 3, 3, 0, 4, 99, 0, 0, 0], Alert::UNEXPECTED_MESSAGE),
    ("a HelloVerifyRequest",        &[22, 3, 3, 0, 4, 3, 0, 0, 0], Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 section 5.1.
    ("a record of 2^14 + 1 bytes",  &[22, 3, 3, 0x40, 1],         Alert::RECORD_OVERFLOW),
];

#[test]
fn a_wrong_record_in_the_place_of_a_flight_gets_its_alert() {
    let mut wrong = Vec::new();
    for protocol in [TLS12, TLS13] {
        let kind = Kind { protocol, mutual: true };
        for flight in 0..kind.flights() {
            // TLS 1.3 protects the client's second flight: there, what comes in clear is another matter (below).
            if protocol == TLS13 && flight == 2 {
                continue;
            }
            for (what, record, alert) in WRONG_RECORDS {
                let mut duel = Duel::before(&kind, flight);
                *duel.flight(flight) = record.to_vec();
                duel.run();
                let name = format!("{kind:?}: {what} in the place of flight {flight}");
                let failure = match &duel.results[receiver(flight)] {
                    Some(Err(failure)) => failure.clone(),
                    other => panic!("{name}: {other:?}"),
                };
                if failure.alert_sent != Some(*alert) {
                    wrong.push(format!("{name}: {failure:?} instead of {alert:?}"));
                    continue;
                }
                duel.expect_alert_on_the_wire(receiver(flight), &name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_change_cipher_spec_of_another_value_is_an_unexpected_message() {
    // RFC 8446 section 5: "An implementation which receives any other change_cipher_spec value ... MUST abort the
    // handshake with an "unexpected_message" alert." A server that speaks TLS 1.3 does not know better before the hello.
    // RFC 5246 names no alert: decode_error is as good there.
    let mut wrong = Vec::new();
    for protocol in [TLS12, TLS13] {
        let kind = Kind { protocol, mutual: false };
        for flight in 0..kind.flights() {
            for record in [&[20, 3, 3, 0, 1, 2][..], &[20, 3, 3, 0, 2, 1, 1], &[20, 3, 3, 0, 0]] {
                let mut duel = Duel::before(&kind, flight);
                *duel.flight(flight) = record.to_vec();
                duel.run();
                let name = format!("{kind:?}: {record:?} in the place of flight {flight}");
                let tls12 = protocol == TLS12 && flight > 0;
                match &duel.results[receiver(flight)] {
                    Some(Err(failure))
                        if failure.alert_sent == Some(Alert::UNEXPECTED_MESSAGE)
                            || tls12 && failure.alert_sent == Some(Alert::DECODE_ERROR) =>
                    {
                        duel.expect_alert_on_the_wire(receiver(flight), &name);
                    }
                    other => wrong.push(format!("{name}: {other:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_protected_record_of_another_version_does_not_open_in_a_tls13_handshake() {
    // RFC 8446 section 5.2: legacy_record_version is part of the additional data, as it was sent.
    let kind = Kind { protocol: TLS13, mutual: false };
    let mut wrong = Vec::new();
    for flight in [1, 2] {
        let mut duel = Duel::before(&kind, flight);
        let bytes = duel.flight(flight);
        let mut at = 0;
        while bytes[at] != 23 {
            at += record_len(&bytes[at..]);
        }
        bytes[at + 2] = 1;
        duel.run();
        match &duel.results[receiver(flight)] {
            Some(Err(failure)) if failure.alert_sent == Some(Alert::BAD_RECORD_MAC) => {}
            other => wrong.push(format!("flight {flight}: {other:?} instead of bad_record_mac")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_protected_record_of_another_outer_type_is_refused_in_a_tls13_handshake() {
    // RFC 8446 section 5.2: opaque_type is always application_data, and part of the additional data as it was sent;
    // section 5: another type is not expected here. Either alert tells the truth.
    let kind = Kind { protocol: TLS13, mutual: false };
    let mut wrong = Vec::new();
    for flight in [1, 2] {
        for outer_type in [20, 21, 22] {
            let mut duel = Duel::before(&kind, flight);
            let bytes = duel.flight(flight);
            let mut at = 0;
            while bytes[at] != 23 {
                at += record_len(&bytes[at..]);
            }
            bytes[at] = outer_type;
            duel.run();
            match &duel.results[receiver(flight)] {
                Some(Err(failure))
                    if [Some(Alert::UNEXPECTED_MESSAGE), Some(Alert::BAD_RECORD_MAC)].contains(&failure.alert_sent) => {
                }
                other => wrong.push(format!("flight {flight}, type {outer_type}: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn records_in_clear_are_refused_where_tls13_protects_them() {
    let kind = Kind { protocol: TLS13, mutual: false };
    let cases: &[(&str, &[u8], &[Alert])] = &[
        // RFC 8446 section 5: a record type that is not expected here.
        ("a handshake message", &[22, 3, 3, 0, 4, 20, 0, 0, 0], &[Alert::UNEXPECTED_MESSAGE]),
        ("a wrong change_cipher_spec", &[20, 3, 3, 0, 1, 2], &[Alert::UNEXPECTED_MESSAGE]),
        ("an unknown content type", &[25], &[Alert::UNEXPECTED_MESSAGE]),
        // RFC 8446 section 5.2.
        (
            "a record that does not open",
            &[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0],
            &[Alert::BAD_RECORD_MAC],
        ),
        ("a record too short for its tag", &[23, 3, 3, 0, 3, 1, 2, 3], &[Alert::BAD_RECORD_MAC]),
        ("a record of 2^14 + 257 bytes", &[23, 3, 3, 0x41, 1], &[Alert::RECORD_OVERFLOW]),
    ];
    let mut wrong = Vec::new();
    for (what, record, alerts) in cases {
        // The server waits for the client's second flight; the client, behind the ServerHello, for the rest.
        for receiver in [SERVER, CLIENT] {
            let name = format!("{what} to the {}", ["client", "server"][receiver]);
            let mut duel = Duel::before(&kind, if receiver == SERVER { 2 } else { 1 });
            if receiver == CLIENT {
                let hello = record_len(duel.flight(1));
                duel.flight(1).truncate(hello);
                duel.flight(1).extend_from_slice(record);
            } else {
                *duel.flight(2) = record.to_vec();
            }
            duel.run_one(receiver);
            match &duel.results[receiver] {
                Some(Err(failure)) if failure.alert_sent.is_some_and(|alert| alerts.contains(&alert)) => {
                    duel.expect_alert_on_the_wire(receiver, &name);
                }
                other => wrong.push(format!("{name}: {other:?} instead of {alerts:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn over_long_handshake_messages_are_refused_before_they_are_there() {
    // RFC 8446 section 6.2 leaves the choice: "some field was out of the specified range", or illegal_parameter for
    // what is well-formed and not acceptable.
    let allowed = [Alert::DECODE_ERROR, Alert::ILLEGAL_PARAMETER];
    for context in fresh_contexts() {
        let first = if context.is_server() { 1 } else { 2 };
        for (len, refused) in [(0xffffu32, false), (0x1_0000, true), (0xff_ffff, true)] {
            let [_, a, b, c] = len.to_be_bytes();
            let session = fresh(&context);
            let record = [22, 3, 3, 0, 4, first, a, b, c];
            let name = format!("{len} bytes announced to a {}", role_name(&context));
            match refused {
                true => {
                    let alert = refuse(&session, &record).expect(&name);
                    assert!(allowed.contains(&alert), "{name}: {alert:?}");
                }
                false => {
                    let result = session.process_handshake(&record, &mut []).outcome;
                    assert_eq!(result, Ok(Outcome::WantRead), "{name}");
                }
            }
        }
    }
}

#[test]
fn other_records_within_a_handshake_message_are_refused() {
    // RFC 8446 section 5.1: "Handshake messages MUST NOT be interleaved with other record types." RFC 5246 lets warnings
    // come between; no implementation is known to send any there.
    let others: [(&str, &[u8]); 4] = [
        ("change_cipher_spec", &[20, 3, 3, 0, 1, 1]),
        ("a warning", &[21, 3, 3, 0, 2, 1, 90]),
        ("application data", &[23, 3, 3, 0, 1, 0]),
        ("an empty handshake record", &[22, 3, 3, 0, 0]),
    ];
    let mut wrong = Vec::new();
    for protocol in [TLS12, TLS13] {
        let kind = Kind { protocol, mutual: false };
        for flight in [0, 1] {
            for (what, other) in others {
                let mut duel = Duel::before(&kind, flight);
                let bytes = duel.flight(flight);
                // The first message in two records, something else between them.
                let message = bytes[5..record_len(bytes)].to_vec();
                let mut tampered = fragment(&message, 20).concat();
                tampered.splice(25..25, other.iter().copied());
                *bytes = tampered;
                duel.run();
                let name = format!("{kind:?}: {what} within the first message of flight {flight}");
                match &duel.results[receiver(flight)] {
                    Some(Err(failure)) if failure.alert_sent == Some(Alert::UNEXPECTED_MESSAGE) => {
                        duel.expect_alert_on_the_wire(receiver(flight), &name);
                    }
                    result => wrong.push(format!("{name}: {result:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_bad_message_in_records_of_one_byte_is_as_bad() {
    for protocol in [TLS12, TLS13] {
        let kind = Kind { protocol, mutual: false };
        for flight in [0, 1] {
            for bad in [false, true] {
                let mut duel = Duel::before(&kind, flight);
                let bytes = duel.flight(flight);
                let first_len = record_len(bytes);
                let rest = bytes.split_off(first_len);
                if bad {
                    // The last byte of its last message is in the transcript.
                    *bytes.last_mut().unwrap() ^= 1;
                }
                let mut fragments = fragment(&bytes[5..], 1).concat();
                fragments.extend_from_slice(&rest);
                *bytes = fragments;
                duel.run();
                let name = format!("{kind:?}, flight {flight}, bad: {bad}");
                match bad {
                    false => duel.expect_open(&name),
                    true => duel.expect_end(receiver(flight), Place::Payload { protected: false }, 1, false, &name),
                }
            }
        }
    }
}

#[test]
fn floods_during_a_handshake_end() {
    // A hundred records; what the RFCs allow is far below.
    let warnings = [21u8, 3, 3, 0, 2, 1, 90].repeat(100);
    let changes = [20u8, 3, 3, 0, 1, 1].repeat(100);
    let empty = [22u8, 3, 3, 0, 0].repeat(100);
    let mut wrong = Vec::new();
    for protocol in [TLS12, TLS13] {
        let kind = Kind { protocol, mutual: false };
        for flight in 0..3 {
            for (what, flood) in [("warnings", &warnings), ("change_cipher_spec", &changes), ("empty records", &empty)]
            {
                let mut duel = Duel::before(&kind, flight);
                duel.flight(flight).splice(0..0, flood.iter().copied());
                duel.run();
                let receiver = receiver(flight);
                let name = format!("{kind:?}: {what} before flight {flight}");
                match &duel.results[receiver] {
                    // RFC 8446 section 5: at most one change_cipher_spec; limits on warnings are our own.
                    Some(Err(failure)) if failure.alert_sent == Some(Alert::UNEXPECTED_MESSAGE) => {
                        duel.expect_alert_on_the_wire(receiver, &name);
                    }
                    result => wrong.push(format!("{name}: {result:?}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

// ---- Two sessions and what goes between them -------------------------------------------------------------------------

/// The client's flights are the even ones.
fn receiver(flight: usize) -> usize {
    if flight.is_multiple_of(2) { SERVER } else { CLIENT }
}

#[derive(Clone, Copy, Debug)]
struct Kind {
    protocol: Version,
    mutual: bool,
}

impl Kind {
    fn flights(self) -> usize {
        if self.protocol == TLS12 { 4 } else { 3 }
    }
}

/// A client and a server; the client's flights are the even ones.
struct Duel {
    sessions: [Session; 2],
    /// To the client, to the server.
    inboxes: [Vec<u8>; 2],
    /// Of the last call of `process_handshake`.
    results: [Option<Result<Outcome, Failure>>; 2],
    /// All that each has written.
    written: [Vec<u8>; 2],
    /// How much of that was written before the failure was known.
    written_before: [usize; 2],
    answers: bool,
}

impl Duel {
    /// Everything before this flight has been delivered; the flight itself waits.
    fn before(kind: &Kind, flight: usize) -> Self {
        let contexts = contexts(kind);
        let mut duel = Self {
            sessions: contexts.map(Session::new),
            inboxes: Default::default(),
            results: Default::default(),
            written: Default::default(),
            written_before: Default::default(),
            answers: true,
        };
        for turn in 0..=flight {
            duel.run_one(turn % 2);
        }
        assert!(!duel.flight(flight).is_empty(), "{kind:?} has no flight {flight}");
        duel
    }

    /// The flight that waits.
    fn flight(&mut self, flight: usize) -> &mut Vec<u8> {
        &mut self.inboxes[receiver(flight)]
    }

    /// Lets one go on until it is stuck.
    fn run_one(&mut self, me: usize) {
        for _ in 0..200 {
            let mut room = vec![0; 20_000];
            let mut counts = Counts::default();
            let written_before = self.written[me].len();
            let result = self.sessions[me].process_handshake(&self.inboxes[me], &mut room).add_to(&mut counts);
            self.inboxes[me].drain(..counts.consumed);
            self.written[me].extend_from_slice(&room[..counts.written]);
            self.inboxes[1 - me].extend_from_slice(&room[..counts.written]);
            let again = self.results[me].as_ref() == Some(&result) && counts == Counts::default();
            if result.is_err() && !self.results[me].as_ref().is_some_and(Result::is_err) {
                self.written_before[me] = written_before;
            }
            self.results[me] = Some(result.clone());
            match result {
                Ok(Outcome::Suspended(Question::Certificate)) if self.answers => self.answer(me),
                Ok(Outcome::Suspended(Question::Credentials)) if self.answers => {
                    self.sessions[me].set_client_credentials(None).unwrap();
                }
                _ if again => return,
                _ => {}
            }
        }
        panic!("no end of calls");
    }

    fn answer(&mut self, me: usize) {
        self.sessions[me].set_certificate_validation_result(PolicyErrors::NONE).unwrap();
    }

    fn run(&mut self) {
        for turn in 0..10 {
            self.run_one(turn % 2);
        }
    }

    /// What was written when the failure came and since.
    fn after_failure(&mut self, me: usize) -> Vec<u8> {
        let rest = drain(&self.sessions[me], 100);
        self.written[me].extend(rest);
        self.written[me][self.written_before[me]..].to_vec()
    }

    fn expect_open(&self, name: &str) {
        assert_eq!(self.results, [Some(Ok(Outcome::Complete)), Some(Ok(Outcome::Complete))], "{name}");
        let [client, server] = &self.sessions;
        // Each tells the scheme of the other.
        let [of_client, of_server] =
            [client, server].map(|session| Negotiated { peer_signature_scheme: 0, ..session.negotiated() });
        assert_eq!(of_client, of_server, "{name}");
        for (from, to) in [(client, server), (server, client)] {
            let (mut sealed, mut opened, mut sent, mut got) =
                ([0; 100], [0; 100], Counts::default(), Counts::default());
            assert_eq!(from.encrypt(&[b"hello"], &mut sealed).add_to(&mut sent), Ok(Outcome::Complete), "{name}");
            assert_eq!(
                to.decrypt(&sealed[..sent.written], &mut opened).add_to(&mut got),
                Ok(Outcome::Complete),
                "{name}"
            );
            assert_eq!(&opened[..got.written], b"hello", "{name}");
        }
    }

    /// A changed byte has come to the receiver: nobody is fooled, both know or, where that is all that can be said yet,
    /// wait for more.
    fn expect_end(&mut self, receiver: usize, place: Place, mask: u8, waits_for_message: bool, name: &str) {
        assert_ne!(self.results[receiver], Some(Ok(Outcome::Complete)), "{name}: the receiver is satisfied");
        // Who was complete before finds out from its next read.
        for me in [CLIENT, SERVER] {
            if self.results[me] == Some(Ok(Outcome::Complete)) {
                let mut counts = Counts::default();
                let result = self.sessions[me].decrypt(&self.inboxes[me], &mut [0; 100]).add_to(&mut counts);
                assert_eq!(counts.written, 0, "{name}");
                assert_ne!(result, Ok(Outcome::Complete), "{name}");
                self.written_before[me] = self.written[me].len();
                self.results[me] = Some(result);
            }
        }
        let failures = self.results.clone().map(|result| match result.unwrap() {
            Ok(outcome) => {
                assert_eq!(outcome, Outcome::WantRead, "{name}");
                None
            }
            Err(failure) => Some(failure),
        });
        for me in [CLIENT, SERVER] {
            let Some(failure) = &failures[me] else { continue };
            // A changed CertificateRequest may make the client decline.
            let no_certificate =
                failure.kind == FailureKind::Authentication && failure.policy_errors == PolicyErrors::NOT_AVAILABLE;
            let told = failure.alert_received.is_some();
            assert_eq!(failure.kind == FailureKind::PeerAlert, told, "{name}: {failure:?}");
            assert!(told || failure.kind == FailureKind::Protocol || no_certificate, "{name}: {failure:?}");
            expect_sticky(&self.sessions[me], name);
            match (failure.alert_sent, failure.alert_received) {
                (Some(_), _) => self.expect_alert_on_the_wire(me, name),
                (None, Some(received)) => {
                    let sent = failures[1 - me].as_ref().and_then(|failure| failure.alert_sent);
                    // Unless it is the changed byte that has made an alert of a record.
                    if place != Place::Type {
                        assert_eq!(sent, Some(received), "{name}: an alert that nobody has sent");
                    }
                    assert!(self.after_failure(me).is_empty(), "{name}: an alert was answered");
                }
                (None, None) => panic!("{name}: {failure:?} without an alert"),
            }
        }
        // If one has failed the other has heard of it.
        let waits = failures.iter().any(Option::is_none);
        let waits_for_more = failures.iter().all(Option::is_none) && (place == Place::Length || waits_for_message);
        assert!(waits || !waits_for_message, "{name}: an unfinished message was refused: {failures:?}");
        assert!(!waits || waits_for_more || place == Place::Payload { protected: false }, "{name}: {failures:?}");
        assert!(!waits || failures.iter().all(Option::is_none), "{name}: one side waits for ever: {failures:?}");
        let Some(alert) = failures[receiver].as_ref().and_then(|failure| failure.alert_sent) else { return };
        if let Some(expected) = expected_alert(place, mask) {
            assert_eq!(alert, expected, "{name}");
        }
    }

    /// The alert that the failure names is the last that was written, and nothing is behind it.
    fn expect_alert_on_the_wire(&mut self, me: usize, name: &str) {
        let alert = self.sessions[me].last_failure().unwrap().alert_sent.unwrap();
        assert!(alert.name().is_some() && !alert.is_closure(), "{name}: {alert:?}");
        // RFC 8446 section 6.2: "An internal error unrelated to the peer".
        assert_ne!(alert, Alert::INTERNAL_ERROR, "{name}");
        let sent = self.after_failure(me);
        let mut at = 0;
        let mut last = &sent[..0];
        while at < sent.len() {
            last = &sent[at..at + record_len(&sent[at..])];
            at += last.len();
        }
        match last {
            [21, 3, 3, 0, 2, level, description] => assert_eq!((*level, *description), (2, alert.0), "{name}"),
            // Protected: TLS 1.3 (two bytes, type, tag); TLS 1.2 with a nonce and without one.
            [23, 3, 3, 0, 19, ..] | [21, 3, 3, 0, 26, ..] | [21, 3, 3, 0, 18, ..] => {}
            other => panic!("{name}: no alert but {other:x?}"),
        }
    }
}

/// What a change at this place asks for, where the place alone says it.
fn expected_alert(place: Place, mask: u8) -> Option<Alert> {
    match place {
        // RFC 8446 section 5: an unknown type. One bit may make a known one of it.
        Place::Type if mask == 0xff => Some(Alert::UNEXPECTED_MESSAGE),
        // RFC 8446 section 6.2.
        Place::Major => Some(Alert::PROTOCOL_VERSION),
        // RFC 8446 section 5.2, RFC 5246 section 7.2.2.
        Place::Payload { protected: true } | Place::Minor { protected: true } => Some(Alert::BAD_RECORD_MAC),
        _ => None,
    }
}

fn expect_sticky(session: &Session, name: &str) {
    let failure = session.last_failure().unwrap();
    assert!(session.state().failed, "{name}");
    drain(session, 7);
    for input in [&b""[..], b"GET / HTTP/1.1", &[22, 3, 3, 0, 1, 1]] {
        let mut counts = Counts::default();
        let mut room = [0; 100];
        assert_eq!(session.process_handshake(input, &mut room).add_to(&mut counts).as_ref(), Err(&failure), "{name}");
        assert_eq!(session.decrypt(input, &mut room).add_to(&mut counts).as_ref(), Err(&failure), "{name}");
        assert_eq!(session.encrypt(&[input], &mut room).add_to(&mut counts).as_ref(), Err(&failure), "{name}");
        assert_eq!(counts, Counts::default(), "{name}");
    }
    let Progress { outcome, written, .. } = session.drain_pending_output(&mut [0; 100]);
    assert_eq!(outcome, Ok(Outcome::Complete), "{name}");
    assert_eq!(written, 0, "{name}");
}

/// A fresh session is shown these bytes and must fail: with this alert, which it sends in clear.
fn refuse(session: &Session, bytes: &[u8]) -> Result<Alert, String> {
    let (mut room, mut counts) = ([0; 2000], Counts::default());
    match session.process_handshake(bytes, &mut room).add_to(&mut counts) {
        Err(failure) => {
            let alert = failure.alert_sent.ok_or(format!("{failure:?}"))?;
            if failure.kind != FailureKind::Protocol || room[..counts.written] != [21, 3, 3, 0, 2, 2, alert.0] {
                return Err(format!("{failure:?}, {:x?}", &room[..counts.written]));
            }
            expect_sticky(session, "a fresh session");
            Ok(alert)
        }
        other => Err(format!("{other:?}")),
    }
}

/// A handshake message in records of so many bytes.
fn fragment(message: &[u8], len: usize) -> Vec<Vec<u8>> {
    message.chunks(len).map(|part| [&[22, 3, 3, 0, part.len() as u8], part].concat()).collect()
}

fn fresh_contexts() -> [Arc<Context>; 4] {
    let [client12, server] = contexts(&Kind { protocol: TLS12, mutual: false });
    let [client13, mutual] = contexts(&Kind { protocol: TLS13, mutual: true });
    [client12, client13, server, mutual]
}

/// A client's ClientHello is out.
fn fresh(context: &Arc<Context>) -> Session {
    let session = Session::new(context.clone());
    let result = session.process_handshake(&[], &mut [0; 2000]).outcome;
    assert_eq!(result, Ok(Outcome::WantRead));
    session
}

fn role_name(context: &Context) -> &'static str {
    if context.is_server() { "server" } else { "client" }
}

fn long() -> bool {
    std::env::var_os("SPANTLS_LONG").is_some_and(|value| value == "1")
}

/// The client's and the server's, made once for each kind.
fn contexts(kind: &Kind) -> [Arc<Context>; 2] {
    type Made = LazyLock<[Arc<Context>; 2]>;
    static ALL: [Made; 4] = [
        LazyLock::new(|| make_contexts(TLS12, false)),
        LazyLock::new(|| make_contexts(TLS12, true)),
        LazyLock::new(|| make_contexts(TLS13, false)),
        LazyLock::new(|| make_contexts(TLS13, true)),
    ];
    ALL[usize::from(kind.protocol == TLS13) * 2 + usize::from(kind.mutual)].clone()
}

fn make_contexts(protocol: Version, mutual: bool) -> [Arc<Context>; 2] {
    let credentials = |name: &str| {
        let (chain, key) = (certificate(&format!("{name}.pem")), certificate(&format!("{name}.key")));
        Some(Arc::new(Credentials::from_pem(&chain, &key, None).unwrap()))
    };
    let mut client = Options::default();
    client.allow_resume = false;
    client.set_versions(&[protocol]);
    let mut server = Options::default();
    server.allow_resume = false;
    server.set_credentials(credentials("server-p256"));
    if mutual {
        client.set_credentials(credentials("client-p256"));
        server.client_certificates = ClientCertificateMode::Require;
    }
    [Arc::new(Context::client(client).unwrap()), Arc::new(Context::server(server).unwrap())]
}

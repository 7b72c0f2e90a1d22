//! Open sessions whose records were tampered with on their way, or sealed by a peer that has the keys and no manners.
//! Each gets the alert that the RFCs ask for, after what was good before it, and the failure lasts.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;
#[path = "common/hostile.rs"]
mod hostile;

use spantls::session::Version;
use std::sync::{Arc, LazyLock};

use common::{TLS12, TLS13, drain, record_len};
use hostile::Hostile;
use spantls::context::Context;
use spantls::outcome::{Alert, Failure, FailureKind, Outcome};
use spantls::session::{Counts, Progress, Session};

const CLIENT: usize = 0;
const SERVER: usize = 1;

// ---- Records changed on their way -----------------------------------------------------------------------------------

type Tamper = fn(&mut Vec<Vec<u8>>);

/// What is done to three records of one direction, and the alert in TLS 1.2 and in TLS 1.3.
#[rustfmt::skip]
const TAMPERED: &[(&str, Tamper, Alert, Alert)] = &[
    // RFC 8446 section 5.2, RFC 5246 section 7.2.2: what does not open is bad_record_mac.
    ("a record comes twice",        |r| r.insert(1, r[0].clone()),            Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("a record is missing",         |r| drop(r.remove(1)),                    Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("two records change places",   |r| r.swap(1, 2),                         Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("the last byte is cut off",    |r| shorten(&mut r[1], 1),                Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("all but the tag is cut off",  |r| { let n = r[1].len() - 21; shorten(&mut r[1], n) },
                                                                              Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("less than a tag is left",     |r| { let n = r[1].len() - 12; shorten(&mut r[1], n) },
                                                                              Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("nothing is left",             |r| { let n = r[1].len() - 5; shorten(&mut r[1], n) },
                                                                              Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("a byte is added",             |r| lengthen(&mut r[1]),                  Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    ("the minor version differs",   |r| r[1][2] = 4,                          Alert::BAD_RECORD_MAC, Alert::BAD_RECORD_MAC),
    // RFC 8446 section 5.2: opaque_type is always 23; section 5: other types are unexpected. In TLS 1.2 the type is
    // authenticated (RFC 5246 section 6.2.3.3), so that nothing else is known than that the record is bad.
    ("the type is change_cipher_spec", |r| r[1][0] = 20,                      Alert::BAD_RECORD_MAC, Alert::UNEXPECTED_MESSAGE),
    ("the type is alert",           |r| r[1][0] = 21,                         Alert::BAD_RECORD_MAC, Alert::UNEXPECTED_MESSAGE),
    ("the type is handshake",       |r| r[1][0] = 22,                         Alert::BAD_RECORD_MAC, Alert::UNEXPECTED_MESSAGE),
    ("the type is unknown",         |r| r[1][0] = 24,                         Alert::UNEXPECTED_MESSAGE, Alert::UNEXPECTED_MESSAGE),
    ("the major version differs",   |r| r[1][1] = 2,                          Alert::PROTOCOL_VERSION, Alert::PROTOCOL_VERSION),
    // RFC 5246 section 6.2.3 (2^14 + 2048), RFC 8446 section 5.2 (2^14 + 256).
    ("the header says 2^14 + 2049", |r| r[1][3..5].copy_from_slice(&[0x48, 1]), Alert::RECORD_OVERFLOW, Alert::RECORD_OVERFLOW),
    ("an alert in clear",           |r| r[1] = vec![21, 3, 3, 0, 2, 2, 40],   Alert::BAD_RECORD_MAC, Alert::UNEXPECTED_MESSAGE),
    ("a hello in clear",            |r| r[1] = vec![22, 3, 1, 0, 4, 1, 0, 0, 0], Alert::BAD_RECORD_MAC, Alert::UNEXPECTED_MESSAGE),
    ("change_cipher_spec in clear", |r| r[1] = vec![20, 3, 3, 0, 1, 1],       Alert::BAD_RECORD_MAC, Alert::UNEXPECTED_MESSAGE),
];

/// With an explicit nonce in TLS 1.2 and without one.
const SUITES: [(Version, u16); 4] = [(TLS12, 0xC02B), (TLS12, 0xCCA9), (TLS13, 0x1301), (TLS13, 0x1303)];

#[test]
fn tampering_with_an_open_session_gets_the_alert_that_the_rfcs_ask_for() {
    let mut wrong = Vec::new();
    for (protocol, suite) in SUITES {
        for sender in [CLIENT, SERVER] {
            for in_place in [false, true] {
                for (what, tamper, tls12, tls13) in TAMPERED {
                    let alert = if protocol == TLS12 { *tls12 } else { *tls13 };
                    let (sessions, mut records) = three_records(protocol, suite, sender);
                    let name = format!("{suite:#06x}, to the {}: {what}", ["client", "server"][1 - sender]);
                    tamper(&mut records);
                    wrong.extend(expect_alert(&sessions, 1 - sender, records.concat(), in_place, alert, &name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_record_of_the_other_direction_does_not_open() {
    // RFC 8446 section 5.2; the keys of the directions differ.
    let mut wrong = Vec::new();
    for (protocol, suite) in SUITES {
        for receiver in [CLIENT, SERVER] {
            let (sessions, records) = three_records(protocol, suite, receiver);
            let name = format!("{suite:#06x}, {receiver}: its own record");
            // They have also gone where they belong.
            let (mut room, mut counts) = ([0; 200], Counts::default());
            let all = records.concat();
            assert_eq!(sessions[1 - receiver].decrypt(&all, &mut room).add_to(&mut counts), Ok(Outcome::Complete));
            assert_eq!(counts.consumed, all.len());
            wrong.extend(expect_alert(&sessions, receiver, records[0].clone(), false, Alert::BAD_RECORD_MAC, &name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_byte_of_an_open_sessions_record_can_be_changed() {
    for (protocol, suite) in SUITES {
        for at in 0..30 {
            for mask in [1 << (at % 8), 0xff] {
                let (sessions, mut records) = three_records(protocol, suite, CLIENT);
                records[1][at] ^= mask;
                let alert = match at {
                    0 if protocol == TLS13 || !(20..=23).contains(&records[1][0]) => Alert::UNEXPECTED_MESSAGE,
                    1 => Alert::PROTOCOL_VERSION,
                    3 if records[1][3] >= 0x48 => Alert::RECORD_OVERFLOW,
                    // The length covers more or less than was sealed. Where more is missing, it is waited for.
                    3 | 4 if record_len(&records[1]) > records[1].len() + records[2].len() => continue,
                    _ => Alert::BAD_RECORD_MAC,
                };
                let name = format!("{suite:#06x}: byte {at} ^ {mask:#04x}");
                let wrong = expect_alert(&sessions, SERVER, records.concat(), false, alert, &name);
                assert_eq!(wrong, None);
            }
        }
    }
}

/// The client, the server, and three records of one of them.
fn three_records(protocol: Version, suite: u16, sender: usize) -> ([Session; 2], Vec<Vec<u8>>) {
    static SERVER: LazyLock<Arc<Context>> = LazyLock::new(|| common::server("server-p256"));
    let (client, server) = common::open_pair(common::client(protocol, &[suite]), SERVER.clone());
    let sessions = [client, server];
    let records = [&b"the first record"[..], b"the second record", b"the third"].map(|data| {
        let (mut room, mut counts) = ([0; 100], Counts::default());
        assert_eq!(sessions[sender].encrypt(&[data], &mut room).add_to(&mut counts), Ok(Outcome::Complete));
        room[..counts.written].to_vec()
    });
    (sessions, records.to_vec())
}

fn shorten(record: &mut Vec<u8>, by: usize) {
    record.truncate(record.len() - by);
    let len = (record.len() - 5) as u16;
    record[3..5].copy_from_slice(&len.to_be_bytes());
}

fn lengthen(record: &mut Vec<u8>) {
    record.push(0);
    let len = (record.len() - 5) as u16;
    record[3..5].copy_from_slice(&len.to_be_bytes());
}

/// The receiver fails with this alert, which the other side understands; what is wrong with that, if anything.
fn expect_alert(
    sessions: &[Session; 2],
    receiver: usize,
    mut stream: Vec<u8>,
    in_place: bool,
    alert: Alert,
    name: &str,
) -> Option<String> {
    let (session, peer) = (&sessions[receiver], &sessions[1 - receiver]);
    let mut at = 0;
    let failure = loop {
        let (mut room, mut counts) = ([0; 200], Counts::default());
        let result = match in_place {
            true => session.decrypt_in_place(&mut stream[at..]).0.add_to(&mut counts),
            false => session.decrypt(&stream[at..], &mut room).add_to(&mut counts),
        };
        at += counts.consumed;
        match result {
            Ok(Outcome::Complete) => {}
            Ok(outcome) => return Some(format!("{name}: {outcome:?}")),
            Err(failure) => break failure,
        }
    };
    if failure.alert_sent != Some(alert) {
        return Some(format!("{name}: {failure:?} instead of {alert:?}"));
    }
    assert_eq!((failure.kind, failure.alert_received), (FailureKind::Protocol, None), "{name}");
    // It lasts, whatever is shown.
    for _ in 0..2 {
        let mut counts = Counts::default();
        assert_eq!(session.decrypt(&stream[at..], &mut [0; 200]).add_to(&mut counts).as_ref(), Err(&failure), "{name}");
        assert_eq!(session.decrypt_in_place(&mut []).0.outcome.as_ref(), Err(&failure), "{name}");
        assert_eq!(session.encrypt(&[b"x"], &mut [0; 100]).add_to(&mut counts).as_ref(), Err(&failure), "{name}");
        assert_eq!(counts, Counts::default(), "{name}");
        assert_eq!(session.last_failure().as_ref(), Some(&failure), "{name}");
    }
    // The alert leaves, in pieces if need be, and nothing behind it.
    assert!(session.state().has_pending_output, "{name}");
    let sent = drain(session, 3);
    assert!(drain(session, 100).is_empty(), "{name}");
    let told = peer.decrypt(&sent, &mut [0; 100]).outcome.unwrap_err();
    assert_eq!((told.alert_received, told.alert_sent), (Some(alert), None), "{name}");
    assert!(drain(peer, 100).is_empty(), "{name}: a fatal alert is not answered");
    None
}

// ---- What a peer with the keys can do -------------------------------------------------------------------------------

type Make = fn(&mut Hostile) -> Vec<u8>;

/// A name, to whom it is sent (None: both roles), in which version (None: both), and how it is made.
type Sealed = (&'static str, Option<usize>, Option<Version>, Make);

/// What the peer sends, and the alert.
#[rustfmt::skip]
const SEALED: &[(Sealed, Alert)] = &[
    // RFC 8446 section 5.4: all padding.
    (("no content type",             None, Some(TLS13), |h| h.seal_inner(&[0; 40])),                 Alert::UNEXPECTED_MESSAGE),
    (("nothing at all",              None, Some(TLS13), |h| h.seal_inner(&[])),                      Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 section 5: unexpected types; a protected change_cipher_spec.
    (("change_cipher_spec",          None, None,        |h| h.seal(20, &[1])),                       Alert::UNEXPECTED_MESSAGE),
    (("content type 25",             None, Some(TLS13), |h| h.seal(25, &[1])),                       Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 sections 5.2 and 5.4, RFC 5246 section 6.2.1: more than 2^14 bytes of plaintext.
    (("2^14 + 1 bytes",              None, None,        |h| h.seal(23, &[7; (1 << 14) + 1])),        Alert::RECORD_OVERFLOW),
    (("2^14 bytes and padding",      None, Some(TLS13), |h| { let mut inner = vec![7; 1 << 14]; inner.extend([23, 0]); h.seal_inner(&inner) }),
                                                                                                   Alert::RECORD_OVERFLOW),
    // RFC 8446 section 5.4: handshake and alert records without content MUST be answered with unexpected_message.
    (("an empty handshake record",   None, None,        |h| h.seal(22, &[])),                        Alert::UNEXPECTED_MESSAGE),
    (("an empty padded handshake record", None, Some(TLS13), |h| h.seal_inner(&[22, 0, 0])),         Alert::UNEXPECTED_MESSAGE),
    (("an empty alert",              None, Some(TLS13), |h| h.seal(21, &[])),                        Alert::UNEXPECTED_MESSAGE),
    // RFC 5246 section 6.2.1 forbids it and names no alert.
    (("an empty alert",              None, Some(TLS12), |h| h.seal(21, &[])),                        Alert::DECODE_ERROR),
    // RFC 8446 section 6.2, RFC 5246 section 7.2.2: "the length of the message was incorrect".
    (("an alert of one byte",        None, None,        |h| h.seal(21, &[2])),                       Alert::DECODE_ERROR),
    (("two alerts in a record",      None, None,        |h| h.seal(21, &[1, 90, 1, 0])),             Alert::DECODE_ERROR),
    (("a KeyUpdate of two bytes",    None, Some(TLS13), |h| h.seal(22, &[24, 0, 0, 2, 0, 0])),       Alert::DECODE_ERROR),
    (("a KeyUpdate of no byte",      None, Some(TLS13), |h| h.seal(22, &[24, 0, 0, 0])),             Alert::DECODE_ERROR),
    (("a ticket of nothing",         Some(CLIENT), Some(TLS13), |h| h.seal(22, &[4, 0, 0, 0])),      Alert::DECODE_ERROR),
    (("a ticket with a tail",        Some(CLIENT), Some(TLS13),
        |h| h.seal(22, &[4, 0, 0, 15, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 9, 0, 0, 0])),               Alert::DECODE_ERROR),
    // RFC 8446 section 4.6.3.
    (("a KeyUpdate that asks for 2", None, Some(TLS13), |h| h.seal(22, &[24, 0, 0, 1, 2])),          Alert::ILLEGAL_PARAMETER),
    // RFC 5246 section 7.2: levels are 1 and 2.
    (("an alert of level 3",         None, Some(TLS12), |h| h.seal(21, &[3, 40])),                   Alert::ILLEGAL_PARAMETER),
    // RFC 8446 section 5.1: a KeyUpdate ends its record; no other record within a message.
    (("a message behind a KeyUpdate", None, Some(TLS13), |h| h.seal(22, &[24, 0, 0, 1, 0, 24, 0, 0, 1, 0])), Alert::UNEXPECTED_MESSAGE),
    (("half a message behind a KeyUpdate", None, Some(TLS13), |h| h.seal(22, &[24, 0, 0, 1, 0, 24])), Alert::UNEXPECTED_MESSAGE),
    (("data within a message",       None, None,        |h| [h.seal(22, &[24, 0]), h.seal(23, b"x")].concat()), Alert::UNEXPECTED_MESSAGE),
    (("no data within a message",    None, None,        |h| [h.seal(22, &[24, 0]), h.seal(23, b"")].concat()), Alert::UNEXPECTED_MESSAGE),
    (("a close_notify within a message", None, Some(TLS13), |h| [h.seal(22, &[24, 0]), h.seal(21, &[1, 0])].concat()), Alert::UNEXPECTED_MESSAGE),
    // RFC 8446 sections 4.6.1, 4.1.2, 4.6.2 and 6.2, RFC 5246 section 7.2.2: messages out of place.
    (("a ticket",                    Some(SERVER), None, |h| h.seal(22, &[4, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1, 9, 0, 0])),
                                                                                                   Alert::UNEXPECTED_MESSAGE),
    (("a ClientHello",               Some(SERVER), Some(TLS13), |h| h.seal(22, &[1, 0, 0, 0])),      Alert::UNEXPECTED_MESSAGE),
    (("a ClientHello",               Some(CLIENT), None, |h| h.seal(22, &[1, 0, 0, 0])),             Alert::UNEXPECTED_MESSAGE),
    (("a HelloRequest",              Some(SERVER), None, |h| h.seal(22, &[0, 0, 0, 0])),             Alert::UNEXPECTED_MESSAGE),
    (("a HelloRequest",              Some(CLIENT), Some(TLS13), |h| h.seal(22, &[0, 0, 0, 0])),      Alert::UNEXPECTED_MESSAGE),
    (("a CertificateRequest",        Some(CLIENT), Some(TLS13), |h| h.seal(22, &[13, 0, 0, 3, 0, 0, 0])), Alert::UNEXPECTED_MESSAGE),
    (("a Finished",                  None, None,        |h| h.seal(22, &[20, 0, 0, 0])),             Alert::UNEXPECTED_MESSAGE),
    (("a KeyUpdate",                 None, Some(TLS12), |h| h.seal(22, &[24, 0, 0, 1, 0])),          Alert::UNEXPECTED_MESSAGE),
    (("a message of type 99",        None, None,        |h| h.seal(22, &[99, 0, 0, 0])),             Alert::UNEXPECTED_MESSAGE),
    // Our own limits (src/limits.rs): RFC 8446 section 6.2 has no better name for it.
    (("empty records for ever",      None, None,        |h| (0..40).flat_map(|_| h.seal(23, b"")).collect()), Alert::UNEXPECTED_MESSAGE),
    (("warnings for ever",           None, None,        |h| (0..40).flat_map(|_| h.seal(21, &[1, 90])).collect()), Alert::UNEXPECTED_MESSAGE),
    (("HelloRequests for ever",      Some(CLIENT), Some(TLS12), |h| (0..40).flat_map(|_| h.seal(22, &[0, 0, 0, 0])).collect()),
                                                                                                   Alert::UNEXPECTED_MESSAGE),
];

#[test]
fn what_a_peer_with_the_keys_should_not_send_gets_the_alert_that_the_rfcs_ask_for() {
    let mut wrong = Vec::new();
    for (protocol, suite) in SUITES {
        for receiver in [CLIENT, SERVER] {
            for ((what, only_to, only_in, make), alert) in SEALED {
                if only_to.is_some_and(|to| to != receiver) || only_in.is_some_and(|version| version != protocol) {
                    continue;
                }
                for in_place in [false, true] {
                    let name = format!("{suite:#06x}, to the {}: {what}", ["client", "server"][receiver]);
                    let (session, mut peer) = hostile::pair(receiver == SERVER, protocol, suite);
                    // Something good before it, in the same call.
                    let stream = [peer.seal(23, b"good"), make(&mut peer)].concat();
                    let result = read_to_the_end(&session, stream, in_place, b"good", &name);
                    let Err(failure) = result else {
                        wrong.push(format!("{name}: {result:?} instead of {alert:?}"));
                        continue;
                    };
                    if failure.alert_sent != Some(*alert) {
                        wrong.push(format!("{name}: {failure:?} instead of {alert:?}"));
                        continue;
                    }
                    assert_eq!((failure.kind, failure.alert_received), (FailureKind::Protocol, None), "{name}");
                    // RFC 5246 section 7.2.2: each HelloRequest so far may have been turned down.
                    let sent = peer.open_all(&drain(&session, 5));
                    assert_eq!(sent.last().unwrap(), &(21, vec![2, alert.0]), "{name}");
                    assert!(sent[..sent.len() - 1].iter().all(|record| record == &(21, vec![1, 100])), "{name}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_hello_request_with_a_body_is_a_decode_error() {
    // RFC 5246 section 7.4.1.1: a HelloRequest is empty; section 7.2.2: "the length of the message was incorrect".
    for (protocol, suite) in SUITES.into_iter().filter(|(protocol, _)| *protocol == TLS12) {
        let (session, mut peer) = hostile::pair(false, protocol, suite);
        let stream = peer.seal(22, &[0, 0, 0, 1, 0]);
        let result = read_to_the_end(&session, stream, false, b"", "a HelloRequest of five bytes");
        assert_eq!(result.map_err(|failure| failure.alert_sent), Err(Some(Alert::DECODE_ERROR)));
    }
}

#[test]
fn fatal_alerts_of_the_peer_end_the_session_and_are_not_answered() {
    for (protocol, suite) in SUITES {
        for receiver in [CLIENT, SERVER] {
            for (level, alert) in [(2, 20), (2, 80), (2, 199), (1, 40)] {
                // RFC 8446 section 6: in TLS 1.3 the level does not matter.
                if level == 1 && protocol == TLS12 {
                    continue;
                }
                let name = format!("{suite:#06x}, {receiver}: {level} {alert}");
                let (session, mut peer) = hostile::pair(receiver == SERVER, protocol, suite);
                let stream = [peer.seal(23, b"good"), peer.seal(21, &[level, alert])].concat();
                let failure = read_to_the_end(&session, stream, false, b"good", &name).unwrap_err();
                assert_eq!((failure.alert_received, failure.alert_sent), (Some(Alert(alert)), None), "{name}");
                assert!(drain(&session, 100).is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn what_a_peer_may_send_ends_nothing() {
    #[rustfmt::skip]
    let allowed: &[Sealed] = &[
        // RFC 8446 section 5.4: padding; section 5.1: data without bytes.
        ("padding", None, Some(TLS13), |h| h.seal_inner(&[23, 0, 0, 0])),
        ("2^14 bytes", None, None, |h| h.seal(23, &[0x67; 1 << 14])),
        ("empty data", None, None, |h| h.seal(23, b"")),
        ("a user_canceled", None, None, |h| h.seal(21, &[1, 90])),
        ("a warning", None, Some(TLS12), |h| h.seal(21, &[1, 112])),
        ("a ticket in pieces", Some(CLIENT), Some(TLS13), |h| [
            h.seal(22, &[4, 0, 0]), h.seal(22, &[14, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 1]), h.seal(22, &[9, 0, 0]),
        ].concat()),
        ("a HelloRequest", Some(CLIENT), Some(TLS12), |h| h.seal(22, &[0, 0, 0, 0])),
    ];
    for (protocol, suite) in SUITES {
        for receiver in [CLIENT, SERVER] {
            for (what, only_to, only_in, make) in allowed {
                if only_to.is_some_and(|to| to != receiver) || only_in.is_some_and(|version| version != protocol) {
                    continue;
                }
                let name = format!("{suite:#06x}, {receiver}: {what}");
                let (session, mut peer) = hostile::pair(receiver == SERVER, protocol, suite);
                let stream = [make(&mut peer), peer.seal(23, b"good"), peer.seal(21, &[1, 0])].concat();
                let mut expected = if *what == "2^14 bytes" { vec![0x67; 1 << 14] } else { Vec::new() };
                expected.extend_from_slice(b"good");
                assert_eq!(read_to_the_end(&session, stream, false, &expected, &name), Ok(Outcome::Closed), "{name}");
            }
        }
    }
}

/// Reads until the end and compares the plaintext.
fn read_to_the_end(
    session: &Session,
    mut stream: Vec<u8>,
    in_place: bool,
    expected: &[u8],
    name: &str,
) -> Result<Outcome, Failure> {
    let (mut at, mut opened) = (0, Vec::new());
    for _ in 0..200 {
        let mut counts = Counts::default();
        let mut room = vec![0; 20_000];
        let result = match in_place {
            true => {
                let (Progress { outcome, consumed, written }, start) = session.decrypt_in_place(&mut stream[at..]);
                opened.extend_from_slice(&stream[at..][start..start + written]);
                counts.consumed = consumed;
                outcome
            }
            false => session.decrypt(&stream[at..], &mut room).add_to(&mut counts),
        };
        opened.extend_from_slice(&room[..counts.written]);
        at += counts.consumed;
        match result {
            Ok(Outcome::Complete) => {}
            Ok(Outcome::Closed) => {
                assert!(opened == expected, "{name}: {} bytes", opened.len());
                assert_eq!(at, stream.len(), "{name}");
                return result;
            }
            Ok(outcome) => return Ok(outcome),
            Err(failure) => {
                assert!(opened == expected, "{name}: {} bytes", opened.len());
                let again = session.decrypt(&stream[at..], &mut room).outcome;
                assert_eq!(again.as_ref(), Err(&failure), "{name}");
                return Err(failure);
            }
        }
    }
    panic!("{name}: no end");
}

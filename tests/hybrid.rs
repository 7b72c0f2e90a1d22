//! X25519MLKEM768 and the other groups: what both sides agree on, with and without a HelloRetryRequest, and shares that
//! are none.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use spantls::session::Version;
use std::sync::Arc;

use common::{TLS12, TLS13, certificate};
use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Alert, FailureKind, Outcome};
use spantls::session::{Counts, Session};

const HYBRID: u16 = 0x11EC;
const X25519: u16 = 0x001D;
const P256: u16 = 0x0017;
const P384: u16 = 0x0018;

/// A client and a server; no groups means those of the library.
fn sessions(protocol: impl Into<Option<Version>>, client: &[u16], server: &[u16]) -> (Session, Session) {
    let (chain, key) = (certificate("server-p256.pem"), certificate("server-p256.key"));
    let mut options = Options::default();
    options.set_versions(protocol.into().as_slice());
    // No tickets behind the handshake.
    options.allow_resume = false;
    options.set_groups(client).unwrap();
    let client = Session::new(Arc::new(Context::client(options.clone()).unwrap()));
    options.set_groups(server).unwrap();
    options.set_credentials(Some(Arc::new(Credentials::from_pem(&chain, &key, None).unwrap())));
    (client, Session::new(Arc::new(Context::server(options).unwrap())))
}

/// Shakes hands; the first flight of the client.
fn shake(client: &Session, server: &Session) -> Vec<u8> {
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    let mut first = None;
    for _ in 0..20 {
        let one = common::step(client, &mut to_client, usize::MAX, &mut to_server, 32768).0;
        first.get_or_insert_with(|| to_server.clone());
        let other = common::step(server, &mut to_server, usize::MAX, &mut to_client, 32768).0;
        if one == Outcome::Complete && other == Outcome::Complete {
            return first.unwrap();
        }
    }
    panic!("no end of the handshake");
}

/// Protocols, the client's groups and the server's, the group they agree on, and whether it takes a HelloRetryRequest.
type Case = (Option<Version>, &'static [u16], &'static [u16], u16, bool);

#[test]
fn both_sides_agree_on_a_group_with_as_few_flights_as_can_be() {
    let table: [Case; 21] = [
        (None, &[], &[], HYBRID, false),
        (Some(TLS13), &[], &[], HYBRID, false),
        (Some(TLS13), &[HYBRID], &[], HYBRID, false),
        (Some(TLS13), &[], &[HYBRID], HYBRID, false),
        (Some(TLS13), &[HYBRID], &[HYBRID], HYBRID, false),
        // A peer that knows no better than X25519: its half of the share is there already.
        (Some(TLS13), &[], &[X25519], X25519, false),
        (Some(TLS13), &[X25519], &[], X25519, false),
        (Some(TLS13), &[HYBRID, P256, X25519], &[P384, X25519], X25519, false),
        // The share of another group must be asked for.
        (Some(TLS13), &[], &[P256], P256, true),
        (Some(TLS13), &[], &[P384], P384, true),
        (Some(TLS13), &[HYBRID, P256], &[P256], P256, true),
        (Some(TLS13), &[X25519, HYBRID], &[HYBRID], HYBRID, true),
        (Some(TLS13), &[P256, HYBRID, X25519], &[X25519, HYBRID], X25519, true),
        // It does not exist in TLS 1.2.
        (Some(TLS12), &[], &[], X25519, false),
        // The client's order decides where the server has said nothing of its own, or one group.
        (Some(TLS13), &[P256, HYBRID], &[], P256, false),
        (Some(TLS12), &[P384, X25519], &[], P384, false),
        // Else the server's does, even if a share has to be asked for.
        (None, &[HYBRID, P256], &[P256, HYBRID], P256, true),
        (Some(TLS13), &[X25519, P256], &[P384, P256, X25519], P256, true),
        (Some(TLS13), &[X25519, P256], &[X25519, P256], X25519, false),
        (Some(TLS12), &[X25519, P256], &[P256, X25519], P256, false),
        // What a version has not is passed over.
        (Some(TLS12), &[], &[HYBRID, P384, X25519], P384, false),
    ];
    for (protocols, ours, theirs, group, retried) in table {
        let case = format!("{protocols:?} {ours:x?} {theirs:x?}");
        let (client, server) = sessions(protocols, ours, theirs);
        shake(&client, &server);
        for session in [&client, &server] {
            assert_eq!(session.negotiated().group, group, "{case}");
            assert_eq!(session.state().hello_retried, retried, "{case}");
        }
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (mut sealed, mut opened) = ([0; 200], [0; 200]);
            let (mut counts, mut done) = (Counts::default(), Counts::default());
            assert_eq!(from.encrypt(&[b"hello"], &mut sealed).add_to(&mut counts), Ok(Outcome::Complete));
            assert_eq!(to.decrypt(&sealed[..counts.written], &mut opened).add_to(&mut done), Ok(Outcome::Complete));
            assert_eq!(&opened[..done.written], b"hello");
        }
    }
}

#[test]
fn a_client_offers_the_x25519_half_of_its_share_as_well() {
    let (client, server) = sessions(TLS13, &[], &[]);
    let hello = shake(&client, &server);
    let shares = Shares::of(&hello);
    let offered: Vec<u16> = shares.entries.iter().map(|(group, _)| *group).collect();
    assert_eq!(offered, [HYBRID, X25519]);
    assert_eq!(shares.entries[0].1.len(), 1184 + 32);
    assert_eq!(shares.entries[0].1[1184..], shares.entries[1].1);
    // Only where X25519 alone would do.
    let (client, server) = sessions(TLS13, &[HYBRID, P256], &[]);
    let hello = shake(&client, &server);
    assert_eq!(Shares::of(&hello).entries.len(), 1);
}

/// What a client remembers of a server is its group, so as to send the right share at once.
#[test]
fn a_server_that_knew_x25519_alone_is_offered_both_shares_again() {
    let (chain, key) = (certificate("server-p256.pem"), certificate("server-p256.key"));
    let credentials = Arc::new(Credentials::from_pem(&chain, &key, None).unwrap());
    for (ours, first, second) in [
        (&[][..], (X25519, false), (HYBRID, false)),
        // Where that is of use it is remembered.
        (&[P384, X25519], (X25519, true), (X25519, false)),
    ] {
        let mut options = Options::default();
        options.set_groups(ours).unwrap();
        options.allow_resume = true;
        let context = Arc::new(Context::client(options).unwrap());
        for (theirs, (group, retried)) in
            [(&[X25519][..], first), (if ours.is_empty() { &[] } else { &[X25519] }, second)]
        {
            let mut options = Options::default();
            options.set_groups(theirs).unwrap();
            options.set_versions(&[TLS13]);
            options.set_credentials(Some(credentials.clone()));
            let server = Session::new(Arc::new(Context::server(options).unwrap()));
            let client = Session::new(context.clone());
            client.set_target_host_name("localhost").unwrap();
            client.set_client_credentials(None).unwrap();
            shake(&client, &server);
            assert_eq!(client.negotiated().group, group, "{ours:x?}");
            assert_eq!(client.state().hello_retried, retried, "{ours:x?}");
        }
    }
}

/// The header's promise is 64 KiB; what is around it here is not optimised.
#[test]
fn a_thread_with_the_small_stack_of_musl_is_enough() {
    let handshakes = || {
        for (ours, theirs) in [(&[][..], &[][..]), (&[X25519, HYBRID], &[HYBRID])] {
            let (client, server) = sessions(TLS13, ours, theirs);
            shake(&client, &server);
            assert_eq!(client.negotiated().group, HYBRID);
        }
    };
    std::thread::Builder::new().stack_size(128 << 10).spawn(handshakes).unwrap().join().unwrap();
}

#[test]
fn a_group_without_a_version_is_a_contradiction() {
    for protocol in [None, Some(TLS12), Some(TLS13)] {
        let mut options = Options::default();
        options.set_versions(protocol.as_slice());
        options.set_groups(&[HYBRID]).unwrap();
        match Context::client(options) {
            Ok(_) => assert_ne!(protocol, Some(TLS12)),
            Err(failure) => assert_eq!((failure.kind, protocol), (FailureKind::Configuration, Some(TLS12))),
        }
    }
    // With both versions and this group, TLS 1.3 is what is offered.
    let (client, server) = sessions(None, &[HYBRID], &[]);
    shake(&client, &server);
    assert_eq!(client.negotiated().group, HYBRID);
}

/// What is wrong with a share, and how it gets there.
type Malformed = (&'static str, fn(&mut Vec<u8>));

#[test]
fn a_malformed_share_is_answered_with_illegal_parameter() {
    let by_client: [Malformed; 6] = [
        ("a byte too short", |share| share.truncate(share.len() - 1)),
        ("a byte too long", |share| share.push(0)),
        ("empty but for X25519", |share| *share = share.split_off(1184)),
        ("X25519 alone is missing", |share| share.truncate(1184)),
        ("X25519 of zero", |share| share[1184..].fill(0)),
        // The first coefficient is q (FIPS 203 section 7.2).
        ("a coefficient that is not reduced", |share| (share[0], share[1]) = (0x01, share[1] & 0xf0 | 0x0d)),
    ];
    for (what, change) in by_client {
        let (client, server) = sessions(TLS13, &[HYBRID], &[]);
        let hello = flight(&client, &[]);
        assert_illegal(&server, &Shares::of(&hello).with_first(change), what);
    }
    let by_server: [Malformed; 4] = [
        ("a byte too short", |share| share.truncate(share.len() - 1)),
        ("a byte too long", |share| share.push(0)),
        ("a client's length", |share| share.resize(1216, 7)),
        ("X25519 of zero", |share| share[1088..].fill(0)),
    ];
    for (what, change) in by_server {
        let (client, server) = sessions(TLS13, &[], &[]);
        let answer = flight(&server, &flight(&client, &[]));
        let reply = &answer[..common::record_len(&answer)];
        assert_illegal(&client, &Shares::of(reply).with_first(change), what);
    }
}

/// A ciphertext that was not made for the client's key gives another secret: nothing that follows can be read.
#[test]
fn a_ciphertext_that_was_changed_ends_in_bad_record_mac() {
    let (client, server) = sessions(TLS13, &[], &[]);
    let answer = flight(&server, &flight(&client, &[]));
    let (reply, rest) = answer.split_at(common::record_len(&answer));
    let mut changed = Shares::of(reply).with_first(|share| share[500] ^= 1);
    changed.extend_from_slice(rest);
    let mut at = 0;
    let failure = loop {
        let mut counts = Counts::default();
        match client.process_handshake(&changed[at..], &mut [0; 1000]).add_to(&mut counts) {
            Ok(_) => at += counts.consumed,
            Err(failure) => break failure,
        }
    };
    assert_eq!((failure.kind, failure.alert_sent), (FailureKind::Protocol, Some(Alert(20))));
}

/// What a session says to this input.
fn flight(session: &Session, input: &[u8]) -> Vec<u8> {
    let (mut room, mut counts) = (vec![0; 8192], Counts::default());
    session.process_handshake(input, &mut room).add_to(&mut counts).unwrap();
    assert_eq!(counts.consumed, input.len());
    room.truncate(counts.written);
    room
}

fn assert_illegal(session: &Session, input: &[u8], what: &str) {
    let failure = session.process_handshake(input, &mut [0; 1000]).outcome.unwrap_err();
    assert_eq!(
        (failure.kind, failure.alert_sent),
        (FailureKind::Protocol, Some(Alert::ILLEGAL_PARAMETER)),
        "{what}: {}",
        failure.message
    );
}

/// The key shares of a hello, to be changed: RFC 8446 section 4.2.8.
struct Shares<'a> {
    record: &'a [u8],
    /// Where the extension begins, and where it ends.
    extension: std::ops::Range<usize>,
    /// Where the length of all extensions stands.
    extensions: usize,
    entries: Vec<(u16, Vec<u8>)>,
}

impl<'a> Shares<'a> {
    fn of(record: &'a [u8]) -> Self {
        let number = |at: usize| usize::from(u16::from_be_bytes([record[at], record[at + 1]]));
        let is_client = record[5] == 1;
        // Behind the headers, the version and the random: the session id, then suites and compressions, or one each.
        let mut at = 5 + 4 + 2 + 32;
        at += 1 + usize::from(record[at]);
        if is_client {
            at += 2 + number(at);
            at += 1 + usize::from(record[at]);
        } else {
            at += 3;
        }
        let extensions = at;
        at += 2;
        while number(at) != 51 {
            at += 4 + number(at + 2);
        }
        let extension = at..at + 4 + number(at + 2);
        let mut entries = Vec::new();
        let mut at = extension.start + if is_client { 6 } else { 4 };
        while at < extension.end {
            let len = number(at + 2);
            entries.push((number(at) as u16, record[at + 4..at + 4 + len].to_vec()));
            at += 4 + len;
        }
        Self { record, extension, extensions, entries }
    }

    /// The record with another first share, every length put right.
    fn with_first(mut self, change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        change(&mut self.entries[0].1);
        let sized = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
        let entry = |(group, share): &(u16, Vec<u8>)| [&group.to_be_bytes()[..], &sized(share)].concat();
        let mut list: Vec<u8> = self.entries.iter().flat_map(entry).collect();
        if self.record[5] == 1 {
            list = sized(&list);
        }
        let others = &self.record[self.extensions + 2..];
        let (before, behind) = (
            &others[..self.extension.start - self.extensions - 2],
            &others[self.extension.end - self.extensions - 2..],
        );
        let extensions = sized(&[before, &51u16.to_be_bytes(), &sized(&list), behind].concat());
        let body = [&self.record[9..self.extensions], &extensions].concat();
        let message = [&[self.record[5], 0][..], &sized(&body)].concat();
        [&self.record[..3], &sized(&message)].concat()
    }
}

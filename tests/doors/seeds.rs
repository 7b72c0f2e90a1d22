//! The first inputs of the fuzzers: one for each scenario that the tests know, as the doors read it. Nothing in them depends on
//! random numbers or on the clock. Files of other names in the corpus are findings, and stay.

use std::fs;

use spantls::client_hello::{ClientHello, Span};

use super::input::Input;
use super::setup::Setup;
use super::{host, root};

/// Compares the seeds with the files, or writes them if the environment has `WRITE_SEEDS`.
pub fn check() {
    put("calls", calls());
    put("client_hello", client_hellos());
    put("handshake", handshakes());
    put("pem", texts());
    put("certificate", certificates());
    put("records", records());
    put("tickets", tickets());
}

fn put(door: &str, seeds: Vec<Vec<u8>>) {
    let folder = root().join("fuzz/corpus").join(door);
    for (number, seed) in seeds.iter().enumerate() {
        let file = folder.join(format!("seed-{number:03}"));
        match std::env::var_os("WRITE_SEEDS") {
            Some(_) => fs::write(file, seed).unwrap(),
            None => assert!(fs::read(&file).is_ok_and(|bytes| bytes == *seed), "{}: make fuzz-seeds", file.display()),
        }
    }
}

/// The two bytes of setups that differ in what they ask, and in who fails.
fn setups() -> Vec<[u8; 2]> {
    let first = [
        0x00, 0x01, 0x04, 0x05, 0x02, 0x08, 0x09, 0x10, 0x11, 0x1c, 0x1d, 0x20, 0x21, 0x64, 0x65, 0x80, 0x81, 0x84,
        0x9d,
    ];
    let second = [0x01, 0x02, 0x03, 0x00, 0x05, 0x09, 0x11, 0x21, 0x81, 0xc1, 0x3e];
    let pairs = first.iter().flat_map(|first| second.iter().map(|second| [*first, *second]));
    // Each of the first kind, and each of the second.
    pairs.enumerate().filter(|(number, _)| number % 7 == 0 || number % 11 < 2).map(|(_, pair)| pair).collect()
}

const CLIENT: u8 = 0;
const SERVER: u8 = 128;
/// Numbers of moves, as `calls/moves.rs` has them.
const HANDSHAKE: u8 = 0;
const ENCRYPT: u8 = 5;
const DECRYPT: u8 = 9;
const IN_PLACE: u8 = 13;
const DRAIN: u8 = 14;
const SHUTDOWN: u8 = 16;
const UPDATE_KEYS: u8 = 17;
const END_OF_INPUT: u8 = 18;
const ANSWER: u8 = 20;
const BY_DEFAULT: u8 = 22;
const REJECT: u8 = 24;
const GETTERS: u8 = 27;
const TRANSPORT: u8 = 29;
/// All of the inbox, and all the room there is.
const ALL: u8 = 255;

/// Handshakes by single calls, data, key updates, closing from either side, refusals, cuts and accidents.
#[expect(clippy::too_many_lines, reason = "a table")]
fn calls() -> Vec<Vec<u8>> {
    let by_calls =
        [[CLIENT | HANDSHAKE, ALL, ALL, CLIENT | ANSWER, SERVER | HANDSHAKE, ALL, ALL, SERVER | ANSWER]; 6].concat();
    let data = [
        CLIENT | ENCRYPT,
        100,
        ALL,
        SERVER | DECRYPT,
        ALL,
        ALL,
        SERVER | ENCRYPT,
        ALL,
        ALL,
        CLIENT | DECRYPT,
        ALL,
        50,
        CLIENT | DECRYPT,
        0,
        ALL,
        CLIENT | IN_PLACE,
        ALL,
        CLIENT | GETTERS,
        0,
        SERVER | GETTERS,
        2,
    ];
    let keys = [
        CLIENT | UPDATE_KEYS,
        100,
        1,
        SERVER | DECRYPT,
        ALL,
        0,
        SERVER | DRAIN,
        10,
        SERVER | DRAIN,
        60,
        SERVER | ENCRYPT,
        9,
        99,
    ];
    let close =
        [SERVER | SHUTDOWN, 255, 1, CLIENT | DECRYPT, ALL, ALL, CLIENT | ENCRYPT, 50, 200, CLIENT | SHUTDOWN, 200, 1];
    let cut = [SERVER | END_OF_INPUT, 0, 1, SERVER | DECRYPT, ALL, ALL];
    let refuse = [CLIENT | HANDSHAKE, 0, ALL, SERVER | HANDSHAKE, ALL, ALL, CLIENT | HANDSHAKE, ALL, ALL];
    let refuse = [&refuse[..], &[CLIENT | REJECT, 48, 1, 0, SERVER | HANDSHAKE, ALL, ALL]].concat();
    let judge = [&refuse[..9], &[CLIENT | BY_DEFAULT]].concat();
    let accident = [CLIENT | ENCRYPT, 30, ALL, SERVER | TRANSPORT, 0, 0, 9, 4, SERVER | DECRYPT, ALL, ALL];
    let mut seeds = Vec::new();
    for (number, setup) in setups().iter().enumerate() {
        let how = |how: u8, moves: &[u8]| [&setup[..], &[how], moves].concat();
        seeds.push(match number % 8 {
            0 => how(4, &by_calls),
            1 => how(0, &[&by_calls[..], &data, &close].concat()),
            2 => how(2, &[&data[..], &keys, &data].concat()),
            3 => how(6, &[&keys[..], &close, &data].concat()),
            4 => how(0, &refuse),
            5 => how(4, &[&judge[..], &by_calls, &cut].concat()),
            6 => how(3, &[&data[..], &accident, &close].concat()),
            _ => how(2, &[&data[..], &cut, &close].concat()),
        });
    }
    seeds
}

/// What our clients say, with other bytes where random ones were.
fn hellos() -> Vec<Vec<u8>> {
    let setups = setups();
    let hello = |setup: &[u8; 2]| {
        let setup = Setup { resumed: false, fragments: false, ..Setup::read(&mut Input::new(setup)) };
        let session = setup.session(&setup.contexts(), false);
        let record = session.handshake(&[], host::LARGEST).output;
        let mut message = record[5..].to_vec();
        mask(&mut message);
        message
    };
    let mut hellos: Vec<_> = setups.iter().map(hello).collect();
    hellos.sort();
    hellos.dedup();
    hellos
}

/// Random bytes become others, and the extensions, whose order is random, are sorted.
fn mask(message: &mut [u8]) {
    let hello = ClientHello::read(message.to_vec()).unwrap();
    let parts = hello.parts();
    let mut fill = |Span { offset, len }: Span| message[offset..offset + len].fill(0x55);
    fill(parts.random);
    fill(parts.session_id);
    if let Some(Span { offset, len }) = parts.client_shares {
        // Our clients send one share: its group, its length, and the key.
        fill(Span { offset: offset + 4, len: len - 4 });
    }
    let Span { offset, len } = parts.extensions.unwrap();
    let mut extensions = Vec::new();
    let mut rest = &message[offset..offset + len];
    while !rest.is_empty() {
        let (extension, after) = rest.split_at(4 + usize::from(u16::from_be_bytes([rest[2], rest[3]])));
        extensions.push(extension.to_vec());
        rest = after;
    }
    extensions.sort();
    message[offset..offset + len].copy_from_slice(&extensions.concat());
}

fn client_hellos() -> Vec<Vec<u8>> {
    let plain = hellos().into_iter().map(|hello| [&[0], &hello[4..]].concat());
    // By parts: server_name, groups, schemes, ALPN, versions, key_share, a ticket and early data.
    let part = |number: u8, wrapped: u8, contents: &[u8]| [&[number, wrapped, contents.len() as u8], contents].concat();
    let begin = [1, 0, 4, 0x13, 1, 0xc0, 0x2b, 1, 0];
    let name = part(0, 0, b"\x00\x0c\x00\x00\x09localhost");
    let groups = part(2, 2, &[0, 0x1d, 0, 0x17]);
    let schemes = part(4, 2, &[8, 7, 4, 3]);
    let alpn = part(5, 2, b"\x02h2\x08http/1.1");
    let versions = part(18, 1, &[3, 4, 3, 3]);
    let share = part(22, 2, &[&[0, 0x1d, 0, 32][..], &[9; 32]].concat());
    let modes = part(20, 1, &[1]);
    let early = part(17, 0, &[]);
    let ticket = [&[0, 10, 0, 4][..], &[5; 4], &[0; 4], &[0, 33, 32], &[6; 32]].concat();
    let ticket = part(16, 0, &ticket);
    let two_names = part(0, 0, b"\x00\x18\x00\x00\x09localhost\x00\x00\x09localhost");
    let built = [
        [&begin[..], &two_names, &schemes].concat(),
        [&begin[..], &name, &groups, &schemes, &alpn].concat(),
        [&begin[..], &versions, &groups, &schemes, &share].concat(),
        [&begin[..], &versions, &share, &groups, &schemes, &modes, &early, &ticket].concat(),
        [&begin[..], &schemes, &schemes].concat(),
        [&begin[..], &ticket, &schemes].concat(),
    ];
    plain.chain(built).collect()
}

/// A ClientHello whole, cut, followed by another record; a server's answer as far as it can be known.
fn handshakes() -> Vec<Vec<u8>> {
    let record = |content_type: u8, payload: &[u8]| {
        [&[content_type, 3, 3][..], &(payload.len() as u16).to_be_bytes(), payload].concat()
    };
    let header = |is_server: u8, setup: [u8; 2], answer: u8, cut: u8| {
        [&[is_server][..], &setup, &[answer; 6], &[cut; 2]].concat()
    };
    let mut seeds = Vec::new();
    for (number, hello) in hellos().iter().enumerate() {
        let setup = setups()[number];
        let (first, second) = hello.split_at(hello.len() / 2);
        let stream = match number % 4 {
            0 => record(22, hello),
            1 => [record(22, first), record(22, second)].concat(),
            2 => [record(22, hello), record(20, &[1]), record(23, &[7; 40])].concat(),
            _ => [record(21, &[1, 90]), record(22, hello), record(21, &[2, 40])].concat(),
        };
        seeds.push([header(1, setup, 255 - number as u8, 255), stream].concat());
    }
    let server_hello = |tls13: bool| {
        let extensions: &[u8] =
            if tls13 { &[0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 0x1d, 0, 32] } else { &[0, 23, 0, 0, 0xff, 1, 0, 1, 0] };
        let share: &[u8] = if tls13 { &[9; 32] } else { &[] };
        let suite: [u8; 3] = if tls13 { [0x13, 1, 0] } else { [0xc0, 0x2b, 0] };
        let all = [extensions, share].concat();
        let body = [&[3, 3][..], &[0x44; 32], &[0], &suite, &(all.len() as u16).to_be_bytes(), &all].concat();
        [&[2, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
    };
    for setup in setups() {
        let hello = server_hello(setup[0] & 1 == 0);
        let chain = &host::file("server-ed25519.pem")[..64];
        let stream =
            [record(22, &hello), record(22, &[&[11, 0, 0, 64], chain].concat()), record(21, &[2, 80])].concat();
        seeds.push([header(0, setup, 0, 200), stream].concat());
    }
    seeds
}

/// Each kind of file whole, and with something in place of a part.
fn texts() -> Vec<Vec<u8>> {
    let whole = ["ca.pem", "crl-root.pem", "server-p256.key", "server-p256.sec1.key", "server-ed25519.key"];
    let whole = whole.iter().zip([0, 1, 3, 3, 3]).map(|(name, kind)| [&[kind, 0][..], &host::file(name)].concat());
    let put: [&[u8]; 6] =
        [b"", b"-----BEGIN CERTIFICATE-----\n", b"-----END X-----", b"\xff\n\n#", b"Proc-Type: 4,ENCRYPTED\n", b"A"];
    let spliced = (0..48_u8).map(|number| {
        [&[number, 1 + number * 5, 0, number.wrapping_mul(6), number], put[usize::from(number) % put.len()]].concat()
    });
    let labels: [&[u8]; 3] = [
        b"-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
        b"-----BEGIN X509 CERTIFICATE-----\nMAA=\n-----END X509 CERTIFICATE-----\n-----BEGIN X.509 CERTIFICATE-----\n",
        b"\xef\xbb\xbf -----BEGIN CERTIFICATE-----\r\nMAMCAQE=\r\n-----END CERTIFICATE----------BEGIN X509 CRL-----",
    ];
    let labels = labels.iter().map(|text| [&[0, 0][..], text].concat());
    // Labels that mean the same.
    let text = String::from_utf8(host::file("ca.pem")).unwrap();
    let old = ["X509 CERTIFICATE", "X.509 CERTIFICATE", "CERTIFICATE"]
        .map(|label| text.replace("CERTIFICATE", label) + &text)
        .map(|text| [&[0, 0], text.as_bytes()].concat());
    whole.chain(spliced).chain(labels).chain(old).collect()
}

/// Certificates with a byte or more changed, from their beginning to their end, and names to compare.
fn certificates() -> Vec<Vec<u8>> {
    let names: [&[u8]; 4] = [b"localhost", b"127.0.0.1", b"*.example.org.", b""];
    let spliced = |number: u8| {
        let name = names[usize::from(number) % names.len()];
        let at = u16::from(number) * 17;
        [
            &[name.len() as u8],
            name,
            &[1 + number],
            &at.to_be_bytes(),
            &[number % 3],
            &[0x30, 0x82][..usize::from(number % 3)],
        ]
        .concat()
    };
    (0..48).map(spliced).collect()
}

/// Every kind of record in every kind of session, read whole and in pieces.
fn records() -> Vec<Vec<u8>> {
    let data = [0, 7, 200, 0, 1, 8, 30, 9, 11, 40, 10, 0, 11, 255, 255, 1];
    let kinds: [&[u8]; 17] = [
        // A key update and a message in one record; warnings that are not; the largest record, padded by one byte more.
        &[5, 2, 10, 24, 0, 0, 1, 0, 24, 0, 0, 1, 0, 0],
        &[2, 0, 5],
        &[2, 0, 2, 2, 1, 0],
        &[1, 7, 255, 1],
        &[13, 2, 255, 255, 12, 14, 255, 13, 0, 1, 13, 3, 40, 90],
        &[2, 0, 0],
        &[2, 1, 4],
        &[2, 0, 1, 2, 0, 2],
        &[3, 1, 14, 90, 3, 0, 13, 2, 100, 255],
        &[4, 0, 13, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 1, 6],
        &[4, 2, 0, 1, 255, 4, 1, 2, 3, 4, 1, 2],
        &[5, 3, 5, 1, 2, 3, 4, 5, 90],
        &[6, 40, 0, 0, 6, 3, 1, 2, 1, 90],
        &[7, 9, 4, 0, 7, 9, 9],
        &[8, 5, 23, 3, 3, 0, 9],
        &[9, 2, 0, 9, 3, 1],
        &[10, 1, 10, 0],
    ];
    let session =
        |number: u8| kinds.iter().map(move |kind| [&[number][..], &data, kind, &[12], &data, &[13, 1, 50]].concat());
    (0..8).flat_map(session).collect()
}

/// The ticket itself, a byte of each of its parts changed, cut and longer ones, and something else.
fn tickets() -> Vec<Vec<u8>> {
    let changes: [&[u8]; 9] = [
        &[1, 0, 0, 0],
        &[1, 0, 3, 1],
        &[1, 0, 20, 128],
        &[1, 0, 60, 1],
        &[1, 0, 200, 9],
        &[2, 0, 40, 255],
        &[2, 0, 0, 0, 7],
        &[0, 1, 2, 3],
        &[0],
    ];
    changes.iter().flat_map(|change| [0, 1].map(|version| [&[version][..], change].concat())).collect()
}

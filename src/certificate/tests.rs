//! Certificates put together here: what they say, and what damage does to them.

use super::*;
use crate::limits::MAX_ALTERNATIVE_NAMES;
use crate::outcome::{FailureKind, Result};

const CN: &[u8] = &[6, 3, 0x55, 4, 3];
const O: &[u8] = &[6, 3, 0x55, 4, 10];
const UNKNOWN: &[u8] = &[6, 3, 0x2a, 3, 4];

const UTF8: u8 = 12;
const PRINTABLE: u8 = 19;
const TELETEX: u8 = 20;
const IA5: u8 = 22;
const UNIVERSAL: u8 = 28;
const BMP: u8 = 30;

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    let header: &[u8] = match contents.len() {
        0..=0x7f => &[tag, length[1]],
        0x80..=0xff => &[tag, 0x81, length[1]],
        _ => &[tag, 0x82, length[0], length[1]],
    };
    [header, contents].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, &parts.concat())
}

fn attribute(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    sequence(&[kind, &element(tag, value)])
}

fn name(rdns: &[&[Vec<u8>]]) -> Vec<u8> {
    let rdns: Vec<Vec<u8>> = rdns
        .iter()
        .map(|attributes| {
            let mut attributes = attributes.to_vec();
            attributes.sort();
            element(0x31, &attributes.concat())
        })
        .collect();
    element(0x30, &rdns.concat())
}

/// What is put into a certificate; the rest is the same in all.
pub(crate) struct Parts {
    subject: Vec<u8>,
    serial: Vec<u8>,
    not_before: (u8, &'static str),
    not_after: (u8, &'static str),
    /// The contents of extensions: an identifier and a value.
    extensions: Vec<(&'static [u8], Vec<u8>)>,
}

const SUBJECT_ALT_NAME_ID: &[u8] = &[6, 3, 0x55, 0x1d, 17];
const BASIC_CONSTRAINTS_ID: &[u8] = &[6, 3, 0x55, 0x1d, 19];

impl Default for Parts {
    fn default() -> Self {
        Self {
            subject: name(&[&[attribute(CN, UTF8, b"someone")]]),
            serial: vec![1],
            not_before: (UTC_TIME, "200101000000Z"),
            not_after: (UTC_TIME, "300101000000Z"),
            extensions: Vec::new(),
        }
    }
}

impl Parts {
    fn named(subject: Vec<u8>) -> Vec<u8> {
        Self { subject, ..Self::default() }.der()
    }

    pub(crate) fn with_alternative_names(names: &[(u8, &[u8])]) -> Vec<u8> {
        let names: Vec<Vec<u8>> = names.iter().map(|(tag, value)| element(*tag, value)).collect();
        let extensions = vec![(SUBJECT_ALT_NAME_ID, element(0x30, &names.concat()))];
        Self { extensions, ..Self::default() }.der()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let algorithm = sequence(&[&[6, 3, 0x2b, 0x65, 0x70]]);
        let key = sequence(&[&algorithm, &element(3, &[0; 33])]);
        let date = |(tag, text): (u8, &str)| element(tag, text.as_bytes());
        let extensions: Vec<Vec<u8>> =
            self.extensions.iter().map(|(identifier, value)| sequence(&[identifier, &element(4, value)])).collect();
        let extensions = match extensions.is_empty() {
            true => Vec::new(),
            false => element(0xa3, &element(0x30, &extensions.concat())),
        };
        let signed = sequence(&[
            &element(0xa0, &[2, 1, 2]),
            &element(2, &self.serial),
            &algorithm,
            &name(&[&[attribute(CN, UTF8, b"issuer")]]),
            &sequence(&[&date(self.not_before), &date(self.not_after)]),
            &self.subject,
            &key,
            &extensions,
        ]);
        sequence(&[&signed, &algorithm, &element(3, &[0; 65])])
    }
}

fn subject_of(subject: Vec<u8>) -> String {
    text(&Parts::named(subject), Field::Subject, 0).unwrap()
}

fn kind(result: Result<impl std::fmt::Debug>) -> FailureKind {
    result.unwrap_err().kind
}

#[test]
fn names_are_written_as_rfc_4514_says() {
    for (tag, value, expected) in [
        (UTF8, &b"plain"[..], "CN=plain"),
        (UTF8, b"", "CN="),
        (UTF8, b"a,O=b", "CN=a\\,O=b"),
        (UTF8, b"a+O=b", "CN=a\\+O=b"),
        (UTF8, b"\"\\<>;", "CN=\\\"\\\\\\<\\>\\;"),
        (UTF8, b"#1#", "CN=\\#1#"),
        (UTF8, b" a b ", "CN=\\ a b\\ "),
        (UTF8, b" ", "CN=\\ "),
        (UTF8, b"bank.example\0.evil.example", "CN=bank.example\\00.evil.example"),
        (UTF8, b"a\r\n\x7f", "CN=a\\0D\\0A\\7F"),
        (UTF8, "Jürgen \u{85}".as_bytes(), "CN=Jürgen \\C2\\85"),
        (UTF8, "evil\u{202e}knab\u{200b}".as_bytes(), "CN=evil\\E2\\80\\AEknab\\E2\\80\\8B"),
        (UTF8, b"\xff\xfe", "CN=#0C02FFFE"),
        (PRINTABLE, b"*.example.org", "CN=*.example.org"),
        (PRINTABLE, b"\xfc", "CN=#1301FC"),
        (IA5, b"a@b", "CN=a@b"),
        (TELETEX, b"M\xfcller", "CN=Müller"),
        (BMP, &[0, b'B', 0x20, 0xac], "CN=B€"),
        (BMP, &[0, b'B', 0], "CN=#1E03004200"),
        (BMP, &[0xd8, 0], "CN=#1E02D800"),
        (UNIVERSAL, &[0, 1, 0xf6, 0], "CN=😀"),
        (UNIVERSAL, &[0, 0x11, 0, 0], "CN=#1C0400110000"),
        (4, b"octets", "CN=#04066F6374657473"),
    ] {
        assert_eq!(subject_of(name(&[&[attribute(CN, tag, value)]])), expected);
    }
    assert_eq!(subject_of(name(&[])), "");
    assert_eq!(subject_of(name(&[&[attribute(UNKNOWN, UTF8, b"x")]])), "1.2.3.4=#0C0178");
    let rdns: &[&[Vec<u8>]] =
        &[&[attribute(O, PRINTABLE, b"Org")], &[attribute(CN, UTF8, b"first"), attribute(O, UTF8, b"second")]];
    assert_eq!(subject_of(name(rdns)), "O=second+CN=first,O=Org");
}

#[test]
fn an_rdn_without_an_attribute_makes_a_name_unreadable() {
    let certificate = Parts::named(name(&[&[]]));
    assert_eq!(kind(text(&certificate, Field::Subject, 0)), FailureKind::InvalidArgument);
    assert_eq!(text(&certificate, Field::Issuer, 0).unwrap(), "CN=issuer");
}

#[test]
fn common_names_are_counted_and_those_with_control_characters_are_kept_back() {
    let certificate = Parts::named(name(&[
        &[attribute(CN, UTF8, b"one, two")],
        &[attribute(O, UTF8, b"no")],
        &[attribute(CN, UTF8, b"good\0evil")],
        &[attribute(CN, BMP, &[0, b'x'])],
        &[attribute(CN, UTF8, b"\xff")],
        &[attribute(CN, UTF8, "admin\u{200b}".as_bytes())],
        &[attribute(CN, UTF8, "\u{202e}nimda".as_bytes())],
    ]));
    assert_eq!(facts(&certificate).unwrap().num_common_names, 6);
    let common_name = |index| text(&certificate, Field::CommonName, index);
    assert_eq!(common_name(0).unwrap(), "one, two");
    assert_eq!(kind(common_name(1)), FailureKind::NotSupported);
    assert_eq!(common_name(2).unwrap(), "x");
    assert_eq!(kind(common_name(3)), FailureKind::NotSupported);
    for invisible in [4, 5] {
        assert_eq!(kind(common_name(invisible)), FailureKind::NotSupported);
    }
    assert_eq!(kind(common_name(6)), FailureKind::InvalidArgument);
}

#[test]
fn alternative_names_are_text_or_kept_back() {
    const V6: &[u8] = &[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let certificate = Parts::with_alternative_names(&[
        (0x82, b"*.example.org"),
        (0x87, &[192, 0, 2, 1]),
        (0x82, b"good.example\0.evil.example"),
        (0x81, b"a@example.org"),
        (0x86, b"spiffe://example.org/x"),
        (0x87, V6),
        (0x82, "b\u{fc}cher.example".as_bytes()),
        (0x87, &[192, 0, 2, 1, 255]),
        (0x86, b"https://example.org/ x"),
        (0x81, b"a b@example.org"),
        (0x88, &[0x2a, 3]),
        (0xa4, &[0x30, 0]),
    ]);
    let found = facts(&certificate).unwrap();
    assert_eq!((found.num_dns_names, found.num_ip_addresses, found.num_uris, found.num_emails), (3, 3, 2, 2));
    assert_eq!(found.num_other_names, 2);
    for (field, expected) in [
        (Field::DnsName, [Some("*.example.org"), None, None]),
        (Field::IpAddress, [Some("192.0.2.1"), Some("2001:db8::1"), None]),
        (Field::Uri, [Some("spiffe://example.org/x"), None, None]),
        (Field::Email, [Some("a@example.org"), None, None]),
    ] {
        for (index, expected) in expected.into_iter().enumerate() {
            let value = text(&certificate, field, index);
            assert_eq!(value.as_deref().ok(), expected, "{field:?} {index}");
            let past_the_end = index == 2 && matches!(field, Field::Uri | Field::Email);
            if expected.is_none() && !past_the_end {
                assert_eq!(kind(value), FailureKind::NotSupported, "{field:?} {index}");
            }
        }
    }
    assert_eq!(kind(text(&certificate, Field::DnsName, 3)), FailureKind::InvalidArgument);
    assert_eq!(kind(text(&certificate, Field::DnsName, usize::MAX)), FailureKind::InvalidArgument);
    assert_eq!(kind(text(&certificate, Field::Subject, 1)), FailureKind::InvalidArgument);
}

#[test]
fn dates_are_unix_time_before_1970_and_in_year_9999_too() {
    for (not_before, not_after, expected) in [
        ((UTC_TIME, "700101000000Z"), (UTC_TIME, "691231235959Z"), Some((0, -1))),
        ((UTC_TIME, "500101000000Z"), (UTC_TIME, "491231235959Z"), Some((-631_152_000, 2_524_607_999))),
        ((UTC_TIME, "000229120000Z"), (GENERALIZED_TIME, "20380119031408Z"), Some((951_825_600, 1 << 31))),
        (
            (GENERALIZED_TIME, "19000301000000Z"),
            (GENERALIZED_TIME, "99991231235959Z"),
            Some((-2_203_891_200, 253_402_300_799)),
        ),
        ((GENERALIZED_TIME, "00000101000000Z"), (UTC_TIME, "300101000000Z"), Some((-62_167_219_200, 1_893_456_000))),
        ((UTC_TIME, "010229120000Z"), (UTC_TIME, "300101000000Z"), None),
        ((UTC_TIME, "701301000000Z"), (UTC_TIME, "300101000000Z"), None),
        ((UTC_TIME, "700100000000Z"), (UTC_TIME, "300101000000Z"), None),
        ((UTC_TIME, "700101240000Z"), (UTC_TIME, "300101000000Z"), None),
        ((UTC_TIME, "700101000060Z"), (UTC_TIME, "300101000000Z"), None),
        ((UTC_TIME, "700101000000"), (UTC_TIME, "300101000000Z"), None),
        ((UTC_TIME, "7001010000Z"), (UTC_TIME, "300101000000Z"), None),
        ((GENERALIZED_TIME, "20000101000000.5Z"), (UTC_TIME, "300101000000Z"), None),
        ((GENERALIZED_TIME, "700101000000Z"), (UTC_TIME, "300101000000Z"), None),
        ((2, "\x01"), (UTC_TIME, "300101000000Z"), None),
    ] {
        let found = facts(&Parts { not_before, not_after, ..Parts::default() }.der());
        assert_eq!(found.ok().map(|facts| (facts.not_before, facts.not_after)), expected, "{not_before:?}");
    }
}

#[test]
fn serial_numbers_are_hexadecimal_whatever_their_sign() {
    for (serial, expected) in [
        (&[0][..], Some("00")),
        (&[0x0a], Some("0A")),
        (&[0, 0x80], Some("80")),
        (&[0xff], Some("-01")),
        (&[0x80, 0], Some("-8000")),
        (&[0xff, 0], Some("-0100")),
        (&[0x7f; 20], Some("7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F")),
        (&[0, 0x7f], None),
        (&[], None),
    ] {
        let certificate = Parts { serial: serial.to_vec(), ..Parts::default() }.der();
        assert_eq!(text(&certificate, Field::SerialNumber, 0).ok().as_deref(), expected, "{serial:?}");
    }
}

#[test]
fn a_ca_is_one_by_its_basic_constraints() {
    let with = |value: &[u8]| {
        let extensions = vec![(BASIC_CONSTRAINTS_ID, value.to_vec())];
        facts(&Parts { extensions, ..Parts::default() }.der()).map(|facts| facts.is_ca)
    };
    assert_eq!(with(&[0x30, 3, 1, 1, 0xff]), Ok(true));
    assert_eq!(with(&[0x30, 6, 1, 1, 0xff, 2, 1, 0]), Ok(true));
    assert_eq!(with(&[0x30, 0]), Ok(false));
    assert_eq!(with(&[0x30, 3, 1, 1, 0]), Ok(false));
    // Neither TRUE nor FALSE in DER; after the end.
    assert_eq!(kind(with(&[0x30, 3, 1, 1, 1])), FailureKind::InvalidArgument);
    assert_eq!(kind(with(&[0x30, 0, 0])), FailureKind::InvalidArgument);
    assert_eq!(facts(&Parts::default().der()).map(|facts| facts.is_ca), Ok(false));
}

#[test]
fn what_is_not_one_certificate_is_refused() {
    let good = Parts::default().der();
    let twice = |extension: (&'static [u8], Vec<u8>)| {
        Parts { extensions: vec![extension.clone(), extension], ..Parts::default() }.der()
    };
    for bad in [
        Vec::new(),
        [&good[..], &[0]].concat(),
        [&good[..], &good].concat(),
        good[..good.len() - 1].to_vec(),
        b"-----BEGIN CERTIFICATE-----".to_vec(),
        twice((SUBJECT_ALT_NAME_ID, vec![0x30, 0])),
        twice((BASIC_CONSTRAINTS_ID, vec![0x30, 0])),
        vec![0x30; MAX_CERTIFICATE + 1],
    ] {
        assert_eq!(kind(facts(&bad)), FailureKind::InvalidArgument, "{}", bad.len());
    }
    assert!(facts(&good).is_ok());
}

#[test]
fn no_damage_makes_reading_panic() {
    let pem: &[u8] = include_bytes!("../../ffi-tests/certs/server-p256.pem");
    let served = rustls_pemfile::certs(&mut &*pem).next().unwrap().unwrap().to_vec();
    let made = Parts::with_alternative_names(&[(0x82, b"a.example"), (0x87, &[1; 16]), (0x86, b"u:x"), (0x81, b"a@b")]);
    for original in [served, made] {
        for at in 0..original.len() {
            ask_everything(&original[..at]);
            for value in [0, 1, 0x1f, 0x30, 0x7f, 0x80, 0x81, 0x84, 0xff, original[at] ^ 1] {
                let mut changed = original.clone();
                changed[at] = value;
                ask_everything(&changed);
            }
        }
    }
}

#[test]
fn what_has_no_facts_has_no_texts() {
    let with = |extensions| Parts { extensions, ..Parts::default() }.der();
    let names: Vec<(u8, &[u8])> = vec![(0x82, b"a"); MAX_ALTERNATIVE_NAMES + 1];
    for (fault, certificate) in [
        ("a date", Parts { not_after: (UTC_TIME, "301301000000Z"), ..Parts::default() }.der()),
        ("subject", Parts::named(sequence(&[&element(0x31, &[0x30, 0])]))),
        ("subjectAltName", with(vec![(SUBJECT_ALT_NAME_ID, vec![0x30, 1])])),
        ("subjectAltName twice", with(vec![(SUBJECT_ALT_NAME_ID, vec![0x30, 0]); 2])),
        ("basicConstraints", with(vec![(BASIC_CONSTRAINTS_ID, vec![0x30, 3, 1, 1, 1])])),
        ("too many names", Parts::with_alternative_names(&names)),
    ] {
        assert_eq!(kind(facts(&certificate)), FailureKind::InvalidArgument, "{fault}");
        for field in FIELDS {
            assert_eq!(kind(text(&certificate, field, 0)), FailureKind::InvalidArgument, "{fault}, {field:?}");
        }
    }
}

const FIELDS: [Field; 8] = [
    Field::Subject,
    Field::Issuer,
    Field::CommonName,
    Field::SerialNumber,
    Field::DnsName,
    Field::IpAddress,
    Field::Uri,
    Field::Email,
];

fn ask_everything(der: &[u8]) {
    facts(der).ok();
    for field in FIELDS {
        if let Ok(text) = text(der, field, 0) {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
    crate::trust::matches_name(der, "a.example").ok();
}

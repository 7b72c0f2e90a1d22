//! Hellos built here, cut and bent.

mod building;

pub(crate) use self::building::Offer;
pub(super) use self::building::{Hello, message, u16s, vector8, vector16};
use super::*;
use crate::wire::reader::STEPS;
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn every_part_is_found() {
    let hello = Hello::full().read().unwrap();
    assert_eq!(hello.raw(), Hello::full().bytes());
    assert_eq!(hello.legacy_version(), 0x0303);
    assert_eq!(hello.random(), [0xab; 32]);
    assert_eq!(hello.session_id(), [0x51; 32]);
    assert!(hello.cipher_suites().eq([0x1301, 0xc02b]));
    assert_eq!(hello.compression_methods(), [0]);
    assert_eq!(hello.extension_types().count(), 24);
    assert_eq!(hello.extension_types().last(), Some(ext::PRE_SHARED_KEY));
    assert_eq!(hello.extension(0x5a5a), Some(&[1][..]));
    assert_eq!(hello.extension(0x6a6a), None);
    assert_eq!(hello.server_name(), Some("Example.org"));
    assert!(hello.supported_versions().eq([0x0304, 0x0303]));
    assert!(hello.supported_groups().eq([0x2a2a, 29, 23]));
    assert!(hello.key_share_groups().eq([0x2a2a, 29]));
    assert!(hello.signature_algorithms().eq([0x0403, 0x0804]));
    assert!(hello.signature_algorithms_cert().eq([0x0401]));
    assert!(hello.alpn().eq([&b"h2"[..], b"http/1.1"]));
    assert_eq!(hello.ec_point_formats(), [0, 1]);
    assert!(hello.offers_tls13() && hello.offers_pre_shared_key());
    assert!(hello.offers_early_data() && hello.offers_post_handshake_auth());
    assert!(!hello.missing_extension());
    let at = |span: Option<Span>| &hello.raw()[span.unwrap().offset..][..span.unwrap().len];
    assert_eq!(at(hello.parts().server_name), b"Example.org");
    assert_eq!(at(hello.parts().alpn), b"\x02h2\x08http/1.1");
    assert_eq!(at(hello.parts().client_shares), [0x2a, 0x2a, 0, 1, 0, 0, 29, 0, 2, 8, 9]);
    assert_eq!(at(hello.parts().psk_key_exchange_modes), [1]);
    assert_eq!(at(hello.parts().certificate_authorities), b"\x00\x04name");
}

#[test]
fn a_hello_without_extensions_is_a_hello() {
    for hello in [Hello::bare(), Hello { extensions: Some(vec![]), ..Hello::bare() }] {
        let read = hello.read().unwrap();
        assert_eq!(read.parts().extensions.is_some(), hello.extensions.is_some());
        assert_eq!(read.extension_types().count(), 0);
        assert_eq!((read.server_name(), read.alpn().count(), read.supported_groups().count()), (None, 0, 0));
        assert!(!read.offers_tls13() && !read.missing_extension());
    }
}

#[test]
fn every_prefix_is_refused() {
    let whole = Hello::full().bytes();
    for end in 0..whole.len() {
        assert_eq!(ClientHello::read(whole[..end].to_vec()).unwrap_err().alert, Alert::DECODE_ERROR);
        // With a header that has the shorter length. Truncated after the compression methods, it is a ClientHello without extensions.
        if end >= 4 && end != 4 + 2 + 32 + 33 + 6 + 2 {
            let unreadable = ClientHello::read(message(&whole[4..end])).unwrap_err();
            assert_eq!(unreadable.alert, Alert::DECODE_ERROR, "{end}: {}", unreadable.reason);
        }
    }
    assert!(ClientHello::read([&whole[..], &[0]].concat()).is_err());
}

#[test]
fn what_is_no_client_hello_is_unexpected() {
    let mut server_hello = Hello::bare().bytes();
    server_hello[0] = 2;
    assert_eq!(ClientHello::read(server_hello).unwrap_err().alert, Alert::UNEXPECTED_MESSAGE);
}

#[test]
fn the_fixed_fields_are_strict() {
    let alert = |change: fn(&mut Hello)| {
        let mut hello = Hello::full();
        change(&mut hello);
        hello.alert()
    };
    assert_eq!(alert(|hello| hello.session_id = vec![0; 33]), Alert::DECODE_ERROR);
    assert_eq!(alert(|hello| hello.cipher_suites = vec![]), Alert::DECODE_ERROR);
    assert_eq!(alert(|hello| hello.cipher_suites = vec![0x13]), Alert::DECODE_ERROR);
    assert_eq!(alert(|hello| hello.cipher_suites = vec![0x13, 1, 0x13]), Alert::DECODE_ERROR);
    assert_eq!(alert(|hello| hello.compression_methods = vec![]), Alert::DECODE_ERROR);
    assert_eq!(alert(|hello| hello.compression_methods = vec![1]), Alert::ILLEGAL_PARAMETER);
    assert_eq!(alert(|hello| hello.trailer = vec![0]), Alert::DECODE_ERROR);
    assert!(Hello { compression_methods: vec![1, 0], ..Hello::full() }.read().is_ok());
    // One byte after the compression methods is half a length.
    assert_eq!(Hello { trailer: vec![0], ..Hello::bare() }.alert(), Alert::DECODE_ERROR);
}

#[test]
fn known_extensions_are_strict() {
    let identity = [vector16(b"x"), vec![0; 4]].concat();
    let two_bytes: &[&[u8]] = &[&[], &[0], &[0, 0], &[0, 1, 1], &[0, 3, 1, 1, 1], &[0, 4, 1, 1], &[0, 2, 1, 1, 1]];
    let one_byte: &[&[u8]] = &[&[], &[0], &[1], &[1, 0, 0], &[2, 0]];
    let of_pairs: &[&[u8]] = &[&[], &[0], &[1, 0], &[3, 0, 0, 0], &[2, 0], &[2, 0, 0, 0]];
    let not_empty: &[&[u8]] = &[&[0]];
    let ech_cut = [vec![0, 0, 1, 0, 1, 9], vector16(b""), vector16(b"")].concat();
    let bad: &[(u16, &[&[u8]])] = &[
        (ext::SERVER_NAME, &[&[], &[0], &[0, 0], &[0, 1, 0], &[0, 3, 0, 0, 0], &[0, 4, 0, 0, 2, b'a']]),
        (ext::SERVER_NAME, &[&[0, 4, 0, 0, 1, b'a', 0], &[0, 5, 0, 0, 1, b'a', 0]]),
        (ext::SUPPORTED_GROUPS, two_bytes),
        (ext::SIGNATURE_ALGORITHMS, two_bytes),
        (ext::SIGNATURE_ALGORITHMS_CERT, two_bytes),
        (ext::SUPPORTED_VERSIONS, of_pairs),
        (ext::COMPRESS_CERTIFICATE, of_pairs),
        (ext::ECH_OUTER_EXTENSIONS, of_pairs),
        (ext::EC_POINT_FORMATS, one_byte),
        (ext::PSK_KEY_EXCHANGE_MODES, one_byte),
        (ext::CLIENT_CERTIFICATE_TYPE, one_byte),
        (ext::SERVER_CERTIFICATE_TYPE, one_byte),
        (ext::EARLY_DATA, not_empty),
        (ext::POST_HANDSHAKE_AUTH, not_empty),
        (ext::EXTENDED_MASTER_SECRET, not_empty),
        (ext::ALPN, &[&[], &[0, 0], &[0, 1, 0], &[0, 2, 2, b'h'], &[0, 3, 1, b'h', 0], &[0, 2, 1, b'h', 0]]),
        (ext::KEY_SHARE, &[&[], &[0], &[0, 4, 0, 29, 0, 0], &[0, 4, 0, 29, 0, 1], &[0, 1, 0], &[0, 0, 0]]),
        (ext::COOKIE, &[&[], &[0, 0], &[0, 1], &[0, 1, 1, 1]]),
        (ext::CERTIFICATE_AUTHORITIES, &[&[], &[0, 0], &[0, 2, 0, 0], &[0, 3, 0, 2, 0], &[0, 3, 0, 1, 0, 0]]),
        (ext::STATUS_REQUEST, &[&[], &[1], &[1, 0, 0], &[1, 0, 1, 0, 0, 0], &[1, 0, 0, 0, 0, 0]]),
        (ext::TICKET_REQUEST, &[&[], &[1], &[1, 1, 1]]),
        (ext::RENEGOTIATION_INFO, &[&[], &[1], &[0, 0]]),
        (ext::ENCRYPTED_CLIENT_HELLO, &[&[], &[1, 0], &[2], &[0, 0, 0, 0, 0, 0], &ech_cut]),
        (
            ext::PRE_SHARED_KEY,
            &[
                &[],
                &vector16(&identity),
                &[vector16(&identity), vector16(&[])].concat(),
                &[vector16(&identity), vector16(&vector8(&[0; 31]))].concat(),
                &[vector16(&identity), vector16(&vector8(&[0; 32])), vec![0]].concat(),
                &[vector16(&[]), vector16(&vector8(&[0; 32]))].concat(),
                &[vector16(&[0, 0, 0, 0, 0, 0]), vector16(&vector8(&[0; 32]))].concat(),
                &[vector16(&[0, 0, 0, 0, 0, 0, 0]), vector16(&vector8(&[0; 32]))].concat(),
            ],
        ),
    ];
    for (extension_type, contents) in bad {
        for contents in *contents {
            let hello = Hello::full().with(*extension_type, contents.to_vec());
            assert_eq!(hello.alert(), Alert::DECODE_ERROR, "{extension_type} {contents:?}");
        }
    }
}

#[test]
fn what_may_be_empty_may_be_empty() {
    let hello = Hello::full().with(ext::KEY_SHARE, vec![0, 0]).read().unwrap();
    assert_eq!((hello.key_share_groups().count(), hello.parts().client_shares.unwrap().len), (0, 0));
    assert!(!hello.missing_extension());
    assert!(Hello::full().with(ext::STATUS_REQUEST, vec![9, 1, 2, 3]).read().is_ok());
    assert!(Hello::full().with(ext::ENCRYPTED_CLIENT_HELLO, vec![1]).read().is_ok());
}

#[test]
fn an_extension_comes_once_and_pre_shared_key_comes_last() {
    for extension_type in Hello::full().read().unwrap().extension_types() {
        let mut hello = Hello::full();
        let extensions = hello.extensions.as_mut().unwrap();
        let copy = extensions.iter().find(|(found, _)| *found == extension_type).unwrap().clone();
        extensions.push(copy);
        assert_eq!(hello.alert(), Alert::ILLEGAL_PARAMETER);
    }
    assert_eq!(Hello::full().with(0x6a6a, vec![]).alert(), Alert::ILLEGAL_PARAMETER);
}

#[test]
fn a_server_name_is_a_dns_name_or_passed_over_or_refused() {
    let host_name = |name: &str| [vec![0], vector16(name.as_bytes())].concat();
    let read = |list: Vec<u8>| {
        let hello = Hello::full().with(ext::SERVER_NAME, vector16(&list)).read();
        hello.map(|hello| hello.server_name().map(str::to_owned)).map_err(|unreadable| unreadable.alert)
    };
    assert_eq!(read(host_name("example.org.")), Ok(Some("example.org".into())));
    assert_eq!(read(host_name("xn--bcher-kva.example")), Ok(Some("xn--bcher-kva.example".into())));
    assert_eq!(read(host_name("under_score")), Ok(Some("under_score".into())));
    assert_eq!(read(host_name("192.0.2.1")), Ok(None));
    assert_eq!(read(host_name("2001:db8::1")), Ok(None));
    for name in ["b\u{fc}cher.example", "a b", "a..b", ".", "a\0b", "*.example.org", &"a".repeat(64)] {
        assert_eq!(read(host_name(name)), Err(Alert::ILLEGAL_PARAMETER), "{name}");
    }
    // Names of other types have a length too; after the host name they are passed over.
    assert_eq!(read([host_name("a"), vec![7, 0, 1, 3]].concat()), Ok(Some("a".into())));
    assert_eq!(read([host_name("a"), vec![7, 0, 3, 1, 2, 3], vec![8, 0, 0]].concat()), Ok(Some("a".into())));
    assert_eq!(read([vec![7, 0, 0], host_name("a")].concat()), Err(Alert::ILLEGAL_PARAMETER));
    assert_eq!(read([vec![7, 0, 3, 1, 2, 3], host_name("a"), vec![8, 0, 0]].concat()), Err(Alert::ILLEGAL_PARAMETER));
    assert_eq!(read(vec![7, 0, 1, 2]), Err(Alert::ILLEGAL_PARAMETER));
    assert_eq!(read([host_name("a"), vec![7, 0, 3, 1, 2]].concat()), Err(Alert::DECODE_ERROR));
    assert_eq!(read([host_name("a"), vec![7, 0]].concat()), Err(Alert::DECODE_ERROR));
    assert_eq!(read([host_name("a"), host_name("a")].concat()), Err(Alert::ILLEGAL_PARAMETER));
}

#[test]
fn tls13_needs_its_extensions() {
    let missing = |hello: Hello| hello.read().unwrap().missing_extension();
    let psk = Hello::full;
    let no_psk = || psk().without(ext::PRE_SHARED_KEY);
    assert!(!missing(psk()) && !missing(no_psk()));
    assert!(missing(no_psk().without(ext::SIGNATURE_ALGORITHMS)));
    assert!(missing(no_psk().without(ext::SUPPORTED_GROUPS)));
    assert!(missing(no_psk().without(ext::KEY_SHARE)));
    assert!(missing(no_psk().without(ext::SUPPORTED_GROUPS).without(ext::KEY_SHARE)));
    assert!(!missing(no_psk().without(ext::PSK_KEY_EXCHANGE_MODES)));
    assert!(!missing(psk().without(ext::SIGNATURE_ALGORITHMS)));
    assert!(missing(psk().without(ext::SUPPORTED_GROUPS)));
    assert!(missing(psk().without(ext::KEY_SHARE)));
    assert!(!missing(psk().without(ext::SUPPORTED_GROUPS).without(ext::KEY_SHARE)));
    assert!(missing(psk().without(ext::PSK_KEY_EXCHANGE_MODES)));
    // Without TLS 1.3 nothing is needed.
    let tls12 = || no_psk().with(ext::SUPPORTED_VERSIONS, vector8(&u16s(&[0x0303])));
    assert!(!missing(tls12().without(ext::SUPPORTED_GROUPS)));
    assert!(!missing(no_psk().without(ext::SUPPORTED_VERSIONS).without(ext::KEY_SHARE)));
}

#[test]
fn a_hello_of_nothing_but_extensions_is_read_in_linear_time() {
    let of = |number: u16| {
        let types = (0x8000..0x8000 + number).map(|extension_type| (extension_type, vec![]));
        Hello { extensions: Some(types.collect()), ..Hello::bare() }
    };
    let steps = |hello: &Hello| {
        let bytes = hello.bytes();
        STEPS.set(0);
        let read = ClientHello::read(bytes).unwrap();
        (read.raw().len(), STEPS.get())
    };
    // 45 bytes are needed for the rest; there is no room for one more.
    let most = (0xffff - 45) / 4;
    let ((few_bytes, few), (many_bytes, many)) = (steps(&of(100)), steps(&of(most)));
    assert_eq!((few_bytes, many_bytes), (4 + 45 + 400, 4 + 45 + 4 * usize::from(most)));
    assert!(many_bytes <= 4 + 0xffff && many_bytes + 4 > 4 + 0xffff);
    // Type, length and contents are three things taken.
    assert_eq!(many - few, 3 * (usize::from(most) - 100));
    assert_eq!(ClientHello::read(of(most + 1).bytes()).unwrap_err().alert, Alert::DECODE_ERROR);
    // The same with the last one repeating the first.
    let mut repeating = of(most);
    repeating.extensions.as_mut().unwrap().last_mut().unwrap().0 = 0x8000;
    assert_eq!(repeating.alert(), Alert::ILLEGAL_PARAMETER);
}

/// What is read lies inside the message, and everything can be asked for.
fn check(bytes: Vec<u8>) -> Result<(), Unreadable> {
    let hello = ClientHello::read(bytes)?;
    let parts = hello.parts();
    let optional = [
        parts.extensions,
        parts.server_name,
        parts.supported_versions,
        parts.supported_groups,
        parts.client_shares,
        parts.signature_algorithms,
        parts.signature_algorithms_cert,
        parts.alpn,
        parts.ec_point_formats,
        parts.psk_key_exchange_modes,
        parts.certificate_authorities,
    ];
    let always = [parts.random, parts.session_id, parts.cipher_suites, parts.compression_methods];
    for span in always.into_iter().chain(optional.into_iter().flatten()) {
        assert!(span.offset >= 4 && span.offset + span.len <= hello.raw().len());
    }
    assert_eq!(hello.random().len(), 32);
    assert_eq!(2 * hello.cipher_suites().count(), parts.cipher_suites.len);
    assert_eq!(hello.server_name().is_some(), parts.server_name.is_some());
    assert_eq!(hello.alpn().map(|name| 1 + name.len()).sum::<usize>(), parts.alpn.unwrap_or_default().len);
    assert_eq!(hello.key_share_groups().count() > 0, parts.client_shares.is_some_and(|shares| shares.len > 0));
    let listed: usize = hello.extensions().map(|(_, contents)| 4 + contents.len()).sum();
    assert_eq!(listed, parts.extensions.unwrap_or_default().len);
    hello.missing_extension();
    Ok(())
}

#[test]
fn every_byte_may_be_anything() {
    for good in [Hello::bare(), Hello::full()] {
        for at in 0..good.bytes().len() {
            for value in 0..=255 {
                let mut bytes = good.bytes();
                bytes[at] = value;
                check(bytes).ok();
            }
        }
    }
}

/// What rustls makes of a ClientHello before it looks at its configuration.
fn rustls_reads(hello: &[u8]) -> Result<(), rustls::Error> {
    let mut acceptor = rustls::server::Acceptor::default();
    let records = hello.chunks(1 << 14).map(|fragment| [&[22, 3, 1], &vector16(fragment)[..]].concat());
    acceptor.read_tls(&mut &records.collect::<Vec<_>>().concat()[..]).unwrap();
    match acceptor.accept() {
        Ok(accepted) => accepted.map(drop).ok_or(rustls::Error::HandshakeNotComplete),
        Err((error, _)) => Err(error),
    }
}

/// What is refused here although rustls accepts it: RFC 8446 section 6 demands decode_error for what does not follow the
/// syntax: extensions that rustls does not read, and lengths out of range.
const STRICTER_THAN_RUSTLS: [&str; 5] = [
    "server_name is malformed",
    "post_handshake_auth is not empty",
    "signature_algorithms_cert is malformed",
    "certificate_authorities is malformed",
    "pre_shared_key is malformed",
];

fn agrees_with_rustls(hello: Vec<u8>) {
    match (check(hello.clone()), rustls_reads(&hello)) {
        (Ok(()), Err(error @ rustls::Error::InvalidMessage(_))) => panic!("rustls: {error}"),
        (Err(unreadable), Ok(())) => {
            assert!(STRICTER_THAN_RUSTLS.contains(&unreadable.reason), "{}", unreadable.reason)
        }
        _ => {}
    }
}

#[test]
fn rustls_agrees_about_good_hellos() {
    rustls_reads(&Hello::full().bytes()).unwrap();
    agrees_with_rustls(Hello::full().bytes());
    agrees_with_rustls(Hello::bare().bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn any_bytes_are_read_or_refused(body in vec(any::<u8>(), 0..300)) {
        check(message(&body)).ok();
        check(body).ok();
    }

    #[test]
    fn rustls_agrees_about_hellos_with_some_bytes_changed(
        changes in vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), 0u8..4]), 1..4)
    ) {
        let mut bytes = Hello::full().bytes();
        for (at, value) in changes {
            let at = at.index(bytes.len() - 4);
            bytes[4 + at] = value;
        }
        agrees_with_rustls(bytes);
    }

    #[test]
    fn rustls_agrees_about_hellos_with_an_extension_changed(
        at in any::<prop::sample::Index>(),
        contents in vec(prop_oneof![any::<u8>(), 0u8..6], 0..16),
        length in any::<bool>(),
    ) {
        let mut hello = Hello::full();
        let extensions = hello.extensions.as_mut().unwrap();
        let at = at.index(extensions.len());
        extensions[at].1 = if length { vector16(&contents) } else { contents };
        agrees_with_rustls(hello.bytes());
    }
}

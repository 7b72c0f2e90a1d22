//! The reader of ClientHellos beside that of rustls: what both accept they must read alike, and what rustls refuses must not
//! reach a host. What we refuse and rustls accepts has to be on the list of what we are stricter about.

use std::io::Cursor;

use rustls::server::Acceptor;
use rustls::{Error, PeerIncompatible};
use spantls::client_hello::ClientHello;

use super::input::Input;

/// What rustls does not read, and what is refused here before a host is asked.
const STRICTER: [&str; 6] = [
    // An empty list (RFC 8446 section 4.2.4).
    "certificate_authorities is malformed",
    // Names of other types: rustls passes over all that follows the type.
    "server_name is malformed",
    "signature_algorithms_cert is malformed",
    "post_handshake_auth is not empty",
    "ticket_request is malformed",
    "ech_outer_extensions is malformed",
];

/// Extensions that are read here, and one that is not.
const EXTENSIONS: [u16; 27] = [
    0, 5, 10, 11, 13, 16, 19, 20, 21, 22, 23, 27, 28, 35, 41, 42, 43, 44, 45, 47, 49, 50, 51, 58, 0xfd00, 0xfe0d,
    0xff01,
];

pub fn play(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let body = if input.bit() { built(&mut input) } else { input.rest().to_vec() };
    let [_, length @ ..] = (body.len() as u32).to_be_bytes();
    compare([&[1][..], &length, &body].concat());
}

/// A ClientHello whose outer lengths are right.
fn built(input: &mut Input<'_>) -> Vec<u8> {
    let mut extensions = Vec::new();
    let (session_id, suites, methods) = (input.bytes(), input.bytes(), input.bytes());
    while !input.is_empty() {
        let number = match input.byte() {
            known @ 0..=99 => EXTENSIONS[usize::from(known) % EXTENSIONS.len()],
            other => u16::from_be_bytes([other, input.byte()]),
        };
        let wrapped = input.byte();
        let contents = input.bytes();
        let contents = match wrapped & 3 {
            0 => contents.to_vec(),
            1 => [&[contents.len() as u8][..], contents].concat(),
            2 => [&(contents.len() as u16).to_be_bytes()[..], contents].concat(),
            // As server_name, key_share and ALPN have it.
            _ => [&(contents.len() as u16 + 2).to_be_bytes()[..], &(contents.len() as u16).to_be_bytes(), contents]
                .concat(),
        };
        extensions.extend_from_slice(&number.to_be_bytes());
        extensions.extend_from_slice(&(contents.len() as u16).to_be_bytes());
        extensions.extend_from_slice(&contents);
    }
    let mut body = vec![3, 3];
    body.extend_from_slice(&[7; 32]);
    body.push(session_id.len() as u8);
    body.extend_from_slice(session_id);
    body.extend_from_slice(&(suites.len() as u16).to_be_bytes());
    body.extend_from_slice(suites);
    body.push(methods.len() as u8);
    body.extend_from_slice(methods);
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    body
}

fn compare(message: Vec<u8>) {
    let mut acceptor = Acceptor::default();
    let records: Vec<u8> = message
        .chunks(1 << 14)
        .flat_map(|fragment| [&[22, 3, 1][..], &(fragment.len() as u16).to_be_bytes(), fragment].concat())
        .collect();
    let mut stream = Cursor::new(&records);
    let theirs = loop {
        // An error of reading is what rustls says to too long a message.
        if acceptor.read_tls(&mut stream).map_or(true, |count| count == 0) {
            break Ok(None);
        }
        match acceptor.accept().map_err(|(error, _)| error) {
            Ok(None) => {}
            ended => break ended,
        }
    };
    let ours = ClientHello::read(message.clone());
    match (&ours, &theirs) {
        (Ok(ours), Ok(Some(theirs))) => agree(ours, &theirs.client_hello()),
        // It depends on the context, and is for rustls to say.
        (Ok(hello), Err(Error::PeerIncompatible(PeerIncompatible::SignatureAlgorithmsExtensionRequired))) => {
            assert!(hello.parts().signature_algorithms.is_none());
        }
        (Ok(_), refused) => panic!("accepted here, and there: {refused:?}"),
        (Err(refused), Ok(Some(_))) => assert!(STRICTER.contains(&refused.reason), "{} here alone", refused.reason),
        (Err(_), Ok(None) | Err(_)) => {}
    }
    if let Ok(hello) = ours {
        inside(&hello);
    }
}

fn agree(ours: &ClientHello, theirs: &rustls::server::ClientHello<'_>) {
    let name = ours.server_name().map(str::to_ascii_lowercase);
    assert_eq!(name.as_deref(), theirs.server_name(), "server_name");
    let alpn: Vec<&[u8]> = ours.alpn().collect();
    assert_eq!(alpn, theirs.alpn().map_or(Vec::new(), Iterator::collect), "application protocols");
    let groups = theirs.named_groups().unwrap_or_default();
    assert!(ours.supported_groups().eq(groups.iter().map(|group| u16::from(*group))), "supported_groups");
    let suites = theirs.cipher_suites();
    assert!(ours.cipher_suites().eq(suites.iter().map(|suite| u16::from(*suite))), "cipher_suites");
    let schemes = theirs.signature_schemes();
    assert!(ours.signature_algorithms().eq(schemes.iter().map(|scheme| u16::from(*scheme))), "signature_algorithms");
}

/// All parts lie inside, and every reader of them ends.
fn inside(hello: &ClientHello) {
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
    let all = [parts.random, parts.session_id, parts.cipher_suites, parts.compression_methods];
    for span in optional.into_iter().flatten().chain(all) {
        assert!(span.offset + span.len <= hello.raw().len(), "{span:?} of {}", hello.raw().len());
    }
    let most = hello.raw().len();
    assert!(hello.extension_types().count() <= most && hello.key_share_groups().count() <= most);
    let _: bool = hello.missing_extension();
    let (ja3, ja4) = (hello.ja3(), hello.ja4());
    assert!(ja3.len() == 32 && ja4.len() >= 36 && ja4.is_ascii(), "{ja3}, {ja4}");
}

//! What the options change on the wire: the size of records, and the server's stapled OCSP response.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/link.rs"]
mod link;

use link::*;
use spantls::context::ClientCertificateMode;
use spantls::outcome::FailureKind;
use spantls::session::Version;

const HANDSHAKE: u8 = 22;
const CHANGE_CIPHER_SPEC: u8 = 20;

/// What the records of a stream hold at most, without what protects them: in clear until the keys are there.
fn longest_plaintext(stream: &[u8], protocol: Version) -> usize {
    let overhead = if protocol == TLS13 { 1 + 16 } else { 8 + 16 };
    let mut protected = false;
    let mut longest = 0;
    for (content_type, len) in records(stream) {
        protected |= protocol == TLS13 && content_type == 23;
        let clear = !protected || content_type == CHANGE_CIPHER_SPEC;
        longest = longest.max(if clear { len } else { len - overhead });
        protected |= protocol == TLS12 && content_type == CHANGE_CIPHER_SPEC;
    }
    longest
}

#[test]
fn no_record_of_ours_holds_more_than_the_options_say() {
    let data = vec![3; 50_000];
    for protocol in VERSIONS {
        for size in [64, 65, 100, 511, 1000, 4096, 16_383, 16_384, 0] {
            // Both sides, or one of them.
            for limited in [[true, true], [true, false], [false, true]] {
                let most = limited.map(|limited| if limited && size > 0 { size } else { 16_384 });
                let set = limited.map(|limited| if limited { size } else { 0 });
                let own = credentials("server-p256");
                own.set_ocsp_response(&vec![1; 5000]).unwrap();
                let server = server(|options| {
                    options.set_credentials(Some(own));
                    options.client_certificates = ClientCertificateMode::Require;
                    options.set_max_fragment_size((set[SERVER] != 0).then_some(set[SERVER])).unwrap();
                    options.set_cipher_suites(&[0x1301, 0xC02B]).unwrap();
                });
                let client = client(protocol, |options| {
                    options.set_credentials(Some(credentials("client-p256")));
                    options.set_max_fragment_size((set[CLIENT] != 0).then_some(set[CLIENT])).unwrap();
                });
                for resumed in [false, true] {
                    let mut link = Link::open(&client, &server);
                    assert_eq!(link.sides.each_ref().map(Side::resumed), [resumed; 2]);
                    let handshakes = link.sides.each_ref().map(|side| side.stream.len());
                    for me in [CLIENT, SERVER] {
                        link.send(me, &data);
                        let (handshake, sent) = link.sides[me].stream.split_at(handshakes[me]);
                        let story = (protocol, size, limited, resumed, me);
                        assert!(longest_plaintext(handshake, protocol) <= most[me], "{story:?}");
                        // No more than they have to be.
                        let sealed = records(sent);
                        assert_eq!(sealed.len(), data.len().div_ceil(most[me]), "{story:?}");
                        let overhead = if protocol == TLS13 { 17 } else { 24 };
                        assert!(sealed.iter().all(|(kind, len)| *kind == 23 && *len <= most[me] + overhead));
                        assert_eq!(sealed[0].1, most[me] + overhead, "{story:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_handshake_whose_messages_do_not_fit_is_in_many_records() {
    for protocol in VERSIONS {
        let server = server(|options| options.set_max_fragment_size(Some(64)).unwrap());
        let client = client(protocol, |options| options.set_max_fragment_size(Some(64)).unwrap());
        let link = Link::open(&client, &server);
        for side in &link.sides {
            let first = records(&side.stream)[0];
            assert_eq!(first, (HANDSHAKE, 64));
        }
        assert!(records(&link.sides[SERVER].stream).len() > 8);
    }
}

#[test]
fn sizes_that_no_record_has_are_refused() {
    for size in [1, 63, 16_385, usize::MAX] {
        let failure = server_options().set_max_fragment_size(Some(size)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidArgument);
    }
}

// --- Staples -------------------------------------------------------------------------------------------------------

#[test]
fn a_staple_is_what_it_is_when_the_handshake_begins() {
    for protocol in VERSIONS {
        let own = credentials("server-p256");
        // Two contexts with the same credentials; no resumption, so that there is a certificate to staple to.
        let contexts = [(); 2].map(|()| {
            server(|options| {
                options.set_credentials(Some(own.clone()));
                options.allow_resume = false;
            })
        });
        let client = client(protocol, |_| {});
        let large = vec![7; 12_288];
        let mut earlier: Vec<(Link, Vec<u8>)> = Vec::new();
        for response in [&b""[..], b"first", b"second", &large, b"", b"third"] {
            own.set_ocsp_response(response).unwrap();
            for context in &contexts {
                let mut link = Link::open(&client, context);
                assert!(link.client().staple_asked == response, "at the verdict");
                assert!(link.client().session.ocsp_response() == response, "afterwards");
                // A server has none to tell of.
                assert!(link.server().session.ocsp_response().is_empty());
                link.talk();
                earlier.push((link, response.to_vec()));
            }
        }
        assert!(earlier.iter().all(|(link, response)| link.sides[CLIENT].session.ocsp_response() == *response));
    }
}

#[test]
fn a_handshake_under_way_keeps_its_staple() {
    for protocol in VERSIONS {
        let own = credentials("server-p256");
        own.set_ocsp_response(b"old").unwrap();
        let server = server(|options| options.set_credentials(Some(own.clone())));
        let client = client(protocol, |_| {});
        let mut link = Link::new(&client, &server, Some("localhost"));
        link.step(CLIENT);
        link.step(SERVER);
        own.set_ocsp_response(b"new").unwrap();
        link.run();
        link.completed();
        assert_eq!(link.client().staple_asked, b"old");
        // The next one is resumed and has no certificate to staple to, the one behind it has.
        assert!(Link::open(&client, &server).client().staple_asked.is_empty());
        let another = link::client(protocol, |_| {});
        assert_eq!(Link::open(&another, &server).client().staple_asked, b"new");
    }
}

#[test]
fn resumed_sessions_and_clients_certificates_have_no_staple() {
    for protocol in VERSIONS {
        let (own, theirs) = (credentials("server-p256"), credentials("client-p256"));
        own.set_ocsp_response(b"of the server").unwrap();
        theirs.set_ocsp_response(b"of the client").unwrap();
        let server = server(|options| {
            options.set_credentials(Some(own));
            options.client_certificates = ClientCertificateMode::Require;
        });
        let client = client(protocol, |options| options.set_credentials(Some(theirs)));
        for resumed in [false, true, true] {
            let mut link = Link::open(&client, &server);
            assert_eq!(link.client().resumed(), resumed);
            assert_eq!(link.client().staple_asked.is_empty(), resumed);
            assert_eq!(link.client().session.ocsp_response().is_empty(), resumed);
            assert!(link.server().session.ocsp_response().is_empty() && link.server().staple_asked.is_empty());
        }
    }
}

#[test]
fn a_staple_that_fits_into_no_message_is_refused_and_changes_nothing() {
    let own = credentials("server-p256");
    own.set_ocsp_response(b"good").unwrap();
    assert_eq!(own.set_ocsp_response(&[0; 12_289]).unwrap_err().kind, FailureKind::InvalidArgument);
    let server = server(|options| options.set_credentials(Some(own)));
    for protocol in VERSIONS {
        assert_eq!(Link::open(&client(protocol, |_| {}), &server).client().staple_asked, b"good");
    }
}

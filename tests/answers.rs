//! What a host answers in a handshake, and how it ends one: verdicts that come late, refusals, leaving, the name of a
//! client's target, and input that no answer makes good.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/link.rs"]
mod link;

use std::sync::Arc;

use link::*;
use spantls::context::{ClientCertificateMode, Context};
use spantls::outcome::{Alert, Failure, FailureKind, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Progress, Session, Version};

/// A link whose server wants the client's certificate as it is told. `me` leaves its question about the other's to the test.
fn mutual(protocol: Version, mode: ClientCertificateMode, me: usize) -> Link {
    let server = server(|options| options.client_certificates = mode);
    let client = client(protocol, |options| options.set_credentials(Some(credentials("client-p256"))));
    let mut link = Link::new(&client, &server, Some("localhost"));
    link.sides[1 - me].judge = Judge::Default;
    link.sides[me].judge = Judge::Stop;
    link
}

/// A link whose client verifies its server's certificate.
fn usual(protocol: Version, judge: Judge) -> Link {
    let mut link = Link::new(&client(protocol, |_| {}), &server(|_| {}), Some("localhost"));
    link.client().judge = judge;
    link
}

#[test]
fn a_verdict_can_come_late_and_from_other_threads() {
    for protocol in VERSIONS {
        let mut link = mutual(protocol, ClientCertificateMode::Require, CLIENT);
        link.server().judge = Judge::Stop;
        let mut verdicts = 0;
        // Every step on a thread of its own, every verdict on this one.
        for _ in 0..20 {
            link = std::thread::spawn(move || {
                link.step(CLIENT);
                link.step(SERVER);
                link
            })
            .join()
            .unwrap();
            for session in link.sides.iter().map(|side| &side.session).filter(|session| session.state().suspended) {
                assert_eq!(session.accept_with_default_validation(), Ok(PolicyErrors::NONE));
                verdicts += 1;
                assert_eq!(session.accept_with_default_validation().unwrap_err().kind, FailureKind::InvalidState);
                assert!(session.set_certificate_validation_result(PolicyErrors::NONE).is_err());
            }
        }
        link.completed();
        assert_eq!(verdicts, 2);
        link.talk();
    }
}

#[test]
fn a_refused_peer_gets_the_alert_and_never_completes() {
    for protocol in VERSIONS {
        for refuser in [CLIENT, SERVER] {
            for alert in [42, 43, 44, 45, 46, 48, 49, 113, 116, 200].map(Alert) {
                let mut link = mutual(protocol, ClientCertificateMode::Request, refuser);
                link.run();
                assert_eq!(link.sides[refuser].session.reject_certificate(alert), Ok(Outcome::Complete));
                link.run();
                let refused = link.sides[refuser].result.clone().expect_err("the refusal is reported");
                assert_eq!((refused.kind, refused.alert_sent), (FailureKind::Authentication, Some(alert)));
                // A TLS 1.3 client is complete once its own flight is out; it learns of the refusal from its first read.
                let completed = refuser == SERVER && protocol == TLS13;
                assert_eq!(link.client().is_complete(), completed);
                let peer = &mut link.sides[1 - refuser];
                let told = if completed { peer.receive() } else { peer.result.clone() };
                assert_eq!(told.expect_err("the peer is told").alert_received, Some(alert));
            }
        }
    }
}

/// What a server knows of a client that has declined; `accepted` is the verdict.
fn judge_a_client_without_a_certificate(server: &Session, accepted: bool) {
    assert_eq!(server.pending_policy_errors(), PolicyErrors::NOT_AVAILABLE);
    let report = server.default_validation().unwrap();
    assert_eq!(report.reasons.policy_errors(), PolicyErrors::NOT_AVAILABLE);
    assert_eq!(server.remote_certificates().len(), 0);
    if accepted {
        assert_eq!(server.accept_with_default_validation(), Ok(PolicyErrors::NOT_AVAILABLE));
    } else {
        let refusal = server.set_certificate_validation_result(PolicyErrors::NOT_AVAILABLE).unwrap_err();
        assert_eq!(refusal.kind, FailureKind::Authentication);
        assert!(server.state().failed);
    }
}

#[test]
fn a_client_without_a_certificate_is_held_back_or_refused() {
    for protocol in VERSIONS {
        let expected = if protocol == TLS12 { Alert::HANDSHAKE_FAILURE } else { Alert::CERTIFICATE_REQUIRED };
        for mode in [ClientCertificateMode::Request, ClientCertificateMode::Require] {
            for accepted in [true, false] {
                let server = server(|options| options.client_certificates = mode);
                let mut link = Link::new(&client(protocol, |_| {}), &server, Some("localhost"));
                link.server().judge = Judge::Stop;
                // Said beforehand: nothing to show.
                assert_eq!(link.client().session.set_client_credentials(None), Ok(Outcome::Complete));
                link.run();
                let asked = link.server().result == Ok(Outcome::Suspended(Question::Certificate));
                assert_eq!(asked, mode == ClientCertificateMode::Request);
                if asked {
                    judge_a_client_without_a_certificate(&link.server().session, accepted);
                    link.run();
                }
                if asked && accepted {
                    link.completed();
                    link.talk();
                    continue;
                }
                let end = link.server().result.clone().expect_err("refused");
                assert_eq!((end.kind, end.alert_sent), (FailureKind::Authentication, Some(expected)));
                let client = link.client();
                let told = if client.is_complete() { client.receive() } else { client.result.clone() };
                assert_eq!(told.unwrap_err().alert_received, Some(expected));
            }
        }
    }
}

#[test]
fn cancelling_a_handshake_tells_the_peer() {
    for suspended in [false, true] {
        for protocol in VERSIONS {
            let mut link = usual(protocol, Judge::Stop);
            if suspended {
                link.run();
            } else {
                link.step(CLIENT);
                link.step(SERVER);
            }
            let mut output = [0; 200];
            let Progress { outcome, written, .. } = link.client().session.shutdown(&mut output);
            assert_eq!(outcome, Ok(Outcome::Closed));
            assert_ne!(written, 0);
            assert_eq!(link.client().session.shutdown(&mut output[written..]).outcome, Ok(Outcome::Closed));
            link.server().inbox.extend_from_slice(&output[..written]);
            link.run();
            assert_eq!(link.server().alert_received(), Some(Alert::CLOSE_NOTIFY));
            assert_eq!(link.client().result, Ok(Outcome::Closed));
        }
    }
}

#[test]
fn destroying_a_suspended_session_is_ordinary() {
    for protocol in VERSIONS {
        let mut link = usual(protocol, Judge::Stop);
        link.run();
        assert!(link.client().session.state().suspended);
        let [client, _] = link.sides;
        std::thread::spawn(move || drop(client)).join().unwrap();
    }
}

/// One call of a new session, with room for everything.
fn answer(session: &Session, input: &[u8]) -> (Result<Outcome, Failure>, Counts, Vec<u8>) {
    let (mut output, mut counts) = (vec![0; 1 << 16], Counts::default());
    let result = session.process_handshake(input, &mut output).add_to(&mut counts);
    output.truncate(counts.written);
    (result, counts, output)
}

#[test]
fn a_message_in_too_many_records_is_refused_before_they_fill_the_memory() {
    // A ClientHello of 60,000 bytes, a byte a record.
    let mut input = vec![22, 3, 1, 0, 4, 1, 0, 0xea, 0x60];
    input.extend([22, 3, 1, 0, 1, 7].repeat(60_000));
    let (result, counts, output) = answer(&Session::new(server(|_| {})), &input);
    assert_eq!(result.unwrap_err().alert_sent, Some(Alert::ILLEGAL_PARAMETER));
    assert!(counts.consumed <= (128 << 10) + 10, "{counts:?}");
    assert_eq!(output, [21, 3, 3, 0, 2, 2, 47]);
}

/// The ClientHello in fragments of this size, with these bytes after it in its last record.
fn fragmented(hello: &[u8], size: usize, after: &[u8]) -> Vec<Vec<u8>> {
    let mut fragments: Vec<Vec<u8>> = hello.chunks(size).map(<[u8]>::to_vec).collect();
    fragments.last_mut().unwrap().extend_from_slice(after);
    let record = |fragment: Vec<u8>| [&[22, 3, 1][..], &(fragment.len() as u16).to_be_bytes(), &fragment].concat();
    fragments.into_iter().map(record).collect()
}

/// Passed again, what completed the ClientHello is the same or nothing; what can never be taken is not asked about.
#[test]
fn nothing_follows_the_clienthello() {
    let undecided = Arc::new(Context::undecided().unwrap());
    for size in [1, 3, 4, 100, 16_000] {
        let mut link = Link::new(&client(None, |_| {}), &undecided, Some("localhost"));
        link.step(CLIENT);
        let hello = link.server().inbox.split_off(5);
        for context in [&undecided, &server(|_| {})] {
            let result = answer(&Session::new(context.clone()), &fragmented(&hello, size, &[0; 4]).concat()).0;
            assert_eq!(result.unwrap_err().alert_sent, Some(Alert::UNEXPECTED_MESSAGE));
        }
        link.server().inbox = fragmented(&hello, size, &[]).concat();
        link.server().context = Some(server(|_| {}));
        link.step(SERVER);
        assert_eq!(link.server().result, Ok(Outcome::Suspended(Question::ServerContext)));
        let longer = fragmented(&hello, size, &[0; 4]).pop().unwrap();
        assert_eq!(answer(&link.server().session, &longer).0.unwrap_err().kind, FailureKind::InvalidArgument);
        link.run();
        link.completed();
    }
}

#[test]
fn a_dot_at_the_end_of_a_target_name_is_neither_sent_nor_compared() {
    for name in ["localhost", "localhost."] {
        let mut link = usual(TLS13, Judge::Stop);
        assert_eq!(link.client().session.set_target_host_name(name), Ok(Outcome::Complete));
        link.run();
        assert_eq!(link.client().session.accept_with_default_validation(), Ok(PolicyErrors::NONE), "{name}");
        assert_eq!(link.server().session.target_host_name(), "localhost");
        assert_eq!(link.client().session.target_host_name(), name);
    }
}

/// RFC 1035 section 2.3.4.
#[test]
fn a_target_name_has_253_bytes_besides_a_dot_at_its_end() {
    let longest = vec!["a".repeat(63); 4].join(".")[..253].to_owned();
    let session = Session::new(client(None, |_| {}));
    for good in [longest.clone(), format!("{longest}."), "a.".into(), "127.0.0.1".into(), "::1".into()] {
        assert_eq!(session.set_target_host_name(&good), Ok(Outcome::Complete), "{good}");
    }
    let long = format!("{longest}a");
    for bad in [&long, &format!("{long}."), "", ".", "a..", "..", ".a", "127.0.0.1.", "::1."] {
        assert!(session.set_target_host_name(bad).is_err(), "{bad}");
    }
}

//! Refused peers: whatever a host calls after a refusal, the peer is not accepted, and gets the alert once.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/link.rs"]
mod link;

use std::sync::Arc;

use link::*;
use proptest::prelude::*;
use spantls::context::{ClientCertificateMode, Context};
use spantls::outcome::{Alert, FailureKind, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Session, Version};

/// How the refuser comes to be asked.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// In the middle of a full handshake.
    Full,
    /// After the last message of a resumed one.
    Resumed,
    /// A client has declined.
    NoCertificate,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Handshake(usize),
    Drain(usize),
    Shutdown(usize),
    EndOfInput,
    Accept,
    AcceptByHost,
    Refuse,
    Reject,
    Credentials,
    Signature,
    Encrypt,
    Decrypt,
    Update,
    Request,
    Context,
    OtherThread,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let room = prop::sample::select(vec![0_usize, 1, 7, 100, 5000]);
    let call = prop_oneof![
        room.clone().prop_map(Call::Handshake),
        room.clone().prop_map(Call::Drain),
        room.prop_map(Call::Shutdown),
        prop::sample::select(vec![
            Call::EndOfInput,
            Call::Accept,
            Call::AcceptByHost,
            Call::Refuse,
            Call::Reject,
            Call::Credentials,
            Call::Signature,
            Call::Encrypt,
            Call::Decrypt,
            Call::Update,
            Call::Request,
            Call::Context,
            Call::OtherThread,
        ]),
    ];
    prop::collection::vec(call, 0..12)
}

/// Makes the call; nothing that it returns may be a success that means trust.
fn make(session: &Session, call: Call, input: &[u8], other: &Arc<Context>, sent: &mut Vec<u8>) {
    let mut room = vec![0; 5000];
    let mut counts = Counts::default();
    match call {
        Call::Handshake(cap) => {
            let result = session.process_handshake(input, &mut room[..cap]).add_to(&mut counts);
            assert!(!matches!(result, Ok(Outcome::Complete | Outcome::Suspended(_) | Outcome::WantRead)), "{result:?}");
            assert_eq!(counts.consumed, 0);
        }
        Call::Drain(cap) => drop(session.drain_pending_output(&mut room[..cap]).add_to(&mut counts)),
        Call::Shutdown(cap) => drop(session.shutdown(&mut room[..cap]).add_to(&mut counts)),
        Call::EndOfInput => drop(session.end_of_input()),
        Call::Accept => drop(session.accept_with_default_validation().unwrap_err()),
        Call::AcceptByHost => drop(session.set_certificate_validation_result(PolicyErrors::NONE).unwrap_err()),
        Call::Refuse => drop(session.set_certificate_validation_result(PolicyErrors::NAME_MISMATCH).unwrap_err()),
        Call::Reject => drop(session.reject(Alert(80)).unwrap_err()),
        Call::Credentials => drop(session.set_client_credentials(None).unwrap_err()),
        Call::Signature => drop(session.set_signature(&[1]).unwrap_err()),
        Call::Encrypt => drop(session.encrypt(&[b"secret"], &mut room).add_to(&mut counts).unwrap_err()),
        Call::Decrypt => drop(session.decrypt(input, &mut room).add_to(&mut counts).unwrap_err()),
        Call::Update => drop(session.update_keys(true, &mut room).add_to(&mut counts).unwrap_err()),
        Call::Request => drop(session.request_client_certificate(&mut room).add_to(&mut counts).unwrap_err()),
        Call::Context => drop(session.set_server_context(other.clone()).unwrap_err()),
        Call::OtherThread => std::thread::scope(|scope| {
            scope.spawn(|| drop(session.accept_with_default_validation().unwrap_err()));
        }),
    }
    sent.extend_from_slice(&room[..counts.written]);
    assert!(!session.state().handshake_complete && !session.state().suspended, "{call:?}");
    assert!(session.state().failed, "{call:?}");
    assert_eq!(session.last_failure().unwrap().kind, FailureKind::Authentication, "{call:?}");
}

/// A link on which one side is to be asked.
fn before(asked: Asked, protocol: Version, me: usize) -> Link {
    let server = server(|options| {
        options.allow_resume = matches!(asked, Asked::Resumed);
        if me == SERVER {
            options.client_certificates = ClientCertificateMode::Request;
        }
    });
    let client = client(protocol, |options| {
        if me == SERVER && !matches!(asked, Asked::NoCertificate) {
            options.set_credentials(Some(credentials("client-p256")));
        }
    });
    if matches!(asked, Asked::Resumed) {
        Link::open(&client, &server);
    }
    let mut link = Link::new(&client, &server, Some("localhost"));
    link.sides[me].judge = Judge::Stop;
    link
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_call_accepts_a_peer_that_was_refused(
        (asked, me) in prop::sample::select(vec![
            (Asked::Full, CLIENT), (Asked::Full, SERVER), (Asked::Resumed, CLIENT), (Asked::Resumed, SERVER),
            (Asked::NoCertificate, SERVER),
        ]),
        protocol in prop::sample::select(VERSIONS.to_vec()),
        calls in calls(),
    ) {
        let other = server(|_| {});
        let mut link = before(asked, protocol, me);
        link.run();
        let Side { session, inbox, result, .. } = &link.sides[me];
        prop_assert_eq!(result, &Ok(Outcome::Suspended(Question::Certificate)));
        let refusal = session.set_certificate_validation_result(PolicyErrors::CHAIN_ERRORS).unwrap_err();
        prop_assert_eq!(refusal.kind, FailureKind::Authentication);
        let alert = refusal.alert_sent.unwrap();
        let mut sent = Vec::new();
        for call in calls {
            make(session, call, inbox, &other, &mut sent);
        }
        make(session, Call::Drain(5000), inbox, &other, &mut sent);
        // One record, and it is the alert: the peer finds no second one, and no data. A TLS 1.3 client has held a
        // change_cipher_spec for the flight that follows it.
        prop_assert_eq!(records(sent.strip_prefix(&[20, 3, 3, 0, 1, 1]).unwrap_or(&sent)).len(), 1, "{:?}", asked);
        let peer = 1 - me;
        link.sides[peer].inbox.extend_from_slice(&sent);
        while !link.sides[peer].is_complete() && link.step(peer) {}
        let peer = &mut link.sides[peer];
        let told = if peer.is_complete() { peer.receive() } else { peer.result.clone() }.expect_err("the peer is told");
        prop_assert_eq!((told.kind, told.alert_received), (FailureKind::PeerAlert, Some(alert)));
        prop_assert_eq!(peer.received.len(), 0);
    }
}

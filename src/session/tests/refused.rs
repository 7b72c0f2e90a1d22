//! Refused peers: whatever a host calls after a refusal, the peer is not accepted, and gets the alert once.

use proptest::prelude::*;

use super::resumption::resuming_server;
use super::*;

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

/// Two sessions, of which one is to be asked.
fn before(asked: Asked, protocols: Version, is_server: bool) -> Pair {
    let mut server = match asked {
        Asked::Resumed => resuming_server("server-p256"),
        _ => server_options("server-p256"),
    };
    let mut client = Options::default();
    client.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
    client.set_versions(&[protocols]);
    if is_server {
        server.client_certificates = ClientCertificateMode::Request;
        server.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
        if !matches!(asked, Asked::NoCertificate) {
            client.set_credentials(Some(credentials("client-p256")));
        }
    }
    let (server, client) = (Arc::new(Context::server(server).unwrap()), Arc::new(Context::client(client).unwrap()));
    let preset = || match (is_server, asked) {
        (true, Asked::Full | Asked::Resumed) => None,
        _ => Some(None),
    };
    let new = || {
        let (server, client) = (Session::new(server.clone()), Session::new(client.clone()));
        client.set_target_host_name("localhost").unwrap();
        if let Some(preset) = preset() {
            client.set_client_credentials(preset).unwrap();
        }
        Pair { client, server, to_client: Vec::new(), to_server: Vec::new() }
    };
    if matches!(asked, Asked::Resumed) {
        let mut first = new();
        first.shake(|session| {
            assert_eq!(session.set_certificate_validation_result(PolicyErrors::NONE), Ok(Outcome::Complete))
        });
        while !first.to_client.is_empty() {
            let mut counts = Counts::default();
            first.client.decrypt(&first.to_client, &mut [0; 20_000]).add_to(&mut counts).unwrap();
            first.to_client.drain(..counts.consumed);
        }
    }
    new()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_call_accepts_a_peer_that_was_refused(
        (asked, is_server) in prop::sample::select(vec![
            (Asked::Full, false), (Asked::Full, true), (Asked::Resumed, false), (Asked::Resumed, true),
            (Asked::NoCertificate, true),
        ]),
        protocols in prop::sample::select(vec![Version::Tls12, Version::Tls13]),
        calls in calls(),
    ) {
        let other = Arc::new(Context::server(server_options("server-p256")).unwrap());
        let mut pair = before(asked, protocols, is_server);
        let mut refused = false;
        for _ in 0..20 {
            let result = pair.step_client();
            if result == Ok(Outcome::Suspended(Question::Certificate)) {
                if !is_server {
                    refused = true;
                    break;
                }
                pair.client.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
            }
            if pair.step_server() == Ok(Outcome::Suspended(Question::Certificate)) {
                refused = true;
                break;
            }
        }
        prop_assert!(refused, "no one was asked");
        let (session, input) = match is_server {
            true => (&pair.server, pair.to_server.clone()),
            false => (&pair.client, pair.to_client.clone()),
        };
        let refusal = session.set_certificate_validation_result(PolicyErrors::CHAIN_ERRORS).unwrap_err();
        prop_assert_eq!(refusal.kind, FailureKind::Authentication);
        let alert = refusal.alert_sent.unwrap();
        let mut sent = Vec::new();
        for call in calls {
            make(session, call, &input, &other, &mut sent);
        }
        make(session, Call::Drain(5000), &input, &other, &mut sent);
        // One record, and it is the alert: the peer finds no second one, and no data. A TLS 1.3 client has held a
        // change_cipher_spec for the flight that follows it.
        let records = sent.strip_prefix(&[20, 3, 3, 0, 1, 1]).unwrap_or(&sent);
        prop_assert_eq!(records.len(), usize::from(u16::from_be_bytes([records[3], records[4]])) + 5, "{:?}", asked);
        let peer = if is_server { &pair.client } else { &pair.server };
        let waiting = if is_server { &mut pair.to_client } else { &mut pair.to_server };
        waiting.extend_from_slice(&sent);
        let mut told = None;
        for _ in 0..5 {
            let mut counts = Counts::default();
            let mut room = vec![0; 20_000];
            let result = match peer.state().handshake_complete {
                false => peer.process_handshake(waiting, &mut room).add_to(&mut counts),
                true => {
                    let result = peer.decrypt(waiting, &mut room).add_to(&mut counts);
                    prop_assert_eq!(counts.written, 0);
                    result
                }
            };
            waiting.drain(..counts.consumed);
            if let Err(failure) = result {
                told = Some(failure);
                break;
            }
        }
        let told = told.expect("the peer is told");
        prop_assert_eq!((told.kind, told.alert_received), (FailureKind::PeerAlert, Some(alert)));
    }
}

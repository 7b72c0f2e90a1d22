//! Sessions that go back to others.

use std::num::NonZeroU32;

use super::*;
use crate::client_hello::ClientHello;
use crate::context::TicketRoot;

/// A server whose tickets other contexts of the same root may take.
pub(super) fn resuming_server(name: &str) -> Options {
    let mut options = Options::default();
    options.set_credentials(Some(credentials(name)));
    options.set_ticket_roots(&[TicketRoot { secret: &[7; 32], seal_from: 0, open_until: i64::MAX }]).unwrap();
    options
}

fn resuming_client(protocols: Version) -> Arc<Context> {
    let mut options = Options::default();
    options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
    options.set_versions(&[protocols]);
    Arc::new(Context::client(options).unwrap())
}

/// A handshake on these contexts, and the tickets behind it.
fn connect(server: &Arc<Context>, client: &Arc<Context>, preset: Option<Arc<Credentials>>) -> Pair {
    let mut pair = Pair::of(server, client);
    pair.client.set_client_credentials(preset).unwrap();
    pair.shake(|session| {
        assert_eq!(session.set_certificate_validation_result(PolicyErrors::NONE), Ok(Outcome::Complete))
    });
    while !pair.to_client.is_empty() {
        let mut counts = Counts::default();
        pair.client.decrypt(&pair.to_client, &mut [0; 20_000]).add_to(&mut counts).unwrap();
        assert_ne!(counts.consumed, 0);
        pair.to_client.drain(..counts.consumed);
    }
    pair
}

/// What the client's next session begins with.
fn first_record(server: &Arc<Context>, client: &Arc<Context>) -> Vec<u8> {
    let mut pair = Pair::of(server, client);
    pair.client.set_client_credentials(None).unwrap();
    pair.step_client().unwrap();
    pair.to_server
}

fn resumed(pair: &Pair) -> bool {
    let both = [&pair.client, &pair.server].map(|session| session.state().resumed);
    assert_eq!(both[0], both[1]);
    both[0]
}

/// Whoever leads a client to another server of the same root must not have that one taken for the server of the ticket:
/// its certificate is not looked at. Then too both ends have the same tls-server-end-point.
#[test]
fn a_ticket_is_for_the_server_that_gave_it() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let context = |name| Arc::new(Context::server(resuming_server(name)).unwrap());
        let (one, same, other) = (context("server-p256"), context("server-p256"), context("server-wrongname"));
        let client = resuming_client(protocols);
        assert!(!resumed(&connect(&one, &client, None)));
        let pair = connect(&same, &client, None);
        assert!(resumed(&pair));
        same_bindings(&pair, protocols == Version::Tls13);
        let pair = connect(&other, &client, None);
        assert!(!resumed(&pair));
        same_bindings(&pair, protocols == Version::Tls13);
    }
}

/// RFC 8446 section 4.6.1.
#[test]
fn a_ticket_without_a_lifetime_is_not_kept() {
    for lifetime in [0, 1] {
        let (mut server, client) = (resuming_server("server-p256"), resuming_client(Version::Tls13));
        server.allow_resume = false;
        let server = Arc::new(Context::server(server).unwrap());
        let pair = connect(&server, &client, None);
        // No nonce, a ticket of one byte, no extensions.
        let ticket = [4, 0, 0, 14, 0, 0, 0, lifetime, 1, 2, 3, 4, 0, 0, 1, 9, 0, 0];
        let record = pair.server.write.lock().unwrap().seal_message(&ticket);
        let outcome = pair.client.decrypt(&record, &mut [0; 100]).outcome;
        assert_eq!((outcome, pair.client.stats().tickets_received), (Ok(Outcome::Complete), lifetime.into()));
        let hello = ClientHello::read(first_record(&server, &client)[5..].to_vec()).unwrap();
        assert_eq!(hello.offers_pre_shared_key(), lifetime == 1);
    }
}

/// Each resumed session brings new tickets, but in it neither side proves that it still has its key.
#[test]
fn a_client_resumes_for_seven_days_at_most() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut server = resuming_server("server-p256");
        server.set_ticket_roots(&[]).unwrap();
        server.set_ticket_lifetime(NonZeroU32::new(604_800)).unwrap();
        let server = Arc::new(Context::server(server).unwrap());
        let client = resuming_client(protocols);
        assert!(!resumed(&connect(&server, &client, None)));
        for _ in 0..7 {
            assert!(resumed(&connect(&server, &client, None)));
            client.age_tickets(86_000);
        }
        client.age_tickets(3600);
        assert!(!resumed(&connect(&server, &client, None)));
        assert!(resumed(&connect(&server, &client, None)));
    }
}

/// Not only at the next handshake with the same server.
#[test]
fn a_clients_ticket_is_gone_from_memory_at_the_next_use_of_its_context_after_its_lifetime() {
    const LIFETIME: u32 = 86_400;
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut server = resuming_server("server-p256");
        server.set_ticket_roots(&[]).unwrap();
        server.set_ticket_lifetime(NonZeroU32::new(LIFETIME)).unwrap();
        let server = Arc::new(Context::server(server).unwrap());
        let uses: [fn(&Arc<Context>, &Session); 3] = [
            |context, _| drop(Session::new(context.clone())),
            |context, _| context.forget_expired(),
            |_, session| drop(step(session, &mut Vec::new(), &mut Vec::new())),
        ];
        for make_use in uses {
            let client = resuming_client(protocols);
            assert!(!resumed(&connect(&server, &client, None)));
            let session = Session::new(client.clone());
            let (servers, tickets) = client.tickets_in_memory();
            assert!(servers == 1 && tickets > 0);
            client.age_tickets(u64::from(LIFETIME) - 3600);
            make_use(&client, &session);
            assert_eq!(client.tickets_in_memory(), (1, tickets));
            client.age_tickets(7200);
            assert_eq!(client.tickets_in_memory(), (1, tickets));
            make_use(&client, &session);
            assert_eq!(client.tickets_in_memory(), (0, 0));
        }
    }
}

#[test]
fn what_was_shown_is_known_however_often_a_session_is_resumed() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut options = resuming_server("server-p256");
        options.client_certificates = ClientCertificateMode::Require;
        let server = Arc::new(Context::server(options).unwrap());
        let (client, own) = (resuming_client(protocols), credentials("client-p256"));
        for times in 0..4 {
            let pair = connect(&server, &client, Some(own.clone()));
            assert_eq!(resumed(&pair), times > 0);
            assert_eq!(pair.client.local_certificate(), pair.server.remote_certificates()[0].to_vec());
        }
    }
}

#[test]
fn a_session_can_be_retried_and_resumed() {
    let context = |group| {
        let mut options = resuming_server("server-p256");
        options.set_groups(&[group]).unwrap();
        Arc::new(Context::server(options).unwrap())
    };
    let client = resuming_client(Version::Tls13);
    // The client sends a share of the group that it met last.
    for (group, resumes, retries) in [(0x17, false, true), (0x17, true, false), (0x18, true, true)] {
        let pair = connect(&context(group), &client, None);
        assert_eq!(resumed(&pair), resumes);
        for session in [&pair.client, &pair.server] {
            assert_eq!(session.state().hello_retried, retries, "{group:#x}");
        }
    }
}

/// Who was refused is not resumed either, although the host would not be asked then.
#[test]
fn a_refusal_in_a_full_handshake_forgets_the_tickets() {
    for protocols in [Version::Tls12, Version::Tls13] {
        let server = Arc::new(Context::server(resuming_server("server-p256")).unwrap());
        let mut options = Options::default();
        options.set_versions(&[protocols]);
        options.validate_on_resume = false;
        let client = Arc::new(Context::client(options).unwrap());
        assert!(!resumed(&connect(&server, &client, None)));
        assert!(resumed(&connect(&server, &client, None)));
        let other = Arc::new(Context::server(server_options("server-p384")).unwrap());
        let mut refused = Pair::of(&other, &client);
        refused.client.set_client_credentials(None).unwrap();
        while refused.step_client() != Ok(Outcome::Suspended(Question::Certificate)) {
            refused.step_server().unwrap();
        }
        let refusal = refused.client.set_certificate_validation_result(PolicyErrors::CHAIN_ERRORS).unwrap_err();
        assert_eq!(refusal.kind, FailureKind::Authentication);
        assert_eq!(refused.step_client().unwrap_err().kind, FailureKind::Authentication);
        assert!(!resumed(&connect(&server, &client, None)));
    }
}

/// A ClientHello that has no room for what a server gave would be broken, at every attempt.
#[test]
fn a_ticket_that_is_too_long_is_not_kept() {
    for protocols in [Version::Tls12, Version::Tls13] {
        for (len, kept) in [(30_000, true), (33_000, false), (65_400, false)] {
            let server = Context::server(resuming_server("server-p256")).unwrap().with_tickets_of(len);
            let (server, client) = (Arc::new(server), resuming_client(protocols));
            connect(&server, &client, None);
            assert_eq!(first_record(&server, &client).len() > len, kept, "{protocols:?} {len}");
            assert!(!resumed(&connect(&server, &client, None)));
        }
    }
}

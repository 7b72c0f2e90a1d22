//! Sessions that go back to others.

use std::num::NonZeroU32;

use super::*;
use crate::client_hello::ClientHello;
use crate::context::{Config, TicketRoot};
use crate::handshake::ClientStart;
use crate::handshake::client_tickets::ClientTickets;

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

/// What a client keeps.
fn tickets(client: &Context) -> &ClientTickets {
    let Config::Client(ClientStart { tickets: Some(tickets), .. }) = &client.config else { panic!("no tickets") };
    tickets
}

/// A server whose tickets are this long.
fn with_tickets_of(mut server: Context, len: usize) -> Context {
    #[derive(Debug)]
    struct Long(usize);
    impl rustls::server::ProducesTickets for Long {
        fn enabled(&self) -> bool {
            true
        }
        fn lifetime(&self) -> u32 {
            3600
        }
        fn encrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
            Some(vec![7; self.0])
        }
        fn decrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
            None
        }
    }
    let Config::Server(start) = &mut server.config else { panic!("no server") };
    Arc::make_mut(&mut start.configs.config).ticketer = Arc::new(Long(len));
    server
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
            tickets(&client).age(86_000);
        }
        tickets(&client).age(3600);
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
            let (servers, number) = tickets(&client).in_memory();
            assert!(servers == 1 && number > 0);
            tickets(&client).age(u64::from(LIFETIME) - 3600);
            make_use(&client, &session);
            assert_eq!(tickets(&client).in_memory(), (1, number));
            tickets(&client).age(7200);
            assert_eq!(tickets(&client).in_memory(), (1, number));
            make_use(&client, &session);
            assert_eq!(tickets(&client).in_memory(), (0, 0));
        }
    }
}

/// A ClientHello that has no room for what a server gave would be broken, at every attempt.
#[test]
fn a_ticket_that_is_too_long_is_not_kept() {
    for protocols in [Version::Tls12, Version::Tls13] {
        for (len, kept) in [(30_000, true), (33_000, false), (65_400, false)] {
            let server = with_tickets_of(Context::server(resuming_server("server-p256")).unwrap(), len);
            let (server, client) = (Arc::new(server), resuming_client(protocols));
            connect(&server, &client, None);
            assert_eq!(first_record(&server, &client).len() > len, kept, "{protocols:?} {len}");
            assert!(!resumed(&connect(&server, &client, None)));
        }
    }
}

//! Before a peer has proved anything.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::common::{TLS12, TLS13, certificate, client, server};
use super::tangle::{chain, forged, tangled};
use super::{Figures, Most, Row, bound, feed, measured};
use crate::certificate::tests::Parts;
use crate::certificate::{Field, facts, text};
use crate::crypto::own_key::OwnKey;
use crate::crypto::ticket_roots::{TicketRoot, from_host};
use crate::limits::{
    MAX_ALPN_LIST, MAX_ISSUER_LIST, MAX_OCSP_RESPONSE, MAX_OWN_CHAIN, MAX_OWN_CHAINS, MAX_PLAINTEXT, MAX_TICKET_ROOTS,
    MIN_TICKET_SECRET,
};
use crate::trust::issuer;
use spantls::context::{ClientCertificateMode, Context, Credentials, Options};
use spantls::outcome::{Outcome, Question};
use spantls::session::{Counts, KernelTls, Session, Version};

pub(super) fn rows() -> Vec<Row> {
    let most = |kept, peak, allocations, checks, sent| Most { kept, peak, allocations, checks, sent };
    let mut rows = vec![
        row("nothing", &[], nothing, most(700, 700, 4, 0, 0)),
        row("a ClientHello, and waits (TLS 1.3)", &[], || hello(TLS13), most(10_600, 20_000, 150, 0, 3_000)),
        row("a ClientHello, and waits (TLS 1.2)", &[], || hello(TLS12), most(5_400, 13_000, 110, 0, 1_500)),
        row("a ClientHello that the host is asked about", &[], undecided, most(5_000, 14_000, 20, 0, 0)),
        row(
            "a record of the largest size, less its last byte, to a bound session",
            &["MAX_PLAINTEXT"],
            unfinished_record,
            most(21_300, 21_300, 7, 0, 0),
        ),
        row("a ClientHello; the host signs", &["MAX_FIBERS"], host_signs, most(16_000, 20_000, 120, 0, 0)),
        row(
            "60,000 bytes of a message that does not end, 64 in a record",
            &["MAX_HANDSHAKE_MESSAGE"],
            || unfinished(64),
            most(72_000, 120_000, 2_000, 0, 0),
        ),
        row(
            "the same, one in a record, until it is refused",
            &["MAX_UNFINISHED_RECORDS"],
            || unfinished(1),
            most(2_000, 70_000, 44_000, 0, 10),
        ),
        row(
            "100 certificates that no one has signed",
            &["MAX_WRONG_SIGNATURES"],
            || shown(forged(100)),
            most(50_000, 230_000, 1_200, 8, 0),
        ),
        row(
            "60 certificates, each of which can be the issuer of each",
            &["MAX_PATH_STEPS"],
            || shown(tangled(60)),
            most(28_000, 130_000, 800, 8, 0),
        ),
        row(
            "early data, until it is refused",
            &["MAX_SKIPPED_EARLY_DATA"],
            early_data,
            most(6_000, 15_000, 200, 0, 3_000),
        ),
        row(
            "a certificate with 4,096 names, 64 of which the host reads",
            &["MAX_CERTIFICATE", "MAX_ALTERNATIVE_NAMES"],
            names,
            most(0, 100, 70, 0, 0),
        ),
    ];
    rows.extend(of_large_servers());
    rows
}

fn row(what: &'static str, limits: &'static [&'static str], measure: fn() -> Figures, most: Most) -> Row {
    Row { what, limits, measure, most }
}

/// What a ClientHello costs a server whose host has given it as much as it can.
fn of_large_servers() -> Vec<Row> {
    let most = |kept, peak, allocations, sent| Most { kept, peak, allocations, checks: 0, sent };
    vec![
        row(
            "a ClientHello, to a server with the longest chain, staple and list of issuers",
            &["MAX_OWN_CHAIN", "MAX_OCSP_RESPONSE", "MAX_ISSUER_LIST"],
            long_flight,
            most(305_000, 630_000, 2_900, 145_000),
        ),
        row(
            "a ClientHello, to a server with a key of RSA-4096",
            &["MAX_SIGNING_RSA_BITS"],
            || served(server("server-rsa4096"), &first_flight(TLS13), Ok(Outcome::WantRead)),
            most(10_600, 22_500, 145, 4_100),
        ),
        row(
            "a ClientHello that the last of 4,096 chains of ours fits (TLS 1.2)",
            &["MAX_OWN_CHAINS"],
            many_chains,
            most(5_400, 9_200, 75, 1_500),
        ),
        row(
            "a ClientHello with 20,000 application protocols, none of them among our 5,000",
            &["MAX_ALPN_LIST"],
            protocols,
            most(80_000, 1_700_000, 25_500, 1_600),
        ),
        row(
            "a ClientHello with 600 tickets that do not open, by one of 16 roots",
            &["MAX_TICKET_ROOTS"],
            many_tickets,
            most(165_000, 315_000, 2_450, 3_000),
        ),
    ]
}

fn nothing() -> Figures {
    let server = server("server-p256");
    measured(|_| Box::new(Session::new(server))).0
}

/// The first flight of a client.
fn first_flight(version: Version) -> Vec<u8> {
    first_flight_of(client(version, &[]))
}

fn first_flight_of(client: Arc<Context>) -> Vec<u8> {
    let (mut room, mut counts) = (vec![0; 5_000], Counts::default());
    let session = Session::new(client);
    assert_eq!(session.process_handshake(&[], &mut room).add_to(&mut counts), Ok(Outcome::WantRead));
    room.truncate(counts.written);
    room
}

/// The same ClientHello with one more extension, in as many records as it takes.
fn with_extension(flight: &[u8], extension_type: u16, body: &[u8]) -> Vec<u8> {
    let mut hello = flight[5 + 4..].to_vec();
    // The version and the random bytes; the session ID; the suites; the methods of compression.
    let mut at = 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    at += 1 + usize::from(hello[at]);
    hello.extend([extension_type.to_be_bytes(), (body.len() as u16).to_be_bytes()].concat());
    hello.extend(body);
    let extensions = (hello.len() - at - 2) as u16;
    hello[at..at + 2].copy_from_slice(&extensions.to_be_bytes());
    let message = [&[1][..], &(hello.len() as u32).to_be_bytes()[1..], &hello].concat();
    records(&message, MAX_PLAINTEXT)
}

/// A handshake message in records of this size.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(size).flat_map(record).collect()
}

/// With their lengths before them.
fn vector(items: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<u8> = items.flatten().collect();
    [&(items.len() as u16).to_be_bytes()[..], &items].concat()
}

/// A server gets this, and `outcome` is what it comes to.
fn served(context: Arc<Context>, input: &[u8], outcome: Result<Outcome, ()>) -> Figures {
    let mut room = vec![0; 120_000];
    // A context compresses its own certificate for the first client: that is done once, whatever peers do.
    let first = Session::new(context.clone());
    drop(feed(&mut Figures::default(), input, &mut room, |input, output| first.process_handshake(input, output)));
    drop(first);
    let (figures, _session) = measured(|figures| {
        let session = Box::new(Session::new(context));
        let found = feed(figures, input, &mut room, |input, output| session.process_handshake(input, output));
        assert_eq!(found.map_err(|_| ()), outcome);
        session
    });
    figures
}

fn hello(version: Version) -> Figures {
    served(server("server-p256"), &first_flight(version), Ok(Outcome::WantRead))
}

fn undecided() -> Figures {
    let context = Arc::new(Context::undecided().unwrap());
    served(context, &first_flight(TLS13), Ok(Outcome::Suspended(Question::ServerContext)))
}

fn host_signs() -> Figures {
    let credentials = Credentials::external(&certificate("server-p256.pem"), &[0x0403]).unwrap();
    let context = Arc::new(Context::server(with_credentials(credentials)).unwrap());
    served(context, &first_flight(TLS13), Ok(Outcome::Suspended(Question::Signature)))
}

/// Options with credentials, whose sessions are not resumed.
fn with_credentials(credentials: Credentials) -> Options {
    let mut options = Options { allow_resume: false, ..Options::default() };
    options.set_credentials(Some(Arc::new(credentials)));
    options
}

fn p256() -> Credentials {
    Credentials::from_pem(&certificate("server-p256.pem"), &certificate("server-p256.key"), None).unwrap()
}

/// rustls keeps the messages of a handshake in which it asks for a certificate until its end, which TLS 1.2 alone needs.
fn long_flight() -> Figures {
    let mut certificates = chain("server-p256.pem");
    let intermediate = chain("intermediate.pem").remove(0);
    let more = (MAX_OWN_CHAIN - certificates[0].len() - 5) / (intermediate.len() + 5);
    certificates.resize(1 + more, intermediate);
    let certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    let key = rustls_pemfile::private_key(&mut &certificate("server-p256.key")[..]).unwrap().unwrap();
    let credentials = Credentials::from_der(&certificates, key.secret_der(), None).unwrap();
    credentials.set_ocsp_response(&[7; MAX_OCSP_RESPONSE]).unwrap();

    let mut options = with_credentials(credentials);
    let anchor = chain("ca.pem").remove(0);
    let name = issuer(&anchor.clone().into()).unwrap();
    for _ in 0..MAX_ISSUER_LIST / (name.as_ref().len() + 2) {
        options.add_trust_anchors_der(&anchor).unwrap();
    }
    options.client_certificates = ClientCertificateMode::Require;
    served(Arc::new(Context::server(options).unwrap()), &first_flight(TLS13), Ok(Outcome::WantRead))
}

/// The client has no suite for the others.
fn many_chains() -> Figures {
    let unfit = Credentials::external(&certificate("server-rsa2048.pem"), &[0x0804]).unwrap();
    let key = unfit.own_key().current();
    let another = || OwnKey::new(CertifiedKey::clone(&key));
    let mut options = with_credentials(unfit);
    (2..MAX_OWN_CHAINS).for_each(|_| options.chains.add(another()).unwrap());
    options.add_credentials(&p256()).unwrap();
    options.add_credentials(&p256()).unwrap_err();
    let hello = first_flight_of(client(TLS12, &[0xC02B]));
    served(Arc::new(Context::server(options).unwrap()), &hello, Ok(Outcome::WantRead))
}

/// Of two bytes each, so that lengths do not distinguish them.
fn protocols() -> Figures {
    let name = |number: usize| (number as u16).to_be_bytes();
    let ours = MAX_ALPN_LIST / 3;
    let mut options = with_credentials(p256());
    (0..ours).for_each(|number| options.add_alpn(&name(number)).unwrap());
    let theirs = vector((ours..ours + 20_000).map(|number| [&[2][..], &name(number)].concat()));
    let hello = with_extension(&first_flight(TLS13), 16, &theirs);
    served(Arc::new(Context::server(options).unwrap()), &hello, Err(()))
}

/// The name of a root is in each ticket, so every client knows it.
fn many_tickets() -> Figures {
    let secrets: Vec<[u8; MIN_TICKET_SECRET]> = (0..MAX_TICKET_ROOTS as u8).map(|number| [number; _]).collect();
    let root = |(at, secret)| TicketRoot { secret, seal_from: at as i64, open_until: i64::MAX };
    let roots: Vec<TicketRoot<'_>> = secrets.iter().map(|secret| &secret[..]).enumerate().map(root).collect();
    let name = from_host(&roots).unwrap().pop().unwrap().name;
    let mut options = Options { allow_resume: true, ..with_credentials(p256()) };
    options.set_ticket_roots(&roots).unwrap();
    let ticket = |number: u16| [&name[..], &[7; 46], &number.to_be_bytes()].concat();
    let identity = |number| [&[0, 56], &ticket(number)[..], &[0; 4]].concat();
    let offered = [vector((0..600).map(identity)), vector((0..600).map(|_| [&[32][..], &[7; 32]].concat()))].concat();
    let hello = with_extension(&first_flight(TLS13), 41, &offered);
    served(Arc::new(Context::server(options).unwrap()), &hello, Ok(Outcome::WantRead))
}

/// Another session has the buffer that the thread keeps.
fn unfinished_record() -> Figures {
    let record = [&[22, 3, 1, 0x40, 0][..], &[7; MAX_PLAINTEXT - 1]].concat();
    let receive = |_| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let session = Session::with_socket(server("server-p256"), bound(ours), KernelTls::default());
        theirs.write_all(&record).unwrap();
        let (mut figures, outcome) = measured(|_| session.handshake());
        assert_eq!(outcome, Ok(Outcome::WantRead));
        figures.received = record.len();
        (figures, session)
    };
    [0, 1].map(receive)[1].0
}

fn unfinished(in_a_record: usize) -> Figures {
    let message = [&[1, 0, 0xea, 0x61][..], &[7; 59_996]].concat();
    let end = if in_a_record == 1 { Err(()) } else { Ok(Outcome::WantRead) };
    served(server("server-p256"), &records(&message, in_a_record), end)
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain("ca.pem").into_iter().map(Into::into));
    roots
}

/// What `peer` has to send.
fn flight(peer: &mut ClientConnection) -> Vec<u8> {
    let mut flight = Vec::new();
    while peer.wants_write() {
        peer.write_tls(&mut flight).unwrap();
    }
    flight
}

/// A client shows a leaf and these certificates to a server that judges them.
fn shown(others: Vec<Vec<u8>>) -> Figures {
    let mut options = with_credentials(p256());
    options.add_trust_anchors_pem(&certificate("ca.pem")).unwrap();
    options.client_certificates = ClientCertificateMode::Require;
    let session = Session::new(Arc::new(Context::server(options).unwrap()));

    let leaf = chain("client-p256.pem").remove(0);
    let certificates = std::iter::once(leaf).chain(others).map(Into::into).collect();
    let key = rustls_pemfile::private_key(&mut &certificate("client-p256.key")[..]).unwrap().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots()).with_client_auth_cert(certificates, key).unwrap();
    let mut peer = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();

    let (mut room, mut counts) = (vec![0; 20_000], Counts::default());
    session.process_handshake(&flight(&mut peer), &mut room).add_to(&mut counts).unwrap();
    let mut written = &room[..counts.written];
    while !written.is_empty() {
        peer.read_tls(&mut written).unwrap();
        peer.process_new_packets().unwrap();
    }
    let second = flight(&mut peer);
    measured(|figures| {
        let outcome = feed(figures, &second, &mut room, |input, output| session.process_handshake(input, output));
        assert_eq!(outcome, Ok(Outcome::Suspended(Question::Certificate)));
        let refused = session.accept_with_default_validation().unwrap_err();
        assert!(refused.message.contains("too many"), "{refused:?}");
    })
    .0
}

/// A client has a ticket of another server and sends early data by it.
fn early_data() -> Figures {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let certificates = chain("server-p256.pem").into_iter().map(Into::into).collect();
    let key = rustls_pemfile::private_key(&mut &certificate("server-p256.key")[..]).unwrap().unwrap();
    let mut other = builder.with_no_client_auth().with_single_cert(certificates, key).unwrap();
    other.max_early_data_size = u32::MAX;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots()).with_no_client_auth();
    config.enable_early_data = true;
    let config = Arc::new(config);
    let connect = || ClientConnection::new(config.clone(), ServerName::try_from("localhost").unwrap()).unwrap();
    let (mut peer, mut other) = (connect(), ServerConnection::new(Arc::new(other)).unwrap());
    for _ in 0..4 {
        let sent = flight(&mut peer);
        let mut sent = &sent[..];
        while !sent.is_empty() {
            other.read_tls(&mut sent).unwrap();
            other.process_new_packets().unwrap();
        }
        let mut answer = Vec::new();
        while other.wants_write() {
            other.write_tls(&mut answer).unwrap();
        }
        let mut answer = &answer[..];
        while !answer.is_empty() {
            peer.read_tls(&mut answer).unwrap();
            peer.process_new_packets().unwrap();
        }
    }
    let mut peer = connect();
    peer.set_buffer_limit(None);
    peer.early_data().unwrap().write_all(&[9; 200_000]).unwrap();
    served(server("server-p256"), &flight(&mut peer), Err(()))
}

fn names() -> Figures {
    let der = Parts::with_alternative_names(&vec![(0x82, &b"a.example"[..]); 4_096]);
    assert!(der.len() < 0xffff);
    measured(|figures| {
        figures.received = der.len();
        let count = facts(&der).unwrap().num_dns_names;
        assert_eq!(count, 4_096);
        for index in (0..count).step_by(64) {
            assert_eq!(text(&der, Field::DnsName, index).unwrap(), "a.example");
        }
    })
    .0
}

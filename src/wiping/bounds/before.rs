//! Before a peer has proved anything.

use std::io::Write;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::common::{TLS12, TLS13, certificate, client, server};
use super::tangle::{chain, forged, tangled};
use super::{Figures, Most, Row, feed, measured};
use crate::certificate::tests::Parts;
use crate::certificate::{Field, facts, text};
use spantls::context::{ClientCertificateMode, Context, Credentials, Options};
use spantls::outcome::{Outcome, Question};
use spantls::session::{Counts, Session, Version};

pub(super) fn rows() -> Vec<Row> {
    let row = |what, limits, measure, most| Row { what, limits, measure, most };
    let most = |kept, peak, allocations, checks, sent| Most { kept, peak, allocations, checks, sent };
    vec![
        row("nothing", &[], nothing, most(700, 700, 4, 0, 0)),
        row("a ClientHello, and waits (TLS 1.3)", &[], || hello(TLS13), most(14_000, 20_000, 150, 0, 3_000)),
        row("a ClientHello, and waits (TLS 1.2)", &[], || hello(TLS12), most(7_000, 13_000, 110, 0, 1_500)),
        row("a ClientHello that the host is asked about", &[], undecided, most(5_000, 14_000, 20, 0, 0)),
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
    ]
}

fn nothing() -> Figures {
    let server = server("server-p256");
    measured(|_| Box::new(Session::new(server))).0
}

/// The first flight of a client.
fn first_flight(version: Version) -> Vec<u8> {
    let (mut room, mut counts) = (vec![0; 5_000], Counts::default());
    let session = Session::new(client(version, &[]));
    assert_eq!(session.process_handshake(&[], &mut room).add_to(&mut counts), Ok(Outcome::WantRead));
    room.truncate(counts.written);
    room
}

/// A server gets this, and `outcome` is what it comes to.
fn served(context: Arc<Context>, input: &[u8], outcome: Result<Outcome, ()>) -> Figures {
    let mut room = vec![0; 20_000];
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
    let mut options = Options { allow_resume: false, ..Options::default() };
    let credentials = Credentials::external(&certificate("server-p256.pem"), &[0x0403]).unwrap();
    options.set_credentials(Some(Arc::new(credentials)));
    let context = Arc::new(Context::server(options).unwrap());
    served(context, &first_flight(TLS13), Ok(Outcome::Suspended(Question::Signature)))
}

fn unfinished(in_a_record: usize) -> Figures {
    let message = [&[1, 0, 0xea, 0x61][..], &[7; 59_996]].concat();
    let record = |part: &[u8]| [&[22, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    let records: Vec<u8> = message.chunks(in_a_record).flat_map(record).collect();
    let end = if in_a_record == 1 { Err(()) } else { Ok(Outcome::WantRead) };
    served(server("server-p256"), &records, end)
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
    let mut options = Options { allow_resume: false, ..Options::default() };
    let credentials = Credentials::from_pem(&certificate("server-p256.pem"), &certificate("server-p256.key"), None);
    options.set_credentials(Some(Arc::new(credentials.unwrap())));
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

//! After the handshake.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::common::{TLS12, TLS13, certificate, client, drain, open_pair, server, step};
use super::hostile;
use super::{Figures, LIVE_BYTES, Most, Row, bound, feed, measured};
use crate::limits::{IDLE_HELD_BUFFERS, MAX_CIPHERTEXT_TLS13, MAX_PLAINTEXT, MAX_TICKET, MAX_TICKET_COUNT};
use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, KernelTls, Session, Version};

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

pub(super) fn rows() -> Vec<Row> {
    let row = |what, limits, measure, most| Row { what, limits, measure, most };
    let most = |kept, peak, allocations, sent| Most { kept, peak, allocations, checks: 0, sent };
    vec![
        row("32 empty records, and one more", &["MAX_EMPTY_RECORDS"], empty_records, most(200, 600, 12, 40)),
        row("4 warnings, and one more (TLS 1.2)", &["MAX_WARNING_ALERTS"], warnings, most(200, 600, 12, 50)),
        row(
            "4 attempts to renegotiate, and one more (TLS 1.2)",
            &["MAX_RENEGOTIATION_REQUESTS"],
            renegotiations,
            most(200, 700, 14, 100),
        ),
        row("64 session tickets, and one more", &["MAX_TICKETS"], tickets, most(200, 600, 12, 40)),
        row(
            "32 key updates that ask for ours, and one more",
            &["MAX_KEY_UPDATES"],
            key_updates,
            most(200, 1_300, 220, 80),
        ),
        row(
            "64 KiB of a message that does not end",
            &["MAX_HANDSHAKE_MESSAGE"],
            unfinished,
            most(132_000, 197_000, 8, 0),
        ),
        row(
            "64 session tickets of 32 KiB, to a client that resumes",
            &["MAX_TICKET", "TICKETS_TAKEN"],
            long_tickets,
            most(85_000, 150_000, 280, 0),
        ),
        row(
            "300 names of servers, each of which sends tickets in a whole handshake; ten times the first",
            &["MAX_TICKETS_KEPT", "MAX_TICKET_SERVERS"],
            client_store,
            most(1_250_000, 1_350_000, 130_000, 0),
        ),
        row(
            "a handshake, for which a server sends 16 tickets",
            &["MAX_TICKET_COUNT"],
            server_tickets,
            most(4_800, 75_000, 520, 7_500),
        ),
        row(
            "a record of the largest size, less its last byte, to a bound session",
            &["MAX_CIPHERTEXT_TLS13"],
            unfinished_record,
            most(20_900, 20_900, 2, 0),
        ),
        row("a record that the host has no room for", &["MAX_CIPHERTEXT_TLS12"], held, most(18_500, 18_500, 1, 0)),
        row("1 MiB to a bound session that reads 20,000", &["RECEIVE_SCRATCH"], received, most(74_000, 148_000, 4, 0)),
        row(
            "nothing, and reads nothing of what a bound session writes",
            &["SEND_SCRATCH"],
            pending,
            most(132_000, 264_000, 6, 0),
        ),
    ]
}

fn empty_records() -> Figures {
    flood(true, TLS13, DATA, &[], 32)
}

fn warnings() -> Figures {
    flood(true, TLS12, ALERT, &[1, 90], 4)
}

fn renegotiations() -> Figures {
    flood(true, TLS12, HANDSHAKE, &[1, 0, 0, 0], 4)
}

fn tickets() -> Figures {
    flood(false, TLS13, HANDSHAKE, &ticket(100), 64)
}

fn ticket(len: u16) -> Vec<u8> {
    let body = [&[0, 0, 0, 100, 1, 2, 3, 4, 1, 1][..], &len.to_be_bytes(), &vec![7; len.into()], &[0, 0]].concat();
    [&[4, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
}

/// The same record until the session fails, which it does after `taken`; with all that it answers.
fn flood(ours_is_server: bool, version: Version, content_type: u8, content: &[u8], taken: usize) -> Figures {
    let suite = if version == TLS13 { 0x1301 } else { 0xC02B };
    let (session, mut peer) = hostile::pair(ours_is_server, version, suite);
    let sealed: Vec<Vec<u8>> = (0..2 * taken).map(|_| peer.seal(content_type, content)).collect();
    let taken: usize = sealed[..taken].iter().map(Vec::len).sum();
    let (input, mut room) = (sealed.concat(), vec![0; 2_000]);
    measured(|figures| {
        let ended = loop {
            let mut counts = Counts::default();
            let outcome = session.decrypt(&input[figures.received..], &mut room).add_to(&mut counts);
            figures.received += counts.consumed;
            if outcome != Ok(Outcome::Complete) {
                break outcome;
            }
        };
        assert!(ended.is_err(), "{ended:?}");
        assert_eq!(figures.received, taken);
        figures.sent = drain(&session, 200).len();
    })
    .0
}

fn key_updates() -> Figures {
    let (client, server) = open_pair(client(TLS13, &[]), server("server-p256"));
    let (mut input, mut room) = (Vec::new(), vec![0; 2_000]);
    for _ in 0..40 {
        let mut counts = Counts::default();
        client.update_keys(true, &mut room).add_to(&mut counts).unwrap();
        input.extend_from_slice(&room[..counts.written]);
    }
    measured(|figures| {
        feed(figures, &input, &mut room, |input, output| server.decrypt(input, output)).unwrap_err();
        assert_eq!(figures.received, 32 * 27);
        figures.sent = drain(&server, 200).len();
    })
    .0
}

fn unfinished() -> Figures {
    let (session, mut peer) = hostile::pair(false, TLS13, 0x1301);
    let message = [&[4, 0, 0xff, 0xff][..], &[7; 0xfffe]].concat();
    let input: Vec<u8> = message.chunks(1 << 14).flat_map(|part| peer.seal(HANDSHAKE, part)).collect();
    let mut room = vec![0; 20_000];
    let (figures, outcome) =
        measured(|figures| feed(figures, &input, &mut room, |input, output| session.decrypt(input, output)));
    assert_eq!((outcome, figures.received), (Ok(Outcome::Complete), input.len()));
    figures
}

/// As long as the pool has a buffer, nothing is allocated: other sessions hold as many as it keeps.
fn held() -> Figures {
    let hold = |_| {
        let (session, mut peer) = hostile::pair(true, TLS13, 0x1301);
        let record = peer.seal(DATA, &[7; 1 << 14]);
        let mut room = [0; 1];
        let (figures, outcome) =
            measured(|figures| feed(figures, &record, &mut room, |input, output| session.decrypt(input, output)));
        assert_eq!(outcome, Ok(Outcome::WantWrite));
        // The byte is not an answer.
        (Figures { sent: 0, ..figures }, session)
    };
    let holding: Vec<(Figures, Session)> = (0..=IDLE_HELD_BUFFERS).map(hold).collect();
    holding.last().unwrap().0
}

/// A client that keeps tickets; those of a name are sent to it alone.
fn resuming_client() -> Arc<Context> {
    let mut options = Options::default();
    options.set_versions(&[TLS13]);
    options.set_cipher_suites(&[0x1301]).unwrap();
    Arc::new(Context::client(options).unwrap())
}

fn long_tickets() -> Figures {
    let context = resuming_client();
    let (session, mut peer) = hostile::pair_with(context.clone(), false, TLS13, 0x1301);
    let message = ticket((MAX_TICKET - 100) as u16);
    let input: Vec<u8> =
        (0..64).flat_map(|_| message.chunks(MAX_PLAINTEXT)).flat_map(|part| peer.seal(HANDSHAKE, part)).collect();
    let mut room = vec![0; 20_000];
    let (figures, outcome) =
        measured(|figures| feed(figures, &input, &mut room, |input, output| session.decrypt(input, output)));
    assert_eq!((outcome, figures.received), (Ok(Outcome::Complete), input.len()));
    figures
}

/// A server that sends so many tickets.
fn ticketing_server(count: usize) -> Arc<Context> {
    let credentials = Credentials::from_pem(&certificate("server-p256.pem"), &certificate("server-p256.key"), None);
    let mut options = Options::default();
    options.set_credentials(Some(Arc::new(credentials.unwrap())));
    options.set_ticket_count(count).unwrap();
    Arc::new(Context::server(options).unwrap())
}

/// A client that has shaken hands with the server of this name, and what was sent to it.
fn named_client(context: &Arc<Context>, server: &Arc<Context>, name: &str) -> usize {
    let (client, server) = (Session::new(context.clone()), Session::new(server.clone()));
    client.set_target_host_name(name).unwrap();
    let (mut to_client, mut to_server, mut room) = (Vec::new(), Vec::new(), vec![0; 20_000]);
    while step(&client, &mut to_client, usize::MAX, &mut to_server, 20_000).0 != Outcome::Complete {
        step(&server, &mut to_server, usize::MAX, &mut to_client, 20_000);
    }
    step(&server, &mut to_server, usize::MAX, &mut to_client, 20_000);
    assert!(!to_client.is_empty(), "no tickets");
    feed(&mut Figures::default(), &to_client, &mut room, |input, output| client.decrypt(input, output)).unwrap();
    server.stats().ciphertext_sent as usize
}

fn client_store() -> Figures {
    let (context, server) = (resuming_client(), ticketing_server(2));
    measured(|figures| {
        let names = std::iter::repeat_n(0, 10).chain(1..300);
        figures.received = names.map(|name| named_client(&context, &server, &format!("{name}.example"))).sum();
    })
    .0
}

/// The server's part alone.
fn server_tickets() -> Figures {
    let (client, server) = (resuming_client(), ticketing_server(MAX_TICKET_COUNT));
    drop(open_pair(client.clone(), server.clone()));
    let client = Session::new(client);
    let (mut to_client, mut to_server) = (Vec::with_capacity(10_000), Vec::with_capacity(10_000));
    let (mut all, server) = measured(|_| Session::new(server));
    let mut kept = all.kept.cast_signed();
    loop {
        let first = step(&client, &mut to_client, usize::MAX, &mut to_server, 20_000).0;
        let live = LIVE_BYTES.get();
        let (part, second) = measured(|_| step(&server, &mut to_server, usize::MAX, &mut to_client, 20_000).0);
        all.peak = all.peak.max(part.peak + kept.max(0).unsigned_abs());
        kept += LIVE_BYTES.get() - live;
        all.allocations += part.allocations;
        all.microseconds += part.microseconds;
        if (first, second) == (Outcome::Complete, Outcome::Complete) {
            break;
        }
    }
    all.kept = usize::try_from(kept).unwrap_or(0);
    all.received = client.stats().ciphertext_sent as usize;
    all.sent = server.stats().ciphertext_sent as usize;
    all
}

/// Two sessions at the ends of a pair of sockets that have shaken hands, and the client's end.
fn bound_pair() -> (Session, Session, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let end = ours.try_clone().unwrap();
    let session = |context, stream| Session::with_socket(context, bound(stream), KernelTls::default());
    let (client, server) = (session(client(TLS13, &[0x1301]), ours), session(server("server-p256"), theirs));
    for _ in 0..20 {
        if client.handshake().unwrap() == Outcome::Suspended(Question::Certificate) {
            client.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
        }
        server.handshake().unwrap();
    }
    (client, server, end)
}

/// Another session has the buffer that the thread keeps.
fn unfinished_record() -> Figures {
    let record = [&[DATA, 3, 3, 0x41, 0][..], &[7; MAX_CIPHERTEXT_TLS13 - 1]].concat();
    let receive = |_| {
        let (_client, server, mut end) = bound_pair();
        end.write_all(&record).unwrap();
        let mut room = vec![0; MAX_PLAINTEXT];
        let (mut figures, progress) = measured(|_| server.read(&mut room));
        assert_eq!((progress.outcome, progress.written), (Ok(Outcome::WantRead), 0));
        figures.received = record.len();
        (figures, server)
    };
    [0, 1].map(receive)[1].0
}

/// What is kept is heap of the session; what the thread receives into is not.
fn received() -> Figures {
    let (client, server, _end) = bound_pair();
    let data = vec![7; 1 << 20];
    let mut sent = 0;
    while let progress = client.write(&[&data[sent..]])
        && progress.outcome == Ok(Outcome::Complete)
        && sent < data.len()
    {
        sent += progress.consumed;
    }
    let mut room = vec![0; 20_000];
    let (mut figures, progress) = measured(|_| server.read(&mut room));
    assert_eq!((progress.outcome, progress.written), (Ok(Outcome::Complete), MAX_PLAINTEXT));
    figures.received = server.stats().ciphertext_received as usize;
    figures
}

fn pending() -> Figures {
    let (client, server, _end) = bound_pair();
    let data = vec![7; 8 << 20];
    let (figures, ()) = measured(|_| {
        let mut sent = 0;
        loop {
            let progress = server.write(&[&data[sent..]]);
            sent += progress.consumed;
            match progress.outcome {
                Ok(Outcome::WantWrite) => break,
                outcome => assert_eq!(outcome, Ok(Outcome::Complete)),
            }
        }
    });
    drop(client);
    figures
}

//! After the handshake.

use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;

use super::common::{TLS12, TLS13, client, drain, open_pair, server};
use super::hostile;
use super::{Figures, Most, Row, feed, measured};
use crate::limits::{IDLE_HELD_BUFFERS, MAX_PLAINTEXT};
use spantls::outcome::{Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, KernelTls, Session, Version};
use spantls::transport::Socket;

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

/// Two sessions at the ends of a pair of sockets that have shaken hands.
fn bound_pair() -> (Session, Session) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let bound = |context, stream: UnixStream| {
        stream.set_nonblocking(true).unwrap();
        let socket = Socket::new(stream.into_raw_fd() as isize, true).unwrap();
        Session::with_socket(context, socket, KernelTls::default())
    };
    let (client, server) = (bound(client(TLS13, &[0x1301]), ours), bound(server("server-p256"), theirs));
    for _ in 0..20 {
        if client.handshake().unwrap() == Outcome::Suspended(Question::Certificate) {
            client.set_certificate_validation_result(PolicyErrors::NONE).unwrap();
        }
        server.handshake().unwrap();
    }
    (client, server)
}

/// What is kept is heap of the session; what the thread receives into is not.
fn received() -> Figures {
    let (client, server) = bound_pair();
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
    let (client, server) = bound_pair();
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

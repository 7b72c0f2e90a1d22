//! Where memory runs out in a handshake or in the making of a context, the call says so, has changed nothing, and succeeds later.

use std::sync::Arc;

use super::common::{certificate, server};
use super::{BUDGET, LIVE_BYTES};
use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{FailureKind, Outcome, Question, Result};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Session};

/// Runs `call` with so much memory left; if that is not enough, again with all that it wants.
fn starved<R>(left: isize, hungry: &mut usize, mut call: impl FnMut() -> Result<R>) -> R {
    BUDGET.set(LIVE_BYTES.get() + left);
    let result = call();
    BUDGET.set(isize::MAX);
    match result {
        Ok(done) => done,
        Err(failure) => {
            assert_eq!((failure.kind, failure.alert_sent), (FailureKind::Resources, None), "{left}: {failure:?}");
            *hungry += 1;
            call().unwrap()
        }
    }
}

/// One step of a session, whose input and output were allocated before.
fn step(session: &Session, left: isize, hungry: &mut usize, input: &mut Vec<u8>, output: &mut Vec<u8>) -> Outcome {
    let mut room = vec![0; 65536];
    let (mut consumed, mut written) = (0, 0);
    let outcome = starved(left, hungry, || {
        let mut counts = Counts::default();
        let result = session.process_handshake(&input[consumed..], &mut room[written..]).add_to(&mut counts);
        consumed += counts.consumed;
        written += counts.written;
        result
    });
    input.drain(..consumed);
    output.extend_from_slice(&room[..written]);
    outcome
}

fn life(left: isize) -> usize {
    let mut hungry = 0;
    let anchors = certificate("ca.pem");
    let (chain, key) = (certificate("client-rsa2048.pem"), certificate("client-rsa2048.key"));
    let credentials = Arc::new(starved(left, &mut hungry, || Credentials::from_pem(&chain, &key, None)));
    let mut options = Options::default();
    starved(left, &mut hungry, || options.add_trust_anchors_pem(&anchors));
    options.set_credentials(Some(credentials));
    let options = starved(left, &mut hungry, || options.snapshot());
    let client = Session::new(Arc::new(Context::client(options).unwrap()));
    client.set_target_host_name("localhost").unwrap();
    let server = Session::new(server("server-rsa2048"));
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let first = step(&client, left, &mut hungry, &mut to_client, &mut to_server);
        if first == Outcome::Suspended(Question::Certificate) {
            assert_eq!(starved(left, &mut hungry, || client.accept_with_default_validation()), PolicyErrors::NONE);
        }
        let second = step(&server, left, &mut hungry, &mut to_server, &mut to_client);
        if (first, second) == (Outcome::Complete, Outcome::Complete) {
            return hungry;
        }
    }
    panic!("no end of the handshake with {left} bytes");
}

#[test]
fn a_session_survives_when_memory_runs_out_at_any_step() {
    // What is made once a process is there.
    assert_eq!(life(isize::MAX / 2), 0);
    let mut seen = Vec::new();
    // Small blocks are there: what is not asked for beforehand is at most that.
    for left in (4 << 10..=640 << 10).step_by(12 << 10) {
        seen.push(life(left));
    }
    assert!(seen.first() > Some(&8) && seen.last() == Some(&0), "{seen:?}");
    assert!(seen.is_sorted_by(|less, more| less >= more), "{seen:?}");
}

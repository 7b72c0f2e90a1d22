//! A client without anchors trusts the system's store. The store is read once in a process, so this test has a process
//! of its own, with a store of its own.

#![expect(unsafe_code, reason = "the environment is set before there is a second thread")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{certificate, server};
use spantls::context::{Context, Options};
use spantls::outcome::{Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Counts, Session};

/// The default validation's policy errors for a server with this key.
fn judge(client: &Arc<Context>, key: &str) -> PolicyErrors {
    let (client, server) = (Session::new(client.clone()), Session::new(server(key)));
    client.set_target_host_name("localhost").unwrap();
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        let turn = |session: &Session, input: &mut Vec<u8>, output: &mut Vec<u8>| {
            let (mut room, mut counts) = (vec![0; 32768], Counts::default());
            let outcome = session.process_handshake(input, &mut room).add_to(&mut counts).unwrap();
            input.drain(..counts.consumed);
            output.extend_from_slice(&room[..counts.written]);
            outcome
        };
        if turn(&client, &mut to_client, &mut to_server) == Outcome::Suspended(Question::Certificate) {
            return client.accept_with_default_validation().unwrap_or_else(|refusal| refusal.policy_errors);
        }
        turn(&server, &mut to_server, &mut to_client);
    }
    panic!("no certificate to judge");
}

#[test]
fn a_client_without_anchors_trusts_the_systems_store_and_nobody_else() {
    let store = format!("{}/ffi-tests/certs/ca.pem", env!("CARGO_MANIFEST_DIR"));
    // SAFETY: the only test of this process, before anything reads the environment.
    unsafe { std::env::set_var("SSL_CERT_FILE", store) };
    let without = Arc::new(Context::client(Options::default()).unwrap());
    assert_eq!(judge(&without, "server-p256"), PolicyErrors::NONE);
    assert_eq!(judge(&without, "server-other"), PolicyErrors::CHAIN_ERRORS);
    // Anchors of its own take the store's place.
    let mut options = Options::default();
    options.add_trust_anchors_pem(&certificate("other-ca.pem")).unwrap();
    let with = Arc::new(Context::client(options).unwrap());
    assert_ne!(judge(&with, "server-p256"), PolicyErrors::NONE);
}

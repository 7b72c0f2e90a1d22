//! What a handshake asks: answers, refusals, and leaving in its middle.

use super::*;
use crate::handshake::question::SignatureRequest;
use crate::trust::Extent;

/// Signs with the key of a file, as another process would.
fn sign(name: &str, request: &SignatureRequest) -> Vec<u8> {
    let key = credentials(name).own_key().current();
    key.key.choose_scheme(&[request.scheme]).unwrap().sign(&request.message).unwrap()
}

fn external(name: &str, schemes: &[u16]) -> Arc<Credentials> {
    Arc::new(Credentials::external(&certificates(&format!("{name}.pem")), schemes).unwrap())
}

const EXTERNAL: [(&str, &[u16]); 5] = [
    ("server-rsa2048", &[0x0804, 0x0401]),
    ("server-rsa4096", &[0x0806, 0x0501]),
    ("server-p256", &[0x0403]),
    ("server-p384", &[0x0503]),
    ("server-ed25519", &[0x0807]),
];

fn sign_wrongly_and_rightly(session: &Session, signature: &[u8]) {
    let mut wrong = signature.to_vec();
    wrong[20] ^= 1;
    assert_eq!(session.set_signature(&wrong).unwrap_err().kind, FailureKind::InvalidArgument);
    assert_eq!(session.set_signature(signature), Ok(Outcome::Complete));
}

#[test]
fn every_question_of_a_handshake_is_answered_by_the_host() {
    for protocols in [Version::Tls12, Version::Tls13] {
        for (name, schemes) in EXTERNAL {
            let mut options = Options { allow_resume: false, ..Options::default() };
            options.set_credentials(Some(external(name, schemes)));
            options.client_certificates = ClientCertificateMode::Require;
            options.add_trust_anchors_pem(&certificates("ca.pem")).unwrap();
            options.keep_client_hello = true;
            let chosen = Arc::new(Context::server(options).unwrap());
            let client = Arc::new(Context::client(client_of(protocols)).unwrap());
            let mut pair = Pair::of(&Arc::new(Context::undecided().unwrap()), &client);
            let (mut asked, mut signers) = (Vec::new(), Vec::new());
            for _ in 0..20 {
                for is_server in [false, true] {
                    let outcome = if is_server { pair.step_server() } else { pair.step_client() }.unwrap();
                    let session = if is_server { &pair.server } else { &pair.client };
                    let Outcome::Suspended(question) = outcome else { continue };
                    asked.push((is_server, question));
                    match question {
                        Question::ServerContext => {
                            assert_eq!(session.client_hello().unwrap().server_name(), Some("localhost"));
                            assert_eq!(session.set_server_context(chosen.clone()), Ok(Outcome::Complete));
                            let again = session.set_server_context(chosen.clone()).unwrap_err();
                            assert_eq!(again.kind, FailureKind::InvalidState);
                        }
                        Question::Credentials => {
                            let request = session.certificate_request().unwrap();
                            assert_eq!(request.acceptable_issuers.len(), 1);
                            let own = external(name, schemes);
                            assert_eq!(session.set_client_credentials(Some(own)), Ok(Outcome::Complete));
                        }
                        Question::Certificate => {
                            let accepted = session.set_certificate_validation_result(PolicyErrors::NONE);
                            assert_eq!(accepted, Ok(Outcome::Complete));
                        }
                        Question::Signature => {
                            let request = session.signature_request().unwrap();
                            assert!(schemes.contains(&u16::from(request.scheme)));
                            signers.push(session.local_certificate());
                            sign_wrongly_and_rightly(session, &sign(name, &request));
                        }
                    }
                }
            }
            let expected = [
                (true, Question::ServerContext),
                (true, Question::Signature),
                (false, Question::Credentials),
                (false, Question::Certificate),
                (false, Question::Signature),
                (true, Question::Certificate),
            ];
            assert_eq!(asked, expected, "{protocols:?} {name}");
            pair.exchange(&pair.client, &pair.server, b"hello");
            pair.exchange(&pair.server, &pair.client, b"hello");
            assert_eq!(pair.server.local_certificate(), pair.client.remote_certificates()[0].to_vec());
            assert_eq!(signers, [pair.server.local_certificate(), pair.server.remote_certificates()[0].to_vec()]);
            assert!(pair.server.client_hello().is_some());
        }
    }
}

fn answer(session: &Session, question: Question, chosen: &Arc<Context>) {
    match question {
        Question::ServerContext => session.set_server_context(chosen.clone()),
        Question::Credentials => session.set_client_credentials(Some(credentials("server-p256"))),
        Question::Certificate => session.set_certificate_validation_result(PolicyErrors::NONE),
        Question::Signature => {
            let request = session.signature_request().unwrap();
            session.set_signature(&sign("server-p256", &request))
        }
    }
    .unwrap();
}

/// What the peer is told.
fn leave(session: &Session) -> Vec<u8> {
    let mut room = vec![0; 1000];
    let Progress { outcome, written, .. } = session.shutdown(&mut room);
    assert_eq!(outcome, Ok(Outcome::Closed));
    assert!(session.signature_request().is_none());
    room.truncate(written);
    room
}

#[test]
fn refusing_and_leaving_at_every_question() {
    // Which suspension, counted from the first one, and whether the host refuses or shuts down there.
    for protocols in [Version::Tls12, Version::Tls13] {
        for at in 0..6 {
            for refuse in [true, false] {
                let mut options = Options { allow_resume: false, ..Options::default() };
                options.set_credentials(Some(external("server-p256", &[0x0403])));
                options.client_certificates = ClientCertificateMode::Require;
                let chosen = Arc::new(Context::server(options).unwrap());
                let client = Arc::new(Context::client(client_of(protocols)).unwrap());
                let mut pair = Pair::of(&Arc::new(Context::undecided().unwrap()), &client);
                let (mut asked, mut ends) = (0, [None, None]);
                for _ in 0..20 {
                    for is_server in [false, true] {
                        let result = if is_server { pair.step_server() } else { pair.step_client() };
                        let session = if is_server { &pair.server } else { &pair.client };
                        let question = match result {
                            Ok(Outcome::Suspended(question)) => question,
                            Ok(Outcome::WantRead | Outcome::Complete | Outcome::Closed) => continue,
                            Ok(other) => panic!("{other:?}"),
                            Err(failure) => {
                                ends[usize::from(is_server)].get_or_insert(failure);
                                continue;
                            }
                        };
                        asked += 1;
                        match (asked - 1 == at, refuse) {
                            (false, _) => answer(session, question, &chosen),
                            (true, true) => assert_eq!(session.reject(Alert(112)), Ok(Outcome::Complete)),
                            (true, false) => {
                                let said = leave(session);
                                if is_server { &mut pair.to_client } else { &mut pair.to_server }.extend(said);
                            }
                        }
                    }
                }
                let name = format!("{protocols:?} at {at}, refuse {refuse}: {ends:?}");
                // The client has a key of its own here: five questions.
                if at == 5 {
                    assert_eq!(ends, [None, None], "{name}");
                    continue;
                }
                let told = if refuse { Alert(112) } else { Alert::CLOSE_NOTIFY };
                let of_client = [false, false, true, true, false][at];
                let at_peer = match (&ends[usize::from(of_client)], of_client) {
                    (Some(failure), _) => failure.clone(),
                    // A TLS 1.3 client is done before the server judges it.
                    (None, _) => {
                        let result = pair.client.decrypt(&pair.to_client, &mut [0; 100]).outcome;
                        match (result, refuse) {
                            (Err(failure), true) => failure,
                            (Ok(Outcome::Complete | Outcome::Closed), false) => continue,
                            (other, _) => panic!("{name}: {other:?}"),
                        }
                    }
                };
                assert_eq!(at_peer.alert_received, Some(told), "{name}");
                if refuse {
                    let own = ends[usize::from(!of_client)].as_ref().unwrap();
                    assert_eq!((own.kind, own.alert_sent), (FailureKind::Authentication, Some(told)), "{name}");
                }
            }
        }
    }
}

#[test]
fn a_host_that_looks_before_it_accepts_pays_for_one_judgement() {
    use crate::trust::CHECKS;
    for protocols in [Version::Tls12, Version::Tls13] {
        let mut pair = mutual(protocols, ClientCertificateMode::Require);
        let judgements = std::cell::Cell::new(0);
        let look_and_accept = |session: &Session| {
            let before = CHECKS.get();
            assert_eq!(
                session.default_validation().map(|report| report.reasons.policy_errors()),
                Ok(PolicyErrors::NONE)
            );
            // The leaf's signature and the intermediate's.
            assert_eq!(CHECKS.get() - before, 2);
            assert_eq!(
                session.default_validation().map(|report| report.reasons.policy_errors()),
                Ok(PolicyErrors::NONE)
            );
            assert_eq!(session.accept_with_default_validation(), Ok(PolicyErrors::NONE));
            assert_eq!(CHECKS.get() - before, 2);
            judgements.set(judgements.get() + 1);
        };
        pair.shake(look_and_accept);
        assert_eq!(judgements.get(), 2);
    }
}

#[test]
fn a_verdict_is_kept_for_the_chain_that_was_judged_and_for_no_other() {
    let mut pair = mutual(Version::Tls13, ClientCertificateMode::Request);
    pair.shake(accept);
    let server = &pair.server;
    let trusted = server.remote_certificates();
    assert!(!trusted.is_empty());
    // A call too many judges nothing that a later question could be answered with.
    assert_eq!(server.accept_with_default_validation().unwrap_err().kind, FailureKind::InvalidState);
    assert!(server.shared.facts().asked.as_ref().is_none_or(|asked| asked.judged.is_none()));
    assert!(server.judged(&trusted, Extent::Verdict).verdict().is_ok());
    let untrusted: Arc<[_]> = credentials("client-other").own_key().current().cert.clone().into();
    assert!(server.judged(&untrusted, Extent::Verdict).verdict().is_err());
    assert!(server.judged(&trusted, Extent::Verdict).verdict().is_ok());
}

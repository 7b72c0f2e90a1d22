//! Answers to the questions of a suspended session: those that are asked for, and any others.

use super::super::host::{self, Status};
use super::super::input::Input;
use super::super::setup::{CLIENT, Contexts, SERVER, SERVER_EXTERNAL, sign};
use super::side::{self, HANDSHAKE_COMPLETE, SUSPENDED, Side};

const CERTIFICATE_REQUIRED: u8 = 116;

/// What an answer has done.
struct Given {
    status: Status,
    /// The session has failed by it.
    refused: bool,
    /// The peer may refuse us for it.
    rude: bool,
}

impl Given {
    fn plain(status: Status) -> Self {
        Self { status, refused: false, rude: false }
    }
}

impl Side {
    /// Whatever is asked, answers so that the handshake can continue.
    pub fn answer(&mut self, contexts: &Contexts) {
        if !self.has(SUSPENDED) {
            assert_eq!(self.session.set_verdict(0), host::INVALID_STATE);
            return;
        }
        let session = &self.session;
        if let Ok(message) = session.to_sign() {
            // A client may have the server's key too.
            let signed = [false, true].map(|key_of_server| session.set_signature(&sign(key_of_server, &message)));
            assert!(signed.contains(&host::COMPLETE), "{signed:?}");
        } else if session.set_verdict(0) == host::COMPLETE {
            self.accepted = true;
        } else if self.is_server {
            assert_eq!(session.set_context(&contexts.decided), host::COMPLETE);
            self.context_chosen = true;
        } else {
            assert_eq!(session.set_credentials(Some(&CLIENT)), host::COMPLETE);
        }
        self.question = None;
        // Answered once: no second answer is taken.
        assert_eq!(session.set_verdict(0), host::INVALID_STATE);
        assert_eq!(session.reject(80), host::INVALID_STATE);
    }

    /// An answer of one of five kinds (22 to 26), asked for or not. True if the connection may fail by it.
    pub fn any_answer(&mut self, kind: u8, input: &mut Input<'_>, contexts: &Contexts) -> bool {
        let before = self.session.state();
        let suspended = before & SUSPENDED != 0;
        let given = match kind {
            22 | 23 => self.verdict(kind == 22, input, suspended),
            24 => {
                let alert = [CERTIFICATE_REQUIRED, input.byte()][usize::from(input.bit())];
                let session = &self.session;
                let status = if input.bit() { session.reject_certificate(alert) } else { session.reject(alert) };
                Given { refused: status == host::COMPLETE, ..Given::plain(status) }
            }
            25 => self.choice(usize::from(input.byte()), suspended, contexts),
            _ => {
                let signature = input.bytes();
                let status = self.session.set_signature(signature);
                assert!(status != host::COMPLETE || signature.is_empty(), "a wrong signature was accepted");
                Given { refused: status == host::COMPLETE, ..Given::plain(status) }
            }
        };
        self.answered(&given, suspended || before & HANDSHAKE_COMPLETE != 0);
        given.refused || given.rude
    }

    /// By the default validation, or the host's own.
    fn verdict(&mut self, by_default: bool, input: &mut Input<'_>, suspended: bool) -> Given {
        let session = &self.session;
        let status = if by_default {
            let (status, errors) = session.accept_with_default_validation();
            assert!(status < 0 || errors == 0 || errors == 1 && self.is_server, "policy errors {errors}");
            status
        } else {
            let errors = u32::from(input.byte() & 15);
            let status = session.set_verdict(errors);
            assert!(!suspended || status != host::COMPLETE || errors == 0, "errors {errors} were accepted");
            assert_eq!(status == host::INVALID_ARGUMENT, errors & !7 != 0);
            status
        };
        self.accepted |= status == host::COMPLETE;
        Given { refused: status == host::AUTHENTICATION_FAILED, ..Given::plain(status) }
    }

    /// Of a server's context, or of a client's credentials.
    fn choice(&mut self, chosen: usize, suspended: bool, contexts: &Contexts) -> Given {
        if self.is_server {
            let context = [&contexts.decided, &contexts.client, &contexts.server][chosen % 3];
            let status = self.session.set_context(context);
            self.context_chosen |= status == host::COMPLETE;
            return Given::plain(status);
        }
        let credentials = [Some(&*CLIENT), None, Some(&*SERVER), Some(&*SERVER_EXTERNAL)];
        let status = self.session.set_credentials(credentials[chosen & 3]);
        assert!(status == host::COMPLETE || !suspended || self.question != Some(host::WANT_CREDENTIALS));
        Given { rude: status == host::COMPLETE && chosen & 3 != 0, ..Given::plain(status) }
    }

    fn answered(&mut self, given: &Given, begun: bool) {
        let known = [
            host::COMPLETE,
            host::INVALID_STATE,
            host::INVALID_ARGUMENT,
            host::AUTHENTICATION_FAILED,
            host::INVALID_CONFIGURATION,
        ];
        assert!(known.contains(&given.status), "status {}", given.status);
        let taken = given.status == host::COMPLETE || given.refused;
        assert!(!taken || begun || !self.is_server, "an answer without a question");
        if taken {
            self.question = None;
        }
        if given.refused {
            self.refused = true;
            assert!(self.has(side::FAILED), "refused, and not failed");
            assert_eq!(self.session.error().0.status, host::AUTHENTICATION_FAILED);
        }
    }
}

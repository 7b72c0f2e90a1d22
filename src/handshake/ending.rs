//! A handshake that ends before it has finished: refused, cancelled or failed. The alert is the last of its output.

use rustls::{PeerMisbehaved, SupportedCipherSuite};

use super::connection::{Connection, Drive};
use super::question::OpenQuestion;
use super::refusal::Refusal;
use super::{Event, Handshake, HandshakeState, alert};
use crate::crypto::handshake_sealer::{HandshakeSealer, SealingPoint};
use crate::crypto::traffic::TrafficSecret;
use crate::limits::{HEADROOM, MAX_PLAINTEXT};
use crate::memory;
use crate::outcome::{Alert, Failure, Question, Result};
use crate::record::protection::Protection;
use crate::record::seal::Sealer;
use crate::wire::{AlertMessage, ContentType};

impl Handshake {
    /// Ends the handshake: the host refuses what it is asked. Returns what that is to the host; the alert is in the output.
    pub(crate) fn refuse(&mut self, refusal: Refusal) -> Result<Failure> {
        memory::expect(HEADROOM)?;
        let refused = match std::mem::replace(&mut self.state, HandshakeState::Ended) {
            HandshakeState::Choosing { .. } => self.fail(refusal.into_failure(self.version), None),
            HandshakeState::Asking { fiber, question: OpenQuestion::Credentials(_), sealer_before } => {
                // rustls would take a refusal for "no certificate" and go on. Dropping the fiber ends the step.
                drop(fiber);
                self.fail(refusal.into_failure(self.version), sealer_before)
            }
            HandshakeState::Asking { fiber, question, sealer_before } => {
                if question.question() == Question::Certificate {
                    self.forget_tickets();
                }
                self.run(fiber, sealer_before, Some(refusal))
            }
            // What was held back is dropped; the peer sees the alert where it expects that flight.
            HandshakeState::HeldBack { sealer_before, .. } => {
                self.forget_tickets();
                self.fail(refusal.into_failure(self.version), sealer_before)
            }
            other => {
                self.state = other;
                Err(Failure::internal("a handshake that asks nothing cannot be refused"))
            }
        };
        match refused? {
            Event::Failed(failure) => Ok(failure),
            _ => Err(Failure::internal("a refused handshake has continued")),
        }
    }

    /// The server's certificate was refused: nor is a session with it resumed.
    fn forget_tickets(&self) {
        if let Some((name, tickets)) = &self.tickets {
            tickets.forget(name, &self.taps);
        }
    }

    /// Gives the handshake up: the peer is told with `user_canceled` and `close_notify` (RFC 8446 section 6.1). A
    /// suspended step ends as if it had been refused, and its output is dropped.
    pub(crate) fn cancel(&mut self) -> Result<()> {
        let mut sealer = match std::mem::replace(&mut self.state, HandshakeState::Ended) {
            // Dropping a fiber ends the step that it stands in.
            HandshakeState::HeldBack { sealer_before, .. } | HandshakeState::Asking { sealer_before, .. } => {
                sealer_before
            }
            HandshakeState::Hello { .. }
            | HandshakeState::Choosing { .. }
            | HandshakeState::Waiting { .. }
            | HandshakeState::Ended => self.sealer_in_force(),
        };
        alert::write(sealer.as_mut(), Alert::USER_CANCELED, &mut self.output)?;
        alert::write(sealer.as_mut(), Alert::CLOSE_NOTIFY, &mut self.output)
    }

    /// Ends with a failure that the session has found, for example in a record's header.
    pub(crate) fn fail_with(&mut self, failure: Failure) -> Result<Event> {
        self.fail(failure, self.sealer_in_force())
    }

    /// A step has ended with an error, which is `refusal`'s if there is one.
    pub(super) fn failed(&mut self, drive: Drive, error: &rustls::Error, refusal: Option<Refusal>) -> Result<Event> {
        super::follow(&mut self.output, drive.output);
        let wanted = self.taps.seen().alert_wanted.take().or(drive.alert_wanted);
        let failure = match refusal {
            Some(refusal) => refusal.into_failure(self.version),
            None => alert::failure(error, wanted, self.version, self.is_server),
        };
        let Some(mut sealer) = self.sealer_after_finished(error, &drive.connection)? else {
            return self.fail(failure, self.sealer_in_force());
        };
        if let Some(alert) = failure.alert_sent {
            sealer.seal_message(ContentType::Alert, &AlertMessage::bytes(alert), &mut self.output)?;
        }
        self.state = HandshakeState::Ended;
        Ok(Event::Failed(failure))
    }

    /// If a TLS 1.3 client finds bytes after the server's Finished, rustls has made its own Finished but has not
    /// moved to the keys that follow, with which the server now expects our alert (RFC 8446 section 7.1).
    fn sealer_after_finished(&self, error: &rustls::Error, connection: &Connection) -> Result<Option<Sealer>> {
        let misplaced = matches!(error, rustls::Error::PeerMisbehaved(PeerMisbehaved::KeyEpochWithPendingFragment));
        let secret = self.taps.seen().client_traffic.take().filter(|_| misplaced && !self.is_server);
        let (Some(secret), Some(SupportedCipherSuite::Tls13(suite))) =
            (secret, connection.common().negotiated_cipher_suite())
        else {
            return Ok(None);
        };
        TrafficSecret::new(suite, secret).keys().map(|keys| Some(Sealer::new(Protection::new(keys, 0), MAX_PLAINTEXT)))
    }

    pub(super) fn sealer_in_force(&self) -> Option<SealingPoint> {
        self.taps.seen().sealing.as_ref().and_then(HandshakeSealer::point)
    }

    pub(super) fn fail(&mut self, failure: Failure, mut sealer: Option<SealingPoint>) -> Result<Event> {
        self.state = HandshakeState::Ended;
        if let Some(alert) = failure.alert_sent {
            alert::write(sealer.as_mut(), alert, &mut self.output)?;
        } else if failure.alert_received == Some(Alert::CLOSE_NOTIFY) {
            // RFC 8446 section 6.1, RFC 5246 section 7.2.1: the one alert that is answered.
            alert::write(sealer.as_mut(), Alert::CLOSE_NOTIFY, &mut self.output)?;
        }
        Ok(Event::Failed(failure))
    }
}

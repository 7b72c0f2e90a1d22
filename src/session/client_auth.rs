//! A client's certificate asked for after the handshake: the request, and the verdict while the session is open.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use super::read::ReadHalf;
use super::stats::now;
use super::{Counts, Progress, Session, only_without_span, try_lock};
use crate::context::{ClientCertificateMode, Validation};
use crate::handshake::not_asked;
use crate::handshake::refusal::Refusal;
use crate::outcome::{Failure, Outcome, Question, Result};
use crate::post_handshake::client_auth::Authentication;
use crate::trust::Extent;
use crate::wire::Version;

impl Session {
    /// Asks the client for a certificate (RFC 8446 section 4.6.2).
    pub fn request_client_certificate(&self, output: &mut [u8]) -> Progress {
        Progress::of(|counts| self.ask_client(output, counts))
    }

    fn ask_client(&self, output: &mut [u8], counts: &mut Counts) -> Result<Outcome> {
        self.shared.complete()?;
        if self.bound.is_some() {
            only_without_span(output)?;
        }
        if let Some(failure) = self.shared.sticky() {
            return Err(failure);
        }
        if !self.context.is_server() {
            return Err(Failure::state("only a server asks for a client's certificate"));
        }
        if self.negotiated().version != Some(Version::Tls13) {
            return Err(Failure::not_supported("TLS 1.2 would have to renegotiate"));
        }
        let mut write = try_lock(&self.write)?;
        if self.shared.state.now().authentication().is_under_way() {
            return Err(Failure::state("the last request is not answered, or the answer not judged"));
        }
        // An answer is checked under this lock only while a request is under way.
        self.shared.client_auth().as_ref().ok_or_else(not_offered)?;
        if let Some(bound) = &self.bound
            && !self.send_owed(bound, &mut write)?
        {
            return Ok(Outcome::WantWrite);
        }
        let issuers = &self.context().acceptable_issuers;
        let result = write.ask_client(
            &self.shared,
            || self.shared.client_auth().as_mut().ok_or_else(not_offered)?.ask(issuers),
            output,
            counts,
        );
        if let (Some(bound), Ok(Outcome::Complete)) = (&self.bound, &result) {
            // Asked; what does not fit into the socket is pending.
            self.send_owed(bound, &mut write)?;
        }
        write.count(&self.shared, counts.written);
        result
    }

    /// Looks whether the client's answer is complete, and asks the host about it. True if it was judged here instead.
    pub(super) fn client_has_shown(&self, read: &mut ReadHalf) -> Result<bool> {
        if self.shared.state.now().authentication() != Authentication::Shown {
            return Ok(false);
        }
        let shown = self.shared.client_auth().as_mut().and_then(|auth| auth.take_shown());
        let shown = shown.ok_or_else(|| Failure::internal("a proof without what it proves"))?;
        let shown_nothing = shown.chain.is_empty();
        let shared = &self.shared;
        {
            let mut facts = shared.facts();
            facts.remote_certificates = shown.chain.into();
            facts.asked = None;
            facts.verified_path = Box::default();
            facts.negotiated.peer_signature_scheme = shown.scheme;
        }
        if shown_nothing && self.context().client_certificates == ClientCertificateMode::Require {
            // No host can accept it, as in the handshake.
            self.answer_client(read, |_| Err(Refusal::no_certificate()))?;
            return Ok(true);
        }
        if self.context().validation == Validation::Automatic {
            self.answer_client(read, |chain| self.judged(chain, Extent::Verdict).verdict())?;
            return Ok(true);
        }
        shared.facts().asked().since = Some(now());
        shared.state.authenticate(Authentication::Judging);
        Ok(false)
    }

    /// Takes the verdict on a client of an open session, if one is waited for. A refusal ends the session, and is returned.
    pub(super) fn answer_client(
        &self,
        read: &mut ReadHalf,
        decide: impl FnOnce(&Arc<[CertificateDer<'static>]>) -> Result<(), Refusal>,
    ) -> Result<Option<Failure>> {
        if !self.shared.state.now().authentication().awaits_verdict() {
            return Err(not_asked(Question::Certificate));
        }
        let question = self.shared.state.now().question();
        let verdict = decide(&self.remote_certificates());
        let refusal = verdict.err().map(|refusal| refusal.into_failure(Some(Version::Tls13)));
        let refusal = refusal.map(|refusal| read.refuse(&self.shared, refusal));
        // Last: a thread that sees this also sees that the session has failed.
        self.shared.state.authenticate(Authentication::Judged);
        // Nothing more is asked until the next request.
        let since = self.shared.facts().asked.take().and_then(|asked| asked.since);
        if let (Some(question), Some(since)) = (question, since) {
            self.shared.counters.answered(question, since);
        }
        Ok(refusal)
    }
}

fn not_offered() -> Failure {
    Failure::not_supported("the client has not offered to authenticate after the handshake")
}

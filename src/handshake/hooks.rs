//! The objects that rustls asks. They decide nothing: they suspend, or hand out what the context holds. Shared by all
//! sessions of a context.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, InvalidMessage, SignatureScheme};

use super::chains::Chains;
use super::fiber::suspend;
use super::question::{CertificateRequest, PeerChain};
use crate::crypto::own_key::OwnKey;
use crate::crypto::provider::SIGNATURES;
use crate::crypto::taps;
use crate::trust;

/// Signatures are checked alike in both roles: the two traits share these functions.
macro_rules! signatures_of_the_peer {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            note_scheme(signed);
            verify_tls12_signature(message, cert, signed, &SIGNATURES)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            note_scheme(signed);
            verify_tls13_signature(message, cert, signed, &SIGNATURES)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            SIGNATURES.supported_schemes()
        }
    };
}

/// Leaves certificates to the host and checks signatures itself.
#[derive(Debug)]
pub(crate) struct AskAboutServer;

impl ServerCertVerifier for AskAboutServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(taps) = taps::current() {
            let mut seen = taps.seen();
            seen.ocsp_response = ocsp_response.to_vec();
            seen.resumes_nothing();
            seen.certificate_until = trust::not_after(end_entity);
        }
        ask_about(end_entity, intermediates).map(|()| ServerCertVerified::assertion())
    }

    signatures_of_the_peer!();
}

/// The same for a server's clients.
#[derive(Debug)]
pub(crate) struct AskAboutClient {
    /// A client without a certificate is refused by rustls.
    pub(crate) mandatory: bool,
    /// The names of the trust anchors.
    pub(crate) acceptable_issuers: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AskAboutClient {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.acceptable_issuers
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // A full handshake, whatever ticket was opened.
        if let Some(taps) = taps::current() {
            taps.seen().began = None;
        }
        ask_about(end_entity, intermediates).map(|()| ClientCertVerified::assertion())
    }

    signatures_of_the_peer!();
}

fn note_scheme(signed: &DigitallySignedStruct) {
    if let Some(taps) = taps::current() {
        taps.seen().peer_scheme = Some(signed.scheme);
    }
}

/// Suspends the handshake until the host has judged the chain.
fn ask_about(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Result<(), Error> {
    // RFC 8446 section 4.4.2, RFC 5246 section 7.4.2: a certificate has at least one byte. rustls does not look.
    if std::iter::once(end_entity).chain(intermediates).any(|der| der.is_empty()) {
        return Err(Error::InvalidMessage(InvalidMessage::MissingData("certificate")));
    }
    let chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect();
    // The handshake has the refusal, and the alert that is sent.
    suspend(PeerChain(chain)).ok_or_else(|| Error::General("refused by the host".into()))
}

/// Hands out the chain that was chosen when the ClientHello was complete.
#[derive(Debug)]
pub(crate) struct ServerCredentials;

impl ResolvesServerCert for ServerCredentials {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chain = taps::current()?.seen().server_chain.clone()?;
        Some(show(&chain, chain.current()))
    }
}

/// Asks the host for a client's credentials, unless the session or the context has them, or the context declines.
#[derive(Debug)]
pub(crate) struct ClientCredentials {
    pub(crate) chains: Arc<Chains>,
    /// Without chains no certificate is shown, and the host is not asked.
    pub(crate) declines: bool,
}

impl ResolvesClientCert for ClientCredentials {
    fn resolve(&self, acceptable_issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let preset = taps::current().and_then(|taps| {
            let mut seen = taps.seen();
            seen.was_asked = true;
            seen.preset.clone()
        });
        let credentials = match preset {
            Some(preset) => preset,
            None if !self.chains.is_empty() => self.chains.for_server(acceptable_issuers, schemes),
            None if self.declines => None,
            None => ask_for_credentials(acceptable_issuers, schemes),
        }?;
        let key = credentials.current();
        key.key.choose_scheme(schemes)?;
        Some(show(&credentials, key))
    }

    fn has_certs(&self) -> bool {
        // Only the host knows.
        true
    }
}

fn ask_for_credentials(acceptable_issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<OwnKey>> {
    let request = CertificateRequest {
        acceptable_issuers: acceptable_issuers.iter().map(|name| name.to_vec()).collect(),
        schemes: schemes.to_vec(),
    };
    let answered = suspend(request).flatten();
    if let Some(taps) = taps::current() {
        taps.seen().declined = answered.is_none();
    }
    answered
}

/// Notes what the peer will see of us.
fn show(credentials: &OwnKey, key: Arc<CertifiedKey>) -> Arc<CertifiedKey> {
    if let Some(taps) = taps::current() {
        let mut seen = taps.seen();
        seen.shown_id = Some(credentials.id);
        seen.shown = Some(key.clone());
    }
    key
}

//! A client's certificate asked for after the handshake (RFC 8446 section 4.6.2). rustls does not offer this; the messages
//! are made and checked here, over the transcript that `crypto::taps` has kept.

use rustls::SignatureScheme;
use rustls::crypto::hash;
use rustls::pki_types::CertificateDer;
use subtle::ConstantTimeEq;

use crate::crypto::provider::SIGNATURES;
use crate::crypto::traffic::TrafficSecret;
use crate::crypto::verifying_key::VerifyingKey;
use crate::outcome::{Alert, Failure, Result};
use crate::wire::{HandshakeType, MESSAGE_HEADER, MessageHeader, Reader, extension_type};

/// Bytes of the context that identifies a request.
const CONTEXT: usize = 16;

/// RFC 8446 section 4.4.3: what a signature covers before the transcript's hash.
const SIGNED_PREFIX: &[u8] = b"TLS 1.3, client CertificateVerify\0";

/// How far the last authentication is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Authentication {
    /// The client was not asked, or has not offered to answer.
    #[default]
    Unasked,
    /// Asked.
    Requested,
    /// The messages of the answer arrive, which follow each other without others between them.
    Arriving,
    /// The client has proved who it is, or has declined.
    Shown,
    /// The host is asked for its verdict.
    Judging,
    /// The verdict was given. The client may be asked again.
    Judged,
}

impl Authentication {
    /// Whether the last request has no verdict yet.
    pub(crate) fn is_under_way(self) -> bool {
        !matches!(self, Self::Unasked | Self::Judged)
    }

    /// Whether nothing is opened until the verdict.
    pub(crate) fn awaits_verdict(self) -> bool {
        matches!(self, Self::Shown | Self::Judging)
    }

    /// Whether this is the next step after `earlier`.
    pub(crate) fn follows(self, earlier: Self) -> bool {
        match self {
            Self::Unasked => false,
            // A message after the proof, in the same record, makes it void.
            Self::Requested => matches!(earlier, Self::Unasked | Self::Judged | Self::Shown),
            Self::Arriving => earlier == Self::Requested,
            Self::Shown => earlier == Self::Arriving,
            Self::Judging => earlier == Self::Shown,
            Self::Judged => earlier.awaits_verdict(),
        }
    }
}

/// What a server needs to ask its client, whose hello has offered to answer.
pub(crate) struct ClientAuth {
    /// ClientHello to the client's Finished (section 4.4.1).
    handshake: Box<dyn hash::Context>,
    answer: Answer,
}

/// The client's answer.
enum Answer {
    /// There is none, and none is expected.
    Nothing,
    /// A part of it is still to arrive.
    Expected(Request),
    /// Proved, and not judged.
    Proved(Shown),
}

/// A request that is not answered.
struct Request {
    context: [u8; CONTEXT],
    /// The handshake, the request, and the answer so far.
    transcript: Box<dyn hash::Context>,
    expected: Expected,
    shown: Shown,
}

/// What a client shows.
#[derive(Default)]
pub(crate) struct Shown {
    /// Leaf first; empty if the client declined.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The scheme with which it has signed, IANA number; 0 if it did not.
    pub(crate) scheme: u16,
}

/// The next message of the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Certificate,
    Verify,
    Finished,
}

impl ClientAuth {
    pub(crate) fn new(handshake: Box<dyn hash::Context>) -> Self {
        Self { handshake, answer: Answer::Nothing }
    }

    /// The message that asks; it must be sent now. An earlier request has had its verdict.
    pub(crate) fn ask(&mut self, acceptable_issuers: &[rustls::DistinguishedName]) -> Result<Vec<u8>> {
        use crate::crypto::provider::rand::{SecureRandom, SystemRandom};
        let mut context = [0; CONTEXT];
        SystemRandom::new().fill(&mut context).map_err(|_| Failure::internal("no random bytes"))?;
        let mut extensions = Vec::new();
        let schemes: Vec<u8> =
            SIGNATURES.supported_schemes().into_iter().flat_map(|scheme| u16::from(scheme).to_be_bytes()).collect();
        put_extension(&mut extensions, extension_type::SIGNATURE_ALGORITHMS, &schemes);
        if !acceptable_issuers.is_empty() {
            let mut names = Vec::new();
            for name in acceptable_issuers {
                put_with_len(&mut names, name.as_ref());
            }
            put_extension(&mut extensions, extension_type::CERTIFICATE_AUTHORITIES, &names);
        }
        let mut body = vec![CONTEXT as u8];
        body.extend_from_slice(&context);
        put_with_len(&mut body, &extensions);
        let mut message = header(HandshakeType::CERTIFICATE_REQUEST, body.len()).to_vec();
        message.append(&mut body);
        let mut transcript = self.handshake.fork();
        transcript.update(&message);
        let shown = Shown::default();
        self.answer = Answer::Expected(Request { context, transcript, expected: Expected::Certificate, shown });
        Ok(message)
    }

    /// The next message of the client's answer, and how far it brings it. `traffic` is the client's secret in force.
    pub(crate) fn answer(
        &mut self,
        message_type: HandshakeType,
        body: &[u8],
        traffic: &TrafficSecret,
    ) -> Result<Authentication> {
        let unexpected = || {
            Failure::protocol(
                Alert::UNEXPECTED_MESSAGE,
                "a part of an authentication that was not asked for, or not now",
            )
        };
        let Answer::Expected(request) = &mut self.answer else { return Err(unexpected()) };
        match (request.expected, message_type) {
            (Expected::Certificate, HandshakeType::CERTIFICATE) => {
                request.shown.chain = certificates(body, &request.context)?;
                // Section 4.4.3: no signature without a certificate.
                request.expected = if request.shown.chain.is_empty() { Expected::Finished } else { Expected::Verify };
            }
            (Expected::Verify, HandshakeType::CERTIFICATE_VERIFY) => {
                let leaf = request.shown.chain.first().ok_or_else(unexpected)?;
                request.shown.scheme = verify(body, leaf, request.transcript.fork_finish().as_ref())?;
                request.expected = Expected::Finished;
            }
            (Expected::Finished, HandshakeType::FINISHED) => {
                let expected = traffic.finished(request.transcript.fork_finish().as_ref())?;
                // RFC 8446 section 6.2.
                if expected.as_ref().len() != body.len() {
                    return Err(Failure::protocol(Alert::DECODE_ERROR, "a Finished of the wrong length"));
                }
                if !bool::from(expected.as_ref().ct_eq(body)) {
                    let reason = "the Finished of an authentication could not be verified";
                    return Err(Failure::protocol(Alert::DECRYPT_ERROR, reason));
                }
                self.answer = Answer::Proved(std::mem::take(&mut request.shown));
                return Ok(Authentication::Shown);
            }
            _ => return Err(unexpected()),
        }
        request.transcript.update(&header(message_type, body.len()));
        request.transcript.update(body);
        Ok(Authentication::Arriving)
    }

    /// What the client has shown, once.
    pub(crate) fn take_shown(&mut self) -> Option<Shown> {
        match std::mem::replace(&mut self.answer, Answer::Nothing) {
            Answer::Proved(shown) => Some(shown),
            answer => {
                self.answer = answer;
                None
            }
        }
    }
}

/// RFC 8446 section 4.4.2: the request's context, and entries of certificate and extensions.
fn certificates(body: &[u8], context: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let malformed = || Failure::protocol(Alert::DECODE_ERROR, "a malformed Certificate");
    let (echoed, mut entries) =
        Reader::new(body).whole(|message| Some((message.vector8(0)?, message.vector24(0)?))).ok_or_else(malformed)?;
    if echoed.rest() != context {
        return Err(Failure::protocol(Alert::ILLEGAL_PARAMETER, "a Certificate for another request"));
    }
    let mut chain = Vec::new();
    while !entries.is_empty() {
        let certificate = entries.vector24(1).ok_or_else(malformed)?;
        let extensions = entries.vector16(0).ok_or_else(malformed)?;
        // Section 4.4.2: only what the request has offered, which is nothing.
        if !extensions.is_empty() {
            return Err(Failure::protocol(Alert::UNSUPPORTED_EXTENSION, "a Certificate with extensions unasked"));
        }
        chain.push(CertificateDer::from(certificate.rest().to_vec()));
    }
    Ok(chain)
}

/// The scheme of a signature that holds (RFC 8446 section 4.4.3).
fn verify(body: &[u8], leaf: &CertificateDer<'static>, transcript_hash: &[u8]) -> Result<u16> {
    let malformed = || Failure::protocol(Alert::DECODE_ERROR, "a malformed CertificateVerify");
    let (scheme, signature) =
        Reader::new(body).whole(|message| Some((message.u16()?, message.vector16(0)?))).ok_or_else(malformed)?;
    let scheme = SignatureScheme::from(scheme);
    if !may_sign(scheme) || !SIGNATURES.supported_schemes().contains(&scheme) {
        return Err(Failure::protocol(Alert::ILLEGAL_PARAMETER, "a signature scheme that was not asked for"));
    }
    let message = [&[0x20; 64], SIGNED_PREFIX, transcript_hash].concat();
    match VerifyingKey::new(leaf.clone()).verify(scheme, &message, signature.rest()) {
        true => Ok(scheme.into()),
        false => Err(Failure::protocol(Alert::DECRYPT_ERROR, "the client does not prove that it holds the key")),
    }
}

/// Section 4.2.3: PKCS#1 signatures and SHA-1 are for certificates only.
fn may_sign(scheme: SignatureScheme) -> bool {
    matches!(
        scheme,
        SignatureScheme::ECDSA_NISTP256_SHA256
            | SignatureScheme::ECDSA_NISTP384_SHA384
            | SignatureScheme::ECDSA_NISTP521_SHA512
            | SignatureScheme::RSA_PSS_SHA256
            | SignatureScheme::RSA_PSS_SHA384
            | SignatureScheme::RSA_PSS_SHA512
            | SignatureScheme::ED25519
    )
}

fn header(message_type: HandshakeType, body_len: usize) -> [u8; MESSAGE_HEADER] {
    // Ours are bounded by `MAX_ISSUER_LIST`, the peer's by `MAX_HANDSHAKE_MESSAGE`.
    MessageHeader { message_type, body_len }.bytes()
}

fn put_with_len(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
    to.extend_from_slice(bytes);
}

/// An extension whose content is one list.
fn put_extension(to: &mut Vec<u8>, extension_type: u16, list: &[u8]) {
    let mut content = Vec::new();
    put_with_len(&mut content, list);
    to.extend_from_slice(&extension_type.to_be_bytes());
    put_with_len(to, &content);
}

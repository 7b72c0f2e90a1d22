//! The alert primitive: any alert, at any point of a handshake, under the keys in force.
//!
//! rustls never sends an alert here (see `crypto::suites`): it names the one it wanted, or none, and
//! the handshake sends the one that fits from here. So each refusal, failure and shutdown has one way out, and the error
//! record names the alert that the peer was sent.

use std::borrow::Cow;

use rustls::crypto::cipher::{OutboundChunks, OutboundPlainMessage};
use rustls::{CertificateError, ContentType, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved, ProtocolVersion};

use super::refusal::Refusal;
use crate::crypto::handshake_sealer::SealingPoint;
use crate::outcome::{Alert, Failure, FailureKind, Result};
use crate::wire::{self, AlertMessage, Version, record};

/// Appends an alert record to `output`, sealed if keys are in force.
pub(crate) fn write(sealer: Option<&mut SealingPoint>, alert: Alert, output: &mut Vec<u8>) -> Result<()> {
    let message = AlertMessage::bytes(alert);
    match sealer {
        Some(sealer) => {
            let message = OutboundPlainMessage {
                typ: ContentType::Alert,
                version: ProtocolVersion::TLSv1_2,
                payload: OutboundChunks::Single(&message),
            };
            let record = sealer.seal_next(message).map_err(|_| Failure::internal("an alert could not be sealed"))?;
            output.extend_from_slice(&record);
        }
        None => {
            record::write(wire::ContentType::Alert, &message, output);
        }
    }
    Ok(())
}

/// Turns an error of rustls into a failure with the alert that the peer is owed. `wanted` is the alert that rustls
/// asked for, if it did.
pub(crate) fn failure(error: &Error, wanted: Option<Alert>, version: Option<Version>, is_server: bool) -> Failure {
    if let Error::AlertReceived(alert) = error {
        // RFC 8446 section 6.2: an error alert is not answered, whatever rustls wanted to say to its level.
        return received(Alert(u8::from(*alert)));
    }
    if matches!(error, Error::NoCertificatesPresented) {
        // RFC 8446 section 4.4.2.4: a server's Certificate must not be empty.
        let alert = (!is_server && version != Some(Version::Tls12)).then_some(Alert::DECODE_ERROR);
        return Refusal { alert, ..Refusal::no_certificate() }.into_failure(version);
    }
    let alert = corrected(error).or(wanted).unwrap_or_else(|| for_error(error));
    let kind = match error {
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes | Error::EncryptError => FailureKind::Internal,
        _ => FailureKind::Protocol,
    };
    Failure::new(kind, describe(error, alert)).with_alert(alert)
}

/// The peer ended the handshake with this alert.
pub(crate) fn received(alert: Alert) -> Failure {
    let mut failure = Failure::alert_from_peer(alert);
    if alert == Alert::CLOSE_NOTIFY {
        failure.message = "the peer closed during the handshake".into();
    }
    failure
}

/// One sentence for the error record, where rustls has only a name.
fn describe(error: &Error, alert: Alert) -> Cow<'static, str> {
    match error {
        Error::DecryptError if alert == Alert::BAD_RECORD_MAC => {
            "a record could not be opened: damaged or forged".into()
        }
        Error::DecryptError => "a handshake message could not be verified".into(),
        Error::NoApplicationProtocol => "the peer offers none of our application protocols".into(),
        Error::PeerIncompatible(incompatible) => match incompatible {
            what if is_about_versions(what) => "the peer and we have no protocol version in common".into(),
            PeerIncompatible::NoCipherSuitesInCommon => "the peer and we have no cipher suite in common".into(),
            PeerIncompatible::NoKxGroupsInCommon => "the peer and we have no key-exchange group in common".into(),
            PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
                "the peer and we have no signature scheme in common".into()
            }
            PeerIncompatible::ExtendedMasterSecretExtensionRequired => {
                "the peer does not offer the extended master secret".into()
            }
            other => format!("the peer and we cannot speak TLS with each other: {other:?}").into(),
        },
        Error::General(text) if text.contains("signing key") => "no signature scheme of the peer fits our key".into(),
        // The names of these are fixed; they hold nothing of a message but its type.
        Error::PeerMisbehaved(why) => format!("the peer broke the protocol: {why:?}").into(),
        Error::InvalidMessage(why) => format!("a message is malformed: {why:?}").into(),
        Error::InappropriateMessage { got_type, .. } => format!("a record of the wrong type: {got_type:?}").into(),
        Error::InappropriateHandshakeMessage { got_type, .. } => {
            format!("a handshake message at the wrong time: {got_type:?}").into()
        }
        Error::InvalidCertificate(CertificateError::BadSignature) => "the peer's signature is wrong".into(),
        Error::InvalidCertificate(_) => "the peer's certificate cannot be used".into(),
        Error::PeerSentOversizedRecord => "a record is longer than allowed".into(),
        Error::FailedToGetCurrentTime => "the system returned no time".into(),
        Error::FailedToGetRandomBytes => "the system returned no random bytes".into(),
        // Texts of others, which may say anything.
        _ => "the handshake failed".into(),
    }
}

/// The alert for an error that rustls has another one for than the RFCs.
fn corrected(error: &Error) -> Option<Alert> {
    Some(match error {
        // RFC 8446 sections 4.1.3, 9.2, 4.3.2 and 4.4.2.
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite) => Alert::ILLEGAL_PARAMETER,
        Error::PeerIncompatible(PeerIncompatible::KeyShareExtensionRequired) => Alert::MISSING_EXTENSION,
        Error::InvalidMessage(InvalidMessage::InvalidCertRequest) => Alert::ILLEGAL_PARAMETER,
        Error::InvalidMessage(InvalidMessage::UnknownCertificateExtension) => Alert::UNSUPPORTED_EXTENSION,
        // Sections 5 and 5.4.
        Error::PeerMisbehaved(PeerMisbehaved::IllegalTlsInnerPlaintext)
        | Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::InvalidEmptyPayload
            | InvalidMessage::MissingData("AlertLevel"),
        ) => Alert::UNEXPECTED_MESSAGE,
        // See `hooks`: a certificate of no bytes.
        Error::InvalidMessage(InvalidMessage::MissingData("certificate")) => Alert::DECODE_ERROR,
        _ => return None,
    })
}

/// The alert for an error that rustls sends none for (RFC 8446 section 6.2).
fn for_error(error: &Error) -> Alert {
    match error {
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => Alert::UNEXPECTED_MESSAGE,
        Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => Alert::ILLEGAL_PARAMETER,
        Error::InvalidMessage(InvalidMessage::UnexpectedMessage(_)) => Alert::UNEXPECTED_MESSAGE,
        Error::InvalidMessage(_) => Alert::DECODE_ERROR,
        Error::DecryptError => Alert::BAD_RECORD_MAC,
        Error::PeerSentOversizedRecord => Alert::RECORD_OVERFLOW,
        Error::NoApplicationProtocol => Alert::NO_APPLICATION_PROTOCOL,
        Error::InvalidCertificate(CertificateError::BadSignature) => Alert::DECRYPT_ERROR,
        Error::InvalidCertificate(_) => Alert::BAD_CERTIFICATE,
        Error::PeerIncompatible(what) if is_about_versions(what) => Alert::PROTOCOL_VERSION,
        Error::PeerIncompatible(_) => Alert::HANDSHAKE_FAILURE,
        Error::PeerMisbehaved(PeerMisbehaved::UnsolicitedCertExtension) => Alert::UNSUPPORTED_EXTENSION,
        Error::PeerMisbehaved(
            PeerMisbehaved::MessageInterleavedWithHandshakeMessage
            | PeerMisbehaved::TooManyEmptyFragments
            | PeerMisbehaved::TooManyWarningAlertsReceived
            | PeerMisbehaved::IllegalMiddleboxChangeCipherSpec
            | PeerMisbehaved::KeyEpochWithPendingFragment,
        ) => Alert::UNEXPECTED_MESSAGE,
        Error::PeerMisbehaved(_) => Alert::ILLEGAL_PARAMETER,
        // No signature scheme in common.
        Error::General(text) if text.contains("signing key") => Alert::HANDSHAKE_FAILURE,
        _ => Alert::INTERNAL_ERROR,
    }
}

fn is_about_versions(what: &PeerIncompatible) -> bool {
    matches!(
        what,
        PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
    )
}

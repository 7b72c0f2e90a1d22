//! What is left of a handshake that has finished: keys, secrets and facts, taken over from rustls and the taps.

use std::sync::Arc;

use rustls::client::ClientConnectionData;
use rustls::crypto::hash;
use rustls::kernel::KernelConnection;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use rustls::{ConnectionTrafficSecrets, HandshakeKind, SupportedCipherSuite};

use super::client_tickets::TicketTaker;
use super::connection::Connection;
use crate::client_hello::ClientHello;
use crate::crypto::end_point::EndPoint;
use crate::crypto::exporter::{Exporter, Tls12Secrets};
use crate::crypto::secrets::{KeyMaterial, Secret};
use crate::crypto::taps::Seen;
use crate::crypto::traffic::TrafficSecret;
use crate::outcome::{Failure, Result};
use crate::wire::{Version, extension_type};

/// What the handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// The protocol version; `None` until the handshake is complete.
    pub version: Option<Version>,
    /// IANA number.
    pub cipher_suite: u16,
    /// IANA number.
    pub group: u16,
    /// The scheme with which the peer has signed, IANA number; 0 if it did not.
    pub peer_signature_scheme: u16,
    /// RFC 7301; empty for none.
    pub alpn: Box<[u8]>,
}

/// What the record layer and the getters need.
pub(crate) struct Finished {
    pub(crate) version: Version,
    pub(crate) sending: Direction,
    pub(crate) receiving: Direction,
    pub(crate) negotiated: Negotiated,
    pub(crate) hello_retried: bool,
    pub(crate) resumed: bool,
    /// As the peer sent it, in this handshake or in the one that it resumes.
    pub(crate) peer_certificates: Vec<CertificateDer<'static>>,
    /// A client's, if it keeps tickets.
    pub(crate) ticket_taker: Option<Box<TicketTaker>>,
    /// The credentials that the peer was shown.
    pub(crate) local_credentials: Option<Arc<CertifiedKey>>,
    pub(crate) bindings: Bindings,
    /// A server's, if its client offered to authenticate later (RFC 8446 section 4.6.2).
    pub(crate) transcript: Option<Box<dyn hash::Context>>,
}

/// What ties other protocols to this connection.
pub(crate) struct Bindings {
    pub(crate) exporter: Exporter,
    /// The master secret depends on the whole handshake: TLS 1.3, or RFC 7627.
    pub(crate) sound: bool,
    /// Of the certificate that a server had shown in the session that this one goes back to. Else it is that of the certificate
    /// that was shown.
    pub(crate) end_point: Option<Box<EndPoint>>,
}

/// One direction's keys, and in TLS 1.3 what the next keys derive from.
pub(crate) struct Direction {
    pub(crate) keys: KeyMaterial,
    /// The number of the next record.
    pub(crate) sequence: u64,
    pub(crate) traffic: Option<TrafficSecret>,
}

impl Finished {
    /// rustls hands out the keys by value, and does not wipe the copies: the caller wipes the stack. `hello`: a server's
    /// client's.
    pub(super) fn take_over(
        connection: Connection,
        mut seen: Seen,
        hello: Option<&ClientHello>,
        hello_retried: bool,
    ) -> Result<Box<Self>> {
        let common = connection.common();
        let suite = common
            .negotiated_cipher_suite()
            .ok_or_else(|| Failure::internal("a finished handshake without a cipher suite"))?;
        let version =
            connection.version().ok_or_else(|| Failure::internal("a finished handshake without a version"))?;
        let negotiated = Negotiated {
            version: Some(version),
            cipher_suite: u16::from(suite.suite()),
            group: common.negotiated_key_exchange_group().map_or(0, |group| u16::from(group.name())),
            peer_signature_scheme: seen.peer_scheme.map_or(0, u16::from),
            alpn: common.alpn_protocol().unwrap_or_default().into(),
        };
        let resumed = common.handshake_kind() == Some(HandshakeKind::Resumed);
        let peer_certificates = common.peer_certificates().unwrap_or_default().to_vec();
        let is_server = matches!(connection, Connection::Server(_));
        let (secrets, kernel) = connection.into_secrets()?;

        let shown = if resumed { seen.resumes_shown.take() } else { seen.shown.take() };
        let ticket_taker = kernel.filter(|_| version == Version::Tls13).and_then(|kernel| taker(kernel, &seen, &shown));
        // RFC 7627 section 5.3: a resumed session uses it exactly if the original did and the hello offers it.
        let offered = hello.is_some_and(|hello| hello.extension(extension_type::EXTENDED_MASTER_SECRET).is_some());
        let extended_master_secret = if resumed && is_server { offered } else { seen.extended_master_secret };
        let (sending, receiving) = match is_server {
            true => (seen.server_traffic.take(), seen.client_traffic.take()),
            false => (seen.client_traffic.take(), seen.server_traffic.take()),
        };
        Ok(Box::new(Self {
            version,
            sending: Direction::new(suite, secrets.tx, sending)?,
            receiving: Direction::new(suite, secrets.rx, receiving)?,
            negotiated,
            hello_retried,
            resumed,
            peer_certificates,
            ticket_taker,
            local_credentials: shown,
            transcript: seen.transcript.take().filter(|_| version == Version::Tls13),
            bindings: Bindings {
                sound: version == Version::Tls13 || extended_master_secret,
                end_point: seen.resumes.take().map(|origin| Box::new(origin.end_point)),
                exporter: exporter(suite, seen)?,
            },
        }))
    }
}

/// What comes later is kept for whom this session turned out to be for.
fn taker(
    connection: KernelConnection<ClientConnectionData>,
    seen: &Seen,
    shown: &Option<Arc<CertifiedKey>>,
) -> Option<Box<TicketTaker>> {
    Some(TicketTaker::new(connection, seen.identity()?, shown.clone(), seen.began, seen.certificate_until))
}

fn exporter(suite: SupportedCipherSuite, seen: Seen) -> Result<Exporter> {
    let missing = || Failure::internal("a secret of the handshake was not seen");
    Ok(match suite {
        SupportedCipherSuite::Tls13(suite) => Exporter::Tls13 { suite, secret: seen.exporter.ok_or_else(missing)? },
        SupportedCipherSuite::Tls12(suite) => Exporter::Tls12(Box::new(Tls12Secrets {
            prf: suite.prf_provider,
            master: seen.master.ok_or_else(missing)?,
            randoms: seen.randoms.ok_or_else(missing)?,
            first_finished: seen.first_finished,
        })),
    })
}

impl Direction {
    fn new(
        suite: SupportedCipherSuite,
        (sequence, secrets): (u64, ConnectionTrafficSecrets),
        traffic: Option<Secret>,
    ) -> Result<Self> {
        let keys = KeyMaterial::of(&secrets)
            .ok_or_else(|| Failure::internal("a cipher suite without a record protection of ours"))?;
        let traffic = match suite {
            SupportedCipherSuite::Tls13(suite) => {
                let secret = traffic.ok_or_else(|| Failure::internal("no traffic secret was seen"))?;
                Some(TrafficSecret::new(suite, secret))
            }
            SupportedCipherSuite::Tls12(_) => None,
        };
        Ok(Self { keys, sequence, traffic })
    }
}

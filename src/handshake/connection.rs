//! A rustls connection, either role, driven one record at a time.
//!
//! What has been met and measured about rustls's unbuffered interface stands beside each rule here.

use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::kernel::KernelConnection;
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedConnectionCommon, UnbufferedStatus};
use rustls::{ClientConfig, CommonState, Error, ExtractedSecrets, ProtocolVersion, ServerConfig};

use super::alpn::Protocols;
use crate::limits::MAX_CIPHERTEXT_TLS12;
use crate::outcome::{Alert, Failure, Result};
use crate::wire::record::next_record;
use crate::wire::{AlertMessage, ContentType, Version};

/// The connection, whatever its role. Boxed: it moves between the session and the fiber at every step.
pub(crate) enum Connection {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

/// Where a step left the connection.
#[derive(Debug)]
pub(crate) enum Reached {
    /// It waits for the peer.
    NeedsInput,
    /// The handshake is done, as far as rustls is concerned.
    End,
}

/// One step's work and, in the end, its result: this is what a fiber carries.
pub(crate) struct Drive {
    pub(crate) connection: Connection,
    /// Bytes given to rustls that it has not discarded. They must be passed again, at the same position.
    pub(crate) fed: Vec<u8>,
    /// Records for the peer, alerts left out.
    pub(crate) output: Vec<u8>,
    /// The alert that rustls wanted to send in clear.
    pub(crate) alert_wanted: Option<Alert>,
}

impl Connection {
    /// `alpn` takes the place of the configuration's application protocols.
    pub(crate) fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        alpn: Option<&Protocols>,
    ) -> Result<Self, Error> {
        let connection = match alpn {
            Some(alpn) => UnbufferedClientConnection::new_with_alpn(config, name, alpn.names().to_vec())?,
            None => UnbufferedClientConnection::new(config, name)?,
        };
        Ok(Self::Client(Box::new(connection)))
    }

    pub(crate) fn server(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self::Server(Box::new(UnbufferedServerConnection::new(config)?)))
    }

    pub(crate) fn common(&self) -> &CommonState {
        match self {
            Self::Client(connection) => connection,
            Self::Server(connection) => connection,
        }
    }

    /// Once it is negotiated.
    pub(crate) fn version(&self) -> Option<Version> {
        match self.common().protocol_version()? {
            ProtocolVersion::TLSv1_3 => Some(Version::Tls13),
            _ => Some(Version::Tls12),
        }
    }

    /// Ends the handshake and hands over the record protection, and a client's remains, which take tickets. Nothing else
    /// is needed: key updates derive from the secrets that the taps have seen.
    pub(crate) fn into_secrets(self) -> Result<(ExtractedSecrets, Option<KernelConnection<ClientConnectionData>>)> {
        match self {
            Self::Client(connection) => {
                connection.dangerous_into_kernel_connection().map(|(secrets, rest)| (secrets, Some(rest)))
            }
            Self::Server(connection) => {
                connection.dangerous_into_kernel_connection().map(|(secrets, _)| (secrets, None))
            }
        }
        .map_err(|_| Failure::internal("no secrets after the handshake"))
    }
}

impl Drive {
    pub(crate) fn new(connection: Connection, fed: Vec<u8>) -> Self {
        Self { connection, fed, output: Vec::new(), alert_wanted: None }
    }

    /// Lets rustls process its input until it needs more, has finished, or fails. Its hooks may suspend in here.
    pub(crate) fn run(mut self) -> (Self, Result<Reached, Error>) {
        let mut sink = Sink { output: &mut self.output, alert_wanted: &mut self.alert_wanted };
        let result = match &mut self.connection {
            Connection::Client(connection) => drive(
                connection,
                &mut self.fed,
                &mut sink,
                UnbufferedConnectionCommon::<ClientConnectionData>::process_tls_records,
            ),
            Connection::Server(connection) => drive(
                connection,
                &mut self.fed,
                &mut sink,
                UnbufferedConnectionCommon::<ServerConnectionData>::process_tls_records,
            ),
        };
        (self, result)
    }
}

struct Sink<'a> {
    output: &'a mut Vec<u8>,
    alert_wanted: &'a mut Option<Alert>,
}

impl Sink<'_> {
    /// Takes one record that rustls has made. Alerts stay here: in clear they are 7 bytes with the description last;
    /// protected ones come as an empty record in their place (see `crypto::suites`).
    fn take(&mut self, record: &[u8]) {
        match next_record(record, MAX_CIPHERTEXT_TLS12) {
            Ok(Some(record)) if record.content_type == ContentType::Alert => {
                if let Some(message) = AlertMessage::read(record.payload()) {
                    *self.alert_wanted = Some(message.alert);
                }
            }
            _ => self.output.extend_from_slice(record),
        }
    }
}

type ProcessRecords<D> =
    for<'c, 'i> fn(&'c mut UnbufferedConnectionCommon<D>, &'i mut [u8]) -> UnbufferedStatus<'c, 'i, D>;

fn drive<D>(
    connection: &mut UnbufferedConnectionCommon<D>,
    fed: &mut Vec<u8>,
    sink: &mut Sink<'_>,
    step: ProcessRecords<D>,
) -> Result<Reached, Error> {
    loop {
        let UnbufferedStatus { discard, state } = step(connection, fed);
        let paused = match state {
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                sink.take(&encoded(|room| data.encode(room))?);
                false
            }
            Ok(ConnectionState::TransmitTlsData(data)) => {
                data.done();
                false
            }
            // A TLS 1.3 server may write application data before the handshake is done; ours does not.
            Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => true,
            Ok(_) => return Err(Error::General("application data or closure within the handshake".into())),
            Err(error) => {
                drain_after_error(connection, fed, discard, sink, step)?;
                return Err(error);
            }
        };
        fed.drain(..discard);
        if paused {
            return match connection.is_handshaking() {
                true => Ok(Reached::NeedsInput),
                // RFC 8446 section 5.1: nothing may follow within the record that changes the keys.
                false if !fed.is_empty() => {
                    *sink.alert_wanted = Some(Alert::UNEXPECTED_MESSAGE);
                    Err(Error::General("handshake bytes follow the end of the handshake".into()))
                }
                false => Ok(Reached::End),
            };
        }
    }
}

/// After an error rustls may still hold output: its flight so far, and its alert. It wants to be shown the same
/// undiscarded bytes again, and is asked only while it has something: it would repeat the error's alert for ever.
fn drain_after_error<D>(
    connection: &mut UnbufferedConnectionCommon<D>,
    fed: &mut Vec<u8>,
    discard: usize,
    sink: &mut Sink<'_>,
    step: ProcessRecords<D>,
) -> Result<(), Error> {
    fed.drain(..discard);
    while connection.wants_write() {
        let UnbufferedStatus { discard, state } = step(connection, fed);
        debug_assert_eq!(discard, 0);
        match state {
            Ok(ConnectionState::EncodeTlsData(mut data)) => sink.take(&encoded(|room| data.encode(room))?),
            _ => break,
        }
    }
    Ok(())
}

/// rustls says how much room a record needs when it is given none, and loses nothing.
fn encoded(mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>) -> Result<Vec<u8>, Error> {
    let needed = match encode(&mut []) {
        Err(EncodeError::InsufficientSize(needed)) => needed.required_size,
        Ok(_) => 0,
        Err(EncodeError::AlreadyEncoded) => return Err(Error::General("a record was encoded twice".into())),
    };
    let mut record = vec![0; needed];
    if needed > 0 {
        encode(&mut record).map_err(|_| Error::General("a record could not be encoded".into()))?;
    }
    Ok(record)
}

//! rustls' unbuffered connections: the caller's spans hold the records.

use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{ClientConfig, CommonState, ServerConfig};

use crate::host::{give_up, lib};
use crate::rustls_peer::must;

pub(crate) enum Unbuffered {
    Client(UnbufferedClientConnection),
    Server(UnbufferedServerConnection),
}

/// The same loop for both kinds of connection, whose states have types of their own.
macro_rules! with {
    ($self:ident, $connection:ident => $body:expr) => {
        match $self {
            Unbuffered::Client($connection) => $body,
            Unbuffered::Server($connection) => $body,
        }
    };
}

impl Unbuffered {
    pub(crate) fn new(
        server: bool,
        to_server: &Arc<ClientConfig>,
        to_client: &Arc<ServerConfig>,
        name: ServerName<'static>,
    ) -> Self {
        if server {
            Self::Server(must(lib(UnbufferedServerConnection::new(Arc::clone(to_client))), "a server"))
        } else {
            Self::Client(must(lib(UnbufferedClientConnection::new(Arc::clone(to_server), name)), "a client"))
        }
    }

    pub(crate) fn handshake(&mut self, mut input: &mut [u8], output: &mut [u8], written: &mut usize) -> bool {
        *written = 0;
        loop {
            let (discard, done) = with!(self, connection => {
                let UnbufferedStatus { discard, state, .. } = lib(connection.process_tls_records(input));
                (discard, match must(state, "process_tls_records") {
                    ConnectionState::EncodeTlsData(mut data) => {
                        *written += must(lib(data.encode(&mut output[*written..])), "encode");
                        None
                    }
                    ConnectionState::TransmitTlsData(data) => {
                        lib(data.done());
                        None
                    }
                    ConnectionState::BlockedHandshake => Some(false),
                    ConnectionState::WriteTraffic(_) => Some(true),
                    other => give_up(&format!("unexpected {other:?}")),
                })
            });
            input = &mut input[discard..];
            if let Some(done) = done {
                return done;
            }
        }
    }

    pub(crate) fn encrypt(&mut self, text: &[u8], output: &mut [u8]) -> usize {
        with!(self, connection => match must(lib(connection.process_tls_records(&mut [])).state, "process_tls_records") {
            ConnectionState::WriteTraffic(mut traffic) => must(lib(traffic.encrypt(text, output)), "encrypt"),
            other => give_up(&format!("unexpected {other:?}")),
        })
    }

    pub(crate) fn decrypt(&mut self, mut input: &mut [u8], text: &mut [u8]) -> usize {
        let mut len = 0;
        while !input.is_empty() {
            let discard = with!(self, connection => {
                let UnbufferedStatus { mut discard, state, .. } = lib(connection.process_tls_records(input));
                match must(state, "process_tls_records") {
                    ConnectionState::ReadTraffic(mut traffic) => {
                        while let Some(record) = lib(traffic.next_record()) {
                            let record = must(record, "next_record");
                            text[len..][..record.payload.len()].copy_from_slice(record.payload);
                            len += record.payload.len();
                            discard += record.discard;
                        }
                    }
                    ConnectionState::WriteTraffic(_) if discard > 0 => {}
                    other => give_up(&format!("unexpected {other:?}")),
                }
                discard
            });
            input = &mut input[discard..];
        }
        len
    }

    pub(crate) fn state(&self) -> &CommonState {
        with!(self, connection => connection)
    }
}

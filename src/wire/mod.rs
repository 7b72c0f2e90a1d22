//! What TLS looks like on the wire: its numbers, its headers, and how its structures are read.

mod alert;
pub(crate) mod extension_type;
pub(crate) mod extensions;
pub(crate) mod message_header;
pub(crate) mod message_stream;
pub(crate) mod reader;
pub(crate) mod record;

pub(crate) use alert::AlertMessage;
pub(crate) use message_header::{HandshakeType, MESSAGE_HEADER, MessageHeader};
pub(crate) use reader::Reader;
pub(crate) use record::Record;

/// What a record carries (RFC 8446 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// TLS 1.2's switch of keys; in TLS 1.3 only for middlebox compatibility (RFC 8446 appendix D.4).
    ChangeCipherSpec = 20,
    /// Two bytes that warn or end.
    Alert = 21,
    /// Handshake messages, also after the handshake.
    Handshake = 22,
    /// The host's bytes; in TLS 1.3 the outer type of every protected record.
    ApplicationData = 23,
}

impl ContentType {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            20 => Self::ChangeCipherSpec,
            21 => Self::Alert,
            22 => Self::Handshake,
            23 => Self::ApplicationData,
            _ => return None,
        })
    }
}

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

//! The record layer of an open session (RFC 8446 section 5, RFC 5246 section 6).
//!
//! ```text
//!   TLS 1.3        header(5) | AEAD( data | type(1) | zeros* ) | tag(16)
//!   TLS 1.2 GCM    header(5) | nonce(8) | AEAD( data )         | tag(16)
//!   TLS 1.2 ChaCha header(5) |            AEAD( data )         | tag(16)
//! ```
//!
//! One pass over the data and no allocation per record. `seal` and `open` own the sequence numbers; what the records
//! mean is for `post_handshake` and `session`.

pub(crate) mod header;
pub(crate) mod held;
pub(crate) mod message_stream;
pub(crate) mod open;
pub(crate) mod protection;
pub(crate) mod seal;

/// What a record carries (RFC 8446 section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
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

/// The protocol version whose record protection is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

//! The header of a handshake message (RFC 8446 section 4, RFC 5246 section 7.4).

use super::reader::Reader;

/// Bytes of the header: type and length.
pub(crate) const MESSAGE_HEADER: usize = 4;

/// What a handshake message is; any number can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandshakeType(pub(crate) u8);

impl HandshakeType {
    pub(crate) const HELLO_REQUEST: Self = Self(0);
    pub(crate) const CLIENT_HELLO: Self = Self(1);
    pub(crate) const NEW_SESSION_TICKET: Self = Self(4);
    pub(crate) const CERTIFICATE: Self = Self(11);
    pub(crate) const CERTIFICATE_REQUEST: Self = Self(13);
    pub(crate) const CERTIFICATE_VERIFY: Self = Self(15);
    pub(crate) const FINISHED: Self = Self(20);
    pub(crate) const KEY_UPDATE: Self = Self(24);
}

/// What stands before a message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageHeader {
    pub(crate) message_type: HandshakeType,
    /// At most 2^24 - 1.
    pub(crate) body_len: usize,
}

impl MessageHeader {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { message_type: HandshakeType(reader.u8()?), body_len: reader.u24()? })
    }

    pub(crate) const fn bytes(self) -> [u8; MESSAGE_HEADER] {
        debug_assert!(self.body_len < 1 << 24);
        let [.., high, middle, low] = self.body_len.to_be_bytes();
        [self.message_type.0, high, middle, low]
    }
}

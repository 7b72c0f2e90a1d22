//! HandshakeType (RFC 8446 section 4, RFC 5246 section 7.4).

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

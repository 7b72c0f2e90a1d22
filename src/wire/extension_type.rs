//! ExtensionType, as far as extensions are read or made here.

// RFC 8446 section 4.2.
pub(crate) const SERVER_NAME: u16 = 0;
pub(crate) const STATUS_REQUEST: u16 = 5;
pub(crate) const SUPPORTED_GROUPS: u16 = 10;
pub(crate) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(crate) const ALPN: u16 = 16;
pub(crate) const CLIENT_CERTIFICATE_TYPE: u16 = 19;
pub(crate) const SERVER_CERTIFICATE_TYPE: u16 = 20;
pub(crate) const PRE_SHARED_KEY: u16 = 41;
pub(crate) const EARLY_DATA: u16 = 42;
pub(crate) const SUPPORTED_VERSIONS: u16 = 43;
pub(crate) const COOKIE: u16 = 44;
pub(crate) const PSK_KEY_EXCHANGE_MODES: u16 = 45;
pub(crate) const CERTIFICATE_AUTHORITIES: u16 = 47;
pub(crate) const POST_HANDSHAKE_AUTH: u16 = 49;
pub(crate) const SIGNATURE_ALGORITHMS_CERT: u16 = 50;
pub(crate) const KEY_SHARE: u16 = 51;
/// RFC 8422 section 5.1.
pub(crate) const EC_POINT_FORMATS: u16 = 11;
/// RFC 7627 section 5.1.
pub(crate) const EXTENDED_MASTER_SECRET: u16 = 23;
/// RFC 8879 section 3.
pub(crate) const COMPRESS_CERTIFICATE: u16 = 27;
/// RFC 9149 section 3.
pub(crate) const TICKET_REQUEST: u16 = 58;
/// RFC 9849 section 5.1.
pub(crate) const ECH_OUTER_EXTENSIONS: u16 = 0xfd00;
/// RFC 9849 section 5.
pub(crate) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// RFC 5746 section 3.2.
pub(crate) const RENEGOTIATION_INFO: u16 = 0xff01;

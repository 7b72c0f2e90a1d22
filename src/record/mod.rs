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

pub(crate) mod held;
pub(crate) mod open;
pub(crate) mod protection;
pub(crate) mod seal;

//! The cryptography: rustls's provider with wrappers around some of its objects (`suites`, `taps`), and the derivations
//! that the record layer needs (`traffic`). The algorithms themselves are those of `provider` and rustls's, and ML-KEM is
//! libcrux's (`ml_kem`).

pub(crate) mod aead;
pub(crate) mod end_point;
pub(crate) mod exporter;
pub(crate) mod handshake_sealer;
pub(crate) mod key_log;
pub(crate) mod ml_kem;
pub(crate) mod own_key;
pub(crate) mod parts_digest;
pub(crate) mod provider;
pub(crate) mod record_keys;
pub(crate) mod secrets;
pub(crate) mod suites;
pub(crate) mod taps;
pub(crate) mod ticket_keys;
mod ticket_origin;
pub(crate) mod ticket_roots;
pub(crate) mod traffic;
pub(crate) mod verifying_key;

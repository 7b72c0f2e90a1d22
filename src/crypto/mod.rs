//! The cryptography: rustls's ring provider with wrappers around some of its objects (`suites`, `taps`), and the
//! derivations that the record layer needs (`secrets`). The algorithms themselves are ring's and rustls's, and ML-KEM is
//! libcrux's (`ml_kem`).

pub(crate) mod exporter;
pub(crate) mod key_log;
pub(crate) mod ml_kem;
pub(crate) mod own_key;
pub(crate) mod secrets;
pub(crate) mod suites;
pub(crate) mod taps;
pub(crate) mod ticket_keys;

//! `spantls`: a non-blocking, span-based TLS 1.2/1.3 state machine with a C ABI.
//!
//! The interface is `include/spantls.h`, whose text stands at the exports of [`ffi`]. The rooms of the house, from top
//! to bottom, are drawn in `ARCHITECTURE.md`; dependencies point down. The Rust modules are public for the tests and
//! benchmarks of this repository; they promise nothing to others.

// The tests' driver is written for users of the crate.
#[cfg(test)]
extern crate self as spantls;

mod certificate;
pub mod client_hello;
pub mod context;
mod crypto;
mod der;
pub mod ffi;
mod handshake;
mod limits;
mod memory;
mod names;
pub mod outcome;
mod path;
mod post_handshake;
pub mod reason;
mod record;
pub mod session;
pub mod transport;
mod trust;
mod wiping;
mod wire;

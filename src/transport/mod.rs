//! The transport of sessions that are bound to a socket: what the system is asked for, and where ciphertext lies on its
//! way. Nothing here knows what a record means.

pub(crate) mod kept;
pub(crate) mod kernel;
pub(crate) mod scratch;
mod socket;

pub use socket::Socket;
pub(crate) use socket::{Received, Sent, passes};

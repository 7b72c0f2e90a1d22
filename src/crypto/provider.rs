//! Where the algorithms come from. Nothing else in here names a provider: what is needed of one is taken from this room.

mod with_ring;

pub(crate) use ::ring::{aead, digest, hkdf, rand};
/// rustls's provider made of the same algorithms.
pub(crate) use rustls::crypto::ring as base;
pub(crate) use with_ring::RecordKey;

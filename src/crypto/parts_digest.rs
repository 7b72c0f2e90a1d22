//! SHA-256 of several parts, each with its length: what is cut elsewhere has another digest.

use super::provider::digest::{Context, SHA256};

#[derive(Clone)]
pub(crate) struct PartsDigest(Context);

impl PartsDigest {
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// Of these parts alone.
    pub(crate) fn of(parts: &[&[u8]]) -> [u8; 32] {
        let mut digest = Self::new();
        parts.iter().for_each(|part| digest.add(part));
        digest.finish()
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        bytes
    }
}

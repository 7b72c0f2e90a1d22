//! Paths of files that a host names, in messages. A host that mixes up a function for paths with one for PEM texts gives a
//! private key here: what looks like one is refused, or at least not repeated.

use crate::outcome::{Failure, Result};

/// A path that is not PEM text.
#[derive(Clone, Copy)]
pub(crate) struct HostPath<'a>(&'a str);

impl<'a> HostPath<'a> {
    pub(crate) fn new(path: &'a str) -> Result<Self> {
        if path.contains("-----") || path.contains(['\n', '\r']) {
            return Err(Failure::configuration(
                "a path was expected, but this is PEM text: pass it to the function that takes text",
            ));
        }
        Ok(Self(path))
    }

    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    fn may_be_base64(self) -> bool {
        self.0.len() >= SHORTEST_KEY
            && self
                .0
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\' | b' '))
    }
}

impl std::fmt::Display for HostPath<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.may_be_base64() { f.write_str("the file") } else { write!(f, "\"{}\"", self.0) }
    }
}

/// An Ed25519 key has 32 bytes, which are 43 characters of base64.
const SHORTEST_KEY: usize = 40;

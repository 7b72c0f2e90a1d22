//! A list of application protocols (RFC 7301).

use crate::limits::MAX_ALPN_LIST;
use crate::outcome::{Failure, Result};

/// Names, in order of preference.
#[derive(Clone, Default)]
pub(crate) struct Protocols(Vec<Vec<u8>>);

impl Protocols {
    /// Adds a name at the end. On a failure nothing has changed.
    pub(crate) fn add(&mut self, name: &[u8]) -> Result<()> {
        Self::check(name)?;
        if self.contains(name) {
            return Err(Failure::argument("this application protocol is there already"));
        }
        let list: usize = self.0.iter().map(|known| known.len() + 1).sum();
        if list + name.len() + 1 > MAX_ALPN_LIST {
            return Err(Failure::argument("the application protocols together are longer than a ClientHello can be"));
        }
        self.0.push(name.to_vec());
        Ok(())
    }

    /// Fails if no protocol can have this name.
    pub(crate) fn check(name: &[u8]) -> Result<()> {
        // RFC 7301 section 3.1.
        match name.len() {
            1..=255 => Ok(()),
            _ => Err(Failure::argument("an application protocol's name has 1 to 255 bytes")),
        }
    }

    pub(crate) fn contains(&self, name: &[u8]) -> bool {
        self.0.iter().any(|known| known == name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    pub(crate) fn names(&self) -> &[Vec<u8>] {
        &self.0
    }
}

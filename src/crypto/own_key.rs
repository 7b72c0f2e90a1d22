//! Our chain and key, with an OCSP staple that can be replaced at any time, and whom sessions with it are for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::sign::CertifiedKey;

/// Shared by all contexts and sessions that show it.
pub(crate) struct OwnKey {
    /// No two have the same, whatever their certificates: tickets are kept apart by it.
    pub(crate) id: u64,
    current: Mutex<Arc<CertifiedKey>>,
}

/// Whom a client's session is for. A session is only resumed for the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// Not said: the server has not asked, or would have to ask.
    Unset,
    /// The host has said that it shows nothing.
    Nobody,
    /// These credentials, by their number.
    Credentials(u64),
    /// One of the context's, whichever the server accepts.
    OfContext,
}

impl OwnKey {
    pub(crate) fn new(key: CertifiedKey) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), current: Mutex::new(Arc::new(key)) })
    }

    /// What handshakes show from now on.
    pub(crate) fn current(&self) -> Arc<CertifiedKey> {
        self.lock().clone()
    }

    /// Later handshakes staple this response; `None` staples nothing.
    pub(crate) fn staple(&self, response: Option<Vec<u8>>) {
        let mut current = self.lock();
        let mut key = CertifiedKey::clone(&current);
        key.ocsp = response;
        *current = Arc::new(key);
    }

    /// Held for moments only.
    fn lock(&self) -> MutexGuard<'_, Arc<CertifiedKey>> {
        self.current.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl std::fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnKey").field("certificates", &self.current().cert.len()).finish_non_exhaustive()
    }
}

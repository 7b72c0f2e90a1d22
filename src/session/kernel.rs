//! What the kernel does for a bound session (Linux, on request). It has the keys of one direction or both. Application data passes
//! through it unchanged; every other record is passed with its type in a control message.

use std::sync::OnceLock;

use crate::crypto::secrets::KeyMaterial;
use crate::limits::RECORD_HEADER;
use crate::outcome::{Failure, Result};
use crate::transport::Socket;
use crate::transport::kernel::{CryptoInfo, KernelReason, Way};
use crate::wire::Version;

/// What the host wants the kernel to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelTls {
    /// Protect what is sent.
    pub send: bool,
    /// Open what is received.
    pub receive: bool,
}

/// What the kernel was asked for, and does.
#[derive(Default)]
pub(super) struct Kernel {
    pub(super) wanted: KernelTls,
    /// Known once the handshake is complete; it does not change any more.
    does: OnceLock<KernelWork>,
}

/// What the kernel does.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KernelWork {
    /// It seals what is sent.
    pub(super) seals: Option<Rekeying>,
    /// It opens what is received.
    pub(super) opens: Option<Rekeying>,
    /// Why it does not do all that was asked, and `errno`. The first reason: a later one may only follow from it.
    pub(super) refusal: Option<(KernelReason, i32)>,
}

/// Whether the kernel takes new keys later (Linux 6.14), for TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rekeying {
    Possible,
    Impossible,
}

/// What the handshake has agreed on, for the kernel.
pub(super) struct Keys {
    pub(super) sending: KeyMaterial,
    pub(super) receiving: KeyMaterial,
}

/// Bytes that protection adds to a record of TLS 1.3, for the counters.
pub(super) const OVERHEAD: usize = RECORD_HEADER + 1 + 16;

impl Kernel {
    pub(super) fn new(wanted: KernelTls) -> Self {
        Self { wanted, does: OnceLock::new() }
    }

    #[cfg(test)]
    pub(super) fn doing(work: KernelWork) -> Self {
        Self { wanted: KernelTls::default(), does: OnceLock::from(work) }
    }

    /// Nothing until the handshake is complete.
    pub(super) fn does(&self) -> KernelWork {
        self.does.get().copied().unwrap_or_default()
    }

    pub(super) fn starts(&self, work: KernelWork) {
        // It starts once: the keys are there once.
        let _ = self.does.set(work);
    }
}

impl Rekeying {
    /// Fails where the kernel has keys that it cannot change.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Possible => Ok(()),
            Self::Impossible => Err(no_rekeying("the keys are to be changed")),
        }
    }
}

impl KernelWork {
    pub(super) fn refuse(&mut self, reason: KernelReason, errno: i32) {
        self.refusal.get_or_insert((reason, errno));
    }

    /// Gives the kernel the keys of one way, if it takes them.
    pub(super) fn install(
        &mut self,
        socket: &Socket,
        way: Way,
        info: Option<CryptoInfo>,
        version: Version,
    ) -> Option<Rekeying> {
        let Some(info) = info else {
            self.refuse(KernelReason::Refused, 0);
            return None;
        };
        if let Err(errno) = socket.set_keys(way, &info) {
            self.refuse(KernelReason::Refused, errno);
            return None;
        }
        // The same keys again change nothing, but show whether it would take others.
        let again = version == Version::Tls13 && socket.set_keys(way, &info).is_ok();
        Some(if again { Rekeying::Possible } else { Rekeying::Impossible })
    }
}

pub(super) fn no_rekeying(why: &str) -> Failure {
    Failure::not_supported(format!("{why}, and this kernel's TLS keeps those that it has"))
}

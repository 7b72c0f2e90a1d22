//! Memory that runs out. rustls, the providers and the standard library allocate as they go, and Rust ends the process where an
//! allocation fails. So whatever is about to work for a host or a peer first asks here whether the memory for it can be had, before
//! it has changed anything; and buffers of our own whose size a host or a peer decides are reserved with `reserved`.

use crate::outcome::{Failure, FailureKind, Result};
use crate::wiping::heap;

/// Fails if a block of this many bytes, for work that takes as much in all, cannot be had now.
pub(crate) fn expect(bytes: usize) -> Result<()> {
    if heap::has(bytes) { Ok(()) } else { Err(used_up()) }
}

/// An empty vector with room for `len` elements.
pub(crate) fn reserved<T>(len: usize) -> Result<Vec<T>> {
    let mut vector = Vec::new();
    vector.try_reserve_exact(len).map_err(|_| used_up())?;
    Ok(vector)
}

/// Zeros.
pub(crate) fn zeros(len: usize) -> Result<Box<[u8]>> {
    let mut bytes = reserved(len)?;
    bytes.resize(len, 0);
    Ok(bytes.into_boxed_slice())
}

/// Why a call that needs memory has done nothing.
#[cold]
pub(crate) fn used_up() -> Failure {
    Failure::new(FailureKind::Resources, "there is no memory for this now: try again later")
}

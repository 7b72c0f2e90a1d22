//! What computations with secrets leave on the stack, overwritten: frames of ours, rustls's and the provider's, which wipe
//! some of their values and none of the copies that moving those has made.
//!
//! A fiber's stack is wiped as a whole when its step is over. This is for what runs on the host's.

use std::hint::black_box;

use super::registers;

/// Bytes of stack that deriving a secret takes, and expanding a key.
pub(crate) const DERIVING: usize = 8 << 10;
/// Bytes that sealing and opening records take: the AEADs of the providers leave parts of keys there.
pub(crate) const RECORDS: usize = 8 << 10;
/// Bytes that rustls takes outside of fibers: for a ClientHello, for the keys of a session, for a ticket. Reading a private
/// key takes less.
pub(crate) const HANDSHAKE: usize = 24 << 10;

/// Runs `work`, then writes zeros where its frames were: `DEPTH` bytes. Both begin at the same depth of the stack, since
/// neither is inlined. What `work` returns is moved once more: of a secret it must be a pointer.
pub(crate) fn wiping<const DEPTH: usize, R>(work: impl FnOnce() -> R) -> R {
    let result = apart(work);
    forget::<DEPTH>();
    result
}

/// Overwrites what earlier calls have left below this one, and in vector registers.
pub(crate) fn forget<const DEPTH: usize>() {
    registers::clear();
    apart(overwrite::<DEPTH>);
}

#[inline(never)]
pub(crate) fn apart<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// The array is looked at, as far as the compiler knows, so it has to be there.
fn overwrite<const DEPTH: usize>() {
    black_box(&mut [0u8; DEPTH]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: usize = 4096;

    #[inline(never)]
    fn leave_behind(at: &mut usize) {
        let mut secret = [0x5a_u8; LEFT];
        *at = black_box(&raw mut secret) as usize;
    }

    #[test]
    fn what_was_on_the_stack_is_overwritten() {
        let mut at = 0;
        apart(|| leave_behind(&mut at));
        // SAFETY: this thread's stack, some frames down from here: mapped, and no one else's.
        let left = unsafe { (at as *const [u8; LEFT]).read_volatile() };
        wiping::<{ 2 * LEFT }, _>(|| leave_behind(&mut at));
        // SAFETY: as above.
        let wiped = unsafe { (at as *const [u8; LEFT]).read_volatile() };
        let count = |bytes: [u8; LEFT]| bytes.iter().filter(|byte| **byte == 0x5a).count();
        // Reading needs some of it.
        assert!(count(left) > LEFT / 2 && count(wiped) == 0, "{} and {}", count(left), count(wiped));
    }
}

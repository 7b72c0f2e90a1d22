//! The stacks that fibers run on, and their pool.
//!
//! ```text
//!   limit                 limit + GUARD                                   base
//!     │  no access, 64 KiB  │                192 KiB, grows down  ◄────────│
//! ```
//!
//! Measured high-water marks: 17 KiB in release builds, 21 KiB in debug builds with optimised dependencies; rustls's own
//! verifier, which runs on the host's stack here, would need up to 80 KiB for six RSA-4096 intermediates. A test paints
//! the stack and fails above one half. The guard is wide because a frame larger than one page could step over a page.
//!
//! A stack held key material. It is wiped before anything else can get it: given back to the kernel, which hands out
//! zeros.

use std::ptr::null_mut;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use corosensei::stack::valgrind::ValgrindStackRegistration;
use corosensei::stack::{Stack, StackPointer};

use crate::limits::{IDLE_STACKS, MAX_FIBERS};
use crate::outcome::{Failure, FailureKind};

/// Address space of one stack, guard included.
const SIZE: usize = 256 << 10;
/// The part at its low end that cannot be touched.
const GUARD: usize = 64 << 10;

static IDLE: Mutex<Vec<Mapping>> = Mutex::new(Vec::new());
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// A stack out of the pool; wiped and given back when dropped.
pub(crate) struct PooledStack {
    mapping: Option<Mapping>,
    #[cfg(test)]
    painted: bool,
}

impl PooledStack {
    pub(crate) fn acquire() -> Result<Self, Failure> {
        // Counted first, so that the bound holds whatever runs at once; `drop` of this value counts back.
        let in_use = IN_USE.fetch_add(1, Ordering::Relaxed);
        let mut stack = Self {
            mapping: None,
            #[cfg(test)]
            painted: false,
        };
        if in_use >= MAX_FIBERS {
            return Err(Failure::new(
                FailureKind::Resources,
                format!("{MAX_FIBERS} handshakes are suspended already: try later"),
            ));
        }
        let idle = IDLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).pop();
        stack.mapping = Some(match idle {
            Some(mapping) => mapping,
            None => Mapping::new()?,
        });
        #[cfg(test)]
        painting::paint(&mut stack);
        Ok(stack)
    }

    fn highest(&self) -> usize {
        // Only `acquire` makes stacks, and returns none without a mapping.
        self.mapping.as_ref().map_or(SIZE, |mapping| mapping.start + SIZE)
    }
}

/// Gives idle stacks back to the system, if no one is at the pool.
pub(crate) fn forget_idle() {
    let idle = IDLE.try_lock().map(|mut idle| std::mem::take(&mut *idle));
    drop(idle);
}

/// Stacks in use, and how many may be.
pub(crate) fn pool() -> (usize, usize) {
    (IN_USE.load(Ordering::Relaxed).min(MAX_FIBERS), MAX_FIBERS)
}

impl Drop for PooledStack {
    fn drop(&mut self) {
        IN_USE.fetch_sub(1, Ordering::Relaxed);
        let Some(mapping) = self.mapping.take() else { return };
        #[cfg(test)]
        if self.painted {
            painting::measure(mapping.start);
        }
        if !mapping.wipe() {
            return;
        }
        let mut idle = IDLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if idle.len() < IDLE_STACKS {
            idle.push(mapping);
        }
    }
}

// SAFETY: the mapping lives as long as the value, has a guard at its low end and far more than MIN_STACK_SIZE above
// it; both ends are page-aligned.
unsafe impl Stack for PooledStack {
    fn base(&self) -> StackPointer {
        StackPointer::new(self.highest()).unwrap_or(StackPointer::MIN)
    }

    fn limit(&self) -> StackPointer {
        StackPointer::new(self.highest() - SIZE).unwrap_or(StackPointer::MIN)
    }
}

/// Memory for one stack; unmapped when dropped.
struct Mapping {
    start: usize,
    _valgrind: ValgrindStackRegistration,
}

impl Mapping {
    fn new() -> Result<Self, Failure> {
        // SAFETY: a new private mapping touches nothing that exists.
        let start = unsafe { libc::mmap(null_mut(), SIZE, libc::PROT_NONE, FLAGS, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(no_memory());
        }
        let mapping =
            Self { start: start as usize, _valgrind: ValgrindStackRegistration::new(start.cast::<u8>(), SIZE) };
        let usable = (mapping.start + GUARD) as *mut libc::c_void;
        // SAFETY: the range is the upper part of our own mapping.
        if unsafe { libc::mprotect(usable, SIZE - GUARD, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return Err(no_memory());
        }
        Ok(mapping)
    }

    /// Leaves zeros; false if the kernel refuses.
    fn wipe(&self) -> bool {
        let usable = (self.start + GUARD) as *mut libc::c_void;
        #[cfg(target_os = "linux")]
        // SAFETY: the range is the upper part of our own mapping, and no stack in use. On Linux, private anonymous
        // memory reads as zeros after MADV_DONTNEED.
        let wiped = unsafe { libc::madvise(usable, SIZE - GUARD, libc::MADV_DONTNEED) } == 0;
        #[cfg(not(target_os = "linux"))]
        let wiped = {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: replaces the upper part of our own mapping, which is no stack in use, by fresh memory.
            unsafe { libc::mmap(usable, SIZE - GUARD, access, FLAGS | libc::MAP_FIXED, -1, 0) == usable }
        };
        wiped
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, which is no longer used. It cannot fail for a range that is mapped as a whole.
        unsafe { libc::munmap(self.start as *mut libc::c_void, SIZE) };
    }
}

const FLAGS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

fn no_memory() -> Failure {
    Failure::new(
        FailureKind::Resources,
        format!("no memory for a handshake's stack: {}", std::io::Error::last_os_error()),
    )
}

/// Finds out how deep stacks are used.
#[cfg(test)]
pub(crate) mod painting {
    use super::*;

    pub(crate) static ON: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    static DEEPEST: AtomicUsize = AtomicUsize::new(0);
    const PAINT: u8 = 0xa5;
    const USABLE: usize = SIZE - GUARD;

    /// Bytes of stack that `work` uses.
    pub(crate) fn depth_of(work: impl FnOnce() + 'static) -> usize {
        let mut stack = PooledStack::acquire().unwrap();
        let start = stack.highest() - SIZE;
        usable(start).fill(PAINT);
        // Not counted among the handshakes'.
        stack.painted = false;
        let mut coroutine = corosensei::Coroutine::<(), (), (), _>::with_stack(stack, |_, ()| work());
        assert!(coroutine.resume(()).as_return().is_some());
        let _stack = coroutine.into_stack();
        touched(start)
    }

    fn usable<'a>(start: usize) -> &'a mut [u8] {
        // SAFETY: the usable part of a live mapping, used by one test at a time and while nothing runs on it.
        #[allow(clippy::disallowed_methods)]
        unsafe {
            std::slice::from_raw_parts_mut((start + GUARD) as *mut u8, USABLE)
        }
    }

    pub(super) fn paint(stack: &mut PooledStack) {
        if ON.load(Ordering::SeqCst) {
            usable(stack.highest() - SIZE).fill(PAINT);
            stack.painted = true;
        }
    }

    pub(super) fn measure(start: usize) {
        DEEPEST.fetch_max(touched(start), Ordering::SeqCst);
    }

    fn touched(start: usize) -> usize {
        USABLE - usable(start).iter().take_while(|byte| **byte == PAINT).count()
    }

    /// The deepest use since the last call, and how much there is.
    pub(crate) fn take_deepest() -> (usize, usize) {
        (DEEPEST.swap(0, Ordering::SeqCst), USABLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_zeros_after_any_previous_use() {
        let first = PooledStack::acquire().unwrap();
        let start = first.highest() - SIZE;
        let byte = (start + SIZE - 64) as *mut u8;
        // SAFETY: within the usable part of a stack that nothing runs on.
        unsafe { byte.write_volatile(0x77) };
        let mapping = first.mapping.as_ref().unwrap();
        assert!(mapping.wipe());
        // SAFETY: as above.
        assert_eq!(unsafe { byte.read_volatile() }, 0);
    }
}

//! The stacks that fibers run on, and their pool.
//!
//! ```text
//!   limit                 limit + GUARD                                   base
//!     │  no access, 64 KiB  │                 96 KiB, grows down  ◄────────│
//! ```
//!
//! Measured high-water marks: 17 KiB in release builds, 21 KiB in debug builds with optimised dependencies; rustls's own
//! verifier, which runs on the host's stack here, would need up to 80 KiB for six RSA-4096 intermediates. A test paints
//! the stack and fails above one third. The guard is wide because a frame larger than one page could step over a page.
//!
//! A stack held key material. The steps of one call run on the same stack, one after another; it is wiped when the call ends, before
//! anything else can get it. Where it was used it is filled with zeros, and keeps
//! its memory for the next call: giving that back to the kernel costs a system call and a flush of the other processors' address
//! caches, and a page fault for each page when it is used again. The kernel gets back what lies deeper than usual.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use corosensei::stack::valgrind::ValgrindStackRegistration;
use corosensei::stack::{Stack, StackPointer};

use super::valgrind;
use crate::limits::{IDLE_STACKS, MAX_FIBERS};
use crate::outcome::{Failure, FailureKind, Result};
use crate::wiping::heap::wipe;

/// Address space of one stack, guard included.
const SIZE: usize = USABLE + GUARD;
/// The part that can be used. AddressSanitizer's frames are wide.
const USABLE: usize = if cfg!(feature = "sanitizer") { 256 << 10 } else { 96 << 10 };
/// The part at its low end that cannot be touched.
const GUARD: usize = 64 << 10;
/// As deep as this a stack keeps its memory while it is idle.
const KEPT: usize = 32 << 10;

static IDLE: Mutex<Vec<Mapping>> = Mutex::new(Vec::new());
static IN_USE: AtomicUsize = AtomicUsize::new(0);

/// A stack out of the pool; wiped and given back when dropped.
struct PooledStack {
    mapping: Option<Mapping>,
    #[cfg(test)]
    painted: bool,
}

impl PooledStack {
    fn acquire() -> Result<Self> {
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
        let kept = idle().pop();
        stack.mapping = Some(match kept {
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

/// What the steps of one call run on.
#[derive(Default)]
pub(crate) struct CallStack(Option<Arc<PooledStack>>);

/// A call's stack while a fiber has it. A suspended fiber keeps it when the call ends.
pub(crate) struct FiberStack(Arc<PooledStack>);

impl CallStack {
    /// The stack of the steps before this one, if nothing stands on it, or one out of the pool.
    pub(crate) fn for_next_step(&mut self) -> Result<FiberStack> {
        let free = self.0.take().filter(|stack| Arc::strong_count(stack) == 1);
        let stack = free.map_or_else(|| PooledStack::acquire().map(Arc::new), Ok)?;
        // For what the steps before have left there.
        valgrind::may_be_accessed(stack.highest() - USABLE, USABLE);
        self.0 = Some(stack.clone());
        Ok(FiberStack(stack))
    }
}

fn idle() -> MutexGuard<'static, Vec<Mapping>> {
    IDLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
        // If there is no room for it the kernel wipes it.
        if idle().len() < IDLE_STACKS && mapping.wipe() {
            let mut idle = idle();
            if idle.len() < IDLE_STACKS {
                idle.push(mapping);
            }
        }
    }
}

// SAFETY: the mapping lives as long as the value, has a guard at its low end and far more than MIN_STACK_SIZE above
// it; both ends are page-aligned. `for_next_step` makes one value of it at a time.
unsafe impl Stack for FiberStack {
    fn base(&self) -> StackPointer {
        StackPointer::new(self.0.highest()).unwrap_or(StackPointer::MIN)
    }

    fn limit(&self) -> StackPointer {
        StackPointer::new(self.0.highest() - SIZE).unwrap_or(StackPointer::MIN)
    }
}

/// Memory for one stack; unmapped when dropped.
struct Mapping {
    start: usize,
    _valgrind: ValgrindStackRegistration,
}

impl Mapping {
    fn new() -> Result<Self> {
        // SAFETY: a new private mapping touches nothing that exists.
        let start = unsafe { libc::mmap(null_mut(), SIZE, libc::PROT_NONE, FLAGS, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(no_memory());
        }
        let mapping =
            Self { start: start as usize, _valgrind: ValgrindStackRegistration::new(start.cast::<u8>(), SIZE) };
        let usable = (mapping.start + GUARD) as *mut libc::c_void;
        // SAFETY: the range is the upper part of our own mapping.
        if unsafe { libc::mprotect(usable, USABLE, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return Err(no_memory());
        }
        Ok(mapping)
    }

    /// Leaves zeros; false if the kernel refuses.
    fn wipe(&self) -> bool {
        valgrind::may_be_accessed(self.start + GUARD, USABLE);
        let touched = self.touched();
        if touched > KEPT {
            return self.give_back();
        }
        // SAFETY: the highest part of our own mapping, which is no stack in use.
        unsafe { wipe((self.start + SIZE - touched) as *mut u8, touched) };
        true
    }

    /// From the lowest byte that is not zero, to within a block: how many bytes of the stack were used. Below it are zeros:
    /// what has been used has been wiped, and of pages never written to the kernel shows one that is empty.
    fn touched(&self) -> usize {
        // SAFETY: the upper part of our own mapping, which is no stack in use; any bytes are blocks.
        #[allow(clippy::disallowed_methods)]
        let blocks =
            unsafe { std::slice::from_raw_parts((self.start + GUARD) as *const Chunk, USABLE / size_of::<Chunk>()) };
        let zeros = blocks.iter().take_while(|block| block.iter().fold(0, |all, word| all | word) == 0).count();
        USABLE - zeros * size_of::<Chunk>()
    }

    /// Gives the memory back to the kernel, which hands out zeros.
    fn give_back(&self) -> bool {
        let usable = (self.start + GUARD) as *mut libc::c_void;
        #[cfg(target_os = "linux")]
        // SAFETY: the range is the upper part of our own mapping, and no stack in use. On Linux, private anonymous
        // memory reads as zeros after MADV_DONTNEED.
        let wiped = unsafe { libc::madvise(usable, USABLE, libc::MADV_DONTNEED) } == 0;
        #[cfg(not(target_os = "linux"))]
        let wiped = {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: replaces the upper part of our own mapping, which is no stack in use, by fresh memory.
            unsafe { libc::mmap(usable, USABLE, access, FLAGS | libc::MAP_FIXED, -1, 0) == usable }
        };
        wiped
    }
}

/// What is looked at in one go.
type Chunk = [u64; 64];

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

    /// Bytes of stack that `work` uses.
    pub(crate) fn depth_of(work: impl FnOnce() + 'static) -> usize {
        let mut stack = PooledStack::acquire().unwrap();
        let start = stack.highest() - SIZE;
        usable(start).fill(PAINT);
        // Not counted among the handshakes'.
        stack.painted = false;
        let stack = FiberStack(Arc::new(stack));
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
    fn steps_of_one_call_share_a_stack_that_nothing_stands_on() {
        let mut call = CallStack::default();
        let first = call.for_next_step().unwrap();
        let at = first.base();
        drop(first);
        let second = call.for_next_step().unwrap();
        assert_eq!(second.base(), at);
        // `second` is suspended.
        let third = call.for_next_step().unwrap();
        assert_ne!(third.base(), at);
        drop(call);
        assert!(Arc::strong_count(&second.0) == 1 && Arc::strong_count(&third.0) == 1);
    }

    #[test]
    fn a_stack_is_zeros_after_any_previous_use() {
        for depth in [1, 8, 64, 5000, KEPT - 1, KEPT, KEPT + 1, USABLE / 2, USABLE] {
            let stack = PooledStack::acquire().unwrap();
            let mapping = stack.mapping.as_ref().unwrap();
            let byte = (mapping.start + SIZE - depth) as *mut u8;
            for at in [byte, (mapping.start + SIZE - 1) as *mut u8] {
                // SAFETY: within the usable part of a stack that nothing runs on.
                unsafe { at.write_volatile(0x77) };
            }
            let block = size_of::<Chunk>();
            assert_eq!(mapping.touched(), depth.next_multiple_of(block));
            assert!(mapping.wipe());
            assert_eq!(mapping.touched(), 0, "{depth}");
        }
    }
}

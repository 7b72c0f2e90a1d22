//! The heap: all memory is wiped before it is freed, including that of other crates.
//!
//! Our own secrets are wiped by their types. This is for what has no such type: values that rustls moves out of a box and
//! into the next, contexts of ring's hashes, text that a private key was decoded from. AWS-LC has a heap of its own and wipes
//! it in the same way.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

/// The system's heap, wiped.
struct Wiping;

#[cfg(not(test))]
#[global_allocator]
static HEAP: Wiping = Wiping;

// SAFETY: everything is System's; what it gets back is ours until then. Growing is left to the trait: a new block, a copy,
// and the old one freed, so that System never moves one and leaves its bytes in place.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: a block of this layout, which no one uses any more.
        unsafe { wipe(pointer, layout.size()) };
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Whether the heap has a block of this size. It is given back untouched, so this costs no page and no wiping.
#[cfg(not(test))]
pub(crate) fn has(bytes: usize) -> bool {
    let Ok(layout) = Layout::from_size_align(bytes.max(1), align_of::<usize>()) else { return false };
    // SAFETY: the size is not zero. The compiler could leave out an allocation that no one looks at.
    let block = black_box(unsafe { System.alloc(layout) });
    if !block.is_null() {
        // SAFETY: of this layout, and just allocated.
        unsafe { System.dealloc(block, layout) };
    }
    !block.is_null()
}

#[cfg(test)]
pub(crate) use allocations::has;

/// Writes zeros. The compiler knows what `free` is and would leave out stores in front of it that no one reads: as far as it
/// can see, here they are read.
///
/// # Safety
///
/// `len` bytes at `pointer` can be written.
pub(crate) unsafe fn wipe(pointer: *mut u8, len: usize) {
    // SAFETY: the caller's contract.
    unsafe { pointer.write_bytes(0, len) };
    black_box(pointer);
}

#[cfg(test)]
#[path = "allocations.rs"]
mod allocations;

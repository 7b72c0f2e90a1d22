//! A word to valgrind, without which nothing happens: the instructions are made so that a processor does nothing that lasts.

use std::arch::asm;

/// `VALGRIND_MAKE_MEM_DEFINED` of memcheck.h.
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;

/// The memory of a stack that nothing runs on may be read and written: memcheck thinks that all below a stack's pointer is lost.
pub(super) fn may_be_accessed(start: usize, len: usize) {
    let request = [MAKE_MEM_DEFINED, start, len, 0, 0, 0];
    // SAFETY: the register that is turned is turned by 128 bits in all, and only valgrind follows the pointer.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!("rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
            in("rax") request.as_ptr(), inout("rdx") 0usize => _, options(nostack));
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!("ror x12, x12, #3", "ror x12, x12, #13", "ror x12, x12, #61", "ror x12, x12, #51", "orr x10, x10, x10",
            in("x4") request.as_ptr(), inout("x3") 0usize => _, options(nostack));
    }
}

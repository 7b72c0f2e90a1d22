//! Tells ThreadSanitizer which stack a thread runs on, in builds for it (`make test-tsan`): its record of calls and its clocks belong
//! to a stack, not to a thread. Other builds do nothing here.

#[cfg(feature = "thread-sanitizer")]
use std::ffi::{c_uint, c_void};

#[cfg(feature = "thread-sanitizer")]
unsafe extern "C" {
    fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
    fn __tsan_destroy_fiber(fiber: *mut c_void);
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
}

/// A fiber's stack.
pub(super) struct Watched {
    #[cfg(feature = "thread-sanitizer")]
    stack: *mut c_void,
}

/// Where the thread came from when it entered the stack; dropped, it continues there.
pub(super) struct Switched {
    #[cfg(feature = "thread-sanitizer")]
    from: *mut c_void,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self {
            #[cfg(feature = "thread-sanitizer")]
            // SAFETY: the tool is linked to what has this feature.
            stack: unsafe { __tsan_create_fiber(0) },
        }
    }

    /// The thread runs on this stack from now on. Inlined, as leaving is: a call has to end on the stack that it is noted for.
    #[inline(always)]
    pub(super) fn enter(&self) -> Switched {
        let entered = Switched {
            #[cfg(feature = "thread-sanitizer")]
            // SAFETY: as above.
            from: unsafe { __tsan_get_current_fiber() },
        };
        #[cfg(feature = "thread-sanitizer")]
        // SAFETY: made by `new`, and not destroyed yet. Without flags the switch orders what is done before and after it.
        unsafe {
            __tsan_switch_to_fiber(self.stack, 0);
        }
        entered
    }
}

#[cfg(feature = "thread-sanitizer")]
impl Drop for Switched {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: this thread came from there.
        unsafe { __tsan_switch_to_fiber(self.from, 0) };
    }
}

#[cfg(feature = "thread-sanitizer")]
impl Drop for Watched {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and no thread runs on it any more.
        unsafe { __tsan_destroy_fiber(self.stack) };
    }
}

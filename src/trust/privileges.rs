//! Whether this process has privileges that its caller lacks: a set-uid or set-gid program, or one with file capabilities.
//! The caller chooses its environment, and must not choose with it whom the program trusts.

#![expect(unsafe_code, reason = "one system call that the standard library does not have")]

/// What the kernel said when the program began; it stays true after the privileges are given up.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn exceed_the_callers() -> bool {
    // SAFETY: it reads what the kernel has left beside the stack, from any thread, and takes any number.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(super) fn exceed_the_callers() -> bool {
    // SAFETY: it has no arguments, and asks the kernel about this process.
    unsafe { libc::issetugid() != 0 }
}

/// There are no such programs.
#[cfg(not(unix))]
pub(super) fn exceed_the_callers() -> bool {
    false
}

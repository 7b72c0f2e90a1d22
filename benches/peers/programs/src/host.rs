//! ../../peer.h as a peer that is written in Rust sees it.

use std::ffi::{CStr, CString, c_char, c_ulong, c_void};
use std::path::Path;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

pub(crate) const HOST: &str = "localhost";
pub(crate) const TICKETS: usize = 2;

#[repr(C)]
pub(crate) struct Settings {
    pub(crate) tls13: bool,
    pub(crate) suite: u16,
    pub(crate) group: u16,
    pub(crate) mutual: bool,
    pub(crate) resume: bool,
    way: *const c_char,
    server_chain: *const c_char,
    server_key: *const c_char,
    client_chain: *const c_char,
    client_key: *const c_char,
    root: *const c_char,
}

#[repr(C)]
pub(crate) struct Facts {
    pub(crate) tls13: bool,
    pub(crate) suite: u16,
    pub(crate) group: u16,
    pub(crate) resumed: bool,
    pub(crate) judged: bool,
}

unsafe extern "C" {
    static mut peer_calls: c_ulong;
    fn fail(format: *const c_char, ...) -> !;
}

impl Settings {
    pub(crate) fn way(&self) -> Option<&str> {
        // SAFETY: NULL, or text that lasts as long as the program.
        (!self.way.is_null()).then(|| unsafe { CStr::from_ptr(self.way) }.to_str().expect("a word is ASCII"))
    }

    pub(crate) fn server_files(&self) -> (&Path, &Path) {
        (path(&self.server_chain), path(&self.server_key))
    }

    pub(crate) fn client_files(&self) -> (&Path, &Path) {
        (path(&self.client_chain), path(&self.client_key))
    }

    pub(crate) fn root(&self) -> &Path {
        path(&self.root)
    }
}

fn path(text: &*const c_char) -> &Path {
    // SAFETY: a path that lasts as long as the program.
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(*text) }.to_bytes()))
}

/// A call into the library, counted.
pub(crate) fn lib<T>(result: T) -> T {
    // SAFETY: the program has one thread.
    unsafe { peer_calls += 1 };
    result
}

pub(crate) fn give_up(what: &str) -> ! {
    let text = CString::new(what.replace('\0', "")).expect("no NUL is left");
    // SAFETY: a format with one string.
    unsafe { fail(c"%s".as_ptr(), text.as_ptr()) }
}

/// The span of a caller; it may be empty.
pub(crate) unsafe fn span<'a>(data: *const u8, len: usize) -> &'a [u8] {
    // SAFETY: the caller's promise, except that an empty span may have any pointer.
    if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, len) } }
}

pub(crate) unsafe fn span_mut<'a>(data: *mut u8, len: usize) -> &'a mut [u8] {
    // SAFETY: as above.
    if len == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(data, len) } }
}

/// A session's handle, which work.c carries about.
pub(crate) fn handle<T>(session: T) -> *mut c_void {
    Box::into_raw(Box::new(session)).cast()
}

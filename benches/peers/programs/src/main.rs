//! `peer FOLDER-OF-CERTIFICATES`: the work of ../work.c with the library that the feature names.

#[cfg(feature = "aws-lc-libssl")]
extern crate aws_lc_sys as _;
#[cfg(feature = "boringssl")]
extern crate boring_sys as _;
#[cfg(feature = "rustls-ffi")]
extern crate rustls_ffi as _;
#[cfg(feature = "s2n-tls")]
extern crate s2n_tls_sys as _;

#[cfg(any(feature = "bare-ring", feature = "bare-aws-lc-rs"))]
mod bare;
#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs", feature = "bare-ring", feature = "bare-aws-lc-rs"))]
#[cfg_attr(
    any(feature = "bare-ring", feature = "bare-aws-lc-rs"),
    allow(dead_code, reason = "a floor needs less of it")
)]
mod host;
#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs"))]
mod rustls_peer;
#[cfg(any(feature = "rustls-ring", feature = "rustls-aws-lc-rs"))]
mod unbuffered;

use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStringExt;
use std::process::exit;

unsafe extern "C" {
    fn work(argc: c_int, argv: *mut *mut c_char) -> c_int;
}

fn main() {
    let words: Vec<CString> =
        std::env::args_os().map(|word| CString::new(word.into_vec()).expect("an argument has no NUL")).collect();
    let mut argv: Vec<*mut c_char> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    let argc = c_int::try_from(argv.len()).expect("few arguments");
    // SAFETY: as C's main has them; the work does not write to them.
    exit(unsafe { work(argc, argv.as_mut_ptr()) })
}

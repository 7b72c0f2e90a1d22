//! The library itself.

use std::ffi::c_char;

use super::fence;
use super::host::{Host, required};
use super::status::{name, spantls_error_t, tls_status_t};
use crate::outcome::{Alert, Failure, Outcome, Result};

/// The number of this interface. Functions are only added while it stays the same.
pub const SPANTLS_ABI_VERSION: u32 = 1;

/// Returns the version of the library as text, for example "1.0.0"; the header's is `SPANTLS_VERSION`. Valid for the life of the process.
#[unsafe(no_mangle)]
pub extern "C" fn spantls_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Returns the `SPANTLS_ABI_VERSION` that the library was built with. If you load it at run time, compare it with the header's.
#[unsafe(no_mangle)]
pub extern "C" fn spantls_abi_version() -> u32 {
    SPANTLS_ABI_VERSION
}

/// Returns the name of a status, for example "TLS_STATUS_WANT_READ"; "unknown" for any other number. Valid for the life of the process.
#[unsafe(no_mangle)]
pub extern "C" fn tls_status_name(status: tls_status_t) -> *const c_char {
    name(status).as_ptr()
}

/// Returns the name of an alert as in the RFCs, for example "unknown_ca"; "unknown" for any other number. Valid for the life of the
/// process.
#[unsafe(no_mangle)]
pub extern "C" fn spantls_alert_name(alert: u8) -> *const c_char {
    Alert(alert).name().unwrap_or(c"unknown").as_ptr()
}

/// Fills a struct with the last failure on this thread of a call without a session. Set `out_error->struct_size` first.
///
/// Such calls are those on credentials, options and contexts, and those with a NULL session. A call that succeeds does not clear it.
///
/// - `TLS_STATUS_COMPLETE`: filled; its `status` is 0 if nothing has failed on this thread.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `out_error` is NULL or its `struct_size` is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spantls_last_error(out_error: *mut spantls_error_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let record = fence::last_error();
    match fence::contain(|| fill(host, out_error, &record)) {
        Ok(outcome) => super::status::from_outcome(outcome),
        Err(failure) => super::status::from_kind(failure.kind),
    }
}

/// Returns how many handshakes are suspended or in progress in this process, and how many may be.
///
/// Beyond the limit `tls_session_handshake()` returns `TLS_STATUS_OUT_OF_RESOURCES`. Each holds 12 to 27 KiB until it is answered or
/// destroyed. Sessions that wait for their context, or for a verdict on a client without a certificate, do not count: they hold a few
/// KiB (and the ClientHello, up to 64 KiB).
///
/// - `TLS_STATUS_COMPLETE`. Either pointer may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn spantls_suspended_handshakes(out_in_use: *mut usize, out_limit: *mut usize) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_in_use, 0);
    host.put(out_limit, 0);
    fence::call(|| {
        let (in_use, limit) = crate::session::handshakes_under_way();
        host.put(out_in_use, in_use);
        host.put(out_limit, limit);
        Ok(())
    })
}

/// Copies a record to the host.
pub(super) fn fill(host: Host, out: *mut spantls_error_t, record: &spantls_error_t) -> Result<Outcome> {
    required(out, "the error record")?;
    let size = host.struct_size(out);
    if size < size_of::<spantls_error_t>() {
        return Err(Failure::argument("struct_size is smaller than the first version of spantls_error_t"));
    }
    // The host's struct is at least as large as ours.
    host.put(out, spantls_error_t { struct_size: size, ..*record });
    Ok(Outcome::Complete)
}

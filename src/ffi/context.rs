//! Contexts: what sessions share.

use std::ffi::c_void;
use std::sync::Arc;

use super::fence;
use super::handles::{tls_context_t, tls_options_t};
use super::host::{Host, required};
use super::options::lock;
use super::status::tls_status_t;
use crate::context::Context;
use crate::outcome::Outcome;

/// Makes a server context from options with credentials.
///
/// With NULL options its sessions suspend with `TLS_STATUS_NEEDS_SERVER_OPTIONS` when the ClientHello is complete, and continue with the
/// context of `tls_session_set_server_context()`.
///
/// - `TLS_STATUS_COMPLETE`: `*out_context` is set; release it with `tls_context_destroy()`.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: no credentials, or options that contradict each other.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `options` is neither NULL nor options, or `out_context` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_context_create_server(
    options: *const tls_options_t,
    out_context: *mut *mut tls_context_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_context, std::ptr::null_mut());
    fence::making(|| {
        required(out_context, "out_context")?;
        let context = match options.is_null() {
            true => Context::undecided()?,
            false => Context::server(lock(host.borrow(options)?).snapshot()?)?,
        };
        host.give(out_context, Arc::new(context));
        Ok(Outcome::Complete)
    })
}

/// Makes a client context from options.
///
/// - `TLS_STATUS_COMPLETE`: `*out_context` is set; release it with `tls_context_destroy()`.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: options that contradict each other.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `options` is not options, or a pointer is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_context_create_client(
    options: *const tls_options_t,
    out_context: *mut *mut tls_context_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_context, std::ptr::null_mut());
    fence::making(|| {
        required(out_context, "out_context")?;
        let handle = host.borrow(options)?;
        host.give(out_context, Arc::new(Context::client(lock(handle).snapshot()?)?));
        Ok(Outcome::Complete)
    })
}

/// Releases a context. Its sessions continue. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_destroy(context: *mut tls_context_t) {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let _: tls_status_t = fence::call(|| {
        host.destroy(context);
        Ok(Outcome::Complete)
    });
}

/// 1 for a server context, 0 for a client context (and for what is no context).
///
/// Like every use of a context, this erases expired secrets: roots of the context's own ticket keys, and a client's tickets.
/// A server that may be idle for longer than the lifetime of its tickets can call it for that purpose.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_is_server(context: *const tls_context_t) -> i32 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let mut is_server = 0;
    let _: tls_status_t = fence::call(|| {
        let context = host.borrow(context)?;
        context.forget_expired();
        is_server = i32::from(context.is_server());
        Ok(Outcome::Complete)
    });
    is_server
}

/// As `tls_session_set_user_data()`, for a context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_set_user_data(
    context: *mut tls_context_t,
    user_data: *mut c_void,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::call(|| {
        host.borrow(context)?.set_user_data(user_data.cast());
        Ok(Outcome::Complete)
    })
}

/// Returns the pointer that `tls_context_set_user_data()` has stored; NULL before that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_user_data(context: *const tls_context_t) -> *mut c_void {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let mut user_data = std::ptr::null_mut();
    let _: tls_status_t = fence::call(|| {
        user_data = host.borrow(context)?.user_data().cast();
        Ok(Outcome::Complete)
    });
    user_data
}

//! Contexts: what sessions share.

use std::ffi::c_void;
use std::sync::Arc;

use super::fence;
use super::handles::{spantls_ticket_root_t, tls_context_t, tls_options_t};
use super::host::Host;
use super::options::lock;
use super::status::tls_status_t;
use crate::context::Context;

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
    fence::create(host, out_context, "out_context", || {
        let context = match options.is_null() {
            true => Context::undecided()?,
            false => Context::server(lock(host.borrow(options)?).snapshot()?)?,
        };
        Ok(Arc::new(context))
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
    fence::create(host, out_context, "out_context", || {
        let handle = host.borrow(options)?;
        Ok(Arc::new(Context::client(lock(handle).snapshot()?)?))
    })
}

/// Releases a context. Its sessions continue. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_destroy(context: *mut tls_context_t) {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::destroy(host, context);
}

/// Replaces the session ticket roots of a server context that is in use; otherwise as `tls_options_set_ticket_roots()`.
///
/// It may be called from any thread at any time. Each ticket is sealed or opened with the old roots or with the new ones; calls that begin
/// after this one has returned use the new ones. With `num_roots` 0 the context makes its own from now on.
///
/// - `TLS_STATUS_COMPLETE`: set. The secrets are copied, and those that are no longer used are wiped.
/// - `TLS_STATUS_INVALID_STATE`: the options allowed no resumption (`tls_options_set_allow_resume()`).
/// - `TLS_STATUS_INVALID_ARGUMENT`: invalid roots, a client context, or one that was created without options.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_context_set_ticket_roots(
    context: *mut tls_context_t,
    roots: *const spantls_ticket_root_t,
    num_roots: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::call(|| host.borrow(context)?.set_ticket_roots(&host.ticket_roots(roots, num_roots)?))
}

/// Erases the expired secrets of a context: ticket roots that no longer open tickets, and a client's expired session tickets.
///
/// Creating a session and each step of a handshake do this too. The library has no thread and no timer: if a context may be idle for
/// longer than the lifetime of its tickets, call this regularly. It may be called from any thread at any time.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for what is not a context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_forget_expired(context: *const tls_context_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::call(|| host.borrow(context).map(|context| context.forget_expired()))
}

/// 1 for a server context, 0 for a client context (and for what is not a context).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_is_server(context: *const tls_context_t) -> i32 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read_context(host, context, 0, |context| i32::from(context.is_server()))
}

/// As `tls_session_set_user_data()`, for a context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_set_user_data(
    context: *mut tls_context_t,
    user_data: *mut c_void,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::call(|| host.borrow(context).map(|context| context.set_user_data(user_data.cast())))
}

/// Returns the pointer that `tls_context_set_user_data()` has stored; NULL before that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_context_user_data(context: *const tls_context_t) -> *mut c_void {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read_context(host, context, std::ptr::null_mut(), |context| context.user_data().cast())
}

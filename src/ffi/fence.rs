//! The fence: no panic crosses the boundary, and none prints on the host's stderr.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::handles::{tls_context_t, tls_session_t};
use super::host::{Handle, Host, required};
use super::status::{from_kind, from_outcome, spantls_error_t, tls_status_t};
use crate::context::Context;
use crate::limits::HEADROOM;
use crate::memory;
use crate::outcome::{Failure, Outcome, Result};
use crate::session::Session;

thread_local! {
    /// Inside a fenced call: the panic hook keeps quiet and leaves the place of the panic here.
    static FENCED: Cell<bool> = const { Cell::new(false) };
    /// None of these has a destructor: hosts may call from those of their own thread-locals.
    static PANICKED_AT: RefCell<ManuallyDrop<Option<String>>> = const { RefCell::new(ManuallyDrop::new(None)) };
    static LAST_ERROR: Cell<spantls_error_t> = const { Cell::new(spantls_error_t::none()) };
}

/// The error record of this thread.
pub(super) fn last_error() -> spantls_error_t {
    LAST_ERROR.get()
}

/// Runs a call that has no session; a failure goes to this thread's record.
pub(super) fn call<T: Into<Outcome>>(body: impl FnOnce() -> Result<T>) -> tls_status_t {
    status(body, |failure| LAST_ERROR.set(failure.into()))
}

/// Runs a call that changes an object: if there is no memory for it, nothing is done.
pub(super) fn making<T: Into<Outcome>>(body: impl FnOnce() -> Result<T>) -> tls_status_t {
    call(|| memory::expect(HEADROOM).and_then(|()| body()))
}

/// Runs a call that makes an object. The host gets NULL if it fails.
pub(super) fn create<H: Handle>(
    host: Host,
    out: *mut *mut H,
    what: &'static str,
    body: impl FnOnce() -> Result<H::Object>,
) -> tls_status_t {
    host.put(out, std::ptr::null_mut());
    making(|| {
        required(out, what)?;
        host.give(out, body()?);
        Ok(())
    })
}

/// Runs a call that releases an object.
pub(super) fn destroy<H: Handle>(host: Host, handle: *mut H) {
    let _: tls_status_t = call(|| {
        host.destroy(handle);
        Ok(())
    });
}

/// Runs a call on a session; a failure goes to the session's record, a panic poisons the session.
#[inline]
pub(super) fn on_session<T: Into<Outcome>>(
    host: Host,
    session: *const tls_session_t,
    body: impl FnOnce(&Session) -> Result<T>,
) -> tls_status_t {
    let session = match host.borrow(session) {
        Ok(session) => session,
        Err(failure) => return call(|| Err::<T, _>(failure)),
    };
    status(|| session.poisoned().and_then(|()| body(session)), |failure| session.record(failure))
}

/// Runs `body` within the fence. What it comes to is a number as soon as it is known: results are moved about slowly.
#[inline]
fn status<T: Into<Outcome>>(body: impl FnOnce() -> Result<T>, record: impl Fn(&Failure)) -> tls_status_t {
    let failed = |failure| refused(&failure, &record);
    fenced(|| body().map_or_else(failed, |done| from_outcome(done.into()))).unwrap_or_else(failed)
}

#[cold]
fn refused(failure: &Failure, record: impl Fn(&Failure)) -> tls_status_t {
    record(failure);
    from_kind(failure.kind)
}

/// Reads a plain value from a session; `absent` when the handle is no session.
pub(super) fn read<T>(host: Host, session: *const tls_session_t, absent: T, body: impl FnOnce(&Session) -> T) -> T {
    let mut value = absent;
    match host.borrow(session) {
        Ok(session) => {
            if let Err(failure) = fenced(|| value = body(session)) {
                session.record(&failure);
            }
        }
        Err(failure) => LAST_ERROR.set((&failure).into()),
    }
    value
}

/// Reads a plain value from a context; `absent` when the handle is no context.
pub(super) fn read_context<T>(
    host: Host,
    context: *const tls_context_t,
    absent: T,
    body: impl FnOnce(&Context) -> T,
) -> T {
    let mut value = absent;
    let _: tls_status_t = call(|| host.borrow(context).map(|context| value = body(context)));
    value
}

/// Lets no panic through: it becomes a failure of kind Internal with the place where it happened.
pub(super) fn contain<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    fenced(body).flatten()
}

#[inline]
fn fenced<T>(body: impl FnOnce() -> T) -> Result<T> {
    install_hook();
    let outer = FENCED.replace(true);
    // What a panic may leave half-changed is never used again: sessions are poisoned, other objects immutable.
    let result = catch_unwind(AssertUnwindSafe(body));
    FENCED.set(outer);
    result.map_err(|payload| {
        // A payload whose own drop panics must not cross either.
        std::mem::forget(payload);
        contained()
    })
}

#[cold]
fn contained() -> Failure {
    let place = take_place(None).unwrap_or_else(|| "an unknown place".into());
    Failure::internal(format!("contained panic at {place}"))
}

/// The place of the last panic; `next` is there from now on.
fn take_place(next: Option<String>) -> Option<String> {
    ManuallyDrop::into_inner(PANICKED_AT.replace(ManuallyDrop::new(next)))
}

/// The hook belongs to the `std` inside this library; outside of fenced calls the previous one still speaks.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if FENCED.get() {
                let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
                drop(take_place(place));
            } else {
                previous(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;

    use super::super::facts::{spantls_state_values, tls_session_state};
    use super::super::session::{tls_session_destroy, tls_session_error};
    use super::*;
    use crate::context::Options;

    fn client() -> *mut tls_session_t {
        // SAFETY: every pointer below is good.
        let host = unsafe { Host::keeps_the_conventions() };
        let mut session = null_mut();
        host.give(&raw mut session, Session::new(Context::client(Options::default()).unwrap().into()));
        session
    }

    #[test]
    fn a_panic_becomes_a_status_and_poisons_the_session() {
        // SAFETY: every pointer below is good.
        let host = unsafe { Host::keeps_the_conventions() };
        let session = client();
        assert_eq!(on_session::<()>(host, session, |_| panic!("contained")), -128);
        let mut called = false;
        let status = on_session(host, session, |_| {
            called = true;
            Ok(())
        });
        assert_eq!((status, called), (-128, false));
        let mut record = spantls_error_t::none();
        // SAFETY: a live session and a record.
        assert_eq!(unsafe { tls_session_error(session, &raw mut record) }, 0);
        // SAFETY: the library closes its messages with NUL.
        let text = unsafe { std::ffi::CStr::from_ptr(record.message.as_ptr()) }.to_str().unwrap();
        assert!(text.contains("fence.rs:"), "{text}");
        assert_eq!(record.status, -128);
        // SAFETY: a live session.
        assert_ne!(unsafe { tls_session_state(session) } & spantls_state_values::SPANTLS_STATE_FAILED as u32, 0);
        // SAFETY: a live session that is no longer used.
        unsafe { tls_session_destroy(session) };
    }

    #[test]
    fn a_panic_in_a_call_without_a_session_is_contained() {
        assert_eq!(call::<()>(|| panic!("contained")), -128);
        assert_eq!(last_error().status, -128);
        // The next call is not affected: nothing was shared.
        assert_eq!(call(|| Ok(())), 0);
    }
}

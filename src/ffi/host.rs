//! The host: its memory as slices, its out-parameters, its handles.
//!
//! Every export trusts its caller to keep the conventions that the header begins with: pointers are NULL or good for
//! what they are said to point to. It says so once, by making a [`Host`]; what can be checked is checked here.

#![allow(clippy::disallowed_methods, reason = "this file alone turns host memory into slices")]

use std::ffi::{CStr, c_char, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::handles::{
    spantls_span_t, spantls_ticket_root_t, tls_context_t, tls_credentials_t, tls_options_t, tls_session_t,
};
use crate::context::{Context, Credentials, Options, TicketRoot};
use crate::limits::MAX_TICKET_ROOTS;
use crate::memory;
use crate::outcome::{Failure, Result};
use crate::session::Session;

/// The promise that the caller of an export keeps the header's conventions.
#[derive(Clone, Copy)]
pub(super) struct Host(());

/// A handle type: the object that it points to, the mark that must precede the object, and its name.
///
/// The mark finds a wrong handle before it is used. It is a help for the host's mistakes, not a promise: memory that
/// was freed may hold anything.
pub(super) trait Handle {
    type Object;
    const MARK: u64;
    const NAME: &'static str;
}

impl Handle for tls_credentials_t {
    type Object = Arc<Credentials>;
    const MARK: u64 = 0x5350_414e_6372_6564;
    const NAME: &'static str = "tls_credentials_t";
}

impl Handle for tls_options_t {
    type Object = Mutex<Options>;
    const MARK: u64 = 0x5350_414e_6f70_7473;
    const NAME: &'static str = "tls_options_t";
}

impl Handle for tls_context_t {
    type Object = Arc<Context>;
    const MARK: u64 = 0x5350_414e_6374_7874;
    const NAME: &'static str = "tls_context_t";
}

impl Handle for tls_session_t {
    type Object = Session;
    const MARK: u64 = 0x5350_414e_7365_7373;
    const NAME: &'static str = "tls_session_t";
}

/// What a handle points to.
#[repr(C)]
struct Marked<T> {
    mark: AtomicU64,
    object: T,
}

/// Spans on the stack that `gather` handles without allocating.
const FEW_SPANS: usize = 16;

impl Host {
    /// # Safety
    /// For as long as the calling export runs, every pointer that it was passed is NULL or what the header's
    /// conventions say: handles are live, spans readable or writable for their length and not touched by others,
    /// strings NUL-terminated, out-parameters writable and aligned.
    pub(super) unsafe fn keeps_the_conventions() -> Self {
        Self(())
    }

    /// A read-only span. Length 0 is empty whatever the pointer.
    pub(super) fn input<'a>(self, data: *const c_void, len: usize, what: &'static str) -> Result<&'a [u8]> {
        check(data, len, what)?;
        if len == 0 {
            return Ok(&[]);
        }
        // SAFETY: not null, at most isize::MAX, readable by the conventions.
        Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) })
    }

    /// Text with its length: PEM, a label.
    pub(super) fn characters<'a>(self, text: *const c_char, len: usize, what: &'static str) -> Result<&'a [u8]> {
        self.input(text.cast(), len, what)
    }

    /// A writable span. Length 0 is empty whatever the pointer.
    pub(super) fn output<'a>(self, data: *mut c_void, len: usize, what: &'static str) -> Result<&'a mut [u8]> {
        check(data, len, what)?;
        if len == 0 {
            return Ok(&mut []);
        }
        // SAFETY: not null, at most isize::MAX, writable by the conventions. The host may never have written these
        // bytes; they are plain integers, and what is in them before is not looked at.
        Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), len) })
    }

    /// Runs `body` on an array of read-only spans, none of which overlaps `output`.
    pub(super) fn gather<R>(
        self,
        spans: *const spantls_span_t,
        num: usize,
        output: (*mut c_void, usize),
        body: impl FnOnce(&[&[u8]]) -> Result<R>,
    ) -> Result<R> {
        let bytes =
            num.checked_mul(size_of::<spantls_span_t>()).ok_or_else(|| Failure::argument("num_spans is too large"))?;
        check(spans.cast(), bytes, "spans")?;
        let mut few: [&[u8]; FEW_SPANS] = [&[]; FEW_SPANS];
        let mut many;
        let slices: &mut [&[u8]] = if num <= FEW_SPANS {
            &mut few[..num]
        } else {
            many = memory::reserved(num)?;
            many.resize(num, &[] as &[u8]);
            &mut many
        };
        for (index, slice) in slices.iter_mut().enumerate() {
            // SAFETY: within the array by the conventions.
            let at = unsafe { spans.add(index) };
            // SAFETY: readable by the conventions; alignment is not relied on.
            let span = unsafe { at.read_unaligned() };
            disjoint((span.data, span.len), (output.0, output.1))?;
            *slice = self.input(span.data, span.len, "a span")?;
        }
        body(slices)
    }

    /// An array of numbers.
    pub(super) fn numbers(self, ids: *const u16, num: usize) -> Result<Vec<u16>> {
        let bytes = num.checked_mul(2).ok_or_else(|| Failure::argument("num_ids is too large"))?;
        // Read as bytes: they have no alignment to get wrong.
        let bytes = self.input(ids.cast(), bytes, "ids")?;
        let mut numbers = memory::reserved(num)?;
        numbers.extend(bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])));
        Ok(numbers)
    }

    /// An array of ticket roots.
    pub(super) fn ticket_roots<'a>(
        self,
        roots: *const spantls_ticket_root_t,
        num: usize,
    ) -> Result<Vec<TicketRoot<'a>>> {
        let bytes = num
            .checked_mul(size_of::<spantls_ticket_root_t>())
            .ok_or_else(|| Failure::argument("num_roots is too large"))?;
        check(roots.cast(), bytes, "roots")?;
        // What is too many is refused before memory is taken for it.
        if num > MAX_TICKET_ROOTS {
            return Err(Failure::argument(format!("a context has {MAX_TICKET_ROOTS} ticket roots at most")));
        }
        let root = |index| {
            // SAFETY: within the array by the conventions.
            let at = unsafe { roots.add(index) };
            // SAFETY: readable by the conventions; alignment is not relied on.
            let root = unsafe { at.read_unaligned() };
            let secret = self.input(root.secret.cast(), root.secret_len, "secret")?;
            Ok(TicketRoot { secret, seal_from: root.seal_from, open_until: root.open_until })
        };
        (0..num).map(root).collect()
    }

    /// A string.
    pub(super) fn text<'a>(self, text: *const c_char, what: &'static str) -> Result<&'a str> {
        if text.is_null() {
            return Err(Failure::argument(format!("{what} is NULL")));
        }
        // SAFETY: not null; NUL-terminated by the conventions.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_str().map_err(|_| Failure::argument(format!("{what} is not UTF-8")))
    }

    /// A passphrase, whatever its encoding; `None` if it is NULL.
    pub(super) fn passphrase<'a>(self, passphrase: *const c_char) -> Option<&'a [u8]> {
        if passphrase.is_null() {
            return None;
        }
        // SAFETY: not null; NUL-terminated by the conventions.
        let passphrase = unsafe { CStr::from_ptr(passphrase) };
        Some(passphrase.to_bytes())
    }

    /// Writes `value` where the host asked for it, if it asked.
    pub(super) fn put<T>(self, to: *mut T, value: T) {
        if !to.is_null() {
            // SAFETY: not null; writable and aligned by the conventions.
            unsafe { to.write(value) };
        }
    }

    /// Writes the first `size` bytes of a struct, whose end an older host does not know.
    pub(super) fn put_front<T: Copy>(self, to: *mut T, value: T, size: usize) {
        let len = size.min(size_of::<T>());
        // SAFETY: callers have checked for null; by the conventions there are `size` bytes.
        unsafe { to.cast::<u8>().copy_from_nonoverlapping((&raw const value).cast::<u8>(), len) };
    }

    /// The first field of a struct that begins with its own size.
    pub(super) fn struct_size<T>(self, of: *const T) -> usize {
        // SAFETY: callers have checked for null; by the conventions struct_size is there.
        unsafe { of.cast::<usize>().read_unaligned() }
    }

    /// Hands a new object to the host.
    pub(super) fn give<H: Handle>(self, to: *mut *mut H, object: H::Object) {
        let handle = Box::into_raw(Box::new(Marked { mark: AtomicU64::new(H::MARK), object }));
        self.put(to, handle.cast());
    }

    /// The object of a handle.
    pub(super) fn borrow<'a, H: Handle>(self, handle: *const H) -> Result<&'a H::Object>
    where
        H::Object: 'a,
    {
        self.marked(handle).map(|marked| &marked.object)
    }

    /// Takes an object back from the host and drops it. NULL and what is no handle of this kind are left alone.
    pub(super) fn destroy<H: Handle>(self, handle: *mut H) {
        let Ok(marked) = self.marked(handle) else { return };
        marked.mark.store(!H::MARK, Ordering::Relaxed);
        // SAFETY: made by `give`, marked as live until this moment, and by the conventions used by no one else.
        drop(unsafe { Box::from_raw(handle.cast::<Marked<H::Object>>()) });
    }

    #[inline]
    fn marked<'a, H: Handle>(self, handle: *const H) -> Result<&'a Marked<H::Object>>
    where
        H::Object: 'a,
    {
        if handle.is_null() {
            return Err(null_handle(H::NAME));
        }
        if !handle.cast::<Marked<H::Object>>().is_aligned() {
            return Err(wrong_handle(H::NAME));
        }
        // SAFETY: every handle begins with its mark, aligned as checked.
        let mark = unsafe { &*handle.cast::<AtomicU64>() };
        if mark.load(Ordering::Relaxed) != H::MARK {
            return Err(wrong_handle(H::NAME));
        }
        // SAFETY: the mark says that this is a live H, made by `give`.
        Ok(unsafe { &*handle.cast::<Marked<H::Object>>() })
    }
}

#[inline]
fn check(data: *const c_void, len: usize, what: &'static str) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    if data.is_null() {
        return Err(null_span(what, len));
    }
    if len > isize::MAX as usize || (data as usize).checked_add(len).is_none() {
        return Err(huge_span(what));
    }
    Ok(())
}

/// Refuses two non-empty spans that share a byte.
pub(super) fn disjoint(a: (*const c_void, usize), b: (*const c_void, usize)) -> Result<()> {
    let (a_start, b_start) = (a.0 as usize, b.0 as usize);
    let apart =
        a.1 == 0 || b.1 == 0 || a_start.saturating_add(a.1) <= b_start || b_start.saturating_add(b.1) <= a_start;
    if apart { Ok(()) } else { Err(Failure::argument("the input and output spans overlap")) }
}

/// Fails when the host passed no place for a result that it must see.
pub(super) fn required<T>(out: *mut T, what: &'static str) -> Result<()> {
    if out.is_null() { Err(null_out(what)) } else { Ok(()) }
}

// What a host can do wrong. Every call looks for it: what words it takes stands apart, out of the way of good calls.

#[cold]
fn null_handle(name: &'static str) -> Failure {
    Failure::argument(format!("the {name} is NULL"))
}

#[cold]
fn wrong_handle(name: &'static str) -> Failure {
    Failure::argument(format!("this is not a {name}"))
}

#[cold]
fn null_span(what: &'static str, len: usize) -> Failure {
    Failure::argument(format!("{what} is NULL but its length is {len}"))
}

#[cold]
fn huge_span(what: &'static str) -> Failure {
    Failure::argument(format!("the length of {what} is larger than memory can be"))
}

#[cold]
fn null_out(what: &'static str) -> Failure {
    Failure::argument(format!("{what} is NULL"))
}

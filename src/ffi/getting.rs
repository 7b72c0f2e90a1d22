//! The rules of getters: one for structs, one for data, one for text.

use std::ffi::{c_char, c_void};

use super::fence;
use super::handles::tls_session_t;
use super::host::{Host, required};
use super::status::tls_status_t;
use crate::outcome::{Failure, Outcome};
use crate::session::Session;

/// The rule of all getters that fill a struct which begins with its size: empty where there is nothing to tell.
/// `first_size` is that of the struct's first version, which every host knows.
pub(super) fn fill_struct<T: Copy + Default>(
    host: Host,
    first_size: usize,
    session: *const tls_session_t,
    out: *mut T,
    value: impl FnOnce(&Session) -> Result<T, Failure>,
) -> tls_status_t {
    let size = if out.is_null() { 0 } else { host.struct_size(out) };
    let fits = size >= first_size;
    let put = |value: T| {
        host.put_front(out, value, size);
        host.put(out.cast::<usize>(), size);
    };
    if fits {
        put(T::default());
    }
    fence::on_session(host, session, |session| {
        required(out, "the struct")?;
        if !fits {
            return Err(Failure::argument("struct_size is smaller than the first version of the struct"));
        }
        put(value(session)?);
        Ok(Outcome::Complete)
    })
}

/// The rule of all getters of data: everything is copied or nothing, and the length is told.
pub(super) fn copy_out(
    host: Host,
    session: *const tls_session_t,
    out: *mut c_void,
    cap: usize,
    out_len: *mut usize,
    value: impl FnOnce(&Session) -> Result<Vec<u8>, Failure>,
) -> tls_status_t {
    host.put(out_len, 0);
    fence::on_session(host, session, |session| {
        required(out_len, "out_len")?;
        let room = host.output(out, cap, "the buffer")?;
        let value = value(session)?;
        host.put(out_len, value.len());
        copy(&value, room)
    })
}

/// The rule of all getters of text: a closing NUL follows it, which `out_len` does not count. Where nothing is copied the
/// text is empty, if there is room for that.
pub(super) fn copy_text(
    host: Host,
    session: *const tls_session_t,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    value: impl FnOnce(&Session) -> Result<String, Failure>,
) -> tls_status_t {
    empty(host, out, cap, out_len);
    fence::on_session(host, session, |session| put_text(host, out, cap, out_len, || value(session)))
}

/// No text so far.
fn empty(host: Host, out: *mut c_char, cap: usize, out_len: *mut usize) {
    host.put(out_len, 0);
    if let Ok([first, ..]) = host.output(out.cast(), cap, "the buffer") {
        *first = 0;
    }
}

fn put_text(
    host: Host,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    value: impl FnOnce() -> Result<String, Failure>,
) -> Result<Outcome, Failure> {
    required(out_len, "out_len")?;
    let room = host.output(out.cast(), cap, "the buffer")?;
    let mut value = value()?.into_bytes();
    host.put(out_len, value.len());
    value.push(0);
    copy(&value, room)
}

fn copy(value: &[u8], room: &mut [u8]) -> Result<Outcome, Failure> {
    let room = room.get_mut(..value.len()).ok_or_else(|| Failure::buffer_too_small(value.len()))?;
    room.copy_from_slice(value);
    Ok(Outcome::Complete)
}

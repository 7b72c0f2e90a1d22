//! The rules of getters: one for structs, one for data, one for text.

use std::ffi::{c_char, c_void};

use super::fence;
use super::handles::tls_session_t;
use super::host::{Host, required};
use super::status::tls_status_t;
use crate::limits::HEADROOM;
use crate::memory;
use crate::outcome::{Failure, Outcome, Result};
use crate::session::Session;

/// A struct of the host's that begins with its size: the rule of all getters that fill one. It is empty where there is
/// nothing to tell.
pub(super) struct Room<T> {
    host: Host,
    out: *mut T,
    size: usize,
    fits: bool,
}

impl<T: Copy + Default> Room<T> {
    /// `first_size` is that of the struct's first version, which every host knows.
    pub(super) fn empty(host: Host, first_size: usize, out: *mut T) -> Self {
        let size = if out.is_null() { 0 } else { host.struct_size(out) };
        let room = Self { host, out, size, fits: size >= first_size };
        if room.fits {
            room.put(T::default());
        }
        room
    }

    pub(super) fn fill(&self, value: impl FnOnce() -> Result<T>) -> Result<Outcome> {
        required(self.out, "the struct")?;
        if !self.fits {
            return Err(Failure::argument("struct_size is smaller than the first version of the struct"));
        }
        self.put(value()?);
        Ok(Outcome::Complete)
    }

    fn put(&self, value: T) {
        self.host.put_front(self.out, value, self.size);
        self.host.put(self.out.cast::<usize>(), self.size);
    }
}

/// Fills a struct with what a session tells.
pub(super) fn fill_struct<T: Copy + Default>(
    host: Host,
    first_size: usize,
    session: *const tls_session_t,
    out: *mut T,
    value: impl FnOnce(&Session) -> Result<T>,
) -> tls_status_t {
    let room = Room::empty(host, first_size, out);
    fence::on_session(host, session, |session| room.fill(|| value(session)))
}

/// The rule of all getters of a count.
pub(super) fn put_count(
    host: Host,
    session: *const tls_session_t,
    out_count: *mut usize,
    value: impl FnOnce(&Session) -> usize,
) -> tls_status_t {
    host.put(out_count, 0);
    fence::on_session(host, session, |session| {
        required(out_count, "out_count")?;
        host.put(out_count, value(session));
        Ok(())
    })
}

/// The rule of all getters of data: everything is copied or nothing, and the length is told.
pub(super) fn copy_out(
    host: Host,
    session: *const tls_session_t,
    out: *mut c_void,
    cap: usize,
    out_len: *mut usize,
    value: impl FnOnce(&Session) -> Result<Vec<u8>>,
) -> tls_status_t {
    host.put(out_len, 0);
    fence::on_session(host, session, |session| {
        required(out_len, "out_len")?;
        let room = host.output(out, cap, "the buffer")?;
        memory::expect(HEADROOM)?;
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
    value: impl FnOnce(&Session) -> Result<String>,
) -> tls_status_t {
    put_no_text(host, out, cap, out_len);
    fence::on_session(host, session, |session| put_text(host, out, cap, out_len, || value(session)))
}

/// No text so far.
pub(super) fn put_no_text(host: Host, out: *mut c_char, cap: usize, out_len: *mut usize) {
    host.put(out_len, 0);
    if let Ok([first, ..]) = host.output(out.cast(), cap, "the buffer") {
        *first = 0;
    }
}

/// The text, once it is known. A NUL inside would end it early for a C reader.
pub(super) fn put_text(
    host: Host,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    value: impl FnOnce() -> Result<String>,
) -> Result<Outcome> {
    required(out_len, "out_len")?;
    let room = host.output(out.cast(), cap, "the buffer")?;
    let mut value = value()?.into_bytes();
    if value.contains(&0) {
        return Err(Failure::not_supported("the text has a NUL in it"));
    }
    host.put(out_len, value.len());
    value.push(0);
    copy(&value, room)
}

fn copy(value: &[u8], room: &mut [u8]) -> Result<Outcome> {
    let room = room.get_mut(..value.len()).ok_or_else(|| Failure::buffer_too_small(value.len()))?;
    room.copy_from_slice(value);
    Ok(Outcome::Complete)
}

//! A connected stream socket, and the system calls on it. No call waits unless the host has left the socket blocking;
//! then `recv` and `send` do.

#![expect(unsafe_code, reason = "system calls on the host's descriptor")]

use std::ffi::c_int;
use std::io::{Error, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::kernel::{CryptoInfo, Way};
use crate::outcome::{Failure, FailureKind, Result};

/// The host's socket.
#[derive(Debug)]
pub struct Socket(Descriptor);

#[derive(Debug)]
enum Descriptor {
    /// Closed when this is dropped.
    Owned(OwnedFd),
    /// The host closes it.
    Borrowed(RawFd),
}

/// What came of receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many bytes, at least one.
    Bytes(usize),
    /// The peer sends no more.
    End,
    /// Nothing is there now.
    Later,
}

/// What came of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// This many bytes were taken, at least one.
    Bytes(usize),
    /// The socket is full now.
    Later,
}

impl Socket {
    /// The host's descriptor, if it is that of a stream socket. `owned`: it is closed in the end; not if this fails.
    pub fn new(descriptor: isize, owned: bool) -> Result<Self> {
        let refuse = |errno| Failure::io("this is no socket", errno);
        let descriptor = RawFd::try_from(descriptor).map_err(|_| Failure::argument("this is no descriptor"))?;
        match option(descriptor, libc::SOL_SOCKET, libc::SO_TYPE) {
            Ok(libc::SOCK_STREAM) => {}
            Ok(_) => {
                return Err(Failure::argument("the socket is not one of a stream: TLS needs bytes in their order"));
            }
            Err(errno) => {
                let mut failure = refuse(errno);
                failure.kind = FailureKind::InvalidArgument;
                return Err(failure);
            }
        }
        // Where a call cannot say it, the socket has to.
        #[cfg(target_vendor = "apple")]
        set_option(descriptor, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, &1i32.to_ne_bytes())
            .map_err(|errno| Failure::io("SIGPIPE could not be turned off", errno))?;
        Ok(Self(match owned {
            // SAFETY: the host gives this descriptor away, and the system has just said that it is open.
            true => Descriptor::Owned(unsafe { OwnedFd::from_raw_fd(descriptor) }),
            false => Descriptor::Borrowed(descriptor),
        }))
    }

    /// The descriptor.
    pub fn descriptor(&self) -> RawFd {
        match &self.0 {
            Descriptor::Owned(descriptor) => descriptor.as_raw_fd(),
            Descriptor::Borrowed(descriptor) => *descriptor,
        }
    }

    /// Receives into `buffer`, which is not empty.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Result<Received> {
        debug_assert!(!buffer.is_empty());
        // SAFETY: `buffer` is writable for its length.
        let count = repeat(|| unsafe { libc::recv(self.descriptor(), buffer.as_mut_ptr().cast(), buffer.len(), 0) });
        received(count)
    }

    /// Sends the front of `bytes`, which are not empty. A connection that is gone is an error and no signal.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<Sent> {
        debug_assert!(!bytes.is_empty());
        // SAFETY: `bytes` are readable for their length.
        let count = repeat(|| unsafe { libc::send(self.descriptor(), bytes.as_ptr().cast(), bytes.len(), NO_SIGNAL) });
        sent(count)
    }

    /// Sends nothing more. False: the connection is gone already.
    pub(crate) fn end_sending(&self) -> bool {
        // SAFETY: a number is passed.
        unsafe { libc::shutdown(self.descriptor(), libc::SHUT_WR) == 0 }
    }
}

fn received(count: Result<Option<usize>, i32>) -> Result<Received> {
    match count {
        Ok(Some(0)) => Ok(Received::End),
        Ok(Some(count)) => Ok(Received::Bytes(count)),
        Ok(None) => Ok(Received::Later),
        Err(errno) => Err(Failure::io("receiving failed", errno)),
    }
}

fn sent(count: Result<Option<usize>, i32>) -> Result<Sent> {
    match count {
        // A send of nothing does not happen; treated as a full socket, it cannot become an endless loop here.
        Ok(Some(0) | None) => Ok(Sent::Later),
        Ok(Some(count)) => Ok(Sent::Bytes(count)),
        Err(errno) => Err(Failure::io("sending failed", errno)),
    }
}

/// Repeats a system call until it is not interrupted. `None`: it would have to wait.
fn repeat(mut call: impl FnMut() -> isize) -> Result<Option<usize>, i32> {
    loop {
        match usize::try_from(call()) {
            Ok(count) => return Ok(Some(count)),
            Err(_) => match errno() {
                libc::EINTR => {}
                errno if would_block(errno) => return Ok(None),
                errno => return Err(errno),
            },
        }
    }
}

/// The kernel's TLS (`linux/tls.h`). Elsewhere there is none: `start_tls` says so.
impl Socket {
    /// Gives the socket to the kernel's TLS; without keys it continues as before. `errno` if there is none.
    pub(crate) fn start_tls(&self) -> Result<(), i32> {
        set_option(self.descriptor(), libc::IPPROTO_TCP, TCP_ULP, b"tls")
    }

    /// Gives the kernel the keys of one way, or the next ones.
    pub(crate) fn set_keys(&self, way: Way, info: &CryptoInfo) -> Result<(), i32> {
        set_option(self.descriptor(), SOL_TLS, way as c_int, info.as_bytes())
    }

    /// Sends the front of some spans, which are not all empty, as data. The kernel makes records of it.
    pub(crate) fn send_spans(&self, spans: &[&[u8]]) -> Result<Sent> {
        let mut parts = [IoSlice::new(&[]); SPANS_AT_ONCE];
        let mut num = 0;
        for (part, span) in parts.iter_mut().zip(spans.iter().filter(|span| !span.is_empty())) {
            *part = IoSlice::new(span);
            num += 1;
        }
        let mut message = empty_message();
        // IoSlice is an iovec in memory.
        message.msg_iov = parts.as_mut_ptr().cast();
        message.msg_iovlen = num as _;
        // SAFETY: the spans are readable, and `parts` outlives the call.
        sent(repeat(|| unsafe { libc::sendmsg(self.descriptor(), &raw const message, NO_SIGNAL) }))
    }

    /// Sends one record of this type.
    pub(crate) fn send_record(&self, content_type: u8, bytes: &[u8]) -> Result<Sent> {
        let mut part = IoSlice::new(bytes);
        let mut control = ControlMessage::new(content_type);
        let mut message = empty_message();
        message.msg_iov = (&raw mut part).cast();
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<ControlMessage>() as _;
        // SAFETY: `bytes` are readable, and what the message points to outlives the call.
        sent(repeat(|| unsafe { libc::sendmsg(self.descriptor(), &raw const message, NO_SIGNAL) }))
    }

    /// Receives what the kernel has opened, and of which type it is: data of any number of records, or one other record. No
    /// type: no record, the connection has ended or there is none yet.
    pub(crate) fn receive_record(&self, buffer: &mut [u8]) -> Result<(Received, Option<u8>)> {
        let mut part = IoSliceMut::new(buffer);
        let mut control = ControlMessage::new(APPLICATION_DATA);
        let count = repeat(|| {
            let mut message = empty_message();
            message.msg_iov = (&raw mut part).cast();
            message.msg_iovlen = 1;
            message.msg_control = (&raw mut control).cast();
            message.msg_controllen = size_of::<ControlMessage>() as _;
            // SAFETY: the buffer is writable, and what the message points to outlives the call.
            unsafe { libc::recvmsg(self.descriptor(), &raw mut message, 0) }
        });
        Ok((received(count)?, control.content_type()))
    }

    /// Takes the error that the kernel has left on the socket, so that an alert can still be sent.
    pub(crate) fn clear_error(&self) {
        // What it is was told already.
        let _: Result<c_int, i32> = option(self.descriptor(), libc::SOL_SOCKET, libc::SO_ERROR);
    }
}

const TCP_ULP: c_int = 31;
const SOL_TLS: c_int = 282;
const APPLICATION_DATA: u8 = 23;

/// Spans in one system call; further spans go into the next.
const SPANS_AT_ONCE: usize = 64;

/// A control message that says of which type a record is: a `cmsghdr` of type 1 or 2 (to set, to get) and one byte.
#[repr(C)]
struct ControlMessage {
    header: libc::cmsghdr,
    content_type: u8,
    padding: [u8; size_of::<usize>() - 1],
}

impl ControlMessage {
    fn new(content_type: u8) -> Self {
        // SAFETY: integers, and padding on some systems: all zero is a value.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = (size_of::<libc::cmsghdr>() + 1) as _;
        header.cmsg_level = SOL_TLS;
        header.cmsg_type = SET_RECORD_TYPE;
        Self { header, content_type, padding: [0; size_of::<usize>() - 1] }
    }

    /// None where the kernel has not written it.
    fn content_type(&self) -> Option<u8> {
        let written = self.header.cmsg_level == SOL_TLS && self.header.cmsg_type == GET_RECORD_TYPE;
        written.then_some(self.content_type)
    }
}

const SET_RECORD_TYPE: c_int = 1;
const GET_RECORD_TYPE: c_int = 2;

fn empty_message() -> libc::msghdr {
    // SAFETY: pointers and integers: all zero is an empty message.
    unsafe { std::mem::zeroed() }
}

#[cfg(target_vendor = "apple")]
const NO_SIGNAL: c_int = 0;
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: c_int = libc::MSG_NOSIGNAL;

/// Whether an error passes by itself: the same call may succeed later.
pub(crate) fn passes(errno: i32) -> bool {
    matches!(errno, libc::ENOBUFS | libc::ENOMEM)
}

#[allow(unreachable_patterns, reason = "on most systems the two are one number")]
fn would_block(errno: i32) -> bool {
    matches!(errno, libc::EAGAIN | libc::EWOULDBLOCK)
}

fn errno() -> i32 {
    Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn option(descriptor: RawFd, level: c_int, name: c_int) -> Result<c_int, i32> {
    let mut value: c_int = 0;
    let mut len = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: `value` has `len` bytes.
    let result = unsafe { libc::getsockopt(descriptor, level, name, (&raw mut value).cast(), &raw mut len) };
    if result == 0 { Ok(value) } else { Err(errno()) }
}

fn set_option(descriptor: RawFd, level: c_int, name: c_int, value: &[u8]) -> Result<(), i32> {
    // SAFETY: `value` is readable for its length.
    let result =
        unsafe { libc::setsockopt(descriptor, level, name, value.as_ptr().cast(), value.len() as libc::socklen_t) };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

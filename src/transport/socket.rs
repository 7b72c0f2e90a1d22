//! A connected stream socket, and the system calls on it. No call waits unless the host has left the socket blocking;
//! then `recv` and `send` do.

#![expect(unsafe_code, reason = "system calls on the host's descriptor")]

use std::ffi::c_int;
use std::io::Error;
use std::os::fd::RawFd;

use crate::outcome::{Failure, FailureKind};

/// The host's socket.
#[derive(Debug)]
pub struct Socket {
    descriptor: RawFd,
    /// Closed when this is dropped.
    owned: bool,
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
    pub fn new(descriptor: isize, owned: bool) -> Result<Self, Failure> {
        let refuse = |errno| Failure::io("this is no socket", errno);
        let descriptor = RawFd::try_from(descriptor).map_err(|_| Failure::argument("this is no descriptor"))?;
        match option(descriptor, libc::SOL_SOCKET, libc::SO_TYPE) {
            Ok(libc::SOCK_STREAM) => {}
            Ok(_) => {
                return Err(Failure::argument("the socket is not one of a stream: TLS needs bytes in their order"));
            }
            Err(errno) => {
                let failure = refuse(errno);
                return Err(Failure { kind: FailureKind::InvalidArgument, ..failure });
            }
        }
        // Where a call cannot say it, the socket has to.
        #[cfg(target_vendor = "apple")]
        set_option(descriptor, libc::SOL_SOCKET, libc::SO_NOSIGPIPE, 1)
            .map_err(|errno| Failure::io("SIGPIPE could not be turned off", errno))?;
        Ok(Self { descriptor, owned })
    }

    /// The descriptor.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// Receives into `buffer`, which is not empty.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Result<Received, Failure> {
        debug_assert!(!buffer.is_empty());
        loop {
            // SAFETY: `buffer` is writable for its length.
            let count = unsafe { libc::recv(self.descriptor, buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            match usize::try_from(count) {
                Ok(0) => return Ok(Received::End),
                Ok(count) => return Ok(Received::Bytes(count)),
                Err(_) => match errno() {
                    libc::EINTR => {}
                    errno if would_block(errno) => return Ok(Received::Later),
                    errno => return Err(Failure::io("receiving failed", errno)),
                },
            }
        }
    }

    /// Sends the front of `bytes`, which are not empty. A connection that is gone is an error and no signal.
    pub(crate) fn send(&self, bytes: &[u8]) -> Result<Sent, Failure> {
        debug_assert!(!bytes.is_empty());
        loop {
            // SAFETY: `bytes` are readable for their length.
            let count = unsafe { libc::send(self.descriptor, bytes.as_ptr().cast(), bytes.len(), NO_SIGNAL) };
            match usize::try_from(count) {
                // Nobody takes nothing; treated as a full socket, it cannot become an endless loop here.
                Ok(0) => return Ok(Sent::Later),
                Ok(count) => return Ok(Sent::Bytes(count)),
                Err(_) => match errno() {
                    libc::EINTR => {}
                    errno if would_block(errno) => return Ok(Sent::Later),
                    errno => return Err(Failure::io("sending failed", errno)),
                },
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: the host has given this descriptor away. Whatever close answers, the descriptor is gone.
            unsafe { libc::close(self.descriptor) };
        }
    }
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

#[cfg(target_vendor = "apple")]
fn set_option(descriptor: RawFd, level: c_int, name: c_int, value: c_int) -> Result<(), i32> {
    let len = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: `value` has `len` bytes.
    let result = unsafe { libc::setsockopt(descriptor, level, name, (&raw const value).cast(), len) };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

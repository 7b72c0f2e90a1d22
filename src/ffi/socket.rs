//! Sessions over a socket: the library moves the bytes.

use std::ffi::c_void;

use super::fence;
use super::getting::copy_out;
use super::handles::{spantls_span_t, tls_context_t, tls_session_t};
use super::host::{Host, required};
use super::session::Out;
use super::status::tls_status_t;
use crate::outcome::{Failure, Result};
use crate::session::{KernelTls, Progress, Session, Socket};

/// A socket of the operating system; on Unix a file descriptor.
pub type spantls_socket_t = isize;

/// Flags of `tls_session_create_with_socket()`: either BORROW or OWN, and optionally the KERNEL flags.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_socket_values {
    /// The host closes the socket, after it has destroyed the session.
    SPANTLS_SOCKET_BORROW = 1,
    /// `tls_session_destroy()` closes the socket; nothing else does.
    SPANTLS_SOCKET_OWN = 2,
    /// After the handshake the kernel seals what is sent, if it can (kernel TLS, Linux).
    SPANTLS_SOCKET_KERNEL_SEND = 4,
    /// After the handshake the kernel opens what is received, if it can (kernel TLS, Linux).
    SPANTLS_SOCKET_KERNEL_RECEIVE = 8,
}

/// Makes a session that receives and sends over a connected stream socket by itself.
///
/// Call `tls_session_socket_handshake()`, then `tls_session_socket_read()` and `tls_session_socket_write()`, at the end
/// `tls_session_socket_shutdown()`. WANT_READ means: wait until the socket is readable, then call again; WANT_WRITE: until it is
/// writable. Questions and getters are the same as over spans. The functions for spans return `TLS_STATUS_INVALID_STATE` on this
/// session; `tls_session_request_client_certificate()` and `tls_session_update_keys()` take (NULL, 0) as output, and send.
///
/// - Make the socket non-blocking. On a blocking socket the calls wait in `recv` and `send`. It may still be connecting.
/// - On TCP set TCP_NODELAY: otherwise the system may delay a short record by tens of milliseconds (RFC 896).
/// - Before you wait for a readable socket, check `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: while it is set there is something to
///   read without the socket.
/// - After each read, if `tls_session_has_pending_output()` is 1, call `tls_session_socket_write()`, with or without data.
/// - SIGPIPE is not raised, and interrupted system calls are repeated. No one else may read from the socket or write to it.
///
/// The KERNEL flags use kernel TLS. If the kernel, the socket or the cipher suite does not support it, the library protects the
/// records itself; `tls_session_stats()` reports what the kernel does, and why not more. docs/guide.md ("Kernel TLS") has the limits.
///
/// - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL, `context` is not a context, the flags are invalid, or `socket` is not a stream
///   socket (its `errno`, if any, is in `spantls_last_error()`). The socket still belongs to the host.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_create_with_socket(
    context: *mut tls_context_t,
    socket: spantls_socket_t,
    flags: u32,
    out_session: *mut *mut tls_session_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::create(host, out_session, "out_session", || {
        let context = host.borrow(context)?.clone();
        let (owns, kernel) = meaning(flags)?;
        let socket = Socket::new(socket, owns)?;
        Ok(Session::with_socket(context, socket, kernel))
    })
}

/// Continues the handshake over the session's socket.
///
/// - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer was accepted, and all output was sent. Repeats. Check
///   `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: data of the peer may have arrived with the handshake. Also returned if only sending was left
///   (session tickets, our last flight) and the socket failed: then reading delivers what the peer sent, and writing returns
///   `TLS_STATUS_IO_ERROR`.
/// - `TLS_STATUS_WANT_READ`, `TLS_STATUS_WANT_WRITE`: wait until the socket is readable, or writable.
/// - A question: see `tls_session_handshake()`. It repeats until it is answered.
/// - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_socket_shutdown()`.
/// - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_PEER_ALERT`, `TLS_STATUS_TRUNCATED`: the handshake has
///   failed, and our alert was sent. If the socket was full, `tls_session_socket_shutdown()` sends it. Sticky.
/// - `TLS_STATUS_IO_ERROR`: the socket failed; the error record has its `errno`. If the peer sent a fatal alert before it disconnected,
///   the alert is reported instead. Sticky, except for ENOBUFS and ENOMEM.
/// - `TLS_STATUS_OUT_OF_RESOURCES`: too many handshakes are suspended, or memory is exhausted. Not sticky; no received data is lost.
/// - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket_handshake(session: *mut tls_session_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, Session::handshake)
}

/// Reads plaintext: data that was received earlier, otherwise data from the socket.
///
/// - `TLS_STATUS_COMPLETE`: `*out_read` bytes were delivered, at least one; with `buffer_cap` 0 it means that there is something to
///   read. `SPANTLS_STATE_HAS_PENDING_PLAINTEXT` says whether more can be read without the socket.
/// - `TLS_STATUS_WANT_READ`: wait until the socket is readable.
/// - `TLS_STATUS_CLOSED`: the peer has sent `close_notify`, and everything before it was delivered. Repeats.
/// - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. After a refusal there:
///   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky; `tls_session_socket_shutdown()` sends the alert.
/// - `TLS_STATUS_TRUNCATED`: the connection ended without `close_notify`; data may be missing. Sticky; writing continues.
/// - `TLS_STATUS_PROTOCOL_ERROR`: a bad record or message. Sticky; `tls_session_socket_shutdown()` sends the alert.
/// - `TLS_STATUS_PEER_ALERT`: the peer sent a fatal alert. Sticky.
/// - `TLS_STATUS_NOT_SUPPORTED`: the peer changed its keys and the kernel, which opens the records, cannot. Sticky.
/// - `TLS_STATUS_IO_ERROR`: receiving failed, after everything received before was delivered; the error record has the `errno`.
///   Sticky for reading, except for ENOBUFS and ENOMEM.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or the session is not bound to a socket.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket_read(
    session: *mut tls_session_t,
    buffer: *mut c_void,
    buffer_cap: usize,
    out_read: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let out = Out { consumed: std::ptr::null_mut(), written: out_read };
    let span = || {
        required(out_read, "out_read")?;
        host.output(buffer, buffer_cap, "the buffer")
    };
    out.on_session(host, session, span, Session::read)
}

/// Writes plaintext: sends what the peer is owed, then seals and sends the data, up to 128 KiB with one system call.
///
/// `*out_written` bytes of the data are taken, whatever the status: do not pass them again.
///
/// - `TLS_STATUS_COMPLETE`: all plaintext was taken, and everything was sent.
/// - `TLS_STATUS_WANT_WRITE`: the socket is full: wait until it is writable, then call again with the plaintext that was not taken. If
///   all of it was taken, ciphertext is still pending (`tls_session_has_pending_output()`): call with (NULL, 0) or with the next data.
/// - `TLS_STATUS_IO_ERROR`: sending failed, now or earlier; the error record has the `errno`. Sticky for writing, except for ENOBUFS
///   and ENOMEM. Reading continues.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, our side is closed (in TLS 1.2 also by the peer's `close_notify`), or
///   the session is not bound to a socket.
/// - `TLS_STATUS_NOT_SUPPORTED`: the keys have protected as many records as they may, and cannot be changed: in TLS 1.2, or by the kernel
///   that seals. Repeats; reading and shutdown still work.
/// - The sticky error of a failed session.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket_write(
    session: *mut tls_session_t,
    data: *const c_void,
    data_len: usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let out = Out { consumed: out_written, written: std::ptr::null_mut() };
    let span = || {
        required(out_written, "out_written")?;
        host.input(data, data_len, "the data")
    };
    out.on_session(host, session, span, |session, data| session.write(&[data]))
}

/// As `tls_session_socket_write()`, with plaintext from several spans.
///
/// `*out_written` counts the bytes of all spans together. A record may hold data of several spans.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket_write_vectored(
    session: *mut tls_session_t,
    spans: *const spantls_span_t,
    num_spans: usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let out = Out { consumed: out_written, written: std::ptr::null_mut() };
    out.on_session(
        host,
        session,
        || required(out_written, "out_written"),
        |session, ()| {
            host.gather(spans, num_spans, (std::ptr::null_mut(), 0), |plaintext| Ok(session.write(plaintext)))
                .unwrap_or_else(Progress::from)
        },
    )
}

/// Closes our side: sends everything that is pending, then `close_notify` (RFC 8446 section 6.1).
///
/// Before the handshake is COMPLETE it cancels the handshake; after a failure it sends the rest of the alert. It does not wait for
/// the peer and does not close the socket; reading continues. To be sure that the peer received everything, then shut down the
/// sending side of the socket and read to the end.
///
/// - `TLS_STATUS_CLOSED`: everything is sent. Repeats.
/// - `TLS_STATUS_WANT_WRITE`: wait until the socket is writable, then call again.
/// - `TLS_STATUS_IO_ERROR`: the socket failed, now or earlier, and nothing more can be sent. Reading continues. If the session had
///   failed before, the error record keeps that failure, with `alert_sent` -1.
/// - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_socket_shutdown(session: *mut tls_session_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, Session::close)
}

/// Ends the connection in order, after success or failure: sends what `tls_session_socket_shutdown()` sends, shuts down the sending side
/// of the socket, then discards what the peer sends until it ends the connection too. Then destroy the session.
///
/// If a socket is closed while it has unread data, the system resets the connection, and the last data or the alert can be lost. Limit
/// the time that you give the peer. A call on a blocking socket returns after at most 256 system calls. Nothing can be read afterwards
/// (INVALID_STATE), but for plaintext that is held.
///
/// - `TLS_STATUS_CLOSED`: the peer has ended the connection, or had sent its `close_notify` before. Repeats.
/// - `TLS_STATUS_WANT_READ`, `TLS_STATUS_WANT_WRITE`: wait until the socket is readable, or writable, then call again.
/// - `TLS_STATUS_IO_ERROR`: the socket failed, now or earlier: the peer may not have received everything.
/// - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
/// - `TLS_STATUS_BUSY`: another thread is reading or writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_socket_finish(session: *mut tls_session_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, Session::finish)
}

/// Copies the bytes that were received after the peer's `close_notify`, together with it; empty if there are none.
///
/// They are not TLS, and an attacker can change them. A protocol that continues in clear on the same connection (such as FTP with CCC)
/// calls this once `tls_session_socket_read()` has returned CLOSED, then reads the rest from the socket. It is not possible after kernel
/// TLS, which stays on the socket. Over spans this is not needed: `*out_consumed` ends with the `close_notify`. Copy-out as
/// `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_INVALID_STATE`: `tls_session_socket_read()` has not returned CLOSED, or the session is not bound to a socket.
/// - `TLS_STATUS_BUSY`: another thread is reading.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket_bytes_after_close(
    session: *const tls_session_t,
    out_bytes: *mut c_void,
    bytes_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_bytes, bytes_cap, out_len, Session::bytes_after_close)
}

/// Returns the socket that the session is bound to; -1 if there is none, or if `session` is not a session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_socket(session: *const tls_session_t) -> spantls_socket_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, -1, |session| session.socket().map_or(-1, |descriptor| descriptor as spantls_socket_t))
}

/// Whether the flags give the socket away, and what they want of the kernel.
fn meaning(flags: u32) -> Result<(bool, KernelTls)> {
    const BORROW: u32 = spantls_socket_values::SPANTLS_SOCKET_BORROW as u32;
    const OWN: u32 = spantls_socket_values::SPANTLS_SOCKET_OWN as u32;
    const SEND: u32 = spantls_socket_values::SPANTLS_SOCKET_KERNEL_SEND as u32;
    const RECEIVE: u32 = spantls_socket_values::SPANTLS_SOCKET_KERNEL_RECEIVE as u32;
    let kernel = KernelTls { send: flags & SEND != 0, receive: flags & RECEIVE != 0 };
    match flags & !(SEND | RECEIVE) {
        BORROW => Ok((false, kernel)),
        OWN => Ok((true, kernel)),
        _ => {
            Err(Failure::argument("flags has one of SPANTLS_SOCKET_BORROW and SPANTLS_SOCKET_OWN, and no unknown ones"))
        }
    }
}

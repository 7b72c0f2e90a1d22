//! Sessions over a socket: the library moves the bytes.

use std::ffi::c_void;

use super::fence;
use super::getting::copy_out;
use super::handles::{spantls_span_t, tls_context_t, tls_session_t};
use super::host::{Host, required};
use super::status::tls_status_t;
use crate::outcome::{Failure, Outcome};
use crate::session::{KernelTls, Session};
use crate::transport::Socket;

/// A socket of the operating system: on Unix a file descriptor.
pub type spantls_socket_t = isize;

/// Flags of `tls_session_create_with_socket()`: one of BORROW and OWN, and what the kernel is to do.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_socket_values {
    /// The socket stays the host's: nothing here closes it. It must stay open as long as the session.
    SPANTLS_SOCKET_BORROW = 1,
    /// The socket is the session's: `tls_session_destroy()` closes it, and nothing else does.
    SPANTLS_SOCKET_OWN = 2,
    /// After the handshake the kernel seals what is sent (Linux), if it can.
    SPANTLS_SOCKET_KERNEL_SEND = 4,
    /// After the handshake the kernel opens what is received (Linux), if it can.
    SPANTLS_SOCKET_KERNEL_RECEIVE = 8,
}

/// Makes a session that moves its bytes itself, over a connected stream socket.
///
/// The loop, for either role: `tls_session_socket_handshake()`, then `tls_session_socket_read()` and `tls_session_socket_write()`, in the end
/// `tls_session_socket_shutdown()`. WANT_READ means: wait until the socket is readable, then call again; WANT_WRITE: until it is
/// writable. The questions of a handshake come and are answered as over spans; so are all getters. Make the socket
/// non-blocking; on one that blocks the same calls wait in `recv` and `send`, and nowhere else (a time limit of the socket's
/// is WANT_READ or WANT_WRITE). On TCP set TCP_NODELAY: everything is sent in as few pieces as there can be, and without it
/// the system may hold a small one back until the peer has acknowledged the one before (RFC 896), for tens of milliseconds.
///
/// - The socket may still be connecting: WANT_WRITE until it is connected, `TLS_STATUS_IO_ERROR` if that fails.
/// - Before you wait for the socket to become readable, look at `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: while it is set there is
///   something to read here, and the socket may never become readable again.
/// - After each read, look at `tls_session_has_pending_output()`: when it is true, `tls_session_socket_write()` (with nothing, or with
///   the next data) sends an answer that the peer is owed.
/// - One thread may read while another writes or closes. Who waits inside a call on a blocking socket keeps others out of
///   the same half (`TLS_STATUS_BUSY`), and out of the whole session in the handshake: `shutdown()` of the socket by the host
///   ends the waiting.
/// - The functions over spans are `TLS_STATUS_INVALID_STATE` here, and those for sockets are on other sessions;
///   `tls_session_request_client_certificate()` and `tls_session_update_keys()` take an empty output span (NULL, 0) and send.
/// - SIGPIPE is never raised, interrupted system calls are repeated, and no option of the socket is changed (on macOS
///   SO_NOSIGPIPE is). No one else may read from the socket or write to it until both sides have closed. If another protocol
///   follows TLS on it, see `tls_session_socket_bytes_after_close()`.
/// - The two halves fail separately. If nothing more can be sent, writing ends but reading does not: `tls_session_socket_read()`
///   delivers what the peer sent, then reports how the connection ended.
/// - An idle session keeps no buffers: bytes pass through some 200 KiB of each calling thread. What it keeps while it waits,
///   the front of a record, ciphertext that the socket did not take, is limited.
///
/// `flags` is `SPANTLS_SOCKET_BORROW` or `SPANTLS_SOCKET_OWN`, and one or both of the KERNEL flags where the kernel shall have the keys:
/// the calls and their statuses stay the same, data goes through the kernel as plaintext. A kernel, a socket or a suite that
/// cannot is no error: the library goes on by itself, and `tls_session_stats()` tells what the kernel does and why not more.
/// With `SPANTLS_SOCKET_KERNEL_RECEIVE` the handshake receives record by record, two system calls for each. A kernel before
/// Linux 6.14 cannot change keys: there `tls_session_update_keys()` is `TLS_STATUS_NOT_SUPPORTED`, and a peer that changes its
/// keys or asks for new ones (RFC 8446 section 4.6.3) ends the session with `TLS_STATUS_NOT_SUPPORTED` and the alert
/// `internal_error`. The kernel takes no limit of record sizes: with `tls_options_set_max_fragment_size()` it does not send.
///
/// - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL, `context` is no context, other flags, or no stream socket (its `errno`,
///   if it has one, is in `spantls_last_error()`). The socket stays the host's.
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
    host.put(out_session, std::ptr::null_mut());
    fence::call(|| {
        required(out_session, "out_session")?;
        let context = host.borrow(context)?.clone();
        let (owns, kernel) = meaning(flags)?;
        let socket = Socket::new(socket, owns)?;
        host.give(out_session, Session::with_socket(context, socket, kernel));
        Ok(Outcome::Complete)
    })
}

/// Does the handshake over the session's socket.
///
/// - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer judged, and every byte of it sent. Repeats. Look at
///   `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: the peer's data may have come with it. It is COMPLETE, too, if only sending was left
///   (a server's tickets, our last flight) and the socket failed, since the peer may have sent its data and closed. Then
///   `tls_session_socket_read()` delivers that data, or returns why the peer ended the connection, and `tls_session_socket_write()` returns
///   `TLS_STATUS_IO_ERROR`.
/// - `TLS_STATUS_WANT_READ`, `TLS_STATUS_WANT_WRITE`: wait until the socket is readable, or writable.
/// - The questions, as `tls_session_handshake()` has them. They repeat until answered.
/// - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_socket_shutdown()`.
/// - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_TRUNCATED`: failed; the alert was sent, or waits for
///   `tls_session_socket_shutdown()` if the socket was full. Sticky.
/// - `TLS_STATUS_IO_ERROR`: the socket failed earlier than that; its `errno` is in the error record. If the peer sent a fatal alert
///   before it disconnected, the alert is reported instead. Sticky, unless it is ENOBUFS or ENOMEM.
/// - `TLS_STATUS_OUT_OF_RESOURCES`: not sticky; nothing that was received is lost.
/// - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket_handshake(session: *mut tls_session_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, Session::handshake)
}

/// Reads plaintext: what is here already, or else what the socket has. After data was delivered the socket is not asked
/// again in the same call.
///
/// - `TLS_STATUS_COMPLETE`: `*out_read` bytes were delivered, at least one unless `buffer_cap` is 0: then it says that there
///   is something to read. `SPANTLS_STATE_HAS_PENDING_PLAINTEXT` tells whether more is here.
/// - `TLS_STATUS_WANT_READ`: wait until the socket is readable.
/// - `TLS_STATUS_CLOSED`: the peer's `close_notify`; everything before it was delivered. Repeats. What the peer sends after
///   it is not TLS: see `tls_session_socket_bytes_after_close()`.
/// - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. With a refusal there,
///   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky; `tls_session_socket_shutdown()` sends the alert.
/// - `TLS_STATUS_TRUNCATED`: the connection has ended without a `close_notify`. Sticky; writing goes on.
/// - `TLS_STATUS_PROTOCOL_ERROR`: a bad record. Sticky; `tls_session_socket_shutdown()` sends the alert.
/// - `TLS_STATUS_PEER_ALERT`: the peer's fatal alert. Sticky.
/// - `TLS_STATUS_IO_ERROR`: receiving failed, after everything received before was delivered; its `errno` is in the error record.
///   Sticky for reading, unless it is ENOBUFS or ENOMEM. A failure to send is never reported here.
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
    counting(host, session, out_read, "out_read", |session, read| {
        session.read(host.output(buffer, buffer_cap, "the buffer")?, read)
    })
}

/// Writes plaintext: sends what is owed to the peer, then seals and sends, some 128 KiB in one system call. Plaintext is
/// taken or not, never copied: `*out_written` bytes are taken, and must not be shown again, whatever the status.
///
/// - `TLS_STATUS_COMPLETE`: all plaintext was taken, and everything was sent to the socket.
/// - `TLS_STATUS_WANT_WRITE`: the socket is full: wait until it is writable, then call again with the plaintext that was not
///   taken. If all of it was, ciphertext is still owed (`tls_session_has_pending_output()`): call with nothing (NULL, 0) or with
///   the next data.
/// - `TLS_STATUS_IO_ERROR`: sending failed, now or in an earlier call that had output to send; its `errno` is in the error record.
///   Sticky for writing, unless it is ENOBUFS or ENOMEM. Reading continues.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, our side is closed (in TLS 1.2 also by the peer's
///   `close_notify`), or the session is not bound to a socket.
/// - The sticky error of a failed session. If its alert could not be sent, `alert_sent` in the error record is -1.
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
    counting(host, session, out_written, "out_written", |session, written| {
        session.write(&[host.input(data, data_len, "the data")?], written)
    })
}

/// As `tls_session_socket_write()`, with the plaintext gathered from `num_spans` spans; `*out_written` counts through all of them.
/// Records are filled across the spans' borders.
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
    counting(host, session, out_written, "out_written", |session, written| {
        host.gather(spans, num_spans, (std::ptr::null_mut(), 0), |plaintext| session.write(plaintext, written))
    })
}

/// Closes our side: sends `close_notify` (RFC 8446 section 6.1) behind what is owed; before the handshake is COMPLETE it
/// cancels it, and after a failure it sends what is left of the alert. It never waits for the peer, and closes no socket:
/// reading goes on. To be sure that the peer has got everything, also shut down the socket's sending side and read to the end.
///
/// - `TLS_STATUS_CLOSED`: everything is sent. Repeats.
/// - `TLS_STATUS_WANT_WRITE`: wait until the socket is writable, then call again.
/// - `TLS_STATUS_IO_ERROR`: the socket failed, now or earlier, and nothing more can be sent. Reading continues. If the session had
///   failed before, the error record keeps that failure, with `alert_sent` -1.
/// - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket_shutdown(session: *mut tls_session_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, Session::close)
}

/// Ends the connection in order, after success or failure: sends what `tls_session_socket_shutdown()` sends, shuts down the
/// socket's sending side, then discards what still comes until the peer ends the connection too. Then destroy the session.
///
/// A socket that is closed while unread data is in it resets the connection, and the last data, or the alert of a refusal,
/// would be lost. Limit the time that you give the peer. A call on a blocking socket returns after 256 system calls at most.
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

/// Copies the bytes that were received after the peer's `close_notify`, in the same system call; empty if there are none. They
/// are not TLS. A protocol that continues in clear on the same connection (FTP's CCC, for example) calls this once
/// `tls_session_socket_read()` has returned CLOSED, and then reads the rest from the socket itself. The bytes stay the same in later
/// calls. They are not authenticated: an attacker can change them. Sessions over spans do not need this, since `*out_consumed`
/// ends with the `close_notify`. Copy-out as `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_INVALID_STATE`: `tls_session_socket_read()` has not returned CLOSED, or the session is not bound to a socket.
/// - `TLS_STATUS_BUSY`: another thread is reading.
///
/// While the kernel seals or opens the records (`SPANTLS_SOCKET_KERNEL_SEND`, `SPANTLS_SOCKET_KERNEL_RECEIVE`; see
/// `tls_session_stats()`), no protocol can follow in clear: kernel TLS stays on the socket until it is closed.
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

/// The socket that the session is bound to; -1 if it is bound to none, or is no session.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_socket(session: *const tls_session_t) -> spantls_socket_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, -1, |session| session.socket().map_or(-1, |descriptor| descriptor as spantls_socket_t))
}

/// Whether the flags give the socket away, and what they want of the kernel.
fn meaning(flags: u32) -> Result<(bool, KernelTls), Failure> {
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

/// A call that counts bytes of plaintext, zero first.
fn counting(
    host: Host,
    session: *mut tls_session_t,
    out_count: *mut usize,
    what: &'static str,
    call: impl FnOnce(&Session, &mut usize) -> Result<Outcome, Failure>,
) -> tls_status_t {
    host.put(out_count, 0);
    fence::on_session(host, session, |session| {
        required(out_count, what)?;
        let mut count = 0;
        let result = call(session, &mut count);
        host.put(out_count, count);
        result
    })
}

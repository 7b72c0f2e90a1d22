//! The opaque handles, and the span.

use std::ffi::c_void;

/// A certificate chain and its private key. Immutable: it can be shared by any number of options and threads, and
/// destroyed as soon as it was given to them.
pub struct tls_credentials_t {
    _opaque: (),
}

/// What contexts are made from. A context copies the options when it is created; later changes do not reach it.
///
/// Threads: any number may use the same options at once. Each call is done as a whole, and waits while another one is at work on
/// them.
pub struct tls_options_t {
    _opaque: (),
}

/// What sessions share. Immutable and counted: any number of threads may create sessions on it at once, and
/// destroying it while sessions live is safe.
pub struct tls_context_t {
    _opaque: (),
}

/// One TLS connection, driven by the host over plain memory.
///
/// The loop, for either role:
///
/// 1. Call `tls_session_handshake()` with what has been received so far (at first nothing). Send the
///    `*out_written` bytes to the peer, drop the first `*out_consumed` bytes from the receive buffer, and look at the
///    status: WANT_READ: receive more behind what is left, call again (if the transport has ended:
///    `tls_session_end_of_input()`); WANT_WRITE: call again; a question (see the top of this file): answer it now
///    or later, from any thread, and call again; COMPLETE: done; negative: failed: send what was written (it holds
///    the alert), `tls_session_drain_pending_output()` for the rest, and destroy the session. On a TCP socket, shut
///    the sending side down and read to the end before closing: a reset would overtake the alert.
/// 2. Exchange data with `tls_session_encrypt()` and `tls_session_decrypt()`. After each decrypt, look at
///    `tls_session_has_pending_output()`: when it is true, `tls_session_drain_pending_output()` (or the next encrypt)
///    gives an answer that the peer is owed.
/// 3. End with `tls_session_shutdown()`, send what it wrote, and read on until decrypt returns CLOSED. When the
///    transport has ended and decrypt wants more, `tls_session_end_of_input()` tells a clean end from a cut.
///
/// Threads: once COMPLETE, one thread may use the read half (decrypt, decrypt_in_place, end_of_input, shrink) while another
/// uses the write half (encrypt, encrypt_vectored, drain_pending_output, update_keys, shutdown); a second thread in the same
/// half gets `TLS_STATUS_BUSY`. Before COMPLETE one thread at a time, any thread. State and getters: from any thread, at
/// any time. `tls_session_destroy()` must come after all other calls have returned.
///
/// A session belongs to one process: after fork() only one of the two may use it. Credentials, options and contexts made
/// before may be used by both, if no other thread was inside the library at that moment.
pub struct tls_session_t {
    _opaque: (),
}

/// A span of plaintext for `tls_session_encrypt_vectored()` and `tls_session_socket_write_vectored()`. Length 0 is empty whatever
/// the pointer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spantls_span_t {
    /// The first byte.
    pub data: *const c_void,
    /// How many bytes.
    pub len: usize,
}

//! The opaque handles, and the span.

use std::ffi::c_void;

/// A certificate chain and its private key.
///
/// Immutable: any number of options and threads can share it, and you may destroy it as soon as you have passed it on.
pub struct tls_credentials_t {
    _opaque: (),
}

/// The settings that contexts are made from.
///
/// A context copies its options when it is created; later changes do not affect it.
pub struct tls_options_t {
    _opaque: (),
}

/// What sessions share: credentials, trust anchors, session tickets.
///
/// Any number of threads may use a context at once. It never changes, except for its ticket roots: see
/// `tls_context_set_ticket_roots()`. You may destroy it while sessions live.
pub struct tls_context_t {
    _opaque: (),
}

/// One TLS connection.
///
/// 1. Handshake: pass what you have received to `tls_session_handshake()` (at first nothing), send what it wrote, drop what it
///    consumed, and act on the status, until it is COMPLETE.
/// 2. Data: `tls_session_encrypt()` and `tls_session_decrypt()`. After each decrypt, if `tls_session_has_pending_output()` is 1, send an
///    answer to the peer: `tls_session_drain_pending_output()`, or the next encrypt, writes it.
/// 3. End: send what `tls_session_shutdown()` writes, and decrypt until it returns CLOSED. If the transport ends before that, call
///    `tls_session_end_of_input()`: it returns CLOSED after a clean end, TRUNCATED otherwise.
///
/// After a negative status send what was written and what `tls_session_drain_pending_output()` writes: it is the alert. On TCP, then
/// shut down the sending side and read to the end before you close, or a reset may overtake the alert.
///
/// Threads: before COMPLETE one thread at a time, any thread. Afterwards one thread may use the read half (decrypt,
/// decrypt_in_place, end_of_input, shrink) while another uses the write half (encrypt, encrypt_vectored, drain_pending_output,
/// update_keys, shutdown). A second thread in the same half gets `TLS_STATUS_BUSY`. Getters may be called from any thread at any time.
/// Destroy a session only when all other calls have returned. After fork() only one of the two processes may use a session.
pub struct tls_session_t {
    _opaque: (),
}

/// A span of bytes. If the length is 0 the span is empty, whatever the pointer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spantls_span_t {
    /// The first byte.
    pub data: *const c_void,
    /// The number of bytes.
    pub len: usize,
}

/// A root of session ticket keys, for `tls_options_set_ticket_roots()` and `tls_context_set_ticket_roots()`. Times are Unix times.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct spantls_ticket_root_t {
    /// The secret: random bytes, the same on all machines.
    pub secret: *const std::ffi::c_void,
    /// The number of bytes: 32 to 1,024.
    pub secret_len: usize,
    /// It seals tickets from this time on, until the `seal_from` of a later root. 0: at once.
    pub seal_from: i64,
    /// It opens tickets until this time, then it is erased. `INT64_MAX`: as long as the context lives.
    pub open_until: i64,
}

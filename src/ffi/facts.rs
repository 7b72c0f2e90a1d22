//! Getters: where a session stands, what was negotiated, what was counted.

use std::ffi::{c_char, c_void};

use super::fence;
use super::getting::{copy_out, copy_text, fill_struct};
use super::handles::tls_session_t;
use super::host::Host;
use super::meaning::meaning;
use super::session_options::protocol;
use super::status::tls_status_t;
use crate::session::{KernelReason, Shrink, VisibleState};

/// The bits of `tls_session_state()`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_state_values {
    /// The handshake is finished, the peer was accepted, and all output of the handshake was written.
    SPANTLS_STATE_HANDSHAKE_COMPLETE = 1,
    /// There is output for the peer: see `tls_session_drain_pending_output()`, on a socket `tls_session_socket_write()`.
    SPANTLS_STATE_HAS_PENDING_OUTPUT = 2,
    /// Plaintext is held: `tls_session_decrypt()` delivers it without input. On a socket: `tls_session_socket_read()` can return data or
    /// the end without the socket.
    SPANTLS_STATE_HAS_PENDING_PLAINTEXT = 4,
    /// The handshake waits for the host's answer to a question.
    SPANTLS_STATE_SUSPENDED = 8,
    /// The session was resumed with a session ticket: see `tls_options_set_allow_resume()`.
    SPANTLS_STATE_RESUMED = 16,
    /// The server sent a HelloRetryRequest (RFC 8446 section 4.1.4).
    SPANTLS_STATE_HELLO_RETRIED = 32,
    /// The peer sent `close_notify`.
    SPANTLS_STATE_PEER_CLOSED = 64,
    /// Our `close_notify` was made.
    SPANTLS_STATE_SHUTDOWN_SENT = 128,
    /// The session has failed: see `tls_session_error()`. Not set if only one half of an open session has ended because of the
    /// transport (TRUNCATED, IO_ERROR): the other half continues.
    SPANTLS_STATE_FAILED = 256,
    /// The client was asked for a certificate: by this server, or, on a client, by its server, whether it has one or not.
    SPANTLS_STATE_CERTIFICATE_ASKED = 512,
    /// `tls_session_request_client_certificate()` was called, and the client's answer has not arrived or has no verdict yet.
    SPANTLS_STATE_CERTIFICATE_REQUESTED = 1024,
    /// The client answered that request, and the verdict was given.
    SPANTLS_STATE_CERTIFICATE_ANSWERED = 2048,
}

/// Returns the `SPANTLS_STATE_…` bits of a session; 0 if `session` is not a session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_state(session: *const tls_session_t) -> u32 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| bits(session.state()))
}

/// The numbers of C.
fn bits(state: VisibleState) -> u32 {
    use spantls_state_values::*;
    let VisibleState {
        handshake_complete,
        has_pending_output,
        has_pending_plaintext,
        suspended,
        resumed,
        hello_retried,
        peer_closed,
        shutdown_sent,
        failed,
        certificate_asked,
        certificate_requested,
        certificate_answered,
    } = state;
    let bits = [
        (handshake_complete, SPANTLS_STATE_HANDSHAKE_COMPLETE),
        (has_pending_output, SPANTLS_STATE_HAS_PENDING_OUTPUT),
        (has_pending_plaintext, SPANTLS_STATE_HAS_PENDING_PLAINTEXT),
        (suspended, SPANTLS_STATE_SUSPENDED),
        (resumed, SPANTLS_STATE_RESUMED),
        (hello_retried, SPANTLS_STATE_HELLO_RETRIED),
        (peer_closed, SPANTLS_STATE_PEER_CLOSED),
        (shutdown_sent, SPANTLS_STATE_SHUTDOWN_SENT),
        (failed, SPANTLS_STATE_FAILED),
        (certificate_asked, SPANTLS_STATE_CERTIFICATE_ASKED),
        (certificate_requested, SPANTLS_STATE_CERTIFICATE_REQUESTED),
        (certificate_answered, SPANTLS_STATE_CERTIFICATE_ANSWERED),
    ];
    bits.iter().filter(|(is_set, _)| *is_set).fold(0, |all, (_, bit)| all | *bit as u32)
}

/// Returns 1 once the handshake is finished, the peer was accepted, and all output of the handshake was written; otherwise 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_is_handshake_complete(session: *const tls_session_t) -> i32 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| i32::from(session.state().handshake_complete))
}

/// Returns 1 if there is output for the peer, otherwise 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_has_pending_output(session: *const tls_session_t) -> i32 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| i32::from(session.state().has_pending_output))
}

/// Returns the protocol version, a `SPANTLS_PROTOCOL_…` value; 0 until the handshake is COMPLETE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_negotiated_protocol(session: *const tls_session_t) -> u32 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| session.negotiated().version.map_or(0, protocol))
}

/// Returns the cipher suite, a `SPANTLS_SUITE_…` value; 0 until the handshake is COMPLETE. `spantls_cipher_suite_name()` names it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_negotiated_cipher_suite(session: *const tls_session_t) -> u16 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| session.negotiated().cipher_suite)
}

/// Returns the key-exchange group, a `SPANTLS_GROUP_…` value; 0 until the handshake is COMPLETE. `spantls_group_name()` names it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_negotiated_group(session: *const tls_session_t) -> u16 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| session.negotiated().group)
}

/// Returns the signature scheme (`SPANTLS_SCHEME_…`, RFC 8446 section 4.2.3) with which the peer proved that it holds its
/// certificate's key; 0 until the handshake is COMPLETE, and if the peer sent no certificate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_peer_signature_scheme(session: *const tls_session_t) -> u16 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| session.negotiated().peer_signature_scheme)
}

/// Copies the application protocol (ALPN, RFC 7301); empty if none was negotiated, and until the handshake is COMPLETE.
///
/// All getters of data copy everything or nothing, and set `*out_len` to the length: `(NULL, 0, &len)` asks for it.
///
/// - `TLS_STATUS_COMPLETE`: copied.
/// - `TLS_STATUS_BUFFER_TOO_SMALL`: there is less space than `*out_len` bytes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_negotiated_alpn(
    session: *const tls_session_t,
    out_name: *mut c_void,
    name_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_name, name_cap, out_len, |session| Ok(session.negotiated().alpn.to_vec()))
}

/// Copies the server's name: on clients the name that was set, on servers the name that the client asked for (SNI, RFC 6066 section 3).
///
/// It is empty if there is none; servers have it from the ClientHello on. A server gets a DNS name of at most 253 bytes without a dot at
/// its end, in the client's upper and lower case: compare it without regard to case. All getters of text write a closing NUL, which
/// `*out_len` does not count: the space must be `*out_len` + 1 bytes.
///
/// - `TLS_STATUS_COMPLETE`: copied.
/// - `TLS_STATUS_BUFFER_TOO_SMALL`: not copied. The text is empty, if there is space for that.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_target_host_name(
    session: *const tls_session_t,
    out_name: *mut c_char,
    name_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_text(host, session, out_name, name_cap, out_len, |session| Ok(session.target_host_name()))
}

/// What a session has counted. Set `struct_size` to its `sizeof`; later versions may add fields at the end.
///
/// Bytes are counted when a call consumes or writes them.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct spantls_session_stats_t {
    /// In: `sizeof(spantls_session_stats_t)`.
    pub struct_size: usize,
    /// Bytes for the peer that calls have written, including the handshake.
    pub ciphertext_sent: u64,
    /// Bytes from the peer that calls have consumed, including the handshake.
    pub ciphertext_received: u64,
    /// Bytes that encrypt or write has taken.
    pub plaintext_sent: u64,
    /// Bytes that decrypt or read has delivered.
    pub plaintext_received: u64,
    /// Records sealed since the handshake: data, alerts, key updates.
    pub records_sent: u64,
    /// Records opened since the handshake.
    pub records_received: u64,
    /// Updates of our keys (KeyUpdate, RFC 8446 section 4.6.3).
    pub key_updates_sent: u64,
    /// Updates of the peer's keys.
    pub key_updates_received: u64,
    /// Session tickets that a client has stored since the handshake.
    pub tickets_received: u64,
    /// Nanoseconds spent in handshake calls.
    pub handshake_nanoseconds: u64,
    /// Nanoseconds from `TLS_STATUS_NEEDS_SERVER_OPTIONS` to its answer, or to now.
    pub server_options_nanoseconds: u64,
    /// The same for `TLS_STATUS_WANT_CREDENTIALS`.
    pub credentials_nanoseconds: u64,
    /// The same for `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`.
    pub validation_nanoseconds: u64,
    /// The same for `TLS_STATUS_NEEDS_SIGNATURE`.
    pub signature_nanoseconds: u64,
    /// System calls that a session bound to a socket has made to receive.
    pub receive_calls: u64,
    /// System calls that a session bound to a socket has made to send.
    pub send_calls: u64,
    /// 1: the kernel seals what is sent (`SPANTLS_SOCKET_KERNEL_SEND`).
    pub kernel_send: u32,
    /// 1: the kernel opens what is received (`SPANTLS_SOCKET_KERNEL_RECEIVE`).
    pub kernel_receive: u32,
    /// Why the kernel does not do all that was requested, from the end of the handshake on.
    pub kernel_reason: spantls_kernel_reason_t,
    /// The `errno` of that reason; 0 for none.
    pub kernel_os_error: i32,
}

/// Why kernel TLS is not used, or not for both directions: a `SPANTLS_KERNEL_REASON_…` value.
pub type spantls_kernel_reason_t = u32;

/// The values of `spantls_kernel_reason_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_kernel_reason_values {
    /// It is used as requested, or was not requested, or the handshake is not COMPLETE.
    SPANTLS_KERNEL_REASON_NONE = 0,
    /// This operating system has no kernel TLS.
    SPANTLS_KERNEL_REASON_PLATFORM = 1,
    /// This kernel, or this kind of socket, has no kernel TLS.
    SPANTLS_KERNEL_REASON_UNAVAILABLE = 2,
    /// The kernel refused the keys: it does not support the version or the cipher suite.
    SPANTLS_KERNEL_REASON_REFUSED = 3,
    /// The options limit the size of records, which the kernel does not support.
    SPANTLS_KERNEL_REASON_OPTIONS = 4,
}

/// Fills a struct with what a session has counted. Set `out_stats->struct_size` first.
///
/// It may be called from any thread at any time. While other threads use the session, the numbers may be of different moments.
///
/// - `TLS_STATUS_COMPLETE`: filled.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `out_stats` is NULL or its `struct_size` is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_stats(
    session: *const tls_session_t,
    out_stats: *mut spantls_session_stats_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let first_size = std::mem::offset_of!(spantls_session_stats_t, receive_calls);
    fill_struct(host, first_size, session, out_stats, |session| {
        let stats = session.stats();
        let (kernel_reason, kernel_os_error) = kernel_refusal(stats.kernel_refusal);
        let [server_options, credentials, validation, signature] = stats.suspended;
        Ok(spantls_session_stats_t {
            struct_size: 0,
            ciphertext_sent: stats.ciphertext_sent,
            ciphertext_received: stats.ciphertext_received,
            plaintext_sent: stats.plaintext_sent,
            plaintext_received: stats.plaintext_received,
            records_sent: stats.records_sent,
            records_received: stats.records_received,
            key_updates_sent: stats.key_updates_sent,
            key_updates_received: stats.key_updates_received,
            tickets_received: stats.tickets_received,
            handshake_nanoseconds: stats.computing,
            server_options_nanoseconds: server_options,
            credentials_nanoseconds: credentials,
            validation_nanoseconds: validation,
            signature_nanoseconds: signature,
            receive_calls: stats.receive_calls,
            kernel_send: stats.kernel_sends.into(),
            kernel_receive: stats.kernel_receives.into(),
            kernel_reason,
            kernel_os_error,
            send_calls: stats.send_calls,
        })
    })
}

/// The numbers of a reason and its `errno`.
fn kernel_refusal(refusal: Option<(KernelReason, i32)>) -> (spantls_kernel_reason_t, i32) {
    use spantls_kernel_reason_values::*;
    let Some((reason, errno)) = refusal else { return (SPANTLS_KERNEL_REASON_NONE as u32, 0) };
    let number = match reason {
        KernelReason::Platform => SPANTLS_KERNEL_REASON_PLATFORM,
        KernelReason::Unavailable => SPANTLS_KERNEL_REASON_UNAVAILABLE,
        KernelReason::Refused => SPANTLS_KERNEL_REASON_REFUSED,
        KernelReason::Options => SPANTLS_KERNEL_REASON_OPTIONS,
    };
    (number as u32, errno)
}

/// What `tls_session_shrink()` releases; each value includes those before it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_shrink_values {
    /// Buffers. Idle sessions keep none, so today this releases nothing.
    SPANTLS_SHRINK_BUFFERS = 0,
    /// Facts about the peer: its certificates (on clients also `SPANTLS_CHANNEL_BINDING_ENDPOINT`), its OCSP response, a kept ClientHello.
    SPANTLS_SHRINK_PEER = 1,
    /// On clients, the state that receives session tickets, some 800 bytes; it is released anyway after two tickets. Later tickets are
    /// ignored.
    SPANTLS_SHRINK_TICKETS = 2,
}

/// Releases memory of an open session: `what` is a `SPANTLS_SHRINK_…` value.
///
/// - `TLS_STATUS_COMPLETE`: done.
/// - `TLS_STATUS_INVALID_ARGUMENT`: any other number.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
/// - `TLS_STATUS_BUSY`: another thread is in the read half.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_shrink(session: *mut tls_session_t, what: i32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    use spantls_shrink_values::*;
    fence::on_session(host, session, |session| {
        let values = [
            (SPANTLS_SHRINK_BUFFERS as i32, Shrink::Buffers),
            (SPANTLS_SHRINK_PEER as i32, Shrink::Peer),
            (SPANTLS_SHRINK_TICKETS as i32, Shrink::Tickets),
        ];
        session.shrink(meaning(what, &values, "this is not a SPANTLS_SHRINK value")?)
    })
}

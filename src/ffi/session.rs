//! Sessions over spans: the host moves the bytes.

use std::ffi::{c_char, c_void};

use super::fence;
use super::handles::{spantls_span_t, tls_context_t, tls_session_t};
use super::host::{Host, disjoint, required};
use super::reasons;
use super::status::{spantls_error_t, tls_status_t};
use crate::outcome::{Failure, Outcome, Result};
use crate::session::{Progress, Session};

/// The output space in bytes with which `tls_session_encrypt()` always makes progress: enough for a key update and a record.
pub const SPANTLS_MIN_CIPHERTEXT: usize = 64;

/// The size in bytes of the largest record: header, 2^14 bytes of plaintext and the largest expansion of TLS 1.2 (RFC 5246 section
/// 6.2.3). A receive buffer of this size holds any record.
pub const SPANTLS_MAX_RECORD: usize = 5 + 16384 + 2048;

/// Makes a session on a context, which decides its role: client or server.
///
/// - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL or `context` is not a context.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_create(
    context: *mut tls_context_t,
    out_session: *mut *mut tls_session_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::create(host, out_session, "out_session", || Ok(Session::new(host.borrow(context)?.clone())))
}

/// Releases a session in any state and wipes its keys. NULL is a no-op.
///
/// It sends nothing: to close properly, call `tls_session_shutdown()` first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_destroy(session: *mut tls_session_t) {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::destroy(host, session);
}

/// Sets the name of the server that a client connects to: a DNS name or an IP address.
///
/// A DNS name is sent to the server (SNI, RFC 6066 section 3). The default validation checks the certificate against the name; without
/// one it reports `SPANTLS_POLICY_ERROR_NAME_MISMATCH`. A trailing dot of a DNS name is neither sent nor compared.
///
/// - `TLS_STATUS_COMPLETE`: set; it replaces an earlier name.
/// - `TLS_STATUS_INVALID_ARGUMENT`: neither a DNS name nor an IP address, or not UTF-8.
/// - `TLS_STATUS_INVALID_STATE`: a server session, or the handshake has begun.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_set_target_host_name(
    session: *mut tls_session_t,
    name: *const c_char,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| session.set_target_host_name(host.text(name, "name")?))
}

/// Adds an application protocol (ALPN, RFC 7301) to those that this client session offers. With the first one they replace
/// those of the context.
///
/// - `TLS_STATUS_COMPLETE`: added.
/// - `TLS_STATUS_INVALID_ARGUMENT`: the name is not 1 to 255 bytes long, or already there.
/// - `TLS_STATUS_INVALID_STATE`: the handshake has begun, or the session is a server's.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_add_alpn(
    session: *mut tls_session_t,
    name: *const c_void,
    name_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| session.add_alpn(host.input(name, name_len, "name")?))
}

/// Stores a pointer of the host with the session, for example to its connection; the library does not use it.
///
/// It may be called from any thread at any time; a thread that gets the pointer also sees everything written before it was set.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for a wrong handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_set_user_data(
    session: *mut tls_session_t,
    user_data: *mut c_void,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| {
        session.set_user_data(user_data.cast());
        Ok(Outcome::Complete)
    })
}

/// Returns the pointer that `tls_session_set_user_data()` has stored; NULL before that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_user_data(session: *const tls_session_t) -> *mut c_void {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, std::ptr::null_mut(), |session| session.user_data().cast())
}

/// Continues the handshake: writes pending output, then consumes whole records of `input` and writes the answers to `output`.
///
/// Spans of any size work. Bytes that follow the handshake are not consumed: they belong to `tls_session_decrypt()`.
///
/// - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer was accepted, and all output was written. Repeats, with counts of 0.
/// - `TLS_STATUS_WANT_READ`: the input ends within a record. Call again with the rest of it and more after it.
/// - `TLS_STATUS_WANT_WRITE`: output is left. Call again with space; input is allowed.
/// - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_accept_with_default_validation()`. To accept a certificate does not
///   authenticate the peer: it still has to prove that it holds the key. COMPLETE means that it has.
/// - `TLS_STATUS_WANT_CREDENTIALS` (client): see `tls_session_set_client_credentials()`.
/// - `TLS_STATUS_NEEDS_SERVER_OPTIONS` (server): see `tls_session_set_server_context()`.
/// - `TLS_STATUS_NEEDS_SIGNATURE`: see `tls_session_signature_request()`.
///
///   These four are questions. Send what was written, then answer, now or later. They repeat, with counts of 0, until answered. Set
///   yourself a time limit: see `spantls_suspended_handshakes()`.
/// - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_shutdown()`.
/// - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_PEER_ALERT`, `TLS_STATUS_TRUNCATED`: the handshake has
///   failed. The output, and what `tls_session_drain_pending_output()` writes, holds the alert for the peer. Sticky.
/// - `TLS_STATUS_OUT_OF_RESOURCES`: too many handshakes are suspended, or memory is exhausted. The next record was not consumed. Not
///   sticky.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_handshake(
    session: *mut tls_session_t,
    input: *const c_void,
    input_len: usize,
    output: *mut c_void,
    output_cap: usize,
    out_consumed: *mut usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let out = Out { consumed: out_consumed, written: out_written };
    transform(host, session, out, (input, input_len), (output, output_cap), |session, input, output| {
        session.process_handshake(input, output)
    })
}

/// Encrypts plaintext: writes pending output, then as many whole records as fit.
///
/// It keeps no plaintext: pass what was not consumed again.
///
/// - `TLS_STATUS_COMPLETE`: all plaintext was consumed. For an empty plaintext only pending output is written.
/// - `TLS_STATUS_WANT_WRITE`: more space is needed; `SPANTLS_MIN_CIPHERTEXT` bytes always make progress.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or our side is shut down; in TLS 1.2 also after the peer's
///   `close_notify` (RFC 5246 section 7.2.1).
/// - `TLS_STATUS_NOT_SUPPORTED`: the keys have sealed as many records as they may (RFC 8446 section 5.5), and TLS 1.2 cannot change
///   them. Repeats; reading and shutdown still work.
/// - The sticky error of a failed session; `tls_session_drain_pending_output()` writes its alert.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_encrypt(
    session: *mut tls_session_t,
    plaintext: *const c_void,
    plaintext_len: usize,
    ciphertext: *mut c_void,
    ciphertext_cap: usize,
    out_consumed: *mut usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let out = Out { consumed: out_consumed, written: out_written };
    let (input, output) = ((plaintext, plaintext_len), (ciphertext, ciphertext_cap));
    transform(host, session, out, input, output, |session, plaintext, ciphertext| {
        session.encrypt(&[plaintext], ciphertext)
    })
}

/// Returns the output space in bytes with which `tls_session_encrypt()` consumes `plaintext_len` bytes and returns COMPLETE.
///
/// It includes pending output, an owed reply and new keys, as the session is now: call it on the thread that encrypts. It exceeds the
/// bytes that will be written by at most 37. `SIZE_MAX` means that no memory has so much space. 0 means that encrypt would take nothing:
/// before COMPLETE, after shutdown or a failure, on a session bound to a socket, while another thread is in the write half.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_ciphertext_size(session: *const tls_session_t, plaintext_len: usize) -> usize {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| session.ciphertext_size(plaintext_len).unwrap_or(0))
}

/// As `tls_session_encrypt()`, with plaintext from several spans.
///
/// `*out_consumed` counts the bytes of all spans together. A record may hold data of several spans.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_encrypt_vectored(
    session: *mut tls_session_t,
    spans: *const spantls_span_t,
    num_spans: usize,
    ciphertext: *mut c_void,
    ciphertext_cap: usize,
    out_consumed: *mut usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let out = Out { consumed: out_consumed, written: out_written };
    let output = || {
        out.both()?;
        host.output(ciphertext, ciphertext_cap, "the output")
    };
    out.on_session(host, session, output, |session, output| {
        host.gather(spans, num_spans, (ciphertext, ciphertext_cap), |plaintext| Ok(session.encrypt(plaintext, output)))
            .unwrap_or_else(Progress::from)
    })
}

/// Decrypts records: as many whole ones as input and space allow.
///
/// Held plaintext, from a record that was larger than the space of an earlier call, comes first. Pending output is not touched. CLOSED
/// and negative statuses never come with plaintext: a call that has made progress stops before an alert or a bad record and returns
/// COMPLETE; the next call reports it.
///
/// - `TLS_STATUS_COMPLETE`: progress was made. `*out_written` 0 means a message of TLS itself (a session ticket, a key update), not the
///   end.
/// - `TLS_STATUS_WANT_READ`: the input has no whole record.
/// - `TLS_STATUS_WANT_WRITE`: the next record is larger than the space. What fits was written, the rest is held
///   (`SPANTLS_STATE_HAS_PENDING_PLAINTEXT`). If there was no space, nothing was consumed.
/// - `TLS_STATUS_CLOSED`: the peer has sent `close_notify`; everything before it was delivered. Repeats.
/// - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. After a refusal there:
///   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky.
/// - `TLS_STATUS_TRUNCATED`: after `tls_session_end_of_input()` without a `close_notify`. The write half continues.
/// - `TLS_STATUS_PROTOCOL_ERROR`: a bad record or message. Sticky.
/// - `TLS_STATUS_PEER_ALERT`: the peer sent a fatal alert. Sticky.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
/// - The sticky error of a failed handshake.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_decrypt(
    session: *mut tls_session_t,
    ciphertext: *const c_void,
    ciphertext_len: usize,
    plaintext: *mut c_void,
    plaintext_cap: usize,
    out_consumed: *mut usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let out = Out { consumed: out_consumed, written: out_written };
    let (input, output) = ((ciphertext, ciphertext_len), (plaintext, plaintext_cap));
    transform(host, session, out, input, output, Session::decrypt)
}

/// Decrypts the first record of `data` where it is, without a copy; the plaintext is at `data + *out_plaintext_offset`.
///
/// The consumed bytes are overwritten; a record that fails to open is destroyed. The statuses are those of `tls_session_decrypt()`
/// without WANT_WRITE, and:
///
/// - `TLS_STATUS_INVALID_STATE`: also while plaintext is held: get it with `tls_session_decrypt()` first.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_decrypt_in_place(
    session: *mut tls_session_t,
    data: *mut c_void,
    data_len: usize,
    out_consumed: *mut usize,
    out_plaintext_offset: *mut usize,
    out_plaintext_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_plaintext_offset, 0);
    let out = Out { consumed: out_consumed, written: out_plaintext_len };
    let span = || {
        required(out_consumed, "out_consumed")?;
        required(out_plaintext_offset, "out_plaintext_offset")?;
        required(out_plaintext_len, "out_plaintext_len")?;
        host.output(data, data_len, "data")
    };
    out.on_session(host, session, span, |session, data| {
        let (progress, start) = session.decrypt_in_place(data);
        host.put(out_plaintext_offset, start);
        progress
    })
}

/// Asks the client of an open TLS 1.3 session for a certificate (post-handshake authentication, RFC 8446 section 4.6.2).
///
/// The answer arrives among the client's data. When it is complete and proved, `tls_session_decrypt()` returns
/// `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` until you give the verdict, as in the handshake; encrypting continues meanwhile. A client
/// that declines has no certificate; under `SPANTLS_CLIENT_CERTIFICATE_REQUIRE` it is refused with `certificate_required` instead. After
/// a refusal both halves fail. The certificate is not inherited by sessions that resume this one. The bits
/// `SPANTLS_STATE_CERTIFICATE_REQUESTED` and `_ANSWERED` report the progress. Clients of this library do not offer the extension.
///
/// - `TLS_STATUS_COMPLETE`: asked. Output that did not fit is pending: see `tls_session_has_pending_output()`.
/// - `TLS_STATUS_WANT_WRITE`: not asked. Send what was written, and call again with space.
/// - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2, or the client did not offer post_handshake_auth. Nothing was sent.
/// - `TLS_STATUS_INVALID_STATE`: a client; not COMPLETE; the client has not answered the last request, or has no verdict yet; our side
///   is closed.
/// - `TLS_STATUS_BUSY`: another thread is in the write half.
/// - The sticky error of a failed session.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_request_client_certificate(
    session: *mut tls_session_t,
    output: *mut c_void,
    output_cap: usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    emit(host, session, (output, output_cap), out_written, Session::request_client_certificate)
}

/// Changes our keys (KeyUpdate, RFC 8446 section 4.6.3): what is encrypted afterwards is under new keys.
///
/// `request_peer_update` 1 asks the peer to do the same, 0 does not. Sessions change keys by themselves before a key has sealed as much
/// as it may (section 5.5). A peer may refuse many updates without data between them.
///
/// - `TLS_STATUS_COMPLETE`: the KeyUpdate was written, after pending output.
/// - `TLS_STATUS_WANT_WRITE`: the keys have not changed. Send what was written, and call again with `SPANTLS_MIN_CIPHERTEXT` bytes of
///   space.
/// - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2, or the kernel seals the records and cannot change keys.
/// - `TLS_STATUS_INVALID_ARGUMENT`: another number than 0 or 1; on a socket, an output span.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or our side is closed.
/// - The sticky error of a failed session.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_update_keys(
    session: *mut tls_session_t,
    request_peer_update: i32,
    output: *mut c_void,
    output_cap: usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    emit(host, session, (output, output_cap), out_written, |session, output| {
        let request = match request_peer_update {
            0 => false,
            1 => true,
            _ => return Failure::argument("request_peer_update is 0 or 1").into(),
        };
        session.update_keys(request, output)
    })
}

/// Closes our side: writes `close_notify` (RFC 8446 section 6.1) after pending output.
///
/// It is always allowed. Before the handshake is COMPLETE it cancels the handshake (`user_canceled`, then `close_notify`; nothing if no
/// handshake call was made). Afterwards encrypt returns INVALID_STATE, and decrypt still works. In TLS 1.2 the peer answers with its own
/// close at once (RFC 5246 section 7.2.1): read its replies before you close.
///
/// - `TLS_STATUS_CLOSED`: everything is written. This is success. Repeats, with a count of 0.
/// - `TLS_STATUS_WANT_WRITE`: call again with space.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_shutdown(
    session: *mut tls_session_t,
    output: *mut c_void,
    output_cap: usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    emit(host, session, (output, output_cap), out_written, Session::shutdown)
}

/// Writes pending output: the rest of a handshake flight, an alert, the answer to a key update.
///
/// It works in every state, also after a failure.
///
/// - `TLS_STATUS_COMPLETE`: nothing is left.
/// - `TLS_STATUS_WANT_WRITE`: call again with space.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_drain_pending_output(
    session: *mut tls_session_t,
    output: *mut c_void,
    output_cap: usize,
    out_written: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    emit(host, session, (output, output_cap), out_written, Session::drain_pending_output)
}

/// Reports that the transport has ended (a read of 0 bytes).
///
/// It delivers nothing: get held plaintext with `tls_session_decrypt()`.
///
/// - `TLS_STATUS_CLOSED`: the peer had sent `close_notify`, or the handshake was cancelled.
/// - `TLS_STATUS_TRUNCATED`: it had not: data may be missing. Sticky for the handshake or the read half.
/// - `TLS_STATUS_COMPLETE`: the session is suspended, or was answered and not called since. The end is remembered until the session
///   needs input.
/// - The sticky error of a failed handshake or read half.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_end_of_input(session: *mut tls_session_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, Session::end_of_input)
}

/// Fills a struct with the last failure of a call on this session. Set `out_error->struct_size` first.
///
/// Once the session has failed (`SPANTLS_STATE_FAILED`) the record keeps that failure. Calls that succeed do not clear it.
///
/// - `TLS_STATUS_COMPLETE`: filled; its `status` is 0 if nothing has failed. While the session waits for a verdict on a peer without a
///   certificate, `policy_errors` is `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `out_error` is NULL or its `struct_size` is too small.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_error(
    session: *const tls_session_t,
    out_error: *mut spantls_error_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::call(|| {
        // Written on every return: empty if there is no session.
        super::library::fill(host, out_error, &spantls_error_t::none())?;
        let session = host.borrow(session)?;
        let mut record = session.last_failure().as_ref().map_or(spantls_error_t::none(), spantls_error_t::from);
        record.policy_errors |= reasons::policy_bits(session.pending_policy_errors());
        super::library::fill(host, out_error, &record)
    })
}

/// Where a call that moves bytes says how many it did; NULL where it has no such count.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) consumed: *mut usize,
    pub(super) written: *mut usize,
}

impl Out {
    /// Takes the host's spans, runs `body` on them, and writes its counts for the host, zeros first.
    #[inline]
    pub(super) fn on_session<S>(
        self,
        host: Host,
        session: *mut tls_session_t,
        spans: impl FnOnce() -> Result<S>,
        body: impl FnOnce(&Session, S) -> Progress,
    ) -> tls_status_t {
        let put = |consumed, written| {
            host.put(self.consumed, consumed);
            host.put(self.written, written);
        };
        put(0, 0);
        fence::on_session(host, session, |session| {
            let progress = body(session, spans()?);
            put(progress.consumed, progress.written);
            progress.outcome
        })
    }

    /// Fails unless both counts have a place.
    fn both(self) -> Result<()> {
        required(self.consumed, "out_consumed")?;
        required(self.written, "out_written")
    }
}

/// A call with one input span and one output span.
fn transform(
    host: Host,
    session: *mut tls_session_t,
    out: Out,
    input: (*const c_void, usize),
    output: (*mut c_void, usize),
    call: impl FnOnce(&Session, &[u8], &mut [u8]) -> Progress,
) -> tls_status_t {
    let spans = || {
        out.both()?;
        disjoint(input, (output.0, output.1))?;
        Ok((host.input(input.0, input.1, "the input")?, host.output(output.0, output.1, "the output")?))
    };
    out.on_session(host, session, spans, |session, (input, output)| call(session, input, output))
}

/// A call that only writes output.
fn emit(
    host: Host,
    session: *mut tls_session_t,
    output: (*mut c_void, usize),
    out_written: *mut usize,
    call: impl FnOnce(&Session, &mut [u8]) -> Progress,
) -> tls_status_t {
    let out = Out { consumed: std::ptr::null_mut(), written: out_written };
    let span = || {
        required(out_written, "out_written")?;
        host.output(output.0, output.1, "the output")
    };
    out.on_session(host, session, span, call)
}

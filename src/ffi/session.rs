//! Sessions over spans: the host moves the bytes.

use std::ffi::{c_char, c_void};
use std::ops::Range;

use super::fence;
use super::handles::{spantls_span_t, tls_context_t, tls_session_t};
use super::host::{Host, disjoint, required};
use super::status::{spantls_error_t, tls_status_t};
use crate::outcome::{Failure, Outcome};
use crate::session::{Counts, Session};

/// The room that `tls_session_encrypt()` needs to make progress, in bytes: enough for a key update and a record.
pub const SPANTLS_MIN_CIPHERTEXT: usize = 64;

/// The largest ciphertext record: header, 2^14 bytes of plaintext and the largest expansion that TLS 1.2 allows
/// (RFC 5246 section 6.2.3). A receive buffer of this size always holds a whole record.
pub const SPANTLS_MAX_RECORD: usize = 5 + 16384 + 2048;

/// Makes a session on a context; its role is the context's.
///
/// - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL or `context` is no context.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_create(
    context: *mut tls_context_t,
    out_session: *mut *mut tls_session_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_session, std::ptr::null_mut());
    fence::call(|| {
        required(out_session, "out_session")?;
        let context = host.borrow(context)?.clone();
        host.give(out_session, Session::new(context));
        Ok(Outcome::Complete)
    })
}

/// Releases a session in whatever state, suspended too, and wipes its keys. It sends nothing: to close properly, call
/// `tls_session_shutdown()` before. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_destroy(session: *mut tls_session_t) {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let _: tls_status_t = fence::call(|| {
        host.destroy(session);
        Ok(Outcome::Complete)
    });
}

/// Sets the name of the server that a client wants: a DNS name or an IP address. The name is sent to the server
/// (RFC 6066 section 3, DNS names only) and the default validation checks the certificate against it; without a name
/// it reports `SPANTLS_POLICY_ERROR_NAME_MISMATCH`. A trailing dot of a DNS name is neither sent nor compared.
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

/// Keeps a pointer of the host's with the session, for example to its own connection. The library never follows or frees it.
/// From any thread, at any time; whoever gets the pointer also sees what was written before it was set.
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

/// The pointer that `tls_session_set_user_data()` has set last; NULL until then.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_user_data(session: *const tls_session_t) -> *mut c_void {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, std::ptr::null_mut(), |session| session.user_data().cast())
}

/// Does the handshake: hands over pending output, then consumes whole records of `input` and writes what the peer is
/// to receive, until something is missing. Any sizes work, also 0. Bytes behind the handshake are not consumed: they
/// belong to `tls_session_decrypt()`.
///
/// - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer judged, and every byte of it handed over. Repeats, 0/0.
/// - `TLS_STATUS_WANT_READ`: a record is incomplete: show the rest of the input again with more behind it.
/// - `TLS_STATUS_WANT_WRITE`: output is left: call again with room (input is welcome too).
/// - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_accept_with_default_validation()`. Accepting is not yet
///   authentication: the peer has still to prove that it holds the key, and the handshake fails if it cannot. Only
///   COMPLETE means authenticated.
/// - `TLS_STATUS_WANT_CREDENTIALS` (clients): see `tls_session_set_client_credentials()`.
/// - `TLS_STATUS_NEEDS_SERVER_OPTIONS` (servers): see `tls_session_set_server_context()`.
/// - `TLS_STATUS_NEEDS_SIGNATURE`: see `tls_session_signature_request()`.
///
///   These four are questions: send what was written, as always. They repeat, 0/0, until answered; a loop that passes over
///   one never ends. Limit the time that you give yourself: `spantls_suspended_handshakes()`.
/// - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_shutdown()`.
/// - `TLS_STATUS_PEER_ALERT`: the peer has ended the handshake: `alert_received` in the error record says why. Sticky.
/// - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_TRUNCATED`: failed; what was written, and
///   `tls_session_drain_pending_output()`, hold the alert for the peer. Sticky.
/// - `TLS_STATUS_OUT_OF_RESOURCES`: the next record was not consumed; not sticky.
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
    transform(host, session, out, (input, input_len), (output, output_cap), |session, input, output, counts| {
        session.process_handshake(input, output, counts)
    })
}

/// Seals plaintext: emits pending output first, then as many whole records as fit. It keeps nothing of the plaintext:
/// what was not consumed is shown again.
///
/// - `TLS_STATUS_COMPLETE`: all plaintext was taken. An empty plaintext makes no record: only pending output is written.
/// - `TLS_STATUS_WANT_WRITE`: more room is needed; `SPANTLS_MIN_CIPHERTEXT` bytes always make progress.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or our side is shut down; in TLS 1.2 also after the
///   peer's `close_notify` (RFC 5246 section 7.2.1).
/// - The sticky error of a failed session; its alert waits in `tls_session_drain_pending_output()`.
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
    transform(host, session, out, input, output, |session, plaintext, ciphertext, counts| {
        session.encrypt(&[plaintext], ciphertext, counts)
    })
}

/// The room in bytes with which `tls_session_encrypt()` takes `plaintext_len` bytes whole and returns COMPLETE, in the session's
/// present state: records and what may have to precede them, which is pending output, a reply to a key update, new keys.
///
/// Ask on the thread that encrypts: a call of the write half in between can change it. It is larger than what will be written by
/// at most 37 bytes. `SIZE_MAX` if no memory has so much room; 0 where encrypt takes nothing: before the handshake is COMPLETE,
/// after shutdown or a failure, on a session bound to a socket, while another thread is in the write half, without a session.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_ciphertext_size(session: *const tls_session_t, plaintext_len: usize) -> usize {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| session.ciphertext_size(plaintext_len).unwrap_or(0))
}

/// As `tls_session_encrypt()`, with the plaintext gathered from `num_spans` spans; `*out_consumed` counts through all
/// of them. Records are filled across the spans' borders.
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
    out.on_session(host, session, |session, counts| {
        let output = host.output(ciphertext, ciphertext_cap, "the output")?;
        host.gather(spans, num_spans, (ciphertext, ciphertext_cap), |plaintext| {
            session.encrypt(plaintext, output, counts)
        })
    })
}

/// Opens records: as many whole ones as input and room allow. Held plaintext (from a record larger than the room of
/// an earlier call) always comes first. Pending output is not looked at. What ends the read half, an alert or a bad
/// record, has a call of its own: a call that has made progress stops before it with COMPLETE, so CLOSED and negative
/// statuses never come with plaintext.
///
/// - `TLS_STATUS_COMPLETE`: progress was made. `*out_written` 0 is a message of TLS itself (a ticket, a key update)
///   and not the end.
/// - `TLS_STATUS_WANT_READ`: there is no whole record in the input.
/// - `TLS_STATUS_WANT_WRITE`: the next record holds more than the room: what fits was written, the rest is held
///   (`SPANTLS_STATE_HAS_PENDING_PLAINTEXT`). With no room at all nothing was done.
/// - `TLS_STATUS_CLOSED`: the peer's `close_notify`; everything before it was delivered. Repeats.
/// - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. With a refusal there,
///   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky.
/// - `TLS_STATUS_TRUNCATED`: after `tls_session_end_of_input()` without a `close_notify`. The write half goes on.
/// - `TLS_STATUS_PROTOCOL_ERROR`: a bad record; `TLS_STATUS_PEER_ALERT`: a fatal alert. What came before was delivered by
///   earlier calls. Sticky.
/// - The sticky error of a handshake that has failed.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
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
    transform(host, session, out, input, output, |session, ciphertext, plaintext, counts| {
        session.decrypt(ciphertext, plaintext, counts)
    })
}

/// Opens the first record of `data` where it lies, one record per call: no copy. The plaintext is at
/// `data + *out_plaintext_offset`. What was consumed is overwritten; a record that fails to open is destroyed.
///
/// Statuses as `tls_session_decrypt()`, but never WANT_WRITE; and
/// - `TLS_STATUS_INVALID_STATE`: also while plaintext is held: take it with `tls_session_decrypt()` first.
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
    let put = |consumed: usize, plaintext: Range<usize>| {
        host.put(out_consumed, consumed);
        host.put(out_plaintext_offset, plaintext.start);
        host.put(out_plaintext_len, plaintext.len());
    };
    put(0, 0..0);
    fence::on_session(host, session, |session| {
        required(out_consumed, "out_consumed")?;
        required(out_plaintext_offset, "out_plaintext_offset")?;
        required(out_plaintext_len, "out_plaintext_len")?;
        let data = host.output(data, data_len, "data")?;
        let (mut consumed, mut plaintext) = (0, 0..0);
        let result = session.decrypt_in_place(data, &mut consumed, &mut plaintext);
        put(consumed, plaintext);
        result
    })
}

/// Asks the client of an open TLS 1.3 session for a certificate (RFC 8446 section 4.6.2), for example because of what it
/// has requested: a CertificateRequest behind pending output, with the trust anchors of the server's context as acceptable
/// issuers, whatever its client-certificate mode. The answer comes among the client's data: `tls_session_decrypt()` goes
/// on delivering, and when the answer is complete, with its signature and its Finished verified, returns
/// `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` until the verdict is given, in the same ways as in the handshake
/// (`SPANTLS_VALIDATION_AUTOMATIC` judges inside). `tls_session_encrypt()` continues to work meanwhile. Then
/// `tls_session_remote_certificate()` returns the new chain. If the client declines, there is no certificate, and the error
/// record has `SPANTLS_POLICY_ERROR_NOT_AVAILABLE` until the verdict; under `SPANTLS_CLIENT_CERTIFICATE_REQUIRE` such a client is
/// refused at once with `certificate_required`, without a verdict. A refused client gets the alert, and both halves fail.
/// `SPANTLS_STATE_CERTIFICATE_REQUESTED` and `SPANTLS_STATE_CERTIFICATE_ANSWERED` tell where this stands.
///
/// It is this session's alone: whoever resumes it must be asked again. Clients of this library do not offer it; a server
/// that asks them all the same gets `unexpected_message`.
///
/// - `TLS_STATUS_COMPLETE`: asked. What did not fit is pending: see `tls_session_has_pending_output()`.
/// - `TLS_STATUS_WANT_WRITE`: not asked: send what was written, and call again with room.
/// - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2 (it would have to renegotiate), or a client that did not offer
///   post_handshake_auth. Nothing was sent.
/// - `TLS_STATUS_INVALID_STATE`: a client; not COMPLETE; the client has not answered the last request, or its answer is not
///   judged; our side is closed.
/// - `TLS_STATUS_BUSY`: another thread is in the write half, or checks an answer.
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

/// Moves on to the next keys (RFC 8446 section 4.6.3): writes a KeyUpdate behind pending output; what is encrypted after it
/// is under the new keys. With `request_peer_update` 1 (else 0) the peer is asked to do the same. Sessions do this by
/// themselves before a key has sealed as much as it may (section 5.5). A peer need not take more than a few without data
/// between them.
///
/// - `TLS_STATUS_COMPLETE`: written.
/// - `TLS_STATUS_WANT_WRITE`: the keys have not changed: send what was written, and call again with
///   `SPANTLS_MIN_CIPHERTEXT` bytes of room.
/// - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2.
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
    emit(host, session, (output, output_cap), out_written, |session, output, written| {
        let request = match request_peer_update {
            0 => false,
            1 => true,
            _ => return Err(Failure::argument("request_peer_update is 0 or 1")),
        };
        session.update_keys(request, output, written)
    })
}

/// Closes our side: writes `close_notify` (RFC 8446 section 6.1) behind pending output. Always allowed. Before the
/// handshake is COMPLETE it cancels it (`user_canceled`, then `close_notify`; nothing at all if no handshake call was
/// made: the peer has not heard of us). Afterwards encrypt is INVALID_STATE and decrypt still works. In TLS 1.2 the
/// peer closes as soon as it sees this, so ask for replies before (RFC 5246 section 7.2.1).
///
/// - `TLS_STATUS_CLOSED`: everything is written. Repeats, 0.
/// - `TLS_STATUS_WANT_WRITE`: call again with room.
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

/// Writes output that is owed to the peer: the rest of a handshake flight, an alert, the answer to a key update.
/// Works in every state, after a failure too.
///
/// - `TLS_STATUS_COMPLETE`: nothing is left.
/// - `TLS_STATUS_WANT_WRITE`: call again with room.
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

/// Says that the transport has ended (a read of 0 bytes). It delivers nothing; held plaintext is still to be taken
/// with `tls_session_decrypt()`.
///
/// - `TLS_STATUS_CLOSED`: the peer had closed properly, or the handshake was cancelled.
/// - `TLS_STATUS_TRUNCATED`: it had not; sticky for the handshake or the read half.
/// - `TLS_STATUS_COMPLETE`: the session is suspended, or was answered and not called since; the end is remembered until it
///   next needs input.
/// - The sticky error of a handshake or a read half that has failed.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_end_of_input(session: *mut tls_session_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, Session::end_of_input)
}

/// The last failure of a call on this session; once the session has failed (`SPANTLS_STATE_FAILED`), what it has failed with,
/// whatever calls it refuses since. Calls that succeed leave it. Set `out_error->struct_size` first.
///
/// - `TLS_STATUS_COMPLETE`: the record is filled; its `status` is 0 if nothing has failed. While the session waits for
///   a verdict and the peer has shown no certificate, its `policy_errors` is `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `out_error` is NULL or its `struct_size` is too small.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_error(
    session: *const tls_session_t,
    out_error: *mut spantls_error_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::call(|| {
        // Written on every return: empty where there is no session to tell of.
        super::library::fill(host, out_error, &spantls_error_t::none())?;
        let session = host.borrow(session)?;
        let mut record = session.last_failure().as_ref().map_or(spantls_error_t::none(), spantls_error_t::from);
        record.policy_errors |= session.pending_policy_errors();
        super::library::fill(host, out_error, &record)
    })
}

/// Where a call that turns input into output says how much it did.
#[derive(Clone, Copy)]
struct Out {
    consumed: *mut usize,
    written: *mut usize,
}

impl Out {
    /// Runs `body` on the session and tells the host its counts, zeros first.
    fn on_session(
        self,
        host: Host,
        session: *mut tls_session_t,
        body: impl FnOnce(&Session, &mut Counts) -> Result<Outcome, Failure>,
    ) -> tls_status_t {
        let tell = |counts: Counts| {
            host.put(self.consumed, counts.consumed);
            host.put(self.written, counts.written);
        };
        tell(Counts::default());
        fence::on_session(host, session, |session| {
            required(self.consumed, "out_consumed")?;
            required(self.written, "out_written")?;
            let mut counts = Counts::default();
            let result = body(session, &mut counts);
            tell(counts);
            result
        })
    }
}

/// A call with one input span and one output span.
fn transform(
    host: Host,
    session: *mut tls_session_t,
    out: Out,
    input: (*const c_void, usize),
    output: (*mut c_void, usize),
    call: impl FnOnce(&Session, &[u8], &mut [u8], &mut Counts) -> Result<Outcome, Failure>,
) -> tls_status_t {
    out.on_session(host, session, |session, counts| {
        disjoint(input, (output.0, output.1))?;
        let input = host.input(input.0, input.1, "the input")?;
        let output = host.output(output.0, output.1, "the output")?;
        call(session, input, output, counts)
    })
}

/// A call that only writes output.
fn emit(
    host: Host,
    session: *mut tls_session_t,
    output: (*mut c_void, usize),
    out_written: *mut usize,
    call: impl FnOnce(&Session, &mut [u8], &mut usize) -> Result<Outcome, Failure>,
) -> tls_status_t {
    host.put(out_written, 0);
    fence::on_session(host, session, |session| {
        required(out_written, "out_written")?;
        let output = host.output(output.0, output.1, "the output")?;
        let mut written = 0;
        let result = call(session, output, &mut written);
        host.put(out_written, written);
        result
    })
}

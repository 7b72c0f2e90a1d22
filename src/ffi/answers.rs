//! Answers to suspensions other than the verdict, and what the questions are about.

use std::ffi::c_void;

use super::fence;
use super::getting::copy_out;
use super::handles::{tls_context_t, tls_credentials_t, tls_session_t};
use super::host::{Host, required};
use super::status::tls_status_t;
use crate::outcome::{Failure, Outcome, Question};

/// Answers `TLS_STATUS_NEEDS_SERVER_OPTIONS`: the session goes on with this server context, as if it had been created
/// on it (`tls_options_set_keep_client_hello()` counts, too). Then show `tls_session_handshake()` the same input
/// again: the record that completes the ClientHello was not consumed. Shown another record, it returns
/// `TLS_STATUS_INVALID_ARGUMENT` and takes nothing, until it is shown that one (a part of it is WANT_READ). To turn the
/// client away, `tls_session_reject()` with `SPANTLS_ALERT_UNRECOGNIZED_NAME` (RFC 6066 section 3) or another alert.
///
/// - `TLS_STATUS_COMPLETE`: taken. The context may be destroyed.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a client's context, or one that was itself made without options.
/// - `TLS_STATUS_INVALID_STATE`: no ClientHello waits for a context, or it was answered.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_set_server_context(
    session: *mut tls_session_t,
    context: *mut tls_context_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| session.set_server_context(host.borrow(context)?.clone()))
}

/// Answers `TLS_STATUS_WANT_CREDENTIALS`: the server gets this chain, and proof of its key; NULL declines, and the server
/// decides whether it goes on without. Called before the handshake it answers beforehand, and takes precedence over the
/// credentials of the options. It concerns this session alone.
///
/// Credentials set beforehand that fit none of the server's signature schemes count as none.
///
/// - `TLS_STATUS_COMPLETE`: taken; if the session was suspended call `tls_session_handshake()` again. The
///   credentials may be destroyed.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: suspended, and these credentials fit none of the server's signature schemes. Nothing was
///   answered: try others, or NULL.
/// - `TLS_STATUS_INVALID_STATE`: a server session; the handshake has begun and nobody waits for credentials, or no more.
///   Before the handshake a second call replaces the first.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_set_client_credentials(
    session: *mut tls_session_t,
    credentials: *const tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| {
        let credentials = match credentials.is_null() {
            true => None,
            false => Some(host.borrow(credentials)?.clone()),
        };
        session.set_client_credentials(credentials)
    })
}

/// The number of issuers that the server names in its request for a certificate (RFC 8446 section 4.2.4, RFC 5246 section
/// 7.4.4); 0 means that any will do. From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, else 0.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_acceptable_issuer_count(
    session: *const tls_session_t,
    out_count: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_count, 0);
    fence::on_session(host, session, |session| {
        required(out_count, "out_count")?;
        host.put(out_count, session.certificate_request().map_or(0, |request| request.acceptable_issuers.len()));
        Ok(Outcome::Complete)
    })
}

/// Copies the distinguished name of an issuer that the server accepts, as DER. Copy-out as
/// `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_INVALID_ARGUMENT`: also for an index that is not below the count.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_acceptable_issuer(
    session: *const tls_session_t,
    index: usize,
    out_der_name: *mut c_void,
    der_name_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_der_name, der_name_cap, out_len, |session| {
        let request = session.certificate_request();
        let name = request.as_ref().and_then(|request| request.acceptable_issuers.get(index));
        Ok(name.ok_or_else(|| Failure::argument("the server names no issuer of this index"))?.clone())
    })
}

/// A signature scheme that the server accepts of a client (RFC 8446 section 4.2.3; `spantls_signature_scheme_name()`), in its order of
/// preference; 0 behind the last one. From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, else 0.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_acceptable_signature_scheme(session: *const tls_session_t, index: usize) -> u16 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| {
        let request = session.certificate_request();
        request.and_then(|request| request.schemes.get(index).copied().map(u16::from)).unwrap_or(0)
    })
}

/// Copies the message that `TLS_STATUS_NEEDS_SIGNATURE` wants signed, to the last byte what the signature covers: it is to
/// be hashed as the scheme says (RFC 8446 section 4.2.3), not yet hashed. `*out_scheme` (may be NULL) is the scheme, one
/// of those that the credentials were made with. Copy-out as `tls_session_negotiated_alpn()`.
///
/// The message has less than 256 bytes; only clients in TLS 1.2 sign all handshake messages so far (RFC 5246 section
/// 7.4.8), which may be as long as the server's chain.
///
/// - `TLS_STATUS_INVALID_STATE`: nothing waits for a signature.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_signature_request(
    session: *const tls_session_t,
    out_scheme: *mut u16,
    out_message: *mut c_void,
    message_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_scheme, 0);
    copy_out(host, session, out_message, message_cap, out_len, |session| {
        let request = session.signature_request();
        let request = request.ok_or_else(|| crate::handshake::not_asked(Question::Signature))?;
        host.put(out_scheme, request.scheme.into());
        Ok(request.message.clone())
    })
}

/// Answers `TLS_STATUS_NEEDS_SIGNATURE`. ECDSA signatures are DER (`ECDSA-Sig-Value`, RFC 8446 section 4.2.3), the others
/// the bare bytes. The signature is checked against the certificate's key before it can leave. Length 0: the host could
/// not sign; the handshake fails with `TLS_STATUS_AUTHENTICATION_FAILED` and the alert `internal_error`. Sign on another thread or
/// in another process if it takes long: nothing else waits for this session.
///
/// - `TLS_STATUS_COMPLETE`: taken; call `tls_session_handshake()` again.
/// - `TLS_STATUS_INVALID_ARGUMENT`: not a signature of this message by the certificate's key. Nothing was answered: bring
///   another one, or none (length 0).
/// - `TLS_STATUS_INVALID_STATE`: nothing waits for a signature, or it was answered.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_set_signature(
    session: *mut tls_session_t,
    signature: *const c_void,
    signature_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| {
        let signature = host.input(signature, signature_len, "the signature")?;
        session.set_signature(signature)
    })
}

//! Answers to suspensions other than the verdict, and what the questions are about.

use std::ffi::c_void;

use super::fence;
use super::getting::{copy_out, put_count};
use super::handles::{tls_context_t, tls_credentials_t, tls_session_t};
use super::host::Host;
use super::status::tls_status_t;
use crate::outcome::{Failure, Question};
use crate::session::not_asked;

/// Answers `TLS_STATUS_NEEDS_SERVER_OPTIONS`: the session continues with this server context, as if it had been created on it.
///
/// Then pass the same input to `tls_session_handshake()` again: the record that completes the ClientHello was not consumed. Other input
/// returns `TLS_STATUS_INVALID_ARGUMENT` and is not consumed. To refuse the client, call `tls_session_reject()`, for example with
/// `SPANTLS_ALERT_UNRECOGNIZED_NAME` (RFC 6066 section 3).
///
/// - `TLS_STATUS_COMPLETE`: accepted. The context may be destroyed.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a client context, or one that was made without options.
/// - `TLS_STATUS_INVALID_STATE`: the session does not wait for a context.
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

/// Answers `TLS_STATUS_WANT_CREDENTIALS` with a client certificate (mutual TLS); NULL declines.
///
/// Called before the handshake it answers in advance, and takes precedence over the credentials of the options. It applies to this
/// session only. Credentials set in advance that fit none of the server's signature schemes count as none.
///
/// - `TLS_STATUS_COMPLETE`: accepted; if the session was suspended call `tls_session_handshake()` again. The credentials may be
///   destroyed.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: suspended, and these credentials fit none of the server's signature schemes. The question is
///   still open.
/// - `TLS_STATUS_INVALID_STATE`: a server session, or the handshake has begun and the session does not wait for credentials.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_set_client_credentials(
    session: *mut tls_session_t,
    credentials: *const tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| {
        let credentials = if credentials.is_null() { None } else { Some(host.borrow(credentials)?.clone()) };
        session.set_client_credentials(credentials)
    })
}

/// Counts the certificate authorities that the server names in its request for a certificate (RFC 8446 section 4.2.4, RFC 5246 section
/// 7.4.4); 0 means any.
///
/// From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, otherwise 0.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_acceptable_issuer_count(
    session: *const tls_session_t,
    out_count: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    put_count(host, session, out_count, |session| {
        session.certificate_request().map_or(0, |request| request.acceptable_issuers.len())
    })
}

/// Copies the distinguished name of a certificate authority that the server accepts, as DER. Copy-out as
/// `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_INVALID_ARGUMENT`: also if the index is not below the count.
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

/// Returns a signature scheme that the server accepts from a client (`SPANTLS_SCHEME_…`, RFC 8446 section 4.2.3), in the server's order
/// of preference; 0 after the last one.
///
/// From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, otherwise 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_acceptable_signature_scheme(session: *const tls_session_t, index: usize) -> u16 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| {
        let request = session.certificate_request();
        request.and_then(|request| request.schemes.get(index).copied().map(u16::from)).unwrap_or(0)
    })
}

/// Copies the message that `TLS_STATUS_NEEDS_SIGNATURE` asks you to sign, and the signature scheme.
///
/// The message is not hashed yet: hash it as the scheme says (RFC 8446 section 4.2.3). `*out_scheme` (may be NULL) is one of the schemes
/// of the credentials. The message has less than 256 bytes, except on TLS 1.2 clients, which sign all handshake messages so far (RFC
/// 5246 section 7.4.8). Copy-out as `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_INVALID_STATE`: the session does not wait for a signature.
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
        let request = session.signature_request().ok_or_else(|| not_asked(Question::Signature))?;
        host.put(out_scheme, request.scheme.into());
        Ok(request.message.clone())
    })
}

/// Answers `TLS_STATUS_NEEDS_SIGNATURE` with a signature, which is checked against the certificate's key before it is sent.
///
/// ECDSA signatures are DER (`ECDSA-Sig-Value`, RFC 8446 section 4.2.3), the others plain bytes. Length 0 means that the host could not
/// sign: the handshake fails with `TLS_STATUS_AUTHENTICATION_FAILED` and the alert `internal_error`.
///
/// - `TLS_STATUS_COMPLETE`: accepted; call `tls_session_handshake()` again.
/// - `TLS_STATUS_INVALID_ARGUMENT`: not a signature of this message by the certificate's key. The question is still open.
/// - `TLS_STATUS_INVALID_STATE`: the session does not wait for a signature.
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

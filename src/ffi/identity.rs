//! Getters: the certificates of both ends, and what identifies the connection to other protocols.

use std::ffi::{c_char, c_void};

use super::fence;
use super::getting::{copy_out, put_count};
use super::handles::tls_session_t;
use super::host::{Host, disjoint};
use super::meaning::meaning;
use super::status::tls_status_t;
use crate::outcome::Failure;
use crate::session::Binding;

/// Counts the certificates that the peer has sent: 0 before it has, and if it sent none.
///
/// They are available from the question for the verdict on.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_remote_certificate_count(
    session: *const tls_session_t,
    out_count: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    put_count(host, session, out_count, |session| session.remote_certificates().len())
}

/// Copies a certificate of the peer as DER: index 0 is its own (the leaf), the others follow as the peer sent them.
///
/// Copy-out as `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_INVALID_ARGUMENT`: also if the index is not below the count.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_remote_certificate(
    session: *const tls_session_t,
    index: usize,
    out_der: *mut c_void,
    der_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_der, der_cap, out_len, |session| Ok(session.remote_certificate(index)?.to_vec()))
}

/// Counts the certificates of the path that the default validation found, from the peer's leaf to a trust anchor, both included.
///
/// It is 0 before the default validation has judged (or `tls_session_default_validation()` was called), if the chain is not trusted,
/// if the session was resumed without a new judgement, and after `tls_session_shrink()` has released the peer's certificates. A name
/// mismatch does not change it.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_verified_certificate_count(
    session: *const tls_session_t,
    out_count: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    put_count(host, session, out_count, |session| session.verified_certificate_count())
}

/// Copies a certificate of the verified path as DER: index 0 is the peer's leaf, the last index is the trust anchor.
///
/// If the leaf itself is trusted, it is the only one. Copy-out as `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_INVALID_ARGUMENT`: also if the index is not below `tls_session_verified_certificate_count()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_verified_certificate(
    session: *const tls_session_t,
    index: usize,
    out_der: *mut c_void,
    der_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_der, der_cap, out_len, |session| {
        let certificate = session.verified_certificate(index).map(|certificate| certificate.to_vec());
        certificate.ok_or_else(|| Failure::argument("the verified path has no certificate of this index"))
    })
}

/// Copies our leaf certificate as DER: a server's own, or a client's if it was sent; otherwise empty.
///
/// Until the handshake is COMPLETE it is empty, except while `TLS_STATUS_NEEDS_SIGNATURE` waits: then it is the certificate whose key
/// must sign, which distinguishes several external keys. Copy-out as `tls_session_negotiated_alpn()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_local_certificate(
    session: *const tls_session_t,
    out_der: *mut c_void,
    der_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_der, der_cap, out_len, |session| Ok(session.local_certificate()))
}

/// Copies the OCSP response (DER) that the server has stapled to its certificate (RFC 6066 section 8).
///
/// It is available from the question for the verdict on; empty if there is none, in resumed sessions, and on servers. Copy-out as
/// `tls_session_negotiated_alpn()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_ocsp_response(
    session: *const tls_session_t,
    out_der: *mut c_void,
    der_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_der, der_cap, out_len, |session| Ok(session.ocsp_response()))
}

/// The kinds of `tls_session_channel_binding()`: the numbers of .NET's `ChannelBindingKind`, and EXPORTER.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_channel_binding_values {
    /// `tls-unique` (RFC 5929 section 3): the first Finished message. TLS 1.2 only.
    SPANTLS_CHANNEL_BINDING_UNIQUE = 25,
    /// `tls-server-end-point` (RFC 5929 section 4): a hash of the server's certificate.
    SPANTLS_CHANNEL_BINDING_ENDPOINT = 26,
    /// `tls-exporter` (RFC 9266): keying material, with an empty context.
    SPANTLS_CHANNEL_BINDING_EXPORTER = 27,
}

/// Copies a channel binding (RFC 5056), a value that is the same at both ends: `kind` is a `SPANTLS_CHANNEL_BINDING_…` value.
///
/// The value has no prefix. Before you rely on it, check `tls_session_is_channel_binding_sound()`. Copy-out as
/// `tls_session_negotiated_alpn()`.
///
/// - `TLS_STATUS_NOT_SUPPORTED`: UNIQUE in TLS 1.3 (RFC 8446 appendix C.5); ENDPOINT if RFC 5929 defines no hash for the signature
///   of the server's certificate (Ed25519).
/// - `TLS_STATUS_INVALID_ARGUMENT`: an unknown kind.
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE; ENDPOINT on a client after `tls_session_shrink()` has released the
///   certificates.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_channel_binding(
    session: *const tls_session_t,
    kind: i32,
    out_value: *mut c_void,
    value_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    use spantls_channel_binding_values::*;
    copy_out(host, session, out_value, value_cap, out_len, |session| {
        let values = [
            (SPANTLS_CHANNEL_BINDING_UNIQUE as i32, Binding::Unique),
            (SPANTLS_CHANNEL_BINDING_ENDPOINT as i32, Binding::EndPoint),
            (SPANTLS_CHANNEL_BINDING_EXPORTER as i32, Binding::Exporter),
        ];
        session.channel_binding(meaning(kind, &values, "this is not a SPANTLS_CHANNEL_BINDING value")?)
    })
}

/// Returns 1 if channel bindings identify this connection: in TLS 1.3, and in TLS 1.2 with the extended master secret (RFC 7627).
///
/// Without it an attacker in the middle can give two connections the same UNIQUE and EXPORTER values. 0 until the handshake is
/// COMPLETE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_session_is_channel_binding_sound(session: *const tls_session_t) -> i32 {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::read(host, session, 0, |session| i32::from(session.is_channel_binding_sound()))
}

/// Derives keying material from the session's secrets (RFC 5705, RFC 8446 section 7.5) and fills `out_material` with it.
///
/// Both ends get the same material for the same label, context and length. `context` NULL means no context. TLS 1.2 distinguishes it
/// from a context of length 0; TLS 1.3 does not.
///
/// - `TLS_STATUS_COMPLETE`: filled.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `material_len` is 0 or more than TLS 1.3 can derive (255 hash lengths); the label is longer than
///   249 bytes (TLS 1.3), or reserved for TLS 1.2 itself; the context is longer than 65,535 bytes (TLS 1.2).
/// - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_export_keying_material(
    session: *const tls_session_t,
    label: *const c_char,
    label_len: usize,
    context: *const c_void,
    context_len: usize,
    out_material: *mut c_void,
    material_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::on_session(host, session, |session| {
        disjoint((label.cast(), label_len), (out_material, material_len))?;
        disjoint((context, context_len), (out_material, material_len))?;
        let label = host.characters(label, label_len, "label")?;
        let present = !context.is_null();
        let context = host.input(context, context_len, "context")?;
        let output = host.output(out_material, material_len, "out_material")?;
        session.export_keying_material(label, present.then_some(context), output)
    })
}

//! Options of sessions: what they negotiate, whom they ask, what they resume and keep.

use std::ffi::{c_char, c_void};
use std::num::NonZeroU32;

use super::handles::{spantls_ticket_root_t, tls_options_t};
use super::host::Host;
use super::meaning::{flag, meaning};
use super::options::change;
use super::status::tls_status_t;
use crate::context::{ClientCertificateMode, Validation};
use crate::outcome::{Failure, Result};
use crate::session::Version;

/// The values for `tls_options_set_protocols()`, and of `tls_session_negotiated_protocol()`: .NET's `SslProtocols`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_protocol_values {
    /// TLS 1.2 (RFC 5246).
    SPANTLS_PROTOCOL_TLS12 = 0xC00,
    /// TLS 1.3 (RFC 8446).
    SPANTLS_PROTOCOL_TLS13 = 0x3000,
}

/// The values for `tls_options_set_client_certificate_mode()`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_client_certificate_values {
    /// The client is not asked (default).
    SPANTLS_CLIENT_CERTIFICATE_NONE = 0,
    /// The client is asked, and may decline: the verdict then decides with `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
    SPANTLS_CLIENT_CERTIFICATE_REQUEST = 1,
    /// The client is asked, and a client without a certificate is refused with `certificate_required`
    /// (`handshake_failure` in TLS 1.2).
    SPANTLS_CLIENT_CERTIFICATE_REQUIRE = 2,
}

/// The values for `tls_options_set_certificate_validation()`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_validation_values {
    /// The handshake suspends with `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` and the host judges (default).
    SPANTLS_VALIDATION_EXTERNAL = 0,
    /// The default validation judges, without a suspension.
    SPANTLS_VALIDATION_AUTOMATIC = 1,
}

/// The values for `tls_options_set_alpn_mismatch()`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_alpn_mismatch_values {
    /// The handshake ends with the alert `no_application_protocol` (RFC 7301 section 3.2; default).
    SPANTLS_ALPN_MISMATCH_FAIL = 0,
    /// The handshake continues without an application protocol.
    SPANTLS_ALPN_MISMATCH_CONTINUE = 1,
}

/// Sets the protocol versions: `SPANTLS_PROTOCOL_…` values or-ed together; 0 means all.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other bit.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_protocols(options: *mut tls_options_t, protocols: u32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| versions(protocols).map(|versions| options.set_versions(versions)))
}

/// Sets the cipher suites (`SPANTLS_SUITE_…`) in order of preference; `num_ids` 0 means all.
///
/// A server takes the first of its list that the client offers; without this call, the first of the client's list that it supports.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_CONFIGURATION` for a suite that is unknown or listed twice.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_cipher_suites(
    options: *mut tls_options_t,
    ids: *const u16,
    num_ids: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.set_cipher_suites(&host.numbers(ids, num_ids)?))
}

/// Sets the key-exchange groups (`SPANTLS_GROUP_…`) in order of preference; `num_ids` 0 means all.
///
/// The default order is X25519MLKEM768 (post-quantum, TLS 1.3 only), X25519, secp256r1, secp384r1. A client sends a key share of its
/// first group, and one of X25519 too if the first is X25519MLKEM768 and X25519 is listed. A server with several listed groups takes the
/// first that the client supports; otherwise the first of the client's that it supports. If the client sent no key share of that group,
/// the server asks for one (`SPANTLS_STATE_HELLO_RETRIED`), which costs a round trip.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_CONFIGURATION` for a group that is unknown or listed twice. Groups that no protocol
///   version can use are refused when the context is created.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_groups(
    options: *mut tls_options_t,
    ids: *const u16,
    num_ids: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.set_groups(&host.numbers(ids, num_ids)?))
}

/// Adds an application protocol (ALPN, RFC 7301), for example "h2", after those already there. A server takes the first
/// of its own that the client offers, and refuses clients that offer only others: see `tls_options_set_alpn_mismatch()`. A client
/// session can have its own: `tls_session_add_alpn()`.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if the name is not 1 to 255 bytes long or already there.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_alpn(
    options: *mut tls_options_t,
    name: *const c_void,
    name_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_alpn(host.input(name, name_len, "name")?))
}

/// Sets what a server does with a client that offers only other application protocols (ALPN): a `SPANTLS_ALPN_MISMATCH_…` value.
/// Clients ignore it.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_alpn_mismatch(options: *mut tls_options_t, mode: i32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    use spantls_alpn_mismatch_values::*;
    change(host, options, |options| {
        let values = [(SPANTLS_ALPN_MISMATCH_FAIL as i32, false), (SPANTLS_ALPN_MISMATCH_CONTINUE as i32, true)];
        meaning(mode, &values, "this is not a SPANTLS_ALPN_MISMATCH value")
            .map(|mode| options.continues_without_alpn = mode)
    })
}

/// Sets whether a server asks its clients for certificates (mutual TLS): a `SPANTLS_CLIENT_CERTIFICATE_…` value. Clients ignore it.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_client_certificate_mode(
    options: *mut tls_options_t,
    mode: i32,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    use spantls_client_certificate_values::*;
    change(host, options, |options| {
        let values = [
            (SPANTLS_CLIENT_CERTIFICATE_NONE as i32, ClientCertificateMode::None),
            (SPANTLS_CLIENT_CERTIFICATE_REQUEST as i32, ClientCertificateMode::Request),
            (SPANTLS_CLIENT_CERTIFICATE_REQUIRE as i32, ClientCertificateMode::Require),
        ];
        meaning(mode, &values, "this is not a SPANTLS_CLIENT_CERTIFICATE value")
            .map(|mode| options.client_certificates = mode)
    })
}

/// Sets who verifies the peer's certificate, the host or the library: a `SPANTLS_VALIDATION_…` value.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_certificate_validation(
    options: *mut tls_options_t,
    mode: i32,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    use spantls_validation_values::*;
    change(host, options, |options| {
        let values = [
            (SPANTLS_VALIDATION_EXTERNAL as i32, Validation::External),
            (SPANTLS_VALIDATION_AUTOMATIC as i32, Validation::Automatic),
        ];
        meaning(mode, &values, "this is not a SPANTLS_VALIDATION value").map(|mode| options.validation = mode)
    })
}

/// Sets whether sessions can resume earlier ones with session tickets (RFC 8446 section 2.2, RFC 5077): 0 or 1 (default).
///
/// A resumed handshake is shorter and has no certificates. Servers seal session tickets with keys of the context, or see
/// `tls_options_set_ticket_roots()`. Clients store tickets in their context, separately for each target name and each client identity; a
/// session without a name stores none. If a server's certificate is refused, the tickets for that name and identity are erased.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_allow_resume(options: *mut tls_options_t, allow: i32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| flag(allow).map(|allow| options.allow_resume = allow))
}

/// Sets whether the peer's certificate is judged again when a session is resumed: 0 or 1 (default).
///
/// With 1 the handshake suspends with `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` (or judges inside, with `SPANTLS_VALIDATION_AUTOMATIC`), with
/// the chain of the original session. With 0 the first verdict holds for all sessions that resume it. Either way a session can be
/// resumed for seven days after its full handshake.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_validate_on_resume(
    options: *mut tls_options_t,
    validate: i32,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| flag(validate).map(|validate| options.validate_on_resume = validate))
}

/// Sets the roots of a server's session ticket keys: processes and machines with the same roots resume each other's sessions.
///
/// docs/guide.md ("Session tickets on many machines") has the steps of a rotation.
///
/// - Tickets are sealed with the root whose `seal_from` came last, and opened with every root until its `open_until`. A root opens tickets
///   as soon as it is set, so clocks need not agree exactly.
/// - A ticket is opened only by a server whose certificate has the same names (subject and subject alternative names) and whose
///   client-certificate mode, trust anchors, revocation lists, validation, protocols and application protocols (ALPN) are the same. A
///   certificate that is renewed for the same names resumes. Hosts that judge differently (`SPANTLS_VALIDATION_EXTERNAL`) need different
///   roots.
/// - An attacker who has a root can decrypt every TLS 1.2 session that got a ticket from it, and can pose as the server to clients that
///   resume: keep it as secret as a private key, and replace it.
/// - `num_roots` 0: each context makes its own roots, and erases each after two ticket lifetimes (default).
///
/// Statuses:
///
/// - `TLS_STATUS_COMPLETE`: set; it replaces all earlier roots. The secrets are copied, and wiped when they are no longer used; the options
///   keep their copies until they are destroyed.
/// - `TLS_STATUS_INVALID_ARGUMENT`: more than 16 roots, a secret shorter than 32 or longer than 1,024 bytes, one listed twice, a negative
///   `seal_from`, an `open_until` that is not after it, or two roots with the same `seal_from`. Nothing was changed.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_ticket_roots(
    options: *mut tls_options_t,
    roots: *const spantls_ticket_root_t,
    num_roots: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.set_ticket_roots(&host.ticket_roots(roots, num_roots)?))
}

/// Sets the lifetime of a server's session tickets in seconds: 1 to 604,800 (seven days, RFC 8446 section 4.6.1); 0 means 7,200 (default).
///
/// In any case a session can be resumed for at most seven days, and not after the certificate that its server sent has expired.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for more than seven days.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_ticket_lifetime(options: *mut tls_options_t, seconds: u32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.set_ticket_lifetime(NonZeroU32::new(seconds)))
}

/// Sets how many session tickets a server sends after each TLS 1.3 handshake: 0 to 16; the default is 2.
///
/// A client uses each ticket once. With 0 clients get none, but tickets that they have are still accepted. TLS 1.2 has at most one ticket,
/// whatever the count. `tls_options_set_allow_resume()` 0 ends resumption in both versions.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for more than 16.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_ticket_count(options: *mut tls_options_t, count: u32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.set_ticket_count(count as usize))
}

/// Sets the most plaintext in bytes that a record of ours holds: 64 to 16,384; 0 means 16,384 (default, RFC 8446 section 5.1).
///
/// Records of the peer are not limited by it.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_max_fragment_size(options: *mut tls_options_t, size: usize) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.set_max_fragment_size((size != 0).then_some(size)))
}

/// Appends the secrets of every session to a file, in the format of `SSLKEYLOGFILE` that Wireshark reads: for debugging only.
///
/// Anyone who reads the file can decrypt the traffic. No environment variable enables it. An empty path means none (default). A new file
/// is readable by its owner only. Lines that cannot be written are left out.
///
/// - `TLS_STATUS_COMPLETE`: the file is open, and stays open while options or contexts made from them exist.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: it cannot be opened for writing.
/// - `TLS_STATUS_INVALID_ARGUMENT`: the path is NULL or not UTF-8.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_key_log_file(
    options: *mut tls_options_t,
    path: *const c_char,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.set_key_log_file(host.text(path, "path")?))
}

/// Sets whether server sessions keep the ClientHello after the handshake, for `tls_session_client_hello()` and related getters: 0
/// (default) or 1.
///
/// It costs the size of the ClientHello, some hundred bytes to two thousand.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_keep_client_hello(options: *mut tls_options_t, keep: i32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| flag(keep).map(|keep| options.keep_client_hello = keep))
}

/// The protocol versions of a mask, none for 0.
fn versions(mask: u32) -> Result<&'static [Version]> {
    const TLS12: u32 = spantls_protocol_values::SPANTLS_PROTOCOL_TLS12 as u32;
    const TLS13: u32 = spantls_protocol_values::SPANTLS_PROTOCOL_TLS13 as u32;
    const BOTH: u32 = TLS12 | TLS13;
    match mask {
        0 => Ok(&[]),
        TLS12 => Ok(&[Version::Tls12]),
        TLS13 => Ok(&[Version::Tls13]),
        BOTH => Ok(&[Version::Tls12, Version::Tls13]),
        _ => Err(Failure::argument("only SPANTLS_PROTOCOL_TLS12 and SPANTLS_PROTOCOL_TLS13 are known")),
    }
}

/// The number of a protocol version.
pub(super) fn protocol(version: Version) -> u32 {
    (match version {
        Version::Tls12 => spantls_protocol_values::SPANTLS_PROTOCOL_TLS12,
        Version::Tls13 => spantls_protocol_values::SPANTLS_PROTOCOL_TLS13,
    }) as u32
}

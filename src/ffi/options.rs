//! Options: the builder of contexts.

use std::ffi::{c_char, c_void};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::fence;
use super::handles::{spantls_ticket_root_t, tls_credentials_t, tls_options_t};
use super::host::Host;
use super::meaning::{flag, meaning};
use super::status::tls_status_t;
use crate::context::{AnchorMode, CertificateRequests, ClientCertificateMode, Options, Validation};
use crate::outcome::Failure;
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

/// The values for `tls_options_set_certificate_requests()`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_certificate_requests_values {
    /// The client declines under `SPANTLS_VALIDATION_AUTOMATIC`, and suspends under `SPANTLS_VALIDATION_EXTERNAL` (default).
    SPANTLS_CERTIFICATE_REQUESTS_DEFAULT = 0,
    /// The handshake suspends with `TLS_STATUS_WANT_CREDENTIALS`.
    SPANTLS_CERTIFICATE_REQUESTS_SUSPEND = 1,
    /// The client sends no certificate, without a suspension.
    SPANTLS_CERTIFICATE_REQUESTS_DECLINE = 2,
}

/// The values for `tls_options_set_trust_anchor_mode()`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_trust_anchor_values {
    /// An anchor is a name and a key (RFC 5280 section 6.1.1 (d)); the rest of its certificate is ignored, except for name
    /// constraints (default).
    SPANTLS_TRUST_ANCHORS_AUTHORITIES = 0,
    /// Anchors are judged as certificates, and a chain must end at a self-signed one.
    SPANTLS_TRUST_ANCHORS_CERTIFICATES = 1,
    /// Anchors are judged as certificates, and a chain may end at any of them.
    SPANTLS_TRUST_ANCHORS_PARTIAL_CHAIN = 2,
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

/// For `tls_options_set_validation_time()`: certificates must be valid at the time of the judgement.
pub const SPANTLS_VALIDATION_TIME_NOW: i64 = -1;

/// Makes options with defaults: TLS 1.2 and 1.3, all cipher suites and groups, no ALPN, no client certificates, verdicts by the host.
///
/// Threads: any number may use the same options at once; a call waits while another one changes them.
///
/// - `TLS_STATUS_COMPLETE`: `*out_options` is set; release it with `tls_options_destroy()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_create(out_options: *mut *mut tls_options_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::create(host, out_options, "out_options", || Ok(Mutex::new(Options::default())))
}

/// Releases options. Contexts made from them are not affected. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_options_destroy(options: *mut tls_options_t) {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::destroy(host, options);
}

/// Sets the only credentials: a server's certificate chain, or the one that a client sends to servers that ask (mutual TLS).
///
/// They replace all credentials that were set or added before, also those for names; NULL only removes these.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for a wrong handle.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_credentials(
    options: *mut tls_options_t,
    credentials: *const tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| {
        options.set_credentials(match credentials.is_null() {
            true => None,
            false => Some(host.borrow(credentials)?.clone()),
        });
        Ok(())
    })
}

/// Adds credentials to those already present, for example an RSA chain beside an ECDSA chain.
///
/// A server sends the first chain that the client accepts, in the order in which they were added: the client lists a signature scheme of
/// the key, and for TLS 1.2 a cipher suite for such keys (a chain on a curve that the client lists is preferred). If none fits, the
/// handshake fails with `handshake_failure`. A client sends the first chain that fits the server's signature schemes and acceptable
/// issuers, otherwise the first that fits the schemes, otherwise none.
///
/// - `TLS_STATUS_COMPLETE`: added.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: already added, or more than 4,096 credentials.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a wrong handle.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_credentials(
    options: *mut tls_options_t,
    credentials: *const tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_credentials(host.borrow(credentials)?))
}

/// Adds a server's credentials for clients that ask for `name` (SNI): a host name, or a wildcard such as `*.example.org`.
///
/// The wildcard stands for exactly one label: `*.example.org` covers `www.example.org`, not `example.org`. International names are A-labels
/// (`xn--...`); case does not matter. The certificate's own names are not compared with it. A client gets the credentials of its exact
/// name, otherwise those of the wildcard, otherwise those without a name; if there are none, the handshake fails with
/// `unrecognized_name`, or with `handshake_failure` if the client sent no name. If several were added for one name, one is chosen as
/// `tls_options_add_credentials()` says.
///
/// - `TLS_STATUS_COMPLETE`: added.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: already added for this name, or more than 4,096 credentials. `tls_context_create_client()`
///   returns it too: these credentials are for servers.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a wrong handle, or `name` is NULL or not such a name.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_credentials_for_name(
    options: *mut tls_options_t,
    name: *const c_char,
    credentials: *const tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| {
        options.add_credentials_for_name(host.text(name, "name")?, host.borrow(credentials)?)
    })
}

/// Sets what a client without credentials does when the server asks for a certificate: a `SPANTLS_CERTIFICATE_REQUESTS_…` value.
///
/// For a single session, `tls_session_set_client_credentials()` before the handshake decides.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_certificate_requests(options: *mut tls_options_t, mode: i32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    use spantls_certificate_requests_values::*;
    change(host, options, |options| {
        let values = [
            (SPANTLS_CERTIFICATE_REQUESTS_DEFAULT as i32, CertificateRequests::ByValidation),
            (SPANTLS_CERTIFICATE_REQUESTS_SUSPEND as i32, CertificateRequests::Suspend),
            (SPANTLS_CERTIFICATE_REQUESTS_DECLINE as i32, CertificateRequests::Decline),
        ];
        meaning(mode, &values, "the mode is not a SPANTLS_CERTIFICATE_REQUESTS value")
            .map(|mode| options.certificate_requests = mode)
    })
}

/// Adds trust anchors (CA certificates) in PEM text for the default validation.
///
/// A server also names them to clients as acceptable issuers (RFC 8446 section 4.2.4), unless their names are longer than 48 KiB in
/// total. A client without trust anchors uses the system's store; a server without trust anchors trusts no client. By default an anchor
/// is a name and a key, even if its certificate has expired or is not a CA: see `tls_options_set_trust_anchor_mode()`. Other blocks of
/// the text are skipped; docs/guide.md ("PEM text") says how it is read.
///
/// - `TLS_STATUS_COMPLETE`: all certificates of the text were added.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: the text has no certificate, a certificate cannot be parsed, or the text is damaged. Nothing was
///   added.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_trust_anchors_pem(
    options: *mut tls_options_t,
    pem: *const c_char,
    pem_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_trust_anchors_pem(host.characters(pem, pem_len, "pem")?))
}

/// As `tls_options_add_trust_anchors_pem()`, from a file.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_trust_anchors_file(
    options: *mut tls_options_t,
    path: *const c_char,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_trust_anchors_file(host.text(path, "path")?))
}

/// As `tls_options_add_trust_anchors_pem()`, for one certificate in DER.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_trust_anchors_der(
    options: *mut tls_options_t,
    der: *const c_void,
    der_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_trust_anchors_der(host.input(der, der_len, "der")?))
}

/// Adds the trust anchors of the system's store (CA certificates, root store) to those of the options. The store is read now.
///
/// Without this call a client trusts the system's store only if it has no anchors of its own, and reads it when it first
/// needs it. On a server, every client with a certificate of a public CA is then trusted: rarely what is wanted.
///
/// - `TLS_STATUS_COMPLETE`: added. Files that cannot be read, and certificates that cannot be parsed, were left out.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: the store is empty or cannot be read; the message has the places. Nothing was added.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_system_trust_anchors(options: *mut tls_options_t) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_system_trust_anchors())
}

/// Sets how the default validation judges trust anchors, including those of the system's store: a `SPANTLS_TRUST_ANCHORS_…` value.
///
/// By default an anchor is a name and a key. If your users supply "trusted certificates", choose CERTIFICATES or PARTIAL_CHAIN: anchors
/// are then judged as OpenSSL and .NET judge a trust store. docs/guide.md ("Trust anchors") compares the modes.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_trust_anchor_mode(options: *mut tls_options_t, mode: i32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    use spantls_trust_anchor_values::*;
    change(host, options, |options| {
        let values = [
            (SPANTLS_TRUST_ANCHORS_AUTHORITIES as i32, AnchorMode::Authorities),
            (SPANTLS_TRUST_ANCHORS_CERTIFICATES as i32, AnchorMode::Certificates),
            (SPANTLS_TRUST_ANCHORS_PARTIAL_CHAIN as i32, AnchorMode::PartialChain),
        ];
        meaning(mode, &values, "this is not a TLS_TRUST_ANCHORS value").map(|mode| options.rules.anchors = mode)
    })
}

/// Sets whether certificates must follow the profile of RFC 5280 section 4: 1, or 0 (default).
///
/// The rules are those of OpenSSL's X509_V_FLAG_X509_STRICT; docs/guide.md ("Trust anchors") lists them. They apply to an anchor only if
/// it is judged as a certificate.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_strict_certificates(options: *mut tls_options_t, strict: i32) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| flag(strict).map(|strict| options.rules.strict = strict))
}

/// Sets the time at which certificates and revocation lists must be valid, in seconds since 1970-01-01 00:00:00 UTC.
///
/// `SPANTLS_VALIDATION_TIME_NOW` (default) is the time of the judgement. The lifetime of session tickets is not affected.
///
/// - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other negative number.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_set_validation_time(
    options: *mut tls_options_t,
    unix_seconds: i64,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| {
        options.rules.time = match u64::try_from(unix_seconds) {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) if unix_seconds == SPANTLS_VALIDATION_TIME_NOW => None,
            Err(_) => return Err(Failure::argument("a time before 1970 is not supported")),
        };
        Ok(())
    })
}

/// Adds certificate revocation lists (CRLs, RFC 5280 section 5) in PEM text.
///
/// Once there is a list, the default validation refuses every certificate of a chain, except the trust anchor, that is revoked, that no
/// list covers, or whose list has expired.
///
/// - `TLS_STATUS_COMPLETE`: all lists of the text were added; other blocks were skipped.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: the text has no list, a list cannot be parsed, or the text is damaged. Nothing was added.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_crls_pem(
    options: *mut tls_options_t,
    pem: *const c_char,
    pem_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_crls_pem(host.characters(pem, pem_len, "pem")?))
}

/// As `tls_options_add_crls_pem()`, from a file.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_crls_file(options: *mut tls_options_t, path: *const c_char) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_crls_file(host.text(path, "path")?))
}

/// As `tls_options_add_crls_pem()`, for one revocation list in DER.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_options_add_crls_der(
    options: *mut tls_options_t,
    der: *const c_void,
    der_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    change(host, options, |options| options.add_crls_der(host.input(der, der_len, "der")?))
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
        meaning(mode, &values, "this is not a way to treat application protocols")
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
        meaning(mode, &values, "this is no TLS_CLIENT_CERTIFICATE value").map(|mode| options.client_certificates = mode)
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
        meaning(mode, &values, "this is no TLS_VALIDATION value").map(|mode| options.validation = mode)
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
fn versions(mask: u32) -> Result<&'static [Version], Failure> {
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

/// Changes options, all or nothing.
fn change(
    host: Host,
    options: *mut tls_options_t,
    body: impl FnOnce(&mut Options) -> Result<(), Failure>,
) -> tls_status_t {
    fence::making(|| body(&mut lock(host.borrow(options)?)))
}

/// The options; one that a contained panic left is as good as any: each change is all or nothing.
pub(super) fn lock(options: &Mutex<Options>) -> MutexGuard<'_, Options> {
    options.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;

    use super::*;

    #[test]
    fn a_rule_that_does_not_exist_is_refused_and_changes_nothing() {
        // SAFETY: every pointer below is good.
        let host = unsafe { Host::keeps_the_conventions() };
        let mut options = null_mut();
        host.give(&raw mut options, Mutex::new(Options::default()));
        let rules = || lock(host.borrow(options).unwrap()).rules;
        // SAFETY: live options, here and below.
        let at = |time| unsafe { tls_options_set_validation_time(options, time) };
        // SAFETY: as above.
        let mode = |mode| unsafe { tls_options_set_trust_anchor_mode(options, mode) };
        assert_eq!((at(7), mode(2)), (0, 0));
        let before = rules();
        assert_eq!(before.anchors, AnchorMode::PartialChain);
        assert_eq!((at(-2), at(i64::MIN), mode(3)), (-1, -1, -1));
        // SAFETY: as above.
        assert_eq!(unsafe { tls_options_set_strict_certificates(options, 2) }, -1);
        assert_eq!(rules(), before);
        assert_eq!((at(SPANTLS_VALIDATION_TIME_NOW), rules().time), (0, None));
        host.destroy(options);
    }
}

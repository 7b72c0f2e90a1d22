//! Options of the default validation.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use super::handles::tls_options_t;
use super::host::Host;
use super::meaning::{flag, meaning};
use super::options::change;
use super::status::tls_status_t;
use crate::context::AnchorMode;
use crate::outcome::Failure;

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

/// For `tls_options_set_validation_time()`: certificates must be valid at the time of the judgement.
pub const SPANTLS_VALIDATION_TIME_NOW: i64 = -1;

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
        meaning(mode, &values, "this is not a SPANTLS_TRUST_ANCHORS value").map(|mode| options.rules.anchors = mode)
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

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;
    use std::sync::Mutex;

    use super::super::options::lock;
    use super::*;
    use crate::context::Options;

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

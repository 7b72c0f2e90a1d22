//! Options: the builder of contexts. Here are those of credentials.

use std::ffi::c_char;
use std::sync::{Mutex, MutexGuard};

use super::fence;
use super::handles::{tls_credentials_t, tls_options_t};
use super::host::Host;
use super::meaning::meaning;
use super::status::tls_status_t;
use crate::context::{CertificateRequests, Options};
use crate::outcome::Result;

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
        options.set_credentials(if credentials.is_null() { None } else { Some(host.borrow(credentials)?.clone()) });
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

/// Changes options, all or nothing.
pub(super) fn change(
    host: Host,
    options: *mut tls_options_t,
    body: impl FnOnce(&mut Options) -> Result<()>,
) -> tls_status_t {
    fence::making(|| body(&mut lock(host.borrow(options)?)))
}

/// The options; one that a contained panic left is as good as any: each change is all or nothing.
pub(super) fn lock(options: &Mutex<Options>) -> MutexGuard<'_, Options> {
    options.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

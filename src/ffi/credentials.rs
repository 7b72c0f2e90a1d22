//! Credentials: a certificate chain and its private key.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::fence;
use super::handles::{spantls_span_t, tls_credentials_t};
use super::host::Host;
use super::status::tls_status_t;
use crate::context::Credentials;

/// Makes credentials from PEM text: the certificate chain (leaf first, then the issuers) and the private key. The buffers are copied.
///
/// Keys are ECDSA on P-256 or P-384, Ed25519, or RSA of 2048, 3072 or 4096 bits (with aws-lc-rs, of any length from 2048 to 4096), as
/// PKCS #8, PKCS #1 or SEC1. An encrypted key (`ENCRYPTED PRIVATE KEY`: PBES2 with PBKDF2 or scrypt, and AES or triple DES) needs its
/// `passphrase`, which may be NULL and is ignored for other keys. docs/guide.md ("PEM text") says how the text is read. Messages give the
/// line number and the fault, but none of the text.
///
/// - `TLS_STATUS_COMPLETE`: `*out_credentials` is set; release it with `tls_credentials_destroy()`.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: no certificate or key was found, one cannot be parsed or is not supported, or they do not match;
///   an encrypted key has no passphrase, a wrong one, or needs more than 10,000,000 rounds of PBKDF2 or 64 MiB for scrypt. For keys in the
///   old encrypted PEM form the message has the command that converts them. `spantls_last_error()` says which.
/// - `TLS_STATUS_NOT_SUPPORTED`: an encrypted key, and the library was built without the feature `encrypted-keys`.
/// - `TLS_STATUS_OUT_OF_RESOURCES`: no memory for scrypt.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL, except `passphrase`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_credentials_create_pem(
    chain: *const c_char,
    chain_len: usize,
    key: *const c_char,
    key_len: usize,
    passphrase: *const c_char,
    out_credentials: *mut *mut tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::create(host, out_credentials, "out_credentials", || {
        let chain = host.characters(chain, chain_len, "chain")?;
        let key = host.characters(key, key_len, "key")?;
        Ok(Arc::new(Credentials::from_pem(chain, key, host.passphrase(passphrase))?))
    })
}

/// As `tls_credentials_create_pem()`, from two files. The paths may name the same file. PEM text passed as a path is
/// refused, and the message does not repeat it.
///
/// - `TLS_STATUS_INVALID_CONFIGURATION`: also when a file cannot be read.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_credentials_create_file(
    chain_path: *const c_char,
    key_path: *const c_char,
    passphrase: *const c_char,
    out_credentials: *mut *mut tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::create(host, out_credentials, "out_credentials", || {
        let chain_path = host.text(chain_path, "chain_path")?;
        let key_path = host.text(key_path, "key_path")?;
        Ok(Arc::new(Credentials::from_files(chain_path, key_path, host.passphrase(passphrase))?))
    })
}

/// As `tls_credentials_create_pem()`, from DER: `num_certificates` certificates, leaf first, and the private key, in any of the
/// forms that PEM has. The buffers are copied.
///
/// - The statuses are those of `tls_credentials_create_pem()`; `TLS_STATUS_INVALID_CONFIGURATION` also for PEM text.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_credentials_create_der(
    certificates: *const spantls_span_t,
    num_certificates: usize,
    key: *const c_void,
    key_len: usize,
    passphrase: *const c_char,
    out_credentials: *mut *mut tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::create(host, out_credentials, "out_credentials", || {
        let key = host.input(key, key_len, "key")?;
        let passphrase = host.passphrase(passphrase);
        let made = host.gather(certificates, num_certificates, (std::ptr::null_mut(), 0), |certificates| {
            Credentials::from_der(certificates, key, passphrase)
        });
        Ok(Arc::new(made?))
    })
}

/// Makes credentials from a chain as PEM text, and a private key that stays with the host: wherever the key is needed the
/// handshake suspends with `TLS_STATUS_NEEDS_SIGNATURE`. `schemes` are the signature schemes that the host will sign with
/// (`SPANTLS_SCHEME_…`), in order of preference: for RSA those with PSS and, for TLS 1.2, those with PKCS1; for ECDSA the one of
/// the key's curve; `SPANTLS_SCHEME_ED25519`.
///
/// - `TLS_STATUS_COMPLETE`: `*out_credentials` is set; release it with `tls_credentials_destroy()`.
/// - `TLS_STATUS_INVALID_CONFIGURATION`: no certificate found, not parsable, a key whose signatures cannot be checked here, no
///   scheme, a scheme that is unknown or not of this key; `spantls_last_error()` says which.
/// - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_credentials_create_external(
    chain: *const c_char,
    chain_len: usize,
    schemes: *const u16,
    num_schemes: usize,
    out_credentials: *mut *mut tls_credentials_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::create(host, out_credentials, "out_credentials", || {
        let chain = host.characters(chain, chain_len, "chain")?;
        let schemes = host.numbers(schemes, num_schemes)?;
        Ok(Arc::new(Credentials::external(chain, &schemes)?))
    })
}

/// Sets the OCSP response (DER, RFC 6960) that servers with these credentials staple to their certificate (RFC 6066 section
/// 8); length 0 removes it. From any thread, at any time: handshakes that begin later staple it, in every context that has
/// these credentials. The response is not validated.
///
/// - `TLS_STATUS_COMPLETE`: set, the buffer is copied.
/// - `TLS_STATUS_INVALID_ARGUMENT`: more than 12,288 bytes.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_credentials_set_ocsp_response(
    credentials: *mut tls_credentials_t,
    der: *const c_void,
    der_len: usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::making(|| host.borrow(credentials)?.set_ocsp_response(host.input(der, der_len, "der")?))
}

/// Releases credentials. Options and contexts that use them are not affected. NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tls_credentials_destroy(credentials: *mut tls_credentials_t) {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::destroy(host, credentials);
}

//! IANA's numbers: cipher suites, key-exchange groups, signature schemes, and their names.

use std::ffi::c_char;

use crate::names::{CIPHER_SUITES, GROUPS, Names, SIGNATURE_SCHEMES};

/// The cipher suites that the library has, for `tls_options_set_cipher_suites()`: their IANA names and numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_suite_values {
    /// TLS 1.3.
    SPANTLS_SUITE_AES_128_GCM_SHA256 = 0x1301,
    /// TLS 1.3.
    SPANTLS_SUITE_AES_256_GCM_SHA384 = 0x1302,
    /// TLS 1.3.
    SPANTLS_SUITE_CHACHA20_POLY1305_SHA256 = 0x1303,
    /// TLS 1.2, with an ECDSA or Ed25519 certificate, as the next two.
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xC02B,
    /// TLS 1.2.
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xC02C,
    /// TLS 1.2.
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA9,
    /// TLS 1.2, with an RSA certificate, as the next two.
    SPANTLS_SUITE_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xC02F,
    /// TLS 1.2.
    SPANTLS_SUITE_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xC030,
    /// TLS 1.2.
    SPANTLS_SUITE_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA8,
}

/// The key-exchange groups that the library has, for `tls_options_set_groups()`: their IANA names and numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_group_values {
    /// NIST P-256.
    SPANTLS_GROUP_SECP256R1 = 0x0017,
    /// NIST P-384.
    SPANTLS_GROUP_SECP384R1 = 0x0018,
    /// Curve25519 (RFC 7748).
    SPANTLS_GROUP_X25519 = 0x001D,
    /// X25519 and ML-KEM-768 together (hybrid, post-quantum). TLS 1.3 only.
    SPANTLS_GROUP_X25519MLKEM768 = 0x11EC,
}

/// The signature schemes that the library has, for `tls_credentials_create_external()`: their IANA names and numbers
/// (RFC 8446 section 4.2.3).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_scheme_values {
    /// RSA, PKCS #1 v1.5; in TLS 1.3 only within certificates, as the next two.
    SPANTLS_SCHEME_RSA_PKCS1_SHA256 = 0x0401,
    /// RSA, PKCS #1 v1.5.
    SPANTLS_SCHEME_RSA_PKCS1_SHA384 = 0x0501,
    /// RSA, PKCS #1 v1.5.
    SPANTLS_SCHEME_RSA_PKCS1_SHA512 = 0x0601,
    /// ECDSA; in TLS 1.3 with a P-256 key.
    SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256 = 0x0403,
    /// ECDSA; in TLS 1.3 with a P-384 key.
    SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384 = 0x0503,
    /// RSA, PSS.
    SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256 = 0x0804,
    /// RSA, PSS.
    SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384 = 0x0805,
    /// RSA, PSS.
    SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512 = 0x0806,
    /// Ed25519.
    SPANTLS_SCHEME_ED25519 = 0x0807,
}

/// The IANA name of a cipher suite, for example "TLS_AES_128_GCM_SHA256"; "unknown" for any other number, also for 0. It has
/// names for suites that the library does not have, too: those in a ClientHello. Valid for the life of the process.
#[unsafe(no_mangle)]
pub extern "C" fn spantls_cipher_suite_name(cipher_suite: u16) -> *const c_char {
    name(&CIPHER_SUITES, cipher_suite)
}

/// The IANA name of a key-exchange group, for example "x25519". Otherwise as `spantls_cipher_suite_name()`.
#[unsafe(no_mangle)]
pub extern "C" fn spantls_group_name(group: u16) -> *const c_char {
    name(&GROUPS, group)
}

/// The IANA name of a signature scheme, for example "ed25519". Otherwise as `spantls_cipher_suite_name()`.
#[unsafe(no_mangle)]
pub extern "C" fn spantls_signature_scheme_name(scheme: u16) -> *const c_char {
    name(&SIGNATURE_SCHEMES, scheme)
}

fn name(names: &Names, number: u16) -> *const c_char {
    names.of(number).unwrap_or(c"unknown").as_ptr()
}

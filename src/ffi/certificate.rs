//! What a certificate says: the peer's, or any other.

use std::ffi::{c_char, c_void};

use super::fence;
use super::getting::{Room, copy_text, fill_struct, put_no_text, put_text};
use super::handles::tls_session_t;
use super::host::{Host, disjoint};
use super::meaning::meaning;
use super::status::tls_status_t;
use crate::certificate::{self, CertificateFacts, Field};
use crate::context::matches_name;
use crate::outcome::Result;

/// The facts of a certificate that have a fixed size. Set `struct_size` to its `sizeof`; later versions may add fields at the end.
/// `spantls_certificate_text()` has the names.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct spantls_certificate_info_t {
    /// In: `sizeof(spantls_certificate_info_t)`.
    pub struct_size: usize,
    /// The first second in which it is valid, as Unix time; negative before 1970.
    pub not_before: i64,
    /// The last second in which it is valid, as Unix time. Year 9999 means that it has no end (RFC 5280 section 4.1.2.5).
    pub not_after: i64,
    /// SHA-256 of the certificate: its fingerprint (thumbprint).
    pub sha256: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo, for public key pinning (RFC 7469 section 2.4).
    pub public_key_sha256: [u8; 32],
    /// 1 if it is a CA's (basicConstraints), else 0.
    pub is_ca: i32,
    /// Common names of the subject.
    pub num_common_names: u32,
    /// Subject alternative names: DNS names.
    pub num_dns_names: u32,
    /// Subject alternative names: IP addresses.
    pub num_ip_addresses: u32,
    /// Subject alternative names: URIs.
    pub num_uris: u32,
    /// Subject alternative names: e-mail addresses.
    pub num_emails: u32,
    /// Subject alternative names of other kinds, which have no text here.
    pub num_other_names: u32,
    /// Zero.
    pub reserved: u32,
}

/// The fields of `spantls_certificate_text()`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_certificate_field_values {
    /// The distinguished name of the owner (RFC 4514).
    SPANTLS_CERTIFICATE_SUBJECT = 1,
    /// The distinguished name of the CA that has issued it (RFC 4514).
    SPANTLS_CERTIFICATE_ISSUER = 2,
    /// A common name (CN) of the subject. Anything can be in it: to compare server names use
    /// `spantls_certificate_matches_name()`.
    SPANTLS_CERTIFICATE_COMMON_NAME = 3,
    /// The serial number in hexadecimal digits, two for each byte, A to F as capitals.
    SPANTLS_CERTIFICATE_SERIAL_NUMBER = 4,
    /// A DNS name of the subject alternative name (SAN); `*.example.org` is a wildcard.
    SPANTLS_CERTIFICATE_DNS_NAME = 5,
    /// An IP address of the SAN; IPv6 as in RFC 5952.
    SPANTLS_CERTIFICATE_IP_ADDRESS = 6,
    /// A URI of the SAN, for example a SPIFFE ID.
    SPANTLS_CERTIFICATE_URI = 7,
    /// An e-mail address of the SAN.
    SPANTLS_CERTIFICATE_EMAIL = 8,
}

/// Reads the validity, fingerprint, public key hash and number of names of an X.509 certificate in DER.
///
/// Nothing is validated: anyone can make a certificate that says this. Set `out_info->struct_size` first. The certificate has
/// at most 65,535 bytes and 4,096 alternative names.
///
/// - `TLS_STATUS_COMPLETE`: filled.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `der` is not one certificate, or is malformed; `out_info` is NULL or its `struct_size` is
///   too small.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn spantls_certificate_info(
    der: *const c_void,
    der_len: usize,
    out_info: *mut spantls_certificate_info_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let room = Room::empty(host, first_size(), out_info);
    fence::call(|| {
        room.fill(|| {
            let der = host.input(der, der_len, "der")?;
            certificate::facts(der).map(|facts| describe(&facts))
        })
    })
}

/// Copies a text of an X.509 certificate in DER, such as its subject or a DNS name: `field` is a `SPANTLS_CERTIFICATE_…` value.
///
/// `index` counts the values of that field in the order of the certificate; `spantls_certificate_info()` has their number. SUBJECT, ISSUER
/// and SERIAL_NUMBER have one. The text is UTF-8 with a closing NUL, which `*out_len` does not count. It has no control characters: RFC 4514
/// escapes those of SUBJECT and ISSUER (`\00`).
///
/// - `TLS_STATUS_COMPLETE`: copied.
/// - `TLS_STATUS_BUFFER_TOO_SMALL`: not copied; `*out_len` is the length. `(NULL, 0, &len)` asks for it.
/// - `TLS_STATUS_NOT_SUPPORTED`: the value cannot be represented as text and must not be trusted: a DNS name, URI or e-mail address with
///   bytes other than visible ASCII (a NUL is an attack), an IP address of a wrong length, a common name with control or
///   invisible characters.
/// - `TLS_STATUS_INVALID_ARGUMENT`: there is no value of this index, or it is malformed; an unknown field; all that
///   `spantls_certificate_info()` refuses.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn spantls_certificate_text(
    der: *const c_void,
    der_len: usize,
    field: i32,
    index: usize,
    out_text: *mut c_char,
    text_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    host.put(out_len, 0);
    fence::call(|| {
        let der = host.input(der, der_len, "der");
        if let Ok(der) = der {
            disjoint((der.as_ptr().cast(), der.len()), (out_text.cast(), text_cap))?;
        }
        put_no_text(host, out_text, text_cap, out_len);
        put_text(host, out_text, text_cap, out_len, || certificate::text(der?, field_of(field)?, index))
    })
}

/// Checks whether an X.509 certificate in DER is for this server name, as the default validation does (RFC 6125, RFC 9525).
///
/// Only the name is compared, with the DNS names and IP addresses of the subject alternative name; the chain and the dates
/// are not validated. Use it when the name to check is not the name sent (SNI), or with another name after the handshake.
/// `name` is a DNS name (an internationalized one as A-labels, "xn--...") or an IP address; a trailing dot is ignored.
///
/// - `TLS_STATUS_COMPLETE`: the certificate is for this name.
/// - `TLS_STATUS_AUTHENTICATION_FAILED`: it is not.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `name` is neither a DNS name nor an IP address; `der` is not one certificate.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn spantls_certificate_matches_name(
    der: *const c_void,
    der_len: usize,
    name: *const c_char,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fence::call(|| {
        let der = host.input(der, der_len, "der")?;
        matches_name(der, host.text(name, "name")?)
    })
}

/// Reads what `spantls_certificate_info()` reads, of a certificate that the peer has sent: index 0 is its own (the leaf).
///
/// Available from `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` on. The peer has proved that it owns the certificate once the
/// handshake is COMPLETE.
///
/// - `TLS_STATUS_COMPLETE`: filled.
/// - `TLS_STATUS_INVALID_ARGUMENT`: also for a `certificate_index` that is not below
///   `tls_session_remote_certificate_count()`, for example 0 if the peer has sent no certificate.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_remote_certificate_info(
    session: *const tls_session_t,
    certificate_index: usize,
    out_info: *mut spantls_certificate_info_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fill_struct(host, first_size(), session, out_info, |session| {
        certificate::facts(&session.remote_certificate(certificate_index)?).map(|facts| describe(&facts))
    })
}

/// Copies what `spantls_certificate_text()` copies, of a certificate that the peer has sent: index 0 is its own (the leaf).
///
/// - `TLS_STATUS_COMPLETE`, `TLS_STATUS_BUFFER_TOO_SMALL`, `TLS_STATUS_NOT_SUPPORTED`: as `spantls_certificate_text()`.
/// - `TLS_STATUS_INVALID_ARGUMENT`: also as `tls_session_remote_certificate_info()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_remote_certificate_text(
    session: *const tls_session_t,
    certificate_index: usize,
    field: i32,
    index: usize,
    out_text: *mut c_char,
    text_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_text(host, session, out_text, text_cap, out_len, |session| {
        certificate::text(&session.remote_certificate(certificate_index)?, field_of(field)?, index)
    })
}

/// The size of the first version of the struct.
const fn first_size() -> usize {
    size_of::<spantls_certificate_info_t>()
}

fn describe(facts: &CertificateFacts) -> spantls_certificate_info_t {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    spantls_certificate_info_t {
        struct_size: 0,
        not_before: facts.not_before,
        not_after: facts.not_after,
        sha256: facts.sha256,
        public_key_sha256: facts.public_key_sha256,
        is_ca: i32::from(facts.is_ca),
        num_common_names: count(facts.num_common_names),
        num_dns_names: count(facts.num_dns_names),
        num_ip_addresses: count(facts.num_ip_addresses),
        num_uris: count(facts.num_uris),
        num_emails: count(facts.num_emails),
        num_other_names: count(facts.num_other_names),
        reserved: 0,
    }
}

fn field_of(number: i32) -> Result<Field> {
    use spantls_certificate_field_values::*;
    let values = [
        (SPANTLS_CERTIFICATE_SUBJECT as i32, Field::Subject),
        (SPANTLS_CERTIFICATE_ISSUER as i32, Field::Issuer),
        (SPANTLS_CERTIFICATE_COMMON_NAME as i32, Field::CommonName),
        (SPANTLS_CERTIFICATE_SERIAL_NUMBER as i32, Field::SerialNumber),
        (SPANTLS_CERTIFICATE_DNS_NAME as i32, Field::DnsName),
        (SPANTLS_CERTIFICATE_IP_ADDRESS as i32, Field::IpAddress),
        (SPANTLS_CERTIFICATE_URI as i32, Field::Uri),
        (SPANTLS_CERTIFICATE_EMAIL as i32, Field::Email),
    ];
    meaning(number, &values, "this is not a SPANTLS_CERTIFICATE value")
}

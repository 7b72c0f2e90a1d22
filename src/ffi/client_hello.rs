//! What a client said first.

use std::ffi::{c_char, c_void};

use super::getting::{copy_out, copy_text, fill_struct};
use super::handles::tls_session_t;
use super::host::Host;
use super::status::tls_status_t;
use crate::client_hello::{ClientHello, Span};
use crate::outcome::{Failure, Result};
use crate::session::Session;

/// Groups of key shares that `spantls_client_hello_info_t` has room for.
pub const SPANTLS_MAX_KEY_SHARES: usize = 16;

/// A part of the ClientHello: `len` bytes from `offset` of the message that `tls_session_client_hello()` copies. Both are 0 if it is
/// absent.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct spantls_part_t {
    /// Counted from the first byte of the message, its type.
    pub offset: u32,
    /// The number of bytes.
    pub len: u32,
}

/// The bits of `spantls_client_hello_info_t.offers`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum spantls_offer_values {
    /// TLS 1.3, in supported_versions.
    SPANTLS_OFFERS_TLS13 = 1,
    /// A pre-shared key: a session ticket to resume with (RFC 8446 section 4.2.11).
    SPANTLS_OFFERS_PRE_SHARED_KEY = 2,
    /// Early data (section 4.2.10). It is never accepted: up to 128 KiB are skipped, more ends the handshake with `unexpected_message`. The
    /// client sends the data again after the handshake.
    SPANTLS_OFFERS_EARLY_DATA = 4,
    /// To send a certificate after the handshake if asked (section 4.2.6).
    SPANTLS_OFFERS_POST_HANDSHAKE_AUTH = 8,
}

/// The contents of a ClientHello (RFC 8446 section 4.1.2). Set `struct_size` to its `sizeof`; later versions may add fields at the end.
///
/// Lists of numbers are in the message as big-endian 16-bit integers, `len / 2` of them, including GREASE values (RFC 8701).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct spantls_client_hello_info_t {
    /// In: `sizeof(spantls_client_hello_info_t)`.
    pub struct_size: usize,
    /// `SPANTLS_OFFERS_…` bits.
    pub offers: u32,
    /// 0x0303 in TLS 1.2 and 1.3.
    pub legacy_version: u16,
    /// The number of `key_share_groups`.
    pub num_key_share_groups: u16,
    /// The groups for which the client has sent key shares, in host byte order; at most the first 16.
    pub key_share_groups: [u16; SPANTLS_MAX_KEY_SHARES],
    /// 32 bytes.
    pub random: spantls_part_t,
    /// 0 to 32 bytes.
    pub session_id: spantls_part_t,
    /// A list of numbers.
    pub cipher_suites: spantls_part_t,
    /// The whole list of extensions: type, length and content of each.
    pub extensions: spantls_part_t,
    /// The host name of the server_name extension (SNI, RFC 6066 section 3), without length fields.
    pub server_name: spantls_part_t,
    /// A list of numbers.
    pub supported_versions: spantls_part_t,
    /// A list of numbers.
    pub supported_groups: spantls_part_t,
    /// A list of numbers.
    pub signature_algorithms: spantls_part_t,
    /// A list of numbers; if absent, `signature_algorithms` applies to certificates too.
    pub signature_algorithms_cert: spantls_part_t,
    /// Application protocols (ALPN, RFC 7301): before each name one byte with its length.
    pub alpn: spantls_part_t,
}

/// Copies a server's first ClientHello: the whole handshake message with its four-byte header, fragments joined.
///
/// It is available from `TLS_STATUS_NEEDS_SERVER_OPTIONS` until the handshake is COMPLETE, with `tls_options_set_keep_client_hello()` as
/// long as the session; otherwise, and on clients, it is empty. At most 65,539 bytes. A ClientHello that cannot be parsed ends the
/// handshake. Copy-out as `tls_session_negotiated_alpn()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_client_hello(
    session: *const tls_session_t,
    out_message: *mut c_void,
    message_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    copy_out(host, session, out_message, message_cap, out_len, |session| {
        Ok(session.client_hello().map(|hello| hello.raw().to_vec()).unwrap_or_default())
    })
}

/// Fills a struct with the contents of the ClientHello and their positions. Set `out_info->struct_size` first.
///
/// - `TLS_STATUS_COMPLETE`: filled.
/// - `TLS_STATUS_INVALID_ARGUMENT`: `out_info` is NULL or its `struct_size` is too small.
/// - `TLS_STATUS_INVALID_STATE`: there is no ClientHello: see `tls_session_client_hello()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_client_hello_info(
    session: *const tls_session_t,
    out_info: *mut spantls_client_hello_info_t,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    let first_size = size_of::<spantls_client_hello_info_t>();
    fill_struct(host, first_size, session, out_info, |session| hello(session).map(|hello| describe(&hello)))
}

/// Copies the JA3 fingerprint of the ClientHello: 32 hexadecimal digits, the MD5 of the text that `tls_session_ja3_text()` copies.
///
/// It is available as long as the ClientHello: see `tls_session_client_hello()`. Copy-out as `tls_session_target_host_name()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_ja3(
    session: *const tls_session_t,
    out_text: *mut c_char,
    text_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fingerprint(host, session, out_text, text_cap, out_len, ClientHello::ja3)
}

/// Copies the text of the JA3 fingerprint: version, cipher suites, extensions, groups and point formats as decimal numbers.
///
/// GREASE values (RFC 8701) are left out. Otherwise as `tls_session_ja3()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_ja3_text(
    session: *const tls_session_t,
    out_text: *mut c_char,
    text_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fingerprint(host, session, out_text, text_cap, out_len, ClientHello::ja3_string)
}

/// Copies the JA4 fingerprint of the ClientHello, 36 characters such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
///
/// Otherwise as `tls_session_ja3()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_ja4(
    session: *const tls_session_t,
    out_text: *mut c_char,
    text_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fingerprint(host, session, out_text, text_cap, out_len, ClientHello::ja4)
}

/// Copies the text of the JA4 fingerprint (its raw form, `JA4_r`). Otherwise as `tls_session_ja3()`.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn tls_session_ja4_text(
    session: *const tls_session_t,
    out_text: *mut c_char,
    text_cap: usize,
    out_len: *mut usize,
) -> tls_status_t {
    // SAFETY: the caller keeps the header's conventions.
    let host = unsafe { Host::keeps_the_conventions() };
    fingerprint(host, session, out_text, text_cap, out_len, ClientHello::ja4_r)
}

fn fingerprint(
    host: Host,
    session: *const tls_session_t,
    out: *mut c_char,
    cap: usize,
    out_len: *mut usize,
    make: impl FnOnce(&ClientHello) -> String,
) -> tls_status_t {
    copy_text(host, session, out, cap, out_len, |session| {
        Ok(session.client_hello().map(|hello| make(&hello)).unwrap_or_default())
    })
}

fn hello(session: &Session) -> Result<std::sync::Arc<ClientHello>> {
    session.client_hello().ok_or_else(|| Failure::state("there is no ClientHello: not yet, not kept, or a client"))
}

fn describe(hello: &ClientHello) -> spantls_client_hello_info_t {
    use spantls_offer_values::*;
    let parts = hello.parts();
    let mut offers = 0;
    for (offered, bit) in [
        (hello.offers_tls13(), SPANTLS_OFFERS_TLS13),
        (hello.offers_pre_shared_key(), SPANTLS_OFFERS_PRE_SHARED_KEY),
        (hello.offers_early_data(), SPANTLS_OFFERS_EARLY_DATA),
        (hello.offers_post_handshake_auth(), SPANTLS_OFFERS_POST_HANDSHAKE_AUTH),
    ] {
        if offered {
            offers |= bit as u32;
        }
    }
    let mut key_share_groups = [0; SPANTLS_MAX_KEY_SHARES];
    let mut num_key_share_groups = 0;
    for (slot, group) in key_share_groups.iter_mut().zip(hello.key_share_groups()) {
        *slot = group;
        num_key_share_groups += 1;
    }
    spantls_client_hello_info_t {
        struct_size: 0,
        offers,
        legacy_version: hello.legacy_version(),
        num_key_share_groups,
        key_share_groups,
        random: parts.random.into(),
        session_id: parts.session_id.into(),
        cipher_suites: parts.cipher_suites.into(),
        extensions: parts.extensions.into(),
        server_name: parts.server_name.into(),
        supported_versions: parts.supported_versions.into(),
        supported_groups: parts.supported_groups.into(),
        signature_algorithms: parts.signature_algorithms.into(),
        signature_algorithms_cert: parts.signature_algorithms_cert.into(),
        alpn: parts.alpn.into(),
    }
}

impl From<Span> for spantls_part_t {
    fn from(span: Span) -> Self {
        // A ClientHello has less than 2^17 bytes.
        Self { offset: span.offset as u32, len: span.len as u32 }
    }
}

impl From<Option<Span>> for spantls_part_t {
    fn from(span: Option<Span>) -> Self {
        span.map_or(Self::default(), Self::from)
    }
}

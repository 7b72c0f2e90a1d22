//! The grammar of a ClientHello.
//!
//! RFC 8446 section 6: what cannot be parsed, or has a length out of range, ends in decode_error.

use super::{Parts, Span, Unreadable};
use crate::limits::MAX_HANDSHAKE_MESSAGE;
use crate::outcome::Alert;
use crate::wire::extension_type::{self, *};
use crate::wire::extensions::{BadExtensions, Extensions};
use crate::wire::{HandshakeType, Reader};
use rustls::pki_types::ServerName;

/// Those that a second ClientHello repeats (RFC 8446 section 4.1.2).
pub(super) const LASTING: [u16; 18] = [
    SERVER_NAME,
    STATUS_REQUEST,
    SUPPORTED_GROUPS,
    EC_POINT_FORMATS,
    SIGNATURE_ALGORITHMS,
    ALPN,
    CLIENT_CERTIFICATE_TYPE,
    SERVER_CERTIFICATE_TYPE,
    EXTENDED_MASTER_SECRET,
    COMPRESS_CERTIFICATE,
    SUPPORTED_VERSIONS,
    PSK_KEY_EXCHANGE_MODES,
    CERTIFICATE_AUTHORITIES,
    POST_HANDSHAKE_AUTH,
    SIGNATURE_ALGORITHMS_CERT,
    TICKET_REQUEST,
    ECH_OUTER_EXTENSIONS,
    RENEGOTIATION_INFO,
];

/// Reads a whole handshake message: its `legacy_version`, and where its parts lie.
pub(super) fn message(raw: &[u8]) -> Result<(u16, Parts), Unreadable> {
    let mut message = Reader::new(raw);
    // RFC 8446 section 4.
    let handshake_type = message.u8().ok_or(malformed("an empty message is no ClientHello"))?;
    if HandshakeType(handshake_type) != HandshakeType::CLIENT_HELLO {
        return Err(Unreadable { alert: Alert::UNEXPECTED_MESSAGE, reason: "the message is no ClientHello" });
    }
    let len = message.u24().ok_or(malformed("the header of the ClientHello is cut short"))?;
    if len != message.rest().len() || len > MAX_HANDSHAKE_MESSAGE {
        return Err(malformed("the ClientHello has not the length that its header says"));
    }

    // RFC 8446 section 4.1.2.
    let legacy_version = message.u16().ok_or(malformed("legacy_version is cut short"))?;
    let random = message.take(32).ok_or(malformed("random is cut short"))?;
    let session_id = message.vector8(0).filter(|id| id.rest().len() <= 32);
    let session_id = session_id.ok_or(malformed("legacy_session_id is malformed"))?;
    let cipher_suites = u16_list16(&mut message).ok_or(malformed("cipher_suites is malformed"))?;
    let methods = message.vector8(1).ok_or(malformed("legacy_compression_methods is malformed"))?;
    // RFC 5246 section 7.4.1.2. TLS 1.3 wants nothing else among them, which rustls sees to once it has the version.
    if !methods.rest().contains(&0) {
        return Err(illegal("the null compression method is not offered"));
    }
    let mut parts = Parts {
        random: span(random),
        session_id: span(session_id),
        cipher_suites: span(cipher_suites),
        compression_methods: span(methods),
        ..Parts::default()
    };

    // RFC 5246 section 7.4.1.2: there may be no extensions at all, and the list may be empty.
    if !message.is_empty() {
        let list = message.vector16(0).ok_or(malformed("the extensions are cut short"))?;
        parts.extensions = Some(span(list));
        extensions(list, &mut parts)?;
    }
    if !message.is_empty() {
        return Err(malformed("there are bytes after the extensions"));
    }
    Ok((legacy_version, parts))
}

fn extensions(list: Reader<'_>, parts: &mut Parts) -> Result<(), Unreadable> {
    let mut list = Extensions::new(list);
    while let Some((extension_type, contents)) = list.next().map_err(|fault| match fault {
        BadExtensions::CutShort => malformed("an extension is cut short"),
        BadExtensions::ListedTwice => illegal("an extension is listed twice"),
    })? {
        extension(extension_type, contents, parts)?;
        // RFC 8446 section 4.2.11.
        if extension_type == extension_type::PRE_SHARED_KEY && !list.is_empty() {
            return Err(illegal("pre_shared_key is not the last extension"));
        }
    }
    Ok(())
}

fn extension(extension_type: u16, contents: Reader<'_>, parts: &mut Parts) -> Result<(), Unreadable> {
    match extension_type {
        SERVER_NAME => parts.server_name = server_name(contents)?,
        // RFC 8446 section 4.2.7.
        SUPPORTED_GROUPS => parts.supported_groups = list(contents, u16_list16, "supported_groups is malformed")?,
        // RFC 8446 section 4.2.3.
        SIGNATURE_ALGORITHMS => {
            parts.signature_algorithms = list(contents, u16_list16, "signature_algorithms is malformed")?
        }
        SIGNATURE_ALGORITHMS_CERT => {
            parts.signature_algorithms_cert = list(contents, u16_list16, "signature_algorithms_cert is malformed")?
        }
        // RFC 8446 section 4.2.1.
        SUPPORTED_VERSIONS => parts.supported_versions = list(contents, u16_list8, "supported_versions is malformed")?,
        KEY_SHARE => parts.client_shares = list(contents, client_shares, "key_share is malformed")?,
        ALPN => parts.alpn = list(contents, protocol_name_list, "the list of application protocols is malformed")?,
        // RFC 8422 section 5.1.2.
        EC_POINT_FORMATS => parts.ec_point_formats = list(contents, u8_list8, "ec_point_formats is malformed")?,
        // RFC 8446 section 4.2.9.
        PSK_KEY_EXCHANGE_MODES => {
            parts.psk_key_exchange_modes = list(contents, u8_list8, "psk_key_exchange_modes is malformed")?
        }
        CERTIFICATE_AUTHORITIES => {
            parts.certificate_authorities = list(contents, authorities, "certificate_authorities is malformed")?
        }
        PRE_SHARED_KEY => whole(contents, offered_psks, "pre_shared_key is malformed")?,
        // RFC 8446 section 4.2.10.
        EARLY_DATA => whole(contents, |_| Some(()), "early_data is not empty")?,
        // RFC 8446 section 4.2.6.
        POST_HANDSHAKE_AUTH => whole(contents, |_| Some(()), "post_handshake_auth is not empty")?,
        // RFC 8446 section 4.2.2.
        COOKIE => whole(contents, |cookie| cookie.vector16(1).map(drop), "cookie is malformed")?,
        STATUS_REQUEST => whole(contents, status_request, "status_request is malformed")?,
        // RFC 7250 section 3.
        CLIENT_CERTIFICATE_TYPE | SERVER_CERTIFICATE_TYPE => {
            whole(contents, u8_list8, "a list of certificate types is malformed").map(drop)?
        }
        EXTENDED_MASTER_SECRET => whole(contents, |_| Some(()), "extended_master_secret is not empty")?,
        COMPRESS_CERTIFICATE => whole(contents, u16_list8, "compress_certificate is malformed").map(drop)?,
        TICKET_REQUEST => whole(contents, |counts| counts.take(2).map(drop), "ticket_request is malformed")?,
        RENEGOTIATION_INFO => whole(contents, |info| info.vector8(0).map(drop), "renegotiation_info is malformed")?,
        ENCRYPTED_CLIENT_HELLO => whole(contents, encrypted_client_hello, "encrypted_client_hello is malformed")?,
        ECH_OUTER_EXTENSIONS => whole(contents, u16_list8, "ech_outer_extensions is malformed").map(drop)?,
        _ => {}
    }
    Ok(())
}

/// RFC 6066 section 3: names of other types begin with a length of two bytes. After the host name they are passed over; rustls
/// refuses a list that begins with one. As in rustls an IP address counts as no name, and any other text that is no DNS name is refused.
fn server_name(mut contents: Reader<'_>) -> Result<Option<Span>, Unreadable> {
    const MALFORMED: Unreadable = malformed("server_name is malformed");
    let mut list = contents.vector16(1).filter(|_| contents.is_empty()).ok_or(MALFORMED)?;
    let mut host_name = None;
    while !list.is_empty() {
        let name_type = list.u8().ok_or(MALFORMED)?;
        let text = list.vector16(usize::from(name_type == HOST_NAME)).ok_or(MALFORMED)?;
        if name_type != HOST_NAME && host_name.is_none() {
            return Err(illegal("server_name does not begin with a host name"));
        }
        if name_type == HOST_NAME && host_name.replace(text).is_some() {
            return Err(illegal("server_name has two host names"));
        }
    }
    let text = host_name.ok_or(illegal("server_name has no host name"))?;
    match ServerName::try_from(text.rest()) {
        // The name is the text, or all of it but the dot at its end.
        Ok(ServerName::DnsName(name)) => {
            Ok(Some(Span { len: name.as_ref().len().min(text.rest().len()), ..span(text) }))
        }
        Ok(ServerName::IpAddress(_)) => Ok(None),
        _ => Err(illegal("the host name in server_name is no DNS name")),
    }
}

/// RFC 8446 section 4.2.8.
fn client_shares<'a>(contents: &mut Reader<'a>) -> Option<Reader<'a>> {
    contents.vector16(0)?.list_of(key_share_entry)
}

/// The group of the KeyShareEntry at the front of `shares`.
pub(super) fn key_share_entry(shares: &mut Reader<'_>) -> Option<u16> {
    let group = shares.u16()?;
    shares.vector16(1)?;
    Some(group)
}

/// RFC 7301 section 3.1.
fn protocol_name_list<'a>(contents: &mut Reader<'a>) -> Option<Reader<'a>> {
    contents.vector16(2)?.list_of(|names| names.vector8(1))
}

/// RFC 8446 section 4.2.4.
fn authorities<'a>(contents: &mut Reader<'a>) -> Option<Reader<'a>> {
    contents.vector16(3)?.list_of(|names| names.vector16(1))
}

/// RFC 8446 section 4.2.11. That there is one binder to each identity is for those who use them.
fn offered_psks(contents: &mut Reader<'_>) -> Option<()> {
    contents.vector16(7)?.list_of(|identities| {
        identities.vector16(1)?;
        identities.u32() // obfuscated_ticket_age
    })?;
    contents.vector16(33)?.list_of(|binders| binders.vector8(32)).map(drop)
}

/// RFC 6066 section 8, or of a type that is not known.
fn status_request(contents: &mut Reader<'_>) -> Option<()> {
    if contents.u8()? != OCSP {
        contents.take(contents.rest().len())?;
        return Some(());
    }
    contents.vector16(0)?.list_of(|responders| responders.vector16(0))?;
    contents.vector16(0).map(drop)
}

/// RFC 9849 section 5.
fn encrypted_client_hello(contents: &mut Reader<'_>) -> Option<()> {
    match contents.u8()? {
        // Outer: cipher_suite and config_id, enc, payload.
        0 => {
            contents.take(5)?;
            contents.vector16(0)?;
            contents.vector16(1).map(drop)
        }
        // Inner.
        1 => Some(()),
        _ => None,
    }
}

/// What `read` finds, if it leaves nothing of the contents.
fn whole<'a, T>(
    contents: Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Option<T>,
    reason: &'static str,
) -> Result<T, Unreadable> {
    contents.whole(read).ok_or(malformed(reason))
}

/// Where the list is that `read` finds in the contents, and nothing else.
fn list<'a>(
    contents: Reader<'a>,
    read: fn(&mut Reader<'a>) -> Option<Reader<'a>>,
    reason: &'static str,
) -> Result<Option<Span>, Unreadable> {
    whole(contents, read, reason).map(|list| Some(span(list)))
}

fn span(part: Reader<'_>) -> Span {
    Span { offset: part.offset(), len: part.rest().len() }
}

/// A list of one-byte numbers, not empty, after a length of one byte.
fn u8_list8<'a>(contents: &mut Reader<'a>) -> Option<Reader<'a>> {
    contents.vector8(1)
}

/// A list of two-byte numbers, not empty, after a length of one byte.
fn u16_list8<'a>(contents: &mut Reader<'a>) -> Option<Reader<'a>> {
    contents.vector8(2).filter(|list| list.rest().len().is_multiple_of(2))
}

/// The same after a length of two bytes.
fn u16_list16<'a>(contents: &mut Reader<'a>) -> Option<Reader<'a>> {
    contents.vector16(2).filter(|list| list.rest().len().is_multiple_of(2))
}

const fn malformed(reason: &'static str) -> Unreadable {
    Unreadable { alert: Alert::DECODE_ERROR, reason }
}

const fn illegal(reason: &'static str) -> Unreadable {
    Unreadable { alert: Alert::ILLEGAL_PARAMETER, reason }
}

/// NameType, RFC 6066 section 3.
const HOST_NAME: u8 = 0;
/// CertificateStatusType, RFC 6066 section 8.
const OCSP: u8 = 1;

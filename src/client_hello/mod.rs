//! The ClientHello (RFC 8446 section 4.1.2), read before rustls sees it, so that a server can choose a context by it.
//!
//! [`ClientHello::read`] checks the grammar of the message and of the extensions known here, among them all that
//! rustls reads: what rustls could not decode is refused before a host is asked about it. What depends on the context
//! (versions, suites, groups) is left to rustls. Extensions that are not known are passed over.

mod fingerprint;
mod read;
#[cfg(test)]
pub(crate) mod tests;

use crate::outcome::Alert;
use crate::wire::extensions::extension;
use crate::wire::{Reader, extension_type as ext};

/// Why a ClientHello cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What the peer is told.
    pub alert: Alert,
    /// What is wrong, for a log.
    pub reason: &'static str,
}

/// Bytes of the message: it always lies inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Where the first byte is, counted from the message's type byte.
    pub offset: usize,
    /// How many bytes there are.
    pub len: usize,
}

/// Where the parts of a ClientHello lie, without the lengths in front of them. An optional part that is `None` was not
/// sent; one of length zero was sent empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// `random`, 32 bytes.
    pub random: Span,
    /// `legacy_session_id`, at most 32 bytes.
    pub session_id: Span,
    /// `cipher_suites`: two bytes each, at least one.
    pub cipher_suites: Span,
    /// `legacy_compression_methods`: one byte each, with the null method among them.
    pub compression_methods: Span,
    /// `extensions`: type and length, two bytes each, and contents, again and again.
    pub extensions: Option<Span>,
    /// The text of the host name in `server_name`, without a dot at its end. `None` if it is an IP address too.
    pub server_name: Option<Span>,
    /// `supported_versions`: two bytes each, at least one.
    pub supported_versions: Option<Span>,
    /// `supported_groups`: two bytes each, at least one.
    pub supported_groups: Option<Span>,
    /// `client_shares` of `key_share`: group and length, two bytes each, and key, again and again; perhaps none.
    pub client_shares: Option<Span>,
    /// `signature_algorithms`: two bytes each, at least one.
    pub signature_algorithms: Option<Span>,
    /// `signature_algorithms_cert`: two bytes each, at least one.
    pub signature_algorithms_cert: Option<Span>,
    /// `protocol_name_list` of ALPN: a length of one byte and a name, again and again, at least once.
    pub alpn: Option<Span>,
    /// `ec_point_formats`: one byte each, at least one.
    pub ec_point_formats: Option<Span>,
    /// `psk_key_exchange_modes`: one byte each, at least one.
    pub psk_key_exchange_modes: Option<Span>,
    /// `certificate_authorities`: a length of two bytes and a distinguished name, again and again, at least once.
    pub certificate_authorities: Option<Span>,
}

/// A complete ClientHello handshake message (four-byte header included) and where its parts lie.
#[derive(Clone, Debug)]
pub struct ClientHello {
    raw: Box<[u8]>,
    legacy_version: u16,
    parts: Parts,
}

impl ClientHello {
    /// Reads `raw`, the whole handshake message: type 1, length, body; fragments already joined.
    pub fn read(raw: Vec<u8>) -> Result<Self, Unreadable> {
        let (legacy_version, parts) = read::message(&raw)?;
        Ok(Self { raw: raw.into_boxed_slice(), legacy_version, parts })
    }

    /// The message, as it was given.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Where everything is in [`raw`](Self::raw).
    pub fn parts(&self) -> Parts {
        self.parts
    }

    /// `legacy_version`: 0x0303 in TLS 1.2 and 1.3; lower ones are not refused here.
    pub fn legacy_version(&self) -> u16 {
        self.legacy_version
    }

    /// `random`: 32 bytes.
    pub fn random(&self) -> &[u8] {
        self.bytes(self.parts.random)
    }

    /// `legacy_session_id`: at most 32 bytes.
    pub fn session_id(&self) -> &[u8] {
        self.bytes(self.parts.session_id)
    }

    /// `cipher_suites`, in the client's order.
    pub fn cipher_suites(&self) -> impl Iterator<Item = u16> {
        self.u16s(Some(self.parts.cipher_suites))
    }

    /// `legacy_compression_methods`: at least one.
    pub fn compression_methods(&self) -> &[u8] {
        self.bytes(self.parts.compression_methods)
    }

    /// The types of all extensions, in the client's order.
    pub fn extension_types(&self) -> impl Iterator<Item = u16> {
        self.extensions().map(|(extension_type, _)| extension_type)
    }

    /// The contents of the extension of this type, if there is one.
    pub fn extension(&self, extension_type: u16) -> Option<&[u8]> {
        self.extensions().find(|(found, _)| *found == extension_type).map(|(_, contents)| contents)
    }

    /// The DNS name that the client wants, as it was sent (capital letters stay), without a dot at its end. `None` if
    /// it named none, or an IP address, which RFC 6066 section 3 does not allow and which rustls passes over.
    pub fn server_name(&self) -> Option<&str> {
        str::from_utf8(self.bytes(self.parts.server_name?)).ok()
    }

    /// `supported_versions`, in the client's order; none if it was not sent.
    pub fn supported_versions(&self) -> impl Iterator<Item = u16> {
        self.u16s(self.parts.supported_versions)
    }

    /// `supported_groups`, in the client's order; none if it was not sent.
    pub fn supported_groups(&self) -> impl Iterator<Item = u16> {
        self.u16s(self.parts.supported_groups)
    }

    /// The groups that `key_share` has keys for, in the client's order; none if it was not sent.
    pub fn key_share_groups(&self) -> impl Iterator<Item = u16> {
        let mut shares = Reader::new(self.optional(self.parts.client_shares));
        std::iter::from_fn(move || read::key_share_entry(&mut shares))
    }

    /// `signature_algorithms`, in the client's order; none if it was not sent.
    pub fn signature_algorithms(&self) -> impl Iterator<Item = u16> {
        self.u16s(self.parts.signature_algorithms)
    }

    /// `signature_algorithms_cert`, in the client's order; none if it was not sent, and then
    /// [`signature_algorithms`](Self::signature_algorithms) holds for certificates too (RFC 8446 section 4.2.3).
    pub fn signature_algorithms_cert(&self) -> impl Iterator<Item = u16> {
        self.u16s(self.parts.signature_algorithms_cert)
    }

    /// The application protocols, in the client's order; none if ALPN was not sent.
    pub fn alpn(&self) -> impl Iterator<Item = &[u8]> {
        let mut names = Reader::new(self.optional(self.parts.alpn));
        std::iter::from_fn(move || names.vector8(1).map(Reader::rest))
    }

    /// `ec_point_formats`; empty if it was not sent.
    pub fn ec_point_formats(&self) -> &[u8] {
        self.optional(self.parts.ec_point_formats)
    }

    /// Whether TLS 1.3 is among the supported versions: without the extension it is not (RFC 8446 section 4.2.1).
    pub fn offers_tls13(&self) -> bool {
        self.supported_versions().any(|version| version == TLS13)
    }

    /// Whether TLS 1.2 is among the supported versions, or, without the extension, allowed by `legacy_version` (RFC 8446 section 4.2.1).
    pub fn offers_tls12(&self) -> bool {
        match self.parts.supported_versions {
            Some(_) => self.supported_versions().any(|version| version == TLS12),
            None => self.legacy_version >= TLS12,
        }
    }

    /// Whether `pre_shared_key` was sent.
    pub fn offers_pre_shared_key(&self) -> bool {
        self.extension(ext::PRE_SHARED_KEY).is_some()
    }

    /// Whether `early_data` was sent.
    pub fn offers_early_data(&self) -> bool {
        self.extension(ext::EARLY_DATA).is_some()
    }

    /// Whether `post_handshake_auth` was sent.
    pub fn offers_post_handshake_auth(&self) -> bool {
        self.extension(ext::POST_HANDSHAKE_AUTH).is_some()
    }

    /// Whether `renegotiation_info` refers to an earlier handshake, though there was none (RFC 5746 section 3.6).
    pub(crate) fn renegotiates(&self) -> bool {
        self.extension(ext::RENEGOTIATION_INFO).is_some_and(|info| info != [0])
    }

    /// Whether the client wants TLS 1.3 without an extension that this needs. A server that speaks TLS 1.3 must answer
    /// with `missing_extension`.
    pub fn missing_extension(&self) -> bool {
        if !self.offers_tls13() {
            return false;
        }
        let (groups, shares) = (self.parts.supported_groups.is_some(), self.parts.client_shares.is_some());
        // RFC 8446 section 9.2; section 4.2.9 for the modes.
        match self.offers_pre_shared_key() {
            true if self.parts.psk_key_exchange_modes.is_none() => true,
            false if !groups || self.parts.signature_algorithms.is_none() => true,
            _ => groups != shares,
        }
    }

    /// Whether `second`, the answer to a HelloRetryRequest, says the same of the client. RFC 8446 section 4.1.2: it differs in
    /// `key_share`, `early_data`, `cookie`, `pre_shared_key` and `padding` alone; RFC 9849 section 6.1.5 has another
    /// `encrypted_client_hello`. Extensions that are not known here are passed over.
    pub(crate) fn is_repeated_by(&self, second: &Self) -> bool {
        self.legacy_version == second.legacy_version
            && self.random() == second.random()
            && self.session_id() == second.session_id()
            && self.bytes(self.parts.cipher_suites) == second.bytes(second.parts.cipher_suites)
            && self.compression_methods() == second.compression_methods()
            && read::LASTING.iter().all(|number| self.extension(*number) == second.extension(*number))
    }

    fn extensions(&self) -> impl Iterator<Item = (u16, &[u8])> {
        let mut extensions = Reader::new(self.optional(self.parts.extensions));
        std::iter::from_fn(move || {
            extension(&mut extensions).map(|(extension_type, contents)| (extension_type, contents.rest()))
        })
    }

    fn bytes(&self, span: Span) -> &[u8] {
        // Spans lie inside the message they were read from.
        self.raw.get(span.offset..).and_then(|bytes| bytes.get(..span.len)).unwrap_or_default()
    }

    fn optional(&self, span: Option<Span>) -> &[u8] {
        span.map(|span| self.bytes(span)).unwrap_or_default()
    }

    fn u16s(&self, span: Option<Span>) -> impl Iterator<Item = u16> {
        self.optional(span).as_chunks().0.iter().copied().map(u16::from_be_bytes)
    }
}

/// RFC 8446 section 4.2.1.
const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

//! Subject alternative names (RFC 5280 section 4.2.1.6) as text.

use std::net::IpAddr;

use asn1::{SequenceOf, Tlv};

use super::structure::{SUBJECT_ALT_NAME, ToBeSigned};
use super::{malformed, only};
use crate::limits::MAX_ALTERNATIVE_NAMES;
use crate::outcome::{Failure, Result};

/// The kinds of names that have a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameKind {
    Dns,
    IpAddress,
    Uri,
    Email,
}

/// The names of a certificate.
pub(super) struct AlternativeNames<'a>(Option<SequenceOf<'a, Tlv<'a>>>);

impl<'a> AlternativeNames<'a> {
    pub(super) fn of(signed: &ToBeSigned<'a>) -> Result<Self> {
        let names = only(signed, &SUBJECT_ALT_NAME)?.map(asn1::parse_single);
        let names: Option<SequenceOf<'a, Tlv<'a>>> = names.transpose().map_err(|_| malformed("subjectAltName"))?;
        match names {
            Some(names) if names.len() > MAX_ALTERNATIVE_NAMES => Err(Failure::argument(format!(
                "the certificate has more than {MAX_ALTERNATIVE_NAMES} alternative names"
            ))),
            names => Ok(Self(names)),
        }
    }

    /// How many names of this kind there are; `None` counts those that have no text.
    pub(super) fn count(&self, kind: Option<NameKind>) -> usize {
        self.all().filter(|name| kind_of(name) == kind).count()
    }

    /// The text of a name of this kind.
    pub(super) fn text(&self, kind: NameKind, index: usize) -> Option<Result<String>> {
        self.all().filter(|name| kind_of(name) == Some(kind)).nth(index).map(|name| match kind {
            NameKind::Dns => graphic(name.data(), "a DNS name"),
            NameKind::Uri => graphic(name.data(), "a URI"),
            NameKind::Email => graphic(name.data(), "an e-mail address"),
            NameKind::IpAddress => address(name.data()),
        })
    }

    fn all(&self) -> impl Iterator<Item = Tlv<'a>> + use<'a> {
        self.0.clone().into_iter().flatten()
    }
}

/// The tags of GeneralName.
fn kind_of(name: &Tlv<'_>) -> Option<NameKind> {
    match name.tag().as_u8()? {
        0x81 => Some(NameKind::Email),
        0x82 => Some(NameKind::Dns),
        0x86 => Some(NameKind::Uri),
        0x87 => Some(NameKind::IpAddress),
        _ => None,
    }
}

/// Visible ASCII. Nothing else is part of such a name, and a NUL or a blank in one is an attempt to deceive: it is not
/// handed out in any form.
fn graphic(name: &[u8], what: &str) -> Result<String> {
    match std::str::from_utf8(name) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err(Failure::not_supported(format!("{what} of the certificate has bytes that are not visible ASCII"))),
    }
}

/// Four or sixteen bytes; IPv6 as RFC 5952 has it.
fn address(octets: &[u8]) -> Result<String> {
    let address = <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .map_err(|_| Failure::not_supported("an IP address of the certificate has neither 4 nor 16 bytes"))?;
    Ok(address.to_string())
}

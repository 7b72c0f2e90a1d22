//! The structures of RFC 5280 appendix A, as far as they are read here. The parser accepts DER alone; what a rule does not
//! need is kept as it is, so that it cannot make a certificate unreadable.

#![allow(dead_code, reason = "what nothing asks for must be well-formed all the same")]
#![allow(clippy::result_large_err, reason = "asn1's own error, in what its derives make")]

use asn1::{Asn1Read, BitString, ObjectIdentifier, SequenceOf, SetOf, Tlv, oid};

pub(crate) const BASIC_CONSTRAINTS: ObjectIdentifier = oid!(2, 5, 29, 19);
pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = oid!(2, 5, 29, 17);

/// Section 4.1.
#[derive(Asn1Read)]
pub(crate) struct Certificate<'a> {
    pub(crate) signed: ToBeSigned<'a>,
    pub(crate) algorithm: Tlv<'a>,
    pub(crate) signature: BitString<'a>,
}

/// TBSCertificate, section 4.1.2.
#[derive(Asn1Read)]
pub(crate) struct ToBeSigned<'a> {
    /// One less than it is called; absent in version 1.
    #[explicit(0)]
    pub(crate) version: Option<u8>,
    pub(crate) serial_number: Tlv<'a>,
    pub(crate) algorithm: Tlv<'a>,
    pub(crate) issuer: Tlv<'a>,
    pub(crate) validity: Validity<'a>,
    pub(crate) subject: Tlv<'a>,
    pub(crate) public_key: Tlv<'a>,
    #[implicit(1)]
    pub(crate) issuer_id: Option<BitString<'a>>,
    #[implicit(2)]
    pub(crate) subject_id: Option<BitString<'a>>,
    #[explicit(3)]
    pub(crate) extensions: Option<SequenceOf<'a, Extension<'a>>>,
}

/// Section 4.1.2.5. Each is a [`Time`].
#[derive(Asn1Read)]
pub(crate) struct Validity<'a> {
    pub(crate) not_before: Tlv<'a>,
    pub(crate) not_after: Tlv<'a>,
}

/// Section 4.2. `critical` is FALSE by default; an encoded FALSE, which DER forbids, is met in certificates.
#[derive(Asn1Read)]
pub(crate) struct Extension<'a> {
    pub(crate) identifier: ObjectIdentifier,
    pub(crate) critical: Option<bool>,
    pub(crate) value: &'a [u8],
}

/// Section 4.2.1.9.
#[derive(Asn1Read)]
pub(crate) struct BasicConstraints<'a> {
    pub(crate) ca: Option<bool>,
    pub(crate) path_length: Option<asn1::BigUint<'a>>,
}

/// RDNSequence, section 4.1.2.4.
pub(crate) type Name<'a> = SequenceOf<'a, SetOf<'a, Attribute<'a>>>;

/// AttributeTypeAndValue.
#[derive(Asn1Read)]
pub(crate) struct Attribute<'a> {
    pub(crate) kind: ObjectIdentifier,
    pub(crate) value: Tlv<'a>,
}

impl<'a> ToBeSigned<'a> {
    pub(crate) fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        self.extensions.clone().into_iter().flatten()
    }
}

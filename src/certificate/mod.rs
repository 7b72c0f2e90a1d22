//! What a certificate says, for hosts that decide by it. Whether it says the truth is the business of `trust`.

mod alternative_names;
mod distinguished_name;
pub(crate) mod structure;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod time;

use asn1::{BigInt, ObjectIdentifier, SequenceOf, Tlv};

use self::alternative_names::{AlternativeNames, NameKind};
use self::structure::{BASIC_CONSTRAINTS, BasicConstraints, Certificate, Name, ToBeSigned};
use crate::crypto::provider::digest::{SHA256, digest};
use crate::limits::MAX_CERTIFICATE;
use crate::outcome::{Failure, Result};

/// What has a fixed size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateFacts {
    /// Seconds from the Unix epoch on, negative before it.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) sha256: [u8; 32],
    /// Of the SubjectPublicKeyInfo (RFC 7469 section 2.4).
    pub(crate) public_key_sha256: [u8; 32],
    pub(crate) is_ca: bool,
    pub(crate) num_common_names: usize,
    pub(crate) num_dns_names: usize,
    pub(crate) num_ip_addresses: usize,
    pub(crate) num_uris: usize,
    pub(crate) num_emails: usize,
    pub(crate) num_other_names: usize,
}

/// What is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Subject,
    Issuer,
    CommonName,
    SerialNumber,
    DnsName,
    IpAddress,
    Uri,
    Email,
}

/// What is read of a certificate before any question about it is answered: of one that is malformed, none is.
struct ReadCertificate<'a> {
    signed: ToBeSigned<'a>,
    not_before: i64,
    not_after: i64,
    subject: Name<'a>,
    alternative_names: AlternativeNames<'a>,
    is_ca: bool,
}

impl<'a> ReadCertificate<'a> {
    fn read(der: &'a [u8]) -> Result<Self> {
        let signed = read(der)?.signed;
        let date = |time: &Tlv<'_>| {
            let seconds = time.tag().as_u8().and_then(|tag| time::seconds(tag, time.data()));
            seconds.ok_or_else(|| malformed("validity"))
        };
        Ok(Self {
            not_before: date(&signed.validity.not_before)?,
            not_after: date(&signed.validity.not_after)?,
            subject: name(&signed.subject, "subject")?,
            alternative_names: AlternativeNames::of(&signed)?,
            is_ca: is_ca(&signed)?,
            signed,
        })
    }
}

/// The facts of a certificate, all of them or none.
pub(crate) fn facts(der: &[u8]) -> Result<CertificateFacts> {
    let ReadCertificate { signed, not_before, not_after, subject, alternative_names: names, is_ca } =
        ReadCertificate::read(der)?;
    Ok(CertificateFacts {
        not_before,
        not_after,
        sha256: sha256(der),
        public_key_sha256: sha256(signed.public_key.full_data()),
        is_ca,
        num_common_names: distinguished_name::common_names(&subject).count(),
        num_dns_names: names.count(Some(NameKind::Dns)),
        num_ip_addresses: names.count(Some(NameKind::IpAddress)),
        num_uris: names.count(Some(NameKind::Uri)),
        num_emails: names.count(Some(NameKind::Email)),
        num_other_names: names.count(None),
    })
}

/// Fails for what is not a certificate.
pub(crate) fn check(der: &[u8]) -> Result<()> {
    read(der).map(drop)
}

/// One value of a field. `index` counts the values that the certificate has of it, in its order. What has no facts has no texts.
pub(crate) fn text(der: &[u8], field: Field, index: usize) -> Result<String> {
    let ReadCertificate { signed, subject, alternative_names, .. } = ReadCertificate::read(der)?;
    let single = |value: String| (index == 0).then_some(Ok(value));
    let value = match field {
        Field::Subject => single(full_name(&subject, "subject")?),
        Field::Issuer => single(full_name(&name(&signed.issuer, "issuer")?, "issuer")?),
        Field::SerialNumber => single(serial_number(&signed)?),
        Field::CommonName => distinguished_name::common_names(&subject).nth(index).map(plain),
        Field::DnsName => alternative_names.text(NameKind::Dns, index),
        Field::IpAddress => alternative_names.text(NameKind::IpAddress, index),
        Field::Uri => alternative_names.text(NameKind::Uri, index),
        Field::Email => alternative_names.text(NameKind::Email, index),
    };
    value.unwrap_or_else(|| Err(Failure::argument("the certificate has no value of this index")))
}

/// Whether this can be read, by the rules of `structure` and those of RFC 5280 that every reader must keep.
fn read(der: &[u8]) -> Result<Certificate<'_>> {
    if der.len() > MAX_CERTIFICATE {
        return Err(Failure::argument(format!("the certificate is longer than {MAX_CERTIFICATE} bytes")));
    }
    asn1::parse_single::<Certificate<'_>>(der)
        .ok()
        .filter(|certificate| certificate.signed.version.is_none_or(|version| version <= 2))
        .ok_or_else(|| Failure::argument("this is not one X.509 certificate in DER"))
}

fn malformed(part: &str) -> Failure {
    Failure::argument(format!("the certificate's {part} cannot be read"))
}

/// The value of an extension, which must not be there twice (RFC 5280 section 4.2).
fn only<'a>(signed: &ToBeSigned<'a>, identifier: &ObjectIdentifier) -> Result<Option<&'a [u8]>> {
    let mut found = signed.extensions().filter(|extension| extension.identifier == *identifier);
    match (found.next(), found.next()) {
        (Some(_), Some(_)) => Err(Failure::argument("the certificate has an extension twice")),
        (extension, _) => Ok(extension.map(|extension| extension.value)),
    }
}

fn is_ca(signed: &ToBeSigned<'_>) -> Result<bool> {
    let Some(value) = only(signed, &BASIC_CONSTRAINTS)? else { return Ok(false) };
    let constraints: BasicConstraints<'_> = asn1::parse_single(value).map_err(|_| malformed("basicConstraints"))?;
    Ok(constraints.ca == Some(true))
}

fn name<'a>(name: &Tlv<'a>, part: &str) -> Result<Name<'a>> {
    name.parse::<SequenceOf<'_, _>>().map_err(|_| malformed(part))
}

fn full_name(name: &Name<'_>, part: &str) -> Result<String> {
    distinguished_name::text(name).ok_or_else(|| malformed(part))
}

/// A value by itself, which nothing escapes: with a character in it that would be escaped because it is not seen, it is not
/// handed out.
fn plain(value: Option<String>) -> Result<String> {
    value.filter(|value| !value.chars().any(distinguished_name::is_unseen)).ok_or_else(|| {
        Failure::not_supported("a common name of the certificate is not text, or has control or invisible characters")
    })
}

/// Hexadecimal, two digits for each byte; a negative one, which RFC 5280 does not allow, as OpenSSL has it.
fn serial_number(signed: &ToBeSigned<'_>) -> Result<String> {
    let number: BigInt<'_> = signed.serial_number.parse().map_err(|_| malformed("serial number"))?;
    let bytes = number.as_bytes();
    if number.is_negative() {
        return Ok(format!("-{}", upper_hex(significant(&negated(bytes)))));
    }
    Ok(upper_hex(significant(bytes)))
}

/// The magnitude of a negative number in two's complement.
fn negated(bytes: &[u8]) -> Vec<u8> {
    let mut magnitude: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    for byte in magnitude.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            break;
        }
    }
    magnitude
}

/// Without the zero in front that keeps a number positive.
fn significant(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0, rest @ ..] if !rest.is_empty() => rest,
        _ => bytes,
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn upper_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

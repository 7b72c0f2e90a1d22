//! A certificate's fields, read once (RFC 5280 section 4.1), for the rules that webpki leaves out: `anchors` and `strict`.

use std::ops::Range;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use webpki::Error;

use super::fields;
use crate::certificate::time;
use crate::der::{BOOLEAN, INTEGER, OCTET_STRING, SEQUENCE, any_element, element, inside};

pub(super) use super::fields::KEY_CERT_SIGN;

pub(super) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
pub(super) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
pub(super) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];

const VERSION: u8 = 0xa0;
// Of an authority key identifier (section 4.2.1.1).
const KEY_IDENTIFIER: u8 = 0x80;
const AUTHORITY_CERT_ISSUER: u8 = 0xa1;
const AUTHORITY_CERT_SERIAL_NUMBER: u8 = 0x82;

/// The parts of a certificate; slices are contents, without tag and length.
#[derive(Clone)]
pub(super) struct CertificateFields<'a> {
    der: &'a [u8],
    pub(super) version: u8,
    pub(super) serial: &'a [u8],
    /// The algorithm in what is signed, and the one beside the signature.
    pub(super) algorithms: [&'a [u8]; 2],
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) validity: Range<usize>,
    /// The same with its tag and length.
    pub(super) whole_validity: Range<usize>,
    pub(super) has_extensions: bool,
}

/// Section 4.2.1.9.
#[derive(Clone, Copy)]
pub(super) struct CaConstraints {
    pub(super) ca: bool,
    pub(super) path_length: Option<usize>,
}

/// Section 4.2.1.1.
pub(super) struct AuthorityKeyIdentifier<'a> {
    pub(super) key: Option<&'a [u8]>,
    pub(super) issuer: Option<&'a [u8]>,
    pub(super) serial: Option<&'a [u8]>,
}

impl<'a> CertificateFields<'a> {
    pub(super) fn read(der: &'a [u8]) -> Option<Self> {
        let mut outer = inside(der, 0..der.len(), SEQUENCE)?;
        let mut signed = element(der, &mut outer, SEQUENCE)?;
        let outer_algorithm = element(der, &mut outer, SEQUENCE)?;
        let version = match element(der, &mut signed, VERSION) {
            None => 1,
            Some(tagged) => match der[inside(der, tagged, INTEGER)?] {
                [number @ 0..=2] => number + 1,
                _ => return None,
            },
        };
        let serial = element(der, &mut signed, INTEGER)?;
        let algorithm = element(der, &mut signed, SEQUENCE)?;
        let issuer = element(der, &mut signed, SEQUENCE)?;
        let before_validity = signed.start;
        let validity = element(der, &mut signed, SEQUENCE)?;
        let whole_validity = before_validity..signed.start;
        let subject = element(der, &mut signed, SEQUENCE)?;
        Some(Self {
            der,
            version,
            serial: &der[serial],
            algorithms: [&der[algorithm], &der[outer_algorithm]],
            issuer: &der[issuer],
            subject: &der[subject],
            validity,
            whole_validity,
            has_extensions: fields::has_extensions(der),
        })
    }

    /// The contents of an extension, and whether it is critical.
    pub(super) fn extension(&self, identifier: &[u8]) -> Option<(bool, &'a [u8])> {
        fields::extension(self.der, identifier)
    }

    /// Malformed constraints are those of no CA.
    pub(super) fn basic_constraints(&self) -> Option<CaConstraints> {
        let (_, value) = self.extension(BASIC_CONSTRAINTS)?;
        let read = || {
            let mut fields = inside(value, 0..value.len(), SEQUENCE)?;
            let ca = element(value, &mut fields, BOOLEAN).is_some_and(|flag| value[flag] == [0xff]);
            let path_length = match element(value, &mut fields, INTEGER) {
                None => None,
                Some(number) => Some(small_number(&value[number])?),
            };
            fields.is_empty().then_some(CaConstraints { ca, path_length })
        };
        Some(read().unwrap_or(CaConstraints { ca: false, path_length: Some(0) }))
    }

    pub(super) fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|constraints| constraints.ca)
    }

    /// The first byte of the key usage's bits; 0 for a malformed one.
    pub(super) fn key_usage(&self) -> Option<u8> {
        fields::key_usage(self.der)
    }

    pub(super) fn subject_key_identifier(&self) -> Option<&'a [u8]> {
        let (_, value) = self.extension(SUBJECT_KEY_IDENTIFIER)?;
        inside(value, 0..value.len(), OCTET_STRING).map(|identifier| &value[identifier])
    }

    pub(super) fn authority_key_identifier(&self) -> Option<AuthorityKeyIdentifier<'a>> {
        let (_, value) = self.extension(AUTHORITY_KEY_IDENTIFIER)?;
        let mut found = AuthorityKeyIdentifier { key: None, issuer: None, serial: None };
        let mut fields = inside(value, 0..value.len(), SEQUENCE)?;
        while let Some((tag, field)) = any_element(value, &mut fields) {
            match tag {
                KEY_IDENTIFIER => found.key = Some(&value[field]),
                AUTHORITY_CERT_ISSUER => found.issuer = Some(&value[field]),
                AUTHORITY_CERT_SERIAL_NUMBER => found.serial = Some(&value[field]),
                _ => return None,
            }
        }
        Some(found)
    }

    /// Whether it names itself as its issuer: by name, and by key and serial number if it has them. As in OpenSSL, the
    /// signature is not verified: a host that trusts a certificate has it from its owner.
    pub(super) fn is_self_signed(&self) -> bool {
        let same = |own: Option<&[u8]>, named: Option<&[u8]>| match (own, named) {
            (Some(own), Some(named)) => own == named,
            _ => true,
        };
        self.issuer == self.subject
            && self.authority_key_identifier().is_none_or(|authority| {
                same(self.subject_key_identifier(), authority.key) && same(Some(self.serial), authority.serial)
            })
    }

    /// The first and the last second in which it is valid.
    pub(super) fn dates(&self) -> Option<(i64, i64)> {
        let mut dates = self.validity.clone();
        let mut date = || {
            let (tag, text) = any_element(self.der, &mut dates)?;
            time::seconds(tag, &self.der[text])
        };
        Some((date()?, date()?))
    }

    /// Section 6.1.3 (a)(2).
    pub(super) fn check_validity(&self, now: UnixTime) -> Result<(), Error> {
        let (not_before, not_after) = self.dates().ok_or(Error::BadDerTime)?;
        let time = |seconds: i64| UnixTime::since_unix_epoch(Duration::from_secs(seconds.max(0).unsigned_abs()));
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if not_before > not_after {
            Err(Error::InvalidCertValidity)
        } else if seconds < not_before {
            Err(Error::CertNotValidYet { time: now, not_before: time(not_before) })
        } else if seconds > not_after {
            Err(Error::CertExpired { time: now, not_after: time(not_after) })
        } else {
            Ok(())
        }
    }

    /// The names of the subject alternative name: how many, or `None` for a malformed list.
    pub(super) fn alternative_names(&self) -> Option<Option<usize>> {
        let (_, value) = self.extension(SUBJECT_ALT_NAME)?;
        let count = || {
            let mut names = inside(value, 0..value.len(), SEQUENCE)?;
            let mut count = 0;
            while !names.is_empty() {
                any_element(value, &mut names)?;
                count += 1;
            }
            Some(count)
        };
        Some(count())
    }

    /// Whether the key usage has this bit.
    pub(super) fn has_key_usage(&self, bit: u8) -> bool {
        self.key_usage().is_some_and(|usage| usage & bit != 0)
    }
}

/// A number that is not negative; what has more digits than fit is as good as no limit.
fn small_number(digits: &[u8]) -> Option<usize> {
    if *digits.first()? >= 0x80 {
        return None;
    }
    Some(digits.iter().fold(0usize, |value, digit| {
        value.checked_mul(256).and_then(|value| value.checked_add(usize::from(*digit))).unwrap_or(usize::MAX)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reasons;
    use crate::trust::early::Moved;
    use crate::trust::fields::tests::{certificate, damaged};
    use crate::trust::strict::{self, Place};

    #[test]
    fn a_root_is_a_self_signed_ca_and_a_leaf_is_neither() {
        let (root, leaf) = (certificate("ca"), certificate("server-p256"));
        let (root, leaf) = (CertificateFields::read(&root).unwrap(), CertificateFields::read(&leaf).unwrap());
        assert!(root.is_self_signed() && root.is_ca() && root.has_key_usage(KEY_CERT_SIGN));
        assert!(!leaf.is_self_signed() && !leaf.is_ca() && !leaf.has_key_usage(KEY_CERT_SIGN));
        assert_eq!((root.version, leaf.version), (3, 3));
        assert_eq!(leaf.issuer == root.subject, leaf.issuer == root.issuer);
    }

    #[test]
    fn what_is_cut_short_or_changed_is_read_without_a_panic() {
        for name in ["ca", "server-p256"] {
            for variant in damaged(&certificate(name)) {
                for place in [Place::Leaf, Place::Intermediate, Place::Anchor] {
                    strict::check(&variant, place).ok();
                }
                strict::check_alone(&variant).ok();
                if let Some(read) = CertificateFields::read(&variant) {
                    read.is_self_signed();
                    read.check_validity(UnixTime::since_unix_epoch(Duration::ZERO)).ok();
                }
                Moved::of(&variant.into(), Reasons::default());
            }
        }
    }

    #[test]
    fn a_path_length_of_many_digits_is_no_limit_and_a_negative_one_is_malformed() {
        assert_eq!(small_number(&[0]), Some(0));
        assert_eq!(small_number(&[1, 0]), Some(256));
        assert_eq!(small_number(&[1; 40]), Some(usize::MAX));
        assert_eq!(small_number(&[0x80]), None);
        assert_eq!(small_number(&[]), None);
    }
}

//! Fields of certificates and revocation lists (RFC 5280 sections 4.1, 5.1) that webpki does not hand out, read where
//! they stand. What is malformed counts as what forbids more.

use std::ops::Range;

use crate::certificate::time;
use crate::der::{BIT_STRING, BOOLEAN, INTEGER, OCTET_STRING, OID, SEQUENCE, any_element, element, inside};

const EXTENSIONS: u8 = 0xa3;
/// Of RSASSA-PSS-params.
const HASH_ALGORITHM: u8 = 0xa0;

const ID_CE_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ID_CE_EXT_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];

// Bits of the first byte of a key usage (RFC 5280 section 4.2.1.3), whose bits are numbered from the left.
pub(super) const DIGITAL_SIGNATURE: u8 = 0x80;
pub(super) const KEY_ENCIPHERMENT: u8 = 0x80 >> 2;
pub(super) const KEY_AGREEMENT: u8 = 0x80 >> 4;
pub(super) const KEY_CERT_SIGN: u8 = 0x80 >> 5;
pub(super) const CRL_SIGN: u8 = 0x80 >> 6;

/// Whether `certificate` has no key usage, or one with any of these bits.
pub(super) fn allows_key_usage(certificate: &[u8], bits: u8) -> bool {
    key_usage(certificate).is_none_or(|usage| usage & bits != 0)
}

/// The first byte of the key usage's bits, none of them for one that is malformed.
pub(super) fn key_usage(certificate: &[u8]) -> Option<u8> {
    extension(certificate, ID_CE_KEY_USAGE).map(|(_, usage)| {
        inside(usage, 0..usage.len(), BIT_STRING)
            .and_then(|flags| usage.get(flags.start + 1..flags.end)?.first())
            .map_or(0, |flags| *flags)
    })
}

/// Whether `certificate` is for `purpose`, an object identifier's contents: it names it, or no purpose at all.
pub(super) fn is_for(certificate: &[u8], purpose: &[u8]) -> bool {
    extension(certificate, ID_CE_EXT_KEY_USAGE).is_none_or(|(_, usage)| {
        let mut purposes = inside(usage, 0..usage.len(), SEQUENCE).unwrap_or_default();
        std::iter::from_fn(|| element(usage, &mut purposes, OID)).any(|found| &usage[found] == purpose)
    })
}

/// A copy of `certificate` in which no extension is critical, for checks that do not depend on unknown ones.
pub(super) fn nothing_critical(certificate: &[u8]) -> Vec<u8> {
    let mut copy = certificate.to_vec();
    for extension in extensions(certificate) {
        if let Some(critical) = extension.critical {
            copy[critical].fill(0);
        }
    }
    copy
}

/// The algorithm (an AlgorithmIdentifier's contents) and the key of a SubjectPublicKeyInfo.
pub(crate) fn public_key(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info_fields = inside(info, 0..info.len(), SEQUENCE)?;
    let algorithm = element(info, &mut info_fields, SEQUENCE)?;
    let key = element(info, &mut info_fields, BIT_STRING)?;
    Some((&info[algorithm], info.get(key.start + 1..key.end)?))
}

/// The bits of an RSA key's modulus (RFC 8017 appendix A.1.1).
pub(super) fn rsa_bits(key: &[u8]) -> Option<usize> {
    bits(&key[inside(key, inside(key, 0..key.len(), SEQUENCE)?, INTEGER)?])
}

/// The bits of a number; it must not be zero.
pub(crate) fn bits(number: &[u8]) -> Option<usize> {
    let digits = number.iter().skip_while(|digit| **digit == 0);
    let bits = 8 * digits.clone().count();
    digits.clone().next().map(|first| bits - first.leading_zeros() as usize)
}

/// The algorithm of a certificate's signature as an object identifier, and, if its parameters are those of RSASSA-PSS
/// (RFC 8017 appendix A.2.3) and name a hash, that one.
pub(super) fn signature_algorithm(certificate: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let mut fields = inside(certificate, 0..certificate.len(), SEQUENCE)?;
    element(certificate, &mut fields, SEQUENCE)?; // tbsCertificate
    let mut identifier = element(certificate, &mut fields, SEQUENCE)?;
    let algorithm = element(certificate, &mut identifier, OID)?;
    let hash = inside(certificate, identifier, SEQUENCE)
        .and_then(|parameters| inside(certificate, parameters, HASH_ALGORITHM))
        .and_then(|tagged| inside(certificate, inside(certificate, tagged, SEQUENCE)?, OID));
    Some((&certificate[algorithm], hash.map(|hash| &certificate[hash])))
}

/// The TBSCertificate with its tag and length.
pub(super) fn signed_part(certificate: &[u8]) -> Option<&[u8]> {
    let outer = inside(certificate, 0..certificate.len(), SEQUENCE)?;
    let mut rest = outer.clone();
    any_element(certificate, &mut rest)?;
    certificate.get(outer.start..rest.start)
}

/// When a revocation list was issued, and when the next one comes (RFC 5280 section 5.1), in seconds since 1970.
pub(super) fn updates(list: &[u8]) -> Option<(i64, i64)> {
    let mut to_be_signed = inside(list, inside(list, 0..list.len(), SEQUENCE)?, SEQUENCE)?;
    element(list, &mut to_be_signed, INTEGER)?; // version
    element(list, &mut to_be_signed, SEQUENCE)?; // signature
    element(list, &mut to_be_signed, SEQUENCE)?; // issuer
    let mut date = || any_element(list, &mut to_be_signed).and_then(|(tag, text)| time::seconds(tag, &list[text]));
    Some((date()?, date()?))
}

struct FoundExtension {
    identifier: Range<usize>,
    /// Where the flag is, if there is one.
    critical: Option<Range<usize>>,
    value: Range<usize>,
}

/// The first extension of this kind: whether it is critical, and its contents.
pub(super) fn extension<'a>(certificate: &'a [u8], identifier: &[u8]) -> Option<(bool, &'a [u8])> {
    extensions(certificate).find(|extension| &certificate[extension.identifier.clone()] == identifier).map(
        |extension| {
            let critical = extension.critical.is_some_and(|flag| certificate[flag] != [0]);
            (critical, &certificate[extension.value])
        },
    )
}

pub(super) fn has_extensions(certificate: &[u8]) -> bool {
    extension_list(certificate).is_some()
}

fn extensions(certificate: &[u8]) -> impl Iterator<Item = FoundExtension> {
    let mut list = extension_list(certificate).unwrap_or_default();
    std::iter::from_fn(move || {
        let mut fields = element(certificate, &mut list, SEQUENCE)?;
        let identifier = element(certificate, &mut fields, OID)?;
        let critical = element(certificate, &mut fields, BOOLEAN);
        let value = element(certificate, &mut fields, OCTET_STRING)?;
        Some(FoundExtension { identifier, critical, value })
    })
}

fn extension_list(certificate: &[u8]) -> Option<Range<usize>> {
    let mut to_be_signed = inside(certificate, inside(certificate, 0..certificate.len(), SEQUENCE)?, SEQUENCE)?;
    loop {
        let (tag, contents) = any_element(certificate, &mut to_be_signed)?;
        if tag == EXTENSIONS {
            return inside(certificate, contents, SEQUENCE);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];

    /// The first certificate of a file of the tests.
    pub(crate) fn certificate(name: &str) -> Vec<u8> {
        let pem = std::fs::read(format!("{}/ffi-tests/certs/{name}.pem", env!("CARGO_MANIFEST_DIR"))).unwrap();
        rustls_pemfile::certs(&mut &*pem).next().unwrap().unwrap().to_vec()
    }

    fn ca() -> Vec<u8> {
        certificate("ca")
    }

    fn server() -> Vec<u8> {
        certificate("server-rsa1024")
    }

    fn client() -> Vec<u8> {
        certificate("server-clientusage")
    }

    fn list() -> Vec<u8> {
        let pem: &[u8] = include_bytes!("../../ffi-tests/certs/crl-root.pem");
        rustls_pemfile::crls(&mut &*pem).next().unwrap().unwrap().to_vec()
    }

    fn info(certificate: &[u8]) -> Vec<u8> {
        let certificate = certificate.into();
        let certificate = webpki::EndEntityCert::try_from(&certificate).unwrap();
        certificate.subject_public_key_info().as_ref().to_vec()
    }

    #[test]
    fn a_ca_may_sign_certificates_and_a_server_handshakes() {
        assert!(allows_key_usage(&ca(), KEY_CERT_SIGN));
        assert!(!allows_key_usage(&ca(), DIGITAL_SIGNATURE | KEY_AGREEMENT));
        assert!(allows_key_usage(&server(), DIGITAL_SIGNATURE | KEY_AGREEMENT));
        assert!(!allows_key_usage(&server(), KEY_CERT_SIGN));
    }

    #[test]
    fn a_certificate_is_for_the_purposes_that_it_names_or_for_all() {
        assert!(is_for(&ca(), SERVER_AUTH));
        assert!(is_for(&server(), SERVER_AUTH));
        assert!(!is_for(&client(), SERVER_AUTH));
    }

    #[test]
    fn a_copy_is_not_critical_but_otherwise_the_same() {
        let (original, copy) = (server(), nothing_critical(&server()));
        assert!(extensions(&original).any(|extension| extension.critical.is_some_and(|at| original[at] == [0xff])));
        assert!(extensions(&copy).all(|extension| extension.critical.is_none_or(|at| copy[at] == [0])));
        assert_eq!(extensions(&original).count(), extensions(&copy).count());
        let changed = original.iter().zip(&copy).filter(|(original, copy)| original != copy).count();
        assert_eq!(changed, extensions(&original).filter(|extension| extension.critical.is_some()).count());
    }

    #[test]
    fn the_bits_of_an_rsa_key_are_counted() {
        let info = info(&server());
        let (algorithm, key) = public_key(&info).unwrap();
        assert_eq!(algorithm, rustls::pki_types::alg_id::RSA_ENCRYPTION.as_ref());
        assert_eq!(rsa_bits(key), Some(1024));
        assert_eq!(rsa_bits(&[SEQUENCE, 5, INTEGER, 3, 0, 0x01, 0xff]), Some(9));
        assert_eq!(rsa_bits(&[SEQUENCE, 3, INTEGER, 1, 0]), None);
    }

    #[test]
    fn the_date_of_a_list_is_found() {
        assert_eq!(updates(&list()), Some((1_577_836_800, 4_733_510_400)));
    }

    /// Cut short anywhere, or with another byte that may be a length.
    pub(crate) fn damaged(original: &[u8]) -> Vec<Vec<u8>> {
        let mut variants: Vec<Vec<u8>> = (0..original.len()).map(|end| original[..end].to_vec()).collect();
        for at in 0..original.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = original.to_vec();
                changed[at] = value;
                variants.push(changed);
            }
        }
        variants
    }

    #[test]
    fn what_is_cut_short_or_changed_is_read_without_a_panic() {
        for original in [ca(), server(), client(), list(), info(&server())] {
            for variant in damaged(&original) {
                allows_key_usage(&variant, KEY_CERT_SIGN);
                is_for(&variant, SERVER_AUTH);
                assert_eq!(nothing_critical(&variant).len(), variant.len());
                public_key(&variant).and_then(|(_, key)| rsa_bits(key));
                rsa_bits(&variant);
                updates(&variant);
            }
        }
    }
}

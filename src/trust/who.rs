//! Whom a certificate of ours names, as a digest: tickets pass between certificates that name the same.

use super::certificate::{CertificateFields, SUBJECT_ALT_NAME};
use crate::crypto::parts_digest::PartsDigest;
use crate::der::{SEQUENCE, any_element, inside};

/// A GeneralName's tag of a DNS name (RFC 5280 section 4.2.1.6), which is the same in capital letters.
const DNS_NAME: u8 = 0x82;

/// A digest of whom this certificate names: of its subject, and of its subject alternative names of every kind, in any order.
/// Key, issuer, serial number and dates change when a certificate is renewed, and are not in it. A certificate without
/// alternative names, or one that cannot be read, names only itself: its digest is of all its bytes.
pub(crate) fn who(certificate: &[u8]) -> [u8; 32] {
    let mut digest = PartsDigest::new();
    match names(certificate) {
        Some((subject, names)) => {
            digest.add(b"names");
            digest.add(subject);
            for (tag, name) in names {
                digest.add(&[tag]);
                digest.add(&name);
            }
        }
        None => {
            digest.add(b"certificate");
            digest.add(certificate);
        }
    }
    digest.finish()
}

/// A tag and its contents.
type NameEntry = (u8, Vec<u8>);

/// The subject, and the alternative names in an order that does not depend on the certificate, each once.
fn names(der: &[u8]) -> Option<(&[u8], Vec<NameEntry>)> {
    let certificate = CertificateFields::read(der)?;
    let (_, value) = certificate.extension(SUBJECT_ALT_NAME)?;
    let mut list = inside(value, 0..value.len(), SEQUENCE)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        let (tag, name) = any_element(value, &mut list)?;
        let name = &value[name];
        names.push((tag, if tag == DNS_NAME { name.to_ascii_lowercase() } else { name.to_vec() }));
    }
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then_some((certificate.subject, names))
}

/// The last second in which this certificate is valid, since 1970; 0 if it was before.
pub(crate) fn not_after(certificate: &[u8]) -> Option<u64> {
    let (_, not_after) = CertificateFields::read(certificate)?.dates()?;
    Some(not_after.max(0).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::fields::tests::certificate as leaf;

    #[test]
    fn a_renewed_certificate_names_the_same_and_others_do_not() {
        let (old, renewed) = (leaf("server-p256"), leaf("server-renewed"));
        assert_ne!(old, renewed);
        assert_eq!(who(&old), who(&renewed));
        // Another subject; one name more; other names.
        for other in ["server-p384", "server-extended", "server-wrongname"] {
            assert_ne!(who(&old), who(&leaf(other)), "{other}");
        }
        // Without alternative names nothing but the certificate itself counts.
        let one = leaf("client-p256");
        assert_eq!(names(&one), None);
        let mut other = one.clone();
        *other.last_mut().unwrap() ^= 1;
        assert_ne!(who(&one), who(&other));
    }

    #[test]
    fn what_cannot_be_read_names_itself() {
        let certificate = leaf("server-p256");
        let whole = who(&certificate);
        for end in 0..certificate.len() {
            assert_ne!(who(&certificate[..end]), whole, "{end}");
        }
        assert_ne!(who(&[]), who(&[0]));
    }

    #[test]
    fn the_end_of_a_certificate_is_found() {
        assert_eq!(not_after(&leaf("server-p256")), Some(4_733_510_400));
        assert_eq!(not_after(&leaf("server-expired")), Some(1_293_840_000));
        assert_eq!(not_after(b"none"), None);
    }
}

//! What IANA calls the numbers of cipher suites, groups and signature schemes.

mod suites;

use std::ffi::CStr;

pub(crate) use suites::CIPHER_SUITES;

/// Numbers and their names, in the order of the numbers.
pub(crate) struct Names(&'static [(u16, &'static CStr)]);

impl Names {
    /// The name of this number.
    pub(crate) fn of(&self, number: u16) -> Option<&'static CStr> {
        let at = self.0.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        self.0.get(at).map(|(_, name)| *name)
    }
}

/// The key-exchange groups (RFC 8446 section 4.2.7, RFC 8422 section 5.1.1).
#[rustfmt::skip] // One row for neighbours.
pub(crate) const GROUPS: Names = Names(&[
    (0x0001, c"sect163k1"), (0x0002, c"sect163r1"), (0x0003, c"sect163r2"), (0x0004, c"sect193r1"), (0x0005, c"sect193r2"),
    (0x0006, c"sect233k1"), (0x0007, c"sect233r1"), (0x0008, c"sect239k1"), (0x0009, c"sect283k1"), (0x000A, c"sect283r1"),
    (0x000B, c"sect409k1"), (0x000C, c"sect409r1"), (0x000D, c"sect571k1"), (0x000E, c"sect571r1"),
    (0x000F, c"secp160k1"), (0x0010, c"secp160r1"), (0x0011, c"secp160r2"), (0x0012, c"secp192k1"), (0x0013, c"secp192r1"),
    (0x0014, c"secp224k1"), (0x0015, c"secp224r1"), (0x0016, c"secp256k1"), (0x0017, c"secp256r1"), (0x0018, c"secp384r1"),
    (0x0019, c"secp521r1"), (0x001A, c"brainpoolP256r1"), (0x001B, c"brainpoolP384r1"), (0x001C, c"brainpoolP512r1"),
    (0x001D, c"x25519"), (0x001E, c"x448"),
    (0x001F, c"brainpoolP256r1tls13"), (0x0020, c"brainpoolP384r1tls13"), (0x0021, c"brainpoolP512r1tls13"),
    (0x0022, c"GC256A"), (0x0023, c"GC256B"), (0x0024, c"GC256C"), (0x0025, c"GC256D"),
    (0x0026, c"GC512A"), (0x0027, c"GC512B"), (0x0028, c"GC512C"), (0x0029, c"curveSM2"),
    (0x0100, c"ffdhe2048"), (0x0101, c"ffdhe3072"), (0x0102, c"ffdhe4096"), (0x0103, c"ffdhe6144"), (0x0104, c"ffdhe8192"),
    (0x0200, c"MLKEM512"), (0x0201, c"MLKEM768"), (0x0202, c"MLKEM1024"),
    (0x11EB, c"SecP256r1MLKEM768"), (0x11EC, c"X25519MLKEM768"), (0x11ED, c"SecP384r1MLKEM1024"),
    (0x6399, c"X25519Kyber768Draft00"), (0x639A, c"SecP256r1Kyber768Draft00"),
    (0xFF01, c"arbitrary_explicit_prime_curves"), (0xFF02, c"arbitrary_explicit_char2_curves"),
]);

/// The signature schemes (RFC 8446 section 4.2.3).
#[rustfmt::skip] // One row for neighbours.
pub(crate) const SIGNATURE_SCHEMES: Names = Names(&[
    (0x0201, c"rsa_pkcs1_sha1"), (0x0203, c"ecdsa_sha1"),
    (0x0401, c"rsa_pkcs1_sha256"), (0x0403, c"ecdsa_secp256r1_sha256"), (0x0420, c"rsa_pkcs1_sha256_legacy"),
    (0x0501, c"rsa_pkcs1_sha384"), (0x0503, c"ecdsa_secp384r1_sha384"), (0x0520, c"rsa_pkcs1_sha384_legacy"),
    (0x0601, c"rsa_pkcs1_sha512"), (0x0603, c"ecdsa_secp521r1_sha512"), (0x0620, c"rsa_pkcs1_sha512_legacy"),
    (0x0704, c"eccsi_sha256"), (0x0705, c"iso_ibs1"), (0x0706, c"iso_ibs2"), (0x0707, c"iso_chinese_ibs"),
    (0x0708, c"sm2sig_sm3"), (0x0709, c"gostr34102012_256a"), (0x070A, c"gostr34102012_256b"),
    (0x070B, c"gostr34102012_256c"), (0x070C, c"gostr34102012_256d"), (0x070D, c"gostr34102012_512a"),
    (0x070E, c"gostr34102012_512b"), (0x070F, c"gostr34102012_512c"),
    (0x0804, c"rsa_pss_rsae_sha256"), (0x0805, c"rsa_pss_rsae_sha384"), (0x0806, c"rsa_pss_rsae_sha512"),
    (0x0807, c"ed25519"), (0x0808, c"ed448"),
    (0x0809, c"rsa_pss_pss_sha256"), (0x080A, c"rsa_pss_pss_sha384"), (0x080B, c"rsa_pss_pss_sha512"),
    (0x081A, c"ecdsa_brainpoolP256r1tls13_sha256"), (0x081B, c"ecdsa_brainpoolP384r1tls13_sha384"),
    (0x081C, c"ecdsa_brainpoolP512r1tls13_sha512"),
    (0x0904, c"mldsa44"), (0x0905, c"mldsa65"), (0x0906, c"mldsa87"),
]);

#[cfg(test)]
mod tests {
    use rustls::{CipherSuite, NamedGroup};

    use super::*;

    fn ascending(names: &Names) -> bool {
        names.0.windows(2).all(|pair| pair[0].0 < pair[1].0)
    }

    fn text(names: &Names, number: u16) -> Option<String> {
        names.of(number).map(|name| name.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_numbers_are_in_order() {
        assert!(ascending(&CIPHER_SUITES) && ascending(&GROUPS) && ascending(&SIGNATURE_SCHEMES));
    }

    /// rustls's table is another one. Its names of the suites of TLS 1.3 differ from IANA's.
    #[test]
    fn suites_and_groups_have_the_names_that_rustls_has_for_them() {
        let mut compared = 0;
        for number in 1..=u16::MAX {
            // IANA reserves the numbers that SSL had.
            if let Some(name) = CipherSuite::from(number).as_str().filter(|name| name.starts_with("TLS")) {
                assert_eq!(text(&CIPHER_SUITES, number), Some(name.replace("TLS13_", "TLS_")));
                compared += 1;
            }
            if let Some(name) = NamedGroup::from(number).as_str() {
                let ours = text(&GROUPS, number).unwrap_or_default();
                assert!(ours.eq_ignore_ascii_case(name), "{ours} {name}");
                compared += 1;
            }
        }
        assert!(compared > 350);
    }

    #[test]
    fn numbers_without_a_name_have_none() {
        // What is there before a suite is negotiated; a value of RFC 8701.
        for number in [0, 0x0A0A, u16::MAX] {
            assert_eq!(CIPHER_SUITES.of(number), None);
            assert_eq!(GROUPS.of(number), None);
            assert_eq!(SIGNATURE_SCHEMES.of(number), None);
        }
    }
}

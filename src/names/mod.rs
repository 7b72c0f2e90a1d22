//! What IANA calls the numbers of cipher suites, groups and signature schemes.

use std::ffi::CStr;

/// Numbers and their names, in the order of the numbers.
pub(crate) struct Names(&'static [Run]);

/// The names of consecutive numbers, row after row.
struct Run {
    first: u16,
    rows: &'static [&'static [&'static CStr]],
}

impl Names {
    /// The name of this number.
    pub(crate) fn of(&self, number: u16) -> Option<&'static CStr> {
        let run = self.0.get(self.0.partition_point(|run| run.first <= number).checked_sub(1)?)?;
        run.rows.iter().copied().flatten().nth(usize::from(number - run.first)).copied()
    }
}

/// A name that is closed with NUL.
const fn name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("a name has a NUL at its end alone"),
    }
}

/// Runs of names, after what all of them begin with. IANA numbers most suites by their key exchanges, and by the ciphers
/// within each: a run is then each of these exchanges WITH each of these ciphers, in this order.
macro_rules! names {
    (@row $prefix:literal $exchange:tt [$($cipher:tt)*]) => {
        &[$(name(concat!($prefix, stringify!($exchange), "_WITH_", stringify!($cipher), "\0"))),*]
    };
    ($prefix:literal $($first:literal: $([$($exchange:tt)*] WITH $ciphers:tt)? $($name:ident)*;)*) => {
        Names(&[$(Run {
            first: $first,
            rows: &[$($(names!(@row $prefix $exchange $ciphers),)*)? &[$(name(concat!($prefix, stringify!($name), "\0"))),*]],
        }),*])
    };
}

mod suites;

pub(crate) use suites::CIPHER_SUITES;

/// The key-exchange groups (RFC 8446 section 4.2.7, RFC 8422 section 5.1.1).
pub(crate) const GROUPS: Names = names! { ""
    0x0001: sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1;
    0x0008: sect239k1 sect283k1 sect283r1 sect409k1 sect409r1 sect571k1 sect571r1 secp160k1;
    0x0010: secp160r1 secp160r2 secp192k1 secp192r1 secp224k1 secp224r1 secp256k1 secp256r1;
    0x0018: secp384r1 secp521r1 brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 x25519 x448 brainpoolP256r1tls13;
    0x0020: brainpoolP384r1tls13 brainpoolP512r1tls13 GC256A GC256B GC256C GC256D GC512A GC512B;
    0x0028: GC512C curveSM2;
    0x0100: ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192;
    0x0200: MLKEM512 MLKEM768 MLKEM1024;
    0x11EB: SecP256r1MLKEM768 X25519MLKEM768 SecP384r1MLKEM1024;
    0x6399: X25519Kyber768Draft00 SecP256r1Kyber768Draft00;
    0xFF01: arbitrary_explicit_prime_curves arbitrary_explicit_char2_curves;
};

/// The signature schemes (RFC 8446 section 4.2.3).
pub(crate) const SIGNATURE_SCHEMES: Names = names! { ""
    0x0201: rsa_pkcs1_sha1;
    0x0203: ecdsa_sha1;
    0x0401: rsa_pkcs1_sha256;
    0x0403: ecdsa_secp256r1_sha256;
    0x0420: rsa_pkcs1_sha256_legacy;
    0x0501: rsa_pkcs1_sha384;
    0x0503: ecdsa_secp384r1_sha384;
    0x0520: rsa_pkcs1_sha384_legacy;
    0x0601: rsa_pkcs1_sha512;
    0x0603: ecdsa_secp521r1_sha512;
    0x0620: rsa_pkcs1_sha512_legacy;
    0x0704: eccsi_sha256 iso_ibs1 iso_ibs2 iso_chinese_ibs;
    0x0708: sm2sig_sm3 gostr34102012_256a gostr34102012_256b gostr34102012_256c gostr34102012_256d gostr34102012_512a
            gostr34102012_512b gostr34102012_512c;
    0x0804: rsa_pss_rsae_sha256 rsa_pss_rsae_sha384 rsa_pss_rsae_sha512 ed25519;
    0x0808: ed448 rsa_pss_pss_sha256 rsa_pss_pss_sha384 rsa_pss_pss_sha512;
    0x081A: ecdsa_brainpoolP256r1tls13_sha256 ecdsa_brainpoolP384r1tls13_sha384 ecdsa_brainpoolP512r1tls13_sha512;
    0x0904: mldsa44 mldsa65 mldsa87;
};

#[cfg(test)]
mod tests {
    use rustls::{CipherSuite, NamedGroup};

    use super::*;

    fn ascending(names: &Names) -> bool {
        let len = |run: &Run| run.rows.iter().map(|row| row.len()).sum::<usize>();
        names.0.windows(2).all(|pair| usize::from(pair[0].first) + len(&pair[0]) <= pair[1].first.into())
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

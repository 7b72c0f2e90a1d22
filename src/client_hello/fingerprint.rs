//! Fingerprints of the program that sent a ClientHello, in the two forms that public lists use.
//!
//! Both leave out the values that RFC 8701 reserves for noise. JA3 is described in the README of
//! github.com/salesforce/ja3, JA4 in technical_details/JA4.md of github.com/FoxIO-LLC/ja4.

use super::{ClientHello, TLS13};
use crate::crypto::provider::digest;
use crate::wire::extension_type as ext;
use md5::{Digest, Md5};

impl ClientHello {
    /// The JA3 fingerprint: the MD5 of [`ja3_string`](Self::ja3_string), in hex.
    pub fn ja3(&self) -> String {
        hex(&Md5::digest(self.ja3_string()))
    }

    /// What JA3 hashes: version, cipher suites, extensions, groups and point formats, in decimal.
    pub fn ja3_string(&self) -> String {
        [
            self.legacy_version().to_string(),
            decimal(self.cipher_suites()),
            decimal(self.extension_types()),
            decimal(self.supported_groups()),
            decimal(self.ec_point_formats().iter().copied().map(u16::from)),
        ]
        .join(",")
    }

    /// The JA4 fingerprint, of TLS over TCP.
    pub fn ja4(&self) -> String {
        format!("{}_{}_{}", self.ja4_summary(), hash12(&self.ja4_ciphers()), hash12(&self.ja4_extensions()))
    }

    /// The same with lists in place of their hashes.
    pub fn ja4_r(&self) -> String {
        format!("{}_{}_{}", self.ja4_summary(), self.ja4_ciphers(), self.ja4_extensions())
    }

    fn ja4_summary(&self) -> String {
        let server_name = if self.extension(ext::SERVER_NAME).is_some() { 'd' } else { 'i' };
        let (ciphers, extensions) = (count(self.cipher_suites()), count(self.extension_types()));
        format!("t{}{server_name}{ciphers:02}{extensions:02}{}", self.ja4_version(), self.ja4_alpn())
    }

    /// The highest version, whether it is known or not.
    fn ja4_version(&self) -> &'static str {
        let version = match self.parts().supported_versions {
            Some(_) => self.supported_versions().filter(|version| !is_grease(*version)).max(),
            None => Some(self.legacy_version()),
        };
        match version {
            Some(TLS13) => "13",
            Some(0x0303) => "12",
            Some(0x0302) => "11",
            Some(0x0301) => "10",
            Some(0x0300) => "s3",
            Some(0x0002) => "s2",
            _ => "00",
        }
    }

    /// The first and the last character of the first protocol, or those of its hex form if one of them is neither a
    /// letter nor a digit.
    fn ja4_alpn(&self) -> String {
        let Some((first, last)) = self.alpn().next().and_then(|name| Some((*name.first()?, *name.last()?))) else {
            return "00".to_owned();
        };
        if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
            [char::from(first), char::from(last)].iter().collect()
        } else {
            format!("{:x}{:x}", first >> 4, last & 0x0f)
        }
    }

    fn ja4_ciphers(&self) -> String {
        hex4(sorted(self.cipher_suites()))
    }

    /// Extensions except the two that the summary covers, then signature algorithms.
    fn ja4_extensions(&self) -> String {
        let types = self.extension_types().filter(|number| ![ext::SERVER_NAME, ext::ALPN].contains(number));
        let (extensions, signatures) = (hex4(sorted(types)), hex4(self.signature_algorithms()));
        if signatures.is_empty() { extensions } else { format!("{extensions}_{signatures}") }
    }
}

/// RFC 8701 section 2: both bytes are the same and end in 0xa.
fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

fn count(numbers: impl Iterator<Item = u16>) -> usize {
    numbers.filter(|number| !is_grease(*number)).count().min(99)
}

fn decimal(numbers: impl Iterator<Item = u16>) -> String {
    let texts: Vec<_> = numbers.filter(|number| !is_grease(*number)).map(|number| number.to_string()).collect();
    texts.join("-")
}

fn hex4(numbers: impl IntoIterator<Item = u16>) -> String {
    let numbers = numbers.into_iter().filter(|number| !is_grease(*number));
    numbers.map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(",")
}

fn sorted(numbers: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable();
    numbers
}

/// The first twelve digits of a list's SHA-256; zeros for an empty list.
fn hash12(list: &str) -> String {
    let hash = digest::digest(&digest::SHA256, list.as_bytes());
    let hash = if list.is_empty() { &[0; 6] } else { hash.as_ref().first_chunk::<6>().unwrap_or(&[0; 6]) };
    hex(hash)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Hello, message, u16s, vector8, vector16};
    use super::*;

    /// A word and a value to a line; its head says more.
    const VECTORS: &str = include_str!("vectors.txt");

    fn bytes(hex: &str) -> Vec<u8> {
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn published_fingerprints_are_the_same_here() {
        let mut hello = None;
        let mut checked = [0; 4];
        for line in VECTORS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, value) = line.split_once(' ').unwrap();
            if word == "source" {
                hello = None;
                continue;
            }
            if word == "hello" {
                hello = Some(ClientHello::read(bytes(value)).unwrap());
                continue;
            }
            let hello = hello.as_ref().unwrap();
            let (kind, ours) = match word {
                "ja3_string" => (0, hello.ja3_string()),
                "ja3" => (1, hello.ja3()),
                "ja4" => (2, hello.ja4()),
                "ja4_r" => (3, hello.ja4_r()),
                _ => panic!("{line}"),
            };
            assert_eq!(ours, value);
            checked[kind] += 1;
        }
        assert_eq!(checked, [3, 7, 14, 11]);
    }

    /// The strings and hashes of github.com/salesforce/ja3, README.md, "How it works".
    #[test]
    fn the_examples_of_ja3() {
        let tls10 = |hello: Hello| {
            let mut bytes = hello.bytes();
            bytes[5] = 1;
            let hello = ClientHello::read(bytes).unwrap();
            (hello.ja3_string(), hello.ja3())
        };
        let suites = u16s(&[47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4]);
        let hello = Hello { cipher_suites: suites, ..Hello::bare() }
            .with(ext::SERVER_NAME, vector16(&[vec![0], vector16(b"a")].concat()))
            .with(ext::SUPPORTED_GROUPS, vector16(&u16s(&[23, 24, 25])))
            .with(ext::EC_POINT_FORMATS, vector8(&[0]));
        let string = "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0";
        assert_eq!(tls10(hello), (string.into(), "ada70206e40642a3e4461f35503241d5".into()));
        let hello = Hello { cipher_suites: u16s(&[4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99]), ..Hello::bare() };
        let string = "769,4-5-10-9-100-98-3-6-19-18-99,,,";
        assert_eq!(tls10(hello), (string.into(), "de350869b8c85de67a350c8d186f11e6".into()));
    }

    /// The lists and hashes of github.com/FoxIO-LLC/ja4, technical_details/JA4.md.
    #[test]
    fn the_hashes_of_ja4() {
        assert_eq!(
            hash12("002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9"),
            "8daaf6152771"
        );
        let extensions = "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01";
        assert_eq!(hash12(extensions), "6d807ffa2a79");
        assert_eq!(hash12(&format!("{extensions}_0403,0804,0401,0503,0805,0501,0806,0601")), "e5627efa2ab1");
        assert_eq!(hash12(""), "000000000000");
    }

    /// The protocols and characters of github.com/FoxIO-LLC/ja4, technical_details/JA4.md.
    #[test]
    fn the_protocols_of_ja4() {
        let characters: [(&[u8], &str); 12] = [
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (b"\x30", "00"),
            (b"\xab", "ab"),
            (b"\x20", "20"),
            (b"\xab\xcd", "ad"),
            (b"\x20\x61", "21"),
            (b"\x30\xab", "3b"),
            (b"\x61\x20", "60"),
            (b"\x30\x31\xab\xcd", "3d"),
            (b"\x30\xab\xcd\x31", "01"),
        ];
        for (name, expected) in characters {
            let hello = Hello::bare().with(ext::ALPN, vector16(&[vector8(name), vector8(b"other")].concat()));
            assert_eq!(hello.read().unwrap().ja4_alpn(), expected);
        }
        assert_eq!(Hello::bare().read().unwrap().ja4_alpn(), "00");
    }

    #[test]
    fn the_versions_of_ja4() {
        let supported = |versions: &[u16]| {
            Hello::bare().with(ext::SUPPORTED_VERSIONS, vector8(&u16s(versions))).read().unwrap().ja4_version()
        };
        assert_eq!(supported(&[0x3a3a, 0x0303, 0x0304, 0x0302]), "13");
        assert_eq!(supported(&[0x0302, 0x0301]), "11");
        assert_eq!(supported(&[0x7f1c, 0x0303]), "00");
        assert_eq!(supported(&[0xfafa]), "00");
        let legacy = |high, low| {
            let mut bytes = Hello::bare().bytes();
            bytes[4..6].copy_from_slice(&[high, low]);
            ClientHello::read(bytes).unwrap().ja4_version()
        };
        assert_eq!([legacy(3, 4), legacy(3, 3), legacy(3, 2), legacy(3, 1)], ["13", "12", "11", "10"]);
        assert_eq!([legacy(3, 0), legacy(0, 2), legacy(9, 9)], ["s3", "s2", "00"]);
    }

    #[test]
    fn nothing_but_noise_leaves_empty_lists() {
        let grease: Vec<u16> = (0..16).map(|high| (high << 4 | 0x0a) * 0x0101).collect();
        assert!((0..=u16::MAX).filter(|number| is_grease(*number)).eq(grease.iter().copied()));
        let mut hello = Hello { cipher_suites: u16s(&grease), ..Hello::bare() };
        for number in grease {
            hello = hello.with(number, vec![]);
        }
        let hello = hello.read().unwrap();
        assert_eq!(hello.ja3_string(), "771,,,,");
        assert_eq!(hello.ja4_r(), "t12i000000__");
        assert_eq!(hello.ja4(), "t12i000000_000000000000_000000000000");
    }

    #[test]
    fn counts_stop_at_99_and_the_largest_hello_has_fingerprints() {
        let extensions = (0x8000..0x8000 + 8000).map(|extension_type| (extension_type, vec![]));
        let suites: Vec<u16> = (0..16_000).collect();
        let hello = Hello { cipher_suites: u16s(&suites), extensions: Some(extensions.collect()), ..Hello::bare() };
        let hello = hello.read().unwrap();
        assert!(hello.ja4().starts_with("t12i999900_"));
        assert_eq!(hello.ja3().len(), 32);
        assert!(ClientHello::read(message(&hello.raw()[4..])).is_ok());
    }
}

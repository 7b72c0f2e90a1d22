//! Private keys with a passphrase, and as DER: what is read, what is refused, and what a hostile file can cost.
#![cfg(feature = "encrypted-keys")]
#![allow(missing_docs, clippy::unwrap_used)]

use spantls::context::Credentials;
use spantls::outcome::{Failure, FailureKind};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The contents of the first block of a PEM file.
fn der(name: &str) -> Vec<u8> {
    let text = String::from_utf8(file(name)).unwrap();
    let body = text.split("-----").nth(2).unwrap();
    base64(body.bytes().filter(|byte| !byte.is_ascii_whitespace()))
}

fn base64(digits: impl Iterator<Item = u8>) -> Vec<u8> {
    let value = |digit| match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u8> = digits.filter_map(value).collect();
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

fn of_pem(key: &[u8], passphrase: Option<&str>) -> Result<Credentials, Failure> {
    Credentials::from_pem(&file("server-p256.pem"), key, passphrase.map(str::as_bytes))
}

fn of_der(key: &[u8], passphrase: Option<&str>) -> Result<Credentials, Failure> {
    Credentials::from_der(&[&der("server-p256.pem")], key, passphrase.map(str::as_bytes))
}

/// The message of a refusal, which repeats nothing of what was passed.
fn refusal(result: Result<Credentials, Failure>) -> String {
    let failure = result.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Configuration, "{}", failure.message);
    for secret in ["secret", "wrong horse", "MIHsMFcG"] {
        assert!(!failure.message.contains(secret), "{}", failure.message);
    }
    failure.message.to_string()
}

#[test]
fn an_encrypted_key_is_read_with_its_passphrase_alone() {
    let key = file("server-p256.encrypted.key");
    of_pem(&key, Some("secret")).unwrap();
    assert!(refusal(of_pem(&key, Some("wrong horse"))).contains("the passphrase is wrong"));
    assert!(refusal(of_pem(&key, Some(""))).contains("the passphrase is wrong"));
    assert!(refusal(of_pem(&key, None)).contains("its passphrase is needed"));
    let key = der("server-p256.encrypted.key");
    of_der(&key, Some("secret")).unwrap();
    assert!(refusal(of_der(&key, Some("wrong horse"))).contains("the passphrase is wrong"));
    assert!(refusal(of_der(&key, None)).contains("its passphrase is needed"));
}

#[test]
fn a_passphrase_is_ignored_for_a_key_that_is_not_encrypted() {
    of_pem(&file("server-p256.key"), Some("wrong horse")).unwrap();
    of_der(&der("server-p256.key"), Some("wrong horse")).unwrap();
}

#[test]
fn of_several_keys_the_first_counts_and_without_a_passphrase_the_first_that_is_not_encrypted() {
    let (clear, encrypted, other) =
        (file("server-p256.key"), file("server-p256.encrypted.key"), file("server-p384.key"));
    of_pem(&[encrypted.clone(), clear.clone()].concat(), None).unwrap();
    of_pem(&[encrypted.clone(), other.clone()].concat(), Some("secret")).unwrap();
    assert!(refusal(of_pem(&[other, encrypted].concat(), Some("secret"))).contains("does not belong"));
}

#[test]
fn der_keys_are_told_apart_by_their_form() {
    for key in ["server-p256.key", "server-p256.sec1.key", "server-p256.nopublic.key"] {
        of_der(&der(key), None).unwrap_or_else(|failure| panic!("{key}: {}", failure.message));
    }
    for key in ["server-rsa2048.key", "server-rsa2048.pkcs1.key"] {
        Credentials::from_der(&[&der("server-rsa2048.pem")], &der(key), None).unwrap();
    }
    let leaf = der("server-p256.pem");
    let key = der("server-p256.key");
    assert!(refusal(of_der(&file("server-p256.key"), None)).contains("is PEM"));
    assert!(refusal(of_der(&leaf, None)).contains("encrypted, and damaged"));
    assert!(refusal(of_der(&[&key[..], &[0]].concat(), None)).contains("is not DER"));
    assert!(refusal(Credentials::from_der(&[], &key, None)).contains("empty"));
    assert!(
        refusal(Credentials::from_der(&[&leaf, &file("ca.pem")], &key, None))
            .contains("certificate 1 of the chain is PEM")
    );
    assert!(refusal(Credentials::from_der(&[&leaf, &leaf[1..]], &key, None)).contains("certificate 1"));
    assert!(refusal(Credentials::from_der(&[&der("server-p384.pem")], &key, None)).contains("does not belong"));
}

#[test]
fn a_key_that_is_cut_short_or_changed_is_refused() {
    let whole = der("server-p256.encrypted.key");
    for end in 0..whole.len() {
        refusal(of_der(&whole[..end], Some("secret")));
    }
    // The last block but one: the padding stays right.
    let mut changed = whole.clone();
    let at = changed.len() - 40;
    changed[at] ^= 1;
    refusal(of_der(&changed, Some("secret")));
}

/// A DER element.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let len = u8::try_from(contents.len()).unwrap();
    if len < 0x80 { [vec![tag, len], contents].concat() } else { [vec![tag, 0x81, len], contents].concat() }
}

fn number(value: u64) -> Vec<u8> {
    let digits: Vec<u8> = [0].into_iter().chain(value.to_be_bytes()).collect();
    let first = digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len() - 1);
    let zero = usize::from(digits[first] & 0x80 != 0);
    element(2, &[&digits[first - zero..]])
}

const PBES2: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
const PBKDF2: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12];
const SCRYPT: &[u8] = &[6, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 11];
const AES_256_CBC: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42];

fn encrypted(kdf: &[u8]) -> Vec<u8> {
    let cipher = element(0x30, &[AES_256_CBC, &element(4, &[&[7; 16]])]);
    let algorithm = element(0x30, &[PBES2, &element(0x30, &[kdf, &cipher])]);
    element(0x30, &[&algorithm, &element(4, &[&[9; 32]])])
}

fn pbkdf2(rounds: u64) -> Vec<u8> {
    encrypted(&element(0x30, &[PBKDF2, &element(0x30, &[&element(4, &[&[1; 8]]), &number(rounds)])]))
}

fn scrypt(n: u64, r: u64, p: u64) -> Vec<u8> {
    let salt = element(4, &[&[1; 8]]);
    encrypted(&element(0x30, &[SCRYPT, &element(0x30, &[&salt, &number(n), &number(r), &number(p)])]))
}

#[test]
fn what_a_hostile_file_costs_is_limited_before_it_is_spent() {
    for rounds in [10_000_001, 100_000_000, u64::from(u32::MAX)] {
        let message = refusal(of_der(&pbkdf2(rounds), Some("secret")));
        assert!(message.contains("costs too much"), "{rounds}: {message}");
    }
    for (n, r, p) in [
        (1 << 17, 8, 1),
        (1 << 62, 8, 1),
        (1 << 63, 1, 1),
        (2, 65_535, 17),
        (1 << 14, 8, 17),
        (1 << 10, 513, 1),
        // Not N, but p alone makes it 150 MB.
        (2, 65_535, 16),
    ] {
        let message = refusal(of_der(&scrypt(n, r, p), Some("secret")));
        assert!(message.contains("costs too much"), "{n} {r} {p}: {message}");
    }
    for key in [
        pbkdf2(0),
        pbkdf2(1 << 40),
        scrypt(0, 8, 1),
        scrypt(1, 8, 1),
        scrypt(3, 8, 1),
        scrypt(16, 0, 1),
        scrypt(16, 8, 0),
    ] {
        let message = refusal(of_der(&key, Some("secret")));
        assert!(message.contains("not supported"), "{message}");
    }
    // What is allowed is tried.
    for key in [pbkdf2(1), pbkdf2(2048), scrypt(16, 8, 1), scrypt(1 << 14, 8, 1)] {
        assert!(refusal(of_der(&key, Some("secret"))).contains("the passphrase is wrong"));
    }
}

#[test]
fn another_encryption_is_refused_with_the_command_that_converts_it() {
    // pbeWithMD5AndDES-CBC (RFC 8018 appendix A.3) and an algorithm that is unknown.
    for oid in
        [[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 3], [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 99]]
    {
        let parameters = element(0x30, &[&element(4, &[&[1; 8]]), &number(2048)]);
        let key = element(0x30, &[&element(0x30, &[&oid, &parameters]), &element(4, &[&[9; 32]])]);
        let message = refusal(of_der(&key, Some("secret")));
        assert!(message.contains("not supported") && message.contains("openssl pkcs8 -topk8"), "{message}");
    }
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    for passphrase in [None, Some("secret")] {
        let message = refusal(of_pem(old.as_bytes(), passphrase));
        assert!(message.contains("Proc-Type") && message.contains("openssl pkcs8 -topk8"), "{message}");
    }
}

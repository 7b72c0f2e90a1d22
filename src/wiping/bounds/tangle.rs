//! Certificates that anybody can make: no one has signed them.

use super::common::certificate;

/// The certificates of a file as DER.
pub(super) fn chain(name: &str) -> Vec<Vec<u8>> {
    rustls_pemfile::certs(&mut &certificate(name)[..]).map(|one| one.unwrap().to_vec()).collect()
}

/// Bytes of the header of the element at the front, and of its contents.
fn lengths(der: &[u8]) -> (usize, usize) {
    match der[1] {
        long @ 0x80.. => {
            let digits = usize::from(long & 0x7f);
            (2 + digits, der[2..2 + digits].iter().fold(0, |length, digit| length << 8 | usize::from(*digit)))
        }
        length => (2, length.into()),
    }
}

/// The elements of a sequence.
fn parts(der: &[u8]) -> Vec<&[u8]> {
    let (header, len) = lengths(der);
    let (mut rest, mut found) = (&der[header..header + len], Vec::new());
    while !rest.is_empty() {
        let (header, len) = lengths(rest);
        let (part, more) = rest.split_at(header + len);
        found.push(part);
        rest = more;
    }
    found
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let header = match content.len() as u16 {
        short @ 0..0x80 => vec![tag, short as u8],
        medium @ 0x80..0x100 => vec![tag, 0x81, medium as u8],
        long => [&[tag, 0x82], &long.to_be_bytes()[..]].concat(),
    };
    [&header, content].concat()
}

/// As many certificates of authorities that all have one name, and a key each: each can be the issuer of each. The signatures are not
/// theirs; a path is searched for before any is checked.
pub(super) fn tangled(count: u8) -> Vec<Vec<u8>> {
    let real = chain("intermediate.pem").remove(0);
    let [signed, algorithm, signature] = parts(&real)[..] else { panic!("a certificate") };
    let signed = parts(signed);
    let made = |number: u8| {
        let (mut key, mut own) = (signed[6].to_vec(), signed.clone());
        *key.last_mut().unwrap() ^= number;
        // The issuer is the subject.
        (own[3], own[6]) = (signed[5], &key);
        element(0x30, &[&element(0x30, &own.concat()), algorithm, signature].concat())
    };
    (1..=count).map(made).collect()
}

/// As many certificates that claim to be the intermediate authority's, for which its issuer has not signed.
pub(super) fn forged(count: u8) -> Vec<Vec<u8>> {
    let real = chain("intermediate.pem").remove(0);
    let made = |number: u8| {
        let mut der = real.clone();
        let last = der.len() - 1;
        der[last] ^= number;
        der
    };
    (1..=count).map(made).collect()
}

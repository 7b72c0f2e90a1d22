//! Private keys as programs write them: without a public part, with digits left out, of sizes that a provider does not
//! load. What can be completed is; of the rest the message says what the key is and what is needed.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use spantls::session::Version;
use std::sync::Arc;

use common::{certificate, client, open_pair};
use spantls::context::{Context, Credentials, Options};

const PARAMETERS: &[u8] = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";

fn credentials(chain: &str, key: &[u8]) -> Result<Credentials, String> {
    Credentials::from_pem(&certificate(chain), key, None).map_err(|failure| failure.message.to_string())
}

/// A whole handshake: the client checks what the key has signed.
fn signs(credentials: Credentials) {
    let mut options = Options::default();
    options.set_credentials(Some(Arc::new(credentials)));
    for protocols in [Version::Tls12, Version::Tls13] {
        open_pair(client(protocols, &[]), Arc::new(Context::server(options.clone()).unwrap()));
    }
}

/// The DER of a key, and a SEC1 key as PEM.
fn decoded(name: &str) -> Vec<u8> {
    let text = certificate(name);
    match rustls_pemfile::private_key(&mut &text[..]).unwrap().unwrap() {
        rustls::pki_types::PrivateKeyDer::Sec1(key) => key.secret_sec1_der().to_vec(),
        _ => panic!("{name} is not SEC1"),
    }
}

fn sec1(der: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = b"-----BEGIN EC PRIVATE KEY-----\n".to_vec();
    for group in der.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        let digits = [18, 12, 6, 0].map(|shift| DIGITS[bits >> shift & 63]);
        text.extend(&digits[..=group.len()]);
        text.extend(&b"=="[..3 - group.len()]);
    }
    text.extend(b"\n-----END EC PRIVATE KEY-----\n");
    text
}

/// A SEC1 key of its version, these digits and nothing else.
fn bare(scalar: &[u8]) -> Vec<u8> {
    let len = u8::try_from(scalar.len()).unwrap();
    sec1(&[&[0x30, len + 5, 2, 1, 1, 4, len], scalar].concat())
}

#[test]
fn an_ec_key_without_its_public_part_takes_it_from_the_leaf() {
    for (chain, key) in [
        ("server-p256.pem", "server-p256.nopublic.key"),
        ("server-p256.pem", "server-p256.sec1-nopublic.key"),
        ("server-p384.pem", "server-p384.nopublic.key"),
        ("server-p384.pem", "server-p384.sec1-nopublic.key"),
    ] {
        let complete = credentials(chain, &certificate(key));
        signs(complete.unwrap_or_else(|message| panic!("{key}: {message}")));
    }
}

#[test]
fn an_ec_key_may_lack_its_curve_and_have_more_or_fewer_zeros_in_front() {
    let scalar = decoded("server-p256.sec1-nopublic.key")[7..39].to_vec();
    for key in [
        bare(&scalar),
        [PARAMETERS, &bare(&scalar)].concat(),
        bare(&[&[0], &scalar[..]].concat()),
        bare(&[&[0; 16], &scalar[..]].concat()),
    ] {
        signs(credentials("server-p256.pem", &key).unwrap());
    }
    // Fewer digits are another number, and no key of this leaf.
    for wrong in [&scalar[1..], &scalar[..31], &[0; 32], &[0xff; 32], &[], &[1; 33]] {
        let message = credentials("server-p256.pem", &bare(wrong)).unwrap_err();
        assert!(message.contains("does not belong to the first certificate"), "{message}");
    }
}

#[test]
fn an_ec_key_without_its_public_part_is_refused_with_another_leaf() {
    for key in ["server-p256.nopublic.key", "server-p256.sec1-nopublic.key"] {
        for chain in
            ["server-revoked.pem", "server-p384.pem", "server-rsa2048.pem", "server-ed25519.pem", "server-p521.pem"]
        {
            let message = credentials(chain, &certificate(key)).unwrap_err();
            assert!(message.contains("does not belong to the first certificate"), "{key}, {chain}: {message}");
        }
    }
    // A key without a curve, too.
    let scalar = decoded("server-p256.sec1-nopublic.key")[7..39].to_vec();
    for chain in ["server-revoked.pem", "server-p384.pem", "server-rsa2048.pem", "server-p521.pem"] {
        let message = credentials(chain, &bare(&scalar)).unwrap_err();
        assert!(message.contains("does not belong to the first certificate"), "{chain}: {message}");
    }
}

/// The header has the same table.
#[test]
fn rsa_keys_sign_where_the_header_says_so_and_the_others_are_named() {
    let ring = cfg!(not(feature = "aws-lc-rs"));
    for (name, loads, words) in [
        ("server-rsa2048", true, ""),
        ("selfsigned-rsa3072", true, ""),
        ("server-rsa4096", true, ""),
        ("selfsigned-rsa2056", !ring, "an RSA key of 2056 bits with the public exponent 65537"),
        ("selfsigned-rsa2304", !ring, "an RSA key of 2304 bits with the public exponent 65537"),
        ("selfsigned-rsa2560", !ring, "an RSA key of 2560 bits with the public exponent 65537"),
        ("selfsigned-rsa3000", !ring, "an RSA key of 3000 bits with the public exponent 65537"),
        ("selfsigned-rsa3584", !ring, "an RSA key of 3584 bits with the public exponent 65537"),
        ("selfsigned-rsa2048e3", !ring, "an RSA key of 2048 bits with the public exponent 3"),
        ("server-rsa1024", false, "an RSA key of 1024 bits"),
        ("selfsigned-rsa2047", false, "an RSA key of 2047 bits"),
        ("selfsigned-rsa4104", false, "an RSA key of 4104 bits"),
        ("selfsigned-rsa6144", false, "an RSA key of 6144 bits"),
    ] {
        let loaded = credentials(&format!("{name}.pem"), &certificate(&format!("{name}.key")));
        match loaded {
            Ok(_) => assert!(loads, "{name} is loaded"),
            Err(message) => {
                assert!(!loads && message.contains(words), "{name}: {message}");
            }
        }
    }
}

#[test]
fn keys_of_other_kinds_are_named() {
    for (name, words) in [
        ("server-p521", "an EC key on an unsupported curve"),
        ("server-secp256k1", "an EC key on an unsupported curve"),
        ("server-rsapss2048", "of an unsupported type"),
    ] {
        let message = credentials(&format!("{name}.pem"), &certificate(&format!("{name}.key"))).unwrap_err();
        assert!(message.contains(words), "{name}: {message}");
    }
    let message = credentials("server-p256.pem", &certificate("server-ed25519.key")).unwrap_err();
    assert!(message.contains("does not belong to the first certificate"), "{message}");
}

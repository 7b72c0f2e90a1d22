//! PEM text and DER that a host passes: certificates, revocation lists, keys, options. No message repeats the text, which may be
//! a key; no block is lost silently; what is refused has changed nothing.

use std::ffi::CString;

use spantls::context::{Context, Credentials, Options};
use spantls::outcome::{Failure, FailureKind};

use super::host::{self, Record};
use super::input::Input;

/// Base64 of a key that is long enough to be told from a word.
const TELLING: usize = 16;

pub fn play(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let kind = input.byte();
    // The rest, or a good text with the rest in place of a part of it: what is nearly right is read furthest.
    let text = match input.byte() {
        0 => input.rest().to_vec(),
        number => spliced(&mut input, number),
    };
    match kind % 6 {
        0 => anchors(&text),
        1 => lists(&text),
        2 => credentials(&text, &text),
        3 => credentials(&host::file("server-p256.pem"), &text),
        4 => credentials(&text, &host::file("server-p256.key")),
        _ => der(&text),
    }
}

fn spliced(input: &mut Input<'_>, number: u8) -> Vec<u8> {
    const FILES: [&str; 8] = [
        "ca.pem",
        "crl-root.pem",
        "server-p256.key",
        "server-rsa2048.pkcs1.key",
        "server-p256.sec1.key",
        "server-p256.encrypted.key",
        "server-ed25519.key",
        "intermediate.pem",
    ];
    let mut text = host::file(FILES[usize::from(number) % FILES.len()]);
    if number & 64 != 0 {
        let again = text.clone();
        text.extend_from_slice(&again);
    }
    let at = usize::from(input.u16()) % (text.len() + 1);
    let end = (at + usize::from(input.byte())).min(text.len());
    text.splice(at..end, input.rest().iter().copied());
    text
}

/// The message has nothing of the text but words.
fn checked(failure: &Failure, text: &[u8]) {
    let known = [FailureKind::Configuration, FailureKind::NotSupported];
    assert!(known.contains(&failure.kind), "{failure:?}");
    assert!(!failure.message.is_empty() && failure.message.len() < 1000, "{failure:?}");
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let message = failure.message.as_bytes();
    for run in text.split(|byte| !is_base64(byte)).filter(|run| run.len() >= TELLING) {
        for window in run.windows(TELLING) {
            let found = message.windows(TELLING).any(|part| part == window);
            assert!(!found, "the message has a part of the text: {failure:?}");
        }
    }
}

/// BEGIN lines of these labels, found without the reader: at most so many blocks can be meant.
fn begins(text: &[u8], labels: &[&str]) -> usize {
    let lines = labels.iter().map(|label| format!("-----BEGIN {label}-----"));
    lines.map(|line| text.windows(line.len()).filter(|part| *part == line.as_bytes()).count()).sum()
}

fn anchors(text: &[u8]) {
    let mut options = Options::default();
    let result = options.add_trust_anchors_pem(text);
    let added = options.num_trust_anchors();
    match &result {
        Ok(()) => {
            let begun = begins(text, &["CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE"]);
            assert_eq!(added, begun, "blocks of certificates, and certificates");
            // They can be used, or the context says why not.
            if let Err(failure) = Context::client(options) {
                checked(&failure, text);
            }
        }
        Err(failure) => {
            assert_eq!(added, 0, "a text that was refused has added certificates");
            checked(failure, text);
        }
    }
    let again = Options::default().add_trust_anchors_pem(text);
    assert_eq!(again, result, "another result for the same text");
    through_c(text, result.is_ok());
}

/// The same through the C interface, whose record is shorter than the message.
fn through_c(text: &[u8], good: bool) {
    let options = host::Options::new();
    // SAFETY: a live handle and a span.
    let status = host::sound(unsafe {
        spantls::ffi::trust_options::tls_options_add_trust_anchors_pem(options.0, text.as_ptr().cast(), text.len())
    });
    assert_eq!(status == host::COMPLETE, good, "status {status}");
    let record: Record = host::last_error();
    assert!(good || record.0.status == status && !record.text().is_empty());
}

fn lists(text: &[u8]) {
    let mut options = Options::default();
    match options.add_crls_pem(text) {
        Ok(()) => assert!(begins(text, &["X509 CRL"]) > 0, "a list from nowhere"),
        Err(failure) => checked(&failure, text),
    }
}

fn credentials(chain: &[u8], key: &[u8]) {
    let all = [chain, b"\n", key].concat();
    match Credentials::from_pem(chain, key, None) {
        Ok(_) => {
            assert!(begins(chain, &["CERTIFICATE", "X509 CERTIFICATE", "X.509 CERTIFICATE"]) > 0);
            assert!(begins(key, &["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]) > 0);
        }
        Err(failure) => checked(&failure, &all),
    }
    if let Err(failure) = Credentials::external(chain, &[0x0403, 0x0807, 0x0804]) {
        checked(&failure, &all);
    }
}

/// A text as DER, as a path, and as a name.
fn der(text: &[u8]) {
    for result in [Credentials::from_der(&[text], text, None).map(drop), Options::default().add_trust_anchors_der(text)]
    {
        if let Err(failure) = result {
            checked(&failure, text);
        }
    }
    if let Err(failure) = Options::default().add_crls_der(text) {
        checked(&failure, text);
    }
    // PEM text that is passed as a path is not repeated.
    if text.windows(11).any(|part| part == b"-----BEGIN ")
        && let Ok(path) = CString::new(text)
        && let Ok(path) = path.to_str()
    {
        let failure = Credentials::from_files(path, path, None).err().unwrap();
        checked(&failure, text);
    }
}

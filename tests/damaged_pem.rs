//! Keys and certificates as PEM texts that were damaged on their way, in a few hundred ways: what is clear is read, the
//! rest is refused, no block is lost in silence, and no message holds any of a key.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::{HashMap, HashSet};

use common::certificate;
use spantls::context::{Credentials, Options, TicketRoot};
use spantls::outcome::{Failure, FailureKind};

/// Chain and key of each encoding.
const KEYS: [(&str, &str); 6] = [
    ("server-p256.pem", "server-p256.key"),
    ("server-p256.pem", "server-p256.sec1.key"),
    ("server-p384.pem", "server-p384.key"),
    ("server-rsa2048.pem", "server-rsa2048.key"),
    ("server-rsa2048.pem", "server-rsa2048.pkcs1.key"),
    ("server-ed25519.pem", "server-ed25519.key"),
];

fn text(name: &str) -> String {
    String::from_utf8(certificate(name)).unwrap()
}

/// The lines of a block: BEGIN, the base64, END.
fn parts(pem: &str) -> (&str, Vec<&str>, &str) {
    let mut lines: Vec<&str> = pem.lines().collect();
    let end = lines.pop().unwrap();
    let begin = lines.remove(0);
    (begin, lines, end)
}

/// Texts that have one reading only.
fn clear(pem: &str) -> Vec<(String, String)> {
    let (begin, lines, end) = parts(pem);
    let indented = pem.lines().map(|line| format!(" \t{line} \n")).collect::<String>();
    let one_line = format!("{begin}\n{}\n{end}", lines.concat());
    [
        ("as it is", pem.into()),
        ("no line end at the end", pem.trim_end().into()),
        ("CR LF", pem.replace('\n', "\r\n")),
        ("CR", pem.replace('\n', "\r")),
        ("byte-order mark", format!("\u{feff}{pem}")),
        ("indented", indented),
        ("base64 in one line", one_line),
        ("spaces in the base64", format!("{begin}\n{}\n{end}", lines.join(" "))),
        ("empty lines", format!("\n\n{begin}\n\n{}\n\n{end}\n\n", lines.join("\n\n"))),
        ("text around it", format!("front-end server, dead-end: 1\n{pem}---\n=====\nmore text\n")),
        ("a comment with a BEGIN line", format!("# -----BEGIN PRIVATE KEY-----\n{pem}")),
        (
            "parameters before it",
            format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{pem}"),
        ),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_string(), text))
    .collect()
}

/// Texts that lack something, or that can be read in two ways.
#[expect(clippy::too_many_lines, reason = "a table")]
fn damaged(pem: &str) -> Vec<(String, String)> {
    let (begin, lines, end) = parts(pem);
    let body = lines.join("\n");
    let framed = |begin: &str, end: &str| format!("{begin}\n{body}\n{end}\n");
    let label = begin.trim_matches('-').trim_start_matches("BEGIN ").to_string();
    let mut texts: Vec<(String, String)> = [
        ("literal line ends", pem.replace('\n', r"\n")),
        ("literal CR LF", pem.replace('\n', r"\r\n")),
        ("doubly literal line ends", pem.replace('\n', r"\\n")),
        ("a literal line end after BEGIN", format!(r"{begin}\n{body}{}{end}", "\n")),
        ("a literal line end before END", format!(r"{begin}{}{body}\n{end}", "\n")),
        ("spaces for line ends", pem.replace('\n', " ")),
        ("no line ends", pem.replace('\n', "")),
        ("no line end after BEGIN", format!("{begin}{body}\n{end}")),
        ("a space after BEGIN", format!("{begin} {body}\n{end}")),
        ("no line end before END", format!("{begin}\n{body}{end}")),
        ("a space before END", format!("{begin}\n{body} {end}")),
        ("in quotes", format!("\"{pem}\"")),
        ("in JSON", format!("{{\"key\": \"{}\"}}", pem.replace('\n', r"\n"))),
        ("in YAML", format!("key: {pem}")),
        ("no BEGIN line", format!("{body}\n{end}\n")),
        ("no END line", format!("{begin}\n{body}\n")),
        ("neither", body.clone()),
        ("BEGIN twice", format!("{begin}\n{pem}")),
        ("END twice", format!("{pem}{end}\n")),
        ("the base64 twice", framed(begin, &format!("{body}\n{end}"))),
        ("no base64", format!("{begin}\n{end}\n")),
        ("the key in the BEGIN line", framed(&format!("-----BEGIN {}-----", lines[0]), end)),
        ("the key behind BEGIN", framed(&format!("-----BEGIN {label}{}-----", lines[0]), end)),
        ("the key in the END line", framed(begin, &format!("-----END {}-----", lines[0]))),
        ("text after END", format!("{}{}\n", pem.trim_end(), lines[0])),
        ("quoted as in a mail", pem.lines().map(|line| format!("> {line}\n")).collect()),
        ("numbered lines", pem.lines().enumerate().map(|(n, line)| format!("{n}: {line}\n")).collect()),
        ("NUL bytes", pem.chars().flat_map(|c| [c, '\0']).collect()),
        ("header lines", framed(&format!("{begin}\nComment: {}\n", lines[0]), end)),
        ("old encryption", framed(&format!("{begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n"), end)),
    ]
    .into_iter()
    .map(|(name, text)| (name.to_string(), text))
    .collect();
    let begins = [
        "----BEGIN {}-----",
        "---BEGIN {}---",
        "------BEGIN {}-----",
        "-----BEGIN {}----",
        "-----BEGIN {}------",
        "-----BEGIN{}-----",
        "----- BEGIN {} -----",
        "-----begin {}-----",
        "-----Begin {}-----",
        "BEGIN {}-----",
        "\u{2014}BEGIN {}\u{2014}",
        "\u{2013}\u{2013}\u{2013}BEGIN {}\u{2013}\u{2013}\u{2013}",
        "-----BEGN {}-----",
        "-----BEGIN {}",
        "x-----BEGIN {}-----",
        "-----BEGIN  {}-----",
        "-----BEGIN {} -----",
        "- ----BEGIN {}-----",
        "-----START {}-----",
        "-----BEGIN {}-----x",
        "$-----BEGIN {}-----",
    ];
    for damage in begins {
        let line = damage.replace("{}", &label);
        texts.push((format!("BEGIN as {line}"), framed(&line, end)));
        let line = line.replace("BEGIN", "END").replace("begin", "end").replace("Begin", "End").replace("BEGN", "EN");
        texts.push((format!("END as {line}"), framed(begin, &line)));
        texts.push((format!("both as {line}"), framed(&damage.replace("{}", &label), &line)));
    }
    for wrong in
        ["KEY", "PRIVATE", "ECPRIVATE KEY", "private key", "OPENSSH PRIVATE KEY", "TRUSTED CERTIFICATE", "PKCS7", ""]
    {
        texts.push((
            format!("labelled {wrong}"),
            framed(&format!("-----BEGIN {wrong}-----"), &format!("-----END {wrong}-----")),
        ));
        texts.push((format!("ended as {wrong}"), framed(begin, &format!("-----END {wrong}-----"))));
    }
    let flat = lines.concat();
    let framed = |body: &str| format!("{begin}\n{body}\n{end}\n");
    for part in 1..8 {
        let at = flat.len() * part / 8;
        // Not a whole number of groups, so that it is no base64; and a whole one, so that only the DER is cut short.
        texts.push((format!("cut at {at}"), framed(&flat[..at / 4 * 4 + 1])));
        texts.push((format!("cut at a group near {at}"), framed(&flat[..at / 4 * 4])));
        for bad in ['*', '-', '_', '.', '\\', '\u{e9}', '\u{a0}', '='] {
            texts.push((format!("{bad:?} at {at}"), framed(&format!("{}{bad}{}", &flat[..at], &flat[at + 1..]))));
        }
        texts.push((format!("a character less at {at}"), framed(&format!("{}{}", &flat[..at], &flat[at + 1..]))));
        texts.push((format!("literal line end at {at}"), framed(&format!(r"{}\n{}", &flat[..at], &flat[at..]))));
    }
    texts
}

/// What no message may hold: any twelve characters of the base64; any twelve bytes of it, or of what it encodes, in
/// decimal or hexadecimal digits, however these are set apart.
struct Secret {
    characters: HashSet<Vec<u8>>,
    bytes: HashSet<Vec<u8>>,
    digits: HashSet<Vec<u8>>,
}

impl Secret {
    fn of(pem: &str) -> Self {
        let base64 = parts(pem).1.concat();
        let windows = |text: &[u8], len: usize| text.windows(len).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let characters = windows(base64.as_bytes(), 12).into_iter().collect();
        let bytes = [windows(base64.as_bytes(), 12), windows(&decoded(&base64), 12)].concat();
        let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes();
        let digits = bytes.iter().map(hex).collect();
        Self { characters, bytes: bytes.into_iter().collect(), digits }
    }

    fn is_in(&self, message: &str) -> bool {
        let numbers: Vec<u8> =
            message.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        let digits: Vec<u8> = message.to_lowercase().bytes().filter(u8::is_ascii_hexdigit).collect();
        message.as_bytes().windows(12).any(|window| self.characters.contains(window))
            || numbers.windows(12).any(|window| self.bytes.contains(window))
            || digits.windows(24).any(|window| self.digits.contains(window))
    }
}

fn decoded(base64: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = base64.bytes().filter(|byte| *byte != b'=').map(value).collect();
    let group = |four: &[u8]| {
        let bits = four.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(*digit)) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

/// Every way in which a host can give such a text, rightly or not.
fn failures_of(text: &[u8], chain: &[u8]) -> Vec<Failure> {
    let path = String::from_utf8_lossy(text);
    [
        Credentials::from_pem(chain, text, None).err(),
        Credentials::from_pem(text, text, None).err(),
        Credentials::from_pem(text, chain, None).err(),
        Credentials::from_files(&path, "nowhere", None).err(),
        Credentials::from_files(concat!(env!("CARGO_MANIFEST_DIR"), "/ffi-tests/certs/ca.pem"), &path, None).err(),
        Credentials::external(text, &[0x0403]).err(),
        Options::default().add_trust_anchors_pem(text).err(),
        Options::default().add_trust_anchors_file(&path).err(),
        Options::default().add_crls_pem(text).err(),
        // In a folder that is not there: some texts would make a file.
        Options::default().set_key_log_file(&format!("nowhere/{path}")).err(),
        Options::default().set_ticket_roots(&[TicketRoot { secret: text, seal_from: 0, open_until: 0 }]).err(),
        Options::default().add_alpn(text).err(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn no_message_about_a_damaged_key_holds_any_of_it() {
    let mut texts = 0;
    for (chain, key) in KEYS {
        let (chain, pem) = (text(chain), text(key));
        let secret = Secret::of(&pem);
        let base64 = parts(&pem).1.concat();
        let piece = &decoded(&base64)[20..32];
        for leak in [format!("it has {}.", &base64[20..32]), format!("{piece:?}"), format!("{piece:02X?}")] {
            assert!(secret.is_in(&leak), "{leak}");
        }
        let mut messages: HashMap<String, String> = HashMap::new();
        for (name, text) in clear(&pem).into_iter().chain(damaged(&pem)) {
            texts += 1;
            let combined = format!("{chain}{text}");
            for given in [text.as_bytes(), combined.as_bytes()] {
                for failure in failures_of(given, chain.as_bytes()) {
                    messages.entry(format!("{} {failure:?}", failure.message)).or_insert_with(|| name.clone());
                }
            }
        }
        for (message, name) in messages {
            assert!(!secret.is_in(&message), "{key}, {name}: {message}");
        }
    }
    assert!(texts > 1000, "{texts}");
}

#[test]
fn what_is_clear_is_read_and_what_is_damaged_is_refused() {
    for (chain, key) in KEYS {
        let (chain, pem) = (text(chain), text(key));
        for (name, text) in clear(&pem) {
            let read = Credentials::from_pem(chain.as_bytes(), text.as_bytes(), None);
            assert!(read.is_ok(), "{key}, {name}: {}", read.unwrap_err().message);
        }
        for (name, text) in damaged(&pem) {
            let read = Credentials::from_pem(chain.as_bytes(), text.as_bytes(), None);
            assert!(read.is_err_and(|failure| failure.kind == FailureKind::Configuration), "{key}, {name} is read");
        }
    }
}

#[test]
fn well_known_mistakes_are_named() {
    let chain = text("server-p256.pem");
    let pem = text("server-p256.key");
    let message = |key: &[u8]| Credentials::from_pem(chain.as_bytes(), key, None).unwrap_err().message.to_string();
    for literal in [r"\n", r"\r\n"] {
        let message = message(pem.replace('\n', literal).as_bytes());
        assert!(message.contains(r"two characters \n") && message.contains("replace them"), "{message}");
    }
    let says = |key: &[u8], words: &str| assert!(message(key).contains(words), "{}", message(key));
    says(pem.replace('\n', " ").as_bytes(), "line ends are lost, or have become spaces");
    says(&decoded(&parts(&pem).1.concat()), "it is DER");
    says(b"LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1JR0hBZ0VBTUJNR0J5cUdTTTQ5QWdFR0ND", "encoded in base64 again");
    says(&certificate("server-p256.encrypted.key"), "is encrypted: its passphrase is needed");
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    says(old.as_bytes(), "it is encrypted in the old form");
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(pem.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    says(&utf16, "UTF-16");
    says("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n".as_bytes(), "ssh-keygen");
    let failure = Credentials::from_files(&pem, &pem, None).unwrap_err();
    assert!(failure.message.contains("PEM text"), "{}", failure.message);
}

/// How many anchors a text gives.
fn anchors(text: &str) -> Result<usize, Failure> {
    let mut options = Options::default();
    options.add_trust_anchors_pem(text.as_bytes())?;
    Ok(options.num_trust_anchors())
}

#[test]
fn of_a_bundle_no_block_is_lost() {
    let [one, two] = [text("ca.pem"), text("other-ca.pem")];
    let (key, list) = (text("server-p256.key"), text("crl-root.pem"));
    let of = |label: &str| one.replace("CERTIFICATE", label);
    for (name, bundle, expected) in [
        ("two", format!("{one}{two}"), 2),
        ("no line end between two", format!("{}{two}", one.trim_end()), 2),
        ("a space between two", format!("{} {two}", one.trim_end()), 2),
        ("a byte-order mark at the front", format!("\u{feff}{one}{two}"), 2),
        ("a byte-order mark before each", format!("\u{feff}{one}\u{feff}{two}"), 2),
        (
            "an indented block",
            format!("{one}{}", two.lines().map(|line| format!("    {line}\n")).collect::<String>()),
            2,
        ),
        ("old labels", format!("{}{}", of("X509 CERTIFICATE"), of("X.509 CERTIFICATE")), 2),
        ("a key among them", format!("{one}{key}{two}"), 2),
        ("a revocation list among them", format!("{one}{list}{two}"), 2),
        ("text between them", format!("{one}subject=CN = front-end\n=====\n{two}"), 2),
    ] {
        let found = anchors(&bundle);
        assert_eq!(found, Ok(expected), "{name}");
    }
    for (name, other) in [
        ("TRUSTED CERTIFICATE", of("TRUSTED CERTIFICATE")),
        ("PKCS7", of("PKCS7")),
        ("an unknown label", of("CERTIFICATES")),
        ("four dashes", one.replace("-----", "----")),
        ("a quoted block", format!("> {one}")),
    ] {
        for bundle in [format!("{other}{two}"), format!("{two}{other}")] {
            let failure = anchors(&bundle).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Configuration, "{name}");
            assert!(failure.message.contains("line "), "{name}: {}", failure.message);
        }
    }
}

#[test]
fn files_that_serve_several_purposes_are_read_as_before() {
    let (chain, key) = (text("server-p256.pem"), text("server-p256.key"));
    let (sec1, list) = (text("server-p256.sec1.key"), text("crl-root.pem"));
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let encrypted = text("server-p256.encrypted.key");
    for (name, chain, key) in [
        ("one file for both", format!("{chain}{key}"), format!("{chain}{key}")),
        ("the key first", format!("{key}{chain}"), format!("{key}{chain}")),
        ("parameters", chain.clone(), format!("{parameters}{sec1}")),
        ("the key twice", chain.clone(), format!("{sec1}{key}")),
        ("the same key encrypted", chain.clone(), format!("{encrypted}{key}")),
    ] {
        let read = Credentials::from_pem(chain.as_bytes(), key.as_bytes(), None);
        assert!(read.is_ok(), "{name}: {}", read.unwrap_err().message);
    }
    let mut options = Options::default();
    options.add_crls_pem(format!("{chain}{list}").as_bytes()).unwrap();
}

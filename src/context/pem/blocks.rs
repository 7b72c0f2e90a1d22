//! The blocks of a PEM text (RFC 7468), found before rustls-pemfile decodes each. rustls-pemfile skips what it does not
//! recognise, so a damaged BEGIN line would silently drop a certificate; and its errors quote the text, which may be a
//! private key. Here a line that looks like a BEGIN or END line either is one, or the text is refused.
//!
//! Accepted beyond the RFC's strict form, since only one reading is possible: a byte-order mark and white space around a
//! line, and a BEGIN line that follows an END line without a line end.

use rustls_pemfile::Item;
use zeroize::Zeroizing;

/// What is wrong with a PEM text, and where. It holds nothing of the text, so that no message can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PemFault {
    pub(super) line: usize,
    pub(super) words: &'static str,
}

/// What a block with a certain label holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    Certificate,
    RevocationList,
    PrivateKey,
    /// PKCS #8, encrypted.
    EncryptedKey,
    /// In the form that OpenSSL wrote once (RFC 1421 section 4.6.1.1).
    OldEncryptedKey,
    /// Often found in such files, but not needed here: skipped.
    Companion,
    /// It may hold what is wanted in a form that is not supported: skipping it would lose that.
    Refused(&'static str),
}

/// A block whose BEGIN and END lines belong together.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    label: &'static Label,
    /// The number of its BEGIN line.
    line: usize,
    body: &'a [u8],
}

/// All blocks of a text: as many as it has BEGIN lines.
pub(super) fn blocks(text: &[u8]) -> Result<Vec<Block<'_>>, PemFault> {
    if text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
        return Err(PemFault { line: 1, words: "the text is UTF-16: PEM is ASCII" });
    }
    let mut scanner = Scanner { text, found: Vec::new(), open: None };
    for line in lines(text) {
        scanner.read(&line)?;
    }
    match scanner.open {
        Some(open) => Err(PemFault { line: open.line, words: NO_END }),
        None => Ok(scanner.found),
    }
}

impl Block<'_> {
    pub(super) fn contents(&self) -> Contents {
        match self.label.contents {
            Contents::PrivateKey if contains(self.body, b"Proc-Type:") && contains(self.body, b"ENCRYPTED") => {
                Contents::OldEncryptedKey
            }
            contents => contents,
        }
    }

    pub(super) fn fault(&self, words: &'static str) -> PemFault {
        PemFault { line: self.line, words }
    }

    /// What the block holds, decoded by rustls-pemfile from a copy without white space; the copy is wiped.
    pub(super) fn decode(&self) -> Result<Item, PemFault> {
        self.check_characters()?;
        let label = self.label.canonical.unwrap_or(self.label.name).as_bytes();
        let mut copy = Zeroizing::new(Vec::with_capacity(self.body.len() + 2 * label.len() + 32));
        for part in [b"-----BEGIN ", label, b"-----\n"] {
            copy.extend_from_slice(part);
        }
        copy.extend(self.body.iter().filter(|byte| !is_space(**byte)));
        for part in [b"\n-----END ", label, b"-----\n"] {
            copy.extend_from_slice(part);
        }
        match rustls_pemfile::read_one_from_slice(&copy) {
            Ok(Some((item, _))) => Ok(item),
            Ok(None) | Err(_) => Err(self.fault(BAD_BASE64)),
        }
    }

    fn check_characters(&self) -> Result<(), PemFault> {
        let wrong =
            |byte: &&u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') || is_space(**byte));
        match self.body.iter().find(wrong) {
            Some(b':') => Err(self.fault("the block begins with header lines, which are not supported")),
            Some(_) if contains(self.body, br"\n") => Err(self.fault(LITERAL_LINE_ENDS)),
            Some(_) => Err(self.fault("the block holds characters that are not base64")),
            None if self.body.iter().all(|byte| is_space(*byte)) => Err(self.fault("the block is empty")),
            None => Ok(()),
        }
    }
}

struct Label {
    name: &'static str,
    /// The label that RFC 7468 has for the same.
    canonical: Option<&'static str>,
    contents: Contents,
}

const fn label(name: &'static str, contents: Contents) -> Label {
    Label { name, canonical: None, contents }
}

const fn old_label(name: &'static str, canonical: &'static str, contents: Contents) -> Label {
    Label { name, canonical: Some(canonical), contents }
}

/// RFC 7468 and what OpenSSL writes.
static LABELS: [Label; 23] = [
    label("CERTIFICATE", Contents::Certificate),
    old_label("X509 CERTIFICATE", "CERTIFICATE", Contents::Certificate),
    old_label("X.509 CERTIFICATE", "CERTIFICATE", Contents::Certificate),
    label("X509 CRL", Contents::RevocationList),
    label("PRIVATE KEY", Contents::PrivateKey),
    label("RSA PRIVATE KEY", Contents::PrivateKey),
    label("EC PRIVATE KEY", Contents::PrivateKey),
    // rustls-pemfile has no item for it; as DER it is looked at later.
    old_label("ENCRYPTED PRIVATE KEY", "PRIVATE KEY", Contents::EncryptedKey),
    label("DSA PRIVATE KEY", Contents::Companion),
    label("EC PARAMETERS", Contents::Companion),
    label("DH PARAMETERS", Contents::Companion),
    label("X9.42 DH PARAMETERS", Contents::Companion),
    label("DSA PARAMETERS", Contents::Companion),
    label("PUBLIC KEY", Contents::Companion),
    label("RSA PUBLIC KEY", Contents::Companion),
    label("CERTIFICATE REQUEST", Contents::Companion),
    label("NEW CERTIFICATE REQUEST", Contents::Companion),
    label("TRUSTED CERTIFICATE", Contents::Refused(TRUSTED)),
    label("PKCS7", Contents::Refused(PKCS7)),
    label("PKCS #7 SIGNED DATA", Contents::Refused(PKCS7)),
    label("CMS", Contents::Refused(PKCS7)),
    label("OPENSSH PRIVATE KEY", Contents::Refused(OPENSSH)),
    label("SSH2 ENCRYPTED PRIVATE KEY", Contents::Refused(OPENSSH)),
];

struct Line<'a> {
    number: usize,
    bytes: &'a [u8],
    /// Where its bytes begin in the text.
    start: usize,
    /// Where the next line begins.
    next: usize,
}

/// A block whose END line has not come yet.
struct Open {
    label: &'static Label,
    line: usize,
    /// Where its body begins.
    body: usize,
}

struct Scanner<'a> {
    text: &'a [u8],
    found: Vec<Block<'a>>,
    open: Option<Open>,
}

impl<'a> Scanner<'a> {
    fn read(&mut self, line: &Line<'_>) -> Result<(), PemFault> {
        match self.open.take() {
            Some(open) => self.inside(open, line),
            None => self.outside(line),
        }
    }

    fn outside(&mut self, line: &Line<'_>) -> Result<(), PemFault> {
        let text = trimmed(line.bytes);
        if text.starts_with(BEGIN) {
            self.begin(line, text)
        } else if is_marker(text) && !text.starts_with(b"#") {
            Err(line.fault(NOT_A_MARKER))
        } else {
            Ok(())
        }
    }

    fn inside(&mut self, open: Open, line: &Line<'_>) -> Result<(), PemFault> {
        let text = trimmed(line.bytes);
        let Some(after) = text.strip_prefix(END) else {
            if is_marker(text) {
                return Err(PemFault { line: open.line, ..line.fault(NO_END) });
            }
            self.open = Some(open);
            return Ok(());
        };
        let after = after.strip_prefix(open.label.name.as_bytes()).and_then(|after| after.strip_prefix(DASHES));
        let after = after.map(trimmed).ok_or_else(|| line.fault(OTHER_END))?;
        self.found.push(Block { label: open.label, line: open.line, body: &self.text[open.body..line.start] });
        match after {
            [] => Ok(()),
            _ if after.starts_with(BEGIN) => self.begin(line, after),
            _ => Err(line.fault(NOT_ALONE)),
        }
    }

    fn begin(&mut self, line: &Line<'_>, text: &[u8]) -> Result<(), PemFault> {
        let name = &text[BEGIN.len()..];
        let end = find(name, DASHES).ok_or_else(|| line.fault(NOT_A_MARKER))?;
        let (name, after) = (&name[..end], trimmed(&name[end + DASHES.len()..]));
        if !after.is_empty() {
            return Err(line.fault(NOT_ALONE));
        }
        let label = LABELS.iter().find(|label| label.name.as_bytes() == name);
        let label = label.ok_or_else(|| line.fault("the block's label is unknown"))?;
        if let Contents::Refused(words) = label.contents {
            return Err(line.fault(words));
        }
        self.open = Some(Open { label, line: line.number, body: line.next });
        Ok(())
    }
}

impl Line<'_> {
    fn fault(&self, words: &'static str) -> PemFault {
        PemFault { line: self.number, words: if contains(self.bytes, br"\n") { LITERAL_LINE_ENDS } else { words } }
    }
}

/// Lines as they are written anywhere: they end with LF, CR LF or CR.
fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let (mut start, mut number) = (0, 0);
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let ending = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        number += 1;
        let line = Line { number, bytes: &rest[..end], start, next: text.len().min(start + end + ending) };
        start = line.next;
        Some(line)
    })
}

/// Whether this was meant to be a BEGIN or END line: five dashes and letters, or dashes and one of these words.
fn is_marker(text: &[u8]) -> bool {
    if contains(text, DASHES) && text.iter().any(u8::is_ascii_alphabetic) {
        return true;
    }
    // What word processors make of dashes is not ASCII.
    let word = text.iter().position(u8::is_ascii_alphabetic).unwrap_or(text.len());
    let (dashes, word) = text.split_at(word);
    let begins = |with: &[u8]| word.get(..with.len()).is_some_and(|front| front.eq_ignore_ascii_case(with));
    dashes.iter().any(|byte| *byte == b'-' || !byte.is_ascii()) && (begins(b"BEGIN") || begins(b"END "))
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii_start();
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line).trim_ascii()
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    find(text, word).is_some()
}

const DASHES: &[u8] = b"-----";
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

pub(super) const LITERAL_LINE_ENDS: &str =
    r"the line ends are the two characters \n, as in an environment variable or JSON: replace them with line ends";
const NOT_ALONE: &str = "other text is on the line of a BEGIN or END: line ends are lost, or have become spaces";
const NOT_A_MARKER: &str = "this looks like a BEGIN or END line, but is damaged or not at the start of its line";
const NO_END: &str = "the block that begins here has no END line";
const OTHER_END: &str = "this END line does not belong to the BEGIN line before it";
const BAD_BASE64: &str = "the block is not base64: characters are missing or changed";
const TRUSTED: &str =
    "a TRUSTED CERTIFICATE block also holds OpenSSL settings: convert it to a CERTIFICATE with `openssl x509`";
const PKCS7: &str = "the certificates are in a PKCS #7 block: extract them with `openssl pkcs7 -print_certs`";
const OPENSSH: &str = "the key is in OpenSSH format: convert it with `ssh-keygen -p -m PKCS8`";

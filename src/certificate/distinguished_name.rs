//! Distinguished names as text (RFC 4514): no two names that differ in what they say have the same text.

use asn1::{ObjectIdentifier, Tlv, oid};

use super::structure::Name;
use super::upper_hex;

const COMMON_NAME: ObjectIdentifier = oid!(2, 5, 4, 3);

/// The short names that RFC 4514 section 3 and RFC 4519 have registered, and the one that everyone uses for RFC 2985's
/// e-mail address.
const SHORT_NAMES: [(ObjectIdentifier, &str); 20] = [
    (COMMON_NAME, "CN"),
    (oid!(2, 5, 4, 4), "sn"),
    (oid!(2, 5, 4, 5), "serialNumber"),
    (oid!(2, 5, 4, 6), "C"),
    (oid!(2, 5, 4, 7), "L"),
    (oid!(2, 5, 4, 8), "ST"),
    (oid!(2, 5, 4, 9), "STREET"),
    (oid!(2, 5, 4, 10), "O"),
    (oid!(2, 5, 4, 11), "OU"),
    (oid!(2, 5, 4, 12), "title"),
    (oid!(2, 5, 4, 13), "description"),
    (oid!(2, 5, 4, 15), "businessCategory"),
    (oid!(2, 5, 4, 17), "postalCode"),
    (oid!(2, 5, 4, 42), "givenName"),
    (oid!(2, 5, 4, 43), "initials"),
    (oid!(2, 5, 4, 44), "generationQualifier"),
    (oid!(2, 5, 4, 46), "dnQualifier"),
    (oid!(0, 9, 2342, 19200300, 100, 1, 1), "UID"),
    (oid!(0, 9, 2342, 19200300, 100, 1, 25), "DC"),
    (oid!(1, 2, 840, 113549, 1, 9, 1), "emailAddress"),
];

/// The text of a name, the most specific part first (RFC 4514 section 2.1); `None` if an RDN has no attribute, which
/// RFC 5280 does not allow.
pub(super) fn text(name: &Name<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for rdn in name.clone() {
        let mut attributes: Vec<String> = rdn.map(|attribute| pair(&attribute.kind, &attribute.value)).collect();
        if attributes.is_empty() {
            return None;
        }
        attributes.reverse();
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

/// The values of a name's common names, in its order; `None` for one that is not text.
pub(super) fn common_names(name: &Name<'_>) -> impl Iterator<Item = Option<String>> {
    name.clone().flatten().filter(|attribute| attribute.kind == COMMON_NAME).map(|attribute| string(&attribute.value))
}

/// Section 2.3 and 2.4: a type without a short name, and a value that is not a string, are written as numbers.
fn pair(kind: &ObjectIdentifier, value: &Tlv<'_>) -> String {
    let short = SHORT_NAMES.iter().find(|(known, _)| known == kind).map(|(_, short)| *short);
    match (short, string(value)) {
        (Some(short), Some(string)) => format!("{short}={}", escape(&string)),
        (Some(short), None) => format!("{short}=#{}", upper_hex(value.full_data())),
        (None, _) => format!("{kind}=#{}", upper_hex(value.full_data())),
    }
}

/// A string of one of ASN.1's types (X.680 section 41), if it is well-formed.
fn string(value: &Tlv<'_>) -> Option<String> {
    let bytes = value.data();
    match value.tag().as_u8()? {
        UTF8_STRING => std::str::from_utf8(bytes).ok().map(str::to_owned),
        // Their sets of characters are ASCII or less; '*' and '@' are met in PrintableStrings and say what they say.
        NUMERIC_STRING | PRINTABLE_STRING | IA5_STRING | VISIBLE_STRING => {
            bytes.is_ascii().then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        // T.61 has more than one character set. It is used, and read everywhere, as ISO 8859-1.
        TELETEX_STRING => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        BMP_STRING => {
            let (units, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
        }
        UNIVERSAL_STRING => {
            let (units, rest) = bytes.as_chunks::<4>();
            let characters = units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit)));
            rest.is_empty().then(|| characters.collect()).flatten()
        }
        _ => None,
    }
}

const UTF8_STRING: u8 = 12;
const NUMERIC_STRING: u8 = 18;
const PRINTABLE_STRING: u8 = 19;
const TELETEX_STRING: u8 = 20;
const IA5_STRING: u8 = 22;
const VISIBLE_STRING: u8 = 26;
const UNIVERSAL_STRING: u8 = 28;
const BMP_STRING: u8 = 30;

/// Section 2.4. Control characters, and those that change what is seen without being seen, are written as hexadecimal pairs.
fn escape(string: &str) -> String {
    let mut escaped = String::with_capacity(string.len());
    for (at, character) in string.char_indices() {
        let first = at == 0;
        let last = at + character.len_utf8() == string.len();
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', character]),
            '#' if first => escaped.push_str("\\#"),
            ' ' if first || last => escaped.push_str("\\ "),
            _ if is_unseen(character) => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    escaped.push('\\');
                    escaped.push_str(&upper_hex(&[byte]));
                }
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Characters that are not seen, or change what is seen.
pub(super) fn is_unseen(character: char) -> bool {
    character.is_control() || is_hidden(character)
}

/// Characters that have no shape, or change the direction or the lines of the text around them (Unicode's Cf, Zl, Zp and the
/// tags and variation selectors).
fn is_hidden(character: char) -> bool {
    matches!(u32::from(character),
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x2028..=0x202e
        | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1bca0..=0x1bca3
        | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

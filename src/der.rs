//! DER (X.690), as far as fields of certificates and keys are read where they stand.

use std::ops::Range;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Whether this is one SEQUENCE, whole, with nothing after it.
pub(crate) fn is_sequence(der: &[u8]) -> bool {
    inside(der, 0..der.len(), SEQUENCE).is_some_and(|contents| contents.end == der.len())
}

/// Whether this begins as a PKCS #12 file (RFC 7292 section 4): version 3, and a PKCS #7 ContentInfo.
pub(crate) fn is_pkcs12(der: &[u8]) -> bool {
    const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7];
    let content_type = || {
        let mut fields = inside(der, 0..der.len(), SEQUENCE)?;
        let version = element(der, &mut fields, INTEGER)?;
        let content = element(der, &mut fields, SEQUENCE)?;
        (der[version] == [3]).then(|| inside(der, content, OID))?
    };
    content_type().is_some_and(|content_type| der[content_type].starts_with(PKCS7))
}

/// The contents of the first element in `range`, if it has this tag.
pub(crate) fn inside(der: &[u8], mut range: Range<usize>, tag: u8) -> Option<Range<usize>> {
    element(der, &mut range, tag)
}

/// The contents of the element at the front of `rest`, if it has this tag: then `rest` moves past it.
pub(crate) fn element(der: &[u8], rest: &mut Range<usize>, tag: u8) -> Option<Range<usize>> {
    let mut behind = rest.clone();
    let (found, contents) = any_element(der, &mut behind)?;
    (found == tag).then(|| {
        *rest = behind;
        contents
    })
}

/// The tag and the contents of the element at the front of `rest`, which moves past it.
pub(crate) fn any_element(der: &[u8], rest: &mut Range<usize>) -> Option<(u8, Range<usize>)> {
    let front = der.get(rest.clone())?;
    let (tag, first) = (*front.first()?, *front.get(1)?);
    // Nothing here is longer than a handshake message, or than what a host gives for trusted.
    let (header, length) = match first {
        0..=0x7f => (2, usize::from(first)),
        0x81..=0x84 => {
            let digits = usize::from(first & 0x7f);
            let digits = front.get(2..2 + digits)?;
            (2 + digits.len(), digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)))
        }
        _ => return None,
    };
    if length > front.len() - header {
        return None;
    }
    let start = rest.start + header;
    rest.start = start + length;
    Some((tag, start..start + length))
}

/// An element of this tag, whose contents are these parts.
pub(crate) fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
    let mut der = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => der.push(short),
        // At most eight digits.
        _ => der.push(0x80 | digits.len() as u8),
    }
    if length > 0x7f {
        der.extend(digits);
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrapped_is_inside() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let contents = vec![7; length];
            let der = wrap(SEQUENCE, &[&contents[..length / 2], &contents[length / 2..]]);
            assert!(is_sequence(&der), "{length}");
            assert_eq!(der[inside(&der, 0..der.len(), SEQUENCE).unwrap()], contents, "{length}");
        }
        assert_eq!(wrap(INTEGER, &[&[5]]), [2, 1, 5]);
        assert_eq!(wrap(SEQUENCE, &[&[0; 200]])[..3], [0x30, 0x81, 200]);
    }
}

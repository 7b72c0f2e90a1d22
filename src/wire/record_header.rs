//! Record headers: refused at the first byte that proves them wrong.

use super::ContentType;
use crate::limits::RECORD_HEADER;
use crate::outcome::{Alert, Failure};

/// A record that is wholly there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) content_type: ContentType,
    /// Bytes after the header.
    pub(crate) payload_len: usize,
}

impl Header {
    /// Bytes of the whole record.
    pub(crate) fn record_len(&self) -> usize {
        RECORD_HEADER + self.payload_len
    }
}

/// The record at the front of `input`, or `None` while it is incomplete. `max_payload` is what the keys in force
/// allow; a longer record is refused from its header alone, before its bytes are waited for.
#[inline]
pub(crate) fn next_record(input: &[u8], max_payload: usize) -> Result<Option<Header>, Failure> {
    let Some(&type_byte) = input.first() else { return Ok(None) };
    // RFC 8446 section 5: an unexpected record type ends the connection with unexpected_message.
    let content_type = ContentType::from_byte(type_byte).ok_or_else(|| unknown_type(type_byte))?;
    // RFC 8446 section 5.1: the major version has been 3 since SSL 3.0; the minor one says nothing.
    if let Some(&major) = input.get(1)
        && major != 3
    {
        return Err(unknown_version(major));
    }
    let Some(header) = input.first_chunk::<RECORD_HEADER>() else { return Ok(None) };
    let payload_len = usize::from(u16::from_be_bytes([header[3], header[4]]));
    // RFC 8446 section 5.2, RFC 5246 section 6.2.3.
    if payload_len > max_payload {
        return Err(too_long(payload_len, max_payload));
    }
    let header = Header { content_type, payload_len };
    Ok((input.len() >= header.record_len()).then_some(header))
}

#[cold]
fn unknown_type(type_byte: u8) -> Failure {
    let message = format!("this is not TLS: a record begins with byte {type_byte:#04x}");
    Failure::protocol(Alert::UNEXPECTED_MESSAGE, message)
}

#[cold]
fn unknown_version(major: u8) -> Failure {
    Failure::protocol(Alert::PROTOCOL_VERSION, format!("this is not TLS: a record has major version {major}"))
}

#[cold]
fn too_long(payload_len: usize, max_payload: usize) -> Failure {
    let message = format!("a record of {payload_len} bytes is longer than the {max_payload} allowed");
    Failure::protocol(Alert::RECORD_OVERFLOW, message)
}

/// A record header. `payload_len` fits 16 bits: records are never longer than 2^14 + 2048.
#[inline]
pub(crate) fn bytes(content_type: ContentType, payload_len: usize) -> [u8; RECORD_HEADER] {
    debug_assert!(payload_len <= usize::from(u16::MAX));
    let [high, low] = (payload_len as u16).to_be_bytes();
    // RFC 8446 section 5.1: legacy_record_version is 0x0303 for all records after the hellos.
    [content_type as u8, 3, 3, high, low]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_refused_at_the_first_byte_that_proves_it() {
        assert_eq!(next_record(b"", 100), Ok(None));
        assert_eq!(next_record(b"G", 100).unwrap_err().alert_sent, Some(Alert::UNEXPECTED_MESSAGE));
        assert_eq!(next_record(&[0x80, 0x2e], 100).unwrap_err().alert_sent, Some(Alert::UNEXPECTED_MESSAGE));
        assert_eq!(next_record(&[22, 2], 100).unwrap_err().alert_sent, Some(Alert::PROTOCOL_VERSION));
        assert_eq!(next_record(&[22, 3], 100), Ok(None));
    }

    #[test]
    fn an_over_long_record_is_refused_from_its_header() {
        assert_eq!(next_record(&[22, 3, 3, 0x40], 16384), Ok(None));
        assert_eq!(next_record(&[22, 3, 3, 0x40, 0], 16384), Ok(None));
        let failure = next_record(&[22, 3, 3, 0x40, 1], 16384).unwrap_err();
        assert_eq!(failure.alert_sent, Some(Alert::RECORD_OVERFLOW));
    }

    #[test]
    fn a_record_is_found_when_its_last_byte_is_there() {
        assert_eq!(next_record(&[23, 3, 3, 0, 2, 1], 100), Ok(None));
        let header = next_record(&[23, 3, 3, 0, 2, 1, 2, 99], 100).unwrap().unwrap();
        assert_eq!((header.content_type, header.record_len()), (ContentType::ApplicationData, 7));
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(bytes(ContentType::Handshake, 0x1234), [22, 3, 3, 0x12, 0x34]);
    }
}

//! Records in clear, and the headers of all: refused at the first byte that proves them wrong.

use super::ContentType;
use crate::limits::{MAX_PLAINTEXT, RECORD_HEADER};
use crate::outcome::{Alert, Failure, Result};

/// `legacy_record_version` (RFC 8446 section 5.1) of all records after the hellos.
pub(crate) const VERSION: [u8; 2] = [3, 3];

/// The whole record (RFC 5246 section 7.1).
pub(crate) const CHANGE_CIPHER_SPEC: [u8; RECORD_HEADER + 1] = [ContentType::ChangeCipherSpec as u8, 3, 3, 0, 1, 1];

/// A record that is wholly there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) content_type: ContentType,
    /// With its header.
    pub(crate) bytes: &'a [u8],
}

impl<'a> Record<'a> {
    pub(crate) fn payload(self) -> &'a [u8] {
        self.bytes.get(RECORD_HEADER..).unwrap_or_default()
    }

    /// `legacy_record_version`.
    pub(crate) fn version(self) -> &'a [u8] {
        self.bytes.get(1..3).unwrap_or_default()
    }
}

/// The record at the front of `input`, or `None` while it is incomplete. `max_payload` is what the keys in force
/// allow; a longer record is refused from its header alone, before its bytes are waited for.
#[inline]
pub(crate) fn next_record(input: &[u8], max_payload: usize) -> Result<Option<Record<'_>>> {
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
    let payload_len = payload_len(header);
    // RFC 8446 section 5.2, RFC 5246 section 6.2.3.
    if payload_len > max_payload {
        return Err(too_long(payload_len, max_payload));
    }
    Ok(input.get(..RECORD_HEADER + payload_len).map(|bytes| Record { content_type, bytes }))
}

/// How far the record at the front of `input` reaches; while its header is incomplete, how far that does.
pub(crate) fn reach(input: &[u8]) -> usize {
    RECORD_HEADER + input.first_chunk().map_or(0, payload_len)
}

fn payload_len(&[_, _, _, high, low]: &[u8; RECORD_HEADER]) -> usize {
    usize::from(u16::from_be_bytes([high, low]))
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
pub(crate) fn header(content_type: ContentType, payload_len: usize) -> [u8; RECORD_HEADER] {
    debug_assert!(payload_len <= usize::from(u16::MAX));
    let [high, low] = (payload_len as u16).to_be_bytes();
    [content_type as u8, VERSION[0], VERSION[1], high, low]
}

/// Appends `payload` to `output` as records in clear, as few as there can be.
pub(crate) fn write(content_type: ContentType, payload: &[u8], output: &mut Vec<u8>) {
    for fragment in payload.chunks(MAX_PLAINTEXT) {
        output.extend_from_slice(&header(content_type, fragment.len()));
        output.extend_from_slice(fragment);
    }
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
        let record = next_record(&[23, 3, 3, 0, 2, 1, 2, 99], 100).unwrap().unwrap();
        assert_eq!((record.content_type, record.bytes.len()), (ContentType::ApplicationData, 7));
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(header(ContentType::Handshake, 0x1234), [22, 3, 3, 0x12, 0x34]);
    }
}

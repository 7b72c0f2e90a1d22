//! What a certificate says: facts, texts and names of any bytes, as the C functions tell them, beside rustls's comparison of names.

use std::ffi::CString;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use spantls::ffi::certificate;

use super::host::{self, COMPLETE, INVALID_ARGUMENT, NOT_SUPPORTED, Room, Status, TOO_SMALL};
use super::input::Input;

const FIELDS: i32 = 8;
const DNS_NAME: i32 = 5;

pub fn play(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let asked = String::from_utf8_lossy(input.bytes()).into_owned();
    let der = match input.byte() {
        0 => input.rest().to_vec(),
        number => spliced(&mut input, number),
    };
    let info = info(&der);
    let mut names = vec![asked];
    for field in 1..=FIELDS {
        for index in 0.. {
            match text(&der, field, index) {
                Ok(text) if field == DNS_NAME => names.push(text),
                Ok(_) | Err(NOT_SUPPORTED) => {}
                Err(status) => {
                    assert_eq!(status, INVALID_ARGUMENT);
                    // What has no facts has no texts. A part that the facts do not need may be malformed.
                    let num = info.as_ref().map_or(Some(0), |info| number_of(info, field));
                    assert!(num.is_none_or(|num| index == num as usize), "{index} texts of field {field}: {info:?}");
                    break;
                }
            }
        }
    }
    for name in names {
        compare_name(&der, &name);
    }
}

fn spliced(input: &mut Input<'_>, number: u8) -> Vec<u8> {
    const FILES: [&str; 5] = ["server-p256.pem", "ca.pem", "server-rsa2048.pem", "server-extended.pem", "deep-ca.pem"];
    let text = host::file(FILES[usize::from(number) % FILES.len()]);
    let mut der = rustls_pemfile::certs(&mut &text[..]).next().unwrap().unwrap().to_vec();
    let at = usize::from(input.u16()) % (der.len() + 1);
    let end = (at + usize::from(input.byte())).min(der.len());
    der.splice(at..end, input.rest().iter().copied());
    der
}

fn info(der: &[u8]) -> Option<certificate::spantls_certificate_info_t> {
    // SAFETY: numbers and bytes alone, which zero is a value of.
    let mut info: certificate::spantls_certificate_info_t = unsafe { std::mem::zeroed() };
    info.struct_size = size_of_val(&info);
    // SAFETY: a span, and a struct with its size in it.
    let status =
        host::sound(unsafe { certificate::spantls_certificate_info(der.as_ptr().cast(), der.len(), &mut info) });
    assert!([COMPLETE, INVALID_ARGUMENT].contains(&status), "status {status}");
    assert!(info.is_ca == 0 || info.is_ca == 1 && info.reserved == 0);
    (status == COMPLETE).then_some(info)
}

/// How many texts the facts promise for a field, if they depend on it.
fn number_of(info: &certificate::spantls_certificate_info_t, field: i32) -> Option<u32> {
    match field {
        3 => Some(info.num_common_names),
        DNS_NAME => Some(info.num_dns_names),
        6 => Some(info.num_ip_addresses),
        7 => Some(info.num_uris),
        FIELDS => Some(info.num_emails),
        _ => None,
    }
}

/// Asked for its length, then copied: text with a closing NUL and none inside.
fn text(der: &[u8], field: i32, index: usize) -> Result<String, Status> {
    let get = |room: &mut Room, cap, len: &mut usize| {
        let (at, len) = (room.at().cast(), &raw mut *len);
        // SAFETY: spans of their lengths, and a place for the length.
        host::sound(unsafe {
            certificate::spantls_certificate_text(der.as_ptr().cast(), der.len(), field, index, at, cap, len)
        })
    };
    let (mut nothing, mut len) = (Room::new(0), 77);
    let status = get(&mut nothing, 0, &mut len);
    assert!(nothing.taken(0, false).is_empty());
    if status != TOO_SMALL {
        assert!(status < 0 && len == 0, "status {status}, {len} bytes");
        return Err(status);
    }
    if len >= host::LARGEST {
        return Err(NOT_SUPPORTED);
    }
    let (mut room, mut copied) = (Room::new(len + 1), 77);
    assert_eq!((get(&mut room, len + 1, &mut copied), copied), (COMPLETE, len));
    let bytes = room.taken(len + 1, false);
    assert_eq!(bytes.iter().position(|byte| *byte == 0), Some(len), "a NUL inside of the text, or none after it");
    Ok(String::from_utf8(bytes[..len].to_vec()).unwrap())
}

/// Where rustls can read the certificate it must say the same of the name.
fn compare_name(der: &[u8], name: &str) {
    let Ok(in_c) = CString::new(name) else { return };
    // SAFETY: a span and a string.
    let ours = host::sound(unsafe {
        certificate::spantls_certificate_matches_name(der.as_ptr().cast(), der.len(), in_c.as_ptr())
    });
    assert!([COMPLETE, INVALID_ARGUMENT, host::AUTHENTICATION_FAILED].contains(&ours), "status {ours}");
    let der = CertificateDer::from(der);
    let Ok(server_name) = ServerName::try_from(name.strip_suffix('.').unwrap_or(name)) else {
        assert_ne!(ours, COMPLETE, "{name:?} is not a name");
        return;
    };
    if let Ok(parsed) = ParsedCertificate::try_from(&der) {
        let theirs = verify_server_name(&parsed, &server_name).is_ok();
        assert!((ours == COMPLETE) == theirs || ours == INVALID_ARGUMENT, "{name:?}: {ours} here, {theirs} there");
    }
}

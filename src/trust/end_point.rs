//! The hash of a server's certificate that names a connection's end point (RFC 5929 section 4.1).

use super::fields;
use crate::crypto::end_point::EndPoint;
use crate::crypto::provider::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

// Contents of object identifiers: RFC 8017 appendix C, RFC 5758 section 3.2, RFC 8410 section 3.
const MD5_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4];
const SHA1_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const SHA384_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12];
const SHA512_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13];
const ECDSA_WITH_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
const ECDSA_WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4];
const ID_SHA1: &[u8] = &[0x2b, 0x0e, 3, 2, 0x1a];
const ID_SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
const ID_SHA384: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2];
const ID_SHA512: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3];

/// The hash of a server's certificate.
pub(crate) fn end_point(certificate: &[u8]) -> EndPoint {
    let algorithm = hash_of(certificate);
    EndPoint::new(digest(algorithm.unwrap_or(&SHA256), certificate).as_ref(), algorithm.is_some())
}

/// The hash of the certificate's signature; SHA-256 in place of MD5 and SHA-1.
fn hash_of(certificate: &[u8]) -> Option<&'static Algorithm> {
    let (algorithm, hash) = fields::signature_algorithm(certificate)?;
    match algorithm {
        MD5_WITH_RSA | SHA1_WITH_RSA | ECDSA_WITH_SHA1 | SHA256_WITH_RSA | ECDSA_WITH_SHA256 => Some(&SHA256),
        SHA384_WITH_RSA | ECDSA_WITH_SHA384 => Some(&SHA384),
        SHA512_WITH_RSA | ECDSA_WITH_SHA512 => Some(&SHA512),
        RSASSA_PSS => match hash {
            // RFC 8017 appendix A.2.3: SHA-1 is the default.
            None | Some(ID_SHA1 | ID_SHA256) => Some(&SHA256),
            Some(ID_SHA384) => Some(&SHA384),
            Some(ID_SHA512) => Some(&SHA512),
            Some(_) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::fields::tests::certificate;

    #[test]
    fn a_certificate_binds_with_the_hash_of_its_signature() {
        for (name, len) in [
            ("signed-ecdsa-sha256", Some(32)),
            ("signed-rsa-sha1", Some(32)),
            ("signed-rsa-sha384", Some(48)),
            ("signed-pss-sha512", Some(64)),
            ("signed-ed25519", None),
        ] {
            let certificate = certificate(name);
            assert_eq!(end_point(&certificate).binding().map(<[u8]>::len), len, "{name}");
            assert_ne!(end_point(&certificate), end_point(&certificate[1..]));
        }
    }
}

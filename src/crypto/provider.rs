//! Where the algorithms come from: ring, or aws-lc-rs, which is taken if both are there. The interface and what is
//! supported are the same. Nothing else in here names a provider: what is needed of one is taken from this room.

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
compile_error!("spantls needs the feature \"ring\" or \"aws-lc-rs\"");

#[cfg(feature = "aws-lc-rs")]
mod with_aws_lc_rs;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
mod with_ring;

#[cfg(feature = "aws-lc-rs")]
pub(crate) use with_aws_lc_rs::{HYBRID, RSA_KEYS, RecordKey, aead, base, digest, hkdf, rand, signatures};
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) use with_ring::{HYBRID, RSA_KEYS, RecordKey, aead, base, digest, hkdf, rand, signatures};

use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;

/// The signatures that are checked: those that both providers know.
pub(crate) static SIGNATURES: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[
        signatures::ECDSA_P256_SHA256,
        signatures::ECDSA_P256_SHA384,
        signatures::ECDSA_P384_SHA256,
        signatures::ECDSA_P384_SHA384,
        signatures::ED25519,
        signatures::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        signatures::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        signatures::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
        signatures::RSA_PKCS1_2048_8192_SHA256,
        signatures::RSA_PKCS1_2048_8192_SHA384,
        signatures::RSA_PKCS1_2048_8192_SHA512,
        signatures::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
        signatures::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
        signatures::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    ],
    // The order is the order of preference. The first algorithm of a scheme is the one that TLS 1.3 binds it to; in
    // TLS 1.2 the curve is free.
    mapping: &[
        (SignatureScheme::ECDSA_NISTP384_SHA384, &[signatures::ECDSA_P384_SHA384, signatures::ECDSA_P256_SHA384]),
        (SignatureScheme::ECDSA_NISTP256_SHA256, &[signatures::ECDSA_P256_SHA256, signatures::ECDSA_P384_SHA256]),
        (SignatureScheme::ED25519, &[signatures::ED25519]),
        (SignatureScheme::RSA_PSS_SHA512, &[signatures::RSA_PSS_2048_8192_SHA512_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA384, &[signatures::RSA_PSS_2048_8192_SHA384_LEGACY_KEY]),
        (SignatureScheme::RSA_PSS_SHA256, &[signatures::RSA_PSS_2048_8192_SHA256_LEGACY_KEY]),
        (SignatureScheme::RSA_PKCS1_SHA512, &[signatures::RSA_PKCS1_2048_8192_SHA512]),
        (SignatureScheme::RSA_PKCS1_SHA384, &[signatures::RSA_PKCS1_2048_8192_SHA384]),
        (SignatureScheme::RSA_PKCS1_SHA256, &[signatures::RSA_PKCS1_2048_8192_SHA256]),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    /// ring is among the tests' dependencies whatever the provider.
    #[test]
    fn signatures_are_those_of_ring() {
        let ring = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let schemes = |all: WebPkiSupportedAlgorithms| {
            let count = |(scheme, algorithms): &(SignatureScheme, &[_])| (*scheme, algorithms.len());
            all.mapping.iter().map(count).collect::<Vec<_>>()
        };
        assert_eq!(schemes(SIGNATURES), schemes(ring));
        let identifiers = |all: WebPkiSupportedAlgorithms| {
            let pair = |one: &&dyn rustls::pki_types::SignatureVerificationAlgorithm| {
                (one.public_key_alg_id(), one.signature_alg_id())
            };
            all.all.iter().map(pair).collect::<Vec<_>>()
        };
        assert_eq!(identifiers(SIGNATURES), identifiers(ring));
    }
}

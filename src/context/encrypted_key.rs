//! Private keys that are encrypted with a passphrase: PKCS #8 (RFC 5958 section 3) with PBES2 (RFC 8018 section 6.2). The crate
//! pkcs5 decrypts; what it may cost is checked before, since a file can ask for any number of rounds and bytes. Memory that
//! has held the passphrase or the key is wiped: on the heap by the library's allocator, on the stack by the caller.

use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use crate::der::{OCTET_STRING, SEQUENCE, element, inside};
use crate::outcome::{Failure, Result};

/// An EncryptedPrivateKeyInfo.
struct Encrypted<'a> {
    /// The AlgorithmIdentifier, whole.
    algorithm: &'a [u8],
    data: &'a [u8],
}

impl<'a> Encrypted<'a> {
    fn read(key: &'a [u8]) -> Option<Self> {
        let mut fields = inside(key, 0..key.len(), SEQUENCE)?;
        let start = fields.start;
        element(key, &mut fields, SEQUENCE)?;
        let algorithm = &key[start..fields.start];
        let data = &key[element(key, &mut fields, OCTET_STRING)?];
        Some(Self { algorithm, data })
    }
}

/// The key of an EncryptedPrivateKeyInfo (DER).
pub(super) fn decrypted(key: &[u8], passphrase: Option<&[u8]>) -> Result<Zeroizing<PrivateKeyDer<'static>>> {
    let encrypted = Encrypted::read(key)
        .ok_or_else(|| Failure::configuration("the private key is encrypted, and damaged: it cannot be read"))?;
    let passphrase = passphrase.ok_or_else(|| {
        Failure::configuration("the private key is encrypted: its passphrase is needed, and none was given")
    })?;
    decrypt(&encrypted, passphrase)
}

#[cfg(not(feature = "encrypted-keys"))]
fn decrypt(encrypted: &Encrypted<'_>, _: &[u8]) -> Result<Zeroizing<PrivateKeyDer<'static>>> {
    let _ = (encrypted.algorithm, encrypted.data);
    Err(Failure::not_supported(
        "this library was built without the feature `encrypted-keys`: decrypt the private key with `openssl pkey`",
    ))
}

#[cfg(feature = "encrypted-keys")]
fn decrypt(encrypted: &Encrypted<'_>, passphrase: &[u8]) -> Result<Zeroizing<PrivateKeyDer<'static>>> {
    use rustls::pki_types::PrivatePkcs8KeyDer;

    let parameters = match pkcs5::EncryptionScheme::try_from(encrypted.algorithm) {
        Ok(pkcs5::EncryptionScheme::Pbes2(parameters)) => parameters,
        Ok(_) | Err(_) => return Err(unsupported()),
    };
    check_cost(&parameters.kdf)?;
    let mut data = Zeroizing::new(encrypted.data.to_vec());
    let len = parameters.decrypt_in_place(passphrase, &mut data).map_err(refused)?.len();
    data.truncate(len);
    // Padding that is right by chance has data that is not.
    if !crate::der::is_sequence(&data) {
        return Err(refused(pkcs5::Error::DecryptFailed));
    }
    Ok(Zeroizing::new(PrivatePkcs8KeyDer::from(std::mem::take(&mut *data)).into()))
}

/// Whether the host need not wait for long, and has the memory.
#[cfg(feature = "encrypted-keys")]
fn check_cost(kdf: &pkcs5::pbes2::Kdf) -> Result<()> {
    use crate::limits::{MAX_PBKDF2_ROUNDS, MAX_SCRYPT_MEMORY, MAX_SCRYPT_TURNS};
    use pkcs5::pbes2::Kdf;

    let too_much = |what: String| {
        Err(Failure::configuration(format!(
            "the private key is encrypted in a way that costs too much to decrypt: {what}"
        )))
    };
    match kdf {
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count > MAX_PBKDF2_ROUNDS => {
            too_much(format!("more than {MAX_PBKDF2_ROUNDS} rounds of PBKDF2"))
        }
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count == 0 => Err(unsupported()),
        Kdf::Pbkdf2(_) => Ok(()),
        Kdf::Scrypt(scrypt) => {
            // RFC 7914 section 6: N blocks that are filled again for each turn, and one block for each turn.
            let of_blocks = |blocks: u64| blocks.saturating_mul(128 * u64::from(scrypt.block_size));
            let (filled, turns) = (of_blocks(scrypt.cost_parameter), of_blocks(scrypt.parallelization.into()));
            if filled.max(turns) > MAX_SCRYPT_MEMORY || scrypt.parallelization > MAX_SCRYPT_TURNS {
                return too_much(format!(
                    "scrypt with more than {} MiB, or p above {MAX_SCRYPT_TURNS}",
                    MAX_SCRYPT_MEMORY >> 20
                ));
            }
            // RFC 7914 section 6; pkcs5 takes the logarithm of N.
            if scrypt.cost_parameter < 2 || scrypt.block_size == 0 || scrypt.parallelization == 0 {
                return Err(unsupported());
            }
            is_there(filled + turns)
        }
        _ => Err(unsupported()),
    }
}

/// scrypt allocates without asking.
#[cfg(feature = "encrypted-keys")]
fn is_there(memory: u64) -> Result<()> {
    let reserved = usize::try_from(memory).ok().map(|len| Vec::<u8>::new().try_reserve_exact(len));
    match reserved {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) | None => Err(Failure::new(
            crate::outcome::FailureKind::Resources,
            format!(
                "the private key is encrypted with scrypt, and there is no memory of {} MiB to decrypt it",
                memory >> 20
            ),
        )),
    }
}

/// pkcs5's errors, in our words.
#[cfg(feature = "encrypted-keys")]
fn refused(error: pkcs5::Error) -> Failure {
    match error {
        pkcs5::Error::DecryptFailed => Failure::configuration(
            "the private key cannot be decrypted: the passphrase is wrong, or the key is damaged",
        ),
        _ => unsupported(),
    }
}

#[cfg(feature = "encrypted-keys")]
fn unsupported() -> Failure {
    Failure::configuration(
        "the private key is encrypted in a way that is not supported: PBES2 with PBKDF2 (HMAC-SHA-1 or SHA-2) or scrypt, and AES or \
         triple DES, is needed. Convert it with `openssl pkcs8 -topk8 -in OLD -out NEW`",
    )
}

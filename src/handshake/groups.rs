//! The key-exchange groups: the provider's, and X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem), which stays secret as long
//! as either of its halves does.
//!
//! ```text
//!   client's share    ML-KEM-768 encapsulation key, 1184   │  X25519 public key, 32
//!   server's share    ML-KEM-768 ciphertext, 1088          │  X25519 public key, 32
//!   shared secret     ML-KEM-768 shared secret, 32         │  X25519 shared secret, 32
//! ```
//!
//! ML-KEM needs more stack than a fiber should give away: it runs on the host's. A provider that has this group itself
//! is taken at its word; see `crypto::provider`.

use rustls::crypto::{ActiveKeyExchange, CompletedKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::{Error, NamedGroup, PeerMisbehaved, ProtocolVersion};

use super::fiber::on_host_stack;
use crate::crypto::ml_kem;
use crate::crypto::provider::HYBRID;
use crate::crypto::provider::base::kx_group::{SECP256R1, SECP384R1, X25519};

/// Every group, in the order of preference. A client offers a share of the first, and if that is X25519MLKEM768 the
/// X25519 half of it as well.
pub(crate) fn all() -> [&'static dyn SupportedKxGroup; 4] {
    [HYBRID.unwrap_or(&X25519MlKem768), X25519, SECP256R1, SECP384R1]
}

/// The group with this IANA number.
pub(crate) fn group(id: u16) -> Option<&'static dyn SupportedKxGroup> {
    all().into_iter().find(|group| u16::from(group.name()) == id)
}

/// Whether a client with these groups sends shares of both X25519MLKEM768 and X25519.
pub(crate) fn offers_both(groups: &[&'static dyn SupportedKxGroup]) -> bool {
    let mut names = groups.iter().map(|group| group.name());
    names.next() == Some(NamedGroup::X25519MLKEM768) && names.any(|name| name == NamedGroup::X25519)
}

/// X25519MLKEM768.
#[derive(Debug)]
struct X25519MlKem768;

impl SupportedKxGroup for X25519MlKem768 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let x25519 = X25519.start()?;
        let (ml_kem, encapsulation_key) = on_host_stack(ml_kem::DecapsulationKey::generate)?;
        let share = joined(&encapsulation_key, x25519.pub_key());
        Ok(Box::new(Exchange { x25519, ml_kem, share }))
    }

    fn start_and_complete(&self, peer: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let (encapsulation_key, public) = halves::<{ ml_kem::ENCAPSULATION_KEY }>(peer)?;
        let x25519 = X25519.start_and_complete(public)?;
        let (ciphertext, secret) = on_host_stack(|| ml_kem::enclose(encapsulation_key))?;
        Ok(CompletedKeyExchange {
            group: self.name(),
            pub_key: joined(&ciphertext, &x25519.pub_key),
            secret: joined(&*secret, x25519.secret.secret_bytes()).into(),
        })
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

/// A client's exchange, its share on the way.
struct Exchange {
    x25519: Box<dyn ActiveKeyExchange>,
    ml_kem: ml_kem::DecapsulationKey,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let Self { x25519, ml_kem, .. } = *self;
        let (ciphertext, public) = halves::<{ ml_kem::CIPHERTEXT }>(peer)?;
        let x25519 = x25519.complete(public)?;
        let secret = on_host_stack(|| ml_kem.decapsulate(ciphertext))?;
        Ok(joined(&*secret, x25519.secret_bytes()).into())
    }

    /// The same X25519 key is offered alone, for servers without the hybrid group (draft-ietf-tls-hybrid-design section 3.2).
    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((self.x25519.group(), self.x25519.pub_key()))
    }

    fn complete_hybrid_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.x25519.complete(peer)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}

/// The halves of a peer's share, the first of which has `N` bytes.
fn halves<const N: usize>(share: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    match share.split_at_checked(N) {
        Some((ml_kem, x25519)) if x25519.len() == X25519_PUBLIC_KEY => Ok((ml_kem, x25519)),
        _ => Err(PeerMisbehaved::InvalidKeyShare.into()),
    }
}

/// Allocated once, so that growing leaves no copy of a secret in a freed block.
fn joined(ml_kem: &[u8], x25519: &[u8]) -> Vec<u8> {
    [ml_kem, x25519].concat()
}

/// Bytes of a public key (RFC 7748 section 5).
const X25519_PUBLIC_KEY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &dyn SupportedKxGroup = &X25519MlKem768;

    fn refused<T>(result: Result<T, Error>) {
        assert_eq!(result.err(), Some(PeerMisbehaved::InvalidKeyShare.into()));
    }

    #[test]
    fn both_sides_get_the_same_secret() {
        let client = GROUP.start().unwrap();
        assert_eq!((client.pub_key().len(), u16::from(client.group())), (1216, 0x11EC));
        let server = GROUP.start_and_complete(client.pub_key()).unwrap();
        assert_eq!((server.pub_key.len(), server.secret.secret_bytes().len()), (1120, 64));
        assert_eq!(u16::from(server.group), 0x11EC);
        let secret = client.complete(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());
    }

    #[test]
    fn ml_kem_comes_first_in_shares_and_in_the_secret() {
        let client = GROUP.start().unwrap();
        let (encapsulation_key, public) = client.pub_key().split_at(1184);
        let (group, alone) = client.hybrid_component().unwrap();
        assert_eq!((u16::from(group), alone), (0x001D, public));
        // A server put together by hand.
        let x25519 = X25519.start_and_complete(public).unwrap();
        let (ciphertext, secret) = ml_kem::enclose(encapsulation_key).unwrap();
        let found = client.complete(&[&ciphertext[..], &x25519.pub_key].concat()).unwrap();
        assert_eq!(found.secret_bytes(), [&secret[..], x25519.secret.secret_bytes()].concat());
    }

    #[test]
    fn the_classical_half_can_be_completed_alone() {
        let client = GROUP.start().unwrap();
        let server = X25519.start_and_complete(client.hybrid_component().unwrap().1).unwrap();
        let secret = client.complete_hybrid_component(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());
        refused(GROUP.start().unwrap().complete_hybrid_component(&[0; 32]));
    }

    #[test]
    fn a_malformed_share_of_a_client_is_refused() {
        let client = GROUP.start().unwrap();
        let share = client.pub_key();
        for len in [0, 1, 32, 1184, 1215] {
            refused(GROUP.start_and_complete(&share[..len]));
        }
        refused(GROUP.start_and_complete(&[share, &[0]].concat()));
        // X25519 that gives zero: no key, and another point of small order (RFC 7748 section 6.1).
        for public in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            refused(GROUP.start_and_complete(&[&share[..1184], &public].concat()));
        }
        // FIPS 203 section 7.2: a coefficient of q = 3329, the first, the last and one in between, and the largest.
        for (at, value) in [(0, 3329), (400, 3329), (767, 3329), (0, 4095), (767, 4095)] {
            refused(GROUP.start_and_complete(&with_coefficient(share, at, value)));
        }
        assert!(GROUP.start_and_complete(&with_coefficient(share, 767, 3328)).is_ok());
    }

    #[test]
    fn a_malformed_share_of_a_server_is_refused() {
        let share = GROUP.start_and_complete(GROUP.start().unwrap().pub_key()).unwrap().pub_key;
        for len in [0, 1, 32, 1088, 1119] {
            refused(GROUP.start().unwrap().complete(&share[..len]));
        }
        refused(GROUP.start().unwrap().complete(&[&share[..], &[0]].concat()));
        refused(GROUP.start().unwrap().complete(&[&share[..1088], &[0; 32]].concat()));
    }

    /// Each of the 768 coefficients has 12 bits (FIPS 203 section 4.2.1).
    fn with_coefficient(share: &[u8], at: usize, value: u16) -> Vec<u8> {
        let mut share = share.to_vec();
        let pair = &mut share[at / 2 * 3..][..3];
        match at % 2 {
            0 => (pair[0], pair[1]) = (value as u8, pair[1] & 0xf0 | (value >> 8) as u8),
            _ => (pair[1], pair[2]) = (pair[1] & 0x0f | (value << 4) as u8, (value >> 4) as u8),
        }
        share
    }
}

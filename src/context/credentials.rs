//! A certificate chain and its private key.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{der_form, pem, private_key};
use crate::crypto::own_key::OwnKey;
use crate::handshake::external_key::ExternalKey;
use crate::limits::{MAX_OCSP_RESPONSE, MAX_OWN_CHAIN};
use crate::outcome::{Failure, Result};
use crate::wiping::stack::{HANDSHAKE, wiping};
use zeroize::Zeroizing;

/// A chain and the key that belongs to its leaf. Immutable but for the staple.
#[derive(Debug)]
pub struct Credentials {
    key: Arc<OwnKey>,
}

impl Credentials {
    /// From PEM texts. The passphrase is for a key that is encrypted, and otherwise ignored.
    pub fn from_pem(chain: &[u8], key: &[u8], passphrase: Option<&[u8]>) -> Result<Self> {
        let chain = own_chain(pem::certificates(chain, "the chain")?)?;
        Self::load(chain, || pem::private_key(key, passphrase))
    }

    /// From PEM files.
    pub fn from_files(chain: &str, key: &str, passphrase: Option<&[u8]>) -> Result<Self> {
        let chain = pem::file(chain)?;
        let key = pem::file(key)?;
        Self::from_pem(&chain, &key, passphrase)
    }

    /// From certificates and a key as DER: PKCS #8, encrypted or not, PKCS #1 or SEC 1.
    pub fn from_der(certificates: &[&[u8]], key: &[u8], passphrase: Option<&[u8]>) -> Result<Self> {
        let chain = certificates.iter().enumerate().map(|(index, der)| der_form::certificate(index, der));
        let chain = own_chain(chain.collect::<Result<_, _>>()?)?;
        Self::load(chain, || der_form::private_key(key, passphrase))
    }

    fn load(
        chain: Vec<CertificateDer<'static>>,
        key: impl FnOnce() -> Result<Zeroizing<PrivateKeyDer<'static>>>,
    ) -> Result<Self> {
        let key = wiping::<HANDSHAKE, _>(|| private_key::load(chain, &*key()?))?;
        Ok(Self { key: OwnKey::new(key) })
    }

    /// From a chain as PEM text, with a key that the host signs with when it is asked to.
    pub fn external(chain: &[u8], schemes: &[u16]) -> Result<Self> {
        let chain = own_chain(pem::certificates(chain, "the chain")?)?;
        let leaf = chain.first().ok_or_else(|| Failure::configuration("the chain is empty"))?.clone();
        let key = ExternalKey::new(leaf, schemes)?;
        Ok(Self { key: OwnKey::new(CertifiedKey::new(chain, Arc::new(key))) })
    }

    /// Later handshakes staple this OCSP response (DER); empty is none.
    pub fn set_ocsp_response(&self, response: &[u8]) -> Result<()> {
        // RFC 6066 section 8; it must fit beside the chain into a Certificate message.
        if response.len() > MAX_OCSP_RESPONSE {
            return Err(Failure::argument("an OCSP response of this length does not fit into a handshake message"));
        }
        self.key.staple((!response.is_empty()).then(|| response.to_vec()));
        Ok(())
    }

    pub(crate) fn own_key(&self) -> Arc<OwnKey> {
        self.key.clone()
    }
}

/// A chain that peers will take.
fn own_chain(chain: Vec<CertificateDer<'static>>) -> Result<Vec<CertificateDer<'static>>> {
    if chain.iter().map(|certificate| certificate.len() + 5).sum::<usize>() > MAX_OWN_CHAIN {
        return Err(Failure::configuration("the chain is longer than peers accept: leave out what they do not need"));
    }
    Ok(chain)
}

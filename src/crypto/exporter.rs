//! Keying material for the host (RFC 5705, RFC 8446 section 7.5), which rustls's unbuffered connections do not offer.

use rustls::Tls13CipherSuite;
use rustls::crypto::tls12::Prf;
use rustls::crypto::tls13::OkmBlock;

use super::secrets::Secret;
use super::traffic::expand_label;
use crate::outcome::{Failure, Result};
use crate::wiping::stack::{DERIVING, wiping};

/// Bytes of both randoms of TLS 1.2.
pub(crate) const RANDOMS: usize = 64;

/// Labels with which TLS 1.2 derives its own secrets (RFC 5705 section 4).
const RESERVED: [&[u8]; 5] =
    [b"client finished", b"server finished", b"master secret", b"extended master secret", b"key expansion"];

/// What keying material is derived from.
pub(crate) enum Exporter {
    /// The exporter master secret.
    Tls13 { suite: &'static Tls13CipherSuite, secret: Secret },
    /// Boxed: TLS 1.3 sessions shall not pay for it.
    Tls12(Box<Tls12Secrets>),
}

/// What TLS 1.2 derives from.
pub(crate) struct Tls12Secrets {
    pub(crate) prf: &'static dyn Prf,
    pub(crate) master: Secret,
    /// The client's, followed by the server's.
    pub(crate) randoms: [u8; RANDOMS],
    /// `verify_data` of the first Finished (RFC 5929 section 3.1).
    pub(crate) first_finished: Option<[u8; 12]>,
}

impl Exporter {
    /// tls-unique; TLS 1.3 has none.
    pub(crate) fn unique(&self) -> Option<[u8; 12]> {
        match self {
            Self::Tls13 { .. } => None,
            Self::Tls12(secrets) => secrets.first_finished,
        }
    }

    pub(crate) fn export(&self, label: &[u8], context: Option<&[u8]>, output: &mut [u8]) -> Result<()> {
        wiping::<DERIVING, _>(|| self.derive(label, context, output))
    }

    fn derive(&self, label: &[u8], context: Option<&[u8]>, output: &mut [u8]) -> Result<()> {
        if output.is_empty() {
            return Err(Failure::argument("keying material of no bytes"));
        }
        match self {
            Self::Tls13 { suite, secret } => {
                let hash = suite.common.hash_provider;
                // RFC 8446 section 7.1: the length of HkdfLabel.label and that of HKDF's output are bounded.
                if label.len() > MAX_LABEL || output.len() > 255 * hash.output_len() {
                    return Err(Failure::argument("the label or the output is longer than TLS 1.3 can derive"));
                }
                let mut derived = [0; 48];
                let derived = &mut derived[..hash.output_len()];
                let master = suite.hkdf_provider.expander_for_okm(&OkmBlock::new(secret.as_bytes()));
                // Derive-Secret(exporter_master_secret, label, "").
                expand_label(&*master, label, hash.hash(&[]).as_ref(), derived)?;
                let secret = suite.hkdf_provider.expander_for_okm(&OkmBlock::new(derived));
                zeroize::Zeroize::zeroize(derived);
                // No context is an empty one.
                expand_label(&*secret, b"exporter", hash.hash(context.unwrap_or_default()).as_ref(), output)
            }
            Self::Tls12(secrets) => {
                let Tls12Secrets { prf, master, randoms, .. } = &**secrets;
                if RESERVED.contains(&label) {
                    return Err(Failure::argument("TLS 1.2 keeps this label for itself"));
                }
                let mut seed = randoms.to_vec();
                if let Some(context) = context {
                    let len = u16::try_from(context.len())
                        .map_err(|_| Failure::argument("the context has more than 65,535 bytes"))?;
                    seed.extend_from_slice(&len.to_be_bytes());
                    seed.extend_from_slice(context);
                }
                prf.for_secret(output, master.as_bytes(), label, &seed);
                Ok(())
            }
        }
    }
}

/// `HkdfLabel.label` has at most 255 bytes, `"tls13 "` among them.
const MAX_LABEL: usize = 249;

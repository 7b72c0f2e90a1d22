//! Which of our certificate chains a peer gets.
//!
//! A server: the chains of the name that the client asks for (an exact name before a wildcard), or those without a name.
//! Of these the first that the client accepts: in TLS 1.3 one of its signature schemes must be the key's; in TLS 1.2 a
//! cipher suite of the client must be for such keys, too, and a chain on a curve that the client lists comes first.
//! A client: the first that the server accepts by scheme and issuer, or else by scheme.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use rustls::pki_types::DnsName;
use rustls::sign::CertifiedKey;
use rustls::{NamedGroup, ProtocolVersion, SignatureAlgorithm, SignatureScheme, SupportedCipherSuite};

use crate::client_hello::ClientHello;
use crate::crypto::own_key::OwnKey;
use crate::limits::MAX_OWN_CHAINS;
use crate::outcome::{Alert, Failure, Result};
use crate::trust;

/// The chains of one context, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chains {
    unnamed: Vec<Arc<OwnKey>>,
    /// By name, in lower case; a wildcard with its asterisk.
    named: HashMap<String, Vec<Arc<OwnKey>>>,
}

impl Chains {
    /// One chain, for every peer.
    pub(crate) fn of(key: Arc<OwnKey>) -> Self {
        Self { unnamed: vec![key], named: HashMap::new() }
    }

    /// For every peer, or for every name that has no chain of its own.
    pub(crate) fn add(&mut self, key: Arc<OwnKey>) -> Result<()> {
        self.can_take_another()?;
        push(&mut self.unnamed, key)
    }

    /// For clients that ask for this name: a host name, or `*.` and a host name.
    pub(crate) fn add_for_name(&mut self, name: &str, key: Arc<OwnKey>) -> Result<()> {
        let host = name.strip_prefix("*.").unwrap_or(name);
        if DnsName::try_from(host).is_err() || host.ends_with('.') {
            return Err(Failure::argument(
                "credentials are for a host name in ASCII (A-labels, no dot at the end), or for *. followed by one",
            ));
        }
        self.can_take_another()?;
        push(self.named.entry(name.to_ascii_lowercase()).or_default(), key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unnamed.is_empty() && self.named.is_empty()
    }

    /// Whether some chains are for certain names only.
    pub(crate) fn has_names(&self) -> bool {
        !self.named.is_empty()
    }

    /// The only chain, if there is just one and it is for all names.
    pub(crate) fn single(&self) -> Option<&Arc<OwnKey>> {
        match &self.unnamed[..] {
            [only] if self.named.is_empty() => Some(only),
            _ => None,
        }
    }

    /// All of them, in an order that depends on the settings alone.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<OwnKey>> {
        let mut named: Vec<_> = self.named.iter().collect();
        named.sort_unstable_by_key(|(name, _)| *name);
        self.unnamed.iter().chain(named.into_iter().flat_map(|(_, chains)| chains))
    }

    /// The chain for this client. `suites`: those of the server.
    pub(super) fn for_client(
        &self,
        hello: &ClientHello,
        version: ProtocolVersion,
        suites: &[SupportedCipherSuite],
    ) -> Result<Arc<OwnKey>> {
        let candidates = self.for_name(hello.server_name())?;
        let schemes = Schemes::offered(hello, version, suites);
        let fits = |key: &&Arc<OwnKey>| key.current().key.choose_scheme(&schemes.usable).is_some();
        let is_on_known_curve = |key: &&Arc<OwnKey>| match curve(&key.current()) {
            Some(curve) if version == ProtocolVersion::TLSv1_2 => {
                // RFC 8422 section 5.1: without the extension any curve may be used.
                hello.supported_groups().next().is_none() || hello.supported_groups().any(|group| group == curve)
            }
            _ => true,
        };
        let best = candidates.iter().filter(fits).find(is_on_known_curve).or_else(|| candidates.iter().find(fits));
        match best {
            Some(chain) => Ok(chain.clone()),
            // What is missing is not a chain: rustls says what it is.
            None if !schemes.is_decided => candidates.first().cloned().ok_or_else(none_fits),
            None => Err(none_fits()),
        }
    }

    /// The chain for a server that accepts these schemes and issuers (DER); none of these means any.
    pub(super) fn for_server(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<OwnKey>> {
        let fits = |key: &&Arc<OwnKey>| key.current().key.choose_scheme(schemes).is_some();
        let is_issued = |key: &&Arc<OwnKey>| {
            issuers.is_empty()
                || key.current().cert.iter().filter_map(trust::issuer).any(|issuer| issuers.contains(&issuer.as_ref()))
        };
        let best = self.unnamed.iter().filter(fits).find(is_issued);
        best.or_else(|| self.unnamed.iter().find(fits)).cloned()
    }

    fn for_name(&self, name: Option<&str>) -> Result<&[Arc<OwnKey>]> {
        let named = name.filter(|_| self.has_names()).and_then(|name| {
            let name = name.to_ascii_lowercase();
            self.named.get(&name).or_else(|| self.named.get(&format!("*{}", &name[name.find('.')?..])))
        });
        match named {
            Some(chains) => Ok(chains),
            None if !self.unnamed.is_empty() => Ok(&self.unnamed),
            // RFC 6066 section 3.
            None if name.is_some() => Err(Failure::protocol(
                Alert::UNRECOGNIZED_NAME,
                "there are no credentials for the name that the client asked for, and none without a name",
            )),
            None => Err(Failure::protocol(
                Alert::HANDSHAKE_FAILURE,
                "the client has sent no server name (SNI), and there are no credentials without a name",
            )),
        }
    }

    fn can_take_another(&self) -> Result<()> {
        match self.all().count() < MAX_OWN_CHAINS {
            true => Ok(()),
            false => Err(Failure::configuration(format!("a context has at most {MAX_OWN_CHAINS} credentials"))),
        }
    }
}

/// What the client lets a server sign with.
struct Schemes {
    usable: Vec<SignatureScheme>,
    /// The client and the server have a cipher suite in common, and the client has listed schemes: it is for the chain to fit.
    is_decided: bool,
}

impl Schemes {
    fn offered(hello: &ClientHello, version: ProtocolVersion, suites: &[SupportedCipherSuite]) -> Self {
        // A client can list 32,000: those that mean nothing, or are repeated, take no memory and no time later.
        let mut offered: Vec<SignatureScheme> = Vec::new();
        for scheme in hello.signature_algorithms().map(SignatureScheme::from) {
            if !matches!(scheme, SignatureScheme::Unknown(_)) && !offered.contains(&scheme) {
                offered.push(scheme);
            }
        }
        let lists_schemes = hello.signature_algorithms().next().is_some();
        let common = suites.iter().filter(|suite| {
            suite.version().version == version && hello.cipher_suites().any(|id| id == u16::from(suite.suite()))
        });
        let mut usable = Vec::new();
        let mut is_decided = false;
        for suite in common {
            is_decided = lists_schemes;
            match suite {
                SupportedCipherSuite::Tls13(_) => usable.extend(offered.iter().copied().filter(|one| is_tls13(*one))),
                SupportedCipherSuite::Tls12(suite) => usable.extend(suite.resolve_sig_schemes(&offered)),
            }
        }
        Self { usable, is_decided }
    }
}

/// RFC 8446 section 4.2.3: PKCS#1 signatures are for certificates only, and so is SHA-1.
fn is_tls13(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RSA_PKCS1_SHA1
            | SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::ECDSA_SHA1_Legacy
    )
}

/// The curve of an ECDSA key.
fn curve(key: &CertifiedKey) -> Option<u16> {
    if key.key.algorithm() != SignatureAlgorithm::ECDSA {
        return None;
    }
    let curves = [
        (SignatureScheme::ECDSA_NISTP256_SHA256, NamedGroup::secp256r1),
        (SignatureScheme::ECDSA_NISTP384_SHA384, NamedGroup::secp384r1),
    ];
    curves.into_iter().find(|(scheme, _)| key.key.choose_scheme(&[*scheme]).is_some()).map(|(_, group)| group.into())
}

fn push(chains: &mut Vec<Arc<OwnKey>>, key: Arc<OwnKey>) -> Result<()> {
    if chains.iter().any(|known| known.id == key.id) {
        return Err(Failure::configuration("these credentials were added before"));
    }
    chains.push(key);
    Ok(())
}

fn none_fits() -> Failure {
    Failure::protocol(
        Alert::HANDSHAKE_FAILURE,
        "the client accepts none of this server's certificate chains: it lists no signature scheme, or for TLS 1.2 no cipher \
         suite, for their keys",
    )
}

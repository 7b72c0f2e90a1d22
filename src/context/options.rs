//! Options: each is checked when it is set, all or nothing.

use std::num::NonZeroU32;
use std::sync::Arc;

use rustls::SupportedCipherSuite;
use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};

use super::Credentials;
use super::pem;
use crate::crypto::key_log::KeyLogFile;
use crate::crypto::suites;
use crate::crypto::ticket_roots::{self, Root, TicketRoot};
use crate::der;
use crate::handshake::alpn::Protocols;
use crate::handshake::chains::Chains;
use crate::handshake::groups;
use crate::limits::{
    DEFAULT_TICKET_COUNT, DEFAULT_TICKET_LIFETIME, HEADROOM, MAX_PLAINTEXT, MAX_TICKET_COUNT, MAX_TICKET_LIFETIME,
    MEMORY_PER_BYTE, MIN_FRAGMENT,
};
use crate::memory;
use crate::outcome::{Failure, Result};
use crate::trust::{self, Rules};
use crate::wire::Version;

/// Whether a server asks its clients for certificates; in the order of what is demanded of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCertificateMode {
    /// It does not.
    #[default]
    None,
    /// It does; the client may decline.
    Request,
    /// It does; a client that declines is refused.
    Require,
}

/// What a client without credentials does when a server asks for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateRequests {
    /// It declines under automatic validation, and asks its host otherwise.
    #[default]
    ByValidation,
    /// It asks its host.
    Suspend,
    /// It declines.
    Decline,
}

/// Who judges the peer's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// The host, in the middle of the handshake.
    #[default]
    External,
    /// The default validation.
    Automatic,
}

/// What a context is made from.
#[derive(Clone)]
pub struct Options {
    pub(crate) chains: Chains,
    /// What a client without credentials does when a server asks for a certificate.
    pub certificate_requests: CertificateRequests,
    pub(crate) trust_anchors: Vec<CertificateDer<'static>>,
    pub(crate) revocation_lists: Vec<CertificateRevocationListDer<'static>>,
    /// How the default validation judges.
    pub rules: Rules,
    pub(crate) tls12: bool,
    pub(crate) tls13: bool,
    pub(crate) cipher_suites: Vec<SupportedCipherSuite>,
    pub(crate) groups: Vec<&'static dyn SupportedKxGroup>,
    pub(crate) alpn: Protocols,
    /// A server whose client offers only other application protocols negotiates none.
    pub continues_without_alpn: bool,
    /// Whether a server asks its clients for certificates.
    pub client_certificates: ClientCertificateMode,
    /// Who judges the peer's certificate.
    pub validation: Validation,
    /// Server sessions keep the ClientHello after the handshake.
    pub keep_client_hello: bool,
    pub(crate) key_log: Option<Arc<KeyLogFile>>,
    /// Sessions resume earlier ones, and can be resumed.
    pub allow_resume: bool,
    /// The peer of a resumed session is judged again.
    pub validate_on_resume: bool,
    /// The host's; none if each context makes its own.
    pub(crate) ticket_roots: Vec<Arc<Root>>,
    /// In seconds.
    pub(crate) ticket_lifetime: u32,
    pub(crate) ticket_count: usize,
    pub(crate) max_fragment_size: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chains: Chains::default(),
            certificate_requests: CertificateRequests::default(),
            trust_anchors: Vec::new(),
            revocation_lists: Vec::new(),
            rules: Rules::default(),
            tls12: true,
            tls13: true,
            cipher_suites: Vec::new(),
            groups: Vec::new(),
            alpn: Protocols::default(),
            continues_without_alpn: false,
            client_certificates: ClientCertificateMode::default(),
            validation: Validation::default(),
            keep_client_hello: false,
            key_log: None,
            allow_resume: true,
            validate_on_resume: true,
            ticket_roots: Vec::new(),
            ticket_lifetime: DEFAULT_TICKET_LIFETIME,
            ticket_count: DEFAULT_TICKET_COUNT,
            max_fragment_size: None,
        }
    }
}

impl Options {
    /// A copy for a context, if there is memory for both.
    pub fn snapshot(&self) -> Result<Self> {
        let anchors = self.trust_anchors.iter().map(|anchor| anchor.len());
        let lists = self.revocation_lists.iter().map(|list| list.len());
        let bytes: usize = anchors.chain(lists).sum();
        memory::expect(HEADROOM + MEMORY_PER_BYTE * bytes)?;
        Ok(self.clone())
    }

    /// Sets the credentials, instead of all that were set or added before; `None` only removes those.
    pub fn set_credentials(&mut self, credentials: Option<Arc<Credentials>>) {
        self.chains = credentials.map_or_else(Chains::default, |credentials| Chains::of(credentials.own_key()));
    }

    /// Adds credentials; among those that fit a peer the first is chosen.
    pub fn add_credentials(&mut self, credentials: &Credentials) -> Result<()> {
        self.chains.add(credentials.own_key())
    }

    /// Adds a server's credentials for clients that ask for this name.
    pub fn add_credentials_for_name(&mut self, name: &str, credentials: &Credentials) -> Result<()> {
        self.chains.add_for_name(name, credentials.own_key())
    }

    /// Whether a client without credentials shows none, without asking the host.
    pub(crate) fn declines_requests(&self) -> bool {
        match self.certificate_requests {
            CertificateRequests::ByValidation => self.validation == Validation::Automatic,
            CertificateRequests::Suspend => false,
            CertificateRequests::Decline => true,
        }
    }

    /// Adds every certificate of a PEM text as a trust anchor.
    pub fn add_trust_anchors_pem(&mut self, text: &[u8]) -> Result<()> {
        let mut anchors = pem::certificates(text, "the trust anchors")?;
        for anchor in &anchors {
            trust::anchor(anchor)?;
        }
        self.trust_anchors.append(&mut anchors);
        Ok(())
    }

    /// The same from a file.
    pub fn add_trust_anchors_file(&mut self, path: &str) -> Result<()> {
        self.add_trust_anchors_pem(&pem::file(path)?)
    }

    /// Adds one certificate as a trust anchor.
    pub fn add_trust_anchors_der(&mut self, certificate: &[u8]) -> Result<()> {
        whole(certificate, "the trust anchor")?;
        let anchor = CertificateDer::from(certificate.to_vec());
        trust::anchor(&anchor)?;
        self.trust_anchors.push(anchor);
        Ok(())
    }

    /// Adds the anchors of the system's store, as it is now, to those that are there.
    pub fn add_system_trust_anchors(&mut self) -> Result<()> {
        let mut anchors = trust::system::certificates()?;
        // A second copy of an anchor would let a peer have more signatures checked.
        anchors.retain(|anchor| !self.trust_anchors.contains(anchor));
        self.trust_anchors.append(&mut anchors);
        Ok(())
    }

    /// How many trust anchors were added.
    #[must_use]
    pub fn num_trust_anchors(&self) -> usize {
        self.trust_anchors.len()
    }

    /// Adds every revocation list of a PEM text.
    pub fn add_crls_pem(&mut self, text: &[u8]) -> Result<()> {
        let mut lists = pem::revocation_lists(text)?;
        for list in &lists {
            trust::revocation_list(list)?;
        }
        self.revocation_lists.append(&mut lists);
        Ok(())
    }

    /// The same from a file.
    pub fn add_crls_file(&mut self, path: &str) -> Result<()> {
        self.add_crls_pem(&pem::file(path)?)
    }

    /// Adds one revocation list.
    pub fn add_crls_der(&mut self, list: &[u8]) -> Result<()> {
        whole(list, "the revocation list")?;
        let list = CertificateRevocationListDer::from(list.to_vec());
        trust::revocation_list(&list)?;
        self.revocation_lists.push(list);
        Ok(())
    }

    /// Sets the protocol versions; none means all.
    pub fn set_versions(&mut self, versions: &[Version]) {
        let has = |version| versions.is_empty() || versions.contains(&version);
        (self.tls12, self.tls13) = (has(Version::Tls12), has(Version::Tls13));
    }

    /// Sets the cipher suites in order of preference; none means all.
    pub fn set_cipher_suites(&mut self, ids: &[u16]) -> Result<()> {
        self.cipher_suites = known(ids, "cipher suite", suites::suite)?;
        Ok(())
    }

    /// Sets the key-exchange groups in order of preference; none means all.
    pub fn set_groups(&mut self, ids: &[u16]) -> Result<()> {
        self.groups = known(ids, "group", groups::group)?;
        Ok(())
    }

    /// The key-exchange groups in order of preference.
    pub(crate) fn groups(&self) -> Vec<&'static dyn SupportedKxGroup> {
        if self.groups.is_empty() { groups::all().to_vec() } else { self.groups.clone() }
    }

    /// Whether the host has said in which order it wants several groups.
    pub(crate) fn orders_groups(&self) -> bool {
        self.groups.len() > 1
    }

    /// Adds an application protocol.
    pub fn add_alpn(&mut self, name: &[u8]) -> Result<()> {
        self.alpn.add(name)
    }

    /// Sets the roots that ticket keys derive from; none means that each context makes its own.
    pub fn set_ticket_roots(&mut self, roots: &[TicketRoot<'_>]) -> Result<()> {
        self.ticket_roots = ticket_roots::from_host(roots)?;
        Ok(())
    }

    /// Sets how long a server's tickets are good for, in seconds; `None` is the default.
    pub fn set_ticket_lifetime(&mut self, seconds: Option<NonZeroU32>) -> Result<()> {
        self.ticket_lifetime = match seconds.map_or(DEFAULT_TICKET_LIFETIME, NonZeroU32::get) {
            seconds @ ..=MAX_TICKET_LIFETIME => seconds,
            _ => return Err(Failure::argument("session tickets live for seven days at most")),
        };
        Ok(())
    }

    /// Sets how many tickets a server sends after a TLS 1.3 handshake.
    pub fn set_ticket_count(&mut self, count: usize) -> Result<()> {
        if count > MAX_TICKET_COUNT {
            return Err(Failure::argument(format!("a server sends {MAX_TICKET_COUNT} session tickets at most")));
        }
        self.ticket_count = count;
        Ok(())
    }

    /// Sets how many bytes of plaintext a record of ours has at most; `None` is what the protocol allows.
    pub fn set_max_fragment_size(&mut self, size: Option<usize>) -> Result<()> {
        if size.is_some_and(|size| !(MIN_FRAGMENT..=MAX_PLAINTEXT).contains(&size)) {
            return Err(Failure::argument("a record has 64 to 16,384 bytes of plaintext"));
        }
        self.max_fragment_size = size;
        Ok(())
    }

    /// Appends the secrets of every session to a file.
    pub fn set_key_log_file(&mut self, path: &str) -> Result<()> {
        self.key_log = if path.is_empty() { None } else { Some(KeyLogFile::open(path)?) };
        Ok(())
    }
}

/// One value in DER; the hint is for a common mistake.
fn whole(der: &[u8], what: &str) -> Result<()> {
    match der {
        _ if der::is_sequence(der) => Ok(()),
        [b'-', b'-', b'-', b'-', b'-', ..] => Err(Failure::configuration(format!("{what} is PEM, not DER"))),
        _ => Err(Failure::configuration(format!("{what} is not DER, is cut short, or has something after its end"))),
    }
}

fn known<T>(ids: &[u16], what: &str, find: impl Fn(u16) -> Option<T>) -> Result<Vec<T>> {
    let mut found = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        if ids[..index].contains(id) {
            return Err(Failure::configuration(format!("{what} {id:#06x} is listed twice")));
        }
        found.push(find(*id).ok_or_else(|| Failure::configuration(format!("{what} {id:#06x} is not supported")))?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_lifetime_and_a_ticket_count_have_an_end() {
        let mut options = Options::default();
        options.set_ticket_lifetime(NonZeroU32::new(604_800)).unwrap();
        options.set_ticket_count(16).unwrap();
        assert!(options.set_ticket_lifetime(NonZeroU32::new(604_801)).is_err());
        assert!(options.set_ticket_lifetime(Some(NonZeroU32::MAX)).is_err());
        assert!(options.set_ticket_count(17).is_err() && options.set_ticket_count(usize::MAX).is_err());
        assert_eq!((options.ticket_lifetime, options.ticket_count), (604_800, 16));
        options.set_ticket_lifetime(None).unwrap();
        options.set_ticket_count(0).unwrap();
        assert_eq!((options.ticket_lifetime, options.ticket_count), (7200, 0));
    }
}

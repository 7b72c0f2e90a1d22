//! Options: each is checked when it is set, all or nothing.

use std::sync::Arc;
use std::time::Duration;

use rustls::SupportedCipherSuite;
use rustls::crypto::SupportedKxGroup;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};

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
use crate::outcome::Failure;
use crate::trust::{self, AnchorMode, Rules};

/// TLS 1.2 as .NET's `SslProtocols` numbers it.
pub(crate) const PROTOCOL_TLS12: u32 = 0xC00;
/// TLS 1.3.
pub(crate) const PROTOCOL_TLS13: u32 = 0x3000;

/// Instead of a validation time: the time of the judgement.
pub(crate) const VALIDATION_TIME_NOW: i64 = -1;

/// Whether a server asks its clients for certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    pub(crate) certificate_requests: CertificateRequests,
    pub(crate) trust_anchors: Vec<CertificateDer<'static>>,
    pub(crate) revocation_lists: Vec<CertificateRevocationListDer<'static>>,
    pub(crate) rules: Rules,
    pub(crate) tls12: bool,
    pub(crate) tls13: bool,
    pub(crate) cipher_suites: Vec<SupportedCipherSuite>,
    pub(crate) groups: Vec<&'static dyn SupportedKxGroup>,
    pub(crate) alpn: Protocols,
    /// A server whose client offers only other application protocols negotiates none.
    pub(crate) continues_without_alpn: bool,
    pub(crate) client_certificates: ClientCertificateMode,
    pub(crate) validation: Validation,
    pub(crate) keep_client_hello: bool,
    pub(crate) key_log: Option<Arc<KeyLogFile>>,
    pub(crate) allow_resume: bool,
    pub(crate) validate_on_resume: bool,
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
    pub fn snapshot(&self) -> Result<Self, Failure> {
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
    pub fn add_credentials(&mut self, credentials: &Credentials) -> Result<(), Failure> {
        self.chains.add(credentials.own_key())
    }

    /// Adds a server's credentials for clients that ask for this name.
    pub fn add_credentials_for_name(&mut self, name: &str, credentials: &Credentials) -> Result<(), Failure> {
        self.chains.add_for_name(name, credentials.own_key())
    }

    /// Sets what a client without credentials does when a server asks for a certificate.
    pub fn set_certificate_requests(&mut self, mode: i32) -> Result<(), Failure> {
        self.certificate_requests = match mode {
            0 => CertificateRequests::ByValidation,
            1 => CertificateRequests::Suspend,
            2 => CertificateRequests::Decline,
            _ => return Err(Failure::argument("the mode is not a SPANTLS_CERTIFICATE_REQUESTS value")),
        };
        Ok(())
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
    pub fn add_trust_anchors_pem(&mut self, text: &[u8]) -> Result<(), Failure> {
        let mut anchors = pem::certificates(text, "the trust anchors")?;
        for anchor in &anchors {
            trust::anchor(anchor)?;
        }
        self.trust_anchors.append(&mut anchors);
        Ok(())
    }

    /// The same from a file.
    pub fn add_trust_anchors_file(&mut self, path: &str) -> Result<(), Failure> {
        self.add_trust_anchors_pem(&pem::file(path)?)
    }

    /// Adds one certificate as a trust anchor.
    pub fn add_trust_anchors_der(&mut self, certificate: &[u8]) -> Result<(), Failure> {
        whole(certificate, "the trust anchor")?;
        let anchor = CertificateDer::from(certificate.to_vec());
        trust::anchor(&anchor)?;
        self.trust_anchors.push(anchor);
        Ok(())
    }

    /// Adds the anchors of the system's store, as it is now, to those that are there.
    pub fn add_system_trust_anchors(&mut self) -> Result<(), Failure> {
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
    pub fn add_crls_pem(&mut self, text: &[u8]) -> Result<(), Failure> {
        let mut lists = pem::revocation_lists(text)?;
        for list in &lists {
            trust::revocation_list(list)?;
        }
        self.revocation_lists.append(&mut lists);
        Ok(())
    }

    /// The same from a file.
    pub fn add_crls_file(&mut self, path: &str) -> Result<(), Failure> {
        self.add_crls_pem(&pem::file(path)?)
    }

    /// Adds one revocation list.
    pub fn add_crls_der(&mut self, list: &[u8]) -> Result<(), Failure> {
        whole(list, "the revocation list")?;
        let list = CertificateRevocationListDer::from(list.to_vec());
        trust::revocation_list(&list)?;
        self.revocation_lists.push(list);
        Ok(())
    }

    /// Sets how trust anchors are judged.
    pub fn set_trust_anchor_mode(&mut self, mode: i32) -> Result<(), Failure> {
        self.rules.anchors = match mode {
            0 => AnchorMode::Authorities,
            1 => AnchorMode::Certificates,
            2 => AnchorMode::PartialChain,
            _ => return Err(Failure::argument("this is not a TLS_TRUST_ANCHORS value")),
        };
        Ok(())
    }

    /// Sets whether certificates must follow the strict profile of RFC 5280.
    pub fn set_strict_certificates(&mut self, strict: i32) -> Result<(), Failure> {
        self.rules.strict = flag(strict)?;
        Ok(())
    }

    /// Sets the moment at which certificates must be valid, in seconds from the Unix epoch on; -1 is now.
    pub fn set_validation_time(&mut self, unix_seconds: i64) -> Result<(), Failure> {
        self.rules.time = match u64::try_from(unix_seconds) {
            Ok(seconds) => Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds))),
            Err(_) if unix_seconds == VALIDATION_TIME_NOW => None,
            Err(_) => return Err(Failure::argument("a time before 1970 is not supported")),
        };
        Ok(())
    }

    /// Sets the protocol versions; 0 means all.
    pub fn set_protocols(&mut self, mask: u32) -> Result<(), Failure> {
        let has = |version| mask & version == version;
        let whole =
            if has(PROTOCOL_TLS12) { PROTOCOL_TLS12 } else { 0 } | if has(PROTOCOL_TLS13) { PROTOCOL_TLS13 } else { 0 };
        if mask != whole {
            return Err(Failure::argument("only SPANTLS_PROTOCOL_TLS12 and SPANTLS_PROTOCOL_TLS13 are known"));
        }
        let has = |version| mask == 0 || has(version);
        (self.tls12, self.tls13) = (has(PROTOCOL_TLS12), has(PROTOCOL_TLS13));
        Ok(())
    }

    /// Sets the cipher suites in order of preference; none means all.
    pub fn set_cipher_suites(&mut self, ids: &[u16]) -> Result<(), Failure> {
        self.cipher_suites = known(ids, "cipher suite", suites::suite)?;
        Ok(())
    }

    /// Sets the key-exchange groups in order of preference; none means all.
    pub fn set_groups(&mut self, ids: &[u16]) -> Result<(), Failure> {
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
    pub fn add_alpn(&mut self, name: &[u8]) -> Result<(), Failure> {
        self.alpn.add(name)
    }

    /// Sets what a server does if a client offers only other application protocols.
    pub fn set_alpn_mismatch(&mut self, mode: i32) -> Result<(), Failure> {
        self.continues_without_alpn = match mode {
            0 => false,
            1 => true,
            _ => return Err(Failure::argument("this is not a way to treat application protocols")),
        };
        Ok(())
    }

    /// Sets whether clients are asked for certificates.
    pub fn set_client_certificate_mode(&mut self, mode: i32) -> Result<(), Failure> {
        self.client_certificates = match mode {
            0 => ClientCertificateMode::None,
            1 => ClientCertificateMode::Request,
            2 => ClientCertificateMode::Require,
            _ => return Err(Failure::argument("this is no TLS_CLIENT_CERTIFICATE value")),
        };
        Ok(())
    }

    /// Sets who judges.
    pub fn set_certificate_validation(&mut self, mode: i32) -> Result<(), Failure> {
        self.validation = match mode {
            0 => Validation::External,
            1 => Validation::Automatic,
            _ => return Err(Failure::argument("this is no TLS_VALIDATION value")),
        };
        Ok(())
    }

    /// Sets whether sessions resume earlier ones, and can be resumed.
    pub fn set_allow_resume(&mut self, allow: i32) -> Result<(), Failure> {
        self.allow_resume = flag(allow)?;
        Ok(())
    }

    /// Sets whether the peer of a resumed session is judged again.
    pub fn set_validate_on_resume(&mut self, validate: i32) -> Result<(), Failure> {
        self.validate_on_resume = flag(validate)?;
        Ok(())
    }

    /// Sets the roots that ticket keys derive from; none means that each context makes its own.
    pub fn set_ticket_roots(&mut self, roots: &[TicketRoot<'_>]) -> Result<(), Failure> {
        self.ticket_roots = ticket_roots::from_host(roots)?;
        Ok(())
    }

    /// Sets how long a server's tickets are good for, in seconds; 0 is the default.
    pub fn set_ticket_lifetime(&mut self, seconds: u32) -> Result<(), Failure> {
        self.ticket_lifetime = match seconds {
            0 => DEFAULT_TICKET_LIFETIME,
            1..=MAX_TICKET_LIFETIME => seconds,
            _ => return Err(Failure::argument("session tickets live for seven days at most")),
        };
        Ok(())
    }

    /// Sets how many tickets a server sends after a TLS 1.3 handshake.
    pub fn set_ticket_count(&mut self, count: u32) -> Result<(), Failure> {
        let count = usize::try_from(count).ok().filter(|count| *count <= MAX_TICKET_COUNT);
        let too_many = || Failure::argument(format!("a server sends {MAX_TICKET_COUNT} session tickets at most"));
        self.ticket_count = count.ok_or_else(too_many)?;
        Ok(())
    }

    /// Sets how many bytes of plaintext a record of ours has at most; 0 is what the protocol allows.
    pub fn set_max_fragment_size(&mut self, size: usize) -> Result<(), Failure> {
        self.max_fragment_size = match size {
            0 => None,
            MIN_FRAGMENT..=MAX_PLAINTEXT => Some(size),
            _ => return Err(Failure::argument("a record has 64 to 16,384 bytes of plaintext")),
        };
        Ok(())
    }

    /// Appends the secrets of every session to a file.
    pub fn set_key_log_file(&mut self, path: &str) -> Result<(), Failure> {
        self.key_log = if path.is_empty() { None } else { Some(KeyLogFile::open(path)?) };
        Ok(())
    }

    /// Sets whether server sessions keep the ClientHello after the handshake.
    pub fn set_keep_client_hello(&mut self, keep: i32) -> Result<(), Failure> {
        self.keep_client_hello = flag(keep)?;
        Ok(())
    }
}

/// One value in DER; the hint is for a common mistake.
fn whole(der: &[u8], what: &str) -> Result<(), Failure> {
    match der {
        _ if der::is_sequence(der) => Ok(()),
        [b'-', b'-', b'-', b'-', b'-', ..] => Err(Failure::configuration(format!("{what} is PEM, not DER"))),
        _ => Err(Failure::configuration(format!("{what} is not DER, is cut short, or has something after its end"))),
    }
}

fn flag(value: i32) -> Result<bool, Failure> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Failure::argument("0 or 1 is needed")),
    }
}

fn known<T>(ids: &[u16], what: &str, find: impl Fn(u16) -> Option<T>) -> Result<Vec<T>, Failure> {
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
    fn a_rule_that_does_not_exist_is_refused_and_changes_nothing() {
        let mut options = Options::default();
        options.set_validation_time(7).unwrap();
        options.set_trust_anchor_mode(2).unwrap();
        let before = options.rules;
        assert!(options.set_validation_time(-2).is_err());
        assert!(options.set_validation_time(i64::MIN).is_err());
        assert!(options.set_trust_anchor_mode(3).is_err());
        assert!(options.set_strict_certificates(2).is_err());
        assert_eq!(options.rules, before);
        options.set_validation_time(VALIDATION_TIME_NOW).unwrap();
        assert_eq!(options.rules.time, None);
    }
    #[test]
    fn a_ticket_lifetime_and_a_ticket_count_have_an_end() {
        let mut options = Options::default();
        options.set_ticket_lifetime(604_800).unwrap();
        options.set_ticket_count(16).unwrap();
        assert!(options.set_ticket_lifetime(604_801).is_err() && options.set_ticket_lifetime(u32::MAX).is_err());
        assert!(options.set_ticket_count(17).is_err() && options.set_ticket_count(u32::MAX).is_err());
        assert_eq!((options.ticket_lifetime, options.ticket_count), (604_800, 16));
        options.set_ticket_lifetime(0).unwrap();
        options.set_ticket_count(0).unwrap();
        assert_eq!((options.ticket_lifetime, options.ticket_count), (7200, 0));
    }
}

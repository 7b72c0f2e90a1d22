//! Contexts: options turned, once, into what rustls and the default validation need.

mod admission;
mod credentials;
mod der_form;
mod encrypted_key;
mod options;
mod pem;
mod private_key;

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustls::client::Resumption;
use rustls::compress::CertDecompressor;
use rustls::crypto::SupportedKxGroup;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

pub(crate) use crate::handshake::alpn::Protocols;
pub use credentials::Credentials;
pub use options::{CertificateRequests, ClientCertificateMode, Options, Validation};

use crate::crypto::key_log::SecretTap;
use crate::crypto::suites;
use crate::crypto::ticket_keys::TicketKeys;
use crate::crypto::ticket_roots;
pub use crate::crypto::ticket_roots::TicketRoot;
use crate::handshake::client_tickets::ClientTickets;
use crate::handshake::hooks::{AskAboutClient, AskAboutServer, ClientCredentials, ServerCredentials};
use crate::handshake::{ClientStart, ForGroup, ServerConfigs, ServerStart};
use crate::limits::{MAX_ISSUER_LIST, RECORD_HEADER};
use crate::outcome::{Failure, Result};
use crate::trust;
pub(crate) use crate::trust::matches_name;
pub use crate::trust::{AnchorMode, Rules};

/// What sessions share. Immutable, but for the roots of a server's tickets and the tickets that a client keeps.
pub struct Context {
    pub(crate) config: Config,
    pub(crate) trust: trust::Policy,
    pub(crate) validation: Validation,
    pub(crate) client_certificates: ClientCertificateMode,
    /// Whether sessions keep the ClientHello after the handshake.
    pub(crate) keep_client_hello: bool,
    /// Bytes of plaintext in a record of ours, if the options limit them.
    pub(crate) max_fragment_size: Option<usize>,
    /// Whom a server names when it asks its clients for certificates: its trust anchors.
    pub(crate) acceptable_issuers: Vec<rustls::DistinguishedName>,
    /// The host's own, never followed here.
    user_data: AtomicPtr<()>,
}

pub(crate) enum Config {
    Client(ClientStart),
    Server(ServerStart),
    /// A server's, to be chosen by the ClientHello.
    Undecided,
}

impl Context {
    /// A server's context.
    pub fn server(options: Options) -> Result<Self> {
        if options.chains.is_empty() {
            return Err(Failure::configuration("a server needs credentials"));
        }
        let issuers = acceptable_issuers(&options);
        let verifier = match options.client_certificates {
            ClientCertificateMode::None => WebPkiClientVerifier::no_client_auth(),
            mode => Arc::new(AskAboutClient {
                mandatory: mode == ClientCertificateMode::Require,
                acceptable_issuers: issuers.clone(),
            }),
        };
        let ticketer = options.allow_resume.then(|| {
            let own = admission::own_leaves(&options);
            TicketKeys::new(options.ticket_roots.clone(), options.ticket_lifetime, options.admission(), own)
        });
        let config = |groups: &[&'static dyn SupportedKxGroup], alpn: &Protocols| {
            server_config(&options, &verifier, ticketer.as_ref(), groups, alpn)
        };
        let groups = options.groups();
        let usable = |group: &&&'static dyn SupportedKxGroup| {
            versions(&options).iter().any(|version| group.usable_for_version(version.version))
        };
        let configs = |alpn: &Protocols| {
            let for_group = |group: &&'static dyn SupportedKxGroup| {
                Ok::<_, Failure>(ForGroup { group: *group, config: config(&[*group], alpn)? })
            };
            let by_group = match options.orders_groups() {
                true => Some(groups.iter().filter(usable).map(for_group).collect::<Result<_, _>>()?),
                false => None,
            };
            Ok::<_, Failure>(ServerConfigs { config: config(&groups, alpn)?, by_group })
        };
        let without_alpn = match options.continues_without_alpn && !options.alpn.is_empty() {
            true => Some((options.alpn.clone(), configs(&Protocols::default())?)),
            false => None,
        };
        let start = ServerStart {
            configs: configs(&options.alpn)?,
            without_alpn,
            chains: Arc::new(options.chains.clone()),
            may_lack_certificate: options.client_certificates == ClientCertificateMode::Request,
            judges_resumed: options.validate_on_resume,
            tls12: versions(&options).contains(&&TLS12),
            tls13: versions(&options).contains(&&TLS13),
            ticket_keys: ticketer,
        };
        Self::of(Config::Server(start), options, issuers)
    }

    /// A server's context whose sessions ask for another one when the ClientHello is there.
    pub fn undecided() -> Result<Self> {
        Self::of(Config::Undecided, Options::default(), Vec::new())
    }

    /// A client's context.
    pub fn client(options: Options) -> Result<Self> {
        let provider = Arc::new(suites::provider(&options.cipher_suites, &options.groups()));
        if options.chains.has_names() {
            return Err(Failure::configuration("credentials for a name are for servers: this is a client's context"));
        }
        let (chains, declines) = (Arc::new(options.chains.clone()), options.declines_requests());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions(&options))
            .map_err(contradiction)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AskAboutServer))
            .with_client_cert_resolver(Arc::new(ClientCredentials { chains: chains.clone(), declines }));
        config.alpn_protocols = options.alpn.names().to_vec();
        config.key_log = Arc::new(SecretTap(options.key_log.clone()));
        config.enable_secret_extraction = true;
        config.cert_decompressors = certificate_decompressors();
        config.max_fragment_size = fragment(&options);
        let tickets = options.allow_resume.then(|| Arc::new(ClientTickets::new(&options.groups())));
        config.resumption = match &tickets {
            Some(tickets) => Resumption::store(tickets.clone()),
            None => Resumption::disabled(),
        };
        let client = ClientStart {
            config: Arc::new(config),
            chains,
            declines,
            tickets,
            judges_resumed: options.validate_on_resume,
            tls12: versions(&options).contains(&&TLS12),
        };
        // What only servers do.
        let options = Options { client_certificates: ClientCertificateMode::None, keep_client_hello: false, ..options };
        Self::of(Config::Client(client), options, Vec::new())
    }

    fn of(config: Config, options: Options, acceptable_issuers: Vec<rustls::DistinguishedName>) -> Result<Self> {
        let peer = match config {
            Config::Client(_) => trust::Peer::Server,
            Config::Server(_) | Config::Undecided => trust::Peer::Client,
        };
        Ok(Self {
            config,
            trust: trust::Policy::new(peer, options.rules, options.trust_anchors, &options.revocation_lists)?,
            validation: options.validation,
            client_certificates: options.client_certificates,
            keep_client_hello: options.keep_client_hello,
            max_fragment_size: options.max_fragment_size,
            acceptable_issuers,
            user_data: AtomicPtr::default(),
        })
    }

    /// Seals and opens tickets with these roots from now on; none means that the context makes its own. Each use of a root takes
    /// it out of one whole set: a handshake that is under way opens and seals with the old roots or with the new ones.
    pub fn set_ticket_roots(&self, roots: &[TicketRoot<'_>]) -> Result<()> {
        let keys = match &self.config {
            Config::Server(start) => start.ticket_keys.as_ref(),
            Config::Client(_) | Config::Undecided => {
                return Err(Failure::argument("only a server's context that has credentials seals session tickets"));
            }
        };
        let keys = keys.ok_or_else(|| Failure::state("the options of this context allow no resumption"))?;
        keys.replace_roots(ticket_roots::from_host(roots)?);
        Ok(())
    }

    /// Erases expired secrets: roots of ticket keys, a client's tickets. A context has no timer and no thread: creating a
    /// session and each step of a handshake call this; a host calls it where a context may be idle.
    pub fn forget_expired(&self) {
        match &self.config {
            Config::Client(client) => client.tickets.iter().for_each(|tickets| tickets.forget_expired()),
            Config::Server(start) => start.ticket_keys.iter().for_each(|keys| keys.forget_expired()),
            Config::Undecided => {}
        }
    }

    /// Keeps a pointer for the host.
    pub fn set_user_data(&self, pointer: *mut ()) {
        self.user_data.store(pointer, Ordering::Release);
    }

    /// The pointer that the host has set; null until then.
    pub fn user_data(&self) -> *mut () {
        self.user_data.load(Ordering::Acquire)
    }

    /// Whether sessions on this context are servers.
    pub fn is_server(&self) -> bool {
        !matches!(self.config, Config::Client(_))
    }

    /// What a server's handshake begins with, if this context can say.
    pub(crate) fn server_start(&self) -> Option<ServerStart> {
        match &self.config {
            Config::Server(start) => Some(start.clone()),
            Config::Client(_) | Config::Undecided => None,
        }
    }
}

/// What rustls needs for a server with these groups and application protocols.
fn server_config(
    options: &Options,
    verifier: &Arc<dyn ClientCertVerifier>,
    ticketer: Option<&Arc<TicketKeys>>,
    groups: &[&'static dyn SupportedKxGroup],
    alpn: &Protocols,
) -> Result<Arc<ServerConfig>> {
    let usable =
        |version: &&SupportedProtocolVersion| groups.iter().any(|group| group.usable_for_version(version.version));
    let versions: Vec<_> = versions(options).into_iter().filter(usable).collect();
    let mut config = ServerConfig::builder_with_provider(Arc::new(suites::provider(&options.cipher_suites, groups)))
        .with_protocol_versions(&versions)
        .map_err(contradiction)?
        .with_client_cert_verifier(verifier.clone())
        .with_cert_resolver(Arc::new(ServerCredentials));
    config.ignore_client_order = !options.cipher_suites.is_empty();
    config.alpn_protocols = alpn.names().to_vec();
    config.key_log = Arc::new(SecretTap(options.key_log.clone()));
    config.enable_secret_extraction = true;
    config.cert_decompressors = certificate_decompressors();
    config.max_fragment_size = fragment(options);
    // Tickets are all there is: nothing is kept in memory for clients that may never come back.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    if let Some(ticketer) = ticketer {
        config.ticketer = ticketer.clone();
        config.send_tls13_tickets = options.ticket_count;
    }
    Ok(Arc::new(config))
}

/// What peers may compress certificates with (RFC 8879). Not brotli: a peer chooses its window, up to 16 MiB, whatever the
/// certificate's size, and an unauthenticated client would make us allocate it with 88 bytes. zlib's is 32 KiB. What we send
/// may be in either: it is compressed once and kept.
fn certificate_decompressors() -> Vec<&'static dyn CertDecompressor> {
    vec![
        #[cfg(feature = "certificate-compression")]
        rustls::compress::ZLIB_DECOMPRESSOR,
    ]
}

/// rustls counts the record's header.
fn fragment(options: &Options) -> Option<usize> {
    options.max_fragment_size.map(|size| size + RECORD_HEADER)
}

/// The names of the trust anchors, if a request can hold them.
fn acceptable_issuers(options: &Options) -> Vec<rustls::DistinguishedName> {
    let names = trust::subjects(&options.trust_anchors);
    let list: usize = names.iter().map(|name| name.as_ref().len() + 2).sum();
    if list > MAX_ISSUER_LIST { Vec::new() } else { names }
}

fn versions(options: &Options) -> Vec<&'static SupportedProtocolVersion> {
    let mut versions: Vec<&'static SupportedProtocolVersion> = Vec::new();
    if options.tls13 {
        versions.push(&TLS13);
    }
    if options.tls12 {
        versions.push(&TLS12);
    }
    // A version without a suite or a group would be offered and could not be kept.
    versions.retain(|version| {
        options.cipher_suites.is_empty()
            || options.cipher_suites.iter().any(|suite| match suite {
                SupportedCipherSuite::Tls13(_) => **version == TLS13,
                SupportedCipherSuite::Tls12(_) => **version == TLS12,
            })
    });
    versions.retain(|version| options.groups().iter().any(|group| group.usable_for_version(version.version)));
    versions
}

fn contradiction(_: rustls::Error) -> Failure {
    Failure::configuration("the cipher suites, groups and protocol versions leave nothing to offer together")
}

//! The start of a server's handshake: its context, and the checks of the ClientHello.

use std::sync::Arc;

use rustls::ProtocolVersion;
use rustls::crypto::SupportedKxGroup;

use super::alpn::Protocols;
use super::chains::Chains;
use crate::client_hello::ClientHello;
use crate::crypto::own_key::OwnKey;
use crate::crypto::ticket_keys::TicketKeys;
use crate::outcome::{Alert, Failure, Result};

/// The context that a server's handshake begins with.
#[derive(Clone)]
pub(crate) struct ServerStart {
    pub(crate) configs: ServerConfigs,
    /// If a client that offers only other application protocols than these gets none: the configurations for it. rustls itself
    /// ends such a handshake.
    pub(crate) without_alpn: Option<(Protocols, ServerConfigs)>,
    pub(crate) chains: Arc<Chains>,
    pub(crate) may_lack_certificate: bool,
    pub(crate) judges_resumed: bool,
    /// Whether TLS 1.2 can be negotiated.
    pub(crate) tls12: bool,
    /// Whether TLS 1.3 can be negotiated.
    pub(crate) tls13: bool,
    /// What the tickets are sealed with, if any are given.
    pub(crate) ticket_keys: Option<Arc<TicketKeys>>,
}

/// A server's configurations for rustls.
#[derive(Clone)]
pub(crate) struct ServerConfigs {
    pub(crate) config: Arc<rustls::ServerConfig>,
    /// If the host has ordered the groups: one configuration for each group. rustls itself takes the first of the client's groups
    /// that it has.
    pub(crate) by_group: Option<Arc<[ForGroup]>>,
}

/// A server's configuration with one group alone.
pub(crate) struct ForGroup {
    pub(crate) group: &'static dyn SupportedKxGroup,
    pub(crate) config: Arc<rustls::ServerConfig>,
}

impl ServerStart {
    /// The configuration for this client: with the first of the host's groups that the client has, if their order is the
    /// host's. A share that is missing is asked for (RFC 8446 section 4.1.4).
    pub(super) fn config_for(&self, hello: &ClientHello) -> Arc<rustls::ServerConfig> {
        let version = self.version(hello);
        let is_common = |one: &&ForGroup| {
            one.group.usable_for_version(version)
                && hello.supported_groups().any(|id| id == u16::from(one.group.name()))
        };
        let configs = match &self.without_alpn {
            Some((protocols, configs)) if !hello.alpn().any(|name| protocols.contains(name)) => configs,
            _ => &self.configs,
        };
        // If there is no common group, rustls reports it.
        let fitting = configs.by_group.iter().flat_map(|by_group| by_group.iter()).find(is_common);
        fitting.map_or_else(|| configs.config.clone(), |one| one.config.clone())
    }

    /// The certificate chain for this client.
    pub(super) fn chain_for(&self, hello: &ClientHello) -> Result<Arc<OwnKey>> {
        self.chains.for_client(hello, self.version(hello), &self.configs.config.crypto_provider().cipher_suites)
    }

    fn version(&self, hello: &ClientHello) -> ProtocolVersion {
        if self.negotiates_tls13(hello) { ProtocolVersion::TLSv1_3 } else { ProtocolVersion::TLSv1_2 }
    }

    /// Whether this client gets TLS 1.3.
    pub(super) fn negotiates_tls13(&self, hello: &ClientHello) -> bool {
        self.tls13 && hello.offers_tls13()
    }

    /// Rules that this ClientHello breaks, and that rustls does not check or answers with another alert.
    pub(super) fn refuses(&self, hello: &ClientHello) -> Option<Failure> {
        let (alert, reason) = if hello.legacy_version() <= SSL_3 {
            // RFC 8446 appendix D.5, whatever supported_versions says.
            (Alert::PROTOCOL_VERSION, "the legacy_version is SSL 3.0's, or older")
        } else if hello.renegotiates() {
            (Alert::HANDSHAKE_FAILURE, "renegotiation_info refers to an earlier handshake, but there was none")
        } else if self.tls13 && !hello.offers_tls13() && hello.cipher_suites().any(|suite| suite == FALLBACK_SCSV) {
            // RFC 7507 section 3: a client that falls back to an older version says so.
            (Alert::INAPPROPRIATE_FALLBACK, "the client has fallen back from TLS 1.3, which this server supports")
        } else if !(self.negotiates_tls13(hello) || self.tls12 && hello.offers_tls12()) {
            // RFC 5246 appendix E.1, RFC 8446 section 4.2.1. rustls first looks for the signature schemes, which old clients do not
            // send.
            (Alert::PROTOCOL_VERSION, "the peer and we have no protocol version in common")
        } else if self.negotiates_tls13(hello)
            && (hello.missing_extension() || hello.parts().signature_algorithms.is_none())
        {
            // RFC 8446 sections 9.2 and 4.2.3. rustls has handshake_failure for all of these, and takes no pre-shared key without
            // signature_algorithms either.
            (Alert::MISSING_EXTENSION, "the ClientHello lacks an extension that TLS 1.3 demands")
        } else {
            return None;
        };
        Some(Failure::protocol(alert, reason))
    }
}

/// RFC 7507 section 2.
const FALLBACK_SCSV: u16 = 0x5600;

/// RFC 6101 section 5.6.1.2.
const SSL_3: u16 = 0x0300;

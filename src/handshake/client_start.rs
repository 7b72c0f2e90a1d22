//! The start of a client's handshake: what it is told beforehand, and its ClientHello.

use std::sync::Arc;

use rustls::pki_types::ServerName;

use super::alpn::Protocols;
use super::chains::Chains;
use super::client_tickets::ClientTickets;
use super::connection::{Connection, Drive};
use crate::crypto::own_key::{Identity, OwnKey};
use crate::crypto::taps::Taps;
use crate::outcome::{Failure, Result};
use crate::wiping::stack::{HANDSHAKE, wiping};

/// What a context's client handshakes begin with.
pub(crate) struct ClientStart {
    pub(crate) config: Arc<rustls::ClientConfig>,
    /// Those of the context.
    pub(crate) chains: Arc<Chains>,
    /// Without any of these the host is not asked.
    pub(crate) declines: bool,
    pub(crate) tickets: Option<Arc<ClientTickets>>,
    pub(crate) judges_resumed: bool,
    /// TLS 1.2 can be negotiated.
    pub(crate) tls12: bool,
}

impl ClientStart {
    /// Begins a session with its target's name, application protocols that take the place of the context's, and credentials, or
    /// none, that were set beforehand and are not asked for. rustls writes its ClientHello. Nothing is fed and the hooks are not asked before it is out: no fiber is needed.
    pub(super) fn begin(
        &self,
        taps: &Arc<Taps>,
        name: Option<ServerName<'static>>,
        alpn: Option<&Protocols>,
        preset: Option<Option<Arc<OwnKey>>>,
    ) -> Result<Drive> {
        {
            let mut seen = taps.seen();
            // Without a name there is nothing to keep tickets under.
            let keeps = name.is_some() && self.tickets.is_some();
            seen.resumes_as = keeps.then(|| self.identity(&preset));
            seen.preset = preset;
        }
        let _entered = taps.enter();
        // rustls wants a name; of an IP address it sends none (RFC 6066 section 3). The verdict is not its own.
        let placeholder = || ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
        let begun = wiping::<HANDSHAKE, _>(|| {
            let name = name.unwrap_or_else(placeholder);
            let connection = Connection::client(self.config.clone(), name, alpn)?;
            Ok(Drive::new(connection, Vec::new()).run())
        });
        let (drive, result) =
            begun.map_err(|_: rustls::Error| Failure::configuration("no handshake can begin with this context"))?;
        result.map_err(|_| Failure::internal("the ClientHello could not be written"))?;
        Ok(drive)
    }

    /// Whom the session is for, as far as is known beforehand.
    fn identity(&self, preset: &Option<Option<Arc<OwnKey>>>) -> Identity {
        match (preset, self.chains.single()) {
            (Some(None), _) => Identity::Nobody,
            (Some(Some(credentials)), _) | (None, Some(credentials)) => Identity::Credentials(credentials.id),
            (None, None) if !self.chains.is_empty() => Identity::OfContext,
            (None, None) if self.declines => Identity::Nobody,
            (None, None) => Identity::Unset,
        }
    }
}

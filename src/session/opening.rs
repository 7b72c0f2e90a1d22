//! The record layer takes over from the handshake.

use super::Session;
use super::kernel::{KernelTls, Keys};
use super::read::ReadHalf;
use super::receiving::Receiving;
use super::write::WriteHalf;
use crate::crypto::record_keys::RecordKeys;
use crate::handshake::{Direction, Finished};
use crate::limits::MAX_PLAINTEXT;
use crate::outcome::{Failure, Result};
use crate::post_handshake::client_auth::ClientAuth;
use crate::record::open::Opener;
use crate::record::protection::Protection;
use crate::record::seal::Sealer;
use crate::wiping::stack::{DERIVING, wiping};

impl Session {
    /// The record layer takes over from rustls. The keys, if the kernel is to have them.
    pub(super) fn take_over(
        &self,
        finished: Finished,
        write: &mut WriteHalf,
        read: &mut ReadHalf,
    ) -> Result<Option<Box<Keys>>> {
        let Finished { version, sending, receiving, .. } = finished;
        let protection = |direction: &Direction| {
            let keys = RecordKeys::new(version, &direction.keys)?;
            Ok::<_, Failure>(Protection::new(keys, direction.sequence))
        };
        let most = self.context().max_fragment_size.unwrap_or(MAX_PLAINTEXT);
        let (seals, opens) =
            wiping::<DERIVING, _>(|| Ok::<_, Failure>((protection(&sending)?, protection(&receiving)?)))?;
        write.start(Sealer::new(seals, most), sending.traffic);
        let opener = Opener::new(opens);
        read.start(Receiving::new(self.context.is_server(), opener, receiving.traffic, finished.ticket_taker));
        let for_kernel = self.bound.as_ref().is_some_and(|bound| bound.kernel.wanted != KernelTls::default());
        let kernel_keys = for_kernel.then(|| Box::new(Keys { sending: sending.keys, receiving: receiving.keys }));
        let mut facts = self.shared.facts();
        facts.negotiated = finished.negotiated;
        if facts.remote_certificates.is_empty() {
            // Resumed without a question.
            facts.remote_certificates = finished.peer_certificates.into();
        }
        facts.bindings = Some(Box::new(finished.bindings));
        facts.local_credentials = finished.local_credentials;
        // What belonged to the questions goes; a ClientHello stays if the options say so.
        facts.asked = None;
        if let Some(transcript) = finished.transcript {
            let auth = Box::new(ClientAuth::new(transcript));
            *self.shared.client_auth() = Some(auth);
        }
        if !self.context().keep_client_hello {
            facts.client_hello = None;
        }
        self.shared.state.finish(finished.resumed, finished.hello_retried);
        Ok(kernel_keys)
    }
}

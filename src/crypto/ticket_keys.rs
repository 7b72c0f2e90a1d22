//! What a server's session tickets are sealed with (RFC 5077, RFC 8446 section 4.6.1).
//!
//! A ticket is `name (8) | salt (32) | AES-256-GCM( issued (8) | origin | rustls's state )`. The name is that of its root. The
//! origin is what is known of the full handshake that the session goes back to: when it was, since resuming again and again
//! has an end; until when the server's certificate of that handshake is valid; and that certificate's hash, for channel
//! bindings. Each ticket has a key of its own, derived by HKDF from the root, the salt, a digest of everything that decides
//! whom the server accepts, and a digest of whom the certificate names that this client gets in a full handshake. So no nonce is
//! used twice, even among servers with the same root, and servers that judge differently, or have another identity for this client,
//! do not accept each other's tickets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::server::ProducesTickets;
use zeroize::Zeroizing;

use super::end_point::EndPoint;
use super::own_key::OwnKey;
use super::provider::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use super::provider::hkdf::{HKDF_SHA256, Salt};
use super::provider::rand::{SecureRandom, SystemRandom};
use super::taps::{self, Seen};
use super::ticket_origin::{Origin, TIME};
use super::ticket_roots::{NAME, Root, TicketRoots};
use crate::limits::MAX_TICKET;
use crate::wire::Reader;

const SALT: usize = 32;
const FRONT: usize = NAME + SALT;
const TAG: usize = 16;

/// The keys of one context.
pub(crate) struct TicketKeys {
    roots: TicketRoots,
    /// Seconds that a ticket is good for.
    lifetime: u32,
    /// A digest of everything that decides whom the server accepts.
    admission: [u8; 32],
    /// By the number of its key.
    own: HashMap<u64, OwnLeaf>,
    clock: fn() -> u64,
}

/// A leaf certificate of the context's own, as far as tickets depend on it.
pub(crate) struct OwnLeaf {
    pub(crate) key: Arc<OwnKey>,
    /// A digest of whom it names.
    pub(crate) who: [u8; 32],
    /// The last second in which it is valid, since 1970.
    pub(crate) until: u64,
    pub(crate) end_point: EndPoint,
}

impl TicketKeys {
    pub(crate) fn new(roots: Vec<Arc<Root>>, lifetime: u32, admission: [u8; 32], own: Vec<OwnLeaf>) -> Arc<Self> {
        Self::with_clock(roots, lifetime, admission, own, seconds)
    }

    fn with_clock(
        roots: Vec<Arc<Root>>,
        lifetime: u32,
        admission: [u8; 32],
        own: Vec<OwnLeaf>,
        clock: fn() -> u64,
    ) -> Arc<Self> {
        let own = own.into_iter().map(|leaf| (leaf.key.id, leaf)).collect();
        Arc::new(Self { roots: TicketRoots::new(roots, lifetime.into()), lifetime, admission, own, clock })
    }

    /// Tickets are sealed and opened with these roots from now on.
    pub(crate) fn replace_roots(&self, roots: Vec<Arc<Root>>) {
        self.roots.replace(roots);
    }

    /// Erases expired roots.
    pub(crate) fn forget_expired(&self) {
        self.roots.forget_expired((self.clock)());
    }

    fn key(&self, root: &Root, salt: &[u8], leaf: &OwnLeaf) -> Option<LessSafeKey> {
        let secret = Salt::new(HKDF_SHA256, salt).extract(&root.secret);
        let info: [&[u8]; 3] = [b"spantls session ticket 3", &self.admission, &leaf.who];
        let key = secret.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }

    /// What the client of the session at work gets in a full handshake.
    fn leaf(&self, seen: &Seen) -> Option<&OwnLeaf> {
        self.own.get(&seen.server_chain.as_ref()?.id)
    }
}

impl ProducesTickets for TicketKeys {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let now = (self.clock)();
        let (leaf, resumes) = {
            let taps = taps::current()?;
            let seen = taps.seen();
            (self.leaf(&seen)?, seen.resumes.clone())
        };
        let this = || Origin { began: now, until: leaf.until, end_point: leaf.end_point.clone() };
        let origin = Some(resumes.unwrap_or_else(this)).filter(|origin| origin.is_good(now))?;
        let len = FRONT + TIME + origin.written_len() + plain.len() + TAG;
        // A client with a chain of this length has none.
        if len > MAX_TICKET {
            return None;
        }
        let root = self.roots.sealing(now)?;
        let mut ticket = Vec::with_capacity(len);
        ticket.extend_from_slice(&root.name);
        ticket.extend_from_slice(&[0; SALT]);
        SystemRandom::new().fill(&mut ticket[NAME..]).ok()?;
        let key = self.key(&root, &ticket[NAME..], leaf)?;
        ticket.extend_from_slice(&now.to_be_bytes());
        origin.write(&mut ticket);
        ticket.extend_from_slice(plain);
        let (front, sealed) = ticket.split_at_mut(FRONT);
        // The key is used once.
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(&*front), sealed).ok()?;
        ticket.extend_from_slice(tag.as_ref());
        Some(ticket)
    }

    /// `None` for everything that is not a ticket of ours, or no longer good.
    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (front, sealed) = ticket.split_at_checked(FRONT)?;
        let (name, salt) = front.split_at(NAME);
        let now = (self.clock)();
        let taps = taps::current()?;
        let leaf = self.leaf(&taps.seen())?;
        let key = self.key(&*self.roots.opening(name, now)?, salt, leaf)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let opened = key.open_in_place(nonce, Aad::from(front), &mut plain).ok()?;
        let mut opened = Reader::new(opened);
        let (issued, origin) = (opened.u64()?, Origin::read(&mut opened)?);
        // Clocks of those who share a root differ. One that is ahead by more than a lifetime makes tickets that would live too
        // long here.
        if now.abs_diff(issued) > u64::from(self.lifetime) || !origin.is_good(now) {
            return None;
        }
        // If that certificate is not here any more, it was renewed.
        let shown = self.own.values().find(|leaf| leaf.end_point == origin.end_point);
        let mut seen = taps.seen();
        seen.resumes_shown = shown.map(|leaf| leaf.key.current());
        seen.resumes = Some(origin);
        Some(opened.rest().to_vec())
    }
}

impl std::fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKeys").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Seconds since 1970.
#[allow(clippy::disallowed_methods, reason = "tickets grow old by the clock that other machines share")]
pub(crate) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;

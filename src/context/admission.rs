//! What a server's session tickets are bound to: whom the server accepts, and who it is.

use std::sync::Arc;

use super::Options;
use crate::crypto::own_key::OwnKey;
use crate::crypto::parts_digest::PartsDigest;
use crate::crypto::ticket_keys::OwnLeaf;
use crate::trust;

impl Options {
    /// A digest that two contexts share exactly if they accept the same clients in the same way. A ticket passes between
    /// contexts that have the same one only, and where its client gets a certificate for the same names ([`own_leaves`]). Nobody
    /// shows a certificate in a resumed session: were a ticket good wherever its root is, an attacker could redirect a client to
    /// another server of that root, and the client would take it for the one that it asked for.
    ///
    /// `ffi-tests/judges/secrets/needles.py` computes both digests, to know the keys of tickets.
    pub(crate) fn admission(&self) -> [u8; 32] {
        let mut digest = PartsDigest::new();
        digest.add(&[
            self.client_certificates as u8,
            self.validation as u8,
            u8::from(self.validate_on_resume),
            u8::from(self.tls12),
            u8::from(self.tls13),
            self.rules.anchors as u8,
            u8::from(self.rules.strict),
        ]);
        digest.add(&self.rules.time.map_or(-1, |time| time.as_secs().cast_signed()).to_be_bytes());
        let mut anchors: Vec<&[u8]> = self.trust_anchors.iter().map(|anchor| anchor.as_ref()).collect();
        let mut lists: Vec<&[u8]> = self.revocation_lists.iter().map(|list| list.as_ref()).collect();
        // Their order decides nothing.
        anchors.sort_unstable();
        lists.sort_unstable();
        let protocols: Vec<&[u8]> = self.alpn.names().iter().map(Vec::as_slice).collect();
        for list in [anchors, lists, protocols] {
            digest.add(&(list.len() as u64).to_be_bytes());
            list.iter().for_each(|item| digest.add(item));
        }
        digest.finish()
    }
}

/// What tickets depend on of the certificates of these options.
///
/// To its clients a server is the names in its certificate, not the certificate: one that has the root and a certificate for the
/// same names would be accepted in a full handshake too. So a renewed certificate takes the tickets of the old one; key and
/// issuer are not compared. Which certificate it is the ClientHello decides, as in a full handshake: what a context has for
/// other names plays no part.
pub(super) fn own_leaves(options: &Options) -> Vec<OwnLeaf> {
    let leaf = |key: &Arc<OwnKey>| {
        let chain = key.current();
        let certificate = chain.cert.first().map_or(&[][..], |leaf| leaf.as_ref());
        OwnLeaf {
            key: key.clone(),
            who: trust::who(certificate),
            // Without a date that can be read there are no tickets: it has expired long ago.
            until: trust::not_after(certificate).unwrap_or(0),
            end_point: trust::end_point(certificate),
        }
    };
    options.chains.all().map(leaf).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::context::AnchorMode;

    #[test]
    fn tickets_do_not_pass_between_contexts_that_judge_by_other_rules() {
        let with = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            options.admission()
        };
        let admissions = [
            with(|_| ()),
            with(|options| options.rules.anchors = AnchorMode::Certificates),
            with(|options| options.rules.anchors = AnchorMode::PartialChain),
            with(|options| options.rules.strict = true),
            with(|options| options.rules.time = Some(Duration::ZERO)),
            with(|options| options.rules.time = Some(Duration::from_secs(1))),
        ];
        for (index, admission) in admissions.iter().enumerate() {
            assert!(!admissions[..index].contains(admission), "change {index}");
        }
    }
}

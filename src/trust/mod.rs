//! The default validation: is this chain trusted, for this use, now, and for this name? By webpki; this room gives it
//! its inputs, asks for *all* that is wrong, and turns that into policy errors and the alert that fits.

mod alert;
mod system;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use crate::outcome::{Alert, Failure, policy};

/// Whose certificates are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Server,
    Client,
}

/// What a context trusts.
pub(crate) struct Policy {
    peer: Peer,
    anchors: Vec<TrustAnchor<'static>>,
    /// The anchors as certificates: a peer may show one of them as its leaf.
    anchor_certificates: Vec<CertificateDer<'static>>,
    revocation_lists: Vec<CertRevocationList<'static>>,
}

/// What the default validation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// `policy` bits; 0 is trust.
    pub(crate) policy_errors: u32,
    /// The alert for the worst of them.
    pub(crate) alert: Option<Alert>,
    /// What is wrong, in words; empty when nothing is.
    pub(crate) reason: String,
}

impl Policy {
    pub(crate) fn new(
        peer: Peer,
        anchor_certificates: Vec<CertificateDer<'static>>,
        revocation_lists: &[CertificateRevocationListDer<'static>],
    ) -> Result<Self, Failure> {
        let anchors = anchor_certificates.iter().map(anchor).collect::<Result<_, _>>()?;
        let revocation_lists = revocation_lists.iter().map(revocation_list).collect::<Result<_, _>>()?;
        Ok(Self { peer, anchors, anchor_certificates, revocation_lists })
    }

    /// Judges `chain` (leaf first) at this moment. `name` is whom a client wanted to reach.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'static>], name: Option<&ServerName<'static>>) -> Judgement {
        #[allow(clippy::disallowed_methods, reason = "validity needs the time, and only here")]
        self.judge_at(chain, name, UnixTime::now())
    }

    pub(crate) fn judge_at(
        &self,
        chain: &[CertificateDer<'static>],
        name: Option<&ServerName<'static>>,
        now: UnixTime,
    ) -> Judgement {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Judgement {
                policy_errors: policy::NOT_AVAILABLE,
                alert: Some(Alert::CERTIFICATE_REQUIRED),
                reason: "the peer showed no certificate".into(),
            };
        };
        let certificate = match EndEntityCert::try_from(leaf) {
            Ok(certificate) => certificate,
            Err(error) => {
                return Judgement {
                    policy_errors: policy::CHAIN_ERRORS,
                    alert: Some(alert::for_chain(&error)),
                    reason: format!("the certificate cannot be read: {error}"),
                };
            }
        };
        let mut judgement = Judgement { policy_errors: 0, alert: None, reason: String::new() };
        if let Err(error) = self.chain(&certificate, leaf, intermediates, now) {
            judgement.policy_errors |= policy::CHAIN_ERRORS;
            judgement.alert = Some(alert::for_chain(&error));
            judgement.reason = alert::describe(&error);
        }
        if self.peer == Peer::Server
            && let Err(reason) = matches_name(&certificate, name)
        {
            judgement.policy_errors |= policy::NAME_MISMATCH;
            // A chain error weighs more: the name on a certificate that nobody vouches for says nothing.
            judgement.alert = judgement.alert.or(Some(Alert::BAD_CERTIFICATE));
            if !judgement.reason.is_empty() {
                judgement.reason.push_str("; ");
            }
            judgement.reason.push_str(&reason);
        }
        judgement
    }

    fn chain(
        &self,
        certificate: &EndEntityCert<'_>,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let anchors = match self.peer {
            Peer::Server if self.anchors.is_empty() => system::anchors(),
            // The system's store says which servers to trust; whom a server lets in is for its owner to say.
            Peer::Server | Peer::Client => &self.anchors,
        };
        let usage = match self.peer {
            Peer::Server => KeyUsage::server_auth(),
            Peer::Client => KeyUsage::client_auth(),
        };
        let lists: Vec<_> = self.revocation_lists.iter().collect();
        // Once there are lists, they must speak for every certificate below the anchor, and be current: a list that
        // is withheld must not make a revoked certificate good.
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
            builder
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(UnknownStatusPolicy::Deny)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
        let result =
            certificate.verify_for_usage(algorithms, anchors, intermediates, now, usage, revocation, None).map(|_| ());
        match result {
            // Found in this order, after validity and before anything else: webpki has already checked the time.
            Err(
                webpki::Error::CaUsedAsEndEntity
                | webpki::Error::UnknownIssuer
                | webpki::Error::UnknownRevocationStatus,
            ) if self.is_self_signed_anchor(certificate, leaf) => Ok(()),
            // Any other certificate that signs itself lacks trust before it lacks the shape of a leaf.
            Err(webpki::Error::CaUsedAsEndEntity) if certificate.issuer() == certificate.subject() => {
                Err(webpki::Error::UnknownIssuer)
            }
            result => result,
        }
    }

    /// What `openssl req -x509` makes, configured as an anchor and shown as a leaf: the host knows this very
    /// certificate, there is nothing left to find out about who vouches for it.
    fn is_self_signed_anchor(&self, certificate: &EndEntityCert<'_>, leaf: &CertificateDer<'_>) -> bool {
        certificate.issuer() == certificate.subject()
            && self.anchor_certificates.iter().any(|anchor| anchor.as_ref() == leaf.as_ref())
    }
}

/// The names of trust anchors, for a server's request.
pub(crate) fn subjects(anchors: &[CertificateDer<'static>]) -> Vec<rustls::DistinguishedName> {
    let mut store = rustls::RootCertStore::empty();
    store.add_parsable_certificates(anchors.iter().cloned());
    store.subjects()
}

/// A certificate as a trust anchor.
pub(crate) fn anchor(certificate: &CertificateDer<'_>) -> Result<TrustAnchor<'static>, Failure> {
    webpki::anchor_from_trusted_cert(certificate)
        .map(|anchor| anchor.to_owned())
        .map_err(|error| Failure::configuration(format!("a trust anchor cannot be read: {error}")))
}

/// A revocation list, parsed.
pub(crate) fn revocation_list(list: &CertificateRevocationListDer<'_>) -> Result<CertRevocationList<'static>, Failure> {
    OwnedCertRevocationList::from_der(list)
        .map(CertRevocationList::from)
        .map_err(|error| Failure::configuration(format!("a revocation list cannot be read: {error}")))
}

/// RFC 6125: is this a certificate for that name?
fn matches_name(certificate: &EndEntityCert<'_>, name: Option<&ServerName<'static>>) -> Result<(), String> {
    let Some(name) = name else {
        return Err("no target host name was set to compare the certificate with".into());
    };
    certificate
        .verify_is_valid_for_subject_name(name)
        .map_err(|_| format!("the certificate is not for {}", name.to_str()))
}

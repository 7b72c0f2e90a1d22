//! The default validation: is this chain trusted, for this use, now, and for this name? By webpki; this room gives it
//! its inputs, asks for *all* that is wrong, and turns that into policy errors and the alert that fits. What webpki
//! leaves out and RFC 5280 demands is here too. `ffi-tests/zoo` tells each verdict.

mod alert;
mod budget;
mod end_point;
pub(crate) mod fields;
mod privileges;
mod system;

use std::cell::Cell;
use std::cmp::Reverse;

use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
    alg_id,
};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage,
    OwnedCertRevocationList, RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};

use self::alert::Fault;
use self::budget::Budget;
#[cfg(test)]
pub(crate) use self::budget::tests::CHECKS;
pub(crate) use self::end_point::certificate_hash;
use crate::crypto::provider;
use crate::limits::{MAX_PATH_STEPS, MAX_SIGNING_RSA_BITS};
use crate::outcome::{Alert, Failure, policy};

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

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
    /// The newest first: webpki looks at the first one of an issuer.
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
        let mut revocation_lists: Vec<_> = revocation_lists.iter().collect();
        revocation_lists.sort_by_cached_key(|list| Reverse(fields::this_update(list)));
        let revocation_lists = revocation_lists.into_iter().map(revocation_list).collect::<Result<_, _>>()?;
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
        let (chain, name) = match EndEntityCert::try_from(leaf) {
            Ok(certificate) => {
                (self.chain(&certificate, leaf, intermediates, now), self.name(Some(&certificate), name))
            }
            Err(error) => {
                // A critical extension that nobody knows hides no name; what cannot be read at all shows none.
                let readable = CertificateDer::from(fields::nothing_critical(leaf));
                (Err(error.into()), self.name(EndEntityCert::try_from(&readable).ok().as_ref(), name))
            }
        };
        let mut judgement = Judgement { policy_errors: 0, alert: None, reason: String::new() };
        if let Err(fault) = chain {
            judgement.policy_errors |= policy::CHAIN_ERRORS;
            judgement.alert = Some(alert::for_chain(&fault));
            judgement.reason = alert::describe(&fault);
        }
        if let Err(reason) = name {
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
    ) -> Result<(), Fault> {
        let anchors = match self.peer {
            Peer::Server if self.anchors.is_empty() => system::anchors(),
            // The system's store says which servers to trust; whom a server lets in is for its owner to say.
            Peer::Server | Peer::Client => &self.anchors,
        };
        let usage = Usage { purpose: self.purpose(), steps: Cell::new(0) };
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
        let budget = Budget::new(anchors);
        let charged = budget.charge(provider::SIGNATURES.all);
        let algorithms: Vec<_> = charged.iter().map(|algorithm| algorithm as _).collect();
        let found = certificate
            .verify_for_usage(&algorithms, anchors, intermediates, now, &usage, revocation, Some(&issuers_may_sign))
            .map(|_| ());
        match found {
            Err(error) if is_self_signed(certificate) && self.anchor_certificates.contains(leaf) => {
                self.self_signed_anchor(leaf, error)?;
            }
            // As an anchor it would be trusted: that it is a CA's is not what is wrong with it.
            Err(webpki::Error::CaUsedAsEndEntity) if is_self_signed(certificate) => {
                return Err(webpki::Error::UnknownIssuer.into());
            }
            Err(_) if budget.is_used_up() => return Err(Fault::WrongSignatures),
            found => found?,
        }
        if !fields::allows_key_usage(leaf, self.key_usage()) {
            return Err(Fault::KeyUsage);
        }
        can_sign_handshakes(certificate, provider::SIGNATURES.all)
    }

    /// What `openssl req -x509` makes, configured as an anchor and shown as a leaf: the host knows this very
    /// certificate, there is nothing left to find out about who vouches for it.
    fn self_signed_anchor(&self, leaf: &CertificateDer<'_>, error: webpki::Error) -> Result<(), webpki::Error> {
        match error {
            // Found after the validity and before the usage.
            webpki::Error::CaUsedAsEndEntity if !fields::is_for(leaf, self.purpose_identifier()) => Err(error),
            // Found after validity and usage: what is missing is a signature that can be checked, which it needs from
            // nobody (RFC 8446 section 4.4.2.2), or a list, which speaks for what is below an anchor.
            webpki::Error::CaUsedAsEndEntity
            | webpki::Error::UnknownIssuer
            | webpki::Error::UnsupportedSignatureAlgorithmContext(_)
            | webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
            | webpki::Error::InvalidSignatureForPublicKey
            | webpki::Error::UnknownRevocationStatus => Ok(()),
            error => Err(error),
        }
    }

    /// Is the certificate of a server for that name? One that cannot be read is for none.
    fn name(&self, certificate: Option<&EndEntityCert<'_>>, name: Option<&ServerName<'static>>) -> Result<(), String> {
        match (self.peer, certificate) {
            (Peer::Client, _) => Ok(()),
            (Peer::Server, Some(certificate)) => matches_name(certificate, name),
            (Peer::Server, None) => Err("the certificate shows no name that could be compared".into()),
        }
    }

    fn purpose(&self) -> KeyUsage {
        match self.peer {
            Peer::Server => KeyUsage::server_auth(),
            Peer::Client => KeyUsage::client_auth(),
        }
    }

    /// The same as an object identifier's contents: id-kp-serverAuth, id-kp-clientAuth.
    fn purpose_identifier(&self) -> &'static [u8] {
        match self.peer {
            Peer::Server => &[0x2b, 6, 1, 5, 5, 7, 3, 1],
            Peer::Client => &[0x2b, 6, 1, 5, 5, 7, 3, 2],
        }
    }

    /// One of these bits must be in a leaf's key usage, if it has one. Every handshake here needs a signature (RFC 8446
    /// section 4.4.2.2), but servers still show certificates for RSA key exchange, without that bit: this is OpenSSL's
    /// rule.
    fn key_usage(&self) -> u8 {
        match self.peer {
            Peer::Server => fields::DIGITAL_SIGNATURE | fields::KEY_ENCIPHERMENT | fields::KEY_AGREEMENT,
            Peer::Client => fields::DIGITAL_SIGNATURE | fields::KEY_AGREEMENT,
        }
    }
}

/// Checks the extended key usage of each certificate that webpki puts into a path, and so counts them.
struct Usage {
    purpose: KeyUsage,
    steps: Cell<u32>,
}

impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_PATH_STEPS {
            // webpki stops looking for other paths.
            return Err(webpki::Error::MaximumPathBuildCallsExceeded);
        }
        self.purpose.validate(purposes)
    }
}

/// RFC 5280 section 6.1.4 (n): a CA whose key usage lacks keyCertSign issues nothing. webpki ignores key usage.
fn issuers_may_sign(path: &VerifiedPath<'_>) -> Result<(), webpki::Error> {
    if path.intermediate_certificates().all(|issuer| fields::allows_key_usage(&issuer.der(), fields::KEY_CERT_SIGN)) {
        Ok(())
    } else {
        Err(webpki::Error::EndEntityUsedAsCa)
    }
}

/// Whether signatures by the leaf's key could be verified at all: webpki looks at the keys of issuers only.
fn can_sign_handshakes(certificate: &EndEntityCert<'_>, algorithms: Algorithms) -> Result<(), Fault> {
    let info = certificate.subject_public_key_info();
    let (algorithm, key) = fields::public_key(&info).ok_or(webpki::Error::BadDer)?;
    if !algorithms.iter().any(|known| known.public_key_alg_id().as_ref() == algorithm) {
        return Err(Fault::UnsupportedKey);
    }
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let bits = fields::rsa_bits(key).ok_or(webpki::Error::BadDer)?;
        // What the provider verifies. The lower end is RFC 9325 section 4.5's.
        if !(2048..=8192).contains(&bits) {
            return Err(Fault::KeySize);
        }
    }
    Ok(())
}

/// Whether a key of our own is one whose signatures peers, and we, can check.
pub(crate) fn usable_key(leaf: &CertificateDer<'_>, algorithms: Algorithms) -> Result<(), Failure> {
    let unreadable = |error: webpki::Error| {
        let why = alert::unreadable(&error);
        Failure::configuration(format!("the first certificate of the chain cannot be used: it {why}"))
    };
    let certificate = EndEntityCert::try_from(leaf).map_err(unreadable)?;
    can_sign_handshakes(&certificate, algorithms).map_err(|fault| match fault {
        Fault::KeySize => Failure::configuration("an RSA key must have 2048 to 8192 bits"),
        _ => Failure::configuration("the key of the chain's first certificate is of an unsupported type"),
    })
}

/// Whether the private key that goes with this leaf is one that we sign with, whatever the provider.
pub(crate) fn signs_here(leaf: &CertificateDer<'_>) -> bool {
    let Ok(certificate) = EndEntityCert::try_from(leaf) else { return false };
    let info = certificate.subject_public_key_info();
    let Some((algorithm, key)) = fields::public_key(&info) else { return false };
    let short = algorithm != alg_id::RSA_ENCRYPTION.as_ref()
        || fields::rsa_bits(key).is_some_and(|bits| bits <= MAX_SIGNING_RSA_BITS);
    short && can_sign_handshakes(&certificate, provider::SIGNATURES.all).is_ok()
}

fn is_self_signed(certificate: &EndEntityCert<'_>) -> bool {
    certificate.issuer() == certificate.subject()
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
        .map_err(|error| Failure::configuration(format!("a trust anchor {}", alert::unreadable(&error))))
}

/// A revocation list, parsed.
pub(crate) fn revocation_list(list: &CertificateRevocationListDer<'_>) -> Result<CertRevocationList<'static>, Failure> {
    OwnedCertRevocationList::from_der(list)
        .map(CertRevocationList::from)
        .map_err(|error| Failure::configuration(format!("a revocation list {}", alert::unreadable(&error))))
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

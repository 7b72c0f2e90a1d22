//! The default validation: is this chain trusted, for this use, now, and for this name? By webpki; this room gives it
//! its inputs, asks for *all* that is wrong, and turns that into policy errors and the alert that fits. What webpki
//! leaves out and RFC 5280 demands is here too. `ffi-tests/judges/zoo` lists each verdict.

mod alert;
mod anchors;
mod budget;
mod certificate;
mod early;
mod end_point;
pub(crate) mod fields;
mod known;
mod likely;
mod name;
mod path;
mod privileges;
mod report;
mod strict;
pub(crate) mod system;
mod who;

use std::cmp::Reverse;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime, alg_id};
use webpki::{CertRevocationList, EndEntityCert, KeyUsage, OwnedCertRevocationList};

use self::alert::Fault;
pub use self::anchors::AnchorMode;
use self::anchors::Anchors;
pub(crate) use self::anchors::anchor;
use self::budget::Budget;
#[cfg(test)]
pub(crate) use self::budget::tests::CHECKS;
use self::early::Moved;
pub(crate) use self::end_point::end_point;
use self::known::KnownChains;
pub(crate) use self::name::{matches_name, server_name};
pub(crate) use self::path::PathCertificate;
use self::path::Subject;
pub(crate) use self::who::{not_after, who};
use crate::crypto::provider;
use crate::limits::MAX_SIGNING_RSA_BITS;
use crate::outcome::{Alert, Failure, Result};
use crate::reason::{Blame, NO_CERTIFICATE, Reason, Reasons};

/// Whose certificates are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Server,
    Client,
}

/// How a context judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How trust anchors are judged.
    pub anchors: AnchorMode,
    /// Whether certificates must follow the profile that is in `strict`.
    pub strict: bool,
    /// The moment at which certificates and lists must be valid, since the Unix epoch; `None` is now.
    pub time: Option<Duration>,
}

/// What a context trusts.
pub(crate) struct Policy {
    peer: Peer,
    rules: Rules,
    anchors: Anchors,
    /// The system's, once they were needed.
    of_the_system: OnceLock<Arc<system::Store>>,
    /// The newest first: webpki looks at the first one of an issuer.
    revocation_lists: Vec<DatedList>,
    known: KnownChains,
}

/// A revocation list, and when the next one has to replace it, in seconds since 1970.
struct DatedList {
    list: CertRevocationList<'static>,
    end: i64,
}

/// How much a judgement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// Whether the peer is trusted and, if not, the fault that decides. It ends at the first one that webpki finds.
    Verdict,
    /// Every fault that can be found.
    Report,
}

/// What the default validation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// The alert for the worst of them.
    pub(crate) alert: Option<Alert>,
    /// What is wrong, in words; empty when nothing is.
    pub(crate) message: String,
    /// The fault that decides the alert.
    pub(crate) blame: Option<Blame>,
    /// All faults, in a report; otherwise those that were found on the way.
    pub(crate) reasons: Reasons,
    /// Leaf to anchor; empty if the chain is not trusted. The name is another question.
    pub(crate) path: Box<[PathCertificate]>,
}

impl DatedList {
    /// A list holds until just before the next one is due.
    fn has_ended(&self, now: UnixTime) -> bool {
        i64::try_from(now.as_secs()).map_or(true, |now| now >= self.end)
    }
}

impl Policy {
    pub(crate) fn new(
        peer: Peer,
        rules: Rules,
        anchors: Vec<CertificateDer<'static>>,
        revocation_lists: &[CertificateRevocationListDer<'static>],
    ) -> Result<Self> {
        let anchors = Anchors::new(anchors)?;
        let mut revocation_lists: Vec<_> = revocation_lists.iter().map(|list| (fields::updates(list), list)).collect();
        revocation_lists.sort_by_key(|(updates, _)| Reverse(updates.map(|(this, _)| this)));
        let dated = |(updates, list): (Option<(i64, i64)>, &CertificateRevocationListDer<'_>)| {
            // One whose dates cannot be read has ended.
            Ok(DatedList { list: revocation_list(list)?, end: updates.map_or(i64::MIN, |(_, next)| next) })
        };
        Ok(Self {
            peer,
            rules,
            anchors,
            of_the_system: OnceLock::new(),
            revocation_lists: revocation_lists.into_iter().map(dated).collect::<Result<_>>()?,
            known: KnownChains::default(),
        })
    }

    /// Judges `chain` (leaf first). `name` is whom a client wanted to reach.
    pub(crate) fn judge(
        &self,
        chain: &[CertificateDer<'static>],
        name: Option<&ServerName<'static>>,
        extent: Extent,
    ) -> Judgement {
        #[allow(clippy::disallowed_methods, reason = "validity needs the time, and only here")]
        let time = self.rules.time.map_or_else(UnixTime::now, UnixTime::since_unix_epoch);
        self.judge_at(chain, name, time, extent)
    }

    pub(crate) fn judge_at(
        &self,
        chain: &[CertificateDer<'static>],
        name: Option<&ServerName<'static>>,
        now: UnixTime,
        extent: Extent,
    ) -> Judgement {
        let Some((leaf, intermediates)) = chain.split_first() else { return Judgement::of_no_certificate() };
        let now = early::moment(now);
        let digest = known::digest(chain, name);
        if let Some(path) = self.known_path(&digest, chain, now) {
            return Judgement { path, ..Judgement::trust() };
        }
        let budget = Budget::new(&self.store().anchors);
        let subject = Subject { leaf, intermediates, now, budget: &budget, ignored: Reasons::default() };
        let mut judgement = Judgement::trust();
        match self.chain(subject) {
            Ok(path) => judgement.path = path,
            Err(fault) => {
                judgement.alert = Some(fault.alert());
                judgement.message = self.describe(&fault);
                judgement.blame = Some(self.blame(subject, &fault));
                judgement.reasons = match extent {
                    Extent::Verdict => fault.reason().into(),
                    Extent::Report => self.report(subject, &fault),
                };
            }
        }
        if let Err(words) = self.name(leaf, name) {
            judgement.add_name_mismatch(&words);
        }
        if judgement.alert.is_none() {
            self.known.add(digest, &judgement.path);
        }
        judgement
    }

    /// The path from the leaf to an anchor, if everything about it is right.
    fn chain(&self, of: Subject<'_>) -> Result<Box<[PathCertificate]>, Fault> {
        let copy = Moved::of(of.leaf, of.ignored);
        let readable = copy.as_ref().map_or(of.leaf, |moved| &moved.copy);
        let certificate = EndEntityCert::try_from(readable)?;
        let path = self.find_path(&certificate, of)?;
        if !fields::allows_key_usage(of.leaf, self.key_usage()) {
            of.ignored.tolerate(Err(Fault::KeyUsage), Fault::reason)?;
        }
        of.ignored.tolerate(can_sign_handshakes(&certificate), Fault::reason)?;
        Ok(path)
    }

    fn describe(&self, fault: &Fault) -> String {
        let words = fault.describe();
        match (fault.reason(), self.of_the_system.get().and_then(|store| store.emptiness.as_ref())) {
            (Reason::UnknownIssuer | Reason::SelfSigned, Some(emptiness)) => format!("{words}: {emptiness}"),
            _ => words,
        }
    }

    /// What is trusted.
    fn store(&self) -> &Anchors {
        match self.peer {
            Peer::Server if self.anchors.certificates.is_empty() => {
                &self.of_the_system.get_or_init(system::store).anchors
            }
            // The system's store is for trusting servers; which clients a server admits, its owner decides.
            Peer::Server | Peer::Client => &self.anchors,
        }
    }

    /// Whether the certificate of a server is for that name.
    fn name(&self, leaf: &CertificateDer<'_>, name: Option<&ServerName<'static>>) -> Result<(), String> {
        match (self.peer, name) {
            (Peer::Client, _) => Ok(()),
            (Peer::Server, Some(name)) => name::is_for(leaf, name),
            (Peer::Server, None) => Err("no target host name was set to compare the certificate with".into()),
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

impl Judgement {
    fn trust() -> Self {
        Self { alert: None, message: String::new(), blame: None, reasons: Reasons::default(), path: Box::default() }
    }

    fn of_no_certificate() -> Self {
        Self {
            alert: Some(Alert::CERTIFICATE_REQUIRED),
            message: NO_CERTIFICATE.into(),
            blame: Blame::without_a_certificate(Reason::NoCertificate.into()),
            reasons: Reason::NoCertificate.into(),
            ..Self::trust()
        }
    }

    /// A chain error weighs more: the name on a certificate that no one vouches for says nothing.
    fn add_name_mismatch(&mut self, words: &str) {
        self.alert = self.alert.or(Some(Alert::BAD_CERTIFICATE));
        self.blame = self.blame.or(Some(Blame { reason: Reason::NameMismatch, depth: Some(0), rule: None }));
        self.reasons.insert(Reason::NameMismatch);
        if !self.message.is_empty() {
            self.message.push_str("; ");
        }
        self.message.push_str(words);
    }
}

/// Whether signatures by the leaf's key could be verified at all: webpki looks at the keys of issuers only.
fn can_sign_handshakes(certificate: &EndEntityCert<'_>) -> Result<(), Fault> {
    let info = certificate.subject_public_key_info();
    let (algorithm, key) = fields::public_key(&info).ok_or(webpki::Error::BadDer)?;
    if !provider::SIGNATURES.all.iter().any(|known| known.public_key_alg_id().as_ref() == algorithm) {
        return Err(Fault::UnsupportedKey);
    }
    if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
        let bits = fields::rsa_bits(key).ok_or(webpki::Error::BadDer)?;
        if !GOOD_RSA_BITS.contains(&bits) {
            return Err(Fault::KeySize);
        }
    }
    Ok(())
}

/// What the provider verifies. The lower end is RFC 9325 section 4.5's.
const GOOD_RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// Whether signatures are verified with an RSA key of this size.
fn has_good_size(key: &[u8]) -> bool {
    fields::rsa_bits(key).is_some_and(|bits| GOOD_RSA_BITS.contains(&bits))
}

/// Whether a key of our own is one whose signatures peers, and we, can check.
pub(crate) fn usable_key(leaf: &CertificateDer<'_>) -> Result<()> {
    let unreadable = |error: webpki::Error| {
        let why = alert::unreadable(&error);
        Failure::configuration(format!("the first certificate of the chain cannot be used: it {why}"))
    };
    let certificate = EndEntityCert::try_from(leaf).map_err(unreadable)?;
    can_sign_handshakes(&certificate).map_err(|fault| match fault {
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
    short && can_sign_handshakes(&certificate).is_ok()
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

/// The issuer's name of a certificate that can be read.
pub(crate) fn issuer(certificate: &CertificateDer<'_>) -> Option<rustls::DistinguishedName> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    Some(rustls::DistinguishedName::in_sequence(certificate.issuer()))
}

/// A revocation list, parsed.
pub(crate) fn revocation_list(list: &CertificateRevocationListDer<'_>) -> Result<CertRevocationList<'static>> {
    OwnedCertRevocationList::from_der(list)
        .map(CertRevocationList::from)
        .map_err(|error| Failure::configuration(format!("a revocation list {}", alert::unreadable(&error))))
}

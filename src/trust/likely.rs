//! The chain that a peer most likely means: from its leaf from issuer to issuer, by names and key identifiers. Where no path
//! to an anchor is found, it says where the fault is.

use rustls::pki_types::CertificateDer;

use super::anchors::Anchors;
use super::certificate::CertificateFields;
use crate::limits::MAX_LIKELY_CHAIN;

/// The chain, leaf first, as far as the issuers are known.
pub(super) fn chain<'a>(
    leaf: &'a CertificateDer<'a>,
    shown: &'a [CertificateDer<'a>],
    store: &'a Anchors,
) -> Vec<&'a CertificateDer<'a>> {
    let mut chain = vec![leaf];
    let Some(mut last) = CertificateFields::read(leaf) else { return chain };
    let issuers = shown.iter().chain(&store.certificates);
    let issuers: Vec<_> = issuers.filter_map(|der| Some((der, CertificateFields::read(der)?))).collect();
    while chain.len() < MAX_LIKELY_CHAIN && !last.is_self_signed() {
        let named = issuers.iter().filter(|(der, issuer)| issuer.subject == last.issuer && !chain.contains(der));
        let best = named.max_by_key(|(_, issuer)| has_named_key(&last, issuer));
        let Some((der, issuer)) = best else { break };
        chain.push(der);
        last = issuer.clone();
    }
    chain
}

/// Whether the issuer has the key that the certificate says its issuer has.
fn has_named_key(certificate: &CertificateFields<'_>, issuer: &CertificateFields<'_>) -> bool {
    let named = certificate.authority_key_identifier().and_then(|authority| authority.key);
    named.is_some() && named == issuer.subject_key_identifier()
}

/// Whether a certificate names itself as its issuer.
pub(super) fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    CertificateFields::read(certificate).is_some_and(|read| read.is_self_signed())
}

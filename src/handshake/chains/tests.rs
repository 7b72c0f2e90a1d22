//! Which chain whom.

use std::sync::Arc;

use rustls::{ProtocolVersion, SignatureScheme};

use super::Chains;
use crate::client_hello::tests::Offer;
use crate::context::Credentials;
use crate::crypto::own_key::OwnKey;
use crate::crypto::suites;
use crate::outcome::{Alert, FailureKind};

const P256: u16 = 0x0403;
const P384: u16 = 0x0503;
const PSS: u16 = 0x0804;
const PKCS1: u16 = 0x0401;
const ED25519: u16 = 0x0807;
const ECDHE_ECDSA: u16 = 0xc02b;
const ECDHE_RSA: u16 = 0xc02f;
const TLS13_SUITE: u16 = 0x1301;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn key(name: &str) -> Arc<OwnKey> {
    Credentials::from_pem(&file(&format!("{name}.pem")), &file(&format!("{name}.key")), None).unwrap().own_key()
}

fn external(name: &str, schemes: &[u16]) -> Arc<OwnKey> {
    Credentials::external(&file(&format!("{name}.pem")), schemes).unwrap().own_key()
}

fn chains(keys: &[&Arc<OwnKey>]) -> Chains {
    let mut chains = Chains::default();
    for key in keys {
        chains.add((*key).clone()).unwrap();
    }
    chains
}

const TLS13_CLIENT: Offer<'static> = Offer {
    name: Some("www.example.org"),
    versions: &[0x0304, 0x0303],
    suites: &[TLS13_SUITE, ECDHE_ECDSA, ECDHE_RSA],
    schemes: &[P256, PSS],
    groups: &[29, 23, 24],
};

fn tls12<'a>(suites: &'a [u16], schemes: &'a [u16], groups: &'a [u16]) -> Offer<'a> {
    Offer { name: None, versions: &[], suites, schemes, groups }
}

/// The number of the chain, or the alert.
fn chosen(chains: &Chains, keys: &[&Arc<OwnKey>], offer: &Offer<'_>) -> Result<usize, Alert> {
    let hello = offer.hello();
    let version = if hello.offers_tls13() { ProtocolVersion::TLSv1_3 } else { ProtocolVersion::TLSv1_2 };
    let suites = suites::provider(&[], &[]).cipher_suites;
    let chosen = chains.for_client(&hello, version, &suites).map_err(|failure| {
        assert_eq!(failure.kind, FailureKind::Protocol);
        failure.alert_sent.unwrap()
    })?;
    Ok(keys.iter().position(|key| key.id == chosen.id).unwrap())
}

#[test]
fn in_tls13_the_first_chain_is_shown_whose_key_signs_with_a_scheme_of_the_client() {
    let keys = [&key("server-rsa2048"), &key("server-p256"), &key("server-p384"), &key("server-ed25519")];
    let chains = chains(&keys);
    let with = |schemes| chosen(&chains, &keys, &Offer { schemes, ..TLS13_CLIENT });
    assert_eq!(with(&[P256, PSS]), Ok(0));
    assert_eq!(with(&[P256, P384]), Ok(1));
    assert_eq!(with(&[ED25519, P384]), Ok(2));
    assert_eq!(with(&[ED25519]), Ok(3));
    // RFC 8446 section 4.2.3: PKCS#1 signatures are for certificates only.
    assert_eq!(with(&[PKCS1, P256]), Ok(1));
    assert_eq!(with(&[PKCS1]), Err(Alert::HANDSHAKE_FAILURE));
    assert_eq!(with(&[0x0603]), Err(Alert::HANDSHAKE_FAILURE));
    // The groups are for key exchange alone.
    assert_eq!(chosen(&chains, &keys, &Offer { schemes: &[P384], groups: &[29], ..TLS13_CLIENT }), Ok(2));
}

#[test]
fn in_tls12_a_cipher_suite_must_be_for_the_key_and_a_known_curve_comes_first() {
    let keys = [&key("server-p384"), &key("server-p256"), &key("server-rsa2048")];
    let chains = chains(&keys);
    let with = |suites, schemes, groups| chosen(&chains, &keys, &tls12(suites, schemes, groups));
    let all = &[P256, P384, PSS, PKCS1][..];
    assert_eq!(with(&[ECDHE_RSA, ECDHE_ECDSA], all, &[29, 23, 24]), Ok(0));
    assert_eq!(with(&[ECDHE_RSA, ECDHE_ECDSA], all, &[]), Ok(0));
    assert_eq!(with(&[ECDHE_RSA], all, &[29, 23, 24]), Ok(2));
    assert_eq!(with(&[ECDHE_RSA, ECDHE_ECDSA], &[PKCS1], &[29, 23, 24]), Ok(2));
    assert_eq!(with(&[ECDHE_ECDSA], &[PKCS1], &[29]), Err(Alert::HANDSHAKE_FAILURE));
    // RFC 8422 section 5.1, and if no chain follows it the first that can be used all the same.
    assert_eq!(with(&[ECDHE_ECDSA], all, &[29, 23]), Ok(1));
    assert_eq!(with(&[ECDHE_ECDSA, ECDHE_RSA], all, &[29]), Ok(2));
    assert_eq!(with(&[ECDHE_ECDSA], all, &[29]), Ok(0));
    // TLS 1.3's suites, which are for every key, do not count where TLS 1.2 is negotiated.
    assert_eq!(with(&[TLS13_SUITE, ECDHE_ECDSA], &[PKCS1], &[29, 24]), Err(Alert::HANDSHAKE_FAILURE));
}

#[test]
fn what_no_chain_could_mend_is_left_to_the_handshake() {
    let keys = [&key("server-rsa2048"), &key("server-p256")];
    let chains = chains(&keys);
    assert_eq!(chosen(&chains, &keys, &tls12(&[0x0005], &[P256], &[23])), Ok(0));
    assert_eq!(chosen(&chains, &keys, &tls12(&[ECDHE_ECDSA], &[], &[23])), Ok(0));
}

#[test]
fn an_external_key_is_chosen_by_the_schemes_that_its_host_signs_with() {
    let keys = [&external("server-rsa2048", &[PKCS1]), &external("server-p256", &[P256]), &key("server-rsa4096")];
    let chains = chains(&keys);
    assert_eq!(chosen(&chains, &keys, &Offer { schemes: &[PSS], ..TLS13_CLIENT }), Ok(2));
    assert_eq!(chosen(&chains, &keys, &Offer { schemes: &[PSS, P256], ..TLS13_CLIENT }), Ok(1));
    assert_eq!(chosen(&chains, &keys, &tls12(&[ECDHE_ECDSA, ECDHE_RSA], &[P256, PKCS1], &[23])), Ok(0));
}

#[test]
fn a_name_has_its_chains_exact_before_wildcard_before_those_without_a_name() {
    let keys = [&key("server-p256"), &key("server-rsa2048"), &key("server-p384"), &key("server-ed25519")];
    let [unnamed, exact, exact_too, wildcard] = keys;
    let mut chains = chains(&[unnamed]);
    chains.add_for_name("WWW.example.org", exact.clone()).unwrap();
    chains.add_for_name("www.EXAMPLE.org", exact_too.clone()).unwrap();
    chains.add_for_name("*.example.org", wildcard.clone()).unwrap();
    let schemes = &[P256, P384, PSS, ED25519][..];
    let with = |name, schemes| chosen(&chains, &keys, &Offer { name, schemes, ..TLS13_CLIENT });
    for (name, expected) in [
        (Some("www.example.org"), 1),
        (Some("Www.Example.ORG"), 1),
        (Some("mail.example.org"), 3),
        (Some("example.org"), 0),
        (Some("a.b.example.org"), 0),
        (Some("localhost"), 0),
        (None, 0),
    ] {
        assert_eq!(with(name, schemes), Ok(expected), "{name:?}");
    }
    assert_eq!(with(Some("www.example.org"), &[P384]), Ok(2));
    // A name's chains are for it alone, and it has no others.
    assert_eq!(with(Some("www.example.org"), &[P256]), Err(Alert::HANDSHAKE_FAILURE));
    assert_eq!(with(Some("localhost"), &[PSS]), Err(Alert::HANDSHAKE_FAILURE));
}

#[test]
fn a_name_without_a_chain_is_unrecognized_if_there_are_only_chains_for_names() {
    let keys = [&key("server-p256")];
    let mut chains = Chains::default();
    chains.add_for_name("www.example.org", keys[0].clone()).unwrap();
    let with = |name| chosen(&chains, &keys, &Offer { name, ..TLS13_CLIENT });
    assert_eq!(with(Some("www.example.org")), Ok(0));
    assert_eq!(with(Some("example.org")), Err(Alert::UNRECOGNIZED_NAME));
    assert_eq!(with(None), Err(Alert::HANDSHAKE_FAILURE));
}

#[test]
fn names_are_checked_and_nothing_is_added_twice() {
    let (one, other) = (key("server-p256"), key("server-p384"));
    let mut chains = chains(&[&one]);
    for name in
        ["", "*", "*.", "w*.example.org", "*.*.org", "127.0.0.1", "::1", "example.org.", "b\u{fc}cher.example", "a b"]
    {
        let failure = chains.add_for_name(name, one.clone()).unwrap_err();
        assert_eq!(failure.kind, FailureKind::InvalidArgument, "{name}");
    }
    chains.add_for_name("xn--bcher-kva.example", one.clone()).unwrap();
    chains.add_for_name("*.localhost", one.clone()).unwrap();
    let again = [chains.add(one.clone()), chains.add_for_name("*.LOCALHOST", one)];
    assert!(again.into_iter().all(|result| result.unwrap_err().kind == FailureKind::Configuration));
    chains.add(other).unwrap();
    assert_eq!(chains.all().count(), 4);
}

#[test]
fn a_client_shows_what_the_server_accepts_by_scheme_and_issuer_or_else_by_scheme() {
    let keys = [&key("client-rsa2048"), &key("client-other"), &key("client-p384")];
    let chains = chains(&keys);
    let issuer = |key: &Arc<OwnKey>| crate::trust::issuer(key.current().cert.last().unwrap()).unwrap();
    let (ours, other) = (issuer(keys[0]), issuer(keys[1]));
    assert_ne!(ours.as_ref(), other.as_ref());
    let schemes = |numbers: &[u16]| numbers.iter().copied().map(SignatureScheme::from).collect::<Vec<_>>();
    let with = |issuers: &[&[u8]], numbers: &[u16]| {
        let chosen = chains.for_server(issuers, &schemes(numbers))?;
        keys.iter().position(|key| key.id == chosen.id)
    };
    let all = [P256, P384, PSS];
    assert_eq!(with(&[], &all), Some(0));
    assert_eq!(with(&[other.as_ref()], &all), Some(1));
    assert_eq!(with(&[b"nobody", ours.as_ref()], &[P256, P384]), Some(2));
    assert_eq!(with(&[b"nobody"], &[P384]), Some(2));
    assert_eq!(with(&[], &[ED25519]), None);
}

#[test]
fn schemes_that_a_client_repeats_or_makes_up_are_not_kept() {
    let schemes: Vec<u16> = (0..30_000).map(|index| [0xfe00, P256, PSS][index % 3]).chain([P384]).collect();
    let hello = Offer { schemes: &schemes, ..TLS13_CLIENT }.hello();
    let suites = suites::provider(&[], &[]).cipher_suites;
    let offered = super::Schemes::offered(&hello, ProtocolVersion::TLSv1_3, &suites);
    assert!(offered.usable.len() <= 3 * 3, "{}", offered.usable.len());
    let keys = [&key("server-p384")];
    assert_eq!(chosen(&chains(&keys), &keys, &Offer { schemes: &schemes, ..TLS13_CLIENT }), Ok(0));
    // What is made up is a list all the same.
    assert_eq!(
        chosen(&chains(&keys), &keys, &Offer { schemes: &[0xfe00], ..TLS13_CLIENT }),
        Err(Alert::HANDSHAKE_FAILURE)
    );
}

//! However the bytes are cut, and however small the room for output is, every scenario ends the same way: the same
//! plaintext on both sides, the same results, alerts, facts and state. Nothing hangs: a call that can make progress
//! does.
//!
//! `SPANTLS_LONG=1` makes the samples of the large scenarios and of the random cuts denser.
//!
//! Key updates near a key's limit are in `src/session/tests.rs`, with the same driver.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/driver.rs"]
mod driver;

use spantls::session::Version;
use std::sync::Arc;

use driver::Ending::*;
use driver::Step::*;
use driver::{End, Ending, Judge, Policy, Role, Scenario, Sizes, Step, play, random, reference};
use spantls::context::{ClientCertificateMode, Context, Credentials, Options, Validation};
use spantls::reason::PolicyErrors;

const TLS12: Version = Version::Tls12;
const TLS13: Version = Version::Tls13;
const LARGE: usize = 100_000;

#[test]
fn one_byte_at_a_time_changes_nothing() {
    compare_all(|_| {
        let mut policies = Vec::new();
        for shown in [1, 2, 7] {
            for in_place in [false, true] {
                for server_first in [false, true] {
                    let policy = Policy { shown: Sizes::always(shown), greedy: false, in_place, ..Policy::reference() };
                    policies.push(Policy { server_first, ..policy });
                }
            }
        }
        // And one byte out.
        policies.push(Policy {
            shown: Sizes::always(1),
            output: Sizes::always(1),
            sealed: Sizes::always(64),
            plaintext: Sizes::always(50),
            opened: Sizes::always(1),
            greedy: false,
            ..Policy::reference()
        });
        policies
    });
}

#[test]
fn no_size_of_room_changes_anything() {
    compare_all(|_| {
        let mut policies = Vec::new();
        for room in [0, 1, 5, 63, 64, 100, 1000, 16 << 10, (16 << 10) + 100, 100_000] {
            for (shown, greedy) in [(1 << 20, true), (1 << 20, false), (61, false)] {
                policies.push(Policy {
                    shown: Sizes::always(shown),
                    // Nothing can leave through no room at all, and nothing is sealed into less than 64 bytes: such a
                    // call takes turns with the next one that can.
                    output: if room == 0 { Sizes::cycle(&[0, 1]) } else { Sizes::always(room) },
                    sealed: if room < 64 { Sizes::cycle(&[room, 64]) } else { Sizes::always(room) },
                    opened: if room == 0 { Sizes::cycle(&[0, 1, 0, 700]) } else { Sizes::always(room) },
                    plaintext: Sizes::always(1 << 20),
                    // With no room there are calls without progress between those with some.
                    greedy: greedy && room >= 64,
                    ..Policy::reference()
                });
            }
        }
        policies
    });
}

#[test]
fn no_size_of_plaintext_spans_changes_anything() {
    compare_all(|_| {
        [1, 16, 100, 16 << 10, (16 << 10) + 1]
            .map(|size| {
                let size = if size == 1 { Sizes::cycle(&[1, 0, 9000]) } else { Sizes::always(size) };
                Policy { plaintext: size, greedy: false, ..Policy::reference() }
            })
            .to_vec()
    });
}

#[test]
fn random_cuts_change_nothing() {
    let runs = if long() { 400 } else { 30 };
    compare_all(|name| {
        let mut seed = name.bytes().fold(0x5eed, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte)) | 1;
        (0..runs)
            .map(|run| Policy {
                shown: Sizes::random(random(&mut seed), 1),
                output: Sizes::random(random(&mut seed), 1),
                sealed: Sizes::random(random(&mut seed), 64),
                plaintext: Sizes::random(random(&mut seed), 1),
                opened: Sizes::random(random(&mut seed), 1),
                in_place: run % 3 == 2,
                greedy: false,
                server_first: run % 2 == 1,
                gate: None,
            })
            .collect()
    });
}

#[test]
fn a_pause_at_any_single_offset_changes_nothing_to_a_tls12_client() {
    pause_everywhere(TLS12, 0);
}

#[test]
fn a_pause_at_any_single_offset_changes_nothing_to_a_tls12_server() {
    pause_everywhere(TLS12, 1);
}

#[test]
fn a_pause_at_any_single_offset_changes_nothing_to_a_tls13_client() {
    pause_everywhere(TLS13, 0);
}

#[test]
fn a_pause_at_any_single_offset_changes_nothing_to_a_tls13_server() {
    pause_everywhere(TLS13, 1);
}

/// Everything behind each offset of the stream to a party in turn waits until nothing else can be done: so each flight
/// is once cut in two at each of its bytes, and so is what follows the handshake.
fn pause_everywhere(protocol: Version, to: usize) {
    for (index, scenario) in scenarios(protocol).into_iter().enumerate() {
        let expected = reference(&scenario);
        let stride = if long() { 1 } else { scenario.stride };
        // Those that are sampled begin at different bytes of what they have in common.
        let mut offset = index % stride;
        loop {
            let policy = Policy { gate: Some((to, offset)), ..Policy::reference() };
            let (end, held_back) = play(&scenario, &policy);
            compare(&scenario, &policy, &expected, &end);
            if !held_back {
                break;
            }
            offset += match offset > 4000 {
                true if long() => 61,
                true => 4099,
                false => stride,
            };
        }
        assert!(offset >= 7, "{}: the stream ended at {offset}", scenario.name);
    }
}

fn compare_all(policies: impl Fn(&str) -> Vec<Policy>) {
    for protocol in [TLS12, TLS13] {
        for scenario in scenarios(protocol) {
            let expected = reference(&scenario);
            for policy in policies(scenario.name) {
                compare(&scenario, &policy, &expected, &play(&scenario, &policy).0);
            }
        }
    }
}

fn compare(scenario: &Scenario, policy: &Policy, expected: &End, end: &End) {
    assert!(end == expected, "{}: {policy:?}\nends with {end:#?}\ninstead of {expected:#?}", scenario.name);
}

fn long() -> bool {
    std::env::var_os("SPANTLS_LONG").is_some_and(|value| value == "1")
}

/// Everything that can happen, in one version.
#[expect(clippy::too_many_lines, reason = "a table")]
fn scenarios(protocol: Version) -> Vec<Scenario> {
    let tls13 = protocol == TLS13;
    let server = context(Kind::server());
    let requiring = context(Kind { client_certificates: ClientCertificateMode::Require, ..Kind::server() });
    let requesting = context(Kind { client_certificates: ClientCertificateMode::Request, ..Kind::server() });
    let client = context(Kind::client(protocol));
    let known = context(Kind { key: Some("client-p256"), ..Kind::client(protocol) });

    let ask: &[Step] = &[Send(100), Await(300), Shutdown];
    let answer: &[Step] = &[Await(100), Send(300), AwaitClosed, Shutdown];
    let closing_client = |client: &Arc<Context>, server: &Arc<Context>, judge| {
        (role(client, Judge::Accept, ask, Closed), role(server, judge, answer, Closed))
    };
    let mut all = Vec::new();
    let mut add = |name, stride, (client, server)| {
        all.push(Scenario { name, stride, resumed: false, client, server });
    };

    add("plain, the client closes", 1, closing_client(&client, &server, Judge::Accept));
    add(
        "plain, the server closes",
        3,
        (
            role(&client, Judge::Default, &[Send(10), AwaitClosed, Shutdown], Closed),
            role(&server, Judge::Accept, &[Send(500), Await(10), Shutdown], Closed),
        ),
    );
    add("mutual", 1, closing_client(&known, &requiring, Judge::Default));
    add("mutual, requested", 3, closing_client(&known, &requesting, Judge::Accept));
    add("requested, declined and accepted", 3, closing_client(&client, &requesting, Judge::Accept));
    add(
        "large transfer both ways",
        61,
        (
            role(&client, Judge::Accept, &[Send(LARGE), Await(LARGE + 777), Shutdown], Closed),
            role(&server, Judge::Accept, &[Send(LARGE + 777), AwaitClosed, Shutdown], Closed),
        ),
    );
    add(
        "the server's certificate refused",
        1,
        (role(&client, Judge::Reject(44), &[], Sent(44)), role(&server, Judge::Accept, &[AwaitClosed], Told(44))),
    );
    add(
        "the client's certificate refused",
        1,
        (
            role(&known, Judge::Accept, &[AwaitClosed], Told(48)),
            role(&requiring, Judge::Refuse(PolicyErrors::CHAIN_ERRORS), &[], Sent(48)),
        ),
    );
    let lacking = if tls13 { 116 } else { 40 };
    add(
        "requested, declined and refused",
        3,
        (
            role(&client, Judge::Accept, &[AwaitClosed], Told(lacking)),
            role(&requesting, Judge::Refuse(PolicyErrors::NOT_AVAILABLE), &[], Sent(lacking)),
        ),
    );
    add(
        "required, declined",
        3,
        (
            role(&client, Judge::Accept, &[AwaitClosed], Told(lacking)),
            role(&requiring, Judge::Accept, &[], Sent(lacking)),
        ),
    );
    let wrong_name = context(Kind { key: Some("server-wrongname"), ..Kind::server() });
    let judging = context(Kind { validation: Validation::Automatic, ..Kind::client(protocol) });
    add(
        "a wrong name, judged without a question",
        3,
        (role(&judging, Judge::Accept, &[], Sent(42)), role(&wrong_name, Judge::Accept, &[], Told(42))),
    );
    add(
        "cancelled by the client while it is asked",
        3,
        (role(&client, Judge::Cancel, &[], Cancelled), role(&server, Judge::Accept, &[], Told(0))),
    );
    let h2 = context(Kind { alpn: Some("h2"), ..Kind::client(protocol) });
    let http = context(Kind { alpn: Some("http/1.1"), ..Kind::server() });
    add(
        "no application protocol in common",
        3,
        (role(&h2, Judge::Accept, &[], Told(120)), role(&http, Judge::Accept, &[], Sent(120))),
    );
    for within in [false, true] {
        add(
            if within { "hung up, within a record" } else { "hung up, between records" },
            3,
            (
                role(
                    &client,
                    Judge::Accept,
                    if within { &[Send(100), HangUp { within: true }] } else { &[Send(100), HangUp { within: false }] },
                    Truncated,
                ),
                role(&server, Judge::Accept, &[Await(100)], Truncated),
            ),
        );
    }
    if tls13 {
        let p256 = context(Kind { groups: &[0x0017], ..Kind::server() });
        let p384 =
            context(Kind { groups: &[0x0018], client_certificates: ClientCertificateMode::Require, ..Kind::server() });
        add("HelloRetryRequest", 1, closing_client(&client, &p256, Judge::Accept));
        add("HelloRetryRequest, mutual", 3, closing_client(&known, &p384, Judge::Default));
        let by_default = context(Kind { groups: &[], ..Kind::client(protocol) });
        let without_its_share = context(Kind { groups: &[0x001D, 0x11EC], ..Kind::client(protocol) });
        let hybrid = context(Kind { groups: &[0x11EC], ..Kind::server() });
        add("X25519MLKEM768", 3, closing_client(&by_default, &server, Judge::Accept));
        add("HelloRetryRequest for X25519MLKEM768", 7, closing_client(&without_its_share, &hybrid, Judge::Accept));
        add(
            "each direction is closed by itself",
            3,
            (
                role(&client, Judge::Accept, &[Send(100), Shutdown], Closed),
                role(&server, Judge::Accept, &[AwaitClosed, Send(500), Shutdown], Closed),
            ),
        );
        add(
            "both close at once",
            3,
            (
                role(&client, Judge::Accept, &[Send(100), Shutdown], Closed),
                role(&server, Judge::Accept, &[Send(20), Shutdown], Closed),
            ),
        );
        let update: &[Step] = &[
            Send(40),
            UpdateKeys { request: true },
            Send(60),
            UpdateKeys { request: false },
            Await(300),
            UpdateKeys { request: true },
            Shutdown,
        ];
        let update_too: &[Step] =
            &[UpdateKeys { request: true }, Send(100), UpdateKeys { request: true }, Send(200), AwaitClosed, Shutdown];
        add(
            "key updates both ways",
            3,
            (role(&client, Judge::Accept, update, Closed), role(&server, Judge::Accept, update_too, Closed)),
        );
    } else {
        add(
            "nothing can be sent behind the peer's close_notify",
            3,
            (
                role(&client, Judge::Accept, &[Send(100), Shutdown], Closed),
                role(&server, Judge::Accept, &[AwaitClosed, Send(100)], TooLate),
            ),
        );
    }

    // With tickets in the stream, of which the client has one before. Small hellos: they are made many times.
    let (groups, resumption): (&[u16], _) = (&[0x001D], true);
    let server = context(Kind { groups, resumption, ..Kind::server() });
    let requiring =
        context(Kind { client_certificates: ClientCertificateMode::Require, groups, resumption, ..Kind::server() });
    let requesting =
        context(Kind { client_certificates: ClientCertificateMode::Request, groups, resumption, ..Kind::server() });
    let client = context(Kind { groups, resumption, ..Kind::client(protocol) });
    let known = context(Kind { key: Some("client-p256"), groups, resumption, ..Kind::client(protocol) });
    let judging = context(Kind { validation: Validation::Automatic, groups, resumption, ..Kind::client(protocol) });
    let refused = context(Kind { key: Some("client-p256"), groups, resumption, ..Kind::client(protocol) });
    let mut add = |name, stride, (client, server)| {
        all.push(Scenario { name, stride, resumed: true, client, server });
    };
    add("resumed", 1, closing_client(&client, &server, Judge::Accept));
    add("resumed, mutual", 3, closing_client(&known, &requiring, Judge::Default));
    add("resumed, requested", 3, closing_client(&known, &requesting, Judge::Accept));
    add("resumed, judged without a question", 3, closing_client(&judging, &server, Judge::Accept));
    add(
        "resumed, the server refused",
        3,
        (role(&client, Judge::Reject(44), &[], Sent(44)), role(&server, Judge::Accept, &[AwaitClosed], Told(44))),
    );
    add(
        "resumed, the client refused",
        3,
        (
            role(&refused, Judge::Accept, &[AwaitClosed], Told(48)),
            role(&requiring, Judge::Refuse(PolicyErrors::CHAIN_ERRORS), &[], Sent(48)),
        ),
    );
    add(
        "resumed, cancelled by the client while it is asked",
        3,
        (role(&client, Judge::Cancel, &[], Cancelled), role(&server, Judge::Accept, &[], Told(0))),
    );
    let small = context(Kind { groups, resumption, fragment: Some(64), ..Kind::server() });
    add("resumed, in small records", 3, closing_client(&client, &small, Judge::Accept));
    // Who declines on demand keeps the tickets for sessions that know beforehand.
    let (client, server) = closing_client(&client, &requesting, Judge::Accept);
    all.push(Scenario { name: "not resumed, with tickets in the stream", stride: 3, resumed: false, client, server });
    all
}

fn role(context: &Arc<Context>, judge: Judge, script: &'static [Step], ending: Ending) -> Role {
    Role { context: context.clone(), judge, script, ending }
}

#[derive(Clone, Copy)]
struct Kind {
    server: bool,
    key: Option<&'static str>,
    protocol: Option<Version>,
    client_certificates: ClientCertificateMode,
    groups: &'static [u16],
    alpn: Option<&'static str>,
    validation: Validation,
    resumption: bool,
    fragment: Option<usize>,
}

impl Kind {
    /// Its hellos are short, since most scenarios are cut at each of their bytes.
    fn client(protocol: Version) -> Self {
        Self { server: false, key: None, protocol: Some(protocol), groups: &[0x001D, 0x0017, 0x0018], ..Self::server() }
    }

    /// A server speaks both versions.
    fn server() -> Self {
        Self {
            server: true,
            key: Some("server-p256"),
            protocol: None,
            client_certificates: ClientCertificateMode::None,
            groups: &[],
            alpn: None,
            validation: Validation::External,
            resumption: false,
            fragment: None,
        }
    }
}

fn context(kind: Kind) -> Arc<Context> {
    let file = |name: String| std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut options = Options::default();
    options.allow_resume = kind.resumption;
    options.set_max_fragment_size(kind.fragment).unwrap();
    options.set_versions(kind.protocol.as_slice());
    options.add_trust_anchors_pem(&file("ca.pem".into())).unwrap();
    options.client_certificates = kind.client_certificates;
    options.validation = kind.validation;
    options.set_groups(kind.groups).unwrap();
    if let Some(name) = kind.key {
        let credentials =
            Credentials::from_pem(&file(format!("{name}.pem")), &file(format!("{name}.key")), None).unwrap();
        options.set_credentials(Some(Arc::new(credentials)));
    }
    if let Some(alpn) = kind.alpn {
        options.add_alpn(alpn.as_bytes()).unwrap();
    }
    Arc::new(if kind.server { Context::server(options) } else { Context::client(options) }.unwrap())
}

//! Resumption in both versions: what resumes and what does not, who the server believes to see then, who is asked, what
//! sessions tell, how large they are, and that everything that is wrong with a ticket is a full handshake.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "common/link.rs"]
mod link;

use spantls::context::{ClientCertificateMode, Validation};
use spantls::session::Version;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use link::*;
use spantls::context::{Context, Credentials, Options, TicketRoot};
use spantls::outcome::{Alert, Failure, FailureKind, Outcome, Question};
use spantls::reason::PolicyErrors;
use spantls::session::{Binding, Counts, Session, VisibleState};

const ROOT: [u8; 32] = *b"what every server of ours is let";
const OTHER_ROOT: [u8; 32] = *b"what the servers of others have.";

/// A root that seals and opens as long as the test runs.
fn root(secret: &[u8]) -> TicketRoot<'_> {
    TicketRoot { secret, seal_from: 0, open_until: i64::MAX }
}

/// One that only opens.
fn sealing_later() -> TicketRoot<'static> {
    TicketRoot { seal_from: i64::MAX - 1, ..root(&OTHER_ROOT) }
}

/// One whose time is over.
fn ended() -> TicketRoot<'static> {
    TicketRoot { seal_from: 1, open_until: 2, ..root(&ROOT) }
}

const NONE: ClientCertificateMode = ClientCertificateMode::None;
const REQUEST: ClientCertificateMode = ClientCertificateMode::Request;
const REQUIRE: ClientCertificateMode = ClientCertificateMode::Require;

// --- Who is who ----------------------------------------------------------------------------------------------------

/// How a client comes by what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    PresetA,
    PresetB,
    /// The certificate of A in credentials of its own.
    PresetAnotherA,
    PresetNobody,
    AskedA,
    AskedB,
    Declines,
}

/// What a ticket is kept under, as the header says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Unset,
    Nobody,
    Credentials(usize),
}

/// The credentials of the clients.
struct Keys {
    all: [Arc<Credentials>; 3],
    /// Their chains.
    chains: [Vec<Vec<u8>>; 3],
}

impl Keys {
    fn new() -> Self {
        let names = ["client-p256", "client-ed25519", "client-p256"];
        Self { all: names.map(credentials), chains: names.map(chain) }
    }
}

impl Who {
    const ALL: [Self; 7] = [
        Self::PresetA,
        Self::PresetB,
        Self::PresetAnotherA,
        Self::PresetNobody,
        Self::AskedA,
        Self::AskedB,
        Self::Declines,
    ];

    fn key(self) -> Option<usize> {
        match self {
            Self::PresetA | Self::AskedA => Some(0),
            Self::PresetB | Self::AskedB => Some(1),
            Self::PresetAnotherA => Some(2),
            Self::PresetNobody | Self::Declines => None,
        }
    }

    fn is_preset(self) -> bool {
        !matches!(self, Self::AskedA | Self::AskedB | Self::Declines)
    }

    fn shown(self) -> Kept {
        self.key().map_or(Kept::Nobody, Kept::Credentials)
    }

    /// What a session looks for.
    fn before(self) -> Kept {
        if self.is_preset() { self.shown() } else { Kept::Unset }
    }

    /// What it keeps.
    fn after(self, server_asks: bool) -> Kept {
        if server_asks { self.shown() } else { self.before() }
    }

    fn link(self, keys: &Keys, client: &Arc<Context>, server: &Arc<Context>, name: Option<&str>) -> Link {
        let mut link = Link::new(client, server, name);
        let key = self.key().map(|key| keys.all[key].clone());
        if self.is_preset() {
            assert_eq!(link.client().session.set_client_credentials(key), Ok(Outcome::Complete));
        } else {
            link.client().demand = key;
        }
        link
    }
}

/// Both ends tell the same, and of the client exactly what this session was to show.
fn check(link: &mut Link, keys: &Keys, who: Who, server_asks: bool, resumed: bool, story: &dyn std::fmt::Debug) {
    link.completed();
    let entitled = who.key().filter(|_| server_asks).map(|key| keys.chains[key].clone()).unwrap_or_default();
    let [client, server] = &link.sides;
    assert_eq!((client.resumed(), server.resumed()), (resumed, resumed), "{story:?}");
    assert!(server.remote() == entitled, "{story:?}: {} certificates", server.remote().len());
    assert!(client.remote() == chain("server-p256"), "{story:?}");
    let leaf = entitled.first().cloned().unwrap_or_default();
    assert!(client.session.local_certificate() == leaf, "{story:?}: the client's own certificate");
    assert!(server.session.local_certificate() == client.remote()[0], "{story:?}: the server's own certificate");
    let asked = |me: usize, question| link.sides[me].asked.contains(&question);
    assert!(asked(CLIENT, Question::Certificate), "{story:?}");
    assert_eq!(asked(SERVER, Question::Certificate), server_asks, "{story:?}");
    let on_demand = server_asks && !who.is_preset() && !resumed;
    assert_eq!(asked(CLIENT, Question::Credentials), on_demand, "{story:?}");
    same_bindings(link);
}

fn binding(session: &Session, kind: Binding) -> Result<Vec<u8>, FailureKind> {
    session.channel_binding(kind).map_err(|failure| failure.kind)
}

fn material(session: &Session, context: Option<&[u8]>) -> Vec<u8> {
    let mut material = vec![0; 40];
    session.export_keying_material(b"EXPORTER-of-a-test", context, &mut material).unwrap();
    material
}

fn same_bindings(link: &Link) {
    let [client, server] = link.sides.each_ref().map(|side| &side.session);
    for kind in [Binding::Unique, Binding::EndPoint, Binding::Exporter] {
        assert_eq!(binding(client, kind), binding(server, kind), "{kind:?}");
    }
    let tls13 = client.negotiated().version == Some(TLS13);
    assert_eq!(binding(client, Binding::Unique).is_ok(), !tls13);
    assert!(binding(client, Binding::EndPoint).is_ok());
    assert!(client.is_channel_binding_sound() && server.is_channel_binding_sound());
    for context in [None, Some(&b""[..]), Some(b"context")] {
        assert_eq!(material(client, context), material(server, context));
    }
    let told = |session: &Session| (session.negotiated().version, session.negotiated().cipher_suite);
    assert_eq!(told(client), told(server));
}

// --- The table -----------------------------------------------------------------------------------------------------

fn rooted(mode: ClientCertificateMode, change: impl FnOnce(&mut Options)) -> Arc<Context> {
    server(|options| {
        options.set_ticket_roots(&[root(&ROOT)]).unwrap();
        options.client_certificates = mode;
        change(options);
    })
}

/// Nobody without a certificate gets in where one is required.
fn gets_in(who: Who, mode: ClientCertificateMode) -> bool {
    mode != REQUIRE || who.key().is_some()
}

#[test]
fn a_client_resumes_as_who_it_is_or_not_at_all() {
    const HERE: Option<&str> = Some("localhost");
    const THERE: Option<&str> = Some("elsewhere.example");
    const ADDRESS: Option<&str> = Some("192.0.2.1");
    let names = [(HERE, HERE), (HERE, THERE), (HERE, None), (None, None), (None, HERE), (ADDRESS, ADDRESS)];
    let keys = Keys::new();
    let (mut resumed, mut full) = (0, 0);
    for protocol in VERSIONS {
        for mode in [NONE, REQUEST, REQUIRE] {
            let server = rooted(mode, |_| {});
            let asks = mode != NONE;
            for first in Who::ALL {
                for second in Who::ALL {
                    for (first_name, second_name) in names {
                        if !gets_in(first, mode) || !gets_in(second, mode) {
                            continue;
                        }
                        let story = (protocol, mode, first, first_name, second, second_name);
                        let client = client(protocol, |_| {});
                        let mut link = first.link(&keys, &client, &server, first_name);
                        link.run();
                        check(&mut link, &keys, first, asks, false, &story);
                        let expected =
                            first_name.is_some() && first_name == second_name && first.after(asks) == second.before();
                        let mut link = second.link(&keys, &client, &server, second_name);
                        link.run();
                        check(&mut link, &keys, second, asks, expected, &story);
                        *if expected { &mut resumed } else { &mut full } += 1;
                    }
                }
            }
        }
    }
    println!("{resumed} second sessions were resumed, {full} were not");
    assert!(resumed > 50 && full > 500);
}

#[test]
fn the_contexts_own_credentials_are_an_identity_like_any_other() {
    let keys = Keys::new();
    for protocol in VERSIONS {
        let server = rooted(REQUEST, |_| {});
        let client = client(protocol, |options| options.set_credentials(Some(keys.all[0].clone())));
        // Not preset: the context's are shown, and nobody is asked.
        let unset = |link: &mut Link, resumed: bool| {
            link.run();
            link.completed();
            assert_eq!(link.sides.each_ref().map(Side::resumed), [resumed; 2]);
            assert!(link.server().remote() == keys.chains[0]);
            assert!(!link.client().asked.contains(&Question::Credentials));
        };
        unset(&mut Link::new(&client, &server, Some("localhost")), false);
        unset(&mut Link::new(&client, &server, Some("localhost")), true);
        // The session's word counts more than the context's; the same credentials are the same.
        for (who, resumed) in [(Who::PresetNobody, false), (Who::PresetB, false), (Who::PresetA, true)] {
            let mut link = who.link(&keys, &client, &server, Some("localhost"));
            link.run();
            check(&mut link, &keys, who, true, resumed, &(protocol, who));
        }
        unset(&mut Link::new(&client, &server, Some("localhost")), true);
    }
}

/// A server of the second session, and whether it takes the tickets of the first.
type Second = (&'static str, Arc<Context>, ClientCertificateMode, bool);

fn second_servers(protocol: Version, mode: ClientCertificateMode) -> Vec<Second> {
    let other_mode = if mode == REQUEST { REQUIRE } else { REQUEST };
    let rest = |name, change: fn(&mut Options), takes| (name, rooted(mode, change), mode, takes);
    let one_version = rooted(mode, |options| options.set_versions(&[protocol]));
    vec![
        rest("another context, the same policy", |_| {}, true),
        rest("other suites", |options| options.set_cipher_suites(&[0x1302, 0x1301, 0xC02C, 0xC02B]).unwrap(), true),
        rest("another fragment size", |options| options.set_max_fragment_size(Some(1000)).unwrap(), true),
        ("another client-certificate mode", rooted(other_mode, |_| {}), other_mode, false),
        rest("one anchor more", |options| options.add_trust_anchors_pem(&file("other-ca.pem")).unwrap(), false),
        rest("revocation lists", |options| options.add_crls_pem(&file("crl-root.pem")).unwrap(), false),
        rest("revocation lists, others", |options| options.add_crls_pem(&file("crl-intermediate.pem")).unwrap(), false),
        rest("an application protocol", |options| options.add_alpn(b"h2").unwrap(), false),
        ("one version only", one_version, mode, false),
        rest("validation inside", |options| options.validation = Validation::Automatic, false),
        rest("the first verdict holds", |options| options.validate_on_resume = false, false),
        rest("another root", |options| options.set_ticket_roots(&[ended(), root(&OTHER_ROOT)]).unwrap(), false),
        rest("both roots", |options| options.set_ticket_roots(&[sealing_later(), root(&ROOT)]).unwrap(), true),
        rest("another lifetime", |options| options.set_ticket_lifetime(NonZeroU32::new(3600)).unwrap(), true),
        rest("no root", |options| options.set_ticket_roots(&[]).unwrap(), false),
        rest("no resumption", |options| options.allow_resume = false, false),
    ]
}

#[test]
fn a_server_takes_the_tickets_of_those_that_judge_as_it_does() {
    let keys = Keys::new();
    for protocol in VERSIONS {
        for mode in [NONE, REQUEST, REQUIRE] {
            let base = rooted(mode, |_| {});
            let mut others = second_servers(protocol, mode);
            others.push(("the same context", base.clone(), mode, true));
            for (name, other, other_mode, takes) in others {
                for first in [Who::PresetA, Who::PresetNobody, Who::AskedA, Who::Declines] {
                    for second in [Who::PresetA, Who::PresetB, Who::PresetNobody, Who::AskedB] {
                        if !gets_in(first, mode) || !gets_in(second, mode.max(other_mode)) {
                            continue;
                        }
                        // Both ways: what one does not take of the other, the other does not take of it.
                        for (one, two, modes) in
                            [(&base, &other, [mode, other_mode]), (&other, &base, [other_mode, mode])]
                        {
                            if !gets_in(first, modes[0]) {
                                continue;
                            }
                            let story = (protocol, mode, name, first, second, modes);
                            let client = client(protocol, |_| {});
                            let mut link = first.link(&keys, &client, one, Some("localhost"));
                            link.run();
                            let inside =
                                |context: &Arc<Context>| name == "validation inside" && Arc::ptr_eq(context, &other);
                            if inside(one) {
                                link.completed();
                            } else {
                                check(&mut link, &keys, first, modes[0] != NONE, false, &story);
                            }
                            let expected = takes && first.after(modes[0] != NONE) == second.before();
                            let mut link = second.link(&keys, &client, two, Some("localhost"));
                            link.run();
                            if inside(two) {
                                // Nobody is asked there.
                                link.completed();
                                let shown = second.key().filter(|_| modes[1] != NONE);
                                let entitled = shown.map(|key| keys.chains[key].clone()).unwrap_or_default();
                                assert!(link.server().remote() == entitled && !link.server().resumed(), "{story:?}");
                            } else {
                                check(&mut link, &keys, second, modes[1] != NONE, expected, &story);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn bearing(name: &str) -> Arc<Context> {
    rooted(NONE, |options| options.set_credentials(Some(credentials(name))))
}

#[test]
fn a_renewed_certificate_resumes_and_both_ends_bind_to_the_one_that_was_shown() {
    let (before, renewed) = (bearing("server-p256"), bearing("server-renewed"));
    for protocol in VERSIONS {
        for (first, second) in [(&before, &renewed), (&renewed, &before)] {
            let client = client(protocol, |_| {});
            let shown = Link::open(&client, first);
            let binding_of = |link: &Link| binding(&link.sides[CLIENT].session, Binding::EndPoint).unwrap();
            // There and back, as often as one likes: each ticket goes back to the same certificate.
            for context in [second, second, first, second] {
                let link = Link::open(&client, context);
                assert_eq!(link.sides.each_ref().map(Side::resumed), [true; 2]);
                assert!(link.sides[CLIENT].remote() == shown.sides[CLIENT].remote());
                assert_eq!(binding_of(&link), binding_of(&shown));
                same_bindings(&link);
                // The peer has not seen the one that this server has now.
                let local = link.sides[SERVER].session.local_certificate();
                let known = Arc::ptr_eq(context, first);
                assert!(local == if known { link.sides[CLIENT].remote()[0].clone() } else { Vec::new() });
            }
        }
    }
}

/// Whoever sends a client's packets to another server of the same root must not have that one taken for the server of the
/// ticket.
#[test]
fn a_server_whose_certificate_names_somebody_else_takes_no_tickets() {
    let before = bearing("server-p256");
    // The same certificate, read once more; a staple is no other certificate.
    let stapled = credentials("server-p256");
    stapled.set_ocsp_response(b"a response").unwrap();
    let again = rooted(NONE, |options| options.set_credentials(Some(stapled)));
    for protocol in VERSIONS {
        for other in ["server-wrongname", "server-extended", "server-p384"].map(bearing) {
            let client = client(protocol, |_| {});
            for (context, resumed) in
                [(&before, false), (&other, false), (&other, true), (&before, false), (&again, true)]
            {
                let link = Link::open(&client, context);
                assert_eq!(link.sides.each_ref().map(Side::resumed), [resumed; 2]);
                assert!(link.sides[SERVER].session.local_certificate() == link.sides[CLIENT].remote()[0]);
                same_bindings(&link);
            }
        }
    }
}

/// What this client would get in a full handshake counts, and nothing that the server has for others.
#[test]
fn a_server_of_many_names_takes_the_tickets_of_the_one_that_the_client_asks_for() {
    let named = |default: &str, here: &str| {
        rooted(NONE, |options| {
            options.set_credentials(Some(credentials(default)));
            options.add_credentials_for_name("localhost", &credentials(here)).unwrap();
        })
    };
    for protocol in VERSIONS {
        let client = client(protocol, |_| {});
        let resumed = |context: &Arc<Context>| {
            let link = Link::open(&client, context);
            same_bindings(&link);
            link.sides.each_ref().map(Side::resumed)
        };
        assert_eq!(resumed(&bearing("server-p256")), [false; 2]);
        assert_eq!(resumed(&named("server-wrongname", "server-renewed")), [true; 2]);
        assert_eq!(resumed(&named("server-extended", "server-p256")), [true; 2]);
        assert_eq!(resumed(&named("server-p256", "server-wrongname")), [false; 2]);
    }
}

/// Nor does a client offer them: it would judge the certificate of the session again.
#[test]
fn an_expired_certificate_gives_no_tickets() {
    let server = bearing("server-expired");
    for protocol in VERSIONS {
        let client = client(protocol, |_| {});
        for _ in 0..2 {
            let link = Link::open(&client, &server);
            assert_eq!(link.sides.each_ref().map(Side::resumed), [false; 2]);
        }
    }
}

/// A ticket that opens and is not resumed, here because the suite is another one: what it says of its session must not reach
/// the tickets of the full handshake that takes place instead.
#[test]
fn a_ticket_that_is_opened_in_vain_leaves_nothing_in_a_full_handshake() {
    for protocol in VERSIONS {
        let context = |name: &str, suites: [u16; 2]| {
            rooted(NONE, |options| {
                options.set_credentials(Some(credentials(name)));
                options.set_cipher_suites(&suites).unwrap();
            })
        };
        let before = context("server-p256", [0x1301, 0xC02B]);
        let renewed = context("server-renewed", [0x1302, 0xC02C]);
        let client = client(protocol, |_| {});
        for (context, name, resumed) in [
            (&before, "server-p256", false),
            (&before, "server-p256", true),
            (&renewed, "server-renewed", false),
            (&renewed, "server-renewed", true),
        ] {
            let link = Link::open(&client, context);
            assert_eq!(link.sides.each_ref().map(Side::resumed), [resumed; 2]);
            assert!(link.sides[CLIENT].remote() == chain(name));
            assert!(link.sides[SERVER].session.local_certificate() == chain(name)[0]);
            same_bindings(&link);
        }
    }
}

#[test]
fn a_server_sends_as_many_tickets_as_it_was_told_to() {
    for count in [0_usize, 1, 2, 5, 16] {
        let server = server(|options| options.set_ticket_count(count).unwrap());
        let client = client(TLS13, |_| {});
        let link = Link::open(&client, &server);
        // A client keeps two of a session.
        assert_eq!(link.sides[CLIENT].session.stats().tickets_received, count.min(2) as u64);
        assert_eq!(Link::open(&client, &server).sides.each_ref().map(Side::resumed), [count > 0; 2]);
    }
    // TLS 1.2 has one ticket, whatever the count.
    let server = server(|options| options.set_ticket_count(0).unwrap());
    let client = client(TLS12, |_| {});
    Link::open(&client, &server);
    assert_eq!(Link::open(&client, &server).sides.each_ref().map(Side::resumed), [true; 2]);
}

#[test]
fn a_server_without_a_count_still_takes_the_tickets_that_clients_have() {
    let (sends, sends_none) = (rooted(NONE, |_| {}), rooted(NONE, |options| options.set_ticket_count(0).unwrap()));
    let client = client(TLS13, |_| {});
    Link::open(&client, &sends);
    let resumed = |context| Link::open(&client, context).sides[CLIENT].resumed();
    // Both tickets of the first session; none comes after them.
    assert_eq!([&sends_none; 3].map(resumed), [true, true, false]);
}

#[test]
fn roots_are_replaced_while_the_context_lives() {
    for protocol in VERSIONS {
        let (one, two) = (rooted(NONE, |_| {}), rooted(NONE, |_| {}));
        let client = client(protocol, |_| {});
        let resumed = |context: &Arc<Context>| Link::open(&client, context).sides.each_ref().map(Side::resumed);
        assert_eq!(resumed(&one), [false; 2]);
        assert_eq!(resumed(&two), [true; 2]);
        // The next root is everywhere before it seals.
        let both = [root(&ROOT), TicketRoot { seal_from: 1, ..root(&OTHER_ROOT) }];
        two.set_ticket_roots(&both).unwrap();
        assert_eq!(resumed(&two), [true; 2]);
        // Sealed with the next one: the first machine was forgotten.
        assert_eq!(resumed(&one), [false; 2]);
        one.set_ticket_roots(&both).unwrap();
        assert_eq!(resumed(&two), [true; 2]);
        assert_eq!(resumed(&one), [true; 2]);
        // The old one is gone, and the clients have tickets of the next.
        one.set_ticket_roots(&both[1..]).unwrap();
        assert_eq!(resumed(&one), [true; 2]);
        // Withdrawn: no session resumes with it.
        one.set_ticket_roots(&[]).unwrap();
        assert_eq!(resumed(&one), [false; 2]);
        assert_eq!(resumed(&one), [true; 2]);
    }
}

#[test]
fn without_a_root_that_seals_there_are_no_tickets() {
    for protocol in VERSIONS {
        let client = client(protocol, |_| {});
        for roots in [&[sealing_later()][..], &[ended()]] {
            let server = server(|options| options.set_ticket_roots(roots).unwrap());
            for _ in 0..2 {
                let link = Link::open(&client, &server);
                assert_eq!(link.sides.each_ref().map(Side::resumed), [false; 2]);
                assert_eq!(link.sides[CLIENT].session.stats().tickets_received, 0);
            }
        }
    }
}

#[test]
fn only_contexts_that_seal_tickets_have_roots() {
    let kind =
        |context: &Context, roots: &[TicketRoot<'_>]| context.set_ticket_roots(roots).map_err(|failure| failure.kind);
    let roots = [root(&ROOT)];
    assert_eq!(kind(&client(None, |_| {}), &roots), Err(FailureKind::InvalidArgument));
    assert_eq!(kind(&Context::undecided().unwrap(), &roots), Err(FailureKind::InvalidArgument));
    let none = server(|options| options.allow_resume = false);
    assert_eq!(kind(&none, &roots), Err(FailureKind::InvalidState));
    let server = rooted(NONE, |_| {});
    assert_eq!(kind(&server, &[root(&[7; 31])]), Err(FailureKind::InvalidArgument));
    // Wrong roots change nothing.
    let client = client(None, |_| {});
    Link::open(&client, &server);
    assert_eq!(kind(&server, &[root(&ROOT), root(&ROOT)]), Err(FailureKind::InvalidArgument));
    assert!(Link::open(&client, &server).sides[CLIENT].resumed());
}

#[test]
fn handshakes_go_on_while_roots_are_replaced() {
    let server = rooted(NONE, |_| {});
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                server.set_ticket_roots(&[root(&OTHER_ROOT)]).unwrap();
                server.set_ticket_roots(&[root(&ROOT), sealing_later()]).unwrap();
                server.forget_expired();
            }
        });
        let threads: Vec<_> = VERSIONS
            .into_iter()
            .map(|protocol| {
                let server = &server;
                scope.spawn(move || {
                    let client = client(protocol, |_| {});
                    for _ in 0..40 {
                        let link = Link::open(&client, server);
                        assert_eq!(link.sides[CLIENT].resumed(), link.sides[SERVER].resumed());
                        same_bindings(&link);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn the_order_of_anchors_decides_nothing() {
    let with = |names: [&'static str; 2]| {
        rooted(NONE, move |options| {
            for name in names {
                options.add_trust_anchors_pem(&file(name)).unwrap();
            }
        })
    };
    let (one, two) = (with(["other-ca.pem", "deep-ca.pem"]), with(["deep-ca.pem", "other-ca.pem"]));
    for protocol in VERSIONS {
        let client = client(protocol, |_| {});
        assert!(!Link::open(&client, &one).client().resumed());
        assert!(Link::open(&client, &two).client().resumed());
    }
}

#[test]
fn contexts_without_a_root_take_their_own_tickets_only() {
    for protocol in VERSIONS {
        let (one, two) = (server(|_| {}), server(|_| {}));
        let client = client(protocol, |_| {});
        for (context, resumed) in [(&one, false), (&one, true), (&two, false), (&one, false), (&one, true)] {
            let link = Link::open(&client, context);
            assert_eq!(link.sides.each_ref().map(Side::resumed), [resumed; 2]);
        }
    }
}

#[test]
fn a_context_chosen_by_the_client_hello_takes_tickets_as_if_the_session_had_begun_on_it() {
    let undecided = Arc::new(Context::undecided().unwrap());
    for protocol in VERSIONS {
        for mode in [NONE, REQUIRE] {
            let (chosen, tenant) = (rooted(mode, |_| {}), rooted(REQUEST, |_| {}));
            let client = client(protocol, |options| options.set_credentials(Some(credentials("client-p256"))));
            for (context, resumed) in [(&chosen, false), (&chosen, true), (&tenant, false), (&tenant, true)] {
                let mut link = Link::new(&client, &undecided, Some("localhost"));
                link.server().context = Some(context.clone());
                link.run();
                link.completed();
                assert_eq!(link.sides.each_ref().map(Side::resumed), [resumed; 2]);
                assert_eq!(link.server().asked[0], Question::ServerContext);
                same_bindings(&link);
            }
            assert!(Link::open(&client, &tenant).client().resumed());
        }
    }
}

// --- Verdicts ------------------------------------------------------------------------------------------------------

#[test]
fn the_verdict_is_asked_for_again_unless_the_options_say_otherwise() {
    for protocol in VERSIONS {
        for (client_again, server_again) in [(false, false), (false, true), (true, false), (true, true)] {
            for inside in [Validation::External, Validation::Automatic] {
                let client = client(protocol, |options| {
                    options.validate_on_resume = client_again;
                    options.validation = inside;
                    options.set_credentials(Some(credentials("client-p256")));
                });
                let server = server(|options| {
                    options.validate_on_resume = server_again;
                    options.validation = inside;
                    options.client_certificates = REQUIRE;
                });
                for resumed in [false, true, true] {
                    let link = Link::open(&client, &server);
                    for (side, again) in link.sides.iter().zip([client_again, server_again]) {
                        assert_eq!(side.resumed(), resumed);
                        let asked = inside == Validation::External && (again || !resumed);
                        assert_eq!(side.asked.contains(&Question::Certificate), asked);
                        // Judged or not, the chain is there.
                        assert!(!side.remote().is_empty());
                    }
                    assert!(link.sides[SERVER].remote() == chain("client-p256"));
                    assert!(link.sides[CLIENT].remote() == chain("server-p256"));
                    same_bindings(&link);
                }
            }
        }
    }
}

#[test]
fn the_chain_of_the_first_session_is_there_when_the_verdict_is_asked_for() {
    for protocol in VERSIONS {
        let client = client(protocol, |options| options.set_credentials(Some(credentials("client-p256"))));
        let server = server(|options| options.client_certificates = REQUIRE);
        Link::open(&client, &server);
        let mut link = Link::new(&client, &server, Some("localhost"));
        for (me, remote) in [(CLIENT, "server-p256"), (SERVER, "client-p256")] {
            link.sides[me].judge = Judge::Stop;
            link.run();
            assert_eq!(link.sides[me].result, Ok(Outcome::Suspended(Question::Certificate)));
            assert!(link.sides[me].remote() == chain(remote));
            // The default validation finds nothing wrong with it, the name included.
            assert_eq!(link.sides[me].session.accept_with_default_validation(), Ok(PolicyErrors::NONE));
            link.sides[me].judge = Judge::Accept;
        }
        link.run();
        link.completed();
        assert_eq!(link.sides.each_ref().map(Side::resumed), [true; 2]);
    }
}

#[test]
fn a_client_that_refuses_a_resumed_server_ends_it_and_forgets_its_tickets() {
    for protocol in VERSIONS {
        for inside in [false, true] {
            let server = server(|_| {});
            let mut options = Options::default();
            options.set_versions(&[protocol]);
            let client = Arc::new(Context::client(options).unwrap());
            Link::open(&client, &server);
            let mut link = Link::new(&client, &server, Some("localhost"));
            let alert = if inside { Alert::UNKNOWN_CA } else { Alert::ACCESS_DENIED };
            link.client().judge = Judge::Refuse(alert);
            link.run();
            let [client_side, server_side] = &link.sides;
            assert_eq!(client_side.alert_sent(), Some(alert));
            assert!(!client_side.is_complete() && !server_side.is_complete());
            assert_eq!(server_side.alert_received(), Some(alert));
            assert_eq!(client_side.session.last_failure().unwrap().kind, FailureKind::Authentication);
            // It was about to be resumed: the server has signed nothing.
            assert_eq!(client_side.session.negotiated().version, None);
            // There was a second ticket; it is gone.
            let mut link = Link::open(&client, &server);
            assert!(!link.client().resumed());
            assert!(Link::open(&client, &server).client().resumed());
        }
    }
}

/// Who was refused is not resumed either, although the host would not be asked then.
#[test]
fn a_refusal_in_a_full_handshake_forgets_the_tickets() {
    for protocol in VERSIONS {
        let good = rooted(NONE, |_| {});
        let client = client(protocol, |options| options.validate_on_resume = false);
        assert!(!Link::open(&client, &good).client().resumed());
        assert!(Link::open(&client, &good).client().resumed());
        let other = server(|options| options.set_credentials(Some(credentials("server-p384"))));
        let mut link = Link::new(&client, &other, Some("localhost"));
        link.client().judge = Judge::Refuse(Alert::UNKNOWN_CA);
        link.run();
        assert_eq!(link.client().result.clone().unwrap_err().kind, FailureKind::Authentication);
        assert!(!Link::open(&client, &good).client().resumed());
    }
}

#[test]
fn a_server_that_refuses_a_resumed_client_tells_it() {
    let keys = Keys::new();
    for protocol in VERSIONS {
        for (mode, who) in [(REQUIRE, Who::PresetA), (REQUEST, Who::PresetA), (REQUEST, Who::PresetNobody)] {
            let server = rooted(mode, |_| {});
            let client = client(protocol, |_| {});
            let mut link = who.link(&keys, &client, &server, Some("localhost"));
            link.run();
            link.completed();
            let mut link = who.link(&keys, &client, &server, Some("localhost"));
            link.server().judge = Judge::Refuse(Alert::CERTIFICATE_REVOKED);
            link.run();
            assert!(!link.server().is_complete());
            assert_eq!(link.server().alert_sent(), Some(Alert::CERTIFICATE_REVOKED));
            // The client was done, resumed, and hears of it with the first thing that it reads.
            assert!(link.client().is_complete() && link.client().resumed());
            let failure = link.client().receive().unwrap_err();
            assert_eq!(failure.alert_received, Some(Alert::CERTIFICATE_REVOKED));
            assert_eq!(link.client().session.stats().tickets_received, 0);
        }
    }
}

#[test]
fn a_client_that_had_declined_is_decided_about_again() {
    let keys = Keys::new();
    for protocol in VERSIONS {
        for again in [false, true] {
            let server = rooted(REQUEST, |options| options.validate_on_resume = again);
            let client = client(protocol, |_| {});
            let mut link = Who::Declines.link(&keys, &client, &server, Some("localhost"));
            link.run();
            link.completed();
            let mut link = Who::PresetNobody.link(&keys, &client, &server, Some("localhost"));
            link.server().judge = Judge::Stop;
            link.run();
            if again {
                assert_eq!(link.server().result, Ok(Outcome::Suspended(Question::Certificate)));
                assert_eq!(link.server().session.pending_policy_errors(), PolicyErrors::NOT_AVAILABLE);
                assert!(link.server().remote().is_empty());
                assert_eq!(link.server().session.accept_with_default_validation(), Ok(PolicyErrors::NOT_AVAILABLE));
                link.run();
            }
            link.completed();
            assert_eq!(link.sides.each_ref().map(Side::resumed), [true; 2]);
            assert!(link.server().remote().is_empty());
        }
    }
}

// --- What does not resume ------------------------------------------------------------------------------------------

#[test]
fn either_side_can_do_without_resumption() {
    for protocol in VERSIONS {
        for (client_allows, server_allows) in [(false, true), (true, false), (false, false)] {
            let client = client(protocol, |options| options.allow_resume = client_allows);
            let server = server(|options| options.allow_resume = server_allows);
            for _ in 0..3 {
                let link = Link::open(&client, &server);
                assert_eq!(link.sides.each_ref().map(Side::resumed), [false; 2]);
                assert_eq!(link.sides[CLIENT].session.stats().tickets_received, 0);
            }
        }
    }
}

#[test]
fn a_ticket_that_grows_old_on_its_way_means_a_full_handshake() {
    let keys = Keys::new();
    let server = server(|options| {
        options.set_ticket_roots(&[root(&ROOT)]).unwrap();
        options.set_ticket_lifetime(NonZeroU32::new(2)).unwrap();
        options.client_certificates = REQUEST;
    });
    // Both versions wait at once. On a machine that stands still a ticket may be too old before it is offered: the
    // client then offers none, and there is nothing to see.
    let mut waiting = Vec::new();
    for protocol in VERSIONS {
        let client = client(protocol, |_| {});
        let mut link = Who::PresetA.link(&keys, &client, &server, Some("localhost"));
        link.run();
        check(&mut link, &keys, Who::PresetA, true, false, &protocol);
        let mut link = Who::PresetA.link(&keys, &client, &server, Some("localhost"));
        link.step(CLIENT);
        waiting.push((protocol, client, link));
    }
    // The one thing in the world that makes a ticket old. Longer is as good.
    std::thread::sleep(Duration::from_millis(3100));
    for (protocol, client, mut link) in waiting {
        link.run();
        check(&mut link, &keys, Who::PresetA, true, false, &protocol);
        let mut link = Who::PresetA.link(&keys, &client, &server, Some("localhost"));
        link.run();
        link.completed();
    }
}

/// Where the ticket is in a ClientHello's record: behind the extension's header, and what is in front of it there.
fn ticket_in(hello: &[u8], protocol: Version) -> std::ops::Range<usize> {
    let number = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    let mut at = 5 + 4 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + number(at);
    at += 1 + usize::from(hello[at]);
    let end = at + 2 + number(at);
    at += 2;
    while at < end {
        let (extension, len) = (number(at), number(at + 2));
        let body = at + 4;
        match (extension, protocol) {
            // pre_shared_key: a list of identities, each with its length before it.
            (41, TLS13) => return body + 4..body + 4 + number(body + 2),
            (35, TLS12) if len > 0 => return body..body + len,
            _ => at = body + len,
        }
    }
    panic!("no ticket in this ClientHello")
}

/// What a server answers a ClientHello with: its first handshake messages in clear, by type.
fn answer_to(context: &Arc<Context>, hello: &[u8]) -> Result<Vec<u8>, Failure> {
    let session = Session::new(context.clone());
    let (mut room, mut counts) = (vec![0; 1 << 15], Counts::default());
    let result = session.process_handshake(hello, &mut room).add_to(&mut counts);
    room.truncate(counts.written);
    assert_eq!(result, Ok(Outcome::WantRead));
    assert_eq!(counts.consumed, hello.len());
    result.map(|_| room)
}

/// Whether a server resumes the ticket's session: in TLS 1.3 it selects a key, in TLS 1.2 it has no certificate to show.
fn takes(flight: &[u8], protocol: Version) -> bool {
    assert_eq!((flight[0], flight[5]), (22, 2), "no ServerHello");
    let message = 9 + usize::from(u16::from_be_bytes([flight[7], flight[8]]));
    if protocol == TLS12 {
        // Either in the same record or in the next.
        let record = 5 + usize::from(u16::from_be_bytes([flight[3], flight[4]]));
        let next = if message < record { message } else { message + 5 };
        return flight[next] != 11;
    }
    flight[9..message].windows(6).any(|extension| extension == [0, 41, 0, 2, 0, 0])
}

#[test]
fn a_damaged_ticket_means_a_full_handshake_wherever_it_is_damaged() {
    for protocol in VERSIONS {
        let server = server(|_| {});
        let client = client(protocol, |_| {});
        Link::open(&client, &server);
        let mut link = Link::new(&client, &server, Some("localhost"));
        link.step(CLIENT);
        let hello = link.server().inbox.clone();
        let ticket = ticket_in(&hello, protocol);
        assert!(ticket.len() > 64, "{} bytes are no ticket", ticket.len());
        assert!(takes(&answer_to(&server, &hello).unwrap(), protocol));
        for at in ticket.clone() {
            let mut damaged = hello.clone();
            damaged[at] ^= 1 << (at % 8);
            assert!(!takes(&answer_to(&server, &damaged).unwrap(), protocol), "byte {} of a ticket", at - ticket.start);
        }
        // Whole, it is still good: nothing was used up.
        link.run();
        link.completed();
        assert_eq!(link.sides.each_ref().map(Side::resumed), [true; 2]);
    }
}

#[test]
fn a_session_that_failed_leaves_no_tickets() {
    for protocol in VERSIONS {
        let server = server(|_| {});
        let client = client(protocol, |_| {});
        let mut link = Link::new(&client, &server, Some("localhost"));
        link.client().judge = Judge::Refuse(Alert::UNKNOWN_CA);
        link.run();
        assert!(!link.client().is_complete());
        assert!(!Link::open(&client, &server).client().resumed());
    }
}

// --- What resumed sessions tell, and what they cost ----------------------------------------------------------------

#[test]
fn bindings_of_a_resumed_session_are_its_own() {
    for protocol in VERSIONS {
        let server = server(|_| {});
        let client = client(protocol, |_| {});
        let mut seen = Vec::new();
        for round in 0..4 {
            let mut link = Link::open(&client, &server);
            assert_eq!(link.client().resumed(), round > 0);
            same_bindings(&link);
            link.talk();
            let session = &link.client().session;
            let unique = binding(session, Binding::Unique).unwrap_or_default();
            let exporter = binding(session, Binding::Exporter).unwrap();
            seen.push((unique, exporter, material(session, None), binding(session, Binding::EndPoint).unwrap()));
        }
        for (index, one) in seen.iter().enumerate() {
            for other in &seen[index + 1..] {
                assert!(protocol == TLS13 || one.0 != other.0, "tls-unique is that of another session");
                assert!(one.1 != other.1 && one.2 != other.2, "keying material is that of another session");
                // The server's certificate is the same.
                assert_eq!(one.3, other.3);
            }
        }
    }
}

#[test]
fn a_session_resumed_from_resumed_ones_still_knows_all_certificates() {
    for protocol in VERSIONS {
        let server = server(|options| options.client_certificates = REQUIRE);
        let client = client(protocol, |options| options.set_credentials(Some(credentials("client-p256"))));
        for generation in 0..5 {
            let link = Link::open(&client, &server);
            let [client, server] = &link.sides;
            assert_eq!((client.resumed(), server.resumed()), (generation > 0, generation > 0));
            assert!(server.remote() == chain("client-p256") && client.remote() == chain("server-p256"));
            assert!(client.session.local_certificate() == chain("client-p256")[0], "generation {generation}");
            assert!(server.session.local_certificate() == chain("server-p256")[0]);
        }
    }
}

#[test]
fn a_resumed_session_tells_how_it_came_about() {
    for protocol in VERSIONS {
        let server = server(|options| {
            options.add_alpn(b"h2").unwrap();
            options.keep_client_hello = true;
        });
        let client = client(protocol, |options| options.add_alpn(b"h2").unwrap());
        for resumed in [false, true] {
            let link = Link::open(&client, &server);
            for side in &link.sides {
                let negotiated = side.session.negotiated();
                assert_eq!((side.resumed(), negotiated.version), (resumed, Some(protocol)));
                assert_eq!(&*negotiated.alpn, b"h2");
                assert_eq!(side.session.target_host_name(), "localhost");
                let complete = VisibleState { handshake_complete: true, resumed, ..VisibleState::default() };
                assert_eq!(side.session.state(), complete);
            }
            let scheme = link.sides[CLIENT].session.negotiated().peer_signature_scheme;
            assert_eq!(scheme != 0, !resumed, "nothing is signed in a resumed handshake");
            assert!(link.sides[SERVER].session.client_hello().is_some());
        }
    }
}

#[test]
fn a_session_can_be_retried_and_resumed() {
    let client = client(TLS13, |_| {});
    // The client sends a share of the group that it met last.
    for (group, resumes, retries) in [(0x17, false, true), (0x17, true, false), (0x18, true, true)] {
        let link = Link::open(&client, &rooted(NONE, |options| options.set_groups(&[group]).unwrap()));
        for side in &link.sides {
            let state = side.session.state();
            assert_eq!((state.resumed, state.hello_retried), (resumes, retries), "{group:#x}");
        }
    }
}

#[test]
fn a_second_handshake_is_little_beside_the_first() {
    for protocol in VERSIONS {
        for mode in [NONE, REQUIRE] {
            let bytes = |allow: bool| {
                let server = server(|options| {
                    options.set_groups(&[X25519]).unwrap();
                    options.client_certificates = mode;
                    options.allow_resume = allow;
                });
                let client = client(protocol, |options| {
                    options.set_groups(&[X25519]).unwrap();
                    options.set_credentials(Some(credentials("client-p256")));
                    options.allow_resume = allow;
                });
                [(); 2].map(|()| {
                    let link = Link::open(&client, &server);
                    let counted: u64 = link.sides.iter().map(|side| side.session.stats().ciphertext_sent).sum();
                    assert_eq!(counted, link.bytes() as u64);
                    link.bytes()
                })
            };
            let (with, without) = (bytes(true), bytes(false));
            println!("{protocol:?}, client certificates {mode:?}: {with:?} bytes resumed, {without:?} bytes without");
            // A client's chain is in each of its tickets.
            let most = if mode == REQUIRE { 85 } else { 65 };
            assert!(with[1] * 100 < with[0] * most, "{with:?}");
            assert!(without[1].abs_diff(without[0]) * 4 < without[0], "{without:?}");
        }
    }
}

// --- Many ----------------------------------------------------------------------------------------------------------

#[test]
fn a_client_keeps_tickets_for_so_many_servers() {
    for protocol in VERSIONS {
        let server = server(|_| {});
        let client = client(protocol, |_| {});
        let name = |index: usize| format!("host-{index}.example");
        let open = |index: usize| {
            let mut link = Link::new(&client, &server, Some(&name(index)));
            link.run();
            link.completed();
            link.client().resumed()
        };
        for index in 0..256 {
            assert!(!open(index));
        }
        assert!(open(0) && open(255), "256 servers are kept");
        for index in 256..300 {
            assert!(!open(index));
        }
        // The first to come were the first to go; each that comes again takes the place of the next.
        assert!((44..300).rev().step_by(17).all(open), "the last 256 are kept");
        assert!(!open(0) && !open(43));
    }
}

#[test]
fn a_client_keeps_eight_tickets_for_a_server_and_uses_each_once() {
    let server = server(|_| {});
    let client = client(TLS13, |_| {});
    // All of them say hello before the first ticket is there.
    let begin = || {
        let mut link = Link::new(&client, &server, Some("localhost"));
        link.step(CLIENT);
        link
    };
    let finish = |mut link: Link| {
        link.run();
        link.completed();
        assert_eq!(link.client().session.stats().tickets_received, 2);
        link.client().resumed()
    };
    let first: Vec<Link> = (0..10).map(|_| begin()).collect();
    assert!(first.into_iter().map(finish).all(|resumed| !resumed));
    let second: Vec<Link> = (0..10).map(|_| begin()).collect();
    let resumed: Vec<bool> = second.into_iter().map(finish).collect();
    assert_eq!(resumed.iter().filter(|resumed| **resumed).count(), 8, "{resumed:?}");
}

#[test]
fn many_threads_resume_on_one_context_and_none_as_another() {
    let keys = Keys::new();
    let server = rooted(REQUEST, |_| {});
    let client = client(None, |_| {});
    let tls12 = link::client(TLS12, |_| {});
    let resumed = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (keys, server, resumed) = (&keys, &server, &resumed);
            let client = if thread % 2 == 0 { &client } else { &tls12 };
            scope.spawn(move || {
                for round in 0..40 {
                    let who = Who::ALL[(thread + round) % Who::ALL.len()];
                    let mut link = who.link(keys, client, server, Some("localhost"));
                    link.run();
                    link.completed();
                    let entitled = who.key().map(|key| keys.chains[key].clone()).unwrap_or_default();
                    assert!(link.server().remote() == entitled, "{who:?}");
                    assert_eq!(link.client().resumed(), link.server().resumed());
                    assert!(who.is_preset() || !link.client().resumed(), "{who:?}");
                    same_bindings(&link);
                    link.talk();
                    resumed.fetch_add(usize::from(link.client().resumed()), std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    let resumed = resumed.into_inner();
    println!("{resumed} of 320 were resumed");
    assert!(resumed > 80);
}

//! rustls with either provider. Without a way: its buffered connections, by `read_tls`, `process_new_packets`, `reader`,
//! `writer` and `write_tls`. `way=unbuffered`: its unbuffered ones, which work on the caller's spans.

use std::cell::RefCell;
use std::ffi::{c_char, c_ulong, c_void};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
#[cfg(feature = "rustls-aws-lc-rs")]
use rustls::crypto::aws_lc_rs as algorithms;
#[cfg(feature = "rustls-ring")]
use rustls::crypto::ring as algorithms;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, CommonState, Connection, HandshakeKind, ProtocolVersion, RootCertStore,
    ServerConfig, ServerConnection, SupportedProtocolVersion,
};

use crate::host::{Facts, HOST, Settings, TICKETS, give_up, handle, lib, span, span_mut};
use crate::unbuffered::Unbuffered;

thread_local! {
    static CONTEXTS: RefCell<Option<Contexts>> = const { RefCell::new(None) };
}
static mut RECEIVED: c_ulong = 0;

struct Contexts {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    unbuffered: bool,
}

#[expect(clippy::large_enum_variant, reason = "one in a box")]
enum Session {
    Buffered(Connection),
    Unbuffered(Unbuffered),
}

pub(crate) fn must<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| give_up(&format!("{what}: {error}")))
}

fn provider(settings: &Settings) -> Option<CryptoProvider> {
    let mut provider = algorithms::default_provider();
    provider.cipher_suites.retain(|suite| u16::from(suite.suite()) == settings.suite);
    let with_p256 = !settings.tls13; // in TLS 1.2 the list also limits the curves of certificates
    let groups = algorithms::ALL_KX_GROUPS.iter().copied();
    provider.kx_groups = groups
        .filter(|group| u16::from(group.name()) == settings.group || (with_p256 && u16::from(group.name()) == 0x17))
        .collect();
    provider.kx_groups.sort_by_key(|group| u16::from(group.name()) != settings.group);
    (!provider.cipher_suites.is_empty() && !provider.kx_groups.is_empty()).then_some(provider)
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    let found: Result<Vec<_>, _> = must(CertificateDer::pem_file_iter(path), "a chain").collect();
    must(found, "a chain")
}

fn key(path: &Path) -> PrivateKeyDer<'static> {
    must(PrivateKeyDer::from_pem_file(path), "a key")
}

fn contexts(settings: &Settings) -> Option<Contexts> {
    let provider = Arc::new(provider(settings)?);
    let versions: &[&SupportedProtocolVersion] =
        if settings.tls13 { &[&rustls::version::TLS13] } else { &[&rustls::version::TLS12] };
    let mut roots = RootCertStore::empty();
    for certificate in chain(settings.root()) {
        must(roots.add(certificate), "the root");
    }
    let roots = Arc::new(roots);
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = must(builder.with_protocol_versions(versions), "versions").with_root_certificates(Arc::clone(&roots));
    let client = if settings.mutual {
        let (own, secret) = settings.client_files();
        must(builder.with_client_auth_cert(chain(own), key(secret)), "the client's certificate")
    } else {
        builder.with_no_client_auth()
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = must(builder.with_protocol_versions(versions), "versions");
    let builder = if settings.mutual {
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
        builder.with_client_cert_verifier(must(verifier, "a verifier"))
    } else {
        builder.with_no_client_auth()
    };
    let (own, secret) = settings.server_files();
    let mut server = must(builder.with_single_cert(chain(own), key(secret)), "the server's certificate");
    server.send_tls13_tickets = TICKETS;
    // Tickets without state on the server, as those of the other libraries: by default rustls keeps sessions in memory.
    server.ticketer = must(algorithms::Ticketer::new(), "a ticketer");
    let unbuffered = match settings.way() {
        None => false,
        Some("unbuffered") => true,
        Some(_) => return None,
    };
    let mut client = client;
    if !settings.resume {
        client.resumption = rustls::client::Resumption::disabled();
    }
    Some(Contexts { client: Arc::new(client), server: Arc::new(server), unbuffered })
}

#[unsafe(no_mangle)]
extern "C" fn peer_version() -> *const c_char {
    // The version that Cargo.toml pins.
    if cfg!(feature = "rustls-ring") { c"rustls 0.23.46, ring".as_ptr() } else { c"rustls 0.23.46, aws-lc-rs".as_ptr() }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_open(settings: *const Settings) -> bool {
    // SAFETY: work.c passes live settings.
    let found = contexts(unsafe { &*settings });
    let there = found.is_some();
    CONTEXTS.set(found);
    there
}

#[unsafe(no_mangle)]
extern "C" fn peer_new(server: bool) -> *mut c_void {
    CONTEXTS.with_borrow(|contexts| {
        let contexts = contexts.as_ref().unwrap_or_else(|| give_up("no contexts"));
        let name = || ServerName::try_from(HOST).expect("a name");
        handle(match (contexts.unbuffered, server) {
            (true, _) => Session::Unbuffered(Unbuffered::new(server, &contexts.client, &contexts.server, name())),
            (false, true) => Session::Buffered(
                must(lib(ServerConnection::new(Arc::clone(&contexts.server))), "ServerConnection::new").into(),
            ),
            (false, false) => Session::Buffered(
                must(lib(ClientConnection::new(Arc::clone(&contexts.client), name())), "ClientConnection::new").into(),
            ),
        })
    })
}

fn write_all(connection: &mut Connection, mut out: &mut [u8]) -> usize {
    let room = out.len();
    while lib(connection.wants_write()) {
        must(lib(connection.write_tls(&mut out)), "write_tls");
    }
    room - out.len()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_handshake(
    session: *mut c_void,
    input: *mut u8,
    input_len: usize,
    output: *mut u8,
    output_cap: usize,
    written: *mut usize,
) -> bool {
    // SAFETY: a live session, two spans, an out-parameter.
    let (session, input, output, written) = unsafe {
        (&mut *session.cast::<Session>(), span_mut(input, input_len), span_mut(output, output_cap), &mut *written)
    };
    match session {
        Session::Unbuffered(unbuffered) => unbuffered.handshake(input, output, written),
        Session::Buffered(connection) => {
            let mut rest = &*input;
            while !rest.is_empty() {
                must(lib(connection.read_tls(&mut rest)), "read_tls");
                must(lib(connection.process_new_packets()), "process_new_packets");
            }
            *written = write_all(connection, output);
            !lib(connection.is_handshaking())
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_encrypt(
    session: *mut c_void,
    text: *const u8,
    text_len: usize,
    output: *mut u8,
    output_cap: usize,
) -> usize {
    // SAFETY: a live session, two spans.
    let (session, mut text, output) =
        unsafe { (&mut *session.cast::<Session>(), span(text, text_len), span_mut(output, output_cap)) };
    match session {
        Session::Unbuffered(unbuffered) => unbuffered.encrypt(text, output),
        Session::Buffered(connection) => {
            let mut written = 0;
            while !text.is_empty() {
                let taken = must(lib(connection.writer().write(text)), "write");
                text = &text[taken..];
                written += write_all(connection, &mut output[written..]);
            }
            written
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_decrypt(
    session: *mut c_void,
    input: *mut u8,
    input_len: usize,
    text: *mut u8,
    text_cap: usize,
) -> usize {
    // SAFETY: a live session, two spans.
    let (session, input, text) =
        unsafe { (&mut *session.cast::<Session>(), span_mut(input, input_len), span_mut(text, text_cap)) };
    match session {
        Session::Unbuffered(unbuffered) => unbuffered.decrypt(input, text),
        Session::Buffered(connection) => {
            let (mut rest, mut len) = (&*input, 0);
            while !rest.is_empty() {
                must(lib(connection.read_tls(&mut rest)), "read_tls");
                let state = must(lib(connection.process_new_packets()), "process_new_packets");
                let mut ready = state.plaintext_bytes_to_read();
                while ready > 0 {
                    let taken = must(lib(connection.reader().read(&mut text[len..])), "read");
                    len += taken;
                    ready -= taken;
                }
            }
            len
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_facts(session: *mut c_void) -> Facts {
    // SAFETY: a live session.
    let session = unsafe { &*session.cast::<Session>() };
    let state: &CommonState = match session {
        Session::Unbuffered(unbuffered) => unbuffered.state(),
        Session::Buffered(connection) => connection,
    };
    if let Session::Buffered(Connection::Client(client)) = session {
        // SAFETY: the program has one thread.
        unsafe { RECEIVED += c_ulong::from(client.tls13_tickets_received()) };
    }
    Facts {
        tls13: state.protocol_version() == Some(ProtocolVersion::TLSv1_3),
        suite: state.negotiated_cipher_suite().map_or(0, |suite| suite.suite().into()),
        group: state.negotiated_key_exchange_group().map_or(0, |group| group.name().into()),
        resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
        // The verifiers above always judge; a certificate that they refuse ends the handshake.
        judged: state.peer_certificates().is_some(),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn peer_free(session: *mut c_void) {
    // SAFETY: a session of peer_new that is not used again.
    lib(drop(unsafe { Box::from_raw(session.cast::<Session>()) }));
}

#[unsafe(no_mangle)]
extern "C" fn peer_tickets() -> c_ulong {
    // SAFETY: the program has one thread.
    unsafe { RECEIVED }
}

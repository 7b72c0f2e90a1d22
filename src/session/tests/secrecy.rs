//! What can be printed or read in an error holds no secrets.

use std::cell::RefCell;
use std::fmt::Debug;

use super::*;
use crate::context::{Config, TicketRoot};
use crate::crypto::key_log::SecretTap;
use crate::crypto::own_key::OwnKey;
use crate::crypto::ticket_keys::TicketKeys;
use crate::crypto::ticket_roots;
use crate::handshake::client_tickets::ClientTickets;

const ROOT: &[u8; 37] = b"\x9d\xe1 a root that no text may hold \x00\x01\xfe\xff\x80";
const TICKET_ROOT: TicketRoot<'static> = TicketRoot { secret: ROOT, seal_from: 0, open_until: i64::MAX };
const PLAINTEXT: &[u8] = b"what the host says to its peer";

/// Whether a text holds eight bytes of a secret in a row, in any way that bytes are written.
fn leaks(text: &str, secret: &[u8]) -> bool {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let close = text.replace(", ", ",");
    secret.windows(8).any(|piece| {
        let joined =
            |write: fn(&u8) -> String, between: &str| piece.iter().map(write).collect::<Vec<_>>().join(between);
        let ways = [
            joined(|byte| format!("{byte:02x}"), ""),
            joined(|byte| format!("{byte:02X}"), ""),
            joined(|byte| format!("{byte:02x}"), ":"),
            joined(|byte| format!("{byte:02x}"), ","),
            joined(|byte| format!("{byte:x}"), ","),
            joined(|byte| format!("{byte:02X}"), ","),
            joined(|byte| format!("{byte:#04x}"), ","),
            joined(|byte| format!("{byte}"), ","),
            piece.escape_ascii().to_string(),
            String::from_utf8_lossy(piece).split_whitespace().collect::<Vec<_>>().join(" "),
        ];
        ways.iter().any(|way| close.contains(way.as_str()) || text.contains(way.as_str()))
    })
}

#[test]
fn what_is_looked_for_would_be_found() {
    let secret: Vec<u8> = (0..32).map(|byte: u8| byte.wrapping_mul(37) ^ 0x5a).collect();
    let list = secret.as_slice();
    for text in [
        format!("{list:?}"),
        format!("{list:#?}"),
        format!("{list:02x?}"),
        format!("{list:#04x?}"),
        format!("{:?}", (1, &list[3..12])),
        list.iter().map(|byte| format!("{byte:02x}")).collect(),
        format!("{:?}", String::from_utf8_lossy(b"behind words: secret words")),
    ] {
        let secret: &[u8] = if text.contains("words") { b"secret words" } else { list };
        assert!(leaks(&text, secret), "{text}");
    }
    assert!(!leaks("[0, 1, 2, 3] and nothing else", list));
}

/// Prints what can be printed; what cannot be has nothing to say, until somebody derives `Debug`.
struct Probe<'a, T>(&'a T);

trait Printed {
    fn text(&self) -> String;
}

impl<T: Debug> Printed for Probe<'_, T> {
    fn text(&self) -> String {
        format!("{:?}\n{:#?}", self.0, self.0)
    }
}

trait Silent {
    fn text(&self) -> String;
}

impl<T> Silent for &Probe<'_, T> {
    fn text(&self) -> String {
        String::new()
    }
}

macro_rules! texts {
    ($($value:expr),* $(,)?) => { [$((stringify!($value), (&Probe(&$value)).text())),*] };
}

/// The secret number of a P-256 key; the rest of the file is public.
fn secret_number(name: &str) -> Vec<u8> {
    let text = certificates(&format!("{name}.key"));
    let key = rustls_pemfile::private_key(&mut &text[..]).unwrap().unwrap();
    let der = key.secret_der();
    // ECPrivateKey (RFC 5915): version 1, an octet string of 32 bytes.
    let at = der.windows(5).position(|bytes| bytes == [2, 1, 1, 4, 32]).unwrap() + 5;
    der[at..at + 32].to_vec()
}

struct Scene {
    client: Session,
    server: Session,
    client_context: Arc<Context>,
    server_context: Arc<Context>,
    options: Options,
    failures: Vec<Failure>,
}

fn open(protocol: Version, log: &str) -> Scene {
    let mut options = Options::default();
    options.set_credentials(Some(credentials("server-p256")));
    options.set_ticket_roots(&[TICKET_ROOT]).unwrap();
    options.client_certificates = ClientCertificateMode::Require;
    options.set_key_log_file(log).unwrap();
    let server_context = Arc::new(Context::server(options.clone()).unwrap());
    let mut client = Options::default();
    client.set_credentials(Some(credentials("client-p256")));
    client.set_versions(&[protocol]);
    let client_context = Arc::new(Context::client(client).unwrap());
    let mut pair = Pair::of(&server_context, &client_context);
    let failures = RefCell::new(Vec::new());
    pair.shake(|session| {
        failures.borrow_mut().extend(session.set_signature(ROOT).err());
        assert_eq!(session.set_certificate_validation_result(PolicyErrors::NONE), Ok(Outcome::Complete));
    });
    pair.client.decrypt(&pair.to_client, &mut [0; 100]).outcome.unwrap();
    let (Pair { client, server, .. }, failures) = (pair, failures.into_inner());
    Scene { client, server, client_context, server_context, options, failures }
}

/// Everything that the file says of the sessions, as bytes.
fn logged(log: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(log).unwrap();
    let field = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    text.lines()
        .map(field)
        .map(|hex| (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect())
        .collect()
}

impl Scene {
    /// Calls that fail, with secrets at hand wherever there is a place for some.
    fn fail_everywhere(&mut self, material: &[u8]) {
        let failures = &mut self.failures;
        let mut options = self.options.clone();
        for wrong in [
            &[TicketRoot { secret: &ROOT[..31], ..TICKET_ROOT }][..],
            &[TicketRoot { open_until: 0, ..TICKET_ROOT }],
            &[TICKET_ROOT, TICKET_ROOT],
        ] {
            failures.extend(options.set_ticket_roots(wrong).err());
        }
        failures.extend(options.set_key_log_file("no/such/file").err());
        let (chain, key) = (certificates("server-p256.pem"), certificates("server-p256.key"));
        let mut damaged = key.clone();
        damaged[60] ^= 3;
        let mut cut = key.clone();
        cut.truncate(120);
        let other = certificates("client-p256.key");
        for (chain, key) in [(&key, &key), (&chain, &chain), (&chain, &damaged), (&chain, &cut), (&chain, &other)] {
            failures.extend(Credentials::from_pem(chain, key, None).err());
        }
        failures.extend(options.add_trust_anchors_pem(&key).err());
        failures.extend(options.add_crls_pem(&key).err());
        for session in [&self.client, &self.server] {
            let mut room = vec![0; 20_000];
            for (label, context) in [(material, Some(&[7; 70_000][..])), (&[7; 300][..], Some(material)), (b"", None)] {
                failures.extend(session.export_keying_material(label, context, &mut room).err());
            }
            failures.extend(session.export_keying_material(b"master secret", None, &mut room).err());
            failures.extend(session.set_signature(material).err());
            failures.extend(session.reject(Alert::ACCESS_DENIED).err());
        }
        // A record that was damaged on its way, and then everything that a failed session says.
        let (mut sealed, mut counts) = ([0; 200], Counts::default());
        self.client.encrypt(&[PLAINTEXT], &mut sealed).add_to(&mut counts).unwrap();
        sealed[counts.written - 1] ^= 1;
        for _ in 0..2 {
            let mut room = [0; 200];
            failures.extend(self.server.decrypt(&sealed[..counts.written], &mut room).outcome.err());
            failures.extend(self.server.encrypt(&[PLAINTEXT], &mut room).outcome.err());
        }
        failures.extend(self.server.last_failure());
    }
}

#[test]
fn nothing_that_can_be_printed_holds_a_secret() {
    for protocol in [Version::Tls12, Version::Tls13] {
        let log = std::env::temp_dir().join(format!("spantls-secrecy-{protocol:?}-{}", std::process::id()));
        let log = log.to_str().unwrap();
        let mut scene = open(protocol, log);
        let mut material = vec![0; 48];
        scene.client.export_keying_material(b"EXPORTER-of-a-test", None, &mut material).unwrap();
        scene.fail_everywhere(&material);
        let lines = logged(log);
        std::fs::remove_file(log).unwrap();
        assert!(lines.len() >= if protocol == Version::Tls12 { 1 } else { 5 });
        assert!(scene.failures.len() > 20, "{} failures", scene.failures.len());

        let mut secrets = vec![
            ("the root", ROOT.to_vec()),
            ("the server's key", secret_number("server-p256")),
            ("the client's key", secret_number("client-p256")),
            ("keying material", material),
            ("plaintext", PLAINTEXT.to_vec()),
        ];
        secrets.extend(lines.into_iter().map(|secret| ("a logged secret", secret)));

        let Scene { client, server, client_context, server_context, options, failures } = scene;
        let (Config::Server(start), Config::Client(begin)) = (&server_context.config, &client_context.config) else {
            panic!("a server and a client")
        };
        let (server_config, client_config) = (start.configs.config.clone(), begin.config.clone());
        let own = credentials("server-p256");
        let own_key: Arc<OwnKey> = own.own_key();
        let ticket_roots = ticket_roots::from_host(&[TICKET_ROOT]).unwrap();
        let ticket_keys = TicketKeys::new(ticket_roots.clone(), 7200, [0; 32], Vec::new());
        let (tap, tickets) = (SecretTap(None), ClientTickets::new(&[]));
        let (negotiated, stats) = (client.negotiated(), client.stats());
        let mut texts = texts![
            client,
            server,
            client_context,
            server_context,
            options,
            server_config,
            client_config,
            own,
            own_key,
            ticket_roots,
            ticket_keys,
            tap,
            tickets,
            negotiated,
            stats,
            failures,
        ]
        .to_vec();
        let messages: Vec<String> = failures.iter().map(|failure| failure.message.to_string()).collect();
        texts.push(("messages", messages.join("\n")));
        for (what, text) in &texts {
            for (name, secret) in &secrets {
                assert!(!leaks(text, secret), "{what} shows {name}");
            }
        }
        let printed = texts.iter().filter(|(_, text)| !text.is_empty()).count();
        assert!(printed >= 8, "{printed} of them can be printed");
    }
}

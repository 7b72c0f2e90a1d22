//! The contexts of two sessions, as a few bytes of the input describe them.

use std::collections::HashMap;
use std::ffi::CStr;
use std::sync::{Arc, LazyLock, Mutex};

use ring::signature::Ed25519KeyPair;
use spantls::ffi::{options, session_options, trust_options};

use super::host::{Context, Credentials, Options, Session, done, file};
use super::input::Input;

/// What the input chooses. Ed25519 alone: its signatures have one length, so that lengths do not depend on random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Setup {
    pub tls13: bool,
    /// `SPANTLS_CLIENT_CERTIFICATE_…`.
    pub mode: i32,
    pub external_key: bool,
    pub undecided: bool,
    pub automatic: [bool; 2],
    pub resumed: bool,
    pub client: ClientCredentials,
    pub alpn: bool,
    pub retried: bool,
    pub fragments: bool,
    pub keep_hello: bool,
    pub name: Option<&'static CStr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientCredentials {
    None,
    InOptions,
    InOptionsExternal,
    Preset,
}

/// The server and the client, and the server that an undecided one becomes.
pub struct Contexts {
    pub client: Context,
    pub server: Context,
    pub decided: Context,
}

pub static SERVER: LazyLock<Credentials> = LazyLock::new(|| Credentials::of("server-ed25519"));
pub static SERVER_EXTERNAL: LazyLock<Credentials> =
    LazyLock::new(|| Credentials::external("server-ed25519", &[ED25519]));
pub static CLIENT: LazyLock<Credentials> = LazyLock::new(|| Credentials::of("client-ed25519"));
pub static CLIENT_EXTERNAL: LazyLock<Credentials> =
    LazyLock::new(|| Credentials::external("client-ed25519", &[ED25519]));

const ED25519: u16 = 0x0807;
const X25519: u16 = 0x001D;
const P256: u16 = 0x0017;

/// Signs as the host of an external key does.
pub fn sign(is_server: bool, message: &[u8]) -> Vec<u8> {
    static KEYS: LazyLock<[Ed25519KeyPair; 2]> = LazyLock::new(|| {
        ["client-ed25519.key", "server-ed25519.key"].map(|name| {
            let key = rustls_pemfile::private_key(&mut &file(name)[..]).unwrap().unwrap();
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_der()).unwrap()
        })
    });
    KEYS[usize::from(is_server)].sign(message).as_ref().to_vec()
}

impl Setup {
    pub fn read(input: &mut Input<'_>) -> Self {
        let (first, second) = (input.byte(), input.byte());
        let bit = |byte: u8, number: u8| byte >> number & 1 == 1;
        Self {
            tls13: !bit(first, 0),
            mode: i32::from(first >> 1 & 3).min(2),
            external_key: bit(first, 3),
            undecided: bit(first, 4),
            automatic: [bit(first, 5), bit(first, 6)],
            resumed: bit(first, 7),
            client: [
                ClientCredentials::None,
                ClientCredentials::InOptions,
                ClientCredentials::InOptionsExternal,
                ClientCredentials::Preset,
            ][usize::from(second & 3)],
            alpn: bit(second, 2),
            retried: bit(second, 3),
            fragments: bit(second, 4),
            keep_hello: bit(second, 5),
            name: [Some(c"localhost"), Some(c"localhost"), Some(c"elsewhere.example"), None][usize::from(second >> 6)],
        }
    }

    /// Whether the default validation accepts everybody, and every certificate that is required is there.
    pub fn can_complete(&self) -> bool {
        let named = self.name == Some(c"localhost") || !self.automatic[0];
        named && (self.mode != 2 || self.client != ClientCredentials::None)
    }

    /// Contexts with tickets are new each time: one run must not depend on the runs before it.
    pub fn contexts(&self) -> Arc<Contexts> {
        static KNOWN: LazyLock<Mutex<HashMap<Setup, Arc<Contexts>>>> = LazyLock::new(Default::default);
        if self.resumed {
            return Arc::new(self.make());
        }
        let key = Self { name: None, ..*self };
        KNOWN.lock().unwrap().entry(key).or_insert_with(|| Arc::new(self.make())).clone()
    }

    fn make(&self) -> Contexts {
        let (client, server) = (self.options(false), self.options(true));
        let decided = Context::server(Some(&server));
        let server = Context::server((!self.undecided).then_some(&server));
        Contexts { client: Context::client(&client), server, decided }
    }

    fn options(&self, is_server: bool) -> Options {
        let made = Options::new();
        let options = made.0;
        let anchors = file("ca.pem");
        let (pem, len) = (anchors.as_ptr().cast(), anchors.len());
        let protocols = [0xC00, 0x3000][usize::from(self.tls13)];
        let groups = [if self.retried && is_server { P256 } else { X25519 }, P256];
        let num_groups = if self.retried && !is_server { 2 } else { 1 };
        let credentials = match (is_server, self.external_key, self.client) {
            (true, false, _) => Some(&*SERVER),
            (true, true, _) => Some(&*SERVER_EXTERNAL),
            (false, _, ClientCredentials::InOptions) => Some(&*CLIENT),
            (false, _, ClientCredentials::InOptionsExternal) => Some(&*CLIENT_EXTERNAL),
            _ => None,
        };
        // SAFETY: a live handle, and spans of their lengths.
        unsafe {
            done(trust_options::tls_options_add_trust_anchors_pem(options, pem, len));
            done(session_options::tls_options_set_protocols(options, if is_server { 0x3C00 } else { protocols }));
            done(session_options::tls_options_set_groups(options, groups.as_ptr(), num_groups));
            done(session_options::tls_options_set_allow_resume(options, self.resumed.into()));
            done(session_options::tls_options_set_keep_client_hello(options, self.keep_hello.into()));
            done(session_options::tls_options_set_client_certificate_mode(options, self.mode));
            done(session_options::tls_options_set_certificate_validation(
                options,
                self.automatic[usize::from(is_server)].into(),
            ));
            if let Some(credentials) = credentials {
                done(options::tls_options_set_credentials(options, credentials.0));
            }
            if self.alpn {
                done(session_options::tls_options_add_alpn(options, b"h2".as_ptr().cast(), 2));
            }
            if self.fragments {
                done(session_options::tls_options_set_max_fragment_size(options, 100));
            }
        }
        made
    }

    pub fn session(&self, contexts: &Contexts, is_server: bool) -> Session {
        let session = Session::new(if is_server { &contexts.server } else { &contexts.client });
        if !is_server {
            if let Some(name) = self.name {
                done(session.set_name(name));
            }
            if self.client == ClientCredentials::Preset {
                done(session.set_credentials(Some(&CLIENT)));
            }
        }
        session
    }
}

//! The shared library as a host sees it: opened at run time, called by the names and types of `include/spantls.h`.

use std::ffi::{CString, c_char, c_void};
use std::mem::transmute;
use std::path::PathBuf;
use std::ptr::{null, null_mut};
use std::sync::LazyLock;

const COMPLETE: i32 = 0;
const WANT_READ: i32 = 1;
const NEEDS_CERTIFICATE_VALIDATION: i32 = 5;
/// AES-128-GCM in both versions.
const TLS12_SUITE: u16 = 0xC02B;
const TLS13_SUITE: u16 = 0x1301;

/// Any handle.
type Handle = *mut c_void;

macro_rules! functions {
    ($($name:ident($($argument:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        #[allow(non_snake_case)]
        struct Functions {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Functions {
            fn find(mut symbol: impl FnMut(&str) -> *mut c_void) -> Self {
                Self {
                    // SAFETY: the function of this name in the header has this type.
                    $($name: unsafe {
                        transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(
                            symbol(stringify!($name))
                        )
                    },)*
                }
            }
        }
    };
}

functions! {
    tls_credentials_create_pem(*const u8, usize, *const u8, usize, *const c_char, *mut Handle) -> i32;
    tls_credentials_destroy(Handle);
    tls_options_create(*mut Handle) -> i32;
    tls_options_destroy(Handle);
    tls_options_set_credentials(Handle, Handle) -> i32;
    tls_options_set_cipher_suites(Handle, *const u16, usize) -> i32;
    tls_context_create_server(Handle, *mut Handle) -> i32;
    tls_context_create_client(Handle, *mut Handle) -> i32;
    tls_context_destroy(Handle);
    tls_session_create(Handle, *mut Handle) -> i32;
    tls_session_destroy(Handle);
    tls_session_handshake(Handle, *const u8, usize, *mut u8, usize, *mut usize, *mut usize) -> i32;
    tls_session_set_certificate_validation_result(Handle, u32) -> i32;
    tls_session_encrypt(Handle, *const u8, usize, *mut u8, usize, *mut usize, *mut usize) -> i32;
    tls_session_decrypt(Handle, *const u8, usize, *mut u8, usize, *mut usize, *mut usize) -> i32;
    tls_session_decrypt_in_place(Handle, *mut u8, usize, *mut usize, *mut usize, *mut usize) -> i32;
}

/// Cargo leaves the library that it builds for a benchmark beside the program; `SPANTLS_LIB` names another one.
static LIBRARY: LazyLock<Functions> = LazyLock::new(|| {
    let path = std::env::var_os("SPANTLS_LIB").map_or_else(
        || {
            let name = format!("{}spantls{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
            std::env::current_exe().unwrap().with_file_name(name)
        },
        PathBuf::from,
    );
    println!("measuring {}", path.display());
    let c_path = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a string; loading the library runs nothing of ours.
    let library = unsafe { libc::dlopen(c_path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    assert!(!library.is_null(), "no library at {}", path.display());
    Functions::find(|name| {
        let c_name = CString::new(name).unwrap();
        // SAFETY: an open library, a string.
        let symbol = unsafe { libc::dlsym(library, c_name.as_ptr()) };
        assert!(!symbol.is_null(), "no {name} in {}", path.display());
        symbol
    })
});

/// A session; destroyed when dropped.
pub struct Session {
    handle: Handle,
    /// Looked up once, as a linker does for a host.
    functions: &'static Functions,
}

/// A client and a server that have shaken hands; nobody is judged.
pub struct Pair {
    pub client: Session,
    pub server: Session,
}

impl Pair {
    pub fn open(tls12: bool) -> Self {
        let suite = if tls12 { TLS12_SUITE } else { TLS13_SUITE };
        let (client, server) = (Session::client(suite), Session::server());
        let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
        loop {
            let client_done = client.shake_hands(&mut to_client, &mut to_server);
            let server_done = server.shake_hands(&mut to_server, &mut to_client);
            if client_done && server_done {
                return Self { client, server };
            }
        }
    }
}

impl Session {
    fn client(suite: u16) -> Self {
        let f = &*LIBRARY;
        let (mut options, mut context) = (null_mut(), null_mut());
        // SAFETY: an out-parameter.
        assert_eq!(unsafe { (f.tls_options_create)(&raw mut options) }, COMPLETE);
        // SAFETY: a live handle, one number.
        assert_eq!(unsafe { (f.tls_options_set_cipher_suites)(options, &raw const suite, 1) }, COMPLETE);
        // SAFETY: a live handle, an out-parameter.
        assert_eq!(unsafe { (f.tls_context_create_client)(options, &raw mut context) }, COMPLETE);
        // SAFETY: a live handle that is not used again.
        unsafe { (f.tls_options_destroy)(options) };
        Self::on(context)
    }

    fn server() -> Self {
        let f = &*LIBRARY;
        let read = |name| std::fs::read(format!("{}/ffi-tests/certs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let (chain, key) = (read("server-p256.pem"), read("server-p256.key"));
        let (mut credentials, mut options, mut context) = (null_mut(), null_mut(), null_mut());
        let out = &raw mut credentials;
        // SAFETY: two spans, an out-parameter.
        let status = unsafe {
            (f.tls_credentials_create_pem)(chain.as_ptr(), chain.len(), key.as_ptr(), key.len(), null(), out)
        };
        assert_eq!(status, COMPLETE);
        // SAFETY: an out-parameter.
        assert_eq!(unsafe { (f.tls_options_create)(&raw mut options) }, COMPLETE);
        // SAFETY: two live handles.
        assert_eq!(unsafe { (f.tls_options_set_credentials)(options, credentials) }, COMPLETE);
        // SAFETY: a live handle, an out-parameter.
        assert_eq!(unsafe { (f.tls_context_create_server)(options, &raw mut context) }, COMPLETE);
        // SAFETY: a live handle that is not used again.
        unsafe { (f.tls_options_destroy)(options) };
        // SAFETY: a live handle that is not used again.
        unsafe { (f.tls_credentials_destroy)(credentials) };
        Self::on(context)
    }

    /// Takes the context.
    fn on(context: Handle) -> Self {
        let f = &*LIBRARY;
        let mut handle = null_mut();
        // SAFETY: a live handle, an out-parameter.
        assert_eq!(unsafe { (f.tls_session_create)(context, &raw mut handle) }, COMPLETE);
        // SAFETY: a live handle that is not used again; the session keeps what it needs.
        unsafe { (f.tls_context_destroy)(context) };
        Self { handle, functions: f }
    }

    /// One call; true once the handshake is complete.
    fn shake_hands(&self, input: &mut Vec<u8>, output: &mut Vec<u8>) -> bool {
        let mut room = vec![0; 32 << 10];
        let (mut consumed, mut written) = (0, 0);
        // SAFETY: a live handle, two spans, two out-parameters.
        let status = unsafe {
            (self.functions.tls_session_handshake)(
                self.handle,
                if input.is_empty() { null() } else { input.as_ptr() },
                input.len(),
                room.as_mut_ptr(),
                room.len(),
                &raw mut consumed,
                &raw mut written,
            )
        };
        input.drain(..consumed);
        output.extend_from_slice(&room[..written]);
        if status == NEEDS_CERTIFICATE_VALIDATION {
            // SAFETY: a live handle.
            let status = unsafe { (self.functions.tls_session_set_certificate_validation_result)(self.handle, 0) };
            assert_eq!(status, COMPLETE);
            return false;
        }
        assert!(status == COMPLETE || status == WANT_READ, "status {status}");
        status == COMPLETE
    }

    /// Seals all of `plaintext` and returns what was written.
    #[inline(always)]
    pub fn encrypt(&self, plaintext: &[u8], output: &mut [u8]) -> usize {
        let (mut consumed, mut written) = (0, 0);
        // SAFETY: a live handle, two spans, two out-parameters.
        let status = unsafe {
            (self.functions.tls_session_encrypt)(
                self.handle,
                plaintext.as_ptr(),
                plaintext.len(),
                output.as_mut_ptr(),
                output.len(),
                &raw mut consumed,
                &raw mut written,
            )
        };
        assert!(status == COMPLETE && consumed == plaintext.len(), "status {status}");
        written
    }

    /// Opens all of `records` and returns what was written.
    #[inline(always)]
    pub fn decrypt(&self, records: &[u8], output: &mut [u8]) -> usize {
        let (mut consumed, mut written) = (0, 0);
        // SAFETY: a live handle, two spans, two out-parameters.
        let status = unsafe {
            (self.functions.tls_session_decrypt)(
                self.handle,
                records.as_ptr(),
                records.len(),
                output.as_mut_ptr(),
                output.len(),
                &raw mut consumed,
                &raw mut written,
            )
        };
        assert!(status == COMPLETE && consumed == records.len(), "status {status}");
        written
    }

    /// Opens `record` where it lies and returns the length of its plaintext.
    #[inline(always)]
    pub fn decrypt_in_place(&self, record: &mut [u8]) -> usize {
        let (mut consumed, mut offset, mut len) = (0, 0, 0);
        // SAFETY: a live handle, a span, three out-parameters.
        let status = unsafe {
            (self.functions.tls_session_decrypt_in_place)(
                self.handle,
                record.as_mut_ptr(),
                record.len(),
                &raw mut consumed,
                &raw mut offset,
                &raw mut len,
            )
        };
        assert!(status == COMPLETE && consumed == record.len(), "status {status}");
        len
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: a live handle that is not used again.
        unsafe { (self.functions.tls_session_destroy)(self.handle) };
    }
}

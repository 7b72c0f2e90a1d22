//! A host in C, as far as the doors need one: handles that are released, and calls whose spans are exactly as large as they
//! say, with guards after them. Every call is checked by itself: counts within the spans, nothing written outside of them.

use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

use spantls::ffi::handles::{spantls_span_t, tls_context_t, tls_credentials_t, tls_options_t, tls_session_t};
use spantls::ffi::{answers, context, credentials, facts, library, options, session, status, verdict};

pub use spantls::ffi::facts::spantls_state_values as state;

pub type Status = status::tls_status_t;

pub const COMPLETE: Status = 0;
pub const WANT_READ: Status = 1;
pub const WANT_WRITE: Status = 2;
pub const CLOSED: Status = 3;
pub const WANT_CREDENTIALS: Status = 4;
pub const NEEDS_VALIDATION: Status = 5;
pub const NEEDS_CONTEXT: Status = 6;
pub const NEEDS_SIGNATURE: Status = 16;
pub const INVALID_ARGUMENT: Status = -1;
pub const INVALID_STATE: Status = -2;
pub const AUTHENTICATION_FAILED: Status = -3;
pub const PROTOCOL_ERROR: Status = -4;
pub const TRUNCATED: Status = -5;
pub const INVALID_CONFIGURATION: Status = -7;
pub const NOT_SUPPORTED: Status = -8;
pub const TOO_SMALL: Status = -11;
pub const PEER_ALERT: Status = -12;
const BUSY: Status = -9;
const OUT_OF_RESOURCES: Status = -10;
const INTERNAL_ERROR: Status = -128;

/// The largest output span.
pub const LARGEST: usize = 40_000;
const GUARD: usize = 32;
/// What is in output spans before a call, and has to be in the guards after it.
static FILLED: [u8; LARGEST + GUARD] = [0x3C; LARGEST + GUARD];

pub fn file(name: &str) -> Vec<u8> {
    std::fs::read(super::root().join("ffi-tests/certs").join(name)).unwrap()
}

/// No panic was contained, nothing was refused for want of memory, and no other thread is there.
pub fn sound(status: Status) -> Status {
    assert!(![BUSY, OUT_OF_RESOURCES, INTERNAL_ERROR].contains(&status), "status {status}: {}", last_error().text());
    // SAFETY: returns a string that lives as long as the process.
    let name = unsafe { CStr::from_ptr(library::tls_status_name(status)) };
    assert_ne!(name, c"unknown", "status {status}");
    status
}

pub fn done(status: Status) {
    assert_eq!(sound(status), COMPLETE, "{}", last_error().text());
}

/// The error record of this thread.
pub fn last_error() -> Record {
    let mut record = Record::new();
    // SAFETY: a struct with its size in it.
    assert_eq!(unsafe { library::spantls_last_error(&mut record.0) }, COMPLETE);
    record
}

pub struct Record(pub status::spantls_error_t);

impl Record {
    fn new() -> Self {
        // SAFETY: numbers and bytes alone, which zero is a value of.
        let mut record: status::spantls_error_t = unsafe { std::mem::zeroed() };
        record.struct_size = size_of_val(&record);
        Self(record)
    }

    /// The message, which is UTF-8 with a closing NUL.
    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.message.iter().map(|byte| *byte as u8).collect();
        CStr::from_bytes_until_nul(&bytes).unwrap().to_str().unwrap().to_owned()
    }
}

/// A handle that is released by `destroy`.
macro_rules! handle {
    ($name:ident, $type:ty, $destroy:path) => {
        pub struct $name(pub *mut $type);

        impl $name {
            pub fn make(create: impl FnOnce(*mut *mut $type) -> Status) -> Result<Self, Status> {
                let mut handle = null_mut();
                match sound(create(&mut handle)) {
                    COMPLETE => {
                        assert!(!handle.is_null());
                        Ok(Self(handle))
                    }
                    status => {
                        assert!(handle.is_null(), "a handle with status {status}");
                        Err(status)
                    }
                }
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: made by the library, and used by no one else any more.
                unsafe { $destroy(self.0) };
            }
        }

        // SAFETY: the header allows any thread.
        unsafe impl Send for $name {}
        // SAFETY: the doors use one thread at a time.
        unsafe impl Sync for $name {}
    };
}

handle!(Credentials, tls_credentials_t, credentials::tls_credentials_destroy);
handle!(Options, tls_options_t, options::tls_options_destroy);
handle!(Context, tls_context_t, context::tls_context_destroy);
handle!(Session, tls_session_t, session::tls_session_destroy);

impl Credentials {
    pub fn of(name: &str) -> Self {
        let (chain, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
        Self::from_pem(&chain, &key).unwrap()
    }

    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Status> {
        let (chain_at, key_at) = (chain.as_ptr().cast(), key.as_ptr().cast());
        // SAFETY: spans of their lengths.
        Self::make(|out| unsafe {
            credentials::tls_credentials_create_pem(chain_at, chain.len(), key_at, key.len(), null(), out)
        })
    }

    pub fn external(name: &str, schemes: &[u16]) -> Self {
        let chain = file(&format!("{name}.pem"));
        let (at, len) = (chain.as_ptr().cast(), chain.len());
        // SAFETY: spans of their lengths.
        Self::make(|out| unsafe {
            credentials::tls_credentials_create_external(at, len, schemes.as_ptr(), schemes.len(), out)
        })
        .unwrap()
    }
}

impl Options {
    pub fn new() -> Self {
        // SAFETY: a place for the handle.
        Self::make(|out| unsafe { options::tls_options_create(out) }).unwrap()
    }
}

impl Context {
    pub fn server(options: Option<&Options>) -> Self {
        let options = options.map_or(null(), |options| options.0.cast_const());
        // SAFETY: a handle or NULL, and a place for the handle.
        Self::make(|out| unsafe { context::tls_context_create_server(options, out) }).unwrap()
    }

    pub fn client(options: &Options) -> Self {
        // SAFETY: a handle, and a place for the handle.
        Self::make(|out| unsafe { context::tls_context_create_client(options.0, out) }).unwrap()
    }
}

/// What a call has done.
pub struct Done {
    pub status: Status,
    pub consumed: usize,
    pub output: Vec<u8>,
}

impl std::fmt::Debug for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}, {} consumed, {} written", self.status, self.consumed, self.output.len())
    }
}

/// An output span with guards, and what was put into it.
pub struct Room {
    bytes: Vec<u8>,
    len: usize,
}

impl Room {
    pub fn new(len: usize) -> Self {
        Self { bytes: FILLED[..len + GUARD].to_vec(), len }
    }

    pub fn at(&mut self) -> *mut c_void {
        self.bytes.as_mut_ptr().cast()
    }

    /// What was written. `whole`: the call may use all of the span.
    pub fn taken(mut self, written: usize, whole: bool) -> Vec<u8> {
        assert!(written <= self.len, "{written} bytes written into {}", self.len);
        let rest = &self.bytes[if whole { self.len } else { written }..];
        assert!(rest == &FILLED[..rest.len()], "bytes after the {written} written ones");
        self.bytes.truncate(written);
        self.bytes
    }
}

type Transform = unsafe extern "C" fn(
    *mut tls_session_t,
    *const c_void,
    usize,
    *mut c_void,
    usize,
    *mut usize,
    *mut usize,
) -> Status;
type Emit = unsafe extern "C" fn(*mut tls_session_t, *mut c_void, usize, *mut usize) -> Status;

const UNSET: usize = 0x5A5A;

impl Session {
    pub fn new(context: &Context) -> Self {
        // SAFETY: a handle, and a place for the handle.
        Self::make(|out| unsafe { session::tls_session_create(context.0, out) }).unwrap()
    }

    pub fn handshake(&self, input: &[u8], room: usize) -> Done {
        self.transform(session::tls_session_handshake, input, room, false)
    }

    pub fn encrypt(&self, input: &[u8], room: usize) -> Done {
        self.transform(session::tls_session_encrypt, input, room, false)
    }

    pub fn decrypt(&self, input: &[u8], room: usize) -> Done {
        self.transform(session::tls_session_decrypt, input, room, true)
    }

    fn transform(&self, call: Transform, input: &[u8], room: usize, whole: bool) -> Done {
        // A copy of its own: a tool that watches memory then sees each byte that is read after it.
        let shown = input.to_vec().into_boxed_slice();
        let (mut consumed, mut written, mut output) = (UNSET, UNSET, Room::new(room));
        // SAFETY: spans of their lengths, and places for the counts.
        let status =
            unsafe { call(self.0, shown.as_ptr().cast(), shown.len(), output.at(), room, &mut consumed, &mut written) };
        assert!(&shown[..] == input, "the input was changed");
        assert!(consumed <= input.len(), "{consumed} bytes consumed of {}", input.len());
        Done { status: sound(status), consumed, output: output.taken(written, whole) }
    }

    /// The spans are the input, cut at these lengths.
    pub fn encrypt_vectored(&self, input: &[u8], cuts: &[u8], room: usize) -> Done {
        let (mut rest, mut spans) = (input, Vec::new());
        for cut in cuts {
            let (front, after) = rest.split_at(rest.len().min(usize::from(*cut)));
            spans.push(spantls_span_t { data: front.as_ptr().cast(), len: front.len() });
            rest = after;
        }
        spans.push(spantls_span_t { data: rest.as_ptr().cast(), len: rest.len() });
        let (mut consumed, mut written, mut output) = (UNSET, UNSET, Room::new(room));
        let (at, num) = (spans.as_ptr(), spans.len());
        // SAFETY: spans of their lengths, and places for the counts.
        let status = unsafe {
            session::tls_session_encrypt_vectored(self.0, at, num, output.at(), room, &mut consumed, &mut written)
        };
        assert!(consumed <= input.len(), "{consumed} bytes consumed of {}", input.len());
        Done { status: sound(status), consumed, output: output.taken(written, false) }
    }

    pub fn decrypt_in_place(&self, input: &[u8]) -> Done {
        let mut data = Room { bytes: [input, &FILLED[..GUARD]].concat(), len: input.len() };
        let (mut consumed, mut offset, mut len) = (UNSET, UNSET, UNSET);
        // SAFETY: a span of its length, and places for the counts.
        let status = unsafe {
            let at = data.at();
            session::tls_session_decrypt_in_place(self.0, at, input.len(), &mut consumed, &mut offset, &mut len)
        };
        assert!(
            consumed <= input.len() && offset <= consumed && len <= consumed - offset,
            "counts outside of the span"
        );
        let output = data.taken(input.len(), true)[offset..offset + len].to_vec();
        Done { status: sound(status), consumed, output }
    }

    pub fn drain(&self, room: usize) -> Done {
        self.emit(session::tls_session_drain_pending_output, room)
    }

    pub fn shutdown(&self, room: usize) -> Done {
        self.emit(session::tls_session_shutdown, room)
    }

    pub fn request_client_certificate(&self, room: usize) -> Done {
        self.emit(session::tls_session_request_client_certificate, room)
    }

    fn emit(&self, call: Emit, room: usize) -> Done {
        let (mut written, mut output) = (UNSET, Room::new(room));
        // SAFETY: a span of its length, and a place for the count.
        let status = unsafe { call(self.0, output.at(), room, &mut written) };
        Done { status: sound(status), consumed: 0, output: output.taken(written, false) }
    }

    pub fn update_keys(&self, request: i32, room: usize) -> Done {
        let (mut written, mut output) = (UNSET, Room::new(room));
        // SAFETY: a span of its length, and a place for the count.
        let status = unsafe { session::tls_session_update_keys(self.0, request, output.at(), room, &mut written) };
        Done { status: sound(status), consumed: 0, output: output.taken(written, false) }
    }

    pub fn ciphertext_size(&self, len: usize) -> usize {
        // SAFETY: a handle.
        unsafe { session::tls_session_ciphertext_size(self.0, len) }
    }

    pub fn end_of_input(&self) -> Status {
        // SAFETY: a handle.
        sound(unsafe { session::tls_session_end_of_input(self.0) })
    }

    pub fn set_name(&self, name: &CStr) -> Status {
        // SAFETY: a handle and a string.
        sound(unsafe { session::tls_session_set_target_host_name(self.0, name.as_ptr()) })
    }

    pub fn add_alpn(&self, name: &[u8]) -> Status {
        // SAFETY: a handle and a span.
        sound(unsafe { session::tls_session_add_alpn(self.0, name.as_ptr().cast(), name.len()) })
    }

    pub fn state(&self) -> u32 {
        // SAFETY: a handle.
        unsafe { facts::tls_session_state(self.0) }
    }

    pub fn error(&self) -> Record {
        let mut record = Record::new();
        // SAFETY: a handle, and a struct with its size in it.
        assert_eq!(unsafe { session::tls_session_error(self.0, &mut record.0) }, COMPLETE);
        record
    }

    pub fn stats(&self) -> facts::spantls_session_stats_t {
        // SAFETY: numbers alone, which zero is a value of.
        let mut stats: facts::spantls_session_stats_t = unsafe { std::mem::zeroed() };
        stats.struct_size = size_of_val(&stats);
        // SAFETY: a handle, and a struct with its size in it.
        done(unsafe { facts::tls_session_stats(self.0, &mut stats) });
        stats
    }

    pub fn accept_with_default_validation(&self) -> (Status, u32) {
        let mut errors = 77;
        // SAFETY: a handle, and a place for the errors.
        let status = unsafe { verdict::tls_session_accept_with_default_validation(self.0, &mut errors) };
        (sound(status), errors)
    }

    pub fn set_verdict(&self, errors: u32) -> Status {
        // SAFETY: a handle.
        sound(unsafe { verdict::tls_session_set_certificate_validation_result(self.0, errors) })
    }

    pub fn reject_certificate(&self, alert: u8) -> Status {
        // SAFETY: a handle.
        sound(unsafe { verdict::tls_session_reject_certificate(self.0, alert) })
    }

    pub fn reject(&self, alert: u8) -> Status {
        // SAFETY: a handle.
        sound(unsafe { verdict::tls_session_reject(self.0, alert) })
    }

    pub fn set_context(&self, context: &Context) -> Status {
        // SAFETY: two handles.
        sound(unsafe { answers::tls_session_set_server_context(self.0, context.0) })
    }

    pub fn set_credentials(&self, credentials: Option<&Credentials>) -> Status {
        let credentials = credentials.map_or(null(), |credentials| credentials.0.cast_const());
        // SAFETY: two handles, or one and NULL.
        sound(unsafe { answers::tls_session_set_client_credentials(self.0, credentials) })
    }

    pub fn set_signature(&self, signature: &[u8]) -> Status {
        // SAFETY: a handle and a span.
        sound(unsafe { answers::tls_session_set_signature(self.0, signature.as_ptr().cast(), signature.len()) })
    }

    /// The message that waits to be signed.
    pub fn to_sign(&self) -> Result<Vec<u8>, Status> {
        self.copied(|at, cap, len| {
            // SAFETY: a handle, a span, and a place for the length.
            unsafe { answers::tls_session_signature_request(self.0, null_mut(), at, cap, len) }
        })
    }

    /// What a copy-out getter gives: asked for its length, then with too little space, then with enough.
    pub fn copied(&self, get: impl Fn(*mut c_void, usize, *mut usize) -> Status) -> Result<Vec<u8>, Status> {
        let mut len = UNSET;
        match sound(get(null_mut(), 0, &mut len)) {
            COMPLETE => {
                assert_eq!(len, 0, "copied all of nothing");
                return Ok(Vec::new());
            }
            TOO_SMALL => {}
            status => {
                assert_eq!(len, 0, "a length with status {status}");
                return Err(status);
            }
        }
        let (mut short, mut short_len) = (Room::new(len - 1), UNSET);
        assert_eq!(get(short.at(), len - 1, &mut short_len), TOO_SMALL);
        assert_eq!((short.taken(0, false).len(), short_len), (0, len));
        let (mut room, mut full_len) = (Room::new(len), UNSET);
        done(get(room.at(), len, &mut full_len));
        assert_eq!(full_len, len);
        Ok(room.taken(len, false))
    }
}

//! Doors through which hostile input comes in: for each a function of bytes that must return, whatever the bytes. The fuzz
//! targets in `fuzz/fuzz_targets` call them with what a fuzzer makes up, `tests/hostile_input.rs` with the corpus of `fuzz/corpus`.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]
#![allow(
    unsafe_code,
    clippy::multiple_unsafe_ops_per_block,
    reason = "some doors are the C functions, many of them alike"
)]

use std::path::PathBuf;

pub mod calls;
pub mod certificate;
pub mod client_hello;
pub mod handshake;
pub mod host;
pub mod input;
pub mod pem;
pub mod records;
pub mod seeds;
pub mod setup;
pub mod tickets;

/// The repository: this crate or the one that contains it.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|path| path.join("ffi-tests").is_dir()).unwrap().into()
}

/// Plays every file of a door's corpus. Returns their number.
pub fn play_corpus(name: &str, door: fn(&[u8])) -> usize {
    let folder = root().join("fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        let bytes = std::fs::read(file).unwrap();
        // The file's name is what a failure has to say.
        let played = std::panic::catch_unwind(|| door(&bytes));
        assert!(played.is_ok(), "{}", file.display());
    }
    files.len()
}

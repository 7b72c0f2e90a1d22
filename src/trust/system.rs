//! The system's trust anchors, read once, when a client first needs them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use super::anchors::Anchors;
use super::privileges;

static ANCHORS: Mutex<Option<Arc<Anchors>>> = Mutex::new(None);

pub(super) fn anchors() -> Arc<Anchors> {
    let mut read = ANCHORS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let read = read.get_or_insert_with(|| {
        let store = if privileges::exceed_the_callers() { without_environment() } else { load_native_certs() };
        // Files that cannot be read, and certificates that cannot be parsed, are left out.
        Arc::new(Anchors::of_those_readable(store.certs))
    });
    read.clone()
}

/// Gives them up, if no one is just asking for them; the contexts that use them keep them.
pub(crate) fn forget() {
    let read = ANCHORS.try_lock().map(|mut read| read.take());
    drop(read);
}

/// `load_native_certs()` honours `SSL_CERT_FILE` and `SSL_CERT_DIR`, and has no form that does not.
fn without_environment() -> CertificateResult {
    load_certs_from_paths(present(&FILES), present(&FOLDERS))
}

fn present(paths: &'static [&'static str]) -> Option<&'static Path> {
    paths.iter().map(Path::new).find(|path| path.exists())
}

/// Where systems keep all their anchors in one file.
const FILES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",                  // the same, earlier
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine, macOS, BSDs
    "/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD
    "/etc/openssl/certs/ca-certificates.crt",            // NetBSD
];

/// Where they keep one file for each.
const FOLDERS: [&str; 3] = ["/etc/ssl/certs", "/etc/pki/tls/certs", "/system/etc/security/cacerts"];

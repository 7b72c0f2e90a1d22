//! The system's trust anchors.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::pki_types::CertificateDer;
use rustls_native_certs::{CertificateResult, ErrorKind, load_certs_from_paths, load_native_certs};

use super::anchors::{Anchors, anchor};
use super::privileges;
use crate::outcome::{Failure, Result};

/// The system's store, as it was read.
pub(super) struct Store {
    pub(super) anchors: Anchors,
    /// Why there are no anchors: where they were looked for.
    pub(super) emptiness: Option<String>,
}

static STORE: Mutex<Option<Arc<Store>>> = Mutex::new(None);

/// What a client without anchors of its own trusts: read once, when a client first needs it. What is empty is read again.
pub(super) fn store() -> Arc<Store> {
    let mut known = STORE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(known) = &*known {
        return known.clone();
    }
    let (certificates, emptiness) = match read() {
        Ok(certificates) => (certificates, None),
        Err(emptiness) => (Vec::new(), Some(emptiness)),
    };
    let store = Arc::new(Store { anchors: Anchors::of_those_readable(certificates), emptiness });
    if store.emptiness.is_none() {
        *known = Some(store.clone());
    }
    store
}

/// The anchors as they are now.
pub(crate) fn certificates() -> Result<Vec<CertificateDer<'static>>> {
    read().map_err(Failure::configuration)
}

/// Releases the store, if no one is reading it; the contexts that use it keep it.
pub(crate) fn forget() {
    let read = STORE.try_lock().map(|mut read| read.take());
    drop(read);
}

/// All anchors that can be read; files that cannot, and certificates that cannot be parsed, are left out. If there are none:
/// a sentence that names the places.
fn read() -> Result<Vec<CertificateDer<'static>>, String> {
    let (found, places) = match from_environment() {
        Some(set) => (load_native_certs(), set),
        None => of_the_platform(),
    };
    let mut certificates = found.certs;
    certificates.retain(|certificate| anchor(certificate).is_ok());
    if !certificates.is_empty() {
        return Ok(certificates);
    }
    // The texts of errors are the system's.
    let errors: Vec<String> = found
        .errors
        .iter()
        .filter_map(|error| match &error.kind {
            ErrorKind::Io { inner, path } => Some(format!("{}: {inner}", path.display())),
            _ => None,
        })
        .collect();
    let places = if errors.is_empty() { places } else { format!("{places} ({})", errors.join("; ")) };
    Err(format!("the system's trust store has no certificate that can be used: {places}"))
}

/// The places that the environment names, if it does and may.
fn from_environment() -> Option<String> {
    if privileges::exceed_the_callers() {
        return None;
    }
    let set = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
        // rustls-native-certs reads the system's places if there is only an empty list of folders.
        .filter(|(name, value)| *name == "SSL_CERT_FILE" || !value.is_empty())
        .map(|(name, value)| format!("{name} is {}", Path::new(&value).display()))
        .collect::<Vec<_>>();
    (!set.is_empty()).then(|| set.join(", "))
}

/// A store without files, or one that has its own rules for them.
#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn of_the_platform() -> (CertificateResult, String) {
    // `from_environment()` is for those who may; here the variables are not set, or may not be read.
    let found = match privileges::exceed_the_callers() {
        true => load_certs_from_paths(present(&FILES).first().map(PathBuf::as_path), None),
        false => load_native_certs(),
    };
    (found, "it is empty".into())
}

/// One file with all anchors, and folders with a file for each.
#[cfg(all(unix, not(target_vendor = "apple")))]
fn of_the_platform() -> (CertificateResult, String) {
    let (files, folders) = (present(&FILES), present(&FOLDERS));
    let mut found = load_certs_from_paths(files.first().map(PathBuf::as_path), folders.first().map(PathBuf::as_path));
    for folder in folders.iter().skip(1) {
        let mut more = load_certs_from_paths(None, Some(folder));
        found.certs.append(&mut more.certs);
        found.errors.append(&mut more.errors);
    }
    found.certs.sort_unstable_by(|one, other| one.as_ref().cmp(other.as_ref()));
    found.certs.dedup();
    let looked_at: Vec<String> = files.iter().take(1).chain(&folders).map(|path| path.display().to_string()).collect();
    let places = match looked_at.is_empty() {
        true => format!("none of these exists: {}, {}", FOLDERS.join(", "), FILES.join(", ")),
        false => format!("looked at {}", looked_at.join(", ")),
    };
    (found, places)
}

fn present(paths: &'static [&'static str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).filter(|path| path.exists()).collect()
}

/// Where systems keep all their anchors in one file; the first that exists is read.
const FILES: [&str; 10] = [
    "/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/pki/tls/certs/ca-bundle.crt",                  // the same, earlier
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine, macOS, BSDs
    "/etc/pki/tls/cacert.pem",                           // OpenELEC
    "/usr/local/etc/ssl/cert.pem",                       // FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",            // the same, earlier
    "/etc/openssl/certs/ca-certificates.crt",            // NetBSD
    "/etc/certs/ca-certificates.crt",                    // Solaris, illumos
];

/// Where they keep one file for each.
#[cfg(all(unix, not(target_vendor = "apple")))]
const FOLDERS: [&str; 5] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/openssl/certs",
    "/etc/certs/CA",
    "/system/etc/security/cacerts", // Android
];

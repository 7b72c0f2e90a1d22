//! The system's trust anchors, read once, when a client first needs them.

use std::sync::LazyLock;

use rustls::pki_types::TrustAnchor;

static ANCHORS: LazyLock<Vec<TrustAnchor<'static>>> = LazyLock::new(|| {
    // Files that cannot be read, and certificates that cannot be parsed, trust nobody: they are left out.
    let found = rustls_native_certs::load_native_certs().certs;
    found.iter().filter_map(|certificate| super::anchor(certificate).ok()).collect()
});

pub(super) fn anchors() -> &'static [TrustAnchor<'static>] {
    &ANCHORS
}

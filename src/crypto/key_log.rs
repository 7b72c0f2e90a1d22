//! rustls's key log: what it says is noted in the taps. If the options name a file, the secrets are written there too, for who
//! debugs a connection, in the NSS key log format.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::secrets::Secret;
use super::taps::current;
use crate::outcome::{Failure, Result};
use crate::path::HostPath;

/// A file that secrets are appended to.
#[derive(Debug)]
pub(crate) struct KeyLogFile(File);

impl KeyLogFile {
    /// Opens the file, or creates it readable by its owner only.
    pub(crate) fn open(path: &str) -> Result<Arc<Self>> {
        let path = HostPath::new(path)?;
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path.as_str())
            .map_err(|error| Failure::file(&format!("the key log {path} cannot be written"), &error))?;
        Ok(Arc::new(Self(file)))
    }

    /// One line in one write, so that the lines of threads and processes do not mix. A line that cannot be written is
    /// left out: a full disk is no reason to end a connection.
    pub(crate) fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = Zeroizing::new(Vec::with_capacity(label.len() + 2 * (client_random.len() + secret.len()) + 3));
        line.extend_from_slice(label.as_bytes());
        for field in [client_random, secret] {
            line.push(b' ');
            for byte in field {
                line.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        line.push(b'\n');
        drop((&self.0).write_all(&line));
    }
}

const CLIENT_HANDSHAKE: &str = "CLIENT_HANDSHAKE_TRAFFIC_SECRET";

/// rustls's key log: the secrets that the record layer and the exporters need, kept in memory and, unless the options
/// name a file, nowhere else.
#[derive(Debug)]
pub(crate) struct SecretTap(pub(crate) Option<Arc<KeyLogFile>>);

impl rustls::KeyLog for SecretTap {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        // rustls's servers derive it whenever a client resumes; no early data is ever accepted, and clients have no such
        // line.
        if let Some(file) = &self.0
            && label != "CLIENT_EARLY_TRAFFIC_SECRET"
        {
            file.log(label, client_random, secret);
        }
        let Some(taps) = current() else { return };
        let mut seen = taps.seen();
        match label {
            "CLIENT_TRAFFIC_SECRET_0" => seen.client_traffic = Secret::new(secret),
            "SERVER_TRAFFIC_SECRET_0" => seen.server_traffic = Secret::new(secret),
            CLIENT_HANDSHAKE if seen.wants_client_handshake => seen.client_handshake = Secret::new(secret),
            "EXPORTER_SECRET" => seen.exporter = Secret::new(secret),
            _ => {}
        }
    }

    fn will_log(&self, label: &str) -> bool {
        self.0.is_some()
            || matches!(
                label,
                CLIENT_HANDSHAKE | "CLIENT_TRAFFIC_SECRET_0" | "SERVER_TRAFFIC_SECRET_0" | "EXPORTER_SECRET"
            )
    }
}

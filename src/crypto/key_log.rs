//! The secrets of sessions in a file, for who debugs a connection: the NSS key log format. Only where the options name a
//! file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::outcome::Failure;
use crate::path::HostPath;

/// A file that secrets are appended to.
#[derive(Debug)]
pub(crate) struct KeyLogFile(File);

impl KeyLogFile {
    /// Opens the file, or creates it readable by its owner only.
    pub(crate) fn open(path: &str) -> Result<Arc<Self>, Failure> {
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

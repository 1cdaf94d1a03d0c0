//! The file by which a command finds the instance that holds the store: where its API listens.
//!
//! It holds no secret. It is only believed while somebody holds the store's lock; what a killed instance leaves behind
//! is overwritten by the next one.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::devices::authority::{AuthorityError, write};

/// Its name, in the store's directory.
pub const FILE: &str = "instance.json";

/// What the file says.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    http: SocketAddr,
    pid: u32,
}

/// The file of a running instance; taken away when this is dropped.
pub struct Instance(PathBuf);

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

impl Instance {
    /// Says that the instance that holds the store in `dir` answers at `http`.
    pub fn announce(dir: &Path, http: SocketAddr) -> Result<Self, AuthorityError> {
        let note = Note { http, pid: std::process::id() };
        // Two numbers and an address always serialise.
        let text = serde_json::to_vec(&note).unwrap_or_default();
        write(&path(dir), &text, 0o644)?;
        Ok(Self(path(dir)))
    }

    /// Where the instance that holds the store in `dir` answers, if it says so.
    pub fn find(dir: &Path) -> Option<SocketAddr> {
        let text = std::fs::read(path(dir)).ok()?;
        Some(serde_json::from_slice::<Note>(&text).ok()?.http)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_file(&self.0) {
            tracing::debug!("{} could not be removed: {e}", self.0.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_while_it_runs_and_nonsense_is_nobody() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Instance::find(dir.path()), None);
        let address: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let running = Instance::announce(dir.path(), address).unwrap();
        assert_eq!(Instance::find(dir.path()), Some(address));
        drop(running);
        assert_eq!(Instance::find(dir.path()), None);
        std::fs::write(path(dir.path()), "{").unwrap();
        assert_eq!(Instance::find(dir.path()), None);
    }
}

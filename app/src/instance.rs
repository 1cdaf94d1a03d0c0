//! The files by which a command finds the instance that holds the store: where its API listens, and what lets the command
//! line in there.
//!
//! The first holds no secret. It is only believed while somebody holds the store's lock; what a killed instance leaves
//! behind is overwritten by the next one. The second holds one that is drawn anew at every start and that only the owner of
//! the directory can read: who can read it could write the store itself. It is taken from this computer only.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::devices::authority::{AuthorityError, write};

/// Its name, in the store's directory.
pub const FILE: &str = "instance.json";
/// That of the secret.
const SECRET: &str = "instance.secret";

/// What the file says.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    http: SocketAddr,
    pid: u32,
}

/// The files of a running instance; taken away when this is dropped.
pub struct Instance(PathBuf);

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

impl Instance {
    /// Says that the instance that holds the store in `dir` answers at `http`, and lets in who bears `secret`.
    pub fn announce(dir: &Path, mut http: SocketAddr, secret: &str) -> Result<Self, AuthorityError> {
        // Who listens on every address is asked on one that only this computer has.
        if http.ip().is_unspecified() {
            http.set_ip(if http.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        write(&dir.join(SECRET), secret.as_bytes(), 0o600)?;
        let note = Note { http, pid: std::process::id() };
        // Two numbers and an address always serialise.
        let text = serde_json::to_vec(&note).unwrap_or_default();
        write(&path(dir), &text, 0o644)?;
        Ok(Self(dir.to_owned()))
    }

    /// What lets the command line in at the instance that holds the store in `dir`, where it may be read.
    pub fn secret(dir: &Path) -> Option<String> {
        std::fs::read_to_string(dir.join(SECRET)).ok().filter(|s| !s.is_empty())
    }

    /// Where the instance that holds the store in `dir` answers, if it says so.
    pub fn find(dir: &Path) -> Option<SocketAddr> {
        let text = std::fs::read(path(dir)).ok()?;
        Some(serde_json::from_slice::<Note>(&text).ok()?.http)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        for path in [path(&self.0), self.0.join(SECRET)] {
            if let Err(e) = std::fs::remove_file(&path) {
                tracing::debug!("{} could not be removed: {e}", path.display());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_found_while_it_runs_and_nonsense_is_nobody() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Instance::find(dir.path()), None);
        let address: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let running = Instance::announce(dir.path(), address, "sesame").unwrap();
        assert_eq!(Instance::find(dir.path()), Some(address));
        assert_eq!(Instance::secret(dir.path()).as_deref(), Some("sesame"));
        let mode = std::fs::metadata(dir.path().join(SECRET)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else reads it");
        drop(running);
        assert_eq!((Instance::find(dir.path()), Instance::secret(dir.path())), (None, None));
        let everywhere = Instance::announce(dir.path(), "0.0.0.0:80".parse().unwrap(), "s").unwrap();
        assert_eq!(Instance::find(dir.path()), Some("127.0.0.1:80".parse().unwrap()));
        drop(everywhere);
        std::fs::write(path(dir.path()), "{").unwrap();
        assert_eq!(Instance::find(dir.path()), None);
    }
}

//! Settings of a listener with TLS: that of MQTT, and that of the page.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::{ConfigError, address};

/// Where TLS listens, and as whom.
#[derive(Clone, Debug)]
pub struct Tls {
    /// What is spoken there, for the log: `MQTT over TLS`.
    pub what: &'static str,
    /// Address.
    pub listen: SocketAddr,
    /// PEM chain and PEM key; the built-in authority issues one where none are named.
    pub own: Option<(PathBuf, PathBuf)>,
    /// Host names and addresses under which this listener is reached, for the certificate that is issued here.
    pub names: Vec<String>,
    /// Whose certificates clients may come with; `None`: none are asked for.
    pub clients: Option<Clients>,
}

/// Certificates of clients, beside those that the built-in authority issues.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    /// The plant's own authority, PEM.
    pub ca: Option<PathBuf>,
    /// Its revocation list, PEM.
    pub crl: Option<PathBuf>,
    /// Whether a client must come with a certificate, of this authority or of the built-in one.
    pub required: bool,
}

/// The same as it is written, in the section of this name.
pub(super) struct Written<'a> {
    pub what: &'static str,
    pub section: &'static str,
    pub listen: &'a str,
    pub certificate: &'a Path,
    pub key: &'a Path,
    pub names: &'a [String],
}

impl Written<'_> {
    /// The listener's settings, where there is to be one.
    pub(super) fn check(&self) -> Result<Option<Tls>, ConfigError> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let own = if named(self.certificate) || named(self.key) {
            let certificate = file(self.key("tls_certificate"), self.certificate, "a key or a certificate is given")?;
            Some((certificate, file(self.key("tls_key"), self.key, "a certificate is given")?))
        } else {
            None
        };
        let plain =
            |n: &&String| !n.is_empty() && n.len() <= 253 && n.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
        if let Some(bad) = self.names.iter().find(|n| !plain(n)) {
            return Err(ConfigError::Named {
                key: self.key("tls_names"),
                found: bad.clone(),
                expected: format!(
                    "expected host names and addresses, such as [\"{}.plant.example\", \"10.0.0.5\"]",
                    self.section
                ),
            });
        }
        let listen = address(&self.key("tls_listen"), self.listen)?;
        Ok(Some(Tls { what: self.what, listen, own, names: self.names.to_vec(), clients: None }))
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.section)
    }
}

/// Whether a path is given.
pub(super) fn named(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

/// A file that has to be there, and why.
pub(super) fn file(key: String, path: &Path, why: &str) -> Result<PathBuf, ConfigError> {
    if path.is_file() {
        return Ok(path.to_owned());
    }
    let expected = format!("{why}, so this must name a PEM file");
    Err(ConfigError::Named { key, found: path.display().to_string(), expected })
}

//! Settings of the TLS listener.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::mqtt::Raw;
use super::{ConfigError, address};

/// Where TLS listens, and as whom.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Address.
    pub listen: SocketAddr,
    /// PEM chain and PEM key; the built-in authority issues one where none are named.
    pub own: Option<(PathBuf, PathBuf)>,
    /// Host names and addresses under which devices reach this listener, for the certificate that is issued here.
    pub names: Vec<String>,
    /// The plant's own authority for devices' certificates, beside the built-in one: PEM.
    pub client_ca: Option<PathBuf>,
    /// Its revocation list, PEM.
    pub client_crl: Option<PathBuf>,
    /// Whether a client must come with a certificate, of this authority or of the built-in one.
    pub client_required: bool,
}

/// The TLS listener's settings, where there is to be one.
pub(super) fn checked(raw: &Raw) -> Result<Option<Tls>, ConfigError> {
    if raw.tls_listen.is_empty() {
        return Ok(None);
    }
    let file = |key, p: &Path, why: &str| {
        if p.is_file() {
            return Ok(p.to_owned());
        }
        let expected = format!("{why}, so this must name a PEM file");
        Err(ConfigError::Value { key, found: p.display().to_string(), expected })
    };
    let (certificate, key) = (&raw.tls_certificate, &raw.tls_key);
    let named = |p: &Path| !p.as_os_str().is_empty();
    let own = if named(certificate) || named(key) {
        let certificate = file("mqtt.tls_certificate", certificate, "a key or a certificate is given")?;
        Some((certificate, file("mqtt.tls_key", key, "a certificate is given")?))
    } else {
        None
    };
    let client_ca = named(&raw.tls_client_ca)
        .then(|| file("mqtt.tls_client_ca", &raw.tls_client_ca, "an authority is given"))
        .transpose()?;
    let client_crl = named(&raw.tls_client_crl)
        .then(|| file("mqtt.tls_client_crl", &raw.tls_client_crl, "a revocation list is given"))
        .transpose()?;
    if client_crl.is_some() && client_ca.is_none() {
        return Err(ConfigError::Value {
            key: "mqtt.tls_client_ca",
            found: String::new(),
            expected: "mqtt.tls_client_crl is set, so this must name the authority that it is of".into(),
        });
    }
    let plain = |n: &&String| !n.is_empty() && n.len() <= 253 && n.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    if let Some(bad) = raw.tls_names.iter().find(|n| !plain(n)) {
        return Err(ConfigError::Value {
            key: "mqtt.tls_names",
            found: bad.clone(),
            expected: "expected host names and addresses, such as [\"mqtt.plant.example\", \"10.0.0.5\"]".into(),
        });
    }
    let listen = address("mqtt.tls_listen", &raw.tls_listen)?;
    Ok(Some(Tls {
        listen,
        own,
        names: raw.tls_names.clone(),
        client_ca,
        client_crl,
        client_required: raw.tls_client_required,
    }))
}

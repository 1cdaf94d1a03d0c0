//! `[mqtt]`: where the door listens, and for whom.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::limits::{self, Limits};
use super::tls::{self, Clients, Tls};
use super::{ConfigError, loopback, optional};

/// The MQTT door's settings.
#[derive(Clone, Debug)]
pub struct Mqtt {
    /// Plain TCP; nothing where machines come through other doors only, or are heard at other brokers.
    pub listen: Option<SocketAddr>,
    /// TLS, where it is to listen.
    pub tls: Option<Tls>,
    /// WebSocket, where it is wanted; for pages that speak MQTT themselves.
    pub websocket: Option<SocketAddr>,
    /// WebSocket over TLS, with the certificate of `tls`.
    pub websocket_tls: Option<SocketAddr>,
    /// Origins whose pages may connect over WebSocket, beside those of the same host.
    pub websocket_origins: Vec<String>,
    /// Whether anybody on this machine may publish and subscribe.
    pub anonymous: bool,
    /// Largest packet, bytes.
    pub max_packet: usize,
    /// Connections at once.
    pub max_connections: usize,
    /// What else clients may take up.
    pub limits: Limits,
}

/// As they are written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    listen: String,
    tls_listen: String,
    tls_certificate: PathBuf,
    tls_key: PathBuf,
    tls_names: Vec<String>,
    tls_client_ca: PathBuf,
    tls_client_crl: PathBuf,
    tls_client_required: bool,
    ws_listen: String,
    wss_listen: String,
    ws_origins: Vec<String>,
    anonymous: bool,
    max_packet: usize,
    max_connections: usize,
    limits: limits::Raw,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:1883".into(),
            tls_listen: String::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            tls_names: Vec::new(),
            tls_client_ca: PathBuf::new(),
            tls_client_crl: PathBuf::new(),
            tls_client_required: false,
            ws_listen: String::new(),
            wss_listen: String::new(),
            ws_origins: Vec::new(),
            anonymous: false,
            max_packet: 4 << 20,
            max_connections: 20_000,
            limits: limits::Raw::default(),
        }
    }
}

impl Raw {
    fn tls(&self) -> Result<Option<Tls>, ConfigError> {
        let written = tls::Written {
            what: "MQTT over TLS",
            section: "mqtt",
            listen: &self.tls_listen,
            certificate: &self.tls_certificate,
            key: &self.tls_key,
            names: &self.tls_names,
        };
        let Some(tls) = written.check()? else { return Ok(None) };
        let given = |key: &str, path: &PathBuf, why: &str| {
            tls::named(path).then(|| tls::file(format!("mqtt.{key}"), path, why)).transpose()
        };
        let ca = given("tls_client_ca", &self.tls_client_ca, "an authority is given")?;
        let crl = given("tls_client_crl", &self.tls_client_crl, "a revocation list is given")?;
        if crl.is_some() && ca.is_none() {
            return Err(ConfigError::Value {
                key: "mqtt.tls_client_ca",
                found: String::new(),
                expected: "mqtt.tls_client_crl is set, so this must name the authority that it is of".into(),
            });
        }
        Ok(Some(Tls { clients: Some(Clients { ca, crl, required: self.tls_client_required }), ..tls }))
    }

    /// Whether the door can be opened with them.
    pub(super) fn check(self) -> Result<Mqtt, ConfigError> {
        let listen = optional("mqtt.listen", &self.listen)?;
        let tls = self.tls()?;
        let websocket = optional("mqtt.ws_listen", &self.ws_listen)?;
        let websocket_tls = optional("mqtt.wss_listen", &self.wss_listen)?;
        if websocket_tls.is_some() && tls.is_none() {
            return Err(ConfigError::Value {
                key: "mqtt.wss_listen",
                found: self.wss_listen,
                expected: "WebSocket over TLS uses the certificate of mqtt.tls_listen, which must be set too".into(),
            });
        }
        if let Some(odd) = self.ws_origins.iter().find(|origin| !is_origin(origin)) {
            let expected = "expected what browsers send, such as https://scada.plant:8443 (lower case, no path, neither :80 of \
                            http nor :443 of https), or * for any";
            return Err(ConfigError::Value { key: "mqtt.ws_origins", found: odd.clone(), expected: expected.into() });
        }
        if self.anonymous {
            let why = "mqtt.anonymous lets anybody publish, so it is allowed on loopback only";
            if let Some(t) = &tls {
                loopback("mqtt.tls_listen", t.listen, why)?;
            }
            for (key, listen) in
                [("mqtt.listen", listen), ("mqtt.ws_listen", websocket), ("mqtt.wss_listen", websocket_tls)]
            {
                listen.map_or(Ok(()), |listen| loopback(key, listen, why))?;
            }
        }
        if !(1024..=256 << 20).contains(&self.max_packet) {
            return Err(ConfigError::Value {
                key: "mqtt.max_packet",
                found: self.max_packet.to_string(),
                expected: "expected 1024 to 268435456 bytes".into(),
            });
        }
        Ok(Mqtt {
            listen,
            tls,
            websocket,
            websocket_tls,
            websocket_origins: self.ws_origins,
            anonymous: self.anonymous,
            max_packet: self.max_packet,
            max_connections: self.max_connections,
            limits: self.limits.check()?,
        })
    }
}

/// Whether a browser can send this as its `Origin`; what it cannot would never match.
fn is_origin(text: &str) -> bool {
    let (host, own_port) = match text.split_once("://") {
        _ if text == "*" => return true,
        Some(("http", host)) => (host, ":80"),
        Some(("https", host)) => (host, ":443"),
        _ => return false,
    };
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._:[]".contains(c);
    !host.is_empty() && !host.starts_with(':') && host.chars().all(plain) && !host.ends_with(own_port)
}

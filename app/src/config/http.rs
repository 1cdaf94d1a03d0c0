//! `[http]`: where the page and the API listen.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::oidc::{self, Oidc};
use super::tls::{self, Tls};
use super::{ConfigError, address};

const DAY: u64 = 86_400;

/// The settings of page and API.
#[derive(Clone, Debug)]
pub struct Http {
    /// Plain HTTP. Commands on this computer come here.
    pub listen: SocketAddr,
    /// HTTPS, where it is to listen.
    pub tls: Option<Tls>,
    /// For how long browsers are to use this host over TLS only.
    pub hsts: Option<Duration>,
    /// Where people may log in as well.
    pub oidc: Option<Oidc>,
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
    hsts_days: u64,
    oidc: oidc::Raw,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            tls_listen: String::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            tls_names: Vec::new(),
            hsts_days: 0,
            oidc: oidc::Raw::default(),
        }
    }
}

impl Raw {
    /// Whether the page can be served with them.
    pub(super) fn check(self) -> Result<Http, ConfigError> {
        let listen = address("http.listen", &self.listen)?;
        let written = tls::Written {
            what: "HTTPS",
            section: "http",
            listen: &self.tls_listen,
            certificate: &self.tls_certificate,
            key: &self.tls_key,
            names: &self.tls_names,
        };
        let tls = written.check()?;
        let hsts = hsts(self.hsts_days, listen, tls.as_ref())?;
        Ok(Http { listen, tls, hsts, oidc: oidc::check(self.oidc)? })
    }
}

/// A browser that has heard it asks this *host* for nothing without TLS, at whatever port, and lets nobody past a
/// certificate that it does not trust: so it is said only where both can be lived with.
fn hsts(days: u64, listen: SocketAddr, tls: Option<&Tls>) -> Result<Option<Duration>, ConfigError> {
    let wrong = |expected: &str| {
        Err(ConfigError::Value { key: "http.hsts_days", found: days.to_string(), expected: expected.into() })
    };
    let Some(tls) = tls else {
        return if days == 0 { Ok(None) } else { wrong("browsers take this over TLS only: set http.tls_listen") };
    };
    match days {
        0 => Ok(None),
        731.. => wrong("expected 0 to 730 days"),
        _ if tls.own.is_none() => wrong(
            "browsers that have heard it let nobody past a certificate that they do not trust, as that of the built-in \
             authority: set http.tls_certificate and http.tls_key",
        ),
        _ if !listen.ip().to_canonical().is_loopback() => wrong(
            "browsers that have heard it do not find plain HTTP any more: let http.listen be on this computer only, such \
             as 127.0.0.1:8080",
        ),
        days => Ok(Some(Duration::from_secs(days * DAY))),
    }
}

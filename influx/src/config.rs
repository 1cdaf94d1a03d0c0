//! What can be set, and where the server is.

use std::fmt;
use std::time::Duration;

use tokio_rustls::TlsConnector;

/// Settings of the shipper. [`Config::new`] gives the values that hold when nothing is said.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to write.
    pub target: Target,
    /// Whether bodies are compressed.
    pub gzip: bool,
    /// How many bytes of lines one request carries at most (one line always fits).
    pub batch_bytes: usize,
    /// How many lines one request carries at most.
    pub batch_lines: usize,
    /// How long a line waits for others.
    pub batch_age: Duration,
    /// How long a request may take.
    pub timeout: Duration,
    /// The pause after a first failure.
    pub first_pause: Duration,
    /// The longest pause after failures.
    pub longest_pause: Duration,
    /// The pause after a refusal that a person has to lift; `Retry-After` is followed up to here.
    pub slow_pause: Duration,
    /// How many bytes of the log may wait for the server. What is beyond is owed: the log goes, the archive has it.
    pub hold_log_bytes: u64,
    /// Above this the lag is an alarm.
    pub lag_alarm: Duration,
    /// How often it is stored how far the shipper has come.
    pub store_every: Duration,
}

impl Config {
    /// The settings that hold when nothing is said.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            gzip: true,
            batch_bytes: 1 << 20,
            batch_lines: 10_000,
            batch_age: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            slow_pause: Duration::from_secs(60),
            hold_log_bytes: 32 << 20,
            lag_alarm: Duration::from_secs(900),
            store_every: Duration::from_secs(5),
        }
    }
}

/// Where the server is, and as whom we come.
#[derive(Clone)]
pub struct Target {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What stands before `/api/v2`, without a slash at the end; empty where nothing does.
    pub path: String,
    /// For `https`.
    pub tls: Option<TlsConnector>,
    /// The organisation's name or id.
    pub org: String,
    /// The bucket's name.
    pub bucket: String,
    /// The API token.
    pub token: String,
}

impl fmt::Debug for Target {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (org {}, bucket {})", self.url(), self.org, self.bucket)
    }
}

/// Not an address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected http://HOST:PORT or https://HOST:PORT, as in http://127.0.0.1:8086")]
pub struct TargetError;

impl Target {
    /// Takes `url` apart: whether TLS, host, port, path.
    pub fn parse(url: &str) -> Result<(bool, String, u16, String), TargetError> {
        let url: fetch::Url = url.parse().map_err(|_| TargetError)?;
        if url.path.contains('?') {
            return Err(TargetError);
        }
        Ok((url.tls, url.host, url.port, url.path.trim_end_matches('/').to_owned()))
    }

    /// The address, for people.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let check = |url: &str, expect: Option<(bool, &str, u16, &str)>| {
            let expect = expect.map(|(tls, host, port, path)| (tls, host.to_owned(), port, path.to_owned()));
            assert_eq!(Target::parse(url).ok(), expect, "{url}");
        };
        check("http://127.0.0.1:8086", Some((false, "127.0.0.1", 8086, "")));
        check("https://influx.plant", Some((true, "influx.plant", 443, "")));
        check("https://proxy/influx/", Some((true, "proxy", 443, "/influx")));
        check("http://[fd00::1]:8086/", Some((false, "fd00::1", 8086, "")));
        for bad in ["", "influx:8086", "ftp://a", "http://", "http://a:0", "http://a:x", "http://u@a", "http://[::1"] {
            check(bad, None);
        }
    }

    #[test]
    fn the_token_is_not_shown() {
        let target = Target {
            host: "h".into(),
            port: 1,
            path: String::new(),
            tls: None,
            org: "o".into(),
            bucket: "b".into(),
            token: "secret".into(),
        };
        assert_eq!(format!("{:?}", Config::new(target)).matches("secret").count(), 0);
    }
}

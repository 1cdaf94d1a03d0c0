//! How the web door is set, and what is refused.

use std::net::SocketAddr;
use std::time::Duration;

/// Settings of the web door. [`Config::new`] gives the values that hold when nothing is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the page and the API listen.
    pub address: SocketAddr,
    /// Connections at once. Who comes later waits in the system's queue (`WhenFull::Wait`).
    pub max_connections: usize,
    /// Live streams at once; each holds a connection. Who comes later is answered 503 (`WhenFull::Refuse`).
    pub max_streams: usize,
    /// Reads of the store at once; the others wait.
    pub max_reads: usize,
    /// How long a request's head, its body, or the silence between two requests may take.
    pub read_timeout: Duration,
    /// How long the handshake of TLS may take, from the first byte on.
    pub handshake_timeout: Duration,
    /// For how long browsers are to use this host over TLS only; `None`: nothing is said.
    pub hsts: Option<Duration>,
    /// How long a client may take nothing of an answer before it is dropped.
    pub write_timeout: Duration,
    /// How long whoever knows what is older than the store reaches may take; then the store's part is the answer.
    pub past_timeout: Duration,
    /// How long an acknowledgement may take to come back as the alarm's new state.
    pub action_timeout: Duration,
    /// How long answers under way may take after the end was called for.
    pub drain_timeout: Duration,
}

/// A setting that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The page would be open to the network without anybody logging in.
    #[error(
        "the page would listen on {0}: as long as there is no administrator it listens on this computer only; make one \
         with `danxia user add --role administrator NAME`, or use 127.0.0.1:{port} and the set-up link", port = .0.port()
    )]
    NotLoopback(SocketAddr),
    /// A bound that lets nothing through.
    #[error("{0} is 0; expected at least {1}")]
    Zero(&'static str, usize),
    /// Streams could take every connection.
    #[error("max_streams is {streams}, max_connections {connections}: leave at least one connection for requests")]
    Streams {
        /// As set.
        streams: usize,
        /// As set.
        connections: usize,
    },
}

impl Config {
    /// The settings that hold when nothing is said, at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            max_connections: 1_024,
            max_streams: 512,
            max_reads: 4,
            read_timeout: Duration::from_secs(20),
            handshake_timeout: Duration::from_secs(10),
            hsts: None,
            write_timeout: Duration::from_secs(15),
            past_timeout: Duration::from_secs(4),
            action_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(3),
        }
    }

    /// Says what about these settings cannot be.
    pub fn validate(&self) -> Result<(), ConfigError> {
        for (name, value) in [
            ("max_connections", self.max_connections),
            ("max_streams", self.max_streams),
            ("max_reads", self.max_reads),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero(name, 1));
            }
        }
        if self.max_streams >= self.max_connections {
            return Err(ConfigError::Streams { streams: self.max_streams, connections: self.max_connections });
        }
        Ok(())
    }
}

pub(crate) fn loopback(address: SocketAddr) -> Result<(), ConfigError> {
    if address.ip().to_canonical().is_loopback() { Ok(()) } else { Err(ConfigError::NotLoopback(address)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_known_as_such() {
        for (address, ok) in [
            ("127.0.0.1:8080", true),
            ("127.1.2.3:80", true),
            ("[::1]:8080", true),
            ("[::ffff:127.0.0.1]:8080", true),
            ("0.0.0.0:8080", false),
            ("[::]:8080", false),
            ("10.0.0.1:8080", false),
        ] {
            assert_eq!(loopback(address.parse().unwrap()).is_ok(), ok, "{address}");
        }
        let refused = loopback("0.0.0.0:8080".parse().unwrap()).unwrap_err().to_string();
        assert!(refused.contains("danxia user add --role administrator"), "{refused}");
    }

    #[test]
    fn bounds_leave_room() {
        let base = Config::new("127.0.0.1:80".parse().unwrap());
        for (config, word) in [
            (Config { max_connections: 0, ..base.clone() }, "max_connections"),
            (Config { max_streams: 0, ..base.clone() }, "max_streams"),
            (Config { max_reads: 0, ..base.clone() }, "max_reads"),
            (Config { max_streams: 1_024, ..base }, "leave at least one connection"),
        ] {
            let found = config.validate().unwrap_err().to_string();
            assert!(found.contains(word), "{found}");
        }
    }
}

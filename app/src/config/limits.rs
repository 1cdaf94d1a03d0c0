//! `[mqtt.limits]`: what one client, one address and all of them together may take up at the door.

use std::time::Duration;

use broker::{Rate, WhenDenied};
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Limits that make sense.
#[derive(Clone, Debug)]
pub struct Limits(Raw);

/// As they are written; each has the door's own default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    connections_per_address: usize,
    connects_per_second: u64,
    connects_burst: u64,
    connects_per_second_per_address: u64,
    connects_burst_per_address: u64,
    failed_logins_per_second: u64,
    failed_logins_burst: u64,
    handshakes: usize,
    messages_per_second: u64,
    messages_burst: u64,
    bytes_per_second: u64,
    bytes_burst: u64,
    subscriptions_per_client: usize,
    subscriptions: usize,
    retained_messages: usize,
    retained_bytes: usize,
    sessions: usize,
    session_expiry_s: u64,
    queue_messages: usize,
    queue_bytes: usize,
    handshake_timeout_s: u64,
    write_timeout_s: u64,
    max_keep_alive_s: u16,
    denied_v311: Denied,
    denied_v5_qos0: Denied,
    canary_interval_s: u64,
    canary_patience_s: u64,
    canary_failures: u32,
}

/// What happens to a client that publishes without rights, where it cannot be told. One that is ignored in MQTT 3.1.1
/// gets its PUBACK although nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Denied {
    Disconnect,
    Ignore,
}

impl From<WhenDenied> for Denied {
    fn from(when: WhenDenied) -> Self {
        match when {
            WhenDenied::Disconnect => Self::Disconnect,
            WhenDenied::Ignore => Self::Ignore,
        }
    }
}

impl From<Denied> for WhenDenied {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Disconnect => Self::Disconnect,
            Denied::Ignore => Self::Ignore,
        }
    }
}

impl Default for Raw {
    fn default() -> Self {
        let door = broker::Config::default();
        Self {
            connections_per_address: door.max_connections_per_address,
            connects_per_second: door.connect_rate.per_second,
            connects_burst: door.connect_rate.burst,
            connects_per_second_per_address: door.connect_rate_per_address.per_second,
            connects_burst_per_address: door.connect_rate_per_address.burst,
            failed_logins_per_second: door.failed_logins.per_second,
            failed_logins_burst: door.failed_logins.burst,
            handshakes: door.max_handshakes,
            messages_per_second: door.publish_rate.per_second,
            messages_burst: door.publish_rate.burst,
            bytes_per_second: door.publish_bytes.per_second,
            bytes_burst: door.publish_bytes.burst,
            subscriptions_per_client: door.max_subscriptions,
            subscriptions: door.max_filters,
            retained_messages: door.retained_messages,
            retained_bytes: door.retained_bytes,
            sessions: door.max_sessions,
            session_expiry_s: door.max_session_expiry.as_secs(),
            queue_messages: door.queue_messages,
            queue_bytes: door.queue_bytes,
            handshake_timeout_s: door.handshake_timeout.as_secs(),
            write_timeout_s: door.write_timeout.as_secs(),
            max_keep_alive_s: door.max_keep_alive,
            denied_v311: door.denied_v311.into(),
            denied_v5_qos0: door.denied_v5_qos0.into(),
            canary_interval_s: door.canary_interval.as_secs(),
            canary_patience_s: door.canary_patience.as_secs(),
            canary_failures: door.canary_failures,
        }
    }
}

impl Raw {
    /// Whether a door can be run with them.
    pub(super) fn check(self) -> Result<Limits, ConfigError> {
        let below = |key, found: u64, least: u64, expected: &str| {
            if found >= least {
                return Ok(());
            }
            Err(ConfigError::Value { key, found: found.to_string(), expected: expected.to_owned() })
        };
        for (key, found, least) in [
            ("mqtt.limits.connections_per_address", self.connections_per_address as u64, 1),
            ("mqtt.limits.handshakes", self.handshakes as u64, 1),
            ("mqtt.limits.sessions", self.sessions as u64, 1),
            ("mqtt.limits.queue_messages", self.queue_messages as u64, 1),
            ("mqtt.limits.queue_bytes", self.queue_bytes as u64, 1024),
            ("mqtt.limits.handshake_timeout_s", self.handshake_timeout_s, 1),
            ("mqtt.limits.write_timeout_s", self.write_timeout_s, 1),
            ("mqtt.limits.canary_interval_s", self.canary_interval_s, 1),
            ("mqtt.limits.canary_patience_s", self.canary_patience_s, 1),
            ("mqtt.limits.canary_failures", u64::from(self.canary_failures), 1),
        ] {
            below(key, found, least, &format!("expected at least {least}"))?;
        }
        for (key, per_second, burst) in [
            ("mqtt.limits.connects_burst", self.connects_per_second, self.connects_burst),
            (
                "mqtt.limits.connects_burst_per_address",
                self.connects_per_second_per_address,
                self.connects_burst_per_address,
            ),
            ("mqtt.limits.failed_logins_burst", self.failed_logins_per_second, self.failed_logins_burst),
            ("mqtt.limits.messages_burst", self.messages_per_second, self.messages_burst),
            ("mqtt.limits.bytes_burst", self.bytes_per_second, self.bytes_burst),
        ] {
            let least = u64::from(per_second > 0);
            below(key, burst, least, "expected at least 1, or the limit per second to be 0, which is none")?;
        }
        Ok(Limits(self))
    }
}

impl Limits {
    /// The door's settings with these limits.
    #[must_use]
    pub fn apply(&self, door: broker::Config) -> broker::Config {
        let Self(limits) = self;
        let rate = |per_second, burst| Rate { per_second, burst };
        broker::Config {
            max_connections_per_address: limits.connections_per_address,
            connect_rate: rate(limits.connects_per_second, limits.connects_burst),
            connect_rate_per_address: rate(limits.connects_per_second_per_address, limits.connects_burst_per_address),
            failed_logins: rate(limits.failed_logins_per_second, limits.failed_logins_burst),
            max_handshakes: limits.handshakes,
            publish_rate: rate(limits.messages_per_second, limits.messages_burst),
            publish_bytes: rate(limits.bytes_per_second, limits.bytes_burst),
            max_subscriptions: limits.subscriptions_per_client,
            max_filters: limits.subscriptions,
            retained_messages: limits.retained_messages,
            retained_bytes: limits.retained_bytes,
            max_sessions: limits.sessions,
            max_session_expiry: Duration::from_secs(limits.session_expiry_s),
            queue_messages: limits.queue_messages,
            queue_bytes: limits.queue_bytes,
            handshake_timeout: Duration::from_secs(limits.handshake_timeout_s),
            write_timeout: Duration::from_secs(limits.write_timeout_s),
            max_keep_alive: limits.max_keep_alive_s,
            denied_v311: limits.denied_v311.into(),
            denied_v5_qos0: limits.denied_v5_qos0.into(),
            canary_interval: Duration::from_secs(limits.canary_interval_s),
            canary_patience: Duration::from_secs(limits.canary_patience_s),
            canary_failures: limits.canary_failures,
            ..door
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_as_the_door_has_it() {
        let door = broker::Config::default();
        let applied = Raw::default().check().unwrap().apply(broker::Config::default());
        assert_eq!(format!("{applied:?}"), format!("{door:?}"));
        assert_eq!(applied.validate(&[]), Ok(()));
    }
}

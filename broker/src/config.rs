//! The settings of the door, each with its default and unit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::rate::Rate;
use crate::rights::{Rights, RightsError};

/// The settings of a [`Broker`](crate::Broker). [`Config::validate`] is called by whoever makes one of it.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether a client without a user name is let in. Only on a loopback address.
    pub anonymous: bool,
    /// What such a client may do.
    pub anonymous_rights: Arc<Rights>,
    /// The largest MQTT packet taken from a client, in bytes, its header included.
    pub max_packet: usize,
    /// The most clients connected at once.
    pub max_connections: usize,
    /// The most connections from one address (IPv6: one /64). A hall behind one router is one address.
    pub max_connections_per_address: usize,
    /// New connections in all. Those beyond are closed at once, before they cost a handshake.
    pub connect_rate: Rate,
    /// New connections from one address.
    pub connect_rate_per_address: Rate,
    /// Wrong passwords from one address. Beyond, nobody from there gets a password looked at: verifying one costs
    /// memory and tens of milliseconds by design, and must not be a lever.
    pub failed_logins: Rate,
    /// Messages of one client. Beyond, reading from it pauses: it is slowed down, and nothing is lost.
    ///
    /// The default is two orders above the largest vibration gateway we know of: 64 channels at 51.2 kHz and four
    /// bytes a sample are 13 MB/s in some hundred messages.
    pub publish_rate: Rate,
    /// Bytes of one client, likewise.
    pub publish_bytes: Rate,
    /// What happens to an MQTT 3.1.1 client that publishes to a topic it has no right to. MQTT 3.1.1 has no way to say
    /// so: a client that is ignored gets its PUBACK although nothing was taken.
    pub denied_v311: WhenDenied,
    /// The same for a message of QoS 0 of an MQTT 5 client. From QoS 1 on, it is told with the acknowledgement (0x87).
    pub denied_v5_qos0: WhenDenied,
    /// How often a message is sent through the router to see whether it comes out.
    pub canary_interval: Duration,
    /// How long it may take.
    pub canary_patience: Duration,
    /// After how many failures in a row serving ends with an error.
    pub canary_failures: u32,
    /// The most sockets that are open and have not yet been let in (TLS handshake, CONNECT, verification).
    pub max_handshakes: usize,
    /// How long a socket may take for its TLS handshake, and again for its CONNECT.
    pub handshake_timeout: Duration,
    /// How long a client may leave what we wrote unread before it is closed.
    pub write_timeout: Duration,
    /// The longest topic, in bytes.
    pub topic_bytes: usize,
    /// The most levels of a topic.
    pub topic_levels: usize,
    /// The most messages of one connection that wait for their receipt; then reading from its socket stops.
    pub in_flight_messages: usize,
    /// The same in bytes of payload. One message more than this is always taken.
    pub in_flight_bytes: usize,
    /// The longest keep alive of an MQTT 5 client, in seconds: one that asks for more is told to come more often. 0 lets
    /// every client choose.
    pub max_keep_alive: u16,
    /// The origins (`https://scada.plant:8443`) whose pages may connect over WebSocket, beside those that come from the
    /// same host and port; `*` is any. What sends no origin is no browser.
    pub websocket_origins: Vec<String>,
    /// The most subscriptions of one client.
    pub max_subscriptions: usize,
    /// The most subscriptions of all clients together.
    pub max_filters: usize,
    /// The most messages that wait for one subscriber. Beyond: oldest dropped and counted.
    pub queue_messages: usize,
    /// The same in bytes.
    pub queue_bytes: usize,
    /// How long publishers wait for a connected subscriber that has stopped reading, before its oldest messages are
    /// dropped.
    pub subscriber_patience: Duration,
    /// The most QoS 1 and 2 messages on their way to one subscriber without its acknowledgement.
    pub send_window: u16,
    /// The most retained messages.
    pub retained_messages: usize,
    /// The most bytes of retained messages.
    pub retained_bytes: usize,
    /// The most sessions kept, of connected clients and for absent ones.
    pub max_sessions: usize,
    /// The longest a session is kept for an absent client.
    pub max_session_expiry: Duration,
    /// How long an orderly stop waits for receipts and sockets.
    pub stop_patience: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            anonymous: false,
            anonymous_rights: Arc::new(Rights::everything()),
            max_packet: 4 << 20,
            max_connections: 20_000,
            max_connections_per_address: 5_000,
            connect_rate: Rate { per_second: 2_000, burst: 10_000 },
            connect_rate_per_address: Rate { per_second: 1_000, burst: 5_000 },
            failed_logins: Rate { per_second: 2, burst: 10 },
            publish_rate: Rate { per_second: 100_000, burst: 200_000 },
            publish_bytes: Rate::per_second(256 << 20),
            denied_v311: WhenDenied::Disconnect,
            denied_v5_qos0: WhenDenied::Ignore,
            canary_interval: Duration::from_secs(10),
            canary_patience: Duration::from_secs(5),
            canary_failures: 3,
            max_handshakes: 1_024,
            handshake_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(10),
            topic_bytes: 512,
            topic_levels: 16,
            in_flight_messages: 16_384,
            in_flight_bytes: 16 << 20,
            max_keep_alive: 0,
            websocket_origins: Vec::new(),
            max_subscriptions: 1_000,
            max_filters: 100_000,
            queue_messages: 100_000,
            queue_bytes: 64 << 20,
            subscriber_patience: Duration::from_secs(2),
            send_window: 1_024,
            retained_messages: 10_000,
            retained_bytes: 32 << 20,
            max_sessions: 30_000,
            max_session_expiry: Duration::from_secs(7 * 24 * 3600),
            stop_patience: Duration::from_secs(10),
        }
    }
}

/// What happens to a client that publishes to a topic it has no right to, where it cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenDenied {
    /// It is disconnected.
    Disconnect,
    /// The message is thrown away and counted. The client does not learn of it.
    Ignore,
}

/// What is wrong with a [`Config`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// Anonymous clients beyond this machine.
    #[error(
        "anonymous clients are let in and the listener is {0}, which other machines can reach; listen on 127.0.0.1 or \
         [::1], or turn anonymous off and create MQTT users"
    )]
    AnonymousExposed(SocketAddr),
    /// Rights that would let nobody in.
    #[error("the rights of anonymous clients: {0}")]
    AnonymousRights(RightsError),
    /// A limit no client could live with.
    #[error("{name} is {found}; expected at least {least}")]
    TooSmall {
        /// The setting.
        name: &'static str,
        /// What it was set to.
        found: usize,
        /// The least that works.
        least: usize,
    },
    /// MQTT cannot express more.
    #[error("max_packet is {0} bytes; MQTT ends at 268435455")]
    PacketTooLarge(usize),
}

impl Config {
    /// The most QoS 1 and 2 messages that an MQTT 5 client may have on their way to us.
    #[must_use]
    pub fn receive_maximum(&self) -> u16 {
        u16::try_from(self.in_flight_messages).unwrap_or(u16::MAX)
    }

    /// Whether these settings can be served on `listeners`.
    pub fn validate(&self, listeners: &[SocketAddr]) -> Result<(), ConfigError> {
        if let Some(exposed) = listeners.iter().find(|address| self.anonymous && !address.ip().is_loopback()) {
            return Err(ConfigError::AnonymousExposed(*exposed));
        }
        self.anonymous_rights.check().map_err(ConfigError::AnonymousRights)?;
        if self.max_packet > 268_435_455 {
            return Err(ConfigError::PacketTooLarge(self.max_packet));
        }
        // Where there is no limit, its burst says nothing.
        let burst = |rate: Rate| if rate.per_second == 0 { 1 } else { rate.burst as usize };
        for (name, found, least) in [
            ("max_packet", self.max_packet, 1024),
            ("max_connections", self.max_connections, 1),
            ("max_handshakes", self.max_handshakes, 1),
            ("max_connections_per_address", self.max_connections_per_address, 1),
            ("connect_rate.burst", burst(self.connect_rate), 1),
            ("connect_rate_per_address.burst", burst(self.connect_rate_per_address), 1),
            ("failed_logins.burst", burst(self.failed_logins), 1),
            ("publish_rate.burst", burst(self.publish_rate), 1),
            ("publish_bytes.burst", burst(self.publish_bytes), 1),
            ("canary_failures", self.canary_failures as usize, 1),
            ("canary_interval (in ms)", self.canary_interval.as_millis() as usize, 1),
            ("canary_patience (in ms)", self.canary_patience.as_millis() as usize, 1),
            ("topic_bytes", self.topic_bytes, 1),
            ("topic_levels", self.topic_levels, 1),
            ("in_flight_messages", self.in_flight_messages, 1),
            ("queue_messages", self.queue_messages, 1),
            ("queue_bytes", self.queue_bytes, 1024),
            ("send_window", usize::from(self.send_window), 1),
            ("max_sessions", self.max_sessions, 1),
        ] {
            if found < least {
                return Err(ConfigError::TooSmall { name, found, least });
            }
        }
        Ok(())
    }
}

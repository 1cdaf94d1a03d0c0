//! Where, as whom and for what a session at another broker is held.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use outbox::Message;
use thiserror::Error;
use tokio_rustls::TlsConnector;

use crate::intake::Protocol;
use crate::topic::{self, Limits};

/// One filter that is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The filter, without `$share`.
    pub filter: String,
    /// The quality of service asked for, 0 to 2.
    pub qos: u8,
}

/// What a session says of its own presence: the broker publishes the first when the session dies, we publish the second
/// as soon as it stands (and the first again when it ends in order).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The will.
    pub will: Message,
    /// Published once the subscriptions stand.
    pub birth: Message,
}

/// Makes the presence of one connection; asked again for each, because its times may have to be new.
pub type Announce = Arc<dyn Fn() -> Presence + Send + Sync>;

/// The settings of a [`Remote`](super::Remote).
#[derive(Clone)]
pub struct Options {
    /// What this side calls the broker.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// TLS, where it is spoken; the broker's certificate must be for `host`.
    pub tls: Option<TlsConnector>,
    /// The version to speak.
    pub protocol: Protocol,
    /// The name under which the broker keeps the session; a second client of this name ends the first.
    pub client_id: String,
    /// User name and password.
    pub login: Option<(String, String)>,
    /// What to subscribe to; nothing where the session only publishes.
    pub subscriptions: Vec<Subscription>,
    /// The group with which the messages are shared, so that each goes to one member.
    pub share: Option<String>,
    /// How long the broker is to keep the session while we are away (MQTT 5; a 3.1.1 broker decides itself).
    pub session_expiry: Duration,
    /// How often we show that we are alive, whole seconds.
    pub keep_alive: Duration,
    /// The largest packet taken, bytes.
    pub max_packet: usize,
    /// The most messages that wait for their receipt; then nothing more is read.
    pub in_flight_messages: usize,
    /// The same in bytes. One read more than this is always taken.
    pub in_flight_bytes: usize,
    /// The most messages that wait to be published.
    pub outbox_messages: usize,
    /// The same in bytes.
    pub outbox_bytes: usize,
    /// Will and birth.
    pub announce: Option<Announce>,
    /// How long an orderly stop waits for receipts and acknowledgements.
    pub stop_patience: Duration,
    /// Makes the pauses between attempts differ from one collector to the next.
    pub seed: u64,
}

impl Options {
    /// MQTT 5 over TCP without a user; a session of a day, 60 s, 4 MiB, 16,384 messages and 16 MiB in flight, an outbox
    /// of 10,000 messages and 16 MiB.
    #[must_use]
    pub fn new(name: &str, host: &str, port: u16, client_id: &str) -> Options {
        Options {
            name: name.to_owned(),
            host: host.to_owned(),
            port,
            tls: None,
            protocol: Protocol::V5,
            client_id: client_id.to_owned(),
            login: None,
            subscriptions: Vec::new(),
            share: None,
            session_expiry: Duration::from_secs(24 * 3600),
            keep_alive: Duration::from_secs(60),
            max_packet: 4 << 20,
            in_flight_messages: 16_384,
            in_flight_bytes: 16 << 20,
            outbox_messages: 10_000,
            outbox_bytes: 16 << 20,
            announce: None,
            stop_patience: Duration::from_secs(5),
            seed: 0,
        }
    }

    /// `host:port`.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The filters as the broker is asked for them.
    pub(super) fn filters(&self) -> Vec<String> {
        let shared = |s: &Subscription| match &self.share {
            Some(group) => format!("$share/{group}/{}", s.filter),
            None => s.filter.clone(),
        };
        self.subscriptions.iter().map(shared).collect()
    }

    /// Whether a session can be held with these.
    pub fn validate(&self) -> Result<(), OptionsError> {
        let limits = Limits { bytes: 1024, levels: 64 };
        let wrong = |setting, found: String, expected| Err(OptionsError { setting, found, expected });
        if self.host.is_empty() || self.port == 0 {
            return wrong("url", self.address(), "HOST:PORT, as in broker.plant:1883");
        }
        if self.client_id.is_empty() || self.client_id.len() > 1024 || self.client_id.chars().any(char::is_control) {
            let expected = "1 to 1024 bytes without control characters: under no name a broker keeps no session";
            return wrong("client_id", self.client_id.clone(), expected);
        }
        for s in &self.subscriptions {
            if s.filter.starts_with("$share") {
                return wrong("filters", s.filter.clone(), "a plain filter; name the group with `share`");
            }
            if topic::check_filter(&s.filter, limits).is_err() {
                return wrong("filters", s.filter.clone(), "an MQTT filter, as in plant/+/data or plant/#");
            }
            if s.qos > 2 {
                return wrong("qos", s.qos.to_string(), "0, 1 or 2");
            }
        }
        if let Some(group) = &self.share
            && (group.is_empty() || group.contains(['/', '+', '#', '\0']))
        {
            return wrong("share", group.clone(), "a group's name without '/', '+' and '#'");
        }
        let login = self.login.iter().flat_map(|(user, password)| [user, password]);
        if login.into_iter().any(|text| text.len() > usize::from(u16::MAX)) {
            return wrong("user", "more than 65535 bytes".into(), "at most 65535 bytes of user name and password");
        }
        let seconds = self.keep_alive.as_secs();
        if !(5..=u64::from(u16::MAX)).contains(&seconds) {
            return wrong("keep_alive_s", seconds.to_string(), "5 to 65535 seconds");
        }
        if !(1024..=268_435_455).contains(&self.max_packet) {
            return wrong("max_packet", self.max_packet.to_string(), "1024 to 268435455 bytes");
        }
        for (setting, found) in [
            ("in_flight_messages", self.in_flight_messages),
            ("in_flight_bytes", self.in_flight_bytes),
            ("outbox_messages", self.outbox_messages),
            ("outbox_bytes", self.outbox_bytes),
        ] {
            if found == 0 {
                return wrong(setting, "0".into(), "at least 1");
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Options");
        f.field("name", &self.name).field("address", &self.address()).field("protocol", &self.protocol);
        f.field("client_id", &self.client_id).field("user", &self.login.as_ref().map(|(user, _)| user));
        f.field("subscriptions", &self.subscriptions).finish_non_exhaustive()
    }
}

/// A setting with which no session can be held.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{setting} is {found:?}; expected {expected}")]
pub struct OptionsError {
    /// Which.
    pub setting: &'static str,
    /// As given.
    pub found: String,
    /// What it should be.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_setting_is_named() {
        let check = |change: &dyn Fn(&mut Options), expect: &str| {
            let mut options = Options::new("n", "localhost", 1883, "c");
            change(&mut options);
            let said = options.validate().err().map_or_else(String::new, |e| e.to_string());
            assert!(said.starts_with(expect) && expect.is_empty() == said.is_empty(), "{said:?} for {expect:?}");
        };
        let subscribe = |filter: &str, qos| vec![Subscription { filter: filter.to_owned(), qos }];
        check(&|_| {}, "");
        check(&|o| o.subscriptions = subscribe("a/+/#", 2), "");
        check(&|o| o.host.clear(), "url is");
        check(&|o| o.client_id.clear(), "client_id is \"\"; expected 1 to 1024");
        check(&|o| o.subscriptions = subscribe("a#", 1), "filters is \"a#\"");
        check(&|o| o.subscriptions = subscribe("$share/g/a", 1), "filters is \"$share/g/a\"; expected a plain filter");
        check(&|o| o.subscriptions = subscribe("a", 3), "qos is \"3\"");
        check(&|o| o.share = Some("a/b".into()), "share is \"a/b\"");
        check(&|o| o.keep_alive = Duration::from_secs(1), "keep_alive_s is \"1\"");
        check(&|o| o.max_packet = 10, "max_packet is");
        check(&|o| o.outbox_bytes = 0, "outbox_bytes is");
    }

    #[test]
    fn the_password_is_not_shown() {
        let login = Some(("me".to_owned(), "secret".to_owned()));
        let shown = format!("{:?}", Options { login, ..Options::new("n", "h", 1, "c") });
        assert!(shown.contains("me") && !shown.contains("secret"), "{shown}");
    }
}

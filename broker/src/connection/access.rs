//! Holding a connection to its rights and its rate.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::Connection;
use crate::broker::Broker;
use crate::codec::control::Wanted;
use crate::config::WhenDenied;
use crate::rate::Bucket;
use crate::refusal::Refusal;
use crate::topic;

/// How much of its rate a connection has left.
pub(crate) struct Pace {
    messages: Bucket,
    bytes: Bucket,
    /// Messages since it was last settled.
    pub seen: usize,
    /// Until when nothing is read.
    pub until: Option<Instant>,
}

impl Pace {
    pub fn new(broker: &Broker, now: Instant) -> Pace {
        let config = broker.config();
        let (messages, bytes) = (Bucket::new(config.publish_rate, now), Bucket::new(config.publish_bytes, now));
        Pace { messages, bytes, seen: 0, until: None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Subscribes, if every topic that the filter matches may be read. A filter that is none is left to the router to
    /// refuse.
    pub(super) fn grant(&self, wanted: &Wanted) -> Result<u8, Refusal> {
        let broker = &self.at.broker;
        if topic::check_filter(&wanted.path, broker.limits()).is_ok() && !self.at.rights.may_subscribe(&wanted.path) {
            self.denied(&wanted.path, Refusal::SubscribeDenied);
            return Err(Refusal::SubscribeDenied);
        }
        broker.router().subscribe(&self.at.session, wanted)
    }

    pub(super) fn denied(&self, topic: &str, why: Refusal) {
        let info = &self.at.info;
        self.at.broker.denied(&info.client_id, &info.identity, topic, why);
        self.at.record.failed(&format!("{}: {topic}", why.name()));
    }

    /// Whether a message without rights is thrown away, where the client cannot be told.
    pub(super) fn ignores_denied(&self) -> bool {
        let config = self.at.broker.config();
        let when = if self.is_v5() { config.denied_v5_qos0 } else { config.denied_v311 };
        when == WhenDenied::Ignore
    }

    /// Pays for what one read brought; when there is too little, nothing is read until there is enough.
    pub(super) fn pay(&mut self, bytes: usize, now: Instant) {
        let messages = std::mem::take(&mut self.pace.seen);
        let until = self.pace.messages.spend(messages, now).max(self.pace.bytes.spend(bytes, now));
        if let Some(until) = until {
            self.pace.until = Some(until);
            self.at.broker.access.throttled();
            self.at.record.throttled();
            self.arm(until);
        }
    }

    pub(super) fn check_pace(&mut self, now: Instant) -> Option<Instant> {
        self.pace.until = self.pace.until.filter(|until| *until > now);
        self.pace.until
    }
}

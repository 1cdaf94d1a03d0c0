//! A message on its way to subscribers.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::time::{Duration, Instant};

use super::group::Group;

/// Payloads up to this size are copied out of the read buffer: a message that waits for a subscriber must not keep
/// a whole read alive.
const COPY_BELOW: usize = 8 * 1024;

/// What every subscriber of a message shares.
#[derive(Debug)]
pub(crate) struct Message {
    pub topic: Arc<str>,
    pub payload: Bytes,
    pub qos: u8,
    /// As its publisher set it; whether the door keeps the message is another question ([`super::retained`]).
    pub retain: bool,
    /// MQTT 5 properties that travel on, encoded.
    pub properties: Bytes,
    pub expires: Option<Instant>,
    /// The session it came from; 0 is the platform itself.
    pub from: u64,
}

impl Message {
    /// What it counts for in the limits of queues, in bytes.
    pub fn size(&self) -> usize {
        size(&self.topic, &self.payload, &self.properties)
    }

    /// The seconds it has left to live, or `None` when its time is up. The outer answer for one that lives for ever is
    /// `Some(None)`.
    pub fn left(&self, now: Instant) -> Option<Option<u32>> {
        match self.expires {
            None => Some(None),
            Some(at) if at <= now => None,
            Some(at) => Some(Some((at - now).as_secs_f64().ceil() as u32)),
        }
    }
}

/// [`Message::size`] of a message made of these.
pub(crate) fn size(topic: &str, payload: &[u8], properties: &[u8]) -> usize {
    topic.len() + payload.len() + properties.len() + 64
}

/// When a message with this expiry interval expires.
pub(crate) fn expires(interval: Option<u32>) -> Option<Instant> {
    interval.map(|seconds| Instant::now() + Duration::from_secs(u64::from(seconds)))
}

/// `bytes` for keeping.
pub(crate) fn keep(bytes: &Bytes) -> Bytes {
    if bytes.len() < COPY_BELOW { Bytes::copy_from_slice(bytes) } else { bytes.clone() }
}

/// One message in the queue of one subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub message: Arc<Message>,
    pub qos: u8,
    pub retain: bool,
    pub via: Option<Arc<Via>>,
}

/// The subscription that a message comes through, where it has an identifier or is shared.
#[derive(Debug)]
pub(crate) struct Via {
    /// Subscription identifiers, encoded as properties.
    pub ids: Box<[u8]>,
    /// The group among whose members it is shared.
    pub group: Option<Weak<Group>>,
}

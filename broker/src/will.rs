//! Last wills: ours to keep and to publish. They go the way of every other message, through the intake first.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::time::{Duration, sleep};

use crate::broker::Broker;
use crate::codec::control;
use crate::intake::{ClientInfo, Publish};
use crate::refusal::Refusal;
use crate::router::message::{Message, expires};
use crate::router::session::Session;
use crate::topic::{self, Limits};
use rumqttd::protocol::{LastWill, LastWillProperties};

/// A will that was checked when its client connected.
#[derive(Debug, Clone)]
pub(crate) struct Will {
    publish: Publish,
    /// How long after the connection broke.
    pub delay: Duration,
}

impl Will {
    pub fn new(will: LastWill, properties: Option<LastWillProperties>, limits: Limits) -> Result<Will, Refusal> {
        let topic = Arc::from(topic::parse(&will.topic, limits)?);
        let publish = Publish {
            topic,
            payload: Bytes::copy_from_slice(&will.message),
            qos: will.qos as u8,
            retain: will.retain,
            dup: false,
            properties: properties.as_ref().map(control::will_properties).unwrap_or_default(),
            expiry: properties.as_ref().and_then(|p| p.message_expiry_interval),
        };
        let delay = properties.as_ref().and_then(|p| p.delay_interval).unwrap_or(0);
        Ok(Will { publish, delay: Duration::from_secs(u64::from(delay)) })
    }

    /// The topic it will have.
    pub fn topic(&self) -> &str {
        &self.publish.topic
    }

    /// Publishes it, after its delay or with the end of its session, whichever comes first; not at all when the client
    /// is back by then.
    pub async fn execute(self, broker: Arc<Broker>, from: Arc<ClientInfo>, session: Arc<Session>, expiry: Duration) {
        let delay = self.delay.min(expiry);
        if !delay.is_zero() {
            sleep(delay).await;
            if session.revoked.load(Ordering::Acquire) || !broker.router().is_absent(&session) {
                return;
            }
        }
        let message = Arc::new(Message {
            topic: self.publish.topic.clone(),
            payload: self.publish.payload.clone(),
            qos: self.publish.qos,
            retain: self.publish.retain,
            properties: self.publish.properties.clone(),
            expires: expires(self.publish.expiry),
            from: session.id,
        });
        let client = from.client_id.clone();
        let receipt = broker.intake().accept(from, vec![self.publish]).await;
        let durable = match receipt {
            Ok(receipt) => receipt.await,
            Err(closed) => Err(closed),
        };
        match durable {
            Ok(()) => broker.distribute(&message),
            Err(closed) => tracing::warn!(%client, "a will was not published: {closed}"),
        }
    }
}

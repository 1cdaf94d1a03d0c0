//! Last wills: ours to keep and to publish. They go the way of every other message, through the intake first.
//!
//! A will is published when its delay is over or its session ends, whichever comes first, and not at all when its
//! client is back in its session by then (MQTT 5, section 3.1.3.2.2). A client that comes back and wants none of its
//! old session ends it, so its old will is published. A will that still waits when the service stops is published then:
//! the client was gone before, and its session does not outlive the service.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until};

use crate::broker::Broker;
use crate::codec::control::LastWill;
use crate::intake::{ClientInfo, Publish};
use crate::lock;
use crate::refusal::Refusal;
use crate::router::Retention;
use crate::router::message::{Message, expires};
use crate::router::session::Session;
use crate::topic::{self, Limits};

/// A will that was checked when its client connected.
#[derive(Debug, Clone)]
pub(crate) struct Will {
    publish: Publish,
    /// How long after the connection broke.
    pub delay: Duration,
}

impl Will {
    pub fn new(will: LastWill, limits: Limits) -> Result<Will, Refusal> {
        let LastWill { topic, payload, qos, retain, delay, expiry, properties } = will;
        let topic = Arc::from(topic::parse(&topic, limits)?);
        let publish = Publish { topic, payload, qos, retain, forget: false, dup: false, properties, expiry };
        Ok(Will { publish, delay: Duration::from_secs(u64::from(delay)) })
    }

    /// The topic it will have.
    pub fn topic(&self) -> &str {
        &self.publish.topic
    }

    /// Publishes it when `wait` is over, unless the client is back by then.
    pub async fn execute(self, broker: Arc<Broker>, from: Arc<ClientInfo>, wait: Wait) {
        let session = wait.session.clone();
        if !wait.over(self.delay).await {
            return;
        }
        let renewed = lock(&session.renewed).clone();
        if renewed.is_some_and(|rights| !rights.may_publish(self.topic())) {
            broker.count(Refusal::WillDenied);
            return;
        }
        self.publish(&broker, from, session.id).await;
    }

    async fn publish(mut self, broker: &Broker, from: Arc<ClientInfo>, session: u64) {
        let message = Arc::new(Message {
            topic: self.publish.topic.clone(),
            payload: self.publish.payload.clone(),
            qos: self.publish.qos,
            retain: self.publish.retain,
            properties: self.publish.properties.clone(),
            expires: expires(self.publish.expiry),
            from: session,
        });
        let client = from.client_id.clone();
        let Retention { retain, forget, mut claim } = match self.publish.retain {
            true => broker.router().admit_retained(&message.topic, &message.payload, &message.properties),
            false => Retention::default(),
        };
        (self.publish.retain, self.publish.forget) = (retain, forget);
        let claims = u64::from(claim.is_some());
        let durable = match broker.offer(from, vec![self.publish], claims).await {
            Ok((receipt, number)) => {
                claim.iter_mut().for_each(|claim| claim.number(number));
                receipt.await
            }
            Err(closed) => Err(closed),
        };
        match durable {
            Ok(()) => broker.distribute(&message, claim),
            Err(closed) => tracing::warn!(%client, "a will was not published: {closed}"),
        }
    }
}

/// What a will waits for.
pub(crate) struct Wait {
    session: Arc<Session>,
    /// How often the session had been taken when its client left.
    attachments: u64,
    left: Instant,
    /// How long the session is kept.
    expiry: Duration,
    stop: watch::Receiver<bool>,
}

impl Wait {
    /// To be made before the session is given back, so that a client that comes back at once is seen.
    pub fn new(session: Arc<Session>, expiry: Duration, stop: watch::Receiver<bool>) -> Wait {
        let (attachments, _) = session.fate();
        Wait { session, attachments, left: Instant::now(), expiry, stop }
    }

    /// Resolves when a will with this delay is due (true), or its client is back (false).
    async fn over(mut self, delay: Duration) -> bool {
        let delay = delay.min(self.expiry);
        let until = self.left + delay;
        loop {
            let mut changed = std::pin::pin!(self.session.changed.notified());
            changed.as_mut().enable();
            let (attachments, ended) = self.session.fate();
            if self.session.revoked.load(Ordering::Acquire) {
                return false;
            }
            if delay.is_zero() || ended || Instant::now() >= until {
                return true;
            }
            if attachments != self.attachments {
                return false;
            }
            tokio::select! {
                () = changed => {}
                () = sleep_until(until) => {}
                _ = self.stop.wait_for(|stop| *stop) => return true,
            }
        }
    }
}

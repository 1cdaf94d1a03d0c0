//! The passage from the door to the collector: the only place where the two meet.

use std::sync::Arc;
use std::time::Duration;

use broker::{BoxFuture, Broker, ClientInfo, Intake, IntakeClosed, Publish, Receipt, RetainedMessage};
use collector::{Collector, Command, Message, Retain};
use historian::{ReadError, Register, Retained};
use plant::{Clock, Timestamp};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::remotes::Remotes;
use crate::sparkplug;

/// Hands what clients publish to the collector, in their order, and stamps it with the time of receipt.
pub struct Passage {
    /// Understands and commits.
    pub collector: Collector,
    /// Says when it was received.
    pub clock: Arc<dyn Clock>,
}

impl Intake for Passage {
    fn accept(&self, from: Arc<ClientInfo>, batch: Vec<Publish>) -> BoxFuture<'static, Result<Receipt, IntakeClosed>> {
        let (collector, received) = (self.collector.clone(), self.clock.now());
        Box::pin(async move {
            let messages = batch.into_iter().map(|p| message(p, received)).collect();
            let receipt = collector.accept(from.client_id.clone(), messages, received).await.map_err(closed)?;
            Ok(Box::pin(async move { receipt.await.map_err(closed) }) as Receipt)
        })
    }

    fn refused(&self, from: Arc<ClientInfo>, messages: u64, why: &'static str) {
        tracing::debug!(client = %from.client_id, messages, why, "refused at the door");
        self.collector.refused(from.client_id.clone(), messages);
    }
}

/// What the door retains goes with its message, so that the acknowledgement covers it.
fn message(p: Publish, received: Timestamp) -> Message {
    let expires = p.expiry.map(|secs| received + Duration::from_secs(u64::from(secs)));
    let retain =
        (p.retain || p.forget).then_some(Retain { qos: p.qos, properties: p.properties, expires, forget: p.forget });
    Message { retain, ..Message::new(p.topic, p.payload) }
}

/// Gives the door what it retained before it was stopped or killed, as far as that has not expired by `now`. To be called
/// before anybody is served.
pub fn restore(broker: &Broker, register: &Register, now: Timestamp) -> Result<(), ReadError> {
    let alive = register.retained()?.into_iter().filter(|r| r.expires.is_none_or(|t| t > now));
    let message = |r: Retained| RetainedMessage {
        topic: r.topic,
        payload: r.payload.to_vec().into(),
        qos: r.qos,
        properties: r.properties.to_vec().into(),
        expires_in: r.expires.map(|t| t.since(now)),
    };
    broker.restore(alive.map(message).collect());
    Ok(())
}

/// The door only needs to know that nothing may be acknowledged; why goes to the log.
fn closed(e: historian::CommitError) -> IntakeClosed {
    tracing::error!("messages were not committed, and not acknowledged: {e}");
    IntakeClosed
}

/// Publishes what the collector has to say to Sparkplug edge nodes (rebirth requests, the host's STATE), until it is
/// silent. By which broker a node speaks is not known: each is told.
pub async fn commands(mut commands: mpsc::Receiver<Command>, broker: Arc<Broker>, remotes: Remotes) {
    while let Some(command) = commands.recv().await {
        remotes.publish(&command);
        sparkplug::publish(&broker, Some(command));
    }
}

/// Once a second, what was refused at the door enters the ledger, and the collector sees to what is due though no message
/// comes.
pub async fn flush(collector: Collector, clock: Arc<dyn Clock>, shutdown: impl Future<Output = ()>) {
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = tick.tick() => {}
        }
        // Where the store takes nothing for want of room this waits for it, and the end must not.
        tokio::select! {
            () = &mut shutdown => break,
            () = see_to(&collector, clock.now()) => {}
        }
    }
    count(&collector).await;
}

async fn see_to(collector: &Collector, now: Timestamp) {
    count(collector).await;
    if let Err(e) = collector.tick(now).await {
        tracing::warn!(
            "what waits too long is seen to later, or stays in quarantine; the store does not take it now: {e}"
        );
    }
}

async fn count(collector: &Collector) {
    if let Err(e) = collector.flush().await {
        tracing::warn!("refusals are counted later, the store does not take them now: {e}");
    }
}

//! The passage from the door to the collector: the only place where the two meet.

use std::sync::Arc;
use std::time::Duration;

use broker::{BoxFuture, Broker, ClientInfo, Intake, IntakeClosed, Publish, Receipt};
use collector::{Collector, Command, Message};
use plant::Clock;
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
            let messages = batch.into_iter().map(|p| Message::new(p.topic, p.payload)).collect();
            let receipt = collector.accept(from.client_id.clone(), messages, received).await.map_err(closed)?;
            Ok(Box::pin(async move { receipt.await.map_err(closed) }) as Receipt)
        })
    }

    fn refused(&self, from: Arc<ClientInfo>, messages: u64, why: &'static str) {
        tracing::debug!(client = %from.client_id, messages, why, "refused at the door");
        self.collector.refused(from.client_id.clone(), messages);
    }
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

/// Once a second, what was refused at the door enters the ledger, and the collector hears what time it is.
pub async fn flush(collector: Collector, clock: Arc<dyn Clock>, shutdown: impl Future<Output = ()>) {
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            _ = tick.tick() => {}
        }
        count(&collector).await;
        if let Err(e) = collector.tick(clock.now()).await {
            tracing::warn!("Sparkplug messages that waited for a birth stay in quarantine: {e}");
        }
    }
    count(&collector).await;
}

async fn count(collector: &Collector) {
    if let Err(e) = collector.flush().await {
        tracing::warn!("refusals are counted later, the store does not take them now: {e}");
    }
}

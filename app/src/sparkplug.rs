//! The platform as a Sparkplug host application on its own broker: its STATE, published when the door opens and before
//! it closes.
//!
//! There is no will: the host application lives inside the broker. Where the process is killed, both are gone at once.
//! Every edge node loses its connection with that, which is a stronger sign than a STATE, and a broker that starts again
//! has no STATE of the dead host unless it was restored; then the birth, published before the door opens, takes its
//! place. So nobody who can ask is told that a dead host is online.

use broker::Broker;
use collector::Command;

/// Publishes a STATE, or a command. What cannot be published is said and is no reason to stop.
pub fn publish(broker: &Broker, command: Option<Command>) {
    let Some(Command { topic, payload, qos, retain }) = command else { return };
    if let Err(e) = broker.publish(&topic, payload, qos, retain) {
        tracing::warn!(topic, "could not be published: {e}");
    }
}

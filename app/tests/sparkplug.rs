//! The platform as a Sparkplug host application, seen by an edge node.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

mod common;

use common::{Instance, Raw, fresh_port};

const STATE: &str = "spBv1.0/STATE/danxia";

/// The next STATE: whether it was retained, `online`, `timestamp`.
fn state(client: &mut Raw) -> (bool, bool, u64) {
    let (retained, topic, payload) = client.delivered();
    assert_eq!(topic, STATE);
    let json: serde_json::Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(json.as_object().unwrap().len(), 2, "{json}");
    (retained, json["online"].as_bool().unwrap(), json["timestamp"].as_u64().unwrap())
}

#[test]
fn an_edge_node_is_told_that_the_host_is_there_and_that_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (mqtt, http) = (fresh_port(), fresh_port());
    let instance = Instance::start(dir.path(), mqtt, http);
    let mut node = Raw::connect(mqtt, "node");
    node.subscribe(STATE);
    let (retained, online, born) = state(&mut node);
    assert!(retained && online && born > 1_700_000_000_000, "epoch ms: {born}");

    // Somebody says that it is gone, retained: it says that it is not, with the time of its birth.
    let mut other = Raw::connect(mqtt, "other");
    other.publish_retained(STATE.as_bytes(), br#"{"online":false,"timestamp":1}"#);
    assert!(other.acknowledged());
    assert_eq!(state(&mut node), (false, false, 1));
    assert_eq!(state(&mut node), (false, true, born));
    other.subscribe(STATE);
    assert_eq!(state(&mut other), (true, true, born));

    instance.stop();
    let (_, online, died) = state(&mut node);
    assert!(!online && died > born);

    // Killed, there is nobody to say anything: host and broker are gone together. The next one begins with its birth, which
    // holds against what the store has retained for this topic: somebody's word that the host is gone.
    let instance = Instance::start(dir.path(), mqtt, http);
    instance.kill();
    let instance = Instance::start(dir.path(), mqtt, http);
    let mut node = Raw::connect(mqtt, "node");
    node.subscribe(STATE);
    let (retained, online, again) = state(&mut node);
    assert!(retained && online && again > died);
    instance.stop();
}

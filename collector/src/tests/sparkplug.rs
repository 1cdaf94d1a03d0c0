//! Sparkplug: births, aliases, sequence numbers, deaths.

use std::sync::atomic::Ordering;
use std::time::Duration;

use plant::{Quality, Reason, Timestamp, Value};

use super::{T0, World, codes, counts, values};
use crate::interpreter::Recall;
use crate::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload};

pub(super) const NBIRTH: &str = "spBv1.0/s/NBIRTH/e";
pub(super) const NDATA: &str = "spBv1.0/s/NDATA/e";
pub(super) const NDEATH: &str = "spBv1.0/s/NDEATH/e";
pub(super) const DBIRTH: &str = "spBv1.0/s/DBIRTH/e/d";
pub(super) const DDATA: &str = "spBv1.0/s/DDATA/e/d";
pub(super) const DDEATH: &str = "spBv1.0/s/DDEATH/e/d";

pub(super) fn node_birth(bd_seq: u64, metrics: Vec<Metric>) -> Vec<u8> {
    let bd = Metric::new("bdSeq", DataType::Int64, MetricValue::Long(bd_seq));
    let control = Metric::new(sparkplug::REBIRTH, DataType::Boolean, MetricValue::Boolean(false));
    sparkplug_payload(0, [vec![bd, control], metrics].concat())
}

pub(super) fn sparkplug_payload(seq: u64, metrics: Vec<Metric>) -> Vec<u8> {
    let timestamp = Some(T0 as u64 * 1000);
    sparkplug::encode(&Payload { timestamp, metrics, seq: Some(seq), ..Payload::default() })
}

pub(super) fn double(name: &str, alias: u64, v: f64) -> Metric {
    Metric::new(name, DataType::Double, MetricValue::Double(v)).with_alias(alias)
}

pub(super) fn aliased(alias: u64, v: f64) -> Metric {
    Metric::aliased(alias, MetricValue::Double(v))
}

#[test]
fn sparkplug_resolves_aliases_of_the_latest_birth_only() {
    let mut world = World::new(true);
    let batch =
        world.send(NBIRTH, node_birth(1, vec![double("Motor/Speed", 1, 1486.0).with_unit("rpm"), double("b", 2, 5.0)]));
    assert_eq!(
        values(&batch),
        [("s/e/Motor/Speed", Value::Float(1486.0), Quality::Good), ("s/e/b", Value::Float(5.0), Quality::Good)],
        "control metrics are not points"
    );
    assert_eq!(batch.observations[0].t, Timestamp::from_secs(T0));
    let batch = world.send(NDATA, sparkplug_payload(1, vec![aliased(1, 1500.0).at(T0 as u64 * 1000 + 5)]));
    assert_eq!(values(&batch), [("s/e/Motor/Speed", Value::Float(1500.0), Quality::Good)]);
    assert_eq!(batch.observations[0].t.nanos(), T0 * 1_000_000_000 + 5_000_000);

    world.send(NBIRTH, node_birth(2, vec![double("b", 1, 6.0)]));
    let batch = world.send(NDATA, sparkplug_payload(1, vec![aliased(1, 7.0)]));
    assert_eq!(values(&batch), [("s/e/b", Value::Float(7.0), Quality::Good)]);
    assert_eq!(codes(&world.send(NDATA, sparkplug_payload(2, vec![aliased(2, 8.0)]))), ["sparkplug_alias"]);
    assert_eq!(world.commands.len(), 1);
}

#[test]
fn data_before_the_birth_asks_for_it_at_most_every_five_seconds() {
    let mut world = World::new(true);
    for seq in 1..4 {
        assert_eq!(codes(&world.send(NDATA, sparkplug_payload(seq, vec![aliased(1, 1.0)]))), ["sparkplug_no_birth"]);
    }
    assert_eq!(world.commands.len(), 1);
    assert_eq!(world.commands[0].topic, "spBv1.0/s/NCMD/e");
    let command = sparkplug::decode(&world.commands[0].payload).unwrap();
    assert_eq!(command.metrics[0].name.as_deref(), Some("Node Control/Rebirth"));
    assert_eq!(command.metrics[0].value, Some(MetricValue::Boolean(true)));
    assert_eq!((command.timestamp, command.seq), (Some(T0 as u64 * 1000 + 10_000), None));
    assert_eq!((world.commands[0].qos, world.commands[0].retain), (0, false));

    world.now = world.now + Duration::from_millis(4999);
    world.send(DDATA, sparkplug_payload(4, vec![]));
    assert_eq!(world.commands.len(), 1);
    world.now = world.now + Duration::from_millis(1);
    world.send(DDATA, sparkplug_payload(5, vec![]));
    assert_eq!(world.commands.len(), 2);
    world.now = world.now - Duration::from_secs(3600);
    world.send(DDATA, sparkplug_payload(6, vec![]));
    assert_eq!(world.commands.len(), 3, "a clock set back does not silence us");
    world.send("spBv1.0/s/NDATA/other", sparkplug_payload(6, vec![]));
    assert_eq!(world.commands.len(), 4, "every node for itself");
}

#[test]
fn deaths_take_node_and_devices_offline_and_must_be_of_this_session() {
    let mut world = World::new(true);
    world.send(NBIRTH, node_birth(7, vec![double("a", 1, 1.0)]));
    world.send(DBIRTH, sparkplug_payload(1, vec![double("b", 2, 2.0)]));
    let plant = world.maps.plant();
    assert_eq!(plant.machine("s/e.d").unwrap().gateway.as_ref().map(plant::Name::as_str), Some("e"));

    let death = |bd_seq| {
        let bd = Metric::new("bdSeq", DataType::Int64, MetricValue::Long(bd_seq));
        // A will: written when the connection was made.
        sparkplug::encode(&Payload {
            timestamp: Some(T0 as u64 * 1000 - 60_000),
            metrics: vec![bd],
            ..Payload::default()
        })
    };
    let stale = world.send(NDEATH, death(6));
    assert_eq!((counts(&stale), stale.observations.len()), ((1, 1, 0, 0), 0), "the will of an earlier connection");
    assert_eq!(world.interpreter.tally.stale_deaths.load(Ordering::Relaxed), 1);

    let dead = world.send(
        DDEATH,
        sparkplug::encode(&Payload { timestamp: Some(T0 as u64 * 1000 + 2000), seq: Some(2), ..Payload::default() }),
    );
    assert_eq!(values(&dead), [("s/e.d/b", Value::Float(2.0), Quality::Bad(Reason::Offline))]);
    assert_eq!(dead.observations[0].t, Timestamp::from_secs(T0 + 2));
    assert_eq!(codes(&world.send(DDATA, sparkplug_payload(3, vec![aliased(2, 1.0)]))), ["sparkplug_no_birth"]);

    world.restart();
    let dead = world.send(NDEATH, death(7));
    let machines: Vec<&str> = dead.events.iter().map(|e| e.machine.as_str()).collect();
    assert_eq!(machines, ["s/e", "s/e.d"], "the device is known by its gateway, also after a restart");
    assert!(
        dead.observations.iter().all(|o| o.quality == Quality::Bad(Reason::Offline) && o.t >= Timestamp::from_secs(T0))
    );
    assert_eq!(dead.observations.len(), 2);
    assert!(dead.events.iter().all(|e| e.t == world.now), "at the host's own time, not that of the will");
    assert_eq!(codes(&world.send(NDATA, sparkplug_payload(1, vec![aliased(1, 1.0)]))), ["sparkplug_no_birth"]);
    let again = world.send(NDEATH, death(7));
    assert!(again.observations.is_empty() && again.events.is_empty(), "a node dies once");
    let born = world.send(NBIRTH, node_birth(8, vec![double("a", 1, 3.0)]));
    assert_eq!(values(&born)[0], ("s/e/a", Value::Float(3.0), Quality::Good), "a birth brings it back");
}

#[test]
fn sparkplug_qualities_nulls_and_types_are_kept() {
    let mut world = World::new(true);
    let null = Metric { is_null: Some(true), value: None, ..double("null", 1, 0.0) };
    let mut stale = double("stale", 2, 2.0);
    stale.properties = Some(Box::new(sparkplug::PropertySet {
        keys: vec!["Quality".into()],
        values: vec![sparkplug::PropertyValue {
            datatype: Some(3),
            is_null: None,
            value: Some(sparkplug::PropertyField::Int(500)),
        }],
    }));
    let count = Metric::new("count", DataType::UInt64, MetricValue::Long(1 << 60));
    let batch = world.send(NBIRTH, node_birth(1, vec![null, stale, count]));
    assert_eq!(
        values(&batch),
        [
            ("s/e/stale", Value::Float(2.0), Quality::Bad(Reason::Stale)),
            ("s/e/count", Value::Int(1 << 60), Quality::Good),
        ]
    );
    assert!(world.maps.plant().point(&"s/e/null".parse().unwrap()).is_some(), "known, though it has no value yet");
}

#[test]
fn commands_and_host_states_are_not_data() {
    let mut world = World::new(true);
    for topic in ["spBv1.0/s/NCMD/e", "spBv1.0/s/DCMD/e/d", "spBv1.0/STATE/host"] {
        let batch = world.send(topic, "{}");
        assert_eq!((counts(&batch), batch.observations.len()), ((1, 1, 0, 0), 0));
    }
}

#[test]
fn a_birth_that_is_wrong_in_itself_is_not_asked_for_again() {
    let mut world = World::new(true);
    let nameless = Metric { name: None, ..double("x", 9, 1.0) };
    assert_eq!(codes(&world.send(NBIRTH, node_birth(1, vec![nameless]))), ["sparkplug_alias"]);
    assert!(world.commands.is_empty());
}

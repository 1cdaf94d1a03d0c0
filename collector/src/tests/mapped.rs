//! Mapping rules and HJ 212, as they arrive.

use plant::AssetChange;
use plant::mapping::{PayloadFormat, Rule, RuleSet, RuleTime, RuleValue};

use super::*;
use crate::wire::hj212;

fn rule(name: &str, topic: &str, format: PayloadFormat, values: &[(&str, &str, Option<&str>)]) -> Rule {
    let value = |(field, point, unit): &(&str, &str, Option<&str>)| RuleValue {
        field: field.parse().unwrap(),
        point: point.parse().unwrap(),
        unit: unit.map(|u| Unit::parse(u).unwrap()),
        scale: 1.0,
        offset: 0.0,
        optional: false,
    };
    Rule {
        name: plant::Name::new(name).unwrap(),
        enabled: true,
        topic: topic.parse().unwrap(),
        format,
        site: "s".parse().unwrap(),
        machine: "{m}".parse().unwrap(),
        values: values.iter().map(value).collect(),
        time: None,
        filters: Vec::new(),
    }
}

fn timed(mut rule: Rule, field: &str) -> Rule {
    rule.time = Some(RuleTime { field: field.parse().unwrap(), zone_min: Some(480) });
    rule
}

fn with_rules(adopt: bool, revision: u64, rules: Vec<Rule>) -> World {
    let world = World::new(adopt);
    set(&world, revision, rules);
    world
}

fn set(world: &World, revision: u64, rules: Vec<Rule>) {
    let change = AssetChange::Rules(Arc::new(RuleSet::new(revision, rules).unwrap()));
    world.maps.plant.lock().unwrap().apply(&change);
}

const JSON: PayloadFormat = PayloadFormat::Json { each: None };

#[test]
fn a_rule_gives_values_their_machine_point_unit_and_time() {
    let r = timed(rule("r", "gw/{m}/data", JSON, &[("/t", "temp", Some("°F")), ("/on", "on", None)]), "/at");
    let mut world = with_rules(true, 1, vec![r]);
    let batch = world.send("gw/fan/data", format!(r#"{{"t": 212, "on": true, "at": {T0}}}"#));
    assert_eq!(
        values(&batch),
        [("s/fan/temp", Value::Float(212.0), Quality::Good), ("s/fan/on", Value::Bool(true), Quality::Good)]
    );
    assert_eq!(batch.observations[0].t, Timestamp::from_secs(T0));
    assert_eq!(counts(&batch), (1, 1, 0, 0));
    // Its time is its own: it is known when it comes again.
    let again = world.send("gw/fan/data", format!(r#"{{"t": 212, "on": true, "at": {T0}}}"#));
    assert_eq!(counts(&again), (1, 0, 1, 0));
}

#[test]
fn what_no_rule_is_for_waits_for_one_and_what_a_rule_cannot_read_says_why() {
    let mut world =
        with_rules(true, 1, vec![rule("r", "gw/{m}/data", JSON, &[("/t", "temp", Some("°C")), ("/x", "x", None)])]);
    for (topic, payload, code, why) in [
        ("other/topic", r#"{"t":1}"#, "unmapped", "add a mapping rule"),
        ("gw/fan/data", "{", "json_syntax", "JSON"),
        ("gw/fan/data", r#"{"t":1}"#, "mapping_field", "a value at /x"),
        ("gw/fan/data", r#"{"t":"warm","x":1}"#, "value_type", "states its unit"),
        ("gw/fan/data", r#"{"t":[1],"x":1}"#, "value_type", "an array"),
        ("gw/fa\u{7}n/data", r#"{"t":1,"x":1}"#, "name_invalid", "site and machine"),
    ] {
        let batch = world.send(topic, payload);
        assert_eq!(codes(&batch), [code], "{topic} {payload}");
        assert!(batch.quarantine[0].reason.contains(why), "{}", batch.quarantine[0].reason);
    }
    // What could be read of a message with a fault is stored all the same.
    let batch = world.send("gw/fan/data", r#"{"t":5}"#);
    assert_eq!((values(&batch).len(), codes(&batch)), (1, vec!["mapping_field"]));
}

#[test]
fn a_new_revision_holds_from_its_commit_on_and_unknown_machines_wait() {
    let mut world = with_rules(true, 1, vec![rule("a", "gw/{m}", JSON, &[("/v", "old", None)])]);
    assert_eq!(values(&world.send("gw/x", r#"{"v":1}"#))[0].0, "s/x/old");
    set(&world, 2, vec![rule("a", "gw/{m}", JSON, &[("/v", "new", None)])]);
    assert_eq!(values(&world.send("gw/x", r#"{"v":1}"#))[0].0, "s/x/new");
    set(&world, 3, vec![]);
    assert_eq!(codes(&world.send("gw/x", r#"{"v":1}"#)), ["unmapped"]);

    let mut closed = with_rules(false, 1, vec![rule("a", "gw/{m}", JSON, &[("/v", "p", None)])]);
    assert_eq!(codes(&closed.send("gw/x", r#"{"v":1}"#)), ["unknown_point"]);
}

#[test]
fn the_first_rule_whose_conditions_hold_wins() {
    let mut narrow = rule("narrow", "gw/{m}", JSON, &[("/v", "narrow", None)]);
    narrow.filters =
        vec![plant::mapping::Filter { field: "/type".parse().unwrap(), is: plant::mapping::Is::Equal("a".into()) }];
    let mut wide = rule("wide", "gw/{m}", JSON, &[("/v", "wide", None)]);
    wide.filters = vec![plant::mapping::Filter { field: "/v".parse().unwrap(), is: plant::mapping::Is::Present }];
    let mut world = with_rules(true, 1, vec![narrow, wide]);
    assert_eq!(values(&world.send("gw/x", r#"{"type":"a","v":1}"#))[0].0, "s/x/narrow");
    assert_eq!(values(&world.send("gw/x", r#"{"type":"b","v":1}"#))[0].0, "s/x/wide");
    let batch = world.send("gw/x", r#"{"type":"b"}"#);
    assert_eq!(codes(&batch), ["unmapped"]);
    assert!(batch.quarantine[0].reason.contains("conditions that do not hold"));
}

#[test]
fn a_rule_cannot_take_the_place_of_a_native_topic() {
    let mut wide = rule("wide", "#", PayloadFormat::Plain, &[("", "v", None)]);
    wide.machine = "m".parse().unwrap();
    let mut world = with_rules(true, 1, vec![wide]);
    assert_eq!(codes(&world.send("danxia/v1/s/m/nonsense", "1")), ["topic_invalid"]);
    assert_eq!(
        values(&world.send("anything", "1.5")),
        [("s/m/v", Value::Float(1.5), Quality::Uncertain(Reason::NoTimestamp))]
    );
}

fn segment(head: &str, cp: &str) -> Vec<u8> {
    hj212::encode(&format!("QN=20250101080000000;ST=32;CN=2011;PW=1;MN=M1;{head}CP=&&{cp}&&"))
}

#[test]
fn segments_of_hj_212_become_values_of_the_monitor_or_of_the_machine_that_a_rule_names() {
    let mut r = rule("water", "water/{m}", PayloadFormat::Hj212, &[]);
    r.machine = "{m}".parse().unwrap();
    let mut world = with_rules(true, 1, vec![r]);
    let payload = segment("Flag=5;", "DataTime=20250101080000;w01018-Rtd=63.0,w01018-Flag=D");
    for (topic, point) in [("hj212/plant", "plant/M1/w01018-Rtd"), ("water/outlet", "s/outlet/w01018-Rtd")] {
        let batch = world.send(topic, payload.clone());
        assert_eq!(values(&batch)[0], (point, Value::Float(63.0), Quality::Bad(Reason::Sensor)));
        assert_eq!(values(&batch)[1].1, Value::Text("D".into()));
        assert_eq!(batch.observations[0].t, Timestamp::from_secs(T0));
    }
    let mut damaged = payload;
    damaged[40] ^= 1;
    assert_eq!(codes(&world.send("hj212/plant", damaged)), ["hj212_crc"]);
}

#[test]
fn packets_of_an_upload_are_put_together_unless_they_stand_alone() {
    let mut world = World::new(true);
    let first = segment("Flag=7;PNUM=2;PNO=1;", "DataTime=20250101080000;a-Rtd=1");
    let second = segment("Flag=7;PNUM=2;PNO=2;", "b-Rtd=2");
    assert_eq!(values(&world.send("hj212/s", first))[0].0, "s/M1/a-Rtd");
    let waits = world.send("hj212/s", second);
    assert!(waits.ledger.is_empty() && waits.staged.len() == 1);

    let mut world = World::new(true);
    // The time may stand in a packet of its own only in the first; neither of these has one, the number of the request is.
    let (a, b) = (segment("Flag=7;PNUM=2;PNO=1;", "a-Rtd=1"), segment("Flag=7;PNUM=2;PNO=2;", "b-Rtd=2"));
    assert!(world.send("hj212/s", b).ledger.is_empty());
    let whole = world.send("hj212/s", a);
    assert_eq!(values(&whole).iter().map(|v| v.0).collect::<Vec<_>>(), ["s/M1/a-Rtd", "s/M1/b-Rtd"]);
    assert_eq!(whole.ledger.iter().map(|l| l.committed).sum::<u64>(), 2);
}

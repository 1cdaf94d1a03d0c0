//! The interpreter against a store that is a few maps.

mod conformance;
mod hostile;
mod mapped;
mod parts;
mod sparkplug;
mod sparkplug_order;
mod sparkplug_values;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use historian::{Batch, LedgerDelta, Staged};
use plant::{
    Observation, Plant, PointId, PointKind, Quality, Reason, Samples, Timestamp, Unit, Value, Waveform, WaveformId,
    WaveformMeta,
};
use tokio::sync::watch;

use self::sparkplug::{DBIRTH, DDATA, NBIRTH, NDATA, aliased, double, node_birth, sparkplug_payload};
use crate::Message;
use crate::draft::{Command, Draft};
use crate::fault::Code;
use crate::interpreter::{Config, Interpreter, Recall};
use crate::wire::sparkplug::{self as format, DataType, Metric, MetricValue, Payload};
use crate::wire::{telemetry, waveform};

const T0: i64 = 1_735_689_600;
const TELEMETRY: &str = "danxia/v1/s/m/telemetry";

#[derive(Default)]
struct Maps {
    plant: Mutex<Plant>,
    last: Mutex<HashMap<PointId, (Timestamp, Value)>>,
    waveforms: Mutex<Vec<WaveformId>>,
    stage: Mutex<BTreeMap<Arc<str>, Arc<[u8]>>>,
}

impl Recall for Maps {
    fn plant(&self) -> Arc<Plant> {
        Arc::new(self.plant.lock().unwrap().clone())
    }
    fn last(&self, point: &PointId) -> Option<(Timestamp, Value)> {
        self.last.lock().unwrap().get(point).cloned()
    }
    fn from(&self, point: &PointId, t: Timestamp) -> Vec<(Timestamp, Value)> {
        self.last(point).filter(|(last, _)| *last >= t).into_iter().collect()
    }
    fn has_waveform(&self, id: WaveformId) -> bool {
        self.waveforms.lock().unwrap().contains(&id)
    }
    fn staged(&self) -> Vec<Staged> {
        let stage = self.stage.lock().unwrap();
        stage.iter().map(|(key, body)| Staged { key: key.clone(), body: body.clone() }).collect()
    }
}

struct World {
    maps: Arc<Maps>,
    interpreter: Interpreter,
    drafts: u64,
    now: Timestamp,
    commands: Vec<Command>,
}

impl World {
    fn new(adopt: bool) -> Self {
        Self::with(Config { adopt, ..Config::default() })
    }

    fn with(config: Config) -> Self {
        let maps = Arc::new(Maps::default());
        let interpreter = Interpreter::new(config, maps.clone());
        Self { maps, interpreter, drafts: 0, now: Timestamp::from_secs(T0 + 10), commands: Vec::new() }
    }

    /// A collector that knows nothing but the store.
    fn restart(&mut self) {
        self.interpreter = Interpreter::new(self.interpreter.config.clone(), self.maps.clone());
    }

    fn read(&mut self, messages: &[(&str, Vec<u8>)]) -> Draft {
        self.drafts += 1;
        let mut draft = Draft::new(self.drafts, "client".into(), self.now);
        let plant = self.maps.plant();
        for (topic, payload) in messages {
            self.interpreter.read(&mut draft, &plant, &Message::new((*topic).into(), payload.clone().into()));
        }
        draft.close_ledger();
        self.commands.append(&mut draft.commands);
        draft
    }

    fn commit(&mut self, mut draft: Draft) -> Batch {
        for change in &draft.batch.changes {
            self.maps.plant.lock().unwrap().apply(change);
        }
        for o in &draft.batch.observations {
            self.maps.last.lock().unwrap().insert(o.point.clone(), (o.t, o.value.clone()));
        }
        self.maps.waveforms.lock().unwrap().extend(draft.batch.waveforms.iter().map(|w| w.id));
        for Staged { key, body } in &draft.batch.staged {
            let mut stage = self.maps.stage.lock().unwrap();
            match body.is_empty() {
                true => drop(stage.remove(key)),
                false => drop(stage.insert(key.clone(), body.clone())),
            }
        }
        let (_tell, fate) = watch::channel(None);
        for (memory, keys) in
            [(&self.interpreter.messages, &draft.messages), (&self.interpreter.waveforms, &draft.waveforms)]
        {
            memory.queued(keys, &fate);
            memory.ended(keys, true);
        }
        draft.touched.settle(true);
        draft.settling.settle(true);
        draft.carried.committed();
        if draft.disputes {
            self.interpreter.host.dispute();
        }
        std::mem::take(&mut draft.batch)
    }

    /// What a second brings; gives the topics of what is to be replayed.
    fn tick(&mut self) -> Vec<String> {
        self.drafts += 1;
        let mut draft = Draft::new(self.drafts, "".into(), self.now);
        self.interpreter.tick(&mut draft);
        self.commands.append(&mut draft.commands);
        self.commit(draft);
        let explained = self.interpreter.explained(8, 0, |_| false);
        explained.iter().flat_map(|node| node.waits().topics).map(|topic| topic.to_string()).collect()
    }

    fn later(&mut self, ms: u64) {
        self.now = self.now + std::time::Duration::from_millis(ms);
    }

    fn send(&mut self, topic: &str, payload: impl Into<Vec<u8>>) -> Batch {
        let draft = self.read(&[(topic, payload.into())]);
        self.commit(draft)
    }
}

fn codes(batch: &Batch) -> Vec<&str> {
    batch.quarantine.iter().map(|q| &*q.code).collect()
}

fn values(batch: &Batch) -> Vec<(&str, Value, Quality)> {
    batch.observations.iter().map(|o| (o.point.as_str(), o.value.clone(), o.quality)).collect()
}

fn counts(batch: &Batch) -> (u64, u64, u64, u64) {
    let [LedgerDelta { received, committed, duplicates, quarantined, refused: 0, .. }] = batch.ledger[..] else {
        panic!("one line of ledger without refusals, not {:?}", batch.ledger)
    };
    assert_eq!(received, committed + duplicates + quarantined);
    (received, committed, duplicates, quarantined)
}

fn birth_json(points: &str) -> String {
    format!("{{\"class\":\"fan\",\"points\":[{points}]}}")
}

fn a_waveform(id: u128, unit: &str, samples: Samples) -> Vec<u8> {
    let t0 = Timestamp::from_secs(T0);
    let point = "s/m/vib".parse().unwrap();
    let unit = Unit::parse(unit).unwrap();
    let w = Waveform::new(WaveformId(id), point, t0, t0, 25_600.0, unit, samples, WaveformMeta::default()).unwrap();
    waveform::encode(&w)
}

#[test]
fn whatever_is_wrong_has_a_code_and_a_sentence_and_the_next_message_is_served() {
    let json = |s: &str| s.as_bytes().to_vec();
    let i16s = || Samples::I16 { raw: [1i16, 2].into(), scale: 1.0, offset: 0.0 };
    let metric = |m: Metric| node_birth(1, vec![m]);
    for (topic, payload, code) in [
        ("plc/7", json("{}"), Code::Unmapped),
        ("danxia/v1/s/m/telemetri", json("{}"), Code::TopicInvalid),
        ("danxia/v1//m/telemetry", json("{}"), Code::NameInvalid),
        ("danxia/v1/s/m/alarm", json(r#"{"ts":1735689600,"condition":"high"}"#), Code::TopicOurs),
        ("danxia/v1/s/m/indicator", Vec::new(), Code::TopicOurs),
        (TELEMETRY, json(""), Code::JsonSyntax),
        (TELEMETRY, json("{\"values\":{\"a\":1}"), Code::JsonSyntax),
        (TELEMETRY, json("{\"values\":{\"a\":1}} x"), Code::JsonSyntax),
        (TELEMETRY, b"{\"values\":{\"\xff\":1}}".to_vec(), Code::JsonSyntax),
        (TELEMETRY, json("{\"values\":{\"a\":NaN}}"), Code::JsonSyntax),
        (TELEMETRY, json("{\"values\":{\"a\":1e999}}"), Code::JsonSyntax),
        (TELEMETRY, json("42"), Code::JsonType),
        (TELEMETRY, json("{\"values\":[1]}"), Code::JsonType),
        (TELEMETRY, json("{\"values\":{\"a\":1},\"site\":\"s\"}"), Code::FieldUnknown),
        (TELEMETRY, json("{\"values\":{\"a\":{\"v\":1,\"unit\":\"g\"}}}"), Code::FieldUnknown),
        (TELEMETRY, json("{\"ts\":1,\"ts\":2,\"values\":{\"a\":1}}"), Code::FieldTwice),
        (TELEMETRY, json("{}"), Code::ValuesMissing),
        (TELEMETRY, json("[]"), Code::ValuesMissing),
        (TELEMETRY, json("{\"values\":{}}"), Code::ValuesMissing),
        (TELEMETRY, json("{\"values\":{\"a\":{\"u\":\"g\"}}}"), Code::ValuesMissing),
        (TELEMETRY, json("{\"values\":{\"a\":[1]}}"), Code::ValueType),
        (TELEMETRY, json("{\"values\":{\"a\":{\"v\":{}}}}"), Code::ValueType),
        (TELEMETRY, json("{\"values\":{\"a\":18446744073709551615}}"), Code::ValueRange),
        (TELEMETRY, json("{\"values\":{\"a\":{\"v\":1e308,\"u\":\"MPa\"},\"\":1}}"), Code::NameInvalid),
        (TELEMETRY, json("{\"values\":{\"a+b\":1}}"), Code::NameInvalid),
        (TELEMETRY, json("{\"ts\":\"yesterday\",\"values\":{\"a\":1}}"), Code::TsInvalid),
        (TELEMETRY, json("{\"ts\":null,\"values\":{\"a\":1}}"), Code::TsInvalid),
        (TELEMETRY, json("{\"ts\":4294967295,\"values\":{\"a\":1}}"), Code::TsFuture),
        (TELEMETRY, json("{\"values\":{\"a\":{\"v\":1,\"q\":\"fine\"}}}"), Code::QualityInvalid),
        (TELEMETRY, json("{\"values\":{\"a\":{\"v\":1,\"u\":\"furlong\"}}}"), Code::UnitUnknown),
        (TELEMETRY, json("{\"values\":{\"t\":{\"v\":1,\"u\":\"g\"}}}"), Code::UnitMismatch),
        (TELEMETRY, json("{\"values\":{\"t\":\"hot\"}}"), Code::ValueType),
        (TELEMETRY, json("{\"values\":{\"t\":true}}"), Code::ValueType),
        (TELEMETRY, json("{\"values\":{\"vib\":1}}"), Code::PointKind),
        ("danxia/v1/s/m/event", json("{\"ts\":1}"), Code::EventKind),
        ("danxia/v1/s/m/event", json("{\"kind\":\"a/b\"}"), Code::EventKind),
        ("danxia/v1/s/m/event", json("{\"kind\":\"stop\",\"at\":{}}"), Code::ValueType),
        ("danxia/v1/s/m/birth", json("{\"class\":\"rocket\"}"), Code::BirthField),
        ("danxia/v1/s/m/birth", json("{\"points\":[{\"name\":\"p\",\"unit\":\"parsec\"}]}"), Code::UnitUnknown),
        ("danxia/v1/s/m/death", json("{\"when\":1}"), Code::FieldUnknown),
        ("danxia/v1/s/m/vib/waveform", json("{}"), Code::WaveformFieldMissing),
        ("danxia/v1/s/m/vib/waveform", json("[]"), Code::CborSyntax),
        ("danxia/v1/s/m/vib/waveform", vec![0xa0], Code::WaveformFieldMissing),
        ("danxia/v1/s/m/vib/waveform", a_waveform(1, "°C", i16s()), Code::UnitMismatch),
        ("danxia/v1/s/m/t/waveform", a_waveform(1, "°C", i16s()), Code::PointKind),
        (NDATA, b"not protobuf".to_vec(), Code::SparkplugPayload),
        (NDATA, sparkplug_payload(1, vec![aliased(1, 1.0)]), Code::SparkplugNoBirth),
        (DDATA, sparkplug_payload(1, vec![aliased(1, 1.0)]), Code::SparkplugNoBirth),
        (DBIRTH, sparkplug_payload(1, vec![double("a", 1, 1.0)]), Code::SparkplugNoBirth),
        (NBIRTH, sparkplug_payload(300, vec![]), Code::SparkplugSeq),
        (NBIRTH, metric(double("a", 1, f64::NAN)), Code::ValueNotFinite),
        (NBIRTH, metric(double("a", 1, 1.0).with_unit("furlong")), Code::UnitUnknown),
        (NBIRTH, metric(Metric::new("a", DataType::UInt8, MetricValue::Int(256))), Code::ValueRange),
        (
            NBIRTH,
            metric(Metric::new("a", DataType::DataSet, MetricValue::DataSet(b"x"[..].into()))),
            Code::SparkplugDataSet,
        ),
        (
            NBIRTH,
            metric(Metric::new("a", DataType::Template, MetricValue::Template(b"x"[..].into()))),
            Code::SparkplugTemplate,
        ),
        (
            NBIRTH,
            metric(Metric::new("a", DataType::DoubleArray, MetricValue::Bytes(b"x"[..].into()))),
            Code::SparkplugArray,
        ),
        (NBIRTH, metric(Metric { datatype: Some(99), ..double("a", 1, 1.0) }), Code::SparkplugDatatype),
        (NBIRTH, metric(Metric { value: None, ..double("a", 1, 1.0) }), Code::ValuesMissing),
        (NBIRTH, metric(double("a", 1, 1.0).at(u64::MAX)), Code::TsInvalid),
        (NBIRTH, metric(double("a", 1, 1.0).at(4_294_967_295_000)), Code::TsFuture),
        (
            NBIRTH,
            format::encode(&Payload { uuid: Some(format::COMPRESSED.into()), ..Payload::default() }),
            Code::SparkplugCompressed,
        ),
    ] {
        let mut world = World::new(true);
        let points = birth_json(r#"{"name":"t","unit":"°C"},{"name":"vib","unit":"m/s²","kind":"waveform"}"#);
        world.send("danxia/v1/s/m/birth", points);
        let batch = world.send(topic, payload.clone());
        assert_eq!(codes(&batch), [code.as_str()], "{topic} {:?}", String::from_utf8_lossy(&payload));
        assert_eq!(counts(&batch), (1, 0, 0, 1));
        let q = &batch.quarantine[0];
        assert_eq!((&*q.source, &*q.topic, q.size, &*q.head), ("client", topic, payload.len() as u64, &payload[..]));
        assert!(q.reason.contains("expected ") && q.reason.contains(", found "), "{}", q.reason);
        assert!(q.reason.ends_with(code.remedy()), "{}", q.reason);
        assert!(!batch.quarantine[0].reason.contains('\n'), "{}", q.reason);

        let next = world.send(TELEMETRY, r#"{"ts":1735689600,"values":{"t":61.2}}"#);
        assert_eq!(values(&next), [("s/m/t", Value::Float(61.2), Quality::Good)]);
        assert_eq!(counts(&next), (1, 1, 0, 0));
    }
}

#[test]
fn topics_that_are_not_text_are_kept_and_named() {
    let mut world = World::new(true);
    let mut draft = world.read(&[]);
    let message = Message::from_raw(b"danxia/\xff", b"x"[..].into());
    world.interpreter.read(&mut draft, &Plant::default(), &message);
    let batch = world.commit(draft);
    assert_eq!(codes(&batch), ["topic_utf8"]);
    assert_eq!(&*batch.quarantine[0].topic, "danxia/\u{fffd}");
}

#[test]
fn only_the_head_of_a_large_message_is_kept() {
    let mut world = World::new(true);
    let batch = world.send("plc/7", vec![7; 10_000]);
    assert_eq!((batch.quarantine[0].size, batch.quarantine[0].head.len()), (10_000, 4096));
}

#[test]
fn values_are_taken_in_the_points_unit_and_unknown_points_are_adopted() {
    let mut world = World::new(true);
    let batch = world.send(
        TELEMETRY,
        r#"{"ts":1735689600123,"values":{"temp":{"v":212,"u":"°F"},"speed":{"v":25,"u":"r/s","q":"bad"},"n":3,"on":true,"state":"run"}}"#,
    );
    let bad = Quality::Bad(Reason::Source);
    assert_eq!(
        values(&batch),
        [
            ("s/m/temp", Value::Float(212.0), Quality::Good),
            ("s/m/speed", Value::Float(25.0), bad),
            ("s/m/n", Value::Float(3.0), Quality::Good),
            ("s/m/on", Value::Bool(true), Quality::Good),
            ("s/m/state", Value::Text("run".into()), Quality::Good),
        ]
    );
    assert!(batch.observations.iter().all(|o| o.t == Timestamp::from_millis(1_735_689_600_123)));
    assert_eq!(batch.changes.len(), 5);
    let plant = world.maps.plant();
    let (_, point) = plant.point(&"s/m/temp".parse().unwrap()).unwrap();
    assert_eq!(point.unit, Unit::parse("°F"));

    // Known now: converted to the unit it was adopted with, and nothing is described anew.
    let batch =
        world.send(TELEMETRY, r#"{"ts":1735689601,"values":{"temp":{"v":100,"u":"degC"},"n":9007199254740993}}"#);
    assert!(batch.changes.is_empty());
    let Value::Float(v) = batch.observations[0].value else { panic!("a number") };
    assert!((v - 212.0).abs() < 1e-9, "{v}");
    assert_eq!(batch.observations[1].value, Value::Int(9_007_199_254_740_993));
}

#[test]
fn a_point_without_a_unit_takes_the_first_one_stated() {
    let mut world = World::new(true);
    world.send(TELEMETRY, r#"{"values":{"p":1}}"#);
    world.send(TELEMETRY, r#"{"values":{"p":{"v":2,"u":"kPa"}}}"#);
    let batch = world.send(TELEMETRY, r#"{"values":{"p":{"v":3,"u":"bar"}}}"#);
    assert_eq!(batch.observations[0].value, Value::Float(300.0));
}

#[test]
fn one_unusable_value_does_not_blind_the_others() {
    let mut world = World::new(true);
    let batch = world
        .send(TELEMETRY, r#"{"ts":1735689600,"values":{"a":1,"b":{"v":2,"u":"furlong"},"c":{"v":2,"u":"ell"},"d":4}}"#);
    assert_eq!(values(&batch).iter().map(|v| v.0).collect::<Vec<_>>(), ["s/m/a", "s/m/d"]);
    assert_eq!(counts(&batch), (1, 0, 0, 1));
    assert_eq!(
        &*batch.quarantine[0].reason,
        "\"b\": expected a unit of the table, found \"furlong\" (and 1 more values of this message with a fault); correct \
         the unit in the device; it is not guessed"
    );
    // And it is not taken for a repetition when it comes again.
    let again = world
        .send(TELEMETRY, r#"{"ts":1735689600,"values":{"a":1,"b":{"v":2,"u":"furlong"},"c":{"v":2,"u":"ell"},"d":4}}"#);
    assert_eq!(counts(&again), (1, 0, 0, 1));
}

#[test]
fn values_without_a_time_are_uncertain_and_do_not_take_each_others_place() {
    let mut world = World::new(true);
    let one = (TELEMETRY, br#"[{"values":{"a":1}},{"values":{"a":2}}]"#.to_vec());
    let draft = world.read(&[one.clone(), one]);
    let batch = world.commit(draft);
    let times: Vec<i64> = batch.observations.iter().map(|o| o.t.nanos() - world.now.nanos()).collect();
    assert_eq!(times, [0, 1, 2, 3]);
    assert!(batch.observations.iter().all(|o| o.quality == Quality::Uncertain(Reason::NoTimestamp)));
    assert_eq!(counts(&batch), (2, 2, 0, 0), "without a time of its own a message is never a repetition");
}

#[test]
fn null_repeats_the_last_value_as_bad_and_invents_none() {
    let mut world = World::new(true);
    assert!(world.send(TELEMETRY, r#"{"ts":1735689600,"values":{"a":null}}"#).observations.is_empty());
    world.send(TELEMETRY, r#"{"ts":1735689601,"values":{"a":7.5}}"#);
    world.restart();
    let batch = world.send(TELEMETRY, r#"{"ts":1735689602,"values":{"a":null}}"#);
    assert_eq!(values(&batch), [("s/m/a", Value::Float(7.5), Quality::Bad(Reason::Source))]);
}

#[test]
fn without_adoption_the_unknown_waits_in_quarantine() {
    let mut world = World::new(false);
    for (topic, payload, code) in [
        (TELEMETRY, r#"{"values":{"a":1}}"#, "unknown_point"),
        ("danxia/v1/s/m/event", r#"{"kind":"stop"}"#, "unknown_machine"),
        ("danxia/v1/s/m/birth", "{}", "unknown_machine"),
        ("danxia/v1/s/m/death", "", "unknown_machine"),
    ] {
        let batch = world.send(topic, payload);
        assert_eq!(codes(&batch), [code]);
        assert!(batch.changes.is_empty() && batch.observations.is_empty() && batch.events.is_empty());
    }
    assert_eq!(codes(&world.send(NBIRTH, node_birth(1, vec![double("a", 1, 1.0)]))), ["unknown_point"]);
    let change = plant::AssetChange::Point("s/m".parse().unwrap(), plant::Point::bare("a"));
    world.maps.plant.lock().unwrap().apply(&change);
    assert_eq!(world.send(TELEMETRY, r#"{"values":{"a":1}}"#).observations.len(), 1);
}

#[test]
fn a_birth_describes_once_and_takes_effect_at_once() {
    let mut world = World::new(true);
    let birth = birth_json(r#"{"name":"t","unit":"°C","range":[0,100]}"#);
    let draft = world.read(&[("danxia/v1/s/m/birth", birth.clone().into_bytes())]);
    // Not committed yet: whoever relies on it carries it.
    let second = world.read(&[(TELEMETRY, br#"{"ts":1,"values":{"t":{"v":212,"u":"degF"},"x":105}}"#.to_vec())]);
    assert_eq!(second.batch.changes.len(), 2);
    assert_eq!(second.batch.observations[0].value, Value::Float(100.0));
    let committed = world.commit(draft);
    assert_eq!(committed.changes.len(), 1);
    world.commit(second);

    let again = world.send("danxia/v1/s/m/birth", birth);
    assert!(again.changes.is_empty());
    assert_eq!(counts(&again), (1, 1, 0, 0));
    let batch = world.send(TELEMETRY, r#"{"ts":2,"values":{"t":105}}"#);
    assert_eq!(batch.observations[0].quality, Quality::Uncertain(Reason::OutOfRange));
    assert!(batch.changes.is_empty());
    let plant = world.maps.plant();
    assert_eq!(plant.machine("s/m").unwrap().points.len(), 2, "adopted points stay");
}

#[test]
fn what_was_not_committed_is_described_again() {
    let mut world = World::new(true);
    drop(world.read(&[(TELEMETRY, br#"{"ts":1,"values":{"a":1}}"#.to_vec())]));
    let batch = world.send(TELEMETRY, r#"{"ts":1,"values":{"a":1}}"#);
    assert_eq!((batch.changes.len(), batch.observations.len()), (1, 1));
    assert_eq!(counts(&batch), (1, 1, 0, 0));
}

#[test]
fn a_change_that_others_carry_outlives_the_draft_that_made_it() {
    let mut world = World::new(true);
    let telemetry =
        |t: i64| (TELEMETRY, format!("{{\"ts\":{t},\"values\":{{\"t\":{{\"v\":1,\"u\":\"bar\"}}}}}}").into_bytes());
    let kpa = |d: &Draft| d.batch.observations[0].value == Value::Float(100.0);
    let birth = world.read(&[("danxia/v1/s/m/birth", birth_json(r#"{"name":"t","unit":"kPa"}"#).into_bytes())]);
    let other = world.read(&[telemetry(1)]);
    drop(birth);
    let third = world.read(&[telemetry(2)]);
    assert!(kpa(&other) && kpa(&third));
    assert_eq!((other.batch.changes.len(), third.batch.changes.len()), (1, 1));
    drop(third);
    world.commit(other);
    let fourth = world.read(&[telemetry(3)]);
    assert!(kpa(&fourth) && fourth.batch.changes.is_empty(), "it has arrived");
    // And where nobody commits it, it never was.
    drop(world.read(&[("danxia/v1/s/m/birth", birth_json(r#"{"name":"t","unit":"MPa"}"#).into_bytes())]));
    assert!(kpa(&world.read(&[telemetry(4)])));
}

#[test]
fn the_same_message_is_stored_once() {
    let mut world = World::new(true);
    let one = (TELEMETRY, br#"{"ts":1735689600,"values":{"a":1}}"#.to_vec());
    let draft = world.read(&[one.clone(), one.clone()]);
    assert_eq!(counts(&world.commit(draft)), (2, 1, 1, 0));
    let batch = world.send(one.0, one.1);
    assert_eq!(counts(&batch), (1, 0, 1, 0));
    assert!(batch.observations.is_empty());
    let event = r#"{"ts":1735689600,"kind":"stop"}"#;
    assert_eq!(world.send("danxia/v1/s/m/event", event).events.len(), 1);
    assert_eq!(counts(&world.send("danxia/v1/s/m/event", event)), (1, 0, 1, 0));
    assert_eq!(counts(&world.send("danxia/v1/s/n/event", event)), (1, 1, 0, 0), "another machine's is another");
}

#[test]
fn a_repetition_waits_for_the_commit_of_the_first() {
    let mut world = World::new(true);
    let one = (TELEMETRY, br#"{"ts":1735689600,"values":{"a":1}}"#.to_vec());
    let first = world.read(std::slice::from_ref(&one));
    let (_tell, fate) = watch::channel(None);
    world.interpreter.messages.queued(&first.messages, &fate);
    let second = world.read(&[one]);
    assert_eq!(second.after.len(), 1);
    assert!(second.batch.observations.is_empty());
}

#[test]
fn waveforms_are_kept_once_and_in_the_points_unit() {
    let mut world = World::new(true);
    let topic = "danxia/v1/s/m/vib/waveform";
    let raw = || Samples::I16 { raw: [100i16, -100].into(), scale: 0.01, offset: 0.0 };
    let batch = world.send(topic, a_waveform(1, "g", raw()));
    let w = &batch.waveforms[0];
    assert_eq!(w.unit.symbol(), "m/s²");
    assert!((w.physical()[0] - 9.80665).abs() < 1e-9);
    let plant = world.maps.plant();
    let (_, point) = plant.point(&w.point).unwrap();
    assert_eq!((point.kind, point.unit), (PointKind::Waveform, Unit::parse("m/s²")));

    let again = world.send(topic, a_waveform(1, "g", raw()));
    assert!(again.waveforms.is_empty());
    assert_eq!(counts(&again), (1, 0, 1, 0));
    world.restart();
    assert_eq!(counts(&world.send(topic, a_waveform(1, "g", raw()))), (1, 0, 1, 0), "the archive remembers it too");

    let floats = world.send(topic, a_waveform(2, "mm/s²", Samples::F32([1000.0f32].into())));
    assert_eq!(floats.waveforms[0].samples, Samples::F32([1.0f32].into()));
    let same = (topic, a_waveform(3, "g", raw()));
    let draft = world.read(&[same.clone(), same]);
    assert_eq!((draft.batch.waveforms.len(), draft.waveforms.len()), (1, 1));
}

#[test]
fn a_death_marks_every_point_at_its_time() {
    let mut world = World::new(true);
    world.send(TELEMETRY, r#"{"ts":1735689600,"values":{"a":1,"b":"run"}}"#);
    world.restart();
    let batch = world.send("danxia/v1/s/m/death", r#"{"ts":1735689605}"#);
    let t = Timestamp::from_secs(1_735_689_605);
    let mut seen = values(&batch);
    seen.sort_by_key(|v| v.0);
    let offline = Quality::Bad(Reason::Offline);
    assert_eq!(seen, [("s/m/a", Value::Float(1.0), offline), ("s/m/b", Value::Text("run".into()), offline)]);
    assert!(batch.observations.iter().all(|o: &Observation| o.t == t));
    assert_eq!((batch.events[0].kind.as_str(), batch.events[0].t), ("death", t));
    // A will from before the last record is about the connection, not about the machine's last word.
    world.send("danxia/v1/s/n/vib/waveform", a_waveform(1, "g", Samples::F32([1.0f32].into())));
    let will = world.send("danxia/v1/s/n/death", r#"{"ts":1735689590}"#);
    assert_eq!((will.events[0].t, will.observations.len()), (world.now, 0));
    let will = world.send("danxia/v1/s/m/death", "");
    assert!(will.observations.iter().all(|o| o.t == world.now));
}

#[test]
fn names_without_end_are_bounded() {
    let mut world = World::new(true);
    world.interpreter.config.machines = 3;
    world.interpreter.config.points = 2;
    let full: Vec<_> =
        (0..5).map(|i| world.send(&format!("danxia/v1/s/m{i}/telemetry"), r#"{"values":{"a":1}}"#)).collect();
    assert_eq!(full.iter().flat_map(codes).collect::<Vec<_>>(), ["machines_limit", "machines_limit"]);
    let batch = world.send("danxia/v1/s/m0/telemetry", r#"{"values":{"a":1,"b":1,"c":1}}"#);
    assert_eq!((codes(&batch), batch.observations.len()), (vec!["points_limit"], 2));
}

#[test]
fn the_steady_path_asks_the_plant_nothing_new() {
    let mut world = World::new(true);
    let frame = |v: f64| {
        let readings = (0..100).map(|i| crate::wire::Reading::new(format!("p{i}"), crate::wire::Scalar::Float(v)));
        telemetry::encode(&[crate::wire::Frame { t: Some(Timestamp::from_secs(T0)), readings: readings.collect() }])
    };
    let first = world.send(TELEMETRY, frame(1.0));
    let second = world.send(TELEMETRY, frame(2.0));
    assert_eq!((first.changes.len(), second.changes.len()), (100, 0));
    assert_eq!(first.observations[7].point, second.observations[7].point);
}

#[test]
fn no_device_speaks_for_the_platform() {
    for adopt in [true, false] {
        let mut w = World::new(adopt);
        for (topic, payload) in [
            ("danxia/v1/$danxia/platform/telemetry", &br#"{"values":{"a":1}}"#[..]),
            ("danxia/v1/$danxia/platform/event", br#"{"kind":"state"}"#),
            ("danxia/v1/$danxia/fan/birth", b"{}"),
            ("danxia/v1/$danxia/platform/death", b""),
            ("danxia/v1/$danxia/platform/vib/waveform", b"x"),
            ("spBv1.0/$danxia/NBIRTH/platform", &node_birth(1, vec![double("a", 1, 1.0)])),
        ] {
            let batch = w.send(topic, payload.to_vec());
            let codes: Vec<_> = batch.quarantine.iter().map(|q| &*q.code).collect();
            assert_eq!(codes, ["name_invalid"], "{topic}");
            assert!(batch.observations.is_empty() && batch.events.is_empty() && batch.changes.is_empty(), "{topic}");
        }
        let offered = w.interpreter.discovery.list(&Plant::default());
        assert!(offered.machines.is_empty(), "nothing to adopt");
    }
}

#[test]
fn what_the_platform_published_itself_is_counted_and_never_taken_in() {
    let mut w = World::new(true);
    for (topic, payload) in [
        ("danxia/v1/s/m/indicator", r#"[{"by":"danxia","ts":1735689600123,"point":"p","name":"rms","value":1}]"#),
        ("danxia/v1/s/m/alarm", r#"{"by":"danxia","ts":1735689600123,"id":"584ec3324d2ab5cb"}"#),
        ("danxia/v1/s/m/alarm/state", r#"{"by":"danxia","ts":1735689600123,"active":0}"#),
    ] {
        let batch = w.send(topic, payload);
        assert_eq!(counts(&batch), (1, 0, 1, 0), "{topic}");
        assert!(batch.observations.is_empty() && batch.events.is_empty() && batch.changes.is_empty());
    }
}

//! Sparkplug: metrics that are more than one value, properties, history, and the host's own STATE.

use plant::{Name, Quality, Reason, Timestamp, Value};
use prost::Message as _;

use super::sparkplug::{NBIRTH, NDATA, aliased, double, node_birth, sparkplug_payload};
use super::{T0, World, codes, counts, values};
use crate::interpreter::{Config, Recall};
use crate::wire::sparkplug::{
    self, Algorithm, Cell, CellValue, DataSet, DataType, Metric, MetricValue, Parameter, ParameterValue, PropertyField,
    Row, Template,
};
use crate::wire::telemetry::Scalar;

const MS: u64 = T0 as u64 * 1000;

fn birth(metrics: Vec<Metric>) -> (World, historian::Batch) {
    let mut world = World::new(true);
    let batch = world.send(NBIRTH, node_birth(1, metrics));
    (world, batch)
}

fn named(batch: &historian::Batch) -> Vec<(&str, Value)> {
    batch.observations.iter().map(|o| (o.point.name(), o.value.clone())).collect()
}

fn array(datatype: DataType, elements: &[Scalar<'_>]) -> Metric {
    Metric::new("a", datatype, MetricValue::Bytes(sparkplug::pack(datatype, elements).unwrap().into()))
}

fn data_set(types: &[DataType], columns: &[&str], rows: Vec<Vec<CellValue>>) -> Metric {
    let row = |cells: Vec<CellValue>| Row { elements: cells.into_iter().map(|v| Cell { value: Some(v) }).collect() };
    let set = DataSet {
        num_of_columns: Some(columns.len() as u64),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        types: types.iter().map(|t| *t as u32).collect(),
        rows: rows.into_iter().map(row).collect(),
    };
    Metric::new("set", DataType::DataSet, MetricValue::DataSet(set.encode_to_vec().into()))
}

fn template(name: &str, metrics: Vec<Metric>, defines: bool) -> Metric {
    let template = Template {
        metrics,
        template_ref: (!defines).then(|| "Pump".to_owned()),
        is_definition: Some(defines),
        ..Template::default()
    };
    Metric::new(name, DataType::Template, MetricValue::Template(template.encode_to_vec().into()))
}

#[test]
fn arrays_become_a_point_for_each_element() {
    let (mut world, batch) = birth(vec![array(DataType::Int16Array, &[Scalar::Int(-3), Scalar::Int(9)]).with_alias(1)]);
    assert_eq!(named(&batch), [("a/0", Value::Int(-3)), ("a/1", Value::Int(9))]);
    let mut data = array(DataType::Int16Array, &[Scalar::Int(7)]);
    (data.name, data.datatype, data.alias) = (None, None, Some(1));
    assert_eq!(
        named(&world.send(NDATA, sparkplug_payload(1, vec![data]))),
        [("a/0", Value::Int(7))],
        "the type of its birth"
    );

    let (_, batch) = birth(vec![array(DataType::DoubleArray, &[Scalar::Float(50.0)]).with_unit("degF")]);
    assert_eq!(named(&batch), [("a/0", Value::Float(50.0))]);
    let (_, batch) = birth(vec![array(DataType::StringArray, &[Scalar::Text("on".into())]).with_unit("V")]);
    assert_eq!(named(&batch), [("a/0", Value::Text("on".into()))], "a unit is one of numbers");
    let (_, batch) = birth(vec![array(DataType::BooleanArray, &[Scalar::Bool(false), Scalar::Bool(true)])]);
    assert_eq!(named(&batch), [("a/0", Value::Bool(false)), ("a/1", Value::Bool(true))]);
}

#[test]
fn data_sets_become_columns_and_rows_with_a_time_become_history() {
    use CellValue::{Boolean, Double, Long};
    let columns = (&[DataType::Double, DataType::Boolean], &["level", "alarm"]);
    let (_, batch) = birth(vec![data_set(columns.0, columns.1, vec![vec![Double(1.5), Boolean(true)]])]);
    assert_eq!(named(&batch), [("set/level", Value::Float(1.5)), ("set/alarm", Value::Bool(true))]);

    let rows = vec![vec![Double(1.0), Boolean(true)], vec![Double(2.0), Boolean(false)]];
    let (_, batch) = birth(vec![data_set(columns.0, columns.1, rows)]);
    let names: Vec<&str> = batch.observations.iter().map(|o| o.point.name()).collect();
    assert_eq!(names, ["set/0/level", "set/0/alarm", "set/1/level", "set/1/alarm"]);

    let types = [DataType::DateTime, DataType::Double];
    let rows = vec![vec![Long(MS - 2000), Double(1.0)], vec![Long(MS - 1000), Double(2.0)]];
    let (_, batch) = birth(vec![data_set(&types, &["at", "level"], rows)]);
    assert_eq!(named(&batch), [("set/level", Value::Float(1.0)), ("set/level", Value::Float(2.0))]);
    let times: Vec<Timestamp> = batch.observations.iter().map(|o| o.t).collect();
    assert_eq!(times, [Timestamp::from_secs(T0 - 2), Timestamp::from_secs(T0 - 1)]);

    let (_, batch) =
        birth(vec![data_set(&types, &["at", "level"], vec![vec![Long(u64::MAX), Double(1.0)]]), double("b", 1, 2.0)]);
    assert_eq!((codes(&batch), named(&batch)), (vec!["value_range"], vec![("b", Value::Float(2.0))]));
    let set = DataSet { types: vec![7], ..DataSet::default() };
    let broken = Metric::new("set", DataType::DataSet, MetricValue::DataSet(set.encode_to_vec().into()));
    assert_eq!(codes(&birth(vec![broken]).1), ["sparkplug_dataset"]);
}

#[test]
fn templates_become_a_point_for_each_member_and_definitions_none() {
    let member = |v: f64| Metric { alias: None, ..double("flow", 0, v) };
    let untyped = Metric { datatype: None, ..Metric::new("stage", DataType::Int8, MetricValue::Int(3)) };
    let defined = vec![member(0.0), Metric::new("stage", DataType::Int8, MetricValue::Int(0))];
    let inner = template("drive", vec![member(7.0)], false);
    let instance = template("P1", vec![member(1.0).with_unit("m3/h"), untyped.clone(), inner], false).with_alias(5);
    let (mut world, batch) = birth(vec![template("Pump", defined, true), instance]);
    assert_eq!(
        named(&batch),
        [("P1/flow", Value::Float(1.0)), ("P1/stage", Value::Int(3)), ("P1/drive/flow", Value::Float(7.0))],
        "a member's type may be the definition's"
    );
    let unit = world.maps.plant().point(&"s/e/P1/flow".parse().unwrap()).unwrap().1.unit;
    assert_eq!(unit, plant::Unit::parse("m3/h"));

    let some = Template { metrics: vec![Metric { datatype: None, ..member(2.0) }], ..Template::default() };
    let data = Metric::aliased(5, MetricValue::Template(some.encode_to_vec().into()));
    let batch = world.send(NDATA, sparkplug_payload(1, vec![data]));
    assert_eq!(named(&batch), [("P1/flow", Value::Float(2.0))], "some members, known by the birth");

    let strange =
        Template { metrics: vec![Metric::new("x", DataType::Int8, MetricValue::Int(1))], ..Template::default() };
    let data = Metric::aliased(5, MetricValue::Template(strange.encode_to_vec().into()));
    assert_eq!(codes(&world.send(NDATA, sparkplug_payload(2, vec![data]))), ["sparkplug_metric"]);
}

#[test]
fn parameters_are_values_and_nesting_has_an_end() {
    let value = Some(ParameterValue::Double(2.5));
    let parameter = Parameter { name: Some("gain".into()), datatype: Some(DataType::Double as u32), value };
    let with = Template { parameters: vec![parameter], ..Template::default() };
    let metric = Metric::new("P", DataType::Template, MetricValue::Template(with.encode_to_vec().into()));
    assert_eq!(named(&birth(vec![metric]).1), [("P/parameters/gain", Value::Float(2.5))]);

    let mut deep = Metric { alias: None, ..double("v", 0, 1.0) };
    for _ in 0..8 {
        deep = template("t", vec![deep], false);
    }
    assert_eq!(birth(vec![deep.clone()]).1.observations.len(), 1);
    assert_eq!(codes(&birth(vec![template("t", vec![deep], false)]).1), ["sparkplug_template"]);
}

#[test]
fn bytes_are_text_and_what_is_too_large_or_of_no_type_says_so() {
    let bytes = |n: usize| Metric::new("tag", DataType::Bytes, MetricValue::Bytes(vec![0xe2; n].into()));
    assert_eq!(named(&birth(vec![bytes(3)]).1), [("tag", Value::Text("e2e2e2".into()))]);
    assert_eq!(codes(&birth(vec![bytes(40_000)]).1), ["text_limit"]);
    let extension = Metric::new("x", DataType::Template, MetricValue::Extension(vec![1].into()));
    assert_eq!(codes(&birth(vec![extension]).1), ["value_type"]);
    let set = Metric::new("x", DataType::PropertySet, MetricValue::Extension(vec![1].into()));
    assert_eq!(codes(&birth(vec![set]).1), ["sparkplug_datatype"]);
    let null = Metric { is_null: Some(true), value: None, ..bytes(0) };
    let (_, batch) = birth(vec![null]);
    assert_eq!((counts(&batch), batch.observations.len()), ((1, 1, 0, 0), 0));
    let many = (0..17).map(|i| {
        let raw = vec![0; sparkplug::MAX_UNFOLDED].into();
        Metric::new(format!("a{i}"), DataType::Int8Array, MetricValue::Bytes(raw))
    });
    let mut world = World::with(Config { adopt: true, points: 1 << 20, ..Config::default() });
    let batch = world.send(NBIRTH, node_birth(1, many.collect()));
    assert_eq!((codes(&batch), batch.observations.len()), (vec!["values_limit"], 65_536));
}

#[test]
fn properties_describe_a_point_that_speaks_for_the_first_time() {
    let number = |v: f64| (DataType::Double, PropertyField::Double(v));
    let with = |m: Metric, key: &str, (datatype, v): (DataType, PropertyField)| m.with_property(key, datatype, v);
    let text = |s: &str| (DataType::String, PropertyField::String(s.into()));
    let metric = with(double("p", 1, 12.0).with_unit("bar"), "engLow", number(0.0));
    let metric = with(with(metric, "engHigh", number(10.0)), "Description", text("出口压力"));
    let (world, batch) = birth(vec![metric.clone()]);
    assert_eq!(batch.observations[0].quality, Quality::Bad(Reason::OutOfRange));
    let plant = world.maps.plant();
    let point = plant.point(&"s/e/p".parse().unwrap()).unwrap().1;
    assert_eq!((point.range, point.title.zh.as_deref()), (Some((0.0, 10.0)), Some("出口压力")));
    assert_eq!(point.unit, plant::Unit::parse("bar"));

    let mut one_more = metric;
    one_more.properties.as_mut().unwrap().keys.push("deadband".into());
    assert_eq!(codes(&birth(vec![one_more]).1), ["sparkplug_properties"]);
}

#[test]
fn historical_and_transient_values_are_kept_at_their_times() {
    let (mut world, _) = birth(vec![double("a", 1, 1.0)]);
    let old = Metric { is_historical: Some(true), ..aliased(1, 9.0).at(MS - 60_000) };
    let passing = Metric { is_transient: Some(true), ..aliased(1, 3.0).at(MS + 1) };
    let batch = world.send(NDATA, sparkplug_payload(1, vec![old, passing]));
    let times: Vec<i64> = batch.observations.iter().map(|o| o.t.nanos() / 1_000_000).collect();
    assert_eq!(times, [MS as i64 - 60_000, MS as i64 + 1]);
    // A null repeats the newest value, not the one that came last.
    let old = Metric { is_historical: Some(true), ..aliased(1, 8.0).at(MS - 50_000) };
    world.send(NDATA, sparkplug_payload(2, vec![old]));
    let null = Metric { is_null: Some(true), value: None, ..aliased(1, 0.0).at(MS + 2) };
    let batch = world.send(NDATA, sparkplug_payload(3, vec![null]));
    assert_eq!(values(&batch), [("s/e/a", Value::Float(3.0), Quality::Bad(Reason::Source))]);
}

#[test]
fn compressed_messages_are_read_like_others_and_bombs_are_quarantined() {
    let (mut world, _) = birth(vec![double("a", 1, 1.0)]);
    let plain = sparkplug::decode(&sparkplug_payload(1, vec![aliased(1, 2.0)])).unwrap();
    let packed = sparkplug::encode(&sparkplug::compress(&plain, Algorithm::Gzip));
    assert_eq!(named(&world.send(NDATA, packed)), [("a", Value::Float(2.0))]);
    let zeroes = MetricValue::String("0".repeat(16 << 20));
    let bomb = sparkplug::Payload { metrics: vec![Metric::aliased(1, zeroes)], ..plain };
    let bomb = sparkplug::encode(&sparkplug::compress(&bomb, Algorithm::Deflate));
    assert_eq!(codes(&world.send(NDATA, bomb)), ["sparkplug_unpacked"]);
}

#[test]
fn a_host_that_is_said_to_be_offline_says_that_it_is_not() {
    let host_id = Some(Name::new("danxia").unwrap());
    let mut world = World::with(Config { adopt: true, host_id, ..Config::default() });
    let (own, since) = ("spBv1.0/STATE/danxia", Timestamp::from_secs(T0));
    let offline = r#"{"online":false,"timestamp":1}"#;
    let answers = |world: &mut World, topic: &str, payload: &str| {
        assert_eq!(counts(&world.send(topic, payload)), (1, 1, 0, 0));
        world.tick();
        world.commands.drain(..).collect::<Vec<_>>()
    };
    assert!(answers(&mut world, own, offline).is_empty(), "not online yet");
    let birth = world.interpreter.host.born(since).unwrap();
    assert_eq!((&*birth.topic, birth.qos, birth.retain), (own, 1, true));
    assert_eq!(&birth.payload[..], format!("{{\"online\":true,\"timestamp\":{}}}", T0 * 1000).as_bytes());
    assert!(answers(&mut world, own, std::str::from_utf8(&birth.payload).unwrap()).is_empty());
    assert_eq!(answers(&mut world, own, offline), std::slice::from_ref(&birth), "with the time of its session");
    assert_eq!(
        answers(&mut world, own, "OFFLINE"),
        std::slice::from_ref(&birth),
        "whatever takes the place of the birth"
    );
    assert!(answers(&mut world, "spBv1.0/STATE/other", offline).is_empty());
    assert!(answers(&mut world, own, r#"{"online":true,"timestamp":1}"#).is_empty(), "a namesake is not fought");
    let death = world.interpreter.host.died(since).unwrap();
    assert_eq!((&*death.topic, death.qos, death.retain), (own, 1, true));
    assert!(answers(&mut world, own, std::str::from_utf8(&death.payload).unwrap()).is_empty());
    let mut nameless = World::new(true);
    assert_eq!(nameless.interpreter.host.born(since), None);
    assert!(answers(&mut nameless, own, offline).is_empty());
}

/// A birth with every kind of metric there is.
fn everything() -> Vec<u8> {
    let set = data_set(
        &[DataType::DateTime, DataType::String],
        &["at", "text"],
        vec![vec![CellValue::Long(MS), CellValue::String("x".into())]],
    );
    let parameter = Parameter {
        name: Some("p".into()),
        datatype: Some(DataType::Int8 as u32),
        value: Some(ParameterValue::Int(1)),
    };
    let inner = template("inner", vec![Metric { alias: None, ..double("v", 0, 1.0) }], false);
    let whole = Template { metrics: vec![inner], parameters: vec![parameter], ..Template::default() };
    node_birth(
        1,
        vec![
            double("a", 1, 1.0).with_unit("bar").with_property("Quality", DataType::Int32, PropertyField::Int(192)),
            array(DataType::BooleanArray, &[Scalar::Bool(true)]),
            array(DataType::StringArray, &[Scalar::Text("é".into())]),
            set,
            Metric::new("t", DataType::Template, MetricValue::Template(whole.encode_to_vec().into())),
            Metric::new("b", DataType::Bytes, MetricValue::Bytes(vec![1, 2].into())),
        ],
    )
}

#[test]
fn no_prefix_and_no_turned_bit_of_a_message_makes_anything_panic() {
    let whole = everything();
    let plain = sparkplug::decode(&whole).unwrap();
    let packed = sparkplug::encode(&sparkplug::compress(&plain, Algorithm::Deflate));
    for bytes in [whole, packed] {
        let mut world = World::new(true);
        assert!(codes(&world.send(NBIRTH, bytes.clone())).is_empty());
        for n in 0..bytes.len() {
            world.send(NBIRTH, &bytes[..n]);
            world.send(NDATA, &bytes[..n]);
        }
        let mut damaged = bytes;
        for bit in 0..damaged.len() * 8 {
            damaged[bit / 8] ^= 1 << (bit % 8);
            for topic in [NBIRTH, NDATA] {
                let batch = world.send(topic, damaged.clone());
                assert!(batch.observations.len() < 100, "no value comes out of nothing");
                counts(&batch);
            }
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

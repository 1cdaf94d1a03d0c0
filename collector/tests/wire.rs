//! Every codec gives back what was put in; no damage to a message makes a decoder panic; other implementations of the
//! same formats are understood.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

use std::collections::BTreeMap;

use collector::topic::Topic;
use collector::wire::birth::{self, Birth};
use collector::wire::event::{self, WireEvent};
use collector::wire::sparkplug::{
    self, Algorithm, Cell, CellValue, DataSet, DataType, Metric, MetricValue, Payload, Row, Template,
};
use collector::wire::telemetry;
use collector::wire::{Flag, Frame, Reading, Scalar, waveform};
use plant::{
    Bearing, BearingOrders, Geometry, Limits, Machine, MachineId, Name, Point, PointId, PointKind, Samples, Speed,
    Timestamp, Unit, Waveform, WaveformId, WaveformMeta,
};
use proptest::prelude::*;
use prost::Message as _;

fn name() -> impl Strategy<Value = String> {
    "[^/+#\\p{Cc}]{1,20}"
}

fn point_name() -> impl Strategy<Value = String> {
    "[^/+#\\p{Cc}]{1,9}(/[^/+#\\p{Cc}]{1,9}){0,2}"
}

fn scalar() -> impl Strategy<Value = Scalar<'static>> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Scalar::Float),
        any::<i64>().prop_map(Scalar::Int),
        any::<bool>().prop_map(Scalar::Bool),
        any::<String>().prop_map(|s| Scalar::Text(s.into())),
    ]
}

fn reading() -> impl Strategy<Value = Reading<'static>> {
    let value = prop_oneof![9 => scalar(), 1 => Just(Scalar::Null)];
    let flag = prop::sample::select(vec![Flag::Good, Flag::Uncertain, Flag::Bad]);
    (any::<String>(), value, flag, prop::option::of(any::<String>())).prop_map(|(name, value, flag, unit)| Reading {
        name: name.into(),
        value,
        flag,
        unit: unit.map(Into::into),
    })
}

fn frames() -> impl Strategy<Value = Vec<Frame<'static>>> {
    let frame = (prop::option::of(any::<i64>()), prop::collection::vec(reading(), 1..6))
        .prop_map(|(t, readings)| Frame { t: t.map(Timestamp::from_nanos), readings });
    prop::collection::vec(frame, 1..4)
}

fn wire_event() -> impl Strategy<Value = WireEvent<'static>> {
    let fields = prop::collection::btree_map("[a-z]{3,9}".prop_filter("reserved", |k| k != "kind"), scalar(), 0..5);
    (prop::option::of(any::<i64>()), name(), fields).prop_map(|(t, kind, fields)| WireEvent {
        t: t.map(Timestamp::from_nanos),
        kind: Name::new(&kind).unwrap(),
        fields: fields.into_iter().map(|(k, v)| (k.into(), v)).collect::<BTreeMap<_, _>>(),
    })
}

fn metric() -> impl Strategy<Value = Metric> {
    let value = prop_oneof![
        any::<i32>().prop_map(|v| (DataType::Int32, MetricValue::Int(v as u32))),
        any::<i64>().prop_map(|v| (DataType::Int64, MetricValue::Long(v as u64))),
        any::<f32>().prop_filter("finite", |f| f.is_finite()).prop_map(|v| (DataType::Float, MetricValue::Float(v))),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(|v| (DataType::Double, MetricValue::Double(v))),
        any::<bool>().prop_map(|v| (DataType::Boolean, MetricValue::Boolean(v))),
        any::<String>().prop_map(|v| (DataType::String, MetricValue::String(v))),
        any::<Vec<u8>>().prop_map(|v| (DataType::DataSet, MetricValue::DataSet(v.into()))),
    ];
    (any::<String>(), value, prop::option::of(any::<u64>()), prop::option::of(any::<u64>()), "[a-z]{0,5}").prop_map(
        |(name, (datatype, value), alias, timestamp, unit)| {
            Metric { alias, timestamp, ..Metric::new(name, datatype, value) }.with_unit(&unit)
        },
    )
}

/// An array of any type, with elements of that type.
fn array() -> impl Strategy<Value = (DataType, Vec<Scalar<'static>>)> {
    use DataType as T;
    let whole =
        |t: DataType, min: i64, max: i64| (Just(t), prop::collection::vec((min..=max).prop_map(Scalar::Int), 0..40));
    let double = any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Scalar::Float);
    let float = any::<f32>().prop_filter("finite", |f| f.is_finite()).prop_map(|f| Scalar::Float(f.into()));
    let text = "[^\\x00]{0,9}".prop_map(|s| Scalar::Text(s.into()));
    prop_oneof![
        whole(T::Int8Array, i8::MIN.into(), i8::MAX.into()),
        whole(T::Int16Array, i16::MIN.into(), i16::MAX.into()),
        whole(T::Int32Array, i32::MIN.into(), i32::MAX.into()),
        whole(T::Int64Array, i64::MIN, i64::MAX),
        whole(T::UInt8Array, 0, u8::MAX.into()),
        whole(T::UInt16Array, 0, u16::MAX.into()),
        whole(T::UInt32Array, 0, u32::MAX.into()),
        whole(T::UInt64Array, 0, i64::MAX),
        whole(T::DateTimeArray, 0, i64::MAX),
        (Just(T::FloatArray), prop::collection::vec(float, 0..40)),
        (Just(T::DoubleArray), prop::collection::vec(double, 0..40)),
        (Just(T::BooleanArray), prop::collection::vec(any::<bool>().prop_map(Scalar::Bool), 0..40)),
        (Just(T::StringArray), prop::collection::vec(text, 0..40)),
    ]
}

fn data_set() -> impl Strategy<Value = DataSet> {
    let cell = prop_oneof![
        Just(None),
        any::<u32>().prop_map(|v| Some(CellValue::Int(v))),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(|v| Some(CellValue::Double(v))),
        any::<String>().prop_map(|v| Some(CellValue::String(v))),
    ];
    (1..5_usize, 0..5_usize).prop_flat_map(move |(columns, rows)| {
        let row = prop::collection::vec(cell.clone().prop_map(|value| Cell { value }), columns);
        let rows = prop::collection::vec(row.prop_map(|elements| Row { elements }), rows);
        let (names, types) =
            (prop::collection::vec(any::<String>(), columns), prop::collection::vec(0..20_u32, columns));
        (names, types, rows).prop_map(move |(columns, types, rows)| DataSet {
            num_of_columns: Some(columns.len() as u64),
            columns,
            types,
            rows,
        })
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    (prop::option::of(any::<u64>()), prop::collection::vec(metric(), 0..6), prop::option::of(0u64..256))
        .prop_map(|(timestamp, metrics, seq)| Payload { timestamp, metrics, seq, uuid: None, body: None })
}

fn samples() -> impl Strategy<Value = Samples> {
    prop_oneof![
        (prop::collection::vec(any::<i16>(), 1..40), 1e-6..1e3, -1e3..1e3)
            .prop_map(|(raw, scale, offset)| Samples::I16 { raw: raw.into(), scale, offset }),
        prop::collection::vec(-1e30f32..1e30, 1..40).prop_map(|v| Samples::F32(v.into())),
    ]
}

fn some_waveform() -> impl Strategy<Value = Waveform> {
    let meta = (
        prop::option::of((0.0..1e4, prop::option::of((0.0..1e4, 0.0..1e4)))),
        prop::option::of(-1e6..1e6),
        prop::option::of(0u64..1 << 53),
        0u64..1 << 53,
        prop::option::of("[a-z]{0,9}"),
    );
    (any::<u128>(), any::<i64>(), 1e-3..1e7, samples(), meta).prop_map(
        |(id, t0, fs, samples, (speed, load, seq, gaps, serial))| {
            let meta = WaveformMeta {
                speed: speed.map(|(mean_rpm, range_rpm)| Speed { mean_rpm, range_rpm }),
                load,
                range: load,
                pulses: load,
                seq,
                clip_count: seq,
                gaps,
                serial: serial.clone().map(Into::into),
                sync: serial.clone().map(Into::into),
                state: serial.map(Into::into),
                ..WaveformMeta::default()
            };
            let point: PointId = "s/m/p".parse().unwrap();
            let unit = Unit::parse("m/s²").unwrap();
            let t0 = Timestamp::from_nanos(t0);
            Waveform::new(WaveformId(id), point, t0, t0, fs, unit, samples, meta).unwrap()
        },
    )
}

fn machine() -> impl Strategy<Value = Machine> {
    let point = (point_name(), any::<bool>(), prop::option::of(prop::sample::select(Unit::all().collect::<Vec<_>>())))
        .prop_map(|(name, fast, unit)| Point {
            kind: if fast { PointKind::Waveform } else { PointKind::Scalar },
            unit,
            quantity: unit.map(Unit::quantity),
            limits: Limits { h: Some(7.1), hh: Some(11.2), ..Limits::default() },
            ..Point::bare(&name)
        });
    (prop::collection::vec(point, 0..5), prop::option::of(name()), 0.1..10.0).prop_map(|(points, area, order)| {
        let mut m = Machine::bare("s/m".parse().unwrap());
        m.points = points.into_iter().map(|p| (p.name.clone(), p)).collect();
        m.area = area.map(|a| Name::new(&a).unwrap());
        m.severity.rated_kw = Some(450.0);
        let orders = BearingOrders { bpfo: order, bpfi: order * 1.5, bsf: 2.36, ftf: 0.398 };
        let geometry = Geometry::Orders(orders);
        m.bearings.push(Bearing { name: Name::new("DE").unwrap(), designation: Some("6205".into()), geometry });
        m
    })
}

/// Gives every decoder a message; what they answer does not matter, that they answer does.
fn decode_all(bytes: &[u8]) {
    let _ = telemetry::decode(bytes);
    let _ = event::decode(bytes);
    let _ = birth::decode_death(bytes);
    let _ = birth::decode(bytes).and_then(|b| b.machine("s/m".parse().unwrap()));
    let _ = waveform::decode(bytes);
    if let Ok(payload) = sparkplug::decode(bytes) {
        for metric in &payload.metrics {
            let _ = (metric.scalar(None), metric.unit());
        }
    }
}

/// Decodes every beginning of a message, and the message with any one bit turned over.
fn damage(whole: &[u8]) {
    for end in 0..whole.len() {
        decode_all(&whole[..end]);
    }
    let mut bytes = whole.to_vec();
    for bit in 0..whole.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        decode_all(&bytes);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn telemetry_round_trips(frames in frames()) {
        let bytes = telemetry::encode(&frames);
        prop_assert_eq!(telemetry::decode(&bytes), Ok(frames));
    }

    #[test]
    fn events_round_trip(e in wire_event()) {
        let bytes = event::encode(&e);
        prop_assert_eq!(event::decode(&bytes), Ok(e));
    }

    #[test]
    fn births_round_trip(m in machine()) {
        let id: MachineId = m.id.clone();
        let back = birth::decode(&birth::encode(&Birth::of(&m))).and_then(|b| b.machine(id));
        prop_assert_eq!(back, Ok(m));
    }

    #[test]
    fn sparkplug_round_trips(p in payload()) {
        prop_assert_eq!(sparkplug::decode(&sparkplug::encode(&p)), Ok(p));
    }

    #[test]
    fn sparkplug_arrays_round_trip((datatype, elements) in array()) {
        let bytes = sparkplug::pack(datatype, &elements).unwrap();
        prop_assert_eq!(sparkplug::elements(datatype, &bytes), Ok(elements));
    }

    #[test]
    fn sparkplug_data_sets_and_templates_round_trip(set in data_set(), metrics in prop::collection::vec(metric(), 0..5)) {
        prop_assert_eq!(DataSet::read(&set.encode_to_vec()), Ok(set));
        let (template_ref, is_definition) = (Some("T".to_owned()), Some(false));
        let template = Template { metrics, template_ref, is_definition, ..Template::default() };
        prop_assert_eq!(Template::read(&template.encode_to_vec()), Ok(template));
    }

    #[test]
    fn sparkplug_compressed_round_trips(p in payload(), gzip: bool) {
        let algorithm = if gzip { Algorithm::Gzip } else { Algorithm::Deflate };
        let packed = sparkplug::encode(&sparkplug::compress(&p, algorithm));
        prop_assert_eq!(sparkplug::decode(&packed), Ok(p));
    }

    #[test]
    fn waveforms_round_trip(w in some_waveform()) {
        let bytes = waveform::encode(&w);
        let back = waveform::decode(&bytes).unwrap();
        prop_assert_eq!(back.unit.as_ref(), w.unit.symbol());
        prop_assert_eq!((back.id, back.t0, back.fs, back.samples, back.meta), (w.id, w.t0, w.fs, w.samples, w.meta));
    }

    #[test]
    fn topics_round_trip(site in name(), machine in name(), point in point_name(), device in name(), which in 0..14usize) {
        let text = match which {
            0 => format!("danxia/v1/{site}/{machine}/telemetry"),
            1 => format!("danxia/v1/{site}/{machine}/event"),
            2 => format!("danxia/v1/{site}/{machine}/birth"),
            3 => format!("danxia/v1/{site}/{machine}/death"),
            4 => format!("danxia/v1/{site}/{machine}/{point}/waveform"),
            5..=8 => format!("spBv1.0/{site}/{}/{machine}", ["NBIRTH", "NDEATH", "NDATA", "NCMD"][which - 5]),
            9..=12 => format!("spBv1.0/{site}/{}/{machine}/{device}", ["DBIRTH", "DDEATH", "DDATA", "DCMD"][which - 9]),
            _ => format!("spBv1.0/STATE/{site}"),
        };
        let topic: Topic = text.parse().unwrap();
        prop_assert_eq!(topic.to_string(), text);
    }

    #[test]
    fn no_text_makes_the_topic_parser_panic(text: String) {
        for s in [text.clone(), format!("danxia/v1/{text}"), format!("spBv1.0/{text}")] {
            if let Ok(topic) = s.parse::<Topic>() {
                prop_assert_eq!(topic.to_string(), s);
            }
        }
    }

    #[test]
    fn noise_makes_no_decoder_panic(bytes: Vec<u8>) {
        decode_all(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn damage_makes_no_decoder_panic(frames in frames(), e in wire_event(), p in payload(), w in some_waveform(), m in machine()) {
        damage(&telemetry::encode(&frames));
        damage(&event::encode(&e));
        damage(&sparkplug::encode(&p));
        damage(&sparkplug::encode(&sparkplug::compress(&p, Algorithm::Gzip)));
        damage(&waveform::encode(&w));
        damage(&birth::encode(&Birth::of(&m)));
    }

    /// A damaged sample must not be taken for a measured one: the checksum finds every turned bit of the data.
    #[test]
    fn no_turned_bit_of_the_samples_goes_unseen(w in some_waveform()) {
        let whole = waveform::encode(&w);
        let width = if matches!(w.samples, Samples::I16 { .. }) { 2 } else { 4 };
        let data = whole.len() - w.samples.len() * width;
        let mut bytes = whole.clone();
        for bit in data * 8..whole.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(waveform::decode(&bytes).unwrap_err().code.as_str(), "waveform_crc");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// A waveform as another CBOR implementation writes it, with fields of ours changed or taken away.
fn foreign(change: impl Fn(&mut Vec<(ciborium::Value, ciborium::Value)>)) -> Vec<u8> {
    use ciborium::Value as V;
    let text = |s: &str| V::Text(s.into());
    let data: Vec<u8> = [1i16, -2, 300].iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut map = vec![
        (text("v"), V::Integer(1.into())),
        (text("id"), V::Bytes((0..16).collect())),
        (text("t0_ns"), V::Integer(1_735_689_600_123_456_789_i64.into())),
        (text("fs"), V::Integer(25_600.into())),
        (text("n"), V::Integer(3.into())),
        (text("unit"), text("g")),
        (text("scale"), V::Float(0.5)),
        (text("crc32c"), V::Integer(crc32c::crc32c(&data).into())),
        (
            text("tacho"),
            V::Map(vec![(text("ppr"), V::Integer(1.into())), (text("edges"), V::Array(vec![V::Float(0.5)]))]),
        ),
        (text("load"), V::Null),
        (text("rpm"), V::Map(vec![(text("mean"), V::Float(1486.0)), (text("src"), text("tacho"))])),
        (text("data"), V::Tag(77, Box::new(V::Bytes(data)))),
    ];
    change(&mut map);
    let mut out = Vec::new();
    ciborium::into_writer(&V::Map(map), &mut out).unwrap();
    out
}

#[test]
fn waveforms_of_another_cbor_writer_are_read() {
    let bytes = foreign(|_| {});
    let w = waveform::decode(&bytes).unwrap();
    assert_eq!(w.fs, 25_600.0);
    assert_eq!(w.samples, Samples::I16 { raw: [1, -2, 300].into(), scale: 0.5, offset: 0.0 });
    assert_eq!(w.meta.speed, Some(Speed { mean_rpm: 1486.0, range_rpm: None }));
    assert_eq!(w.id.to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
}

#[test]
fn another_cbor_reader_reads_ours() {
    let unit = Unit::parse("m/s²").unwrap();
    let samples = Samples::F32([1.5f32, -2.0].into());
    let t0 = Timestamp::from_nanos(-5);
    let w =
        Waveform::new(WaveformId(7), "s/m/p".parse().unwrap(), t0, t0, 100.0, unit, samples, WaveformMeta::default());
    let value: ciborium::Value = ciborium::from_reader(&waveform::encode(&w.unwrap())[..]).unwrap();
    let get = |key: &str| {
        let found = value.as_map().unwrap().iter().find(|(k, _)| k.as_text() == Some(key));
        found.map(|(_, v)| v.clone()).unwrap()
    };
    assert_eq!(get("t0_ns").as_integer(), Some((-5).into()));
    assert_eq!(get("unit").as_text(), Some("m/s²"));
    let (tag, data) = get("data").as_tag().map(|(t, d)| (t, d.clone())).unwrap();
    assert_eq!((tag, data.as_bytes().unwrap().len()), (85, 8));
}

#[test]
fn every_flaw_of_a_waveform_has_its_own_code() {
    use ciborium::Value as V;
    let set = |key: &'static str, value: V| {
        foreign(move |m| {
            m.retain(|(k, _)| k.as_text() != Some(key));
            if value != V::Text("absent".into()) {
                m.push((V::Text(key.into()), value.clone()));
            }
        })
    };
    let absent = || V::Text("absent".into());
    for (bytes, code) in [
        (set("v", absent()), "waveform_field_missing"),
        (set("v", V::Integer(2.into())), "waveform_version"),
        (set("id", absent()), "waveform_field_missing"),
        (set("id", V::Bytes(vec![1])), "waveform_id"),
        (set("id", V::Text("no".into())), "waveform_id"),
        (set("t0_ns", absent()), "waveform_field_missing"),
        (set("t0_ns", V::Float(1.0)), "cbor_type"),
        (set("fs", absent()), "waveform_no_fs"),
        (set("fs", V::Null), "waveform_no_fs"),
        (set("fs", V::Float(0.0)), "waveform_fs"),
        (set("fs", V::Float(f64::NAN)), "waveform_fs"),
        (set("unit", absent()), "waveform_no_unit"),
        (set("n", absent()), "waveform_field_missing"),
        (set("n", V::Integer(4.into())), "waveform_length"),
        (set("data", absent()), "waveform_field_missing"),
        (set("data", V::Bytes(vec![0; 6])), "waveform_data"),
        (set("data", V::Tag(78, Box::new(V::Bytes(vec![0; 6])))), "waveform_data"),
        (set("data", V::Tag(77, Box::new(V::Bytes(vec![0; 5])))), "waveform_length"),
        (set("data", V::Tag(77, Box::new(V::Bytes(vec![0; 6])))), "waveform_crc"),
        (set("crc32c", V::Integer(1.into())), "waveform_crc"),
        (set("scale", V::Float(0.0)), "waveform_scale"),
        (set("scale", V::Float(f64::INFINITY)), "waveform_scale"),
        (set("parts", V::Integer(3.into())), "waveform_parts"),
        (set("range", V::Float(f64::NAN)), "value_not_finite"),
        (set("gaps", V::Integer((-1).into())), "cbor_type"),
        (vec![0xa0], "waveform_field_missing"),
        (vec![0x80], "cbor_type"),
        (vec![0xa1, 0x01, 0x01], "cbor_type"),
        (vec![], "cbor_syntax"),
        (b"{}".to_vec(), "cbor_syntax"),
        ([&[0xa1, 0x61, b'x'], &[0x81; 40][..]].concat(), "cbor_syntax"),
    ] {
        let fault = waveform::decode(&bytes).unwrap_err();
        assert_eq!(fault.code.as_str(), code, "{fault}");
    }
}

#[test]
fn nesting_is_refused_and_not_followed() {
    let deep = "[".repeat(100_000);
    let values = format!("{{\"values\":{{\"a\":{deep}");
    let codes = [&deep, &values].map(|s| telemetry::decode(s.as_bytes()).unwrap_err().code.as_str());
    assert_eq!(codes, ["json_type", "value_type"]);
    let many = format!("{{\"values\":{{{}}}}}", vec!["\"a\":1"; 65_537].join(","));
    assert_eq!(telemetry::decode(many.as_bytes()).unwrap_err().code.as_str(), "values_limit");
    let long = format!("{{\"values\":{{\"a\":\"{}\"}}}}", "x".repeat(65_537));
    assert_eq!(telemetry::decode(long.as_bytes()).unwrap_err().code.as_str(), "text_limit");
}

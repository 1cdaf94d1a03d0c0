//! Prints how fast one core reads messages: `cargo run --release -p collector --example decode_rate`.
//!
//! "wire" is the decoder alone; "values" is the way from payload to observations in their units (topic, machine, point,
//! conversion, quality, duplicates), without the store.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]

use std::hint::black_box;
use std::time::Duration;

use collector::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload};
use collector::wire::{Frame, Reading, Scalar, telemetry, waveform};
use collector::{Collector, Config, Message};
use plant::{ManualClock, Samples, Timestamp, Unit, Waveform, WaveformId, WaveformMeta};

const T0: i64 = 1_735_689_600;
const VALUES: usize = 100;
const MESSAGES: usize = 2_000;

/// The shortest of several runs, divided by what one run does.
fn time(per_run: usize, mut run: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..7 {
        let begin = tokio::time::Instant::now();
        run();
        best = best.min(begin.elapsed());
    }
    best / per_run as u32
}

fn report(what: &str, per_value: Duration, extra: &str) {
    println!("{what:<28} {:>10.0} values/s {extra}", 1.0 / per_value.as_secs_f64());
}

fn noise(i: usize) -> f64 {
    // A plausible reading with two decimals.
    ((i.wrapping_mul(2_654_435_761) >> 7) % 100_000) as f64 / 100.0
}

fn json(n: usize) -> Vec<u8> {
    let readings = (0..VALUES).map(|i| {
        let reading = Reading::new(format!("channel_{i:02}"), Scalar::Float(noise(n * VALUES + i)));
        if i % 10 == 0 { reading.with_unit("degF") } else { reading }
    });
    let t = Some(Timestamp::from_millis(T0 * 1000 + n as i64));
    telemetry::encode(&[Frame { t, readings: readings.collect() }])
}

fn node_data(n: usize) -> Vec<u8> {
    let ms = T0 as u64 * 1000 + n as u64;
    let metric = |i: usize| Metric::aliased(i as u64, MetricValue::Double(noise(n * VALUES + i))).at(ms);
    sparkplug::encode(&Payload {
        timestamp: Some(ms),
        metrics: (0..VALUES).map(metric).collect(),
        seq: Some((n as u64 + 1) % 256),
        ..Payload::default()
    })
}

fn node_birth() -> Vec<u8> {
    let metric = |i: usize| {
        let m = Metric::new(format!("Folder/Channel {i}"), DataType::Double, MetricValue::Double(0.0));
        m.with_alias(i as u64).with_unit("°C")
    };
    let metrics = (0..VALUES).map(metric).collect();
    sparkplug::encode(&Payload { timestamp: Some(T0 as u64 * 1000), metrics, seq: Some(0), ..Payload::default() })
}

fn record(f32s: bool) -> Vec<u8> {
    let n = 65_536;
    let samples = match f32s {
        true => Samples::F32((0..n).map(|i| noise(i) as f32).collect()),
        false => Samples::I16 { raw: (0..n).map(|i| i as i16).collect(), scale: 0.001, offset: 0.0 },
    };
    let t0 = Timestamp::from_secs(T0);
    let (point, unit) = ("s/m/vib".parse().unwrap(), Unit::parse("g").unwrap());
    let meta = WaveformMeta::default();
    waveform::encode(&Waveform::new(WaveformId(1), point, t0, t0, 25_600.0, unit, samples, meta).unwrap())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let t = Timestamp::from_secs(T0 + 3600);
    let clock = std::sync::Arc::new(ManualClock::new(t));
    let store = historian::Historian::open(historian::Config::new(dir.path()), clock).unwrap();
    let config = Config { adopt: true, max_ahead: None, ..Config::default() };
    let make = || Collector::new(config.clone(), store.recorder(), store.archive(), store.register()).0;
    let collector = make();

    let (texts, topic) = ((0..MESSAGES).map(json).collect::<Vec<_>>(), "danxia/v1/s/m/telemetry");
    println!("JSON, {VALUES} values, {} bytes a message", texts[7].len());
    let each = time(MESSAGES * VALUES, || texts.iter().for_each(|p| drop(black_box(telemetry::decode(p).unwrap()))));
    report("  wire", each, "");
    let message = |topic: &str, p: &[u8]| Message::new(topic.into(), p.to_vec().into());
    collector.accept("c".into(), vec![message(topic, &json(MESSAGES))], t).await.unwrap().await.unwrap();
    let messages: Vec<Message> = texts.iter().map(|p| message(topic, p)).collect();
    let each = time(MESSAGES * VALUES, || {
        for chunk in messages.chunks(16) {
            assert_eq!(black_box(collector.batch_of("c".into(), chunk, t)).observations.len(), chunk.len() * VALUES);
        }
    });
    report("  values", each, "");

    let (payloads, topic) = ((0..MESSAGES).map(node_data).collect::<Vec<_>>(), "spBv1.0/s/NDATA/e");
    println!("Sparkplug B, {VALUES} metrics by alias with time, {} bytes a message", payloads[7].len());
    let each = time(MESSAGES * VALUES, || payloads.iter().for_each(|p| drop(black_box(sparkplug::decode(p).unwrap()))));
    report("  wire", each, "");
    let birth = message("spBv1.0/s/NBIRTH/e", &node_birth());
    collector.accept("c".into(), vec![birth], t).await.unwrap().await.unwrap();
    let messages: Vec<Message> = payloads.iter().map(|p| message(topic, p)).collect();
    let each = time(MESSAGES * VALUES, || {
        for chunk in messages.chunks(16) {
            assert_eq!(black_box(collector.batch_of("c".into(), chunk, t)).observations.len(), chunk.len() * VALUES);
        }
    });
    report("  values", each, "");

    for (what, f32s) in [("i16", false), ("f32", true)] {
        let bytes = record(f32s);
        let each = time(100, || (0..100).for_each(|_| drop(black_box(waveform::decode(&bytes).unwrap()))));
        println!("waveform, 65,536 {what}: wire {each:.1?}");
        let one = [message("danxia/v1/s/m/vib/waveform", &bytes)];
        let each = time(100, || (0..100).for_each(|_| drop(black_box(make_waveform(&collector, &one, t)))));
        println!("waveform, 65,536 {what}: to the point's unit {each:.1?}");
    }
}

fn make_waveform(collector: &Collector, one: &[Message], t: Timestamp) -> historian::Batch {
    let batch = collector.batch_of("c".into(), one, t);
    assert_eq!(batch.waveforms.len(), 1);
    batch
}

//! The collector on a real store: what was accepted is there, once, and the ledger adds up.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

use std::sync::Arc;

use collector::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload};
use collector::wire::waveform;
use collector::{Collector, Command, Config, Message};
use historian::{CommitError, Historian};
use plant::{ManualClock, PointId, Samples, SeriesKey, Timestamp, Unit, Value, Waveform, WaveformId, WaveformMeta};
use tokio::sync::mpsc;

const T0: i64 = 1_735_689_600;

struct House {
    historian: Historian,
    collector: Collector,
    commands: mpsc::Receiver<Command>,
    _dir: tempfile::TempDir,
}

fn house() -> House {
    house_with(|_| {})
}

fn house_with(change: impl FnOnce(&mut historian::Config)) -> House {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = historian::Config::new(dir.path());
    change(&mut settings);
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(T0)));
    let historian = Historian::open(settings, clock).unwrap();
    let config = Config { adopt: true, ..Config::default() };
    let (collector, commands) = Collector::new(config, historian.recorder(), historian.archive(), historian.register());
    House { historian, collector, commands, _dir: dir }
}

fn message(topic: &str, payload: impl AsRef<[u8]>) -> Message {
    Message::new(topic.into(), payload.as_ref().to_vec().into())
}

impl House {
    async fn send(&self, messages: Vec<Message>) -> Result<(), CommitError> {
        self.collector.accept("client".into(), messages, Timestamp::from_secs(T0)).await?.await
    }

    fn ledger(&self) -> (u64, u64, u64, u64, u64) {
        let l = self.historian.archive().ledger_total().unwrap();
        assert_eq!(l.received, l.committed + l.duplicates + l.quarantined + l.refused, "{l:?}");
        (l.received, l.committed, l.duplicates, l.quarantined, l.refused)
    }

    fn stored(&self, point: &str) -> Vec<Value> {
        let key = SeriesKey::raw(point.parse::<PointId>().unwrap());
        let all = self.historian.archive().range(&key, Timestamp::MIN, Timestamp::MAX, 100_000).unwrap();
        all.into_iter().map(|s| s.value).collect()
    }
}

#[tokio::test]
async fn a_receipt_means_stored() {
    let house = house();
    let good = message("danxia/v1/s/m/telemetry", format!("{{\"ts\":{T0},\"values\":{{\"a\":61.2,\"b\":true}}}}"));
    let bad = message("danxia/v1/s/m/telemetry", "{");
    house.send(vec![good.clone(), bad]).await.unwrap();
    assert_eq!(house.stored("s/m/a"), [Value::Float(61.2)]);
    assert_eq!(house.stored("s/m/b"), [Value::Bool(true)]);
    assert!(house.historian.register().plant().point(&"s/m/a".parse().unwrap()).is_some());
    assert_eq!(&*house.historian.archive().quarantine_groups().unwrap()[0].code, "json_syntax");
    assert_eq!(house.ledger(), (2, 1, 0, 1, 0));

    house.send(vec![good]).await.unwrap();
    assert_eq!(house.ledger(), (3, 1, 1, 1, 0));
    assert_eq!(house.stored("s/m/a").len(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_is_stored_all_the_same_and_known_when_it_comes_again() {
    let house = house();
    let one = message("danxia/v1/s/m/telemetry", format!("{{\"ts\":{T0},\"values\":{{\"a\":1.5}}}}"));
    let accept = |m: Message| house.collector.accept("client".into(), vec![m], Timestamp::from_secs(T0));
    drop(accept(one.clone()).await.unwrap());
    // The connection broke before the acknowledgement, so the client sends it again.
    accept(one).await.unwrap().await.unwrap();
    assert_eq!(house.ledger(), (2, 1, 1, 0, 0));
    assert_eq!(house.stored("s/m/a"), [Value::Float(1.5)]);
}

#[tokio::test]
async fn refusals_enter_the_ledger_together() {
    let house = house();
    for _ in 0..1000 {
        house.collector.refused("a".into(), 1);
    }
    house.collector.refused("b".into(), 7);
    let before = house.historian.head();
    house.collector.flush().await.unwrap();
    house.collector.flush().await.unwrap();
    assert_eq!(house.historian.head(), before + 1);
    assert_eq!(house.ledger(), (1007, 0, 0, 0, 1007));
    for source in 0..5000 {
        house.collector.refused(source.to_string().into(), 1);
    }
    house.collector.flush().await.unwrap();
    assert_eq!(house.ledger().4, 6007);
    let sources = house.historian.archive().ledger_by_source().unwrap();
    assert_eq!(sources.iter().find(|l| &*l.source == "(others)").unwrap().refused, 904);
}

#[tokio::test]
async fn a_message_that_the_store_never_takes_does_not_come_for_ever() {
    let house = house_with(|c| c.queue_bytes = 64 * 1024);
    let text = "x".repeat(60_000);
    let large = message("danxia/v1/s/m/telemetry", format!("{{\"values\":{{\"a\":\"{text}\",\"b\":\"{text}\"}}}}"));
    house.send(vec![large]).await.unwrap();
    assert_eq!(&*house.historian.archive().quarantine_groups().unwrap()[0].code, "store_refused");
    assert_eq!(house.ledger(), (1, 0, 0, 1, 0));
}

/// A message of `bytes` bytes of text, in two values that each fit into a commit.
fn large(bytes: usize) -> Message {
    let text = "x".repeat(bytes / 2);
    let payload = format!("{{\"ts\":{T0},\"values\":{{\"large\":\"{text}\",\"larger\":\"{text}\"}}}}");
    message("danxia/v1/s/m/telemetry", payload)
}

#[tokio::test]
async fn what_the_store_does_not_take_is_set_aside_alone_and_its_neighbours_are_kept_whole() {
    let mut house = house_with(|c| c.queue_bytes = 64 * 1024);
    let good = |s: i64| message("danxia/v1/s/m/telemetry", format!("{{\"ts\":{},\"values\":{{\"a\":{s}}}}}", T0 + s));
    let wrong = message("danxia/v1/s/m/telemetry", format!("{{{}", " ".repeat(10_000)));
    let sparkplug = |topic: &str, seq: u64, metric: Metric| {
        let timestamp = Some(T0 as u64 * 1000 + seq);
        message(
            topic,
            sparkplug::encode(&Payload { timestamp, metrics: vec![metric], seq: Some(seq), ..Payload::default() }),
        )
    };
    let birth = Metric::new("level", DataType::Double, MetricValue::Double(2.0)).with_alias(1);
    let data = |v| Metric::aliased(1, MetricValue::Double(v));
    let batch = vec![
        good(1),
        sparkplug("spBv1.0/g/NBIRTH/e", 0, birth),
        wrong,
        large(120_000),
        good(2),
        sparkplug("spBv1.0/g/NDATA/e", 1, data(3.0)),
        good(2),
    ];
    house.send(batch).await.unwrap();
    assert_eq!(house.ledger(), (7, 4, 1, 2, 0));
    assert_eq!(house.stored("s/m/a"), [1.0, 2.0].map(Value::Float));
    assert_eq!(house.stored("g/e/level"), [2.0, 3.0].map(Value::Float));
    let waits = house.historian.archive().quarantine(None, 9).unwrap();
    let brief: Vec<_> = waits.iter().map(|q| (&*q.entry.code, q.complete)).collect();
    assert_eq!(brief, [("store_refused", false), ("json_syntax", true)]);

    // The sequence goes on where it was, and what was set aside is not taken for known when it comes again.
    house.send(vec![sparkplug("spBv1.0/g/NDATA/e", 2, data(4.0)), large(120_000)]).await.unwrap();
    house.collector.tick(Timestamp::from_secs(T0 + 60)).await.unwrap();
    assert_eq!((house.collector.counters().gaps, house.ledger()), (0, (9, 5, 1, 3, 0)));
    assert!(house.commands.try_recv().is_err(), "no birth was asked for");
    // Known is what was committed.
    house.send(vec![good(1), large(120_000)]).await.unwrap();
    assert_eq!(house.ledger(), (11, 5, 2, 4, 0));
}

#[tokio::test]
async fn messages_that_are_too_large_only_together_are_all_taken() {
    let house = house_with(|c| c.queue_bytes = 64 * 1024);
    let values = |s: i64| format!("{{\"ts\":{},\"values\":{{\"a\":\"{}\"}}}}", T0 + s, "x".repeat(30_000));
    house.send((0..5).map(|s| message("danxia/v1/s/m/telemetry", values(s))).collect()).await.unwrap();
    assert_eq!((house.stored("s/m/a").len(), house.ledger()), (5, (5, 5, 0, 0, 0)));
}

#[tokio::test]
async fn after_the_end_nothing_is_acknowledged() {
    let house = house();
    let House { historian, collector, .. } = house;
    historian.close().unwrap();
    let one = message("danxia/v1/s/m/telemetry", "{\"values\":{\"a\":1}}");
    let result = match collector.accept("client".into(), vec![one], Timestamp::from_secs(T0)).await {
        Ok(receipt) => receipt.await,
        Err(e) => Err(e),
    };
    assert_eq!(result, Err(CommitError::Closed));
    collector.refused("a".into(), 1);
    assert_eq!(collector.flush().await, Err(CommitError::Closed));
}

#[tokio::test]
async fn waveforms_are_stored_once_across_a_restart_of_the_collector() {
    let mut house = house();
    let t0 = Timestamp::from_secs(T0);
    let samples = Samples::I16 { raw: (0..1000i16).collect(), scale: 0.001, offset: 0.0 };
    let unit = Unit::parse("g").unwrap();
    let point = "s/m/vib".parse().unwrap();
    let w = Waveform::new(WaveformId(9), point, t0, t0, 25_600.0, unit, samples, WaveformMeta::default()).unwrap();
    let one = message("danxia/v1/s/m/vib/waveform", waveform::encode(&w));
    house.send(vec![one.clone(), one.clone()]).await.unwrap();
    let config = Config { adopt: true, ..Config::default() };
    let h = &house.historian;
    (house.collector, house.commands) = Collector::new(config, h.recorder(), h.archive(), h.register());
    house.send(vec![one]).await.unwrap();
    assert_eq!(house.ledger(), (3, 1, 2, 0, 0));
    let stored = house.historian.archive().waveform(WaveformId(9)).unwrap().unwrap();
    assert_eq!(stored.unit.symbol(), "m/s²");
    assert!((stored.physical()[999] - 0.999 * 9.80665).abs() < 1e-9);
}

#[tokio::test]
async fn a_node_that_nobody_knows_is_asked_for_its_birth() {
    let mut house = house();
    let data = Payload {
        timestamp: Some(T0 as u64 * 1000),
        metrics: vec![Metric::aliased(1, MetricValue::Double(2.5))],
        seq: Some(1),
        ..Payload::default()
    };
    house.send(vec![message("spBv1.0/g/NDATA/e", sparkplug::encode(&data))]).await.unwrap();
    assert_eq!(house.commands.recv().await.unwrap().topic, "spBv1.0/g/NCMD/e");
    let birth = Payload {
        metrics: vec![Metric::new("level", DataType::Double, MetricValue::Double(2.0)).with_alias(1)],
        seq: Some(0),
        timestamp: Some(T0 as u64 * 1000 + 1),
        ..Payload::default()
    };
    let later = Payload { timestamp: Some(T0 as u64 * 1000 + 2), ..data };
    house.send(vec![message("spBv1.0/g/NBIRTH/e", sparkplug::encode(&birth))]).await.unwrap();
    house.send(vec![message("spBv1.0/g/NDATA/e", sparkplug::encode(&later))]).await.unwrap();
    assert_eq!(house.stored("g/e/level"), [2.0, 2.5].map(Value::Float));
    assert_eq!(house.ledger(), (3, 2, 0, 1, 0));
    assert_eq!(house.collector.counters().rebirths, 1);
}

/// Many connections speak for the same new machine at once, each with repetitions and damage among its messages.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_from_many_connections_everything_is_counted_and_there() {
    const CONNECTIONS: u64 = 8;
    const ROUNDS: u64 = 60;
    let house = house();
    let mut tasks = tokio::task::JoinSet::new();
    for c in 0..CONNECTIONS {
        let collector = house.collector.clone();
        tasks.spawn(async move {
            let mut receipts = Vec::new();
            for r in 0..ROUNDS {
                let t = T0 as u64 * 1000 + r * CONNECTIONS + c;
                let values = format!("{{\"ts\":{t},\"values\":{{\"shared\":{t},\"own{c}\":{r}}}}}");
                let good = message("danxia/v1/s/m/telemetry", values);
                let bad = message("danxia/v1/s/m/telemetry", "{\"values\":{\"a\":");
                let batch = vec![good.clone(), bad, good];
                let source = format!("c{c}").into();
                receipts.push(collector.accept(source, batch, Timestamp::from_secs(T0)).await.unwrap());
                collector.refused(format!("c{c}").into(), 1);
            }
            for receipt in receipts {
                receipt.await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    house.collector.flush().await.unwrap();
    let n = CONNECTIONS * ROUNDS;
    assert_eq!(house.ledger(), (4 * n, n, n, n, n));
    assert_eq!(house.stored("s/m/shared").len() as u64, n);
    for c in 0..CONNECTIONS {
        let want: Vec<Value> = (0..ROUNDS).map(|r| Value::Float(r as f64)).collect();
        assert_eq!(house.stored(&format!("s/m/own{c}")), want);
    }
    assert_eq!(house.historian.register().plant().machine("s/m").unwrap().points.len() as u64, CONNECTIONS + 1);
}

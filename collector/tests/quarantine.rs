//! What waits in quarantine on a real store: replayed, adopted, discarded; the ledger adds up at every step.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use collector::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload};
use collector::wire::waveform;
use collector::{Adopt, AdoptError, AdoptPoint, Collector, Config, Message, NewPoint, Replayed, Retain};
use historian::{Batch, Historian, Ignored, Selection};
use plant::{
    AssetChange, Machine, MachineClass, ManualClock, Point, PointKind, Quality, SeriesKey, Timestamp, Title, Unit,
    Value, Waveform, WaveformId, WaveformMeta,
};

const T0: i64 = 1_735_689_600;
const TELEMETRY: &str = "danxia/v1/s/m/telemetry";

struct House {
    historian: Option<Historian>,
    collector: Option<Collector>,
    clock: Arc<ManualClock>,
    dir: tempfile::TempDir,
    adopt: bool,
}

fn settings(dir: &Path) -> historian::Config {
    historian::Config::new(dir)
}

fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(T0 + s)
}

fn message(topic: &str, payload: impl AsRef<[u8]>) -> Message {
    Message::new(topic.into(), payload.as_ref().to_vec().into())
}

fn telemetry(s: i64, values: &str) -> Message {
    message(TELEMETRY, format!("{{\"ts\":{},\"values\":{{{values}}}}}", T0 + s))
}

fn codes(codes: &[&str]) -> Selection {
    Selection { codes: codes.iter().map(|c| (*c).into()).collect(), ..Selection::default() }
}

fn everything_of(machine: &str) -> Adopt {
    Adopt {
        machine: machine.parse().unwrap(),
        title: Title::default(),
        area: None,
        like: None,
        points: None,
        edition: None,
    }
}

impl House {
    async fn new() -> Self {
        Self::with(settings).await
    }

    async fn with(settings: impl FnOnce(&Path) -> historian::Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(at(0)));
        let historian = Some(Historian::open(settings(dir.path()), clock.clone()).unwrap());
        let mut house = Self { historian, collector: None, clock, dir, adopt: false };
        house.begin().await;
        house
    }

    async fn begin(&mut self) {
        let h = self.historian();
        let config = Config { adopt: self.adopt, ..Config::default() };
        let (collector, _) = Collector::new(config, h.recorder(), h.archive(), h.register());
        collector.recall_discovery(h.register()).await.unwrap();
        self.collector = Some(collector);
    }

    /// As after kill -9: nothing is closed.
    async fn restart(&mut self) {
        (self.collector, self.historian) = (None, None);
        self.historian = Some(Historian::open(settings(self.dir.path()), self.clock.clone()).unwrap());
        self.begin().await;
    }

    fn historian(&self) -> &Historian {
        self.historian.as_ref().unwrap()
    }

    fn collector(&self) -> &Collector {
        self.collector.as_ref().unwrap()
    }

    async fn send_at(&self, s: i64, messages: Vec<Message>) {
        self.collector().accept("plc".into(), messages, at(s)).await.unwrap().await.unwrap();
    }

    async fn send(&self, messages: Vec<Message>) {
        self.send_at(0, messages).await;
    }

    async fn change(&self, change: AssetChange) {
        self.historian().recorder().commit(Batch { changes: vec![change], ..Batch::default() }).await.unwrap();
    }

    async fn replay(&self, which: &Selection) -> Replayed {
        let mut last = Replayed::default();
        let sum = self.collector().replay(which, |r| last = *r).await.unwrap();
        if sum.selected > 0 {
            assert_eq!(last, sum, "who listens hears of the end");
        }
        assert_eq!(sum.done, sum.selected);
        sum
    }

    /// received, committed, duplicates, quarantined; they add up, by the source and by the minute too.
    fn ledger(&self) -> (u64, u64, u64, u64) {
        let archive = self.historian().archive();
        let l = archive.ledger_total().unwrap();
        assert!(l.adds_up() && l.released == 0, "{l:?}");
        assert!(archive.ledger_by_source().unwrap().iter().all(|l| l.adds_up()));
        let (lines, _) = archive.ledger_history(Timestamp::MIN, Timestamp::MAX).unwrap();
        assert!(lines.iter().all(|l| l.counts.adds_up()), "{lines:?}");
        let sum = |f: fn(&historian::LedgerDelta) -> u64| lines.iter().map(|l| f(&l.counts)).sum::<u64>();
        assert_eq!(sum(|l| l.quarantined) - sum(|l| l.released), l.quarantined);
        assert_eq!((sum(|l| l.received), sum(|l| l.committed)), (l.received, l.committed));
        let groups = archive.quarantine_groups().unwrap();
        assert_eq!(groups.iter().map(|g| g.count).sum::<u64>(), l.quarantined, "{groups:?}");
        (l.received, l.committed, l.duplicates, l.quarantined)
    }

    fn stored(&self, point: &str) -> Vec<(Timestamp, Value)> {
        let key = SeriesKey::raw(point.parse().unwrap());
        let all = self.historian().archive().range(&key, Timestamp::MIN, Timestamp::MAX, 100_000).unwrap();
        all.into_iter().map(|s| (s.t, s.value)).collect()
    }

    fn waiting(&self) -> Vec<String> {
        let list = self.historian().archive().quarantine(None, 100_000).unwrap();
        list.iter().rev().map(|q| q.entry.code.to_string()).collect()
    }

    fn offered(&self) -> Vec<String> {
        let list = self.collector().new_points();
        list.machines.iter().flat_map(|m| m.ids().map(|p| p.to_string()).collect::<Vec<_>>()).collect()
    }
}

#[tokio::test]
async fn a_hundred_values_sent_before_the_adoption_are_all_there_afterwards_with_their_own_times() {
    let mut house = House::new().await;
    for s in 0..100 {
        // Half of them do not say when they were measured: then the time of their receipt counts, not that of the replay.
        let m = if s % 2 == 0 {
            telemetry(s, &format!("\"temp\":{{\"v\":{s},\"u\":\"°C\"}}"))
        } else {
            message(TELEMETRY, format!("{{\"values\":{{\"temp\":{{\"v\":{s},\"u\":\"°C\"}}}}}}"))
        };
        house.send_at(s, vec![m]).await;
        if s == 50 {
            house.restart().await;
        }
    }
    assert_eq!(house.ledger(), (100, 0, 0, 100));
    let list = house.collector().new_points();
    let NewPoint { value, unit, count, first, last, t, .. } = &list.machines[0].points[0];
    assert_eq!((value.clone(), unit.as_deref()), (Some(Value::Int(99)), Some("°C")));
    assert_eq!((*count, *first, *last, *t), (100, at(0), at(99), at(99)), "also what came before the restart");

    house.clock.advance(std::time::Duration::from_secs(3_600));
    let adopt = Adopt { title: Title { en: Some("Fan".into()), zh: None }, ..everything_of("s/m") };
    let adopted = house.collector().adopt(&[adopt], |_| {}).await.unwrap();
    assert_eq!((adopted.machines, adopted.points), (1, 1));
    assert_eq!((adopted.replayed.committed, adopted.replayed.failed), (100, 0));
    let wanted: Vec<_> = (0..100).map(|s| (at(s), Value::Float(s as f64))).collect();
    for _ in 0..2 {
        assert_eq!(house.stored("s/m/temp"), wanted);
        assert_eq!(house.ledger(), (100, 100, 0, 0));
        assert_eq!((house.waiting(), house.offered()), (vec![], vec![]));
        let plant = house.historian().register().plant();
        let machine = plant.machine("s/m").unwrap();
        assert_eq!(machine.title.en.as_deref(), Some("Fan"));
        assert_eq!(machine.points["temp"].unit, Unit::parse("°C"));
        house.restart().await;
    }
    // What comes again is known for what it is.
    let none = house.replay(&Selection::default()).await;
    assert_eq!(none, Replayed::default());
}

#[tokio::test]
async fn what_fails_again_stays_with_its_new_reason_and_what_is_cut_stays_as_it_is() {
    let house = House::with(|dir| historian::Config { quarantine_message_bytes: 5_000, ..settings(dir) }).await;
    let long = format!("\"temp\":1,\"text\":\"{}\"", "x".repeat(6_000));
    house
        .send(vec![
            telemetry(1, "\"temp\":1"),
            telemetry(2, "\"temp\":{\"v\":2,\"u\":\"furlong\"}"),
            telemetry(3, &long),
            message(TELEMETRY, "{"),
            Message::from_raw(b"danxia/v1/s/\xff/telemetry", "{\"values\":{\"a\":1}}".into()),
        ])
        .await;
    assert_eq!(house.waiting(), ["unknown_point", "unknown_point", "unknown_point", "json_syntax", "topic_utf8"]);
    house.change(AssetChange::Point("s/m".parse().unwrap(), Point::bare("temp"))).await;
    let sum = house.replay(&Selection::default()).await;
    assert_eq!((sum.selected, sum.committed, sum.failed, sum.incomplete), (5, 1, 3, 1));
    assert_eq!(house.waiting(), ["unit_unknown", "unknown_point", "json_syntax", "topic_utf8"]);
    let reason = &house.historian().archive().quarantine(Some("unit_unknown"), 1).unwrap()[0].entry.reason;
    assert!(reason.contains("furlong"), "{reason}");
    assert_eq!(house.ledger(), (5, 1, 0, 4));
    assert_eq!(house.stored("s/m/temp"), [(at(1), Value::Float(1.0))]);
}

#[tokio::test]
async fn two_replays_at_once_release_every_message_once() {
    let house = House::new().await;
    house.send((0..1_000).map(|s| telemetry(s, "\"temp\":1")).collect()).await;
    // The same message twice, and one that is committed before the replay comes to it.
    house.send(vec![telemetry(7, "\"temp\":1"), telemetry(2_000, "\"temp\":1")]).await;
    house.change(AssetChange::Point("s/m".parse().unwrap(), Point::bare("temp"))).await;
    house.send(vec![telemetry(2_000, "\"temp\":1")]).await;
    let (all, code) = (Selection::default(), codes(&["unknown_point"]));
    let (a, b) = tokio::join!(house.replay(&all), house.replay(&code));
    assert_eq!((a.committed + b.committed, a.duplicates + b.duplicates, a.failed + b.failed), (1_000, 2, 0));
    assert_eq!(house.ledger(), (1_003, 1_001, 2, 0));
    assert_eq!(house.stored("s/m/temp").len(), 1_001);
}

#[tokio::test]
async fn values_without_a_time_are_replayed_at_the_instants_they_had_and_take_no_others_place() {
    let mut house = House { adopt: true, ..House::new().await };
    house.begin().await;
    let untimed = |values: &str| message(TELEMETRY, format!("{{\"values\":{{{values}}}}}"));
    let bad = "\"q\":{\"v\":1,\"u\":\"furlong\"}";
    // Received together: two of them are understood in part, and their values are stored.
    let sent = [untimed("\"a\":1"), untimed(&format!("\"a\":2,{bad}")), untimed(&format!("\"a\":3,{bad}"))];
    house.send_at(5, sent.to_vec()).await;
    let values = || [1.0, 2.0, 3.0].map(Value::Float).to_vec();
    let stored = house.stored("s/m/a");
    assert_eq!(stored.iter().map(|(_, v)| v.clone()).collect::<Vec<_>>(), values());
    for _ in 0..2 {
        house.replay(&Selection::default()).await;
        house.restart().await;
        assert_eq!((house.stored("s/m/a"), house.ledger()), (stored.clone(), (3, 1, 0, 2)));
    }
    // One that was not stored at all finds a place of its own, though others were received at the same time.
    let gone = untimed("\"a\":1,\"b\":{\"v\":4,\"u\":\"furlong\"}");
    house.send_at(5, vec![gone]).await;
    let before = house.stored("s/m/a").len();
    house.replay(&Selection::default()).await;
    assert_eq!(house.stored("s/m/a").len(), before);
}

#[tokio::test]
async fn data_of_a_node_waits_for_its_birth_and_does_not_unsettle_the_session_of_now() {
    let house = House { adopt: true, ..House::new().await };
    let mut house = house;
    house.begin().await;
    let payload = |s: i64, seq, metrics| {
        let payload =
            Payload { timestamp: Some((T0 + s) as u64 * 1_000), metrics, seq: Some(seq), ..Payload::default() };
        sparkplug::encode(&payload)
    };
    let data = |s: i64, seq, v| {
        message("spBv1.0/g/NDATA/e", payload(s, seq, vec![Metric::aliased(1, MetricValue::Double(v))]))
    };
    let birth = |s, name| {
        let metric = Metric::new(name, DataType::Double, MetricValue::Double(0.0)).with_alias(1);
        message("spBv1.0/g/NBIRTH/e", payload(s, 0, vec![metric]))
    };
    house.send(vec![data(1, 1, 1.0), data(2, 2, 2.0)]).await;
    house
        .send(vec![message("spBv1.0/g/NDATA/other", payload(1, 1, vec![Metric::aliased(1, MetricValue::Double(9.0))]))])
        .await;
    house.send(vec![birth(3, "level"), data(4, 1, 4.0)]).await;
    let waited = Selection {
        topics: vec!["spBv1.0/g/NDATA/e".into(), "spBv1.0/g/DDATA/e/#".into()],
        ..codes(&["sparkplug_no_birth", "sparkplug_alias"])
    };
    let sum = house.replay(&waited).await;
    assert_eq!((sum.committed, sum.duplicates, sum.failed), (2, 0, 0), "somebody was faster than the next tick");
    let values: Vec<_> = house.stored("g/e/level").into_iter().map(|(_, v)| v).collect();
    assert_eq!(values, [1.0, 2.0, 0.0, 4.0].map(Value::Float));
    house.send(vec![data(5, 2, 5.0)]).await;
    assert_eq!(house.collector().counters().gaps, 0, "the session of now goes on from where it was");
    assert_eq!(house.historian().archive().ledger_total().unwrap().gaps, 0);
    house.send(vec![data(6, 9, 6.0)]).await;
    house.collector().tick(at(10)).await.unwrap();
    assert_eq!(house.historian().archive().ledger_total().unwrap().gaps, 6, "3 to 8 never came");
    assert_eq!(house.ledger(), (7, 6, 0, 1));
}

#[tokio::test]
async fn a_node_that_was_adopted_is_read_by_the_birth_it_had_then() {
    let mut house = House::new().await;
    let payload = |s: i64, seq, metric| {
        let timestamp = Some((T0 + s) as u64 * 1_000);
        sparkplug::encode(&Payload { timestamp, metrics: vec![metric], seq: Some(seq), ..Payload::default() })
    };
    let introduced = |name| Metric::new(name, DataType::Double, MetricValue::Double(0.0)).with_alias(1);
    let value = |v| Metric::aliased(1, MetricValue::Double(v));
    house
        .send(vec![
            message("spBv1.0/g/NBIRTH/e", payload(1, 0, introduced("level"))),
            message("spBv1.0/g/NDATA/e", payload(2, 1, value(2.0))),
            message("spBv1.0/g/NDEATH/e", payload(3, 0, value(0.0))),
        ])
        .await;
    house.restart().await;
    // It has come back with another meaning of its alias.
    house.send(vec![message("spBv1.0/g/NBIRTH/e", payload(10, 0, introduced("flow")))]).await;
    assert_eq!(house.offered(), ["g/e/flow", "g/e/level"]);
    let adopted = house.collector().adopt(&[everything_of("g/e")], |_| {}).await.unwrap();
    assert_eq!((adopted.points, adopted.replayed.failed), (2, 0), "{adopted:?}");
    house.send(vec![message("spBv1.0/g/NDATA/e", payload(11, 1, value(11.0)))]).await;
    let floats = |s: &[(i64, f64)]| s.iter().map(|(t, v)| (at(*t), Value::Float(*v))).collect::<Vec<_>>();
    assert_eq!(house.stored("g/e/level"), floats(&[(1, 0.0), (2, 2.0)]));
    assert_eq!(house.stored("g/e/flow"), floats(&[(10, 0.0), (11, 11.0)]), "its death then is not one of now");
    let deaths = house.historian().archive().events(None, Timestamp::MIN, Timestamp::MAX, 9).unwrap();
    assert_eq!(deaths.iter().map(|e| e.t).collect::<Vec<_>>(), [at(0)], "when it was received, then");
    assert_eq!(house.ledger(), (5, 5, 0, 0));
}

#[tokio::test]
async fn machines_are_adopted_as_they_describe_themselves_or_like_another() {
    let house = House::new().await;
    let mut model = Machine::bare("s/model".parse().unwrap());
    model.class = MachineClass::Pump;
    model.title.en = Some("The model".into());
    for (name, range) in [("p_in", Some((0.0, 10.0))), ("only_there", None)] {
        let point = Point { unit: Unit::parse("kPa"), range, ..Point::bare(name) };
        model.points.insert(name.into(), point);
    }
    house.change(AssetChange::Machine(model)).await;
    let samples = plant::Samples::I16 { raw: (0..100i16).collect(), scale: 0.1, offset: 0.0 };
    let w = |unit: &str| {
        let (point, unit) = ("s/b/vib".parse().unwrap(), Unit::parse(unit).unwrap());
        waveform::encode(
            &Waveform::new(WaveformId(1), point, at(1), at(1), 1e4, unit, samples.clone(), WaveformMeta::default())
                .unwrap(),
        )
    };
    house
        .send(vec![
            message("danxia/v1/s/a/birth", "{\"class\":\"fan\",\"points\":[{\"name\":\"rpm\",\"unit\":\"r/min\"}]}"),
            message(
                "danxia/v1/s/b/telemetry",
                "{\"values\":{\"p_in\":{\"v\":1,\"u\":\"bar\"},\"p_out\":2,\"skip\":3}}",
            ),
            message("danxia/v1/s/b/vib/waveform", w("g")),
        ])
        .await;
    let list = house.collector().new_points();
    assert_eq!(list.machines.iter().map(|m| m.machine.as_str()).collect::<Vec<_>>(), ["s/a", "s/b"]);
    assert!(list.machines[0].described.is_some());
    let vib = list.machines[1].points.iter().find(|p| p.name.as_deref() == Some("vib")).unwrap();
    assert_eq!((vib.kind, vib.value.clone(), vib.quality), (PointKind::Waveform, None, Quality::Good));

    let not_there = Adopt { like: Some("s/nobody".parse().unwrap()), ..everything_of("s/b") };
    let refused = house.collector().adopt(&[not_there], |_| {}).await.unwrap_err();
    assert!(matches!(refused, AdoptError::NoModel { .. }), "{refused}");
    let refused = house.collector().adopt(&[everything_of("s/zzz")], |_| {}).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "expected a machine or point that waits to be adopted, found \"s/zzz\"; look at the list of new points again"
    );
    assert_eq!(house.historian().register().plant().machines.len(), 1, "nothing was adopted");

    let point = |name: &str, unit| AdoptPoint { name: name.into(), title: Title::default(), unit };
    let points = vec![point("p_in", None), point("p_out", Unit::parse("bar")), point("vib", None)];
    let b = Adopt { like: Some("s/model".parse().unwrap()), points: Some(points), ..everything_of("s/b") };
    let adopted = house.collector().adopt(&[everything_of("s/a"), b], |_| {}).await.unwrap();
    assert_eq!((adopted.machines, adopted.points), (2, 4));
    assert_eq!((adopted.replayed.committed, adopted.replayed.failed), (2, 1));
    let plant = house.historian().register().plant();
    let (a, b) = (plant.machine("s/a").unwrap(), plant.machine("s/b").unwrap());
    assert_eq!((a.class, a.points["rpm"].unit), (MachineClass::Fan, Unit::parse("r/min")));
    assert_eq!(
        (b.class, b.title.en.as_deref(), b.points.contains_key("only_there")),
        (MachineClass::Pump, None, false)
    );
    assert_eq!((b.points["p_in"].unit, b.points["p_in"].range), (Unit::parse("kPa"), Some((0.0, 10.0))));
    assert_eq!((b.points["p_out"].unit, b.points["vib"].unit), (Unit::parse("bar"), Unit::parse("m/s²")));
    assert_eq!(house.stored("s/b/p_in")[0].1, Value::Float(100.0), "converted to the unit of its point");
    assert!(house.historian().archive().has_waveform(WaveformId(1)));
    assert_eq!(house.offered(), ["s/b/skip"]);
    assert_eq!(house.ledger(), (3, 2, 0, 1));
}

#[tokio::test]
async fn an_adoption_takes_in_what_is_said_meanwhile_and_is_refused_where_it_was_made_from_something_older() {
    let house = House::new().await;
    house.change(AssetChange::Machine(Machine::bare("s/m".parse().unwrap()))).await;
    house.send(vec![telemetry(1, "\"a\":1,\"b\":2")]).await;
    let seen = house.collector().new_points().machines[0].edition;
    assert_ne!(seen, 0);
    let only = |name: &str, title: &str, edition| Adopt {
        points: Some(vec![AdoptPoint { name: name.into(), title: Title::default(), unit: None }]),
        title: Title { en: Some(title.into()), zh: None },
        edition,
        ..everything_of("s/m")
    };
    // The machine describes itself; its birth is read, and not committed while the writer is held up.
    let held = rusqlite::Connection::open(house.dir.path().join("ts.db")).unwrap();
    held.execute_batch("PRAGMA busy_timeout=10000; BEGIN IMMEDIATE").unwrap();
    let birth =
        message("danxia/v1/s/m/birth", "{\"class\":\"fan\",\"points\":[{\"name\":\"rpm\",\"unit\":\"r/min\"}]}");
    let receipt = house.collector().accept("plc".into(), vec![birth], at(2)).await.unwrap();
    let adopted = {
        let all = [Adopt { title: Title::default(), ..only("a", "", None) }];
        let mut adopts = std::pin::pin!(house.collector().adopt(&all, |_| {}));
        let look = std::future::poll_fn(|cx| std::task::Poll::Ready(adopts.as_mut().poll(cx).is_pending()));
        assert!(look.await, "it waits for the store");
        held.execute_batch("ROLLBACK").unwrap();
        adopts.await.unwrap()
    };
    receipt.await.unwrap();
    assert_eq!((adopted.machines, adopted.points), (0, 1));
    let machine = |house: &House| house.historian().register().plant().machine("s/m").unwrap().clone();
    let m = machine(&house);
    assert_eq!((m.class, m.points.keys().map(|k| &**k).collect::<Vec<_>>()), (MachineClass::Fan, vec!["a", "rpm"]));

    // Who looked before that is told, and changes nothing.
    let refused = house.collector().adopt(&[only("b", "Old", Some(seen))], |_| {}).await.unwrap_err();
    assert!(matches!(refused, AdoptError::Changed { .. }), "{refused}");
    assert_eq!(machine(&house), m);
    let now = house.collector().new_points().machines[0].edition;
    house.collector().adopt(&[only("b", "New", Some(now))], |_| {}).await.unwrap();
    let m = machine(&house);
    assert_eq!((m.title.en.as_deref(), m.points.len()), (Some("New"), 3));
}

#[tokio::test]
async fn what_is_ignored_is_not_offered_after_a_restart_either_and_is_not_lost() {
    let mut house = House::new().await;
    house.send(vec![telemetry(1, "\"noise\":1,\"temp\":2")]).await;
    let ignore = |ignored| vec![Ignored { machine: "s/m".parse().unwrap(), point: Some("noise".into()), ignored }];
    house.collector().ignore(ignore(true)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(house.offered(), ["s/m/temp"]);
        house.restart().await;
    }
    house.collector().ignore(ignore(false)).await.unwrap();
    house.restart().await;
    assert_eq!(house.offered(), ["s/m/noise", "s/m/temp"]);
    assert_eq!(house.ledger(), (1, 0, 0, 1));
}

#[tokio::test]
async fn what_a_person_does_not_need_is_not_replayed_and_can_be_had_back() {
    let house = House::new().await;
    house.send(vec![telemetry(1, "\"a\":1"), telemetry(2, "\"a\":2"), message("plc/7", "x")]).await;
    let discarded = house.collector().discard(&codes(&["unknown_point"]), "zhang: a test").await.unwrap();
    assert_eq!((discarded, house.waiting()), (2, vec!["unmapped".to_owned()]));
    house.change(AssetChange::Point("s/m".parse().unwrap(), Point::bare("a"))).await;
    assert_eq!(house.replay(&codes(&["unknown_point"])).await, Replayed::default());
    assert_eq!(house.ledger(), (3, 0, 0, 3), "discarded is not understood");
    assert_eq!(house.collector().restore(&Selection { ids: vec![2], ..Selection::default() }).await.unwrap(), 1);
    assert_eq!(house.replay(&codes(&["unknown_point"])).await.committed, 1);
    assert_eq!(house.ledger(), (3, 1, 0, 2));
    assert_eq!(house.historian().archive().quarantine_stats().unwrap().discarded, 1);
}

#[tokio::test]
async fn putting_aside_goes_page_by_page_and_reads_no_payload() {
    let mut house = House::new().await;
    house.send((0..1_203).map(|s| telemetry(s, "\"a\":1")).collect()).await;
    house.send(vec![message("plc/7", "x")]).await;
    // Whoever reads an entry finds it damaged: what is neither shown nor understood need not be read.
    let file = rusqlite::Connection::open(house.dir.path().join("ts.db")).unwrap();
    file.execute("UPDATE quarantine SET body = x'00' WHERE id = 700", []).unwrap();
    let which = codes(&["unknown_point"]);
    for _ in 0..2 {
        assert_eq!(house.collector().discard(&which, "zhang: a test").await.unwrap(), 1_203);
        assert_eq!(house.historian().archive().quarantine_stats().unwrap().discarded, 1_203);
        assert_eq!(house.collector().discard(&which, "zhang: again").await.unwrap(), 0);
        house.restart().await;
        assert_eq!(house.collector().restore(&which).await.unwrap(), 1_203);
        let stats = house.historian().archive().quarantine_stats().unwrap();
        assert_eq!((stats.discarded, stats.waiting), (0, 1_204));
    }
    assert_eq!(house.ledger(), (1_204, 0, 0, 1_204));
}

#[tokio::test]
async fn what_the_door_retains_is_committed_with_its_message_whatever_it_means() {
    let house = House::new().await;
    let retain = Retain { qos: 1, properties: vec![1, 2].into(), expires: Some(at(60)), forget: false };
    let says = |topic: &str, payload: &str| Message { retain: Some(retain.clone()), ..message(topic, payload) };
    house.send(vec![says("plc/7", "on"), says("plc/8", "on"), message("plc/9", "not retained")]).await;
    house.send(vec![says("plc/8", ""), says("plc/6", "on")]).await;
    let forgotten = Retain { forget: true, ..retain.clone() };
    house.send(vec![Message { retain: Some(forgotten), ..message("plc/6", "off, and no room for it") }]).await;
    let kept = house.historian().register().retained().unwrap();
    let brief: Vec<_> = kept.iter().map(|r| (&*r.topic, &r.payload[..], r.qos, &r.properties[..], r.expires)).collect();
    assert_eq!(brief, [("plc/7", &b"on"[..], 1, &[1, 2][..], Some(at(60)))]);
    assert_eq!(house.ledger(), (6, 1, 0, 5), "taking away what is retained needs no understanding");
}

#[tokio::test]
async fn waveforms_that_were_skipped_are_counted_beside_the_sum() {
    let house = House { adopt: true, ..House::new().await };
    let mut house = house;
    house.begin().await;
    for (id, seq) in [(1, Some(1)), (2, Some(2)), (3, Some(5)), (4, None), (5, Some(6)), (6, Some(1)), (7, Some(2))] {
        let samples = plant::Samples::I16 { raw: [1i16; 8].into(), scale: 1.0, offset: 0.0 };
        let (point, unit) = ("s/m/vib".parse().unwrap(), Unit::parse("g").unwrap());
        let meta = WaveformMeta { seq, ..WaveformMeta::default() };
        let w = Waveform::new(WaveformId(id), point, at(id as i64), at(1), 1e4, unit, samples, meta).unwrap();
        house.send(vec![message("danxia/v1/s/m/vib/waveform", waveform::encode(&w))]).await;
    }
    let total = house.historian().archive().ledger_total().unwrap();
    assert_eq!((total.committed, total.gaps), (7, 1));
    house.ledger();
}

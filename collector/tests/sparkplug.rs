//! Sparkplug on a real store: what waits in quarantine for a birth is explained by it, and the ledger adds up.

#![allow(clippy::unwrap_used, reason = "a failing helper is a failing test")]

use std::sync::Arc;
use std::time::Duration;

use collector::wire::sparkplug::{self, DataType, Metric, MetricValue, Payload};
use collector::{Collector, Config, Message};
use historian::{Archive, Historian, Selection};
use plant::{ManualClock, PointId, SeriesKey, Timestamp, Value};

const T0: i64 = 1_735_689_600;
const NBIRTH: &str = "spBv1.0/g/NBIRTH/e";
const NDATA: &str = "spBv1.0/g/NDATA/e";
const DBIRTH: &str = "spBv1.0/g/DBIRTH/e/d";
const DDATA: &str = "spBv1.0/g/DDATA/e/d";

struct House {
    historian: Option<Historian>,
    collector: Option<Collector>,
    now: Timestamp,
    dir: tempfile::TempDir,
}

fn collector(historian: &Historian) -> Collector {
    let config = Config { adopt: true, ..Config::default() };
    Collector::new(config, historian.recorder(), historian.archive(), historian.register()).0
}

/// Epoch ms, `s` seconds after the beginning.
fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(T0 + s)
}

fn message(topic: &str, s: i64, seq: u64, metric: Metric) -> Message {
    let timestamp = Some((T0 + s) as u64 * 1000);
    let payload = Payload { timestamp, metrics: vec![metric], seq: Some(seq), ..Payload::default() };
    Message::new(topic.into(), sparkplug::encode(&payload).into())
}

fn introduced(name: &str, alias: u64) -> Metric {
    Metric::new(name, DataType::Double, MetricValue::Double(0.0)).with_alias(alias)
}

fn value(alias: u64, v: f64) -> Metric {
    Metric::aliased(alias, MetricValue::Double(v))
}

impl House {
    fn new() -> Self {
        let mut house = Self { historian: None, collector: None, now: at(60), dir: tempfile::tempdir().unwrap() };
        house.restart();
        house
    }

    /// As after kill -9: nothing is closed.
    fn restart(&mut self) {
        (self.collector, self.historian) = (None, None);
        let clock = Arc::new(ManualClock::new(at(0)));
        let historian = Historian::open(historian::Config::new(self.dir.path()), clock).unwrap();
        self.collector = Some(collector(&historian));
        self.historian = Some(historian);
    }

    fn collector(&self) -> &Collector {
        self.collector.as_ref().unwrap()
    }

    fn archive(&self) -> Archive {
        self.historian.as_ref().unwrap().archive()
    }

    /// The last commit.
    fn head(&self) -> historian::Seq {
        self.historian.as_ref().unwrap().head()
    }

    /// Code and reason of what waits, the oldest first.
    fn waiting(&self) -> Vec<(String, String)> {
        let list = self.archive().quarantine(None, 100_000).unwrap();
        list.iter().rev().map(|q| (q.entry.code.to_string(), q.entry.reason.to_string())).collect()
    }

    fn codes(&self) -> Vec<String> {
        self.waiting().into_iter().map(|(code, _)| code).collect()
    }

    async fn send(&mut self, source: &str, messages: Vec<Message>) {
        self.now = self.now + Duration::from_secs(1);
        self.collector().accept(source.into(), messages, self.now).await.unwrap().await.unwrap();
    }

    async fn tick(&mut self) {
        self.now = self.now + Duration::from_secs(1);
        self.collector().tick(self.now).await.unwrap();
    }

    /// Received, committed, duplicates, quarantined.
    fn ledger(&self) -> (u64, u64, u64, u64) {
        let l = self.archive().ledger_total().unwrap();
        assert!(l.adds_up() && l.released == 0, "{l:?}");
        let groups = self.archive().quarantine_groups().unwrap();
        assert_eq!(groups.iter().map(|g| g.count).sum::<u64>(), l.quarantined, "{groups:?}");
        (l.received, l.committed, l.duplicates, l.quarantined)
    }

    fn stored(&self, point: &str) -> Vec<(Timestamp, Value)> {
        let key = SeriesKey::raw(point.parse::<PointId>().unwrap());
        let all = self.archive().range(&key, Timestamp::MIN, Timestamp::MAX, 100).unwrap();
        all.into_iter().map(|s| (s.t, s.value)).collect()
    }
}

fn floats(values: &[(i64, f64)]) -> Vec<(Timestamp, Value)> {
    values.iter().map(|(t, v)| (at(*t), Value::Float(*v))).collect()
}

#[tokio::test]
async fn what_came_before_its_birth_follows_it_with_its_own_times() {
    let mut house = House::new();
    house.send("gateway", vec![message(NDATA, 2, 1, value(1, 2.0)), message(DBIRTH, 3, 2, introduced("b", 2))]).await;
    house.send("gateway", vec![message(DDATA, 4, 3, value(2, 4.0))]).await;
    assert_eq!(house.ledger(), (3, 0, 0, 3), "acknowledged, and in quarantine");
    house.tick().await;
    assert_eq!(house.ledger(), (3, 0, 0, 3));
    // The birth was overtaken by all of them.
    house.send("gateway", vec![message(NBIRTH, 1, 0, introduced("a", 1))]).await;
    house.send("gateway", vec![message(DDATA, 5, 4, value(2, 5.0))]).await;
    house.tick().await;
    assert_eq!(house.stored("g/e/a"), floats(&[(1, 0.0), (2, 2.0)]));
    assert_eq!(house.stored("g/e.d/b"), floats(&[(3, 0.0), (4, 4.0), (5, 5.0)]));
    assert_eq!(house.ledger(), (5, 5, 0, 0), "committed, and none of them twice");
    assert_eq!(house.collector().counters().replayed, 4);
    // The device lives without another birth, and nothing is missing.
    house.send("gateway", vec![message(DDATA, 6, 5, value(2, 6.0))]).await;
    assert_eq!(house.stored("g/e.d/b").len(), 4);
    house.now = house.now + Duration::from_secs(60);
    house.tick().await;
    assert_eq!(house.collector().counters().gaps, 0);
    // What was replayed is known when it comes again.
    house.send("gateway", vec![message(NDATA, 2, 1, value(1, 2.0))]).await;
    assert_eq!(house.ledger(), (7, 6, 1, 0));
}

#[tokio::test]
async fn the_first_birth_after_a_restart_explains_what_waited_before_it() {
    let mut house = House::new();
    house.send("gateway", vec![message(NDATA, 2, 1, value(1, 2.0)), message(NDATA, 3, 2, value(9, 3.0))]).await;
    house.send("other", vec![message("spBv1.0/g/NDATA/other", 3, 1, value(1, 3.0))]).await;
    house.restart();
    house.tick().await;
    assert_eq!(house.ledger(), (3, 0, 0, 3));
    house.send("gateway", vec![message(NBIRTH, 10, 0, introduced("a", 1))]).await;
    // Killed before the tick: the next birth does what that one did not come to.
    house.restart();
    house.tick().await;
    assert_eq!(house.ledger(), (4, 1, 0, 3));
    house.send("gateway", vec![message(NBIRTH, 20, 0, introduced("a", 1))]).await;
    house.tick().await;
    assert_eq!(house.stored("g/e/a"), floats(&[(2, 2.0), (10, 0.0), (20, 0.0)]));
    assert_eq!(house.ledger(), (5, 3, 0, 2), "what this birth does not explain waits on, and so does another node's");
    assert_eq!(house.codes(), ["sparkplug_alias", "sparkplug_no_birth"]);
    // Values and release are one commit, and outlive the next kill together.
    house.restart();
    assert_eq!((house.ledger(), house.stored("g/e/a").len()), ((5, 3, 0, 2), 3));
}

#[tokio::test]
async fn a_message_without_a_time_is_stored_once_as_of_when_it_was_received() {
    let mut house = House::new();
    let untimed = |topic: &str, seq, metrics| {
        let payload = Payload { metrics, seq: Some(seq), ..Payload::default() };
        Message::new(topic.into(), sparkplug::encode(&payload).into())
    };
    house.send("gateway", vec![untimed(NDATA, 1, vec![value(1, 2.0)])]).await;
    house.send("gateway", vec![message(NBIRTH, 10, 0, introduced("a", 1))]).await;
    house.tick().await;
    assert_eq!(house.stored("g/e/a"), floats(&[(10, 0.0), (61, 2.0)]));
    // Half of it is known already and was stored when it came.
    house.send("gateway", vec![untimed(NDATA, 1, vec![value(1, 3.0), value(2, 4.0)])]).await;
    let received = house.now.nanos() / 1_000_000_000 - T0;
    assert_eq!(house.codes(), ["sparkplug_alias"]);
    house.send("gateway", vec![message(DBIRTH, 11, 2, introduced("b", 7))]).await;
    house.tick().await;
    assert_eq!(house.ledger(), (4, 3, 0, 1), "a device's birth says nothing of the node's alias 2");
    let mut both = Payload { timestamp: Some((T0 + 20) as u64 * 1000), seq: Some(0), ..Payload::default() };
    both.metrics = vec![introduced("a", 1), introduced("c", 2)];
    house.send("gateway", vec![Message::new(NBIRTH.into(), sparkplug::encode(&both).into())]).await;
    house.tick().await;
    assert_eq!(house.stored("g/e/a"), floats(&[(10, 0.0), (20, 0.0), (61, 2.0), (received, 3.0)]));
    assert_eq!(house.stored("g/e/c"), floats(&[(20, 0.0), (received, 4.0)]));
    assert_eq!(house.ledger(), (5, 5, 0, 0));
}

#[tokio::test]
async fn what_a_birth_does_not_explain_is_tried_once_and_stays_for_its_new_reason() {
    let mut house = House::new();
    house.send("gateway", vec![message(NDATA, 2, 1, value(9, 2.0))]).await;
    let before = house.waiting();
    assert_eq!(before[0].0, "sparkplug_no_birth");
    house.send("gateway", vec![message(NBIRTH, 1, 0, introduced("a", 1))]).await;
    house.tick().await;
    let after = house.waiting();
    assert_eq!(after[0].0, "sparkplug_alias");
    let seq = house.head();
    for _ in 0..5 {
        house.tick().await;
    }
    assert_eq!((house.waiting(), house.head()), (after, seq), "nobody tries again before a birth");
    assert_eq!((house.ledger(), house.collector().counters().replayed), ((2, 1, 0, 1), 0));
    house.send("gateway", vec![message(NBIRTH, 10, 0, introduced("late", 9))]).await;
    house.tick().await;
    assert_eq!(house.stored("g/e/late"), floats(&[(2, 2.0), (10, 0.0)]));
    assert_eq!((house.ledger(), house.collector().counters().replayed), ((3, 3, 0, 0), 1));
}

#[tokio::test]
async fn a_tick_does_a_bounded_part_and_those_who_wait_for_little_do_not_wait_for_those_with_much() {
    const MANY: i64 = 256 * 40;
    let mut house = House::new();
    for some in (0..MANY).collect::<Vec<_>>().chunks(1024) {
        let much = some.iter().map(|s| message(NDATA, *s, *s as u64 % 256, value(1, *s as f64))).collect();
        house.send("gateway", much).await;
    }
    house.send("other", vec![message("spBv1.0/g/NDATA/other", 3, 1, value(1, 3.0))]).await;
    let births = [NBIRTH, "spBv1.0/g/NBIRTH/other"].map(|topic| message(topic, -1, 0, introduced("a", 1)));
    house.send("gateway", births.to_vec()).await;
    house.tick().await;
    assert_eq!(house.stored("g/other/a").len(), 2);
    assert_eq!(house.ledger(), (MANY as u64 + 3, 2 + 1 + 31 * 256, 0, 9 * 256), "32 commits a tick");
    // What somebody does not need meanwhile is left alone.
    let last = house.archive().quarantine(None, 1).unwrap()[0].id;
    let which = Selection { ids: vec![last], ..Selection::default() };
    assert_eq!(house.collector().discard(&which, "a test").await.unwrap(), 1);
    house.tick().await;
    assert_eq!(house.ledger(), (MANY as u64 + 3, MANY as u64 + 2, 0, 1));
}

#[tokio::test]
async fn a_message_that_never_came_is_a_gap_of_its_source() {
    let mut house = House::new();
    house.send("gateway", vec![message(NBIRTH, 1, 0, introduced("a", 1)), message(NDATA, 2, 4, value(1, 2.0))]).await;
    house.send("else", vec![message(NDATA, 3, 2, value(1, 3.0))]).await;
    let gaps = |house: &House| {
        let mut gaps: Vec<_> = house.archive().ledger_by_source().unwrap();
        gaps.retain(|l| l.gaps > 0);
        gaps.into_iter().map(|l| (l.source.to_string(), l.gaps)).collect::<Vec<_>>()
    };
    house.tick().await;
    assert!(gaps(&house).is_empty(), "they may still come");
    house.now = house.now + Duration::from_secs(3);
    house.tick().await;
    assert_eq!(gaps(&house), [("else".to_owned(), 2)], "who spoke for the node last");
    assert_eq!((house.ledger(), house.collector().counters().gaps), ((3, 3, 0, 0), 2));
}

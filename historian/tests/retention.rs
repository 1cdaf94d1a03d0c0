//! What is removed when its time is over, and what stays.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;
use std::time::Duration;

use historian::{Batch, Config, Progress, Retention, verify};
use plant::{Assessment, Event, Finding, Health, MachineId, ModelCard, Name, Quality, SeriesKey, Timestamp, Value};
use rusqlite::Connection;
use support::{Embedded, End, Naive, START, Store, assert_same_buckets, point, restless};

const S: i64 = 1_000_000_000;
const HOUR: i64 = 3_600 * S;
const DAY: i64 = 24 * HOUR;

fn days(n: u64) -> Option<Duration> {
    Some(Duration::from_secs(n * 86_400))
}

fn kept(retention: Retention) -> impl FnOnce(&Path) -> Config {
    move |dir| Config { retention, ..restless(dir) }
}

fn key() -> SeriesKey {
    SeriesKey::raw(point("s/m/p"))
}

/// The hour in which the test begins.
fn start() -> i64 {
    START.nanos().div_euclid(HOUR) * HOUR
}

fn run(t: i64, n: i64, step: i64) -> Vec<(i64, Value, Quality)> {
    (0..n).map(|i| (t + i * step, Value::Float((i * 37 % 101) as f64 / 8.0), Quality::Good)).collect()
}

fn both(store: &mut Embedded, model: &mut Naive, points: &[(i64, Value, Quality)]) {
    store.commit(&key(), points).unwrap();
    model.commit(&key(), points).unwrap();
}

/// `hours` of life: a value every two minutes.
fn live(store: &mut Embedded, model: &mut Naive, from: i64, hours: i64) {
    for hour in 0..hours {
        store.clock.advance(Duration::from_secs(3_600));
        both(store, model, &run(from + hour * HOUR, 30, 120 * S));
    }
}

/// Lets the store look through everything and tidy up.
fn tidy(store: &mut Embedded) {
    store.clock.advance(Duration::from_secs(700));
    for _ in 0..40 {
        store.clock.advance(Duration::from_secs(1));
        store.heartbeat();
    }
}

fn same(store: &Embedded, model: &Naive, widths: &[u64]) {
    for width in widths {
        let width = Duration::from_secs(*width);
        let found = store.buckets(&key(), i64::MIN, i64::MAX, width);
        assert_same_buckets(&found, &model.buckets(&key(), i64::MIN, i64::MAX, width));
    }
}

fn points(store: &Embedded) -> Vec<i64> {
    store.range(&key(), i64::MIN, i64::MAX, usize::MAX).iter().map(|s| s.t.nanos()).collect()
}

fn clean(store: &Embedded) {
    assert_eq!(verify(store.dir()).unwrap().faults, [""; 0]);
}

#[test]
fn raw_values_go_when_they_are_old_and_their_minutes_and_hours_stay() {
    let mut store = Embedded::new(kept(Retention { raw: days(2), ..Retention::default() }));
    let mut model = Naive::default();
    live(&mut store, &mut model, start(), 6 * 24);
    for how in [None, Some(End::Killed), Some(End::Closed)] {
        how.into_iter().for_each(|how| store.restart(how));
        tidy(&mut store);
        same(&store, &model, &[60, 300, 3_600, 7_200, 86_400]);
        let times = points(&store);
        let border = start() + 4 * DAY;
        // Commits are told apart by the hour.
        assert!(times[0] >= border - 3 * HOUR && times[0] <= border + HOUR, "{}", (times[0] - border) / HOUR);
        assert_eq!(times.len() as i64, (start() + 6 * DAY - times[0]) / (120 * S), "none after the first is missing");
        let stats = store.historian().archive().stats();
        assert_eq!(stats.oldest_raw, Some(Timestamp::from_nanos(times[0])));
        assert_eq!(stats.removed.points, 6 * 24 * 30 - times.len() as u64);
        assert!(stats.removed.bytes > 0 && stats.removed.minutes == 0);
        // Bounds in the middle of nowhere: what begins within them counts.
        let (from, to) = (start() + 90 * S, start() + 5 * DAY + 60 * S);
        let found = store.buckets(&key(), from, to, Duration::from_secs(60));
        assert_eq!(found.len() as i64, (5 * DAY) / (120 * S));
        clean(&store);
    }
}

#[test]
fn history_that_is_imported_is_not_gone_on_arrival() {
    let mut store = Embedded::new(kept(Retention { raw: days(2), ..Retention::default() }));
    let mut model = Naive::default();
    both(&mut store, &mut model, &run(start() - 400 * DAY, 500, 300 * S));
    tidy(&mut store);
    assert_eq!(points(&store).len(), 500);
    store.clock.advance(Duration::from_secs(36 * 3_600));
    tidy(&mut store);
    assert_eq!(points(&store).len(), 500);
    store.clock.advance(Duration::from_secs(14 * 3_600));
    tidy(&mut store);
    assert_eq!(points(&store), [0_i64; 0]);
    assert_eq!(store.historian().archive().stats().oldest_raw, None);
    same(&store, &model, &[60, 3_600, 86_400]);
    clean(&store);
}

#[test]
fn minutes_give_way_to_hours_and_those_to_nothing() {
    let retention = Retention { raw: days(1), minutes: days(3), hours: days(40), ..Retention::default() };
    let mut store = Embedded::new(kept(retention));
    let mut model = Naive::default();
    live(&mut store, &mut model, start(), 8 * 24);
    tidy(&mut store);
    same(&store, &model, &[3_600, 7_200, 86_400]);
    let minutes = store.buckets(&key(), i64::MIN, i64::MAX, Duration::from_secs(60));
    let old = minutes.partition_point(|b| b.t.nanos() < start() + 3 * DAY);
    assert!(minutes[..old].iter().all(|b| b.t.nanos() % HOUR == 0 && b.count == 30), "an hour is the finest there is");
    assert_eq!(minutes.iter().map(|b| b.count).sum::<u64>(), 8 * 24 * 30, "each counts once");
    let seconds = store.buckets(&key(), i64::MIN, i64::MAX, Duration::from_secs(7));
    assert_eq!(seconds.iter().map(|b| b.count).sum::<u64>(), 8 * 24 * 30);
    let removed = store.historian().archive().stats().removed;
    assert!(removed.minutes > 3 * 24 * 30 && removed.minutes < 6 * 24 * 30 && removed.hours == 0, "{removed:?}");
    clean(&store);
    // The machine has ended. A row of hours covers 32 days.
    for _ in 0..90 {
        store.clock.advance(Duration::from_secs(86_400));
        tidy(&mut store);
    }
    assert_eq!(store.buckets(&key(), i64::MIN, i64::MAX, Duration::from_secs(3_600)), []);
    let removed = store.historian().archive().stats().removed;
    assert_eq!((removed.points, removed.minutes, removed.hours), (8 * 24 * 30, 8 * 24 * 30, 8 * 24));
    for table in ["chunk", "block", "rollup", "rollup_body", "stale"] {
        let conn = Connection::open(store.dir().join("ts.db")).unwrap();
        let left: i64 = conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
    clean(&store);
    assert!(store.last(&key()).is_some());
}

#[test]
fn what_is_late_for_a_time_that_is_gone_is_kept_for_its_own_time_and_then_added() {
    let retention = Retention { raw: days(1), minutes: days(4), ..Retention::default() };
    let mut store = Embedded::new(kept(retention));
    let mut model = Naive::default();
    live(&mut store, &mut model, start(), 6 * 24);
    tidy(&mut store);
    let gone = points(&store)[0] - DAY;
    // Where there are minutes, where there are hours only, and where there was nothing.
    let late = [gone + 110 * S, start() + HOUR + 119 * S, start() - 5 * DAY];
    for (i, t) in late.into_iter().enumerate() {
        both(&mut store, &mut model, &[(t, Value::Float(1e6 + i as f64), Quality::Good)]);
    }
    let counts = |store: &Embedded| {
        let hour = |t: i64| store.buckets(&key(), t / HOUR * HOUR, t / HOUR * HOUR + HOUR, Duration::from_secs(3_600));
        late.map(|t| hour(t).iter().map(|b| (b.count, b.max)).collect::<Vec<_>>())
    };
    let wanted = [vec![(31, 1e6)], vec![(31, 1e6 + 1.0)], vec![(1, 1e6 + 2.0)]];
    for round in 0..4 {
        tidy(&mut store);
        assert_eq!(counts(&store), wanted, "round {round}");
        for width in [7_200, 86_400].map(Duration::from_secs) {
            let of = |s: &dyn Store| s.buckets(&key(), i64::MIN, i64::MAX, width);
            assert_same_buckets(&of(&store), &of(&model));
        }
        assert_eq!(late.iter().filter(|t| points(&store).contains(t)).count(), if round < 3 { 3 } else { 0 });
        store.restart(if round % 2 == 0 { End::Killed } else { End::Closed });
        clean(&store);
        store.clock.advance(Duration::from_secs(9 * 3_600));
    }
}

#[test]
fn what_a_follower_has_not_passed_stays() {
    let mut store = Embedded::new(kept(Retention { raw: days(1), ..Retention::default() }));
    let mut model = Naive::default();
    let follower = |through| {
        let follower = Name::new("influx").unwrap();
        Batch { progress: Some(Progress::new(follower, through, None)), ..Batch::default() }
    };
    store.put(follower(0)).unwrap();
    live(&mut store, &mut model, start(), 3 * 24);
    tidy(&mut store);
    assert_eq!(points(&store).len(), 3 * 24 * 30);
    store.put(follower(store.historian().head())).unwrap();
    tidy(&mut store);
    assert!(points(&store).len() <= 27 * 30, "{}", points(&store).len());
    same(&store, &model, &[60, 3_600]);
}

#[test]
fn what_a_follower_owes_stays_though_it_has_let_the_log_go() {
    let mut store = Embedded::new(kept(Retention { raw: days(1), ..Retention::default() }));
    let mut model = Naive::default();
    let follower = |through, ahead: u64| {
        let (follower, state) = (Name::new("influx").unwrap(), Some(b"owed"[..].into()));
        let progress = Progress { follower, through, state, ahead: Some(ahead) };
        Batch { progress: Some(progress), ..Batch::default() }
    };
    store.put(follower(0, 0)).unwrap();
    for day in 0..3 {
        live(&mut store, &mut model, start() + day * DAY, 24);
        // All of it was looked at, and nothing has been delivered.
        store.put(follower(0, store.historian().head())).unwrap();
    }
    tidy(&mut store);
    store.restart(End::Killed);
    tidy(&mut store);
    assert_eq!(points(&store).len(), 3 * 24 * 30);
    assert!(store.historian().oldest() > 1, "the log is let go");
    let head = store.historian().head();
    store.put(follower(head, head)).unwrap();
    tidy(&mut store);
    assert!(points(&store).len() <= 27 * 30, "{}", points(&store).len());
}

#[test]
fn events_go_by_their_own_age() {
    let mut store = Embedded::new(kept(Retention { events: days(2), ..Retention::default() }));
    let event = |t: Timestamp| Event {
        machine: MachineId::new("s", "m").unwrap(),
        t,
        t_received: t,
        kind: Name::new("door").unwrap(),
        fields: Default::default(),
    };
    let count = |store: &Embedded| {
        store.historian().archive().events(None, Timestamp::MIN, Timestamp::MAX, usize::MAX).unwrap().len()
    };
    for day in 0..5 {
        let t = START + Duration::from_secs(day * 86_400);
        let old = Timestamp::from_nanos(t.nanos() - 100 * DAY);
        store.put(Batch { events: vec![event(t), event(old)], ..Batch::default() }).unwrap();
        store.clock.advance(Duration::from_secs(86_400 - 740));
        tidy(&mut store);
    }
    // Those of the last two days, and what was imported in them.
    assert_eq!(count(&store), 2 * 2);
    assert_eq!(store.historian().archive().stats().removed.events, 3 * 2);
    store.clock.advance(Duration::from_secs(10 * 86_400));
    tidy(&mut store);
    assert_eq!(count(&store), 1, "the last one holds the place");
    store.restart(End::Killed);
    assert_eq!(store.historian().archive().stats().removed.events, 3 * 2 + 3);
}

#[test]
fn nothing_goes_where_nothing_is_said() {
    let mut store = Embedded::new(restless);
    let mut model = Naive::default();
    both(&mut store, &mut model, &run(start() - 4_000 * DAY, 500, 300 * S));
    for _ in 0..10 {
        store.clock.advance(Duration::from_secs(400 * 86_400));
        tidy(&mut store);
    }
    assert_eq!(points(&store).len(), 500);
    assert_eq!(store.historian().archive().stats().removed, Default::default());
}

#[test]
fn the_file_gives_back_what_is_gone() {
    let retention = Retention { raw: days(1), ..Retention::default() };
    let mut store =
        Embedded::new(|dir| Config { chunk_points: 512, log_bytes: 64 << 10, retention, ..Config::new(dir) });
    let mut bits = 1_u64;
    let mut noise = || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Value::Float((bits >> 11) as f64)
    };
    for hour in 0..24 {
        store.clock.advance(Duration::from_secs(3_600));
        for _ in 0..4 {
            let t = START.nanos() + hour * HOUR;
            let points: Vec<_> = (0..18_000).map(|i| (t + i * S / 5, noise(), Quality::Good)).collect();
            store.commit(&key(), &points).unwrap();
        }
    }
    let size = |store: &Embedded| std::fs::metadata(store.dir().join("ts.db")).unwrap().len();
    store.restart(End::Closed);
    let before = size(&store);
    // What is in chunks only now is of now.
    for _ in 0..2 {
        store.clock.advance(Duration::from_secs(30 * 3_600));
        (0..4).for_each(|_| tidy(&mut store));
    }
    assert_eq!(points(&store).len(), 0);
    store.restart(End::Closed);
    let after = size(&store);
    assert!(after * 3 < before, "{before} bytes before, {after} after");
    clean(&store);
}

/// A machine's assessment of time `t` and `health`.
fn assessed(machine: &str, t: i64, health: f64) -> Finding {
    Finding::Assessment(Box::new(Assessment {
        machine: machine.parse().unwrap(),
        t: Timestamp::from_nanos(t),
        shafts: Vec::new(),
        health: Health { score: Some(health), reasons: Vec::new() },
        remaining: Err("no_onset".into()),
        card: ModelCard::default(),
    }))
}

#[test]
fn assessments_are_found_by_machine_and_time_and_go_with_the_diagnoses_but_for_the_newest_of_each() {
    let mut store = Embedded::new(kept(Retention { diagnoses: days(2), ..Retention::default() }));
    let health = |store: &Embedded, machine: &str, from: i64, to: i64, limit| -> Vec<f64> {
        let (machine, from, to) = (machine.parse().unwrap(), Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        let found = store.historian().archive().assessments(&machine, from, to, limit).unwrap();
        found.iter().filter_map(|a| a.health.score).collect()
    };
    let begin = start();
    // One machine goes on, the other fell silent after its first day.
    for hour in 0..72 {
        store.clock.advance(Duration::from_secs(3_600));
        let t = begin + hour * HOUR;
        let mut findings = vec![assessed("s/fan", t, hour as f64)];
        if hour < 24 {
            findings.push(assessed("s/pump", t, hour as f64));
        }
        store.put(Batch { findings, ..Batch::default() }).unwrap();
    }
    assert_eq!(health(&store, "s/fan", i64::MIN, i64::MAX, 3), [71.0, 70.0, 69.0]);
    assert_eq!(health(&store, "s/fan", begin + 60 * HOUR, begin + 62 * HOUR, 9), [61.0, 60.0]);
    assert_eq!(health(&store, "s/nobody", i64::MIN, i64::MAX, 9), [0.0; 0]);
    tidy(&mut store);
    let left = health(&store, "s/fan", i64::MIN, i64::MAX, usize::MAX);
    assert!((47..=49).contains(&left.len()) && left[0] == 71.0, "{left:?}");
    assert_eq!(health(&store, "s/pump", i64::MIN, i64::MAX, 9), [23.0], "what is known of it last");
    for how in [End::Killed, End::Closed] {
        store.restart(how);
        assert_eq!(health(&store, "s/fan", i64::MIN, i64::MAX, usize::MAX), left);
    }
    clean(&store);
}

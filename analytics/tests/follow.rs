//! The follower on a real store: what was found is in the journal once, however often it was stopped.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, Settings};
use analytics::follow::Follower;
use historian::{Batch, Config, Historian};
use plant::{
    AssetChange, Condition, Finding, Limits, Machine, ManualClock, Observation, Point, Priority, Quality, Samples,
    Timestamp, Unit, Value, Waveform, WaveformId, WaveformMeta,
};

struct Store {
    historian: Historian,
    clock: Arc<ManualClock>,
}

fn open(dir: &Path, at: i64) -> Store {
    open_with(Config::new(dir), at)
}

fn open_with(config: Config, at: i64) -> Store {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(at)));
    Store { historian: Historian::open(config, clock.clone()).unwrap(), clock }
}

fn described() -> Batch {
    let mut m = Machine::bare("s/fan".parse().unwrap());
    let mut p = Point::bare("temp");
    p.limits = Limits { h: Some(80.0), ..Limits::default() };
    m.points.insert("temp".into(), p);
    Batch { changes: vec![AssetChange::Machine(m)], ..Batch::default() }
}

/// Raises and clears by turns, with a record now and then.
fn batch(i: i64, t: Timestamp) -> Batch {
    let v = if i % 4 < 2 { 90.0 } else { 20.0 };
    let value = Value::Float(v);
    let point = "s/fan/temp".parse().unwrap();
    let o = Observation { point, t, t_received: t, value, quality: Quality::Good, seq: None };
    let mut batch = Batch { observations: vec![o], ..Batch::default() };
    if i % 3 == 0 {
        let name = Condition::DISK_SPACE.parse().unwrap();
        let active = i % 2 == 0;
        batch.conditions.push(Condition { name, priority: Priority::High, active, detail: BTreeMap::new() });
    }
    if i % 5 == 0 {
        let x: Vec<f32> = (0..4096).map(|k| ((k * (i + 3)) as f32 * 0.37).sin()).collect();
        let (id, point) = (WaveformId(i as u128 + 1), "s/fan/vib".parse().unwrap());
        let unit = Unit::parse("g").unwrap();
        let w = Waveform::new(id, point, t, t, 25_600.0, unit, Samples::F32(x.into()), WaveformMeta::default());
        batch.waveforms.push(Arc::new(w.unwrap()));
    }
    batch
}

async fn write(store: &Store, range: std::ops::Range<i64>) {
    let recorder = store.historian.recorder();
    for i in range {
        store.clock.advance(Duration::from_secs(1));
        recorder.commit(batch(i, plant::Clock::now(&*store.clock))).await.unwrap();
    }
}

/// Everything in the journal, folded afresh, against the findings that the journal holds.
async fn check(store: &Store) -> usize {
    let head = store.historian.head();
    let mut tail = store.historian.tail(0);
    let mut fold = Fold::new(Settings::default());
    let mut expected = Vec::new();
    let mut found = Vec::new();
    for _ in 0..head {
        let committed = tail.next().await.unwrap();
        expected.extend(fold.step(&committed));
        found.extend(committed.batch.findings.iter().cloned());
    }
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "the journal holds other findings than it gives");
    let alarms = found.iter().filter(|f| matches!(f, Finding::Alarm(_))).count();
    let mut seen = BTreeMap::new();
    for f in &found {
        if let Finding::Diagnosis(d) = f {
            assert!(seen.insert(d.waveform, ()).is_none(), "diagnosed twice: {}", d.waveform);
        }
    }
    alarms
}

async fn follow_until_idle(store: &Store, settings: &Settings) {
    let follower = Follower::open(&store.historian, settings).await.unwrap();
    follower.run(std::future::ready(())).await.unwrap();
}

#[tokio::test]
async fn findings_are_committed_once_across_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { threads: 2, ..Settings::default() };
    let mut at = 1_700_000_000;
    for round in 0..4 {
        let store = open(dir.path(), at);
        if round == 0 {
            store.historian.recorder().commit(described()).await.unwrap();
        }
        write(&store, round * 20..round * 20 + 10).await;
        follow_until_idle(&store, &settings).await;
        // What is written after the follower ended is found by the next one.
        write(&store, round * 20 + 10..round * 20 + 20).await;
        at += 40;
        store.historian.close().unwrap();
    }
    let store = open(dir.path(), at);
    follow_until_idle(&store, &settings).await;
    let alarms = check(&store).await;
    assert_eq!(
        alarms,
        40 + 27,
        "20 excursions, each raised and cleared; the disk filled 14 times and 13 times no longer"
    );
    store.historian.close().unwrap();
}

#[tokio::test]
async fn a_follower_that_is_killed_leaves_nothing_out_and_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::default();
    let store = open(dir.path(), 1_700_000_000);
    store.historian.recorder().commit(described()).await.unwrap();
    for round in 0..6 {
        // Followed while it is written, and dropped in the middle of whatever it is doing.
        let follower = Follower::open(&store.historian, &settings).await.unwrap();
        let running = tokio::spawn(follower.run(std::future::pending()));
        write(&store, round * 15..round * 15 + 15).await;
        running.abort();
        assert!(running.await.is_err());
    }
    follow_until_idle(&store, &settings).await;
    assert!(check(&store).await > 20);
    store.historian.close().unwrap();
}

#[tokio::test]
async fn more_findings_than_one_commit_takes_are_committed_in_several() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(Config { queue_bytes: 96 << 10, ..Config::new(dir.path()) }, 1_700_000_000);
    store.historian.recorder().commit(described()).await.unwrap();
    // All at hand when it begins: what they say is more than the largest batch.
    write(&store, 0..250).await;
    follow_until_idle(&store, &Settings::default()).await;
    assert!(check(&store).await > 100);
    store.historian.close().unwrap();
}

#[tokio::test(start_paused = true)]
async fn findings_are_committed_twenty_times_a_second_at_most() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), 1_700_000_000);
    store.historian.recorder().commit(described()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let follower = Follower::open(&store.historian, &Settings::default()).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(follower.run(async { drop(stopped.await) }));
    write(&store, 0..100).await;
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    let rests = begun.elapsed().as_millis() / 50;
    let mut tail = store.historian.tail(0);
    let mut commits = 0;
    for _ in 0..store.historian.head() {
        let batch = tail.next().await.unwrap().batch;
        // A state is committed when it is due, whenever that is: at the beginning, at the end, and now and then.
        let stateless = batch.progress.as_ref().is_some_and(|p| p.state.is_none());
        commits += u128::from(stateless && !batch.findings.is_empty());
    }
    // The first follows nothing.
    assert!(commits > 1 && commits <= rests + 1, "{commits} commits in {rests} rests");
    assert!(check(&store).await > 50);
    store.historian.close().unwrap();
}

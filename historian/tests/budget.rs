//! A disk that fills: people are told, waveforms go, publishers wait; and when there is room again, it goes on by itself.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use faults::Disk;
use historian::{
    Batch, CommitError, Config, DropReason, Historian, LedgerDelta, Level, Pending, Probe, Recorder, Space, verify,
};
use plant::{
    Action, AlarmId, Condition, ManualClock, Priority, Quality, Samples, SeriesKey, Timestamp, Unit, Value, Waveform,
    WaveformId, WaveformMeta,
};
use support::{START, batch, clock, observation, point};
use tokio::runtime::Runtime;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const TOTAL: u64 = 100 << 30;
/// One hundredth.
const FLOOR: u64 = TOTAL / 100;

/// A file system that has as much room as the test says.
struct Told(AtomicU64);

impl Probe for Told {
    fn space(&self, _: &Path) -> io::Result<Space> {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => Err(io::Error::other("gone")),
            free => Ok(Space { total: TOTAL, free }),
        }
    }
}

struct Store {
    runtime: Runtime,
    clock: Arc<ManualClock>,
    told: Arc<Told>,
    historian: Historian,
    dir: tempfile::TempDir,
}

impl Store {
    fn new(free: u64) -> Self {
        let (dir, clock, told) = (tempfile::tempdir().unwrap(), clock(), Arc::new(Told(free.into())));
        let config = Config { tail_commits: 0, ..Config::new(dir.path()) };
        let historian = Historian::open_on(config, clock.clone(), Some(told.clone())).unwrap();
        Self { runtime: Runtime::new().unwrap(), clock, told, historian, dir }
    }

    /// From now on so much is free; the heartbeat finds out.
    fn free(&self, bytes: u64) -> Level {
        self.told.0.store(bytes, Ordering::Relaxed);
        self.beat();
        self.historian.archive().disk().level
    }

    fn beat(&self) {
        self.clock.advance(Duration::from_secs(5));
        self.put(Batch::default()).unwrap();
    }

    fn put(&self, batch: Batch) -> Result<u64, CommitError> {
        let recorder = self.historian.recorder();
        self.runtime.block_on(async { timeout(PATIENCE, recorder.commit(batch)).await.unwrap() })
    }

    /// Everything that was said of the disk, from the log.
    fn said(&self) -> Vec<(bool, Priority, String)> {
        let mut tail = self.historian.tail(0);
        let of = |c: &Condition| match &c.detail["level"] {
            Value::Text(level) => (c.active, c.priority, level.to_string()),
            other => panic!("{other:?}"),
        };
        let head = self.historian.head();
        self.runtime.block_on(async {
            let mut all = Vec::new();
            for _ in 0..head {
                all.extend(tail.next().await.unwrap().batch.conditions.iter().map(of));
            }
            all
        })
    }
}

fn value(n: i64) -> Batch {
    batch(vec![observation(&point("s/m/p"), n, Value::Float(n as f64), Quality::Good)])
}

fn seen() -> Batch {
    Batch { actions: vec![Action::Acknowledge { alarm: AlarmId(7), by: "lin".into() }], ..Batch::default() }
}

fn refused(n: u64) -> Batch {
    let line = LedgerDelta { source: "plc".into(), received: n, refused: n, ..LedgerDelta::default() };
    Batch { ledger: vec![line], ..Batch::default() }
}

/// A publisher that has just begun to wait.
fn waiting(runtime: &Runtime, recorder: Recorder, batch: Batch) -> tokio::task::JoinHandle<Result<u64, CommitError>> {
    let (begun, begins) = tokio::sync::oneshot::channel();
    let publisher = runtime.spawn(async move {
        let submitting = recorder.submit(batch);
        let mut submitting = std::pin::pin!(submitting);
        let first = futures_poll(submitting.as_mut()).await;
        begun.send(first.is_none()).ok();
        match first {
            Some(pending) => pending?.await,
            None => submitting.await?.await,
        }
    });
    assert!(runtime.block_on(begins).unwrap(), "it did not have to wait");
    publisher
}

/// What the future gives when it is asked once.
async fn futures_poll<F: Future<Output = Result<Pending, CommitError>>>(
    mut f: std::pin::Pin<&mut F>,
) -> Option<Result<Pending, CommitError>> {
    std::future::poll_fn(|cx| match f.as_mut().poll(cx) {
        std::task::Poll::Ready(done) => std::task::Poll::Ready(Some(done)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[test]
fn at_the_floor_publishers_wait_and_what_people_do_passes_and_it_goes_on_by_itself() {
    let store = Store::new(TOTAL / 2);
    assert_eq!(store.put(value(1)), Ok(1));
    assert_eq!(store.free(FLOOR), Level::Stopped);
    let publisher = waiting(&store.runtime, store.historian.recorder(), value(2));
    let head = store.historian.head();
    for passes in [seen(), refused(3), Batch::default()] {
        store.put(passes).unwrap();
    }
    store.runtime.block_on(async { timeout(PATIENCE, store.historian.recorder().settle()).await.unwrap() }).unwrap();
    assert_eq!(store.historian.head(), head + 4);
    assert_eq!(store.free(FLOOR + FLOOR / 8), Level::Stopped, "a little room is no room");
    assert!(!publisher.is_finished());

    assert_eq!(store.free(FLOOR * 2), Level::Shedding);
    let stored = store.runtime.block_on(async { timeout(PATIENCE, publisher).await.unwrap() }).unwrap();
    assert!(stored.is_ok(), "{stored:?}");
    assert_eq!(store.free(TOTAL / 2), Level::Normal);
    let values = store.historian.archive().range(&SeriesKey::raw(point("s/m/p")), Timestamp::MIN, Timestamp::MAX, 9);
    assert_eq!(values.unwrap().len(), 2);
    let said: Vec<_> = store.said();
    let said: Vec<_> = said.iter().map(|(active, priority, level)| (*active, *priority, level.as_str())).collect();
    assert_eq!(
        said,
        [
            (false, Priority::High, "normal"),
            (true, Priority::Critical, "stopped"),
            (true, Priority::High, "shedding"),
            (false, Priority::High, "normal"),
        ],
        "each once"
    );
    store.historian.close().unwrap();
    assert!(verify(store.dir.path()).unwrap().is_clean());
}

#[test]
fn a_store_that_starts_at_the_floor_takes_nothing_and_can_be_closed() {
    let store = Store::new(FLOOR / 2);
    let publisher = waiting(&store.runtime, store.historian.recorder(), value(1));
    store.put(seen()).unwrap();
    assert_eq!(store.said(), [(true, Priority::Critical, "stopped".into())]);
    store.historian.close().unwrap();
    let ended = store.runtime.block_on(async { timeout(PATIENCE, publisher).await.unwrap() }).unwrap();
    assert_eq!(ended, Err(CommitError::Closed), "it was never queued, and its publisher still has it");
}

#[test]
fn what_the_file_system_does_not_say_changes_nothing() {
    let store = Store::new(TOTAL / 2);
    store.put(value(1)).unwrap();
    assert_eq!(store.free(u64::MAX), Level::Normal);
    assert_eq!(store.free(FLOOR), Level::Stopped);
    assert_eq!(store.free(u64::MAX), Level::Stopped);
}

#[test]
fn waveforms_that_nothing_protects_go_before_the_floor_is_reached() {
    let store = Store::new(TOTAL / 2);
    let unit = Unit::parse("m/s²").unwrap();
    for n in 0..40 {
        let samples = Samples::F32((0..4_096).map(|i| ((i * (n + 3)) as f32 * 0.37).sin()).collect());
        let (id, t) = (WaveformId(n as u128 + 1), START + Duration::from_secs(n * 60));
        let w = Waveform::new(id, point("s/m/vib"), t, t, 1e3, unit, samples, WaveformMeta::default()).unwrap();
        store.put(Batch { waveforms: vec![Arc::new(w)], ..Batch::default() }).unwrap();
    }
    // Older than what an alarm to come may still want.
    store.clock.advance(Duration::from_secs(86_400));
    let dropped = || {
        let stats = store.historian.archive().wave_stats().unwrap();
        stats.dropped.iter().find(|d| d.reason == DropReason::Disk).map_or(0, |d| d.records)
    };
    assert_eq!(store.free(TOTAL * 9 / 100), Level::Near);
    store.beat();
    assert_eq!(dropped(), 0, "near the end nothing goes yet");
    assert_eq!(store.free(TOTAL * 4 / 100), Level::Shedding);
    for _ in 0..20 {
        store.beat();
    }
    assert!(dropped() > 20, "{}", dropped());
    store.put(value(1)).unwrap();
}

/// Waits until the writer has found the disk full.
async fn found_full(historian: &Historian) {
    let looking = async {
        while !historian.archive().disk().full {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, looking).await.expect("the disk is found full");
}

/// One disk at a time: its layer belongs to the process.
static DISK: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn what_finds_no_room_on_a_full_disk_waits_for_it_and_is_stored_once() {
    let _one = DISK.lock().unwrap_or_else(PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::at(dir.path());
    let runtime = Runtime::new().unwrap();
    let historian = Historian::open(Config::new(dir.path()), clock()).unwrap();
    let recorder = historian.recorder();
    let large = |n: i64| {
        let text = |i: i64| Value::Text(format!("{n} {i} {}", "x".repeat(500)).into());
        batch((0..200).map(|i| observation(&point("s/m/p"), n * 1_000 + i, text(i), Quality::Good)).collect())
    };
    runtime.block_on(recorder.commit(large(0))).unwrap();
    disk.set_room(Some(disk.used()));
    // Some of them are queued before the disk is found full, some wait before the queue.
    let commit = |n| {
        let recorder = recorder.clone();
        runtime.spawn(async move { recorder.commit(large(n)).await })
    };
    let commits: Vec<_> = (1..=4).map(commit).collect();
    runtime.block_on(found_full(&historian));
    assert_eq!(historian.archive().disk().level, Level::Stopped);
    let beat = runtime.block_on(async { timeout(PATIENCE, recorder.commit(Batch::default())).await.unwrap() });
    assert!(matches!(beat, Ok(_) | Err(CommitError::Disk { .. })), "the heartbeat is answered: {beat:?}");
    let late = waiting(&runtime, recorder.clone(), large(5));
    assert!(!late.is_finished());

    disk.set_room(None);
    runtime.block_on(async {
        for commit in commits {
            timeout(PATIENCE, commit).await.unwrap().unwrap().unwrap();
        }
        timeout(PATIENCE, late).await.unwrap().unwrap().unwrap();
        recorder.commit(Batch::default()).await.unwrap();
    });
    let disk_use = historian.archive().disk();
    assert!(!disk_use.full && disk_use.level == Level::Normal, "{disk_use:?}");
    let all = historian.archive().range(&SeriesKey::raw(point("s/m/p")), Timestamp::MIN, Timestamp::MAX, 9_999);
    assert_eq!(all.unwrap().len(), 6 * 200);
    historian.close().unwrap();
    assert_eq!(verify(dir.path()).unwrap().faults, [""; 0]);
}

#[test]
fn a_store_with_batches_that_found_no_room_ends_without_acknowledging_them() {
    let _one = DISK.lock().unwrap_or_else(PoisonError::into_inner);
    for closed in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::at(dir.path());
        let runtime = Runtime::new().unwrap();
        let historian = Historian::open(Config::new(dir.path()), clock()).unwrap();
        let recorder = historian.recorder();
        runtime.block_on(recorder.commit(value(1))).unwrap();
        disk.set_room(Some(disk.used()));
        let text = Value::Text("x".repeat(300_000).into());
        let large = batch(vec![observation(&point("s/m/t"), 1, text, Quality::Good)]);
        let pending = runtime.block_on(recorder.submit(large)).unwrap();
        runtime.block_on(found_full(&historian));
        let behind = runtime.spawn(async move { recorder.settle().await });
        match closed {
            true => drop(historian.close()),
            false => drop(historian),
        }
        let ended = runtime.block_on(async { timeout(PATIENCE, pending).await.unwrap() });
        assert_eq!(ended, Err(CommitError::Closed));
        let behind = runtime.block_on(async { timeout(PATIENCE, behind).await.unwrap().unwrap() });
        assert_eq!(behind, Err(CommitError::Closed));
        disk.set_room(None);
        let historian = Historian::open(Config::new(dir.path()), clock()).unwrap();
        assert_eq!(historian.archive().series(), [SeriesKey::raw(point("s/m/p"))]);
        historian.close().unwrap();
        assert_eq!(verify(dir.path()).unwrap().faults, [""; 0]);
    }
}

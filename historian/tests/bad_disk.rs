//! The disk is full, breaks, is slow, or can only be read: at any write, in any file, while the store is opened, commits,
//! seals, shortens its log, checkpoints and closes.
//!
//! Whatever the trouble, once it is over: nothing that was acknowledged is missing, nothing is there twice, `verify` finds
//! nothing, and the store goes on without a restart. Whether a commit fails meanwhile or waits is not asked here.
//!
//! `HISTORIAN_DISK_FAULTS` says at how many writes of each file there is trouble; it prints what it saw (`--nocapture`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use faults::{Disk, Refusal, Survives, Trouble};
use historian::{Archive, CommitError, Config, Historian, OpenError, Register, open_read_only, verify};
use plant::{Quality, SeriesKey, Timestamp, Value, WaveformId};
use rusqlite::Connection;
use support::load::{
    Acknowledged, TASKS, batch, burst, check_at_rest, check_started, check_values, device, next, waveform,
};
use support::{clock, observation, point};
use tokio::runtime::Runtime;

/// At so many writes of each file.
const FAULTS: u64 = 3;
/// Batches of each task in one life: enough for a checkpoint.
const BATCHES: u64 = 12;
const FILES: [&str; 6] = ["ts.db-wal", "ts.db", "wave.db-wal", "wave.db", "state.db-wal", "state.db"];
/// How long may pass until a store whose disk is well again has done what it was asked.
const DEADLINE: Duration = Duration::from_secs(60);

fn config(dir: &Path) -> Config {
    // Chunks, partial chunks and the cutting of the log happen all the time.
    Config { chunk_points: 8, log_bytes: 16 << 10, ..Config::new(dir) }
}

/// Again and again, until it works. Each failure uses up some of the trouble.
fn at_last<T, E: Debug>(what: &str, mut attempt: impl FnMut() -> Result<T, E>) -> T {
    let mut last = None;
    for _ in 0..100 {
        match attempt() {
            Ok(t) => return t,
            Err(why) => last = Some(why),
        }
    }
    panic!("{what}: {last:?}, a hundred times");
}

fn open(store: &Path) -> Historian {
    at_last("opening", || Historian::open(config(store), clock()))
}

fn add_device(register: &Register, name: &str) {
    at_last(name, || register.add_device(&device(name.to_owned())));
}

/// Each task commits its next batches, each until it is acknowledged, and adds a device. With `bursts`, so much that there
/// is a checkpoint on the way.
fn live(runtime: &Runtime, historian: &Historian, so_far: &mut Acknowledged, bursts: bool) {
    let from: Vec<u64> = (0..TASKS).map(|task| next(&historian.archive(), task)).collect();
    let all = async {
        let mut tasks = tokio::task::JoinSet::new();
        for (task, from) in (0..TASKS).zip(from.clone()) {
            let (recorder, register) = (historian.recorder(), historian.register());
            tasks.spawn(async move {
                let mut given_up = Vec::new();
                for n in from..from + BATCHES {
                    for attempt in 0.. {
                        let mut batch = batch(task, n);
                        // One waveform comes with the first attempt only: where that fails, it never was.
                        let id = WaveformId(u128::from(task + 200) << 64 | u128::from(n));
                        batch.waveforms.extend((attempt == 0).then(|| waveform(task, id, n)));
                        batch.waveforms.extend(bursts.then(|| burst(task, n)).into_iter().flatten());
                        match recorder.commit(batch).await {
                            Ok(_) => break,
                            Err(CommitError::Disk { .. }) => given_up.push(id),
                            Err(why) => panic!("batch {n} of task {task}: {why}"),
                        }
                    }
                }
                add_device(&register, &format!("d-{task}-{from}"));
                given_up
            });
        }
        while let Some(ended) = tasks.join_next().await {
            let there = ended.unwrap().into_iter().find(|id| historian.archive().has_waveform(*id));
            assert_eq!(there, None, "a waveform of a commit that failed");
        }
        // The register follows with the next commit, where it could not be written; the trouble may meet that one.
        loop {
            match historian.recorder().commit(Default::default()).await {
                Ok(_) => break,
                Err(CommitError::Disk { .. }) => {}
                Err(why) => panic!("a commit of nothing: {why}"),
            }
        }
    };
    runtime.block_on(async { tokio::time::timeout(DEADLINE, all).await }).expect("the disk is well again");
    for (task, from) in (0..TASKS).zip(from) {
        so_far.batches[task as usize] = Some(from + BATCHES - 1);
        so_far.count += BATCHES;
        so_far.devices.push(format!("d-{task}-{from}"));
    }
}

/// Nothing but what was acknowledged, and each of it once.
fn check(historian: &Historian, so_far: &Acknowledged) {
    check_started(historian, so_far);
    for (task, n) in (0..).zip(so_far.batches) {
        assert_eq!(Some(next(&historian.archive(), task)), n.map(|n| n + 1), "task {task}");
    }
}

fn check_readable(archive: &Archive, so_far: &Acknowledged) {
    for (task, n) in (0..).zip(so_far.batches) {
        check_values(archive, task, n.unwrap());
    }
}

/// A store with some history, as it lies there after a kill.
fn history(runtime: &Runtime, store: &Path) -> Acknowledged {
    let mut so_far = Acknowledged::default();
    let historian = open(store);
    live(runtime, &historian, &mut so_far, false);
    drop(historian);
    so_far
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|e| e.unwrap()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// How a life ends: what is open may be open no more, and the power may go.
fn end(historian: Historian, store: &Path, disk: &Disk, how: u64) {
    match how % 3 {
        0 => {
            // What could not be moved into the files is moved by the next start.
            let mut historian = Some(historian);
            at_last("closing", || historian.take().unwrap_or_else(|| open(store)).close());
        }
        1 => drop(historian),
        _ => {
            disk.cut();
            drop(historian);
            disk.power_on(Survives::Nothing);
        }
    }
}

/// One life on a disk that has `refusal`, and what is left of it. Says whether there was any trouble.
fn live_with(runtime: &Runtime, template: Option<(&Path, &Acknowledged)>, refusal: Refusal, how: u64) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let mut so_far = Acknowledged::default();
    if let Some((template, acknowledged)) = template {
        copy(template, &store);
        so_far = acknowledged.clone();
    }
    disk.refuse(Some(refusal));
    let historian = open(&store);
    live(runtime, &historian, &mut so_far, template.is_some());
    check(&historian, &so_far);
    end(historian, &store, &disk, how);
    disk.refuse(None);
    check_at_rest(&store, &so_far);
    let historian = open(&store);
    check(&historian, &so_far);
    live(runtime, &historian, &mut so_far, false);
    check(&historian, &so_far);
    historian.close().unwrap();
    check_at_rest(&store, &so_far);
    disk.refused() > 0
}

/// Trouble at some of the writes of each file that a life without trouble makes. Another life makes fewer of them where
/// more waits for each commit, as on a busy machine; the last troubles are then not felt.
fn sweep(runtime: &Runtime, template: Option<(&Path, &Acknowledged)>, at: u64) -> (u64, u64) {
    let dir = tempfile::tempdir().unwrap();
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    if let Some((template, _)) = template {
        copy(template, &store);
    }
    let historian = open(&store);
    live(runtime, &historian, &mut Acknowledged::default(), template.is_some());
    historian.close().unwrap();
    let (mut lives, mut felt) = (0, 0);
    for (f, file) in FILES.into_iter().enumerate() {
        let writes = disk.writes(file);
        assert!(writes > 0, "nothing is written to {file}");
        for k in 0..at {
            for trouble in [Trouble::Full, Trouble::Broken] {
                // The first writes and some of those after, each time others.
                let after = k * writes / at + k * (f as u64 + 1) % 7;
                let count = [1, 3, 7][(k % 3) as usize];
                let refusal = Refusal { trouble, file: Some(file), after, count };
                lives += 1;
                felt += u64::from(live_with(runtime, template, refusal, k + f as u64));
            }
        }
    }
    (lives, felt)
}

fn faults() -> u64 {
    std::env::var("HISTORIAN_DISK_FAULTS").map_or(FAULTS, |n| n.parse().unwrap())
}

#[test]
fn trouble_at_any_write_of_a_store_with_a_history_loses_nothing() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let template = dir.path().join("store");
    let so_far = history(&runtime, &template);
    let (lives, felt) = sweep(&runtime, Some((&template, &so_far)), faults());
    println!(
        "{lives} lives with trouble at one write, felt in {felt}; nothing acknowledged was lost, nothing is there twice"
    );
    assert!(felt * 2 >= lives, "{felt} of {lives}");
}

#[test]
fn trouble_at_any_write_of_a_first_start_leaves_a_store_that_starts() {
    let (lives, felt) = sweep(&Runtime::new().unwrap(), None, faults());
    println!("{lives} first starts with trouble at one write, felt in {felt}");
    assert!(felt * 2 >= lives, "{felt} of {lives}");
}

#[test]
fn a_disk_that_fills_up_is_read_meanwhile_and_taken_up_again_when_there_is_room() {
    let runtime = Runtime::new().unwrap();
    for room in [0, 40_000, 300_000, 1_000_000] {
        let dir = tempfile::tempdir().unwrap();
        let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
        let mut so_far = history(&runtime, &store);
        let before = so_far.clone();
        let historian = open(&store);
        disk.set_room(Some(disk.used() + room));
        std::thread::scope(|scope| {
            let committing = scope.spawn(|| live(&runtime, &historian, &mut so_far, true));
            wait_until(|| disk.refused() > 0);
            // Full, now: what was acknowledged before is there to be read.
            check_readable(&historian.archive(), &before);
            assert!(verify(&store).unwrap().is_clean());
            disk.set_room(None);
            committing.join().unwrap();
        });
        check(&historian, &so_far);
        historian.close().unwrap();
        check_at_rest(&store, &so_far);
    }
}

fn wait_until(what: impl Fn() -> bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    runtime.block_on(async { tokio::time::timeout(DEADLINE, waiting).await }).expect("it happens in time");
}

#[test]
fn a_disk_whose_fsync_takes_its_time_gets_larger_commits_and_nothing_is_refused() {
    const WAITING: u64 = 200;
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let historian = open(&store);
    let recorder = historian.recorder();
    let observed = |n: u64| support::batch(vec![observation(&point("s/m/p"), n as i64, Value::Int(1), Quality::Good)]);
    // An fsync that does not return at all is as slow as can be.
    let held = disk.hold();
    let mut first = runtime.block_on(recorder.submit(observed(0))).unwrap();
    held.wait();
    let rest: Vec<_> = (1..=WAITING).map(|n| runtime.block_on(recorder.submit(observed(n))).unwrap()).collect();
    assert_eq!(historian.head(), 0, "nothing is announced before its fsync");
    let polled = runtime.block_on(async { tokio::time::timeout(Duration::ZERO, &mut first).await });
    assert!(polled.is_err(), "nothing is acknowledged before its fsync");
    drop(held);
    assert_eq!(runtime.block_on(first), Ok(1));
    for pending in rest {
        assert_eq!(runtime.block_on(pending), Ok(2), "what waited is one commit");
    }
    // And at 200 ms an fsync: 8 that publish one after the other share each.
    disk.set_delay(Duration::from_millis(200));
    let (before, syncs) = (historian.head(), disk.syncs());
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..8_u64 {
            let recorder = historian.recorder();
            tasks.spawn(async move {
                for n in 0..3 {
                    recorder.commit(observed(1_000 * (task + 1) + n)).await.unwrap();
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    });
    disk.set_delay(Duration::ZERO);
    let commits = historian.head() - before;
    assert!((3..=8).contains(&commits), "24 batches of 8 publishers in {commits} commits");
    assert!(disk.syncs() - syncs <= commits * 2, "{} fsyncs", disk.syncs() - syncs);
    let key = SeriesKey::raw(point("s/m/p"));
    let found = historian.archive().range(&key, Timestamp::MIN, Timestamp::MAX, 999).unwrap().len() as u64;
    assert_eq!(found, 1 + WAITING + 24);
    historian.close().unwrap();
    assert!(verify(&store).unwrap().is_clean());
}

#[test]
fn a_disk_that_turns_read_only_is_read_and_takes_more_as_soon_as_it_can_be_written_again() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let mut so_far = history(&runtime, &store);
    let historian = open(&store);
    check(&historian, &so_far);
    let before = so_far.clone();
    disk.set_read_only(true);
    std::thread::scope(|scope| {
        let committing = scope.spawn(|| live(&runtime, &historian, &mut so_far, false));
        wait_until(|| disk.refused() > 0);
        check_readable(&historian.archive(), &before);
        historian.register().devices().unwrap();
        disk.set_read_only(false);
        committing.join().unwrap();
    });
    check(&historian, &so_far);
    historian.close().unwrap();
    check_at_rest(&store, &so_far);
}

#[test]
fn a_store_on_a_read_only_disk_does_not_start_and_says_why_but_is_read() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let so_far = history(&runtime, &store);
    let historian = open(&store);
    historian.close().unwrap();
    disk.set_read_only(true);
    let refused = Historian::open(config(&store), clock()).unwrap_err();
    assert!(matches!(refused, OpenError::Read { .. }), "{refused}");
    let said = refused.to_string();
    assert!(said.contains(&store.display().to_string()) && said.contains("ts.db"), "{said}");
    check_at_rest(&store, &so_far);
    disk.set_read_only(false);
    let historian = open(&store);
    check(&historian, &so_far);
    historian.close().unwrap();
}

/// Where in `file` of a store at rest the first of `sql`'s bytes stand.
fn find(store: &Path, file: &str, sql: &str) -> u64 {
    let conn = Connection::open(store.join(file)).unwrap();
    let wanted: Vec<u8> = conn.query_row(sql, [], |r| r.get(0)).unwrap();
    drop(conn);
    let all = std::fs::read(store.join(file)).unwrap();
    all.windows(wanted.len()).position(|w| w == wanted).unwrap() as u64
}

#[test]
fn what_cannot_be_read_is_said_and_everything_else_is_answered() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let mut so_far = history(&runtime, &store);
    // One series more, with chunks so large that each has pages of its own.
    let large = || Config { chunk_points: 4_096, ..config(&store) };
    let historian = Historian::open(large(), clock()).unwrap();
    let noisy = point("s/noisy/p");
    let value = |n: i64| Value::Float((n as f64 * 0.7).sin());
    let all = (0..4_096).map(|n| observation(&noisy, n, value(n), Quality::Good)).collect();
    runtime.block_on(historian.recorder().commit(support::batch(all))).unwrap();
    for _ in 0..64 {
        runtime.block_on(historian.recorder().commit(Default::default())).unwrap();
    }
    historian.close().unwrap();
    let of = "SELECT substr(body, -64) FROM block JOIN chunk ON chunk.block = block.id JOIN series ON series.id = chunk.series
              WHERE point = 's/noisy/p' ORDER BY length(body) DESC LIMIT 1";
    let at = find(&store, "ts.db", of);
    let historian = Historian::open(large(), clock()).unwrap();
    disk.set_unreadable(Some(("ts.db", at..at + 1)));
    let key = SeriesKey::raw(noisy);
    let range = || historian.archive().range(&key, Timestamp::MIN, Timestamp::MAX, usize::MAX);
    let said = range().unwrap_err().to_string();
    assert!(said.contains("ts.db could not be read: disk I/O error"), "{said}");
    // The rest is answered, and more is taken in.
    check_readable(&historian.archive(), &so_far);
    live(&runtime, &historian, &mut so_far, false);
    let found = verify(&store).unwrap();
    assert!(!found.is_clean() && found.faults.iter().all(|f| f.contains("ts.db")), "{:?}", found.faults);
    disk.set_unreadable(None);
    assert_eq!(range().unwrap().len(), 4_096);
    check(&historian, &so_far);
    historian.close().unwrap();
    check_at_rest(&store, &so_far);
}

#[test]
fn a_store_that_cannot_be_read_does_not_start_and_starts_when_it_can() {
    let (runtime, dir) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let so_far = history(&runtime, &store);
    open(&store).close().unwrap();
    for file in ["ts.db", "wave.db", "state.db"] {
        disk.set_unreadable(Some((file, 0..u64::MAX)));
        let said = Historian::open(config(&store), clock()).unwrap_err().to_string();
        assert!(said.contains(&format!("{file} could not be read")), "{said}");
        let refused = open_read_only(&store).unwrap_err().to_string();
        assert!(refused.contains(file), "{refused}");
    }
    disk.set_unreadable(None);
    let historian = open(&store);
    check(&historian, &so_far);
    historian.close().unwrap();
    check_at_rest(&store, &so_far);
}

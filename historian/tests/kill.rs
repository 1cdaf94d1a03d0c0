//! A child process commits as fast as it can and says what was acknowledged; it is killed in the middle, again and
//! again, on the same store. Nothing that was acknowledged may be missing, nothing may be damaged.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use historian::{Archive, Batch, Config, Historian, Register, open_read_only, verify};
use plant::{
    AlarmCondition, AlarmKey, AlarmState, AlarmTransition, AssetChange, Evidence, Finding, Machine, Name, Priority,
    Quality, Samples, SeriesKey, Timestamp, Trigger, Unit, Value, Waveform, WaveformId, WaveformMeta,
};
use support::{clock, observation, point};

const CHILD: &str = "HISTORIAN_KILL_TEST_DIR";
const NAME: &str = "killed_at_any_moment_nothing_acknowledged_is_lost";
const ROUNDS: u64 = 24;
const TASKS: u64 = 4;

fn config(dir: &Path) -> Config {
    // Chunks, partial chunks and the cutting of the log happen all the time.
    Config { chunk_points: 32, log_bytes: 32 << 10, ..Config::new(dir) }
}

fn series(task: u64) -> SeriesKey {
    SeriesKey::raw(point(&format!("s/m{task}/p")))
}

fn waveform_id(task: u64, n: u64) -> WaveformId {
    WaveformId(u128::from(task) << 64 | u128::from(n))
}

fn alarm(task: u64) -> AlarmKey {
    let point = series(task).point;
    AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High }
}

/// What task `task` commits as its `n`th batch: a value always, the rest now and then.
fn batch(task: u64, n: u64) -> Batch {
    let point = series(task).point;
    let t = Timestamp::from_nanos(n as i64);
    let mut batch = Batch {
        observations: vec![observation(&point, n as i64, Value::Int(n as i64), Quality::Good)],
        ..Batch::default()
    };
    if n.is_multiple_of(16) {
        let raw = (0..256).map(|i| (i * n) as i16).collect();
        let samples = Samples::I16 { raw, scale: 0.5, offset: 0.0 };
        let unit = Unit::parse("m/s²").unwrap();
        let meta = WaveformMeta::default();
        let id = waveform_id(task, n);
        batch.waveforms.push(Arc::new(Waveform::new(id, point.clone(), t, t, 1e3, unit, samples, meta).unwrap()));
    }
    if n.is_multiple_of(10) {
        let mut machine = Machine::bare(point.machine());
        machine.line = Some(Name::new(&format!("line-{n}")).unwrap());
        batch.changes.push(AssetChange::Machine(machine));
        batch.findings.push(Finding::Alarm(AlarmTransition {
            key: alarm(task),
            t,
            from: AlarmState::Normal,
            to: AlarmState::Unacknowledged,
            trigger: Trigger::Raised,
            priority: Priority::High,
            value: Some(n as f64),
            limit: None,
            unit: None,
            evidence: Evidence::default(),
        }));
    }
    batch
}

/// Commits for ever and writes one line for each acknowledged batch.
fn child(dir: &Path) {
    let historian = Historian::open(config(dir), clock()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let recorder = historian.recorder();
            let mut n = historian.archive().last(&series(task)).map_or(0, |s| s.t.nanos() as u64 + 1);
            tasks.spawn(async move {
                loop {
                    recorder.commit(batch(task, n)).await.unwrap();
                    std::io::stdout().write_all(format!("ack {task} {n}\n").as_bytes()).unwrap();
                    n += 1;
                }
            });
        }
        // They end only by a failure, which ends the child.
        let _ = tasks.join_next().await;
    });
}

/// Lets a child run until it has acknowledged `enough` batches, kills it, and takes down what it acknowledged.
fn run_and_kill(dir: &Path, enough: u64, acknowledged: &mut [Option<u64>]) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut count = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The harness writes lines of its own, and the last one may be torn.
        let line = line.unwrap();
        let fields: Vec<&str> = line.split(' ').collect();
        let ["ack", task, n] = fields[..] else { continue };
        acknowledged[task.parse::<usize>().unwrap()] = Some(n.parse().unwrap());
        count += 1;
        if count == enough {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(count >= enough, "the child ended by itself after {count} batches");
}

/// Everything up to the last acknowledged batch of `task` is there; gives how many values there are.
fn check(archive: &Archive, register: &Register, task: u64, acknowledged: u64) -> u64 {
    let found = archive.range(&series(task), Timestamp::MIN, Timestamp::MAX, usize::MAX).unwrap();
    assert!(found.len() as u64 > acknowledged, "task {task}: {acknowledged} acknowledged, {} there", found.len());
    for (n, sample) in (0..).zip(&found) {
        assert_eq!((sample.t.nanos(), &sample.value), (n, &Value::Int(n)), "task {task}");
    }
    for n in (0..=acknowledged).step_by(16) {
        let stored = archive.waveform(waveform_id(task, n)).unwrap();
        assert_eq!(stored.as_ref(), batch(task, n).waveforms.first(), "task {task}, waveform {n}");
    }
    let last = found.len() as u64 - 1;
    assert!(!archive.has_waveform(waveform_id(task, (last / 16 + 1) * 16)), "a waveform without its commit");
    // The register may be ahead of what was acknowledged, never behind.
    let line = register.plant().machine(&format!("s/m{task}")).unwrap().line.clone().unwrap();
    let line: u64 = line.as_str().trim_start_matches("line-").parse().unwrap();
    assert!(line >= acknowledged / 10 * 10 && line <= last, "task {task}: {acknowledged}, {line}, {last}");
    let record = register.alarm(alarm(task).id()).unwrap().unwrap();
    assert!(record.occurrences > acknowledged / 10 && record.occurrences <= last / 10 + 1, "task {task}: {record:?}");
    found.len() as u64
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let mut acknowledged = vec![None; TASKS as usize];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..ROUNDS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        run_and_kill(&store, 1 + seed % 400, &mut acknowledged);
        let found = verify(&store).unwrap();
        assert!(found.is_clean(), "round {round}: {:?}", found.faults);
        let (archive, register) = open_read_only(&store).unwrap();
        for (task, n) in acknowledged.iter().enumerate() {
            if let Some(n) = n {
                check(&archive, &register, task as u64, *n);
            }
        }
    }
    // And once more after a proper start, which brings the register up and forgets waveforms without a commit.
    let historian = Historian::open(config(&store), clock()).unwrap();
    for (task, n) in acknowledged.iter().enumerate() {
        let values = check(&historian.archive(), &historian.register(), task as u64, n.unwrap());
        let record = historian.register().alarm(alarm(task as u64).id()).unwrap().unwrap();
        assert_eq!(record.occurrences, (values - 1) / 10 + 1, "a step was projected twice or not at all");
    }
    historian.close().unwrap();
    assert!(verify(&store).unwrap().is_clean());
}

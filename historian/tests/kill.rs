//! A child process commits as fast as it can, with batches always waiting, and says what was acknowledged; it is killed in
//! the middle, again and again, on the same store. Nothing that was acknowledged may be missing, nothing may be damaged:
//! after each kill every acknowledged value is looked for, and `verify` reads the whole store.
//!
//! `HISTORIAN_KILLS` says how often; it prints what it saw (`--nocapture`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use historian::{Archive, Batch, Config, Historian, Pending, open_read_only, verify};
use plant::{Quality, SeriesKey, Timestamp, Value};
use support::load::{TASKS, batch, check_no_more, check_register, check_register_exact, check_values, next};
use support::{clock, observation, point};

const CHILD: &str = "HISTORIAN_KILL_TEST_DIR";
const NAME: &str = "killed_at_any_moment_nothing_acknowledged_is_lost";
const ROUNDS: u64 = 24;
/// A task has so many batches under way: the writer never waits for one.
const WINDOW: usize = 16;
/// Values of another series in every batch, so that there is something to write, to seal and to cut.
const BALLAST: u64 = 16;

fn config(dir: &Path) -> Config {
    // Chunks, partial chunks and the cutting of the log happen all the time.
    Config { chunk_points: 32, log_bytes: 32 << 10, ..Config::new(dir) }
}

fn ballast(task: u64) -> SeriesKey {
    SeriesKey::raw(point(&format!("s/ballast{task}/p")))
}

fn heavy(task: u64, n: u64) -> Batch {
    let mut batch = batch(task, n);
    let point = ballast(task).point;
    let values = n * BALLAST..(n + 1) * BALLAST;
    batch.observations.extend(values.map(|i| observation(&point, i as i64, Value::Float(i as f64), Quality::Good)));
    batch
}

/// Commits for ever and writes one line for each acknowledged batch, in their order.
fn child(dir: &Path) {
    let historian = Historian::open(config(dir), clock()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let recorder = historian.recorder();
            let mut n = next(&historian.archive(), task);
            tasks.spawn(async move {
                let mut waiting: VecDeque<(u64, Pending)> = VecDeque::new();
                loop {
                    while waiting.len() < WINDOW {
                        waiting.push_back((n, recorder.submit(heavy(task, n)).await.unwrap()));
                        n += 1;
                    }
                    let Some((n, pending)) = waiting.pop_front() else { continue };
                    pending.await.unwrap();
                    std::io::stdout().write_all(format!("ack {task} {n}\n").as_bytes()).unwrap();
                }
            });
        }
        // They end only by a failure, which ends the child.
        let _ = tasks.join_next().await;
    });
}

/// Every value of the batches that are there, given how many these are, is there once and is what it was.
fn check_ballast(archive: &Archive, task: u64, batches: u64) -> u64 {
    let found = archive.range(&ballast(task), Timestamp::MIN, Timestamp::MAX, usize::MAX).unwrap();
    assert_eq!(found.len() as u64, batches * BALLAST, "task {task}");
    let sound = |(i, s): (i64, &historian::Sample)| s.t.nanos() == i && s.value == Value::Float(i as f64);
    assert!((0..).zip(&found).all(sound), "task {task}: a value is not what it was");
    found.len() as u64
}

/// Lets a child run until it has acknowledged `enough` batches (0: until it says anything), kills it, and takes down what
/// it acknowledged; gives how many batches that were.
fn run_and_kill(dir: &Path, enough: u64, acknowledged: &mut [Option<u64>]) -> u64 {
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
        if enough == 0 {
            child.kill().unwrap();
        }
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
    count
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir));
    }
    let rounds = std::env::var("HISTORIAN_KILLS").map_or(ROUNDS, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let mut acknowledged = vec![None; TASKS as usize];
    let (mut seed, mut batches) = (0x9e37_79b9_7f4a_7c15_u64, 0);
    for round in 0..rounds {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        // Now and then while it starts.
        let enough = if round > 0 && seed.is_multiple_of(5) { 0 } else { 1 + seed % 400 };
        batches += run_and_kill(&store, enough, &mut acknowledged);
        let found = verify(&store).unwrap();
        assert!(found.is_clean(), "round {round}: {:?}", found.faults);
        let (archive, register) = open_read_only(&store).unwrap();
        for (task, n) in (0..).zip(&acknowledged) {
            if let Some(n) = n {
                let values = check_values(&archive, task, *n);
                check_ballast(&archive, task, values);
                check_no_more(&archive, task, values);
                check_register(&register, task, *n, values);
            }
        }
    }
    // And once more after a proper start, which brings the register up and forgets waveforms without a commit.
    let historian = Historian::open(config(&store), clock()).unwrap();
    let mut all = 0;
    for (task, n) in (0..).zip(&acknowledged) {
        let values = check_values(&historian.archive(), task, n.unwrap());
        all += values + check_ballast(&historian.archive(), task, values);
        check_no_more(&historian.archive(), task, values);
        check_register_exact(&historian.register(), task, values);
    }
    historian.close().unwrap();
    let found = verify(&store).unwrap();
    assert!(found.is_clean(), "{:?}", found.faults);
    println!(
        "{rounds} kills, {batches} batches acknowledged, none lost; {all} values are there, each as it was, and the store \
         verifies: {found:?}"
    );
}

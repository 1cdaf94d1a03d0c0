//! A child process commits as fast as it can and says what was acknowledged; it is killed in the middle, again and
//! again, on the same store. Nothing that was acknowledged may be missing, nothing may be damaged.
//!
//! `HISTORIAN_KILLS` says how often; it prints what it saw (`--nocapture`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use historian::{Config, Historian, open_read_only, verify};
use support::clock;
use support::load::{TASKS, batch, check_no_more, check_register, check_register_exact, check_values, next};

const CHILD: &str = "HISTORIAN_KILL_TEST_DIR";
const NAME: &str = "killed_at_any_moment_nothing_acknowledged_is_lost";
const ROUNDS: u64 = 24;

fn config(dir: &Path) -> Config {
    // Chunks, partial chunks and the cutting of the log happen all the time.
    Config { chunk_points: 32, log_bytes: 32 << 10, ..Config::new(dir) }
}

/// Commits for ever and writes one line for each acknowledged batch.
fn child(dir: &Path) {
    let historian = Historian::open(config(dir), clock()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let recorder = historian.recorder();
            let mut n = next(&historian.archive(), task);
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

/// Lets a child run until it has acknowledged `enough` batches, kills it, and takes down what it acknowledged; gives how
/// many batches that were.
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
        batches += run_and_kill(&store, 1 + seed % 400, &mut acknowledged);
        let found = verify(&store).unwrap();
        assert!(found.is_clean(), "round {round}: {:?}", found.faults);
        let (archive, register) = open_read_only(&store).unwrap();
        for (task, n) in (0..).zip(&acknowledged) {
            if let Some(n) = n {
                let values = check_values(&archive, task, *n);
                check_no_more(&archive, task, values);
                check_register(&register, task, *n, values);
            }
        }
    }
    // And once more after a proper start, which brings the register up and forgets waveforms without a commit.
    let historian = Historian::open(config(&store), clock()).unwrap();
    for (task, n) in (0..).zip(&acknowledged) {
        let values = check_values(&historian.archive(), task, n.unwrap());
        check_no_more(&historian.archive(), task, values);
        check_register_exact(&historian.register(), task, values);
    }
    historian.close().unwrap();
    let found = verify(&store).unwrap();
    assert!(found.is_clean(), "{:?}", found.faults);
    println!("{rounds} kills, {batches} batches acknowledged, none lost; the store verifies: {found:?}");
}

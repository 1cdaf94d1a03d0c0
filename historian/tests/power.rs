//! The power goes, at any moment and again and again, on a disk that keeps nothing that no fsync has confirmed, or a
//! random choice of it. Nothing that was acknowledged may be missing, nothing may be damaged, and the store opens.
//!
//! `HISTORIAN_POWER_CUTS` says how often; it prints what it saw (`--nocapture`).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;

use faults::{Disk, Survives};
use historian::{Config, Historian, open_read_only, verify};
use support::clock;
use support::load::{Acknowledged, TASKS, batch, burst, check_at_rest, check_started, device, next};
use tokio::runtime::Runtime;

/// The power goes so often on one store, which then begins anew: first starts and migrations are cut, too.
const CUTS: u64 = 10;
const STORES: u64 = 2;
/// Operations of the disk within which the power goes: hundreds of commits, and some checkpoints.
const OPERATIONS: u64 = 4_000;

fn config(dir: &Path) -> Config {
    // Chunks, partial chunks and the cutting of the log happen all the time.
    Config { chunk_points: 32, log_bytes: 32 << 10, ..Config::new(dir) }
}

/// Each task commits until the disk fails, and one adds devices.
async fn commit_until_it_fails(historian: &Historian, so_far: &mut Acknowledged) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let (recorder, register) = (historian.recorder(), historian.register());
        let from = next(&historian.archive(), task);
        tasks.spawn(async move {
            let (mut n, mut devices) = (from, Vec::new());
            loop {
                let mut batch = batch(task, n);
                if n % 4 == 1 {
                    batch.waveforms.extend(burst(task, n));
                }
                if recorder.commit(batch).await.is_err() {
                    return (task, n - from, n.checked_sub(1), devices);
                }
                let name = format!("d-{task}-{n}");
                if n.is_multiple_of(7) && register.add_device(&device(name.clone())).is_ok() {
                    devices.push(name);
                }
                n += 1;
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        let (task, count, last, devices) = ended.unwrap();
        if count > 0 {
            so_far.batches[task as usize] = last;
        }
        so_far.count += count;
        so_far.devices.extend(devices);
    }
}

/// One run, from the start to the loss of power.
fn run(runtime: &Runtime, store: &Path, disk: &Disk, so_far: &mut Acknowledged) {
    match Historian::open(config(store), clock()) {
        Ok(historian) => runtime.block_on(commit_until_it_fails(&historian, so_far)),
        Err(why) => assert!(disk.is_off(), "it does not open, with the power on: {why}"),
    }
    assert!(disk.is_off(), "a commit failed with the power on");
}

#[test]
fn when_the_power_goes_nothing_acknowledged_is_lost() {
    let cuts = std::env::var("HISTORIAN_POWER_CUTS").map_or(CUTS * STORES, |n| n.parse().unwrap());
    let runtime = Runtime::new().unwrap();
    let (mut felt, mut lost, mut batches, mut devices, mut unopened) = (0, 0, 0, 0, 0);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..cuts.div_ceil(CUTS) {
        let dir = tempfile::tempdir().unwrap();
        let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
        let mut so_far = Acknowledged::default();
        for cut in 0..CUTS {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            // Now and then within the first steps, where a start is.
            let within = if seed.is_multiple_of(5) { 250 } else { OPERATIONS };
            disk.cut_after(1 + (seed >> 8) % within);
            let before = so_far.count;
            run(&runtime, &store, &disk, &mut so_far);
            unopened += u64::from(so_far.count == before);
            let survives = if cut % 3 == 0 { Survives::Nothing } else { Survives::Some(seed) };
            let took = disk.power_on(survives);
            felt += u64::from(took.lost + took.names > 0);
            lost += took.lost;
            check_at_rest(&store, &so_far);
            let historian = Historian::open(config(&store), clock()).unwrap();
            check_started(&historian, &so_far);
            // Half of the runs that follow go on after a clean end.
            if seed.is_multiple_of(2) {
                historian.close().unwrap();
                disk.cut();
                disk.power_on(survives);
                check_at_rest(&store, &so_far);
            }
        }
        (batches, devices) = (batches + so_far.count, devices + so_far.devices.len());
    }
    println!(
        "{cuts} losses of power ({unopened} during a start), {felt} of which took {lost} sectors; {batches} batches and \
         {devices} devices acknowledged, none lost; every store verifies and opens"
    );
    assert!(felt > cuts / 2, "the power went {cuts} times, and only {felt} times was there anything to lose");
}

#[test]
fn a_store_whose_power_goes_right_after_its_first_commit_can_be_read_and_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let historian = Historian::open(config(&store), clock()).unwrap();
    let runtime = Runtime::new().unwrap();
    assert_eq!(runtime.block_on(historian.recorder().commit(batch(0, 1))), Ok(1));
    disk.cut();
    drop(historian);
    disk.power_on(Survives::Nothing);
    let found = verify(&store).unwrap();
    assert!(found.is_clean(), "{:?}", found.faults);
    open_read_only(&store).unwrap();
    Historian::open(config(&store), clock()).unwrap().close().unwrap();
}

/// The same on a disk that says it has synced and has not: the test above would find it out.
#[test]
fn on_a_disk_that_lies_about_its_fsync_the_loss_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, store) = (Disk::at(dir.path()), dir.path().join("store"));
    let mut so_far = Acknowledged::default();
    Historian::open(config(&store), clock()).unwrap().close().unwrap();
    disk.set_lies(true);
    disk.cut_after(1_000);
    run(&Runtime::new().unwrap(), &store, &disk, &mut so_far);
    disk.power_on(Survives::Nothing);
    assert!(so_far.count > 10);
    let historian = Historian::open(config(&store), clock()).unwrap();
    assert!((0..TASKS).all(|task| next(&historian.archive(), task) == 0), "what was not synced is there");
}

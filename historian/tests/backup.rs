//! Backups are taken while writers write, of stores at rest and of killed ones; put together elsewhere, they are the
//! store as of their head. What is torn or tampered with is found before anything is replaced.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use historian::backup::{self, BackupError, Progress, Restored, Source, Taken};
use historian::{Archive, Batch, Config, Historian, Seq, open_read_only, verify};
use plant::{Samples, Timestamp, Unit, Waveform, WaveformId, WaveformMeta};
use support::load::{TASKS, alarm, batch, series, waveform_id};
use support::{START, clock, restless};
use tokio::runtime::Runtime;

const CHILD: &str = "HISTORIAN_BACKUP_TEST_DIR";

/// Task and number of the batches of each commit.
type Acknowledged = BTreeMap<Seq, Vec<(u64, u64)>>;

fn silent(_: Progress<'_>) {}

fn source(dir: &Path) -> Source<'_> {
    Source { dir, leave_out: &["instance.json"] }
}

fn take(store: &Path, to: &Path, secs: i64) -> Result<Taken, BackupError> {
    backup::take(source(store), to, Timestamp::from_secs(secs), &mut silent)
}

fn restore(from: &Path, to: &Path) -> Result<Restored, BackupError> {
    backup::restore(from, None, to, START, &mut silent)
}

/// A waveform of 400 kB that does not compress.
fn record(id: u128) -> Batch {
    let mut x = id as u64 + 1;
    let noise = |_| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 40) as i16
    };
    let raw = (0..200_000).map(noise).collect();
    let samples = Samples::I16 { raw, scale: 1.0, offset: 0.0 };
    let (point, unit, meta) = (series(0).point, Unit::parse("m/s²").unwrap(), WaveformMeta::default());
    let w = Waveform::new(WaveformId(id), point, START, START, 1e3, unit, samples, meta).unwrap();
    Batch { waveforms: vec![Arc::new(w)], ..Batch::default() }
}

/// A store with `n` batches of each task, closed.
fn store(dir: &Path, from: u64, n: u64) {
    let historian = Historian::open(restless(dir), clock()).unwrap();
    fill(&historian, from, n);
    historian.close().unwrap();
}

fn fill(historian: &Historian, from: u64, n: u64) {
    let runtime = Runtime::new().unwrap();
    for (task, n) in (0..TASKS).flat_map(|task| (from..from + n).map(move |n| (task, n))) {
        runtime.block_on(historian.recorder().commit(batch(task, n))).unwrap();
    }
}

fn values(archive: &Archive, task: u64) -> Vec<i64> {
    let found = archive.range(&series(task), Timestamp::MIN, Timestamp::MAX, usize::MAX).unwrap();
    found.iter().map(|s| s.t.nanos()).collect()
}

/// Every value, as an export would print it.
fn export(dir: &Path) -> Vec<Vec<i64>> {
    let (archive, _) = open_read_only(dir).unwrap();
    (0..TASKS).map(|task| values(&archive, task)).collect()
}

/// Every file below `dir` with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// Files of segments.
fn segments(vault: &Path) -> Vec<PathBuf> {
    files(&vault.join("segments")).into_keys().collect()
}

/// A store put together from a backup is the one that was backed up, as of commit `head`: of what `acknowledged` names,
/// all up to there and nothing else.
fn is_as_of(dir: &Path, head: Seq, acknowledged: &Acknowledged) {
    assert!(verify(dir).unwrap().is_clean());
    let mut wanted = vec![Vec::new(); TASKS as usize];
    for (task, n) in acknowledged.range(..=head).flat_map(|(_, all)| all) {
        wanted[*task as usize].push(*n as i64);
    }
    wanted.iter_mut().for_each(|w| w.sort_unstable());
    assert_eq!(export(dir), wanted);
    // It goes on.
    let historian = Historian::open(restless(dir), clock()).unwrap();
    assert_eq!(historian.head(), head);
    for (task, wanted) in (0..TASKS).zip(&wanted) {
        let n = wanted.len() as u64;
        for at in (0..n).step_by(16) {
            let found = historian.archive().waveform(waveform_id(task, at)).unwrap();
            assert_eq!(found.as_ref(), batch(task, at).waveforms.first(), "task {task}, waveform {at}");
        }
        assert!(!historian.archive().has_waveform(waveform_id(task, n.next_multiple_of(16))), "one without its commit");
        let record = historian.register().alarm(alarm(task).id()).unwrap();
        assert_eq!(record.map_or(0, |r| r.occurrences), n.div_ceil(10), "task {task}");
    }
    fill(&historian, 1_000_000, 1);
    historian.close().unwrap();
    assert!(verify(dir).unwrap().is_clean());
}

#[test]
fn taken_under_load_a_backup_is_the_store_as_of_its_head() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault) = (dir.path().join("live"), dir.path().join("vault"));
    let historian = Historian::open(restless(&live), clock()).unwrap();
    let acknowledged: Arc<Mutex<Acknowledged>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let writers: Vec<_> = (0..TASKS)
        .map(|task| {
            let (recorder, acknowledged, stop) = (historian.recorder(), acknowledged.clone(), stop.clone());
            runtime.spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    let seq = recorder.commit(batch(task, n)).await.unwrap();
                    acknowledged.lock().unwrap().entry(seq).or_default().push((task, n));
                    n += 1;
                }
            })
        })
        .collect();
    let mut taken: Vec<Taken> = Vec::new();
    for round in 0..8 {
        let head = taken.last().map_or(0, |t| t.head);
        while historian.head() < head + 50 {
            std::thread::yield_now();
        }
        let before = historian.head();
        taken.push(take(&live, &vault, round).unwrap());
        let t = taken.last().unwrap();
        assert!((before..=historian.head()).contains(&t.head), "{t:?}");
    }
    let tar = dir.path().join("live.tar");
    let mut out = fs::File::create(&tar).unwrap();
    let rolled = backup::take_tar(source(&live), &mut out, dir.path(), START, &mut silent).unwrap();
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|w| runtime.block_on(w).unwrap());
    historian.close().unwrap();
    let acknowledged = acknowledged.lock().unwrap();
    for t in &taken {
        let to = dir.path().join(format!("restored-{}", t.t));
        let restored = backup::restore(&vault, Some(t.t), &to, START, &mut silent).unwrap();
        assert_eq!((restored.t, restored.head, restored.aside), (t.t, t.head, None));
        is_as_of(&to, t.head, &acknowledged);
    }
    let to = dir.path().join("unrolled");
    assert_eq!(restore(&tar, &to).unwrap().head, rolled.head);
    is_as_of(&to, rolled.head, &acknowledged);
    // And the store itself took no harm.
    is_as_of(&live, *acknowledged.keys().next_back().unwrap(), &acknowledged);
}

#[test]
fn of_a_store_at_rest_and_of_a_killed_one_nothing_is_written_there() {
    for killed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let (live, vault, to) = (dir.path().join("live"), dir.path().join("vault"), dir.path().join("to"));
        let historian = Historian::open(restless(&live), clock()).unwrap();
        fill(&historian, 0, 40);
        if killed {
            drop(historian)
        } else {
            historian.close().unwrap()
        };
        // Reading a killed store's write-ahead log takes an index beside it.
        let stored = |mut all: BTreeMap<PathBuf, Vec<u8>>| {
            all.retain(|path, _| !path.to_str().unwrap().ends_with("-shm"));
            all
        };
        let before = stored(files(&live));
        take(&live, &vault, 1).unwrap();
        assert_eq!(stored(files(&live)), before);
        restore(&vault, &to).unwrap();
        assert_eq!(export(&to), export(&live));
        assert_eq!(export(&to)[0].len(), 40);
    }
}

#[test]
fn what_did_not_change_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault) = (dir.path().join("live"), dir.path().join("vault"));
    let historian = Historian::open(Config::new(&live), clock()).unwrap();
    let runtime = Runtime::new().unwrap();
    for id in 0..40 {
        runtime.block_on(historian.recorder().commit(record(id))).unwrap();
    }
    let first = take(&live, &vault, 1).unwrap();
    assert!(first.bytes > 12 << 20 && first.new_bytes > first.bytes / 2, "{first:?}");
    let second = take(&live, &vault, 2).unwrap();
    assert_eq!(second.new_bytes, 0, "nothing was committed in between");
    runtime.block_on(historian.recorder().commit(record(40))).unwrap();
    let third = take(&live, &vault, 3).unwrap();
    assert!(third.new_bytes > 0 && third.new_bytes < first.new_bytes / 2, "{third:?}");
    let listed = backup::list(&vault).unwrap();
    let heads: Vec<_> = listed.iter().map(|l| l.found.as_ref().unwrap().head).collect();
    assert_eq!(heads, [40, 40, 41]);
    historian.close().unwrap();
}

#[test]
fn an_instance_that_starts_meanwhile_does_not_tear_the_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault, to) = (dir.path().join("live"), dir.path().join("vault"), dir.path().join("to"));
    store(&live, 0, 40);
    let mut started = None;
    // The first word about the largest file comes when its copy is under way.
    let mut start = |p: Progress<'_>| {
        if p.what == "ts.db" && started.is_none() {
            let historian = Historian::open(restless(&live), clock()).unwrap();
            fill(&historian, 40, 400);
            started = Some(historian);
        }
    };
    let taken = backup::take(source(&live), &vault, START, &mut start).unwrap();
    let historian = started.unwrap();
    assert_eq!(taken.head, historian.head(), "what was read before the start is not mixed with what came after it");
    historian.close().unwrap();
    restore(&vault, &to).unwrap();
    assert_eq!(export(&to), export(&live));
    // A tar cannot be begun again: it says so.
    let mut started = None;
    let mut start = |p: Progress<'_>| {
        if p.what == "ts.db" && started.is_none() {
            started = Some(Historian::open(restless(&live), clock()).unwrap());
        }
    };
    let mut out = Vec::new();
    let said = backup::take_tar(source(&live), &mut out, dir.path(), START, &mut start);
    assert!(matches!(said, Err(BackupError::Restless)), "{said:?}");
}

#[test]
fn a_backup_holds_up_neither_commits_nor_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault) = (dir.path().join("live"), dir.path().join("vault"));
    let mut running = Some(Historian::open(restless(&live), clock()).unwrap());
    fill(running.as_ref().unwrap(), 0, 40);
    let mut stop = |p: Progress<'_>| {
        if p.what == "ts.db"
            && let Some(historian) = running.take()
        {
            fill(&historian, 40, 40);
            let begun = tokio::time::Instant::now();
            historian.close().unwrap();
            assert!(begun.elapsed().as_secs() < 3, "the end waited for the backup");
        }
    };
    let taken = backup::take(source(&live), &vault, START, &mut stop).unwrap();
    assert_eq!(taken.head, 40 * TASKS, "it is of the moment at which it began");
    store(&live, 80, 1);
    assert_eq!(export(&live)[0].len(), 81);
    assert!(verify(&live).unwrap().is_clean());
}

#[test]
fn a_flipped_bit_a_cut_and_a_missing_segment_are_found_before_anything_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault, to) = (dir.path().join("live"), dir.path().join("vault"), dir.path().join("to"));
    store(&live, 0, 20);
    fs::write(live.join("ca.key"), "secret").unwrap();
    take(&live, &vault, 1).unwrap();
    store(&to, 0, 5);
    let untouched = export(&to);
    assert!(backup::check(&vault, &mut silent).unwrap().is_clean());
    let found = |torn: &Path, expect: &str| {
        let checked = backup::check(&vault, &mut silent).unwrap();
        let name = torn.file_name().unwrap().to_str().unwrap();
        assert!(checked.faults.len() == 1 && checked.faults[0].contains(name), "{:?}", checked.faults);
        assert!(checked.faults[0].contains(expect), "{:?}", checked.faults);
        let said = restore(&vault, &to).unwrap_err();
        assert!(matches!(&said, BackupError::Damaged { file, .. } if file == torn), "{said}");
        assert_eq!(export(&to), untouched);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left beside the store");
    };
    let all = segments(&vault);
    assert!(all.len() >= 4, "{all:?}");
    for (i, path) in all.iter().enumerate() {
        let whole = fs::read(path).unwrap();
        let mut torn = whole.clone();
        let at = i * 7_919 % torn.len();
        torn[at] ^= 1 << (i % 8);
        fs::write(path, &torn).unwrap();
        found(path, "changed");
        fs::write(path, &whole[..whole.len() - 1]).unwrap();
        found(path, "torn");
        fs::remove_file(path).unwrap();
        found(path, "cannot be read");
        fs::write(path, &whole).unwrap();
    }
    let manifest = files(&vault.join("backups")).into_keys().next().unwrap();
    let whole = fs::read(&manifest).unwrap();
    fs::write(&manifest, String::from_utf8(whole.clone()).unwrap().replace("ca.key", "cb.key")).unwrap();
    found(&manifest, "its own checksum");
    fs::write(&manifest, &whole[..whole.len() / 2]).unwrap();
    found(&manifest, "torn");
    fs::write(&manifest, &whole).unwrap();
    restore(&vault, &to).unwrap();
    assert_eq!(export(&to), export(&live));
}

#[test]
fn a_segment_that_is_torn_is_mended_by_the_next_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault, to) = (dir.path().join("live"), dir.path().join("vault"), dir.path().join("to"));
    store(&live, 0, 20);
    take(&live, &vault, 1).unwrap();
    fs::write(&segments(&vault)[0], "").unwrap();
    assert!(take(&live, &vault, 2).unwrap().new_bytes > 0);
    restore(&vault, &to).unwrap();
}

#[test]
fn the_store_within_a_backup_is_walked_before_it_replaces_another() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault, to) = (dir.path().join("live"), dir.path().join("vault"), dir.path().join("to"));
    store(&live, 0, 200);
    let path = live.join("ts.db");
    let mut bytes = fs::read(&path).unwrap();
    let wave = fs::read(live.join("wave.db")).unwrap();
    // Pages that SQLite does not check: somewhere a record no longer fits its checksum.
    let mut torn = 0;
    for at in (20_000..bytes.len()).step_by(4_001) {
        bytes[at] ^= 0x55;
        torn += 1;
    }
    assert!(torn > 10 && !wave.is_empty());
    fs::write(&path, &bytes).unwrap();
    store(&to, 0, 5);
    take(&live, &vault, 1).unwrap();
    let said = restore(&vault, &to).unwrap_err();
    assert!(matches!(said, BackupError::Unsound(_) | BackupError::Store(_)), "{said}");
    assert_eq!(export(&to)[0].len(), 5);
}

#[test]
fn the_old_store_is_kept_and_one_that_is_in_use_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault, to) = (dir.path().join("live"), dir.path().join("vault"), dir.path().join("to"));
    store(&live, 0, 20);
    take(&live, &vault, 1).unwrap();
    let historian = Historian::open(restless(&to), clock()).unwrap();
    fill(&historian, 0, 5);
    let said = restore(&vault, &to).unwrap_err();
    assert!(matches!(&said, BackupError::Running { dir } if *dir == to), "{said}");
    historian.close().unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o750)).unwrap();
    let aside = restore(&vault, &to).unwrap().aside.unwrap();
    assert_eq!((export(&aside)[0].len(), export(&to)[0].len()), (5, 20));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o750);
    let owned = dir.path().join("owned");
    store(&owned, 0, 1);
    if chown(&owned, Some(12_345), Some(12_346)).is_ok() {
        restore(&vault, &owned).unwrap();
        for path in [owned.clone(), owned.join("ts.db")] {
            let meta = fs::metadata(&path).unwrap();
            assert_eq!((meta.uid(), meta.gid()), (12_345, 12_346), "{}", path.display());
        }
    } else {
        eprintln!("only root may give files away: this part is left out");
    }
    // Again within the same nanosecond: the one that is kept is not overwritten.
    assert!(matches!(restore(&vault, &to), Err(BackupError::LeftOver { dir }) if dir == aside));
    assert_eq!((export(&aside)[0].len(), export(&to)[0].len()), (5, 20));

    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    restore(&vault, &other).unwrap();
    assert_eq!(export(&other)[0].len(), 20, "an empty directory gives way");
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("letter"), "dear").unwrap();
    assert!(matches!(restore(&vault, &home), Err(BackupError::NoStore { .. })));
    let link = dir.path().join("link");
    std::os::unix::fs::symlink(&other, &link).unwrap();
    backup::restore(&vault, None, &link, START + std::time::Duration::from_secs(1), &mut silent).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays, what it leads to is replaced");
}

#[test]
fn small_files_go_along_with_their_permissions_and_what_does_not_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault, to) = (dir.path().join("live"), dir.path().join("vault"), dir.path().join("to"));
    store(&live, 0, 1);
    let put = |name: &str, text: &str, mode: u32| {
        let path = live.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    put("ca.key", "secret", 0o600);
    put("ca.crt", "certificate", 0o644);
    put("empty", "", 0o640);
    put("kit/one.toml", "x = 1", 0o644);
    put("instance.json", "{}", 0o644);
    put("half.tmp", "", 0o644);
    std::os::unix::fs::symlink("/etc/hostname", live.join("name")).unwrap();
    let said = take(&live, &live.join("vault"), 1).unwrap_err();
    assert!(matches!(said, BackupError::Inside { .. }) && !live.join("vault").exists(), "{said}");
    let taken = take(&live, &vault, 1).unwrap();
    assert_eq!((taken.files, taken.left_out), (7, vec!["name: it is no plain file".to_owned()]));
    restore(&vault, &to).unwrap();
    for (name, text, mode) in [
        ("ca.key", "secret", 0o600),
        ("ca.crt", "certificate", 0o644),
        ("empty", "", 0o640),
        ("kit/one.toml", "x = 1", 0o644),
    ] {
        assert_eq!(fs::read_to_string(to.join(name)).unwrap(), text);
        assert_eq!(fs::metadata(to.join(name)).unwrap().permissions().mode() & 0o777, mode, "{name}");
    }
    assert!(!to.join("instance.json").exists() && !to.join("half.tmp").exists());
    for (path, _) in files(&vault) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} holds secrets and others may read it", path.display());
    }
}

#[test]
fn a_torn_or_changed_tar_is_refused_wherever_it_is_torn() {
    let dir = tempfile::tempdir().unwrap();
    let (live, tar, to) = (dir.path().join("live"), dir.path().join("x.tar"), dir.path().join("to"));
    store(&live, 0, 20);
    fs::write(live.join("ca.key"), "secret").unwrap();
    let mut whole = Vec::new();
    let taken = backup::take_tar(source(&live), &mut whole, dir.path(), START, &mut silent).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left where the copies were");
    store(&to, 0, 5);
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&tar, bytes).unwrap();
        let checked = backup::check(&tar, &mut silent).unwrap();
        assert!(checked.faults.len() == 1 && checked.faults[0].contains("x.tar"), "{what}: {checked:?}");
        let said = restore(&tar, &to).unwrap_err();
        assert!(matches!(&said, BackupError::Damaged { .. }), "{what}: {said}");
        assert_eq!(export(&to)[0].len(), 5, "{what}");
    };
    // The two empty blocks at the end say nothing, nor does what fills up the block before them.
    let end = whole.len() - 1_024 - 512;
    for at in (0..end).step_by(end / 40) {
        refused(&whole[..at], &format!("cut at {at}"));
        let mut torn = whole.clone();
        torn[at] ^= 4;
        // What fills up the last block of a file says nothing either.
        fs::write(&tar, &torn).unwrap();
        if !backup::check(&tar, &mut silent).unwrap().is_clean() {
            refused(&torn, &format!("flipped at {at}"));
        } else {
            assert_eq!(whole[at], 0, "a flipped bit at {at} was not found");
        }
    }
    fs::write(&tar, &whole).unwrap();
    let checked = backup::check(&tar, &mut silent).unwrap();
    assert_eq!((checked.is_clean(), checked.bytes), (true, taken.bytes));
    let before = Some(START - std::time::Duration::from_secs(1));
    let said = backup::restore(&tar, before, &to, START, &mut silent).unwrap_err();
    assert!(matches!(said, BackupError::None { .. }), "{said}");
    restore(&tar, &to).unwrap();
    assert_eq!(export(&to), export(&live));
}

#[test]
fn the_wanted_time_is_found_and_pruning_keeps_what_the_others_need() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault) = (dir.path().join("live"), dir.path().join("vault"));
    for (n, secs) in [(0, 100), (1, 200), (2, 300)] {
        store(&live, n * 20, 20);
        take(&live, &vault, secs).unwrap();
    }
    let at = |secs: i64| {
        let to = dir.path().join(format!("at-{secs}"));
        let found = backup::restore(&vault, Some(Timestamp::from_secs(secs)), &to, START, &mut silent);
        found.map(|r| (r.t.nanos() / 1_000_000_000, export(&to)[0].len()))
    };
    assert_eq!(at(100).unwrap(), (100, 20));
    assert_eq!(at(299).unwrap(), (200, 40));
    assert_eq!(at(900).unwrap(), (300, 60));
    assert!(matches!(at(99), Err(BackupError::None { .. })));
    // As a backup and a pruning that were broken off leave it.
    let shelf = vault.join("segments/ff");
    fs::create_dir_all(&shelf).unwrap();
    fs::write(shelf.join("ff.tmp"), "half").unwrap();
    fs::write(shelf.join("ff".repeat(32)), "nobody's").unwrap();
    let before = segments(&vault).len();
    let pruned = backup::prune(&vault, 1).unwrap();
    assert_eq!(pruned.backups, 2);
    assert!(pruned.bytes > 0 && segments(&vault).len() < before - 2, "{pruned:?}");
    assert!(backup::check(&vault, &mut silent).unwrap().is_clean());
    assert!(matches!(at(250), Err(BackupError::None { .. })));
    let to = dir.path().join("after");
    assert_eq!(restore(&vault, &to).unwrap().t, Timestamp::from_secs(300));
    assert_eq!(backup::prune(&vault, 0).unwrap().backups, 0, "the last one stays");
    assert!(matches!(backup::prune(dir.path(), 1), Err(BackupError::None { .. })));
    assert!(!dir.path().join("backups").exists());
}

#[test]
fn two_stores_do_not_share_a_directory_and_what_was_restored_goes_on_in_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (live, other, vault) = (dir.path().join("live"), dir.path().join("other"), dir.path().join("vault"));
    store(&live, 0, 5);
    store(&other, 0, 5);
    take(&live, &vault, 1).unwrap();
    assert!(matches!(take(&other, &vault, 2), Err(BackupError::OtherStore { .. })));
    let to = dir.path().join("to");
    restore(&vault, &to).unwrap();
    store(&to, 5, 5);
    take(&to, &vault, 3).unwrap();
    // Nor do two programs at a time.
    let busy = fs::File::options().write(true).open(vault.join("lock")).unwrap();
    busy.lock().unwrap();
    assert!(matches!(take(&live, &vault, 4), Err(BackupError::Busy { .. })));
    assert!(matches!(backup::prune(&vault, 1), Err(BackupError::Busy { .. })));
    assert!(matches!(restore(&vault, &live), Err(BackupError::Busy { .. })));
}

/// Takes backups of the store in `dir/live` for ever, and says what it is about.
fn child(dir: &Path) {
    let mut said = |p: Progress<'_>| {
        std::io::stdout().write_all(format!("at {} {}\n", p.what, p.done).as_bytes()).unwrap();
    };
    for secs in 1_000.. {
        let t = Timestamp::from_secs(secs);
        backup::take(source(&dir.join("live")), &dir.join("vault"), t, &mut said).unwrap();
    }
}

#[test]
fn killed_at_any_moment_a_backup_leaves_a_directory_that_is_usable() {
    if let Some(dir) = std::env::var_os(CHILD) {
        return child(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let (live, vault) = (dir.path().join("live"), dir.path().join("vault"));
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..16 {
        store(&live, round * 30, 30);
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed_at_any_moment_a_backup_leaves_a_directory_that_is_usable", "--exact", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let steps =
            lines.filter(|l| l.as_ref().is_ok_and(|l| l.starts_with("at "))).take(1 + seed as usize % 40).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(steps > 0, "the child ended by itself");
        let checked = backup::check(&vault, &mut silent).unwrap();
        assert!(checked.is_clean(), "round {round}: {:?}", checked.faults);
        take(&live, &vault, 2_000 + round as i64).unwrap();
        assert!(!vault.join("staging").exists());
        if round % 4 == 3 {
            backup::prune(&vault, 1).unwrap();
            let to = dir.path().join(format!("to-{round}"));
            restore(&vault, &to).unwrap();
            assert_eq!(export(&to), export(&live));
        }
    }
}

#[test]
fn the_space_that_a_long_backup_takes_in_the_store_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let (live, vault) = (dir.path().join("live"), dir.path().join("vault"));
    let historian = Historian::open(Config::new(&live), clock()).unwrap();
    let runtime = Runtime::new().unwrap();
    let mut id = 0;
    let mut records = |n: u128| {
        for _ in 0..n {
            id += 1;
            runtime.block_on(historian.recorder().commit(record(id))).unwrap();
        }
    };
    let wal = || fs::metadata(live.join("wave.db-wal")).unwrap().len();
    records(1);
    let mut grown = 0;
    let mut load = |p: Progress<'_>| {
        if p.what == "wave.db" && grown == 0 {
            records(220);
            grown = wal();
        }
    };
    backup::take(source(&live), &vault, START, &mut load).unwrap();
    assert!(grown > 80 << 20, "{grown} bytes: what the backup does not read was not kept aside");
    // A few commits later it begins anew.
    let cut = (0..400).any(|_| {
        records(1);
        wal() <= 64 << 20
    });
    assert!(cut, "{} bytes are left", wal());
    historian.close().unwrap();
}

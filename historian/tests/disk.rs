//! Trouble with files: a disk that does not take a commit, a second writer, damage, and reading without writing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use historian::{Batch, CommitError, Config, Historian, OpenError, ReadError, open_read_only, verify};
use plant::{
    AssetChange, MachineId, Name, Point, Quality, Samples, SeriesKey, Timestamp, Unit, Value, Waveform, WaveformId,
    WaveformMeta,
};
use rusqlite::Connection;
use support::{Embedded, End, Store, batch, clock, observation, point, restless};

fn execute(dir: &Path, file: &str, sql: &str) {
    Connection::open(dir.join(file)).unwrap().execute_batch(sql).unwrap();
}

const NO_ROOM: &str = "CREATE TRIGGER no_room BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'no room'); END";

fn full(n: u64) -> Batch {
    let point = point("s/m/p");
    let t = Timestamp::from_nanos(n as i64);
    let mut b = batch(vec![observation(&point, n as i64, Value::Float(n as f64), Quality::Good)]);
    b.changes.push(AssetChange::Point(point.machine(), Point::bare(&format!("point-{n}"))));
    let samples = Samples::F32((0..64).map(|i| i as f32 / 3.0).collect());
    let (id, unit) = (WaveformId(u128::from(n)), Unit::parse("m/s²").unwrap());
    let w = Waveform::new(id, point, t, t, 1e3, unit, samples, WaveformMeta::default());
    b.waveforms.push(Arc::new(w.unwrap()));
    b
}

#[test]
fn a_commit_the_disk_refuses_leaves_nothing_behind_and_later_ones_are_tried_afresh() {
    let mut store = Embedded::new(restless);
    (1..=20).for_each(|n| assert_eq!(store.put(full(n)), Ok(n)));
    execute(store.dir(), "ts.db", NO_ROOM);
    for _ in 0..3 {
        assert_eq!(store.put(full(21)), Err(CommitError::Disk { why: "no room".into() }));
    }
    let seen = |s: &Embedded| {
        let plant = s.historian().register().plant();
        let key = SeriesKey::raw(point("s/m/p"));
        let values = s.range(&key, i64::MIN, i64::MAX, 99).len();
        let waves = (1..=99).filter(|n| s.historian().archive().has_waveform(WaveformId(*n))).count();
        (s.historian().head(), values, waves, plant.machine("s/m").unwrap().points.len())
    };
    assert_eq!(seen(&store), (20, 20, 20, 20));
    assert_eq!(store.historian().archive().stats().failed_commits, 3);
    execute(store.dir(), "ts.db", "DROP TRIGGER no_room");
    assert_eq!(store.put(full(22)), Ok(21));
    assert_eq!(seen(&store), (21, 21, 21, 21));
    assert!(!store.historian().archive().has_waveform(WaveformId(21)), "a waveform of a commit that never was");
    store.restart(End::Killed);
    assert_eq!(seen(&store), (21, 21, 21, 21));
    assert_eq!(verify(store.dir()).unwrap().faults, [""; 0]);
}

#[test]
fn a_waveform_of_a_failed_commit_does_not_come_with_the_next_one_that_has_none() {
    let mut store = Embedded::new(restless);
    store.put(full(1)).unwrap();
    execute(store.dir(), "ts.db", NO_ROOM);
    store.put(full(2)).unwrap_err();
    execute(store.dir(), "ts.db", "DROP TRIGGER no_room");
    let plain = batch(vec![observation(&point("s/m/p"), 3, Value::Int(3), Quality::Good)]);
    assert_eq!(store.put(plain), Ok(2), "it has the position of the one that failed");
    for end in [None, Some(End::Killed)] {
        end.into_iter().for_each(|end| store.restart(end));
        assert!(!store.historian().archive().has_waveform(WaveformId(2)), "it was never committed");
        assert!(store.historian().archive().has_waveform(WaveformId(1)));
    }
}

#[test]
fn a_register_that_could_not_be_written_is_brought_up_from_the_log() {
    let mut store = Embedded::new(restless);
    store.put(full(1)).unwrap();
    let stop = "CREATE TRIGGER stop BEFORE INSERT ON machine BEGIN SELECT RAISE(ABORT, 'no room'); END";
    execute(store.dir(), "state.db", stop);
    for n in 2..=9 {
        store.put(full(n)).unwrap();
    }
    assert_eq!(store.historian().register().plant().machine("s/m").unwrap().points.len(), 9);
    let stored = |dir: &Path| open_read_only(dir).unwrap().1.plant();
    assert_eq!(stored(store.dir()).machine("s/m").unwrap().points.len(), 9, "the log is kept for it");
    execute(store.dir(), "state.db", "DROP TRIGGER stop");
    store.heartbeat();
    let wanted = store.historian().register().plant();
    store.restart(End::Closed);
    assert_eq!(store.historian().register().plant(), wanted);
}

#[test]
fn a_lost_register_is_made_anew_while_the_log_reaches_back() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let open = |log_bytes| Historian::open(Config { log_bytes, ..restless(dir.path()) }, clock());
    let fill = |h: &Historian, of: std::ops::Range<u64>| {
        runtime.block_on(async {
            for n in of {
                h.recorder().commit(full(n)).await.unwrap();
            }
        });
        h.register().plant()
    };
    let historian = open(1 << 20).unwrap();
    let wanted = fill(&historian, 1..9);
    historian.close().unwrap();
    let lose = || std::fs::remove_file(dir.path().join("state.db")).unwrap();
    lose();
    let historian = open(0).unwrap();
    assert_eq!(historian.register().plant(), wanted);
    fill(&historian, 9..40);
    assert!(historian.oldest() > 1);
    historian.close().unwrap();
    lose();
    let refused = open(0).unwrap_err().to_string();
    assert!(refused.contains("the log begins after it"), "{refused}");
}

#[test]
fn a_second_writer_is_kept_out_and_told_where() {
    let store = Embedded::new(|dir| Config::new(dir));
    let refused = Historian::open(Config::new(store.dir()), clock()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { .. }));
    assert!(refused.to_string().contains(&store.dir().display().to_string()), "{refused}");
}

#[test]
fn what_cannot_be_opened_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let missing = open_read_only(dir.path()).unwrap_err();
    assert!(matches!(missing, OpenError::Missing { .. }), "{missing}");
    assert!(matches!(verify(dir.path()).unwrap_err(), OpenError::Missing { .. }));
    std::fs::write(dir.path().join("file"), "").unwrap();
    let refused = Historian::open(Config::new(dir.path().join("file/below")), clock()).unwrap_err();
    assert!(matches!(refused, OpenError::Directory { .. }), "{refused}");
    Historian::open(Config::new(dir.path()), clock()).unwrap().close().unwrap();
    execute(dir.path(), "wave.db", "PRAGMA user_version=7");
    for refused in [
        Historian::open(Config::new(dir.path()), clock()).unwrap_err(),
        open_read_only(dir.path()).unwrap_err(),
        verify(dir.path()).unwrap_err(),
    ] {
        assert!(matches!(refused, OpenError::Format { found: 7, expected: 2, .. }), "{refused}");
    }
    execute(dir.path(), "wave.db", "PRAGMA user_version=2");
    std::fs::write(dir.path().join("ts.db"), "this is no database, but it is long enough to look at").unwrap();
    let refused = Historian::open(Config::new(dir.path()), clock()).unwrap_err();
    assert!(matches!(refused, OpenError::Read { .. }), "{refused}");
}

/// Every file that holds data, with what is in it. SQLite's -shm is an index in shared memory and holds none.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap());
    let named = files.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()));
    named.filter(|(name, _)| !name.ends_with("-shm")).collect()
}

#[test]
fn reading_works_beside_a_running_instance_and_after_its_end_and_writes_nothing() {
    let mut store = Embedded::new(restless);
    for n in 1..=30 {
        store.put(full(n)).unwrap();
    }
    let copy = |to: &Path, shm: bool| {
        for entry in std::fs::read_dir(store.dir()).unwrap().map(|e| e.unwrap()) {
            if shm || !entry.file_name().to_string_lossy().ends_with("-shm") {
                std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    };
    let (killed, bare) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(killed.path(), true);
    copy(bare.path(), false);
    let check = |dir: &Path, what: &str| {
        let before = contents(dir);
        let (archive, register) = open_read_only(dir).unwrap();
        let key = SeriesKey::raw(point("s/m/p"));
        let found = archive.range(&key, Timestamp::MIN, Timestamp::MAX, 99).unwrap();
        assert_eq!(found.len(), 30, "{what}");
        assert_eq!(archive.last(&key).unwrap().value, Value::Float(30.0), "{what}");
        assert_eq!(register.plant().machine("s/m").unwrap().points.len(), 30, "{what}");
        assert!(archive.waveform(WaveformId(30)).unwrap().is_some(), "{what}");
        assert!(register.set_device_password("a", "b").is_err(), "{what}");
        assert_eq!(verify(dir).unwrap().faults, [""; 0], "{what}");
        drop((archive, register));
        let after = contents(dir);
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "{what}");
        assert!(before == after, "{what}: a file was written to");
    };
    check(store.dir(), "running");
    check(killed.path(), "killed");
    check(bare.path(), "killed, without the shared memory");
    store.put(Batch::default()).unwrap();
    store.restart(End::Closed);
    let dir = tempfile::tempdir().unwrap();
    let historian = Historian::open(restless(dir.path()), clock()).unwrap();
    store.runtime.block_on(async {
        for n in 1..=30 {
            historian.recorder().commit(full(n)).await.unwrap();
        }
    });
    historian.close().unwrap();
    check(dir.path(), "closed");
}

#[test]
fn verification_names_what_is_damaged() {
    let flip = "body = CAST(substr(body, 1, 5) || x'55' || substr(body, 7) AS BLOB)";
    for (file, table, named) in [
        ("ts.db", "log", "of the log: the checksum does not match"),
        ("ts.db", "block", "the chunk of series 0 at"),
        ("ts.db", "quarantine", "a row of quarantine in ts.db: the checksum does not match"),
        ("wave.db", "samples", "waveform 00000000-0000-0000-0000-000000000001 is damaged"),
        ("state.db", "machine", "a row of machine in state.db: the checksum does not match"),
    ] {
        let store = Embedded::new(restless);
        let mut first = full(1);
        first.quarantine.push(historian::Quarantined {
            t: support::START,
            source: "c".into(),
            topic: "t".into(),
            size: 1,
            head: [1].into(),
            rest: [].into(),
            code: "json_syntax".into(),
            reason: "why".into(),
        });
        store.put(first).unwrap();
        for n in 2..=30 {
            store.put(full(n)).unwrap();
        }
        assert!(verify(store.dir()).unwrap().is_clean());
        execute(
            store.dir(),
            file,
            &format!("UPDATE {table} SET {flip} WHERE rowid IN (SELECT min(rowid) FROM {table})")
                .replace("rowid IN (SELECT min(rowid) FROM machine)", "1"),
        );
        let found = verify(store.dir()).unwrap();
        assert_eq!(found.faults.len(), 1, "{table}: {:?}", found.faults);
        assert!(found.faults[0].contains(named), "{table}: {}", found.faults[0]);
        if table == "block" {
            let key = SeriesKey::raw(point("s/m/p"));
            let read = store.historian().archive().range(&key, Timestamp::MIN, Timestamp::MAX, 99);
            assert!(matches!(read, Err(ReadError::Damaged { .. })), "damage is never read as data");
        }
    }
}

#[test]
fn slow_series_do_not_hold_the_log_nor_fray_into_tiny_chunks() {
    let store = Embedded::new(|dir| Config { log_bytes: 0, ..Config::new(dir) });
    for n in 0..200 {
        store.put(batch(vec![observation(&point("s/m/slow"), n, Value::Float(1.0), Quality::Good)])).unwrap();
    }
    for _ in 0..3 {
        store.put(Batch::default()).unwrap();
    }
    let stats = store.historian().archive().stats();
    assert_eq!(stats.head_points, 0);
    assert!(stats.head - stats.log_first < 8, "{stats:?}");
    let found = verify(store.dir()).unwrap();
    assert_eq!((found.chunks, found.points), (1, 200), "each partial chunk takes the place of the one before");
}

#[test]
fn heads_come_of_age() {
    let store = Embedded::new(|dir| Config::new(dir));
    store.put(full(1)).unwrap();
    for _ in 0..3 {
        store.put(Batch::default()).unwrap();
    }
    assert_eq!(store.historian().archive().stats().head_points, 1);
    store.clock.advance(std::time::Duration::from_secs(2 * 3_600));
    for _ in 0..3 {
        store.put(Batch::default()).unwrap();
    }
    assert_eq!(store.historian().archive().stats().head_points, 0);
    assert_eq!(verify(store.dir()).unwrap().chunks, 1);
}

#[test]
fn names_are_checked_when_they_are_read_back() {
    let mut store = Embedded::new(|dir| Config::new(dir));
    store.put(full(1)).unwrap();
    let machine: MachineId = "s/m".parse().unwrap();
    assert_eq!(store.historian().archive().series_of(&machine), [SeriesKey::raw(point("s/m/p"))]);
    assert_eq!(store.historian().archive().series_of(&"s/x".parse().unwrap()), []);
    store.restart(End::Closed);
    assert_eq!(store.historian().archive().series_of(&machine).len(), 1);
    execute(store.dir(), "ts.db", "UPDATE series SET point = 'nonsense'");
    let refused = open_read_only(store.dir()).unwrap_err().to_string();
    assert!(refused.contains("series 0 in ts.db is damaged: its point has no valid name"), "{refused}");
    assert!(Name::new("").is_err());
}

#[test]
fn a_clock_that_is_set_back_or_forward_leaves_positions_and_times_in_order() {
    use std::time::Duration;
    let mut store = Embedded::new(restless);
    let days = |n: u64| Duration::from_secs(n * 86_400);
    let times = [support::START, support::START + days(400), support::START - days(400), support::START + days(1)];
    for (n, at) in (1..).zip(times.into_iter().cycle().take(24)) {
        store.clock.set(at);
        assert_eq!(store.put(full(n)), Ok(n), "a commit does not ask the clock whether it may");
        if n % 5 == 0 {
            store.restart(End::Killed);
        }
    }
    let key = SeriesKey::raw(point("s/m/p"));
    let found = store.range(&key, i64::MIN, i64::MAX, 99);
    let wanted: Vec<_> = (1..=24).map(|n| (n, Value::Float(n as f64))).collect();
    assert_eq!(
        found.iter().map(|s| (s.t.nanos(), s.value.clone())).collect::<Vec<_>>(),
        wanted,
        "values keep their own time"
    );
    assert_eq!(verify(store.dir()).unwrap().faults, [""; 0]);
}

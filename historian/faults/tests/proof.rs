//! The disk itself is put to the test: a database that does not wait for its fsync loses what it said was committed, and
//! one that does wait loses nothing.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use faults::{Disk, Survives};
use rusqlite::Connection;

/// Commits numbers from `from` on until the disk fails; gives the first that was not acknowledged.
fn commit_until_it_fails(file: &Path, setup: &str, from: i64) -> i64 {
    let Ok(conn) = Connection::open(file) else { return from };
    let made = conn.execute_batch(&format!("{setup} CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, body BLOB)"));
    if made.is_err() {
        return from;
    }
    let insert = |n: i64| conn.execute("INSERT INTO t VALUES (?, randomblob(3000))", [n]);
    (from..).find(|n| insert(*n).is_err()).unwrap()
}

/// The numbers that are there, from 0 on without a gap; `None` where the file cannot be read.
fn count(file: &Path) -> Option<i64> {
    let conn = Connection::open(file).ok()?;
    if !conn.query_row("PRAGMA integrity_check", [], |r| r.get::<_, String>(0)).is_ok_and(|said| said == "ok") {
        return None;
    }
    let there = "SELECT count(*) FROM sqlite_schema WHERE name = 't'";
    if conn.query_row(there, [], |r| r.get::<_, i64>(0)).ok()? == 0 {
        return Some(0);
    }
    let (n, last): (i64, i64) =
        conn.query_row("SELECT count(*), coalesce(max(n), -1) FROM t", [], |r| Ok((r.get(0)?, r.get(1)?))).ok()?;
    // A later number without an earlier one is damage, too.
    (n == last + 1).then_some(n)
}

struct Found {
    /// Cuts after which something that was acknowledged was missing.
    lossy: u64,
    /// Cuts after which the file could not be read.
    broken: u64,
    /// Cuts that took something that was not confirmed.
    felt: u64,
}

fn cuts(setup: &str, survives: impl Fn(u64) -> Survives, prepare: impl Fn(&Disk)) -> Found {
    let mut found = Found { lossy: 0, broken: 0, felt: 0 };
    for seed in 1..=60_u64 {
        let dir = tempfile::tempdir().unwrap();
        let (disk, file) = (Disk::at(dir.path()), dir.path().join("a.db"));
        prepare(&disk);
        let mut acknowledged = 0;
        for round in 0..4 {
            disk.cut_after(1 + seed.wrapping_mul(0x9e37_79b9).wrapping_add(round * 977) % 400);
            acknowledged = commit_until_it_fails(&file, setup, acknowledged);
            assert!(disk.is_off(), "it failed by itself");
            let cut = disk.power_on(survives(seed * 4 + round));
            found.felt += u64::from(cut.lost + cut.names > 0);
            match count(&file) {
                None => found.broken += 1,
                Some(n) if n < acknowledged => found.lossy += 1,
                Some(n) => {
                    acknowledged = n;
                    continue;
                }
            }
            break;
        }
    }
    found
}

const WAL: &str = "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=20;";

#[test]
fn who_waits_for_the_fsync_loses_nothing() {
    const CHOICES: [fn(u64) -> Survives; 2] = [|_| Survives::Nothing, Survives::Some];
    for setup in [format!("{WAL} PRAGMA synchronous=FULL;"), "PRAGMA synchronous=EXTRA;".to_owned()] {
        for survives in CHOICES {
            let found = cuts(&setup, survives, |_| ());
            assert_eq!((found.lossy, found.broken), (0, 0), "{setup}");
            assert!(found.felt > 30, "{setup}: {} cuts took something", found.felt);
        }
    }
}

#[test]
fn who_does_not_wait_loses_what_was_acknowledged() {
    let off = cuts(&format!("{WAL} PRAGMA synchronous=OFF;"), |_| Survives::Nothing, |_| ());
    assert!(off.lossy > 30, "nothing was lost with synchronous=OFF: {}", off.lossy);
    let torn = cuts(&format!("{WAL} PRAGMA synchronous=OFF;"), Survives::Some, |_| ());
    assert!(torn.lossy > 30 && torn.broken > 0, "lost {}, broken {}", torn.lossy, torn.broken);
    // NORMAL gives up the last commits, never the file.
    let normal = cuts(&format!("{WAL} PRAGMA synchronous=NORMAL;"), Survives::Some, |_| ());
    assert!(normal.lossy > 30 && normal.broken == 0, "lost {}, broken {}", normal.lossy, normal.broken);
}

#[test]
fn a_disk_that_lies_about_its_fsync_is_found_out() {
    let found = cuts(&format!("{WAL} PRAGMA synchronous=FULL;"), |_| Survives::Nothing, |disk| disk.set_lies(true));
    assert!(found.lossy > 30, "{}", found.lossy);
}

#[test]
fn a_full_disk_says_so_and_takes_more_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, file) = (Disk::at(dir.path()), dir.path().join("a.db"));
    disk.set_room(Some(200_000));
    let setup = format!("{WAL} PRAGMA synchronous=FULL;");
    let first = commit_until_it_fails(&file, &setup, 0);
    assert!(first > 10, "{first}");
    assert_eq!(count(&file), Some(first));
    disk.set_room(None);
    disk.cut_after(200);
    let then = commit_until_it_fails(&file, &setup, first);
    assert!(then > first && disk.is_off());
    disk.power_on(Survives::Nothing);
    assert!(count(&file).unwrap() >= then);
}

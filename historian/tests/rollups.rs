//! Minutes and hours beside the chunks: that they are used, and that they say what the points say.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::Path;
use std::time::Duration;

use historian::{Config, Verification, verify};
use plant::{Quality, Reason, SeriesKey, Timestamp, Value};
use rusqlite::Connection;
use support::{Embedded, End, Naive, START, Store, TS_4, assert_same_buckets, point, restless};

const S: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * S;

fn key() -> SeriesKey {
    SeriesKey::raw(point("s/m/p"))
}

/// Midnight, `days` before the test begins.
fn midnight(days: i64) -> i64 {
    (START.nanos() / DAY - days) * DAY
}

/// `n` numbers from `t` on, `step` apart.
fn run(t: i64, n: i64, step: i64) -> Vec<(i64, Value, Quality)> {
    (0..n).map(|i| (t + i * step, Value::Float((i * 37 % 101) as f64 / 8.0), Quality::Good)).collect()
}

fn both(store: &mut Embedded, model: &mut Naive, points: &[(i64, Value, Quality)]) {
    store.commit(&key(), points).unwrap();
    model.commit(&key(), points).unwrap();
}

/// Lets the store tidy up until nothing is left to do.
fn settle(store: &mut Embedded) {
    (0..4).for_each(|_| store.heartbeat());
    store.clock.advance(Duration::from_secs(600));
    for _ in 0..200 {
        store.clock.advance(Duration::from_secs(1));
        store.heartbeat();
        if count(store.dir(), "SELECT count(*) FROM stale WHERE due <= (SELECT max(t) FROM log)") == 0 {
            return;
        }
    }
    panic!("it does not come to an end");
}

fn count(dir: &Path, sql: &str) -> i64 {
    Connection::open(dir.join("ts.db")).unwrap().query_row(sql, [], |r| r.get(0)).unwrap()
}

fn compare(store: &Embedded, model: &Naive) {
    let (from, to) = (midnight(9) + 17 * S, midnight(0) + 5 * 3_600 * S + 1);
    for width in [60, 300, 3_600, 7_200, 86_400, 100] {
        for (from, to) in [(i64::MIN, i64::MAX), (from, to), (from + DAY, to - DAY)] {
            let width = Duration::from_secs(width);
            assert_same_buckets(&store.buckets(&key(), from, to, width), &model.buckets(&key(), from, to, width));
        }
    }
}

fn clean(dir: &Path) -> Verification {
    let found = verify(dir).unwrap();
    assert_eq!(found.faults, [""; 0]);
    found
}

#[test]
fn days_that_are_over_are_answered_without_opening_a_chunk() {
    let (mut store, mut model) = (Embedded::new(restless), Naive::default());
    for day in [7, 6, 5] {
        both(&mut store, &mut model, &run(midnight(day), 1_440, 60 * S));
    }
    settle(&mut store);
    assert_eq!(clean(store.dir()).rollups, 3 + 1, "a row of minutes for each day, one of hours for all");
    compare(&store, &model);
    // What is not opened cannot be missed.
    Connection::open(store.dir().join("ts.db")).unwrap().execute("DELETE FROM block", []).unwrap();
    for width in [60, 3_600, 86_400] {
        let (from, to, width) = (midnight(7), midnight(4), Duration::from_secs(width));
        assert_same_buckets(&store.buckets(&key(), from, to, width), &model.buckets(&key(), from, to, width));
    }
    let (from, to) = (Timestamp::from_nanos(midnight(7)), Timestamp::from_nanos(midnight(4)));
    store.historian().archive().buckets(&key(), from, to, Duration::from_secs(7)).unwrap_err();
}

#[test]
fn what_is_late_or_twice_or_takes_the_place_of_another_leaves_nothing_wrong() {
    let (mut store, mut model) = (Embedded::new(restless), Naive::default());
    let bad = Quality::Bad(Reason::Sensor);
    for day in [6, 5, 4] {
        both(&mut store, &mut model, &run(midnight(day), 2_880, 30 * S));
    }
    settle(&mut store);
    let noon = midnight(5) + 12 * 3_600 * S;
    let writes = [
        run(noon + 7 * S, 40, 30 * S),                          // late, between the others
        run(noon, 40, 30 * S),                                  // in place of others
        vec![(noon, Value::Text("off".into()), Quality::Good)], // a number leaves
        vec![(noon + 30 * S, Value::Float(9e9), bad)],          // another does
        run(midnight(8), 10, 3_600 * S),                        // before everything
        vec![(midnight(6), Value::Float(-5e5), Quality::Good), (midnight(4), Value::Int(7), Quality::Good)],
    ];
    for points in writes {
        both(&mut store, &mut model, &points);
        compare(&store, &model);
        store.heartbeat();
        compare(&store, &model);
        settle(&mut store);
        compare(&store, &model);
        clean(store.dir());
    }
    for how in [End::Killed, End::Closed] {
        store.restart(how);
        compare(&store, &model);
    }
}

#[test]
fn the_day_that_goes_on_is_made_when_it_has_ended() {
    let (mut store, mut model) = (Embedded::new(restless), Naive::default());
    both(&mut store, &mut model, &run(START.nanos(), 3_000, 10 * S));
    settle(&mut store);
    assert_eq!(clean(store.dir()).rollups, 0);
    compare(&store, &model);
    store.clock.advance(Duration::from_secs(86_400 + 7_200));
    both(&mut store, &mut model, &run(START.nanos() + DAY, 30, 10 * S));
    settle(&mut store);
    assert_eq!(clean(store.dir()).rollups, 2);
    compare(&store, &model);
}

#[test]
fn verify_sees_minutes_that_do_not_say_what_the_chunks_say() {
    let mut store = Embedded::new(restless);
    store.commit(&key(), &run(midnight(6), 1_440, 60 * S)).unwrap();
    store.commit(&key(), &run(midnight(5), 1_440, 50 * S)).unwrap();
    settle(&mut store);
    clean(store.dir());
    let conn = Connection::open(store.dir().join("ts.db")).unwrap();
    let faults = |sql: &str| {
        conn.execute_batch(&format!("BEGIN; {sql}; COMMIT;")).unwrap();
        verify(store.dir()).unwrap().faults
    };
    let found = faults("UPDATE rollup_body SET body = CAST(x'0100' || body AS BLOB) WHERE id = 1");
    assert!(found.iter().any(|f| f.contains("the checksum does not match")), "{found:?}");
    let found = faults(
        "UPDATE rollup_body SET body = CAST(substr(body, 3) AS BLOB) WHERE id = 1; DELETE FROM chunk WHERE t0 = (SELECT min(t0) FROM chunk)",
    );
    assert!(found.iter().any(|f| f.contains("do not say what its chunks say")), "{found:?}");
    let found = faults("DELETE FROM rollup WHERE width = 3600");
    assert!(found.iter().any(|f| f.contains("do not say what its minutes say")), "{found:?}");
    assert!(found.iter().any(|f| f.contains("of no series")), "{found:?}");
}

#[test]
fn a_store_without_minutes_gets_them() {
    let (mut store, mut model) = (Embedded::new(|dir| Config { log_bytes: 0, ..Config::new(dir) }), Naive::default());
    for day in [7, 6] {
        both(&mut store, &mut model, &run(midnight(day), 8_640, 10 * S));
    }
    (0..8).for_each(|_| store.heartbeat());
    store.close();
    // As format 4 was.
    Connection::open(store.dir().join("ts.db")).unwrap().execute_batch(TS_4).unwrap();
    let (archive, _) = historian::open_read_only(store.dir()).unwrap();
    let width = Duration::from_secs(3_600);
    let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    let found = archive.buckets(&key(), from, to, width).unwrap();
    assert_same_buckets(&found, &model.buckets(&key(), i64::MIN, i64::MAX, width));
    assert_eq!(clean(store.dir()).rollups, 0);
    drop(archive);
    store.reopen();
    compare(&store, &model);
    settle(&mut store);
    assert_eq!(clean(store.dir()).rollups, 3);
    compare(&store, &model);
}

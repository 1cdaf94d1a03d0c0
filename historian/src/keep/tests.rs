//! Want of room: the oldest raw values go, on a store opened by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use plant::{ManualClock, Observation, Plant, Quality, SeriesKey, Timestamp, Value};

use super::{Retired, Tending, Tools, retire_oldest};
use crate::db::pragma;
use crate::rollup::DAY;
use crate::shared::Shared;
use crate::ts::{Ts, load_all};
use crate::wave::tend::Moment;
use crate::{Batch, Config, Historian, ReadError, buckets, read, verify};

const START: Timestamp = Timestamp::from_secs(1_699_920_000); // a midnight
const DAYS: i64 = 6;

fn key(n: usize) -> SeriesKey {
    SeriesKey::raw(format!("s/m/p{n}").parse().unwrap())
}

/// Six days of two series, all in chunks.
fn fill(dir: &Path) {
    let clock = Arc::new(ManualClock::new(START));
    let config = Config { chunk_points: 64, log_bytes: 0, ..Config::new(dir) };
    let historian = Historian::open(config, clock.clone()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut bits = 1_u64;
    for day in 0..DAYS {
        clock.advance(Duration::from_secs(86_400));
        let mut batch = Batch::default();
        for i in 0..2 * 1_440 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let t = START + Duration::from_secs(day as u64 * 86_400 + i / 2 * 60);
            let (point, value) = (key(i as usize % 2).point, Value::Float((bits >> 11) as f64));
            batch.observations.push(Observation { point, t, t_received: t, value, quality: Quality::Good, seq: None });
        }
        runtime.block_on(historian.recorder().commit(batch)).unwrap();
        for _ in 0..8 {
            runtime.block_on(historian.recorder().commit(Batch::default())).unwrap();
        }
    }
    historian.close().unwrap();
}

struct Store {
    config: Config,
    ts: Ts,
    shared: Shared,
    tending: Tending,
}

impl Store {
    fn open(dir: &Path) -> Self {
        let ts = Ts::open(dir).unwrap();
        let loaded = load_all(&ts.conn).unwrap();
        let shared = Shared::new(dir, loaded, Plant::default(), None);
        Self { config: Config::new(dir), ts, shared, tending: Tending::default() }
    }

    /// Steps, until nothing is owed. Gives how many it were.
    fn pay(&mut self, followed: u64) -> usize {
        let t = START + Duration::from_secs(DAYS as u64 * 86_400 + 3_600);
        let seq = self.shared.head();
        for n in 0..1_000 {
            let at = Moment { t, followed, idle: true };
            if self.ts.owed == 0 && !self.ts.giving {
                return n;
            }
            let tools = Tools { shared: &self.shared, config: &self.config, seq, at };
            self.tending.step(&mut self.ts, tools).unwrap();
        }
        panic!("it does not come to an end: {:?}", self.tending);
    }

    fn first(&self, n: usize) -> Option<i64> {
        let found = read::range(&self.shared, &key(n), Timestamp::MIN, Timestamp::MAX, 1).unwrap();
        found.first().map(|s| (s.t.nanos() - START.nanos()).div_euclid(DAY))
    }

    fn minutes(&self) -> Result<u64, ReadError> {
        let found = buckets::buckets(&self.shared, &key(0), Timestamp::MIN, Timestamp::MAX, Duration::from_secs(60))?;
        Ok(found.iter().map(|b| b.count).sum())
    }

    fn size(&self) -> u64 {
        let of = |name| pragma(&self.ts.conn, name).unwrap();
        of("page_count") * of("page_size")
    }
}

#[test]
fn for_want_of_room_the_oldest_days_of_all_series_go_and_the_file_shrinks() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let mut store = Store::open(dir.path());
    // What is free already is given before anything goes.
    let all = retire_oldest(&mut store.ts, 1 << 40).unwrap();
    assert_eq!(all.free + all.owed, 1 << 40);
    let given = retire_oldest(&mut store.ts, all.free).unwrap();
    assert_eq!(given, Retired { free: all.free, owed: 0 });
    store.pay(u64::MAX);
    assert_eq!((store.first(0), store.first(1)), (Some(0), Some(0)));
    let before = store.size();
    // A day of both is 20 KB.
    assert_eq!(retire_oldest(&mut store.ts, 30_000).unwrap().owed, 30_000);
    store.pay(u64::MAX);
    let (a, b) = (store.first(0).unwrap(), store.first(1).unwrap());
    assert!(a >= 1 && b >= 1 && a.abs_diff(b) <= 1, "the oldest of both: {a}, {b}");
    assert!(a.max(b) <= 3, "no more than was asked for: {a}, {b}");
    assert!(store.size() + 16_384 < before, "{} bytes, {before} before", store.size());
    assert_eq!(store.minutes().unwrap(), DAYS as u64 * 1_440);
    let removed = *store.shared.removed();
    assert!(removed.bytes >= 30_000 && removed.points >= 2 * 1_440, "{removed:?}");
    assert_eq!(verify(dir.path()).unwrap().faults, [""; 0]);
}

#[test]
fn what_cannot_go_is_not_owed_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path());
    let mut store = Store::open(dir.path());
    retire_oldest(&mut store.ts, 1 << 40).unwrap();
    store.pay(0);
    assert_eq!((store.first(0), store.first(1)), (Some(0), Some(0)), "a follower needs it");
    retire_oldest(&mut store.ts, 1 << 40).unwrap();
    store.pay(u64::MAX);
    assert_eq!((store.first(0), store.first(1)), (None, None));
    assert_eq!(store.minutes().unwrap(), DAYS as u64 * 1_440);
    assert_eq!(verify(dir.path()).unwrap().faults, [""; 0]);
}

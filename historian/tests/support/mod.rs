//! What several tests need: points, a clock that is told the time, and the store behind a face that is easy to drive.
#![allow(dead_code, reason = "each test uses its share")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub mod cases;
pub mod load;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use historian::{Batch, Bucket, CommitError, Config, Historian, Sample};
use plant::{ManualClock, Observation, PointId, Quality, SeriesKey, Timestamp, Value};
use tokio::runtime::Runtime;

/// Where every test's time begins.
pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// Takes out of ts.db what formats 5 and 6 brought.
pub const TS_4: &str =
    "DROP TABLE assessment; DROP TABLE rollup; DROP TABLE rollup_body; DROP TABLE stale; DROP TABLE reached;
    DROP TABLE removed; ALTER TABLE series DROP COLUMN raw_from; PRAGMA user_version = 4;";

/// Takes out of state.db what came after format 6.
pub const STATE_6: &str =
    "DROP TABLE work_order; DROP TABLE note; DROP TABLE photo; DROP TABLE work_photo; DROP TABLE definition;
    DROP TABLE chain; DROP TABLE audit; DROP TABLE account; DROP TABLE session; DROP TABLE token;
    DROP TABLE identity; ALTER TABLE journal DROP COLUMN link; PRAGMA user_version = 6;";

pub fn point(s: &str) -> PointId {
    s.parse().unwrap()
}

pub fn observation(point: &PointId, t: i64, value: Value, quality: Quality) -> Observation {
    Observation { point: point.clone(), t: Timestamp::from_nanos(t), t_received: START, value, quality, seq: None }
}

pub fn batch(observations: Vec<Observation>) -> Batch {
    Batch { observations, ..Batch::default() }
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START))
}

/// Settings under which everything that is rare in life happens all the time.
pub fn restless(dir: &Path) -> Config {
    Config { chunk_points: 8, log_bytes: 0, tail_commits: 4, ..Config::new(dir) }
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Closed,
    Killed,
}

/// A time series store, as the conformance suite drives it.
pub trait Store {
    /// Commits some points of one series, all or none.
    fn commit(&mut self, key: &SeriesKey, points: &[(i64, Value, Quality)]) -> Result<(), CommitError>;
    /// Commits nothing, which gives the store an occasion to tidy up.
    fn heartbeat(&mut self);
    /// Lets the plant's time pass, and gives occasions to tidy up.
    fn pass(&mut self, time: Duration);
    /// Ends the run and begins the next.
    fn restart(&mut self, how: End);
    fn range(&self, key: &SeriesKey, from: i64, to: i64, limit: usize) -> Vec<Sample>;
    fn buckets(&self, key: &SeriesKey, from: i64, to: i64, width: Duration) -> Vec<Bucket>;
    fn last(&self, key: &SeriesKey) -> Option<Sample>;
}

/// The store of this crate.
pub struct Embedded {
    pub runtime: Runtime,
    pub clock: Arc<ManualClock>,
    config: Config,
    historian: Option<Historian>,
    _dir: tempfile::TempDir,
}

impl Embedded {
    pub fn new(config: impl FnOnce(&Path) -> Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (config, clock) = (config(dir.path()), clock());
        let historian = Some(Historian::open(config.clone(), clock.clone()).unwrap());
        Self { runtime: Runtime::new().unwrap(), clock, config, historian, _dir: dir }
    }

    pub fn historian(&self) -> &Historian {
        self.historian.as_ref().unwrap()
    }

    pub fn dir(&self) -> &Path {
        &self.config.dir
    }

    /// Ends the run; [`Embedded::reopen`] begins the next.
    pub fn close(&mut self) {
        self.historian.take().unwrap().close().unwrap();
    }

    pub fn reopen(&mut self) {
        self.historian = Some(Historian::open(self.config.clone(), self.clock.clone()).unwrap());
    }

    pub fn put(&self, batch: Batch) -> Result<u64, CommitError> {
        self.runtime.block_on(self.historian().recorder().commit(batch))
    }
}

impl Store for Embedded {
    fn commit(&mut self, key: &SeriesKey, points: &[(i64, Value, Quality)]) -> Result<(), CommitError> {
        assert_eq!(key.indicator, None);
        let points = points.iter().map(|(t, v, q)| observation(&key.point, *t, v.clone(), *q)).collect();
        self.put(batch(points)).map(drop)
    }
    fn heartbeat(&mut self) {
        self.put(Batch::default()).unwrap();
    }
    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        for i in 0..50 {
            self.clock.advance(Duration::from_secs(if i % 10 == 0 { 700 } else { 1 }));
            self.heartbeat();
        }
    }
    fn restart(&mut self, how: End) {
        let historian = self.historian.take().unwrap();
        match how {
            End::Closed => historian.close().unwrap(),
            End::Killed => drop(historian),
        }
        self.reopen();
    }
    fn range(&self, key: &SeriesKey, from: i64, to: i64, limit: usize) -> Vec<Sample> {
        let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        self.historian().archive().range(key, from, to, limit).unwrap()
    }
    fn buckets(&self, key: &SeriesKey, from: i64, to: i64, width: Duration) -> Vec<Bucket> {
        let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        self.historian().archive().buckets(key, from, to, width).unwrap()
    }
    fn last(&self, key: &SeriesKey) -> Option<Sample> {
        self.historian().archive().last(key)
    }
}

/// The same, as simply as it can be said.
#[derive(Default)]
pub struct Naive {
    all: BTreeMap<SeriesKey, BTreeMap<i64, Sample>>,
    /// How long raw values are kept, and until when each is.
    keep: Option<Duration>,
    until: BTreeMap<(SeriesKey, i64), Timestamp>,
    passed: Duration,
}

impl Naive {
    /// One that keeps raw values for `age` only.
    pub fn keeping(age: Duration) -> Self {
        Self { keep: Some(age), ..Self::default() }
    }

    /// Everything that was committed, whether it is kept or not.
    fn all(&self, key: &SeriesKey, from: i64, to: i64) -> impl Iterator<Item = &Sample> {
        let series = self.all.get(key).filter(|_| from < to);
        series.into_iter().flat_map(move |s| s.range(from..to).map(|(_, s)| s))
    }
}

impl Store for Naive {
    fn commit(&mut self, key: &SeriesKey, points: &[(i64, Value, Quality)]) -> Result<(), CommitError> {
        if points.iter().any(|(_, v, _)| matches!(v, Value::Float(x) if !x.is_finite())) {
            return Err(CommitError::NotFinite { what: format!("the value of {}", key.point).into() });
        }
        let series = self.all.entry(key.clone()).or_default();
        for (t, value, quality) in points {
            let sample = Sample { t: Timestamp::from_nanos(*t), value: value.clone(), quality: *quality };
            if let Some(keep) = self.keep {
                let until = (START + self.passed).max(sample.t) + keep;
                self.until.insert((key.clone(), *t), until);
            }
            series.insert(*t, sample);
        }
        Ok(())
    }
    fn heartbeat(&mut self) {}
    fn pass(&mut self, time: Duration) {
        self.passed += time;
    }
    fn restart(&mut self, _: End) {}
    fn range(&self, key: &SeriesKey, from: i64, to: i64, limit: usize) -> Vec<Sample> {
        let now = START + self.passed;
        let kept = |s: &&Sample| self.until.get(&(key.clone(), s.t.nanos())).is_none_or(|until| *until >= now);
        self.all(key, from, to).filter(kept).take(limit).cloned().collect()
    }
    fn buckets(&self, key: &SeriesKey, from: i64, to: i64, width: Duration) -> Vec<Bucket> {
        let mut numbers: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for s in self.all(key, from, to) {
            if let Some(v) = s.value.as_f64().filter(|_| s.quality.usable()) {
                numbers.entry(s.t.align(width).nanos()).or_default().push(v);
            }
        }
        let sum = |(t, v): (&i64, &Vec<f64>)| Bucket {
            t: Timestamp::from_nanos(*t),
            min: v.iter().copied().fold(f64::INFINITY, f64::min),
            max: v.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            mean: v.iter().sum::<f64>() / v.len() as f64,
            last: *v.last().unwrap(),
            count: v.len() as u64,
        };
        numbers.iter().map(sum).collect()
    }
    fn last(&self, key: &SeriesKey) -> Option<Sample> {
        self.all.get(key)?.values().next_back().cloned()
    }
}

/// Equal, but for the rounding of a mean.
pub fn assert_same_buckets(found: &[Bucket], wanted: &[Bucket]) {
    assert_eq!(found.len(), wanted.len(), "{found:?}\n{wanted:?}");
    for (f, w) in found.iter().zip(wanted) {
        let scale = w.min.abs().max(w.max.abs()).max(1e-300);
        assert!((f.mean - w.mean).abs() <= scale * 1e-12, "{f:?}\n{w:?}");
        assert_eq!(Bucket { mean: 0.0, ..*f }, Bucket { mean: 0.0, ..*w });
    }
}

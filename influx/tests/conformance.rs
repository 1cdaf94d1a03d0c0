//! The conformance suite of the store on the way to InfluxDB and back: what is committed is shipped to a server that keeps
//! points as InfluxDB does, and read from it by Flux. What the wire cannot tell is not asked: whole numbers come back as
//! floats.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "../../historian/tests/support/mod.rs"]
mod suite;
mod support;

use std::sync::Arc;
use std::time::Duration;

use historian::{Batch, Bucket, CommitError, Sample};
use influx::flux;
use influx::http::Client;
use plant::{ManualClock, Quality, Reason, SeriesKey, Timestamp, Value};
use suite::cases::{self, S};
use suite::{End, Naive, Store};
use support::stub::Stub;
use support::{House, START, hasty, target};
use tokio::runtime::Runtime;

/// A store that ships, as the server has it.
struct Shipped {
    runtime: Runtime,
    clock: Arc<ManualClock>,
    stub: Stub,
    house: Option<House>,
    dir: tempfile::TempDir,
}

impl Shipped {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(START)));
        let stub = runtime.block_on(Stub::start());
        let mut new = Self { runtime, clock, stub, house: None, dir };
        new.open();
        new
    }

    fn open(&mut self) {
        let config = suite::restless(self.dir.path());
        let house = House::open(config, hasty(&self.stub), self.clock.clone());
        self.house = Some(self.runtime.block_on(house));
    }

    fn put(&self, batch: Batch) -> Result<(), CommitError> {
        let house = self.house.as_ref().unwrap();
        self.runtime.block_on(async {
            house.store.recorder().commit(batch).await?;
            house.arrived(&self.stub).await;
            Ok(())
        })
    }

    fn client(&self) -> Client {
        Client::new(target(&self.stub), Duration::from_secs(20), self.clock.clone())
    }
}

impl Store for Shipped {
    fn commit(&mut self, key: &SeriesKey, points: &[(i64, Value, Quality)]) -> Result<(), CommitError> {
        let one = |(t, v, q): &(i64, Value, Quality)| suite::observation(&key.point, *t, v.clone(), *q);
        self.put(suite::batch(points.iter().map(one).collect()))
    }
    fn heartbeat(&mut self) {
        self.put(Batch::default()).unwrap();
    }
    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.heartbeat();
    }
    fn restart(&mut self, how: End) {
        let house = self.house.take().unwrap();
        self.runtime.block_on(async {
            match how {
                End::Closed => house.close().await,
                End::Killed => house.kill().await,
            }
        });
        self.open();
    }
    fn range(&self, key: &SeriesKey, from: i64, to: i64, limit: usize) -> Vec<Sample> {
        let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        self.runtime.block_on(flux::range(&mut self.client(), key, from, to, limit)).unwrap()
    }
    fn buckets(&self, key: &SeriesKey, from: i64, to: i64, width: Duration) -> Vec<Bucket> {
        let (from, to) = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        self.runtime.block_on(flux::buckets(&mut self.client(), key, from, to, width)).unwrap()
    }
    fn last(&self, key: &SeriesKey) -> Option<Sample> {
        self.range(key, i64::MIN, i64::MAX, usize::MAX).pop()
    }
}

fn on_both(case: impl Fn(&mut dyn Store)) {
    case(&mut Naive::default());
    case(&mut Shipped::new());
}

#[test]
fn of_one_instant_the_last_word_counts() {
    on_both(cases::of_one_instant_the_last_word_counts);
}

#[test]
fn late_and_disordered_points_take_their_place() {
    on_both(cases::late_and_disordered_points_take_their_place);
}

#[test]
fn bounds_are_half_open_and_limits_count_from_the_earliest() {
    on_both(cases::bounds_are_half_open_and_limits_count_from_the_earliest);
}

#[test]
fn buckets_are_aligned_and_empty_ones_are_left_out() {
    on_both(cases::buckets_are_aligned_and_empty_ones_are_left_out);
}

#[test]
fn wide_buckets_over_many_chunks_count_every_point_once() {
    on_both(cases::wide_buckets_over_many_chunks_count_every_point_once);
}

#[test]
fn what_is_no_number_is_refused_and_with_it_the_whole_batch() {
    on_both(cases::what_is_no_number_is_refused_and_with_it_the_whole_batch);
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    for how in [End::Closed, End::Killed] {
        on_both(|s| cases::a_restart_in_the_middle_changes_nothing(s, how));
    }
}

#[test]
fn unknown_series_are_empty() {
    on_both(cases::unknown_series_are_empty);
}

/// As the store's own case, with the values that the wire can tell and the times that InfluxDB has.
#[test]
fn texts_bad_values_and_times_come_back_as_they_were() {
    on_both(|s| {
        let bad = Quality::Bad(Reason::OutOfRange);
        let now = 1_700_000_000 * S;
        let points = [
            (-now, Value::Float(-0.0), Quality::Good),
            (-1, Value::Float(5e-324), Quality::Good),
            (0, Value::Text("stopped".into()), Quality::Good),
            (now, Value::Float(1.0), Quality::Uncertain(Reason::NoTimestamp)),
            (now + 1, Value::Float(900.0), bad),
            (now + 2, Value::Float(0.1), Quality::Good),
        ];
        s.commit(&cases::key(), &points).unwrap();
        s.restart(End::Killed);
        let found = s.range(&cases::key(), i64::MIN, i64::MAX, 10);
        let found: Vec<_> = found.into_iter().map(|s| (s.t.nanos(), s.value, s.quality)).collect();
        assert_eq!(format!("{found:?}"), format!("{points:?}"), "the sign of a zero too");
        let b = s.buckets(&cases::key(), now, now + 9, Duration::from_secs(1))[0];
        assert_eq!((b.count, b.min, b.max, b.last), (2, 0.1, 1.0, 0.1));
        assert_eq!(s.range(&cases::key(), now + 1, now + 2, 9).len(), 1);
    });
}

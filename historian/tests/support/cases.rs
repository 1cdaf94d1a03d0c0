//! What every store of time series must do, the ones of other systems too: the part of the conformance suite that does not ask
//! for more than a series of numbers.

use std::time::Duration;

use historian::CommitError;
use plant::{Quality, SeriesKey, Value};

use super::{End, Store, assert_same_buckets, point};

/// A second.
pub const S: i64 = 1_000_000_000;

pub fn key() -> SeriesKey {
    SeriesKey::raw(point("s/m/p"))
}

pub fn good(points: &[(i64, f64)]) -> Vec<(i64, Value, Quality)> {
    points.iter().map(|(t, v)| (*t, Value::Float(*v), Quality::Good)).collect()
}

pub fn put(store: &mut dyn Store, points: &[(i64, f64)]) {
    store.commit(&key(), &good(points)).unwrap();
}

pub fn all(store: &dyn Store) -> Vec<(i64, f64)> {
    let samples = store.range(&key(), i64::MIN, i64::MAX, usize::MAX);
    samples.iter().map(|s| (s.t.nanos(), s.value.as_f64().unwrap())).collect()
}

pub fn of_one_instant_the_last_word_counts(s: &mut dyn Store) {
    put(s, &[(1, 1.0), (1, 2.0)]);
    assert_eq!(all(s), [(1, 2.0)]);
    put(s, &[(1, 3.0)]);
    (0..5).for_each(|_| s.heartbeat());
    put(s, &[(1, 4.0), (2, 0.0)]);
    assert_eq!(all(s), [(1, 4.0), (2, 0.0)]);
    assert_eq!(s.last(&key()).unwrap().value, Value::Float(0.0));
}

pub fn late_and_disordered_points_take_their_place(s: &mut dyn Store) {
    let times = [50, 10, 40, 30, 20];
    for round in 0..4 {
        put(s, &times.map(|t| (t * 10 + round, t as f64)));
        s.heartbeat();
    }
    let mut wanted: Vec<_> = (0..4).flat_map(|r| times.map(|t| (t * 10 + r, t as f64))).collect();
    wanted.sort_by_key(|(t, _)| *t);
    assert_eq!(all(s), wanted);
    assert_eq!(s.last(&key()).unwrap().t.nanos(), 503, "a late value is not the latest");
    s.restart(End::Killed);
    assert_eq!(all(s), wanted);
    assert_eq!(s.last(&key()).unwrap().t.nanos(), 503);
}

pub fn bounds_are_half_open_and_limits_count_from_the_earliest(s: &mut dyn Store) {
    put(s, &(0..40).map(|t| (t, t as f64)).collect::<Vec<_>>());
    s.heartbeat();
    let times = |from, to, limit| s.range(&key(), from, to, limit).iter().map(|s| s.t.nanos()).collect::<Vec<_>>();
    assert_eq!(times(10, 13, 100), [10, 11, 12]);
    assert_eq!(times(10, 10, 100), [0i64; 0]);
    assert_eq!(times(13, 10, 100), [0i64; 0]);
    assert_eq!(times(30, i64::MAX, 2), [30, 31]);
    assert_eq!(times(0, 40, 0), [0i64; 0]);
    assert_eq!(times(-5, 2, 9), [0, 1]);
}

pub fn buckets_are_aligned_and_empty_ones_are_left_out(s: &mut dyn Store) {
    put(s, &[(-S, 5.0), (0, 1.0), (9 * S, 3.0), (10 * S, 7.0), (35 * S, -2.0)]);
    let found = s.buckets(&key(), i64::MIN / 2, i64::MAX, Duration::from_secs(10));
    let brief: Vec<_> = found.iter().map(|b| (b.t.nanos() / S, b.min, b.max, b.mean, b.last, b.count)).collect();
    assert_eq!(
        brief,
        [
            (-10, 5.0, 5.0, 5.0, 5.0, 1),
            (0, 1.0, 3.0, 2.0, 3.0, 2),
            (10, 7.0, 7.0, 7.0, 7.0, 1),
            (30, -2.0, -2.0, -2.0, -2.0, 1)
        ]
    );
    // Of a stretch that the bounds cut only what is within counts.
    let cut = s.buckets(&key(), 5 * S, 35 * S, Duration::from_secs(10));
    assert_eq!(cut.iter().map(|b| (b.t.nanos() / S, b.count)).collect::<Vec<_>>(), [(0, 1), (10, 1)]);
}

pub fn wide_buckets_over_many_chunks_count_every_point_once(s: &mut dyn Store) {
    for block in 0..20 {
        put(s, &(0..25).map(|i| ((block * 25 + i) * S, f64::from(i as i32))).collect::<Vec<_>>());
    }
    (0..5).for_each(|_| s.heartbeat());
    for width in [1, 7, 60, 3_600, 1 << 40] {
        let found = s.buckets(&key(), 0, 500 * S, Duration::from_secs(width));
        assert_eq!(found.iter().map(|b| b.count).sum::<u64>(), 500, "width {width}");
    }
    let day = s.buckets(&key(), 0, 500 * S, Duration::from_secs(86_400));
    assert_eq!((day[0].min, day[0].max, day[0].last, day[0].count), (0.0, 24.0, 24.0, 500));
    assert!((day[0].mean - 12.0).abs() < 1e-9);
}

pub fn what_is_no_number_is_refused_and_with_it_the_whole_batch(s: &mut dyn Store) {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = s.commit(&key(), &good(&[(1, 1.0), (2, bad)]));
        assert_eq!(refused, Err(CommitError::NotFinite { what: "the value of s/m/p".into() }));
    }
    assert_eq!(all(s), []);
    assert_eq!(s.last(&key()), None);
}

pub fn unknown_series_are_empty(s: &mut dyn Store) {
    put(s, &[(1, 1.0)]);
    let other = SeriesKey::raw(point("s/m/q"));
    assert_eq!(s.range(&other, i64::MIN, i64::MAX, 9), []);
    assert_same_buckets(&s.buckets(&other, 0, 9, Duration::from_secs(1)), &[]);
    assert_eq!(s.last(&other), None);
}

pub fn a_restart_in_the_middle_changes_nothing(s: &mut dyn Store, how: End) {
    let mut wanted = Vec::new();
    for round in 0..30i64 {
        let points: Vec<_> = (0..5).map(|i| (round * 5 + i, round as f64)).collect();
        put(s, &points);
        wanted.extend(points);
        if round % 7 == 3 {
            s.restart(how);
        }
        assert_eq!(all(s), wanted, "after round {round}, {how:?}");
    }
}

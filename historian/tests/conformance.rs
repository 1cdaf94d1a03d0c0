//! What every store of time series must do, whatever it is made of. Each case runs on the embedded store in its usual
//! settings, on one that seals and prunes all the time, and on the naive model, which shows that the suite asks for
//! what it says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use historian::{Config, Retention};
use plant::{Quality, Reason, Value};
use support::cases::{self, S, all, key, put};
use support::{Embedded, End, Naive, START, Store, assert_same_buckets, restless};

fn on_every_store(case: impl Fn(&mut dyn Store)) {
    case(&mut Naive::default());
    case(&mut Embedded::new(|dir| Config::new(dir)));
    case(&mut Embedded::new(restless));
}

#[test]
fn of_one_instant_the_last_word_counts() {
    on_every_store(cases::of_one_instant_the_last_word_counts);
}

#[test]
fn late_and_disordered_points_take_their_place() {
    on_every_store(cases::late_and_disordered_points_take_their_place);
}

#[test]
fn bounds_are_half_open_and_limits_count_from_the_earliest() {
    on_every_store(cases::bounds_are_half_open_and_limits_count_from_the_earliest);
}

#[test]
fn buckets_are_aligned_and_empty_ones_are_left_out() {
    on_every_store(cases::buckets_are_aligned_and_empty_ones_are_left_out);
}

#[test]
fn wide_buckets_over_many_chunks_count_every_point_once() {
    on_every_store(cases::wide_buckets_over_many_chunks_count_every_point_once);
}

#[test]
fn texts_and_bad_values_are_kept_but_not_summed_up() {
    on_every_store(|s| {
        let bad = Quality::Bad(Reason::OutOfRange);
        let points = [
            (1, Value::Float(1.0), Quality::Good),
            (2, Value::Float(900.0), bad),
            (3, Value::Text("stopped".into()), Quality::Good),
            (4, Value::Bool(true), Quality::Uncertain(Reason::NoTimestamp)),
            (5, Value::Int(i64::MAX), bad),
        ];
        s.commit(&key(), &points).unwrap();
        (0..4).for_each(|_| s.heartbeat());
        s.restart(End::Killed);
        let found: Vec<_> = s.range(&key(), 0, 10, 10).into_iter().map(|s| (s.t.nanos(), s.value, s.quality)).collect();
        assert_eq!(found, points);
        let b = s.buckets(&key(), 0, 10, Duration::from_secs(1))[0];
        assert_eq!((b.count, b.min, b.max, b.last), (2, 1.0, 1.0, 1.0));
        let later: Vec<_> = (10..40).map(|t| (t, Value::Text("x".into()), bad)).collect();
        s.commit(&key(), &later).unwrap();
        (0..4).for_each(|_| s.heartbeat());
        assert_eq!(s.buckets(&key(), 10, 40, Duration::from_secs(1)), []);
    });
}

#[test]
fn whole_numbers_keep_all_their_bits_and_floats_their_sign() {
    on_every_store(|s| {
        let ints = [i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX];
        let mut points: Vec<_> = (0..).zip(ints).map(|(t, v)| (t, Value::Int(v), Quality::Good)).collect();
        points.push((10, Value::Float(-0.0), Quality::Good));
        points.push((11, Value::Float(5e-324), Quality::Good));
        s.commit(&key(), &points).unwrap();
        (0..40).for_each(|t| put(s, &[(100 + t, 0.1)]));
        s.restart(End::Closed);
        let found = s.range(&key(), 0, 20, 20);
        for (f, (t, v, _)) in found.iter().zip(&points) {
            assert_eq!((f.t.nanos(), format!("{:?}", f.value)), (*t, format!("{v:?}")));
        }
        assert_eq!(found.len(), points.len());
    });
}

#[test]
fn time_is_exact_to_the_nanosecond_over_its_whole_range() {
    on_every_store(|s| {
        let now = 1_700_000_000 * S;
        let times = [i64::MIN, -1, 0, 1, now, now + 1, now + 2, i64::MAX - 1];
        put(s, &times.map(|t| (t, 1.0)));
        (0..3).for_each(|_| s.heartbeat());
        s.restart(End::Killed);
        assert_eq!(all(s).iter().map(|(t, _)| *t).collect::<Vec<_>>(), times);
        assert_eq!(s.range(&key(), now + 1, now + 2, 9).len(), 1);
    });
}

#[test]
fn what_is_no_number_is_refused_and_with_it_the_whole_batch() {
    on_every_store(cases::what_is_no_number_is_refused_and_with_it_the_whole_batch);
}

#[test]
fn numbers_of_any_size_have_a_mean() {
    on_every_store(|s| {
        put(s, &[(1, f64::MAX), (2, f64::MAX)]);
        let b = s.buckets(&key(), 0, 10, Duration::from_secs(1))[0];
        assert_eq!((b.min, b.max, b.count), (f64::MAX, f64::MAX, 2));
    });
    let mut store = Embedded::new(|dir| Config::new(dir));
    put(&mut store, &[(1, f64::MAX), (2, f64::MAX), (3, -f64::MAX)]);
    let b = store.buckets(&key(), 0, 10, Duration::from_secs(1))[0];
    assert!((b.mean / f64::MAX - 1.0 / 3.0).abs() < 1e-12, "{}", b.mean);
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    for how in [End::Closed, End::Killed] {
        on_every_store(|s| cases::a_restart_in_the_middle_changes_nothing(s, how));
    }
}

#[test]
fn unknown_series_are_empty() {
    on_every_store(cases::unknown_series_are_empty);
}

/// Each of the stores, keeping raw values for two days.
fn on_every_store_that_forgets(case: impl Fn(&mut dyn Store)) {
    let age = Duration::from_secs(2 * 86_400);
    let retention = Retention { raw: Some(age), ..Retention::default() };
    case(&mut Naive::keeping(age));
    case(&mut Embedded::new(|dir| Config { retention, ..Config::new(dir) }));
    case(&mut Embedded::new(|dir| Config { retention, ..restless(dir) }));
}

#[test]
fn what_is_expired_is_deleted_and_lives_on_in_wide_buckets() {
    on_every_store_that_forgets(|s| {
        let day = |n: u64| Duration::from_secs(n * 86_400);
        let hour = Duration::from_secs(3_600);
        let begin = START.align(hour).nanos();
        let points: Vec<_> = (0..500).map(|i| (begin + i * 40 * S, (i % 37) as f64)).collect();
        put(s, &points);
        let wide = s.buckets(&key(), i64::MIN, i64::MAX, hour);
        s.pass(day(1));
        assert_eq!(all(s).len(), points.len());
        s.pass(day(3));
        for how in [End::Closed, End::Killed] {
            assert_eq!(all(s).len(), 0);
            assert_same_buckets(&s.buckets(&key(), i64::MIN, i64::MAX, hour), &wide);
            assert_eq!(s.last(&key()).unwrap().t.nanos(), begin + 499 * 40 * S);
            s.restart(how);
        }
        // What comes now is kept for its own two days, whatever its time.
        let later = [(begin - 9_999 * S, 1.0), (begin + 9 * 86_400 * S, 2.0)];
        put(s, &later);
        s.pass(day(1));
        assert_eq!(all(s), later);
        s.pass(day(3));
        assert_eq!(all(s), later[1..], "what is of the future is kept until its own time is over");
        let count = |from, to| s.buckets(&key(), from, to, hour).iter().map(|b| b.count).sum::<u64>();
        assert_eq!((count(i64::MIN, begin), count(begin, i64::MAX)), (1, 501));
    });
}

#[test]
fn minutes_and_hours_are_those_since_the_epoch_before_it_too() {
    on_every_store(|s| {
        let (minute, hour) = (60 * S, 3_600 * S);
        let times = [-hour - 1, -hour, -minute - 1, -minute, -1, 0, minute - 1, minute, hour - 1, hour];
        put(s, &times.map(|t| (t, t as f64)));
        s.pass(Duration::from_secs(7_200));
        for how in [End::Killed, End::Closed] {
            let starts = |width: i64| -> Vec<_> {
                let found = s.buckets(&key(), i64::MIN, i64::MAX, Duration::from_nanos(width as u64));
                found.iter().map(|b| (b.t.nanos() / minute, b.count)).collect()
            };
            assert_eq!(starts(minute), [(-61, 1), (-60, 1), (-2, 1), (-1, 2), (0, 2), (1, 1), (59, 1), (60, 1)]);
            assert_eq!(starts(hour), [(-120, 1), (-60, 4), (0, 4), (60, 1)]);
            // A nanosecond more or less at the bounds.
            let cut = s.buckets(&key(), -minute, minute - 1, Duration::from_secs(60));
            assert_eq!(cut.iter().map(|b| b.count).collect::<Vec<_>>(), [2, 1]);
            let cut = s.buckets(&key(), -minute + 1, minute, Duration::from_secs(60));
            assert_eq!(cut.iter().map(|b| b.count).collect::<Vec<_>>(), [1, 2]);
            s.restart(how);
        }
    });
}

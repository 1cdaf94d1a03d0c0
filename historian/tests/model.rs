//! Whatever is written, late, twice, between restarts: the store answers as the naive model does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use historian::{Config, Retention, verify};
use plant::{Clock, Quality, Reason, SeriesKey, Value};
use proptest::prelude::*;
use support::{Embedded, End, Naive, START, Store, assert_same_buckets, point, restless};

const S: i64 = 1_000_000_000;

/// `HISTORIAN_MODEL_CASES` says how many stores live through each property; where it does not, this many do.
fn cases(usual: u32) -> u32 {
    std::env::var("HISTORIAN_MODEL_CASES").map_or(usual, |n| n.parse().unwrap())
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        series: usize,
        points: Vec<(i64, Value, Quality)>,
    },
    Heartbeat,
    /// Lets the plant's time pass, so that heads come of age.
    Wait(u64),
    Restart(End),
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (-1_000i32..1_000).prop_map(|v| Value::Float(f64::from(v) / 8.0)),
        2 => any::<i32>().prop_map(|v| Value::Int(i64::from(v))),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => "[a-z]{0,3}".prop_map(|s| Value::Text(s.into())),
    ]
}

fn quality() -> impl Strategy<Value = Quality> {
    let some = prop::sample::select(vec![Quality::Uncertain(Reason::Stale), Quality::Bad(Reason::Sensor)]);
    prop_oneof![5 => Just(Quality::Good), 1 => some]
}

/// Runs of rising times, as sources send them, from anywhere within a short history: much is late, much comes twice.
/// Some are of minutes, some of weeks.
fn points() -> impl Strategy<Value = Vec<(i64, Value, Quality)>> {
    let plain = prop::collection::vec((-1_000i32..1_000).prop_map(|v| Value::Float(f64::from(v))), 1..24);
    let any = prop::collection::vec(value(), 1..24);
    let values = prop_oneof![plain, any];
    let unit = prop::sample::select(vec![S / 4, S / 4, 7 * S, 600 * S, 3_600 * S]);
    let run = (0i64..400, 1i64..5, unit, values, prop::collection::vec(quality(), 24));
    run.prop_map(|(start, step, unit, values, qualities)| {
        let times = (0..).map(move |i| (start + i * step) * unit);
        times.zip(values).zip(qualities).map(|((t, v), q)| (t, v, q)).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0usize..3, points()).prop_map(|(series, points)| Step::Write { series, points }),
        2 => Just(Step::Heartbeat),
        1 => (1u64..10_000).prop_map(Step::Wait),
        1 => prop::sample::select(vec![End::Closed, End::Killed]).prop_map(Step::Restart),
    ]
}

fn compare(store: &Embedded, model: &Naive, keys: &[SeriesKey], window: (i64, i64), limit: usize) {
    for key in keys {
        for (from, to, limit) in
            [(i64::MIN, i64::MAX, usize::MAX), (window.0, window.1, usize::MAX), (0, 200 * S, limit)]
        {
            assert_eq!(store.range(key, from, to, limit), model.range(key, from, to, limit));
        }
        for width in [3, 20, 90, 60, 420, 3_600, 7_200, 86_400, 10_000] {
            let width = Duration::from_secs(width);
            for (from, to) in [(0, 200 * S), window, (i64::MIN, i64::MAX)] {
                assert_same_buckets(&store.buckets(key, from, to, width), &model.buckets(key, from, to, width));
            }
        }
        assert_eq!(store.last(key), model.last(key));
    }
}

fn run(steps: &[Step], window: (i64, i64), limit: usize, config: impl FnOnce(&std::path::Path) -> Config) {
    let mut store = Embedded::new(config);
    let mut model = Naive::default();
    let keys: Vec<SeriesKey> = ["s/m/a", "s/m/b", "s/n/a"].map(|p| SeriesKey::raw(point(p))).to_vec();
    for (i, step) in steps.iter().enumerate() {
        match step {
            Step::Write { series, points } => {
                store.commit(&keys[*series], points).unwrap();
                model.commit(&keys[*series], points).unwrap();
            }
            Step::Heartbeat => store.heartbeat(),
            Step::Wait(secs) => store.clock.advance(Duration::from_secs(*secs)),
            Step::Restart(how) => store.restart(*how),
        }
        if i % 4 == 0 {
            compare(&store, &model, &keys, window, limit);
        }
    }
    compare(&store, &model, &keys, window, limit);
    store.restart(End::Killed);
    compare(&store, &model, &keys, window, limit);
    let found = verify(store.dir()).unwrap();
    assert!(found.is_clean(), "{:?}", found.faults);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), failure_persistence: None, max_shrink_time: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn the_store_answers_as_the_model(
        steps in prop::collection::vec(step(), 1..40),
        from in 0i64..100, length in 0i64..100, unit in prop::sample::select(vec![S, 60 * S, 997 * S, 3_600 * S]),
        limit in 0usize..40, chunk in 1usize..40, log in 0u64..4_000,
    ) {
        let window = (from * unit, (from + length) * unit + 1);
        run(&steps, window, limit, |dir| Config { chunk_points: chunk, log_bytes: log, ..restless(dir) });
    }
}

/// A step of a plant whose store keeps raw values for hours only.
#[derive(Clone, Debug)]
enum Day {
    /// Values of the last three hours, some of them again, in disorder.
    Live(Vec<(i64, Value, Quality)>),
    /// History of long ago, each time the next hour of it.
    Import(Vec<i32>),
    Wait(u64),
    Tidy,
    Restart(End),
}

fn day() -> impl Strategy<Value = Day> {
    let point = (-10_800i64..=0, value(), quality());
    let wait = prop_oneof![60u64..1_800, 3_600u64..18_000, 30_000u64..90_000];
    prop_oneof![
        6 => prop::collection::vec(point, 1..40).prop_map(Day::Live),
        2 => prop::collection::vec(-99i32..99, 1..40).prop_map(Day::Import),
        4 => wait.prop_map(Day::Wait),
        3 => Just(Day::Tidy),
        1 => prop::sample::select(vec![End::Closed, End::Killed]).prop_map(Day::Restart),
    ]
}

const RAW: i64 = 6 * 3_600 * S;
const MINUTES: i64 = 36 * 3_600 * S;

fn compare_kept(store: &Embedded, model: &Naive, key: &SeriesKey, cut: i64) {
    let now = store.clock.now().nanos();
    let (raw, minutes) = (now - RAW, (now - MINUTES) / (60 * S) * 60 * S);
    assert_eq!(store.range(key, raw, i64::MAX, 999), model.range(key, raw, i64::MAX, 999));
    let all = store.range(key, i64::MIN, i64::MAX, usize::MAX);
    let live = |samples: Vec<historian::Sample>| -> Vec<_> { samples.into_iter().filter(|s| s.t >= START).collect() };
    let (found, wanted) = (live(all), live(model.range(key, i64::MIN, i64::MAX, usize::MAX)));
    assert!(wanted.ends_with(&found), "what is gone is gone from the beginning on");
    for (width, from) in [(7, raw), (60, raw), (60, minutes), (300, minutes), (3_600, minutes / HOUR * HOUR + HOUR)] {
        for from in [from, from + cut / (60 * S) * 60 * S] {
            let width = Duration::from_secs(width);
            assert_same_buckets(&store.buckets(key, from, now, width), &model.buckets(key, from, now, width));
        }
    }
    for width in [3_600, 7_200, 86_400] {
        for (from, to) in [(i64::MIN, i64::MAX), (i64::MIN, now / HOUR * HOUR - cut / HOUR * HOUR)] {
            let width = Duration::from_secs(width);
            assert_same_buckets(&store.buckets(key, from, to, width), &model.buckets(key, from, to, width));
        }
    }
    assert_eq!(store.last(key), model.last(key));
}

const HOUR: i64 = 3_600 * S;

fn live_through(days: &[Day], cut: i64, config: impl FnOnce(&std::path::Path) -> Config) {
    let (mut store, mut model) = (Embedded::new(config), Naive::default());
    let key = SeriesKey::raw(point("s/m/a"));
    let mut imported = (START.nanos() - 300 * 24 * HOUR) / HOUR * HOUR;
    for day in days {
        match day {
            Day::Live(points) => {
                let now = store.clock.now().nanos();
                let points: Vec<_> = points.iter().map(|(ago, v, q)| (now + ago * S, v.clone(), *q)).collect();
                store.commit(&key, &points).unwrap();
                model.commit(&key, &points).unwrap();
            }
            Day::Import(values) => {
                let at = |(i, v): (i64, &i32)| (imported + i * 90 * S, Value::Float(f64::from(*v)), Quality::Good);
                let points: Vec<_> = (0..).zip(values).map(at).collect();
                store.commit(&key, &points).unwrap();
                model.commit(&key, &points).unwrap();
                imported += HOUR;
            }
            Day::Wait(secs) => store.clock.advance(Duration::from_secs(*secs)),
            Day::Tidy => (0..9).for_each(|_| store.heartbeat()),
            Day::Restart(how) => store.restart(*how),
        }
        compare_kept(&store, &model, &key, cut);
    }
    let found = verify(store.dir()).unwrap();
    assert!(found.is_clean(), "{:?}", found.faults);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(12), failure_persistence: None, max_shrink_time: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_answers_as_the_model_and_what_is_gone_lives_on_in_minutes_and_hours(
        days in prop::collection::vec(day(), 20..80), cut in 0..5 * HOUR, chunk in 1usize..40, log in 0u64..4_000,
    ) {
        let secs = |nanos: i64| Some(Duration::from_nanos(nanos as u64));
        let retention = Retention { raw: secs(RAW), minutes: secs(MINUTES), ..Retention::default() };
        live_through(&days, cut, |dir| Config { chunk_points: chunk, log_bytes: log, retention, ..restless(dir) });
    }
}

//! Whatever is written, late, twice, between restarts: the store answers as the naive model does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use historian::{Config, verify};
use plant::{Quality, Reason, SeriesKey, Value};
use proptest::prelude::*;
use support::{Embedded, End, Naive, Store, assert_same_buckets, point, restless};

const S: i64 = 1_000_000_000;

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
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_time: 20_000, ..ProptestConfig::default() })]

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

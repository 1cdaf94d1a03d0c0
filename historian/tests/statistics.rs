//! Statistics of a window, against what the plain formulas give; and what reading a window would cost.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use historian::{Extreme, Statistics};
use plant::{Quality, Reason, SeriesKey, Timestamp, Value};
use proptest::prelude::*;
use support::{Embedded, End, Store, point, restless};

const BAD: Quality = Quality::Bad(Reason::OutOfRange);

/// Two passes over numbers in order of time.
fn plain(points: &[(i64, f64)]) -> Statistics {
    let at = |(t, value): &(i64, f64)| Extreme { t: Timestamp::from_nanos(*t), value: *value };
    let n = points.len() as f64;
    let mean = points.iter().map(|(_, v)| v).sum::<f64>() / n;
    let of = |f: &dyn Fn(f64) -> f64| points.iter().map(|(_, v)| f(*v)).sum::<f64>();
    let (first, last) = (points.first().unwrap(), points.last().unwrap());
    let span = (last.0 - first.0) as f64;
    let held: f64 = points.windows(2).map(|w| w[0].1 * (w[1].0 - w[0].0) as f64).sum();
    let mut sorted: Vec<f64> = points.iter().map(|(_, v)| *v).collect();
    sorted.sort_by(f64::total_cmp);
    let quantile = |p: f64| {
        let place = p * (n - 1.0);
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Statistics {
        count: points.len() as u64,
        first: Some(at(first)),
        last: Some(at(last)),
        min: points.iter().rev().min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0))).map(at),
        max: points.iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).map(at),
        mean: Some(mean),
        time_mean: Some(if span > 0.0 { held / span } else { mean }),
        standard_deviation: (points.len() > 1).then(|| (of(&|v| (v - mean).powi(2)) / (n - 1.0)).sqrt()),
        rms: Some((of(&|v| v * v) / n).sqrt()),
        quantiles: Some([0.05, 0.5, 0.95].map(quantile)),
        bad: 0,
        texts: 0,
    }
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs())),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn assert_same(found: &Statistics, wanted: &Statistics) {
    let pairs = [
        (found.mean, wanted.mean),
        (found.time_mean, wanted.time_mean),
        (found.standard_deviation, wanted.standard_deviation),
        (found.rms, wanted.rms),
    ];
    assert!(pairs.iter().all(|(a, b)| close(*a, *b)), "{found:?}\n{wanted:?}");
    for i in 0..3 {
        assert!(close(found.quantiles.map(|q| q[i]), wanted.quantiles.map(|q| q[i])), "{found:?}\n{wanted:?}");
    }
    let exact = |s: &Statistics| Statistics {
        mean: None,
        time_mean: None,
        standard_deviation: None,
        rms: None,
        quantiles: None,
        ..*s
    };
    assert_eq!(exact(found), exact(wanted));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Over chunks, partial chunks and the head, with values that come late and values that are overwritten.
    #[test]
    fn they_are_what_the_formulas_give(
        commits in prop::collection::vec(prop::collection::vec((0..200i64, -50..50i32), 1..12), 1..12),
        window in (0..200i64, 1..200i64),
        restart in any::<bool>(),
    ) {
        let mut store = Embedded::new(restless);
        let key = SeriesKey::raw(point("s/m/p"));
        let mut kept = std::collections::BTreeMap::new();
        for commit in &commits {
            let points: Vec<_> = commit.iter().map(|(t, v)| (*t, Value::Float(f64::from(*v) / 4.0), Quality::Good)).collect();
            store.commit(&key, &points).unwrap();
            kept.extend(commit.iter().map(|(t, v)| (*t, f64::from(*v) / 4.0)));
        }
        if restart {
            store.restart(End::Killed);
        }
        let (from, to) = (window.0, window.0 + window.1);
        let within: Vec<_> = kept.range(from..to).map(|(t, v)| (*t, *v)).collect();
        let archive = store.historian().archive();
        let span = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
        let found = archive.statistics(&key, span.0, span.1, 1_000).unwrap();
        if within.is_empty() {
            prop_assert_eq!(found, Statistics::default());
        } else {
            assert_same(&found, &plain(&within));
        }
        prop_assert!(archive.weight(&key, span.0, span.1).unwrap() >= within.len() as u64);
    }
}

#[test]
fn texts_and_bad_values_are_counted_and_not_computed_with() {
    let mut store = Embedded::new(restless);
    let key = SeriesKey::raw(point("s/m/p"));
    let points = [
        (1, Value::Float(2.0), Quality::Good),
        (2, Value::Float(1e9), BAD),
        (3, Value::Text("open".into()), Quality::Good),
        (4, Value::Text("?".into()), BAD),
        (5, Value::Int(4), Quality::Good),
    ];
    store.commit(&key, &points).unwrap();
    let archive = store.historian().archive();
    let all = |most| archive.statistics(&key, Timestamp::MIN, Timestamp::MAX, most).unwrap();
    assert_same(&all(2), &Statistics { bad: 2, texts: 1, ..plain(&[(1, 2.0), (5, 4.0)]) });
    assert_eq!(all(1).quantiles, None, "two numbers, and room for one");
    let unknown = SeriesKey::raw(point("s/m/q"));
    assert_eq!(archive.statistics(&unknown, Timestamp::MIN, Timestamp::MAX, 9).unwrap(), Statistics::default());
    assert_eq!(archive.weight(&unknown, Timestamp::MIN, Timestamp::MAX).unwrap(), 0);
}

#[test]
fn a_sum_beyond_f64_is_none() {
    let mut store = Embedded::new(restless);
    let key = SeriesKey::raw(point("s/m/p"));
    store
        .commit(&key, &[(1, Value::Float(f64::MAX), Quality::Good), (2, Value::Float(f64::MIN), Quality::Good)])
        .unwrap();
    let found = store.historian().archive().statistics(&key, Timestamp::MIN, Timestamp::MAX, 9).unwrap();
    assert_eq!((found.rms, found.standard_deviation), (None, None));
    assert_eq!((found.min.unwrap().value, found.max.unwrap().value), (f64::MIN, f64::MAX));
}

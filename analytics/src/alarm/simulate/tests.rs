use plant::{BearingFault, Quality, Reason, Value};

use super::*;

fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(s)
}

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn above(limit: f64) -> Definition {
    Definition { side: Side::Above, limit, deadband: 1.0, on_delay: secs(0), off_delay: secs(0) }
}

fn value(t: i64, v: f64) -> Sample {
    Sample { t: at(t), value: Value::Float(v), quality: Quality::Good }
}

#[test]
fn two_definitions_are_told_side_by_side_and_bad_quality_is_passed_over() {
    let mut s = Simulation::new(above(80.0), Some(above(90.0)), Vec::new());
    for (t, v) in [70.0, 85.0, 95.0, 85.0, 70.0, 81.0].into_iter().enumerate() {
        s.value(&value(t as i64, v));
    }
    s.value(&Sample { quality: Quality::Bad(Reason::Source), ..value(6, 10.0) });
    s.value(&Sample { value: Value::Text("off".into()), ..value(7, 0.0) });
    s.value(&value(8, 81.5));
    let found = s.finish(at(10));
    assert_eq!((found.values, found.minutes, found.passed_over), (7, 0, 2));
    let current = found.current.unwrap();
    assert_eq!((found.proposed.run.raised, current.run.raised), (2, 1));
    // 1 to 4, and 5 to the end: the bad value in between did not clear.
    assert_eq!((found.proposed.run.standing, current.run.standing), (secs(3 + 5), secs(1)));
    assert_eq!((found.proposed.doubtful_minutes, current.definition.limit), (0, 90.0));
}

#[test]
fn faults_are_caught_by_what_was_raised_or_stood_within_thirty_days() {
    let day = 86_400;
    let confirmed = |t: i64| Confirmed { fault: Fault::Bearing(BearingFault::OuterRace), t: at(t) };
    let faults = [1, 3, 5, 39, 80, 100].map(|d| confirmed(d * day));
    let mut s = Simulation::new(above(80.0), None, faults.into());
    for (d, v) in [(0, 70.0), (2, 85.0), (4, 70.0), (6, 85.0), (7, 70.0), (65, 85.0), (66, 85.0)] {
        s.value(&value(d * day, v));
    }
    let found = s.finish(at(110 * day)).proposed.faults;
    let raised: Vec<_> = found.iter().map(|f| f.raised.map(|t| t.nanos() / 1_000_000_000 / day)).collect();
    // Before the first raising; while it stands; after it cleared, within thirty days; beyond them of both raisings; in the
    // standing of the last; likewise, though it was raised more than thirty days before.
    assert_eq!(raised, [None, Some(2), Some(2), None, Some(65), Some(65)]);
    assert_eq!(found[2].early(), Some(secs(3 * 86_400)));
}

#[test]
fn minutes_say_at_least_how_often_and_in_how_many_it_may_be_more() {
    let bucket = |minute: i64, min: f64, max: f64, last: f64| Bucket {
        t: at(60 * minute),
        min,
        max,
        mean: (min + max) / 2.0,
        last,
        count: 60,
    };
    let mut s = Simulation::new(above(80.0), None, Vec::new());
    for b in [
        bucket(0, 70.0, 75.0, 72.0),
        // Over and back.
        bucket(1, 70.0, 85.0, 72.0),
        // Over, and stays.
        bucket(2, 71.0, 85.0, 84.0),
        bucket(3, 82.0, 86.0, 85.0),
        // Back, and over again.
        bucket(4, 75.0, 86.0, 86.0),
        // Within the deadband.
        bucket(5, 79.5, 86.0, 79.6),
        bucket(6, 70.0, 79.6, 70.0),
    ] {
        s.minute(&b, secs(60));
    }
    let found = s.finish(at(420));
    assert_eq!((found.minutes, found.values), (7, 0));
    assert_eq!((found.proposed.run.raised, found.proposed.doubtful_minutes), (3, 3));
}

#[test]
fn minutes_never_say_more_than_the_values_themselves() {
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    for round in 0..40 {
        let values: Vec<f64> = (0..3_600).map(|i| 79.0 + (f64::from(i) / 300.0).sin() + 3.0 * random()).collect();
        let d = Definition { deadband: f64::from(round % 4), ..above(80.0) };
        let (mut one, mut other) = (Simulation::new(d, None, Vec::new()), Simulation::new(d, None, Vec::new()));
        for (i, v) in values.iter().enumerate() {
            one.value(&value(i as i64, *v));
        }
        for (m, part) in values.chunks(60).enumerate() {
            let min = part.iter().copied().fold(f64::INFINITY, f64::min);
            let max = part.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (t, last) = (at(60 * m as i64), part[59]);
            other.minute(&Bucket { t, min, max, mean: min, last, count: 60 }, secs(60));
        }
        let (raw, minutes) = (one.finish(at(3_600)).proposed, other.finish(at(3_600)).proposed);
        assert!(minutes.run.raised <= raw.run.raised, "{} of minutes, {}", minutes.run.raised, raw.run.raised);
        assert!(minutes.run.raised == raw.run.raised || minutes.doubtful_minutes > 0);
    }
}

//! Symptoms of signals that are known exactly, and verdicts on symptoms that are.

use std::f64::consts::TAU;

use plant::Axis;

use super::*;
use crate::rotating::testing::Noise;
use crate::rotating::{Plans, Stated};

const FS: f64 = 12_800.0;
const SHAFT: f64 = 24.73;

/// A record whose velocity has the given multiples of shaft speed: (order, mm/s RMS, phase in degrees).
fn record(lines: &[(f64, f64, f64)], seed: u64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let sample = |i: usize| {
        let t = i as f64 / FS;
        let of = |(k, mm_s, phase): &(f64, f64, f64)| {
            let w = TAU * k * SHAFT;
            -1e-3 * mm_s * 2f64.sqrt() * w * (w * t + phase.to_radians()).sin()
        };
        lines.iter().map(of).sum::<f64>()
    };
    (0..102_400).map(|i| sample(i) + 0.05 * noise.normal()).collect()
}

fn at(x: &[f64], station: u16, axis: Axis) -> Record<'_> {
    Record {
        place: Place { station, rotor: station / 2, axis },
        x,
        fs: FS,
        stated: Stated::default(),
        clock: Clock::Shared { group: 1, offset_s: 0.0 },
        bearings: &[],
        ids: &[],
        baseline: None,
    }
}

fn examine(records: &[Record<'_>], given: &Given) -> Symptoms {
    let e = Excitations { shaft_hz: 1.001 * SHAFT, line_hz: Some(50.0), ..Excitations::default() };
    Examiner::new(Plans::default()).examine(records, &e, given).unwrap()
}

#[test]
fn amplitudes_and_phases_of_known_lines() {
    let h = record(&[(1.0, 3.0, 10.0), (2.0, 0.8, 0.0), (0.5, 0.4, 50.0), (0.43, 0.7, 0.0)], 1);
    let v = record(&[(1.0, 2.0, -80.0), (3.0, 0.5, 0.0)], 2);
    let across = record(&[(1.0, 2.5, -170.0)], 3);
    let s = examine(
        &[at(&h, 1, Axis::Horizontal), at(&v, 1, Axis::Vertical), at(&across, 2, Axis::Horizontal)],
        &Given::NOTHING,
    );
    assert!((s.excitations.shaft_hz / SHAFT - 1.0).abs() < 1e-4, "{}", s.excitations.shaft_hz);
    let p = &s.points[0];
    let near = |got: Known<Line>, want: f64| {
        let got = got.unwrap().mm_s;
        assert!((got - want).abs() < 0.02 * want.max(0.1), "{got}, not {want}");
    };
    for (k, want) in [(0, 3.0), (1, 0.8), (2, 0.0), (9, 0.0)] {
        near(p.orders[k], want);
    }
    near(p.half, 0.4);
    near(p.third, 0.0);
    near(p.sub, 0.7);
    near(s.points[1].orders[2], 0.5);
    near(p.line_2x, 0.0);
    assert!((s.quadrature.unwrap() - 90.0).abs() < 1.0, "{:?}", s.quadrature);
    assert!((s.across_coupling.unwrap() - 180.0).abs() < 1.0, "{:?}", s.across_coupling);
    assert!(s.phase_spread.unwrap() < 2.0, "{:?}", s.phase_spread);
    assert_eq!(s.end_to_end, Err("no_axial"));
    assert_eq!((p.floor_rise, p.high_frequency), (Err("baseline"), Err("baseline")));
}

#[test]
fn a_record_that_began_later_has_the_same_phase() {
    let h = record(&[(1.0, 3.0, 0.0)], 1);
    let v = record(&[(1.0, 3.0, 90.0)], 2);
    let cut = 1000;
    let mut late = at(&v[cut..], 1, Axis::Vertical);
    late.clock = Clock::Shared { group: 1, offset_s: cut as f64 / FS };
    let s = examine(&[at(&h, 1, Axis::Horizontal), late], &Given::NOTHING);
    assert!((s.quadrature.unwrap() - 90.0).abs() < 2.0, "{:?}", s.quadrature);
    let mut other = late;
    other.clock = Clock::Shared { group: 2, offset_s: 0.0 };
    let s = examine(&[at(&h, 1, Axis::Horizontal), other], &Given::NOTHING);
    assert_eq!(s.quadrature, Err("no_phase"));
    let s = examine(&[at(&h, 1, Axis::Horizontal)], &Given::NOTHING);
    assert_eq!(s.quadrature, Err("one_radial"));
}

fn unbalanced(given: &Given, with_axial: bool) -> Assessment {
    let h = record(&[(1.0, 3.0, 0.0)], 1);
    let v = record(&[(1.0, 2.5, -90.0)], 2);
    let a = record(&[(1.0, 0.3, 0.0)], 3);
    let all = [at(&h, 1, Axis::Horizontal), at(&v, 1, Axis::Vertical), at(&a, 1, Axis::Axial)];
    assess(&examine(if with_axial { &all } else { &all[..2] }, given))
}

fn of(a: &Assessment, fault: Fault) -> &Verdict {
    a.verdicts.iter().find(|v| v.fault == fault).unwrap()
}

#[test]
fn scores_add_up_and_what_is_missing_costs_its_weight() {
    let run_up = Ok(RunUp { exponent: Ok(2.1), critical_hz: Err("run_up") });
    let all = Given { reference: Ok(1.4), run_up, ..Given::NOTHING };
    let a = unbalanced(&all, true);
    let v = of(&a, Fault::Imbalance);
    assert_eq!((v.standing, a.outcome), (Standing::Confirmed, Outcome::Named));
    assert!((v.score - 1.0).abs() < 1e-9 && (v.attainable - 1.0).abs() < 1e-9, "{v:#?}");
    for v in &a.verdicts {
        let sum = |t: &[Term]| t.iter().map(|t| t.contribution).sum::<f64>();
        assert!((v.score - (sum(&v.evidence) - sum(&v.contra)).clamp(0.0, 1.0)).abs() < 1e-9);
        assert!(v.score <= v.attainable + 1e-9, "{v:#?}");
    }
    let known = Given { run_up: Err("run_up"), ..all };
    for (given, axial, attainable, missing) in [
        (&known, true, 0.8, vec![(Quantity::RpmSquared, "run_up")]),
        (&all, false, 0.8, vec![(Quantity::Axial1x, "no_axial"); 2]),
        (&Given { reference: Err("reference"), ..all }, true, 0.75, vec![(Quantity::Level(Own::Once), "reference")]),
    ] {
        let a = unbalanced(given, axial);
        let v = of(&a, Fault::Imbalance);
        assert!((v.attainable - attainable).abs() < 1e-9 && (v.score - attainable).abs() < 1e-9, "{v:#?}");
        assert_eq!(v.missing().collect::<Vec<_>>(), missing);
    }
    // The same, but nobody would ask why.
    let a = unbalanced(&Given { reference: Ok(8.0), ..all }, true);
    assert_eq!((of(&a, Fault::Imbalance).score, a.outcome), (0.0, Outcome::Unknown("nothing_explains")));
}

#[test]
fn two_that_fit_equally_are_ambiguous_and_the_better_explains_the_other() {
    let mut s = examine(&[at(&record(&[(1.0, 1.0, 0.0)], 1), 1, Axis::Horizontal)], &Given::NOTHING);
    s.given.reference = Ok(1.0);
    let line = |hz: f64, mm_s: f64| Ok(Line { hz, mm_s });
    // ½× and a comb of multiples: loose feet without probes.
    s.points[0].half = line(0.5 * SHAFT, 0.5);
    s.points[0].orders = std::array::from_fn(|k| line((k + 1) as f64 * SHAFT, 1.0 / (k + 1) as f64));
    s.points[0].floor_rise = Ok(3.0);
    let a = assess(&s);
    assert_eq!(of(&a, Fault::Looseness).standing, Standing::Confirmed);
    // Probes that see the shaft turn back by itself, as far as the housing moves: both fit.
    let orbit = Orbit { rms_um: 20.0, clipped: Ok(0.3), sub_forward: Err("weak_line"), reverse: Ok(0.25) };
    s.given.orbit = Ok(Orbit { rms_um: 2.0 * housing_um(&s), ..orbit });
    let a = assess(&s);
    assert_eq!(of(&a, Fault::Looseness).standing, Standing::Ambiguous(Fault::Rub));
    assert_eq!(of(&a, Fault::Rub).standing, Standing::Ambiguous(Fault::Looseness));
    assert_eq!(a.outcome, Outcome::Unknown("ambiguous"));
    // The shaft moves and its housing hardly does: it rubs.
    s.given.orbit = Ok(Orbit { rms_um: 10.0 * housing_um(&s), ..orbit });
    let a = assess(&s);
    assert_eq!(of(&a, Fault::Rub).standing, Standing::Confirmed);
    assert!(!of(&a, Fault::Looseness).named());
}

fn housing_um(s: &Symptoms) -> f64 {
    let lines = s.points[0].orders.iter().flatten();
    lines.map(|l| 1000.0 * l.mm_s / (TAU * l.hz)).fold(0.0, f64::max)
}

#[test]
fn what_is_given_and_is_no_number_is_missing() {
    let given = Given { slow_roll: Ok(f64::NAN), power_off: Ok(f64::INFINITY), ..Given::NOTHING };
    let a = unbalanced(&given, true);
    assert!(of(&a, Fault::BentShaft).missing().any(|m| m == (Quantity::SlowRoll, "not_finite")));
    assert!(of(&a, Fault::Stator).missing().any(|m| m == (Quantity::PowerOff, "not_finite")));
    assert!(a.verdicts.iter().all(|v| v.score.is_finite()));
}

//! Mixed, incomplete and misleading machines.

use analytics::diagnosis::{
    Assessment, Clock, Examiner, Excitations, Fault, Given, Outcome, Quantity, Record, Standing, Symptoms, assess,
};
use analytics::rotating::{Plans, Stated};
use plant::BearingFault;

use crate::physics::zoo::{Kind, machine, sound};
use crate::physics::{Machine, Part, Way};
use crate::window::{Have, Window, place};

const ALL: Have = Have { run_up: true, probes: true, slow_roll: true, power_off: true, suction: Some(1.8) };

fn judged(w: &Window) -> Assessment {
    assess(&w.symptoms().unwrap())
}

fn bare(x: &[f64]) -> Record<'_> {
    Record {
        place: place(0, Way::Vertical),
        x,
        fs: 12_800.0,
        stated: Stated::default(),
        clock: Clock::Own,
        bearings: &[],
        ids: &[],
        baseline: None,
    }
}

fn names(a: &Assessment) -> Vec<Fault> {
    a.named().map(|v| v.fault).collect()
}

fn of(a: &Assessment, fault: Fault) -> &analytics::diagnosis::Verdict {
    a.verdicts.iter().find(|v| v.fault == fault).unwrap()
}

/// A machine whose motor has two poles, so that twice the line frequency stands just above 2×.
fn two_poles(seed: u64) -> Machine {
    let mut m = sound(seed);
    (m.poles, m.line_hz) = (2, 50.0);
    (m.shaft_hz, m.rated_hz) = ((49.4, 49.4), 49.4);
    m
}

#[test]
fn twice_the_line_beside_twice_the_shaft_is_told_apart_or_not_guessed() {
    let mut m = two_poles(7);
    m.wrong.stator_n = 350.0;
    // 8 s resolve 98.8 from 100 Hz; 2 s do not.
    let a = judged(&Window::of(&m, ALL));
    assert_eq!(names(&a), [Fault::Stator], "{a:#?}");
    let a = judged(&Window::of(&Machine { seconds: 2.0, ..m }, ALL));
    assert!(!names(&a).contains(&Fault::Misalignment), "{a:#?}");
    for fault in [Fault::Stator, Fault::Misalignment] {
        assert!(of(&a, fault).missing().any(|(_, why)| why == "unresolved"), "{a:#?}");
    }
}

#[test]
fn vanes_that_pass_at_six_times_are_no_looseness() {
    let mut m = sound(11);
    m.vanes = 6;
    m.wrong.unbalance = 15.0 * (50.0 / m.mean_hz()).powf(1.5);
    let a = judged(&Window::of(&m, ALL));
    assert_eq!(names(&a), [Fault::Imbalance], "{a:#?}");
}

#[test]
fn misalignment_without_axial_sensors_says_what_it_lacks() {
    let m = machine(Kind::Misalignment, 0.8, 21);
    let mut w = Window::of(&m, ALL);
    let whole = judged(&w);
    w.used.retain(|i| w.run.channels[*i].way != Way::Axial);
    let a = judged(&w);
    let (with, without) = (of(&whole, Fault::Misalignment), of(&a, Fault::Misalignment));
    assert!((with.attainable - 1.0).abs() < 1e-9, "{with:#?}");
    assert!((without.attainable - 0.7).abs() < 1e-9, "{without:#?}");
    assert!(without.missing().any(|m| m == (Quantity::AxialRatio, "no_axial")));
    assert!(with.named() && without.standing != Standing::Confirmed, "{without:#?}");
}

#[test]
fn a_bearing_line_on_a_multiple_of_the_shaft_is_not_confirmed() {
    let mut m = machine(Kind::Outer, 0.9, 33);
    // 8 balls of a quarter of the pitch that do not slip: the outer race is struck at 3.000×.
    (m.elements, m.ratio, m.slip) = (8, 0.25, 0.0);
    let a = judged(&Window::of(&m, ALL));
    let v = of(&a, Fault::Bearing(BearingFault::OuterRace));
    assert_ne!(v.standing, Standing::Confirmed, "{v:#?}");
}

#[test]
fn changing_speed_gives_no_verdict() {
    let mut m = machine(Kind::Imbalance, 0.5, 5);
    let hz = m.mean_hz();
    m.shaft_hz = (0.985 * hz, 1.015 * hz);
    assert_eq!(Window::of(&m, Have::default()).symptoms(), Err("speed_unsteady"));
    let mut w = Window::of(&machine(Kind::Imbalance, 0.5, 5), Have::default());
    w.excitations.varied = 0.02;
    assert_eq!(w.symptoms(), Err("speed_unsteady"));
}

#[test]
fn a_dead_sensor_is_left_out_and_said_and_dead_ones_give_no_verdict() {
    let m = machine(Kind::Imbalance, 0.7, 9);
    let mut w = Window::of(&m, ALL);
    let dead = w.run.channels.iter().position(|c| c.station == 3 && c.way == Way::Horizontal).unwrap();
    w.run.channels[dead].x.fill(0.25);
    let s = w.symptoms().unwrap();
    let p = s.points.iter().find(|p| p.place == place(3, Way::Horizontal)).unwrap();
    assert_eq!((p.faults.codes(), p.overall), (vec!["flat".into()], Err("sensor")));
    assert!(names(&assess(&s)).contains(&Fault::Imbalance));
    w.run.channels.iter_mut().for_each(|c| c.x.fill(0.25));
    assert_eq!(w.symptoms(), Err("sensor"));
    w.run.channels.iter_mut().for_each(|c| c.x.fill(f64::NAN));
    assert_eq!(w.symptoms(), Err("sensor"));
}

#[test]
fn phase_takes_one_clock_or_a_tacho() {
    let m = machine(Kind::Misalignment, 0.6, 42);
    let mut w = Window::of(&m, Have::default());
    let together = w.symptoms().unwrap();
    w.clock = Clock::Own;
    let alone = w.symptoms().unwrap();
    for known in [alone.quadrature, alone.phase_spread, alone.across_coupling, alone.end_to_end] {
        assert_eq!(known, Err("no_phase"));
    }
    let v = assess(&alone);
    assert!(of(&v, Fault::Misalignment).missing().any(|(_, why)| why == "no_phase"));
    w.clock = Clock::Tacho { turn: 0.3 };
    let tacho = w.symptoms().unwrap();
    let (a, b) = (together.across_coupling.unwrap(), tacho.across_coupling.unwrap());
    assert!((a - b).abs() < 1e-6, "{a} {b}");
}

#[test]
fn two_faults_at_once_are_both_named() {
    let mut m = machine(Kind::Imbalance, 0.6, 51);
    m.wrong.bearing = Some((Part::Outer, 15.0));
    let mut found = names(&judged(&Window::of(&m, ALL)));
    found.sort();
    assert_eq!(found, [Fault::Imbalance, Fault::Bearing(BearingFault::OuterRace)]);
}

#[test]
fn nothing_is_said_of_a_machine_that_is_off_or_of_nothing() {
    let mut examiner = Examiner::new(Plans::default());
    let x = vec![0.0; 4096];
    let e = Excitations { shaft_hz: 25.0, ..Excitations::default() };
    let mut ask = |x: &[f64], fs: f64, hz: f64, given: Given| {
        examiner.examine(&[Record { fs, ..bare(x) }], &Excitations { shaft_hz: hz, ..e }, &given)
    };
    let off = Given { steady: Err("off"), ..Given::NOTHING };
    assert_eq!(ask(&x, 12_800.0, 25.0, off), Err("off"));
    assert_eq!(ask(&x, 12_800.0, 25.0, Given::NOTHING), Err("sensor"));
    let noise = analytics::rotating::testing::Noise::new(3).normals(40_000);
    for hz in [0.0, -1.0, 1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(ask(&noise, 12_800.0, hz, Given::NOTHING), Err("speed"), "{hz}");
    }
    for fs in [0.0, f64::NAN, -3.0] {
        assert_eq!(ask(&noise, fs, 25.0, Given::NOTHING), Err("rate"), "{fs}");
    }
    assert!(matches!(ask(&noise[..1], 12_800.0, 25.0, Given::NOTHING), Err("sensor" | "record_length")));
    assert!(ask(&[], 12_800.0, 25.0, Given::NOTHING).is_err());
    assert_eq!(examiner.examine(&[], &e, &Given::NOTHING), Err("sensor"));
    let mut examiner = Examiner::new(Plans::default());
    // Noise alone has no diagnosis, whatever is or is not known of the machine.
    let s: Symptoms = examiner.examine(&[bare(&noise)], &e, &Given::NOTHING).unwrap();
    let a = assess(&s);
    assert_eq!(a.outcome, Outcome::Unknown("nothing_explains"), "{a:#?}");
}

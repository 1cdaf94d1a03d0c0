//! Sensors and bearings on shafts that turn at another speed than the measured one.

use std::collections::BTreeMap;

use plant::train::{Belt, Gear, Passing, PassingKind, Pulley, RotorClass, Stage, TrainUnit, UnitKind};
use plant::{Bearing, BearingVerdict, Diagnosis, Finding, Geometry, Machine, Point, Quantity, Speed, Train, Unit};

use super::journal::{Journal, bearing_record, machine};
use crate::fold::Fold;

/// The bearing DE sits on the driven shaft, `ratio` times as fast as the measured one.
fn geared(m: &mut Machine, measured_teeth: u16, driven_teeth: u16) {
    let gear = |shaft: &str, teeth| Gear { shaft: shaft.parse().unwrap(), teeth };
    let stages = vec![Stage::Gears(vec![gear("in", measured_teeth), gear("out", driven_teeth)])];
    let passing = Some(Passing { kind: PassingKind::Blades, count: 12 });
    let fan = UnitKind::Rotor { class: RotorClass::Fan, shaft: "out".parse().unwrap(), passing };
    m.train = Some(Train {
        measured: "in".parse().unwrap(),
        units: vec![
            TrainUnit { name: "gearbox".parse().unwrap(), kind: UnitKind::Gearbox(stages) },
            TrainUnit { name: "fan".parse().unwrap(), kind: fan },
        ],
        seats: BTreeMap::from([("DE".parse().unwrap(), "out".parse().unwrap())]),
    });
}

fn diagnosis(findings: &[Finding]) -> Diagnosis {
    let found = findings.iter().find_map(|f| match f {
        Finding::Diagnosis(d) => Some(d.clone()),
        _ => None,
    });
    found.unwrap()
}

/// The record's fault strikes 3.58 · 25 times a second.
fn judged(j: &mut Journal, seed: u64, measured_rpm: Option<f64>) -> (BearingVerdict, Option<f64>) {
    let mut w = bearing_record(seed, 8.0);
    w.meta.speed = measured_rpm.map(|mean_rpm| Speed { mean_rpm, range_rpm: None });
    let findings = j.record(w);
    let amplitude = findings.iter().find_map(|f| match f {
        Finding::Indicator(v) if v.name.as_str() == "amplitude_1x" => Some(v.value),
        _ => None,
    });
    (diagnosis(&findings).bearing, amplitude)
}

fn best(v: &BearingVerdict) -> (f64, f64, f64) {
    let BearingVerdict::Judged { hypotheses, threshold, shaft_hz } = v else { panic!("{v:?}") };
    (hypotheses[0].statistic - threshold, hypotheses[0].hz, *shaft_hz)
}

#[test]
fn a_bearing_behind_a_gear_is_judged_with_the_speed_of_its_own_shaft() {
    // The measured shaft turns at 10 Hz, the sensor's at 25 Hz.
    let mut j = Journal::new();
    j.described(|m| geared(m, 50, 20));
    let (verdict, amplitude) = judged(&mut j, 7, Some(600.0));
    let (over, hz, shaft_hz) = best(&verdict);
    assert!(over > 3.0 && (hz / 89.5 - 1.0).abs() < 0.02, "{verdict:?}");
    assert!((shaft_hz - 25.0).abs() < 1e-9);
    assert!((amplitude.unwrap() - 0.5).abs() < 0.05, "the line at the sensor's own shaft: {amplitude:?}");

    // Taken for a machine of one shaft, the same record says nothing of this fault.
    let mut j = Journal::new();
    j.described(|_| {});
    let (verdict, _) = judged(&mut j, 7, Some(600.0));
    let (over, hz, shaft_hz) = best(&verdict);
    assert!(shaft_hz == 10.0 && (over < 0.0 || (hz / 89.5 - 1.0).abs() > 0.03), "{verdict:?}");
}

#[test]
fn a_measured_speed_is_that_of_the_shaft_where_it_is_measured() {
    let mut j = Journal::new();
    // At the fan's bearing: its own speed. Beside it the motor's, which the train says how to read.
    for (seed, place, rpm) in [(1, Some("DE"), 1500.0), (2, None, 600.0)] {
        j.described(|m| {
            geared(m, 50, 20);
            m.points.get_mut("speed").unwrap().location.bearing = place.map(|p| p.parse().unwrap());
        });
        j.value("speed", rpm);
        let (verdict, _) = judged(&mut j, seed, None);
        assert!((best(&verdict).2 - 25.0).abs() < 1e-9, "{place:?}: {verdict:?}");
        j.heartbeats(400);
    }
    // Two speeds, none at the sensor: the one of the measured shaft will do.
    let mut j = Journal::new();
    j.described(|m| {
        geared(m, 50, 20);
        let orders = m.bearings[0].geometry;
        m.bearings.push(Bearing { name: "X".parse().unwrap(), designation: None, geometry: orders });
        m.train.as_mut().unwrap().seats.insert("X".parse().unwrap(), "out".parse().unwrap());
        let mut other = Point::bare("speed_2");
        other.unit = Unit::parse("r/min");
        other.quantity = Some(Quantity::RotationalSpeed);
        other.location.bearing = Some("X".parse().unwrap());
        m.points.insert("speed_2".into(), other);
    });
    j.observe(&[("speed", 600.0, plant::Quality::Good), ("speed_2", 1490.0, plant::Quality::Good)]);
    let (verdict, _) = judged(&mut j, 7, None);
    assert!((best(&verdict).2 - 25.0).abs() < 1e-9, "{verdict:?}");
}

#[test]
fn a_shaft_too_slow_for_the_record_gives_no_verdict() {
    // 2 s at 2.5 Hz are 5 turns; 16 are asked for.
    let mut j = Journal::new();
    j.described(|m| geared(m, 20, 200));
    let (verdict, _) = judged(&mut j, 7, Some(1500.0));
    assert_eq!(verdict, BearingVerdict::Refused(vec!["record_length".into()]));
    // Of a sensor that hears several bearings, those on quick shafts are judged all the same.
    j.described(|m| {
        geared(m, 20, 200);
        let geometry = m.bearings[0].geometry;
        m.bearings.push(Bearing { name: "IN".parse().unwrap(), designation: None, geometry });
        m.points.get_mut("vib").unwrap().location.bearing = None;
    });
    let (verdict, _) = judged(&mut j, 8, Some(1500.0));
    let BearingVerdict::Judged { hypotheses, .. } = &verdict else { panic!("{verdict:?}") };
    assert!(hypotheses.iter().all(|h| h.bearing.as_str() == "IN") && best(&verdict).0 > 3.0, "{verdict:?}");
}

#[test]
fn an_alarm_on_an_estimate_says_so() {
    let mut j = Journal::new();
    // A 6320: 8 balls by the estimate, BPFO 3.07; the fault strikes at 3.58, within one ball more.
    j.described(|m| m.bearings[0].geometry = Geometry::Estimated { bore_mm: 100.0, outside_mm: 215.0 });
    let mut alarm = None;
    for seed in 0..5 {
        let mut w = bearing_record(20 + seed, 10.0);
        w.meta.speed = Some(Speed { mean_rpm: 1500.0, range_rpm: None });
        alarm = j
            .record(w)
            .into_iter()
            .find_map(|f| match f {
                Finding::Alarm(a) => Some(a),
                _ => None,
            })
            .or(alarm);
    }
    let alarm = alarm.expect("impacts ten times the noise");
    assert!(alarm.evidence.codes.iter().any(|c| &**c == "estimated"), "{alarm:?}");
}

#[test]
fn a_train_survives_a_restart_of_the_fold() {
    let mut j = Journal::new();
    j.described(|m| {
        geared(m, 50, 20);
        let pulley = |shaft: &str, diameter_mm| Pulley { shaft: shaft.parse().unwrap(), diameter_mm };
        let (driving, driven) = (pulley("out", 200.0), pulley("roll", 300.0));
        let belt = Belt { driving, driven, length_mm: Some(2000.0), toothed: true };
        let train = m.train.as_mut().unwrap();
        train.units.push(TrainUnit { name: "belt".parse().unwrap(), kind: UnitKind::Belt(belt) });
        m.bearings[0].geometry = Geometry::Estimated { bore_mm: 25.0, outside_mm: 52.0 };
    });
    let back = Fold::restore(crate::fold::Settings::default(), &j.fold.snapshot()).unwrap();
    assert_eq!(back.state, j.fold.state);
    let kept = back.state.plant.machine(machine().id.as_str()).unwrap();
    assert!(kept.train.as_ref().is_some_and(|t| t.units.len() == 3));
}

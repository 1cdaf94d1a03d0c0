//! Assessments on a journal written by hand.

mod tacho;
mod together;

use std::time::Duration;

use historian::Batch;
use plant::{
    Action, AlarmCondition, Assessment, Axis, Fault, Finding, Judgement, MachineClass, Standing, Timestamp, Waveform,
    Zone,
};

use super::*;
use crate::fold::Fold;
use crate::fold::tests::journal::{Journal, bearing_record, machine, quiet_record, said, shaken_record};

const OUTER: Fault = Fault::Bearing(plant::BearingFault::OuterRace);

fn assessments(findings: &[Finding]) -> Vec<Assessment> {
    findings.iter().filter_map(|f| if let Finding::Assessment(a) = f { Some((**a).clone()) } else { None }).collect()
}

fn only(findings: &[Finding]) -> Assessment {
    let found = assessments(findings);
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

fn at_speed(mut w: Waveform) -> Waveform {
    w.meta.speed = Some(plant::Speed { mean_rpm: 1500.0, range_rpm: None });
    w
}

fn of_point(mut w: Waveform, point: &str) -> Waveform {
    w.point = format!("s/fan/{point}").parse().unwrap();
    w.id.0 += point.len() as u128;
    w
}

fn later(j: &mut Journal, seconds: u64) {
    j.now = j.now + Duration::from_secs(seconds);
}

fn act(j: &mut Journal, action: Action) -> Vec<Finding> {
    j.step(Batch { actions: vec![action], ..Batch::default() })
}

fn says(j: &mut Journal, fault: Fault, judgement: Option<Judgement>) -> Vec<Finding> {
    act(j, Action::Judge { machine: machine().id, fault, judgement, by: "lin".into() })
}

fn reasons(a: &Assessment) -> Vec<(&str, Option<&str>)> {
    a.health.reasons.iter().map(|r| (&*r.term, r.unjudged.as_deref())).collect()
}

#[test]
fn a_sound_machine_is_assessed_once_an_hour_and_what_is_not_known_is_no_health() {
    let mut j = Journal::new();
    j.described(|_| {});
    let a = only(&j.record(at_speed(quiet_record(1))));
    assert_eq!(a.named().count(), 0);
    let shaft = &a.shafts[0];
    assert_eq!((shaft.points.len(), shaft.hz, shaft.unknown.as_deref()), (1, 25.0, Some("nothing_explains")));
    assert_eq!(shaft.verdicts.as_ref().unwrap().len(), Fault::ALL.len(), "what could not be told is said, too");
    // Nothing but the trend could not be judged yet.
    assert_eq!(reasons(&a), [("trend", Some("learning"))]);
    assert_eq!(a.health.score, Some(85.0));
    assert_eq!(a.remaining, Err("no_onset".into()));
    assert_eq!(a.card.baseline_days, 1);
    later(&mut j, 1_000);
    assert!(assessments(&j.record(at_speed(quiet_record(2)))).is_empty());
    later(&mut j, 2_600);
    assert_eq!(only(&j.record(at_speed(quiet_record(3)))).card.baseline_days, 1);
    later(&mut j, 86_400);
    assert_eq!(only(&j.record(at_speed(quiet_record(4)))).card.baseline_days, 2);
}

#[test]
fn what_raised_an_alarm_is_explained_by_the_next_record_and_people_say_what_they_think_of_it() {
    let mut j = Journal::new();
    j.described(|_| {});
    j.record(at_speed(quiet_record(1)));
    let found = j.record(at_speed(bearing_record(2, 8.0)));
    assert_eq!(said(&found), ["bearing.DE.outer_race raised"]);
    assert!(assessments(&found).is_empty());
    let a = only(&j.record(at_speed(bearing_record(3, 8.0))));
    let v = a.named().next().unwrap();
    assert_eq!(
        (v.fault, v.bearing.as_ref().unwrap().as_str(), v.point.as_ref().unwrap().as_str()),
        (OUTER, "DE", "vib")
    );
    assert!(matches!(v.standing, Standing::Probable | Standing::Confirmed) && v.score <= v.attainable);
    // Every term is shown, and what is missing by its code.
    assert!(v.terms.iter().any(|t| &*t.quantity == "envelope" && t.contribution == t.weight));
    assert!(v.terms.iter().any(|t| t.value == Err("baseline".into())));
    let sum: f64 = v.terms.iter().map(|t| if t.against { -t.contribution } else { t.contribution }).sum();
    assert!((sum.clamp(0.0, 1.0) - v.score).abs() < 1e-12);
    assert!(reasons(&a).iter().any(|(term, _)| *term == "bearing"));
    assert_eq!((a.card.open.as_slice(), a.card.reported_a_month), (&[OUTER][..], 1));
    // No baseline is learnt from a damaged machine, and there is none to follow the damage by.
    assert_eq!(a.remaining, Err("baseline".into()));

    let a = only(&says(&mut j, OUTER, Some(Judgement::Dismissed)));
    assert_eq!((a.card.dismissed, a.card.open.len()), (1, 0));
    assert_eq!((a.card.judged[0].judgement, &*a.card.judged[0].by), (Judgement::Dismissed, "lin"));
    assert_eq!(a.named().next().map(|v| v.fault), Some(OUTER), "what was heard is as it was");
    // It slipped.
    let a = only(&says(&mut j, OUTER, None));
    assert_eq!((a.card.dismissed, a.card.open.as_slice(), a.card.judged.len()), (0, &[OUTER][..], 0));
    assert!(says(&mut j, OUTER, None).is_empty(), "there is nothing more to take back");
    let a = only(&says(&mut j, OUTER, Some(Judgement::Found)));
    assert_eq!((a.card.confirmed, a.card.missed), (1, 0), "what was named was not missed");
    let a = only(&says(&mut j, OUTER, Some(Judgement::Confirmed)));
    assert_eq!((a.card.confirmed, a.card.judged.len()), (1, 1), "once");
    let a = only(&says(&mut j, Fault::Looseness, Some(Judgement::Found)));
    assert_eq!(a.card.missed, 1);
    // It stays named: it is not reported once more.
    later(&mut j, 3_600);
    let a = only(&j.record(at_speed(bearing_record(4, 8.0))));
    assert_eq!((a.card.reported_a_month, a.card.open.len()), (1, 0));
}

#[test]
fn a_window_waits_for_every_point_that_can_be_expected_and_no_longer_than_an_hour() {
    let mut j = Journal::new();
    j.described(|m| {
        let mut axial = m.points["vib"].clone();
        (axial.name, axial.location.axis) = ("axial".into(), Some(Axis::Axial));
        m.points.insert("axial".into(), axial);
    });
    // Pulses of a tacho are heard by nobody and waited for by nobody.
    let mut tacho = of_point(quiet_record(90), "tacho");
    tacho.unit = plant::Unit::parse("V").unwrap();
    j.record(tacho);
    // The first window cannot know of the second point.
    assert_eq!(only(&j.record(at_speed(quiet_record(1)))).shafts[0].points.len(), 1);
    j.record(of_point(at_speed(quiet_record(2)), "axial"));
    later(&mut j, 3_600);
    assert!(assessments(&j.record(at_speed(quiet_record(3)))).is_empty());
    later(&mut j, 600);
    assert!(assessments(&j.record(at_speed(quiet_record(4)))).is_empty());
    let a = only(&j.record(of_point(at_speed(quiet_record(5)), "axial")));
    assert_eq!(a.shafts[0].points.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["axial", "vib"]);
    // The second falls silent.
    later(&mut j, 3_000);
    assert!(assessments(&j.record(at_speed(quiet_record(6)))).is_empty());
    later(&mut j, 3_700);
    assert_eq!(only(&j.record(at_speed(quiet_record(7)))).shafts[0].points.len(), 1);
    // Records of other speeds are not compared with one another.
    later(&mut j, 3_600);
    let mut faster = of_point(at_speed(quiet_record(8)), "axial");
    faster.meta.speed = Some(plant::Speed { mean_rpm: 1600.0, range_rpm: None });
    j.record(faster);
    let a = only(&j.record(at_speed(quiet_record(9))));
    assert_eq!(a.shafts[0].verdicts, Err("speed_unsteady".into()));
}

#[test]
fn without_speed_or_with_a_failed_sensor_there_is_no_verdict_and_the_reason_is_said() {
    let mut j = Journal::new();
    j.described(|_| {});
    assert_eq!(only(&j.record(quiet_record(1))).shafts[0].verdicts, Err("speed".into()));
    later(&mut j, 3_600);
    let mut gaps = at_speed(quiet_record(2));
    gaps.meta.gaps = 3;
    let a = only(&j.record(gaps));
    assert_eq!(a.shafts[0].verdicts, Err("sensor".into()));
    assert_eq!(a.health.score, None);
    later(&mut j, 3_600);
    let mut still = quiet_record(3);
    still.meta.speed = Some(plant::Speed { mean_rpm: 30.0, range_rpm: None });
    assert_eq!(only(&j.record(still)).shafts[0].verdicts, Err("off".into()));
    later(&mut j, 3_600);
    let mut ramp = quiet_record(4);
    ramp.meta.speed = Some(plant::Speed { mean_rpm: 1500.0, range_rpm: Some((1450.0, 1550.0)) });
    assert_eq!(only(&j.record(ramp)).shafts[0].verdicts, Err("speed_unsteady".into()));
    later(&mut j, 3_600);
    let mut absurd = quiet_record(6);
    absurd.meta.speed = Some(plant::Speed { mean_rpm: 1e30, range_rpm: None });
    assert_eq!(only(&j.record(absurd)).shafts[0].verdicts, Err("speed".into()));
    // What is late says nothing of the machine as it is.
    later(&mut j, 3_600);
    let mut late = at_speed(quiet_record(5));
    late.t0 = Timestamp::from_secs(1_700_000_000);
    assert!(assessments(&j.step(Batch { waveforms: vec![late.into()], ..Batch::default() })).is_empty());
}

/// A journal whose machine's baseline was learnt over `hours`.
fn learnt(hours: u64) -> Journal {
    let mut j = Journal::new();
    j.described(|_| {});
    for hour in 0..hours {
        later(&mut j, 3_600);
        j.record(at_speed(quiet_record(10 + hour)));
    }
    j
}

#[test]
fn damage_that_grows_is_followed_to_its_end_and_maintenance_begins_anew() {
    let mut j = learnt(8);
    let mut life = Vec::new();
    // 1x grows by a tenth an hour from 3 mm/s towards C/D at 7.1; C begins at 4.5.
    for hour in 0..10u32 {
        later(&mut j, 3_600);
        let grown = 4.0 * 1.06f64.powi(hour as i32);
        let found = j.record(at_speed(shaken_record(100 + u64::from(hour), grown)));
        let again = j.record(at_speed(shaken_record(200 + u64::from(hour), grown)));
        life.extend(assessments(&found).into_iter().chain(assessments(&again)));
    }
    let a = life.last().unwrap();
    assert!(j.fold.state.book.entries.keys().any(|k| k.condition == AlarmCondition::Zone(Zone::C)), "{a:?}");
    let followed: Vec<_> = life.iter().map(|a| a.remaining.clone().map(|r| r.looks)).collect();
    let told = life.iter().filter_map(|a| a.remaining.as_ref().ok()).next_back();
    assert!(told.is_some() || followed.iter().any(|f| *f == Err("records".into())), "{followed:?}");
    assert!(a.health.score.unwrap() < 60.0, "{:?}", a.health);
    let Some(Finding::Assessment(a)) = act(&mut j, Action::Maintained { machine: machine().id, by: "he".into() })
        .into_iter()
        .find(|f| matches!(f, Finding::Assessment(_)))
    else {
        panic!("nothing is said")
    };
    assert_eq!((a.health.score, a.shafts.len(), a.card.baseline_days), (None, 0, 0));
    assert_eq!(a.card.reset.as_ref().map(|r| &*r.1), Some("he"));
    assert_eq!(j.fold.state.machines.values().next().unwrap().points["vib"].records.as_ref().unwrap().life, None);
    // At once there is a window again, and a restored fold goes on with it.
    let bytes = j.fold.snapshot();
    let a = only(&j.record(at_speed(quiet_record(999))));
    j.fold = Fold::restore(Settings::default(), &bytes).unwrap();
    assert_eq!(a.card.reset.as_ref().map(|r| &*r.1), Some("he"));
}

#[test]
fn how_long_it_may_go_on_is_told_with_bounds_that_hold_the_end() {
    let mut j = learnt(8);
    let mut told = Vec::new();
    // The velocity reaches 7.1 mm/s after ln(7.1/4.6)/ln(1.02) = 21.9 hours.
    for hour in 0..22u32 {
        later(&mut j, 3_600);
        let grown = 4.6 * 1.02f64.powi(hour as i32);
        let mut found = j.record(at_speed(shaken_record(300 + u64::from(hour), grown)));
        for k in 1..3 {
            found.extend(j.record(at_speed(shaken_record(1000 * k + u64::from(hour), grown))));
        }
        for a in assessments(&found) {
            if let Ok(r) = &a.remaining {
                let end_h = 21.9 - f64::from(hour);
                told.push((end_h, r.p10_s / 3600.0, r.p50_s / 3600.0, r.p90_s / 3600.0, r.point.clone()));
            }
        }
    }
    assert!(told.len() >= 5, "{told:?}");
    let held = told.iter().filter(|(end, low, _, high, _)| (0.9 * low..=1.1 * high).contains(end)).count();
    assert!(held * 10 >= told.len() * 7, "{held} of {told:?}");
    assert!(told.iter().all(|(_, low, middle, high, p)| low < middle && middle < high && p.as_str() == "vib"));
}

#[test]
fn a_machine_of_no_class_is_judged_by_its_own_past() {
    let mut j = Journal::new();
    j.described(|m| m.class = MachineClass::Other);
    let a = only(&j.record(at_speed(quiet_record(1))));
    let missing = |a: &Assessment, code: &str| {
        a.shafts[0].verdicts.as_ref().unwrap().iter().flat_map(|v| &v.terms).any(|t| t.value == Err(code.into()))
    };
    assert!(missing(&a, "reference"), "{a:?}");
    for hour in 0..7 {
        later(&mut j, 3_600);
        j.record(at_speed(quiet_record(10 + hour)));
    }
    later(&mut j, 3_600);
    let a = only(&j.record(at_speed(quiet_record(50))));
    assert!(!missing(&a, "reference") && !missing(&a, "baseline"), "{a:?}");
    assert_eq!(a.named().count(), 0);
}

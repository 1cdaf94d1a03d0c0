//! Records that are judged by the angle of a tacho that was taken along.

use std::sync::Arc;

use plant::{BearingVerdict, Samples, Unit, WaveformId};

use super::*;
use crate::fold::tests::journal::POINT;

const FS: f64 = 25_600.0;
const N: usize = 51_200;

/// A tacho of `pulses` a turn on a shaft of 25 Hz, whose source calls the moment `sync`.
fn tacho(pulses: f64, sync: &str) -> Waveform {
    let at = |i: usize| if (pulses * 25.0 * i as f64 / FS + 0.3).fract() < 0.2 { 5.0 } else { 0.0 };
    let mut w = of_point(quiet_record(90), "tacho");
    (w.unit, w.samples) = (Unit::parse("V").unwrap(), Samples::F32((0..N).map(at).collect()));
    (w.meta.pulses, w.meta.sync) = (Some(pulses), Some(sync.into()));
    w
}

/// A damaged bearing, of whose speed the source says nothing.
fn damaged(seed: u64, sync: &str) -> Waveform {
    let mut w = bearing_record(seed, 8.0);
    w.meta.sync = Some(sync.into());
    w
}

fn together(j: &mut Journal, mut records: Vec<Waveform>) -> Vec<Finding> {
    let t0 = j.now + Duration::from_secs(1);
    records.iter_mut().for_each(|w| w.t0 = t0);
    j.step(Batch { waveforms: records.into_iter().map(Arc::new).collect(), ..Batch::default() })
}

/// The speed by which the bearing was judged, or why it was not.
fn judged(found: &[Finding]) -> Result<f64, String> {
    let of = |f: &Finding| match f {
        Finding::Diagnosis(d) if d.point.as_str() == POINT => Some(d.bearing.clone()),
        _ => None,
    };
    match found.iter().find_map(of).unwrap() {
        BearingVerdict::Judged { shaft_hz, .. } => Ok(shaft_hz),
        BearingVerdict::Refused(codes) => Err(codes.join(" ")),
    }
}

fn with(tacho: Waveform, change: impl FnOnce(&mut Waveform)) -> Result<f64, String> {
    let mut j = Journal::new();
    j.described(|_| {});
    let mut w = damaged(1, "1");
    change(&mut w);
    judged(&together(&mut j, vec![w, tacho]))
}

#[test]
fn a_tacho_tells_the_speed_of_the_records_that_were_taken_with_it() {
    for pulses in [1.0, 6.0, 60.0] {
        let hz = with(tacho(pulses, "1"), |_| {}).unwrap();
        assert!((hz - 25.0).abs() < 1e-3, "{pulses}: {hz}");
    }
    let none = Err("speed".to_owned());
    assert_eq!(with(tacho(1.0, "2"), |_| {}), none, "of another moment");
    assert_eq!(with(tacho(1.0, "1"), |w| w.meta.sync = None), none, "nobody says that it belongs to it");
    assert_eq!(with(tacho(1.0, "1"), |w| w.fs = 25_000.0), Err("sync".to_owned()), "of another rate");
    let unusable = Err("tacho".to_owned());
    for pulses in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        let mut bad = tacho(1.0, "1");
        bad.meta.pulses = Some(pulses);
        assert_eq!(with(bad, |_| {}), unusable, "{pulses} pulses");
    }
    let mut noise = tacho(1.0, "1");
    noise.samples = quiet_record(4).samples;
    assert_eq!(with(noise.clone(), |_| {}), unusable, "no pulses");
    let stated = |w: &mut Waveform| w.meta.speed = Some(plant::Speed { mean_rpm: 1500.0, range_rpm: None });
    assert!((with(noise, stated).unwrap() - 25.0).abs() < 1e-9, "as stated");
}

#[test]
fn a_speed_that_is_stated_differently_is_none() {
    let state = |rpm: f64| move |w: &mut Waveform| w.meta.speed = Some(plant::Speed { mean_rpm: rpm, range_rpm: None });
    let hz = with(tacho(1.0, "1"), state(1495.0)).unwrap();
    assert!((hz - 25.0).abs() < 1e-3, "the tacho's, not {hz}");
    assert_eq!(with(tacho(1.0, "1"), state(3000.0)), Err("tacho".to_owned()));
    assert_eq!(with(tacho(1.0, "1"), state(f64::NAN)), Err("tacho".to_owned()));
    let hz = with(tacho(1.0, "2"), state(1500.0)).unwrap();
    assert!((hz - 25.0).abs() < 1e-9, "as stated, where there is no tacho");
}

#[test]
fn a_tacho_that_came_a_commit_earlier_counts_also_after_a_restart() {
    let mut j = Journal::new();
    j.described(|_| {});
    let t0 = j.now + Duration::from_secs(1);
    let at = |mut w: Waveform| {
        w.t0 = t0;
        Batch { waveforms: vec![Arc::new(w)], ..Batch::default() }
    };
    j.step(at(tacho(2.0, "1")));
    let bytes = j.fold.snapshot();
    let mut restored = Fold::restore(Settings::default(), &bytes).unwrap();
    assert_eq!(restored.snapshot(), bytes);
    let committed = j.commit(at(damaged(1, "1")));
    let (a, b) = (j.fold.step(&committed), restored.step(&committed));
    assert_eq!(a, b);
    assert!(judged(&a).is_ok());
    // The record itself opened a window: the machine is judged by the speed that was measured.
    assert!((only(&a).shafts[0].hz - 25.0).abs() < 1e-3);
    let mut later = damaged(2, "1");
    later.id = WaveformId(77);
    assert_eq!(judged(&j.record(later)), Err("sync".to_owned()), "the same text at another time");
}

#[test]
fn a_tacho_that_comes_late_or_twice_takes_no_angle_away() {
    let mut j = Journal::new();
    j.described(|_| {});
    let at = |seconds: u64, id: u128, mut w: Waveform| {
        (w.t0, w.id) = (Timestamp::from_secs(1_700_000_000) + Duration::from_secs(seconds), WaveformId(id));
        Batch { waveforms: vec![Arc::new(w)], ..Batch::default() }
    };
    j.step(at(10, 1, tacho(2.0, "1")));
    j.step(at(20, 2, tacho(2.0, "2")));
    for (again, id) in [(1, 1), (3, 11)] {
        j.step(at(10, again, tacho(2.0, "1")));
        assert!(judged(&j.step(at(20, 10 + id, damaged(id as u64, "2")))).is_ok(), "{again}");
    }
    // One of a clock that ran ahead gives way to the next.
    j.step(at(1_000_000, 4, tacho(2.0, "3")));
    j.step(at(30, 5, tacho(2.0, "4")));
    assert!(judged(&j.step(at(30, 6, damaged(6, "4")))).is_ok());
}

#[test]
fn a_redelivered_tacho_is_not_listened_to_again() {
    let mut j = Journal::new();
    j.described(|_| {});
    let t0 = j.now + Duration::from_secs(1);
    let at = |w: Waveform| Batch { waveforms: vec![Arc::new(Waveform { t0, ..w })], ..Batch::default() };
    j.step(at(tacho(2.0, "1")));
    let said = |j: &Journal| j.fold.state.machines.values().next().unwrap().tacho.clone();
    let before = said(&j);
    // The same record by its id, whatever else has become of it on the way.
    j.step(at(tacho(1.0, "1")));
    assert_eq!(said(&j), before);
}

#[test]
fn a_tacho_that_comes_in_the_same_group_is_reckoned_with_ahead() {
    let mut j = Journal::new();
    j.fold = Fold::new(Settings { threads: 2, ..Settings::default() });
    j.described(|_| {});
    let t0 = j.now;
    let at = |j: &mut Journal, id: u128, n: u64, mut w: Waveform| {
        (w.id, w.t0) = (WaveformId(id), t0 + Duration::from_secs(n));
        j.commit(Batch { waveforms: vec![Arc::new(w)], ..Batch::default() })
    };
    let group = [
        at(&mut j, 1, 1, tacho(2.0, "1")),
        at(&mut j, 2, 1, damaged(1, "1")),
        at(&mut j, 3, 2, tacho(2.0, "2")),
        at(&mut j, 4, 2, damaged(2, "2")),
    ];
    let mut alone = Fold::restore(Settings::default(), &j.fold.snapshot()).unwrap();
    j.fold.foresee(&group);
    for (i, c) in group.iter().enumerate() {
        let found = j.fold.step(c);
        assert_eq!(found, alone.step(c));
        assert!(i % 2 == 0 || judged(&found).is_ok(), "{i}");
    }
    assert_eq!(j.fold.foreseen(), 4);
}

//! A machine that changes its speed beside one that does not: the strikes of the neighbour's bearing, which the foundation
//! carries over, are not taken for its own, and its own are found as before.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, Settings};
use analytics::rotating::testing::{Noise, add_impacts, sine};
use historian::{Batch, Committed};
use plant::{
    AlarmCondition, AssetChange, Bearing, BearingFault, BearingOrders, Fault, Finding, Geometry, Machine, Point,
    PointKind, Samples, Speed, Timestamp, Trigger, Unit, Waveform, WaveformId, WaveformMeta,
};

const FS: f64 = 12_800.0;
const N: usize = 32_768;
const ORDERS: BearingOrders = BearingOrders { bpfo: 5.72, bpfi: 8.28, bsf: 2.64, ftf: 0.409 };
/// Speeds of the shaft, Hz. The neighbour strikes at 85 Hz: at the first speed where an inner race would, at the third where
/// an outer race would, at the second where nothing does.
const SPEEDS: [f64; 3] = [10.35, 11.9, 14.88];
const NEIGHBOUR_HZ: f64 = 85.0;

fn machine() -> Machine {
    let mut m = Machine::bare("s/winder".parse().unwrap());
    m.bearings.push(Bearing { name: "DE".parse().unwrap(), designation: None, geometry: Geometry::Orders(ORDERS) });
    let mut p = Point::bare("vib");
    (p.kind, p.unit) = (PointKind::Waveform, Unit::parse("m/s²"));
    m.points.insert("vib".into(), p);
    m
}

/// The speeds in turn, five hours at each.
fn in_turn(hour: u64) -> f64 {
    SPEEDS[[1, 0, 2, 0, 1, 2][hour as usize / 5 % 6]]
}

/// The faults of bearings that are called for or named within 60 hours, where something strikes `strikes(shaft)` times a second with
/// `amplitude(shaft)` m/s². `restarts`: the fold is stored and read back every seven hours.
fn raised(strikes: impl Fn(f64) -> f64, amplitude: impl Fn(f64) -> f64, restarts: bool) -> BTreeSet<BearingFault> {
    raised_at(in_turn, strikes, |_, shaft| amplitude(shaft), restarts)
}

/// The same with the speed and the amplitude by the hour.
fn raised_at(
    speed: impl Fn(u64) -> f64,
    strikes: impl Fn(f64) -> f64,
    amplitude: impl Fn(u64, f64) -> f64,
    restarts: bool,
) -> BTreeSet<BearingFault> {
    let mut fold = Fold::new(Settings::default());
    let mut noise = Noise::new(39);
    let mut t = Timestamp::from_secs(1_700_000_000);
    let changes = vec![AssetChange::Machine(machine())];
    fold.step(&Committed { seq: 1, t, batch: Arc::new(Batch { changes, ..Batch::default() }) });
    let mut found = BTreeSet::new();
    for hour in 0..60u64 {
        t = t + Duration::from_secs(3_600);
        let shaft = speed(hour);
        let mut x = sine(N, FS, shaft, 0.3, 0.0);
        x.iter_mut().for_each(|v| *v += noise.normal());
        let by = 1.0 + 0.002 * (noise.uniform() - 0.5);
        add_impacts(&mut x, FS, by * strikes(shaft), 3_100.0, amplitude(hour, shaft), &mut noise);
        let meta =
            WaveformMeta { speed: Some(Speed { mean_rpm: 60.0 * shaft, range_rpm: None }), ..WaveformMeta::default() };
        let samples = Samples::F32(x.iter().map(|v| *v as f32).collect());
        let (id, unit) = (WaveformId(u128::from(hour) + 1), Unit::parse("m/s²").unwrap());
        let w = Waveform::new(id, "s/winder/vib".parse().unwrap(), t, t, FS, unit, samples, meta).unwrap();
        let batch = Batch { waveforms: vec![Arc::new(w)], ..Batch::default() };
        for f in fold.step(&Committed { seq: hour + 2, t, batch: Arc::new(batch) }) {
            match f {
                Finding::Alarm(a) if a.trigger == Trigger::Raised => {
                    found.extend(match a.key.condition {
                        AlarmCondition::Bearing(_, fault) => Some(fault),
                        _ => None,
                    });
                }
                Finding::Assessment(a) => {
                    found.extend(a.named().filter_map(|v| match v.fault {
                        Fault::Bearing(part) => Some(part),
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
        if restarts && hour % 7 == 6 {
            fold = Fold::restore(Settings::default(), &fold.snapshot()).unwrap();
        }
    }
    found
}

#[test]
fn what_keeps_its_frequency_at_every_speed_is_no_bearing_of_the_shaft() {
    for amplitude in [2.0, 3.0, 8.0] {
        for restarts in [false, true] {
            let found = raised(|_| NEIGHBOUR_HZ, |_| amplitude, restarts);
            assert!(found.is_empty(), "{amplitude} m/s², restarts {restarts}: {found:?}");
        }
    }
}

#[test]
fn a_neighbour_whose_damage_begins_at_the_speed_that_it_meets_is_neither_called_for_nor_named() {
    // The machine is known at two speeds; then it begins, where an outer race would strike.
    let speed = |hour: u64| match hour {
        0..5 => SPEEDS[1],
        5..15 => SPEEDS[2],
        _ => in_turn(hour),
    };
    for amplitude in [3.0, 8.0] {
        let begins = |hour, _| if hour < 10 { 0.0 } else { amplitude };
        let found = raised_at(speed, |_| NEIGHBOUR_HZ, begins, false);
        assert!(found.is_empty(), "{amplitude} m/s²: {found:?}");
    }
}

#[test]
fn what_goes_with_the_shaft_is_found() {
    for (order, fault) in [(ORDERS.bpfo, BearingFault::OuterRace), (ORDERS.bpfi, BearingFault::InnerRace)] {
        for amplitude in [3.0, 8.0] {
            let found = raised(|shaft| 0.994 * order * shaft, |_| amplitude, false);
            assert!(found.contains(&fault), "{fault} of {amplitude} m/s²: {found:?}");
        }
    }
}

#[test]
fn at_one_speed_alone_it_cannot_be_told() {
    // As in service, where it then has to be looked into: an alarm that may be a neighbour's is better than none.
    let found = raised(|_| NEIGHBOUR_HZ, |shaft| if shaft == SPEEDS[2] { 3.0 } else { 0.0 }, false);
    assert_eq!(found, BTreeSet::from([BearingFault::OuterRace]));
}

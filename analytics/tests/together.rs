//! Machines that obey mechanics, judged live: their records go through the fold, with and without the statement that they
//! were taken together.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(missing_docs, reason = "a test")]
#![allow(dead_code, reason = "the simulation is shared with other tests")]

mod physics;

use std::collections::BTreeMap;
use std::sync::Arc;

use analytics::fold::{Fold, Settings};
use historian::{Batch, Committed};
use physics::zoo::{Kind, machine};
use physics::{Run, Way};
use plant::train::{Motor, RotorClass, TrainUnit, UnitKind};
use plant::{
    Assessment, AssetChange, Axis, Bearing, BearingOrders, Fault, Finding, Foundation, Geometry, Machine, MachineClass,
    Name, Point, PointKind, Samples, Severity, Speed, Timestamp, Train, Unit, Waveform, WaveformId, WaveformMeta,
};

const NOW: i64 = 1_700_000_000;
/// The housings of the simulation that have sensors: the motor's at the coupling, and both of what it drives.
const STATIONS: [&str; 4] = ["M1", "M2", "P1", "P2"];

fn name(s: &str) -> Name {
    s.parse().unwrap()
}

fn of(station: usize, way: Way) -> (String, Axis) {
    let axis = match way {
        Way::Horizontal => Axis::Horizontal,
        Way::Vertical => Axis::Vertical,
        Way::Axial => Axis::Axial,
    };
    (format!("{}-{}", STATIONS[station], axis.as_str()), axis)
}

/// A motor that drives a fan of 100 kW over a coupling.
fn described(m: &physics::Machine) -> Machine {
    let mut d = Machine::bare("s/m".parse().unwrap());
    d.class = MachineClass::Fan;
    d.severity = Severity { rated_kw: Some(100.0), shaft_height_mm: None, foundation: Some(Foundation::Rigid) };
    let orders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };
    for b in STATIONS {
        d.bearings.push(Bearing { name: name(b), designation: None, geometry: Geometry::Orders(orders) });
    }
    let motor = Motor { shaft: name("motor"), poles: Some(m.poles as u16), line_hz: Some(m.line_hz), rotor_bars: None };
    let kinds = [
        ("motor", UnitKind::Motor(motor)),
        ("coupling", UnitKind::Coupling { driving: name("motor"), driven: name("fan") }),
        ("fan", UnitKind::Rotor { class: RotorClass::Fan, shaft: name("fan"), passing: None }),
    ];
    let units = kinds.map(|(n, kind)| TrainUnit { name: name(n), kind }).to_vec();
    let seats = [("P1", "fan"), ("P2", "fan")].map(|(b, s)| (name(b), name(s)));
    d.train = Some(Train { measured: name("motor"), units, seats: BTreeMap::from(seats) });
    for (station, bearing) in STATIONS.iter().enumerate().skip(1) {
        for way in Way::ALL {
            let (point, axis) = of(station, way);
            let mut p = Point::bare(&point);
            (p.kind, p.unit) = (PointKind::Waveform, Unit::parse("m/s²"));
            (p.location.bearing, p.location.axis) = (Some(name(bearing)), Some(axis));
            d.points.insert(point.into(), p);
        }
    }
    d
}

fn records(run: &Run, fs: f64, hz: f64, sync: Option<&str>) -> Vec<Arc<Waveform>> {
    let used = run.channels.iter().filter(|c| c.station > 0);
    let record = |(i, c): (usize, &physics::Channel)| {
        let samples = Samples::F32(c.x.iter().map(|v| *v as f32).collect());
        let speed = Some(Speed { mean_rpm: 60.0 * hz, range_rpm: None });
        let meta = WaveformMeta { speed, sync: sync.map(Into::into), ..WaveformMeta::default() };
        let (t0, unit) = (Timestamp::from_secs(NOW), Unit::parse("m/s²").unwrap());
        let point = format!("s/m/{}", of(c.station, c.way).0).parse().unwrap();
        Arc::new(Waveform::new(WaveformId(i as u128 + 1), point, t0, t0, fs, unit, samples, meta).unwrap())
    };
    used.enumerate().map(record).collect()
}

fn judged(kind: Kind, severity: f64, seed: u64, sync: Option<&str>) -> Assessment {
    let m = machine(kind, severity, seed);
    let run = m.run();
    let hz = (run.turns[run.turns.len() - 1] - run.turns[0]) * m.fs / (run.turns.len() - 1) as f64;
    let batch = Batch {
        changes: vec![AssetChange::Machine(described(&m))],
        waveforms: records(&run, m.fs, hz, sync),
        ..Batch::default()
    };
    let mut fold = Fold::new(Settings::default());
    let found = fold.step(&Committed { seq: 1, t: Timestamp::from_secs(NOW + 10), batch: Arc::new(batch) });
    let assessment = |f: &Finding| if let Finding::Assessment(a) = f { Some((**a).clone()) } else { None };
    let all: Vec<Assessment> = found.iter().filter_map(assessment).collect();
    assert_eq!(all.len(), 1, "all of the machine's points spoke in one commit");
    all.into_iter().next().unwrap()
}

fn score(a: &Assessment, fault: Fault) -> (f64, f64, bool) {
    let verdicts = a.shafts[0].verdicts.as_ref().unwrap();
    let v = verdicts.iter().find(|v| v.fault == fault).unwrap();
    (v.score, v.attainable, v.standing.named())
}

#[test]
fn what_takes_phases_is_named_live_where_records_were_taken_together() {
    for (kind, fault, without) in [
        (Kind::Imbalance, Fault::Imbalance, 0.6),
        (Kind::Misalignment, Fault::Misalignment, 0.7),
        (Kind::BentShaft, Fault::BentShaft, 0.4),
    ] {
        for seed in 1..4 {
            let (apart, together) = (judged(kind, 0.6, seed, None), judged(kind, 0.6, seed, Some("adc 1")));
            let (a, b) = (score(&apart, fault), score(&together, fault));
            assert!((a.1 - without).abs() < 1e-9 && b.1 > a.1, "{kind:?} {seed}: {a:?} {b:?}");
            assert!(b.0 >= 0.6 && b.2, "{kind:?} {seed}: {b:?}");
            assert!(b.0 > a.0, "{kind:?} {seed}: {a:?} {b:?}");
            let named: Vec<Fault> = together.named().map(|v| v.fault).collect();
            assert_eq!(named, [fault], "{kind:?} {seed}");
        }
    }
}

#[test]
fn sound_machines_are_given_no_name_by_their_phases() {
    for seed in 1..6 {
        let a = judged(Kind::Sound, 0.0, seed, Some("adc 1"));
        assert_eq!(a.named().count(), 0, "{seed}: {:?}", a.named().collect::<Vec<_>>());
    }
}

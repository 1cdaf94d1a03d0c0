//! Machines that obey mechanics, judged live: their records go through the fold, with and without the statement that they
//! were taken together, with and without a tacho.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to panic")]
#![allow(missing_docs, reason = "a test")]
#![allow(dead_code, reason = "the simulation is shared with other tests")]

mod physics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use analytics::diagnosis::{Clock, Examiner, Excitations, Given, Place, Record, Symptoms};
use analytics::fold::{Fold, Settings};
use analytics::rotating::{Plans, Stated};
use historian::{Batch, Committed};
use physics::zoo::{Kind, machine};
use physics::{Run, Way};
use plant::train::{Gear, Motor, RotorClass, Stage, TrainUnit, UnitKind};
use plant::{
    Assessment, AssetChange, Axis, Bearing, BearingOrders, Fault, FaultVerdict, Finding, Foundation, Geometry, Machine,
    MachineClass, Name, Point, PointKind, Samples, Severity, Speed, Timestamp, Train, Unit, Waveform, WaveformId,
    WaveformMeta,
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
    let mut units = kinds.map(|(n, kind)| TrainUnit { name: name(n), kind }).to_vec();
    if m.teeth > 0 {
        let gear = |shaft: &str, teeth: u32| Gear { shaft: name(shaft), teeth: teeth as u16 };
        let kind = UnitKind::Gearbox(vec![Stage::Gears(vec![gear("fan", m.teeth), gear("slow", 2 * m.teeth + 1)])]);
        units.push(TrainUnit { name: name("gearbox"), kind });
    }
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

/// Point, unit, samples, and pulses a turn of a tacho.
type Signal = (String, &'static str, Vec<f32>, Option<f64>);

/// What of a machine's life is played to a fold.
struct Live {
    fold: Fold,
    seq: u64,
    now: Timestamp,
}

impl Live {
    fn of(m: &physics::Machine) -> Self {
        let mut live = Self { fold: Fold::new(Settings::default()), seq: 0, now: Timestamp::from_secs(NOW) };
        live.step(Batch { changes: vec![AssetChange::Machine(described(m))], ..Batch::default() });
        live
    }

    fn step(&mut self, batch: Batch) -> Vec<Finding> {
        self.seq += 1;
        self.fold.step(&Committed { seq: self.seq, t: self.now + Duration::from_secs(10), batch: Arc::new(batch) })
    }

    /// Delivers what all of the machine's sensors had an hour later.
    fn hear(&mut self, run: &Run, fs: f64, sync: bool, tacho: bool) -> Assessment {
        self.now = self.now + Duration::from_secs(3_600);
        let hz = mean_hz(run, fs);
        let mut records = Vec::new();
        for c in run.channels.iter().filter(|c| c.station > 0) {
            records.push((of(c.station, c.way).0, "m/s²", c.x.iter().map(|v| *v as f32).collect::<Vec<_>>(), None));
        }
        if tacho {
            let pulse = |t: &f64| if t.rem_euclid(1.0) < 0.1 { 5.0 } else { 0.0 };
            records.push(("tacho".to_owned(), "V", run.turns.iter().map(pulse).collect(), Some(1.0)));
        }
        let record = |(i, (point, unit, samples, pulses)): (usize, Signal)| {
            let speed = Some(Speed { mean_rpm: 60.0 * hz, range_rpm: None });
            let sync = sync.then(|| format!("adc 1/{}", self.seq).into());
            let meta = WaveformMeta { speed, sync, pulses, ..WaveformMeta::default() };
            let (id, point) =
                (WaveformId(u128::from(100 * self.seq) + i as u128), format!("s/m/{point}").parse().unwrap());
            let (unit, samples) = (Unit::parse(unit).unwrap(), Samples::F32(samples.into()));
            Arc::new(Waveform::new(id, point, self.now, self.now, fs, unit, samples, meta).unwrap())
        };
        let waveforms = records.into_iter().enumerate().map(record).collect();
        let found = self.step(Batch { waveforms, ..Batch::default() });
        let assessment = |f: &Finding| if let Finding::Assessment(a) = f { Some((**a).clone()) } else { None };
        let all: Vec<Assessment> = found.iter().filter_map(assessment).collect();
        assert_eq!(all.len(), 1, "all of the machine's points spoke in one commit");
        all.into_iter().next().unwrap()
    }
}

fn mean_hz(run: &Run, fs: f64) -> f64 {
    (run.turns[run.turns.len() - 1] - run.turns[0]) * fs / (run.turns.len() - 1) as f64
}

fn judged(run: &Run, m: &physics::Machine, sync: bool) -> Assessment {
    Live::of(m).hear(run, m.fs, sync, false)
}

fn verdict(a: &Assessment, fault: Fault) -> &FaultVerdict {
    let of = a.shafts.iter().flat_map(|s| s.verdicts.as_ref().unwrap()).filter(|v| v.fault == fault);
    of.max_by(|a, b| a.score.total_cmp(&b.score)).unwrap()
}

fn term(v: &FaultVerdict, quantity: &str) -> Result<f64, String> {
    let term = v.terms.iter().find(|t| &*t.quantity == quantity).unwrap();
    term.value.as_ref().copied().map_err(|code| code.to_string())
}

fn at_hand(c: &physics::Channel, fs: f64) -> Record<'_> {
    let place = Place { station: c.station as u16, rotor: (c.station / 2) as u16, axis: of(c.station, c.way).1 };
    let clock = Clock::Shared { group: 1, offset_s: 0.0 };
    Record { place, x: &c.x, fs, stated: Stated::default(), clock, bearings: &[], ids: &[], baseline: None }
}

/// The same by the library, which has all records at hand.
fn examined(run: &Run, m: &physics::Machine) -> Symptoms {
    let records: Vec<Record<'_>> = run.channels.iter().filter(|c| c.station > 0).map(|c| at_hand(c, m.fs)).collect();
    let e = Excitations { shaft_hz: mean_hz(run, m.fs), line_hz: Some(m.line_hz), ..Excitations::default() };
    Examiner::new(Plans::default()).examine(&records, &e, &Given::NOTHING).unwrap()
}

#[test]
fn what_takes_phases_is_named_live_where_records_were_taken_together() {
    for (kind, fault, without) in [
        (Kind::Imbalance, Fault::Imbalance, 0.6),
        (Kind::Misalignment, Fault::Misalignment, 0.7),
        (Kind::BentShaft, Fault::BentShaft, 0.4),
    ] {
        for seed in 1..3 {
            let m = machine(kind, 0.6, seed);
            let run = m.run();
            let (apart, together) = (judged(&run, &m, false), judged(&run, &m, true));
            let (a, b) = (verdict(&apart, fault), verdict(&together, fault));
            assert!((a.attainable - without).abs() < 1e-9 && b.attainable > a.attainable, "{kind:?} {seed}: {a:?}");
            assert!(b.score >= 0.6 && b.score > a.score && b.standing.named(), "{kind:?} {seed}: {b:?}");
            let named: Vec<Fault> = together.named().map(|v| v.fault).collect();
            assert_eq!(named, [fault], "{kind:?} {seed}");
            // What was heard record by record is what the records say together.
            let s = examined(&run, &m);
            let turned = (s.quadrature.unwrap() - 90.0).abs().max(s.phase_spread.unwrap());
            let (quantity, want) = match kind {
                Kind::Imbalance => ("quadrature", turned),
                Kind::Misalignment => ("across_coupling", s.across_coupling.unwrap()),
                _ => ("end_to_end", s.end_to_end.unwrap()),
            };
            let got = term(b, quantity).unwrap();
            assert!((got - want).abs() < 2.0, "{kind:?} {seed}: {quantity} is {got}, not {want}");
            assert_eq!(term(a, quantity), Err("no_phase".to_owned()));
        }
    }
}

#[test]
fn sound_machines_are_given_no_name_by_their_phases() {
    for seed in 1..5 {
        let m = machine(Kind::Sound, 0.0, seed);
        let a = judged(&m.run(), &m, true);
        assert_eq!(a.named().count(), 0, "{seed}: {:?}", a.named().collect::<Vec<_>>());
    }
}

#[test]
fn a_gear_is_named_live_by_its_own_analysis_and_a_sound_one_is_not() {
    let broken = machine(Kind::Gear, 0.6, 1);
    let mut with = [true, false].map(|tacho| (tacho, Live::of(&broken)));
    for take in 0..8 {
        let run = physics::Machine { take: 10 + take, ..broken.sound() }.run();
        for (tacho, live) in &mut with {
            let a = live.hear(&run, broken.fs, true, *tacho);
            assert_eq!(a.named().count(), 0, "{take}, {tacho}: {:?}", a.named().collect::<Vec<_>>());
        }
    }
    let run = broken.run();
    for (tacho, live) in &mut with {
        let a = live.hear(&run, broken.fs, true, *tacho);
        let v = verdict(&a, Fault::Gear);
        assert!((v.attainable - 1.0).abs() < 1e-9, "{tacho}: {v:?}");
        assert!(v.score >= 0.6 && v.standing.named(), "{tacho}: {v:?}");
    }
}

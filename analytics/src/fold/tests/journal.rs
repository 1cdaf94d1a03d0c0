//! A journal to write by hand: one machine, a clock, and records with known content.

use std::sync::Arc;
use std::time::Duration;

use historian::{Batch, Committed};
use plant::{
    Action, AlarmChange, AlarmCondition, AlarmDefinition, AlarmKey, AssetChange, Bearing, BearingOrders, Condition,
    Finding, Foundation, Geometry, Machine, MachineClass, Observation, Point, PointKind, Priority, Quality, Quantity,
    Reason, Samples, Severity, Timestamp, Unit, Value, Waveform, WaveformId, WaveformMeta,
};

use super::super::{Fold, Settings};
use crate::rotating::testing::{Noise, add_impacts};

const FS: f64 = 25_600.0;
pub const POINT: &str = "s/fan/vib";
const SHAFT_HZ: f64 = 25.0;

/// A fan of 450 kW on a rigid foundation, with a bearing, a thermometer, a load, a speed and an accelerometer.
pub fn machine() -> Machine {
    let mut m = Machine::bare("s/fan".parse().unwrap());
    m.class = MachineClass::Fan;
    m.severity = Severity { rated_kw: Some(450.0), shaft_height_mm: None, foundation: Some(Foundation::Rigid) };
    m.nominal_rpm = Some(1486.0);
    let orders = BearingOrders { bpfo: 3.58, bpfi: 5.42, bsf: 2.36, ftf: 0.398 };
    m.bearings.push(Bearing { name: "DE".parse().unwrap(), designation: None, geometry: Geometry::Orders(orders) });
    for (name, unit, period) in
        [("temp", "°C", Some(1)), ("load", "%", Some(5)), ("speed", "r/min", None), ("vib", "m/s²", None)]
    {
        let mut p = Point::bare(name);
        p.unit = Unit::parse(unit);
        p.quantity = p.unit.map(Unit::quantity);
        p.period = period.map(Duration::from_secs);
        m.points.insert(name.into(), p);
    }
    let vib = m.points.get_mut("vib").unwrap();
    vib.kind = PointKind::Waveform;
    vib.location.bearing = Some("DE".parse().unwrap());
    assert_eq!(m.points["speed"].quantity, Some(Quantity::RotationalSpeed));
    m
}

/// Writes commits one second apart and folds them.
pub struct Journal {
    pub fold: Fold,
    pub now: Timestamp,
    seq: u64,
    ids: u128,
}

impl Journal {
    pub fn new() -> Self {
        Self { fold: Fold::new(Settings::default()), now: Timestamp::from_secs(1_700_000_000), seq: 0, ids: 0 }
    }

    pub fn commit(&mut self, batch: Batch) -> Committed {
        self.seq += 1;
        self.now = self.now + Duration::from_secs(1);
        Committed { seq: self.seq, t: self.now, batch: Arc::new(batch) }
    }

    pub fn step(&mut self, batch: Batch) -> Vec<Finding> {
        let committed = self.commit(batch);
        self.fold.step(&committed)
    }

    pub fn heartbeats(&mut self, n: usize) -> Vec<Finding> {
        (0..n).flat_map(|_| self.step(Batch::default())).collect()
    }

    /// Describes the machine, changed as `change` says.
    pub fn described(&mut self, change: impl FnOnce(&mut Machine)) -> Vec<Finding> {
        let mut m = machine();
        change(&mut m);
        self.step(Batch { changes: vec![AssetChange::Machine(m)], ..Batch::default() })
    }

    pub fn observe(&mut self, values: &[(&str, f64, Quality)]) -> Vec<Finding> {
        let t = self.now + Duration::from_secs(1);
        let observations = values.iter().map(|(p, v, q)| observation(p, *v, *q, t)).collect();
        self.step(Batch { observations, ..Batch::default() })
    }

    pub fn value(&mut self, point: &str, v: f64) -> Vec<Finding> {
        self.observe(&[(point, v, Quality::Good)])
    }

    pub fn bad(&mut self, point: &str, reason: Reason) -> Vec<Finding> {
        self.observe(&[(point, 0.0, Quality::Bad(reason))])
    }

    /// A value whose own time is `offset` seconds from that of its commit.
    pub fn value_at(&mut self, point: &str, v: f64, offset: i64) -> Vec<Finding> {
        let t = Timestamp::from_nanos(self.now.nanos() + (offset + 1) * 1_000_000_000);
        let observations = vec![observation(point, v, Quality::Good, t)];
        self.step(Batch { observations, ..Batch::default() })
    }

    /// A record that begins now; records made by the functions below get an id of their own unless they have one.
    pub fn record(&mut self, mut w: Waveform) -> Vec<Finding> {
        if w.id == WaveformId(0) {
            self.ids += 1;
            w.id = WaveformId(self.ids);
        }
        w.t0 = self.now + Duration::from_secs(1);
        self.step(Batch { waveforms: vec![Arc::new(w)], ..Batch::default() })
    }

    pub fn define(&mut self, changes: Vec<AlarmChange>) -> Vec<Finding> {
        self.step(Batch { changes: vec![AssetChange::Alarms(changes)], ..Batch::default() })
    }

    pub fn act(&mut self, action: Action) -> Vec<Finding> {
        self.step(Batch { actions: vec![action], ..Batch::default() })
    }

    pub fn acknowledge(&mut self, code: &str) -> Vec<Finding> {
        let book = &self.fold.state.book.entries;
        let alarm = book.keys().find(|k| k.condition.code() == code).map(AlarmKey::id);
        let alarm = alarm.unwrap_or(plant::AlarmId(1));
        self.step(Batch { actions: vec![Action::Acknowledge { alarm, by: "lin".into() }], ..Batch::default() })
    }
}

/// What a definition says of an alarm of the fan.
pub fn defined(point: &str, condition: AlarmCondition, change: impl FnOnce(&mut AlarmDefinition)) -> AlarmChange {
    let mut d = AlarmDefinition::usual(alarm(point, condition));
    change(&mut d);
    assert_eq!(d.check(), Ok(()));
    AlarmChange::Define(Box::new(d))
}

/// An alarm of a point of the fan.
pub fn alarm(point: &str, condition: AlarmCondition) -> AlarmKey {
    let point: plant::PointId = format!("s/fan/{point}").parse().unwrap();
    AlarmKey { machine: point.machine(), point: Some(point), condition }
}

pub fn observation(point: &str, v: f64, quality: Quality, t: Timestamp) -> Observation {
    let point = format!("s/fan/{point}").parse().unwrap();
    Observation { point, t, t_received: t, value: Value::Float(v), quality, seq: None }
}

/// Word that the machine died at `t`.
pub fn death(t: Timestamp) -> plant::Event {
    let (machine, kind) = ("s/fan".parse().unwrap(), plant::Name::new("death").unwrap());
    plant::Event { machine, t, t_received: t, kind, fields: std::collections::BTreeMap::new() }
}

/// The alarm transitions among findings, as `condition trigger`.
pub fn said(findings: &[Finding]) -> Vec<String> {
    let alarm = |f: &Finding| match f {
        Finding::Alarm(a) => Some(format!("{} {}", a.key.condition.code(), a.trigger.as_str())),
        _ => None,
    };
    findings.iter().filter_map(alarm).collect()
}

fn waveform(x: &[f64], seed: u128) -> Waveform {
    let samples = Samples::F32(x.iter().map(|v| *v as f32).collect());
    let (t, unit) = (Timestamp::from_secs(0), Unit::parse("m/s²").unwrap());
    let id = WaveformId(seed << 64);
    Waveform::new(id, POINT.parse().unwrap(), t, t, FS, unit, samples, WaveformMeta::default()).unwrap()
}

const N: usize = 51_200;

fn noise(seed: u64) -> Vec<f64> {
    Noise::new(seed + 1).normals(N).iter().map(|v| 0.5 * v).collect()
}

/// Two seconds of noise with the shaft's line in it.
pub fn quiet_record(seed: u64) -> Waveform {
    shaken_record(seed, 0.5)
}

/// The same with `mm_s` RMS of velocity at shaft speed.
pub fn shaken_record(seed: u64, mm_s: f64) -> Waveform {
    let mut x = noise(seed);
    add_turning(&mut x, mm_s);
    waveform(&x, u128::from(seed) + 1)
}

/// The same with an outer-race fault whose impacts peak at `amplitude` times the noise.
pub fn bearing_record(seed: u64, amplitude: f64) -> Waveform {
    let mut x = noise(seed);
    add_turning(&mut x, 0.5);
    let mut slip = Noise::new(seed + 77);
    add_impacts(&mut x, FS, 3.58 * SHAFT_HZ, 5000.0, 0.5 * amplitude, &mut slip);
    waveform(&x, u128::from(seed) + (1 << 40))
}

/// The same with a broad resonance at `ring` Hz and everything below 1 kHz times `low`.
pub fn mounted_record(seed: u64, low: f64, ring: f64) -> Waveform {
    let mut x: Vec<f64> = noise(seed).iter().map(|v| 0.02 * v).collect();
    add_turning(&mut x, 2.0 * low);
    let mut driven = Noise::new(seed + 5);
    let (mut a, mut b) = (0.0, 0.0);
    let (r, w) = (0.97, std::f64::consts::TAU * ring / FS);
    for v in &mut x {
        let next = 2.0 * r * w.cos() * a - r * r * b + 0.02 * driven.normal();
        (b, a) = (a, next);
        *v += next;
    }
    waveform(&x, u128::from(seed) + (1 << 41))
}

fn add_turning(x: &mut [f64], mm_s: f64) {
    let w = std::f64::consts::TAU * SHAFT_HZ;
    let peak = 2f64.sqrt() * mm_s / 1000.0 * w;
    for (i, v) in x.iter_mut().enumerate() {
        *v += peak * (w * i as f64 / FS).sin();
    }
}

/// How it stands with the platform's disk.
pub fn full_disk(active: bool, priority: Priority) -> Condition {
    let name = Condition::DISK_SPACE.parse().unwrap();
    Condition { name, priority, active, detail: [("value".into(), Value::Float(91.0))].into() }
}

/// A journal in which everything happens that the fold knows: limits, late data, silence, an absence, records, the
/// platform's own state.
pub fn eventful() -> Vec<Committed> {
    let mut j = Journal::new();
    let mut out = Vec::new();
    let mut m = machine();
    m.points.get_mut("temp").unwrap().limits.h = Some(80.0);
    out.push(j.commit(Batch { changes: vec![AssetChange::Machine(m)], ..Batch::default() }));
    for i in 0..120u64 {
        let t = j.now + Duration::from_secs(1);
        let mut batch = Batch::default();
        if i % 40 < 20 {
            let hot = if i % 20 > 10 { 85.0 } else { 60.0 };
            let quality = if i % 20 == 15 { Quality::Bad(Reason::Source) } else { Quality::Good };
            batch.observations.push(observation("temp", hot, quality, t));
            batch.observations.push(observation("speed", 1500.0, Quality::Good, t));
            batch.observations.push(observation("temp", 99.0, Quality::Good, t - Duration::from_secs(400)));
        }
        if i % 10 < 2 {
            for half in 0..2 {
                let seed = 2 * i + half;
                let mut w = if i % 30 < 12 { bearing_record(seed, 4.0) } else { shaken_record(seed, 9.0) };
                if i % 3 == 0 {
                    w.meta.sync = Some(format!("moment {i}").into());
                }
                if i > 100 {
                    w.meta.gaps = 3;
                }
                w.t0 = t;
                batch.waveforms.push(Arc::new(w));
            }
        }
        if i % 25 == 0 {
            batch.conditions.push(full_disk(i % 50 == 0, if i > 60 { Priority::Critical } else { Priority::High }));
        }
        if i == 90 {
            j.now = j.now + Duration::from_secs(500);
        }
        if i % 17 == 0 {
            let alarm = AlarmKey {
                machine: "s/fan".parse().unwrap(),
                point: Some(POINT.parse().unwrap()),
                condition: AlarmCondition::Zone(plant::Zone::C),
            };
            batch.actions.push(Action::Acknowledge { alarm: alarm.id(), by: "lin".into() });
        }
        if i % 29 == 5 {
            let machine: plant::MachineId = "s/fan".parse().unwrap();
            let fault = plant::Fault::Bearing(plant::BearingFault::OuterRace);
            let judgement = (i % 2 == 0).then_some(plant::Judgement::Confirmed);
            batch.actions.push(Action::Judge { machine: machine.clone(), fault, judgement, by: "lin".into() });
            if i > 80 {
                batch.actions.push(Action::Maintained { machine, by: "he".into() });
            }
        }
        out.push(j.commit(batch));
    }
    out
}

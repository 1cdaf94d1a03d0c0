//! A small plant.

use std::sync::Arc;

use historian::Batch;
use plant::*;

use crate::house::NOW;

pub fn at(s: i64) -> Timestamp {
    Timestamp::from_secs(NOW + s)
}

pub fn observation(point: &str, t: i64, value: Value) -> Observation {
    let point = point.parse().unwrap();
    Observation { point, t: at(t), t_received: at(t), value, quality: Quality::Good, seq: None }
}

pub fn step(point: &str, from: AlarmState, to: AlarmState, trigger: Trigger, t: i64) -> AlarmTransition {
    let point: PointId = point.parse().unwrap();
    AlarmTransition {
        key: AlarmKey { machine: point.machine(), point: Some(point), condition: AlarmCondition::High },
        t: at(t),
        from,
        to,
        trigger,
        priority: Priority::High,
        value: Some(81.5),
        limit: Some(80.0),
        unit: Unit::parse("°C"),
        evidence: Evidence { terms: [("value".into(), 81.5)].into(), ..Evidence::default() },
        inhibited: None,
        first_out: false,
    }
}

pub fn raised(point: &str, t: i64) -> Batch {
    let step = step(point, AlarmState::Normal, AlarmState::Unacknowledged, Trigger::Raised, t);
    Batch { findings: vec![Finding::Alarm(step)], ..Batch::default() }
}

/// The machine 韶钢/三号风机: a temperature in °C and a vibration sensor at the bearing DE.
pub fn fan() -> Machine {
    let id: MachineId = "韶钢/三号风机".parse().unwrap();
    let mut fan = Machine::bare(id);
    fan.title = Title { zh: Some("三号风机".into()), en: Some("Fan 3".into()) };
    fan.class = MachineClass::Fan;
    fan.area = Some("烧结".parse().unwrap());
    fan.nominal_rpm = Some(1486.0);
    let geometry = Geometry::Dimensions { elements: 9, ball_mm: 7.94, pitch_mm: 39.04, contact_rad: 0.0 };
    fan.bearings.push(Bearing { name: "DE".parse().unwrap(), designation: Some("6205".into()), geometry });
    let shaft: Name = "转子".parse().unwrap();
    let stages = vec![train::Stage::Gears(vec![
        train::Gear { shaft: "motor".parse().unwrap(), teeth: 20 },
        train::Gear { shaft: shaft.clone(), teeth: 50 },
    ])];
    let motor = train::Motor { shaft: "motor".parse().unwrap(), poles: Some(4), line_hz: Some(50.0), rotor_bars: None };
    let passing = Some(train::Passing { kind: train::PassingKind::Blades, count: 12 });
    let rotor = train::UnitKind::Rotor { class: train::RotorClass::Fan, shaft: shaft.clone(), passing };
    let unit = |name: &str, kind| train::TrainUnit { name: name.parse().unwrap(), kind };
    fan.train = Some(Train {
        measured: "motor".parse().unwrap(),
        units: vec![
            unit("motor", train::UnitKind::Motor(motor)),
            unit("gearbox", train::UnitKind::Gearbox(stages)),
            unit("fan", rotor),
        ],
        seats: [("DE".parse().unwrap(), shaft)].into(),
    });
    let mut temp = Point::bare("temp");
    temp.unit = Unit::parse("°C");
    temp.limits.h = Some(80.0);
    let mut vib = Point::bare("vib");
    vib.kind = PointKind::Waveform;
    vib.unit = Unit::parse("m/s²");
    vib.location.bearing = Some("DE".parse().unwrap());
    fan.points = [temp, vib].into_iter().map(|p| (p.name.clone(), p)).collect();
    fan
}

pub const TEMP: &str = "韶钢/三号风机/temp";
pub const VIB: &str = "韶钢/三号风机/vib";
pub const WAVEFORM: &str = "0192f0c1-8a3b-7c4d-9e5f-0123456789ab";

pub fn waveform() -> Waveform {
    let samples = Samples::I16 { raw: [0i16, 100, -100, 50].into(), scale: 0.01, offset: 0.5 };
    let speed = Some(Speed { mean_rpm: 1480.0, range_rpm: None });
    let meta = WaveformMeta { speed, ..WaveformMeta::default() };
    let unit = Unit::parse("m/s²").unwrap();
    let id = WAVEFORM.parse().unwrap();
    Waveform::new(id, VIB.parse().unwrap(), at(-60), at(-59), 25_600.0, unit, samples, meta).unwrap()
}

/// A work order of a machine.
pub fn order(number: u64, machine: &str) -> Work {
    Work::Order(Box::new(WorkOrder {
        number,
        machine: machine.parse().unwrap(),
        origin: WorkOrigin::Person,
        title: "tighten the bolts".into(),
        state: WorkState::Open,
        planned_for: None,
        assignee: None,
        finding: None,
        faults: Vec::new(),
        parts: Vec::new(),
        labour_min: None,
        photos: Vec::new(),
        steps: vec![WorkStep { t: at(0), by: "operator".into(), state: WorkState::Open }],
    }))
}

/// The plant, five minutes of temperature, one record with its verdict, and one alarm.
pub fn history() -> Batch {
    let mut bare = Machine::bare("s/spare".parse().unwrap());
    bare.line = Some("2".parse().unwrap());
    let velocity = |t| IndicatorValue {
        point: VIB.parse().unwrap(),
        name: "velocity_rms".parse().unwrap(),
        t: at(t),
        value: 5.0 + t as f64 / 1000.0,
        quality: Quality::Good,
        unit: Unit::parse("mm/s"),
    };
    let verdict = Diagnosis {
        waveform: WAVEFORM.parse().unwrap(),
        point: VIB.parse().unwrap(),
        t: at(-60),
        sensor: SensorState::Healthy,
        zone: ZoneVerdict::Zone {
            zone: Zone::C,
            velocity_mm_s: 5.0,
            boundaries: [1.4, 2.8, 4.5],
            basis: "ISO 20816-3 group 2 rigid".into(),
        },
        bearing: BearingVerdict::Refused(vec!["record_length".into()]),
    };
    let alarm = step(TEMP, AlarmState::Normal, AlarmState::Unacknowledged, Trigger::Raised, -30);
    let mut findings: Vec<_> = [-120, -60].map(|t| Finding::Indicator(velocity(t))).into();
    findings.extend([Finding::Diagnosis(verdict), Finding::Alarm(alarm)]);
    let received = historian::LedgerDelta {
        source: "plc-1".into(),
        received: 300,
        committed: 299,
        quarantined: 1,
        ..historian::LedgerDelta::default()
    };
    let unread = historian::Quarantined {
        t: at(-10),
        source: "plc-1".into(),
        topic: "danxia/v1/s/m/telemetry".into(),
        size: 2,
        head: b"{x"[..].into(),
        rest: [].into(),
        code: "json_syntax".into(),
        reason: "expected JSON, found {x: correct the sender".into(),
    };
    Batch {
        changes: vec![AssetChange::Machine(fan()), AssetChange::Machine(bare)],
        observations: (0..300).map(|i| observation(TEMP, i - 300, Value::Float(60.0 + i as f64 / 10.0))).collect(),
        waveforms: vec![Arc::new(waveform())],
        findings,
        quarantine: vec![unread],
        ledger: vec![received],
        ..Batch::default()
    }
}

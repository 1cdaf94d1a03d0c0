//! One machine through time: its process, its sensors, its faults. Pure and seeded; one [`MachineSim::tick`] a second.

use std::sync::Arc;

use plant::{PointId, Samples, Speed, Timestamp, Unit, Waveform, WaveformError, WaveformId, WaveformMeta};

use crate::kit::{Accelerometer, Fault, KitMachine, ScriptedFault, SignalPoint};
use crate::physics::noise::Noise;
use crate::physics::process::Plant;
use crate::physics::sensor::{COUPLING_S, Sensor};
use crate::physics::vibration::{Condition, Place, Spall, TRANSMISSION, Vibration};

/// What a spalled bearing adds to its own temperature in the long run, K, at its full size.
const FRICTION_K: f64 = 8.0;
/// Size of a spall when it first shows, as a share of its full size.
const FIRST_SIZE: f64 = 0.03;

/// A machine and its sensors.
pub struct MachineSim {
    machine: KitMachine,
    faults: Vec<ScriptedFault>,
    process: Plant,
    sensors: Vec<SensorSim>,
    rpm_before: f64,
}

struct SensorSim {
    accelerometer: Accelerometer,
    vibration: Vibration,
    sensor: Sensor,
    ids: Noise,
    /// Which second of the period is this sensor's, so that not all of them speak at once.
    turn: u64,
    records: u64,
}

/// What the machine measured in one second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tick {
    /// Scalars of this instant.
    pub readings: Vec<(PointId, f64)>,
    /// Records that end at this instant.
    pub waveforms: Vec<Waveform>,
}

impl MachineSim {
    /// `machine` under `seed`, with those of `faults` that are its own. `first_sensor` numbers its sensors within the
    /// plant.
    #[must_use]
    pub fn new(machine: KitMachine, faults: &[ScriptedFault], seed: u64, first_sensor: u64) -> Self {
        let id = machine.machine.id.clone();
        let rpm = machine.machine.nominal_rpm.unwrap_or(0.0);
        let process = Plant::new(machine.process, rpm, Noise::new(seed, id.as_str()));
        let sensors = machine
            .rotor
            .map(|rotor| {
                (first_sensor..)
                    .zip(&machine.accelerometers)
                    .map(|(n, a)| {
                        let stream = |purpose: &str| Noise::new(seed, &format!("{} {purpose}", a.point));
                        let place = Place { drive_end: a.bearing.as_str() == "DE", vertical: a.vertical };
                        SensorSim {
                            vibration: Vibration::new(rotor, rpm, place, a.fs, stream("vibration")),
                            sensor: Sensor::new(a.range_m_s2, a.fs, a.noise_m_s2, a.bias_v, stream("sensor")),
                            ids: stream("ids"),
                            turn: n % a.period_s,
                            records: 0,
                            accelerometer: a.clone(),
                        }
                    })
                    .collect()
            })
            .unwrap_or_default();
        let own = |f: &&ScriptedFault| match &f.fault {
            Fault::Bearing { machine, .. } | Fault::Imbalance { machine, .. } | Fault::Connector { machine, .. } => {
                machine.as_str() == id.name()
            }
            Fault::Gateway { .. } => false,
        };
        let faults = faults.iter().filter(own).cloned().collect();
        let rpm_before = process.rpm();
        Self { machine, faults, process, sensors, rpm_before }
    }

    /// The machine as the kit describes it.
    #[must_use]
    pub fn described(&self) -> &plant::Machine {
        &self.machine.machine
    }

    /// Second number `second` from the start, stamped `now`.
    pub fn tick(&mut self, second: u64, now: Timestamp) -> Result<Tick, WaveformError> {
        self.process.step(FRICTION_K * self.spall_size(second));
        let process = &mut self.process;
        let due = |s: &&SignalPoint| second.is_multiple_of(s.period_s);
        let readings =
            self.machine.signals.iter().filter(due).map(|s| (s.point.clone(), process.read(s.signal))).collect();
        let mut waveforms = Vec::new();
        let mut sensors = std::mem::take(&mut self.sensors);
        for s in sensors.iter_mut().filter(|s| second % s.accelerometer.period_s == s.turn) {
            let condition = self.condition(second, s);
            let loose = self.faults.iter().any(|f| {
                f.at_s <= second
                    && matches!(&f.fault, Fault::Connector { point, .. } if *point == s.accelerometer.point)
            });
            waveforms.push(s.record(&condition, loose, now)?);
        }
        self.sensors = sensors;
        self.rpm_before = self.process.rpm();
        Ok(Tick { readings, waveforms })
    }

    /// 0 without a spall, up to 1.
    fn spall_size(&self, second: u64) -> f64 {
        let size = |f: &ScriptedFault| match f.fault {
            Fault::Bearing { grow_s, .. } if f.at_s <= second => {
                let age = (second - f.at_s) as f64;
                Some((FIRST_SIZE + (1.0 - FIRST_SIZE) * age / grow_s.max(1.0)).min(1.0))
            }
            _ => None,
        };
        self.faults.iter().find_map(size).unwrap_or(0.0)
    }

    fn condition(&self, second: u64, s: &SensorSim) -> Condition {
        let active = || self.faults.iter().filter(|f| f.at_s <= second).map(|f| &f.fault);
        let imbalance_mm_s = active().find_map(|f| match f {
            Fault::Imbalance { velocity_mm_s, .. } => Some(*velocity_mm_s),
            _ => None,
        });
        let spall = active().find_map(|f| match f {
            Fault::Bearing { bearing, part, impact_m_s2, .. } => {
                let orders = self.machine.machine.bearing(bearing.as_str())?.geometry.orders().ok()?;
                let near = if s.accelerometer.bearing == *bearing { 1.0 } else { TRANSMISSION };
                Some(Spall { orders, part: *part, impact_m_s2: impact_m_s2 * near * self.spall_size(second) })
            }
            _ => None,
        });
        Condition {
            rpm_from: self.rpm_before,
            rpm_to: self.process.rpm(),
            load: self.process.load(),
            imbalance_mm_s,
            spall,
        }
    }
}

impl SensorSim {
    fn record(&mut self, condition: &Condition, loose: bool, now: Timestamp) -> Result<Waveform, WaveformError> {
        let a = &self.accelerometer;
        let mut acceleration = self.vibration.record(condition, a.samples);
        let record = self.sensor.measure(&mut acceleration, loose);
        self.records += 1;
        let (from, to) = (condition.rpm_from, condition.rpm_to);
        let tenths = |v: f64| (v * 10.0).round() / 10.0;
        let meta = WaveformMeta {
            speed: Some(Speed {
                mean_rpm: tenths(0.5 * (from + to)),
                range_rpm: Some((tenths(from.min(to)), tenths(from.max(to)))),
            }),
            range: Some(a.range_m_s2),
            hp_hz: Some((10.0 / (std::f64::consts::TAU * COUPLING_S)).round() / 10.0),
            bias_v: Some(record.bias_v),
            clip_count: Some(record.clipped),
            load: Some(tenths(100.0 * condition.load)),
            state: Some(Arc::from("running")),
            seq: Some(self.records),
            ..WaveformMeta::default()
        };
        let t0 = now - std::time::Duration::from_secs_f64(a.samples as f64 / a.fs);
        let unit = Unit::parse("m/s²").ok_or(WaveformError::Empty)?;
        let samples = Samples::I16 { raw: record.counts.into(), scale: record.scale, offset: 0.0 };
        Waveform::new(uuid_v7(t0, &mut self.ids), a.point.clone(), t0, now, a.fs, unit, samples, meta)
    }
}

/// 48 bits of milliseconds, version 7, and 74 random bits (RFC 9562).
fn uuid_v7(t: Timestamp, noise: &mut Noise) -> WaveformId {
    let millis = (t.nanos().max(0) / 1_000_000) as u128;
    let (a, b) = (noise.bits(), noise.bits());
    let high = (millis << 80) | (0x7 << 76) | (u128::from(a & 0xfff) << 64);
    WaveformId(high | (0b10 << 62) | u128::from(b >> 2))
}

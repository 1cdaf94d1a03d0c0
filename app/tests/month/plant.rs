//! The works: machines with how they are run, what they are damaged by, and what their sensors measure in an hour.

use std::sync::Arc;
use std::time::Duration;

use plant::{
    BearingFault, Machine, MachineId, Point, PointId, Samples, Speed, Timestamp, Unit, Waveform, WaveformId,
    WaveformMeta,
};
use seeds::kit::{Accelerometer, KitMachine, Rotor, steel};
use seeds::physics::noise::Noise;
use seeds::physics::sensor::{Record, Sensor};
use seeds::physics::vibration::{Condition, Place, Spall, TRANSMISSION, Vibration};

/// Samples in a record, and how many a second: 2.56 s, as long as the platform asks of a record for the velocity from 10 Hz
/// on, and of slow machines for their bearings.
const SAMPLES: usize = 32_768;
const FS: f64 = 12_800.0;
/// What a neighbour on the same foundation feels of a machine.
const NEIGHBOUR: f64 = 0.02;
/// The gateway that delivers late does so every so many hours, and its points promise no more.
pub const HELD_BACK: u64 = 6;
/// Machines behind one gateway.
const BEHIND_ONE: usize = 6;

/// What breaks.
#[derive(Clone, Debug, PartialEq)]
pub enum Damage {
    Spall {
        bearing: &'static str,
        part: BearingFault,
        impact_m_s2: f64,
    },
    Imbalance,
    Misalignment,
    /// The teeth wear: the mesh gets louder and its sidebands rise.
    Gear,
    Connector,
}

impl Damage {
    /// The script of twelve.
    pub fn all() -> Vec<Self> {
        use BearingFault::{Ball, Cage, InnerRace, OuterRace};
        let spall = |bearing, part, impact_m_s2| Self::Spall { bearing, part, impact_m_s2 };
        vec![
            spall("DE", OuterRace, 40.0),
            Self::Imbalance,
            spall("NDE", InnerRace, 60.0),
            Self::Connector,
            spall("DE", Ball, 80.0),
            spall("NDE", OuterRace, 40.0),
            Self::Misalignment,
            spall("DE", InnerRace, 60.0),
            spall("NDE", Ball, 80.0),
            spall("DE", Cage, 60.0),
            Self::Gear,
            spall("NDE", OuterRace, 30.0),
        ]
    }
}

/// What the mesh of a worn gear comes to: times the amplitude of a sound one, and its sidebands as a share of it.
const WORN: (f64, f64) = (4.0, 0.9);

/// How a machine is run.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Run {
    /// At one speed, with the slip of its load.
    Steady,
    /// Its speed follows what is asked of it.
    Variable,
    /// Off for eight hours a day.
    Shift,
}

pub struct MachineOf {
    pub kit: KitMachine,
    pub damage: Option<Damage>,
    run: Run,
}

impl MachineOf {
    pub fn id(&self) -> MachineId {
        self.kit.machine.id.clone()
    }
}

pub struct Works {
    pub machines: Vec<MachineOf>,
    seed: u64,
}

/// What a machine does during its record of an hour.
struct Moment {
    rpm: (f64, f64),
    load: f64,
}

impl Works {
    /// `count` machines after those of the steel works that have accelerometers and rolling bearings.
    pub fn new(count: usize, seed: u64) -> Self {
        let kit = steel();
        let usable =
            |m: &&KitMachine| m.rotor.is_some() && !m.machine.bearings.is_empty() && !m.accelerometers.is_empty();
        let models: Vec<&KitMachine> = kit.machines.iter().filter(usable).collect();
        let machines = (0..count).map(|n| MachineOf {
            kit: renamed(models[n % models.len()], n, if Self::late(n, count) { HELD_BACK } else { 1 }),
            damage: None,
            run: [Run::Steady, Run::Variable, Run::Shift][n / models.len() % 3],
        });
        Self { machines: machines.collect(), seed }
    }

    /// Damages machine `n`, or the next one that has what breaks.
    pub fn damage(&mut self, n: usize, damage: Damage) {
        let has = |m: &MachineOf| damage != Damage::Gear || m.kit.rotor.is_some_and(|r| r.mesh.is_some());
        let m = self.machines[n..].iter_mut().find(|m| has(m)).unwrap();
        assert!(m.damage.replace(damage).is_none(), "one fault a machine");
    }

    pub fn machine(&self, id: &MachineId) -> &MachineOf {
        self.machines.iter().find(|m| m.kit.machine.id == *id).unwrap()
    }

    /// The hour in which damage begins, when what is usual has been learnt.
    pub fn onset(&self, days: usize) -> usize {
        days * 24 / 2
    }

    /// The hour in which it has its full size.
    pub fn full(&self, days: usize) -> usize {
        days * 24
    }

    pub fn gateways(&self) -> usize {
        self.machines.len().div_ceil(BEHIND_ONE)
    }

    pub fn gateway_of(machine: usize) -> usize {
        machine / BEHIND_ONE
    }

    /// Whether machine `n` of `count` is behind the gateway that delivers late: the last one, if there are others.
    pub fn late(n: usize, count: usize) -> bool {
        Self::gateway_of(n) > 0 && Self::gateway_of(n) == Self::gateway_of(count - 1)
    }

    /// 0 before it begins, 1 at its full size; grows as its own size does.
    fn size(&self, n: usize, hour: usize, days: usize) -> f64 {
        let (from, to) = (self.onset(days), self.full(days));
        if self.machines[n].damage.is_none() || hour < from {
            return 0.0;
        }
        let part = (hour - from) as f64 / (to - from) as f64;
        // From a thirtieth on, exponentially.
        30f64.powf(part.min(1.0) - 1.0)
    }

    fn moment(&self, n: usize, hour: usize) -> Moment {
        let m = &self.machines[n];
        let nominal = m.kit.machine.nominal_rpm.unwrap();
        let draw = |what: &str, every: usize| Noise::new(self.seed, &format!("{n} {what} {}", hour / every)).uniform();
        let load =
            (m.kit.process.load + 0.15 * (draw("load", 3) - 0.5) + 0.05 * (draw("swing", 1) - 0.5)).clamp(0.2, 1.1);
        let slip = 1.0 - m.kit.process.slip * (load - m.kit.process.load);
        let flutter = 1.0 + 0.0015 * (draw("flutter", 1) - 0.5);
        match m.run {
            Run::Shift if hour % 24 < 8 => Moment { rpm: (0.0, 0.0), load: 0.0 },
            // It is being run up just then.
            Run::Shift if hour % 24 == 8 => Moment { rpm: (0.3 * nominal, 0.9 * nominal), load: 0.3 },
            Run::Variable => {
                let step = [0.7, 0.8, 0.9, 1.0][(4.0 * draw("speed", 5)) as usize];
                Moment { rpm: (step * nominal * flutter, step * nominal), load: load * step * step }
            }
            _ => Moment { rpm: (nominal * slip * flutter, nominal * slip), load },
        }
    }

    /// What machine `n` measures in `hour`.
    pub fn records(&self, n: usize, hour: usize, days: usize, t: Timestamp) -> Vec<Waveform> {
        let moment = self.moment(n, hour);
        let m = &self.machines[n];
        let size = self.size(n, hour, days);
        let neighbour = [n.wrapping_sub(1), n + 1].into_iter().find(|k| {
            Self::gateway_of(*k) == Self::gateway_of(n) && self.machines.get(*k).is_some_and(|k| k.damage.is_some())
        });
        let record = |(i, a): (usize, &Accelerometer)| {
            let mut x = self.acceleration(n, i, hour, &moment, size);
            if let Some(k) = neighbour {
                let theirs = i.min(self.machines[k].kit.accelerometers.len() - 1);
                let felt = self.acceleration(k, theirs, hour, &self.moment(k, hour), self.size(k, hour, days));
                x.iter_mut().zip(felt).for_each(|(x, felt)| *x += NEIGHBOUR * felt);
            }
            let loose = i == 0 && size > 0.0 && m.damage == Some(Damage::Connector);
            let noise = Noise::new(self.seed, &format!("{} sensor {hour}", a.point));
            let record = Sensor::new(a.range_m_s2, a.fs, a.noise_m_s2, a.bias_v, noise).measure(&mut x, loose);
            let id = WaveformId((n as u128) << 64 | (hour as u128) << 16 | (i as u128 + 1));
            let meta = meta(&moment, a, &record);
            let samples = Samples::I16 { raw: record.counts.into(), scale: record.scale, offset: 0.0 };
            Waveform::new(id, a.point.clone(), t, t, a.fs, Unit::parse("m/s²").unwrap(), samples, meta).unwrap()
        };
        m.kit.accelerometers.iter().enumerate().map(record).collect()
    }

    fn acceleration(&self, n: usize, sensor: usize, hour: usize, moment: &Moment, size: f64) -> Vec<f64> {
        let m = &self.machines[n];
        let a = &m.kit.accelerometers[sensor];
        if moment.rpm.1 == 0.0 {
            return vec![0.0; SAMPLES];
        }
        let mut rotor: Rotor = m.kit.rotor.unwrap();
        // Rolling noise grows with speed, and everything wanders a little from day to day.
        let wander = Noise::new(self.seed, &format!("{} wander {}", a.point, hour / 24)).gauss();
        rotor.rolling_m_s2 *= (moment.rpm.1 / m.kit.machine.nominal_rpm.unwrap()) * (1.0 + 0.03 * wander);
        let (mut imbalance, mut spall) = (None, None);
        match &m.damage {
            Some(Damage::Spall { bearing, part, impact_m_s2 }) if size > 0.0 => {
                let orders = m.kit.machine.bearing(bearing).unwrap().geometry.orders().unwrap();
                let near = if a.bearing.as_str() == *bearing { 1.0 } else { TRANSMISSION };
                spall = Some(Spall { orders, part: *part, impact_m_s2: impact_m_s2 * near * size });
            }
            Some(Damage::Imbalance) => imbalance = Some(rotor.imbalance_mm_s + 11.0 * size),
            Some(Damage::Misalignment) => rotor.misalignment_mm_s += 9.0 * size,
            Some(Damage::Gear) => {
                let mesh = rotor.mesh.as_mut().unwrap();
                mesh.acceleration_m_s2 *= 1.0 + (WORN.0 - 1.0) * size;
                mesh.sideband += (WORN.1 - mesh.sideband) * size;
            }
            _ => {}
        }
        let condition = Condition {
            rpm_from: moment.rpm.0,
            rpm_to: moment.rpm.1,
            load: moment.load,
            imbalance_mm_s: imbalance,
            spall,
        };
        let place = Place { drive_end: a.bearing.as_str() == "DE", vertical: a.vertical };
        let noise = Noise::new(self.seed, &format!("{} vibration {hour}", a.point));
        Vibration::new(rotor, m.kit.machine.nominal_rpm.unwrap(), place, a.fs, noise).record(&condition, SAMPLES)
    }
}

fn meta(moment: &Moment, a: &Accelerometer, record: &Record) -> WaveformMeta {
    let (from, to) = moment.rpm;
    WaveformMeta {
        speed: Some(Speed { mean_rpm: 0.5 * (from + to), range_rpm: Some((from.min(to), from.max(to))) }),
        range: Some(a.range_m_s2),
        bias_v: Some(record.bias_v),
        clip_count: Some(record.clipped),
        load: Some(100.0 * moment.load),
        state: Some(Arc::from(if to > 0.0 { "running" } else { "off" })),
        ..WaveformMeta::default()
    }
}

/// The model as machine number `n`, its sensors speaking every `hours`.
fn renamed(model: &KitMachine, n: usize, hours: u64) -> KitMachine {
    let mut m = model.clone();
    let id: MachineId = format!("works/{}-{n}", model.machine.id.name()).parse().unwrap();
    let point = |p: &PointId| -> PointId { format!("{id}/{}", p.name()).parse().unwrap() };
    m.accelerometers.iter_mut().for_each(|a| (a.point, a.fs) = (point(&a.point), FS));
    let of = |a: &Accelerometer| {
        let p = model.machine.points.get(a.point.name())?;
        Some((p.name.clone(), Point { period: Some(Duration::from_secs(3_600 * hours)), ..p.clone() }))
    };
    let sensors = m.accelerometers.iter().filter_map(of);
    m.machine = Machine { id: id.clone(), points: sensors.collect(), gateway: None, ..model.machine.clone() };
    m
}

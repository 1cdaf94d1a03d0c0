//! What the fold costs with twelve accelerometers on each of 100 machines, as one line of JSON: `cargo run --release -p analytics
//! --example fold_time [LOOKS [MACHINES]]`. Processor time, so that whoever else is at work on the machine counts little.
//!
//! First every accelerometer delivers `LOOKS` records (250) of 8,192 samples, each of which is held against what is usual,
//! so that the state is that of a plant that has learnt; then one of 65,536 samples, and the state is written and read.
#![allow(clippy::print_stdout, reason = "a measurement, for a person")]

use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, Settings};
use analytics::rotating::testing::{Noise, sine};
use historian::{Batch, Committed};
use plant::{
    AssetChange, Bearing, BearingOrders, Foundation, Geometry, Machine, MachineClass, Point, PointId, PointKind,
    Samples, Severity, Speed, Timestamp, Unit, Waveform, WaveformId, WaveformMeta,
};

const SENSORS: usize = 12;
/// The time from one record of a sensor to the next.
const EVERY: Duration = Duration::from_secs(10);
const SHAFT_HZ: f64 = 24.75;
/// Samples of noise that records are cut from.
const HISS: usize = 1 << 20;

type Failed = Box<dyn std::error::Error>;

/// Processor time of this thread, ms; the kernel brings it up to date every few milliseconds.
fn cpu_ms() -> Result<f64, Failed> {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(said.split(' ').next().unwrap_or_default().parse::<f64>()? / 1e6)
}

fn machine(m: usize) -> Result<Machine, Failed> {
    let mut machine = Machine::bare(format!("load/machine-{m:03}").parse()?);
    machine.class = MachineClass::Fan;
    machine.severity = Severity { rated_kw: Some(450.0), shaft_height_mm: None, foundation: Some(Foundation::Rigid) };
    machine.nominal_rpm = Some(60.0 * SHAFT_HZ);
    for (name, bpfo) in [("DE", 3.58), ("NDE", 3.05)] {
        let orders = BearingOrders { bpfo, bpfi: bpfo + 1.84, bsf: 2.36, ftf: 0.398 };
        machine.bearings.push(Bearing { name: name.parse()?, designation: None, geometry: Geometry::Orders(orders) });
    }
    for s in 0..SENSORS {
        let name = format!("vibration_{s:02}");
        let mut p = Point::bare(&name);
        (p.unit, p.kind) = (Unit::parse("m/s²"), PointKind::Waveform);
        p.quantity = p.unit.map(Unit::quantity);
        p.period = Some(Duration::from_secs(10));
        p.location.bearing = Some(if s % 2 == 0 { "DE" } else { "NDE" }.parse()?);
        p.limits.h = Some(50.0);
        machine.points.insert(name.as_str().into(), p);
    }
    Ok(machine)
}

/// Records of machines that are well, none like the other.
struct Records {
    fs: f64,
    turn: Vec<f64>,
    hiss: Vec<f64>,
    noise: Noise,
}

impl Records {
    fn new(n: usize, fs: f64) -> Self {
        let mut noise = Noise::new(7);
        Self { fs, turn: sine(n, fs, SHAFT_HZ, 0.5, 0.02), hiss: noise.normals(HISS), noise }
    }

    /// A line at shaft speed, and noise from anywhere in what there is of it.
    fn next(&mut self) -> Arc<[i16]> {
        let loud = 1.0 + 0.04 * self.noise.normal();
        let at = (self.noise.uniform() * (HISS - self.turn.len()) as f64) as usize;
        let sum = self.turn.iter().zip(&self.hiss[at..]).map(|(t, h)| loud * t + h);
        sum.map(|v| (v * 100.0).round() as i16).collect()
    }
}

struct Plant {
    fold: Fold,
    seq: u64,
    ids: u128,
    now: Timestamp,
    points: Vec<PointId>,
}

impl Plant {
    fn step(&mut self, batch: Batch) -> usize {
        self.seq += 1;
        self.fold.step(&Committed { seq: self.seq, t: self.now, batch: Arc::new(batch) }).len()
    }

    /// Every accelerometer delivers one of `records`, machine by machine.
    fn round(&mut self, records: &mut Records) -> Result<usize, Failed> {
        let mut found = 0;
        let machines = self.points.len() / SENSORS;
        for m in 0..machines {
            self.now = self.now + EVERY / machines as u32;
            let mut waveforms = Vec::new();
            for s in 0..SENSORS {
                self.ids += 1;
                let samples = Samples::I16 { raw: records.next(), scale: 0.01, offset: 0.0 };
                let speed = Some(Speed { mean_rpm: 60.0 * SHAFT_HZ, range_rpm: None });
                let meta = WaveformMeta { speed, load: Some(80.0), ..WaveformMeta::default() };
                let unit = Unit::parse("m/s²").ok_or("no unit")?;
                let (point, id) = (self.points[m * SENSORS + s].clone(), WaveformId(self.ids));
                waveforms
                    .push(Arc::new(Waveform::new(id, point, self.now, self.now, records.fs, unit, samples, meta)?));
            }
            found += self.step(Batch { waveforms, ..Batch::default() });
        }
        Ok(found)
    }
}

fn main() -> Result<(), Failed> {
    let looks: usize = std::env::args().nth(1).map_or(Ok(250), |a| a.parse())?;
    let machines: usize = std::env::args().nth(2).map_or(Ok(100), |a| a.parse())?;
    let settings = Settings { watch_every: Duration::from_secs(1), ..Settings::default() };
    let (mut changes, mut points) = (Vec::new(), Vec::new());
    for m in 0..machines {
        changes.push(AssetChange::Machine(machine(m)?));
        for s in 0..SENSORS {
            points.push(format!("load/machine-{m:03}/vibration_{s:02}").parse()?);
        }
    }
    let now = Timestamp::from_secs(1_700_000_000);
    let mut plant = Plant { fold: Fold::new(settings.clone()), seq: 0, ids: 0, now, points };
    plant.step(Batch { changes, ..Batch::default() });
    let (mut short, mut long) = (Records::new(8192, 2560.0), Records::new(65_536, 25_600.0));
    let fresh = plant.fold.snapshot().len();
    for _ in 0..looks {
        plant.round(&mut short)?;
    }
    let begun = cpu_ms()?;
    let found = plant.round(&mut long)?;
    let a_record = (cpu_ms()? - begun) / (machines * SENSORS) as f64;
    const TIMES: u32 = 10;
    let begun = cpu_ms()?;
    let mut state = Vec::new();
    for _ in 0..TIMES {
        state = plant.fold.snapshot();
    }
    let written = (cpu_ms()? - begun) / f64::from(TIMES);
    let begun = cpu_ms()?;
    let restored = Fold::restore(settings, &state)?;
    let read = cpu_ms()? - begun;
    let same = restored.snapshot() == state;
    println!(
        r#"{{"looks":{looks},"fold_ms_a_record":{a_record:.3},"findings_a_record":{:.2},"state_bytes_before":{fresh},"state_bytes":{},"state_written_ms":{written:.1},"state_read_ms":{read:.1},"the_same_again":{same}}}"#,
        found as f64 / (machines * SENSORS) as f64,
        state.len()
    );
    Ok(())
}

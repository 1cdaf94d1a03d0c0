//! What the fold costs with twelve accelerometers on each of 100 machines, as one line of JSON: `cargo run --release -p analytics
//! --example fold_time [LOOKS [MACHINES [TEETH]]]`. Processor time, so that whoever else is at work on the machine counts little.
//!
//! First every accelerometer delivers `LOOKS` records (250) of 8,192 samples, each of which is held against what is usual,
//! so that the state is that of a plant that has learnt; with `TEETH` every machine has a gear of so many on its shaft; then
//! two of 65,536 samples, and the state is written and read.
#![allow(clippy::print_stdout, reason = "a measurement, for a person")]

use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, Settings};
use analytics::rotating::testing::{Noise, sine};
use historian::{Batch, Committed};
use plant::train::{Gear, Stage, TrainUnit, UnitKind};
use plant::{
    AssetChange, Bearing, BearingOrders, Foundation, Geometry, Machine, MachineClass, Point, PointId, PointKind,
    Samples, Severity, Speed, Timestamp, Train, Unit, Waveform, WaveformId, WaveformMeta,
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

fn machine(m: usize, teeth: u16) -> Result<Machine, Failed> {
    let mut machine = Machine::bare(format!("load/machine-{m:03}").parse()?);
    machine.class = MachineClass::Fan;
    machine.severity = Severity { rated_kw: Some(450.0), shaft_height_mm: None, foundation: Some(Foundation::Rigid) };
    machine.nominal_rpm = Some(60.0 * SHAFT_HZ);
    for (name, bpfo) in [("DE", 3.58), ("NDE", 3.05)] {
        let orders = BearingOrders { bpfo, bpfi: bpfo + 1.84, bsf: 2.36, ftf: 0.398 };
        machine.bearings.push(Bearing { name: name.parse()?, designation: None, geometry: Geometry::Orders(orders) });
    }
    if teeth > 0 {
        let gears = [("in", teeth), ("out", 2 * teeth + 1)];
        let gears = gears.map(|(shaft, teeth)| shaft.parse().map(|shaft| Gear { shaft, teeth }));
        let stage = Stage::Gears(gears.into_iter().collect::<Result<_, _>>()?);
        let units = vec![TrainUnit { name: "gearbox".parse()?, kind: UnitKind::Gearbox(vec![stage]) }];
        machine.train = Some(Train { measured: "in".parse()?, units, seats: [].into() });
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
        let mut turn = sine(n, fs, SHAFT_HZ, 0.5, 0.02);
        // With harmonics of the shaft, so that it tells its angle, and the mesh of a gear.
        for (k, of) in [(2.0, 0.3), (3.0, 0.2), (4.0, 0.2), (5.0, 0.2), (23.0, 0.6)] {
            turn.iter_mut().zip(sine(n, fs, k * SHAFT_HZ, of, 0.02)).for_each(|(v, s)| *v += s);
        }
        Self { fs, turn, hiss: noise.normals(HISS), noise }
    }

    /// Lines of the shaft, and noise from anywhere in what there is of it.
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

    /// A round of so many records: milliseconds of processor time for each, and what was found.
    fn timed(&mut self, records: &mut Records, many: usize) -> Result<(f64, usize), Failed> {
        let begun = cpu_ms()?;
        let found = self.round(records)?;
        Ok(((cpu_ms()? - begun) / many as f64, found))
    }
}

fn main() -> Result<(), Failed> {
    let looks: usize = std::env::args().nth(1).map_or(Ok(250), |a| a.parse())?;
    let machines: usize = std::env::args().nth(2).map_or(Ok(100), |a| a.parse())?;
    let teeth: u16 = std::env::args().nth(3).map_or(Ok(0), |a| a.parse())?;
    let settings = Settings { watch_every: Duration::from_secs(1), ..Settings::default() };
    let (mut changes, mut points) = (Vec::new(), Vec::new());
    for m in 0..machines {
        changes.push(AssetChange::Machine(machine(m, teeth)?));
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
    // A record that is heard for its machine's window, as one an hour is, and one that is not.
    let (heard, _) = plant.timed(&mut long, machines * SENSORS)?;
    plant.fold = Fold::restore(Settings::default(), &plant.fold.snapshot())?;
    let (a_record, found) = plant.timed(&mut long, machines * SENSORS)?;
    plant.fold = Fold::restore(settings.clone(), &plant.fold.snapshot())?;
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
        r#"{{"looks":{looks},"fold_ms_a_record":{a_record:.3},"fold_ms_a_heard_record":{heard:.3},"findings_a_record":{:.2},"state_bytes_before":{fresh},"state_bytes":{},"state_written_ms":{written:.1},"state_read_ms":{read:.1},"the_same_again":{same}}}"#,
        found as f64 / (machines * SENSORS) as f64,
        state.len()
    );
    Ok(())
}

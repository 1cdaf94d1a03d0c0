//! What 10,000 alarm definitions cost on 50,000 points a second, as one line of JSON: `cargo run --release -p analytics --example
//! alarm_load [ROUNDS]`. Processor time of this thread, so that whoever else is at work on the machine counts little.
//!
//! 1,000 machines of ten points, five values a second from each, a commit every 100 ms, as the fold sees them. The same values are
//! folded by a plant that defines nothing and by one with a definition for every point, in turn: what is between the two is
//! what the alarms cost. Of ten definitions seven are plain limits (two with delays, one suppressed while the machine stands), two
//! watch how fast the value changes and one how far it is from another's. One point in 50 is beyond its limit for some
//! seconds of every minute.
#![allow(clippy::print_stdout, reason = "a measurement, for a person")]

use std::sync::Arc;
use std::time::Duration;

use analytics::fold::{Fold, Settings};
use analytics::rotating::testing::Noise;
use historian::{Batch, Committed};
use plant::{
    AlarmChange, AlarmCondition, AlarmDefinition, AlarmKey, AlarmTest, AssetChange, Comparison, Finding, Machine,
    MachineId, Observation, Point, PointId, Quality, Reference, Suppressor, Timestamp, Value,
};

const MACHINES: usize = 1_000;
const POINTS: usize = 10;
/// From one commit to the next, with half of what is said in this time.
const EVERY: Duration = Duration::from_millis(100);
/// Commits until every rhythm is learnt and every trace is full, and those that count: 30 s and 60 s.
const BEFORE: usize = 300;
const COUNTED: usize = 600;
const BEGIN: i64 = 1_700_000_000;
const LIMIT: f64 = 80.0;

type Failed = Box<dyn std::error::Error>;

/// Processor time of this thread, ms; the kernel brings it up to date every few milliseconds.
fn cpu_ms() -> Result<f64, Failed> {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(said.split(' ').next().unwrap_or_default().parse::<f64>()? / 1e6)
}

fn machine(id: &MachineId) -> Machine {
    let mut machine = Machine::bare(id.clone());
    for p in 0..POINTS {
        let name = format!("value_{p}");
        machine.points.insert(name.as_str().into(), Point::bare(&name));
    }
    machine
}

fn definition(points: &[PointId], p: usize) -> Result<AlarmDefinition, Failed> {
    let (condition, test) = match p {
        7 | 8 => (AlarmCondition::Rate, AlarmTest::Rate { per_s: 20.0, over: Duration::from_secs(10) }),
        9 => {
            (AlarmCondition::Deviation, AlarmTest::Deviation { from: Reference::Point(points[0].clone()), limit: 15.0 })
        }
        _ => (AlarmCondition::High, AlarmTest::Limit(LIMIT)),
    };
    let point = points[p].clone();
    let mut d = AlarmDefinition::usual(AlarmKey { machine: point.machine(), point: Some(point), condition });
    d.test = test;
    if matches!(p, 1 | 2) {
        (d.on_delay, d.off_delay) = (Duration::from_secs(2), Duration::from_secs(5));
    }
    if p == 3 {
        let (point, is, than) = (points[0].clone(), Comparison::Below, 1.0);
        d.suppressed_while.push(Suppressor::Point { point, is, than });
    }
    Ok(d)
}

struct Plant {
    fold: Fold,
    seq: u64,
    now: Timestamp,
    steps: usize,
}

impl Plant {
    fn new(changes: Vec<AssetChange>) -> Self {
        let mut plant =
            Self { fold: Fold::new(Settings::default()), seq: 0, now: Timestamp::from_secs(BEGIN), steps: 0 };
        plant.step(Arc::new(Batch { changes, ..Batch::default() }));
        plant
    }

    fn step(&mut self, batch: Arc<Batch>) {
        self.seq += 1;
        self.now = self.now + EVERY;
        let found = self.fold.step(&Committed { seq: self.seq, t: self.now, batch });
        self.steps += found.iter().filter(|f| matches!(f, Finding::Alarm(_))).count();
    }
}

/// What is said in the `i`-th commit.
fn said(points: &[Vec<PointId>], hiss: &[f64], i: usize) -> Arc<Batch> {
    let t = Timestamp::from_secs(BEGIN) + EVERY * (i as u32 + 1);
    let of = points.iter().flatten().enumerate().filter(|(n, _)| n % 2 == i % 2);
    let observations = of.map(|(n, point)| {
        let beyond = n % 50 == 0 && (i + n) % 600 < 40;
        let value = if beyond { 90.0 } else { 70.0 } + hiss[(n * 7 + i) % hiss.len()];
        Observation {
            point: point.clone(),
            t,
            t_received: t,
            value: Value::Float(value),
            quality: Quality::Good,
            seq: None,
        }
    });
    Arc::new(Batch { observations: observations.collect(), ..Batch::default() })
}

fn round(points: &[Vec<PointId>], hiss: &[f64]) -> Result<[(f64, usize); 2], Failed> {
    let bare: Vec<_> = points.iter().map(|p| AssetChange::Machine(machine(&p[0].machine()))).collect();
    let mut definitions = Vec::new();
    for of in points {
        for p in 0..POINTS {
            definitions.push(AlarmChange::Define(Box::new(definition(of, p)?)));
        }
    }
    let mut defined = bare.clone();
    defined.push(AssetChange::Alarms(definitions));
    let mut plants = [Plant::new(bare), Plant::new(defined)];
    let mut cpu = [0.0; 2];
    for i in 0..BEFORE + COUNTED {
        let batch = said(points, hiss, i);
        for (plant, spent) in plants.iter_mut().zip(&mut cpu) {
            let begun = cpu_ms()?;
            plant.step(batch.clone());
            if i >= BEFORE {
                *spent += cpu_ms()? - begun;
            }
        }
    }
    let [a, b] = plants.map(|p| p.steps);
    Ok([(cpu[0], a), (cpu[1], b)])
}

fn main() -> Result<(), Failed> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(3), |a| a.parse())?;
    let points = (0..MACHINES)
        .map(|m| (0..POINTS).map(|p| format!("load/machine-{m:03}/value_{p}").parse()).collect())
        .collect::<Result<Vec<Vec<PointId>>, _>>()?;
    let hiss = Noise::new(7).normals(1 << 16);
    let mut found = Vec::new();
    for _ in 0..rounds.max(1) {
        found.push(round(&points, &hiss)?);
    }
    found.sort_by(|a, b| (a[1].0 - a[0].0).total_cmp(&(b[1].0 - b[0].0)));
    let [(bare, _), (defined, steps)] = found[found.len() / 2];
    let percent = |ms: f64| ms / (COUNTED as f64 * EVERY.as_secs_f64() * 1_000.0) * 100.0;
    println!(
        "{{\"definitions\": {}, \"points_per_s\": {}, \"bare_percent\": {:.1}, \"defined_percent\": {:.1}, \
         \"added_percent\": {:.1}, \"steps\": {steps}}}",
        MACHINES * POINTS,
        MACHINES * POINTS * 5,
        percent(bare),
        percent(defined),
        percent(defined - bare),
    );
    Ok(())
}

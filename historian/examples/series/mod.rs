//! What the benchmarks write: series as a plant has them, the same at every run; and what the system says of this process.
#![allow(dead_code, reason = "each example uses its share")]

use historian::Batch;
use plant::{Clock, Observation, PointId, Quality, Timestamp, Value};

pub const SERIES: usize = 10_000;
pub const BATCH: usize = 5_000;
/// Milliseconds since 1970: where every series begins.
pub const START: i64 = 1_735_689_600_000;

/// The clock of the system.
pub struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_nanos(since.as_nanos() as i64)
    }
}

/// SplitMix64 and what follows from it.
pub struct Noise(pub u64);

impl Noise {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// About normal: the sum of twelve.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// The kinds of series that are measured.
#[derive(Clone, Copy)]
pub enum Kind {
    /// What a plant's slow signals look like: temperatures to 0.1, speeds to 1 r/min, pressures to 0.01, states that
    /// seldom change; times to the millisecond, now and then one late.
    Realistic,
    /// A vibration indicator as computed: every bit of the mantissa is noise.
    NoisyF64,
    /// The same from a sensor that computes in 32 bits.
    NoisyF32,
    /// The same, given with three decimals.
    NoisyMilli,
}

pub fn value(kind: Kind, series: usize, i: usize, noise: &mut Noise) -> Value {
    let phase = series as f64;
    let slow = (i as f64 / 900.0 + phase).sin();
    let rms = 2.5 + 0.4 * slow + 0.35 * noise.normal();
    let round = |v: f64, per: f64| (v * per).round() / per;
    Value::Float(match kind {
        Kind::NoisyF64 => rms,
        Kind::NoisyF32 => f64::from(rms as f32),
        Kind::NoisyMilli => round(rms, 1e3),
        Kind::Realistic => match series % 5 {
            0 | 1 => round(61.0 + 8.0 * slow + 0.05 * noise.normal(), 10.0),
            2 => round(1_486.0 + 3.0 * slow + 0.8 * noise.normal(), 1.0),
            3 => round(4.2 + 0.3 * slow + 0.01 * noise.normal(), 100.0),
            _ => return Value::Int(((i + series * 37) / 600 % 4) as i64),
        },
    })
}

/// Millisecond times at 1 Hz; every twentieth is some milliseconds late.
pub fn time(i: usize, noise: &mut Noise) -> Timestamp {
    let late = if noise.bits().is_multiple_of(20) { noise.bits() % 40 } else { 0 };
    Timestamp::from_millis(START + i as i64 * 1_000 + late as i64)
}

pub fn points(count: usize) -> Vec<PointId> {
    (0..count).map(|i| format!("plant/machine-{:04}/signal_{}", i / 8, i % 8).parse().unwrap()).collect()
}

pub fn observation(point: &PointId, t: Timestamp, value: Value) -> Observation {
    Observation { point: point.clone(), t, t_received: t, value, quality: Quality::Good, seq: None }
}

/// Processor time of this process so far, in seconds (fields 14 and 15 of /proc/self/stat, in ticks of 10 ms).
pub fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

pub fn memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// One value of each of `points` from the `first` on, all in one batch: their `round`th.
pub fn batch(kind: Kind, points: &[PointId], first: usize, round: usize, noise: &mut Noise) -> Batch {
    let t = time(round, noise);
    let one = |(s, p): (usize, &PointId)| observation(p, t, value(kind, first + s, round, noise));
    Batch { observations: points.iter().enumerate().map(one).collect(), ..Batch::default() }
}

//! Machines to choose from: every fault over a range of severities, speeds and makes.

use analytics::rotating::testing::Noise;

use super::{Film, Loose, Machine, Part, Rub, Wrong};

/// What a simulated machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Sound,
    Imbalance,
    Misalignment,
    BentShaft,
    Looseness,
    OilWhirl,
    OilWhip,
    Rub,
    Outer,
    Inner,
    Ball,
    Cage,
    Gear,
    Stator,
    RotorBar,
    Cavitation,
}

impl Kind {
    pub const ALL: [Self; 16] = [
        Self::Sound,
        Self::Imbalance,
        Self::Misalignment,
        Self::BentShaft,
        Self::Looseness,
        Self::OilWhirl,
        Self::OilWhip,
        Self::Rub,
        Self::Outer,
        Self::Inner,
        Self::Ball,
        Self::Cage,
        Self::Gear,
        Self::Stator,
        Self::RotorBar,
        Self::Cavitation,
    ];
}

/// Between `low` and `high` as `part` goes from 0 to 1.
fn from_to(low: f64, high: f64, part: f64) -> f64 {
    low + (high - low) * part
}

/// A sound machine of random make: motor and pump or fan, some with a gear, at a fixed or a variable line frequency.
pub fn sound(seed: u64) -> Machine {
    let mut noise = Noise::new(seed.wrapping_mul(977).wrapping_add(31));
    let mut pick = |n: usize| ((noise.uniform() * n as f64) as usize).min(n - 1);
    let poles = [2, 4, 4][pick(3)];
    let line_hz = [50.0, 50.0, 60.0, 43.0][pick(4)];
    let vanes = [5, 6, 7][pick(3)];
    let elements = [8, 9, 11][pick(3)];
    let slip = from_to(0.012, 0.022, noise.uniform());
    let hz = 2.0 * line_hz / f64::from(poles) * (1.0 - slip);
    Machine {
        seed,
        take: 0,
        fs: 12_800.0,
        seconds: 8.0,
        shaft_hz: (hz, hz),
        rated_hz: hz,
        supply: 1.0,
        line_hz,
        poles,
        vanes,
        teeth: if seed.is_multiple_of(4) { 23 + 2 * (seed % 5) as u32 } else { 0 },
        critical_hz: from_to(170.0, 220.0, noise.uniform()),
        elements,
        ratio: from_to(0.19, 0.24, noise.uniform()),
        slip: -0.008 * noise.uniform(),
        wrong: Wrong::default(),
    }
}

/// A machine that has `kind`, as badly as `severity` (0 just worth a visit, 1 soon at a standstill).
pub fn machine(kind: Kind, severity: f64, seed: u64) -> Machine {
    let mut m = sound(seed);
    let grade = |low: f64, high: f64| from_to(low, high, severity);
    // What grows with the square of speed needs more of it on slow machines to be noticed at all.
    let slow = (50.0 / m.mean_hz()).powi(2);
    match kind {
        Kind::Sound => {}
        Kind::Imbalance => m.wrong.unbalance = slow * grade(6.0, 25.0),
        Kind::Misalignment => (m.wrong.parallel_mm, m.wrong.angular_mrad) = (grade(0.15, 0.5), grade(0.4, 1.5)),
        Kind::BentShaft => m.wrong.bow_um = grade(35.0, 100.0),
        Kind::Looseness => loosen(&mut m, severity),
        Kind::OilWhirl => float(&mut m, 1.25, (0.44, 0.48)),
        Kind::OilWhip => float(&mut m, 0.88, (0.48, 0.49)),
        Kind::Rub => touch(&mut m, severity),
        Kind::Outer => m.wrong.bearing = Some((Part::Outer, grade(4.0, 30.0))),
        Kind::Inner => m.wrong.bearing = Some((Part::Inner, grade(6.0, 40.0))),
        Kind::Ball => m.wrong.bearing = Some((Part::Ball, grade(6.0, 40.0))),
        Kind::Cage => m.wrong.bearing = Some((Part::Cage, grade(10.0, 60.0))),
        Kind::Gear => (m.teeth, m.wrong.tooth) = (23 + 2 * (seed % 5) as u32, grade(0.35, 0.9)),
        Kind::Stator => m.wrong.stator_n = grade(120.0, 400.0),
        Kind::RotorBar => m.wrong.bar_n = slow * grade(100.0, 300.0),
        Kind::Cavitation => m.wrong.cavitation = grade(1.0, 6.0),
    }
    m
}

/// Feet that lift at every turn, for their bolts are gone, of a make that rattles: it bounces some three times as fast on
/// its feet as it turns.
fn loosen(m: &mut Machine, severity: f64) {
    let mut noise = Noise::new(m.seed ^ 0x55);
    let hz = m.mean_hz();
    m.wrong.unbalance = 8.0 * 50.0 / hz;
    let fast = ((hz - 25.0) / 25.0).clamp(-0.2, 1.2);
    let part = 0.33 - 0.08 * fast + 0.02 * (noise.uniform() - 0.5);
    let bounce = std::f64::consts::TAU * hz / part;
    let (k, preload_n) = (50.0 * bounce * bounce, from_to(16.0, 8.0, severity));
    m.wrong.loose = Some(Loose { k, preload_n, lift: 0.02 + 0.04 * fast.max(0.0) });
}

/// A fast machine in a plain bearing; `above` is the critical speed over what the fluid's half turn reaches.
fn float(m: &mut Machine, above: f64, lambda: (f64, f64)) {
    let mut noise = Noise::new(m.seed ^ 0x77);
    let hz = from_to(75.0, 105.0, noise.uniform());
    m.shaft_hz = (hz, hz);
    m.rated_hz = hz;
    // A gear-less high-speed drive on its own converter.
    m.line_hz = 1.015 * hz;
    m.poles = 2;
    let lambda = from_to(lambda.0, lambda.1, noise.uniform());
    m.critical_hz = above * lambda * hz;
    m.wrong.film = Some(Film { lambda, k: 1.0e6, k3: 1.0e15, d: 2.0e4 });
}

/// A flexible rotor far above its critical speed that touches a seal, lightly or less so.
fn touch(m: &mut Machine, severity: f64) {
    let mut noise = Noise::new(m.seed ^ 0x99);
    let hz = m.mean_hz();
    m.critical_hz = hz * from_to(0.32, 0.40, noise.uniform());
    m.wrong.unbalance = 15.0 * 50.0 / hz;
    let swing = 1e-3 * m.wrong.unbalance / (std::f64::consts::TAU * hz);
    let (gap, k) = (from_to(0.95, 0.5, severity) * swing, 5.0e6 * (hz / 24.5).powi(2));
    m.wrong.rub = Some(Rub { gap, k, mu: 0.2, at: std::f64::consts::TAU * noise.uniform() });
}

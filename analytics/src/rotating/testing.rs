//! Signals with known properties, for tests and benches of this crate.

use std::f64::consts::TAU;

/// A small reproducible source of noise (xorshift64*), so that tests need no random crate and no seed from outside.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// Seeded; the same seed gives the same noise.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// `n` standard normal samples.
    pub fn normals(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.normal()).collect()
    }
}

/// `n` samples at `fs` Hz of a sine of frequency `f` and peak `amplitude` about `mean`.
#[must_use]
pub fn sine(n: usize, fs: f64, f: f64, amplitude: f64, mean: f64) -> Vec<f64> {
    (0..n).map(|i| mean + amplitude * (TAU * f * i as f64 / fs).sin()).collect()
}

/// Adds the impacts of a bearing fault: a decaying resonance of `ring` Hz and the given peak `amplitude` every
/// 1/`strike` s, each displaced by a random slip of 1 % of the interval.
pub fn add_impacts(x: &mut [f64], fs: f64, strike: f64, ring: f64, amplitude: f64, noise: &mut Noise) {
    let mut t = 0.3 / strike;
    while t * fs < x.len() as f64 {
        let first = (t * fs).ceil() as usize;
        for (i, v) in x.iter_mut().enumerate().skip(first).take((0.005 * fs) as usize) {
            let since = i as f64 / fs - t;
            *v += amplitude * (-since * 1200.0).exp() * (TAU * ring * since).sin();
        }
        t += (1.0 + 0.01 * noise.normal()) / strike;
    }
}

/// A gear of so many teeth, modulated a little once a turn, as sound gears are (eccentricity, mounting).
#[derive(Clone, Copy, Debug)]
pub struct Gear {
    /// Its teeth.
    pub teeth: u32,
    /// Turns per sample.
    pub shaft: f64,
    /// Amplitude of the mesh.
    pub load: f64,
    /// How much softer the mesh is while one tooth carries: 0 for a sound gear.
    pub broken: f64,
    /// Standard deviation of the noise.
    pub noise: f64,
}

impl Gear {
    /// A sound one.
    pub const SOUND: Self = Self { teeth: 23, shaft: 0.0031, load: 1.0, broken: 0.0, noise: 0.3 };

    /// The vibration of the mesh: harmonics of the tooth pass, amplitudes by load; once a turn eccentricity modulates it by
    /// 5 %. While a broken tooth is in mesh, the stiffness drops: the amplitude falls and the phase lags, for one and a half
    /// teeth.
    #[must_use]
    pub fn record(&self, n: usize, seed: u64) -> Vec<f64> {
        let mut noise = Noise::new(seed);
        (0..n)
            .map(|i| {
                let turn = self.shaft * i as f64;
                let tooth = (turn.fract() * f64::from(self.teeth) - 7.0) / 1.5;
                let at_tooth = self.broken * (-0.5 * tooth * tooth).exp();
                let slow = 1.0 + 0.05 * (TAU * turn).cos();
                let phase = TAU * f64::from(self.teeth) * turn + 0.03 * (TAU * turn).sin() - 0.8 * at_tooth;
                let mesh: f64 = [1.0, 0.5, 0.4, 0.2]
                    .iter()
                    .zip(1..)
                    .map(|(a, k)| self.load * a * (f64::from(k) * (phase + 0.4)).cos())
                    .sum();
                (slow - 0.6 * at_tooth) * mesh + self.noise * noise.normal()
            })
            .collect()
    }
}

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

//! What one record gives through its transform, on demand: finer, demodulated, over time, over quefrency.
//!
//! Unlike the chain that runs on every record, these allocate what they return and what they need.

mod cepstrum;
mod demodulate;
mod kurtogram;
mod spectrogram;
mod zoom;

use realfft::num_complex::Complex;

pub use cepstrum::{cepstrum, lifter, without_family};
pub use demodulate::band_envelope;
pub use kurtogram::{Kurtogram, Level, kurtogram, ln_p_kurtosis};
pub use spectrogram::{LEVEL_REFERENCE, level, line_levels, spectrogram};
pub use zoom::zoom;

use super::Refusal;
use super::plans::Plans;
use super::signal::{mean, usable};
use super::spectrum::{Spectrum, hann_power_into};

/// The transform of a record less its mean.
pub(super) struct Transformed {
    /// Lines 0 … n/2.
    pub lines: Vec<Complex<f64>>,
    /// Samples that went in.
    pub n: usize,
    /// Their rate, Hz.
    pub fs: f64,
}

impl Transformed {
    /// Of the usable part of `x`, refused as [`usable`] says.
    pub fn of(plans: &Plans, x: &[f64], fs: f64) -> Result<Self, Refusal> {
        Self::faded(plans, x, fs, 0)
    }

    /// The same with `fade` samples at either end raised and lowered by half a cosine, so that the record joins its own
    /// beginning without a jump. What is computed within those ends is to be thrown away.
    pub fn faded(plans: &Plans, x: &[f64], fs: f64, fade: usize) -> Result<Self, Refusal> {
        let x = usable(x, fs)?;
        let (n, mean) = (x.len(), mean(x));
        let mut x: Vec<f64> = x.iter().map(|v| v - mean).collect();
        for i in 0..fade.min(n / 2) {
            let weight = 0.5 * (1.0 - (std::f64::consts::PI * (i as f64 + 0.5) / fade as f64).cos());
            x[i] *= weight;
            x[n - 1 - i] *= weight;
        }
        Ok(Self { lines: forward(plans, &mut x), n, fs })
    }

    /// Distance of two lines, Hz.
    pub fn df(&self) -> f64 {
        self.fs / self.n as f64
    }

    /// Squared magnitudes under the Hann window.
    pub fn hann(&self) -> Vec<f64> {
        let mut power = Vec::new();
        hann_power_into(&self.lines, &mut power);
        power
    }

    /// The lines within `low` to `high` Hz, without those at 0 Hz and Nyquist. `band` where they are fewer than `least`
    /// or the band is none.
    pub fn band(&self, low: f64, high: f64, least: usize) -> Result<std::ops::Range<usize>, Refusal> {
        if !(low >= 0.0 && low < high && high <= self.fs / 2.0 * (1.0 + 1e-9)) {
            return Err("band");
        }
        let s = Spectrum { power: &[], n: self.n, fs: self.fs };
        let first = ((low / s.df() - 1e-9).ceil().max(1.0) as usize).min(self.n / 2);
        let end = ((high / s.df() + 1e-9).floor() as usize + 1).clamp(first, self.n / 2);
        if end - first < least { Err("band") } else { Ok(first..end) }
    }

    /// The analytic signal of the lines in `band`, shifted down to 0 Hz and decimated to `m` samples, which must not be
    /// fewer than the lines. Its magnitude is the amplitude (peak) of what the band holds; its rate is m·fs/n.
    pub fn baseband(&self, plans: &Plans, band: std::ops::Range<usize>, m: usize) -> Vec<Complex<f64>> {
        let scale = 2.0 / self.n as f64;
        let mut z: Vec<Complex<f64>> = self.lines[band].iter().map(|v| v * scale).collect();
        z.resize(m, Complex::default());
        plans.inverse(m).process(&mut z);
        z
    }
}

/// The transform of real samples; their number must be even. `x` is used as scratch.
pub(super) fn forward(plans: &Plans, x: &mut [f64]) -> Vec<Complex<f64>> {
    let plan = plans.real(x.len());
    let mut lines = plan.make_output_vec();
    // The lengths fit by construction, which is all that can fail.
    let done = plan.process(x, &mut lines);
    debug_assert!(done.is_ok());
    lines
}

/// The real samples behind lines 0 … n/2, scaled by 1/n.
pub(super) fn inverse(plans: &Plans, lines: &[Complex<f64>], n: usize) -> Vec<f64> {
    let mut z = vec![Complex::default(); n];
    let scale = 1.0 / n as f64;
    for (k, v) in lines.iter().enumerate().take(n / 2 + 1) {
        // Lines 0 and n/2 have no twin; what the others have on the negative side is the mirror image.
        let twins = if k == 0 || 2 * k == n { 1.0 } else { 2.0 };
        z[k] = v * (twins * scale);
    }
    plans.inverse(n).process(&mut z);
    z.iter().map(|v| v.re).collect()
}

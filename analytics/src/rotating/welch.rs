//! Averaged spectra: the coarse shape of a signal, steadier than any single transform.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use rustfft::Fft;

use super::spectrum::HANN_POWER;

/// Samples in one segment; segments overlap by half.
pub const SEGMENT: usize = 8192;

/// A one-sided power spectral density, unit²/Hz, averaged over half-overlapping Hann segments (Welch, IEEE Trans.
/// Audio Electroacoust. 15 (1967), 70). Holds its buffers, so that computing again allocates nothing.
///
/// Two segments are transformed at once, as the real and imaginary part of one: with Z the transform of a + jb,
/// |Z_k|² + |Z_{n−k}|² = 2(|A_k|² + |B_k|²), and the average asks for nothing else.
#[derive(Default)]
pub struct Welch {
    window: Vec<f64>,
    pair: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    sums: Vec<f64>,
    density: Vec<f64>,
    df: f64,
    averages: usize,
}

impl Welch {
    /// Computes from `x` less `mean`, at `fs` Hz. `plan`, in either direction, sets the length of a segment, an even
    /// number that `x` must not be shorter than.
    pub(super) fn compute(&mut self, plan: &Arc<dyn Fft<f64>>, x: &[f64], mean: f64, fs: f64) {
        let n = plan.len();
        self.prepare(n);
        self.scratch.resize(plan.get_inplace_scratch_len(), Complex::default());
        self.averages = (x.len() / (n / 2)).saturating_sub(1);
        self.df = fs / n as f64;
        for first in (0..self.averages).step_by(2) {
            let a = &x[first * (n / 2)..][..n];
            let b = x.get((first + 1) * (n / 2)..).filter(|b| b.len() >= n);
            self.pair.clear();
            match b {
                Some(b) => {
                    let both = a.iter().zip(b).zip(&self.window);
                    self.pair.extend(both.map(|((a, b), w)| Complex::new((a - mean) * w, (b - mean) * w)));
                }
                None => self.pair.extend(a.iter().zip(&self.window).map(|(a, w)| Complex::from((a - mean) * w))),
            }
            plan.process_with_scratch(&mut self.pair, &mut self.scratch);
            self.sums.iter_mut().zip(&self.pair).for_each(|(sum, z)| *sum += z.norm_sqr());
        }
        // Twice for the two sides of the spectrum, half for the two segments of a pair.
        let scale = 1.0 / (fs * HANN_POWER * n as f64 * self.averages.max(1) as f64);
        self.density.clear();
        self.density.extend((0..=n / 2).map(|k| scale * (self.sums[k] + self.sums[(n - k) % n])));
        self.density[0] /= 2.0;
        self.density[n / 2] /= 2.0;
    }

    /// The window of `n` samples, and sums that begin at 0.
    fn prepare(&mut self, n: usize) {
        self.sums.clear();
        self.sums.resize(n, 0.0);
        if self.window.len() != n {
            self.window.clear();
            self.window.extend((0..n).map(|i| 0.5 - 0.5 * (TAU * i as f64 / n as f64).cos()));
        }
    }

    /// unit²/Hz by line, from 0 Hz to Nyquist.
    #[must_use]
    pub fn density(&self) -> &[f64] {
        &self.density
    }

    /// Distance of two lines, Hz.
    #[must_use]
    pub fn df(&self) -> f64 {
        self.df
    }

    /// Segments that were averaged.
    #[must_use]
    pub fn averages(&self) -> usize {
        self.averages
    }

    /// RMS and mean frequency (Hz, weighted by power) within `low` to `high` Hz.
    #[must_use]
    pub fn band(&self, low: f64, high: f64) -> (f64, f64) {
        let first = (low / self.df).ceil().max(1.0) as usize;
        let (mut power, mut moment) = (0.0, 0.0);
        for (k, p) in self.density.iter().enumerate().skip(first).take_while(|(k, _)| *k as f64 * self.df <= high) {
            power += p;
            moment += p * k as f64 * self.df;
        }
        ((power * self.df).sqrt(), if power > 0.0 { moment / power } else { 0.0 })
    }

    pub(super) fn bytes(&self) -> usize {
        8 * (self.window.capacity() + self.sums.capacity() + self.density.capacity())
            + 16 * (self.pair.capacity() + self.scratch.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::Plans;
    use crate::rotating::testing::{Noise, sine};

    #[test]
    fn density_of_noise_and_power_of_a_sine() {
        let mut welch = Welch::default();
        let plan = Plans::default().inverse(SEGMENT);
        let fs = 25_600.0;
        welch.compute(&plan, &Noise::new(2).normals(65_536), 0.0, fs);
        assert_eq!(welch.averages(), 15);
        let (rms, centre) = welch.band(0.0, fs / 2.0);
        assert!((rms - 1.0).abs() < 0.01 && (centre / (fs / 4.0) - 1.0).abs() < 0.02, "{rms} {centre}");
        welch.compute(&plan, &sine(65_536, fs, 1234.0, 2.0, 5.0), 5.0, fs);
        let (rms, centre) = welch.band(1000.0, 1500.0);
        assert!((rms / 2f64.sqrt() - 1.0).abs() < 0.005 && (centre - 1234.0).abs() < 1.0, "{rms} {centre}");
    }
}

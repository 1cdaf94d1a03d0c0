//! Averaged spectra: the coarse shape of a signal, steadier than any single transform.

use std::sync::Arc;

use realfft::RealToComplex;
use realfft::num_complex::Complex;

use super::spectrum::{HANN_POWER, hann_power_into};

/// Samples in one segment; segments overlap by half.
pub const SEGMENT: usize = 8192;

/// A one-sided power spectral density, unit²/Hz, averaged over half-overlapping Hann segments (Welch, IEEE Trans.
/// Audio Electroacoust. 15 (1967), 70). Holds its buffers, so that computing again allocates nothing.
#[derive(Default)]
pub struct Welch {
    segment: Vec<f64>,
    lines: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    one: Vec<f64>,
    density: Vec<f64>,
    df: f64,
    averages: usize,
}

impl Welch {
    /// Computes from `x` less `mean`, at `fs` Hz. `plan` sets the length of a segment, which `x` must not be shorter
    /// than.
    pub(super) fn compute(&mut self, plan: &Arc<dyn RealToComplex<f64>>, x: &[f64], mean: f64, fs: f64) {
        let n = plan.len();
        self.lines.resize(n / 2 + 1, Complex::default());
        self.scratch.resize(plan.get_scratch_len(), Complex::default());
        self.density.clear();
        self.density.resize(n / 2 + 1, 0.0);
        self.averages = 0;
        self.df = fs / n as f64;
        let mut start = 0;
        while start + n <= x.len() {
            self.segment.clear();
            self.segment.extend(x[start..start + n].iter().map(|v| v - mean));
            let done = plan.process_with_scratch(&mut self.segment, &mut self.lines, &mut self.scratch);
            debug_assert!(done.is_ok());
            hann_power_into(&self.lines, &mut self.one);
            self.density.iter_mut().zip(&self.one).for_each(|(sum, p)| *sum += p);
            self.averages += 1;
            start += n / 2;
        }
        let scale = 2.0 / (fs * HANN_POWER * n as f64 * self.averages.max(1) as f64);
        self.density.iter_mut().for_each(|p| *p *= scale);
        self.density[0] /= 2.0;
        self.density[n / 2] /= 2.0;
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
        8 * (self.segment.capacity() + self.one.capacity() + self.density.capacity())
            + 16 * (self.lines.capacity() + self.scratch.capacity())
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
        let plan = Plans::default().real(SEGMENT);
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

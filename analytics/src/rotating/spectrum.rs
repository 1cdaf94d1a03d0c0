//! Spectra: one transform of the record, the Hann window applied to its lines.
//!
//! Scaling, everywhere: one-sided, Hann window in its periodic form w_n = ½(1 − cos 2πn/N), for which Σw = N/2,
//! Σw² = 3N/8 and the equivalent noise bandwidth is 1.5 lines. Zero frequency and Nyquist are not doubled.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

/// Σw² / N of the periodic Hann window.
pub const HANN_POWER: f64 = 3.0 / 8.0;

/// Squared magnitudes of the Hann-windowed transform, from the transform `x` of the same n samples unwindowed.
///
/// The periodic Hann window is a three-line filter on the transform, H_k = ½X_k − ¼(X_{k−1} + X_{k+1}) (Harris,
/// Proc. IEEE 66 (1978), 51), so one transform serves the windowed spectra and the envelope alike. `out` becomes
/// n/2 + 1 values of |H_k|², unscaled; n must be even and `x` hold n/2 + 1 values, at least 2.
pub fn hann_power_into(x: &[Complex<f64>], out: &mut Vec<f64>) {
    out.clear();
    let last = x.len() - 1;
    // The lines beyond either end are the mirror images of those before it: X_{−1} = X_1*, X_{n/2+1} = X_{n/2−1}*.
    out.push((0.5 * x[0] - Complex::from(0.5 * x[1].re)).norm_sqr());
    out.extend(x.windows(3).map(|w| (0.5 * w[1] - 0.25 * (w[0] + w[2])).norm_sqr()));
    out.push((0.5 * x[last] - Complex::from(0.5 * x[last - 1].re)).norm_sqr());
}

/// The spectrum of one record: squared magnitudes and what gives them units.
#[derive(Clone, Copy, Debug)]
pub struct Spectrum<'a> {
    /// |H_k|² of the Hann-windowed record, k = 0 … n/2.
    pub power: &'a [f64],
    /// Samples that went in.
    pub n: usize,
    /// Their rate, Hz.
    pub fs: f64,
}

impl Spectrum<'_> {
    /// Distance of two lines, Hz.
    #[must_use]
    pub fn df(&self) -> f64 {
        self.fs / self.n as f64
    }

    /// RMS amplitude of a sine that stands on line `k`, in the unit of the samples: √2·|H_k|/Σw, and |H_k|/Σw for the
    /// lines at 0 Hz and Nyquist, which have no twin.
    #[must_use]
    pub fn rms_line(&self, k: usize) -> f64 {
        (self.twins(k) * self.power[k]).sqrt() / (self.n as f64 / 2.0)
    }

    /// One-sided power spectral density at line `k`, unit²/Hz: 2|H_k|²/(fs·Σw²).
    #[must_use]
    pub fn density(&self, k: usize) -> f64 {
        self.twins(k) * self.power[k] / (self.fs * HANN_POWER * self.n as f64)
    }

    /// The lines from `low` to `high` Hz, both included, never the one at 0 Hz.
    #[must_use]
    pub fn lines(&self, low: f64, high: f64) -> std::ops::Range<usize> {
        let df = self.df();
        let first = ((low / df - 1e-9).ceil().max(1.0) as usize).min(self.power.len());
        let end = ((high / df + 1e-9).floor().max(0.0) as usize).saturating_add(1);
        first..end.clamp(first, self.power.len())
    }

    /// RMS within `low` to `high` Hz, in the unit of the samples: √(2Σ|H_k|²/(n·Σw²)).
    #[must_use]
    pub fn band_rms(&self, low: f64, high: f64) -> f64 {
        self.rms_of(self.power[self.lines(low, high)].iter().sum())
    }

    /// RMS of the time integral within `low` to `high` Hz: √(2Σ|H_k/(2πf_k)|²/(n·Σw²)); m/s from m/s².
    #[must_use]
    pub fn integrated_rms(&self, low: f64, high: f64) -> f64 {
        let w = TAU * self.df();
        self.rms_of(self.lines(low, high).map(|k| self.power[k] / (w * k as f64).powi(2)).sum())
    }

    /// The strongest line within `low` to `high` Hz as `(frequency in Hz, RMS)`, refined between lines.
    ///
    /// The frequency from the ratio a of the two largest neighbours, δ = (2a − 1)/(a + 1) (exact for a Hann window and
    /// one steady sine; Grandke, IEEE Trans. Instrum. Meas. 32 (1983), 350); the RMS from the power of seven lines, so
    /// that it does not depend on where between two lines the sine stands. `None` where the band holds nothing.
    #[must_use]
    pub fn tone(&self, low: f64, high: f64) -> Option<(f64, f64)> {
        let k = self.lines(low, high).max_by(|a, b| self.power[*a].total_cmp(&self.power[*b]))?;
        let here = self.power[k].sqrt();
        if here <= 0.0 {
            return None;
        }
        let ratio = |i: usize| self.power.get(i).map_or(0.0, |p| p.sqrt() / here);
        let (below, above) = (ratio(k - 1), ratio(k + 1));
        let shift = |a: f64| ((2.0 * a - 1.0) / (a + 1.0)).clamp(0.0, 0.5);
        let delta = if above >= below { shift(above) } else { -shift(below) };
        let lobe = k.saturating_sub(3).max(1)..(k + 4).min(self.power.len());
        Some(((k as f64 + delta) * self.df(), self.rms_of(self.power[lobe].iter().sum())))
    }

    fn rms_of(&self, one_sided: f64) -> f64 {
        (2.0 * one_sided / (HANN_POWER * (self.n as f64).powi(2))).sqrt()
    }

    fn twins(&self, k: usize) -> f64 {
        if k == 0 || 2 * k == self.n { 1.0 } else { 2.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::Plans;
    use crate::rotating::testing::{Noise, sine};

    fn power(x: &[f64]) -> Vec<f64> {
        let plan = Plans::default().real(x.len());
        let mut lines = plan.make_output_vec();
        plan.process(&mut x.to_vec(), &mut lines).unwrap();
        let mut out = Vec::new();
        hann_power_into(&lines, &mut out);
        out
    }

    #[test]
    fn the_window_on_the_lines_is_the_window_on_the_samples() {
        let n = 60;
        let x = Noise::new(3).normals(n);
        let windowed: Vec<f64> =
            x.iter().enumerate().map(|(i, v)| v * 0.5 * (1.0 - (TAU * i as f64 / n as f64).cos())).collect();
        let plan = Plans::default().real(n);
        let mut lines = plan.make_output_vec();
        plan.process(&mut windowed.clone(), &mut lines).unwrap();
        for (k, (got, want)) in power(&x).iter().zip(&lines).enumerate() {
            assert!((got - want.norm_sqr()).abs() < 1e-9, "line {k}: {got}, not {}", want.norm_sqr());
        }
    }

    #[test]
    fn frequency_within_a_tenth_of_a_line_and_rms_within_half_a_percent_wherever_the_sine_stands() {
        let (n, fs) = (25_600, 25_600.0);
        for tenth in 0..10 {
            let f = 160.0 + f64::from(tenth) / 10.0;
            let p = power(&sine(n, fs, f, 2.0, 0.0));
            let s = Spectrum { power: &p, n, fs };
            let (found, rms) = s.tone(100.0, 300.0).unwrap();
            assert!((found - f).abs() < 0.1 * s.df(), "{found} is not {f}");
            let want = 2.0 / 2f64.sqrt();
            assert!((rms / want - 1.0).abs() < 0.005, "{f} Hz: {rms} is not {want}");
            let velocity = s.integrated_rms(10.0, 1000.0);
            let want = want / (TAU * f);
            assert!((velocity / want - 1.0).abs() < 0.005, "{f} Hz: {velocity} is not {want}");
        }
        let p = power(&sine(n, fs, 160.0, 2.0, 0.0));
        let s = Spectrum { power: &p, n, fs };
        assert!((s.rms_line(160) - 2f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn noise_has_its_density_and_its_band_rms() {
        let (n, fs) = (65_536, 25_600.0);
        let p = power(&Noise::new(11).normals(n));
        let s = Spectrum { power: &p, n, fs };
        assert!((s.band_rms(0.0, fs / 2.0) - 1.0).abs() < 0.02);
        assert!((s.band_rms(0.0, fs / 8.0) - 0.5).abs() < 0.02);
        let mean: f64 = (1..n / 2).map(|k| s.density(k)).sum::<f64>() / (n / 2 - 1) as f64;
        assert!((mean * fs / 2.0 - 1.0).abs() < 0.03, "{mean}");
    }

    #[test]
    fn bands_hold_their_ends_and_never_zero() {
        let power = vec![1.0; 51];
        let s = Spectrum { power: &power, n: 100, fs: 100.0 };
        for (low, high, want) in [(0.0, 3.0, 1..4), (2.0, 2.0, 2..3), (49.5, 80.0, 50..51), (70.0, 80.0, 51..51)] {
            assert_eq!(s.lines(low, high), want, "{low} to {high}");
        }
    }
}

//! Limits for what no normal distribution describes: peaks over a threshold.
//!
//! Above a high threshold the excesses of nearly every distribution are generalised Pareto (Pickands, Annals of
//! Statistics 3, 1975). The threshold is the 98 % quantile of what was learnt; a run of values above it counts as one
//! peak, so that a wave is not taken for many; shape and scale are by probability-weighted moments (Hosking and Wallis,
//! Technometrics 29, 1987), which hold out where peaks are few.

use crate::rotating::Refusal;

/// The quantile that is the threshold.
pub const QUANTILE: f64 = 0.98;
/// Fewest peaks.
pub const PEAKS: usize = 50;
/// Values below the threshold that end a run.
const APART: usize = 5;

/// The tail of a distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// Where it begins.
    pub threshold: f64,
    /// Scale σ of the excesses.
    pub scale: f64,
    /// Shape ξ: 0 is exponential, above it is heavier.
    pub shape: f64,
    /// Mean of the excesses: the scale if they were exponential.
    pub mean: f64,
    /// Peaks a sample.
    pub rate: f64,
    /// Peaks that were fitted.
    pub peaks: usize,
}

impl Tail {
    /// Fits the upper tail of `samples`, in time order. Refused: `too_few` peaks, or `constant`.
    pub fn learn(samples: &[f64]) -> Result<Self, Refusal> {
        let mut sorted: Vec<f64> = samples.iter().copied().filter(|v| v.is_finite()).collect();
        let n = sorted.len();
        if n < PEAKS {
            return Err("too_few");
        }
        let at = ((n as f64 * QUANTILE) as usize).min(n - 1);
        let threshold = *sorted.select_nth_unstable_by(at, f64::total_cmp).1;
        let mut excesses = peaks(samples, threshold);
        if excesses.len() < PEAKS {
            return Err("too_few");
        }
        excesses.sort_by(f64::total_cmp);
        let m = excesses.len() as f64;
        let a0 = excesses.iter().sum::<f64>() / m;
        // Weighted by 1 − F at the plotting positions (i − 0.35)/m.
        let a1 = excesses.iter().enumerate().map(|(i, x)| (1.0 - (i as f64 + 0.65) / m) * x).sum::<f64>() / m;
        if !(a0 - 2.0 * a1 > 1e-12 * a0) {
            return Err("constant");
        }
        let shape = 2.0 - a0 / (a0 - 2.0 * a1);
        let scale = 2.0 * a0 * a1 / (a0 - 2.0 * a1);
        Ok(Self { threshold, scale, shape, mean: a0, rate: m / n as f64, peaks: excesses.len() })
    }

    /// What is exceeded by one peak in `samples` samples on average: u + σ/ξ·((rate·samples)^ξ − 1).
    #[must_use]
    pub fn level(&self, samples: f64) -> f64 {
        self.beyond(samples, self.scale, self.shape)
    }

    fn beyond(&self, samples: f64, scale: f64, shape: f64) -> f64 {
        let expected = (self.rate * samples).max(1.0);
        let over = if shape.abs() < 1e-6 { expected.ln() } else { (expected.powf(shape) - 1.0) / shape };
        self.threshold + scale * over
    }

    /// The limit for one false alarm in `samples` samples, never above `ceiling` (the limit of a standard, which no
    /// machine may drift beyond by being noisy). A tail that ends (ξ < 0) is taken for an exponential one: dozens of peaks
    /// do not show where a tail ends, and the machines for which they seem to would give most of the false alarms.
    #[must_use]
    pub fn limit(&self, samples: f64, ceiling: Option<f64>) -> f64 {
        let level = if self.shape < 0.0 { self.beyond(samples, self.mean, 0.0) } else { self.level(samples) };
        ceiling.map_or(level, |c| level.min(c))
    }
}

/// The largest excess of each run above the threshold.
fn peaks(samples: &[f64], threshold: f64) -> Vec<f64> {
    let (mut out, mut below) = (Vec::new(), APART);
    for v in samples.iter().filter(|v| v.is_finite()) {
        if *v <= threshold {
            below += 1;
            continue;
        }
        match out.last_mut() {
            Some(peak) if below < APART => *peak = f64::max(*peak, v - threshold),
            _ => out.push(v - threshold),
        }
        below = 0;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    #[test]
    fn known_tails_are_recovered() {
        // Generalised Pareto itself, of shapes −0.2 … 0.3: F⁻¹(1 − u) = (u^−ξ − 1)/ξ.
        for shape in [-0.2, 0.0, 0.2, 0.3] {
            let mut noise = Noise::new(21);
            let draw = |u: f64| if shape == 0.0 { -u.ln() } else { (u.powf(-shape) - 1.0) / shape };
            let x: Vec<f64> = (0..200_000).map(|_| draw(noise.uniform())).collect();
            let tail = Tail::learn(&x).unwrap();
            assert!((tail.shape - shape).abs() < 0.06, "{shape}: {tail:?}");
            // One sample in a million exceeds F⁻¹(1 − 10⁻⁶).
            let want = draw(1e-6);
            assert!((tail.level(1e6) / want - 1.0).abs() < 0.25, "{shape}: {} and not {want}", tail.level(1e6));
        }
    }

    #[test]
    fn few_peaks_still_give_a_limit_that_holds() {
        // Limits from 5,000 normal samples for one exceedance in 10⁵, on average over 200 such baselines.
        let mut noise = Noise::new(22);
        let mut beyond = 0.0;
        for _ in 0..200 {
            let tail = Tail::learn(&noise.normals(5_000)).unwrap();
            let limit = tail.limit(1e5, None);
            beyond += 0.5 * statrs::function::erf::erfc(limit / 2f64.sqrt());
        }
        assert!(beyond / 200.0 < 1e-5 && beyond / 200.0 > 1e-7, "{}", beyond / 200.0);
    }

    #[test]
    fn a_wave_is_one_peak_and_a_standard_is_a_ceiling() {
        let x: Vec<f64> =
            (0..10_000).map(|i| if i % 100 < 2 { 5.0 + f64::from(i % 7) } else { f64::from(i % 3) }).collect();
        assert_eq!(peaks(&x, 3.0).len(), 100);
        let mut noise = Noise::new(23);
        let noisy: Vec<f64> = (0..5_000).map(|_| (1.5 * noise.normal()).exp()).collect();
        let tail = Tail::learn(&noisy).unwrap();
        assert!(tail.level(1e6) > 100.0);
        assert_eq!(tail.limit(1e6, Some(7.1)), 7.1);
    }

    #[test]
    fn what_has_no_tail_is_refused() {
        assert_eq!(Tail::learn(&[1.0; 5_000]), Err("too_few"));
        assert_eq!(Tail::learn(&[f64::NAN; 5_000]), Err("too_few"));
        assert_eq!(Tail::learn(&Noise::new(1).normals(1_000)), Err("too_few"));
    }
}

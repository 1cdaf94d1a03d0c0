//! Features of a record in the time domain.

/// Statistics of one record about its mean. Amplitudes are in the unit of the samples, the rest are pure numbers.
///
/// Definitions: ISO 13373-2, annex B, and Randall, *Vibration-based Condition Monitoring*, §5.2. Kurtosis is the fourth
/// central moment over the squared variance, so 3 for Gaussian noise. Ratios of a record without any variation are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimeFeatures {
    /// The mean that the others are taken about.
    pub mean: f64,
    /// Root mean square.
    pub rms: f64,
    /// Largest magnitude.
    pub peak: f64,
    /// Largest minus smallest.
    pub peak_to_peak: f64,
    /// peak / rms.
    pub crest: f64,
    /// m₄ / m₂²; 3 for Gaussian noise.
    pub kurtosis: f64,
    /// m₃ / m₂^1.5.
    pub skewness: f64,
    /// peak / mean magnitude.
    pub impulse: f64,
    /// peak / (mean of √magnitude)².
    pub clearance: f64,
    /// rms / mean magnitude.
    pub shape: f64,
}

/// Lowest and highest value and the mean of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Levels {
    pub low: f64,
    pub high: f64,
    pub mean: f64,
}

impl Levels {
    /// In one pass, in lanes so that no operation waits for the one before; zeros for an empty record.
    pub fn of(x: &[f64]) -> Self {
        const LANES: usize = 8;
        let Some(first) = x.first() else { return Self::default() };
        let (mut low, mut high, mut sum) = ([*first; LANES], [*first; LANES], [0.0; LANES]);
        let mut add = |lane: usize, v: f64| {
            low[lane] = if v < low[lane] { v } else { low[lane] };
            high[lane] = if v > high[lane] { v } else { high[lane] };
            sum[lane] += v;
        };
        let (chunks, rest) = x.as_chunks::<LANES>();
        for c in chunks {
            for (lane, v) in c.iter().enumerate() {
                add(lane, *v);
            }
        }
        for (lane, v) in rest.iter().enumerate() {
            add(lane, *v);
        }
        let low = low.into_iter().fold(*first, f64::min);
        let high = high.into_iter().fold(*first, f64::max);
        Self { low, high, mean: sum.iter().sum::<f64>() / x.len() as f64 }
    }
}

/// Computes the features of `x` (at least one sample; an empty record gives zeros).
#[must_use]
pub fn time_features(x: &[f64]) -> TimeFeatures {
    features_of(x, &Levels::of(x))
}

/// The features of `x`, of which the levels are known.
pub(super) fn features_of(x: &[f64], levels: &Levels) -> TimeFeatures {
    if x.is_empty() {
        return TimeFeatures::default();
    }
    let n = x.len() as f64;
    let Levels { low, high, mean } = *levels;
    let m = moments(x, mean);
    let [m2, m3, m4, magnitude, root] = m.map(|s| s / n);
    let rms = m2.sqrt();
    let peak = (high - mean).max(mean - low);
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    TimeFeatures {
        mean,
        rms,
        peak,
        peak_to_peak: high - low,
        crest: ratio(peak, rms),
        kurtosis: ratio(m4, m2 * m2),
        skewness: ratio(m3, m2 * rms),
        impulse: ratio(peak, magnitude),
        clearance: ratio(peak, root * root),
        shape: ratio(rms, magnitude),
    }
}

/// Σd², Σd³, Σd⁴, Σ|d|, Σ√|d| with d = x − mean, in lanes so that the additions need not wait for one another.
fn moments(x: &[f64], mean: f64) -> [f64; 5] {
    const LANES: usize = 4;
    let mut acc = [[0.0; LANES]; 5];
    let mut add = |lane: usize, v: f64| {
        let d = v - mean;
        let (a, d2) = (d.abs(), d * d);
        acc[0][lane] += d2;
        acc[1][lane] += d2 * d;
        acc[2][lane] += d2 * d2;
        acc[3][lane] += a;
        // Single precision halves the time of the root; its rounding, 6e-8 of each, is lost in the mean.
        acc[4][lane] += f64::from((a as f32).sqrt());
    };
    let (chunks, rest) = x.as_chunks::<LANES>();
    for c in chunks {
        for (lane, v) in c.iter().enumerate() {
            add(lane, *v);
        }
    }
    for (lane, v) in rest.iter().enumerate() {
        add(lane, *v);
    }
    acc.map(|lanes| lanes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};

    fn near(got: f64, want: f64, tolerance: f64, what: &str) {
        assert!((got - want).abs() <= tolerance, "{what}: {got}, not {want} ± {tolerance}");
    }

    #[test]
    fn a_sine_has_the_features_of_a_sine() {
        let f = time_features(&sine(25_600, 25_600.0, 50.0, 3.0, 1.0));
        near(f.rms, 3.0 / 2f64.sqrt(), 1e-9, "rms");
        near(f.mean, 1.0, 1e-9, "mean");
        near(f.peak, 3.0, 1e-3, "peak");
        near(f.peak_to_peak, 6.0, 1e-3, "peak to peak");
        near(f.crest, 2f64.sqrt(), 1e-3, "crest");
        near(f.kurtosis, 1.5, 1e-9, "kurtosis");
        near(f.skewness, 0.0, 1e-9, "skewness");
        near(f.shape, std::f64::consts::PI / 8f64.sqrt(), 1e-4, "shape");
        near(f.impulse, std::f64::consts::PI / 2.0, 1e-3, "impulse");
    }

    #[test]
    fn noise_has_kurtosis_three_and_one_impulse_raises_it() {
        let mut noise = Noise::new(7);
        let mut x: Vec<f64> = (0..100_000).map(|_| noise.normal()).collect();
        let f = time_features(&x);
        near(f.kurtosis, 3.0, 0.08, "kurtosis");
        near(f.skewness, 0.0, 0.04, "skewness");
        near(f.rms, 1.0, 0.01, "rms");
        x[500] = 40.0;
        assert!(time_features(&x).kurtosis > 20.0);
    }

    #[test]
    fn a_constant_has_no_ratios() {
        let f = time_features(&[2.0; 9]);
        assert_eq!((f.mean, f.rms, f.crest, f.kurtosis), (2.0, 0.0, 0.0, 0.0));
        assert_eq!(time_features(&[]), TimeFeatures::default());
    }
}

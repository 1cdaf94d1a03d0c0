//! What is normal for a gear at a load at which it was never seen sound.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Weight of the common variance of a kind of feature beside a feature's own, in degrees of freedom: a handful of tests
/// says little about one feature's scatter, and all sensors' together says more (Smyth, Stat. Appl. Genet. Mol. Biol. 3
/// (2004), 3, the moderated t).
const PRIOR: f64 = 3.0;
/// Least standard deviation of a logarithm from one test to the next: 2 %, below which no mounting repeats.
const LEAST: f64 = 0.02;
/// From so many different loads on, features are taken to depend on load along a line.
const LOADS: usize = 3;
/// Fewest tests that make a baseline.
pub(super) const FEWEST: usize = 3;

/// Features of one test: by kind, one value a sensor.
pub(super) type Features = Vec<Vec<f64>>;

/// Mean over kinds and sensors of the squared deviation of `of` from what `sound` tests predict for its load, in units of
/// the prediction's variance; and the degrees of freedom of that variance.
///
/// About 1 for a sound gear, whatever the features. `None` with fewer than three sound tests, or other features there.
pub(super) fn deviation(sound: &[(f64, &Features)], load: f64, of: &Features) -> Option<(f64, f64)> {
    if sound.len() < FEWEST || sound.iter().any(|(_, f)| f.len() != of.len()) || of.is_empty() {
        return None;
    }
    let line = Line::of(sound.iter().map(|(l, _)| *l), load);
    let freedom = sound.len() as f64 - line.parameters;
    let (mut sum, mut count) = (0.0, 0.0);
    for (kind, values) in of.iter().enumerate() {
        let fits: Vec<(f64, f64)> =
            (0..values.len()).map(|sensor| line.fit(sound.iter().map(|(_, f)| f[kind][sensor]), freedom)).collect();
        let common = fits.iter().map(|(_, variance)| variance).sum::<f64>() / fits.len() as f64;
        for ((predicted, own), value) in fits.iter().zip(values) {
            let variance = ((PRIOR * common + freedom * own) / (PRIOR + freedom)).max(LEAST * LEAST);
            sum += (value - predicted).powi(2) / (variance * (1.0 + line.leverage));
            count += 1.0;
        }
    }
    Some((sum / count, PRIOR + freedom))
}

/// What a deviation exceeds with probability `alpha` though the gear is sound.
///
/// The features of one test are not independent. If all moved as one, their mean square would be F(1, ν) distributed, which
/// has a heavier tail than anything in which they move apart; that is what is taken.
pub(super) fn limit(alpha: f64, freedom: f64) -> f64 {
    let t = StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(1.0 - alpha / 2.0));
    t * t
}

/// Least squares over load: a line where there are loads enough, else the mean.
struct Line {
    /// How far each test is from the mean load.
    offsets: Vec<f64>,
    /// Σ of their squares, 0 where only the mean is taken.
    spread: f64,
    /// How far the load that is asked for is from the mean load.
    at: f64,
    parameters: f64,
    /// Variance of a prediction there over that of one value, less 1.
    leverage: f64,
}

impl Line {
    fn of(loads: impl Iterator<Item = f64>, at: f64) -> Self {
        let loads: Vec<f64> = loads.collect();
        let n = loads.len() as f64;
        let mean = loads.iter().sum::<f64>() / n;
        let offsets: Vec<f64> = loads.iter().map(|l| l - mean).collect();
        let mut different = loads;
        different.sort_by(f64::total_cmp);
        different.dedup();
        let spread = if different.len() >= LOADS { offsets.iter().map(|o| o * o).sum() } else { 0.0 };
        let at = at - mean;
        let (parameters, slope) = if spread > 0.0 { (2.0, at * at / spread) } else { (1.0, 0.0) };
        Self { offsets, spread, at, parameters, leverage: 1.0 / n + slope }
    }

    /// The prediction, and the variance of one value about the line.
    fn fit(&self, values: impl Iterator<Item = f64>, freedom: f64) -> (f64, f64) {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let slope = if self.spread > 0.0 {
            values.iter().zip(&self.offsets).map(|(v, o)| v * o).sum::<f64>() / self.spread
        } else {
            0.0
        };
        let rest = values.iter().zip(&self.offsets).map(|(v, o)| (v - mean - slope * o).powi(2)).sum::<f64>();
        (mean + slope * self.at, rest / freedom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    #[test]
    fn a_line_over_load_is_followed_beyond_the_loads_that_were_seen() {
        let mut noise = Noise::new(4);
        let mut at = |load: f64| -> Features {
            (0..3).map(|k| (0..4).map(|s| f64::from(k + s) + 0.02 * load + 0.05 * noise.normal()).collect()).collect()
        };
        let sound: Vec<(f64, Features)> = [0.0, 20.0, 40.0, 60.0].map(|l| (l, at(l))).into();
        let sound: Vec<(f64, &Features)> = sound.iter().map(|(l, f)| (*l, f)).collect();
        let (d, freedom) = deviation(&sound, 80.0, &at(80.0)).unwrap();
        assert!(d < 4.0, "{d}");
        let mut other = at(80.0);
        other.iter_mut().flatten().for_each(|v| *v += 1.0);
        let (d, _) = deviation(&sound, 80.0, &other).unwrap();
        assert!(d > limit(0.001, freedom), "{d} of {}", limit(0.001, freedom));
        assert!(deviation(&sound[..2], 80.0, &other).is_none());
        assert!(deviation(&sound, 80.0, &Features::new()).is_none());
    }

    #[test]
    fn sound_tests_pass_the_limit_no_more_often_than_stated() {
        // All features of a test move as one.
        let mut noise = Noise::new(9);
        let mut at = |_: f64| -> Features {
            let common = noise.normal();
            (0..6).map(|_| vec![common + 0.01 * noise.normal(); 4]).collect()
        };
        let (runs, alpha) = (4000, 0.02);
        let mut alike = 0;
        for _ in 0..runs {
            let sound: Vec<(f64, Features)> = [0.0, 20.0, 40.0, 60.0, 80.0].map(|l| (l, at(l))).into();
            let sound: Vec<(f64, &Features)> = sound.iter().map(|(l, f)| (*l, f)).collect();
            let (d, freedom) = deviation(&sound, 50.0, &at(50.0)).unwrap();
            // With all alike nothing is gained by pooling: the true freedom is that of one.
            alike += usize::from(d > limit(alpha, freedom - PRIOR));
        }
        assert!((alike as f64) < 1.5 * alpha * f64::from(runs), "{alike}");
        // Half of the variance in common, the rest of each sensor and kind its own; as few tests as make a line.
        let mut noise = Noise::new(10);
        let mut at = |_: f64| -> Features {
            let common = noise.normal();
            (0..6).map(|_| (0..4).map(|_| common + noise.normal()).collect()).collect()
        };
        let mut half = 0;
        for _ in 0..runs {
            let sound: Vec<(f64, Features)> = [20.0, 40.0, 60.0, 80.0].map(|l| (l, at(l))).into();
            let sound: Vec<(f64, &Features)> = sound.iter().map(|(l, f)| (*l, f)).collect();
            let (d, freedom) = deviation(&sound, 0.0, &at(0.0)).unwrap();
            half += usize::from(d > limit(alpha, freedom));
        }
        assert!((half as f64) < 1.5 * alpha * f64::from(runs), "{half}");
    }

    #[test]
    fn the_limit_is_that_of_f() {
        // t(0.975; 5) = 2.5706.
        assert!((limit(0.05, 5.0) - 2.5706f64.powi(2)).abs() < 1e-3);
        assert!(limit(0.001, 5.0) > limit(0.01, 5.0));
    }
}

//! Several features of one point, or of one machine, at once: Hotelling's T².
//!
//! T² = (x − x̄)ᵀS⁻¹(x − x̄) of a new row against n learnt rows of p features is p(n+1)(n−1)/(n(n−p)) times an F(p, n−p)
//! (Hotelling, 1947; Tracy, Young and Mason, J. Quality Technology 24, 1992). S is shrunk after Ledoit and Wolf, which
//! keeps it invertible where features say nearly the same; the limit is that of the unshrunk one.

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::linear::Cholesky;
use super::moments::{means, shrunk};
use super::wander::upper;
use crate::rotating::Refusal;

/// What was learnt of several features together.
#[derive(Clone, Debug, PartialEq)]
pub struct Hotelling {
    means: Vec<f64>,
    deviations: Vec<f64>,
    correlation: Cholesky,
    /// How strongly the correlation was shrunk, 0 to 1.
    pub shrinkage: f64,
    n: f64,
    centred: Vec<f64>,
    pull: Vec<f64>,
}

impl Hotelling {
    /// Learns from `rows`, row by row of `width` features (logarithms, or whitened scores). `worth` is how many
    /// independent rows they are worth, at most their number.
    ///
    /// Refused: `too_few` where they are not worth at least twice the features, `constant` where a feature never varied
    /// or a value is not finite.
    pub fn learn(rows: &[f64], width: usize, worth: f64) -> Result<Self, Refusal> {
        let n = worth.min((rows.len() / width.max(1)) as f64);
        if width == 0 || !(n >= 2.0 * width as f64 + 2.0) {
            return Err("too_few");
        }
        let means = means(rows, width);
        let (standard, deviations) = standardised(rows, &means).ok_or("constant")?;
        let mut s = shrunk(&standard, &vec![0.0; width], n);
        // The covariance of n rows about their own mean has n − 1 degrees of freedom.
        s.covariance.a.iter_mut().for_each(|v| *v *= n / (n - 1.0));
        let correlation = s.covariance.cholesky().ok_or("constant")?;
        let (centred, pull) = (vec![0.0; width], vec![0.0; width]);
        Ok(Self { means, deviations, correlation, shrinkage: s.intensity, n, centred, pull })
    }

    /// T² of one row of as many features.
    pub fn step(&mut self, row: &[f64]) -> f64 {
        for (c, (v, (m, d))) in self.centred.iter_mut().zip(row.iter().zip(self.means.iter().zip(&self.deviations))) {
            *c = (v - m) / d;
        }
        self.correlation.solve(&self.centred, &mut self.pull);
        self.centred.iter().zip(&self.pull).map(|(c, p)| c * p).sum()
    }

    /// What each feature contributed to the latest T²; they add up to it (Mason, Tracy and Young, J. Quality Technology
    /// 27, 1995, discuss what such parts mean).
    pub fn contributions(&self) -> impl Iterator<Item = f64> {
        self.centred.iter().zip(&self.pull).map(|(c, p)| c * p)
    }

    /// What T² exceeds with probability `alpha` (above 0 and below 1) while nothing changes.
    pub fn limit(&self, alpha: f64) -> Result<f64, Refusal> {
        limit(self.means.len() as f64, self.n, alpha)
    }
}

/// The F limit of T² of a new row: `p` features, `n` independent learnt rows.
pub(super) fn limit(p: f64, n: f64, alpha: f64) -> Result<f64, Refusal> {
    if !(alpha > 0.0 && alpha < 1.0) {
        return Err("level");
    }
    let f = FisherSnedecor::new(p, n - p).map_err(|_| "too_few")?;
    Ok(p * (n + 1.0) * (n - 1.0) / (n * (n - p)) * upper(|x| f.sf(x), alpha))
}

/// Columns brought to mean 0 and mean square 1, and their deviations; `None` where one does not vary.
pub(super) fn standardised(rows: &[f64], means: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let width = means.len();
    let n = (rows.len() / width) as f64;
    let mut deviations = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        for ((d, v), m) in deviations.iter_mut().zip(row).zip(means) {
            *d += (v - m).powi(2) / n;
        }
    }
    for (d, m) in deviations.iter_mut().zip(means) {
        *d = d.sqrt();
        if !(d.is_finite() && *d > 1e-9 * m.abs()) {
            return None;
        }
    }
    let each = rows.chunks_exact(width).flat_map(|row| row.iter().zip(means.iter().zip(&deviations)));
    Some((each.map(|(v, (m, d))| (v - m) / d).collect(), deviations))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    /// Correlated normal rows: each feature shares half of its variance with the others.
    pub(crate) fn rows(n: usize, width: usize, noise: &mut Noise) -> Vec<f64> {
        let mut out = Vec::with_capacity(n * width);
        for _ in 0..n {
            let common = noise.normal();
            out.extend((0..width).map(|j| 10.0 + (j + 1) as f64 * (common + noise.normal())));
        }
        out
    }

    #[test]
    fn normal_rows_exceed_as_often_as_stated() {
        let (mut noise, width, n) = (Noise::new(31), 5, 60);
        let (mut beyond, mut all) = ([0.0; 2], 0.0);
        for _ in 0..300 {
            let mut h = Hotelling::learn(&rows(n, width, &mut noise), width, n as f64).unwrap();
            let limits = [0.05, 0.01].map(|a| h.limit(a).unwrap());
            for row in rows(200, width, &mut noise).chunks_exact(width) {
                let t2 = h.step(row);
                (0..2).for_each(|i| beyond[i] += f64::from(u8::from(t2 > limits[i])));
                all += 1.0;
            }
        }
        for (found, alpha) in beyond.iter().map(|b| b / all).zip([0.05, 0.01]) {
            // Shrinking takes some correlation for chance, so that fewer exceed than may.
            assert!(found < 1.1 * alpha && found > 0.4 * alpha, "{found} at {alpha}");
        }
    }

    #[test]
    fn the_feature_that_moved_is_named() {
        let (mut noise, width) = (Noise::new(32), 6);
        let mut h = Hotelling::learn(&rows(400, width, &mut noise), width, 400.0).unwrap();
        let mut row = rows(1, width, &mut noise);
        row[3] += 8.0 * 4.0;
        let t2 = h.step(&row);
        assert!(t2 > h.limit(1e-6).unwrap());
        let parts: Vec<f64> = h.contributions().collect();
        assert!((parts.iter().sum::<f64>() - t2).abs() < 1e-9 * t2);
        assert!((0..width).all(|j| j == 3 || parts[j] < 0.5 * parts[3]), "{parts:?}");
    }

    #[test]
    fn what_is_too_little_or_constant_is_refused() {
        let mut noise = Noise::new(33);
        assert_eq!(Hotelling::learn(&rows(11, 5, &mut noise), 5, 11.0).unwrap_err(), "too_few");
        assert_eq!(Hotelling::learn(&rows(100, 5, &mut noise), 5, 3.0).unwrap_err(), "too_few");
        assert_eq!(Hotelling::learn(&[], 0, 5.0).unwrap_err(), "too_few");
        assert_eq!(Hotelling::learn(&[1.0; 100], 2, 50.0).unwrap_err(), "constant");
        assert_eq!(Hotelling::learn(&[f64::NAN; 100], 2, 50.0).unwrap_err(), "constant");
        let h = Hotelling::learn(&rows(100, 2, &mut noise), 2, 100.0).unwrap();
        assert_eq!(h.limit(0.0), Err("level"));
        assert!(h.limit(1e-12).unwrap() > h.limit(1e-6).unwrap());
        // Two features that say the same are still told apart from noise by the shrinking.
        let twice: Vec<f64> = rows(100, 1, &mut noise).iter().flat_map(|v| [*v, *v]).collect();
        assert!(Hotelling::learn(&twice, 2, 100.0).is_ok());
    }
}

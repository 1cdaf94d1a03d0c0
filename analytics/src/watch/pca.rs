//! Many features of which few are independent: principal components, T² within them and Q beside them.
//!
//! The components that carry [`KEPT`] of the variance are the model; T² says how far a row lies along them, Q (squared
//! prediction error) how far beside them: that the features keep their usual relations. Limits: F for T² as in
//! [`super::hotelling`], and for Q that of Jackson and Mudholkar (Technometrics 21, 1979) from the other eigenvalues.
//! Contributions of each feature: to Q its squared residual, to T² as Westerhuis, Gurden and Smilde (Chemometrics and
//! Intelligent Laboratory Systems 51, 2000) define them; they add up to the statistic.

use statrs::distribution::{ContinuousCDF, Normal};

use super::hotelling::{limit, standardised};
use super::linear::Square;
use super::moments::means;
use crate::rotating::Refusal;

/// Part of the variance that the components must carry.
pub const KEPT: f64 = 0.9;

/// A model of principal components.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    means: Vec<f64>,
    deviations: Vec<f64>,
    /// All eigenvalues of the correlation matrix, in falling order.
    values: Vec<f64>,
    /// Their vectors, one a row.
    vectors: Square,
    /// Components that are kept.
    kept: usize,
    n: f64,
    centred: Vec<f64>,
    scores: Vec<f64>,
    residual: Vec<f64>,
}

/// Both statistics of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Along the components.
    pub t2: f64,
    /// Beside them.
    pub q: f64,
}

impl Pca {
    /// Learns from `rows`, row by row of `width` features, worth `worth` independent rows.
    ///
    /// Refused: `too_few` where they are not worth twice the features, `constant` where a feature never varied, and where
    /// there is nothing beside the components (one feature).
    pub fn learn(rows: &[f64], width: usize, worth: f64) -> Result<Self, Refusal> {
        let n = worth.min((rows.len() / width.max(1)) as f64);
        if width < 2 || !(n >= 2.0 * width as f64 + 2.0) {
            return Err("too_few");
        }
        let means = means(rows, width);
        let (standard, deviations) = standardised(rows, &means).ok_or("constant")?;
        let mut r = Square::zero(width);
        for row in standard.chunks_exact(width) {
            for i in 0..width {
                (0..width).for_each(|j| r.a[i * width + j] += row[i] * row[j]);
            }
        }
        let count = (rows.len() / width) as f64;
        r.a.iter_mut().for_each(|v| *v /= count);
        let (values, vectors) = r.eigen();
        let total: f64 = values.iter().sum();
        let mut carried = 0.0;
        let enough = values.iter().position(|v| {
            carried += v;
            carried >= KEPT * total
        });
        // Something must be left beside the components, or their relations are not watched.
        let kept = enough.map_or(width, |i| i + 1).min(width - 1);
        let blank = || vec![0.0; width];
        let (centred, scores, residual) = (blank(), blank(), blank());
        Ok(Self { means, deviations, values, vectors, kept, n, centred, scores, residual })
    }

    /// How many components are kept.
    #[must_use]
    pub fn components(&self) -> usize {
        self.kept
    }

    /// Both statistics of a row of as many features.
    pub fn step(&mut self, row: &[f64]) -> Statistics {
        for (c, (v, (m, d))) in self.centred.iter_mut().zip(row.iter().zip(self.means.iter().zip(&self.deviations))) {
            *c = (v - m) / d;
        }
        self.residual.copy_from_slice(&self.centred);
        let mut t2 = 0.0;
        for k in 0..self.kept {
            let vector = self.vectors.row(k);
            let score: f64 = vector.iter().zip(&self.centred).map(|(a, b)| a * b).sum();
            self.residual.iter_mut().zip(vector).for_each(|(r, v)| *r -= score * v);
            t2 += score * score / self.values[k].max(1e-12);
            self.scores[k] = score;
        }
        Statistics { t2, q: self.residual.iter().map(|r| r * r).sum() }
    }

    /// What each feature contributed to the latest Q.
    pub fn q_contributions(&self) -> impl Iterator<Item = f64> {
        self.residual.iter().map(|r| r * r)
    }

    /// What each feature contributed to the latest T².
    pub fn t2_contributions(&self) -> impl Iterator<Item = f64> {
        (0..self.centred.len()).map(|j| {
            let along = |k: usize| self.scores[k] / self.values[k].max(1e-12) * self.vectors.at(k, j);
            self.centred[j] * (0..self.kept).map(along).sum::<f64>()
        })
    }

    /// What T² exceeds with probability `alpha` while nothing changes.
    pub fn t2_limit(&self, alpha: f64) -> Result<f64, Refusal> {
        limit(self.kept as f64, self.n, alpha)
    }

    /// What Q exceeds with probability `alpha` while nothing changes. The eigenvalues are those of the learnt rows, whose
    /// residuals are smaller than those of new ones by n/(n − kept).
    pub fn q_limit(&self, alpha: f64) -> Result<f64, Refusal> {
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err("level");
        }
        let theta = |power: i32| self.values[self.kept..].iter().map(|v| v.max(0.0).powi(power)).sum::<f64>();
        let (t1, t2, t3) = (theta(1), theta(2), theta(3));
        if !(t1 > 1e-12) {
            return Err("constant");
        }
        let h0 = 1.0 - 2.0 * t1 * t3 / (3.0 * t2 * t2);
        // At 0 the power becomes a logarithm; beside it the two agree.
        let h0 = if h0.abs() < 1e-4 { 1e-4 } else { h0 };
        let c = -Normal::standard().inverse_cdf(alpha);
        let inner = c * h0 * (2.0 * t2).sqrt() / t1 + 1.0 + t2 * h0 * (h0 - 1.0) / (t1 * t1);
        Ok(t1 * inner.max(0.0).powf(1.0 / h0) * self.n / (self.n - self.kept as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    /// Eight features driven by two things, with noise of their own.
    fn rows(n: usize, noise: &mut Noise) -> Vec<f64> {
        let mut out = Vec::with_capacity(8 * n);
        for _ in 0..n {
            let (a, b) = (noise.normal(), noise.normal());
            out.extend((0..8).map(|j| {
                let driven = if j < 4 { a } else { b };
                100.0 + (1 + j) as f64 * (driven + 0.3 * noise.normal())
            }));
        }
        out
    }

    #[test]
    fn normal_rows_exceed_as_often_as_stated() {
        let mut noise = Noise::new(41);
        let (mut beyond, mut all) = ([0.0; 2], 0.0);
        for _ in 0..60 {
            let mut pca = Pca::learn(&rows(300, &mut noise), 8, 300.0).unwrap();
            assert_eq!(pca.components(), 2);
            let (t2, q) = (pca.t2_limit(0.01).unwrap(), pca.q_limit(0.01).unwrap());
            for row in rows(500, &mut noise).chunks_exact(8) {
                let s = pca.step(row);
                beyond[0] += f64::from(u8::from(s.t2 > t2));
                beyond[1] += f64::from(u8::from(s.q > q));
                all += 1.0;
            }
        }
        for found in beyond.map(|b| b / all) {
            assert!((found / 0.01 - 1.0).abs() < 0.3, "{beyond:?} of {all}");
        }
    }

    #[test]
    fn a_broken_relation_shows_in_q_and_names_the_feature() {
        let mut noise = Noise::new(42);
        let mut pca = Pca::learn(&rows(400, &mut noise), 8, 400.0).unwrap();
        let mut row = rows(1, &mut noise);
        row[5] += 6.0 * 2.5;
        let s = pca.step(&row);
        assert!(s.q > pca.q_limit(1e-4).unwrap(), "{s:?}");
        let parts: Vec<f64> = pca.q_contributions().collect();
        assert!((parts.iter().sum::<f64>() - s.q).abs() < 1e-9);
        assert!((0..8).all(|j| j == 5 || parts[j] < 0.5 * parts[5]), "{parts:?}");
    }

    #[test]
    fn more_of_the_usual_shows_in_t2() {
        let mut noise = Noise::new(43);
        let mut pca = Pca::learn(&rows(400, &mut noise), 8, 400.0).unwrap();
        // All of the first four, as the first driver would move them.
        let mut row = vec![100.0; 8];
        (0..4).for_each(|j| row[j] += 7.0 * (1 + j) as f64);
        let s = pca.step(&row);
        assert!(s.t2 > pca.t2_limit(1e-6).unwrap() && s.q < pca.q_limit(1e-4).unwrap(), "{s:?}");
        let parts: Vec<f64> = pca.t2_contributions().collect();
        assert!((parts.iter().sum::<f64>() - s.t2).abs() < 1e-9 * s.t2);
        assert!(parts[..4].iter().sum::<f64>() > 0.9 * s.t2, "{parts:?}");
    }

    #[test]
    fn what_has_no_model_is_refused() {
        let mut noise = Noise::new(44);
        assert_eq!(Pca::learn(&noise.normals(50), 1, 50.0).unwrap_err(), "too_few");
        assert_eq!(Pca::learn(&rows(10, &mut noise), 8, 10.0).unwrap_err(), "too_few");
        assert_eq!(Pca::learn(&[2.0; 100], 2, 50.0).unwrap_err(), "constant");
        // Features that say the same leave nothing beside the component.
        let twice: Vec<f64> = noise.normals(100).iter().flat_map(|v| [*v, 2.0 * *v]).collect();
        let pca = Pca::learn(&twice, 2, 100.0).unwrap();
        assert_eq!(pca.q_limit(0.01), Err("constant"));
        assert_eq!(pca.t2_limit(1.0), Err("level"));
    }
}

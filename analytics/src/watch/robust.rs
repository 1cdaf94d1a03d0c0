//! Location, scale and regression that a few wild samples do not move.

use super::linear::Square;

/// Makes a median absolute deviation the standard deviation of a normal sample: 1/Φ⁻¹(¾).
pub const MAD: f64 = 1.4826;
/// Where Huber's function bends, in standard deviations: 95 % as efficient as least squares on normal noise (Huber,
/// Robust Statistics, 1981).
const BEND: f64 = 1.345;

/// The median; NaN of nothing. Reorders `x`.
#[must_use]
pub fn median(x: &mut [f64]) -> f64 {
    if x.is_empty() {
        return f64::NAN;
    }
    let half = x.len() / 2;
    let (below, mid, _) = x.select_nth_unstable_by(half, f64::total_cmp);
    let mid = *mid;
    if below.len() == half && x.len().is_multiple_of(2) {
        let low = x[..half].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return 0.5 * (low + mid);
    }
    mid
}

/// Median and [`MAD`] times the median absolute deviation from it, at least `floor`. Reorders and overwrites `x`.
#[must_use]
pub fn location_and_scale(x: &mut [f64], floor: f64) -> (f64, f64) {
    let centre = median(x);
    x.iter_mut().for_each(|v| *v = (*v - centre).abs());
    (centre, (MAD * median(x)).max(floor))
}

/// A robust linear fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// One a column.
    pub coefficients: Vec<f64>,
    /// (XᵀWX)⁻¹, to tell how far from what was seen a row is.
    inverse: Square,
}

impl Fit {
    /// What is to be expected at `row`.
    #[must_use]
    pub fn at(&self, row: &[f64]) -> f64 {
        self.coefficients.iter().zip(row).map(|(c, x)| c * x).sum()
    }

    /// The variance of that expectation in units of the residual variance: xᵀ(XᵀWX)⁻¹x.
    #[must_use]
    pub fn leverage(&self, row: &[f64]) -> f64 {
        let n = row.len();
        (0..n).map(|i| row[i] * (0..n).map(|j| self.inverse.at(i, j) * row[j]).sum::<f64>()).sum()
    }
}

/// Huber's M-estimate of `y` on `rows` (`width` values each, an intercept among them), by iteratively reweighted least
/// squares. `None` where the columns are not independent or there are no more rows than columns.
#[must_use]
pub fn huber(rows: &[f64], width: usize, y: &[f64], floor: f64) -> Option<Fit> {
    if width == 0 || y.len() <= width || rows.len() != y.len() * width {
        return None;
    }
    let mut weights = vec![1.0; y.len()];
    let mut residuals = vec![0.0; y.len()];
    let mut scratch = vec![0.0; y.len()];
    let mut coefficients = vec![0.0; width];
    let mut inverse = Square::zero(width);
    for _ in 0..30 {
        let mut a = Square::zero(width);
        let mut b = vec![0.0; width];
        for ((row, y), w) in rows.chunks_exact(width).zip(y).zip(&weights) {
            for i in 0..width {
                b[i] += w * row[i] * y;
                (0..width).for_each(|j| a.a[i * width + j] += w * row[i] * row[j]);
            }
        }
        let factor = a.cholesky()?;
        let before = coefficients.clone();
        factor.solve(&b, &mut coefficients);
        for i in 0..width {
            let unit: Vec<f64> = (0..width).map(|j| f64::from(u8::from(i == j))).collect();
            factor.solve(&unit, &mut inverse.a[i * width..(i + 1) * width]);
        }
        for ((r, row), y) in residuals.iter_mut().zip(rows.chunks_exact(width)).zip(y) {
            *r = y - row.iter().zip(&coefficients).map(|(x, c)| x * c).sum::<f64>();
        }
        scratch.copy_from_slice(&residuals);
        scratch.iter_mut().for_each(|r| *r = r.abs());
        let bend = BEND * (MAD * median(&mut scratch)).max(floor);
        weights.iter_mut().zip(&residuals).for_each(|(w, r)| *w = if r.abs() <= bend { 1.0 } else { bend / r.abs() });
        let moved = coefficients.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        if moved < 1e-9 {
            break;
        }
    }
    coefficients.iter().all(|c| c.is_finite()).then_some(Fit { coefficients, inverse })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    #[test]
    fn medians_and_deviations() {
        for (x, want) in [(vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 3.0, 2.0], 2.5), (vec![7.0], 7.0)] {
            assert_eq!(median(&mut x.clone()), want);
        }
        assert!(median(&mut []).is_nan());
        let mut noise = Noise::new(2);
        let mut x = noise.normals(20_000);
        x.iter_mut().take(2_000).for_each(|v| *v = 1e6);
        let (centre, scale) = location_and_scale(&mut x, 0.0);
        assert!(centre.abs() < 0.2 && (scale - 1.0).abs() < 0.2, "{centre} {scale}");
        assert_eq!(location_and_scale(&mut [2.0; 50], 0.25), (2.0, 0.25));
    }

    #[test]
    fn a_fifth_of_wild_samples_does_not_tilt_the_line() {
        let mut noise = Noise::new(3);
        let (mut rows, mut y) = (Vec::new(), Vec::new());
        for i in 0..200 {
            let x = noise.uniform();
            rows.extend([1.0, x]);
            y.push(if i % 5 == 0 { 30.0 * noise.uniform() } else { 1.0 + 2.0 * x + 0.1 * noise.normal() });
        }
        let fit = huber(&rows, 2, &y, 1e-3).unwrap();
        assert!((fit.at(&[1.0, 0.0]) - 1.0).abs() < 0.12 && (fit.at(&[1.0, 1.0]) - 3.0).abs() < 0.15, "{fit:?}");
        assert!(fit.leverage(&[1.0, 0.5]) < 0.02 && fit.leverage(&[1.0, 10.0]) > 1.0);
    }

    #[test]
    fn columns_that_say_the_same_have_no_fit() {
        let rows: Vec<f64> = (0..20).flat_map(|i| [1.0, f64::from(i), 2.0 * f64::from(i)]).collect();
        assert!(huber(&rows, 3, &[1.0; 20], 1e-3).is_none());
        assert!(huber(&rows[..6], 3, &[1.0; 2], 1e-3).is_none());
        assert!(huber(&[], 0, &[], 1e-3).is_none());
    }
}

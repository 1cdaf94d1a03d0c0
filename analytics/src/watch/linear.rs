//! The little linear algebra that detection needs: symmetric matrices of tens of rows, a general solve for run lengths.
//!
//! `nalgebra` does the same and more; it would bring twelve crates for these three functions.

/// A square matrix, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    /// Rows, and values in each.
    pub n: usize,
    /// n·n values.
    pub a: Vec<f64>,
}

impl Square {
    /// All 0.
    #[must_use]
    pub fn zero(n: usize) -> Self {
        Self { n, a: vec![0.0; n * n] }
    }

    /// Row `i`.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.a[i * self.n..(i + 1) * self.n]
    }

    /// The value in row `i` and column `j`.
    #[must_use]
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.a[i * self.n + j]
    }

    /// The mean of the diagonal.
    #[must_use]
    pub fn mean_diagonal(&self) -> f64 {
        (0..self.n).map(|i| self.at(i, i)).sum::<f64>() / self.n.max(1) as f64
    }

    /// The lower factor L of a symmetric positive definite matrix, A = L·Lᵀ; `None` where it is not one.
    #[must_use]
    pub fn cholesky(&self) -> Option<Cholesky> {
        let n = self.n;
        let mut l = Self::zero(n);
        for i in 0..n {
            for j in 0..=i {
                let dot: f64 = (0..j).map(|k| l.at(i, k) * l.at(j, k)).sum();
                let rest = self.at(i, j) - dot;
                l.a[i * n + j] = if i == j {
                    if !(rest > 1e-12 * self.at(i, i).abs()) {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / l.at(j, j)
                };
            }
        }
        Some(Cholesky(l))
    }

    /// Eigenvalues in falling order and their vectors, one a row, of a symmetric matrix: cyclic Jacobi rotations (Golub
    /// and Van Loan, Matrix Computations, 8.5).
    #[must_use]
    pub fn eigen(mut self) -> (Vec<f64>, Self) {
        let n = self.n;
        let mut v = Self::zero(n);
        (0..n).for_each(|i| v.a[i * n + i] = 1.0);
        for _ in 0..60 {
            let off: f64 = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| self.at(i, j).powi(2)).sum();
            let on: f64 = (0..n).map(|i| self.at(i, i).powi(2)).sum();
            if !(off > 1e-28 * on) {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    self.rotate(&mut v, p, q);
                }
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|i, j| self.at(*j, *j).total_cmp(&self.at(*i, *i)));
        let values = order.iter().map(|i| self.at(*i, *i)).collect();
        let rows = order.iter().flat_map(|i| v.row(*i).iter().copied()).collect();
        (values, Self { n, a: rows })
    }

    /// Makes `a[p][q]` 0 by a rotation, which is applied to the rows of `v` too.
    fn rotate(&mut self, v: &mut Self, p: usize, q: usize) {
        let n = self.n;
        let apq = self.at(p, q);
        if apq == 0.0 {
            return;
        }
        let theta = (self.at(q, q) - self.at(p, p)) / (2.0 * apq);
        let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
        let c = 1.0 / t.hypot(1.0);
        let s = t * c;
        for k in 0..n {
            let (x, y) = (self.at(k, p), self.at(k, q));
            (self.a[k * n + p], self.a[k * n + q]) = (c * x - s * y, s * x + c * y);
        }
        for m in [&mut self.a, &mut v.a] {
            for k in 0..n {
                let (x, y) = (m[p * n + k], m[q * n + k]);
                (m[p * n + k], m[q * n + k]) = (c * x - s * y, s * x + c * y);
            }
        }
    }
}

/// A lower factor.
#[derive(Clone, Debug, PartialEq)]
pub struct Cholesky(Square);

impl Cholesky {
    /// Puts A⁻¹·x into `out`; both as long as the matrix has rows.
    pub fn solve(&self, x: &[f64], out: &mut [f64]) {
        let l = &self.0;
        for i in 0..l.n {
            let dot: f64 = l.row(i)[..i].iter().zip(&*out).map(|(a, b)| a * b).sum();
            out[i] = (x[i] - dot) / l.at(i, i);
        }
        for i in (0..l.n).rev() {
            let dot: f64 = (i + 1..l.n).map(|k| l.at(k, i) * out[k]).sum();
            out[i] = (out[i] - dot) / l.at(i, i);
        }
    }
}

/// Solves A·x = b in place by elimination with partial pivoting: `b` becomes x. `None` where A is singular.
pub fn eliminate(mut a: Square, b: &mut [f64]) -> Option<()> {
    let n = a.n;
    for col in 0..n {
        let pivot = (col..n).max_by(|i, j| a.at(*i, col).abs().total_cmp(&a.at(*j, col).abs()))?;
        if !(a.at(pivot, col).abs() > 1e-300) {
            return None;
        }
        if pivot != col {
            (0..n).for_each(|k| a.a.swap(col * n + k, pivot * n + k));
            b.swap(col, pivot);
        }
        let (above, below) = a.a.split_at_mut((col + 1) * n);
        let lead = &above[col * n..];
        for (i, row) in below.chunks_exact_mut(n).enumerate() {
            let f = row[col] / lead[col];
            if f != 0.0 {
                row[col..].iter_mut().zip(&lead[col..]).for_each(|(x, y)| *x -= f * y);
                b[col + 1 + i] -= f * b[col];
            }
        }
    }
    for i in (0..n).rev() {
        let dot: f64 = a.row(i)[i + 1..].iter().zip(&b[i + 1..]).map(|(x, y)| x * y).sum();
        b[i] = (b[i] - dot) / a.at(i, i);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Square {
        Square { n: 3, a: vec![4.0, 2.0, 0.6, 2.0, 3.0, 0.4, 0.6, 0.4, 2.0] }
    }

    #[test]
    fn both_solves_undo_the_product() {
        let x = [1.0, -2.0, 0.5];
        let a = example();
        let mut b: Vec<f64> = (0..3).map(|i| a.row(i).iter().zip(&x).map(|(p, q)| p * q).sum()).collect();
        let mut out = [0.0; 3];
        a.cholesky().unwrap().solve(&b, &mut out);
        eliminate(a, &mut b).unwrap();
        for i in 0..3 {
            assert!((out[i] - x[i]).abs() < 1e-12 && (b[i] - x[i]).abs() < 1e-12);
        }
    }

    #[test]
    fn eigenvectors_are_orthonormal_and_make_up_the_matrix() {
        let a = example();
        let (values, v) = a.clone().eigen();
        assert!(values[0] > values[1] && values[1] > values[2]);
        for i in 0..3 {
            for j in 0..3 {
                let back: f64 = (0..3).map(|k| values[k] * v.at(k, i) * v.at(k, j)).sum();
                let dot: f64 = v.row(i).iter().zip(v.row(j)).map(|(x, y)| x * y).sum();
                assert!((back - a.at(i, j)).abs() < 1e-10, "{back}");
                assert!((dot - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_is_singular_or_not_positive_has_no_solution() {
        let flat = Square { n: 2, a: vec![1.0, 1.0, 1.0, 1.0] };
        assert!(flat.cholesky().is_none());
        assert!(eliminate(Square::zero(2), &mut [1.0, 1.0]).is_none());
        assert!(Square { n: 1, a: vec![f64::NAN] }.cholesky().is_none());
        assert!(Square { n: 1, a: vec![-1.0] }.cholesky().is_none());
    }
}

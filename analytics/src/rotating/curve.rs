//! Values at even distances: what the analyses on demand give.

/// Values over one axis; value `i` stands at `x0 + i·dx`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Where the first value stands.
    pub x0: f64,
    /// Distance of two values.
    pub dx: f64,
    /// The values.
    pub values: Vec<f64>,
}

impl Curve {
    /// Joins as many neighbours as it takes to hold at most `most` values, keeping of each group the value of largest
    /// magnitude, so that no peak is lost.
    #[must_use]
    pub fn joined(self, most: usize) -> Self {
        let join = self.values.len().div_ceil(most.max(1)).max(1);
        if join == 1 {
            return self;
        }
        let largest = |c: &[f64]| c.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let values = self.values.chunks(join).map(largest).collect();
        Self { x0: self.x0, dx: self.dx * join as f64, values }
    }

    /// The value nearest to `x`; `None` beyond the ends.
    #[must_use]
    pub fn at(&self, x: f64) -> Option<f64> {
        let i = ((x - self.x0) / self.dx).round();
        if i < 0.0 { None } else { self.values.get(i as usize).copied() }
    }

    /// Where the largest value from `low` to `high` stands, and the value.
    #[must_use]
    pub fn highest(&self, low: f64, high: f64) -> Option<(f64, f64)> {
        let place = |i: usize| self.x0 + i as f64 * self.dx;
        let within = self.values.iter().enumerate().map(|(i, v)| (place(i), *v));
        within.filter(|(x, _)| (low..=high).contains(x)).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Values over two axes, row by row; the value of column `c` and row `r` stands at `(x0 + c·dx, y0 + r·dy)` and has the
/// index `r·columns + c`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// Where the first column stands.
    pub x0: f64,
    /// Distance of two columns.
    pub dx: f64,
    /// Where the first row stands.
    pub y0: f64,
    /// Distance of two rows.
    pub dy: f64,
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// The values, `columns · rows` of them.
    pub values: Vec<f32>,
}

/// A band of frequencies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Band {
    /// From this frequency, Hz,
    pub low_hz: f64,
    /// to this one.
    pub high_hz: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_keeps_the_largest_magnitude_and_its_sign() {
        let mut values = vec![0.0; 12_000];
        (values[7001], values[7002]) = (-5.0, 4.0);
        let c = Curve { x0: 1.0, dx: 0.5, values }.joined(4000);
        assert_eq!((c.x0, c.dx, c.values.len(), c.values[2333]), (1.0, 1.5, 4000, -5.0));
        assert_eq!(c.values[2334], 4.0);
    }

    #[test]
    fn places_and_highest() {
        let c = Curve { x0: -1.0, dx: 0.5, values: vec![1.0, 9.0, 2.0, 3.0] };
        assert_eq!((c.at(-0.6), c.at(0.5), c.at(0.9), c.at(-2.0)), (Some(9.0), Some(3.0), None, None));
        assert_eq!((c.highest(-0.2, 1.0), c.highest(5.0, 6.0)), (Some((0.5, 3.0)), None));
    }
}

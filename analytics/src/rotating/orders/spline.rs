//! A smooth curve through points.

/// A natural cubic spline (second derivative 0 at both ends) through points of rising x.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spline {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Second derivatives at the points.
    bend: Vec<f64>,
}

impl Spline {
    /// `None` with fewer than two points, where x does not rise, and where anything is not finite.
    pub fn new(x: Vec<f64>, y: Vec<f64>) -> Option<Self> {
        let finite = x.iter().chain(&y).all(|v| v.is_finite());
        if x.len() != y.len() || x.len() < 2 || !finite || x.windows(2).any(|w| w[1] <= w[0]) {
            return None;
        }
        let bend = bends(&x, &y);
        Some(Self { x, y, bend })
    }

    /// First and last x.
    pub fn ends(&self) -> (f64, f64) {
        (self.x[0], self.x[self.x.len() - 1])
    }

    /// The same curve with x multiplied by `factor`, which must be above 0.
    pub fn stretched(&self, factor: f64) -> Self {
        let x = self.x.iter().map(|v| v * factor).collect();
        Self { x, y: self.y.clone(), bend: self.bend.iter().map(|b| b / (factor * factor)).collect() }
    }

    /// The same curve with `by` added to y.
    pub fn raised(&self, by: f64) -> Self {
        Self { y: self.y.iter().map(|v| v + by).collect(), ..self.clone() }
    }

    /// Value and first derivative at `at`; beyond the ends the straight line goes on.
    pub fn at(&self, at: f64) -> (f64, f64) {
        self.within(self.x.partition_point(|x| *x <= at), at)
    }

    /// The same at each of `places`, which rise: no point is looked for twice.
    pub fn along(&self, places: impl Iterator<Item = f64>) -> impl Iterator<Item = (f64, f64)> {
        let mut passed = 0;
        places.map(move |at| {
            passed += self.x[passed..].iter().take_while(|x| **x <= at).count();
            self.within(passed, at)
        })
    }

    /// At `at`, before which, or at which, there are `passed` points.
    fn within(&self, passed: usize, at: f64) -> (f64, f64) {
        let (first, last) = self.ends();
        let inner = at.clamp(first, last);
        let i = passed.clamp(1, self.x.len() - 1) - 1;
        let h = self.x[i + 1] - self.x[i];
        let (a, b) = ((self.x[i + 1] - inner) / h, (inner - self.x[i]) / h);
        let (m, n) = (self.bend[i], self.bend[i + 1]);
        let value = a * self.y[i] + b * self.y[i + 1] + ((a * a * a - a) * m + (b * b * b - b) * n) * h * h / 6.0;
        let slope = (self.y[i + 1] - self.y[i]) / h + ((1.0 - 3.0 * a * a) * m + (3.0 * b * b - 1.0) * n) * h / 6.0;
        (value + (at - inner) * slope, slope)
    }
}

/// Solves the tridiagonal system of the natural spline.
fn bends(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let (mut bend, mut work) = (vec![0.0; n], vec![0.0; n]);
    for i in 1..n - 1 {
        let (before, after) = (x[i] - x[i - 1], x[i + 1] - x[i]);
        let part = before / (before + after);
        let p = part * bend[i - 1] + 2.0;
        let turn = (y[i + 1] - y[i]) / after - (y[i] - y[i - 1]) / before;
        bend[i] = (part - 1.0) / p;
        work[i] = (6.0 * turn / (before + after) - part * work[i - 1]) / p;
    }
    bend[n - 1] = 0.0;
    for i in (0..n - 1).rev() {
        bend[i] = bend[i] * bend[i + 1] + work[i];
    }
    bend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_a_smooth_curve_and_goes_straight_on() {
        let x: Vec<f64> = (0..=40).map(|i| f64::from(i) * 0.1 + 0.01 * f64::from(i % 3)).collect();
        let y = x.iter().map(|v| v.sin()).collect();
        let s = Spline::new(x, y).unwrap();
        for i in 5..35 {
            let at = f64::from(i) * 0.1 + 0.047;
            let (value, slope) = s.at(at);
            assert!((value - at.sin()).abs() < 1e-5 && (slope - at.cos()).abs() < 1e-3, "{at}: {value} {slope}");
        }
        let places = || (-3..60).map(|i| f64::from(i) * 0.09);
        assert!(s.along(places()).eq(places().map(|at| s.at(at))));
        let (last, slope) = s.at(s.ends().1);
        assert!((s.at(s.ends().1 + 2.0).0 - last - 2.0 * slope).abs() < 1e-12);
    }

    #[test]
    fn a_line_stays_a_line_and_nonsense_is_none() {
        let s = Spline::new(vec![0.0, 1.0, 3.0], vec![1.0, 3.0, 7.0]).unwrap();
        assert_eq!((s.at(2.0), s.at(-1.0)), ((5.0, 2.0), (-1.0, 2.0)));
        for (x, y) in [
            (vec![1.0], vec![1.0]),
            (vec![1.0, 1.0], vec![1.0, 2.0]),
            (vec![1.0, f64::NAN], vec![1.0, 2.0]),
            (vec![1.0, 2.0], vec![1.0]),
        ] {
            assert!(Spline::new(x, y).is_none());
        }
    }
}

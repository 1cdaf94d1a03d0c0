//! Stands in where a state was seen too seldom: each feature's logarithm by speed, load and temperature.
//!
//! Huber regression on [1, ln rpm, load, temperature] over all steady states together (of imbalance, velocity grows with
//! the square of speed: a line in the logarithms). It is asked only about what lies within the range that it learnt, and
//! the less it knows about a place, the wider it judges: a residual is divided by √(1 + leverage). A resonance is no line;
//! a bin with a baseline of its own is therefore always preferred. Once all is learnt the samples are forgotten.

use serde::{Deserialize, Serialize};

use super::arl::Design;
use super::baseline::{FLOOR, Learning, Learnt};
use super::robust::{Fit, huber};
use super::rows::Rows;

/// Speed, load and temperature of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// r/min, above 0.
    pub rpm: f64,
    /// As a part of the rated load, where known.
    pub load: Option<f64>,
    /// °C, where known.
    pub temperature: Option<f64>,
}

/// How far beyond what was learnt a place may lie: 5 % of speed, a tenth of the load, 5 K.
const BEYOND: [f64; 3] = [0.05, 0.1, 5.0];
/// Standard deviation that a column needs, so that anything can be learnt about it.
const VARIES: [f64; 3] = [0.005, 0.01, 0.5];
/// When the regression is computed: as a state's own baseline is, of all steady states together.
pub const LEARNING: Learning = Learning { first: 100, most: 800, held: 20 };

impl Place {
    /// Speed as a logarithm, load, temperature; what is not known counts as 0, and as unknown throughout.
    fn columns(&self) -> [f64; 3] {
        [self.rpm.ln(), self.load.unwrap_or(0.0), self.temperature.unwrap_or(0.0)]
    }
}

/// The model of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Model {
    fit: Fit,
    learnt: Learnt,
}

/// Learns all features of a point across its steady states.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Across {
    /// Those that were learnt, then those that wait. Empty again once closed.
    rows: Rows,
    /// How many were learnt.
    n: usize,
    computed: usize,
    /// Means of the columns, which of them are used, and the range of each.
    centre: [f64; 3],
    used: [bool; 3],
    range: [(f64, f64); 3],
    models: Vec<Option<Model>>,
    /// The latest residual of each feature.
    before: Vec<Option<f64>>,
}

impl Across {
    /// The score of each feature's logarithm `x` (NaN where missing) at a place, and what its chart is held
    /// against; `None` where there is no model or the place is outside what it learnt.
    pub fn score(&mut self, feature: usize, x: f64, place: &Place, follows: bool) -> Option<(f64, f64)> {
        let model = self.models.get(feature)?.as_ref()?;
        let columns = place.columns();
        let inside = |i: usize| {
            let (low, high) = self.range[i];
            columns[i] >= low - BEYOND[i] && columns[i] <= high + BEYOND[i]
        };
        if !(0..3).all(inside) {
            return None;
        }
        let (row, width) = self.row(&columns);
        let row = &row[..width];
        let residual = (x - model.fit.at(row)) / (1.0 + model.fit.leverage(row)).sqrt();
        let before = self.before.get_mut(feature)?;
        let previous = before.filter(|_| follows);
        *before = Some(residual);
        Some((model.learnt.score(residual, previous), model.learnt.limit))
    }

    /// Learns one sample of all features (logarithms, NaN where missing), unless things look suspicious.
    pub fn learn(&mut self, x: &[f64], place: &Place, follows: bool, suspicious: bool, design: &Design) {
        // A record of which nothing was looked at is no sample.
        if self.closed() || x.iter().all(|v| !v.is_finite()) {
            return;
        }
        if suspicious {
            self.rows.truncate(self.n);
            return;
        }
        let follows = follows && self.rows.len() > 0;
        self.rows.push(place.columns().map(|v| v as f32), follows, x.iter().map(|v| *v as f32));
        let held = if self.computed > 0 { LEARNING.held } else { 0 };
        self.n = self.n.max(self.rows.len().saturating_sub(held));
        let due = if self.computed == 0 { LEARNING.first } else { (2 * self.computed).min(LEARNING.most) };
        if self.n >= due && self.n > self.computed {
            self.compute(design);
        }
        if self.closed() {
            self.rows = Rows::default();
        }
    }

    /// Whether it does not learn any more.
    fn closed(&self) -> bool {
        self.n >= LEARNING.most
    }

    /// The samples learnt so far.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// The columns that are used at a place: an intercept, and those that vary, about their means.
    fn row(&self, columns: &[f64; 3]) -> ([f64; 4], usize) {
        let mut row = [1.0; 4];
        let mut width = 1;
        for i in 0..3 {
            if self.used[i] {
                row[width] = columns[i] - self.centre[i];
                width += 1;
            }
        }
        (row, width)
    }

    fn compute(&mut self, design: &Design) {
        self.computed = self.n;
        let n = self.computed as f64;
        for i in 0..3 {
            let values = || (0..self.n).map(|r| self.rows.place(r)[i]);
            let mean = values().sum::<f64>() / n;
            let deviation = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
            let range = values().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
            (self.centre[i], self.used[i], self.range[i]) = (mean, deviation > VARIES[i], range);
        }
        let features = self.rows.width();
        self.models = (0..features).map(|f| self.model(f, design)).collect();
        self.before = vec![None; features];
    }

    fn model(&self, feature: usize, design: &Design) -> Option<Model> {
        let (mut rows, mut y, mut width) = (Vec::new(), Vec::new(), 0);
        for r in (0..self.n).filter(|r| self.rows.feature(*r, feature).is_finite()) {
            let row = self.row(&self.rows.place(r));
            width = row.1;
            rows.extend_from_slice(&row.0[..width]);
            y.push(self.rows.feature(r, feature));
        }
        if y.len() < LEARNING.first / 2 {
            return None;
        }
        let fit = huber(&rows, width, &y, FLOOR)?;
        // Residuals in their order, so that whitening finds which follow one another.
        let mut residuals = Vec::with_capacity(2 * y.len());
        for r in 0..self.n {
            if !self.rows.follows(r) {
                residuals.push(f64::NAN);
            }
            let (row, width) = self.row(&self.rows.place(r));
            residuals.push(self.rows.feature(r, feature) - fit.at(&row[..width]));
        }
        let learnt = Learnt::of(&residuals, width, design).filter(|l| l.holds() || self.closed())?;
        Some(Model { fit, learnt })
    }

    /// Forgets everything, after maintenance.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// As it is stored. Earlier versions kept those that wait apart, and all of them for good.
#[derive(Deserialize)]
struct Stored {
    rows: Rows,
    #[serde(default)]
    waiting: Option<Rows>,
    #[serde(default)]
    n: Option<usize>,
    computed: usize,
    centre: [f64; 3],
    used: [bool; 3],
    range: [(f64, f64); 3],
    models: Vec<Option<Model>>,
    before: Vec<Option<f64>>,
}

impl TryFrom<Stored> for Across {
    type Error = &'static str;

    fn try_from(s: Stored) -> Result<Self, &'static str> {
        let Stored { mut rows, waiting, n, computed, centre, used, range, models, before } = s;
        let n = n.unwrap_or(rows.len());
        if n >= LEARNING.most {
            rows = Rows::default();
        } else if n > rows.len() {
            return Err("fewer samples than were learnt");
        } else if let Some(waiting) = waiting {
            rows.append(waiting);
        }
        Ok(Self { rows, n, computed, centre, used, range, models, before })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;
    use crate::watch::chart::Chart;

    fn design() -> Design {
        Design::new(Chart::Ewma { lambda: 0.1 }, 1e6)
    }

    fn at(rpm: f64, load: f64) -> Place {
        Place { rpm, load: Some(load), temperature: None }
    }

    /// v = c·rpm²·e^(load/2), scattered by a tenth.
    fn feature(place: &Place, noise: &mut Noise) -> f64 {
        2.0 * place.rpm.ln() + 0.5 * place.load.unwrap_or(0.0) + 0.1 * noise.normal()
    }

    fn taught(noise: &mut Noise) -> Across {
        let (mut across, design) = (Across::default(), design());
        for i in 0..400 {
            let place = at(1000.0 * (1.0 + noise.uniform()), noise.uniform());
            // One record in twenty is wild.
            let x = feature(&place, noise) + if i % 20 == 7 { 5.0 } else { 0.0 };
            across.learn(&[x, f64::NAN], &place, false, false, &design);
        }
        across
    }

    #[test]
    fn one_baseline_holds_across_speeds_and_loads() {
        let mut noise = Noise::new(51);
        let mut across = taught(&mut noise);
        for (rpm, load) in [(1050.0, 0.1), (1500.0, 0.5), (1950.0, 0.9), (1333.0, 1.05)] {
            let mut scores = Vec::new();
            for _ in 0..400 {
                let place = at(rpm, load);
                scores.push(across.score(0, feature(&place, &mut noise), &place, false).unwrap().0);
            }
            let mean = scores.iter().sum::<f64>() / 400.0;
            let sd = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 400.0).sqrt();
            assert!(mean.abs() < 0.5 && (0.7..1.2).contains(&sd), "{rpm} {load}: {mean} {sd}");
        }
        // 40 % more than usual at this speed is much; the same value is usual at 1.2 times the speed.
        let (slow, fast) = (at(1200.0, 0.5), at(1440.0, 0.5));
        let x = feature(&fast, &mut noise);
        assert!(across.score(0, x, &slow, false).unwrap().0 > 2.0);
        assert!(across.score(0, x, &fast, false).unwrap().0 < 3.0);
        assert!(across.score(1, x, &fast, false).is_none(), "a feature that never came has no model");
    }

    #[test]
    fn what_lies_outside_is_not_judged() {
        let mut noise = Noise::new(52);
        let mut across = taught(&mut noise);
        for place in [at(500.0, 0.5), at(3000.0, 0.5), at(1500.0, 2.0)] {
            assert!(across.score(0, 15.0, &place, false).is_none(), "{place:?}");
        }
        assert!(Across::default().score(0, 1.0, &at(1000.0, 0.5), false).is_none());
    }

    #[test]
    fn one_speed_alone_teaches_about_that_speed_alone() {
        let mut noise = Noise::new(53);
        let (mut across, design) = (Across::default(), design());
        for _ in 0..220 {
            let place = at(1490.0, 0.5);
            across.learn(&[feature(&place, &mut noise)], &place, true, false, &design);
        }
        assert!(across.score(0, 15.0, &at(1500.0, 0.5), false).is_some());
        assert!(across.score(0, 15.0, &at(1800.0, 0.5), false).is_none());
    }

    #[test]
    fn suspicion_and_silence_teach_nothing() {
        let mut noise = Noise::new(54);
        let mut across = taught(&mut noise);
        let (n, design) = (across.n(), design());
        (0..50).for_each(|_| across.learn(&[99.0, 1.0], &at(1500.0, 0.5), true, true, &design));
        assert_eq!(across.n(), n);
        // No more does what was not looked at.
        (0..50).for_each(|_| across.learn(&[f64::NAN, f64::NAN], &at(1500.0, 0.5), true, false, &design));
        assert_eq!(across.n(), n);
    }
}

//! Stands in where a state was seen too seldom: each feature's logarithm by speed, load and temperature.
//!
//! Huber regression on [1, ln rpm, load, temperature] over all steady states together (of imbalance, velocity grows with
//! the square of speed: a line in the logarithms). It is asked only about what lies within the range that it learnt, and
//! the less it knows about a place, the wider it judges: a residual is divided by √(1 + leverage). A resonance is no line;
//! a bin with a baseline of its own is therefore always preferred.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

use super::arl::Design;
use super::baseline::{FLOOR, Learning, Learnt};
use super::robust::{Fit, huber};

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

/// One sample of all features at a place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    place: [f32; 3],
    follows: bool,
    features: Vec<f32>,
}

/// The model of one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Model {
    fit: Fit,
    learnt: Learnt,
}

/// Learns all features of a point across its steady states.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Across {
    rows: Vec<Row>,
    waiting: VecDeque<Row>,
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
        if self.rows.len() >= LEARNING.most || x.iter().all(|v| !v.is_finite()) {
            return;
        }
        if suspicious {
            self.waiting.clear();
            return;
        }
        let features = x.iter().map(|v| *v as f32).collect();
        let follows = follows && !(self.rows.is_empty() && self.waiting.is_empty());
        self.waiting.push_back(Row { place: place.columns().map(|v| v as f32), follows, features });
        let held = if self.computed > 0 { LEARNING.held } else { 0 };
        while self.waiting.len() > held {
            let Some(row) = self.waiting.pop_front() else { break };
            self.rows.push(row);
        }
        let due = if self.computed == 0 { LEARNING.first } else { (2 * self.computed).min(LEARNING.most) };
        if self.rows.len() >= due && self.rows.len() > self.computed {
            self.compute(design);
        }
    }

    /// The samples learnt so far.
    #[must_use]
    pub fn n(&self) -> usize {
        self.rows.len()
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
        self.computed = self.rows.len();
        let n = self.computed as f64;
        for i in 0..3 {
            let values = || self.rows.iter().map(|r| f64::from(r.place[i]));
            let mean = values().sum::<f64>() / n;
            let deviation = (values().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
            let range = values().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
            (self.centre[i], self.used[i], self.range[i]) = (mean, deviation > VARIES[i], range);
        }
        let features = self.rows.first().map_or(0, |r| r.features.len());
        self.models = (0..features).map(|f| self.model(f, design)).collect();
        self.before = vec![None; features];
    }

    fn model(&self, feature: usize, design: &Design) -> Option<Model> {
        let (mut rows, mut y, mut width) = (Vec::new(), Vec::new(), 0);
        let known = |r: &&Row| r.features.get(feature).is_some_and(|v| v.is_finite());
        for r in self.rows.iter().filter(known) {
            let row = self.row(&r.place.map(f64::from));
            width = row.1;
            rows.extend_from_slice(&row.0[..width]);
            y.push(f64::from(r.features[feature]));
        }
        if y.len() < LEARNING.first / 2 {
            return None;
        }
        let fit = huber(&rows, width, &y, FLOOR)?;
        // Residuals in their order, so that whitening finds which follow one another.
        let mut residuals = Vec::with_capacity(2 * y.len());
        for r in self.rows.iter() {
            let v = r.features.get(feature).map_or(f64::NAN, |v| f64::from(*v));
            if !r.follows {
                residuals.push(f64::NAN);
            }
            let (row, width) = self.row(&r.place.map(f64::from));
            residuals.push(v - fit.at(&row[..width]));
        }
        let closed = self.computed >= LEARNING.most;
        let learnt = Learnt::of(&residuals, width, design).filter(|l| l.holds() || closed)?;
        Some(Model { fit, learnt })
    }

    /// Forgets everything, after maintenance.
    pub fn reset(&mut self) {
        *self = Self::default();
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

//! How long until a level reaches a threshold: a trend whose form is not taken for granted.
//!
//! The model of Gebraeel, Lawley, Li & Ryan (IIE Transactions 37 (2005), 543) is ln Y = φ + βt + ε with a conjugate update
//! of φ, β and the variance of ε. Damage that grows faster or slower than an exponential, or in leaps, breaks it: its bounds
//! are then narrow and wrong. So it is one of a fixed set: the trend is a line in Y^λ (λ = 0 is the logarithm, 1 the level
//! itself, below 0 what blows up as a crack does), whose level and slope may wander by a stated part of ε. Each member is
//! updated in the same conjugate way (normal-inverse-gamma; West & Harrison, *Bayesian Forecasting and Dynamic Models*, ch.
//! 4), and each counts by how well it foretold every record so far.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::gamma::ln_gamma;

use crate::rotating::Refusal;

/// Powers in which the trend is a line.
const POWERS: [f64; 5] = [-0.6, -0.3, 0.0, 0.5, 1.0];
/// Variance of the level's wandering a step, in variances of a record.
const WANDER: [f64; 3] = [0.0, 0.03, 0.3];
/// Variance of the slope's wandering a step, likewise.
const BEND: [f64; 3] = [0.0, 1e-5, 1e-3];
/// Before anything is seen: a record scatters by 10 %, known no better than from three records;
const SCATTER: f64 = 0.1;
const FREEDOM: f64 = 1.5;
/// the level is within e± of the baseline; it grows by 5 % a step, more or less.
const LEVEL: f64 = 1.0;
const SLOPE: f64 = 0.05;
/// Fewest records of a trend.
const FEWEST: usize = 8;
/// Bounds further apart than this are not told: P90/P10.
const WIDEST: f64 = 5.0;
/// Members that count for less are left out of a prediction.
const NEGLIGIBLE: f64 = 1e-3;
/// Furthest prediction, in steps, and how finely it is looked for.
const FURTHEST: f64 = 1e5;
const FINELY: f64 = 1.08;

/// One member of the set: state and its variances in units of the variance of a record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    power: f64,
    wander: f64,
    bend: f64,
    level: f64,
    slope: f64,
    /// Variances of level, of both together, of slope.
    spread: [f64; 3],
    /// Scale of the inverse gamma.
    scale: f64,
    /// ln of how well it foretold what came.
    evidence: f64,
}

impl Member {
    /// The level by which this member's trend is a line: (Y^λ − 1)/λ of y = ln Y.
    fn of(&self, y: f64) -> f64 {
        if self.power == 0.0 { y } else { (self.power * y).exp_m1() / self.power }
    }

    /// (dz/dy)² at the present level: by which a record scatters here.
    fn stretch(&self) -> f64 {
        (1.0 + self.power * self.level).clamp(0.05, 50.0).powi(2)
    }

    fn pass(&mut self, steps: f64) {
        let stretch = self.stretch();
        let (wander, bend) = (self.wander * stretch, self.bend * stretch);
        let [l, both, s] = self.spread;
        self.level += steps * self.slope;
        self.spread = [
            l + 2.0 * steps * both + steps * steps * s + wander * steps + bend * steps.powi(3) / 3.0,
            both + steps * s + bend * steps * steps / 2.0,
            s + bend * steps,
        ];
    }

    fn take(&mut self, y: f64, freedom: f64) {
        let stretch = self.stretch();
        let error = self.of(y) - self.level;
        let variance = self.spread[0] + stretch;
        let (nu, size) = (2.0 * freedom, self.scale / freedom * variance);
        // Student's t of the record given those before it; the power's Jacobian makes members comparable.
        self.evidence += ln_gamma((nu + 1.0) / 2.0)
            - ln_gamma(nu / 2.0)
            - 0.5 * (nu * std::f64::consts::PI * size).ln()
            - (nu + 1.0) / 2.0 * (error * error / (nu * size)).ln_1p()
            + self.power * y;
        let (gain, turn) = (self.spread[0] / variance, self.spread[1] / variance);
        self.level += gain * error;
        self.slope += turn * error;
        let [l, both, s] = self.spread;
        self.spread = [l - gain * l, both - gain * both, s - turn * both];
        self.scale += 0.5 * error * error / variance;
    }

    /// Probability that the level is above `threshold` after `steps`.
    fn above(&self, threshold: f64, steps: f64, freedom: f64) -> f64 {
        let mut then = *self;
        then.pass(steps);
        let size = (self.scale / freedom * then.spread[0]).max(f64::MIN_POSITIVE).sqrt();
        let t = (self.of(threshold) - then.level) / size;
        StudentsT::new(0.0, 1.0, 2.0 * freedom).map_or(0.0, |d| d.sf(t))
    }
}

/// How long it may go on, and how much of that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Remaining {
    /// Seconds from the last record until the threshold is reached: one in ten fails earlier,
    pub p10_s: f64,
    /// half,
    pub p50_s: f64,
    /// nine in ten.
    pub p90_s: f64,
    /// What the prognosis rests on.
    pub confidence: Confidence,
}

/// The statement of confidence that ISO 13381-1 asks of a prognosis, as numbers and codes.
#[derive(Clone, Debug, PartialEq)]
pub struct Confidence {
    /// Records since the onset.
    pub records: usize,
    /// P90/P10.
    pub spread: f64,
    /// P50 over the time that the trend has been followed.
    pub reach: f64,
    /// Weight of the members of the most probable power, 0 to 1.
    pub agreement: f64,
    /// What lowers it: `few_records` (below 20), `far_ahead` (further than it was followed), `forms_disagree` (no power has
    /// half of the weight), `wide` (P90/P10 above 3).
    pub codes: Vec<&'static str>,
}

/// Follows a level, as ln of its ratio to the baseline, from the onset on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    unit_s: f64,
    members: Vec<Member>,
    freedom: f64,
    records: usize,
    first_s: f64,
    last_s: f64,
}

impl Trend {
    /// A trend whose records come about every `unit_s` seconds; the priors are in these steps.
    #[must_use]
    pub fn new(unit_s: f64) -> Self {
        let variance = SCATTER * SCATTER;
        let mut members = Vec::with_capacity(POWERS.len() * WANDER.len() * BEND.len());
        for power in POWERS {
            for wander in WANDER {
                members.extend(BEND.map(|bend| Member {
                    power,
                    wander,
                    bend,
                    level: 0.0,
                    slope: 0.0,
                    spread: [LEVEL * LEVEL / variance, 0.0, SLOPE * SLOPE / variance],
                    scale: FREEDOM * variance,
                    evidence: 0.0,
                }));
            }
        }
        let unit_s = if unit_s.is_finite() && unit_s > 0.0 { unit_s } else { 1.0 };
        Self { unit_s, members, freedom: FREEDOM, records: 0, first_s: 0.0, last_s: 0.0 }
    }

    /// One more record at `t_s`: `y` is ln of the level over that of the baseline. What holds no number, or is not after
    /// the record before, is passed over.
    pub fn step(&mut self, t_s: f64, y: f64) {
        if !(t_s.is_finite() && y.is_finite()) || (self.records > 0 && t_s <= self.last_s) {
            return;
        }
        if self.records == 0 {
            self.first_s = t_s;
        } else {
            let steps = (t_s - self.last_s) / self.unit_s;
            self.members.iter_mut().for_each(|m| m.pass(steps));
        }
        let y = y.clamp(-20.0, 20.0);
        for m in &mut self.members {
            m.take(y, self.freedom);
        }
        self.freedom += 0.5;
        self.records += 1;
        self.last_s = t_s;
    }

    /// The time until the level reaches `threshold` (ln of a multiple of the baseline), given that it has not.
    ///
    /// `Err("records")` with fewer than eight, `Err("passed")` where it probably is above already, `Err("no_trend")` where
    /// one in ten never gets there, `Err("spread")` where P90/P10 is above 5.
    pub fn remaining(&self, threshold: f64) -> Result<Remaining, Refusal> {
        if self.records < FEWEST {
            return Err("records");
        }
        let weights = self.weights();
        let above = |steps: f64| -> f64 {
            let counted = self.members.iter().zip(&weights).filter(|(_, w)| **w > NEGLIGIBLE);
            counted.map(|(m, w)| w * m.above(threshold, steps, self.freedom)).sum()
        };
        let now = above(0.0);
        if now > 0.5 {
            return Err("passed");
        }
        let given = |steps: f64| (above(steps) - now) / (1.0 - now);
        let [p10, p50, p90] = quantiles(given, [0.1, 0.5, 0.9]);
        let (Some(p10), Some(p50), Some(p90)) = (p10, p50, p90) else { return Err("no_trend") };
        if p90 > WIDEST * p10 {
            return Err("spread");
        }
        let confidence = self.confidence(&weights, [p10, p50, p90]);
        Ok(Remaining { p10_s: p10 * self.unit_s, p50_s: p50 * self.unit_s, p90_s: p90 * self.unit_s, confidence })
    }

    fn weights(&self) -> Vec<f64> {
        let most = self.members.iter().map(|m| m.evidence).fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = self.members.iter().map(|m| (m.evidence - most).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / sum).collect()
    }

    fn confidence(&self, weights: &[f64], [p10, p50, p90]: [f64; 3]) -> Confidence {
        let of_power = |p: f64| self.members.iter().zip(weights).filter(|(m, _)| m.power == p).map(|(_, w)| w).sum();
        let agreement = POWERS.map(of_power).into_iter().fold(0.0, f64::max);
        let followed = (self.last_s - self.first_s) / self.unit_s;
        let (spread, reach) = (p90 / p10, p50 / followed.max(1.0));
        let codes = [
            ("few_records", self.records < 20),
            ("far_ahead", reach > 1.0),
            ("forms_disagree", agreement < 0.5),
            ("wide", spread > 3.0),
        ];
        let codes = codes.into_iter().filter(|(_, holds)| *holds).map(|(code, _)| code).collect();
        Confidence { records: self.records, spread, reach, agreement, codes }
    }
}

/// Where a probability that mostly grows first reaches each of `wanted`, in steps; `None` beyond the furthest.
pub(super) fn quantiles<const N: usize>(of: impl Fn(f64) -> f64, wanted: [f64; N]) -> [Option<f64>; N] {
    let mut found = [None; N];
    let (mut before, mut at) = ((0.0, 0.0), 0.25);
    while at < FURTHEST && found.iter().any(Option::is_none) {
        let p = of(at);
        for (f, w) in found.iter_mut().zip(&wanted).filter(|(f, w)| f.is_none() && p >= **w) {
            let part = ((w - before.1) / (p - before.1).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
            *f = Some((before.0 + part * (at - before.0)).max(0.01));
        }
        (before, at) = ((at, p.max(before.1)), at * FINELY);
    }
    found
}

#[cfg(test)]
mod tests;

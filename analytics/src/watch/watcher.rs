//! All of it for one point: state, baselines, charts and alarms of its features.

use std::collections::BTreeMap;

use super::arl::Design;
use super::baseline::{Baseline, Learning, View};
use super::logic::Logic;
use super::operating::{Bin, Follower, Operating};
use super::regress::{Across, Place};
use crate::rotating::Refusal;

/// Most states of one point that are learnt.
const BINS: usize = 32;
/// The part of the limit from which on things look suspicious, and nothing is learnt.
pub const SUSPICIOUS: f64 = 0.5;

/// How a point is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Chart and limits.
    pub design: Design,
    /// How much is learnt in a state.
    pub learning: Learning,
    /// The speed below which the machine is off, r/min.
    pub off_below_rpm: f64,
    /// How long exceedances must have gone on to raise, s.
    pub least_s: f64,
}

/// One record: its time, s, where the machine ran, and its features, each above 0 in a unit of its own; one that is
/// missing is not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// Seconds, from anywhere.
    pub t: f64,
    /// r/min, where known.
    pub rpm: Option<f64>,
    /// As a part of the rated load, where known.
    pub load: Option<f64>,
    /// °C, where known.
    pub temperature: Option<f64>,
    /// The features, always the same ones in the same order.
    pub features: &'a [f64],
}

/// What a feature was judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The baseline of its state.
    State,
    /// The regression across states.
    Across,
}

/// What became of one feature of one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// By what it was judged, its statistic (with its sign) and the limit; else why it was not judged: `state` (no limit
    /// is meant to hold), `learning`, `value` (no number above 0).
    pub judged: Result<(Basis, f64, f64), Refusal>,
    /// Whether its alarm stands.
    pub stands: bool,
}

/// One feature in one state.
#[derive(Clone, Debug, Default, PartialEq)]
struct Cell {
    baseline: Baseline,
    chart: f64,
}

/// What is remembered of one point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watcher {
    follower: Follower,
    bins: BTreeMap<Bin, Vec<Cell>>,
    across: Across,
    /// Charts of the regression, one a feature.
    charts: Vec<f64>,
    alarms: Vec<Logic>,
    /// The state of the record before, if it was steady.
    before: Option<Bin>,
    version: u32,
    logs: Vec<f64>,
    verdicts: Vec<Verdict>,
}

impl Watcher {
    /// Takes one record in, in the order of time. Returns the machine's state and a verdict on each feature.
    pub fn step(&mut self, sample: &Sample<'_>, settings: &Settings) -> (Operating, &[Verdict]) {
        let features = sample.features.len();
        self.alarms.resize(features, Logic::default());
        self.charts.resize(features, settings.design.chart.start());
        self.verdicts.clear();
        let operating = self.follower.step(sample.rpm, sample.load, settings.off_below_rpm);
        match (operating, sample.rpm) {
            (Operating::Steady(bin), Some(rpm)) => {
                let place = Place { rpm, load: sample.load, temperature: sample.temperature };
                self.steady(bin, &place, sample, settings);
                self.before = Some(bin);
            }
            _ => {
                self.before = None;
                // An alarm is not taken back because the machine was stopped.
                let unjudged = |a: &Logic| Verdict { judged: Err("state"), stands: a.stands() };
                self.verdicts.extend(self.alarms.iter().map(unjudged));
            }
        }
        (operating, &self.verdicts)
    }

    fn steady(&mut self, bin: Bin, place: &Place, sample: &Sample<'_>, settings: &Settings) {
        let follows = self.before == Some(bin);
        let across_follows = self.before.is_some();
        let log = |v: &f64| if v.is_finite() && *v > 0.0 { v.ln() } else { f64::NAN };
        self.logs.clear();
        self.logs.extend(sample.features.iter().map(log));
        let learnable = self.bins.len() < BINS || self.bins.contains_key(&bin);
        let mut suspicious_at_all = false;
        for f in 0..self.logs.len() {
            let x = self.logs[f];
            if x.is_nan() {
                self.verdicts.push(Verdict { judged: Err("value"), stands: self.alarms[f].stands() });
                continue;
            }
            let cells = if learnable { Some(self.bins.entry(bin).or_default()) } else { None };
            let cell = cells.map(|c| {
                c.resize(self.logs.len(), Cell::default());
                &mut c[f]
            });
            let chart = settings.design.chart;
            let across = self.across.score(f, x, place, across_follows);
            let across = across.map(|(score, worth)| (Basis::Across, chart.step(&mut self.charts[f], score), worth));
            let own = cell.and_then(|c| {
                let score = c.baseline.score(x, follows)?;
                Some((Basis::State, chart.step(&mut c.chart, score), c.baseline.learnt()?.worth))
            });
            let judged = own.or(across).map(|(b, statistic, worth)| (b, statistic, settings.design.limit(worth)));
            let ratio = judged.map_or(f64::NAN, |(_, s, limit)| s.abs() / limit);
            let stands = self.alarms[f].step(ratio, sample.t, settings.least_s);
            let suspicious = stands || ratio > SUSPICIOUS;
            suspicious_at_all |= suspicious;
            if let Some(cell) = self.bins.get_mut(&bin).and_then(|c| c.get_mut(f)) {
                cell.baseline.learn(x, sample.t, follows, suspicious, &settings.learning);
            }
            self.verdicts.push(Verdict { judged: judged.ok_or("learning"), stands });
        }
        self.across.learn(&self.logs, place, across_follows, suspicious_at_all);
    }

    /// The baseline of a feature in a state, for a page.
    #[must_use]
    pub fn view(&self, bin: Bin, feature: usize, settings: &Settings) -> Option<View> {
        self.bins.get(&bin)?.get(feature)?.baseline.view(&settings.learning, self.version)
    }

    /// The states that are being learnt or were.
    pub fn states(&self) -> impl Iterator<Item = Bin> {
        self.bins.keys().copied()
    }

    /// Forgets what was usual, by order of a person after maintenance. Alarms that stand are gone with what they were
    /// judged by; the version counts up.
    pub fn reset(&mut self) {
        let (follower, version) = (std::mem::take(&mut self.follower), self.version + 1);
        *self = Self { follower, version, ..Self::default() };
    }
}

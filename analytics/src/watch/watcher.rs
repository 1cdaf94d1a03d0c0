//! All of it for one point: state, baselines, charts and alarms of its features.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

use super::arl::Design;
use super::baseline::{Baseline, Learning, View};
use super::logic::Logic;
use super::operating::{Bin, Follower, Operating, Running};
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

/// One record: how the machine ran, and its features, each above 0 in a unit of its own; one that is
/// missing is not finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// When and how the machine ran.
    pub running: Running,
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Cell {
    baseline: Baseline,
    chart: f64,
}

/// What is remembered of one point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    #[serde(skip)]
    buffers: Buffers,
}

/// What the last record left behind; no part of what is remembered.
#[derive(Clone, Default)]
struct Buffers {
    logs: Vec<f64>,
    verdicts: Vec<Verdict>,
}

impl fmt::Debug for Buffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffers")
    }
}

impl PartialEq for Buffers {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Watcher {
    /// Takes one record in, in the order of time. Returns the machine's state and a verdict on each feature.
    pub fn step(&mut self, sample: &Sample<'_>, settings: &Settings) -> (Operating, &[Verdict]) {
        let features = sample.features.len();
        self.alarms.resize(features, Logic::default());
        self.charts.resize(features, settings.design.chart.start());
        self.buffers.verdicts.clear();
        let operating = self.follower.step(&sample.running, settings.off_below_rpm);
        match (operating, sample.running.rpm) {
            (Operating::Steady(bin), Some(rpm)) => {
                let place = Place { rpm, load: sample.running.load, temperature: sample.temperature };
                self.steady(bin, &place, sample, settings);
                self.before = Some(bin);
            }
            _ => {
                self.before = None;
                // An alarm is not taken back because the machine was stopped.
                let unjudged = |a: &Logic| Verdict { judged: Err("state"), stands: a.stands() };
                self.buffers.verdicts.extend(self.alarms.iter().map(unjudged));
            }
        }
        (operating, &self.buffers.verdicts)
    }

    fn steady(&mut self, bin: Bin, place: &Place, sample: &Sample<'_>, settings: &Settings) {
        let follows = self.before == Some(bin);
        let across_follows = self.before.is_some();
        let log = |v: &f64| if v.is_finite() && *v > 0.0 { v.ln() } else { f64::NAN };
        self.buffers.logs.clear();
        self.buffers.logs.extend(sample.features.iter().map(log));
        let learnable = self.bins.len() < BINS || self.bins.contains_key(&bin);
        let known = self.across.n();
        let mut suspicious_at_all = false;
        for f in 0..self.buffers.logs.len() {
            let x = self.buffers.logs[f];
            if x.is_nan() {
                self.buffers.verdicts.push(Verdict { judged: Err("value"), stands: self.alarms[f].stands() });
                continue;
            }
            let here = self.bins.get(&bin).and_then(|c| c.get(f)).map_or(0, |c| c.baseline.n());
            let cells = if learnable { Some(self.bins.entry(bin).or_default()) } else { None };
            let cell = cells.map(|c| {
                c.resize(self.buffers.logs.len(), Cell::default());
                &mut c[f]
            });
            let chart = settings.design.chart;
            let across = self.across.score(f, x, place, across_follows);
            let across = across.map(|(score, limit)| (Basis::Across, chart.step(&mut self.charts[f], score), limit));
            let own = cell.and_then(|c| {
                let score = c.baseline.score(x, follows)?;
                Some((Basis::State, chart.step(&mut c.chart, score), c.baseline.learnt()?.limit))
            });
            // What has not shown a level here has shown none in the same records under another name.
            let judged = own.or(across.filter(|_| known >= 2 * here));
            let ratio = judged.map_or(f64::NAN, |(_, s, limit)| s.abs() / limit);
            let stands = self.alarms[f].step(ratio, sample.running.t, settings.least_s);
            let suspicious = stands || ratio > SUSPICIOUS;
            suspicious_at_all |= suspicious;
            if let Some(cell) = self.bins.get_mut(&bin).and_then(|c| c.get_mut(f)) {
                cell.baseline.learn(x, sample.running.t, follows, suspicious, &settings.learning, &settings.design);
            }
            self.buffers.verdicts.push(Verdict { judged: judged.ok_or("learning"), stands });
        }
        self.across.learn(&self.buffers.logs, place, across_follows, suspicious_at_all, &settings.design);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;
    use crate::watch::arl::Budget;
    use crate::watch::chart::Chart;

    fn settings() -> Settings {
        let design = Design::new(Chart::Ewma { lambda: 0.1 }, Budget::default().run_length());
        Settings { design, learning: Learning::default(), off_below_rpm: 75.0, least_s: 0.0 }
    }

    /// A machine whose two features go with the square of its speed.
    struct Machine {
        t: f64,
        noise: Noise,
        watcher: Watcher,
    }

    impl Machine {
        fn run(&mut self, rpm: f64, fault: f64, settings: &Settings) -> (Operating, Vec<Verdict>) {
            self.t += 3600.0;
            let base = (rpm / 1500.0).powi(2).max(1e-4);
            let features = [
                2.0 * base * (0.1 * self.noise.normal()).exp(),
                5.0 * base * (0.05 * self.noise.normal() + fault).exp(),
            ];
            let running = Running { t: self.t, rpm: Some(rpm), ..Running::default() };
            let sample = Sample { running, temperature: None, features: &features };
            let (o, v) = self.watcher.step(&sample, settings);
            (o, v.to_vec())
        }
    }

    fn machine(seed: u64) -> Machine {
        Machine { t: 0.0, noise: Noise::new(seed), watcher: Watcher::default() }
    }

    #[test]
    fn a_fault_raises_its_own_alarm_and_a_stop_does_not_take_it_back() {
        let s = settings();
        let mut m = machine(81);
        for _ in 0..500 {
            let (_, v) = m.run(1500.0, 0.0, &s);
            assert!(v.iter().all(|v| !v.stands));
        }
        let bin = m.watcher.states().next().unwrap();
        assert!((m.watcher.view(bin, 1, &s).unwrap().location / 5.0 - 1.0).abs() < 0.02);
        // 20 % more: four scales of the second feature.
        let raised = (0..60).position(|_| m.run(1500.0, 0.2, &s).1[1].stands).unwrap();
        assert!(raised < 20, "{raised}");
        let (o, v) = m.run(0.0, 0.0, &s);
        assert_eq!(o, Operating::Off);
        assert!(v[1].stands && !v[0].stands);
        assert_eq!(v[1].judged, Err("state"));
        // After maintenance all is learnt anew, and the version shows it.
        m.watcher.reset();
        (0..300).for_each(|_| drop(m.run(1500.0, 0.2, &s)));
        let bin = m.watcher.states().next().unwrap();
        let v = m.watcher.view(bin, 1, &s).unwrap();
        assert!(v.version == 1 && v.location > 5.8, "{v:?}");
        assert!(!m.run(1500.0, 0.2, &s).1[1].stands);
    }

    #[test]
    fn ramps_raise_nothing_and_a_new_speed_is_judged_by_the_regression() {
        let s = settings();
        let mut m = machine(82);
        let mut across = 0;
        // Speeds between 1000 and 2000 in turn, each for 25 records, with ramps between them.
        for round in 0..60 {
            let rpm = 1000.0 * (1.0 + f64::from(round * 7 % 11) / 10.0);
            for i in 0..35 {
                let rpm = if i < 10 { rpm * (0.5 + 0.05 * f64::from(i)) } else { rpm };
                let (o, v) = m.run(rpm, 0.0, &s);
                assert!(v.iter().all(|v| !v.stands), "round {round}");
                if i < 10 {
                    assert_eq!(v[0].judged, Err("state"), "{o:?}");
                }
                across += usize::from(matches!(v[0].judged, Ok((Basis::Across, ..))));
            }
        }
        assert!(across > 100, "{across}");
        // A fault at a speed between, which no state has learnt: found by the regression.
        let mut last = None;
        for _ in 0..60 {
            last = Some(m.run(1550.0, 0.3, &s).1);
        }
        let last = last.unwrap();
        assert!(matches!(last[1].judged, Ok((Basis::Across, ..))) && last[1].stands, "{last:?}");
        assert!(!last[0].stands);
        // And nothing of it was learnt there.
        let fresh = m.watcher.bins.values().filter(|c| c[1].baseline.learnt().is_some()).count();
        assert!(m.watcher.states().count() > fresh);
    }

    #[test]
    fn what_is_no_number_is_not_judged() {
        let s = settings();
        let mut m = machine(83);
        (0..300).for_each(|_| drop(m.run(1500.0, 0.0, &s)));
        for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            m.t += 3600.0;
            let running = Running { t: m.t, rpm: Some(1500.0), load: Some(f64::NAN), range_rpm: None };
            let sample = Sample { running, temperature: None, features: &[bad, 5.0] };
            let (_, v) = m.watcher.step(&sample, &s);
            assert_eq!(v[0].judged, Err("value"));
            assert!(v[1].judged.is_ok(), "{v:?}");
        }
        let running = Running { t: m.t, ..Running::default() };
        let sample = Sample { running, temperature: None, features: &[2.0, 5.0] };
        assert_eq!(m.watcher.step(&sample, &s).1[0].judged, Err("state"));
    }
}

//! What is usual for one feature in one state.
//!
//! Works on logarithms of features: vibration scatters in proportion, and its logarithm is nearly symmetric. Location
//! and scale are median and 1.4826·MAD. What is left over is whitened with the AR(1) coefficient of the learnt samples,
//! clipped at three deviations, and standardised by the mean and deviation of the clipped ones; so a chart sees scores of
//! mean 0 and variance 1 whose tails are shorter than the normal ones that its limits were designed for, whatever the
//! tails of the feature. Only the skewness of what is left inside the clip remains, and averages out within the memory of
//! a chart.
//!
//! One coefficient does not whiten the slow wander of a plant, and a hundred samples do not show whether there is one. So
//! a limit that would hold for white scores is not believed: as [`super::tags`] does, the moving average of the scores is
//! judged by the predictive t distribution that the learnt samples leave, with as many degrees of freedom as its own
//! correlation leaves. Of white scores that asks at first for half more than what the run length would, and at last for a
//! sixth more. Where the average itself has heavier tails than chance explains (bursts), the t distribution gets the fewer
//! degrees of freedom that its kurtosis asks for. While what was learnt is not worth eight independent averages, which
//! takes some 200 white samples, no level has been shown, and learning goes on. That is looked at no more often than at each
//! doubling: the first moment at which a wandering feature happens to look white is the worst one to learn from.
//!
//! Learning: from [`Learning::first`] samples on there is a baseline; it is computed again at each doubling and closes at
//! [`Learning::most`], after which it never moves by itself. A sample is taken in only after [`Learning::held`] more have
//! come without suspicion, and suspicion throws away those that wait: a fault that comes slowly reaches the level of
//! suspicion before much of it was learnt, and from then on nothing is. One that is slower yet shows when the baseline is
//! computed again: where what was learnt since lies four standard errors off, the baseline stays as it was and closes.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

use super::arl::Design;
use super::moments::worth_for_variance;
use super::packed;
use super::robust::location_and_scale;
use super::wander::wander;

/// Least scale of the logarithm of a feature: half a percent, which no chain of sensor and mounting repeats better than.
pub const FLOOR: f64 = 0.005;
/// Clipping of whitened deviations.
const CLIP: f64 = 3.0;
/// Most that is believed of an AR(1) coefficient. Above, a shift that stays is all but filtered out.
const PHI: f64 = 0.9;
/// Independent moving averages that a feature must have shown before its baseline holds.
const SHOWN: f64 = 8.0;
/// Standard errors by which a level moves no further of itself.
const MOVED: f64 = 4.0;

/// How much is learnt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learning {
    /// Samples from which on there is a baseline.
    pub first: usize,
    /// Samples at which it closes.
    pub most: usize,
    /// Samples for which one waits before it is taken in.
    pub held: usize,
}

impl Default for Learning {
    fn default() -> Self {
        Self { first: 100, most: 800, held: 20 }
    }
}

/// What was learnt, for whitening and standardising.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Learnt {
    /// Median of the logarithm.
    pub location: f64,
    /// 1.4826·MAD of the logarithm, at least [`FLOOR`].
    pub scale: f64,
    /// AR(1) coefficient of the deviations.
    pub phi: f64,
    /// Mean of the clipped whitened deviations, in units of `spread`.
    centre: f64,
    /// 1.4826·MAD of the whitened deviations, in units of `scale`.
    spread: f64,
    /// Deviation of the clipped ones, in units of `spread`.
    deviation: f64,
    /// By how much a future moving average is to be expected to scatter more than one of white noise about a known level.
    pub wander: f64,
    /// What the chart's statistic is held against.
    pub limit: f64,
    /// Independent moving averages that were seen.
    pub shown: f64,
}

impl Learnt {
    /// Learns from samples in time order; a NaN between two says that they do not follow one another. `spent` samples'
    /// worth went into what was taken off them before (coefficients of a regression). `None` of fewer than ten.
    #[must_use]
    pub fn of(samples: &[f64], spent: usize, design: &Design) -> Option<Self> {
        let mut x: Vec<f64> = samples.iter().copied().filter(|v| v.is_finite()).collect();
        let n = x.len();
        if n < 10 {
            return None;
        }
        let (location, scale) = location_and_scale(&mut x, FLOOR);
        let mut new = Self { location, scale, spread: 1.0, deviation: 1.0, wander: 1.0, ..Self::default() };
        new.phi = new.coefficient(samples);
        let mut white: Vec<f64> = Vec::with_capacity(n);
        let mut before = None;
        for v in samples {
            if v.is_finite() {
                white.push(new.whiten(*v, before));
            }
            before = v.is_finite().then_some(*v);
        }
        let mut scratch = white.clone();
        let (mid, spread) = location_and_scale(&mut scratch, 0.2 * (1.0 - new.phi * new.phi).sqrt());
        new.spread = spread;
        white.iter_mut().for_each(|e| *e = mid / spread + ((*e - mid) / spread).clamp(-CLIP, CLIP));
        new.centre = white.iter().sum::<f64>() / n as f64;
        let square = white.iter().map(|e| (e - new.centre).powi(2)).sum::<f64>() / (n - 1) as f64;
        // Where most samples are the same, the few others are what varies.
        new.deviation = square.sqrt().max(0.5);
        white.iter_mut().for_each(|e| *e = (*e - new.centre) / new.deviation);
        let worth = worth_for_variance((n - spent.min(n - 2)) as f64, new.phi);
        let wander = wander(&mut white);
        (new.wander, new.shown) = (wander.scale, wander.shown);
        new.limit = design.limit(worth).max(design.limit(f64::INFINITY) * wander.widening(design.run_length));
        Some(new)
    }

    /// Whether enough was seen for a level to have shown.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.shown >= SHOWN
    }

    /// AR(1) coefficient of the clipped deviations of samples that follow one another, its bias undone; not below 0, as
    /// whitening against alternation would widen what a fault does.
    fn coefficient(&self, samples: &[f64]) -> f64 {
        let clipped = |v: f64| ((v - self.location) / self.scale).clamp(-CLIP, CLIP);
        let (mut product, mut square, mut n) = (0.0, 0.0, 0.0);
        for pair in samples.windows(2).filter(|w| w[0].is_finite() && w[1].is_finite()) {
            let (a, b) = (clipped(pair[0]), clipped(pair[1]));
            product += a * b;
            square += 0.5 * (a * a + b * b);
            n += 1.0;
        }
        if !(square > 0.0) || n < 10.0 {
            return 0.0;
        }
        let r = product / square;
        (r + (1.0 + 3.0 * r) / n).clamp(0.0, PHI)
    }

    /// The deviation of `x`, in units of `scale`, less what the one before lets expect. Without one before, brought to
    /// the same variance.
    fn whiten(&self, x: f64, before: Option<f64>) -> f64 {
        let d = (x - self.location) / self.scale;
        match before {
            Some(b) => d - self.phi * (b - self.location) / self.scale,
            None => d * (1.0 - self.phi * self.phi).sqrt(),
        }
    }

    /// The standardised score of `x`, given the sample before it where that follows.
    #[must_use]
    pub fn score(&self, x: f64, before: Option<f64>) -> f64 {
        let e = self.whiten(x, before) / self.spread;
        (e.clamp(self.centre - CLIP, self.centre + CLIP) - self.centre) / (self.deviation * self.wander)
    }
}

/// Whether the mean score of `samples` under a baseline from `n` others says that the level is another one. The scores
/// are scaled so that their long-run variance is about 1.
fn moved(learnt: &Learnt, n: usize, samples: &[f64]) -> bool {
    let (mut sum, mut count, mut before) = (0.0, 0.0, None);
    for v in samples {
        if v.is_finite() {
            sum += learnt.score(*v, before);
            count += 1.0;
        }
        before = v.is_finite().then_some(*v);
    }
    let n = n as f64;
    count > 0.0 && (sum / count).abs() > MOVED * (1.0 / count + 1.0 / n).sqrt()
}

/// What a page shows of a baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The median of the feature, in its own unit.
    pub location: f64,
    /// 1.4826·MAD of its natural logarithm: about the relative scatter.
    pub scale: f64,
    /// Samples that were learnt from.
    pub n: usize,
    /// The time of the first of them, s.
    pub since: f64,
    /// Whether it does not learn now: suspicious, or closed.
    pub frozen: bool,
    /// Counts up with each reset by a person.
    pub version: u32,
}

/// The baseline of one feature in one state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Learnt samples, NaN where two do not follow one another. Empty again once closed.
    #[serde(with = "packed")]
    samples: Vec<f32>,
    /// Samples that wait.
    #[serde(with = "packed")]
    waiting: VecDeque<f32>,
    n: usize,
    /// `n` when it was last computed.
    computed: usize,
    learnt: Option<Learnt>,
    /// The latest sample.
    before: Option<f64>,
    since: f64,
    suspicious: bool,
    /// What was learnt last had moved away from what was learnt before.
    moved: bool,
    /// How many entries of `samples` the baseline was computed from.
    used: usize,
}

impl Baseline {
    /// What was learnt, once it was.
    #[must_use]
    pub fn learnt(&self) -> Option<&Learnt> {
        self.learnt.as_ref()
    }

    /// The samples that were learnt so far.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// Whether it will not move by itself any more.
    #[must_use]
    pub fn closed(&self, learning: &Learning) -> bool {
        self.moved || self.n >= learning.most
    }

    /// What a page shows; `None` before there is a baseline. `version` counts the resets of its owner.
    #[must_use]
    pub fn view(&self, learning: &Learning, version: u32) -> Option<View> {
        let l = self.learnt?;
        Some(View {
            location: l.location.exp(),
            scale: l.scale,
            n: self.n,
            since: self.since,
            frozen: self.suspicious || self.closed(learning),
            version,
        })
    }

    /// The score of a logarithm `x`, where there is a baseline. `follows` says whether the sample before was of the same
    /// state and the one due before this.
    pub fn score(&mut self, x: f64, follows: bool) -> Option<f64> {
        let before = self.before.filter(|_| follows);
        self.before = Some(x);
        self.learnt.map(|l| l.score(x, before))
    }

    /// Learns from `x`, of time `t`, unless the baseline is closed or things look suspicious. Says whether the baseline
    /// was computed anew.
    pub fn learn(
        &mut self,
        x: f64,
        t: f64,
        follows: bool,
        suspicious: bool,
        learning: &Learning,
        design: &Design,
    ) -> bool {
        self.suspicious = suspicious;
        if self.closed(learning) {
            return false;
        }
        if self.suspicious {
            // Whatever comes next does not follow on what was learnt.
            self.waiting.clear();
            self.waiting.push_back(f32::NAN);
            return false;
        }
        if self.n == 0 && self.waiting.is_empty() {
            self.since = t;
        }
        if !follows {
            self.waiting.push_back(f32::NAN);
        }
        self.waiting.push_back(x as f32);
        // Before there is a baseline nothing looks suspicious, and nothing need wait.
        let held = if self.learnt.is_some() { learning.held } else { 0 };
        while self.waiting.len() > held {
            let Some(v) = self.waiting.pop_front() else { break };
            self.samples.push(v);
            self.n += usize::from(v.is_finite());
        }
        self.compute(learning, design)
    }

    fn compute(&mut self, learning: &Learning, design: &Design) -> bool {
        let due = if self.computed == 0 { learning.first } else { (2 * self.computed).min(learning.most) };
        if self.n < due.max(10) || self.n <= self.computed {
            return false;
        }
        let samples: Vec<f64> = self.samples.iter().map(|v| f64::from(*v)).collect();
        let since = samples.get(self.used..).unwrap_or_default();
        self.moved = self.learnt.is_some_and(|l| moved(&l, self.computed, since));
        if !self.moved {
            let holds = |l: &Learnt| l.holds() || self.closed(learning);
            self.learnt = Learnt::of(&samples, 0, design).filter(holds).or(self.learnt);
        }
        (self.computed, self.used) = (self.n, samples.len());
        // A baseline that moved stays as it was.
        if self.closed(learning) {
            (self.samples, self.waiting) = (Vec::new(), VecDeque::new());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::*;
    use crate::rotating::testing::Noise;
    use crate::watch::chart::Chart;

    fn design() -> &'static Design {
        static DESIGN: OnceLock<Design> = OnceLock::new();
        DESIGN.get_or_init(|| Design::new(EWMA, 1e6))
    }

    const EWMA: Chart = Chart::Ewma { lambda: 0.1 };

    /// AR(1) of unit variance whose noise is drawn by `draw`.
    fn ar(phi: f64, n: usize, mut draw: impl FnMut() -> f64) -> Vec<f64> {
        let mut x = 0.0;
        (0..n)
            .map(|_| {
                x = phi * x + (1.0 - phi * phi).sqrt() * draw();
                x
            })
            .collect()
    }

    #[test]
    fn scores_are_standard_whatever_the_tails_and_the_memory() {
        let mut noise = Noise::new(71);
        // Normal, Student-t with three degrees of freedom, exponential.
        let student = |n: &mut Noise| n.normal() / ((0..3).map(|_| n.normal().powi(2)).sum::<f64>() / 3.0).sqrt();
        let draws: [fn(&mut Noise) -> f64; 3] = [Noise::normal, student, |n| -n.uniform().ln() - 1.0];
        for draw in draws {
            for phi in [0.0, 0.6] {
                let x: Vec<f64> = ar(phi, 8_000, || draw(&mut noise)).iter().map(|v| 1.0 + 0.1 * v).collect();
                let learnt = Learnt::of(&x[..4_000], 0, design()).unwrap();
                assert!((learnt.phi - phi).abs() < 0.12, "{learnt:?}");
                assert!(learnt.wander < 1.3, "{learnt:?}");
                let scores: Vec<f64> = x[4_000..].windows(2).map(|w| learnt.score(w[1], Some(w[0]))).collect();
                let n = scores.len() as f64;
                let mean = scores.iter().sum::<f64>() / n;
                let sd = (scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / n).sqrt();
                let memory = scores.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n;
                assert!(mean.abs() < 0.08 && (0.75..1.1).contains(&sd) && memory.abs() < 0.12, "{mean} {sd} {memory}");
                assert!(scores.iter().all(|s| s.abs() < 6.0));
            }
        }
    }

    #[test]
    fn the_scale_has_a_floor_and_gaps_are_not_bridged() {
        let learnt = Learnt::of(&[1.0; 50], 0, design()).unwrap();
        assert_eq!((learnt.scale, learnt.location), (FLOOR, 1.0));
        assert!(learnt.score(1.1, None) > 2.0 && learnt.score(1.0, None).abs() < 0.5);
        assert!(Learnt::of(&[1.0; 9], 0, design()).is_none());
        assert!(Learnt::of(&[f64::NAN; 100], 0, design()).is_none());
        // Pairs that repeat each other, with a gap after each: the first coefficient of pairs is 1, of all it is ½.
        let mut noise = Noise::new(72);
        let pairs: Vec<f64> = (0..200)
            .flat_map(|_| {
                let v = noise.normal();
                [v, v, f64::NAN]
            })
            .collect();
        assert_eq!(Learnt::of(&pairs, 0, design()).unwrap().phi, PHI);
        let (a, b) = (Learnt::of(&pairs, 0, design()).unwrap(), 1.0);
        assert!(a.score(b, Some(b)).abs() < a.score(b, None).abs());
    }

    /// Feeds a baseline as a watcher would, with an EWMA; gives the largest statistic and whether it was ever frozen.
    fn feed(baseline: &mut Baseline, x: &[f64], learning: &Learning, freezes: bool) -> f64 {
        let (chart, design) = (EWMA, design());
        let (mut state, mut most) = (0.0, 0.0);
        for (i, v) in x.iter().enumerate() {
            let statistic = baseline.score(*v, i > 0).map_or(0.0, |s| chart.step(&mut state, s));
            most = f64::max(most, statistic);
            baseline.learn(*v, i as f64, i > 0, freezes && statistic.abs() > 2.8, learning, design);
        }
        most
    }

    #[test]
    fn a_slow_fault_is_not_learnt() {
        // A rise by one scale in 150 samples from the 260th on, while the baseline still learns.
        let mut noise = Noise::new(73);
        let x: Vec<f64> =
            (0..900).map(|i| 0.1 * noise.normal() + 0.1 * (f64::from(i) - 260.0).max(0.0) / 150.0).collect();
        let learning = Learning { most: 800, ..Learning::default() };
        let mut kept = Baseline::default();
        let most = feed(&mut kept, &x, &learning, true);
        assert!(most > 9.0, "{most}");
        assert!(kept.learnt().unwrap().location < 0.06, "{:?}", kept.learnt());
        assert!(kept.view(&learning, 0).unwrap().frozen);
        // A baseline that goes along with the last samples takes the fault for usual.
        let taken = Learnt::of(&x[500..], 0, design()).unwrap();
        assert!(taken.location > 0.25, "{taken:?}");
        assert!(taken.score(0.49, None) < 0.8 * kept.learnt().unwrap().score(0.49, None));
    }

    #[test]
    fn what_wanders_gets_a_wide_limit_and_what_does_not_a_close_one() {
        let (mut noise, design) = (Noise::new(75), design());
        let mean = |n: usize, slow: f64, noise: &mut Noise| {
            // A wander whose memory is 200 samples, under noise that hides it from lag one.
            let of_one = |noise: &mut Noise| {
                let x: Vec<f64> = ar(0.995, n, || noise.normal()).iter().map(|v| slow * v).collect();
                let x: Vec<f64> = x.iter().map(|v| v + noise.normal()).collect();
                let l = Learnt::of(&x, 0, design).unwrap();
                l.wander * l.limit
            };
            let mut all: Vec<f64> = (0..60).map(|_| of_one(noise)).collect();
            all.sort_by(f64::total_cmp);
            all[30]
        };
        let of_white: Vec<f64> = [100, 200, 400, 800].iter().map(|n| mean(*n, 0.0, &mut noise)).collect();
        assert!(of_white.windows(2).all(|w| w[0] > w[1]), "{of_white:?}");
        assert!(of_white[0] < 20.0 && of_white[3] < 1.35 * 4.83, "{of_white:?}");
        assert!(mean(400, 1.0, &mut noise) > 3.0 * of_white[2]);
    }

    #[test]
    fn it_can_be_seen_and_it_closes() {
        let mut noise = Noise::new(74);
        let x: Vec<f64> = (0..600).map(|_| 2f64.ln() + 0.05 * noise.normal()).collect();
        let learning = Learning { most: 400, ..Learning::default() };
        let mut b = Baseline::default();
        assert!(b.view(&learning, 0).is_none());
        feed(&mut b, &x[..99], &learning, true);
        assert!(b.learnt().is_none());
        feed(&mut b, &x[99..150], &learning, true);
        assert!(b.learnt().is_none(), "a hundred samples have not shown eight averages");
        feed(&mut b, &x[150..210], &learning, true);
        let v = b.view(&learning, 3).unwrap();
        assert!((v.location - 2.0).abs() < 0.05 && (v.scale - 0.05).abs() < 0.02, "{v:?}");
        assert_eq!((v.n, v.since, v.frozen, v.version), (200, 0.0, false, 3));
        feed(&mut b, &x[210..], &learning, true);
        let v = b.view(&learning, 3).unwrap();
        assert!(v.frozen && v.n == 400 && b.closed(&learning), "{v:?}");
        let closed = b.clone();
        feed(&mut b, &[5.0; 300], &learning, false);
        assert_eq!(b.learnt(), closed.learnt(), "what is closed does not move");
    }
}

//! What is usual for one feature in one state.
//!
//! Works on logarithms of features: vibration scatters in proportion, and its logarithm is nearly symmetric. Location
//! and scale are median and 1.4826·MAD. What is left over is whitened with the AR(1) coefficient of the learnt samples,
//! clipped at three deviations, and standardised by the mean and deviation of the clipped ones; so a chart sees scores of
//! mean 0 and variance 1 whose tails are shorter than the normal ones that its limits were designed for, whatever the
//! tails of the feature. Only the skewness of what is left inside the clip remains, and averages out within the memory of
//! a chart.
//!
//! Learning: from [`Learning::first`] samples on there is a baseline; it is computed again at each doubling and closes at
//! [`Learning::most`], after which it never moves by itself. A sample is taken in only after [`Learning::held`] more have
//! come without suspicion, and suspicion throws away those that wait: a fault that comes slowly reaches the level of
//! suspicion before much of it was learnt, and from then on nothing is.

use std::collections::VecDeque;

use super::moments::worth_for_variance;
use super::robust::location_and_scale;

/// Least scale of the logarithm of a feature: half a percent, which no chain of sensor and mounting repeats better than.
pub const FLOOR: f64 = 0.005;
/// Clipping of whitened deviations.
const CLIP: f64 = 3.0;
/// Most that is believed of an AR(1) coefficient. Above, a shift that stays is all but filtered out.
const PHI: f64 = 0.9;

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
        Self { first: 100, most: 400, held: 20 }
    }
}

/// What was learnt, for whitening and standardising.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    /// Independent samples that went into it.
    pub worth: f64,
}

impl Learnt {
    /// Learns from samples in time order; a NaN between two says that they do not follow one another. `None` of fewer
    /// than ten.
    #[must_use]
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut x: Vec<f64> = samples.iter().copied().filter(|v| v.is_finite()).collect();
        let n = x.len();
        if n < 10 {
            return None;
        }
        let (location, scale) = location_and_scale(&mut x, FLOOR);
        let mut new = Self { location, scale, spread: 1.0, deviation: 1.0, ..Self::default() };
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
        new.worth = worth_for_variance(n as f64, new.phi).max(1.0);
        Some(new)
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
        (e.clamp(self.centre - CLIP, self.centre + CLIP) - self.centre) / self.deviation
    }
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// Learnt samples, NaN where two do not follow one another. Empty again once closed.
    samples: Vec<f32>,
    /// Samples that wait.
    waiting: VecDeque<f32>,
    n: usize,
    /// `n` when it was last computed.
    computed: usize,
    learnt: Option<Learnt>,
    /// The latest sample.
    before: Option<f64>,
    since: f64,
    suspicious: bool,
}

impl Baseline {
    /// What was learnt, once it was.
    #[must_use]
    pub fn learnt(&self) -> Option<&Learnt> {
        self.learnt.as_ref()
    }

    /// Whether it will not move by itself any more.
    #[must_use]
    pub fn closed(&self, learning: &Learning) -> bool {
        self.n >= learning.most
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
    pub fn learn(&mut self, x: f64, t: f64, follows: bool, suspicious: bool, learning: &Learning) -> bool {
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
        self.compute(learning)
    }

    fn compute(&mut self, learning: &Learning) -> bool {
        let due = if self.computed == 0 { learning.first } else { (2 * self.computed).min(learning.most) };
        if self.n < due.max(10) || self.n <= self.computed {
            return false;
        }
        let samples: Vec<f64> = self.samples.iter().map(|v| f64::from(*v)).collect();
        self.learnt = Learnt::of(&samples).or(self.learnt);
        self.computed = self.n;
        if self.closed(learning) {
            (self.samples, self.waiting) = (Vec::new(), VecDeque::new());
        }
        true
    }
}

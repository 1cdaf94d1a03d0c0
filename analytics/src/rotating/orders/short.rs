//! The spectrum of one window and what a comb of lines stands over in it.

use std::f64::consts::TAU;

use crate::rotating::plans::Plans;
use crate::rotating::transform::forward;

/// Teeth of the comb.
pub(super) const TEETH: usize = 5;
/// Zero padding of a window, so that lines between lines are seen.
const PADDED: usize = 4;
/// The quarter of the lines of noise lies below this part of their mean: −ln(3/4).
const QUARTER: f64 = 0.287_682;
/// e^γ: the mean of exponentially distributed lines over their geometric mean.
const GEOMETRIC: f64 = 1.781_072;

/// The spectrum of one window (Hann).
pub(super) struct Short {
    power: Vec<f64>,
    /// What surrounds the lines, every `hop` lines.
    floor: Vec<f64>,
    hop: usize,
    sorted: Vec<f64>,
    window: usize,
    df: f64,
    mean: f64,
    expected_hz: (f64, f64),
}

impl Short {
    pub fn new(window: usize, fs: f64, mean: f64, expected_hz: (f64, f64)) -> Self {
        let df = fs / (PADDED * window) as f64;
        let hop = (0.25 * expected_hz.0 / df).max(1.0) as usize;
        Self { power: Vec::new(), floor: Vec::new(), hop, sorted: Vec::new(), window, df, mean, expected_hz }
    }

    pub fn transform(&mut self, plans: &Plans, x: &[f64]) {
        let n = self.window as f64;
        let hann = |i: usize| 0.5 * (1.0 - (TAU * i as f64 / n).cos());
        let mut padded: Vec<f64> = x.iter().enumerate().map(|(i, v)| (v - self.mean) * hann(i)).collect();
        padded.resize(PADDED * self.window, 0.0);
        self.power.clear();
        self.power.extend(forward(plans, &mut padded).iter().map(|v| v.norm_sqr()));
        self.surround();
    }

    /// The lower quarter of the lines within one and a half harmonics either side, but not below a third of the first,
    /// where the mean's removal left nothing.
    fn surround(&mut self) {
        let (low, high) = self.expected_hz;
        let line = |hz: f64| (hz / self.df) as usize;
        let (half, least) = (line(1.5 * (low * high).sqrt()), line(0.3 * low));
        let last = line(TEETH as f64 * high).min(self.power.len() - 1);
        self.floor.clear();
        for at in (0..=last + self.hop).step_by(self.hop) {
            let around = at.saturating_sub(half).max(least)..(at + half + 1).min(self.power.len());
            self.sorted.clear();
            self.sorted.extend(self.power[around].iter().step_by(2));
            let quarter = self.sorted.len() / 4;
            let floor = if self.sorted.is_empty() {
                0.0
            } else {
                *self.sorted.select_nth_unstable_by(quarter, f64::total_cmp).1
            };
            self.floor.push((floor / QUARTER).max(f64::MIN_POSITIVE));
        }
    }

    /// ln ρ of each harmonic of `f` that stands at the top of its line, not beside it: no more than 3 dB below the highest
    /// within a line of the window either side. Of the others 0, as of noise.
    pub fn sharp(&self, f: f64) -> [f64; TEETH] {
        let mut logs = self.comb(f);
        for (k, log) in logs.iter_mut().enumerate() {
            let at = (((k + 1) as f64 * f / self.df).round() as usize).min(self.power.len() - 1);
            let near = &self.power[at.saturating_sub(PADDED)..(at + PADDED + 1).min(self.power.len())];
            if self.power[at] < 0.5 * near.iter().copied().fold(0.0, f64::max) {
                *log = 0.0;
            }
        }
        logs
    }

    /// ln ρ of each harmonic of `f`.
    pub fn comb(&self, f: f64) -> [f64; TEETH] {
        std::array::from_fn(|k| {
            let line = (((k + 1) as f64 * f / self.df).round() as usize).min(self.power.len() - 1);
            let floor = self.floor[((line + self.hop / 2) / self.hop).min(self.floor.len() - 1)];
            (self.power[line].max(f64::MIN_POSITIVE) / floor).ln()
        })
    }
}

/// Geometric mean of each harmonic's ρ over windows whose ln ρ are given, 1 for noise: one event makes no comb.
pub(super) fn ratios(logs: impl Iterator<Item = [f64; TEETH]> + Clone) -> [f64; TEETH] {
    let windows = logs.clone().count().max(1) as f64;
    std::array::from_fn(|k| GEOMETRIC * (logs.clone().map(|l| l[k]).sum::<f64>() / windows).exp())
}

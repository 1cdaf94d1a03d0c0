//! From samples a second to samples a turn.

use super::phase::Phase;
use crate::rotating::Refusal;
use crate::rotating::signal::{mean, sound};

/// Half the kernel's length, in samples at its own rate.
const HALF: usize = 16;
/// Steps of the kernel's table a sample.
const STEPS: usize = 512;
/// Shape of the Kaiser window: stopband 90 dB down, passband to 0.82 of Nyquist.
const BETA: f64 = 9.0;
/// Most samples that come out, as a multiple of those that go in.
const MOST: f64 = 4.0;

/// A record by the angle of its shaft.
#[derive(Clone, Debug, PartialEq)]
pub struct Resampled {
    /// Samples at even angles, from a whole turn on; their mean is that of the record.
    pub values: Vec<f64>,
    /// Samples of one turn, a power of two.
    pub per_turn: usize,
    /// Whole turns.
    pub turns: usize,
    /// The turn that the first sample stands at.
    pub first_turn: f64,
    /// Highest order that holds what the record holds there, limited by the record's rate at the fastest and the
    /// resampled rate.
    pub highest_order: f64,
}

/// Resamples `x` at `fs` Hz by `phase`, over the whole turns that lie within the record.
///
/// A turn gets 2^k samples, as many as the record has at the slowest, so that nothing folds; where that would be more
/// than four times the record in all (a run-up from standstill), fewer, and the kernel filters accordingly. The values
/// between samples come from a windowed sinc of 32 samples (Kaiser, β = 9; Smith & Gossett, ICASSP 1984, 19.4), right to
/// 1e-4 up to 0.8 of Nyquist.
///
/// Refused: `turns` (not one whole turn), `speed` (a curve that turns back, or fewer than 4 samples a turn), `rate`,
/// `record_length`, `sensor`.
pub fn by_turn(x: &[f64], fs: f64, phase: &Phase) -> Result<Resampled, Refusal> {
    let x = sound(x, fs)?;
    let (slowest, fastest) = phase.range_hz().ok_or("speed")?;
    let (first, turns) = whole_turns(phase, x.len() as f64 / fs).ok_or("turns")?;
    let wanted = (fs / slowest).log2().ceil().exp2();
    let most = (MOST * x.len() as f64 / turns as f64).log2().floor().exp2();
    let per_turn = wanted.min(most);
    if per_turn < 4.0 {
        return Err("speed");
    }
    // The lowest rate that comes out, as a part of the one that goes in.
    let cut = (per_turn * slowest / fs).min(1.0);
    let kernel = Kernel::new(cut);
    let mean = mean(x);
    let at = |i: usize| kernel.value(x, mean, phase.time_of(first + i as f64 / per_turn) * fs);
    let values = (0..turns * per_turn as usize).map(at).collect();
    let highest_order = (0.4 * fs / fastest).min(0.4 * per_turn * cut);
    Ok(Resampled { values, per_turn: per_turn as usize, turns, first_turn: first, highest_order })
}

/// The first whole turn and the number of whole turns from it that lie within `seconds` from 0.
fn whole_turns(phase: &Phase, seconds: f64) -> Option<(f64, usize)> {
    let (first, last) = phase.turns();
    let (mut first, mut last) = ((first - 1e-9).ceil(), (last + 1e-9).floor());
    while first < last && phase.time_of(first) < 0.0 {
        first += 1.0;
    }
    while last > first && phase.time_of(last) > seconds {
        last -= 1.0;
    }
    (last > first).then_some((first, (last - first) as usize))
}

/// A windowed sinc, tabulated.
struct Kernel {
    table: Vec<f64>,
    cut: f64,
    half: f64,
}

impl Kernel {
    /// Passes what lies below `cut` (0 to 1) of Nyquist.
    fn new(cut: f64) -> Self {
        let value = |i: usize| {
            let u = i as f64 / STEPS as f64;
            let inside = 1.0 - (u / HALF as f64).powi(2);
            let window = if inside > 0.0 { bessel_i0(BETA * inside.sqrt()) / bessel_i0(BETA) } else { 0.0 };
            let w = std::f64::consts::PI * u;
            cut * window * if i == 0 { 1.0 } else { w.sin() / w }
        };
        Self { table: (0..=HALF * STEPS + 1).map(value).collect(), cut, half: HALF as f64 / cut }
    }

    /// The value of `x` between its samples, at `at`; beyond the ends `x` is taken to be `rest`.
    fn value(&self, x: &[f64], rest: f64, at: f64) -> f64 {
        let first = (at - self.half).ceil().max(0.0) as usize;
        let end = ((at + self.half).floor().max(-1.0) + 1.0).max(0.0) as usize;
        let mut sum = 0.0;
        for (i, v) in x.iter().enumerate().take(end).skip(first) {
            let u = (at - i as f64).abs() * self.cut * STEPS as f64;
            let k = (u as usize).min(self.table.len() - 2);
            let weight = self.table[k] + (self.table[k + 1] - self.table[k]) * (u - k as f64);
            sum += (v - rest) * weight;
        }
        rest + sum
    }
}

/// The modified Bessel function of order 0, by its series.
fn bessel_i0(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..64 {
        term *= (0.5 * x / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::sine;
    use std::f64::consts::TAU;

    const FS: f64 = 10_000.0;

    fn steady(hz: f64, seconds: f64) -> Phase {
        Phase::through(vec![0.0, seconds], vec![0.0, hz * seconds]).unwrap()
    }

    #[test]
    fn values_between_samples_are_right() {
        for f in [50.0, 1730.0, 3990.0] {
            let x = sine(20_000, FS, f, 1.0, 7.0);
            let r = by_turn(&x, FS, &steady(23.0, 2.0)).unwrap();
            assert_eq!((r.per_turn, r.turns), (512, 46));
            let inner = r.per_turn..r.values.len() - r.per_turn;
            for i in inner {
                let t = i as f64 / 512.0 / 23.0;
                let want = 7.0 + (TAU * f * t).sin();
                assert!((r.values[i] - want).abs() < 2e-4, "{f} Hz at {t}: {} {want}", r.values[i]);
            }
        }
    }

    #[test]
    fn a_run_up_from_nearly_nothing_stays_bounded_and_does_not_fold() {
        // 0.5 Hz to 40 Hz within 4 s, with a tone of 4 kHz that a slow turn has no room for.
        let x = sine(40_000, FS, 4000.0, 1.0, 0.0);
        let times: Vec<f64> = (0..=400).map(|i| f64::from(i) * 0.01).collect();
        let turns = times.iter().map(|t| 0.5 * t + 4.9375 * t * t).collect();
        let r = by_turn(&x, FS, &Phase::through(times, turns).unwrap()).unwrap();
        assert!(r.values.len() <= 160_000);
        let rms = (r.values.iter().map(|v| v * v).sum::<f64>() / r.values.len() as f64).sqrt();
        assert!(rms < 0.02, "{rms}");
    }

    #[test]
    fn refusals() {
        let x = sine(20_000, FS, 50.0, 1.0, 7.0);
        assert_eq!(by_turn(&x, FS, &steady(0.3, 2.0)), Err("turns"));
        assert_eq!(by_turn(&x, FS, &steady(9000.0, 2.0)), Err("speed"));
        assert_eq!(by_turn(&[1.0; 9], FS, &steady(10.0, 2.0)), Err("sensor"));
        assert_eq!(by_turn(&x, f64::INFINITY, &steady(10.0, 2.0)), Err("rate"));
    }
}

//! From samples a second to samples a turn.

use std::sync::LazyLock;

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
    let own = (cut < 1.0).then(|| Kernel::new(cut));
    let kernel = own.as_ref().unwrap_or(&WHOLE);
    let mean = mean(x);
    let angles = (0..turns * per_turn as usize).map(|i| first + i as f64 / per_turn);
    let values = phase.times_of(angles).map(|t| kernel.value(x, mean, t * fs)).collect();
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

/// The windowed sinc from its middle to its end, `STEPS` values a sample.
static SINC: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let value = |i: usize| {
        let u = i as f64 / STEPS as f64;
        let inside = 1.0 - (u / HALF as f64).powi(2);
        let window = if inside > 0.0 { bessel_i0(BETA * inside.sqrt()) / bessel_i0(BETA) } else { 0.0 };
        let w = std::f64::consts::PI * u;
        window * if i == 0 { 1.0 } else { w.sin() / w }
    };
    (0..=HALF * STEPS + 1).map(value).collect()
});

/// The weights of the samples around a place, for places at even distances between two samples.
struct Kernel {
    /// A row a place, the first at a sample, the last at the next.
    rows: Vec<f64>,
    places: usize,
    /// Samples on each side.
    reach: usize,
}

/// What passes all: most records need no other.
static WHOLE: LazyLock<Kernel> = LazyLock::new(|| Kernel::new(1.0));

impl Kernel {
    /// Passes what lies below `cut` (0 to 1) of Nyquist.
    fn new(cut: f64) -> Self {
        let reach = (HALF as f64 / cut).ceil() as usize;
        // As fine as the table: there it is as many steps whatever the cut.
        let places = (STEPS as f64 * cut).ceil() as usize;
        let weight = |i: usize| {
            let (place, tap) = (i / (2 * reach), i % (2 * reach));
            let u = (place as f64 / places as f64 + reach as f64 - 1.0 - tap as f64).abs() * cut * STEPS as f64;
            let k = (u as usize).min(SINC.len() - 2);
            cut * (SINC[k] + (SINC[k + 1] - SINC[k]) * (u - k as f64).min(1.0))
        };
        Self { rows: (0..(places + 1) * 2 * reach).map(weight).collect(), places, reach }
    }

    /// The value of `x` between its samples, at `at`; beyond the ends `x` is taken to be `rest`.
    fn value(&self, x: &[f64], rest: f64, at: f64) -> f64 {
        let taps = 2 * self.reach;
        let place = (at - at.floor()) * self.places as f64;
        let row = (place as usize).min(self.places - 1);
        let part = place - row as f64;
        // The sample of the first weight; both are whole numbers far below 2^52.
        let first = at.floor() as i64 - self.reach as i64 + 1;
        let (from, to) = (first.clamp(0, x.len() as i64), (first + taps as i64).clamp(0, x.len() as i64));
        let (skip, n) = ((from - first) as usize, (to - from) as usize);
        let of = |row: usize| &self.rows[row * taps..][skip.min(taps)..][..n];
        let (low, high) = weighed(&x[from as usize..to as usize], rest, of(row), of(row + 1));
        rest + low + (high - low) * part
    }
}

/// The sums of what `x` differs from `rest`, weighed in two ways; four at a time, as one sum would wait for itself.
fn weighed(x: &[f64], rest: f64, a: &[f64], b: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([0.0; 4], [0.0; 4]);
    let whole = x.chunks_exact(4).zip(a.chunks_exact(4)).zip(b.chunks_exact(4));
    for ((x, a), b) in whole {
        for i in 0..4 {
            low[i] += (x[i] - rest) * a[i];
            high[i] += (x[i] - rest) * b[i];
        }
    }
    let left = x.len() / 4 * 4..;
    for ((x, a), b) in x[left.clone()].iter().zip(&a[left.clone()]).zip(&b[left]) {
        low[0] += (x - rest) * a;
        high[0] += (x - rest) * b;
    }
    (low.iter().sum(), high.iter().sum())
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
    fn it_is_the_sum_of_all_samples_each_with_its_weight() {
        let mut noise = crate::rotating::testing::Noise::new(8);
        let x = noise.normals(300);
        for cut in [1.0, 0.63, 0.05, 1e-3] {
            let own = (cut < 1.0).then(|| Kernel::new(cut));
            let kernel = own.as_ref().unwrap_or(&WHOLE);
            assert!(kernel.rows.len() < 80_000, "{}", kernel.rows.len());
            for at in [-400.0, -20.5, -0.3, 0.0, 0.999_999, 7.25, 150.0, 150.123, 299.0, 305.7, 1e4] {
                let weight = |i: usize| {
                    let u = (at - i as f64).abs() * cut;
                    let k = ((u * STEPS as f64) as usize).min(SINC.len() - 1);
                    let k1 = (k + 1).min(SINC.len() - 1);
                    cut * (SINC[k] + (SINC[k1] - SINC[k]) * (u * STEPS as f64 - k as f64).min(1.0))
                };
                let want = 3.0 + x.iter().enumerate().map(|(i, v)| (v - 3.0) * weight(i)).sum::<f64>();
                let got = kernel.value(&x, 3.0, at);
                assert!((got - want).abs() < 2e-3 * cut.sqrt(), "{cut} at {at}: {got} {want}");
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

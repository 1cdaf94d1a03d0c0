//! The angle of the shaft from the record itself.
//!
//! The shaft's harmonics form a comb. Short spectra are matched with it, the best speed is followed from one to the next,
//! one harmonic is shifted down by that speed, and what is left of its phase corrects it.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

use super::phase::Phase;
use super::spline::Spline;
use crate::rotating::Refusal;
use crate::rotating::plans::{Plans, quick_length};
use crate::rotating::signal::mean;
use crate::rotating::transform::{Transformed, forward, inverse};

/// Teeth of the comb.
const TEETH: usize = 5;
/// A comb is clear from this ratio of power over its surroundings on: 6 dB.
const CLEAR: f64 = 4.0;
/// Turns at the slowest speed that a window holds at least, so that neighbouring harmonics are told apart.
const TURNS: f64 = 6.0;
/// Turns of the whole record at the slowest speed.
const LEAST_TURNS: f64 = 16.0;
/// Zero padding of a window, so that lines between lines are seen.
const PADDED: usize = 4;
/// The quarter of the lines of noise lies below this part of their mean: −ln(3/4).
const QUARTER: f64 = 0.287_682;
/// e^γ: the mean of exponentially distributed lines over their geometric mean.
const GEOMETRIC: f64 = 1.781_072;
/// Windows a turn of the correction: the phase is read this often per window's length.
const READ: usize = 8;
/// Rounds of correction: the second takes out what the first averaged away within its windows; more only follow noise.
const ROUNDS: usize = 2;
/// Samples that are kept for each turn at the fastest: eight harmonics.
const SLOW: f64 = 16.0;
/// Highest over lowest speed that is searched.
const WIDEST: f64 = 10.0;
/// Samples per Hz of usable bandwidth.
const PER_HZ: f64 = 2.56;

/// The angle of the shaft whose speed lies within `expected_hz` all the time, from the harmonics in `x`; from half a
/// window after the beginning to half a window before the end, turn 0 at the first value.
///
/// A harmonic's ratio is its power over its surroundings (their lower quarter, as the lines of the comb fill the rest),
/// geometric mean over the windows, so that one event makes no comb. The comb's ratio is the mean of the five harmonics.
/// It must reach 6 dB, and so must the first harmonic or at least two others: a single line that is not the first belongs
/// to several speeds.
///
/// Refused: `comb_unclear` where it does not; `speed` where the range is none, wider than 1 to 10, or has no room for five
/// harmonics;
/// `record_length` (fewer than 16 turns, too), `rate`, `sensor`.
pub fn tacholess(plans: &Plans, x: &[f64], fs: f64, expected_hz: (f64, f64)) -> Result<Phase, Refusal> {
    let t = Transformed::of(plans, x, fs)?;
    tacholess_of(plans, &x[..t.n], &t.lines, fs, expected_hz)
}

/// The same where the transform of `x` without its mean, `lines`, is known.
pub(in crate::rotating) fn tacholess_of(
    plans: &Plans,
    x: &[f64],
    lines: &[Complex<f64>],
    fs: f64,
    expected_hz: (f64, f64),
) -> Result<Phase, Refusal> {
    let (low, high) = expected_hz;
    if !(low > 0.0 && low < high && high <= WIDEST * low && TEETH as f64 * high * PER_HZ <= fs) {
        return Err("speed");
    }
    let seconds = x.len() as f64 / fs;
    if seconds * low < LEAST_TURNS {
        return Err("record_length");
    }
    let (x, fs) = slow_part(plans, x, lines, fs, high);
    let x = &x[..];
    // A window within which the fastest change that the range allows moves the last harmonic by about two lines; longer
    // ones where the speed is steadier.
    let short = (2.0 * seconds / ((high - low) * TEETH as f64)).sqrt().min(0.25 * seconds).max(TURNS / low);
    let windows = [1.0, 2.0, 4.0].into_iter().map(|by| by * short).enumerate();
    let tried = windows.filter(|(i, w)| *i == 0 || *w < 0.25 * seconds);
    let found = tried.filter_map(|(_, w)| follow(plans, x, fs, expected_hz, w));
    let window = quick_length((short * fs) as usize);
    let best = found.max_by(|a, b| a.clarity().total_cmp(&b.clarity())).ok_or("record_length")?;
    if !best.clear() {
        return Err("comb_unclear");
    }
    Ridge { window, ..best }.phase(x, fs)
}

/// The record at the lowest rate that holds the comb and what surrounds it: all that follows is as much quicker.
fn slow_part(plans: &Plans, x: &[f64], lines: &[Complex<f64>], fs: f64, high: f64) -> (Vec<f64>, f64) {
    let df = fs / x.len() as f64;
    let m = ((SLOW * high / df).ceil() as usize).next_power_of_two();
    if m >= x.len() { (x.to_vec(), fs) } else { (inverse(plans, lines, m), df * m as f64) }
}

/// A speed followed through the record.
struct Ridge {
    /// Middle of each window, s, and the speed there, Hz.
    speed: Vec<(f64, f64)>,
    /// Ratio of each harmonic to its surroundings, power.
    ratios: [f64; TEETH],
    /// Samples in a window of the correction: the shortest that tells neighbouring harmonics apart, as what is left to
    /// correct is what the speed did within a window.
    window: usize,
}

/// Short spectra as ln(1+ρ) and ln ρ for every candidate speed and harmonic.
struct Candidates {
    hz: Vec<f64>,
    /// Window by window, candidate by candidate.
    logs: Vec<Vec<[f64; TEETH]>>,
}

fn follow(plans: &Plans, x: &[f64], fs: f64, expected_hz: (f64, f64), seconds: f64) -> Option<Ridge> {
    let window = quick_length((seconds * fs) as usize).min(x.len());
    let hop = window / 2;
    if window < 16 || x.len() < window + hop {
        return None;
    }
    let (low, high) = expected_hz;
    // The last harmonic moves by half a line of the window from candidate to candidate.
    let step = 0.5 * fs / window as f64 / TEETH as f64;
    let count = ((high - low) / step).ceil() as usize + 1;
    let hz: Vec<f64> = (0..count).map(|i| low + (high - low) * i as f64 / (count - 1) as f64).collect();
    let mut logs = Vec::new();
    let mut short = Short::new(window, fs, mean(x), expected_hz);
    for start in (0..=x.len() - window).step_by(hop) {
        short.transform(plans, &x[start..start + window]);
        logs.push(hz.iter().map(|f| short.comb(*f)).collect());
    }
    let c = Candidates { hz, logs };
    // The range may be crossed three times as fast as once a record.
    let reach = (3.0 * (count * hop) as f64 / x.len() as f64).ceil() as usize + 1;
    let path = c.best_path(reach);
    let middle = |i: usize| (i * hop) as f64 / fs + 0.5 * window as f64 / fs;
    let speed = path.iter().enumerate().map(|(i, p)| (middle(i), c.hz[*p])).collect();
    Some(Ridge { speed, ratios: c.ratios(&path), window })
}

/// The spectrum of one window.
struct Short {
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
    fn new(window: usize, fs: f64, mean: f64, expected_hz: (f64, f64)) -> Self {
        let df = fs / (PADDED * window) as f64;
        let hop = (0.25 * expected_hz.0 / df).max(1.0) as usize;
        Self { power: Vec::new(), floor: Vec::new(), hop, sorted: Vec::new(), window, df, mean, expected_hz }
    }

    fn transform(&mut self, plans: &Plans, x: &[f64]) {
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

    /// ln ρ of each harmonic of `f`.
    fn comb(&self, f: f64) -> [f64; TEETH] {
        std::array::from_fn(|k| {
            let line = (((k + 1) as f64 * f / self.df).round() as usize).min(self.power.len() - 1);
            let floor = self.floor[((line + self.hop / 2) / self.hop).min(self.floor.len() - 1)];
            (self.power[line].max(f64::MIN_POSITIVE) / floor).ln()
        })
    }
}

impl Candidates {
    /// How well a candidate explains a window: Σ ln(1+ρ_k)/√k. The weights tell a speed from its half, whose comb has the
    /// same lines at higher numbers.
    fn score(&self, window: usize, candidate: usize) -> f64 {
        let logs = self.logs[window][candidate];
        logs.iter().enumerate().map(|(k, l)| l.exp().ln_1p() / f64::sqrt((k + 1) as f64)).sum()
    }

    /// The candidates, one a window, of the largest sum of scores, no two neighbours further apart than `reach`
    /// (dynamic programming).
    fn best_path(&self, reach: usize) -> Vec<usize> {
        let count = self.hz.len();
        let mut best: Vec<f64> = (0..count).map(|c| self.score(0, c)).collect();
        let mut from = Vec::new();
        for window in 1..self.logs.len() {
            let mut came = vec![0; count];
            let next = (0..count)
                .map(|c| {
                    let near = c.saturating_sub(reach)..(c + reach + 1).min(count);
                    let p = near.max_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(c);
                    came[c] = p;
                    best[p] + self.score(window, c)
                })
                .collect();
            best = next;
            from.push(came);
        }
        let last = (0..count).max_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0);
        let mut path = vec![last];
        for came in from.iter().rev() {
            path.push(came[path[path.len() - 1]]);
        }
        path.reverse();
        path
    }

    /// Geometric mean of each harmonic's ρ along the path, 1 for noise.
    fn ratios(&self, path: &[usize]) -> [f64; TEETH] {
        std::array::from_fn(|k| {
            let sum: f64 = path.iter().zip(&self.logs).map(|(c, logs)| logs[*c][k]).sum();
            GEOMETRIC * (sum / path.len() as f64).exp()
        })
    }
}

impl Ridge {
    fn clarity(&self) -> f64 {
        self.ratios.iter().sum::<f64>() / TEETH as f64
    }

    fn clear(&self) -> bool {
        let clear = self.ratios.iter().filter(|r| **r >= CLEAR).count();
        self.clarity() >= CLEAR && (self.ratios[0] >= CLEAR || clear >= 2)
    }

    /// The harmonic whose phase tells the angle best: its error is that of the phase over its number.
    fn best_harmonic(&self) -> f64 {
        let gain = |k: usize| self.ratios[k] * ((k + 1) as f64).powi(2);
        let best = (0..TEETH).filter(|k| self.ratios[*k] >= CLEAR).max_by(|a, b| gain(*a).total_cmp(&gain(*b)));
        best.map_or(1.0, |k| (k + 1) as f64)
    }

    fn phase(&self, x: &[f64], fs: f64) -> Result<Phase, Refusal> {
        let harmonic = self.best_harmonic();
        let seconds = x.len() as f64 / fs;
        let mut turns = self.turns(seconds)?;
        let mut known = (0.0, seconds);
        for _ in 0..ROUNDS {
            let (times, corrected) = self.corrected(x, fs, harmonic, &turns);
            known = (times[0], times[times.len() - 1]);
            let (times, corrected) = extended(times, corrected, seconds, READ / 2);
            turns = Spline::new(times, corrected).ok_or("comb_unclear")?;
        }
        let (first, last) = known;
        let count = ((last - first) * READ as f64 * fs / self.window as f64).ceil().max(2.0);
        let times: Vec<f64> = (0..=count as usize).map(|i| first + (last - first) * i as f64 / count).collect();
        let begin = turns.at(first).0;
        let values = times.iter().map(|t| turns.at(*t).0 - begin).collect();
        let phase = Phase::through(times, values).map_err(|_| "comb_unclear")?;
        phase.range_hz().map(|_| phase).ok_or("comb_unclear")
    }

    /// Turns over time, as the speed that was followed integrates to.
    fn turns(&self, seconds: f64) -> Result<Spline, Refusal> {
        let (mut times, mut turns) = (vec![self.speed[0].0], vec![0.0]);
        for w in self.speed.windows(2) {
            let before = turns[turns.len() - 1];
            times.push(w[1].0);
            turns.push(before + 0.5 * (w[0].1 + w[1].1) * (w[1].0 - w[0].0));
        }
        let (times, turns) = extended(times, turns, seconds, 1);
        Spline::new(times, turns).ok_or("comb_unclear")
    }

    /// `turns` corrected by the phase of its `harmonic` in `x`: shifted to 0 Hz by it, averaged under a Hann window, its
    /// angle followed.
    fn corrected(&self, x: &[f64], fs: f64, harmonic: f64, turns: &Spline) -> (Vec<f64>, Vec<f64>) {
        let mean = mean(x);
        let shifted: Vec<Complex<f64>> = x
            .iter()
            .enumerate()
            .map(|(i, v)| Complex::from_polar(v - mean, -TAU * harmonic * turns.at(i as f64 / fs).0))
            .collect();
        let n = self.window;
        let hann: Vec<f64> = (0..n).map(|i| 0.5 * (1.0 - (TAU * (i as f64 + 0.5) / n as f64).cos())).collect();
        let (mut times, mut out) = (Vec::new(), Vec::new());
        let (mut angle, mut before) = (0.0, Complex::new(1.0, 0.0));
        for start in (0..=x.len() - n).step_by((n / READ).max(1)) {
            let z: Complex<f64> = shifted[start..start + n].iter().zip(&hann).map(|(z, w)| z * w).sum();
            // The step from the angle before, so that it is followed beyond half a turn.
            angle += (z * before.conj()).arg();
            before = z;
            let t = (start as f64 + 0.5 * (n as f64 - 1.0)) / fs;
            times.push(t);
            out.push(turns.at(t).0 + angle / (TAU * harmonic));
        }
        (times, out)
    }
}

/// Goes on from both ends to 0 and to `seconds` with the acceleration that was there over the last window, half of which
/// is `apart` values: half a window at either end has no value of its own, but takes part in that of its neighbours.
fn extended(mut times: Vec<f64>, mut values: Vec<f64>, seconds: f64, apart: usize) -> (Vec<f64>, Vec<f64>) {
    const KNOTS: usize = 4;
    let n = times.len();
    if n < 2 * apart + 1 {
        return (times, values);
    }
    let parabola = |i: [usize; 3], t: f64| {
        let [a, b, c] = i.map(|i| (times[i], values[i]));
        let ((ta, ya), (tb, yb), (tc, yc)) = (a, b, c);
        ya * (t - tb) * (t - tc) / ((ta - tb) * (ta - tc))
            + yb * (t - ta) * (t - tc) / ((tb - ta) * (tb - tc))
            + yc * (t - ta) * (t - tb) / ((tc - ta) * (tc - tb))
    };
    let (first, last) = (times[0], times[n - 1]);
    let steps = |from: f64, to: f64| (1..=KNOTS).map(move |k| from + (to - from) * k as f64 / KNOTS as f64);
    let before: Vec<(f64, f64)> =
        steps(first, 0.0).map(|t| (t, parabola([0, apart, 2 * apart], t))).filter(|(t, _)| *t < first).collect();
    let after: Vec<(f64, f64)> = steps(last, seconds)
        .map(|t| (t, parabola([n - 1, n - 1 - apart, n - 1 - 2 * apart], t)))
        .filter(|(t, _)| *t > last)
        .collect();
    let (mut all, mut turns): (Vec<f64>, Vec<f64>) = before.into_iter().rev().unzip();
    all.append(&mut times);
    turns.append(&mut values);
    for (t, v) in after {
        all.push(t);
        turns.push(v);
    }
    (all, turns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};

    const FS: f64 = 25_600.0;

    fn record(n: usize, hz: impl Fn(f64) -> f64, harmonics: &[(f64, f64)], noise: f64) -> (Vec<f64>, Vec<f64>) {
        let mut source = Noise::new(17);
        let mut turns = 0.0;
        let mut angles = Vec::with_capacity(n);
        let x = (0..n)
            .map(|i| {
                turns += hz(i as f64 / FS) / FS;
                angles.push(turns);
                let tones: f64 = harmonics.iter().map(|(k, a)| a * (TAU * k * turns + k).cos()).sum();
                tones + noise * source.normal()
            })
            .collect();
        (x, angles)
    }

    /// Largest departure of the phase from the true angle, in turns, about its mean departure.
    fn departure(p: &Phase, angles: &[f64]) -> f64 {
        let (first, last) = p.turns();
        let off: Vec<f64> = (0..400)
            .map(|i| {
                let turn = first + (last - first) * f64::from(i) / 399.0;
                let at = (p.time_of(turn) * FS).clamp(0.0, angles.len() as f64 - 2.0);
                let (i, part) = (at as usize, at.fract());
                angles[i] + (angles[i + 1] - angles[i]) * part - turn
            })
            .collect();
        let mean = mean(&off);
        off.iter().map(|v| (v - mean).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_angle_is_followed_over_a_ramp_of_thirty_percent() {
        let harmonics = [(1.0, 0.3), (2.0, 0.2), (3.0, 0.1)];
        let n = 102_400;
        let (x, angles) = record(n, |t| 17.5 + 3.75 * t, &harmonics, 0.5);
        let p = tacholess(&Plans::default(), &x, FS, (15.0, 36.0)).unwrap();
        let off = departure(&p, &angles);
        assert!(off < 0.02, "{off}");
        let (low, high) = p.range_hz().unwrap();
        assert!((17.4..19.5).contains(&low) && (30.5..32.6).contains(&high), "{low} {high}");
    }

    #[test]
    fn a_slow_wander_is_followed_closely() {
        let (x, angles) = record(131_072, |t| 24.0 + 0.4 * (TAU * 0.5 * t).sin(), &[(1.0, 0.5), (2.0, 0.3)], 0.5);
        let p = tacholess(&Plans::default(), &x, FS, (20.0, 30.0)).unwrap();
        let off = departure(&p, &angles);
        assert!(off < 0.01, "{off}");
    }

    #[test]
    fn noise_and_foreign_tones_are_no_shaft() {
        let plans = Plans::default();
        let mut noise = Noise::new(5);
        for seconds in [1, 2, 4, 8] {
            for _ in 0..10 {
                let x = noise.normals(seconds * 25_600);
                assert_eq!(tacholess(&plans, &x, FS, (17.0, 33.0)), Err("comb_unclear"));
            }
        }
        // The line's 100 Hz is the fourth harmonic of 25 Hz and the fifth of 20 Hz.
        let x: Vec<f64> = sine(102_400, FS, 100.0, 1.0, 0.0).iter().map(|v| v + 0.3 * noise.normal()).collect();
        assert_eq!(tacholess(&plans, &x, FS, (17.0, 33.0)), Err("comb_unclear"));
    }

    #[test]
    fn a_speed_is_told_from_its_half_and_its_double() {
        let (x, _) = record(102_400, |_| 30.0, &[(1.0, 0.5), (2.0, 0.4)], 0.3);
        let p = tacholess(&Plans::default(), &x, FS, (12.0, 70.0)).unwrap();
        assert!((p.mean_hz() - 30.0).abs() < 0.05, "{}", p.mean_hz());
    }

    #[test]
    fn refusals() {
        let plans = Plans::default();
        let x = Noise::new(1).normals(25_600);
        for range in [(0.0, 30.0), (30.0, 20.0), (f64::NAN, 20.0), (20.0, 4000.0), (-5.0, 20.0), (2.0, 30.0)] {
            assert_eq!(tacholess(&plans, &x, FS, range), Err("speed"), "{range:?}");
        }
        assert_eq!(tacholess(&plans, &x, FS, (5.0, 30.0)), Err("record_length"));
        assert_eq!(tacholess(&plans, &[2.0; 25_600], FS, (20.0, 30.0)), Err("sensor"));
    }
}

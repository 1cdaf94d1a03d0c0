//! From the course of a speed to the angle, and what the record says of it.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

use super::comb::TURNS;
use super::phase::Phase;
use super::resample::{Resampled, by_turn};
use super::short::{Short, TEETH, ratios};
use super::spline::Spline;
use crate::rotating::Refusal;
use crate::rotating::plans::Plans;
use crate::rotating::signal::mean;

/// A comb is clear from this ratio of power over its surroundings on: 6 dB.
const CLEAR: f64 = 4.0;
/// By how much more of its comb an angle that bends more must show.
const BETTER: f64 = 1.03;
/// Windows of the correction, in those that the fastest change allows: the longest first.
const LONGER: [usize; 3] = [4, 2, 1];
/// Windows a turn of the correction: the phase is read this often per window's length.
const READ: usize = 8;
/// Steps of a curve that bends evenly.
const EVEN: usize = 64;
/// Rounds of correction: the second takes out what the first averaged away within its windows; more only follow noise.
const ROUNDS: usize = 2;

/// What is made of the readings of the phase.
#[derive(Clone, Copy)]
enum Fit {
    /// The parabola through them: a steady shaft or an even ramp.
    Even,
    /// A curve through all of them.
    All,
}

/// A speed followed through the record.
pub(super) struct Course {
    /// Middle of each window, s, and the speed there, Hz.
    pub speed: Vec<(f64, f64)>,
    /// Ratio of each harmonic to its surroundings, power.
    pub ratios: [f64; TEETH],
    /// Samples in the shortest window of the correction: what the fastest change of speed allows, as what is left to
    /// correct is what the speed did within a window.
    pub window: usize,
}

/// The mean ratio of the harmonics.
pub(super) fn clarity(ratios: &[f64; TEETH]) -> f64 {
    ratios.iter().sum::<f64>() / TEETH as f64
}

fn clear(ratios: &[f64; TEETH]) -> bool {
    let clear = ratios.iter().filter(|r| **r >= CLEAR).count();
    clarity(ratios) >= CLEAR && (ratios[0] >= CLEAR || clear >= 2)
}

/// The angle along `course` that shows the harmonics in `x` most clearly over quarters of the record: a straight line
/// through the speeds, corrected evenly (a steady shaft, a ramp), or the line and the speeds themselves, corrected over
/// windows, the stiffest first; one that bends more must show more. One that follows the phase within a window gathers
/// noise there, the part in quadrature of what lies in the band of the window: half a quarter's length over its own, as
/// power over the noise. Twice that it must gain, as the best of several is taken, and 3 % on top.
///
/// The comb must be clear over windows as long as the angle is stiff, and sharp in every half of the record: lines of
/// several sources may pass for one comb within a short window, but stand beside the orders over a long one, and so do the
/// harmonics of a shaft that was lost on the way, or left for another. See [`super::tacholess`] for when it is refused.
pub(super) fn angle(
    plans: &Plans,
    x: &[f64],
    fs: f64,
    course: &Course,
    expected_hz: (f64, f64),
) -> Result<Phase, Refusal> {
    let line = straight(&course.speed);
    let tried = || LONGER.into_iter().filter(|by| *by == 1 || by * course.window * 4 <= x.len());
    let even = tried().map(|by| (&line, Fit::Even, by));
    let line = tried().map(|by| (&line, Fit::All, by));
    let own = tried().map(|by| (&course.speed, Fit::All, by));
    let quarter = x.len() as f64 / 4.0;
    let mut best: Option<(f64, Phase, f64)> = None;
    for (speed, fit, by) in even.chain(line).chain(own) {
        let window = by * course.window;
        let Ok(phase) = course.phase(speed, fit, window, x, fs) else { continue };
        if !within(&phase, expected_hz, fs / course.window as f64) {
            continue;
        }
        let (stiff, gathered) = match fit {
            Fit::Even => (quarter, 0.0),
            Fit::All => (window as f64, 0.5 * quarter / window as f64),
        };
        let Ok(turns) = by_turn(x, fs, &phase) else { continue };
        let windows = over_turns(plans, &turns, quarter / fs * phase.mean_hz(), Short::comb);
        let clarity = clarity(&ratios(windows.iter().copied()));
        if best.as_ref().is_none_or(|b| clarity - 2.0 * gathered > BETTER * b.0) {
            best = Some((clarity, phase, stiff / fs));
        }
    }
    let (_, phase, stiff) = best.ok_or("comb_unclear")?;
    let turns = by_turn(x, fs, &phase).map_err(|_| "comb_unclear")?;
    let over = |seconds: f64, read: fn(&Short, f64) -> [f64; TEETH]| {
        over_turns(plans, &turns, seconds * phase.mean_hz(), read)
    };
    let found = clear(&ratios(over(stiff, Short::comb).into_iter()))
        && over(2.0 * quarter / fs, Short::sharp).iter().all(|logs| clear(&logs.map(f64::exp)));
    if found { Ok(phase) } else { Err("comb_unclear") }
}

/// Whether the speed stays within what is expected, but for what a window resolves.
fn within(phase: &Phase, (low, high): (f64, f64), resolved: f64) -> bool {
    phase.range_hz().is_some_and(|(slowest, fastest)| slowest >= low - resolved && fastest <= high + resolved)
}

/// The straight line through speeds (least squares), at their times.
fn straight(speed: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let n = speed.len() as f64;
    let (t, f) = speed.iter().fold((0.0, 0.0), |(t, f), s| (t + s.0 / n, f + s.1 / n));
    let (mut tt, mut tf) = (0.0, 0.0);
    for s in speed {
        tt += (s.0 - t).powi(2);
        tf += (s.0 - t) * (s.1 - f);
    }
    let slope = if tt > 0.0 { tf / tt } else { 0.0 };
    speed.iter().map(|s| (s.0, f + slope * (s.0 - t))).collect()
}

/// What each harmonic stands over in the spectrum over turns, read as `read` says from each window of about so many of
/// them, at most half of all; the windows overlap by half.
fn over_turns(
    plans: &Plans,
    r: &Resampled,
    turns: f64,
    read: impl Fn(&Short, f64) -> [f64; TEETH],
) -> Vec<[f64; TEETH]> {
    let turns = turns.min(0.5 * r.turns as f64).max(TURNS) as usize;
    let window = turns.min(r.turns) * r.per_turn;
    let mut short = Short::new(window, r.per_turn as f64, mean(&r.values), (1.0, 1.0));
    let starts = (0..=r.values.len() - window).step_by(window / 2);
    let windowed = |start: usize| {
        short.transform(plans, &r.values[start..start + window]);
        read(&short, 1.0)
    };
    starts.map(windowed).collect()
}

impl Course {
    /// The harmonics whose phases tell the angle, and how much they weigh: those that are clear, else the first.
    fn telling(&self) -> Vec<(f64, f64)> {
        let all = self.ratios.iter().enumerate().map(|(k, r)| ((k + 1) as f64, *r));
        let clear: Vec<(f64, f64)> = all.filter(|(_, r)| *r >= CLEAR).collect();
        if clear.is_empty() { vec![(1.0, 1.0)] } else { clear }
    }

    /// The angle along `speed`, corrected by the phases over windows of `window` samples.
    fn phase(&self, speed: &[(f64, f64)], fit: Fit, window: usize, x: &[f64], fs: f64) -> Result<Phase, Refusal> {
        let telling = self.telling();
        let seconds = x.len() as f64 / fs;
        let mut turns = integral(speed, seconds)?;
        for _ in 0..ROUNDS {
            let (times, corrected) = corrected(x, fs, window, &telling, &turns);
            let (times, corrected) = match fit {
                Fit::Even => parabola(&times, &corrected, seconds),
                Fit::All => extended(times, corrected, seconds, READ / 2),
            };
            turns = Spline::new(times, corrected).ok_or("comb_unclear")?;
        }
        // An even motion goes on as it was; what another did before the middle of the first window was not read.
        let read = match fit {
            Fit::Even => self.window,
            Fit::All => window,
        };
        let half = 0.5 * read as f64 / fs;
        let (first, last) = (half, seconds - half);
        let count = ((last - first) * READ as f64 * fs / window as f64).ceil().max(2.0);
        let times: Vec<f64> = (0..=count as usize).map(|i| first + (last - first) * i as f64 / count).collect();
        let begin = turns.at(first).0;
        let values = times.iter().map(|t| turns.at(*t).0 - begin).collect();
        let phase = Phase::through(times, values).map_err(|_| "comb_unclear")?;
        phase.range_hz().map(|_| phase).ok_or("comb_unclear")
    }
}

/// Turns over time, as a speed that was followed integrates to.
fn integral(speed: &[(f64, f64)], seconds: f64) -> Result<Spline, Refusal> {
    let first = speed.first().ok_or("comb_unclear")?;
    let (mut times, mut turns) = (vec![first.0], vec![0.0]);
    for w in speed.windows(2) {
        let before = turns[turns.len() - 1];
        times.push(w[1].0);
        turns.push(before + 0.5 * (w[0].1 + w[1].1) * (w[1].0 - w[0].0));
    }
    let (times, turns) = extended(times, turns, seconds, 1);
    Spline::new(times, turns).ok_or("comb_unclear")
}

/// `turns` corrected by the phases of its harmonics in `x`, given with their weights: each is shifted to 0 Hz by its
/// multiple of `turns` and averaged under a Hann window of `n` samples. From one reading to the next all of them together
/// tell by how much the shaft went ahead, each with the weight that it has there, so that one that fades is not followed.
fn corrected(x: &[f64], fs: f64, n: usize, harmonics: &[(f64, f64)], turns: &Spline) -> (Vec<f64>, Vec<f64>) {
    let angles = turns.along((0..x.len()).map(|i| i as f64 / fs)).map(|(turn, _)| turn);
    let back: Vec<Complex<f64>> = angles.map(|turn| Complex::cis(-TAU * turn)).collect();
    let read: Vec<Vec<Complex<f64>>> = harmonics.iter().map(|(k, _)| readings(x, n, *k, &back)).collect();
    // What each adds to the reading before: power that they have in common, over its mean.
    let steps: Vec<Vec<Complex<f64>>> = read
        .iter()
        .map(|z| {
            let steps: Vec<Complex<f64>> = z.windows(2).map(|w| w[1] * w[0].conj()).collect();
            let mean = steps.iter().map(|p| p.norm()).sum::<f64>() / steps.len().max(1) as f64;
            steps.into_iter().map(|p| if mean > 0.0 { p / mean } else { p }).collect()
        })
        .collect();
    let (mut times, mut out, mut ahead) = (Vec::new(), Vec::new(), 0.0);
    for i in 0..read[0].len() {
        if i > 0 {
            let (mut sum, mut weight) = (0.0, f64::MIN_POSITIVE);
            for ((k, ratio), steps) in harmonics.iter().zip(&steps) {
                let certain = ratio * steps[i - 1].norm();
                sum += k * certain * steps[i - 1].arg();
                weight += k * k * certain;
            }
            ahead += sum / (TAU * weight);
        }
        let t = ((i * (n / READ).max(1)) as f64 + 0.5 * (n as f64 - 1.0)) / fs;
        times.push(t);
        out.push(turns.at(t).0 + ahead);
    }
    (times, out)
}

/// Harmonic `k` of a shaft in `x`, shifted to 0 Hz by what turns `back` with it, averaged under a Hann window of `n`
/// samples, eight times a window.
fn readings(x: &[f64], n: usize, k: f64, back: &[Complex<f64>]) -> Vec<Complex<f64>> {
    let mean = mean(x);
    let shifted: Vec<Complex<f64>> = x.iter().zip(back).map(|(v, z)| z.powu(k as u32) * (v - mean)).collect();
    let hann: Vec<f64> = (0..n).map(|i| 0.5 * (1.0 - (TAU * (i as f64 + 0.5) / n as f64).cos())).collect();
    let starts = (0..=x.len() - n).step_by((n / READ).max(1));
    starts.map(|start| shifted[start..start + n].iter().zip(&hann).map(|(z, w)| z * w).sum()).collect()
}

/// The parabola through values at even times (least squares), at [`EVEN`] times over the record.
fn parabola(times: &[f64], values: &[f64], seconds: f64) -> (Vec<f64>, Vec<f64>) {
    let n = times.len() as f64;
    let middle = times.iter().sum::<f64>() / n;
    let square = times.iter().map(|t| (t - middle).powi(2)).sum::<f64>() / n;
    // At even times these are orthogonal.
    let basis = |t: f64| [1.0, t - middle, (t - middle).powi(2) - square];
    let (mut along, mut own) = ([0.0; 3], [f64::MIN_POSITIVE; 3]);
    for (t, v) in times.iter().zip(values) {
        for (i, b) in basis(*t).into_iter().enumerate() {
            along[i] += b * v;
            own[i] += b * b;
        }
    }
    let at = |t: f64| basis(t).into_iter().enumerate().map(|(i, b)| b * along[i] / own[i]).sum::<f64>();
    (0..=EVEN).map(|i| seconds * i as f64 / EVEN as f64).map(|t| (t, at(t))).unzip()
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

//! The angle of the shaft from the record itself.
//!
//! The shaft's harmonics form a comb. Short spectra are matched with it, the best speed is followed from one to the next,
//! one harmonic is shifted down by that speed, and what is left of its phase corrects it. What came of it is judged by the
//! spectrum over its own turns, where the harmonics of a shaft are sharp.

use realfft::num_complex::Complex;

use super::angle::{Course, angle, clarity};
use super::path::smoothest;
use super::phase::Phase;
use super::short::{Short, TEETH, ratios};
use crate::rotating::Refusal;
use crate::rotating::plans::{Plans, quick_length};
use crate::rotating::signal::mean;
use crate::rotating::transform::{Transformed, inverse};

/// Turns at the slowest speed that a window holds at least, so that neighbouring harmonics are told apart.
pub(super) const TURNS: f64 = 6.0;
/// Turns of the whole record at the slowest speed.
const LEAST_TURNS: f64 = 16.0;
/// Samples that are kept for each turn at the fastest: eight harmonics.
const SLOW: f64 = 16.0;
/// Highest over lowest speed that is searched.
const WIDEST: f64 = 10.0;
/// Samples per Hz of usable bandwidth.
const PER_HZ: f64 = 2.56;
/// What a change of acceleration by one range a record costs, in the unit of the score, which is a logarithm of
/// likelihood. A ramp costs nothing; a full swing across the range and back, which is 4π of them, as much as four windows
/// of a comb at 6 dB gain over noise.
const BEND: f64 = 1.0;
/// The range may be crossed this many times as fast as once a record: a swing across it and back is π times as fast at
/// its steepest.
const STEEPEST: f64 = 3.0;

/// The angle of the shaft whose speed lies within `expected_hz` all the time, from the harmonics in `x`; from half a
/// window after the beginning to half a window before the end, turn 0 at the first value.
///
/// Of all courses of the speed the one is taken that explains the most and bends the least, and of the angles that follow
/// from it the stiffest that shows the harmonics as clearly as any. It is then held to the record: the samples by that
/// angle have a spectrum in which the harmonics of a shaft are sharp. A harmonic's ratio there is its power over its
/// surroundings (their lower quarter, as the lines of the comb fill the rest), geometric mean over the windows, so that
/// one event makes no comb. The comb's ratio is the mean of the five harmonics. It must reach 6 dB, and so must the first
/// harmonic or at least two others: a single line that is not the first belongs to several speeds.
///
/// Refused: `comb_unclear` where it does not, or where the angle leaves `expected_hz`; `speed` where the range is none,
/// wider than 1 to 10, or has no room for five harmonics; `record_length` (fewer than 16 turns, too), `rate`, `sensor`.
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
    let best = found.max_by(|a, b| clarity(&a.ratios).total_cmp(&clarity(&b.ratios))).ok_or("record_length")?;
    let window = quick_length((short * fs) as usize);
    angle(plans, x, fs, &Course { window, ..best }, expected_hz)
}

/// The record at the lowest rate that holds the comb and what surrounds it: all that follows is as much quicker.
fn slow_part(plans: &Plans, x: &[f64], lines: &[Complex<f64>], fs: f64, high: f64) -> (Vec<f64>, f64) {
    let df = fs / x.len() as f64;
    let m = ((SLOW * high / df).ceil() as usize).next_power_of_two();
    if m >= x.len() { (x.to_vec(), fs) } else { (inverse(plans, lines, m), df * m as f64) }
}

/// Short spectra as ln(1+ρ) and ln ρ for every candidate speed and harmonic.
struct Candidates {
    hz: Vec<f64>,
    /// Window by window, candidate by candidate.
    logs: Vec<Vec<[f64; TEETH]>>,
}

fn follow(plans: &Plans, x: &[f64], fs: f64, expected_hz: (f64, f64), seconds: f64) -> Option<Course> {
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
    let records = (count * hop) as f64 / x.len() as f64;
    let reach = (STEEPEST * records).ceil() as usize + 1;
    let path = smoothest(&c.scores(), reach, BEND / records);
    let middle = |i: usize| (i * hop) as f64 / fs + 0.5 * window as f64 / fs;
    let speed = path.iter().enumerate().map(|(i, p)| (middle(i), c.hz[*p])).collect();
    let along = path.iter().zip(&c.logs).map(|(p, logs)| logs[*p]);
    Some(Course { speed, ratios: ratios(along), window })
}

impl Candidates {
    /// How well each candidate explains each window: Σ ln(1+ρ_k)/√k. The weights tell a speed from its half, whose comb has
    /// the same lines at higher numbers.
    fn scores(&self) -> Vec<Vec<f64>> {
        let score = |logs: &[f64; TEETH]| {
            logs.iter().enumerate().map(|(k, l)| l.exp().ln_1p() / f64::sqrt((k + 1) as f64)).sum()
        };
        self.logs.iter().map(|window| window.iter().map(score).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

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
        assert!(off < 0.02, "{off}");
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

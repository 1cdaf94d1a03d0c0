//! The edges of a tacho signal.

use crate::rotating::Refusal;
use crate::rotating::signal::{median, sound};

/// Half the hysteresis, as a part of the span between low and high.
const HYSTERESIS: f64 = 0.15;
/// Low and high are the values beyond which lies this part of the samples, so that single spikes do not set them.
const BEYOND: f64 = 1e-3;
/// Intervals whose median is what the next interval is expected to be.
const NEAR: usize = 9;
/// How far an interval may lie off the expected one, or off a multiple of it, as a part of the expected one.
const TOLERANCE: f64 = 0.25;
/// Most pulses that may be missing in a row.
const MOST_MISSING: f64 = 3.0;
/// Part of the pulses that may be repaired.
const REPAIRED: f64 = 0.05;
/// Fewest pulses that tell a speed.
const FEWEST: usize = 4;

/// The rising edges of a tacho, cleared of what is no pulse.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edges {
    /// When each came, s from the first sample.
    pub times: Vec<f64>,
    /// Its running number from 0; missing pulses are counted.
    pub pulses: Vec<f64>,
    /// Pulses that were missing.
    pub missing: usize,
    /// Edges that were none: double pulses.
    pub double: usize,
}

/// Finds the rising edges of `x` at `fs` Hz.
///
/// An edge is armed below the middle of low and high less 15 % of their distance, fires above the middle plus 15 %, and
/// stands where the line between samples crosses the middle. Then, by the median of the nine intervals around it: an edge
/// that comes earlier than 3/4 of the interval after the last good one is a double and left out; of several between
/// 3/4 and 5/4 the one nearest to the expected time counts; one within 1/4 of the two-, three- or fourfold interval says
/// that the pulses between are missing, which are counted but not invented. Everything else, and more than 5 % of pulses
/// repaired (one is always allowed), is no tacho signal that a phase may rest on.
///
/// Refused: `tacho`, and `rate`, `record_length`, `sensor` as everywhere.
pub fn edges(x: &[f64], fs: f64) -> Result<Edges, Refusal> {
    let x = sound(x, fs)?;
    let found: Vec<f64> = crossings(x).into_iter().map(|at| at / fs).collect();
    if found.len() < FEWEST {
        return Err("tacho");
    }
    clear(&found)
}

/// Places, in samples, where the middle is crossed upwards.
fn crossings(x: &[f64]) -> Vec<f64> {
    let mut sorted = x.to_vec();
    let rank = ((BEYOND * x.len() as f64) as usize).max(3).min(x.len() / 2);
    let low = *sorted.select_nth_unstable_by(rank, f64::total_cmp).1;
    let high = *sorted.select_nth_unstable_by(x.len() - 1 - rank, f64::total_cmp).1;
    let (middle, half) = (0.5 * (low + high), HYSTERESIS * (high - low));
    let mut out = Vec::new();
    if half <= 0.0 {
        return out;
    }
    let (mut armed, mut crossed) = (false, 0.0);
    for (i, w) in x.windows(2).enumerate() {
        armed |= w[0] < middle - half;
        if w[0] < middle && w[1] >= middle {
            crossed = i as f64 + (middle - w[0]) / (w[1] - w[0]);
        }
        if armed && w[1] > middle + half {
            out.push(crossed);
            armed = false;
        }
    }
    out
}

fn clear(found: &[f64]) -> Result<Edges, Refusal> {
    let intervals: Vec<f64> = found.windows(2).map(|w| w[1] - w[0]).collect();
    let expected = |i: usize| {
        let first = i.saturating_sub(NEAR / 2).min(intervals.len().saturating_sub(NEAR));
        median(&mut intervals[first..(first + NEAR).min(intervals.len())].to_vec())
    };
    // The first edge that is followed by a good interval; what came before it is not used.
    let good = |i: &usize| (intervals[*i] / expected(*i) - 1.0).abs() <= TOLERANCE;
    let first = (0..intervals.len().min(NEAR)).find(good).ok_or("tacho")?;
    let mut out = Edges { times: vec![found[first]], pulses: vec![0.0], double: first, missing: 0 };
    let (mut last, mut number, mut i) = (found[first], 0.0, first + 1);
    while i < found.len() {
        let expected = expected(i - 1);
        let off = |j: usize| ((found[j] - last) / expected - 1.0).abs();
        let part = (found[i] - last) / expected;
        if part < 1.0 - TOLERANCE {
            out.double += 1;
            i += 1;
            continue;
        }
        if part <= 1.0 + TOLERANCE {
            // Of several that would do, the nearest.
            while i + 1 < found.len() && off(i + 1) < off(i) {
                out.double += 1;
                i += 1;
            }
        }
        let count = ((found[i] - last) / expected).round();
        if ((found[i] - last) / expected - count).abs() > TOLERANCE || count > MOST_MISSING + 1.0 {
            return Err("tacho");
        }
        out.missing += count as usize - 1;
        number += count;
        last = found[i];
        out.times.push(last);
        out.pulses.push(number);
        i += 1;
    }
    let repaired = (out.missing + out.double) as f64;
    let allowed = (REPAIRED * out.times.len() as f64).max(1.0);
    if out.times.len() < FEWEST || repaired > allowed { Err("tacho") } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};

    const FS: f64 = 25_600.0;

    /// A pulse of 3 % of a turn, 5 V high with edges of two samples, at each time; and noise.
    fn pulses(times: &[f64], seconds: f64, noise: f64) -> Vec<f64> {
        let mut source = Noise::new(14);
        let mut x: Vec<f64> = (0..(seconds * FS) as usize).map(|_| noise * source.normal()).collect();
        for t in times {
            for (i, v) in x.iter_mut().enumerate().skip((t * FS) as usize).take(40) {
                let since = i as f64 - t * FS;
                *v += 5.0 * (since / 2.0 + 0.5).clamp(0.0, 1.0) * ((34.0 - since) / 2.0).clamp(0.0, 1.0);
            }
        }
        x
    }

    /// Edges of a shaft that runs up from 20 to 32 Hz within 4 s.
    fn run_up() -> Vec<f64> {
        // turns = 20t + 1.5t²
        (0..104).map(|k| (-20.0 + f64::sqrt(400.0 + 6.0 * (f64::from(k) + 0.3))) / 3.0).collect()
    }

    #[test]
    fn edges_are_found_between_samples() {
        let times = run_up();
        let e = edges(&pulses(&times, 4.0, 0.02), FS).unwrap();
        assert_eq!((e.times.len(), e.missing, e.double), (104, 0, 0));
        for (got, want) in e.times.iter().zip(&times) {
            assert!((got - want).abs() < 0.05 / FS, "{got}, not {want}");
        }
        assert_eq!(e.pulses[103], 103.0);
    }

    #[test]
    fn missing_and_double_pulses_are_told_and_the_count_stays_right() {
        let mut times = run_up();
        times.remove(40);
        times.remove(70);
        times.remove(70);
        times.push(times[20] + 0.009);
        // One shortly before the true edge.
        times.push(times[55] - 0.003);
        times.sort_by(f64::total_cmp);
        let e = edges(&pulses(&times, 4.0, 0.02), FS).unwrap();
        assert_eq!((e.missing, e.double, e.times.len()), (3, 2, 101));
        let right = run_up();
        for (t, n) in e.times.iter().zip(&e.pulses) {
            assert!((t - right[*n as usize]).abs() < 0.1 / FS, "pulse {n} at {t}");
        }
    }

    #[test]
    fn what_is_no_tacho_is_refused() {
        let mut source = Noise::new(3);
        let random: Vec<f64> = source.normals(102_400);
        assert_eq!(edges(&random, FS), Err("tacho"), "noise");
        assert_eq!(edges(&vec![1.0; 4096], FS), Err("sensor"), "constant");
        assert_eq!(edges(&[], FS), Err("record_length"));
        assert_eq!(edges(&random, -1.0), Err("rate"));
        assert_eq!(edges(&[f64::NAN; 50], FS), Err("sensor"));
        assert_eq!(edges(&pulses(&[0.5, 1.0], 2.0, 0.01), FS), Err("tacho"), "two pulses");
        // Every fifth pulse is missing.
        let holes: Vec<f64> = run_up().into_iter().enumerate().filter(|(i, _)| i % 5 != 0).map(|(_, t)| t).collect();
        assert_eq!(edges(&pulses(&holes, 4.0, 0.02), FS), Err("tacho"), "holes");
        // Pulses whenever they please.
        let mut t = 0.01;
        let wild: Vec<f64> = (0..80)
            .map(|_| {
                t += 0.01 + 0.06 * source.uniform();
                t
            })
            .collect();
        assert_eq!(edges(&pulses(&wild, 4.0, 0.02), FS), Err("tacho"), "wild");
    }

    #[test]
    fn a_sine_is_a_tacho_too() {
        let e = edges(&sine(51_200, FS, 25.3, 2.0, 1.0), FS).unwrap();
        for w in e.times.windows(2) {
            assert!((w[1] - w[0] - 1.0 / 25.3).abs() < 1e-6);
        }
    }
}

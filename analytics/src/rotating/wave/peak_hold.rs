//! True peak-hold: short impacts survive the decimation.

use crate::rotating::Refusal;
use crate::rotating::curve::Curve;
use crate::rotating::plans::{Plans, quick_length};
use crate::rotating::signal::mean;
use crate::rotating::spectrum::{Spectrum, hann_power_into};
use crate::rotating::transform::{Transformed, forward, inverse};

/// Samples per Hz of the spectrum's range.
const PER_HZ: f64 = 2.56;
/// Part of the corner frequency below which nothing passes; between the two the high-pass rises.
const STOP: f64 = 0.8;
/// Periods of the corner frequency that are faded, and discarded, at either end.
const ENDS: f64 = 20.0;

/// The maxima of the rectified high frequencies.
#[derive(Clone, Debug, PartialEq)]
pub struct PeakHold {
    /// Largest magnitude of each block, in the unit of the samples (peak), over time, s.
    pub wave: Curve,
    /// Amplitude (peak) by line of that wave (Hann), over frequency, Hz.
    pub spectrum: Curve,
}

/// High-pass from `corner_hz`, rectify, keep the largest of each block, so that an impact shorter than a block keeps its
/// whole height, which averaging or filtering before decimation would lose (the principle of the meters sold as PeakVue:
/// Robinson, U.S. patent 5,895,857). The spectrum reaches to `to_hz`.
///
/// Refused: `band` (the corner must lie below 0.4·fs, `to_hz` below the corner and not above fs/5.12), `record_length`
/// (fewer than 64 blocks, too), `rate`, `sensor`.
pub fn peak_hold(plans: &Plans, x: &[f64], fs: f64, corner_hz: f64, to_hz: f64) -> Result<PeakHold, Refusal> {
    if fs > 0.0 && !(to_hz > 0.0 && to_hz < corner_hz && corner_hz < 0.4 * fs && 2.0 * PER_HZ * to_hz <= fs) {
        return Err("band");
    }
    let ends = (ENDS * fs / corner_hz).ceil().max(1.0) as usize;
    let mut t = Transformed::faded(plans, x, fs, ends)?;
    let df = t.df();
    for (k, line) in t.lines.iter_mut().enumerate() {
        let rise = ((k as f64 * df / corner_hz - STOP) / (1.0 - STOP)).clamp(0.0, 1.0);
        *line *= 0.5 * (1.0 - (std::f64::consts::PI * rise).cos());
    }
    let high = inverse(plans, &t.lines, t.n);
    let block = (fs / (PER_HZ * to_hz)) as usize;
    let inner = high.get(ends..t.n.saturating_sub(ends)).unwrap_or(&[]);
    let held: Vec<f64> = inner.chunks_exact(block).map(|c| c.iter().fold(0.0, |a: f64, b| a.max(b.abs()))).collect();
    let n = quick_length(held.len());
    if n < 64 {
        return Err("record_length");
    }
    let dx = block as f64 / fs;
    let wave = Curve { x0: (ends as f64 + 0.5 * block as f64) / fs, dx, values: held };
    Ok(PeakHold { spectrum: spectrum(plans, &wave.values[..n], 1.0 / dx, to_hz), wave })
}

fn spectrum(plans: &Plans, held: &[f64], fs: f64, to_hz: f64) -> Curve {
    let mean = mean(held);
    let mut power = Vec::new();
    let mut centred: Vec<f64> = held.iter().map(|v| v - mean).collect();
    hann_power_into(&forward(plans, &mut centred), &mut power);
    let s = Spectrum { power: &power, n: held.len(), fs };
    let last = ((to_hz / s.df()) as usize).min(power.len() - 1);
    let peak = |k| std::f64::consts::SQRT_2 * s.rms_line(k);
    Curve { x0: 0.0, dx: s.df(), values: (0..=last).map(|k| if k < 2 { 0.0 } else { peak(k) }).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};
    use std::f64::consts::TAU;

    const FS: f64 = 51_200.0;

    /// Bursts of one period of 8 kHz, 6 m/s² high, 33 a second, under 1x of 20 m/s².
    fn bursts(n: usize) -> Vec<f64> {
        let mut x = sine(n, FS, 25.0, 20.0, 0.0);
        let mut at = 400.0;
        while at + 40.0 < n as f64 {
            for (i, v) in x.iter_mut().enumerate().skip(at as usize).take(26) {
                let since = (i as f64 - at.floor()) / FS;
                *v += 6.0 * (TAU * 8000.0 * since).sin() * (std::f64::consts::PI * since * FS / 26.0).sin().powi(2);
            }
            at += FS / 33.0;
        }
        x
    }

    #[test]
    fn short_bursts_keep_their_height_and_show_their_rate() {
        let x = bursts(131_072);
        let p = peak_hold(&Plans::default(), &x, FS, 2000.0, 500.0).unwrap();
        let highest = p.wave.values.iter().copied().fold(0.0, f64::max);
        let actual = 6.0 * 0.94;
        assert!((highest / actual - 1.0).abs() < 0.1, "{highest}, not {actual}");
        let (at, value) = p.spectrum.highest(5.0, 40.0).unwrap();
        assert!((at - 33.0).abs() < p.spectrum.dx && value > 0.1, "{at}: {value}");
        assert!(p.spectrum.at(25.0).unwrap() < 0.05 * value);
        assert!((1.0 / p.wave.dx / 1280.0 - 1.0).abs() < 0.03);
    }

    #[test]
    fn refusals() {
        let plans = Plans::default();
        let x = Noise::new(1).normals(65_536);
        for (corner, to) in [(0.0, 100.0), (1000.0, 0.0), (1000.0, 2000.0), (25_000.0, 500.0), (f64::NAN, 10.0)] {
            assert_eq!(peak_hold(&plans, &x, FS, corner, to), Err("band"), "{corner} {to}");
        }
        assert_eq!(peak_hold(&plans, &x, FS, 1000.0, 1.0), Err("record_length"));
        assert_eq!(peak_hold(&plans, &x[..3], FS, 1000.0, 500.0), Err("record_length"));
        assert_eq!(peak_hold(&plans, &[f64::NAN; 65_536], FS, 1000.0, 500.0), Err("sensor"));
        assert_eq!(peak_hold(&plans, &x, f64::NAN, 1000.0, 500.0), Err("rate"));
    }
}

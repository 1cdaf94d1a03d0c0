//! Velocity and displacement from acceleration.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

use crate::rotating::Refusal;
use crate::rotating::curve::Curve;
use crate::rotating::plans::Plans;
use crate::rotating::signal::{mean, usable};
use crate::rotating::transform::{Transformed, inverse};

/// Part of the lowest frequency, below which nothing passes; between the two the high-pass rises.
const STOP: f64 = 0.3;
/// Periods of the lowest frequency that are faded in at either end,
const FADED: f64 = 0.5;
/// and as many as are discarded, by which the high-pass has forgotten the ends.
const DISCARDED: f64 = 4.0;
/// Periods of the lowest frequency that a record must hold, the ends included (ISO 20816 asks for enough of them to be
/// averaged over; 20 leave 12).
const PERIODS: f64 = 20.0;

/// The waveform of velocity, mm/s, from acceleration `x`, m/s², with all that is above `low_hz`; x is s from the record's
/// first sample on.
///
/// The straight line that fits the record best is taken out; then zero-phase high-pass, division by jω in the frequency domain; the ends, where the filter sees what is not there,
/// are discarded (four periods of `low_hz`). Amplitudes above `low_hz` are right to 0.5 %; of what lies below 0.3 of it
/// nothing is left, and neither of mean and steady drift.
///
/// Refused: `band` (`low_hz` not above 0 or not below Nyquist), `record_length` (fewer than 20 periods of `low_hz`),
/// `rate`, `sensor`.
pub fn velocity(plans: &Plans, x: &[f64], fs: f64, low_hz: f64) -> Result<Curve, Refusal> {
    integrated(plans, x, fs, low_hz, |w| Complex::new(0.0, -1e3 / w))
}

/// The waveform of displacement, µm: the same with a division by (jω)².
pub fn displacement(plans: &Plans, x: &[f64], fs: f64, low_hz: f64) -> Result<Curve, Refusal> {
    integrated(plans, x, fs, low_hz, |w| Complex::new(-1e6 / (w * w), 0.0))
}

fn integrated(
    plans: &Plans,
    x: &[f64],
    fs: f64,
    low_hz: f64,
    factor: impl Fn(f64) -> Complex<f64>,
) -> Result<Curve, Refusal> {
    if !(low_hz > 0.0 && low_hz < fs / 2.0) && fs > 0.0 {
        return Err("band");
    }
    let x = without_line(usable(x, fs)?);
    let mut t = Transformed::faded(plans, &x, fs, (FADED * fs / low_hz) as usize)?;
    if (t.n as f64) < PERIODS * fs / low_hz - 1e-6 {
        return Err("record_length");
    }
    let df = t.df();
    for (k, line) in t.lines.iter_mut().enumerate() {
        let f = k as f64 * df;
        let pass = high_pass(f / low_hz);
        *line = if pass > 0.0 { *line * factor(TAU * f) * pass } else { Complex::default() };
    }
    let ends = (DISCARDED * fs / low_hz).ceil() as usize;
    let mut values = inverse(plans, &t.lines, t.n);
    values.truncate(t.n - ends);
    values.drain(..ends);
    Ok(Curve { x0: ends as f64 / fs, dx: 1.0 / fs, values })
}

/// `x` less the straight line of least squares.
fn without_line(x: &[f64]) -> Vec<f64> {
    let (n, mean) = (x.len() as f64, mean(x));
    let middle = 0.5 * (n - 1.0);
    let slope = x.iter().enumerate().map(|(i, v)| (i as f64 - middle) * v).sum::<f64>() * 12.0 / (n * (n * n - 1.0));
    x.iter().enumerate().map(|(i, v)| v - mean - slope * (i as f64 - middle)).collect()
}

/// 0 below [`STOP`], 1 above 1, of the frequency over the lowest. Three derivatives vanish at both ends, so that the filter
/// forgets quickly.
fn high_pass(part: f64) -> f64 {
    let r = ((part - STOP) / (1.0 - STOP)).clamp(0.0, 1.0);
    r.powi(4) * (35.0 - 84.0 * r + 70.0 * r * r - 20.0 * r.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};

    const FS: f64 = 25_600.0;

    #[test]
    fn amplitude_and_phase_are_those_of_the_integral() {
        // Not whole periods, at the lowest frequency and above, over a mean and a drift that would outweigh everything.
        for f in [10.0, 10.37, 24.75, 163.3, 990.1] {
            let mut x = sine(65_536, FS, f, 2.0, 5.0);
            x.iter_mut().enumerate().for_each(|(i, v)| *v += 3.0 * i as f64 / 65_536.0);
            let v = velocity(&Plans::default(), &x, FS, 10.0).unwrap();
            let d = displacement(&Plans::default(), &x, FS, 10.0).unwrap();
            let (w, n) = (TAU * f, v.values.len());
            assert!(n > 44_000 && d.values.len() == n);
            for i in (0..n).step_by(7) {
                let t = v.x0 + i as f64 * v.dx;
                let (want_v, want_d) = (-2000.0 / w * (w * t).cos(), -2e6 / (w * w) * (w * t).sin());
                assert!((v.values[i] - want_v).abs() < 0.005 * 2000.0 / w, "{f} Hz at {t}: {} {want_v}", v.values[i]);
                assert!(
                    (d.values[i] - want_d).abs() < 0.005 * 2e6 / (w * w),
                    "{f} Hz at {t}: {} {want_d}",
                    d.values[i]
                );
            }
        }
    }

    #[test]
    fn slow_drift_leaves_nothing() {
        let x = sine(65_536, FS, 1.3, 10.0, 0.0);
        let v = velocity(&Plans::default(), &x, FS, 10.0).unwrap();
        let most = v.values.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        // Undamped it would be 1224 mm/s.
        assert!(most < 0.6, "{most}");
    }

    #[test]
    fn refusals() {
        let plans = Plans::default();
        let x = Noise::new(1).normals(40_000);
        assert_eq!(velocity(&plans, &x, FS, 10.0), Err("record_length"));
        assert_eq!(velocity(&plans, &x, FS, 0.0), Err("band"));
        assert_eq!(velocity(&plans, &x, FS, f64::NAN), Err("band"));
        assert_eq!(velocity(&plans, &x, FS, 20_000.0), Err("band"));
        assert_eq!(displacement(&plans, &x, f64::NAN, 10.0), Err("rate"));
        assert_eq!(displacement(&plans, &[0.0; 65_536], FS, 10.0), Err("sensor"));
    }
}

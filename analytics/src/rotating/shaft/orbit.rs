//! Orbits and full spectra from two directions.
//!
//! The two directions make one complex number, h + jv. A shaft that whirls from h towards v turns it forwards, at positive
//! frequency; one that whirls the other way turns it backwards (Bently & Hatch, *Fundamentals of Rotating Machinery
//! Diagnostics*, ch. 8; Goldman & Muszynska, J. Eng. Gas Turbines Power 121 (1999), 340). Whether forward is the sense in
//! which the machine turns is for those to say who mounted the sensors.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

use crate::rotating::Refusal;
use crate::rotating::plans::Plans;
use crate::rotating::signal::mean;
use crate::rotating::spectrum::Spectrum;
use crate::rotating::transform::Transformed;

/// Fewest turns that a record must hold.
const LEAST_TURNS: f64 = 8.0;
/// Points of the filtered orbit.
const POINTS: usize = 128;

/// Radii of the circles that a motion consists of, by frequency.
#[derive(Clone, Debug, PartialEq)]
pub struct FullSpectrum {
    /// Distance of two lines, Hz.
    pub df: f64,
    /// Radius (peak) of the circle at k·df that runs from h towards v, by line, in the unit of the samples (Hann).
    pub forward: Vec<f64>,
    /// Of the one that runs back.
    pub backward: Vec<f64>,
}

/// A shaft's motion.
#[derive(Clone, Debug, PartialEq)]
pub struct Orbit {
    /// The motion at shaft speed alone, one turn, closed.
    pub filtered: Vec<(f64, f64)>,
    /// The samples as they are, about their mean, of the last whole turns in the record: `(h, v)`.
    pub raw: Vec<(f64, f64)>,
    /// Radius of the forward circle at shaft speed. With the backward one the orbit is an ellipse of semi-axes
    /// forward + backward and |forward − backward|.
    pub forward: f64,
    /// Radius of the backward circle at shaft speed.
    pub backward: f64,
    /// The shaft's frequency as it was found, Hz.
    pub hz: f64,
}

/// Forward and backward circles by line, up to Nyquist.
///
/// Refused: `channels` (not of one length), `rate`, `record_length`, `sensor`.
pub fn full_spectrum(plans: &Plans, h: &[f64], v: &[f64], fs: f64) -> Result<FullSpectrum, Refusal> {
    let (h, v) = both(plans, h, v, fs)?;
    let (x, y) = (hann(&h.lines), hann(&v.lines));
    let j = Complex::new(0.0, 1.0);
    // The lines of h + jv at −k are those of the conjugates: Z(−k) = X*(k) + jY*(k). A circle of radius R has |Z| = R·Σw.
    let scale = 2.0 / h.n as f64;
    let radius = |sign: f64| -> Vec<f64> {
        let one = |(a, b): (&Complex<f64>, &Complex<f64>)| scale * (a + sign * j * b).norm();
        x.iter().zip(&y).map(one).collect()
    };
    Ok(FullSpectrum { df: h.df(), forward: radius(1.0), backward: radius(-1.0) })
}

/// The orbit of a shaft at `shaft_hz`, from two directions at right angles, over up to `turns` turns unfiltered.
///
/// The shaft's line is looked for within two lines of `shaft_hz`. Refused: `channels`, `speed` (not a frequency that the
/// record shows: at least 8 turns, below Nyquist/1.28), `rate`, `record_length`, `sensor`.
pub fn orbit(plans: &Plans, h: &[f64], v: &[f64], fs: f64, shaft_hz: f64, turns: usize) -> Result<Orbit, Refusal> {
    let (th, tv) = both(plans, h, v, fs)?;
    let n = th.n;
    if !(shaft_hz * n as f64 / fs >= LEAST_TURNS && shaft_hz * 2.56 <= fs) {
        return Err("speed");
    }
    let power: Vec<f64> = th.hann().iter().zip(tv.hann()).map(|(a, b)| a + b).collect();
    let reach = 2.0 * fs / n as f64;
    let (hz, _) = Spectrum { power: &power, n, fs }.tone(shaft_hz - reach, shaft_hz + reach).ok_or("speed")?;
    let (x, y) = (amplitude(&h[..n], fs, hz), amplitude(&v[..n], fs, hz));
    let j = Complex::new(0.0, 1.0);
    let angle = |i: usize| Complex::from_polar(1.0, TAU * i as f64 / POINTS as f64);
    let filtered = (0..=POINTS).map(|i| ((x * angle(i)).re, (y * angle(i)).re)).collect();
    let count = ((turns as f64).min((n as f64 * hz / fs).floor()) * fs / hz).round() as usize;
    let (mh, mv) = (mean(&h[..n]), mean(&v[..n]));
    let raw = h[n - count..n].iter().zip(&v[n - count..n]).map(|(a, b)| (a - mh, b - mv)).collect();
    Ok(Orbit { filtered, raw, forward: 0.5 * (x + j * y).norm(), backward: 0.5 * (x - j * y).norm(), hz })
}

fn both(plans: &Plans, h: &[f64], v: &[f64], fs: f64) -> Result<(Transformed, Transformed), Refusal> {
    if h.len() != v.len() {
        return Err("channels");
    }
    Ok((Transformed::of(plans, h, fs)?, Transformed::of(plans, v, fs)?))
}

/// The Hann window on the lines of a transform, as in `hann_power_into` but with phases.
fn hann(x: &[Complex<f64>]) -> Vec<Complex<f64>> {
    let at = |k: isize| {
        let last = x.len() as isize - 1;
        if k < 0 {
            x[k.unsigned_abs()].conj()
        } else if k > last {
            x[(2 * last - k) as usize].conj()
        } else {
            x[k as usize]
        }
    };
    (0..x.len() as isize).map(|k| 0.5 * at(k) - 0.25 * (at(k - 1) + at(k + 1))).collect()
}

/// Complex amplitude (peak) of the sine at `hz` in `x` under the Hann window: x ≈ Re(A·exp(jωt)).
fn amplitude(x: &[f64], fs: f64, hz: f64) -> Complex<f64> {
    let (n, mean) = (x.len() as f64, mean(x));
    let term = |(i, v): (usize, &f64)| {
        let window = 0.5 * (1.0 - (TAU * i as f64 / n).cos());
        Complex::from_polar((v - mean) * window, -TAU * hz * i as f64 / fs)
    };
    x.iter().enumerate().map(term).sum::<Complex<f64>>() * (4.0 / n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    const FS: f64 = 6400.0;

    /// Forward and backward circles at `hz` with phases, and a backward one at 0.45 of it.
    fn motion(forward: f64, backward: f64, hz: f64) -> (Vec<f64>, Vec<f64>) {
        let mut noise = Noise::new(2);
        (0..12_800)
            .map(|i| {
                let w = TAU * hz * f64::from(i) / FS;
                let z = Complex::from_polar(forward, w + 0.4)
                    + Complex::from_polar(backward, 1.1 - w)
                    + Complex::from_polar(3.0, -0.45 * w);
                (z.re + 5.0 + 0.1 * noise.normal(), z.im - 2.0 + 0.1 * noise.normal())
            })
            .unzip()
    }

    #[test]
    fn forward_and_backward_whirl_are_told_apart() {
        let plans = Plans::default();
        for (forward, backward) in [(20.0, 4.0), (4.0, 20.0), (12.0, 0.0)] {
            let (h, v) = motion(forward, backward, 49.3);
            let o = orbit(&plans, &h, &v, FS, 49.0, 8).unwrap();
            assert!((o.forward - forward).abs() < 0.1 && (o.backward - backward).abs() < 0.1, "{o:?}");
            assert!((o.hz - 49.3).abs() < 0.05);
            let longest = o.filtered.iter().map(|(a, b)| a.hypot(*b)).fold(0.0, f64::max);
            let shortest = o.filtered.iter().map(|(a, b)| a.hypot(*b)).fold(f64::INFINITY, f64::min);
            assert!((longest - (forward + backward)).abs() < 0.2, "{longest}");
            assert!((shortest - (forward - backward).abs()).abs() < 0.2, "{shortest}");
            let (a, b) = (o.filtered[0], o.filtered[1]);
            assert_eq!(a.0 * b.1 - a.1 * b.0 > 0.0, forward > backward, "the sense of the path");
            assert_eq!((o.filtered.len(), o.raw.len()), (129, (8.0 * FS / o.hz).round() as usize));
        }
    }

    #[test]
    fn the_full_spectrum_has_each_circle_on_its_side() {
        let (h, v) = motion(20.0, 4.0, 50.0);
        let s = full_spectrum(&Plans::default(), &h, &v, FS).unwrap();
        let line = |hz: f64| (hz / s.df).round() as usize;
        assert!((s.forward[line(50.0)] / 20.0 - 1.0).abs() < 0.005, "{}", s.forward[line(50.0)]);
        assert!((s.backward[line(50.0)] / 4.0 - 1.0).abs() < 0.01);
        assert!((s.backward[line(22.5)] / 3.0 - 1.0).abs() < 0.01 && s.forward[line(22.5)] < 0.1);
    }

    #[test]
    fn refusals() {
        let (h, v) = motion(20.0, 4.0, 50.0);
        let plans = Plans::default();
        let at = |h: &[f64], v: &[f64], hz| orbit(&plans, h, v, FS, hz, 8).map(|_| ());
        assert_eq!(at(&h, &v[1..], 50.0), Err("channels"));
        assert_eq!(at(&h, &v, 1.0), Err("speed"));
        assert_eq!(at(&h, &v, f64::NAN), Err("speed"));
        assert_eq!(at(&h, &v, 3000.0), Err("speed"));
        assert_eq!(at(&h, &vec![1.0; h.len()], 50.0), Err("sensor"));
        assert_eq!(at(&h[..100], &v[..100], 500.0), Err("record_length"));
    }
}

//! Lines of a record at given frequencies: amplitudes from the chain's spectrum, phases from one line's transform.

use std::f64::consts::{PI, TAU};

use realfft::num_complex::Complex;

use super::symptoms::Line;
use crate::rotating::{Spectrum, median};

/// A line counts where its power exceeds that of the noise around it by this factor: of five lines of noise one does so
/// once in 30,000 spectra.
const STANDS_OUT: f64 = 12.0;
/// Lines on either side that the noise is estimated from.
const AROUND: usize = 25;

/// The line of the velocity spectrum within `reach` Hz of `hz`; 0 where none stands out.
///
/// `None` where the spectrum does not reach there or `hz` is too low for its lines to be told from zero frequency.
pub fn velocity(s: &Spectrum<'_>, hz: f64, reach: f64, scratch: &mut Vec<f64>) -> Option<Line> {
    let reach = reach.max(1.5 * s.df());
    if hz < 6.0 * s.df() || hz + reach > s.fs / 2.56 {
        return None;
    }
    let (at, rms) = s.tone(hz - reach, hz + reach)?;
    let stands = s.power[(at / s.df()).round() as usize] > STANDS_OUT * floor(s, at, scratch);
    Some(Line { hz: at, mm_s: if stands { 1000.0 * rms / (TAU * at) } else { 0.0 } })
}

/// Mean power of the noise around `hz`, from the median of its neighbours but for the nearest four on either side.
fn floor(s: &Spectrum<'_>, hz: f64, scratch: &mut Vec<f64>) -> f64 {
    let at = (hz / s.df()).round() as usize;
    scratch.clear();
    let low = at.saturating_sub(AROUND).max(1)..at.saturating_sub(4).max(1);
    scratch.extend_from_slice(&s.power[low.start.min(low.end)..low.end]);
    let high = (at + 5).min(s.power.len())..(at + AROUND + 1).min(s.power.len());
    scratch.extend_from_slice(&s.power[high]);
    median(scratch) / std::f64::consts::LN_2
}

/// The Hann-windowed transform of `x` at `hz`, scaled to peak amplitude; its phase is that at the middle of the record.
///
/// Phasors advance by multiplication; over a million steps their error stays below 1e-9.
pub fn phasor(x: &[f64], fs: f64, hz: f64) -> Complex<f64> {
    let n = x.len() as f64;
    if x.is_empty() {
        return Complex::default();
    }
    let mean = x.iter().sum::<f64>() / n;
    let step = Complex::from_polar(1.0, -TAU * hz / fs);
    let wind = Complex::from_polar(1.0, TAU / n);
    let (mut turn, mut window) = (Complex::from(1.0), Complex::from(1.0));
    let mut sum = Complex::<f64>::default();
    for v in x {
        sum += turn * (0.5 * (1.0 - window.re) * (v - mean));
        turn *= step;
        window *= wind;
    }
    sum * Complex::from_polar(4.0 / n, TAU * hz / fs * n / 2.0)
}

/// `a` brought to −π … π.
pub fn wrapped(a: f64) -> f64 {
    (a + PI).rem_euclid(TAU) - PI
}

/// Magnitude of the angle between two phases, degrees 0 to 180.
pub fn apart(a: f64, b: f64) -> f64 {
    wrapped(a - b).abs().to_degrees()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    #[test]
    fn a_phasor_has_the_amplitude_and_the_phase_at_the_middle() {
        let (n, fs, hz) = (20_000usize, 10_000.0, 33.37);
        for phase in [-2.0, 0.3, 3.0] {
            let x: Vec<f64> =
                (0..n).map(|i| 5.0 + 2.0 * (TAU * hz * (i as f64 - n as f64 / 2.0) / fs + phase).cos()).collect();
            let p = phasor(&x, fs, hz);
            assert!((p.norm() - 2.0).abs() < 1e-3, "{p}");
            assert!(wrapped(p.arg() - phase).abs() < 1e-3, "{p} is not at {phase}");
        }
        assert_eq!(phasor(&[], fs, hz), Complex::default());
    }

    #[test]
    fn noise_has_no_lines_and_a_faint_sine_has_one() {
        let (n, fs) = (65_536usize, 12_800.0);
        let mut noise = Noise::new(4);
        let mut x = noise.normals(n);
        let mut scratch = Vec::new();
        let mut analyser = crate::rotating::Analyser::new(crate::rotating::Plans::default());
        let context = crate::rotating::Context { speed: Err("speed"), nominal_rpm: None, bearings: &[], alpha: 1e-4 };
        analyser.analyse(&x, fs, &crate::rotating::Stated::default(), &context);
        let found = (1..100).filter(|k| {
            velocity(&analyser.spectrum(), 10.0 * f64::from(*k), 0.0, &mut scratch).is_some_and(|l| l.mm_s > 0.0)
        });
        assert_eq!(found.count(), 0);
        x.iter_mut().enumerate().for_each(|(i, v)| *v += 0.2 * (TAU * 50.0 * i as f64 / fs).sin());
        analyser.analyse(&x, fs, &crate::rotating::Stated::default(), &context);
        let line = velocity(&analyser.spectrum(), 50.1, 0.0, &mut scratch).unwrap();
        let want = 1000.0 * 0.2 / 2f64.sqrt() / (TAU * 50.0);
        assert!((line.mm_s / want - 1.0).abs() < 0.15 && (line.hz - 50.0).abs() < 0.1, "{line:?}, not {want}");
        assert_eq!(velocity(&analyser.spectrum(), 0.5, 0.0, &mut scratch), None);
        assert_eq!(velocity(&analyser.spectrum(), 6000.0, 0.0, &mut scratch), None);
    }
}

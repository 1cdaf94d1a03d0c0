//! The cepstrum: families of equally spaced lines become one.

use realfft::num_complex::Complex;

use super::{Transformed, forward, inverse};
use crate::rotating::Refusal;
use crate::rotating::curve::Curve;
use crate::rotating::plans::Plans;

/// Lines more than this many nepers below the strongest count as that far below: zeros have no logarithm.
const DEPTH: f64 = 16.0;

/// The real cepstrum of `x`, the inverse transform of ln |X| (Hann), over quefrency in s, from the first sample after 0
/// (which holds the mean level) to half the record; nepers.
///
/// A family of lines f apart (harmonics, sidebands) stands at 1/f and its multiples (Randall, MSSP 97 (2017), 3).
///
/// Refused: `rate`, `record_length`, `sensor`.
pub fn cepstrum(plans: &Plans, x: &[f64], fs: f64) -> Result<Curve, Refusal> {
    let t = Transformed::of(plans, x, fs)?;
    let log: Vec<Complex<f64>> = logarithms(&t.hann()).into_iter().map(|l| (0.5 * l).into()).collect();
    let mut values = inverse(plans, &log, t.n);
    values.truncate(t.n / 2);
    values.remove(0);
    Ok(Curve { x0: 1.0 / fs, dx: 1.0 / fs, values })
}

/// The record with the family of lines that stands at `quefrency` (s) taken out, together with all its multiples, each
/// over `width` (s) either side: the cepstrum is set to 0 there, phases stay (Randall & Sawalhi, Sound and Vibration 45
/// (2011), 6). What is left is what does not repeat with that period, such as a bearing beside a gear.
///
/// The result has the length that was transformed. Refused: `band` where there is no such quefrency, or where it is not
/// at least twice `width`; `rate`, `record_length`, `sensor`.
pub fn without_family(plans: &Plans, x: &[f64], fs: f64, quefrency: f64, width: f64) -> Result<Vec<f64>, Refusal> {
    if !(width >= 0.0 && quefrency * fs >= 2.0 && quefrency >= 2.0 * width) {
        return Err("band");
    }
    edited(plans, x, fs, |at| {
        let multiple = (at / quefrency).round();
        if multiple >= 1.0 && (at - multiple * quefrency).abs() <= width.max(0.5 / fs) { 0.0 } else { 1.0 }
    })
}

/// The record with everything at quefrencies above `longest` (s) left out of ln |X|: resonances and transfer path stay,
/// families of lines spaced closer than 1/`longest` go. Phases stay.
///
/// Refused as [`without_family`].
pub fn lifter(plans: &Plans, x: &[f64], fs: f64, longest: f64) -> Result<Vec<f64>, Refusal> {
    if longest.is_nan() || longest * fs < 2.0 {
        return Err("band");
    }
    edited(plans, x, fs, |at| if at > longest { 0.0 } else { 1.0 })
}

/// Multiplies the cepstrum by `weight` of quefrency (s, ≥ 0; both sides alike) and goes back to samples.
fn edited(plans: &Plans, x: &[f64], fs: f64, weight: impl Fn(f64) -> f64) -> Result<Vec<f64>, Refusal> {
    let t = Transformed::of(plans, x, fs)?;
    let n = t.n;
    let power: Vec<f64> = t.lines.iter().map(|v| v.norm_sqr()).collect();
    let log: Vec<Complex<f64>> = logarithms(&power).into_iter().map(|l| (0.5 * l).into()).collect();
    let mut quefrencies = inverse(plans, &log, n);
    for (i, v) in quefrencies.iter_mut().enumerate() {
        *v *= weight(i.min(n - i) as f64 / fs);
    }
    let edited = forward(plans, &mut quefrencies);
    let lines: Vec<Complex<f64>> = t
        .lines
        .iter()
        .zip(&edited)
        .map(|(v, log)| if v.norm_sqr() > 0.0 { v / v.norm() * log.re.exp() } else { Complex::default() })
        .collect();
    Ok(inverse(plans, &lines, n))
}

/// ln of squared magnitudes, bounded below.
fn logarithms(power: &[f64]) -> Vec<f64> {
    let least = power.iter().copied().fold(0.0, f64::max) * (-2.0 * DEPTH).exp();
    power.iter().map(|p| p.max(least).max(f64::MIN_POSITIVE).ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};
    use std::f64::consts::TAU;

    const FS: f64 = 25_600.0;

    /// A gear mesh and two of its harmonics, modulated once a turn by a local fault (a short bump of amplitude).
    fn mesh(n: usize, shaft: f64, teeth: f64) -> Vec<f64> {
        (0..n)
            .map(|i| {
                let turns = shaft * i as f64 / FS;
                let local = (turns + 0.5).fract() - 0.5;
                let bump = 1.0 + 2.0 * (-(local / 0.02).powi(2)).exp();
                bump * (1..=3).map(|h| (TAU * f64::from(h) * teeth * turns).cos() / f64::from(h)).sum::<f64>()
            })
            .collect()
    }

    #[test]
    fn a_family_of_sidebands_stands_at_its_spacing() {
        let shaft = 23.7;
        let mut x = mesh(65_536, shaft, 37.0);
        let mut noise = Noise::new(2);
        x.iter_mut().for_each(|v| *v += 0.05 * noise.normal());
        let c = cepstrum(&Plans::default(), &x, FS).unwrap();
        let (at, value) = c.highest(0.01, 0.08).unwrap();
        assert!((at * shaft - 1.0).abs() < 0.001, "{at} s is {} turns", at * shaft);
        // And its multiples, over everything else there.
        let (second, _) = c.highest(1.5 / shaft, 2.5 / shaft).unwrap();
        assert!((second * shaft - 2.0).abs() < 0.001, "{second}");
        let (_, beside) = c.highest(1.1 / shaft, 1.9 / shaft).unwrap();
        assert!(value > 4.0 * beside, "{value} {beside}");
    }

    #[test]
    fn a_family_is_taken_out_and_the_rest_stays() {
        // A click 40 times a second has harmonics up to Nyquist; beside it a resonance excited by noise.
        let n = 64_000;
        let mut clicks = vec![0.0; n];
        clicks.iter_mut().step_by(640).for_each(|v| *v = 20.0);
        let noise = Noise::new(8).normals(n);
        let x: Vec<f64> = clicks.iter().zip(&noise).map(|(a, b)| a + b).collect();
        let plans = Plans::default();
        let out = without_family(&plans, &x, FS, 0.025, 0.0005).unwrap();
        let family = |x: &[f64]| {
            let power = Transformed::of(&plans, x, FS).unwrap().hann();
            (1..200).map(|k| power[100 * k]).sum::<f64>() / (1..200).map(|k| power[100 * k + 37]).sum::<f64>()
        };
        assert!(family(&x) > 30.0 && family(&out) < 1.5, "{} {}", family(&x), family(&out));
        let rms = (out.iter().map(|v| v * v).sum::<f64>() / n as f64).sqrt();
        assert!((rms - 1.0).abs() < 0.1, "{rms}");
    }

    #[test]
    fn liftering_keeps_the_resonance_and_drops_the_lines() {
        // Noise through a resonance, and the harmonics of 50 Hz on it.
        let n = 51_200;
        let (mut a, mut b) = (0.0, 0.0);
        let mut x: Vec<f64> = Noise::new(5)
            .normals(n)
            .iter()
            .map(|v| {
                let y = v + 1.6 * a - 0.95 * b;
                (b, a) = (a, y);
                y
            })
            .collect();
        for h in 1..200 {
            let tone = sine(n, FS, 50.0 * f64::from(h), 1.0, 0.0);
            x.iter_mut().zip(tone).for_each(|(v, t)| *v += t);
        }
        let out = lifter(&Plans::default(), &x, FS, 0.005).unwrap();
        let before = cepstrum(&Plans::default(), &x, FS).unwrap();
        let after = cepstrum(&Plans::default(), &out, FS).unwrap();
        assert!(after.at(0.02).unwrap() < 0.2 * before.at(0.02).unwrap());
        let short = |c: &Curve| c.values[0];
        assert!((short(&after) / short(&before) - 1.0).abs() < 0.1, "{} {}", short(&after), short(&before));
    }

    #[test]
    fn refusals() {
        let x = Noise::new(1).normals(4096);
        let plans = Plans::default();
        assert_eq!(cepstrum(&plans, &x[..10], FS), Err("record_length"));
        assert_eq!(cepstrum(&plans, &[3.0; 5000], FS), Err("sensor"));
        for (quefrency, width) in [(0.0, 0.0), (-1.0, 0.0), (0.01, 0.009), (f64::NAN, 0.0), (0.01, f64::NAN)] {
            assert_eq!(without_family(&plans, &x, FS, quefrency, width), Err("band"), "{quefrency} {width}");
        }
        assert_eq!(lifter(&plans, &x, FS, 0.0), Err("band"));
    }
}

//! The envelope of a chosen band.

use super::{Transformed, forward};
use crate::rotating::Refusal;
use crate::rotating::curve::{Band, Curve};
use crate::rotating::plans::Plans;
use crate::rotating::spectrum::{Spectrum, hann_power_into};

/// Spectrum of the squared envelope of what `band` holds of `x`, from the second line on up to `to_hz`.
///
/// With a(t) the analytic signal of the band, whose magnitude is its amplitude (peak), a value is the amplitude (peak,
/// one-sided, Hann) of a line of |a(t)|², in the squared unit of the samples. A carrier of amplitude A that is modulated
/// by 1 + m·cos gives 2mA² at the modulating frequency and ½m²A² at twice that. The squared envelope has no more lines
/// than twice the band's, and is sampled so that none folds (Ho & Randall, MSSP 14 (2000), 763).
///
/// Refused: `band` (none, or fewer than 16 lines), `rate`, `record_length`, `sensor`.
pub fn band_envelope(plans: &Plans, x: &[f64], fs: f64, band: Band, to_hz: f64) -> Result<Curve, Refusal> {
    let t = Transformed::of(plans, x, fs)?;
    let lines = t.band(band.low_hz, band.high_hz, 16)?;
    let m = (2 * lines.len()).next_power_of_two();
    let squared = t.baseband(plans, lines, m);
    let mut squared: Vec<f64> = squared.iter().map(|z| z.norm_sqr()).collect();
    let mean = squared.iter().sum::<f64>() / m as f64;
    squared.iter_mut().for_each(|v| *v -= mean);
    let mut power = Vec::new();
    hann_power_into(&forward(plans, &mut squared), &mut power);
    let spectrum = Spectrum { power: &power, n: m, fs: t.df() * m as f64 };
    let last = ((to_hz.max(0.0) / t.df()) as usize).min(power.len() - 1);
    let peak = |k| std::f64::consts::SQRT_2 * spectrum.rms_line(k);
    // The first two lines hold what the window spreads of the mean.
    let values = (0..=last).map(|k| if k < 2 { 0.0 } else { peak(k) }).collect();
    Ok(Curve { x0: 0.0, dx: t.df(), values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, add_impacts};
    use std::f64::consts::TAU;

    const FS: f64 = 25_600.0;

    #[test]
    fn a_modulated_carrier_gives_its_modulation() {
        let (carrier, rate, depth, amplitude) = (4000.0, 37.0, 0.4, 3.0);
        let x: Vec<f64> = (0..51_200)
            .map(|i| {
                let t = f64::from(i) / FS;
                amplitude * (1.0 + depth * (TAU * rate * t).cos()) * (TAU * carrier * t).cos()
                    + 5.0 * (TAU * 120.0 * t).sin()
            })
            .collect();
        let band = Band { low_hz: 3500.0, high_hz: 4500.0 };
        let c = band_envelope(&Plans::default(), &x, FS, band, 200.0).unwrap();
        let (at, value) = c.highest(10.0, 200.0).unwrap();
        assert!((at - rate).abs() < 0.1 * c.dx, "{at}");
        assert!((value / (2.0 * depth * amplitude * amplitude) - 1.0).abs() < 0.005, "{value}");
        let (at, value) = c.highest(60.0, 200.0).unwrap();
        assert!((at - 2.0 * rate).abs() < 0.1 * c.dx, "{at}");
        assert!((value / (0.5 * (depth * amplitude).powi(2)) - 1.0).abs() < 0.005, "{value}");
        // The tone outside of the band leaves nothing.
        assert!(c.at(120.0).unwrap() < 1e-3);
    }

    #[test]
    fn the_strikes_of_a_bearing_show_in_the_band_that_rings() {
        let mut noise = Noise::new(4);
        let mut x = noise.normals(65_536);
        add_impacts(&mut x, FS, 90.0, 6000.0, 8.0, &mut noise);
        let band = Band { low_hz: 5000.0, high_hz: 7000.0 };
        let c = band_envelope(&Plans::default(), &x, FS, band, 500.0).unwrap();
        assert!((c.highest(20.0, 500.0).unwrap().0 - 90.0).abs() < 1.0);
    }

    #[test]
    fn what_holds_too_few_lines_is_refused() {
        let x = Noise::new(1).normals(4096);
        let band = Band { low_hz: 1000.0, high_hz: 1050.0 };
        assert_eq!(band_envelope(&Plans::default(), &x, FS, band, 100.0), Err("band"));
    }
}

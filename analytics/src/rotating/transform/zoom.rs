//! A band of the spectrum, line by line.

use super::{Transformed, forward};
use crate::rotating::Refusal;
use crate::rotating::curve::Curve;
use crate::rotating::plans::{Plans, quick_length};
use crate::rotating::signal::{LONGEST, mean, usable};
use crate::rotating::spectrum::{Spectrum, hann_power_into};

/// RMS by line (Hann, one-sided, unit of the samples) from `low_hz` to `high_hz`, as fine as the records allow with at
/// most `most` lines.
///
/// `records` follow one another without a gap and are joined to one. Shifting a band to 0 Hz, filtering and decimating
/// before the transform (the zoom transform of analysers with little memory; Randall, *Vibration-based Condition
/// Monitoring*, §3.4) gives just the lines that one transform of the whole has in that band, so the whole is transformed.
/// No zoom makes lines finer than 1/duration: what is closer together in one record takes several. A band of more than
/// `most` lines is drawn coarser, from the mean power of half-overlapping pieces, and no lines are joined.
///
/// Refused: `band` (none, or fewer than three lines), `rate`, `record_length`, `sensor`.
pub fn zoom(
    plans: &Plans,
    records: &[&[f64]],
    fs: f64,
    low_hz: f64,
    high_hz: f64,
    most: usize,
) -> Result<Curve, Refusal> {
    let x: Vec<f64> = records.iter().flat_map(|r| r.iter().copied()).take(LONGEST).collect();
    let x = usable(&x, fs)?;
    let whole = Transformed { lines: Vec::new(), n: x.len(), fs };
    let lines = whole.band(low_hz, high_hz, 3)?.len();
    let n = if lines > most { quick_length((x.len() as f64 * most as f64 / lines as f64) as usize) } else { x.len() };
    let power = mean_power(plans, x, n);
    let spectrum = Spectrum { power: &power, n, fs };
    let band = Transformed { lines: Vec::new(), n, fs }.band(low_hz, high_hz, 1)?;
    let x0 = band.start as f64 * spectrum.df();
    Ok(Curve { x0, dx: spectrum.df(), values: band.take(most).map(|k| spectrum.rms_line(k)).collect() })
}

/// Mean of the squared magnitudes of half-overlapping pieces of `n` samples under the Hann window.
fn mean_power(plans: &Plans, x: &[f64], n: usize) -> Vec<f64> {
    let mean = mean(x);
    let (mut sum, mut one) = (vec![0.0; n / 2 + 1], Vec::new());
    let mut pieces = 0.0;
    for start in (0..=x.len() - n).step_by(n / 2) {
        let mut piece: Vec<f64> = x[start..start + n].iter().map(|v| v - mean).collect();
        hann_power_into(&forward(plans, &mut piece), &mut one);
        sum.iter_mut().zip(&one).for_each(|(s, p)| *s += p);
        pieces += 1.0;
    }
    sum.iter_mut().for_each(|s| *s /= pieces);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::sine;

    const FS: f64 = 25_600.0;

    #[test]
    fn two_tones_apart_by_less_than_a_records_line_take_several_records() {
        let n = 25_600;
        // 0.75 Hz apart; one second resolves 1.5 Hz (Hann), four seconds resolve 0.4 Hz.
        let (a, b) = (sine(4 * n, FS, 300.0, 1.0, 0.0), sine(4 * n, FS, 300.75, 1.0, 0.0));
        let x: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        let plans = Plans::default();
        let dips = |c: &Curve| {
            let middle = c.highest(300.2, 300.55).map_or(f64::NAN, |p| p.1);
            (middle, c.highest(299.8, 300.2).unwrap().1, c.highest(300.6, 300.9).unwrap().1)
        };
        let parts: Vec<&[f64]> = x.chunks(n).collect();
        let fine = zoom(&plans, &parts, FS, 290.0, 310.0, 4000).unwrap();
        assert!((fine.dx - 0.25).abs() < 1e-12 && (fine.x0 - 290.0).abs() < 1e-9, "{fine:?}");
        let (middle, first, second) = dips(&fine);
        assert!(middle < 0.8 * first && middle < 0.8 * second, "{middle} {first} {second}");
        assert!((first / 0.5f64.sqrt() - 1.0).abs() < 0.1 && (second / 0.5f64.sqrt() - 1.0).abs() < 0.1);
        let coarse = zoom(&plans, &parts[..1], FS, 290.0, 310.0, 4000).unwrap();
        assert_eq!((coarse.dx, coarse.values.len()), (1.0, 21));
    }

    #[test]
    fn amplitude_is_kept_and_a_wide_band_becomes_coarser_but_bounded() {
        let x = sine(262_144, FS, 1000.0, 2.0, 3.0);
        let plans = Plans::default();
        for (low, high) in [(990.0, 1010.0), (0.0, 12_800.0)] {
            let c = zoom(&plans, &[&x], FS, low, high, 4000).unwrap();
            assert!(c.values.len() <= 4000 && c.values.len() > 100, "{}", c.values.len());
            // The whole of the tone, not what happens to stand on one line: sqrt(sum / 1.5).
            let sum: f64 = c.values.iter().map(|v| v * v).sum();
            assert!(((sum / 1.5).sqrt() / 2f64.sqrt() - 1.0).abs() < 0.005, "{low} to {high}: {sum}");
            let at = c.highest(low, high).unwrap().0;
            assert!((at - 1000.0).abs() <= 0.5 * c.dx + 1e-9, "{at}");
        }
    }

    #[test]
    fn bands_that_are_none_are_refused() {
        let x = sine(4096, FS, 1000.0, 2.0, 3.0);
        let at = |low, high| zoom(&Plans::default(), &[&x], FS, low, high, 4000).map(|_| ());
        assert_eq!(at(500.0, 400.0), Err("band"));
        assert_eq!(at(500.0, 501.0), Err("band"));
        assert_eq!(at(500.0, 20_000.0), Err("band"));
        assert_eq!(at(f64::NAN, 600.0), Err("band"));
        assert_eq!(at(-1.0, 600.0), Err("band"));
        assert_eq!(at(0.0, 600.0), Ok(()));
        assert_eq!(zoom(&Plans::default(), &[], FS, 0.0, 100.0, 4000), Err("record_length"));
    }
}

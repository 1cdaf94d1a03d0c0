//! Which band is impulsive.
//!
//! The kurtogram of Antoni (MSSP 21 (2007), 108): kurtosis of the complex envelope for bands of many widths. Here every
//! level halves the band of two levels before, alternating between 2^k and 3·2^k bands as his 1/3-binary tree does; the
//! bands are cut out of one transform, each with edges that fall off by half a cosine, so that no filter bank is needed.

use realfft::num_complex::Complex;

use super::Transformed;
use crate::rotating::Refusal;
use crate::rotating::curve::Band;
use crate::rotating::plans::{Plans, quick_length};
use crate::rotating::signal::LONGEST;

/// Most bands of one level.
const MOST_BANDS: usize = 64;
/// Fewest independent samples that a band's envelope may have.
const LEAST: usize = 128;
/// Part of the record at either end that is faded, and left out of the envelopes.
const FADE: f64 = 0.05;
/// Part of a band's width over which its edges fall off, on either side of the edge.
const EDGE: f64 = 0.1;

/// The bands of one width.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Width of each, Hz; the first begins at 0 Hz.
    pub width_hz: f64,
    /// ⟨|c|⁴⟩/⟨|c|²⟩² − 2 of each band's complex envelope c: 0 for Gaussian noise, −1 for a steady tone.
    pub kurtosis: Vec<f64>,
}

/// The kurtosis of all bands, and which is the least likely to be noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Kurtogram {
    /// From the widest band to the narrowest.
    pub levels: Vec<Level>,
    /// The band whose kurtosis stationary Gaussian noise explains least. To demodulate there is a choice; that something
    /// is impulsive at all is said by [`Kurtogram::ln_p`] alone.
    pub best: Band,
    /// Its kurtosis.
    pub kurtosis: f64,
    /// ln of the probability that noise shows as much in any of the bands that were searched: corrected for their
    /// number. Above −9 (one record in ten thousand) the record is no evidence of impacts.
    pub ln_p: f64,
}

/// Computes the kurtogram of `x` at `fs` Hz, up to 64 bands or down to bands that hold 128 independent samples.
///
/// Refused: `rate`, `record_length`, `sensor`.
pub fn kurtogram(plans: &Plans, x: &[f64], fs: f64) -> Result<Kurtogram, Refusal> {
    let fade = (FADE * quick_length(x.len().min(LONGEST)) as f64) as usize;
    let t = Transformed::faded(plans, x, fs, fade)?;
    let mut levels = Vec::new();
    let (mut searched, mut best) = (0.0, (f64::INFINITY, Band::default(), 0.0));
    for bands in numbers_of_bands(t.n / 2) {
        let width_hz = fs / 2.0 / bands as f64;
        let kurtosis: Vec<f64> = (0..bands).map(|b| envelope_kurtosis(plans, &t, b, bands)).collect();
        let independent = (1.0 - 2.0 * FADE) * (t.n / 2 / bands) as f64;
        for (b, k) in kurtosis.iter().enumerate() {
            let ln_p = ln_p_kurtosis(*k, independent);
            if ln_p < best.0 {
                let low_hz = b as f64 * width_hz;
                best = (ln_p, Band { low_hz, high_hz: low_hz + width_hz }, *k);
            }
        }
        searched += bands as f64;
        levels.push(Level { width_hz, kurtosis });
    }
    Ok(Kurtogram { levels, best: best.1, kurtosis: best.2, ln_p: (best.0 + f64::ln(searched)).min(0.0) })
}

/// 1, 2, 3, 4, 6, 8, 12, 16 … as far as the record carries them.
fn numbers_of_bands(lines: usize) -> impl Iterator<Item = usize> {
    let binary = std::iter::successors(Some(1), |b| Some(2 * b));
    let all = binary.flat_map(|b: usize| if b == 1 { vec![1] } else { vec![b, b / 2 * 3] });
    all.take_while(move |b| *b <= MOST_BANDS && (*b == 1 || lines / b >= LEAST))
}

/// Kurtosis of the complex envelope of band `b` of `bands`, without the faded ends.
fn envelope_kurtosis(plans: &Plans, t: &Transformed, b: usize, bands: usize) -> f64 {
    let width = t.n as f64 / 2.0 / bands as f64;
    let (low, high) = (b as f64 * width, (b + 1) as f64 * width);
    let edge = EDGE * width;
    let first = ((low - edge).ceil().max(1.0)) as usize;
    let end = ((high + edge).ceil() as usize).min(t.n / 2);
    let m = (end - first).next_power_of_two();
    let mut z = vec![Complex::default(); m];
    for (line, v) in (first..end).zip(&mut z) {
        let k = line as f64;
        // The lowest and the highest band end where the spectrum does.
        let rise = if b == 0 { 1.0 } else { ((k - low + edge) / (2.0 * edge)).clamp(0.0, 1.0) };
        let fall = if b + 1 == bands { 1.0 } else { ((high + edge - k) / (2.0 * edge)).clamp(0.0, 1.0) };
        *v = t.lines[line] * (std::f64::consts::FRAC_PI_2 * rise.min(fall)).sin();
    }
    plans.inverse(m).process(&mut z);
    let fade = (FADE * m as f64).ceil() as usize;
    let (mut two, mut four) = (0.0, 0.0);
    let inner = &z[fade..m - fade];
    for v in inner {
        let p = v.norm_sqr();
        two += p;
        four += p * p;
    }
    if two > 0.0 { four * inner.len() as f64 / (two * two) - 2.0 } else { 0.0 }
}

/// ln of the probability that Gaussian noise shows at least the kurtosis `k` in a band of `independent` independent
/// complex samples.
///
/// Their squared magnitudes are exponential, and (k + 2)/M is Greenwood's statistic (J. R. Stat. Soc. 109 (1946), 85),
/// whose mean and variance are known exactly and whose skewness is 9.8/√(M + 10) within 2 %. In the middle it is taken as
/// gamma distributed with these three; far out one sample E alone makes it, E² − 4E > M·k, whose probability is added
/// (large deviations of sums with heavy tails are those of their largest term). Held against simulation in the tests.
#[must_use]
pub fn ln_p_kurtosis(k: f64, independent: f64) -> f64 {
    let m = independent.max(2.0);
    let mean = 2.0 / (m + 1.0);
    let variance = 4.0 * (m - 1.0) / ((m + 1.0).powi(2) * (m + 2.0) * (m + 3.0));
    let g = ((k + 2.0) / m).max(0.0);
    let skewness = 9.8 / (m + 10.0).sqrt();
    let sum = gamma_sf((g - mean) / variance.sqrt(), 4.0 / (skewness * skewness));
    let single = m.ln() - 2.0 - (4.0 + m * k.max(0.0)).sqrt();
    let (a, b) = (sum.max(single), sum.min(single));
    (a + (b - a).exp().ln_1p()).min(0.0)
}

/// ln of the survival of a gamma distribution of this shape at `z` standard deviations above its mean, by Wilson and Hilferty's cube root (Proc. Natl. Acad. Sci. 17
/// (1931), 684), which keeps its tail where a series would underflow.
fn gamma_sf(z: f64, shape: f64) -> f64 {
    let c = 1.0 / (9.0 * shape);
    let z = ((1.0 + z / shape.sqrt()).max(0.0).cbrt() - (1.0 - c)) / c.sqrt();
    if z < 5.0 {
        (0.5 * statrs::function::erf::erfc(z / std::f64::consts::SQRT_2)).ln()
    } else {
        // Mills' ratio.
        -0.5 * z * z - (z * std::f64::consts::TAU.sqrt()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, add_impacts, sine};

    const FS: f64 = 25_600.0;

    #[test]
    fn the_band_of_impacts_hidden_in_noise_is_found() {
        let mut noise = Noise::new(6);
        let mut x = noise.normals(65_536);
        add_impacts(&mut x, FS, 60.0, 7000.0, 4.0, &mut noise);
        // Tones ten times as strong as the noise, where the machine has them.
        for (f, a) in [(25.0, 8.0), (50.0, 5.0), (900.0, 6.0), (1800.0, 3.0)] {
            x.iter_mut().zip(sine(65_536, FS, f, a, 0.0)).for_each(|(v, t)| *v += t);
        }
        let k = kurtogram(&Plans::default(), &x, FS).unwrap();
        let (low, high) = (k.best.low_hz, k.best.high_hz);
        assert!(low <= 7000.0 && high >= 7000.0 && high - low < 4300.0, "{:?}", k.best);
        assert!(k.ln_p < -30.0 && k.kurtosis > 0.3, "{} {}", k.ln_p, k.kurtosis);
        let bands: Vec<usize> = k.levels.iter().map(|l| l.kurtosis.len()).collect();
        assert_eq!(bands, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
    }

    #[test]
    fn noise_is_no_evidence_however_many_bands_are_searched() {
        let plans = Plans::default();
        let mut noise = Noise::new(31);
        let runs = 400;
        let (mut one_in_ten, mut one_in_hundred) = (0, 0);
        for _ in 0..runs {
            let x = noise.normals(16_384);
            let k = kurtogram(&plans, &x, FS).unwrap();
            one_in_ten += i32::from(k.ln_p < f64::ln(0.1));
            one_in_hundred += i32::from(k.ln_p < f64::ln(0.01));
        }
        // Overlapping bands are not independent, so the correction is on the safe side.
        assert!(one_in_ten <= 40 + 18, "{one_in_ten}");
        assert!(one_in_hundred <= 4 + 6, "{one_in_hundred}");
        assert!(one_in_ten >= 2, "{one_in_ten}: so strict that nothing would ever pass");
    }

    #[test]
    fn the_probability_holds_for_sums_of_exponentials() {
        let mut noise = Noise::new(77);
        for m in [128usize, 1000] {
            let runs = 20_000;
            let mut ks: Vec<f64> = (0..runs)
                .map(|_| {
                    let e: Vec<f64> = (0..m).map(|_| -noise.uniform().ln()).collect();
                    let (one, two): (f64, f64) = e.iter().fold((0.0, 0.0), |(a, b), v| (a + v, b + v * v));
                    two * m as f64 / (one * one) - 2.0
                })
                .collect();
            ks.sort_by(f64::total_cmp);
            for p in [0.1, 0.01, 0.001] {
                let at = ks[(f64::from(runs) * (1.0 - p)) as usize];
                let stated = ln_p_kurtosis(at, m as f64).exp();
                assert!(stated > 0.7 * p && stated < 3.0 * p, "{m} samples: {stated} is stated where {p} is found");
            }
        }
    }

    #[test]
    fn a_record_that_wraps_with_a_jump_is_not_impulsive() {
        // A slow drift ends elsewhere than it began.
        let mut noise = Noise::new(12);
        let x: Vec<f64> = (0..32_768).map(|i| 200.0 * f64::from(i) / 32_768.0 + noise.normal()).collect();
        let k = kurtogram(&Plans::default(), &x, FS).unwrap();
        assert!(k.ln_p > -9.0, "{} in {:?}", k.ln_p, k.best);
    }

    #[test]
    fn refusals() {
        let plans = Plans::default();
        assert_eq!(kurtogram(&plans, &[1.0; 5000], FS), Err("sensor"));
        assert_eq!(kurtogram(&plans, &[1.0, 2.0], FS), Err("record_length"));
    }
}

//! The shape of a spectrum, whatever the sampling rate.

use super::super::Refusal;
use super::super::plans::Plans;
use super::super::spectrum::hann_power_into;

/// Bands of equal width, in which a spectrum's shape is told.
pub const BANDS: usize = 16;
/// Samples of a segment.
const SEGMENT: usize = 1024;
/// Lines at either end that are left out: the mean's leak, the anti-aliasing filter.
const ENDS: usize = 8;
/// Longest record that is looked at, in samples.
const LONGEST: usize = 1 << 20;

/// ln of the power in [`BANDS`] bands of equal width from 0 to half the sampling rate, less their mean: the level is taken
/// out, the shape remains.
///
/// Segments of 1,024 samples, half overlapping, Hann (Welch, IEEE Trans. Audio Electroacoust. 15 (1967), 70).
/// `Err("record_length")` below 8 segments, `Err("sensor")` where a band holds no power or no number.
pub fn shape(plans: &Plans, x: &[f64]) -> Result<[f64; BANDS], Refusal> {
    let x = &x[..x.len().min(LONGEST)];
    if x.len() < 8 * SEGMENT {
        return Err("record_length");
    }
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let plan = plans.real(SEGMENT);
    let (mut lines, mut scratch) = (plan.make_output_vec(), plan.make_scratch_vec());
    let (mut segment, mut power, mut bands) = (vec![0.0; SEGMENT], Vec::new(), [0.0; BANDS]);
    let width = (SEGMENT / 2 - 2 * ENDS) / BANDS;
    for first in (0..=x.len() - SEGMENT).step_by(SEGMENT / 2) {
        for (s, v) in segment.iter_mut().zip(&x[first..]) {
            *s = v - mean;
        }
        // The lengths fit by construction, which is all that can fail.
        let done = plan.process_with_scratch(&mut segment, &mut lines, &mut scratch);
        debug_assert!(done.is_ok());
        hann_power_into(&lines, &mut power);
        for (i, band) in bands.iter_mut().enumerate() {
            *band += power[ENDS + i * width..ENDS + (i + 1) * width].iter().sum::<f64>();
        }
    }
    if bands.iter().any(|b| !(b.is_finite() && *b > 0.0)) {
        return Err("sensor");
    }
    let logs = bands.map(f64::ln);
    let level = logs.iter().sum::<f64>() / BANDS as f64;
    Ok(logs.map(|v| v - level))
}

//! The features by which a machine is held against its own past.

use crate::rotating::{Plans, Refusal, hann_power_into, time_features};

/// Octaves below half the sampling rate whose levels are taken.
pub const OCTAVES: usize = 6;
/// Values that [`levels`] gives.
pub const FEATURES: usize = OCTAVES + 2;
/// Samples of a segment: its four lowest lines hold the lowest octave's.
const SEGMENT: usize = 512;
/// Fewest samples: seven segments that overlap by half.
const SHORTEST: usize = 2048;

/// Logarithms of what damage raises in one record, whatever its rate and unit: RMS in the six octaves below half the
/// sampling rate, the lowest first, then kurtosis, then peak.
///
/// Levels by octave, because a fault shows first where its resonance is, while the sum is still that of everything else;
/// kurtosis, because the first impacts carry no power. Hann segments, half overlapping (Welch). `Err("record_length")`
/// below 2,048 samples, `Err("sensor")` where a sample is no number or nothing varies.
pub fn levels(plans: &Plans, x: &[f64]) -> Result<[f64; FEATURES], Refusal> {
    if x.len() < SHORTEST {
        return Err("record_length");
    }
    let f = time_features(x);
    if !(f.rms.is_finite() && f.rms > 0.0) {
        return Err("sensor");
    }
    let plan = plans.real(SEGMENT);
    let (mut lines, mut scratch) = (plan.make_output_vec(), plan.make_scratch_vec());
    let (mut segment, mut power, mut octaves) = (vec![0.0; SEGMENT], Vec::new(), [0.0; OCTAVES]);
    let mut segments = 0.0;
    for first in (0..=x.len() - SEGMENT).step_by(SEGMENT / 2) {
        for (s, v) in segment.iter_mut().zip(&x[first..]) {
            *s = v - f.mean;
        }
        // The lengths fit by construction, which is all that can fail.
        let done = plan.process_with_scratch(&mut segment, &mut lines, &mut scratch);
        debug_assert!(done.is_ok());
        hann_power_into(&lines, &mut power);
        for (i, octave) in octaves.iter_mut().enumerate() {
            let low = SEGMENT >> (OCTAVES + 1 - i);
            *octave += power[low..2 * low].iter().sum::<f64>();
        }
        segments += 1.0;
    }
    let mut out = [0.0; FEATURES];
    // Below a millionth of the whole there is nothing but rounding, and its logarithm would leap.
    let least = 1e-12 * octaves.iter().sum::<f64>();
    for (o, power) in out.iter_mut().zip(octaves) {
        *o = 0.5 * (power.max(least) / (segments * (SEGMENT * SEGMENT) as f64)).ln();
    }
    out[OCTAVES] = f.kurtosis.ln();
    out[OCTAVES + 1] = f.peak.ln();
    if out.iter().all(|v| v.is_finite()) { Ok(out) } else { Err("sensor") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::{Noise, sine};

    #[test]
    fn levels_follow_the_amplitude_and_say_where_it_is() {
        let plans = Plans::default();
        let x = Noise::new(41).normals(25_600);
        let a = levels(&plans, &x).unwrap();
        // An octave holds half the power of the one above.
        for w in a[..OCTAVES].windows(2) {
            assert!((w[1] - w[0] - 0.5 * std::f64::consts::LN_2).abs() < 0.06, "{a:?}");
        }
        assert!((a[OCTAVES].exp() - 3.0).abs() < 0.15);
        let doubled: Vec<f64> = x.iter().map(|v| 2.0 * v + 7.0).collect();
        let b = levels(&plans, &doubled).unwrap();
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            let want = if i == OCTAVES { 0.0 } else { std::f64::consts::LN_2 };
            assert!((b - a - want).abs() < 1e-9, "{i}");
        }
        // 1,500 Hz at 12.8 kHz stands in the third octave below 6.4 kHz.
        let tone: Vec<f64> = x.iter().zip(sine(25_600, 12_800.0, 1500.0, 20.0, 0.0)).map(|(v, s)| v + s).collect();
        let c = levels(&plans, &tone).unwrap();
        let most = (0..OCTAVES).max_by(|i, j| (c[*i] - a[*i]).total_cmp(&(c[*j] - a[*j]))).unwrap();
        assert_eq!(most, OCTAVES - 3);
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let plans = Plans::default();
        assert_eq!(levels(&plans, &[1.0; 100]), Err("record_length"));
        assert_eq!(levels(&plans, &[1.0; 4096]), Err("sensor"));
        let mut x = Noise::new(1).normals(4096);
        x[77] = f64::NAN;
        assert_eq!(levels(&plans, &x), Err("sensor"));
    }
}

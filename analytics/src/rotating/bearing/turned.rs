//! The envelope by the angle of the shaft.
//!
//! Where the speed varies, the strikes of a bearing keep their place in the turn while their frequency wanders, and
//! resonances keep their frequency. So the record is whitened and demodulated by frequency, and only then is the squared
//! envelope resampled by angle (Borghesani et al., MSSP 36 (2013), 370).

use realfft::num_complex::Complex;

use super::envelope::{Envelope, Refusal};
use crate::rotating::orders::Phase;
use crate::rotating::plans::Plans;

/// The squared envelope has at least this many samples for each period of the fastest that is read, where a cubic between
/// them is right to 1 %.
const FINE: usize = 8;
/// Lines above the highest that is read, by which its floor is known.
const MARGIN: f64 = 128.0;

/// What was transformed.
#[derive(Clone, Copy, Debug)]
pub(in crate::rotating) struct Record {
    /// Samples.
    pub n: usize,
    /// Rate, Hz.
    pub fs: f64,
}

/// Buffers of the resampling.
#[derive(Default)]
pub(in crate::rotating) struct Turned {
    slow: Vec<Complex<f64>>,
    angles: Vec<f64>,
    scratch: Vec<Complex<f64>>,
}

impl Turned {
    /// Turns the squared envelope that `envelope` holds into one over the angle of `phase`, and fills its
    /// ratios up to `highest` orders. Gives the turns that it spans; its lines are 1/turns orders apart.
    pub fn resample(
        &mut self,
        plans: &Plans,
        envelope: &mut Envelope,
        record: Record,
        phase: &Phase,
        highest: f64,
    ) -> Result<f64, Refusal> {
        let (slowest, fastest) = phase.range_hz().ok_or("speed")?;
        let (first, turns) = span(phase, record.n as f64 / record.fs).ok_or("turns")?;
        let most = highest * turns + MARGIN;
        let highest_hz = most / turns * fastest;
        let kept = ((highest_hz * record.n as f64 / record.fs).ceil() as usize + 1).min(envelope.squared.count());
        let m = (FINE * kept).next_power_of_two();
        envelope.squared.spread(kept, &mut envelope.lines);
        self.slow_part(plans, &envelope.lines, m);
        // As many samples by angle as keep what was kept apart at the slowest.
        let count = ((2.0 * most).max(2.0 * kept as f64 * phase.mean_hz() / slowest) as usize).next_power_of_two();
        let rate = m as f64 * record.fs / record.n as f64;
        self.angles.clear();
        self.angles.extend((0..count).map(|i| {
            let turn = first + turns * i as f64 / count as f64;
            cubic(&self.slow, phase.time_of(turn) * rate)
        }));
        let mean = self.angles.iter().sum::<f64>() / count as f64;
        self.angles.iter_mut().for_each(|v| *v -= mean);
        let plan = plans.real(count);
        envelope.lines.resize(count / 2 + 1, Complex::default());
        self.scratch.resize(plan.get_scratch_len(), Complex::default());
        // The lengths fit by construction, which is all that can fail.
        let done = plan.process_with_scratch(&mut self.angles, &mut envelope.lines, &mut self.scratch);
        debug_assert!(done.is_ok());
        envelope.ratios(highest * turns);
        Ok(turns)
    }

    /// `lines` as `m` samples over the record, in the real parts of [`Turned::slow`].
    fn slow_part(&mut self, plans: &Plans, lines: &[Complex<f64>], m: usize) {
        self.slow.clear();
        self.slow.extend_from_slice(lines);
        self.slow.resize(m, Complex::default());
        let plan = plans.inverse(m);
        self.scratch.resize(plan.get_inplace_scratch_len(), Complex::default());
        plan.process_with_scratch(&mut self.slow, &mut self.scratch);
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        8 * self.angles.capacity() + 16 * (self.slow.capacity() + self.scratch.capacity())
    }
}

/// The first turn within `seconds` from 0, and the turns from there on.
fn span(phase: &Phase, seconds: f64) -> Option<(f64, f64)> {
    let (mut first, mut last) = phase.turns();
    while first < last && phase.time_of(first) < 0.0 {
        first += 0.25;
    }
    while last > first && phase.time_of(last) > seconds {
        last -= 0.25;
    }
    (last > first).then_some((first, last - first))
}

/// The value between samples by the cubic through the four around it; the record is taken to go round.
fn cubic(z: &[Complex<f64>], at: f64) -> f64 {
    let whole = at.floor();
    let (u, n) = (at - whole, z.len());
    let y = |k: isize| z[(whole as isize + k).rem_euclid(n as isize) as usize].re;
    let (a, b, c, d) = (y(-1), y(0), y(1), y(2));
    let (below, above) = (u + 1.0, u - 1.0);
    let far = u - 2.0;
    -a * u * above * far / 6.0 + b * below * above * far / 2.0 - c * below * u * far / 2.0 + d * below * u * above / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_between_samples() {
        let n = 64;
        let z: Vec<Complex<f64>> = (0..n).map(|i| (std::f64::consts::TAU * f64::from(i) / 8.0).sin().into()).collect();
        for i in 0..200 {
            let at = f64::from(i) * 0.31;
            let want = (std::f64::consts::TAU * at / 8.0).sin();
            assert!((cubic(&z, at) - want).abs() < 0.02, "{at}");
        }
    }

    #[test]
    fn the_span_stays_within_the_record() {
        let phase = Phase::through(vec![-1.0, 9.0], vec![0.0, 100.0]).unwrap();
        let (first, turns) = span(&phase, 5.0).unwrap();
        assert!((first - 10.0).abs() < 0.3 && (turns - 50.0).abs() < 0.5, "{first} {turns}");
        assert_eq!(span(&phase, -3.0), None);
    }
}

//! The squared envelope of a record whose lines were whitened.
//!
//! Lines of magnitude 1 are what single precision is made for: nothing large hides anything small. The two transforms are
//! done in it, at half the time and memory; what they round lies thousands of times below the floor of noise (held in the
//! tests below), and everything before and after is double.

use std::sync::Arc;

use realfft::num_complex::Complex;
use rustfft::Fft;

/// Lower edge of the band that is demodulated, Hz: below live the machine's own tones.
pub const BAND_LOW_HZ: f64 = 300.0;
/// Upper edge as a part of the Nyquist frequency: above works the anti-aliasing filter.
pub const BAND_HIGH: f64 = 0.95;
/// The transforms that one record length takes: the inverse of n/2 complex lines, the forward of n/4 complex samples.
pub(in crate::rotating) struct EnvelopePlans {
    pub inverse: Arc<dyn Fft<f32>>,
    pub forward: Arc<dyn Fft<f32>>,
}

/// The transform of one record.
#[derive(Clone, Copy, Debug)]
pub(in crate::rotating) struct RecordLines<'a> {
    /// n/2 + 1 lines.
    pub lines: &'a [Complex<f64>],
    /// RMS of the samples, or about that.
    pub rms: f64,
    /// Samples, a multiple of 4.
    pub n: usize,
    /// Their rate, Hz.
    pub fs: f64,
}

/// exp(−2πjk/len) of the first few k.
#[derive(Default)]
struct Turns {
    len: usize,
    of: Vec<Complex<f64>>,
}

impl Turns {
    fn first(&mut self, count: usize, len: usize) -> &[Complex<f64>] {
        if self.len != len {
            self.len = len;
            self.of.clear();
        }
        let turn = -std::f64::consts::TAU / len as f64;
        self.of.extend((self.of.len()..count).map(|k| Complex::cis(turn * k as f64)));
        &self.of[..count]
    }
}

/// Buffers of the squared envelope of one record length.
#[derive(Default)]
pub(in crate::rotating) struct Squared {
    analytic: Vec<Complex<f32>>,
    /// The squared envelope, two samples in one complex number, and later the transform of that.
    pairs: Vec<Complex<f32>>,
    turns: Turns,
    scratch: Vec<Complex<f32>>,
}

impl Squared {
    /// Whitens the record, squares its envelope and transforms that; [`Squared::spread`] gives the lines.
    ///
    /// The pre-whitened signal has only positive frequencies below Nyquist, so n/2 complex samples carry it whole, and
    /// their squared magnitude is the squared envelope at half the rate. What that halving folds together differs by
    /// n/2 lines: pairs that exist only above n/2 less the band's width, where nothing is read.
    pub fn square(&mut self, plans: &EnvelopePlans, x: RecordLines<'_>) {
        let half = x.n / 2;
        let band = band_lines(x.n, x.fs);
        // To a magnitude of about 1, whose square single precision holds whatever the unit.
        let magnitude = x.rms * (x.n as f64).sqrt();
        let scale = if magnitude > 0.0 { magnitude.recip() } else { 0.0 };
        self.analytic.clear();
        self.analytic.resize(band.start.min(half), Complex::default());
        // One division a line, and none that waits for a branch.
        self.analytic.extend(x.lines[..half.min(band.end)].iter().skip(band.start).map(|v| {
            let v = Complex::new((v.re * scale) as f32, (v.im * scale) as f32);
            let p = v.norm_sqr();
            v * if p > 0.0 { p.sqrt().recip() } else { 0.0 }
        }));
        self.analytic.resize(half, Complex::default());
        self.scratch.resize(plans.inverse.get_inplace_scratch_len(), Complex::default());
        plans.inverse.process_with_scratch(&mut self.analytic, &mut self.scratch);
        // Unscaled, the mean of the squares is the number of lines.
        let mean = band.len() as f32;
        let (samples, _) = self.analytic.as_chunks::<2>();
        self.pairs.clear();
        self.pairs.extend(samples.iter().map(|[a, b]| Complex::new(a.norm_sqr() - mean, b.norm_sqr() - mean)));
        self.scratch.resize(plans.forward.get_inplace_scratch_len(), Complex::default());
        plans.forward.process_with_scratch(&mut self.pairs, &mut self.scratch);
    }

    /// Lines that the squared envelope has.
    pub fn count(&self) -> usize {
        self.pairs.len() + 1
    }

    /// Fills `lines` with the first `count` lines of the squared envelope, without its mean: the transform of real samples
    /// from that of their pairs, X_k = ½(Z_k + Z*_{m−k}) − ½j·e^{−jπk/m}·(Z_k − Z*_{m−k}).
    pub fn spread(&mut self, count: usize, lines: &mut Vec<Complex<f64>>) {
        let m = self.pairs.len();
        let wide = |z: Complex<f32>| Complex::new(f64::from(z.re), f64::from(z.im));
        let turns = self.turns.first(count.min(self.count()), 2 * m);
        lines.clear();
        lines.extend(turns.iter().enumerate().map(|(k, turn)| {
            let (a, b) = (wide(self.pairs[k % m]), wide(self.pairs[(m - k) % m]).conj());
            let odd = (a - b) * turn;
            0.5 * (a + b + Complex::new(odd.im, -odd.re))
        }));
        if let Some(mean) = lines.first_mut() {
            *mean = Complex::default();
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        8 * (self.analytic.capacity() + self.pairs.capacity() + self.scratch.capacity()) + 16 * self.turns.of.capacity()
    }
}

/// The lines of the transform that are demodulated.
fn band_lines(n: usize, fs: f64) -> std::ops::Range<usize> {
    let first = (BAND_LOW_HZ * n as f64 / fs).ceil() as usize;
    first..(BAND_HIGH * n as f64 / 2.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::Plans;
    use crate::rotating::testing::{Noise, add_impacts, sine};

    /// The squared envelope in double precision, one transform after the other.
    fn exact(x: &RecordLines<'_>) -> Vec<Complex<f64>> {
        let half = x.n / 2;
        let band = band_lines(x.n, x.fs);
        let white = |k: usize| if band.contains(&k) { x.lines[k] / x.lines[k].norm() } else { Complex::default() };
        let mut z: Vec<_> = (0..half).map(white).collect();
        Plans::default().inverse(half).process(&mut z);
        let mut squared: Vec<f64> = z.iter().map(|v| v.norm_sqr() - band.len() as f64).collect();
        let plan = Plans::default().real(half);
        let mut lines = plan.make_output_vec();
        plan.process(&mut squared, &mut lines).unwrap();
        lines
    }

    #[test]
    fn single_precision_rounds_far_below_the_floor() {
        let plans = Plans::default();
        for (n, unit) in [(1024, 1.0), (25_600, 1e-12), (65_536, 1e12)] {
            // A tone a hundred thousand times the noise between the lines, and impacts.
            let mut noise = Noise::new(5);
            let mut samples = sine(n, 25_600.0, 1000.3, 1e5, 0.0);
            samples.iter_mut().for_each(|v| *v += noise.normal());
            add_impacts(&mut samples, 25_600.0, 88.6, 4800.0, 5.0, &mut noise);
            samples.iter_mut().for_each(|v| *v *= unit);
            let rms = (samples.iter().map(|v| v * v).sum::<f64>() / n as f64).sqrt();
            let plan = plans.real(n);
            let mut lines = plan.make_output_vec();
            plan.process(&mut samples, &mut lines).unwrap();
            let x = RecordLines { lines: &lines, rms, n, fs: 25_600.0 };
            let mut s = Squared::default();
            let single = EnvelopePlans { inverse: plans.single_inverse(n / 2), forward: plans.single(n / 4) };
            s.square(&single, x);
            let mut got = Vec::new();
            s.spread(usize::MAX, &mut got);
            let want = exact(&x);
            assert_eq!((got.len(), s.count()), (want.len(), want.len()));
            let floor = (want[1..].iter().map(|v| v.norm_sqr()).sum::<f64>() / want.len() as f64).sqrt();
            let off = got.iter().zip(&want).skip(1).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
            assert!(off < 1e-3 * floor, "{n}: {off} of {floor}");
        }
    }
}

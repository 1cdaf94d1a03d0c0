//! Gears: what the mesh and its surroundings say of the teeth.
//!
//! A sound mesh shows its own frequency and harmonics; a broken tooth changes stiffness once a turn, which modulates them
//! (sidebands at the shaft's distance) and leaves a short event in the average over turns once the regular mesh is taken
//! out. Everything is in cycles per sample, so that a record whose sampling rate nobody knows can be judged against
//! others of the same machine.
//!
//! Definitions of FM0, FM4, NA4, NB4 and M6A: Zakrajsek, Townsend & Decker, *An Analysis of Gear Fault Detection Methods as
//! Applied to Pitting Fatigue Failure Data*, NASA TM-105950 (1993); of the sideband energy ratio: Hanna, Hatch, Kalb, Weiss
//! & Luo, *Detection of Wind Turbine Gear Tooth Defects Using Sideband Energy Ratio*, China Wind Power (2011).

mod mesh;
mod shape;
mod turned;

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

pub use mesh::{Lines, Mesh, find};
pub use shape::{BANDS, shape};
pub use turned::{by_turn, rahmonic};

use super::Refusal;
use super::plans::Plans;

/// Harmonics of the mesh that are looked at.
pub const HARMONICS: usize = mesh::FAMILY;
/// Sidebands on either side that enter the ratio.
const SIDEBANDS: usize = 6;
/// Turns that an average takes: what is not of the shaft falls to 1/√32 of its amplitude.
pub const TURNS: f64 = 32.0;
/// Longest record that is averaged, in samples.
const LONGEST: usize = 1 << 17;
/// Most orders of an average.
const ORDERS: usize = 512;
/// Orders above this, in cycles per sample, are left to the anti-aliasing filter.
const HIGHEST: f64 = 0.45;

/// What one record says of one gear. Amplitudes are RMS, in the unit of the samples; the rest are pure numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct GearMetrics {
    /// Where the gear was found.
    pub mesh: Mesh,
    /// Whole turns that were averaged.
    pub turns: usize,
    /// How many harmonics of the mesh the record shows, 1 to [`HARMONICS`].
    pub harmonics: usize,
    /// RMS of the mesh's harmonics.
    pub mesh_rms: [f64; HARMONICS],
    /// Sideband energy ratio of each: Σ of the six sidebands on either side over the mesh line, amplitudes.
    pub ser: [f64; HARMONICS],
    /// RMS of the average over turns, and of the record about its mean.
    pub average_rms: f64,
    /// RMS of the record about its mean.
    pub record_rms: f64,
    /// RMS of the residual: the average without the mesh's harmonics.
    pub residual_rms: f64,
    /// RMS of the difference: the residual also without the first sidebands and the first two orders of the shaft.
    pub difference_rms: f64,
    /// Peak to peak of the average over Σ of the mesh's amplitudes (peak).
    pub fm0: f64,
    /// Kurtosis of the difference; 3 for noise, more where one tooth stands out.
    pub fm4: f64,
    /// Normalised sixth moment of the difference; 15 for noise.
    pub m6a: f64,
    /// Fourth moment of the residual over the square of its mean variance while sound; grows on with the damage where a
    /// kurtosis falls back. `None` without that variance.
    pub na4: Option<f64>,
    /// Kurtosis of the envelope of the mesh's strongest harmonic with its sidebands.
    pub nb4: f64,
}

/// Judges one record of `mesh`. `sound` is the mean variance of the residual of records of the sound gear, unit².
///
/// The speed has to be steady to a line of the highest order. `Err("record_length")` where fewer than 32 turns are there,
/// `Err("gear_mesh")` where the record cannot show the mesh, `Err("sensor")` where it holds no numbers or none that vary.
pub fn metrics(plans: &Plans, x: &[f64], mesh: &Mesh, sound: Option<f64>) -> Result<GearMetrics, Refusal> {
    let x = &x[..x.len().min(LONGEST)];
    let turn = mesh.turn();
    if !(turn.is_finite() && turn > 2.0 && mesh.mesh > 0.0 && mesh.mesh < HIGHEST) {
        return Err("gear_mesh");
    }
    let turns = (x.len() as f64 / turn).floor();
    if turns < TURNS {
        return Err("record_length");
    }
    let x = &x[..((turns * turn).round() as usize).min(x.len())];
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let record_rms = (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
    if !(record_rms.is_finite() && record_rms > 0.0) {
        return Err("sensor");
    }
    judge(plans, &orders(x, mean, 1.0 / turn), mesh, turns as usize, record_rms, sound)
}

/// Judges the average over `turns` turns that has these `orders` (as [`orders`] gives them) of a record of `record_rms`.
fn judge(
    plans: &Plans,
    orders: &[Complex<f64>],
    mesh: &Mesh,
    turns: usize,
    record_rms: f64,
    sound: Option<f64>,
) -> Result<GearMetrics, Refusal> {
    let (teeth, turn) = (mesh.teeth as usize, mesh.turn());
    let harmonics = HARMONICS.min(orders.len().saturating_sub(1) / teeth.max(1));
    if harmonics == 0 {
        return Err("gear_mesh");
    }
    let average = Average { plans, orders, teeth };
    let (residual, difference) = (average.without(0), average.without(1));
    let wave = average.wave(|_| true);
    let (mut mesh_rms, mut ser) = ([0.0; HARMONICS], [0.0; HARMONICS]);
    let step = ((mesh.spacing * turn).round() as usize).max(1);
    for (k, (rms, ratio)) in mesh_rms.iter_mut().zip(&mut ser).enumerate().take(harmonics) {
        let middle = (k + 1) * teeth;
        *rms = rms_of(orders, middle);
        let side = |i: usize| rms_of(orders, middle + i * step) + rms_of(orders, middle.saturating_sub(i * step));
        let sides: f64 = (1..=SIDEBANDS).map(side).sum();
        *ratio = if *rms > 0.0 { sides / *rms } else { 0.0 };
    }
    let strongest = (0..harmonics).max_by(|a, b| mesh_rms[*a].total_cmp(&mesh_rms[*b])).unwrap_or(0);
    let envelope = average.envelope((strongest + 1) * teeth, SIDEBANDS * step);
    let range = wave.iter().copied().fold(f64::MIN, f64::max) - wave.iter().copied().fold(f64::MAX, f64::min);
    let amplitudes: f64 = mesh_rms.iter().map(|v| std::f64::consts::SQRT_2 * v).sum();
    let (m2, m4, _) = moments(&residual);
    let (d2, d4, d6) = moments(&difference);
    let (e2, e4, _) = moments(&envelope);
    let ratio = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
    Ok(GearMetrics {
        mesh: *mesh,
        turns,
        harmonics,
        mesh_rms,
        ser,
        average_rms: moments(&wave).0.sqrt(),
        record_rms,
        residual_rms: m2.sqrt(),
        difference_rms: d2.sqrt(),
        fm0: ratio(range, amplitudes),
        fm4: ratio(d4, d2 * d2),
        m6a: ratio(d6, d2.powi(3)),
        na4: sound.filter(|v| *v > 0.0).map(|v| m4 / (v * v)),
        nb4: ratio(e4, e2 * e2),
    })
}

/// RMS of one order.
fn rms_of(orders: &[Complex<f64>], order: usize) -> f64 {
    orders.get(order).filter(|_| order > 0).map_or(0.0, |c| c.norm() / std::f64::consts::SQRT_2)
}

/// The average over turns as its orders: c_k = 2/N Σ (x_n − mean)·e^(−j2πk·f·n), peak amplitude, k = 0 first (which is 0).
///
/// The average of a whole number of turns keeps exactly the multiples of the shaft's frequency; computing those needs no
/// interpolation between samples.
fn orders(x: &[f64], mean: f64, shaft: f64) -> Vec<Complex<f64>> {
    let count = ((HIGHEST / shaft) as usize).min(ORDERS);
    let mut out = vec![Complex::default(); count + 1];
    for (k, c) in out.iter_mut().enumerate().skip(1) {
        let step = Complex::from_polar(1.0, -TAU * k as f64 * shaft);
        // The turning pointer is set anew every so often, so that rounding does not add up.
        for (i, chunk) in x.chunks(1024).enumerate() {
            let mut pointer = Complex::from_polar(1.0, -TAU * (k as f64 * shaft * (i * 1024) as f64).fract());
            for v in chunk {
                *c += pointer * (v - mean);
                pointer *= step;
            }
        }
        *c *= 2.0 / x.len() as f64;
    }
    out
}

struct Average<'a> {
    plans: &'a Plans,
    orders: &'a [Complex<f64>],
    teeth: usize,
}

impl Average<'_> {
    /// The average over a turn, of the orders that are kept.
    fn wave(&self, keep: impl Fn(usize) -> bool) -> Vec<f64> {
        self.synthesis(|k| if keep(k) { self.orders[k] } else { Complex::default() }).iter().map(|z| z.re).collect()
    }

    /// The average without the mesh's harmonics and `sidebands` on either side of each; from one sideband on also without
    /// the shaft's own first two orders.
    fn without(&self, sidebands: usize) -> Vec<f64> {
        self.wave(|k| {
            let from_mesh = (k % self.teeth).min(self.teeth - k % self.teeth);
            let of_mesh = k + sidebands >= self.teeth && from_mesh <= sidebands;
            !of_mesh && (sidebands == 0 || k > 2)
        })
    }

    /// The envelope of the orders within `reach` of `middle`.
    fn envelope(&self, middle: usize, reach: usize) -> Vec<f64> {
        let reach = reach.min(self.teeth / 2);
        self.synthesis(|k| if k.abs_diff(middle) <= reach { self.orders[k] } else { Complex::default() })
            .iter()
            .map(|z| z.norm())
            .collect()
    }

    fn synthesis(&self, of: impl Fn(usize) -> Complex<f64>) -> Vec<Complex<f64>> {
        let points = (4 * self.orders.len()).next_power_of_two();
        let mut turn = vec![Complex::default(); points];
        for (k, z) in turn.iter_mut().enumerate().take(self.orders.len()).skip(1) {
            *z = of(k);
        }
        self.plans.inverse(points).process(&mut turn);
        turn
    }
}

/// Second, fourth and sixth central moments.
fn moments(x: &[f64]) -> (f64, f64, f64) {
    let n = x.len().max(1) as f64;
    let mean = x.iter().sum::<f64>() / n;
    let sums = x.iter().fold([0.0; 3], |s, v| {
        let d = (v - mean) * (v - mean);
        [s[0] + d, s[1] + d * d, s[2] + d * d * d]
    });
    (sums[0] / n, sums[1] / n, sums[2] / n)
}

#[cfg(test)]
mod tests;

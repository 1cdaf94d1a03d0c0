//! A gear by the angle of its shaft, which need not turn evenly.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

use super::super::Refusal;
use super::super::orders::{Phase, average};
use super::super::plans::Plans;
use super::super::spectrum::Spectrum;
use super::{GearMetrics, HIGHEST, Mesh, ORDERS, judge};
use crate::rotating::transform::forward;

/// The log spectrum is looked at from this multiple of the mesh
const FROM: f64 = 0.5;
/// to this one, as far as it goes: where the sidebands of its first two harmonics stand.
const TO: f64 = 2.5;

/// The same as [`super::metrics`] of `x` at `fs` Hz, by the angle `phase` of the shaft of a gear of `teeth` teeth: what is
/// averaged is one turn, not one time, so the speed may vary within the record.
///
/// Refused: `gear_mesh` where the record cannot show the mesh, `turns` (fewer than 32), and as [`average`] refuses.
pub fn by_turn(
    plans: &Plans,
    x: &[f64],
    fs: f64,
    phase: &Phase,
    teeth: u32,
    sound: Option<f64>,
) -> Result<GearMetrics, Refusal> {
    let spacing = phase.mean_hz() / fs;
    let mesh = Mesh { mesh: f64::from(teeth) * spacing, spacing, teeth };
    if !(teeth >= 5 && mesh.mesh.is_finite() && mesh.mesh > 0.0 && mesh.mesh < HIGHEST) {
        return Err("gear_mesh");
    }
    let a = average(x, fs, phase, 1.0)?;
    let (n, mut wave) = (a.wave.len(), a.wave);
    let wave_rms = (wave.iter().map(|v| v * v).sum::<f64>() / n as f64).sqrt();
    let record_rms = wave_rms.hypot(a.rest_rms);
    if !(record_rms.is_finite() && record_rms > 0.0) {
        return Err("sensor");
    }
    let lines = forward(plans, &mut wave);
    let count = ((HIGHEST / spacing) as usize).min(ORDERS).min((lines.len() - 1).saturating_sub(1));
    let mut orders: Vec<Complex<f64>> = lines[..=count].iter().map(|c| c * (2.0 / n as f64)).collect();
    orders[0] = Complex::default();
    judge(plans, &orders, &mesh, a.turns, record_rms, sound)
}

/// How much the logarithm of the spectrum around a mesh at `mesh_hz` repeats every `shaft_hz`, nepers: the cepstrum's first
/// rahmonic of the shaft, taken over ½ to 2½ times the mesh, where a damaged tooth raises a family of sidebands (Randall,
/// *Vibration-based Condition Monitoring*, 2nd ed. (2021), ch. 5).
///
/// Refused: `record_length` where sidebands are closer than eight lines, `rate` where the spectrum ends below the mesh.
pub fn rahmonic(s: &Spectrum<'_>, mesh_hz: f64, shaft_hz: f64) -> Result<f64, Refusal> {
    let period = shaft_hz / s.df();
    if !(period.is_finite() && period >= 8.0) {
        return Err("record_length");
    }
    let lines = s.lines(FROM * mesh_hz, (TO * mesh_hz).min(0.4 * s.fs));
    if 0.4 * s.fs < mesh_hz + shaft_hz || (lines.len() as f64) < 2.0 * period || lines.end > s.power.len() {
        return Err("rate");
    }
    // A whole number of periods: the mean does not leak in.
    let whole = (((lines.len() as f64 / period).floor() * period) as usize).min(lines.len());
    let log = |k: usize| 0.5 * s.power[k].max(f64::MIN_POSITIVE).ln();
    let kept = lines.start..lines.start + whole;
    let mean = kept.clone().map(log).sum::<f64>() / whole as f64;
    let (c, d) = kept.fold((0.0, 0.0), |(c, d), k| {
        let (sin, cos) = (TAU * k as f64 / period).sin_cos();
        (c + (log(k) - mean) * cos, d + (log(k) - mean) * sin)
    });
    Ok(c.hypot(d) / whole as f64)
}

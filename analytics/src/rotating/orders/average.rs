//! What repeats with every turn, and what does not.

use realfft::num_complex::Complex;

use super::phase::Phase;
use super::resample::by_turn;
use crate::rotating::Refusal;
use crate::rotating::plans::Plans;
use crate::rotating::signal::mean;
use crate::rotating::transform::{forward, inverse};

/// Fewest turns of an average.
pub const LEAST_TURNS: usize = 32;
/// Orders of the shaft itself that are no part of what a gear's teeth say beyond their mesh.
const SHAFT_ORDERS: usize = 2;

/// The mean turn of a shaft.
#[derive(Clone, Debug, PartialEq)]
pub struct Average {
    /// One turn, about its mean, in the unit of the samples; 2^k values.
    pub wave: Vec<f64>,
    /// Turns that were averaged.
    pub turns: usize,
    /// RMS of what is left of the record, about its mean, when the mean turn is taken out of every turn.
    pub rest_rms: f64,
}

/// Time-synchronous average of `x` over the turns of a shaft that turns `ratio` times for each turn of `phase`
/// (McFadden, MSSP 1 (1987), 83). What does not repeat with the turn shrinks by √turns.
///
/// Refused: `turns` (fewer than 32 whole turns of that shaft), `ratio` (not above 0), and as [`by_turn`] refuses.
pub fn average(x: &[f64], fs: f64, phase: &Phase, ratio: f64) -> Result<Average, Refusal> {
    let geared = phase.geared(ratio)?;
    let (first, last) = geared.turns();
    if last - first < LEAST_TURNS as f64 - 1e-6 {
        return Err("turns");
    }
    let r = by_turn(x, fs, &geared)?;
    if r.turns < LEAST_TURNS {
        return Err("turns");
    }
    let mean = mean(&r.values);
    let mut wave = vec![0.0; r.per_turn];
    for turn in r.values.chunks_exact(r.per_turn) {
        wave.iter_mut().zip(turn).for_each(|(sum, v)| *sum += (v - mean) / r.turns as f64);
    }
    let mut rest = 0.0;
    for turn in r.values.chunks_exact(r.per_turn) {
        rest += turn.iter().zip(&wave).map(|(v, w)| (v - mean - w).powi(2)).sum::<f64>();
    }
    Ok(Average { wave, turns: r.turns, rest_rms: (rest / r.values.len() as f64).sqrt() })
}

/// The residual signal of a gear of `teeth` teeth: its mean turn without the mesh, the mesh's harmonics and the first two
/// orders of the shaft (Zakrajsek, Townsend & Decker, NASA TM-105950 (1993)).
///
/// Refused: `geometry` where the average has no room for two harmonics of the mesh.
pub fn residual(plans: &Plans, wave: &[f64], teeth: u32) -> Result<Vec<f64>, Refusal> {
    without_mesh(plans, wave, teeth, 0)
}

/// The difference signal: the residual without the first sideband on either side of the mesh and its harmonics.
///
/// Refused as [`residual`].
pub fn difference(plans: &Plans, wave: &[f64], teeth: u32) -> Result<Vec<f64>, Refusal> {
    without_mesh(plans, wave, teeth, 1)
}

fn without_mesh(plans: &Plans, wave: &[f64], teeth: u32, sidebands: usize) -> Result<Vec<f64>, Refusal> {
    let (n, teeth) = (wave.len(), teeth as usize);
    if teeth < 4 || !n.is_multiple_of(4) || 4 * teeth + 2 >= n {
        return Err("geometry");
    }
    let mut lines = forward(plans, &mut wave.to_vec());
    lines[..=SHAFT_ORDERS].fill(Complex::default());
    for mesh in (teeth..=n / 2).step_by(teeth) {
        lines[mesh - sidebands..=(mesh + sidebands).min(n / 2)].fill(Complex::default());
    }
    Ok(inverse(plans, &lines, n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;
    use std::f64::consts::TAU;

    const FS: f64 = 25_600.0;

    /// 24 Hz with 10 % of wander, known at whole turns.
    fn wander(seconds: f64) -> (Phase, impl Fn(f64) -> f64) {
        let turns = |t: f64| 24.0 * t + 1.2 / TAU * (TAU * 0.7 * t).sin();
        let times: Vec<f64> = (0..=(seconds * 50.0) as usize).map(|i| i as f64 * 0.02).collect();
        let count = times.iter().map(|t| turns(*t)).collect();
        (Phase::through(times, count).unwrap(), turns)
    }

    #[test]
    fn what_repeats_stays_and_noise_shrinks_with_the_root_of_the_turns() {
        let (phase, turns) = wander(8.0);
        let mut noise = Noise::new(21);
        // A gear of 21 teeth on a shaft that turns 1.6 times per reference turn.
        let x: Vec<f64> =
            (0..204_800).map(|i| 0.5 * (TAU * 21.0 * 1.6 * turns(f64::from(i) / FS)).cos() + noise.normal()).collect();
        let a = average(&x, FS, &phase, 1.6).unwrap();
        assert!(a.turns > 300 && a.wave.len().is_power_of_two(), "{} {}", a.turns, a.wave.len());
        let lines = forward(&Plans::default(), &mut a.wave.clone());
        let amplitude = 2.0 * lines[21].norm() / a.wave.len() as f64;
        assert!((amplitude / 0.5 - 1.0).abs() < 0.03, "{amplitude}");
        assert!((a.rest_rms - 1.0).abs() < 0.08, "{}", a.rest_rms);
        let rest = lines.iter().enumerate().filter(|(k, _)| *k != 21).map(|(_, v)| v.norm_sqr()).sum::<f64>();
        let rms = (2.0 * rest).sqrt() / a.wave.len() as f64;
        let want = 1.0 / (a.turns as f64).sqrt();
        assert!((rms / want - 1.0).abs() < 0.12, "{rms}, not {want}");
    }

    #[test]
    fn a_broken_tooth_is_what_is_left() {
        let (n, teeth) = (1024, 23);
        let turn = |i: usize| i as f64 / n as f64;
        let regular = |i: usize| {
            let w = TAU * teeth as f64 * turn(i);
            (1.0 + 0.2 * (TAU * turn(i)).cos()) * w.cos() + 0.4 * (2.0 * w).cos() + 0.3 * (TAU * turn(i)).sin()
        };
        let bump = |i: usize| 0.8 * (-((turn(i) - 0.6) / 0.01).powi(2)).exp();
        let wave: Vec<f64> = (0..n).map(|i| regular(i) + bump(i)).collect();
        let plans = Plans::default();
        let sound: Vec<f64> = (0..n).map(regular).collect();
        let rms = |x: &[f64]| (x.iter().map(|v| v * v).sum::<f64>() / n as f64).sqrt();
        assert!(rms(&difference(&plans, &sound, teeth).unwrap()) < 1e-9);
        // The residual keeps the two first sidebands, 0.1 each.
        assert!((rms(&residual(&plans, &sound, teeth).unwrap()) - 0.1).abs() < 1e-9);
        let d = difference(&plans, &wave, teeth).unwrap();
        let at = (0..n).max_by(|a, b| d[*a].total_cmp(&d[*b])).unwrap();
        assert!((turn(at) - 0.6).abs() < 0.003 && d[at] > 0.5, "{at}: {}", d[at]);
    }

    #[test]
    fn refusals() {
        let (phase, _) = wander(8.0);
        let x = Noise::new(1).normals(204_800);
        let run = |ratio| average(&x, FS, &phase, ratio).map(|a| a.turns);
        assert_eq!(run(0.1), Err("turns"));
        assert_eq!(run(0.0), Err("ratio"));
        assert_eq!(run(f64::INFINITY), Err("ratio"));
        assert_eq!(average(&x[..10_000], FS, &phase, 1.0), Err("turns"));
        assert_eq!(average(&vec![0.0; 204_800], FS, &phase, 1.0), Err("sensor"));
        let plans = Plans::default();
        assert_eq!(residual(&plans, &[0.0; 64], 16), Err("geometry"));
        assert_eq!(residual(&plans, &[0.0; 64], 0), Err("geometry"));
        assert_eq!(residual(&plans, &[], 20), Err("geometry"));
    }
}

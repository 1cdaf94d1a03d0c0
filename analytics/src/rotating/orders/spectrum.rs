//! The spectrum over orders.

use super::phase::Phase;
use super::resample::by_turn;
use crate::rotating::Refusal;
use crate::rotating::curve::Curve;
use crate::rotating::plans::Plans;
use crate::rotating::signal::mean;
use crate::rotating::spectrum::{Spectrum, hann_power_into};
use crate::rotating::transform::forward;

/// Fewest turns, by which orders are told apart.
const FEWEST: usize = 8;

/// RMS by line (Hann, one-sided, in the unit of the samples) over orders, 1/turns apart, from order 0 to `to_order` or as
/// far as the record reaches at its fastest. What turns with the shaft keeps its lines however the speed varies; what has
/// a fixed frequency is smeared.
///
/// Refused: `turns` (fewer than 8), and as [`by_turn`] refuses.
pub fn order_spectrum(plans: &Plans, x: &[f64], fs: f64, phase: &Phase, to_order: f64) -> Result<Curve, Refusal> {
    let mut r = by_turn(x, fs, phase)?;
    if r.turns < FEWEST {
        return Err("turns");
    }
    let (n, mean) = (r.values.len(), mean(&r.values));
    r.values.iter_mut().for_each(|v| *v -= mean);
    let mut power = Vec::new();
    hann_power_into(&forward(plans, &mut r.values), &mut power);
    // Samples a turn for samples a second make orders of Hz.
    let s = Spectrum { power: &power, n, fs: r.per_turn as f64 };
    let last = ((to_order.min(r.highest_order).max(0.0) / s.df() + 1e-9) as usize).min(power.len() - 1);
    Ok(Curve { x0: 0.0, dx: s.df(), values: (0..=last).map(|k| s.rms_line(k)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;
    use std::f64::consts::TAU;

    const FS: f64 = 25_600.0;

    /// 25 Hz ± 30 % as a ramp over 4 s, with a component of order 7.4 (peak 1.5) and one at 300 Hz (peak 1.5).
    fn ramp() -> (Vec<f64>, Phase) {
        let (n, slope) = (102_400, 15.0 / 4.0);
        let turns = |t: f64| 17.5 * t + 0.5 * slope * t * t;
        let mut noise = Noise::new(9);
        let x = (0..n)
            .map(|i| {
                let t = f64::from(i) / FS;
                1.5 * (TAU * 7.4 * turns(t) + 0.3).cos() + 1.5 * (TAU * 300.0 * t).cos() + 0.1 * noise.normal()
            })
            .collect();
        let edges: Vec<f64> =
            (0..100).map(|k| (-17.5 + f64::sqrt(17.5 * 17.5 + 2.0 * slope * f64::from(k))) / slope).collect();
        let count = (0..100).map(f64::from).collect();
        (x, Phase::through(edges, count).unwrap())
    }

    #[test]
    fn an_order_keeps_its_line_over_a_ramp_and_a_fixed_frequency_does_not() {
        let (x, phase) = ramp();
        let c = order_spectrum(&Plans::default(), &x, FS, &phase, 40.0).unwrap();
        assert!((c.dx * 99.0 - 1.0).abs() < 1e-9, "{}", c.dx);
        let rms = |low: f64, high: f64| {
            let within = c.values.iter().enumerate().filter(|(i, _)| (low..=high).contains(&(*i as f64 * c.dx)));
            (within.map(|(_, v)| v * v).sum::<f64>() / 1.5).sqrt()
        };
        let (at, _) = c.highest(1.0, 40.0).unwrap();
        assert!((at - 7.4).abs() <= 0.5 * c.dx, "{at}");
        let tone = rms(7.4 - 3.5 * c.dx, 7.4 + 3.5 * c.dx);
        assert!((tone / (1.5 / 2f64.sqrt()) - 1.0).abs() < 0.005, "{tone}");
        // 300 Hz lie between orders 300/32.5 and 300/17.5: no line of them is more than a fifth of what one would be.
        let (_, smeared) = c.highest(9.0, 17.5).unwrap();
        assert!(smeared < 0.2 * 1.5 / 2f64.sqrt(), "{smeared}");
        let all = rms(9.0, 17.5);
        assert!((all / (1.5 / 2f64.sqrt()) - 1.0).abs() < 0.1, "{all}");
    }

    #[test]
    fn too_few_turns_are_refused() {
        let (x, _) = ramp();
        let phase = Phase::through(vec![0.0, 0.25], vec![0.0, 5.0]).unwrap();
        assert_eq!(order_spectrum(&Plans::default(), &x, FS, &phase, 40.0), Err("turns"));
    }
}

//! The response to imbalance over speed: what Bode and polar plots draw.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;

use crate::rotating::Refusal;
use crate::rotating::orders::{Phase, by_turn};
use crate::rotating::signal::mean;

/// Turns that one value is taken over.
const TURNS: usize = 8;

/// The vibration at shaft speed at one speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    /// Speed, r/min.
    pub rpm: f64,
    /// Amplitude (peak), in the unit of the samples.
    pub amplitude: f64,
    /// Phase lag, degrees within [0, 360): how far the shaft has turned since the tacho's edge when the vibration is at
    /// its positive peak (the high spot passes the sensor).
    pub lag_deg: f64,
}

/// Amplitude and phase at once per turn during a run-up or coast-down, every half of eight turns, under a Hann window over
/// those eight. A lag rises by 180° through a resonance.
///
/// `phase` must come from a tacho, or lags mean nothing. Refused: `turns` (fewer than 8 whole turns), and as [`by_turn`]
/// refuses.
pub fn run_up(x: &[f64], fs: f64, phase: &Phase) -> Result<Vec<Response>, Refusal> {
    let r = by_turn(x, fs, phase)?;
    if r.turns < TURNS {
        return Err("turns");
    }
    let n = TURNS * r.per_turn;
    let factors: Vec<Complex<f64>> = (0..n)
        .map(|i| {
            let window = 0.5 * (1.0 - (TAU * i as f64 / n as f64).cos());
            Complex::from_polar(4.0 * window / n as f64, -TAU * i as f64 / r.per_turn as f64)
        })
        .collect();
    let starts = (0..=r.turns - TURNS).step_by(TURNS / 2);
    Ok(starts
        .map(|turn| {
            let piece = &r.values[turn * r.per_turn..][..n];
            let mean = mean(piece);
            let z: Complex<f64> = piece.iter().zip(&factors).map(|(v, f)| f * (v - mean)).sum();
            let middle = r.first_turn + (turn + TURNS / 2) as f64;
            let lag_deg = (-z.arg().to_degrees()).rem_euclid(360.0);
            Response { rpm: 60.0 * phase.hz_at(middle), amplitude: z.norm(), lag_deg }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    const FS: f64 = 5120.0;

    #[test]
    fn a_run_up_through_a_resonance() {
        // A Jeffcott rotor, integrated in time: critical speed 30 Hz, damping 0.05 of critical, imbalance of 10 µm
        // eccentricity at an angle of 40° behind the mark. 10 to 60 Hz in 60 s.
        let (w0, zeta, eccentricity, behind) = (TAU * 30.0, 0.05, 10.0, 40f64.to_radians());
        let (n, fine) = (307_200, 8);
        let turns = |t: f64| 10.0 * t + 0.5 * (50.0 / 60.0) * t * t;
        let speed = |t: f64| TAU * (10.0 + 50.0 / 60.0 * t);
        let force = |t: f64| eccentricity * speed(t).powi(2) * (TAU * turns(t) - behind).cos();
        let (mut y, mut dy, mut noise) = (0.0, 0.0, Noise::new(4));
        let dt = 1.0 / FS / f64::from(fine);
        let x: Vec<f64> = (0..n)
            .map(|i| {
                let now = y;
                for k in 0..fine {
                    // Semi-implicit Euler.
                    let t = f64::from(i) / FS + f64::from(k) * dt;
                    dy += dt * (force(t) - 2.0 * zeta * w0 * dy - w0 * w0 * y);
                    y += dt * dy;
                }
                now + 0.5 * noise.normal()
            })
            .collect();
        let edges: Vec<f64> = (0..2000)
            .map(|k| (-10.0 + f64::sqrt(100.0 + 2.0 * (50.0 / 60.0) * f64::from(k))) / (50.0 / 60.0))
            .take_while(|t| *t < 60.0)
            .collect();
        let count = (0..edges.len()).map(|k| k as f64).collect();
        let found = run_up(&x, FS, &Phase::through(edges, count).unwrap()).unwrap();
        let at = |rpm: f64| *found.iter().min_by(|a, b| (a.rpm - rpm).abs().total_cmp(&(b.rpm - rpm).abs())).unwrap();
        // The steady response of the same rotor.
        let steady = |rpm: f64| {
            let part = rpm / 1800.0;
            let h = Complex::new(part * part, 0.0) / Complex::new(1.0 - part * part, 2.0 * zeta * part);
            (eccentricity * h.norm(), (40.0 - h.arg().to_degrees()).rem_euclid(360.0))
        };
        for rpm in [900.0, 1300.0, 2600.0, 3300.0] {
            let (got, (amplitude, lag)) = (at(rpm), steady(at(rpm).rpm));
            assert!((got.amplitude / amplitude - 1.0).abs() < 0.05, "{rpm}: {got:?}, not {amplitude}");
            assert!((got.lag_deg - lag).abs() < 5.0, "{rpm}: {got:?}, not {lag}");
        }
        let peak = found.iter().max_by(|a, b| a.amplitude.total_cmp(&b.amplitude)).unwrap();
        assert!((peak.rpm / 1800.0 - 1.0).abs() < 0.05 && (peak.amplitude / 100.0 - 1.0).abs() < 0.15, "{peak:?}");
    }

    #[test]
    fn too_few_turns_are_refused() {
        let x = Noise::new(1).normals(10_240);
        let phase = Phase::through(vec![0.0, 0.5], vec![0.0, 5.0]).unwrap();
        assert_eq!(run_up(&x, FS, &phase), Err("turns"));
    }
}

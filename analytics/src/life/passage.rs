//! The alternative: a level that wanders by chance and drifts, and when it first passes a threshold.
//!
//! A Wiener process with drift μ and diffusion σ² passes a distance a for the first time after a time that is inverse
//! Gaussian distributed (Chhikara & Folks, *The Inverse Gaussian Distribution*, 1989). Unlike a line with noise about it,
//! what has wandered stays where it is.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use super::trend::quantiles;
use crate::rotating::Refusal;

/// Fewest records.
const FEWEST: usize = 8;
/// Equally probable drifts that stand for what is known of it.
const DRIFTS: usize = 21;

/// Probability that a Wiener process has passed `a` > 0 by `t` > 0: Φ((μt−a)/σ√t) + e^(2μa/σ²)·Φ((−a−μt)/σ√t).
#[must_use]
pub fn passed(a: f64, mu: f64, variance: f64, t: f64) -> f64 {
    let Ok(normal) = Normal::new(0.0, 1.0) else { return 0.0 };
    let s = (variance * t).sqrt();
    let (near, far) = ((mu * t - a) / s, (-a - mu * t) / s);
    // The product of something huge and something tiny, by its logarithm.
    let tail = if far < -8.0 { -0.5 * far * far - (-far).ln() - 0.918_938_533_204_672_8 } else { normal.cdf(far).ln() };
    (normal.cdf(near) + (2.0 * mu * a / variance + tail).exp()).clamp(0.0, 1.0)
}

/// What is known of drift and diffusion from the increments so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wander {
    records: usize,
    first: (f64, f64),
    last: (f64, f64),
    /// Σ of squared increments over their time.
    squares: f64,
}

impl Wander {
    /// One more record at time `t`, any unit; what holds no number or is not after the one before is passed over.
    pub fn step(&mut self, t: f64, y: f64) {
        if !(t.is_finite() && y.is_finite()) || (self.records > 0 && t <= self.last.0) {
            return;
        }
        if self.records == 0 {
            self.first = (t, y);
        } else {
            self.squares += (y - self.last.1).powi(2) / (t - self.last.0);
        }
        self.last = (t, y);
        self.records += 1;
    }

    /// P10, P50, P90 of the time from the last record until `threshold` is first passed, in the unit of the records' time.
    ///
    /// Drift and diffusion are averaged over as far as the drift is not known (Student's t). Codes as of
    /// [`super::Trend::remaining`].
    pub fn remaining(&self, threshold: f64) -> Result<[f64; 3], Refusal> {
        if self.records < FEWEST {
            return Err("records");
        }
        let a = threshold - self.last.1;
        if a <= 0.0 {
            return Err("passed");
        }
        let (time, way) = (self.last.0 - self.first.0, self.last.1 - self.first.1);
        let freedom = self.records as f64 - 2.0;
        let variance = ((self.squares - way * way / time) / freedom).max(1e-12);
        let t = StudentsT::new(0.0, 1.0, freedom).map_err(|_| "records")?;
        let error = (variance / time).sqrt();
        let drifts: Vec<f64> =
            (0..DRIFTS).map(|i| way / time + error * t.inverse_cdf((i as f64 + 0.5) / DRIFTS as f64)).collect();
        // Steps of the mean interval, as the search is made for.
        let unit = time / (self.records as f64 - 1.0);
        let by =
            |steps: f64| drifts.iter().map(|mu| passed(a, *mu, variance, steps * unit)).sum::<f64>() / DRIFTS as f64;
        let [Some(p10), Some(p50), Some(p90)] = quantiles(by, [0.1, 0.5, 0.9]) else { return Err("no_trend") };
        if p90 > 5.0 * p10 { Err("spread") } else { Ok([p10, p50, p90].map(|p| p * unit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotating::testing::Noise;

    #[test]
    fn the_distribution_is_the_inverse_gaussian() {
        // Mean a/μ = 2, shape a²/σ² = 4; against the sum of the density.
        let (a, mu, variance) = (2.0, 1.0, 1.0);
        let density = |t: f64| {
            (4.0 / (std::f64::consts::TAU * t.powi(3))).sqrt() * (-4.0 * (t - 2.0f64).powi(2) / (8.0 * t)).exp()
        };
        let (mut sum, dt) = (0.0, 1e-4);
        for i in 1..=50_000 {
            sum += density((f64::from(i) - 0.5) * dt) * dt;
            if i % 10_000 == 0 {
                let p = passed(a, mu, variance, f64::from(i) * dt);
                assert!((p - sum).abs() < 1e-4, "{p} and {sum} at {i}");
            }
        }
        // A drift away from the threshold: it is passed at all with probability e^(−2|μ|a/σ²).
        assert!((passed(a, -1.0, 1.0, 1e6) - (-4.0f64).exp()).abs() < 1e-6);
        assert!((passed(100.0, 1.0, 1e-4, 200.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn bounds_cover_what_they_say_on_paths_of_its_own_kind() {
        let mut noise = Noise::new(31);
        let (mut told, mut covered) = (0, 0);
        for _ in 0..600 {
            let (mut y, mut t, mut w) = (0.0, 0.0, Wander::default());
            let (mu, sigma) = (0.01 + 0.02 * noise.uniform(), 0.02 + 0.05 * noise.uniform());
            while y < 1.0 {
                w.step(t, y);
                y += mu + sigma * noise.normal();
                t += 1.0;
            }
            let said = w.remaining(2.3);
            let from = w.last.0;
            if let Ok([p10, _, p90]) = said {
                while y < 2.3 {
                    y += mu + sigma * noise.normal();
                    t += 1.0;
                }
                told += 1;
                covered += usize::from((p10..=p90).contains(&(t - from)));
            }
        }
        let share = f64::from(covered as u32) / f64::from(told);
        assert!(told > 200 && (0.70..=0.90).contains(&share), "{covered} of {told}");
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let mut w = Wander::default();
        for i in 0..7 {
            w.step(f64::from(i), 0.1 * f64::from(i));
            w.step(f64::NAN, 1.0);
            w.step(0.0, 1.0);
        }
        assert_eq!(w.remaining(2.0), Err("records"));
        w.step(7.0, 3.0);
        assert_eq!(w.remaining(2.0), Err("passed"));
        let mut flat = Wander::default();
        let mut noise = Noise::new(3);
        (0..30).for_each(|i| flat.step(f64::from(i), 0.1 * noise.normal()));
        assert!(matches!(flat.remaining(2.0), Err("no_trend" | "spread")));
    }
}

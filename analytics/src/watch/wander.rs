//! How far a score may move slowly of itself: the predictive distribution of its moving average.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::moments::{lag_one, worth, worth_for_mean, worth_for_variance};

/// Weight of the moving average by which slow wander is measured; its memory is (2−λ)/λ = 19 samples.
const SLOW: f64 = 0.1;

/// How a feature moves slowly of itself.
pub(super) struct Wander {
    /// The deviation that a future moving average is to be expected to have, over that of white noise.
    pub scale: f64,
    /// Degrees of freedom behind it.
    pub freedom: f64,
    /// Independent averages behind its mean.
    pub shown: f64,
}

impl Wander {
    /// How much further out the tail of the t distribution lies than that of the normal one, at one in `run_length`.
    pub fn widening(&self, run_length: f64) -> f64 {
        let tail = 1.0 / run_length;
        let Ok(student) = StudentsT::new(0.0, 1.0, self.freedom) else { return f64::INFINITY };
        let Ok(normal) = StudentsT::new(0.0, 1.0, f64::INFINITY) else { return f64::INFINITY };
        upper(|x| student.sf(x), tail) / upper(|x| normal.sf(x), tail)
    }
}

/// Where a falling function of a positive x comes down to `y`, by bisection; 10⁹ at most. Of a survival function, which
/// does not lose small probabilities as 1 − F does.
pub(super) fn upper(f: impl Fn(f64) -> f64, y: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while f(high) > y && high < 1e9 {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..50 {
        let mid = 0.5 * (low + high);
        if f(mid) > y { low = mid } else { high = mid }
    }
    high
}

/// How standardised scores wander. Smooths them in place.
pub(super) fn wander(white: &mut [f64]) -> Wander {
    let n = white.len() as f64;
    let mut z = 0.0;
    for v in white.iter_mut() {
        z += SLOW * (*v - z);
        *v = z;
    }
    let mean = white.iter().sum::<f64>() / n;
    let square = white.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / n;
    let fourth = white.iter().map(|z| (z - mean).powi(4)).sum::<f64>() / n;
    // An average is at least as like the one before as those of white noise are: where it looks less so, that is chance, and
    // to believe it would judge soonest by the baselines that know least.
    let rho = lag_one(white).clamp(1.0 - SLOW, 0.9999);
    // Lag one tells the memory of the average itself; the other lags tell of a slower one beneath.
    let all = worth(white);
    let shown = worth_for_mean(n, rho).min(all.0).max(1.01);
    // λ/(2−λ) is the variance of an average of white noise; a smaller one is chance.
    let ratio = (square / (1.0 - 1.0 / shown) * (2.0 - SLOW) / SLOW).max(1.0);
    let scale = (ratio * (1.0 + 1.0 / shown)).sqrt();
    let freedom = worth_for_variance(n, rho).min(all.1).max(1.0);
    // The excess kurtosis of t is 6/(ν − 4); that of a normal sample scatters by √(24/n).
    let excess = fourth / (square * square) - 3.0;
    let bursts = if excess > 2.0 * (24.0 / freedom).sqrt() { 4.0 + 6.0 / excess } else { f64::INFINITY };
    Wander { scale, freedom: freedom.min(bursts), shown }
}

//! How large the envelope statistic grows where there is no fault.
//!
//! Under the null hypothesis the pre-whitened envelope spectrum is that of noise. A line over the local floor is then
//! F(2, 2ν) distributed: an exponential over a median estimated from about ν independent lines. ρ is the largest of
//! three neighbouring lines, which the Hann window correlates; they count as [`LINES`] independent ones. ln(1 + ρ) is
//! summed over harmonics, and the largest sum over the slips that were tried counts. Both constants, and the count of
//! slips as independent trials, are held against simulation in the tests below and in `tests/null.rs`.

use std::sync::OnceLock;

use statrs::distribution::{ContinuousCDF, FisherSnedecor};

/// Independent lines that three neighbouring Hann lines are worth (measured: 2.33 to 2.40 below ρ = 2).
const LINES: f64 = 2.37;
/// Independent lines behind the floor: a running median of 201, correlated by the window; less at the spectrum's ends.
const FLOOR_LINES: f64 = 75.0;
/// Most harmonics that a statistic can have.
pub const HARMONICS: usize = 4;

/// Step of the tables in ln(1 + ρ).
const STEP: f64 = 0.01;
/// Length of the table of one harmonic: beyond ρ = e⁸ the density is below 1e-200.
const ONE: usize = 800;

/// ln P(Σ_{k ≤ K} ln(1+ρ_k) > i·STEP) of one slip, for K = 1 … 4.
fn tables() -> &'static [Vec<f64>; HARMONICS] {
    static TABLES: OnceLock<[Vec<f64>; HARMONICS]> = OnceLock::new();
    TABLES.get_or_init(|| {
        let one = density_of_one();
        let mut sum = one.clone();
        std::array::from_fn(|k| {
            if k > 0 {
                sum = convolve(&sum, &one);
            }
            log_survival(&sum)
        })
    })
}

/// Probability that ln(1+ρ) of one harmonic falls into each step.
fn density_of_one() -> Vec<f64> {
    // The parameters are positive constants, so the distribution exists; without it nothing would ever be significant.
    let Ok(f) = FisherSnedecor::new(2.0, 2.0 * FLOOR_LINES) else { return vec![1.0] };
    let survival = |u: f64| {
        let beyond = f.sf(u.exp_m1());
        // 1 − (1 − s)^LINES without losing small s.
        -(LINES * (-beyond).ln_1p()).exp_m1()
    };
    (0..ONE).map(|i| survival(i as f64 * STEP) - survival((i + 1) as f64 * STEP)).collect()
}

fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        // A value in step i and one in step j sum to i + j or i + j + 1; half each, so the mean is kept.
        for (j, y) in b.iter().enumerate() {
            out[i + j] += 0.5 * x * y;
            out[i + j + 1] += 0.5 * x * y;
        }
    }
    out
}

fn log_survival(density: &[f64]) -> Vec<f64> {
    let mut beyond = 0.0;
    let mut out: Vec<f64> = density
        .iter()
        .rev()
        .map(|d| {
            beyond += d;
            f64::ln(beyond.max(1e-280))
        })
        .collect();
    out.reverse();
    out
}

/// ln of the probability that noise alone reaches the statistic `t` with `harmonics` (1 to 4) harmonics in at least one
/// of `trials` slips.
#[must_use]
pub fn ln_p(t: f64, harmonics: usize, trials: usize) -> f64 {
    let table = &tables()[harmonics.clamp(1, HARMONICS) - 1];
    let at = (t / STEP).max(0.0);
    let i = (at as usize).min(table.len() - 2);
    let one = table[i] + (table[i + 1] - table[i]) * (at - i as f64).min(1.0);
    let all = one + (trials.max(1) as f64).ln();
    // 1 − (1 − p)^n is n·p where that is small.
    if all < -12.0 {
        all
    } else {
        (-((trials.max(1) as f64) * (-one.exp().min(1.0)).ln_1p()).exp_m1()).max(1e-300).ln()
    }
}

/// The statistic that noise alone reaches with probability `alpha`, given harmonics and trials as in [`ln_p`].
#[must_use]
pub fn threshold(alpha: f64, harmonics: usize, trials: usize) -> f64 {
    let (mut low, mut high) = (0.0, ONE as f64 * STEP * HARMONICS as f64);
    let goal = alpha.ln();
    for _ in 0..60 {
        let mid = 0.5 * (low + high);
        if ln_p(mid, harmonics, trials) > goal {
            low = mid;
        } else {
            high = mid;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_and_probabilities_are_inverse() {
        for (alpha, harmonics, trials) in [(1e-2, 4, 20), (1e-4, 4, 200), (1e-8, 3, 5), (1e-12, 1, 1)] {
            let t = threshold(alpha, harmonics, trials);
            let back = ln_p(t, harmonics, trials);
            assert!((back - f64::ln(alpha)).abs() < 1e-3, "{alpha}: {t} gives {back}");
        }
    }

    #[test]
    fn more_trials_ask_for_more_and_the_known_quantiles_are_met() {
        assert!(threshold(1e-3, 4, 200) > threshold(1e-3, 4, 20) + 0.3);
        // Simulated for 20 slips: q99 6.49, q99.9 6.96, q99.99 7.59.
        for (alpha, simulated) in [(1e-2, 6.49), (1e-3, 6.96), (1e-4, 7.59)] {
            let t = threshold(alpha, 4, 20);
            assert!((t - simulated).abs() < 0.35, "{alpha}: {t} against {simulated}");
        }
    }

    #[test]
    fn the_tail_goes_on_falling() {
        let mut before = 0.0;
        for i in 1..60 {
            let p = ln_p(f64::from(i) * 0.5, 4, 100);
            assert!(p <= before, "at {i}");
            before = p;
        }
        assert!(before < -300.0);
    }
}

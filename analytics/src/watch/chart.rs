//! Charts that sum small lasting changes of a score up.

/// Which chart, and how it remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Chart {
    /// Exponentially weighted moving average, two-sided (Roberts, Technometrics 1, 1959).
    Ewma {
        /// Weight of the newest score, above 0 and at most 1.
        lambda: f64,
    },
    /// Cumulative sum, upwards only (Page, Biometrika 41, 1954).
    Cusum {
        /// What is taken off each score: half the shift that is looked for.
        k: f64,
    },
}

impl Chart {
    /// The state to begin with.
    #[must_use]
    pub fn start(&self) -> f64 {
        0.0
    }

    /// Takes a standardised score in and gives the statistic that is held against the limit: an EWMA in its own
    /// asymptotic standard deviations √(λ/(2−λ)), with its sign; a CUSUM in scores. A score that is not finite changes
    /// nothing.
    pub fn step(&self, state: &mut f64, score: f64) -> f64 {
        match self {
            Self::Ewma { lambda } => {
                if score.is_finite() {
                    *state += lambda * (score - *state);
                }
                *state / (lambda / (2.0 - lambda)).sqrt()
            }
            Self::Cusum { k } => {
                if score.is_finite() {
                    *state = (*state + score - k).max(0.0);
                }
                *state
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_remember_as_their_formulas_say() {
        let ewma = Chart::Ewma { lambda: 0.2 };
        let mut z = ewma.start();
        ewma.step(&mut z, 1.0);
        assert!((ewma.step(&mut z, f64::NAN) - 0.6).abs() < 1e-12);
        ewma.step(&mut z, 1.0);
        assert!((z - 0.36).abs() < 1e-12);
        let cusum = Chart::Cusum { k: 0.5 };
        let mut s = cusum.start();
        let seen: Vec<f64> = [1.0, 1.5, f64::INFINITY, -5.0, 0.7].iter().map(|x| cusum.step(&mut s, *x)).collect();
        assert_eq!(seen[..4], [0.5, 1.5, 1.5, 0.0]);
        assert!((seen[4] - 0.2).abs() < 1e-12);
    }
}

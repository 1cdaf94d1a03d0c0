//! How long to wait before the next attempt: exponential, with jitter, bounded.

use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// Where the pauses begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// After the first failure; doubled with each further one …
    pub first: Duration,
    /// … and never longer than this.
    pub longest: Duration,
    /// Where somebody has to change something first, and the most that `Retry-After` is followed for.
    pub slow: Duration,
}

#[derive(Debug)]
pub(crate) struct Pauses {
    bounds: Bounds,
    next: Duration,
    random: SplitMix64,
}

impl Pauses {
    pub fn new(bounds: Bounds, seed: u64) -> Self {
        Self { bounds, next: bounds.first, random: SplitMix64::seed_from_u64(seed) }
    }

    /// The pause after a failure that passes; the server may have asked for a longer one.
    pub fn after_failure(&mut self, asked: Option<Duration>) -> Duration {
        let base = self.next;
        self.next = (base * 2).min(self.bounds.longest);
        let ours = self.spread(base);
        match asked {
            // Not before what was asked, and not all at the same moment.
            Some(asked) => asked.min(self.bounds.slow).max(ours) + ours / 8,
            None => ours,
        }
    }

    /// The pause after a refusal that a person has to lift.
    pub fn after_refusal(&mut self) -> Duration {
        self.spread(self.bounds.slow)
    }

    pub fn reset(&mut self) {
        self.next = self.bounds.first;
    }

    /// Between half and all of `base`.
    fn spread(&mut self, base: Duration) -> Duration {
        base / 2 + base.mul_f64(self.draw() / 2.0)
    }

    /// Uniform in 0..1.
    fn draw(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_up_to_a_bound_and_follow_what_was_asked_for_up_to_another() {
        let mut p = Pauses::new(Bounds { first: S, longest: 8 * S, slow: 60 * S }, 7);
        for expected in [1, 2, 4, 8, 8] {
            let found = p.after_failure(None);
            assert!(found >= expected * S / 2 && found <= expected * S, "{found:?}");
        }
        assert!(p.after_failure(Some(20 * S)) >= 20 * S);
        assert!(p.after_failure(Some(86_400 * S)) <= 62 * S);
        assert!(p.after_refusal() >= 30 * S);
        p.reset();
        assert!(p.after_failure(Some(Duration::ZERO)) <= 2 * S);
    }
}

//! How long to wait before the next attempt.

use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{RngCore, SeedableRng};

/// After the first failure; doubled with each further one.
const FIRST: Duration = Duration::from_millis(250);
/// And never longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// Where somebody has to change something first.
const SLOW: Duration = Duration::from_secs(10);
/// A connection that stood for this long was a good one: the next failure begins anew.
const GOOD: Duration = Duration::from_secs(10);

/// Pauses that grow, and differ from one collector to the next so that a broker that comes back is not met by all at
/// once.
pub(super) struct Pauses {
    next: Duration,
    random: SplitMix64,
}

impl Pauses {
    pub fn new(seed: u64) -> Pauses {
        Pauses { next: FIRST, random: SplitMix64::seed_from_u64(seed) }
    }

    /// The pause after a connection that stood for `stood`; `permanent` where trying again soon is of no use.
    pub fn after(&mut self, stood: Duration, permanent: bool) -> Duration {
        if stood >= GOOD {
            self.next = FIRST;
        }
        let base = if permanent { self.next.max(SLOW) } else { self.next };
        self.next = (base * 2).min(LONGEST);
        // Between half and all of it.
        base / 2 + base.mul_f64(self.draw() / 2.0)
    }

    /// All is well again: the next failure begins anew.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }

    /// Uniform in 0..1.
    fn draw(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_begin_anew_after_a_good_connection() {
        let mut pauses = Pauses::new(7);
        let mut expected = 0.25;
        for _ in 0..12 {
            let found = pauses.after(Duration::ZERO, false).as_secs_f64();
            assert!((expected / 2.0..=expected).contains(&found), "{found} is not between half and all of {expected}");
            expected = f64::min(expected * 2.0, 30.0);
        }
        assert!(pauses.after(GOOD, false) <= FIRST);
        assert!(pauses.after(Duration::ZERO, true) >= SLOW / 2, "a wrong password is not tried four times a second");
    }

    #[test]
    fn two_collectors_do_not_come_back_at_the_same_time() {
        let of = |seed| Pauses::new(seed).after(Duration::ZERO, false);
        assert_ne!(of(1), of(2));
        assert_eq!(of(1), of(1), "seeded");
    }
}

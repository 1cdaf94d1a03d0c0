//! How often a point speaks that promised nothing: learnt from its last arrivals, and only where it is regular.
//!
//! One arrival is what one commit brought of the point; the step to it is the longer one of two, by the source's clock
//! and by the time that the platform was up. So a backlog that is delivered all at once does not look like a hurry, nor
//! does a source that delivers a minute of readings once a minute.
//!
//! The period is the median of the last [`ARRIVALS`] steps. A point whose steps spread widely (the middle half of them
//! over more than half of the median) speaks when something happens, and its silence means nothing. One that is regular
//! only while there is something to report has been silent before: twice its longest silence, slowly forgotten, is allowed
//! as well.
//!
//! Memory: [`ARRIVALS`] + 1 numbers of 32 bits a point.

use std::time::Duration;

/// Steps from which a period is learnt; before there are as many, there is none.
pub(super) const ARRIVALS: usize = 20;
/// A learnt point is silent after this many of its periods …
const PERIODS: u32 = 5;
/// … and not before this.
pub(super) const FLOOR: Duration = Duration::from_secs(30);
/// The longest silence loses this part of itself with every step.
const FORGET: u32 = 256;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rhythm {
    /// The last steps, ms, the oldest first.
    pub steps: Vec<u32>,
    /// The longest silence, ms.
    pub longest: u32,
}

/// What a point without a promise may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Learnt {
    /// How often it speaks.
    pub period: Duration,
    /// For how long it may be silent.
    pub allowed: Duration,
}

impl Rhythm {
    /// Takes one step in. One that ended a silence that was told (`returned`) is none of its rhythm, but it did end.
    pub fn step(&mut self, step: Duration, returned: bool) {
        let ms = u32::try_from(step.as_millis()).unwrap_or(u32::MAX);
        self.longest = ms.max(self.longest - self.longest / FORGET);
        if returned || ms == 0 {
            return;
        }
        if self.steps.len() >= ARRIVALS {
            self.steps.remove(0);
        }
        self.steps.push(ms);
    }

    /// Whether there are enough steps to learn from.
    pub fn complete(&self) -> bool {
        self.steps.len() >= ARRIVALS
    }

    /// What was learnt, if the point is regular.
    pub fn learnt(&self) -> Option<Learnt> {
        if !self.complete() {
            return None;
        }
        let mut sorted = self.steps.clone();
        sorted.sort_unstable();
        let at = |quarter: usize| sorted.get(sorted.len() * quarter / 4).copied().unwrap_or(0);
        let (low, median, high) = (at(1), at(2), at(3));
        if high - low > median / 2 {
            return None;
        }
        let ms = |n: u32| Duration::from_millis(u64::from(n));
        let allowed = (ms(median) * PERIODS).max(ms(self.longest) * 2).max(FLOOR);
        Some(Learnt { period: ms(median), allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(steps: impl IntoIterator<Item = u64>) -> Rhythm {
        let mut rhythm = Rhythm::default();
        steps.into_iter().for_each(|ms| rhythm.step(Duration::from_millis(ms), false));
        rhythm
    }

    fn learnt(steps: impl IntoIterator<Item = u64>) -> Option<(u128, u64)> {
        of(steps).learnt().map(|l| (l.period.as_millis(), l.allowed.as_secs()))
    }

    #[test]
    fn a_period_is_learnt_from_regular_arrivals_and_from_no_others() {
        assert_eq!(learnt([1_000; 19]), None, "too few");
        assert_eq!(learnt([1_000; 20]), Some((1_000, 30)));
        assert_eq!(learnt([60_000; 500]), Some((60_000, 300)));
        assert_eq!(learnt((0..40).map(|i| 60_000 + i % 5 * 3_000)), Some((66_000, 330)), "some jitter");
        // One step in ten is missed, one outage: the median does not mind.
        assert_eq!(learnt((0..40).map(|i| if i % 10 == 3 { 20_000 } else { 10_000 })), Some((10_000, 50)));
        // As things happen: steps of an exponential distribution, by its quantiles.
        let poisson = (0..20_u32).map(|i| (-f64::ln(1.0 - (f64::from(i * 7 % 20) + 0.5) / 20.0) * 60_000.0) as u64);
        assert_eq!(learnt(poisson), None);
        // In bursts: ten a second, then a pause.
        assert_eq!(learnt((0..40).map(|i| if i % 3 == 0 { 300_000 } else { 1_000 })), None);
    }

    #[test]
    fn who_was_silent_before_may_be_so_again_and_that_is_forgotten() {
        let mut rhythm = of([1_000; 30]);
        rhythm.step(Duration::from_secs(600), true);
        assert_eq!(rhythm.learnt().map(|l| l.allowed.as_secs()), Some(1_200));
        for _ in 0..1_000 {
            rhythm.step(Duration::from_secs(1), false);
        }
        assert_eq!(rhythm.learnt(), of([1_000; 30]).learnt());
    }

    #[test]
    fn whatever_comes_it_stays_small_and_what_is_allowed_is_longer_than_the_period() {
        let mut rhythm = Rhythm::default();
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // From nothing to years, most of them alike.
            let ms = (random >> 33) >> ((random >> 60 & 7) * 4);
            rhythm.step(Duration::from_millis(ms << (random >> 57 & 15)), random >> 32 & 15 == 0);
            assert!(rhythm.steps.len() <= ARRIVALS);
            if let Some(l) = rhythm.learnt() {
                assert!(l.allowed > l.period && l.allowed >= FLOOR);
            }
        }
        rhythm.step(Duration::MAX, false);
        assert_eq!(rhythm.longest, u32::MAX);
    }
}

//! Instants: nanoseconds since the Unix epoch, UTC.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// An instant, in nanoseconds since 1970-01-01T00:00:00Z without leap seconds; covers the years 1678 to 2262.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant that can be stated.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant that can be stated.
    pub const MAX: Self = Self(i64::MAX);

    /// From nanoseconds since the epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From milliseconds since the epoch, saturating.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From seconds since the epoch, saturating.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the epoch.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        let d = self.0.saturating_sub(earlier.0);
        if d <= 0 { Duration::ZERO } else { Duration::from_nanos(d as u64) }
    }

    /// The start of the half-open, epoch-aligned bucket of `width` that holds this instant.
    /// A width of zero is taken as one nanosecond.
    #[must_use]
    pub const fn align(self, width: Duration) -> Self {
        let mut w = nanos_i64(width);
        if w == 0 {
            w = 1;
        }
        Self(self.0.saturating_sub(self.0.rem_euclid(w)))
    }
}

const fn nanos_i64(d: Duration) -> i64 {
    let n = d.as_nanos();
    if n > i64::MAX as u128 { i64::MAX } else { n as i64 }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(nanos_i64(d)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_i64(d)))
    }
}

impl fmt::Display for Timestamp {
    /// Plain nanoseconds; a calendar form is the business of the edges.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_half_open_and_aligned_to_the_epoch() {
        let w = Duration::from_secs(60);
        let at = |s| Timestamp::from_secs(s).align(w);
        assert_eq!(at(0), Timestamp::from_secs(0));
        assert_eq!(at(59), Timestamp::from_secs(0));
        assert_eq!(at(60), Timestamp::from_secs(60));
        assert_eq!(at(-1), Timestamp::from_secs(-60));
        assert_eq!(Timestamp::MIN.align(w), Timestamp::MIN);
    }

    #[test]
    fn arithmetic_saturates_and_never_wraps() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
        assert_eq!(Timestamp::from_secs(1).since(Timestamp::from_secs(2)), Duration::ZERO);
        assert_eq!(Timestamp::from_secs(i64::MAX), Timestamp::MAX);
    }
}

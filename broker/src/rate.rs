//! Token buckets: so many per second, and so many at once. Time is handed in.

use tokio::time::{Duration, Instant};

/// How much of something there may be. `per_second` of zero is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In the long run.
    pub per_second: u64,
    /// At once, after a while of nothing.
    pub burst: u64,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Rate = Rate { per_second: 0, burst: 0 };

    /// So much per second, and as much as that at once.
    #[must_use]
    pub const fn per_second(per_second: u64) -> Rate {
        Rate { per_second, burst: per_second }
    }
}

/// What is left of a [`Rate`]; it begins full.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    rate: Rate,
    /// Less than nothing is a debt.
    tokens: f64,
    at: Instant,
}

impl Bucket {
    pub fn new(rate: Rate, now: Instant) -> Bucket {
        Bucket { rate, tokens: rate.burst as f64, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + seconds * self.rate.per_second as f64).min(self.rate.burst as f64);
        self.at = now;
    }

    /// Whether there is one to take.
    pub fn has_one(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.rate.per_second == 0 || self.tokens >= 1.0
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let there = self.has_one(now);
        if there {
            self.tokens -= 1.0;
        }
        there
    }

    /// Takes `n`, on credit where there are fewer: until when that has to be paid back.
    pub fn spend(&mut self, n: usize, now: Instant) -> Option<Instant> {
        if self.rate.per_second == 0 {
            return None;
        }
        self.refill(now);
        self.tokens -= n as f64;
        (self.tokens < 0.0).then(|| now + Duration::from_secs_f64(-self.tokens / self.rate.per_second as f64))
    }

    /// Whether it is as it was when it was made.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.tokens >= self.rate.burst as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 2, burst: 3 }, start);
        let taken = |bucket: &mut Bucket, now| std::iter::repeat_with(|| bucket.take(now)).take_while(|x| *x).count();
        assert_eq!(taken(&mut bucket, start), 3);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(400)), 0);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(1_000)), 2);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(3_600)), 3, "never more than the burst");
        assert!(!bucket.is_full(start + Duration::from_secs(3_600)));
        assert!(bucket.is_full(start + Duration::from_secs(3_602)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_on_credit_is_paid_back_at_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate::per_second(100), start);
        assert_eq!(bucket.spend(100, start), None);
        assert_eq!(bucket.spend(250, start), Some(start + Duration::from_millis(2_500)));
        assert_eq!(bucket.spend(0, start + Duration::from_millis(2_500)), None);
        let mut free = Bucket::new(Rate::UNLIMITED, start);
        assert_eq!(free.spend(usize::MAX, start), None);
        assert!(free.take(start));
    }
}

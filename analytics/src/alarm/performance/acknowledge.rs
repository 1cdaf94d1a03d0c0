//! How long annunciations waited for somebody.

use std::time::Duration;

/// Steps of the scale on which times are counted, in an octave: neighbouring bins differ by 1.1 %.
const STEPS: f64 = 64.0;
/// Octaves from a millisecond: 2³⁴ ms are 199 days.
const OCTAVES: usize = 34;

/// How long annunciations waited for somebody. From the source's time of the raising to the platform's time of the
/// acknowledgement: where the two clocks differ, so does this; a source that runs ahead gives 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Acknowledgement {
    /// How many were acknowledged before the period ended.
    pub acknowledged: u64,
    /// Half of those took no longer (to 1 %).
    pub median: Option<Duration>,
    /// Nine in ten of those took no longer (to 1 %).
    pub p90: Option<Duration>,
    /// How many were raised anew before anybody had acknowledged them.
    pub raised_anew: u64,
    /// How many nobody had acknowledged when the period ended.
    pub waiting: u64,
}

impl Acknowledgement {
    /// How many nobody acknowledged.
    #[must_use]
    pub const fn never(&self) -> u64 {
        self.raised_anew + self.waiting
    }
}

/// Times on a logarithmic scale: a bounded memory of any number of them.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    /// How many, and what they sum up to, s.
    bins: Vec<(u64, f64)>,
    count: u64,
    raised_anew: u64,
}

impl Default for Waits {
    fn default() -> Self {
        Self { bins: vec![(0, 0.0); OCTAVES * STEPS as usize + 1], count: 0, raised_anew: 0 }
    }
}

impl Waits {
    pub fn after(&mut self, time: Duration) {
        let ms = time.as_secs_f64() * 1e3;
        let bin = if ms < 1.0 { 0 } else { (ms.log2() * STEPS) as usize + 1 };
        let last = self.bins.len() - 1;
        let (n, sum) = &mut self.bins[bin.min(last)];
        (*n, *sum) = (*n + 1, *sum + time.as_secs_f64());
        self.count += 1;
    }

    pub fn raised_anew(&mut self) {
        self.raised_anew += 1;
    }

    pub fn finish(&self, waiting: u64) -> Acknowledgement {
        Acknowledgement {
            acknowledged: self.count,
            median: self.quantile(0.5),
            p90: self.quantile(0.9),
            raised_anew: self.raised_anew,
            waiting,
        }
    }

    /// The least time that a part `p` of all did not exceed, as the mean of its bin.
    fn quantile(&self, p: f64) -> Option<Duration> {
        let rank = ((p * self.count as f64).ceil() as u64).max(1);
        let mut below = 0;
        let (n, sum) = self.bins.iter().find(|(n, _)| {
            below += n;
            below >= rank
        })?;
        (*n > 0).then(|| Duration::from_secs_f64(sum / *n as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times_to_a_hundredth() {
        let mut waits = Waits::default();
        assert_eq!(waits.finish(0).median, None);
        let mut all: Vec<u64> = (0..5_000u64).map(|i| 20 + i * i * 37 % 9_000_000).collect();
        for ms in &all {
            waits.after(Duration::from_millis(*ms));
        }
        all.sort_unstable();
        let found = waits.finish(0);
        for (found, rank) in [(found.median, 2_499), (found.p90, 4_499)] {
            let (found, want) = (found.unwrap().as_secs_f64(), all[rank] as f64 / 1e3);
            assert!((found / want - 1.0).abs() < 0.012, "{found} s, {want} s");
        }
        // The shortest and the longest have their place.
        waits.after(Duration::ZERO);
        waits.after(Duration::MAX / 2);
        assert_eq!(waits.finish(0).acknowledged, 5_002);
    }
}

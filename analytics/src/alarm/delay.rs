//! On-delay and off-delay (IEC 62682): a condition that holds, or is gone, counts once it has done so for long enough.
//!
//! Both are measured in the time of the data. Between two values the condition is what the earlier one said, so that the
//! next value settles what its time had decided before it: at the end of the delay, not at the time of that value. Where
//! no value comes, the caller says that the time is over ([`Delay::expire`]).

use std::time::Duration;

use plant::Timestamp;

/// A condition with its delays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// What counts.
    stands: bool,
    /// Since when the condition has been otherwise.
    since: Option<Timestamp>,
}

/// What began to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// That the condition holds, or that it is gone.
    pub raised: bool,
    /// Since when: the end of the delay.
    pub t: Timestamp,
}

/// The changes of one look, in their order.
pub type Edges = [Option<Edge>; 2];

impl Delay {
    /// One whose condition counts as `stands`, and has been otherwise since `since`.
    #[must_use]
    pub const fn from_parts(stands: bool, since: Option<Timestamp>) -> Self {
        Self { stands, since }
    }

    /// Since when the condition has been other than what counts.
    #[must_use]
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// What counts.
    #[must_use]
    pub const fn stands(&self) -> bool {
        self.stands
    }

    /// Whether the condition holds, delays aside.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.stands != self.since.is_some()
    }

    /// Takes in that the condition holds, or does not, at `t`; `on` and `off` are the delays. Gives what began to count.
    pub fn look(&mut self, holds: bool, t: Timestamp, on: Duration, off: Duration) -> Edges {
        // What changes at the very end of a delay has not held for the whole of it.
        let over = |since: &Timestamp| t > *since + self.wait(on, off);
        let before = self.since.filter(over).and_then(|_| self.expire(on, off));
        let now = if holds == self.stands {
            self.since = None;
            None
        } else {
            let since = *self.since.get_or_insert(t);
            if t >= since + self.wait(on, off) { self.expire(on, off) } else { None }
        };
        [before, now]
    }

    /// Takes in that nothing is known of the condition any more: a delay that runs does not go on.
    pub fn lose(&mut self) {
        self.since = None;
    }

    /// Takes in that the delay is over, if one runs; gives what began to count.
    pub fn expire(&mut self, on: Duration, off: Duration) -> Option<Edge> {
        let t = self.since.take()? + self.wait(on, off);
        self.stands = !self.stands;
        Some(Edge { raised: self.stands, t })
    }

    /// The delay that runs, or would.
    #[must_use]
    pub const fn wait(&self, on: Duration, off: Duration) -> Duration {
        if self.stands { off } else { on }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_secs(s)
    }

    /// Looks at what holds, second by second; gives what began to count.
    fn play(values: &[(i64, bool)], on: u64, off: u64) -> Vec<(bool, i64)> {
        let (on, off) = (Duration::from_secs(on), Duration::from_secs(off));
        let mut d = Delay::default();
        let edges = values.iter().flat_map(|(t, holds)| d.look(*holds, at(*t), on, off)).flatten();
        edges.map(|e| (e.raised, e.t.nanos() / 1_000_000_000)).collect()
    }

    #[test]
    fn without_delays_every_change_counts_at_once() {
        let values = [(0, false), (1, true), (2, true), (3, false), (4, true)];
        assert_eq!(play(&values, 0, 0), [(true, 1), (false, 3), (true, 4)]);
    }

    #[test]
    fn what_is_shorter_than_its_delay_does_not_count() {
        let values = [(0, true), (3, false), (4, true), (8, true), (9, true), (20, false)];
        assert_eq!(play(&values, 5, 0), [(true, 9), (false, 20)]);
        let gaps = [(0, true), (10, false), (12, true), (20, false), (24, false), (25, false)];
        assert_eq!(play(&gaps, 0, 5), [(true, 0), (false, 25)]);
    }

    #[test]
    fn a_value_settles_what_was_decided_before_it_at_the_time_when_it_was() {
        assert_eq!(play(&[(0, true), (100, false)], 5, 0), [(true, 5), (false, 100)]);
        assert_eq!(play(&[(0, true), (100, false), (200, true)], 5, 7), [(true, 5), (false, 107)]);
    }

    #[test]
    fn what_changes_at_the_very_end_of_its_delay_did_not_hold_for_the_whole_of_it() {
        assert_eq!(play(&[(0, true), (5, false), (9, false)], 5, 0), []);
        assert_eq!(play(&[(0, true), (5, true), (9, false)], 5, 0), [(true, 5), (false, 9)]);
    }

    #[test]
    fn time_alone_ends_a_delay_once() {
        let (on, off) = (Duration::from_secs(5), Duration::from_secs(7));
        let mut d = Delay::default();
        assert_eq!(d.expire(on, off), None);
        assert_eq!(d.look(true, at(10), on, off), [None, None]);
        assert!(d.holds() && !d.stands());
        assert_eq!(d.expire(on, off), Some(Edge { raised: true, t: at(15) }));
        assert_eq!(d.expire(on, off), None);
        assert_eq!(d, Delay::from_parts(true, None));
        // Nothing is known any more: what holds then waits for the whole of its delay again.
        let mut d = Delay::default();
        d.look(true, at(10), on, off);
        d.lose();
        assert_eq!(d.look(true, at(20), on, off), [None, None]);
        assert_eq!(d.expire(on, off), Some(Edge { raised: true, t: at(25) }));
    }

    proptest! {
        #[test]
        fn a_delay_never_raises_more_often_and_never_earlier(
            values in prop::collection::vec((1i64..5, any::<bool>()), 1..80), on in 0u64..12, off in 0u64..12
        ) {
            let mut t = 0;
            let values: Vec<(i64, bool)> = values.into_iter().map(|(dt, holds)| { t += dt; (t, holds) }).collect();
            let (plain, delayed) = (play(&values, 0, 0), play(&values, on, off));
            let raised = |edges: &[(bool, i64)]| edges.iter().filter(|(stands, _)| *stands).count();
            prop_assert!(raised(&delayed) <= raised(&plain));
            // Changes alternate, in order of time, and each is one of the condition's, later by its delay.
            for (i, (stands, t)) in delayed.iter().enumerate() {
                prop_assert_eq!(*stands, i % 2 == 0);
                prop_assert!(i == 0 || delayed[i - 1].1 <= *t);
                let delay = if *stands { on } else { off } as i64;
                prop_assert!(plain.contains(&(*stands, t - delay)), "{:?} is no change of {:?}", (stands, t), plain);
            }
        }
    }
}

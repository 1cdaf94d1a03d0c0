//! The order of an edge node's messages, as their sequence numbers tell it.
//!
//! Nothing is held back: values carry their own times, so those of a message that came early are as good as they will be
//! later, and its acknowledgement need not wait for another message. What waits is the verdict. A number that is skipped
//! is missing; if its message comes within the window it was disorder, and nothing happened; if not, it is lost, and the
//! node is asked for its birth. A number that is neither due nor missing nor ahead (a node that began anew without a
//! birth, or counts wrongly) makes the whole sequence doubtful, and the same window decides on it.
//!
//! Time is that of receipt, given by whoever calls. Memory: at most 256 numbers a node.

use std::time::Duration;

use plant::Timestamp;

/// A number up to this far beyond the one that is due is ahead; one further off lies behind.
const AHEAD: u8 = 127;

/// Where a message stands in the sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The one that was due.
    Due,
    /// Others before it have not come yet.
    Ahead,
    /// One that was missing.
    Late,
    /// It has no place: repeated, or of another count.
    Astray,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Order {
    next: u8,
    /// Numbers that were skipped, and since when.
    missing: Vec<(u8, Timestamp)>,
    /// Since when the sequence makes no sense.
    doubtful: Option<Timestamp>,
}

impl Order {
    /// A birth with this number: everything before it is another session's.
    pub(crate) fn restart(&mut self, seq: u8) {
        *self = Self { next: seq.wrapping_add(1), ..Self::default() };
    }

    /// Takes in the number of a message received at `now`.
    pub(crate) fn take(&mut self, seq: u8, now: Timestamp) -> Place {
        let ahead = seq.wrapping_sub(self.next);
        if let Some(i) = self.missing.iter().position(|(m, _)| *m == seq) {
            self.missing.remove(i);
            return Place::Late;
        }
        let next = std::mem::replace(&mut self.next, seq.wrapping_add(1));
        match ahead {
            0 => Place::Due,
            1..=AHEAD => {
                for number in (0..ahead).map(|i| next.wrapping_add(i)) {
                    // One that comes round again before it was given up is missing once.
                    if !self.missing.iter().any(|(m, _)| *m == number) {
                        self.missing.push((number, now));
                    }
                }
                Place::Ahead
            }
            _ => {
                self.missing.clear();
                self.doubtful.get_or_insert(now);
                Place::Astray
            }
        }
    }

    /// How many numbers are given up at `now`, because they have been missing for `window`; a doubt that lasted as long
    /// counts as one. They are forgotten with that.
    pub(crate) fn overdue(&mut self, now: Timestamp, window: Duration) -> u64 {
        let mut lost = 0;
        let mut wait = |since: &mut Timestamp| {
            // A clock that was set back must not make the window longer than it is.
            *since = (*since).min(now);
            let over = now.since(*since) >= window;
            lost += u64::from(over);
            !over
        };
        self.missing.retain_mut(|(_, since)| wait(since));
        self.doubtful = self.doubtful.and_then(|mut since| wait(&mut since).then_some(since));
        lost
    }

    /// How many numbers are missing.
    pub(crate) const fn missing(&self) -> usize {
        self.missing.len()
    }

    /// Whether anything is missing or doubtful.
    #[cfg(test)]
    pub(crate) fn open(&self) -> bool {
        !self.missing.is_empty() || self.doubtful.is_some()
    }
}

/// Whether number `a` comes before `b`, both being of the same stretch of a sequence.
pub(crate) fn before(a: u8, b: u8) -> bool {
    (1..=AHEAD).contains(&b.wrapping_sub(a))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(3);

    fn at(s: i64) -> Timestamp {
        Timestamp::from_secs(1000 + s)
    }

    #[test]
    fn what_comes_within_the_window_was_disorder_and_what_does_not_is_lost() {
        let mut order = Order::default();
        order.restart(0);
        assert_eq!([1, 2, 5, 3].map(|s| order.take(s, at(0))), [Place::Due, Place::Due, Place::Ahead, Place::Late]);
        assert_eq!(order.overdue(at(2), WINDOW), 0);
        assert_eq!(order.take(4, at(2)), Place::Late);
        assert!(!order.open());
        assert_eq!(order.take(6, at(2)), Place::Due);
        assert_eq!(order.take(9, at(2)), Place::Ahead);
        assert_eq!(
            (order.overdue(at(4), WINDOW), order.overdue(at(5), WINDOW), order.overdue(at(9), WINDOW)),
            (0, 2, 0)
        );
        assert_eq!(order.take(7, at(9)), Place::Astray, "it was given up");
        assert_eq!(order.take(8, at(9)), Place::Due);
        assert_eq!(order.overdue(at(12), WINDOW), 1);
    }

    #[test]
    fn the_sequence_goes_round_and_a_birth_begins_it_anew() {
        let mut order = Order::default();
        order.restart(254);
        assert_eq!([255, 1, 0, 2].map(|s| order.take(s, at(0))), [Place::Due, Place::Ahead, Place::Late, Place::Due]);
        assert_eq!(order.take(100, at(0)), Place::Ahead);
        order.restart(0);
        assert!(!order.open());
        assert_eq!(order.take(0, at(0)), Place::Astray);
        order.restart(0);
        assert_eq!(order.overdue(at(100), WINDOW), 0, "the birth ended the doubt");
    }

    #[test]
    fn a_clock_set_back_does_not_stretch_the_window() {
        let mut order = Order::default();
        order.take(2, at(5000));
        assert_eq!((order.overdue(at(0), WINDOW), order.overdue(at(3), WINDOW)), (0, 2));
    }

    proptest! {
        /// Whatever the order within the window, nothing is lost if everything comes; and memory stays bounded.
        #[test]
        fn any_shuffle_of_a_stretch_is_disorder(start: u8, shuffled in Just((0..100u8).collect::<Vec<_>>()).prop_shuffle()) {
            let mut order = Order::default();
            order.restart(start);
            for i in &shuffled {
                let place = order.take(start.wrapping_add(1).wrapping_add(*i), at(0));
                prop_assert_ne!(place, Place::Astray);
            }
            prop_assert!(!order.open());
            prop_assert_eq!(order.take(start.wrapping_add(101), at(1)), Place::Due);
        }

        #[test]
        fn any_numbers_leave_at_most_a_few_hundred_missing(numbers in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut order = Order::default();
            for n in numbers {
                order.take(n, at(0));
                prop_assert!(order.missing.len() <= 256);
            }
        }
    }
}

//! What goes with the shaft and what does not, as the records of a machine that changes its speed tell it one after the other.
//!
//! That a comb of the envelope stands where a fault would put it, is chance in noise with the probability that the limit was
//! set for. A comb of something else that shakes the foundation stands there systematically: a fault is searched over 3 % of
//! its frequency, so of a dozen hypotheses and speeds one will meet it, and as many records as there are at that speed will
//! show it. Only another speed tells. So of every record the combs that stand out are kept with the speed, and one that was
//! seen at another speed at the same frequency is no evidence ([`crate::rotating::Sighting`]). And a fault that was seen at
//! one speed alone is not called for before there was time for another, where the machine is known to change it.

use plant::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rotating::Sighting;

/// Sightings that are kept, the latest.
const SIGHTINGS: usize = 12;
/// Speeds that are kept, the latest that lie apart.
const SPEEDS: usize = 4;
/// Claims that are kept, the latest.
const CLAIMS: usize = 8;
/// For how long all is kept, s: a week, in which a plant has been through all that it does.
const WEEK_S: i64 = 7 * 86_400;
/// What was seen at one speed alone counts after this, s: a day, in which a machine that changes its speed has done so.
const DAY_S: i64 = 86_400;
/// Frequencies that are as close as this are one.
const SAME: f64 = 0.01;
/// Orders that are as close as this are of one fault: they are computed of the same description, and differ by rounding.
const SAME_ORDER: f64 = 1e-3;

/// A fault whose comb was significant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    /// Strikes a turn, by which it is known again.
    order: f64,
    since: i64,
    last: i64,
    /// The slowest and the fastest at which it was.
    slow_hz: f64,
    fast_hz: f64,
}

/// What is remembered of one sensor. Times in s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    sightings: Vec<(i64, Sighting)>,
    speeds: Vec<(i64, f64)>,
    claims: Vec<Claim>,
}

impl Seen {
    /// The sightings that are not too old at `t` and at a speed other than `shaft_hz`: `apart` from it, as a ratio.
    pub fn elsewhere(&self, t: Timestamp, shaft_hz: f64, apart: f64) -> Vec<Sighting> {
        let now = seconds(t);
        let counts = |(at, s): &&(i64, Sighting)| now - at <= WEEK_S && ratio(s.shaft_hz, shaft_hz) > apart;
        self.sightings.iter().filter(counts).map(|(_, s)| *s).collect()
    }

    /// Takes in what stood out of a record at `t` whose shaft kept to `shaft_hz`. What earlier versions took from a clock that
    /// ran ahead is no longer kept.
    pub fn take(&mut self, t: Timestamp, shaft_hz: f64, sightings: &[Sighting]) {
        let now = seconds(t);
        self.speeds.retain(|(at, _)| *at <= now);
        self.sightings.retain(|(at, _)| *at <= now);
        // Twice as wide as for combs: the four that are kept are to be other speeds, not one that wanders with the load.
        self.speeds.retain(|(_, hz)| !close(*hz, shaft_hz, 2.0 * SAME));
        self.speeds.push((now, shaft_hz));
        latest(&mut self.speeds, SPEEDS);
        for new in sightings {
            let again = |s: &Sighting| close(s.hz, new.hz, SAME) && close(s.shaft_hz, new.shaft_hz, SAME);
            self.sightings.retain(|(_, s)| !again(s));
            self.sightings.push((now, *new));
        }
        latest(&mut self.sightings, SIGHTINGS);
    }

    /// Notes that a fault of `order` strikes a turn was significant at `t`, with the shaft at `shaft_hz`.
    pub fn claim(&mut self, t: Timestamp, order: f64, shaft_hz: f64) {
        let now = seconds(t);
        let mut claim = Claim { order, since: now, last: now, slow_hz: shaft_hz, fast_hz: shaft_hz };
        if let Some(i) = self.claims.iter().position(|c| is(c, order)) {
            let before = self.claims.remove(i);
            if now - before.last <= WEEK_S {
                (claim.since, claim.slow_hz) = (before.since.min(now), shaft_hz.min(before.slow_hz));
                claim.fast_hz = shaft_hz.max(before.fast_hz);
            }
        }
        self.claims.push(claim);
        latest(&mut self.claims, CLAIMS);
    }

    /// Forgets the faults that were significant: the machine was repaired. What else shakes the foundation was not, so that
    /// its combs stay known, and so do the speeds.
    pub fn repaired(&mut self) {
        self.claims.clear();
    }

    /// Whether a fault of `order` strikes a turn has shown at two speeds that lie `apart` (as a ratio), or has had the time
    /// to, or the machine has run at no other speed within the week.
    pub fn bears_out(&self, t: Timestamp, order: f64, shaft_hz: f64, apart: f64) -> bool {
        let now = seconds(t);
        let changes = self.speeds.iter().any(|(at, hz)| now - at <= WEEK_S && ratio(*hz, shaft_hz) > apart);
        let shown = |c: &Claim| c.fast_hz / c.slow_hz > apart || now - c.since >= DAY_S;
        !changes || self.claims.iter().any(|c| is(c, order) && shown(c))
    }
}

fn is(claim: &Claim, order: f64) -> bool {
    close(claim.order, order, SAME_ORDER)
}

fn close(a: f64, b: f64, by: f64) -> bool {
    (a / b - 1.0).abs() <= by
}

/// Of the larger of two to the smaller.
fn ratio(a: f64, b: f64) -> f64 {
    (a / b).max(b / a)
}

fn latest<T>(kept: &mut Vec<T>, most: usize) {
    let many = kept.len().saturating_sub(most);
    kept.drain(..many);
}

fn seconds(t: Timestamp) -> i64 {
    t.nanos() / 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + 3_600 * hour)
    }

    #[test]
    fn a_machine_of_one_speed_waits_for_no_other() {
        let mut s = Seen::default();
        for hour in 0..10 {
            s.take(at(hour), 24.8 + 0.01 * hour as f64, &[]);
        }
        s.claim(at(10), 3.58, 24.8);
        assert!(s.bears_out(at(10), 3.58, 24.8, 1.05));
    }

    #[test]
    fn one_that_changes_it_does_for_a_day() {
        let mut s = Seen::default();
        s.take(at(0), 12.0, &[]);
        s.take(at(1), 15.0, &[]);
        s.claim(at(1), 3.58, 15.0);
        assert!(!s.bears_out(at(1), 3.58, 15.0, 1.05));
        s.claim(at(20), 3.58, 15.2);
        assert!(!s.bears_out(at(20), 3.58, 15.2, 1.05), "1 % is no other speed");
        assert!(s.bears_out(at(25), 3.58, 15.0, 1.05), "a day has passed");
        s.claim(at(21), 3.58, 12.0);
        assert!(s.bears_out(at(21), 3.58, 12.0, 1.05), "two speeds");
        assert!(!s.bears_out(at(21), 5.42, 12.0, 1.05), "another fault");
        // Of a speed that was left more than a week ago nothing is expected.
        s.take(at(200), 15.0, &[]);
        s.claim(at(200), 3.58, 15.0);
        assert!(s.bears_out(at(200), 3.58, 15.0, 1.05));
    }

    #[test]
    fn what_a_clock_that_ran_ahead_left_is_not_kept_for_long() {
        let mut s = Seen::default();
        let comb = |shaft_hz| [Sighting { hz: 85.0, shaft_hz }];
        s.take(at(0), 12.0, &comb(12.0));
        s.take(at(24 * 365), 15.0, &comb(15.0));
        s.claim(at(24 * 365), 3.58, 15.0);
        s.take(at(1), 12.0, &comb(12.0));
        assert_eq!((s.speeds.len(), s.sightings.len()), (1, 1));
        s.take(at(2), 15.0, &[]);
        s.claim(at(2), 3.58, 15.0);
        assert!(!s.bears_out(at(2), 3.58, 15.0, 1.05));
        assert!(s.bears_out(at(27), 3.58, 15.0, 1.05), "a day after it was seen first");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_latest() {
        let mut s = Seen::default();
        for i in 0..100 {
            let hz = 20.0 * 1.03f64.powi(i);
            s.take(at(i.into()), hz, &[Sighting { hz: 3.0 * hz, shaft_hz: hz }; 3]);
            s.claim(at(i.into()), hz, hz);
        }
        assert_eq!((s.speeds.len(), s.sightings.len(), s.claims.len()), (SPEEDS, SIGHTINGS, CLAIMS));
        let of = |hour, hz| s.elsewhere(at(hour), hz, 1.05).len();
        assert_eq!((of(100, 1.0), of(300, 1.0)), (SIGHTINGS, 0), "a week later none is believed");
        assert_eq!(of(100, s.sightings[0].1.shaft_hz), SIGHTINGS - 2, "at the same speed none says anything");
    }
}

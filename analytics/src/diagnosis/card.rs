//! The machine's model card: what the diagnosis of this machine has been worth so far.
//!
//! A fold over what happened, each with its own time; nothing is read from a clock.

use plant::{Fault, Judgement, Timestamp};
use serde::{Deserialize, Serialize};

use super::known;

/// Days over which alarms are counted.
const MONTH_DAYS: u32 = 30;
/// Faults that are remembered as reported and not yet judged, the oldest forgotten first.
const OPEN: usize = 64;
const DAY_NS: i64 = 86_400_000_000_000;

/// What happens to a machine, as far as its card is concerned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// The machine was in a state from which its baseline learns.
    Learnt,
    /// Its baseline was begun anew, after maintenance.
    Reset,
    /// A diagnosis was shown as an alarm.
    Reported(Fault),
    /// A person judges.
    Judged(Fault, Judgement),
    /// A person takes back what was said last of a fault; as it was counted ([`Card::counted`]).
    Withdrawn(Fault, Judgement),
}

/// The card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Days on which the present baseline learnt.
    pub baseline_days: u32,
    /// Diagnoses that persons confirmed.
    pub confirmed: u32,
    /// Diagnoses that persons dismissed.
    pub dismissed: u32,
    /// Faults that persons found and that were not reported before.
    pub missed: u32,
    /// Judgements on faults that were not reported, or were judged already; they count nowhere.
    pub unmatched: u32,
    /// The last day on which the baseline learnt, days since 1970 UTC.
    learnt: Option<i64>,
    /// The day of the last event, and alarms by day before it: the first is that day itself.
    day: i64,
    alarms: [u32; MONTH_DAYS as usize],
    #[serde(with = "known::faults")]
    open: Vec<Fault>,
}

impl Card {
    /// Takes what happened at `t`. Days never go back: what comes late counts for the day that is under way.
    pub fn step(&mut self, t: Timestamp, event: Event) {
        self.advance(t);
        match event {
            Event::Learnt if self.learnt.is_none_or(|d| d < self.day) => {
                self.baseline_days = self.baseline_days.saturating_add(1);
                self.learnt = Some(self.day);
            }
            Event::Learnt => {}
            Event::Reset => (self.baseline_days, self.learnt) = (0, None),
            Event::Reported(fault) => {
                self.alarms[0] = self.alarms[0].saturating_add(1);
                self.remember(fault);
            }
            Event::Judged(fault, judgement) => match self.counted(fault, judgement) {
                Some(counted) => {
                    self.open.retain(|f| *f != fault);
                    let n = self.count(counted);
                    *n = n.saturating_add(1);
                }
                None => self.unmatched = self.unmatched.saturating_add(1),
            },
            Event::Withdrawn(fault, counted) => {
                let n = self.count(counted);
                *n = n.saturating_sub(1);
                if counted != Judgement::Found {
                    self.remember(fault);
                }
            }
        }
    }

    /// As what a judgement counts now: what was reported and is found is a confirmation, not a miss; what was not reported,
    /// or was judged already, can be neither confirmed nor dismissed.
    #[must_use]
    pub fn counted(&self, fault: Fault, judgement: Judgement) -> Option<Judgement> {
        match (judgement, self.open.contains(&fault)) {
            (Judgement::Found, true) => Some(Judgement::Confirmed),
            (Judgement::Found, false) => Some(Judgement::Found),
            (judgement, true) => Some(judgement),
            (_, false) => None,
        }
    }

    /// Faults that were reported and are not judged yet, the oldest first.
    #[must_use]
    pub fn open(&self) -> &[Fault] {
        &self.open
    }

    /// Alarms of the thirty days up to `t`.
    #[must_use]
    pub fn alarms_a_month(&self, t: Timestamp) -> u32 {
        let mut then = self.clone();
        then.advance(t);
        then.alarms.iter().sum()
    }

    /// The part of the judged diagnoses that were right; `None` before the first judgement.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        let judged = self.confirmed + self.dismissed;
        (judged > 0).then(|| f64::from(self.confirmed) / f64::from(judged))
    }

    fn count(&mut self, judgement: Judgement) -> &mut u32 {
        match judgement {
            Judgement::Confirmed => &mut self.confirmed,
            Judgement::Dismissed => &mut self.dismissed,
            Judgement::Found => &mut self.missed,
        }
    }

    fn remember(&mut self, fault: Fault) {
        if !self.open.contains(&fault) {
            if self.open.len() == OPEN {
                self.open.remove(0);
            }
            self.open.push(fault);
        }
    }

    fn advance(&mut self, t: Timestamp) {
        let day = t.nanos().div_euclid(DAY_NS);
        let passed = day - self.day;
        if passed > 0 {
            let days = self.alarms.len();
            let passed = usize::try_from(passed).unwrap_or(days).min(days);
            self.alarms.rotate_right(passed);
            self.alarms[..passed].fill(0);
            self.day = day;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_000 + 86_400 * d)
    }

    #[test]
    fn a_card_counts_what_happened() {
        let mut c = Card::default();
        for d in 0..5 {
            for _ in 0..3 {
                c.step(day(d), Event::Learnt);
            }
        }
        assert_eq!(c.baseline_days, 5);
        c.step(day(5), Event::Reported(Fault::Imbalance));
        c.step(day(6), Event::Reported(Fault::Rub));
        c.step(day(6), Event::Reported(Fault::Rub));
        assert_eq!(c.precision(), None);
        c.step(day(7), Event::Judged(Fault::Imbalance, Judgement::Confirmed));
        c.step(day(7), Event::Judged(Fault::Rub, Judgement::Dismissed));
        assert_eq!((c.confirmed, c.dismissed, c.precision()), (1, 1, Some(0.5)));
        assert_eq!(c.alarms_a_month(day(8)), 3);
        assert_eq!(c.alarms_a_month(day(35)), 2, "the first is thirty days old");
        assert_eq!(c.alarms_a_month(day(36)), 0);
        assert_eq!(c.alarms_a_month(day(10_000)), 0);
        c.step(day(8), Event::Reset);
        assert_eq!(c.baseline_days, 0);
        c.step(day(8), Event::Learnt);
        assert_eq!(c.baseline_days, 1);
    }

    #[test]
    fn judgements_need_something_to_judge_and_count_once() {
        let mut c = Card::default();
        c.step(day(0), Event::Judged(Fault::Gear, Judgement::Confirmed));
        assert_eq!((c.confirmed, c.unmatched), (0, 1));
        c.step(day(0), Event::Judged(Fault::Gear, Judgement::Found));
        assert_eq!(c.missed, 1);
        c.step(day(1), Event::Reported(Fault::Gear));
        c.step(day(2), Event::Judged(Fault::Gear, Judgement::Found));
        c.step(day(2), Event::Judged(Fault::Gear, Judgement::Confirmed));
        assert_eq!((c.confirmed, c.missed, c.unmatched), (1, 1, 2));
    }

    #[test]
    fn a_judgement_that_slipped_is_taken_back() {
        let mut c = Card::default();
        c.step(day(0), Event::Reported(Fault::Rub));
        let before = c.clone();
        let counted = c.counted(Fault::Rub, Judgement::Dismissed).unwrap();
        c.step(day(0), Event::Judged(Fault::Rub, Judgement::Dismissed));
        assert_eq!((c.dismissed, c.open()), (1, &[][..]));
        assert_eq!(c.counted(Fault::Rub, Judgement::Confirmed), None, "judged already");
        c.step(day(0), Event::Withdrawn(Fault::Rub, counted));
        assert_eq!(c, before);
        // A fault that a person found is not reported by taking that back.
        c.step(day(0), Event::Judged(Fault::Gear, Judgement::Found));
        c.step(day(0), Event::Withdrawn(Fault::Gear, Judgement::Found));
        assert_eq!(c, before);
    }

    #[test]
    fn time_that_goes_back_takes_nothing_away() {
        let mut c = Card::default();
        c.step(day(40), Event::Reported(Fault::Stator));
        c.step(day(2), Event::Reported(Fault::Stator));
        assert_eq!(c.alarms_a_month(day(40)), 2);
        assert_eq!(c.alarms_a_month(day(3)), 2);
    }
}

//! The machine's model card: what the diagnosis of this machine has been worth so far.
//!
//! A fold over what happened, each with its own time; nothing is read from a clock.

use plant::Timestamp;

use super::table::Fault;

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
    /// A person says that a reported diagnosis is right.
    Confirmed(Fault),
    /// A person says that it is wrong.
    Dismissed(Fault),
    /// A person found a fault that was not reported.
    Found(Fault),
}

/// The card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
                if !self.open.contains(&fault) {
                    if self.open.len() == OPEN {
                        self.open.remove(0);
                    }
                    self.open.push(fault);
                }
            }
            Event::Confirmed(fault) => self.judge(fault, |c| &mut c.confirmed),
            Event::Dismissed(fault) => self.judge(fault, |c| &mut c.dismissed),
            // What was reported and is found is a confirmation, not a miss.
            Event::Found(fault) if self.open.contains(&fault) => self.judge(fault, |c| &mut c.confirmed),
            Event::Found(_) => self.missed = self.missed.saturating_add(1),
        }
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

    fn judge(&mut self, fault: Fault, count: impl FnOnce(&mut Self) -> &mut u32) {
        if let Some(i) = self.open.iter().position(|f| *f == fault) {
            self.open.remove(i);
            let n = count(self);
            *n = n.saturating_add(1);
        } else {
            self.unmatched = self.unmatched.saturating_add(1);
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
        c.step(day(7), Event::Confirmed(Fault::Imbalance));
        c.step(day(7), Event::Dismissed(Fault::Rub));
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
        c.step(day(0), Event::Confirmed(Fault::Gear));
        assert_eq!((c.confirmed, c.unmatched), (0, 1));
        c.step(day(0), Event::Found(Fault::Gear));
        assert_eq!(c.missed, 1);
        c.step(day(1), Event::Reported(Fault::Gear));
        c.step(day(2), Event::Found(Fault::Gear));
        c.step(day(2), Event::Confirmed(Fault::Gear));
        assert_eq!((c.confirmed, c.missed, c.unmatched), (1, 1, 2));
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

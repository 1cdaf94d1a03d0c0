//! What time alone does to alarms: a delay that is over, shelving that has ended, a re-alarm.

use std::time::Duration;

use plant::{AlarmKey, Finding, Timestamp, Trigger};

use super::{Alarm, Book, Entry};
use crate::alarm::Event;

impl Book {
    /// Moves the book's time from that of the commit before, at the beginning of a commit.
    pub fn advance(&mut self, before: Timestamp, now: Timestamp, up: u64) {
        let second = |t: Timestamp| t.nanos().div_euclid(1_000_000_000);
        (self.now, self.up, self.another_second) = (now, up, second(before) != second(now));
    }

    /// Does what is due, in the first commit of every second.
    pub fn tick(&mut self, out: &mut Vec<Finding>) {
        if !std::mem::take(&mut self.another_second) {
            return;
        }
        let due = |(key, e): (&AlarmKey, &Entry)| self.is_due(key, e).then(|| key.clone());
        let due: Vec<AlarmKey> = self.entries.iter().filter_map(due).collect();
        for key in due {
            self.delay_over(&key, out);
            if self.entries.get(&key).is_some_and(|e| self.shelving_over(e)) {
                self.inhibit(&key, Trigger::Unshelved { by: None }, self.now, out);
            }
            self.re_alarm(&key, out);
        }
    }

    fn is_due(&self, key: &AlarmKey, e: &Entry) -> bool {
        e.waits.as_ref().is_some_and(|w| w.due <= self.up) || self.shelving_over(e) || self.re_alarm_due(key, e)
    }

    fn shelving_over(&self, e: &Entry) -> bool {
        e.inhibition.shelved.as_ref().is_some_and(|s| s.until <= self.now)
    }

    fn re_alarm_due(&self, key: &AlarmKey, e: &Entry) -> bool {
        let after = || self.rules.of(key)?.re_alarm;
        e.inhibition.outermost().is_none() && e.seen.is_some_and(|t| after().is_some_and(|after| t + after <= self.now))
    }

    fn delay_over(&mut self, key: &AlarmKey, out: &mut Vec<Finding>) {
        let Some(entry) = self.entries.get(key).filter(|e| e.waits.as_ref().is_some_and(|w| w.due <= self.up)) else {
            return;
        };
        let mut a = Alarm { key, entry: entry.clone(), defined: self.rules.of(key) };
        let (on, off) = a.delays();
        let edge = a.entry.delay().expire(on, off);
        if let (Some(edge), Some(waited)) = (edge, a.entry.waits.take()) {
            let event = if edge.raised { Event::Holds } else { Event::Gone };
            // It was over by the platform's own time, which stood still while that was away; and a source whose clock runs
            // ahead makes no alarm of the future.
            let over = self.now - Duration::from_nanos(self.up - waited.due);
            self.take(&mut a, event, edge.t.max(over).min(self.now), waited.detail, None, out);
        }
        self.entries.remove(key);
        self.put(a);
    }

    fn re_alarm(&mut self, key: &AlarmKey, out: &mut Vec<Finding>) {
        let Some(entry) = self.entries.get(key).filter(|e| self.re_alarm_due(key, e)) else { return };
        let mut a = Alarm { key, entry: entry.clone(), defined: self.rules.of(key) };
        self.take(&mut a, Event::Again, self.now, super::Detail::default(), None, out);
        self.entries.remove(key);
        self.put(a);
    }
}

//! What people do to alarms.

use std::sync::Arc;

use plant::{Action, AlarmId, AlarmKey, Finding, Shelving, Timestamp, Trigger};

use super::{Alarm, Book, Detail};
use crate::alarm::Event;

impl Book {
    /// Does what a person asks for at `t`, the commit's time, if it is about an alarm. What changes nothing says nothing.
    pub fn act(&mut self, action: &Action, t: Timestamp, out: &mut Vec<Finding>) {
        match action {
            Action::Acknowledge { alarm, by } => {
                self.seen(*alarm, Event::Acknowledge, Trigger::Acknowledged { by: by.clone() }, t, out);
            }
            Action::Reset { alarm, by } => {
                self.seen(*alarm, Event::Reset, Trigger::Reset { by: by.clone() }, t, out);
            }
            Action::Shelve { alarm, until, reason, by } => self.shelve(alarm, *until, reason, by, t, out),
            Action::Unshelve { alarm, by } => {
                if self.entries.get(alarm).is_some_and(|e| e.inhibition.shelved.is_some()) {
                    self.inhibit(alarm, Trigger::Unshelved { by: Some(by.clone()) }, t, out);
                }
            }
            Action::TakeOutOfService { alarm, reason, by, approved_by } => {
                if !self.is_out(alarm) {
                    let (reason, by, approved_by) = (reason.clone(), by.clone(), approved_by.clone());
                    self.inhibit(alarm, Trigger::OutOfService { by, approved_by, reason }, t, out);
                }
            }
            Action::PutIntoService { alarm, by } => {
                if self.is_out(alarm) {
                    self.inhibit(alarm, Trigger::InService { by: by.clone() }, t, out);
                }
            }
            Action::Judge { .. } | Action::Maintained { .. } => {}
        }
    }

    fn is_out(&self, key: &AlarmKey) -> bool {
        self.entries.get(key).is_some_and(|e| e.inhibition.out_of_service.is_some())
    }

    /// Nothing is shelved into the past, nor for longer than is allowed.
    fn shelve(
        &mut self,
        key: &AlarmKey,
        until: Timestamp,
        reason: &Arc<str>,
        by: &Arc<str>,
        t: Timestamp,
        out: &mut Vec<Finding>,
    ) {
        let until = until.min(t + Shelving::LONGEST);
        let shelved = self.entries.get(key).and_then(|e| e.inhibition.shelved.as_ref());
        if until > t && shelved.is_none_or(|s| s.until != until) {
            self.inhibit(key, Trigger::Shelved { by: by.clone(), until, reason: reason.clone() }, t, out);
        }
    }

    /// Moves the alarm `id`, if there is one, by what somebody has done who has seen it.
    fn seen(&mut self, id: AlarmId, event: Event, trigger: Trigger, t: Timestamp, out: &mut Vec<Finding>) {
        let Some((key, entry)) = self.entries.iter().find(|(k, _)| k.id() == id) else { return };
        let key = key.clone();
        let mut alarm = Alarm { key: &key, entry: entry.clone(), defined: self.rules.of(&key) };
        self.take(&mut alarm, event, t, Detail::default(), Some(trigger), out);
        self.entries.remove(&key);
        self.put(alarm);
    }
}

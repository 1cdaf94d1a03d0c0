//! The book of alarms: every alarm that is not plainly normal, and how it moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use plant::{AlarmId, AlarmKey, AlarmState, AlarmTransition, Evidence, Finding, Priority, Timestamp, Trigger, Unit};

use crate::alarm::{Event, Step, step};

/// A value must have grown by this much to be shown anew while its alarm stands.
const GROWN: f64 = 1.25;

/// Alarms by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Book(pub BTreeMap<AlarmKey, Entry>);

/// One alarm.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub state: AlarmState,
    pub priority: Priority,
    /// The largest value shown since it was raised.
    pub shown: f64,
    /// Whether the loss of its value was said.
    pub lost: bool,
    /// Whether a late excursion was journaled and has not ended.
    pub late: bool,
}

/// What a transition says besides its state.
#[derive(Clone, Debug, Default)]
pub(super) struct Detail {
    pub value: Option<f64>,
    pub limit: Option<f64>,
    pub unit: Option<Unit>,
    pub evidence: Evidence,
}

impl Book {
    /// Whether the condition of `key` holds, as far as the book knows.
    pub fn active(&self, key: &AlarmKey) -> bool {
        self.0.get(key).is_some_and(|e| e.state.active())
    }

    /// Moves the alarm `key` by `event` at `t`.
    pub fn apply(
        &mut self,
        key: &AlarmKey,
        priority: Priority,
        event: Event,
        t: Timestamp,
        detail: Detail,
        out: &mut Vec<Finding>,
    ) {
        let blank = Entry { state: AlarmState::Normal, priority, shown: 0.0, lost: false, late: false };
        let mut entry = self.0.get(key).cloned().unwrap_or(blank);
        if (event == Event::Lost && entry.lost) || (event == Event::HeldLate && entry.late) {
            return;
        }
        let (after, says) = step(entry.state, event);
        match event {
            Event::Lost => entry.lost = true,
            Event::HeldLate => entry.late = entry.late || says == Step::Historical,
            Event::Holds | Event::Renewed | Event::Gone => entry.lost = false,
            Event::Acknowledge => {}
        }
        let size = detail.value.map_or(0.0, f64::abs);
        entry.shown = if says == Step::Raised { size } else { entry.shown.max(size) };
        if event != Event::Acknowledge {
            entry.priority = priority;
        }
        push(key, &entry, after, says, t, detail, None, out);
        entry.state = after;
        self.put(key, entry);
    }

    /// Moves it by "the condition holds", or by "renewed" where it held before and its value has grown since shown.
    pub fn hold(&mut self, key: &AlarmKey, priority: Priority, t: Timestamp, detail: Detail, out: &mut Vec<Finding>) {
        let grown = self.0.get(key).is_some_and(|e| {
            let size = detail.value.map_or(0.0, f64::abs);
            e.state.active() && (size > GROWN * e.shown || e.lost)
        });
        self.apply(key, priority, if grown { Event::Renewed } else { Event::Holds }, t, detail, out);
    }

    /// Ends a late excursion, so that the next one is journaled again.
    pub fn end_late(&mut self, key: &AlarmKey) {
        if let Some(mut e) = self.0.get(key).filter(|e| e.late).cloned() {
            e.late = false;
            self.put(key, e);
        }
    }

    /// Acknowledges the alarm `id`, if there is one to acknowledge.
    pub fn acknowledge(&mut self, id: AlarmId, by: &Arc<str>, t: Timestamp, out: &mut Vec<Finding>) {
        let Some((key, entry)) = self.0.iter().find(|(k, _)| k.id() == id) else { return };
        let (key, mut entry) = (key.clone(), entry.clone());
        let (after, says) = step(entry.state, Event::Acknowledge);
        push(&key, &entry, after, says, t, Detail::default(), Some(by), out);
        entry.state = after;
        self.put(&key, entry);
    }

    /// What is normal and remembers nothing is not kept: the book is bounded by what is wrong.
    fn put(&mut self, key: &AlarmKey, entry: Entry) {
        if entry.state == AlarmState::Normal && !entry.late {
            self.0.remove(key);
        } else {
            self.0.insert(key.clone(), entry);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "each is a field of the transition")]
fn push(
    key: &AlarmKey,
    entry: &Entry,
    to: AlarmState,
    says: Step,
    t: Timestamp,
    detail: Detail,
    by: Option<&Arc<str>>,
    out: &mut Vec<Finding>,
) {
    let trigger = match says {
        Step::None => return,
        Step::Raised => Trigger::Raised,
        Step::Cleared => Trigger::Cleared,
        Step::Acknowledged => Trigger::Acknowledged { by: by.cloned().unwrap_or_else(|| "".into()) },
        Step::Historical => Trigger::Historical,
        Step::Updated => Trigger::Updated,
        Step::ValueLost => Trigger::ValueLost,
    };
    let Detail { value, limit, unit, evidence } = detail;
    let (key, from, priority) = (key.clone(), entry.state, entry.priority);
    out.push(Finding::Alarm(AlarmTransition { key, t, from, to, trigger, priority, value, limit, unit, evidence }));
}

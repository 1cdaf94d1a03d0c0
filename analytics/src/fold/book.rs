//! The book of alarms: every alarm that is not plainly normal, and how it moves.

mod people;
mod rules;
mod time;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use plant::{
    AlarmDefinition, AlarmKey, AlarmState, AlarmTransition, Evidence, Finding, Inhibition, Plant, PointId, Priority,
    Suppressor, Timestamp, Trigger, Unit,
};

use crate::alarm::delay::Delay;
use crate::alarm::{Event, Manner, Step, step};
use rules::Rules;
pub(super) use rules::Tests;

/// A value must have grown by this much to be shown anew while its alarm stands.
const GROWN: f64 = 1.25;

/// Alarms by key, and what they mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Book {
    pub entries: BTreeMap<AlarmKey, Entry>,
    /// Follows the plant's; no part of a snapshot.
    rules: Rules,
    /// The latest usable value of every point that a definition looks at.
    pub levels: BTreeMap<PointId, f64>,
    /// Alarms whose suppression is to be judged in this commit; empty between commits.
    dirty: BTreeSet<AlarmKey>,
    /// The time of the commit, and that for which the platform has been up, ns.
    now: Timestamp,
    up: u64,
    /// Whether the commit is the first of its second.
    another_second: bool,
}

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
    /// The delay that runs, if one does.
    pub waits: Option<Box<Waiting>>,
    /// What keeps it from people.
    pub inhibition: Inhibition,
    /// When it was acknowledged, while it goes on holding.
    pub seen: Option<Timestamp>,
    /// Whether it was raised before the others of its group.
    pub first_out: bool,
}

/// A delay that runs: the condition is other than what counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Waiting {
    /// Since when, by the source's time.
    pub since: Timestamp,
    /// When it is over without another word, in platform-up time, ns: while the platform is away nothing is known.
    pub due: u64,
    /// What is to be said then.
    pub detail: Detail,
}

/// What a transition says besides its state.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Detail {
    pub value: Option<f64>,
    pub limit: Option<f64>,
    pub unit: Option<Unit>,
    pub evidence: Evidence,
}

impl Entry {
    fn normal(priority: Priority) -> Self {
        Self {
            state: AlarmState::Normal,
            priority,
            shown: 0.0,
            lost: false,
            late: false,
            waits: None,
            inhibition: Inhibition::default(),
            seen: None,
            first_out: false,
        }
    }

    /// What is normal and remembers nothing is not kept: the book is bounded by what is wrong.
    fn is_blank(&self) -> bool {
        let Self { state, priority: _, shown: _, lost: _, late, waits, inhibition, seen: _, first_out: _ } = self;
        *state == AlarmState::Normal && !late && waits.is_none() && *inhibition == Inhibition::default()
    }

    fn delay(&self) -> Delay {
        Delay::from_parts(self.state.active(), self.waits.as_ref().map(|w| w.since))
    }
}

impl Book {
    /// A book as it was at the end of a commit at `now`, when the platform had been up for `up` ns.
    pub fn at(now: Timestamp, up: u64, plant: &Plant) -> Self {
        let mut book = Self { now, up, ..Self::default() };
        book.rules.follow(plant);
        book
    }

    /// Takes the definitions over as the plant has them.
    pub fn follow(&mut self, plant: &Plant) {
        if self.rules.follow(plant) {
            self.levels.retain(|point, _| self.rules.watches(point));
            self.dirty.extend(self.rules.suppressible().cloned());
            let suppressed = self.entries.iter().filter(|(_, e)| e.inhibition.suppressed.is_some());
            self.dirty.extend(suppressed.map(|(key, _)| key.clone()));
        }
    }

    /// The definitions of a point's own alarms; `None` where it has none.
    pub fn tests(&self, point: &PointId) -> Option<Tests> {
        self.rules.tests(point)
    }

    /// Takes in a usable value of a point, or that it has none, where a definition looks at it.
    pub fn level(&mut self, point: &PointId, value: Option<f64>) {
        if !self.rules.watches(point) {
            return;
        }
        let before = match value {
            Some(v) => self.levels.insert(point.clone(), v),
            None => self.levels.remove(point),
        };
        if before != value {
            self.dirty.extend(self.rules.silenced_by_point(point).cloned());
        }
    }

    /// Whether the alarm of `key` stands: its condition counts as holding.
    pub fn active(&self, key: &AlarmKey) -> bool {
        self.entries.get(key).is_some_and(|e| e.state.active())
    }

    /// Whether a delay of `key` runs.
    pub fn waits(&self, key: &AlarmKey) -> bool {
        self.entries.get(key).is_some_and(|e| e.waits.is_some())
    }

    /// Whether the condition of `key` holds, as far as the book knows, delays aside.
    pub fn holds(&self, key: &AlarmKey) -> bool {
        self.entries.get(key).is_some_and(|e| e.delay().holds())
    }

    /// Moves the alarm `key` by `event` at `t`. `priority` is that which the condition usually has.
    pub fn apply(
        &mut self,
        key: &AlarmKey,
        priority: Priority,
        event: Event,
        t: Timestamp,
        detail: Detail,
        out: &mut Vec<Finding>,
    ) {
        let mut entry = self.entries.remove(key).unwrap_or_else(|| Entry::normal(priority));
        let defined = self.rules.of(key);
        entry.priority = defined.as_ref().and_then(|d| d.priority).unwrap_or(priority);
        let mut alarm = Alarm { key, entry, defined };
        if event == Event::Lost {
            // Nothing is known of the condition: no delay goes on.
            alarm.entry.waits = None;
        }
        match event {
            Event::Holds | Event::Renewed | Event::Gone => self.condition(&mut alarm, event, t, detail, out),
            Event::Lost if alarm.entry.lost => {}
            Event::HeldLate if alarm.entry.late => {}
            _ => self.take(&mut alarm, event, t, detail, None, out),
        }
        self.put(alarm);
    }

    /// Moves it by "the condition holds", or by "renewed" where it held before and its value has grown since shown.
    pub fn hold(&mut self, key: &AlarmKey, priority: Priority, t: Timestamp, detail: Detail, out: &mut Vec<Finding>) {
        let grown = self.entries.get(key).is_some_and(|e| {
            let size = detail.value.map_or(0.0, f64::abs);
            e.state.active() && (size > GROWN * e.shown || e.lost)
        });
        self.apply(key, priority, if grown { Event::Renewed } else { Event::Holds }, t, detail, out);
    }

    /// Ends a late excursion, so that the next one is journaled again.
    pub fn end_late(&mut self, key: &AlarmKey) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.late = false;
            if entry.is_blank() {
                self.entries.remove(key);
            }
        }
    }

    /// Puts what the condition is through its delays.
    fn condition(&self, a: &mut Alarm<'_>, event: Event, t: Timestamp, detail: Detail, out: &mut Vec<Finding>) {
        let (on, off) = a.delays();
        let holds = event != Event::Gone;
        let mut delay = a.entry.delay();
        let edges = delay.look(holds, t, on, off);
        let waited = a.entry.waits.take();
        if edges == [None, None] && delay.since().is_none() {
            // It is as it was: nothing waits.
            self.take(a, event, t, detail, None, out);
            return;
        }
        for edge in edges.into_iter().flatten() {
            // What was decided before this value is said with what was known then.
            let known = if edge.raised == holds { None } else { waited.as_ref().map(|w| w.detail.clone()) };
            let event = if edge.raised { Event::Holds } else { Event::Gone };
            self.take(a, event, edge.t, known.unwrap_or_else(|| detail.clone()), None, out);
        }
        a.entry.lost = false;
        if let Some(since) = delay.since() {
            let wait = u64::try_from(delay.wait(on, off).as_nanos()).unwrap_or(u64::MAX);
            let due = waited.filter(|w| w.since == since).map_or(self.up.saturating_add(wait), |w| w.due);
            a.entry.waits = Some(Box::new(Waiting { since, due, detail }));
        }
    }

    /// One step of the state machine.
    fn take(
        &self,
        a: &mut Alarm<'_>,
        event: Event,
        t: Timestamp,
        detail: Detail,
        trigger: Option<Trigger>,
        out: &mut Vec<Finding>,
    ) {
        let inhibited = a.entry.inhibition.outermost().is_some();
        let (after, says) = step(a.entry.state, event, Manner { latching: a.latching(), inhibited });
        let entry = &mut a.entry;
        match event {
            Event::Lost => entry.lost = true,
            Event::HeldLate => entry.late = entry.late || says == Step::Historical,
            Event::Holds | Event::Renewed | Event::Gone => entry.lost = false,
            Event::Acknowledge | Event::Reset | Event::Again | Event::Released => {}
        }
        let size = detail.value.map_or(0.0, f64::abs);
        entry.shown = if says == Step::Raised { size } else { entry.shown.max(size) };
        entry.seen = match (says, after.active()) {
            (Step::Acknowledged, true) => Some(t),
            (Step::Raised | Step::ReAlarmed | Step::Released, _) | (_, false) => None,
            _ => entry.seen,
        };
        if says == Step::Raised {
            a.entry.first_out = self.is_first(a.key, a.group());
        }
        a.push(after, says, t, detail, trigger, out);
    }

    /// Whether nothing of its group stands.
    fn is_first(&self, key: &AlarmKey, group: Option<&plant::Name>) -> bool {
        group.is_some_and(|g| !self.rules.group(g).any(|other| other != key && self.active(other)))
    }

    fn put(&mut self, a: Alarm<'_>) {
        self.dirty.extend(self.rules.silenced_by_alarm(a.key).cloned());
        if !a.entry.is_blank() {
            self.entries.insert(a.key.clone(), a.entry);
        }
    }

    /// Suppresses by design, and ends that, where something has changed on which it depends.
    pub fn suppress(&mut self, t: Timestamp, out: &mut Vec<Finding>) {
        while let Some(key) = self.dirty.pop_first() {
            let defined = self.rules.of(&key);
            let holds = |s: &&Suppressor| match s {
                Suppressor::Point { point, is, than } => self.levels.get(point).is_some_and(|v| is.holds(*v, *than)),
                Suppressor::Alarm(other) => self.active(other),
            };
            let silencers = defined.as_ref().map_or(&[][..], |d| &d.suppressed_while);
            let entry = self.entries.get(&key);
            // What came first stays: it says why the others came.
            let first = entry.is_some_and(|e| e.first_out && e.state.active());
            let because = silencers.iter().filter(|s| !(first && matches!(s, Suppressor::Alarm(_)))).find(holds);
            let was = entry.is_some_and(|e| e.inhibition.suppressed.is_some());
            let trigger = match because {
                Some(because) if !was => Trigger::Suppressed { because: because.to_string().into() },
                None if was => Trigger::Unsuppressed,
                _ => continue,
            };
            self.inhibit(&key, trigger, t, out);
        }
    }

    /// Takes in a step that changes what keeps the alarm from people.
    fn inhibit(&mut self, key: &AlarmKey, trigger: Trigger, t: Timestamp, out: &mut Vec<Finding>) {
        let defined = self.rules.of(key);
        let priority = defined.as_ref().and_then(|d| d.priority);
        let blank = || Entry::normal(priority.unwrap_or_else(|| rules::usual_priority(&key.condition)));
        let entry = self.entries.remove(key).unwrap_or_else(blank);
        let mut alarm = Alarm { key, entry, defined };
        alarm.entry.inhibition.take(&trigger, t);
        match alarm.entry.inhibition.outermost() {
            None => self.take(&mut alarm, Event::Released, t, Detail::default(), Some(trigger), out),
            Some(_) => {
                let state = alarm.entry.state;
                alarm.push(state, Step::Released, t, Detail::default(), Some(trigger), out);
            }
        }
        self.put(alarm);
    }
}

/// An alarm while it is moved.
struct Alarm<'a> {
    key: &'a AlarmKey,
    entry: Entry,
    defined: Option<Arc<AlarmDefinition>>,
}

impl Alarm<'_> {
    fn delays(&self) -> (std::time::Duration, std::time::Duration) {
        self.defined.as_ref().map_or_else(Default::default, |d| (d.on_delay, d.off_delay))
    }

    fn latching(&self) -> bool {
        self.defined.as_ref().is_some_and(|d| d.latching)
    }

    fn group(&self) -> Option<&plant::Name> {
        self.defined.as_ref()?.group.as_ref()
    }

    /// Says the step, and takes it. Who did it, where a person did, stands in `trigger`.
    fn push(
        &mut self,
        to: AlarmState,
        says: Step,
        t: Timestamp,
        detail: Detail,
        trigger: Option<Trigger>,
        out: &mut Vec<Finding>,
    ) {
        let from = std::mem::replace(&mut self.entry.state, to);
        let trigger = match says {
            Step::None => return,
            Step::Raised => Trigger::Raised,
            Step::Cleared => Trigger::Cleared,
            Step::Historical => Trigger::Historical,
            Step::Updated => Trigger::Updated,
            Step::ValueLost => Trigger::ValueLost,
            Step::ReAlarmed => Trigger::ReAlarmed,
            Step::Acknowledged | Step::Reset | Step::Released => match trigger {
                Some(trigger) => trigger,
                None => return,
            },
        };
        let Detail { value, limit, unit, evidence } = detail;
        let (key, priority) = (self.key.clone(), self.entry.priority);
        let inhibited = self.entry.inhibition.outermost();
        let first_out = self.entry.first_out && to.active();
        out.push(Finding::Alarm(AlarmTransition {
            key,
            t,
            from,
            to,
            trigger,
            priority,
            value,
            limit,
            unit,
            evidence,
            inhibited,
            first_out,
        }));
    }
}

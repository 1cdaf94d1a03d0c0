//! Alarms of a point's values that are no limits: how fast they change, how far they are from where they should be, and
//! states that call people. They exist where they are defined.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use plant::{
    AlarmCondition, AlarmDefinition, AlarmTest, Evidence, Finding, Observation, Priority, Reference, Timestamp, Unit,
    Value,
};

use super::super::state::State;
use super::{Judged, Measured, move_by};

/// The conditions with their usual priorities, in the order of their bits behind those of the limits.
pub(super) const CONDITIONS: [(AlarmCondition, Priority); 3] = [
    (AlarmCondition::Rate, Priority::Medium),
    (AlarmCondition::Deviation, Priority::Medium),
    (AlarmCondition::Discrete, Priority::Medium),
];
const RATE: u8 = 1 << 4;
const DEVIATION: u8 = 1 << 5;
const DISCRETE: u8 = 1 << 6;

/// The most values of which a rate is made; where more come within its time, those in between are left out.
const MOST: u32 = 64;
/// A rate is measured over at least this part of its time.
const LEAST: f64 = 0.5;

/// The values of which a rate is made, the oldest first.
pub(in crate::fold) type Trace = VecDeque<(Timestamp, f64)>;

/// Holds a number against what is defined of its point.
pub(super) fn hold(
    state: &mut State,
    defined: &[Arc<AlarmDefinition>],
    m: &Measured<'_>,
    unit: Option<Unit>,
    out: &mut Vec<Finding>,
) {
    for definition in defined {
        let band = definition.deadband.unwrap_or(0.0);
        let judged = match &definition.test {
            AlarmTest::Rate { per_s, over } => {
                // A late value tells nothing of how fast the value changes now.
                let Some(rate) = (!m.late).then(|| rate(state, m, *over)).flatten() else { continue };
                let held = state.point(m.point).violated & RATE != 0;
                let holds = beyond(rate.abs(), *per_s, band, held);
                Judged {
                    bit: RATE,
                    condition: AlarmCondition::Rate,
                    value: Some(rate),
                    limit: Some(*per_s),
                    unit: None,
                    holds,
                    priority: Priority::Medium,
                }
            }
            AlarmTest::Deviation { from, limit } => {
                let Some(reference) = reference(state, from) else { continue };
                let held = state.point(m.point).violated & DEVIATION != 0;
                let off = m.value - reference;
                let holds = beyond(off.abs(), *limit, band, held);
                Judged {
                    bit: DEVIATION,
                    condition: AlarmCondition::Deviation,
                    value: Some(off),
                    limit: Some(*limit),
                    unit,
                    holds,
                    priority: Priority::Medium,
                }
            }
            AlarmTest::Usual | AlarmTest::Limit(_) | AlarmTest::Discrete(_) => continue,
        };
        move_by(state, m, judged, out);
    }
}

/// Holds a state against those that call people.
pub(super) fn discrete(
    state: &mut State,
    defined: &[Arc<AlarmDefinition>],
    o: &Observation,
    late: bool,
    out: &mut Vec<Finding>,
) {
    let calls = |d: &Arc<AlarmDefinition>| match &d.test {
        AlarmTest::Discrete(states) => Some(states.iter().any(|s| same(s, &o.value))),
        _ => None,
    };
    let Some(holds) = defined.iter().find_map(calls) else { return };
    let mut evidence = Evidence::default();
    if let Value::Text(text) = &o.value {
        evidence.codes.push(text.clone());
    }
    let value = o.value.as_f64();
    let m = Measured { point: &o.point, t: o.t, value: value.unwrap_or(f64::NAN), late, evidence };
    let (condition, priority) = (AlarmCondition::Discrete, Priority::Medium);
    move_by(state, &m, Judged { bit: DISCRETE, condition, priority, holds, value, limit: None, unit: None }, out);
}

/// Numbers by what they are, texts by their letters: a source may say 1 where another says 1.0 or true.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a == b,
        _ => a.as_f64().is_some_and(|a| b.as_f64() == Some(a)),
    }
}

fn beyond(size: f64, limit: f64, band: f64, held: bool) -> bool {
    size > limit || (held && size > limit - band)
}

fn reference(state: &State, from: &Reference) -> Option<f64> {
    match from {
        Reference::Fixed(v) => Some(*v),
        Reference::Point(point) => state.book.levels.get(point).copied(),
    }
}

/// How fast the value changes, per second, over about `over`; `None` before there is half of that.
fn rate(state: &mut State, m: &Measured<'_>, over: Duration) -> Option<f64> {
    let trace = &mut **state.point(m.point).trace.get_or_insert_default();
    // The one before the window stays, so that the window is full.
    while trace.get(1).is_some_and(|(t, _)| m.t.since(*t) >= over) {
        trace.pop_front();
    }
    let (t, v) = *trace.front().unwrap_or(&(m.t, m.value));
    let apart = m.t.since(t);
    if trace.back().is_none_or(|(last, _)| m.t.since(*last) >= over / MOST) {
        trace.push_back((m.t, m.value));
    }
    (apart.as_secs_f64() >= LEAST * over.as_secs_f64()).then(|| (m.value - v) / apart.as_secs_f64())
}

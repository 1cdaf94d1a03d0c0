//! Single values: shaft speeds are remembered, limits are held.

mod tests;

use std::sync::Arc;

use plant::{
    AlarmCondition, AlarmDefinition, AlarmKey, AlarmTest, Evidence, Finding, Limits, Observation, Point, PointId,
    Priority, Quality, Quantity, Reason, Timestamp, Unit,
};

use super::Settings;
use super::book::Detail;
use super::state::State;
use crate::alarm::{Event, limit};

pub(super) use tests::Trace;

/// Takes one observation in.
pub(super) fn observe(state: &mut State, settings: &Settings, o: &Observation, out: &mut Vec<Finding>) {
    let (now, up) = (state.now, state.up);
    if o.quality == Quality::Bad(Reason::Offline) {
        let point = state.point(&o.point);
        // Word of a death that is older than the point's last word is about an earlier life.
        if o.t >= point.newest && !point.gone {
            point.gone = true;
            state.died(o.point.machine(), o.t);
        }
        lose(state, o, out);
        return;
    }
    let promised = promised(state, &o.point);
    let point = state.point(&o.point);
    let returned = point.gone || point.stale;
    match promised {
        true => point.rhythm = None,
        // A history that is imported says nothing of how often the point speaks now.
        false if o.t < now - settings.late_after => {}
        false => point.learn(o.t, up),
    }
    let late = point.hear(o.t, now, up, settings.late_after);
    state.urgent |= returned;
    if !o.quality.usable() {
        if !late {
            lose(state, o, out);
        }
        return;
    }
    let defined = state.book.tests(&o.point);
    let defined = defined.as_deref().unwrap_or_default();
    tests::discrete(state, defined, o, late, out);
    let Some(value) = o.value.as_f64() else { return };
    if !late {
        state.book.level(&o.point, Some(value));
    }
    let Some(point) = state.plant.point(&o.point).map(|(_, p)| Described::from(p)) else { return };
    if let Some(rpm) = rpm(&point, value) {
        let held = &mut state.point(&o.point).speed;
        if held.is_none_or(|(t, _)| o.t >= t) {
            *held = Some((o.t, rpm));
        }
    }
    let measured = Measured { point: &o.point, t: o.t, value, late, evidence: Evidence::default() };
    tests::hold(state, defined, &measured, point.unit, out);
    hold_limits(state, settings, &point, defined, measured, out);
}

/// Whether the point said how often it speaks.
pub(super) fn promised(state: &State, point: &PointId) -> bool {
    state.plant.point(point).is_some_and(|(_, p)| p.period.is_some())
}

/// A number to hold against the limits of its point.
pub(super) struct Measured<'a> {
    pub point: &'a PointId,
    pub t: Timestamp,
    pub value: f64,
    pub late: bool,
    pub evidence: Evidence,
}

/// What of a point its values need: a copy, so that the state can be changed while it is looked at.
#[derive(Clone)]
pub(super) struct Described {
    pub limits: Limits,
    pub range: Option<(f64, f64)>,
    pub unit: Option<Unit>,
    pub quantity: Option<Quantity>,
}

impl From<&Point> for Described {
    fn from(p: &Point) -> Self {
        let quantity = p.quantity.or(p.unit.map(Unit::quantity));
        Self { limits: p.limits, range: p.range, unit: p.unit, quantity }
    }
}

fn rpm(point: &Described, value: f64) -> Option<f64> {
    if point.quantity != Some(Quantity::RotationalSpeed) {
        return None;
    }
    point.unit?.convert(value, Unit::parse("r/min")?).ok()
}

/// Holds one number against the limits of its point, or those that are `defined` in their place.
pub(super) fn hold_limits(
    state: &mut State,
    settings: &Settings,
    point: &Described,
    defined: &[Arc<AlarmDefinition>],
    m: Measured<'_>,
    out: &mut Vec<Finding>,
) {
    let (violated, late) = {
        let p = state.point(m.point);
        (p.violated, p.late)
    };
    let stands = violated | late;
    // The usual case costs no key: nothing is watched and nothing stands.
    if point.limits == Limits::default() && stands & LIMITS == 0 && defined.is_empty() {
        return;
    }
    for (i, (condition, side, at, priority)) in limit::of(&point.limits).into_iter().enumerate() {
        let bit = 1u8 << i;
        let definition = defined.iter().find(|d| d.key.condition == condition);
        let at = match definition.map(|d| &d.test) {
            Some(AlarmTest::Limit(l)) => Some(*l),
            _ => at,
        };
        let held = violated & bit != 0;
        let band =
            |l| definition.and_then(|d| d.deadband).unwrap_or(limit::deadband(l, point.range, settings.deadband));
        let holds = at.is_some_and(|l| limit::holds(m.value, l, side, band(l), held));
        // The next usual case: it is within them, and was before.
        if !holds && stands & bit == 0 {
            continue;
        }
        let judged = Judged { bit, condition, priority, holds, value: Some(m.value), limit: at, unit: point.unit };
        move_by(state, &m, judged, out);
    }
}

/// The four bits of the limits.
const LIMITS: u8 = 0x0F;

/// What a condition of a point's values is at one of them.
pub(super) struct Judged {
    /// Its bit in [`super::state::PointState::violated`].
    pub bit: u8,
    pub condition: AlarmCondition,
    pub priority: Priority,
    pub holds: bool,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    pub unit: Option<Unit>,
}

/// Moves the alarm of one condition by what it is now.
pub(super) fn move_by(state: &mut State, m: &Measured<'_>, j: Judged, out: &mut Vec<Finding>) {
    let (held, was_late) = {
        let p = state.point(m.point);
        (p.violated & j.bit != 0, p.late & j.bit != 0)
    };
    if !(j.holds || held || was_late) {
        return;
    }
    let key = key(m.point, j.condition);
    let mut evidence = m.evidence.clone();
    evidence.terms.extend(j.value.map(|v| ("value".into(), v)));
    evidence.terms.extend(j.limit.map(|l| ("limit".into(), l)));
    let detail = Detail { value: j.value, limit: j.limit, unit: j.unit, evidence };
    match (m.late, j.holds) {
        (true, true) => state.book.apply(&key, j.priority, Event::HeldLate, m.t, detail, out),
        (true, false) => state.book.end_late(&key),
        (false, true) => state.book.hold(&key, j.priority, m.t, detail, out),
        (false, false) if held => state.book.apply(&key, j.priority, Event::Gone, m.t, detail, out),
        (false, false) => {}
    }
    let p = state.point(m.point);
    let bits = if m.late { &mut p.late } else { &mut p.violated };
    *bits = if j.holds { *bits | j.bit } else { *bits & !j.bit };
}

/// The alarms that stand on this point's values have lost them.
fn lose(state: &mut State, o: &Observation, out: &mut Vec<Finding>) {
    state.book.level(&o.point, None);
    state.point(&o.point).trace = None;
    let violated = state.point(&o.point).violated;
    // Delays are of definitions.
    let delayed = state.book.tests(&o.point).is_some();
    if violated == 0 && !delayed {
        return;
    }
    let limits = limit::of(&Limits::default()).map(|(condition, _, _, priority)| (condition, priority));
    for (i, (condition, priority)) in limits.into_iter().chain(tests::CONDITIONS).enumerate() {
        let key = key(&o.point, condition);
        let bit = 1 << i;
        if violated & bit != 0 || delayed && state.book.waits(&key) {
            // Where it had gone for less than its delay, it is held for what counted: the next value says what it is.
            if state.book.active(&key) {
                state.point(&o.point).violated |= bit;
            }
            let mut detail = Detail::default();
            if let Quality::Bad(reason) | Quality::Uncertain(reason) = o.quality {
                detail.evidence.codes.push(reason.as_str().into());
            }
            state.book.apply(&key, priority, Event::Lost, o.t, detail, out);
        }
    }
}

/// The key of a condition of a point.
pub(super) fn key(point: &PointId, condition: AlarmCondition) -> AlarmKey {
    AlarmKey { machine: point.machine(), point: Some(point.clone()), condition }
}

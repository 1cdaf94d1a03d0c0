//! Single values: shaft speeds are remembered, limits are held.

use plant::{
    AlarmCondition, AlarmKey, Evidence, Finding, Limits, Observation, Point, PointId, Quality, Quantity, Reason,
    Timestamp, Unit,
};

use super::Settings;
use super::book::Detail;
use super::state::State;
use crate::alarm::{Event, limit};

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
    let Some(value) = o.value.as_f64() else { return };
    let Some(point) = state.plant.point(&o.point).map(|(_, p)| Described::from(p)) else { return };
    if let Some(rpm) = rpm(&point, value) {
        let held = &mut state.point(&o.point).speed;
        if held.is_none_or(|(t, _)| o.t >= t) {
            *held = Some((o.t, rpm));
        }
    }
    let measured = Measured { point: &o.point, t: o.t, value, late, evidence: Evidence::default() };
    hold_limits(state, settings, &point.limits, point.range, point.unit, measured, out);
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

/// Holds one number against its limits.
pub(super) fn hold_limits(
    state: &mut State,
    settings: &Settings,
    limits: &Limits,
    range: Option<(f64, f64)>,
    unit: Option<Unit>,
    m: Measured<'_>,
    out: &mut Vec<Finding>,
) {
    let (violated, was_late) = {
        let p = state.point(m.point);
        (p.violated, p.late)
    };
    // The usual case costs no key: nothing is watched and nothing stands.
    if *limits == Limits::default() && violated == 0 && was_late == 0 {
        return;
    }
    let (mut now_violated, mut now_late) = (violated, was_late);
    for (i, (condition, side, at, priority)) in limit::of(limits).into_iter().enumerate() {
        let bit = 1u8 << i;
        let held = violated & bit != 0;
        let holds =
            at.is_some_and(|l| limit::holds(m.value, l, side, limit::deadband(l, range, settings.deadband), held));
        if !(holds || held || was_late & bit != 0) {
            continue;
        }
        let key = key(m.point, condition);
        let mut evidence = m.evidence.clone();
        evidence.terms.insert("value".into(), m.value);
        if let Some(l) = at {
            evidence.terms.insert("limit".into(), l);
        }
        let detail = Detail { value: Some(m.value), limit: at, unit, evidence };
        match (m.late, holds) {
            (true, true) => {
                state.book.apply(&key, priority, Event::HeldLate, m.t, detail, out);
                now_late |= bit;
            }
            (true, false) => {
                state.book.end_late(&key);
                now_late &= !bit;
            }
            (false, true) => {
                state.book.hold(&key, priority, m.t, detail, out);
                now_violated |= bit;
            }
            (false, false) => {
                if held {
                    state.book.apply(&key, priority, Event::Gone, m.t, detail, out);
                }
                now_violated &= !bit;
            }
        }
    }
    let p = state.point(m.point);
    (p.violated, p.late) = (now_violated, now_late);
}

/// The alarms that stand on this point's values have lost them.
fn lose(state: &mut State, o: &Observation, out: &mut Vec<Finding>) {
    let violated = state.point(&o.point).violated;
    if violated == 0 {
        return;
    }
    for (i, (condition, _, _, priority)) in limit::of(&Limits::default()).into_iter().enumerate() {
        if violated & (1 << i) != 0 {
            let mut detail = Detail::default();
            if let Quality::Bad(reason) | Quality::Uncertain(reason) = o.quality {
                detail.evidence.codes.push(reason.as_str().into());
            }
            state.book.apply(&key(&o.point, condition), priority, Event::Lost, o.t, detail, out);
        }
    }
}

/// The key of a condition of a point.
pub(super) fn key(point: &PointId, condition: AlarmCondition) -> AlarmKey {
    AlarmKey { machine: point.machine(), point: Some(point.clone()), condition }
}

//! Silence: points that stopped speaking, machines that are gone.
//!
//! Silence is measured in the time that the platform itself was up. A point is silent after some of its own periods: those
//! that it promised, or, where it promised none and is regular all the same, those that were learnt (see [`rhythm`]). A
//! machine of which every point is silent, or said to be gone, is offline: one alarm for the machine. A point is stale
//! only where its machine went on speaking after the point should have: so an offline machine does not first raise one
//! alarm per point. A point that never spoke is no alarm; the page shows it as without data.

use std::time::Duration;

use plant::{AlarmCondition, AlarmKey, Finding, Machine, MachineId, Priority, Timestamp};

use super::Settings;
use super::book::Detail;
use super::rhythm;
use super::state::{MachineState, PointState, State};
use super::values::key;
use crate::alarm::Event;

/// Silence is judged this often, in platform-up time.
const EVERY: u64 = 1_000_000_000;
/// The kind of the event that reports a machine's death.
const DEATH: &str = "death";

/// Moves time to that of the commit.
pub(super) fn advance(state: &mut State, settings: &Settings, t: Timestamp) {
    let first = state.now == Timestamp::default();
    let step = t.since(state.now);
    state.now = state.now.max(t);
    if first || state.deaf {
        return;
    }
    if step <= settings.gap {
        state.up += nanos(step);
        return;
    }
    // The platform was away: a little time passes.
    state.up += nanos(settings.gap);
    excuse(state, settings);
}

/// Everyone who was not already missed is given grace.
pub(super) fn excuse(state: &mut State, settings: &Settings) {
    let excused = state.up + nanos(settings.grace);
    for machine in state.machines.values_mut().filter(|m| !m.offline) {
        for point in machine.points.values_mut().filter(|p| !p.stale) {
            point.heard = point.heard.max(excused);
        }
    }
}

/// A machine that was reported dead is gone with all its points, also those that deliver records only and so have no
/// value to be marked; unless it has spoken since.
pub(super) fn heard_of_death(state: &mut State, event: &plant::Event) {
    if event.kind.as_str() != DEATH {
        return;
    }
    let Some(machine) = state.machines.get_mut(&event.machine) else { return };
    if machine.points.values().all(|p| p.newest <= event.t) {
        machine.points.values_mut().for_each(|p| p.gone = true);
        state.died(event.machine.clone(), event.t);
    }
}

/// Raises and clears what follows from who spoke and who did not.
pub(super) fn judge(state: &mut State, settings: &Settings, out: &mut Vec<Finding>) {
    if state.up < state.judged + EVERY && !std::mem::take(&mut state.urgent) {
        return;
    }
    state.urgent = false;
    state.judged = state.up;
    let died = std::mem::take(&mut state.died);
    let State { machines, plant, book, up, now, .. } = state;
    for (id, machine) in machines {
        let Some(described) = plant.machines.get(id) else { continue };
        let (gone, silent_for) = gone(machine, described, settings, *up);
        let key = AlarmKey { machine: id.clone(), point: None, condition: AlarmCondition::Offline };
        if gone != machine.offline {
            machine.offline = gone;
            let event = if gone { Event::Holds } else { Event::Gone };
            // A death that was reported is one at its own time; silence is noticed now.
            let t = died.get(id).map_or(*now, |t| *t.min(now));
            book.apply(&key, Priority::High, event, t, silence(silent_for, None), out);
            if !gone {
                // Its points come back one after the other: each has its own time again.
                machine.points.values_mut().for_each(|p| p.heard = p.heard.max(*up));
            }
        }
        stale_points(id, machine, described, settings, (*up, *now), book, out);
    }
}

/// Whether the machine is offline, and for how long the last of its points has been silent.
fn gone(machine: &MachineState, described: &Machine, settings: &Settings, up: u64) -> (bool, Duration) {
    let period = |name: &str| described.points.get(name).and_then(|p| p.period);
    let longest = machine.points.keys().filter_map(|n| period(n)).max();
    let last = machine.points.values().map(|p| p.heard).max().unwrap_or(up);
    let silent_for = Duration::from_nanos(up.saturating_sub(last));
    let mut evidence = false;
    let all = machine.points.iter().all(|(name, p)| {
        // A point without a period promised nothing: it counts as silent after the longest period of its machine. Where
        // no point of it promised any, what was learnt of each.
        let silent = match period(name).or(longest) {
            Some(allowed) => is_silent(p, allowed, settings, up),
            None => learnt(p, up).is_some_and(|(due, _)| up > due),
        };
        evidence |= p.gone || silent;
        p.gone || silent
    });
    (all && evidence, silent_for)
}

fn is_silent(p: &PointState, period: Duration, settings: &Settings, up: u64) -> bool {
    up > deadline(p, period, settings)
}

/// Until when the point may be silent, in platform-up time.
fn deadline(p: &PointState, period: Duration, settings: &Settings) -> u64 {
    p.heard.saturating_add(nanos(period).saturating_mul(u64::from(settings.silent_periods)))
}

/// Until when a point that promised nothing may be silent, in platform-up time, and its period; `None` where it is not
/// regular, or has spoken so lately that it need not be asked.
fn learnt(p: &PointState, up: u64) -> Option<(u64, Duration)> {
    let rhythm = p.rhythm.as_deref()?;
    if !rhythm.complete() || (up <= p.heard.saturating_add(nanos(rhythm::FLOOR)) && !p.stale) {
        return None;
    }
    let learnt = rhythm.learnt()?;
    Some((p.heard.saturating_add(nanos(learnt.allowed)), learnt.period))
}

fn stale_points(
    id: &MachineId,
    machine: &mut MachineState,
    described: &Machine,
    settings: &Settings,
    (up, now): (u64, Timestamp),
    book: &mut super::book::Book,
    out: &mut Vec<Finding>,
) {
    // Who spoke last, and who spoke last among the others.
    let last = machine.points.values().filter(|p| !p.gone).map(|p| p.heard).max().unwrap_or(0);
    for (name, p) in &mut machine.points {
        let Some(described) = described.points.get(name) else { continue };
        let allowed = match described.period {
            Some(period) => Some((deadline(p, period, settings), period)),
            None => learnt(p, up),
        };
        // One that stands and is regular no longer ends when it speaks.
        let (due, period) = match allowed {
            Some((due, period)) => (due, Some(period)),
            None if p.stale => (p.heard, None),
            None => continue,
        };
        let stale = if p.stale { up > due } else { !machine.offline && up > due && last > due };
        if stale == p.stale {
            continue;
        }
        p.stale = stale;
        let Ok(point) = id.point(name) else { continue };
        let event = if stale { Event::Holds } else { Event::Gone };
        let silent = Duration::from_nanos(up.saturating_sub(p.heard));
        book.apply(&key(&point, AlarmCondition::Stale), Priority::Low, event, now, silence(silent, period), out);
    }
}

fn silence(silent: Duration, period: Option<Duration>) -> Detail {
    let mut detail = Detail { value: Some(silent.as_secs_f64()), unit: plant::Unit::parse("s"), ..Detail::default() };
    detail.evidence.terms.insert("silent_s".into(), silent.as_secs_f64());
    if let Some(period) = period {
        detail.limit = Some(period.as_secs_f64());
        detail.evidence.terms.insert("period_s".into(), period.as_secs_f64());
    }
    detail
}

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

//! Work orders, notes, and the past of an alarm.

use historian::JournalEntry;
use plant::{AlarmState, Fault, Note, Plant, Timestamp, Trigger, WorkOrder, WorkOrigin};

use super::alarm::place;
use crate::dto;

pub(crate) fn work_order(plant: &Plant, o: &WorkOrder) -> dto::WorkOrder {
    let step =
        |s: &plant::WorkStep| dto::WorkStep { t: s.t.into(), by: s.by.as_ref().into(), state: s.state.as_str().into() };
    dto::WorkOrder {
        number: o.number,
        revision: u32::try_from(o.revision()).unwrap_or(u32::MAX),
        machine: super::machine_ref(plant, &o.machine),
        origin: origin(plant, &o.origin),
        title: o.title.as_ref().into(),
        state: o.state.as_str().into(),
        planned_for: o.planned_for.map(Into::into),
        assignee: o.assignee.as_deref().map(Into::into),
        finding: o.finding.as_deref().map(Into::into),
        faults: o.faults.iter().map(|f| f.code().to_owned()).collect(),
        parts: o.parts.iter().map(|p| dto::Part { name: p.name.as_ref().into(), quantity: p.quantity }).collect(),
        labour_min: o.labour_min,
        photos: o.photos.iter().map(ToString::to_string).collect(),
        steps: o.steps.iter().map(step).collect(),
    }
}

fn origin(plant: &Plant, origin: &WorkOrigin) -> dto::WorkOrigin {
    let mut told = dto::WorkOrigin {
        kind: "person".into(),
        alarm: None,
        point: None,
        point_title: None,
        condition: None,
        raised: None,
        fault: origin.fault().map(Fault::code).map(Into::into),
    };
    match origin {
        WorkOrigin::Person => {}
        WorkOrigin::Alarm { key, raised } => {
            let (_, point, point_title) = place(plant, key);
            let condition = Some(key.condition.code());
            (told.kind, told.alarm, told.raised) = ("alarm".into(), Some(key.id().to_string()), Some((*raised).into()));
            (told.point, told.point_title, told.condition) = (point, point_title, condition);
        }
        WorkOrigin::Diagnosis(_) => told.kind = "diagnosis".into(),
    }
    told
}

pub(crate) fn note(n: &Note) -> dto::Note {
    dto::Note {
        number: n.number,
        alarm: n.alarm.as_ref().map(|key| key.id().to_string()),
        condition: n.alarm.as_ref().map(|key| key.condition.code()),
        t: n.t.into(),
        by: n.by.as_ref().into(),
        text: n.text.as_ref().into(),
    }
}

/// The times that an alarm was raised before `standing`, from its steps, the newest first, and the work that each called
/// for. Of what was raised before the first of the steps nothing is told.
pub(crate) fn occurrences(
    steps: &[JournalEntry],
    standing: Option<Timestamp>,
    orders: &[WorkOrder],
) -> Vec<dto::Occurrence> {
    let mut found: Vec<dto::Occurrence> = Vec::new();
    for step in steps.iter().rev().map(|e| &e.transition) {
        let last = found.last_mut();
        match &step.trigger {
            Trigger::Raised => found.push(dto::Occurrence {
                raised: step.t.into(),
                cleared: None,
                acknowledged: None,
                work_order: orders.iter().find(|o| o.origin.raised() == Some(step.t)).map(|o| o.number),
            }),
            Trigger::Acknowledged { by } => {
                let seen = dto::Acknowledged { by: by.as_ref().into(), at: step.t.into() };
                if let Some(o) = last.filter(|o| o.acknowledged.is_none()) {
                    o.acknowledged = Some(seen);
                }
            }
            _ if step.from.active() && !step.to.active() => {
                if let Some(o) = last {
                    o.cleared = Some(step.t.into());
                }
            }
            _ => {}
        }
    }
    found.retain(|o| standing.is_none_or(|t| o.raised.0 < t));
    found.reverse();
    found
}

/// Since when the occurrence has been going on that stands, if one does.
pub(crate) fn standing(a: &plant::AlarmRecord) -> Option<Timestamp> {
    (a.state != AlarmState::Normal).then_some(a.raised)
}

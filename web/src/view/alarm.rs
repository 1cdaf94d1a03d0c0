//! Alarms, in the order in which they want to be acted on.

use historian::JournalEntry;
use plant::{
    AlarmDefinition, AlarmKey, AlarmRecord, AlarmState, Evidence, Inhibition, Plant, Priority, Title, Trigger,
};

use super::{texts, title, unit};
use crate::dto;

/// Whether an alarm is of the live lists: it is not normal, or something keeps it from people.
pub(crate) fn shown(a: &AlarmRecord) -> bool {
    a.state != AlarmState::Normal || a.inhibition.outermost().is_some()
}

/// Whether somebody is to acknowledge it: what is kept from people waits for nobody.
pub(crate) fn unacknowledged(a: &AlarmRecord) -> bool {
    a.state.unacknowledged() && a.inhibition.outermost().is_none()
}

/// Whether its condition holds and people are told.
pub(crate) fn active(a: &AlarmRecord) -> bool {
    a.state.active() && a.inhibition.outermost().is_none()
}

/// `all` in the order of the page: unacknowledged first, then open ones, then by urgency, the newest first.
pub(crate) fn alarms(plant: &Plant, mut all: Vec<AlarmRecord>) -> Vec<dto::Alarm> {
    all.sort_by_key(|a| (!unacknowledged(a), !shown(a), a.priority, std::cmp::Reverse(a.changed), a.key.id()));
    all.iter().map(|a| alarm(plant, a)).collect()
}

pub(crate) fn alarm(plant: &Plant, a: &AlarmRecord) -> dto::Alarm {
    let (machine, point, point_title) = place(plant, &a.key);
    let seen = a.acknowledged.as_ref();
    let defined = plant.alarms.get(&a.key);
    let respond = defined.and_then(|d| d.respond_within).filter(|_| a.state == AlarmState::Unacknowledged);
    let text = |of: fn(&AlarmDefinition) -> &Title| defined.map(|d| title(of(d))).unwrap_or_default();
    let Inhibition { shelved, suppressed, out_of_service } = &a.inhibition;
    dto::Alarm {
        id: a.key.id().to_string(),
        machine,
        point,
        point_title,
        condition: a.key.condition.code(),
        state: a.state.as_str().into(),
        priority: priority(a.priority),
        raised: a.raised.into(),
        changed: a.changed.into(),
        acknowledged: seen.map(|(by, at)| dto::Acknowledged { by: by.as_ref().into(), at: (*at).into() }),
        occurrences: a.occurrences,
        value: a.value,
        limit: a.limit,
        unit: a.unit.map(unit),
        evidence: evidence(&a.evidence),
        inhibited: a.inhibition.outermost().map(|i| i.as_str().into()),
        shelved: shelved.as_ref().map(|s| dto::Shelved {
            until: s.until.into(),
            reason: s.reason.as_ref().into(),
            by: s.by.as_ref().into(),
            since: s.since.into(),
        }),
        suppressed: suppressed.as_deref().map(Into::into),
        out_of_service: out_of_service.as_ref().map(|o| dto::OutOfService {
            reason: o.reason.as_ref().into(),
            by: o.by.as_ref().into(),
            approved_by: o.approved_by.as_ref().into(),
            since: o.since.into(),
        }),
        first_out: a.first_out && a.state.active(),
        latching: defined.is_some_and(|d| d.latching),
        respond_by: respond.map(|within| (a.raised + within).into()),
        consequence: text(|d| &d.consequence),
        action: text(|d| &d.action),
        group: defined.and_then(|d| d.group.as_ref()).map(ToString::to_string),
    }
}

pub(crate) fn journal_entry(plant: &Plant, e: &JournalEntry) -> dto::JournalEntry {
    let t = &e.transition;
    let (machine, point, _) = place(plant, &t.key);
    dto::JournalEntry {
        position: format!("{}.{}", e.seq, e.n),
        alarm: t.key.id().to_string(),
        machine,
        point,
        condition: t.key.condition.code(),
        t: t.t.into(),
        from: t.from.as_str().into(),
        to: t.to.as_str().into(),
        trigger: t.trigger.as_str().into(),
        by: t.trigger.by().map(|by| by.as_ref().into()),
        reason: t.trigger.reason().map(|why| why.as_ref().into()),
        until: if let Trigger::Shelved { until, .. } = &t.trigger { Some((*until).into()) } else { None },
        inhibited: t.inhibited.map(|i| i.as_str().into()),
        first_out: t.first_out,
        priority: priority(t.priority),
        value: t.value,
        limit: t.limit,
        unit: t.unit.map(unit),
        evidence: evidence(&t.evidence),
    }
}

/// How many alarms wait or hold.
pub(crate) fn counts<'a>(alarms: impl IntoIterator<Item = &'a AlarmRecord>) -> dto::Counts {
    let mut counts = dto::Counts::default();
    for a in alarms {
        counts.active += u64::from(active(a));
        if unacknowledged(a) {
            let by = &mut counts.unacknowledged;
            *match a.priority {
                Priority::Critical => &mut by.critical,
                Priority::High => &mut by.high,
                Priority::Medium => &mut by.medium,
                Priority::Low => &mut by.low,
            } += 1;
        }
    }
    counts
}

pub(crate) fn priority(p: Priority) -> dto::Priority {
    dto::Priority(p.number())
}

/// Which alarm, with what people call its place.
#[must_use]
pub fn alarm_name(plant: &Plant, key: &AlarmKey, priority: Priority) -> dto::AlarmRef {
    let (machine, point, point_title) = place(plant, key);
    let (id, condition) = (key.id().to_string(), key.condition.code());
    dto::AlarmRef { id, machine, point, point_title, condition, priority: self::priority(priority) }
}

pub(super) fn place(plant: &Plant, key: &AlarmKey) -> (dto::MachineRef, Option<String>, Option<dto::Title>) {
    let known = plant.machines.get(&key.machine);
    let machine = super::machine_ref(plant, &key.machine);
    let name = key.point.as_ref().map(plant::PointId::name);
    let point_title = name.and_then(|n| known?.points.get(n)).map(|p| title(&p.title));
    (machine, name.map(Into::into), point_title)
}

fn evidence(e: &Evidence) -> dto::Evidence {
    let lines = e.lines.iter().map(|l| dto::EvidenceLine {
        label: l.label.as_ref().into(),
        harmonic: l.harmonic,
        hz: l.hz,
        ratio: l.ratio,
    });
    dto::Evidence {
        waveform: e.waveform.map(|w| w.to_string()),
        terms: e.terms.iter().map(|(k, v)| (k.as_ref().to_owned(), *v)).collect(),
        codes: texts(&e.codes),
        lines: lines.collect(),
    }
}

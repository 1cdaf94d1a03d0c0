//! Alarms, in the order in which they want to be acted on.

use historian::JournalEntry;
use plant::{AlarmKey, AlarmRecord, AlarmState, Evidence, Plant, Priority, Trigger};

use super::{texts, title, unit};
use crate::dto;

/// Whether an alarm is shown as open: its condition holds, or nobody has seen it.
pub(crate) fn shown(a: &AlarmRecord) -> bool {
    a.state != AlarmState::Normal
}

pub(crate) fn unacknowledged(a: &AlarmRecord) -> bool {
    matches!(a.state, AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged)
}

/// `all` in the order of the page: unacknowledged first, then open ones, then by urgency, the newest first.
pub(crate) fn alarms(plant: &Plant, mut all: Vec<AlarmRecord>) -> Vec<dto::Alarm> {
    all.sort_by_key(|a| (!unacknowledged(a), !shown(a), a.priority, std::cmp::Reverse(a.changed), a.key.id()));
    all.iter().map(|a| alarm(plant, a)).collect()
}

pub(crate) fn alarm(plant: &Plant, a: &AlarmRecord) -> dto::Alarm {
    let (machine, point, point_title) = place(plant, &a.key);
    let seen = a.acknowledged.as_ref();
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
    }
}

pub(crate) fn journal_entry(plant: &Plant, e: &JournalEntry) -> dto::JournalEntry {
    let t = &e.transition;
    let (machine, point, _) = place(plant, &t.key);
    let by = match &t.trigger {
        Trigger::Acknowledged { by } => Some(by.as_ref().into()),
        _ => None,
    };
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
        by,
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
        counts.active += u64::from(a.state.active());
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
pub fn alarm_name(plant: &Plant, key: &AlarmKey, priority: Priority) -> dto::AlarmName {
    let (machine, point, point_title) = place(plant, key);
    let (id, condition) = (key.id().to_string(), key.condition.code());
    dto::AlarmName { id, machine, point, point_title, condition, priority: self::priority(priority) }
}

fn place(plant: &Plant, key: &AlarmKey) -> (dto::MachineRef, Option<String>, Option<dto::Title>) {
    let known = plant.machines.get(&key.machine);
    let machine = dto::MachineRef {
        site: key.machine.site().into(),
        machine: key.machine.name().into(),
        title: match key.machine.is_ours() {
            true => dto::Title { zh: Some("丹霞平台".into()), en: Some("Danxia platform".into()) },
            false => known.map(|m| title(&m.title)).unwrap_or_default(),
        },
    };
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

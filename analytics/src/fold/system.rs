//! The platform's own state: system alarms of IEC 62682, made of the changes of its [`Condition`]s.
//!
//! A condition is said again at every start of the platform; what was said before changes nothing.

use plant::{AlarmCondition, AlarmKey, AlarmState, Condition, Finding, MachineId, Timestamp, Unit, Value};

use super::book::{Book, Detail};
use crate::alarm::Event;

/// The level of the disk at which nothing is taken from machines.
const STOPPED: &str = "stopped";

/// Takes one condition in, said at `t`.
pub(super) fn observe(book: &mut Book, c: &Condition, t: Timestamp, out: &mut Vec<Finding>) {
    let machine = MachineId::platform();
    let key = AlarmKey { machine, point: None, condition: AlarmCondition::System(c.name.clone()) };
    if !c.active {
        book.apply(&key, c.priority, Event::Gone, t, detail(c), out);
        return;
    }
    let (stands, before) = book.entries.get(&key).map_or((AlarmState::Normal, c.priority), |e| (e.state, e.priority));
    if stands == AlarmState::Acknowledged && c.priority < before {
        // Who has seen a full disk at 90 % has not seen that nothing is taken any more.
        book.apply(&key, before, Event::Gone, t, Detail::default(), out);
    }
    if book.active(&key) && c.priority != before {
        book.apply(&key, c.priority, Event::Renewed, t, detail(c), out);
    } else {
        book.hold(&key, c.priority, t, detail(c), out);
    }
}

/// Whether nothing is taken from machines from now on; `None` where the condition says nothing of that.
pub(super) fn takes_nothing(c: &Condition) -> Option<bool> {
    let stopped = || matches!(c.detail.get("level"), Some(Value::Text(level)) if &**level == STOPPED);
    (c.name.as_str() == Condition::DISK_SPACE).then(|| c.active && stopped())
}

fn detail(c: &Condition) -> Detail {
    let mut detail = Detail::default();
    for (name, value) in &c.detail {
        match (&**name, value, value.as_f64()) {
            ("unit", Value::Text(symbol), _) => detail.unit = Unit::parse(symbol),
            (_, Value::Text(code), _) => detail.evidence.codes.push(code.clone()),
            ("value", _, number) => detail.value = number,
            ("limit", _, number) => detail.limit = number,
            (_, _, Some(number)) => {
                detail.evidence.terms.insert(name.clone(), number);
            }
            (_, _, None) => {}
        }
    }
    detail
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use historian::Batch;
    use plant::{Name, Priority};

    use super::super::tests::journal::{Journal, said};
    use super::*;

    fn disk(priority: Priority, active: bool, used: f64) -> Batch {
        let detail = BTreeMap::from([
            ("value".into(), Value::Float(used)),
            ("limit".into(), Value::Float(90.0)),
            ("unit".into(), Value::Text("%".into())),
            ("free_bytes".into(), Value::Int(5 << 30)),
            ("why".into(), Value::Text("waveforms".into())),
        ]);
        let condition = Condition { name: Name::new(Condition::DISK_SPACE).unwrap(), priority, active, detail };
        Batch { conditions: vec![condition], ..Batch::default() }
    }

    #[test]
    fn while_nothing_is_taken_nobody_is_silent() {
        let mut j = Journal::new();
        j.described(|_| {});
        j.value("temp", 60.0);
        let mut stopped = disk(Priority::Critical, true, 99.0);
        stopped.conditions[0].detail.insert("level".into(), Value::Text(STOPPED.into()));
        assert_eq!(said(&j.step(stopped)), ["system.disk_space raised"]);
        let bytes = j.fold.snapshot();
        j.fold = super::super::Fold::restore(super::super::Settings::default(), &bytes).unwrap();
        assert_eq!(said(&j.heartbeats(300)), [""; 0], "nobody can be heard");
        assert_eq!(said(&j.step(disk(Priority::High, true, 91.0))), ["system.disk_space updated"]);
        assert_eq!(said(&j.heartbeats(60)), [""; 0], "they have time to come back");
        assert_eq!(said(&j.heartbeats(30)), ["offline raised"]);
    }

    #[test]
    fn a_condition_is_an_alarm_of_the_platform_from_its_first_word_to_its_last() {
        let mut j = Journal::new();
        assert_eq!(
            said(&j.step(disk(Priority::High, false, 10.0))),
            [""; 0],
            "said at the start, and nothing is wrong"
        );
        let raised = j.step(disk(Priority::High, true, 91.0));
        let Finding::Alarm(a) = &raised[0] else { panic!("{raised:?}") };
        assert_eq!((a.key.machine.clone(), a.key.point.clone()), (MachineId::platform(), None));
        assert_eq!((a.key.condition.code().as_str(), a.priority), ("system.disk_space", Priority::High));
        assert_eq!((a.value, a.limit, a.unit), (Some(91.0), Some(90.0), Unit::parse("%")));
        assert_eq!(a.evidence.terms, BTreeMap::from([("free_bytes".into(), (5_i64 << 30) as f64)]));
        assert_eq!(a.evidence.codes, ["waveforms".into()]);
        assert_eq!(a.t, j.now);

        assert_eq!(said(&j.step(disk(Priority::High, true, 91.5))), [""; 0], "said once more, as after a restart");
        assert_eq!(said(&j.step(disk(Priority::Critical, true, 99.0))), ["system.disk_space updated"]);
        assert_eq!(said(&j.acknowledge("system.disk_space")), ["system.disk_space acknowledged"]);
        assert_eq!(said(&j.step(disk(Priority::High, true, 92.0))), ["system.disk_space updated"], "less urgent");
        let anew = j.step(disk(Priority::Critical, true, 99.0));
        assert_eq!(said(&anew), ["system.disk_space cleared", "system.disk_space raised"], "seen, and worse since");
        assert_eq!(said(&j.step(disk(Priority::Critical, false, 50.0))), ["system.disk_space cleared"]);
        assert_eq!(said(&j.acknowledge("system.disk_space")), ["system.disk_space acknowledged"]);
        assert_eq!(said(&j.step(disk(Priority::Critical, false, 50.0))), [""; 0]);
    }
}
